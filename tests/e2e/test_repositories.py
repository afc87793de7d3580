"""Several repositories behind one gateway: hosted, version control and mirrors, alone and as a group, with the real go
command. What the mirrors were asked is looked up in their own records."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

import harness
from harness import modgate

sys.path.append(os.path.join(harness.ROOT, "tests", "vcs"))

import servers  # noqa: E402
from gitrepo import Repo  # noqa: E402

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "store", "store_driver")
LIB = "corp.test.example/lib/word"
TOOL = "git.test.example/team/tool"
FREE = "free.test.example/text"


def pack(folder, path, version, files, when="2024-01-02T03:04:05Z"):
    """The files of a version (info, mod, zip) in a folder, and its h1."""
    source = folder / "source"
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content)
    modgate("mod", "zip", str(source), f"{path}@{version}", "-o", str(folder / "m.zip"), check=0)
    (folder / "mod").write_text(files["go.mod"])
    (folder / "info").write_text(json.dumps({"Version": version, "Time": when}))
    h1 = modgate("mod", "hash", str(folder / "m.zip"), check=0).stdout.split()[0]
    (folder / "m.zip").rename(folder / "zip")
    return h1


def module(path, word, more=""):
    name = path.rsplit("/", 1)[1]
    return {"go.mod": f"module {path}\n\ngo 1.21\n{more}",
            f"{name}.go": f'package {name}\n\n// Word says where it comes from.\nfunc Word() string {{ return "{word}" }}\n'}


class World:
    """A mirror, a second one, a git host, and the folders of a gateway."""

    def __init__(self, tmp_path, mirror, second, git):
        self.tmp, self.mirror, self.second, self.git = tmp_path, mirror, second, git
        self.data = tmp_path / "data"
        self.config = tmp_path / "modgate.yaml"
        self._packs = 0

    def _pack(self, path, version, files):
        self._packs += 1
        folder = self.tmp / f"pack{self._packs}"
        folder.mkdir()
        return folder, pack(folder, path, version, files)

    def publish(self, store, path, version, word, more=""):
        """Into the store of a hosted repository, with the store's own commit."""
        folder, h1 = self._pack(path, version, module(path, word, more))
        subprocess.run([DRIVER, "keep", str(self.data / store), path, version, folder, h1], check=True)

    def mirrors(self, mirror, path, version, word, more=""):
        """A version on a mirror."""
        self.mirrors_files(mirror, path, version, module(path, word, more))

    def mirrors_files(self, mirror, path, version, files):
        folder, _ = self._pack(path, version, files)
        at = os.path.join(str(mirror.tree), path, "@v")
        os.makedirs(at, exist_ok=True)
        for what in ("info", "mod", "zip"):
            os.replace(folder / what, f"{at}/{version}.{what}")
        with open(f"{at}/list", "a", encoding="ascii") as file:
            file.write(version + "\n")

    def tag(self, path, words, repository=None):
        """A git repository with a tag for each version."""
        repo = Repo(repository or path + ".git")
        for version, word in words.items():
            repo.commit({name: text.encode() for name, text in module(path, word).items()})
            repo.tag(version)
        repo.write(self.git.dir)

    def write(self, text):
        self.config.write_text(text.replace("MIRROR", self.mirror.http).replace("SECOND", self.second.http))

    def asked(self, word):
        """What the mirrors were asked that has the word in it."""
        return [r for m in (self.mirror, self.second) for r in m.requests() if word in json.dumps(r)]


@pytest.fixture(scope="session")
def githost_binary(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("githost") / "githost")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "vcs", "githost"), check=True)
    return binary


@pytest.fixture
def world(upstream_binary, githost_binary, tmp_path):
    started = []
    for name in ("mirror", "second"):
        (tmp_path / name).mkdir()
        started.append(harness.Upstream(upstream_binary, tmp_path / name, tmp_path / f"{name}-ca.pem"))
    (tmp_path / "repos").mkdir()
    started.append(servers.GitHost(githost_binary, tmp_path, tmp_path / "repos"))
    yield World(tmp_path, *started)
    for each in started:
        each.stop()


