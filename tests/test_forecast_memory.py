"""The memory that reading a file takes, for files of many kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from elman.forecast import DataError, Forecaster

MILLION = 10**6

# Reads a file and prints by how many bytes the process grew at most, beyond what it had before.
GROWTH = """
import sys
from elman.forecast import DataError, Forecaster
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
before = peak()
options = dict(word.split("=") for word in sys.argv[2:])
missing = options.pop("missing", "error")
try:
    past = options.pop("past", None)
    read = Forecaster(missing=missing).read(sys.argv[1], past=past and past.split(","), **options)
    told = str(len(read))
except DataError as error:
    told = str(error)
print(peak() - before, told)
"""


def dated(size: int) -> str:
    times = np.datetime64("2000-01-01T00:00") + np.arange(size // 21) * np.timedelta64(1, "h")
    return "time,v\n" + "".join(
        f"{time.replace('T', ' ')},{i % 7}.5\n" for i, time in enumerate(np.datetime_as_string(times))
    )


def digits(size: int) -> str:
    return "v\n" + "1\n2\n" * (size // 4)


def summer(size: int) -> str:
    times = np.datetime_as_string(np.datetime64("2000-01-01T00:00") + np.arange(size // 25) * np.timedelta64(1, "h"))
    return "time,v\n" + "".join(f"{t}{'+00:00' if i < 99 else 'Z'},{i % 7}\n" for i, t in enumerate(times))


def panel(size: int) -> str:
    days = np.datetime_as_string(np.datetime64("2000-01-01") + np.arange(50))
    return "unique_id,ds,y\n" + "".join(f"s{k},{day},{i}\n" for k in range(size // 950) for i, day in enumerate(days))


def side_by_side(size: int) -> str:
    return "v," + ",".join(f"c{k}" for k in range(20)) + "\n" + ("1," * 20 + "2\n" + "2," * 20 + "1\n") * (size // 84)


CASES: dict[str, tuple[Callable[[int], str], dict[str, str]]] = {
    "one-digit rows": (digits, {}),
    "one-digit rows, one of 4 bytes": (lambda size: digits(size) + "𝟙\n", {}),
    "one-digit rows, a blank line": (lambda size: digits(size).replace("2", "", 1), {}),
    "dated rows": (dated, {}),
    "dated rows that fall": (lambda size: "time,v\n" + "\n".join(dated(size).splitlines()[:0:-1]) + "\n", {}),
    "two offsets": (summer, {}),
    "a bad date at the end": (lambda size: dated(size) + "x,1\n", {}),
    "many series": (panel, {}),
    "past covariates": (side_by_side, {"target": "v", "past": ",".join(f"c{k}" for k in range(20))}),
    "blank lines": (lambda size: "\n" * size, {}),
    "a row and blank lines": (lambda size: "v\n1\n" + "\n" * size + "2\n", {}),
}


def grown(path: Path, options: dict[str, str]) -> tuple[int, str]:
    words = [f"{name}={value}" for name, value in options.items()]
    done = subprocess.run([sys.executable, "-c", GROWTH, str(path), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bytes_, told = done.stdout.split(" ", 1)
    return int(bytes_), told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("size", [3 * MILLION, pytest.param(20 * MILLION, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_memory_of_reading_is_at_most_ten_times_the_file(tmp_path: Path, case: str, size: int):
    make, options = CASES[case]
    path = tmp_path / "data.csv"
    path.write_text(make(size), encoding="utf-8")
    growth, _ = grown(path, options)
    assert growth <= 10 * path.stat().st_size + 60 * MILLION


def test_a_long_table_is_split_into_series(tmp_path: Path):
    (tmp_path / "long.csv").write_text(panel(MILLION))
    found = Forecaster().read(tmp_path / "long.csv")
    assert len(found) == MILLION // 950
    assert found["s17"].values.tolist() == list(range(50))
    assert found["s17"].labels[:2] == ["2000-01-01", "2000-01-02"]


def test_an_empty_table_is_an_error():
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match="expected at least one row, got none"):
        Forecaster().read(polars.DataFrame({"unique_id": [], "ds": [], "y": []}))
