"""`elman gradcheck`: a saved network's gradients, or a student's own class, against finite differences."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.options import Json, Seed

__all__ = ["gradcheck"]


def gradcheck(
    checked: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FILE.py:Class",
            callback=values.not_empty,
            help="A model file, or a Python file and a class in it.",
        ),
    ],
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Check gradients against central differences, and name the likely mistake; the exit code is 1 where one is wrong.

    A class has the shape of the textbook exercises: made by (input_size, hidden_size, output_size), with forward(x) and
    backward(x, y, learning_rate). The Python file is run.
    """
    if ".py" in checked and Path(checked).suffix != ".safetensors":
        from elman.student import check_student, load_student

        report = check_student(load_student(checked), seed=seed)
    else:
        from elman.core.io import load
        from elman.network.gradcheck import gradcheck as check

        report = check(load(checked), seed=seed)
    if as_json:
        terminal.print_json({**asdict(report), "passed": report.passed})
    else:
        terminal.line(str(report))
    return 0 if report.passed else 1
