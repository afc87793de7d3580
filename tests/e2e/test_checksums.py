"""Artefacts are checked against the checksum database before they are stored."""

import glob
import os
import re
import shutil

import pytest
from harness import Upstream, assert_says_why, newest, wait_until

MODULE = "gen.example.com/m0"


@pytest.fixture
def evil(upstream, upstream_binary, tmp_path):
    """A mirror that has other bytes under the same versions, in its .mod files and (so) in its zips; its
    database is not asked."""
    started = []

    def start(change):
        tree = tmp_path / "evil"
        shutil.copytree(upstream.tree, tree)
        change(tree)
        started.append(Upstream(upstream_binary, tree, tmp_path / "evil-ca.pem"))
        return started[-1]

    yield start
    for mirror in started:
        mirror.stop()


def change_mod(upstream):
    base = newest(upstream.tree, MODULE)

    def change(tree):
        with open(f"{tree}{base}.mod", "ab") as file:
            file.write(b"// changed\n")
    return base, change


def hashes_in(text):
    return re.findall(r"h1:[A-Za-z0-9+/]{43}=", text)


def quarantined(gateway):
    return sorted(os.path.relpath(p, f"{gateway.data_dir}/quarantine")
                  for p in glob.glob(f"{gateway.data_dir}/quarantine/**/*", recursive=True) if os.path.isfile(p))


def check_refused(gateway, answer, upstream):
    assert answer.status == 403, answer
    assert_says_why(answer)
    assert len(set(hashes_in(answer.text))) == 2 and upstream.sumdb.split("+")[0] in answer.text, answer
    assert gateway.metric("modgate_checksum_mismatch_total") >= 1
    assert any(e["level"] == "error" and "SECURITY" in e["msg"] for e in gateway.log_entries())


def test_a_tampered_zip_is_refused(gateway_on, upstream, flags, go):
    gateway = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, MODULE)
    version = base.rsplit("/", 1)[1]
    upstream.fault("*" + base + ".zip", "zip_extra")
    check_refused(gateway, gateway.get(base + ".zip"), upstream)
    command = go(gateway.url)  # a client without a database of its own is protected too
    done = command.run("mod", "download", f"{MODULE}@{version}", cwd=command.main, check=False)
    assert done.returncode != 0 and "checksum mismatch" in done.stderr, done.stderr
    assert quarantined(gateway) == [f"{base[1:]}.zip", f"{base[1:]}.zip.txt"]
    with open(f"{gateway.data_dir}/quarantine{base}.zip.txt", encoding="utf-8") as file:
        evidence = file.read()
    assert f"{MODULE} {version} h1:" in evidence and "go.sum database tree" in evidence
    assert not os.path.exists(f"{gateway.data_dir}/cache/download{base}.zip")
    upstream.no_faults()
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip")


def test_a_tampered_go_mod_is_refused(gateway_on, upstream, flags, evil):
    base, change = change_mod(upstream)
    gateway = gateway_on(evil(change).http, *flags)
    check_refused(gateway, gateway.get(base + ".mod"), upstream)
    assert quarantined(gateway) == [f"{base[1:]}.mod", f"{base[1:]}.mod.txt"]
    assert not glob.glob(f"{gateway.data_dir}/partial{base}.mod")
    assert gateway.get(base + ".zip").status == 403


def test_a_go_mod_stored_before_that_was_checked(gateway_on, upstream, flags, evil):
    """It is thrown out when the zip is asked for, and the next request gets the right one."""
    base, change = change_mod(upstream)
    bad = gateway_on(evil(change).http, *flags, "--sumdb", "off")
    assert bad.get(base + ".mod").body.endswith(b"// changed\n")
    bad.stop()
    gateway = gateway_on(upstream.http, *flags)
    assert gateway.get(base + ".mod").body.endswith(b"// changed\n")
    assert gateway.get(base + ".zip").status == 403
    assert gateway.get(base + ".mod").body == upstream.file(base + ".mod")
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip")


def test_what_the_database_does_not_know_is_refused(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, MODULE)
    upstream.fault("/lookup/*", "status", code=404, body="not found: no such module\n")
    for suffix in (".mod", ".zip"):
        answer = gateway.get(base + suffix)
        assert answer.status == 403 and "'private'" in answer.text, answer
        assert_says_why(answer)
    assert gateway.get("/gen.example.com/none/@v/v1.0.0.mod").status == 404, "the mirror has it not"


