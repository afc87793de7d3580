"""HTTP/1.1 from those who mean harm: smuggling, slowness, sizes, leaving."""

import os
import re
import resource
import socket
import threading
import time

import pytest

from http_harness import is_closed, read_all, read_answer, read_head, request, reset, wait_until

SMUGGLED = b"GET /echo/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST /echo/outer HTTP/1.1\r\nHost: a.example\r\n"

SHAPES = {
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "equal lengths": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n",
    "signed length": POST + b"Content-Length: +0\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two encodings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "list of encodings": POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "unknown encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "encoding in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "blank before colon": POST + b"Content-Length : 0\r\n\r\n",
    "folded length": POST + b"X: y\r\n Content-Length: 5\r\n\r\n",
    "folded encoding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare LF after a line": POST + b"X: y\nContent-Length: 5\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR": POST + b"X: y\rContent-Length: 5\r\n\r\n",
    "NUL in a value": POST + b"X: y\0z\r\n\r\n",
    "control in a name": POST + b"X\x0b: y\r\n\r\n",
    "chunk size with LF": POST + b"Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    "chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "chunk size signed": POST + b"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
    "chunk size blank": POST + b"Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
    "chunk data too long": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "LF in a chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "other host in the target": b"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "blank in the target": b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
    "0.9": b"GET /\r\n",
    "2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "two empty lines": b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", SHAPES)
def test_one_error_and_nothing_after_it(server, name):
    with server.connect() as s:
        s.sendall(SHAPES[name] + SMUGGLED)
        data = read_all(s)
    assert len(re.findall(rb"HTTP/1.1 \d\d\d ", data)) == 1 and b"smuggled" not in data, data
    assert data.split(b" ", 2)[1] in (b"400", b"501", b"505"), data
    assert b"\r\nconnection: close\r\n" in data
    assert server.wait_stats(connections_open=1, requests_active=1)["bad_requests_total"] == 1


def test_a_good_request_before_the_bad_one_is_answered(server):
    with server.connect() as s:
        s.sendall(request("/echo/good") + SHAPES["bare CR"] + SMUGGLED)
        kept = [b""]
        assert read_answer(s, kept=kept).body.startswith(b"GET|/echo/good|")
        assert read_answer(s, kept=kept).status == 400
        assert kept == [b""] and read_all(s) == b""


@pytest.mark.parametrize("data,status", [
    (b"GET /" + b"a" * 40000, 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 200, 431),
    (request("/", "POST", "Content-Length: 70000"), 413),
    (request("/", "POST", "Transfer-Encoding: chunked") + b"4000\r\n" + (b"a" * 16384 + b"\r\n4000\r\n") * 5, 413),
    (request("/", "POST", "Transfer-Encoding: chunked") + b"1;" + b"a" * 9000, 431),
    (request("/", "POST", "Transfer-Encoding: chunked") + b"0\r\n" + b"a: b\r\n" * 2000, 431),
])
def test_sizes(server, data, status):
    with server.connect() as s:
        s.sendall(data)
        assert read_answer(s).status == status
        assert is_closed(s)
    server.wait_stats(connections_open=1, requests_active=1)


def drip(s, data):
    try:
        for b in data:
            s.sendall(bytes([b]))
            time.sleep(0.02)
    except OSError:
        pass


