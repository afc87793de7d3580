"""The real go command through the gateway, with the checksum database on."""

import os
import subprocess

import pytest

import harness
from harness import newest

LISTED = ["gen.example.com/m0", "gen.example.com/TeamA/BigMod1", "gopkg.in/gen3.v3"]


def test_build_cold_then_with_the_upstream_cut_off(gateway_on, upstream, go, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-list-ttl", "0s")
    first = go(gateway.url, upstream.sumdb)
    first.run("mod", "download", "all", cwd=first.main)
    first.run("mod", "tidy", cwd=first.main)
    first.run("build", "-o", f"{first.folder}/app", ".", cwd=first.main)
    printed = subprocess.run([f"{first.folder}/app"], capture_output=True, check=True).stderr
    first.run("list", "-m", "-versions", *LISTED, cwd=first.main)
    first.run("mod", "verify", cwd=first.main)

    upstream.stop()
    second = go(gateway.url, upstream.sumdb)
    second.run("mod", "download", "all", cwd=second.main)
    second.run("mod", "tidy", cwd=second.main)
    second.run("build", "-o", f"{second.folder}/app", ".", cwd=second.main)
    assert subprocess.run([f"{second.folder}/app"], capture_output=True, check=True).stderr == printed
    second.run("list", "-m", "-versions", *LISTED, cwd=second.main)
    with open(f"{first.main}/go.sum", encoding="utf-8") as one, open(f"{second.main}/go.sum", encoding="utf-8") as two:
        assert one.read() == two.read()


def test_over_tls_and_http2(gateway_on, upstream, go, flags, tmp_path):
    cert, key, context = harness.server_context(tmp_path)
    gateway = gateway_on(upstream.https, *flags, "--fetch-ca-file", upstream.ca, "--tls-cert-file", cert,
                         "--tls-key-file", key, scheme="https", context=context)
    command = go(gateway.url, upstream.sumdb, SSL_CERT_FILE=cert, GODEBUG="http2debug=1")
    done = command.run("mod", "download", "all", cwd=command.main)
    assert "http2: Transport" in done.stderr, "go did not speak HTTP/2"


def test_toolchain_module(gateway, upstream):
    base = newest(upstream.tree, "golang.org/toolchain")
    for suffix in (".info", ".mod", ".zip"):
        answer = gateway.get(base + suffix)
        assert answer.status == 200, answer
    assert answer.body == upstream.file(base + ".zip")


def test_go_get_of_a_branch_and_of_latest(gateway, upstream, go):
    command = go(gateway.url, upstream.sumdb)
    version = newest(upstream.tree, "gen.example.com/m0").rsplit("/", 1)[1]
    for query in ("main", "latest", "v1", version):
        done = command.run("list", "-m", f"gen.example.com/m0@{query}", cwd=command.main)
        assert done.stdout.split() == ["gen.example.com/m0", version], query


def test_go_does_not_go_round_a_gateway_that_fails(gateway, upstream, go):
    """With an outage behind the gateway, go must stop there and not ask the next entry."""
    upstream.fault("*", "status", code=500)
    command = go(f"{gateway.url},{upstream.http}/round-the-gateway", GOPRIVATE="none.example")
    done = command.run("mod", "download", "gen.example.com/m0@v1.0.0", cwd=command.main, check=False)
    assert done.returncode != 0
    assert upstream.count("/round-the-gateway/*") == 0
    assert "502" in done.stderr or "503" in done.stderr, done.stderr


def test_go_prints_the_reason(gateway, upstream, go):
    command = go(gateway.url)
    upstream.fault("*.zip", "gomod_mismatch")
    version = newest(upstream.tree, "gen.example.com/m0").rsplit("/", 1)[1]
    done = command.run("mod", "download", f"gen.example.com/m0@{version}", cwd=command.main, check=False)
    assert done.returncode != 0 and "go.mod" in done.stderr, done.stderr


def test_go_sees_tampering(gateway_on, upstream, go, flags):
    """A zip that the upstream tampered with before it was ever stored: go's own check refuses it."""
    gateway = gateway_on(upstream.http, *flags)
    base = newest(upstream.tree, "gen.example.com/m0")
    upstream.fault("*" + base + ".zip", "zip_extra", times=1)
    command = go(gateway.url, upstream.sumdb)
    done = command.run("mod", "download", "gen.example.com/m0@" + base.rsplit("/", 1)[1], cwd=command.main,
                       check=False)
    assert done.returncode != 0


def test_modgate_verify_agrees_with_go_mod_verify(gateway, upstream, go):
    command = go(gateway.url, upstream.sumdb)
    command.run("mod", "download", "all", cwd=command.main)
    harness.modgate("verify", command.modcache, check=0)
    # This one is nearly all data, so its middle is not a header that no hash covers.
    base = newest(upstream.tree, "gen.example.com/m43")
    bad = f"{command.modcache}/cache/download{base}.zip"
    os.chmod(bad, 0o644)
    with open(bad, "r+b") as file:
        file.seek(os.path.getsize(bad) // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    assert command.run("mod", "verify", cwd=command.main, check=False).returncode != 0
    done = harness.modgate("verify", command.modcache, check=1)
    assert "gen.example.com/m43" in done.stdout + done.stderr


LIVE_MODULE = "golang.org/x/text@v0.14.0"


@pytest.mark.skipif(not os.environ.get("MODGATE_LIVE"), reason="the mirror outside is asked with MODGATE_LIVE=1 only")
def test_live_mirror(gateway_on, go):
    env = subprocess.run(["go", "env", "-json", "GOPROXY", "GOSUMDB"], capture_output=True, text=True, check=True)
    import json
    proxies = [p for p in json.loads(env.stdout)["GOPROXY"].replace("|", ",").split(",") if p.startswith("http")]
    if not proxies:
        pytest.skip("GOPROXY names no mirror")
    gateway = gateway_on(proxies[0])
    command = go(gateway.url, json.loads(env.stdout)["GOSUMDB"])
    command.run("mod", "init", "example.com/live", cwd=command.folder)
    command.run("get", LIVE_MODULE, cwd=command.folder)
    command.run("mod", "verify", cwd=command.folder)
