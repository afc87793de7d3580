"""The checksum database behind the gateway: verified, and served whatever becomes of it."""

import glob
import itertools
import os
import shutil

import pytest
from harness import Upstream, assert_says_why, newest, together

MADE_UP = "record.example.com"


def name_of(upstream):
    return upstream.sumdb.split("+")[0]


def root_of(upstream):
    return f"/sumdb/{name_of(upstream)}"


def look_up(gateway, upstream, module, version="v1.0.0"):
    return gateway.get(f"{root_of(upstream)}/lookup/{module}@{version}")


def size_of(note):
    """The size of the tree whose head ends a lookup, or is a head."""
    return int(note.text.split("go.sum database tree\n")[1].split("\n")[0])


def versions(upstream, count):
    """The newest versions of some modules of the tree: (escaped path, version)."""
    modules = ("gen.example.com/m0", "gen.example.com/!team!a/!big!mod1", "gopkg.in/gen3.v3", "gen.example.com/m4",
               "gen.example.com/m5", "gen.example.com/m6")
    return [tuple(newest(upstream.tree, module)[1:].split("/@v/")) for module in modules[:count]]


def unescape(path):
    parts = path.split("!")
    return parts[0] + "".join(p[0].upper() + p[1:] for p in parts[1:])


def empty_client_knows(go, gateway, upstream, known):
    """The go command with nothing in its caches checks each against the database, and agrees."""
    command = go(gateway.url, upstream.sumdb)
    for path, version in known:
        command.run("mod", "download", f"{unescape(path)}@{version}", cwd=command.main)


# ---- the outage ----

def test_growth_between_lookups_then_cut(gateway_on, upstream, flags, go):
    """Each lookup is at another size of the tree; after the cut a fresh client asks in any order."""
    gateway = gateway_on(upstream.http, *flags, "--cache-head-ttl", "0s")
    known = versions(upstream, 4)
    for size, (path, version) in enumerate(known, 1):
        for suffix in (".info", ".mod", ".zip"):
            assert gateway.get(f"/{path}/@v/{version}{suffix}").status == 200
        answer = look_up(gateway, upstream, path, version)
        assert answer.status == 200 and size_of(answer) == size
    upstream.stop()
    for order in itertools.islice(itertools.permutations(known), 0, 24, 5):
        empty_client_knows(go, gateway, upstream, order)
    assert {size_of(look_up(gateway, upstream, *k)) for k in known} == {4}, "the newest head, for all"


def test_a_thousand_records_then_cut(gateway_on, upstream, flags, sumclient):
    """Two levels of tiles, in three orders, with x/mod's client, over a restart and a kill."""
    gateway = gateway_on(upstream.http, *flags)
    names = [f"{MADE_UP}/m{i}" for i in range(1000)]
    assert all(answer.status == 200 for answer in together(8, lambda t: [
        look_up(gateway, upstream, n) for n in names[t:300:8]][-1]))
    gateway.kill()
    gateway = gateway_on(upstream.http, *flags)
    together(8, lambda t: [look_up(gateway, upstream, n) for n in names[t:700:8]])
    gateway.stop()
    gateway = gateway_on(upstream.http, *flags)
    together(8, lambda t: [look_up(gateway, upstream, n) for n in names[t::8]])
    upstream.stop()
    for order in (names, names[::-1], names[::37]):
        sumclient("lookup", gateway.url + root_of(upstream), upstream.sumdb,
                  text="".join(f"{n} v1.0.0\n" for n in order))
    assert gateway.metric("modgate_sumdb_forks_total") == 0


def test_old_heads_stay_good(gateway_on, upstream, flags, sumclient):
    """What an older answer needs is still there: tiles of any width up to the newest."""
    gateway = gateway_on(upstream.http, *flags)
    for i in range(30):
        assert look_up(gateway, upstream, f"{MADE_UP}/m{i}").status == 200
    upstream.stop()
    whole = gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/30").body
    for width in range(1, 31):
        assert gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/{width}").body == whole[:32 * width]
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/31").status in (502, 503, 504)


OUTAGES = {
    "503": ("status", {"code": 503}),
    "hang": ("hang", {}),
    "garbage": ("garbage", {}),
    "page": ("html", {}),
    "reset": ("reset", {}),
    "empty": ("empty", {}),
}


