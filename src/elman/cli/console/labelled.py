"""Sequences with labels: what was read, how good a model is, the errors of each class."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal
from elman.cli.console.series import print_notes

if TYPE_CHECKING:
    from elman.cli.labelled.table import PredictionTable
    from elman.sequence.evaluation.confusion import ClassErrors, Confusion
    from elman.sequence.evaluation.report import Report
    from elman.sequence.tables.reading import Sequences

__all__ = [
    "labelled_json",
    "model_rows",
    "print_data",
    "print_errors",
    "print_predictions",
    "print_report",
    "print_scores",
    "report_json",
    "trained",
]

LISTED = 20  # classes at most
SHOWN, WIDEST = 10, 8  # rows and columns of predictions at most
NAMED = 8  # labels and features that a line names


def print_data(found: Sequences, name: str, notes: list[str]) -> None:
    """Prints what was read from the file `name`, and the notes of the reading."""
    name = "standard input" if name == "-" else name
    lengths = [len(each) for each in found.x]
    span = _steps(min(lengths)) if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)} steps"
    count = "1 sequence" if len(found.x) == 1 else f"{len(found.x):,} sequences"
    terminal.line(f"{name}: {count} of {span}; features {_features(found)}")
    if found.y is not None:
        terminal.line(f"{found.layout.label}: {_labels(found)}")
    print_notes(notes)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _features(found: Sequences) -> str:
    names = [f"{column.name} (text)" if column.kind == "text" else column.name for column in found.columns]
    return _some(names)


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _labels(found: Sequences) -> str:
    """Returns the labels with their numbers, or the span of values."""
    import numpy as np

    every = np.concatenate(found.y) if isinstance(found.y, list) else found.y
    if every.dtype.kind == "f":
        shown = terminal.figures([float(every.min()), float(every.max()), float(every.mean())])
        return f"{shown[0]} to {shown[1]}, mean {shown[2]}"
    return _some([f"{label} ({count:,})" for label, count in Counter(every.tolist()).most_common()])


def trained(model: Any, count: int) -> str:
    """Returns how a fitted model was trained, in a line."""
    networks = model.networks_
    size = sum(network.theta.size for network in networks[:1])
    units = "1 network" if len(networks) == 1 else f"{len(networks)} networks, averaged,"
    return (
        f"Trained on {count:,} sequences: {units} of {model.hidden_size} {model.cell} units a layer ({size:,}"
        f" parameters), {model.n_iter_:,} epochs"
    )


def model_rows(model: Any) -> list[tuple[str, str]]:
    """Returns what a fitted model learned and from what, by name, for `elman inspect`."""
    layout, columns, networks = model.layout_, model.columns_, model.networks_
    words = dict(zip(columns.tokens, columns.vocabularies, strict=True))
    names = [f"column {k}" for k in range(columns.count)] if layout is None else layout.names
    features = [
        f"{name} (text, {len(words[k].tokens):,} different)" if k in words else name for k, name in enumerate(names)
    ]
    learned = "y" if layout is None else str(layout.label)
    if hasattr(model, "classes_"):
        each = " at each step" if model.target_.by_step else ""
        learned += f", {len(model.classes_)} classes{each}: {_some([str(name) for name in model.classes_.tolist()])}"
    else:
        learned += ", values"
    count = "1 network" if len(networks) == 1 else f"{len(networks)} networks, averaged"
    rows = [
        ("learned", learned),
        ("features", _some(features)),
        ("networks", f"{count}, {networks[0].theta.size:,} parameters each, {model.n_iter_:,} epochs"),
        ("layers", ", ".join(map(repr, networks[0].layers))),
    ]
    if layout is not None:
        columns_of = [f"{role} {name}" for role, name in (("id", layout.id), ("time", layout.time)) if name]
        rows.insert(1, ("table", ", ".join([f"{layout.form} form", *columns_of])))
    return rows


def print_report(scored: Report, held: Sequences, label: str, how: str) -> None:
    """Prints the scores on held-out sequences beside those of the baselines, and the errors of each class.

    label   the name of what is predicted;  how   which sequences are held out
    """
    steps = f" with {sum(map(len, held.x)):,} steps" if isinstance(held.y, list) else ""
    terminal.line(f"Test: {len(held.x):,} held-out sequences{steps} ({how})")
    terminal.line()
    print_scores(scored)
    if scored.confusion is not None:
        print_errors(scored.confusion, label, "steps" if steps else "sequences")


def print_predictions(table: PredictionTable) -> None:
    """Prints the first rows of a table of predictions."""
    rows = list(table.rows())
    columns = [
        terminal.figures(column) if isinstance(column[0], float) else list(map(str, column))
        for column in zip(*rows[:SHOWN], strict=True)
    ]
    terminal.table(table.names()[:WIDEST], zip(*columns[:WIDEST], strict=True))
    if len(rows) > SHOWN:
        terminal.line(f"  and {len(rows) - SHOWN:,} more rows")


def print_scores(scored: Report) -> None:
    """Prints the scores of all models."""
    measures = list(dict.fromkeys(name for each in scored.scores.values() for name in each))
    rows = [
        [name, *(terminal.figure(each[measure]) if measure in each else "" for measure in measures)]
        for name, each in scored.scores.items()
    ]
    terminal.table(["model", *measures], rows)


def print_errors(confusion: Confusion, label: str, counted: str) -> None:
    """Prints the errors of each class, the most frequent classes first, and the pair that is most often confused."""
    classes = sorted(confusion.by_class(), key=lambda each: -each.total)
    terminal.line()
    terminal.table([label, counted, "precision", "recall", "most often taken for"], map(_row, classes[:LISTED]))
    if len(classes) > LISTED:
        terminal.line(f"  and {len(classes) - LISTED} more classes (all of them: --json)")
    pair = confusion.most_confused()
    if pair is not None:
        terminal.line(f"  Most confused: {pair[0]} taken for {pair[1]}, {_times(pair[2])}")
    terminal.line("  Precision: right among those predicted so; recall: found among those that are so")


def _row(each: ClassErrors) -> list[str]:
    confused = "-" if each.confused is None else f"{each.confused} ({each.times})"
    shares = [terminal.figure(value, 3) for value in (each.precision, each.recall)]
    return [str(each.label), f"{each.total:,}", *shares, confused]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def labelled_json(found: Sequences, scored: Report | None, held: Sequences | None) -> dict[str, Any]:
    """Returns all that the text says, for `--json`."""
    layout = found.layout
    data = {
        "sequences": len(found.x),
        "steps": sum(map(len, found.x)),
        "form": layout.form,
        "id": layout.id,
        "time": layout.time,
        "label": layout.label,
        "features": [{"name": column.name, "kind": column.kind} for column in found.columns],
    }
    if scored is None or held is None:
        return {**data, "test": None}
    return {**data, "test": report_json(scored, held)}


def report_json(scored: Report, held: Sequences) -> dict[str, Any]:
    """Returns the scores on some sequences, and the errors of each class."""
    test: dict[str, Any] = {"sequences": len(held.x), "scores": scored.scores}
    if scored.confusion is not None:
        pair = scored.confusion.most_confused()
        names = ("true", "predicted", "times")
        test["confusion"] = {"labels": scored.confusion.labels, "counts": scored.confusion.counts}
        test["classes"] = [
            {**each._asdict(), "precision": each.precision, "recall": each.recall}
            for each in scored.confusion.by_class()
        ]
        test["most_confused"] = None if pair is None else dict(zip(names, pair, strict=True))
    if scored.compared is not None:
        test |= {"outcome": scored.compared.outcome, "verdict": scored.compared.verdict()}
    return test
