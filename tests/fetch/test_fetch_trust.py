"""Certificates, redirects, and who gets which credentials."""

import base64
import urllib.parse

import pytest

LIST = "gen.example.com/m0/@v/list"
BASIC = "Basic " + base64.b64encode(b"user:secret").decode()


def authorizations(upstream):
    return [seen.get("authorization") for seen in upstream.requests()]


def place(url):
    return urllib.parse.urlsplit(url).netloc


@pytest.mark.parametrize("kind,word", [("expired_cert", "expired"), ("wrong_host_cert", "name"),
                                       ("untrusted_cert", "issuer")])
def test_bad_certificates(driver_on, upstream, kind, word):
    upstream.fault("", kind)
    driver = driver_on(upstream.https, ca=upstream.ca)
    got = driver.small(LIST)
    assert got["status"] == "TLS_CERT"
    assert word in got["error"].lower(), got["error"]
    assert upstream.count() == 0


def test_unknown_ca(driver_on, upstream):
    got = driver_on(upstream.https).small(LIST)
    assert got["status"] == "TLS_CERT"
    assert "SSL_CERT_FILE" in got["error"]


def test_ca_from_the_environment(driver_on, upstream, tmp_path):
    assert driver_on(upstream.https, env={"SSL_CERT_FILE": upstream.ca}).small(LIST)["status"] == "OK"
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "any-name").write_bytes(open(upstream.ca, "rb").read())
    env = {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": f"/nowhere:{folder}"}
    assert driver_on(upstream.https, env=env).small(LIST)["status"] == "OK"
    env = {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"}
    got = driver_on(upstream.https, env=env).small(LIST)
    assert got["status"] == "TLS_CERT" and "ca-certificates" in got["error"]


def test_clear_text_where_tls_is_expected(driver_on, upstream):
    got = driver_on(upstream.http.replace("http:", "https:"), ca=upstream.ca, retries=0).small(LIST)
    assert got["status"] == "TLS"


def test_redirects_are_followed(driver, upstream):
    upstream.fault("/gen.example.com/m0/*", "redirect", url="/gen.example.com/m6/@v/list", times=1)
    assert driver.small(LIST)["status"] == "OK"
    upstream.fault("/gen.example.com/m0/*", "redirect", url="../../m6/@v/list", code=308, times=1)
    assert driver.small(LIST)["status"] == "OK"


def test_redirect_loop(driver, upstream):
    upstream.fault("*", "redirect_loop")
    got = driver.small(LIST)
    assert got["status"] == "BAD_ANSWER"
    assert "redirects" in got["error"]
    assert upstream.count() == 11


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.example/x", "gopher://a.example/", "javascript:1"])
def test_redirects_to_other_schemes(driver, upstream, url):
    upstream.fault("*", "redirect", url=url)
    assert driver.small(LIST)["status"] == "BAD_ANSWER"
    assert upstream.count() == 1


def test_no_redirect_from_https_to_http(driver_on, upstream):
    upstream.fault("*", "redirect", url=f"{upstream.http}*")
    got = driver_on(upstream.https, ca=upstream.ca).small(LIST)
    assert got["status"] == "BAD_ANSWER" and "from https" in got["error"]
    assert upstream.count() == 1


def test_redirect_from_http_to_https(driver_on, upstream):
    upstream.fault("*", "redirect", url=f"{upstream.https}*", times=1)
    assert driver_on(upstream.http, ca=upstream.ca).small(LIST)["status"] == "OK"


def test_credentials_from_configuration(driver_on, upstream):
    upstream.fault("*", "auth", header=BASIC)
    driver = driver_on(upstream.https, ca=upstream.ca, credential=f"{place(upstream.https)},user,secret")
    assert driver.small(LIST)["status"] == "OK"
    upstream.no_faults()
    upstream.fault("*", "auth", header="Bearer token-1")
    driver = driver_on(upstream.https, ca=upstream.ca, credential=f"{place(upstream.https)},,token-1")
    assert driver.small(LIST)["status"] == "OK"


def test_credentials_from_netrc(driver_on, upstream, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine other.example login a password b\nmachine {place(upstream.https)}\n"
                     "login user password secret\n")
    upstream.fault("*", "auth", header=BASIC)
    assert driver_on(upstream.https, ca=upstream.ca, netrc=netrc).small(LIST)["status"] == "OK"
    driver = driver_on(upstream.https, ca=upstream.ca, netrc=None, env={"NETRC": str(netrc)})
    assert driver.small(LIST)["status"] == "OK"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(netrc.read_text())
    driver = driver_on(upstream.https, ca=upstream.ca, netrc=None, env={"HOME": str(home), "NETRC": ""})
    assert driver.small(LIST)["status"] == "OK"


def test_netrc_is_not_for_clear_text(driver_on, upstream, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {place(upstream.http)} login user password secret\n")
    driver_on(upstream.http, netrc=netrc).small(LIST)
    assert authorizations(upstream) == [None]


def test_credentials_from_the_url(driver_on, upstream):
    url = upstream.https.replace("://", "://user:secret@")
    driver = driver_on(url, ca=upstream.ca)
    got = driver.small(LIST)
    assert got["status"] == "OK"
    assert authorizations(upstream) == [BASIC]
    assert got["upstream"] == upstream.https
    assert "secret" not in str(driver.stats())


def test_refused_credentials_are_not_shown(driver_on, upstream):
    upstream.fault("*", "auth", header="Basic other")
    driver = driver_on(upstream.https.replace("://", "://user:secret@"), ca=upstream.ca)
    got = driver.small(LIST)
    assert got["status"] == "UPSTREAM_DENIED"
    assert "renew them" in got["error"] and "secret" not in str(got) and "dXNlcj" not in str(got)
    assert upstream.count() == 1


def test_credentials_stay_at_their_origin(driver_on, upstream):
    """The same host on another port, and with another name, is somebody else."""
    port = urllib.parse.urlsplit(upstream.https).port
    for elsewhere in (f"https://127.0.0.1:{port}",):
        upstream.reset()
        upstream.fault("/gen.example.com/m0/*", "redirect", url=f"{elsewhere}/gen.example.com/m6/@v/list", times=1)
        driver = driver_on(upstream.https, ca=upstream.ca, credential=f"{place(upstream.https)},user,secret")
        assert driver.small(LIST)["status"] == "OK"
        assert authorizations(upstream) == [BASIC, None]


def test_credentials_do_not_come_back(driver_on, upstream):
    """Away and back again: whoever stands between may have chosen the last URL."""
    port = urllib.parse.urlsplit(upstream.https).port
    upstream.fault("/gen.example.com/m0/*", "redirect", url=f"https://127.0.0.1:{port}/away", times=1)
    upstream.fault("/away", "redirect", url=f"{upstream.https}/gen.example.com/m6/@v/list", times=1)
    driver = driver_on(upstream.https, ca=upstream.ca, credential=f"{place(upstream.https)},user,secret")
    assert driver.small(LIST)["status"] == "OK"
    assert authorizations(upstream) == [BASIC, None, None]


def test_credentials_follow_within_the_origin(driver_on, upstream):
    upstream.fault("/gen.example.com/m0/*", "redirect", url="/gen.example.com/m6/@v/list", times=1)
    driver = driver_on(upstream.https, ca=upstream.ca, credential=f"{place(upstream.https)},user,secret")
    assert driver.small(LIST)["status"] == "OK"
    assert authorizations(upstream) == [BASIC, BASIC]
