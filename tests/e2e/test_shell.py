"""What is made of the help texts: completion in bash, and the manual page."""

import os
import shutil
import subprocess

import pytest
from harness import PROGRAM, ROOT

COMPLETE = """
eval "$("$MODGATE" completion bash)"
modgate() { "$MODGATE" "$@"; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_modgate
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(folder, *words):
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", "modgate", *words], cwd=folder, check=True, text=True,
                          capture_output=True, env=dict(os.environ, MODGATE=PROGRAM))
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_completion(tmp_path):
    (tmp_path / "modgate.yaml").touch()
    assert {"config", "serve", "verify", "warm"} <= set(complete(tmp_path, ""))
    assert complete(tmp_path, "conf") == ["config"]
    assert complete(tmp_path, "config", "") == ["check", "print", "sample"]
    assert complete(tmp_path, "config", "print", "--store-") == ["--store-max-size"]
    assert complete(tmp_path, "config", "check", "m") == ["modgate.yaml"]
    assert complete(tmp_path, "verify", "m") == ["modgate.yaml"]


def test_completion_of_another_shell():
    done = subprocess.run([PROGRAM, "completion", "tcsh"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no script for 'tcsh'" in done.stderr


def test_manual_page_tells_of_every_command_and_setting(tmp_path):
    page = tmp_path / "modgate.1"
    subprocess.run([os.path.join(ROOT, "tools", "make-man"), PROGRAM, str(page)], check=True)
    text = page.read_text(encoding="utf-8")
    for command in ("config check", "mod hash", "serve", "verify", "warm"):
        assert f".SS modgate {command}\n" in text
    assert text.count("\\-\\-store\\-max\\-size \" SIZE\"\n") == 1
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-K", "utf8", "-man", "-ww", "-Tutf8", str(page)], check=True, text=True,
                              capture_output=True)
        faults = [line for line in done.stderr.splitlines() if "break line" not in line and "adjust line" not in line]
        assert faults == []
