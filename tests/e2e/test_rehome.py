"""Modules under other paths than those they were made under, with the real go command."""

import json
import re

from harness import modgate
from test_repositories import (COMMON, githost_binary, go_at, go_cache, program, said, serve,  # noqa: F401
                               world)

OLD, NEW = "old.test.example/lib", "corp.test.example/go/lib"

REHOMED = COMMON + """
vcs: {rules: {old.test.example/*: 'https://git.test.example/*.git'}}
repositories:
  public: {kind: proxy, upstream: MIRROR}
  git: {kind: vcs, owns: old.test.example/tool}
  ours: {kind: rehome, from: public, paths: 'old.test.example/lib = corp.test.example/go/lib; old.test.example/base = corp.test.example/base'}
  tools: {kind: rehome, from: git, paths: 'old.test.example/tool = corp.test.example/tool'}
  all: {kind: group, members: 'ours,tools,git,public'}
"""

LIB_FILES = {
    "go.mod": f"module {OLD} // the first home\n\ngo 1.21\n\nrequire old.test.example/base v1.0.0\n",
    "lib.go": f'''// Package lib speaks of {OLD}.
package lib // import "{OLD}"

import (
	. "{OLD}/deep"
	inner `{OLD}/internal/inner`
	_ "unsafe"
)

// Word asks its own packages, and one that it reaches by its symbol.
func Word() string {{ return Deep() + inner.Said() + hidden() }}

//go:linkname hidden {OLD}/internal/inner.hidden
func hidden() string
''',
    "lib.s": "// So that a function may have no body.\n",
    "deep/deep.go": f'package deep\n\nimport "old.test.example/base"\n\n// Deep is from a sub-package.\n'
                    f'func Deep() string {{ return "deep-" + base.Word() + "-" }}\n',
    "internal/inner/inner.go": f'package inner\n\nconst path = "{OLD}/internal/inner"\n\n// Said tells what stays.\n'
                               f'func Said() string {{ return path }}\n\nfunc hidden() string {{ return "-linked" }}\n\n'
                               f'var _ = hidden\n',
    "odd_windows.go": f'//go:build windows\n\npackage lib\n\nimport "{OLD}/deep"\n\nvar _ = deep.Deep\n',
    "lib_test.go": f'package lib_test\n\nimport (\n\t"testing"\n\n\t"{OLD}"\n)\n\nfunc TestWord(t *testing.T) {{\n'
                   f'\tif lib.Word() == "" {{\n\t\tt.Fatal("silent")\n\t}}\n}}\n',
    "testdata/not.go": "this is no Go\n",
    "notes.txt": f"{OLD} is the old path\n",
}
BASE_FILES = {"go.mod": "module old.test.example/base\n\ngo 1.21\n",
              "base.go": 'package base\n\n// Word is that of another module that moved.\nfunc Word() string { return "base" }\n'}


def fill(world):
    world.mirrors_files(world.mirror, OLD, "v1.2.0", LIB_FILES)
    world.mirrors_files(world.mirror, "old.test.example/base", "v1.0.0", BASE_FILES)


def test_a_rehomed_module_compiles_with_its_packages(world, serve, go_at):
    fill(world)
    gateway = serve(REHOMED)
    go = go_at(gateway.url)
    folder = program(go, NEW)
    go.run("get", f"{NEW}@latest", cwd=folder)
    # What its own text says of the old path stays; what it imports is found under the new one.
    assert said(go, folder) == [f"deep-base-{OLD}/internal/inner-linked"]
    go.run("test", NEW, f"{NEW}/deep", cwd=folder)
    go.run("mod", "verify", cwd=folder)
    assert OLD not in go.run("list", "-m", "all", cwd=folder).stdout
    assert world.asked("old.test") and not world.asked(NEW)


