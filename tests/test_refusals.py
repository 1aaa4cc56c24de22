"""Calls of public methods that once answered with words of Python, NumPy or the binding: each names its argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman

X = np.ones((2, 3, 1))


def network() -> elman.Network:
    return elman.Network(1, 4, 1, seed=0)


def trainer(**options: Any) -> elman.Trainer:
    return elman.Trainer(network(), **options)


CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: elman.set_num_threads("3"), "n: expected a whole number"),  # type: ignore[arg-type]
    (lambda: elman.set_num_threads(10**30), "n: expected a whole number of at most 1024"),
    (lambda: elman.set_num_threads(float("nan")), "n: expected a whole number"),  # type: ignore[arg-type]
    (lambda: network().stream().step(None), "x: expected real numbers"),  # type: ignore[arg-type]
    (lambda: network().stream().step({}), "x: expected real numbers"),  # type: ignore[arg-type]
    (lambda: network().stream().step([1.0], out=[1.0]), "out: expected an array of float32"),  # type: ignore[arg-type]
    (lambda: network().stream().step(np.ones((1,) * 32)), "x: expected shape"),
    (lambda: network().stream(2**40), "batch_size: expected a whole number"),
    (lambda: setattr(network().stream(), "state", {"h_l0": object()}), r"state\['h_l0'\]: expected real numbers"),
    (lambda: network().backward(None, X), "tape: expected what this network's forward returned"),  # type: ignore[arg-type]
    (lambda: network().forward(X, key=(10**400, -1)), r"key\[1\]: expected a whole number"),
    (lambda: network().loss_and_grad(X, X, recompute="x"), "recompute: expected a whole number"),  # type: ignore[arg-type]
    (lambda: network().loss_and_grad(X, X, loss=elman.losses.MSE), r"loss: .* did you mean MSE\(\)"),  # type: ignore[arg-type]
    (lambda: network().loss_and_grad(X, X, sample_weight=[10**400, 1]), "sample_weight: expected real numbers"),
    (lambda: network().predict(X, lengths=[10**30, 1]), "lengths: expected whole numbers"),
    (lambda: network().predict(X, lengths=[[1], [1, 2]]), "lengths: expected whole numbers in rows"),
    (lambda: network().predict([10**400]), "x: expected real numbers"),
    (lambda: network().save(object()), "path: expected a path, got <object"),  # type: ignore[arg-type]
    (lambda: trainer().update(X, object()), "y: expected real numbers"),
    (lambda: trainer().step(object()), "gradients: expected real numbers"),
    (lambda: trainer().save(3), "path: expected a path, got 3"),  # type: ignore[arg-type]
    (lambda: trainer().restore(3), "path: expected a path, got 3"),  # type: ignore[arg-type]
    (lambda: trainer().fit(X, X, epochs=1, checkpoint=3), "checkpoint: expected a path, got 3"),  # type: ignore[arg-type]
    (lambda: trainer().fit(X, X, epochs=1, resume=[]), r"resume: expected a path, got \[\]"),  # type: ignore[arg-type]
    (lambda: trainer(masks={"bias_l0": object()}), r"masks\['bias_l0'\]: expected real numbers"),
    (lambda: elman.load(3), "path: expected a path, got 3"),  # type: ignore[arg-type]
    (lambda: elman.load(b"a"), "path: expected a path, got b'a'"),  # type: ignore[arg-type]
    (lambda: elman.load("a\0b"), "expected the name of a file, got one with a NUL"),
    (lambda: elman.Network(1, 10**5, 1), "layers: expected parameters that fit into memory, got 40,000,900,001"),
    (lambda: elman.Network.from_layers(3, input_size=1), "layers: expected a list of layers, got 3"),  # type: ignore[arg-type]
    (
        lambda: elman.Network.from_layers([elman.Recurrent(3)], input_size=2, inputs=3),  # type: ignore[arg-type]
        "inputs: expected a mapping",
    ),
    (lambda: elman.Network.from_theta(network().layout, [1.0]), "theta: expected an array"),  # type: ignore[arg-type]
    (lambda: elman.inspect.fixed_points(network(), object()), "x: expected numbers"),
    (lambda: elman.inspect.fixed_points(network(), [1.0], n=10**12), "n: expected a whole number in"),
    (lambda: elman.inspect.jacobian(network(), [[1.0], [2.0, 3.0]], np.ones(8)), "x: expected numbers in rows"),
    (lambda: elman.find_learning_rate(trainer(), X, X, updates=10**12), "updates: expected a whole number in"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message[:40] for _, message in CALLS])
def test_each_names_its_argument(call: Callable[[], object], message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
