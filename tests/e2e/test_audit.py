"""The audit file: what is in it, what happens to it, and who finds out when it was touched."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from harness import ROOT, artefacts, assert_says_why, ask, modgate, newest, wait_until
from publishing import h1_of, make_zip, path_of, send, settings, token
from test_sign import PASSWORD, flip, key_id, make_key
from test_store_trouble import mounted

ZEROS = "0" * 64


def lines_of(folder):
    """The lines of all files of the chain, in order."""
    names = sorted(n for n in os.listdir(folder) if re.fullmatch(r"audit\.jsonl\.\d{12}", n))
    lines = []
    for name in [*names, "audit.jsonl"]:
        with open(os.path.join(folder, name), "rb") as file:
            lines += file.read().split(b"\n")[:-1]
    return lines


def read_chain(folder):
    """The records; fails unless they are chained as docs/audit.md says."""
    records, prev = [], ZEROS
    for number, line in enumerate(lines_of(folder), 1):
        record = json.loads(line)
        assert record["seq"] == number and record["prev"] == prev, line
        canonical = re.sub(rb',"hash":"[0-9a-f]{64}"}$', b"}", line)
        assert record["hash"] == hashlib.sha256(canonical).hexdigest(), line
        prev = record["hash"]
        records.append(record)
    return records


def of_event(folder, event):
    return [r for r in read_chain(folder) if r["event"] == event]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "audit"
    made.mkdir()
    return made


def audit_flags(folder, *more):
    return ["--audit-file", str(folder / "audit.jsonl"), *more]


def test_what_is_recorded(gateway_on, upstream, flags, folder):
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder))
    base = newest(upstream.tree, "gen.example.com/m0")
    for _ in range(2):
        for ending in (".info", ".mod", ".zip"):
            assert gateway.get(base + ending, headers={"user-agent": "a \"client\""}).status == 200
    h1 = gateway.get(base + ".zip")["etag"].strip('"')
    gateway.get("/gen.example.com/m0/@v/list")
    gateway.get("/gen.example.com/absent/@v/list")
    gateway.get("/metrics")
    gateway.signal(signal.SIGHUP)
    gateway.wait_log("settings taken up")
    gateway.stop()
    records = read_chain(folder)
    assert [r["event"] for r in records][:2] == ["begin", "start"] and records[-1]["event"] == "stop"
    assert [r["outcome"] for r in records if r["event"] == "reload"] == ["done"]
    downloads = [r for r in records if r["event"] == "download"]
    assert len(downloads) == 9
    version = base.rsplit("/", 1)[1]
    for kind in ("info", "mod", "zip"):
        mine = [r for r in downloads if r["artefact"] == kind]
        first = ["miss", "hit"] if kind == "mod" else ["miss"]  # a .mod may have been fetched along with the .info
        assert mine[0]["outcome"] in first and mine[1]["outcome"] == "hit"
        for r in mine:
            assert (r["module"], r["version"]) == ("gen.example.com/m0", version)
            assert r["ip"] == "127.0.0.1" and r["status"] == 200 and r["bytes"] > 0
            assert re.fullmatch("[0-9a-f]{16}", r["request"])
    assert [r["agent"] for r in downloads[:6]] == ['a "client"'] * 6
    assert {r.get("h1") for r in downloads if r["artefact"] == "zip"} == {h1}
    lists = [r for r in downloads if r["artefact"] == "list"]
    assert sorted((r["module"], r["outcome"]) for r in lists) == [
        ("gen.example.com/absent", "absent"), ("gen.example.com/m0", "miss")]
    verified = [r for r in records if r["event"] == "verify"]
    assert [(r["module"], r["version"], r["h1"], r["outcome"]) for r in verified] == [
        ("gen.example.com/m0", version, h1, "stored")]


def test_only_misses(gateway_on, upstream, flags, folder):
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder, "--audit-downloads", "misses"))
    base = newest(upstream.tree, "gen.example.com/m0")
    for _ in range(5):
        gateway.get(base + ".mod")
    gateway.stop()
    assert [r["outcome"] for r in of_event(folder, "download")] == ["miss"]


def test_a_refusal_is_recorded_before_it_is_given(gateway_on, upstream, flags, folder):
    gateway = gateway_on("off", *flags, *audit_flags(folder, "--audit-sync", "1h"))
    for n in range(20):
        answer = gateway.get(f"/gen.example.com/m{n}/@v/list")
        assert answer.status == 403
        with open(folder / "audit.jsonl", encoding="utf-8") as file:
            last = json.loads(file.read().splitlines()[-1])
        assert (last["event"], last["module"], last["outcome"]) == ("deny", f"gen.example.com/m{n}", "denied")
        assert "upstream" in last["detail"] and last["status"] == 403
    gateway.kill()
    assert len(of_event(folder, "deny")) == 20
    assert not of_event(folder, "download")


def test_refusals_of_clients_that_leave(gateway_on, upstream, flags, folder):
    """A refusal waits for its record; who does not wait for it is recorded all the same."""
    gateway = gateway_on("off", *flags, *audit_flags(folder), "--private", "gen.example.com")
    for _ in range(50):
        gateway.raw(b"GET /sumdb/sum.test.example/lookup/gen.example.com/m0@v1.1.0 HTTP/1.1\r\nhost: x\r\n\r\n")
    gateway.stop()
    denied = of_event(folder, "deny")
    assert [(r["module"], r["version"], r["artefact"]) for r in denied] == [
        ("gen.example.com/m0", "v1.1.0", "sumdb_lookup")] * 50


def test_what_is_not_what_it_must_be(gateway_on, upstream, flags, folder):
    base = newest(upstream.tree, "gen.example.com/m0")
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder))
    upstream.fault("*" + base + ".zip", "zip_extra")
    answer = gateway.get(base + ".zip")
    assert answer.status == 403, answer
    refused = of_event(folder, "quarantine")
    assert [(r["module"], r["outcome"], r["artefact"]) for r in refused] == [("gen.example.com/m0", "refused", "zip")]
    assert refused[0]["h1"].startswith("h1:")
    gateway.stop()
    assert [r["outcome"] for r in of_event(folder, "verify")] == ["refused"]


# ---- crashes ----

def load(gateway, paths, stop):
    while not stop.is_set():
        for path in paths:
            try:
                ask(gateway.url, path)
            except OSError:
                return


def test_kill_9_under_load(gateway_on, upstream, flags, folder):
    """Again and again, with files that are put aside meanwhile: the chain goes on, whatever is torn."""
    base = newest(upstream.tree, "gen.example.com/m0")
    paths = [base + ".info", base + ".mod", base + ".zip"]
    for number in range(1, 5):
        gateway = gateway_on(upstream.http, *flags, *audit_flags(folder, "--audit-max-size", "20kB", "--audit-sync", "0s"))
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(gateway, paths, stop)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: gateway.metric("modgate_audit_records_total") > 400 * number, "records")
        gateway.kill()
        stop.set()
        for thread in threads:
            thread.join()
        with open(folder / "audit.jsonl", "ab") as file:
            file.write(b'{"seq":12,"time":"20')  # what a power loss may leave
        gateway = gateway_on(upstream.http, *flags, *audit_flags(folder))
        gateway.stop()
        records = read_chain(folder)
        assert [r["cut_bytes"] for r in records if r["event"] == "repair"] == [20] * number
    assert len([n for n in os.listdir(folder) if re.search(r"\d{12}$", n)]) > 10
    modgate("audit", "verify", *[str(folder / n) for n in os.listdir(folder) if not n.endswith("lock")], check=0)


def test_a_damaged_end(upstream, flags, folder, gateway_on, tmp_path):
    gateway_on(upstream.http, *flags, *audit_flags(folder)).stop()
    size = os.path.getsize(folder / "audit.jsonl")
    flip(folder / "audit.jsonl", size - 100)
    done = modgate("serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *audit_flags(folder), check=1)
    assert "the last record of" in done.stderr and "modgate audit verify" in done.stderr


# ---- full disks ----

@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 KiB for the audit alone."""
    made = tmp_path / "small"
    made.mkdir()
    mounted("tmpfs", "tmpfs", made, "size=128k")
    yield made
    subprocess.run(["umount", "-l", str(made)], check=False)


