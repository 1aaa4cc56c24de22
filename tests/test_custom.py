"""A user's own pieces: one that says what a built-in piece says gives what that one gives, everywhere."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import losses
from elman.core import io
from elman.core.layers import CustomCell
from elman.core.losses import Custom
from elman.core.requests import Objective, Records, UpdateRule, Windows
from elman.engines import custom
from elman.engines.reference import gru, lstm
from elman.engines.select import reference, select
from elman.network.arguments import as_batch

RTOL = {"float32": 2e-5, "float64": 1e-11}


def squares(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """What "mse" sums, over outputs as a mean."""
    e, w = y_hat - y, weight[..., None] / y.shape[-1]
    return (w * e * e).sum(), 2 * w * e


def log_softmax(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    p = np.exp(y_hat - y_hat.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    hot = np.eye(y_hat.shape[-1])[y]
    return -(weight * np.log((p * hot).sum(axis=-1))).sum(), weight[..., None] * (p - hot)


def half_squares(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    e, w = y_hat - y, weight[..., None]
    return 0.5 * (w * e * e).sum(), w * e


SAME = {
    "mse": Custom("squares", squares),
    "cross_entropy": Custom("log_softmax", log_softmax, classes=True),
    "half_sse": Custom("half_squares", half_squares, mean=False),
}


def data(output: str, kind: str, rows: int = 21, seed: int = 0) -> dict[str, Any]:
    """Ragged and weighted; past a row's length stands NaN."""
    rng = np.random.default_rng(seed)
    x, lengths = rng.normal(size=(rows, 7, 3)), rng.integers(1, 8, rows)
    lead = (rows,) if output == "last" else (rows, 7)
    y = rng.integers(0, 2, lead) if kind == "cross_entropy" else rng.normal(size=(*lead, 2))
    weight = rng.random(lead)
    past = np.arange(7) >= lengths[:, None]
    x[past] = np.nan
    if output == "sequence":
        weight[past] = np.nan
        y[past] = -99
    return {"x": x, "y": y, "lengths": lengths, "sample_weight": weight}


def close(found: Any, expected: Any, dtype: str) -> None:
    expected = np.asarray(expected)
    assert np.asarray(found) == pytest.approx(
        expected, rel=0, abs=RTOL[dtype] * max(float(np.abs(expected).max()), 1e-3)
    )


# --------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_like_a_built_in_one_gives_the_same(kind: str, output: Any, dtype: str):
    network = elman.Network(3, 5, 2, cell="gru", output=output, dtype=dtype, seed=0)
    given = data(output, kind)
    value, gradients = network.loss_and_grad(**given, loss=kind, truncate=3)
    own_value, own = network.loss_and_grad(**given, loss=SAME[kind], truncate=3)
    close(own_value, value, dtype)
    close(own.flat, gradients.flat, dtype)
    assert own.flat.dtype == network.dtype
    close(network.loss(**given, loss=SAME[kind]), network.loss(**given, loss=kind), dtype)


@pytest.mark.parametrize("kind", SAME)
def test_a_training_with_it_is_the_same_training(kind: str):
    """Shuffled batches, both clips, the optimiser's state, validation: all as with the built-in loss."""
    given, runs = data("sequence", kind), []
    for loss in (kind, SAME[kind]):
        network = elman.Network(3, 5, 2, cell="lstm", dtype="float64", seed=0)
        optimizer = elman.optim.Adam(0.01, eps=1e-3)
        trainer = elman.Trainer(
            network, loss=loss, optimizer=optimizer, batch_size=8, shard_size=3, clip_norm=0.5, clip_value=0.1
        )
        trainer.fit(**given, epochs=3, validation=0.2, progress=False)
        trainer.update(**given)
        runs.append((network.theta, trainer.history))
    (theta, history), (own_theta, own_history) = runs
    close(own_theta, theta, "float64")
    for name in ("loss", "validation_loss", "update_loss", "gradient_norm"):
        close(getattr(own_history, name), getattr(history, name), "float64")


