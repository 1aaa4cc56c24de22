"""How fresh rows are read for a saved model of series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.cli.options import ColumnOptions
    from elman.series.columns import Columns
    from elman.series.panel import Panel
    from elman.series.series import Series

__all__ = ["reader"]


def reader(
    source: Path, model: Any, columns: ColumnOptions, trained: Columns, first: Series
) -> Callable[[Panel | None], Panel]:
    """Returns the function that reads fresh rows, on their own or after those of a panel.

    model     the forecaster or detector, whose options are those of `columns` that are not given
    trained   the columns by name with which it was trained;  first  its series, or the first of them
    """
    options = replace(
        columns,
        freq=columns.freq or (model.freq if columns.regular is None else None),
        regular=columns.regular or (model.regular if columns.freq is None else None),
        duplicates=columns.duplicates or model.duplicates,
        missing=columns.missing if columns.missing != "error" else model.missing,
        wide=False,  # the columns of a wide file are known by their names
    )
    names = _names(options.columns(), trained, first)
    alone = replace(options, skip_bad=options.skip_bad or getattr(model, "skip_bad", False))
    # a series that does not follow is no bad one: it may have been read for a history of its own
    return lambda after: (alone if after is None else replace(alone, skip_bad=False)).read(source, names, after)


def _names(given: Columns, trained: Columns, first: Series) -> Columns:
    """Returns the columns by which fresh rows are read: those that are given, else those named in training; for one
    series else those that were found then."""
    names = trained._replace(**{option: name for option, name in given._asdict().items() if name is not None})
    return names.with_names(first.name, first.time_name) if names.id is None else names
