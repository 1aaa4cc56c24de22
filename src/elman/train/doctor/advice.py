"""What to try after a training that stopped."""

from __future__ import annotations

import math

from elman.train.doctor.extremes import size
from elman.train.doctor.report import Report

__all__ = ["advice"]

UNUSUAL = 1e3  # a weight of this size is mentioned
UNSCALED = 1e4  # inputs and targets of this size are mentioned


def advice(report: Report, clip_norm: float | None) -> tuple[str, ...]:
    """Returns what to try, the likeliest first, for a training with this clip_norm."""
    found: list[str] = []
    trained, rate = bool(report.recent_losses), f"{report.learning_rate:.3g}"
    if report.weights:
        lower = f"the updates before made them so: a learning rate far below {rate}"
        came = lower if trained else "they were given"
        found.append(f"weights out of bounds ({report.weights[0]}): {came}; start again from weights that are sound")
    elif size(report.largest_weight) > UNUSUAL:
        found.append(f"a learning rate far below {rate}: a weight has reached {report.largest_weight}")
    for extreme, name in ((report.largest_x, "inputs"), (report.largest_y, "targets")):
        if extreme is not None and size(extreme) > UNSCALED:
            found.append(f"look at {extreme}; bring {name} to a mean near 0 and a deviation near 1")
    if report.place is not None and report.place.way == "forward" and report.place.kind == "simple" and not found:
        found.append("states of this cell may grow without bound: smaller recurrent weights, or tanh, LSTM or GRU")
    if report.place is not None and report.place.quantity in ("dL/dh", "dL/da"):
        found.append("gradients that grow on their way back: truncate=, or smaller recurrent weights")
    if report.in_float64 is not None and all(map(math.isfinite, report.in_float64)) and not report.weights:
        found.append('dtype="float64", in which this update is finite')
    if not found:
        found.append(f"a learning rate below {rate}")
    if clip_norm is None and trained:
        found.append("clip_norm=1.0, which bounds each step of the weights")
    return tuple(found)
