"""The vocabulary: one word, one meaning, one help text, in every command."""

from __future__ import annotations

import os
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
    "named",
    "source",
]


def named(text: str | None) -> str | None:
    """An empty word is a slip, such as a variable that is not set, and never means the default."""
    if text == "":
        raise typer.BadParameter("expected a word, got an empty one")
    return text


def _said(text: str | None) -> str | None:
    """As `named`, of what is no file's name: where the locale knows ASCII alone, other letters arrive as bytes."""
    if named(text) is None or str(text).isascii():
        return text
    try:
        return os.fsencode(str(text)).decode()
    except UnicodeError:
        return text


def _path(text: str) -> Path:
    return Path(str(named(text)))


Data = Annotated[
    str | None,
    typer.Argument(
        callback=named,
        metavar="DATA",
        help="A CSV or Parquet file, or a bundled one: sunspots (the default), airline, seatbelts.",
        show_default=False,
    ),
]
Fresh = Annotated[
    str | None,
    typer.Argument(
        callback=named,
        metavar="DATA",
        help="A CSV or Parquet file with newer rows; default: the data it was trained on.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", parser=_path, help="A model file (.safetensors).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of everything random.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", parser=_path, help="Where the files go; the current folder by default."),
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
        "--season",
        callback=_said,
        metavar="N[,N]",
        help="Steps in a season (1: none); 24,168 for two. Default: found in the data.",
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", callback=_said, metavar="COLUMN", help="Whose row it is, in a file of many series; unique_id is found."
    ),
]
Effort = Annotated[
    str, typer.Option("--effort", callback=_said, help="How much is trained: fast, normal or best, counted in updates.")
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Of many series, leave out and report those that cannot be used.")
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target", callback=_said, metavar="COLUMN", help="What to forecast; default: the only numeric column."
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time", callback=_said, metavar="COLUMN", help="The dates; default: the first column that reads as dates."
    ),
]
Context = Annotated[
    int | None, typer.Option("--context", min=1, help="Steps the network looks back; default: from season and horizon.")
]
Freq = Annotated[
    str | None,
    typer.Option(
        "--freq",
        callback=_said,
        help="The step between rows, such as D, B (business days), W, ME; default: found in the dates.",
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(
        "--levels",
        callback=_said,
        metavar="L1,L2",
        help="Coverage of the intervals in percent; default: 80,95 where the data allow.",
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        "--missing",
        callback=_said,
        help="What to do about gaps and missing values: error, interpolate, or mask (neither learned from nor scored).",
    ),
]
Holes = Annotated[
    str,
    typer.Option("--missing", callback=_said, help="What to do about gaps and missing values: error, or interpolate."),
]
Past = Annotated[
    str | None,
    typer.Option(
        "--past", callback=_said, metavar="COLUMNS", help="Covariates that are known up to the last value alone."
    ),
]
Future = Annotated[
    str | None,
    typer.Option(
        "--future",
        callback=_said,
        metavar="COLUMNS",
        help="Covariates known ahead too, in rows after the last that has a value.",
    ),
]
Ahead = Annotated[
    Path | None,
    typer.Option(
        "--future",
        metavar="FILE",
        parser=_path,
        help="Known-future covariates of the rows to be forecast, where DATA has none.",
    ),
]
Static = Annotated[
    str | None,
    typer.Option("--static", callback=_said, metavar="COLUMNS", help="What a series has for good, such as its region."),
]
Calendar = Annotated[
    str | None,
    typer.Option(
        "--calendar",
        callback=_said,
        metavar="NAMES",
        help="Features of the dates: some of minute,hour,weekday,day,month,week.",
    ),
]
Head = Annotated[
    str,
    typer.Option(
        "--head", callback=_said, help="What the network answers: median, quantiles, or row by row gaussian, student_t."
    ),
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
To = Annotated[str, typer.Option("--to", callback=_said, metavar="csv|parquet", help="What the table is written as.")]


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

    name = datasets.names()[0] if data is None else data
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


def as_names(option: str, text: str | None) -> list[str] | None:
    """ "price,promo" -> ["price", "promo"]."""
    names = None if text is None else [name.strip() for name in text.split(",")]
    if names is not None and not all(names):
        raise ValueError(f"{option}: expected names with commas between them, such as price,promo, got {text!r}")
    return names


def as_season(text: str | None) -> int | tuple[int, ...] | None:
    """ "24" -> 24, "24,168" -> (24, 168)."""
    try:
        lengths = [] if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--season: expected a number of steps, or several with commas between them, got {text!r}"
        ) from None
    return None if not lengths else lengths[0] if len(lengths) == 1 else tuple(lengths)
