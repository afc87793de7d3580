"""The GOPROXY protocol and HTTP as a client sees them."""

import base64
import hashlib
import io
import json
import zipfile

import pytest

from harness import artefacts, assert_says_why, newest

# One module of each shape that the generator knows.
SHAPES = ["gen.example.com/m0", "gen.example.com/!team!a/!big!mod1", "gen.example.com/major/m2/v2",
          "gopkg.in/gen3.v3", "gen.example.com/m4", "gen.example.com/m5", "gen.example.com/m6", "gen.example.com/m7",
          "gen.example.com/odd-names_and.dots~tilde/m8", "gen.example.com/m9", "gen.example.com/m10"]
TYPES = {".info": "application/json", ".mod": "text/plain", ".zip": "application/zip"}


def h1_of_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = "".join(f"{hashlib.sha256(archive.read(n)).hexdigest()}  {n}\n"
                        for n in sorted(archive.namelist(), key=lambda n: n.encode()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def test_whole_tree_comes_through(gateway, upstream):
    for path in artefacts(upstream.tree):
        answer = gateway.get(path)
        assert answer.status == 200, (path, answer)
        if path.endswith(".info"):
            want, got = json.loads(upstream.file(path)), answer.json()
            assert (got["Version"], got["Time"]) == (want["Version"], want["Time"]), path
        else:
            assert answer.body == upstream.file(path), path


@pytest.mark.parametrize("module", SHAPES)
def test_artefact_headers(gateway, upstream, module):
    base = newest(upstream.tree, module)
    for suffix, kind in TYPES.items():
        for _ in ("miss", "hit"):
            answer = gateway.get(base + suffix)
            assert answer.status == 200
            assert answer["content-type"].startswith(kind)
            assert int(answer["content-length"]) == len(answer.body)
            assert "immutable" in answer["cache-control"] and "max-age=" in answer["cache-control"]
            assert answer["etag"].startswith('"') and answer["last-modified"]
            assert len(answer["x-request-id"]) == 16


def test_list_headers(gateway, upstream):
    answer = gateway.get("/gen.example.com/m0/@v/list")
    assert answer.status == 200
    assert sorted(answer.text.split()) == sorted(upstream.file("/gen.example.com/m0/@v/list").decode().split())
    assert answer["content-type"].startswith("text/plain")
    assert "immutable" not in answer["cache-control"] and "max-age=" in answer["cache-control"]


def test_zip_etag_is_the_h1(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m0") + ".zip"
    answer = gateway.get(path)
    assert h1_of_zip(answer.body) in answer["etag"]
    assert gateway.get(path)["etag"] == answer["etag"]


@pytest.mark.parametrize("suffix", TYPES)
def test_conditional_requests(gateway, upstream, suffix):
    path = newest(upstream.tree, "gen.example.com/m0") + suffix
    first = gateway.get(path)
    etag, date = first["etag"], first["last-modified"]
    old = "Thu, 01 Jan 1970 00:00:01 GMT"
    for headers, status in [({"If-None-Match": etag}, 304), ({"If-None-Match": f'"x", {etag}'}, 304),
                            ({"If-None-Match": "W/" + etag}, 304), ({"If-None-Match": "*"}, 304),
                            ({"If-None-Match": '"other"'}, 200), ({"If-Modified-Since": date}, 304),
                            ({"If-Modified-Since": old}, 200), ({"If-Modified-Since": "nonsense"}, 200),
                            ({"If-None-Match": '"other"', "If-Modified-Since": date}, 200)]:
        answer = gateway.get(path, headers)
        assert answer.status == status, (headers, answer)
        assert answer.body == (first.body if status == 200 else b"")
        assert answer["etag"] == etag


def test_ranges(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    whole = gateway.get(path)
    size = len(whole.body)
    assert whole["accept-ranges"] == "bytes"
    for value, first, end in [("bytes=0-99", 0, 100), ("bytes=100-", 100, size), ("bytes=-50", size - 50, size),
                              ("bytes=0-0", 0, 1), (f"bytes=10-{size * 2}", 10, size),
                              (f"bytes=-{size * 2}", 0, size)]:
        answer = gateway.get(path, {"Range": value})
        assert answer.status == 206, (value, answer)
        assert answer.body == whole.body[first:end]
        assert answer["content-range"] == f"bytes {first}-{end - 1}/{size}"


def test_ranges_that_do_not_count(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    whole = gateway.get(path)
    for value in ("bytes=abc", "lines=0-5", "bytes=5-2", "bytes=", "bytes=0-1,5-6", "bytes=-"):
        answer = gateway.get(path, {"Range": value})
        assert answer.status == 200 and answer.body == whole.body, value
    out = gateway.get(path, {"Range": f"bytes={len(whole.body)}-"})
    assert out.status == 416 and out["content-range"] == f"bytes */{len(whole.body)}"


def test_if_range(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    whole = gateway.get(path)
    same = gateway.get(path, {"Range": "bytes=0-9", "If-Range": whole["etag"]})
    assert same.status == 206 and same.body == whole.body[:10]
    other = gateway.get(path, {"Range": "bytes=0-9", "If-Range": '"other"'})
    assert other.status == 200 and other.body == whole.body


@pytest.mark.parametrize("tail", [".info", ".mod", ".zip", "list"])
def test_head_says_the_same_without_a_body(gateway, upstream, tail):
    base = newest(upstream.tree, "gen.example.com/m6")
    path = base + tail if tail != "list" else base.rsplit("/", 1)[0] + "/list"
    for _ in ("before it is stored", "after"):
        head, got = gateway.head(path), gateway.get(path)
        assert head.status == got.status == 200 and head.body == b""
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head[name] == got[name], name


def test_other_methods(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m0") + ".info"
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = gateway.get(path, {"Content-Length": "0"}, method)
        assert answer.status == 405, (method, answer)
        assert "GET" in answer["allow"]


def test_both_ways_to_write_an_exclamation_mark(gateway, upstream):
    base = newest(upstream.tree, "gen.example.com/!team!a/!big!mod1")
    for suffix in TYPES:
        plain, encoded = gateway.get(base + suffix), gateway.get(base.replace("!", "%21") + suffix)
        assert plain.status == encoded.status == 200
        assert plain.body == encoded.body
    assert upstream.count("*!mod1/@v/*.zip") + upstream.count("*%21mod1/@v/*.zip") == 1


def test_branch_query(gateway, upstream):
    base = newest(upstream.tree, "gen.example.com/m0")
    answer = gateway.get("/gen.example.com/m0/@v/main.info")
    assert answer.status == 200
    assert answer.json()["Version"] == base.rsplit("/", 1)[1]
    assert answer["content-location"] == base + ".info"
    assert "immutable" not in answer["cache-control"]


def test_latest_is_made_from_the_list_when_there_is_none(gateway, upstream):
    assert gateway.get("/gen.example.com/m0/@latest").json()["Version"] == newest(
        upstream.tree, "gen.example.com/m0").rsplit("/", 1)[1]
    # A module of pre-releases and releases: the newest release.
    assert "-RC" not in gateway.get("/gen.example.com/m6/@latest").json()["Version"]


def test_absence_is_404_and_remembered(gateway, upstream):
    for path in ("/gen.example.com/m0/@v/v1.99.9.info", "/gen.example.com/none/@v/list",
                 "/gen.example.com/none/@latest", "/gen.example.com/none/@v/v1.0.0.zip"):
        for _ in range(3):
            answer = gateway.get(path)
            assert answer.status == 404, (path, answer)
            assert_says_why(answer)
    assert upstream.count("/gen.example.com/m0/@v/v1.99.9.info") == 1


def test_disable_module_fetch(gateway, upstream):
    base = newest(upstream.tree, "gen.example.com/m0")
    no_fetch = {"Disable-Module-Fetch": "true"}
    refused = gateway.get(base + ".zip", no_fetch)
    assert refused.status in (404, 503)
    assert_says_why(refused)
    assert upstream.count() == 0
    assert gateway.get(base + ".zip").status == 200
    assert gateway.get(base + ".zip", no_fetch).status == 200
    assert gateway.get(base + ".info", no_fetch).status == 200


def test_sumdb_relay(gateway, upstream):
    name = upstream.sumdb.split("+")[0]
    root = f"/sumdb/{name}"
    assert gateway.get(root + "/supported").status == 200
    base = newest(upstream.tree, "gen.example.com/!team!a/!big!mod1")
    path, version = base[1:].split("/@v/")
    lookup = gateway.get(f"{root}/lookup/{path}@{version}")
    assert lookup.status == 200 and f"gen.example.com/TeamA/BigMod1 {version} h1:" in lookup.text
    assert gateway.get(f"{root}/lookup/{path.replace('!', '%21')}@{version}").body == lookup.body
    tile = gateway.get(f"{root}/tile/8/0/000.p/1")
    assert tile.status == 200 and len(tile.body) == 32
    assert gateway.get(root + "/latest").text.startswith("go.sum database tree\n")
    upstream.stop()
    assert gateway.get(f"{root}/lookup/{path}@{version}").body == lookup.body
    assert gateway.get(f"{root}/tile/8/0/000.p/1").body == tile.body


def test_sumdb_that_is_not_relayed(gateway):
    for path in ("/sumdb/other.example.com/supported", "/sumdb/other.example.com/latest"):
        answer = gateway.get(path)
        assert answer.status in (404, 410), answer  # so that go asks the database itself
        assert_says_why(answer)


def test_sumdb_unknown_module_is_404(gateway, upstream):
    name = upstream.sumdb.split("+")[0]
    assert gateway.get(f"/sumdb/{name}/lookup/gen.example.com/none@v1.0.0").status == 404


def test_store_is_a_goproxy_tree(gateway, upstream, go):
    """The folder works as GOPROXY=file://… without the gateway."""
    command = go(gateway.url)
    command.run("mod", "download", "all", cwd=command.main)
    gateway.stop()
    upstream.stop()
    offline = go(f"file://{gateway.data_dir}/cache/download")
    offline.run("mod", "download", "gen.example.com/m0@" + newest(
        upstream.tree, "gen.example.com/m0").rsplit("/", 1)[1], cwd=offline.main)
