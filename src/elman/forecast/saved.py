"""A fitted Forecaster as plain JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.forecast.backtest import Backtest
from elman.forecast.described import described
from elman.forecast.intervals import check_enough
from elman.forecast.metrics import rmsse_scale
from elman.forecast.model import Model
from elman.forecast.pooled import PooledModel
from elman.network import Network
from elman.series.inputs import Covariates
from elman.series.limits import LARGEST, MEMBERS
from elman.series.panel import Panel
from elman.series.series import Series

if TYPE_CHECKING:
    from elman.forecast.forecaster import Forecaster

__all__ = ["contents", "restore"]


def contents(forecaster: Forecaster) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(description, tensors) as a file holds them."""
    model, backtest, series = forecaster.model_, forecaster.backtest_, forecaster.series_
    panel = {None: series} if isinstance(series, Series) else series
    plain, _ = model.networks[0].contents()
    description: dict[str, Any] = {
        "options": forecaster.plain_options(),
        "levels": list(forecaster.levels_),
        "columns": forecaster.named_columns()._asdict(),
        "network": {"layers": plain["layers"], "input_size": plain["input_size"]},
        "model": _plain_model(model),
        "series": [{"id": name, "rows": len(each), **_plain_series(each)} for name, each in panel.items()],
        "skipped": forecaster.skipped_,
        "backtest": None,
    }
    tensors = {
        "theta": np.stack([network.theta for network in model.networks]),
        "values": np.concatenate([each.values for each in panel.values()]),
    }
    for name in ("past", "future"):
        each = [getattr(s.covariates, name) for s in panel.values() if s.covariates is not None]
        if each and each[0].shape[1]:
            tensors[name] = np.concatenate(each)
    times = [each.times.astype(np.int64) for each in panel.values() if each.times is not None]
    if times:
        tensors["times"] = np.concatenate(times)
    if backtest is not None:
        description["backtest"] = {
            "models": list(backtest.forecasts),
            "labels": [list(pair) for pair in backtest.labels],
            "starts": list(backtest.starts),
            "series": list(backtest.series),
            "refit": backtest.refit,
            "relative": backtest.relative,
        }
        tensors |= {
            "backtest.truth": backtest.truth,
            "backtest.forecasts": np.stack(list(backtest.forecasts.values())),
            "backtest.scales": backtest.scales,
        }
        if backtest.root_scales is not None:  # always, of a forecaster's own
            tensors["backtest.root_scales"] = backtest.root_scales
        if backtest.units is not None:
            tensors["backtest.units"] = backtest.units
    return description, tensors


