"""The CTC loss: four witnesses, exact arithmetic, and outputs that lie in an array."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import TOLERANCE, both, compare, ctc_layout, draw_ctc, draw_theta, strided

import elman
from elman import ctc, losses
from elman.core.layers import Dense, Layout, Recurrent, Simple, Skip
from elman.core.requests import Batch, Engine, Objective
from elman.engines.reference.losses.ctc import one_row

GOLDEN = Path(__file__).parent / "golden" / "ctc.npz"
CTC = losses.CTC


# -------------------------------------------------------------------------------------------- witnesses


FORMS = {
    "plain": CTC(),
    "weighted": CTC(),
    "per_label": CTC(per_label=True),
    "last": CTC(blank=4),
    "zero": CTC(impossible="zero"),
    "peaked": CTC(),
    "extreme": CTC(),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_pytorch(run: Engine, form: str, dtype: str):
    """Each step's input is a unit vector of its own and everything but the skip is 0, so that y_hat is skip.weight^T,
    and the gradient by it that of the loss."""
    golden = dict(np.load(GOLDEN))
    assert {f"ctc-{name}" for name in FORMS} == {key for key in golden if not key.startswith("in.")}
    logits = golden["in.logits"] * {"peaked": 20, "extreme": 1e4}.get(form, 1)
    rows, steps, outputs = logits.shape
    layout = Layout([Recurrent(1, Simple()), Dense(outputs), Skip()], rows * steps)
    theta = np.zeros(layout.size, dtype)
    skip = layout.parameters[-1]
    skip.view(theta)[...] = logits.reshape(-1, outputs).T
    y, counts = golden["in.labels"] - (form == "last"), golden["in.too_many" if form == "zero" else "in.counts"]
    weight = golden["in.weight"].astype(dtype) if form == "weighted" else None
    x = np.eye(rows * steps, dtype=dtype).reshape(rows, steps, -1)
    batch = Batch(x, y, golden["in.lengths"], weight, None, counts)
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(FORMS[form], shard_size=4))
    want = golden[f"ctc-{form}"]
    # float32 logits of 10^4 are rounded by 10^-3 before any loss sees them; PyTorch's own sums of logarithms of 10^4
    # are as far from the exact ones in float64
    magnified = {("extreme", "float32"): 100, ("extreme", "float64"): 100, ("peaked", "float64"): 10}
    rtol = {"float32": 1e-5, "float64": 1e-12}[dtype] * magnified.get((form, dtype), 1)
    assert value == pytest.approx(want[0], rel=rtol)
    assert run.loss(layout, theta, batch, FORMS[form], 4) == value
    np.testing.assert_allclose(skip.view(gradient).T.reshape(logits.shape), want[1:].reshape(logits.shape), atol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("view", ["plain", "transposed", "stepped", "negative"])
def test_the_compiled_core_agrees_with_the_reference(view: str, dtype: str):
    for number, (rows, steps, directions, shard) in enumerate(
        [(7, 9, 2, 3), (1, 1, 1, 1), (1, 12, 2, 1), (10, 35, 1, 4), (3, 8, 2, 16)]
    ):
        rng = np.random.default_rng(number)
        layout, loss = ctc_layout(directions), CTC(number % 5, per_label=bool(number % 2))
        theta = draw_theta(layout, rng, dtype)
        batch = draw_ctc(layout, rng, rows, steps, loss, dtype=dtype, view=view)
        if view == "plain":  # labels of any type
            batch = batch._replace(y=np.maximum(np.asarray(batch.y), -5).astype(("int8", "int32", "int16")[number % 3]))
        answers = [
            [("loss", np.float64(value)), ("gradient", gradient), ("alone", np.float64(alone))]
            for engine in both()
            for value, gradient in [engine.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=shard))]
            for alone in [engine.loss(layout, theta, batch, loss, shard)]
        ]
        compare(*answers, dtype, (number, view))


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_all_paths(steps: int):
    """p(labels) is the sum over every path that gives them."""
    outputs = np.random.default_rng(steps).normal(size=(steps, 3))
    log_p = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    p: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(3), repeat=steps):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != 1)
        p[labels] = p.get(labels, 0) + float(np.exp(log_p[np.arange(steps), list(path)].sum()))
    assert sum(p.values()) == pytest.approx(1, rel=1e-12)
    for labels, probability in p.items():
        found = ctc.loss(outputs, np.array(labels, np.int64), blank=1)
        assert found == pytest.approx(-np.log(probability), rel=1e-12)


@pytest.mark.parametrize("loss", [CTC(), CTC(2), CTC(1, per_label=True), CTC(impossible="zero")], ids=repr)
def test_finite_differences(loss: losses.CTC):
    assert elman.gradcheck(loss, tolerance=1e-6).passed
    layers = [Recurrent(5, "lstm", bidirectional=True), Recurrent(4, "gru"), Dense(4)]
    network = elman.Network.from_layers(layers, input_size=3, dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(4, 9, 3)), np.array([9, 5, 6, 1])
    labels = [k for k in range(4) if k != loss.blank]
    y = [labels[:1] * 3 + labels[1:2], labels[:2], [], labels[2:]]
    if loss.impossible == "zero":
        y[1] = labels[:2] * 4
    weight = np.array([1.0, 0.5, 2.0, 1.5])
    assert elman.gradcheck(network, x, y, loss=loss, lengths=lengths, sample_weight=weight, tolerance=1e-6).passed


# ------------------------------------------------------------------------------------ exact arithmetic


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no type that is wider than float64")
@pytest.mark.parametrize(
    ("steps", "outputs", "labels", "scale"),
    [(1000, 30, 100, 1), (1000, 30, 100, 20), (150, 40, 30, 1), (60, 5, 20, 1e4), (1, 4, 1, 1e4), (7, 3, 4, 1e4)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy(steps: int, outputs: int, labels: int, scale: float, dtype: str):
    """Within 2e-15 of the value and 1e-12 of the gradient, whatever the outputs; in float32 the gradient is rounded."""
    rng = np.random.default_rng(steps)
    y_hat = (scale * rng.normal(size=(steps, outputs))).astype(dtype)
    y = np.arange(labels) % (outputs - 1) + 1
    want, slope = one_row(y_hat.astype(np.longdouble), y, 0)
    value, gradient = ctc.loss_and_grad(y_hat, y)
    assert value == pytest.approx(float(want), rel=2e-15, abs=1e-15)
    assert float(np.abs(gradient - slope).max()) < (1e-12 if dtype == "float64" else 1e-7)
    assert ctc.loss(y_hat, y) == value


def test_a_long_row_alone_has_the_bits_that_it_has_beside_others():
    """Its steps are cut into other blocks there, which the way back computes again."""
    outputs = np.random.default_rng(0).normal(size=(2, 900, 30))
    y = [np.arange(100) % 29 + 1, [3, 3, 7]]
    values, gradient = ctc.loss_and_grad(outputs, y, lengths=[900, 400])
    for row, length in enumerate((900, 400)):
        alone, slope = ctc.loss_and_grad(outputs[row, :length], y[row])
        assert alone == values[row]
        assert (slope == gradient[row, :length]).all()


def test_what_seems_impossible_on_the_way_is_not_lost():
    """Every step forbids the label that comes next, by e^-50: halfway the one path of a target as long as its steps is
    e^-1000 times as likely as the path of blanks, which leads nowhere."""
    y = np.arange(40) % 2 + 1
    y_hat = np.zeros((40, 3))
    y_hat[:, 0] = 50
    value, gradient = ctc.loss_and_grad(y_hat, y)
    share = 1 / (np.exp(50.0) + 2)
    assert value == pytest.approx(-40 * np.log(share), rel=1e-14)
    softmax = np.array([1 - 2 * share, share, share])
    np.testing.assert_allclose(gradient, softmax - (y[:, None] == np.arange(3)), atol=1e-15)
    want, slope = one_row(np.pad(y_hat, ((0, 6), (0, 0))).astype(np.longdouble), y, 0)
    value, gradient = ctc.loss_and_grad(np.pad(y_hat, ((0, 6), (0, 0))), y)
    assert value == pytest.approx(float(want), rel=1e-14)
    np.testing.assert_allclose(gradient, slope.astype(float), atol=1e-12)


# ----------------------------------------------------------------------------------------- outputs alone


def test_outputs_alone(run: Engine, monkeypatch: pytest.MonkeyPatch):
    """What a network's loss is the mean of, by either engine, behind any strides."""
    monkeypatch.setenv("ELMAN_ENGINE", run.name)
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        y_hat, lengths = rng.normal(size=(6, 14, 5)).astype(dtype), np.array([14, 1, 5, 9, 13, 2])
        y = [[1, 1, 2], [4], [], [3, 3, 3], [1, 2, 3, 4, 3], [2]]
        hidden = y_hat.copy()
        hidden[np.arange(14) >= lengths[:, None]] = np.nan
        values, gradient = ctc.loss_and_grad(strided(hidden, "negative"), y, lengths=lengths)
        assert values.shape == (6,)
        assert (gradient.shape, gradient.dtype) == (y_hat.shape, y_hat.dtype)
        for row, (length, labels) in enumerate(zip(lengths, y, strict=True)):
            own = y_hat[row, :length].astype(np.float64)
            want, slope = one_row(own, np.array(labels, np.int64), 0)
            assert values[row] == pytest.approx(want, rel=TOLERANCE["float64"])
            np.testing.assert_allclose(gradient[row, :length], slope, atol=1e-7 if dtype == "float32" else 1e-12)
            assert not gradient[row, length:].any()
            alone, own_slope = ctc.loss_and_grad(y_hat[row, :length], np.array(labels, np.int64))
            assert alone == values[row]
            assert (own_slope == gradient[row, :length]).all()
        padded, counts = np.zeros((6, 5), np.int32), np.array([len(labels) for labels in y])
        for to, labels in zip(padded, y, strict=True):
            to[: len(labels)] = labels
        assert (ctc.loss(hidden, padded, lengths=lengths, y_lengths=counts) == values).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: ctc.loss(np.zeros(3), [1]),
            ValueError,
            r"outputs: expected shape .*\(T, O\), got \(3,\)",
        ),
        (lambda: ctc.loss(np.zeros((3, 2)), [1], blank=2), ValueError, "blank: expected one of the 2 classes .* got 2"),
        (
            lambda: ctc.loss(np.full((3, 2), np.nan), [1]),
            ValueError,
            "outputs: .* got nan at step 0",
        ),
        (lambda: ctc.loss(np.zeros((3, 2)), [1, 1, 1]), ValueError, "3 steps, got 3 labels and 2 blanks"),
        (lambda: ctc.loss(np.zeros((3, 2)), [0]), ValueError, "labels other than the blank"),
        (lambda: ctc.loss(np.zeros((2, 3, 2)), [[1], [1]], lengths=[3, 4]), ValueError, "lengths: .* got 4 at row 1"),
        (lambda: ctc.loss([["a", "b"]], [1]), TypeError, "outputs: expected real numbers"),
    ],
)
def test_outputs_alone_refuse(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()
