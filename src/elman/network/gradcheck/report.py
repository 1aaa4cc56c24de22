"""The result of a check of gradients, as data and as a table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArrayCheck", "GradReport"]


@dataclass(frozen=True)
class ArrayCheck:
    """The check of one array (a parameter, x or an initial state), and its worst entry."""

    name: str
    shape: tuple[int, ...]
    checked: int
    error: float  # |analytic - numeric| / max(|analytic|, |numeric|, floor), see GradReport.floor
    entry: tuple[int, ...]
    analytic: float
    numeric: float
    kinks: int  # entries at a kink, where the analytic value lies between the one-sided derivatives
    passed: bool


@dataclass(frozen=True)
class GradReport:
    """The result of `gradcheck`: one `ArrayCheck` for each array. `str` is a table.

    floor  entries smaller than this are compared absolutely: a thousandth of the largest gradient, or what float64
           can resolve of the loss
    """

    subject: str
    loss: str
    engine: str
    tolerance: float
    floor: float
    arrays: tuple[ArrayCheck, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return all(array.passed for array in self.arrays)

    @property
    def worst(self) -> ArrayCheck:
        return max(self.arrays, key=lambda array: (not array.passed, array.error))

    def __str__(self) -> str:
        rows = [("array", "shape", "checked", "error", "worst entry", "analytic", "numeric", "")]
        for a in self.arrays:
            said = "" if a.passed else "<- wrong"
            said += f"{a.kinks} at a kink" if a.kinks else ""
            place, values = str(list(a.entry)), (f"{a.analytic:+.8e}", f"{a.numeric:+.8e}")
            rows.append((a.name, str(a.shape), str(a.checked), f"{a.error:.1e}", place, *values, said))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        worst = self.worst
        verdict = (
            f"passed: every gradient agrees with central differences to {self.tolerance:g} (worst {worst.error:.1e})"
            if self.passed
            else f"wrong: {worst.name}{list(worst.entry)} is {worst.analytic:+.8e}, central differences give "
            f"{worst.numeric:+.8e}"
        )
        head = f"{self.subject}; loss {self.loss}; {self.engine} engine"
        return "\n".join([head, *lines, verdict, *(f"note: {note}" for note in self.notes)])