def restore(kind: type[Forecaster], description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Forecaster:
    """What `contents` described, whose `shapes` fit. ValueError or TypeError where it does not fit together."""
    plain = described(kind, description)
    theta = tensors["theta"]
    if not 1 <= len(theta) <= MEMBERS or not np.isfinite(theta).all():
        raise ValueError(f"theta: expected 1 to {MEMBERS} networks, of finite numbers, got {len(theta)}")
    networks = tuple(Network.from_theta(plain["network"], row) for row in theta)
    forecaster: Forecaster = plain["options"]
    forecaster.model_ = model = replace(plain["model"], networks=networks)
    panel = _panel(plain["series"], tensors)
    forecaster.skipped_ = plain["skipped"]
    forecaster.series_ = panel[None] if None in panel else Panel(panel, forecaster.skipped_)  # type: ignore[arg-type]
    forecaster.name_columns(**plain["columns"]._asdict())
    forecaster.horizon_, forecaster.season_, forecaster.levels_ = model.horizon, model.season, plain["levels"]
    forecaster.backtest_ = None
    if plain["backtest"] is not None:
        forecaster.backtest_ = tested = _backtest(plain["backtest"], tensors, panel, model)
        check_enough(plain["levels"], int(np.isfinite(tested.truth).sum()))
    return forecaster


# ------------------------------------------------------------------------------------------------ to JSON


def _plain_series(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "time_name": series.time_name,
        "filled": list(series.filled),
        "masked": series.masked,
        "covariates": None if series.covariates is None else _plain_covariates(series.covariates),
        "calendar": None if series.calendar is None else vars(series.calendar),
        "style": vars(series.style),
    }


def _plain_covariates(given: Covariates) -> dict[str, Any]:
    names = {f"{kind}_names": list(getattr(given, f"{kind}_names")) for kind in ("past", "future", "static")}
    return {**names, "static": list(given.static), "known": len(given.future)}


def _plain_model(model: Model | PooledModel) -> dict[str, Any]:
    if isinstance(model, PooledModel):
        return {"view": {**vars(model.view), "seasons": list(model.view.seasons), "inputs": vars(model.view.inputs)}}
    return {
        "inputs": vars(model.inputs),
        "lags": model.lags,
        "plan": list(model.plan),
        "context": model.context,
        "season": model.season,
        "horizon": model.horizon,
        "shrink": model.shrink,
    }


# ---------------------------------------------------------------------------------------------- from arrays


def _panel(plain: Sequence[Mapping[str, Any]], tensors: Mapping[str, np.ndarray]) -> dict[str | None, Series]:
    """The series by their ids, None for one alone."""
    rows = [each["rows"] for each in plain]
    beside = [each["covariates"] for each in plain]
    known = [0 if about is None else about["known"] for about in beside]
    values = _parts("values", tensors, rows)
    if np.abs(tensors["values"]).max() > LARGEST:
        raise ValueError(f"values: expected numbers up to {LARGEST:g}")
    times = _parts("times", tensors, rows)
    pasts, futures = _parts("past", tensors, rows), _parts("future", tensors, known)
    found: dict[str | None, Series] = {}
    for i, (each, about) in enumerate(zip(plain, beside, strict=True)):
        moments = None if times is None else times[i].astype("datetime64[us]")
        if moments is not None:
            steps, there = each["calendar"].index(moments)
            if not there.all() or (steps != np.arange(len(steps))).any():
                raise ValueError(f"times: expected those of the calendar ({each['calendar'].name}) in series[{i}]")
        covariates = None if about is None else Covariates(
            np.zeros((rows[i], 0)) if pasts is None else pasts[i],
            np.zeros((known[i], 0)) if futures is None else futures[i],
            *(about[name] for name in ("static", "past_names", "future_names", "static_names")),
        )  # fmt: skip
        assert values is not None
        found[each["id"]] = Series(
            values[i],
            moments,
            each["calendar"],
            each["style"],
            each["name"],
            each["time_name"],
            each["filled"],
            each["masked"],
            covariates,
        )
    return found


def _parts(name: str, tensors: Mapping[str, np.ndarray], counts: Sequence[int]) -> list[np.ndarray] | None:
    """The rows of each series in an array of all; None where there is no such array."""
    array = tensors.get(name)
    if array is None:
        return None
    if name != "times" and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return np.split(array, np.cumsum(counts)[:-1])


def _backtest(
    plain: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    panel: Mapping[str | None, Series],
    model: Model | PooledModel,
) -> Backtest:
    """The backtest; what the series themselves say of its windows must be what the file says."""
    arrays = {name.removeprefix("backtest."): each for name, each in tensors.items() if name.startswith("backtest.")}
    truth, forecasts, scales, roots = (arrays[name] for name in ("truth", "forecasts", "scales", "root_scales"))
    units = arrays.get("units")
    names = plain["series"] or (None,) * len(truth)
    expected = np.empty(len(truth))
    for w, (name, start) in enumerate(zip(names, plain["starts"], strict=True)):
        series, end = panel[name], start + model.horizon
        labels = series.label(start), series.label(end - 1)
        expected[w] = rmsse_scale(series.head(start).observed)
        if plain["labels"][w] != labels or not _same(truth[w], series.observed[start:end]):
            raise ValueError(f"backtest: expected the rows from {labels[0]} to {labels[1]} in window {w}, got others")
    if not np.isclose(roots, expected, rtol=1e-6, atol=0.0, equal_nan=True).all():
        raise ValueError("backtest.root_scales: expected those of the rows before the windows, got others")
    if not np.isfinite(forecasts).all() or not (np.isnan(scales) | ((scales > 0.0) & np.isfinite(scales))).all():
        raise ValueError("backtest: expected finite forecasts, and scales above zero")
    if units is not None and not ((units >= 0.0) & np.isfinite(units)).all():
        raise ValueError("backtest: expected units of at least zero")
    tried = dict(zip(plain["models"], forecasts, strict=True))
    about = plain["labels"], plain["starts"], plain["series"]
    return Backtest(truth, tried, scales, *about, units, roots, plain["refit"], plain["relative"])


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether arrays are equal, NaN where the other has it."""
    return bool(((one == other) | (np.isnan(one) & np.isnan(other))).all())
