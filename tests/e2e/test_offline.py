"""What is stored is served whatever happens outside."""

from harness import assert_says_why, newest, wait_until

MODULE = "gen.example.com/m0"


def changeable(upstream):
    """Paths of answers that change outside, and of what never does."""
    base = newest(upstream.tree, MODULE)
    mutable = [f"/{MODULE}/@v/list", f"/{MODULE}/@latest", f"/{MODULE}/@v/main.info"]
    return mutable, [base + ".info", base + ".mod", base + ".zip"]


def test_stored_answers_survive_the_upstream(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-list-ttl", "0s")
    mutable, fixed = changeable(upstream)
    before = {path: gateway.get(path) for path in mutable + fixed}
    assert all(answer.status == 200 for answer in before.values())
    upstream.stop()
    for _ in range(3):
        for path, old in before.items():
            answer = gateway.get(path)
            assert answer.status == 200 and answer.body == old.body, (path, answer)


def test_stored_answers_survive_a_restart_too(gateway_on, upstream, flags, tmp_path):
    first = gateway_on(upstream.http, *flags)
    mutable, fixed = changeable(upstream)
    before = {path: first.get(path) for path in mutable + fixed}
    first.stop()
    upstream.stop()
    second = gateway_on(upstream.http, *flags, "--cache-list-ttl", "0s", data_dir=tmp_path / "data")
    for path, old in before.items():
        answer = second.get(path)
        assert answer.status == 200 and answer.body == old.body, (path, answer)


def test_outage_kinds_do_not_replace_what_is_known(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-list-ttl", "0s")
    mutable, _ = changeable(upstream)
    before = {path: gateway.get(path).body for path in mutable}
    for kind, fields in [("status", {"code": 500}), ("status", {"code": 403}), ("status", {"code": 429}),
                         ("html", {}), ("reset", {})]:
        upstream.fault("*", kind, **fields)
        for path, old in before.items():
            answer = gateway.get(path)
            assert answer.status == 200 and answer.body == old, (kind, path, answer)
        upstream.no_faults()


def test_versions_that_are_stored_stay_when_the_upstream_forgets(gateway, upstream):
    _, fixed = changeable(upstream)
    before = {path: gateway.get(path).body for path in fixed}
    upstream.fault("*", "status", code=404)
    for path, old in before.items():
        assert gateway.get(path).body == old


def test_a_version_never_changes(gateway_on, upstream, flags, tmp_path):
    """The upstream now has other bytes under the same version: what was served stays."""
    gateway = gateway_on(upstream.http, *flags)
    path = newest(upstream.tree, MODULE) + ".zip"
    old = gateway.get(path).body
    upstream.fault("*.zip", "zip_extra")
    assert gateway.get(path).body == old
    gateway.stop()
    again = gateway_on(upstream.http, *flags, data_dir=tmp_path / "data")
    assert again.get(path).body == old


def test_a_stale_list_is_refreshed_behind_the_answer(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-list-ttl", "0s")
    path = f"/{MODULE}/@v/list"
    gateway.get(path)
    first = upstream.count(path)
    upstream.fault("*" + path, "slow", delay_ms=400)
    gateway.get(path)
    wait_until(lambda: upstream.count(path) > first, "a refresh")


def test_a_fresh_list_is_not_asked_again(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-list-ttl", "1h")
    for path in changeable(upstream)[0]:
        for _ in range(5):
            assert gateway.get(path).status == 200
    # Once for itself and once to make @latest, which the upstream does not have.
    assert upstream.count(f"/{MODULE}/@v/list") <= 2
    assert upstream.count(f"/{MODULE}/@v/main.info") == 1


def test_readyz_says_what_is_wrong_and_hits_go_on(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--fetch-breaker-failures", "1", "--fetch-breaker-pause", "1h")
    path = newest(upstream.tree, MODULE) + ".zip"
    assert gateway.get(path).status == 200
    upstream.stop()
    missing = gateway.get("/gen.example.com/m6/@v/v1.1.0.info")
    assert missing.status in (502, 503)
    assert_says_why(missing)
    assert gateway.get(path).status == 200
    assert upstream.http.split("//")[1] in gateway.get("/readyz").text
