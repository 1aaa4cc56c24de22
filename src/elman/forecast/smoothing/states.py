"""The states of exponential smoothing after each row of many series, and its forecasts from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.forecast.smoothing.models import SmoothingModels
from elman.forecast.smoothing.rows import rows_of

__all__ = ["States", "states_of"]


class States(NamedTuple):
    """States of n series of up to T rows, m rows of a season (1 without one): the state after row t follows from the
    rows up to t and from the parameters alone. What is past a series' length is meaningless."""

    level: np.ndarray  # (n, T) after each row
    trend: np.ndarray  # (n, T) that a row adds, before it is damped
    season: np.ndarray  # (n, T + m) of each row as the rows before it tell it; those of the next m rows follow row t
    damping: np.ndarray  # (n,)
    product: np.ndarray  # (n,) bool, whether seasons are factors
    errors: np.ndarray  # (n, T) of the one-step forecasts; 0 where a value is missing

    def adjusted(self, values: np.ndarray) -> np.ndarray:
        """Returns values (n, T) without their seasons."""
        season = self.season[:, : values.shape[1]]
        product = self.product[:, None]
        return (values - np.where(product, 0.0, season)) / np.where(product & (season != 0.0), season, 1.0)

    def forecast(self, series: np.ndarray, rows: np.ndarray, h: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns what follows row `rows` of the series with these numbers, both (k,): the forecasts, the same without
        their seasons, and the factors of the seasons, 1 where these are no factors; all (k, h)."""
        steps = np.cumsum(self.damping[series, None] ** np.arange(1, h + 1), axis=1)  # phi + ... + phi^h
        plain = self.level[series, rows][:, None] + steps * self.trend[series, rows][:, None]
        m = self.season.shape[1] - self.level.shape[1]
        season = self.season[series[:, None], rows[:, None] + 1 + np.arange(h) % m]
        product = self.product[series, None]
        factor = np.where(product, season, 1.0)
        return plain * factor + np.where(product, 0.0, season), plain, factor


def states_of(models: SmoothingModels, values: Sequence[np.ndarray]) -> States:
    """Returns the states of models after each row of n series (T,), which begin where the fitted ones began.

    They follow from the one-step forecasts mu without a loop over rows: the seasons are running sums of gamma times the
    errors, or running products, one for each of the m rows; level and trend are what is left of mu.
    """
    y, mu, m = rows_of(values).y, rows_of(models.fitted_values(values)).y, models.season
    n, steps = y.shape
    past = np.isnan(mu)
    mu = np.where(past, 1.0, mu)
    errors = np.where(past | np.isnan(y), 0.0, y - mu)
    level, trend, season = np.zeros((n, steps)), np.zeros((n, steps)), np.zeros((n, steps + m))
    product = np.zeros(n, bool)
    for form, rows in models.groups():
        alpha, beta, gamma, _ = (each[:, None] for each in models.parameters[rows].T)
        product[rows] = form.season == "multiplicative"
        relative = errors[rows] / (mu[rows] if form.season == "multiplicative" else 1.0)
        before = models.initial[rows]
        if form.season:
            changes = np.zeros((len(rows), -(-steps // m), m))
            changes.reshape(len(rows), -1)[:, :steps] = gamma * relative
            first = before[:, None, 2:]
            if form.season == "multiplicative":
                run = first * np.cumprod(1.0 + changes, axis=1)
            else:
                run = first + np.cumsum(changes, axis=1)
            season[rows] = np.column_stack([before[:, 2:], run.reshape(len(rows), -1)[:, :steps]])
        own = season[rows, :steps]
        base = mu[rows] / own if form.season == "multiplicative" else mu[rows] - own  # level and damped trend before
        moved = base * relative if form.season == "multiplicative" else errors[rows]
        level[rows] = base + alpha * moved
        if form.trend:
            trend[rows] = base - np.column_stack([before[:, :1], level[rows, :-1]]) + beta * moved
    return States(level, trend, season, models.parameters[:, 3], product, errors)
