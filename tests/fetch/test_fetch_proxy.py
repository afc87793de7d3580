"""Proxies: the rules against Go's own, and real requests through one."""

import ast
import os
import re
import subprocess
import urllib.parse

import pytest

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = "gen.example.com/m0/@v/list"


def rows():
    with open(os.path.join(harness.ROOT, "tests", "unit", "net", "proxy_rows.def"), encoding="utf-8") as table:
        for match in re.finditer(r'^BYPASS\((".*?"), (".*?"), (".*?"), (true|false)\)$', table.read(), re.M):
            no_proxy, host, port = (ast.literal_eval(match[i]) for i in (1, 2, 3))
            yield no_proxy, host, port, match[4] == "true"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("oracle") / "oracle")
    subprocess.run(["go", "build", "-o", binary, "main.go"], cwd=os.path.join(HERE, "proxy_oracle"), check=True)
    return binary


def test_rules_are_those_of_go(oracle):
    """The table of the unit test, put before net/http."""
    table = list(rows())
    assert len(table) > 70
    for no_proxy, host, port, is_bypassed in table:
        name = f"[{host.replace('%', '%25')}]" if ":" in host else host
        env = harness.clean_environment(HTTP_PROXY="http://p.example:3128", NO_PROXY=no_proxy, no_proxy="")
        got = subprocess.run([oracle, f"http://{name}:{port}/"], env=env, capture_output=True, text=True, check=True)
        expected = "direct" if is_bypassed else "http://p.example:3128"
        assert got.stdout.strip() == expected, (no_proxy, host, port)


@pytest.fixture
def names(upstream):
    """URLs of the upstream by a name that only the proxy can reach."""
    return {scheme: f"{scheme}://mirror.test.example:{urllib.parse.urlsplit(getattr(upstream, scheme)).port}"
            for scheme in ("http", "https")}


@pytest.fixture
def free_env():
    return {"NO_PROXY": "", "no_proxy": ""}


def test_https_through_connect(driver_on, upstream, names, free_env):
    driver = driver_on(names["https"], ca=upstream.ca, env={**free_env, "HTTPS_PROXY": upstream.proxy})
    assert driver.small(LIST)["status"] == "OK"
    assert driver.small(LIST)["status"] == "OK"
    assert upstream.count("/CONNECT/*") == 1
    assert {seen["proto"] for seen in upstream.requests() if seen["path"] == "/" + LIST} == {"HTTP/2.0"}


def test_http_through_the_proxy(driver_on, upstream, names, free_env):
    driver = driver_on(names["http"], env={**free_env, "http_proxy": upstream.proxy})
    assert driver.small(LIST)["status"] == "OK"
    assert upstream.count("/FORWARD/*") == 1
    assert [seen["via_proxy"] for seen in upstream.requests() if seen["path"] == "/" + LIST] == [True]


def test_the_scheme_chooses_the_variable(driver_on, upstream, names, free_env):
    driver = driver_on(names["http"], retries=0, env={**free_env, "HTTPS_PROXY": upstream.proxy})
    assert driver.small(LIST)["status"] == "DNS"


def test_no_proxy(driver_on, upstream, names, free_env):
    env = {**free_env, "HTTPS_PROXY": upstream.proxy, "NO_PROXY": ".test.example"}
    assert driver_on(names["https"], retries=0, env=env).small(LIST)["status"] == "DNS"
    assert upstream.count("/CONNECT/*") == 0


def test_loopback_is_never_proxied(driver_on, upstream, free_env):
    driver = driver_on(upstream.https, ca=upstream.ca, env={**free_env, "HTTPS_PROXY": upstream.proxy})
    assert driver.small(LIST)["status"] == "OK"
    assert upstream.count("/CONNECT/*") == 0


def test_each_hop_has_its_own_proxy(driver_on, upstream, names, free_env):
    """A redirect from a proxied host to one that is not leaves the proxy."""
    upstream.fault("/gen.example.com/m0/*", "redirect", url=f"{upstream.https}/gen.example.com/m6/@v/list", times=1)
    driver = driver_on(names["https"], ca=upstream.ca, env={**free_env, "HTTPS_PROXY": upstream.proxy})
    assert driver.small(LIST)["status"] == "OK"
    assert upstream.count("/CONNECT/*") == 1


@pytest.mark.parametrize("target", ["http", "https"])
def test_proxy_over_tls(driver_on, upstream, names, free_env, target):
    env = {**free_env, "HTTPS_PROXY": upstream.proxy_tls, "HTTP_PROXY": upstream.proxy_tls}
    assert driver_on(names[target], ca=upstream.ca, env=env).small(LIST)["status"] == "OK"
    assert upstream.count("/CONNECT/*") + upstream.count("/FORWARD/*") == 1
    assert driver_on(names[target], retries=0, env=env).small(LIST)["status"] == "TLS_CERT"


def test_proxy_errors(driver_on, upstream, names, free_env):
    upstream.fault("/CONNECT/*", "status", code=407)
    driver = driver_on(names["https"], ca=upstream.ca, retries=0, env={**free_env, "HTTPS_PROXY": upstream.proxy})
    got = driver.small(LIST)
    assert got["status"] == "CONNECT"
    assert "407" in got["error"] and urllib.parse.urlsplit(upstream.proxy).netloc in got["error"]


def test_dead_proxy(driver_on, names, free_env):
    dead = f"http://user:secret@127.0.0.1:{harness.free_port()}"
    driver = driver_on(names["https"], retries=0, env={**free_env, "HTTPS_PROXY": dead})
    got = driver.small(LIST)
    assert got["status"] == "CONNECT"
    assert "through the proxy" in got["error"] and "secret" not in got["error"]


def test_proxy_credentials(upstream_binary, tree, driver_on, tmp_path, free_env):
    running = harness.Upstream(upstream_binary, tree, tmp_path / "ca.pem", "-proxy", "127.0.0.1:0",
                               "-proxy-auth", "us er:p@ss")
    try:
        port = urllib.parse.urlsplit(running.https).port
        url = f"https://mirror.test.example:{port}"
        proxy = running.proxy.replace("://", "://us%20er:p%40ss@")
        assert driver_on(url, ca=running.ca, env={**free_env, "HTTPS_PROXY": proxy}).small(LIST)["status"] == "OK"
        proxy = running.proxy.replace("://", "://us%20er:wrong@")
        got = driver_on(url, ca=running.ca, retries=0, env={**free_env, "HTTPS_PROXY": proxy}).small(LIST)
        assert got["status"] == "CONNECT" and "wrong" not in got["error"]
        assert [s.get("authorization") for s in running.requests() if s["path"] == "/" + LIST] == [None]
    finally:
        running.stop()


def test_cgi_environment(driver_on, upstream, names, free_env):
    env = {**free_env, "HTTP_PROXY": upstream.proxy, "REQUEST_METHOD": "GET"}
    assert driver_on(names["http"], retries=0, env=env).small(LIST)["status"] == "BAD_CONFIG"
    assert upstream.count() == 0
