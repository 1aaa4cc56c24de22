"""Several variables with one alarm: a detector of them is fitted, or a saved one scores fresh rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.console.anomalies import print_joint_alarms, print_remarks
from elman.cli.console.series import print_read
from elman.cli.files import named_after
from elman.cli.models.reading import reader
from elman.cli.models.request import Request

if TYPE_CHECKING:
    from elman.anomaly import MultivariateDetector
    from elman.cli.options import ColumnOptions, OutputOptions
    from elman.series.panel import Panel

__all__ = ["fit", "predict", "score"]

PICTURE, SAVED = ".anomalies.png", ".detector.safetensors"


def fit(detector: MultivariateDetector, panel: Panel, source: Path, stem: str, output: OutputOptions) -> None:
    """Fits a detector to the variables of a panel, prints its alarms, and writes scores, a picture and the detector."""
    table = output.table(".anomalies")
    with output.files(named_after(stem, panel), [table, PICTURE, SAVED], [source]) as outputs:
        if not output.as_json:
            print_read(panel, source.name)
        with terminal.working("learning from the first rows, and scoring the others") as progress:
            detector.fit(panel, on_progress=progress)
        found = detector.anomalies_
        outputs.write(table, output.writer(found))
        outputs.write(PICTURE, found.plot)
        outputs.write(SAVED, detector.save)
        written = outputs.commit()
    if output.as_json:
        said = {"remarks": [*detector.notes_], "notes": panel.notes, "files": written}
        terminal.print_json(found.to_dict() | said)
        return
    label = found.series.label
    print_joint_alarms(found, f"Learned from the first {found.learned} rows, {label(0)} to {label(found.learned - 1)}")
    print_remarks({"": detector.notes_})
    terminal.wrote(written)


def predict(request: Request) -> None:
    """Scores the rows of DATA."""
    request.refuse("a detector", forecast=True, labelled=True)
    if request.source is None:
        raise ValueError(f"DATA: expected rows to score; {request.model} holds a detector, which keeps no rows")
    score(request.model, request.loaded, request.source, request.stem, request.columns, request.output)


def score(
    model: Path, detector: MultivariateDetector, source: Path, stem: str, columns: ColumnOptions, output: OutputOptions
) -> None:
    """Scores fresh rows with a saved detector, prints its alarms, and writes scores, a picture and the detector that
    has seen the rows, unless that would overwrite the file it came from."""
    from elman.anomaly.online.newer import unseen
    from elman.series.columns import Columns

    last = detector.last_row()
    trained = Columns() if columns.id is not None else Columns(target=[*last])
    panel, said = unseen(last, detector.rows_ - 1, reader(source, detector, columns, trained, last.first))
    table, stem = output.table(".anomalies"), named_after(stem, panel)
    place = (output.out or Path()) / f"{stem}{SAVED}"
    kept = place.exists() and place.samefile(model)
    with output.files(stem, [table, PICTURE] + ([] if kept else [SAVED]), [model, source]) as outputs:
        found = detector.detect(panel)
        outputs.write(table, output.writer(found))
        outputs.write(PICTURE, found.plot)
        if not kept:
            outputs.write(SAVED, detector.save)
        written = outputs.commit()
    if output.as_json:
        terminal.print_json(found.to_dict() | {"notes": panel.notes, "files": written})
        return
    print_read(panel, source.name)
    terminal.line(said)
    print_joint_alarms(found, f"Scored by the detector of {model}")
    terminal.wrote(written)
    if kept:
        terminal.line(f"{model} is as it was; --out FOLDER writes the detector that has seen these rows")
