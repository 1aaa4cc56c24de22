"""The frozen descriptions of cells and layers, and the layout that gives each its place in theta.

Nothing here computes: both engines read these descriptions and do the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from elman.core import checks

__all__ = [
    "GRU",
    "LSTM",
    "MOST_PARAMETERS",
    "Activation",
    "Cell",
    "CustomCell",
    "Dense",
    "Dropout",
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

MOST_PARAMETERS = 2**40  # of a network: far above any use, so that no product of its sizes passes 64 bits


def _short(self: Any) -> str:
    """The repr of a description: what it is, and what differs from the defaults."""
    parts: list[str] = []
    for field in fields(self):
        value = getattr(self, field.name)
        if field.default is MISSING or field.name in ("cell", "activation", "peepholes", "reset_after"):
            parts.append(repr(value))
        elif value != field.default:
            parts.append(f"{field.name}={value!r}")
    return f"{type(self).__name__}({', '.join(parts)})"


def _set(self: Any, **values: Any) -> None:
    """Plain numbers in place of NumPy's, which no file holds."""
    for name, value in values.items():
        object.__setattr__(self, name, value)


def _below_one(name: str, value: object) -> float:
    number = checks.number(name, value, low=0.0, high=1.0)
    if number == 1.0:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value!r}")
    return number


