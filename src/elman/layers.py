"""The frozen descriptions of cells and layers, and the layout that gives each its place in theta.

Nothing here computes: both engines read these descriptions and do the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from elman import checks

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Cell",
    "Dense",
    "Embedding",
    "Last",
    "Layer",
    "Layout",
    "Parameter",
    "Part",
    "Recurrent",
    "Simple",
    "Skip",
    "StateSlot",
    "as_cell",
]


# ---------------------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Activation:
    """A user's own activation for `Simple`; networks that use one run on the reference engine.

    function    a (..., H) -> h (..., H)
    derivative  a (..., H) -> dh/da (..., H), both element by element, taken at the pre-activation a
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Simple:
    """The Elman cell: h_t = act(W_ih x_t + W_hh h_{t-1} + b), act "tanh", "relu" or an `Activation`."""

    activation: str | Activation = "tanh"

    kind: ClassVar[str] = "simple"
    gates: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        if not isinstance(self.activation, Activation):
            checks.choice("activation", self.activation, ("tanh", "relu"))

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        return _products(1, input_size, hidden_size)


@dataclass(frozen=True)
class LSTM:
    """Long short-term memory, gate order i, f, g, o; `peepholes` adds ONNX's diagonal links, order i, f, o."""

    peepholes: bool = False

    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def __post_init__(self) -> None:
        checks.flag("peepholes", self.peepholes)

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(4, input_size, hidden_size)
        if self.peepholes:
            shapes["peephole"] = (3, hidden_size)
        return shapes


@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit, gate order r, z, n; `reset_after` is PyTorch's form, False the 2014 paper's."""

    reset_after: bool = True

    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        checks.flag("reset_after", self.reset_after)

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(3, input_size, hidden_size)
        if self.reset_after:
            shapes["bias_hn"] = (hidden_size,)
        return shapes


Cell = Simple | LSTM | GRU
CELLS: dict[str, Cell] = {"tanh": Simple(), "relu": Simple("relu"), "lstm": LSTM(), "gru": GRU()}


def as_cell(cell: str | Cell) -> Cell:
    """The cell a name stands for ("tanh", "relu", "lstm", "gru"); a cell is returned as it is."""
    if isinstance(cell, Cell):
        return cell
    return CELLS[checks.choice("cell", cell, tuple(CELLS))]


def _products(gates: int, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    rows = gates * hidden_size
    return {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias": (rows,)}


# --------------------------------------------------------------------------------------------- layers


@dataclass(frozen=True)
class Embedding:
    """Integers in [0, num_embeddings) to rows of a table: (B, T) -> (B, T, embedding_dim); first layer only."""

    num_embeddings: int
    embedding_dim: int

    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        checks.whole("num_embeddings", self.num_embeddings, low=1)
        checks.whole("embedding_dim", self.embedding_dim, low=1)


@dataclass(frozen=True)
class Recurrent:
    """One recurrent layer: (B, T, F) -> (B, T, H), or (B, T, 2H) with the reverse direction behind."""

    hidden_size: int
    cell: Cell = LSTM()
    bidirectional: bool = False

    kind: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
        checks.whole("hidden_size", self.hidden_size, low=1)
        object.__setattr__(self, "cell", as_cell(self.cell))
        checks.flag("bidirectional", self.bidirectional)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The directions, by the suffix of their parameters' and states' names."""
        return ("", "_reverse") if self.bidirectional else ("",)


@dataclass(frozen=True)
class Dense:
    """y = act(W h + b) at every step: (B, T, F) -> (B, T, O), or (B, F) -> (B, O) behind `Last`."""

    output_size: int
    activation: Literal["linear", "tanh", "relu", "sigmoid"] = "linear"

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        checks.whole("output_size", self.output_size, low=1)
        checks.choice("activation", self.activation, ("linear", "tanh", "relu", "sigmoid"))


@dataclass(frozen=True)
class Last:
    """Keeps each sequence's last valid step: (B, T, F) -> (B, F). No parameters."""

    kind: ClassVar[str] = "last"


@dataclass(frozen=True)
class Skip:
    """Adds a linear map, without bias, of the network's own input to what arrives: y + W x (x at the last
    valid step behind `Last`). Not for networks that begin with an `Embedding`."""

    kind: ClassVar[str] = "skip"


Layer = Embedding | Recurrent | Dense | Last | Skip


# --------------------------------------------------------------------------------------------- layout


class Parameter(NamedTuple):
    """One named array inside theta."""

    name: str
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def view(self, theta: np.ndarray) -> np.ndarray:
        """A writable view into theta (P,)."""
        return theta[self.offset : self.offset + self.size].reshape(self.shape)


