"""`elman gradcheck`: a saved network's gradients, or a student's own class, against finite differences."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from elman.cli import say, words

__all__ = ["gradcheck"]


def gradcheck(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FILE.py:Class",
            callback=words.named,
            help="A model file, or a Python file and a class in it.",
        ),
    ],
    seed: words.Seed = 0,
    as_json: words.Json = False,
) -> int:
    """Check gradients against central differences, and name the likely mistake; the exit code is 1 where one is wrong.

    A class has the shape of the textbook exercises: made by (input_size, hidden_size, output_size), with forward(x) and
    backward(x, y, learning_rate). The Python file is run.
    """
    if ".py" in target and Path(target).suffix != ".safetensors":
        from elman.student import check_student, load_student

        report = check_student(load_student(target), seed=seed)
    else:
        from elman.core.io import load
        from elman.network.gradcheck import gradcheck as check

        report = check(load(target), seed=seed)
    if as_json:
        say.as_json({**asdict(report), "passed": report.passed})
    else:
        say.line(str(report))
    return 0 if report.passed else 1
