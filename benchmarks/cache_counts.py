"""What a product of a batch's rows with packed weights fetches, counted for caches that this machine need not have:
`python -m benchmarks.cache_counts` compiles the kernels' product for AVX2 (product.cpp), runs it under valgrind's
cachegrind with the given cache sizes, and prints the lines of 64 bytes that come from beyond the first and the second
level, with panels cut into parts for that second level and whole. Needs g++ and valgrind. Cachegrind has no prefetcher:
it counts traffic, not time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLAGS = [
    "-std=gnu++17",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-Wno-psabi",
    "-mavx2",
    "-mfma",
    "-DELMAN_ISA=avx2",
]
WHOLE = 2**40  # bytes of a second level in which every panel fits


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cache_counts", description=(__doc__ or "").split(":")[0]
    )
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--outputs", type=int, default=128)
    parser.add_argument("--inner", type=int, nargs="+", default=[2048, 4096, 8192], help="4 H of an LSTM's way back")
    parser.add_argument("--l1", type=int, default=32 * 2**10, help="bytes of the first level")
    parser.add_argument("--l2", type=int, default=512 * 2**10, help="bytes of the second level")
    given = parser.parse_args(arguments)
    for tool in ("g++", "valgrind"):
        if shutil.which(tool) is None:
            parser.error(f"needs {tool}, which was not found")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "product"
        source = ROOT / "benchmarks" / "product.cpp"
        subprocess.run(["g++", *FLAGS, f"-I{ROOT / 'native'}", str(source), "-o", str(program)], check=True)
        print("| inner | multiply-adds | L1 misses, whole | in parts | L2 misses, whole | in parts |")
        print("|---|---|---|---|---|---|")
        for inner in given.inner:
            shape = [given.rows, inner, given.outputs]
            counts = [misses(program, shape, panels, given.l1, given.l2) for panels in (WHOLE, given.l2)]
            cells = [f"{counts[part][level]:,.0f}" for level in (0, 1) for part in (0, 1)]
            print(f"| {inner} | {given.rows * inner * given.outputs:,} | {' | '.join(cells)} |", flush=True)
    return 0


def misses(program: Path, shape: list[int], panels: int, l1: int, l2: int) -> list[float]:
    """Returns what one product misses in the first and in the second level: the mean of a second and a third
    one, for the first finds nothing in the caches."""
    once, thrice = (counted(program, [*shape, panels, repeats], l1, l2) for repeats in (1, 3))
    return [(after - before) / 2 for before, after in zip(once, thrice, strict=True)]


def counted(program: Path, arguments: list[int], l1: int, l2: int) -> list[int]:
    """Returns how many reads and writes of data a run of the program misses in each level."""
    levels = [f"--D1={l1},8,64", f"--LL={l2},8,64", "--cachegrind-out-file=/dev/null"]
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", *levels, str(program), *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = [re.search(rf"{name} +misses: +([\d,]+)", told) for name in ("D1", "LLd")]
    return [int(one.group(1).replace(",", "")) for one in found if one]


if __name__ == "__main__":
    sys.exit(main())
