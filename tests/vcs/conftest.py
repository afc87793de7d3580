"""Fixtures of the tests of modules from version control; what they give is in servers.py and ../e2e/harness.py."""

import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import harness  # noqa: E402
import servers  # noqa: E402


def built(tmp_path_factory, name, source):
    binary = str(tmp_path_factory.mktemp(name) / name)
    subprocess.run(["go", "build", "-o", binary, "."], cwd=source, check=True)
    return binary


@pytest.fixture(scope="session")
def githost_binary(tmp_path_factory):
    return built(tmp_path_factory, "githost", os.path.join(HERE, "githost"))


@pytest.fixture(scope="session")
def upstream_binary(tmp_path_factory):
    return built(tmp_path_factory, "upstream", os.path.join(harness.ROOT, "tests", "upstream"))


@pytest.fixture
def githost(githost_binary, tmp_path):
    """A world without repositories; tests write them below .dir."""
    dir_ = tmp_path / "repos"
    dir_.mkdir()
    running = servers.GitHost(githost_binary, tmp_path, dir_)
    yield running
    running.stop()


@pytest.fixture
def sshd(githost, tmp_path):
    running = servers.Sshd(tmp_path / "sshd", githost.dir)
    yield running
    running.stop()


@pytest.fixture
def daemon(githost):
    running = servers.Daemon(githost.dir)
    yield running
    running.stop()


@pytest.fixture
def gateway_on(tmp_path):
    """Starts gateways that fetch from version control. At the end each must end well, and nothing that they started
    may be left: no zombie, no process, no lock."""
    started = []

    def start(host, *flags, upstream="direct", env=None, data_dir=None, **kw):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        flags = ["--fetch-retries", "0", "--fetch-breaker-failures", "0", *flags]
        running = harness.Gateway(data_dir or tmp_path / "data", "--upstream", upstream, "--sumdb", "off", *flags,
                                  env={**host.environment(), "HOME": str(home), "MARK": str(tmp_path), **(env or {})}, **kw)
        started.append(running)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            pid = running.process.pid
            harness.wait_until(lambda pid=pid: not zombies(pid), "the zombies of modgate to be buried")
        running.stop()
    assert_nothing_left(tmp_path)


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def zombies(parent):
    stats = (read_proc(pid, "stat") for pid in processes())
    return [s for s in stats if re.search(rf"\) Z {parent} ", s)]


def strays(tmp_path):
    """What still runs of what gateways of this test started: known by its environment, command line or folder."""
    found = []
    for pid in processes():
        command = read_proc(pid, "cmdline")
        try:
            folder = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            folder = ""
        if f"MARK={tmp_path} " in read_proc(pid, "environ") or str(tmp_path / "data") in command + folder:
            found.append(f"{pid}: {command}")
    return found


def assert_nothing_left(tmp_path):
    harness.wait_until(lambda: not strays(tmp_path), "all that modgate started to end")
    # <mirror>.lock beside a mirror is flocked, not made and removed: it tells nothing by being there.
    left = [os.path.join(base, n) for base, _, names in os.walk(tmp_path / "data") for n in names
            if (n.endswith(".lock") and base != str(tmp_path / "data" / "vcs")) or n.startswith(("tmp_pack_", "tmp_idx_", "tmp_obj_"))]
    assert not left, left


@pytest.fixture
def nothing_left(tmp_path):
    return lambda: assert_nothing_left(tmp_path)


@pytest.fixture
def go_on(tmp_path):
    """Makes go commands of the world of a host, with caches of their own."""
    made = []

    def make(host, proxy, **env):
        folder = tmp_path / f"go{len(made)}"
        folder.mkdir()
        command = harness.Go(folder, proxy, GONOSUMDB="*", **{**host.environment(), **env})
        made.append(command)
        return command

    return make
