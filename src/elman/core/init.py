"""Initial values of parameters, drawn in float64 so that float32 and float64 networks begin alike.

Without a name, what works for each cell:
- `weight_ih`, dense layers, skip, attention: Xavier (Glorot and Bengio 2010), uniform in +-sqrt(6 / (fan_in +
  fan_out)), gate by gate;
- `weight_hh`: orthogonal, gate by gate (Saxe et al. 2014); the identity for relu (Le, Jaitly and Hinton 2015);
- biases and peepholes 0, but 1 for the LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015);
- embeddings: standard normal; 1 / sqrt(F) times that where a dense layer shares the table, F its width, so that the
  first outputs are of unit scale. The row of a padding id is zero, whatever draws it.

By name, the same but for
- "orthogonal", "identity", "xavier": `weight_hh` is so, whatever the cell; the identity for simple cells alone;
- "normal": `weight_hh` is normal with standard deviation 1 / sqrt(H), the random networks of theory;
- "chrono", or `Chrono(T)`: the biases of LSTM and GRU, for memories of up to about T steps;
- `Gain(g, name)`: as with that name, `weight_hh` times g. `Gain(1.5, "normal")` is chaotic (Sompolinsky et al. 1988).

A function (name, shape, rng) -> array draws every parameter, `name` being its name in the network and `rng` the
generator of the seed; None in place of an array: as without a name.

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
from elman.core.layers import GRU, LSTM, CustomCell, Dense, Embedding, Layout, Parameter, Part, Recurrent, Simple

__all__ = ["INITS", "Chrono", "Gain", "Init", "initial"]

INITS = ("xavier", "orthogonal", "identity", "normal", "chrono", "small", "uniform")
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


@dataclass(frozen=True)
class Gain:
    """Recurrent matrices `weight_hh` times `gain`, all else as with the name `init`; None: as without a name."""

    gain: float
    init: str | Chrono | None = None

    def __post_init__(self) -> None:
        checks.number("gain", self.gain, low=0.0)
        _named(self.init)


Init = str | Chrono | Gain | Callable[[str, tuple[int, ...], np.random.Generator], "np.ndarray | None"]


def initial(layout: Layout, init: Init | None, dtype: np.dtype[Any], seed: int | None) -> np.ndarray:
    """Draws and returns theta (P,). The same seed gives the same values; without one they differ from call to call."""
    own = init if callable(init) and not isinstance(init, type) else None
    gain = init.gain if isinstance(init, Gain) else 1.0
    named = None if own else _named(init.init if isinstance(init, Gain) else init)
    _check_cells(layout, named)
    if seed is not None:
        seed = checks.whole("seed", seed, low=0)
    rng = np.random.default_rng(seed)
    try:
        theta = np.zeros(layout.size)
    except MemoryError:
        raise ValueError(f"layers: expected parameters that fit into memory, got {layout.size:,} of them") from None
    dense = {p for part in layout.parts if isinstance(part.layer, Dense) for group in part.parameters for p in group}
    drawn: set[Parameter] = set()
    for part in layout.parts:
        for parameter in (p for group in part.parameters for p in group):
            if parameter not in drawn:  # else shared with a layer before this one
                drawn.add(parameter)
                values = own(parameter.name, parameter.shape, rng) if own else None
                if values is None:
                    values = _draw(part, parameter, named, rng)
                    values = values * gain if parameter.role.startswith("weight_hh") else values
                    if isinstance(part.layer, Embedding) and parameter in dense and named not in ("small", "uniform"):
                        values = values / math.sqrt(parameter.shape[-1])
                parameter.view(theta)[...] = _checked(parameter, values)
            if isinstance(part.layer, Embedding) and part.layer.padding_idx is not None:
                parameter.view(theta)[part.layer.padding_idx] = 0
    return theta.astype(dtype)


def _named(init: Any) -> str | Chrono | None:
    """Returns the name of an init, checked, "chrono" as the object that it stands for."""
    if init is None or isinstance(init, Chrono):
        return init
    return Chrono() if checks.choice("init", init, INITS) == "chrono" else init


def _checked(parameter: Parameter, values: Any) -> np.ndarray:
    """Returns what a user's function drew for a parameter; raises TypeError or ValueError for anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"init: expected real numbers for {parameter.name}, got {checks.shown(values)}")
    if array.shape != parameter.shape or not np.isfinite(array).all():
        expected = f"finite numbers of shape {parameter.shape} for {parameter.name}"
        raise ValueError(f"init: expected {expected}, got {checks.shown(values)}")
    return array


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
    if init in ("xavier", "normal"):
        return _xavier if init == "xavier" else _normal
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


def _normal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((rows, columns)) / math.sqrt(columns)


def _identity(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    return np.eye(rows, columns)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Draws orthonormal rows or columns, whichever are fewer, uniformly among such matrices."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T
