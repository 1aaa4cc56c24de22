"""The instruction sets that the kernels are compiled for, and how CMakeLists.txt compiles them."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CMAKE = (ROOT / "CMakeLists.txt").read_text()
FLAGS = {isa: flags.split() for isa, flags in re.findall(r"^ *add_kernels\((\w+)(.*)\)$", _CMAKE, flags=re.M)}
_KERNELS = re.findall(r"kernels_\$\{isa\} PRIVATE (-O3.*?)\$\{ARGN\}", _CMAKE, flags=re.S)[0].split()
_PROGRAM = ["-std=gnu++17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-pthread", f"-I{ROOT / 'native'}"]


def compile_kernels(isa: str, target: Path, compiler: str = "g++") -> Path:
    """native/kernels.cpp for one instruction set, as the build compiles it."""
    command = [compiler, "-std=gnu++17", f"-I{ROOT / 'native'}", *_KERNELS, *FLAGS[isa], f"-DELMAN_ISA={isa}"]
    subprocess.run([*command, "-c", str(ROOT / "native/kernels.cpp"), "-o", str(target)], check=True)
    return target


def compile_program(name: str, target: Path, *others: str | Path, compiler: str = "g++") -> Path:
    """tests/native/<name>.cpp, with further objects and flags."""
    source = ROOT / f"tests/native/{name}.cpp"
    subprocess.run([compiler, *_PROGRAM, str(source), *map(str, others), "-o", str(target)], check=True)
    return target


def compile_activations(isa: str, target: Path, *others: str, compiler: str = "g++") -> Path:
    """tests/native/activations.cpp, which holds the kernels' own functions."""
    return compile_program(
        "activations", target, *_KERNELS[:3], *FLAGS[isa], f"-DELMAN_ISA={isa}", *others, compiler=compiler
    )


def native_isas() -> list[str]:
    """Those that this machine runs."""
    if platform.machine() in ("aarch64", "arm64"):
        return ["neon"]
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        words = set()
    needs = {"avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"}}
    return ["baseline", *(isa for isa, flags in needs.items() if flags <= words)]
