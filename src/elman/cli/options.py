"""The vocabulary of the command line: one word, one meaning, one help text, in every command.

Options of several commands together are the fields of bundles (`bundle.expanded`): `ColumnOptions` and its kinds say
how DATA is read, `ForecasterOptions` how a forecaster is trained, `OutputOptions` what is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from elman.cli import values
from elman.cli.files import Outputs
from elman.core import checks

if TYPE_CHECKING:
    from elman.forecast import Forecaster
    from elman.series.columns import Columns
    from elman.series.panel import Panel

__all__ = [
    "Beam",
    "Best",
    "ColumnOptions",
    "CovariateOptions",
    "Data",
    "Effort",
    "FilledColumnOptions",
    "ForecasterOptions",
    "Horizon",
    "Json",
    "Model",
    "Out",
    "OutputOptions",
    "Season",
    "Seed",
]


def _text(name: str, metavar: str, help: str) -> Any:
    """Returns an option whose value is text, but no file."""
    return typer.Option(name, callback=values.decoded, metavar=metavar, help=help)


def _count(name: str, help: str, least: int = 1) -> Any:
    """Returns an option whose value is a whole number."""
    return typer.Option(name, metavar="N", min=least, help=help)


DATE_FORMS = (
    "Read are 2024-01-31, 31.01.2024, 1/31/2024, 31-Jan-24, Jan 31 2024, 2024-01-31T18:00+01:00, 1/31/2024 6:00 PM,"
    " 2024-01, Jan-24, Jan 2024, 2024M01, 2024Q1, 2024-W05, 2024H1, 2024/25, FY2024 and 2024; where a column is named"
    " as a time, 202401, 20240131, 2024.25, seconds, milliseconds, and a spreadsheet's days (serial) too. Years of two"
    " digits up to 29 are in the 2000s."
)

Data = Annotated[
    str | None,
    typer.Argument(
        callback=values.not_empty,
        metavar="DATA",
        help="A CSV (also packed: .csv.gz) or Parquet file, - for standard input, or a bundled one: sunspots (the"
        " default), airline, seatbelts.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", parser=values.as_path, help="A model file (.safetensors).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, max=2**63 - 1, help="Seed of everything random, from 0.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FOLDER", parser=values.as_path, help="Where the files go; the current folder by default."
    ),
]
Horizon = Annotated[
    int | None, _count("--horizon", "Rows to forecast; default: one season, else a tenth of the rows, at most 48.")
]
Season = Annotated[
    str | None,
    _text("--season", "N[,N]", "Rows in a season (1: none), or of two, such as 24,168; default: found in the data."),
]
Effort = Annotated[str, _text("--effort", "fast|normal|best", "How long the networks are trained, counted in updates.")]
Beam = Annotated[
    int | None,
    typer.Option(
        "--beam", min=1, max=100, help="Answers followed at once; default: 4 for texts, 1 (fastest) for sounds."
    ),
]
Best = Annotated[
    bool,
    typer.Option(
        "--best",
        help="Write the forecast of the best baseline where its mean error in the backtest is not above the network's.",
    ),
]


# ---------------------------------------------------------------------------------------- how DATA is read


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns of DATA hold the values, the dates and the ids, and what to do where rows are missing or bad."""

    target: Annotated[
        str | None,
        _text("--target", "COLUMN", "The column of the values, or several: a,b; default: the only numeric one."),
    ] = None
    time: Annotated[
        str | None,
        _text(
            "--time",
            "COLUMN[,COLUMN]",
            "The column of the dates, or several: year,quarter; none numbers the rows; default: the first that reads as"
            " dates.",
        ),
    ] = None
    date_format: Annotated[
        str | None,
        _text("--date-format", "FORMAT", "The form of the dates, such as %d/%m/%Y; default: found. " + DATE_FORMS),
    ] = None
    zone: Annotated[
        str | None,
        _text("--zone", "ZONE", "The time zone of the dates, such as Europe/Berlin; default: as they say."),
    ] = None
    id: Annotated[
        str | None,
        _text("--id", "COLUMN", "The column of the series' ids, in a file of many series; unique_id is found."),
    ] = None
    freq: Annotated[
        str | None,
        _text(
            "--freq",
            "STEP",
            "The step between rows: D, B (business days), W, ME, monthly, 15min; default: found in the dates.",
        ),
    ] = None
    missing: Annotated[
        str,
        _text(
            "--missing",
            "error|interpolate|zero|mask",
            "What to do about gaps and missing values; masked ones are neither learned from nor scored.",
        ),
    ] = "error"
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Of many series, leave out and report those that cannot be used.")
    ] = False
    duplicates: Annotated[
        str | None, _text("--duplicates", "first|last|mean", "Which of several rows with the same date counts.")
    ] = None
    regular: Annotated[
        str | None,
        _text(
            "--regular",
            "STEP",
            "Put the rows onto a regular grid, such as 5min, h or D; rows at the same step are averaged.",
        ),
    ] = None
    wide: Annotated[
        bool, typer.Option("--wide", help="Read each numeric column as a series, with the column's name as its id.")
    ] = False
    skip_rows: Annotated[int, _count("--skip-rows", "Lines above the header to leave out.", least=0)] = 0
    decimal: Annotated[
        str | None, _text("--decimal", ".|,", "The decimal mark of all numbers; default: found for each column.")
    ] = None

    def columns(self) -> Columns:
        """Returns the columns by name; ValueError for names that are not well-formed."""
        from elman.series.columns import Columns

        return Columns(self.target, self.time, self.id, date_format=self.date_format, zone=self.zone)

    def read(self, source: Path, names: Columns | None = None, after: Panel | None = None) -> Panel:
        """Reads the series in a file, by the columns `names` or those of the options, and returns them as a panel;
        `DataError` for a file that cannot be used, and for rows that do not follow those of `after`."""
        from elman import datasets

        names = names or self.columns()
        if names.target is None and names.id is None and not self.wide:
            names = names._replace(**datasets.columns(source))
        return self.panel(self.open(source), names, after)

    def open(self, source: Path) -> Any:
        """Reads a file as a table."""
        from elman.series.sources import open_table

        return open_table(source, skip_rows=self.skip_rows, decimal=self.decimal)

    def panel(self, table: Any, names: Columns | None = None, after: Panel | None = None) -> Panel:
        """Returns the series in a table, as `read` does."""
        from elman.series.panel_sources import as_panel
        from elman.series.series import SeriesOptions
        from elman.series.tables.table import Table

        names = names or self.columns()
        known = table.names if isinstance(table, Table) else tuple(table.columns)
        names = names._replace(target=values.as_targets(names.target, known))
        options = SeriesOptions(self.freq, self.missing, duplicates=self.duplicates, regular=self.regular)
        return as_panel(table, names, options, skip_bad=self.skip_bad, after=after, wide=self.wide)


