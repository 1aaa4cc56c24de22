"""Optimisers by name, and each one's updates against its equations written out here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import elman
from elman import optim

Step = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray], int], np.ndarray]


def sgd(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    return theta - 0.1 * g


def momentum(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    s["v"] = 0.9 * s.get("v", 0) + g
    return theta - 0.1 * s["v"]


def rmsprop(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    s["s"] = 0.8 * s.get("s", 0) + 0.2 * g**2
    return theta - 0.1 * g / (np.sqrt(s["s"]) + 1e-4)


def adagrad(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    s["s"] = s.get("s", 0) + g**2
    return theta - 0.1 * g / (np.sqrt(s["s"]) + 1e-4)


def adam(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    s["m"] = 0.8 * s.get("m", 0) + 0.2 * g
    s["s"] = 0.9 * s.get("s", 0) + 0.1 * g**2
    return theta - 0.1 * (s["m"] / (1 - 0.8**n)) / (np.sqrt(s["s"] / (1 - 0.9**n)) + 1e-4)


def adamw(theta: np.ndarray, g: np.ndarray, s: dict[str, np.ndarray], n: int) -> np.ndarray:
    return adam(theta - 0.1 * 0.3 * theta, g, s, n)


CASES: list[tuple[optim.Optimizer, Step]] = [
    (optim.SGD(0.1), sgd),
    (optim.SGD(0.1, momentum=0.9), momentum),
    (optim.RMSprop(0.1, decay=0.8, eps=1e-4), rmsprop),
    (optim.Adagrad(0.1, eps=1e-4), adagrad),
    (optim.Adam(0.1, beta1=0.8, beta2=0.9, eps=1e-4), adam),
    (optim.AdamW(0.1, beta1=0.8, beta2=0.9, eps=1e-4, weight_decay=0.3, decay_all=True), adamw),
]
CLIPS = [{}, {"clip_norm": 0.05}, {"clip_value": 0.02}, {"clip_norm": 0.05, "clip_value": 0.02}, {"clip_norm": 1e6}]


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize(("optimizer", "step"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_updates_are_the_equations(optimizer: optim.Optimizer, step: Step, clip: dict[str, float]):
    rng = np.random.default_rng(0)
    net = elman.Network(2, 4, 1, dtype="float64", seed=1)
    trainer = elman.Trainer(net, optimizer=optimizer, **clip)  # type: ignore[arg-type]
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5, 1))
    theta, slots = net.theta.copy(), {}
    for n in range(1, 5):
        value, gradients = net.loss_and_grad(x, y)
        g = gradients.flat
        if "clip_value" in clip:
            g = np.clip(g, -clip["clip_value"], clip["clip_value"])
        norm = np.sqrt((g**2).sum())
        if "clip_norm" in clip:
            g = g * min(1.0, clip["clip_norm"] / norm)
        theta = step(theta, g, slots, n)
        assert trainer.update(x, y) == pytest.approx(value, rel=1e-12)
        assert trainer.history.gradient_norm[-1] == pytest.approx(norm, rel=1e-12)
        np.testing.assert_allclose(net.theta, theta, rtol=1e-10, atol=1e-13)


def test_names_stand_for_defaults():
    assert optim.as_optimizer(None) == optim.Adam()
    assert optim.as_optimizer("adamw") == optim.AdamW()
    assert optim.as_optimizer("sgd") == optim.SGD()
    assert optim.as_optimizer(optim.SGD(1.0)) == optim.SGD(1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.as_optimizer("adamax"), ValueError, "optimizer: expected one of 'sgd', .* got 'adamax'"),
        (lambda: optim.as_optimizer(0.1), TypeError, "optimizer: expected one of .* got 0.1"),
        (lambda: optim.SGD(-0.1), ValueError, "learning_rate: .* got -0.1"),
        (lambda: optim.SGD(float("nan")), ValueError, "learning_rate: .* got nan"),
        (lambda: optim.SGD(momentum=1.1), ValueError, "momentum: .* got 1.1"),
        (lambda: optim.RMSprop(decay=-1), ValueError, "decay: .* got -1"),
        (lambda: optim.RMSprop(eps=0), ValueError, "eps: .* got 0"),
        (lambda: optim.Adagrad(eps=-1), ValueError, "eps: .* got -1"),
        (lambda: optim.Adam(beta1=1.0), ValueError, r"beta1: expected a number in \[0, 1\), got 1.0"),
        (lambda: optim.Adam(beta2=2), ValueError, "beta2: .* got 2"),
        (lambda: optim.AdamW(weight_decay=-1), ValueError, "weight_decay: .* got -1"),
        (lambda: optim.Adam("0.1"), TypeError, "learning_rate: .* got '0.1'"),
    ],
)
def test_optimisers_refuse(make: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]
