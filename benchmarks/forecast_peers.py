"""Compares the forecasts of elman, darts, neuralforecast and statsforecast: accuracy, time and installed size.

    pip install 'elman[forecast-peers]'      in an environment of its own
    python -m benchmarks.forecast_peers --data FOLDER

A contender is a model of one of the libraries. It forecasts every data set in a process of its own, on the same cores.
Its input is the rows before each window, the horizon and the seasons; it is fitted anew for each window. Its forecasts
are scored by elman's metrics, over all series and windows. FOLDER holds m4_hourly_train.csv, which does not contain the
test part of the competition; without it, these series are left out. If a contender is not installed or fails, its line
says so, and the others are still run. The table is printed, and written as Markdown and CSV into benchmarks/results.
"""

from __future__ import annotations

import argparse
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.footprint import megabytes
from benchmarks.forecast_sets import NAMES, DataSet, sets
from benchmarks.forecast_table import Report, score
from benchmarks.forecasters import CONTENDERS, Work
from benchmarks.machine import usable_cores

__all__ = ["ask", "main", "parse"]

ROOT = Path(__file__).parents[1]
INSTALL = "pip install 'elman[forecast-peers]'"


def main(arguments: list[str] | None = None) -> int:
    """Runs the comparison and returns the exit status, 0 if any contender was scored."""
    given = parse(arguments)
    cores = usable_cores()[: given.cores]
    report = Report({key: megabytes(CONTENDERS[key].package) if CONTENDERS[key].package else 0.0 for key in given.only})
    for data in sets(given.sets, given.data, given.every):
        if isinstance(data, str):
            report.leave_out(data)
            continue
        report.every.append(data)
        for key in given.only:
            if report.size[key] is None:
                report.leave_out(f"{CONTENDERS[key].module} is left out: it is not installed. {INSTALL}")
            else:
                report.add(score(key, data, *ask(key, data, given.cores, cores, given.limit)))
        report.write(given.out, given.part, given.cores)  # so that these results are kept if a later set fails
    print("\n" + "\n".join(report.table()))
    print(f"\nwrote {report.write(given.out, given.part, given.cores)}, as .md and .csv")
    return 0 if any(run.scores for run in report.runs) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line, with the lists of contenders and data sets to run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, help="folder that holds m4_hourly_train.csv")
    parser.add_argument("--only", help=f"contenders, or beginnings of their names: {', '.join(CONTENDERS)}")
    parser.add_argument("--slow", action="store_true", help="also run the contenders that take minutes")
    parser.add_argument("--sets", help=f"data sets: {', '.join(NAMES)}")
    parser.add_argument("--every", type=int, default=10, help="take one of so many M4 series")
    parser.add_argument("--cores", type=int, default=2, help="number of cores and threads of every contender")
    parser.add_argument(
        "--limit", type=float, default=300.0, help="time limit for a contender on a data set, in seconds"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results")
    given = parser.parse_args(arguments)
    given.part = [*given.only.split(",")] if given.only else ["slow"] if given.slow else []
    given.part += given.sets.split(",") if given.sets else []
    given.sets = given.sets.split(",") if given.sets else list(NAMES)
    if unknown := [name for name in given.sets if name not in NAMES]:
        parser.error(f"--sets: expected some of {', '.join(NAMES)}, got {unknown[0]!r}")
    if given.only is None:
        given.only = [key for key, each in CONTENDERS.items() if given.slow or not each.slow]
        return given
    words = given.only.split(",")
    if unknown := [word for word in words if not any(key.startswith(word) for key in CONTENDERS)]:
        parser.error(f"--only: expected names or beginnings of {', '.join(CONTENDERS)}, got {unknown[0]!r}")
    given.only = [
        key
        for key, each in CONTENDERS.items()
        if key in words or ((given.slow or not each.slow) and key.startswith(tuple(words)))
    ]
    return given


# ------------------------------------------------------------------------------------------- one contender


def ask(key: str, data: DataSet, threads: int, cores: list[int], limit: float) -> tuple[str, Any]:
    """Runs a contender on a data set in a new process, and returns its outcome.

    The outcome is "ok" and an `Answer`, or "missing" or "failed" and the reason.
    """
    work = Work(data.horizon, data.seasons, threads, tuple(cutoff.known for cutoff in data.cutoffs))
    counts = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS", "ELMAN")}
    given = [os.path.abspath(folder) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    path = os.pathsep.join([str(ROOT), *given])  # absolute, since the process runs in another folder
    environment = {**os.environ, **counts, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "benchmarks.forecasters", key, ",".join(map(str, cores))]
    with tempfile.TemporaryDirectory() as folder:  # some libraries write logs into the working directory
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(pickle.dumps(work), timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return "failed", f"took more than {limit:g} s"
        except BaseException:
            _end(process)
            raise
    if process.returncode or not out:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or [""]
        return "failed", f"its process ended with {process.returncode}: {last[0]}"
    return pickle.loads(out)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and the workers that it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # an exception, so that `ask` ends the process of its contender
    sys.exit(main())
