"""Transfers that break, stall, or never end; resuming; cancelling; the breaker."""

import hashlib
import time

import pytest

import harness

LIST = "gen.example.com/m0/@v/list"


@pytest.fixture
def big(tree):
    path = max(tree.glob("gen.example.com/m7/@v/*.zip"), key=lambda p: p.stat().st_size)
    body = path.read_bytes()
    return str(path.relative_to(tree)), len(body), hashlib.sha256(body).hexdigest()


def is_whole(got, big):
    return (got["status"], got["size"], got["sha256"]) == ("OK", big[1], big[2])


def ranges(upstream):
    return [seen.get("range") for seen in upstream.requests()]


def test_broken_zip_is_resumed(driver, upstream, big):
    upstream.fault("*.zip", "short", after=1_000_000, times=1)
    assert is_whole(driver.file(big[0]), big)
    first, second = upstream.requests()
    assert "range" not in first
    assert second["range"] == "bytes=1000000-"
    assert second["if_range"].startswith('"')


def test_resume_goes_on_as_long_as_bytes_come(driver, upstream, big):
    """Two retries are allowed, but tries that brought a megabyte are not counted."""
    upstream.fault("*.zip", "short", after=1_050_000, times=1)
    upstream.fault("*.zip", "short", after=10, times=1)
    upstream.fault("*.zip", "short", after=1_050_000, times=1)
    upstream.fault("*.zip", "short", after=10, times=1)
    assert is_whole(driver.file(big[0]), big)
    assert len(ranges(upstream)) == 5


def test_small_answers_are_fetched_anew(driver, upstream):
    upstream.fault("*", "short", after=3, times=1)
    assert driver.small(LIST)["status"] == "OK"
    assert ranges(upstream) == [None, None]


@pytest.mark.parametrize("strip", ["no_validators", "weak_etag"])
def test_no_resume_without_a_strong_validator(driver, upstream, big, strip):
    upstream.fault("*.zip", "short", after=1_000_000, times=1, strip=strip)
    assert is_whole(driver.file(big[0]), big)
    assert ranges(upstream) == [None, None]


@pytest.mark.parametrize("kind", ["no_range", "wrong_range"])
def test_upstreams_that_get_ranges_wrong(driver, upstream, big, kind):
    upstream.fault("*.zip", "short", after=1_000_000, times=1)
    upstream.fault("*.zip", kind, range_only=True)
    assert is_whole(driver.file(big[0]), big)


def test_content_that_changed_is_fetched_whole(driver, upstream, big):
    upstream.fault("*.zip", "short", after=1_000_000, times=1)
    upstream.fault("*.zip", "changed")
    got = driver.file(big[0])
    assert (got["status"], got["size"]) == ("OK", big[1])
    assert got["sha256"] != big[2]
    assert hashlib.sha256(open(got["path"], "rb").read()).hexdigest() == got["sha256"]


def test_always_short(driver, upstream, big, tmp_path):
    upstream.fault("*.zip", "short", after=100)
    got = driver.file(big[0])
    assert got["status"] == "BROKEN"
    assert upstream.count("*.zip") == 3
    assert not list(tmp_path.glob("file*"))


def test_more_announced_than_sent(driver, upstream):
    upstream.fault("*", "wrong_length", delta=7)
    assert driver.small(LIST)["status"] == "BROKEN"
    assert upstream.count() == 3


@pytest.mark.parametrize("kind", ["reset", "short"])
def test_connection_lost(driver, upstream, kind):
    upstream.fault("*", kind, times=2)
    assert driver.small(LIST)["status"] == "OK"
    upstream.fault("*", kind)
    got = driver.small(LIST)
    assert got["status"] == "BROKEN"
    assert "localhost" in got["error"] or "127.0.0.1" in got["error"]


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_stalls(impatient, upstream, kind):
    upstream.fault("*", kind, times=1)
    assert impatient.small(LIST)["status"] == "OK"
    upstream.fault("*", kind)
    got = impatient.small(LIST)
    assert got["status"] == "TIMEOUT"
    assert "no byte came" in got["error"]


def test_slow_is_not_stalled(impatient, upstream):
    upstream.fault("*", "drip", delay_ms=200, chunk=1, times=1)
    got = impatient.small(LIST)
    assert got["status"] == "OK"
    assert got["ms"] > 1500


def test_deadline(driver, upstream):
    upstream.fault("*", "drip", delay_ms=50, chunk=1)
    got = driver.small(LIST, deadline=300)
    assert got["status"] == "TIMEOUT"
    assert upstream.count() <= 1


def test_cancel(driver_on, upstream, scheme):
    driver = driver_on(getattr(upstream, scheme), ca=upstream.ca, stall_ms=60000)
    upstream.fault("*", "hang")
    got = driver.small(LIST, cancel=200)
    assert got["status"] == "CANCELLED"
    assert got["ms"] < 30000
    upstream.no_faults()
    assert driver.small(LIST)["status"] == "OK"


def test_connection_is_used_again(driver, upstream):
    for _ in range(5):
        assert driver.small(LIST)["status"] == "OK"
    assert len({seen["conn"] for seen in upstream.requests()}) == 1


