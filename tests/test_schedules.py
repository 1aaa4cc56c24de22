"""Schedules: PyTorch's frozen factors, the same bits in any blocks, and what a Trainer makes of them."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elman
from elman import optim, schedules
from elman.core.schedules import Constant, Cosine, Exponential, OneCycle, Plateau, Schedule, Step, WarmUp

TORCH: dict[str, list[float]] = json.loads((Path(__file__).parent / "golden" / "schedules.json").read_text("utf-8"))
X = np.random.default_rng(0).normal(size=(10, 3, 1)).astype(np.float32)


def trainer(schedule: Any = None, rate: float = 0.01, **options: Any) -> elman.Trainer:
    net = elman.Network(1, 3, 1, cell="tanh", seed=0)
    return elman.Trainer(net, optimizer=optim.Adam(rate), schedule=schedule, batch_size=4, **options)


def fit(own: elman.Trainer, epochs: int = 3, **options: Any) -> elman.History:
    return own.fit(X, X.cumsum(axis=1), epochs=epochs, progress=False, **options)


# ------------------------------------------------------------------------------------------- the factors


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("constant", Constant(0.5)),
        ("step", Step(7, gamma=0.3)),
        ("exponential", Exponential(1, gamma=0.9)),
        ("cosine", Cosine(30)),
        ("cosine floor", Cosine(30, floor=0.2)),
        ("warm up", WarmUp(10)),
        ("warm up, cosine", WarmUp(8, Cosine(20))),
        ("one cycle", OneCycle(40)),
        ("one cycle 2", OneCycle(25, rise=0.5, start=0.25, end=0.025)),
    ],
)
def test_factors_are_pytorchs(name: str, schedule: Schedule):
    expected = TORCH[name]
    found = schedules.factors(schedule, 0, len(expected))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("plateau", Plateau(0.1, patience=3)),  # PyTorch reduces when one epoch more than its patience was bad
        ("plateau cooldown", Plateau(0.5, patience=1, cooldown=2, threshold=0.05, floor=0.2)),
    ],
)
def test_plateaus_are_pytorchs(name: str, schedule: Plateau):
    found = [schedules.factors(schedule, 0, 1)[0]]
    for number, loss in enumerate(TORCH["losses"]):
        schedule.observe(loss)
        found.append(schedules.factors(schedule, number, 2)[1])
    np.testing.assert_allclose(found, TORCH[name], rtol=1e-12)
    assert len(set(found)) >= 3  # the losses do reduce it


def test_what_the_docstrings_say():
    u = np.arange(100)
    assert Exponential(50, gamma=0.25).factor(np.array([0, 25, 50, 100])).tolist() == [1, 0.5, 0.25, 0.0625]
    held = Cosine(50, floor=0.1, hold=20).factor(u)
    assert (held[:21] == 1).all()
    assert held[35] == pytest.approx(0.55)
    assert (held[50:] == 0.1).all()
    cycle = OneCycle(50, end=0.5).factor(u)
    assert (cycle[49:] == 0.5).all()
    assert cycle.argmax() == 14
    assert WarmUp(4, Step(2, 0.5)).factor(u[:9]).tolist() == [0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5, 0.25]
    assert OneCycle(1).factor(u[:2]).tolist() == [1.0, OneCycle(1).end]


ANY = st.one_of(
    st.builds(Step, st.integers(1, 50), st.floats(0.01, 1)),
    st.builds(Exponential, st.integers(1, 5000), st.floats(0.01, 1)),
    st.integers(1, 3000).flatmap(lambda n: st.builds(Cosine, st.just(n), st.floats(0, 1), st.integers(0, n - 1))),
    st.builds(OneCycle, st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.just(Constant(0.3)),
)


@given(
    st.one_of(ANY, st.builds(WarmUp, st.integers(1, 100), ANY)), st.lists(st.integers(1, 90), min_size=1, max_size=8)
)
def test_blocks_change_no_bit(schedule: Schedule, counts: list[int]):
    whole = schedules.factors(schedule, 0, sum(counts))
    starts = np.cumsum([0, *counts[:-1]])
    blocks = [schedules.factors(schedule, int(a), n) for a, n in zip(starts, counts, strict=True)]
    assert np.concatenate(blocks).tobytes() == whole.tobytes()
    one = [schedules.factors(schedule, u, 1)[0] for u in range(sum(counts))]
    assert np.array(one).tobytes() == whole.tobytes()
    assert ((whole >= 0) & (whole <= 1)).all()


# ------------------------------------------------------------------------------------------- plateau's state


@given(st.lists(st.floats(-10, 10), max_size=30), st.integers(0, 30))
def test_a_restored_plateau_goes_on_alike(losses: list[float], cut: int):
    whole, first = (WarmUp(3, Plateau(0.5, patience=2, cooldown=1)) for _ in range(2))
    for loss in losses[:cut]:
        first.observe(loss)
    state = json.loads(json.dumps(first.state(), allow_nan=False))
    second = WarmUp(3, Plateau(0.5, patience=2, cooldown=1))
    second.restore(state)
    for loss in losses[cut:]:
        second.observe(loss)
    for loss in losses:
        whole.observe(loss)
    assert second.state() == whole.state()
    assert (second.factor(np.arange(9)) == whole.factor(np.arange(9))).all()


def test_a_plateau_counts_nan_and_negative_losses():
    falling = Plateau(0.5, patience=2)
    for loss in (-1.0, -2.0, -3.0, -4.0):
        falling.observe(loss)
    assert falling.state()["factor"] == 1.0
    for loss in (math.nan, math.nan):
        falling.observe(loss)
    assert falling.state()["factor"] == 0.5
    assert falling.state()["best"] == -4.0


def test_states_of_the_others_are_empty():
    for schedule in (Constant(), Step(3), WarmUp(3)):
        assert schedule.state() == {}
        schedule.restore({})
        with pytest.raises(ValueError, match="state: expected nothing to restore in"):
            schedule.restore({"factor": 1.0})
    for state in ({}, {"factor": 1.0}, {"factor": 1.0, "waited": 0.0, "cooling": 0.0, "more": 1.0}):
        with pytest.raises(ValueError, match="state: expected cooling, factor, waited and perhaps best, got"):
            Plateau().restore(state)
    with pytest.raises(ValueError, match=r"state\['factor'\]: .* got nan"):
        Plateau().restore({"factor": math.nan, "waited": 0.0, "cooling": 0.0})


# --------------------------------------------------------------------------------------------- in training


def test_a_trainer_uses_it_and_history_says_so():
    own = trainer(WarmUp(4, Cosine(6)), rate=0.02)
    history = fit(own, epochs=4)
    expected = 0.02 * schedules.factors(WarmUp(4, Cosine(6)), 0, 12)
    assert (history.update_learning_rate == expected).all()
    assert (history.learning_rate == expected[2::3]).all()
    own.update(X, X)
    assert own.history.update_learning_rate[-1] == 0.0


def test_each_update_is_made_at_its_rate():
    """Against an optimiser whose rate is set by hand before every update."""
    scheduled, by_hand = trainer(OneCycle(6, start=0.5)), trainer()
    for factor in schedules.factors(OneCycle(6, start=0.5), 0, 6):
        by_hand.optimizer = optim.Adam(0.01 * factor)
        for own in (scheduled, by_hand):
            own.update(X, X)
        assert (scheduled.network.theta == by_hand.network.theta).all()
    assert (scheduled.network.theta != trainer().network.theta).any()


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_blocks_and_calls_change_no_bit_of_training(seconds: float, monkeypatch: pytest.MonkeyPatch):
    def schedule() -> Schedule:
        return WarmUp(2, Plateau(0.5, patience=1, threshold=0.5))

    expected = trainer(schedule())
    history = fit(expected, epochs=6)
    assert len(set(history.learning_rate)) > 2
    monkeypatch.setattr("elman.train.fitting.epochs.BLOCK_SECONDS", seconds)
    own = trainer(schedule())
    for epochs in (1, 3, 2):
        fit(own, epochs=epochs)
    assert (own.history.update_learning_rate == history.update_learning_rate).all()
    assert (own.network.theta == expected.network.theta).all()


@pytest.mark.parametrize("stop", [1, 4, 5, 8])
def test_a_resumed_training_has_the_same_bits(stop: int, tmp_path: Path):
    """Stopped after any epoch, with a plateau in the middle of its waiting or cooling."""

    def schedule() -> Schedule:
        return WarmUp(4, Plateau(0.5, patience=2, threshold=0.9, cooldown=1))

    expected = trainer(schedule())
    history = fit(expected, epochs=10)
    assert len(set(history.learning_rate)) > 3
    fit(trainer(schedule()), epochs=stop, checkpoint=tmp_path)
    own = trainer(schedule())
    fit(own, epochs=10, resume=tmp_path)
    assert (own.history.update_learning_rate == history.update_learning_rate).all()
    assert (own.network.theta == expected.network.theta).all()
    assert own.schedule.state() == expected.schedule.state()
    with pytest.raises(ValueError, match=r"schedule.then.patience was 2 and is 3"):
        fit(trainer(WarmUp(4, Plateau(0.5, patience=3, threshold=0.9, cooldown=1))), epochs=10, resume=tmp_path)


def test_without_a_schedule_the_rate_is_the_optimisers():
    assert (fit(trainer(rate=0.03)).update_learning_rate == 0.03).all()
    assert trainer().schedule == Constant()


def test_a_plateau_watches_validation_or_else_training():
    for options, name in (({}, "loss"), ({"validation": 0.3}, "validation_loss")):
        own = trainer("plateau")
        history = fit(own, epochs=4, **options)
        best = own.schedule.state()["best"]
        alike = Plateau()
        for loss in getattr(history, name):
            alike.observe(loss)
        assert best == alike.state()["best"]


def test_two_trainers_share_no_state():
    shared = Plateau(0.5, patience=1, threshold=1.0)
    one, other = trainer(shared), trainer(WarmUp(1, shared))
    fit(one, epochs=4)
    assert one.schedule.state()["factor"] < 1
    assert other.schedule.state()["factor"] == shared.state()["factor"] == 1


class Bad(Schedule):
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def factor(self, update: np.ndarray) -> np.ndarray:
        return self.answer


def test_a_schedule_of_ones_own():
    class Halving(Schedule):
        def factor(self, update: np.ndarray) -> np.ndarray:
            return 0.5**update

    assert fit(trainer(Halving(), rate=1e-3), epochs=1).update_learning_rate.tolist() == [1e-3, 5e-4, 2.5e-4]
    for answer in ([1.0, 2.0], np.ones((1, 1)), 1.0):
        with pytest.raises(ValueError, match=r"schedule: expected factors of shape \(1,\) from .*, got"):
            trainer(Bad(answer)).update(X, X)
    for answer in ([math.nan], [math.inf], [-0.1]):
        with pytest.raises(ValueError, match=r"schedule: expected finite factors of at least 0 .* at update 0"):
            trainer(Bad(answer)).update(X, X)


def test_names_and_refusals():
    assert schedules.as_schedule(None) == schedules.as_schedule("constant") == Constant()
    assert schedules.as_schedule("plateau") == Plateau()
    with pytest.raises(ValueError, match=r"schedule: expected 'constant', 'plateau' or an object .* got 'cosine'"):
        trainer("cosine")
    for wrong in (0.1, [Constant()], lambda update: 1.0, np.ones(2)):
        with pytest.raises(TypeError, match="schedule: expected 'constant', 'plateau' or an object"):
            trainer(wrong)
    with pytest.raises(FrozenInstanceError):
        Step(3).every = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(-1), ValueError, "value: .* got -1"),
        (lambda: Step(0), ValueError, "every: .* got 0"),
        (lambda: Step(2.5), TypeError, "every: .* got 2.5"),
        (lambda: Step(2, gamma=0), ValueError, "gamma: .* got 0"),
        (lambda: Exponential(2, gamma=1.5), ValueError, "gamma: .* got 1.5"),
        (lambda: Cosine(0), ValueError, "updates: .* got 0"),
        (lambda: Cosine(10, floor=2), ValueError, "floor: .* got 2"),
        (lambda: Cosine(10, hold=10), ValueError, r"hold: .* in \[0, 9\], got 10"),
        (lambda: WarmUp(0), ValueError, "updates: .* got 0"),
        (lambda: WarmUp(3, 0.5), TypeError, "schedule: .* got 0.5"),
        (lambda: OneCycle(10, rise=-1), ValueError, "rise: .* got -1"),
        (lambda: OneCycle(10, start=math.nan), ValueError, "start: .* got nan"),
        (lambda: OneCycle(10, end="0"), TypeError, "end: .* got '0'"),
        (lambda: Plateau(gamma=0), ValueError, "gamma: .* got 0"),
        (lambda: Plateau(patience=0), ValueError, "patience: .* got 0"),
        (lambda: Plateau(threshold=-1), ValueError, "threshold: .* got -1"),
        (lambda: Plateau(cooldown=-1), ValueError, "cooldown: .* got -1"),
        (lambda: Plateau(floor=2), ValueError, "floor: .* got 2"),
    ],
)
def test_refused(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()
