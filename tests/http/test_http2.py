"""HTTP/2: answers, limits, and those who abuse it."""

import os
import re
import struct

import pytest

from http_harness import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, H2, HEADERS,
                          PING, PRIORITY, PROTOCOL_ERROR, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, frame,
                          is_closed, read_all, wait_until)

STREAMS_SETTING, WINDOW_SETTING = 3, 4


@pytest.fixture(params=["clear", "tls"])
def connect(request, serve):
    """connect(settings, **options of the server) gives a connection; connect.server is the server."""
    def start(settings=(), **options):
        if not getattr(start, "server", None):
            start.server = serve(tls=True, **options)
        s = start.server.connect() if request.param == "clear" else start.server.connect_tls(alpn=("h2",))
        return H2(s, settings)
    return start


def no_trace_is_left(server):
    """Only the asking connection and its request are there."""
    return server.wait_stats(connections_open=1, requests_active=1, parked=0)


def test_answers(connect, tmp_path):
    content = os.urandom(50000)
    (tmp_path / "f").write_bytes(content)
    h = connect()
    status, fields, body = h.answer(h.request())
    assert status == 200 and fields["content-type"] == "application/json" and int(fields["content-length"]) == len(body)
    assert len(fields["x-request-id"]) == 16 and fields["date"].endswith("GMT")
    assert h.answer(h.request("/file/f"))[2] == content
    status, fields, body = h.answer(h.request("/file/f", "HEAD"))
    assert (status, fields["content-length"], body) == (200, "50000", b"")
    assert h.answer(h.request("/echo/a?b=c"))[2].startswith(b"GET|/echo/a|b=c|HTTP/2.0|a.example|")
    assert h.answer(h.request("/none"))[0] == 204
    etag = [("if-none-match", '"0123456789abcdef0123456789abcdef"')]
    status, fields, body = h.answer(h.request("/small", fields=etag))
    assert status == 304 and "content-length" not in fields and body == b""


def test_each_answer_has_its_own_request_id(connect):
    """The field is compressed in two ways, which must both be read as what was meant."""
    h = connect()
    ids = [h.answer(h.request("/small"))[1]["x-request-id"] for _ in range(20)]
    assert len(set(ids)) == 20 and all(re.fullmatch("[0-9a-f]{16}", i) for i in ids)


def test_many_streams_at_once(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 300000)
    h = connect([(WINDOW_SETTING, (1 << 31) - 1)])
    h.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
    frames, streams = [], {}
    for i in range(60):
        path = ("/file/f", "/bytes/100000", "/slow/10", "/small")[i % 4]
        data, stream = h.headers(path)
        frames.append(data)
        streams[stream] = [path, 0, False]
    h.send(*frames)
    while not all(ended for _, _, ended in streams.values()):
        kind, flags, stream, payload = h.read_frame()
        assert kind not in (RST_STREAM, GOAWAY)
        if kind == DATA:
            streams[stream][1] += len(payload)
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            streams[stream][2] = True
    sizes = {"/file/f": 300000, "/bytes/100000": 100000, "/slow/10": 8, "/small": 193}
    assert all(n == sizes[path] for path, n, _ in streams.values())


def test_bodies_are_dropped_and_bounded(connect):
    h = connect()
    data, stream = h.headers("/echo", "POST", end=False)
    h.send(data, frame(DATA, 0, stream, b"a" * 10000), frame(DATA, END_STREAM, stream, b"b"))
    assert h.answer(stream)[2].startswith(b"POST|/echo|")
    data, stream = h.headers("/echo", "POST", end=False)
    h.send(data, *[frame(DATA, 0, stream, b"a" * 16000)] * 4)
    h.send(frame(DATA, 0, stream, b"a" * 16000))
    assert h.answer(stream)[0] == 413
    f = h.read_until(lambda kind, flags, at, payload: kind == RST_STREAM)
    assert f[2] == stream and f[3] == bytes(4)
    h.send(frame(DATA, END_STREAM, stream, b"late"))  # was on its way: no error
    assert h.answer(h.request())[0] == 200


