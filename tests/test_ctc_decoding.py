"""Decoding by CTC: the best path, the best path of given labels, the most probable labels, and outputs as they come."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import elman
from elman import ctc
from elman.core.requests import Engine

Labels = tuple[int, ...]


@pytest.fixture(autouse=True)
def engine(run: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", run.name)


def log_softmax(outputs: np.ndarray) -> np.ndarray:
    return outputs - np.log(np.exp(outputs).sum(axis=-1, keepdims=True))


def every_path(outputs: np.ndarray, blank: int) -> dict[Labels, list[tuple[float, Labels]]]:
    """Labels -> the logarithm of the probability of each of their paths, and the path."""
    log_p = log_softmax(outputs)
    found: dict[Labels, list[tuple[float, Labels]]] = {}
    for path in itertools.product(range(outputs.shape[1]), repeat=len(outputs)):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != blank)
        found.setdefault(labels, []).append((float(log_p[np.arange(len(outputs)), list(path)].sum()), path))
    return found


def steps_of(path: Labels, blank: int) -> tuple[list[int], list[int]]:
    """The first step of each label's run in a path, and the step behind its last."""
    runs = [(k, len(list(run))) for k, run in itertools.groupby(path)]
    ends = np.cumsum([count for _, count in runs]).tolist()
    kept = [(end - count, end) for (k, count), end in zip(runs, ends, strict=True) if k != blank]
    return [begin for begin, _ in kept], [end for _, end in kept]


@pytest.mark.parametrize(("steps", "classes", "blank"), [(1, 3, 0), (4, 3, 2), (6, 3, 1), (5, 4, 0), (7, 2, 0)])
def test_a_large_beam_is_exact(steps: int, classes: int, blank: int):
    """Every prefix fits: all labels that any path gives, in the order of their probabilities, which are those of the
    loss."""
    outputs = 2 * np.random.default_rng(steps).normal(size=(steps, classes))
    sums = {
        labels: float(np.logaddexp.reduce([p for p, _ in paths]))
        for labels, paths in every_path(outputs, blank).items()
    }
    want = sorted(sums.items(), key=lambda one: -one[1])
    found = ctc.beam_search(outputs, beam_size=2000, n_best=2000, blank=blank)
    assert [tuple(one.labels.tolist()) for one in found] == [labels for labels, _ in want]
    for one, (_, log_p) in zip(found, want, strict=True):
        assert one.log_probability == pytest.approx(log_p, abs=1e-12)
        assert ctc.loss(outputs, one.labels, blank=blank) == pytest.approx(-log_p, abs=1e-12)


@pytest.mark.parametrize("blank", [0, 2])
def test_the_best_path_of_known_labels(blank: int):
    outputs = 2 * np.random.default_rng(blank).normal(size=(6, 3))
    for labels, paths in every_path(outputs, blank).items():
        log_p, path = max(paths)
        found = ctc.align(outputs, np.array(labels, np.int64), blank=blank)
        assert found.labels.tolist() == list(labels)
        assert found.log_probability == pytest.approx(log_p, abs=1e-12)
        assert (found.begins.tolist(), found.ends.tolist()) == steps_of(path, blank)


def test_the_best_path_of_all():
    rng = np.random.default_rng(0)
    for steps in (1, 2, 6):
        outputs = rng.normal(size=(steps, 3))
        log_p, path = max(one for paths in every_path(outputs, 1).values() for one in paths)
        found = ctc.greedy(outputs, blank=1)
        assert found.labels.tolist() == [k for k, _ in itertools.groupby(path) if k != 1]
        assert found.log_probability == pytest.approx(log_p, abs=1e-12)
        assert (found.begins.tolist(), found.ends.tolist()) == steps_of(path, 1)


def test_the_best_path_need_not_give_the_most_probable_labels():
    """Graves' example: two steps at which the blank has 0.6 and the label 0.4."""
    outputs = np.log([[0.6, 0.4]] * 2)
    assert ctc.greedy(outputs).labels.size == 0
    (best,) = ctc.beam_search(outputs)
    assert best.labels.tolist() == [1]
    assert best.log_probability == pytest.approx(np.log(0.64))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_decoded_as_they_are_alone(dtype: str):
    """Whatever stands behind a row's length, beside it, and in which type or order its numbers lie."""
    rng = np.random.default_rng(0)
    outputs, lengths = 3 * rng.normal(size=(5, 30, 7)).astype(dtype), np.array([30, 1, 12, 29, 5])
    y = [[1, 2, 2], [3], [], [6] * 9, [1, 2]]
    spoiled = np.asfortranarray(outputs)
    spoiled[np.arange(30) >= lengths[:, None]] = np.nan
    paths, aligned = ctc.greedy(spoiled, lengths), ctc.align(spoiled, y, lengths)
    beams = ctc.beam_search(spoiled, lengths, beam_size=8, n_best=3)
    for row, length in enumerate(lengths):
        own = outputs[row, :length]
        for found, alone in ((paths[row], ctc.greedy(own)), (aligned[row], ctc.align(own, np.array(y[row], int)))):
            for one, other in zip(found, alone, strict=True):
                assert np.array_equal(one, other)
        for one, other in zip(beams[row], ctc.beam_search(own, beam_size=8, n_best=3), strict=True):
            assert one.labels.tolist() == other.labels.tolist()
            assert one.log_probability == other.log_probability
            assert one.log_probability <= -ctc.loss(own, one.labels) + 1e-9


