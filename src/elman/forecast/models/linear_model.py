"""`LinearModel`: all rows of the horizon as linear functions of a long context, by least squares.

The regression is of the difference from the seasonal naive forecast, with a ridge penalty, so that few rows give that
forecast. The candidates differ in their context, and in what becomes of the level of a window: with some the forecast
keeps it, with others it reverts to the mean of the series, as far as the rows say. Held-out rows choose the season of
the base and the penalty of each candidate, and the two candidates whose mean is the model. See `window_moments.py`.
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
from elman.forecast.window_moments import Moments, Regression, Solved, window_moments
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
    weights   of the c rows of the context in the h forecasts
    errors    mean absolute error of the h forecasts on held-out rows, in units of their windows (`window_unit`)
    reach     how far from the mean of its series the level of a window was in training, in units of the series. Only
              that much of a window's distance reverts to the mean: beyond, it is a shift, which is kept. 0: nothing
              reverts, and the weights of each forecast add up to 1
    """

    seasons: tuple[int, ...]
    weights: Annotated[np.ndarray, "float32 (h, c)"]
    errors: Annotated[np.ndarray, "float64 (h,)"]
    reach: float

    def validate(self) -> None:
        """Raises ValueError or TypeError for a model that `train_linear` does not make."""
        for season in self.seasons:
            checks.whole("seasons", season, 1, fields.LARGEST_COUNT)
        if not self.seasons or any(b % a or a == b for a, b in pairwise(self.seasons)):
            raise ValueError(f"seasons: expected lengths of which each divides the next, got {self.seasons}")
        if not len(self.weights) or self.weights.shape[1] < _least_context(self.seasons):
            raise ValueError(f"weights: expected a context that seasons of {self.seasons} fit into, got another")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights: expected finite numbers")
        checks.number("reach", self.reach, 0.0)
        if not self.reach and (np.abs(self.weights.sum(axis=1) - 1.0) > 1e-2).any():
            raise ValueError("weights: expected numbers that add up to 1 in each row, got others")
        if not (np.isfinite(self.errors) & (self.errors > 0.0)).all():
            raise ValueError("errors: expected finite numbers above zero")

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
        """Raises `DataError` for a series from which the model cannot forecast."""
        least = min(self.context, _least_context(self.seasons))
        if len(series) < least:
            raise DataError(f"history: expected at least {least} rows to forecast from, got {len(series)}")

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of the series (see `prediction.Model`).

        Before a series that is shorter than the context, its first long season is repeated.
        """
        horizon = self.horizon if horizon is None else horizon
        known = [each.fill_masked(self.seasons[0]).values for each in panel.values()]
        read = np.array([_last(each, self.context, self.seasons[-1]) for each in known])
        lowest, mean = (np.array([[each(values)] for values in known]) for each in (np.min, np.mean))
        unit = window_unit(read, self.seasons[0])
        reach = self.reach * np.array([window_unit(each[None], self.seasons[0])[0] for each in known])
        weights, sizes = self.weights.T.astype(np.float64), np.zeros(1)
        values, scales = np.empty((len(known), horizon)), np.empty((len(known), horizon))
        for done in range(0, horizon, self.horizon):
            level = read[:, -self.seasons[-1] :].mean(axis=1, keepdims=True)
            centre = level - np.clip(level - mean, -reach, reach)
            found = centre + (read - centre) @ weights
            found = np.where(lowest >= 0.0, np.maximum(found, 0.0), found)
            sizes = np.hypot(self.errors, sizes[-1])  # errors of forecasts that are read add to those of a forecast
            rows = slice(done, min(done + self.horizon, horizon))
            values[:, rows] = found[:, : horizon - done]
            scales[:, rows] = (unit * sizes)[:, : horizon - done]
            read = np.concatenate([read, found], axis=1)[:, -self.context :]
        return Prediction(values, np.repeat(scales[:, :, None], 2, axis=2))


def train_linear(
    series: Sequence[Series], horizon: int, seasons: Sequence[int], context: int | None = None
) -> LinearModel | None:
    """Trains a linear model and returns it, or None where the series have too few rows.

    Windows with masked values are left out. None is returned where no context leaves as many windows for training,
    beside the held-out rows, as it has rows, where there would be more than `MOST_WEIGHTS` weights, and where a weight
    would be too large for a float32.

    horizon   number of rows to forecast
    seasons   lengths of the seasons in rows, in increasing order; (1,) for none
    context   number of rows to read, at least two short seasons, one long season and 8 rows; None: whole numbers of
              seasons are tried
    """
    seasons = tuple(seasons)
    contexts = [max(context, _least_context(seasons))] if context else _contexts(seasons, horizon, series)
    scaled = [_segments(each, seasons[0]) for each in series]
    folds = [fold for k in range(FOLDS) if (fold := _Fold.of(scaled, max(contexts, default=0), horizon, k)).held]
    choices = [each for c in contexts for each in _choices(folds, _Trial(c, horizon, seasons))]
    best = _best(choices)
    if not best:
        return None
    segments = [z for runs in scaled for z in runs]
    with np.errstate(over="ignore"):
        weights = _mean_weights(best, segments).astype(np.float32)
    if not np.isfinite(weights).all():  # rows of sizes so far apart that no float32 leads from one to the other
        return None
    reach = _reach(segments, seasons[-1]) if any(each.reverts for each in best) else 0.0
    return LinearModel(seasons, weights, _sizes(best, folds), reach)


def window_unit(rows: np.ndarray, season: int) -> np.ndarray:
    """Returns the unit (N, 1) of rows (N, n), n > season: their mean absolute change over a season.

    It is not less than a hundredth of their mean absolute deviation, so that exact repetitions have a unit too.
    """
    change = np.abs(rows[:, season:] - rows[:, :-season]).mean(axis=1, keepdims=True)
    spread = np.abs(rows - rows.mean(axis=1, keepdims=True)).mean(axis=1, keepdims=True)
    return np.maximum(np.maximum(change, FLAT * spread), min_unit(np.abs(rows).max(axis=1, keepdims=True)))


def _last(values: np.ndarray, rows: int, season: int) -> np.ndarray:
    """Returns the last rows (rows,) of values (n,), before which the first season is repeated where they are fewer."""
    missing = max(0, rows - len(values))
    return np.concatenate([np.resize(values[:season][::-1], missing)[::-1], values])[-rows:]


def _least_context(seasons: Sequence[int]) -> int:
    """Returns the smallest context in rows: two short seasons, one long season, and at least 8 rows."""
    return max(2 * seasons[0], seasons[-1], 8)


def _contexts(seasons: Sequence[int], horizon: int, series: Sequence[Series]) -> list[int]:
    """Returns the contexts in rows that are tried: whole numbers of short seasons, which most of the series have."""
    most = min(MOST, MOST_WEIGHTS // horizon, int(np.quantile([len(each) for each in series], 0.1)))
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
    """Segments to train on, and held-out segments with the rows before them; each series less its mean in training."""

    trained: list[np.ndarray]
    held: list[np.ndarray]

    @classmethod
    def of(cls, scaled: Sequence[Sequence[np.ndarray]], context: int, horizon: int, k: int) -> _Fold:
        """Returns the k-th fold of the segments of each series; `context` is the longest of all trials."""
        fold = cls([], [])
        for runs in scaled:
            trained, held = [], []
            for z in runs:
                first, end = _held(len(z), context, horizon, k)
                trained += [z[:first], z[end:]] if end else [z]
                held += [z[max(0, first - context) : end]] if end else []
            mean = sum(float(z.sum()) for z in trained) / max(sum(map(len, trained)), 1)
            fold.trained.extend(z - mean for z in trained)
            fold.held.extend(z - mean for z in held)
        return fold


def _held(rows: int, context: int, horizon: int, k: int) -> tuple[int, int]:
    """Returns the first row of a segment that the k-th fold holds out, and the row after the last; (0, 0) for none.

    Each fold holds out a part of the rows after the context. Of short segments, the last fold holds out the last fifth,
    at least one horizon, and the others hold out nothing.
    """
    free = rows - context
    if free >= 2 * FOLDS * horizon:
        return context + k * free // FOLDS, context + (k + 1) * free // FOLDS
    part = max(horizon, rows // 5)
    return (rows - part, rows) if k == FOLDS - 1 and part < rows else (0, 0)


class _Trial(NamedTuple):
    """A context that is tried, with the horizon and the seasons of the model."""

    context: int
    horizon: int
    seasons: tuple[int, ...]

    def moments(self, segments: Sequence[np.ndarray]) -> Moments:
        """Returns the moments of all windows in those segments that are long enough for one."""
        long = [z for z in segments if len(z) >= self.context + self.horizon]
        return window_moments(long, self.context, self.horizon)

    def regression(self, moments: Moments, reverts: bool, base: int) -> Regression:
        """Returns the regression of a candidate."""
        return Regression(moments, 0 if reverts else self.seasons[-1], base)


class _Choice(NamedTuple):
    """A candidate, with the base and the penalty that were chosen for it."""

    trial: _Trial
    reverts: bool  # whether the level of a window may revert to the mean of the series
    base: int
    penalty: float
    error: float  # sum of squared errors on the held-out windows, relative to that of the seasonal naive forecast

    def weights(self, segments: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the weights (h, c) that are trained on segments."""
        regression = self.trial.regression(self.trial.moments(segments), self.reverts, self.base)
        return regression.weights(Solved(regression.gram).slopes(regression.cross, self.penalty))