def test_the_same_source_has_the_same_h1_each_time(world, serve, go_at):
    fill(world)
    sums = []
    for data in ("one", "two"):
        world.data = world.tmp / data
        gateway = serve(REHOMED)
        zip_file = world.tmp / f"{data}.zip"
        zip_file.write_bytes(gateway.get(f"/ours/{NEW}/@v/v1.2.0.zip").body)
        sums.append(modgate("mod", "hash", str(zip_file), check=0).stdout)
    assert sums[0] == sums[1]
    old = world.tmp / "old.zip"
    old.write_bytes(gateway.get(f"/public/{OLD}/@v/v1.2.0.zip").body)
    assert modgate("mod", "hash", str(old), check=0).stdout != sums[0], "it is another module"


def test_info_tells_where_it_is_from(world, serve):
    fill(world)
    gateway = serve(REHOMED)
    info = json.loads(gateway.get(f"/{NEW}/@v/v1.2.0.info").text)
    assert info == {"Version": "v1.2.0", "Time": "2024-01-02T03:04:05Z", "RehomedFrom": OLD}
    assert json.loads(gateway.get(f"/{NEW}/@latest").text) == info
    assert gateway.get(f"/{NEW}/@v/list").text == "v1.2.0\n"
    assert gateway.get(f"/{NEW}/@v/v1.2.0.mod").text == LIB_FILES["go.mod"].replace("old.test.example/base",
                                                                                    "corp.test.example/base").replace(OLD, NEW)
    assert gateway.get(f"/{NEW}/@v/v9.9.9.info").status == 404
    assert gateway.get(f"/ours/{OLD}/@v/list").status == 404, "the old path is not one of this repository"


def test_it_stays_when_the_source_is_gone(world, serve):
    fill(world)
    gateway = serve(REHOMED)
    before = gateway.get(f"/{NEW}/@v/v1.2.0.zip").body
    gateway.stop()
    world.mirror.stop()
    gateway = serve(REHOMED)
    assert gateway.get(f"/{NEW}/@v/v1.2.0.zip").body == before
    missing = gateway.get("/corp.test.example/base/@v/v1.0.0.zip")
    assert missing.status == 502, missing


def test_from_version_control_with_a_record_of_its_own(world, serve, go_at):
    world.tag("old.test.example/tool", {"v1.0.0": "tool"}, repository="git.test.example/tool.git")
    key = world.tmp / "sumdb.key"
    made = modgate("sumdb", "keygen", "sum.corp.test.example/1", "--key-file", str(key), check=0).stdout
    verifier = re.search(r"verifier key:\s+(\S+)", made).group(1)
    gateway = serve(REHOMED + f"sumdb_host: {{key_file: {key}}}\n")
    go = go_at(gateway.url, sumdb=verifier)
    path = "corp.test.example/tool"
    folder = program(go, path)
    go.run("get", f"{path}@v1.0.0", cwd=folder)
    assert said(go, folder) == ["tool"]
    record = gateway.get(f"/sumdb/sum.corp.test.example/1/lookup/{path}@v1.0.0").text
    assert f"{path} v1.0.0 h1:" in record
    origin = json.loads(gateway.get(f"/{path}/@v/v1.0.0.info").text)["Origin"]
    assert origin["VCS"] == "git" and origin["Ref"] == "refs/tags/v1.0.0"
    assert not world.asked("test.example/tool")


def test_what_the_settings_cannot_mean(world):
    for line, why in [
            ("x: {kind: rehome, from: public}", "x.paths: is missing"),
            ("x: {kind: rehome, paths: 'a.example = b.example'}", "x.from: is missing"),
            ("x: {kind: rehome, from: nobody, paths: 'a.example = b.example'}", "no repository"),
            ("x: {kind: rehome, from: all, paths: 'a.example = b.example'}", "of the kind group"),
            ("x: {kind: rehome, from: public, paths: 'a.example = b.example; c.example = b.example'}",
             "is the new path of a.example already"),
            ("x: {kind: proxy, from: public}", "x.from: means nothing")]:
        world.write(REHOMED.replace("repositories:\n", f"repositories:\n  {line}\n"))
        done = modgate("config", "check", "--offline", "--config-file", str(world.config))
        assert done.returncode == 1 and why in done.stdout + done.stderr, (line, done)
