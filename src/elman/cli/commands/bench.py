"""`elman bench`: how long a step takes on this machine, beside NumPy and, where it is installed, PyTorch."""

from __future__ import annotations

import importlib.util
import os
import platform
import statistics
import time
from typing import Annotated

import typer

from elman.cli import bench_jobs
from elman.cli.bench_jobs import Job
from elman.cli.console import terminal
from elman.cli.console.bench import Timing, print_timings
from elman.cli.options import Json
from elman.core import checks

__all__ = ["bench"]

SHAPES = ((1, 10, 1, 16), (32, 50, 8, 64), (32, 50, 64, 256))  # B, T, D, H
STEPS = (16, 256)  # H of a streaming step
CELLS = ("tanh", "lstm", "gru")
ROUNDS = 3  # turns of each contender


def bench(
    seconds: Annotated[
        float, typer.Option("--seconds", help="About how long to measure, in all: 0.01 to 3600.")
    ] = 20.0,
    as_json: Json = False,
) -> None:
    """Time training, prediction and single steps on this machine, beside NumPy and PyTorch."""
    from elman.engines.config import show_config

    checks.number("--seconds", seconds, 0.01, 3600.0)
    peers = ["numpy", *(["torch"] if importlib.util.find_spec("torch") else [])]
    config = show_config()
    with terminal.working(f"timing for about {seconds:g} s") as progress:
        whole = (bench_jobs.train, bench_jobs.predict)
        jobs = [make(cell, shape, peers) for make in whole for cell in CELLS for shape in SHAPES]
        jobs += [bench_jobs.step(cell, (1, 1, 1, H), peers) for cell in CELLS for H in STEPS]
        found: list[Timing] = []
        for job in jobs:
            found.append(_timed(job, seconds / len(jobs)))
            progress(len(found) / len(jobs))
    machine = {name: config[name] for name in ("version", "engine", "isa", "threads")} | {"cores": os.cpu_count()}
    if as_json:
        terminal.print_json(
            {"machine": machine | {"processor": platform.machine()}, "rows": [timing._asdict() for timing in found]}
        )
        return
    print_timings(found, peers, machine)


def _timed(job: Job, seconds: float) -> Timing:
    """Times a job, whose contenders take turns: each one's time is the median of its turns. Returns the
    times."""
    turn = seconds / len(job.contenders) / (ROUNDS + 1)
    counts: dict[str, int] = {}
    for name, run in job.contenders.items():
        run(1)
        count, began, done = 1, time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < turn / 2 or not done:
            done += run(count)
            count *= 2
        counts[name] = max(1, int(done * turn / spent)) if spent else count
    samples: dict[str, list[float]] = {name: [] for name in counts}
    for _ in range(ROUNDS):
        for name, run in job.contenders.items():
            began = time.perf_counter()
            done = run(counts[name])
            samples[name].append((time.perf_counter() - began) / done)
    micros = {name: 1e6 * statistics.median(values) for name, values in samples.items()}
    ratios = {name: value / micros["elman"] for name, value in micros.items() if name != "elman"}
    B, T, D, H = job.shape
    return Timing(job.work, job.cell, B, T, D, H, micros, ratios)
