"""Access control: tokens over the commands and the running gateway, the go command with netrc and GOAUTH, client
certificates, limits. Who may do what at which endpoint is in test_access_matrix.py."""

import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

import access_parts as parts
import harness
from access_parts import basic, bearer, make_token

MODULE = "gen.example.com/m0"


@pytest.fixture
def paths(tree):
    """(base of a stored version, module path) of some module of the tree."""
    base = harness.newest(tree[0], MODULE)
    return base, MODULE


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def start(gateway_on, upstream, flags):
    def run(*more, **kw):
        return gateway_on(upstream.http, *flags, "--access-mode", "required", *more, **kw)
    return run


def statuses(gateway, path, *headers):
    return [gateway.get(path, h).status for h in headers]


def test_a_token_is_asked_for_and_taken(start, data, paths):
    token = make_token(data, f"*:{paths[1]}:read")
    gateway = start()
    answer = gateway.get(paths[0] + ".info")
    assert answer.status == 401
    harness.assert_says_why(answer)
    assert "Bearer" in answer["www-authenticate"] or "Basic" in answer["www-authenticate"]
    assert statuses(gateway, paths[0] + ".info", basic(token), bearer(token)) == [200, 200]
    refused = gateway.get("/example.com/other/@v/list", bearer(token))
    assert refused.status == 403 and "token:ci" in refused.text
    harness.assert_says_why(refused)
    gateway.wait_log('"identity":"token:ci"')
    assert token not in gateway.log


def test_what_is_refused_is_not_fetched(start, data, paths, upstream):
    token = make_token(data, "*:gen.example.com/m4:read")
    gateway = start()
    for headers in ({}, bearer(token), bearer("nonsense")):
        for path in (paths[0] + ".zip", f"/{MODULE}/@latest", f"/sumdb/sum.test.example/lookup/{MODULE}@v1.1.0"):
            assert gateway.get(path, headers).status in (401, 403)
    assert upstream.count(f"*/{MODULE}/*") == 0 and upstream.count("*/lookup/*") == 0


def test_what_needed_a_token_is_for_no_shared_cache(start, gateway_on, upstream, flags, data, paths, tmp_path):
    token = make_token(data, "*:*:read")
    gateway = start()
    for path in (paths[0] + ".info", paths[0] + ".zip", f"/{MODULE}/@v/list"):
        for _ in range(2):
            control = gateway.get(path, bearer(token))["cache-control"]
            assert control.startswith("private, max-age="), (path, control)
    is_open = gateway_on(upstream.http, *flags, data_dir=tmp_path / "open")
    assert is_open.get(paths[0] + ".info")["cache-control"].startswith("public, ")


def test_tokens_come_and_go_without_a_restart(start, data, paths):
    first = make_token(data, "*:*:read", name="first")
    gateway = start()
    path = paths[0] + ".mod"
    assert gateway.get(path, bearer(first)).status == 200
    second = make_token(data, "*:*:read", name="second")
    harness.wait_until(lambda: gateway.get(path, bearer(second)).status == 200, "the new token holds")
    harness.modgate("token", "revoke", "--data-dir", str(data), parts.token_id(first), check=0)
    harness.wait_until(lambda: gateway.get(path, bearer(first)).status in (401, 429), "the revoked one does not")
    assert gateway.get(path, bearer(second)).status == 200


def test_a_token_expires_while_it_is_in_use(start, data, paths):
    token = make_token(data, "*:*:read", expires="3s")
    gateway = start()
    assert gateway.get(paths[0] + ".mod", bearer(token)).status in (200, 401)  # a slow machine may be too late
    harness.wait_until(lambda: gateway.get(paths[0] + ".mod", bearer(token)).status in (401, 429), "it expires")


def test_the_file_of_tokens_is_damaged(start, data, paths):
    token = make_token(data, "*:*:read")
    admin = make_token(data, "*:*:admin", name="admin")
    gateway = start("--access-anonymous", f"*:{MODULE}:read")
    assert gateway.get(paths[0] + ".mod", bearer(token)).status == 200
    file = data / "access" / "tokens.json"
    good = file.read_bytes()
    file.write_bytes(good[:-20])
    harness.wait_until(lambda: gateway.get(paths[0] + ".mod", bearer(token)).status == 503, "nothing holds")
    assert gateway.get(paths[0] + ".mod").status == 200  # what anybody may have
    assert "tokens.json" in gateway.wait_log("no token holds.*").string
    again = harness.modgate("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0")
    assert again.returncode == 1 and "tokens.json" in again.stderr
    assert harness.modgate("token", "create", "--data-dir", str(data), "--name", "x", "--scope",
                           "*:*:read").returncode == 1
    file.write_bytes(good)
    harness.wait_until(lambda: gateway.get(paths[0] + ".mod", bearer(token)).status == 200, "it is mended")
    assert "[+]store ok" in gateway.get("/readyz", bearer(admin)).text


