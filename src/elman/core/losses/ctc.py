"""The loss of a sequence of labels whose places among the steps are not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elman.core import checks
from elman.core.losses.loss import Loss

__all__ = ["CTC", "IMPOSSIBLE", "steps_needed"]

IMPOSSIBLE = ("error", "infinite", "zero")


@dataclass(frozen=True)
class CTC(Loss):
    """`"ctc"`: connectionist temporal classification (Graves et al. 2006), the mean over rows of -log p(target).

    The outputs are raw values of O classes at every step, one of which is the blank; a row's target is a sequence of
    labels, all classes but the blank, with a length of its own. p(target) is the sum over all paths, one class a step,
    that become the target when repeats are merged and then blanks dropped. docs/math/ctc.md has the equations.

    blank       the class that stands for no label
    impossible  what a target counts that no path of its row's steps can give, since it has more labels, and blanks
                between equal ones, than there are steps: "error" refuses it by its row, before anything is computed;
                "infinite" makes the loss infinite; "zero" leaves the row out: no loss, no gradient, but it counts in
                the mean
    per_label   whether a row's term is divided by its number of labels (at least 1)

    `torch.nn.CTCLoss(reduction="mean")` is `per_label=True`, `reduction="sum"` this mean times the number of rows, and
    `zero_infinity=True` is `impossible="zero"`.
    """

    blank: int = 0
    impossible: str = "error"
    per_label: bool = False

    kind: ClassVar[str] = "ctc"
    ragged: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks.whole("blank", self.blank, low=0)
        checks.choice("impossible", self.impossible, IMPOSSIBLE)
        checks.flag("per_label", self.per_label)

    def target_width(self, outputs: int) -> int | None:
        if self.blank >= outputs:
            raise ValueError(f"loss: expected a blank in [0, {outputs - 1}], the network's classes, got {self.blank}")
        return None

    def target_classes(self, outputs: int) -> np.ndarray:
        return np.delete(np.arange(outputs), self.blank)

    def check_rows(self, y: np.ndarray, y_lengths: np.ndarray, lengths: np.ndarray) -> None:
        inside = np.arange(y.shape[1]) < y_lengths[:, None]
        blanks = inside & (y == self.blank)
        if blanks.any():
            row, place = np.unravel_index(int(blanks.argmax()), blanks.shape)
            raise ValueError(f"y: expected labels other than the blank, got {self.blank} at row {row}, step {place}")
        needed = steps_needed(y, y_lengths)
        short = needed > lengths
        if self.impossible == "error" and short.any():
            row = int(short.argmax())
            count, repeats = int(y_lengths[row]), int(needed[row] - y_lengths[row])
            blanks_between = f" and {repeats} blanks between equal ones" if repeats else ""
            raise ValueError(
                f"y: expected a target that fits its row's {lengths[row]} steps, got {count} labels{blanks_between} "
                f"at row {row}; CTC(impossible='zero') leaves such rows out, 'infinite' makes their loss infinite"
            )

    def constants(self) -> dict[str, Any]:
        return {"blank": self.blank, "zero": self.impossible == "zero", "per_label": self.per_label}


def steps_needed(y: np.ndarray, y_lengths: np.ndarray) -> np.ndarray:
    """Returns the fewest steps that can give each row's labels: one a label, and a blank between two equal ones.

    y (B, U) labels, of which a row's first y_lengths (B,) count.
    """
    inside = np.arange(1, y.shape[1]) < y_lengths[:, None]
    return y_lengths + ((y[:, 1:] == y[:, :-1]) & inside).sum(axis=1)
