"""`LinearModel`: all rows of the horizon as linear functions of a long context, by least squares.

A level (the mean of the last long season) is subtracted from each window and added to its forecast. The regression is
of the difference from the seasonal naive forecast, with a ridge penalty, so that few rows give that forecast. Context,
season of the base and penalty have the smallest squared error on held-out rows. See `forecast/window_moments.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks, fields
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_spec import min_unit
from elman.forecast.window_moments import Regression, Solved, window_moments
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, Inputs
from elman.series.limits import SMALLEST
from elman.series.series import Series

__all__ = ["LinearModel", "train_linear"]

CONTEXTS = (2, 7, 14, 28)  # contexts that are tried, in short seasons
MOST = 1500  # largest context: the time of an eigendecomposition grows with its third power
MOST_WEIGHTS = 4_000_000  # largest number of weights, horizon times context
PENALTIES = tuple(10.0**k for k in range(-6, 3))  # multiples of the mean eigenvalue of the Gram matrix
FOLDS = 4  # number of held-out parts of long series
SCORED = 1024  # number of held-out windows from which the sizes of errors are estimated
FLAT = 0.01  # smallest unit of a series, as a fraction of its mean absolute deviation


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear model of one series or of many. It reads no covariates.

    seasons   lengths of the seasons in rows, in increasing order; (1,) for none
    weights   of the c rows of the context in the h forecasts; those of one forecast add up to 1
    errors    mean absolute error of the h forecasts on held-out rows, in units of their windows (`window_unit`)
    base      season of the seasonal naive forecast to which the weights were shrunk, in rows
    penalty   ridge penalty, as a multiple of the mean eigenvalue
    """

    seasons: tuple[int, ...]
    weights: Annotated[np.ndarray, "float32 (h, c)"]
    errors: Annotated[np.ndarray, "float64 (h,)"]
    base: int
    penalty: float

    def validate(self) -> None:
        """Raises ValueError or TypeError for a model that `train_linear` does not make."""
        for season in self.seasons:
            checks.whole("seasons", season, 1, fields.LARGEST_COUNT)
        if not self.seasons or any(b % a or a == b for a, b in pairwise(self.seasons)):
            raise ValueError(f"seasons: expected lengths of which each divides the next, got {self.seasons}")
        if self.base not in self.seasons or self.weights.shape[1] < _least_context(self.seasons):
            raise ValueError("weights: expected seasons, base and context that fit one another, got others")
        if not np.isfinite(self.weights).all() or (np.abs(self.weights.sum(axis=1) - 1.0) > 1e-2).any():
            raise ValueError("weights: expected finite numbers that add up to 1 in each row, got others")
        if not (np.isfinite(self.errors) & (self.errors > 0.0)).all():
            raise ValueError("errors: expected finite numbers above zero")
        checks.number("penalty", self.penalty, 0.0, PENALTIES[-1])

    @property
    def context(self) -> int:
        """Returns the context: the number of rows that are read, c."""
        return self.weights.shape[1]

    @property
    def horizon(self) -> int:
        """Returns the forecast horizon: the number of rows that are forecast at once, h."""
        return len(self.weights)

    @property
    def inputs(self) -> Inputs:
        """Returns no covariates."""
        return NO_INPUTS

    @property
    def spec(self) -> None:
        """Returns None: the model has no `WindowSpec`."""
        return None

    @property
    def networks(self) -> tuple[Network, ...]:
        """Returns no networks."""
        return ()

    def check_history(self, series: Series) -> None:
        """Raises `DataError` for a series that is shorter than the context."""
        if len(series) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(series)}")

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of series of at least `context` rows each (see `prediction.Model`)."""
        horizon = self.horizon if horizon is None else horizon
        known = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        read = np.array([each.values[-self.context :] for each in known]).reshape(len(known), self.context)
        unit = window_unit(read, self.seasons[0])
        lowest = np.array([[each.values.min()] for each in known]).reshape(len(known), 1)
        values, scales = np.empty((len(known), horizon)), np.empty((len(known), horizon))
        weights, carried = self.weights.T.astype(np.float64), 0.0
        for done in range(0, horizon, self.horizon):
            rows = min(self.horizon, horizon - done)
            level = _level(read, self.seasons)
            found = level + (read - level) @ weights
            found = np.where(lowest >= 0.0, np.maximum(found, 0.0), found)
            sizes = np.hypot(self.errors, carried)  # errors of forecasts that are read add to those of a forecast
            carried = sizes[-1]
            values[:, done : done + rows] = found[:, :rows]
            scales[:, done : done + rows] = (unit * sizes)[:, :rows]
            read = np.concatenate([read, found], axis=1)[:, -self.context :]
        return Prediction(values, np.repeat(scales[:, :, None], 2, axis=2))


def train_linear(
    series: Sequence[Series], horizon: int, seasons: Sequence[int], context: int | None = None
) -> LinearModel | None:
    """Trains a linear model and returns it, or None where the series have too few rows.

    Windows with masked values are left out. None is returned where no context leaves as many windows for training,
    beside the held-out rows, as it has rows, and where there would be more than `MOST_WEIGHTS` weights.

    horizon   number of rows to forecast
    seasons   lengths of the seasons in rows, in increasing order; (1,) for none
    context   number of rows to read, at least two short seasons, one long season and 8 rows; None: whole numbers of
              seasons are tried
    """
    seasons = tuple(seasons)
    rows = [len(each) for each in series]
    contexts = _contexts(seasons, horizon, rows) if context is None else [max(context, _least_context(seasons))]
    segments = [z for each in series for z in _segments(each, seasons[0])]
    trials = [t for c in contexts if (t := _Trial.of(segments, c, horizon, seasons)) is not None]
    if not trials:
        return None
    chosen = min((trial.choose() for trial in trials), key=lambda each: each.error)
    trial, base, penalty = chosen.trial, chosen.base, chosen.penalty
    weights = trial.weights(trial.every, base, penalty).astype(np.float32)
    return LinearModel(seasons, weights, trial.sizes(base, penalty), base, penalty)


def window_unit(rows: np.ndarray, season: int) -> np.ndarray:
    """Returns the unit (N, 1) of rows (N, n), n > season: their mean absolute change over a season.

    It is not less than a hundredth of their mean absolute deviation, so that exact repetitions have a unit too.
    """
    change = np.abs(rows[:, season:] - rows[:, :-season]).mean(axis=1, keepdims=True)
    spread = np.abs(rows - rows.mean(axis=1, keepdims=True)).mean(axis=1, keepdims=True)
    return np.maximum(np.maximum(change, FLAT * spread), min_unit(np.abs(rows).max(axis=1, keepdims=True)))


def _level(read: np.ndarray, seasons: Sequence[int]) -> np.ndarray:
    """Returns the levels (N, 1) of windows (N, c): the means of their last long season."""
    return read[:, -seasons[-1] :].mean(axis=1, keepdims=True)


def _least_context(seasons: Sequence[int]) -> int:
    """Returns the smallest context in rows: two short seasons, one long season, and at least 8 rows."""
    return max(2 * seasons[0], seasons[-1], 8)


def _contexts(seasons: Sequence[int], horizon: int, rows: Sequence[int]) -> list[int]:
    """Returns the contexts in rows that are tried: whole numbers of short seasons that most series are as long as."""
    most = min(MOST, MOST_WEIGHTS // horizon, int(np.quantile(rows, 0.1)))
    least = _least_context(seasons)
    return sorted({c for k in CONTEXTS if (c := max(least, k * seasons[0])) <= most})


def _segments(series: Series, season: int) -> list[np.ndarray]:
    """Returns the runs of observed values of a series, less their mean and divided by the unit of the series."""
    values = series.observed
    known = np.isfinite(values)
    if known.sum() <= season:
        return []
    mean, unit = values[known].mean(), float(window_unit(values[known][None], season)[0, 0])
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    return [(values[first:end] - mean) / unit for first, end in edges]


class _Fold(NamedTuple):
    """The segments on which a trial is trained, and those whose windows are held out, with the context before."""

    trained: list[np.ndarray]
    held: list[np.ndarray]


class _Choice(NamedTuple):
    """The base and the penalty with the smallest error of a trial."""

    error: float  # squared error on the held-out windows, relative to the seasonal naive forecast
    trial: _Trial
    base: int
    penalty: float


@dataclass(frozen=True, eq=False)
class _Trial:
    """A context that is tried on held-out parts of the segments."""

    context: int
    horizon: int
    seasons: tuple[int, ...]
    every: list[np.ndarray]  # all segments that have windows
    folds: list[_Fold]

    @classmethod
    def of(cls, segments: Sequence[np.ndarray], context: int, horizon: int, seasons: tuple[int, ...]) -> _Trial | None:
        """Returns the trial of a context, or None where a fold has fewer windows than the context has rows."""
        width = context + horizon
        folds: list[_Fold] = []
        for k in range(FOLDS):
            fold = _Fold([], [])
            for z in segments:
                first, end = _held(len(z), context, horizon, k)
                parts = (z[:first], z[end:]) if end > first else (z,)
                fold.trained.extend(part for part in parts if len(part) >= width)
                fold.held.extend([z[first - context : end]] if end > first else [])
            if sum(len(z) - width + 1 for z in fold.trained) < context:
                return None
            if fold.held:
                folds.append(fold)
        return cls(context, horizon, seasons, [z for z in segments if len(z) >= width], folds) if folds else None

    def choose(self) -> _Choice:
        """Returns the base and the penalty with the smallest error over all folds."""
        errors, naive = np.zeros((len(self.seasons), len(PENALTIES))), 0.0
        for fold in self.folds:
            trained, held = (window_moments(part, self.context, self.horizon) for part in fold)
            solved: Solved | None = None
            for k, base in enumerate(self.seasons):
                regression, scored = (Regression(each, self.seasons[-1], base) for each in (trained, held))
                solved = solved or Solved(regression.gram)  # which does not depend on the base
                errors[k] += solved.errors(regression, scored, PENALTIES)
                naive += float(scored.squares.sum()) if k == 0 else 0.0
        k, p = np.unravel_index(int(errors.argmin()), errors.shape)
        error = float(errors[k, p]) / naive if naive > 0.0 else 1.0
        return _Choice(error, self, self.seasons[k], PENALTIES[p])

    def weights(self, segments: Sequence[np.ndarray], base: int, penalty: float) -> np.ndarray:
        """Returns the weights (h, c) that are trained on segments."""
        regression = Regression(window_moments(segments, self.context, self.horizon), self.seasons[-1], base)
        return regression.weights(Solved(regression.gram).slopes(regression.cross, penalty))

    def sizes(self, base: int, penalty: float) -> np.ndarray:
        """Returns the mean absolute errors (h,) in about `SCORED` held-out windows, in units of the windows."""
        width = self.context + self.horizon
        every = -(-sum(len(z) - width + 1 for fold in self.folds for z in fold.held) // SCORED)
        total, count = np.zeros(self.horizon), 0
        for fold in self.folds:
            weights = self.weights(fold.trained, base, penalty)
            for z in fold.held:
                windows = sliding_window_view(z, width)[count % every :: every]
                read, truth = windows[:, : self.context], windows[:, self.context :]
                total += (np.abs(truth - read @ weights.T) / window_unit(read, self.seasons[0])).sum(axis=0)
                count += len(windows)
        return np.maximum(total / count, SMALLEST)


def _held(rows: int, context: int, horizon: int, fold: int) -> tuple[int, int]:
    """Returns the first held-out row of a segment in a fold, and the row after the last; (0, 0) for none.

    The rows after the context are divided into a held-out part for each fold. Of shorter segments, the last fifth or
    the last horizon is held out in the last fold alone.
    """
    free = rows - context
    if free >= 2 * FOLDS * horizon:
        return context + fold * free // FOLDS, context + (fold + 1) * free // FOLDS
    if fold < FOLDS - 1 or free < horizon:
        return 0, 0
    return rows - max(horizon, free // 5), rows
