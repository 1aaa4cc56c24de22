"""The model that scores rows: season profile, level, network and calibration, fitted to the first rows of a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.anomaly.calibration import Calibration, calibrate, smoothing_scales
from elman.anomaly.network import Scaling, cross_fit, fit_scaling, robust_scale, season_features
from elman.anomaly.profile import SeasonProfile, fit_profile
from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.network import Network

__all__ = ["MIN_ERROR_UNIT", "MIN_ROWS", "AnomalyModel", "calibration_rows", "fit_model", "level_memory", "next_level"]

MIN_ROWS = 60  # a model is fitted to so many rows at least
MIN_ERROR_UNIT = 0.1  # least unit of an error, in typical errors, however close the network's quantiles are
TREND_BLOCKS, TREND_SHARE = 10, 0.95  # a line explains so much of the medians of so many blocks where there is a trend
MOST_STEPS = 1e9  # of larger values rounding hides whether they are whole steps
LEVEL_MEMORY = 7  # time constant of the level's exponential smoothing, in spans


@dataclass(frozen=True, eq=False)
class AnomalyModel:
    """All that scoring needs and that stays as it was fitted; what changes from row to row is a `MonitorState`.

    profile      seasonal effects and dispersion
    scaling      units of the network's inputs and answers, and the autoregressive part of the forecast
    network      forecasts three quantiles of the next deviation
    calibration  how rare errors are
    level        the level before the first row
    slope        of the level, a row, where the rows that the model was fitted to have a trend; else 0
    memory       the time constant, in rows, with which the level follows the values
    span         rows of a day, or of what stands for it: the longest smoothing scale, and the unit of the adaptation
    hour         rows by which the season may come earlier or later at once: those of an hour, at least 1
    seasons      lengths of the seasons whose sines and cosines the network reads
    step         the smallest difference between two of the values, such as 1 of counts; 0: not known
    """

    profile: SeasonProfile
    scaling: Scaling
    network: Network
    calibration: Calibration
    level: float
    slope: float
    memory: float
    span: int
    hour: int
    seasons: tuple[int, ...]
    step: float

    def nearest(self, value: float, expected: float) -> bool:
        """Returns whether a value is the one nearest to a forecast, of those in which the series comes: whole steps.

        expected   the forecast, of the value as the profile transforms it
        """
        steps = value / self.step if self.step else math.inf
        if not abs(steps) < MOST_STEPS or abs(steps - round(steps)) > 1e-6:
            return False
        return abs(value - float(self.profile.values(np.array(expected)))) <= self.step / 2.0

    @property
    def season(self) -> int:
        """The number of rows in the season that was selected; 1 for none."""
        return len(self.profile)

    def position_features(self) -> np.ndarray:
        """Returns what the network reads about each position in the season, (m, F)."""
        return season_features(self.profile.effects, self.seasons, self.scaling.deviation)


def fit_model(
    values: np.ndarray,
    seasons: Sequence[int],
    span: int,
    recipe: Recipe,
    seed: int,
    on_progress: OnProgress | None = None,
    hour: int = 1,
    filled: np.ndarray | None = None,
) -> tuple[AnomalyModel, np.ndarray]:
    """Fits a model to values (n,), n >= MIN_ROWS, whose season may be one of `seasons` or none.

    hour     rows by which the season may move at once
    filled   bool (n,): rows whose value was put there; network and calibration leave them out, since a line between two
             values shows neither how rows follow one another nor how large errors are. None: no row

    Returns the model, and the out-of-sample errors that it was calibrated with.
    """
    profile, transformed, effects = fit_profile(values, seasons)
    m, rows = len(profile), np.arange(len(values))
    deseasonalised = transformed - effects
    memory = level_memory(span, m, len(values))
    slope, first = _trend(deseasonalised), max(2 * span, m)
    level = float(np.median(deseasonalised[:first])) - slope * min(first, len(values)) / 2.0
    deviations = _deviations(deseasonalised, level, slope, memory) / profile.dispersion[rows % m]
    used = rows if filled is None or (~filled).sum() < MIN_ROWS else np.flatnonzero(~filled)
    deviations = deviations[used]
    scaling = fit_scaling(deviations)
    features = season_features(profile.effects, seasons, scaling.deviation)[used % m]
    network, answers = cross_fit(deviations, scaling, features, recipe, seed, on_progress)
    autoregressive = scaling.ar1 * np.concatenate([[0.0], deviations[:-1]])
    unit = scaling.error * np.maximum((answers[:, 2] - answers[:, 0]) / 2.0, MIN_ERROR_UNIT)
    errors = (deviations - autoregressive - scaling.error * answers[:, 1]) / unit
    errors = errors[len(errors) - calibration_rows(len(errors), span) :]
    scales = smoothing_scales(span, calibration_rows(len(values), span))
    calibration = calibrate(errors, values[used], scales, len(values))
    step = float(np.diff(np.unique(values)).min(initial=np.inf))
    step = step if math.isfinite(step) else 0.0
    model = AnomalyModel(profile, scaling, network, calibration, level, slope, memory, span, hour, tuple(seasons), step)
    return model, errors


def level_memory(span: int, season: int, rows: int) -> float:
    """Returns the time constant of the level, in rows, for a model that is fitted to `rows` rows."""
    return float(min(max(LEVEL_MEMORY * span, season, 16), rows))


def calibration_rows(rows: int, span: int) -> int:
    """Returns how many of `rows` fitted rows calibrate: all but the first, in which the level has not settled yet."""
    return rows - min(rows // 8, 2 * span)


def next_level(level: float, slope: float, deviation: float, memory: float) -> tuple[float, float]:
    """Returns level and slope after a row that deviated from the level; a slope of 0 stays 0."""
    level += slope + deviation / memory
    return level, slope + deviation / (4.0 * memory * memory) if slope else 0.0


def _trend(values: np.ndarray) -> float:
    """Returns the slope of values (n,) where a line explains nearly all the medians of their blocks; else 0."""
    blocks = np.array_split(values, TREND_BLOCKS)
    medians = np.array([np.median(block) for block in blocks])
    x = np.arange(TREND_BLOCKS) - (TREND_BLOCKS - 1) / 2.0
    slope = float(x @ medians / (x @ x))
    size = float(np.square(medians - medians.mean()).sum())
    explained = slope * slope * float(x @ x) / size if size > 0.0 else 0.0
    return slope * TREND_BLOCKS / len(values) if explained > TREND_SHARE else 0.0


def _deviations(values: np.ndarray, level: float, slope: float, memory: float) -> np.ndarray:
    """Returns the deviations (n,) of values (n,) from an exponentially smoothed level that begins at `level`.

    A deviation counts for at most 4 robust scales when it updates the level.
    """
    bound = 4.0 * robust_scale(values)
    found = np.empty(len(values))
    for i, value in enumerate(values.tolist()):
        found[i] = deviation = value - level
        level, slope = next_level(level, slope, min(max(deviation, -bound), bound), memory)
    return found
