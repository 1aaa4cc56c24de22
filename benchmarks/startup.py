"""`python -m benchmarks.startup`: what the command line costs beside its work, each time in a fresh process.

Every round starts each command once, so drift meets all alike; a round before the first is not counted (it leaves the
bytecode, and the files in memory, as an installed program finds them). Wall is what a user waits, from the start of the
interpreter to its end; CPU is user and system time of the process, all threads: other work on the machine disturbs it
less. The overhead of `elman forecast` is all of its process but the calls that read, fit and forecast, timed within the
same process; elman.forecast and what it imports are loaded before, and so are overhead. Half a minute.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import elman
from benchmarks.machine import describe

__all__ = ["Spent", "fresh", "main", "measure", "table"]

ELMAN = ("-m", "elman")
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import numpy'": ("-c", "import numpy"),
    "elman --version": (*ELMAN, "--version"),
    "elman predict": (*ELMAN, "predict", "sunspots.Sunspots.forecaster.safetensors"),
    "elman predict --plot": (*ELMAN, "predict", "sunspots.Sunspots.forecaster.safetensors", "--plot"),
}
FORECAST = "elman forecast"  # of the bundled series, with the default settings

# `elman forecast`, saying last for how long it read, fitted and forecast: seconds of wall and of CPU
TIMED = """
import sys, time
from elman.cli import main
from elman.forecast import Forecaster
from elman.series import panel_sources

spent, inside = [0.0, 0.0], False

def timed(method):
    def call(*arguments, **options):
        global inside
        if inside:  # fit reads too
            return method(*arguments, **options)
        inside, wall, cpu = True, time.perf_counter(), time.process_time()
        try:
            return method(*arguments, **options)
        finally:
            inside = False
            spent[0] += time.perf_counter() - wall
            spent[1] += time.process_time() - cpu
    return call

panel_sources.as_panel = timed(panel_sources.as_panel)
for name in ("fit", "forecast"):
    setattr(Forecaster, name, timed(getattr(Forecaster, name)))
code = main(["forecast", *sys.argv[1:]])
print(*spent)
sys.exit(code)
"""


class Spent(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float

    def less(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def fresh(arguments: Sequence[str], folder: Path) -> tuple[Spent, str]:
    """What a new interpreter took for `arguments`, and what it printed. RuntimeError where it failed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
        return Spent(wall, usage.ru_utime + usage.ru_stime), out.read()


def overhead(folder: Path, options: Sequence[str] = ()) -> tuple[Spent, Spent]:
    """Of one `elman forecast`: the whole, and the whole less reading, fitting and forecasting."""
    whole, said = fresh(["-c", TIMED, *options], folder)
    return whole, whole.less(Spent(*map(float, said.splitlines()[-1].split())))


def measure(rounds: int) -> dict[str, list[Spent]]:
    """Every command's samples, a round after the other; the first round's are dropped."""
    names = [*COMMANDS, FORECAST, f"{FORECAST}: overhead"]
    found: dict[str, list[Spent]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fresh([*ELMAN, "forecast"], folder)  # makes the model
        for _ in range(rounds + 1):
            samples = [fresh(arguments, folder)[0] for arguments in COMMANDS.values()]
            for name, sample in zip(names, [*samples, *overhead(folder)], strict=True):
                found[name].append(sample)
    return {name: samples[1:] for name, samples in found.items()}


def table(found: dict[str, list[Spent]]) -> str:
    """Markdown: of each command the median and the best, of wall and CPU alone, in seconds."""
    lines = ["| | wall, median | best | CPU, median | best |", "|---|---|---|---|---|"]
    for name, samples in found.items():
        columns = [column for each in zip(*samples, strict=True) for column in (statistics.median(each), min(each))]
        lines.append(f"| {name} | {' | '.join(f'{seconds:.3f}' for seconds in columns)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each command is started")
    rounds = parser.parse_args(arguments).rounds
    machine = describe()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "typer", "matplotlib")]
    about = [machine["date"], f"{machine['cores']} cores of {machine['processor']}", f"elman {elman.__version__}"]
    print(", ".join([*about, f"Python {platform.python_version()}", *versions, f"{rounds} rounds"]) + ", seconds:\n")
    print(table(measure(rounds)))


if __name__ == "__main__":
    main()
