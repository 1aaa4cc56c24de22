"""sigmoid and tanh of every instruction set of this machine against libm: a stratum, or all 2^32 floats (slow)."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "native/activations.cpp"
FLAGS = {  # as in CMakeLists.txt
    "baseline": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"),
    "neon": (),
}
COMMON = ("-std=gnu++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror", "-Wno-psabi")

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def isas() -> list[str]:
    if platform.machine() in ("aarch64", "arm64"):
        return ["neon"]
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        words = set()
    needs = {"avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"}}
    return ["baseline", *(isa for isa, flags in needs.items() if flags <= words)]


def check(isa: str, folder: Path, step: int, doubles: int) -> None:
    program = folder / isa
    subprocess.run(["g++", *COMMON, *FLAGS[isa], f"-DELMAN_ISA={isa}", str(SOURCE), "-o", str(program)], check=True)
    done = subprocess.run([str(program), str(step), str(doubles)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("isa", isas())
def test_a_stratum(isa: str, tmp_path: Path) -> None:
    check(isa, tmp_path, 499, 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("isa", isas())
def test_every_float(isa: str, tmp_path: Path) -> None:
    check(isa, tmp_path, 1, 20_000_000)
