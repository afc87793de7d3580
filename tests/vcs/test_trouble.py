"""Hosts in trouble, and repositories that change: what is known is served, an outage or a refusal is never told as an
absence, and nothing stays behind. gateway_on checks the last at the end of each test."""

import glob
import io
import os
import random
import shutil
import subprocess
import threading
import zipfile

import pytest

import harness
from gitrepo import Repo, noise
from harness import assert_says_why, modgate, together
from servers import ssh_key
from world import go_mod, source

HOST = "git.test.example"


def small_repo(root, name="code", versions=("v1.0.0", "v1.1.0"), text="", more=None):
    """A repository with a tag per version; a.go says which."""
    repo = Repo(f"{HOST}/{name}.git")
    repo.root = f"{HOST}/{name}"
    for version in versions:
        repo.commit({"go.mod": go_mod(repo.root), "a.go": source(text=f"// {text}{version}\n"), **(more or {})})
        repo.tag(version)
    if root:
        repo.write(root)
    return repo


def base(name="code", version="v1.0.0"):
    return f"/{HOST}/{name}/@v/{version}"


def fetch(gateway, version, name="code"):
    """All of a version, which must be there."""
    answers = {suffix: gateway.get(base(name, version) + suffix) for suffix in (".info", ".mod", ".zip")}
    for suffix, answer in answers.items():
        assert answer.status == 200, (suffix, answer)
    return {suffix: answer.body for suffix, answer in answers.items()}


def unpacked(files, name):
    with zipfile.ZipFile(io.BytesIO(files[".zip"])) as archive:
        return next(archive.read(n) for n in archive.namelist() if n.endswith("/" + name))


def assert_trouble(answer, statuses=(502, 503, 504)):
    """Not an absence, and it says why."""
    assert answer.status in statuses, answer
    assert_says_why(answer)
    return answer.text


PAGE, REFS, PACK = (f"GET {HOST}/code?go-get=1", f"GET {HOST}/code.git/info/refs*", f"POST {HOST}/code.git/git-upload-pack")


def test_host_down(githost, gateway_on):
    small_repo(githost.dir)
    gateway = gateway_on(githost)
    githost.fault(f"CONNECT {HOST}:443", "drop")
    for what in (base() + ".info", f"/{HOST}/code/@v/list", f"/{HOST}/code/@latest"):
        assert_trouble(gateway.get(what))
    githost.no_faults()
    fetch(gateway, "v1.0.0")
    githost.fault(f"CONNECT {HOST}:443", "drop")
    fetch(gateway, "v1.0.0")
    assert gateway.get(f"/{HOST}/code/@v/list").status in (200, 502, 503)
    assert_trouble(gateway.get(base(version="v1.9.0") + ".info"), (404, 502, 503))


def test_nobody_listens(githost, gateway_on):
    url = f"http://127.0.0.1:{harness.free_port()}/code.git"
    gateway = gateway_on(githost, "--vcs-rules", f"{HOST}/code = {url}", "--vcs-insecure", HOST, env={"NO_PROXY": "127.0.0.1"})
    assert_trouble(gateway.get(base() + ".info"))


@pytest.mark.parametrize("match", [PAGE, REFS, PACK])
def test_a_host_that_hangs(githost, gateway_on, match):
    small_repo(githost.dir)
    gateway = gateway_on(githost, "--vcs-timeout", "1s", "--fetch-stall-timeout", "1s")
    githost.fault(match, "hang")
    assert_trouble(gateway.get(base() + ".info"))
    harness.wait_until(lambda: githost.hanging() == 0, "modgate to let go of the host")
    githost.no_faults()
    fetch(gateway, "v1.0.0")


@pytest.mark.parametrize("match", [PAGE, REFS, PACK])
@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_host_that_refuses(githost, gateway_on, match, status):
    small_repo(githost.dir)
    gateway = gateway_on(githost, "--cache-negative-ttl", "0s", "--vcs-discovery-ttl", "0s")
    githost.fault(match, "status", status=status)
    answer = gateway.get(base() + ".info")
    text = assert_trouble(answer, (404, 502, 503) if status == 404 else (502, 503))
    if status in (401, 403) and match != PAGE or (status, match) == (404, REFS):
        assert "private" in text or "credentials" in text, text
    githost.no_faults()
    fetch(gateway, "v1.0.0")


