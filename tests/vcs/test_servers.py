"""The servers of these tests are real enough for the go command itself: each way that a test of modgate goes, go goes
directly."""

import json
import urllib.parse

from gitrepo import Repo
from world import go_mod, source

HOST = "git.test.example"


def write_repo(githost, metas=None):
    repo = Repo(f"{HOST}/code.git")
    repo.commit({"go.mod": go_mod(f"{HOST}/code"), "a.go": source()})
    repo.tag("v1.0.0")
    repo.write(githost.dir)
    if metas:
        with open(f"{githost.dir}/pages.json", "w", encoding="utf-8") as file:
            json.dump({f"{HOST}/code": metas}, file)


def download(go, check=True):
    return go.run("mod", "download", "-json", f"{HOST}/code@v1.0.0", check=check)


def test_https(githost, go_on):
    write_repo(githost)
    assert json.loads(download(go_on(githost, "direct")).stdout)["Sum"].startswith("h1:")
    assert any("go-get=1" in r for r in githost.requests())
    assert any(r.startswith(f"POST {HOST}/code.git/git-upload-pack 200") for r in githost.requests())


def test_basic_authentication(githost, go_on):
    write_repo(githost)
    githost.auth(f"{HOST}/code", user="bot", password="s3cret", page=True)
    assert download(go_on(githost, "direct"), check=False).returncode != 0
    go = go_on(githost, "direct")
    with open(f"{go.folder}/.netrc", "w", encoding="ascii") as file:
        file.write(f"machine {HOST} login bot password s3cret\n")
    download(go)


def test_ssh(githost, sshd, go_on):
    write_repo(githost, [f"{HOST}/code git {sshd.url(HOST)}/code.git"])
    ssh = f"ssh -F none -o BatchMode=yes -o UserKnownHostsFile={sshd.known_hosts}"
    assert download(go_on(githost, "direct", GIT_SSH_COMMAND=ssh), check=False).returncode != 0
    download(go_on(githost, "direct", GIT_SSH_COMMAND=f"{ssh} -i {sshd.key}"))
    assert sshd.asked()


def test_git_daemon(githost, daemon, go_on):
    write_repo(githost, [f"{HOST}/code git git://127.0.0.1:{daemon.port}/{HOST}/code.git"])
    download(go_on(githost, "direct", GOINSECURE=HOST))


def test_faults_reach_the_go_command(githost, go_on):
    write_repo(githost)
    pack = f"POST {HOST}/code.git/git-upload-pack"
    for match, kind, status in ((pack, "cut", 0), (f"GET {HOST}/code?go-get=1", "status", 500), (f"CONNECT {HOST}:443", "drop", 0)):
        githost.fault(match, kind, status=status)
        assert download(go_on(githost, "direct"), check=False).returncode != 0, kind
        githost.no_faults()
    githost.fault(pack, "slow")
    download(go_on(githost, "direct"))
    assert urllib.parse.urlsplit(githost.proxy).hostname == "127.0.0.1"