def _choices(folds: Sequence[_Fold], trial: _Trial) -> list[_Choice]:
    """Returns the best candidate whose level is kept, and the best one whose level reverts; none where a fold has too
    few windows."""
    kinds = (False, True)
    errors, naive = np.zeros((len(kinds), len(trial.seasons), len(PENALTIES))), 0.0
    for fold in folds:
        trained, held = trial.moments(fold.trained), trial.moments(fold.held)
        if trained.windows < trial.context or not held.windows:
            return []
        for reverts in kinds:
            solved: Solved | None = None
            for k, base in enumerate(trial.seasons):
                regression, scored = (trial.regression(each, reverts, base) for each in (trained, held))
                solved = solved or Solved(regression.gram)  # which does not depend on the base
                errors[int(reverts), k] += solved.errors(regression, scored, PENALTIES)
                naive += float(scored.squares.sum()) if k == 0 and not reverts else 0.0
    choices: list[_Choice] = []
    for reverts, found in zip(kinds, errors, strict=True):
        k, p = np.unravel_index(int(found.argmin()), found.shape)
        error = float(found[k, p]) / max(naive, SMALLEST)
        choices.append(_Choice(trial, reverts, trial.seasons[k], PENALTIES[p], error))
    return choices if folds else []


def _best(choices: Sequence[_Choice]) -> list[_Choice]:
    """Returns two choices, whose mean is the model: the best that reverts and the best that does not, if the first is
    the better one, else the two best that do not; fewer if there are no more.

    A random walk seems to revert to the mean of its past, by which half of the model is not misled.
    """
    choices = sorted(choices, key=lambda choice: choice.error)
    kept = [choice for choice in choices if not choice.reverts]
    return [choices[0], kept[0]] if choices and choices[0].reverts else kept[:2]


