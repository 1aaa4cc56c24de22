"""Many models on a Dask cluster: the same results as on one machine, whoever dies."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.cluster import Ledger, LedgerWarning, computing
from tests.ledger_tasks import deadly, lines, plain, square

distributed = pytest.importorskip("distributed")
pytestmark = [  # of what Dask does while it starts and ends
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning:distributed"
    ),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Unsent:
    """Known by its class, and not to be pickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        if "digest" not in {frame.function for frame in inspect.stack()}:
            raise TypeError("cannot pickle this")
        return Unsent, ()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    paths = os.pathsep.join([str(Path(elman.__file__).parents[1]), str(Path(__file__).parents[1])])
    usual = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = paths  # for the workers, where elman is not installed
    try:
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    finally:
        if usual is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = usual


def yearly(rows: int = 96) -> np.ndarray:
    t = np.arange(rows)
    return 10 + np.sin(2 * np.pi * t / 12) + np.random.default_rng(0).normal(0, 0.1, rows)


def test_results_and_failures_are_those_of_threads(client: Any, tmp_path: Path):
    for executor in (client, client.scheduler.address, None):
        log = tmp_path / "log"
        with pytest.warns(LedgerWarning, match="1 of 30 tasks failed, 13 first: ValueError: unlucky"):
            results = Ledger(":memory:", executor).run(partial(square, log=str(log)), range(30))
        assert [each["square"] for each in results.values()] == [k * k for k in range(30) if k != 13]
        assert "in square" in results.failed[13]
    assert sorted(lines(log), key=int) == sorted([str(k) for k in range(30)] * 3, key=int)


def test_tasks_of_a_killed_worker_are_done_again(client: Any, tmp_path: Path):
    log = tmp_path / "log"
    results = Ledger(tmp_path / "runs.sqlite", client).run(partial(deadly, log=str(log), always=False), range(8))
    assert dict(results) == {k: k for k in range(8)}
    assert lines(log).count("3") >= 2


def test_an_address_without_a_scheduler_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.cluster.places.REACHED", 1.0)
    with pytest.raises(OSError, match=r"executor: expected a Dask scheduler at tcp://127\.0\.0\.1:1, got no answer"):
        Ledger(":memory:", "tcp://127.0.0.1:1").run(plain, [1])


def test_what_is_no_address_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from elman.cli import main

    monkeypatch.setattr(distributed, "Client", None)
    for wrong in ("http://127.0.0.1:1", "127.0.0.1:8786"):
        with pytest.raises(ValueError, match=f'executor: expected .* "tcp://HOST:8786" say, got {wrong!r}'):
            Ledger(":memory:", wrong).run(plain, [1])
    assert main(["forecast", "airline", "--cluster", "localhost:8786"]) == 2
    expected = "'--cluster': expected the address of a Dask scheduler, such as tcp://HOST:8786, got 'localhost:8786'"
    assert expected in capsys.readouterr().err


def test_workers_without_elman_are_named_before_they_are_given_anything(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.cluster.places.find_spec", {}.get)
    with pytest.raises(
        ValueError, match="executor: expected elman on every worker of the Dask cluster, got none on tcp"
    ):
        Ledger(":memory:", client).run(plain, [1])


def test_a_run_ends_where_no_worker_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.cluster.places.DESERTED", 1.0)
    monkeypatch.setattr("elman.cluster.dispatch.LOOK", 0.2)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Ledger(tmp_path / "runs.sqlite", cluster.scheduler_address) as ledger,
    ):
        timer = threading.Timer(1.0, cluster.scale, [0])
        timer.start()
        with pytest.raises(OSError, match=r"executor: the Dask cluster at .* has had no worker for 1 seconds"):
            ledger.run(partial(square, log=str(tmp_path / "log"), seconds=0.1), range(100, 200))
        timer.join()
        assert ledger.counts().failed == 0


def test_what_cannot_be_sent_fails_alone(client: Any):
    with pytest.warns(LedgerWarning, match="1 of 3 tasks failed, 1 first: TypeError: cannot pickle"):
        results = Ledger(":memory:", client).run(plain, [0, Unsent(), 2])
    assert dict(results) == {0: 0, 2: 2}


