"""Saved models used again: how fresh rows are read for them, and scored by a detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal
from elman.cli.console.anomalies import anomalies_json, print_alarms
from elman.cli.console.series import print_read
from elman.cli.files import named_after

if TYPE_CHECKING:
    from elman.anomaly import AnomalyDetector
    from elman.cli.options import ColumnOptions, OutputOptions
    from elman.series.columns import Columns
    from elman.series.panel import Panel
    from elman.series.series import Series

__all__ = ["reader", "score"]


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


def score(
    model: Path, detector: AnomalyDetector, source: Path, stem: str, columns: ColumnOptions, output: OutputOptions
) -> None:
    """Scores fresh rows with a saved detector, prints its alarms, and writes scores, a picture and the detector that
    has seen the rows, unless that would overwrite the file it came from."""
    from elman.anomaly.newer import unseen
    from elman.series.columns import Columns
    from elman.series.panel import Panel

    last = detector.last_row()
    series, said = unseen(last, detector.rows_ - 1, reader(source, detector, columns, Columns(), last))
    panel, table, saved = Panel.of(series), output.table(".anomalies"), ".detector.safetensors"
    panel.notes = series.notes
    stem = named_after(stem, panel)
    place = (output.out or Path()) / f"{stem}{saved}"
    kept = place.exists() and place.samefile(model)
    suffixes = [table, ".anomalies.png"] + ([] if kept else [saved])
    with output.files(stem, suffixes, [model, source]) as outputs:
        found = detector.detect(series)
        outputs.write(table, output.writer(found))
        outputs.write(".anomalies.png", found.plot)
        if not kept:
            outputs.write(saved, detector.save)
        written = outputs.commit()
    if output.as_json:
        terminal.print_json(anomalies_json(found, detector.season_) | {"notes": panel.notes, "files": written})
        return
    print_read(panel, source.name)
    terminal.line(said)
    print_alarms(found, f"Scored by the detector of {model}")
    terminal.wrote(written)
    if kept:
        terminal.line(f"{model} is as it was; --out FOLDER writes the detector that has seen these rows")
