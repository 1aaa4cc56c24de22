"""The features of several sources side by side: y_t = [a_t, b_t, ...]. Shapes: a (B, T, A), b (B, T, B'), ...; y their
sum of features. Beside a sequence, one vector a row is repeated at every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Joins what was read along the last axis."""
    sequence = next((signal for signal in given.read if signal.lengths is not None), None)
    if sequence is None:
        return Done(given, Signal(np.concatenate([signal.values for signal in given.read], axis=-1), None))
    lead = sequence.values.shape[:2]
    parts = [np.broadcast_to(v[:, None], (*lead, v.shape[-1])) if lengths is None else v for v, lengths in given.read]
    return Done(given, Signal(np.concatenate(parts, axis=-1), sequence.lengths))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Cuts dy into the columns of each source; what was repeated sums them over the steps."""
    cuts = np.cumsum([signal.values.shape[-1] for signal in done.given.read])[:-1]
    parts = np.split(dout, cuts, axis=-1)
    repeated = [signal.lengths is None and dout.ndim == 3 for signal in done.given.read]
    return Sent([part.sum(axis=1) if summed else part for part, summed in zip(parts, repeated, strict=True)])