COMMON = """
sumdb: "off"
fetch: {retries: 0, breaker_failures: 0}
cache: {list_ttl: 0s, negative_ttl: 0s, stale_while: 0s}
"""

ONE_OF_EACH = COMMON + """
vcs: {rules: {git.test.example/team/*: 'https://git.test.example/team/*.git'}}
repositories:
  internal: {kind: hosted, owns: corp.test.example}
  git: {kind: vcs, owns: git.test.example, mount: go/private, folder: go/private}
  public: {kind: proxy, upstream: MIRROR}
  all: {kind: group, members: 'internal,git,public'}
"""


@pytest.fixture
def serve(world):
    started = []

    def start(text=ONE_OF_EACH, **kw):
        world.write(text)
        env = {**world.git.environment(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        gateway = harness.Gateway(world.data, "--config-file", str(world.config), env=env, **kw)
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def go_cache(tmp_path_factory):
    """What was compiled once is not compiled again."""
    return os.environ.get("MODGATE_TEST_GOCACHE", str(tmp_path_factory.mktemp("gocache")))


@pytest.fixture
def go_at(tmp_path, go_cache):
    made = []

    def make(proxy, **env):
        folder = tmp_path / f"go{len(made)}"
        folder.mkdir()
        made.append(harness.Go(folder, proxy, **env))
        made[-1].env["GOCACHE"] = go_cache
        return made[-1]

    return make


def program(go, *paths):
    """A program that prints the word of each package."""
    folder = os.path.join(go.folder, "program")
    os.makedirs(folder, exist_ok=True)
    names = [p.rsplit("/", 1)[1] for p in paths]
    imports = "".join(f'\t"{p}"\n' for p in paths)
    calls = "".join(f"\tprintln({n}.Word())\n" for n in names)
    with open(f"{folder}/main.go", "w", encoding="ascii") as file:
        file.write(f"package main\n\nimport (\n{imports})\n\nfunc main() {{\n{calls}}}\n")
    with open(f"{folder}/go.mod", "w", encoding="ascii") as file:
        file.write("module main.test.example\n\ngo 1.21\n")
    return folder


def said(go, folder):
    done = go.run("run", ".", cwd=folder)
    return done.stderr.split()


def fill(world):
    world.publish("repositories/internal", LIB, "v1.0.0", "hosted")
    world.tag(TOOL, {"v1.2.0": "git"})
    world.mirrors(world.mirror, FREE, "v0.3.0", "mirrored")


def test_one_program_from_three_members(world, serve, go_at):
    fill(world)
    gateway = serve()
    go = go_at(gateway.url)
    folder = program(go, LIB, TOOL, FREE)
    go.run("get", f"{LIB}@latest", f"{TOOL}@latest", f"{FREE}@latest", cwd=folder)
    assert said(go, folder) == ["hosted", "git", "mirrored"]
    assert world.asked("free.test"), "the mirror was asked"
    assert not world.asked("corp.test") and not world.asked("git.test")
    # Where each was stored: the root has nothing of them.
    trees = {name: os.path.exists(world.data / folder / "cache/download" / path) for name, folder, path in [
        ("git", "go/private", TOOL), ("public", "repositories/public", FREE), ("hosted", "repositories/internal", LIB),
        ("root", ".", FREE)]}
    assert trees == {"git": True, "public": True, "hosted": True, "root": False}


def test_a_mount_used_alone(world, serve, go_at):
    """Each repository is a GOPROXY below its mount, and knows nothing of what is not its own."""
    fill(world)
    gateway = serve()
    for mount, path, word in [("internal", LIB, "hosted"), ("go/private", TOOL, "git"), ("public", FREE, "mirrored"),
                              ("all", TOOL, "git")]:
        go = go_at(f"{gateway.url}/{mount}")
        folder = program(go, path)
        go.run("get", f"{path}@latest", cwd=folder)
        assert said(go, folder) == [word]
    for mount in ("internal", "go/private"):
        answer = gateway.get(f"/{mount}/{FREE}/@v/list")
        assert answer.status == 404, answer
        harness.assert_says_why(answer)
    assert gateway.get("/go/@v/list").status == 400
    assert gateway.get("/all").status == 404 and gateway.get("/all/").status == 404
    world.mirror.reset()
    refused = gateway.get(f"/public/{LIB}/@v/v1.0.0.info")
    assert refused.status == 403, refused
    harness.assert_says_why(refused)
    assert not world.asked("corp.test")


def test_several_go_commands_through_a_list_of_mounts(world, serve, go_at):
    """What a hosted repository does not have is 404, so that a GOPROXY list of mounts works, too."""
    fill(world)
    gateway = serve()
    go = go_at(f"{gateway.url}/internal,{gateway.url}/go/private,{gateway.url}/public")
    folder = program(go, LIB, TOOL, FREE)
    go.run("get", f"{LIB}@latest", f"{TOOL}@latest", f"{FREE}@latest", cwd=folder)
    assert said(go, folder) == ["hosted", "git", "mirrored"]


def test_dependency_confusion(world, serve, go_at):
    """A mirror that offers higher versions of owned paths is never asked for them, not even when nobody has the path."""
    fill(world)
    world.mirrors(world.mirror, LIB, "v1.9.0", "evil")
    world.mirrors(world.mirror, TOOL, "v1.9.0", "evil")
    world.mirrors(world.mirror, "corp.test.example/lib/missing", "v1.0.0", "evil")
    gateway = serve()
    go = go_at(gateway.url)
    folder = program(go, LIB, TOOL)
    go.run("get", f"{LIB}@latest", f"{TOOL}@latest", cwd=folder)
    assert said(go, folder) == ["hosted", "git"]
    assert gateway.get(f"/{LIB}/@v/list").text.split() == ["v1.0.0"]
    assert gateway.get(f"/{LIB}/@v/v1.9.0.info").status == 404
    assert gateway.get("/corp.test.example/lib/missing/@latest").status == 404
    assert gateway.get("/corp.test.example/lib/missing/@v/v1.0.0.zip").status == 404
    assert gateway.get("/corp.test.example/lib/missing/@v/main.info").status == 404
    failed = go.run("get", "corp.test.example/lib/missing", cwd=folder, check=False)
    assert failed.returncode != 0
    assert not world.asked("corp.test") and not world.asked("git.test")


def test_no_checksum_database_hears_of_owned_paths(world, serve, upstream):
    fill(world)
    name = upstream.sumdb.split("+")[0]
    gateway = serve(ONE_OF_EACH.replace('sumdb: "off"', f'sumdb: "{upstream.sumdb} {upstream.http}"'))
    for base in ("", "/all", "/public", "/internal", "/go/private"):
        assert gateway.get(f"{base}/sumdb/{name}/supported").status == 200
        for path in (f"{LIB}@v1.0.0", f"{TOOL}@v1.2.0"):
            assert gateway.get(f"{base}/sumdb/{name}/lookup/{path}").status == 403
    assert gateway.get(f"/{LIB}/@v/v1.0.0.zip").status == 200
    assert gateway.get(f"/{TOOL}/@v/v1.2.0.zip").status == 200
    assert not [r for r in upstream.requests() if "test.example/" in json.dumps(r)]
    # What is public is relayed by any of them, from one state.
    found = harness.artefacts(upstream.tree)
    base = next(f[1:-len(".zip")] for f in found if f.endswith(".zip") and "incompatible" not in f)
    lookup = base.replace("/@v/", "@")
    first = gateway.get(f"/all/sumdb/{name}/lookup/{lookup}")
    upstream.reset()
    second = gateway.get(f"/public/sumdb/{name}/lookup/{lookup}")
    assert (first.status, first.body) == (200, second.body)
    assert upstream.count("*lookup*") == 0, "the record is known to all repositories"


def test_the_outage_of_one_member_is_said(world, serve):
    """Others go on, what is stored is served, and no 404 leads a client elsewhere."""
    fill(world)
    gateway = serve()
    assert gateway.get(f"/{FREE}/@v/v0.3.0.zip").status == 200
    world.mirror.stop()
    world.git.fault("*", "status", status=503)
    assert gateway.get(f"/{LIB}/@v/list").text == "v1.0.0\n"
    assert gateway.get(f"/{FREE}/@v/v0.3.0.zip").status == 200
    down = gateway.get(f"/{FREE}/@v/v0.4.0.info")
    assert down.status in (502, 503, 504), down
    harness.assert_says_why(down)
    down = gateway.get(f"/{TOOL}/@v/list")
    assert down.status in (502, 503, 504), down


TWO_MIRRORS = COMMON + """
repositories:
  one: {kind: proxy, upstream: MIRROR}
  two: {kind: proxy, upstream: SECOND}
  all: {kind: group, members: 'one, two'}
"""


def test_lists_are_merged(world, serve):
    for version in ("v1.2.0", "v1.10.0", "v1.0.0"):
        world.mirrors(world.mirror, FREE, version, "one")
    for version in ("v1.2.0", "v1.9.0", "v1.11.0-rc.1"):
        world.mirrors(world.second, FREE, version, "two")
    world.mirrors(world.second, "free.test.example/other", "v0.1.0", "two")
    gateway = serve(TWO_MIRRORS)
    assert gateway.get(f"/{FREE}/@v/list").text.split() == ["v1.0.0", "v1.2.0", "v1.9.0", "v1.10.0", "v1.11.0-rc.1"]
    assert gateway.get(f"/{FREE}/@latest").json()["Version"] == "v1.10.0"
    assert gateway.get("/free.test.example/other/@v/list").text == "v0.1.0\n"
    assert gateway.get("/free.test.example/other/@latest").json()["Version"] == "v0.1.0"
    absent = gateway.get("/free.test.example/nowhere/@v/list")
    assert absent.status == 404
    harness.assert_says_why(absent)


@pytest.mark.parametrize("victim", ["mirror", "second"])
def test_a_member_that_is_down_is_not_left_out(world, serve, victim):
    """Neither of lists nor of versions: the answer names it."""
    world.mirrors(world.mirror, FREE, "v1.0.0", "one")
    world.mirrors(world.second, FREE, "v1.1.0", "two")
    gateway = serve(TWO_MIRRORS)
    name = {"mirror": "one", "second": "two"}[victim]
    getattr(world, victim).fault("*", "status", code=500)
    for path in (f"/{FREE}/@v/list", f"/{FREE}/@latest", f"/{FREE}/@v/v1.2.0.info"):
        answer = gateway.get(path)
        assert answer.status == 502, (path, answer)
        assert f"repository {name}" in answer.text
        harness.assert_says_why(answer)
    getattr(world, victim).no_faults()
    assert gateway.get(f"/{FREE}/@v/list").text.split() == ["v1.0.0", "v1.1.0"]
    # A list that was whole once is given while one of them is down.
    getattr(world, victim).fault("*", "status", code=500)
    stale = gateway.get(f"/{FREE}/@v/list")
    assert stale.text.split() == ["v1.0.0", "v1.1.0"]
    assert "stale" in stale["cache-status"]


def test_the_first_member_that_has_a_version_serves_it_for_ever(world, serve):
    world.mirrors(world.second, FREE, "v1.0.0", "two")
    gateway = serve(TWO_MIRRORS)
    base = f"/{FREE}/@v/v1.0.0"
    first = {ext: gateway.get(f"{base}.{ext}").body for ext in ("info", "mod", "zip")}
    # Now the member before it gets the version, too, with other content, and serves it by itself.
    world.mirrors(world.mirror, FREE, "v1.0.0", "one")
    alone = gateway.get(f"/one{base}.zip")
    assert alone.status == 200 and alone.body != first["zip"]

    def unchanged(gateway):
        assert {ext: gateway.get(f"{base}.{ext}").body for ext in first} == first
        assert {ext: gateway.get(f"/all{base}.{ext}").body for ext in first} == first
    unchanged(gateway)
    gateway.stop()
    gateway = serve(TWO_MIRRORS)
    unchanged(gateway)
    # Not by the order of the members, and not when it was dropped and must be fetched again.
    gateway.stop()
    modgate("evict", "--config-file", str(world.config), "--data-dir", str(world.data), "--repository", "two",
            "--max-size", "1", check=0)
    gateway = serve(TWO_MIRRORS)
    unchanged(gateway)
    world.second.stop()
    unchanged(gateway)
    # The .info alone decides it as well.
    world.second.start()
    world.mirrors(world.second, FREE, "v1.1.0", "two")
    info = gateway.get(f"/{FREE}/@v/v1.1.0.info")
    world.mirrors(world.mirror, FREE, "v1.1.0", "one")
    zipped = gateway.get(f"/{FREE}/@v/v1.1.0.zip")
    assert info.status == zipped.status == 200
    assert zipped.body == gateway.get(f"/two/{FREE}/@v/v1.1.0.zip").body


def test_many_ask_a_group_at_once(world, serve):
    world.mirrors(world.second, FREE, "v1.0.0", "two")
    gateway = serve(TWO_MIRRORS)
    got = harness.together(20, lambda i: gateway.get(f"/{FREE}/@v/v1.0.0.zip"))
    assert {(g.status, g.body) for g in got} == {(200, got[0].body)}
    assert world.second.count("*v1.0.0.zip") == 1 and world.mirror.count("*v1.0.0.zip") == 1


def test_hosted_before_version_control(world, serve, go_at):
    """Two members that own a path: both are asked, no mirror is. (main is v1.1.0.)"""
    world.tag(TOOL, {"v1.0.0": "git", "v1.1.0": "git"})
    world.publish("repositories/internal", TOOL, "v1.1.0", "hosted")
    world.publish("repositories/internal", TOOL, "v1.3.0", "hosted")
    world.mirrors(world.mirror, TOOL, "v1.9.0", "evil")
    gateway = serve(ONE_OF_EACH.replace("owns: corp.test.example", "owns: 'corp.test.example,git.test.example'"))
    assert gateway.get(f"/{TOOL}/@v/list").text.split() == ["v1.0.0", "v1.1.0", "v1.3.0"]
    go = go_at(gateway.url)
    for version, word in [("v1.0.0", "git"), ("v1.1.0", "hosted"), ("latest", "hosted"), ("main", "hosted")]:
        folder = program(go, TOOL)
        go.run("get", f"{TOOL}@{version}", cwd=folder)
        assert said(go, folder) == [word], version
    assert not world.asked("git.test")


def test_reload_adds_changes_and_removes(world, serve):
    world.mirrors(world.mirror, FREE, "v1.0.0", "one")
    world.mirrors(world.second, FREE, "v1.1.0-rc.1", "two")
    one = COMMON + "repositories:\n  one: {kind: proxy, upstream: MIRROR}\n"
    gateway = serve(one)
    assert gateway.get(f"/{FREE}/@v/v1.0.0.info").status == 200
    assert gateway.get(f"/two/{FREE}/@v/list").status in (400, 404)

    def reload(text, pattern="settings taken up"):
        world.write(text)
        before = gateway.log.count(pattern)
        gateway.signal(signal.SIGHUP)
        harness.wait_until(lambda: gateway.log.count(pattern) > before, pattern + gateway.log)
    reload(TWO_MIRRORS)
    assert gateway.get(f"/two/{FREE}/@v/v1.1.0-rc.1.info").status == 200
    assert gateway.get(f"/{FREE}/@v/list").text.split() == ["v1.0.0", "v1.1.0-rc.1"]
    # A mistake leaves everything as it was.
    reload(TWO_MIRRORS.replace("kind: group", "kind: grop"), "the settings were not taken up")
    assert gateway.get(f"/two/{FREE}/@v/list").text == "v1.1.0-rc.1\n"
    reload(TWO_MIRRORS.replace("two: {kind: proxy", "two: {kind: proxy, mount: a/b"))
    assert gateway.get(f"/a/b/{FREE}/@v/list").text == "v1.1.0-rc.1\n"
    assert gateway.get(f"/two/{FREE}/@v/list").status in (400, 404)
    # One that waits for its mirror when it is taken away is answered; then the repository ends.
    world.second.reset()
    world.second.fault("*v1.5.0*", "slow", delay_ms=2000)
    world.mirrors(world.second, FREE, "v1.5.0", "two")

    def reload_when_asked():
        harness.wait_until(lambda: world.second.count("*v1.5.0*"), "the question to reach the mirror")
        reload(one)
    waiting = harness.together(2, lambda i: reload_when_asked() if i else gateway.get(f"/a/b/{FREE}/@v/v1.5.0.info"))
    assert waiting[0].status == 200 and waiting[1] is None, waiting
    gateway.wait_log('"a repository has ended".*"two"')
    assert gateway.get(f"/{FREE}/@v/list").text == "v1.0.0\n"


def test_what_is_said_of_repositories(world, serve):
    fill(world)
    gateway = serve(ONE_OF_EACH.replace("breaker_failures: 0", "breaker_failures: 1"))
    gateway.get(f"/{FREE}/@v/v0.3.0.info")
    gateway.get(f"/{FREE}/@v/v0.3.0.info")
    gateway.get(f"/internal/{LIB}/@v/v1.0.0.mod")
    assert gateway.metric("modgate_repository_requests_total", repository="all", result="hit") == 1
    assert gateway.metric("modgate_repository_requests_total", repository="all", result="miss") == 1
    assert gateway.metric("modgate_repository_requests_total", repository="internal", result="hit") == 1
    assert gateway.metric("modgate_upstream_ok_total", repository="public") > 0
    assert gateway.metric("modgate_store_bytes", repository="internal") > 0
    assert any(e.get("repository") == "internal" for e in gateway.log_entries())
    ready = gateway.get("/readyz?verbose")
    assert ready.status == 200
    assert "[+]store of internal ok" in ready.text and "[+]upstream of public ok" in ready.text
    assert "upstream of internal" not in ready.text and "upstream of git" not in ready.text
    world.mirror.stop()
    gateway.get(f"/{FREE}/@v/v0.4.0.info")
    ready = gateway.get("/readyz?verbose")
    assert ready.status == 200 and "[!]upstream of public failed" in ready.text, ready.text


def test_commands_name_a_repository(world, serve, tmp_path):
    fill(world)
    serve().stop()
    config = ["--config-file", str(world.config), "--data-dir", str(world.data)]
    env = {"env": {"MODGATE_DATA_DIR": str(world.data)}}
    (tmp_path / "list").write_text(f"{FREE}@v0.3.0\n")
    done = modgate("warm", *config, "--repository", "public", str(tmp_path / "list"), check=0)
    assert "1 fetched" in done.stdout
    done = modgate("warm", *config, str(tmp_path / "list"), check=0)
    assert "1 already stored" in done.stdout, "through the group at /"
    assert modgate("warm", *config, "--repository", "nobody", str(tmp_path / "list")).returncode == 1
    done = modgate("verify", "--config-file", str(world.config), "--repository", "public", "--json", check=0, **env)
    assert json.loads(done.stdout)["versions"] == 1, done.stdout
    unknown = modgate("verify", "--config-file", str(world.config), "--repository", "all", check=2, **env)
    assert "internal, git, public" in unknown.stderr
    done = modgate("evict", *config, "--repository", "public", "--max-size", "1", "--dry-run", check=0)
    assert FREE in done.stdout
    done = modgate("evict", *config, "--repository", "internal", "--max-size", "1", check=0)
    assert LIB not in done.stdout, "what was published is not dropped"
    done = modgate("config", "check", "--offline", str(world.config), check=0)
    world.write(ONE_OF_EACH.replace("mount: go/private", "mount: sumdb"))
    done = modgate("config", "check", "--offline", str(world.config), check=1)
    assert "repositories.git.mount" in done.stderr


def test_goget_and_one_checksum_database_for_all(world, serve, go_at, tmp_path):
    """Clients without any setting are led to /; the database that is kept here has records of all members' modules."""
    fill(world)
    key = tmp_path / "sumdb.key"
    made = modgate("sumdb", "keygen", "sum.test.example", "--key-file", str(key), check=0).stdout
    vkey = re.search(r"verifier key:\s+(\S+)", made).group(1)
    gateway = serve(ONE_OF_EACH.replace("vcs: {", "public_url: https://go.test.example\nvcs: {vanity: corp.test.example, ")
                    + f"sumdb_host: {{key_file: {key}}}\n")
    page = gateway.get("/lib/word?go-get=1", {"host": "corp.test.example"})
    assert 'content="corp.test.example mod https://go.test.example"' in page.text
    go = go_at(gateway.url, sumdb=vkey, GONOSUMDB=FREE)
    folder = program(go, LIB, TOOL)
    go.run("get", f"{LIB}@latest", f"{TOOL}@latest", cwd=folder)
    assert said(go, folder) == ["hosted", "git"]
    assert gateway.get(f"/sumdb/sum.test.example/lookup/{FREE}@v0.3.0").status == 404, "scope: private"


def test_upstream_rules_of_a_repository(world, serve, go_at):
    """Which mirror a module comes from is the repository's to say; another one has its own rules."""
    world.mirrors(world.mirror, FREE, "v1.0.0", "one")
    world.mirrors(world.second, FREE, "v1.0.0", "two")
    world.mirrors(world.mirror, "other.test.example/odd", "v1.0.0", "one")
    gateway = serve(COMMON + """
repositories:
  ruled:
    kind: proxy
    mount: go/ruled
    upstream:
      free.test.example: SECOND
      other.test.example: MIRROR
  plain: {kind: proxy, upstream: MIRROR}
default_repository: plain
""")
    for base, words in [("/go/ruled", ["two", "one"]), ("", ["one", "one"])]:
        go = go_at(gateway.url + base)
        folder = program(go, FREE, "other.test.example/odd")
        go.run("get", f"{FREE}@latest", "other.test.example/odd@latest", cwd=folder)
        assert said(go, folder) == words
    assert gateway.get("/go/ruled/third.test.example/x/@v/list").status == 403


def test_the_manual(tmp_path):
    """Every settings file in docs/repositories.md is a good one."""
    with open(os.path.join(harness.ROOT, "docs", "repositories.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```yaml\n(.*?)```", file.read(), re.S)
    assert len(blocks) == 4
    (tmp_path / "git.token").write_text("secret")
    (tmp_path / "git.token").chmod(0o600)
    for block in blocks:
        config = tmp_path / "modgate.yaml"
        config.write_text(block.replace("/etc/modgate/", f"{tmp_path}/").replace("/var/lib/modgate", f"{tmp_path}/data"))
        modgate("config", "check", "--offline", str(config), check=0)
