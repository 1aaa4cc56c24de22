"""Options of `elman train classify | regress | tag`: how DATA is read, how networks are trained, what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import values
from elman.cli.options import DATE_FORMS, Seed
from elman.core import checks

if TYPE_CHECKING:
    from elman.sequence.tables.layout import Layout
    from elman.sequence.tables.reading import Sequences

__all__ = ["DATA", "FitOptions", "TableOptions", "TestOptions"]

EFFORTS = {"fast": 0, "normal": 1, "best": 3}  # times the usual number of networks, of which one is the least


def _text(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, callback=values.decoded, metavar=metavar, help=help)


DATA = Annotated[
    str | None,
    typer.Argument(
        callback=values.not_empty,
        metavar="DATA",
        help="A CSV (also packed: .csv.gz) or Parquet file, or - for standard input: a row for each step, with the"
        " columns id, time, features and label; or a row for each sequence (columns t0, t1, ..., label), or for each"
        " text (columns text, label). Default: a generated example.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class TableOptions:
    """Which columns of DATA hold the ids, times, labels and features, and how they are read."""

    id: Annotated[
        str | None,
        _text("--id", "COLUMN", "The column that says to which sequence a row belongs; default: one called id."),
    ] = None
    time: Annotated[
        str | None,
        _text(
            "--time",
            "COLUMN",
            "The column of the times, numbers or dates; none: the order of the file; default: one called time or date.",
        ),
    ] = None
    label: Annotated[
        str | None,
        _text("--label", "COLUMN", "The column to be learned; default: one called label, target, class, ..."),
    ] = None
    features: Annotated[
        str | None, _text("--features", "COLUMNS", "The columns to learn from: a,b; default: all others.")
    ] = None
    categorical: Annotated[
        str | None, _text("--categorical", "COLUMNS", "Features of numbers that stand for classes.")
    ] = None
    form: Annotated[
        str | None,
        _text(
            "--form",
            "long|wide|text",
            "What a row is: a step, a whole sequence, a text; default: found in the columns.",
        ),
    ] = None
    missing: Annotated[str, _text("--missing", "error|interpolate|zero", "What to do about missing numbers.")] = "error"
    date_format: Annotated[
        str | None,
        _text("--date-format", "FORMAT", "The form of the dates, such as %d/%m/%Y; default: found. " + DATE_FORMS),
    ] = None
    skip_rows: Annotated[
        int, typer.Option("--skip-rows", metavar="N", min=0, help="Lines above the header to leave out.")
    ] = 0
    decimal: Annotated[
        str | None, _text("--decimal", ".|,", "The decimal mark of all numbers; default: found for each column.")
    ] = None

    def read(
        self, source: Path, per_step: bool, numeric: bool, like: Layout | None = None, unlabelled: bool = False
    ) -> Sequences:
        """Reads the sequences in a file; `DataError` for one that cannot be used.

        per_step   whether each step has a label;  numeric  whether labels are values
        like       the layout of other sequences, as which the file is read
        unlabelled   whether a file without labels may be read
        """
        from elman.sequence.tables.layout import Options
        from elman.sequence.tables.reading import read

        features = values.as_names("--features", self.features)
        options = Options(
            self.id,
            self.time,
            self.label,
            per_step,
            None if features is None else tuple(features),
            tuple(values.as_names("--categorical", self.categorical) or ()),
            self.form,  # pyright: ignore
            self.missing,
            self.date_format,
            numeric,
            like,
            needs_label=not unlabelled and like is None,
        )
        return read(source, options, skip_rows=self.skip_rows, decimal=self.decimal)


@dataclass(frozen=True)
class FitOptions:
    """How networks are trained; what is not given is as in Python."""

    hidden_size: Annotated[
        int | None, typer.Option("--hidden-size", metavar="N", min=1, help="Units of each layer.")
    ] = None
    cell: Annotated[str | None, _text("--cell", "gru|lstm|tanh|relu", "The recurrent cell.")] = None
    num_layers: Annotated[
        int | None, typer.Option("--layers", metavar="N", min=1, help="Recurrent layers, one above the other.")
    ] = None
    members: Annotated[
        int | None, typer.Option("--members", metavar="N", min=1, help="Networks, which are averaged.")
    ] = None
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=1, help="How often each sequence is learned from.")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", metavar="RATE", help="Step size of the training.")
    ] = None
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Let each class count alike, however often it occurs.")
    ] = False
    effort: Annotated[
        str, _text("--effort", "fast|normal|best", "Networks: one, as many as in Python, or three times as many.")
    ] = "normal"
    seed: Seed = 0

    def estimator(self, kind: Any) -> Any:
        """Returns an estimator of a class, with these options; ValueError for one that no fit takes."""
        times = EFFORTS[checks.choice("effort", self.effort, tuple(EFFORTS))]
        usual = kind().get_params()
        names = ("hidden_size", "cell", "num_layers", "members", "epochs", "learning_rate")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.balanced:
            if "class_weight" not in usual:
                raise ValueError("--balanced: expected it where classes are learned, not values")
            given["class_weight"] = "balanced"
        made = kind(**{"members": max(1, times * usual["members"]), **given, "seed": self.seed})
        made.check_options()
        return made


@dataclass(frozen=True)
class TestOptions:
    """Which sequences test the model."""

    __test__ = False  # for pytest

    test: Annotated[
        Path | None,
        typer.Option(
            "--test", metavar="FILE", parser=values.as_path, help="A file of sequences to test on, with DATA's columns."
        ),
    ] = None
    holdout: Annotated[
        float,
        typer.Option(
            "--holdout",
            metavar="SHARE",
            help="The share of the ids that is held out for the test, of each class alike; 0: none.",
        ),
    ] = 0.2

    def share(self) -> float:
        """Returns the share that is held out, 0 beside a file of a test; ValueError for none from 0 to 1."""
        share = checks.number("holdout", self.holdout, low=0.0)
        if share >= 1.0:
            raise ValueError(f"holdout: expected a share from 0 to below 1, got {share:g}")
        return 0.0 if self.test is not None else share