def _mean_weights(choices: Sequence[_Choice], segments: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the mean (h, c) of the weights that the choices get on segments; c is the longest of their contexts."""
    context = max(each.trial.context for each in choices)
    found = [each.weights(segments) for each in choices]
    return np.mean([np.pad(each, ((0, 0), (context - each.shape[1], 0))) for each in found], axis=0)


def _sizes(choices: Sequence[_Choice], folds: Sequence[_Fold]) -> np.ndarray:
    """Returns the mean absolute errors (h,) of the mean of the choices in about `SCORED` held-out windows, in units of
    the windows."""
    horizon, season = choices[0].trial.horizon, choices[0].trial.seasons[0]
    total, count, seen = np.zeros(horizon), 0, 0
    width = max(each.trial.context for each in choices) + horizon
    every = -(-sum(max(0, len(z) - width + 1) for fold in folds for z in fold.held) // SCORED)
    for fold in folds:
        weights = _mean_weights(choices, fold.trained)
        for z in fold.held:
            if len(z) >= width:
                windows = sliding_window_view(z, width)[-seen % every :: every]
                read, truth = windows[:, :-horizon], windows[:, -horizon:]
                total += (np.abs(truth - read @ weights.T) / window_unit(read, season)).sum(axis=0)
                count, seen = count + len(windows), seen + len(z) - width + 1
    return np.maximum(total / count, SMALLEST)


def _reach(segments: Sequence[np.ndarray], season: int) -> float:
    """Returns the largest absolute mean of one season of rows in segments, but for one in a hundred."""
    sums = [np.cumsum(np.append(0.0, z)) for z in segments]
    levels = np.concatenate([each[season:] - each[:-season] for each in sums]) / season
    return float(np.quantile(np.abs(levels), 0.99))
