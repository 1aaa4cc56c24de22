"""The penalty on activity: its value by hand, its gradient through `backward`'s dh, and both engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import CELLS, both, compare, draw_batch, draw_theta

import elman
from elman import losses
from elman.core import requests
from elman.core.layers import Dense, Dropout, Last, Layout, Recurrent
from elman.core.requests import Engine


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_engines_agree(cell: str, dtype: str) -> None:
    reference, native = both()
    for output in ([], [Last()]):
        layout = Layout([Recurrent(5, CELLS[cell]), Dropout(0.2), Recurrent(3, CELLS[cell]), *output, Dense(2)], 3)
        rng = np.random.default_rng(2)
        theta, batch = draw_theta(layout, rng, dtype), draw_batch(layout, rng, dtype, 7, 6, ragged=True, weighted=True)

        def answers(run: Engine, recompute: int | None, layout: Any = layout, theta: Any = theta, batch: Any = batch):
            objective = requests.Objective(losses.MSE(), 0.7, 3, recompute, 2, seed=1)
            found = run.loss_and_grad(layout, theta, batch, objective, 2)
            yield from zip(("loss", "gradient"), found, strict=True)

        for recompute in (None, 4):
            compare(answers(reference, None), answers(native, recompute), dtype, (cell, output, recompute))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_is_the_mean_square_and_its_gradient(bidirectional: bool) -> None:
    net = elman.Network(2, 4, 1, num_layers=2, bidirectional=bidirectional, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    x, y, lengths = rng.normal(size=(5, 6, 2)), rng.normal(size=(5, 6, 1)), np.array([6, 2, 1, 4, 6])
    value, gradients = net.loss_and_grad(x, y, lengths=lengths, activity_penalty=0.3)
    plain, slopes = net.loss_and_grad(x, y, lengths=lengths)
    tape = net.forward(x, lengths=lengths)[1]
    count = sum(h.shape[2] for h in tape.hidden) * lengths.sum()
    assert value - plain == pytest.approx(0.3 * sum((h**2).sum() for h in tape.hidden) / count, rel=1e-12)
    penalty = net.backward(tape, None, dh=[0.6 * h / count for h in tape.hidden])[0]
    np.testing.assert_allclose(gradients.flat, slopes.flat + penalty.flat, rtol=1e-10, atol=1e-14)


def test_training_lowers_activity() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 8, 2)), rng.normal(size=(20, 8, 1))
    squares: list[float] = []
    for penalty in (0.0, 3.0):
        net = elman.Network(2, 10, 1, cell="tanh", seed=0)
        elman.Trainer(net, optimizer=elman.optim.Adam(0.01), activity_penalty=penalty).fit(
            x, y, epochs=40, progress=False
        )
        squares.append(float(np.mean(net.hidden(x)[0] ** 2)))
    assert squares[1] < 0.3 * squares[0]


def test_it_is_checked() -> None:
    net = elman.Network(2, 3, 1)
    with pytest.raises(ValueError, match=r"activity_penalty: .* got -1"):
        elman.Trainer(net, activity_penalty=-1)
