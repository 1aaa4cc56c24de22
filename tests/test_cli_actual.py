"""`elman forecast --actual`: the truth of the rows that are forecast, drawn, written and scored."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from elman.cli import main

MONTHS = [str(np.datetime64("2015-01", "M") + i) for i in range(72)]
VALUES = (100 + np.arange(72) + 20 * np.sin(np.arange(72) * np.pi / 6)).round(2)
KNOWN, H = 66, 6
QUICK = ["--members", "1", "--updates", "5", "--hidden-size", "4", "--horizon", "6", "--windows", "2", "--json"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, head: str, rows: list[str]) -> str:
    Path(name).write_text("\n".join([head, *rows]) + "\n")
    return name


def dated(rows: slice) -> list[str]:
    return [f"{month},{value}" for month, value in zip(MONTHS[rows], VALUES[rows], strict=True)]


def beside(history: bool) -> list[str]:
    """The target is empty in the last rows, where another column holds the truth."""
    return [f"{m},{v if i < KNOWN else ''},{v if history or i >= KNOWN else ''}" for i, (m, v) in
            enumerate(zip(MONTHS, VALUES, strict=True))]  # fmt: skip


CASES = {
    "the rows after": (lambda: write("t.csv", "month,units", dated(slice(KNOWN, None))), H),
    "one row after": (lambda: write("t.csv", "month,units", dated(slice(KNOWN, KNOWN + 1))), 1),
    "all rows": (lambda: write("t.csv", "month,units", dated(slice(None))), H),
    "the last years": (lambda: write("t.csv", "month,units", dated(slice(40, 70))), 4),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file(case: str, capsys: pytest.CaptureFixture[str]):
    make, rows = CASES[case]
    write("sales.csv", "month,units", dated(slice(0, KNOWN)))
    assert main(["forecast", "sales.csv", "--actual", make(), *QUICK]) == 0
    compared(rows, capsys)


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_a_column(history: bool, order: int, capsys: pytest.CaptureFixture[str]):
    write("sales.csv", "month,units,truth", beside(history)[::order])
    assert main(["forecast", "sales.csv", "--actual", "truth", *QUICK]) == 0
    compared(H, capsys)


@pytest.mark.parametrize("rows", [slice(KNOWN, None), slice(None)])
def test_without_dates(rows: slice, capsys: pytest.CaptureFixture[str]):
    write("sales.csv", "units", [str(value) for value in VALUES[:KNOWN]])
    write("t.csv", "units", [str(value) for value in VALUES[rows]])
    assert main(["forecast", "sales.csv", "--actual", "t.csv", *QUICK]) == 0
    compared(H, capsys)


def compared(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The table holds the truth of so many rows, and the errors are those of the table."""
    found = json.loads(capsys.readouterr().out)
    with open("sales.units.forecast.csv", newline="") as file:
        table = list(csv.DictReader(file))
    truth = [float(row["actual"] or "nan") for row in table]
    np.testing.assert_array_equal(truth, [*VALUES[KNOWN : KNOWN + rows], *[np.nan] * (H - rows)])
    error = np.array(truth[:rows]) - [float(row["units"]) for row in table[:rows]]
    assert found["errors"]["rows"] == rows
    assert found["errors"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6, abs=1e-5)
    scale = np.abs(VALUES[12:KNOWN] - VALUES[: KNOWN - 12]).mean()
    assert found["errors"]["mase"] == pytest.approx(np.abs(error).mean() / scale, rel=1e-6, abs=1e-6)  # of 8 digits


def test_many_series(capsys: pytest.CaptureFixture[str]):
    write("shops.csv", "shop,month,units,truth", [f"{shop},{row}" for shop in "ab" for row in beside(True)])
    assert main(["forecast", "shops.csv", "--id", "shop", "--actual", "truth", *QUICK]) == 0
    found = json.loads(capsys.readouterr().out)["series"]
    assert [found[shop]["errors"]["rows"] for shop in "ab"] == [H, H]


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ("absent.csv", "absent.csv: No such file"),
        ("other", "--actual: no file 'other' and no such column; the columns are 'month', 'units'"),
        ("sales.csv", "actual: expected rows of the forecast, 2020-07 to 2020-12, got 2015-01 to 2020-06"),
        ("units", "--actual"),
    ],
)
def test_what_cannot_be_used(actual: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write("sales.csv", "month,units", dated(slice(0, KNOWN)))
    assert main(["forecast", "sales.csv", "--actual", actual, *QUICK]) == 3
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"]
