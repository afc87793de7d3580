"""Rules about what is given to whom, with the real go command. What docs/policy.md quotes of go is what go
printed here; UPDATE_GOLDEN=1 writes the quotes anew."""

import gzip
import json
import os
import re
import signal
import subprocess
import time
import zipfile

import pytest

import harness
from access_parts import bearer, make_token
from harness import modgate, wait_until
from policy_tree import OLD, Tree

GPL = "/usr/share/common-licenses/GPL-3"
SHOWN_URL = "http://go.corp.example:3000"
DOC = os.path.join(harness.ROOT, "docs", "policy.md")


def ago(hours):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - hours * 3600))


@pytest.fixture
def made(tmp_path):
    """The modules of docs/policy.md."""
    tree = Tree(tmp_path / "modules")
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        tree.add("example.com/lib", version)
    tree.add("example.com/banned/tool", "v1.0.0").add("example.com/held", "v1.0.0")
    tree.add("example.com/cooling", "v1.0.0").add("example.com/cooling", "v1.1.0", when=ago(50))
    tree.add("example.com/strong", "v1.0.0", licence=open(GPL, encoding="utf-8").read() if os.path.exists(GPL) else
             "All rights reserved.\n")
    tree.add("example.com/holey", "v1.0.0").add("example.com/holey", "v1.1.0")
    tree.add("example.com/unsigned", "v1.0.0")
    return tree


@pytest.fixture
def ruled(gateway_on, made, tmp_path):
    """Starts a gateway before the modules with a settings file of that text; returns it, with .rules(text) to change it."""
    file = tmp_path / "modgate.yaml"

    def start(text, *flags):
        file.write_text(text, encoding="utf-8")
        gateway = gateway_on(made.url, "--sumdb", "off", "--config-file", str(file), *flags)

        def rules(more):
            file.write_text(more, encoding="utf-8")
            before = gateway.log.count("settings taken up")
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: gateway.log.count("settings taken up") > before, "a reload")
        gateway.rules = rules
        gateway.file = str(file)
        return gateway

    return start


def module_in(command):
    """A main module without requirements, for go get."""
    folder = os.path.join(command.folder, "project")
    os.makedirs(folder)
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write("module corp.example/project\n\ngo 1.20\n")
    return folder


def quotes():
    """The blocks of the manual that begin with <!-- go: NAME -->, by name: (command, what go prints)."""
    with open(DOC, encoding="utf-8") as file:
        found = re.findall(r"<!-- go: (\S+) -->\n```\n\$ (.*)\n((?:.*\n)*?)```", file.read())
    return {name: (command, printed) for name, command, printed in found}


def update_quote(name, command, printed):
    with open(DOC, encoding="utf-8") as file:
        text = file.read()
    start = text.index(f"<!-- go: {name} -->")
    end = text.index("```\n", text.index("$ ", start)) + 4
    with open(DOC, "w", encoding="utf-8") as file:
        file.write(f"{text[:start]}<!-- go: {name} -->\n```\n$ {command}\n{printed}```\n{text[end:]}")


def settings_of_manual(keys):
    """The block of settings that the quotes of the manual were made with; its key lies in another folder."""
    make_key(keys, "release")
    with open(DOC, encoding="utf-8") as file:
        text = re.search(r"<!-- settings -->\n```yaml\n((?:.*\n)*?)```", file.read()).group(1)
    assert "/etc/modgate/release.pub" in text
    return text.replace("/etc/modgate/", f"{keys}/")


def make_key(folder, name):
    """A private key in a file of its own, and its public half: (file, public file)."""
    key, public = folder / f"{name}.key", folder / f"{name}.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public)], check=True)
    key.chmod(0o600)
    return key, public


def trusting(*entries, more=""):
    """Settings in which example.com/lib is given when release has signed it; entries: (signer, paths, public key)."""
    rows = "".join(f"  {signer}: {{paths: '{paths or '*'}', key_file: '{public}'}}\n" for signer, paths, public in entries)
    return (f"signing_trust:\n{rows}policy_rules:\n"
            "  signed-only: {action: deny, paths: example.com/lib, only_signed: release}\n" + more)


