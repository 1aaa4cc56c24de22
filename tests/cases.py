"""What several test files share: every cell, the grid of cases, random data with NaN where nothing may be read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from elman import losses
from elman.core.layers import (
    GRU,
    LSTM,
    POOLINGS,
    AdaptiveSoftmax,
    Attention,
    Cell,
    Concat,
    Dense,
    Dropout,
    Embedding,
    Input,
    Last,
    Layout,
    Node,
    Pool,
    Recurrent,
    Shift,
    Simple,
)
from elman.core.requests import Batch, Engine
from elman.engines import select

CELLS: dict[str, Cell] = {
    "tanh": Simple(),
    "relu": Simple("relu"),
    "lstm": LSTM(),
    "lstm_peephole": LSTM(peepholes=True),
    "gru": GRU(),
    "gru_before": GRU(reset_after=False),
    "leaky_tanh": Simple(leak=0.5, learn_leak=True),
    "leaky_relu": Simple("relu", leak=0.5),
    "norm_tanh": Simple(layer_norm=True),
    "norm_relu": Simple("relu", layer_norm=True),
    "norm_lstm": LSTM(layer_norm=True),
    "norm_gru": GRU(layer_norm=True),
    "sigmoid": Simple("sigmoid"),
    "softplus": Simple("softplus"),
    "leaky_sigmoid": Simple("sigmoid", leak=0.5),
    "leaky_softplus": Simple("softplus", leak=0.5, learn_leak=True),
    "norm_sigmoid": Simple("sigmoid", layer_norm=True),
    "norm_softplus": Simple("softplus", layer_norm=True),
}
# layers, directions, lengths, state, output
GRID = list(product((1, 2), ("one", "both"), ("full", "ragged"), ("zero", "given"), ("sequence", "last")))
WRONG_INTEGER = -(10**9)
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
FLOOR = {"float32": 1e-2, "float64": 1e-3}


def grid_layout(cell: str, layers: int, directions: str, output: str, hidden: int = 5) -> Layout:
    recurrent = [Recurrent(wide_enough(CELLS[cell], hidden), CELLS[cell], directions == "both")] * layers
    return Layout([*recurrent, *([Last()] if output == "last" else []), Dense(2)], 3)


def wide_enough(cell: Cell, hidden: int) -> int:
    """With layer normalisation few units may be nearly equal, and the division by their deviation would magnify
    rounding as much as 300 times; a single one is normalised to nothing."""
    return max(hidden, 12) if getattr(cell, "layer_norm", False) else hidden


# What a training draws, and learned states: options of a recurrent layer.
OPTIONS: dict[str, dict[str, Any]] = {
    "dropout": {},
    "variational": {},
    "recurrent": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": 0.3},
    "learned": {"learned_state": True},
    "all": {"recurrent_dropout": 0.4, "zoneout": 0.3, "learned_state": True},
    "noise": {},
}


def drawing_layouts(hidden: int, input_size: int) -> dict[str, Layout]:
    """Each of OPTIONS in each cell that knows it, as "cell-option"."""
    found: dict[str, Layout] = {}
    for name, (option, settings) in product(("tanh", "lstm", "gru"), OPTIONS.items()):
        if option == "noise" and name != "tanh":
            continue
        cell = Simple(noise=0.3) if option == "noise" else CELLS[name]
        above = [Dropout(0.4, option == "variational")] if option in ("dropout", "variational", "all") else []
        found[f"{name}-{option}"] = Layout([Recurrent(hidden, cell, **settings), *above], input_size)
    return found


def attention_layouts(hidden: int, input_size: int) -> dict[str, Layout]:
    """A decoder of words that attends to a source, and a sequence that attends to itself."""
    gru = Recurrent(hidden, CELLS["gru"])
    translator = [
        Node(gru, "encoder", ["source"]),
        Node(Embedding(6, input_size), "symbols", ["words"]),
        Shift(),
        Recurrent(4, CELLS["gru"]),
        Node(Attention(), "attention", ["previous", "encoder"]),
        Dense(3),
    ]
    itself = [gru, Node(Attention(), "attention", ["previous", "previous"]), Shift(), Dense(3)]
    inputs = {"source": Input(input_size), "words": Input(6, "integers")}
    return {"translator": Layout(translator, input_size, inputs), "itself": Layout(itself, input_size)}


def adaptive_layouts(hidden: int, input_size: int) -> dict[str, Layout]:
    """Thirteen classes, of which nine lie in two clusters, at every step and behind Last."""
    gru, softmax = Recurrent(2 * hidden, CELLS["gru"]), AdaptiveSoftmax(13, (4, 7), 2.0)
    return {"sequence": Layout([gru, softmax], input_size), "last": Layout([gru, Last(), softmax], input_size)}


def pooling_layouts(hidden: int, input_size: int) -> dict[str, Layout]:
    """Each pooling of a recurrent layer's steps, of one direction and of both, as "how-directions"."""
    found: dict[str, Layout] = {}
    for how, directions in product(POOLINGS, ("one", "both")):
        layers = [Recurrent(hidden, CELLS["gru"], directions == "both"), Pool(how), Dense(3)]
        found[f"{how}-{directions}"] = Layout(layers, input_size)
    return found


