"""The common part of the textbook classes: one recurrent layer and a linear output in float64 on the project's engine,
weight attributes that are views of its parameters, and sequences in the sources' shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.layers import Activation, Dense, Layer, Layout, Recurrent, Simple
from elman.core.losses import HalfSSE, Loss
from elman.core.optim import SGD
from elman.core.requests import DEFAULT_SHARD_SIZE, Batch, Objective, Records, UpdateRule
from elman.engines.select import select
from elman.network import arguments
from elman.train.errors import TrainingError

__all__ = ["FLOAT", "Core", "Legacy", "Size", "Weight", "column", "exercise_update", "row", "sequence", "transposed"]

FLOAT = np.dtype(np.float64)
BLOCK = 2e8  # multiplications in one call of the engine: a fraction of a second, so that Ctrl-C is answered


class Legacy(Protocol):
    """NumPy's legacy generator, whether the module `numpy.random` or a `RandomState`."""

    def randn(self, *shape: int) -> Any: ...


class Core:
    """A network h_t = act(W_ih x_t + W_hh h_{t-1} + b), y_t = W h_t + b; without `output_size` y_t is h_t itself."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None,
        activation: Literal["tanh", "relu"] | Activation = "tanh",
    ) -> None:
        layers: list[Layer] = [Recurrent(checks.whole("hidden_size", hidden_size, low=1), Simple(activation))]
        if output_size is not None:
            layers.append(Dense(checks.whole("output_size", output_size, low=1)))
        self.layout = Layout(layers, input_size)
        self.theta = np.zeros(self.layout.size)
        self.sizes = self.layout.input_size, hidden_size, self.layout.output_size

    def view(self, name: str, of: np.ndarray | None = None) -> np.ndarray:
        """Returns a parameter by its name, as a writable view of theta, or of another vector (P,)."""
        place = next(parameter for parameter in self.layout.parameters if parameter.name == name)
        return place.view(self.theta if of is None else of)

    def forward(self, x: np.ndarray, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, Any]:
        """Returns y (T, O), h (T, H) and the tape for `backward`, from x (T, D) and a state (H,) or zeros."""
        batch = Batch(x[None], state=None if state is None else [state[None]])
        engine = select(self.layout)
        y, _, tape = engine.forward(self.layout, self.theta, batch, DEFAULT_SHARD_SIZE)
        return y[0], engine.hidden(tape)[0][0], tape

    def backward(self, tape: Any, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the gradient (P,), dx (T, D) and the gradient by the initial state (H,), for dy (T, O)."""
        gradient, dx, dstate = select(self.layout).backward(self.layout, self.theta, tape, dy[None], None, None, None)
        assert dx is not None  # the input is real
        return gradient, dx[0], dstate[0][0]

    def train(
        self,
        x: np.ndarray,
        y: np.ndarray,
        rate: float,
        updates: int,
        *,
        loss: Loss | None = None,
        weight: np.ndarray | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> Iterator[np.ndarray]:
        """Takes plain gradient steps, update k on sequence k modulo n of x (n, T, D); yields their losses in blocks.

        loss    None: half the sum of squares
        weight  (n, T), of each step in the loss
        Raises TrainingError where a loss or gradient is not finite; the weights are then those before that update.
        """
        n, steps, width = x.shape
        hidden = self.sizes[1]
        block = max(1, int(BLOCK / (steps * hidden * (width + hidden + self.layout.output_size))))
        for start in range(0, updates, block):
            count = min(block, updates - start)
            records = Records(np.arange(start, start + count) % n, np.arange(count + 1), np.full(count, float(rate)))
            with np.errstate(over="ignore", invalid="ignore"):  # values that are not finite raise below
                losses, norms, done = select(self.layout).update(
                    self.layout,
                    self.theta,
                    Batch(x, y, weight=weight),
                    Objective(loss or HalfSSE()),
                    UpdateRule(SGD(), clip_norm, clip_value),
                    [],
                    start,
                    records,
                )
            if done < count:
                raise TrainingError(start + done + 1, (start + done) // n + 1, losses[done], norms[done])
            yield losses


def transposed(view: np.ndarray) -> np.ndarray:
    """Returns a matrix transposed."""
    return view.T


def column(view: np.ndarray) -> np.ndarray:
    """Returns a vector (H,) as a column (H, 1)."""
    return view[:, None]


def row(view: np.ndarray) -> np.ndarray:
    """Returns a vector (H,) as a row (1, H)."""
    return view[None]


class Weight:
    """An attribute that reads as a writable view of the core's parameter; an assigned array is copied into it."""

    def __init__(self, parameter: str, shaped: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        self._parameter, self._shaped = parameter, shaped

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type | None = None) -> np.ndarray:
        view = owner.core.view(self._parameter)
        return self._shaped(view) if self._shaped else view

    def __set__(self, owner: Any, value: Any) -> None:
        view, array = self.__get__(owner), arguments.as_real(self._name, value, FLOAT)
        arguments.check_width(self._name, array.shape, [view.shape])
        view[...] = array


class Size:
    """A size of the network, by its place in D, H, O: an attribute that is read only."""

    def __init__(self, place: int) -> None:
        self._place = place

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type | None = None) -> int:
        return owner.core.sizes[self._place]

    def __set__(self, owner: Any, value: Any) -> None:
        raise AttributeError(f"{self._name} cannot be changed: make a new {type(owner).__name__}")


def sequence(name: str, value: Any, width: int, steps: int | None = None, *, outer: int = 1) -> np.ndarray:
    """Returns a sequence in any of the sources' shapes as (T, width): rows, columns (width, 1), or numbers for width 1.

    steps  the T that is expected, where it is known
    outer  2 for sequences of one length, (n, T, width)
    """
    array = arguments.as_real(name, value, FLOAT)
    if array.ndim == outer + 2 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == outer and width == 1:
        array = array[..., None]
    lead = ("n", "T") if outer == 2 else ("T" if steps is None else steps,)
    arguments.check_width(name, array.shape, [(*lead, width)])
    if not arguments.is_finite(array):
        place = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
        raise ValueError(f"{name}: expected finite numbers, got {array[tuple(place)]} at {place}")
    return array


def exercise_update(core: Core, x: ArrayLike, y: ArrayLike, learning_rate: float) -> float:
    """Takes one gradient step for 1/2 sum_t sum_o (y - y_hat)^2 over a sequence; returns the loss before it."""
    x = sequence("x", x, core.sizes[0])
    y = sequence("y", y, core.sizes[2], len(x))
    rate = checks.number("learning_rate", learning_rate, low=0.0)
    return float(next(core.train(x[None], y[None], rate, 1))[0])
