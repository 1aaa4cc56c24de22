"""`elman anomalies`: what it writes and says, many series, and every kind of bad input."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.anomaly import AnomalyDetector
from elman.cli import main

ROWS = 600
TIMES = [str(np.datetime64("2024-01-01T00", "h") + i).replace("T", " ") + ":00" for i in range(ROWS)]
VALUES = 100 + 10 * np.sin(2 * np.pi * np.arange(ROWS) / 24) + np.random.default_rng(0).normal(size=ROWS)
VALUES[400:403] += 60
GOOD = [f"{time},{value:.3f}" for time, value in zip(TIMES, VALUES, strict=True)]
QUICK = ["--effort", "fast", "--rate", "1e-3"]


def text(rows: list[str], head: str = "time,sales") -> str:
    return "\n".join([head, *rows]) + "\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD))
    assert main(["anomalies", "sales.csv", *QUICK]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "sales.csv, sales: 600 rows, 2024-01-01 00:00 to 2024-01-25 23:00, hourly"
    assert (
        lines[1]
        == "Learned from the first 90 rows, 2024-01-01 00:00 to 2024-01-04 17:00; season of 24 rows, found in the data"
    )
    assert re.fullmatch(r"\d alarms? in the 510 rows after them; 0\.51 false ones are allowed for", lines[2])
    assert re.search(r"^  2024-01-17 16:00 +2024-01-17 1\d:00 +\d", out, re.MULTILINE)
    assert lines[-1] == "Wrote sales.sales.anomalies.csv, sales.sales.anomalies.png, sales.sales.detector.safetensors"
    assert err == "learning from the first rows, and scoring the others ...\n"
    files = ["sales.csv", "sales.sales.anomalies.csv", "sales.sales.anomalies.png", "sales.sales.detector.safetensors"]
    assert sorted(p.name for p in tmp_path.iterdir()) == files
    assert Path("sales.sales.anomalies.png").read_bytes().startswith(b"\x89PNG")
    found = read("sales.sales.anomalies.csv")
    again = AnomalyDetector(rate=1e-3, effort="fast").fit("sales.csv")
    assert [row["time"] for row in found] == TIMES
    assert [row["anomaly"] == "1" for row in found] == again.labels_.tolist()
    assert [row["anomaly"] for row in found[400:403]] == ["1", "0", "0"]
    assert (found[400]["kind"], found[401]["kind"]) == ("spike", "")
    assert "1" not in {row["anomaly"] for row in found[:90]}
    loaded = elman.load("sales.sales.detector.safetensors")
    assert loaded.rows_ == 600
    assert loaded.score_one(100.0) == again.score_one(100.0)


def test_json_says_what_the_files_hold(capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD))
    assert main(["anomalies", "sales.csv", "--json", "--probation", "120", "--season", "24,168", *QUICK]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["learned"], found["season"], found["rate"]) == (600, 120, 24, pytest.approx(1e-3))
    rows = read("sales.sales.anomalies.csv")
    assert found["anomalies"] == sum(row["anomaly"] == "1" for row in rows)
    numbers = [int(row["alarm"]) for row in rows]
    assert max(numbers) == len(found["alarms"])
    first = found["alarms"][numbers[400] - 1]
    assert rows[numbers.index(numbers[400])]["time"] == first["first"]
    assert float(rows[TIMES.index(first["peak"])]["score"]) == pytest.approx(first["score"], rel=1e-6)
    assert found["files"] == [
        "sales.sales.anomalies.csv",
        "sales.sales.anomalies.png",
        "sales.sales.detector.safetensors",
    ]


def test_parquet(capsys: pytest.CaptureFixture[str]):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"day": np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]"),
                      "x": np.random.default_rng(0).normal(size=366)}).write_parquet("noise.parquet")  # fmt: skip
    assert main(["anomalies", "noise.parquet", "--to", "parquet", "--probation", "0.3", *QUICK]) == 0
    assert (
        "Wrote noise.x.anomalies.parquet, noise.x.anomalies.png, noise.x.detector.safetensors"
        in capsys.readouterr().out
    )
    table = polars.read_parquet("noise.x.anomalies.parquet")
    assert table.columns == ["day", "x", "expected", "lower", "upper", "score", "anomaly", "alarm", "kind"]
    assert table["score"].null_count() == 0


MANY = [f"{shop},{line}" for shop in ("north", "south") for line in GOOD]
SHORT = [f"east,{line}" for line in GOOD[:50]]
TWICE = [f"west,{line}" for line in [*GOOD[:100], GOOD[99], *GOOD[100:]]]


def test_many_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Path("shops.csv").write_text(text(MANY, "shop,time,sales"))
    assert main(["anomalies", "shops.csv", "--id", "shop", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "shops.csv, sales: 2 series of 600 rows, hourly"
    assert err == "learning from the first rows of each of 2 series, and scoring the others ...\n"
    assert re.search(r"^  south +600 +90 +\d +2024-01-17 1\d:00 +\d", out, re.MULTILINE)
    files = ["shops.csv", "shops.sales.anomalies.csv", "shops.sales.anomalies.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == files
    rows = read("shops.sales.anomalies.csv")
    assert [row["series"] for row in rows] == ["north"] * 600 + ["south"] * 600
    assert [row["score"] for row in rows[:600]] == [row["score"] for row in rows[600:]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (SHORT, "series 'east': column 'sales': 50 rows are too few: the first 60 at least are learned from"),
        (TWICE, "series 'west': shops.csv, line 1302, column 'time': 2024-01-05 03:00 stands on the row before too"),
    ],
)
def test_bad_ones_among_many(rows: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Path("shops.csv").write_text(text([*MANY, *rows], "shop,time,sales"))
    assert main(["anomalies", "shops.csv", "--id", "shop", *QUICK]) == 3
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["shops.csv"]
    assert main(["anomalies", "shops.csv", "--id", "shop", "--skip-bad", *QUICK]) == 0
    assert f"Left out: {said}" in capsys.readouterr().out
    assert main(["anomalies", "shops.csv", "--id", "shop", "--skip-bad", "--json", *QUICK]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["series"]) == ["north", "south"]
    assert list(found["skipped"]) == [rows[0].split(",")[0]]


BAD: dict[str, tuple[str, str]] = {
    "a date twice": (text([*GOOD[:9], GOOD[8], *GOOD[9:]]), "line 11, column 'time': .* stands on the row before too"),
    "irregular": (text([*GOOD[:9], "2024-01-01 08:31,5", *GOOD[9:]]), "line 11, column 'time': .* out of step"),
    "a gap": (text(GOOD[:9] + GOOD[11:]), "line 11, .*2 rows are missing .*interpolate.*--missing"),
    "too short": (
        text(GOOD[:60]),
        r"60 rows are too few: the first 60 at least are learned from, and one must be left",
    ),
    "constant": (text([f"{time},7" for time in TIMES]), "bad.csv, column 'sales': every value is 7"),
    "all zero": (text([f"{time},0" for time in TIMES]), "bad.csv, column 'sales': every value is 0"),
    "constant first": (
        text([f"{time},7" for time in TIMES[:200]] + GOOD[200:]),
        "column 'sales': each of the first 90 rows, which are learned from, is 7",
    ),
    "a nan": (text([*GOOD[:9], f"{TIMES[9]},nan", *GOOD[10:]]), "line 11, column 'sales': the value is missing"),
    "an infinity": (text([*GOOD[:9], f"{TIMES[9]},-inf", *GOOD[10:]]), "line 11, column 'sales': expected a finite"),
    "text": (text([*GOOD[:9], f"{TIMES[9]},high", *GOOD[10:]]), "line 11, column 'sales': .* got 'high'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content, said = BAD[case]
    Path("bad.csv").write_text(content)
    assert main(["anomalies", "bad.csv"]) == 3
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("elman: ")
    assert re.search(said, err[-1])
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize("case", ["a gap", "a nan"])
def test_what_the_message_says_helps(case: str, capsys: pytest.CaptureFixture[str]):
    Path("bad.csv").write_text(BAD[case][0])
    assert main(["anomalies", "bad.csv", "--missing", "interpolate", *QUICK]) == 0
    assert "interpolated" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--rate", "0.5"], 2, "rate: expected a finite number in (0.0, 0.1], got 0.5"),
        (["--rate", "often"], 2, "--rate"),
        (["--probation", "0"], 2, "probation: "),
        (["--probation", "600"], 3, "none would be left to score"),
        (["--effort", "huge"], 2, "effort: "),
        (["--season", "x"], 2, "--season"),
        (["--target", "price"], 3, "no column 'price'"),
        (["--id", "shop"], 3, "id: no column 'shop'"),
        (["--out", "nowhere"], 3, "--out nowhere: no such folder"),
    ],
)
def test_options_that_do_not_fit(
    options: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    Path("good.csv").write_text(text(GOOD))
    assert main(["anomalies", "good.csv", *options]) == code
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["good.csv"]


@pytest.mark.parametrize(
    ("name", "learned"),
    [
        ((), "Learned from the first 60 rows (15 % would be 46, too few), 1700 to 1759; season of 11 rows"),
        (("airline",), "Learned from the first 60 rows (15 % would be 21, too few), 1949-01 to 1953-12; season of 12"),
        (("seatbelts",), "  series              rows  learned from  alarms"),
    ],
)
def test_the_bundled_series_are_scored_by_default(
    name: tuple[str, ...], learned: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["anomalies", *name, *QUICK]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(learned)


@pytest.mark.parametrize(
    ("rows", "season", "learned"), [(600, "24", 90), (300, "24", 60), (300, "48", 120), (200, "90", 60), (61, "1", 60)]
)
def test_the_probation_is_what_is_needed(rows: int, season: str, learned: int, capsys: pytest.CaptureFixture[str]):
    """60 rows, and two and a half seasons where half of the rows hold them, if that is more than 15 %."""
    Path("sales.csv").write_text(text(GOOD[:rows]))
    assert main(["anomalies", "sales.csv", "--season", season, "--json", *QUICK]) == 0
    assert json.loads(capsys.readouterr().out)["learned"] == learned


@pytest.mark.parametrize("probation", ["0.1", "59"])
def test_a_probation_that_is_named_is_not_enlarged(probation: str, capsys: pytest.CaptureFixture[str]):
    assert main(["anomalies", "--probation", probation, *QUICK]) == 3
    assert "60 at least are needed; give more rows, or another probation (--probation)" in capsys.readouterr().err


# ---------------------------------------------------------------------------------- several variables together

BOTH = [f"{line},{50 + (i % 7)}.{i % 10},x" for i, line in enumerate(GOOD)]


def test_several_variables_have_one_alarm(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Path("shop.csv").write_text(text(BOTH, "time,sales,load,note"))
    assert main(["anomalies", "shop.csv", "--target", "sales,load", "--together", *QUICK]) == 0
    out, _ = capsys.readouterr()
    assert re.search(r"^  2024-01-17 16:00 +2024-01-17 1\d:00 +sales +\d", out, re.MULTILINE)
    names = ["anomalies.csv", "anomalies.png", "detector.safetensors"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shop.csv", *(f"shop.sales+load.{name}" for name in names)]
    rows = read("shop.sales+load.anomalies.csv")
    assert [row["time"] for row in rows] == TIMES
    assert (rows[400]["anomaly"], rows[400]["variable"], rows[401]["anomaly"]) == ("1", "sales", "0")
    assert main(["anomalies", "shop.csv", "--target", "sales,load", "--together", "--json", *QUICK]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["targets"], found["learned"]) == (["sales", "load"], 90)
    assert "2024-01-17 16:00" in {alarm["first"] for alarm in found["alarms"]}


@pytest.mark.parametrize("command", [["anomalies", "new.csv", "--model"], ["predict"]])
def test_a_saved_detector_of_several_variables_scores_new_rows(command: list[str], capsys: pytest.CaptureFixture[str]):
    Path("shop.csv").write_text(text(BOTH[:500], "time,sales,load,note"))
    Path("new.csv").write_text(text(BOTH[480:], "time,sales,load,note"))
    assert main(["anomalies", "shop.csv", "--target", "sales,load", "--together", *QUICK]) == 0
    model = "shop.sales+load.detector.safetensors"
    capsys.readouterr()
    assert main([*command, model, *(["new.csv"] if command == ["predict"] else [])]) == 0
    out = capsys.readouterr().out
    assert "The first 20 rows were seen before: left out" in out
    rows = read("new.sales+load.anomalies.csv")
    assert [row["time"] for row in rows] == TIMES[500:]
    loaded = elman.load(model)
    again = [loaded.score_one({"sales": float(row["sales"]), "load": float(row["load"])})[0] for row in rows]
    assert [float(row["score"]) for row in rows] == pytest.approx(again, rel=1e-6)
    assert elman.load("new.sales+load.detector.safetensors").rows_ == ROWS


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--together"], 3, "expected two variables or more, to be scored together, got sales"),
        (["--together", "--model", "x.safetensors"], 2, "--together: expected it without --model"),
    ],
)
def test_one_series_is_not_together(options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]):
    Path("good.csv").write_text(text(GOOD))
    assert main(["anomalies", "good.csv", *options]) == code
    assert said in capsys.readouterr().err.splitlines()[-1]
