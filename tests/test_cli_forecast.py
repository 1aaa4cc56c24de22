"""`elman forecast` and `elman predict`: what they write and say, and every kind of bad input."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import datasets
from elman.cli import main
from elman.forecast import Forecaster
from elman.series import sources

SMALL = ["--members", "1", "--updates", "5", "--hidden-size", "4"]
MONTHS = [str(np.datetime64("2015-01", "M") + i) for i in range(60)]
GOOD = [f"{month},{100 + i + 20 * np.sin(i * np.pi / 6):.2f}" for i, month in enumerate(MONTHS)]


def text(rows: list[str], head: str = "month,sales") -> str:
    return "\n".join([head, *rows]) + "\n"


def changed(row: int, line: str) -> str:
    return text([*GOOD[:row], line, *GOOD[row + 1 :]])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def forecast(*arguments: str) -> int:
    """`elman forecast` with networks that train in no time, for tests of words and files."""
    return main(["forecast", *arguments, *SMALL])


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any, **__: Any) -> None:
        raise AssertionError("trained before the outputs were checked")

    monkeypatch.setattr(Forecaster, "fit", fit)


# ------------------------------------------------------------------------------------------------ what it does


@pytest.mark.skipif(elman.show_config()["engine"] != "native", reason="a minute on the reference engine")
def test_the_bundled_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Sunspots with the default settings: read, tested, forecast, written, judged."""
    assert main(["forecast"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "sunspots.csv, Sunspots: 309 rows, 1700 to 2008, yearly"
    assert all(
        re.search(rf"^  {model} ", out, re.MULTILINE)
        for model in ("combination", "network", "theta", "naive", "seasonal naive", "drift")
    )
    assert re.search(r"^  2009 +\d+\.\d+", out, re.MULTILINE)
    assert (
        "Wrote sunspots.Sunspots.forecast.csv, sunspots.Sunspots.forecast.png, sunspots.Sunspots.forecaster.safetensors"
        in lines
    )
    assert lines[-1].startswith(
        "About equal, since neither is better in two thirds of the windows: the combination against"
    )
    assert "\033" not in out + err
    files = [
        "sunspots.Sunspots.forecast.csv",
        "sunspots.Sunspots.forecast.png",
        "sunspots.Sunspots.forecaster.safetensors",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == files
    with open("sunspots.Sunspots.forecast.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["Year", "Sunspots", "lower_80", "upper_80", "lower_95", "upper_95"]
    model = elman.load("sunspots.Sunspots.forecaster.safetensors")
    assert [row[0] for row in rows] == [str(2009 + i) for i in range(model.horizon_)]
    values = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(values[:, 0], model.predict(), rtol=1e-6)
    assert (values[:, 3] <= values[:, 1]).all()
    assert (values[:, 1] <= values[:, 0]).all()
    assert (values[:, 0] <= values[:, 2]).all()
    assert (tmp_path / "sunspots.Sunspots.forecast.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_files(tmp_path: Path):
    Path("sales.csv").write_text(text(GOOD))

    def files(folder: str, seed: str) -> list[bytes]:
        Path(folder).mkdir()
        assert forecast("sales.csv", "--out", folder, "--seed", seed) == 0
        return [
            Path(folder, name).read_bytes()
            for name in ("sales.sales.forecast.csv", "sales.sales.forecaster.safetensors")
        ]

    one, two, three = files("a", "0"), files("b", "0"), files("c", "1")
    assert one == two
    assert one[0] != three[0]
    assert one[1] != three[1]
    assert Path("sales.csv").read_text() == text(GOOD)


def test_json_holds_what_the_files_hold(capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD))
    assert forecast("sales.csv", "--json", "--horizon", "6", "--levels", "80") == 0
    found = json.loads(capsys.readouterr().out)
    with open("sales.sales.forecast.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["month"] for row in rows] == [row["month"] for row in found["forecast"]]
    assert [float(row["upper_80"]) for row in rows] == pytest.approx([row["upper_80"] for row in found["forecast"]])
    assert found["files"] == [
        "sales.sales.forecast.csv",
        "sales.sales.forecast.png",
        "sales.sales.forecaster.safetensors",
    ]
    rules = {"naive", "seasonal naive", "drift", "naive 2"}
    assert {row["model"] for row in found["backtest"]["mean"]} == {
        "combination",
        "network",
        "exponential smoothing",
        "damped trend",
        "theta",
    } | rules
    assert len(found["backtest"]["windows"]) == 6 * 9
    assert (found["rows"], found["freq"]) == (60, "monthly")


def test_the_file_is_read_once_and_the_columns_are_kept(monkeypatch: pytest.MonkeyPatch):
    """Newer rows are read by the columns that were named, beside others that could be meant."""
    opened: list[str] = []
    original = sources.open_table
    monkeypatch.setattr(sources, "open_table", lambda path, **how: opened.append(str(path)) or original(path, **how))
    Path("sales.csv").write_text(text([row + f",{i}" for i, row in enumerate(GOOD)], "month,sales,visits"))
    assert forecast("sales.csv", "--target", "sales") == 0
    assert opened == ["sales.csv"]
    model = elman.load("sales.sales.forecaster.safetensors")
    assert model.predict("sales.csv").tolist() == model.predict().tolist()


def test_best_writes_the_better_one(capsys: pytest.CaptureFixture[str]):
    """A straight line, which drift forecasts without any error."""
    Path("line.csv").write_text(text([f"{month},{10 + 3 * i}" for i, month in enumerate(MONTHS)]))
    assert forecast("line.csv", "--horizon", "3") == 0
    assert "the best baseline, drift" in capsys.readouterr().out.splitlines()[-1]
    assert forecast("line.csv", "--horizon", "3", "--best") == 0
    assert "(drift)" in capsys.readouterr().out
    with open("line.sales.forecast.csv", newline="") as file:
        values = [float(row["sales"]) for row in csv.DictReader(file)]
    assert values == pytest.approx([190.0, 193.0, 196.0])


def test_predict_uses_the_saved_model_again(capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD[:54]))
    Path("fresh.csv").write_text(text(GOOD))
    assert forecast("sales.csv", "--horizon", "6") == 0
    first = Path("sales.sales.forecast.csv").read_bytes()
    Path("sales.sales.forecast.csv").unlink()
    assert main(["predict", "sales.sales.forecaster.safetensors"]) == 0
    assert Path("sales.sales.forecast.csv").read_bytes() == first
    capsys.readouterr()
    assert main(["predict", "sales.sales.forecaster.safetensors", "fresh.csv", "--horizon", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["month"] for row in found["forecast"]] == ["2020-01", "2020-02"]
    values = elman.load("sales.sales.forecaster.safetensors").predict("fresh.csv", 2)
    assert [row["sales"] for row in found["forecast"]] == pytest.approx(list(values))
    assert found["files"] == ["fresh.sales.forecast.csv"]
    assert not Path("fresh.sales.forecast.png").exists()


def test_predict_draws_when_asked(capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD))
    elman.Forecaster(horizon=6, members=1, updates=5, hidden_size=4).fit("sales.csv").save(
        "sales.sales.forecaster.safetensors"
    )
    assert main(["predict", "sales.sales.forecaster.safetensors", "--plot"]) == 0
    assert capsys.readouterr().out.endswith("Wrote sales.sales.forecast.csv, sales.sales.forecast.png\n")
    assert Path("sales.sales.forecast.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_is_taken_before_a_bundled_series_of_its_name(capsys: pytest.CaptureFixture[str]):
    assert forecast("airline") == 0
    assert capsys.readouterr().out.startswith("airline.csv, Passengers: 144 rows, 1949-01 to 1960-12")
    Path("airline").write_text(text(GOOD))
    assert forecast("airline") == 0
    assert capsys.readouterr().out.startswith("airline, sales: 60 rows")
    assert datasets.path("airline").read_text().count("\n") == 145


# ---------------------------------------------------------------------------------------------------- bad input

BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "bad.csv: the file is empty"),
    "header alone": (text([]), "bad.csv: .*no row"),
    "one row": (text(GOOD[:1]), "bad.csv, .*at least 2 rows, got 1"),
    "too few rows": (text(GOOD[:2]), "2 rows are too few"),
    "constant": (text([f"{month},5" for month in MONTHS]), "bad.csv, column 'sales': every value is 5"),
    "nan inside": (
        changed(20, f"{MONTHS[20]},nan"),
        "line 22, column 'sales': the value is missing; .*--missing",
    ),
    "blank inside": (
        changed(20, f"{MONTHS[20]},"),
        "line 22, column 'sales': the value is missing; .*--missing",
    ),
    "infinity inside": (
        changed(20, f"{MONTHS[20]},inf"),
        "line 22, column 'sales': expected a finite number, got 'inf'",
    ),
    "text in a number column": (changed(20, f"{MONTHS[20]},twelve"), "line 22, column 'sales': .* got 'twelve'"),
    "text alone": (text([f"{month},abc" for month in MONTHS]), "no numeric column to forecast among 'month', 'sales'"),
    "several columns": (
        text([row + ",7.5" for row in GOOD], "month,sales,price"),
        "'sales', 'price'; choose .*--target",
    ),
    "no date": (changed(30, "yesterday,5"), "line 32, column 'month': 'yesterday' does not read as a date"),
    "a date twice": (changed(30, GOOD[29]), "line 32, column 'month': 2017-06 stands on the row before too"),
    "gap": (
        text(GOOD[:30] + GOOD[33:]),
        "line 32, .*3 rows are missing between 2017-06 and 2017-10 .*--missing",
    ),
    "another delimiter": (text([row.replace(",", "#") for row in GOOD], "month#sales"), "delimiter"),
    "ragged": (changed(7, GOOD[7] + ",9"), "bad.csv, line 9: 3 fields where the header has 2"),
    "bytes": (bytes(range(256)) * 20, "bad.csv: not a text file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "bad.csv: not a text file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content, said = BAD[case]
    Path("bad.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    assert main(["forecast", "bad.csv"]) == 3
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("elman: ")
    assert re.search(said, err[-1])
    assert "Traceback" not in " ".join(err)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--target", "price"], 3, "no column 'price'; the columns are 'month', 'sales'"),
        (["--time", "day"], 3, "no column 'day'; the columns are 'month', 'sales'"),
        (["--horizon", "400"], 3, "60 rows are too few to forecast 400"),
        (["--season", "50", "--models", "network"], 3, "season 50"),
        (["--models", "oracle"], 2, "models: expected one of"),
        (["--levels", "99.9"], 2, "levels: an interval of 99.9 % needs at least 999 backtest residuals"),
        (["--levels", "120"], 2, "levels: "),
        (["--freq", "often"], 2, "freq: "),
    ],
)
def test_options_that_do_not_fit_the_data(
    options: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    Path("good.csv").write_text(text(GOOD))
    assert main(["forecast", "good.csv", *options]) == code
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["good.csv"]


@pytest.mark.parametrize("case", ["gap", "nan inside", "blank inside"])
def test_what_the_message_says_helps(case: str, capsys: pytest.CaptureFixture[str]):
    content, _ = BAD[case]
    assert isinstance(content, str)
    Path("bad.csv").write_text(content)
    assert forecast("bad.csv", "--missing", "interpolate") == 0
    assert "interpolated" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(("name", "said"), [("absent.csv", "No such file"), (".", "s a directory")])
def test_no_file(name: str, said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", name]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("out", ["absent", "file", "/proc/self"])
def test_an_output_folder_is_tried_before_the_work(out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    if out.startswith("/proc") and not Path(out).exists():
        pytest.skip("a folder that refuses even root exists on Linux alone")
    Path("file").touch()
    assert main(["forecast", "--out", out]) == 3
    out_text, err = capsys.readouterr()
    assert out_text == ""
    assert err.startswith(f"elman: --out {out}: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("no_training")
def test_an_input_is_never_overwritten(capsys: pytest.CaptureFixture[str]):
    """A link beside the input, with the name of an output, that leads to the input."""
    Path("sales.csv").write_text(text(GOOD))
    Path("sales.sales.forecast.csv").symlink_to("sales.csv")
    assert main(["forecast", "sales.csv"]) == 3
    assert "would overwrite the input" in capsys.readouterr().err
    assert Path("sales.csv").read_text() == text(GOOD)


def test_predict_with_a_network(capsys: pytest.CaptureFixture[str]):
    elman.Network(1, 2, 1, seed=0).save("net.safetensors")
    assert main(["predict", "net.safetensors"]) == 3
    assert "which predicts nothing from a table; see elman inspect net.safetensors" in capsys.readouterr().err


def test_predict_from_too_few_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Path("sales.csv").write_text(text(GOOD))
    assert forecast("sales.csv", "--horizon", "6") == 0
    Path("fresh.csv").write_text(text(GOOD[:2]))
    assert main(["predict", "sales.sales.forecaster.safetensors", "fresh.csv"]) == 3
    assert not (tmp_path / "fresh.sales.forecast.csv").exists()
    assert (
        main(["predict", "sales.sales.forecaster.safetensors", "--horizon", "60"]) == 0
    )  # rolled forward past the 6 it learned
    assert "54 of the 60 rows lie past the trained horizon" in capsys.readouterr().out
