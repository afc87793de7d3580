"""The same signatures, with cosign itself on the other side (tools/get-cosign)."""

import os
import subprocess

import pytest

from harness import ROOT, artefacts, clean_environment, modgate
from test_sign import PASSWORD, flip, make_key, signature_url, stored


@pytest.fixture(scope="module")
def cosign(tmp_path_factory):
    """Runs cosign; without one the tests are passed over."""
    found = subprocess.run([os.path.join(ROOT, "tools", "get-cosign")], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no cosign: MODGATE_COSIGN=1 tools/setup test builds one")
    home = tmp_path_factory.mktemp("cosign-home")

    def run(*args, password="", check=0):
        env = clean_environment(COSIGN_PASSWORD=password, HOME=str(home))
        done = subprocess.run([found.stdout.strip(), *args], env=env, capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == check or (check and done.returncode), done.stdout + done.stderr
        return done
    return run


def verify(cosign, public, signature, file, check=0):
    """As docs/signatures.md says. The signatures are in no public log."""
    return cosign("verify-blob", "--key", str(public), "--signature", signature, "--insecure-ignore-tlog=true", file,
                  check=check)


@pytest.fixture
def a_zip(tree):
    return [p for p in artefacts(tree[0]) if p.endswith(".zip")][1]


@pytest.mark.parametrize("password", [PASSWORD, ""], ids=["password", "empty-password"])
def test_with_a_key_pair_of_cosign(gateway_on, upstream, flags, tmp_path, a_zip, cosign, password):
    prefix = tmp_path / "made"
    cosign("generate-key-pair", "--output-key-prefix", str(prefix), password=password)
    gateway = gateway_on(upstream.http, *flags, "--signing-key", f"{prefix}.key", env={"COSIGN_PASSWORD": password})
    gateway.get(a_zip)
    file, public = stored(gateway, a_zip), tmp_path / "served.pub"
    public.write_bytes(gateway.get("/v1/signature/key").body)
    assert public.read_text() == (tmp_path / "made.pub").read_text()
    signature = tmp_path / "served.sig"
    signature.write_bytes(gateway.get(signature_url(a_zip)).body)
    verify(cosign, public, str(signature), file)
    # What cosign signs with the same key is the gateway's own.
    cosign("sign-blob", "--key", f"{prefix}.key", "--tlog-upload=false", "--yes", "--output-signature",
           str(tmp_path / "cosign.sig"), file, password=password)
    modgate("sign", "verify", "--key", str(public), "--signature", str(tmp_path / "cosign.sig"), file, check=0)


@pytest.mark.parametrize("kind", ["p256", "sec1", "ed25519"])
def test_with_other_keys(gateway_on, upstream, flags, tmp_path, a_zip, cosign, kind):
    key, public = make_key(tmp_path, kind)
    gateway = gateway_on(upstream.http, *flags, "--signing-key", str(key))
    gateway.get(a_zip)
    file = stored(gateway, a_zip)
    verify(cosign, public, file + ".sig", file)
    if kind != "sec1":  # cosign imports, and then signs with what it has sealed
        cosign("import-key-pair", "--key", str(key), "--output-key-prefix", str(tmp_path / "imported"), password="p")
        cosign("sign-blob", "--key", str(tmp_path / "imported.key"), "--tlog-upload=false", "--yes",
               "--output-signature", str(tmp_path / "cosign.sig"), file, password="p")
        modgate("sign", "verify", "--key", str(public), "--signature", str(tmp_path / "cosign.sig"), file, check=0)
        flip(str(tmp_path / "cosign.sig"), 10)
        modgate("sign", "verify", "--key", str(public), "--signature", str(tmp_path / "cosign.sig"), file, check=1)
    flip(file + ".sig", 10)
    verify(cosign, public, file + ".sig", file, check=1)
    flip(file + ".sig", 10)
    flip(file)
    verify(cosign, public, file + ".sig", file, check=1)