def test_dropout_draws_what_it_draws_for_a_built_in_loss():
    layers = [elman.Recurrent(5, "gru", recurrent_dropout=0.4, zoneout=0.2), elman.Dropout(0.3), elman.Dense(2)]
    network = elman.Network.from_layers(layers, input_size=3, dtype="float64", seed=0)
    given = data("sequence", "mse")
    value, gradients = network.loss_and_grad(**given, loss="mse", key=(3, 7))
    own_value, own = network.loss_and_grad(**given, loss=SAME["mse"], key=(3, 7))
    close(own_value, value, "float64")
    close(own.flat, gradients.flat, "float64")
    assert abs(value - network.loss(**given)) > 1e-3
    runs = []
    for loss in ("mse", SAME["mse"]):
        again = elman.Network.from_theta(network.layout, network.theta)
        trainer = elman.Trainer(again, loss=loss, optimizer="sgd", seed=5)
        trainer.update(**given)
        trainer.update(**given)
        runs.append(again.theta)
    close(runs[1], runs[0], "float64")


@pytest.mark.parametrize("output", ["sequence", "last"])
def test_the_penalty_on_activity_is_added(output: Any):
    network = elman.Network(3, [5, 4], 2, cell="lstm", output=output, bidirectional=True, dtype="float64", seed=0)
    given = data(output, "mse")
    value, gradients = network.loss_and_grad(**given, loss="mse", activity_penalty=0.7)
    own_value, own = network.loss_and_grad(**given, loss=SAME["mse"], activity_penalty=0.7)
    close(own_value, value, "float64")
    close(own.flat, gradients.flat, "float64")
    assert value > network.loss(**given) + 1e-3
    trainer = elman.Trainer(network, loss=SAME["mse"], activity_penalty=0.7)
    assert trainer.update(**given) == pytest.approx(value, rel=1e-9)


def test_windows_carry_the_state_as_for_a_built_in_loss():
    """Windows of 3, 3 and 1 steps; rows end in each of them, and are not asked for afterwards."""
    layout = elman.Network(3, 5, 2, cell="lstm", seed=0).layout
    theta = 0.5 * np.random.default_rng(0).normal(size=layout.size)
    given = data("sequence", "mse", rows=9)
    batch, _ = as_batch(layout, np.dtype(np.float64), **given, loss=losses.MSE())
    found = []
    for loss in (losses.MSE(), SAME["mse"]):
        own, carry = theta.copy(), [np.full((9, slot.size), np.nan) for slot in layout.states]
        windows = Windows(3, np.array([0, 3, 6, 0]), carry)
        alive = [np.flatnonzero(given["lengths"] > start) for start in (0, 3, 6)]
        starts = np.cumsum([0, *map(len, alive), 2])
        records = Records(np.concatenate([*alive, [2, 1]]), starts, np.full(4, 0.1), windows)
        objective, rule = Objective(loss, shard_size=2), UpdateRule(elman.optim.SGD())
        answers = select(layout, loss).update(layout, own, batch, objective, rule, (), 0, records)
        found.append((own, *answers, *carry))
    assert len(alive[0]) > len(alive[2]) > 0
    for one, other in zip(*found, strict=True):
        close(other, one, "float64")


def test_it_runs_on_the_networks_own_engine(monkeypatch: pytest.MonkeyPatch):
    network = elman.Network(3, 5, 2, seed=0)
    assert custom.CustomLossEngine(network._engine).name == network.engine
    calls = []
    forward = type(network._engine).forward
    monkeypatch.setattr(type(network._engine), "forward", lambda *a: (calls.append(1), forward(*a))[1])
    network.loss_and_grad(**data("sequence", "mse"), loss=SAME["mse"])
    assert calls