@dataclass(frozen=True)
class FilledColumnOptions(ColumnOptions):
    """As `ColumnOptions`, for models that take no masked values."""

    missing: Annotated[str, _text("--missing", "error|interpolate|zero", "What to do about missing values.")] = "error"


@dataclass(frozen=True)
class CovariateOptions(ColumnOptions):
    """As `ColumnOptions`, with the columns of covariates."""

    past: Annotated[str | None, _text("--past", "COLUMNS", "Covariates known up to the last value alone.")] = None
    future: Annotated[
        str | None, _text("--future", "COLUMNS", "Covariates known ahead too, in rows after the last value.")
    ] = None
    static: Annotated[str | None, _text("--static", "COLUMNS", "Covariates that are equal in all rows.")] = None

    def columns(self) -> Columns:
        """Returns the columns by name; ValueError for names that are not well-formed."""
        given = (("past", self.past), ("future", self.future), ("static", self.static))
        names = {option: values.as_names(f"--{option}", text) for option, text in given}
        return super().columns()._replace(**names)


# ------------------------------------------------------------------------------- how a forecaster is trained


@dataclass(frozen=True)
class ForecasterOptions:
    """The options of a `Forecaster`, but for those that say how rows are read."""

    horizon: Horizon = None
    season: Season = None
    context: Annotated[
        int | None, _count("--context", "Rows that the network reads before each; default: from season and horizon.")
    ] = None
    calendar: Annotated[
        str | None, _text("--calendar", "NAMES", "Of dates: minute, hour, weekday, day, month, week, year, none.")
    ] = None
    holidays: Annotated[str | None, _text("--holidays", "COUNTRY", "Public holidays, such as of DE or DE-BY.")] = None
    levels: Annotated[
        str | None, _text("--levels", "L1,L2", "Coverage of the intervals in percent; default: 80,95 where rows allow.")
    ] = None
    windows: Annotated[
        int, _count("--windows", "How many windows at the end of each series are forecast as a test.", least=0)
    ] = 6
    distribution: Annotated[
        str,
        _text(
            "--distribution",
            "NAME",
            "What is forecast: median or quantiles, all rows at once; gaussian or student_t, row by row.",
        ),
    ] = "median"
    head: Annotated[str | None, typer.Option("--head", hidden=True)] = None  # the earlier name of --distribution
    effort: Effort = "normal"
    hidden_size: Annotated[
        int | None, _count("--hidden-size", "Units of each network; default: what --effort says.")
    ] = None
    models: Annotated[
        str | None,
        _text("--models", "NAMES", "What is combined, such as network or theta,drift; default: every model."),
    ] = None
    members: Annotated[int | None, _count("--members", "Networks in the ensemble; default: what --effort says.")] = None
    updates: Annotated[
        int | None, _count("--updates", "Updates of each network, at most; default: what --effort says.")
    ] = None
    seed: Seed = 0

    def forecaster(self, data: ColumnOptions) -> Forecaster:
        """Returns a forecaster with these options, and those by which `data` is read; ValueError for an option that no
        fit takes."""
        from elman.forecast import Forecaster

        made = Forecaster(
            horizon=self.horizon,
            season=values.as_season(self.season),
            context=self.context,
            calendar=values.as_names("--calendar", self.calendar),
            holidays=self.holidays,
            levels=values.as_levels(self.levels),
            windows=self.windows,
            distribution=self._distribution(),
            effort=self.effort,
            hidden_size=self.hidden_size,
            models=values.as_names("--models", self.models),
            members=self.members,
            updates=self.updates,
            seed=self.seed,
            freq=data.freq,
            missing=data.missing,
            duplicates=data.duplicates,
            regular=data.regular,
            skip_bad=data.skip_bad,
        )
        made.check_options()
        return made

    def _distribution(self) -> str:
        """Returns the distribution that was asked for, with a warning for the earlier name of the option."""
        if self.head is None:
            return self.distribution
        warnings.warn("the option --head is called --distribution now", FutureWarning, stacklevel=3)
        return self.head


# ------------------------------------------------------------------------------------------ what is written


class Written(Protocol):
    """A result that can be written as a table."""

    def write_csv(self, path: Path) -> object: ...
    def write_parquet(self, path: Path) -> object: ...


@dataclass(frozen=True)
class OutputOptions:
    """Where the files of a command go, and what is printed."""

    to: Annotated[str, _text("--to", "What the table is written as.", "csv|parquet")] = "csv"
    out: Out = None
    as_json: Json = False

    def table(self, stem: str) -> str:
        """Returns the ending of a command's table, `stem.csv` or `stem.parquet`. ModuleNotFoundError for the latter
        without polars."""
        from elman.series.tables.files import needs_polars

        if checks.choice("to", self.to, ("csv", "parquet")) == "parquet":
            needs_polars()
        return f"{stem}.{self.to}"

    def files(self, stem: str, suffixes: Sequence[str], inputs: Sequence[Path]) -> Outputs:
        """Returns the output files `stem` + suffix, of which none may overwrite an input."""
        return Outputs(self.out, stem, suffixes, inputs)

    def writer(self, found: Written) -> Callable[[Path], object]:
        """Returns the method of a result that writes its table as --to says."""
        return found.write_csv if self.to == "csv" else found.write_parquet