def import_holey(gateway, folder):
    os.makedirs(folder / "index")
    os.makedirs(folder / "ID")
    entry = {"schema_version": "1.3.1", "id": "GO-2026-0001", "modified": OLD, "published": OLD,
             "summary": "Everything is read", "details": "Everything is read",
             "affected": [{"package": {"name": "example.com/holey", "ecosystem": "Go"},
                           "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.1.0"}]}],
                           "ecosystem_specific": {"imports": [{"path": "example.com/holey", "symbols": ["Read"]}]}}],
             "database_specific": {"url": "https://pkg.go.dev/vuln/GO-2026-0001"}}
    (folder / "ID" / "GO-2026-0001.json").write_text(json.dumps(entry))
    (folder / "index" / "db.json").write_text(json.dumps({"modified": OLD}))
    (folder / "index" / "modules.json").write_text(json.dumps(
        [{"path": "example.com/holey", "vulns": [{"id": "GO-2026-0001", "modified": OLD, "fixed": "1.1.0"}]}]))
    (folder / "index" / "vulns.json").write_text(json.dumps([{"id": "GO-2026-0001", "modified": OLD}]))
    before = gateway.log.count("policy read again")
    modgate("policy", "import-vulndb", "--data-dir", gateway.data_dir, str(folder), check=0)
    wait_until(lambda: gateway.log.count("policy read again") > before, "the database to be taken up")


def run_as_shown(go_command, gateway, command):
    done = go_command.run(*command.split()[1:], cwd=go_command.project, check=False)
    return done, (done.stdout + done.stderr).replace(gateway.url, SHOWN_URL)


@pytest.mark.parametrize("name", sorted(quotes()))
def test_go_prints_what_the_manual_quotes(ruled, go, tmp_path, name):
    gateway = ruled(settings_of_manual(tmp_path))
    import_holey(gateway, tmp_path / "vulndb")
    # With another place to go to behind the comma, which go must not try.
    command = go(gateway.url + ",direct")
    command.project = module_in(command)
    shown, printed = quotes()[name]
    done, got = run_as_shown(command, gateway, shown)
    if os.environ.get("UPDATE_GOLDEN"):
        update_quote(name, shown, got)
    else:
        assert got == printed, got
    assert (done.returncode == 0) == ("403 Forbidden" not in got)


DENIALS = {
    "path": ("{action: deny, paths: example.com/banned}", "example.com/banned/tool", "v1.0.0"),
    "version": ("{action: deny, paths: example.com/lib, versions: '>=v1.2.0'}", "example.com/lib", "v1.2.0"),
    "repository": ("{action: deny, repositories: default, paths: example.com/lib}", "example.com/lib", "v1.2.0"),
    "identity": ("{action: deny, identities: anonymous, paths: example.com/lib}", "example.com/lib", "v1.2.0"),
    "hold": ("{action: hold, paths: example.com/lib}", "example.com/lib", "v1.2.0"),
    "age": ("{action: deny, min_age: 72h}", "example.com/cooling", "v1.1.0"),
    "licence": ("{action: deny, licences: MIT}", "example.com/strong", "v1.0.0"),
    "signature": ("{action: deny, only_signed: release}", "example.com/lib", "v1.2.0"),
    "vulnerability": ("{action: deny, vulnerabilities: any}", "example.com/holey", "v1.0.0"),
}


def trust_of(kind, folder):
    if kind != "signature":
        return ""
    return f"signing_trust:\n  release: {{paths: example.com, key_file: {make_key(folder, 'release')[1]}}}\n"


@pytest.mark.parametrize("kind", DENIALS)
def test_nobody_goes_round_a_denial(ruled, go, upstream_binary, made, tmp_path, kind):
    """Behind the gateway stands a mirror that has it all: it hears of nothing that is denied."""
    rule, path, version = DENIALS[kind]
    other = harness.Upstream(upstream_binary, made.folder, tmp_path / "other-ca.pem")
    try:
        gateway = ruled(f"{trust_of(kind, tmp_path)}policy_rules:\n  the-rule: {rule}\n")
        if kind == "vulnerability":
            import_holey(gateway, tmp_path / "vulndb")
        for query in (version, "latest", version[:version.rindex(".")], ">=" + version):
            command = go(f"{gateway.url},{other.http}")
            command.run("mod", "init", "corp.example/x", cwd=command.folder)
            done = command.run("get", f"{path}@{query}", cwd=command.folder, check=False)
            if done.returncode == 0:
                # Another version was found, which is not denied.
                listed = command.run("list", "-m", path, cwd=command.folder).stdout.split()[1]
                assert listed != version and query != version, (query, listed)
            elif "no matching versions" not in done.stderr:
                assert "403 Forbidden" in done.stderr and "rule the-rule" in done.stderr, done.stderr
        done = command.run("mod", "download", f"{path}@{version}", cwd=command.folder, check=False)
        assert done.returncode != 0 and "rule the-rule" in done.stderr + done.stdout, done
        assert other.count(f"/{path}/*") == 0, other.requests()
    finally:
        other.stop()


