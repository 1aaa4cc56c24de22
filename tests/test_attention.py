"""Attention and Shift by what they mean: sums by hand, sizes of every kind, what they refuse, and a network that learns
to reverse a sequence with them. test_layers_wired.py has both engines' answers in larger networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import attention_layouts, both, compare, draw_theta, hide

import elman
from elman.core.files.describe import layers_from_plain, layers_to_plain
from elman.core.layers import Attention, Input, Layout, Node, Recurrent, Shift
from elman.core.losses import CrossEntropy
from elman.core.requests import Batch, Engine, NamedInput, Objective
from elman.train import fingerprint

FIRST = Node(Recurrent(3, "tanh"), "h")  # type: ignore[arg-type]


FORMS = [Attention(), Attention("dot"), Attention("additive"), Attention("additive", 6), Attention("additive", 37)]


def reader(width: int, memory: int, attention: Attention = FORMS[0]) -> Layout:
    """x attends to the input `source`; the output is [context, x]."""
    layers = [FIRST, Node(attention, "attention", ["x", "source"])]
    return Layout(layers, width, {"source": Input(memory)})


def parameters_of(layout: Layout, theta: np.ndarray) -> dict[str, np.ndarray]:
    """The attention's parameters by their roles."""
    return {p.role: p.view(theta) for p in layout.parameters if p.name.startswith("attention.")}


def score(weights: dict[str, np.ndarray], q: np.ndarray, m: np.ndarray) -> float:
    """The score of one step of the memory, by the form that has these parameters."""
    if "bias" in weights:
        hidden = np.tanh(weights["weight"] @ q + weights["weight_memory"] @ m + weights["bias"])
        return float(weights["weight_score"][0] @ hidden)
    return float(m @ weights["weight"] @ q if weights else m @ q)


def batch_of(layout: Layout, rng: np.random.Generator, dtype: str, rows: int, steps: int, longest: int) -> Batch:
    """Ragged in both sequences, NaN past the lengths; one row of each length 1."""
    x = rng.normal(size=(rows, steps, layout.input_size)).astype(dtype)
    source = rng.normal(size=(rows, longest, layout.inputs["source"].size)).astype(dtype)
    lengths, ends = rng.integers(1, steps + 1, rows), rng.integers(1, longest + 1, rows)
    lengths[0], ends[-1] = 1, 1
    hide(x, lengths)
    hide(source, ends)
    return Batch(x, None, lengths, named={"source": NamedInput(source, ends)})


@pytest.mark.parametrize("attention", FORMS, ids=repr)
def test_each_step_is_a_weighted_mean_beside_the_query(run: Engine, attention: Attention) -> None:
    memory_size = 3 if attention.score == "dot" else 4
    layout, rng = reader(3, memory_size, attention), np.random.default_rng(0)
    batch, theta = batch_of(layout, rng, "float64", 5, 6, 7), draw_theta(layout, rng, "float64")
    weights, units = parameters_of(layout, theta), attention.size or 3
    shapes = {name: array.shape for name, array in weights.items()}
    assert (
        shapes
        == {
            "general": {"weight": (4, 3)},
            "dot": {},
            "additive": {
                "weight": (units, 3),
                "weight_memory": (units, 4),
                "bias": (units,),
                "weight_score": (1, units),
            },
        }[attention.score]
    )
    y, _, _ = run.forward(layout, theta, batch, 3)
    assert batch.lengths is not None
    assert batch.named is not None
    memory, ends = batch.named["source"]
    assert ends is not None
    for row, (steps, count) in enumerate(zip(batch.lengths, ends, strict=True)):
        for t in range(steps):
            scores = [score(weights, batch.x[row, t], m) for m in memory[row, :count]]
            shares = np.exp(scores) / np.exp(scores).sum()
            want = np.concatenate([shares @ memory[row, :count], batch.x[row, t]])
            np.testing.assert_allclose(y[row, t], want, rtol=1e-12)
        assert not y[row, steps:].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("width", "memory"), [(1, 1), (3, 2), (5, 17), (16, 8), (33, 40)])
