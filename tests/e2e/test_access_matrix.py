"""Who gets what answer: every kind of identity, at every endpoint, with every method.

What is expected is computed here from the rules of docs/access.md, from what an identity is (its scopes, or why its
credentials do not hold) and what an endpoint needs; nothing is copied from what the program says. Whoever may have
everything has had it twice before, so that what can be in a memory is there; test_access.py has what is not stored.
"""

import http.client
import ssl
import time

import pytest

import access_parts as parts
import harness
from access_parts import basic, bearer, make_token

MINE, OTHER, FREE = "gen.example.com/m0", "gen.example.com/m4", "gen.example.com/m5"
HOSTED = "sum.corp.example/test"
METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS", "PATCH"]

# ---- The rules


class Who:
    """An identity: scopes as (pattern, action), and what is wrong with its credentials, if anything."""

    def __init__(self, headers=None, scopes=(), fault=None, cert=None, is_anonymous=False):
        self.headers, self.scopes, self.fault, self.cert = headers or {}, list(scopes), fault, cert
        self.is_anonymous = is_anonymous


ORDER = ["read", "publish", "admin"]


WRITING = {"PUT": "publish", "DELETE": "admin"}
NOT_DONE = {400, 404, 405}  # no repository here is hosted, so nothing is published or withdrawn


def allowed(who, need, anonymous, to="read"):
    """need: None (nothing), ("path", module), "some", "all" or "admin"."""
    scopes = who.scopes + anonymous

    def has(action, test):
        return any(ORDER.index(a) >= ORDER.index(action) and test(p) for p, a in scopes)
    if need is None:
        return True
    if need == "some":
        return has(to, lambda p: True)
    if need == "all":
        return has(to, lambda p: p == "*")
    if need == "admin":
        return has("admin", lambda p: p == "*")
    return has(to, lambda p: p == "*" or need[1] == p or need[1].startswith(p + "/"))


def expected_of_writing(who, endpoint, to, anonymous):
    """Whether one may is said before what is wrong with it. What is no module's asks for the action on something."""
    if who.fault:
        return {who.fault}
    need = "some" if endpoint.need in (None, "admin") else endpoint.need
    if allowed(who, need, anonymous, to):
        return NOT_DONE
    return {401 if who.is_anonymous else 403}


def expected(who, endpoint, method, anonymous):
    """The status, or None for "whatever is served to those who may"."""
    if endpoint.path in ("/healthz", "/livez"):  # whether it lives: whatever is shown
        return 200 if method in ("GET", "HEAD") else 405
    if who.fault:
        return who.fault
    if method not in ("GET", "HEAD"):
        return 405
    if allowed(who, endpoint.need, anonymous):
        return None
    return 401 if who.is_anonymous else 403


class Endpoint:
    def __init__(self, path, need, status):
        self.path, self.need, self.status = path, need, status


def endpoints(tree):
    found = [Endpoint(path, None, 200) for path in ("/", "/version", "/healthz", "/livez", "/readyz")]
    found += [Endpoint("/metrics", "admin", 200), Endpoint("/no/such/page", "some", 404),
              Endpoint("/..%2f@v/list", "some", 400), Endpoint(f"/{MINE}?go-get=1", "some", 404)]
    for module in (MINE, OTHER, FREE):
        base = harness.newest(tree, module)
        stored = [f"/{module}/@v/list", f"/{module}/@latest", base + ".info", base + ".mod", base + ".zip"]
        absent = [base.rsplit("/", 1)[0] + "/v9.9.9" + end for end in (".info", ".mod", ".zip")]
        found += [Endpoint(path, ("path", module), 200) for path in stored]
        found += [Endpoint(path, ("path", module), 404) for path in absent]
        found += [Endpoint(f"/{module}/none/@v/list", ("path", module + "/none"), 404)]
    for name in ("sum.test.example", HOSTED):
        found += [Endpoint(f"/sumdb/{name}/supported", "some", 200), Endpoint(f"/sumdb/{name}/latest", "some", 200)]
        for module in (MINE, OTHER):
            version = harness.newest(tree, module).rsplit("/", 1)[1]
            found.append(Endpoint(f"/sumdb/{name}/lookup/{module}@{version}", ("path", module), 200))
            found.append(Endpoint(f"/sumdb/{name}/lookup/{module}@v9.9.9", ("path", module), 404))
    # Tiles of what the lookups above have put into the hosted log: two records.
    found += [Endpoint(f"/sumdb/{HOSTED}/tile/8/0/000.p/2", "some", 200),
              Endpoint(f"/sumdb/{HOSTED}/tile/8/data/000.p/2", "all", 200),
              Endpoint(f"/sumdb/{HOSTED}/tile/entries/000.p/2", "all", 200),
              Endpoint(f"/sumdb/{HOSTED}/checkpoint", "some", 200)]
    return found


