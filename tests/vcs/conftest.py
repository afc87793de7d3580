"""Fixtures of the tests of modules from version control; what they give is in servers.py and ../e2e/harness.py."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import harness  # noqa: E402
import servers  # noqa: E402


@pytest.fixture(scope="session")
def githost_binary(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("githost") / "githost")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(HERE, "githost"), check=True)
    return binary


@pytest.fixture(scope="session")
def upstream_binary(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("upstream") / "upstream")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "upstream"), check=True)
    return binary


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
    """Starts gateways that fetch from version control; all are stopped at the end, each must end well, and nothing
    that it started may be left."""
    started = []

    def start(host, *flags, upstream="direct", env=None, data_dir=None, **kw):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        mark = f"MODGATE_TEST_MARK={tmp_path}"
        environment = {**host.environment(), "HOME": str(home), mark.split("=")[0]: str(tmp_path), **(env or {})}
        running = harness.Gateway(data_dir or tmp_path / "data", "--upstream", upstream, "--sumdb", "off", *flags,
                                  env=environment, **kw)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()
    assert_nothing_left(tmp_path)


def assert_nothing_left(tmp_path):
    """No process of the test's gateways, and no lock of a git that is gone."""
    left = [p for p in map(describe, filter(str.isdigit, os.listdir("/proc"))) if p and str(tmp_path / "data") in p]
    assert not left, left
    data = tmp_path / "data"
    locks = [os.path.join(base, n) for base, _, names in os.walk(data) for n in names if n.endswith(".lock")]
    assert not locks, locks


def describe(pid):
    """The command line and folder of a process; nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return f"{pid}: {file.read().replace(bytes(1), b' ').decode('utf-8', 'replace')} in {os.readlink(f'/proc/{pid}/cwd')}"
    except OSError:
        return ""