@pytest.mark.parametrize(("steps", "longest"), [(1, 1), (1, 19), (9, 1), (4, 33), (21, 16)])
@pytest.mark.parametrize("form", ["general", "dot", "additive", "narrow"])
def test_sizes(width: int, memory: int, steps: int, longest: int, dtype: str, form: Any) -> None:
    """Every remainder of a vector, a tile and a panel."""
    attention = Attention("additive", 3) if form == "narrow" else Attention(form)
    layout = reader(width, width if form == "dot" else memory, attention)
    rng = np.random.default_rng(width)
    batch, theta = batch_of(layout, rng, dtype, 5, steps, longest), draw_theta(layout, rng, dtype)
    dy = rng.normal(size=(5, steps, layout.output_size)).astype(dtype)
    answers = [answers_of(run, layout, theta, batch, dy) for run in both()]
    compare(*answers, dtype, (width, memory, steps, longest))


@pytest.mark.parametrize("key", ["translator", "itself", "dot", "additive"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_a_network(key: str, dtype: str) -> None:
    layout, rng = attention_layouts(9, 5)[key], np.random.default_rng(1)
    theta, n = draw_theta(layout, rng, dtype), 37
    lengths, ends = rng.integers(1, 8, n), rng.integers(1, 12, n)
    x, source = rng.normal(size=(n, 7, 5)).astype(dtype), rng.normal(size=(n, 11, 5)).astype(dtype)
    words = NamedInput(rng.integers(0, 6, (n, 7)), lengths[::-1].copy())
    named = {"source": NamedInput(source, ends), "words": words} if layout.inputs else None
    dy = rng.normal(size=(n, 7, 3)).astype(dtype)
    batch = Batch(x, None, lengths, named=named)
    compare(*(answers_of(run, layout, theta, batch, dy) for run in both()), dtype, key)


def answers_of(run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, dy: np.ndarray) -> list[tuple[str, Any]]:
    """Outputs, predictions and all gradients."""
    y, _, tape = run.forward(layout, theta, batch, 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    slopes = dx if isinstance(dx, dict) else {"x": dx}
    found = [("y", y), ("predicted", run.predict(layout, theta, batch)[0]), ("gradient", gradient)]
    return found + [(name, array) for name, array in slopes.items() if array is not None]


@pytest.mark.parametrize("attention", FORMS, ids=repr)
def test_a_row_alone_has_the_same_bits(attention: Attention) -> None:
    """Outputs and the gradients of both sequences, whatever the lengths of the rows beside it."""
    layout, rng = reader(5, 5 if attention.score == "dot" else 17, attention), np.random.default_rng(2)
    batch, theta = batch_of(layout, rng, "float32", 37, 9, 21), draw_theta(layout, rng, "float32")
    dy, run = rng.normal(size=(37, 9, layout.output_size)).astype("float32"), both()[1]
    whole = dict(answers_of(run, layout, theta, batch, dy))
    for row in (0, 5, 36):
        one = slice(row, row + 1)
        alone = dict(answers_of(run, layout, theta, batch.take(one), dy[one]))
        for key in ("y", "predicted", "x", "source"):
            assert alone[key].tobytes() == whole[key][one].tobytes(), key


@pytest.mark.parametrize("key", ["dot", "additive"])
def test_the_number_of_threads_changes_no_bit(key: str) -> None:
    layout, rng, run = attention_layouts(40, 5)[key], np.random.default_rng(3), both()[1]
    theta, n = draw_theta(layout, rng, "float32"), 70
    lengths, ends = rng.integers(1, 8, n), rng.integers(1, 12, n)
    x, source = rng.normal(size=(n, 7, 5)).astype("float32"), rng.normal(size=(n, 11, 5)).astype("float32")
    named = {"source": NamedInput(source, ends), "words": NamedInput(rng.integers(0, 6, (n, 7)), lengths[::-1].copy())}
    batch, before = Batch(x, rng.integers(0, 3, (n, 7)), lengths, named=named), elman.get_num_threads()
    found: list[bytes] = []
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            found.append(run.loss_and_grad(layout, theta, batch, Objective(CrossEntropy(), shard_size=4))[1].tobytes())
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_additive_keys_beyond_every_exponential(run: Engine, dtype: str) -> None:
    """tanh of keys that are huge and of either sign; sums of them are what counts."""
    layout = reader(1, 1, Attention("additive", 1))
    theta = np.zeros(layout.size, dtype)
    weights = parameters_of(layout, theta)
    weights["weight"][...], weights["weight_memory"][...], weights["weight_score"][...] = 1e4, 1e4, 1e4
    x, source = np.array([[[1.0], [-1.0]]], dtype), np.array([[[-1.0], [-2.0], [3.0], [1.0]]], dtype)
    batch = Batch(x, None, np.array([2]), named={"source": NamedInput(source, np.array([4]))})
    y, _, tape = run.forward(layout, theta, batch, 3)
    np.testing.assert_allclose(y[0], [[2, 1], [3, -1]], rtol=1e-6)  # of two that are as high, half of each
    gradient, dx, _ = run.backward(layout, theta, tape, np.ones_like(y), None, None, None)
    assert np.isfinite(gradient).all()
    assert isinstance(dx, dict)
    assert np.isfinite(dx["source"]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_beyond_every_exponential(run: Engine, dtype: str) -> None:
    """The highest score takes all, or all that are as high share alike; no number overflows on the way."""
    layout = reader(1, 1)
    theta = np.zeros(layout.size, dtype)
    layout.parameters[-1].view(theta)[...] = 1e4
    x, source = np.array([[[1.0], [-1.0], [0.0]]], dtype), np.array([[[3.0], [-2.0], [3.0], [1.0]]], dtype)
    batch = Batch(x, None, np.array([3]), named={"source": NamedInput(source, np.array([4]))})
    y, _, tape = run.forward(layout, theta, batch, 3)
    np.testing.assert_allclose(y[0], [[3, 1], [-2, -1], [1.25, 0]], rtol=1e-6)
    gradient, dx, _ = run.backward(layout, theta, tape, np.ones_like(y), None, None, None)
    assert np.isfinite(gradient).all()
    assert isinstance(dx, dict)
    np.testing.assert_allclose(dx["source"].sum(), 3, rtol=1e-5)


@pytest.mark.parametrize("layer", [*FORMS, Shift()], ids=repr)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_gradients_agree_with_differences(layer: Any, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    report = elman.gradcheck(layer, entries=6)
    assert report.passed, str(report)


@pytest.mark.parametrize("key", ["translator", "dot", "additive"])
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_gradients_in_a_decoder_agree_with_differences(engine: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    layout = attention_layouts(3, 2)[key]
    network = elman.Network.from_theta(layout, np.sin(np.arange(layout.size)))
    report = elman.gradcheck(network, loss="cross_entropy", entries=3)
    assert report.passed, str(report)


# ---------------------------------------------------------------------------------------------- in use

SYMBOLS = 5


def reverser(seed: int = 0) -> elman.Network:
    """Reads the words of `source`, then gives them from last to first; x is not read."""
    layers = [
        Node(elman.Embedding(SYMBOLS, 8), "seen", ["source"]),
        Node(elman.Recurrent(16, "gru"), "encoder"),
        Node(elman.Embedding(SYMBOLS, 8), "symbols", ["y"]),
        Node(elman.Shift(), "before"),
        Node(elman.Recurrent(16, "gru"), "decoder", state="encoder"),
        Node(elman.Attention(), "attention", ["decoder", "encoder"]),
        elman.Dense(SYMBOLS),
    ]
    inputs = {"source": Input(SYMBOLS, "integers"), "y": Input(SYMBOLS, "integers")}
    return elman.Network.from_layers(layers, input_size=1, inputs=inputs, seed=seed)


def test_a_network_learns_to_reverse(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    source, lengths = rng.integers(0, SYMBOLS, (128, 4)), rng.integers(2, 5, 128)
    y = source.copy()
    for row, length in enumerate(lengths):
        y[row, :length] = source[row, :length][::-1]
    ends = {"x": np.ones(128, int), "source": lengths, "y": lengths}
    x = {"x": np.zeros((128, 1, 1)), "source": source}
    trainer = elman.Trainer(reverser(), loss="cross_entropy", optimizer=elman.optim.Adam(0.03), batch_size=64)
    trainer.fit(x, y, lengths=ends, epochs=60, progress=False)
    network = trainer.network
    assert network.loss(x, y, lengths=ends, loss="cross_entropy") < 0.05
    guessed = network.predict({**x, "y": y}, lengths=ends).argmax(axis=-1)
    valid = np.arange(4) < lengths[:, None]
    assert (guessed == y)[valid].mean() > 0.98
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    assert isinstance(again, elman.Network)
    assert again.layout.layers == network.layout.layers
    assert (again.predict({**x, "y": y}, lengths=ends).argmax(axis=-1) == guessed).all()
    assert "Attention()" in repr(again)


def test_files_name_the_score_where_it_is_another(tmp_path: Path) -> None:
    """What was the only form before is written and read as it was."""
    assert layers_to_plain([Attention()]) == [{"kind": "attention"}]
    assert layers_from_plain("layers", [{"kind": "attention"}]) == [Attention("general")]
    known = fingerprint.plain("layers", [Attention()]) | fingerprint.plain("loss", CrossEntropy())
    assert known == {"layers[0]": "Attention", "loss": "CrossEntropy"}  # what older checkpoints hold
    layout, rng = reader(3, 4, Attention("additive", 5)), np.random.default_rng(0)
    network = elman.Network.from_theta(layout, draw_theta(layout, rng, "float32"))
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    assert isinstance(again, elman.Network)
    assert again.layers == network.layers
    assert again.theta.tobytes() == network.theta.tobytes()
    with pytest.raises(ValueError, match="score: expected one of 'general', 'dot', 'additive', got 'cosine'"):
        layers_from_plain("layers", [{"kind": "attention", "score": "cosine"}])


# ------------------------------------------------------------------------------------- what is refused


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="score: expected one of 'general', 'dot', 'additive'"):
        Attention("bilinear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size: expected None for score='dot', which has no hidden units, got 4"):
        Attention("dot", 4)
    with pytest.raises(ValueError, match="size: expected a whole number of at least 1, got 0"):
        Attention("additive", 0)
    with pytest.raises(ValueError, match=r"layers\[1\]: expected a query of .* as wide as its memory, 4, got 3"):
        reader(3, 4, Attention("dot"))


@pytest.mark.parametrize(
    ("layer", "reads", "message"),
    [
        (Attention(), ("h", "v"), r"layers\[1\]: expected a sequence of numbers as the memory of Attention\(\), got"),
        (Attention(), ("h", "ids"), r"layers\[1\]: expected a sequence of numbers as the memory of Attention\(\), got"),
        (Attention(), ("v", "h"), r"layers\[1\]: expected a sequence of numbers as the query of Attention\(\), got"),
        (Attention(), ("ids", "h"), r"layers\[1\]: expected Embedding to read whole numbers, got Attention\(\)"),
        (Attention(), ("h",), r"layers\[1\]: expected 2 names of what it reads"),
        (Attention(), (), r"layers\[1\]: expected the name of an input .* got 'memory'"),
        (Shift(), ("v",), r"layers\[1\]: expected Shift\(\) to read a sequence of numbers, got"),
        (Shift(), ("ids",), r"layers\[1\]: expected Embedding to read whole numbers, got Shift\(\)"),
    ],
)
def test_wrong_wiring_is_refused(layer: Any, reads: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout([FIRST, Node(layer, reads=reads)], 2, {"v": Input(4, "vector"), "ids": Input(9, "integers")})


@pytest.mark.parametrize("layer", [Shift(), Node(Attention(), reads=["previous", "previous"])], ids=["shift", "self"])
def test_time_is_not_cut(layer: Any) -> None:
    network = elman.Network.from_layers([elman.Recurrent(3, "gru"), layer], input_size=2, seed=0)
    named = r"(Shift|Attention)\(\), which reads other steps"
    x = np.random.default_rng(0).normal(size=(2, 9, 2))
    y = np.zeros_like(network.predict(x))
    with pytest.raises(ValueError, match=rf"network: expected layers that read one step at a time, got {named}"):
        network.stream()
    with pytest.raises(ValueError, match=rf"network: expected layers that read one step at a time, got {named}"):
        elman.inspect.fixed_points(network, np.zeros(2))
    with pytest.raises(ValueError, match=rf"recompute: expected False for a network of {named}, got True"):
        network.loss_and_grad(x, y, recompute=True)
    with pytest.raises(ValueError, match=rf"window: expected None for a network with {named}, got 3"):
        elman.Trainer(network).fit(x, y, epochs=1, window=3, progress=False)


def test_long_predictions_are_not_cut() -> None:
    """Long enough for several pieces of a prediction's memory, where a network may be cut."""
    layout = Layout([Recurrent(40, "gru"), Node(Attention(), reads=["previous", "previous"]), Shift()], 1)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    theta = draw_theta(layout, rng, "float32")
    batch = Batch(rng.normal(size=(1, 700, 1)).astype("float32"))
    want, found = (run.predict(layout, theta, batch)[0] for run in both())
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)
