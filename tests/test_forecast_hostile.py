"""Hostile input files and extreme values: errors of one line, within limits of time and memory."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from elman.cli import main
from elman.forecast import DataError, as_series, read_series, read_table
from elman.series.dates.reading import first_undated, read_dates, reads_as_date
from elman.series.tables.numbers import Notation, parse_number, survey

MILLION = 10**6
posix = pytest.mark.skipif(os.name != "posix", reason="devices and named pipes are POSIX's")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Asserts that the block takes less processor time of this thread than `seconds`."""
    begun = time.thread_time()
    yield
    assert time.thread_time() - begun < seconds


# ------------------------------------------------------------------------------------- what is no file


@posix
@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/urandom"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_device_is_an_error_without_reading(tmp_path: Path, name: str, ending: str):
    path = tmp_path / f"data.{ending}"
    path.symlink_to(name)
    if ending == "parquet":
        pytest.importorskip("polars")
    with pytest.raises(DataError, match=rf"data\.{ending}: this is a device or socket; expected a file"):
        read_series(path)


@posix
def test_command_error_for_a_device_has_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", "/dev/zero", "--out", str(tmp_path)]) == 3
    assert capsys.readouterr().err == "elman: /dev/zero: this is a device or socket; expected a file\n"


@pytest.mark.parametrize("name", ["folder", "folder.parquet"])
def test_a_folder_is_an_error(tmp_path: Path, name: str):
    if name.endswith("parquet"):
        pytest.importorskip("polars")
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"folder.*: this is a directory; expected a file"):
        read_series(tmp_path / name)


