"""Batches by length: every row once, similar lengths together, another order each epoch, the same for one seed."""

from __future__ import annotations

import numpy as np
import pytest

from elman.estimators.buckets import batches_by_length

LENGTHS = np.random.default_rng(0).integers(5, 500, 1003)


def draw(seed: int, size: int = 8, **options: int) -> list[np.ndarray]:
    return batches_by_length(LENGTHS, size, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("size", [1, 8, 1003, 5000])
def test_each_row_is_in_one_batch_and_one_batch_alone_is_smaller(size: int):
    batches = draw(1, size)
    assert sorted(np.concatenate(batches)) == [*range(1003)]
    assert sorted(map(len, batches), reverse=True)[:-1] == [size] * (len(batches) - 1)


def test_lengths_in_a_batch_are_similar_and_batches_come_in_any_order():
    def spread(batches: list[np.ndarray]) -> float:
        return float(np.mean([np.ptp(LENGTHS[rows]) for rows in batches]))

    assert spread(draw(1)) < spread(draw(1, pool=1)) / 5
    middles = [LENGTHS[rows].mean() for rows in draw(1)]
    assert abs(np.corrcoef(middles, np.arange(len(middles)))[0, 1]) < 0.3


def test_a_seed_decides_and_an_epoch_has_its_own_batches():
    assert all((one == other).all() for one, other in zip(draw(3), draw(3), strict=True))
    together = [{frozenset(rows.tolist()) for rows in draw(seed)} for seed in (3, 4)]
    assert not together[0] & together[1]