def test_the_function_is_called_for_each_shard_and_sees_zeros_past_the_lengths():
    seen: list[tuple[np.ndarray, ...]] = []

    def watch(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append((y_hat.copy(), y.copy(), weight.copy()))
        y_hat[...] = y[...] = weight[...] = np.nan  # they are its own
        return 0.0, np.zeros_like(y_hat)

    given = data("sequence", "mse", rows=21)
    network = elman.Network(3, 5, 2, seed=0)
    trainer = elman.Trainer(network, loss=Custom("watch", watch), shard_size=4)
    trainer.update(**given)
    assert [len(y_hat) for y_hat, _, _ in seen] == [4, 4, 4, 4, 4, 1]
    assert {array.dtype for arrays in seen for array in arrays} == {np.dtype(np.float64)}
    order = np.argsort(-given["lengths"], kind="stable")
    predicted = network.predict(given["x"], lengths=given["lengths"])[order]
    y_hat, y, weight = (np.concatenate(arrays) for arrays in zip(*seen, strict=True))
    assert np.isfinite(y_hat).all()
    assert y_hat == pytest.approx(predicted, abs=1e-5)
    valid = np.arange(7) < given["lengths"][order][:, None]
    assert np.array_equal(y, np.where(valid[..., None], given["y"][order].astype(np.float32), 0))
    assert np.array_equal(weight, np.where(valid, given["sample_weight"][order].astype(np.float32), 0))


@pytest.mark.parametrize("rows", [1, 6, 7, 33])
def test_shards_taken_together_change_no_bit(rows: int, monkeypatch: pytest.MonkeyPatch):
    """The sum of a power of two of shards is a subtree of the sum of all."""
    found = []
    for together in (1, 2, 64):
        monkeypatch.setattr(custom, "SHARDS", together)
        network = elman.Network(3, 5, 2, cell="gru", seed=0)
        trainer = elman.Trainer(network, loss=SAME["mse"], shard_size=2, batch_size=rows)
        trainer.fit(**data("sequence", "mse", rows=rows), epochs=2, progress=False)
        found.append((network.theta.tobytes(), trainer.history.loss.tobytes()))
    if network.engine == "native":  # NumPy's products depend on how many rows they have
        assert found[0] == found[1] == found[2]


def test_no_weight_in_a_batch_is_a_loss_of_zero():
    weight = np.zeros((4, 3))
    weight[3] = 1
    network = elman.Network(1, 2, 1, dtype="float64", seed=0)
    trainer = elman.Trainer(network, loss=SAME["mse"], batch_size=2)
    x = np.random.default_rng(0).normal(size=(4, 3, 1))
    trainer.fit(x, x, sample_weight=weight, epochs=1, shuffle=False, progress=False)
    assert trainer.history.update_loss[0] == 0
    assert trainer.history.update_loss[1] > 0


def test_targets_may_be_narrower_than_the_outputs():
    def first(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        assert y.shape == (*y_hat.shape[:-1], 1)
        return 0.0, np.zeros_like(y_hat)

    loss = Custom("first", first, outputs=3, targets=1)
    x = np.zeros((2, 4, 1))
    elman.Network(1, 2, 3, seed=0).loss(x, x, loss=loss)
    elman.Network(1, 2, 3, seed=0).loss(x, x[..., 0], loss=loss)  # the last axis is 1 and may be left out
    with pytest.raises(ValueError, match=r"y: expected shape \(2, 4, 1\), got \(2, 4, 3\)"):
        elman.Network(1, 2, 3, seed=0).loss(x, np.zeros((2, 4, 3)), loss=loss)
    with pytest.raises(ValueError, match=r"Custom\('first'\) expects a network of 3 outputs, got 2"):
        elman.Trainer(elman.Network(1, 2, 2, seed=0), loss=loss)


def test_classes_are_checked():
    network, x = elman.Network(1, 2, 3, seed=0), np.zeros((1, 2, 1))
    with pytest.raises(ValueError, match=r"y: expected whole numbers in \[0, 2\], got 3 at row 0, step 1"):
        network.loss(x, np.array([[0, 3]]), loss=SAME["cross_entropy"])
    with pytest.raises(TypeError, match=r"the classes \(loss is log_softmax\)"):
        network.loss(x, np.zeros((1, 2)), loss=SAME["cross_entropy"])


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (1.0, TypeError, r"bad: expected \(value, gradient\) from the function, got 1.0"),
        ((1.0,), TypeError, r"bad: expected \(value, gradient\)"),
        (("1", np.zeros((2, 3, 1))), TypeError, "bad: expected a value of real numbers"),
        ((np.zeros(2), np.zeros((2, 3, 1))), ValueError, r"bad: expected a value of shape \(\), got \(2,\)"),
        ((0.0, np.zeros((2, 3))), ValueError, r"bad: expected a gradient of shape \(2, 3, 1\), got \(2, 3\)"),
        ((0.0, None), TypeError, "bad: expected a gradient of real numbers"),
    ],
)
def test_what_the_function_returns_is_checked(answer: Any, error: type[Exception], message: str):
    x = np.zeros((2, 3, 1))
    network = elman.Network(1, 2, 1, seed=0)
    with pytest.raises(error, match=message):
        network.loss_and_grad(x, x, loss=Custom("bad", lambda *_: answer))
    with pytest.raises(error, match=message):
        network.loss(x, x, loss=Custom("bad", lambda *_: answer))


