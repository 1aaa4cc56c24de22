"""What X and y of the estimators of sequences may be, and what is said of anything else."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sequence_data import SMALL, ragged, sentences, tags

from elman import SequenceClassifier, SequenceRegressor, SequenceTagger
from elman.sequence.columns import fit_columns
from elman.sequence.steps import padded, places, read_steps, split
from elman.sequence.targets import UnseenLabelWarning

X, Y = ragged()


def classifier(**options: Any) -> SequenceClassifier:
    return SequenceClassifier(**{**SMALL, **options})


# ------------------------------------------------------------------------------------------- steps of X


@pytest.mark.parametrize(
    ("x", "values", "lengths", "table"),
    [
        (np.array([[1, 2, 3], [4, 5, 6]]), [[1], [2], [3], [4], [5], [6]], [3, 3], True),
        ([[1, 2], [3, 4.5]], [[1], [2], [3], [4.5]], [2, 2], True),
        ([[1, 2], [3]], [[1], [2], [3]], [2, 1], False),
        ([np.array([1, 2]), np.array([3, 4])], [[1], [2], [3], [4]], [2, 2], False),
        (np.array([[[1, 2], [3, 4]]]), [[1, 2], [3, 4]], [2], False),
        ([[[1, 2], [3, 4]], [[5, 6]]], [[1, 2], [3, 4], [5, 6]], [2, 1], False),
        ([["a", "b"], ["c"]], [["a"], ["b"], ["c"]], [2, 1], False),
        ([["a", "b"], ["c", "d"]], [["a"], ["b"], ["c"], ["d"]], [2, 2], False),
        (np.array([["a", "b"], ["c", "d"]]), [["a"], ["b"], ["c"], ["d"]], [2, 2], False),
        ([[("a", 1), ("b", 2.5)], [("c", 3)]], [["a", 1], ["b", 2.5], ["c", 3]], [2, 1], False),
        ([np.array([("a", 1)], object), [("b", 2)]], [["a", 1], ["b", 2]], [1, 1], False),
        (np.array([[1, 2], [3, 4]], object), [[1], [2], [3], [4]], [2, 2], True),
    ],
)
def test_what_each_form_of_x_means(x: Any, values: list[Any], lengths: list[int], table: bool):
    steps = read_steps(x)
    assert (steps.values.tolist(), steps.lengths.tolist(), steps.table) == (values, lengths, table)


def test_steps_are_padded_taken_and_split():
    lengths = np.array([2, 1, 3])
    flat = np.arange(12).reshape(6, 2)
    assert padded(flat, lengths).tolist() == [
        [[0, 1], [2, 3], [0, 0]],
        [[4, 5], [0, 0], [0, 0]],
        [[6, 7], [8, 9], [10, 11]],
    ]
    assert places(lengths, np.array([2, 0])).tolist() == [3, 4, 5, 0, 1]
    assert [len(each) for each in split(flat, lengths)] == [2, 1, 3]
    taken = read_steps([[1, 2], [3], [4, 5, 6]]).take(np.array([2, 1]))
    assert (taken.values[:, 0].tolist(), taken.lengths.tolist()) == ([4, 5, 6, 3], [3, 1])


# ------------------------------------------------------------------------------- columns and vocabularies


def test_columns_are_numbers_or_tokens_with_the_most_frequent_first():
    steps = read_steps([[("b", 1.0, 7), ("a", 3.0, 7)], [("b", 5.0, 8)]])
    columns = fit_columns(steps, [2], True, 1)
    assert (columns.numeric, columns.tokens) == ((1,), (0, 2))
    assert (columns.mean.tolist(), columns.scale.tolist()) == ([3.0], [pytest.approx(np.std([1, 3, 5]))])
    assert [vocabulary.tokens for vocabulary in columns.vocabularies] == [("b", "a"), (7, 8)]
    encoded = columns.encode(read_steps([[("a", 3.0, 8), ("z", 3.0, 9)]]))
    assert [ids.tolist() for ids in encoded.ids] == [[3, 0], [3, 0]]  # nothing was learned of unknown ones: padding
    assert encoded.numbers is not None
    assert encoded.numbers.tolist() == [[0.0], [0.0]]


def test_rare_tokens_teach_what_an_unknown_one_is_like():
    columns = fit_columns(read_steps([["a", "b", "a", "c"]]), [], True, 2)
    assert columns.vocabularies[0].tokens == ("a",)
    assert columns.encode(read_steps([["a", "b", "new"]])).ids[0].tolist() == [2, 1, 1]


def test_a_constant_column_is_only_shifted():
    columns = fit_columns(read_steps([np.full((3, 1), 1e9), np.full((2, 1), 1e9)]), [], True, 1)
    assert (columns.mean.tolist(), columns.scale.tolist()) == ([1e9], [1.0])


def test_tokens_and_numbers_are_learned_together():
    rows, labels = sentences()
    mixed = [[(word, float(i % 3), len(word)) for i, word in enumerate(row)] for row in rows]
    model = classifier(epochs=60, learning_rate=0.02, hidden_size=8, token_columns=[2]).fit(mixed, labels)
    assert (model.columns_.numeric, model.columns_.tokens) == ((1,), (0, 2))
    assert model.n_features_in_ == 3
    assert model.score(mixed, labels) == 1.0
    sized = classifier(token_columns=[2], embedding_size=[5, 2]).fit(mixed, labels)
    assert [sized.networks_[0].parameters[f"embedding{k}.weight"].shape[1] for k in (0, 2)] == [5, 2]


@pytest.mark.parametrize("token", [3, 2.5, True, ("a", 1), frozenset("a")], ids=repr)
def test_any_hashable_thing_is_a_token(token: Any):
    first, second = np.empty(2, object), np.empty(1, object)
    first[:], second[:] = [token, "end"], ["end"]
    model = classifier(token_columns=[0]).fit([first, second, first, second], [0, 1, 0, 1])
    assert {*model.columns_.vocabularies[0].tokens} == {token, "end"}


# ---------------------------------------------------------------------------------------------- bad X

BAD_X: list[tuple[Any, str]] = [
    ([], "X: expected at least one sequence, got an empty list"),
    (["a text", "another"], r"X\[0\]: expected a sequence of tokens, got the string 'a text'; .*text.split"),
    ([[1.0, 2.0], []], r"X\[1\]: expected at least one step, got shape \(0,\)"),
    ([np.ones((3, 2)), np.ones((0, 2))], r"X\[1\]: expected at least one step, got shape \(0, 2\)"),
    ([np.ones((3, 2)), np.ones((4, 3))], r"X\[1\]: expected shape \(T, 2\), as X\[0\] has, got \(4, 3\)"),
    ([np.ones((3, 2)), np.ones(4)], r"X\[1\]: expected shape \(T, 2\), as X\[0\] has, got \(4,\)"),
    ([np.ones(3), np.ones((4, 2))], r"X\[1\]: expected shape \(T,\), as X\[0\] has, got \(4, 2\)"),
    ([[(1, 2), (3,)], [(1, 2)]], r"X\[0\]: expected steps with the same number of columns"),
    (np.ones((2, 3, 4, 5)), r"X: expected \(n, T\), \(n, T, D\) or a list"),
    (np.ones((2, 0, 3)), r"X: expected at least one sequence and one step, got shape \(2, 0, 3\)"),
    (np.ones((2, 3, 1)) * 1j, "Complex data not supported"),
    (np.ones((2, 3, 1), "datetime64[s]"), "X: expected real numbers or tokens, got datetime64"),
    ([["a", None], ["b"]], "X: expected a token in column 0, got None at row 0, step 1"),
    ([["a", float("nan")], ["b"]], "X: expected numbers in column 0, which holds some, got 'a' at row 0, step 0"),
    (
        [[("a", 1), ("b", "x")], [("c", 2)]],
        "X: expected numbers in column 1, .*got 'x' at row 0, step 1; .*token_columns",
    ),
    ([[("a", np.nan), ("b", 1.0)], [("c", 2)]], "X: expected finite numbers, got NaN at row 0, step 0, column 1"),
    (None, "X: expected sequences, got None"),
]


@pytest.mark.parametrize(("x", "message"), BAD_X)
def test_x_that_cannot_be_used_is_refused(x: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        classifier().fit(x, [0, 1])


def test_nan_in_2_d_numbers_has_its_place():
    x = np.ones((4, 5))
    x[2, 3] = np.nan
    with pytest.raises(ValueError, match=r"X: expected finite numbers, got NaN at row 2, step 3$"):
        classifier().fit(x, [0, 1, 0, 1])


def test_a_column_of_numbers_refuses_tokens_later():
    model = classifier().fit([[("a", 1), ("b", 2)], [("c", 3)]], [0, 1])
    with pytest.raises(TypeError, match=r"X: expected numbers in column 1, .* got 'x' at row 0, step 0"):
        model.predict([[("a", "x")]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_columns": [2]}, "token_columns: expected columns below 2, which X has, got 2"),
        ({"token_columns": 1}, "token_columns: expected a list of columns"),
        ({"token_columns": ["word"]}, "token_columns: expected numbers of columns, since .* got 'word'"),
        ({"token_columns": [0], "embedding_size": [3, 4]}, "embedding_size: expected one for each of 1 columns"),
        ({"pooling": "mean+median"}, "pooling: expected one of 'last', 'mean', 'max', 'attention', got 'median'"),
        ({"pooling": "mean+mean"}, "pooling: expected each of .* once"),
        ({"cell": "rnn"}, "cell: expected one of"),
        ({"dropout": 1.5}, "dropout: expected a finite number in"),
        ({"hidden_size": 0}, "hidden_size: expected a whole number"),
    ],
)
def test_options_that_no_fit_takes_are_refused_by_their_name(options: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        classifier(**options).fit(X, Y)


# --------------------------------------------------------------------------------------------- labels y


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a"], ["a", "b"]),
        ([7, -3], [-3, 7]),
        ([2.0, 1.0], [1.0, 2.0]),
        ([True, False], [False, True]),
        ([("x", 1), ("a", 2)], [("a", 2), ("x", 1)]),
        (["a", 5], [5, "a"]),
        (np.array(["b", "a"], object), ["a", "b"]),
        (np.array([3, 1], np.uint8), [1, 3]),
        (np.array([b"b", b"a"]), [b"a", b"b"]),
    ],
)
def test_labels_of_any_kind_come_back_as_they_were(labels: Any, classes: list[Any]):
    y: Any = np.empty(24, object)
    y[:] = [labels[i % 2] for i in range(24)]
    y = np.resize(labels, 24) if isinstance(labels, np.ndarray) else y if isinstance(labels[0], tuple) else list(y)
    model = classifier(epochs=60, learning_rate=0.02, hidden_size=8).fit(X, y)
    assert model.classes_.tolist() == classes
    assert model.predict(X).tolist() == list(y)


BAD_Y: list[tuple[Any, str]] = [
    (["a"] * 24, "y: expected at least two classes, got one class alone: 'a'"),
    (["a", "b"], "y: expected 24, one for each sequence, got 2"),
    ([*["a", "b"] * 11, "a", None], "y: expected a label, got None at row 23"),
    ([*[0.0, 1.0] * 11, 0.0, np.nan], "Input y contains NaN: expected a label, got nan at row 23"),
    ([0.5, 1.0] * 12, "Unknown label type: continuous. y: .* got the real number 0.5 at row 0; SequenceRegressor"),
    ([["a", "b"]] * 24, r"y: expected one label for each sequence, shape \(n,\), got shape \(24, 2\)"),
    ([["a"], ["a", "b"]] * 12, "y: expected one label for each sequence, got sequences .*SequenceTagger"),
    (None, "requires y to be passed, but the target y is None"),
    ("label", "y: expected targets, got 'label'; a column name needs a"),
]


@pytest.mark.parametrize(("y", "message"), BAD_Y)
def test_labels_that_cannot_be_used_are_refused(y: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        classifier().fit(X, y)


BAD_TAGS: list[tuple[Any, str]] = [
    ([["a"] * len(row) for row in X], "y: expected at least two classes, got one class alone: 'a'"),
    (tags(X)[:5], "y: expected 24, one for each sequence, got 5"),
    ([tags(X)[0][:-1], *tags(X)[1:]], rf"y\[0\]: expected {len(X[0])} labels, one for each step of X\[0\], got"),
    ([[None] * len(X[0]), *tags(X)[1:]], r"y\[0\]: expected a label, got None at row 0"),
    (["text"] * 24, r"y\[0\]: expected a sequence of labels, one for each step, got the string 'text'"),
    (Y, r"y\[0\]: expected"),
    (3, "y: expected a list of n sequences of labels, got int"),
]


@pytest.mark.parametrize(("y", "message"), BAD_TAGS)
def test_tags_that_cannot_be_used_are_refused(y: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        SequenceTagger(**SMALL).fit(X, y)


BAD_NUMBERS: list[tuple[Any, str]] = [
    ([1.0] * 23 + [np.nan], "Input y contains NaN: expected finite numbers, got nan at row 23"),
    (np.full((24, 2), np.inf), "Input y contains infinity: expected finite numbers, got inf at row 0, column 0"),
    ([1.0] * 5, "y: expected 24, one for each sequence, got 5"),
    (["a"] * 24, "could not convert string to float"),
]


@pytest.mark.parametrize(("y", "message"), BAD_NUMBERS)
def test_numbers_that_cannot_be_used_are_refused(y: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        SequenceRegressor(**SMALL).fit(X, y)


# ----------------------------------------------------------------------------------------------- scores


def test_an_unseen_label_counts_as_wrong_and_is_named():
    model = classifier(epochs=60, learning_rate=0.02, hidden_size=8).fit(X, Y)
    assert model.score(X, Y) == 1.0
    other = ["left", "right", *Y[2:]]
    with pytest.warns(
        UnseenLabelWarning, match="y: 2 of 24 labels are none that fit met, .* 'left', 'right'; fit met 'down', 'up'"
    ):
        assert model.score(X, other) == 22 / 24
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.score(X[:4], Y[:4], sample_weight=[1, 2, 3, 4]) == 1.0


def test_an_unseen_tag_counts_as_wrong_and_is_named():
    model = SequenceTagger(**SMALL).fit(X, tags(X))
    with pytest.warns(UnseenLabelWarning, match=re.escape(f"y: {len(X[0])} of ") + ".* 'left'"):
        score = model.score(X, [["left"] * len(X[0]), *tags(X)[1:]])
    right = np.concatenate([model.predict(X[i : i + 1])[0] == tags(X)[i] for i in range(1, 24)])
    assert score == pytest.approx(right.sum() / sum(map(len, X)))


def test_a_score_needs_as_many_labels_as_sequences():
    model = classifier().fit(X, Y)
    with pytest.raises(ValueError, match="y: expected 24, one for each sequence, got 3"):
        model.score(X, Y[:3])


def test_probabilities_of_tags_have_the_length_of_their_sequence():
    model = SequenceTagger(**SMALL).fit(X, tags(X))
    probability = model.predict_proba(X)
    assert [each.shape for each in probability] == [(len(row), 2) for row in X]
    assert np.concatenate(probability).sum(axis=1) == pytest.approx(1.0)
    assert [row.tolist() for row in model.predict(X)] == [
        model.classes_[each.argmax(axis=1)].tolist() for each in probability
    ]


def test_long_and_short_sequences_are_predicted_in_blocks(monkeypatch: pytest.MonkeyPatch):
    from elman.sequence import model as networks

    model = SequenceTagger(**SMALL).fit(X, tags(X))
    whole = model.predict_proba(X)
    monkeypatch.setattr(networks, "BLOCK_STEPS", 12)
    for first, second in zip(model.predict_proba(X), whole, strict=True):
        assert first == pytest.approx(second, abs=1e-6)


# ------------------------------------------------------------------------------------------------ frames


def frame(library: str, rows: list[np.ndarray], labels: Any) -> Any:
    module = pytest.importorskip(library)
    table: dict[str, list[Any]] = {"who": [], "hour": [], "heat": [], "wind": [], "kind": []}
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        for step in reversed(range(len(row))):  # the rows of an id are put into the order of time
            each = label if isinstance(label, str | float) else label[step]
            for name, value in zip(table, (f"p{i:02}", step, *row[step].tolist(), each), strict=True):
                table[name].append(value)
    return module.DataFrame(table)


@pytest.mark.filterwarnings("ignore:the rows of 24 ids were not in order of time and were sorted")
@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(
    "kind", [SequenceClassifier, SequenceTagger, SequenceRegressor], ids=lambda kind: kind.__name__
)
def test_frames_in_long_form_are_sequences(library: str, kind: type[Any]):
    y: Any = {SequenceClassifier: [*map(str, Y)], SequenceTagger: [list(map(str, row)) for row in tags(X)]}.get(
        kind, [float(row[:, 0].mean()) for row in X]
    )
    table = frame(library, X, y)
    plain = kind(**SMALL).fit(X, y)
    model = kind(**SMALL, id="who", time="hour").fit(table, "kind")
    assert model.feature_names_in_.tolist() == ["heat", "wind"]
    assert model.n_features_in_ == 2
    assert all(np.array_equal(a, b) for a, b in zip(model.predict(table), plain.predict(X), strict=True))
    assert model.score(table, "kind") == plain.score(X, y)
    bare = table.drop(columns="kind") if library == "pandas" else table.drop("kind")
    assert all(np.array_equal(a, b) for a, b in zip(model.predict(bare), plain.predict(X), strict=True))


def test_wide_frames_are_2_d_x_as_everywhere_in_scikit_learn():
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).normal(size=(24, 5))
    model = classifier().fit(pandas.DataFrame(values, columns=[*"abcde"]), Y)
    assert model.feature_names_in_.tolist() == [*"abcde"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(pandas.DataFrame(values, columns=[*"edcba"]))
    model.fit(X, Y)
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.filterwarnings("ignore:taken by their names")
def test_a_long_frame_without_id_and_an_array_with_id_are_refused():
    table = frame("pandas", X, [*map(str, Y)])
    with pytest.raises(ValueError, match=r"X: expected numbers in a wide data frame, .* needs the option id="):
        classifier().fit(table, Y)
    with pytest.raises(TypeError, match="X: expected a data frame, since the option id is 'who'"):
        classifier(id="who").fit(X, Y)
    with pytest.raises(ValueError, match="y: expected 'label', the frame's column of labels, or a frame without it"):
        classifier(id="who", time="hour").fit(table.sort_values(["who", "hour"]).rename(columns={"kind": "label"}), Y)


def test_without_scikit_learn_the_command_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.startswith("elman.sequence")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"are estimators of scikit-learn; type: pip install 'elman\[sklearn\]'"
    ):
        importlib.import_module("elman.sequence")
