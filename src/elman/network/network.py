"""The class Network: a list of layers, one flat vector of parameters, and named states that go in and come out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.init import Init, initial
from elman.core.layers import INPUT, Cell, Dense, Input, Layer, Layout, Node
from elman.core.losses import Loss, as_loss
from elman.core.meant import checks_names
from elman.core.parameters import Parameters
from elman.core.requests import DEFAULT_SHARD_SIZE, Batch
from elman.core.stack import stack
from elman.engines.select import for_loss, select
from elman.network import arguments, description
from elman.network.arguments import Inputs, State
from elman.network.decoding import decode
from elman.network.memory import Memory
from elman.network.prepared import ByLoss
from elman.network.stream import Stream
from elman.network.tape import Tape, named
from elman.network.weights import Reading, Weights

__all__ = ["Network"]

Draw = tuple[int, int]  # (seed, update)


class Network:
    """A recurrent network: layers, and all parameters in one vector `theta` (P,).

    input_size     D, features of a step
    hidden_size    H, one number, or one for each layer
    output_size    O; None: without a head, the network returns the last recurrent layer's h (B, T, H)
    cell           "tanh", "relu", "lstm", "gru", or a configured cell such as `elman.GRU(reset_after=False)`
    num_layers     recurrent layers, one above the other
    bidirectional  whether each layer also reads the sequence backwards; its output is then (B, T, 2H)
    output         "sequence": an output at every step (B, T, O); "last": at each row's last step (B, O); "mean", "max",
                   "attention": of all of a row's steps, pooled (`elman.Pool`) before the head (B, O)
    head           layers between the recurrent ones and the output layer: sizes (relu) or `elman.Dense(...)`
    skip           adds a linear path from the input to the output
    dropout        in training, between the recurrent layers and before the head: the probability of a 0; variational
                   dropout, recurrent dropout and zoneout are options of `elman.Dropout` and `elman.Recurrent`
    learned_state  the initial state is a parameter too
    init, seed     how the parameters begin: a name, function or gain of `elman.init`; without a seed, each run differs
    dtype          "float32" or "float64"

    Every x is (B, T, D), or (T, D) for one sequence, which then leaves without B too. Lists, and arrays of another real
    type, are converted. `lengths` (B,) says how many steps of each row are real; outputs past them are 0. A list of
    sequences (T, D) of unequal length is padded, and their lengths count, y and weights alike. A state is a mapping,
    name -> (B, H), of what `state_names` lists; a name that is missing is zero. Wrong input raises ValueError or
    TypeError with the argument, what was expected and what came. While one thread trains a network, all others compute
    with its weights as they were after the last block of updates.
    """

    @checks_names
    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        output_size: int | None,
        *,
        cell: str | Cell = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        output: Literal["sequence", "last", "mean", "max", "attention"] = "sequence",
        head: int | Dense | Sequence[int | Dense] = (),
        skip: bool = False,
        dropout: float = 0.0,
        learned_state: bool = False,
        init: Init | None = None,
        dtype: object = "float32",
        seed: int | None = None,
    ) -> None:
        layers = stack(
            hidden_size, output_size, cell, num_layers, bidirectional, output, head, skip, dropout, learned_state
        )
        self._begin(Layout(layers, input_size), init, dtype, seed)

    @classmethod
    def from_layers(
        cls,
        layers: Sequence[Layer | Node],
        *,
        input_size: int | None = None,
        inputs: Mapping[str, Input] | None = None,
        init: Init | None = None,
        dtype: object = "float32",
        seed: int | None = None,
    ) -> Network:
        """Makes a network of any list of layers; `input_size` is needed unless an `Embedding` reads x.

        inputs  what the network reads besides x, by name. Its methods then take x as a mapping of names to arrays, each
                with the axis B, and `lengths` as a mapping too; `backward` returns a mapping of their gradients. The
                input "y" is the targets
        """
        if input_size is None:
            if not description.reads_integers(layers):
                raise TypeError("input_size: expected a whole number of at least 1, got None")
            input_size = 1
        network = cls.__new__(cls)
        network._begin(Layout(layers, input_size, inputs), init, dtype, seed)
        return network

    @classmethod
    def from_theta(cls, layout: Layout, theta: np.ndarray) -> Network:
        """Makes a network of this layout with a copy of `theta` (P,), in its dtype."""
        if not isinstance(theta, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"theta: expected an array, got {checks.shown(theta)}")
        arguments.as_dtype(theta.dtype)
        arguments.check_width("theta", theta.shape, [(layout.size,)])
        network = cls.__new__(cls)
        network._bind(layout, np.array(theta))
        return network

    def _begin(self, layout: Layout, init: Init | None, dtype: object, seed: int | None) -> None:
        self._bind(layout, initial(layout, init, arguments.as_dtype(dtype), seed))

    def _bind(self, layout: Layout, theta: np.ndarray) -> None:
        self.layout = layout
        self.weights = Weights(theta, on_demand=bool(layout.tables))
        self._engine = select(layout)
        self._prepared = ByLoss(self._engine, layout, self.weights)
        self.memory = Memory(layout, self.weights)

    # -------------------------------------------------------------------------------------- what it is

    @property
    def theta(self) -> np.ndarray:
        """All parameters in one vector (P,); an assignment copies the values in."""
        return self.weights.theta

    @theta.setter
    def theta(self, values: object) -> None:
        array = arguments.as_real("theta", values, self.dtype)
        arguments.check_width("theta", array.shape, [(self.num_parameters,)])
        self.theta[...] = array

    @property
    def parameters(self) -> Parameters:
        """Parameters by name, as writable views of theta; an assignment to an item copies the values in."""
        return Parameters(self.layout, self.theta)

    @property
    def num_parameters(self) -> int:
        return self.layout.size

    @property
    def layers(self) -> tuple[Layer | Node, ...]:
        return self.layout.layers

    @property
    def input_size(self) -> int:
        return self.layout.input_size

    @property
    def output_size(self) -> int:
        return self.layout.output_size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.theta.dtype

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names that a state may hold: `h_l0`, `c_l0`, `h_l0_reverse`, ..."""
        return tuple(slot.name for slot in self.layout.states)

    @property
    def engine(self) -> str:
        """The name of the engine that computes: "native" or "reference"."""
        return self._engine.name

    # ------------------------------------------------------------------------------------ what it does

    @overload
    def predict(
        self,
        x: Inputs,
        *,
        lengths: Inputs | None = None,
        state: State | None = None,
        return_state: Literal[False] = False,
    ) -> np.ndarray: ...
    @overload
    def predict(
        self, x: Inputs, *, lengths: Inputs | None = None, state: State | None = None, return_state: Literal[True]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]: ...
    def predict(
        self, x: Inputs, *, lengths: Inputs | None = None, state: State | None = None, return_state: bool = False
    ) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns the outputs y (B, T, O), or (B, O) for output "last"; with `return_state`, (y, final state)."""
        usual = lengths is state is None and return_state is False
        if usual and (outputs := self._prepared[None].predict(x)) is not None:
            return outputs
        batch, single = self._batch(x, lengths=lengths, state=state)
        with Reading(self.weights) as theta:
            y, final = self._engine.predict(self.layout, theta, batch)
        y = y[0] if single else y
        return (y, named(self.layout, final)) if checks.flag("return_state", return_state) else y

    def hidden(
        self, x: Inputs, *, lengths: Inputs | None = None, state: State | None = None, key: Draw | None = None
    ) -> list[np.ndarray]:
        """Returns the output of each recurrent layer, (B, T, H) or (B, T, 2H); `key` (noise) as for `forward`."""
        return self.forward(x, lengths=lengths, state=state, key=key)[1].hidden

    def forward(
        self, x: Inputs, *, lengths: Inputs | None = None, state: State | None = None, key: Draw | None = None
    ) -> tuple[np.ndarray, Tape]:
        """Returns y as `predict` does, and the tape that `backward` needs; the tape also holds `.state` and `.hidden`.

        key (seed, update): dropout, zoneout and noise draw as in that update of a training with this seed.
        """
        prepared = self._prepared[None]
        if lengths is state is key is None and (made := prepared.forward(x)) is not None:
            y, theta, final, record, single = made
            return y, Tape(self._engine, prepared, record, self.layout, theta, y.shape, None, single, final)
        batch, single = self._batch(x, lengths=lengths, state=state)
        theta = self.weights.copy()  # so that backward differentiates what was computed, whatever is written meanwhile
        y, final, record = self._engine.forward(self.layout, theta, batch, DEFAULT_SHARD_SIZE, arguments.as_key(key))
        y, time = y[0] if single else y, self.layout.time
        lengths = batch.lengths if time in (None, INPUT) else batch.lengths_of(time)
        return y, Tape(self._engine, prepared, record, self.layout, theta, y.shape, lengths, single, final)

    def backward(
        self,
        tape: Tape,
        dy: ArrayLike | None,
        *,
        dh: ArrayLike | Sequence[ArrayLike | None] | None = None,
        dstate: State | None = None,
        truncate: int | None = None,
    ) -> tuple[Parameters, Any, dict[str, np.ndarray]]:
        """Computes the gradients of a scalar L by backpropagation through time, at the weights that `forward` used.

        dy        dL/dy, shaped like y; None: zeros
        dh        dL/dh of each recurrent layer, a list shaped like `tape.hidden` (None where zero); one array where
                  there is one recurrent layer
        dstate    dL/d(final state), by name
        truncate  k: no gradient of the state passes from step kj back to step kj - 1

        Returns (dL/dtheta named like `parameters`, dx (B, T, D), dL/d(initial state) by name). dx is None behind an
        Embedding. With named inputs, dx is a mapping of their names to their gradients.
        """
        if not isinstance(tape, Tape) or tape.layout is not self.layout:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"tape: expected what this network's forward returned, got {checks.shown(tape)}")
        return tape.backward(dy, dh, dstate, truncate)

    def loss(
        self,
        x: Inputs,
        y: ArrayLike,
        *,
        loss: str | Loss = "mse",
        lengths: Inputs | None = None,
        sample_weight: ArrayLike | None = None,
        state: State | None = None,
    ) -> float:
        """Returns the loss of the predictions for x against the targets y; `elman.losses` has names and shapes."""
        loss = as_loss(loss)
        batch, _ = self._batch(x, y, loss=loss, lengths=lengths, sample_weight=sample_weight, state=state)
        with Reading(self.weights) as theta:
            return for_loss(self._engine, loss).loss(self.layout, theta, batch, loss, DEFAULT_SHARD_SIZE)

    def loss_and_grad(
        self,
        x: Inputs,
        y: ArrayLike,
        *,
        loss: str | Loss = "mse",
        lengths: Inputs | None = None,
        sample_weight: ArrayLike | None = None,
        state: State | None = None,
        truncate: int | None = None,
        recompute: bool | int = False,
        key: Draw | None = None,
        activity_penalty: float = 0.0,
    ) -> tuple[float, Parameters]:
        """Returns the loss, and its gradients named like `parameters` (`.flat` is the vector (P,)).

        truncate   k: no gradient of the state passes from step kj back to step kj - 1
        recompute  k: the forward pass keeps the states of every k-th step only, and k steps at a time are computed
                   again in the backward pass; True: about sqrt(T) (docs/performance.md). The gradients are the same to
                   rounding; for networks of one direction only
        key        (seed, update), as for `forward`
        activity_penalty   times the mean of h^2 over all recurrent units and valid steps is added
        """
        usual = lengths is sample_weight is state is truncate is key is None and recompute is False
        plain = isinstance(loss, str | Loss) and type(activity_penalty) is float  # pyright: ignore
        if usual and plain and activity_penalty == 0:
            flat = np.empty_like(self.weights.theta)
            if (value := self._prepared[loss].loss_and_grad(x, y, flat)) is not None:
                return value, Parameters(self.layout, flat)
        loss = as_loss(loss)
        batch, _ = self._batch(x, y, loss=loss, lengths=lengths, sample_weight=sample_weight, state=state)
        options = (activity_penalty, truncate, recompute, key)
        objective, number = arguments.as_objective(self.layout, loss, batch.x.shape[1], *options)
        with Reading(self.weights) as theta:
            engine = for_loss(self._engine, loss)
            value, gradient = engine.loss_and_grad(self.layout, theta, batch, objective, number)
        return value, Parameters(self.layout, gradient)

    @property
    def optimizer_state(self) -> dict[str, dict[str, np.ndarray]]:
        """What optimisers remember whose `step` was called: kind, such as "adam" -> `updates`, how many steps there
        were, and vectors (P,) by name, all copies. An assigned mapping is copied; {} forgets everything."""
        return self.memory.state()

    @optimizer_state.setter
    def optimizer_state(self, state: Mapping[str, Mapping[str, ArrayLike]]) -> None:
        self.memory.restore(state)

    def stream(self, batch_size: int = 1) -> Stream:
        """Returns a stream: `batch_size` sequences at once, step by step, on a copy of the present weights."""
        return Stream(self, batch_size)

    decode = decode

    def copy(self) -> Network:
        """Returns a network with weights of its own: a snapshot that may be used beside a training of this one."""
        return Network.from_theta(self.layout, self.weights.copy())

    def save(self, path: str | os.PathLike[str], *, custom: bool = False) -> None:
        """Writes a safetensors file that `elman.load` reads; an existing file is replaced only when that succeeded.

        custom  writes the names of cells and activations of your own, whose code `elman.load(custom=)` must be given
        """
        from elman.core import io  # loads what makes files safe only where one is written

        io.write(path, "network", *self.contents(custom=checks.flag("custom", custom)))

    def contents(self, *, custom: bool = False) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Returns what a file holds: a description of plain JSON values, and the parameters by name."""
        plain = description.to_plain(self.layout, self.dtype, custom)
        return plain, dict(Parameters(self.layout, self.weights.copy()))

    def _batch(self, x: Inputs, y: ArrayLike | None = None, **others: Any) -> tuple[Batch, bool]:
        return arguments.as_batch(self.layout, self.dtype, x, y, **others)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Network.from_theta, (self.layout, self.weights.copy()), self.optimizer_state or None)

    def __setstate__(self, state: dict[str, dict[str, np.ndarray]]) -> None:
        self.optimizer_state = state

    def __repr__(self) -> str:
        return "\n".join(description.lines(self.layout, f"{self.dtype}, {self.engine} engine"))