@pytest.mark.parametrize("start,endless", [
    (b"", b"GET /"), (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
    (request("/", "POST", "Content-Length: 60000"), b"a"), (b"", b"PRI * HTTP/2.0"),
])
def test_slow_loris(serve, start, endless):
    server = serve(header_timeout_ms=400)
    with server.connect() as s:
        s.sendall(start)
        threading.Thread(target=drip, args=(s, endless * 2000), daemon=True).start()
        data = read_all(s)
        assert data == b"" or data.startswith(b"HTTP/1.1 408 ")
    server.wait_stats(connections_open=1, requests_active=1)


def test_silence(serve):
    server = serve(header_timeout_ms=300, idle_timeout_ms=500)
    with server.connect() as s:
        assert read_all(s) == b""
    with server.connect() as s:
        s.sendall(request())
        assert read_answer(s).status == 200
        assert read_all(s) == b""


def test_who_does_not_read_is_left(serve, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * (64 << 20))
    server = serve(send_timeout_ms=400)
    before = server.descriptors()
    with server.connect() as s:
        s.sendall(request("/file/f"))
        wait_until(lambda: server.stats()["broken"] == 1, "the answer is broken off")
    server.wait_stats(connections_open=1, requests_active=1)
    assert server.descriptors() <= before + 1 + 1  # the test server keeps one descriptor of the file


def test_a_slow_reader_is_served(serve, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * (16 << 20))
    server = serve(send_timeout_ms=1000)
    with server.connect() as s:
        s.sendall(request("/file/f", "GET", "Connection: close"))
        got = 0
        while data := s.recv(1 << 20):
            got += len(data)
            time.sleep(0.02)
    assert got > 16 << 20


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
def test_leaving_in_the_middle_of_a_file(server, tmp_path, leave):
    (tmp_path / "f").write_bytes(b"f" * (64 << 20))
    server.get("/stats")
    for i in range(10):
        s = server.connect() if i % 2 else server.connect_tls()
        s.sendall(request("/file/f"))
        assert s.recv(1000)
        leave(s)
    server.wait_stats(connections_open=1, requests_active=1, broken=10)
    assert server.descriptors() < 20


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
@pytest.mark.parametrize("is_tls", [False, True])
def test_leaving_while_parked(server, leave, is_tls):
    clients = [server.connect_tls() if is_tls else server.connect() for _ in range(10)]
    for s in clients:
        s.sendall(request("/park"))
    server.wait_stats(parked=10)
    for s in clients:
        leave(s)
    server.wait_stats(parked=0, gone=10, connections_open=1, requests_active=1)


def test_leaving_with_the_request(server):
    with server.connect() as s:
        s.sendall(request("/park"))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    server.wait_stats(parked=0, gone=1)


def test_more_input_while_parked_is_bounded(serve):
    """The server must not read on and keep it."""
    server = serve(drain_ms=100)
    with server.connect() as s:
        s.sendall(request("/park"))
        server.wait_stats(parked=1)
        before = server.memory_bytes()
        s.settimeout(0.5)
        try:
            for _ in range(200):
                s.sendall(request("/small") * 20000)
        except TimeoutError:
            pass
        assert server.memory_bytes() < before + (4 << 20)


def test_endless_pipelining_does_not_starve_others(server):
    stop = threading.Event()

    def flood():
        with server.connect() as s:
            def drain():
                while not stop.is_set() and s.recv(1 << 20):
                    pass
            threading.Thread(target=drain, daemon=True).start()
            while not stop.is_set():
                s.sendall(request("/small") * 1000)

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    for _ in range(20):
        assert server.get("/small").status == 200
    stop.set()
    thread.join(10)


def test_a_file_that_is_cut_short_under_us(server, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 400000)
    assert len(server.get("/file/f").body) == 400000
    os.truncate(tmp_path / "f", 100000)
    with server.connect() as s:
        s.sendall(request("/file/f"))
        head = read_head(s)
        assert head[0] == 200
        assert len(head[3]) + len(read_all(s)) <= 100000
    assert server.get("/small").status == 200


def test_running_out_of_descriptors(server):
    """Accepting pauses and goes on; nobody who is connected notices."""
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (30, 30))
    with server.connect() as kept:
        kept.sendall(request())
        assert read_answer(kept).status == 200
        crowd = [server.connect() for _ in range(40)]
        for _ in range(20):
            kept.sendall(request())
            assert read_answer(kept).status == 200
        for s in crowd:
            s.close()
        assert server.get("/small").status == 200