def test_an_error_of_the_function_leaves_a_whole_training():
    calls = []

    def fails(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        calls.append(1)
        if len(calls) > 5:
            raise ArithmeticError("mine")
        return squares(y_hat, y, weight)

    network = elman.Network(3, 5, 2, dtype="float64", seed=0)
    trainer = elman.Trainer(network, loss=Custom("fails", fails), batch_size=1)
    with pytest.raises(ArithmeticError, match="mine"):
        trainer.fit(**data("sequence", "mse"), epochs=1, progress=False)
    # what is left is the training after as many updates as are counted
    again = elman.Network(3, 5, 2, dtype="float64", seed=0)
    other = elman.Trainer(again, loss=SAME["mse"], batch_size=1)
    given, order = data("sequence", "mse"), np.random.default_rng([0, 1]).permutation(21)
    for row in order[: trainer.updates]:
        other.update(**{name: array[row : row + 1] for name, array in given.items()})
    assert trainer.updates < 6
    assert network.theta == pytest.approx(again.theta, abs=1e-12)
    for slot, expected in zip(trainer.slots, other.slots, strict=True):
        assert slot == pytest.approx(expected, abs=1e-12)


def test_a_value_that_is_not_finite_stops_training():
    def infinite(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        return np.inf, np.zeros_like(y_hat)

    network = elman.Network(1, 2, 1, seed=0)
    before, x = network.theta.copy(), np.zeros((2, 3, 1))
    with pytest.raises(elman.TrainingError, match="update 1"):
        elman.Trainer(network, loss=Custom("infinite", infinite)).update(x, x)
    assert np.array_equal(network.theta, before)


@pytest.mark.parametrize(
    "loss", [*SAME.values(), Custom("two", lambda y_hat, y, w: (0.0, 0 * y_hat), outputs=2, targets=5)]
)
def test_gradcheck_takes_a_loss(loss: Custom):
    report = elman.gradcheck(loss)
    assert report.passed, str(report)
    assert report.loss == loss.name


@pytest.mark.parametrize("error", [1e-2, 1e-4])
def test_gradcheck_finds_a_wrong_gradient(error: float):
    report = elman.gradcheck(Custom("wrong", lambda *a: (squares(*a)[0], (1 + error) * squares(*a)[1])))
    assert not report.passed
    assert report.worst.error == pytest.approx(error, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", squares), TypeError, "name: expected a name"),
        (("a", 3), TypeError, "function: expected a function, got 3"),
        (("a", squares, 0), ValueError, "outputs: expected"),
        (("a", squares, None, 1.5), TypeError, "targets: expected"),
        (("a", squares, None, 2, True), ValueError, "targets: expected None where classes is True"),
        (("a", squares, None, None, False, 1), TypeError, "mean: expected True or False"),
    ],
)
def test_wrong_descriptions_of_a_loss(arguments: tuple[Any, ...], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Custom(*arguments)


def test_a_loss_is_known_by_its_name():
    assert repr(SAME["mse"]) == "Custom('squares')"
    assert pickle.loads(pickle.dumps(SAME["mse"])) == SAME["mse"]
    assert losses.as_loss(SAME["mse"]) is SAME["mse"]


@pytest.mark.parametrize("cell", ["gru", "own"])
def test_a_resumed_training_is_the_same_training(cell: str, tmp_path: Path):
    def trainer() -> elman.Trainer:
        network = elman.Network(3, 4, 2, cell=OWN_GRU if cell == "own" else cell, seed=0)
        return elman.Trainer(network, loss=SAME["mse"], batch_size=4)

    given = data("sequence", "mse")
    whole, first, second = trainer(), trainer(), trainer()
    whole.fit(**given, epochs=4, progress=False)
    first.fit(**given, epochs=2, progress=False, checkpoint=tmp_path)
    second.fit(**given, epochs=4, progress=False, resume=tmp_path)
    assert second.network.theta.tobytes() == whole.network.theta.tobytes()
    other = elman.Trainer(trainer().network, loss=SAME["half_sse"], batch_size=4)
    with pytest.raises(ValueError, match="half_squares"):
        other.fit(**given, epochs=4, progress=False, resume=tmp_path)


def test_threads_change_no_bit():
    before, found = elman.get_num_threads(), []
    try:
        for threads in (1, 2):
            elman.set_num_threads(threads)
            network = elman.Network(3, 4, 2, cell="lstm", seed=0)
            elman.Trainer(network, loss=SAME["mse"], shard_size=2).fit(
                **data("sequence", "mse"), epochs=2, progress=False
            )
            found.append(network.theta.tobytes())
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1]


# ---------------------------------------------------------------------------------------------- cells


def gru_shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    return elman.GRU().parameter_shapes(input_size, hidden_size)


def gru_step(cell: Any, *arguments: Any, **drawn: Any) -> Any:
    assert isinstance(cell, CustomCell)
    return gru.step(elman.GRU(), *arguments, **drawn)


def gru_step_backward(cell: Any, *arguments: Any) -> Any:
    return gru.step_backward(elman.GRU(), *arguments)


def lstm_shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    return elman.LSTM().parameter_shapes(input_size, hidden_size)


OWN_GRU = CustomCell("own gru", gru_shapes, gru_step, gru_step_backward, gates=3)
OWN_LSTM = CustomCell(
    "own lstm",
    lstm_shapes,
    lambda cell, *a: lstm.step(elman.LSTM(), *a),
    lambda cell, *a: lstm.step_backward(elman.LSTM(), *a),
    ("h", "c"),
    4,
)


def twins(own: CustomCell, cell: elman.GRU | elman.LSTM, **options: Any) -> tuple[elman.Network, elman.Network]:
    """A network of the user's cell, and one of the built-in cell with the same parameters on the reference engine."""
    network = elman.Network(3, 4, 2, cell=own, dtype="float64", seed=0, **options)
    twin = elman.Network(3, 4, 2, cell=cell, dtype="float64", seed=0, **options)
    twin.theta = network.theta = 0.5 * np.random.default_rng(0).normal(size=network.num_parameters)
    twin._engine = reference()
    assert network.engine == twin.engine == "reference"
    assert network.state_names == twin.state_names
    assert list(network.parameters) == list(twin.parameters)
    return network, twin


@pytest.mark.parametrize(("own", "cell"), [(OWN_GRU, elman.GRU()), (OWN_LSTM, elman.LSTM())], ids=repr)
@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 2, "bidirectional": True}, {"output": "last", "skip": True}], ids=repr
)
def test_a_cell_like_a_built_in_one_gives_the_same_bits(own: CustomCell, cell: Any, options: dict[str, Any]):
    network, twin = twins(own, cell, **options)
    given = data(options.get("output", "sequence"), "mse", rows=5)
    rng = np.random.default_rng(1)
    state = {slot.name: rng.normal(size=(5, slot.size)) for slot in network.layout.states}
    value, gradients = network.loss_and_grad(**given, state=state, truncate=2)
    expected, wanted = twin.loss_and_grad(**given, state=state, truncate=2)
    assert value == expected
    assert np.array_equal(gradients.flat, wanted.flat)
    y, tape = network.forward(given["x"], lengths=given["lengths"], state=state)
    other, other_tape = twin.forward(given["x"], lengths=given["lengths"], state=state)
    assert np.array_equal(y, other)
    for (_, one), (_, two) in zip(tape.state.items(), other_tape.state.items(), strict=True):
        assert np.array_equal(one, two)
    dstate = {name: rng.normal(size=array.shape) for name, array in state.items()}
    (_, dx, before), (_, other_dx, other_before) = (
        n.backward(t, None, dstate=dstate) for n, t in ((network, tape), (twin, other_tape))
    )
    assert np.array_equal(dx, other_dx)
    assert all(np.array_equal(before[name], other_before[name]) for name in before)