@pytest.mark.parametrize("kind", ["cut", "drop"])
def test_an_answer_that_breaks_off(githost, gateway_on, kind):
    small_repo(githost.dir, more={"noise": noise(random.Random(1), 200_000)})
    gateway = gateway_on(githost)
    githost.fault(PACK, kind)
    assert_trouble(gateway.get(base() + ".zip"))
    githost.no_faults()
    fetch(gateway, "v1.0.0")


def test_a_slow_host_is_waited_for(githost, gateway_on):
    small_repo(githost.dir)
    gateway = gateway_on(githost)
    githost.fault(PACK, "slow")
    fetch(gateway, "v1.0.0")


def test_credentials(githost, gateway_on, tmp_path):
    small_repo(githost.dir, name="team/code")
    small_repo(githost.dir, name="other/code")
    secret = "c0rrect-horse"
    githost.auth(f"{HOST}/team", user="bot", password=secret, page=True)
    githost.auth(f"{HOST}/other", token=secret)
    without = gateway_on(githost)
    for name in ("team/code", "other/code"):
        text = assert_trouble(without.get(base(name) + ".info"))
        assert "private" in text or "credentials" in text, text
    for name, content in (("user", f"bot:{secret}"), ("token", secret), ("wrong", "bot:not-this-one")):
        (tmp_path / name).write_text(content + "\n")
        (tmp_path / name).chmod(0o600)
    wrong = gateway_on(githost, "--vcs-tokens", f"{HOST} = file:{tmp_path}/wrong", data_dir=tmp_path / "data-wrong")
    assert_trouble(wrong.get(base("team/code") + ".info"))
    gateway = gateway_on(githost, "--log-level", "debug", "--vcs-tokens",
                         f"{HOST}/team = file:{tmp_path}/user; {HOST}/other = file:{tmp_path}/token", data_dir=tmp_path / "data-2")
    fetch(gateway, "v1.0.0", "team/code")
    fetch(gateway, "v1.0.0", "other/code")
    for one in (without, wrong, gateway):
        assert secret not in one.log and "not-this-one" not in one.log
    kept = subprocess.run(["grep", "-rl", secret, str(tmp_path / "data-2")], capture_output=True, text=True, check=False)
    assert kept.stdout == ""


def ssh_flags(sshd, key=None):
    return ["--vcs-rules", f"{HOST}/* = {sshd.url(HOST)}/*.git", "--vcs-ssh-keys", key or sshd.key,
            "--vcs-known-hosts", sshd.known_hosts]


def test_ssh(githost, sshd, gateway_on):
    small_repo(githost.dir)
    gateway = gateway_on(githost, *ssh_flags(sshd))
    assert b"// v1.0.0" in unpacked(fetch(gateway, "v1.0.0"), "a.go")
    assert sshd.asked() and githost.requests() == []


@pytest.mark.parametrize("what", ["wrong key", "expired key", "changed host key", "unknown host", "no key"])
def test_ssh_refused(githost, sshd, gateway_on, tmp_path, what):
    small_repo(githost.dir)
    key = None
    if what == "wrong key":
        key = ssh_key(str(tmp_path / "another"))
    elif what == "expired key":
        sshd.allow(sshd.key, 'expiry-time="20200101",')
    elif what == "changed host key":
        sshd.know(ssh_key(str(tmp_path / "another")))
    elif what == "unknown host":
        open(sshd.known_hosts, "w", encoding="ascii").close()
    flags = ssh_flags(sshd, key)
    if what == "no key":
        flags = flags[:2] + flags[4:]
    gateway = gateway_on(githost, *flags, "--cache-negative-ttl", "0s")
    text = assert_trouble(gateway.get(base() + ".info"))
    assert ("host key" in text.lower()) == (what in ("changed host key", "unknown host")), text
    assert sshd.asked() == []


