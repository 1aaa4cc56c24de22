"""Options of `elman train` that keep the state of a training in a folder, and go on from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values

__all__ = ["Checkpoint", "Resume", "resumed_folder"]

Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FOLDER",
        parser=values.as_path,
        help="Keep the state of training there after each pass over the data.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from --checkpoint, to the result that it would have had.")
]


def resumed_folder(checkpoint: Path | None, resume: bool, minutes: float | None) -> Path | None:
    """Returns the folder to go on from, or None; ValueError for options that do not go with --resume."""
    if resume and checkpoint is None:
        raise ValueError("--resume: expected --checkpoint FOLDER beside it, got none")
    if resume and minutes is not None:
        raise ValueError("--resume: expected the --updates that --minutes found, got --minutes")
    return checkpoint if resume else None
