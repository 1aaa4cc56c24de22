"""Dates read and written again; the step found, counted and carried on, beside NumPy's and the calendar's own rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.series.calendar import Calendar, infer, parse
from elman.series.dates.reading import read_dates, reads_as_date

DAY = 86_400_000_000


def days(*text: str) -> np.ndarray:
    return np.array(text, "datetime64[us]")


@pytest.mark.parametrize(
    ("cells", "first", "label"),
    [
        (["2024-01-31", "2024-02-29"], "2024-01-31", "2024-01-31"),
        (["2024/1/5", "2024/12/25"], "2024-01-05", "2024/1/5"),
        (["31.01.2024", "01.02.2024"], "2024-01-31", "31.01.2024"),
        (["1/31/2024", "2/1/2024"], "2024-01-31", "1/31/2024"),
        (["20240131", "20240201"], "2024-01-31", "20240131"),
        (["2024-03", "2024-04"], "2024-03-01", "2024-03"),
        (["3/2024", "12/2024"], "2024-03-01", "3/2024"),
        (["2024Q3", "2024Q4"], "2024-07-01", "2024Q3"),
        (["2024-Q1", "2024-Q2"], "2024-01-01", "2024-Q1"),
        (["Q2 2024", "Q3 2024"], "2024-04-01", "Q2 2024"),
        (["1700", "1701"], "1700-01-01", "1700"),
        (["Jan 2024", "Feb 2024"], "2024-01-01", "Jan 2024"),
        (["sept-2024", "oct-2024"], "2024-09-01", "Sep-2024"),
        (["January 2024", "May 2024"], "2024-01-01", "January 2024"),
        (["5 Mar 2024", "6 Mar 2024"], "2024-03-05", "5 Mar 2024"),
        (["2024-01-31T06", "2024-01-31T07"], "2024-01-31T06", "2024-01-31T06"),
        (["2024-01-31 06:30", "2024-01-31 07:30"], "2024-01-31T06:30", "2024-01-31 06:30"),
        (["2024-01-31T06:30:15Z", "2024-01-31T06:30:16Z"], "2024-01-31T06:30:15", "2024-01-31T06:30:15Z"),
        (["2024-01-31 06:30:15.25", "2024-01-31 06:30:15.50"], "2024-01-31T06:30:15.25", "2024-01-31 06:30:15.25"),
        (["2024-01-31T06:00+02:00", "2024-01-31T07:00+02:00"], "2024-01-31T06:00", "2024-01-31T06:00+02:00"),
    ],
)
def test_dates_as_people_write_them(cells, first, label):
    (reading,) = read_dates(cells)
    assert reading.times[0] == np.datetime64(first)
    assert reading.style.label(reading.times[0]) == label
    assert read_dates(reading.style.labels(reading.times))[0].times.tolist() == reading.times.tolist()


def test_summer_time_is_told_apart_in_utc():
    cells = ["2024-10-27T02:30+02:00", "2024-10-27T02:30+01:00"]
    (reading,) = read_dates(cells)
    assert reading.times.tolist() == days("2024-10-27T00:30", "2024-10-27T01:30").tolist()
    assert (reading.style.zone, reading.style.labels(reading.times)) == ("Europe/Berlin", cells)


def test_day_and_month_either_way_round_give_two_readings():
    found = read_dates(["03/04/2024", "04/04/2024"])
    assert [str(reading.times[0])[:10] for reading in found] == ["2024-04-03", "2024-03-04"]
    assert len(read_dates(["03/04/2024", "13/04/2024"])) == 1


@pytest.mark.parametrize(
    "cell", ["", "hello", "2024-13-01", "2024-02-30", "12", "12.5", "99999", "2024-01-01 25:00", "Foo 2024"]
)
def test_what_is_no_date(cell):
    assert not reads_as_date(cell)


@pytest.mark.parametrize(
    ("times", "calendar", "name", "following"),
    [
        (
            ["2024-01-31", "2024-02-29", "2024-03-31"],
            Calendar("month", 1, 31),
            "month ends",
            ["2024-04-30", "2024-05-31"],
        ),
        (
            ["2023-03-31", "2023-06-30", "2023-09-30"],
            Calendar("month", 3, 31),
            "quarter ends",
            ["2023-12-31", "2024-03-31"],
        ),
        (["2024-01-01", "2024-02-01"], Calendar("month"), "monthly", ["2024-03-01", "2024-04-01"]),
        (["2024-01-30", "2024-02-29", "2024-03-30"], Calendar("month", 1, 30), "monthly", ["2024-04-30", "2024-05-30"]),
        (
            ["2020-02-29", "2021-02-28", "2022-02-28"],
            Calendar("month", 12, 31),
            "year ends",
            ["2023-02-28", "2024-02-29"],
        ),
        (["2024-01-01", "2024-04-01"], Calendar("month", 3), "quarterly", ["2024-07-01", "2024-10-01"]),
        (
            ["2024-03-07", "2024-03-08", "2024-03-11"],
            Calendar("weekday"),
            "business days",
            ["2024-03-12", "2024-03-13"],
        ),
        (["2024-03-04", "2024-03-11", "2024-03-18"], Calendar("us", 7 * DAY), "weekly", ["2024-03-25", "2024-04-01"]),
        (["2024-03-04", "2024-03-05", "2024-03-08"], Calendar("us", DAY), "daily", ["2024-03-09", "2024-03-10"]),
        (
            ["2024-03-04T00:00", "2024-03-04T00:15"],
            Calendar("us", DAY // 96),
            "every 15 minutes",
            ["2024-03-04T00:30", "2024-03-04T00:45"],
        ),
    ],
)
def test_the_step_is_found_and_carried_on(times, calendar, name, following):
    found = infer(days(*times))
    assert (found, found.name) == (calendar, name)
    assert found.ahead(days(times[-1])[0], 2).tolist() == days(*following).tolist()


@pytest.mark.parametrize("mask", ["1111100", "0111110"], ids=["business days", "closed on Sundays and Mondays"])
def test_days_that_the_rule_leaves_out_are_no_gap(mask: str):
    """Beside NumPy's own busdays."""
    every = np.arange("2024-01-01", "2024-06-01", dtype="datetime64[D]")
    times = every[np.is_busday(every, weekmask=mask)]
    calendar = infer(times)
    assert calendar == Calendar("weekday", weekmask=mask)
    assert np.diff(calendar.index(times)[0]).tolist() == [1] * (len(times) - 1)
    assert calendar.ahead(times[0], len(times) - 1).astype("datetime64[D]").tolist() == times[1:].tolist()


