"""Initial values of parameters, drawn in float64 so that float32 and float64 networks begin alike.

Without a name, what works for each cell:
- `weight_ih`, dense layers, skip: Xavier (Glorot and Bengio 2010), uniform in +-sqrt(6 / (fan_in + fan_out)), gate by
  gate;
- `weight_hh`: orthogonal, gate by gate (Saxe et al. 2014); the identity for relu (Le, Jaitly and Hinton 2015);
- biases and peepholes 0, but 1 for the LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015);
- embeddings: standard normal.

By name, for every matrix alike, biases and peepholes 0:
- "xavier", "orthogonal" as above; "small": 0.01 times standard normal, the textbooks' choice;
- "uniform": PyTorch's, in +-1/sqrt(H) for cells (biases and peepholes too), +-1/sqrt(fan_in) for dense layers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from elman import checks
from elman.layers import LSTM, Embedding, Layout, Parameter, Part, Recurrent, Simple

__all__ = ["INITS", "initial"]

INITS = ("xavier", "orthogonal", "small", "uniform")


def initial(layout: Layout, init: str | None, dtype: np.dtype[Any], seed: int | None) -> np.ndarray:
    """A fresh theta (P,). The same seed gives the same values; without one they differ from call to call."""
    if init is not None:
        checks.choice("init", init, INITS)
    if seed is not None:
        checks.whole("seed", seed, low=0)
    rng = np.random.default_rng(seed)
    theta = np.zeros(layout.size)
    for part in layout.parts:
        for group in part.parameters:
            for parameter in group:
                parameter.view(theta)[...] = _draw(part, parameter, init, rng)
    return theta.astype(dtype)


def _draw(part: Part, parameter: Parameter, init: str | None, rng: np.random.Generator) -> np.ndarray:
    shape, name = parameter.shape, parameter.name
    recurrent = part.layer if isinstance(part.layer, Recurrent) else None
    if init == "uniform" and not isinstance(part.layer, Embedding):
        bound = 1 / math.sqrt(recurrent.hidden_size if recurrent else part.input_size)
        return rng.uniform(-bound, bound, shape)
    if name.startswith("bias") or name.endswith(".bias") or name.startswith("peephole"):
        values = np.zeros(shape)
        if init is None and recurrent and isinstance(recurrent.cell, LSTM) and name.startswith("bias"):
            values[recurrent.hidden_size : 2 * recurrent.hidden_size] = 1.0
        return values
    if init == "small":
        return 0.01 * rng.standard_normal(shape)
    if isinstance(part.layer, Embedding):
        return rng.standard_normal(shape)
    gates = recurrent.cell.gates if recurrent else 1
    rows = shape[0] // gates
    state = name.startswith("weight_hh")
    if init is None and state and recurrent and recurrent.cell == Simple("relu"):
        return np.eye(rows)
    draw = _orthogonal if init == "orthogonal" or (init is None and state) else _xavier
    return np.concatenate([draw(rows, shape[1], rng) for _ in range(gates)])


def _xavier(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    bound = math.sqrt(6 / (rows + columns))
    return rng.uniform(-bound, bound, (rows, columns))


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer, uniform over such matrices."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T