def test_the_options_of_a_layer_are_there_for_a_cell():
    networks = []
    for cell in (OWN_GRU, elman.GRU()):
        layer = elman.Recurrent(4, cell, True, recurrent_dropout=0.3, zoneout=0.2, learned_state=True)
        network = elman.Network.from_layers([layer, elman.Dense(2)], input_size=3, dtype="float64", seed=0)
        network.theta = 0.5 * np.random.default_rng(0).normal(size=network.num_parameters)
        network._engine = reference()
        networks.append(network)
    given = data("sequence", "mse", rows=5)
    (value, gradients), (expected, wanted) = (n.loss_and_grad(**given, key=(1, 2)) for n in networks)
    assert value == expected
    assert np.array_equal(gradients.flat, wanted.flat)
    assert gradients["state_h_l0_reverse"].any()
    assert np.array_equal(*(n.predict(given["x"], lengths=given["lengths"]) for n in networks))
    plain = CustomCell("plain", gru_shapes, lambda c, p, x, s: gru.step(elman.GRU(), p, x, s), gru_step_backward)
    network = elman.Network.from_layers(
        [elman.Recurrent(4, plain, recurrent_dropout=0.3), elman.Dense(2)], input_size=3
    )
    with pytest.raises(TypeError, match="mask"):
        network.loss_and_grad(**given, key=(1, 2))