def concat_layouts(hidden: int, input_size: int) -> dict[str, Layout]:
    """Words beside x and a vector, which is repeated at every step; and vectors side by side."""
    gru = Recurrent(hidden, CELLS["gru"])
    inputs = {"words": Input(6, "integers", time="x"), "v": Input(input_size + 1, "vector")}
    word = Node(Embedding(6, 3), "word", ["words"])
    tagger = [word, Node(Concat(), "joined", ["word", "v", "x"]), gru, Concat(), Dense(3)]
    ends = [Node(gru, "h", ["x"]), Node(Last(), "end"), Node(Pool("max"), "most", ["h"])]
    ends.append(Node(Pool("mean"), "seen", ["word"]))
    pooled = [word, *ends, Node(Concat(), "joined", ["end", "most", "v", "seen"]), Dense(3)]
    return {"tagger": Layout(tagger, input_size, inputs), "pooled": Layout(pooled, input_size, inputs)}


def tied_layouts(hidden: int) -> dict[str, Layout]:
    """Language models whose output weights are their table: of the words in x, where one stands for no word, with a
    layer between that is as wide as the table; and of words read by name."""
    gru = Recurrent(hidden, CELLS["gru"])
    plain = [Embedding(6, 4, padding_idx=2), gru, Dense(4, "tanh"), Dense(6, tied="embedding")]
    word = Node(Embedding(6, hidden), "word", ["words"])
    named = [word, Node(Recurrent(hidden, CELLS["gru"]), "h", ["word"]), Node(Dense(6, tied="word"), "head")]
    inputs = {"words": Input(6, "integers", time="x")}
    return {"plain": Layout(plain, 1), "named": Layout(named, 2, inputs)}


def draw_theta(layout: Layout, rng: np.random.Generator, dtype: str) -> np.ndarray:
    """Random parameters, every gate with its own; matrices scaled so that no recurrence is chaotic, leaks in (0, 1)."""
    theta = np.empty(layout.size)
    for p in layout.parameters:
        if p.name.startswith("leak"):
            p.view(theta)[...] = rng.uniform(0.05, 0.95, p.shape)
            continue
        fan_in = p.shape[1] if len(p.shape) == 2 and not p.name.startswith("peephole") else 4
        p.view(theta)[...] = rng.normal(size=p.shape) * 0.9 / np.sqrt(fan_in)
    return theta.astype(dtype)


