"""`python -m benchmarks.scaling`: how an update's time and a gradient's memory grow with T, B, H and L, each alone.

Times are of one update through `Trainer.fit` (float32, one thread, pinned to a core), memory is the peak of one
`loss_and_grad` in a process of its own. Beside each stands what the arithmetic, or the formula of docs/performance.md,
says; slopes are fitted in log-log over the upper half of each axis. Writes a JSON into benchmarks/results and draws
docs/images/scaling.png. Two minutes; `--quick` a few seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import elman
from benchmarks.cases import CELLS, DATA_VALUES, GATES, LEARNING_RATE
from benchmarks.contenders import Work
from benchmarks.machine import describe, usable_cores
from benchmarks.worker import timed

__all__ = ["Shape", "main", "memory_formula", "slope"]

ROOT = Path(__file__).parents[1]
FULL, QUICK = (5, 0.03, DATA_VALUES), (1, 0.001, DATA_VALUES // 16)  # rounds, seconds of a turn, inputs
AXES = {
    "T": (8, 16, 32, 64, 128, 256, 512, 1024),
    "B": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    "H": (16, 32, 64, 128, 256, 512),
    "L": (1, 2, 3, 4, 6, 8),
}
MEMORY_AXES = {"T": (512, 1024, 2048, 4096, 8192, 16384), "H": AXES["H"], "B": (16, 64, 256), "L": (1, 2, 4, 8)}
LANES = {"avx512": 16, "avx2": 8, "baseline": 4, "neon": 4}  # float32 in a vector
SHARD, BLOCK = 16, 256  # rows that go through time at once; rows of steps in a block of the way back


@dataclass(frozen=True)
class Shape:
    """One network (D inputs, L layers of H units, one output at every step) and the size of its batch."""

    cell: str
    B: int = 32
    T: int = 50
    D: int = 8
    H: int = 64
    L: int = 1

    @property
    def flops(self) -> int:
        """Multiplications and additions of an update's products; nothing asks for dx of the first layer."""
        products = GATES[self.cell] * self.H
        inputs, states = products * (2 * self.D + 3 * (self.L - 1) * self.H), 3 * products * self.L * self.H
        return 2 * self.B * self.T * (inputs + states + 3 * self.H)

    def network(self) -> elman.Network:
        return elman.Network(self.D, self.H, 1, cell=self.cell, num_layers=self.L, seed=0)


# ------------------------------------------------------------------------------------------------ time


