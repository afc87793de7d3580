"""The list of upstreams: ',' and '|', files, off, direct."""

import pytest

import harness

LIST = "gen.example.com/m0/@v/list"


@pytest.fixture
def dead():
    return f"http://127.0.0.1:{harness.free_port()}"


def ask(driver_on, goproxy, rel=LIST, **options):
    return driver_on(goproxy, retries=0, **options).small(rel)


def test_comma_goes_on_after_absence(driver_on, upstream, tree):
    upstream.fault("*", "status", code=404, times=1)
    got = ask(driver_on, f"{upstream.http},file://{tree}")
    assert (got["status"], got["upstream"]) == ("OK", f"file://{tree}")
    upstream.fault("*", "status", code=410, times=1)
    assert ask(driver_on, f"{upstream.http},file://{tree}")["status"] == "OK"


@pytest.mark.parametrize("code,status", [(403, "UPSTREAM_DENIED"), (500, "UPSTREAM_ERROR"), (400, "BAD_ANSWER")])
def test_comma_stops_at_failures(driver_on, upstream, tree, code, status):
    upstream.fault("*", "status", code=code)
    assert ask(driver_on, f"{upstream.http},file://{tree}")["status"] == status


def test_bar_goes_on_after_failures(driver_on, upstream, tree, dead):
    assert ask(driver_on, f"{dead}|file://{tree}")["status"] == "OK"
    upstream.fault("*", "status", code=403)
    assert ask(driver_on, f"{upstream.http}|file://{tree}")["status"] == "OK"


def test_absent_only_when_all_say_so(driver_on, upstream, tmp_path, dead):
    """A failure before an absence means that nobody knows."""
    empty = f"file://{tmp_path}"
    assert ask(driver_on, f"{empty},{empty}")["status"] == "NOT_FOUND"
    assert ask(driver_on, f"{dead}|{empty}")["status"] == "CONNECT"
    assert ask(driver_on, f"{empty},{dead}")["status"] == "CONNECT"
    assert ask(driver_on, f"{dead}|{empty}|off")["status"] == "CONNECT"


def test_off_and_direct(driver_on, upstream):
    assert ask(driver_on, "off")["status"] == "UPSTREAM_OFF"
    got = ask(driver_on, "direct")
    assert got["status"] == "UPSTREAM_OFF" and "version control" in got["error"]
    upstream.fault("*", "status", code=404, body="no such thing")
    got = ask(driver_on, f"{upstream.http},off")
    assert got["status"] == "NOT_FOUND" and "no such thing" in got["error"]
    assert ask(driver_on, f"{upstream.http},direct")["status"] == "UPSTREAM_OFF"


def test_a_file_never_mixes_two_upstreams(driver_on, upstream, tree):
    """What the first one sent before it broke is gone when the second one answers."""
    rel = str(max(tree.glob("gen.example.com/m7/@v/*.zip"), key=lambda p: p.stat().st_size).relative_to(tree))
    upstream.fault("*.zip", "short", after=2_000_000)
    driver = driver_on(f"{upstream.http}|file://{tree}", retries=1)
    got = driver.file(rel)
    assert got["status"] == "OK"
    assert open(got["path"], "rb").read() == (tree / rel).read_bytes()


def test_bad_list(driver_on):
    driver = driver_on("ftp://user:secret@a.example")
    line = driver.process.stdout.read()
    assert "BAD_CONFIG" in line and "secret" not in line
    driver.process.wait()
    driver.close = lambda: None
