"""Files of detectors as elman 0.1.0 wrote them, in terms of the files of today, which are then checked as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.anomaly.calibration import KNOTS
from elman.anomaly.monitor import LISTS, NUMBERS
from elman.core import fields
from elman.core.describe import layout_from_plain
from elman.core.io import Shapes
from elman.estimators.base import Earlier

__all__ = ["EARLIER"]

FIELDS = ("options", "network", "log", "span", "seasons", "scales", "longest", "rows", "following")


def shapes(description: Mapping[str, Any]) -> Shapes:
    """The shape and dtype of each tensor of such a file; how long a season is, only the tensors say."""
    plain = _record(description)
    layout, count = layout_from_plain("network", plain["network"]), len(plain["scales"])
    numbers: dict[str, tuple[int | None, ...]] = {
        "learned": (7,),
        "quantiles": KNOTS.shape,
        "tails": (2, 2),
        "levels": (count,),
        "sizes": (count, 2),
        "course": (None,),
        "widths": (None,),
        **{f"monitor.{name}": (count,) for name in LISTS},
        "monitor.course": (None,),
        "monitor.numbers": (7,),
    }
    found: Shapes = {name: (shape, np.dtype(np.float64)) for name, shape in numbers.items()}
    single = np.dtype(np.float32)
    states = {f"monitor.stream.{slot.name}": ((1, slot.size), single) for slot in layout.states}
    return found | states | {"theta": ((layout.size,), single), "monitor.counts": ((2,), np.dtype(np.int64))}


def newer(
    description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `fit` left and its tensors, in the terms of `saved.CODEC`."""
    plain = _record(description)
    level, memory, lowest, seen, deviation, error, carry = tensors["learned"].tolist()
    theta = tensors["theta"]
    learned = {
        "shape": {
            "log": plain["log"],
            "lowest": lowest,
            "course": [len(tensors["course"])],
            "widths": [len(tensors["widths"])],
            "seen": seen,
        },
        "units": {"deviation": deviation, "error": error, "carry": carry},
        "network": {**plain["network"], "theta": ["float32", *theta.shape]},
        "calibration": {
            "errors": {"quantiles": tensors["quantiles"].tolist(), "tails": tensors["tails"].tolist()},
            "scales": plain["scales"],
            "levels": tensors["levels"].tolist(),
            "sizes": tensors["sizes"].tolist(),
            "longest": plain["longest"],
            "rows": plain["rows"],
        },
        "level": level,
        "memory": memory,
        "span": plain["span"],
        "seasons": plain["seasons"],
    }
    states = {name: each for name, each in tensors.items() if name.startswith("monitor.stream.")}
    numbers = tensors["monitor.numbers"].tolist() + tensors["monitor.counts"].tolist()
    monitor = {
        **dict(zip(NUMBERS, numbers, strict=True)),
        **{name: [len(tensors[f"monitor.{name}"])] for name in LISTS},
        "stream": {name.removeprefix("monitor.stream."): ["float32", *each.shape] for name, each in states.items()},
    }
    arrays = {f"learned.shape.{name}": tensors[name] for name in ("course", "widths")}
    arrays |= {f"monitor.{name}": tensors[f"monitor.{name}"] for name in LISTS}
    arrays["learned.network.theta"] = theta
    arrays["monitor.stream"] = np.concatenate([each.reshape(-1) for each in states.values()])
    return {"learned": learned, "monitor": monitor, "following": plain["following"]}, arrays


EARLIER = Earlier(shapes, newer)


def _record(description: Mapping[str, Any]) -> dict[str, Any]:
    return fields.record("detector", description, dict.fromkeys(FIELDS, fields.anything))
