"""`elman train tag`."""

from __future__ import annotations

from elman.cli.labelled.options import DATA, FitOptions, TableOptions, TestOptions
from elman.cli.labelled.tasks import TAG
from elman.cli.labelled.training import train
from elman.cli.options import OutputOptions

__all__ = ["tag"]


def tag(data: DATA = None, *, columns: TableOptions, fit: FitOptions, test: TestOptions, output: OutputOptions) -> None:
    """Learn a label for each step of sequences from a table, such as tags of words: a test beside simple models, the
    errors of each tag, a confusion matrix, a saved model for `elman predict`."""
    train(TAG, data, columns, fit, test, output)
