"""sigmoid, tanh and softplus of every instruction set against libm: a stratum, or all 2^32 floats (slow)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from isas import compile_activations, native_isas

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def check(isa: str, folder: Path, step: int, doubles: int) -> None:
    program = compile_activations(isa, folder / isa)
    done = subprocess.run([str(program), str(step), str(doubles)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)


@pytest.mark.parametrize("isa", native_isas())
def test_a_stratum(isa: str, tmp_path: Path) -> None:
    check(isa, tmp_path, 499, 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("isa", native_isas())
def test_every_float(isa: str, tmp_path: Path) -> None:
    check(isa, tmp_path, 1, 20_000_000)
