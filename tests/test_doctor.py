"""The doctor names exactly what was planted, and measures what a few lines of NumPy measure."""

from __future__ import annotations

import math
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import hide

import elman
from elman import doctor, losses, optim
from elman.core.layers import Dropout, Last, Recurrent, Simple, Skip
from elman.core.requests import Batch, Objective, Records, UpdateRule
from elman.engines.reference.random import DrawPlace, Draws
from elman.engines.select import select
from elman.train.doctor import batches
from elman.train.doctor.replay import Replay

B, T, D, H = 9, 7, 3, 4
BOUND = math.sqrt(float(np.finfo(np.float32).max))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype(np.float32)
Y = RNG.normal(size=(B, T, 1)).astype(np.float32)
LENGTHS = np.array([3, 7, 5, 6, 2, 7, 4, 1, 6])


def network(cell: Any = "lstm", **options: Any) -> elman.Network:
    return elman.Network(D, H, 1, cell=cell, **{"seed": 1, **options})


def failure(net: elman.Network, x: Any = X, y: Any = Y, **data: Any) -> doctor.Report:
    """The report of one update on all rows; the weights must be left as they were."""
    options = {key: data.pop(key) for key in ("loss", "truncate", "clip_norm", "clip_value") if key in data}
    before = net.theta.copy()
    with pytest.raises(elman.TrainingError, match=r"^training stopped at update 1: loss") as caught:
        elman.Trainer(net, optimizer="sgd", **options).update(x, y, **data)
    np.testing.assert_array_equal(net.theta, before)
    error = caught.value
    assert isinstance(error.report, doctor.Report)
    assert str(error) == str(error.report)
    assert str(error).splitlines()[0] == error.report.summary
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.report.place == error.report.place or math.isnan(error.report.place.value)  # type: ignore[union-attr]
    return error.report


def where(report: doctor.Report) -> tuple[Any, ...]:
    """Way, layer, quantity, gate, step and row."""
    place = report.place
    assert place is not None
    return place.way, place.layer, place.quantity, place.gate, place.step, place.row


# ---------------------------------------------------------------------------------------------- why it stopped


@pytest.mark.parametrize(
    ("cell", "gate", "number"),
    [("tanh", None, 0), ("relu", None, 0)]
    + [("lstm", gate, k) for k, gate in enumerate("ifgo")]
    + [(elman.LSTM(peepholes=True), "f", 1), (elman.GRU(reset_after=False), "z", 1)]
    + [("gru", gate, k) for k, gate in enumerate("rzn")],
    ids=str,
)
@pytest.mark.parametrize("reverse", [False, True])
def test_an_infinite_weight_is_named_with_its_gate(cell: Any, gate: str | None, number: int, reverse: bool):
    """It is infinite from the step that its direction takes first on, in every row that takes part in it."""
    net = network(cell, num_layers=2, bidirectional=True)
    suffix = "_reverse" if reverse else ""
    net.parameters[f"weight_ih_l1{suffix}"][number * H + 2, 1] = math.inf
    report = failure(net, lengths=LENGTHS)
    # the reverse direction takes the longest rows' last step first; those are the rows 1 and 5
    first = (T - 1, 1) if reverse else (0, 0)
    assert where(report) == ("forward", f"l1{suffix}", "pre-activation", gate, *first)
    assert report.place is not None
    assert report.place.unit == 2
    assert report.weights == ((f"weight_ih_l1{suffix}", (number * H + 2, 1), math.inf),)
    assert "they were given" in report.advice[0]


def test_a_huge_recurrent_weight_is_named_where_its_state_first_counts():
    """At step 0 the state is 0, and so are its products."""
    net = network("relu")
    net.parameters["bias_l0"][:] = 1.0
    net.parameters["weight_hh_l0"][3, 2] = 1e30
    net.parameters["weight_ih_l0"][2] = 0
    report = failure(net)
    assert where(report) == ("forward", "l0", "pre-activation", None, 1, 0)
    assert report.weights == (("weight_hh_l0", (3, 2), float(np.float32(1e30))),)
    assert report.largest_weight == report.weights[0]


@pytest.mark.parametrize("cell", ["relu", "lstm", "gru"])
@pytest.mark.parametrize("output", ["sequence", "last"])
def test_one_huge_input_is_named(cell: str, output: str):
    x = X.copy()
    x[5, 4, 1] = -1e30
    y = Y if output == "sequence" else Y[:, 0]
    # saturated gates stop what is huge; the path beside them does not
    options = {"skip": True} if output == "sequence" else {}
    if cell != "relu" and output == "last":
        x[5, 4, 1], x[5, T - 1, 1], options = X[5, 4, 1], -1e30, {"skip": True}
    step = int(np.abs(x[5, :, 1]).argmax())
    report = failure(network(cell, output=output, **options), x, y)
    gate = {"relu": None, "lstm": "i", "gru": "r"}[cell]
    assert where(report) == ("forward", "l0", "pre-activation", gate, step, 5)
    assert report.largest_x == ("x", (5, step, 1), float(np.float32(-1e30)))
    assert any("bring inputs to" in text for text in report.advice)


