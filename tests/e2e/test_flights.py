"""Many askers, one fetch; and askers that leave."""

import socket
import struct
import time

import pytest

from harness import artefacts, newest, together, wait_until

pytestmark = pytest.mark.threads


def address(gateway):
    host, port = gateway.address.rsplit(":", 1)
    return host, int(port)


def test_one_fetch_however_many_wait(gateway, upstream):
    upstream.fault("*", "slow", delay_ms=300)
    for module, suffix in (("gen.example.com/m9", ".zip"), ("gen.example.com/m6", ".info"),
                           ("gen.example.com/m0", ".mod")):
        path = newest(upstream.tree, module) + suffix
        answers = together(50, lambda i, path=path: gateway.get(path))
        for answer in answers:
            assert not isinstance(answer, Exception), answer
            assert answer.status == 200 and answer.body == answers[0].body
        assert upstream.count(path) == 1, upstream.requests()


def test_the_mod_comes_along(gateway, upstream):
    """Who asks for .info asks for .mod next: it is there by then, and nothing else was fetched."""
    stem = newest(upstream.tree, "gen.example.com/m6")
    assert gateway.get(stem + ".info").status == 200
    wait_until(lambda: gateway.metric("modgate_flights") == 0, "no flights")
    assert [upstream.count(stem + suffix) for suffix in (".info", ".mod", ".zip")] == [1, 1, 0]
    upstream.fault("*", "hang")
    assert gateway.get(stem + ".mod").body == upstream.file(stem + ".mod")


def test_who_asks_for_the_mod_waits_for_the_one_that_comes_along(gateway, upstream):
    stem = newest(upstream.tree, "gen.example.com/m6")
    upstream.fault("*.mod", "slow", delay_ms=500)
    assert gateway.get(stem + ".info").status == 200
    assert gateway.get(stem + ".mod").status == 200
    assert upstream.count(stem + ".mod") == 1


def test_one_fetch_for_all_is_one_failure_for_all(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--fetch-retries", "0")
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    upstream.fault("*" + path, "stall")
    answers = together(20, lambda i: gateway.get(path))
    assert {a.status for a in answers} == {504}
    upstream.no_faults()
    assert gateway.get(path).status == 200


def test_waiters_that_leave_are_forgotten(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    upstream.fault("*" + path, "slow", delay_ms=800)
    links = []
    for _ in range(40):
        link = socket.create_connection(address(gateway))
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        links.append(link)
    wait_until(lambda: gateway.metric("modgate_singleflight_waiters") == 40, "40 waiters")
    for link in links:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    wait_until(lambda: gateway.metric("modgate_singleflight_waiters") == 0, "no waiters")
    wait_until(lambda: gateway.metric("modgate_flights") == 0, "no flights")
    assert gateway.get(path).status == 200


def test_clients_that_vanish_in_the_middle_of_a_zip(gateway, upstream):
    path = max((p for p in artefacts(upstream.tree) if p.endswith(".zip")), key=lambda p: len(upstream.file(p)))
    assert gateway.get(path).status == 200
    for _ in range(30):
        link = socket.create_connection(address(gateway))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert link.recv(1000)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    # The one connection is the one that asks.
    wait_until(lambda: gateway.metric("modgate_http_connections_open") <= 1, "no connection left behind")
    assert gateway.get(path).body == upstream.file(path)


def test_slow_misses_do_not_delay_hits(gateway, upstream):
    hit = newest(upstream.tree, "gen.example.com/m0") + ".mod"
    assert gateway.get(hit).status == 200
    upstream.fault("*", "slow", delay_ms=3000)
    misses = [newest(upstream.tree, m) + ".zip" for m in ("gen.example.com/m6", "gen.example.com/m9",
                                                        "gen.example.com/m10", "gopkg.in/gen3.v3")]
    links = []
    for path in misses:
        link = socket.create_connection(address(gateway))
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        links.append(link)
    wait_until(lambda: gateway.metric("modgate_flights") >= 4, "four flights")
    started = time.monotonic()
    for _ in range(50):
        assert gateway.get(hit).status == 200
    assert time.monotonic() - started < 2.5, "hits waited for misses"
    for link in links:
        link.close()


def test_a_full_lane_answers_503_at_once(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--lanes-upstream-threads", "1", "--lanes-upstream-queue", "1")
    upstream.fault("*", "hang")
    paths = [newest(upstream.tree, m) + ".mod" for m in
             ("gen.example.com/m0", "gen.example.com/m6", "gen.example.com/m9", "gen.example.com/m10",
              "gopkg.in/gen3.v3", "gen.example.com/m7")]
    answers = together(len(paths), lambda i: gateway.get(paths[i]))
    refused = [a for a in answers if a.status == 503]
    assert len(refused) >= len(paths) - 2
    assert all(a["retry-after"] for a in refused)
