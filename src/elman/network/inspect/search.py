"""Searches for fixed and slow points: draws starts, minimises the speed from each, and measures the points found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.network import Network, arguments
from elman.network.inspect.descent import FLAT, descend
from elman.network.inspect.flow import Flow, as_states, joined
from elman.network.inspect.points import FixedPoint, FixedPoints

__all__ = ["fixed_points"]

MOST_STARTS = 10**6
ENTRIES = 1 << 23  # of all Jacobians held at a time, 64 MB
WARM = (0, 1, 2, 4, 8, 16)  # steps that drawn states run before they serve as starts: with few, starts lie far apart


def fixed_points(
    network: Network,
    x: ArrayLike,
    *,
    starts: ArrayLike | Mapping[str, ArrayLike] | None = None,
    data: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    n: int = 200,
    tolerance: float = 1e-9,
    slow: float = 1e-2,
    distance: float = 1e-3,
    iterations: int = 500,
    seed: int = 0,
) -> FixedPoints:
    """Finds where the state of a network rests, or almost rests, while its input is x (Sussillo and Barak 2013).

    From each start, 1/2 |F(s) - s|^2 is minimised by the method of Levenberg and Marquardt with the exact Jacobian,
    which finds stable points, saddles and unstable ones alike.

    x           the constant input (D,); a whole number for a network that begins with an Embedding
    starts      states to begin from: (N, S), or a mapping of names to (N, size), where a missing name is 0
    data        or sequences (B, T, D), `lengths` as for `Network.predict`: `n` of the states they visit are drawn
    n           starts that are drawn. Without `starts` and `data` they are standard normal states after 0 to 16 steps
                under x
    tolerance   a point is fixed where its speed |F(s) - s| is at most this
    slow        a minimum of the speed is kept as a slow point where it is at most this
    distance    points closer than this are taken as one
    iterations  the most steps of a minimisation
    seed        of everything that is drawn

    Raises ValueError for networks that read backwards too (their state does not move step by step), and ValueError or
    TypeError for other wrong arguments. Time grows with n S^3.
    """
    for name, value in (("tolerance", tolerance), ("slow", slow), ("distance", distance)):
        checks.number(name, value, low=0.0)
    checks.whole("iterations", iterations, low=1)
    flow = Flow(network, x)
    begin = _starts(
        flow,
        starts,
        data,
        lengths,
        checks.whole("n", n, low=1, high=MOST_STARTS),
        np.random.default_rng(checks.whole("seed", seed, low=0)),
    )
    found, ends = [], []
    chunk = max(1, ENTRIES // flow.size**2)
    for i in range(0, len(begin), chunk):
        end, speed, slope = descend(flow, begin[i : i + chunk], tolerance, iterations)
        kept = (speed <= tolerance) | ((speed <= slow) & (slope <= FLAT))
        found.append(end[kept])
        ends.append(speed[kept])
    states, speeds = np.concatenate(found), np.concatenate(ends)
    points = [
        _measured(flow, states[i], float(speeds[i]), bool(speeds[i] <= tolerance), count)
        for i, count in _distinct(states, speeds, distance)
    ]
    points.sort(key=lambda point: (not point.fixed, point.unstable, float(np.round(point.state[0], 6))))
    return FixedPoints(tuple(points), flow.x, len(begin) - len(states), flow.slots)


def _starts(
    flow: Flow,
    starts: ArrayLike | Mapping[str, ArrayLike] | None,
    data: ArrayLike | None,
    lengths: ArrayLike | None,
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the states (N, S) that the search begins from; arguments as for `fixed_points`."""
    if starts is not None and data is not None:
        raise ValueError("starts: expected None where data is given, got both")
    if lengths is not None and data is None:
        raise ValueError("lengths: expected None without data, got lengths alone")
    if starts is not None:
        return as_states(flow, joined(flow.network, starts) if isinstance(starts, Mapping) else starts)[0]
    if data is not None:
        return _visited(flow, data, lengths, n, rng)
    states = rng.standard_normal((n, flow.size))
    steps = rng.choice(WARM, n)
    for count in WARM[1:]:
        states[steps == count] = flow.step(states[steps == count], count)
    return states


def _visited(flow: Flow, data: ArrayLike, lengths: ArrayLike | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws and returns n states from all valid steps of the data, each with the same probability."""
    batch, _ = arguments.as_batch(flow.network.layout, flow.network.dtype, data, lengths=lengths)
    ends = np.full(len(batch.x), batch.x.shape[1]) if batch.lengths is None else batch.lengths
    places = rng.choice(ends.sum(), n, replace=n > ends.sum())
    rows = np.searchsorted(np.cumsum(ends), places, side="right")
    steps = places - np.append(0, np.cumsum(ends))[rows]
    # the state after step t is the final state of a row that is t + 1 steps long
    state = flow.network.predict(batch.x[rows], lengths=steps + 1, return_state=True)[1]
    return np.concatenate(list(state.values()), axis=1)


def _distinct(states: np.ndarray, speeds: np.ndarray, distance: float) -> list[tuple[int, int]]:
    """Returns (index, number of states at this point) of points at least `distance` apart: the slowest of each
    group."""
    left, chosen = list(np.argsort(speeds, kind="stable")), []
    while left:
        first = left[0]
        near = np.linalg.norm(states[left] - states[first], axis=1) <= distance
        chosen.append((int(first), int(near.sum())))
        left = [i for i, same in zip(left, near, strict=True) if not same]
    return chosen


def _measured(flow: Flow, state: np.ndarray, speed: float, fixed: bool, count: int) -> FixedPoint:
    """Returns the point at a state, with its Jacobian and eigenvalues."""
    matrix = flow.jacobian(state[None])[0]
    values = np.linalg.eigvals(matrix).astype(complex)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    return FixedPoint(state, speed, matrix, values, int((np.abs(values) > 1).sum()), fixed, count)
