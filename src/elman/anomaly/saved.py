"""A fitted detector as plain JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import checks
from elman.anomaly.calibration import KNOTS, Calibration, Errors
from elman.anomaly.following import Following
from elman.anomaly.learned import Learned
from elman.anomaly.monitor import Monitor
from elman.anomaly.network import Units
from elman.anomaly.shape import Shape
from elman.describe import layers_from_plain
from elman.layers import Layout
from elman.network import Network

if TYPE_CHECKING:
    from elman.anomaly.detector import AnomalyDetector

__all__ = ["contents", "restore"]


def contents(
    detector: AnomalyDetector, monitor: Monitor, following: Following
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(description, tensors) as a file holds them."""
    learned = monitor.learned
    network, _ = learned.network.contents()
    calibration, shape = learned.calibration, learned.shape
    description: dict[str, Any] = {
        "options": _plain_options(detector.get_params()),
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


def restore(
    description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Monitor, Following]:
    """The options, and what `contents` described. ValueError, TypeError or KeyError where it does not fit together."""
    plain = description["network"]
    layout = Layout(layers_from_plain(plain["layers"]), plain["input_size"])
    theta = tensors["theta"]
    if theta.dtype != np.float32:
        raise ValueError(f"theta: expected float32, got {theta.dtype}")
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: expected finite numbers")
    scales = tuple(checks.whole("scales", each, low=2) for each in description["scales"])
    seasons = tuple(checks.whole("seasons", each, low=1) for each in description["seasons"])
    level, memory, lowest, seen, deviation, error, carry = _floats(tensors["learned"], (7,)).tolist()
    course = _floats(tensors["course"], tensors["course"].shape[:1])
    widths = _floats(tensors["widths"], course.shape)
    low, high = _floats(tensors["tails"], (2, 2)).tolist()
    quantiles = _floats(tensors["quantiles"], KNOTS.shape)
    errors = Errors(tuple(quantiles.tolist()), ((low[0], low[1]), (high[0], high[1])))
    calibration = Calibration(
        errors,
        scales,
        tuple(_floats(tensors["levels"], (len(scales),)).tolist()),
        tuple((mean, size) for mean, size in _floats(tensors["sizes"], (len(scales), 2)).tolist()),
        checks.whole("longest", description["longest"], low=1),
        checks.whole("rows", description["rows"], low=1),
    )
    shape = Shape(checks.flag("log", description["log"]), lowest, course, widths, seen)
    learned = Learned(
        shape,
        Units(deviation, error, carry),
        Network.from_theta(layout, theta),
        calibration,
        level,
        memory,
        checks.whole("span", description["span"], low=1),
        seasons,
    )
    if (learned.network.input_size, learned.network.output_size) != (2 + learned.places().shape[1], 3):
        raise ValueError("network: expected one that reads what the season shows, and answers three quantiles")
    positive = [deviation, error, memory, seen, low[1], high[1], *widths, *np.diff(quantiles), *calibration.levels]
    if not len(course) or min(positive) <= 0.0 or (shape.log and lowest <= 0.0) or 0.0 in (low[0], high[0]):
        raise ValueError("learned: expected units, spreads and tails above zero")
    following = Following.from_plain(description["following"])
    state = {name.removeprefix("monitor."): each for name, each in tensors.items() if name.startswith("monitor.")}
    return dict(description["options"]), Monitor.resumed(learned, state), following


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as JSON says them."""
    season = options["season"]
    if isinstance(season, list | tuple):
        season = [int(each) for each in season]
    plain = {**options, "season": season}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in plain.items()}


def _floats(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.dtype != np.float64 or array.shape != shape:
        raise ValueError(f"expected float64 {shape}, got {array.dtype} {array.shape}")
    return array
