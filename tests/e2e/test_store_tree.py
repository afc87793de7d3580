"""The store's folder is a plain GOPROXY tree: the go command reads it without modgate. And what modgate evict does."""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import zipfile

import pytest

import harness

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "store", "store_driver")

MODULES = {
    ("example.com/plain", "v1.0.0"): {"go.mod": "module example.com/plain\n", "p.go": "package plain\n"},
    ("example.com/plain", "v1.2.0"): {"go.mod": "module example.com/plain\n", "p.go": "package plain\n\nconst V = 2\n"},
    ("example.com/plain", "v1.3.0-RC.1"): {"go.mod": "module example.com/plain\n", "p.go": "package plain\n"},
    ("example.com/Upper/CASE", "v0.1.0"): {"go.mod": "module example.com/Upper/CASE\n", "c.go": "package c\n"},
    ("example.com/old", "v2.0.0+incompatible"): {"o.go": "package old\n"},
    ("example.com/commit", "v0.0.0-20210101000000-abcdefabcdef"):
        {"go.mod": "module example.com/commit\n", "c.go": "package commit\n"},
    ("example.com/plain/v2", "v2.1.0"): {"go.mod": "module example.com/plain/v2\n", "p.go": "package plain\n"},
}


def make_zip(path, version, files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(f"{path}@{version}/{name}", text)
    return body.getvalue()


def h1(path, version, files):
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {path}@{version}/{name}\n" for name, text in files.items()]
    lines.sort(key=lambda line: line.split("  ", 1)[1])
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


@pytest.fixture
def data(tmp_path):
    """A store with MODULES in it."""
    for i, ((path, version), files) in enumerate(MODULES.items()):
        folder = tmp_path / f"put{i}"
        folder.mkdir()
        (folder / "zip").write_bytes(make_zip(path, version, files))
        (folder / "mod").write_text(files.get("go.mod", f"module {path}\n"))
        (folder / "info").write_text(json.dumps({"Version": version, "Time": "2021-01-01T00:00:00Z"}))
        subprocess.run([DRIVER, "put", str(tmp_path / "data"), path, version, folder, h1(path, version, files)],
                       check=True)
    return tmp_path / "data"


@pytest.fixture
def go(tmp_path, data):
    main = tmp_path / "main"
    main.mkdir()
    (main / "go.mod").write_text("module example.org/main\n\ngo 1.20\n")
    env = harness.clean_environment(GOPROXY=f"file://{data}/cache/download", GOSUMDB="off", GOTOOLCHAIN="local",
                                    GOFLAGS="-modcacherw -mod=mod", GOMODCACHE=str(tmp_path / "mod"),
                                    GOPATH=str(tmp_path / "gopath"))

    def run(*args, check=True):
        done = subprocess.run(["go", *args], cwd=main, env=env, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_go_reads_the_tree(go, tmp_path, data):
    assert go("list", "-m", "-versions", "example.com/plain").split() == \
        ["example.com/plain", "v1.0.0", "v1.2.0", "v1.3.0-RC.1"]
    assert go("list", "-m", "-versions", "example.com/commit").split() == ["example.com/commit"]
    assert "v1.2.0" in go("list", "-m", "example.com/plain@latest")
    assert "v2.0.0+incompatible" in go("list", "-m", "example.com/old@latest")
    for path, version in MODULES:
        told = json.loads(go("mod", "download", "-json", f"{path}@{version}"))
        assert told["Version"] == version and told["Sum"] == h1(path, version, MODULES[path, version])
        cached = tmp_path / "mod" / "cache" / "download"
        ours = data / "cache" / "download"
        for name in ("Zip", "GoMod"):
            rel = os.path.relpath(told[name], cached)
            assert (ours / rel).read_bytes() == open(told[name], "rb").read()
        rel = os.path.relpath(told["Zip"], cached).removesuffix("zip") + "ziphash"
        assert (ours / rel).read_bytes() == (cached / rel).read_bytes()
    go("get", "example.com/plain", "example.com/Upper/CASE@v0.1.0", "example.com/commit@v0.0.0-20210101000000-abcdefabcdef")
    assert "all modules verified" in go("mod", "verify")


def test_the_tree_can_be_the_module_cache(tmp_path, data):
    """The folder has the shape of $GOMODCACHE/cache/download, so it can be one."""
    env = harness.clean_environment(GOPROXY="off", GOSUMDB="off", GOTOOLCHAIN="local", GOMODCACHE=str(data),
                                    GOFLAGS="-modcacherw -mod=mod", GOPATH=str(tmp_path / "gopath"))
    main = tmp_path / "main"
    main.mkdir()
    (main / "go.mod").write_text("module example.org/main\n\ngo 1.20\n")
    for path, version in MODULES:
        subprocess.run(["go", "mod", "download", f"{path}@{version}"], cwd=main, env=env, check=True)


def evict(data, *args, check=0):
    done = subprocess.run([harness.PROGRAM, "evict", "--data-dir", str(data), *args], capture_output=True, text=True,
                          check=False)
    assert done.returncode == check, done
    return done


def infos(data):
    return sorted(str(path) for path in (data / "cache" / "download").rglob("*.info"))


def test_evict(go, data):
    before = infos(data)
    dry = json.loads(evict(data, "--max-size", "0", "--dry-run", "--json").stdout)
    assert dry["dry_run"] and len(dry["versions"]) == len(MODULES) and infos(data) == before
    assert dry["freed_bytes"] == sum(one["bytes"] for one in dry["versions"]) == dry["store_bytes"]
    assert "nothing" not in evict(data, "--max-size", "10GiB").stdout and infos(data) == before
    real = json.loads(evict(data, "--max-size", str(dry["store_bytes"] // 2), "--json").stdout)
    assert 0 < len(real["versions"]) < len(MODULES) and real["store_bytes"] <= dry["store_bytes"] // 2
    assert len(infos(data)) == len(MODULES) - len(real["versions"])
    gone = {(one["path"], one["version"]) for one in real["versions"]}
    left = set(MODULES) - gone
    for path, version in left:
        go("mod", "download", f"{path}@{version}")
    listed = set(go("list", "-m", "-versions", "example.com/plain").split()[1:])
    assert listed == {version for path, version in left if path == "example.com/plain"}
    text = evict(data, "--max-size", "0").stdout
    assert re.search(rf"dropped {len(left)} versions, .*; the store has 0", text), text
    assert not infos(data)


def test_evict_usage(tmp_path, data):
    assert "no store" in evict(tmp_path / "nothing", "--max-size", "1", check=2).stderr
    assert not (tmp_path / "nothing").exists()
    assert "--max-size" in evict(data, check=2).stderr
    assert "SIZE" in subprocess.run([harness.PROGRAM, "evict", "--help"], capture_output=True, text=True,
                                    check=True).stdout
    evict(data, "--max-size", "much", check=2)
