"""How one model's updates would scale to many Dask workers: `python -m benchmarks.cluster_scaling`.

It reads the points that `--measure` took on this machine, fits a cost model to them, says how well it meets them, and
prints and draws what it expects for 2 to 1,024 workers.

The model (docs/scaling.md): the coordinator sends the weights to one worker after the other, each worker computes its
shards, the sums come back one after the other, and are added before the step. Four costs are fitted to the points:

    wait    seconds of an update whatever is sent
    call    seconds of a call to a worker, at the coordinator
    byte    seconds of a byte of weights or gradients, at the coordinator
    number  seconds of the step, for each weight and each sum that is added

`simulate` plays one update event by event; a network's computing is what one worker takes for a shard of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.cluster.updates.tree import divide, subtrees

POINTS = Path(__file__).with_suffix(".json")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cluster_scaling.png"
BYTES = 4  # of a number
WORKERS = tuple(2**k for k in range(11))


@dataclass(frozen=True)
class Costs:
    """What sending, waiting and stepping take, in seconds."""

    wait: float
    call: float
    byte: float
    number: float


class Work(NamedTuple):
    """An update of a network."""

    name: str
    parameters: int
    shards: int
    shard_seconds: float  # on one worker


class Point(NamedTuple):
    """An update as it was measured, in seconds."""

    work: Work
    workers: int
    computing: float
    exchange: float
    step: float

    @property
    def total(self) -> float:
        return self.computing + self.exchange + self.step


def shares(shards: int, workers: int) -> list[tuple[int, int]]:
    """Returns (shards, sums sent back) of each of so many equal workers that has any."""
    parts = divide((0, shards), [1.0] * workers)
    return [(last - first, len(subtrees((first, last), (0, shards)))) for first, last in parts if last > first]


def simulate(costs: Costs, work: Work, workers: int) -> float:
    """Returns the seconds of an update on so many equal workers, played event by event."""
    size = work.parameters * BYTES * costs.byte
    own = shares(work.shards, workers)
    sent = 0.0
    ready: list[tuple[float, int]] = []
    for count, sums in own:  # the weights leave one after the other
        sent += costs.call + size
        ready.append((sent + count * work.shard_seconds, sums))
    arrived = sent
    for at, sums in sorted(ready):  # the sums arrive one after the other
        arrived = max(arrived, at) + sums * size
    added = sum(sums for _, sums in own)
    return costs.wait + arrived + added * work.parameters * costs.number


def alone(costs: Costs, work: Work) -> float:
    """Returns the seconds of an update on one such machine without a cluster."""
    return work.shards * work.shard_seconds + work.parameters * costs.number


def fit(points: Sequence[Point]) -> Costs:
    """Returns the costs, none below 0, that meet the measured exchanges and steps best, each by its relative error."""
    calls, sizes, seconds = [], [], []
    for point in points:
        own = shares(point.work.shards, point.workers)
        calls.append(len(own))
        sizes.append(BYTES * point.work.parameters * (len(own) + sum(sums for _, sums in own)))
        seconds.append(point.exchange)
    columns = np.stack([np.ones(len(points)), calls, sizes], axis=1) / np.array(seconds)[:, None]
    kept = [0, 1, 2]
    while True:  # few columns: what comes out below 0 is left out, the most negative first
        found = np.linalg.lstsq(columns[:, kept], np.ones(len(points)), rcond=None)[0]
        if (found >= 0).all():
            break
        kept.pop(int(found.argmin()))
    costs = np.zeros(3)
    costs[kept] = found
    steps = [
        point.step / point.work.parameters / sum(s for _, s in shares(point.work.shards, point.workers))
        for point in points
    ]
    wait, call, byte = costs.tolist()
    return Costs(wait, call, byte, float(np.median(steps)))


def measure(turns: int) -> list[Point]:
    """Measures updates of three networks on one and two workers of this machine."""
    from benchmarks import cluster

    points: list[Point] = []
    for rows, steps, features, units in ((256, 20, 8, 32), (256, 100, 32, 128), (256, 25, 32, 256)):
        found = cluster.measure(rows, steps, features, units, turns, 2)
        parameters = 4 * units * (features + units + 1) + units + 1
        shards = rows // 16
        work = Work(f"LSTM, H {units}, T {steps}", parameters, shards, found["1 workers"]["computing"] / 1e3 / shards)
        for workers in (1, 2):
            parts = found[f"{workers} workers"]
            points.append(Point(work, workers, *(parts[name] / 1e3 for name in ("computing", "exchange", "step"))))
    return points


def examples(works: Sequence[Work]) -> list[Work]:
    """Returns the measured networks with a batch of 256 rows, and with one of 16,384."""
    large = [Work(f"{work.name}, B 16,384", work.parameters, 1024, work.shard_seconds) for work in works]
    return [work._replace(name=f"{work.name}, B {16 * work.shards:,}") for work in works] + large


def table(costs: Costs, works: Sequence[Work]) -> list[str]:
    """Returns the gain over one machine, and in brackets the efficiency, as Markdown."""
    lines = [f"| workers | {' | '.join(work.name for work in works)} |", "|---" * (len(works) + 1) + "|"]
    for workers in WORKERS[1:]:
        gains = [alone(costs, work) / simulate(costs, work, workers) for work in works]
        lines.append(f"| {workers} | {' | '.join(f'{gain:.2f} ({gain / workers:.0%})' for gain in gains)} |")
    return lines


def draw(costs: Costs, works: Sequence[Work], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(WORKERS, WORKERS, color="0.7", linestyle="--", label="as many times as workers")
    for work in works:
        gains = [alone(costs, work) / simulate(costs, work, workers) for workers in WORKERS]
        axes.plot(WORKERS, gains, marker="o", markersize=3, label=work.name)
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="times as fast as one machine", ylim=(0.05, 1100))
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description="One model on many workers: a cost model, fitted and simulated.")
    parser.add_argument("--measure", action="store_true", help="measure the points anew, on two quiet cores")
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    if given.measure:
        from benchmarks.machine import describe

        found: dict[str, Any] = {"about": describe(), "points": [_plain(point) for point in measure(given.turns)]}
        POINTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    points = [Point(Work(*one["work"]), *one["parts"]) for one in json.loads(POINTS.read_text("utf-8"))["points"]]
    costs = fit(points)
    print(
        f"wait {costs.wait * 1e3:.2f} ms, call {costs.call * 1e3:.2f} ms, {1e-9 / (costs.byte or 1e-99):.2f} GB/s, ",
        end="",
    )
    print(f"step {costs.number * 1e9:.2f} ns a number")
    for point in points:
        expected = simulate(costs, point.work, point.workers)
        print(
            f"{point.work.name}, {point.workers} workers: measured {point.total * 1e3:.2f} ms, expected "
            f"{expected * 1e3:.2f} ({expected / point.total - 1:+.0%})"
        )
    works = examples(list(dict.fromkeys(point.work for point in points)))
    print("\n".join(table(costs, works)))
    draw(costs, works, PICTURE)
    return 0


def _plain(point: Point) -> dict[str, Any]:
    return {"work": list(point.work), "parts": [point.workers, point.computing, point.exchange, point.step]}


if __name__ == "__main__":
    sys.exit(main())
