"""--actual: what came in the rows of a forecast, from a file of its own or from a column of the same file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from elman.cli.options import ColumnOptions
    from elman.forecast import Forecast, Forecasts
    from elman.series.columns import Columns
    from elman.series.panel import Panel
    from elman.series.series import Series

__all__ = ["read_beside", "read_file", "with_actual"]


def read_beside(columns: ColumnOptions, source: Path, column: str) -> tuple[Panel, Panel]:
    """Reads the series of a file whose last rows have no value, but the truth in another column; returns the series
    before these rows, and the truth in them. `DataError` where no row is such a one."""
    import numpy as np

    from elman.series.columns import columns as complete
    from elman.series.columns import found_in_table
    from elman.series.errors import DataError, listed
    from elman.series.tables.table import Table

    table = columns.open(source)
    if not isinstance(table, Table):
        raise DataError(f"--actual: no such file as {column}, and a column of the truth needs a CSV file", path=source)
    if column not in table.names:
        raise DataError(f"--actual: no file {column!r} and no such column; the columns are {listed(table.names)}",
                        path=source)  # fmt: skip
    table, names = table.without_blank(), columns.columns()
    id = names.id or ("unique_id" if "unique_id" in table.names else None)
    rest, target = table.without(column), names.target
    try:
        target = target or found_in_table(rest if id is None else rest.without(id), complete(**names._asdict())).target
    except DataError as error:
        raise DataError(f"--actual {column}: beside that column, {error}") from None
    if target == column:
        raise DataError(f"--actual: expected another column than the target {column!r}", path=source)
    target = str(target)
    ids = [""] * len(table) if id is None else list(table.column(id, "id"))
    known = _before_the_end(np.isfinite(table.numbers(target)), ids)
    later = ~known & np.isfinite(table.numbers(column))
    if not later.any():
        raise DataError(
            f"--actual: expected values in rows whose {target!r} is empty at the end, got none; or name a file of the"
            " later rows",
            path=source, column=column,
        )  # fmt: skip
    panel = columns.panel(rest.take(np.flatnonzero(known)), names._replace(target=target))
    truth = table.without(target).take(np.flatnonzero(later))
    return panel, columns.panel(truth, _found(names, panel)._replace(target=column), after=panel)


def read_file(columns: ColumnOptions, source: Path, panel: Panel) -> Panel:
    """Reads the truth from a file that has the columns of the series: the rows after these, or with all before."""
    from elman.series.errors import DataError

    table, names = columns.open(source), _found(columns.columns(), panel)
    names = names._replace(past=None, future=None, static=None)
    bare = panel.replaced({id: replace(series, covariates=None) for id, series in panel.items()})
    try:
        return columns.panel(table, names, after=bare)
    except DataError as error:
        try:
            return columns.panel(table, names)
        except DataError:
            raise error from None


def with_actual(found: Forecast | Forecasts, truth: Panel) -> Any:
    """Returns the forecasts with the truth of their rows, in the series that have it."""
    from elman.forecast import Forecast, Forecasts

    if isinstance(found, Forecast):
        return found.with_actual(_ahead(found.history, truth.only, len(found)))
    each = {id: own.with_actual(_ahead(own.history, truth[id], len(own))) if id in truth else own
            for id, own in found.items()}  # fmt: skip
    return Forecasts(each, found.skipped)


def _ahead(history: Series, truth: Series, h: int) -> Any:
    """Returns the truth of the h rows after a history: by its times; without, the rows that follow the history's where
    it begins with these, else its first rows."""
    import numpy as np

    from elman.series.errors import DataError

    if truth.times is not None:
        return truth
    values, n = truth.observed, len(history)
    if len(values) > n and np.allclose(values[:n], history.observed, rtol=1e-9, equal_nan=True):
        values = values[n:]
    elif len(values) > h:
        raise DataError(f"--actual: expected at most {h} rows, as are forecast, or the rows before them too, got"
                        f" {len(values)} other ones")  # fmt: skip
    return values[:h]


def _found(given: Columns, panel: Panel) -> Columns:
    """Returns the columns by which the truth is read: those that are given, else those of the series."""
    first = panel.first
    if given.id is None and not panel.single:
        return given
    return given.with_names(first.name, first.time_name)


def _before_the_end(known: np.ndarray, ids: list[str]) -> np.ndarray:
    """Returns which rows (n,) lie at or before the last known one of their series; in a file whose newest rows come
    first, at or after the first one."""
    import numpy as np

    rows: dict[str, list[int]] = {}
    for row, id in enumerate(ids):
        rows.setdefault(id, []).append(row)
    found = np.zeros(len(known), bool)
    for own in map(np.array, rows.values()):
        there = np.flatnonzero(known[own])
        if there.size:
            newest_first = there[-1] == len(own) - 1 and there[0] > 0
            found[own[there[0] :] if newest_first else own[: there[-1] + 1]] = True
    return found
