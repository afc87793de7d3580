"""modgate verify: it passes what is right, names what is not, and removes it when asked to."""

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import zipfile
import zlib

import pytest
from harness import PROGRAM


def h1(files):
    lines = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def escape(text):
    return re.sub("[A-Z]", lambda m: "!" + m.group().lower(), text)


class Tree:
    """A module cache or store, made file by file."""

    def __init__(self, root):
        self.root = str(root)
        self.sums = []

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def put(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def stem(self, path, version):
        return f"cache/download/{escape(path)}/@v/{escape(version)}"

    def folder(self, path, version):
        return f"{escape(path)}@{escape(version)}"

    def add(self, path, version, files, extracted=True):
        prefix = f"{path}@{version}/"
        stem = self.stem(path, version)
        mod = files.get("go.mod", f"module {path}\n".encode())
        os.makedirs(os.path.dirname(self.path(stem)), exist_ok=True)
        with zipfile.ZipFile(self.path(stem + ".zip"), "w", zipfile.ZIP_DEFLATED) as z:
            for name, data in files.items():
                z.writestr(prefix + name, data)
        total = h1({prefix + name: data for name, data in files.items()})
        self.put(stem + ".ziphash", total.encode())
        self.put(stem + ".mod", mod)
        self.put(stem + ".info", json.dumps({"Version": version, "Time": "2024-01-02T03:04:05Z"}).encode())
        self.put(f"cache/download/{escape(path)}/@v/list", f"v0.0.9\n{version}\n".encode())
        if extracted:
            for name, data in files.items():
                self.put(f"{self.folder(path, version)}/{name}", data)
            for folder, _, _ in os.walk(self.path(self.folder(path, version))):
                os.chmod(folder, 0o555)
        self.sums += [f"{path} {version} {total}", f"{path} {version}/go.mod {h1({'go.mod': mod})}"]

    def go_sum(self, name="go.sum"):
        return self.put(name, ("\n".join(self.sums) + "\n").encode())


GOOD = "example.com/Upper/good"
OTHER = "example.com/other"
FILES = {"go.mod": b"module example.com/Upper/good\n\ngo 1.21\n", "a.go": b"package good\n", "sub/b.go": b"package sub\n" * 9000}


@pytest.fixture
def cache(tmp_path):
    tree = Tree(tmp_path / "mod")
    tree.add(GOOD, "v1.2.3", FILES)
    tree.add(OTHER, "v2.0.0+incompatible", {"x.go": b"package other\n", "empty": b""})
    yield tree
    for folder, _, _ in os.walk(tree.root):
        os.chmod(folder, 0o755)


@pytest.fixture
def store(tmp_path):
    tree = Tree(tmp_path / "store")
    tree.add(GOOD, "v1.2.3", FILES, extracted=False)
    tree.put("stage/.keep", b"")
    return tree


def verify(*args, **env):
    done = subprocess.run([PROGRAM, "verify", *args], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **env})
    assert done.returncode in (0, 1, 2), done.stderr
    return done


def report(*args, **env):
    done = verify("--json", *args, **env)
    doc = json.loads(done.stdout)
    assert doc["ok"] == (done.returncode == 0)
    return doc


def reasons(doc):
    return [f"{os.path.basename(p['file'])}: {p['reason']}" for p in doc["problems"]]


def test_good_cache(cache):
    done = verify(cache.root)
    assert done.returncode == 0
    assert "2 versions" in done.stdout and "all verified" in done.stdout
    doc = report(cache.root, "--jobs", "3")
    assert doc["versions"] == 2 and doc["notes"] == [] and doc["problems"] == []
    assert doc["files"] >= 2 * (3 + 2) and doc["bytes"] > 2 * 9000 * 12


def test_changed_folder(cache):
    folder = cache.path(cache.folder(GOOD, "v1.2.3"))
    os.chmod(folder, 0o755)
    os.chmod(folder + "/sub", 0o755)
    cache.put(cache.folder(GOOD, "v1.2.3") + "/sub/b.go", b"package sub\n" * 8999 + b"package Sub\n")
    cache.put(cache.folder(GOOD, "v1.2.3") + "/sub/new", b"")
    os.remove(folder + "/a.go")
    doc = report(cache.root)
    assert reasons(doc) == ["good@v1.2.3: differs from the zip: missing a.go, changed sub/b.go, added sub/new"]
    assert doc["problems"][0]["module"] == GOOD and doc["problems"][0]["version"] == "v1.2.3"


