"""Decoding: both engines against each other, the beam against every possible sequence, greedy steps against predict to
the last bit, and a row against the same row in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from cases import CELLS, both
from decoders import END, START, WAYS, H, V, assert_same, decoded, inputs_of, layouts, network_of, translator

import elman
from elman import Attention, Concat, Dense, Embedding, Network, Recurrent
from elman.core.layers import Input, Layout, Node
from elman.network.decoding import Decoded


@pytest.fixture
def threads() -> Iterator[Any]:
    before = elman.get_num_threads()
    yield elman.set_num_threads
    elman.set_num_threads(before)


# ------------------------------------------------------------------------------- what it finds


@pytest.mark.parametrize("key", layouts())
def test_engines_agree(key: str) -> None:
    both()
    layout, rng, n = layouts()[key], np.random.default_rng(1), 9
    network = network_of(layout)
    inputs = inputs_of(layout, rng, "float64", n)
    options = {"return_attention": True, "max_steps": rng.integers(3, 9, n), "start": rng.integers(0, V, n)}
    ended: set[bool] = set()
    for way in WAYS:
        a, b = (decoded(engine, network, inputs, **way, **options) for engine in ("reference", "native"))
        assert_same(a, b, 1e-10)
        ended |= {one.ended for row in a.rows for one in row}
        names = {"twice": ["of_outputs", "attention"], "caption": [], "alone": []}
        assert list(a.attention) == names.get(key, ["attention"])
    assert ended == {True, False}


def test_engines_agree_in_float32() -> None:
    both()
    layout = translator("lstm")
    network, inputs = network_of(layout, "float32"), inputs_of(layout, np.random.default_rng(3), "float32", 9)
    a, b = (
        decoded(e, network, inputs, beam_size=3, max_steps=7, return_attention=True) for e in ("reference", "native")
    )
    assert_same(a, b, 1e-4)


def test_engines_agree_about_many_ids() -> None:
    """More than there is a part of the recurrence for beforehand, in every remainder of a vector."""
    both()
    for ids in (513, 600, 655):
        layout = Layout([Embedding(ids, 4), Recurrent(H, CELLS["lstm"]), Dense(ids)], 1)
        network = network_of(layout)
        a, b = (decoded(e, network, None, start=range(5), beam_size=7, hypotheses=7) for e in ("reference", "native"))
        assert_same(a, b, 1e-10)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(engine: str, penalty: float) -> None:
    """Of V = 4 ids and at most 4 steps: every sequence's probability by `predict`, all scores in their order."""
    both()
    layers = [
        Node(Recurrent(H, CELLS["gru"]), "encoder", ["source"]),
        Node(Embedding(4, 3), "pieces", ["x"]),
        Node(Recurrent(H, CELLS["gru"]), "decoder", ["pieces"], state="encoder"),
        Node(Attention(), "attention", ["decoder", "encoder"]),
        Dense(4),
    ]
    network, rng = network_of(Layout(layers, 1, {"source": Input(3)})), np.random.default_rng(5)
    source = [rng.normal(size=(n, 3)) for n in (3, 1, 5)]
    every = [ids for n in range(4) for ids in product((0, 2, 3), repeat=n)]
    every += product((0, 2, 3), repeat=4)
    steps = 4
    found = decoded(
        engine, network, {"source": source}, max_steps=steps, beam_size=300, hypotheses=300, length_penalty=penalty
    )
    for row, memory in enumerate(source):
        scores: dict[tuple[tuple[int, ...], bool], tuple[float, float]] = {}
        for ids in dict.fromkeys(every):
            ended = len(ids) < steps
            outputs = [*ids, END] if ended else ids
            y = network.predict({"x": np.array([[START, *outputs[:-1]]]), "source": memory[None]})[0]
            log_p = sum(o[i] - np.log(np.exp(o).sum()) for o, i in zip(y, outputs, strict=True))
            scores[ids, ended] = log_p, log_p / ((5 + len(outputs)) / 6) ** penalty
        want = sorted(scores, key=lambda key: (not key[1], -scores[key][1]))
        assert [(tuple(h.ids.tolist()), h.ended) for h in found.rows[row]] == want
        values = [[h.log_probability, h.score] for h in found.rows[row]]
        np.testing.assert_allclose(values, [scores[key] for key in want], rtol=1e-10)
        best = decoded(engine, network, {"source": [memory]}, max_steps=4, beam_size=300, length_penalty=penalty)
        assert best.ids[0].tolist() == list(want[0][0])  # the search for one alone may stop early, and finds the same


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_greedy_takes_the_highest_output_at_every_step(engine: str) -> None:
    both()
    layout, rng = translator(), np.random.default_rng(7)
    network, inputs = network_of(layout), inputs_of(translator(), rng, "float64", 6)
    found = decoded(engine, network, inputs, max_steps=9)
    for row, source in enumerate(inputs["source"]):
        ids = [START]
        while len(ids) <= 9 and (len(ids) == 1 or ids[-1] != END):
            ids.append(int(network.predict({"x": [ids], "source": [source]})[0, -1].argmax()))
        assert found.ended[row] == (ids[-1] == END)
        assert found.ids[row].tolist() == ids[1:-1] if found.ended[row] else ids[1:]


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_of_equal_outputs_the_lower_id_comes_first(engine: str) -> None:
    both()
    network = Network.from_theta(translator(), np.zeros(translator().size))
    found = decoded(engine, network, {"source": [[1, 2]]}, max_steps=3, beam_size=4, hypotheses=3, length_penalty=0.0)
    assert [h.ids.tolist() for h in found.rows[0]] == [[], [0], [0, 0]]
    assert decoded(engine, network, {"source": [[1, 2]]}, max_steps=3).ids[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_the_penalty_prefers_longer_ids(engine: str) -> None:
    both()
    layout = translator()
    network, inputs = network_of(layout), inputs_of(layout, np.random.default_rng(8), "float64", 9)
    found = [decoded(engine, network, inputs, max_steps=8, beam_size=4, length_penalty=a) for a in (0.0, 0.6, 3.0)]
    lengths = [sum(map(len, one.ids)) for one in found]
    assert lengths[0] < lengths[1] < lengths[2]


# ---------------------------------------------------------------------------- the same bits


def ranks(network: Network, outputs: np.ndarray) -> Decoded:
    """The log probabilities by the compiled core of outputs (n, V) as they are: a network that gives what it reads."""
    layers = [
        Node(Embedding(V, 1), "pieces", ["x"]),
        Node(Recurrent(1, CELLS["tanh"]), "h"),
        Node(Concat(), "joined", ["h", "given"]),
        Dense(V),
    ]
    layout = Layout(layers, 1, {"given": Input(V, "vector")})
    same = Network.from_theta(layout, np.zeros(layout.size, network.dtype))
    weight = same.parameters["head.weight"]
    weight[:, 1:] = np.eye(V)
    return decoded("native", same, {"given": outputs}, max_steps=1, beam_size=V, hypotheses=V, length_penalty=0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", layouts())
@pytest.mark.compiled
def test_steps_are_those_of_predict_to_the_last_bit(key: str, dtype: str) -> None:
    """The log probability is a sum over the outputs of `predict` for the ids that were found."""
    both()
    layout, rng = layouts()[key], np.random.default_rng(11)
    network, inputs = network_of(layout, dtype), inputs_of(layouts()[key], rng, dtype, 19)
    n = len(next(iter(inputs.values()))) if inputs else 1
    for way in ({}, {"beam_size": 3}):
        found = decoded("native", network, inputs, **way)
        for row in range(n):
            best = found.rows[row][0]
            outputs = [*best.ids.tolist(), *([END] if best.ended else [])]
            x = np.array([[START, *outputs[:-1]]])
            own = {name: [values[row]] for name, values in inputs.items()}
            y = network.predict({"x": x, **own} if inputs else x)[0]
            whole = 0.0
            for ranked, i in zip(ranks(network, y).rows, outputs, strict=True):
                step = {h.ids[0] if len(h.ids) else END: h.log_probability for h in ranked}
                whole += step[i]
            assert whole == best.log_probability


def bits(found: Decoded) -> list[tuple[Any, ...]]:
    return [
        (h.ids.tolist(), h.log_probability, h.score, h.ended, [weights.tobytes() for weights in h.attention])
        for row in found.rows
        for h in row
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS, ids=["greedy", "beam", "best"])
@pytest.mark.parametrize("key", ["lstm", "twice", "caption"])
def test_any_number_of_threads_and_any_rows_beside(key: str, way: dict[str, Any], dtype: str, threads: Any) -> None:
    both()
    layout, rng = layouts()[key], np.random.default_rng(13)
    network, inputs = network_of(layout, dtype), inputs_of(layout, rng, dtype, 75)
    options = {**way, "return_attention": True}
    whole: list[Decoded] = []
    for count in (1, 2, 3):
        threads(count)
        whole.append(decoded("native", network, inputs, **options))
    assert bits(whole[0]) == bits(whole[1]) == bits(whole[2])
    each = len(whole[0].rows[0])
    for row in (0, 36, 74):
        alone = decoded("native", network, {name: values[row : row + 1] for name, values in inputs.items()}, **options)
        assert bits(alone) == bits(whole[0])[row * each : (row + 1) * each]


def test_several_calls_of_the_engine_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    both()
    layout = translator()
    network, inputs = network_of(layout), inputs_of(layout, np.random.default_rng(15), "float64", 23)
    whole = bits(decoded("native", network, inputs, beam_size=3, max_steps=np.arange(23) % 5 + 3))
    monkeypatch.setattr("elman.network.decoding.AT_ONCE", 12)
    assert bits(decoded("native", network, inputs, beam_size=3, max_steps=np.arange(23) % 5 + 3)) == whole


def test_weights_that_were_changed_are_seen() -> None:
    """Packed weights are kept from call to call."""
    both()
    layout = translator()
    network, inputs = network_of(layout), inputs_of(layout, np.random.default_rng(17), "float64", 3)
    for name in network.parameters:
        decoded("native", network, inputs)
        network.parameters[name][...] += 0.01
        fresh = Network.from_theta(translator(), network.theta)
        assert bits(decoded("native", network, inputs)) == bits(decoded("native", fresh, inputs)), name


# ------------------------------------------------------------------------------------- in use


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_given_state_and_steps_of_each_row(engine: str) -> None:
    """Without other inputs rows are counted by the state, or by the first ids."""
    both()
    layout, rng = layouts()["alone"], np.random.default_rng(19)
    network = network_of(layout)
    state = {name: rng.normal(size=(4, H)) for name in network.state_names}
    most = np.array([1, 2, 6, 9])
    found = decoded(engine, network, None, state=state, max_steps=most, min_steps=0)
    assert len(found) == 4
    for row in range(4):
        own = {name: values[row : row + 1] for name, values in state.items()}
        alone = decoded(engine, network, {}, state=own, max_steps=most[row])
        assert bits(alone) == bits(found)[row : row + 1]
        assert len(found.ids[row]) <= most[row]
    assert len(decoded(engine, network, None)) == 1
    assert len(decoded(engine, network, None, start=[1, 2, 3])) == 3
    least = decoded(engine, network, None, start=[1, 2, 3, 4, 5, 0], beam_size=4, hypotheses=4, min_steps=5)
    assert min(len(h.ids) for row in least.rows for h in row) >= 5


@pytest.mark.compiled
def test_a_cell_of_ones_own_runs_on_the_reference() -> None:
    both()

    def shapes(inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (hidden, inputs), "weight_hh": (hidden, hidden), "bias": (hidden,)}

    def step(cell: Any, weights: Any, x: np.ndarray, state: Any) -> tuple[Any, None]:
        ih, hh, bias = weights
        return (np.tanh(x @ ih.T + state[0] @ hh.T + bias),), None

    own = elman.CustomCell("own", shapes, step, lambda *_: ())
    layers = [[Embedding(V, 4), Recurrent(H, cell), Dense(V)] for cell in (own, CELLS["tanh"])]
    theta = network_of(Layout(layers[1], 1)).theta
    networks = [Network.from_theta(Layout(one, 1), theta) for one in layers]
    assert [one.engine for one in networks] == ["reference", "native"]
    found = [decoded("native", one, None, start=range(V), beam_size=3) for one in networks]
    assert_same(found[0], found[1], 1e-10)
