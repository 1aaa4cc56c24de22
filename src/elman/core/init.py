"""Initial values of parameters, drawn in float64 so that float32 and float64 networks begin alike.

Without a name, what works for each cell:
- `weight_ih`, dense layers, skip, attention: Xavier (Glorot and Bengio 2010), uniform in +-sqrt(6 / (fan_in +
  fan_out)), gate by gate;
- `weight_hh`: orthogonal, gate by gate (Saxe et al. 2014); the identity for relu (Le, Jaitly and Hinton 2015);
- biases and peepholes 0, but 1 for the LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015);
- embeddings: standard normal.

By name, the same but for
- "orthogonal", "identity", "xavier": `weight_hh` is so, whatever the cell; the identity for simple cells alone;
- "chrono", or `Chrono(T)`: the biases of LSTM and GRU, for memories of up to about T steps.

As other programs begin, biases included:
- "small": every matrix 0.01 times standard normal, biases and peepholes 0: the textbooks' choice;
- "uniform": PyTorch's, in +-1/sqrt(H) for cells (biases and peepholes too), +-1/sqrt(fan_in) for dense layers.

Gains of a layer norm begin at 1, its shifts and a learned initial state at 0, whatever the name. So do the vectors of a
user's own cell; of its matrices `weight_hh...` count as recurrent, and `bias...` begin at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core import checks
from elman.core.layers import GRU, LSTM, CustomCell, Embedding, Layout, Parameter, Part, Recurrent, Simple

__all__ = ["INITS", "Chrono", "initial"]

INITS = ("xavier", "orthogonal", "identity", "chrono", "small", "uniform")
FIXED = {"gain": 1.0, "shift": 0.0, "state": 0.0}  # how the names begin of what no init draws

Draw = Callable[[int, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Chrono:
    """Gates that keep the state for about 2 to T steps, unit by unit (Tallec and Ollivier 2018).

    With u uniform in [1, T - 1]: the LSTM's forget gate begins at the bias log u, its input gate at -log u; the GRU's
    update gate, which keeps the state (h_t = (1 - z) n + z h_{t-1}), at log u. All else as without a name. "chrono"
    stands for T = 100; give the longest distance over which your data must be remembered.
    """

    T: int = 100

    def __post_init__(self) -> None:
        checks.whole("T", self.T, low=3)


def initial(layout: Layout, init: str | Chrono | None, dtype: np.dtype[Any], seed: int | None) -> np.ndarray:
    """Draws and returns theta (P,). The same seed gives the same values; without one they differ from call to call."""
    if init is not None and not isinstance(init, Chrono):
        init = Chrono() if checks.choice("init", init, INITS) == "chrono" else init
    _check_cells(layout, init)
    if seed is not None:
        seed = checks.whole("seed", seed, low=0)
    rng = np.random.default_rng(seed)
    theta = np.zeros(layout.size)
    for part in layout.parts:
        for group in part.parameters:
            for parameter in group:
                parameter.view(theta)[...] = _draw(part, parameter, init, rng)
    return theta.astype(dtype)


def _check_cells(layout: Layout, init: str | Chrono | None) -> None:
    for i, part in enumerate(layout.parts):
        layer = part.layer
        if not isinstance(layer, Recurrent):
            continue
        if init == "identity" and not isinstance(layer.cell, Simple):
            raise ValueError(f"init: expected 'identity' for simple cells alone, got {layer.cell} at layers[{i}]")
        if isinstance(init, Chrono) and not isinstance(layer.cell, LSTM | GRU):
            raise ValueError(f"init: expected {init} for LSTM and GRU alone, got {layer.cell} at layers[{i}]")


def _draw(part: Part, parameter: Parameter, init: str | Chrono | None, rng: np.random.Generator) -> np.ndarray:
    layer, name, shape = part.layer, parameter.role, parameter.shape
    for start, value in FIXED.items():
        if name.startswith(start):
            return np.full(shape, value)
    if name.startswith("leak") and isinstance(layer, Recurrent) and isinstance(layer.cell, Simple):
        return np.broadcast_to(np.asarray(layer.cell.leak), shape)
    if isinstance(layer, Embedding) and init != "small":
        return rng.standard_normal(shape)
    if init == "uniform":
        bound = 1 / math.sqrt(layer.hidden_size if isinstance(layer, Recurrent) else part.input_size)
        return rng.uniform(-bound, bound, shape)
    own = isinstance(layer, Recurrent) and isinstance(layer.cell, CustomCell)
    if own and (len(shape) != 2 or name.startswith("bias")):
        return np.zeros(shape)
    if isinstance(layer, Recurrent) and name.startswith("bias"):
        return _bias(layer, name, init, rng)
    if name.startswith("peephole") or name == "bias" or len(shape) != 2:
        return np.zeros(shape)
    if init == "small":
        return 0.01 * rng.standard_normal(shape)
    if not isinstance(layer, Recurrent):
        return _xavier(shape[0], shape[1], rng)
    draw = _recurrent(layer, init) if name.startswith("weight_hh") else _xavier
    gates = layer.cell.gates if shape[0] % layer.cell.gates == 0 else 1
    return np.concatenate([draw(shape[0] // gates, shape[1], rng) for _ in range(gates)])


def _recurrent(layer: Recurrent, init: str | Chrono | None) -> Draw:
    """Returns the function that draws one gate's recurrent matrix (H, H)."""
    if init == "xavier":
        return _xavier
    relu = isinstance(layer.cell, Simple) and layer.cell.activation == "relu"
    return _identity if init == "identity" or (relu and init is None) else _orthogonal


def _bias(layer: Recurrent, name: str, init: str | Chrono | None, rng: np.random.Generator) -> np.ndarray:
    """Returns a bias (G*H,), or (H,) for `bias_hn`. The second gate, the LSTM's f and the GRU's z, keeps the state."""
    H, cell = layer.hidden_size, layer.cell
    if name.startswith("bias_hn"):
        return np.zeros(H)
    values = np.zeros(cell.gates * H)
    if isinstance(init, Chrono):
        values[H : 2 * H] = np.log(rng.uniform(1, init.T - 1, H))
        if isinstance(cell, LSTM):
            values[:H] = -values[H : 2 * H]
    elif isinstance(cell, LSTM) and init != "small":
        values[H : 2 * H] = 1.0
    return values


def _xavier(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    bound = math.sqrt(6 / (rows + columns))
    return rng.uniform(-bound, bound, (rows, columns))


def _identity(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    return np.eye(rows, columns)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Draws orthonormal rows or columns, whichever are fewer, uniformly among such matrices."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T
