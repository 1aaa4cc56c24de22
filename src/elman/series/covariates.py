"""What is known beside the values of one series: past and known-future covariates, and static features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

__all__ = ["Covariates", "forward_filled"]


@dataclass(frozen=True, eq=False)
class Covariates:
    """The covariates of one series of n rows.

    past     (n, P) float64, known up to the last row; never used for rows after it
    future   (n + m, K) float64, known m rows ahead of the last row too
    static   one number or word for each static feature
    """

    past: Annotated[np.ndarray, "float64 (n, P)"]
    future: Annotated[np.ndarray, "float64 (m, K)"]
    static: Annotated[tuple[float | str, ...], "(S,)"] = ()
    past_names: Annotated[tuple[str, ...], "(P,)"] = ()
    future_names: Annotated[tuple[str, ...], "(K,)"] = ()
    static_names: Annotated[tuple[str, ...], "(S,)"] = ()

    def validate_rows(self, n: int) -> None:
        """Raises ValueError where these are not the covariates of a series of n rows."""
        for name, array in (("past", self.past), ("future", self.future)):
            if not np.isfinite(array).all():
                raise ValueError(f"covariates.{name}: expected finite numbers")
        if len(self.past) != n:
            raise ValueError(f"covariates.past: expected {n} rows, as the series has, got {len(self.past)}")
        known = len(self.future)
        if (known < n) if self.future_names else (known > n):
            raise ValueError(f"covariates.future: expected covariates for all of {n} rows, got {known}")

    def head(self, rows: int) -> Covariates:
        """Returns what is known after the first `rows` rows; all rows of `future` are."""
        return replace(self, past=self.past[:rows])

    def extended(self, newer: Covariates) -> Covariates:
        """Returns the covariates with the rows of `newer` after the last row of `past`."""
        n = len(self.past)
        return replace(
            self, past=np.concatenate([self.past, newer.past]), future=np.concatenate([self.future[:n], newer.future])
        )


def forward_filled(columns: np.ndarray, steps: np.ndarray | None, total: int) -> np.ndarray:
    """Returns columns (n, K) on every step (total, K), each NaN replaced by the last value before, else by the first.

    steps   how many steps each row (n,) is from the first; None: no step is left out
    """
    whole = np.empty((total, columns.shape[1]))
    for k, column in enumerate(columns.T):
        known = np.flatnonzero(~np.isnan(column))
        there = known if steps is None else steps[known]
        at = np.searchsorted(there, np.arange(total), "right") - 1
        whole[:, k] = column[known[np.maximum(at, 0)]]
    return whole
