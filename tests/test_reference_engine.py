"""What an engine promises about order, snapshots and stopping: whatever answers the calls, and exactly."""

from __future__ import annotations

import numpy as np
import pytest
from cases import draw_batch, draw_theta

from elman import losses, optim
from elman.core.layers import Dense, Layout, Recurrent
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule
from elman.engines import select

LAYOUT = Layout([Recurrent(3), Dense(2)], 2)


def test_shards_are_cut_from_rows_ordered_by_length() -> None:
    """Longest first, equals in the order given. The sum of the shards, each a batch of its own, is then the whole to
    the bit; cut in any other order it is not."""
    rng = np.random.default_rng(0)
    theta, batch = draw_theta(LAYOUT, rng, "float32"), draw_batch(LAYOUT, rng, "float32", 8, 6)
    lengths = np.array([2, 5, 3, 5, 1, 6, 3, 2])
    run, loss = select.reference(), losses.HalfSSE()
    _, whole = run.loss_and_grad(LAYOUT, theta, batch._replace(lengths=lengths), Objective(loss, shard_size=2))

    def summed(order: list[int]) -> np.ndarray:
        parts = []
        for rows in np.split(np.array(order), 4):
            part = Batch(batch.x[rows], batch.y[rows], lengths[rows])
            parts.append(run.loss_and_grad(LAYOUT, theta, part, Objective(loss, shard_size=2))[1])
        return (parts[0] + parts[1]) + (parts[2] + parts[3])

    np.testing.assert_array_equal(summed([5, 1, 3, 2, 6, 0, 7, 4]), whole)
    for other in ([4, 0, 7, 2, 6, 1, 3, 5], [5, 3, 1, 6, 2, 7, 0, 4], list(range(8))):
        assert (summed(other) != whole).any()


def test_a_stepper_keeps_the_weights_it_was_made_with(run: Engine) -> None:
    rng = np.random.default_rng(1)
    theta = draw_theta(LAYOUT, rng, "float64")
    x = rng.normal(size=(3, 4, 2))
    want, _ = run.predict(LAYOUT, theta, Batch(x))
    stepper, out = run.stepper(LAYOUT, theta, 3), np.empty((3, 2))
    theta[:] = np.nan
    for t in range(4):
        stepper.step(np.ascontiguousarray(x[:, t]), out)
        np.testing.assert_allclose(out, want[:, t], rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_training_stops_before_the_update_that_is_not_finite(run: Engine) -> None:
    """The updates before it stand, it and those behind it leave no mark; its loss and norm are what was found."""
    rng = np.random.default_rng(2)
    theta, batch = draw_theta(LAYOUT, rng, "float64"), draw_batch(LAYOUT, rng, "float64", 6, 4)
    assert batch.y is not None
    batch.y[3, 1, 0] = np.inf
    loss, optimiser = losses.MSE(), optim.SGD(momentum=0.9)
    rows, rates = np.arange(6), np.full(3, 0.1)

    def trained(updates: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, int]:
        kept = [theta.copy(), np.zeros_like(theta)]
        records = Records(rows[: 2 * updates], np.arange(0, 2 * updates + 1, 2), rates[:updates])
        objective, rule = Objective(loss, shard_size=2), UpdateRule(optimiser)
        return kept, *run.update(LAYOUT, kept[0], batch, objective, rule, kept[1:], 0, records)

    kept, values, norms, done = trained(3)
    assert done == 1
    assert np.isfinite([values[0], norms[0]]).all()
    assert values[1] == np.inf
    assert not np.isfinite(norms[1])
    for found, want in zip(kept, trained(1)[0], strict=True):
        np.testing.assert_array_equal(found, want)