def test_a_gap_is_counted():
    times = days("2024-01-31", "2024-02-29", "2024-03-31", "2024-06-30")
    steps, known = infer(times).index(times)
    assert steps.tolist() == [0, 1, 2, 5]
    assert known.all()


def test_times_without_a_rule():
    assert infer(days("2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T02:00", "2024-01-01T02:30")) is None


@given(
    st.integers(0, 40_000),
    st.one_of(
        st.builds(
            Calendar, st.just("us"), st.sampled_from([1_000_000, 900_000_000, DAY // 24, DAY, 7 * DAY, 10 * DAY])
        ),
        st.builds(Calendar, st.just("month"), st.sampled_from([1, 2, 3, 6, 12]), st.integers(1, 31)),
        st.builds(Calendar, st.just("weekday"), weekmask=st.sampled_from(["1111100", "1111110", "1010100"])),
    ),
)
def test_counting_undoes_stepping(start, calendar):
    origin = calendar.ahead(np.datetime64(start, "D"), 1)[0]
    times = np.concatenate([[origin], calendar.ahead(origin, 60)])
    steps, known = calendar.index(times)
    assert steps.tolist() == list(range(61))
    assert known.all()
    found = infer(times)
    assert found.index(times)[0].tolist() == steps.tolist()
    assert found.ahead(times[-1], 5).tolist() == calendar.ahead(times[-1], 5).tolist() or calendar.day > 27


@pytest.mark.parametrize(
    ("freq", "times", "expected"),
    [
        ("D", ["2024-01-01", "2024-01-05"], Calendar("us", DAY)),
        ("15min", ["2024-01-01", "2024-01-05"], Calendar("us", DAY // 96)),
        ("2h", ["2024-01-01", "2024-01-05"], Calendar("us", DAY // 12)),
        ("W", ["2024-01-01", "2024-01-08"], Calendar("us", 7 * DAY)),
        ("B", ["2024-01-01", "2024-01-02"], Calendar("weekday")),
        ("ME", ["2024-01-31", "2024-02-29"], Calendar("month", 1, 31)),
        ("MS", ["2024-01-01", "2024-02-01"], Calendar("month", 1, 1)),
        ("M", ["2024-01-15", "2024-02-15"], Calendar("month", 1, 15)),
        ("2QE", ["2024-06-30", "2024-12-31"], Calendar("month", 6, 31)),
        ("Y", ["2024-06-30", "2025-06-30"], Calendar("month", 12, 31)),
    ],
)
def test_steps_by_name(freq, times, expected):
    assert parse(freq, days(*times)) == expected


@pytest.mark.parametrize("freq", ["", "0D", "2B", "X", "MM", "m", 5])
def test_steps_that_no_name_stands_for(freq):
    with pytest.raises(ValueError, match=r"freq: expected a step"):
        parse(freq, days("2024-01-01", "2024-01-02"))


@pytest.mark.parametrize(
    ("calendar", "seasons"),
    [
        (Calendar("month"), (12,)),
        (Calendar("month", 3), (4,)),
        (Calendar("month", 12), ()),
        (Calendar("weekday"), (5,)),
        (Calendar("us", DAY), (7,)),
        (Calendar("us", 7 * DAY), (52,)),
        (Calendar("us", DAY // 24), (24, 168)),
        (Calendar("us", DAY // 48), (2, 48, 336)),
    ],
)
def test_usual_seasons(calendar, seasons):
    assert calendar.seasons == seasons


def test_calendars_refuse_what_is_none():
    with pytest.raises(ValueError, match=r"unit: expected one of 'us', 'month', 'weekday'"):
        Calendar("day")
    with pytest.raises(ValueError, match=r"weekmask: expected seven of 0 and 1"):
        Calendar("weekday", weekmask="0000000")