@posix
def test_a_pipe_without_a_writer_is_an_error(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe\.csv: this is a pipe that nobody writes to; expected a file"):
        read_series(tmp_path / "pipe.csv")


@posix
def test_an_endless_pipe_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.series.tables.files.MOST_PIPED", 1 << 18)
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)

    def write() -> None:
        with suppress(BrokenPipeError), path.open("w") as pipe:
            while True:
                pipe.write("1\n" * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(DataError, match=r"pipe\.csv: this pipe gives more than 262,144 bytes"):
        read_series(path)
    writer.join()


@posix
def test_a_pipe_is_read_completely(tmp_path: Path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)

    def write() -> None:  # more than a pipe holds, and not at once
        with path.open("w") as pipe:
            pipe.write("v\n")
            pipe.flush()
            time.sleep(0.1)
            pipe.write("".join(f"{i}\n" for i in range(50_000)))

    writer = threading.Thread(target=write)
    writer.start()
    series = read_series(path)
    writer.join()
    assert series.values.tolist() == list(range(50_000))


@posix
def test_process_substitution_of_a_shell():
    ends = os.pipe()
    os.write(ends[1], b"v\n1\n2\n4\n")
    os.close(ends[1])
    assert read_series(f"/dev/fd/{ends[0]}").values.tolist() == [1, 2, 4]
    os.close(ends[0])


# --------------------------------------------------------------------- long cells, many columns, odd bytes

LENGTH = 250_000  # characters: what takes their square takes minutes
LONG = {
    "digits": "1" * LENGTH,
    "digits and a letter": "1" * LENGTH + "x",
    "points": "1." * (LENGTH // 2),
    "a long fraction": "1." + "1" * LENGTH + "x",
    "an exponent": "1e" + "1" * LENGTH + "x",
    "thousands": "1,111" * (LENGTH // 5) + "x",
    "decimal comma": "1" * LENGTH + "," + "1" * LENGTH + "x",
    "thousands and a decimal comma": "1" + ".111" * (LENGTH // 4) + ",1x",
    "a date and digits": "2020-01-01 00:00:00." + "1" * LENGTH + "x",
    "an hour and digits": "2020-01-01T" + "1" * LENGTH,
    "spaces": "2020-01-01" + " " * LENGTH + "x",
    "letters": "a" * LENGTH,
}


@pytest.mark.parametrize("case", LONG)
def test_a_long_cell_is_read_in_linear_time(case: str):
    with within(2.0):
        plain = parse_number(LONG[case])
        numbers = [parse_number(LONG[case], Notation(",", mark)) for mark in ("", ".", " ")]
        found = survey([LONG[case]])
        dated = reads_as_date(LONG[case])
    assert plain == {"digits": float("inf"), "a long fraction": None}.get(case)
    assert numbers == [plain] * 3
    assert found.doubt is None
    assert not dated


def test_a_number_of_many_digits_is_not_finite(tmp_path: Path):
    (tmp_path / "v.csv").write_text("v\n1\n" + "1" * 100_000 + "\n3\n")
    with within(1.0), pytest.raises(DataError, match=r"line 3, column 'v': expected a finite number") as caught:
        read_series(tmp_path / "v.csv")
    assert len(str(caught.value)) < 200 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("v\n1\n" + "1" * MILLION + "\n", 3),
        ('v,w\n1,"two\nlines"\n1,' + "x" * MILLION + "\n", 4),
        ("n" * MILLION + "\n1\n2\n", 1),
    ],
    ids=["digits", "text", "header"],
)
def test_a_cell_beyond_the_limit_is_named_by_its_line(tmp_path: Path, content: str, line: int):
    (tmp_path / "v.csv").write_text(content)
    with within(1.0), pytest.raises(DataError, match=rf"line {line}: not a table: field larger .* quote"):
        read_series(tmp_path / "v.csv")


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("{n}\n1\nx\n1\n", {}),
        ("{n},{n}\n1,2\n", {}),
        ("{n},{n}2\n1,2\n2,3\n", {}),
        ("{n}\n1\n2\n", {"target": "w"}),
        ("{n}\na\nb\n", {}),
        ("day,v\n2020-01-01 00:00:00.{d},1\nx,2\n", {"time": "day"}),
        ("v,s\n1,{n}\n2,{n}\n3,x\n", {"static": "s", "target": "v"}),
    ],
)
def test_messages_are_short_for_long_names(tmp_path: Path, content: str, options: dict[str, str]):
    (tmp_path / "v.csv").write_text(content.replace("{n}", "n" * 100_000).replace("{d}", "0" * 100_000))
    with pytest.raises(DataError) as caught:
        read_series(tmp_path / "v.csv", **options)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_many_columns_take_seconds(tmp_path: Path):
    header = ",".join(f"c{i}" for i in range(100_000))
    rows = "\n".join(",".join([str(k * k)] * 100_000) for k in range(4))
    (tmp_path / "wide.csv").write_text(f"{header}\n{rows}\n")
    with within(15.0):
        table = read_table(tmp_path / "wide.csv")
        series = as_series(table, target="c77")
        with pytest.raises(DataError, match=r"several numeric columns: 'c0', .* and 99988 more") as caught:
            as_series(table)
    assert series.values.tolist() == [0, 1, 4, 9]
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


ODD = {
    "nothing": (b"", r"the file is empty"),
    "a mark of order alone": (b"\xef\xbb\xbf", r"the file is empty"),
    "NUL": (b"v\n1\n\0\n", r"not a text file"),
    "NUL in UTF-16": ("v\n1\n\0\n".encode("utf-16"), r"not a text file|expected a finite number"),
    "a quote never closed": (b'v\n1\n4\n"2\n3\n', r"line 4: a quote on this line is never closed"),
    "an odd byte of UTF-16": (b"\xff\xfev\0\n", r"not a text file"),
}