def test_expect_continue(connect):
    h = connect()
    data, stream = h.headers("/echo", "POST", [("expect", "100-continue")], end=False)
    h.send(data)
    f = h.read_until(lambda kind, *_: kind == HEADERS)
    assert dict(h.decoder.decode(f[3]))[":status"] == "100"
    h.send(frame(DATA, END_STREAM, stream, b"abc"))
    assert h.answer(stream)[0] == 200


def test_trailers_end_a_request(connect):
    h = connect()
    data, stream = h.headers("/echo", "POST", end=False)
    h.send(data, frame(DATA, 0, stream, b"abc"),
           frame(HEADERS, END_HEADERS | END_STREAM, stream, h.encoder.encode([("t", "1")])))
    assert h.answer(stream)[0] == 200


@pytest.mark.parametrize("method,path,fields,status", [
    ("GET", "/a b", (), None), ("GET", "/a#b", (), 400), ("GET", "/\u00fc", (), 400), ("BREW", "/", (), 501),
    ("CONNECT", "/", (), None), ("GET", "/", [("host", "other.example")], 400),
    ("GET", "/", [("a", "b" * 40000)], 431), ("GET", "/", [(f"a{i}", "b") for i in range(150)], 431),
    ("GET", "/", [("connection", "close")], None), ("GET", "/", [("transfer-encoding", "chunked")], None),
    ("GET", "", (), None), ("GET", "a", (), None), ("POST", "/", [("expect", "magic")], 417),
])
def test_refused_requests(connect, method, path, fields, status):
    h = connect()
    stream, h.next_id = h.next_id, h.next_id + 2
    block = h.block(path, method, fields)
    end = END_STREAM if method != "POST" else 0
    frames = [frame(HEADERS, end, stream, block[:16000])]
    rest = [block[i:i + 16000] for i in range(16000, len(block), 16000)]
    frames += [frame(CONTINUATION, 0, stream, part) for part in rest] + [frame(CONTINUATION, END_HEADERS, stream)]
    h.send(*frames)
    if not end:
        h.send(frame(DATA, END_STREAM, stream, b"x"))
    assert h.answer(stream)[0] == status
    assert h.answer(h.request())[0] == 200


FLOODS = {
    "PING": lambda h: frame(PING, 0, 0, b"12345678"),
    "SETTINGS": lambda h: frame(SETTINGS, 0, 0, struct.pack(">HI", WINDOW_SETTING, 1000)),
    "empty SETTINGS": lambda h: frame(SETTINGS),
    "PRIORITY": lambda h: frame(PRIORITY, 0, 1001, struct.pack(">IB", 0, 1)),
    "WINDOW_UPDATE": lambda h: frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    "unknown frames": lambda h: frame(0xbb, 0, 0, b"x"),
    "empty DATA": lambda h: frame(DATA, 0, 1),
    "small DATA": lambda h: frame(DATA, 0, 1, b"x"),
    "PING ACK": lambda h: frame(PING, 1, 0, b"12345678"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods(connect, name):
    h = connect()
    data, _ = h.headers("/echo", "POST", end=False)
    h.send(data)
    one = FLOODS[name](h)
    while h.send_quietly(one * 100):
        if len(h.data) > 1 << 20:
            break
        h.socket.settimeout(0.001)
        try:
            h.data += h.socket.recv(65536)
        except (TimeoutError, OSError):
            pass
        h.socket.settimeout(30)
    h.data = h.data if connect.server.stats()["abuse_closed_total"] else b""
    server = connect.server
    assert server.wait_stats(abuse_closed_total=1)
    no_trace_is_left(server)


@pytest.mark.parametrize("name", FLOODS)
def test_the_flood_is_told(connect, name):
    """Who reads along sees GOAWAY with ENHANCE_YOUR_CALM, then the end."""
    h = connect()
    data, _ = h.headers("/echo", "POST", end=False)
    h.send(data, FLOODS[name](h) * 1100)
    assert h.goaway() == ENHANCE_YOUR_CALM


def test_late_window_updates_are_no_flood(connect, tmp_path):
    """go's client has windows of megabytes and sends an update for each 4 KB that was read."""
    (tmp_path / "f").write_bytes(b"f" * (8 << 20))
    h = connect([(WINDOW_SETTING, 16 << 20)])
    h.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 16 << 20)))
    assert len(h.answer(h.request("/file/f"))[2]) == 8 << 20
    h.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 4096)) * 4000)
    assert h.answer(h.request())[0] == 200
    assert connect.server.stats()["abuse_closed_total"] == 0


