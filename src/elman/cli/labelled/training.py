"""A run of `elman train classify | regress | tag`: read, hold out, train, score, write, print."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.labelled import labelled_json, print_data, print_report, trained
from elman.cli.files import named
from elman.cli.labelled.options import FitOptions, TableOptions, TestOptions
from elman.cli.labelled.table import PredictionTable
from elman.cli.labelled.tasks import Task
from elman.cli.options import OutputOptions

if TYPE_CHECKING:
    from elman.datasets.labelled import LabelledTable
    from elman.sequence.evaluation.report import Report
    from elman.sequence.tables.reading import Sequences

__all__ = ["draw", "train", "unlearned_notes"]

HELD_OUT, EXAMPLE = ".held_out", ".example.csv"  # endings of the predictions, and of the generated table


def train(
    task: Task, data: str | None, columns: TableOptions, fit: FitOptions, test: TestOptions, output: OutputOptions
) -> None:
    """Trains a model on the sequences of a table, tests it on those that are held out beside simple models, and writes
    the model, its predictions for these and a picture of its errors."""
    from elman.sequence.evaluation.report import report

    model, share = fit.estimator(task.kind()), test.share()
    table = output.table(HELD_OUT)
    example = task.table() if data is None else None
    if example is not None:
        columns = replace(columns, label=columns.label or task.example_label)
    source, stem = (Path(f"{task.example}.csv"), task.example) if data is None else values.source_of_file(data)
    found = (
        columns.read(source, task.per_step, task.numeric) if example is None else _of_example(task, columns, example)
    )
    notes = list(found.notes)
    _check_labels(task, found, source)
    learned, held = _parts(task, found, columns, fit.seed, share, test.test, notes)
    label = str(found.layout.label)
    before = named(stem, [label]).removeprefix(stem)  # the label stands between the name of the file and the endings
    saved, table, picture = (before + each for each in (task.saved, table, task.picture))
    suffixes = [saved] + [table, picture] * (held is not None) + [EXAMPLE] * (example is not None)
    inputs = [path for path in (None if data is None else source, test.test) if path is not None]
    with output.files(stem, suffixes, inputs) as outputs:
        if not output.as_json:
            if example is not None:
                terminal.line(f"A generated example: {example.about}. With your own: elman train {task.command} DATA")
            print_data(found, source.name, notes)
        began = time.monotonic()
        with terminal.working(f"training on {len(learned.x):,} sequences") as progress:
            model.fit(learned.x, learned.y, on_progress=progress)
        model.layout_, seconds = found.layout, time.monotonic() - began
        scored: Report | None = None
        if held is not None:
            with terminal.working("comparing with simple models"):
                scored = report(model, learned, held)
            outputs.write(table, output.writer(PredictionTable(held, scored.found, label)))
            outputs.write(picture, draw(scored, held, label))
        outputs.write(saved, model.save)
        if example is not None:
            outputs.write(EXAMPLE, partial(_write_table, example))
        written = outputs.commit()
    how = trained(model, len(learned.x))
    if output.as_json:
        about = {"trained": how, "seconds": seconds, "seed": fit.seed, "notes": notes, "files": written}
        terminal.print_json({**labelled_json(found, scored, held), **about})
        return
    terminal.line()
    terminal.line(f"{how}, in {seconds:.{0 if seconds >= 10 else 1}f} s")
    if scored is None or held is None:
        terminal.line("Not tested: --holdout 0.2 or --test FILE tells how good the model is")
        terminal.wrote(written)
        return
    drawn = f"{100 * share:g} % of the ids, drawn by seed {fit.seed}"
    print_report(scored, held, label, drawn if test.test is None else f"all of {test.test}")
    terminal.wrote(written)
    if scored.compared is not None:
        terminal.line()
        terminal.line(scored.compared.verdict())


def unlearned_notes(classes: list[Any] | None, data: Sequences) -> list[str]:
    """Returns what is to be told of labels that are none of the classes of a model; None: it predicts values."""
    from elman.sequence.evaluation.split import unlearned
    from elman.series.errors import listed

    found = [] if classes is None else unlearned(classes, data)
    return [f"{listed(list(map(str, found)))}: not learned, so every one counts as an error"] if found else []


def _classes(learned: Sequences) -> list[Any]:
    import numpy as np

    return np.unique(np.concatenate(learned.y) if isinstance(learned.y, list) else learned.y).tolist()


def draw(scored: Report, data: Sequences, label: str) -> Callable[[Path], Path]:
    """Returns the function that draws the errors of a model on some sequences into a file."""
    from elman.plots import ConfusionChart, ResidualChart, confusion_plot, residual_plot

    confusion = scored.confusion
    if confusion is None:
        return partial(residual_plot, ResidualChart(data.y, scored.found.values, label))
    counted = "steps" if isinstance(data.y, list) else "sequences"
    return partial(
        confusion_plot, ConfusionChart([str(each) for each in confusion.labels], confusion.counts, label, counted)
    )


def _of_example(task: Task, columns: TableOptions, table: LabelledTable) -> Sequences:
    """Returns the sequences of the generated example, read as a file of it would be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{task.example}.csv"
        _write_table(table, path)
        return columns.read(path, task.per_step, task.numeric)


def _write_table(table: LabelledTable, path: Path) -> object:
    from elman.series.tables.files import write_rows

    return write_rows(path, [table.names, *table.rows])


def _check_labels(task: Task, found: Sequences, source: Path) -> None:
    """Raises `DataError` for one class alone, and for values where classes are learned."""
    import numpy as np

    from elman.series.errors import DataError

    if task.numeric:
        return
    every = np.concatenate(found.y) if isinstance(found.y, list) else found.y
    labels = {*every.tolist()}
    if len(labels) == 1:
        raise DataError(f"one class alone, {labels.pop()!r}; at least two are needed", path=source,
                        column=found.layout.label)  # fmt: skip
    if every.dtype.kind == "f" or (every.dtype.kind in "iu" and 2 * len(labels) > len(every)):
        raise DataError(
            f"{len(labels)} different numbers are values rather than classes; elman train regress learns values",
            path=source, column=found.layout.label,
        )  # fmt: skip


def _parts(
    task: Task, found: Sequences, columns: TableOptions, seed: int, share: float, test: Path | None, notes: list[str]
) -> tuple[Sequences, Sequences | None]:
    """Returns the sequences to learn from and those of the test; what is to be told of them is added to the notes."""
    from elman.sequence.evaluation.split import equal_sequences, hold_out
    from elman.series.errors import DataError, counted
    from elman.series.notes import gathered

    if test is not None:
        held = columns.read(test, task.per_step, task.numeric, found.layout)
        notes += [f"{test.name}: {text}" for text in held.notes if text not in notes]
        if held.y is None:
            raise DataError(f"expected the labels in a column {found.layout.label!r}, got none", path=test)
        learned = found
    elif share:
        with gathered() as said:
            learned, held = hold_out(found, share, seed, stratify=not (task.numeric or task.per_step))
        notes += said
    else:
        return found, None
    notes += unlearned_notes(None if task.numeric else _classes(learned), held)
    if same := equal_sequences(learned, held):
        notes.append(
            f"{counted(same, 'sequence')} of the test {'is' if same == 1 else 'are'} equal to one that is learned from,"
            " so the scores may be too good"
        )
    return learned, held