def test_git_daemon_needs_leave(githost, daemon, gateway_on, tmp_path):
    small_repo(githost.dir)
    rule = ("--vcs-rules", f"{HOST}/* = git://127.0.0.1:{daemon.port}/{HOST}/*.git")
    refused = gateway_on(githost, *rule)
    answer = refused.get(base() + ".info")
    assert answer.status not in (200, 404, 410), answer
    gateway = gateway_on(githost, *rule, "--vcs-insecure", HOST, "--vcs-allow", "*:all", data_dir=tmp_path / "data-2")
    fetch(gateway, "v1.0.0")


FRESH = ("--cache-list-ttl", "0s", "--vcs-refs-ttl", "0s", "--cache-negative-ttl", "0s", "--cache-stale-while", "0s")


def test_a_repository_vanishes(githost, gateway_on):
    repo = small_repo(githost.dir)
    gateway = gateway_on(githost, *FRESH)
    first = fetch(gateway, "v1.0.0")
    listed = gateway.get(f"/{HOST}/code/@v/list").body
    shutil.rmtree(os.path.join(githost.dir, repo.url_path))
    assert fetch(gateway, "v1.0.0") == first
    again = gateway.get(f"/{HOST}/code/@v/list")
    assert again.status != 200 or again.body == listed, again
    assert gateway.get(base(version="v1.5.0") + ".info").status != 200


def moved(gateway):
    return gateway.metric("modgate_tags_moved_total")


def test_a_tag_that_moves_is_not_followed(githost, gateway_on, tmp_path):
    repo = small_repo(githost.dir)
    gateway = gateway_on(githost, *FRESH)
    info = gateway.get(base() + ".info").body
    first = fetch(gateway, "v1.1.0")
    for version in ("v1.0.0", "v1.1.0"):
        repo.drop_tag(version)
    repo._late.clear()
    repo.commit({"a.go": source(text="// moved\n")})
    repo.tag("v1.0.0")
    repo.tag("v1.1.0")
    repo.tag("v1.2.0")
    repo.write(githost.dir)
    assert fetch(gateway, "v1.2.0")
    assert gateway.get(f"/{HOST}/code/@v/list").text.split() == ["v1.0.0", "v1.1.0", "v1.2.0"]
    # The .info was given, the rest was not: all of the version is of the commit that the .info names.
    rest = fetch(gateway, "v1.0.0")
    assert rest[".info"] == info and b"// v1.0.0" in unpacked(rest, "a.go")
    assert fetch(gateway, "v1.1.0") == first
    harness.wait_until(lambda: moved(gateway) >= 2, "moved tags to be counted")
    gateway.wait_log(r"a tag has moved.*v1\.1\.0|v1\.1\.0.*a tag has moved")
    modgate("verify", str(tmp_path / "data"), check=0)


def test_a_repository_is_made_anew_with_another_history(githost, gateway_on, tmp_path):
    repo = small_repo(githost.dir)
    gateway = gateway_on(githost, *FRESH)
    first = fetch(gateway, "v1.0.0")
    info = gateway.get(base(version="v1.1.0") + ".info")
    shutil.rmtree(os.path.join(githost.dir, repo.url_path))
    small_repo(githost.dir, text="anew ", versions=("v1.0.0", "v1.1.0", "v1.2.0"))
    assert b"// anew v1.2.0" in unpacked(fetch(gateway, "v1.2.0"), "a.go")
    assert fetch(gateway, "v1.0.0") == first
    assert gateway.get(base(version="v1.1.0") + ".info").body == info.body
    answer = gateway.get(base(version="v1.1.0") + ".zip")
    assert answer.status not in (404, 410), answer
    assert answer.status != 200 or b"// v1.1.0" in unpacked({".zip": answer.body}, "a.go")
    modgate("verify", str(tmp_path / "data"), check=0)


