"""A ledger of tasks: what is computed, what is kept, what is done again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.cluster import Ledger, LedgerWarning, TaskError, dispatch
from elman.cluster.calls import Unlike
from elman.core.io import FileError
from tests.ledger_tasks import coordinate, deadly, lines, lost, plain, square

HOST_GONE = 3600.0  # seconds: no runner lives without a beat for so long


def started(path: Path, log: Path, tasks: int, seconds: float) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.ledger_tasks",
        str(path),
        str(log),
        str(tasks),
        str(seconds),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextmanager
def opened(path: str | Path) -> Generator[sqlite3.Connection]:
    """The database of a ledger, behind its back."""
    with closing(sqlite3.connect(path)) as sql, sql:
        yield sql


def done(path: Path) -> set[str]:
    """Names of the tasks that have ended, as far as there are any."""
    with opened(path) as sql:
        if sql.execute("SELECT count(*) FROM sqlite_master WHERE name = 'task'").fetchone() == (0,):
            return set()
        return {name for (name,) in sql.execute("SELECT name FROM task WHERE ended IS NOT NULL")}


# ------------------------------------------------------------------------------------------------ one process


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_results_come_in_the_order_of_the_tasks_and_failures_are_listed(tmp_path: Path, executor: str):
    if executor == "processes":
        pytest.importorskip("joblib")
    with pytest.warns(LedgerWarning, match=r"1 of 40 tasks failed, 13 first: ValueError: unlucky"):
        results = coordinate(str(tmp_path / "runs.sqlite"), str(tmp_path / "log"), 40, 0.0, executor)
    assert list(results) == [k for k in range(40) if k != 13]
    for k, result in results.items():
        assert result["square"] == k * k
        np.testing.assert_array_equal(result["array"], np.full(3, k / 3))
    assert "in square" in results.failed[13]
    with pytest.raises(TaskError, match=r"task 13 failed:\n(?s:.*)ValueError: unlucky"):
        results[13]
    assert repr(results) == "Results: 39 done, 1 failed"


def test_what_is_done_is_not_done_again(tmp_path: Path):
    path, log = tmp_path / "runs.sqlite", tmp_path / "log"
    function = partial(square, log=str(log))
    first = Ledger(path).run(function, {"a": 1, "b": 2, "same": 1})
    again = Ledger(path).run(function, {"b": 2, "c": 3})
    assert first["same"]["square"] == 1
    assert again["c"]["square"] == 9
    assert Counter(lines(log)) == {"1": 1, "2": 1, "3": 1}
    assert Ledger(path).counts()[:3] == (3, 0, 0)


def test_failed_tasks_are_done_again_when_asked(tmp_path: Path):
    ledger, log = Ledger(tmp_path / "runs.sqlite"), tmp_path / "log"
    function = partial(square, log=str(log))
    for retry, calls in ((False, 1), (False, 1), (True, 2)):
        with pytest.warns(LedgerWarning):
            ledger.run(function, [13, 4], retry=retry)
        assert Counter(lines(log)) == {"13": calls, "4": 1}
    ((name, task, text),) = ledger.failures()
    assert (name, task) == ("tests.ledger_tasks.square", "0")
    assert text.endswith("ValueError: unlucky\n")


def test_a_changed_task_function_or_version_is_another_task(tmp_path: Path):
    ledger = Ledger(tmp_path / "runs.sqlite")

    def calls(*arguments: Any, **options: Any) -> int:
        before = ledger.counts().done
        ledger.run(*arguments, **options)
        return ledger.counts().done - before

    array = np.arange(4.0)
    assert calls(plain, [array]) == 1
    assert calls(plain, [array.copy(), array[::-1][::-1]]) == 0
    array[2] = np.nextafter(2.0, 3.0)
    assert calls(plain, [array]) == 1
    assert calls(plain, [array.astype(np.float32), array.reshape(2, 2), list(array)]) == 3
    assert calls(plain, [array], version="2") == 1
    assert calls(np.random.SeedSequence(1).generate_state, [4]) == 1
    assert calls(np.random.SeedSequence(2).generate_state, [4]) == 1
    assert calls(partial(square, log=os.devnull), [4]) == 1
    assert calls(partial(square, log=os.devnull, seconds=0.001), [4]) == 1


def test_the_text_of_a_function_counts_without_its_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    calls = []
    for name, text in {
        "a": "def f(task):\n    return task + 1\n",
        "b": "def f(task):\n    # one more\n    return (task\n        + 1)\n",
        "c": "def f(task):\n    return task + 2\n",
    }.items():
        (tmp_path / f"mine_{name}.py").write_text(text)
        function = __import__(f"mine_{name}").f
        function.__module__ = "mine"
        results = Ledger(tmp_path / "runs.sqlite").run(function, [1])
        calls.append((results[0], Ledger(tmp_path / "runs.sqlite").counts().done))
    assert calls == [(2, 1), (2, 1), (3, 2)]


def test_functions_without_a_name_and_results_without_a_form_are_refused(tmp_path: Path):
    ledger = Ledger(tmp_path / "runs.sqlite")
    for function in (lambda task: task, partial(lambda task: task)):
        with pytest.raises(ValueError, match="function: expected a function of a module, known by its name"):
            ledger.run(function, [1])
    with pytest.raises(TypeError, match="function: expected a function of one argument, got 3"):
        ledger.run(3, [1])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"tasks\['x'\]: expected values that can be pickled"):
        ledger.run(plain, {"x": threading.Lock()})
    with pytest.warns(LedgerWarning, match="TypeError: result: expected None, numbers, texts"):
        ledger.run(lost, [1.0])
    with pytest.raises(TypeError, match="executor: expected None"):
        Ledger(":memory:", 3.5).run(plain, [1])
    with pytest.raises(ValueError, match="HOST:8786"):
        Ledger(":memory:", "fast").run(plain, [1])


def test_progress_is_of_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shares: list[float] = []
    ledger = Ledger(tmp_path / "runs.sqlite")
    ledger.run(plain, range(10))
    ledger.run(plain, range(40), progress=True, on_progress=shares.append)
    assert shares[0] == 0.25
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert "40 of 40 tasks in" in capsys.readouterr().err


def test_an_error_of_the_caller_ends_the_run_and_frees_its_tasks(tmp_path: Path):
    ledger = Ledger(tmp_path / "runs.sqlite", workers=1)

    def enough(share: float) -> None:
        if share >= 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.run(plain, range(100), on_progress=enough)
    kept = ledger.counts().done
    assert kept >= 30
    with opened(ledger.path) as sql:
        assert sql.execute("SELECT count(*) FROM runner").fetchone() == (0,)
        assert sql.execute("SELECT count(*) FROM task WHERE runner IS NOT NULL AND ended IS NULL").fetchone() == (0,)
    assert len(ledger.run(plain, range(100))) == 100


def test_a_worker_with_another_build_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dispatch, "signature", lambda: "elman 9")
    with pytest.raises(Unlike, match=r"expected elman 9\. Set ELMAN_ISA"):
        Ledger(":memory:").run(plain, [1])


# --------------------------------------------------------------------------------------------------- crashes


def test_a_killed_coordinator_loses_nothing_that_was_done(tmp_path: Path):
    path, log = tmp_path / "runs.sqlite", tmp_path / "log"
    kept: set[str] = set()
    for more in (20, 50):
        process = started(path, log, 200, 0.01)
        while not path.exists() or len(lines(log)) < more or len(done(path)) < len(kept) + more:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = Counter(lines(log))
        assert kept <= done(path)
        kept = done(path)
    out, _ = started(path, log, 200, 0.01).communicate()
    assert out.strip() == "Results: 199 done, 1 failed"
    calls = Counter(lines(log))
    assert calls.keys() == {str(k) for k in range(200)}
    assert all(calls[name] == before[name] for name in kept)
    assert Ledger(path).counts()[:3] == (199, 1, 0)


def test_two_coordinators_share_the_tasks(tmp_path: Path):
    path, log = tmp_path / "runs.sqlite", tmp_path / "log"
    processes = [started(path, log, 120, 0.05) for _ in range(2)]
    for process in processes:
        assert process.communicate()[0].strip() == "Results: 119 done, 1 failed"
    assert Counter(lines(log)) == {str(k): 1 for k in range(120)}
    with opened(path) as sql:
        assert sql.execute("SELECT count(DISTINCT runner) FROM task").fetchone() == (2,)


def test_tasks_of_a_runner_that_does_not_beat_are_done_by_others(tmp_path: Path):
    ledger = Ledger(tmp_path / "runs.sqlite")
    ledger.run(plain, [1, 2])
    with opened(ledger.path) as sql:
        sql.execute("UPDATE task SET ended = NULL, result = NULL, runner = 'other' WHERE name = '0'")
        beat = time.time() - HOST_GONE
        sql.execute("INSERT INTO runner VALUES ('other', 'another machine', 1, ?)", (beat,))
    assert dict(ledger.run(plain, [1, 2])) == {0: 1, 1: 2}


def test_tasks_of_a_living_runner_elsewhere_are_waited_for(tmp_path: Path):
    ledger = Ledger(tmp_path / "runs.sqlite")
    ledger.run(plain, [1, 2])
    with opened(ledger.path) as sql:
        kept = sql.execute("SELECT ended, result FROM task WHERE name = '0'").fetchone()
        sql.execute("UPDATE task SET ended = NULL, result = NULL, runner = 'other' WHERE name = '0'")
        sql.execute("INSERT INTO runner VALUES ('other', 'another machine', 1, ?)", (time.time(),))

    def end() -> None:
        with opened(ledger.path) as sql:
            sql.execute("UPDATE task SET ended = ?, result = ? WHERE name = '0'", kept)

    timer = threading.Timer(1.0, end)
    began = time.monotonic()
    timer.start()
    assert ledger.run(plain, [1, 2])[0] == 1
    assert time.monotonic() - began >= 1.0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_tasks_of_a_killed_process_are_done_again(tmp_path: Path):
    pytest.importorskip("joblib")
    log = tmp_path / "log"
    function = partial(deadly, log=str(log), always=False)
    results = Ledger(tmp_path / "runs.sqlite", "processes", workers=2).run(function, range(8))
    assert dict(results) == {k: k for k in range(8)}
    assert lines(log).count("3") >= 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_a_task_that_kills_every_worker_fails_alone(tmp_path: Path):
    pytest.importorskip("joblib")
    function = partial(deadly, log=str(tmp_path / "log"), always=True)
    with pytest.warns(LedgerWarning, match="1 of 8 tasks failed, 3 first: .*workers died with this task"):
        results = Ledger(tmp_path / "runs.sqlite", "processes", workers=2).run(function, range(8))
    assert list(results) == [0, 1, 2, 4, 5, 6, 7]


# ---------------------------------------------------------------------------------------------------- files


def test_files_that_are_no_ledgers_are_refused_and_left(tmp_path: Path):
    path = tmp_path / "runs.sqlite"
    path.write_bytes(b"date,sales\n" * 100)
    with pytest.raises(FileError, match=r"runs.sqlite: no ledger, or a damaged one: file is not a database"):
        Ledger(path)
    assert path.read_bytes() == b"date,sales\n" * 100
    other = tmp_path / "other.sqlite"
    with opened(other) as sql:
        sql.execute("CREATE TABLE people(name)")
    with pytest.raises(FileError, match="expected a ledger of elman, got another program's database"):
        Ledger(other)
    newer = tmp_path / "newer.sqlite"
    Ledger(newer).close()
    with opened(newer) as sql:
        sql.execute("PRAGMA user_version = 2")
    with pytest.raises(FileError, match="expected a ledger of format 1, got 2; a newer elman"):
        Ledger(newer)
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        Ledger(tmp_path / "nowhere" / "runs.sqlite")
    with pytest.raises(TypeError, match="path: expected a path, got 3"):
        Ledger(3)  # pyright: ignore[reportArgumentType]


def test_a_damaged_ledger_is_said_to_be_one(tmp_path: Path):
    path = tmp_path / "runs.sqlite"
    with Ledger(path) as ledger:
        ledger.run(plain, [np.arange(5000.0), np.ones(3)])
    whole = path.read_bytes()
    place = whole.index(np.arange(2.0, 40.0).tobytes())
    path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    results = Ledger(path).run(plain, [np.arange(5000.0), np.ones(3)])
    np.testing.assert_array_equal(results[1], np.ones(3))
    with pytest.raises(FileError, match="the result of task 0 is damaged: the bytes do not match their checksum"):
        results[0]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=r"no ledger, or a damaged one: database disk image is malformed"):
        Ledger(path).run(plain, [np.arange(5000.0), np.ones(3)])
    path.write_bytes(b"\xff".join([whole[:4096], whole[4097:]]))
    with pytest.raises(FileError, match=r"no ledger, or a damaged one"):
        Ledger(path).run(plain, [np.arange(5000.0), np.ones(3)])


def test_models_are_kept_as_files_are():
    network = elman.Network(2, 3, 1, seed=1)
    x = np.ones((2, 4, 2), np.float32)
    kept = Ledger(":memory:").run(plain, {"network": network})["network"]
    assert kept.theta.tobytes() == network.theta.tobytes()
    np.testing.assert_array_equal(kept.predict(x), network.predict(x))
