"""Which repository a path means, compared with the real go command; and what a host in trouble, one that wants
credentials and one that says nothing are told apart by."""

import base64
import json
import os
import subprocess

import pytest

import harness
from gitrepo import Repo
from world import go_mod, source

HOST, OTHER = "git.test.example", "other.test.example"
DRIVER = os.path.join(os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build")), "tests", "vcs", "vcs_discovery_driver")


class Driver:
    """vcs_discovery_driver as a process; options are (key, value) pairs."""

    def __init__(self, host, folder, *options, env=None):
        home = folder / "driver-home"
        home.mkdir(exist_ok=True)
        options = [("netrc", "/dev/null"), *options]
        self.process = subprocess.Popen([DRIVER, f"dir={folder}/copies", *(f"{k}={v}" for k, v in options)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=harness.clean_environment(**{**host.environment(), "HOME": str(home), **(env or {})}))

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the driver ended"
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def driver_on(tmp_path):
    made = []

    def make(host, *options, **kw):
        made.append(Driver(host, tmp_path, *options, **kw))
        return made[-1]

    yield make
    for driver in made:
        driver.stop()


def write_repo(root, url_path, path, where="", tag="v1.0.0"):
    repo = Repo(url_path)
    prefix = f"{where}/" if where else ""
    repo.commit({f"{prefix}go.mod": go_mod(path), f"{prefix}a.go": source()})
    repo.tag(prefix + tag)
    repo.write(root)


def write_pages(githost, pages):
    with open(f"{githost.dir}/pages.json", "w", encoding="utf-8") as file:
        json.dump(pages, file)


def write_proxy(root, path):
    folder = f"{root}/{OTHER}/proxy/{path}/@v"
    os.makedirs(folder)
    with open(f"{folder}/v1.0.0.info", "w", encoding="ascii") as file:
        file.write('{"Version":"v1.0.0"}')
    with open(f"{folder}/v1.0.0.mod", "w", encoding="ascii") as file:
        file.write(f"module {path}\n")


# path, the go-import tags of pages, our status. A repository stands at HOST/<name>.git and OTHER/<name>.git for "a".
CASES = [
    (f"{HOST}/a", {}, "OK"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a git https://{OTHER}/a"]}, "OK"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a git https://{OTHER}/a", f"{HOST}/b git https://{HOST}/b"]}, "OK"),
    # a tag for a prefix must stand on the page of the prefix
    (f"{HOST}/deep/a", {f"{HOST}/deep/a": [f"{HOST} git https://{OTHER}/mono"], HOST: [f"{HOST} git https://{OTHER}/mono"]}, "OK"),
    (f"{HOST}/deep/a", {f"{HOST}/deep/a": [f"{HOST} git https://{OTHER}/mono"], HOST: [f"{HOST} git https://{HOST}/a"]}, "BAD_ANSWER"),
    (f"{HOST}/deep/a", {f"{HOST}/deep/a": [f"{HOST} git https://{OTHER}/mono"]}, "BAD_ANSWER"),
    # a folder of the repository
    (f"{HOST}/s/a", {f"{HOST}/s/a": [f"{HOST}/s/a git https://{OTHER}/sub go/lib"]}, "OK"),
    (f"{HOST}/s/a", {f"{HOST}/s/a": [f"{HOST}/s/a git https://{OTHER}/sub /go/lib"]}, "BAD_ANSWER"),
    (f"{HOST}/s/a", {f"{HOST}/s/a": [f"{HOST}/s/a git https://{OTHER}/sub -go/lib"]}, "BAD_ANSWER"),
    # what says nothing, or too much
    (f"{HOST}/none", {}, "NOT_FOUND"),
    (f"{HOST}/none", {f"{HOST}/none": []}, "NOT_FOUND"),
    (f"{HOST}/none", {f"{HOST}/none": [f"{HOST}/nonesuch git https://{HOST}/a"]}, "NOT_FOUND"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a git https://{HOST}/a", f"{HOST}/a git https://{OTHER}/a"]}, "BAD_ANSWER"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a git file:///{OTHER}/a"]}, "BAD_ANSWER"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a git {OTHER}/a"]}, "BAD_ANSWER"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a cvs https://{OTHER}/a"]}, "DENIED"),
    (f"{HOST}/a", {f"{HOST}/a": [f"{HOST}/a svn https://{OTHER}/a"]}, "DENIED"),
    # hosts known by name, and .git in the path
    ("github.com/acme/a", {}, "OK"),
    ("github.com/acme/mono/deep/a", {}, "OK"),
    ("github.com/acme", {}, "NOT_FOUND"),
    ("github.com/acme/a.git", {}, "NOT_FOUND"),
    (f"{HOST}/a.git", {}, "OK"),
    ("gopkg.in/a.v1", {"gopkg.in/a.v1": ["gopkg.in/a.v1 git https://gopkg.in/a.v1"]}, "OK"),
]


def write_world(root):
    for host in (HOST, OTHER):
        write_repo(root, f"{host}/a.git", f"{HOST}/a")
    write_repo(root, f"{OTHER}/mono.git", f"{HOST}/deep/a", "deep/a")
    write_repo(root, f"{OTHER}/sub.git", f"{HOST}/s/a", "go/lib")
    write_repo(root, "github.com/acme/a.git", "github.com/acme/a")
    write_repo(root, "github.com/acme/mono.git", "github.com/acme/mono/deep/a", "deep/a")
    write_repo(root, "gopkg.in/a.v1.git", "gopkg.in/a.v1")


def test_as_go_does(githost, go_on, driver_on):
    """What the go command finds is found here, at the same URL and in the same folder; and nothing else is."""
    write_world(githost.dir)
    for number, (path, pages, status) in enumerate(CASES):
        what = f"case {number}: {path} {pages}"
        write_pages(githost, pages)
        if path.endswith("/a.git"):
            write_repo(githost.dir, f"{HOST}/a.git", path)
        done = go_on(githost, "direct").run("mod", "download", "-json", f"{path}@v1.0.0", check=False)
        theirs = json.loads(done.stdout)
        ours = driver_on(githost).ask("info", path, "v1.0.0")
        assert ours["status"] == status, (what, ours["error"])
        assert ("Error" in theirs) == (status != "OK"), (what, theirs)
        if status == "OK":
            mine, his = json.loads(ours["body"])["Origin"], theirs["Origin"]
            assert (mine["URL"], mine["Hash"], mine.get("Subdir")) == (his["URL"], his["Hash"], his.get("Subdir")), what


def test_a_tag_may_name_a_proxy(githost, go_on, driver_on):
    path = f"{HOST}/m/a"
    write_proxy(githost.dir, path)
    write_pages(githost, {path: [f"{HOST}/m git https://{OTHER}/mono", f"{HOST}/m mod https://{OTHER}/proxy"],
                          f"{HOST}/m": [f"{HOST}/m git https://{OTHER}/mono", f"{HOST}/m mod https://{OTHER}/proxy"]})
    go = go_on(githost, "direct")
    go.run("list", "-m", f"{path}@v1.0.0", cwd=go.folder)
    assert any(f"{OTHER}/proxy/{path}/@v/v1.0.0.info" in r for r in githost.requests())
    driver = driver_on(githost)
    got = driver.ask("info", path, "v1.0.0")
    assert (got["status"], got["proxy"]) == ("DENIED", f"https://{OTHER}/proxy")
    assert driver.ask("find", path)["is_mod"]
    for url, status in ((f"http://{OTHER}/proxy", "DENIED"), ("file:///srv", "BAD_ANSWER"), ("ssh://x/y", "BAD_ANSWER")):
        write_pages(githost, {path: [f"{path} mod {url}"]})
        assert driver_on(githost).ask("find", path)["status"] == status, url


def test_plain_http_only_where_it_is_allowed(githost, driver_on):
    path = f"{HOST}/a"
    write_world(githost.dir)
    write_pages(githost, {path: [f"{path} git http://{OTHER}/a"]})
    refused = driver_on(githost).ask("info", path, "v1.0.0")
    assert refused["status"] == "DENIED" and "vcs.insecure" in refused["error"]
    assert driver_on(githost, ("insecure", HOST)).ask("info", path, "v1.0.0")["status"] == "OK"
    # without a certificate that is trusted the page is not believed, unless that is allowed
    nobody = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}
    assert driver_on(githost, env=nobody).ask("find", path)["status"] == "TLS_CERT"
    assert driver_on(githost, ("insecure", HOST), env=nobody).ask("find", path)["status"] == "OK"
    # nor does it get credentials
    githost.auth(f"{HOST}/a", user="bot", password="s3cret", page=True)
    with_token = (("insecure", HOST), ("token", f"{HOST}=bot:s3cret"))
    assert driver_on(githost, *with_token, env=nobody).ask("find", path)["status"] == "UPSTREAM_DENIED"
    assert driver_on(githost, *with_token).ask("find", path)["status"] == "OK"
    githost.reset()
    githost.fault(f"CONNECT {HOST}:443", "drop")
    assert driver_on(githost).ask("find", path)["status"] != "OK"
    assert driver_on(githost, ("insecure", HOST)).ask("find", path)["status"] == "OK"


@pytest.mark.parametrize("answer, status", [(404, "NOT_FOUND"), (410, "NOT_FOUND"), (401, "UPSTREAM_DENIED"),
                                            (403, "UPSTREAM_DENIED"), (429, "UPSTREAM_BUSY"), (500, "UPSTREAM_ERROR"),
                                            (503, "UPSTREAM_ERROR"), (400, "BAD_ANSWER")])
def test_only_what_was_said_to_be_absent_is(githost, driver_on, answer, status):
    write_world(githost.dir)
    githost.fault(f"GET {HOST}/a?go-get=1", "status", status=answer)
    driver = driver_on(githost)
    assert driver.ask("find", f"{HOST}/a")["status"] == status
    githost.no_faults()
    assert driver.ask("find", f"{HOST}/a")["status"] == "OK", "no failure is remembered"


def test_a_host_that_is_not_there_is_no_absence(githost, driver_on):
    write_world(githost.dir)
    githost.fault(f"CONNECT {HOST}:443", "drop")
    got = driver_on(githost).ask("find", f"{HOST}/a")
    assert got["status"] not in ("OK", "NOT_FOUND"), got


def test_credentials_go_to_their_host_only(githost, driver_on, tmp_path):
    path = f"{HOST}/team/a"
    write_repo(githost.dir, f"{HOST}/team/a.git", path)
    githost.auth(f"{HOST}/team", user="bot", password="s3cret", page=True)
    refused = driver_on(githost).ask("find", path)
    assert refused["status"] == "UPSTREAM_DENIED" and "vcs.tokens" in refused["error"]
    assert driver_on(githost, ("token", f"{HOST}/team=bot:s3cret")).ask("info", path, "v1.0.0")["status"] == "OK"
    assert driver_on(githost, ("token", f"{HOST}/other=bot:s3cret")).ask("find", path)["status"] == "UPSTREAM_DENIED"
    wrong = driver_on(githost, ("token", f"{HOST}=bot:wr0ng")).ask("find", path)
    assert wrong["status"] == "UPSTREAM_DENIED" and "wr0ng" not in wrong["error"]
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login bot password s3cret\n", encoding="ascii")
    assert driver_on(githost, ("netrc", netrc)).ask("find", path)["status"] == "OK"


def test_a_page_is_asked_once(githost, driver_on):
    write_world(githost.dir)
    driver = driver_on(githost)
    for _ in range(3):
        assert driver.ask("find", f"{HOST}/a")["status"] == "OK"
    assert len([r for r in githost.requests() if "go-get=1" in r]) == 1


def test_rules_go_before_pages(githost, driver_on):
    write_world(githost.dir)
    driver = driver_on(githost, ("rule", f"code.test.example/x=https://{OTHER}/sub go/lib"),
                       ("rule", f"code.test.example/*=https://{OTHER}/*.git"))
    found = driver.ask("find", "code.test.example/a/v2")
    assert (found["root"], found["urls"]) == ("code.test.example/a", [f"https://{OTHER}/a.git"])
    assert driver.ask("find", "code.test.example/x")["subdir"] == "go/lib"
    assert not githost.requests()


def test_our_own_paths_are_never_asked_for(githost, driver_on):
    """A page of vcs.vanity would lead back to the gateway: only a rule leads to a repository."""
    write_world(githost.dir)
    driver = driver_on(githost, ("vanity", f"x.test.example, {HOST}"), ("rule", f"{HOST}/a=https://{OTHER}/a"))
    assert driver.ask("find", f"{HOST}/a")["urls"] == [f"https://{OTHER}/a"]
    got = driver.ask("find", f"{HOST}/deep/a")
    assert got["status"] == "NOT_FOUND" and "vcs.rules" in got["error"]
    assert not githost.requests()


def test_several_ways_to_one_repository(githost, driver_on):
    """A path with .git in it names no scheme: the ways are tried in go's order, and the one that answers is kept."""
    write_repo(githost.dir, f"{HOST}/a.git", f"{HOST}/a.git")
    driver = driver_on(githost)
    assert driver.ask("find", f"{HOST}/a.git")["urls"] == [f"https://{HOST}/a", f"ssh://{HOST}/a"]
    assert driver.ask("info", f"{HOST}/a.git", "v1.0.0")["status"] == "OK"
    asked = len(githost.requests())
    assert driver.ask("info", f"{HOST}/a.git", "v1.0.0")["status"] == "OK"
    assert len(githost.requests()) == asked, "no second probe"


def test_check_tells_what_cannot_be_used(githost, sshd, driver_on, tmp_path):
    write_repo(githost.dir, f"{HOST}/team/a.git", f"{HOST}/team/a")
    githost.auth(f"{HOST}/team", user="bot", password="s3cret", page=True)
    place = f"127.0.0.1:{sshd.port}"
    fine = driver_on(githost, ("token", f"{HOST}/team=bot:s3cret"), ("rule", f"x.test.example=https://{HOST}/team/a"),
                     ("rule", f"y.test.example={sshd.url(HOST)}/team/a"), ("rule", f"z.test.example/*=https://{OTHER}/*"),
                     ("ssh_key", f"{place}={sshd.key}"), ("known_hosts", f"*={sshd.known_hosts}"))
    assert fine.ask("check")["faults"] == []
    open_key = tmp_path / "open"
    open_key.write_bytes(open(sshd.key, "rb").read())
    open_key.chmod(0o644)
    bad = driver_on(githost, ("token", f"{HOST}/team=bot:wrong"), ("rule", f"x.test.example=https://{HOST}/team/a"),
                    ("rule", f"y.test.example={sshd.url(HOST)}/team/a"), ("ssh_key", f"{place}={open_key}"))
    faults = bad.ask("check")["faults"]
    assert [f.split(":")[0] for f in faults] == ["vcs.tokens", "vcs.ssh_keys", "vcs.rules", "vcs.rules"], faults
    assert not any("wrong" in f or base64.b64encode(b"bot:wrong").decode() in f for f in faults)
