"""The graceful end: what runs is finished, what waits is closed, nothing new comes in."""

import signal
import socket
import threading
import time

import pytest

from http_harness import GOAWAY, H2, NO_ERROR, PATIENCE_S, read_all, read_answer, request, wait_until


def is_refused(server):
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_drain_of_http1(serve):
    server = serve(drain_ms=60000)
    idle, fresh, slow = server.connect(), server.connect(), server.connect()
    idle.sendall(request())
    assert read_answer(idle).status == 200
    slow.sendall(request("/slow/700"))
    server.wait_stats(parked=1)
    server.signal(signal.SIGTERM)
    assert read_all(idle) == b"" and read_all(fresh) == b""
    wait_until(lambda: is_refused(server), "new connections are refused")
    a = read_answer(slow)
    assert (a.status, a.body, a.fields["connection"]) == (200, b"at last\n", "close")
    assert server.process.wait(PATIENCE_S) == 0


def test_drain_finishes_a_file(serve, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * (32 << 20))
    server = serve(drain_ms=60000, tls=True)
    clients = [server.connect(), server.connect_tls()]
    for s in clients:
        s.sendall(request("/file/f"))
        assert s.recv(1000)
    server.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(server), "new connections are refused")
    for s in clients:
        assert len(read_all(s)) > (32 << 20) - 1000
    assert server.process.wait(PATIENCE_S) == 0


def test_drain_ends_at_its_time(serve):
    server = serve(drain_ms=300)
    with server.connect() as s:
        s.sendall(request("/park"))
        server.wait_stats(parked=1)
        server.signal(signal.SIGTERM)
        assert read_all(s) == b""
    assert server.process.wait(PATIENCE_S) == 0


def test_drain_of_http2(serve):
    server = serve(drain_ms=60000, tls=True)
    h, idle = H2(server.connect_tls(alpn=("h2",))), H2(server.connect_tls(alpn=("h2",)))
    assert idle.answer(idle.request())[0] == 200
    stream = h.request("/slow/700")
    server.wait_stats(parked=1)
    server.signal(signal.SIGTERM)
    assert idle.goaway() == NO_ERROR
    f = h.read_until(lambda kind, *_: kind == GOAWAY)
    assert int.from_bytes(f[3][:4], "big") == stream and f[3][4:8] == bytes(4)
    assert h.answer(stream)[2] == b"at last\n"
    assert h.read_until(lambda *_: False) is None
    assert server.process.wait(PATIENCE_S) == 0


@pytest.mark.threads
def test_drain_under_load_breaks_nothing(serve):
    """Each request that was sent before the connection was closed gets a whole answer or none."""
    server = serve(loops=2, drain_ms=60000)
    cut = []

    def client():
        while True:
            try:
                with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as s:
                    while True:
                        s.sendall(request("/bytes/50000"))
                        a = read_answer(s)
                        if a is None:
                            break
                        if a.fields.get("connection") == "close":
                            break
            except ConnectionRefusedError:
                return
            except (ConnectionResetError, BrokenPipeError):
                continue
            except AssertionError as e:
                cut.append(e)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    server.signal(signal.SIGTERM)
    for t in threads:
        t.join(PATIENCE_S)
    assert not cut
    assert server.process.wait(PATIENCE_S) == 0


@pytest.mark.threads
def test_many_loops_under_mixed_load(serve, tmp_path):
    """For the thread sanitizer: reload, statistics, parked and leaving clients on two loops."""
    (tmp_path / "f").write_bytes(b"f" * 30000)
    server = serve(loops=2, tls=True)
    problems = []

    def client(i):
        try:
            for n in range(15):
                with (server.connect_tls() if (i + n) % 2 else server.connect()) as s:
                    for path in ("/small", "/file/f", "/slow/5", "/stats"):
                        s.sendall(request(path))
                        assert read_answer(s).status == 200
                    s.sendall(request("/park"))
                h = H2(server.connect_tls(alpn=("h2",)))
                streams = [h.request(p) for p in ("/small", "/slow/5", "/file/f")]
                assert all(h.answer(x)[0] == 200 for x in streams[-1:])
                h.socket.close()
        except Exception as e:  # told by the main thread
            problems.append(e)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for _ in range(5):
        assert server.reload() == "reloaded\n"
    for t in threads:
        t.join(PATIENCE_S)
    assert not problems
    wait_until(lambda: server.stats()["connections_open"] == 1, "all connections are closed")
