"""The memory that reading a file takes, for files of many kinds."""

from __future__ import annotations

import gzip
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
    how = {name: options.pop(name) for name in ("duplicates", "regular") if name in options}
    read = Forecaster(missing=missing, **how).read(sys.argv[1], past=past and past.split(","), **options)
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


def commas(size: int) -> str:
    return dated(size * 23 // 22).replace(",", ";").replace(".", ",")


def thousands(size: int) -> str:
    return "v\n" + '"1,234.5"\n"2,345,678"\n' * (size // 22)


def doubled_lines(size: int) -> str:
    return digits(size * 3 // 4).replace("1\n2\n", "1\n\n2\n")


def unsorted(size: int) -> str:
    head, *rows = dated(size).splitlines()
    return "\n".join([head, *rows[1::2], *rows[::2]]) + "\n"


def side_by_side(size: int) -> str:
    return "v," + ",".join(f"c{k}" for k in range(20)) + "\n" + ("1," * 20 + "2\n" + "2," * 20 + "1\n") * (size // 84)


CASES: dict[str, tuple[Callable[[int], str], dict[str, str]]] = {
    "one-digit rows": (digits, {}),
    "one-digit rows, one of 4 bytes": (lambda size: digits(size) + "𝟙\n", {}),
    "one-digit rows, a blank line": (lambda size: digits(size).replace("2", "", 1), {}),
    "dated rows": (dated, {}),
    "dated rows that fall": (lambda size: "time,v\n" + "\n".join(dated(size).splitlines()[:0:-1]) + "\n", {}),
    "two offsets": (summer, {}),
    "decimal commas": (commas, {}),
    "thousands in quotes": (thousands, {}),
    "a blank line after every other": (doubled_lines, {}),
    "comments": (lambda size: "v\n" + "1\n#\n2\n#\n" * (size // 8), {}),
    "not sorted": (unsorted, {}),
    "doubled": (lambda size: dated(size // 2) + dated(size // 2).partition("\n")[2], {"duplicates": "mean"}),
    "on a grid": (dated, {"regular": "D"}),
    "a bad date at the end": (lambda size: dated(size) + "x,1\n", {}),
    "many series": (panel, {}),
    "past covariates": (side_by_side, {"target": "v", "past": ",".join(f"c{k}" for k in range(20))}),
    "blank lines": (lambda size: "\n" * size, {}),
    "a row and blank lines": (lambda size: "v\n1\n" + "\n" * size + "2\n", {}),
}

ALONE_LARGE = ("thousands in quotes", "comments", "not sorted", "doubled", "on a grid")  # run in the long tests alone


def grown(path: Path, options: dict[str, str]) -> tuple[int, str]:
    words = [f"{name}={value}" for name, value in options.items()]
    done = subprocess.run([sys.executable, "-c", GROWTH, str(path), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bytes_, told = done.stdout.split(" ", 1)
    return int(bytes_), told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("size", [3 * MILLION, pytest.param(20 * MILLION, marks=pytest.mark.slow)])
def test_memory_of_reading_a_packed_file_goes_by_what_it_holds(tmp_path: Path, size: int):
    path = tmp_path / "data.csv.gz"
    text = dated(size).encode()
    path.write_bytes(gzip.compress(text, 1))
    growth, told = grown(path, {})
    assert growth <= 10 * len(text) + 60 * MILLION
    assert int(told) == size // 21


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("case", "size"),
    [
        *((case, 3 * MILLION) for case in CASES if case not in ALONE_LARGE),
        *(pytest.param(case, 20 * MILLION, marks=pytest.mark.slow) for case in CASES),
    ],
)
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
