"""How models of sequences are tested: what is held out, the simple models beside them, errors and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.sequence import Sequences
from elman.sequence.evaluation import baselines
from elman.sequence.evaluation.confusion import Confusion
from elman.sequence.evaluation.report import class_scores, report, value_scores
from elman.sequence.evaluation.split import equal_sequences, hold_out, taken
from elman.sequence.evaluation.summary import numbers_of
from elman.sequence.evaluation.verdict import Compared, sign_test
from elman.sequence.tables.layout import Column, Layout
from elman.series.errors import DataError

metrics = pytest.importorskip("sklearn.metrics")


def made(y: Any, x: list[np.ndarray] | None = None, kinds: tuple[str, ...] = ("number",)) -> Sequences:
    """Sequences with these labels, of numbers drawn at random unless x is given."""
    rng = np.random.default_rng(0)
    x = x or [rng.normal(size=(3, 1)) for _ in range(len(y))]
    columns = tuple(Column(f"c{k}", kind) for k, kind in enumerate(kinds))  # type: ignore[arg-type]
    layout = Layout("long", "id", None, "y", tuple(each.name for each in columns), kinds)  # type: ignore[arg-type]
    return Sequences(x, y, list(range(len(x))), columns, (), layout)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.01])
def test_a_share_of_each_class_is_held_out(share: float):
    y = np.array(["a"] * 50 + ["b"] * 20 + ["c"] * 2)
    rest, out = hold_out(made(y), share, 0, stratify=True)
    assert sorted(rest.ids + out.ids) == list(range(72))
    counts = {label: int((out.y == label).sum()) for label in "abc"}
    assert counts == {label: min(max(1, round(share * n)), n - 1) for label, n in (("a", 50), ("b", 20), ("c", 2))}
    np.testing.assert_array_equal(out.y, y[out.ids])


def test_the_seed_decides_what_is_held_out():
    data = made(np.arange(100.0))
    parts = [hold_out(data, 0.3, seed, stratify=False)[1].ids for seed in (1, 1, 2)]
    assert parts[0] == parts[1] != parts[2]


def test_one_sequence_cannot_be_parted():
    with pytest.raises(DataError, match="too few to hold some out"):
        hold_out(made(np.array([1.0])), 0.5, 0, stratify=False)


def test_equal_sequences_are_found():
    data = made(np.arange(5.0))
    assert equal_sequences(taken(data, [0, 1]), taken(data, [1, 2, 3])) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_errors_of_classes_are_those_of_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    true, predicted = rng.choice(list("abcd"), 200), rng.choice(list("abc"), 200)
    found = Confusion.of(true, predicted)
    np.testing.assert_array_equal(found.counts, metrics.confusion_matrix(true, predicted, labels=found.labels))
    precision, recall, _, support = metrics.precision_recall_fscore_support(true, predicted, zero_division=np.nan)
    each = found.by_class()
    np.testing.assert_allclose([row.precision for row in each], precision)
    np.testing.assert_allclose([row.recall for row in each], recall)
    assert [row.total for row in each] == support.tolist()
    scores = class_scores(true, predicted)
    assert scores["accuracy"] == metrics.accuracy_score(true, predicted)
    assert scores["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, predicted))


def test_the_pair_that_is_most_often_confused():
    found = Confusion.of(np.array([1, 1, 1, 2, 2, 3]), np.array([1, 2, 2, 2, 2, 1]))
    assert found.most_confused() == (1, 2, 2)
    assert Confusion.of(np.array([1, 2]), np.array([1, 2])).most_confused() is None


def test_the_errors_of_values_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 50))
    found = value_scores(true, predicted)
    assert found["MAE"] == pytest.approx(metrics.mean_absolute_error(true, predicted))
    assert found["RMSE"] == pytest.approx(np.sqrt(metrics.mean_squared_error(true, predicted)))
    assert found["R2"] == pytest.approx(metrics.r2_score(true, predicted))


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (5, 0), (6, 0), (9, 2), (22, 1), (400, 350), (3000, 2500)])
def test_the_sign_test_is_the_binomial_test(better: int, worse: int):
    stats = pytest.importorskip("scipy.stats")
    expected = 1.0 if not better + worse else stats.binomtest(better, better + worse).pvalue
    assert sign_test(better, worse) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("compared", "outcome"),
    [
        (Compared("mean", "RMSE", 1.0, 2.0, True, 20, 2), "network"),
        (Compared("mean", "RMSE", 2.0, 1.0, True, 2, 20), "mean"),
        (Compared("mean", "RMSE", 1.9, 2.0, True, 12, 9), "no clear difference"),
        (Compared("mean", "RMSE", 2.1, 2.0, True, 20, 2), "no clear difference"),  # near mostly, far now and then
        (Compared("one", "accuracy", 0.9, 0.5, False, 20, 2), "network"),
    ],
)
def test_a_verdict_needs_the_score_and_the_sign_test(compared: Compared, outcome: str):
    assert compared.outcome == outcome
    assert compared.verdict().startswith("Verdict: ")


def test_statistics_do_not_know_the_order():
    x = [np.array([[1.0], [4.0], [2.0]]), np.array([[1.0], [2.0], [4.0], [2.0]])]
    found = numbers_of(x, [Column("a", "number")])
    assert found is not None
    np.testing.assert_allclose(found[0], [7 / 3, np.std([1, 4, 2]), 1, 4, 1, 2, 3])
    assert numbers_of([np.array([["u"]], object)], [Column("a", "text")]) is None


def test_the_most_frequent_tag_of_each_token():
    words = [np.array([[word] for word in text.split()], object) for text in ("a b a", "b b c", "b a new")]
    tags = [np.array(list(each)) for each in ("xyx", "yxz", "___")]
    data = made(tags, words, ("text",))
    found = baselines.tag_baselines(taken(data, [0, 1]), taken(data, [2]))
    assert [each[0].tolist() for each in found.values()] == [["x", "x", "x"], ["y", "x", "x"]]


class Constant:
    """A model of classes that always says the same."""

    classes_ = np.array(["a", "b"])

    def predict_proba(self, x: list[np.ndarray]) -> np.ndarray:
        return np.tile([0.75, 0.25], (len(x), 1))


def test_a_report_compares_with_the_best_simple_model():
    y = np.array(["a", "b"] * 20)
    data = made(y, [np.full((2, 1), float(label == "a")) for label in y])
    rest, out = hold_out(data, 0.5, 0, stratify=True)
    found = report(Constant(), rest, out)
    linear = "logistic regression on summary statistics"
    assert {name: scores["accuracy"] for name, scores in found.scores.items()} == {
        "network": 0.5, "most frequent class": 0.5, linear: 1.0
    }  # fmt: skip
    assert found.scores["network"]["log loss"] == pytest.approx(-np.log([0.75, 0.25]).mean())
    assert found.compared is not None
    assert (found.compared.outcome, found.compared.worse) == (linear, 10)


def test_a_matrix_of_many_classes_has_a_row_for_the_others(tmp_path: Path):
    pytest.importorskip("matplotlib")
    from elman.plots import ConfusionChart, confusion_plot
    from elman.plots.confusion import MOST, joined

    counts = np.random.default_rng(0).integers(0, 9, (40, 40))
    chart = ConfusionChart([f"$class {k}" for k in range(40)], counts, "kind", "steps")
    labels, shown = joined(chart)
    assert (len(labels), labels[-1], shown.shape) == (MOST, f"others ({41 - MOST})", (MOST, MOST))
    assert shown.sum() == counts.sum()
    assert confusion_plot(chart, tmp_path / "many.png").stat().st_size > 10_000
