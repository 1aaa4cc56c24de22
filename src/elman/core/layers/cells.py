"""The frozen descriptions of cells: their options, and the names and shapes of their parameters and states.

A cell is one entry of `Cell`. It has

kind              its name in files and in the registries of both engines
gates             how many blocks of H rows its matrices have; each is drawn by itself at the start
state_names       the names of the arrays (B, H) that its state consists of; the first is its output
parameter_shapes  (input_size, hidden_size) -> {name: shape} of its parameters, in the order in which the engines take
                  them; a cell that reads a memory gets the memory's size as a third argument
compiled          whether the compiled core has it
draws             whether it draws random numbers in training
memory            whether each step also reads a memory (B, S, M), as attention inside the recurrence does
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elman.core import checks
from elman.core.frozen import share, short_repr, store
from elman.core.layers.dense import ACTIVATIONS
from elman.core.meant import checks_names

__all__ = ["CELLS", "GRU", "LSTM", "Activation", "Cell", "CustomCell", "Simple", "as_cell"]


@dataclass(frozen=True)
class Activation:
    """A user's own activation for `Simple`; networks that use one run on the reference engine.

    function    a (..., H) -> h (..., H)
    derivative  a (..., H) -> dh/da (..., H), both element by element, taken at the pre-activation a
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]


@checks_names
@dataclass(frozen=True)
class Simple:
    """The Elman cell: s_t = act(W_ih x_t + W_hh h_{t-1} + b), h_t = s_t; act "tanh", "relu", "sigmoid", "softplus" or
    an `Activation`.

    leak   a leaky integrator: h_t = (1 - leak) h_{t-1} + leak s_t, leak in (0, 1]. A number for all units, or one for
           each; it is the initial value of the parameter `leak` (H,), which training leaves alone unless `learn_leak`
    noise  standard deviation of normal noise added to the pre-activation, drawn for each unit and step in training
    layer_norm  normalises the two products (Ba et al. 2016), with gains `gain_ih`, `gain_hh` (H,); not with a leak
    """

    activation: str | Activation = "tanh"
    leak: float | tuple[float, ...] | None = None
    learn_leak: bool = False
    noise: float = 0.0
    layer_norm: bool = False

    kind: ClassVar[str] = "simple"
    memory: ClassVar[bool] = False
    __repr__ = short_repr
    gates: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        if not isinstance(self.activation, Activation):
            checks.choice("activation", self.activation, ACTIVATIONS)
        checks.flag("learn_leak", self.learn_leak)
        store(self, noise=checks.number("noise", self.noise, low=0.0))
        if isinstance(self.leak, list | tuple | np.ndarray):
            store(self, leak=tuple(share("leak", value) for value in self.leak))
        elif self.leak is not None:
            store(self, leak=share("leak", self.leak))
        if checks.flag("layer_norm", self.layer_norm) and self.leak is not None:
            raise ValueError(f"layer_norm: expected False with a leak, got leak={self.leak!r}")
        if self.learn_leak and self.leak is None:
            raise ValueError("learn_leak: expected a leak to begin with, got leak=None")

    @property
    def compiled(self) -> bool:
        return not isinstance(self.activation, Activation)

    @property
    def draws(self) -> bool:
        return self.noise > 0

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(1, input_size, hidden_size)
        if self.leak is not None:
            if isinstance(self.leak, tuple) and len(self.leak) != hidden_size:
                raise ValueError(f"leak: expected one for each of {hidden_size} units, got {len(self.leak)}")
            shapes["leak"] = (hidden_size,)
        return shapes | _gains(self.layer_norm, 1, hidden_size)


@checks_names
@dataclass(frozen=True)
class LSTM:
    """Long short-term memory, gate order i, f, g, o; `peepholes` adds ONNX's diagonal links, order i, f, o.

    layer_norm  normalises the two products, and the cell before its tanh (Ba et al. 2016), with gains `gain_ih`,
                `gain_hh` (4H,), `gain_c` and shift `shift_c` (H,); not with peepholes
    """

    peepholes: bool = False
    layer_norm: bool = False

    kind: ClassVar[str] = "lstm"
    compiled: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    memory: ClassVar[bool] = False
    __repr__ = short_repr
    gates: ClassVar[int] = 4
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def __post_init__(self) -> None:
        checks.flag("peepholes", self.peepholes)
        if checks.flag("layer_norm", self.layer_norm) and self.peepholes:
            raise ValueError("layer_norm: expected False with peepholes, got True")

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(4, input_size, hidden_size)
        if self.peepholes:
            shapes["peephole"] = (3, hidden_size)
        shapes |= _gains(self.layer_norm, 4, hidden_size)
        return shapes | ({"gain_c": (hidden_size,), "shift_c": (hidden_size,)} if self.layer_norm else {})