@pytest.mark.parametrize("own", [OWN_GRU, OWN_LSTM], ids=repr)
def test_gradcheck_streams_and_training_take_a_cell(own: CustomCell):
    assert elman.gradcheck(own).passed
    assert elman.gradcheck(elman.Recurrent(3, own, bidirectional=True)).passed
    network = elman.Network(1, 4, 1, cell=own, seed=0)
    x = np.random.default_rng(0).normal(size=(8, 6, 1)).astype(np.float32)
    stream = network.stream(8)
    steps = np.stack([stream.step(x[:, t]) for t in range(6)], axis=1)
    assert steps == pytest.approx(network.predict(x), abs=1e-6)
    history = elman.Trainer(network, optimizer=elman.optim.Adam(0.03)).fit(x, x, epochs=15, progress=False)
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_a_loss_and_a_cell_of_ones_own_go_together():
    network, twin = twins(OWN_GRU, elman.GRU())
    given = data("sequence", "mse")
    value, gradients = network.loss_and_grad(**given, loss=SAME["mse"])
    expected, wanted = twin.loss_and_grad(**given, loss="mse")
    close(value, expected, "float64")
    close(gradients.flat, wanted.flat, "float64")
    assert elman.gradcheck(network, loss=SAME["mse"]).passed


def test_parameters_begin_by_their_names():
    def shapes(input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        h = hidden_size
        return {"weight_hh": (2 * h, h), "mix": (3, h), "bias": (2, h), "decay": (h,), "gain": (h,), "cube": (2, 2, h)}

    cell = CustomCell("many", shapes, gru_step, gru_step_backward, gates=2)
    parameters = elman.Network(3, 4, 2, cell=cell, dtype="float64", seed=0).parameters
    for block in np.split(parameters["weight_hh_l0"], 2):
        assert block @ block.T == pytest.approx(np.eye(4), abs=1e-12)
    assert 0 < np.abs(parameters["mix_l0"]).max() <= np.sqrt(6 / 7)
    assert not parameters["bias_l0"].any()
    assert not parameters["decay_l0"].any()
    assert not parameters["cube_l0"].any()
    assert (parameters["gain_l0"] == 1).all()
    for init in ("xavier", "orthogonal", "small", "uniform"):
        assert np.isfinite(elman.Network(3, 4, 2, cell=cell, init=init, seed=0).theta).all()
    for init in ("chrono", "identity"):
        with pytest.raises(ValueError, match=r"init: expected .* got CustomCell\('many'\) at layers\[0\]"):
            elman.Network(3, 4, 2, cell=cell, init=init, seed=0)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda c, p, x, s: None, r"own: step: expected \(state, tape\), got NoneType"),
        (lambda c, p, x, s: ((s[0], s[0]), x), r"own: step: state: expected a tuple of 1 arrays"),
        (lambda c, p, x, s: (s[0], x), r"own: step: state: expected a tuple of 1 arrays, got ndarray"),
        (lambda c, p, x, s: ((s[0][:, :1],), x), r"own: step: state\[0\]: expected shape \(2, 4\), got \(2, 1\)"),
    ],
)
def test_what_a_step_returns_is_checked(step: Any, message: str):
    cell = CustomCell("own", gru_shapes, step, gru_step_backward)
    with pytest.raises((TypeError, ValueError), match=message):
        elman.Network(3, 4, 1, cell=cell, seed=0).predict(np.zeros((2, 5, 3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda dx, d, g: (dx, d), r"own: step_backward: expected \(dx, dstate, gradients\), got tuple"),
        (lambda dx, d, g: (dx[:1], d, g), r"step_backward: dx\[0\]: expected shape \(2, 3\), got \(1, 3\)"),
        (lambda dx, d, g: (dx, (d[0].T,), g), r"step_backward: dstate\[0\]: expected shape \(2, 4\), got \(4, 2\)"),
        (lambda dx, d, g: (dx, d, g[:3]), r"step_backward: gradients: expected a tuple of 4 arrays"),
        (lambda dx, d, g: (dx, d, (*g[:3], 0.0)), r"step_backward: gradients\[3\]: expected shape \(4,\), got \(\)"),
    ],
)
def test_what_a_derivative_returns_is_checked(change: Any, message: str):
    cell = CustomCell("own", gru_shapes, gru_step, lambda *a: change(*gru_step_backward(*a)))
    x = np.zeros((2, 5, 3))
    with pytest.raises((TypeError, ValueError), match=message):
        elman.Network(3, 4, 3, cell=cell, seed=0).loss_and_grad(x, x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", gru_shapes, gru_step, gru_step_backward), "expected names"),
        (("a", None, gru_step, gru_step_backward), "shapes: expected a function, got None"),
        (("a", gru_shapes, 3, gru_step_backward), "step: expected a function, got 3"),
        (("a", gru_shapes, gru_step, "x"), "step_backward: expected a function"),
        (("a", gru_shapes, gru_step, gru_step_backward, ()), "state_names: expected at least one name"),
        (
            ("a", gru_shapes, gru_step, gru_step_backward, ("h", "h")),
            "state_names: expected at least one name, each once",
        ),
        (("a", gru_shapes, gru_step, gru_step_backward, ("h",), 0), "gates: expected"),
    ],
)
def test_wrong_descriptions_of_a_cell(arguments: tuple[Any, ...], message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        CustomCell(*arguments)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (lambda d, h: [(h, d)], "shapes: expected a mapping of names to shapes"),
        (lambda d, h: {1: (h, d)}, "shapes: expected a mapping of names to shapes"),
        (lambda d, h: {"w": (h, 0)}, r"shapes\['w'\]: expected a whole number of at least 1, got 0"),
        (lambda d, h: {"w": h}, r"shapes\['w'\]: expected a shape"),
    ],
)
def test_wrong_shapes_of_a_cell(shapes: Any, message: str):
    cell = CustomCell("own", shapes, gru_step, gru_step_backward)
    with pytest.raises((TypeError, ValueError), match=message):
        elman.Network(3, 4, 1, cell=cell, seed=0)


