"""Files of estimators of sequences: what can be saved loads, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sequence_data import SMALL, ragged, sentences, tags

import elman
from elman import FileError, SequenceClassifier, SequenceRegressor, SequenceTagger
from elman.core import io

X, Y = ragged()
MEANS = np.array([row[:, 0].mean() for row in X])
WORDS, PRAISE = sentences()
MIXED = [[(word, float(i), len(word)) for i, word in enumerate(row)] for row in WORDS]
TABLE = np.random.default_rng(0).normal(size=(12, 5))

MADE: dict[str, tuple[Any, Any, Any]] = {
    "classes": (SequenceClassifier(**SMALL), X, Y),
    "flags, two members": (SequenceClassifier(**{**SMALL, "members": 2}), X, Y == "up"),
    "whole numbers, 2-D": (SequenceClassifier(**SMALL, class_weight={3: 2.0}), TABLE, [3, -1] * 6),
    "objects": (SequenceClassifier(**SMALL, class_weight="balanced"), TABLE, ["a", 5] * 6),
    "several labels": (SequenceClassifier(**SMALL), TABLE, np.eye(3, dtype=int)[np.arange(12) % 3]),
    "words": (SequenceClassifier(**SMALL, min_count=2, dropout=0.5), WORDS, PRAISE),
    "columns": (
        SequenceClassifier(**SMALL, token_columns=[2], embedding_size=[3, 2], pooling="mean+max"),
        MIXED,
        PRAISE,
    ),
    "number": (SequenceRegressor(**SMALL, pooling="attention"), X, MEANS),
    "numbers": (SequenceRegressor(**SMALL, cell="lstm", bidirectional=True), X, np.stack([MEANS, -MEANS], axis=1)),
    "tags": (SequenceTagger(**SMALL, num_layers=2), X, tags(X)),
}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    return {name: model.fit(x, y) for name, (model, x, y) in MADE.items()}


@pytest.mark.parametrize("name", [*MADE])
def test_what_was_saved_answers_the_same_and_is_saved_again_with_the_same_bytes(
    name: str, fitted: dict[str, Any], tmp_path: Path
):
    model, x = fitted[name], MADE[name][1]
    model.save(tmp_path / "first")
    loaded = elman.load(tmp_path / "first")
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "first").read_bytes()
    assert type(loaded) is type(model)
    expected = {key: list(value) if isinstance(value, tuple) else value for key, value in model.get_params().items()}
    assert {key: list(v) if isinstance(v, tuple) else v for key, v in loaded.get_params().items()} == expected
    for first, second in zip(loaded.predict(x), model.predict(x), strict=True):
        assert np.array_equal(first, second)
    for each in ("classes_", "n_features_in_", "n_iter_"):
        assert np.array_equal(getattr(loaded, each, None), getattr(model, each, None))
    if hasattr(model, "classes_"):
        assert loaded.classes_.dtype == model.classes_.dtype


def test_names_of_columns_are_kept(tmp_path: Path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE, columns=[*"abcde"])
    SequenceRegressor(**SMALL).fit(frame, TABLE[:, 0]).save(tmp_path / "model")
    assert elman.load(tmp_path / "model").feature_names_in_.tolist() == [*"abcde"]


def test_labels_and_tokens_that_no_file_can_hold_are_refused(tmp_path: Path):
    y: Any = np.empty(12, object)
    y[:] = [("a", i % 2) for i in range(12)]
    with pytest.raises(TypeError, match=r"target.labels.labels\[.*\]: expected"):
        SequenceClassifier(**SMALL).fit(TABLE, y).save(tmp_path / "model")
    rows = [np.array([frozenset("a"), frozenset("b")], object)] * 12
    with pytest.raises(TypeError, match=r"columns.vocabularies\[.*\].tokens\[.*\]: expected"):
        SequenceClassifier(**SMALL).fit(rows, [0, 1] * 6).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], None]


def altered(model: Any, path: Path, change: Change, kind: str | None = None) -> Path:
    model.save(path)
    own, description, tensors = io.read(path)
    change(description["value"], tensors)
    io.write(path, kind or own, description, tensors)
    return path


CHANGES: list[tuple[str, Change, str]] = [
    (
        "classes",
        lambda value, _: value["target"].update(labels={"labels": ["up"], "kind": "strings"}),
        "expected at least two",
    ),
    ("classes", lambda value, _: value["target"]["labels"].update(labels=["up", "up"]), "expected each once"),
    ("classes", lambda value, _: value["target"]["labels"].update(labels=["a", "b", "c"]), "expected 3 outputs, got 2"),
    ("classes", lambda value, _: value["target"]["labels"].update(labels=[1, 2]), "expected strings"),
    ("classes", lambda value, _: value.update(features=3), "expected the 2 columns, got 3"),
    ("classes", lambda value, _: value.update(table=True), "expected one column of numbers"),
    ("classes", lambda value, _: value.update(names=["a"]), "expected 2, got 1"),
    ("classes", lambda value, _: value["columns"].update(numeric=[0, 0]), "expected each of 2 columns once"),
    ("classes", lambda value, _: value["columns"].update(count=3), "expected each of 3 columns once"),
    ("classes", lambda value, tensors: tensors["columns.scale"].__setitem__(0, 0.0), "scales above 0"),
    ("classes", lambda value, tensors: tensors["networks.theta"].__setitem__(0, np.nan), "expected finite numbers"),
    ("number", lambda value, tensors: tensors["target.scale"].__setitem__(0, -1.0), "finite numbers above 0"),
    ("numbers", lambda value, _: value["target"].update(single=True), "expected one target, got 2"),
    ("words", lambda value, _: value["columns"]["vocabularies"][0]["tokens"].append("new"), "a row for each token"),
    (
        "words",
        lambda value, _: value["columns"].update(vocabularies=value["columns"]["vocabularies"] * 2),
        "each of tokens",
    ),
    ("several labels", lambda value, _: value["target"].update(count=0), "count: expected at least 1"),
]


@pytest.mark.parametrize(("name", "change", "message"), CHANGES)
def test_parts_that_do_not_fit_are_refused(
    name: str, change: Change, message: str, fitted: dict[str, Any], tmp_path: Path
):
    with pytest.raises(FileError, match=message):
        elman.load(altered(fitted[name], tmp_path / "model", change))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("classes", "regressor"), ("number", "classifier"), ("tags", "classifier"), ("classes", "tagger")],
)
def test_a_file_of_another_kind_is_refused(name: str, kind: str, fitted: dict[str, Any], tmp_path: Path):
    with pytest.raises(FileError, match=r"target|options"):
        elman.load(altered(fitted[name], tmp_path / "model", lambda value, tensors: None, f"sequence {kind}"))
