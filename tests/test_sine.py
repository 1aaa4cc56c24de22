"""Source C's experiment: our weights are the plain loop's, and the improved recipe learns the wave."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from elman.classic import sine
from elman.cli import main
from elman.engines.config import show_config

compiled = pytest.mark.skipif(show_config()["engine"] != "native", reason="minutes on the reference engine")


def test_the_data_are_the_papers():
    x, y = sine.data()
    assert x.shape == (990, 10, 1)
    wave = np.sin(np.linspace(0, 100, 1000))
    np.testing.assert_array_equal(x[7, :, 0], wave[7:17])
    assert y[7, 0] == wave[17]
    assert y[-1, 0] == wave[-1]


def test_the_weights_are_the_plain_loops():
    difference, _ = sine.beside_plain(2)
    assert difference <= 1e-9


@pytest.mark.slow
def test_the_weights_are_the_plain_loops_for_longer():
    """The training is chaotic: after more epochs than these, two programs that round differently part ways."""
    difference, _ = sine.beside_plain(15)
    assert difference <= 1e-9


def test_the_global_generator_is_left_alone():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    sine.paper(1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@compiled
@pytest.mark.parametrize("cell", sine.CELLS)
def test_the_improved_recipe(cell: str):
    assert sine.improved(cell).error <= 1e-6


@compiled
def test_the_papers_recipe_is_far_from_it():
    """Its loss cannot fall below what the early steps cannot know. What it ends at is chaotic (docs/sources.md)."""
    _, run = sine.paper()
    assert 0.03 < run.loss < 0.1
    assert run.error > 1e-4


def test_the_spread_begins_with_the_paper_and_changes_one_rounding():
    first, second = sine.spread(2, epochs=1)
    _, paper = sine.paper(1)
    assert first.error == paper.error
    assert second.error == pytest.approx(first.error, rel=1e-9)
    assert second.loss == pytest.approx(first.loss, rel=1e-9)


@compiled
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "sine", "--epochs", "10"]) == 0
    out = capsys.readouterr().out
    assert "Epoch 10/10" in out
    assert "(extrapolated)" in out
    assert "improved, LSTM" in out
    assert "\033" not in out
    assert [p.name for p in tmp_path.iterdir()] == ["sine.png"]
    assert (tmp_path / "sine.png").read_bytes().startswith(b"\x89PNG")
    assert main(["demo", "sine", "--epochs", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plain_numpy"]["largest_difference_of_a_weight"] <= 1e-9
    assert len(found["runs"]) == 4


@compiled
@pytest.mark.slow
def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parent.parent / "examples" / "sine_wave.py"), run_name="__main__")
    assert (tmp_path / "sine.png").exists()
