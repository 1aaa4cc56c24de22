"""A saved detector used again: it scores fresh rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.console.anomalies import anomalies_json, print_alarms
from elman.cli.console.series import print_read
from elman.cli.files import named_after
from elman.cli.models.reading import reader
from elman.cli.models.request import Request

if TYPE_CHECKING:
    from elman.anomaly import AnomalyDetector
    from elman.cli.options import ColumnOptions, OutputOptions

__all__ = ["predict", "score"]


def predict(request: Request) -> None:
    """Scores the rows of DATA."""
    request.refuse("a detector", forecast=True, labelled=True)
    if request.source is None:
        raise ValueError(f"DATA: expected rows to score; {request.model} holds a detector, which keeps no rows")
    score(request.model, request.loaded, request.source, request.stem, request.columns, request.output)


def score(
    model: Path, detector: AnomalyDetector, source: Path, stem: str, columns: ColumnOptions, output: OutputOptions
) -> None:
    """Scores fresh rows with a saved detector, prints its alarms, and writes scores, a picture and the detector that
    has seen the rows, unless that would overwrite the file it came from."""
    from elman.anomaly.online.newer import unseen
    from elman.series.columns import Columns
    from elman.series.panel import Panel

    last = detector.last_row()
    read = reader(source, detector, columns, Columns(), last)
    panel, said = unseen(Panel.of(last), detector.rows_ - 1, read)
    series, table, saved = panel.only, output.table(".anomalies"), ".detector.safetensors"
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