def test_rows_are_those_of_the_callers_data():
    x = X.copy()
    x[7, 2, 0] = 1e30
    own = elman.Trainer(network("relu"), batch_size=2, optimizer=optim.SGD(1e-3))
    with pytest.raises(
        elman.TrainingError, match=r"update \d \(epoch 1\).*layer l0 \(simple\), step 2 of row 7"
    ) as caught:
        own.fit(x, Y, epochs=1, progress=False)
    report = caught.value.report
    assert report is not None
    order = np.random.default_rng([0, 1]).permutation(B)
    at = int(np.flatnonzero(order == 7)[0]) // 2
    assert report.rows == report.replayed == tuple(order[2 * at : 2 * at + 2])
    assert (report.update, caught.value.update, own.updates) == (at + 1, at + 1, at)
    assert report.recent_norms == tuple(own.history.gradient_norm)
    assert report.recent_losses == tuple(own.history.update_loss)


def test_a_huge_learning_rate_is_named_and_the_place_is_numpys():
    net = network("relu")
    own = elman.Trainer(net, optimizer=optim.SGD(1e22), batch_size=B)
    own.update(X, Y)
    p = {name: values.astype(np.float64) for name, values in net.parameters.items()}
    h, found = np.zeros((B, H)), None
    for t in range(T):
        a = X[:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_l0"]
        h = np.maximum(a, 0)
        if found is None and (np.abs(a) > BOUND).any():
            found = (t, int((np.abs(a) > BOUND).any(axis=1).argmax()))
    assert found is not None
    with pytest.raises(elman.TrainingError) as caught:
        own.update(X, Y)
    report = caught.value.report
    assert report is not None
    assert where(report) == ("forward", "l0", "pre-activation", None, *found)
    assert report.update == 2
    assert report.learning_rate == 1e22
    assert "learning rate far below 1e+22" in report.advice[0]
    assert abs(report.largest_weight.value) == np.abs(net.theta).max()


def test_a_target_that_overflows_the_loss_is_named():
    y = Y.astype(np.float64)
    y[4, 2, 0] = -1e200
    report = failure(network(dtype="float64"), X, y)
    assert report.loss == math.inf
    assert where(report) == ("backward", "loss", "dL/dy", None, 2, 4)
    assert report.largest_y == ("y", (4, 2, 0), -1e200)
    assert report.in_float64 is None
    assert "targets" in report.advice[0]
    y = np.where(np.arange(B) == 6, 1e300, 0.0)
    report = failure(network(dtype="float64", output="last"), X, y)
    assert where(report) == ("backward", "loss", "dL/dy", None, None, 6)
    assert report.largest_y == ("y", (6, 0), 1e300)


def test_what_float64_would_give_is_said():
    net = network("tanh")
    net.parameters["head.weight"][:] = 1e18
    y = np.full((B, T, 1), 1e25)
    report = failure(net, X, y, loss="half_sse")
    wide = network("tanh", dtype="float64")
    wide.theta = net.theta
    value, gradient = wide.loss_and_grad(X, y.astype(np.float32), loss="half_sse")
    assert report.in_float64 == pytest.approx((value, np.linalg.norm(gradient.flat)), rel=1e-9)
    assert any('dtype="float64"' in text for text in report.advice)


def test_a_gradient_that_grows_on_its_way_back_is_named_where_it_passes_the_bound():
    """States stay 0, so that tanh' is 1, and each step back multiplies the gradient by 100. Only row 3 counts."""
    steps, net = 40, elman.Network(1, 1, 1, cell="tanh", output="last")
    net.theta = [0, 100, 0, 1, 0]  # weight_ih, weight_hh, bias, head.weight, head.bias
    weight = (np.arange(6) == 3).astype(float)
    report = failure(net, np.zeros((6, steps, 1)), np.ones((6, 1)), sample_weight=weight)
    size, t = 2.0, steps - 1
    while size <= BOUND:
        size, t = 100 * size, t - 1
    assert where(report) == ("backward", "l0", "dL/dh", None, t, 3)
    assert report.place is not None
    assert report.place.value == pytest.approx(-size)
    assert "bias_l0" in report.not_finite
    assert re.search(r"not finite in .*bias_l0.*; first in layer l0", report.summary)
    elman.Trainer(net, truncate=5, optimizer=optim.SGD(0.0)).update(np.zeros((6, steps, 1)), np.ones((6, 1)))


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_large_batch_is_narrowed_to_the_rows_that_fail(steps: int, monkeypatch: pytest.MonkeyPatch):
    x = X.copy()
    x[7, 2, 0] = 1e30
    net = network("relu")
    monkeypatch.setattr(batches, "NUMBERS", steps * T * (D + 8 * H))
    report = failure(net, x)
    assert report.rows == tuple(range(B))
    assert len(report.replayed) <= steps
    assert 7 in report.replayed
    assert where(report)[-2:] == (2, 7)
    monkeypatch.setattr(batches, "STEPS", T - 1)
    report = failure(net, x)
    assert report.replayed == ()
    assert report.place is None
    assert "too long for a replay" in str(report)
    assert report.largest_x == ("x", (7, 2, 0), float(np.float32(1e30)))


def drawing() -> elman.Network:
    layers = [
        Dropout(0.3),
        Recurrent(H, Simple("tanh", leak=0.5, noise=0.2), recurrent_dropout=0.3, learned_state=True),
        Dropout(0.2, variational=True),
        Recurrent(H, "lstm", bidirectional=True, zoneout=(0.2, 0.4)),
        elman.Dense(5, "relu"),
        Dropout(0.5),
        elman.Dense(1),
        Skip(),
    ]
    return elman.Network.from_layers(layers, input_size=D, seed=2)


@pytest.mark.parametrize("loss", ["mse", losses.Custom("quarter", lambda p, y, w: quarter(p, y, w))], ids=str)
def test_a_replay_is_the_update_with_all_its_draws(loss: Any):
    net, rows = drawing(), np.array([8, 2, 5])
    loss = losses.as_loss(loss)
    x, y = X.copy(), Y.copy()
    for array in (x, y):
        hide(array, LENGTHS)
    batch = Batch(x, y, LENGTHS)
    records = Records(rows, np.array([0, 3]), np.zeros(1))
    engine, theta = select(net.layout, loss), net.theta.copy()
    rule = UpdateRule(optim.SGD(0.0))
    values, norms, _ = engine.update(net.layout, theta, batch, Objective(loss, seed=11), rule, (), 6, records)
    drawn = np.arange(3) if isinstance(loss, losses.Custom) else rows  # custom.py says so
    own = Replay(net.layout, net.theta, batch.take(rows), (11, 6, drawn))
    value, dy = own.derivative(loss)
    assert value == pytest.approx(values[0], rel=1e-5)
    assert np.linalg.norm(own.gradient(dy)) == pytest.approx(norms[0], rel=1e-4)


def quarter(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    e = p - y
    return float((weight[..., None] * e**4 / 4).sum()), weight[..., None] * e**3


def test_steps_back_add_up_to_the_gradient():
    """dL/da, summed over the steps of the walk, is the gradient of the bias, for every layer and direction."""
    net = drawing()
    batch = batches.widened(Batch(X, Y, LENGTHS))
    own = Replay(net.layout, net.theta.astype(np.float64), batch, (11, 6, np.arange(B)))
    dy = own.derivative(losses.as_loss("mse"))[1]
    gradients = elman.core.parameters.Parameters(net.layout, own.gradient(dy, 3))
    sums: dict[str, np.ndarray] = {}
    for seen in own.backward(dy, 3):
        if seen.quantity == "dL/da":
            name = f"bias_{seen.layer}"
            at = slice("ifgo".find(seen.gate) * H, ("ifgo".find(seen.gate) + 1) * H) if seen.gate else slice(None)
            sums.setdefault(name, np.zeros_like(gradients[name]))[at] += seen.values[0]
    assert set(sums) == {"bias_l0", "bias_l1", "bias_l1_reverse"}
    for name, values in sums.items():
        np.testing.assert_allclose(values, gradients[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("lengths", "windows"), [(None, 4), (np.full(B, 6), 3)])
def test_steps_of_windows_are_those_of_the_whole_sequence(lengths: np.ndarray | None, windows: int):
    """The window that begins at step 4; its state is carried, and gates and weights are read as at step 5."""
    x = X.copy()
    x[6, 5, 2] = 1e30
    own = elman.Trainer(network("relu"), batch_size=4, optimizer=optim.SGD(1e-3))
    with pytest.raises(elman.TrainingError, match=r"layer l0 \(simple\), step 5 of row 6") as caught:
        own.fit(x, Y, lengths=lengths, epochs=1, window=2, shuffle=False, progress=False)
    report = caught.value.report
    assert report is not None
    assert report.rows == (4, 5, 6, 7)
    assert report.update == windows + 3  # the second four rows' third
    assert report.largest_x == ("x", (6, 5, 2), float(np.float32(1e30)))
    assert report.largest_y is not None
    assert report.largest_y.at[1] in (4, 5)


def test_a_state_carried_into_a_window_is_that_of_the_steps_before():
    net, rows = network("gru", dtype="float64"), np.array([7, 2])
    batch = Batch(X.astype(float), Y.astype(float), None, np.abs(Y[..., 0]).astype(float))
    cut = batches.windowed(net.layout, net.theta, batch, rows, 3, 5)
    want = net.predict(X[rows, :3], return_state=True)[1]["h_l0"]
    assert cut.state is not None
    np.testing.assert_allclose(cut.state[0][rows], want)
    own = Replay(net.layout, net.theta, cut.take(rows))
    np.testing.assert_allclose(own.y, net.predict(X)[rows, 3:5], rtol=1e-12)
    assert cut.weight is not None
    np.testing.assert_array_equal(cut.weight, np.abs(Y[:, 3:5, 0]))


def test_a_penalty_of_activity_takes_part():
    """Targets equal the predictions, so that the penalty alone sends gradients back."""
    net = network("tanh", num_layers=2, dtype="float64")
    own = Replay(net.layout, net.theta, Batch(X.astype(float), net.predict(X), LENGTHS))
    _, dy = own.derivative(losses.MSE())
    _, want = net.loss_and_grad(X, net.predict(X), lengths=LENGTHS, activity_penalty=0.3)
    np.testing.assert_allclose(own.gradient(dy, None, 0.3), want.flat, rtol=1e-9, atol=1e-14)
    sums = np.zeros(H)
    for seen in own.backward(dy, None, 0.3):
        if (seen.layer, seen.quantity) == ("l0", "dL/da"):
            sums += seen.values[0]
    np.testing.assert_allclose(sums, want["bias_l0"], rtol=1e-9, atol=1e-14)


def test_clipping_by_value_is_judged_as_in_training(monkeypatch: pytest.MonkeyPatch):
    """Row 0's gradient is infinite, which is clipped and no failure; row 7's is NaN, of infinity less infinity."""
    x = X.copy()
    x[0, T - 1], x[7, T - 1] = [1e38, 0, 0], [0, 3e38, 3e38]
    net = network("relu", output="last")
    net.parameters["weight_ih_l0"][:] = [1e-6, 2, -2]
    net.parameters["head.weight"][:] = 1e3
    elman.Trainer(net, clip_value=1.0, loss="mae", optimizer=optim.SGD(0.0)).update(x[:7], Y[:7, 0])
    monkeypatch.setattr(batches, "NUMBERS", T * (D + 8 * H))
    report = failure(net, x, Y[:, 0], clip_value=1.0, loss="mae")
    assert report.replayed == (7,)
    assert where(report) == ("forward", "l0", "pre-activation", None, T - 1, 7)


@pytest.mark.parametrize("own_loss", [False, True])
def test_a_huge_input_that_dropout_lets_through_at_times(own_loss: bool):
    """It is named at the first step at which training did not drop it."""
    layers = [Dropout(0.8), Recurrent(H, "relu"), elman.Dense(1)]
    net = elman.Network.from_layers(layers, input_size=1, seed=0)
    net.parameters["weight_ih_l0"][:] = 1
    x, y = np.zeros((B, 30, 1)), np.zeros((B, 30, 1))
    x[7] = 1e25
    loss = losses.Custom("quarter", quarter) if own_loss else losses.HalfSSE()
    trainer = elman.Trainer(net, loss=loss, seed=3, batch_size=3, optimizer=optim.SGD(0.0))
    with pytest.raises(elman.TrainingError) as caught:
        trainer.fit(x, y, epochs=1, shuffle=False, progress=False)
    assert caught.value.report is not None
    # draws go by a row's place in the data, with a loss of one's own by that in the update, and by the update's number
    steps = [
        next(
            t
            for t in range(30)
            if Draws(3, 2, np.array([row])).mask(DrawPlace(0, 0), "dropout", t, 1, 0.8, x.dtype).any()
        )
        for row in (7, 1)
    ]
    assert steps[0] != steps[1]
    assert where(caught.value.report)[-2:] == (steps[own_loss], 7)


@pytest.mark.parametrize("cell", [Simple(layer_norm=True), elman.LSTM(layer_norm=True), elman.GRU(layer_norm=True)])
def test_with_layer_normalisation_the_product_before_it_is_named(cell: Any):
    net = network(cell)
    net.parameters["weight_ih_l0"][H * cell.gates - 1, 1] = math.inf
    report = failure(net)
    gate = {1: None, 4: "o", 3: "n"}[cell.gates]
    assert where(report) == ("forward", "l0", "pre-activation", gate, 0, 0)
    assert report.place is not None
    assert report.place.unit == H - 1


def test_a_users_own_cell_is_named_by_its_layer():
    def step(cell: Any, parameters: Any, x: np.ndarray, state: Any) -> Any:
        return (state[0] + x @ parameters[0].T,), x

    def back(cell: Any, parameters: Any, tape: np.ndarray, dstate: Any) -> Any:
        return dstate[0] @ parameters[0], dstate, (dstate[0].T @ tape,)

    cell = elman.core.layers.CustomCell("sum", lambda d, h: {"weight": (h, d)}, step, back, ("running_sum",))
    net = elman.Network(D, H, 1, cell=cell, seed=0)
    x = X.copy()
    x[3, 2] = 1e30
    assert where(failure(net, x)) == ("forward", "l0", "state h", None, 2, 3)


def test_embeddings_and_heads_are_named():
    net = elman.Network.from_layers(
        [elman.Embedding(5, 3), Recurrent(H), Last(), elman.Dense(3, "tanh"), elman.Dense(2)], seed=0
    )
    x, y = np.arange(12).reshape(3, 4) % 5, np.array([0, 1, 0])
    net.parameters["embedding.weight"][4, 1] = math.nan
    report = failure(net, x, y, loss="cross_entropy")
    assert where(report) == ("forward", "embedding", "output", None, 0, 1)
    assert report.largest_x is None
    assert report.largest_y is None
    net.parameters["embedding.weight"][4, 1] = 0
    net.parameters["head.bias"][1] = -math.inf
    report = failure(net, x, y, loss="cross_entropy")
    assert where(report) == ("forward", "head", "output", None, None, 0)
    assert report.place is not None
    assert report.place.unit == 1


# --------------------------------------------------------------------------------------------- losses that explode


def exploding() -> tuple[elman.Trainer, doctor.Report]:
    """A linear map with a learning rate beyond what is stable: each update multiplies the error, float64 has room."""
    net = elman.Network(D, H, 1, cell="tanh", skip=True, seed=0, dtype="float64")
    own = elman.Trainer(net, optimizer=optim.SGD(0.55), batch_size=3, seed=4)
    with pytest.raises(elman.TrainingError, match="the loss exploded: loss ") as caught:
        own.fit(X, Y, epochs=100, progress=False)
    assert caught.value.report is not None
    return own, caught.value.report


def test_an_exploding_loss_stops_training_at_the_end_of_its_epoch():
    own, report = exploding()
    assert report.exploded
    losses = own.history.update_loss
    fresh = elman.Network(D, H, 1, cell="tanh", skip=True, seed=4, dtype="float64").loss(X, Y)
    bound = 1e4 * max(fresh, losses[0])
    judged = range(102, len(losses) + 1, 3)
    over = [min(np.median(losses[k - 3 : k]), np.median(losses[k - 100 : k])) > bound for k in judged]
    assert over == [False] * (len(over) - 1) + [True]
    assert (report.epoch, report.update) == (len(losses) // 3, len(losses))
    assert report.loss == losses[-1]
    assert report.gradient_norm == own.history.gradient_norm[-1]
    assert report.place is not None
    assert abs(report.place.value) > 1e4
    assert report.rows == tuple(np.random.default_rng([4, report.epoch]).permutation(B)[-3:])
    assert str(report).endswith("The weights are those after this update")


def test_where_an_explosion_is_seen_never_depends_on_the_size_of_blocks(monkeypatch: pytest.MonkeyPatch):
    own, report = exploding()
    monkeypatch.setattr("elman.train.fitting.epochs.BLOCK_SECONDS", 0.0)
    again, same = exploding()
    assert str(same) == str(report)
    np.testing.assert_array_equal(again.network.theta, own.network.theta)


def healthy() -> dict[str, tuple[dict[str, Any], dict[str, Any], Any, Any, int]]:
    """Network, Trainer, x, y, epochs: trainings that look wild, and are not."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(24, 8, D))
    outlier = x.copy()
    outlier[3, 2] = 1e3
    slow = np.cumsum(x[..., :1], axis=1)
    labels = rng.integers(0, 2, (24, 8))
    noise = rng.normal(size=(24, 8, 1))
    return {
        "large rate": ({"cell": "lstm"}, {"optimizer": optim.Adam(0.3)}, x, slow, 15),
        "unscaled targets": ({"cell": "gru"}, {"optimizer": optim.Adam(0.1)}, x, 1e5 * slow, 15),
        "tiny targets": ({"cell": "tanh"}, {"optimizer": optim.Adam(0.1)}, x, 1e-6 * slow, 15),
        "zero targets": ({"cell": "tanh"}, {"optimizer": optim.Adam(0.3)}, x, 0 * slow, 15),
        "an outlier": ({"cell": "relu"}, {"optimizer": optim.Adam(0.01)}, outlier, slow, 15),
        "relu, clipped": ({"cell": "relu"}, {"optimizer": optim.SGD(0.5), "clip_norm": 1.0}, x, slow, 15),
        "labels learned by heart": ({"cell": "lstm"}, {"loss": "binary_cross_entropy"}, x, labels[..., None], 30),
        "noise": ({"cell": "gru"}, {"loss": "mae", "optimizer": optim.RMSprop(0.1)}, x, noise, 15),
    }


@pytest.mark.filterwarnings("ignore::elman.TrainingWarning")
@pytest.mark.parametrize("case", healthy())
def test_healthy_trainings_are_let_be(case: str):
    options, training, x, y, epochs = healthy()[case]
    if os.environ.get("ELMAN_ENGINE") == "reference":
        epochs = 3
    net = elman.Network(D, 6, 1, seed=0, **options)
    elman.Trainer(net, batch_size=4, **training).fit(x, y, epochs=epochs, progress=False)
    # going on with a new optimiser, whose first steps are large beside a loss that is small by now
    elman.Trainer(net, batch_size=4, **training).fit(
        x, np.clip(net.predict(x), y.min(), y.max()), epochs=3, progress=False
    )


@pytest.mark.filterwarnings("ignore::elman.TrainingWarning")
def test_steps_that_are_large_beside_tiny_targets_are_no_explosion():
    """The loss is far beyond what it was, and what answering 0 costs, but small beside an untrained network's."""
    net = elman.Network(D, H, 1, cell="gru", seed=0)
    net.parameters["head.weight"][:] = net.parameters["head.bias"][:] = 0
    own = elman.Trainer(net, optimizer=optim.Adam(0.3), batch_size=2)
    own.fit(X, 1e-7 * Y, epochs=30, progress=False)
    assert np.median(own.history.update_loss[-100:]) > 1e5 * own.history.update_loss[0]


@pytest.mark.filterwarnings("ignore::elman.TrainingWarning")
def test_steps_of_the_usual_size_beside_tiny_data_are_no_explosion():
    """An untrained network answers tiny inputs with tiny numbers, but Adam's steps are no smaller for that: the loss is
    far beyond the first, and beyond what answering 0 or an untrained network's answer costs."""
    net = elman.Network(D, H, 1, cell="tanh", output="last", seed=0)
    net.parameters["head.weight"][:] = 0
    own = elman.Trainer(net, loss="mae", optimizer=optim.AdamW(5e-3), clip_norm=1.0)
    x, y = 1e-15 * X[:4, :1], np.full((4, 1), 1e-8)
    history = own.fit(x, y, epochs=300, progress=False)
    assert np.median(history.update_loss[-100:]) > 1e4 * history.update_loss[0]
    assert np.median(history.update_loss[-100:]) > 1e4 * elman.Network(D, H, 1, output="last", seed=1).loss(x, y)


def test_a_density_whose_loss_is_below_0_is_no_explosion():
    """10,000 times a negative loss is far below any."""
    x, y = np.full((24, 8, 2), 2.0), np.zeros((24, 8, 1))
    net = elman.Network(2, 4, 2, cell="tanh", seed=316)
    own = elman.Trainer(net, loss="gaussian", optimizer=optim.SGD(0.0), batch_size=4, seed=316)
    assert own.fit(x, y, epochs=30, progress=False).update_loss.max() < -0.7


def test_a_burst_from_which_training_recovers_is_no_explosion():
    net = elman.Network(D, H, 1, cell="tanh", skip=True, seed=0, dtype="float64")
    own = elman.Trainer(net, optimizer=optim.SGD(2.0), batch_size=9)

    def calm(trainer: elman.Trainer) -> None:
        if trainer.epochs == 20:
            trainer.optimizer = optim.SGD(1e-12)
        if trainer.epochs == 21:
            net.theta[...] = before

    before = net.theta.copy()
    history = own.fit(X, Y, epochs=150, progress=False, callback=calm)
    assert history.loss[5:21].min() > 1e4 * history.loss[0]
    assert history.loss[-1] == pytest.approx(history.loss[0])


def test_a_loss_of_ones_own_may_be_of_any_sign_and_size():
    def falling(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        return 1e-9 + 1e12 * calls.pop() + 0 * float(weight.sum()), np.zeros_like(p)

    calls = [1] * 199 + [0]
    own = elman.Trainer(network(), loss=losses.Custom("falling", falling, mean=False), batch_size=16)
    assert own.fit(X, Y, epochs=200, progress=False).loss[-1] > 1e11


# --------------------------------------------------------------------------------------------------- a look


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def test_saturation_is_counted_over_valid_steps_as_numpy_counts_it():
    net = network("lstm", dtype="float64")
    net.theta *= 6
    found = doctor.examine(net, X, Y, lengths=LENGTHS)
    p = net.parameters
    counts = {gate: np.zeros(3) for gate in "ifgo"}
    for row, length in zip(X, LENGTHS, strict=True):
        h = c = np.zeros(H)
        for x in row[:length]:
            a = np.split(p["weight_ih_l0"] @ x + p["weight_hh_l0"] @ h + p["bias_l0"], 4)
            i, f, g, o = sigmoid(a[0]), sigmoid(a[1]), np.tanh(a[2]), sigmoid(a[3])
            c = f * c + i * g
            h = o * np.tanh(c)
            for gate, value in zip("ifgo", (i, f, g, o), strict=True):
                low = -0.99 if gate == "g" else 0.01
                counts[gate] += [(value < low).sum(), (value > 0.99).sum(), H]
    assert [(s.layer, s.kind, s.gate) for s in found.saturation] == [("l0", "lstm", gate) for gate in "ifgo"]
    for one in found.saturation:
        low, high, total = counts[one.gate]
        assert (one.low, one.high) == pytest.approx((low / total, high / total), abs=1e-12)
        assert 0 < one.share < 1
    assert (found.rows, found.steps) == (B, T)
    assert found.loss == net.loss(X, Y, lengths=LENGTHS)


@pytest.mark.parametrize(
    ("cell", "gate", "number"),
    [("lstm", gate, k) for k, gate in enumerate("ifgo")] + [("gru", gate, k) for k, gate in enumerate("rzn")],
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_planted_saturated_gate_is_found_alone(cell: str, gate: str, number: int, sign: int):
    net = network(cell, num_layers=2)
    net.parameters["bias_l1"][number * H : (number + 1) * H] = 50.0 * sign
    found = doctor.examine(net, X)
    (finding,) = (f for f in found.findings if f.what == "saturated")
    assert (finding.layer, finding.gate) == ("l1", gate)
    (one,) = (s for s in found.saturation if (s.layer, s.gate) == ("l1", gate))
    assert (one.low, one.high) == ((0, 1) if sign > 0 else (1, 0))
    assert found.loss is None
    assert "100% of the" in str(found)


@pytest.mark.parametrize(("activation", "low"), [("tanh", -0.99), ("sigmoid", 0.01)])
def test_dense_layers_saturate_over_valid_steps_too(activation: Any, low: float):
    net = elman.Network(D, H, 1, cell="tanh", head=elman.Dense(5, activation), seed=0)
    net.parameters["dense0.weight"][:] *= 12
    found = doctor.examine(net, X, lengths=LENGTHS)
    (one,) = (s for s in found.saturation if s.layer == "dense0")
    a = net.hidden(X, lengths=LENGTHS)[0] @ net.parameters["dense0.weight"].T + net.parameters["dense0.bias"]
    value = (np.tanh(a) if activation == "tanh" else sigmoid(a))[np.arange(T) < LENGTHS[:, None]]
    assert (one.kind, one.gate) == ("dense", "y")
    assert (one.low, one.high) == pytest.approx((np.mean(value < low), np.mean(value > 0.99)), abs=1e-12)
    assert min(one.low, one.high) > 0


def test_a_saturated_state_is_found():
    net = network("tanh")
    net.theta *= 50
    assert [f[:3] for f in doctor.examine(net, X).findings if f.what == "saturated"] == [("saturated", "l0", "h")]


def test_planted_dead_units_are_found():
    net = elman.Network(D, H, 1, cell="relu", head=6, seed=4)
    net.parameters["bias_l0"][2] = -1e3
    net.parameters["dense0.weight"][:] = np.abs(net.parameters["dense0.weight"])
    net.parameters["dense0.bias"][:] = 1
    net.parameters["dense0.bias"][[1, 5]] = -1e3
    found = doctor.examine(net, X)
    assert [(one.layer, one.size) for one in found.dead] == [("l0", H), ("dense0", 6)]
    h = net.hidden(X)[0]
    assert found.dead[0].units == tuple(np.flatnonzero((h <= 0).all(axis=(0, 1)))) != ()
    assert found.dead[1].units == (1, 5)
    assert 2 in found.dead[0].units
    assert {(f.what, f.layer) for f in found.findings} >= {("dead", "l0"), ("dead", "dense0")}
    assert "2 of 6 relu units (1, 5) are never active" in str(found)


def jacobian_norms(net: elman.Network, row: np.ndarray, target: float | None) -> np.ndarray:
    """|dL/dh| of a tanh network with one layer, k steps before the last: by products of its Jacobians."""
    p = {name: values.astype(np.float64) for name, values in net.parameters.items()}
    hs = [np.zeros(H)]
    for x in row:
        hs.append(np.tanh(p["weight_ih_l0"] @ x + p["weight_hh_l0"] @ hs[-1] + p["bias_l0"]))
    e = 1.0 if target is None else float((p["head.weight"] @ hs[-1] + p["head.bias"])[0] - target)
    dh, norms = e * p["head.weight"][0], []
    for h in hs[:0:-1]:
        norms.append(np.linalg.norm(dh))
        dh = ((1 - h * h) * dh) @ p["weight_hh_l0"]
    return np.array(norms)


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("targets", [False, True])
def test_memory_is_what_jacobians_leave_of_a_gradient(output: str, targets: bool):
    net = network("tanh", output=output)
    y = (Y if output == "sequence" else Y[np.arange(B), LENGTHS - 1]) if targets else None
    (found,) = doctor.examine(net, X, y, lengths=LENGTHS).memory
    assert found.layer == "l0"
    goals = [float(Y[b, n - 1, 0]) if targets else None for b, n in enumerate(LENGTHS)]
    curves = [jacobian_norms(net, X[b, :n], goals[b]) for b, n in enumerate(LENGTHS)]
    want = [max(curve[k] for curve in curves if len(curve) > k) for k in range(T)]
    scale = 2 / B if targets else 1  # of the mean of squares
    np.testing.assert_allclose(found.norms, scale * np.array(want), rtol=1e-6)
    assert found.ratio == pytest.approx(want[-1] / want[0], rel=1e-6)


def test_a_tenth_over_a_hundred_steps_vanishes():
    """W_hh is a tenth of a rotation, and states stay 0, so each step back leaves a tenth; nearly 1e-99 is left."""
    net = elman.Network(D, H, 1, cell="tanh", bidirectional=True, seed=0)
    for suffix in ("", "_reverse"):
        net.parameters[f"weight_ih_l0{suffix}"][:] = 0
        net.parameters[f"bias_l0{suffix}"][:] = 0
        net.parameters[f"weight_hh_l0{suffix}"][:] = 0.1 * np.linalg.qr(RNG.normal(size=(H, H)))[0]
    found = doctor.examine(net, RNG.normal(size=(2, 100, D)), RNG.normal(size=(2, 100, 1)))
    assert [one.layer for one in found.memory] == ["l0", "l0_reverse"]
    for one in found.memory:
        assert math.log10(one.ratio) == pytest.approx(-99, abs=1e-4)
        assert one.reach == 3 or one.norms[3] == pytest.approx(1e-3 * one.norms[0], rel=1e-5)
    assert [f[:2] for f in found.findings] == [("vanishes", "l0"), ("vanishes", "l0_reverse")]
    assert "in 99 steps" in str(found)
    for suffix in ("", "_reverse"):
        net.parameters[f"weight_hh_l0{suffix}"][:] *= 20
    found = doctor.examine(net, RNG.normal(size=(2, 100, D)))
    assert [math.log2(one.ratio) for one in found.memory] == pytest.approx([99, 99], abs=1e-4)
    assert [f[:2] for f in found.findings] == [("grows", "l0"), ("grows", "l0_reverse")]
    for suffix in ("", "_reverse"):
        net.parameters[f"weight_hh_l0{suffix}"][:] *= 0.5
    assert "Nothing to remark" in str(doctor.examine(net, RNG.normal(size=(2, 100, D))))


def test_at_most_32_rows_are_looked_at():
    net = network("tanh")
    x = RNG.normal(size=(200, 5, D))
    assert doctor.examine(net, x).rows == 32
    assert doctor.examine(net, x[:3]).rows == 3
    assert doctor.examine(net, x[0], Y[0, :5]).rows == 1


def test_a_watch_tells_each_finding_once():
    net = network("lstm")
    net.parameters["bias_l0"][:H] = 50.0
    watch = doctor.Watch(X[:3], Y[:3], every=2)
    own = elman.Trainer(net, optimizer=optim.SGD(1e-6))
    own.fit(X, Y, epochs=1, progress=False, callback=watch)
    assert watch.latest is None
    with pytest.warns(RuntimeWarning, match="epoch 2: l0: 100% of the input gate's entries are saturated") as told:
        own.fit(X, Y, epochs=5, progress=False, callback=watch)
    assert len(told) == 1
    assert watch.latest is not None
    assert watch.latest.rows == 3
    assert own.epochs == 6


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        (("net", X), {}, TypeError, "network: expected an elman.Network, got 'net'"),
        ((None, X[..., :2]), {}, ValueError, "x: expected shape"),
        ((None, X, Y, "rmse"), {}, ValueError, "loss: expected one of"),
        ((None, X, Y[:2]), {}, ValueError, "y: expected shape"),
        ((None, X), {"lengths": [9] * B}, ValueError, r"lengths: expected whole numbers in \[1, 7\], got 9 at row 0"),
    ],
)
def test_examine_refuses(args: Any, options: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        doctor.examine(args[0] or network(), *args[1:], **options)


def test_sequences_too_long_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "STEPS", T - 1)
    with pytest.raises(ValueError, match="x: expected sequences short enough for a replay, got 7 steps"):
        doctor.examine(network(), X)
    with pytest.raises(ValueError, match="every: expected a whole number of at least 1, got 0"):
        doctor.Watch(X, every=0)


# ------------------------------------------------------------------------------- NaN is refused before training


def spoiled(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    array = array.copy()
    array[index] = value
    return array


WEIGHT = np.ones((B, T), np.float32)
REFUSED = {
    "x": ({"x": spoiled(X, (4, 2, 1), math.nan)}, "x: expected finite numbers, got nan at row 4, step 2, column 1"),
    "x inf": ({"x": spoiled(X, (8, 6, 0), math.inf)}, "x: expected finite numbers, got inf at row 8, step 6, column 0"),
    "y": ({"y": spoiled(Y, (4, 2, 0), math.nan)}, "y: expected finite numbers, got nan at row 4, step 2, column 0"),
    "y of two axes": (
        {"y": spoiled(Y[..., 0], (3, 1), -math.inf)},
        "y: expected finite numbers, got -inf at row 3, step 1, column 0",
    ),
    "weight": (
        {"sample_weight": spoiled(WEIGHT, (1, 6), math.nan)},
        "sample_weight: expected finite numbers, got nan at row 1, step 6",
    ),
    "weights of rows": (
        {"sample_weight": spoiled(WEIGHT[:, 0], (5,), math.nan)},
        "sample_weight: expected finite numbers, got nan at row 5",
    ),
    "state": (
        {"state": {"c_l0": spoiled(np.zeros((B, H), np.float32), (2, 3), math.nan)}},
        "state['c_l0']: expected finite numbers, got nan at row 2, column 3",
    ),
    "lengths": (
        {"lengths": np.where(np.arange(B) == 3, math.nan, 5.0)},
        "lengths: expected whole numbers, got array of shape (9,) and float64",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("call", ["loss", "loss_and_grad", "update", "fit", "validation"])
def test_nan_is_refused_with_its_place(case: str, call: str):
    bad, message = REFUSED[case]
    net = network()
    before = net.theta.copy()
    data = {"x": X, "y": Y, **bad}
    own = elman.Trainer(net)
    calls = {
        "loss": lambda: net.loss(**data),
        "loss_and_grad": lambda: net.loss_and_grad(**data),
        "update": lambda: own.update(**data),
        "fit": lambda: own.fit(**data, epochs=1, progress=False),
        "validation": lambda: own.fit(X, Y, epochs=1, progress=False, validation=data),
    }
    with pytest.raises((ValueError, TypeError), match="^" + re.escape(message) + "$"):
        calls[call]()
    assert own.updates == 0
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("case", ["x", "x inf", "state"])
@pytest.mark.parametrize("call", ["predict", "forward", "hidden"])
def test_nan_is_refused_in_predictions(case: str, call: str):
    bad, message = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(network(), call)(**{"x": X, **bad})


def test_nan_past_a_length_is_nobodys_business():
    lengths = np.where(np.arange(B) == 4, 2, T)
    x, y = (spoiled(array, (4, 2, 0), math.nan) for array in (X, Y))
    net = network()
    assert net.loss(x, y, lengths=lengths) == net.loss(X, Y, lengths=lengths)
    elman.Trainer(net).fit(x, y, lengths=lengths, epochs=1, progress=False)
    assert np.isfinite(net.theta).all()


# ----------------------------------------------------------------------------------------------------- the page


def test_the_page_runs():
    page = (Path(__file__).parents[1] / "docs" / "doctor.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.M | re.S)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/doctor.md", "exec"), names)
    assert any("assert" in block for block in blocks)


def test_the_state_before_a_window_is_made_of_so_many_steps_in_pieces(monkeypatch: pytest.MonkeyPatch):
    net = elman.Network(2, 5, 1, cell="gru", seed=0)
    x, rows = np.random.default_rng(0).normal(size=(4, 40, 2)).astype(np.float32), np.array([0, 2, 3])
    batch = Batch(x, state=[np.full((4, 5), 0.5, np.float32)])
    whole = batches.windowed(net.layout, net.theta, batch, rows, 30, 35)
    expected = net.predict(x[rows, :30], state={"h_l0": np.full((3, 5), 0.5)}, return_state=True)[1]["h_l0"]
    assert whole.state is not None
    assert (whole.state[0][rows] == expected).all()
    monkeypatch.setattr(batches, "AT_ONCE", 7)
    pieces = batches.windowed(net.layout, net.theta, batch, rows, 30, 35)
    assert pieces.state is not None
    assert (pieces.state[0] == whole.state[0]).all()
    monkeypatch.setattr(batches, "FARTHEST", 12)
    near = batches.windowed(net.layout, net.theta, batch, rows, 30, 35)
    expected = net.predict(x[rows, 18:30], return_state=True)[1]["h_l0"]
    assert near.state is not None
    assert (near.state[0][rows] == expected).all()