def is_of_database(kind_and_fields, upstream):
    kind, fields = kind_and_fields
    for match in ("/lookup/*", "/tile/*", "/latest"):
        upstream.fault(match, kind, **fields)


@pytest.mark.parametrize("outage", OUTAGES)
def test_outage(gateway_on, upstream, flags, go, outage):
    """What is known builds with an empty cache and GOSUMDB on; what is new gets a clear 503."""
    gateway = gateway_on(upstream.http, *flags)
    known = versions(upstream, 3)
    empty_client_knows(go, gateway, upstream, known)
    is_of_database(OUTAGES[outage], upstream)
    empty_client_knows(go, gateway, upstream, known)
    base = "/" + "/@v/".join(versions(upstream, 4)[3])
    for suffix in (".mod", ".zip"):
        answer = gateway.get(base + suffix)
        assert answer.status == 503, answer
        assert name_of(upstream) in answer.text and "sumdb_unreachable" in answer.text, answer
        assert_says_why(answer)
    assert gateway.get(base + ".info").status == 200
    upstream.no_faults()
    assert gateway.get(base + ".zip").status == 200


def test_head_is_fresh_for_a_while_then_stale(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--cache-head-ttl", "0s", "--cache-stale-while", "0s")
    assert look_up(gateway, upstream, f"{MADE_UP}/a").status == 200
    look_up(upstream_as_gateway(upstream), upstream, f"{MADE_UP}/b")
    assert size_of(gateway.get(root_of(upstream) + "/latest")) == 2
    is_of_database(("status", {"code": 503}), upstream)
    assert size_of(gateway.get(root_of(upstream) + "/latest")) == 2


def upstream_as_gateway(upstream):
    """To ask the database itself, as other gateways do."""
    class Direct:  # pylint: disable=too-few-public-methods
        @staticmethod
        def get(path):
            import harness
            return harness.ask(upstream.http, path)
    return Direct


# ---- what is believed ----

def test_cve_2026_42501_a_lookup_without_the_wanted_line(gateway, upstream):
    good = look_up(gateway, upstream, f"{MADE_UP}/other")
    upstream.fault("/lookup/*wanted*", "status", code=200, body=good.text)
    assert look_up(gateway, upstream, f"{MADE_UP}/wanted").status == 502
    assert not glob.glob(f"{gateway.data_dir}/sumdb/**/*wanted*", recursive=True)


def test_cve_2026_56864_lines_outside_the_record(gateway, upstream):
    good = look_up(gateway, upstream, f"{MADE_UP}/other").text
    number, rest = good.split("\n", 1)
    record, note = rest.split("\n\n", 1)
    evil = record.replace("/other", "/wanted")
    for body in (f"{number}\n{record}\n\n{evil}\n\n{note}", f"{number}\n{evil}\n\n{record}\n\n{note}",
                 f"{number}\n{record}\n{evil}\n\n{note}", f"{evil}\n{number}\n{record}\n\n{note}"):
        upstream.no_faults()
        upstream.fault("/lookup/*wanted*", "status", code=200, body=body)
        assert look_up(gateway, upstream, f"{MADE_UP}/wanted").status in (403, 502)
    assert not glob.glob(f"{gateway.data_dir}/sumdb/**/*wanted*", recursive=True)


@pytest.mark.parametrize("tile", ["/tile/8/0/000", "/tile/8/0/001.p/*", "/tile/8/1/000.p/*"])
def test_cve_2026_56865_tiles_are_checked_against_their_parent(gateway_on, upstream, flags, tile):
    direct = upstream_as_gateway(upstream)
    for i in range(300):
        look_up(direct, upstream, f"{MADE_UP}/m{i}")
    gateway = gateway_on(upstream.http, *flags)
    for byte in (0, 31):
        upstream.fault(tile, "flip", after=byte)
        answer = look_up(gateway, upstream, f"{MADE_UP}/m7")
        assert answer.status == 403, answer
        assert not glob.glob(f"{gateway.data_dir}/sumdb/*/*/tile/**/0*", recursive=True)
        upstream.no_faults()
    assert look_up(gateway, upstream, f"{MADE_UP}/m7").status == 200
    width = 300 - 256
    for path, size in (("0/000", 256), (f"0/001.p/{width}", width), ("1/000.p/1", 1)):
        assert len(gateway.get(f"{root_of(upstream)}/tile/8/{path}").body) == 32 * size


def test_a_client_never_gets_an_unproven_tile(gateway_on, upstream, flags):
    direct = upstream_as_gateway(upstream)
    for i in range(600):
        look_up(direct, upstream, f"{MADE_UP}/m{i}")
    gateway = gateway_on(upstream.http, *flags)
    assert look_up(gateway, upstream, f"{MADE_UP}/m599").status == 200
    upstream.fault("/tile/8/0/000*", "flip", after=100)
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000").status == 403
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/5").status == 403
    upstream.no_faults()
    data = f"{root_of(upstream)}/tile/8/data/001"
    upstream.fault("/tile/8/data/*", "flip", after=100)
    assert gateway.get(data).status == 403
    upstream.no_faults()
    whole = gateway.get(data)
    assert whole.status == 200 and whole.text.count("\n\n") == 256
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000").status == 200
    upstream.stop()
    part = gateway.get(data + ".p/3")
    assert whole.text.startswith(part.text) and part.text.count("\n\n") == 3


def test_tiles_of_a_head_seen_elsewhere(gateway_on, upstream, flags, sumclient):
    """A client may know a newer head than the gateway: its tiles are had, and proven."""
    gateway = gateway_on(upstream.http, *flags)
    assert look_up(gateway, upstream, f"{MADE_UP}/a").status == 200
    direct = upstream_as_gateway(upstream)
    for i in range(20):
        look_up(direct, upstream, f"{MADE_UP}/m{i}")
    assert len(gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/21").body) == 32 * 21
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/22").status == 404


def test_a_wrong_signature_is_not_believed(gateway_on, upstream, upstream_binary, flags, tmp_path):
    other = Upstream(upstream_binary, upstream.tree, tmp_path / "ca.pem", "-seed", "2")
    try:
        gateway = gateway_on(upstream.http, *flags, "--sumdb", f"{upstream.sumdb} {other.http}")
        assert look_up(gateway, upstream, f"{MADE_UP}/a").status == 502
        base = newest(upstream.tree, "gen.example.com/m0")
        assert gateway.get(base + ".mod").status == 503  # as good as unreachable
    finally:
        other.stop()


def test_what_the_earlier_relay_stored_is_not_believed(gateway_on, upstream, flags, tmp_path):
    folder = tmp_path / "data" / "sumdb" / name_of(upstream)
    for name, body in ((f"lookup/{MADE_UP}/a@v1.0.0", b"evil"), ("tile/8/0/000.p/1", b"e" * 32), ("latest", b"evil")):
        os.makedirs(os.path.dirname(folder / name), exist_ok=True)
        (folder / name).write_bytes(body)
    gateway = gateway_on(upstream.http, *flags)
    assert "evil" not in look_up(gateway, upstream, f"{MADE_UP}/a").text
    assert gateway.get(f"{root_of(upstream)}/tile/8/0/000.p/1").body != b"e" * 32


def test_damaged_tiles_are_healed(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags)
    for i in range(5):
        assert look_up(gateway, upstream, f"{MADE_UP}/m{i}").status == 200
    tile, = glob.glob(f"{gateway.data_dir}/sumdb/*/*/tile/8/0/000")
    os.chmod(tile, 0o644)
    with open(tile, "r+b") as file:
        file.write(b"damage")
    assert look_up(gateway, upstream, f"{MADE_UP}/m5").status == 200
    with open(tile, "rb") as file:
        assert file.read(6) != b"damage"
    assert gateway.metric("modgate_sumdb_forks_total") == 0


# ---- forks ----

def reborn(upstream):
    """The database loses its records: what is looked up first is number 0 again, under the same key."""
    upstream.stop()
    upstream.start()


def check_forked(gateway, upstream, sumclient, known):
    upstream.stop()
    for module in known:
        answer = look_up(gateway, upstream, module)
        assert answer.status == 200 and size_of(answer) == len(known)
    assert gateway.metric("modgate_sumdb_forks_total") >= 1
    assert any(e["level"] == "error" and "SECURITY" in e["msg"] for e in gateway.log_entries())
    ready = gateway.get("/readyz")
    assert ready.status == 200 and "contradicts itself" in ready.text and "evidence-" in ready.text, ready.text
    files = glob.glob(f"{gateway.data_dir}/sumdb/{name_of(upstream)}/evidence-*.txt")
    assert files
    for file in files:
        sumclient("evidence", upstream.sumdb, file)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_fork(gateway_on, upstream, flags, sumclient, size):
    """Three records were seen; then the database has another past, and is smaller, as large, or larger."""
    gateway = gateway_on(upstream.http, *flags, "--cache-head-ttl", "0s")
    known = [f"{MADE_UP}/m{i}" for i in range(3)]
    for module in known:
        assert look_up(gateway, upstream, module).status == 200
    reborn(upstream)
    direct = upstream_as_gateway(upstream)
    for i in range(size - 1):
        look_up(direct, upstream, f"{MADE_UP}/other{i}")
    answer = look_up(gateway, upstream, f"{MADE_UP}/new")
    assert answer.status == 403 and "contradict" in answer.text, answer
    assert_says_why(answer)
    latest = gateway.get(root_of(upstream) + "/latest")
    assert latest.status == 200 and size_of(latest) == 3
    check_forked(gateway, upstream, sumclient, known)
    gateway.stop()
    gateway = gateway_on("off", *flags)
    assert "contradicts itself" in gateway.get("/readyz").text, "a restart does not forget it"


def test_shrunk_head(gateway_on, upstream, flags):
    """An older head of the same past proves nothing; the gateway keeps its own, and says so."""
    gateway = gateway_on(upstream.http, *flags, "--cache-head-ttl", "0s", "--cache-stale-while", "0s")
    for i in range(3):
        assert look_up(gateway, upstream, f"{MADE_UP}/m{i}").status == 200
    reborn(upstream)
    direct = upstream_as_gateway(upstream)
    for i in range(2):
        look_up(direct, upstream, f"{MADE_UP}/m{i}")
    latest = gateway.get(root_of(upstream) + "/latest")
    assert latest.status == 200 and size_of(latest) == 3
    assert "gives a head of 2 records; 3 were seen" in gateway.get("/readyz").text
    assert gateway.metric("modgate_sumdb_forks_total") == 0
    for i in range(2, 4):
        look_up(direct, upstream, f"{MADE_UP}/m{i}")
    assert size_of(gateway.get(root_of(upstream) + "/latest")) == 4
    assert "were seen" not in gateway.get("/readyz").text


# ---- who is told what ----

SPELLINGS = ("gen.example.com/!team!a/!big!mod1", "gen.example.com/%21team!a/%21big%21mod1",
             "gen.example.com/%21team%21a/%21big%21mod1", "gen.example.com/!team!a/!big!mod1/v2",
             "gen.example.com/!team!a/x", "git.corp.example/secret", "git.corp.example/%73ecret", "%67it.corp.example/x",
             "git.corp.example/!secret/a.b", "git.corp.example%2Fsecret")


def test_private_paths_are_never_looked_up(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--private", "gen.example.com/TeamA,*.corp.example")
    for path in SPELLINGS:
        for version in ("v1.0.0", "v2.0.0", "v1.0.0-0.20240102030405-0123456789ab", "v2.0.0+incompatible",
                        "%76%31.0.0", "v1.0.0-%21r%21c", "v1.0.0-!r!c"):
            answer = gateway.get(f"{root_of(upstream)}/lookup/{path}@{version}")
            assert answer.status == 403, (path, version, answer)
            assert_says_why(answer)
    # What is no lookup at all is not passed on either.
    for rest in ("git.corp.example/secret@master", "GIT.corp.example/secret@v1.0.0", "git.corp.example/Secret@v1.0.0",
                 "git.corp.example/secret", "git.corp.example/secret@v1.0.0@v1.0.0", "git.corp.example/secret@v1.0.0/go.mod",
                 "//git.corp.example/secret@v1.0.0", "git.corp.example//secret@v1.0.0", "./git.corp.example/secret@v1.0.0"):
        answer = gateway.get(f"{root_of(upstream)}/lookup/{rest}")
        assert 400 <= answer.status < 500, (rest, answer)
    assert upstream.count() == 0, upstream.requests()


def test_private_prefix_of_a_public_name_is_public(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--private", "record.example.com/a")
    assert look_up(gateway, upstream, f"{MADE_UP}/ab").status == 200
    assert look_up(gateway, upstream, f"{MADE_UP}/a/b").status == 403


def test_headers_of_clients_go_nowhere(gateway, upstream):
    headers = {"Authorization": "Basic c2VjcmV0", "Cookie": "secret=1", "X-Request-Id": "mine"}
    for path in (f"/lookup/{MADE_UP}/a@v1.0.0", "/tile/8/0/000.p/1", "/tile/8/data/000.p/1", "/latest"):
        assert gateway.get(root_of(upstream) + path, headers).status == 200
    base = newest(upstream.tree, "gen.example.com/m0")
    assert gateway.get(base + ".zip", headers).status == 200
    for request in upstream.requests():
        assert not request.get("authorization") and not request.get("cookie"), request


def test_through_a_mirror_that_relays_it(gateway_on, upstream, flags):
    """Without an URL of its own the database is asked through the mirror, as go does."""
    gateway = gateway_on(upstream.http, *flags, "--sumdb", upstream.sumdb)
    assert look_up(gateway, upstream, f"{MADE_UP}/a").status == 200
    assert upstream.count(f"/sumdb/{name_of(upstream)}/supported") == 1
    assert upstream.count("/lookup/*") == 0


# ---- costs ----

def test_journeys(gateway_on, upstream, flags):
    """With warm tiles a new lookup costs the lookup and one round of tiles."""
    gateway = gateway_on(upstream.http, *flags)
    for i in range(300):
        look_up(upstream_as_gateway(upstream), upstream, f"{MADE_UP}/m{i}")
    assert look_up(gateway, upstream, f"{MADE_UP}/m0").status == 200
    upstream.reset()
    assert look_up(gateway, upstream, f"{MADE_UP}/m1").status == 200
    assert upstream.count() == 1, "the tree has not grown"
    upstream.reset()
    assert look_up(gateway, upstream, f"{MADE_UP}/new").status == 200
    assert upstream.count("/lookup/*") == 1 and upstream.count("/tile/*") == 1, upstream.requests()


def test_lookups_side_by_side_share_rounds(gateway_on, upstream, flags):
    """A slow database: many lookups at once cost a few rounds of tiles, not one each."""
    gateway = gateway_on(upstream.http, *flags)
    assert look_up(gateway, upstream, f"{MADE_UP}/first").status == 200
    upstream.fault("/*", "slow", delay_ms=200)
    upstream.reset()
    upstream.fault("/*", "slow", delay_ms=200)
    answers = together(40, lambda i: look_up(gateway, upstream, f"{MADE_UP}/m{i}"))
    assert all(a.status == 200 for a in answers), answers
    assert upstream.count("/lookup/*") == 40
    assert upstream.count("/tile/*") <= 20, upstream.count("/tile/*")


def test_two_processes_share_a_store(gateway_on, upstream, flags, tmp_path, sumclient):
    """The heads of both only move forward, and either can serve what the other has looked up."""
    one = gateway_on(upstream.http, *flags, data_dir=tmp_path / "data")
    two = gateway_on(upstream.http, *flags, data_dir=tmp_path / "data")
    names = [f"{MADE_UP}/m{i}" for i in range(60)]
    together(2, lambda t: [look_up((one, two)[t], upstream, n) for n in names[t::2]])
    look_up(one, upstream, f"{MADE_UP}/last")
    look_up(two, upstream, f"{MADE_UP}/last-too")
    upstream.stop()
    for gateway in (one, two):
        gateway.stop()
    three = gateway_on("off", *flags, data_dir=tmp_path / "data")
    sumclient("lookup", three.url + root_of(upstream), upstream.sumdb, text="".join(f"{n} v1.0.0\n" for n in names))


def test_a_database_without_a_known_key_is_refused(tmp_path):
    import harness
    done = harness.modgate("serve", "--data-dir", str(tmp_path / "d"), "--listen", "127.0.0.1:0", "--sumdb",
                           "sum.unknown.example")
    assert done.returncode != 0 and "sum.unknown.example" in done.stderr and "name+hash+key" in done.stderr


def test_a_full_copy_of_the_store_serves_alone(gateway_on, upstream, flags, tmp_path, sumclient):
    gateway = gateway_on(upstream.http, *flags)
    names = [f"{MADE_UP}/m{i}" for i in range(10)]
    for n in names:
        assert look_up(gateway, upstream, n).status == 200
    gateway.stop()
    shutil.copytree(gateway.data_dir, tmp_path / "copy")
    upstream.stop()
    copy = gateway_on("off", *flags, data_dir=tmp_path / "copy")
    sumclient("lookup", copy.url + root_of(upstream), upstream.sumdb, text="".join(f"{n} v1.0.0\n" for n in names))
