"""The bundled series are the published ones; the synthetic tasks are what their papers say, and score what they say."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elman
from elman import datasets
from elman.datasets.tunes import SCALES


def test_sunspots():
    years, values, name = datasets.load_sunspots()
    assert (years[0], years[-1], len(values), name) == (np.datetime64("1700"), np.datetime64("2008"), 309, "Sunspots")
    assert set(np.diff(years).astype(int)) == {1}
    # the cycle of 1957 was the highest on record, the Maunder minimum ends in 1712
    assert years[values.argmax()] == np.datetime64("1957")
    assert values.max() == 190.2
    assert [y for y, v in zip(years.astype(str), values, strict=True) if v == 0] == ["1711", "1712", "1810"]


def test_airline():
    months, values, name = datasets.load_airline()
    assert (str(months[0]), str(months[-1]), len(values), name) == ("1949-01", "1960-12", 144, "Passengers")
    assert set(np.diff(months).astype(int)) == {1}
    assert (values[0], values[-1], values.max()) == (112, 432, 622)
    assert values.sum() == 40363


def test_seatbelts():
    groups = datasets.load_seatbelts()
    assert list(groups) == ["drivers", "front passengers", "rear passengers", "van drivers killed"]
    months, values, name = groups["drivers"]
    assert (str(months[0]), str(months[-1]), len(values), name) == ("1969-01", "1984-12", 192, "casualties")
    # Harvey and Durbin (1986): the law of February 1983, and about a quarter less after it
    assert values[months < np.datetime64("1983-02")].mean() == pytest.approx(1717.75, abs=0.01)
    assert values[months >= np.datetime64("1983-02")].mean() == pytest.approx(1321.70, abs=0.01)
    assert groups["rear passengers"].values[[0, -1]].tolist() == [269, 491]


def test_names_and_paths():
    assert datasets.names() == ("sunspots", "airline", "seatbelts")
    assert all(datasets.path(name).read_text("utf-8").count("\n") > 100 for name in datasets.names())
    with pytest.raises(ValueError, match="name: expected one of 'sunspots', 'airline', 'seatbelts', got 'sunspot'"):
        datasets.path("sunspot")


# ------------------------------------------------------------------------------- generators of tasks

GENERATORS = {
    "adding_problem": (datasets.adding_problem, 2),
    "copy_memory": (datasets.copy_memory, 1),
    "delayed_echo": (datasets.delayed_echo, 11),
    "parity": (datasets.parity, 1),
    "perceptual_decision": (datasets.perceptual_decision, 10),
    "delayed_match": (datasets.delayed_match, 10),
}
every = pytest.mark.parametrize(("draw", "least"), GENERATORS.values(), ids=GENERATORS.keys())
sizes = given(n=st.integers(1, 6), T=st.integers(11, 40), seed=st.integers(0, 2**32))


def of_all_alike(y: np.ndarray, weight: np.ndarray | None, loss: str) -> float:
    """The lowest loss of an answer that is the same for all sequences at each step, from the targets alone."""
    y = y.reshape(len(y), -1).astype(float)  # (n, steps)
    if loss == "mse":
        each = y.var(axis=0)
    else:
        counts = np.array([np.bincount(column, minlength=10) for column in y.T.astype(int)]) / len(y)
        each = -np.sum(counts * np.log(np.where(counts > 0, counts, 1)), axis=1)
    return float(each.mean() if weight is None else (each * weight[0]).sum() / weight[0].sum())


@every
def test_the_same_seed_gives_the_same_bits(draw, least: int):
    first, again, other = draw(5, 20, 7), draw(5, 20, 7), draw(5, 20, 8)
    assert first.x.tobytes() == again.x.tobytes()
    assert first.y.tobytes() == again.y.tobytes()
    assert first.x.tobytes() != other.x.tobytes()
    assert all(array.dtype in (np.float32, np.int64) for array in first[:2])


@every
def test_wrong_arguments(draw, least: int):
    name = draw.__name__
    assert len(draw(1, least).x) == 1, name
    with pytest.raises(ValueError, match=f"T: expected a whole number of at least {least}, got {least - 1}"):
        draw(3, least - 1)
    with pytest.raises(ValueError, match="n: expected a whole number of at least 1, got 0"):
        draw(0, 20)
    with pytest.raises(ValueError, match="seed: expected a whole number of at least 0, got -1"):
        draw(3, 20, -1)
    with pytest.raises(TypeError, match="n: expected a whole number"):
        draw(2.5, 20)
    with pytest.raises(TypeError, match="T: expected a whole number"):
        draw(3, "20")


@every
def test_the_score_without_memory(draw, least: int):
    """The best that can be said at each step of 40 000 sequences without looking at any."""
    task = draw(40_000, 20, 1)
    assert of_all_alike(task.y, task.weight, task.loss) == pytest.approx(task.memoryless, rel=0.02)


@every
def test_a_network_takes_them_as_they_are(draw, least: int):
    """Shapes, types and the loss fit; a network that says nothing scores near the answer without memory, or worse."""
    task = draw(50, 20, 1)
    classes, last = task.loss == "cross_entropy", task.y.ndim == 2 and task.x.ndim == 3
    layers = [elman.Recurrent(3, "tanh"), *([elman.Last()] if last else []), elman.Dense(9 if classes else 1)]
    if task.x.ndim == 2:
        network = elman.Network.from_layers([elman.Embedding(10, 2), *layers], seed=0)
    else:
        network = elman.Network.from_layers(layers, input_size=task.x.shape[2], seed=0)
    network.theta = np.zeros(network.num_parameters, np.float32)
    value = network.loss(task.x, task.y, loss=task.loss, sample_weight=task.weight)
    assert value >= 0.7 * task.memoryless


@sizes
def test_adding_problem(n: int, T: int, seed: int):
    x, y, weight, *_ = datasets.adding_problem(n, T, seed)
    assert (x.shape, y.shape, weight) == ((n, T, 2), (n, 1), None)
    values, marks = x[..., 0].astype(float), x[..., 1]
    assert ((values >= 0) & (values < 1)).all()
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, : T // 2].sum(axis=1) == 1).all()
    assert (marks[:, T // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y[:, 0], (values * marks).sum(axis=1), atol=1e-6)


def test_adding_problem_marks_every_step():
    """Each step of a half is marked equally often; the numbers' mean and variance are those of a uniform number."""
    x, y, *_ = datasets.adding_problem(20_000, 7, 3)
    np.testing.assert_allclose(x[..., 1].mean(axis=0), [1 / 3] * 3 + [1 / 4] * 4, atol=0.015)
    assert x[..., 0].mean() == pytest.approx(1 / 2, abs=0.005)
    assert x[..., 0].var() == pytest.approx(1 / 12, abs=0.001)
    assert np.mean((y - 1) ** 2) == pytest.approx(0.167, abs=0.004)


