"""modgate mod: names, versions and go.mod files on the command line."""

import json
import shutil
import subprocess

import pytest

from harness import modgate


def mod(*args, check=0):
    return modgate("mod", *args, check=check)


def test_help_names_every_command():
    text = mod("--help").stdout
    for command in ("json", "check", "escape", "unescape", "pseudo", "latest"):
        assert f"  {command} " in text
        assert f"usage: modgate mod {command} " in mod(command, "--help").stdout


@pytest.mark.parametrize("args", [
    [], ["nothing"], ["check"], ["latest"], ["json"], ["json", "a", "b"], ["escape", "--loud", "x.y/z"],
    ["pseudo"], ["pseudo", "--rev", "abc"], ["pseudo", "--time", "1"], ["pseudo", "--time", "soon", "--rev", "abc"],
    ["pseudo", "--time", "1", "--rev", "a.b"], ["pseudo", "--time", "1", "--rev", "abc", "v1.0.0"],
    ["pseudo", "--time", "253402300800", "--rev", "abc"],
])
def test_wrong_usage_is_exit_2_and_says_so(args):
    done = mod(*args, check=2)
    assert done.stdout == ""
    assert "usage" in done.stderr or "--help" in done.stderr


def test_check_says_what_is_wrong():
    assert mod("check", "github.com/Azure/x", "example.com/m/v2@v2.0.1").stdout == ""
    done = mod("check", "example.com/m", "example.com/m@v2.0.0", "Example.com/m", check=1)
    assert done.stderr.splitlines() == [
        'modgate mod check: example.com/m: version "v2.0.0" invalid: should be v0 or v1, not v2',
        'modgate mod check: malformed module path "Example.com/m": invalid char "E" in first path element',
    ]


def test_escape_and_back():
    assert mod("escape", "github.com/BurntSushi/toml@v1.0.0-RC1").stdout == "github.com/!burnt!sushi/toml@v1.0.0-!r!c1\n"
    assert mod("unescape", "github.com/!burnt!sushi/toml", "rsc.io/quote@v1.5.2").stdout == (
        "github.com/BurntSushi/toml\nrsc.io/quote@v1.5.2\n")
    done = mod("unescape", "github.com/BurntSushi/toml", "rsc.io/quote", check=1)
    assert done.stdout == "rsc.io/quote\n"  # the others are still answered
    assert "invalid escaped module path" in done.stderr


def test_pseudo_makes_and_takes_apart():
    made = mod("pseudo", "--time", "1136214245", "--rev", "abcdef123456", "--older", "v1.2.9").stdout
    assert made == "v1.2.10-0.20060102150405-abcdef123456\n"
    assert mod("pseudo", made.strip()).stdout == "2006-01-02T15:04:05Z abcdef123456 v1.2.9\n"
    made = mod("pseudo", "-t", "0", "-r", "abc", "-m", "v2").stdout
    assert made == "v2.0.0-19700101000000-abc\n"
    assert mod("pseudo", made.strip()).stdout == "1970-01-01T00:00:00Z abc -\n"
    assert "malformed time" in mod("pseudo", "v0.0.0-20060230150405-abcdef123456", check=1).stderr


def test_latest():
    assert mod("latest", "v1.9.0", "v1.10.0", "v2.0.0-pre", "junk").stdout == "v1.10.0\n"
    done = mod("latest", "v1", "master", check=1)
    assert (done.stdout, done.stderr) == ("", "modgate mod latest: none of these is a canonical version\n")


GO_MOD = """// Deprecated: use <example.com/other> & be happy
module example.com/m

go 1.24

require (
\texample.com/a v1.2 // indirect
)

retract [v1.0.0, v1.1.0] // broken
replace example.com/a => ./a
"""


def test_json_is_what_go_prints(tmp_path):
    path = tmp_path / "go.mod"
    path.write_text(GO_MOD, encoding="utf-8")
    printed = mod("json", str(path)).stdout
    assert json.loads(printed)["Require"] == [{"Path": "example.com/a", "Version": "v1.2.0", "Indirect": True}]
    if shutil.which("go"):
        go = subprocess.run(["go", "mod", "edit", "-json", str(path)], capture_output=True, text=True, check=True)
        assert printed == go.stdout


def test_json_lists_all_faults(tmp_path):
    path = tmp_path / "go.mod"
    path.write_text("module m\ninreplace a => b\nrequire a.b/c v2.0.0\n", encoding="utf-8")
    done = mod("json", str(path), check=1)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"modgate mod json: {path}:2: unknown directive: inreplace",
        f'modgate mod json: {path}:3: require "a.b/c": version "v2.0.0" invalid: should be v0 or v1, not v2',
    ]
    path.write_text("require (\n", encoding="utf-8")
    assert f"{path}:2:1: the block of line 1 is not closed" in mod("json", str(path), check=1).stderr
    assert "No such file" in mod("json", str(tmp_path / "none"), check=1).stderr
