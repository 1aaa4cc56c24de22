"""`elman bench`: every row is timed, ratios are of the times shown, and the table names what it compares with."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

pytest.importorskip("typer")
from elman.cli import bench_jobs, main
from elman.cli.commands import bench


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch):
    """Its import takes seconds, and it may be absent; one test below has it."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "torch" else find(name, *a))
    monkeypatch.setattr(bench, "SHAPES", ((1, 4, 1, 5), (3, 4, 2, 5)))
    monkeypatch.setattr(bench, "STEPS", (5,))


def test_json_has_every_row_with_times_and_ratios(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "--seconds", "0.1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"engine", "isa", "threads", "cores", "version"} <= answer["machine"].keys()
    rows = answer["rows"]
    assert len(rows) == 3 * (2 + 2 + 1)
    assert {(row["work"], row["cell"]) for row in rows} == {
        (work, cell) for work in ("train", "predict", "step") for cell in ("tanh", "lstm", "gru")
    }
    for row in rows:
        assert all(value > 0 for value in row["micros"].values())
        assert row["ratios"] == pytest.approx({"numpy": row["micros"]["numpy"] / row["micros"]["elman"]})


def test_the_table_says_what_it_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["bench", "--seconds", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "times faster than numpy" in out
    assert "PyTorch is not installed here" in out
    assert out.count("lstm") == 5


def test_the_work_timed_is_the_work_named():
    """A training job really updates the weights, as often as it says."""
    job = bench_jobs.train("gru", (2, 4, 1, 5), [])
    trainer = job.contenders["elman"].__closure__
    assert trainer is not None
    done = job.contenders["elman"](3)
    (found,) = [cell.cell_contents for cell in trainer if hasattr(cell.cell_contents, "updates")]
    assert found.updates == done >= 3


@pytest.mark.parametrize(
    ("make", "cell", "shape"), [(bench_jobs.train, "lstm", (2, 3, 1, 5)), (bench_jobs.step, "gru", (1, 1, 1, 5))]
)
def test_torch_takes_part_where_it_is_installed(make: Any, cell: str, shape: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    pytest.importorskip("torch")
    assert make(cell, shape, ["torch"]).contenders["torch"](2) == 2


def test_wrong_seconds_are_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "--seconds", "0"]) == 2
    assert "--seconds" in capsys.readouterr().err
