"""Fitted Theta models of many series: forecasts, and the same on newer values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from elman.forecast.smoothing.rows import Rows, checked_series, filled

__all__ = ["KINDS", "ThetaModels", "drifts", "lines"]

KINDS = ("STM", "OTM", "DSTM", "DOTM")  # standard, optimised, and both with a line that follows the values


@dataclass(frozen=True)
class ThetaModels:
    """The Theta model of n series (Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016); docs/math/smoothing.md
    has its equations.

    season          rows of a season, m; 1 for none
    kinds           (n,): "STM", "OTM", "DSTM" or "DOTM"
    seasonal        (n,): "none", "additive" or "multiplicative", how values were adjusted
    indices         (n, m): seasonal indices, that of the first row first
    alpha, share    (n,): of the level, and 1 - 1/theta, the share of the line's drift in a forecast
    level           (n,): before the first row
    line            (n, 2): height before the first row and slope of a line that does not follow the values
    state           (n, 3): the level, the sum of the values and that of the products with their numbers from 1 on,
                    after the last row, all of adjusted values
    lengths         (n,): rows that the state has seen
    variance        (n,): of the one-step errors of adjusted values
    """

    season: int
    kinds: Annotated[tuple[str, ...], "(n,)"]
    seasonal: Annotated[tuple[str, ...], "(n,)"]
    indices: Annotated[np.ndarray, "float64 (n, m)"]
    alpha: Annotated[np.ndarray, "float64 (n,)"]
    share: Annotated[np.ndarray, "float64 (n,)"]
    level: Annotated[np.ndarray, "float64 (n,)"]
    line: Annotated[np.ndarray, "float64 (n, 2)"]
    state: Annotated[np.ndarray, "float64 (n, 3)"]
    lengths: Annotated[np.ndarray, "int64 (n,)"]
    variance: Annotated[np.ndarray, "float64 (n,)"]

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another, as in a file that was altered."""
        for name, kind in (("kinds", KINDS), ("seasonal", ("none", "additive", "multiplicative"))):
            wrong = [each for each in getattr(self, name) if each not in kind]
            if wrong:
                raise ValueError(f"{name}: expected some of {', '.join(kind)}, got {wrong[0]!r}")
        if self.season < 1 or self.indices.shape[1] != self.season:
            raise ValueError(f"season: expected {self.indices.shape[1]} rows, got {self.season}")
        if (self.lengths < 1).any():
            raise ValueError(f"lengths: expected at least 1, got {self.lengths.min()}")

    def forecast(self, h: int) -> np.ndarray:
        """Returns the forecasts (n, h) of the rows after those that the state has seen."""
        level, total, weighted = self.state.T
        alpha, dynamic = self.alpha, self._dynamic()
        mu = np.empty((len(alpha), h))
        for step in range(h):
            seen = self.lengths + step
            a, b = lines(seen, total, weighted)
            a, b = np.where(dynamic, a, self.line[:, 0]), np.where(dynamic, b, self.line[:, 1])
            drift = self.share * drifts(alpha, seen, a, b)
            mu[:, step] = level + drift
            level = level + alpha * drift  # a forecast takes the place of the value
            total, weighted = total + mu[:, step], weighted + (seen + 1) * mu[:, step]
        return self._with_season(mu, self.lengths[:, None] + np.arange(h))

    def variances(self, h: int) -> np.ndarray:
        """Returns the variances (n, h) of the errors of `forecast(h)`: those of the level, a random walk with noise,
        whose line is taken as given."""
        grown = self.variance[:, None] * (1.0 + self.alpha[:, None] ** 2 * np.arange(h))
        return (
            np.where(self._adjusted("multiplicative"), self._index(self.lengths[:, None] + np.arange(h)) ** 2, 1.0)
            * grown
        )

    def fitted_values(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the one-step forecasts (T,) of each row of the series, which begin where the fitted ones began."""
        rows = checked_series(values)
        mu, _ = self._run(rows)
        mu = self._with_season(mu, np.arange(mu.shape[1])[None, :])
        return [row[:length] for row, length in zip(mu, rows.lengths, strict=True)]

    def updated(self, values: Sequence[np.ndarray]) -> ThetaModels:
        """Returns these models after all rows of the series, which begin where the fitted ones began: with the states
        that they then have, and the parameters as they are."""
        rows = checked_series(values)
        return replace(self, state=self._run(rows)[1], lengths=rows.lengths)

    def take(self, rows: np.ndarray) -> ThetaModels:
        """Returns the models of some of the series, by number or by a mask."""
        rows = np.arange(len(self.kinds))[rows]
        names = {name: tuple(getattr(self, name)[row] for row in rows) for name in ("kinds", "seasonal")}
        arrays = {name: each[rows] for name, each in vars(self).items() if isinstance(each, np.ndarray)}
        return replace(self, **names, **arrays)

    def adjusted(self, y: np.ndarray) -> np.ndarray:
        """Returns values (n, T), from the first row on, without their season."""
        index, product = self._index(np.arange(y.shape[1])[None, :]), self._adjusted("multiplicative")
        return (y - np.where(product, 0.0, index)) / np.where(product, index, 1.0)

    def _run(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Returns the one-step forecasts of adjusted values (n, T) and the state after them."""
        if len(rows.y) != len(self.kinds):
            raise ValueError(f"values: expected {len(self.kinds)} series, got {len(rows.y)}")
        y = self.adjusted(filled(rows))
        level, total, weighted = self.level, np.zeros(len(y)), np.zeros(len(y))
        dynamic, mu = self._dynamic(), np.full(y.shape, np.nan)
        for t in range(y.shape[1]):
            here = t < rows.lengths
            a, b = lines(np.full(len(y), t), total, weighted)
            a, b = np.where(dynamic, a, self.line[:, 0]), np.where(dynamic, b, self.line[:, 1])
            mu[:, t] = np.where(here, level + self.share * drifts(self.alpha, t, a, b), np.nan)
            level = np.where(here, level + self.alpha * (y[:, t] - level), level)
            total, weighted = total + np.where(here, y[:, t], 0.0), weighted + np.where(here, (t + 1) * y[:, t], 0.0)
        return mu, np.column_stack([level, total, weighted])

    def _with_season(self, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
        index = self._index(rows)
        return np.where(self._adjusted("multiplicative"), y * index, y + index)

    def _index(self, rows: np.ndarray) -> np.ndarray:
        places = np.broadcast_to(rows % self.season, (len(self.indices), rows.shape[1]))
        return np.take_along_axis(self.indices, places, axis=1)

    def _adjusted(self, how: str) -> np.ndarray:
        return np.array([each == how for each in self.seasonal])[:, None]

    def _dynamic(self) -> np.ndarray:
        return np.array([kind.startswith("D") for kind in self.kinds])


def lines(seen: np.ndarray, total: np.ndarray, weighted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns height at 0 and slope of the least squares line through the values numbered 1 to `seen`, from their sum
    and the sum of their products with these numbers; a slope of 0 for one value, both 0 for none."""
    spread = seen * (seen * seen - 1.0) / 12.0
    slope = (weighted - 0.5 * (seen + 1.0) * total) / np.where(spread > 0.0, spread, np.inf)
    return total / np.maximum(seen, 1) - 0.5 * (seen + 1.0) * slope, slope


def drifts(alpha: np.ndarray, seen: np.ndarray | int, height: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Returns how far the line, smoothed with alpha like the values, is ahead of its level after so many rows."""
    fading = (1.0 - alpha) ** seen
    return height * fading + slope * (1.0 - (1.0 - alpha) * fading) / alpha
