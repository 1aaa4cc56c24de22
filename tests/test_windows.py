"""Updates on consecutive windows of long sequences, the state carried: truncated backpropagation with a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta

import elman
from elman import losses, optim
from elman.core.layers import GRU, LSTM, Dense, Layout, Recurrent
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule, Windows


def setting(dtype: str = "float64") -> tuple[Layout, np.ndarray, Batch]:
    layout = Layout([Recurrent(5, LSTM(), zoneout=0.2), Recurrent(4, GRU(), learned_state=True), Dense(2)], 3)
    rng = np.random.default_rng(3)
    return layout, draw_theta(layout, rng, dtype), draw_batch(layout, rng, dtype, 7, 11, ragged=True, given=False)


def records(batch: Batch, window: int, carry: list[np.ndarray], rate: float) -> Records:
    """Two groups of rows, each through all of its windows, the rows that have ended left out."""
    assert batch.lengths is not None
    rows: list[int] = []
    starts, steps = [0], []
    for group in (np.array([4, 0, 2, 6]), np.array([1, 3, 5])):
        for t in range(0, int(batch.lengths[group].max()), window):
            rows += [int(row) for row in group if batch.lengths[row] > t]
            starts.append(len(rows))
            steps.append(t)
    return Records(np.array(rows), np.array(starts), np.full(len(steps), rate), Windows(window, np.array(steps), carry))


def run_updates(
    run: Engine, dtype: str, window: int, rate: float, seed: int | None = None, recompute: int | None = None
):
    layout, theta, batch = setting(dtype)
    carry = [np.full((7, slot.size), np.nan, dtype) for slot in layout.states]
    made = records(batch, window, carry, rate)
    objective = Objective(losses.MSE(), recompute=recompute, shard_size=2, seed=seed)
    found = run.update(layout, theta, batch, objective, UpdateRule(optim.SGD()), [], 5, made)
    return found, theta, carry, made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("window", [1, 3, 4, 11, 50])
def test_engines_agree(window: int, dtype: str) -> None:
    reference, native = both()

    def answers(run: Engine, recompute: int | None) -> Any:
        (values, norms, done), theta, carry, _ = run_updates(run, dtype, window, 0.1, 9, recompute)
        yield from (("done", np.float64(done)), ("loss", values), ("norm", norms), ("theta", theta))
        yield from (("carry", array) for array in carry)

    for recompute in (None, 2):
        compare(answers(reference, None), answers(native, recompute), dtype, (window, recompute))


@pytest.mark.parametrize("window", [1, 4, 50])
def test_windows_are_the_whole_where_nothing_is_learned(run: Engine, window: int) -> None:
    """At a rate of 0 each row ends in the state that `predict` gives, and the windows' losses add up to the whole's."""
    layout, theta, batch = setting()
    (values, _, _), after, carry, made = run_updates(run, "float64", window, 0.0)
    assert (after == theta).all()
    final = run.predict(layout, theta, batch)[1]
    for array, want in zip(carry, final, strict=True):
        np.testing.assert_allclose(array, want, rtol=1e-12)
    assert made.windows is not None
    assert batch.lengths is not None
    steps = [
        np.clip(batch.lengths[made.rows[a:b]] - t, 0, window).sum()
        for a, b, t in zip(made.starts[:-1], made.starts[1:], made.windows.starts, strict=True)
    ]
    whole = run.loss(layout, theta, batch, losses.MSE(), 4)
    assert values @ steps / sum(steps) == pytest.approx(whole, rel=1e-12)


def test_a_window_s_gradient_stops_at_its_start(run: Engine) -> None:
    """One window's update is that of its steps alone, from the state before them."""
    layout, theta, batch = setting()
    assert batch.lengths is not None
    assert batch.y is not None
    rows = np.flatnonzero(batch.lengths > 4)
    before = run.predict(layout, theta, Batch(batch.x[:, :4], lengths=np.minimum(batch.lengths, 4)))[1]
    carry = [array.copy() for array in before]
    made = Records(rows, np.array([0, len(rows)]), np.array([0.5]), Windows(4, np.array([4]), carry))
    moved = theta.copy()
    objective = Objective(losses.MSE(), shard_size=2)
    run.update(layout, moved, batch, objective, UpdateRule(optim.SGD()), [], 0, made)
    part = Batch(
        batch.x[rows, 4:8], batch.y[rows, 4:8], np.minimum(batch.lengths[rows] - 4, 4), None, [a[rows] for a in before]
    )
    gradient = run.loss_and_grad(layout, theta, part, objective)[1]
    np.testing.assert_allclose(moved, theta - 0.5 * gradient, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------------------------------- Trainer.fit


def long_data() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(6)
    return rng.normal(size=(6, 23, 2)), rng.normal(size=(6, 23, 1)), np.array([23, 4, 17, 8, 23, 12])


def train(window: int | None, **options: Any) -> elman.Trainer:
    net = elman.Network(2, 4, 1, cell="gru", dtype="float64", seed=0)
    trainer = elman.Trainer(net, optimizer=optim.SGD(options.pop("rate", 0.1)), batch_size=4)
    x, y, lengths = long_data()
    trainer.fit(x, y, lengths=lengths, epochs=options.pop("epochs", 3), window=window, progress=False, **options)
    return trainer


def test_one_wide_window_is_no_window() -> None:
    whole, one = train(None), train(23)
    assert (whole.network.theta == one.network.theta).all()
    assert (whole.history.loss == one.history.loss).all()


def test_a_window_is_one_update_and_the_epochs_mean_is_over_steps() -> None:
    trainer = train(5, rate=0.0, epochs=1, shuffle=False)
    x, y, lengths = long_data()
    assert trainer.updates == 5 + 5  # the longest of rows 0 to 3, and of rows 4 and 5, in windows of 5 steps
    whole = trainer.network.loss(x, y, lengths=lengths)
    assert trainer.history.loss[0] == pytest.approx(whole, rel=1e-12)


def test_a_memory_longer_than_the_window_needs_the_state() -> None:
    """The target is the input of the sequence's first step: past the first window only the state knows it."""
    rng = np.random.default_rng(0)
    x = np.zeros((64, 12, 1))
    x[:, 0, 0] = rng.choice([-1.0, 1.0], 64)
    y = np.repeat(x[:, :1], 12, axis=1)
    net = elman.Network(1, 8, 1, cell="gru", seed=0)
    elman.Trainer(net, optimizer=optim.Adam(0.02), batch_size=16).fit(x, y, epochs=40, window=4, progress=False)
    assert net.loss(x[:, :4], y[:, :4]) < 0.05
    assert net.loss(x, y) < 0.2


@pytest.mark.parametrize("every", [1, 3])
def test_it_resumes_within_a_sequence(every: int, tmp_path: Any) -> None:
    class Stop(Exception):
        pass

    def stop(trainer: elman.Trainer) -> None:
        raise Stop

    expected = train(5)
    with pytest.raises(Stop):
        train(5, checkpoint=tmp_path, every=every, callback=stop)
    for path in sorted(tmp_path.glob("update-*"))[-1:]:
        path.unlink()  # the last one, at the epoch's end: go on from within
    (tmp_path / "best.safetensors").unlink(missing_ok=True)
    found = train(5, checkpoint=tmp_path, every=every, resume=tmp_path)
    assert (found.network.theta == expected.network.theta).all()
    assert (found.history.update_loss == expected.history.update_loss).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "last"}, "window: expected None for a network with outputs at its last step alone, got 4"),
        ({"bidirectional": True}, "window: expected None for a network with two directions, got 4"),
        ({}, "window: expected a whole number of at least 1, got 0"),
    ],
)
def test_windows_that_make_no_sense_are_refused(options: Any, message: str) -> None:
    net = elman.Network(1, 3, 1, **options)
    x, y = np.zeros((2, 6, 1)), np.zeros((2, 1) if options.get("output") else (2, 6, 1))
    with pytest.raises(ValueError, match=message):
        elman.Trainer(net).fit(x, y, epochs=1, window=4 if options else 0, progress=False)
