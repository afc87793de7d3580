"""Bodies that are taken piece by piece: whole, refused, too long, stalled, broken off, and a taker that is slow."""

import hashlib
import os
import subprocess

import pytest

from http_harness import (DATA, END_STREAM, H2, HEADERS, NO_ERROR, RST_STREAM, WINDOW_UPDATE, frame, is_closed,
                          read_all, read_answer, request, reset, wait_until)

WINDOW = 256 * 1024
READ = 64 * 1024


def told(body):
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()


def chunked(body, step):
    parts = [body[i:i + step] for i in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def curl(server, path, body, tmp_path, *options, tls=True):
    (tmp_path / "body").write_bytes(body)
    base = f"https://127.0.0.1:{server.tls_port}" if tls else f"http://127.0.0.1:{server.port}"
    return subprocess.run(["curl", "-sk", "-w", "%{http_code} %{http_version}", "-T", str(tmp_path / "body"),
                           *options, base + path], capture_output=True, check=False).stdout


@pytest.mark.parametrize("size", [1, 16 * 1024, 300 * 1024, 5 << 20])
def test_a_body_with_a_length(server, size):
    body = os.urandom(size)
    with server.connect() as s:
        s.sendall(request("/take/9999999", "PUT", f"Content-Length: {size}") + body)
        assert read_answer(s).body == told(body)
        s.sendall(request("/small"))
        assert read_answer(s).status == 200, "the connection goes on"
    server.wait_stats(taking=0, broken_off=0)


@pytest.mark.parametrize("step", [1, 7, 4096, 100000])
def test_a_chunked_body(server, step):
    body = os.urandom(20000 if step < 100 else 2 << 20)
    with server.connect() as s:
        s.sendall(request("/take/9999999", "PUT", "Transfer-Encoding: chunked") + chunked(body, step))
        assert read_answer(s).body == told(body)
        s.sendall(request("/small"))
        assert read_answer(s).status == 200


def test_a_body_before_connection_close(server):
    with server.connect() as s:
        s.sendall(request("/take/100", "PUT", "Content-Length: 3", "Connection: close"))
        s.sendall(b"abc")
        answer = read_answer(s)
        assert answer.body == told(b"abc") and answer.fields["connection"] == "close"
        assert is_closed(s)


@pytest.mark.parametrize("options", [["--http1.1"], ["--http2"], ["--http1.1", "-H", "Transfer-Encoding: chunked"]])
@pytest.mark.parametrize("path", ["/take/99999999", "/lazy/1"])
def test_curl(server, tmp_path, options, path):
    body = os.urandom(8 << 20)
    out = curl(server, path, body, tmp_path, *options)
    assert out.startswith(told(body)) and out.split()[-2] == b"200"
    assert server.stats()["most_untaken"] <= WINDOW + READ


def test_who_expects_100_is_told_when_the_body_is_wanted(server):
    with server.connect() as s:
        s.sendall(request("/take/10", "PUT", "Content-Length: 3", "Expect: 100-continue"))
        assert read_answer(s).status == 100
        s.sendall(b"abc")
        assert read_answer(s).body == told(b"abc")
    with server.connect() as s:
        s.sendall(request("/refuse", "PUT", "Content-Length: 3", "Expect: 100-continue"))
        answer = read_answer(s)
        assert answer.status == 403 and answer.fields["connection"] == "close"
        assert is_closed(s)


def test_refused_before_the_body(server, tmp_path):
    """The client gets the answer though it goes on sending for a while."""
    with server.connect() as s:
        s.sendall(request("/refuse", "PUT", "Content-Length: 900000000") + bytes(100000))
        assert read_answer(s).status == 403
        assert is_closed(s)
    for options in (["--http1.1", "-H", "Expect:"], ["--http1.1"], ["--http2"]):
        for size in (1, 100_000, 4 << 20):
            out = curl(server, "/refuse", os.urandom(size), tmp_path, *options)
            assert out.split()[-2] == b"403", options
    server.wait_stats(taking=0, requests_active=1)


def test_refused_before_the_body_over_http2(server):
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/refuse", "PUT", end=False)
        assert h2.answer(stream)[0] == 403
        assert h2.answer(h2.request("/small"))[0] == 200
        f = h2.read_until(lambda kind, flags, at, payload: kind == RST_STREAM and at == stream)
        assert int.from_bytes(f[3], "big") == NO_ERROR
        h2.send(frame(DATA, END_STREAM, stream, bytes(1000)))  # was on its way
        assert h2.answer(h2.request("/small"))[0] == 200, "the connection goes on"


def test_who_goes_on_sending_after_a_refusal_is_cut_off(server):
    """The window stays open for a while: two seconds, or a megabyte."""
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/refuse", "PUT", end=False)
        assert h2.answer(stream)[0] == 403
        sent, credit = 0, {0: 65535, stream: 65535}
        while True:
            while min(credit.values()) >= 16000:
                h2.send(frame(DATA, 0, stream, bytes(16000)))
                sent += 16000
                credit = {at: n - 16000 for at, n in credit.items()}
            kind, _, at, payload = h2.read_frame()
            if kind == RST_STREAM:
                break
            if kind == WINDOW_UPDATE and at in credit:
                credit[at] += int.from_bytes(payload, "big")
        assert at == stream and int.from_bytes(payload, "big") == NO_ERROR
        assert 65535 - 16000 <= sent < 3 << 19


@pytest.mark.parametrize("fields", [["Content-Length: 2000"], ["Transfer-Encoding: chunked"]])
def test_too_long(server, fields):
    body = bytes(2000) if "Length" in fields[0] else chunked(bytes(2000), 100)
    with server.connect() as s:
        s.sendall(request("/take/1000", "PUT", *fields) + body)
        assert read_answer(s).status == 413
        assert is_closed(s)
    server.wait_stats(taking=0, broken_off=1)


def test_too_long_over_http2(server):
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/take/1000", "PUT", end=False)
        h2.send(frame(DATA, 0, stream, bytes(1001)))
        assert h2.answer(stream)[0] == 413
        assert h2.answer(h2.request("/small"))[0] == 200
    server.wait_stats(taking=0, broken_off=1)


def test_answered_in_the_middle(server, tmp_path):
    with server.connect() as s:
        s.sendall(request("/midway/5000", "PUT", "Content-Length: 1000000") + bytes(20000))
        answer = read_answer(s)
        assert answer.status == 507 and answer.fields["connection"] == "close"
        assert is_closed(s)
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/midway/5000", "PUT", end=False)
        h2.send(frame(DATA, 0, stream, bytes(10000)))
        assert h2.answer(stream)[0] == 507
    server.wait_stats(taking=0, broken_off=0, requests_active=1)


def test_malformed_in_the_middle(server):
    with server.connect() as s:
        s.sendall(request("/take/1000", "PUT", "Transfer-Encoding: chunked") + b"3\r\nabc\r\nnonsense")
        assert read_answer(s).status == 400
        assert is_closed(s)
    server.wait_stats(taking=0, broken_off=1)


def test_a_client_that_leaves(server):
    for how in ["Content-Length: 1000", "Transfer-Encoding: chunked"]:
        with server.connect() as s:
            s.sendall(request("/take/1000", "PUT", how) + b"3\r\nabc\r\n")
            wait_until(lambda: server.stats()["taking"] == 1, "the body has begun")
        server.wait_stats(taking=0)
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/take/1000", "PUT", end=False)
        h2.send(frame(DATA, 0, stream, b"abc"))
        wait_until(lambda: server.stats()["taking"] == 1, "the body has begun")
        h2.send(frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big")))
        wait_until(lambda: server.stats()["taking"] == 0, "the stream was let go of")
        assert h2.answer(h2.request("/small"))[0] == 200
        wrong = h2.request("/take/1000", "PUT", [("content-length", "5")], end=False)
        h2.send(frame(DATA, END_STREAM, wrong, b"abc"))
        assert h2.answer(wrong)[0] is None, "a length that is not kept"
    server.wait_stats(taking=0, broken_off=4)


def test_a_body_that_stalls(serve):
    server = serve(body_timeout_ms=200, header_timeout_ms=100000)
    with server.connect() as s:
        s.sendall(request("/take/1000", "PUT", "Content-Length: 1000") + b"abc")
        assert read_answer(s).status == 408
        assert is_closed(s)
    with server.connect() as s:
        h2 = H2(s)
        stream = h2.request("/take/1000", "PUT", end=False)
        h2.send(frame(DATA, 0, stream, b"abc"))
        assert h2.answer(stream)[0] is None
    server.wait_stats(taking=0, broken_off=2)


def test_a_body_that_trickles(serve):
    """A byte now and then is no progress."""
    server = serve(body_timeout_ms=300)
    with server.connect() as s:
        s.sendall(request("/take/1000", "PUT", "Content-Length: 1000"))
        s.settimeout(0.02)
        data = b""
        while not data:
            try:
                s.sendall(b"x")
                data = s.recv(1000)
            except TimeoutError:
                continue
        assert b" 408 " in data


def test_a_slow_taker_is_not_the_clients_fault(serve):
    """While the taker has all it can hold, no time runs, and nothing more is read."""
    server = serve(body_timeout_ms=100)
    body = bytes(4 * WINDOW)
    with server.connect() as s:
        s.sendall(request("/lazy/300", "PUT", f"Content-Length: {len(body)}") + body)
        assert read_answer(s).body == told(body)
    assert server.stats()["most_untaken"] <= WINDOW + READ


def test_a_slow_taker_closes_the_window_of_its_stream_alone(server):
    with server.connect() as s:
        h2 = H2(s)
        slow = h2.request("/lazy/86400000", "PUT", end=False)
        for _ in range(WINDOW // 16384):
            h2.send(frame(DATA, 0, slow, bytes(16384)))
        wait_until(lambda: server.stats()["most_untaken"] == WINDOW, "all of the window is used")
        body = os.urandom(200000)
        other = h2.request("/take/1000000", "PUT", end=False)
        for i in range(0, len(body), 16000):
            h2.send(frame(DATA, 0, other, body[i:i + 16000]))
        h2.send(frame(DATA, END_STREAM, other))
        opened = []

        def is_answer(kind, flags, at, payload):
            opened.extend([at] if kind == WINDOW_UPDATE else [])
            return kind == HEADERS and at == other

        assert h2.read_until(is_answer)
        assert opened.count(slow) == 1, "once to its full size, and not again"
        h2.send(frame(DATA, 0, slow, b"x"))
        f = h2.read_until(lambda kind, flags, at, payload: kind == RST_STREAM and at == slow)
        assert f and int.from_bytes(f[3], "big") == 3, "FLOW_CONTROL_ERROR for who sends beyond it"
    server.wait_stats(taking=0, broken_off=1)


def test_dropped_bodies_open_their_windows(server):
    """Bodies that nobody takes do not use up the window of the connection."""
    with server.connect() as s:
        h2 = H2(s)
        for _ in range(20):
            stream = h2.request("/echo", "POST", end=False)
            h2.send(frame(DATA, 0, stream, bytes(16000)), frame(DATA, END_STREAM, stream, bytes(16000)))
            assert h2.answer(stream)[0] == 200


def test_memory_is_bounded(server):
    before = server.memory_bytes()
    connections = [server.connect() for _ in range(10)]
    for s in connections:
        s.setblocking(False)
        s.send(request("/lazy/86400000", "PUT", "Content-Length: 100000000"))
        with pytest.raises(BlockingIOError):
            while True:
                s.send(bytes(1 << 20))
    wait_until(lambda: server.stats()["taking"] == 10, "all are under way")
    assert server.memory_bytes() - before < 30 << 20
    for s in connections:
        reset(s)
    server.wait_stats(taking=0, broken_off=10)


def test_a_drain_waits_for_a_body(server):
    with server.connect() as s:
        s.sendall(request("/take/100", "PUT", "Content-Length: 6") + b"abc")
        wait_until(lambda: server.stats()["taking"] == 1, "the body has begun")
        server.signal(15)
        s.sendall(b"def")
        assert told(b"abcdef") in read_all(s)