def test_a_file_holds_no_cell_but_a_pickle_names_its_functions(tmp_path: Path):
    network = elman.Network(3, 4, 1, cell=OWN_GRU, seed=0)
    with pytest.raises(
        ValueError, match=r"cell: expected one of simple, lstm, gru, got 'own gru': a file holds no code"
    ):
        network.save(tmp_path / "own.safetensors")
    assert not list(tmp_path.iterdir())
    again = pickle.loads(pickle.dumps(network))
    x = np.ones((1, 3, 3))
    assert np.array_equal(again.predict(x), network.predict(x))
    assert "CustomCell('own gru')" in repr(again)


ROOT = elman.Activation("root", lambda a: np.sign(a) * abs(a) ** 0.5, lambda a: 0.5 / abs(a) ** 0.5)


@pytest.mark.parametrize("cell", [OWN_GRU, elman.Simple(ROOT)], ids=["cell", "activation"])
@pytest.mark.parametrize("by_path", [False, True])
def test_a_file_names_code_that_its_reader_brings(cell: Any, by_path: bool, tmp_path: Path):
    own, path = cell if cell is OWN_GRU else ROOT, tmp_path / "own.safetensors"
    name = "OWN_GRU" if own is OWN_GRU else "ROOT"
    network = elman.Network(3, 4, 1, cell=cell, seed=0)
    network.save(path, custom=True)
    where = f"{__name__}:{name}"
    with pytest.raises(elman.FileError, match=rf"a file holds no code, and .* '{own.name}'; .* custom='{where}'"):
        elman.load(path)
    again = elman.load(path, custom=where if by_path else [ROOT, OWN_GRU])
    assert (again.theta == network.theta).all()
    x = np.ones((1, 3, 3))
    assert np.array_equal(again.predict(x), network.predict(x))
    assert again.layers == network.layers
    with pytest.raises(elman.FileError, match="a file holds no code"):  # what was allowed once is not for ever
        elman.load(path)