# ---- What they are tried on


@pytest.fixture(scope="module")
def stage(upstream_binary, tree, tmp_path_factory):
    """A gateway with all kinds of credentials: (gateway, {name: Who}, anonymous scopes, endpoints, client contexts)."""
    folder = tmp_path_factory.mktemp("matrix")
    upstream = harness.Upstream(upstream_binary, tree[0], folder / "upstream-ca.pem")
    issuer, authority = parts.Issuer(folder / "issuer"), parts.Authority(folder / "ca")
    cert, key, _ = harness.server_context(folder)
    key_file = str(folder / "sum.key")
    harness.modgate("sumdb", "keygen", HOSTED, "--key-file", key_file, check=0)
    data = folder / "data"
    file = parts.settings_file(folder, (
        f"access: {{mode: required, anonymous: '*:{FREE}:read'}}\n"
        f"tls: {{cert_file: {cert}, key_file: {key}, client_ca_file: {authority.ca_file}}}\n"
        f"sumdb_host: {{key_file: {key_file}, scope: all}}\n"
        f"access_certificates: [{{subject: 'CN=right', scopes: '*:{MINE}:read'}}]\n"
        + issuer.settings(f"*:{MINE}:read", "repository=acme/*")))
    people = make_people(folder, data, issuer, authority)
    context = ssl.create_default_context(cafile=cert)
    gateway = harness.Gateway(data, "--upstream", upstream.http, "--sumdb", f"{upstream.sumdb} {upstream.http}",
                              "--fetch-retries", "1", "--config-file", file, scheme="https", context=context)
    yield gateway, people, [(FREE, "read")], endpoints(tree[0]), cert
    gateway.stop()
    issuer.stop()
    upstream.stop()


def make_people(folder, data, issuer, authority):
    def token(*scopes, **kw):
        return make_token(data, *(f"*:{p}:{a}" for p, a in scopes), **kw)

    def person(secret, scopes=(), fault=None, how=bearer):
        return Who(how(secret), scopes, fault)
    right, other, publish = [(MINE, "read")], [(OTHER, "read")], [(MINE, "publish")]
    everything, admin = [("*", "read")], [("*", "admin")]
    short = token(*everything, expires="1s", name="short")
    gone = token(*everything, name="gone")
    harness.modgate("token", "revoke", "--data-dir", str(data), parts.token_id(gone), check=0)
    one = token(*right)
    wrong = one[:-1] + ("A" if one[-1] != "A" else "B")
    stranger = parts.Key(folder, "ES256", "ES256-1")
    now = int(time.time())
    people = {
        "anonymous": Who(is_anonymous=True),
        "right token, Bearer": person(one, right),
        "right token, Basic": person(one, right, how=basic),
        "token of another path": person(token(*other, name="other"), other),
        "publish token": person(token(*publish, name="publisher"), publish),
        "token for everything": person(token(*everything, name="reader"), everything),
        "admin token": person(token(*admin, name="boss"), admin),
        "admin of one path": person(token((MINE, "admin"), name="small"), [(MINE, "admin")]),
        "expired": person(short, fault=401),
        "revoked": person(gone, fault=401),
        "one letter wrong": person(wrong, fault=401),
        "unknown": person("mgt_aaaaaaaaaa_" + "A" * 43, fault=401),
        "nonsense": person("nonsense", fault=401),
        "empty password": person("", fault=401, how=basic),
        "malformed Basic": Who({"Authorization": "Basic !"}, fault=400),
        "malformed Bearer": Who({"Authorization": "Bearer a b"}, fault=400),
        "no scheme": Who({"Authorization": "\"\""}, fault=400),
        "another scheme": Who({"Authorization": "Digest abc"}, fault=401),
        "OIDC": person(issuer.token(repository="acme/api"), right),
        "OIDC, Basic": person(issuer.token(repository="acme/api"), right, how=basic),
        "OIDC, no rule": person(issuer.token(repository="evil/api"), []),
        "OIDC, audience": person(issuer.token(repository="acme/api", aud="other"), fault=401),
        "OIDC, expired": person(issuer.token(repository="acme/api", exp=now - 3600), fault=401),
        "OIDC, another key": person(issuer.token(stranger, repository="acme/api"), fault=401),
        "OIDC, alg none": person(issuer.token(header={"alg": "none"}, cut=".AAAA", repository="acme/api"), fault=401),
        "certificate": Who(scopes=right, cert=authority.certificate("right")),
        "certificate, no rule": Who(scopes=[], cert=authority.certificate("wrong")),
        "certificate and wrong token": Who(bearer("nonsense"), fault=401, cert=authority.certificate("right")),
        "certificate and other token": Who(bearer(token(*other, name="other2")), other,
                                           cert=authority.certificate("right")),
    }
    time.sleep(2)  # "expired" has expired
    return people


