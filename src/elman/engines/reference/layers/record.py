"""What passes between a network and one of its layers on the way forward and on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..random import Draws

__all__ = ["Done", "Given", "Sent", "Signal", "last_steps", "valid"]

Groups = Sequence[tuple[np.ndarray, ...]]  # arrays of a layer, one tuple for each of its directions


class Signal(NamedTuple):
    """What flows between layers."""

    values: np.ndarray  # (B, T, F); (B, T) whole numbers; or (B, F), one vector a row
    lengths: np.ndarray | None  # (B,), of sequences; None: one vector a row


class Given(NamedTuple):
    """What a layer gets on the way forward."""

    layer: Any  # its description
    place: int  # in the list of layers
    weights: Groups
    read: Sequence[Signal]
    starts: Sequence[Sequence[np.ndarray | None]]  # initial states, one list a direction; None: learned, or zero
    draws: Draws | None  # None: prediction


class Done(NamedTuple):
    """What a layer's way forward leaves."""

    given: Given
    out: Signal
    final: Sequence[np.ndarray] = ()  # states after each row's last step, of all directions
    tape: Any = None  # whatever its way back needs besides


class Sent(NamedTuple):
    """What a layer's way back gives."""

    dread: Sequence[np.ndarray | None]  # gradient of each thing it read; None: whole numbers have none
    gradients: Groups = ()  # of its parameters
    dstart: Sequence[np.ndarray] = ()  # of its initial states, of all directions


def valid(signal: Signal) -> np.ndarray:
    """Returns True at the steps within each row's length, (B, T)."""
    assert signal.lengths is not None
    return np.arange(signal.values.shape[1]) < signal.lengths[:, None]


def last_steps(signal: Signal) -> np.ndarray:
    """Returns each row's last valid step: (B, T, F) -> (B, F)."""
    assert signal.lengths is not None
    return signal.values[np.arange(len(signal.values)), signal.lengths - 1]
