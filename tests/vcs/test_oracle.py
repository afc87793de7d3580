"""modgate's answers are those of the go command, over generated repositories. What differs stands in
docs/vcs-differences.md, with its reason; the test fails on a difference without a row and on a row without one."""

import random

import pytest

import compare
import gocommand
import servers
import world

LEAST_VERSIONS = 300


def made(seed, is_whole):
    w = world.World(seed)
    if is_whole:
        world.handmade(w)
    return world.random_repos(w, 8 if is_whole else 6)


@pytest.mark.parametrize("seed, is_whole", [(1, True), (2, False)])
def test_as_the_go_command(githost_binary, gateway_on, tmp_path, seed, is_whole, record_property):
    w = made(seed, is_whole)
    repos = tmp_path / "repos"
    repos.mkdir()
    w.write(repos)
    host = servers.GitHost(githost_binary, tmp_path, repos)
    try:
        answers = gocommand.ask_world(w.modules, random.Random(seed), tmp_path / "go", host.environment())
        record_property("go", compare.summary(answers))
        if is_whole:
            assert answers.versions() >= LEAST_VERSIONS
        gateway = gateway_on(host)
        found = compare.differences(answers, gateway)
    finally:
        host.stop()
    left, stale = compare.unexplained(found)
    assert not left, compare.report(left)
    if is_whole:
        assert not stale, f"rows of {compare.TABLE} without a difference: {stale}"