class Caller:
    """One identity's connection, used again and again."""

    def __init__(self, gateway, cert, who):
        context = ssl.create_default_context(cafile=cert)
        if who.cert:
            context.load_cert_chain(*who.cert)
        host, port = gateway.address.rsplit(":", 1)
        self.who = who
        self.link = http.client.HTTPSConnection(host, int(port), timeout=harness.PATIENCE_S, context=context)

    def ask(self, method, path):
        self.link.request(method, path, headers=self.who.headers)
        got = self.link.getresponse()
        return harness.Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())


def warm(stage):
    """Whoever may have everything has had it: what can be in a memory is there."""
    gateway, people, _, places, cert = stage
    caller = Caller(gateway, cert, people["admin token"])
    for place in places:
        for _ in range(2):
            answer = caller.ask("GET", place.path)
            assert answer.status == place.status, (place.path, answer)


@pytest.fixture(scope="module")
def warm_stage(stage):
    warm(stage)
    return stage


NAMES = ["anonymous", "right token, Bearer", "right token, Basic", "token of another path", "publish token",
         "token for everything", "admin token", "admin of one path", "expired", "revoked", "one letter wrong", "unknown",
         "nonsense", "empty password", "malformed Basic", "malformed Bearer", "no scheme", "another scheme", "OIDC",
         "OIDC, Basic", "OIDC, no rule", "OIDC, audience", "OIDC, expired", "OIDC, another key", "OIDC, alg none",
         "certificate", "certificate, no rule", "certificate and wrong token", "certificate and other token"]


@pytest.mark.parametrize("name", NAMES)
def test_matrix(warm_stage, name):
    gateway, people, anonymous, places, cert = warm_stage
    assert sorted(people) == sorted(NAMES)
    who = people[name]
    caller = Caller(gateway, cert, who)
    wrong = []
    for place in places:
        for method in METHODS:
            answer = caller.ask(method, place.path)
            if method in WRITING:
                may_be = expected_of_writing(who, place, WRITING[method], anonymous)
            else:
                may_be = {expected(who, place, method, anonymous) or place.status}
            if who.fault in may_be:  # after some wrong credentials of one address they are told to wait instead
                may_be = may_be | {429}
            if answer.status not in may_be:
                wrong.append((method, place.path, answer.status, may_be))
            check_form(answer, method)
    assert not wrong, "\n".join(map(str, wrong))


def check_form(answer, method):
    """What refusals have in common."""
    if answer.status == 401:
        assert "www-authenticate" in answer.headers
    if answer.status == 429:
        assert int(answer["retry-after"]) > 0
    if answer.status in (401, 403, 429):
        assert answer["cache-control"] == "no-store"
        if method != "HEAD":
            harness.assert_says_why(answer)


def test_what_is_there_and_what_is_not_are_refused_in_the_same_words(warm_stage, tree):
    """Status, headers and text differ in nothing but the name that was asked for."""
    gateway, people, _, _, cert = warm_stage
    base = harness.newest(tree[0], OTHER)
    pairs = [(base + ".info", base.rsplit("/", 1)[0] + "/v9.9.9.info"), (base + ".zip", base + "x.zip"),
             (f"/{OTHER}/@v/list", f"/{OTHER}not/@v/list"), (f"/{OTHER}/@latest", f"/{OTHER}not/@latest"),
             (f"/sumdb/{HOSTED}/lookup/{OTHER}@{base.rsplit('/', 1)[1]}", f"/sumdb/{HOSTED}/lookup/{OTHER}@v9.9.9")]
    for name in ("anonymous", "right token, Bearer", "OIDC", "certificate"):
        caller = Caller(gateway, cert, people[name])
        for there, absent in pairs:
            seen = []
            for path in (there, absent):
                answer = caller.ask("GET", path)
                changing = {"date", "x-request-id", "content-length"}
                seen.append((answer.status, answer.text.replace(OTHER + "not", OTHER),
                             {k: v for k, v in answer.headers.items() if k not in changing}))
            assert seen[0] == seen[1], (name, there, absent)
            assert seen[0][0] in (401, 403)


def test_a_conditional_request_says_nothing_either(warm_stage, tree):
    gateway, people, _, _, cert = warm_stage
    path = harness.newest(tree[0], OTHER) + ".mod"
    etag = Caller(gateway, cert, people["admin token"]).ask("GET", path)["etag"]
    who = people["right token, Bearer"]
    for headers in ({"If-None-Match": etag}, {"If-None-Match": "*"}, {"Range": "bytes=0-0"}):
        caller = Caller(gateway, cert, Who({**who.headers, **headers}))
        assert caller.ask("GET", path).status == 403, headers