def fill_and_fail(gateway, path):
    """Asks until the audit cannot be written any more; returns how many were answered."""
    def is_failing():
        nonlocal answered
        for _ in range(20):
            answered += gateway.get(path).status == 200
        return gateway.metric("modgate_audit_failing") == 1
    answered = 0
    wait_until(is_failing, "a full disk")
    return answered


def test_disk_full_refuse(gateway_on, upstream, flags, small_disk):
    gateway = gateway_on(upstream.http, *flags, *audit_flags(small_disk))
    path = newest(upstream.tree, "gen.example.com/m0") + ".mod"
    answered = fill_and_fail(gateway, path)
    answer = gateway.get(path)
    assert answer.status == 503 and "audit" in answer.text and answer["retry-after"], answer
    assert_says_why(answer)
    assert gateway.get(path.replace(".mod", ".zip")).status == 503
    assert gateway.get("/healthz").status == 200
    ready = gateway.get("/readyz?verbose")
    assert ready.status == 503 and "[-]audit failed" in ready.text
    assert gateway.get(path.split("@v")[0].replace("/gen", "/sumdb/sum.test.example/lookup/gen")).status != 503
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    wait_until(lambda: gateway.get(path).status == 200, "room again")
    gateway.stop()
    records = read_chain(small_disk)
    assert [r["lost"] for r in records if r["event"] == "gap"] == [0]
    given = [r for r in records if r["event"] == "download" and r["status"] == 200]
    assert len(given) == answered + 1


