"""Whether a difference between two models on the same held-out sequences means something, by an exact sign test."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Compared", "sign_test"]

LEVEL = 0.05


class Compared(NamedTuple):
    """A network beside the best baseline.

    measure, ours, theirs   the score of both, lower being better where it is an error
    better, worse   for how many of the held-out sequences the network is better, and worse
    """

    baseline: str
    measure: str
    ours: float
    theirs: float
    is_error: bool
    better: int
    worse: int

    @property
    def outcome(self) -> str:
        """Which is better, "network" or the name of the baseline; "no clear difference" where the sign test or the
        score does not say so."""
        ahead = self.ours < self.theirs if self.is_error else self.ours > self.theirs
        if sign_test(self.better, self.worse) > LEVEL or ahead != (self.better > self.worse):
            return "no clear difference"
        return "network" if ahead else self.baseline

    def verdict(self) -> str:
        """Returns the outcome and its reasons in one sentence."""
        p = sign_test(self.better, self.worse)
        shown = f"= {p:.2g}" if p >= 0.001 else "< 0.001"
        reasons = (
            f"the network's {self.measure} is {self.ours:.4g} against {self.theirs:.4g}, better for {self.better} of"
            f" the held-out sequences and worse for {self.worse} (sign test: p {shown})"
        )
        if self.outcome == "network":
            return f"Verdict: the network is better than the best simple model ({self.baseline}): {reasons}."
        if self.outcome == self.baseline:
            return f"Verdict: a simple model is better than the network, {self.baseline}: {reasons}."
        return f"Verdict: no clear difference between the network and {self.baseline}: {reasons}."


def sign_test(better: int, worse: int) -> float:
    """Returns the probability that two equally good models differ as much as this or more, one being better for
    `better` sequences and worse for `worse`; ties are left out."""
    n, most = better + worse, max(better, worse)
    if not n:
        return 1.0
    logs = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2) for k in range(most, n + 1)
    )
    return min(1.0, 2.0 * sum(map(math.exp, logs)))
