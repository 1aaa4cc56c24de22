"""Minimises the speed of a state by the method of Levenberg and Marquardt."""

from __future__ import annotations

import numpy as np

from elman.network.inspect.flow import Flow

__all__ = ["FLAT", "descend"]

FLAT = 1e-6  # a minimum of the speed: its gradient by the state is no larger


def descend(
    flow: Flow, starts: np.ndarray, tolerance: float, iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimises q = 1/2 |r|^2, r = F(s) - s, from each start (N, S); returns states, speeds |r| and slopes |d|r|/ds|.

    A step delta solves (A'A + damping) delta = -A'r with A = dF/ds - 1. Where delta lowers q, it is taken and the
    damping falls, towards Newton's method; elsewhere the damping rises, towards short steps down the gradient.
    """
    s, one = starts.copy(), np.eye(flow.size)
    r = flow.step(s) - s
    speed = np.linalg.norm(r, axis=1)
    slope, damping = np.full(len(s), np.inf), np.full(len(s), 1e-3)
    a = np.empty((len(s), flow.size, flow.size))
    live, moved = np.isfinite(speed) & (speed > tolerance), np.ones(len(s), bool)
    for _ in range(iterations):
        new = np.flatnonzero(live & moved)
        a[new] = flow.jacobian(s[new]) - one
        gradient = np.einsum("nij,ni->nj", a[new], r[new])
        slope[new] = np.linalg.norm(gradient, axis=1) / speed[new]
        live[new[slope[new] <= FLAT * 1e-2]] = False
        rows = np.flatnonzero(live)
        if not rows.size:
            break
        square = a[rows].transpose(0, 2, 1) @ a[rows]
        scale = np.maximum(np.trace(square, axis1=1, axis2=2) / flow.size, 1e-30)
        down = np.einsum("nij,ni->nj", a[rows], r[rows])
        delta = -np.linalg.solve(square + (damping[rows] * scale)[:, None, None] * one, down[..., None])[..., 0]
        there = s[rows] + delta
        there = np.where(np.isfinite(there), there, s[rows])
        ahead = flow.step(there) - there
        pace = np.linalg.norm(ahead, axis=1)
        better = pace < speed[rows]  # False where it is not finite
        taken = rows[better]
        s[taken], r[taken], speed[taken] = there[better], ahead[better], pace[better]
        damping[rows] = np.clip(np.where(better, damping[rows] / 5, damping[rows] * 4), 1e-14, None)
        moved[:] = False
        moved[taken] = True
        live &= (speed > tolerance) & (damping < 1e12)
    return s, speed, slope