@pytest.mark.parametrize("kind", DENIALS)
def test_a_denial_is_never_an_absence(ruled, made, tmp_path, kind):
    rule, path, version = DENIALS[kind]
    made.query(path, "main", version)
    gateway = ruled(f"{trust_of(kind, tmp_path)}policy: {{contact: security}}\npolicy_rules:\n  the-rule: {{reason: because, {rule[1:]}\n")
    if kind == "vulnerability":
        import_holey(gateway, tmp_path / "vulndb")
    late = kind in ("licence", "signature")  # known with the zip alone
    for _ in range(3):  # cold, stored, and in memory if anything were
        for rest in (f"@v/{version}.info", f"@v/{version}.mod", f"@v/{version}.zip", "@v/main.info"):
            answer = gateway.get(f"/{path}/{rest}")
            if late and not rest.endswith(".zip"):
                assert answer.status == 200, answer
                continue
            assert answer.status == 403, (rest, answer)
            assert answer.text.startswith(f"denied: {path}") and "\nreason: because\n" in answer.text
            assert answer.text.endswith("\nask: security\n")
            harness.assert_says_why(answer)
        listed = gateway.get(f"/{path}/@v/list")
        latest = gateway.get(f"/{path}/@latest")
        if not late:
            assert version not in listed.text.split("\n") and listed.status in (200, 403), listed
            assert f'"{version}"' not in latest.text and latest.status in (200, 403), latest


def test_a_list_of_which_nothing_is_left_is_refused(ruled):
    gateway = ruled("policy_rules:\n  all: {action: deny, paths: example.com/lib, versions: '>=v0.0.0-0'}\n")
    for rest in ("@v/list", "@latest"):
        answer = gateway.get(f"/example.com/lib/{rest}")
        assert answer.status == 403 and "rule all" in answer.text, answer
    assert gateway.get("/example.com/absent/@v/list").status == 404


def test_lists_show_what_is_given(ruled, go):
    gateway = ruled("policy_rules:\n  new-ones: {action: deny, min_age: 72h}\n"
                    "  broken: {action: deny, paths: example.com/lib, versions: v1.1.0}\n")
    command = go(gateway.url)
    command.run("mod", "init", "corp.example/x", cwd=command.folder)
    done = command.run("list", "-m", "-versions", "example.com/lib", "example.com/cooling", cwd=command.folder)
    assert done.stdout == "example.com/lib v1.0.0 v1.2.0\nexample.com/cooling v1.0.0\n"
    command.run("get", "example.com/cooling@latest", cwd=command.folder)
    assert command.run("list", "-m", "example.com/cooling", cwd=command.folder).stdout == "example.com/cooling v1.0.0\n"


def test_what_comes_later_counts_from_when_it_was_seen(ruled, made):
    """A time in an .info is the author's to choose."""
    gateway = ruled("policy_rules:\n  young: {action: deny, min_age: 72h}\n", "--cache-list-ttl", "0s",
                    "--cache-stale-while", "0s", "--cache-negative-ttl", "0s")
    assert gateway.get("/example.com/lib/@v/list").text == "v1.0.0\nv1.1.0\nv1.2.0\n"
    made.add("example.com/lib", "v1.3.0", when=OLD)
    made.query("example.com/lib", "main", "v1.3.0")
    assert gateway.get("/example.com/lib/@v/list").text == "v1.0.0\nv1.1.0\nv1.2.0\n"
    assert json.loads(gateway.get("/example.com/lib/@latest").text)["Version"] == "v1.2.0"
    for rest in ("v1.3.0.info", "v1.3.0.mod", "v1.3.0.zip", "main.info"):
        answer = gateway.get(f"/example.com/lib/@v/{rest}")
        assert answer.status == 403 and "rule young" in answer.text, answer
    # Not even when it is the first thing that is asked of the module: its list is learnt then.
    made.add("example.com/other", "v1.0.0", when=OLD)
    assert gateway.get("/example.com/other/@v/v1.0.0.info").status == 200
    made.add("example.com/other", "v1.1.0", when=OLD)
    assert gateway.get("/example.com/other/@v/v1.1.0.info").status == 403
    # It survives a restart, and other processes read it.
    test = modgate("policy", "test", "--config-file", gateway.file, "--data-dir", gateway.data_dir,
                   "example.com/lib@v1.3.0")
    assert test.returncode == 1 and "denied, by rule young" in test.stdout, test


