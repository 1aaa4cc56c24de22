"""`elman forecast --cluster ADDRESS` on the 414 hourly series of M4, beside the same command without a cluster:

    python -m tests.campaigns.cluster_command --data FOLDER [--effort normal] [--every 1] [--workers 2]

FOLDER holds m4_hourly_train.csv. The series are written to one CSV, a scheduler and workers are started by their
commands, and every file that the command writes must be the same to the byte.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.m4 import HORIZON, read
from tests.campaigns.workers import Cluster

__all__ = ["main"]

START = np.datetime64("2015-07-01T00", "h")  # the competition tells no dates


def written(source: Path, path: Path, every: int) -> int:
    """Writes every n-th series in rows (id, hour, value); returns how many series there are."""
    series = dict(list(read(source).items())[::every])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "hour", "value"])
        for name, values in series.items():
            writer.writerows((name, START + i, value) for i, value in enumerate(values.tolist()))
    return len(series)


def forecast(data: Path, out: Path, options: list[str]) -> None:
    """Runs the command, and tells what it took."""
    words = [sys.executable, "-m", "elman", "forecast", str(data), "--out", str(out), *options]
    out.mkdir()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, processor = (
        time.perf_counter() - began,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )
    print(f"{out.name}: {seconds:.0f} s, {processor:.0f} s of the command's own processor", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--every", type=int, default=1, help="take each n-th series")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    options = ["--target", "value", "--time", "hour", "--id", "id", "--horizon", str(HORIZON), "--season", "24,168"]
    options += ["--windows", "2", "--effort", given.effort]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "m4.csv"
        count = written(given.data / "m4_hourly_train.csv", data, given.every)
        with Cluster(folder, given.workers) as cluster:
            forecast(data, folder / "cluster", [*options, "--cluster", cluster.address()])
        forecast(data, folder / "alone", options)
        files = sorted(path.name for path in (folder / "alone").iterdir())
        assert files == sorted(path.name for path in (folder / "cluster").iterdir())
        for file in files:
            one, other = ((folder / way / file).read_bytes() for way in ("cluster", "alone"))
            assert one == other, f"{file}: expected the same bytes with and without a cluster"
        sizes = ", ".join(f"{file} ({(folder / 'alone' / file).stat().st_size:,} bytes)" for file in files)
    print(f"{count} series, effort {given.effort}, {given.workers} workers: the same bytes in {sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
