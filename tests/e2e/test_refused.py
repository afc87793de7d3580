"""Requests that must not be served: malformed paths, versions and escapes. Raw ones go over a socket."""

import pytest

from harness import assert_says_why

MALFORMED = [
    "/gen.example.com/M0/@v/list",                   # upper case not escaped
    "/gen.example.com/!M0/@v/list",                  # ! before an upper-case letter
    "/gen.example.com/m!/@v/list",                   # ! at the end
    "/gen.example.com/m!!0/@v/list",
    "/gen.example.com/m%zz/@v/list",                 # no percent-encoding
    "/gen.example.com/m%2/@v/list",
    "/gen.example.com/m%00/@v/list",
    "/gen.example.com/m%0a/@v/list",
    "/gen.example.com/%ff%fe/@v/list",
    "/gen.example.com/a%2fb/../@v/list",
    "/../etc/passwd/@v/list",
    "/gen.example.com/../../etc/passwd",
    "/gen.example.com/%2e%2e/m0/@v/list",
    "/gen.example.com/..%2f..%2fetc/@v/list",
    "/gen.example.com/./m0/@v/list",
    "/gen.example.com//m0/@v/list",
    "//gen.example.com/m0/@v/list",
    "/-gen.example.com/m0/@v/list",                  # a leading dash
    "/--upload-pack=x/@v/list",
    "/.gen.example.com/m0/@v/list",
    "/gen.example.com/m0./@v/list",
    "/gen.example.com/.m0/@v/list",
    "/gen.example.com/m0/@v/../../../x.info",
    "/gen.example.com/m0/@v/..%2f..%2fx.info",
    "/gen.example.com/m0/@v/.info",
    "/gen.example.com/m0/@v/v1.0.0.exe",
    "/gen.example.com/m0/@v/v1.0.0",
    "/gen.example.com/m0/@v/v1.0.0%00.info",
    "/gen.example.com/m0/@v/V1.0.0.mod",
    "/gen.example.com/m0/@v/",
    "/gen.example.com/m0/@w/list",
    "/gen.example.com/m0",
    "/nodot/m0/@v/list",
    "/gen.example.com/con/@v/list",                  # a name that Windows keeps for itself
    "/gen.example.com/m0\\..\\x/@v/list",
    "/gen.example.com/" + "a" * 20000 + "/@v/list",
    "/@v/list",
    "/@latest",
    "/sumdb/",
    "/sumdb/sum.test.example",
    "/sumdb/sum.test.example/tile/31/0/000",
    "/sumdb/sum.test.example/tile/8/0/x00/../001",
    "/sumdb/sum.test.example/lookup/",
    "/sumdb/sum.test.example/lookup/gen.example.com/m0",
    "/sumdb/sum.test.example/lookup/../../x@v1.0.0",
    "/sumdb/../x/supported",
]


@pytest.fixture(scope="module")
def shared(upstream_binary, tree, tmp_path_factory):
    """One gateway and one upstream for all rows: nothing of this is stored."""
    import harness
    folder = tmp_path_factory.mktemp("refused")
    mirror = harness.Upstream(upstream_binary, tree[0], folder / "ca.pem")
    gateway = harness.Gateway(folder / "data", "--upstream", mirror.http, "--sumdb", f"{mirror.sumdb} {mirror.http}")
    yield gateway, mirror
    gateway.stop()
    mirror.stop()


@pytest.mark.parametrize("path", MALFORMED, ids=lambda p: p[:60])
def test_malformed_paths_never_reach_the_upstream(shared, path):
    gateway, mirror = shared
    mirror.reset()
    answer = gateway.get(path)
    assert 400 <= answer.status < 500, answer
    assert answer.status not in (401, 403, 407, 408, 410, 429), answer
    assert_says_why(answer)
    assert mirror.count() == 0, mirror.requests()


@pytest.mark.parametrize("query", ["?x=1", "?", "?../.."])
def test_a_query_changes_nothing(shared, query):
    gateway, _ = shared
    assert gateway.get("/gen.example.com/m0/@v/list" + query).status == 200


@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\n\r\n",                                                            # no Host
    b"GET /gen.example.com/m0/@v/list HTTP/1.1\nHost: x\n\n",                            # bare LF
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/3.7\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",                                      # TLS to a plain port
    b"\x00" * 64,
], ids=lambda b: b[:40].decode("latin-1"))
def test_malformed_requests_are_answered_4xx_or_closed(shared, request_bytes):
    gateway, mirror = shared
    mirror.reset()
    answer = gateway.raw(request_bytes)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), answer[:200]
    assert mirror.count() == 0
    assert gateway.get("/healthz").status == 200