def test_a_file_imports_nothing_by_itself(tmp_path: Path):
    """The path in a file is text for the reader of the message, whatever it says."""
    network = elman.Network(3, 4, 1, cell=OWN_GRU, seed=0)
    plain, tensors = network.contents(custom=True)
    plain["layers"][0]["cell"]["path"] = "this_module_would_run:NAME"
    io.write(tmp_path / "a.safetensors", "network", plain, tensors)
    with pytest.raises(elman.FileError, match="custom='this_module_would_run:NAME'"):
        elman.load(tmp_path / "a.safetensors")
    assert (elman.load(tmp_path / "a.safetensors", custom=OWN_GRU).theta == network.theta).all()


OTHER = CustomCell("own gru", lambda d, h: {}, gru_step, gru_step_backward, gates=2)


@pytest.mark.parametrize(
    ("custom", "error", "message"),
    [
        (OTHER, ValueError, "expected a cell with"),
        (elman.Activation("own gru", np.tanh, np.cos), ValueError, "a file holds no code"),
        ("nowhere.at.all:NAME", ValueError, r"custom: expected an import path, got 'nowhere.at.all:NAME': No module"),
        ("numpy:no_such_name", ValueError, "custom: expected an import path, got 'numpy:no_such_name'"),
        ("numpy", ValueError, "custom: expected an import path such as"),
        ("numpy:tanh", TypeError, "custom: expected a CustomCell, an Activation or import paths"),
        ([3], TypeError, "custom: expected a CustomCell, an Activation or import paths, got 3"),
    ],
)
def test_other_code_is_refused(custom: Any, error: type[Exception], message: str, tmp_path: Path):
    network = elman.Network(3, 4, 1, cell=OWN_GRU, seed=0)
    network.save(tmp_path / "a.safetensors", custom=True)
    with pytest.raises(error, match=message):
        elman.load(tmp_path / "a.safetensors", custom=custom)
