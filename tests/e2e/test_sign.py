"""Signatures of what is stored: made, served, checked; openssl is the second opinion."""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import Upstream, artefacts, modgate, wait_until
from publishing import make_zip, path_of, send, settings, token

# A key pair of cosign itself, with the password "correct horse"; made for these tests alone.
COSIGN_KEY = """-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJzMUxBd21ZR0o4dCtsdHNHOVdDdVR0SG5PbGVPWnhB
TWFzR2M4VzFocGUwPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJuQ2FnSnE3ZkkrUU9BRlM4eDRPOHVpYmVsK240bjRnRCJ9LCJj
aXBoZXJ0ZXh0IjoidDBraHhDWStzcGFHbVB1RFNHVWJlcEZiNXNCblJJQkIyZ2gz
TmNlTHp2YW90aUNxNkxFbzJHS2h1R2pCdStFSElER1UwcmlRbWFXd09JTXRvc3Y1
VndDd2EwY3BxOVlsdWgrQ1FzQVI4bm8zNWN6eVhJRVM3d2Y2RkFWMTI2K2l2enkw
QkpnTGZiUTZyb3lKdzg5T1hTSUtLaVY2U3B4MGFzTHI3YTlqZTZDdHBSVVRYakFy
SHFQdG5DTERHS2kwb1VoK1lkY282bmZxUnc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
"""
COSIGN_PUB = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwK0xsvLHp0Lmh29vdSIcZVODrcmq
o4Dws9O8hocL5TSxOed7UsMRh3wxvWPfsVyldbiIUvmhzGBy0JGEgy1s7A==
-----END PUBLIC KEY-----
"""
PASSWORD = "correct horse"


def openssl(*args, text=None):
    return subprocess.run(["openssl", *args], input=text, capture_output=True, check=True).stdout


def make_key(folder, kind):
    """A private key in a file of its own, and its public half: (file, public file)."""
    key, public = folder / f"{kind}.pem", folder / f"{kind}.pub"
    if kind == "ed25519":
        key.write_bytes(openssl("genpkey", "-algorithm", "ed25519"))
    elif kind == "sec1":
        key.write_bytes(openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    elif kind == "cosign":
        key.write_text(COSIGN_KEY)
    else:
        key.write_bytes(openssl("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"))
    key.chmod(0o600)
    public.write_bytes(COSIGN_PUB.encode() if kind == "cosign" else openssl("pkey", "-in", str(key), "-pubout"))
    return key, public


def openssl_accepts(folder, public, data, signature):
    """What openssl says of a signature in base64."""
    (folder / "signed-bytes").write_bytes(data)
    (folder / "raw-signature").write_bytes(base64.b64decode(signature))
    if b"ED25519" in openssl("pkey", "-pubin", "-in", str(public), "-noout", "-text"):
        call = ["pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin", "-in", str(folder / "signed-bytes"),
                "-sigfile", str(folder / "raw-signature")]
    else:
        call = ["dgst", "-sha256", "-verify", str(public), "-signature", str(folder / "raw-signature"), str(folder / "signed-bytes")]
    return subprocess.run(["openssl", *call], capture_output=True, check=False).returncode == 0


def key_id(public):
    der = openssl("pkey", "-pubin", "-in", str(public), "-outform", "DER")
    return "sha256:" + hashlib.sha256(der).hexdigest()


def signature_url(zip_path):
    return "/v1/signature" + zip_path[:-len(".zip")]


def stored(gateway, zip_path):
    return os.path.join(gateway.data_dir, "cache/download", zip_path.lstrip("/"))


def flip(path, at=100):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.fixture
def a_zip(tree):
    return [p for p in artefacts(tree[0]) if p.endswith(".zip")][0]


@pytest.mark.parametrize("kind", ["p256", "sec1", "ed25519", "cosign"])
def test_what_is_stored_is_signed(gateway_on, upstream, flags, tmp_path, a_zip, kind):
    key, public = make_key(tmp_path, kind)
    env = {"MODGATE_SIGNING_PASSWORD": "env:KEY_PASSWORD", "KEY_PASSWORD": PASSWORD} if kind == "cosign" else {}
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(key), env=env)
    data = gateway.get(a_zip).body
    with open(stored(gateway, a_zip) + ".sig", encoding="ascii") as file:
        on_disk = file.read()
    answer = gateway.get(signature_url(a_zip))
    assert answer.status == 200 and answer.text == on_disk, answer
    assert answer["signature-key"] == key_id(public)
    assert gateway.get(a_zip + ".sig").text == on_disk
    assert gateway.get("/v1/signature/key").body == public.read_bytes()
    assert openssl_accepts(tmp_path, public, data, answer.text)
    assert not openssl_accepts(tmp_path, public, data[:-1] + bytes([data[-1] ^ 1]), answer.text)
    name = stored(gateway, a_zip)
    assert "verified" in modgate("sign", "verify", "--key", str(public), name, check=0).stdout
    flip(name + ".sig", 12)
    assert "no signature of" in modgate("sign", "verify", "--key", str(public), name, check=1).stderr
    flip(name + ".sig", 12)
    flip(name)
    modgate("sign", "verify", "--key", str(public), name, check=1)


def test_nothing_is_signed_without_a_key(gateway, a_zip):
    assert gateway.get(signature_url(a_zip)).status == 404
    gateway.get(a_zip)
    answer = gateway.get(signature_url(a_zip))
    assert answer.status == 404 and "signs nothing" in answer.text, answer
    assert gateway.get("/v1/signature/key").status == 404
    assert not os.path.exists(stored(gateway, a_zip) + ".sig")


def test_signed_later(gateway_on, upstream, flags, tmp_path, tree):
    """Versions that were there before: signed when the signature is asked for, or by modgate sign."""
    zips = [p for p in artefacts(tree[0]) if p.endswith(".zip")][:6]
    key, public = make_key(tmp_path, "p256")
    gateway = gateway_on(upstream.http, *flags)
    bodies = {path: gateway.get(path).body for path in zips}
    gateway.stop()
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(key))
    assert gateway.get(signature_url(zips[-1]).replace("/@v/", "/@v/x")).status == 404
    answer = gateway.get(signature_url(zips[0]))
    assert openssl_accepts(tmp_path, public, bodies[zips[0]], answer.text)
    assert os.path.exists(stored(gateway, zips[0]) + ".sig")
    common = ["--data-dir", gateway.data_dir, "--signing-key", str(key)]
    done = modgate("sign", "--all", *common, check=0)
    assert done.stderr == "5 signed, 1 left as they were, 0 failed\n", done
    for path in zips:
        with open(stored(gateway, path) + ".sig", encoding="ascii") as file:
            assert openssl_accepts(tmp_path, public, bodies[path], file.read())
    assert modgate("sign", "--all", *common, check=0).stderr == "0 signed, 6 left as they were, 0 failed\n"
    modgate("verify", gateway.data_dir, check=0)


def test_a_new_key(gateway_on, upstream, flags, tmp_path, tree):
    zips = [p for p in artefacts(tree[0]) if p.endswith(".zip")][:3]
    old, _ = make_key(tmp_path, "p256")
    new, new_public = make_key(tmp_path, "ed25519")
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(old))
    bodies = {path: gateway.get(path).body for path in zips}
    gateway.stop()
    common = ["--all", "--json", "--data-dir", gateway.data_dir, "--signing-key", str(new)]
    lines = [json.loads(line) for line in modgate("sign", *common, check=0).stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["signed by another key"] * 3
    # What is asked for is the new key's at once.
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(new))
    answer = gateway.get(signature_url(zips[0]))
    assert answer["signature-key"] == key_id(new_public)
    assert openssl_accepts(tmp_path, new_public, bodies[zips[0]], answer.text)
    lines = [json.loads(line) for line in modgate("sign", "--resign", *common, check=0).stdout.splitlines()]
    assert sorted(line["outcome"] for line in lines) == ["signed", "signed", "signed before"]
    for path in zips:
        modgate("sign", "verify", "--key", str(new_public), stored(gateway, path), check=0)


def test_what_is_damaged_is_not_signed(gateway_on, upstream, flags, tmp_path, a_zip):
    key, _ = make_key(tmp_path, "p256")
    gateway = gateway_on(upstream.http, *flags)
    gateway.get(a_zip)
    flip(stored(gateway, a_zip), 60)
    gateway.stop()
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(key))
    answer = gateway.get(signature_url(a_zip))
    assert answer.status == 500 and "damaged" in answer.text, answer
    done = modgate("sign", "--all", "--data-dir", gateway.data_dir, "--signing-key", str(key), check=1)
    assert "1 failed" in done.stderr and "the stored zip of" in done.stderr, done
    assert not os.path.exists(stored(gateway, a_zip) + ".sig")


def test_a_signature_by_name(gateway_on, upstream, flags, tmp_path, a_zip):
    key, public = make_key(tmp_path, "p256")
    gateway = gateway_on(upstream.http, *flags)
    gateway.get(a_zip)
    module, version = a_zip.lstrip("/")[:-4].split("/@v/")
    module = re.sub("!(.)", lambda found: found[1].upper(), module)
    name = f"{module}@{version}"
    common = ["--data-dir", gateway.data_dir]
    assert modgate("sign", name, *common, "--signing-key", str(key), check=0).stdout == f"signed\t{name}\n"
    done = modgate("sign", "verify", "--key", str(public), *common, name, check=0)
    assert done.stdout == f"verified: {name} is signed by the key {key_id(public)}\n"
    done = modgate("sign", f"{module}@v99.0.0", *common, "--signing-key", str(key), check=1)
    assert "is not stored here" in done.stderr
    modgate("sign", "nothing", *common, "--signing-key", str(key), check=2)
    modgate("sign", *common, "--signing-key", str(key), check=2)
    modgate("sign", "--all", *common, check=2)
    modgate("sign", "--all", "--data-dir", str(tmp_path / "no-store"), "--signing-key", str(key), check=2)
    modgate("sign", "verify", *common, name, check=2)


def test_keys_that_cannot_be_used(tmp_path):
    key, _ = make_key(tmp_path, "cosign")

    def says(*flags, env=None):
        return modgate("serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *flags,
                       env=env or {}, check=1).stderr

    assert "does not open" in says("--signing-key", str(key), env={"COSIGN_PASSWORD": "wrong"})
    assert "ABSENT is not set" in says("--signing-key", str(key), "--signing-password", "env:ABSENT")
    assert "CREDENTIALS_DIRECTORY is not set" in says("--signing-key", "credential:key")
    assert "No such file" in says("--signing-key", str(tmp_path / "absent"))
    key.chmod(0o604)
    assert "chmod o-rw" in says("--signing-key", str(key))
    key.chmod(0o600)
    assert "absolute path" in says("--signing-key", "key.pem")
    assert "where the password is kept" in says("--signing-key", str(key), "--signing-password", PASSWORD)


def test_key_and_password_as_credentials(gateway_on, upstream, flags, tmp_path, a_zip):
    folder = tmp_path / "credentials"
    folder.mkdir()
    key, public = make_key(folder, "cosign")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o600)
    gateway = gateway_on(upstream.http, *flags, "--signing-key", f"credential:{key.name}",
                         "--signing-password", "credential:password", env={"CREDENTIALS_DIRECTORY": str(folder)})
    gateway.get(a_zip)
    assert gateway.get(signature_url(a_zip))["signature-key"] == key_id(public)
    assert PASSWORD not in gateway.log


def test_repositories(gateway_on, upstream, flags, tmp_path, tree):
    """Each signs into its own store; a group gives the signature of what it gave the zip of."""
    key, public = make_key(tmp_path, "p256")
    config = tmp_path / "modgate.yaml"
    config.write_text("repositories:\n"
                      "  one: {kind: proxy, folder: .}\n"
                      "  two: {kind: proxy}\n"
                      "  all: {kind: group, members: 'one,two'}\n")
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(key), "--config-file", str(config))
    zips = [p for p in artefacts(tree[0]) if p.endswith(".zip")][:3]
    assert gateway.get("/all" + signature_url(zips[0])).status == 404
    for mount in ("/two", "/all"):
        assert gateway.get(mount + signature_url(zips[0])).status == 404
        data = gateway.get(mount + zips[0]).body
        answer = gateway.get(mount + signature_url(zips[0]))
        assert answer["signature-key"] == key_id(public), answer
        assert openssl_accepts(tmp_path, public, data, answer.text)
        assert gateway.get(mount + "/v1/signature/key").body == public.read_bytes()
    assert gateway.get("/two" + zips[1]).status == 200
    gateway.stop()
    two = os.path.join(gateway.data_dir, "repositories/two/cache/download")
    for name in (zips[0], zips[1]):
        os.unlink(two + name + ".sig")
    common = ["--data-dir", gateway.data_dir, "--signing-key", str(key), "--config-file", str(config)]
    done = modgate("sign", "--all", "--repository", "one", *common, check=0)
    assert done.stderr == "0 signed, 1 left as they were, 0 failed\n"
    done = modgate("sign", "--all", *common, check=0)
    assert done.stderr == "2 signed, 1 left as they were, 0 failed\n"
    modgate("sign", "--all", "--repository", "three", *common, check=2)
    for name in (zips[0], zips[1]):
        modgate("sign", "verify", "--key", str(public), two + name, check=0)


def test_what_is_published_is_signed(gateway_on, tmp_path):
    key, public = make_key(tmp_path, "p256")
    data = tmp_path / "data"
    data.mkdir()
    bearer = token(data, "internal:*:publish")
    gateway = gateway_on("off", "--config-file", settings(tmp_path), "--sumdb", "off", "--signing-key", str(key),
                         data_dir=data)
    body = make_zip(tmp_path / "lib.zip", "corp.example/lib", "v1.0.0")
    zip_path = path_of("corp.example/lib", "v1.0.0")
    assert send(gateway.url, "/internal" + zip_path, body, bearer).status == 201
    for mount in ("/internal", "/all", ""):
        answer = gateway.get(mount + signature_url(zip_path))
        assert answer["signature-key"] == key_id(public), answer
        assert openssl_accepts(tmp_path, public, body, answer.text)
    assert os.path.exists(data / "repositories/internal/cache/download/corp.example/lib/@v/v1.0.0.zip.sig")
    assert gateway.get("/internal" + signature_url(path_of("corp.example/lib", "v1.0.1"))).status == 404


# ---- signatures of others ----

def sign(folder, key, data):
    """What `openssl dgst -sign` makes, in base64."""
    (folder / "to-sign").write_bytes(data)
    return base64.b64encode(openssl("dgst", "-sha256", "-sign", str(key), str(folder / "to-sign"))).decode()


TRUST = """
signing_trust:
  build: {{paths: '{paths}', key_file: {key}}}
