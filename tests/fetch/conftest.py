"""Fixtures of the fetch tests: the upstream of tests/upstream, and the driver that exposes the fetcher."""

import json
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import harness  # noqa: E402

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "fetch", "fetch_driver")


def trust_nobody(options):
    """With a CA of the test the machine's are not read: that takes longer than the test."""
    return {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"} if options.get("ca") else {}


class Driver:
    """fetch_driver as a process; one request at a time with ask(), many with ask_all()."""

    def __init__(self, goproxy, folder, env=None, **options):
        self.folder = folder
        options = {"netrc": "/dev/null", "retries": 2, **options}
        command = [DRIVER, f"goproxy={goproxy}"]
        for key, value in options.items():
            command += [f"{key}={v}" for v in (value if isinstance(value, list) else [value]) if v is not None]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env=harness.clean_environment(**{**trust_nobody(options), **(env or {})}))
        self._next = 0

    def _send(self, words):
        self._next += 1
        self.process.stdin.write(" ".join([str(self._next), *map(str, words)]) + "\n")
        self.process.stdin.flush()
        return str(self._next)

    def _receive(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def ask(self, *words):
        self._send(words)
        return self._receive()

    def ask_all(self, requests):
        """Needs threads=N; the answers are in the order of the requests."""
        ids = [self._send(words) for words in requests]
        got = [self._receive() for _ in ids]
        return sorted(got, key=lambda answer: int(answer["id"]))

    def small(self, rel, max_bytes=1_000_000, **more):
        return self.ask("small", rel, max_bytes, *(f"{k}={v}" for k, v in more.items()))

    def file(self, rel, max_bytes=100_000_000, **more):
        self._next += 1
        path = os.path.join(self.folder, f"file{self._next}")
        answer = self.ask("file", rel, max_bytes, *(f"{k}={v}" for k, v in more.items()), path)
        answer["path"] = path
        return answer

    def stats(self):
        return self.ask("stats")["stats"]

    def close(self):
        self.process.stdin.close()
        errors = self.process.stderr.read()
        assert self.process.wait(30) == 0, errors
        assert not harness.SANITIZER.search(errors), errors


@pytest.fixture(scope="session")
def upstream_binary(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("upstream") / "upstream")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "upstream"), check=True)
    return binary


@pytest.fixture(scope="session")
def tree(upstream_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree") / "tree"
    subprocess.run([upstream_binary, "-dir", str(folder), "-gen", "24", "-max-size", "3000000", "-only-gen"], check=True)
    return folder


@pytest.fixture(scope="session")
def started_upstream(upstream_binary, tree, tmp_path_factory):
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    running = harness.Upstream(upstream_binary, tree, ca, "-proxy", "127.0.0.1:0", "-proxy-tls", "127.0.0.1:0")
    yield running
    running.stop()


@pytest.fixture
def upstream(started_upstream):
    started_upstream.reset()
    yield started_upstream
    started_upstream.reset()


@pytest.fixture
def driver_on(tmp_path):
    """Starts drivers; each must end well."""
    started = []

    def start(goproxy, env=None, **options):
        started.append(Driver(goproxy, str(tmp_path), env, **options))
        return started[-1]

    yield start
    for driver in started:
        driver.close()


@pytest.fixture(params=["http", "https"])
def scheme(request):
    return request.param


@pytest.fixture
def driver(driver_on, upstream, scheme):
    """A driver before the upstream, over HTTP/1.1 in clear or HTTP/2 over TLS."""
    return driver_on(getattr(upstream, scheme), ca=upstream.ca, stall_ms=30000, connect_ms=30000)


@pytest.fixture
def impatient(driver_on, upstream, scheme):
    """The same, but a second and a half without a byte is a stall."""
    return driver_on(getattr(upstream, scheme), ca=upstream.ca, stall_ms=1500, connect_ms=30000)
