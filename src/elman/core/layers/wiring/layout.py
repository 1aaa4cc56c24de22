"""The layout of a network: where each parameter lies in theta, which states there are, and what each layer reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers.embedding import Embedding
from elman.core.layers.layer import INPUT, PREVIOUS, Layer, Signal
from elman.core.layers.recurrent import Recurrent
from elman.core.layers.wiring.node import Input, Node, checked_name

__all__ = ["MOST_PARAMETERS", "Layout", "Parameter", "Part", "Source", "Start", "StateSlot"]

MOST_PARAMETERS = 2**40  # of a network: far above any use, so that no product of its sizes passes 64 bits

Source = str | int  # an input by its name, or the output of a layer by its place in the list


class Parameter(NamedTuple):
    """One named array inside theta."""

    name: str
    shape: tuple[int, ...]
    offset: int
    role: str = ""  # its name within its layer: `weight_ih`, whatever the layer is called

    @property
    def size(self) -> int:
        return math.prod(self.shape)  # not NumPy's, which wraps at 64 bits

    def view(self, theta: np.ndarray) -> np.ndarray:
        """Returns a writable view into theta (P,)."""
        return theta[self.offset : self.offset + self.size].reshape(self.shape)


class StateSlot(NamedTuple):
    """One named state array, (B, size)."""

    name: str
    size: int


class Start(NamedTuple):
    """Where one initial state comes from, if no caller gives it: another layer's final state, or a vector."""

    slot: int | None  # the place of that final state in `Layout.states`
    source: Source  # the layer that it belongs to, or what gives the vector


class Part(NamedTuple):
    """One layer with what its neighbours decide: what it reads, its sizes, its parameters, states and their sources.

    `parameters`, `states` and `starts` hold one tuple for each direction of a recurrent layer, one tuple otherwise. The
    order within is fixed: a cell's `parameter_shapes` and `state_names`; weight, bias for dense; weight alone for
    embedding and skip.
    """

    layer: Layer
    input_size: int  # of the first thing it reads
    output_size: int
    parameters: tuple[tuple[Parameter, ...], ...]
    states: tuple[tuple[StateSlot, ...], ...]
    name: str | None
    reads: tuple[Source, ...]
    output: Signal
    starts: tuple[tuple[Start | None, ...], ...]


