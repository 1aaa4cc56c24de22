"""Converts files of forecasters from elman 0.1.0 to the current format, as which they are then checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core import fields
from elman.core.files.describe import layout_from_plain
from elman.core.io import Shapes
from elman.estimators.base import Earlier

__all__ = ["EARLIER"]

DOUBLE, SINGLE, WHOLE = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)
FIELDS = ("options", "levels", "columns", "network", "model", "series", "skipped", "backtest")
OF_SERIES = ("id", "rows", "name", "time_name", "filled", "masked", "covariates", "calendar", "style")
OF_COVARIATES = ("past_names", "future_names", "static_names", "static", "known")
DENSITIES = ("gaussian", "student_t")
OF_BACKTEST = ("models", "labels", "starts", "series", "refit", "relative")


def shapes(description: Mapping[str, Any]) -> Shapes:
    """Returns the shape and dtype of each tensor of a file of elman 0.1.0.

    The number of networks is None in a shape, since only the tensor itself holds it.
    """
    plain = _record("forecaster", description, FIELDS)
    layout = layout_from_plain("network", plain["network"])
    series = [_series(f"series[{i}]", each) for i, each in enumerate(plain["series"])]
    horizon = fields.whole(1)("model.horizon", plain["model"].get("view", plain["model"])["horizon"])
    rows, covariates = sum(each["rows"] for each in series), series[0]["covariates"]
    found: Shapes = {"theta": ((None, layout.size), SINGLE), "values": ((rows,), DOUBLE)}
    if covariates is not None and covariates["past_names"]:
        found["past"] = (rows, len(covariates["past_names"])), DOUBLE
    if covariates is not None and covariates["future_names"]:
        found["future"] = (
            (sum((each["covariates"] or {}).get("known", 0) for each in series), len(covariates["future_names"])),
            DOUBLE,
        )
    if series[0]["calendar"] is not None:
        found["times"] = (rows,), WHOLE
    if plain["backtest"] is not None:
        windows, models = len(plain["backtest"]["starts"]), len(plain["backtest"]["models"])
        found |= {
            "backtest.truth": ((windows, horizon), DOUBLE),
            "backtest.forecasts": ((models, windows, horizon), DOUBLE),
            "backtest.scales": ((windows,), DOUBLE),
            "backtest.root_scales": ((windows,), DOUBLE),
        }
        if "view" in plain["model"]:
            found["backtest.units"] = (windows, horizon, 2), DOUBLE
    return found


def newer(
    description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns the description and the tensors of the same forecaster in the current format."""
    plain = _record("forecaster", description, FIELDS)
    series = [_series(f"series[{i}]", each) for i, each in enumerate(plain["series"])]
    theta = tensors["theta"]
    network = {**plain["network"], "theta": ["float32", theta.shape[1]]}
    single = series[0]["id"] is None
    ids = [each["name"] if single else each["id"] for each in series]
    found: dict[str, Any] = {
        "model": {**_model(plain["model"], len(theta)), "networks": [network] * len(theta)},
        "series": {id: _new_series(each) for id, each in zip(ids, series, strict=True)},
        "single": single,
        "skipped": plain["skipped"],
        "levels": plain["levels"],
        "columns": {name: _names(name, given) for name, given in plain["columns"].items()},
        "backtest": None,
    }
    if len(found["series"]) != len(series):
        raise ValueError("series: expected an id of its own for each")
    arrays = {"model.networks.theta": theta.reshape(-1), "series.values": tensors["values"]}
    if "times" in tensors:
        arrays["series.times"] = tensors["times"]
    if series[0]["covariates"] is not None:
        for name in ("past", "future"):
            arrays[f"series.covariates.{name}"] = tensors.get(name, np.zeros(0)).reshape(-1)
    if plain["backtest"] is not None:
        backtest = _record("backtest", plain["backtest"], OF_BACKTEST)
        own = {name: each for name, each in tensors.items() if name.startswith("backtest.")}
        arrays_of_backtest = {name.removeprefix("backtest."): [*each.shape] for name, each in own.items()}
        window = [*own["backtest.truth"].shape]
        units = arrays_of_backtest.pop("units", None)
        found["backtest"] = {
            **{name: backtest[name] for name in ("labels", "starts", "refit", "relative")},
            **arrays_of_backtest,
            "forecasts": dict.fromkeys(backtest["models"], window),
            "ids": backtest["series"] or ids * len(backtest["starts"]),
            "error_scale": units,
            "single": single,
        }
        if units is not None:
            own["backtest.error_scale"] = own.pop("backtest.units")
        arrays |= own | {"backtest.forecasts": own["backtest.forecasts"].reshape(-1)}
    return found, arrays


EARLIER = Earlier(shapes, newer)


def _record(name: str, plain: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """Checks that plain data is a mapping with the known fields, and returns it."""
    return fields.record(name, plain, dict.fromkeys(known, fields.anything))


def _series(name: str, plain: Any) -> dict[str, Any]:
    """Checks the description of a series, and returns it."""
    each = _record(name, plain, OF_SERIES)
    fields.whole(2)(f"{name}.rows", each["rows"])
    if each["covariates"] is not None:
        _record(f"{name}.covariates", each["covariates"], OF_COVARIATES)
        fields.whole()(f"{name}.covariates.known", each["covariates"]["known"])
    return each


def _new_series(each: dict[str, Any]) -> dict[str, Any]:
    """Returns the description of a series in the current format."""
    rows, old = each["rows"], each["covariates"]
    covariates = old and {
        **{name: old[name] for name in OF_COVARIATES if name != "known"},
        "past": [rows, len(old["past_names"])],
        "future": [old["known"], len(old["future_names"])],
    }
    times = None if each["calendar"] is None else [rows]
    kept = {name: value for name, value in each.items() if name not in ("id", "rows")}
    return {**kept, "values": [rows], "times": times, "covariates": covariates}


def _model(plain: dict[str, Any], members: int) -> dict[str, Any]:
    """Returns the description of a model in the current format, without its networks."""
    if "view" not in plain:
        base, power = plain["plan"]
        rest = {name: value for name, value in plain.items() if name != "plan"}
        return {"type": "local model/1", **rest, "configuration": {"base": base, "boxcox_lambda": power}}
    newer = {"head": "distribution", "skip": "skip_seasons", "power": "boxcox_lambda"}
    spec = {newer.get(name, name): value for name, value in plain["view"].items()}
    rest = {name: value for name, value in plain.items() if name != "view"}
    if spec.get("distribution") not in DENSITIES:
        return {"type": "direct model/1", **rest, "spec": spec}
    return {"type": "recursive model/1", **rest, "spec": spec, "path_seeds": list(range(members))}


def _names(option: str, given: Any) -> Any:
    """Returns names of columns; None in place of the arrays that files of 0.1.0 may hold instead of names."""
    several = isinstance(given, list) and all(isinstance(name, str) for name in given)
    return given if isinstance(given, str) or (several and option in ("past", "future", "static")) else None
