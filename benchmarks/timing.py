"""Contenders timed in turn: each round gives every one of a row its slice of time, and starts with another one."""

from __future__ import annotations

import os
import pickle
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders import Answer
from benchmarks.contenders.numpy import witness
from benchmarks.grid import Entry, Row

__all__ = ["Measured", "Pace", "Workers", "measure"]

AVX2 = {
    "ELMAN_ISA": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}


@dataclass(frozen=True)
class Pace:
    """How long to measure."""

    rounds: int
    slice_seconds: float  # of a contender's turn
    entry_seconds: float  # after so long a contender has no more turns, but for two
    thorough: bool = True  # whether a contender tries every way it may be called


@dataclass
class Measured:
    """What was found of one contender on one case; seconds are of one repetition."""

    entry: Entry
    way: str = ""
    samples: list[float] = field(default_factory=list)
    cpu_over_wall: float = 0.0
    output_error: float = float("nan")
    gradient_error: float = float("nan")
    trouble: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def least(self) -> float:
        return min(self.samples)

    @property
    def right(self) -> bool:
        """Whether its answer is what float64 says, to the rounding of its own type (nothing is wrong if left out)."""
        limit = 1e-3 if self.entry.case.dtype == "float32" else 1e-8
        return not max(self.output_error, self.gradient_error) > limit


class Trouble(Exception):
    """A contender that is missing, refuses a case or failed; its text says so."""


class Worker:
    """The process of one contender, for one number of threads."""

    def __init__(self, contender: str, threads: int, cores: list[int], isa: str | None) -> None:
        one = {name: str(threads) for name in ("OMP", "MKL", "OPENBLAS", "ELMAN")}
        environment = {**os.environ, **{f"{name}_NUM_THREADS": value for name, value in one.items()}}
        several = "true" if threads > 1 else "false"
        flags = f"--xla_cpu_multi_thread_eigen={several}"
        if isa == "avx2":
            environment |= AVX2
            # Without the second, products are YNNPACK's, which takes AVX-512 whatever the first says.
            flags += " --xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type="
        environment["XLA_FLAGS"] = f"{flags} intra_op_parallelism_threads={threads}"  # what follows it is not read
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contender, ",".join(map(str, cores[:threads]))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=Path(__file__).parent.parent,
        )
        try:
            self.versions: dict[str, Any] = self._answer()
        except Trouble:
            self.close()
            raise

    def ask(self, *message: Any) -> Any:
        assert self.process.stdin
        try:
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Trouble("its process died") from None
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        try:
            kind, value = pickle.load(self.process.stdout)
        except EOFError:
            raise Trouble("its process died") from None
        if kind != "ok":
            raise Trouble(value.strip().splitlines()[-1] if kind == "failed" else value)
        return value

    def close(self) -> None:
        with suppress(BrokenPipeError):
            self.process.communicate()  # closes its stdin, which ends it


class Workers:
    """All processes of a run, started when first needed. `cores` are those to be pinned to; none: not pinned."""

    def __init__(self, cores: list[int], isa: str | None = None) -> None:
        self.cores, self.isa = cores, isa
        self.missing: dict[str, str] = {}
        self._running: dict[tuple[str, int, int], Worker] = {}

    def get(self, entry: Entry) -> Worker:
        key = (entry.contender, entry.case.threads, entry.copy)
        if entry.contender in self.missing:
            raise Trouble(self.missing[entry.contender])
        if self.cores and entry.case.threads > len(self.cores):
            raise Trouble(f"needs {entry.case.threads} cores, this run has {len(self.cores)}")
        if key not in self._running or self._running[key].process.poll() is not None:
            try:
                self._running[key] = Worker(entry.contender, entry.case.threads, self.cores, self.isa)
            except Trouble as error:
                self.missing[entry.contender] = str(error)
                raise
        return self._running[key]

    def versions(self) -> dict[str, Any]:
        return {name: value for worker in self._running.values() for name, value in worker.versions.items()}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._running.values():
            worker.close()


def measure(row: Row, workers: Workers, pace: Pace) -> list[Measured]:
    """Every entry of the row, in the row's order; one that can't take part says why in `trouble`."""
    found, counts = [Measured(entry) for entry in row.entries], {}
    truth: dict[Case, Answer] = {}
    for item in found:
        try:
            counts[item.entry.label] = _prepare(item, workers, pace, truth)
        except Trouble as error:
            item.trouble = str(error)
    running = [item for item in found if not item.trouble]
    spent, wall_cpu = dict.fromkeys(counts, 0.0), {label: [0.0, 0.0] for label in counts}
    for turn in range(pace.rounds):
        start = turn % max(1, len(running))
        for item in running[start:] + running[:start]:
            label = item.entry.label
            if item.trouble or (len(item.samples) >= 2 and spent[label] > pace.entry_seconds):
                continue
            if item.entry.case.threads > 1:
                time.sleep(0.01)  # another contender's threads may still be waiting for work
            try:
                wall, cpu, done = workers.get(item.entry).ask("run", label, counts[label])
            except Trouble as error:
                item.trouble, item.samples = str(error), []
                continue
            item.samples.append(wall / done)
            spent[label] += wall
            wall_cpu[label][0] += wall
            wall_cpu[label][1] += cpu
    for item in running:
        if item.trouble:
            continue
        wall, cpu = wall_cpu[item.entry.label]
        item.cpu_over_wall = cpu / wall
        workers.get(item.entry).ask("drop", item.entry.label)
    return found


def _prepare(item: Measured, workers: Workers, pace: Pace, truth: dict[Case, Answer]) -> int:
    """Builds the case, checks its answer, and finds how many repetitions fill a slice."""
    entry = item.entry
    worker = workers.get(entry)
    item.way, answer = worker.ask("build", entry.label, entry.case, pace.thorough)
    if answer:
        if entry.case not in truth:
            truth[entry.case] = witness(entry.case)
        item.output_error, item.gradient_error = errors(answer, truth[entry.case])
    count = 1
    while True:
        wall, _, done = worker.ask("run", entry.label, count)
        if wall > pace.slice_seconds / 4:
            return max(1, round(done * pace.slice_seconds / wall))
        count = max(done, count) * 4


def errors(answer: Answer, truth: Answer) -> tuple[float, float]:
    """Largest error of the output, and of any gradient, each relative to the largest entry of its array."""
    if missing := truth.keys() - answer.keys():
        raise Trouble(f"gave no {', '.join(sorted(missing))}")
    found = {}
    for name, right in truth.items():
        if answer[name].shape != right.shape:
            raise Trouble(f"gave {name} of shape {answer[name].shape}, expected {right.shape}")
        scale = float(np.abs(right).max()) or 1.0  # no gradient at all: dW_hh where T = 1
        error = float(np.abs(answer[name] - right).max()) / scale
        found[name] = error if np.isfinite(error) else float("inf")
    output = found.pop("output", 0.0)
    return output, max(found.values(), default=float("nan"))
