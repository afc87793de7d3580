"""The rows on version control: the same go command, once through modgate and once with GOPROXY=direct, before the same
git servers (tests/vcs/githost, over TLS). Nothing is pinned: both ways have both cores."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import lib
from lib import Modgate, Process, median
from results import Row

sys.path.insert(0, os.path.join(lib.ROOT, "tests", "vcs"))

from gitrepo import Repo, noise  # noqa: E402

HOST, REPOS, VERSIONS, FILES = "git.test.example", 10, 10, 60


def make_repo(number, rng):
    """A repository of some sixty files, of which each version changes a few."""
    repo = Repo(f"{HOST}/r{number}.git")
    files = {f"d{i % 7}/f{i}.go": b"package d\n" + noise(rng, 3000).hex().encode() for i in range(FILES)}
    repo.commit({"go.mod": f"module {HOST}/r{number}\n\ngo 1.20\n", "LICENSE": "free\n", **files})
    repo.tag("v1.0.0")
    for version in range(1, VERSIONS):
        add_version(repo, version, rng)
    return repo


def add_version(repo, version, rng):
    for _ in range(4):
        i = rng.randrange(FILES)
        repo.commit({f"d{i % 7}/f{i}.go": b"package d\n" + noise(rng, 3000).hex().encode()})
    repo.tag(f"v1.{version}.0")


class GitHost(Process):
    def __init__(self, bench, dir_):
        super().__init__([bench.githost, "-dir", dir_, "-ca", f"{bench.folder}/githost.pem"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        self.__dict__.update(json.loads(self.process.stdout.readline()))

    def environment(self):
        keep = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("GIT_")}
        return dict(keep, HTTPS_PROXY=self.proxy, HTTP_PROXY=self.proxy, SSL_CERT_FILE=self.ca, SSL_CERT_DIR="/nowhere",
                    GIT_SSL_CAINFO=self.ca, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", HOME=os.path.dirname(self.ca))


def download(env, proxy, modcache, versions, prefix=()):
    """Seconds that `go mod download` takes for the versions."""
    env = dict(env, GOPROXY=proxy, GOMODCACHE=modcache, GOSUMDB="off", GONOSUMDB="*", GOFLAGS="-mod=mod -modcacherw",
               GOTOOLCHAIN="local", GOENV="off", GOWORK="off", GOTELEMETRY="off", GOPATH=modcache + "/gopath")
    started = time.monotonic()
    done = subprocess.run([*prefix, "go", "mod", "download", *versions], env=env, cwd=os.path.dirname(modcache),
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: go mod download through {proxy}: {done.stderr[:2000]}")
    return time.monotonic() - started


def traced(path, *more):
    return ["strace", *more, "-f", "-q", "-e", "trace=execve", "-e", "signal=none", "-o", path]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def children(path):
    """How many programs were started below a traced one. strace itself starts the first."""
    return len(re.findall(r"execve\(.* = 0$", read(path), re.M)) - 1


class Ways:
    """Each call is a client with an empty module cache; `through` has a gateway of its own unless one is given."""

    def __init__(self, bench, host):
        self.folder, self.host, self.env = bench.folder, host, host.environment()

    def fresh(self):
        return os.path.join(tempfile.mkdtemp(dir=self.folder), "modcache")

    def gateway(self, *flags, **kw):
        return Modgate(tempfile.mkdtemp(dir=self.folder), "--upstream", "direct", "--sumdb", "off", "--log-access", "false",
                       "--log-level", "error", *flags, core="0,1", env=self.env, **kw)

    def direct(self, versions, modcache=None, prefix=()):
        return download(self.env, "direct", modcache or self.fresh(), versions, prefix)

    def through(self, versions, gateway=None):
        if gateway:
            return download(self.env, gateway.url, self.fresh(), versions)
        with self.gateway() as own:
            return download(self.env, own.url, self.fresh(), versions)

    def count_direct(self, versions):
        trace = f"{self.folder}/go.trace"
        self.direct(versions, prefix=traced(trace))
        return children(trace)

    def count_through(self, versions):
        trace = f"{self.folder}/modgate.trace"
        # -D: the gateway is our child, and gets our signals; strace looks on from beside it.
        with self.gateway(prefix=traced(trace, "-D")) as gateway:
            download(self.env, gateway.url, self.fresh(), versions)
        while not re.search(rf"^{gateway.pid} +\+\+\+ ", read(trace), re.M):
            time.sleep(0.01)
        return children(trace)


def vcs(bench):
    bench.githost = f"{bench.folder}/githost"
    subprocess.run(["go", "build", "-o", bench.githost, "."], cwd=f"{lib.ROOT}/tests/vcs/githost", check=True)
    dir_, rng = f"{bench.folder}/repos", random.Random(1)
    repos = [make_repo(i, rng) for i in range(REPOS)]
    for repo in repos:
        repo.write(dir_)
    versions = [f"{HOST}/r{i}@v1.{v}.0" for v in range(VERSIONS) for i in range(REPOS)]
    with GitHost(bench, dir_) as host:
        ways = Ways(bench, host)
        ours, straight = map(median, bench.alternate(lambda: ways.through(versions), lambda: ways.direct(versions)))
        yield Row("vcs", "100 versions of ten repositories, cold", "s", ours, straight, ours / straight, 0.25,
                  is_low_better=True)
        ours, straight = ways.count_through(versions), ways.count_direct(versions)
        yield Row("vcs", "programs started for them", "", ours, straight, ours / straight, None, is_low_better=True)
        yield from warm(bench, ways, dir_, rng)
        yield from pushed(bench, ways, dir_, rng)


def warm(bench, ways, dir_, rng):
    """A version that nobody has asked for yet, of a repository of which others were asked for."""
    repo = make_repo(REPOS + 1, rng)
    repo.write(dir_)
    name, ours, straight = repo.url_path[:-4], [], []
    with ways.gateway() as gateway:
        for number in range(2):
            ways.through([f"{name}@v1.{number}.0"], gateway)
        for number in range(2, min(VERSIONS, 2 + bench.o.rounds)):
            ours.append(ways.through([f"{name}@v1.{number}.0"], gateway))
            straight.append(ways.direct([f"{name}@v1.{number}.0"]))
    ours, straight = median(ours), median(straight)
    yield Row("vcs", "a new version of a known repository", "s", ours, straight, ours / straight, 0.1, is_low_better=True)


def pushed(bench, ways, dir_, rng):
    """A version that was pushed a moment ago: both ways must ask the host."""
    repo, number = make_repo(REPOS, rng), VERSIONS
    repo.write(dir_)
    known = ways.fresh()
    old = [f"{repo.url_path[:-4]}@v1.0.0"]
    ways.direct(old, known)
    found = {"through": [], "direct": [], "known": []}
    # What is new is asked for at once, where a gateway would say for a minute that it is not there.
    with ways.gateway("--vcs-refs-ttl", "0s", "--cache-negative-ttl", "0s", "--cache-list-ttl", "0s") as gateway:
        ways.through(old, gateway)
        for _ in range(bench.o.rounds):
            add_version(repo, number, rng)
            repo.write(dir_)
            new = [f"{repo.url_path[:-4]}@v1.{number}.0"]
            found["through"].append(ways.through(new, gateway))
            found["direct"].append(ways.direct(new))
            found["known"].append(ways.direct(new, known))
            number += 1
    shutil.rmtree(os.path.dirname(known))
    ours, straight, knowing = (median(found[name]) for name in ("through", "direct", "known"))
    yield Row("vcs", "a version pushed a moment ago, against go with empty caches", "s", ours, straight, ours / straight,
              None, is_low_better=True)
    yield Row("vcs", "the same, against go with a warm cache of the repository", "s", ours, knowing, ours / knowing, None,
              is_low_better=True)