def test_no_task_fails_where_the_scheduler_goes(tmp_path: Path):
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)
    ledger = Ledger(tmp_path / "runs.sqlite", cluster.scheduler_address)
    timer = threading.Timer(1.0, cluster.close)
    timer.start()
    with pytest.raises(OSError, match=r"executor: the Dask scheduler at inproc.* is gone"):
        ledger.run(partial(square, log=str(tmp_path / "log"), seconds=0.1), range(100, 200))
    timer.join()
    assert ledger.counts().done >= 1
    assert ledger.counts().failed == 0


def test_a_forecaster_has_the_same_bits(client: Any, tmp_path: Path):
    options: dict[str, Any] = {"horizon": 4, "season": 12, "effort": "fast", "members": 2, "updates": 20, "windows": 3}
    here = elman.Forecaster(**options).fit(yearly())
    ledger = Ledger(tmp_path / "runs.sqlite", client)
    there = elman.Forecaster(**options).fit(yearly(), executor=ledger)
    assert ledger.counts().done >= 4
    assert there.forecast().values.tobytes() == here.forecast().values.tobytes()
    tested = here.backtest(2, step=2, executor=client)
    np.testing.assert_array_equal(tested.forecasts[tested.model], here.backtest(2, step=2).forecasts[tested.model])


def directions() -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(["rising", "falling"], 20)
    noise = np.random.default_rng(0).normal(0, 0.5, (40, 8))
    return np.where(y == "rising", 1.0, -1.0)[:, None] * np.linspace(-1, 1, 8) + noise, y


def test_every_estimator_trains_where_it_is_told_to(client: Any):
    pytest.importorskip("sklearn")
    X, y = directions()
    classifier = elman.SequenceClassifier(epochs=2, hidden_size=3)
    ledger = Ledger(":memory:", client)
    with computing(ledger):
        there = classifier.fit(X, y).predict_proba(X)
    assert ledger.counts().done >= 1
    np.testing.assert_array_equal(there, classifier.fit(X, y).predict_proba(X))


def test_a_grid_search_of_scikit_learn_on_the_cluster(client: Any):
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV

    X, y = directions()
    search = GridSearchCV(elman.SequenceClassifier(epochs=2), {"hidden_size": [2, 3], "cell": ["tanh", "gru"]}, cv=2)
    with joblib.parallel_config(backend="dask", client=client):
        there = search.fit(X, y).cv_results_
    here = search.fit(X, y).cv_results_
    for k in range(2):
        np.testing.assert_array_equal(there[f"split{k}_test_score"], here[f"split{k}_test_score"])


def test_the_command_line_forecasts_the_same(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("typer")
    pytest.importorskip("matplotlib")
    from elman.cli import main

    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text("sales\n" + "\n".join(f"{each:.3f}" for each in yearly()))
    small = ["--season", "12", "--horizon", "3", "--members", "2", "--updates", "10", "--windows", "2"]
    cluster = ["--cluster", client.scheduler.address, "--ledger", "runs.sqlite"]
    Path("here").mkdir()
    Path("there").mkdir()
    assert main(["forecast", "sales.csv", *small, "--out", "here"]) == 0
    assert main(["forecast", "sales.csv", *small, "--out", "there", *cluster]) == 0
    names = [path.name for path in Path("here").iterdir() if path.suffix in (".csv", ".safetensors")]
    assert len(names) == 2
    for name in names:
        assert Path("here", name).read_bytes() == Path("there", name).read_bytes()
    assert Ledger("runs.sqlite").counts().done >= 2


def test_the_tuner_tries_the_same_options(client: Any):
    pytest.importorskip("optuna")
    from elman.forecast.tune import tune

    base = elman.Forecaster(horizon=3, season=12, models="network", updates=5, members=1, windows=1)
    space = {"hidden_size": (2, 3), "cell": ("tanh", "gru")}
    here, there = (
        tune(yearly(), forecaster=base, trials=3, windows=1, space=space, executor=executor, at_once=2)
        for executor in (None, client)
    )
    assert here.trials == there.trials
