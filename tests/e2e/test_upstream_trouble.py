"""What clients are told when the upstream fails, and that nothing wrong is ever kept."""

import pytest

from harness import assert_says_why, modgate, newest

MODULE = "gen.example.com/m0"
# (fault, its fields, statuses a client may get)
ANY = [
    ("status", {"code": 401}, {502}),
    ("status", {"code": 403}, {502}),
    ("status", {"code": 404, "body": "not found: no such version"}, {404}),
    ("status", {"code": 410, "body": "gone"}, {404, 410}),
    ("status", {"code": 429}, {503}),
    ("status", {"code": 500}, {502}),
    ("status", {"code": 502}, {502}),
    ("status", {"code": 503}, {502, 503}),
    ("status", {"code": 504}, {502, 504}),
    ("status", {"code": 204}, {502}),
    ("status", {"code": 304}, {502}),
    ("hang", {}, {504}),
    ("stall", {}, {504}),
    ("reset", {}, {502}),
    ("short", {}, {502}),
    ("wrong_length", {"delta": 7}, {502}),
    ("redirect_loop", {}, {502}),
    ("endless", {}, {502}),
    ("html", {}, {502}),
    ("empty", {}, {502}),
    ("garbage", {}, {502}),
]
ZIP = [
    ("bomb", {}, {502}),
    ("gomod_mismatch", {}, {403, 502}),
    ("zip_prefix", {}, {502}),
    ("zip_dotdot", {}, {502}),
    ("zip_truncated", {}, {502}),
]


def name_of(row):
    return "-".join([row[0], *(str(v) for k, v in row[1].items() if k in ("code", "delta"))])


def check_refused_then_whole(gateway, upstream, path, row):
    kind, fields, statuses = row
    upstream.fault("*" + path, kind, **fields)
    answer = gateway.get(path)
    assert answer.status in statuses, answer
    assert_says_why(answer)
    if answer.status >= 500:
        assert "no-store" in answer["cache-control"], answer
    upstream.no_faults()
    return answer


@pytest.mark.parametrize("row", ANY, ids=name_of)
@pytest.mark.parametrize("suffix", [".info", ".mod", ".zip"])
def test_artefact(gateway_on, upstream, flags, suffix, row):
    gateway = gateway_on(upstream.http, *flags, "--cache-negative-ttl", "0s", "--fetch-max-zip", "8MiB")
    path = newest(upstream.tree, MODULE) + suffix
    answer = check_refused_then_whole(gateway, upstream, path, row)
    if answer.status >= 500:
        whole = gateway.get(path)
        assert whole.status == 200, whole
        assert suffix == ".info" or whole.body == upstream.file(path)
    modgate("verify", gateway.data_dir, check=0)


@pytest.mark.parametrize("row", ZIP, ids=name_of)
def test_zip(gateway_on, upstream, flags, row):
    # The upstream needs its time to make a bomb.
    gateway = gateway_on(upstream.http, *flags, "--fetch-stall-timeout", "30s")
    path = newest(upstream.tree, MODULE) + ".zip"
    check_refused_then_whole(gateway, upstream, path, row)
    whole = gateway.get(path)
    assert whole.status == 200 and whole.body == upstream.file(path)
    modgate("verify", gateway.data_dir, check=0)


# A list may be any text, so only what is visibly no list is refused.
LISTS = [row for row in ANY if row[0] not in ("empty",)]


@pytest.mark.parametrize("row", LISTS, ids=name_of)
def test_list(gateway, upstream, row):
    check_refused_then_whole(gateway, upstream, f"/{MODULE}/@v/list", row)


@pytest.mark.parametrize("kind", ["short", "reset", "status"])
def test_one_failure_is_tried_again(gateway, upstream, kind):
    for suffix in (".info", ".zip"):
        path = newest(upstream.tree, MODULE) + suffix
        upstream.fault("*" + path, kind, times=1)
        assert gateway.get(path).status == 200


