"""The data of a fit: which rows are held out, what is warned of, and data that come batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import Trainer, optim
from elman.train.fitting.advice import TrainingWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6, 2)).astype(np.float32)
CLASSES = np.repeat(np.arange(4), 10)  # sorted by class


def network(outputs: int = 1, **options: Any) -> elman.Network:
    return elman.Network(2, 5, outputs, **{"seed": 1, "output": "last", **options})


def fit(own: Trainer, *args: Any, **options: Any) -> Trainer:
    own.fit(*args, **{"epochs": 2, "progress": False, **options})
    return own


# --------------------------------------------------------------------------------------------- which rows are held out


def held_out(x: np.ndarray, y: np.ndarray, seed: int = 0, **options: Any) -> list[int]:
    """The rows that a fraction keeps out of training: those whose targets change no weight."""
    found: list[int] = []
    own = fit(Trainer(network(), seed=seed), x, y, validation=0.25, epochs=1, **options).network.theta
    for row in range(len(x)):
        other = y.copy()
        other[row] += 1
        changed = fit(Trainer(network(), seed=seed), x, other, validation=0.25, epochs=1, **options).network.theta
        found += [row] if (changed == own).all() else []
    return found


def test_a_fraction_is_drawn_by_the_seed():
    x, y = X[:12], RNG.normal(size=(12, 1))
    first = held_out(x, y)
    assert len(first) == 3
    assert first == held_out(x, y)
    assert len({tuple(held_out(x, y, seed)) for seed in range(4)}) > 1
    assert held_out(x, y, shuffle=False) == [9, 10, 11]


def test_a_fraction_of_overlapping_windows_is_their_end(capsys: pytest.CaptureFixture[str]):
    series = RNG.normal(size=(20, 2)).astype(np.float32)
    windows = np.array([series[i : i + 6] for i in range(12)])  # copies: what tells is the numbers
    assert held_out(windows, RNG.normal(size=(12, 1))) == [9, 10, 11]
    strided = np.array([series[2 * i : 2 * i + 6] for i in range(8)])
    assert held_out(strided, RNG.normal(size=(8, 1))) == [6, 7]
    fit(Trainer(network()), windows, np.ones((12, 1)), validation=0.25, progress=True)
    assert "validation: the last 3 of 12 rows, since rows are windows of one series" in capsys.readouterr().err
    fit(Trainer(network()), X, np.ones((40, 1)), validation=0.25, progress=True)
    assert "validation: 10 of 40 rows, drawn by the seed" in capsys.readouterr().err


def test_rows_sorted_by_class_are_all_learned():
    x = X + np.eye(2, dtype=np.float32)[CLASSES // 2][:, None] * 3 + (CLASSES % 2 * 3)[:, None, None]
    own = Trainer(network(4), loss="cross_entropy", optimizer=optim.Adam(0.05), seed=0)
    fit(own, x, CLASSES, validation=0.15, epochs=30)
    assert (own.network.predict(x).argmax(axis=-1) == CLASSES).mean() > 0.9


def test_what_is_held_out_is_never_trained_on_and_never_copied_beyond():
    """The weights are those of a fit on the other rows alone, in the order in which they were drawn."""
    y = RNG.normal(size=(40, 1)).astype(np.float32)
    drawn = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(0,))).permutation(40)
    kept = np.sort(drawn[10:])
    own = fit(Trainer(network(), seed=7), X, y, validation=0.25)
    alone = fit(
        Trainer(network(), seed=7), X[kept], y[kept], validation=(X[np.sort(drawn[:10])], y[np.sort(drawn[:10])])
    )
    assert (own.network.theta == alone.network.theta).all()
    assert (own.history.validation_loss == alone.history.validation_loss).all()


# --------------------------------------------------------------------------------------------------- what is warned of


def test_classes_that_are_held_out_alone_are_told():
    with pytest.warns(
        TrainingWarning, match=r"validation: expected classes that training has too, got 3 in the held-out"
    ):
        fit(Trainer(network(4), loss="cross_entropy"), X, CLASSES, validation=0.25, shuffle=False)


def test_targets_beyond_the_range_of_training_are_told():
    rising = np.linspace(0, 5, 40)[:, None]
    with pytest.warns(TrainingWarning, match=r"validation: .* got 100% of the held-out ones beyond it .*shuffle=False"):
        fit(Trainer(network()), X, rising, validation=0.25, shuffle=False)
    fit(Trainer(network()), X, rising, validation=0.25)  # drawn rows are like the others


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (RNG.normal(size=(40, 1)) * 1e4, r"got a root mean square of \S+e\+0[34]: .*Train on \(y [+-] .*\) / "),
        (np.full((40, 1), 500.0), "got a root mean square of 500: .* Train on y / 500"),
        (RNG.normal(size=(40, 1)) * 1e-4, "got a root mean square of .*e-0[45]"),
    ],
)
def test_targets_far_from_unit_scale_are_told(y: np.ndarray, words: str):
    own = Trainer(network())
    with pytest.warns(TrainingWarning, match=f"y: expected targets of a size near 1, {words}"):
        fit(own, X, y)
    fit(own, X, y)  # told once
    with pytest.warns(TrainingWarning, match="y: expected targets"):
        fit(Trainer(network()), [(X, y)], epochs=1)


@pytest.mark.parametrize("y", [RNG.normal(size=(40, 1)), np.zeros((40, 1)), RNG.normal(size=(40, 1)) * 9])
def test_usual_targets_cause_no_word(y: np.ndarray):
    fit(Trainer(network()), X, y)


def test_a_bias_of_the_targets_size_causes_no_word():
    net = network()
    net.parameters["head.bias"] = [500.0]
    fit(Trainer(net), X, 500 + RNG.normal(size=(40, 1)))


def test_what_weighs_nothing_does_not_count():
    y, weight = np.ones((40, 1)), np.ones(40)
    y[3], weight[3] = 1e9, 0.0
    fit(Trainer(network()), X, y, sample_weight=weight)


# -------------------------------------------------------------------------------------------------- batch by batch

Y = RNG.normal(size=(40, 1)).astype(np.float32)
PARTS = [slice(0, 16), slice(16, 32), slice(32, 40)]


def generator() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return ((X[part], Y[part]) for part in PARTS)


@pytest.mark.parametrize(
    "x",
    [
        generator,
        [(X[part], Y[part]) for part in PARTS],
        [[X[part], Y[part]] for part in PARTS],
        [{"x": X[part], "y": Y[part], "sample_weight": np.ones(X[part].shape[0])} for part in PARTS],
    ],
    ids=["function", "list", "lists", "mappings"],
)
def test_an_iterable_of_batches_trains_as_the_arrays_do(x: Any):
    whole = fit(Trainer(network(), batch_size=16), X, Y, shuffle=False, validation=(X[:5], Y[:5]))
    own = fit(Trainer(network()), x, validation=(X[:5], Y[:5]))
    assert (own.network.theta == whole.network.theta).all()
    assert own.history.loss == pytest.approx(whole.history.loss, rel=1e-6)
    assert (own.history.validation_loss == whole.history.validation_loss).all()


def test_a_generator_serves_one_epoch():
    own = fit(Trainer(network()), generator(), epochs=1)
    assert (own.updates, own.epochs) == (3, 1)
    with pytest.raises(ValueError, match=r"x: expected data for 2 epochs, got a generator.* hand over the function"):
        fit(own, generator())
    with pytest.raises(ValueError, match=r"x: expected at least 1 batches in epoch 2, got 0"):
        fit(own, iter([]), epochs=1)


def test_a_training_on_batches_goes_on_from_a_checkpoint_within_an_epoch(tmp_path: Path):
    whole = fit(Trainer(network()), generator, epochs=3)
    first = Trainer(network())
    run, first._run = first._run, lambda *args: dying(first, run, *args)  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        fit(first, generator, epochs=3, checkpoint=tmp_path, every=2)
    second = fit(Trainer(network()), generator, epochs=3, checkpoint=tmp_path, resume=tmp_path, every=2)
    assert second.updates == 9
    assert (second.network.theta == whole.network.theta).all()
    assert (second.history.loss == whole.history.loss).all()


def dying(own: Trainer, run: Any, *args: Any) -> Any:
    if own.updates == 5:
        raise KeyError
    return run(*args)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        ([(X, Y[:3])], {}, ValueError, r"x: batch 0: y: expected shape \(40, 1\), got \(3, 1\)"),
        ([(X, Y), X], {}, TypeError, r"x: batch 1: expected \(x, y\) or a mapping"),
        ([{"x": X}], {}, ValueError, "x: batch 0: expected x and y, got x"),
        ([{"x": X, "y": Y, "length": 3}], {}, ValueError, r"x: batch 0: .* got 'length'; did you mean 'lengths'\?"),
        (
            generator,
            {"validation": 0.2},
            TypeError,
            r"validation: expected \(x, y\) or a mapping where x is an iterable",
        ),
        (generator, {"window": 3}, ValueError, "window: expected none where x is an iterable of batches, got 3"),
        (generator, {"lengths": [1]}, ValueError, "lengths: expected none where x is an iterable"),
        (lambda: 3, {}, TypeError, "x: expected a function that returns an iterable of batches, got 3"),
        (3, {}, TypeError, "y: expected targets, or an iterable of batches"),
        ("text", {}, TypeError, "y: expected targets"),
    ],
)
def test_what_is_no_iterable_of_batches_is_refused(
    x: Any, options: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        fit(Trainer(network()), x, **options)
