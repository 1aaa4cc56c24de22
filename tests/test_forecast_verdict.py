"""The verdict of a backtest: clear where the windows agree, a band where they do not, and what other measures say."""

from __future__ import annotations

import numpy as np
import pytest

from elman.forecast import Backtest

H = 4


def backtest(network: list[float], naive: list[float], **fields: object) -> Backtest:
    """Windows of which each has one error, |e|, of the network and of naive, beside a truth of 10."""
    count = len(network)
    truth = np.full((count, H), 10.0)
    given: dict[str, object] = {
        "starts": tuple(H * w for w in range(count)),
        "ids": ("a",) * count,
        "single": True,
    } | fields
    return Backtest(
        truth,
        {"network": truth + np.array(network)[:, None], "naive": truth + np.array(naive)[:, None]},
        np.ones(count),
        (("1", "2"),) * count,
        **given,  # pyright: ignore[reportArgumentType]
    )


@pytest.mark.parametrize(
    ("network", "naive", "outcome"),
    [
        ([1.0, 1.1, 0.9, 1.0], [2.0, 2.1, 1.8, 2.0], "network"),
        ([2.0, 2.1, 1.8, 2.0], [1.0, 1.1, 0.9, 1.0], "naive"),
        ([1.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.1, 2.1], "about equal"),  # the windows disagree
        ([0.1, 2.1, 2.1, 2.1], [8.0, 2.0, 2.0, 2.0], "about equal"),  # one window makes the mean
        ([0.1, 2.0, 1.9, 2.0], [8.0, 2.1, 2.0, 2.1], "about equal"),  # better in all, but within their spread
        ([1.0, 2.0], [1.0, 2.0], "about equal"),
        ([1.0], [2.0], "network"),  # one window alone decides, and the verdict says so
    ],
)
def test_the_outcome(network: list[float], naive: list[float], outcome: str):
    found = backtest(network, naive)
    assert found.outcome == outcome
    said = {
        "network": "The network beats",
        "naive": "The network does not beat",
        "about equal": "About equal, since ",
    }
    assert found.verdict().startswith(said[outcome])


def test_a_gain_is_judged_by_the_standard_error_of_the_windows():
    """Differences d = m + s z of n windows, where z has mean 0 and standard deviation 1: clear from 2 s / sqrt(n)."""
    z = np.array([1.0, -1.0, 1.0, -1.0, 0.0, 0.0]) / np.std([1, -1, 1, -1, 0, 0], ddof=1)
    limit = 2.0 * 0.2 / np.sqrt(6)
    for gain, outcome in ((1.01 * limit, "network"), (0.99 * limit, "about equal")):
        wide = backtest(list(3.0 - gain - 0.2 * z), [3.0] * 6)
        assert wide.outcome == (outcome if np.mean(gain + 0.2 * z > 0) >= 2 / 3 else "about equal")


def test_overlapping_windows_count_less():
    """Twelve windows of which each has three rows in four of the one before are as good as four."""
    network, naive = [1.8, 1.6, 2.05] * 4, [2.0] * 12
    apart = backtest(network, naive)
    close = backtest(network, naive, starts=tuple(range(12)))
    assert (apart.outcome, close.outcome) == ("network", "about equal")
    assert "overlapping" in close.verdict()


def test_one_window_says_little():
    assert "better in 1; one window alone says little." in backtest([1.0], [2.0]).verdict()


def test_measures_that_disagree_are_named():
    """The network is better by MASE, whose unit is small in the windows where it is better, and worse by sMAPE."""
    truth = np.array([[1000.0] * H, [10.0] * H, [10.0] * H])
    forecasts = {
        "network": truth + np.array([[10.0], [9.0], [9.0]]),
        "naive": truth + np.array([[400.0], [8.0], [8.0]]),
        "naive 2": truth + np.array([[500.0], [8.5], [8.5]]),
    }
    scales = np.array([1.0, 1.0, 1.0])
    labels, ids = (("1", "2"),) * 3, ("a",) * 3
    found = Backtest(truth, forecasts, scales, labels, (0, 4, 8), ids, single=True)
    assert found.gain > 0.5
    assert found.mean("network", "smape") < found.mean("naive", "smape")
    assert "By" not in found.verdict()
    forecasts["network"] = truth + np.array([[10.0], [40.0], [40.0]])
    found = Backtest(truth, forecasts, scales, labels, (0, 4, 8), ids, single=True)
    assert found.gain > 0.5
    assert found.mean("network", "smape") > found.mean("naive", "smape")
    ours, theirs = (found.mean(model, "smape") for model in ("network", "naive"))
    assert f"By sMAPE ({ours:.4g} against {theirs:.4g} %) and OWA" in found.verdict()
    assert found.verdict().endswith("naive is better.")


def test_a_win_that_other_measures_deny_is_said_to_be_one_by_mase_alone():
    truth = np.array([[1000.0] * H, [10.0] * H])
    forecasts = {"network": truth + np.array([[100.0], [40.0]]), "naive": truth + np.array([[200.0], [80.0]])}
    forecasts["network"][0], forecasts["naive"][0] = 900.0, 1200.0  # |e| of 100 and 200: sMAPE 10.5 and 18.2
    forecasts["network"][1], forecasts["naive"][1] = 0.1, 30.0  # |e| of 9.9 and 20: sMAPE 196 and 100
    labels, ids = (("1", "2"),) * 2, ("a",) * 2
    found = Backtest(truth, forecasts, np.array([100.0, 10.0]), labels, (0, 4), ids, single=True)
    assert found.outcome == "network"
    said = found.verdict()
    assert said.startswith("By MASE the network beats the best baseline, naive, by ")
    assert said.endswith(" %) naive is better: the measures disagree.")


@pytest.mark.parametrize(("wins", "outcome"), [(28, "network"), (19, "about equal")])
def test_many_series(wins: int, outcome: str):
    network = [1.0] * wins + [2.5] * (30 - wins)
    found = backtest(network, [2.0] * 30, ids=tuple(f"s{w}" for w in range(30)), starts=(0,) * 30, single=False)
    assert found.outcome == outcome
    assert f"30 windows of 4 rows in 30 series, better in {wins}" in found.verdict()
