"""Scopes and repositories: what counts is the repository whose address was asked, a group being one of its own."""

import pytest

import access_parts as parts
import harness
from access_parts import bearer, make_token

MODULE, OTHER = "gen.example.com/m0", "gen.example.com/m4"
SETTINGS = """
access: {mode: required, anonymous: 'free:*:read'}
repositories:
  one: {kind: proxy}
  two: {kind: proxy, mount: go/two}
  free: {kind: proxy}
  all: {kind: group, members: 'one, two'}
"""
MOUNTS = {"one": "/one", "two": "/go/two", "free": "/free", "all": "/all", "default": ""}


@pytest.fixture
def gateway(gateway_on, upstream, flags, tmp_path):
    file = parts.settings_file(tmp_path, SETTINGS)
    return gateway_on(upstream.http, *flags, "--config-file", file)


@pytest.fixture
def tokens(tmp_path):
    """By their scopes, made before the gateway starts."""
    return {scope: make_token(tmp_path / "data", scope) for scope in (
        "one:*:read", "two:*:read", "o*:*:read", "all:*:read", f"one,two:{MODULE}:read", "*:*:read", "default:*:read")}


def allowed(scope, name, module):
    """By the rules of docs/access.md; the address without a mount is the only group's."""
    name = "all" if name == "default" else name
    repos, patterns, _ = scope.split(":")
    fits = any(r in ("*", name) or r == "o*" and name.startswith("o") for r in repos.split(","))
    return name == "free" or fits and patterns in ("*", module)


def test_each_mount_each_token(tokens, gateway, upstream):
    versions = {m: harness.newest(upstream.tree, m) for m in (MODULE, OTHER)}
    for _ in range(2):  # the second time out of memory
        for name, mount in MOUNTS.items():
            for scope, token in tokens.items():
                for module, base in versions.items():
                    for path in (f"/{module}/@v/list", base + ".info", base + ".mod"):
                        want = 200 if allowed(scope, name, module) else 403
                        answer = gateway.get(mount + path, bearer(token))
                        assert answer.status == want, (scope, mount + path, answer)
            status = gateway.get(mount + versions[MODULE] + ".info").status
            assert status == (200 if name == "free" else 401), mount


def test_other_spellings_of_a_mount_do_not_get_round_it(tokens, gateway, upstream):
    base = harness.newest(upstream.tree, MODULE)
    token = tokens["two:*:read"]
    assert gateway.get("/go/two" + base + ".info", bearer(token)).status == 200
    for mount in ("/one", "/%6fne", "/go/two/../../one", "/go/two/..%2f..%2fone", "//one", "/one/", "/go/two//one", "/ONE",
                  "/go%2ftwo/../one", "/./one", "/free/../one"):
        for _ in range(2):
            for headers in ({}, bearer(token)):
                assert gateway.get(mount + base + ".info", headers).status not in (200, 206, 304), mount
    assert upstream.count(f"*/{MODULE}/*") > 0
