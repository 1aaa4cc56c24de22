"""What the commands for sequences with labels differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from elman.datasets.labelled import LabelledTable

__all__ = ["CLASSIFY", "REGRESS", "TAG", "Task", "task_of"]


class Task(NamedTuple):
    """A kind of model.

    command     the name of its command;  noun  what it is called
    estimator   the class that learns it;  example  the generated table, with the column of its labels
    picture     the ending of the picture of its errors
    """

    command: str
    noun: str
    estimator: str
    example: str
    example_label: str
    picture: str
    per_step: bool = False
    numeric: bool = False

    @property
    def saved(self) -> str:
        """The ending of a model file."""
        return f".{self.noun}.safetensors"

    def kind(self) -> Any:
        """Returns the class of the estimator; ModuleNotFoundError without scikit-learn."""
        from elman import sequence

        return getattr(sequence, self.estimator)

    def table(self) -> LabelledTable:
        """Returns the generated example."""
        from elman.datasets import labelled

        return getattr(labelled, self.example)()


CLASSIFY = Task("classify", "classifier", "SequenceClassifier", "gestures", "label", ".confusion.png")
REGRESS = Task("regress", "regressor", "SequenceRegressor", "pendulum", "length", ".residuals.png", numeric=True)
TAG = Task("tag", "tagger", "SequenceTagger", "travel", "tag", ".confusion.png", per_step=True)


def task_of(model: object) -> Task | None:
    """Returns the task of a fitted estimator; None for a model of another kind."""
    return next((task for task in (CLASSIFY, REGRESS, TAG) if task.estimator == type(model).__name__), None)