@sizes
def test_copy_memory(n: int, T: int, seed: int):
    x, y, weight, _, memoryless, _ = datasets.copy_memory(n, T, seed)
    assert x.shape == y.shape == (n, T + 20)
    assert weight is None
    for row, target in zip(x.tolist(), y.tolist(), strict=True):
        said = row[:10]
        assert set(said) <= set(range(1, 9))
        assert row == said + [0] * (T - 1) + [9] + [0] * 10
        assert target == [0] * (T + 10) + said
    assert memoryless == pytest.approx(10 * np.log(8) / (T + 20))


def test_copy_memory_of_another_size_by_enumeration():
    """Two symbols of two kinds: all four sequences come equally often, and ln 2 is asked twice in 2 + 2 + 3 steps."""
    x, y, *_, memoryless, _ = datasets.copy_memory(4000, 3, 1, symbols=2, kinds=2)
    found, counts = np.unique(x, axis=0, return_counts=True)
    assert found.tolist() == [[a, b, 0, 0, 3, 0, 0] for a in (1, 2) for b in (1, 2)]
    assert (abs(counts - 1000) < 120).all()
    assert y[:, :5].max() == 0
    enumerated = np.array([[0] * 5 + [a, b] for a in (1, 2) for b in (1, 2)])
    assert of_all_alike(enumerated, None, "cross_entropy") == pytest.approx(memoryless)
    with pytest.raises(ValueError, match="kinds: expected a whole number of at least 2, got 1"):
        datasets.copy_memory(3, 4, kinds=1)
    with pytest.raises(ValueError, match="symbols: expected a whole number of at least 1, got 0"):
        datasets.copy_memory(3, 4, symbols=0)


@given(n=st.integers(1, 6), T=st.integers(11, 40), seed=st.integers(0, 2**32), delay=st.integers(1, 10))
def test_delayed_echo(n: int, T: int, seed: int, delay: int):
    x, y, weight, *_ = datasets.delayed_echo(n, T, seed, delay=delay)
    assert (x.shape, y.shape) == ((n, T, 1), (n, T, 1))
    assert abs(x).max() <= 1
    for t in range(T):
        if t < delay:
            assert not y[:, t].any()
            assert not weight[:, t].any()
        else:
            np.testing.assert_array_equal(y[:, t], x[:, t - delay])
            assert (weight[:, t] == 1).all()


def test_delayed_echo_needs_room():
    with pytest.raises(ValueError, match="T: expected a whole number of at least 6, got 5"):
        datasets.delayed_echo(3, 5, delay=5)
    with pytest.raises(ValueError, match="delay: expected a whole number of at least 1, got 0"):
        datasets.delayed_echo(3, 5, delay=0)