def test_retractions_of_a_hidden_version_count(ruled, made, go):
    made.add("example.com/sorry", "v1.0.0").add("example.com/sorry", "v1.1.0")
    made.add("example.com/sorry", "v1.2.0", when=ago(1), go_mod='retract v1.1.0 // it deletes files\n')
    gateway = ruled("policy_rules:\n  young: {action: deny, min_age: 72h}\n")
    assert gateway.get("/example.com/sorry/@v/list").text == "v1.0.0\n"
    assert gateway.get("/example.com/sorry/@latest").json()["Version"] == "v1.0.0"
    command = go(gateway.url)
    command.run("mod", "init", "corp.example/x", cwd=command.folder)
    command.run("get", "example.com/sorry", cwd=command.folder)
    assert command.run("list", "-m", "example.com/sorry", cwd=command.folder).stdout == "example.com/sorry v1.0.0\n"
    # Who asks for it by name gets it, as from any mirror.
    assert gateway.get("/example.com/sorry/@v/v1.1.0.zip").status == 200


def test_rules_about_who_asks_are_looked_at_on_every_hit(ruled, tmp_path):
    data = tmp_path / "data"
    ci = make_token(data, "*:*:read", name="ci-bot")
    dev = make_token(data, "*:*:read", name="dev")
    gateway = ruled("access: {mode: required}\npolicy_rules:\n"
                    "  ci-takes-no-new-ones: {action: deny, min_age: 72h, identities: 'token:ci-*'}\n"
                    "  not-for-ci: {action: deny, paths: example.com/lib, versions: v1.2.0, identities: 'token:ci-*'}\n")
    lists = {"lib": (dev, "v1.0.0\nv1.1.0\nv1.2.0\n", ci, "v1.0.0\nv1.1.0\n"),
             "cooling": (dev, "v1.0.0\nv1.1.0\n", ci, "v1.0.0\n")}
    for _ in range(3):
        for rest in ("lib/@v/v1.2.0.info", "lib/@v/v1.2.0.zip", "cooling/@v/v1.1.0.mod", "cooling/@v/v1.1.0.zip"):
            assert gateway.get(f"/example.com/{rest}", bearer(dev)).status == 200
            refused = gateway.get(f"/example.com/{rest}", bearer(ci))
            assert refused.status == 403 and refused.text.startswith("denied: "), refused
        for name, (one, wanted_one, other, wanted_other) in lists.items():
            assert gateway.get(f"/example.com/{name}/@v/list", bearer(one)).text == wanted_one
            assert gateway.get(f"/example.com/{name}/@v/list", bearer(other)).text == wanted_other
    gateway.wait_log('"policy refused","rule":"not-for-ci".*"identity":"token:ci-bot"')


def test_records_of_what_is_denied_are_refused(gateway_on, upstream_binary, made, tmp_path):
    mirror = harness.Upstream(upstream_binary, made.folder, tmp_path / "ca.pem")
    file = tmp_path / "modgate.yaml"
    file.write_text("policy_rules:\n  broken: {action: deny, paths: example.com/lib, versions: v1.2.0}\n"
                    "  young: {action: deny, min_age: 72h}\n  licences: {action: deny, licences: ISC}\n")
    try:
        gateway = gateway_on(mirror.http, "--sumdb", f"{mirror.sumdb} {mirror.http}", "--config-file", str(file))
        lookups = f"/sumdb/{mirror.sumdb.split('+')[0]}/lookup/example.com/"
        for _ in range(2):
            for version, rule in (("lib@v1.2.0", "rule broken"), ("cooling@v1.1.0", "rule young")):
                answer = gateway.get(lookups + version)
                assert answer.status == 403 and rule in answer.text, answer
            assert gateway.get(lookups + "lib@v1.1.0").status == 200
            assert gateway.get(lookups + "lib@v9.9.9").status == 404
    finally:
        mirror.stop()


def test_report_only_tells(ruled):
    gateway = ruled("policy: {mode: report}\npolicy_rules:\n"
                    "  all-of-it: {action: deny, paths: example.com/lib}\n  young: {action: deny, min_age: 72h}\n")
    assert gateway.get("/example.com/lib/@v/list").text == "v1.0.0\nv1.1.0\nv1.2.0\n"
    assert gateway.get("/example.com/lib/@v/v1.2.0.zip").status == 200
    assert gateway.get("/example.com/cooling/@v/list").text == "v1.0.0\nv1.1.0\n"
    assert gateway.get("/example.com/cooling/@latest").json()["Version"] == "v1.1.0"
    assert gateway.get("/example.com/cooling/@v/v1.1.0.zip").status == 200
    assert gateway.metric("modgate_policy_reported_total") >= 3
    assert gateway.metric("modgate_policy_denied_total") == 0
    gateway.wait_log('"policy would refuse","rule":"all-of-it"')
    gateway.wait_log('"policy would hide versions","module":"example.com/cooling"')


