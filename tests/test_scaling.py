"""The script behind docs/performance.md's curves: it runs, its slopes are slopes, its formula is what memory costs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.cases import Case
from benchmarks.scaling import AXES, Shape, main, memory, memory_formula, slope

native = pytest.mark.skipif(importlib.util.find_spec("elman._native") is None, reason="measures the compiled engine")
linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to measure the peak")


def test_slopes_are_taken_from_the_upper_half() -> None:
    values = (1, 2, 4, 8, 16, 32)
    assert slope(values, [7.0, 7.0, 7.0, *(0.5 * v**1.5 for v in values[3:])]) == pytest.approx(1.5)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_the_arithmetic_is_the_grids(cell: str) -> None:
    """One layer counts as benchmarks/cases.py does; more layers need dx of all but the first."""
    assert Shape(cell, 5, 7, 3, 11).flops == Case("train", cell, 5, 7, 3, 11).flops
    same = Shape(cell, D=64, H=64)
    dx = 2 * same.B * same.T * {"tanh": 1, "lstm": 4, "gru": 3}[cell] * 64 * 64
    head = 6 * same.B * same.T * 64
    assert Shape(cell, D=64, H=64, L=3).flops == 3 * (same.flops - head) + head + 2 * dx


@linux
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("shape", [Shape("tanh", 64, 6000), Shape("gru", 16, 2000, 8, 100), Shape("lstm", T=1000, L=3)])
@pytest.mark.compiled
def test_memory_is_what_the_formula_says(shape: Shape, recompute: bool) -> None:
    """Tape and scratch are carved from blocks that, once large, are whole pages of 2 MiB."""
    expected = memory_formula(shape, recompute)
    assert memory(shape, recompute) == pytest.approx(expected, rel=0.03, abs=2 * 2**21)


@native
@linux
def test_a_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "images" / "scaling.png"
    assert main(["--quick", "--out", str(tmp_path), "--picture", str(picture)]) == 0
    (found,) = tmp_path.glob("*-scaling-quick.json")
    report = json.loads(found.read_text("utf-8"))
    assert {(s["axis"], s["cell"]) for s in report["slopes"]} == {(a, c) for a in AXES for c in ("tanh", "lstm", "gru")}
    assert all(point["median_us"] >= point["least_us"] > 0 for point in report["time"])
    assert all(line["arithmetic"] == pytest.approx(1.0) for line in report["slopes"] if line["axis"] in "TB")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "time ~ H^p, lstm: p = " in capsys.readouterr().out
