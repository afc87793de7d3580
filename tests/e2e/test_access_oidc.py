"""JSON web tokens of an OpenID Connect issuer: keys that come, go and cannot be had; whose tokens are taken."""

import signal
import time

import pytest

import access_parts as parts
import harness
from access_parts import basic, bearer

MODULE = "gen.example.com/m0"


@pytest.fixture
def issuer(tmp_path):
    running = parts.Issuer(tmp_path / "issuer")
    yield running
    running.stop()


@pytest.fixture
def start(gateway_on, upstream, flags, issuer, tmp_path):
    def run(more="", settings=None, **kw):
        text = "access: {mode: required}\n" + (settings or issuer.settings()) + more
        return gateway_on(upstream.http, *flags, "--config-file", parts.settings_file(tmp_path, text), **kw)
    return run


def ask(gateway, token, path=f"/{MODULE}/@v/list"):
    return gateway.get(path, bearer(token))


def test_each_algorithm_both_headers(start, issuer):
    gateway = start()
    for key in issuer.keys:
        token = issuer.token(key, repository="acme/api", sub=f"job:{key.alg}")
        assert ask(gateway, token).status == 200, key.alg
        assert gateway.get(f"/{MODULE}/@v/list", basic(token)).status == 200, key.alg
        gateway.wait_log(f'"identity":"oidc:tests:job:{key.alg}"')
        assert token not in gateway.log
    assert issuer.fetches() == 1
    assert "/.well-known/openid-configuration" in issuer.requests


def test_what_is_not_taken(start, issuer, tmp_path):
    """All of these are refused alike; the right one before and behind them is taken."""
    gateway = start()
    now = int(time.time())
    right = issuer.keys[0]
    stranger = parts.Key(tmp_path, "RS256", "RS256-1")
    ec = issuer.keys[1]
    secret = issuer.token(right, repository="acme/api").rsplit(".", 1)[0]
    cases = {
        "audience": issuer.token(aud="other", repository="acme/api"),
        "no audience": issuer.token(aud=None, repository="acme/api"),
        "issuer": issuer.token(iss="https://other.example", repository="acme/api"),
        "issuer with a slash": issuer.token(iss=issuer.url + "/", repository="acme/api"),
        "expired": issuer.token(exp=now - 61, repository="acme/api"),
        "never expires": issuer.token(exp=None, repository="acme/api"),
        "not yet": issuer.token(nbf=now + 3600, repository="acme/api"),
        "another key": issuer.token(stranger, repository="acme/api"),
        "alg none": issuer.token(header={"alg": "none"}, cut=".", repository="acme/api"),
        "alg none, signature kept": issuer.token(header={"alg": "none"}, repository="acme/api"),
        "HMAC": issuer.token(header={"alg": "HS256"}, repository="acme/api"),
        "RSA key for ES256": issuer.token(right, header={"alg": "ES256"}, repository="acme/api"),
        "EC key said to be RSA": issuer.token(ec, header={"alg": "RS256"}, repository="acme/api"),
        "kid of another kind": issuer.token(right, header={"kid": ec.kid}, repository="acme/api"),
        "own key": issuer.token(stranger, header={"kid": None, "jwk": stranger.jwk()}, repository="acme/api"),
        "own address": issuer.token(stranger, header={"jku": issuer.url + "/evil"}, repository="acme/api"),
        "critical": issuer.token(header={"crit": ["exp"]}, repository="acme/api"),
        "no signature": secret + ".",
        "cut": secret,
        "claims changed": issuer.token(right, repository="evil/x").split(".")[0] + "." + parts.coded(b"{}") + "." +
                          issuer.token(right, repository="acme/api").split(".")[2],
    }
    assert ask(gateway, issuer.token(repository="acme/api")).status == 200
    for name, token in cases.items():
        answer = ask(gateway, token)
        assert answer.status in (401, 429), (name, answer)
        harness.assert_says_why(answer)
    assert ask(gateway, issuer.token(repository="acme/api", sub="job:2")).status == 200
    assert "/evil" not in issuer.requests


def test_claims_decide(start, issuer):
    gateway = start()
    assert ask(gateway, issuer.token(repository="acme/api")).status == 200
    for claims in ({"repository": "acme-evil/api"}, {"repository": "ACME/api"}, {"repository": None}, {},
                   {"repository": {"x": "acme/api"}}):
        answer = ask(gateway, issuer.token(**claims))
        assert answer.status == 403 and "oidc:tests:job:1" in answer.text, claims


def test_several_rules_add_up(start, issuer):
    rules = f"  - {{issuer: tests, claims: 'ref_protected=true', scopes: '*:{MODULE}:read'}}\n"
    gateway = start(rules, issuer.settings("*:gen.example.com/m4:read"))
    both = issuer.token(repository="acme/api", ref_protected=True)
    one, other = issuer.token(repository="acme/api"), issuer.token(ref_protected="true")
    paths = [f"/{MODULE}/@v/list", "/gen.example.com/m4/@v/list"]
    assert [[ask(gateway, t, p).status for p in paths] for t in (both, one, other)] == [
        [200, 200], [403, 200], [200, 403]]