def test_a_file_that_others_can_read_is_not_taken(data):
    make_token(data, "*:*:read")
    os.chmod(data / "access" / "tokens.json", 0o644)
    done = harness.modgate("token", "list", "--data-dir", str(data))
    assert done.returncode == 1 and "chmod 600" in done.stderr


def test_kill_while_tokens_are_made(data):
    """Whenever a command is killed, the file is whole, and what a command has printed is in it."""
    data.mkdir()
    printed = []
    for i in range(40):
        command = subprocess.Popen([harness.PROGRAM, "token", "create", "--data-dir", str(data), "--name", f"n{i}",
                                    "--scope", "*:*:read"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            out, _ = command.communicate(timeout=0.002 * i)
        except subprocess.TimeoutExpired:
            command.kill()
            out, _ = command.communicate()
        if out.endswith(b"\n"):
            printed.append(out.decode().strip())
        listed = json.loads(harness.modgate("token", "list", "--json", "--data-dir", str(data), check=0).stdout)
        assert {parts.token_id(t) for t in printed} <= {row["id"] for row in listed}
    make_token(data, "*:*:read", name="last")


def test_reading_is_open_until_it_is_not(gateway_on, upstream, flags, data, paths):
    gateway = gateway_on(upstream.http, *flags)
    path = paths[0] + ".info"
    wrong = {"Authorization": "Bearer nonsense"}
    assert statuses(gateway, path, {}, wrong, {"Authorization": "?"}) == [200, 200, 200]
    token = make_token(data, "*:example.com/other:publish")
    harness.wait_until(lambda: gateway.get(path, bearer(token)).status == 200
                       and '"identity":"token:ci"' in gateway.log, "the token is known")
    # Whatever somebody shows, reading is open.
    assert statuses(gateway, path, {}, wrong, {"Authorization": "?"}, bearer(token)) == [200] * 4
    assert gateway.get("/metrics").status == 200


def test_sighup_takes_the_mode_up(gateway_on, upstream, flags, data, paths, tmp_path):
    token = make_token(data, "*:*:read")
    file = parts.settings_file(tmp_path, "access: {mode: open}\n")
    gateway = gateway_on(upstream.http, *flags, "--config-file", file)
    assert gateway.get(paths[0] + ".info").status == 200
    parts.settings_file(tmp_path, "access: {mode: required}\n")
    gateway.signal(signal.SIGHUP)
    harness.wait_until(lambda: gateway.get(paths[0] + ".info").status == 401, "required")
    assert gateway.get(paths[0] + ".info", bearer(token)).status == 200
    parts.settings_file(tmp_path, "access: {mode: required, anonymous: nonsense}\n")
    gateway.signal(signal.SIGHUP)
    gateway.wait_log("the settings were not taken up")
    assert gateway.get(paths[0] + ".info").status == 401


def test_guessing_is_slowed_down(start, data, paths):
    token = make_token(data, "*:*:read")
    gateway = start()
    path = paths[0] + ".info"
    seen = [gateway.get(path, bearer(f"guess-{i}")).status for i in range(12)]
    assert seen[:11] == [401] * 11
    answer = next(a for a in (gateway.get(path, bearer("guess")) for _ in range(50)) if a.status == 429)
    assert int(answer["retry-after"]) >= 1
    harness.assert_says_why(answer)
    assert gateway.get(path, bearer(token)).status == 200  # others behind that address go on
    assert gateway.get(path).status == 401
    harness.wait_until(lambda: gateway.get(path, bearer("guess")).status == 401, "the wait ends")


def test_limits_of_an_identity(start, data, paths, upstream):
    one, two = make_token(data, "*:*:read", name="one"), make_token(data, "*:*:read", name="two")
    gateway = start("--access-rate", "1", "--access-burst", "5", "--access-concurrency", "1")
    path = paths[0] + ".info"
    seen = [gateway.get(path, bearer(one)) for _ in range(30)]
    refused = [a for a in seen if a.status == 429]
    assert seen[0].status == 200 and refused
    assert int(refused[0]["retry-after"]) >= 1 and "token:one" in refused[0].text
    assert gateway.get(path, bearer(two)).status == 200


def test_requests_at_once(start, data, paths, upstream):
    token = make_token(data, "*:*:read")
    gateway = start("--access-concurrency", "1")
    upstream.fault(f"*{paths[0]}.zip", "slow", delay_ms=2000)
    seen = harness.together(4, lambda i: gateway.get(paths[0] + ".zip", bearer(token)).status)
    assert sorted(set(seen)) == [200, 429], seen


def test_health_is_for_all_and_details_for_few(start, data):
    admin, reader = make_token(data, "*:*:admin", name="admin"), make_token(data, "*:*:read")
    gateway = start()
    assert statuses(gateway, "/healthz", {}, bearer(reader)) == [200, 200]
    assert [gateway.get("/readyz?verbose", h).text for h in ({}, bearer(reader))] == ["ok\n", "ok\n"]
    assert "[+]store ok" in gateway.get("/readyz?verbose", bearer(admin)).text
    assert statuses(gateway, "/metrics", {}, bearer(reader), bearer(admin)) == [401, 403, 200]


def test_metrics_for_anyone(start):
    assert start("--access-metrics", "anyone").get("/metrics").status == 200


# ---- The go command


@pytest.fixture
def secure(start, data, tmp_path):
    """A gateway over TLS that wants tokens: (gateway, CA file)."""
    cert, key, context = harness.server_context(tmp_path)
    gateway = start(*parts.tls_flags(cert, key), scheme="https", context=context)
    return gateway, cert


def download(go, gateway, ca_file, **env):
    command = go(gateway.url, SSL_CERT_FILE=ca_file, **env)
    return command.run("mod", "download", "-json", f"{MODULE}@latest", check=False), command


def write_netrc(folder, gateway, token):
    path = folder / "netrc"
    path.write_text(f"machine {gateway.address} login any password {token}\n")
    return str(path)


def test_go_without_a_token_stops_and_says_why(secure, go):
    done, _ = download(go, *secure)
    assert done.returncode != 0 and "credentials are needed" in done.stdout + done.stderr
    # 401 does not let go ask the next proxy of the list.
    command = go(secure[0].url + ",file:///nonexistent", SSL_CERT_FILE=secure[1])
    done = command.run("mod", "download", "-json", f"{MODULE}@latest", check=False)
    assert "nonexistent" not in done.stdout + done.stderr


@pytest.mark.parametrize("goauth", [None, "netrc"])
def test_go_with_netrc(secure, go, data, tmp_path, goauth):
    token = make_token(data, f"*:{MODULE}:read")
    netrc = write_netrc(tmp_path, secure[0], token)
    harness.wait_until(lambda: secure[0].get(f"/{MODULE}/@v/list", bearer(token)).status == 200, "the token holds")
    done, _ = download(go, *secure, NETRC=netrc, GOAUTH=goauth)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("source", ["file", "env", "other-env"])
def test_go_with_goauth(secure, go, data, tmp_path, source):
    token = make_token(data, f"*:{MODULE}:read")
    harness.wait_until(lambda: secure[0].get(f"/{MODULE}/@v/list", bearer(token)).status == 200, "the token holds")
    (tmp_path / "token").write_text(token + "\n")
    words, env = {"file": (f"--token-file {tmp_path}/token", {}), "env": ("", {"MODGATE_TOKEN": token}),
                  "other-env": ("--token-env CI_TOKEN", {"CI_TOKEN": token})}[source]
    env["GOAUTH"] = f"{harness.PROGRAM} goauth --url {secure[0].url} {words}".strip()
    done, _ = download(go, *secure, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    secure[0].wait_log('"identity":"token:ci"')


def goauth(*args, **env):
    return harness.modgate("goauth", *args, env={"MODGATE_TOKEN": "secret-token", **env})


def test_goauth_gives_the_credential_to_the_gateway_alone():
    ours = "https://go.example:8443/base"
    expected = f"{ours}\n\nAuthorization: Bearer secret-token\n\n"
    for asked in ([], [ours], [ours + "/"], [ours + "/x/@v/list"], ["https://GO.example:8443/base/x"]):
        assert goauth("--url", ours, *asked).stdout == expected, asked
    for asked in ("https://go.example/base", "https://go.example:8443/", "https://go.example:8443/based",
                  "http://go.example:8443/base", "https://evil.example:8443/base", "https://go.example.evil:8443/base",
                  "https://go.example:8443@evil.example/base", "https://go.example:8443/bas"):
        done = goauth("--url", ours, asked)
        assert done.stdout == "" and done.returncode == 0, asked
    for wrong in ("http://go.example", "https://user:pw@go.example", "go.example", ""):
        done = goauth("--url", wrong)
        assert done.stdout == "" and done.returncode != 0, wrong
    assert goauth().returncode == 2
    assert goauth(MODGATE_URL=ours).stdout == expected
    assert goauth("--url", ours, MODGATE_TOKEN="two words").returncode == 2
    assert goauth("--url", ours, MODGATE_TOKEN="a\nX-Evil: 1").stdout == ""


# ---- Client certificates


@pytest.fixture
def with_certificates(start, tmp_path):
    authority = parts.Authority(tmp_path / "ca")
    cert, key, context = harness.server_context(tmp_path)
    file = parts.settings_file(tmp_path, (
        f"tls: {{client_ca_file: {authority.ca_file}}}\n"
        "access_certificates:\n"
        f"  - {{subject: 'CN=ci-*', scopes: '*:{MODULE}:read'}}\n"
        "  - {subject: 'DNS=*.admin.example', scopes: '*:*:admin'}\n"))
    gateway = start("--config-file", file, *parts.tls_flags(cert, key), scheme="https", context=context)
    return gateway, authority, cert


def curl(ca_file, url, *args):
    done = subprocess.run(["curl", "-sS", "--cacert", ca_file, "-o", os.devnull, "-w", "%{http_code}", *args, url],
                          capture_output=True, text=True, check=False, env=harness.clean_environment())
    return done.stdout if done.returncode == 0 else f"error {done.returncode}"


def test_certificates_with_curl(with_certificates, paths, tmp_path):
    gateway, authority, ca_file = with_certificates
    stranger = parts.Authority(tmp_path / "other", "stranger")
    url, metrics = gateway.url + paths[0] + ".info", gateway.url + "/metrics"

    def asked(address, pair):
        return curl(ca_file, address, *(["--cert", pair[0], "--key", pair[1]] if pair else []))

    ci, other = authority.certificate("ci-1"), authority.certificate("other")
    admin = authority.certificate("boss", "DNS:one.admin.example,URI:spiffe://x")
    assert [asked(url, pair) for pair in (ci, other, admin, None)] == ["200", "403", "200", "401"]
    assert [asked(metrics, pair) for pair in (ci, other, admin, None)] == ["403", "403", "200", "401"]
    assert asked(url, stranger.certificate("ci-1")).startswith("error")
    gateway.wait_log('"identity":"cert:CN=ci-1"')


def test_a_session_keeps_the_certificate(with_certificates, paths):
    """A resumed session is as good as the one in which the certificate was shown; not after the authority is gone."""
    gateway, authority, ca_file = with_certificates
    pair = authority.certificate("ci-1")
    context = ssl.create_default_context(cafile=ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*pair)

    def request(session):
        host, port = gateway.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=harness.PATIENCE_S) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as link:
                link.sendall(f"GET {paths[0]}.info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                head = link.recv(65536)
                return head.split(b" ")[1], link.session, link.session_reused

    status, session, _ = request(None)
    assert status == b"200"
    assert request(session)[::2] == (b"200", True)
    other = parts.Authority(authority.folder, "replaced")
    with open(other.ca_file, "rb") as fresh, open(authority.ca_file, "wb") as file:
        file.write(fresh.read())
    gateway.signal(signal.SIGHUP)
    gateway.wait_log("settings taken up")
    try:
        status, _, was_reused = request(session)
    except (ssl.SSLError, ConnectionError):
        return  # the handshake failed, for the certificate is of nobody who is known
    assert not was_reused and status != b"200"


def test_settings_that_are_refused(tmp_path):
    cases = {
        "access: {mode: closed}\n": "neither open nor required",
        "access: {anonymous: '*:*:read'}\n": "access.anonymous needs access.mode",
        "access: {mode: required, anonymous: 'x'}\n": "REPOSITORIES:PATTERNS:ACTIONS",
        "access_certificates: [{subject: CN=x, scopes: '*:*:read'}]\n": "needs tls.client_ca_file",
        "access_issuers: {a: {url: 'https://a.example'}}\n": "audience is missing",
        "access_issuers: {a: {url: 'http://a.example', audience: x}}\n": "no https:// URL",
        "access_claims: [{issuer: a, claims: 'sub=x', scopes: '*:*:read'}]\n": "has no record 'a'",
        "access_issuers: {a: {url: 'https://a.example', audience: x}}\n"
        "access_claims: [{issuer: a, claims: 'sub', scopes: '*:*:read'}]\n": "CLAIM=PATTERN",
    }
    for text, why in cases.items():
        done = harness.modgate("config", "check", parts.settings_file(tmp_path, text))
        assert done.returncode == 1 and why in done.stdout + done.stderr, (text, done.stdout, done.stderr)
