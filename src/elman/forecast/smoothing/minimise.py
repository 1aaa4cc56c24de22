"""The quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno for many small problems at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["minimise"]

SUFFICIENT = 1e-4  # a step must win this share of what the slope promises (Armijo)
LONGEST = 1.0  # step in one coordinate: a longer one would leap from one maximum of the likelihood to another
Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@np.errstate(over="ignore", invalid="ignore")  # a step that is not finite is not taken
def minimise(
    function: Function, n: int, size: int, iterations: int = 200, tolerance: float = 1e-5
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points x (n, size) with the least values found, and the values (n,), of n functions, each begun at 0.

    function     of rows (k,) and points (k, size) of these rows; it returns values (k,), of which those that are
                 infinite are outside of what is allowed, and gradients (k, size)
    tolerance    a row is done where the slope promises to win less

    A row's steps do not depend on the other rows: each has its own step length and matrix, and stops by itself. The
    rows that are left are evaluated together, one point each, whether it is a new step or a shorter one.
    """
    best_x, best_f = np.zeros((n, size)), np.full(n, np.inf)
    rows = np.arange(n)
    x = np.zeros((n, size))
    f, g = function(rows, x)
    best_f[:] = f
    inverse = np.broadcast_to(np.eye(size), (n, size, size)).copy()
    d, slope, t = _direction(inverse, g)
    first = np.ones(n, bool)  # no step was taken yet
    done = ~np.isfinite(f) | (slope > -2.0 * tolerance)
    for _ in range(iterations):
        if done.sum() > 0.2 * len(rows):
            left = ~done
            rows, x, f, g, inverse = rows[left], x[left], f[left], g[left], inverse[left]
            d, slope, t, first, done = d[left], slope[left], t[left], first[left], done[left]
        if not rows.size:
            break
        moved = x + t[:, None] * d
        f_new, g_new = function(rows, moved)
        won = f_new <= f + SUFFICIENT * t * slope
        won &= np.isfinite(g_new).all(axis=1) & ~done
        inverse = _updated(inverse, moved - x, np.where(won[:, None], g_new - g, 0.0), won & first)
        with np.errstate(all="ignore"):  # the least point of the parabola through both values and the slope
            gained, vertex = f - f_new, -0.5 * slope * t * t / (f_new - f - slope * t)
        shorter = np.where(np.isfinite(vertex), np.clip(vertex, 0.1 * t, 0.5 * t), 0.2 * t)
        x, f, g = np.where(won[:, None], moved, x), np.where(won, f_new, f), np.where(won[:, None], g_new, g)
        d_new, slope_new, t_new = _direction(inverse, g)
        d, slope = np.where(won[:, None], d_new, d), np.where(won, slope_new, slope)
        t = np.where(won, t_new, shorter)
        first &= ~won
        done |= won & (slope > -2.0 * tolerance) & (gained < 10.0 * tolerance)
        done |= ~won & (t * np.abs(slope) < 1e-3 * tolerance)
        best_x[rows], best_f[rows] = x, f
    return best_x, best_f


def _direction(inverse: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns each row's direction (k, size), the slope of its function along it, and the length of a first step."""
    d = -np.einsum("nij,nj->ni", inverse, g)
    slope = np.einsum("ni,ni->n", d, g)
    longest = np.abs(d).max(axis=1)
    return d, slope, np.minimum(1.0, LONGEST / np.maximum(longest, 1e-300))


def _updated(inverse: np.ndarray, s: np.ndarray, y: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Returns the inverse second derivatives (k, size, size), changed in place, after steps s (k, size) along which the
    gradients changed by y; as they were where the slope did not grow. Before a first step they get the length that this
    one shows."""
    sy, yy = np.einsum("ni,ni->n", s, y), np.einsum("ni,ni->n", y, y)
    curved = sy > 1e-10 * np.sqrt(yy * np.einsum("ni,ni->n", s, s))
    begun = first & curved
    if begun.any():
        inverse[begun] *= (sy[begun] / yy[begun])[:, None, None]
    rho = np.divide(1.0, sy, out=np.zeros(len(sy)), where=curved)
    hy = np.einsum("nij,nj->ni", inverse, y)
    factor = 0.5 * rho * (1.0 + rho * np.einsum("ni,ni->n", hy, y))
    half = s[:, :, None] * (factor[:, None] * s - rho[:, None] * hy)[:, None, :]
    inverse += half
    inverse += half.transpose(0, 2, 1)
    return inverse
