"""Networks that can be decoded, of every kind, and how their answers are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import CELLS, draw_theta

from elman import AdaptiveSoftmax, Attention, Concat, Dense, Dropout, Embedding, Last, Network, Pool, Recurrent, Skip
from elman.core.layers import Input, Layout, Node
from elman.network.decoding import Decoded

V, H, S = 6, 9, 7  # ids, units, ids of the source
START, END = 0, 1
SOURCE = {"source": Input(S, "integers")}


def translator(cell: str = "gru", **options: Any) -> Layout:
    """Ids to ids with attention, the first state from the encoder's."""
    states = {"h": "bridge_h", "c": "bridge_c"} if "lstm" in cell else {"h": "bridge_h"}
    bridges = [Node(Dense(H, "tanh"), name, ["summary"]) for name in states.values()]
    layers = [
        Node(Embedding(S, 4), "seen", ["source"]),
        Node(Recurrent(H, CELLS[cell], bidirectional=True), "encoder"),
        Node(Last(), "summary", ["encoder"]),
        *bridges,
        Node(Embedding(V, 5), "pieces", ["x"]),
        Node(Recurrent(H, CELLS[cell], **options), "decoder", ["pieces"], state=states),
        Node(Attention(), "attention", ["decoder", "encoder"]),
        Node(Dense(5, "tanh"), "attended"),
        Dropout(0.2),
        Dense(V, tied="pieces"),
    ]
    return Layout(layers, 1, SOURCE)


def layouts() -> dict[str, Layout]:
    """Everything that a decoder may be made of."""
    gru, lstm = Recurrent(H, CELLS["gru"]), Recurrent(H, CELLS["lstm"], learned_state=True)
    ids, out = Node(Embedding(V, 4), "pieces", ["x"]), Dense(V)
    frames = {"source": Input(3)}
    twice = [
        Node(Recurrent(H, CELLS["lstm"]), "encoder", ["source"]),
        Node(Pool("max"), "most", ["encoder"]),
        ids,
        Node(Recurrent(H, CELLS["lstm"]), "below", ["pieces"], state="encoder"),
        Node(Attention("dot"), "of_outputs", ["below", "encoder"]),
        Node(Concat(), "joined", ["of_outputs", "most"]),
        Node(Recurrent(H, CELLS["gru_before"]), "above", state={"h": "most"}),
        Node(Attention("additive", 5), None, ["above", "source"]),
        out,
    ]
    image = {"image": Input(5, "vector")}
    caption = [
        Node(Dense(H), "seen", ["image"]),
        ids,
        Node(Concat(), "joined", ["pieces", "image"]),
        Node(gru, "decoder", state={"h": "seen"}),
        Node(Dense(4, "relu"), "narrow"),
        Node(Skip(), "skip", ["narrow", "pieces"]),
        AdaptiveSoftmax(V, (3,), 2.0),
    ]
    return {
        "gru": translator(),
        "lstm": translator("lstm", zoneout=0.3),
        "norm": translator("norm_gru", recurrent_dropout=0.2),
        "twice": Layout(twice, 1, frames),
        "caption": Layout(caption, 1, image),
        "alone": Layout([Embedding(V, 4), lstm, gru, out], 1),
    }


def inputs_of(layout: Layout, rng: np.random.Generator, dtype: str, rows: int) -> dict[str, Any]:
    """Ragged sources, and the vectors of pictures, as `decode` takes them."""
    lengths = rng.integers(1, 9, rows)
    found: dict[str, Any] = {}
    for name, one in layout.inputs.items():
        if one.kind == "vector":
            found[name] = rng.normal(size=(rows, one.size)).astype(dtype)
        elif one.kind == "integers":
            found[name] = [rng.integers(0, one.size, n) for n in lengths]
        else:
            found[name] = [rng.normal(size=(n, one.size)).astype(dtype) for n in lengths]
    return found


def network_of(layout: Layout, dtype: str = "float64", seed: int = 2, scale: float = 2.5) -> Network:
    """Random weights, large enough for outputs that differ, with the end neither too near nor too far."""
    theta = scale * draw_theta(layout, np.random.default_rng(seed), dtype)
    network = Network.from_theta(layout, theta.astype(dtype))
    for name, bias in network.parameters.items():
        if name.endswith("bias") and bias.shape == (V,):
            bias[END] += 1
    return network


def decoded(engine: str, network: Network, inputs: Any, **options: Any) -> Decoded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_ENGINE", engine)
        given: dict[str, Any] = {"start": START, "end": END, "max_steps": 12, **options}
        return network.decode(inputs, **given)


def assert_same(a: Decoded, b: Decoded, tolerance: float) -> None:
    for row, (ours, others) in enumerate(zip(a.rows, b.rows, strict=True)):
        for one, other in zip(ours, others, strict=True):
            assert (one.ids.tolist(), one.ended) == (other.ids.tolist(), other.ended), row
            values = [[h.log_probability, h.score] for h in (one, other)]
            np.testing.assert_allclose(*values, rtol=tolerance, err_msg=str(row))
            for weights, more in zip(one.attention, other.attention, strict=True):
                assert len(weights) == len(one.ids) + one.ended
                assert weights.dtype == more.dtype
                np.testing.assert_allclose(weights, more, rtol=100 * tolerance, atol=tolerance)
                np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


WAYS: list[dict[str, Any]] = [
    {},
    {"beam_size": 3},
    {"beam_size": 4, "hypotheses": 4, "length_penalty": 1.0, "min_steps": 2},
]
