"""modgate warm: what it fetches, says and refuses."""

import json
import os
import shutil

import pytest
from harness import modgate, newest


@pytest.fixture
def warm(upstream, tmp_path):
    def run(*args, check=0):
        return modgate("warm", "--data-dir", str(tmp_path / "data"), "--upstream", upstream.http,
                       "--sumdb", f"{upstream.sumdb} {upstream.http}", "--fetch-retries", "0", *args, check=check)
    return run


def version_of(upstream, module):
    return newest(upstream.tree, module).rsplit("/", 1)[1]


def test_all_that_a_build_needs_is_there(warm, gateway_on, upstream, go):
    """go.sum names what the build of the main module needs: after a warm-up it builds with no upstream."""
    first = go(upstream.http)
    first.run("mod", "download", "all", cwd=first.main)
    done = warm(os.path.join(first.main, "go.sum"))
    assert " 0 failed" in done.stdout
    gateway = gateway_on("off", data_dir=os.path.join(os.path.dirname(first.main), "..", "data"))
    second = go(gateway.url)
    shutil.copy(os.path.join(first.main, "go.sum"), second.main)
    second.run("mod", "download", cwd=second.main)
    second.run("build", "./...", cwd=second.main)


def test_lists_modules_and_a_second_time(warm, upstream, tmp_path):
    version = version_of(upstream, "gen.example.com/m0")
    names = tmp_path / "list.txt"
    names.write_text(f"# what we use\ngen.example.com/m0@{version}\n\ngen.example.com/m4 {version_of(upstream, 'gen.example.com/m4')}\n")
    done = warm(str(names), f"gen.example.com/m5@{version_of(upstream, 'gen.example.com/m5')}")
    assert done.stdout.startswith("3 versions: 3 fetched") and " 0 failed" in done.stdout
    asked = upstream.count()
    again = json.loads(warm(str(names), "--json").stdout)
    assert (again["versions"], again["fetched"], again["already_stored"], again["failures"]) == (2, 0, 2, [])
    assert upstream.count() == asked


def test_go_mod_names_what_it_requires(warm, upstream, tmp_path):
    version = version_of(upstream, "gen.example.com/m0")
    file = tmp_path / "go.mod"
    file.write_text(f"module example.com/app\n\ngo 1.21\n\nrequire gen.example.com/m0 {version}\n")
    assert warm(str(file)).stdout.startswith("1 versions: 1 fetched")


def test_another_hash_than_go_sum_says_is_a_failure(warm, upstream, tmp_path):
    version = version_of(upstream, "gen.example.com/m0")
    wrong = "h1:" + "A" * 43 + "="
    file = tmp_path / "go.sum"
    file.write_text(f"gen.example.com/m0 {version} {wrong}\n")
    done = warm(str(file), check=1)
    assert wrong in done.stderr and "go.sum says" in done.stderr


def test_what_fails_is_named_and_the_rest_goes_on(warm, upstream, tmp_path):
    version = version_of(upstream, "gen.example.com/m0")
    done = warm(f"gen.example.com/m0@{version}", "gen.example.com/none@v1.0.0", check=1)
    assert "gen.example.com/none@v1.0.0: " in done.stderr
    assert "1 fetched" in done.stdout and "1 failed" in done.stdout
    report = json.loads(warm("gen.example.com/none@v1.0.0", "--json", check=1).stdout)
    assert [f["module"] for f in report["failures"]] == ["gen.example.com/none"]


@pytest.mark.parametrize("text", ["gen.example.com/m0 not-a-version\n", "../x v1.0.0\n", "justaword\n",
                                  "gen.example.com/m0 v2.0.0\n"])
def test_a_bad_line_is_named(warm, upstream, tmp_path, text):
    file = tmp_path / "list.txt"
    file.write_text("# a comment\n" + text)
    done = warm(str(file), check=1)
    assert "list.txt:2" in done.stderr
    assert upstream.count() == 0


def test_usage(warm):
    assert "path@version" in warm(check=2).stderr
    assert "--jobs" in warm("--jobs", "0", "x", check=2).stderr