@pytest.mark.parametrize("content", [b"package good\n\n", b"package goo", b""])
def test_longer_and_shorter_file(cache, content):
    os.chmod(cache.path(cache.folder(GOOD, "v1.2.3")), 0o755)
    cache.put(cache.folder(GOOD, "v1.2.3") + "/a.go", content)
    assert reasons(report(cache.root)) == ["good@v1.2.3: differs from the zip: changed a.go"]


def test_empty_file_that_grew(cache):
    os.chmod(cache.path(cache.folder(OTHER, "v2.0.0+incompatible")), 0o755)
    cache.put(cache.folder(OTHER, "v2.0.0+incompatible") + "/empty", b"x")
    assert reasons(report(cache.root)) == ["other@v2.0.0+incompatible: differs from the zip: changed empty"]


def test_many_differences_are_counted(cache):
    folder = cache.folder(GOOD, "v1.2.3")
    os.chmod(cache.path(folder), 0o755)
    for i in range(9):
        cache.put(f"{folder}/new{i}", b"")
    assert reasons(report(cache.root))[0].endswith("added new4 and 4 more")


def test_zip_and_ziphash_disagree(cache):
    cache.put(cache.stem(GOOD, "v1.2.3") + ".ziphash", h1({"x": b""}).encode() + b"\n")
    found = reasons(report(cache.root))
    assert len(found) == 2 and all("its h1 is h1:" in r and ".ziphash says h1:" in r for r in found)
    assert {r.split(":")[0] for r in found} == {"v1.2.3.zip", "good@v1.2.3"}


def test_zip_is_damaged_and_the_folder_is_not(cache):
    path = cache.path(cache.stem(GOOD, "v1.2.3") + ".zip")
    with open(path, "r+b") as f:
        f.seek(80)
        f.write(b"\xff\xff\xff\xff")
    found = reasons(report(cache.root))
    assert len(found) == 1 and found[0].startswith("v1.2.3.zip: ")


def test_zip_is_gone_and_the_folder_is_checked(cache):
    os.remove(cache.path(cache.stem(GOOD, "v1.2.3") + ".zip"))
    assert report(cache.root)["ok"]
    os.chmod(cache.path(cache.folder(GOOD, "v1.2.3")), 0o755)
    cache.put(cache.folder(GOOD, "v1.2.3") + "/a.go", b"")
    found = reasons(report(cache.root))
    assert len(found) == 1 and found[0].startswith("good@v1.2.3: its h1 is")


@pytest.mark.parametrize("suffix, content, reason", [
    (".mod", b"module example.com/x\n", "differs from the go.mod in the zip"),
    (".info", b"{", "is no JSON"),
    (".info", b'{"Version": 7}', "names no version"),
    (".info", b'{"Version": "v1.2.4"}', "names the version v1.2.4"),
    (".ziphash", b"h1:x", "is no h1"),
    (".zip", b"", "not a zip file"),
    (".zip", None, "missing"),
    (".info", None, "missing"),
    (".mod", None, "missing"),
    (".ziphash", None, "missing"),
])
def test_members_of_a_store(store, suffix, content, reason):
    path = store.path(store.stem(GOOD, "v1.2.3") + suffix)
    if content is None:
        os.remove(path)
    else:
        store.put(store.stem(GOOD, "v1.2.3") + suffix, content)
    found = reasons(report(store.root))
    assert len(found) == 1 and found[0].startswith(f"v1.2.3{suffix}: ") and reason in found[0]


def intent_of_a_version(path, version):
    """A record of a journal (src/store/intent.c) with no more than the names."""
    text = f"modgate-intent 4\nwhole\n{path}\n{version}\n0 0 0 0 0 0 0 0 0 0 %d\n"
    return (text % zlib.crc32((text % 0).encode())).encode()


def test_publication_that_broke_off_is_no_damage(store):
    os.remove(store.path(store.stem(GOOD, "v1.2.3") + ".info"))
    store.put("stage/123-abc/journal-0", intent_of_a_version(GOOD, "v1.2.3"))
    doc = report("--purge", store.root)
    assert doc["ok"] and doc["versions"] == 1
    assert [n["reason"] for n in doc["notes"]] == ["not there yet: its publication is not finished"]
    os.remove(store.path("stage/123-abc/journal-0"))
    assert reasons(report(store.root)) == ["v1.2.3.info: missing"]


