"""How estimators of sequences are trained: weights, early stopping, warm starts, partial_fit, checkpoints, progress."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sequence_data import SMALL, ragged, sentences, tags
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import elman
from elman import SequenceClassifier, SequenceRegressor, SequenceTagger, TrainingError

X, Y = ragged()
MEANS = np.array([row[:, 0].mean() for row in X])
GIVEN: dict[type[Any], Any] = {SequenceClassifier: Y, SequenceRegressor: MEANS, SequenceTagger: tags(X)}
EACH = pytest.mark.parametrize("kind", [*GIVEN], ids=lambda kind: kind.__name__)


def thetas(model: Any) -> list[bytes]:
    return [network.theta.tobytes() for network in model.networks_]


# ----------------------------------------------------------------------------------------------- it learns


@EACH
def test_it_learns(kind: type[Any]):
    model = kind(hidden_size=8, members=1, epochs=40, learning_rate=0.02).fit(X, GIVEN[kind])
    fresh, classes = ragged(seed=1)
    answers = {SequenceClassifier: classes, SequenceTagger: tags(fresh)}
    answers[SequenceRegressor] = np.array([row[:, 0].mean() for row in fresh])
    assert model.score(fresh, answers[kind]) > 0.9


def test_it_learns_from_words():
    rows, labels = sentences()
    model = SequenceClassifier(hidden_size=8, members=1, epochs=40, learning_rate=0.02).fit(rows, labels)
    assert model.score(rows, labels) == 1.0
    assert model.predict([["film", "the", "good"], ["bad"]]).tolist() == ["praise", "blame"]


def test_members_are_averaged_and_the_first_ones_of_a_larger_ensemble():
    one = SequenceRegressor(**SMALL).fit(X, MEANS)
    three = SequenceRegressor(**{**SMALL, "members": 3}).fit(X, MEANS)
    assert thetas(three)[:1] == thetas(one)
    assert len({*thetas(three)}) == 3
    alone = []
    for network in three.networks_:
        single = pickle.loads(pickle.dumps(three))
        single.networks_ = (network,)
        alone.append(single.predict(X))
    assert three.predict(X) == pytest.approx(np.mean(alone, axis=0))


def test_targets_are_standardised_so_that_their_unit_does_not_count():
    small = SequenceRegressor(**SMALL).fit(X, MEANS).predict(X)
    large = SequenceRegressor(**SMALL).fit(X, 1e6 * MEANS - 3e7).predict(X)
    assert large == pytest.approx(1e6 * small - 3e7, rel=1e-4)


def test_columns_are_standardised_by_the_steps_of_the_fit():
    model = SequenceClassifier(**SMALL).fit(X, Y)
    steps = np.concatenate(X)
    assert model.columns_.mean == pytest.approx(steps.mean(axis=0))
    assert model.columns_.scale == pytest.approx(steps.std(axis=0))
    scaled = [(row * [1e5, 1e-5] + [3.0, 7.0]) for row in X]
    other = SequenceClassifier(**SMALL).fit(scaled, Y)
    assert other.predict_proba(scaled) == pytest.approx(model.predict_proba(X), abs=1e-4)
    raw = SequenceClassifier(**SMALL, standardize=False).fit(X, Y)
    assert (raw.columns_.mean.tolist(), raw.columns_.scale.tolist()) == ([0.0, 0.0], [1.0, 1.0])


def test_several_targets_and_one_column_of_them_keep_their_shape():
    both = np.stack([MEANS, -3 * MEANS + 5], axis=1)
    model = SequenceRegressor(**{**SMALL, "epochs": 60}, learning_rate=0.02).fit(X, both)
    assert model.predict(X).shape == (24, 2)
    assert model.score(X, both) > 0.8
    assert SequenceRegressor(**SMALL).fit(X, both[:, :1]).predict(X).shape == (24, 1)


def test_several_labels_are_each_likely_or_not():
    shares = np.stack([MEANS > 0, [row[0, 1] > 0 for row in X], np.ones(24)], axis=1).astype(int)
    model = SequenceClassifier(hidden_size=8, members=1, epochs=200, learning_rate=0.02).fit(X, shares)
    probability = model.predict_proba(X)
    assert probability.shape == (24, 3)
    assert (model.predict(X) == (probability > 0.5)).all()
    assert model.score(X, shares) == (model.predict(X) == shares).all(axis=1).mean() > 0.8
    assert model.decision_function(X) == pytest.approx(np.log(probability) - np.log1p(-probability))
    assert model.classes_.tolist() == [0, 1, 2]


# -------------------------------------------------------------------------------------------------- weights


def test_class_weights_multiply_those_of_the_rows():
    by_class = SequenceClassifier(**SMALL, class_weight={"up": 3.0, "down": 1.0}).fit(X, Y)
    by_row = SequenceClassifier(**SMALL).fit(X, Y, sample_weight=np.where(Y == "up", 3.0, 1.0))
    assert thetas(by_class) == thetas(by_row)
    rare = np.where(np.arange(24) < 20, "down", "up")
    balanced = SequenceClassifier(**SMALL, class_weight="balanced").fit(X, rare)
    explicit = SequenceClassifier(**SMALL, class_weight={"down": 24 / (2 * 20), "up": 24 / (2 * 4)}).fit(X, rare)
    assert thetas(balanced) == thetas(explicit)


def test_class_weights_of_a_tagger_weigh_steps():
    heavy = SequenceTagger(**SMALL, class_weight={"high": 50.0}).fit(X, tags(X))
    plain = SequenceTagger(**SMALL).fit(X, tags(X))
    share = [np.mean(np.concatenate(model.predict(X)) == "high") for model in (heavy, plain)]
    assert share[0] > share[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"left": 1.0}, "class_weight: expected weights of the labels 'down', 'up', got 'left'"),
        ({"up": -1.0}, r"class_weight\['up'\]: expected a finite number of at least 0"),
        ("equal", "class_weight: expected 'balanced' or a mapping"),
    ],
)
def test_class_weights_that_are_none_are_refused(given: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        SequenceClassifier(**SMALL, class_weight=given).fit(X, Y)


# ------------------------------------------------------------------------------------------- early stopping


@EACH
def test_early_stopping_ends_before_all_epochs_and_keeps_the_best(kind: type[Any]):
    rng = np.random.default_rng(0)
    # nothing to be learned
    options = {**SMALL, "epochs": 500, "learning_rate": 0.05, "early_stopping": True, "patience": 2}
    y = [rng.permutation(row) for row in GIVEN[kind]] if kind is SequenceTagger else rng.permutation(GIVEN[kind])
    model = kind(**options, validation_fraction=0.25).fit(X, y)
    history = model.histories_[0]
    assert model.n_iter_ == len(history) < 500
    assert np.isfinite(history.validation_loss).all()
    assert history.validation_loss.argmin() == len(history) - 3


def test_held_out_sequences_are_drawn_by_the_seed_and_have_all_classes():
    from elman.sequence.targets import Classes
    from elman.sequence.training import Data, split_rows

    model = SequenceClassifier(**SMALL).fit(X, Y)
    data = Data(model._read(X, reset=False), model.target_.encode(Y), None)
    assert isinstance(model.target_, Classes)
    rest, held_out = split_rows(model.target_, data, 0.25, seed=3)
    assert sorted([*rest, *held_out]) == [*range(24)]
    assert np.bincount(data.y[held_out]).tolist() == [3, 3]
    assert split_rows(model.target_, data, 0.25, seed=3)[1].tolist() == held_out.tolist()
    assert split_rows(model.target_, data, 0.25, seed=4)[1].tolist() != held_out.tolist()


# ------------------------------------------------------------------------------------------------- going on


@EACH
def test_a_warm_start_goes_on_from_the_weights(kind: type[Any]):
    model = kind(**SMALL, warm_start=True).fit(X, GIVEN[kind])
    first = thetas(model)
    cold = kind(**SMALL).fit(X, GIVEN[kind])
    assert thetas(cold) == first
    loss = model.histories_[0].loss[-1]
    for _ in range(4):
        model.fit(X, GIVEN[kind])
    assert thetas(model) != first
    assert model.histories_[0].loss[-1] < loss
    assert thetas(cold.fit(X, GIVEN[kind])) == first


def test_a_warm_start_refuses_another_network_and_other_labels():
    model = SequenceClassifier(**SMALL, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="y: expected the labels 'down', 'up', got 'left' at row 0"):
        model.fit(X, ["left", *Y[1:]])
    with pytest.raises(ValueError, match="warm_start: expected the options with which the networks were made"):
        model.set_params(hidden_size=5).fit(X, Y)


@EACH
def test_partial_fit_learns_and_goes_on_after_pickling_to_the_same_bits(kind: type[Any]):
    told = (
        {}
        if kind is SequenceRegressor
        else {"classes": sorted({*np.ravel(np.concatenate([*map(np.ravel, GIVEN[kind])]))})}
    )
    model = kind(**SMALL, learning_rate=0.02).partial_fit(X, GIVEN[kind], **told)
    losses = [model.histories_[0].loss[-1]]
    other = pickle.loads(pickle.dumps(model))
    for _ in range(8):
        model.partial_fit(X, GIVEN[kind])
        losses.append(model.histories_[0].loss[-1])
        other.partial_fit(X, GIVEN[kind])
    assert losses[-1] < losses[0]
    assert model.n_iter_ == 9
    assert thetas(other) == thetas(model)


def test_partial_fit_needs_all_classes_at_first_and_refuses_others_later():
    model = SequenceClassifier(**SMALL)
    with pytest.raises(ValueError, match="classes: expected all labels that y may have, in the first call"):
        model.partial_fit(X, Y)
    model.partial_fit(X[1::2], Y[1::2], classes=["up", "down", "level"])
    assert model.classes_.tolist() == ["down", "level", "up"]
    assert model.predict_proba(X).shape == (24, 3)
    with pytest.raises(ValueError, match="y: expected the labels 'down', 'level', 'up', got 'left' at row 3"):
        model.partial_fit(X[:4], ["up", "up", "down", "left"])
    with pytest.raises(ValueError, match="classes: expected those of the first call, 'down', 'level', 'up'"):
        model.partial_fit(X, Y, classes=["up", "down"])


def test_partial_fit_goes_on_from_a_fit_and_from_a_file(tmp_path: Path):
    model = SequenceRegressor(**SMALL).fit(X, MEANS)
    model.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert thetas(loaded.partial_fit(X, MEANS)) == thetas(model.partial_fit(X, MEANS))
    assert model.n_iter_ == 4


@EACH
def test_a_fit_that_was_stopped_goes_on_from_its_checkpoints_to_the_same_bits(kind: type[Any], tmp_path: Path):
    whole = kind(**{**SMALL, "members": 2, "epochs": 6}).fit(X, GIVEN[kind])
    before = kind(**{**SMALL, "members": 2, "epochs": 6})

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        before.fit(X, GIVEN[kind], checkpoint=tmp_path / "kept", on_progress=stop)
    assert not hasattr(before, "networks_")
    assert thetas(before.fit(X, GIVEN[kind], resume=tmp_path / "kept")) == thetas(whole)


def test_a_fit_that_is_interrupted_leaves_the_estimator_as_it_was():
    model = SequenceClassifier(**SMALL).fit(X, Y)
    before = {name: id(value) for name, value in vars(model).items()}

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit([row[:, :1] for row in X], Y, on_progress=stop)
    assert {name: id(value) for name, value in vars(model).items()} == before


def test_a_training_that_fails_is_reported_by_the_doctor():
    model = SequenceClassifier(**{**SMALL, "epochs": 50}, cell="relu", standardize=False, learning_rate=1e4)
    with pytest.raises(TrainingError, match="update"):
        model.fit([1e3 * row for row in X], Y)


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]):
    told: list[float] = []
    SequenceClassifier(**{**SMALL, "members": 2}, progress=True).fit(X, Y, on_progress=told.append)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("training 100%")
    assert all(line.startswith("training ") and ("left" in line or "100%" in line) for line in lines)
    assert told[-1] == 1.0
    SequenceClassifier(**SMALL).fit(X, Y)
    assert capsys.readouterr().err == ""


# --------------------------------------------------------------------------------------------- scikit-learn


@EACH
def test_cross_validation_takes_ragged_lists(kind: type[Any]):
    scores = cross_val_score(kind(**{**SMALL, "epochs": 30}, learning_rate=0.02), X, GIVEN[kind], cv=3)
    assert scores.mean() > 0.5


def test_a_grid_search_finds_options_and_is_pickled():
    search = GridSearchCV(SequenceClassifier(**SMALL), {"hidden_size": [2, 3]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_estimator_.hidden_size in (2, 3)
    assert (pickle.loads(pickle.dumps(search)).predict(X) == search.predict(X)).all()


def test_a_pipeline_hands_sequences_on():
    halved = FunctionTransformer(lambda rows: [row[:, :1] for row in rows])
    model = make_pipeline(halved, SequenceClassifier(**SMALL)).fit(X, Y)
    assert clone(model)[-1].get_params() == model[-1].get_params()
    assert model[-1].n_features_in_ == 1
    assert model.predict(X).shape == (24,)
