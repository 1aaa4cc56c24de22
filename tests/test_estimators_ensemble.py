"""Training of ensembles: independent seeds, repeatability, progress, failures, cancelling."""

from __future__ import annotations

import itertools
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

import elman
from elman.estimators.ensemble import Ensemble, fit, fit_all, span
from elman.estimators.executor import Task, Threads
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child, number
from elman.estimators.training import Job, Round, Trained, layout_of, train
from elman.forecast import Forecaster

RECIPE = Recipe(3, 4, 12, batch_size=4, learning_rate=1e-2, weight_decay=0.1, cell="tanh")


@dataclass(frozen=True)
class Noise:
    """Training data that draws windows for each update; the target is the sum of the rows."""

    scale: float = 1.0

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        for _ in range(recipe.updates):
            x = self.scale * rng.normal(size=(recipe.batch_size, 5, 1)).astype(np.float32)
            yield Round(x, x.sum(axis=1), shuffle=False)


def job(data: Noise | None = None, recipe: Recipe = RECIPE) -> Job:
    return Job(layout_of(recipe, 1, 1, "last"), data or Noise(), recipe, "mse")


def thetas(results: Sequence[Trained]) -> list[list[float]]:
    return [trained.theta.tolist() for trained in results]


class OneByOne:
    """An executor that runs the tasks one after another, the last one first."""

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        return [train(task.job, task.seed, on_updates=on_updates) for task in tasks[::-1]][::-1]


# --------------------------------------------------------------------------------------------- seeds


def test_later_members_can_be_trained_by_themselves():
    seed = np.random.SeedSequence(3)
    whole, *parts = fit_all(
        [Ensemble([job()] * 3, seed), Ensemble([job()], seed), Ensemble([job()] * 2, seed, first=1)]
    )
    assert thetas(whole) == thetas(parts[0]) + thetas(parts[1])


def test_children_equal_those_of_spawn():
    spawned = np.random.SeedSequence(7).spawn(5)[Use.PATHS]
    assert child(7, Use.PATHS).generate_state(4).tolist() == spawned.generate_state(4).tolist()
    assert child(child(7, 3), 1, 2).spawn_key == (3, 1, 2)


def test_no_two_uses_and_no_two_seeds_share_a_child():
    keys = [*itertools.product(range(20), Use, range(10))]
    assert len({number(child(seed, use, k)) for seed, use, k in keys}) == len(keys)


def test_neighbouring_seeds_have_no_member_in_common():
    """A regression test: the members of neighbouring seeds were once the same except for one."""
    first, second = (thetas(fit(job(), 4, child(seed))) for seed in (0, 1))
    assert not [theta for theta in first if theta in second]
    assert len({tuple(theta) for theta in first}) == 4


def test_a_larger_ensemble_begins_with_the_smaller_one():
    assert thetas(fit(job(), 4, child(0)))[:2] == thetas(fit(job(), 2, child(0)))


@pytest.mark.parametrize("distribution", ["median", "student_t"])
def test_forecasters_of_neighbouring_seeds_share_no_network_and_no_noise(distribution: str):
    values = np.sin(np.arange(200) / 3.0) + 2.0
    options = {"members": 3, "updates": 4, "windows": 0, "horizon": 3, "season": 1, "distribution": distribution}
    models = [Forecaster(**options, seed=seed).fit(values).model_ for seed in (0, 1)]
    first, second = ({network.theta.tobytes() for network in model.networks} for model in models)
    assert len(first) == 3
    assert not first & second
    if distribution == "student_t":
        assert not {*models[0].path_seeds} & {*models[1].path_seeds}


# ---------------------------------------------------------------------------------- pure trainings


@pytest.mark.parametrize("executor", [Threads(1), Threads(3), OneByOne()])
def test_results_do_not_depend_on_the_executor(executor: Threads | OneByOne):
    ensembles = [Ensemble([job()] * 3, child(0)), Ensemble([job(Noise(2.0))], child(1))]
    expected = [thetas(results) for results in fit_all(ensembles)]
    assert [thetas(results) for results in fit_all(ensembles, executor)] == expected