def test_a_reload_changes_what_is_given_and_says_what_changed(ruled):
    gateway = ruled("policy_rules:\n  one: {action: deny, paths: example.com/banned}\n")
    assert gateway.get("/example.com/lib/@v/v1.2.0.zip").status == 200
    gateway.rules("policy_rules:\n  two: {action: deny, paths: example.com/lib}\n")
    assert gateway.get("/example.com/lib/@v/v1.2.0.zip").status == 403
    assert gateway.get("/example.com/banned/tool/@v/v1.0.0.zip").status == 200
    gateway.wait_log('"policy rules changed","difference":"added two; removed one"')
    gateway.rules("policy_rules:\n  two: {action: deny, paths: example.com/lib, versions: v1.1.0}\n")
    gateway.wait_log('"difference":"changed two"')
    assert gateway.get("/example.com/lib/@v/v1.2.0.zip").status == 200
    # A mistake leaves the old rules in force.
    before = gateway.log.count("the settings were not taken up")
    with open(gateway.file, "w", encoding="utf-8") as file:
        file.write("policy_rules:\n  two: {action: deny, versions: latest}\n")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log.count("the settings were not taken up") > before, "a refused reload")
    assert gateway.get("/example.com/lib/@v/v1.1.0.zip").status == 403
    gateway.rules("")
    assert gateway.get("/example.com/lib/@v/v1.1.0.zip").status == 200


def test_denials_are_counted_and_logged(ruled):
    gateway = ruled("policy_rules:\n  no: {action: deny, paths: example.com/banned}\n"
                    "  wait: {action: hold, paths: example.com/lib}\n")
    gateway.get("/example.com/banned/tool/@v/v1.0.0.info")
    gateway.get("/example.com/lib/@v/v1.0.0.zip")
    gateway.get("/example.com/lib/@v/list")
    assert gateway.metric("modgate_policy_denied_total") == 1
    assert gateway.metric("modgate_policy_held_total") == 2
    line = next(e for e in gateway.log_entries() if e["msg"] == "policy refused")
    assert (line["rule"], line["module"], line["version"], line["identity"], line["action"]) == (
        "no", "example.com/banned/tool", "v1.0.0", "anonymous", "deny")


def test_hold_and_release(ruled):
    gateway = ruled("policy_rules:\n  quarantine: {action: hold, paths: example.com/lib}\n")
    data = ["--data-dir", gateway.data_dir]

    def status_of(version, wanted):
        wait_until(lambda: gateway.get(f"/example.com/lib/@v/{version}.zip").status == wanted,
                   f"{version} to be {wanted}")
    status_of("v1.1.0", 403)
    done = modgate("policy", "release", *data, "--reason", "was read", "example.com/lib@v1.1.0", check=0)
    assert done.stdout == "released example.com/lib@v1.1.0\n"
    status_of("v1.1.0", 200)
    status_of("v1.2.0", 403)
    assert gateway.get("/example.com/lib/@v/list").text == "v1.1.0\n"
    modgate("policy", "hold", *data, "--reason", "a stolen key", "example.com/lib@v1.1.0", check=0)
    status_of("v1.1.0", 403)
    answer = gateway.get("/example.com/lib/@v/v1.1.0.zip")
    assert "rule hold until it is released" in answer.text and "reason: a stolen key" in answer.text, answer
    # Also what no rule is for, and all versions at once.
    assert gateway.get("/example.com/cooling/@v/list").status == 200
    modgate("policy", "hold", *data, "--reason", "later", "example.com/cooling", check=0)
    wait_until(lambda: gateway.get("/example.com/cooling/@v/list").status == 403, "a held module")
    listed = json.loads(modgate("policy", "list", "--json", *data, check=0).stdout)
    assert [(h["state"], h["path"], h["version"], h["reason"]) for h in listed] == [
        ("held", "example.com/lib", "v1.1.0", "a stolen key"), ("held", "example.com/cooling", "*", "later")]
    for wrong in (["example.com/lib@v1"], ["example.com/lib@main"], ["lib"], [], ["example.com/lib@v2.0.0"]):
        modgate("policy", "hold", *data, "--reason", "x", *wrong, check=2)
    modgate("policy", "release", *data, "example.com/lib@v1.1.0", check=2)


