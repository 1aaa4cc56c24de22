"""`elman train classify`."""

from __future__ import annotations

from elman.cli.labelled.options import DATA, FitOptions, TableOptions, TestOptions
from elman.cli.labelled.tasks import CLASSIFY
from elman.cli.labelled.training import train
from elman.cli.options import OutputOptions

__all__ = ["classify"]


def classify(
    data: DATA = None, *, columns: TableOptions, fit: FitOptions, test: TestOptions, output: OutputOptions
) -> None:
    """Learn the class of each sequence from a table: a test beside simple models, the errors of each class, a confusion
    matrix, a saved model for `elman predict`."""
    train(CLASSIFY, data, columns, fit, test, output)