def test_a_job_can_be_pickled():
    again = pickle.loads(pickle.dumps(Task(job(), child(0, 1))))
    assert train(*again).theta.tolist() == train(job(), child(0, 1)).theta.tolist()


def test_training_continues_from_given_weights():
    start = train(job(), child(0)).theta
    recipe = replace(RECIPE, updates=1, learning_rate=1e-9, weight_decay=0.0)
    assert train(replace(job(recipe=recipe), start=start), child(1)).theta == pytest.approx(start, abs=1e-7)


def test_an_untrained_network_outputs_its_bias():
    network = replace(job(), output_bias=np.array([0.25])).network(0)
    assert network.predict(np.ones((2, 5, 1), np.float32)).tolist() == [[0.25], [0.25]]


@dataclass(frozen=True)
class Staged:
    """Training data of three rounds, each with a snapshot. A large value of `targets` makes the last round fail."""

    targets: float

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        x = rng.normal(size=(8, 5, 1)).astype(np.float32)
        yield Round(x, x[:, 0], epochs=0, snapshot=True)
        yield Round(x, x[:, 0], epochs=2, snapshot=True)
        yield Round(x, np.full((8, 1), self.targets, np.float32), snapshot=True)


def test_snapshots():
    found = train(Job(layout_of(RECIPE, 1, 1, "last"), Staged(1.0), RECIPE, "mse"), child(0))
    assert (found.failed, len(found.thetas)) == (False, 4)
    assert found.thetas[0].tolist() != found.thetas[1].tolist() != found.thetas[2].tolist()
    assert found.thetas[2].tolist() == found.theta.tolist()


def test_a_training_that_fails_keeps_the_last_snapshot():
    whole = train(Job(layout_of(RECIPE, 1, 1, "last"), Staged(1.0), RECIPE, "mse"), child(0))
    found = train(Job(layout_of(RECIPE, 1, 1, "last"), Staged(3e38), RECIPE, "mse"), child(0))
    assert (found.failed, len(found.thetas)) == (True, 3)
    assert found.theta.tolist() == whole.thetas[1].tolist()


# -------------------------------------------------------------------------- progress and cancelling


def test_progress_of_an_ensemble_rises_to_one():
    told: list[float] = []
    fit(job(), 3, child(0), on_progress=told.append)
    assert told == sorted(told)
    assert (len(told), told[0], told[-1]) == (36, pytest.approx(1 / 36), 1.0)


def test_span_reports_a_part_of_the_work():
    told: list[float] = []
    inner = span(told.append, 0.5, 0.75)
    assert inner is not None
    inner(0.5)
    assert (told, span(None, 0, 1)) == ([0.625], None)


class Stop(Exception):
    pass


def test_an_exception_of_on_progress_ends_all_trainings():
    """`fit` raises it, the forecaster is unchanged, and no thread is left running."""
    values, before = np.sin(np.arange(120) / 3.0), threading.active_count()
    model = Forecaster(members=2, updates=20, windows=2).fit(values)
    fitted = model.model_

    def stop(share: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        model.fit(values, on_progress=stop)
    assert model.model_ is fitted
    assert threading.active_count() == before


def test_an_error_of_one_training_is_raised():
    bad = replace(job(), start=np.full(job().layout.size, np.nan, np.float32))
    good = job(recipe=replace(RECIPE, updates=10**6))
    assert fit(bad, 1, child(0))[0].failed
    with pytest.raises(ValueError, match="theta"):
        fit_all([Ensemble([good, replace(job(), start=np.zeros(3, np.float32))], child(0))], Threads(2))


def test_the_earlier_name_of_on_progress_works_with_a_warning():
    told: list[float] = []
    with pytest.warns(FutureWarning, match="progress is called on_progress now"):
        Forecaster(members=1, updates=2, windows=0).fit(np.arange(60.0), progress=told.append)
    assert told[-1] == 1.0
    assert elman.Forecaster is Forecaster