class StateSlot(NamedTuple):
    """One named state array, (B, size)."""

    name: str
    size: int


class Part(NamedTuple):
    """One layer with what its neighbours decide: sizes, and the places of its parameters and states.

    `parameters` and `states` hold one tuple for each direction of a recurrent layer, one tuple otherwise. The
    order within is fixed: a cell's `parameter_shapes` and `state_names`; weight, bias for dense; weight alone for
    embedding and skip.
    """

    layer: Layer
    input_size: int
    output_size: int
    parameters: tuple[tuple[Parameter, ...], ...]
    states: tuple[tuple[StateSlot, ...], ...]


class Layout:
    """A list of layers bound to an input size: where each parameter lies in theta, and which states there are.

    Parameter names are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_l0`, `bias_hn_l0`, `peephole_l0`, suffix
    `_reverse` for the backward direction; `embedding.weight`; dense layers `dense0.weight`, ..., the last one
    `head.weight`, `head.bias`; `skip.weight`. States: `h_l0`, `c_l0`, `h_l0_reverse`, ...
    """

    def __init__(self, layers: Sequence[Layer], input_size: int) -> None:
        self.layers = tuple(layers)
        self.input_size = checks.whole("input_size", input_size, low=1)
        self.integer_input = bool(self.layers) and isinstance(self.layers[0], Embedding)
        self.last = False
        self.size = 0
        self._check_order()
        self.parts = tuple(self._bind())
        self.output_size = self.parts[-1].output_size
        self.parameters = tuple(p for part in self.parts for group in part.parameters for p in group)
        self.states = tuple(s for part in self.parts for group in part.states for s in group)

    def _check_order(self) -> None:
        if not any(isinstance(layer, Recurrent) for layer in self.layers):
            raise ValueError(f"layers: expected at least one Recurrent layer, got {list(self.layers)!r}")
        last = False
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"layers[{i}]: expected a layer such as elman.Recurrent(16), got {layer!r}")
            if isinstance(layer, Embedding) and i > 0:
                raise ValueError(f"layers[{i}]: expected Embedding only as the first layer, got {layer!r} at place {i}")
            if isinstance(layer, Recurrent | Last) and last:
                raise ValueError(f"layers[{i}]: expected only Dense or Skip behind Last, got {layer!r}")
            if isinstance(layer, Skip) and self.integer_input:
                raise ValueError(f"layers[{i}]: Skip needs a network with real inputs, got one with Embedding")
            last = last or isinstance(layer, Last)

    def _bind(self) -> list[Part]:
        parts: list[Part] = []
        width = self.input_size
        depth = dense = 0
        final_dense = sum(isinstance(layer, Dense) for layer in self.layers) - 1
        for layer in self.layers:
            before, parameters, states = width, [], []
            match layer:
                case Embedding(num_embeddings=rows, embedding_dim=width):
                    parameters = [self._place({"embedding.weight": (rows, width)})]
                case Recurrent(hidden_size=hidden, cell=cell):
                    for suffix in layer.suffixes:
                        shapes = cell.parameter_shapes(before, hidden)
                        parameters.append(self._place({f"{k}_l{depth}{suffix}": v for k, v in shapes.items()}))
                        states.append(tuple(StateSlot(f"{k}_l{depth}{suffix}", hidden) for k in cell.state_names))
                    width = hidden * len(layer.suffixes)
                    depth += 1
                case Dense(output_size=width):
                    name = "head" if dense == final_dense else f"dense{dense}"
                    parameters = [self._place({f"{name}.weight": (width, before), f"{name}.bias": (width,)})]
                    dense += 1
                case Last():
                    self.last = True
                case Skip():
                    parameters = [self._place({"skip.weight": (width, self.input_size)})]
            parts.append(Part(layer, before, width, tuple(parameters), tuple(states)))
        return parts

    def _place(self, shapes: dict[str, tuple[int, ...]]) -> tuple[Parameter, ...]:
        placed: list[Parameter] = []
        for name, shape in shapes.items():
            placed.append(Parameter(name, shape, self.size))
            self.size += placed[-1].size
        return tuple(placed)

    @property
    def bidirectional(self) -> bool:
        return any(isinstance(layer, Recurrent) and layer.bidirectional for layer in self.layers)

    @property
    def custom(self) -> bool:
        """Whether some piece exists on the reference engine alone."""
        return any(
            isinstance(layer, Recurrent)
            and isinstance(layer.cell, Simple)
            and isinstance(layer.cell.activation, Activation)
            for layer in self.layers
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (Layout, (self.layers, self.input_size))
