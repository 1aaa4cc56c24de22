"""What the first rows of a series teach, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.anomaly.calibration import Calibration, calibrate
from elman.anomaly.network import Units, cross_fit, place_features, spread, units_of
from elman.anomaly.shape import Shape, find_shape
from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.network import Network

__all__ = ["FLOOR", "LEAST_ROWS", "Learned", "calibrated", "learn", "memory_of"]

LEAST_ROWS = 60  # fewer teach nothing
FLOOR = 0.1  # of the usual error: the least unit of an error, however sure the network is
LEVEL = 7  # spans over which the level follows the rows


@dataclass(frozen=True, eq=False)
class Learned:
    """All that scoring depends on, but for what a `Monitor` follows.

    shape, units, network   what a forecast is made of
    calibration             how rare errors are
    level, memory           the level before the first row, and the rows over which it follows
    span                    rows of a day, or of what stands for it: the longest scale, and what alarms are joined over
    seasons                 lengths whose waves the network reads
    """

    shape: Shape
    units: Units
    network: Network
    calibration: Calibration
    level: float
    memory: float
    span: int
    seasons: tuple[int, ...]

    @property
    def season(self) -> int:
        """Rows in the season that was found, 1 for none."""
        return len(self.shape)

    def places(self) -> np.ndarray:
        """What the network reads of each place in the season, (m, F)."""
        return place_features(self.shape.course, self.seasons, self.units.deviation)


def learn(
    values: np.ndarray,
    seasons: Sequence[int],
    span: int,
    recipe: Recipe,
    seed: int,
    on_progress: OnProgress | None = None,
) -> Learned:
    """What values (n,), n >= LEAST_ROWS, teach; they may have one of these seasons, or none."""
    shape, taken, course = find_shape(values, seasons)
    m, rows = len(shape), np.arange(len(values))
    rest = taken - course
    memory = memory_of(span, m, len(values))
    level = float(np.median(rest[: max(2 * span, m)]))
    deviations = _deviations(rest, level, memory) / shape.widths[rows % m]
    units = units_of(deviations)
    places = place_features(shape.course, seasons, units.deviation)[rows % m]
    network, answers = cross_fit(deviations, units, places, recipe, seed, on_progress)
    carried = units.carry * np.concatenate([[0.0], deviations[:-1]])
    unit = units.error * np.maximum((answers[:, 2] - answers[:, 0]) / 2.0, FLOOR)
    errors = (deviations - carried - units.error * answers[:, 1]) / unit
    found = calibrate(errors[len(errors) - calibrated(len(errors), span) :], values, span)
    return Learned(shape, units, network, found, level, memory, span, tuple(seasons))


def memory_of(span: int, season: int, rows: int) -> float:
    """The rows over which the level follows, where so many are learned from."""
    return float(min(max(LEVEL * span, season, 16), rows))


def calibrated(rows: int, span: int) -> int:
    """How many of the rows that are learned from calibrate: all but the first, which the level is still far from."""
    return rows - min(rows // 8, 2 * span)


def _deviations(rest: np.ndarray, level: float, memory: float) -> np.ndarray:
    """Of rest (n,) from a level that follows it, no faster than 4 usual deviations allow."""
    bound = 4.0 * spread(rest)
    found = np.empty(len(rest))
    for i, value in enumerate(rest.tolist()):
        found[i] = apart = value - level
        level += min(max(apart, -bound), bound) / memory
    return found