class Layout:
    """A list of layers bound to the sizes of the inputs: where each parameter lies in theta, and which states there
    are.

    layers      layers, or layers with names (`Node`)
    input_size  of x, the main input
    inputs      name -> `Input`, of all others

    Parameter names are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_l0`, `bias_hn_l0`, `peephole_l0`, suffix
    `_reverse` for the backward direction; `embedding.weight`; dense layers `dense0.weight`, ..., the last one
    `head.weight`, `head.bias`; `skip.weight`. A parameter that two layers share is there once, under its first name.
    States: `h_l0`, `c_l0`, `h_l0_reverse`, ... What belongs to a layer with
    a name begins with that name instead: `encoder.weight_ih`, `encoder.h`.
    """

    def __init__(
        self, layers: Sequence[Layer | Node], input_size: int, inputs: Mapping[str, Input] | None = None
    ) -> None:
        self.layers = _listed(layers)
        self.input_size = checks.count("input_size", input_size)
        if inputs is not None and not isinstance(inputs, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"inputs: expected a mapping of names to elman.Input, got {checks.shown(inputs)}")
        self.inputs = dict(inputs or {})
        self.size = 0
        nodes = self._nodes()
        self.integer_input = any(
            node.layer.integers and self._reads(i, node)[0] == INPUT for i, node in enumerate(nodes)
        )
        self._signals: dict[Source, Signal] = {INPUT: Signal(self.input_size, INPUT, self.integer_input)}
        for name, given in self.inputs.items():
            if checked_name("inputs", name) == INPUT:
                raise ValueError(f"inputs: expected names other than {INPUT!r}, which has input_size, got {name!r}")
            if not isinstance(given, Input):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"inputs[{name!r}]: expected an elman.Input, got {checks.shown(given)}")
            if given.time is not None and getattr(self._signals.get(given.time), "time", None) != given.time:
                raise ValueError(
                    f"inputs[{name!r}]: expected time of {INPUT!r} or of a sequence before it with its own, "
                    f"got {given.time!r}"
                )
            time = None if given.kind == "vector" else given.time or name
            self._signals[name] = Signal(given.size, time, given.kind == "integers")
        self.parts, self.states = self._bind(nodes)
        self.dense = self.size  # parameters before the tables of sparse layers, which lie behind all others
        self._place_tables()
        self.output_size, self.time = self.parts[-1].output.size, self.parts[-1].output.time
        self.last = self.time is None
        placed = (p for part in self.parts for group in part.parameters for p in group)
        self.parameters = tuple(dict.fromkeys(placed))  # once each, though two layers may share one
        names = Counter([*(p.name for p in self.parameters), *(s.name for s in self.states)])
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"layers: expected parameters and states with a name each, got {twice[0]} twice")

    # ------------------------------------------------------------------------------------ what it says

    @property
    def bidirectional(self) -> bool:
        return any(len(part.layer.suffixes) > 1 for part in self.parts)

    @property
    def whole(self) -> str | None:
        """Returns what needs the whole sequence at once, in words: two directions, a layer that reads other steps than
        its own, or an initial state from another layer; None where a network of one input goes step by step."""
        for part in self.parts:
            vectors = [source for source in part.reads if self._signals[source].time is None]
            if part.layer.whole or (vectors and part.output.time is not None):
                return "two directions" if len(part.layer.suffixes) > 1 else f"{part.layer!r}, which reads other steps"
            if any(start is not None for group in part.starts for start in group):
                return "an initial state from another layer"
        return None

    @cached_property
    def places(self) -> dict[str, Parameter]:
        """Returns the parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def tables(self) -> tuple[Parameter, ...]:
        """Returns the parameters of sparse layers, each (rows, width), in the order of their places in theta."""
        sparse = (p for part in self.parts if part.layer.sparse for group in part.parameters for p in group)
        return tuple(dict.fromkeys(sparse))

    @cached_property
    def draws(self) -> bool:
        """Returns whether training draws anything."""
        return any(part.layer.draws for part in self.parts)

    @cached_property
    def chain(self) -> bool:
        """Returns whether it is a stack: x is its only input, and no layer has a name."""
        return not self.inputs and not any(isinstance(layer, Node) for layer in self.layers)

    @cached_property
    def custom(self) -> bool:
        """Returns whether some layer or cell exists on the reference engine alone."""
        return not all(part.layer.compiled for part in self.parts)

    # ---------------------------------------------------------------------------------------- binding

    def _nodes(self) -> list[Node]:
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer | Node):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"layers[{i}]: expected a layer such as elman.Recurrent(16), got {layer!r}")
        nodes = [layer if isinstance(layer, Node) else Node(layer) for layer in self.layers]
        if not any(isinstance(node.layer, Recurrent) for node in nodes):
            raise ValueError(f"layers: expected at least one Recurrent layer, got {list(self.layers)!r}")
        self._places: dict[str, Source] = {name: name for name in (INPUT, *self.inputs)}
        for i, node in enumerate(nodes):
            if node.name is None:
                continue
            if node.name in self._places:
                raise ValueError(f"layers[{i}]: expected a name of its own, got {node.name!r} again")
            self._places[node.name] = i
        return nodes

    def _reads(self, i: int, node: Node) -> tuple[Source, ...]:
        names = node.reads or node.layer.sources()
        counts = node.layer.counts()
        if len(names) not in counts:
            known = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else counts[0]
            raise ValueError(f"layers[{i}]: expected {known} names of what it reads, got {names}")
        return tuple(self._source(i, name) for name in names)

    def _source(self, i: int, name: str) -> Source:
        if name == PREVIOUS:
            return i - 1 if i > 0 else INPUT
        place = self._places.get(name)
        if place is None or (isinstance(place, int) and place >= i):
            known = ", ".join(key for key, at in self._places.items() if isinstance(at, str) or at < i)
            raise ValueError(f"layers[{i}]: expected the name of an input or a layer before it ({known}), got {name!r}")
        return place

    def _bind(self, nodes: list[Node]) -> tuple[tuple[Part, ...], tuple[StateSlot, ...]]:
        """Returns every layer's part, and all states, in the order of the layers."""
        parts: list[Part] = []
        slots: list[StateSlot] = []
        unnamed = Counter(node.layer.kind for node in nodes if node.name is None)
        before: Counter[str] = Counter()
        tables: dict[str, Part] = {}  # the embeddings, by their names
        for i, node in enumerate(nodes):
            layer, reads = node.layer, self._reads(i, node)
            read = [self._signals[source] for source in reads]
            output = self._signals[i] = self._output(i, layer, read)
            if layer.final and i + 1 < len(nodes):
                raise ValueError(f"layers[{i}]: expected {type(layer).__name__} as the last layer, got more behind it")
            shapes, sizes = layer.parameter_shapes(*(signal.size for signal in read)), layer.state_sizes()
            if node.name is None:
                full = {key: layer.full_name(key, before[layer.kind], unnamed[layer.kind]) for key in (*shapes, *sizes)}
                before[layer.kind] += 1
            else:
                full = {key: f"{node.name}.{key}" for key in (*shapes, *sizes)}
            starts = self._starts(i, node, slots)
            shared = {key: _shared(i, layer, name, shapes[key], tables) for key, name in layer.shared().items()}
            parameters: list[tuple[Parameter, ...]] = []
            states: list[tuple[StateSlot, ...]] = []
            for suffix in layer.suffixes:
                if shapes:
                    named = {key: (full[key] + suffix, shape) for key, shape in shapes.items()}
                    parameters.append(_unplaced(named, shared) if layer.sparse else self._place(named, shared))
                if sizes:
                    states.append(tuple(StateSlot(full[key] + suffix, size) for key, size in sizes.items()))
            slots += [slot for group in states for slot in group]
            arrays = (tuple(parameters), tuple(states))
            parts.append(Part(layer, read[0].size, output.size, *arrays, node.name, reads, output, starts))
            if isinstance(layer, Embedding):
                tables[full["weight"].rpartition(".")[0]] = parts[-1]
        return tuple(parts), tuple(slots)

    def _output(self, i: int, layer: Layer, read: list[Signal]) -> Signal:
        """Returns what a layer gives for what it reads; raises ValueError with its place where it cannot read that."""
        try:
            if read[0].integers and not layer.integers:
                raise ValueError(f"expected Embedding to read whole numbers, got {layer!r}")
            return layer.output(*read)
        except ValueError as error:
            raise ValueError(f"layers[{i}]: {error}") from None

    def _place(
        self, shapes: Mapping[str, tuple[str, tuple[int, ...]]], shared: Mapping[str, Parameter]
    ) -> tuple[Parameter, ...]:
        """Places parameters, role -> (name, shape), in theta behind those before them, and returns them; those that are
        shared have their place."""
        placed: list[Parameter] = []
        for role, (name, shape) in shapes.items():
            if role in shared:
                placed.append(shared[role])
                continue
            placed.append(Parameter(name, shape, self.size, role))
            self.size += placed[-1].size
            if self.size > MOST_PARAMETERS:
                raise ValueError(f"layers: expected at most {MOST_PARAMETERS:,} parameters, got {name} {shape}")
        return tuple(placed)

    def _place_tables(self) -> None:
        """Places the parameters of sparse layers behind all others, so that what an update changes as a whole lies
        together."""
        placed: dict[str, tuple[Parameter, ...]] = {}  # two layers may share one
        for i, part in enumerate(self.parts):
            if part.layer.sparse:
                (group,) = part.parameters
                if group[0].name not in placed:
                    placed[group[0].name] = self._place({p.role: (p.name, p.shape) for p in group}, {})
                own = part._replace(parameters=(placed[group[0].name],))
                self.parts = (*self.parts[:i], own, *self.parts[i + 1 :])

    # ------------------------------------------------------------------------------- initial states

    def _starts(self, i: int, node: Node, slots: list[StateSlot]) -> tuple[tuple[Start | None, ...], ...]:
        """Returns the source of each initial state of a layer, in the order of its states; None: learned, or zero."""
        sizes = node.layer.state_sizes()
        own = {f"{local}{suffix}": size for suffix in node.layer.suffixes for local, size in sizes.items()}
        named = dict(node.state) if not isinstance(node.state, str) else {key: f"{node.state}.{key}" for key in own}
        for key in named:
            if key not in own:
                raise ValueError(f"layers[{i}]: expected states among {', '.join(own) or 'none'}, got {key!r}")
        found = {key: self._start(i, source, own[key], slots) for key, source in named.items()}
        return tuple(tuple(found.get(f"{local}{suffix}") for local in sizes) for suffix in node.layer.suffixes)

    def _start(self, i: int, name: str, size: int, slots: list[StateSlot]) -> Start:
        layer, dot, _ = name.partition(".")
        source = self._source(i, layer)
        if not dot:
            signal = self._signals[source]
            if signal.time is not None or signal.size != size:
                raise ValueError(
                    f"layers[{i}]: expected {name!r} to give one vector of size {size} a row, got {signal}"
                )
            return Start(None, source)
        for slot, state in enumerate(slots):
            if state.name == name and state.size == size:
                return Start(slot, source)
        raise ValueError(f"layers[{i}]: expected a state of size {size} of a layer before it, got {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Layout, (self.layers, self.input_size, self.inputs))


def _unplaced(
    shapes: Mapping[str, tuple[str, tuple[int, ...]]], shared: Mapping[str, Parameter]
) -> tuple[Parameter, ...]:
    return tuple(shared.get(role) or Parameter(name, shape, 0, role) for role, (name, shape) in shapes.items())


def _shared(i: int, layer: Layer, name: str, shape: tuple[int, ...], tables: Mapping[str, Part]) -> Parameter:
    """Returns the table of an Embedding before layer i that this layer has too, checked to be of its shape."""
    if name not in tables:
        known = ", ".join(map(repr, tables)) or "there is none"
        raise ValueError(f"layers[{i}]: expected tied to name an Embedding before it ({known}), got {name!r}")
    other, ((table, *_),) = tables[name].layer, tables[name].parameters
    if isinstance(layer, Embedding) and layer.sparse != other.sparse:
        raise ValueError(
            f"layers[{i}]: expected sparse={other.sparse}, as has {name!r}, to which it is tied, got {layer!r}"
        )
    if other.sparse and not layer.sparse:
        raise ValueError(
            f"layers[{i}]: expected tied to name an Embedding without sparse=True, since an output layer changes every "
            f"row, got {name!r}"
        )
    if table.shape != shape:
        expected = f"the table of {name!r}, of shape {table.shape}, to be of shape {shape}"
        why = "" if isinstance(layer, Embedding) else ": a row an output, as wide as what the layer reads"
        raise ValueError(f"layers[{i}]: expected {expected}{why}")
    return table


def _listed(layers: Any) -> tuple[Layer | Node, ...]:
    """Returns the layers as a tuple; raises TypeError for what is no list."""
    try:
        return tuple(layers)
    except TypeError:
        raise TypeError(f"layers: expected a list of layers, got {checks.shown(layers)}") from None