def test_a_wider_beam_finds_no_less():
    """And labels at least as probable as those of the best path."""
    outputs = np.random.default_rng(3).normal(size=(40, 6))
    best = [ctc.beam_search(outputs, beam_size=size)[0] for size in (1, 4, 32, 128)]
    found = [-ctc.loss(outputs, one.labels) for one in best]
    assert found[-1] >= max(found[:-1]) >= -ctc.loss(outputs, ctc.greedy(outputs).labels)
    assert [one.log_probability for one in best] == sorted(one.log_probability for one in best)


def test_equally_probable_labels_have_an_order():
    found = ctc.beam_search(np.zeros((3, 3)), beam_size=50, n_best=50)
    again = ctc.beam_search(np.zeros((3, 3)), beam_size=50, n_best=50)
    assert [one.labels.tolist() for one in found] == [one.labels.tolist() for one in again]
    assert [one.labels.tolist() for one in found[:2]] == [[1], [2]]  # six paths each: of equal ones the lower
    assert ctc.greedy(np.zeros((3, 3)), blank=2).labels.tolist() == [0]


def test_engines_find_the_same(monkeypatch: pytest.MonkeyPatch):
    outputs = 2 * np.random.default_rng(5).normal(size=(90, 9))
    found = {}
    for engine in ("reference", "native"):
        monkeypatch.setenv("ELMAN_ENGINE", engine)
        found[engine] = ctc.beam_search(outputs, beam_size=7, n_best=7, blank=4)
    for one, other in zip(found["reference"], found["native"], strict=True):
        assert one.labels.tolist() == other.labels.tolist()
        assert one.log_probability == pytest.approx(other.log_probability, rel=1e-13)


def test_many_labels():
    """The path of more labels than fit into a byte, of the best path itself and of what it need not say."""
    outputs = 3 * np.random.default_rng(0).normal(size=(600, 5))
    path = ctc.greedy(outputs)
    assert len(path.labels) > 300
    for one, other in zip(ctc.align(outputs, path.labels), path, strict=True):
        assert np.allclose(one, other, rtol=1e-12)
    fewer = ctc.align(outputs, path.labels[::2])
    assert fewer.labels.tolist() == path.labels[::2].tolist()
    assert -ctc.loss(outputs, fewer.labels) > fewer.log_probability


def test_extreme_outputs():
    outputs = 1e4 * np.random.default_rng(0).normal(size=(50, 5))
    (best,) = ctc.beam_search(outputs, beam_size=4)
    path = ctc.greedy(outputs)
    assert best.labels.tolist() == path.labels.tolist()
    assert best.log_probability == pytest.approx(path.log_probability, abs=1e-6)


def test_outputs_as_they_come():
    """In pieces of any size, what `greedy` finds in all of them."""
    outputs = 3 * np.random.default_rng(0).normal(size=(200, 4))
    outputs[::3, 2] += 4
    whole = ctc.greedy(outputs, blank=2)
    for size in (1, 3, 7, 200):
        stream = ctc.GreedyStream(blank=2)
        for _ in range(2):
            pieces = [stream.feed(outputs[i : i + size]) for i in range(0, 200, size)]
            assert np.concatenate([labels for labels, _ in pieces]).tolist() == whole.labels.tolist()
            assert np.concatenate([steps for _, steps in pieces]).tolist() == whole.begins.tolist()
            assert stream.steps == 200
            stream.reset()


def test_a_network_streamed_is_decoded_as_at_once():
    network = elman.Network.from_layers([elman.Recurrent(8, "gru"), elman.Dense(5)], input_size=3, seed=0)
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    stream, decoder = network.stream(), ctc.GreedyStream()
    found = np.concatenate([decoder.feed(stream.step(one)[None])[0] for one in x])
    assert found.tolist() == ctc.greedy(network.predict(x)).labels.tolist()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ctc.greedy(np.zeros((2, 3, 4)), [3, 5]), ValueError, r"lengths: .* \[1, 3\], got 5 at row 1"),
        (lambda: ctc.greedy(np.zeros((0, 4))), ValueError, r"outputs: expected shape .* got \(0, 4\)"),
        (lambda: ctc.greedy(np.zeros((3, 4)), blank=4), ValueError, "blank: expected one of the 4 classes"),
        (lambda: ctc.beam_search(np.zeros((3, 4)), beam_size=0), ValueError, "beam_size: .* got 0"),
        (lambda: ctc.beam_search(np.zeros((3, 4)), beam_size=2, n_best=3), ValueError, "at most beam_size=2, got 3"),
        (lambda: ctc.align(np.zeros((3, 4)), [1, 1, 1]), ValueError, "its row's 3 steps, got 3 labels and 2 blanks"),
        (lambda: ctc.align(np.zeros((3, 4)), [4]), ValueError, r"whole numbers in \[0, 3\], got 4"),
        (lambda: ctc.GreedyStream(blank=-1), ValueError, "blank: .* got -1"),
        (lambda: ctc.GreedyStream().feed(np.zeros((1, 3, 4))), ValueError, r"outputs: expected shape \(T, O\), got"),
        (lambda: ctc.GreedyStream().feed(np.zeros(4)), ValueError, "outputs: expected shape"),
    ],
)
def test_refusals(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()
