"""A fitted detector as plain JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.anomaly.calibration import KNOTS, Calibration, Errors, scales_of
from elman.anomaly.following import Following
from elman.anomaly.learned import LEAST_ROWS, Learned, calibrated, memory_of
from elman.anomaly.monitor import LISTS, Monitor
from elman.anomaly.network import LEAST, QUANTILES, Units
from elman.anomaly.shape import LEAST as LEAST_SEASONS
from elman.anomaly.shape import Shape
from elman.core import fields
from elman.core.describe import layout_from_plain
from elman.core.layers import Layout
from elman.core.stack import is_stack
from elman.network import Network

if TYPE_CHECKING:
    from elman.anomaly.detector import AnomalyDetector
    from elman.core.io import Shapes

__all__ = ["contents", "described", "restore", "shapes"]

FARTHEST = 1e150  # of levels and units: their products are still numbers
LONGEST = 2**64  # of a season that was asked for, which may be longer than any series


def contents(
    detector: AnomalyDetector, monitor: Monitor, following: Following
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(description, tensors) as a file holds them."""
    learned = monitor.learned
    network, _ = learned.network.contents()
    calibration, shape = learned.calibration, learned.shape
    description: dict[str, Any] = {
        "options": detector.plain_options(),
        "network": {"layers": network["layers"], "input_size": network["input_size"]},
        "log": shape.log,
        "span": learned.span,
        "seasons": list(learned.seasons),
        "scales": list(calibration.scales),
        "longest": calibration.longest,
        "rows": calibration.rows,
        "following": following.plain(),
    }
    numbers = {
        "learned": [
            learned.level, learned.memory, shape.lowest, shape.seen,
            learned.units.deviation, learned.units.error, learned.units.carry,
        ],
        "quantiles": calibration.errors.quantiles,
        "tails": calibration.errors.tails,
        "levels": calibration.levels,
        "sizes": np.reshape(calibration.sizes, (-1, 2)),
    }  # fmt: skip
    tensors = {name: np.array(values, np.float64) for name, values in numbers.items()}
    tensors |= {"theta": learned.network.theta, "course": shape.course, "widths": shape.widths}
    return description, tensors | {f"monitor.{name}": array for name, array in monitor.contents().items()}


