"""Fixtures of the end-to-end tests; what they give is in harness.py."""

import os
import shutil
import subprocess

import pytest

import harness


@pytest.fixture(scope="session")
def upstream_binary(tmp_path_factory):
    """tests/upstream, built once."""
    assert shutil.which("go"), "no go command on PATH (tools/get-go prints where there is one)"
    binary = str(tmp_path_factory.mktemp("upstream") / "upstream")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "upstream"), check=True)
    return binary


@pytest.fixture(scope="session")
def tree(upstream_binary, tmp_path_factory):
    """A GOPROXY tree of generated modules, the same for all tests: (tree, main module)."""
    folder = tmp_path_factory.mktemp("tree")
    made, main = folder / "tree", folder / "main"
    subprocess.run([upstream_binary, "-dir", str(made), "-main", str(main), "-gen", "44", "-max-size", "1500000",
                    "-only-gen"], check=True)
    return made, main


@pytest.fixture
def upstream(upstream_binary, tree, tmp_path):
    running = harness.Upstream(upstream_binary, tree[0], tmp_path / "upstream-ca.pem")
    yield running
    running.stop()


@pytest.fixture
def gateway_on(tmp_path):
    """Starts gateways; all are stopped at the end, and each must end well."""
    started = []

    def start(upstream_list, *flags, data_dir=None, **kw):
        folder = data_dir or tmp_path / "data"
        running = harness.Gateway(folder, "--upstream", upstream_list, *flags, **kw)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def gateway(gateway_on, upstream):
    """A gateway before the upstream, checksum database included, patient with nobody."""
    return gateway_on(upstream.http, *quick(upstream))


def quick(upstream):
    """Flags that make failures quick, so that tests of failures are."""
    return ["--sumdb", f"{upstream.sumdb} {upstream.http}", "--fetch-retries", "1", "--fetch-stall-timeout", "2s",
            "--fetch-breaker-failures", "0"]


@pytest.fixture
def flags(upstream):
    return quick(upstream)


@pytest.fixture
def go(tmp_path, tree):
    """Makes go commands with caches of their own, each with a copy of the main module in .main."""
    made = []

    def make(proxy, sumdb="off", **env):
        folder = tmp_path / f"go{len(made)}"
        folder.mkdir()
        command = harness.Go(folder, proxy, sumdb, **env)
        command.main = str(folder / "main")
        shutil.copytree(tree[1], command.main)
        made.append(command)
        return command

    return make


@pytest.fixture(scope="session")
def sumclient(tmp_path_factory):
    """tests/sumclient, built once: runs it with arguments and standard input."""
    binary = str(tmp_path_factory.mktemp("sumclient") / "sumclient")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "sumclient"), check=True)

    def run(*args, text="", check=0):
        done = subprocess.run([binary, *args], input=text, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == check, done.stdout + done.stderr
        return done

    run.binary = binary
    return run
