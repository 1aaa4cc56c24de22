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
            metavar="MODEL|FILE.py[:NAME]",
            callback=values.not_empty,
            help="A model file, or a Python file and a class or function in it.",
        ),
    ],
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Check gradients against central differences, and name the likely mistake; the exit code is 1 where one is wrong.

    A Python program is a class with a forward and a backward pass, or functions, as in textbooks, blogs and courses:
    simple cells, LSTM and GRU; rows, columns, classes or batches; gradients returned, kept or applied. Where it
    cannot be called, a class to fill in is printed. The Python file is run.
    """
    if ".py" in checked and Path(checked).suffix != ".safetensors":
        from elman.student import StudentError, check_student, load_student

        try:
            report = check_student(load_student(checked), seed=seed)
        except StudentError as error:
            if error.skeleton and not as_json:  # to standard output, so that it can be written to a file
                terminal.line(error.skeleton)
            raise
    else:
        from elman.core.io import load
        from elman.network.gradcheck import gradcheck as check

        report = check(load(checked), seed=seed)
    if as_json:
        terminal.print_json({**asdict(report), "passed": report.passed})
    else:
        terminal.line(str(report))
    return 0 if report.passed else 1