def test_an_expired_exception_does_not_count(ruled):
    rules = ("policy_rules:\n  no: {action: deny, paths: example.com/lib}\npolicy_exceptions:\n"
             "  - {rule: no, paths: example.com/lib, versions: v1.1.0, expires: '%s', owner: team}\n")
    gateway = ruled(rules % "2099-12-31")
    assert gateway.get("/example.com/lib/@v/v1.1.0.zip").status == 200
    assert gateway.get("/example.com/lib/@v/v1.2.0.zip").status == 403
    assert gateway.get("/example.com/lib/@v/list").text == "v1.1.0\n"
    gateway.rules(rules % "2020-12-31")
    assert gateway.get("/example.com/lib/@v/v1.1.0.zip").status == 403
    gateway.wait_log("policy exceptions have expired and are ignored.*no .example.com/lib.*2020-12-31")


def test_versions_stored_before_there_were_rules_have_licences(ruled):
    gateway = ruled("")
    assert gateway.get("/example.com/strong/@v/v1.0.0.zip").status == 200
    gateway.rules("policy_rules:\n  licences: {action: deny, licences: 'MIT'}\n")
    assert gateway.get("/example.com/strong/@v/v1.0.0.zip").status == 403
    assert gateway.get("/example.com/lib/@v/v1.0.0.zip").status == 200


def test_a_dry_run_names_the_rule(ruled):
    gateway = ruled("policy_rules:\n  fine: {action: allow, paths: example.com/lib, identities: 'token:*'}\n"
                    "  no: {action: deny, paths: example.com/lib}\n")
    command = ["policy", "test", "--config-file", gateway.file, "--data-dir", gateway.data_dir]
    done = modgate(*command, "example.com/lib@v1.0.0", check=1)
    assert "denied, by rule no (" in done.stdout and "modgate.yaml:3)" in done.stdout, done.stdout
    done = modgate(*command, "--identity", "token:ci", "--json", "example.com/lib@v1.0.0", check=0)
    got = json.loads(done.stdout)
    assert (got["verdict"], got["rule"]) == ("given", "fine")
    assert [s["rule"] for s in got["steps"]] == ["fine", "no"]
    assert "no rule is for it" in modgate(*command, "example.com/x@v1.0.0", check=0).stdout
    modgate(*command, "example.com/x", check=2)