def test_disk_full_serve(gateway_on, upstream, flags, small_disk):
    gateway = gateway_on(upstream.http, *flags, *audit_flags(small_disk, "--audit-on-error", "serve"))
    path = newest(upstream.tree, "gen.example.com/m0") + ".mod"
    answered = fill_and_fail(gateway, path)
    for _ in range(50):
        assert gateway.get(path).status == 200
    assert gateway.get("/readyz").status == 200
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    wait_until(lambda: gateway.metric("modgate_audit_failing") == 0, "room again")
    gateway.stop()
    records = read_chain(small_disk)
    gaps = [r for r in records if r["event"] == "gap"]
    assert len(gaps) == 1 and re.match(r"20\d\d-", gaps[0]["since"])
    given = [r for r in records if r["event"] == "download" and r["status"] == 200]
    assert len(given) + gaps[0]["lost"] == answered + 50


def test_no_place_for_it(upstream, flags, tmp_path):
    done = modgate("serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0", "--audit-file",
                   str(tmp_path / "no" / "such" / "folder"), check=1)
    assert "the audit" in done.stderr and "No such file" in done.stderr
    modgate("serve", "--audit-on-error", "ignore", check=1)
    modgate("serve", "--audit-downloads", "some", check=1)


# ---- checkpoints ----

