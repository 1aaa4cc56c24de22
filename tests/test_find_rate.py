"""The test of learning rates: a copy is trained at rising rates, and the steepest fall is suggested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from elman import Trainer, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8, 2)).astype(np.float32)
Y = X[..., :1].cumsum(axis=1)


def trainer(**options: Any) -> Trainer:
    return Trainer(elman.Network(2, 8, 1, cell="gru", seed=0), **{"batch_size": 16, **options})


@pytest.mark.parametrize(("optimizer", "low", "high"), [("adam", 1e-3, 0.3), ("sgd", 5e-3, 3.0)])
def test_it_suggests_a_rate_that_trains(optimizer: str, low: float, high: float):
    found = elman.find_learning_rate(trainer(optimizer=optimizer), X, Y, high=10.0)
    assert found.suggestion is not None
    assert low < found.suggestion < high
    assert found.rates[:3] == pytest.approx(np.geomspace(1e-6, 10, 100)[:3])
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    own = trainer(optimizer=optimizer)
    own.learning_rate = found.suggestion
    history = own.fit(X, Y, epochs=30, progress=False)
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_the_trainer_stays_as_it_is_and_bits_repeat():
    own = trainer(optimizer=optim.Adam(0.01), schedule="plateau")
    own.update(X, Y)
    before = [own.network.theta.tobytes(), *(slot.tobytes() for slot in own.slots)]
    one, two = (elman.find_learning_rate(own, X, Y, updates=30) for _ in range(2))
    assert (one.losses == two.losses).all()
    assert [own.network.theta.tobytes(), *(slot.tobytes() for slot in own.slots)] == before
    assert (own.updates, len(own.history.update_loss)) == (1, 1)


def test_rates_at_which_nothing_happens_have_no_steep_fall():
    found = elman.find_learning_rate(trainer(optimizer="sgd"), X, Y, low=1e-30, high=1e-20, updates=20)
    assert found.smoothed == pytest.approx(found.smoothed[0])
    assert found.suggestion is None


def test_it_ends_where_the_loss_leaves():
    found = elman.find_learning_rate(trainer(optimizer="sgd"), X, Y, high=1e6, updates=200)
    assert len(found.rates) < 200


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"low": 0.0}, ValueError, "low: expected a finite number above 0.0"),
        ({"low": 1.0, "high": 1.0}, ValueError, "high: expected a rate above low=1.0, got 1.0"),
        ({"updates": 3}, ValueError, r"updates: expected a whole number in \[10, 100000\], got 3"),
    ],
)
def test_other_ranges_are_refused(options: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        elman.find_learning_rate(trainer(), X, Y, **options)


def test_what_is_no_trainer_is_refused():
    with pytest.raises(TypeError, match=r"trainer: expected an elman.Trainer, got Network"):
        elman.find_learning_rate(trainer().network, X, Y)  # type: ignore[arg-type]
