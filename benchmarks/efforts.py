"""How long each effort takes for a file of 40,000 hourly rows, from the command line: `python -m benchmarks.efforts`.

The rows have a day, a week and a wandering level. Asked: at most 10 s, 60 s and 600 s on 2 cores. Nothing else should
run beside it; `best` alone takes minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LIMITS = {"fast": 10.0, "normal": 60.0, "best": 600.0}
ROWS = 40_000


def write(path: Path, rows: int) -> None:
    """The file: a row an hour."""
    rng, hour = np.random.default_rng(0), np.arange(rows)
    times = np.datetime64("2020-01-01T00:00") + hour * np.timedelta64(1, "h")
    week = 1 + 0.3 * np.sin(2 * np.pi * hour / 24) + 0.2 * (hour // 24 % 7 < 5)
    level = np.exp(0.003 * rng.normal(size=rows).cumsum())
    values = 1000 * level * week * rng.normal(1, 0.05, rows)
    path.write_text("time,load\n" + "".join(f"{t},{v:.1f}\n" for t, v in zip(times, values, strict=True)))


def measure(effort: str, rows: int = ROWS, *options: str) -> tuple[float, str]:
    """Seconds that `elman forecast` takes, and its verdict."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "load.csv", rows)
        command = [sys.executable, "-m", "elman", "forecast", "load.csv", "--effort", effort, *options]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=dict(os.environ))
        return time.perf_counter() - began, done.stdout.splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("efforts", nargs="*", default=list(LIMITS))
    for effort in parser.parse_args().efforts:
        seconds, verdict = measure(effort)
        print(f"{effort:7} {seconds:6.1f} s, {LIMITS[effort]:.0f} asked   {verdict}", flush=True)


if __name__ == "__main__":
    main()