def work(shape: Shape, inputs: int) -> Work:
    """Whole epochs over batches with about so many inputs in all; a repetition is one update."""
    batches = min(256, max(2, inputs // (shape.B * shape.T * shape.D)))
    random, n = np.random.default_rng(1), batches * shape.B
    x = random.normal(size=(n, shape.T, shape.D)).astype(np.float32)
    y = random.normal(size=(n, shape.T, 1)).astype(np.float32)
    trainer = elman.Trainer(shape.network(), optimizer=elman.optim.SGD(LEARNING_RATE), batch_size=shape.B)

    def run(count: int) -> int:
        epochs = -(-count // batches)
        trainer.fit(x, y, epochs=epochs, shuffle=False, progress=False)
        return epochs * batches

    return Work("Trainer.fit", run, {})


def times(shapes: Sequence[Shape], rounds: int, seconds: float, inputs: int) -> Iterator[dict[str, float]]:
    """Each shape's update, in microseconds: every round takes all shapes in turn, so drift meets all alike."""
    works = [work(shape, inputs) for shape in shapes]
    counts = [max(1, round(seconds * done / wall)) for wall, _, done in (timed(w, 1) for w in works)]
    found: list[list[tuple[float, float, int]]] = [[] for _ in works]
    for _ in range(rounds):
        for w, count, samples in zip(works, counts, found, strict=True):
            samples.append(timed(w, count))
    for samples in found:
        each = [1e6 * wall / done for wall, _, done in samples]
        busy = sum(cpu for _, cpu, _ in samples) / sum(wall for wall, _, _ in samples)
        yield {"median_us": statistics.median(each), "least_us": min(each), "cpu_over_wall": busy}


def slope(values: Sequence[float], sizes: Sequence[float]) -> float:
    """The exponent p of size ~ value^p, by least squares over the upper half of the values."""
    half = len(values) // 2
    return float(np.polyfit(np.log(values[half:]), np.log(sizes[half:]), 1)[0])


# ---------------------------------------------------------------------------------------------- memory

PROGRAM = """
import sys
import numpy as np, elman
from benchmarks.scaling import Shape

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

elman.set_num_threads(1)
shape, recompute = eval(sys.argv[1])
network = shape.network()
x, y = np.zeros((shape.B, shape.T, shape.D), np.float32), np.zeros((shape.B, shape.T, 1), np.float32)
network.loss_and_grad(x[:, :1], y[:, :1])  # code, packed weights and gradients are there now
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = peak()
network.loss_and_grad(x, y, recompute=recompute)
print(peak() - before)
"""


def memory(shape: Shape, recompute: bool) -> int:
    """Bytes by which one gradient raised a fresh process's peak (Linux)."""
    command = [sys.executable, "-c", PROGRAM, repr((shape, recompute))]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def memory_formula(shape: Shape, recompute: bool) -> int:
    """Bytes of one thread's tape and scratch; docs/performance.md has the account, number by number."""
    lanes = LANES.get(elman.show_config()["isa"], 4)

    def stride(numbers: int) -> int:
        whole = -(-numbers // lanes) * lanes
        return whole if whole < 8 * 16 else (-(-whole // 16) | 1) * 16  # an odd number of cache lines

    units, states = stride(shape.H), 2 if shape.cell == "lstm" else 1
    gates = stride((1 if shape.cell == "tanh" else 4) * -(-shape.H // lanes) * lanes)
    layer = gates * (shape.cell != "tanh") + states * (units + 2)  # h, c, and a pointer to each one before
    widths = [units] * shape.L + [stride(1)]  # what each operation gives; its gradients lie in two buffers by turns
    step = stride(shape.D) + shape.L * layer + stride(1) + max(widths[0::2]) + max(widths[1::2]) + 2
    rows, steps, kept = min(shape.B, SHARD), shape.T, 0
    if recompute:
        steps = math.isqrt(shape.T - 1) + 1
        kept = (-(-shape.T // steps) + 1) * shape.L * states * shape.H
    block = min(steps * rows, BLOCK) * gates * shape.L  # gradients at the gates' sums
    return 4 * (rows * (steps * step + kept) + block)


# --------------------------------------------------------------------------------------------- picture

COLOURS = {"tanh": ("#52606d", "s"), "gru": ("#c2410c", "^"), "lstm": ("#0b69a3", "o")}
NAMES = {"T": "T, time steps", "B": "B, rows of the batch", "H": "H, hidden units", "L": "L, layers"}


def draw(report: dict[str, Any], path: Path) -> None:
    """Time against each axis, with the arithmetic's own growth; memory against T and H, with its formula."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 10.2), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 2).ravel()
    for panel, axis in zip(panels, AXES, strict=False):
        points = [p for p in report["time"] if p["axis"] == axis]
        for cell in CELLS:
            mine = [p for p in points if p["cell"] == cell]
            x, y, flops = ([p[key] for p in mine] for key in ("value", "median_us", "flops"))
            _series(panel, x, [v / 1e3 for v in y], [y[-1] / 1e3 * f / flops[-1] for f in flops], cell)
        _frame(panel, axis, "milliseconds an update", points)
    for panel, axis in zip(panels[4:], ("T", "H"), strict=True):
        points = [p for p in report["memory"] if p["axis"] == axis]
        for cell, recompute in itertools.product(CELLS, (False, True)):
            mine = [p for p in points if p["cell"] == cell and p["recompute"] == recompute]
            if mine:
                x, y, line = ([p[key] for p in mine] for key in ("value", "measured", "formula"))
                _series(panel, x, [v / 2**20 for v in y], [v / 2**20 for v in line], cell, hollow=recompute)
        _frame(panel, axis, "MiB a gradient", points)
    panels[0].legend(frameon=False, fontsize=9, loc="upper left")
    note = "filled: the whole tape\nhollow: recompute=True"
    panels[4].text(0.03, 0.97, note, va="top", fontsize=9, color="#1f2933", transform=panels[4].transAxes)
    figure.suptitle("Points: measured.  Thin lines: the arithmetic alone, and the memory's formula", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def _series(panel: Any, x: Any, y: Any, line: Any, cell: str, *, hollow: bool = False) -> None:
    colour, marker = COLOURS[cell]
    panel.plot(x, line, color=colour, linewidth=0.9, alpha=0.75, linestyle="--" if hollow else "-")
    face = "white" if hollow else colour
    panel.plot(x, y, marker, color=colour, markerfacecolor=face, markersize=5, label=None if hollow else cell)


def _frame(panel: Any, axis: str, unit: str, points: list[dict[str, Any]]) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    first = points[0]
    fixed = ", ".join(f"{key} = {first[key]}" for key in ("B", "T", "D", "H", "L") if key != axis)
    values = sorted({p["value"] for p in points})
    panel.set(xscale="log", yscale="log", ylabel=unit)
    panel.set_title(f"{NAMES[axis]}  ({fixed})", fontsize=9.5, loc="left", color="#1f2933")
    panel.set_xticks(values, [str(v) for v in values], minor=False)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    panel.tick_params(labelsize=8.5)
    panel.grid(which="major", color="#e4e7eb", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


# ------------------------------------------------------------------------------------------------- run


def measure(quick: bool) -> dict[str, Any]:
    axes = {axis: values[:3] if quick else values for axis, values in AXES.items()}
    report: dict[str, Any] = {"about": {**describe(), "elman": elman.__version__, "isa": elman.show_config()["isa"]}}
    report |= {"slopes": [], "time": [], "memory": []}
    for axis, cell in itertools.product(axes, CELLS):
        shapes = [replace(Shape(cell), **{axis: value}) for value in axes[axis]]
        found = list(times(shapes, *(QUICK if quick else FULL)))
        for shape, value, point in zip(shapes, axes[axis], found, strict=True):
            report["time"].append({"axis": axis, "value": value, **asdict(shape), "flops": shape.flops, **point})
        line = {
            "axis": axis,
            "cell": cell,
            "measured": slope(axes[axis], [point["median_us"] for point in found]),
            "arithmetic": slope(axes[axis], [shape.flops for shape in shapes]),
        }
        report["slopes"].append(line)
        print(f"time ~ {axis}^p, {cell}: p = {line['measured']:.2f}, arithmetic {line['arithmetic']:.2f}", flush=True)
    if not Path("/proc/self/clear_refs").exists():
        print("memory is left out: its peak can be measured on Linux alone")
        return report
    for axis, values in MEMORY_AXES.items():
        for cell, recompute in itertools.product(CELLS, (False, True) if axis == "T" else (False,)):
            for value in values[:1] if quick else values:
                shape = replace(Shape(cell, B=16, T=2048), **{axis: value})
                bytes_ = {"measured": memory(shape, recompute), "formula": memory_formula(shape, recompute)}
                point = {"axis": axis, "value": value, **asdict(shape), "recompute": recompute, **bytes_}
                report["memory"].append(point)
    worst = max(report["memory"], key=lambda p: abs(p["measured"] - p["formula"]) - 0.05 * p["formula"])
    print(f"memory furthest from its formula: {worst}")
    return report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="three sizes of each axis, a few seconds")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "scaling.png")
    given = parser.parse_args(arguments)
    cores, before = usable_cores(), elman.get_num_threads()
    elman.set_num_threads(1)
    if cores:
        os.sched_setaffinity(0, cores[:1])
    try:
        report = measure(given.quick)
    finally:
        elman.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)
    given.out.mkdir(parents=True, exist_ok=True)
    name = f"{report['about']['date']}-{report['about']['isa']}-scaling{'-quick' * given.quick}.json"
    (given.out / name).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    draw(report, given.picture)
    print(f"wrote {name} and {given.picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
