"""Concat by what it means: columns by hand, sizes of every kind, inputs that share their steps, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, compare, concat_layouts, draw_batch, draw_theta, hide
from elman.losses import MSE

import elman
from elman.core.layers import Concat, Dense, Embedding, Input, Last, Layout, Node, Recurrent
from elman.core.requests import Batch, Engine, NamedInput, Objective

FIRST = Node(Recurrent(3, "tanh"), "h")  # type: ignore[arg-type]


def batch_of(layout: Layout, rng: np.random.Generator, dtype: str, rows: int, steps: int) -> Batch:
    """Ragged, NaN past the lengths; every input of the steps of x, or a vector."""
    batch = draw_batch(layout, rng, dtype, rows, steps, ragged=True)
    lengths = batch.lengths
    assert lengths is not None
    named: dict[str, NamedInput] = {}
    for name, given in layout.inputs.items():
        if given.kind == "vector":
            named[name] = NamedInput(rng.normal(size=(rows, given.size)).astype(dtype), None)
            continue
        integers = given.kind == "integers"
        array = rng.integers(0, given.size, (rows, steps)) if integers else rng.normal(size=(rows, steps, given.size))
        array = array if integers else array.astype(dtype)
        hide(array, lengths)
        named[name] = NamedInput(array, lengths)
    return batch._replace(named=named or None)


def answers_of(run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, dy: np.ndarray) -> list[tuple[str, Any]]:
    y, _, tape = run.forward(layout, theta, batch, 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    slopes = dx if isinstance(dx, dict) else {"x": dx}
    found = [("y", y), ("predicted", run.predict(layout, theta, batch)[0]), ("gradient", gradient)]
    return found + [(name, array) for name, array in slopes.items() if array is not None]


def test_columns_in_their_order(run: Engine) -> None:
    inputs = {"v": Input(3, "vector"), "s": Input(1, time="x")}
    layout = Layout([FIRST, Node(Concat(), "c", ["s", "v", "h", "x", "v"])], 2, inputs)
    rng = np.random.default_rng(0)
    batch, theta = batch_of(layout, rng, "float64", 7, 5), draw_theta(layout, rng, "float64")
    y, _, tape = run.forward(layout, theta, batch, 3)
    h = run.hidden(tape)[0]
    assert batch.named is not None
    s, v = batch.named["s"].values, batch.named["v"].values
    assert batch.lengths is not None
    for row, length in enumerate(batch.lengths):
        repeated = np.tile(v[row], (length, 1))
        parts = [s[row, :length], repeated, h[row, :length], batch.x[row, :length], repeated]
        assert (y[row, :length] == np.concatenate(parts, axis=1)).all()
        assert not y[row, length:].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(1, 1), (3, 5), (16, 1, 7), (8, 33, 2, 16), (1,) * 31])
@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (1, 9), (37, 5)])
def test_sizes(rows: int, steps: int, widths: tuple[int, ...], dtype: str) -> None:
    """Every remainder of a vector, up to 32 sources, every second of them a vector of its row; one twice."""
    inputs = {f"s{i}": Input(n, "vector") if i % 2 else Input(n, time="x") for i, n in enumerate(widths[:-1])}
    layout = Layout([FIRST, Node(Concat(), "c", [*inputs, "x", "x"][: len(widths) + 1]), Dense(3)], widths[-1], inputs)
    rng = np.random.default_rng(len(widths))
    batch, theta = batch_of(layout, rng, dtype, rows, steps), draw_theta(layout, rng, dtype)
    dy = rng.normal(size=(rows, steps, 3)).astype(dtype)
    compare(*(answers_of(run, layout, theta, batch, dy) for run in both()), dtype, (rows, steps, widths))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", ["tagger", "pooled"])
def test_in_a_network(key: str, dtype: str) -> None:
    layout, rng = concat_layouts(9, 5)[key], np.random.default_rng(1)
    batch, theta = batch_of(layout, rng, dtype, 37, 7), draw_theta(layout, rng, dtype)
    dy = rng.normal(size=(37, 3) if layout.last else (37, 7, 3)).astype(dtype)
    compare(*(answers_of(run, layout, theta, batch, dy) for run in both()), dtype, key)
    objective = Objective(MSE(), truncate=3, activity_penalty=0.1, shard_size=4)
    found = (run.loss_and_grad(layout, theta, batch, objective) for run in both())
    compare(*((("loss", value), ("gradient", gradient)) for value, gradient in found), dtype, key)


@pytest.mark.parametrize("key", ["tagger", "pooled"])
def test_a_row_alone_has_the_same_bits(key: str) -> None:
    layout, rng = concat_layouts(17, 5)[key], np.random.default_rng(2)
    batch, theta = batch_of(layout, rng, "float32", 37, 9), draw_theta(layout, rng, "float32")
    dy, run = rng.normal(size=(37, 3) if layout.last else (37, 9, 3)).astype("float32"), both()[1]
    whole = dict(answers_of(run, layout, theta, batch, dy))
    for row in (0, 5, 36):
        one = slice(row, row + 1)
        alone = dict(answers_of(run, layout, theta, batch.take(one), dy[one]))
        for name in ("y", "predicted", "x", "v"):
            assert alone[name].tobytes() == whole[name][one].tobytes(), name


@pytest.mark.parametrize("key", ["tagger", "pooled"])
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_gradients_agree_with_differences(key: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    layout = concat_layouts(3, 2)[key]
    report = elman.gradcheck(elman.Network.from_theta(layout, np.sin(np.arange(layout.size))), entries=4)
    assert report.passed, str(report)
    assert elman.gradcheck(Concat(), entries=4).passed


# ---------------------------------------------------------------------------------------------- in use


def tagger(dtype: str = "float32") -> elman.Network:
    """Two columns of whole numbers a step, each with a table of its own, and x beside them."""
    layers = [
        Node(elman.Embedding(9, 4), "word", ["words"]),
        Node(elman.Embedding(5, 3), "suffix", ["suffixes"]),
        Node(elman.Concat(), "joined", ["word", "suffix", "x"]),
        elman.Recurrent(8, "gru", bidirectional=True),  # type: ignore[arg-type]
        elman.Dense(4),
    ]
    inputs = {"words": Input(9, "integers", time="x"), "suffixes": Input(5, "integers", time="x")}
    return elman.Network.from_layers(layers, input_size=2, inputs=inputs, dtype=dtype, seed=0)


def data(n: int = 60) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The tag follows from the word, the suffix and the sign of x together."""
    rng = np.random.default_rng(0)
    x = {"x": rng.normal(size=(n, 6, 2)), "words": rng.integers(0, 9, (n, 6)), "suffixes": rng.integers(0, 5, (n, 6))}
    return x, (x["words"] % 2 + x["suffixes"] // 2 % 2 + (x["x"][..., 0] > 0)).astype(int), rng.integers(1, 7, n)


def test_a_tagger_learns_from_all_of_its_columns(tmp_path: Path) -> None:
    x, y, lengths = data()
    network = tagger()
    trainer = elman.Trainer(network, loss="cross_entropy", optimizer=elman.optim.Adam(0.03), batch_size=16)
    trainer.fit(x, y, lengths=lengths, epochs=60, progress=False)
    valid = np.arange(6) < lengths[:, None]
    assert (network.predict(x, lengths=lengths).argmax(axis=-1) == y)[valid].mean() > 0.97
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    assert isinstance(again, elman.Network)
    assert again.layout.inputs == network.layout.inputs
    assert again.predict(x, lengths=lengths).tobytes() == network.predict(x, lengths=lengths).tobytes()
    assert "words: Input(9, kind='integers', time='x')" in repr(again)


def test_lists_of_sequences_share_their_lengths() -> None:
    x, _, lengths = data(5)
    ragged = {name: [row[:n] for row, n in zip(array, lengths, strict=True)] for name, array in x.items()}
    network = tagger()
    want = network.predict(x, lengths=lengths)
    found = network.predict(ragged)
    assert (found == want[:, : found.shape[1]]).all()


@pytest.mark.parametrize("wide", [False, True])
def test_a_stack_streams_through_it(wide: bool) -> None:
    """By itself it joins the layer before it and x; in a stream step by step, in a training window by window."""
    layers = [elman.Recurrent(4, "gru"), Concat(), elman.Recurrent(3, "gru"), elman.Dense(2)]  # type: ignore[arg-type]
    network = elman.Network.from_layers(layers, input_size=20 if wide else 2, seed=0)
    x = np.random.default_rng(0).normal(size=(9, network.input_size)).astype("float32")
    stream = network.stream()
    steps = np.concatenate([stream.step(step) for step in x[:, None]])
    np.testing.assert_allclose(steps, network.predict(x), rtol=1e-6)
    assert network.engine != "native" or steps.tobytes() == network.predict(x).tobytes()
    trainer = elman.Trainer(network, optimizer=elman.optim.SGD(0.1), batch_size=1)
    trainer.fit(x[None], np.zeros((1, 9, 2)), epochs=1, window=3, progress=False)
    assert trainer.updates == 3


# ------------------------------------------------------------------------------------- what is refused


INPUTS = {"v": Input(4, "vector"), "ids": Input(9, "integers"), "s": Input(2), "w": Input(9, "integers", time="x")}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Node(Concat(), reads=["h"])], r"layers\[1\]: expected 2 to 32 names of what it reads, got \('h',\)"),
        ([Node(Concat(), reads=["h"] * 33)], r"layers\[1\]: expected 2 to 32 names of what it reads"),
        (
            [Node(Concat(), reads=["h", "s"])],
            r"layers\[1\]: .* sequences of the same steps, .*Input\(\.\.\., time=NAME\)",
        ),
        (
            [Node(Concat(), reads=["h", "w"])],
            r"layers\[1\]: expected Concat\(\) to read numbers, as an Embedding makes",
        ),
        ([Node(Concat(), reads=["ids", "h"])], r"layers\[1\]: expected Embedding to read whole numbers, got Concat"),
        ([Node(Embedding(9, 2), "e", ["ids"]), Node(Concat(), reads=["e", "x"])], r"layers\[2\]: .* of the same steps"),
    ],
)
def test_wrong_wiring_is_refused(layers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout([FIRST, *layers], 2, INPUTS)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"a": Input(2, time="b"), "b": Input(2)},
            r"inputs\['a'\]: expected time of 'x' or of a sequence before it",
        ),
        ({"a": Input(2, time="a")}, r"inputs\['a'\]: expected time of 'x'"),
        ({"v": Input(2, "vector"), "a": Input(2, time="v")}, r"inputs\['a'\]: expected time of 'x'"),
    ],
)
def test_steps_of_no_sequence_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout([FIRST], 2, inputs)


