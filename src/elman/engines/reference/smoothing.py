"""Exponential smoothing as a recurrence over many series at once, and its derivative by backpropagation through time.

The numbers are those of docs/math/smoothing.md. n series, T rows of the longest, m rows of a season (0 without one).
For each series, with level l, trend b, season s and their parameters alpha, beta, gamma, phi:

    1.  base_t = l_{t-1} + phi b_{t-1}
    2.  mu_t = base_t,  base_t + s_{t-m}  or  base_t s_{t-m}          the one-step forecast
    3.  e_t = y_t - mu_t,  r_t = e_t / mu_t;  both 0 where y_t is missing
    4.  l_t = base_t + alpha u_t,  b_t = phi b_{t-1} + beta u_t,  s_t = s_{t-m} + gamma v_t
        u_t = v_t = e_t, but with a multiplicative season u_t = base_t r_t and v_t = s_{t-m} r_t

What is minimised is the concentrated negative log-likelihood n/2 log(sum of eps_t^2) + sum of log mu_t, of which only a
multiplicative error has the second sum and eps = r; for an additive one eps = e.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Gradient", "Smoothed", "backward", "forward"]


class Step(NamedTuple):
    """What the way back needs of one row of all series, each (n,)."""

    base: np.ndarray
    trend: np.ndarray  # b_{t-1}
    season: np.ndarray  # s_{t-m}
    mu: np.ndarray
    error: np.ndarray  # e_t, or r_t with a multiplicative error


class Smoothed(NamedTuple):
    """The way forward through n series, and its tape."""

    fitted: np.ndarray  # (n, T): mu; NaN past a series' length
    state: np.ndarray  # (n, 2 + m): level, trend and seasons after the last row; the season of the next row first
    squares: np.ndarray  # (n,): the sum of squared errors
    logs: np.ndarray  # (n,): the sum of log mu over known rows; 0 with an additive error
    lowest: np.ndarray  # (n,): the lowest mu of a known row
    known: np.ndarray  # (n,): the number of known rows
    steps: list[Step]


class Gradient(NamedTuple):
    """Derivatives of the concentrated negative log-likelihood, or of any function of `squares` and `logs`."""

    parameters: np.ndarray  # (n, 4): by alpha, beta, gamma, phi
    initial: np.ndarray  # (n, 2 + m): by the level, the trend and the seasons before the first row


def forward(form: Any, y: np.ndarray, lengths: np.ndarray, parameters: np.ndarray, initial: np.ndarray) -> Smoothed:
    """Returns the one-step forecasts of each series, its states at the end, and the terms of its likelihood.

    form        has `error` and `season`, each "additive", "multiplicative" or None
    y           (n, T) float64, NaN where a value is missing; of series i the first lengths[i] rows count
    parameters  (n, 4): alpha, beta, gamma, phi; beta 0 without a trend, phi 1 without damping, gamma 0 without a season
    initial     (n, 2 + m): level, trend and seasons before the first row, the season of row 0 first; m = 0 without
    """
    n, steps = y.shape
    alpha, beta, gamma, phi = parameters.T
    level, trend, season = initial[:, 0], initial[:, 1], initial[:, 2:].copy()
    m = season.shape[1]
    relative, product = form.error == "multiplicative", form.season == "multiplicative"
    fitted = np.full((n, steps), np.nan)
    squares, logs, lowest, known = np.zeros(n), np.zeros(n), np.full(n, np.inf), np.zeros(n, np.int64)
    tape: list[Step] = []
    with np.errstate(all="ignore"):  # values that overflow, or divide by 0, are told by the sums and `lowest`
        for t in range(steps):
            here = t < lengths
            seen = here & ~np.isnan(y[:, t])
            s = season[:, t % m] if m else np.zeros(n)
            base = level + phi * trend
            mu = base * s if product else base + s
            e = np.where(seen, y[:, t] - mu, 0.0)
            r = np.where(seen, e / mu, 0.0) if relative else e
            u, v = (base * r, s * r) if product else (e, e)
            tape.append(Step(base, trend, s.copy(), mu, r))
            level = np.where(here, base + alpha * u, level)
            trend = np.where(here, phi * trend + beta * u, trend)
            if m:
                season[:, t % m] = np.where(here, s + gamma * v, s)
            fitted[:, t] = np.where(here, mu, np.nan)
            squares += r * r
            lowest = np.where(seen, np.fmin(lowest, mu), lowest)
            known += seen
            if relative:
                logs += np.where(seen, np.log(np.abs(mu)), 0.0)
    state = np.column_stack([level, trend, season])
    if m:  # the season of the row after the last comes first
        state[:, 2:] = np.take_along_axis(season, (lengths[:, None] + np.arange(m)) % m, axis=1)
    return Smoothed(fitted, state, squares, logs, lowest, known, tape)


def backward(
    form: Any, y: np.ndarray, lengths: np.ndarray, parameters: np.ndarray, smoothed: Smoothed, weight: np.ndarray
) -> Gradient:
    """Returns the gradient of weight / 2 * squares + logs, with the weights (n,) held; with weight known / squares it
    is that of the concentrated negative log-likelihood. The other arguments are those of `forward`, and its result."""
    n, steps = y.shape
    alpha, beta, gamma, phi = parameters.T
    m = smoothed.state.shape[1] - 2
    relative, product = form.error == "multiplicative", form.season == "multiplicative"
    dparameters, dlevel, dtrend, dseason = np.zeros((n, 4)), np.zeros(n), np.zeros(n), np.zeros((n, max(m, 1)))
    with np.errstate(all="ignore"):
        for t in range(steps - 1, -1, -1):
            base, trend, s, mu, error = smoothed.steps[t]
            seen = (t < lengths) & ~np.isnan(y[:, t])
            e = error * mu if relative else error
            ds = dseason[:, t % m] if m else np.zeros(n)
            du, dv = alpha * dlevel + beta * dtrend, gamma * ds  # by u_t and v_t
            u, v = (base * error, s * error) if product else (e, e)
            dparameters[:, 0] += u * dlevel
            dparameters[:, 1] += u * dtrend
            dparameters[:, 2] += v * ds
            if relative:  # eps = r = y / mu - 1
                dr = weight * error + (base * du + s * dv if product else mu * (du + dv))
                dmu = np.where(seen, (1.0 - dr * (1.0 + error)) / mu, 0.0)
                if not product:  # u = v = mu r, besides
                    dmu += np.where(seen, error * (du + dv), 0.0)
            else:
                dmu = np.where(seen, -(weight * error + du + dv), 0.0)
            if product:
                dbase = dlevel + error * du + dmu * s
                ds = ds + error * dv + dmu * base
            else:
                dbase, ds = dlevel + dmu, ds + dmu
            dparameters[:, 3] += (dbase + dtrend) * trend
            dlevel, dtrend = dbase, phi * (dbase + dtrend)
            if m:
                dseason[:, t % m] = ds
    return Gradient(dparameters, np.column_stack([dlevel, dtrend, dseason[:, :m]]))
