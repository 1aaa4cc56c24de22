"""Where a series comes from: a file, a table, a data frame or one of its columns, an array."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman import checks, datasets
from elman.forecast.dates import Reading, plain_style, read_dates, reads_as_date
from elman.forecast.errors import DataError
from elman.forecast.numbers import is_missing, parse_number
from elman.forecast.series import Rows, Series, build
from elman.forecast.table import Table, listed, read_table, shorten

__all__ = ["as_series", "open_table", "read_series", "series_of_frame", "series_of_table"]

NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"
_TIME_WORDS = re.compile(r"date|time|year|month|week|day|quarter|period|jahr|datum|zeit|ann[ée]e|fecha|data", re.I)


def read_series(
    path: str | Path,
    *,
    target: str | None = None,
    time: str | None = None,
    freq: str | None = None,
    missing: str = "error",
) -> Series:
    """The series in a CSV or Parquet file, or a bundled one by its name (`elman.datasets`) where no file has it.

    target   column of the values; default: the only numeric one
    time     column of the dates; default: the first that reads as dates, or none
    freq     the step, where it should not be found from the dates: see `calendar.parse`
    missing  "error": empty cells and left-out dates are errors; "interpolate": they are filled on a straight line

    Raises `DataError` for bad data, `ValueError` for a bad option.
    """
    return as_series(open_table(path), target=target, time=time, freq=freq, missing=missing)


def open_table(path: str | Path) -> Any:
    """The `Table` in a CSV file, or in a bundled one by its name where no file has that name; the polars frame in a
    Parquet file. ModuleNotFoundError for the latter without polars."""
    if Path(path).suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(Path(path))
    bundled = str(path) in datasets.names() and not Path(path).exists()
    return read_table(datasets.path(str(path)) if bundled else path)


def _read_parquet(path: Path) -> Any:
    try:
        import polars
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="polars") from None
    with path.open("rb") as file:  # what cannot be opened is an OSError, as for every file
        try:
            return polars.read_parquet(file)
        except polars.exceptions.PolarsError as error:
            raise DataError(f"not a Parquet file: {str(error).splitlines()[0]}", path=path) from None


def as_series(
    data: Any, *, target: str | None = None, time: Any = None, freq: str | None = None, missing: str = "error"
) -> Series:
    """The series in an array or list (n,), a data frame or one of its columns (pandas, polars), a `Table`, or a file.

    `time` names a column of a data frame or table; beside an array it holds the times themselves. The other options
    and errors are those of `read_series`.
    """
    if isinstance(data, Series):
        return data
    if isinstance(data, Table):
        return series_of_table(data, target, time, freq, missing)
    if isinstance(data, str | Path):
        return read_series(data, target=target, time=time, freq=freq, missing=missing)
    if hasattr(data, "columns"):
        columns = {str(name): np.asarray(data[name]) for name in data.columns}
        dates = data.index if time is None and _has_dates(data) else None
        return series_of_frame(columns, target, time, freq, missing, dates)
    name = str(getattr(data, "name", None) or "value")
    if time is None and _has_dates(data):
        time = data.index  # pandas keeps a column's dates in its index
    return build(Rows(name), _numbers(data), None if time is None else _times(time), freq, missing)


def series_of_table(table: Table, target: str | None, time: str | None, freq: str | None, missing: str) -> Series:
    """As `read_series`, of a table read before."""
    for option, name in (("target", target), ("time", time)):
        if name is not None:
            table.column(name, option)
    time = time if time is not None else _find_time(table, target)
    if target is None:
        target = _only(
            [n for n in table.names if n != time and table.is_numeric(n) and not _counts_rows(table, n)],
            table.names, table.path,
        )  # fmt: skip
    elif target == time:
        raise ValueError(f"target: expected another column than time, got {target!r} for both")
    rows = Rows(target, time, table.path, table.lines)
    readings = None if time is None else _dates(table.column(time, "time"), rows)
    return build(rows, table.numbers(target), readings, freq, missing)


def _find_time(table: Table, target: str | None) -> str | None:
    """The first column that reads as dates; one where most cells do is taken too: the error then names the others."""
    for name in table.names:
        cells = table.column(name, "time")
        if name == target:
            continue
        if all(parse_number(cell) is not None for cell in cells):  # bare years, or 20200131
            if (_TIME_WORDS.search(name) or name == "column 1") and read_dates(cells):
                return name
        elif 2 * sum(map(reads_as_date, cells[:200])) > len(cells[:200]):
            return name
    return None


def _counts_rows(table: Table, name: str) -> bool:
    """Whether a column without a name only counts the rows, as data frames write them."""
    cells = table.column(name, "column")
    return name == "column 1" and any(cells == [str(i + k) for i in range(len(cells))] for k in (0, 1))


def _only(numeric: list[str], names: tuple[str, ...] | list[str], path: Path | None) -> str:
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        hint = "; a single column may mean another delimiter than , ; tab or |" if len(names) == 1 else ""
        raise DataError(f"no numeric column to forecast among {listed(names)}{hint}", path=path)
    raise DataError(f"several numeric columns: {listed(numeric)}; choose one with target (--target)", path=path)


def _dates(cells: list[str], rows: Rows) -> list[Reading]:
    readings = read_dates(cells)
    if readings:
        return readings
    # the longest readable beginning, by halving: reading can only fail for good
    good, bad = 0, len(cells)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if read_dates(cells[:middle]) else (good, middle)
    problem = "no date" if is_missing(cells[good]) else f"{shorten(cells[good])} does not read as a date"
    like = f" like {cells[0]!r}" if good else "; dates such as 2024-01-31 are read"
    raise rows.error(problem + like, good, dates=True)


def series_of_frame(
    columns: Mapping[str, np.ndarray],
    target: str | None,
    time: str | None,
    freq: str | None,
    missing: str,
    dates: Any = None,
) -> Series:
    """As `as_series`, of a data frame's columns (n,); `dates` are its index, where no column has been named."""
    names = list(columns)
    for option, name in (("target", target), ("time", time)):
        if name is not None and name not in names:
            raise DataError(f"{option}: no column {name!r}; the columns are {listed(names)}")
    if time is None:
        time = next((n for n in names if n != target and _dated(columns[n])), None)
    if target is None:
        target = _only([n for n in names if n != time and columns[n].dtype.kind in "iuf"], names, None)
    readings = _times(columns[time]) if time is not None else None if dates is None else _times(dates)
    return build(Rows(target, time), _numbers(columns[target]), readings, freq, missing)


def _has_dates(data: Any) -> bool:
    return getattr(getattr(getattr(data, "index", None), "dtype", None), "kind", "") == "M"


def _dated(values: np.ndarray) -> bool:
    return values.dtype.kind == "M" or (
        values.dtype.kind in "OUT" and len(values) > 0 and isinstance(values[0], str) and reads_as_date(values[0])
    )


def _numbers(data: Any) -> np.ndarray:
    values = np.asarray(data)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"y: expected one series, an array of shape (n,), got shape {values.shape}")
    if values.dtype.kind not in "iufO":
        raise TypeError(f"y: expected real numbers, got {checks.shown(values)}")
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"y: expected real numbers, got {checks.shown(values)}") from None


def _times(data: Any) -> list[Reading]:
    times = np.asarray(data)
    if times.dtype.kind == "M":
        return [Reading(times.astype("datetime64[us]"), plain_style(times))]
    cells = [str(cell) for cell in times.tolist()]
    return _dates(cells, Rows("value", "time"))
