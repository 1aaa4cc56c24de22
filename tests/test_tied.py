"""Tied output weights and padding ids by what they mean: one parameter everywhere, a row that training leaves alone,
and what is refused. tests/test_golden.py has PyTorch's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta, tied_layouts
from elman.losses import CrossEntropy

import elman
from elman.core.layers import Dense, Embedding, Input, Layout, Node, Recurrent
from elman.core.requests import Engine, NamedInput, Objective, Records, UpdateRule

V, F = 11, 6


def layers(tied: bool, **options: Any) -> list[Any]:
    """A language model of V words; its table is as wide as its states."""
    return [Embedding(V, F, **options), Recurrent(F, "gru"), Dense(V, tied="embedding" if tied else None)]  # type: ignore[arg-type]


def model(tied: bool = True, seed: int = 0, dtype: str = "float32", **options: Any) -> elman.Network:
    return elman.Network.from_layers(layers(tied, **options), seed=seed, dtype=dtype)


def words(n: int = 24, steps: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, V, (n, steps))
    return ids, np.roll(ids, -1, axis=1), rng.integers(1, steps + 1, n)


def test_the_parameter_is_there_once() -> None:
    network, untied = model(), model(False)
    names = list(network.parameters)
    assert names == [name for name in untied.parameters if name != "head.weight"]
    assert network.num_parameters == untied.num_parameters - V * F
    table = network.parameters["embedding.weight"]
    before = network.predict([[1, 2]])
    table[:] *= 2
    assert not np.allclose(before, network.predict([[1, 2]]))
    assert f"Dense({V}, 'linear', tied='embedding')" in repr(network)
    assert repr(network).splitlines()[-1].split()[-1] == str(V)  # the bias alone is its own


def test_gradients_of_both_uses_are_added(run: Engine) -> None:
    """Against the same network with two tables of the same values."""
    one, two = Layout(layers(True), 1), Layout(layers(False), 1)
    rng = np.random.default_rng(1)
    theta = draw_theta(one, rng, "float64")
    apart = np.zeros(two.size)
    for place in two.parameters:
        name = "embedding.weight" if place.name == "head.weight" else place.name
        place.view(apart)[...] = next(p for p in one.parameters if p.name == name).view(theta)
    batch = draw_batch(one, rng, "float64", 9, 5, ragged=True, loss=CrossEntropy())
    objective = Objective(CrossEntropy(), shard_size=2)
    (value, gradient), (same, parts) = (
        run.loss_and_grad(layout, at, batch, objective) for layout, at in ((one, theta), (two, apart))
    )
    assert value == pytest.approx(same, rel=1e-13)
    split = {place.name: place.view(parts) for place in two.parameters}
    split["embedding.weight"] = split["embedding.weight"] + split.pop("head.weight")
    for place in one.parameters:
        np.testing.assert_allclose(place.view(gradient), split[place.name], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", ["plain", "named"])
def test_both_engines(key: str, dtype: str) -> None:
    layout, rng = tied_layouts(9)[key], np.random.default_rng(2)
    loss = CrossEntropy()
    theta = draw_theta(layout, rng, dtype)
    batch = draw_batch(layout, rng, dtype, 37, 7, ragged=True, weighted=True, loss=loss)
    if layout.inputs:
        assert batch.lengths is not None
        batch = batch._replace(named={"words": NamedInput(rng.integers(0, 6, (37, 7)), batch.lengths)})

    def answers(run: Engine) -> list[tuple[str, Any]]:
        value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, truncate=4, shard_size=4))
        now, slots = theta.copy(), [np.zeros_like(theta)]
        rule = UpdateRule(elman.optim.SGD(0.1, momentum=0.9), 0.5)
        records = Records(np.arange(37), np.array([0, 16, 37]), np.array([0.1, 0.1]))
        losses, norms, _ = run.update(layout, now, batch, Objective(loss, shard_size=4), rule, slots, 0, records)
        found = [("y", run.predict(layout, theta, batch)[0]), ("loss", value), ("gradient", gradient)]
        return [*found, ("losses", losses), ("norms", norms), ("theta", now), ("slots", slots[0])]

    compare(*(answers(run) for run in both()), dtype, key)


def test_the_number_of_threads_changes_no_bit() -> None:
    run, layout, rng = both()[1], Layout(layers(True, padding_idx=3), 1), np.random.default_rng(3)
    batch = draw_batch(layout, rng, "float32", 70, 7, ragged=True, loss=CrossEntropy())
    theta, before = draw_theta(layout, rng, "float32"), elman.get_num_threads()
    found: list[bytes] = []
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            found.append(run.loss_and_grad(layout, theta, batch, Objective(CrossEntropy(), shard_size=4))[1].tobytes())
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_gradients_agree_with_differences(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    for subject in (model(dtype="float64"), Dense(5, tied="embedding"), Dense(5, "tanh", tied="word")):
        report = elman.gradcheck(subject, entries=6, loss="cross_entropy")
        assert report.passed, str(report)


@pytest.mark.parametrize("tied", [False, True])
def test_a_padding_row_is_checked_like_all_others(tied: bool) -> None:
    """It has a derivative, though training gives it no gradient; the report says so."""
    report = elman.gradcheck(model(tied, padding_idx=2), *words(3, 5)[:2], entries=6, loss="cross_entropy")
    assert report.passed, str(report)
    assert "training gives them no gradient" in str(report)
    assert elman.gradcheck(Embedding(5, 3, padding_idx=1), entries=15).passed


def test_tables_begin_alike_and_at_the_scale_of_outputs() -> None:
    network, wide = model(seed=5), elman.Network.from_layers(layers(True, padding_idx=4), seed=5)
    table = network.parameters["embedding.weight"]
    free = model(False, seed=5).parameters["embedding.weight"]
    np.testing.assert_allclose(table, free / np.sqrt(F), rtol=1e-6)
    assert not wide.parameters["embedding.weight"][4].any()
    assert np.abs(wide.parameters["embedding.weight"]).sum(axis=1).all() == 0
    own = elman.Network.from_layers(layers(True), seed=5, init=lambda name, shape, rng: np.full(shape, 0.25))
    assert (own.theta == 0.25).all()


def test_files_checkpoints_and_constraints(tmp_path: Path) -> None:
    ids, y, lengths = words()

    def trained(epochs: int, **options: Any) -> elman.Trainer:
        trainer = elman.Trainer(
            model(padding_idx=0),
            loss="cross_entropy",
            optimizer=elman.optim.AdamW(0.02, weight_decay=0.1),
            batch_size=8,
            clip_norm=1.0,
            rates={"embedding.weight": 0.5},
        )
        trainer.fit(ids, y, lengths=lengths, epochs=epochs, progress=False, **options)
        return trainer

    straight = trained(4).network
    trained(2, checkpoint=tmp_path / "c", every=6)
    again = trained(4, resume=tmp_path / "c").network
    assert again.theta.tobytes() == straight.theta.tobytes()
    assert straight.loss(ids, y, loss="cross_entropy") < model(padding_idx=0).loss(ids, y, loss="cross_entropy")
    straight.save(tmp_path / "n.safetensors")
    loaded = elman.load(tmp_path / "n.safetensors")
    assert isinstance(loaded, elman.Network)
    assert loaded.layers == straight.layers
    assert loaded.predict(ids).tobytes() == straight.predict(ids).tobytes()
    copied = straight.copy()
    assert copied.theta.tobytes() == straight.theta.tobytes()
    with pytest.raises(ValueError, match=r"frozen: expected a name or pattern among .* got 'head.weight'"):
        elman.Trainer(model(), frozen=["head.weight"])
    frozen = elman.Trainer(model(), loss="cross_entropy", frozen=["embedding.weight"])
    before = frozen.network.parameters["embedding.weight"].copy()
    frozen.fit(ids, y, epochs=1, progress=False)
    assert (frozen.network.parameters["embedding.weight"] == before).all()


def test_another_padding_id_is_another_training(tmp_path: Path) -> None:
    ids, y, _ = words()
    first = elman.Trainer(model(False, padding_idx=3), loss="cross_entropy")
    first.fit(ids, y, epochs=1, progress=False, checkpoint=tmp_path / "c", every=1)
    with pytest.raises(ValueError, match="padding_idx was 3 and is None"):
        elman.Trainer(model(False), loss="cross_entropy").fit(ids, y, epochs=2, progress=False, resume=tmp_path / "c")


def test_streams_and_windows() -> None:
    network = model(padding_idx=1)
    ids, y, _ = words()
    stream = network.stream()
    steps = np.concatenate([stream.step(ids[0, t : t + 1]) for t in range(7)])
    np.testing.assert_allclose(steps, network.predict(ids[0]), rtol=1e-5, atol=1e-6)
    trainer = elman.Trainer(network, loss="cross_entropy", optimizer=elman.optim.SGD(0.1), batch_size=24)
    trainer.fit(ids, y, epochs=1, window=3, progress=False)
    assert trainer.updates == 3


def test_the_doctor_knows_both_layers() -> None:
    ids, y, _ = words()
    report = elman.doctor.examine(model(), ids, y, loss="cross_entropy")
    assert report is not None


# --------------------------------------------------------------------------------------------- padding


def test_no_training_changes_a_padding_row(run: Engine) -> None:
    """Whatever stands there; a momentum and clipping included."""
    layout, rng = Layout(layers(False, padding_idx=2), 1), np.random.default_rng(4)
    theta = draw_theta(layout, rng, "float64")
    batch = draw_batch(layout, rng, "float64", 30, 6, ragged=True, loss=CrossEntropy())
    assert (batch.x == 2).any()
    table = layout.parameters[0]
    gradient = run.loss_and_grad(layout, theta, batch, Objective(CrossEntropy()))[1]
    assert not table.view(gradient)[2].any()
    free = run.loss_and_grad(Layout(layers(False), 1), theta, batch, Objective(CrossEntropy()))[1]
    rows = np.arange(V) != 2
    assert (table.view(gradient)[rows] == table.view(free)[rows]).all()
    before = table.view(theta)[2].copy()
    slots = [np.zeros_like(theta), np.zeros_like(theta)]
    records = Records(np.arange(30), np.array([0, 15, 30]), np.array([0.1, 0.1]))
    rule = UpdateRule(elman.optim.Adam(0.1), 0.5)
    run.update(layout, theta, batch, Objective(CrossEntropy()), rule, slots, 0, records)
    assert (table.view(theta)[2] == before).all()


def test_a_written_padding_row_is_read() -> None:
    network = model(False, padding_idx=2)
    assert not network.parameters["embedding.weight"][2].any()
    before = network.predict([[2]])
    network.parameters["embedding.weight"][2] = 1
    assert not np.allclose(network.predict([[2]]), before)


# ------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("padding", [-1, V, 2.5, True, "0"])
def test_a_padding_id_is_one_of_the_table(padding: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"padding_idx: expected a whole number in \[0, {V - 1}\], got"):
        Embedding(V, F, padding_idx=padding)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        (
            [Embedding(9, 3), Recurrent(3), Dense(9, tied="word")],
            r"layers\[2\]: expected tied to name an Embedding",
        ),
        (
            [Recurrent(3), Dense(9, tied="embedding")],
            r"layers\[1\]: expected tied to name .* \(there is none\)",
        ),
        ([Recurrent(3), Node(Dense(3), "a"), Dense(3, tied="a")], r"layers\[2\]: expected tied to name an Embedding"),
        (
            [Embedding(9, 3), Recurrent(3), Dense(8, tied="embedding")],
            r"layers\[2\]: expected the table .* \(8, 3\)",
        ),
        (
            [Embedding(9, 3), Node(Embedding(9, 3, tied="embeding"), reads=["ids"]), Recurrent(3)],
            r"layers\[1\]: expected tied to name an Embedding before it \('embedding'\), got 'embeding'",
        ),
        (
            [Embedding(9, 3), Node(Embedding(9, 4, tied="embedding"), reads=["ids"]), Recurrent(3)],
            r"layers\[1\]: expected the table of 'embedding', of shape \(9, 3\), to be of shape \(9, 4\)",
        ),
        (
            [Embedding(9, 3), Node(Embedding(9, 3, tied="embedding", sparse=True), reads=["ids"]), Recurrent(3)],
            r"layers\[1\]: expected sparse=False, as has 'embedding', to which it is tied",
        ),
        ([Embedding(9, 4), Recurrent(3), Dense(9, tied="embedding")], r"layers\[2\]: .*of shape \(9, 4\), .* \(9, 3\)"),
    ],
)
def test_tables_that_do_not_fit_are_refused(stack: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout(stack, 3, {"ids": Input(9, "integers")})


def test_names_are_text() -> None:
    with pytest.raises(TypeError, match="tied: expected the name of an Embedding, or None, got True"):
        Dense(9, tied=True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tied: expected the name of an Embedding, or None, got 3"):
        Embedding(9, 3, tied=3)  # type: ignore[arg-type]
