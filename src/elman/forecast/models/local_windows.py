"""Windows of one series: the inputs and targets of the networks of a local model.

A window is a context of c rows, which the network reads, and the h rows that are forecast. Two features are made of
each row: the value minus the window's level, divided by the window's spread (a standard deviation), and the change from
the previous row (or season), divided by the mean size of such changes. So the network does not depend on the level and
the unit of the series. A step of the network reads a few consecutive rows, called lags. The network outputs the
difference from the base, the naive or seasonal naive forecast, divided by the window's scale. Head and skip path are
initialized with zeros, so training starts from the base. The features of covariates are made by
`series.inputs.covariate_features`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from elman.core import checks
from elman.estimators.recipe import Recipe
from elman.estimators.training import Round
from elman.forecast.evaluation.folds import cut
from elman.forecast.models.window_spec import min_unit
from elman.series.errors import DataError
from elman.series.inputs import CovariateWindows, Inputs, covariate_features
from elman.series.series import Series

__all__ = [
    "FEATURES",
    "LAGS",
    "Configuration",
    "ValidatedWindows",
    "configurations",
    "context_rows",
    "min_context",
    "min_rows",
    "series_covariates",
    "steps_and_lags",
    "windows",
]

FLAT = 0.1  # smallest spread of a window, as a fraction of the mean absolute change from row to row in the series
WINDOWS = 3  # smallest number of training windows
CHECKED = 4  # updates between two looks at the validation windows
FEATURES = 2  # features of a row: scaled value and scaled change
LAGS = 4  # number of rows that a step of the network reads


class Configuration(NamedTuple):
    """What is chosen by the validation rows: the base of the forecasts, and the transformation of the series."""

    base: str  # "last": the network's output is added to the last value; "season": to the last season
    boxcox_lambda: float  # lambda of the Box-Cox transformation


@dataclass(frozen=True, eq=False)
class ValidatedWindows:
    """`TrainingData` of a local model: training windows, and later validation windows for early stopping."""

    x: np.ndarray  # (n, T, F) inputs of the training windows
    y: np.ndarray  # (n, h) targets of the training windows
    x_validation: np.ndarray  # inputs of the validation windows
    y_validation: np.ndarray  # targets of the validation windows

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Yields the only round: epochs on all windows, until the validation loss no longer falls.

        An epoch holds each window so often that it takes `CHECKED` updates or more.
        """
        assert recipe.patience is not None
        times = -(-CHECKED * recipe.batch_size // len(self.x))
        x, y = (np.concatenate([each] * times) for each in (self.x, self.y))
        epoch = -(-len(x) // recipe.batch_size)  # updates in one epoch
        yield Round(
            x,
            y,
            epochs=max(1, recipe.updates // epoch),
            validation=(self.x_validation, self.y_validation),
            patience=max(3, recipe.patience // epoch),
        )


def configurations(values: np.ndarray, season: int, boxcox_lambda: float | None) -> list[Configuration]:
    """Returns the configurations to be tried on a series.

    boxcox_lambda   None: both 1 (no transformation) and 0 (logarithms) are tried. Values of 0 and below are never
                    transformed
    """
    bases = ("season", "last") if season > 1 else ("last",)
    if values.min() <= 0.0:
        return [Configuration(base, 1.0) for base in bases]
    lambdas = (1.0, 0.0) if boxcox_lambda is None else (boxcox_lambda,)
    return [Configuration(base, each) for base in bases for each in lambdas]


# ----------------------------------------------------------------------------------------------- how many rows


def min_rows(horizon: int, season: int) -> int:
    """Returns the smallest number of rows on which a model can be trained.

    It is the smallest number for which `_max_context` is at least `min_context`.
    """
    read = min_context(season) + WINDOWS - 1
    trained = read + horizon  # training rows; `folds.cut` adds a fifth of all rows, or one horizon, for validation
    return max(read + 2 * horizon, trained + (trained - 1) // 4)


def context_rows(requested: int | None, rows: int, horizon: int, season: int) -> int:
    """Returns the context in rows for a series of `rows` rows.

    requested   the context that the user asks for; None: two seasons, or without a season twice the horizon, from 8 to
                24 rows; fewer if the series is short
    """
    least = min_context(season)
    most = _max_context(rows, horizon)
    if requested is None:
        default = 2 * season if season > 1 else max(8, min(2 * horizon, 24))
        return min(max(default, least), max(least, rows // 2 - horizon), most)
    if checks.whole("context", requested, low=least) > most:
        raise DataError(f"context: {requested} rows are too many for {rows} rows and horizon {horizon}; at most {most}")
    return requested


def min_context(season: int) -> int:
    """Returns the smallest context in rows: enough for one change over a season, or for two changes over one row."""
    return season + 1 if season > 1 else 3


def _max_context(rows: int, horizon: int) -> int:
    """Returns the largest context in rows for which `WINDOWS` windows fit into the training rows."""
    return cut(rows, horizon) - horizon - WINDOWS + 1


def steps_and_lags(context: int, base: str, season: int, lags: int) -> tuple[int, int]:
    """Returns the number of steps of a window, and the number of rows in each step, at most `lags`."""
    rows = context - (season if base == "season" else 1)
    lags = max(1, min(lags, rows // 2))
    return rows - lags + 1, lags


# ------------------------------------------------------------------------------------------------- the windows


def windows(
    z: np.ndarray,
    first: np.ndarray,
    base: str,
    context: int,
    season: int,
    horizon: int,
    lags: int,
    covariates: CovariateWindows | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the network's input x (n, T, F), float32, the base (n, h) and the scale (n, 1) of windows.

    z            (rows,) transformed values
    first        (n,) index of the first forecast row of each window
    base         "last" or "season", as in `Configuration`
    lags         number of rows in each step
    covariates   covariates of all rows of z

    The forecast is base + scale * output of the network. Without covariates, F is FEATURES * lags, and x is a view of
    overlapping steps.
    """
    lag = season if base == "season" else 1
    bases = z[first[:, None] - lag + np.arange(horizon) % lag]
    read = sliding_window_view(z, context)[first - context]
    change = read[:, lag:] - read[:, :-lag]
    floor = max(FLAT * float(np.abs(np.diff(z)).mean()), float(min_unit(np.abs(z).max())))
    spread = np.maximum(read.std(axis=1, keepdims=True), floor)
    size = np.maximum(np.abs(change).mean(axis=1, keepdims=True), floor)
    # without a seasonal base, the change over one row says little about the change over h rows, so the spread is used
    scale = spread if lag < season else size
    level = read[:, -season:].mean(axis=1, keepdims=True) if season > 1 else read[:, -1:]
    rows = np.stack([(read[:, lag:] - level) / spread, change / scale], axis=2).astype(np.float32)
    steps, lags = steps_and_lags(context, base, season, lags)
    # rows (n, c - lag, FEATURES) are contiguous, so `lags` consecutive rows are the features of a step
    x = as_strided(rows, (len(rows), steps, FEATURES * lags), rows.strides, writeable=False)
    if covariates is None:
        return x, bases, scale
    at = first[:, None] - context + np.arange(context + horizon)
    of_windows = CovariateWindows(
        covariates.past[at[:, :context]],
        covariates.future[at],
        np.broadcast_to(covariates.static, (len(first), len(covariates.static))),
        covariates.unknown[at[:, :context]],
    )
    extra = covariate_features(lag + lags + np.arange(steps), lags, lag, of_windows)
    return np.concatenate([x, extra], axis=2), bases, scale


def series_covariates(inputs: Inputs, series: Series, required: int, horizon: int) -> CovariateWindows | None:
    """Returns the covariates of all rows of a series and of `horizon` rows after it; None without covariates.

    They must be known for the first `required` rows after the series; the last known ones are repeated up to `horizon`.
    """
    if not inputs:
        return None
    reach = inputs.reach(series, required, horizon)
    future = inputs.future_of(series, reach)
    future = np.concatenate([future, np.repeat(future[-1:], horizon - reach, axis=0)])
    static = inputs.static_of(series)
    return CovariateWindows(inputs.past_of(series), future, static, np.zeros((len(series), 0)))