@pytest.mark.parametrize("case", ODD)
def test_undecodable_bytes_give_a_message_of_one_line(tmp_path: Path, case: str):
    content, message = ODD[case]
    (tmp_path / "v.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_series(tmp_path / "v.csv")


def test_line_numbers_count_multiline_cells_and_blank_lines(tmp_path: Path):
    """The bad line is past the rows that are read in one block."""
    rows = [f'"a{end}b",{i}{end}' + end * (i % 3) for i, end in zip(range(40_000), "\n\r" * 20_000, strict=True)]
    (tmp_path / "v.csv").write_text("note,v\n" + "".join(rows) + "c,x\n", newline="")
    line = 2 + sum(2 + i % 3 for i in range(40_000))
    with pytest.raises(DataError, match=rf"line {line}, column 'v': expected a finite number, got 'x'"):
        read_series(tmp_path / "v.csv", target="v", time="none")


# ------------------------------------------------------------------------------------------ many dates


def test_many_dates_are_read_like_single_dates():
    """Every date of a large column with many formats and offsets is read like a single date."""
    rng = random.Random(0)
    cells = [
        f"{rng.randint(1, 28)} {rng.choice(['Jan', 'feb', 'MARCH', 'sept'])} {rng.randint(1900, 2100)}"
        f"{rng.choice(['', f' {rng.randint(0, 23)}:{rng.randint(10, 59)}', ' 01:02:03.5', 'T07+01:00', ' 09:30 UTC'])}"
        for _ in range(40_000)
    ]  # fmt: skip
    (reading,) = read_dates(cells)
    offsets = [np.timedelta64(60 if cell.endswith("+01:00") else 0, "m") for cell in cells]
    alone = [read_dates([cell])[0].times[0] - offset for cell, offset in zip(cells[:500], offsets, strict=False)]
    assert reading.times[:500].tolist() == [each.item() for each in alone]
    assert reading.style.offset == "+00:00"
    assert reading.style.digits == 1
    assert first_undated([*cells, "32 Jan 2000", "x"]) == 40_000
    assert first_undated([*cells, "1 Jan 0001T00+01:00"]) == 40_000  # into the year 0


def test_digits_of_other_scripts():
    (reading,) = read_dates(["٢٠٢٤-٠١-٣١", "2024-02-01"])
    assert reading.times.tolist() == read_dates(["2024-01-31", "2024-02-01"])[0].times.tolist()


# ----------------------------------------------------------------------------------- extreme values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1e308, -1e308, 3.0], r"values as large as 1e\+308 are outside 1e-100 to 1e\+100"),
        ([5e-324, 1e-320, 0.0], r"values as large as 9.99989e-321 are outside 1e-100 to 1e\+100"),
        ([1e308, 5e-324, 1.0], r"values as large as 1e\+308"),
        ([1e308, np.nan, -1e308, 1.0], r"values as large as .* are outside 1e-100 to 1e\+100"),
        (np.array([1.0, 2.0], np.longdouble) * np.longdouble("1e300") * np.longdouble("1e300"), "index 0: .*infinity"),
        (np.array([10**400, 1, 2], object), "y: expected finite numbers, got one too large for float64"),
    ],
)
@pytest.mark.parametrize("missing", ["interpolate", "mask"])
def test_extreme_values_are_errors_without_a_warning(values: list[float], message: str, missing: str):
    with pytest.raises(DataError, match=message):
        as_series(values, missing=missing)


@pytest.mark.parametrize("cells", [["1e308", "-1e308", "3"], ["5e-324", "1e-320", "0"], ["1e308", "5e-324", "1"]])
def test_extreme_cells_are_errors_without_a_warning(tmp_path: Path, cells: list[str]):
    (tmp_path / "v.csv").write_text("v\n" + "\n".join(cells) + "\n")
    with pytest.raises(DataError, match=r"are outside 1e-100 to 1e\+100; use another unit"):
        read_series(tmp_path / "v.csv")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.array(["2020-01-01", "NaT", "2020-01-03"], "datetime64[D]"), "column 'time': index 1: no date"),
        (np.array(["300000", "300001", "300002"], "datetime64[Y]"), "index 0: expected a year between"),
        (np.array([-(2**63) + 1, 0, 2**63 - 1], "datetime64[s]"), "index 0: expected a year between"),
        (np.array([-(2**63) + 1, 0, 2**63 - 1], "datetime64[us]"), "expected dates within 73,000 years of 1970"),
    ],
)
def test_times_out_of_range_are_errors(times: np.ndarray, message: str):
    with pytest.raises(DataError, match=message):
        as_series([1.0, 2.0, 3.0], time=times)
