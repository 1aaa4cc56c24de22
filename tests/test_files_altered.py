"""A small campaign over altered files; .ci/full runs the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import elman

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(*words: str) -> str:
    """What a program says that ends well."""
    folder = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])}
    result = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folder, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(elman.show_config()["engine"] != "native", reason="a minute on the reference engine")
def test_altered_files_are_refused_or_used():
    told = run("tests/campaigns/files.py", "--cases", "150", "--seed", "1")
    assert "\n150 cases in " in told
    for kind in ("network", "forecaster", "anomaly detector", "language model", "encoder decoder", "checkpoint"):
        assert any(line.startswith(kind) and " used " in line for line in told.splitlines()), told


PLANTED = """
import os
import sys
sys.path.insert(0, "tests")
from campaigns import files

def planted(case):
    if case == 1:
        os.abort()
    if case == 3:
        os._exit(3)
    return "network", "used", ""

print([(case, outcome) for case, _, outcome, _ in files.forked([0, 1, 2, 3, 4], planted)])
"""


def test_the_campaign_tells_what_ends_a_process():
    """Once each, and the cases after it are run."""
    expected = [(0, "used"), (1, "crash: signal 6"), (2, "used"), (3, "exit 3"), (4, "used")]
    assert run("-c", PLANTED).strip() == repr(expected)