@sizes
def test_parity(n: int, T: int, seed: int):
    x, y, *_ = datasets.parity(n, T, seed)
    assert (x.shape, y.shape) == ((n, T, 1), (n, T, 1))
    state = np.zeros(n, bool)
    for t in range(T):
        state ^= x[:, t, 0] == 1
        np.testing.assert_array_equal(y[:, t, 0], state.astype(np.float32))


def test_parity_by_enumeration():
    """Of all sequences of 6 bits half are odd at every step: ln 2 is the least without memory."""
    every_x = (np.arange(64)[:, None] >> np.arange(6)) & 1
    odd = np.cumsum(every_x, axis=1) % 2
    drawn = datasets.parity(2000, 6, 0)
    assert of_all_alike(odd, None, "binary_cross_entropy") == pytest.approx(drawn.memoryless)
    assert len(np.unique(drawn.x, axis=0)) == 64


def test_sequential_digits():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    parts = {name: datasets.sequential_digits(name) for name in ("train", "validation", "test")}
    assert [part.x.shape for part in parts.values()] == [(1079, 64, 1), (359, 64, 1), (359, 64, 1)]
    x, y = (np.concatenate([part[k] for part in parts.values()]) for k in (0, 1))
    # together they are the images, each once and with its own digit
    ours = sorted((*(16 * image[:, 0]).astype(int), digit) for image, digit in zip(x, y, strict=True))
    theirs = sorted(
        (*image.ravel().astype(int), digit) for image, digit in zip(digits.images, digits.target, strict=True)
    )
    assert ours == theirs
    for part in parts.values():
        assert part.memoryless == pytest.approx(of_all_alike(part.y, None, "cross_entropy"))
        assert 2.28 < part.memoryless <= np.log(10)
    np.testing.assert_array_equal(datasets.sequential_digits("test").x, parts["test"].x)
    assert not np.array_equal(datasets.sequential_digits("test", seed=1).y, parts["test"].y)
    with pytest.raises(ValueError, match="part: expected one of 'train', 'validation', 'test', got 'exam'"):
        datasets.sequential_digits("exam")


def test_sequential_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    datasets.memory._digits.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"sequential_digits .* pip install 'elman\[sklearn\]'"):
        datasets.sequential_digits()


