"""The vocabulary: one word, one meaning, one help text, in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Data", "Horizon", "Json", "Model", "Out", "Season", "Seed"]

Data = Annotated[
    str | None,
    typer.Argument(metavar="[DATA]", help="A CSV file, or a bundled series: sunspots (the default), airline.", show_default=False),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.safetensors).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the files go; the current folder by default.")
]
Horizon = Annotated[
    int | None,
    typer.Option("--horizon", min=1, help="Steps to forecast; default: one season, else a tenth of the rows, at most 48."),
]
Season = Annotated[int | None, typer.Option("--season", min=1, help="Steps in a season (1: none); default: found in the data.")]
Target = Annotated[str | None, typer.Option("--target", metavar="COLUMN", help="What to forecast; default: the only numeric column.")]
Time = Annotated[str | None, typer.Option("--time", metavar="COLUMN", help="The dates; default: the first column that reads as dates.")]
