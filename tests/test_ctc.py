"""The CTC loss: four witnesses and exact arithmetic, in networks, in trainings, and of outputs alone."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import TOLERANCE, both, compare, draw_batch, draw_theta, strided

import elman
from elman import ctc, losses
from elman.core.layers import Attention, Dense, Embedding, Input, Last, Layout, Node, Recurrent, Simple, Skip
from elman.core.requests import Batch, Engine, Objective
from elman.engines.reference.losses.ctc import one_row

GOLDEN = Path(__file__).parent / "golden" / "ctc.npz"
CTC = losses.CTC


def draw(layout: Layout, rng: np.random.Generator, rows: int, steps: int, loss: losses.CTC, **options: Any) -> Batch:
    """Ragged inputs and labels that fit, weighted; what lies past their lengths is spoiled."""
    dtype = options.pop("dtype", "float64")
    return draw_batch(layout, rng, dtype, rows, steps, ragged=True, weighted=True, loss=loss, **options)


def around(directions: int = 1, outputs: int = 5) -> Layout:
    return Layout([Recurrent(4, Simple(), directions == 2), Dense(outputs)], 3)


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
        layout, loss = around(directions), CTC(number % 5, per_label=bool(number % 2))
        theta = draw_theta(layout, rng, dtype)
        batch = draw(layout, rng, rows, steps, loss, dtype=dtype, view=view)
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


# ------------------------------------------------------------------------------------------ in networks


def test_the_mean_is_over_rows_in_any_order_and_any_shards(run: Engine):
    layout, rng = around(2), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw(layout, rng, 11, 12, CTC())
    assert batch.weight is not None
    each = [run.loss(layout, theta, batch.take(np.array([row])), CTC(), 4) for row in range(11)]
    want = float((each * batch.weight).sum() / batch.weight.sum())
    for order in (np.arange(11), rng.permutation(11)):
        for shard in (1, 3, 16):
            assert run.loss(layout, theta, batch.take(order), CTC(), shard) == pytest.approx(want, rel=1e-13)


def test_the_same_bits_with_any_number_of_threads():
    native = both()[1]
    layout, rng = around(2, 20), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float32"), draw(layout, rng, 40, 30, CTC(), dtype="float32")
    outputs = rng.normal(size=(9, 200, 20)).astype(np.float32)
    found, before = [], elman.get_num_threads()
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            value, gradient = native.loss_and_grad(layout, theta, batch, Objective(CTC(), shard_size=4))
            values, slopes = ctc.loss_and_grad(outputs, np.ones((9, 60), int))
            found.append((value, gradient.tobytes(), values.tobytes(), slopes.tobytes()))
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_outputs_along_another_input(run: Engine):
    """The targets must fit the steps of the outputs, whichever input's these are."""
    layers = [
        Node(Recurrent(4, Simple()), "encoder", ["source"]),
        Node(Recurrent(3, Simple()), "voice", ["x"]),
        Node(Last(), "tone", ["voice"]),
        Node(Recurrent(4, Simple()), "decoder", ["source"]),
        Node(Attention(), "attention", ["decoder", "encoder"]),
        Dense(4),
    ]
    network = elman.Network.from_layers(layers, input_size=2, inputs={"source": Input(3)}, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    x = {"x": rng.normal(size=(3, 2, 2)), "source": rng.normal(size=(3, 9, 3))}
    lengths = {"x": [2, 1, 2], "source": [4, 9, 7]}
    assert elman.gradcheck(network, x, [[1, 2], [3, 3, 1, 2], [1]], loss="ctc", lengths=lengths).passed
    with pytest.raises(ValueError, match=r"fits its row's 4 steps, got 4 labels and 1 blanks .* at row 0"):
        network.loss(x, [[1, 2, 2, 1], [1], [2]], loss="ctc", lengths=lengths)


def sounds(rng: np.random.Generator, rows: int) -> tuple[list[np.ndarray], list[list[int]]]:
    """Sequences of noisy vectors, each of three labels in turn held for some steps, with pauses."""
    x, y = [], []
    for _ in range(rows):
        labels = rng.integers(1, 4, rng.integers(1, 5)).tolist()
        frames = [np.tile(np.eye(4)[k], (rng.integers(2, 5), 1)) for label in labels for k in (label, 0)]
        joined = np.concatenate(frames)
        x.append(joined + 0.2 * rng.normal(size=joined.shape))
        y.append(labels)
    return x, y


def test_training_learns_and_resumes_bit_for_bit(tmp_path: Path):
    x, y = sounds(np.random.default_rng(0), 60)
    fresh, wanted = sounds(np.random.default_rng(1), 30)

    def trainer() -> elman.Trainer:
        layers = [Recurrent(12, "lstm", bidirectional=True), Dense(4)]
        network = elman.Network.from_layers(layers, input_size=4, seed=0)
        return elman.Trainer(network, loss="ctc", optimizer=elman.optim.Adam(0.02), batch_size=8)

    asked: dict[str, Any] = {"epochs": 16, "validation": (fresh, wanted), "progress": False}
    whole, stopped, resumed = trainer(), trainer(), trainer()
    history = whole.fit(x, y, **asked)
    stopped.fit(x, y, **asked | {"epochs": 6}, checkpoint=tmp_path)
    resumed.fit(x, y, **asked, checkpoint=tmp_path, resume=tmp_path)
    assert (resumed.network.theta == whole.network.theta).all()
    assert (resumed.history.validation_loss == history.validation_loss).all()
    assert history.validation_loss[-1] < 0.3
    outputs = [whole.network.predict(one) for one in fresh]
    right = [ctc.greedy(one).labels.tolist() == labels for one, labels in zip(outputs, wanted, strict=True)]
    assert np.mean(right) > 0.9


def test_a_training_that_fails_is_explained():
    """The update is computed again on the reference, up to the first value that is no number."""
    x, y = sounds(np.random.default_rng(0), 12)
    network = elman.Network.from_layers([Recurrent(5, "gru"), Dense(4)], input_size=4, seed=0)
    trainer = elman.Trainer(network, loss="ctc", batch_size=4)
    network.parameters["head.bias"][2] = np.nan
    with pytest.raises(elman.TrainingError) as failed:
        trainer.fit(x, y, epochs=1, progress=False)
    place = failed.value.report.place
    assert place is not None
    assert (place.layer, place.quantity, place.step) == ("head", "output", 0)


# ---------------------------------------------------------------------------------------------- refusals


def network_of(*layers: Any, **options: Any) -> elman.Network:
    return elman.Network.from_layers([*layers], input_size=2, seed=0, **options)


PLAIN = network_of(Recurrent(3), Dense(4))
X = np.zeros((2, 5, 2), np.float32)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: CTC(-1), ValueError, "blank: .* got -1"),
        (lambda: CTC(1.5), TypeError, "blank: .* got 1.5"),
        (lambda: CTC(impossible="skip"), ValueError, "impossible: expected one of 'error', 'infinite', 'zero', got"),
        (lambda: CTC(per_label=1), TypeError, "per_label"),
        (lambda: PLAIN.loss(X, [[1], [2]], loss=CTC(4)), ValueError, r"loss: expected a blank in \[0, 3\], .* got 4"),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 0]], loss="ctc"),
            ValueError,
            "y: expected labels other than the blank, got 0 at row 1, step 2",
        ),
        (
            lambda: PLAIN.loss(X, [[1, 2], [1, 4]], loss="ctc"),
            ValueError,
            r"y: expected whole numbers in \[0, 3\], got 4 at row 1, step 1",
        ),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 2, 1, 1]], loss="ctc"),
            ValueError,
            "fits its row's 5 steps, got 5 labels and 2 blanks between equal ones at row 1; .*impossible='zero'",
        ),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 3]], loss="ctc", lengths=[5, 2]),
            ValueError,
            "row's 2 steps, got 3 labels at",
        ),
        (lambda: PLAIN.loss(X, [[1]], loss="ctc"), ValueError, "y: expected one sequence .* got 1 for 2 rows"),
        (lambda: PLAIN.loss(X, [[1.5], [1]], loss="ctc"), TypeError, "y: expected one sequence of whole numbers"),
        (
            lambda: network_of(Recurrent(3), Last(), Dense(4)).loss(X, [[1], [2]], loss="ctc"),
            ValueError,
            "loss: expected a network with an output at every step for ctc, got one behind Last",
        ),
        (
            lambda: network_of(Recurrent(3), elman.AdaptiveSoftmax(8, [3])).loss(X, [[1], [2]], loss="ctc"),
            ValueError,
            "loss: expected a network that ends with a Dense for ctc, got an AdaptiveSoftmax",
        ),
        (
            lambda: PLAIN.loss_and_grad(X, [[1], [2]], loss="ctc", recompute=True),
            ValueError,
            "recompute: expected False for a loss of whole sequences \\(ctc\\), got True",
        ),
        (lambda: elman.Trainer(PLAIN, loss="ctc", recompute=4), ValueError, "recompute: expected False"),
        (
            lambda: elman.Trainer(PLAIN, loss="ctc").fit(X, [[1], [2]], epochs=1, window=2, progress=False),
            ValueError,
            "window: expected None for a network with other inputs or targets, got 2",
        ),
    ],
)
def test_refusals(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("impossible", ["infinite", "zero"])
def test_impossible_targets_if_asked(run: Engine, impossible: str):
    layout, rng = around(), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw(layout, rng, 4, 6, CTC())
    y, counts = np.full((4, 6), 2), batch.y_lengths
    assert counts is not None
    assert batch.lengths is not None
    batch.x[1], batch.lengths[1], counts[1] = 0, 4, 3  # which need five steps
    value, gradient = run.loss_and_grad(layout, theta, batch._replace(y=y), Objective(CTC(impossible=impossible)))
    if impossible == "infinite":
        assert value == np.inf
        assert np.isnan(gradient).any()
        return
    others = batch._replace(y=y).take(np.array([0, 2, 3]))
    want, slope = run.loss_and_grad(layout, theta, others, Objective(CTC()))
    assert batch.weight is not None
    share = float(batch.weight[[0, 2, 3]].sum() / batch.weight.sum())
    assert value == pytest.approx(share * want, rel=1e-13)
    np.testing.assert_allclose(gradient, share * slope, rtol=1e-10, atol=1e-15)


def test_labels_that_changed_after_their_check_count_as_nan(run: Engine):
    layout, rng = around(), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw(layout, rng, 4, 6, CTC())
    assert batch.y_lengths is not None
    assert batch.lengths is not None
    assert batch.y is not None
    batch.y_lengths[0], batch.lengths[0] = 1, 6
    for wrong in (0, 5, -1):
        batch.y[0, 0] = wrong
        value, gradient = run.loss_and_grad(layout, theta, batch, Objective(CTC()))
        assert np.isnan(value)
        assert np.isnan(gradient).any()


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


def test_embeddings_and_targets_of_their_own_length():
    """Fewer labels than symbols read: a network of whole numbers."""
    network = elman.Network.from_layers([Embedding(6, 4), Recurrent(5, "gru"), Dense(4)], seed=0, dtype="float64")
    x = np.random.default_rng(0).integers(0, 6, (3, 7))
    assert elman.gradcheck(network, x, [[1, 2], [3], [2, 2, 1]], loss="ctc").passed
