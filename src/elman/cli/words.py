"""The vocabulary: one word, one meaning, one help text, in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Ahead",
    "Best",
    "Calendar",
    "Context",
    "Data",
    "Effort",
    "Freq",
    "Fresh",
    "Future",
    "Head",
    "Holes",
    "Horizon",
    "Id",
    "Json",
    "Levels",
    "Missing",
    "Model",
    "Out",
    "Past",
    "Plot",
    "Probation",
    "Rate",
    "Refit",
    "Season",
    "Seed",
    "SkipBad",
    "Static",
    "Step",
    "Target",
    "Time",
    "To",
    "Windows",
    "as_levels",
    "as_names",
    "as_season",
    "source",
]

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A CSV or Parquet file, or a bundled one: sunspots (the default), airline, seatbelts.",
        show_default=False,
    ),
]
Fresh = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A CSV or Parquet file with newer rows; default: the data it was trained on.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.safetensors).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the files go; the current folder by default.")
]
Plot = Annotated[bool, typer.Option("--plot", help="Draw a picture too, a PNG; it takes longer than the forecast.")]
Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon", min=1, help="Steps to forecast; default: one season, else a tenth of the rows, at most 48."
    ),
]
Season = Annotated[
    str | None,
    typer.Option(
        "--season", metavar="N[,N]", help="Steps in a season (1: none); 24,168 for two. Default: found in the data."
    ),
]
Id = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="Whose row it is, in a file of many series; unique_id is found."),
]
Effort = Annotated[str, typer.Option("--effort", help="How much is trained: fast, normal or best, counted in updates.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Of many series, leave out and report those that cannot be used.")
]
Target = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="What to forecast; default: the only numeric column.")
]
Time = Annotated[
    str | None,
    typer.Option("--time", metavar="COLUMN", help="The dates; default: the first column that reads as dates."),
]
Context = Annotated[
    int | None, typer.Option("--context", min=1, help="Steps the network looks back; default: from season and horizon.")
]
Freq = Annotated[
    str | None,
    typer.Option(
        "--freq", help="The step between rows, such as D, B (business days), W, ME; default: found in the dates."
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(
        "--levels", metavar="L1,L2", help="Coverage of the intervals in percent; default: 80,95 where the data allow."
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        "--missing",
        help="What to do about gaps and missing values: error, interpolate, or mask (neither learned from nor scored).",
    ),
]
Holes = Annotated[
    str, typer.Option("--missing", help="What to do about gaps and missing values: error, or interpolate.")
]
Past = Annotated[
    str | None, typer.Option("--past", metavar="COLUMNS", help="Covariates that are known up to the last value alone.")
]
Future = Annotated[
    str | None,
    typer.Option(
        "--future", metavar="COLUMNS", help="Covariates known ahead too, in rows after the last that has a value."
    ),
]
Ahead = Annotated[
    Path | None,
    typer.Option(
        "--future", metavar="FILE", help="Known-future covariates of the rows to be forecast, where DATA has none."
    ),
]
Static = Annotated[
    str | None, typer.Option("--static", metavar="COLUMNS", help="What a series has for good, such as its region.")
]
Calendar = Annotated[
    str | None,
    typer.Option(
        "--calendar", metavar="NAMES", help="Features of the dates: some of minute,hour,weekday,day,month,week."
    ),
]
Head = Annotated[
    str,
    typer.Option("--head", help="What the network answers: median, quantiles, or row by row gaussian, student_t."),
]
Windows = Annotated[int, typer.Option("--windows", min=0, help="How many of the last windows are forecast as a test.")]
Step = Annotated[
    int | None, typer.Option("--step", min=1, help="Rows from one window to the next; default: the horizon.")
]
Refit = Annotated[
    bool | None,
    typer.Option(
        "--refit/--no-refit",
        help="A model for each window, of the rows before it, or the first one's for all; default: the former for a"
        " short series, the latter for many.",
    ),
]
To = Annotated[str, typer.Option("--to", metavar="csv|parquet", help="What the table is written as.")]


Rate = Annotated[float, typer.Option("--rate", help="False alarms a row to put up with: 1e-4 is one in 10,000 rows.")]
Probation = Annotated[
    float,
    typer.Option("--probation", help="The share of the first rows to learn from, or from 1 on their number."),
]
Best = Annotated[
    bool, typer.Option("--best", help="Write the best baseline's forecast where the network did not beat it.")
]


def source(data: str | None) -> tuple[Path, str]:
    """The file that DATA stands for, and the name its outputs begin with."""
    from elman import datasets

    name = data or datasets.names()[0]
    if name in datasets.names() and not Path(name).exists():
        return datasets.path(name), name
    return Path(name), Path(name).stem


def as_levels(text: str | None) -> tuple[float, ...] | None:
    """ "80,95" -> (80.0, 95.0)."""
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--levels: expected percentages with commas between them, such as 80,95, got {text!r}"
        ) from None


def as_names(text: str | None) -> list[str] | None:
    """ "price,promo" -> ["price", "promo"]."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def as_season(text: str | None) -> int | tuple[int, ...] | None:
    """ "24" -> 24, "24,168" -> (24, 168)."""
    try:
        lengths = [] if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--season: expected a number of steps, or several with commas between them, got {text!r}"
        ) from None
    return None if not lengths else lengths[0] if len(lengths) == 1 else tuple(lengths)