@pytest.mark.parametrize("kind", ["p256", "ed25519", "cosign"])
def test_checkpoints(gateway_on, upstream, flags, folder, tmp_path, kind):
    key, public = make_key(tmp_path, kind)
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder, "--audit-key-file", str(key)),
                         env={"COSIGN_PASSWORD": PASSWORD})
    for path in artefacts(upstream.tree)[:5]:
        gateway.get(path)
    gateway.stop()
    records = read_chain(folder)
    assert records[-1]["event"] == "checkpoint" and records[-1]["key"] == key_id(public)
    file = str(folder / "audit.jsonl")
    done = modgate("audit", "verify", "--key", str(public), file, check=0)
    assert "0 records after it" in done.stdout, done.stdout
    # The same with jq and openssl, as docs/audit.md says it.
    line = lines_of(folder)[-1].decode()
    signed = re.sub(r',"signature":.*$', "}", line)
    (tmp_path / "signed").write_text(signed)
    raw = subprocess.run(["base64", "-d"], input=records[-1]["signature"].encode(), capture_output=True, check=True)
    (tmp_path / "raw").write_bytes(raw.stdout)
    call = (["pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin", "-in", str(tmp_path / "signed"), "-sigfile",
             str(tmp_path / "raw")] if kind == "ed25519" else
            ["dgst", "-sha256", "-verify", str(public), "-signature", str(tmp_path / "raw"), str(tmp_path / "signed")])
    subprocess.run(["openssl", *call], check=True, capture_output=True)
    other = make_key(tmp_path, "sec1")[1]
    done = modgate("audit", "verify", "--key", str(other), file, check=1)
    assert "signed with another key" in done.stdout
    modgate("audit", "verify", "--key", f"{other},{public}", file, check=0)


@pytest.mark.skipif(not shutil.which("jq"), reason="no jq")
@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_by_hand(gateway_on, upstream, flags, folder, tmp_path, kind):
    """What docs/audit.md says of the chain, as it stands there."""
    key, public = make_key(tmp_path, kind)
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder, "--audit-key-file", str(key)))
    for path in artefacts(upstream.tree)[:5]:
        gateway.get(path)
    gateway.stop()
    shutil.copy(public, folder / "audit.pub")
    with open(os.path.join(ROOT, "docs", "audit.md"), encoding="utf-8") as file:
        page = file.read().split("## The chain, by hand")[1].split("\n## ")[0]
    one, all_, signed = re.findall(r"```\n(.*?)```", page, re.S)
    other = "pkeyutl" if kind == "p256" else "dgst"
    signed = "\n".join(line for line in signed.splitlines() if other not in line)

    def run(script):
        return subprocess.run(["bash", "-ec", script], cwd=folder, check=True, capture_output=True, text=True).stdout

    made, told = run(one).splitlines()
    assert made.split()[0] == told
    assert run(all_) == ""
    assert "Verif" in run(signed)
    lines = (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "audit.jsonl").write_bytes(b"".join(lines[:4] + lines[5:]))
    assert run(all_) == "line 5\n"


# ---- modgate audit ----

@pytest.fixture
def written(gateway_on, upstream, flags, folder):
    """A chain of some dozen records."""
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder))
    for path in artefacts(upstream.tree)[:20]:
        gateway.get(path)
    gateway.stop()
    return folder / "audit.jsonl"


def test_verify_names_the_place(written, tmp_path):
    good = modgate("audit", "verify", str(written), check=0).stdout
    head = re.search(r"^head: (\d+:[0-9a-f]{64})$", good, re.M)[1]
    lines = written.read_bytes().splitlines(keepends=True)

    def verify(changed, *flags):
        bad = tmp_path / "bad.jsonl"
        bad.write_bytes(b"".join(changed))
        return modgate("audit", "verify", *flags, str(bad)), str(bad)

    done, bad = verify(lines[:6] + [lines[6].replace(b"gen.", b"gin.")] + lines[7:])
    assert done.returncode == 1 and done.stdout.startswith(f"{bad}:7: record 7 was changed"), done.stdout
    done, bad = verify(lines[:6] + lines[8:])
    assert done.returncode == 1 and done.stdout.startswith(f"{bad}:7: the records from 7 to 8 are missing"), done.stdout
    done, bad = verify(lines[:6] + [lines[7], lines[6]] + lines[8:])
    assert done.returncode == 1 and f"{bad}:7: " in done.stdout, done.stdout
    done, bad = verify(lines[:-2])
    assert done.returncode == 0 # what hashes alone cannot tell
    done, bad = verify(lines[:-2], "--head", head)
    assert done.returncode == 1 and "the newest records are missing" in done.stdout
    done, _ = verify(lines, "--head", head)
    assert done.returncode == 0
    done, bad = verify([*lines[:-1], lines[-1][:50]])
    assert done.returncode == 1 and f"{bad}:{len(lines)}: the line has no end" in done.stdout
    done, _ = verify([])
    assert done.returncode == 1
    modgate("audit", "verify", "--head", "x", str(written), check=2)
    modgate("audit", "verify", "--key", "/nowhere", str(written), check=1)
    modgate("audit", "verify", "/nowhere.jsonl", check=1)
    modgate("audit", "verify", check=2)
    modgate("audit", check=2)