@pytest.mark.parametrize("path", ["/small", "/park", "/slow/20", "/file/f"])
def test_rapid_reset(connect, tmp_path, path):
    (tmp_path / "f").write_bytes(b"f" * 1000000)
    h = connect()
    for _ in range(2000):
        data, stream = h.headers(path)
        if not h.send_quietly(data, frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))):
            break
    assert h.goaway() == ENHANCE_YOUR_CALM
    server = connect.server
    no_trace_is_left(server)
    assert server.stats()["abuse_closed_total"] == 1
    assert server.descriptors() < 20


def test_resets_by_the_server_count_too(connect):
    """Malformed requests make the server reset: the same game with the roles turned round."""
    h = connect()
    for _ in range(2000):
        data, _ = h.headers("/small", fields=[("connection", "close")])
        h.send_quietly(data)
        f = h.read_until(lambda kind, *_: kind in (RST_STREAM, GOAWAY))
        if f[0] == GOAWAY:
            break
    assert f[0] == GOAWAY and f[3][4:8] == struct.pack(">I", ENHANCE_YOUR_CALM)
    h.socket.close()
    no_trace_is_left(connect.server)


def test_a_reset_lets_go_of_a_parked_request_at_once(connect):
    h = connect()
    streams = [h.request("/park") for _ in range(20)]
    connect.server.wait_stats(parked=20)
    h.send(*[frame(RST_STREAM, 0, s, struct.pack(">I", CANCEL)) for s in streams[:15]])
    connect.server.wait_stats(parked=5, gone=15)
    assert h.answer(h.request())[0] == 200
    h.socket.close()
    connect.server.wait_stats(parked=0, gone=20)
    no_trace_is_left(connect.server)


def test_more_parked_than_allowed(connect):
    h = connect(max_parked=5)
    streams = [h.request("/park") for _ in range(6)]
    assert h.answer(streams[5])[0] == 503
    h.send(frame(RST_STREAM, 0, streams[0], struct.pack(">I", CANCEL)))
    h.request("/park")
    connect.server.wait_stats(parked=5, gone=1)


def test_more_streams_than_allowed(connect):
    h = connect(max_streams=5)
    f = h.read_until(lambda kind, flags, *_: kind == SETTINGS and not flags)
    assert struct.pack(">HI", STREAMS_SETTING, 5) in f[3]
    for _ in range(6):
        h.request("/park")
    assert h.goaway() == PROTOCOL_ERROR
    no_trace_is_left(connect.server)


def test_endless_header(connect):
    """CONTINUATION without an end, with fields, without, and empty."""
    server = None
    for part in (b"", b"\x00\x01a\x01b" * 1000):
        h = connect()
        server = connect.server
        h.send(frame(HEADERS, 0, 1, h.block()))
        while h.send_quietly(frame(CONTINUATION, 0, 1, part)):
            pass
        assert h.goaway() == ENHANCE_YOUR_CALM
    assert no_trace_is_left(server)["abuse_closed_total"] == 2


