"""The cost model of updates on a cluster: the played update is the sum that can be written down, and what is fitted
meets points that the model itself made."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cluster_scaling import Costs, Point, Work, alone, examples, fit, shares, simulate, table

COSTS = Costs(wait=1e-3, call=5e-4, byte=1e-9, number=1e-9)
WORK = Work("a network", 100_000, 16, 2e-3)


def test_shares_are_all_shards_once():
    for workers in (1, 2, 3, 16, 40):
        own = shares(16, workers)
        assert sum(count for count, _ in own) == 16
        assert len(own) <= min(16, workers)
    assert shares(16, 4) == [(4, 1)] * 4


def test_one_and_two_workers_as_written_down():
    size = 100_000 * 4 * 1e-9
    one = 1e-3 + (5e-4 + size) + 16 * 2e-3 + size + 100_000 * 1e-9
    assert simulate(COSTS, WORK, 1) == pytest.approx(one)
    two = 1e-3 + 2 * (5e-4 + size) + 8 * 2e-3 + size + 2 * 100_000 * 1e-9
    assert simulate(COSTS, WORK, 2) == pytest.approx(two)  # the first one's sums arrive while the second computes


def test_more_workers_than_shards_change_nothing():
    assert simulate(COSTS, WORK, 64) == simulate(COSTS, WORK, 16)
    free = Costs(0.0, 0.0, 0.0, 0.0)
    assert alone(free, WORK) / simulate(free, WORK, 16) == pytest.approx(16)


def test_costs_are_found_again():
    points = []
    for units in (32, 128, 256):
        work = Work(str(units), 4 * units * units, 16, units * 1e-5)
        for workers in (1, 2, 4):
            count, size = workers, work.parameters * 4 * COSTS.byte
            exchange = COSTS.wait + count * (COSTS.call + 2 * size)
            step = count * work.parameters * COSTS.number
            points.append(Point(work, workers, 16 // workers * work.shard_seconds, exchange, step))
    found = fit(points)
    for name in ("wait", "call", "byte", "number"):
        assert getattr(found, name) == pytest.approx(getattr(COSTS, name), rel=1e-6)


def test_no_cost_is_below_zero():
    rng = np.random.default_rng(0)
    points = [Point(WORK, workers, 0.03, float(rng.uniform(1e-3, 3e-3)), 1e-3) for workers in (1, 2, 4, 8)]
    assert min(vars(fit(points)).values()) >= 0


def test_the_table_has_a_row_for_each_number_of_workers():
    lines = table(COSTS, examples([WORK]))
    assert len(lines) == 12
    assert lines[0].count("|") == 4
    assert lines[-1].startswith("| 1024 |")
