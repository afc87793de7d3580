"""HTTP/1.1 as clients use it."""

import os
import re
import socket

import pytest

from http_harness import read_all, read_answer, request, wait_until


def test_headers_of_an_answer(server):
    a = server.get("/small")
    assert (a.status, a.version) == (200, "HTTP/1.1")
    assert a.fields["content-type"] == "application/json" and int(a.fields["content-length"]) == len(a.body)
    assert re.fullmatch(r"[0-9a-f]{16}", a.fields["x-request-id"])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", a.fields["date"])
    assert a.fields["connection"] == "close"
    assert server.get("/small").fields["x-request-id"] != a.fields["x-request-id"]


def test_keep_alive_and_close(server):
    with server.connect() as s:
        for _ in range(3):
            s.sendall(request())
            assert "connection" not in read_answer(s).fields
        s.sendall(request("/small", "GET", "Connection: close"))
        assert read_answer(s).status == 200
        assert s.recv(1) == b""


def test_http_1_0(server):
    with server.connect() as s:
        s.sendall(b"GET /small HTTP/1.0\r\n\r\n")
        assert read_answer(s).fields["connection"] == "close"
        assert s.recv(1) == b""
    with server.connect() as s:
        for _ in range(2):
            s.sendall(b"GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert read_answer(s).fields["connection"] == "keep-alive"


@pytest.mark.parametrize("path", ["/small", "/file/big"])
def test_head_says_the_length_without_the_body(server, tmp_path, path):
    (tmp_path / "big").write_bytes(os.urandom(300000))
    got = server.get(path)
    with server.connect() as s:
        s.sendall(request(path, "HEAD") + request(path, "HEAD", "Connection: close"))
        data = read_all(s)
    heads = data.split(b"\r\n\r\n")
    assert len(heads) == 3 and heads[2] == b""
    assert f"content-length: {len(got.body)}".encode() in heads[0]


def test_304_and_204_have_no_body_and_no_length(server):
    with server.connect() as s:
        kept = [b""]
        s.sendall(request("/small", "GET", 'If-None-Match: "0123456789abcdef0123456789abcdef"'))
        a = read_answer(s, kept=kept)
        assert a.status == 304 and "content-length" not in a.fields and "etag" in a.fields and kept == [b""]
        s.sendall(request("/none"))
        a = read_answer(s, kept=kept)
        assert a.status == 204 and "content-length" not in a.fields and kept == [b""]


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 163840, 3000001])
def test_files_come_whole(server, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    assert server.get("/file/f").body == content
    with server.connect_tls() as s:
        for _ in range(2):
            s.sendall(request("/file/f"))
            assert read_answer(s).body == content


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 163840, 3000001])
def test_bodies_from_memory_come_whole(server, size):
    assert server.get(f"/bytes/{size}").body == b"x" * size
    with server.connect_tls() as s:
        s.sendall(request(f"/bytes/{size}"))
        assert read_answer(s).body == b"x" * size


def test_pipelined_requests_are_answered_in_order(server, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 200000)
    paths = ["/echo/1", "/file/f", "/slow/30", "/echo/2", "/bytes/70000", "/bytes/10", "/echo/3"] * 20
    with server.connect() as s:
        s.sendall(b"".join(request(p) for p in paths))
        kept = [b""]
        for p in paths:
            body = read_answer(s, kept=kept).body
            if p.startswith("/echo"):
                assert body.split(b"|")[1].decode() == p
            elif p.startswith("/bytes"):
                assert body == b"x" * int(p[7:])
            elif p.startswith("/file"):
                assert body == b"f" * 200000
            else:
                assert body == b"at last\n"


def test_a_request_in_single_bytes(server):
    with server.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in request("/echo/x?y=z", "GET", "X-Test: one  two "):
            s.sendall(bytes([b]))
        assert read_answer(s).body.split(b"|")[:6] == [b"GET", b"/echo/x", b"y=z", b"HTTP/1.1", b"a.example",
                                                      b"one  two"]


@pytest.mark.parametrize("fields,body", [
    (("Content-Length: 10",), b"0123456789"),
    (("Transfer-Encoding: chunked",), b"5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\n"),
])
def test_bodies_are_dropped(server, fields, body):
    with server.connect() as s:
        kept = [b""]
        s.sendall((request("/echo/a", "POST", *fields) + body) * 2)
        for _ in range(2):
            assert read_answer(s, kept=kept).body.startswith(b"POST|/echo/a|")
        for b in request("/echo/b", "PUT", *fields) + body:
            s.sendall(bytes([b]))
        assert read_answer(s, kept=kept).body.startswith(b"PUT|/echo/b|")


def test_expect_continue(server):
    with server.connect() as s:
        s.sendall(request("/echo", "POST", "Expect: 100-continue", "Content-Length: 3"))
        assert read_answer(s).status == 100
        s.sendall(b"abc")
        assert read_answer(s).status == 200
    with server.connect() as s:
        s.sendall(request("/echo", "POST", "Expect: 100-continue", "Content-Length: 300000"))
        assert read_answer(s).status == 413


def test_absolute_form(server):
    with server.connect() as s:
        s.sendall(b"GET http://a.example/echo?q HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert read_answer(s).body.startswith(b"GET|/echo|q|")


def test_half_closed_client_gets_its_answer(server, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 3000000)
    with server.connect() as s:
        s.sendall(request("/small") + request("/file/f"))
        s.shutdown(socket.SHUT_WR)
        assert len(read_all(s)) > 3000000


def test_more_connections_than_allowed(serve):
    server = serve(max_connections=3)
    kept = [server.connect() for _ in range(3)]
    for s in kept:
        s.sendall(request())
        assert read_answer(s).status == 200
    with server.connect() as s:
        assert read_all(s) == b""
    for s in kept[1:]:
        s.close()
    wait_until(lambda: one_more_gets_in(server), "a place is free again")
    kept[0].close()
    assert server.wait_stats(connections_open=1)["refused_total"] >= 1


def one_more_gets_in(server):
    try:
        return server.get("/small")
    except ConnectionResetError:
        return None


def test_two_servers_on_one_port(server, serve):
    with pytest.raises(AssertionError, match="did not start"):
        serve(listen=f"127.0.0.1:{server.port}")


@pytest.mark.parametrize("listen,connect,peer", [
    ("[::1]:0", "::1", "[::1]:"), (":0", "127.0.0.1", "127.0.0.1:"), (":0", "::1", "[::1]:"),
    ("localhost:0", "localhost", ""),
])
def test_addresses(serve, listen, connect, peer):
    server = serve(listen=listen, loops=2)
    with socket.create_connection((connect, server.port), timeout=60) as s:
        s.sendall(request("/echo"))
        assert read_answer(s).body.split(b"|")[6].startswith(peer.encode())


@pytest.mark.parametrize("listen", ["127.0.0.1", "nowhere.invalid:0", "127.0.0.1:http", "[::1:0"])
def test_bad_addresses(serve, listen):
    with pytest.raises(AssertionError, match="did not start"):
        serve(listen=listen)
