"""Files as people have them: each is read rightly, with a note where that is not plain, or refused with the remedy."""

from __future__ import annotations

import gzip
import io
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.cli import main
from elman.forecast import DataError, DataNotice, Forecaster, Series, read_series, read_table
from elman.series.tables.numbers import Notation, parse_number, survey

NAN = float("nan")


def dated(*values: str, mark: str = ",", head: str = "day,v") -> str:
    """Returns a file of consecutive days, each with one of the cells."""
    rows = [f"2020-01-{day:02d}{mark}{cell}" for day, cell in enumerate(values, 1)]
    return "\n".join([head.replace(",", mark), *rows]) + "\n"


def alone(*values: str) -> str:
    """Returns a file of one column."""
    return "\n".join(["v", *values]) + "\n"


def read(path: Path, content: str | bytes, **options: Any) -> Series:
    """Writes a file and returns its series, whose notes were given as warnings too."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        series = read_series(path, **options)
    assert [str(each.message) for each in caught] == list(series.notes)
    assert all(each.category is DataNotice for each in caught)
    return series


# What is read: the file, the options, the values, and what is told (a regular expression; "" for nothing).
READ: dict[str, tuple[str | bytes, dict[str, Any], list[float], str]] = {
    # ---------------------------------------------------------------------------------------- numbers
    "plain": (dated("1.5", "2", "-3e2", "+.5"), {}, [1.5, 2, -300, 0.5], ""),
    "thousands and a decimal point": (
        dated('"10,060.00"', '"9,870.50"', "850.25"), {}, [10060, 9870.5, 850.25],
        r"column 'v': '10,060.00' is read as 10060",
    ),
    "millions in commas": (
        dated('"1,234,567"', '"999,999"', "12"), {}, [1234567, 999999, 12],
        "'1,234,567' is read as",
    ),
    "lakh and crore": (dated('"12,34,567"', '"1,00,000"', "12"), {}, [1234567, 100000, 12], "read as 1234567"),
    "spaces and a decimal comma": (dated("1 234,5", "999,5", "12", mark=";"), {}, [1234.5, 999.5, 12], "as 1234.5"),
    "no-break spaces": (dated("1\u00a0234,5", "999", mark=";"), {}, [1234.5, 999], "read as 1234.5"),
    "narrow no-break spaces": (dated("1\u202f234\u202f567", "999", mark=";"), {}, [1234567, 999], "as 1234567"),
    "spaces without a fraction": (dated("1 234", "999", "12 000"), {}, [1234, 999, 12000], "'1 234' is read as 1234"),
    "apostrophes": (dated("1'234.5", "999", "1\u2019000'000"), {}, [1234.5, 999, 1e6], "as 1234.5"),
    "decimal commas": (dated("1,5", "2,25", "3", mark=";"), {}, [1.5, 2.25, 3], "'1,5' is read as 1.5"),
    "points part thousands, as a comma shows": (
        dated("1.234", "999,5", "12.345.678", mark=";"), {}, [1234, 999.5, 12345678], "'1.234' is read as 1234",
    ),
    "a comma far below shows what the points are": (
        dated(*["1.234"] * 20, "999,5", mark=";"), {}, [1234.0] * 20 + [999.5], "'1.234' is read as 1234",
    ),
    "points part thousands twice": (dated("1.234.567", "1.234", "9", mark=";"), {}, [1234567, 1234, 9], "as 1234567"),
    "another column shows the decimal comma": (
        dated("1.234;0,5", "2.345;1,75", mark=";", head="day,v,w"), {"target": "v"}, [1234, 2345], "as 1234",
    ),
    "another column shows the decimal point": (
        dated('"1,234",0.5', '"2,345",1.75', head="day,v,w"), {"target": "v"}, [1234, 2345], "'1,234' is read as 1234",
    ),
    "three decimals each, between tabs": (
        dated("1.234", "2.345", mark="\t"), {}, [1.234, 2.345],
        r"'1.234' is read as 1.234; if not, say decimal='.' or ',' \(--decimal\)",
    ),
    "three decimals beside whole numbers": (
        dated("999", "1.234"), {}, [999, 1.234], r"'1.234' is read as 1.234; if not, say decimal='.' or ','",
    ),
    "three decimals each, between commas": (dated("1.234", "2.345"), {}, [1.234, 2.345], ""),
    "three decimals beside thousands without a mark": (dated("1.234", "2345", mark=";"), {}, [1.234, 2345], ""),
    "three decimals below one are decimals": (dated("1.234", "0.345"), {}, [1.234, 0.345], ""),
    "said: a decimal comma": (dated("1.234", "2.345"), {"decimal": ","}, [1234, 2345], "'1.234' is read as 1234"),
    "said: a decimal point": (dated('"1,234"', '"2,345"'), {"decimal": "."}, [1234, 2345], "'1,234' is read as 1234"),
    "dollars": (dated('"$1,234.50"', "$9", "-$7", "$-6"), {}, [1234.5, 9, -7, -6], r"'\$1,234.50' is read as 1234.5"),
    "euros behind": (dated("1.234,50 €", "9,00 €", mark=";"), {}, [1234.5, 9], "'1.234,50 €' is read as 1234.5"),
    "percent": (dated("12.5%", "7 %", "0"), {}, [12.5, 7, 0], "'12.5%' is read as 12.5"),
    "brackets of bookkeepers": (
        dated("112", "(112)", '"(1,000.5)"'), {}, [112, -112, -1000.5],
        r"'\(112\)' is read as -112",
    ),
    "a minus behind": (dated("112", "5-"), {}, [112, -5], "'5-' is read as -5"),
    "a typographic minus": (dated("112", "\u22125"), {}, [112, -5], ""),
    "digits of other scripts": (dated("١٢", "3"), {}, [12, 3], ""),
    "denormals": (alone("5e-324", "1", "2"), {}, [5e-324, 1, 2], ""),
    "a spreadsheet's errors are missing": (
        dated("1", "#N/A", "3", "#DIV/0!", "5"), {"missing": "interpolate"}, [1, 2, 3, 4, 5], "",
    ),
    # ------------------------------------------------------------------------------- rows and missing values
    "a blank line is a missing value": (alone("1", "", "3"), {"missing": "interpolate"}, [1, 2, 3], ""),
    "a quoted blank is a missing value": (alone("1", '""', "3"), {"missing": "interpolate"}, [1, 2, 3], ""),
    "a blank line below the header": (
        alone("", "1", "2"), {"missing": "zero"}, [0, 1, 2],
        "1 missing value in 3 rows is",
    ),
    "rows of commas alone": ("a,v\nx,1\n,\nx,3\n", {"missing": "interpolate", "time": "none"}, [1, 2, 3], ""),
    "blank lines at the end": (alone("1", "2", "", "", ""), {}, [1, 2], ""),
    "rows of commas at the end": (
        dated("1", "2") + ",\n,\n", {}, [1, 2],
        "2 rows without content at the end were left",
    ),
    "a blank line between dates": (
        dated("1", "2").replace("\n2020-01-02", "\n\n2020-01-02"), {}, [1, 2],
        "1 blank line between the rows was left out",
    ),
    "missing taken as zero": (
        dated("1", "", "3").replace("2020-01-03", "2020-01-05"), {"missing": "zero"}, [1, 0, 0, 0, 3],
        "3 missing values in 5 rows are taken as 0",
    ),
    "missing at the ends taken as zero": (dated("", "2", ""), {"missing": "zero"}, [0, 2, 0], "2 missing values in 3"),
    "not sorted": (
        "day,v\n2020-01-03,3\n2020-01-01,1\n2020-01-04,4\n2020-01-02,2\n", {}, [1, 2, 3, 4],
        "not in order of time and were sorted: 4 rows moved, the first step back on line 3",
    ),
    "newest first": ("day,v\n2020-01-03,3\n2020-01-02,2\n2020-01-01,1\n", {}, [1, 2, 3], "falling order of time"),
    "the first of two": (
        dated("1", "2", "3") + "2020-01-02,9\n", {"duplicates": "first"}, [1, 2, 3],
        "1 row had the time of another row: the first",
    ),
    "the last of two": (
        dated("1", "2", "3") + "2020-01-02,9\n", {"duplicates": "last"}, [1, 9, 3],
        "the last was taken",
    ),
    "the mean of two": (dated("1", "2", "3") + "2020-01-02,9\n", {"duplicates": "mean"}, [1, 5.5, 3], "mean was taken"),
    "the mean of those that are known": (
        dated("1", "2", "3") + "2020-01-02,\n", {"duplicates": "mean"}, [1, 2, 3], "mean was taken",
    ),
    "onto a grid": (
        "t,v\n2020-01-01 00:01,1\n2020-01-01 00:04,2\n2020-01-01 00:06,4\n2020-01-01 00:16,9\n",
        {"regular": "5min", "missing": "interpolate"}, [1, 3, 6, 9],
        r"4 rows put onto a grid \(every 5 minutes\): 4 moved in time, 1 at .* another \(averaged\), 1 of 4 steps",
    ),
    "onto days": (
        "t,v\n2020-01-01 23:50,1\n2020-01-02 00:10,2\n2020-01-02 23:59,4\n2020-01-03 12:00,9\n",
        {"regular": "D"}, [1, 3, 9], r"grid \(daily\): 4 moved in time, 1 at the step of another",
    ),
    "onto months, the last of each": (
        "t,v\n2020-01-03,1\n2020-02-01,2\n2020-02-28,4\n2020-03-31,9\n",
        {"regular": "MS", "duplicates": "last"}, [1, 4, 9], r"grid \(monthly\): 3 moved .*the last taken",
    ),
    "a step back and doubled stamps onto a grid": (
        "t,v\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 00:59,4\n2020-01-01 02:00,5\n2020-01-01 02:00,7\n",
        {"regular": "h"}, [1, 3, 6], "2 at the step of another",
    ),
    # ------------------------------------------------------------------------------ what stands around rows
    "a line for spreadsheets": ("sep=;\nday;v\n2020-01-01;1.5\n2020-01-02;2\n", {}, [1.5, 2], ""),
    "a line for spreadsheets, another mark": ("sep=^\nday^v\n2020-01-01^1.5\n2020-01-02^2\n", {}, [1.5, 2], ""),
    "comments above and between": (
        "# station 5, north\n# it's a \"test\"\nday,v\n2020-01-01,1\n# moved, cleaned\n2020-01-02,2\n", {}, [1, 2],
        "3 lines beginning with # were left out",
    ),
    "names in a comment": ("# day,v\n2020-01-01,1\n2020-01-02,2\n", {}, [1, 2], "line 1: the names .* from a comment"),
    "words that begin with #": ("tag,day,v\n#1,2020-01-01,1\n#1,2020-01-02,2\n", {}, [1, 2], ""),
    "a row of units": (
        "day,v\nyyyy-mm-dd,kWh\n2020-01-01,1\n2020-01-02,2\n", {}, [1, 2],
        "line 2: .*kWh' was taken for the units",
    ),
    "a row of units for the values alone": (
        "day,v\n,(m/s)\n2020-01-01,1\n2020-01-02,2\n", {}, [1, 2],
        r"'\(m/s\)'|units",
    ),
    "lines above the header": ("Sales, all\n\nday,v\n2020-01-01,1\n2020-01-02,2\n", {"skip_rows": 2}, [1, 2], ""),
    "packed": (gzip.compress(dated("1", "2").encode()), {}, [1, 2], ""),
    "packed in two parts": (gzip.compress(b"v\n1\n") + gzip.compress(b"2\n"), {}, [1, 2], ""),
    "line ends of old and new systems": (b"day,v\r\n2020-01-01,1\r2020-01-02,2\r\n", {}, [1, 2], ""),
    "a quoted comma and a text over two lines": (
        'day,v,note\n2020-01-01,1,"calm, dry"\n2020-01-02,2,"first\nsecond"\n', {}, [1, 2], "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_odd_files_are_read_rightly(tmp_path: Path, case: str):
    content, options, values, told = READ[case]
    series = read(tmp_path / "data.csv", content, **options)
    assert series.values.tolist() == values
    assert bool(told) == bool(series.notes)
    assert re.search(told, "\n".join(series.notes))


# What is refused: the file, the options, and the message.
REFUSED: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "a comma that may be either": (
        dated('"1,234"', '"2,345"'), {},
        r"line 2, column 'v': '1,234' may be a decimal comma or parted thousands; say .* \(--decimal\)",
    ),
    "a point that may be either, between semicolons": (
        dated("999", "1.234", mark=";"), {}, r"line 3, column 'v': '1.234' may be a decimal point or parted thousands",
    ),
    "both ways in one column": (
        dated("1.5", "2,5", mark=";"), {}, r"line 3, column 'v': '2,5' and '1.5', line 2, are written in two ways",
    ),
    "thousands in two ways": (dated("1'000,5", "1.000,5", mark=";"), {}, r"line 3, column 'v': .* written in two ways"),
    "a thousands comma without quotes": (
        dated("1,234", "5"), {}, r"line 2: 3 fields where the header has 2; a comma inside a field, .* needs quotes",
    ),
    "two currencies": (dated("$5", "€6"), {}, r"line 3, column 'v': '€6' has another unit than the rows before"),
    "percent beside none": (dated("5%", "0.06"), {}, r"line 3, column 'v': '0.06' has no %, as other rows have"),
    "digits that are parted wrongly": (dated('"1,5,0"', "2", "3"), {}, r"line 2, column 'v': expected a finite number"),
    "two minus signs": (dated("--5", "2", "3"), {}, r"line 2, column 'v': expected a finite number, got '--5'"),
    "underscores": (dated("1_000", "2", "3"), {}, r"line 2, column 'v': expected a finite number, got '1_000'"),
    "not the decimal mark that was said": (
        dated("1.5", "2.5"), {"decimal": ","}, r"line 2, column 'v': expected a finite number, got '1.5'",
    ),
    "a spreadsheet's error": (dated("1", "#N/A", "3"), {}, r"line 3, column 'v': the value is missing; fill with"),
    "a blank line": (alone("1", "", "3"), {}, r"line 3, column 'v': the value is missing; fill with missing='inter"),
    "a quoted blank at the end": (alone("1", "2", '""'), {}, r"line 4, column 'v': the value is missing"),
    "mostly blank lines": (alone("1", *[""] * 20, "3"), {}, r"line 3: most lines are blank; delete them"),
    "a quote that is never closed": (
        dated("1", "2", '"3', "4", "5"), {}, r"line 4: a quote on this line is never closed; close or delete it",
    ),
    "a quote that swallows rows": (
        dated('"1', "2", '3"', "4"), {}, r"line 2: field 2 goes on over 2 line ends and seems to hold other rows",
    ),
    "a quoted word that swallows a row": (
        'day,note,v\n2020-01-01,"a,1\n2020-01-02,"b",2\n2020-01-03,c,3\n', {},
        r"line 2: field 2 goes on over 1 line end",
    ),
    "line ends in a column of numbers": (alone('"1\n"', "2"), {}, r"line 2: field 1 goes on over 1 line end"),
    "a title above the header": (
        "Sales\n" + dated("1", "2"), {}, r"line 2: 2 fields where the header has 1; .* skip_rows=1 \(--skip-rows 1\)",
    ),
    "a title above semicolons": (
        "Sales, all shops\n" + dated("1,5", "2,5", mark=";"), {}, r"line 2: 2 fields .* \(--skip-rows 1\)",
    ),
    "a title as wide as the table": (
        "Sales,\n,\n" + dated("1", "2"), {}, r"line 1: 1 column without a name; if line 3 is .* \(--skip-rows 2\)",
    ),
    "a comment of another kind": (
        "; by the till\n" + dated("1", "2", mark=";"), {}, r"line 1: 1 column without a name; .* \(--skip-rows 1\)",
    ),
    "too many lines skipped": (dated("1", "2"), {"skip_rows": 9}, r"the file is empty"),
    "fields with spaces between them": ("t v\n1 234\n2 345\n", {}, r"line 1: fields with spaces between them are not"),
    "doubled dates": (
        dated("1", "2") + "2020-01-02,3\n", {},
        r"line 4, column 'day': 2020-01-02 stands on the row before too; .*'first', 'last' or 'mean' \(--duplicates\)",
    ),
    "two series": (
        "shop,day,v\na,2020-01-01,1\na,2020-01-02,2\nb,2020-01-01,3\nb,2020-01-02,4\n", {},
        r"line 4, column 'day': 2020-01-01 comes after .* 'shop' seems to hold the ids of several series; .* \(--id\)",
    ),
    "two series, row by row": (
        "day,shop,v\n2020-01-01,1,1\n2020-01-01,2,2\n2020-01-02,1,3\n2020-01-02,2,4\n", {"target": "v"},
        r"line 3, .* column 'shop' seems to hold the ids of several series; name it with id='shop' \(--id\)",
    ),
    "a gap between two series": (
        "shop,day,v\na,2020-01-01,1\na,2020-01-02,2\nb,2020-02-01,3\nb,2020-02-02,4\n", {},
        r"line 4, .* rows are missing .* column 'shop' seems to hold the ids",
    ),
    "out of step": (
        "t,v\n2020-01-01 00:00,1\n2020-01-01 01:00,2\n2020-01-01 02:00,3\n2020-01-01 03:07,4\n", {},
        r"line 5, column 't': .* out of step .* \(--freq\), or put .* such as regular='h' \(--regular\)",
    ),
    "gaps on a grid": (
        "t,v\n2020-01-01 00:00,1\n2020-01-01 01:01,2\n2020-01-01 03:00,3\n", {"regular": "h"},
        r"line 4, column 't': 1 row is missing between 2020-01-01 01:00 and 2020-01-01 03:00 \(hourly\); fill with",
    ),
    "a spreadsheet": (
        b"PK\x03\x04" + b"\0" * 50, {},
        r"this is a spreadsheet \(.xlsx\) or a zip archive; expected CSV",
    ),
    "a packed file that is cut off": (
        gzip.compress(dated("1", "2").encode())[:-9], {},
        r"ends too early; it is cut off",
    ),
    "a packed file that is damaged": (gzip.compress(alone("1", "2").encode())[:-8] + b"\0" * 8, {}, r"is damaged"),
    "a packed file of zeros": (gzip.compress(b"\0" * 5_000_000), {}, r"not a text file"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_odd_files_are_refused_with_line_and_remedy(tmp_path: Path, case: str):
    content, options, message = REFUSED[case]
    with pytest.raises(DataError, match=rf"data\.csv.*{message}") as caught:
        read(tmp_path / "data.csv", content, **options)
    assert "\n" not in str(caught.value)


def test_options_that_do_not_fit(tmp_path: Path):
    path = tmp_path / "data.csv"
    for options, message in (
        ({"duplicates": "all"}, r"duplicates: expected one of 'first', 'last', 'mean', got 'all'"),
        ({"regular": "often"}, r"regular: expected a step such as"),
        ({"regular": "B"}, r"regular: expected a step such as 5min, h, D, W or M, got business days"),
        ({"regular": "D", "freq": "h"}, r"freq: expected regular='D' \(--regular\) alone"),
        ({"skip_rows": -1}, r"skip_rows"),
        ({"decimal": ";"}, r"decimal: expected one of '.', ','"),
    ):
        with pytest.raises(ValueError, match=message):
            read(path, dated("1", "2"), **options)
    with pytest.raises(ValueError, match=r"regular: expected a column of times beside it"):
        read(path, alone("1", "2"), regular="D")


# --------------------------------------------------------------------------------------- many series


def panel(path: Path, content: str, **options: Any) -> Any:
    """Returns the panel in a file, without the warnings of its notes."""
    path.write_text(content, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNotice)
        made = Forecaster(**{name: options.pop(name) for name in ("missing", "duplicates") if name in options})
        return made.read(path, **options)


WIDE = "day,north,place,south\n2020-01-01,1,x,\n2020-01-02,2,x,4\n2020-01-03,4,y,5\n2020-01-04,3,y,7\n"


def test_wide_files_are_a_series_for_each_column(tmp_path: Path):
    found = panel(tmp_path / "w.csv", WIDE, wide=True)
    assert {id: series.values.tolist() for id, series in found.items()} == {"north": [1, 2, 4, 3], "south": [4, 5, 7]}
    assert found["south"].labels == ["2020-01-02", "2020-01-03", "2020-01-04"]
    assert found.notes == ("series 'south': no value in the first 1 row and the last 0, which were left out",)
    assert found.names.target == ("north", "south")


def test_several_targets_are_a_series_each(tmp_path: Path):
    found = panel(tmp_path / "w.csv", WIDE, target=["south", "north"])
    assert list(found) == ["south", "north"]
    filled = panel(tmp_path / "w.csv", WIDE, target=["south"], missing="zero")
    assert filled["south"].values.tolist() == [0, 4, 5, 7]
    with pytest.raises(DataError, match=r"target: no column 'west'; the columns are 'day', 'north'"):
        panel(tmp_path / "w.csv", WIDE, target=["south", "west"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wide": True, "target": "north"}, r"wide: expected no target beside it, got 'north'"),
        ({"wide": True, "id": "place"}, r"wide: expected no id beside it, got 'place'"),
        ({"target": ["north", "south"], "id": "place"}, r"target: expected no id beside it, got 'place'"),
    ],
)
def test_wide_files_have_neither_targets_nor_ids(tmp_path: Path, options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        panel(tmp_path / "w.csv", WIDE, **options)
    with pytest.raises(ValueError, match=r"wide: expected a table with columns by name"):
        Forecaster().read([1.0, 2.0, 3.0], wide=True)


def test_one_notation_for_all_series_of_a_column(tmp_path: Path):
    """The second series alone would be read as 1.234."""
    rows = [f"{shop};2020-01-0{day};{cell}" for shop, cells in (("a", ["999,5", "7"]), ("b", ["1.234", "2.500"]))
            for day, cell in enumerate(cells, 1)]  # fmt: skip
    found = panel(tmp_path / "p.csv", "shop;day;v\n" + "\n".join(rows) + "\n", id="shop")
    assert found["b"].values.tolist() == [1234, 2500]
    assert found.notes == ("column 'v': '999,5' is read as 999.5, '1.234' is read as 1234",)


def test_blank_lines_between_series(tmp_path: Path):
    found = panel(
        tmp_path / "p.csv", "k,day,v\na,2020-01-01,1\na,2020-01-02,2\n\nb,2020-01-01,3\nb,2020-01-02,4\n", id="k"
    )
    assert {id: series.values.tolist() for id, series in found.items()} == {"a": [1, 2], "b": [3, 4]}
    with pytest.raises(DataError, match=r"p\.csv, line 4: a blank line between rows, without dates, may belong to any"):
        panel(tmp_path / "p.csv", "k,v\na,1\na,2\n\nb,3\nb,4\n", id="k")


def test_a_row_without_an_id_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"p\.csv, line 3, column 'k': expected a name for every series, got an empty"):
        panel(tmp_path / "p.csv", "k,day,v\na,2020-01-01,1\n,2020-01-02,2\n", id="k")


def test_a_column_without_values_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"series 'b': .*w\.csv, column 'b': the column holds no value"):
        panel(tmp_path / "w.csv", "day,a,b\n2020-01-01,1,\n2020-01-02,2,\n", target=["a", "b"])


def test_notes_of_many_series_are_told_together(tmp_path: Path):
    rows = [f"{k},2020-01-0{day},{day}" for k in "abc" for day in (3, 2, 1)]
    found = panel(tmp_path / "p.csv", "k,day,v\n" + "\n".join(rows) + "\n", id="k")
    assert found.notes == ("series 'a' and 2 more: the rows were in falling order of time and were turned round",)
    assert found["b"].notes == ("the rows were in falling order of time and were turned round",)


# ------------------------------------------------------------------------- packed files, standard input


def test_a_packed_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.series.tables.files.MOST_UNPACKED", 1 << 20)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"v\n" + b"1\n" * (1 << 20)))
    with pytest.raises(DataError, match=r"bomb\.csv\.gz: .* holds more than 1,048,576 bytes; unpack it first"):
        read_table(tmp_path / "bomb.csv.gz")
    (tmp_path / "many.csv.gz").write_bytes(gzip.compress(b"") * 20_000)
    with pytest.raises(DataError, match=r"unpack it first"):
        read_table(tmp_path / "many.csv.gz")


def test_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(dated("1", "2").encode()))))
    assert read_series("-").values.tolist() == [1, 2]


def test_the_command_tells_what_was_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any):
    rows = [f"2020-01-{day:02d};{day % 5},5" for day in range(28, 0, -1)]
    text = "day;v\n" + "\n".join(rows) + "\n"
    quick = ["--effort", "fast", "--updates", "1", "--members", "1", "--windows", "0", "--horizon", "1", "--out"]
    (tmp_path / "sales.csv").write_text(text)
    assert main(["forecast", str(tmp_path / "sales.csv"), *quick, str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "Note: column 'v': '3,5' is read as 3.5\nNote: the rows were in falling order" in told
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["forecast", "-", *quick, str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["notes"][0] == "column 'v': '3,5' is read as 3.5"
    assert (tmp_path / "stdin.v.forecast.csv").exists()


# ---------------------------------------------------------------------------------------- the notation


@pytest.mark.parametrize("notation", [Notation(d, t) for d in ".," for t in ("", ",", ".", " ", "'") if d != t])
def test_numbers_come_back_in_every_notation(notation: Notation):
    """What a notation writes is read by it, and the survey of a column finds it where the column shows it."""
    rng = np.random.default_rng(0)
    values = [1234567.25, 999.5, *np.round(rng.normal(0, 10.0 ** rng.integers(0, 8, 200)), 2).tolist()]
    marks = str.maketrans({",": notation.thousands, ".": notation.decimal})
    cells = [f"{value:,.2f}".translate(marks) for value in values]
    assert [parse_number(cell, notation) for cell in cells] == values
    assert survey(cells).fits[0] == notation
