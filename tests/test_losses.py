"""Losses by name, and each value against its formula written out here, through whole networks."""

from __future__ import annotations

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


def test_pinball_orders_columns_by_target_then_quantile():
    q = np.array([0.1, 0.5, 0.9])
    net, y = network(size=6), RNG.normal(size=(B, T, 2))
    e = y[..., None] - net.predict(X).reshape(B, T, 2, 3)
    assert net.loss(X, y, loss=losses.Pinball(tuple(q))) == pytest.approx(pinball(e, q).mean(), rel=1e-12)


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
    ],
)
def test_losses_refuse(make: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_names_stand_for_defaults():
    assert losses.as_loss("huber") == losses.Huber(1.0)
    assert losses.as_loss(losses.Pinball([0.1])) == losses.Pinball((0.1,))  # type: ignore[arg-type]