def test_compression_bomb(connect):
    """One field of the dynamic table, named again and again: a few KB become many MB."""
    h = connect()
    before = connect.server.memory_bytes()
    start = h.block() + b"\x40\x01a" + b"\x7f\xa1\x1d" + b"b" * 3872
    h.send(frame(HEADERS, 0, 1, start), frame(CONTINUATION, END_HEADERS | END_STREAM, 1, b"\xbe" * 16000))
    assert h.goaway() == ENHANCE_YOUR_CALM
    assert connect.server.memory_bytes() < before + (4 << 20)
    assert no_trace_is_left(connect.server)["abuse_closed_total"] == 1


def test_window_that_stays_shut(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 1000000)
    h = connect([(WINDOW_SETTING, 0)], send_timeout_ms=300)
    streams = [h.request(p) for p in ("/file/f", "/bytes/1000", "/small")]
    ends = {}
    while len(ends) < 3:
        kind, _, stream, payload = h.read_frame()
        if kind == RST_STREAM:
            ends[stream] = int.from_bytes(payload, "big")
    assert ends == {s: CANCEL for s in streams}
    connect.server.wait_stats(requests_active=1, broken=3)


def test_window_opened_by_single_bytes(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 1000000)
    h = connect([(WINDOW_SETTING, 0)], send_timeout_ms=500)
    stream = h.request("/file/f")
    got = 0
    h.socket.settimeout(0.05)
    while True:
        h.send_quietly(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)))
        try:
            f = h.read_frame()
        except TimeoutError:
            continue
        if f is None or f[0] in (RST_STREAM, GOAWAY):
            break
        got += len(f[3]) if f[0] == DATA else 0
    assert got < 4096
    h.socket.close()
    no_trace_is_left(connect.server)


def test_who_does_not_read_is_left(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * (32 << 20))
    h = connect([(WINDOW_SETTING, (1 << 31) - 1)], send_timeout_ms=400)
    h.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
    before = connect.server.memory_bytes()
    for _ in range(20):
        h.request("/file/f")
    wait_until(lambda: connect.server.stats()["broken"] == 20, "the answers are broken off")
    assert connect.server.memory_bytes() < before + (8 << 20)
    no_trace_is_left(connect.server)


def test_slow_header(connect):
    h = connect(header_timeout_ms=300)
    h.send(frame(HEADERS, 0, 1, h.block()[:3]))
    assert h.goaway() == PROTOCOL_ERROR


def test_slow_body(connect):
    h = connect(header_timeout_ms=300)
    data, stream = h.headers("/echo", "POST", end=False)
    h.send(data)
    assert h.answer(stream)[:2] == (None, CANCEL)
    assert h.answer(h.request())[0] == 200


def test_idle_connection(connect):
    h = connect(idle_timeout_ms=400)
    assert h.answer(h.request())[0] == 200
    assert h.goaway() == 0


def test_frames_on_closed_streams(connect):
    h = connect()
    stream = h.request()
    assert h.answer(stream)[0] == 200
    h.send(frame(DATA, 0, stream, b"x"))
    assert h.goaway() == STREAM_CLOSED
    h = connect()
    h.next_id = 5
    assert h.answer(h.request())[0] == 200
    h.next_id = 3
    h.request()
    assert h.goaway() == PROTOCOL_ERROR


def test_leaving_in_the_middle_of_answers(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * (8 << 20))
    for _ in range(10):
        h = connect()
        for _ in range(5):
            h.request("/file/f")
        h.read_until(lambda kind, *_: kind == DATA)
        h.socket.close()
    no_trace_is_left(connect.server)
    assert connect.server.descriptors() < 20


def test_a_file_that_is_cut_short_under_us(connect, tmp_path):
    (tmp_path / "f").write_bytes(b"f" * 40000)
    h = connect()
    assert len(h.answer(h.request("/file/f"))[2]) == 40000
    os.truncate(tmp_path / "f", 10000)
    assert h.answer(h.request("/file/f"))[0] is None
    assert h.answer(h.request())[0] == 200


def test_preface_that_is_none(serve):
    server = serve(tls=True)
    with server.connect_tls(alpn=("h2",)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_all(s)
        assert is_closed(s)
    no_trace_is_left(server)