def test_a_broken_zip_is_resumed(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    upstream.fault("*" + path, "short", times=1)
    answer = gateway.get(path)
    assert answer.status == 200 and answer.body == upstream.file(path)
    ranges = [r.get("range") for r in upstream.requests() if r["path"] == path]
    assert ranges[0] in (None, "") and ranges[1].startswith("bytes="), ranges


def test_a_slow_drip_is_no_stall(gateway, upstream):
    base = newest(upstream.tree, MODULE)
    upstream.fault("*", "drip", chunk=200, delay_ms=50)
    for suffix in (".info", ".mod", ".zip"):
        answer = gateway.get(base + suffix)
        assert answer.status == 200 and (suffix == ".info" or answer.body == upstream.file(base + suffix))


def test_a_redirect_is_followed(gateway, upstream):
    base = newest(upstream.tree, MODULE)
    upstream.fault("*" + base + ".zip", "redirect", url=upstream.https + "*", times=1)
    # The other side's certificate is not trusted here: the redirect is followed, and fails there.
    refused = gateway.get(base + ".zip")
    assert refused.status == 502 and "certificate" in refused.text.lower(), refused
    upstream.fault("*" + base + ".zip", "redirect", url=upstream.http + "*?again", times=1)
    assert gateway.get(base + ".zip").body == upstream.file(base + ".zip")


@pytest.mark.parametrize("kind", ["expired_cert", "wrong_host_cert", "untrusted_cert"])
def test_bad_certificates(gateway_on, upstream, flags, kind):
    gateway = gateway_on(upstream.https, *flags, "--fetch-ca-file", upstream.ca)
    path = newest(upstream.tree, MODULE) + ".info"
    upstream.fault("*", kind)
    answer = gateway.get(path)
    assert answer.status == 502, answer
    assert_says_why(answer)
    assert "certificate" in answer.text.lower(), answer
    upstream.no_faults()
    assert gateway.get(path).status == 200


def test_a_certificate_of_an_unknown_ca_is_refused(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.https, *flags)
    assert gateway.get(newest(upstream.tree, MODULE) + ".info").status == 502


def test_upstream_that_is_not_there(gateway_on, upstream, flags):
    upstream.stop()
    gateway = gateway_on(upstream.http, *flags)
    for tail in ("/@v/list", "/@latest", "/@v/v1.0.0.info", "/@v/v1.0.0.mod", "/@v/v1.0.0.zip", "/@v/main.info"):
        answer = gateway.get("/" + MODULE + tail)
        assert answer.status in (502, 503, 504), (tail, answer)
        assert_says_why(answer)
        assert "no-store" in answer["cache-control"]


def test_the_next_upstream_after_a_comma_only_on_absence(gateway_on, upstream, upstream_binary, tmp_path, flags):
    (tmp_path / "empty").mkdir()
    import harness
    second = harness.Upstream(upstream_binary, upstream.tree, tmp_path / "second-ca.pem")
    try:
        path = newest(upstream.tree, MODULE) + ".info"
        upstream.fault("*", "status", code=404)
        comma = gateway_on(f"{upstream.http},{second.http}", *flags, data_dir=tmp_path / "comma")
        assert comma.get(path).status == 200
        upstream.no_faults()
        upstream.fault("*", "status", code=500)
        second.reset()
        other = newest(upstream.tree, "gen.example.com/m6") + ".info"
        assert comma.get(other).status == 502
        assert second.count() == 0
        bar = gateway_on(f"{upstream.http}|{second.http}", *flags, data_dir=tmp_path / "bar")
        assert bar.get(other).status == 200
    finally:
        second.stop()


def test_upstream_off_refuses_with_403(gateway_on, flags):
    gateway = gateway_on("off", *flags)
    answer = gateway.get(f"/{MODULE}/@v/list")
    assert answer.status == 403
    assert_says_why(answer)


def test_private_paths_are_never_asked_for(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--private", "gen.example.com/TeamA,*.corp.example")
    name = upstream.sumdb.split("+")[0]
    for path in ("/gen.example.com/!team!a/!big!mod1/@v/list", "/gen.example.com/%21team!a/%21big!mod1/@latest",
                 "/git.corp.example/secret/@v/v1.0.0.info",
                 f"/sumdb/{name}/lookup/gen.example.com/!team!a/!big!mod1@v1.0.0",
                 f"/sumdb/{name}/lookup/git.corp.example/secret@v1.0.0"):
        answer = gateway.get(path)
        # Version control is asked, and these hosts do not exist: an outage, never an absence.
        assert answer.status == 403 if "/sumdb/" in path else answer.status in (502, 503, 504), (path, answer)
        assert_says_why(answer)
    assert upstream.count() == 0, upstream.requests()
