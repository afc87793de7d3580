"""What comes back, and what an upstream's status means."""

import hashlib

import pytest

LIST = "gen.example.com/m0/@v/list"
ZIP = "gen.example.com/m7/@v/v1.0.2.zip"


@pytest.fixture
def zip_path(tree):
    """The largest generated zip: (its path below the mirror, its bytes)."""
    path = max(tree.glob("gen.example.com/m7/@v/*.zip"), key=lambda p: p.stat().st_size)
    return str(path.relative_to(tree)), path.read_bytes()


def test_small(driver, upstream, tree, scheme):
    body = (tree / LIST).read_bytes()
    got = driver.small(LIST)
    assert got["status"] == "OK"
    assert got["body"] == body.decode()
    assert got["size"] == len(body)
    assert got["sha256"] == hashlib.sha256(body).hexdigest()
    assert got["upstream"] == getattr(upstream, scheme)


def test_file(driver, zip_path):
    rel, body = zip_path
    got = driver.file(rel)
    assert got["status"] == "OK", got
    assert open(got["path"], "rb").read() == body
    assert got["sha256"] == hashlib.sha256(body).hexdigest()


def test_what_a_request_looks_like(driver, upstream, scheme):
    driver.small("gen.example.com/!team!a/!big!mod1/@v/list")
    (seen,) = upstream.requests()
    assert seen["raw_path"] == "/gen.example.com/%21team%21a/%21big%21mod1/@v/list"
    assert seen["proto"] == ("HTTP/2.0" if scheme == "https" else "HTTP/1.1")
    assert seen["user_agent"].startswith("modgate/")
    assert seen["accept_encoding"] == "identity"
    assert seen["request_id"] == "test-1"
    assert "authorization" not in seen and "cookie" not in seen


@pytest.mark.parametrize("code,status,tries", [
    (404, "NOT_FOUND", 1), (410, "GONE", 1), (401, "UPSTREAM_DENIED", 1), (403, "UPSTREAM_DENIED", 1),
    (400, "BAD_ANSWER", 1), (418, "BAD_ANSWER", 1), (204, "BAD_ANSWER", 1), (304, "BAD_ANSWER", 1),
    (429, "UPSTREAM_BUSY", 3), (500, "UPSTREAM_ERROR", 3), (502, "UPSTREAM_ERROR", 3), (503, "UPSTREAM_ERROR", 3)])
def test_statuses(driver, upstream, code, status, tries):
    body = "" if code in (204, 304) else "the\nreason \x1b[1m"
    upstream.fault("*", "status", code=code, body=body)
    got = driver.small(LIST)
    assert got["status"] == status
    assert upstream.count() == tries
    if body:
        assert "the reason [1m" in got["error"]
    else:
        assert str(code) in got["error"]


def test_file_of_a_refused_request_is_removed(driver, upstream, tmp_path):
    upstream.fault("*", "status", code=404)
    got = driver.file(ZIP)
    assert got["status"] == "NOT_FOUND"
    assert not list(tmp_path.glob("file*"))


def test_huge_error_page_costs_nothing(driver, upstream):
    upstream.fault("*", "status", code=404, body="x" * 3_000_000)
    got = driver.small(LIST)
    assert got["status"] == "NOT_FOUND"
    assert len(got["error"]) < 600


def test_it_goes_well_in_the_end(driver, upstream, scheme):
    upstream.fault("*", "status", code=503, times=2)
    assert driver.small(LIST)["status"] == "OK"
    assert upstream.count() == 3
    (row,) = driver.stats()
    assert row == {"name": getattr(upstream, scheme), "up": True, "ok": 1, "absent": 0, "failed": 0, "retried": 2,
                   "bytes": row["bytes"], "last_error": ""}


def test_retry_after_is_honoured(driver, upstream):
    upstream.fault("*", "status", code=429, retry_after="1", times=1)
    got = driver.small(LIST)
    assert got["status"] == "OK"
    assert got["ms"] >= 1000


def test_retry_after_is_capped(driver, upstream):
    upstream.fault("*", "status", code=429, retry_after="3600")
    assert driver.small(LIST)["status"] == "UPSTREAM_BUSY"
    assert upstream.count() == 1


def test_html_in_place_of_a_list(driver, upstream):
    upstream.fault("*", "html")
    got = driver.small(LIST)
    assert got["status"] == "BAD_ANSWER"
    assert "web page" in got["error"]


@pytest.mark.parametrize("kind", ["gzip_encoding", "gzip_bomb"])
def test_content_codings_are_refused(driver, upstream, kind):
    upstream.fault("*", kind, size=1 << 26)
    got = driver.small(LIST)
    assert got["status"] == "BAD_ANSWER"
    assert "gzip" in got["error"]


def test_too_large(driver, upstream, zip_path):
    rel, body = zip_path
    assert driver.file(rel, len(body))["status"] == "OK"
    assert driver.file(rel, len(body) - 1)["status"] == "TOO_LARGE"
    assert driver.small(LIST, 3)["status"] == "TOO_LARGE"


@pytest.mark.parametrize("verb", ["small", "file"])
def test_endless(driver, upstream, tmp_path, verb):
    upstream.fault("*", "endless")
    got = getattr(driver, verb)(LIST, 5_000_000)
    assert got["status"] == "TOO_LARGE"
    assert upstream.count() == 1
    assert not list(tmp_path.glob("file*"))


def test_huge_header(driver, upstream):
    upstream.fault("*", "huge_header")
    assert driver.small(LIST)["status"] in ("BROKEN", "BAD_ANSWER")


def test_empty_body(driver, upstream):
    upstream.fault("*", "empty")
    got = driver.small(LIST)
    assert (got["status"], got["size"]) == ("OK", 0)


def test_bad_paths_are_not_sent(driver, upstream):
    for rel in ("../x", "a/../b", "a//b", "/a"):
        assert driver.small(rel)["status"] == "BAD_REQUEST"
    assert upstream.count() == 0


def test_url_outside_the_list(driver, upstream):
    got = driver.ask("url", f"{upstream.https}/sumdb/sum.test.example/latest", 10000)
    assert got["status"] == "OK"
    assert got["body"].startswith("go.sum database tree\n")
    assert got["upstream"] == upstream.https
    assert driver.ask("url", "ftp://a.example/x", 10)["status"] == "BAD_REQUEST"
    assert driver.ask("url", "nonsense", 10)["status"] == "BAD_REQUEST"
