"""Weights of combined forecasts."""

from __future__ import annotations

import numpy as np
import pytest

from elman.forecast.combination.folds import learning_folds
from elman.forecast.combination.weights import learned_weights, on_simplex
from elman.forecast.evaluation.backtest import Backtest

MEMBERS = ("a", "b", "c")
PRIOR = np.full(3, 1 / 3)


def windows(count: int, sizes: tuple[float, ...], seed: int = 0, h: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Returns truth (W, h) and forecasts (W, K, h) with independent errors of these sizes."""
    rng = np.random.default_rng(seed)
    truth = 100.0 + rng.normal(size=(count, h)).cumsum(axis=1)
    return truth, truth[:, None] + rng.normal(size=(count, len(sizes), h)) * np.array(sizes)[:, None]


def test_weights_follow_the_errors() -> None:
    truth, forecasts = windows(400, (1.0, 2.0, 20.0))
    weights = learned_weights(MEMBERS, PRIOR, ["s"] * 400, truth, forecasts).shared[0]
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0.0
    # the least squares weights of independent errors are as 1 / variance: 0.8, 0.2, 0.002
    assert weights == pytest.approx([0.8, 0.2, 0.0], abs=0.06)


def test_few_windows_stay_near_the_prior() -> None:
    truth, forecasts = windows(1, (1.0, 1.2, 1.5))
    found = learned_weights(MEMBERS, PRIOR, ["s"], truth, forecasts)
    assert np.abs(found.shared[0] - PRIOR).max() < 0.2
    assert np.abs(found.own[0] - found.shared[0]).max() < 0.1


def test_each_series_moves_towards_its_own_best_member() -> None:
    one, two = windows(30, (1.0, 8.0, 8.0), 1, 12), windows(30, (8.0, 1.0, 8.0), 2, 12)
    truth, forecasts = (np.concatenate(both) for both in zip(one, two, strict=True))
    found = learned_weights(MEMBERS, PRIOR, ["one"] * 30 + ["two"] * 30, truth, forecasts)
    first, second = found.of(["one", "two"], np.ones((2, 3), bool))
    assert first[0] > 0.6 > first[1]
    assert second[1] > 0.6 > second[0]
    assert found.of(["new"], np.ones((1, 3), bool))[0] == pytest.approx(found.shared[0])


def test_what_was_never_tested_has_no_say() -> None:
    truth, forecasts = windows(20, (1.0, 1.0, 1.0))
    forecasts[:, 0] = np.nan
    found = learned_weights(MEMBERS, PRIOR, ["s"] * 20, truth, forecasts)
    assert found.of(["s", "new"], np.ones((2, 3), bool))[:, 0].tolist() == [0.0, 0.0]


def test_series_without_a_member_have_the_weights_of_their_group() -> None:
    truth, forecasts = windows(60, (1.0, 2.0, 4.0))
    forecasts[40:, 0] = np.nan
    found = learned_weights(MEMBERS, PRIOR, ["long"] * 40 + ["short"] * 20, truth, forecasts)
    assert found.groups.tolist() == [[True, True, True], [False, True, True]]
    assert found.of(["short"], np.array([[False, True, True]]))[0, 0] == 0.0
    assert found.of(["new"], np.array([[False, True, True]]))[0] == pytest.approx(found.shared[1])
    # a series that has lost a member since: the group without it
    assert found.of(["long"], np.array([[False, True, True]]))[0] == pytest.approx(found.shared[1])


def test_without_windows_the_weights_are_the_prior() -> None:
    found = learned_weights(MEMBERS, np.array([0.5, 0.3, 0.2]), (), np.zeros((0, 4)), np.zeros((0, 3, 4)))
    assert found.of(["s"], np.array([[True, True, True]]))[0] == pytest.approx([0.5, 0.3, 0.2])
    assert found.of(["s"], np.array([[False, True, True]]))[0] == pytest.approx([0.0, 0.6, 0.4])


def test_unknown_values_and_perfect_members() -> None:
    truth, forecasts = windows(10, (1.0, 0.0, 2.0))
    truth[:, 3:] = np.nan
    found = learned_weights(MEMBERS, PRIOR, ["s"] * 10, truth, forecasts)
    assert np.isfinite(found.own).all()
    assert found.own[0].argmax() == 1
    exact = np.repeat(truth[:, None], 3, axis=1)
    assert learned_weights(MEMBERS, PRIOR, ["s"] * 10, truth, np.nan_to_num(exact)).own.sum(axis=1) == pytest.approx(
        1.0
    )


def test_scale_of_a_series_does_not_matter() -> None:
    truth, forecasts = windows(20, (1.0, 2.0, 3.0))
    ids = [f"s{k % 4}" for k in range(20)]
    size = np.where(np.arange(20) % 4 == 0, 1e6, 1.0)
    found, scaled = (
        learned_weights(MEMBERS, PRIOR, ids, truth * s, forecasts * (s[:, None] if np.ndim(s) else s))
        for s in (np.ones((20, 1)), size[:, None])
    )
    assert found.shared == pytest.approx(scaled.shared, rel=1e-9)


def test_the_weights_are_the_least_ones() -> None:
    """The conditions of Karush, Kuhn and Tucker: no weight could grow in place of another and win."""
    rng = np.random.default_rng(0)
    for members in (1, 2, 5, 11):
        errors = rng.normal(size=(40, members, 6)) + 2.0 * rng.normal(size=(40, 1, 6))
        errors *= rng.uniform(0.5, 3.0, (40, members, 1))
        gram = np.einsum("skh,slh->skl", errors, errors)
        centre, pull = rng.dirichlet(np.ones(members), 40), rng.uniform(0.01, 20.0, 40)
        found = on_simplex(gram, centre, pull)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        assert found.min() >= 0.0
        slope = np.einsum("skl,sl->sk", gram, found) + pull[:, None] * (found - centre)
        least = slope.min(axis=1, keepdims=True)
        size = np.abs(slope).max(axis=1, keepdims=True)
        assert (np.where(found > 1e-9, slope - least, 0.0) <= 1e-6 * size).all()


def test_evidence_is_counted_in_rows() -> None:
    few, many = (learned_weights(MEMBERS, PRIOR, ["s"] * 2, *windows(2, (1.0, 1.5, 2.0), h=h)) for h in (6, 365))
    assert many.shared[0, 0] > few.shared[0, 0] + 0.1


def test_errors_of_a_series_count_as_they_are() -> None:
    """A member that is good in calm windows and bad in a wild one is worse than one that is the same in all."""
    truth, forecasts = windows(4, (1.0, 1.3, 1.3), h=50)
    forecasts[3, 0] += 20.0
    weights = learned_weights(MEMBERS, PRIOR, ["s"] * 4, truth, forecasts).shared[0]
    assert weights[0] < 0.1


def backtest(starts: tuple[int, ...], refit: bool, h: int = 6) -> Backtest:
    """A backtest of one series of the numbers of its rows."""
    truth = np.array(starts, float)[:, None] + np.arange(h)
    empty = np.ones(len(starts))
    labels = tuple(("", "") for _ in starts)
    return Backtest(truth, {"naive": truth}, empty, labels, starts, ("s",) * len(starts), refit=refit, single=True)


@pytest.mark.parametrize("refit", [False, True])
def test_windows_teach_weights_of_rows_that_the_scored_ones_lack(refit: bool) -> None:
    starts = (10, 12, 16, 20)
    scored = []
    for windows, others in learning_folds(backtest(starts, refit)):
        (w,) = windows.tolist()
        scored.append(w)
        own = set(range(starts[w], starts[w] + 6))
        rows = [] if others is None else others.truth[np.isfinite(others.truth)].tolist()
        assert not own & set(rows)
        if refit:
            assert all(row < starts[w] for row in rows)
            assert sorted(rows) == sorted(r for s in starts[:w] for r in range(s, s + 6) if r < starts[w])
        else:
            assert sorted(rows) == sorted(r for s in starts for r in range(s, s + 6) if r not in own)
    assert scored == [0, 1, 2, 3]