def _share(name: str, value: object) -> float:
    return checks.number(name, value, low=0.0, high=1.0, open_low=True)


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
    """The Elman cell: s_t = act(W_ih x_t + W_hh h_{t-1} + b), h_t = s_t; act "tanh", "relu" or an `Activation`.

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
    __repr__ = _short
    gates: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        if not isinstance(self.activation, Activation):
            checks.choice("activation", self.activation, ("tanh", "relu"))
        checks.flag("learn_leak", self.learn_leak)
        _set(self, noise=checks.number("noise", self.noise, low=0.0))
        if isinstance(self.leak, list | tuple | np.ndarray):
            _set(self, leak=tuple(_share("leak", value) for value in self.leak))
        elif self.leak is not None:
            _set(self, leak=_share("leak", self.leak))
        if checks.flag("layer_norm", self.layer_norm) and self.leak is not None:
            raise ValueError(f"layer_norm: expected False with a leak, got leak={self.leak!r}")
        if self.learn_leak and self.leak is None:
            raise ValueError("learn_leak: expected a leak to begin with, got leak=None")

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = _products(1, input_size, hidden_size)
        if self.leak is not None:
            if isinstance(self.leak, tuple) and len(self.leak) != hidden_size:
                raise ValueError(f"leak: expected one for each of {hidden_size} units, got {len(self.leak)}")
            shapes["leak"] = (hidden_size,)
        return shapes | _gains(self.layer_norm, 1, hidden_size)


@dataclass(frozen=True)
class LSTM:
    """Long short-term memory, gate order i, f, g, o; `peepholes` adds ONNX's diagonal links, order i, f, o.

    layer_norm  normalises the two products, and the cell before its tanh (Ba et al. 2016), with gains `gain_ih`,
                `gain_hh` (4H,), `gain_c` and shift `shift_c` (H,); not with peepholes
    """

    peepholes: bool = False
    layer_norm: bool = False

    kind: ClassVar[str] = "lstm"
    __repr__ = _short
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


@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit, gate order r, z, n; `reset_after` is PyTorch's form, False the 2014 paper's.

    layer_norm  normalises the two products (Ba et al. 2016), with gains `gain_ih`, `gain_hh` (3H,); needs reset_after
    """

    reset_after: bool = True
    layer_norm: bool = False

    kind: ClassVar[str] = "gru"
    __repr__ = _short
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

    `cell` is this object, and states and parameters are tuples of arrays, as for the cells of `elman.reference`.
    """

    name: str
    shapes: Callable[[int, int], Mapping[str, tuple[int, ...]]]
    step: Callable[[Any, tuple[np.ndarray, ...], np.ndarray, tuple[np.ndarray, ...]], tuple[Any, Any]]
    step_backward: Callable[[Any, tuple[np.ndarray, ...], Any, tuple[np.ndarray, ...]], tuple[Any, Any, Any]]
    state_names: tuple[str, ...] = ("h",)
    gates: int = 1

    kind: ClassVar[str] = "custom"

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_names", tuple(self.state_names))
        checks.whole("gates", self.gates, low=1)
        for name in ("shapes", "step", "step_backward"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name}: expected a function, got {checks.shown(getattr(self, name))}")
        if not all(isinstance(name, str) and name for name in (self.name, *self.state_names)):  # pyright: ignore
            raise TypeError(f"state_names: expected names, got {self.name!r} and {self.state_names!r}")
        if not self.state_names or len(set(self.state_names)) < len(self.state_names):
            raise ValueError(f"state_names: expected at least one name, each once, got {self.state_names!r}")

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        shapes = self.shapes(input_size, hidden_size)
        if not isinstance(shapes, Mapping) or not all(isinstance(name, str) and name for name in shapes):  # pyright: ignore
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
    """The cell a name stands for ("tanh", "relu", "lstm", "gru"); a cell is returned as it is."""
    if isinstance(cell, Cell):
        return cell
    return CELLS[checks.choice("cell", cell, tuple(CELLS))]


def _products(gates: int, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    rows = gates * hidden_size
    return {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias": (rows,)}


def _gains(layer_norm: bool, gates: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    shape = (gates * hidden_size,)
    return {"gain_ih": shape, "gain_hh": shape} if layer_norm else {}


# --------------------------------------------------------------------------------------------- layers


@dataclass(frozen=True)
class Embedding:
    """Integers in [0, num_embeddings) to rows of a table: (B, T) -> (B, T, embedding_dim); first layer only."""

    num_embeddings: int
    embedding_dim: int

    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        _set(self, num_embeddings=checks.count("num_embeddings", self.num_embeddings))
        _set(self, embedding_dim=checks.count("embedding_dim", self.embedding_dim))


@dataclass(frozen=True)
class Recurrent:
    """One recurrent layer: (B, T, F) -> (B, T, H), or (B, T, 2H) with the reverse direction behind.

    recurrent_dropout  in training, the products read m h_{t-1}; m is 0 with this probability, else 1 / (1 - p), one
                       for each unit and sequence, the same at all steps (Gal and Ghahramani 2016)
    zoneout            probability with which a unit keeps its previous value in training; in prediction its
                       expectation is used (Krueger et al. 2016). One number, or one for each state: (h, c)
    learned_state      the initial state is a parameter, `state_h` (H,) (and `state_c`), used where none is given
    """

    hidden_size: int
    cell: Cell = LSTM()
    bidirectional: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, ...] = 0.0
    learned_state: bool = False

    kind: ClassVar[str] = "recurrent"
    __repr__ = _short

    def __post_init__(self) -> None:
        _set(self, hidden_size=checks.count("hidden_size", self.hidden_size), cell=as_cell(self.cell))
        checks.flag("bidirectional", self.bidirectional)
        checks.flag("learned_state", self.learned_state)
        _set(self, recurrent_dropout=_below_one("recurrent_dropout", self.recurrent_dropout))
        if not isinstance(self.zoneout, list | tuple | np.ndarray):
            _set(self, zoneout=_below_one("zoneout", self.zoneout))
            return
        if len(self.zoneout) != len(self.cell.state_names):
            names = ", ".join(self.cell.state_names)
            raise ValueError(f"zoneout: expected one number, or one for each of {names}, got {self.zoneout!r}")
        _set(self, zoneout=tuple(_below_one("zoneout", probability) for probability in self.zoneout))

    @property
    def zoneouts(self) -> tuple[tuple[str, float], ...]:
        """(state, probability of keeping it), for each of the cell's states."""
        names = self.cell.state_names
        values = self.zoneout if isinstance(self.zoneout, tuple) else (self.zoneout,) * len(names)
        return tuple(zip(names, values, strict=True))

    def parameter_shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        """Of one direction: the cell's own, then the initial states where they are learned."""
        shapes = self.cell.parameter_shapes(input_size, self.hidden_size)
        if self.learned_state:
            shapes.update({f"state_{name}": (self.hidden_size,) for name in self.cell.state_names})
        return shapes

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
        _set(self, output_size=checks.count("output_size", self.output_size))
        checks.choice("activation", self.activation, ("linear", "tanh", "relu", "sigmoid"))


