"""Records of fixed and slow points: one point, and the table of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from elman.network.inspect.flow import by_name

__all__ = ["FixedPoint", "FixedPoints"]

Kind = Literal["stable", "saddle", "unstable"]


class FixedPoint(NamedTuple):
    """One point where the state rests, or almost rests."""

    state: np.ndarray  # (S,)
    speed: float  # |F(s) - s|, the distance moved in one step
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
    """The result of `fixed_points`: K points, fixed before slow, each sorted by its number of unstable directions.

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
        """Returns all states by name, each (K, size), as `network.predict(x, state=...)` takes them: a row for each
        point."""
        return by_name(self.slots, self.states)

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
