"""Fitted exponential smoothing of many series: forecasts, their variances, and the same on newer values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from elman.core.smoothing import FORMS, Smoothing
from elman.engines.smoothing import Smoothed, smooth
from elman.forecast.smoothing.rows import checked_series

__all__ = ["SmoothingModels"]

BY_NAME = {form.name: form for form in FORMS}


@dataclass(frozen=True)
class SmoothingModels:
    """Exponential smoothing of n series, each with a form, parameters and states of its own.

    season          rows of a season, m; 1 for none
    forms           (n,) their names, such as "MAdN"
    parameters      (n, 4): alpha, beta, gamma, phi; 0, 0 and 1 where a form has no trend, season or damping
    initial, state  (n, 2 + m): level, trend and seasons before the first row and after the last one, the season of the
                    next row first; seasons are 0 where a form has none
    lengths         (n,): rows that the states have seen
    log_likelihood  (n,)
    criterion       (n,): the information criterion by which the form was chosen; infinite where there was no choice
    variance        (n,): of the one-step errors, relative ones where the error is multiplicative
    """

    season: int
    forms: Annotated[tuple[str, ...], "(n,)"]
    parameters: Annotated[np.ndarray, "float64 (n, 4)"]
    initial: Annotated[np.ndarray, "float64 (n, S)"]
    state: Annotated[np.ndarray, "float64 (n, S)"]
    lengths: Annotated[np.ndarray, "int64 (n,)"]
    log_likelihood: Annotated[np.ndarray, "float64 (n,)"]
    criterion: Annotated[np.ndarray, "float64 (n,)"]
    variance: Annotated[np.ndarray, "float64 (n,)"]

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another, as in a file that was altered."""
        for name in self.forms:
            if name not in BY_NAME:
                raise ValueError(f"forms: expected some of {', '.join(BY_NAME)}, got {name!r}")
        if self.season < 1 or self.initial.shape[1] != 2 + self.season:
            raise ValueError(f"season: expected {self.initial.shape[1] - 2} rows, got {self.season}")
        if (self.lengths < 0).any():
            raise ValueError(f"lengths: expected at least 0, got {self.lengths.min()}")

    def forecast(self, h: int) -> np.ndarray:
        """Returns the forecasts (n, h) of the rows after those that the states have seen."""
        base, season = self._parts(h)
        return np.where(self._are("season", "multiplicative")[:, None], base * season, base + season)

    def variances(self, h: int) -> np.ndarray:
        """Returns the variances (n, h) of the errors of `forecast(h)`, that of the model's own parameters not counted.

        Those of an additive error are exact, and so are those of a multiplicative one without a multiplicative season
        (Hyndman et al. 2008, chapter 6); with one they are close while the variance is small."""
        alpha, beta, gamma, phi = (each[:, None] for each in self.parameters.T)
        variance, k = self.variance[:, None], np.arange(1, h)
        response = (
            alpha + beta * np.cumsum(phi**k, axis=1) + gamma * (k % self.season == 0)
        )  # k rows after an error of 1
        additive = variance * (1.0 + np.column_stack([np.zeros(len(alpha)), np.cumsum(response**2, axis=1)]))
        base, season = self._parts(h)
        product = self._are("season", "multiplicative")[:, None]
        mean, times = np.where(product, base, base + season), np.where(product, season, 1.0)
        second = mean**2  # of the one-step forecast: its second moment
        for step in range(1, h):
            second[:, step] += self.variance * (response[:, :step] ** 2 * second[:, step - 1 :: -1]).sum(axis=1)
        relative = times**2 * (second * (1.0 + variance) - mean**2)
        return np.where(self._are("error", "multiplicative")[:, None], relative, additive)

    def fitted_values(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the one-step forecasts (T,) of each row of the series, which begin where the fitted ones began."""
        fitted = [np.empty(0)] * len(self.forms)
        for rows, found in self._smoothed(values):
            for row, each in zip(rows, found.fitted, strict=True):
                fitted[row] = each[: len(values[row])]
        return fitted

    def updated(self, values: Sequence[np.ndarray]) -> SmoothingModels:
        """Returns these models after all rows of the series, which begin where the fitted ones began: with the states
        that they then have, and the parameters as they are."""
        state, lengths = self.initial.copy(), np.array([len(each) for each in values], np.int64)
        for rows, found in self._smoothed(values):
            state[rows, : found.state.shape[1]] = found.state
        return replace(self, state=state, lengths=lengths)

    def take(self, rows: np.ndarray | slice) -> SmoothingModels:
        """Returns the models of some of the series, by number, by a mask or by a range."""
        rows = np.arange(len(self.forms))[rows]
        forms = tuple(self.forms[row] for row in rows)
        arrays = {name: each[rows] for name, each in vars(self).items() if isinstance(each, np.ndarray)}
        return replace(self, forms=forms, **arrays)

    def groups(self) -> Iterator[tuple[Smoothing, np.ndarray]]:
        """Yields each form that is there, and the numbers of its series."""
        names = np.array(self.forms)
        for name in sorted(set(self.forms)):
            yield BY_NAME[name], np.flatnonzero(names == name)

    def _parts(self, h: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns level and trend together, and the seasons, of the rows ahead, both (n, h)."""
        steps = np.cumsum(self.parameters[:, 3:] ** np.arange(1, h + 1), axis=1)  # phi + ... + phi^k
        return self.state[:, :1] + steps * self.state[:, 1:2], self.state[:, 2 + np.arange(h) % self.season]

    def _smoothed(self, values: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, Smoothed]]:
        if len(values) != len(self.forms):
            raise ValueError(f"values: expected {len(self.forms)} series, got {len(values)}")
        given = checked_series(values)
        for form, rows in self.groups():
            width = 2 + (self.season if form.season else 0)
            y, lengths = given.take(rows)
            yield rows, smooth(form, y, lengths, self.parameters[rows], self.initial[rows, :width])

    def _are(self, part: str, kind: str) -> np.ndarray:
        return np.array([getattr(BY_NAME[name], part) == kind for name in self.forms])
