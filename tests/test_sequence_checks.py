"""scikit-learn's checks of the estimators of sequences, and twins of their meaning for 3-D and ragged X."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from elman import SequenceClassifier, SequenceRegressor, SequenceTagger

SMALL: dict[str, Any] = {"hidden_size": 8, "members": 1, "pooling": "last", "bidirectional": False, "dropout": 0.0}
QUICK: dict[type[Any], dict[str, Any]] = {
    SequenceClassifier: {**SMALL, "epochs": 40, "learning_rate": 0.01},
    SequenceRegressor: {**SMALL, "epochs": 100, "learning_rate": 0.01},
    SequenceTagger: {"hidden_size": 4, "members": 1, "epochs": 3},
}
EACH = pytest.mark.parametrize("kind", [*QUICK], ids=lambda kind: kind.__name__)

# ---------------------------------------------------------------------------------- scikit-learn's own suite

WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight 2 is in one batch of an epoch, two rows in two"
}
ONE_LABEL = "y is one label for each sample; a tagger's are one for each step"
# The checks that give a tagger one label for each sample
OF_SAMPLES = (
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
)


# Checks that scikit-learn leaves out where there is no pandas; check_array_api_input needs SCIPY_ARRAY_API=1
OF_PANDAS = (
    "check_classifier_data_not_an_array",
    "check_regressor_data_not_an_array",
    "check_sample_weights_pandas_series",
)


class EachStep(SequenceTagger):
    """A tagger that takes one label for each sample as that of each of its steps, so that scikit-learn can check it."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **others: Any) -> Any:
        steps = np.asarray(X).shape[1] if not hasattr(X, "toarray") and np.ndim(np.asarray(X)) > 1 else 1
        return super().fit(
            X, None if y is None else [[label] * steps for label in np.asarray(y).ravel()], sample_weight
        )

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        known = np.unique(y) if classes is None else classes
        return super().partial_fit(X, [[label] * np.asarray(X).shape[1] for label in y], known, sample_weight)

    def predict(self, X: Any) -> Any:
        return np.array(super().predict(X))

    def predict_proba(self, X: Any) -> Any:
        return np.array(super().predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return super().score(X, [[label] * np.asarray(X).shape[1] for label in y], sample_weight)


def suite(estimator: Any, expected: dict[str, str]) -> dict[str, list[str]]:
    """The names of the checks by how they ended."""
    found: dict[str, list[str]] = {}
    results = check_estimator(estimator, expected_failed_checks=expected, on_skip=None, on_fail=None)
    for result in results:
        why = "" if result["status"] in ("passed", "xfail", "skipped") else f": {result['exception']!r}"
        found.setdefault(result["status"], []).append(f"{result['check_name']}{why}")
    print(f"{type(estimator).__name__}: {len(results)} checks, { ({key: len(names) for key, names in found.items()}) }")
    return found


@pytest.mark.parametrize(
    ("kind", "expected", "least"),
    [
        (SequenceClassifier, WEIGHTS, 60),
        (SequenceRegressor, WEIGHTS, 55),
        (SequenceTagger, dict.fromkeys(OF_SAMPLES, ONE_LABEL), 15),
        (EachStep, WEIGHTS, 45),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn(kind: type[Any], expected: dict[str, str], least: int):
    options = QUICK.get(kind, QUICK[SequenceTagger])
    found = suite(kind(**options), expected)
    assert "failed" not in found
    skipped = {*found.get("skipped", [])}
    assert {*found["xfail"]} == {*expected} - skipped
    assert len(found["passed"]) >= least
    assert skipped <= {"check_array_api_input"} | ({*OF_PANDAS} if find_spec("pandas") is None else set())


@EACH
def test_the_tags_say_what_x_may_be(kind: type[Any]):
    tags = kind().__sklearn_tags__()
    assert (tags.input_tags.two_d_array, tags.input_tags.three_d_array) == (True, True)
    assert tags.input_tags.sparse is tags.input_tags.allow_nan is tags.no_validation is tags.non_deterministic is False
    assert tags.target_tags.required is True
    assert tags.estimator_type == {SequenceClassifier: "classifier", SequenceRegressor: "regressor"}.get(kind)


# --------------------------------------------------------------------- twins for 3-D and ragged X: the data

RNG = np.random.default_rng(0)
CUBE = RNG.normal(size=(14, 6, 3))
RAGGED = [RNG.normal(size=(int(steps), 3)) for steps in [4, 7, 2, 5, 9, 1, 3, 6, 8, 5, 2, 4, 7, 3]]
FORMS: dict[str, Any] = {"3-D": CUBE, "ragged": RAGGED}
each_form = pytest.mark.parametrize("form", [*FORMS])


def targets(kind: type[Any], X: Any) -> Any:
    if kind is SequenceTagger:
        return [np.where(np.asarray(row)[:, 0] > 0, "up", "down") for row in X]
    means = np.array([np.asarray(row)[:, 0].mean() for row in X])
    return means if kind is SequenceRegressor else np.where(means > np.median(means), "up", "down")


def chosen(X: Any, rows: Any) -> Any:
    return X[rows] if isinstance(X, np.ndarray) else [X[i] for i in np.arange(len(X))[rows]]


def same(first: Any, second: Any) -> bool:
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def made(kind: type[Any], **options: Any) -> Any:
    return kind(**{**QUICK[kind], "epochs": 3, **options})


def fitted(kind: type[Any], form: str = "ragged") -> Any:
    return made(kind).fit(FORMS[form], targets(kind, FORMS[form]))


def answers(model: Any, X: Any) -> Any:
    return model.predict(X) if isinstance(model, SequenceRegressor) else model.predict_proba(X)


# ---------------------------------------------------------------------------------------- twins: the checks


@EACH
@each_form
def test_a_clone_has_the_options_and_is_not_fitted(kind: type[Any], form: str):
    model = fitted(kind, form).set_params(seed=3)
    other = clone(model)
    assert other.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        other.predict(FORMS[form])
    assert same(answers(other.set_params(seed=0).fit(FORMS[form], targets(kind, FORMS[form])), FORMS[form]),
                answers(model, FORMS[form]))  # fmt: skip


@EACH
@each_form
def test_pickle_keeps_all_bits(kind: type[Any], form: str):
    model = fitted(kind, form)
    assert same(answers(pickle.loads(pickle.dumps(model)), FORMS[form]), answers(model, FORMS[form]))


@EACH
@each_form
def test_fitting_again_gives_the_same_bits_and_changes_no_option(kind: type[Any], form: str):
    X, y = FORMS[form], targets(kind, FORMS[form])
    model = made(kind)
    before = dict(model.get_params())
    first = answers(model.fit(X, y), X)
    assert same(answers(model.fit(X, y), X), first)
    assert model.get_params() == before
    assert all(name.endswith("_") or name.startswith("_") for name in vars(model) if name not in before)


@EACH
@each_form
def test_fit_and_predict_change_neither_data_nor_the_estimator(kind: type[Any], form: str):
    X, y = FORMS[form], targets(kind, FORMS[form])
    kept = pickle.dumps((X, y))
    model = made(kind).fit(X, y)
    state = {name: id(value) for name, value in vars(model).items()}
    model.predict(X)
    model.score(X, y)
    assert pickle.dumps((X, y)) == kept
    assert {name: id(value) for name, value in vars(model).items()} == state


@EACH
@each_form
@pytest.mark.parametrize("rows", [slice(0, 1), slice(3, 9), slice(None, None, 3)], ids=["one", "some", "every third"])
def test_an_answer_depends_on_its_own_sequence_alone(kind: type[Any], form: str, rows: slice):
    model, X = fitted(kind, form), FORMS[form]
    whole = answers(model, X)
    assert same(answers(model, chosen(X, rows)), chosen(whole, rows))


@EACH
@each_form
def test_the_order_of_sequences_changes_no_answer(kind: type[Any], form: str):
    model, X = fitted(kind, form), FORMS[form]
    order = np.random.default_rng(1).permutation(len(X))
    assert same(answers(model, chosen(X, order)), chosen(answers(model, X), order))


@EACH
@each_form
def test_read_only_memory_maps_are_read(kind: type[Any], form: str, tmp_path: Path):
    X, flat = FORMS[form], np.concatenate([*FORMS[form]])
    flat.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float64, "r", shape=flat.shape)
    cut: Any = np.split(mapped, np.cumsum([len(row) for row in X])[:-1])
    given = mapped.reshape(X.shape) if form == "3-D" else cut
    y = targets(kind, X)
    assert same(answers(made(kind).fit(given, y), given), answers(fitted(kind, form), X))


@EACH
@pytest.mark.parametrize(
    "strided",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[::-1, ::-1][::-1, ::-1]],
    ids=["Fortran", "every second step", "negative strides"],
)
def test_strides_change_no_bit(kind: type[Any], strided: Callable[[np.ndarray], np.ndarray]):
    y = targets(kind, CUBE)
    assert same(answers(made(kind).fit(strided(CUBE), y), strided(CUBE)), answers(fitted(kind, "3-D"), CUBE))


@EACH
@each_form
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool", "object"])
def test_numbers_of_each_type_are_the_same_numbers(kind: type[Any], form: str, dtype: str):
    whole = [np.asarray(row).round().clip(0, 1) if dtype == "bool" else np.asarray(row).round() for row in FORMS[form]]
    given: Any = [row.astype(dtype) for row in whole]
    expected: Any = whole
    if form == "3-D":
        given, expected = np.array(given, dtype), np.array(whole)
    y = targets(kind, FORMS[form])
    model = made(kind).fit(given, y)
    assert same(answers(model, given), answers(made(kind).fit(expected, y), expected))
    assert same(answers(model, given), answers(model, expected))


@EACH
def test_a_list_of_equal_sequences_is_the_same_as_3_d(kind: type[Any]):
    model = fitted(kind, "3-D")
    assert same(answers(made(kind).fit([*CUBE], targets(kind, CUBE)), CUBE), answers(model, [*CUBE]))


@EACH
@each_form
def test_n_features_in_is_the_number_of_columns_and_others_are_refused(kind: type[Any], form: str):
    model = fitted(kind, form)
    assert model.n_features_in_ == 3
    narrow = CUBE[:, :, :2] if form == "3-D" else [row[:, :2] for row in RAGGED]
    with pytest.raises(ValueError, match=f"X has 2 features, but {kind.__name__} is expecting 3 features as input"):
        model.predict(narrow)


@EACH
def test_n_features_in_of_2_d_is_the_number_of_steps_and_others_are_refused(kind: type[Any]):
    X = CUBE[:, :, 0]
    y = targets(kind, CUBE)
    model = made(kind).fit(X, y)
    assert model.n_features_in_ == 6
    assert same(answers(model, X), answers(model, CUBE[:, :, :1]))  # the same sequences in another form
    for other in (X[:, :5], RAGGED, CUBE, [row[:, 0] for row in RAGGED]):
        with pytest.raises(ValueError, match=f"X has . features, but {kind.__name__} is expecting 6 features as input"):
            model.predict(other)


@EACH
def test_univariate_lists_have_any_length(kind: type[Any]):
    X = [row[:, 0] for row in RAGGED]
    model = made(kind).fit(X, targets(kind, RAGGED))
    assert model.n_features_in_ == 1
    longer = RNG.normal(size=(4, 30))
    assert same(answers(model, longer), answers(model, [*longer]))


@EACH
@each_form
def test_sequences_of_weight_0_are_as_good_as_absent(kind: type[Any], form: str):
    X, y = FORMS[form], targets(kind, FORMS[form])
    weight = np.where(np.arange(len(X)) % 4 == 1, 0.0, 2.0)
    kept = np.flatnonzero(weight)
    without = made(kind).fit(chosen(X, kept), [y[i] for i in kept])
    model = made(kind).fit(X, y, sample_weight=weight)
    for first, second in zip(answers(model, X), answers(without, X), strict=True):
        assert np.allclose(first, second, rtol=1e-4, atol=1e-5)


@EACH
@each_form
def test_equal_weights_are_none(kind: type[Any], form: str):
    X, y = FORMS[form], targets(kind, FORMS[form])
    assert same(answers(made(kind).fit(X, y, sample_weight=[3.0] * len(X)), X), answers(fitted(kind, form), X))


@EACH
@each_form
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(3), r"sample_weight: expected shape \(14,\), one for each sequence, got shape \(3,\)"),
        (np.ones((14, 2)), r"sample_weight: expected shape \(14,\)"),
        ([-1.0] * 14, "sample_weight: expected finite numbers of at least 0, got -1.0 at row 0"),
        ([1.0] * 13 + [np.nan], "sample_weight: expected finite numbers of at least 0, got nan at row 13"),
        (np.zeros(14), "sample_weight: expected at least one weight above 0, got zeros alone"),
    ],
)
def test_weights_that_are_none_are_refused(kind: type[Any], form: str, weight: Any, message: str):
    with pytest.raises(ValueError, match=message):
        made(kind).fit(FORMS[form], targets(kind, FORMS[form]), sample_weight=weight)


@EACH
@each_form
@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_nan_and_infinity_are_refused_with_their_place(kind: type[Any], form: str, value: float, shown: str):
    X = [row.copy() for row in FORMS[form]]
    X[4][3, 1] = value
    given: Any = np.array(X) if form == "3-D" else X
    message = f"X: expected finite numbers, got {shown} at row 4, step 3, column 1"
    with pytest.raises(ValueError, match=message):
        made(kind).fit(given, targets(kind, FORMS[form]))
    model = fitted(kind, form)
    with pytest.raises(ValueError, match=message):
        model.predict(given)


@EACH
@each_form
def test_partial_fit_refuses_other_columns(kind: type[Any], form: str):
    X, y = FORMS[form], targets(kind, FORMS[form])
    classes = {} if kind is SequenceRegressor else {"classes": ["down", "up"]}
    model = made(kind).partial_fit(X, y, **classes)
    narrow = CUBE[:, :, :2] if form == "3-D" else [row[:, :2] for row in RAGGED]
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features as input"):
        model.partial_fit(narrow, y)
