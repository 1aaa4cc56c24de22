"""The one door to computation: what an engine is asked, and which engine answers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman import checks
from elman.layers import Layout
from elman.losses import Loss
from elman.optim import Optimizer

__all__ = ["DEFAULT_SHARD_SIZE", "Batch", "Engine", "Records", "Stepper", "select"]

DEFAULT_SHARD_SIZE = 16


class Batch(NamedTuple):
    """Data of n sequences, of theta's dtype (integers: int64), already checked."""

    x: np.ndarray  # (n, T, D), any strides; (n, T) int64 for networks that begin with an Embedding
    y: np.ndarray | None = None  # (n, T, O), or (n, O) behind Last; classes: int64 (n, T) or (n,)
    lengths: np.ndarray | None = None  # int64 (n,), 1 <= length <= T
    weight: np.ndarray | None = None  # (n, T), or (n,) behind Last
    state: Sequence[np.ndarray] | None = None  # aligned with layout.states, each (n, size)


class Records(NamedTuple):
    """A block of U updates: which rows each takes, and its learning rate."""

    rows: np.ndarray  # int64 (R,), the rows of all updates one after the other
    starts: np.ndarray  # int64 (U + 1,): update u takes rows[starts[u]:starts[u + 1]]
    rates: np.ndarray  # float64 (U,)


class Stepper(Protocol):
    """One step at a time on a snapshot of the weights."""

    @property
    def state(self) -> list[np.ndarray]:
        """Aligned with layout.states, each (B, size): copies, and copied when assigned."""
        ...

    @state.setter
    def state(self, arrays: list[np.ndarray]) -> None: ...

    def step(self, x: np.ndarray, out: np.ndarray) -> None:
        """x (B, D), or (B,) int64 -> out (B, O); both contiguous, x finite or within the embedding's table."""
        ...

    def try_step(self, x: object, out: object, /) -> bool:
        """`step` on what a user gave, without any check before; either may lack B where B is 1.

        False, and nothing has changed, where they are not the arrays that `step` takes. An engine may always decline.
        """
        ...


class Engine(Protocol):
    """The calls that both engines answer; docs/architecture.md has their meaning, word for word."""

    name: str

    def predict(self, layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]: ...

    def forward(
        self, layout: Layout, theta: np.ndarray, batch: Batch, shard_size: int
    ) -> tuple[np.ndarray, list[np.ndarray], Any]: ...

    def hidden(self, tape: Any) -> list[np.ndarray]: ...

    def backward(
        self,
        layout: Layout,
        theta: np.ndarray,
        tape: Any,
        dy: np.ndarray | None,
        dhidden: Sequence[np.ndarray | None] | None,
        dstate: Sequence[np.ndarray] | None,
        truncate: int | None,
    ) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]: ...

    def loss(self, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int) -> float: ...

    def loss_and_grad(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        loss: Loss,
        truncate: int | None,
        shard_size: int,
        recompute: int | None = None,
    ) -> tuple[float, np.ndarray]: ...

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        loss: Loss,
        optimizer: Optimizer,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
        clip_norm: float | None,
        clip_value: float | None,
        truncate: int | None,
        shard_size: int,
        recompute: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray, int]: ...

    def stepper(self, layout: Layout, theta: np.ndarray, batch_size: int) -> Stepper: ...


def select(layout: Layout) -> Engine:
    """The engine for this layout: native where it was built and knows every piece, else the reference.

    `ELMAN_ENGINE=reference` chooses the reference engine for everything.
    """
    wanted = checks.choice("ELMAN_ENGINE", os.environ.get("ELMAN_ENGINE", "native"), ("native", "reference"))
    compiled = native() if wanted == "native" and not layout.custom else None
    return compiled or reference()


@cache
def reference() -> Engine:
    from elman.reference.engine import ReferenceEngine

    return ReferenceEngine()


@cache
def native() -> Engine | None:
    """The compiled engine, or None with one warning where the compiled core was not built."""
    if find_spec("elman._native") is None:
        warnings.warn(
            "elman: the compiled core was not built; everything runs on the slower reference engine "
            "(ELMAN_ENGINE=reference chooses it without this line)",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    from elman.compiled import NativeEngine

    return NativeEngine()


@cache
def finite_check() -> Callable[[np.ndarray], bool]:
    """Whether no entry of an array of float32 or float64 is NaN or infinite: the compiled core's way, or NumPy's."""
    if find_spec("elman._native") is None:
        return lambda array: bool(np.isfinite(array).all())
    from elman._native import is_finite  # type: ignore[attr-defined]

    return is_finite