@checks_names
@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit, gate order r, z, n; `reset_after` is PyTorch's form, False the 2014 paper's.

    layer_norm  normalises the two products (Ba et al. 2016), with gains `gain_ih`, `gain_hh` (3H,); needs reset_after
    """

    reset_after: bool = True
    layer_norm: bool = False

    kind: ClassVar[str] = "gru"
    compiled: ClassVar[bool] = True
    draws: ClassVar[bool] = False
    memory: ClassVar[bool] = False
    __repr__ = short_repr
    gates: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        checks.flag("reset_after", self.reset_after)
        if checks.flag("layer_norm", self.layer_norm) and not self.reset_after:
            raise ValueError("layer_norm: expected False with reset_after=False, got True")

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(3, input_size, hidden_size)
        if self.reset_after:
            shapes["bias_hn"] = (hidden_size,)
        return shapes | _gains(self.layer_norm, 3, hidden_size)


@dataclass(frozen=True, repr=False)
class CustomCell:
    """A user's own cell in NumPy; networks that use one run on the reference engine. docs/custom.md shows one.

    name           what messages call it
    shapes         (input_size, hidden_size) -> {name: shape} of its parameters, in the order in which it takes them
    step           (cell, parameters, x (B, D), state) -> the new state, and a tape of any kind for `step_backward`
    step_backward  (cell, parameters, tape, dstate) -> dx (B, D), the gradient of the state before, and those of the
                   parameters, summed over B
    state_names    names of the arrays (B, H) that a state is a tuple of; the first is the cell's output
    gates          how many blocks of rows a matrix has; each is drawn by itself at the start
    memory         whether each step reads a memory too: `shapes` then gets the memory's size M as a third argument,
                   `step` the keyword `memory`, a tuple of values (B, S, M) and valid (B, S), and `step_backward`
                   returns the gradient of the values as a fourth array. The layer reads the sequence called "memory",
                   or the second name in its `Node`'s `reads`

    `cell` is this object, and states and parameters are tuples of arrays, as for the cells of `elman.reference`.
    """

    name: str
    shapes: Callable[..., Mapping[str, tuple[int, ...]]]
    step: Callable[..., tuple[Any, Any]]
    step_backward: Callable[..., tuple[Any, ...]]
    state_names: tuple[str, ...] = ("h",)
    gates: int = 1
    memory: bool = False

    kind: ClassVar[str] = "custom"
    compiled: ClassVar[bool] = False
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_names", tuple(self.state_names))
        checks.whole("gates", self.gates, low=1)
        checks.flag("memory", self.memory)
        for name in ("shapes", "step", "step_backward"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name}: expected a function, got {checks.shown(getattr(self, name))}")
        if not all(isinstance(name, str) and name for name in (self.name, *self.state_names)):  # pyright: ignore
            raise TypeError(f"state_names: expected names, got {self.name!r} and {self.state_names!r}")
        if not self.state_names or len(set(self.state_names)) < len(self.state_names):
            raise ValueError(f"state_names: expected at least one name, each once, got {self.state_names!r}")

    def parameter_shapes(self, input_size: int, hidden_size: int, *memory_size: int) -> dict[str, tuple[int, ...]]:
        shapes = self.shapes(input_size, hidden_size, *memory_size)
        words = isinstance(shapes, Mapping) and all(isinstance(name, str) and name for name in shapes)  # pyright:ignore
        if not words:
            raise TypeError(f"shapes: expected a mapping of names to shapes, got {checks.shown(shapes)}")
        for name, shape in shapes.items():
            if not isinstance(shape, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"shapes[{name!r}]: expected a shape, got {checks.shown(shape)}")
            for size in shape:
                checks.count(f"shapes[{name!r}]", size)
        return dict(shapes)

    def __repr__(self) -> str:
        return f"CustomCell({self.name!r})"


Cell = Simple | LSTM | GRU | CustomCell
CELLS: dict[str, Cell] = {"tanh": Simple(), "relu": Simple("relu"), "lstm": LSTM(), "gru": GRU()}


def as_cell(cell: str | Cell) -> Cell:
    """Returns the cell that a name stands for ("tanh", "relu", "lstm", "gru"); a cell is returned as it is."""
    if isinstance(cell, Cell):
        return cell
    return CELLS[checks.choice("cell", cell, tuple(CELLS))]


def _products(gates: int, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    rows = gates * hidden_size
    return {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias": (rows,)}


def _gains(layer_norm: bool, gates: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    shape = (gates * hidden_size,)
    return {"gain_ih": shape, "gain_hh": shape} if layer_norm else {}
