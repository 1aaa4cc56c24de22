"""What the commands say: names of outputs, terms, seasons, progress, and what they need where nothing is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.cli.console import terminal
from elman.cli.files import named_after
from elman.cli.values import model_stem
from elman.forecast import Series
from elman.series.columns import Columns
from elman.series.dates.step_names import short_name
from elman.series.panel import Panel

QUICK = ["--members", "1", "--updates", "5", "--hidden-size", "4"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def series(name: str) -> Panel:
    return Panel.of(Series(np.arange(4.0), name=name))


@pytest.mark.parametrize(
    ("target", "stem"),
    [
        ("units", "sales.units"),
        ("Sales (units)", "sales.Sales (units)"),
        ("größe", "sales.größe"),
        (" a ", "sales.a"),
        ("a/b", "sales.a%2Fb"),
        ("a+b", "sales.a%2Bb"),
        ("..", "sales..."),
        ("a\nb", "sales.a%0Ab"),
        ("", "sales"),
    ],
)
def test_outputs_are_named_after_file_and_target(target: str, stem: str):
    assert named_after("sales", series(target)) == stem


def test_outputs_of_several_targets():
    panel = Panel({}, names=Columns(target=("units", "price")))
    assert named_after("sales", panel) == "sales.units+price"


def test_long_names_are_cut_and_stay_different():
    names = [named_after("sales", series(300 * "ü" + end)) for end in "ab"]
    assert names[0] != names[1]
    assert all(len(name.encode()) <= len("sales.") + 80 for name in names)


@pytest.mark.parametrize(
    ("model", "stem"),
    [
        ("sales.units.forecaster.safetensors", "sales.units"),
        ("sales.units.detector.safetensors", "sales.units"),
        ("old.safetensors", "old"),
        ("a.b.safetensors", "a.b"),
    ],
)
def test_the_name_of_a_model_file(model: str, stem: str):
    assert model_stem(Path("folder") / model) == stem


def test_targets_and_kinds_do_not_overwrite_each_other(tmp_path: Path):
    rows = [f"{i},{np.sin(i / 2) + i / 9:.3f},{np.cos(i) * i:.3f}" for i in range(80)]
    Path("sales.csv").write_text("\n".join(["row,units,price", *rows]) + "\n")
    for target in ("units", "price"):
        assert main(["forecast", "sales.csv", "--target", target, "--horizon", "2", *QUICK]) == 0
        assert main(["anomalies", "sales.csv", "--target", target, "--effort", "fast"]) == 0
    kinds = ["anomalies.csv", "anomalies.png", "detector.safetensors", "forecast.csv", "forecast.png",
             "forecaster.safetensors"]  # fmt: skip
    expected = [f"sales.{target}.{kind}" for target in ("price", "units") for kind in kinds]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*expected, "sales.csv"])


# -------------------------------------------------------------------------------------------- what is said


def test_terms_and_the_season_are_explained(capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", "airline", "--horizon", "3", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "Forecast of 3 rows; season of 12 rows, found in the data" in out
    table = out[out.index("MASE") : out.index("Intervals")]
    for term in ("MASE 1:", "sMAPE:", "RMSE:", "RMSSE 1:", "OWA 1:", "naive 2 is", "drift goes on"):
        assert term in " ".join(table.split())


@pytest.mark.parametrize(
    ("step", "rows", "hint"),
    [("D", 900, "--season 365"), ("D", 300, "--season N"), ("W", 200, "--season 52"), ("h", 200, "--season 24")],
)
def test_a_season_that_was_not_found_is_told(step: str, rows: int, hint: str, capsys: pytest.CaptureFixture[str]):
    unit = {"D": "D", "W": "D", "h": "h"}[step]
    times = np.datetime64("2020-01-01", unit) + np.arange(rows) * (7 if step == "W" else 1)
    noise = np.random.default_rng(1).normal(size=rows).cumsum()
    Path("noise.csv").write_text("\n".join(["time,x", *(f"{t},{x:.3f}" for t, x in zip(times, noise, strict=True))]))
    assert main(["forecast", "noise.csv", "--horizon", "3", *QUICK]) == 0
    assert f"no season found; {hint} to set one" in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["1", "4"])
def test_a_season_that_was_named_is_not_found(asked: str, capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", "airline", "--horizon", "3", "--season", asked, *QUICK]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "Forecast of 3 rows; no season" if asked == "1" else "Forecast of 3 rows; season of 4 rows"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo"], "demo: expected which one, sine or memory, as in: elman demo sine"),
        (
            ["predict"],
            "MODEL: expected a model file, as in: elman predict sales.units.forecaster.safetensors newer.csv",
        ),
        (
            ["forecast", "airline", "--levels", "0.8"],
            "levels: expected percentages from 1 to 100, got 0.8; did you mean 80?",
        ),
    ],
)
def test_one_line_says_what_is_needed(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"elman: {said}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_the_bundled_files_have_their_columns(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "seatbelts", "--horizon", "2", "--windows", "1", *QUICK]) == 0
    assert capsys.readouterr().out.startswith("seatbelts.csv, casualties: 4 series of 192 rows, monthly")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("monthly", "M"),
        ("Yearly", "Y"),
        ("daily", "D"),
        ("hourly", "h"),
        ("minutely", "min"),
        ("business days", "B"),
        ("month ends", "ME"),
        ("quarter ends", "QE"),
        ("every 15 minutes", "15min"),
        ("every 2 weeks", "2W"),
        ("every 2 months, at the end", "2ME"),
        ("3 hours", "3h"),
        ("15min", "15min"),
        ("MS", "MS"),
        ("often", "often"),
    ],
)
def test_steps_are_taken_by_the_words_that_are_printed(words: str, name: str):
    assert short_name(words) == name


@pytest.mark.parametrize("freq", ["M", "Q", "ME", "Y", "D", "B", "W", "h", "15min", "2W", "3s", "2M"])
def test_what_a_calendar_is_called_names_it(freq: str):
    from elman.series.calendar import parse

    times = np.array(["2024-01-31" if freq == "ME" else "2024-01-01"], "datetime64[us]")
    calendar = parse(freq, times)
    assert parse(calendar.name, times) == calendar


def test_a_printed_step_is_an_option(capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", "airline", "--freq", "monthly", "--horizon", "2", *QUICK]) == 0
    assert capsys.readouterr().out.startswith("airline.csv, Passengers: 144 rows, 1949-01 to 1960-12, monthly")


# ------------------------------------------------------------------------------------- progress and pipes


@pytest.mark.parametrize(
    ("share", "seconds", "said"),
    [
        (0.0, 0.0, "0%"),
        (0.5, 1.0, "50%"),  # too early to say more
        (0.25, 10.0, "25%, about 30 s left"),
        (0.1, 60.0, "10%, about 9 min left"),
        (0.1, 3600.0, "10%, about 9.0 h left"),
        (1.0, 10.0, "100%"),
    ],
)
def test_the_time_left(share: float, seconds: float, said: str):
    assert terminal.left(share, seconds) == said


def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0, 20.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with terminal.working("training") as progress:
        for share in (0.1, 0.3, 0.35, 0.6, 1.0):
            progress(share)
    assert capsys.readouterr().err.splitlines() == [
        "training ...",
        "training ... 30%, about 14 s left",
        "training ... 60%, about 8 s left",
    ]


def test_the_memory_demo_says_how_long_it_takes(capsys: pytest.CaptureFixture[str]):
    assert main(["demo", "memory", "--updates", "20"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  after")]
    assert lines[0].endswith("10%")
    assert len(lines) == 10


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [["config"], ["forecast", "--help"], ["config", "--json"]])
def test_a_reader_that_leaves_ends_the_command_quietly(arguments: list[str]):
    """As `elman ... | head`: the pipe is closed before anything is read."""
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parent.parent)}
    command = [sys.executable, "-m", "elman", *arguments]
    with open(write, "w") as closed:
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (ended.returncode, ended.stderr) == (141, "")