def described(kind: type[AnomalyDetector], description: Mapping[str, Any]) -> dict[str, Any]:
    """The checked fields of a description: its `options` as a detector that is not fitted, its `network` as a Layout.
    ValueError or TypeError for anything that `contents` never says."""
    known: dict[str, fields.Check] = {
        "options": lambda _, plain: kind.of_options(plain),
        "network": layout_from_plain,
        "log": fields.flag,
        "span": fields.whole(2),
        "seasons": fields.items(fields.whole(1, LONGEST), 1),
        "scales": fields.items(fields.whole(2)),
        "longest": fields.whole(1),
        "rows": fields.whole(LEAST_ROWS),
        "following": Following.of_plain,
    }
    plain = fields.record("detector", description, known)
    rows, span, seasons = plain["rows"], plain["span"], plain["seasons"]
    if span > max(2, rows // 8) or plain["longest"] > rows or sorted({*seasons}) != [*seasons]:
        raise ValueError(f"span: expected span, longest run and rising seasons of {rows} rows, got {span}")
    expected = scales_of(span, calibrated(rows, span))
    if plain["scales"] != expected:
        raise ValueError(f"scales: expected {expected} of {rows} rows and span {span}, got {plain['scales']}")
    layout: Layout = plain["network"]
    if not is_stack(layout.layers, len(QUANTILES), "sequence", skip=True):
        raise ValueError("network: expected one recurrent layer that answers three quantiles")
    return plain


def shapes(plain: Mapping[str, Any]) -> Shapes:
    """Of every array of a detector with this checked description; how long a season is, only the arrays say."""
    layout: Layout = plain["network"]
    count = len(plain["scales"])
    season: dict[str, tuple[int | None, ...]] = dict.fromkeys(("course", "widths", "monitor.course"), (None,))
    numbers: dict[str, tuple[int | None, ...]] = {
        "learned": (7,),
        "quantiles": KNOTS.shape,
        "tails": (2, 2),
        "levels": (count,),
        "sizes": (count, 2),
        **season,
        **{f"monitor.{name}": (count,) for name in LISTS if name != "course"},
        "monitor.numbers": (7,),
    }
    found: Shapes = {name: (shape, np.dtype(np.float64)) for name, shape in numbers.items()}
    single = np.dtype(np.float32)
    states = {f"monitor.stream.{slot.name}": ((1, slot.size), single) for slot in layout.states}
    return found | states | {"theta": ((layout.size,), single), "monitor.counts": ((2,), np.dtype(np.int64))}


def restore(
    kind: type[AnomalyDetector], description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[AnomalyDetector, Monitor, Following]:
    """The detector with its options alone, and what else `contents` described, whose `shapes` fit. ValueError or
    TypeError where it does not fit together."""
    plain = described(kind, description)
    for name, array in tensors.items():
        if not (np.abs(array) <= (np.finfo(array.dtype).max if array.dtype.kind == "f" else 2**62)).all():
            raise ValueError(f"{name}: expected finite numbers")
    learned = _learned(plain, tensors)
    state = {name.removeprefix("monitor."): each for name, each in tensors.items() if name.startswith("monitor.")}
    for name, values in (("course", state["course"]), ("numbers", state["numbers"][1:4]), ("learned", [learned.level])):
        if np.abs(values).max() > FARTHEST:
            raise ValueError(f"{name}: expected numbers up to {FARTHEST:g}")
    monitor = Monitor.resumed(learned, state)
    plain["following"].check_row(monitor.row - 1)
    return plain["options"], monitor, plain["following"]


def _learned(plain: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Learned:
    level, memory, lowest, seen, deviation, error, carry = tensors["learned"].tolist()
    course, widths, rows = tensors["course"], tensors["widths"], plain["rows"]
    (low, high), quantiles = tensors["tails"].tolist(), tensors["quantiles"]
    errors = Errors(tuple(quantiles.tolist()), ((low[0], low[1]), (high[0], high[1])))
    sizes = tuple((mean, variance) for mean, variance in tensors["sizes"].tolist())
    calibration = Calibration(errors, plain["scales"], tuple(tensors["levels"].tolist()), sizes, plain["longest"], rows)
    shape = Shape(plain["log"], lowest, course, widths, seen)
    network = Network.from_theta(plain["network"], tensors["theta"])
    units = Units(deviation, error, carry)
    learned = Learned(shape, units, network, calibration, level, memory, plain["span"], plain["seasons"])
    m = len(course)
    if len(widths) != m or len(tensors["monitor.course"]) != m:
        raise ValueError(f"widths: expected one for each of the {m} places of the course")
    if m != 1 and not (m in plain["seasons"] and rows >= LEAST_SEASONS * m):
        raise ValueError(f"course: expected one place, or as many as one of the seasons has, got {m}")
    if memory != memory_of(plain["span"], m, rows) or seen != (rows / m if m > 1 else 1.0):
        raise ValueError(f"learned: expected memory and seasons of {rows} rows, got {memory} and {seen}")
    if network.input_size != 2 + learned.places().shape[1]:
        raise ValueError("network: expected one that reads what the season shows")
    if not (LEAST <= min(deviation, error) <= max(deviation, error) <= FARTHEST and 0.0 <= carry <= 1.0):
        raise ValueError("learned: expected units above zero, and a share that is carried")
    if (lowest != 0.0 and not (plain["log"] and lowest > 0.0)) or (plain["log"] and lowest == 0.0):
        raise ValueError(f"learned: expected a lowest value where logarithms are taken, got {lowest}")
    if not (widths.min() >= 0.05 and widths.max() <= 2.0 * m + 1.0):
        raise ValueError("widths: expected spreads about 1")
    shapes = np.abs([low[0], high[0]])
    if not ((shapes >= 1e-3) & (shapes < 1.0)).all() or min(low[1], high[1]) <= 0.0 or (np.diff(quantiles) <= 0).any():
        raise ValueError("tails: expected rising quantiles, and tails with a shape and a scale")
    return learned
