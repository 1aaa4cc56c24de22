"""The numbers that a search may choose freely, and the parameters and states that they stand for."""

from __future__ import annotations

import numpy as np

from elman.core.smoothing import ALPHA, BETA, GAMMA, PHI, Smoothing
from elman.engines.smoothing import Likelihood

__all__ = ["Coordinates"]


class Coordinates:
    """Coordinates x (n, P) of a form's parameters and initial states, 0 where the search begins.

    A parameter within (low, high) is low + (high - low) sin^2 of an angle, so that a bound is reached at a finite angle
    with a slope of 0: what lies there is found as fast as what lies between. The bounds of beta and gamma follow from
    alpha. Angles are counted in units of 1 / sqrt(rows), states in the units of the series' own errors; in these
    coordinates the second derivatives of the likelihood are near 1. The mean of the seasons is held.
    """

    def __init__(
        self,
        form: Smoothing,
        shares: np.ndarray,
        initial: np.ndarray,
        scale: np.ndarray,
        known: np.ndarray,
        seasons_learned: bool,
    ) -> None:
        """shares (n, 4): how far alpha, beta, gamma and phi lie within their bounds at the start; scale (n, 2 + m):
        units of the states; known (n,): rows with a value"""
        self.form, self.initial, self.scale = form, initial, scale
        used = [True, form.trend is not None, form.season is not None, form.damped]
        self.angles = np.flatnonzero(used)
        self.states = np.arange(2) if form.trend else np.arange(1)
        if form.season and seasons_learned:
            self.states = np.append(self.states, np.arange(2, initial.shape[1]))
        self.angle = np.arcsin(np.sqrt(shares[:, self.angles]))
        self.unit = (1.0 / np.sqrt(np.maximum(known, 1)))[:, None]
        self.size = len(self.angles) + len(self.states)

    def decode(self, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns of some series, with coordinates x (k, P): the parameters (k, 4), the initial states (k, 2 + m), how
        far the parameters lie within their bounds, and the derivative of that by x, both (k, 4)."""
        k = len(self.angles)
        angle = self.angle[rows] + x[:, :k] * self.unit[rows]
        share, slope = np.zeros((len(x), 4)), np.zeros((len(x), 4))
        share[:, self.angles] = np.sin(angle) ** 2
        slope[:, self.angles] = np.sin(2.0 * angle) * self.unit[rows]
        initial = self.initial[rows].copy()
        moved = x[:, k:] * self.scale[rows][:, self.states]
        seasons = self.states >= 2
        if seasons.any():
            moved[:, seasons] -= moved[:, seasons].mean(axis=1, keepdims=True)
        initial[:, self.states] += moved
        return parameters_of(self.form, share), initial, share, slope

    def gradient(
        self,
        found: Likelihood,
        parameters: np.ndarray,
        share: np.ndarray,
        slope: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
    ) -> np.ndarray:
        """Returns the derivatives by x (k, P) of the likelihood, from those by the parameters and the states, and of
        the sum of `share` with these weights (4,)."""
        dalpha, dbeta, dgamma, dphi = found.parameters.T
        alpha = parameters[:, 0]
        beta_width, gamma_width = _widths(alpha)
        if self.form.trend:
            dalpha = dalpha + dbeta * share[:, 1]
        if self.form.season:
            dalpha = dalpha - dgamma * share[:, 2]
        by_share = [
            dalpha * (ALPHA.high - ALPHA.low),
            dbeta * beta_width,
            dgamma * gamma_width,
            dphi * (PHI.high - PHI.low),
        ]
        dangles = (np.column_stack(by_share) + weights) * slope
        dstates = found.initial[:, self.states] * self.scale[rows][:, self.states]
        seasons = self.states >= 2
        if seasons.any():
            dstates[:, seasons] -= dstates[:, seasons].mean(axis=1, keepdims=True)
        return np.column_stack([dangles[:, self.angles], dstates])


def parameters_of(form: Smoothing, share: np.ndarray) -> np.ndarray:
    """Returns alpha, beta, gamma and phi (n, 4) from how far (n, 4) each lies within its bounds, in [0, 1]."""
    alpha = ALPHA.low + (ALPHA.high - ALPHA.low) * share[:, 0]
    beta_width, gamma_width = _widths(alpha)
    none = np.zeros(len(share))
    return np.column_stack(
        [
            alpha,
            BETA.low + beta_width * share[:, 1] if form.trend else none,
            GAMMA.low + gamma_width * share[:, 2] if form.season else none,
            PHI.low + (PHI.high - PHI.low) * share[:, 3] if form.damped else none + 1.0,
        ]
    )


def _widths(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how wide the bounds of beta and of gamma are beside these alphas (n,)."""
    beta = np.maximum(np.minimum(alpha, BETA.high) - BETA.low, 0.0)
    return beta, np.maximum(np.minimum(1.0 - alpha, GAMMA.high) - GAMMA.low, 0.0)