def test_toolchains_are_checked(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, "golang.org/toolchain")
    upstream.fault("*" + base + ".zip", "zip_extra", times=1)
    check_refused(gateway, gateway.get(base + ".zip"), upstream)
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip")


def test_sumdb_off_checks_nothing(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--sumdb", "off")
    base = newest(upstream.tree, MODULE)
    assert gateway.get(base + ".zip").status == 200
    assert upstream.count("/lookup/*") == 0


def test_the_database_is_asked_once_for_a_version(gateway, upstream):
    base = newest(upstream.tree, MODULE)
    for suffix in (".info", ".mod", ".zip"):
        assert gateway.get(base + suffix).status == 200
    name = upstream.sumdb.split("+")[0]
    path, version = base[1:].split("/@v/")
    assert gateway.get(f"/sumdb/{name}/lookup/{path}@{version}").status == 200
    assert upstream.count("/lookup/*") == 1


# ---- while no database can be asked ----

def marks(gateway):
    return [p for p in glob.glob(f"{gateway.data_dir}/unverified/**/*", recursive=True) if os.path.isfile(p)]


def start_unverified(gateway_on, mirror, flags):
    return gateway_on(mirror.http, *flags, "--sumdb-unreachable", "serve-unverified")


def test_unverified_versions_are_checked_later(gateway_on, upstream, flags):
    gateway = start_unverified(gateway_on, upstream, flags)
    base, other = newest(upstream.tree, MODULE), newest(upstream.tree, "gen.example.com/m4")
    for match in ("/lookup/*", "/tile/*", "/latest"):
        upstream.fault(match, "status", code=503)
    assert gateway.get(base + ".zip").status == 200
    assert gateway.get(other + ".mod").status == 200
    assert len(marks(gateway)) == 2
    wait_until(lambda: gateway.metric("modgate_unverified_versions") > 0, "the figure of unverified versions")
    gateway.kill()
    gateway = start_unverified(gateway_on, upstream, flags)
    assert len(marks(gateway)) == 2, "marks survive"
    upstream.no_faults()
    wait_until(lambda: not marks(gateway), "the marks are gone")
    wait_until(lambda: gateway.metric("modgate_unverified_versions") == 0, "none is left")
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip")
    assert not quarantined(gateway)


def test_unverified_versions_that_do_not_match_are_thrown_out(gateway_on, upstream, flags, go):
    base = newest(upstream.tree, MODULE)
    version = base.rsplit("/", 1)[1]
    for match in ("/lookup/*", "/tile/*", "/latest"):
        upstream.fault(match, "status", code=503)
    upstream.fault("*" + base + ".zip", "zip_extra", times=1)
    gateway = start_unverified(gateway_on, upstream, flags)
    bad = gateway.get(base + ".zip")
    assert bad.status == 200 and bad.body != upstream.file(base + ".zip")
    assert version in gateway.get(f"/{MODULE}/@v/list").text
    upstream.no_faults()
    wait_until(lambda: not marks(gateway), "the mark is gone")
    assert f"{base[1:]}.zip" in quarantined(gateway)
    assert not glob.glob(f"{gateway.data_dir}/cache/download{base}.*")
    assert gateway.metric("modgate_checksum_mismatch_total") == 1
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip"), "the right one may come"
    command = go(gateway.url, upstream.sumdb)
    command.run("mod", "download", f"{MODULE}@{version}", cwd=command.main)


def test_a_wrong_word_for_unreachable_is_refused(tmp_path):
    import harness
    done = harness.modgate("config", "check", "--sumdb-unreachable", "maybe")
    assert done.returncode != 0 and "serve-unverified" in done.stdout + done.stderr


def test_a_fork_holds_what_is_new_even_so(gateway_on, upstream, flags):
    """serve-unverified is for outages; a database that contradicts itself is none."""
    gateway = start_unverified(gateway_on, upstream, flags)
    base, other = newest(upstream.tree, MODULE), newest(upstream.tree, "gen.example.com/m4")
    assert gateway.get(base + ".zip").status == 200
    upstream.stop()
    upstream.start()
    answer = gateway.get(other + ".zip")
    assert answer.status == 403 and "contradict" in answer.text, answer
    assert gateway.get(base + ".zip").status == 200
    assert not marks(gateway)


def test_quarantine_is_bounded(gateway_on, upstream, flags):
    """The same version again and again takes no more room."""
    gateway = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, MODULE)
    upstream.fault("*" + base + ".zip", "zip_extra")
    for _ in range(5):
        assert gateway.get(base + ".zip").status == 403
    assert len(quarantined(gateway)) == 2
