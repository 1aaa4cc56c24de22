"""The recurrent layer: a cell, and what the layer does around its step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.core import checks
from elman.core.frozen import below_one, short_repr, store
from elman.core.layers.cells import CELLS, Cell, as_cell
from elman.core.layers.layer import PREVIOUS, Layer, Signal
from elman.core.meant import checks_names

__all__ = ["MEMORY", "Recurrent"]

MEMORY = "memory"  # the name of the sequence that a cell with a memory reads, where no `Node` gives another


@checks_names
@dataclass(frozen=True)
class Recurrent(Layer):
    """One recurrent layer: (B, T, F) -> (B, T, H), or (B, T, 2H) with the reverse direction behind.

    recurrent_dropout  in training, the products read m h_{t-1}; m is 0 with this probability, else 1 / (1 - p), one
                       for each unit and sequence, the same at all steps (Gal and Ghahramani 2016)
    zoneout            probability with which a unit keeps its previous value in training; in prediction its
                       expectation is used (Krueger et al. 2016). One number, or one for each state: (h, c)
    learned_state      the initial state is a parameter, `state_h` (H,) (and `state_c`), used where none is given
    """

    hidden_size: int
    cell: Cell = CELLS["lstm"]
    bidirectional: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, ...] = 0.0
    learned_state: bool = False

    kind: ClassVar[str] = "recurrent"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        store(self, hidden_size=checks.count("hidden_size", self.hidden_size), cell=as_cell(self.cell))
        checks.flag("bidirectional", self.bidirectional)
        checks.flag("learned_state", self.learned_state)
        store(self, recurrent_dropout=below_one("recurrent_dropout", self.recurrent_dropout))
        if not isinstance(self.zoneout, list | tuple | np.ndarray):
            store(self, zoneout=below_one("zoneout", self.zoneout))
            return
        if len(self.zoneout) != len(self.cell.state_names):
            names = ", ".join(self.cell.state_names)
            raise ValueError(f"zoneout: expected one number, or one for each of {names}, got {self.zoneout!r}")
        store(self, zoneout=tuple(below_one("zoneout", probability) for probability in self.zoneout))

    @property
    def zoneouts(self) -> tuple[tuple[str, float], ...]:
        """Returns (state, probability of keeping it) for each of the cell's states."""
        names = self.cell.state_names
        values = self.zoneout if isinstance(self.zoneout, tuple) else (self.zoneout,) * len(names)
        return tuple(zip(names, values, strict=True))

    @property
    def compiled(self) -> bool:
        return self.cell.compiled

    @property
    def draws(self) -> bool:
        return self.recurrent_dropout > 0 or any(p for _, p in self.zoneouts) or self.cell.draws

    @property
    def whole(self) -> bool:
        return self.bidirectional

    @property
    def suffixes(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def sources(self) -> tuple[str, ...]:
        return (PREVIOUS, MEMORY) if self.cell.memory else (PREVIOUS,)

    def output(self, *read: Signal) -> Signal:
        x, *memories = read
        if x.time is None:
            raise ValueError(f"expected only Dense, Dropout or Skip behind Last or Pool, got {self!r}")
        for memory in memories:
            if memory.time is None or memory.integers:
                raise ValueError(f"expected a sequence of numbers as the memory of {self!r}, got {memory}")
        return Signal(self.hidden_size * len(self.suffixes), x.time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        """Returns the cell's own parameters, then the initial states where they are learned."""
        shapes = dict(self.cell.parameter_shapes(size, self.hidden_size, *more))
        if self.learned_state:
            shapes |= {f"state_{name}": (self.hidden_size,) for name in self.cell.state_names}
        return shapes

    def state_sizes(self) -> dict[str, int]:
        return dict.fromkeys(self.cell.state_names, self.hidden_size)

    def full_name(self, local: str, number: int, count: int) -> str:
        """Returns PyTorch's names: `weight_ih_l0`, `bias_l1`."""
        return f"{local}_l{number}"
