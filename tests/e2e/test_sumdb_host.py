"""A checksum database of one's own: the real go command and the client of golang.org/x/mod before it."""

import base64
import hashlib
import json
import os
import re
import struct
import subprocess

import pytest

import harness
from harness import newest, together

NAME = "sum.example.com/2027"
DRIVER = os.path.join(os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build")), "tests", "sumdb", "sumlog_driver")


class Client:
    """golang.org/x/mod's client, which remembers the newest head."""

    def __init__(self, binary, vkey):
        self.process = subprocess.Popen([binary, "talk", vkey], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def say(self, *words):
        """(ok, error or security; the text)"""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        word, _, text = self.process.stdout.readline().rstrip("\n").partition(" ")
        return word, text

    def must(self, *words):
        word, text = self.say(*words)
        assert word == "ok", (words, word, text)
        return text

    def close(self):
        self.process.stdin.close()
        self.process.wait(harness.PATIENCE_S)


@pytest.fixture
def client(sumclient):
    started = []

    def start(vkey):
        started.append(Client(sumclient.binary, vkey))
        return started[-1]
    yield start
    for one in started:
        one.close()


def keygen(folder, name=NAME):
    """(key file, verifier key)"""
    path = str(folder / (name.replace("/", "-") + ".key"))
    done = harness.modgate("sumdb", "keygen", name, "--key-file", path, check=0)
    return path, re.search(r"verifier key:\s+(\S+)", done.stdout).group(1)


@pytest.fixture
def key(tmp_path):
    return keygen(tmp_path)


@pytest.fixture
def host(gateway_on, upstream, flags, key):
    """A gateway that keeps a database of all modules."""
    return gateway_on(upstream.http, *flags, "--sumdb-host-key-file", key[0], "--sumdb-host-scope", "all")


def version_of(upstream, path):
    return newest(upstream.tree, path).rsplit("/", 1)[1]


def all_modules(upstream):
    """(path as it is escaped, version) of all in the upstream's tree."""
    zips = [a for a in harness.artefacts(upstream.tree) if a.endswith(".zip")]
    return [(z[1:].split("/@v/")[0], z.split("/@v/")[1][:-4]) for z in zips]


# ---- the go command ----

@pytest.mark.parametrize("with_url", [False, True])
def test_go_builds_with_it(host, upstream, go, key, with_url):
    """Everything of a build is looked up here, and the public database is asked by the gateway alone."""
    sumdb = f"{key[1]} {host.url}/sumdb/{NAME}" if with_url else key[1]
    command = go(host.url, sumdb)
    command.run("mod", "download", "all", cwd=command.main)
    if not with_url:
        command.run("mod", "tidy", cwd=command.main)
        command.run("build", "-o", f"{command.folder}/app", ".", cwd=command.main)
    toolchain = version_of(upstream, "golang.org/toolchain")
    command.run("mod", "download", f"golang.org/toolchain@{toolchain}", cwd=command.main)
    assert host.metric("modgate_sumdb_host_records") > 40
    other = go(upstream.http, upstream.sumdb)
    other.run("mod", "download", "all", cwd=other.main)
    sums = [open(f"{c.main}/go.sum", encoding="utf-8").read() for c in (command, other)]
    assert set(sums[1].split("\n")) <= set(sums[0].split("\n"))


def test_go_sees_a_zip_that_was_changed_after_it_was_logged(host, upstream, go, key):
    version = version_of(upstream, "gen.example.com/m0")
    assert host.get(f"/sumdb/{NAME}/lookup/gen.example.com/m0@{version}").status == 200
    base = newest(upstream.tree, "gen.example.com/m0")
    upstream.fault("*" + base + ".zip", "zip_extra")
    command = go(f"{upstream.http}", f"{key[1]} {host.url}/sumdb/{NAME}")
    done = command.run("mod", "download", f"gen.example.com/m0@{version}", cwd=command.main, check=False)
    assert done.returncode != 0 and "SECURITY ERROR" in done.stderr, done.stderr


def test_a_restart_and_an_outage_change_no_record(gateway_on, upstream, flags, key, client, tmp_path):
    ours = ["--sumdb-host-key-file", key[0], "--sumdb-host-scope", "all"]
    host = gateway_on(upstream.http, *flags, *ours)
    modules = all_modules(upstream)[:30]
    reader = client(key[1])
    reader.must("url", f"{host.url}/sumdb/{NAME}")
    before = [reader.must("lookup", unescape(path), unescape(version)) for path, version in modules]
    records = {m: host.get(lookup(m)).text.split("\n\n")[0] for m in modules}
    host.stop()
    upstream.stop()
    host = gateway_on(upstream.http, *flags, *ours)
    reader.must("new")
    reader.must("url", f"{host.url}/sumdb/{NAME}")
    assert [reader.must("lookup", unescape(path), unescape(version)) for path, version in modules] == before
    assert {m: host.get(lookup(m)).text.split("\n\n")[0] for m in modules} == records


def lookup(module, name=NAME):
    return f"/sumdb/{name}/lookup/{module[0]}@{module[1]}"


def unescape(text):
    return re.sub("!(.)", lambda m: m.group(1).upper(), text)


def test_lookups_at_the_same_time(host, upstream, key, client):
    """Many ask for few modules at once: each module has one record, and many records share a head."""
    modules = all_modules(upstream)[:20]
    answers = together(100, lambda i: host.get(lookup(modules[i % len(modules)])))
    assert all(a.status == 200 for a in answers), [a for a in answers if a.status != 200][:3]
    ids = {}
    for i, answer in enumerate(answers):
        ids.setdefault(modules[i % len(modules)], set()).add(int(answer.text.split("\n")[0]))
    assert all(len(found) == 1 for found in ids.values())
    assert sorted(min(found) for found in ids.values()) == list(range(len(modules)))
    reader = client(key[1])
    reader.must("url", f"{host.url}/sumdb/{NAME}")
    for path, version in modules:
        reader.must("lookup", unescape(path), unescape(version))


def test_a_thousand_records(gateway_on, key, client, tmp_path):
    """A log that was begun with another key, whose tiles are on two levels; lookups and tiles, none from a cache."""
    subprocess.run([DRIVER, "append", str(tmp_path / "data" / "sumdb-host"), "32", "0", "1000"], check=True,
                   stdout=subprocess.DEVNULL)
    host = gateway_on("off", "--sumdb-host-key-file", key[0])
    reader = client(key[1])
    reader.must("url", f"{host.url}/sumdb/{NAME}")
    for i in range(1000):
        assert f"example.com/m{i} v1.0.0 h1:" in reader.must("lookup", f"example.com/m{i}", "v1.0.0")
    assert reader.must("latest") == "1000"


# ---- what it answers ----

def test_endpoints(host, upstream, key):
    module = all_modules(upstream)[0]
    base = f"/sumdb/{NAME}"
    got = host.get(lookup(module))
    record = got.text.split("\n\n")[0].split("\n", 1)[1] + "\n"
    leaf = hashlib.sha256(b"\0" + record.encode()).digest()
    assert host.get(f"{base}/supported").status == 200
    for path in ("latest", "checkpoint"):
        head = host.get(f"{base}/{path}")
        assert head.text.startswith("go.sum database tree\n1\n" + base64.b64encode(leaf).decode() + "\n"), head
        assert head["cache-control"] == "public, max-age=0"
    assert got.text.endswith("\n\n" + head.text)
    assert host.get(f"{base}/tile/8/0/000.p/1").body == leaf
    assert host.get(f"{base}/tile/0/000.p/1").body == leaf
    assert host.get(f"{base}/tile/8/data/000.p/1").text == record + "\n"
    entry = record.encode()
    assert host.get(f"{base}/tile/entries/000.p/1").body == struct.pack(">H", len(entry)) + entry
    for path in ("tile/8/0/000.p/2", "tile/8/0/000", "tile/8/1/000.p/1", "tile/entries/000", "tile/8/0/001.p/1",
                 "lookup/gen.example.com/m0@v99.0.0", "lookup/gen.example.com/m0@main",
                 "lookup/gen.example.com/m0@v2.0.0"):
        answer = host.get(f"{base}/{path}")
        assert answer.status == 404, (path, answer)
        harness.assert_says_why(answer)
    # Another name is nobody's, and the public one is relayed without the paths of tlog-tiles.
    assert host.get("/sumdb/sum.example.com/latest").status == 404
    assert host.get("/sumdb/sum.example.com/2026/lookup/" + "@".join(module)).status == 404
    public = upstream.sumdb.split("+")[0]
    assert host.get(f"/sumdb/{public}/checkpoint").status == 404
    assert host.get(f"/sumdb/{public}/tile/0/000.p/1").status == 404


def test_scope_private(gateway_on, upstream, flags, key):
    """Public modules are refused; a private one may be looked up, and nobody outside hears of it."""
    host = gateway_on(upstream.http, *flags, "--sumdb-host-key-file", key[0], "--private", "gen.example.com/TeamA")
    public = host.get(f"/sumdb/{NAME}/lookup/gen.example.com/m0@{version_of(upstream, 'gen.example.com/m0')}")
    assert public.status == 404 and "sumdb_host.scope" in public.text
    upstream.reset()
    private = host.get(f"/sumdb/{NAME}/lookup/gen.example.com/!team!a/!big!mod1@v1.0.0")
    assert private.status != 200
    assert upstream.count("*[Bb]ig*") == 0
    # The database outside is not asked for it either.
    foreign = host.get(f"/sumdb/{upstream.sumdb.split('+')[0]}/lookup/gen.example.com/!team!a/!big!mod1@v1.0.0")
    assert foreign.status == 403


def test_two_names_over_one_log(gateway_on, upstream, flags, client, tmp_path):
    """Rotation: the new key signs beside the old one, then alone. Clients of both read one log."""
    (old, old_key), (new, new_key) = keygen(tmp_path, "sum.example.com"), keygen(tmp_path)
    ours = ["--sumdb-host-scope", "all", "--sumdb-host-key-file"]
    modules = all_modules(upstream)[:12]
    host = gateway_on(upstream.http, *flags, *ours, old)
    readers = client(old_key), client(new_key)
    readers[0].must("url", f"{host.url}/sumdb/sum.example.com")
    for path, version in modules[:6]:
        readers[0].must("lookup", unescape(path), unescape(version))
    host.stop()
    host = gateway_on(upstream.http, *flags, *ours, f"{old},{new}")
    readers[0].must("url", f"{host.url}/sumdb/sum.example.com")
    readers[1].must("url", f"{host.url}/sumdb/{NAME}")
    for path, version in modules:
        lines = {reader.must("lookup", unescape(path), unescape(version)) for reader in readers}
        assert len(lines) == 1
    host.stop()
    host = gateway_on(upstream.http, *flags, *ours, new)
    readers[1].must("new")
    readers[1].must("url", f"{host.url}/sumdb/{NAME}")
    for path, version in modules:
        readers[1].must("lookup", unescape(path), unescape(version))
    assert host.get("/sumdb/sum.example.com/latest").status == 404


# ---- keys and starting ----

def test_keygen(tmp_path):
    path, vkey = keygen(tmp_path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    before = open(path, encoding="utf-8").read()
    assert before.startswith(f"PRIVATE+KEY+{NAME}+") and vkey.startswith(NAME + "+")
    again = harness.modgate("sumdb", "keygen", NAME, "--key-file", path)
    assert again.returncode == 1 and open(path, encoding="utf-8").read() == before
    for name in ("a b", "x+y", "", "sum.example.com/", "/x", "sum.example.com/latest", "-x", "sum.example.com/../x"):
        assert harness.modgate("sumdb", "keygen", name, cwd=tmp_path).returncode == 2, name


def refused(data, *flags):
    """The log of a gateway that does not start."""
    host = harness.Gateway(data, "--upstream", "off", *flags, ready=False)
    host.process.wait(harness.PATIENCE_S)
    host.stop(expect=1)
    return host.log


def test_keys_that_are_refused(tmp_path, key):
    secret = open(key[0], encoding="utf-8").read().strip().rsplit("+", 1)[1]
    flag = "--sumdb-host-key-file"
    os.chmod(key[0], 0o604)
    log = refused(tmp_path / "data", flag, key[0])
    assert "chmod" in log and secret not in log
    os.chmod(key[0], 0o600)
    other = tmp_path / "second"
    other.mkdir()
    log = refused(tmp_path / "data", flag, f"{key[0]},{keygen(other)[0]}")
    assert "needs a new name" in log and secret not in log
    broken = tmp_path / "broken.key"
    broken.write_text("PRIVATE+KEY+" + NAME + "+00000000+" + secret)
    os.chmod(broken, 0o600)
    log = refused(tmp_path / "data", flag, broken)
    assert "signer key" in log and secret not in log
    assert "CREDENTIALS_DIRECTORY" in refused(tmp_path / "data", flag, "credential:sumdb")
    assert "opening" in refused(tmp_path / "data", flag, tmp_path / "none")


def test_a_key_from_systemd(gateway_on, upstream, flags, tmp_path, key):
    folder = tmp_path / "credentials"
    folder.mkdir()
    os.rename(key[0], folder / "sumdb")
    host = gateway_on(upstream.http, *flags, "--sumdb-host-key-file", "credential:sumdb",
                      env={"CREDENTIALS_DIRECTORY": str(folder)})
    assert host.get(f"/sumdb/{NAME}/latest").text.startswith("go.sum database tree\n0\n")


def test_one_writer(gateway_on, upstream, flags, key, tmp_path):
    host = gateway_on(upstream.http, *flags, "--sumdb-host-key-file", key[0])
    log = refused(tmp_path / "data", "--sumdb-host-key-file", key[0])
    assert "one writer" in log
    host.stop()


def test_a_log_that_is_behind_does_not_start(gateway_on, upstream, flags, key, tmp_path):
    ours = ["--sumdb-host-key-file", key[0], "--sumdb-host-scope", "all"]
    host = gateway_on(upstream.http, *flags, *ours)
    for module in all_modules(upstream)[:3]:
        assert host.get(lookup(module)).status == 200
    host.stop()
    records = tmp_path / "data" / "sumdb-host" / "records"
    whole = records.read_bytes()
    records.write_bytes(whole[:-10])
    log = refused(tmp_path / "data", *ours)
    assert "3 were published" in log, log
    assert records.read_bytes() == whole[:-10]
    records.write_bytes(whole)
    gateway_on(upstream.http, *flags, *ours).get("/healthz")


# ---- audits and proofs ----

def audit(*args, check=None):
    return harness.modgate("sumdb", "audit", *map(str, args), check=check)


def test_audit_and_proof(host, upstream, key, tmp_path):
    modules = all_modules(upstream)
    state, base, log = tmp_path / "state", f"{host.url}/sumdb/{NAME}", tmp_path / "data"
    for module in modules[:20]:
        assert host.get(lookup(module)).status == 200
    audit(base, "--key", key[1], "--state", state, check=0)
    for module in modules[20:40]:
        assert host.get(lookup(module)).status == 200
    for place in (base, log, log / "sumdb-host"):
        assert "findings: 0" in audit(place, "--key", key[1], check=0).stdout
    found = json.loads(audit(base, "--state", state, "--key", key[1], "--json", check=0).stdout)
    assert found["size"] == 40 and found["audited_before"] == 20 and found["findings"] == []
    # The public database has another key, and is another log than the state's.
    public = f"{upstream.http}/sumdb/{upstream.sumdb.split('+')[0]}"
    audit(public, "--key", upstream.sumdb, check=0)
    assert "not signed by" in audit(public, "--key", key[1], check=1).stdout
    audit(public, "--state", state, check=2)
    audit(tmp_path / "nothing", check=1)
    audit(check=2)

    path, version = map(unescape, modules[7])
    proof = tmp_path / "proof"
    done = harness.modgate("sumdb", "prove", f"{path}@{version}", "--sumdb", f"{key[1]} {base}", check=0)
    proof.write_text(done.stdout)
    host.stop()
    shown = harness.modgate("sumdb", "check", str(proof), "--key", key[1], check=0).stdout
    assert f"{path} {version} h1:" in shown and re.search("record 7 of [0-9]+,", shown)  # any head since
    harness.modgate("sumdb", "check", str(proof), check=1)  # nobody's signature
    harness.modgate("sumdb", "check", str(proof), "--key", upstream.sumdb, check=1)
    proof.write_text(done.stdout.replace("index 7\n", "index 8\n"))
    harness.modgate("sumdb", "check", str(proof), "--key", key[1], check=1)


def test_audit_finds_a_flipped_byte_of_any_file(host, upstream, key, tmp_path):
    for module in all_modules(upstream)[:3]:
        assert host.get(lookup(module)).status == 200
    host.stop()
    log = tmp_path / "data" / "sumdb-host"
    tried = 0
    for name in ("records", "ends", "hashes0", "head"):
        data = bytearray((log / name).read_bytes())
        for at in range(0, len(data), 1 if name == "ends" else 31):
            data[at] ^= 1 << at % 8
            (log / name).write_bytes(data)
            assert audit(log, "--key", key[1]).returncode == 1, (name, at)
            data[at] ^= 1 << at % 8
            tried += 1
        (log / name).write_bytes(data)
    assert tried > 50
    audit(log, "--key", key[1], check=0)