@given(n=st.integers(1, 6), T=st.integers(15, 40), seed=st.integers(0, 2**32), delay=st.integers(0, 8))
def test_perceptual_decision(n: int, T: int, seed: int, delay: int):
    x, y, *_, coherence = datasets.perceptual_decision(n, T, seed, noise=0, delay=delay)
    answer = T // 5
    cue, evidence, side = x[..., 0], x[..., 1], y[:, -1, 0]
    assert (cue[:, :-answer] == 1).all()
    assert (cue[:, -answer:] == 0).all()
    assert set(side) <= {-1, 1}
    np.testing.assert_array_equal(y[..., 0], np.where(cue == 0, side[:, None], 0))
    shown = evidence != 0
    assert (shown.sum(axis=1) == T - T // 10 - answer - delay).all()
    assert not shown[:, : T // 10].any()
    assert not shown[:, T - answer - delay :].any()
    assert set(coherence) <= set(datasets.COHERENCES)
    expected = np.repeat((side * coherence).astype(np.float32)[:, None], T, axis=1)
    np.testing.assert_array_equal(evidence[shown], expected[shown])


def test_the_best_observer_of_a_perceptual_decision():
    """One that adds up the evidence is right as often as `ideal_accuracy` says; one that guesses, half of the time."""
    task = datasets.perceptual_decision(40_000, 30, 2)
    steps = 30 - 3 - 6
    total = np.repeat(task.x[:, :, 1:].sum(axis=1, keepdims=True), 30, axis=1)
    found = datasets.psychometric(task, total)
    assert tuple(found) == datasets.COHERENCES
    for level, right in found.items():
        assert right == pytest.approx(datasets.ideal_accuracy(level, steps), abs=0.015)
    guess = np.repeat(np.random.default_rng(0).choice([-1.0, 1.0], (40_000, 1, 1)), 30, axis=1)
    assert list(datasets.psychometric(task, guess).values()) == pytest.approx([0.5] * 5, abs=0.02)
    assert set(datasets.psychometric(task, np.zeros_like(task.y)).values()) == {0.5}
    assert set(datasets.psychometric(task, task.y).values()) == {1.0}
    assert datasets.ideal_accuracy(0, 10) == 0.5
    assert datasets.ideal_accuracy(1.0, 1) == pytest.approx(0.841345, abs=1e-6)  # Phi(1)
    assert datasets.ideal_accuracy(0.5, 64, noise=2.0) == pytest.approx(0.977250, abs=1e-6)  # Phi(2)


def test_perceptual_decision_refuses():
    with pytest.raises(ValueError, match=r"delay: expected a whole number in \[0, 13\], got 14"):
        datasets.perceptual_decision(3, 20, delay=14)
    with pytest.raises(ValueError, match="coherences: expected at least one number"):
        datasets.perceptual_decision(3, 20, coherences=())
    with pytest.raises(ValueError, match="coherences: expected a finite number of at least 0"):
        datasets.perceptual_decision(3, 20, coherences=(0.1, -0.1))
    with pytest.raises(TypeError, match="coherences: expected a finite number"):
        datasets.perceptual_decision(3, 20, coherences="strong")
    with pytest.raises(ValueError, match="noise: expected a finite number of at least 0"):
        datasets.perceptual_decision(3, 20, noise=-1)
    assert set(datasets.perceptual_decision(3, 20, coherences=0.3).condition) == {0.3}
    task = datasets.perceptual_decision(3, 20)
    with pytest.raises(ValueError, match=r"prediction: expected shape \(3, 20, 1\), got \(3, 20\)"):
        datasets.psychometric(task, task.y[..., 0])
    with pytest.raises(ValueError, match="task: expected one of perceptual_decision or delayed_match"):
        datasets.psychometric(datasets.parity(3, 20), np.zeros((3, 20, 1)))


@given(n=st.integers(1, 6), T=st.integers(10, 40), seed=st.integers(0, 2**32), kinds=st.integers(2, 4))
def test_delayed_match(n: int, T: int, seed: int, kinds: int):
    x, y, *_, sample = datasets.delayed_match(n, T, seed, kinds=kinds, noise=0)
    assert x.shape == (n, T, 1 + kinds)
    cue, stimulus, period = x[..., 0], x[..., 1:], T // 5
    assert (cue[:, :-period] == 1).all()
    assert (cue[:, -period:] == 0).all()
    for row in range(n):
        seen = [None if not step.any() else int(step.argmax()) for step in stimulus[row]]
        test = seen[-period - 1]
        rest = T - T // 10 - 3 * period
        assert seen == [None] * (T // 10) + [sample[row]] * period + [None] * rest + [test] * period + [None] * period
        expected = 1 if test == sample[row] else -1
        np.testing.assert_array_equal(y[row, :, 0], [0] * (T - period) + [expected] * period)
    assert set(np.unique(stimulus)) == {0, 1}


def test_delayed_match_is_balanced():
    """Sample alone and test alone say nothing of the answer; the noise is of the size asked for."""
    task = datasets.delayed_match(20_000, 10, 4, kinds=3, noise=0.2)
    match = task.y[:, -1, 0] > 0
    test = task.x[:, 6, 1:].argmax(axis=1)
    for kind in range(3):
        assert match[task.condition == kind].mean() == pytest.approx(0.5, abs=0.03)
        assert match[test == kind].mean() == pytest.approx(0.5, abs=0.03)
        assert (test == kind).mean() == pytest.approx(1 / 3, abs=0.03)
    assert task.x[:, 0, 1:].std() == pytest.approx(0.2, abs=0.005)
    with pytest.raises(ValueError, match="kinds: expected a whole number of at least 2, got 1"):
        datasets.delayed_match(3, 20, kinds=1)
    with pytest.raises(ValueError, match="noise: expected a finite number of at least 0"):
        datasets.delayed_match(3, 20, noise=-1)


def test_tunes_are_a_function_of_the_seed_and_music_by_rule():
    found = datasets.tunes(12, seed=4, bars=6)
    again, other = datasets.tunes(12, seed=4, bars=6), datasets.tunes(12, seed=5, bars=6)
    assert all((a == b).all() for a, b in zip(found, again, strict=True))
    assert any((a != b).any() for a, b in zip(found, other, strict=True))
    scales = {name: set(scale) for name, scale in SCALES.items()}
    for keys in found:
        assert keys.shape == (48, 88)
        assert keys.any(axis=1).all()
        tonic = int(np.flatnonzero(keys[-2])[0]) % 12  # the bass of the last bar
        classes = {(int(key) - tonic) % 12 for key in np.nonzero(keys)[1]}
        assert any(classes <= scale for scale in scales.values())
        chords = keys[[0, -8]][:, np.arange(88)]
        assert all({0, 4} <= _classes(each, tonic) or {0, 3} <= _classes(each, tonic) for each in chords)


def _classes(keys: np.ndarray, tonic: int) -> set[int]:
    return {(int(key) - tonic) % 12 for key in np.flatnonzero(keys)}
