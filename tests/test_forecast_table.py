"""Reading a series from a file, and the error message for each kind of bad file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman.forecast import DataError, DataNotice, Series, as_series, read_series, read_table

MONTHS = "Month,Sales\n" + "".join(f"2020-{m:02d},{m * m}\n" for m in range(1, 13))


@pytest.fixture
def read(tmp_path: Path):
    """Returns a function that writes text or bytes into a file and reads the series from it."""

    def reader(content: str | bytes, **options: str) -> Series:
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_series(path, **options)

    return reader


def test_a_plain_file(read):
    series = read(MONTHS)
    assert series.values.tolist() == [m * m for m in range(1, 13)]
    assert (series.name, series.time_name, series.calendar.name) == ("Sales", "Month", "monthly")
    assert series.labels[:2] == ["2020-01", "2020-02"]
    assert series.labels_ahead(2) == ["2021-01", "2021-02"]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_found(read, mark):
    assert read(MONTHS.replace(",", mark)).values[-1] == 144


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(read, encoding):
    assert read(MONTHS.replace("Sales", "Umsätze").encode(encoding)).name == "Umsätze"


def test_decimal_commas_with_another_delimiter(read):
    with pytest.warns(DataNotice, match=r"column 'v': '1,5' is read as 1.5, '1.002,25' is read as 1002.25"):
        assert read("day;v\n2020-01-01;1,5\n2020-01-02;1.002,25\n").values.tolist() == [1.5, 1002.25]


def test_quotes_blank_lines_and_lines_inside_cells(read):
    text = 'day,note,v\n"2020-01-01","two\nlines",1\n\n2020-01-02,"a,b",2\n2020-01-03,c,x\n'
    with pytest.raises(DataError, match=r"line 6, column 'v': expected a finite number, got 'x'"):
        read(text)


def test_the_only_numeric_column_is_the_target(read):
    assert read("day,shop,v\n2020-01-01,a,1\n2020-01-02,b,2\n").name == "v"
    assert read(",v\n0,1.5\n1,3\n2,4\n").name == "v"  # a data frame's row numbers are no candidate
    with pytest.raises(DataError, match=r"several numeric columns: 'x', 'y'; choose one with target"):
        read("day,x,y\n2020-01-01,1,2\n2020-01-02,2,3\n")
    assert read("day,x,y\n2020-01-01,1,2\n2020-01-02,2,3\n", target="y").values.tolist() == [2, 3]


def test_years_are_dates_in_a_column_named_year(read):
    assert read("Year,v\n1990,1\n1991,2\n1992,3\n").labels_ahead(1) == ["1993"]
    with pytest.raises(DataError, match=r"several numeric columns: 'width', 'v'"):
        read("width,v\n1990,1\n1991,2\n1992,3\n")


def test_descending_dates_are_reversed(read):
    with pytest.warns(DataNotice, match="falling order of time and were turned round"):
        series = read("day,v\n2020-01-03,3\n2020-01-02,2\n2020-01-01,1\n")
    assert series.values.tolist() == [1, 2, 3]
    assert series.labels_ahead(1) == ["2020-01-04"]


def test_names_of_bundled_data_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(read_series("airline")) == 144
    Path("airline").write_text(MONTHS)
    assert len(read_series("airline")) == 12


# What is wrong with the file, and what its reader is told. {} stands for the path.
BAD = {
    "empty": ("", r"{}: the file is empty; expected a header line and rows"),
    "blank": ("\n \n", r"{}: the file is empty"),
    "header alone": ("day,v\n", r"{}: there is a header line but no row below it"),
    "one row": ("day,v\n2020-01-01,1\n", r"{}, column 'v': expected at least 2 rows, got 1"),
    "constant": (MONTHS[:12] + "2020-01,5\n2020-02,5\n", r"{}, column 'Sales': every value is 5; there is nothing"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0", r"{}: not a text file; expected CSV"),
    "control characters": (b"\x01\x02\x03,\x04\n", r"{}: not a text file"),
    "no header": ("2020-01-01,5\n2020-01-02,6\n", r"{}, line 1: the first line '2020-01-01,5' holds data, not names"),
    "ragged": ("day,v\n2020-01-01,5\n2020-01-02\n", r"{}, line 3: 1 field where the header has 2; the delimiter was"),
    "twice a name": ("v,v\n1,2\n", r"{}, line 1: two columns are named 'v'"),
    "delimiter": (
        "day^v\n2020-01-01^5\n",
        r"{}: no numeric column .* among 'day\^v'; a single column may mean another",
    ),
    "no number": ("day,v\n2020-01-01,a\n2020-01-02,b\n", r"{}: no numeric column to forecast among 'day', 'v'"),
    "text": (MONTHS.replace(",25", ",abc"), r"{}, line 6, column 'Sales': expected a finite number, got 'abc'"),
    "infinity": (MONTHS.replace(",25", ",inf"), r"{}, line 6, column 'Sales': expected a finite number, got 'inf'"),
    "nan": (MONTHS.replace(",25", ",NaN"), r"{}, line 6, column 'Sales': the value is missing; .*interpolate"),
    "hole": (MONTHS.replace(",25", ",").replace(",36", ","), r"line 6, .* missing, and at 1 more place; fill with"),
    "thousands": ("day;v\n2020-01-01;5,500\n2020-01-02;6,250\n", r"line 2, column 'v': '5,500' may be a decimal comma"),
    "gap": (
        MONTHS.replace("2020-05,25\n", ""),
        r"{}, line 6, column 'Month': 1 row is missing between 2020-04 and 2020-06 \(monthly\); fill .*interpolate",
    ),
    "repeated": (
        MONTHS.replace("2020-05", "2020-04"),
        r"{}, line 6, column 'Month': 2020-04 stands on the row before too; say which counts with duplicates",
    ),
    "unsorted and repeated": (
        MONTHS.replace("2020-05", "2020-02"),
        r"{}, line 6, column 'Month': 2020-02 stands on line 3 too; say which counts with duplicates",
    ),
    "no date": (
        MONTHS.replace("2020-05", "May"),
        r"line 6, column 'Month': 'May' does not read as a date like '2020-01'",
    ),
    "empty date": (MONTHS.replace("2020-05", ""), r"{}, line 6, column 'Month': no date like '2020-01'"),
    "several series": (
        "id,day,v\n" + "".join(f"{k},2020-01-{d:02d},{d}\n" for d in range(1, 9) for k in "ab"),
        r"line 3, column 'day': 2020-01-01 stands on the row before too, as do 7 other rows; column 'id' seems to hold",
    ),
    "irregular": (
        "t,v\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:30,3\n2020-01-01 03:30,4\n",
        r"line 4, column 't': 2020-01-01 02:30 is out of step with the rows before \(hourly\)",
    ),
    "day or month": (
        "day,v\n01/02/2020,1\n02/02/2020,2\n03/02/2020,3\n",
        r"line 2, .* may be day/month/year or month/day/year",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(read, tmp_path, case):
    content, message = BAD[case]
    with pytest.raises(DataError, match=message.replace("{}", ".*data.csv")) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    assert caught.value.path == tmp_path / "data.csv"


def test_columns_that_do_not_exist(read):
    with pytest.raises(DataError, match=r"target: no column 'Sold'; the columns are 'Month', 'Sales'"):
        read(MONTHS, target="Sold")
    with pytest.raises(DataError, match=r"time: no column 'Date'; the columns are 'Month', 'Sales'"):
        read(MONTHS, time="Date")
    with pytest.raises(ValueError, match=r"time: expected another column than target"):
        read(MONTHS, target="Sales", time="Sales")


def test_bad_options(read):
    with pytest.raises(
        ValueError, match=r"missing: expected one of 'error', 'interpolate', 'mask', 'zero', got 'drop'"
    ):
        read(MONTHS, missing="drop")
    with pytest.raises(ValueError, match=r"freq: expected a step such as .* got 'fortnight'"):
        read(MONTHS, freq="fortnight")
    with pytest.raises(ValueError, match=r"freq: expected a column of times beside it, got 'D'"):
        read("v\n1\n2\n3\n", freq="D")
    with pytest.raises(FileNotFoundError):
        read_table("no/such/file.csv")


def test_missing_values_and_rows_are_interpolated(read):
    whole = read(MONTHS)
    filled = read(MONTHS.replace("2020-05,25\n", "").replace(",81", ","), missing="interpolate")
    assert filled.labels == whole.labels
    assert filled.filled == (4, 8)
    assert filled.values[[3, 4, 5, 7, 8, 9]].tolist() == [16, 26, 36, 64, 82, 100]
    with pytest.raises(DataError, match=r"line 13, .* the last value is missing and has no neighbour"):
        read(MONTHS.replace(",144", ","), missing="interpolate")
    with pytest.raises(DataError, match=r"too many to fill"):
        read("day,v\n2020-01-01,1\n2020-01-02,2\n2024-01-01,3\n", missing="interpolate")


# ------------------------------------------------------------------------------- arrays and data frames


def test_arrays():
    assert as_series([1, 2, 3.5]).labels_ahead(2) == ["4", "5"]
    series = as_series(np.arange(3.0)[:, None], time=np.array(["2020-01", "2020-02", "2020-03"], "datetime64[M]"))
    assert series.labels_ahead(1) == ["2020-04"]
    assert as_series([1, 2, 3], time=["2020Q1", "2020Q2", "2020Q3"]).labels_ahead(2) == ["2020Q4", "2021Q1"]
    assert as_series(series) is series


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], DataError, "expected at least 2 rows, got 0"),
        ([1.0], DataError, "expected at least 2 rows, got 1"),
        ([1, np.nan, 3], DataError, "index 1: the value is missing"),
        ([1, 2, -np.inf], DataError, "index 2: expected a finite number, got infinity"),
        ([2, 2, 2], DataError, "every value is 2"),
        ([[1, 2], [3, 4]], ValueError, r"y: expected one series, an array of shape \(n,\), got shape \(2, 2\)"),
        (["a", "b"], TypeError, "y: expected real numbers"),
        ([1j, 2], TypeError, "y: expected real numbers"),
        ([None, "a"], TypeError, "y: expected real numbers"),
    ],
)
def test_bad_arrays(data, error, message):
    with pytest.raises(error, match=message):
        as_series(data)


def test_times_of_an_array_must_match_its_length():
    with pytest.raises(ValueError, match=r"time: expected 3 times, one for each value, got 2"):
        as_series([1, 2, 3], time=["2020-01", "2020-02"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frames = pytest.importorskip(library)
    days = np.arange("2020-01-30", "2020-02-03", dtype="datetime64[D]")
    frame = frames.DataFrame({"day": days, "v": [1.0, 2.0, 3.0, 5.0], "w": [1, 2, 3, 4]})
    with pytest.raises(DataError, match=r"several numeric columns: 'v', 'w'"):
        as_series(frame)
    series = as_series(frame, target="v")
    assert (series.name, series.time_name, series.labels_ahead(1)) == ("v", "day", ["2020-02-03"])
    assert as_series(frame["w"]).values.tolist() == [1, 2, 3, 4]
    with pytest.raises(DataError, match=r"target: no column 'x'"):
        as_series(frame, target="x")


def test_pandas_keeps_dates_in_the_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"v": [1.0, 2.0, 4.0]}, index=pandas.date_range("2020-01-31", periods=3, freq="ME"))
    assert as_series(frame).labels_ahead(2) == ["2020-04-30", "2020-05-31"]
    assert as_series(frame["v"]).labels_ahead(2) == ["2020-04-30", "2020-05-31"]


CELLS = [
    "2020-01-01",
    "2020-01-02",
    "2020-02-01",
    "1",
    "2.5",
    "1,5",
    "-",
    "NaN",
    "1e999",
    "a",
    "Year",
    "1990",
    "1991",
    "2020Q1",
    "01/02/2020",
    "9999-12-31",
    "2020-01-01T00:00+02:00",
    "0001-01-01T00:00Z",
    '"',
    '"1,234"',
    "1.234",
    "(5)",
    "$5",
    "5%",
    "#N/A",
    "# x",
    "sep=;",
    "\x00",
    "é",
    "",
]


@pytest.mark.filterwarnings("ignore::elman.forecast.DataNotice")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=3), max_size=6).map(
            lambda rows: "\n".join(",".join(row) for row in rows).encode()
        ),
        st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from(CELLS)), max_size=6).map(
            lambda rows: ("day,v\n" + "\n".join(";".join(row) for row in rows)).encode()
        ),
    ),
    st.sampled_from(["error", "interpolate", "zero"]),
)
def test_any_file_gives_a_series_or_an_error_of_one_line(read, content, missing):
    try:
        series, told = read(content, missing=missing), ""
    except DataError as error:
        series, told = None, str(error)
    assert "\n" not in told
    assert series is None or (np.isfinite(series.values).all() and len(series.labels_ahead(3)) == 3)