@dataclass(frozen=True)
class Dropout:
    """In training, each number is 0 with probability `rate`, else divided by 1 - rate; nothing in prediction.

    variational  one draw for each feature and sequence, the same at all steps (Gal and Ghahramani 2016); else each
                 step has its own
    """

    rate: float
    variational: bool = False

    kind: ClassVar[str] = "dropout"
    __repr__ = _short

    def __post_init__(self) -> None:
        _set(self, rate=_below_one("rate", self.rate))
        checks.flag("variational", self.variational)


@dataclass(frozen=True)
class Last:
    """Keeps each sequence's last valid step: (B, T, F) -> (B, F). No parameters."""

    kind: ClassVar[str] = "last"


@dataclass(frozen=True)
class Skip:
    """Adds a linear map, without bias, of the network's own input to what arrives: y + W x (x at the last
    valid step behind `Last`). Not for networks that begin with an `Embedding`."""

    kind: ClassVar[str] = "skip"


Layer = Embedding | Recurrent | Dense | Dropout | Last | Skip


# --------------------------------------------------------------------------------------------- layout


class Parameter(NamedTuple):
    """One named array inside theta."""

    name: str
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)  # not NumPy's, which wraps at 64 bits

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
        self.input_size = checks.count("input_size", input_size)
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
                raise ValueError(f"layers[{i}]: expected only Dense, Dropout or Skip behind Last, got {layer!r}")
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
                        shapes = layer.parameter_shapes(before)
                        parameters.append(self._place({f"{k}_l{depth}{suffix}": v for k, v in shapes.items()}))
                        states.append(tuple(StateSlot(f"{k}_l{depth}{suffix}", hidden) for k in cell.state_names))
                    width = hidden * len(layer.suffixes)
                    depth += 1
                case Dense(output_size=width):
                    name = "head" if dense == final_dense else f"dense{dense}"
                    parameters = [self._place({f"{name}.weight": (width, before), f"{name}.bias": (width,)})]
                    dense += 1
                case Dropout():
                    pass
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
            if self.size > MOST_PARAMETERS:
                raise ValueError(f"layers: expected at most {MOST_PARAMETERS:,} parameters, got {name} {shape}")
        return tuple(placed)

    @property
    def bidirectional(self) -> bool:
        return any(isinstance(layer, Recurrent) and layer.bidirectional for layer in self.layers)

    @property
    def draws(self) -> bool:
        """Whether training draws anything."""
        return any(
            (isinstance(layer, Dropout) and layer.rate > 0)
            or (isinstance(layer, Recurrent) and (layer.recurrent_dropout > 0 or any(p for _, p in layer.zoneouts)))
            or (isinstance(layer, Recurrent) and isinstance(layer.cell, Simple) and layer.cell.noise > 0)
            for layer in self.layers
        )

    @property
    def custom(self) -> bool:
        """Whether some piece exists on the reference engine alone."""
        return any(
            isinstance(layer, Recurrent)
            and (
                isinstance(layer.cell, CustomCell)
                or (isinstance(layer.cell, Simple) and isinstance(layer.cell.activation, Activation))
            )
            for layer in self.layers
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (Layout, (self.layers, self.input_size))