def test_config_check_finds_what_is_wrong_with_rules(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("policy: {mode: maybe}\n")
    assert "policy.mode: \"maybe\" is neither enforce nor report" in modgate("config", "check", str(file)).stderr
    file.write_text("policy_rules:\n  a: {action: deny, versions: 1.0}\n")
    done = modgate("config", "check", "--offline", str(file), check=1)
    assert "c.yaml:2: policy_rules: versions: '1.0' is no version" in done.stderr, done.stderr


@pytest.fixture(scope="session")
def govulncheck(tmp_path_factory):
    """The real program, from the module proxy."""
    binary = str(tmp_path_factory.mktemp("govulncheck") / "govulncheck")
    done = subprocess.run(["go", "build", "-o", binary, "golang.org/x/vuln/cmd/govulncheck"], check=False,
                          cwd=os.path.join(harness.ROOT, "tests", "govulncheck"), capture_output=True, text=True)
    if done.returncode:
        pytest.skip("govulncheck cannot be built here: " + done.stderr[-500:])
    return binary


def test_govulncheck_reads_the_imported_database(ruled, go, govulncheck, tmp_path):
    gateway = ruled("")
    assert gateway.get("/vulndb/index/db.json").status == 404
    import_holey(gateway, tmp_path / "vulndb")
    command = go(gateway.url)
    project = module_in(command)
    with open(os.path.join(project, "main.go"), "w", encoding="utf-8") as file:
        file.write("package main\n\nimport \"example.com/holey\"\n\nfunc main() { holey.Read() }\n")
    for version, wanted in (("v1.0.0", True), ("v1.1.0", False)):
        command.run("get", f"example.com/holey@{version}", cwd=project)
        done = subprocess.run([govulncheck, "-db", gateway.url + "/vulndb", "./..."], cwd=project, env=command.env,
                              capture_output=True, text=True, check=False)
        assert ("GO-2026-0001" in done.stdout) == wanted, done.stdout + done.stderr
        assert (done.returncode != 0) == wanted, done


def test_an_import_is_all_or_nothing(ruled, made, tmp_path):
    gateway = ruled("policy_rules:\n  holes: {action: deny, vulnerabilities: any}\n")
    assert gateway.get("/example.com/holey/@v/v1.0.0.info").status == 200
    import_holey(gateway, tmp_path / "vulndb")
    assert gateway.get("/example.com/holey/@v/v1.0.0.info").status == 403
    assert gateway.get("/example.com/holey/@v/list").text == "v1.1.0\n"
    served = gateway.get("/vulndb/ID/GO-2026-0001.json")
    assert served.body == (tmp_path / "vulndb/ID/GO-2026-0001.json").read_bytes()
    assert gzip.decompress(gateway.get("/vulndb/ID/GO-2026-0001.json.gz").body) == served.body
    # A zip of it, with a folder around.
    archive = tmp_path / "vulndb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made_zip:
        for base, _, names in os.walk(tmp_path / "vulndb"):
            for name in names:
                place = os.path.join(base, name)
                made_zip.write(place, "db/" + os.path.relpath(place, tmp_path / "vulndb"))
    done = modgate("policy", "import-vulndb", "--data-dir", gateway.data_dir, str(archive), check=0)
    assert done.stdout == f"1 entries, 1 affected modules, of {OLD}\n"
    # What is wrong is refused as a whole.
    entry = tmp_path / "vulndb" / "ID" / "GO-2026-0001.json"
    good = entry.read_text()
    for broken in (good.replace("GO-2026-0001", "GO-2026-0002"), good[:-3], good.replace("1.1.0", "one")):
        entry.write_text(broken)
        done = modgate("policy", "import-vulndb", "--data-dir", gateway.data_dir, str(tmp_path / "vulndb"), check=1)
        assert "ID/GO-2026-0001.json" in done.stderr, done.stderr
    entry.unlink()
    done = modgate("policy", "import-vulndb", "--data-dir", gateway.data_dir, str(tmp_path / "vulndb"), check=1)
    assert "names the entry 'GO-2026-0001', which is not there" in done.stderr
    done = modgate("policy", "import-vulndb", "--data-dir", gateway.data_dir, str(tmp_path), check=1)
    assert "not a vulnerability database" in done.stderr
    assert gateway.get("/vulndb/ID/GO-2026-0001.json").body == served.body
    assert gateway.get("/example.com/holey/@v/v1.0.0.info").status == 403
    assert os.listdir(os.path.join(gateway.data_dir, "policy")).count("vulndb.new") == 0


@pytest.mark.parametrize("path", ["/vulndb/", "/vulndb/index/../../holds", "/vulndb/vulns", "/vulndb/ID/.json",
                                  "/vulndb/ID/a/b.json", "/vulndb/index/%2e%2e.json", "/vulndb/ID/none.json"])
def test_nothing_else_is_served_of_the_database(ruled, tmp_path, path):
    gateway = ruled("")
    import_holey(gateway, tmp_path / "vulndb")
    assert gateway.get(path).status == 404


LIB = "/example.com/lib/@v/v1.2.0.zip"


def lib_signature(gateway):
    return os.path.join(gateway.data_dir, "cache/download", LIB.lstrip("/") + ".sig")


def sign_lib(gateway, key):
    modgate("sign", "--data-dir", gateway.data_dir, "--signing-key", str(key), "example.com/lib@v1.2.0", check=0)


def signers(gateway):
    done = modgate("policy", "test", "--config-file", gateway.file, "--data-dir", gateway.data_dir, "example.com/lib@v1.2.0")
    return re.search("^signers: (.*)$", done.stdout, re.M).group(1)


def test_what_is_signed_is_given(ruled, go, tmp_path):
    key, public = make_key(tmp_path, "release")
    other, other_public = make_key(tmp_path, "other")
    gateway = ruled(trusting(("release", "example.com/lib", public), ("other", "", other_public)), "--http-loops", "1")
    command = go(gateway.url + ",direct")

    def download():
        return command.run("mod", "download", "example.com/lib@v1.2.0", cwd=command.folder, check=False)

    def is_refused():
        answer = gateway.get(LIB)
        assert answer.status in (200, 403)
        assert answer.status == 200 or "rule signed-only: it is not signed by release\n" in answer.text, answer
        return answer.status == 403

    assert signers(gateway) == "not known here"
    done = download()
    assert done.returncode != 0 and "signed-only: it is not signed by release" in done.stderr + done.stdout, done
    assert signers(gateway) == "none"
    sign_lib(gateway, other)
    assert is_refused() and signers(gateway) == "other"
    modgate("sign", "--resign", "--data-dir", gateway.data_dir, "--signing-key", str(key), "--all", check=0)
    assert not is_refused() and signers(gateway) == "release"
    assert download().returncode == 0
    # Whose signature it is counts, not that there is one: each byte does.
    signature = lib_signature(gateway)
    with open(signature, "rb") as file:
        good = file.read()
    os.chmod(signature, 0o644)
    for at in (0, 40, 83):
        assert not is_refused()
        with open(signature, "wb") as file:
            file.write(good[:at] + (b"A" if good[at:at + 1] != b"A" else b"B") + good[at + 1:])
        assert not is_refused()  # in memory: a hit looks at nothing
        gateway.rules(open(gateway.file, encoding="utf-8").read())
        assert is_refused() and signers(gateway) == "none", at
        with open(signature, "wb") as file:
            file.write(good)
    assert not is_refused() and signers(gateway) == "release"
    os.unlink(signature)
    gateway.rules(open(gateway.file, encoding="utf-8").read())
    assert is_refused()


def test_a_signature_counts_for_the_keys_of_now(ruled, tmp_path):
    """Rotation: the new key is named beside the old one, versions are signed anew, the old one goes."""
    (old, old_public), (new, new_public) = make_key(tmp_path, "old"), make_key(tmp_path, "new")
    gateway = ruled(trusting(("release", "", old_public)))
    assert gateway.get(LIB).status == 403
    sign_lib(gateway, old)
    assert gateway.get(LIB).status == 200
    gateway.rules(trusting(("release", "", new_public)))
    assert gateway.get(LIB).status == 403 and signers(gateway) == "none"
    both = trusting(("release", "", f"{old_public}, {new_public}"))
    gateway.rules(both)
    assert gateway.get(LIB).status == 200 and signers(gateway) == "release"
    modgate("sign", "--all", "--resign", "--data-dir", gateway.data_dir, "--signing-key", str(new), check=0)
    gateway.rules(both + "\n")
    assert gateway.get(LIB).status == 200
    gateway.rules(trusting(("release", "", new_public)))
    assert gateway.get(LIB).status == 200
    # A key counts for the paths of its entry.
    gateway.rules(trusting(("release", "example.com/other", new_public)))
    assert gateway.get(LIB).status == 403 and signers(gateway) == "none"
    # A key that cannot be read leaves the old ones in force.
    before = gateway.log.count("the settings were not taken up")
    new_public.write_text("no key")
    with open(gateway.file, "w", encoding="utf-8") as file:
        file.write(trusting(("release", "", new_public)))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log.count("the settings were not taken up") > before, "a refused reload")
    assert gateway.get(LIB).status == 403