def test_requests_wait_for_the_keys(start, issuer):
    """They are parked until the one fetch is over; others are served meanwhile."""
    issuer.gate.clear()
    gateway = start()
    tokens = [issuer.token(issuer.keys[i % 3], repository="acme/api", sub=f"job:{i}") for i in range(8)]
    harness.wait_until(lambda: issuer.requests, "the first fetch is under way")

    def one(i):
        if i == 0:
            assert gateway.get("/version").status == 200
            issuer.gate.set()
        return ask(gateway, tokens[i]).status
    assert harness.together(8, one) == [200] * 8
    assert issuer.fetches() == 1


def test_a_new_key_is_taken_without_a_restart(start, issuer, tmp_path):
    """Half a minute after the last fetch, at the latest, a token with an unknown key brings another one."""
    gateway = start()
    assert ask(gateway, issuer.token(repository="acme/api")).status == 200
    fresh = parts.Key(tmp_path, "ES256", "ES256-2")
    issuer.published = [fresh]
    token = issuer.token(fresh, repository="acme/api")
    harness.wait_until(lambda: ask(gateway, token).status == 200, "the new key is taken")
    assert issuer.fetches() == 2
    # The old key is not published any more.
    assert ask(gateway, issuer.token(repository="acme/api", sub="job:2")).status in (401, 429)


def test_unknown_keys_do_not_flood_the_issuer(start, issuer, tmp_path):
    gateway = start()
    assert ask(gateway, issuer.token(repository="acme/api")).status == 200
    strangers = [parts.Key(tmp_path, "EdDSA", f"unknown-{i}") for i in range(5)]
    for key in strangers:
        assert ask(gateway, issuer.token(key, repository="acme/api")).status == 401
    assert issuer.fetches() == 1  # less than half a minute ago
    assert ask(gateway, issuer.token(repository="acme/api", sub="job:2")).status == 200


def test_the_issuer_is_down(start, issuer):
    issuer.is_broken = True
    gateway = start("  - {issuer: tests, claims: 'sub=boss', scopes: '*:*:admin'}\n")
    answer = ask(gateway, issuer.token(repository="acme/api"))
    assert answer.status == 503 and int(answer["retry-after"]) > 0
    harness.assert_says_why(answer)
    assert gateway.get("/healthz").status == 200
    gateway.wait_log("the keys of a token issuer could not be fetched")


def test_a_client_that_leaves_while_keys_are_fetched(start, issuer):
    issuer.gate.clear()
    gateway = start()
    harness.wait_until(lambda: issuer.requests, "the fetch is under way")
    token = issuer.token(repository="acme/api")
    for _ in range(3):
        gateway.raw(f"GET /{MODULE}/@v/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    issuer.gate.set()
    assert ask(gateway, token).status == 200


def test_stop_while_keys_are_fetched(start, issuer):
    issuer.gate.clear()
    gateway = start("http: {drain_timeout: 100ms}\n")
    harness.wait_until(lambda: issuer.requests, "the fetch is under way")
    gateway.stop()


def test_reload_keeps_the_keys_and_drops_an_issuer(start, issuer, tmp_path):
    gateway = start()
    token = issuer.token(repository="acme/api")
    assert ask(gateway, token).status == 200
    parts.settings_file(tmp_path, "access: {mode: required}\n" + issuer.settings(claims="repository=acme/api"))
    gateway.signal(signal.SIGHUP)
    gateway.wait_log("settings taken up")
    assert ask(gateway, token).status == 200
    assert issuer.fetches() == 1
    parts.settings_file(tmp_path, "access: {mode: required}\n")
    gateway.signal(signal.SIGHUP)
    harness.wait_until(lambda: ask(gateway, token).status in (401, 429), "the issuer is believed no more")


def test_discovery_must_name_the_issuer(start, issuer):
    """Who answers for another issuer is not believed, nor a configuration without keys."""
    settings = issuer.settings().replace(f"url: {issuer.url}\n", f"url: {issuer.url}/\n")
    gateway = start(settings=settings)
    answer = ask(gateway, issuer.token(iss=issuer.url + "/", repository="acme/api"))
    assert answer.status == 503
    gateway.wait_log("does not name")


def test_goauth_of_a_ci(start, issuer, go, tmp_path):
    """The real go command with `modgate goauth --github-audience`, against an endpoint as that CI has it."""
    cert, key, context = harness.server_context(tmp_path)
    gateway = start(f"tls: {{cert_file: {cert}, key_file: {key}}}\n", scheme="https", context=context)
    words = f"{harness.PROGRAM} goauth --url {gateway.url} --github-audience modgate --ca-file {issuer.ca_file}"
    env = {"ACTIONS_ID_TOKEN_REQUEST_URL": issuer.url + "/github?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ci-secret"}
    command = go(gateway.url, SSL_CERT_FILE=cert, GOAUTH=words, **env)
    command.run("mod", "download", "-json", f"{MODULE}@latest")
    gateway.wait_log('"identity":"oidc:tests:job:1"')
    done = harness.modgate(*words.split()[1:], env={**env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"})
    assert done.returncode == 1 and done.stdout == "" and "404" in done.stderr
    assert harness.modgate(*words.split()[1:]).returncode == 2
