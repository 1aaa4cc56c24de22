"""The windows of one series that the networks of a local model are trained on and answer.

A window is c rows that are read and h rows that are forecast. The network never sees the level of a series or its
unit: it reads the window less its own level over its own spread, and beside it the change from row to row (or season to
season) over that change's usual size, a few rows at each step. It answers with the difference from a `base` that needs
no network, in the same unit. A linear path leads from the last step to the answer; head and path begin at zero, so
training starts from the base. Covariates stand beside the values as `covariates.beside` lays them out.
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
from elman.forecast.models.window_spec import least_unit
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
    "covariates_beside",
    "least_context",
    "least_rows",
    "steps_and_lags",
    "windows",
]

FLAT = 0.1  # of the usual change from row to row: the least unit that a window is measured in, however flat it is
WINDOWS = 3  # the fewest training windows
FEATURES = 2  # of a row: the level, and the change
LAGS = 4  # rows that a step of the network reads side by side


class Configuration(NamedTuple):
    """What the validation rows choose: the base that the network's answer is added to, "last" (the last value) or
    "season" (the last season), and the Box-Cox lambda that the series is transformed with."""

    base: str
    boxcox_lambda: float


@dataclass(frozen=True, eq=False)
class ValidatedWindows:
    """Windows to train on, and later ones that say when to stop: `TrainingData` of a local model.

    x, y              (n, T, F) and (n, h), of the training windows
    x_later, y_later  the same of the validation windows
    """

    x: np.ndarray
    y: np.ndarray
    x_later: np.ndarray
    y_later: np.ndarray

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """All of the training at once: epochs until the validation windows are answered no better."""
        assert recipe.patience is not None
        epoch = -(-len(self.x) // recipe.batch_size)  # updates
        yield Round(
            self.x,
            self.y,
            epochs=max(1, recipe.updates // epoch),
            validation=(self.x_later, self.y_later),
            patience=max(3, recipe.patience // epoch),
        )


def configurations(values: np.ndarray, season: int, boxcox_lambda: float | None) -> list[Configuration]:
    """The configurations to be tried on a series; a lambda of None is to be found, where all values are above 0."""
    bases = ("season", "last") if season > 1 else ("last",)
    if values.min() <= 0.0:
        return [Configuration(base, 1.0) for base in bases]
    lambdas = (1.0, 0.0) if boxcox_lambda is None else (boxcox_lambda,)
    return [Configuration(base, each) for base in bases for each in lambdas]


# ----------------------------------------------------------------------------------------------- how many rows


def least_rows(horizon: int, season: int) -> int:
    """The fewest rows that a model can be trained on: of so many the context is one that `_most_context` allows."""
    read = least_context(season) + WINDOWS - 1
    trained = read + horizon  # what `folds.cut` must leave, of which a fifth is cut off, or a horizon
    return max(read + 2 * horizon, trained + (trained - 1) // 4)


def context_rows(wanted: int | None, rows: int, horizon: int, season: int) -> int:
    """The rows of a window that are read: what was asked for; else two seasons, or twice the horizon and at least 8;
    less where the rows are few."""
    least = least_context(season)
    most = _most_context(rows, horizon)
    if wanted is None:
        usual = 2 * season if season > 1 else max(8, min(2 * horizon, 24))
        return min(max(usual, least), max(least, rows // 2 - horizon), most)
    if checks.whole("context", wanted, low=least) > most:
        raise DataError(f"context: {wanted} rows are too many for {rows} rows and horizon {horizon}; at most {most}")
    return wanted


def least_context(season: int) -> int:
    """The fewest rows that can be read: one difference over a season, or over one row and another to scale it by."""
    return season + 1 if season > 1 else 3


def _most_context(rows: int, horizon: int) -> int:
    """What leaves enough windows that end within the training rows."""
    return cut(rows, horizon) - horizon - WINDOWS + 1


def steps_and_lags(context: int, base: str, season: int, lags: int) -> tuple[int, int]:
    """How many steps a window has, and how many rows stand side by side in each."""
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
    shown: CovariateWindows | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network reads, and what its answer is added to, of windows of transformed values z.

    first   (n,): the row at which each window's forecast begins
    base    "last" or "season", as in `Configuration`
    shown   the covariates beside all rows of z

    Returns x (n, T, F) float32, base (n, h) and scale (n, 1): the forecast is base + scale * answer. Without covariates
    F is FEATURES * lags, and x a view of overlapping steps.
    """
    lag = season if base == "season" else 1
    bases = z[first[:, None] - lag + np.arange(horizon) % lag]
    read = sliding_window_view(z, context)[first - context]
    change = read[:, lag:] - read[:, :-lag]
    floor = max(FLAT * float(np.abs(np.diff(z)).mean()), float(least_unit(np.abs(z).max())))
    spread = np.maximum(read.std(axis=1, keepdims=True), floor)
    size = np.maximum(np.abs(change).mean(axis=1, keepdims=True), floor)
    # within a season, a row's own step says little about how far h rows lead: there the spread is the unit
    scale = spread if lag < season else size
    level = read[:, -season:].mean(axis=1, keepdims=True) if season > 1 else read[:, -1:]
    rows = np.stack([(read[:, lag:] - level) / spread, change / scale], axis=2).astype(np.float32)
    steps, lags = steps_and_lags(context, base, season, lags)
    # rows (n, c - lag, FEATURES) are contiguous, so `lags` of them one after the other are the features of a step
    x = as_strided(rows, (len(rows), steps, FEATURES * lags), rows.strides, writeable=False)
    if shown is None:
        return x, bases, scale
    at = first[:, None] - context + np.arange(context + horizon)
    own = CovariateWindows(
        shown.past[at[:, :context]],
        shown.future[at],
        np.broadcast_to(shown.static, (len(first), len(shown.static))),
        shown.unknown[at[:, :context]],
    )
    return np.concatenate([x, covariate_features(lag + lags + np.arange(steps), lags, lag, own)], axis=2), bases, scale


def covariates_beside(inputs: Inputs, series: Series, known: int, horizon: int) -> CovariateWindows | None:
    """The covariates beside every row of a series and `horizon` rows on, of which `known` must be known; after the last
    known row, its covariates are repeated. None where there are no covariates."""
    if not inputs:
        return None
    reach = inputs.reach(series, known, horizon)
    future = inputs.future_of(series, reach)
    future = np.concatenate([future, np.repeat(future[-1:], horizon - reach, axis=0)])
    static = inputs.static_of(series)
    return CovariateWindows(inputs.past_of(series), future, static, np.zeros((len(series), 0)))
