"""The rules of src/vcs/coderepo.h over the git program, without discovery and without a gateway: the same questions to
vcs_rules_driver and to the go command. (What goes through the whole gateway is in test_oracle.py.)"""

import json
import os
import random
import re
import subprocess

import pytest

import compare
import gocommand
import harness
import servers
import world

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "vcs", "vcs_rules_driver")
MAKERS = [m for m in world.HANDMADE if m not in (world.discoveries, world.by_proxy)]

# The repositories with one rule each are asked through the gateway (test_oracle.py); here they are for whoever works on
# the rules alone.
ALL = [(MAKERS, 0, 1500)] if os.environ.get("MODGATE_TEST_RULES") else []

# What differs, and why: (kind, path, the words of go's error).
MEANT = [
    # A path that no module may have is the client's fault, not an absence.
    (".*", ".*/name/aux", "malformed module path"),
    # go reads a go.mod of any size, and refuses the zip; here it is refused at once.
    ("info|latest", ".*/size/mod", "missing module path"),
    # The zip is in order: only the go command cannot unpack it, or is itself too old for it.
    ("zip", ".*/mod/folder", "is a directory"),
    ("zip", ".*/vendor/future", "requires go >= 1.99"),
]


class Driver:
    def __init__(self, folder, environment):
        env = harness.clean_environment(HOME=str(folder), **environment)
        self.process = subprocess.Popen([DRIVER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=env)

    def ask(self, kind, module, query=""):
        root = module.path if module.path.startswith("gopkg.in/") else module.repo.root
        words = (kind, module.path, root, "", f"https://{module.repo.url_path}", query)
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        errors = self.process.stderr.read()
        assert self.process.wait(60) == 0, errors
        assert not harness.SANITIZER.search(errors), errors


def found(key, answer):
    kind = key[0]
    if answer["status"] != "OK":
        assert answer["error"], answer
        return "absent" if answer["status"] == "NOT_FOUND" or kind == "zip" else answer["status"]
    body = bytes.fromhex(answer["body"])
    if kind == "list":
        return sorted(body.decode().split())
    if kind == "mod":
        return body
    if kind == "zip":
        with open(answer["zip"], "rb") as file:
            h1 = compare.h1_of(file.read())
        os.unlink(answer["zip"])
        return h1
    return compare.info_of(key, json.loads(body))


def is_meant(key, answer, want, have):
    """Differences with a reason: those of MEANT, and an Origin where go's latest has none (docs/vcs-differences.md)."""
    if key[0] == "latest" and isinstance(have, dict) and {**have, "Origin": None} == want:
        return True
    return any(re.fullmatch(kind, key[0]) and re.fullmatch(path, key[1]) and words in answer.get("Error", "")
               for kind, path, words in MEANT)


def differences(answers, modules, driver):
    place = {module.path: module for module in modules}
    left = []
    for key, answer in sorted(answers.of.items()):
        got = driver.ask(key[0], place[key[1]], *key[2:])
        want, have = compare.wanted(key, answer), found(key, got)
        if want != have and not is_meant(key, answer, want, have):
            left.append(compare.Difference(key, want, have, answer.get("Error") or got.get("error")))
    return left


@pytest.mark.parametrize("makers, count, least", [([], 6, 200)] + ALL)
def test_as_the_go_command(githost_binary, tmp_path, record_property, makers, count, least):
    w = world.World(20)
    for make in makers:
        make(w)
    world.random_repos(w, count)
    repos = tmp_path / "repos"
    repos.mkdir()
    w.write(repos)
    host = servers.GitHost(githost_binary, tmp_path, repos)
    try:
        answers = gocommand.ask_world(w.modules, random.Random(20), tmp_path / "go", host.environment())
        driver = Driver(tmp_path, host.environment())
        left = differences(answers, w.modules, driver)
        driver.close()
    finally:
        host.stop()
    record_property("go", compare.summary(answers))
    assert len(answers.of) >= least
    assert not left, compare.report(left)
