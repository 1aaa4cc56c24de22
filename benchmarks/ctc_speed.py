"""The CTC loss and its gradient beside PyTorch's: `python -m benchmarks.ctc_speed [--seconds 60] [--out FILE]`.

Logits in, the sum of the rows' losses and its gradient by the logits out: `elman.ctc.loss_and_grad`, and `log_softmax`,
`torch.nn.CTCLoss` and `backward`, each on its own layout of the same float32 numbers, with one thread. Both take turns
in one process; the median of all turns counts, in time of the processor, which other work on the machine changes
little. `normal` logits are drawn from a normal distribution, `peaked` ones are
20 times as large. Errors are those of the gradients, the largest of all entries, against PyTorch's in float64.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import elman
from benchmarks.machine import describe
from elman import ctc

SHAPES = ((150, 16, 40, 30), (1000, 32, 30, 100))  # T, B, classes, labels
SCALES = {"normal": 1.0, "peaked": 20.0}


def by_torch(logits: np.ndarray, labels: np.ndarray) -> Callable[[], tuple[float, np.ndarray]]:
    """Returns PyTorch's computation; its gradient comes back as (B, T, O)."""
    n, steps, _ = logits.shape
    x = torch.tensor(np.ascontiguousarray(logits.transpose(1, 0, 2)), requires_grad=True)
    targets, lengths = torch.tensor(labels), torch.full((n,), steps)
    counts = torch.full((n,), labels.shape[1])
    loss = torch.nn.CTCLoss(reduction="sum")

    def run() -> tuple[float, np.ndarray]:
        x.grad = None
        value = loss(torch.log_softmax(x, -1), targets, lengths, counts)
        value.backward()
        assert x.grad is not None
        return value.item(), x.grad.numpy().transpose(1, 0, 2)

    return run


def by_elman(logits: np.ndarray, labels: np.ndarray) -> Callable[[], tuple[float, np.ndarray]]:
    def run() -> tuple[float, np.ndarray]:
        values, gradient = ctc.loss_and_grad(logits, labels)
        return float(values.sum()), gradient

    return run


def measure(shape: tuple[int, int, int, int], kind: str, seconds: float) -> dict[str, object]:
    steps, rows, classes, count = shape
    rng = np.random.default_rng(0)
    logits = (SCALES[kind] * rng.normal(size=(rows, steps, classes))).astype(np.float32)
    labels = rng.integers(1, classes, (rows, count))
    truth = by_torch(logits.astype(np.float64), labels)()
    ways = {"elman": by_elman(logits, labels), "torch": by_torch(logits, labels)}
    found: dict[str, object] = {"T": steps, "B": rows, "classes": classes, "labels": count, "logits": kind}
    for name, run in ways.items():
        value, gradient = run()
        found[f"{name} error"] = float(np.abs(gradient - truth[1]).max())
        found[f"{name} value error"] = abs(value / truth[0] - 1)
    times: dict[str, list[float]] = {name: [] for name in ways}
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(times["torch"]) < 3:
        for name, run in ways.items():
            began = time.process_time()
            run()
            times[name].append(1e3 * (time.process_time() - began))
    medians = {name: statistics.median(each) for name, each in times.items()}
    return found | medians | {"ratio": medians["torch"] / medians["elman"], "turns": len(times["torch"])}


def main() -> None:
    parser = argparse.ArgumentParser(description="The CTC loss and its gradient beside PyTorch's.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of all measurements together")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and the machine")
    given = parser.parse_args()
    elman.set_num_threads(1)
    torch.set_num_threads(1)
    print(f"{'T, B, classes, labels':24}{'logits':8}{'elman ms':>10}{'torch ms':>10}{'ratio':>7}{'errors':>20}")
    rows = []
    for shape in SHAPES:
        for kind in SCALES:
            row = measure(shape, kind, given.seconds / (len(SHAPES) * len(SCALES)))
            rows.append(row)
            sizes = ", ".join(map(str, shape))
            figures = f"{row['elman']:>10.2f}{row['torch']:>10.2f}{row['ratio']:>7.1f}"
            print(f"{sizes:24}{kind:8}{figures}{row['elman error']:>10.1e}{row['torch error']:>10.1e}", flush=True)
    if given.out is not None:
        about = {**describe(), "torch": torch.__version__, "isa": elman.show_config()["isa"]}
        given.out.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