policy_rules:
  signed: {{action: deny, paths: '{paths}', only_signed: build}}
"""


def test_signed_by_who_is_trusted(gateway_on, upstream_binary, tree, tmp_path):
    """Signatures beside the zips of an upstream: wanted, believed or not, and not any more after a reload."""
    key, public = make_key(tmp_path, "p256")
    other, other_public = make_key(tmp_path, "sec1")
    shutil.copytree(tree[0], tmp_path / "tree")
    zips = [p for p in artefacts(tree[0]) if p.endswith(".zip")][:4]
    for path, by in zip(zips, (key, other, None, key)):
        file = tmp_path / "tree" / path.lstrip("/")
        if by:
            text = sign(tmp_path, by, file.read_bytes())
            (file.parent / (file.name + ".sig")).write_text(text if by == other else f"AAAA\n{text}\n")
    config = tmp_path / "modgate.yaml"
    config.write_text(TRUST.format(paths="gen.example.com", key=public))
    upstream = Upstream(upstream_binary, tmp_path / "tree", tmp_path / "ca.pem")
    try:
        gateway = gateway_on(upstream.http, "--sumdb", "off", "--config-file", str(config))
        assert [gateway.get(path).status for path in zips] == [200, 403, 403, 200]
        assert [gateway.get(path).status for path in zips] == [200, 403, 403, 200]
        assert "policy rule signed" in gateway.get(zips[1]).text
        gateway.wait_log("signatures that no trusted key has made")
        assert gateway.get(zips[0] + ".sig").text.splitlines()[-1] == sign_text(tmp_path, zips[0])
        gateway.stop()
        gateway = gateway_on(upstream.http, "--sumdb", "off", "--config-file", str(config))
        assert [gateway.get(path).status for path in zips] == [200, 403, 403, 200]
        config.write_text(TRUST.format(paths="gen.example.com", key=other_public))
        gateway.signal(signal.SIGHUP)
        gateway.wait_log("settings taken up")
        assert [gateway.get(path).status for path in zips] == [403, 403, 403, 403]
        config.write_text(TRUST.format(paths="gen.example.com", key=f"'{other_public}, {public}'"))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.get(zips[0]).status == 200, "the key to be trusted again")
        config.write_text(TRUST.format(paths="gen.example.com", key="/nowhere.pub"))
        assert "nowhere.pub" in modgate("config", "check", str(config), check=1).stderr
    finally:
        upstream.stop()


def sign_text(folder, zip_path):
    with open(folder / "tree" / (zip_path.lstrip("/") + ".sig"), encoding="ascii") as file:
        return file.read().splitlines()[-1]


def test_published_with_a_signature(gateway_on, tmp_path):
    key, public = make_key(tmp_path, "p256")
    other, _ = make_key(tmp_path, "sec1")
    data = tmp_path / "data"
    data.mkdir()
    bearer = token(data, "internal:*:publish,read")
    config = settings(tmp_path, more=TRUST.format(paths="corp.example", key=public))
    gateway = gateway_on("off", "--config-file", config, "--sumdb", "off", data_dir=data)
    module = "corp.example/lib"
    statuses = {}
    for version, by in (("v1.0.0", key), ("v1.1.0", None), ("v1.2.0", other)):
        body = make_zip(tmp_path / "lib.zip", module, version)
        headers = {"x-modgate-signature": sign(tmp_path, by, body)} if by else {}
        answer = send(gateway.url, "/internal" + path_of(module, version), body, bearer, headers=headers)
        got = gateway.get("/internal" + path_of(module, version), headers={"authorization": f"Bearer {bearer}"})
        statuses[version] = (answer.status, got.status)
    assert statuses == {"v1.0.0": (201, 200), "v1.1.0": (201, 403), "v1.2.0": (422, 404)}, statuses
    # The command signs what it packs.
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text(f"module {module}\n\ngo 1.22\n")
    (folder / "lib.go").write_text("package lib\n")
    (tmp_path / "token").write_text(bearer)
    (tmp_path / "token").chmod(0o600)
    modgate("publish", str(folder), "--version", "v1.3.0", "--to", f"{gateway.url}/internal", "--sign-key", str(key),
            "--token-file", str(tmp_path / "token"), check=0)
    assert gateway.get("/internal" + path_of(module, "v1.3.0"), headers={"authorization": f"Bearer {bearer}"}).status == 200