def test_a_damaged_mirror_is_made_anew(githost, gateway_on, tmp_path):
    small_repo(githost.dir, more={"noise": noise(random.Random(2), 100_000)})
    gateway = gateway_on(githost)
    fetch(gateway, "v1.0.0")
    gateway.stop()
    packs = [p for p in glob.glob(f"{tmp_path}/data/**/objects/**/*", recursive=True) if os.path.isfile(p)]
    assert packs, "no mirror in the data folder"
    for path in packs:
        os.chmod(path, 0o644)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 3)
            file.write(b"\xa5" * (os.path.getsize(path) // 3 + 1))
    again = gateway_on(githost)
    assert b"// v1.1.0" in unpacked(fetch(again, "v1.1.0"), "a.go")


def test_a_hundred_clients_ask_for_a_hundred_versions(githost, gateway_on):
    versions = [f"v1.{i}.0" for i in range(100)]
    repo = small_repo(None, versions=versions[:50])
    for i in range(50, 100):  # two versions on one commit
        repo.tag(versions[i], repo.commits[i - 50], annotated=True)
    repo.write(githost.dir)
    gateway = gateway_on(githost)

    def client(i):
        for version in versions[i:] + versions[:i]:
            files = {}
            for suffix in (".info", ".mod", ".zip"):
                answer = gateway.get(base(version=version) + suffix, timeout=4 * harness.PATIENCE_S)
                while answer.status == 503 and answer["retry-after"]:
                    answer = gateway.get(base(version=version) + suffix, timeout=4 * harness.PATIENCE_S)
                assert answer.status == 200, answer
                files[suffix] = answer.body
            assert f"// v1.{versions.index(version) % 50}.0\n".encode() in unpacked(files, "a.go")
            if version == versions[(i + 2) % 100]:
                return True
        return False

    for result in together(100, client):
        assert result is True, result
    asked = githost.requests()
    assert sum("go-get=1" in r for r in asked) <= 2, "one discovery for all"
    assert sum("git-upload-pack 200" in r and r.startswith("POST") for r in asked) < 200, len(asked)


def test_kill_9_during_a_fetch(githost, gateway_on, nothing_left):
    small_repo(githost.dir)
    gateway = gateway_on(githost)
    githost.fault(PACK, "hang")
    results = []
    asking = threading.Thread(target=lambda: results.append(attempt(gateway)))
    asking.start()
    harness.wait_until(lambda: githost.hanging() > 0, "the fetch to be under way")
    gateway.kill()
    asking.join()
    nothing_left()
    harness.wait_until(lambda: githost.hanging() == 0, "git to be gone")
    githost.no_faults()
    again = gateway_on(githost)
    fetch(again, "v1.0.0")


def attempt(gateway):
    try:
        return gateway.get(base() + ".info")
    except Exception as fault:  # pylint: disable=broad-except
        return fault


def test_a_stop_during_a_fetch(githost, gateway_on):
    small_repo(githost.dir)
    gateway = gateway_on(githost, "--http-drain-timeout", "0s")
    githost.fault(PACK, "hang")
    asking = threading.Thread(target=lambda: attempt(gateway))
    asking.start()
    harness.wait_until(lambda: githost.hanging() > 0, "the fetch to be under way")
    gateway.stop()
    asking.join()
    harness.wait_until(lambda: githost.hanging() == 0, "git to be gone")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_disk_full(githost, gateway_on, small_disk):
    small_repo(githost.dir)
    small_repo(githost.dir, name="large", more={"noise": noise(random.Random(3), 8_000_000)})
    gateway = gateway_on(githost, data_dir=small_disk / "data")
    fetch(gateway, "v1.0.0")
    answer = gateway.get(base("large") + ".zip")
    assert "space" in assert_trouble(answer, (503,))
    fetch(gateway, "v1.0.0")
    subprocess.run(["mount", "-o", "remount,size=128m", str(small_disk)], check=True)
    fetch(gateway, "v1.0.0", "large")


def test_a_zip_over_the_limit(githost, gateway_on):
    small_repo(githost.dir, more={"noise": noise(random.Random(4), 300_000)})
    gateway = gateway_on(githost, "--fetch-max-zip", "100KiB")
    assert gateway.get(base() + ".mod").status == 200
    answer = gateway.get(base() + ".zip")
    assert answer.status not in (200, 404, 410), answer
    assert_says_why(answer)


def test_a_rule_of_govcs_refuses(githost, gateway_on):
    small_repo(githost.dir)
    gateway = gateway_on(githost, "--vcs-allow", f"{HOST}:off")
    assert_trouble(gateway.get(base() + ".info"), (403,))
    assert not [r for r in githost.requests() if ".git/" in r]