def test_progress_on_a_terminal(cache):
    main, terminal = os.openpty()
    with subprocess.Popen([PROGRAM, "verify", cache.root], stdout=subprocess.DEVNULL, stderr=terminal) as running:
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(main, 4096):
                shown += piece
        except OSError:  # the terminal has no other end any more
            pass
        assert running.wait() == 0
    os.close(main)
    assert b"2 of 2 versions" in shown and b"100%" in shown


def test_module_without_go_mod_has_a_made_one(cache):
    cache.put(cache.stem(OTHER, "v2.0.0+incompatible") + ".mod", b"module example.com/other\n\ngo 1.21\n")
    assert reasons(report(cache.root)) == [
        "v2.0.0+incompatible.mod: the zip has no go.mod, so it should be one line"]


def test_partial_versions_of_a_store(store):
    store.put("partial/example.com/p/@v/v1.0.0.mod", b"module example.com/p\n")
    store.put("partial/example.com/p/@v/v1.0.0.info", b'{"Version":"v1.0.1"}')
    doc = report(store.root)
    assert doc["versions"] == 2
    assert reasons(doc) == ["v1.0.0.info: names the version v1.0.1"]


def test_leftovers_are_notes(cache):
    cache.put("cache/download/example.com/other/@v/v1.0.0.zip123.tmp", b"")
    cache.put("cache/download/stray", b"")
    cache.put(cache.stem(OTHER, "v2.0.0+incompatible") + ".partial", b"")
    cache.put("cache/download/sumdb/sum.example.com/tile/8/0/000", b"")
    cache.put("cache/download/example.com/other/@latest", b"{}")
    os.symlink("/", cache.path("cache/download/link"))
    doc = report(cache.root)
    assert doc["ok"]
    assert sorted(os.path.basename(n["file"]) for n in doc["notes"]) == [
        "link", "stray", "v1.0.0.zip123.tmp", "v2.0.0+incompatible.partial"]
    assert "note: " in verify(cache.root).stdout


def test_folder_without_ziphash(cache):
    cache.put("example.com/orphan@v1.0.0/a.go", b"")
    assert reasons(report(cache.root)) == ["v1.0.0.ziphash: missing"]


def test_purge_removes_versions_whole(cache):
    cache.put(cache.stem(GOOD, "v1.2.3") + ".info", b"{}")
    done = verify("--purge", cache.root)
    assert done.returncode == 1 and f"removed {GOOD}@v1.2.3" in done.stderr
    assert os.listdir(os.path.dirname(cache.path(cache.stem(GOOD, "v1.2.3")))) == ["list"]
    with open(os.path.dirname(cache.path(cache.stem(GOOD, "v1.2.3"))) + "/list") as f:
        assert f.read() == "v0.0.9\n"
    assert not os.path.exists(cache.path(cache.folder(GOOD, "v1.2.3")))
    doc = report("--purge", cache.root)
    assert doc["ok"] and doc["versions"] == 1


def test_purge_is_in_the_json(store):
    store.put(store.stem(GOOD, "v1.2.3") + ".info", b"{}")
    assert [p["purged"] for p in report(store.root)["problems"]] == [False]
    assert [p["purged"] for p in report("--purge", store.root)["problems"]] == [True]
    assert report(store.root)["versions"] == 0


def test_go_sum_against_the_module_cache(cache, tmp_path):
    cache.sums.append("example.com/absent v1.0.0 " + h1({}))
    path = cache.go_sum("../go.sum")
    doc = report(path, GOMODCACHE=cache.root)
    assert doc["ok"] and doc["versions"] == 2
    assert "1 of its 3 versions are not in" in doc["notes"][0]["reason"]
    cache.sums[0] = f"{GOOD} v1.2.3 {h1({'x': b''})}"
    cache.sums[3] = f"{OTHER} v2.0.0+incompatible/go.mod {h1({'x': b''})}"
    found = reasons(report(cache.go_sum("../go.sum"), GOMODCACHE=cache.root))
    assert len(found) == 2 and all("go.sum says h1:" in r for r in found)
    assert [r.split(":")[0] for r in found] == ["v1.2.3.zip", "v2.0.0+incompatible.mod"]


