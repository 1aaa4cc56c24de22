"""`benchmarks.memory_tasks` and `elman demo memory`: their parts are right, and in short form they learn."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import memory_tasks
from elman import datasets
from elman.cli import main
from elman.engines.config import show_config

compiled = pytest.mark.skipif(show_config()["engine"] != "native", reason="minutes on the reference engine")


def recipe(task: str, cell: str | None = None) -> memory_tasks.Recipe:
    return next(r for r in memory_tasks.RECIPES if r.task == task and cell in (None, r.cell))


@pytest.mark.parametrize("task", ["parity", "copy", "decision"])
def test_wrong_decisions_are_counted_where_they_are_asked(task: str):
    """A network that answers the commonest is wrong as often as chance; one that is right, never."""
    drawn = memory_tasks.draw(task, 400, 20, 5)

    class Answers:
        def __init__(self, y: np.ndarray) -> None:
            self.y = y

        def predict(self, x: np.ndarray) -> np.ndarray:
            return self.y

    if task == "copy":
        true = np.eye(9)[drawn.y]
        chance, expected = np.eye(9)[np.ones_like(drawn.y)], 7 / 8
    else:
        true, chance, expected = drawn.y - 0.5 * (task == "parity"), np.ones_like(drawn.y), 1 / 2
    assert memory_tasks.wrong(Answers(true), drawn) == 0  # type: ignore[arg-type]
    assert memory_tasks.wrong(Answers(chance), drawn) == pytest.approx(expected, abs=0.05)  # type: ignore[arg-type]
    assert memory_tasks.wrong_by_chance(drawn) == pytest.approx(expected, abs=0.05)


def test_training_validation_and_test_are_other_sequences(monkeypatch: pytest.MonkeyPatch):
    """The test sequences are drawn once, last; no seed is used twice."""
    seen: list[tuple[int, int, int]] = []

    def spy(n: int, T: int, seed: int) -> datasets.Task:
        seen.append((n, T, seed))
        return datasets.adding_problem(n, T, seed)

    monkeypatch.setitem(memory_tasks.GENERATORS, "adding", spy)
    monkeypatch.setattr(memory_tasks, "ROWS", {memory_tasks.VALIDATION: 20, memory_tasks.TEST: 30})
    short = replace(recipe("adding"), H=4, stages=((2, 3), (4, 3)), block=2, batch=8)
    row = memory_tasks.solve(short, seed=3)
    assert seen == [
        (20, 4, memory_tasks.VALIDATION),
        (16, 2, 4000),
        (8, 2, 4001),
        (16, 4, 4002),
        (8, 4, 4003),
        (30, 4, memory_tasks.TEST),
    ]
    assert (row["T"], row["updates"], row["memoryless"]) == (4, 6, 1 / 6)


def test_the_best_weights_are_kept():
    """A rate that throws the weights about: what is returned scores what the best validation said."""
    short = replace(recipe("parity"), H=4, stages=((4, 12),), block=2, batch=8, rate=0.5, hold=0.9)
    heard: list[str] = []
    network, best = memory_tasks.train(short, 0, heard.append)
    held_out = memory_tasks.draw("parity", memory_tasks.ROWS[memory_tasks.VALIDATION], 4, memory_tasks.VALIDATION)
    assert memory_tasks.score(network, held_out) == best
    values = [float(line.split()[-1]) for line in heard]
    assert len(values) == 6
    assert best <= min(values) * 1.01


def test_a_run_replaces_its_own_rows_alone(tmp_path: Path):
    path = tmp_path / "results.json"
    rows = [
        {"task": "copy", "cell": "lstm", "T": 100, "test": 1.0},
        {"task": "adding", "cell": "gru", "T": 600, "test": 2.0},
    ]
    memory_tasks.write(rows, path)
    memory_tasks.write([{**rows[0], "test": 3.0}], path)
    assert [row["test"] for row in json.loads(path.read_text())["rows"]] == [2.0, 3.0]


def results() -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads(memory_tasks.RESULTS.read_text("utf-8"))["rows"]
    return {(row["task"], row["cell"]): row for row in rows}


def test_the_results_in_the_repository_are_of_all_recipes():
    assert results().keys() == {(r.task, r.cell) for r in memory_tasks.RECIPES}


@pytest.mark.parametrize("recipe", memory_tasks.RECIPES, ids=lambda r: f"{r.task}-{r.cell}")
def test_the_results_in_the_repository_reach_their_figures(recipe: memory_tasks.Recipe):
    row = results()[recipe.task, recipe.cell]
    assert row["test"] <= row["figure"] == recipe.figure
    # the row was made by the recipe as it stands
    made = json.loads(json.dumps(asdict(recipe)))
    assert {name: row.get(name, row["recipe"].get(name)) for name in made} == made


@compiled
def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "quick.json"
    assert memory_tasks.main(["--quick", "--only", "parity,adding", "--cells", "gru", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    rows = json.loads(out.read_text())["rows"]
    assert [(row["task"], row["cell"]) for row in rows] == [("adding", "gru"), ("parity", "gru")]
    for row in rows:
        assert row["task"] in said
        assert f"{row['test']:.3g}" in said
    assert rows[1]["memoryless"] == math.log(2)
    with pytest.raises(SystemExit):
        memory_tasks.main(["--only", "adding,subtracting"])
    assert "got 'subtracting'" in capsys.readouterr().err


@compiled
@pytest.mark.slow
@pytest.mark.parametrize("r", memory_tasks.RECIPES, ids=lambda r: f"{r.task}-{r.cell}")
def test_every_recipe_solves_its_task(r: memory_tasks.Recipe):
    row = memory_tasks.solve(r, seed=0)
    assert row["test"] <= r.figure


def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("elman.cli.demo.STAGES", (4, 6))
    assert main(["demo", "memory", "--updates", "8"]) == 0
    out = capsys.readouterr().out
    assert "An answer without memory scores 0.167" in out
    assert "\033" not in out
    assert [p.name for p in tmp_path.iterdir()] == ["memory.png"]
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")
    assert main(["demo", "memory", "--updates", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["updates"], found["memoryless_mse"]) == (8, 1 / 6)
    assert main(["demo", "memory", "--updates", "0"]) == 2


@compiled
@pytest.mark.slow
def test_the_demo_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "memory", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test_mse"] < 1e-3