def test_upstream_that_closes_each_time(driver, upstream):
    upstream.fault("*", "close")
    for _ in range(3):
        assert driver.small(LIST)["status"] == "OK"
    assert upstream.count() == 3


def test_nobody_there(driver_on):
    driver = driver_on(f"http://127.0.0.1:{harness.free_port()}")
    got = driver.small(LIST)
    assert got["status"] == "CONNECT"
    assert "HTTPS_PROXY" in got["error"]


def test_no_such_host(driver_on):
    driver = driver_on("https://no-such-host.invalid", retries=0)
    got = driver.small(LIST)
    assert got["status"] == "DNS"
    assert "no-such-host.invalid" in got["error"]


def test_breaker(driver_on, upstream, scheme):
    driver = driver_on(getattr(upstream, scheme), ca=upstream.ca, retries=0, failures=3, pause_ms=2000)
    upstream.fault("*", "reset")
    assert [driver.small(LIST)["status"] for _ in range(4)] == ["BROKEN", "BROKEN", "BROKEN", "UPSTREAM_DOWN"]
    assert upstream.count() == 3
    (row,) = driver.stats()
    assert row["up"] is False and row["failed"] == 4
    time.sleep(2.1)
    assert driver.small(LIST)["status"] == "BROKEN"  # the probe
    assert driver.small(LIST)["status"] == "UPSTREAM_DOWN"
    upstream.no_faults()
    harness.wait_until(lambda: driver.small(LIST)["status"] == "OK", "the breaker closes")
    (row,) = driver.stats()
    assert row["up"] is True and row["last_error"] == ""


@pytest.mark.threads
def test_one_probe_at_a_time(driver_on, upstream):
    driver = driver_on(upstream.http, retries=0, failures=1, pause_ms=1000, threads=16)
    upstream.fault("*", "reset", times=1)
    driver.small(LIST)
    time.sleep(1.1)
    upstream.fault("*", "slow", delay_ms=3000)
    got = [answer["status"] for answer in driver.ask_all([("small", LIST, 1000)] * 16)]
    assert got.count("OK") == 1
    assert got.count("UPSTREAM_DOWN") == 15


@pytest.mark.threads
def test_many_at_once(driver_on, upstream, tree, scheme, tmp_path):
    """Parallel requests; over TLS they share a connection. Some break and are tried again."""
    driver = driver_on(getattr(upstream, scheme), ca=upstream.ca, threads=32)
    upstream.fault("*.zip", "short", times=10)
    upstream.fault("*.info", "reset", times=10)
    paths = sorted(p for p in tree.rglob("*") if p.is_file() and "@v/v" in str(p))
    requests = [("file", p.relative_to(tree), 10_000_000, tmp_path / f"copy{i}") for i, p in enumerate(paths)]
    for path, got in zip(paths, driver.ask_all(requests)):
        assert got["status"] == "OK", got
        assert got["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    if scheme == "https":
        assert len({seen["conn"] for seen in upstream.requests()}) <= 24  # a broken one is replaced


@pytest.mark.threads
def test_parallel_requests_share_a_connection(driver_on, upstream, tree):
    driver = driver_on(upstream.https, ca=upstream.ca, threads=32)
    rels = [str(p.relative_to(tree)) for p in tree.rglob("*.mod")]
    assert all(got["status"] == "OK" for got in driver.ask_all([("small", rel, 100000) for rel in rels]))
    assert len({seen["conn"] for seen in upstream.requests()}) == 1


@pytest.mark.threads
def test_cancelling_some_does_not_hurt_others(driver_on, upstream, scheme):
    driver = driver_on(getattr(upstream, scheme), ca=upstream.ca, threads=32, retries=0, stall_ms=60000)
    upstream.fault("*.info", "hang")
    requests = [("small", "gen.example.com/m0/@v/main.info", 1000, "cancel=100"), ("small", LIST, 1000)] * 30
    got = [answer["status"] for answer in driver.ask_all(requests)]
    assert got == ["CANCELLED", "OK"] * 30


@pytest.mark.threads
def test_connections_that_close_under_many_requests(driver_on, upstream, tree, scheme):
    """The upstream says good-bye (GOAWAY, Connection: close) while other requests are under way."""
    driver = driver_on(getattr(upstream, scheme), ca=upstream.ca, threads=32)
    upstream.fault("*.mod", "close", times=5)
    rels = [str(p.relative_to(tree)) for p in tree.rglob("*") if p.suffix in (".mod", ".info")]
    assert [got["status"] for got in driver.ask_all([("small", rel, 100000) for rel in rels])] == ["OK"] * len(rels)


def test_upstream_that_goes_and_comes_back(driver_on, upstream_binary, tree, tmp_path):
    running = harness.Upstream(upstream_binary, tree, tmp_path / "ca.pem")
    try:
        driver = driver_on(running.http, retries=0)
        assert driver.small(LIST)["status"] == "OK"
        running.stop()
        assert driver.small(LIST)["status"] in ("CONNECT", "BROKEN")
        running.start()
        assert driver.small(LIST)["status"] == "OK"
    finally:
        running.stop()