def test_module_cache_of_gopath_and_home(cache, tmp_path):
    os.makedirs(tmp_path / "go/pkg")
    os.symlink(cache.root, tmp_path / "go/pkg/mod")
    path = cache.go_sum("../go.sum")
    assert report(path, GOMODCACHE="", GOPATH=f"{tmp_path}/go:/x")["versions"] == 2
    assert report(path, GOMODCACHE="", GOPATH="", HOME=str(tmp_path))["versions"] == 2


def test_go_sum_against_a_store(store):
    path = store.go_sum("go.sum")
    assert report(path, "--store", store.root)["versions"] == 1


def test_go_sum_that_disagrees_with_itself(cache):
    cache.sums.append(f"{GOOD} v1.2.3 {h1({'x': b''})}")
    found = reasons(report(cache.go_sum("../go.sum"), GOMODCACHE=cache.root))
    assert any("lines 1 and 5 disagree about its zip" in r for r in found)


def test_go_sum_option(cache):
    cache.sums[0] = f"{GOOD} v1.2.3 {h1({'x': b''})}"
    found = reasons(report("--go-sum", cache.go_sum("../x.sum"), cache.root))
    assert len(found) == 1 and found[0].startswith("v1.2.3.zip: its h1 is")


class Vendor:
    def __init__(self, cache, tmp_path):
        self.project = Tree(tmp_path / "project")
        self.cache = cache
        self.project.sums = cache.sums
        self.project.go_sum()
        self.go_mod(f"require {GOOD} v1.2.3\n")
        self.modules(f"# {GOOD} v1.2.3\n## explicit; go 1.21\n{GOOD}\n{GOOD}/sub\n")
        self.put(f"{GOOD}/a.go", FILES["a.go"])
        self.put(f"{GOOD}/sub/b.go", FILES["sub/b.go"])

    def go_mod(self, text):
        self.project.put("go.mod", f"module example.com/project\n\ngo 1.24\n\n{text}".encode())

    def modules(self, text):
        self.put("modules.txt", text.encode())

    def put(self, name, data):
        self.project.put(f"vendor/{name}", data)

    def report(self):
        return report(self.project.path("vendor"), GOMODCACHE=self.cache.root)


@pytest.fixture
def vendor(cache, tmp_path):
    return Vendor(cache, tmp_path)


def test_good_vendor_folder(vendor):
    doc = vendor.report()
    assert doc["ok"] and doc["versions"] == 1 and doc["notes"] == []


def test_vendor_files(vendor):
    vendor.put(f"{GOOD}/a.go", b"package evil\n")
    vendor.put(f"{GOOD}/sub/new.go", b"package sub\n")
    vendor.put("example.com/stray.go", b"")
    os.symlink("a.go", vendor.project.path(f"vendor/{GOOD}/link.go"))
    assert sorted(reasons(vendor.report())) == [
        "good: differs from the zip: changed a.go, added sub/new.go", "link.go: is no regular file",
        "stray.go: belongs to no module of modules.txt"]


def test_vendor_purge_touches_no_source(vendor):
    vendor.put(f"{GOOD}/a.go", b"package evil\n")
    report("--purge", vendor.project.path("vendor"), GOMODCACHE=vendor.cache.root)
    assert os.path.exists(vendor.project.path(f"vendor/{GOOD}/a.go"))
    assert report(vendor.cache.root)["versions"] == 2


def test_vendor_and_go_mod(vendor):
    vendor.go_mod(f"require {GOOD} v1.2.4\n\nreplace example.com/a => ../a\n")
    found = "\n".join(reasons(vendor.report()))
    assert "go.mod requires it, but it is not marked as explicit" in found
    assert "modules.txt marks it as explicit, but go.mod does not require it" in found
    assert "example.com/a: go.mod replaces it, modules.txt does not" in found


