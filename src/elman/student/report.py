"""The result of the check of a student's program, as data and as a table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StudentReport", "WeightCheck"]


@dataclass(frozen=True)
class WeightCheck:
    """The check of one weight array: its worst entry, with the student's gradient and the finite difference there."""

    name: str
    shape: tuple[int, ...]
    error: float  # largest |student - numeric| over the weight's largest |numeric|
    entry: tuple[int, ...]
    student: float
    numeric: float
    passed: bool


@dataclass(frozen=True)
class StudentReport:
    """The result of `check_student`. `mistakes` is empty where everything is right; `notes` are no mistakes.

    source      the source in docs/sources.md that has this interface, or "other"
    understood  how the program was called
    """

    subject: str
    source: str
    loss: str
    weights: tuple[WeightCheck, ...]
    mistakes: tuple[str, ...]
    notes: tuple[str, ...]
    understood: str = ""

    @property
    def passed(self) -> bool:
        return not self.mistakes

    @property
    def worst(self) -> WeightCheck:
        return max(self.weights, key=lambda weight: weight.error)

    def __str__(self) -> str:
        rows = [("weight", "shape", "error", "worst entry", "yours", "finite differences")]
        for w in self.weights:
            place = str(list(w.entry))
            rows.append((w.name, str(w.shape), f"{w.error:.1e}", place, f"{w.student:+.6e}", f"{w.numeric:+.6e}"))
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        marks = ["", *("" if w.passed else "   <- wrong" for w in self.weights)]
        table = [line + mark for line, mark in zip(lines, marks, strict=True)]
        verdict = "passed: every gradient agrees with finite differences" if self.passed else "wrong:"
        known = f"checked as source {self.source}; " if self.source != "other" else ""
        head = [f"{self.subject}, {known}loss: {self.loss}", self.understood]
        said = [f"  - {mistake}" for mistake in self.mistakes] + [f"  note: {note}" for note in self.notes]
        return "\n".join([*(line for line in head if line), *table, verdict, *said])
