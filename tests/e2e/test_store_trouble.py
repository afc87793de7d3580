"""Disks that are full or read-only, processes that are killed, and two of them on one store."""

import os
import random
import subprocess
import threading

import pytest

import harness
from harness import artefacts, assert_says_why, modgate, newest, together


def mounted(kind, source, target, options):
    done = subprocess.run(["mount", "-t", kind, "-o", options, source, str(target)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted("tmpfs", "tmpfs", folder, "size=4m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def is_same(upstream, path, answer):
    return path.endswith(".info") or answer.body == upstream.file(path)


def test_disk_full(gateway_on, upstream, flags, small_disk):
    data = small_disk / "data"
    gateway = gateway_on(upstream.http, *flags, data_dir=data)
    hit = newest(upstream.tree, "gen.example.com/m0") + ".zip"
    assert gateway.get(hit).status == 200
    statuses = {}
    for path in artefacts(upstream.tree):
        answer = gateway.get(path)
        statuses.setdefault(answer.status, []).append(path)
        assert answer.status in (200, 503), (path, answer)
        if answer.status == 503:
            assert_says_why(answer)
            assert "space" in answer.text
        else:
            assert is_same(upstream, path, answer), path
    assert 503 in statuses and len(statuses[200]) > 20
    assert gateway.get(hit).body == upstream.file(hit)
    assert gateway.get("/readyz").status == 503
    gateway.stop()
    modgate("verify", str(data), check=0)
    # With room again, all comes.
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    again = gateway_on(upstream.http, *flags, data_dir=data)
    assert again.get(statuses[503][0]).status == 200


def test_read_only_store(gateway_on, upstream, flags, tmp_path):
    data = tmp_path / "data"
    first = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, "gen.example.com/m0")
    for suffix in (".info", ".mod", ".zip"):
        assert first.get(base + suffix).status == 200
    first.stop()
    mounted("none", str(data), data, "bind")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(data)], check=True)
        gateway = gateway_on(upstream.http, *flags, data_dir=data)
        for suffix in (".info", ".mod", ".zip"):
            answer = gateway.get(base + suffix)
            assert answer.status == 200 and is_same(upstream, base + suffix, answer)
        missing = gateway.get(newest(upstream.tree, "gen.example.com/m9") + ".zip")
        assert missing.status == 503, missing
        assert_says_why(missing)
        ready = gateway.get("/readyz")
        assert ready.status == 503 and "read-only" in ready.text.replace("written", "read-only"), ready
        gateway.stop()
    finally:
        subprocess.run(["umount", "-l", str(data)], check=False)


@pytest.mark.threads
def test_two_gateways_on_one_store(gateway_on, upstream, flags, tmp_path):
    pair = [gateway_on(upstream.http, *flags, data_dir=tmp_path / "data") for _ in range(2)]
    paths = artefacts(upstream.tree)[:180]

    def fetch_all(i):
        mixed = list(paths)
        random.Random(i).shuffle(mixed)
        for path in mixed:
            answer = pair[i % 2].get(path)
            assert answer.status == 200 and is_same(upstream, path, answer), (path, answer)
        return True

    for result in together(6, fetch_all):
        assert result is True, result
    for gateway in pair:
        gateway.stop()
    modgate("verify", str(tmp_path / "data"), check=0)


def fetch_until_it_dies(gateway, paths, seed, wrong, upstream):
    for path in random.Random(seed).sample(paths, len(paths)):
        try:
            answer = gateway.get(path)
        except Exception:  # pylint: disable=broad-except
            return  # it was killed: what broke off is visible as such to a client
        if answer.status != 200 or not is_same(upstream, path, answer):
            wrong.append((path, answer))


def test_kill_9_during_a_hundred_fetches(gateway_on, upstream, flags, tmp_path):
    data = tmp_path / "data"
    paths = artefacts(upstream.tree)
    rng = random.Random(20)
    wrong = []
    for turn in range(int(os.environ.get("MODGATE_TEST_KILLS", "6"))):
        gateway = gateway_on(upstream.http, *flags, data_dir=data)
        threads = [threading.Thread(target=fetch_until_it_dies, args=(gateway, paths, turn * 100 + i, wrong, upstream))
                   for i in range(100)]
        for thread in threads:
            thread.start()
        threading.Event().wait(rng.uniform(0.02, 0.8))
        gateway.kill()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[:3]
        modgate("verify", str(data), check=0)
    last = gateway_on(upstream.http, *flags, data_dir=data)
    left = [name for name in os.listdir(data / "stage") if not name.startswith(f"{last.process.pid}-")]
    assert left == [], "what the killed ones left in the stage"
    for path in paths:
        answer = last.get(path)
        assert answer.status == 200 and is_same(upstream, path, answer), (path, answer)
    last.stop()
    modgate("verify", str(data), check=0)


def test_damage_is_found_and_purged(gateway_on, upstream, flags, tmp_path):
    gateway = gateway_on(upstream.http, *flags)
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    assert gateway.get(path).status == 200
    gateway.stop()
    stored = tmp_path / "data" / "cache" / "download" / path[1:]
    os.chmod(stored, 0o644)
    with open(stored, "r+b") as file:
        file.truncate(1000)
    done = modgate("verify", str(tmp_path / "data"), check=1)
    assert "gen.example.com/m9" in done.stdout + done.stderr
    modgate("verify", "--purge", str(tmp_path / "data"), check=1)
    modgate("verify", str(tmp_path / "data"), check=0)
    again = gateway_on(upstream.http, *flags, data_dir=tmp_path / "data")
    assert again.get(path).body == upstream.file(path)


def test_a_data_dir_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = modgate("serve", "--listen", f"127.0.0.1:{harness.free_port()}", "--data-dir", str(tmp_path / "file" / "x"))
    assert done.returncode != 0
    assert str(tmp_path / "file") in done.stderr