def test_search(written, folder):
    def search(*args, check=0):
        done = modgate("audit", "search", "--json", *args, str(written), check=check)
        return [json.loads(line) for line in done.stdout.splitlines()]

    everything = read_chain(folder)
    assert search() == everything
    assert search("--event", "start") == [everything[1]]
    module = next(r["module"] for r in everything if "module" in r)
    assert search("--module", module) == [r for r in everything if r.get("module") == module]
    version = next(r["version"] for r in everything if r.get("module") == module and "version" in r)
    assert search("--module", f"{module}@{version}") == [
        r for r in everything if (r.get("module"), r.get("version")) == (module, version)]
    assert search("--module", "gen.example.com") == [r for r in everything if "module" in r]
    assert search("--module", "other.example.com", check=1) == []
    assert search("--ip", "127.0.0.1", "--since", "1h") == [r for r in everything if "ip" in r]
    assert search("--until", "2020-01-01", check=1) == []
    middle = everything[9]["time"]
    assert search("--since", middle) == [r for r in everything if r["time"] >= middle]
    assert search("--until", middle) == [r for r in everything if r["time"] < middle]
    done = modgate("audit", "search", "--event", "verify", str(written), check=0)
    assert done.stdout.count("\n") == len([r for r in everything if r["event"] == "verify"])
    assert 'outcome="stored"' in done.stdout
    modgate("audit", "search", "--since", "yesterday", str(written), check=2)
    modgate("audit", "search", check=2)


def test_files_by_the_setting(gateway_on, upstream, flags, folder):
    """Without a name: the file that is set, and what was put aside, in the order of the chain."""
    gateway = gateway_on(upstream.http, *flags, *audit_flags(folder, "--audit-max-size", "3kB"))
    for path in artefacts(upstream.tree)[:30]:
        gateway.get(path)
    gateway.stop()
    done = modgate("audit", "verify", *audit_flags(folder), check=0)
    assert re.match(r"(\d+) records, 1 to \1,", done.stdout), done.stdout
    found = modgate("audit", "search", "--json", *audit_flags(folder), check=0).stdout.encode().splitlines()
    assert found == lines_of(folder)


# ---- who ----

