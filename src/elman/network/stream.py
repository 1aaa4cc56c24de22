"""The class Stream: a network step by step, on a copy of its weights, with the state kept between calls."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.layers import Embedding, Layout
from elman.core.parameters import initial_state
from elman.engines.select import select
from elman.network import arguments
from elman.network.weights import Weights

__all__ = ["Stream"]

MOST_SEQUENCES = 2**20  # at once, far above any use
AT_ONCE = 1 << 25  # multiply-adds of samples in one call of the engine: some milliseconds


class Network(Protocol):
    """The part of an `elman.Network` that a stream needs."""

    @property
    def layout(self) -> Layout: ...
    @property
    def weights(self) -> Weights: ...


class Stream:
    """Computes a network step by step; `Network.stream(batch_size)` makes one.

    Each call takes one step of B sequences, at most 2^20. On the compiled engine threads may share a stream: each step
    is complete before the next. The weights are those of the moment when the stream was made, until `refresh`. Each
    step gives the bits that `predict` gives for that step of the whole sequence; behind `Last`, the output as if the
    sequence ended there.
    """

    __slots__ = (
        "__weakref__",
        "_axes_of_one",
        "_dtype",
        "_input_dtype",
        "_out_shape",
        "_shape",
        "_stepper",
        "_theta",
        "_try_step",
        "batch_size",
        "network",
    )

    def __init__(self, network: Network, batch_size: int = 1) -> None:
        if network.layout.bidirectional:
            raise ValueError(
                "network: expected one direction, got a bidirectional network, whose output needs the whole sequence"
            )
        if network.layout.whole:
            raise ValueError(f"network: expected layers that read one step at a time, got {network.layout.whole}")
        if network.layout.inputs:
            raise ValueError(f"network: expected x as the only input, got {', '.join(network.layout.inputs)} too")
        self.network = network
        self.batch_size = checks.whole("batch_size", batch_size, low=1, high=MOST_SEQUENCES)
        self._restart(network.weights.copy(), None)

    def _restart(self, theta: np.ndarray, state: Mapping[str, ArrayLike] | None) -> None:
        layout = self.network.layout
        self._theta = theta
        self._dtype = theta.dtype
        self._input_dtype = np.dtype(np.int64) if layout.integer_input else theta.dtype
        shape = () if layout.integer_input else (layout.input_size,)
        self._shape = (self.batch_size, *shape)
        self._axes_of_one = len(shape) if self.batch_size == 1 else -1
        self._out_shape = (self.batch_size, layout.output_size)
        self._stepper = select(layout).stepper(layout, theta, self.batch_size)
        self._try_step = self._stepper.try_step
        if state is None:
            self.reset()
        else:
            self.state = state

    def step(self, x: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Returns the output for the next input, and changes the state.

        x    (B, D), or (D,) where B is 1; behind an Embedding (B,) whole numbers, or one number
        out  written and returned where given, (B, O), or (O,) for an x without B; must have the network's dtype; may
             be x itself

        NaN or infinity in x raises ValueError and leaves the state as it was. A step is fastest, and allocates nothing,
        from an array of the network's dtype (int64 behind an Embedding) to an `out`.
        """
        y = out
        if y is None:
            single = getattr(x, "ndim", None) == self._axes_of_one
            y = np.empty(self._out_shape[1:] if single else self._out_shape, self._dtype)
        return y if self._try_step(x, y) else self._step_checked(x, out)

    def _step_checked(self, x: ArrayLike, out: np.ndarray | None) -> np.ndarray:
        """Takes a step that the engine declined: converts x, or raises what is wrong with x or out."""
        rows, single = self._input(x)
        shape = self._out_shape[1:] if single else self._out_shape
        if out is None:
            out = np.empty(shape, self._dtype)
        elif not isinstance(out, np.ndarray) or out.dtype != self._dtype:  # pyright: ignore
            raise TypeError(f"out: expected an array of {self._dtype}, got {checks.shown(out)}")
        elif out.shape != shape or not out.flags.carray:
            raise ValueError(f"out: expected a contiguous, writable array of shape {shape}, got {checks.shown(out)}")
        self._stepper.step(rows, out[None] if single else out)
        return out

    def sample(
        self,
        x: ArrayLike,
        count: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        first: int = 0,
        return_outputs: bool = False,
    ) -> Any:
        """Returns whole numbers (B, count), int64, each drawn by the output for the one before it, from x on; the state
        moves on by `count` steps. For networks of whole numbers with an output, a logit, for each of them.

        x            what comes before, (B,), or one number where B is 1, and the result is then (count,)
        temperature  what logits are divided by: below 1 what is probable gets more so; 0 takes the most probable
        top_k        draws among so many of the most probable;  top_p  among the fewest whose probabilities sum to it
        seed, first  the draws depend on the seed and their number, which counts from `first`: so a text made in several
                     calls is that of one call, if each `first` is the number of those drawn before
        return_outputs   returns (numbers, outputs (B, count, O)) instead

        Raises ValueError for arguments out of range, and where an output is no number.
        """
        layout = self.network.layout
        known = layout.output_size
        if not layout.integer_input or arguments.vocabulary(layout) != known or layout.last:
            raise ValueError(
                f"network: expected an output at every step for each whole number that it reads, got {known} outputs"
            )
        rows, single = self._input(x)
        count = checks.count("count", count)
        heat = checks.number("temperature", temperature, low=0.0)
        most = known if top_k is None else checks.whole("top_k", top_k, low=1)
        share = 1.0 if top_p is None else checks.number("top_p", top_p, low=0.0, high=1.0, open_low=True)
        seed = checks.whole("seed", seed, low=0, high=2**64 - 1)
        begin = checks.whole("first", first, low=0)
        ids = np.empty((self.batch_size, count), np.int64)
        outputs = np.empty((*ids.shape, known), self._dtype) if checks.flag("return_outputs", return_outputs) else None
        size = max(1, AT_ONCE // (self.batch_size * layout.size))  # so that Ctrl-C and other threads are answered
        for done in range(0, count, size):
            part = ids[:, done : done + size].copy()
            own = None if outputs is None else np.empty((*part.shape, known), self._dtype)
            made = self._stepper.sample(
                x=rows,
                temperature=heat,
                top_k=most,
                top_p=share,
                seed=seed,
                first=begin + done,
                ids=part,
                logits=own,
            )
            if made < part.shape[1]:
                raise ValueError(f"network: expected finite outputs, got NaN after {done + made} samples")
            ids[:, done : done + size] = part
            rows = np.ascontiguousarray(part[:, -1])
            if outputs is not None:
                outputs[:, done : done + size] = own
        ids = ids[0] if single else ids
        return ids if outputs is None else (ids, outputs[0] if single else outputs)

    @property
    def state(self) -> Mapping[str, np.ndarray]:
        """The state, name -> (B, H), as read-only copies. An assigned mapping is copied; a missing name is zero."""
        copies: dict[str, np.ndarray] = {}
        for slot, array in zip(self.network.layout.states, self._stepper.state, strict=True):
            array.flags.writeable = False
            copies[slot.name] = array
        return MappingProxyType(copies)

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        arrays = arguments.as_state("state", self.network.layout, self._dtype, values, self.batch_size)
        if arrays is None:
            raise TypeError("state: expected a mapping of names to arrays, got None")
        self._stepper.state = arrays

    def reset(self) -> None:
        """Sets the state to that before a sequence's first step: zero, or the learned initial state."""
        self._stepper.state = initial_state(self.network.layout, self._theta, self.batch_size)

    def refresh(self) -> None:
        """Copies the network's present weights; the state stays."""
        self._restart(self.network.weights.copy(), self.state)

    def _input(self, x: ArrayLike) -> tuple[np.ndarray, bool]:
        """Returns x as the rows (B, D) or (B,) that an engine takes, and whether it came without B."""
        layout = self.network.layout
        if layout.integer_input:
            array = arguments.as_whole("x", x, "whole numbers")
        else:
            array = arguments.as_real("x", x, self._input_dtype)
        single = self.batch_size == 1 and array.shape == self._shape[1:]
        rows = array[None] if single else array
        if rows.shape != self._shape:
            shapes = f"{self._shape} or {self._shape[1:]}" if self.batch_size == 1 else f"{self._shape}"
            raise ValueError(f"x: expected shape {shapes}, got {array.shape}")
        if not rows.flags.c_contiguous:
            rows = np.ascontiguousarray(rows)
        flat = rows.ravel()
        first = layout.layers[0]
        if isinstance(first, Embedding):
            if flat.min() < 0 or flat.max() >= first.num_embeddings:
                raise ValueError(f"x: expected whole numbers in [0, {first.num_embeddings - 1}], got {flat.tolist()}")
            rows = rows.astype(np.int64, copy=False)
        elif not arguments.is_finite(flat):
            row, column = divmod(int(np.argmin(np.isfinite(flat))), rows.shape[1])
            raise ValueError(f"x: expected finite numbers, got {rows[row, column]} at row {row}, column {column}")
        return rows, single

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (self.network, self.batch_size, self._theta, dict(self.state)))

    def __repr__(self) -> str:
        return f"Stream(batch_size={self.batch_size}, {', '.join(self.state)}) of\n{self.network!r}"


def _restored(network: Network, batch_size: int, theta: np.ndarray, state: Mapping[str, np.ndarray]) -> Stream:
    stream = Stream(network, batch_size)
    stream._restart(np.array(theta), state)  # pyright: ignore[reportPrivateUsage]
    return stream
