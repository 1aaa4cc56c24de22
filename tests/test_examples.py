"""The forecasting examples run, in short form, and say what they promise."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "said", "written"),
    [
        ("airline", ["over 2 windows of 12 rows", "1961-12", "intervals of 80 % held"], ["airline.csv", "airline.png"]),
        ("sunspots", ["student_t", "over 3 windows of 11 rows", "by paths: 2009 "], []),
        ("seatbelts", ["values alone", "rear passengers", "1985:", "over 2 windows of 12 rows"], ["seatbelts.png"]),
    ],
)
def test_an_example(
    name: str,
    said: list[str],
    written: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--short"])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert [word for word in said if word not in out] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == written


def test_the_chorales_say_what_they_need(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    monkeypatch.setattr(sys, "argv", ["chorales.py"])
    runpy.run_path(str(EXAMPLES / "chorales.py"), run_name="__main__")
    assert "this example needs the chorales of music21; type: pip install" in capsys.readouterr().out
