"""Losses by name, and each value against its formula written out here, through whole networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import elman
from elman import losses

B, T, OUTPUTS = 5, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, 2))
WEIGHT = RNG.uniform(0.1, 2.0, (B, T))
LENGTHS = np.array([4, 1, 3, 2, 4])


def pinball(e: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.maximum(q * e, (q - 1) * e)


TERMS: list[tuple[losses.Loss, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = [
    (losses.MSE(), lambda p, y: (p - y) ** 2),
    (losses.MAE(), lambda p, y: abs(p - y)),
    (
        losses.Huber(0.3),
        lambda p, y: np.where(abs(p - y) <= 0.3, (p - y) ** 2 / 2, 0.3 * (abs(p - y) - 0.15)),
    ),
    (losses.BinaryCrossEntropy(), lambda p, y: y * np.log1p(np.exp(-p)) + (1 - y) * np.log1p(np.exp(p))),
]


def network(output: str = "sequence", size: int = OUTPUTS) -> elman.Network:
    return elman.Network(2, 6, size, output=output, dtype="float64", seed=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(("loss", "term"), TERMS, ids=lambda value: getattr(value, "kind", ""))
def test_means_over_valid_steps_and_outputs(loss: losses.Loss, term: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    net, y = network(), np.random.default_rng(1).uniform(0, 1, (B, T, OUTPUTS))
    terms = term(net.predict(X), y)
    assert net.loss(X, y, loss=loss) == pytest.approx(terms.mean(), rel=1e-12)
    weights = np.where(np.arange(T) < LENGTHS[:, None], WEIGHT, 0.0)[..., None] * np.ones(OUTPUTS)
    terms = term(net.predict(X, lengths=LENGTHS), y)
    value = net.loss(X, y, loss=loss, lengths=LENGTHS, sample_weight=WEIGHT)
    assert value == pytest.approx((weights * terms).sum() / weights.sum(), rel=1e-12)


@pytest.mark.parametrize(("loss", "term"), TERMS, ids=lambda value: getattr(value, "kind", ""))
def test_means_at_the_last_step(loss: losses.Loss, term: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    net, y, weight = network("last"), np.random.default_rng(1).uniform(0, 1, (B, OUTPUTS)), WEIGHT[:, 0]
    terms = term(net.predict(X, lengths=LENGTHS), y).mean(axis=1)
    value = net.loss(X, y, loss=loss, lengths=LENGTHS, sample_weight=weight)
    assert value == pytest.approx(np.average(terms, weights=weight), rel=1e-12)


def test_half_sse_is_a_sum():
    net, y = network(), RNG.normal(size=(B, T, OUTPUTS))
    terms = 0.5 * ((net.predict(X) - y) ** 2).sum(axis=-1)
    assert net.loss(X, y, loss="half_sse") == pytest.approx(terms.sum(), rel=1e-12)
    assert net.loss(X, y, loss="half_sse", sample_weight=WEIGHT) == pytest.approx((WEIGHT * terms).sum(), rel=1e-12)


def test_cross_entropy_is_the_mean_of_minus_log_probability():
    net, classes = network(), RNG.integers(0, OUTPUTS, (B, T))
    p = np.exp(net.predict(X))
    p /= p.sum(axis=-1, keepdims=True)
    terms = -np.log(np.take_along_axis(p, classes[..., None], axis=-1))[..., 0]
    assert net.loss(X, classes, loss="cross_entropy") == pytest.approx(terms.mean(), rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_smoothed_cross_entropy_gives_every_class_a_share(smoothing: float):
    net, classes = network(), RNG.integers(0, OUTPUTS, (B, T))
    target = np.full((B, T, OUTPUTS), smoothing / OUTPUTS)
    np.put_along_axis(target, classes[..., None], 1 - smoothing + smoothing / OUTPUTS, -1)
    y_hat = net.predict(X)
    log_p = y_hat - np.log(np.exp(y_hat).sum(axis=-1, keepdims=True))
    terms = -(target * log_p).sum(axis=-1)
    loss = losses.CrossEntropy(smoothing)
    assert net.loss(X, classes, loss=loss) == pytest.approx(terms.mean(), rel=1e-12)
    used = np.where(np.arange(T) < LENGTHS[:, None], WEIGHT, 0.0)
    value = net.loss(X, classes, loss=loss, lengths=LENGTHS, sample_weight=WEIGHT)
    assert value == pytest.approx(np.average(terms, weights=used), rel=1e-12)


def test_validation_judges_without_smoothing():
    """So that it is what predictions cost, and can be compared between trainings."""
    net, classes = network(), RNG.integers(0, OUTPUTS, (B, T))
    trainer = elman.Trainer(net, loss=losses.CrossEntropy(0.3), batch_size=B)
    trainer.fit(X, classes, epochs=1, validation=(X, classes), progress=False)
    assert trainer.history.validation_loss[-1] == pytest.approx(net.loss(X, classes, loss="cross_entropy"), rel=1e-12)
    assert trainer.history.validation_loss[-1] != pytest.approx(net.loss(X, classes, loss=trainer.loss), rel=1e-3)


def logits_as_outputs(y_hat: np.ndarray, dtype: str) -> tuple[elman.Network, np.ndarray]:
    """A network whose output at the only step of row i is y_hat[i], and its x."""
    layers = [elman.Recurrent(1, "tanh"), elman.Dense(y_hat.shape[1]), elman.Skip()]
    net = elman.Network.from_layers(layers, input_size=len(y_hat), dtype=dtype)
    net.theta[...] = 0
    net.parameters["skip.weight"] = y_hat.T
    return net, np.eye(len(y_hat), dtype=dtype)[:, None]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("classes", [1, 7, 16, 33, 8000])
def test_cross_entropy_of_many_classes_in_float32(classes: int, smoothing: float):
    """Exponentials are float32 there, their sum is not: value and slopes are those of float64 to float32's rounding,
    entry by entry, also where the class is nearly sure and its slope is a small difference."""
    rng = np.random.default_rng(classes)
    y_hat = rng.normal(size=(6, classes)).astype("float32") * 3
    y = rng.integers(0, classes, (6, 1))
    y_hat[3:, :] -= 1
    y_hat[np.arange(3, 6), y[3:, 0]] += np.float32([12, 18, 60])
    (single, x), (double, wide) = (logits_as_outputs(y_hat, dtype) for dtype in ("float32", "float64"))
    loss = losses.CrossEntropy(smoothing)
    (value, slopes), (want, right) = (
        (found, gradients["skip.weight"])
        for found, gradients in (net.loss_and_grad(at, y, loss=loss) for net, at in ((single, x), (double, wide)))
    )
    assert value == pytest.approx(want, rel=3e-7, abs=1e-9)
    below = 6e-8 * smoothing  # p - t is a difference of numbers as large as t
    np.testing.assert_allclose(slopes, right, rtol=1e-5, atol=1e-37 + below)


def test_pinball_orders_columns_by_target_then_quantile():
    q = np.array([0.1, 0.5, 0.9])
    net, y = network(size=6), RNG.normal(size=(B, T, 2))
    e = y[..., None] - net.predict(X).reshape(B, T, 2, 3)
    assert net.loss(X, y, loss=losses.Pinball(tuple(q))) == pytest.approx(pinball(e, q).mean(), rel=1e-12)


def normal(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def student(z: np.ndarray) -> np.ndarray:
    """With 3 degrees of freedom, where the density has no gamma function in it."""
    return 2 / (math.pi * math.sqrt(3) * (1 + z * z / 3) ** 2)


DENSITIES = [(losses.Gaussian(), normal), (losses.StudentT(3), student)]


@pytest.mark.parametrize(("loss", "density"), DENSITIES, ids=["gaussian", "student_t"])
@pytest.mark.parametrize("output", ["sequence", "last"])
def test_densities_are_minus_log_likelihood_by_target(
    loss: losses.Loss, density: Callable[[np.ndarray], np.ndarray], output: str
):
    net, weight = network(output, 4), WEIGHT if output == "sequence" else WEIGHT[:, 0]
    y = RNG.normal(size=(*weight.shape, 2))
    out = net.predict(X, lengths=LENGTHS)
    mu, scale = out[..., [0, 2]], np.exp(out[..., [1, 3]])
    terms = -np.log(density((y - mu) / scale) / scale).mean(axis=-1)
    used = weight if output == "last" else np.where(np.arange(T) < LENGTHS[:, None], weight, 0.0)
    value = net.loss(X, y, loss=loss, lengths=LENGTHS, sample_weight=weight)
    assert value == pytest.approx(np.average(terms, weights=used), rel=1e-12)


@pytest.mark.parametrize("df", [2.1, 5, 40, 9999.9, 10000.1, 1e8, 1e300])
def test_students_density_has_the_area_one(df: float):
    """By its height at 0: an integral over z = tan(a), so that the tails are inside."""
    a = (np.arange(200_000) + 0.5) / 200_000 * math.pi - math.pi / 2
    z2 = np.tan(a) ** 2
    area = np.mean(np.exp(-0.5 * (df + 1) * np.log1p(z2 / df)) * (1 + z2)) * math.pi
    assert losses.StudentT(df).at_zero == pytest.approx(math.log(area), abs=1e-9)


@pytest.mark.parametrize("loss", [loss for loss, _ in DENSITIES], ids=["gaussian", "student_t"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("s", [-1e30, -800.0, -20.5, 20.5, 800.0, 1e30])
def test_scales_gone_astray_are_finite_and_led_back(loss: losses.Gaussian | losses.StudentT, s: float, dtype: str):
    net = elman.Network(2, 6, 2, dtype=dtype, seed=3)
    net.theta[:] = 0
    net.parameters["head.bias"] = [0.0, s]
    for y in (np.zeros((B, T, 1)), 100 * RNG.normal(size=(B, T, 1))):
        value, gradients = net.loss_and_grad(X, y, loss=loss)
        if not y.any():  # met exactly
            assert value == pytest.approx(loss.at_zero + math.copysign(20, s) + abs(s) - 20, rel=1e-6)
        assert np.isfinite([value, *gradients["head.bias"]]).all()
        assert gradients["head.bias"][1] == pytest.approx(math.copysign(1, s), rel=1e-6)


@pytest.mark.parametrize("kind", ["gaussian", "student_t"])
@pytest.mark.parametrize("column", [0, 1])
def test_nan_in_a_density_is_kept(kind: str, column: int):
    net = network(size=2)
    net.parameters["head.bias"][column] = np.nan
    value, gradients = net.loss_and_grad(X, np.zeros((B, T, 1)), loss=kind)
    assert np.isnan(value)
    assert np.isnan(gradients["head.bias"]).all()


def test_large_logits_stay_finite():
    net = network(size=1)
    net.parameters["head.bias"] = [800.0]
    y = np.zeros((B, T, 1))
    assert net.loss(X, y, loss="binary_cross_entropy") == pytest.approx(800, abs=3)
    net = network()
    net.parameters["head.bias"] = [800.0, 0.0, -800.0]
    assert net.loss(X, np.full((B, T), 2), loss="cross_entropy") == pytest.approx(1600, abs=6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.as_loss("rmse"), ValueError, "loss: expected one of 'half_sse', 'mse', .* got 'rmse'"),
        (lambda: losses.as_loss(None), TypeError, "loss: expected one of .* got None"),
        (lambda: losses.Huber(0), ValueError, "delta: expected a finite number above 0.0, got 0"),
        (lambda: losses.Huber(-1.0), ValueError, "delta"),
        (lambda: losses.Pinball(()), ValueError, "quantiles: expected at least one"),
        (
            lambda: losses.Pinball((0.5, 1.0)),
            ValueError,
            r"quantiles: .* strictly between 0 and 1, got 1.0",
        ),
        (lambda: losses.Pinball(("a",)), TypeError, "quantiles"),
        (lambda: losses.CrossEntropy(1.0), ValueError, r"label_smoothing: expected a number in \[0, 1\), got 1.0"),
        (lambda: losses.CrossEntropy(-0.1), ValueError, r"label_smoothing: .* got -0.1"),
        (lambda: losses.CrossEntropy("0.1"), TypeError, r"label_smoothing: .* got '0.1'"),
        (lambda: losses.StudentT(2.0), ValueError, "df: expected a finite number above 2.0, got 2.0"),
        (lambda: losses.StudentT(float("inf")), ValueError, "df: .* got inf"),
        (lambda: losses.StudentT("5"), TypeError, "df: .* got '5'"),
    ],
)
def test_losses_refuse(make: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_names_stand_for_defaults():
    assert losses.as_loss("huber") == losses.Huber(1.0)
    assert losses.as_loss("gaussian") == losses.Gaussian()
    assert losses.as_loss("student_t") == losses.StudentT(5.0)
    assert losses.as_loss(losses.Pinball([0.1])) == losses.Pinball((0.1,))  # type: ignore[arg-type]