def test_a_vector_has_no_steps() -> None:
    with pytest.raises(ValueError, match="time: expected None for a vector, which has no steps, got 'x'"):
        Input(2, "vector", time="x")


def test_data_of_other_steps_are_refused() -> None:
    network = tagger()
    x, _, lengths = data(5)
    with pytest.raises(ValueError, match=r"words: expected shape \(5, 6\), got \(5, 5\)"):
        network.predict({**x, "words": x["words"][:, :5]})
    other = lengths.copy()
    other[3] += 1 if other[3] < 6 else -1
    message = rf"lengths\['words'\]: expected those of 'x', whose steps 'words' has, got {other[3]} at row 3"
    with pytest.raises(ValueError, match=message):
        network.predict(x, lengths={"x": lengths, "words": other})
    assert network.predict(x, lengths={"x": lengths, "words": lengths}).shape == (5, 6, 4)


def test_a_last_step_repeated_at_every_step_needs_the_whole_sequence() -> None:
    layers = [FIRST, Node(Last(), "end"), Node(Concat(), "joined", ["h", "end"]), Dense(2)]
    network = elman.Network.from_layers(layers, input_size=2, seed=0)
    with pytest.raises(
        ValueError, match=r"network: expected layers that read one step at a time, got Concat\(\), which"
    ):
        network.stream()
