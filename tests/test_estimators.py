"""What all estimators share: options with constraints and earlier names, being fitted, and scikit-learn's checks."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from elman import AnomalyDetector, Forecaster
from elman.core import fields
from elman.estimators.base import Constraints, Estimator, NotFittedError, checked_option

try:  # their suite of checks is in test_sequence_checks.py
    from elman.sequence import SequenceClassifier, SequenceRegressor, SequenceTagger
except ModuleNotFoundError:
    SEQUENCES: list[type[Any]] = []
else:
    SEQUENCES = [SequenceClassifier, SequenceRegressor, SequenceTagger]

ESTIMATORS: list[type[Estimator]] = [Forecaster, AnomalyDetector]
QUICK: dict[type[Estimator], dict[str, Any]] = {
    Forecaster: {"horizon": 2, "season": 1, "windows": 1, "members": 1, "hidden_size": 2, "updates": 3},
    AnomalyDetector: {"effort": "fast", "hidden_size": 2, "season": 1, "probation": 80},
}
each_estimator = pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)


def series() -> np.ndarray:
    return 10.0 + np.random.default_rng(0).normal(size=120)


# -------------------------------------------------------------------------------------------- scikit-learn's checks

# Those of `check_estimator` that concern options and files alone. The others fit a table of n samples with a target
# beside it; a forecaster is fitted to a series.
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@each_estimator
@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_scikit_learn(kind: type[Estimator], name: str):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)(kind.__name__, kind(**QUICK[kind]))


@each_estimator
def test_a_clone_has_the_options_and_is_not_fitted(kind: type[Estimator]):
    base = pytest.importorskip("sklearn.base")
    model = kind(**QUICK[kind]).fit(series())  # type: ignore[attr-defined]
    clone = base.clone(model)
    assert clone.get_params() == model.get_params()
    assert vars(clone) == vars(kind(**QUICK[kind]))
    several = kind(season=(7, 14))  # type: ignore[call-arg]
    assert base.clone(several).get_params() == several.get_params()


@each_estimator
def test_scikit_learn_sees_whether_it_is_fitted(kind: type[Estimator]):
    validation = pytest.importorskip("sklearn.utils.validation")
    model = kind(**QUICK[kind])
    with pytest.raises(pytest.importorskip("sklearn.exceptions").NotFittedError):
        validation.check_is_fitted(model)
    validation.check_is_fitted(model.fit(series()))  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------------------- fit


@each_estimator
def test_fit_returns_the_estimator_and_changes_no_option(kind: type[Any]):
    model = kind(**QUICK[kind])
    before = copy.deepcopy(model.get_params())
    assert model.fit(series()) is model
    assert model.get_params() == before
    fitted = {name for name in vars(model) if name not in before}
    assert fitted
    assert all(name.endswith("_") or name.startswith("_") for name in fitted)


@each_estimator
def test_fitting_again_gives_the_same_bits(kind: type[Any]):
    def bits(model: Any) -> bytes:
        networks = model.model_.networks if kind is Forecaster else [model.model_.network]
        return b"".join(network.theta.tobytes() for network in networks)

    model = kind(**QUICK[kind]).fit(series())
    first = bits(model)
    assert bits(model.fit(series())) == first
    assert bits(pickle.loads(pickle.dumps(model))) == first


UNFITTED: list[tuple[type[Any], str, Callable[[Any], Any]]] = [
    (Forecaster, "predict", lambda own: own.predict()),
    (Forecaster, "predict_interval", lambda own: own.predict_interval()),
    (Forecaster, "predict_quantiles", lambda own: own.predict_quantiles()),
    (Forecaster, "forecast", lambda own: own.forecast()),
    (Forecaster, "update", lambda own: own.update(series())),
    (Forecaster, "update_state", lambda own: own.update_state(series())),
    (Forecaster, "backtest", lambda own: own.backtest()),
    (Forecaster, "coverage", lambda own: own.coverage()),
    (Forecaster, "verdict", lambda own: own.verdict()),
    (Forecaster, "save", lambda own: own.save("never")),
    (AnomalyDetector, "rows_", lambda own: own.rows_),
    (AnomalyDetector, "score_one", lambda own: own.score_one(1.0)),
    (AnomalyDetector, "detect", lambda own: own.detect(series())),
    (AnomalyDetector, "save", lambda own: own.save("never")),
]


@pytest.mark.parametrize(("kind", "name", "use"), UNFITTED, ids=lambda part: getattr(part, "__name__", part))
def test_what_needs_a_fit_says_so(kind: type[Any], name: str, use: Callable[[Any], Any]):
    with pytest.raises(NotFittedError, match=f"{kind.__name__}: expected fit to be called before, it was not"):
        use(kind())


@pytest.mark.parametrize("base", [ValueError, AttributeError, RuntimeError])
def test_the_error_is_caught_as_scikit_learns_and_as_before(base: type[Exception]):
    with pytest.raises(base):
        Forecaster().predict()


# ------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize("kind", [*ESTIMATORS, *SEQUENCES], ids=lambda kind: kind.__name__)
def test_every_option_has_a_constraint_that_its_default_meets(kind: type[Estimator]):
    assert {*kind._constraints} == {*kind().get_params()}
    assert {*kind().checked_options()} == {*kind._constraints}


NOTHING_TAKES: list[Any] = [object(), {"a": 1}, b"1", float("nan"), 1j, [[]]]
OPTIONS = [(kind, name) for kind in [*ESTIMATORS, *SEQUENCES] for name in kind._constraints]


@pytest.mark.parametrize("value", NOTHING_TAKES, ids=["object", "mapping", "bytes", "NaN", "complex", "nested list"])
@pytest.mark.parametrize(("kind", "name"), OPTIONS, ids=lambda part: getattr(part, "__name__", part))
def test_what_no_option_takes_is_refused_by_its_name_before_the_data_are_read(kind: type[Any], name: str, value: Any):
    if name == "class_weight" and isinstance(value, dict):
        pytest.skip("a mapping is one, of labels that only the data show")
    with pytest.raises((ValueError, TypeError), match=rf"^{name}(\[0\])?: expected .*, got "):
        kind(**{name: value}).fit("no such file")


def test_numbers_of_numpy_are_numbers_and_come_back_plain():
    found = Forecaster(
        horizon=np.int64(3), boxcox_lambda=np.float32(0.5), season=[np.int64(7)], seed=np.uint8(1)
    ).checked_options()
    assert (found["horizon"], found["boxcox_lambda"], found["season"], found["seed"]) == (3, 0.5, (7,), 1)
    assert {type(found[name]) for name in ("horizon", "seed")} == {int}


def test_the_first_constraint_that_passes_is_taken_and_the_last_one_tells():
    either = [fields.whole(1, 3), fields.one_of("auto", "none")]
    assert checked_option("size", 2, either) == 2
    assert checked_option("size", "auto", either) == "auto"
    with pytest.raises(ValueError, match="size: expected one of 'auto', 'none', got 'all'"):
        checked_option("size", "all", either)
    with pytest.raises(TypeError, match="size: expected one of 'auto', 'none', got None"):
        checked_option("size", None, either)
    assert checked_option("size", None, [*either, None]) is None


@each_estimator
def test_an_estimator_is_shown_by_what_was_changed(kind: type[Estimator]):
    assert repr(kind()) == f"{kind.__name__}()"
    assert repr(kind(seed=3, effort="fast")) == f"{kind.__name__}(effort='fast', seed=3)"  # type: ignore[call-arg]
    assert repr(kind(season=np.array([1, 2]))) == f"{kind.__name__}(season=array([1, 2]))"  # type: ignore[call-arg]


# ------------------------------------------------------------------------------------------ renamed options


class Renamed(Estimator):
    """Its option `width` was called `size` before."""

    _constraints: ClassVar[Constraints] = {"width": [fields.whole(1)], "seed": [fields.whole()]}
    _renamed: ClassVar[dict[str, str]] = {"size": "width"}

    def __init__(self, *, width: int = 1, seed: int = 0) -> None:
        self.width = width
        self.seed = seed


SAYS = "Renamed: the option size is called width now; size will no longer work in the next release"


@pytest.mark.parametrize(
    "make",
    [lambda: Renamed(size=3), lambda: Renamed().set_params(size=3), lambda: _assigned(Renamed())],  # type: ignore[call-arg]
    ids=["init", "set_params", "attribute"],
)
def test_an_earlier_name_works_and_warns_where_it_stands(make: Callable[[], Renamed]):
    with pytest.warns(FutureWarning, match=SAYS) as told:
        model = make()
    assert [warning.filename for warning in told] == [__file__]
    assert model.get_params() == {"width": 3, "seed": 0}
    assert vars(model) == {"width": 3, "seed": 0}


def _assigned(model: Any) -> Any:
    model.size = 3
    return model


def test_an_earlier_name_can_be_read():
    with pytest.warns(FutureWarning, match=SAYS):
        assert Renamed(width=4).size == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "use",
    [lambda: Renamed(size=3, width=4), lambda: Renamed().set_params(size=3, width=4)],  # type: ignore[call-arg]
    ids=["init", "set_params"],
)
def test_both_names_are_refused(use: Callable[[], Any]):
    with pytest.raises(TypeError, match="size: expected width alone, which is its name now, got both"):
        use()


def test_names_of_today_warn_of_nothing_and_the_signature_stays():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Renamed(width=2)
    assert repr(model) == "Renamed(width=2)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'height'"):
        Renamed(height=1)  # type: ignore[call-arg]