def draw_batch(
    layout: Layout,
    rng: np.random.Generator,
    dtype: str,
    rows: int,
    steps: int,
    *,
    ragged: bool = False,
    given: bool = False,
    weighted: bool = False,
    loss: Any = losses.MSE(),  # noqa: B008 (frozen)
    view: str = "plain",
) -> Batch:
    """Random data. Past a row's length stands NaN, or an integer that is no class; `view` names the arrays' strides."""
    lengths = rng.integers(1, steps + 1, rows) if ragged else None
    lead = (rows,) if layout.last else (rows, steps)
    if layout.integer_input:
        x = rng.integers(0, layout.layers[0].num_embeddings, (rows, steps))  # type: ignore[union-attr]
    else:
        x = rng.normal(size=(rows, steps, layout.input_size)).astype(dtype)
    counts = None
    if loss.ragged:
        ends = np.full(rows, steps) if lengths is None else lengths
        counts = rng.integers(0, (ends + 3) // 2)  # no more than fit with something between any two
        y = rng.choice(loss.target_classes(layout.output_size), (rows, steps))
        y[np.arange(steps) >= counts[:, None]] = WRONG_INTEGER
        lead = (rows,)
    elif loss.kind == "cross_entropy":
        y = rng.integers(0, layout.output_size, lead)
    else:
        width = layout.output_size // losses.outputs_per_target(loss)
        y = (rng.random if loss.kind == "binary_cross_entropy" else rng.normal)(size=(*lead, width)).astype(dtype)
    weight = rng.random(lead).astype(dtype) if weighted else None
    state = [rng.normal(size=(rows, s.size)).astype(dtype) for s in layout.states] if given else None
    hide(x, lengths)
    if not layout.last and not loss.ragged:
        hide(y, lengths)
        hide(weight, lengths)
    return Batch(strided(x, view), strided(y, view), lengths, weight, state, counts)


def ctc_layout(directions: int = 1, outputs: int = 5) -> Layout:
    return Layout([Recurrent(4, Simple(), directions == 2), Dense(outputs)], 3)


def draw_ctc(layout: Layout, rng: np.random.Generator, rows: int, steps: int, loss: Any, **options: Any) -> Batch:
    """Ragged inputs and labels that fit, weighted, in float64 unless another type is given."""
    dtype = options.pop("dtype", "float64")
    return draw_batch(layout, rng, dtype, rows, steps, ragged=True, weighted=True, loss=loss, **options)


def hide(array: np.ndarray | None, lengths: np.ndarray | None) -> None:
    """Spoils what lies past the lengths, in place."""
    if array is not None and lengths is not None:
        array[np.arange(array.shape[1]) >= lengths[:, None]] = np.nan if array.dtype.kind == "f" else WRONG_INTEGER


def strided(array: np.ndarray, view: str) -> np.ndarray:
    """The same values behind other strides."""
    if view == "transposed":
        return np.ascontiguousarray(array.T).T
    if view == "stepped":
        wide = np.full([2 * n for n in array.shape], WRONG_INTEGER, array.dtype)
        found = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        found[...] = array
        return found
    if view == "negative":
        backwards = (slice(None, None, -1),) * array.ndim
        return array[backwards].copy()[backwards]
    return array


def compare(left: Iterable[tuple[str, Any]], right: Iterable[tuple[str, Any]], dtype: str, what: object) -> None:
    """Two engines' answers, the reference's first, agree to rounding.

    Differences are relative to the reference's largest entry, but at least to FLOOR. Inputs, weights and gradients from
    above are of size 1, and every result is a sum of products of such numbers: where the sum cancels or a saturated
    gate closes, its rounding error stays that of its terms. A term of size 1 is rounded by 6e-8 in float32, and
    tolerance times floor is three times that; in float64 1e-3 leaves a factor of nine.
    """
    for (name, want), (_, found) in zip(left, right, strict=True):
        want, found = np.asarray(want), np.asarray(found)
        assert want.shape == found.shape, f"{what}: {name}"
        assert want.dtype == found.dtype, f"{what}: {name}"
        if want.size:
            worst = float(np.abs(found - want).max() / max(float(np.abs(want).max()), FLOOR[dtype]))
            assert worst <= TOLERANCE[dtype], f"{what}: {name} differs by {worst:.1e}"


def both() -> tuple[Engine, Engine]:
    """The reference and the compiled engine; skips where the latter was not built."""
    import pytest  # here, since make_golden.py reads this file too

    pytest.importorskip("elman._native", reason="the compiled core was not built")
    native = select.native()
    assert native is not None
    return select.reference(), native