def test_vendor_replacements(vendor):
    vendor.go_mod("require example.com/a v1.0.0\nrequire example.com/b v1.0.0\n"
                  f"replace example.com/a => {GOOD} v1.2.3\nreplace example.com/b v1.0.0 => ./b\n")
    vendor.modules(f"# example.com/a v1.0.0 => {GOOD} v1.2.3\n## explicit\nexample.com/a\n"
                   "# example.com/b v1.0.0 => ./b\n## explicit\nexample.com/b\n"
                   f"# example.com/a => {GOOD} v1.2.3\n# example.com/b => ./b\n")
    subprocess.run(["rm", "-r", vendor.project.path("vendor/example.com")], check=True)
    vendor.put("example.com/a/a.go", FILES["a.go"])
    vendor.put("example.com/b/b.go", b"")
    doc = vendor.report()
    assert [n["reason"] for n in doc["notes"]] == ["1 files not compared: example.com/b is replaced by a folder"]
    assert reasons(doc) == ["modules.txt: example.com/b: modules.txt replaces it, go.mod does not"]
    vendor.put("example.com/a/a.go", b"")
    assert "a: differs from the zip: changed a.go" in reasons(vendor.report())


def test_vendor_without_cache_and_of_a_workspace(vendor, tmp_path):
    os.makedirs(tmp_path / "none/cache/download")
    vendor.modules(f"## workspace\n# {GOOD} v1.2.3\n## explicit; go 1.21\n{GOOD}\n")
    vendor.project.go_sum("go.work.sum")
    doc = report(vendor.project.path("vendor"), GOMODCACHE=str(tmp_path / "none"))
    assert doc["ok"] and doc["versions"] == 0
    assert any("2 files not compared" in n["reason"] for n in doc["notes"])
    assert any("go work vendor" in n["reason"] for n in doc["notes"])


def test_vendor_checks_the_zip_against_go_sum(vendor):
    vendor.project.sums = [f"{GOOD} v1.2.3 {h1({'x': b''})}"]
    vendor.project.go_sum()
    found = reasons(vendor.report())
    assert len(found) == 1 and found[0].startswith("v1.2.3.zip: its h1 is")


@pytest.mark.parametrize("args", [[], ["/nonexistent"], ["--jobs", "0", "."], ["--jobs", "x", "."], ["--bad"], ["README.md"]])
def test_usage(args):
    assert verify(*args).returncode == 2


def test_broken_go_sum_is_an_error(cache):
    path = cache.put("../bad.sum", b"one two\n")
    done = verify(path, GOMODCACHE=cache.root)
    assert done.returncode == 1 and "bad.sum:1" in done.stderr


def test_hash_command(cache):
    stem, folder = cache.path(cache.stem(GOOD, "v1.2.3")), cache.path(cache.folder(GOOD, "v1.2.3"))
    done = subprocess.run([PROGRAM, "mod", "hash", "--prefix", f"{GOOD}@v1.2.3", stem + ".zip", folder, stem + ".mod", "/dev/null"],
                          capture_output=True, text=True)
    total, mod = cache.sums[0].split()[2], cache.sums[1].split()[2]
    assert done.stdout.split() == [total, total, mod]
    assert done.returncode == 1 and "/dev/null" in done.stderr
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o555


def test_zip_command(tmp_path):
    tree = Tree(tmp_path / "src")
    for name, data in {**FILES, ".git/config": b"", "nested/go.mod": b"", "nested/x.go": b"", "vendor/x/y.go": b""}.items():
        tree.put(name, data)
    os.symlink("a.go", tree.path("link.go"))
    out = str(tmp_path / "out.zip")
    done = subprocess.run([PROGRAM, "mod", "zip", tree.root, f"{GOOD}@v1.2.3", "-o", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == h1({f"{GOOD}@v1.2.3/{name}": data for name, data in FILES.items()})
    with zipfile.ZipFile(out) as z:
        assert sorted(z.namelist()) == sorted(f"{GOOD}@v1.2.3/{name}" for name in FILES)
    assert sorted(os.listdir(tmp_path)) == ["out.zip", "src"]


@pytest.mark.parametrize("args, code", [
    ([], 2), (["src"], 2), (["src", f"{GOOD}@v1.2.3"], 2), (["src", f"{GOOD}@v1", "-o", "out"], 1),
    (["src", GOOD, "-o", "out"], 1), (["none", f"{GOOD}@v1.2.3", "-o", "out"], 1), (["src", f"{GOOD}@v1.2.3", "-o", "none/out"], 1),
])
def test_zip_command_leaves_nothing_behind(tmp_path, args, code):
    (tmp_path / "src").mkdir()
    done = subprocess.run([PROGRAM, "mod", "zip", *args], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code and "modgate mod zip: " in done.stderr
    assert os.listdir(tmp_path) == ["src"]