def test_the_gateways_own_key_can_be_trusted(ruled, tmp_path):
    key, public = make_key(tmp_path, "own")
    repositories = "repositories:\n  one: {kind: proxy, folder: .}\n  two: {kind: proxy}\n  all: {kind: group, members: 'one,two'}\n"
    gateway = ruled(trusting(("release", "", public), more=repositories + "default_repository: all\n"), "--signing-key", str(key))
    for mount in ("", "/two", "/all"):
        assert gateway.get(mount + LIB).status == 200, mount
    # A repository's signature is its own: that of the other one does not count for it.
    os.unlink(os.path.join(gateway.data_dir, "repositories/two/cache/download", LIB.lstrip("/") + ".sig"))
    gateway.rules(open(gateway.file, encoding="utf-8").read())
    assert [gateway.get(mount + LIB).status for mount in ("/two", "/one", "/all")] == [403, 200, 200]


def test_mistakes_in_signing_trust(tmp_path):
    _, public = make_key(tmp_path, "release")
    (tmp_path / "bad.pub").write_text("no key")
    file = tmp_path / "modgate.yaml"

    def says(text):
        file.write_text(text, encoding="utf-8")
        done = modgate("config", "check", "--config-file", str(file), "--data-dir", str(tmp_path / "data"))
        assert done.returncode != 0 and "signing_trust" in done.stderr, done
        return done.stderr

    assert "No such file" in says(trusting(("release", "", tmp_path / "absent.pub")))
    assert "signing_trust: the key of release" in says(trusting(("release", "", tmp_path / "bad.pub")))
    assert "signing_trust has no release" in says(trusting(("else", "", public)))
    assert "key_file is missing" in says("signing_trust:\n  release: {paths: example.com}\n")
    file.write_text(trusting(("release", "", public)), encoding="utf-8")
    modgate("config", "check", "--config-file", str(file), "--data-dir", str(tmp_path / "data"), check=0)
