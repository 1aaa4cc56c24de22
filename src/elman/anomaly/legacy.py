"""Converts the files of detectors that elman 0.1.0 wrote to the format of today, by which they are then checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.anomaly.calibration import KNOTS
from elman.anomaly.state import ARRAY_FIELDS, NUMBER_FIELDS
from elman.core import fields
from elman.core.files.describe import layout_from_plain
from elman.core.io import Shapes
from elman.estimators.base import Earlier

__all__ = ["EARLIER"]

FIELDS = ("options", "network", "log", "span", "seasons", "scales", "longest", "rows", "following")
ARRAYS = dict(zip(("course", "smoothed", "sized", "levels", "usual", "sizes"), ARRAY_FIELDS, strict=True))


def shapes(description: Mapping[str, Any]) -> Shapes:
    """Returns shape and dtype of each tensor of a file with this description; None stands for the season's length."""
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
        **{f"monitor.{name}": (count,) for name in ARRAYS},
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
    """Returns description and tensors of the same detector in the format of today."""
    plain = _record(description)
    level, memory, log_floor, seasons_seen, deviation, error, ar1 = tensors["learned"].tolist()
    theta = tensors["theta"]
    model = {
        "profile": {
            "log": plain["log"],
            "log_floor": log_floor,
            "effects": [len(tensors["course"])],
            "dispersion": [len(tensors["widths"])],
            "seasons_seen": seasons_seen,
        },
        "scaling": {"deviation": deviation, "error": error, "ar1": ar1},
        "network": {**plain["network"], "theta": ["float32", *theta.shape]},
        "calibration": {
            "distribution": {"quantiles": tensors["quantiles"].tolist(), "tails": tensors["tails"].tolist()},
            "scales": plain["scales"],
            "level_variances": tensors["levels"].tolist(),
            "spread_moments": tensors["sizes"].tolist(),
            "longest_run": plain["longest"],
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
        **dict(zip(NUMBER_FIELDS, numbers, strict=True)),
        **{new: [len(tensors[f"monitor.{old}"])] for old, new in ARRAYS.items()},
        "stream": {name.removeprefix("monitor.stream."): ["float32", *each.shape] for name, each in states.items()},
    }
    arrays = {
        "model.profile.effects": tensors["course"],
        "model.profile.dispersion": tensors["widths"],
        "model.network.theta": theta,
        "monitor.stream": np.concatenate([each.reshape(-1) for each in states.values()]),
    }
    arrays |= {f"monitor.{new}": tensors[f"monitor.{old}"] for old, new in ARRAYS.items()}
    return {"model": model, "monitor": monitor, "continuation": plain["following"]}, arrays


EARLIER = Earlier(shapes, newer)


def _record(description: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a description. Raises ValueError or TypeError where one is missing or unknown."""
    return fields.record("detector", description, dict.fromkeys(FIELDS, fields.anything))
