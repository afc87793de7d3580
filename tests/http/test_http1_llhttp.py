"""The reader against llhttp: a run of other requests than the one that the page was written from."""

import os
import subprocess
import sys

import pytest

from http_harness import BUILD

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare_llhttp.py")


@pytest.mark.parametrize("seed", [1, 2])
def test_we_agree_or_refuse(seed):
    run = subprocess.run([sys.executable, SCRIPT, BUILD, "--seed", str(seed)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
