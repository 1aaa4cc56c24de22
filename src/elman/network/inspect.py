"""What a network does, measured: fixed and slow points of its state under a constant input, and how it moves near them.

With x held constant a step of the network is a map of its state, s -> F(s). Where F(s) = s the state rests; where it is
almost so, it lingers; and the Jacobian dF/ds there says which directions decay, persist or grow. This is how a trained
network's computation is read (Sussillo and Barak 2013). The state s (S,) is all of `network.state_names` joined in
their order: h, or h and c, of every layer. All is computed in float64, whatever the network's type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from elman.core import checks
from elman.network import Network, arguments

__all__ = ["FixedPoint", "FixedPoints", "fixed_points", "jacobian", "joined", "step"]

Kind = Literal["stable", "saddle", "unstable"]

ROWS = 1 << 13  # rows of one call of the network
ENTRIES = 1 << 23  # of all Jacobians held at a time, 64 MB
WARM = (0, 1, 2, 4, 8, 16)  # steps that drawn states run before they serve as starts: early ones lie far apart
FLAT = 1e-6  # a minimum of the speed: its gradient by the state is no larger


class FixedPoint(NamedTuple):
    """One point where the state rests, or nearly."""

    state: np.ndarray  # (S,)
    speed: float  # |F(s) - s|, the way of one step
    jacobian: np.ndarray  # dF/ds (S, S): row i is the gradient of F_i
    eigenvalues: np.ndarray  # of the Jacobian (S,), complex, largest modulus first
    unstable: int  # directions that grow: eigenvalues of modulus above 1
    fixed: bool  # False: a slow point, a minimum of the speed that is not 0
    starts: int  # how many starts ended here

    @property
    def kind(self) -> Kind:
        """ "stable" where nothing grows, "unstable" where everything does, else "saddle"."""
        return "stable" if self.unstable == 0 else "unstable" if self.unstable == len(self.state) else "saddle"


@dataclass(frozen=True, repr=False)
class FixedPoints:
    """What `fixed_points` found: K points, fixed before slow, each kind by its number of unstable directions.

    A sequence of `FixedPoint`; `states` (K, S) and `speeds` (K,) are all of them as arrays.
    """

    points: tuple[FixedPoint, ...]
    x: np.ndarray  # the constant input (D,), or a whole number
    lost: int  # starts that ended neither at a fixed nor at a slow point
    slots: tuple[tuple[str, int], ...]  # the names and sizes that a state is made of

    @property
    def states(self) -> np.ndarray:
        return np.array([point.state for point in self]).reshape(len(self), sum(size for _, size in self.slots))

    @property
    def speeds(self) -> np.ndarray:
        return np.array([point.speed for point in self])

    def named(self) -> dict[str, np.ndarray]:
        """All states by name, each (K, size): what `network.predict(x, state=...)` takes, a row for each point."""
        return _named(self.slots, self.states)

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[FixedPoint]:
        return iter(self.points)

    def __getitem__(self, index: int) -> FixedPoint:
        return self.points[index]

    def __repr__(self) -> str:
        fixed = sum(point.fixed for point in self)
        lines = [f"FixedPoints: {fixed} fixed, {len(self) - fixed} slow; {self.lost} starts lost"]
        for point in self:
            sort = "fixed" if point.fixed else "slow"
            grows = f", {point.unstable} unstable" if point.unstable else ""
            largest = abs(point.eigenvalues[0])
            lines.append(
                f"  {sort:5}  {point.kind}{grows}; speed {point.speed:.1e}, largest |eigenvalue| {largest:.4f}, "
                f"{point.starts} starts"
            )
        return "\n".join(lines)


def fixed_points(
    network: Network,
    x: Any,
    *,
    starts: Any = None,
    data: Any = None,
    lengths: Any = None,
    n: int = 200,
    tolerance: float = 1e-9,
    slow: float = 1e-2,
    distance: float = 1e-3,
    iterations: int = 500,
    seed: int = 0,
) -> FixedPoints:
    """Where the state of a network rests, or nearly, while its input is x (Sussillo and Barak 2013).

    From each start, 1/2 |F(s) - s|^2 is minimised by the method of Levenberg and Marquardt with the exact Jacobian,
    which finds stable points, saddles and unstable ones alike.

    x           the constant input (D,); a whole number for a network that begins with an Embedding
    starts      where to begin: (N, S), or a mapping of names to (N, size), what is missing being 0
    data        or sequences (B, T, D), `lengths` as for `Network.predict`: `n` of the states they visit are drawn
    n           starts that are drawn. Without `starts` and `data` they are standard normal states after 0 to 16 steps
                under x
    tolerance   a point is fixed where its speed |F(s) - s| is at most this
    slow        a minimum of the speed is kept as a slow point where it is at most this
    distance    points closer than this are one
    iterations  most steps of the minimisation
    seed        of what is drawn

    Raises ValueError for networks that read backwards too (their state does not move step by step), and ValueError or
    TypeError for other wrong arguments. Time grows with n S^3.
    """
    for name, value in (("tolerance", tolerance), ("slow", slow), ("distance", distance)):
        checks.number(name, value, low=0.0)
    checks.whole("iterations", iterations, low=1)
    flow = _Flow(network, x)
    begin = _starts(
        flow,
        starts,
        data,
        lengths,
        checks.whole("n", n, low=1),
        np.random.default_rng(checks.whole("seed", seed, low=0)),
    )
    found, ends = [], []
    chunk = max(1, ENTRIES // flow.size**2)
    for i in range(0, len(begin), chunk):
        end, speed, slope = _descend(flow, begin[i : i + chunk], tolerance, iterations)
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


def step(network: Network, x: Any, states: Any) -> np.ndarray:
    """F(s) for each of `states` (N, S), or one (S,): the states one step later under the input x, in float64."""
    flow = _Flow(network, x)
    array, single = _states(flow, states)
    after = flow.step(array)
    return after[0] if single else after


def jacobian(network: Network, x: Any, states: Any) -> np.ndarray:
    """dF/ds at each of `states` (N, S): (N, S, S), exact; (S, S) for one state (S,). Row i is the gradient of F_i."""
    flow = _Flow(network, x)
    array, single = _states(flow, states)
    found = flow.jacobian(array)
    return found[0] if single else found


def joined(network: Network, state: Mapping[str, Any]) -> np.ndarray:
    """A state by name, each (N, size), as rows (N, S) in the order of `network.state_names`; what is missing is 0."""
    arrays = {name: np.atleast_2d(np.asarray(value)) for name, value in state.items()}
    counts = {len(array) for array in arrays.values()}
    if len(counts) != 1:
        raise ValueError(f"state: expected arrays with one number of rows, got {sorted(counts) or 'none'}")
    listed = arguments.as_state("state", network.layout, np.dtype(np.float64), arrays, counts.pop())
    return np.concatenate(listed or [], axis=1)


# --------------------------------------------------------------------------------------------- the map


class _Flow:
    """The map s -> F(s) of a float64 copy of a network under one input, and its Jacobian."""

    def __init__(self, network: Network, x: Any) -> None:
        if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        if network.layout.bidirectional:
            raise ValueError(
                "network: expected one direction, got a bidirectional network, whose state has no next step"
            )
        self.network = Network.from_theta(network.layout, network.weights.copy().astype(np.float64))
        self.slots = tuple((slot.name, slot.size) for slot in network.layout.states)
        self.size = sum(size for _, size in self.slots)
        self.x = np.asarray(x)
        if self.x.ndim != (0 if network.layout.integer_input else 1):
            expected = "a whole number" if network.layout.integer_input else f"shape ({network.input_size},)"
            raise ValueError(f"x: expected {expected}, got {checks.shown(x)}")
        self.network.predict(self.x[None])  # refuses what is wrong with it

    def step(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """(N, S) -> (N, S), `steps` steps later."""
        if not len(states):
            return states
        rows = np.broadcast_to(self.x, (len(states), steps, *self.x.shape))
        state = _named(self.slots, states)
        return np.concatenate(list(self.network.predict(rows, state=state, return_state=True)[1].values()), axis=1)

    def jacobian(self, states: np.ndarray) -> np.ndarray:
        """(N, S) -> (N, S, S): S rows of a batch for each state, row i carrying the gradient of F_i back."""
        found = np.empty((len(states), self.size, self.size))
        many = max(1, ROWS // self.size)
        for i in range(0, len(states), many):
            part = states[i : i + many]
            rows = np.broadcast_to(self.x, (len(part) * self.size, 1, *self.x.shape))
            _, tape = self.network.forward(rows, state=_named(self.slots, np.repeat(part, self.size, axis=0)))
            ones = _named(self.slots, np.tile(np.eye(self.size), (len(part), 1)))
            before = self.network.backward(tape, None, dstate=ones)[2]
            found[i : i + many] = np.concatenate(list(before.values()), axis=1).reshape(len(part), self.size, self.size)
        return found


def _named(slots: tuple[tuple[str, int], ...], states: np.ndarray) -> dict[str, np.ndarray]:
    cuts = np.cumsum([size for _, size in slots])[:-1]
    return {name: part for (name, _), part in zip(slots, np.split(states, cuts, axis=1), strict=True)}


def _states(flow: _Flow, states: Any) -> tuple[np.ndarray, bool]:
    array = arguments.as_real("states", states, np.dtype(np.float64))
    single = array.ndim == 1
    arguments.check_width("states", array.shape, [("N", flow.size), (flow.size,)])
    array = array[None] if single else array
    if not np.isfinite(array).all():
        raise ValueError("states: expected finite numbers, got NaN or infinity")
    return array, single


def _starts(flow: _Flow, starts: Any, data: Any, lengths: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    if starts is not None and data is not None:
        raise ValueError("starts: expected None where data is given, got both")
    if lengths is not None and data is None:
        raise ValueError("lengths: expected None without data, got lengths alone")
    if starts is not None:
        return _states(flow, joined(flow.network, starts) if isinstance(starts, Mapping) else starts)[0]
    if data is not None:
        return _visited(flow, data, lengths, n, rng)
    states = rng.standard_normal((n, flow.size))
    steps = rng.choice(WARM, n)
    for count in WARM[1:]:
        states[steps == count] = flow.step(states[steps == count], count)
    return states


def _visited(flow: _Flow, data: Any, lengths: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    """n states drawn from all valid steps of the data, each with the same chance."""
    batch, _ = arguments.as_batch(flow.network.layout, flow.network.dtype, data, lengths=lengths)
    ends = np.full(len(batch.x), batch.x.shape[1]) if batch.lengths is None else batch.lengths
    places = rng.choice(ends.sum(), n, replace=n > ends.sum())
    rows = np.searchsorted(np.cumsum(ends), places, side="right")
    steps = places - np.append(0, np.cumsum(ends))[rows]
    # the state after step t is the final state of a row that is t + 1 steps long
    state = flow.network.predict(batch.x[rows], lengths=steps + 1, return_state=True)[1]
    return np.concatenate(list(state.values()), axis=1)


# --------------------------------------------------------------------------------------- the minimisation


def _descend(
    flow: _Flow, starts: np.ndarray, tolerance: float, iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From each start (N, S) to a minimum of q = 1/2 |r|^2, r = F(s) - s: states, speeds |r|, slopes |d|r|/ds|.

    Levenberg and Marquardt: (A'A + damping) delta = -A'r with A = dF/ds - 1. Where delta lowers q it is taken and the
    damping falls, which nears Newton's method; where not, the damping rises, which nears short steps down the gradient.
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


def _distinct(states: np.ndarray, speeds: np.ndarray, distance: float) -> list[tuple[int, int]]:
    """(index, how many are this point) of points at least `distance` apart, the slowest of each neighbourhood."""
    left, chosen = list(np.argsort(speeds, kind="stable")), []
    while left:
        first = left[0]
        near = np.linalg.norm(states[left] - states[first], axis=1) <= distance
        chosen.append((int(first), int(near.sum())))
        left = [i for i, same in zip(left, near, strict=True) if not same]
    return chosen


def _measured(flow: _Flow, state: np.ndarray, speed: float, fixed: bool, count: int) -> FixedPoint:
    matrix = flow.jacobian(state[None])[0]
    values = np.linalg.eigvals(matrix).astype(complex)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    return FixedPoint(state, speed, matrix, values, int((np.abs(values) > 1).sum()), fixed, count)
