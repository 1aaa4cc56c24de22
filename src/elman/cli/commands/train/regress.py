"""`elman train regress`."""

from __future__ import annotations

from elman.cli.labelled.options import DATA, FitOptions, TableOptions, TestOptions
from elman.cli.labelled.tasks import REGRESS
from elman.cli.labelled.training import train
from elman.cli.options import OutputOptions

__all__ = ["regress"]


def regress(
    data: DATA = None, *, columns: TableOptions, fit: FitOptions, test: TestOptions, output: OutputOptions
) -> None:
    """Learn a value of each sequence from a table: a test beside simple models, a picture of the errors, a saved model
    for `elman predict`."""
    train(REGRESS, data, columns, fit, test, output)
