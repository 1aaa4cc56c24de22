"""Columns of dates as people write them: each is read to the right times, with a note where it could mean something
else, or refused with the line and the remedy."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.cli import main
from elman.forecast import DataError, DataNotice, Forecaster, Series, as_series, read_series
from elman.series.calendar import Calendar
from elman.series.dates.reading import read_dates
from elman.series.dates.style import Style

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
HOUR = np.timedelta64(1, "h")


def table(head: str, rows: Sequence[str]) -> str:
    """Returns a file of rows, each with a value at its end."""
    return "\n".join([f"{head},v", *(f"{row},{i * i % 7 + 1}" for i, row in enumerate(rows))]) + "\n"


def column(*cells: object, name: str = "date") -> str:
    """Returns a file with a column of dates, as they stand in quotes, and one of values."""
    return table(name, [f'"{cell}"' for cell in cells])


def read(folder: Path, content: str, **options: Any) -> Series:
    """Writes a file and returns its series, with the notes in the place of warnings."""
    (folder / "data.csv").write_text(content, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNotice)
        return read_series(folder / "data.csv", **options)


def days(start: str, count: int) -> list[str]:
    """Returns days that follow one another."""
    return np.datetime_as_string(np.datetime64(start) + np.arange(count)).tolist()


# what stands in the column, how it is read, the first times, the label after the last, and what is told of it
READ: dict[str, tuple[str, dict[str, Any], list[str], str, str]] = {
    "month and short year": (
        column(*(f"{m}-49" for m in MONTHS)), {}, ["1949-01-01", "1949-02-01"], "Jan-50",
        "'Jan-49' is read as 1949-01-01; years of two digits: 00 to 29 are 2000 to 2029, the others 1900 and later",
    ),
    "short years over the century": (
        column("Jan-98", "Jan-99", "Jan-00"), {}, ["1998-01-01", "1999-01-01", "2000-01-01"], "Jan-01", "two digits",
    ),
    "short years that go on": (
        column("Jul-29", "Jan-30", "Jul-30"), {}, ["2029-07-01", "2030-01-01", "2030-07-01"], "Jan-31",
        "go on into the next century",
    ),
    "month day year": (column(*(f"{m} 1 2000" for m in MONTHS)), {}, ["2000-01-01", "2000-02-01"], "Jan 1 2001", ""),
    "weekday and comma": (
        column("Sat, Jan 1, 2000", "Sun, Jan 2, 2000"), {}, ["2000-01-01", "2000-01-02"], "Jan 3, 2000", "",
    ),
    "mail": (
        column("Sat, 01 Jan 2000 00:00:00 +0000", "Sat, 01 Jan 2000 01:00:00 +0000"), {},
        ["2000-01-01T00", "2000-01-01T01"], "01 Jan 2000 02:00:00 +0000", "",
    ),
    "spreadsheet months": (
        column(*(f"{m}/1/49" for m in range(1, 13)), "1/1/50"), {}, ["1949-01-01", "1949-02-01"], "2/1/50",
        "are read as month/day/year, since their steps are regular then",
    ),
    "day before month": (
        column(*(f"{d}/2/2000" for d in range(1, 20))), {}, ["2000-02-01", "2000-02-02"], "20/2/2000",
        "'1/2/2000' are read as day/month/year, as all of them can be",
    ),
    "day before month, by name": (
        column("1/2/2000", "2/2/2000"), {"date_format": "%d/%m/%Y"}, ["2000-02-01", "2000-02-02"], "3/2/2000", "",
    ),
    "month before day, with a clock, by name": (
        column("1/2/2000 10:00", "1/2/2000 11:00"), {"date_format": "%m/%d/%Y"}, ["2000-01-02T10", "2000-01-02T11"],
        "1/2/2000 12:00", "",
    ),
    "points and short years": (
        column("31.01.99", "28.02.99", "31.03.99"), {}, ["1999-01-31", "1999-02-28"], "30.04.99", "two digits",
    ),
    "year first, short": (
        column("24-01-30", "24-01-31", "24-02-01"), {}, ["2024-01-30", "2024-01-31"], "24-02-02", "year-month-day",
    ),
    "Oracle": (column("31-JAN-99", "01-FEB-99"), {}, ["1999-01-31", "1999-02-01"], "02-Feb-99", "two digits"),
    "SAS": (column("31JAN1999", "01FEB1999"), {}, ["1999-01-31", "1999-02-01"], "02Feb1999", ""),
    "ISO weeks": (column("2018-W01", "2018-W02"), {}, ["2018-01-01", "2018-01-08"], "2018-W03", ""),
    "week 53": (
        column("2020-W52", "2020-W53", "2021-W01"), {}, ["2020-12-21", "2020-12-28", "2021-01-04"], "2021-W02", "",
    ),
    "months of statistical offices": (column("1949M01", "1949M02"), {}, ["1949-01-01", "1949-02-01"], "1949M03", ""),
    "half-years": (column("2001H1", "2001H2"), {}, ["2001-01-01", "2001-07-01"], "2002H1", ""),
    "quarter first": (column("1Q2001", "2Q2001"), {}, ["2001-01-01", "2001-04-01"], "3Q2001", ""),
    "fiscal years": (column("FY1990", "FY1991"), {}, ["1990-01-01", "1991-01-01"], "FY1992", "is not known"),
    "seasons over two years": (
        column("2001/02", "2002/03", "2003/04", name="season"), {}, ["2001-01-01", "2002-01-01"], "2004/05",
        "'2001/02' is read as the year that begins in 2001",
    ),
    "twelve o'clock": (
        column("1/31/2000 11:00:00 PM", "2/1/2000 12:00:00 AM"), {}, ["2000-01-31T23", "2000-02-01T00"],
        "2/1/2000 1:00:00 AM", "",
    ),
    "noon without minutes": (
        column("2000-01-31 11 AM", "2000-01-31 12 PM"), {}, ["2000-01-31T11", "2000-01-31T12"], "2000-01-31 01 PM", "",
    ),
    "24 o'clock": (
        column("2000-01-31 23:00", "2000-01-31 24:00"), {}, ["2000-01-31T23", "2000-02-01T00"], "2000-02-01 01:00", "",
    ),
    "compact ISO": (
        column("20000131T2300Z", "20000201T0000Z"), {}, ["2000-01-31T23", "2000-02-01T00"], "20000201T0100Z", "",
    ),
    "PostgreSQL": (
        column("2000-01-31 23:00:00+00", "2000-02-01 00:00:00+00"), {}, ["2000-01-31T23", "2000-02-01T00"],
        "2000-02-01 01:00:00+00", "",
    ),
    "seconds": (
        column(1577836800, 1577840400, name="timestamp"), {}, ["2020-01-01T00", "2020-01-01T01"], "1577844000",
        "'1577836800' is read as seconds since 1970, 2020-01-01 00:00:00",
    ),
    "milliseconds": (
        column(1577836800000, 1577836800500, name="open_time"), {}, ["2020-01-01T00:00:00", "2020-01-01T00:00:00.5"],
        "1577836801000", "milliseconds since 1970",
    ),
    "seconds, by --time": (
        column(1577836800, 1577840400, name="x"), {"time": "x"}, ["2020-01-01T00", "2020-01-01T01"], "1577844000",
        "seconds since 1970",
    ),
    "days of a spreadsheet": (
        column(43831, 43832), {}, ["2020-01-01", "2020-01-02"], "43833", "a spreadsheet's days, 2020-01-01",
    ),
    "hours of a spreadsheet": (
        column("43831.5", "43831.541667", "43831.583333"), {}, ["2020-01-01T12", "2020-01-01T13"], "43831.625", "days",
    ),
    "year and month, no mark": (
        column(*range(194911, 194913), 195001, name="Month"), {}, ["1949-11-01", "1949-12-01", "1950-01-01"], "195002",
        "'194911' is read as 1949-11-01",
    ),
    "short year, no mark": (
        column("240130", "240131", "240201"), {}, ["2024-01-30", "2024-01-31"], "240202", "'240130' is read as 2024",
    ),
    "hours, no mark": (
        column("2024013122", "2024013123"), {}, ["2024-01-31T22", "2024-01-31T23"], "2024020100", "2024-01-31 22:00",
    ),
    "years with a fraction": (
        column(*(f"{1949 + i / 12:.3f}" for i in range(24)), name="time"), {}, ["1949-01-01", "1949-02-01"], "1951",
        "a year with its fraction",
    ),
    "early years": (column(800, 801, name="year"), {}, ["0800-01-01", "0801-01-01"], "802", "'800' is read as a year"),
    "year 1": (column("0001-01-01", "0001-01-02"), {}, ["0001-01-01", "0001-01-02"], "0001-01-03", ""),
    "year 9999": (column("9999-12-29", "9999-12-30"), {}, ["9999-12-29", "9999-12-30"], "9999-12-31", ""),
    "a format of one's own": (
        column("31|01|2000 at 5", "31|01|2000 at 6"), {"date_format": "%d|%m|%Y at %H"},
        ["2000-01-31T05", "2000-01-31T06"], "31|01|2000 at 07", "",
    ),
    "counts by name": (
        column(10, 20, name="x"), {"time": "x", "date_format": "seconds"}, ["1970-01-01T00:00:10"], "30", "",
    ),
    "year and quarter": (
        table("year,quarter", ["1990,3", "1990,4", "1991,1"]), {}, ["1990-07-01", "1990-10-01"], "1991Q2",
        "the columns 'year', 'quarter' together",
    ),
    "year and quarter, named": (
        table("a,b", ["1990,Q3", "1990,Q4"]), {"time": "a,b"}, ["1990-07-01", "1990-10-01"], "1991Q1", "",
    ),
    "month and year": (
        table("month,year", ["Nov,1990", "Dec,1990", "Jan,1991"]), {}, ["1990-11-01", "1990-12-01"], "1991-Feb",
        "'year', 'month'",
    ),
    "year and week": (
        table("year,week", ["2018,1", "2018,2"]), {"time": ["year", "week"]}, ["2018-01-01"], "2018-W03", "",
    ),
    "day and time": (
        table("Date,Time", ["16/12/2006,23:00:00", "17/12/2006,00:00:00", "17/12/2006,01:00:00"]), {},
        ["2006-12-16T23", "2006-12-17T00"], "17/12/2006 02:00:00", "'Date', 'Time'",
    ),
    "hours that end": (
        table("date,hour", [f"2010-01-01,{h}" for h in range(1, 25)]), {}, ["2010-01-01T01"], "2010-01-02 01:00",
        "'date', 'hour'",
    ),
    "four columns": (
        table("No,year,month,day,hour", [f"{i + 1},2010,1,{i // 24 + 1},{i % 24}" for i in range(30)]),
        {"target": "v"}, ["2010-01-01T00", "2010-01-01T01"], "2010-01-02 06:00", "'year', 'month', 'day', 'hour'",
    ),
    "numbered on request": (column("a", "b", name="name"), {"time": "none"}, [], "3", ""),
    "names that mean no times": (
        "min,max,hours,sentiment,v\n1.5,2,8,good,1\n1.25,2,9,bad,2\n", {"target": "v"}, [], "3", "",
    ),
    "a count of days": (column(1, 2, 3, name="day"), {}, [], "4", "'day' counts the rows, which are numbered from 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_odd_dates_are_read_rightly(tmp_path: Path, case: str):
    content, options, times, following, told = READ[case]
    series = read(tmp_path, content, **options)
    if times:
        assert series.times is not None
        assert series.times[: len(times)].tolist() == np.array(times, "datetime64[us]").tolist()
    else:
        assert series.times is None
    assert series.labels_ahead(1) == [following]
    assert (told in " ".join(series.notes)) if told else not series.notes


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "several companies": (
        "symbol,date,price\n" + "".join(f"{s},{m} 1 2000,{i}\n" for s in "AB" for i, m in enumerate(MONTHS)), {},
        r"line 14, column 'date': Jan 1 2000 comes after Dec 1 2000; column 'symbol' seems .*id='symbol' \(--id\)",
    ),
    "several companies, no dates": (
        "symbol,price\n" + "".join(f"{s},{i}\n" for s in ("AMZN", "IBM") for i in range(9)), {},
        r"line 2, column 'symbol': 'AMZN' does not read as a date; if these are ids of 2 series, .*--id symbol.*--time"
        r" none",
    ),
    "names": (
        "country,v\n" + "".join(f"c{i},{i}\n" for i in range(9)), {},
        r"line 2, column 'country': 'c0' does not read as a date; .*--time COLUMN.*--date-format.*--time none",
    ),
    "a date that is none": (
        column("2000-01-01", "2000-01-02", "2000-02-30"), {},
        r"line 4, column 'date': '2000-02-30' does not read as a date like",
    ),
    "no such hour": (column("1/1/2000 13:00 PM", "1/1/2000 2:00 PM"), {}, r"line 2, .*does not read as a date"),
    "month numbers": (column(*range(1, 13), *range(1, 13), name="month"), {}, r"column 'month': .*--time year,month"),
    "seconds from 0": (column("0.0", "0.1", "0.2", name="time"), {}, r"column 'time': '0.0' does not .*--time none"),
    "a clock": (
        column("00:00", "01:00", name="time"), {}, r"column 'time': '00:00' .*a time of day needs a date.*date,time",
    ),
    "days without a year, or years without a day": (
        column("01-Jan", "02-Jan"), {}, r"line 2, .*'01-Jan' does not read as a date",
    ),
    "either order": (
        column("1/2/2000", "2/2/2000"), {},
        r"line 2, column 'date': '1/2/2000' may be day/month/year or month/day/year; .*--date-format %d/%m/%Y or %m",
    ),
    "three orders": (
        column("01-02-03", "01-02-04"), {}, r"'01-02-03' may be day-month-year or month-day-year or year-month-day;"
        r" .*--date-format %d-%m-%y or",
    ),
    "another format than named": (
        column("2000-01-31", "2000-02-01"), {"date_format": "%d/%m/%Y"},
        r"line 2, column 'date': '2000-01-31' does not read as a date of the form %d/%m/%Y",
    ),
    "no column of this name": (
        table("year,quarter", ["1990,1", "1990,2"]), {"time": "year,month"}, r"time: no column 'month'; the columns ",
    ),
    "an hour that the clocks leave out": (
        column("2024-03-31 01:00", "2024-03-31 02:00"), {"zone": "Europe/Berlin"},
        r"line 3, column 'date': zone: the clocks of Europe/Berlin leave out 2024-03-31 02:00",
    ),
    "midnights of a zone, in UTC": (
        column("2024-03-29T23:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z", "2024-04-01T22:00Z"), {},
        r"line 4, .*out of step .*--zone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_odd_dates_are_refused_with_the_remedy(tmp_path: Path, case: str):
    content, options, message = REFUSED[case]
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date_format": "%Q"}, r"date_format: expected a format in strftime's letters, .*there is no %Q"),
        ({"date_format": "%d/%m"}, r"date_format: .*a year among them"),
        ({"date_format": 5}, r"date_format: expected a format such as %d/%m/%Y, got 5"),
        ({"zone": "Berlin"}, r"zone: expected the name of a time zone, such as Europe/Berlin, got 'Berlin'"),
        ({"zone": "../../etc/passwd"}, r"zone: expected the name of a time zone"),
    ],
)
def test_options_that_there_are_not(tmp_path: Path, options: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        read(tmp_path, column("2000-01-31", "2000-02-01"), **options)


def test_days_and_months_are_told_apart_by_all_series_together(tmp_path: Path):
    rows = [f"a,0{d}/02/2000,{d % 3}" for d in range(1, 9)] + [f"b,{d}/02/2000,{d % 3}" for d in range(12, 20)]
    (tmp_path / "data.csv").write_text("id,date,v\n" + "\n".join(rows) + "\n")
    with pytest.warns(DataNotice, match=r"'01/02/2000' are read as day/month/year"):
        panel = Forecaster().read(tmp_path / "data.csv", id="id")
    assert [panel[id].labels_ahead(1) for id in "ab"] == [["09/02/2000"], ["20/02/2000"]]
    assert panel["a"].times[1] == np.datetime64("2000-02-02")


# ------------------------------------------------------------------------------------------ time zones


def clocks(zone: str, start: str, count: int, step: np.timedelta64 = HOUR) -> tuple[np.ndarray, list[str], list[str]]:
    """Returns times of UTC, and what the clocks of a zone show then, without and with the offset: by `datetime`."""
    from datetime import UTC
    from zoneinfo import ZoneInfo

    times = np.datetime64(start, "us") + np.arange(count) * step
    shown = [each.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for each in times.tolist()]
    return times, [f"{each:%Y-%m-%d %H:%M}" for each in shown], [each.isoformat() for each in shown]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2024-03-29T23:00"), ("Europe/Berlin", "2024-10-25T22:00"), ("Europe/London", "2024-03-30"),
        ("America/New_York", "2024-03-08T05:00"), ("America/New_York", "2024-11-01T04:00"),
        ("Australia/Sydney", "2024-04-05T13:00"), ("Australia/Lord_Howe", "2024-10-04T13:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 4])
def test_clocks_that_change_are_recognised(tmp_path: Path, zone: str, start: str, step: int):
    times, shown, offset = clocks(zone, start, 72 * step + 3, np.timedelta64(60 // step, "m"))
    series = read(tmp_path, column(*shown[:-3]))
    assert (series.times == times[:-3]).all()
    assert (series.labels, series.labels_ahead(3)) == (shown[:-3], shown[-3:])
    assert "go as the clocks of" in series.notes[0]
    aware = read(tmp_path, column(*offset[:-3]))
    assert (aware.times == times[:-3]).all()
    assert (aware.labels, aware.labels_ahead(3)) == (offset[:-3], offset[-3:])
    named = read(tmp_path, column(*shown[:-3]), zone=zone)
    assert (named.times == times[:-3]).all()
    assert not named.notes


def test_a_real_gap_is_none_of_the_clocks(tmp_path: Path):
    _, shown, _ = clocks("UTC", "2024-05-01", 30)
    with pytest.raises(DataError, match=r"1 row is missing between 2024-05-01 04:00 and 2024-05-01 06:00"):
        read(tmp_path, column(*shown[:5], *shown[6:]))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo"])
@pytest.mark.parametrize(("freq", "days"), [("D", 1), ("W", 7)])
def test_steps_of_a_day_and_longer_go_by_the_clocks(zone: str, freq: str, days: int):
    """Beside pandas; where midnight is left out, the first time of that day."""
    pandas = pytest.importorskip("pandas")
    walls = pandas.date_range("2017-01-01", periods=800 // days, freq=f"{days}D")
    index = walls.tz_localize(zone, nonexistent="shift_forward", ambiguous=True)
    series = as_series(np.arange(len(index) - 9.0) % 7, time=index[:-9])
    assert series.calendar == Calendar("us", days * 86_400_000_000, zone=zone)
    assert (series.ahead(9) == index[-9:].tz_convert("UTC").tz_localize(None).to_numpy().astype("M8[us]")).all()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "+02:00"])
@pytest.mark.parametrize("freq", ["D", "h"])
@pytest.mark.parametrize("where", ["index", "column", "polars", "series"])
def test_the_zone_returns_as_it_came(zone: str, freq: str, where: str):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    if zone == "+02:00":
        if where == "polars":
            pytest.skip("polars has no zones without a name")
        from datetime import timedelta, timezone

        zone = timezone(timedelta(hours=2))  # type: ignore[assignment]
    index = pandas.date_range("2024-03-01", periods=63, freq=freq, tz=zone, name="when").as_unit("us")
    values = np.arange(60) % 7 + 1.0
    frame: Any = pandas.DataFrame({"v": values}, index=index[:60])
    if where == "series":
        frame = frame["v"]
    if where in ("column", "polars"):
        frame = frame.reset_index()
    if where == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    quick = {"horizon": 3, "windows": 0, "members": 1, "updates": 1, "hidden_size": 2, "effort": "fast"}
    found = Forecaster(**quick).fit(frame, target=None if where == "series" else "v").predict()
    times = found["when"] if where in ("column", "polars") else found.index
    assert times.dtype == (frame["when"].dtype if where in ("column", "polars") else index.dtype)
    assert list(times) == list(index[60:])


@pytest.mark.parametrize(
    "index",
    ["period", "text", "number"],
)
def test_an_index_of_periods_text_or_years_comes_back(index: str):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    made = {
        "period": pandas.period_range("1990-01", periods=43, freq="M", name="p"),
        "text": pandas.Index([f"{1990 + i // 12}-{i % 12 + 1:02d}" for i in range(43)], name="t"),
        "number": pandas.Index(range(1950, 1993), name="year"),
    }[index]
    quick = {"horizon": 3, "windows": 0, "members": 1, "updates": 1, "hidden_size": 2, "effort": "fast"}
    frame = pandas.DataFrame({"v": np.arange(40) % 5 + 1.0}, index=made[:40])
    assert list(Forecaster(**quick).fit(frame).predict().index) == list(made[40:])


def test_new_rows_follow_in_the_zone_of_the_first(tmp_path: Path):
    """Rows with another offset, or without one, are the same times."""
    times, shown, offset = clocks("Europe/Berlin", "2024-03-25", 200)
    quick = {"horizon": 3, "windows": 0, "members": 1, "updates": 1, "hidden_size": 2, "effort": "fast"}
    (tmp_path / "old.csv").write_text(column(*offset[:180]))
    for newer in (offset[180:], shown[180:], [f"{time}Z" for time in times[180:].astype("M8[s]")]):
        (tmp_path / "new.csv").write_text(column(*newer))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNotice)
            model = Forecaster(**quick).fit(tmp_path / "old.csv").update_state(tmp_path / "new.csv")
        assert (model.series_.times == times).all()
        assert model.series_.labels == offset


def test_a_saved_forecaster_knows_its_zone_and_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import elman

    monkeypatch.chdir(tmp_path)
    _, shown, _ = clocks("Europe/Berlin", "2024-03-25", 200)
    rows = [each.replace(" ", ",") for each in shown]
    (tmp_path / "data.csv").write_text(table("day,clock", rows))
    quick = ["--effort", "fast", "--updates", "1", "--members", "1", "--windows", "0", "--horizon", "2"]
    names = ["--time", "day,clock", "--zone", "Europe/Berlin", "--date-format", "%Y-%m-%d"]
    assert main(["forecast", "data.csv", *quick, *names]) == 0
    first = (tmp_path / "data.v.forecast.csv").read_text()
    assert first.splitlines()[0].startswith('"day,clock",v')
    model = elman.load(tmp_path / "data.v.forecaster.safetensors")
    assert model.series_.style.zone == model.series_.calendar.zone == "Europe/Berlin"
    assert main(["predict", "data.v.forecaster.safetensors", "data.csv"]) == 0
    assert (tmp_path / "data.v.forecast.csv").read_text() == first


# ------------------------------------------------------------------------------------ what is written is read

FORMS = [
    Style("%Y-%m-%d", clock=" %H:%M"), Style("%d.%m.%Y", clock=" %H:%M:%S", digits=3),
    Style("%m/%d/%Y", False, " %I:%M %p"), Style("%d-%b-%Y", clock=" %H:%M"),
    Style("%b %d, %Y", False, ", %I:%M:%S %P"),
    Style("%Y-%m-%d", clock="T%H:%M", offset="Z"), Style("%d/%m/%Y", clock=" %H:%M", offset=" +05:30"),
    Style("%Y-%j", clock=" %H:%M"), Style("%G-W%V-%u", clock="T%H:%M"),
    Style("%Y-%m-%d", clock="T%H:%M", offset="+00:00", zone="Europe/Berlin"), Style("%Y%m%dT%H%M"), Style("%Y%m%d%H%M"),
    Style("%Y-%m-%d", clock=" %H:%M:%S", offset="+0000", zone="America/New_York"), Style("%B %d, %Y", clock=" %H:%M"),
    Style("seconds"), Style("milliseconds"),
]  # fmt: skip
WIDE_FORMS = {
    "D": ["%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%d%b%Y", "%b %d %Y", "%Y%m%d", "%d.%m.%y", "serial"],
    "W": ["%G-W%V", "%GW%V", "W%V %G"],
    "M": ["%Y-%m", "%m/%Y", "%b-%Y", "%b-%y", "%b %Y", "%B %Y", "%YM%m", "%Y%m", "%Y-%b"],
    "Q": ["%YQ%q", "Q%q %Y", "%Y-Q%q", "%qQ%Y"],
    "H": ["%YH%h", "%Y-H%h"],
    "Y": ["%Y", "FY%Y", "%Y/%N"],
}


@given(st.sampled_from(FORMS), st.integers(0, 20_000), st.sampled_from([15, 60, 360, 1440]), st.integers(3, 60))
def test_times_in_every_form_are_read_to_the_same(style: Style, start: int, minutes: int, count: int):
    times = np.datetime64("1975-01-02T06:00", "us") + np.timedelta64(start * 60 * 12, "m")
    times = times + np.arange(count) * np.timedelta64(minutes, "m")
    cells = style.labels(times)
    found = read_dates(cells, named="time") if not style.zone else read_dates(cells)
    utc = [reading.style.utc(reading.times).tolist() for reading in found]
    assert style.utc(times).tolist() in utc
    own = found[utc.index(style.utc(times).tolist())]
    assert own.style.labels(own.times) == cells


@given(
    st.sampled_from([(unit, form) for unit, forms in WIDE_FORMS.items() for form in forms]),
    st.integers(1960, 2010), st.integers(0, 11), st.integers(3, 40), st.booleans(),
)  # fmt: skip
def test_wider_steps_in_every_form_are_read_to_the_same(
    form: tuple[str, str], year: int, month: int, count: int, padded: bool
):
    unit, template = form
    first = np.datetime64(f"{year}", "M") + month
    steps = np.arange(count)
    if unit in "DW":
        monday = np.datetime64("1960-01-04") + 7 * (year - 1960) * 52
        times = (monday + steps * (7 if unit == "W" else 1)).astype("datetime64[us]")
    else:
        months = {"M": 1, "Q": 3, "H": 6, "Y": 12}[unit]
        first = first if unit == "M" else np.datetime64(f"{year}", "M")
        times = (first + months * steps).astype("datetime64[us]")
    cells = Style(template, padded or template in ("%Y", "FY%Y")).labels(times)
    found = read_dates(cells, form=template if template == "%b-%y" else None, named="time")
    assert times.tolist() in [reading.times.tolist() for reading in found]
    own = next(reading for reading in found if reading.times.tolist() == times.tolist())
    assert own.style.labels(own.times) == cells


def test_the_help_lists_the_forms(capsys: pytest.CaptureFixture[str]):
    assert main(["forecast", "--help"]) == 0
    told = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    for form in ("31-Jan-24", "2024M01", "2024-W05", "FY2024", "202401", "seconds", "29"):
        assert form in told


# ----------------------------------------------------------------------------------------- what else reads dates


def test_known_future_covariates_are_found_by_dates_in_two_columns(tmp_path: Path):
    quick = {"horizon": 3, "windows": 0, "members": 1, "updates": 1, "hidden_size": 2, "effort": "fast"}
    rows = [f"{1990 + i // 4},{i % 4 + 1},{i % 3}" for i in range(60)]
    (tmp_path / "data.csv").write_text(table("year,quarter,promo", rows))
    model = Forecaster(**quick).fit(tmp_path / "data.csv", target="v", future="promo", time=["year", "quarter"])
    for order in ([1, 2, 3], [3, 1, 2]):
        later = "year,quarter,promo\n" + "".join(f"2005,{k},{k}\n" for k in order)
        (tmp_path / "later.csv").write_text(later)
        forecast = model.forecast(future=str(tmp_path / "later.csv"))
        assert forecast.labels == ["2005Q1", "2005Q2", "2005Q3"]
        assert forecast.history.covariates.future[-3:, 0].tolist() == [1, 2, 3]
    (tmp_path / "later.csv").write_text("year,quarter,promo\n2005,1,1\n2005,2,1\n2006,3,1\n")
    with pytest.raises(DataError, match="future: expected a row for 2005Q3"):
        model.forecast(future=str(tmp_path / "later.csv"))


def test_new_rows_are_read_by_the_order_of_the_first(tmp_path: Path):
    """Days and months of three rows alone could be read in either order."""
    cells = [f"{day[8:]}/{day[5:7]}/{day[:4]}" for day in days("2024-01-13", 80)]
    quick = {"horizon": 3, "windows": 0, "members": 1, "updates": 1, "hidden_size": 2, "effort": "fast"}
    (tmp_path / "old.csv").write_text(column(*cells[:80]))
    (tmp_path / "new.csv").write_text(column("02/04/2024", "03/04/2024"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNotice)
        model = Forecaster(**quick).fit(tmp_path / "old.csv").update_state(tmp_path / "new.csv")
    assert model.series_.labels[-3:] == ["01/04/2024", "02/04/2024", "03/04/2024"]


def test_a_detector_goes_on_in_its_zone():
    from elman.anomaly import AnomalyDetector

    times, shown, _ = clocks("America/New_York", "2024-03-01", 620)
    values = np.sin(np.arange(620) * np.pi / 12) + np.random.default_rng(0).normal(0, 0.1, 620)
    detector = AnomalyDetector(effort="fast", probation=400)
    with pytest.warns(DataNotice, match="America/New_York"):
        detector.fit(values[:600], time=shown[:600])
    found = detector.detect(values[600:], time=[f"{time}Z" for time in times[600:].astype("M8[s]")])
    assert found.series.labels == shown[600:]


def test_series_of_one_file_have_one_order(tmp_path: Path):
    rows = [f"a,{m}/1/2000,{m % 3}" for m in range(1, 13)] + [f"a,{m}/1/2001,{m % 3}" for m in range(1, 13)]
    rows += [f"b,1/{m}/2000,{m % 3}" for m in range(1, 13)] + [f"b,1/{m}/2001,{m % 3}" for m in range(1, 13)]
    (tmp_path / "data.csv").write_text("id,date,v\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError, match=r"series 'b': its dates are of the form %d/%m/%Y, .* form %m/%d/%Y; .*--date"):
        Forecaster().read(tmp_path / "data.csv", id="id")
