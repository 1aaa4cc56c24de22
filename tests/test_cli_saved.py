"""A saved model used again: fresh rows joined to those that a forecaster knows, or scored by a detector."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main

N = 100  # rows of the series; the models know the first 80
MONTHS = [str(np.datetime64("2015-01", "M") + i) for i in range(N)]
VALUES = 100 + np.arange(N) + 20 * np.sin(np.arange(N) * np.pi / 6) + np.random.default_rng(0).normal(size=N)
KNOWN = 80


def write(name: str, rows: slice, *, values: np.ndarray = VALUES, dates: bool = True) -> None:
    lines = [
        f"{month},{value:.2f},7" if dates else f"{value:.2f},7" for month, value in zip(MONTHS, values, strict=True)
    ]
    Path(name).write_text("\n".join(["month,units,price" if dates else "units,price", *lines[rows]]) + "\n")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a forecaster and a detector of 80 rows, with dates and without, and a forecaster of two series."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write("sales.csv", slice(0, KNOWN))
        write("plain.csv", slice(0, KNOWN), dates=False)
        quick = {"horizon": 6, "members": 1, "updates": 5, "hidden_size": 4, "windows": 2}
        for name in ("sales", "plain"):
            elman.Forecaster(**quick).fit(f"{name}.csv", target="units").save(f"{name}.units.forecaster.safetensors")
            detector = elman.AnomalyDetector(effort="fast", hidden_size=4, season=12).fit(f"{name}.csv", target="units")
            detector.save(f"{name}.units.detector.safetensors")
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def predicted(models: Path, name: str, *options: str) -> tuple[list[str], list[float]]:
    """The first date and the values that `elman predict` writes."""
    assert main(["predict", str(models / f"{name}.units.forecaster.safetensors"), "fresh.csv", *options]) == 0
    rows = table("fresh.units.forecast.csv")
    return [next(iter(row.values())) for row in rows], [float(row["units"]) for row in rows]


def expected(models: Path, name: str, rows: slice) -> np.ndarray:
    """The forecast after the known rows and these, as `update_state` makes it."""
    model = elman.load(models / f"{name}.units.forecaster.safetensors")
    times = None if name == "plain" else np.array(MONTHS[rows], "datetime64[M]")
    fresh = elman.forecast.Series(VALUES[rows].round(2), name="units")
    if times is not None:
        fresh = elman.forecast.as_series(np.round(VALUES, 2), time=np.array(MONTHS, "datetime64[M]"))
        cut = {"values": fresh.values[rows], "times": fresh.times[rows]}
        fresh = elman.forecast.Series(**cut, calendar=fresh.calendar, name="units", time_name="month")
    return model.update_state(fresh).predict()


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("sales", slice(80, 86), "Appended to the 80 rows, up to 2021-08, that the model knows"),
        ("sales", slice(80, 81), "Appended to the 80 rows"),
        ("sales", slice(70, 86), "Joined to the 70 rows before them that the model knows"),
        ("sales", slice(0, 86), None),
        ("plain", slice(80, 86), "Appended to the 80 rows, up to 80, that the model knows"),
    ],
)
def test_fresh_rows_follow_those_that_the_model_knows(
    name: str, rows: slice, said: str | None, models: Path, capsys: pytest.CaptureFixture[str]
):
    write("fresh.csv", rows, dates=name == "sales")
    dates, values = predicted(models, name)
    assert dates[0] == ("2022-03" if rows.stop == 86 else "2021-10") if name == "sales" else "87"
    np.testing.assert_allclose(values, expected(models, name, slice(80, rows.stop)), rtol=1e-6)
    assert said is None or said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "rows", "option", "said"),
    [
        ("sales", slice(0, 60), "", ""),
        ("sales", slice(60, 100), "--alone", ""),
        ("plain", slice(40, 100), "", "They have no dates: taken as a history of their own (--append: as newer rows)"),
    ],
)
def test_a_history_of_its_own(
    name: str, rows: slice, option: str, said: str, models: Path, capsys: pytest.CaptureFixture[str]
):
    write("fresh.csv", rows, dates=name == "sales")
    _, values = predicted(models, name, *([option] if option else []))
    model = elman.load(models / f"{name}.units.forecaster.safetensors")
    np.testing.assert_allclose(values, model.predict(VALUES[rows].round(2)), rtol=1e-6)
    assert said in capsys.readouterr().out


def test_rows_that_differ_from_the_known_ones_are_another_series(models: Path, capsys: pytest.CaptureFixture[str]):
    write("fresh.csv", slice(40, 90), values=2 * VALUES)
    _, values = predicted(models, "sales")
    model = elman.load(models / "sales.units.forecaster.safetensors")
    np.testing.assert_allclose(values, model.predict((2 * VALUES[40:90]).round(2)), rtol=1e-6)
    assert "They differ from those that the model knows, which are not used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (slice(82, 86), (), "2 rows are missing between 2021-08 and 2021-11 (monthly)"),
        (slice(70, 76), ("--append",), "2020-11 comes after 2021-08"),
    ],
)
def test_rows_that_do_not_follow(
    rows: slice, options: tuple[str, ...], said: str, models: Path, capsys: pytest.CaptureFixture[str]
):
    write("fresh.csv", rows)
    assert main(["predict", str(models / "sales.units.forecaster.safetensors"), "fresh.csv", *options]) == 3
    assert said in capsys.readouterr().err
    assert not Path("fresh.units.forecast.csv").exists()


def test_few_rows_that_differ_are_refused(models: Path, capsys: pytest.CaptureFixture[str]):
    write("fresh.csv", slice(60, 66), values=2 * VALUES)
    assert main(["predict", str(models / "sales.units.forecaster.safetensors"), "fresh.csv"]) == 3
    assert (
        "6 rows that differ from those that the model knows, or have other dates, are too few"
        in capsys.readouterr().err
    )


def test_new_rows_of_many_series(capsys: pytest.CaptureFixture[str]):
    def long(name: str, rows: slice) -> None:
        lines = [f"{s},{m},{v:.2f}" for s in "ab" for m, v in list(zip(MONTHS, VALUES, strict=True))[rows]]
        Path(name).write_text("\n".join(["shop,month,units", *lines]) + "\n")

    long("shops.csv", slice(0, 80))
    long("fresh.csv", slice(80, 83))
    quick = ["--members", "1", "--updates", "5", "--hidden-size", "4", "--horizon", "3"]
    assert main(["forecast", "shops.csv", "--id", "shop", *quick]) == 0
    assert main(["predict", "shops.units.forecaster.safetensors", "fresh.csv"]) == 0
    assert "Appended to the rows that the model knows" in capsys.readouterr().out
    assert [row["month"] for row in table("fresh.units.forecast.csv")] == [*MONTHS[83:86]] * 2


# ------------------------------------------------------------------------------------------------ detectors


@pytest.mark.parametrize("command", ["predict", "anomalies"])
@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("sales", slice(80, 86), "They follow the 80 rows that the detector has seen, up to 2021-08"),
        ("sales", slice(80, 81), "They follow the 80 rows"),
        ("sales", slice(0, 86), "The first 80 rows were seen before: left out"),
        ("plain", slice(80, 86), "They have no dates: taken as those after the 80 rows that the detector has seen"),
    ],
)
def test_a_detector_scores_new_rows(
    name: str, rows: slice, said: str, command: str, models: Path, capsys: pytest.CaptureFixture[str]
):
    write("fresh.csv", rows, dates=name == "sales")
    model = str(models / f"{name}.units.detector.safetensors")
    asked = ["predict", model, "fresh.csv"] if command == "predict" else ["anomalies", "fresh.csv", "--model", model]
    assert main(asked) == 0
    assert said in capsys.readouterr().out
    new = VALUES[80 : rows.stop].round(2)
    detector = elman.load(model)
    scores = [detector.score_one(float(value))[0] for value in new]
    found = table("fresh.units.anomalies.csv")
    assert [float(row["units"]) for row in found] == new.tolist()
    np.testing.assert_allclose([float(row["score"]) for row in found], scores, rtol=1e-6)
    moved = elman.load("fresh.units.detector.safetensors")
    assert moved.rows_ == rows.stop
    assert moved.score_one(200.0) == detector.score_one(200.0)


def test_the_model_is_not_overwritten(models: Path, capsys: pytest.CaptureFixture[str]):
    before = (models / "sales.units.detector.safetensors").read_bytes()
    Path("sales.units.detector.safetensors").write_bytes(before)
    write("sales.csv", slice(0, 90))
    assert main(["anomalies", "sales.csv", "--model", "sales.units.detector.safetensors"]) == 0
    assert "is as it was; --out FOLDER writes the detector that has seen these rows" in capsys.readouterr().out
    assert Path("sales.units.detector.safetensors").read_bytes() == before
    assert len(table("sales.units.anomalies.csv")) == 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["predict"], 2, "MODEL: expected a model file, as in: elman predict sales.units.forecaster.safetensors"),
        (["predict", "detector"], 2, "which keeps no rows"),
        (["predict", "detector", "fresh.csv", "--horizon", "3"], 2, "--horizon: expected it with a forecaster"),
        (["predict", "detector", "old.csv"], 3, "no row follows 2021-08, the last one that the detector has seen"),
        (["predict", "detector", "gap.csv"], 3, "2 rows are missing between 2021-08 and 2021-11"),
        (["predict", "forecaster", "--alone"], 2, "--append/--alone: expected DATA beside it"),
        (["anomalies", "fresh.csv", "--model", "forecaster"], 3, "holds a forecaster, not a detector"),
        (["anomalies", "fresh.csv", "--model", "detector", "--rate", "0.01"], 2, "--rate: expected it without --model"),
        (["anomalies", "fresh.csv", "--model", "absent.safetensors"], 3, "No such file"),
    ],
)
def test_what_cannot_be_scored_or_forecast(
    arguments: list[str], code: int, said: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name, rows in (("fresh.csv", slice(80, 86)), ("old.csv", slice(0, 70)), ("gap.csv", slice(82, 86))):
        write(name, rows)
    kinds = {kind: str(models / f"sales.units.{kind}.safetensors") for kind in ("forecaster", "detector")}
    assert main([kinds.get(word, word) for word in arguments]) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh.csv", "gap.csv", "old.csv"]
