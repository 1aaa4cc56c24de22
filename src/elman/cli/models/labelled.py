"""A saved classifier, regressor or tagger used again: it predicts the labels of fresh sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal
from elman.cli.console.labelled import print_data, print_errors, print_predictions, print_scores, report_json
from elman.cli.files import named
from elman.cli.labelled.options import TableOptions
from elman.cli.labelled.table import PredictionTable
from elman.cli.labelled.tasks import task_of
from elman.cli.labelled.training import draw, unlearned_notes
from elman.cli.models.request import Request

if TYPE_CHECKING:
    from elman.sequence.evaluation.report import Report

__all__ = ["predict"]

PREDICTIONS, PICTURE = ".predictions", ".predictions.png"


def predict(request: Request) -> None:
    """Predicts the labels of the sequences in DATA, and scores the predictions where DATA has labels."""
    from elman.sequence.evaluation.report import predictions, report

    model, task, output = request.loaded, task_of(request.loaded), request.output
    assert task is not None
    request.refuse(f"a {task.noun}", forecast=True, series=True)
    if request.source is None:
        raise ValueError(f"DATA: expected sequences; {request.model} holds a {task.noun}, which keeps none")
    given = request.columns
    columns = TableOptions(
        given.id, given.time, request.label, missing=given.missing, date_format=given.date_format,
        skip_rows=given.skip_rows, decimal=given.decimal,
    )  # fmt: skip
    data = columns.read(request.source, task.per_step, task.numeric, model.layout_, unlabelled=True)
    scored: Report | None = None
    notes = list(data.notes)
    several = predictions(model, data.x[:1]).several
    if several and data.y is not None:
        notes.append("the model predicts several values for each sequence, which are not compared with one label")
        data = data._replace(y=None)
    if data.y is not None:
        notes += unlearned_notes(model.classes_.tolist() if hasattr(model, "classes_") else None, data)
        scored = report(model, None, data)
    found = predictions(model, data.x) if scored is None else scored.found
    if request.plot and scored is None:
        raise ValueError("--plot: expected labels in DATA, with which predictions are compared, got none")
    layout = model.layout_ or data.layout
    label = str(request.label or layout.label or "label")
    table = output.table(PREDICTIONS)
    suffixes = [table] if scored is None else [table, PICTURE]
    with output.files(named(request.stem, [label]), suffixes, request.inputs) as outputs:
        rows = PredictionTable(data, found, label)
        outputs.write(table, output.writer(rows))
        if scored is not None:
            outputs.write(PICTURE, draw(scored, data, label))
        written = outputs.commit()
    if output.as_json:
        test: dict[str, Any] | None = None if scored is None else report_json(scored, data)
        terminal.print_json({"sequences": len(data.x), "columns": rows.names(), "rows": list(rows.rows()), "test": test,
                             "notes": notes, "files": written})  # fmt: skip
        return
    print_data(data, request.source.name, notes)
    terminal.line()
    print_predictions(rows)
    if scored is not None:
        terminal.line()
        terminal.line("Compared with the labels in DATA (too good where the model has learned from these sequences)")
        print_scores(scored)
        if scored.confusion is not None:
            print_errors(scored.confusion, label, "steps" if task.per_step else "sequences")
    terminal.wrote(written)