def test_publishing_and_tokens(gateway_on, folder, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    file = audit_flags(folder)
    made = modgate("token", "create", "--data-dir", str(data), "--name", "ci", "--scope", "internal:*:publish,read",
                   *file, check=0)
    bearer = made.stdout.strip()
    admin = token(data, "*:*:admin", name="root")
    gateway = gateway_on("off", "--config-file", settings(tmp_path), "--sumdb", "off", *file, data_dir=data)
    module = "corp.example/lib"
    first = make_zip(tmp_path / "1.zip", module, "v1.0.0")
    other = make_zip(tmp_path / "2.zip", module, "v1.0.0", files={"lib.go": "package other\n"})
    path = "/internal" + path_of(module, "v1.0.0")
    assert [send(gateway.url, path, body, bearer).status for body in (first, first, other)] == [201, 200, 409]
    assert gateway.get(path, headers={"authorization": f"Bearer {bearer}"}).status == 200
    assert send(gateway.url, path + "?reason=broken", None, admin, method="DELETE").status == 200
    assert send(gateway.url, path, first, "mg_nobody").status == 401
    listed = json.loads(modgate("token", "list", "--json", "--data-dir", str(data), check=0).stdout)
    token_id = next(row["id"] for row in listed if row["name"] == "ci")
    modgate("token", "revoke", "--data-dir", str(data), *file, token_id, check=0)
    gateway.stop()
    records = read_chain(folder)
    tokens = [r for r in records if r["event"] == "token"]
    assert [r["outcome"] for r in tokens] == ["created", "revoked"]
    assert all(r["identity"].startswith("local:") and " of ci: " in r["detail"] for r in tokens)
    assert bearer not in json.dumps(records)
    published = [r for r in records if r["event"] == "publish"]
    assert [r["outcome"] for r in published] == ["published", "published-before", "refused", "withdrawn"]
    assert {(r["module"], r["version"], r["repository"]) for r in published} == {(module, "v1.0.0", "internal")}
    assert [r["identity"] for r in published] == ["token:ci"] * 3 + ["token:root"]
    assert published[0]["h1"] == h1_of(first) and published[3]["detail"] == "broken"
    given = [r for r in records if r["event"] == "download"]
    assert [(r["identity"], r["repository"], r["outcome"]) for r in given] == [("token:ci", "internal", "hit")]
    denied = [r for r in records if r["event"] == "deny"]
    assert [(r["status"], r["ip"]) for r in denied] == [(401, "127.0.0.1")]


def test_policy_rules(gateway_on, upstream, flags, folder, tmp_path):
    config = tmp_path / "modgate.yaml"
    config.write_text("policy_rules:\n  no-m0: {action: deny, paths: gen.example.com/m0}\n")
    gateway = gateway_on(upstream.http, *flags, "--config-file", str(config), *audit_flags(folder))
    base = newest(upstream.tree, "gen.example.com/m0")
    answer = gateway.get(base + ".zip")
    assert answer.status == 403 and "denied by policy rule no-m0" in answer.text, answer
    denied = of_event(folder, "deny")
    assert [(r["rule"], r["module"], r["version"]) for r in denied] == [
        ("no-m0", "gen.example.com/m0", base.rsplit("/", 1)[1])]


def test_nothing_changes_unrecorded(gateway_on, small_disk, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    bearer = token(data, "internal:*:publish,read")
    gateway = gateway_on("off", "--config-file", settings(tmp_path), "--sumdb", "off", *audit_flags(small_disk), data_dir=data)
    headers = {"authorization": f"Bearer {bearer}"}

    def is_failing():
        for _ in range(50):
            gateway.get("/internal/corp.example/lib/@v/list", headers=headers)
        return gateway.metric("modgate_audit_failing") == 1
    wait_until(is_failing, "a full disk")
    body = make_zip(tmp_path / "1.zip", "corp.example/lib", "v1.0.0")
    answer = send(gateway.url, "/internal" + path_of("corp.example/lib", "v1.0.0"), body, bearer)
    assert answer.status == 503 and "audit" in answer.text, answer
    assert not os.path.exists(data / "repositories/internal/cache/download/corp.example/lib/@v/v1.0.0.info")
    # What is left of the disk's last page has room for some small records.
    filler = ["token", "create", "--data-dir", str(data), "--name", "filler", "--scope", "*:*:read"]
    while modgate(*filler, *audit_flags(small_disk)).returncode == 0:
        pass
    before = modgate("token", "list", "--data-dir", str(data), check=0).stdout
    done = modgate("token", "create", "--data-dir", str(data), "--name", "x", "--scope", "*:*:read", *audit_flags(small_disk),
                   check=1)
    assert "audit" in done.stderr and done.stdout == ""
    assert modgate("token", "list", "--data-dir", str(data), check=0).stdout == before
