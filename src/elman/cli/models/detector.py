"""A saved detector used again: it scores fresh rows, of one series or of several variables together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.console.anomalies import print_alarms, print_joint_alarms
from elman.cli.console.series import print_read
from elman.cli.files import named_after
from elman.cli.models.reading import reader
from elman.cli.models.request import Request

if TYPE_CHECKING:
    from elman.anomaly import AnomalyDetector, MultivariateDetector
    from elman.cli.options import ColumnOptions, OutputOptions

__all__ = ["predict", "score"]


def predict(request: Request) -> None:
    """Scores the rows of DATA."""
    request.refuse("a detector", forecast=True, labelled=True)
    if request.source is None:
        raise ValueError(f"DATA: expected rows to score; {request.model} holds a detector, which keeps no rows")
    score(request.model, request.loaded, request.source, request.stem, request.columns, request.output)


def score(
    model: Path,
    detector: AnomalyDetector | MultivariateDetector,
    source: Path,
    stem: str,
    columns: ColumnOptions,
    output: OutputOptions,
) -> None:
    """Scores fresh rows with a saved detector, prints its alarms, and writes scores, a picture and the detector that
    has seen the rows, unless that would overwrite the file it came from."""
    from elman.anomaly import Anomalies, AnomalyDetector
    from elman.anomaly.online.newer import unseen
    from elman.series.columns import Columns
    from elman.series.panel import Panel

    alone = isinstance(detector, AnomalyDetector)
    last = Panel.of(detector.last_row()) if alone else detector.last_row()
    trained = Columns() if alone or columns.id is not None else Columns(target=[*last])
    panel, said = unseen(last, detector.rows_ - 1, reader(source, detector, columns, trained, last.first))
    table, saved, stem = output.table(".anomalies"), ".detector.safetensors", named_after(stem, panel)
    place = (output.out or Path()) / f"{stem}{saved}"
    kept = place.exists() and place.samefile(model)
    suffixes = [table, ".anomalies.png"] + ([] if kept else [saved])
    with output.files(stem, suffixes, [model, source]) as outputs:
        found = detector.detect(panel.only) if alone else detector.detect(panel)
        outputs.write(table, output.writer(found))
        outputs.write(".anomalies.png", found.plot)
        if not kept:
            outputs.write(saved, detector.save)
        written = outputs.commit()
    if output.as_json:
        described = found.to_dict() | ({"season": detector.season_} if alone else {})
        terminal.print_json(described | {"notes": panel.notes, "files": written})
        return
    print_read(panel, source.name)
    terminal.line(said)
    by = f"Scored by the detector of {model}"
    if isinstance(found, Anomalies):
        print_alarms(found, by)
    else:
        print_joint_alarms(found, by)
    terminal.wrote(written)
    if kept:
        terminal.line(f"{model} is as it was; --out FOLDER writes the detector that has seen these rows")
