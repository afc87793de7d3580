"""The store alone, killed at random moments, short of space, without the right to write, and twice at once."""

import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

import harness

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "store", "store_driver")
KILLS = int(os.environ.get("MODGATE_TEST_KILLS", "120"))


def driver(*args, check=0, **kw):
    done = subprocess.run([DRIVER, *map(str, args)], capture_output=True, text=True, timeout=harness.PATIENCE_S,
                          check=False, **kw)
    assert not harness.SANITIZER.search(done.stderr), done.stderr
    if check is not None:
        bad = [line for line in done.stdout.splitlines() if not line.startswith(("has ", "stored "))]
        assert done.returncode == check, (args, done.returncode, bad, done.stderr[-2000:])
    return done


def start(*args, **kw):
    return subprocess.Popen([DRIVER, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


def versions(text, word):
    """The pairs in lines like "stored PATH VERSION"; a last line that was cut off is left out."""
    lines = text.split("\n")[:-1]
    return {tuple(line.split()[1:]) for line in lines if line.startswith(word + " ")}


def kill_later(process, seconds):
    time.sleep(seconds)
    process.kill()
    out, err = process.communicate()
    assert not harness.SANITIZER.search(err), err
    return out


def check(data):
    return versions(driver("check", data).stdout, "has")


@pytest.mark.parametrize("what", ["publish", "churn"])
def test_kill_9(tmp_path, what):
    """Whatever was said to be stored is there, and all that is there is whole."""
    data, rng, stored = tmp_path / "data", random.Random(what), set()
    for i in range(KILLS // 2):
        process = start(what, data, 6, i, 10000)
        assert process.stdout.readline() == "ready\n"
        stored |= versions(kill_later(process, rng.uniform(0.001, 0.12)), "stored")
        has = check(data)
        if what == "publish":
            assert stored <= has, stored - has
    assert stored


def test_kill_9_of_one_of_two(tmp_path):
    """A process that dies does not disturb the other one, which goes on with what it left half-done."""
    data, rng = tmp_path / "data", random.Random(9)
    other = start("publish", data, 4, 1000, 400)
    for i in range(15):
        process = start("publish", data, 4, i, 10000)
        process.stdout.readline()
        kill_later(process, rng.uniform(0.001, 0.1))
    out, err = other.communicate()
    assert other.returncode == 0, err
    assert versions(out, "stored") <= check(data)


def test_two_processes(tmp_path):
    data = tmp_path / "data"
    pair = [start("publish", data, 4, 7, 60) for _ in range(2)]
    stored = set()
    for process in pair:
        out, err = process.communicate()
        assert process.returncode == 0, err
        stored |= versions(out, "stored")
    assert check(data) == stored


def test_one_winner(tmp_path):
    """Two processes publish different bytes as the same version at once: one of them wins, as a whole."""
    data = tmp_path / "data"
    for i in range(12):
        racers = [start("race", data, "example.com/race", f"v1.{i}.0", salt) for salt in ("a", "b", "c")]
        said = sorted(process.communicate()[0] for process in racers)
        assert said == ["lost\n", "lost\n", "won\n"]
    assert len(check(data)) == 12


def mounted(kind, source, target, options):
    done = subprocess.run(["mount", "-t", kind, "-o", options, source, str(target)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted("tmpfs", "tmpfs", folder, "size=2m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_disk_full(small_disk):
    """The disk fills up under the store; nothing is lost or torn, and with room again all goes on."""
    data = small_disk / "data"
    full = driver("publish", data, 4, 1, 2000, check=3)
    stored = versions(full.stdout, "stored")
    assert len(stored) > 10
    for i in range(3):
        driver("publish", data, 4, i + 2, 1000, check=3)
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    assert stored <= check(data)
    driver("publish", data, 4, 1, 50)
    check(data)


def test_disk_full_from_the_start(small_disk):
    data = small_disk / "data"
    driver("publish", data, 2, 1, 10)
    before = check(data)
    with open(small_disk / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"x" * 4096)
    assert driver("publish", data, 2, 2, 100, check=3).stderr
    assert versions(driver("check", data, check=None).stdout, "has") == before
    os.unlink(small_disk / "ballast")
    assert before <= check(data)


def test_file_size_limit(tmp_path):
    """A write that fails in the middle (EFBIG) publishes nothing."""
    data = tmp_path / "data"
    driver("race", data, "example.com/m", "v1.0.0", "a")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # it would end the driver before it can say anything
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    done = driver("race", data, "example.com/m", "v1.1.0", "a", check=1, preexec_fn=limit)
    assert "File too large" in done.stderr
    assert check(data) == {("example.com/m", "v1.0.0")}


@pytest.fixture
def read_only(tmp_path):
    data = tmp_path / "data"
    driver("publish", data, 2, 1, 10)
    before = check(data)
    mounted("none", str(data), data, "bind")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(data)], check=True)
    yield data, before
    subprocess.run(["umount", "-l", str(data)], check=False)


def test_read_only(read_only):
    data, before = read_only
    assert driver("publish", data, 2, 1, 10, check=4).stderr
    assert check(data) == before


def test_no_right_to_write(tmp_path):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    data = tmp_path / "data"
    driver("publish", data, 2, 1, 10)
    before = check(data)
    for folder in [data, *data.parents]:
        if folder.stat().st_mode & 0o005 != 0o005 and str(folder).startswith(tempfile.gettempdir() + "/"):
            folder.chmod(0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*nobody, "test", "-x", DRIVER], check=False).returncode != 0:
        pytest.skip("another user cannot run the driver from here")
    done = subprocess.run([*nobody, DRIVER, "publish", str(data), "1", "1", "5"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 4, done
    done = subprocess.run([*nobody, DRIVER, "check", str(data)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and versions(done.stdout, "has") == before, done


@pytest.mark.parametrize("damage", ["gone", "garbage", "cut", "middle"])
def test_damaged_catalog(tmp_path, damage):
    data = tmp_path / "data"
    catalog = data / "catalog.db"
    driver("publish", data, 4, 3, 150)
    before = check(data)
    size = catalog.stat().st_size
    if damage == "gone":
        catalog.unlink()
    elif damage == "garbage":
        catalog.write_bytes(random.Random(1).randbytes(size))
    elif damage == "cut":
        os.truncate(catalog, size // 2)
    else:
        with open(catalog, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
    # The first run may be the one that stumbles over it; what counts is that it mends it.
    driver("publish", data, 2, 3, 20)
    assert before <= check(data)
    with sqlite3.connect(catalog) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_newer_catalog(tmp_path):
    data = tmp_path / "data"
    driver("publish", data, 1, 1, 1)
    with sqlite3.connect(data / "catalog.db") as db:
        db.execute("PRAGMA user_version = 99")
    assert "newer modgate" in driver("publish", data, 1, 1, 1, check=1).stderr
