"""Weights of the members of a combined forecast, learned from their errors in the windows of a backtest.

Weights are at least 0 and their sum is 1. Those of all series together are found by least absolute errors with a
penalty on the distance from weights that were chosen beforehand; those of each series likewise from its own windows,
drawn towards the weights of all, which count as `SHARED_ROWS` forecast rows. So a member must show in held-out rows
that it deserves more, and a short series can hardly depart from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

__all__ = ["Weights", "learned_weights", "on_simplex"]

PRIOR_STRENGTH = 8.0  # of the weights before any window; rows count as their root, since they share their times
FAVOUR, FEW_ROWS = 4.0, 100.0  # how far errors change the weights before; in so many rows they change them by half
SHARED_ROWS = 300.0  # the weights of all series count as much as so many forecast rows of a series
ROUNDS = 8  # of reweighted least squares
TINY, MOST_ROUNDS = 1e-10, 5  # ridge, relative to the errors' size; rounds of the active-set method for each member


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of K members.

    members   their names
    groups    (Q, K) which members the series of each group have, the most frequent group first
    shared    (Q, K) the weights of each group
    ids, own  the ids of series with windows of their own, and their weights (S, K)
    prior     (K,) the weights before any window
    """

    members: Annotated[tuple[str, ...], "(K,)"]
    groups: Annotated[np.ndarray, "bool (Q, K)"]
    shared: Annotated[np.ndarray, "float64 (Q, K)"]
    ids: Annotated[tuple[str, ...], "(S,)"]
    own: Annotated[np.ndarray, "float64 (S, K)"]
    prior: Annotated[np.ndarray, "float64 (K,)"]

    def validate(self) -> None:
        """Raises ValueError for weights that are none."""
        for name in ("shared", "own"):
            values = getattr(self, name)
            if not (values >= 0.0).all() or not np.allclose(values.sum(axis=1), 1.0):
                raise ValueError(f"{name}: expected weights of at least 0 whose sum is 1")
        if not (self.prior >= 0.0).all() or len(set(self.ids)) != len(self.ids):
            raise ValueError("ids: expected each once, and a prior of at least 0")

    def of(self, ids: Sequence[str], there: np.ndarray) -> np.ndarray:
        """Returns the weights (N, K) of series by their ids, of which the members `there`, bool (N, K), can forecast.

        A series without windows of its own has the weights of a group; a member that no group has was never tested, and
        has no say.
        """
        found = np.zeros(there.shape)
        place = {id: i for i, id in enumerate(self.ids)}
        for i, (id, has) in enumerate(zip(ids, there, strict=True)):
            weights = self.own[place[id]] if id in place else None
            if weights is None or (weights[~has] > 0.0).any():
                weights = self._of_group(has)
            found[i] = weights
        return found

    def _of_group(self, has: np.ndarray) -> np.ndarray:
        known = [q for q, group in enumerate(self.groups) if not (group & ~has).any()]
        if known:
            return self.shared[max(known, key=lambda q: int(self.groups[q].sum()))]
        rest = np.where(has, self.prior, 0.0)
        rest = rest if rest.sum() > 0.0 else has.astype(np.float64)
        return rest / rest.sum()


def learned_weights(
    members: Sequence[str],
    prior: np.ndarray,
    ids: Sequence[str],
    truth: np.ndarray,
    forecasts: np.ndarray,
) -> Weights:
    """Returns the weights that the windows of a backtest suggest.

    prior      (K,) weights before any window
    ids        (W,) the id of each window's series
    truth      (W, h) true values, NaN where unknown
    forecasts  (W, K, h) forecasts of each member; NaN of one that does not forecast that window
    """
    there = np.asarray(np.isfinite(forecasts).all(axis=2))
    known = np.isfinite(truth)
    errors = np.where(known[:, None], forecasts - np.where(known, truth, 0.0)[:, None], 0.0)
    names, count = np.array(ids, object).astype(str), known.sum(axis=1)
    size = np.abs(np.where(there[..., None], errors, 0.0)).sum(axis=2) / np.maximum(count, 1)[:, None]
    unit = _units(np.where(there, size, np.nan), count, names)
    used = (there.sum(axis=1) > 1) & (count > 0) & (unit > 0.0)
    groups, member_of = np.unique(there[used], axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(member_of.ravel(), minlength=len(groups)), kind="stable")
    groups = groups[order]
    shared, own = np.zeros(groups.shape), dict[str, np.ndarray]()
    for q, group in enumerate(groups):
        rows = np.flatnonzero(used)[(there[used] == group).all(axis=1)]
        scaled = errors[rows][:, group] / unit[rows, None, None]
        start = prior[group] if prior[group].sum() > 0.0 else np.ones(int(group.sum()))
        start = _favoured(start, scaled, int(count[rows].sum()))
        shared[q, group], gram = _least_absolute(scaled, start, int(count[rows].sum()))
        series, of = np.unique(names[rows], return_inverse=True)
        each = _of_each(gram, of.ravel(), np.bincount(of.ravel(), count[rows]), shared[q, group])
        for id, weights in zip(series.tolist(), each, strict=True):
            if id not in own:  # by the group of most windows first
                own[id] = np.zeros(len(members))
                own[id][group] = weights
    values = np.array(list(own.values())).reshape(-1, len(members))
    return Weights(tuple(members), groups, shared, tuple(own), values, np.asarray(prior, np.float64))


def _units(size: np.ndarray, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Returns the unit of errors in each window (W,), which is one for all windows of a series, so that its errors
    count as they are: the mean of its windows' sizes, each between the error of the best two members, which matter,
    and that of the median one, which is steadier.

    size   (W, K) mean errors of the members in so many `rows` (W,) of each window, NaN of one that does not forecast it
    """
    unit = np.zeros(len(size))
    if len(size):
        unit = np.sqrt(np.sort(size, axis=1)[:, :2].max(axis=1) * np.nanmedian(size, axis=1))
    known = np.isfinite(unit)
    rows, own = rows * known, np.unique(ids, return_inverse=True)[1].ravel()
    means = np.bincount(own, np.where(known, unit, 0.0) * rows) / np.maximum(np.bincount(own, rows), 1)
    return np.where(known, means[own], 0.0)


def _favoured(prior: np.ndarray, errors: np.ndarray, rows: int) -> np.ndarray:
    """Returns the prior (K,) in favour of members with small errors (W, K, h) in so many rows: each weight is divided
    by a power of the mean absolute error, which grows to `FAVOUR` with the number of rows."""
    size = np.abs(errors).mean(axis=(0, 2))
    size = np.maximum(size / max(float(size.min()), 1e-12), 1.0)
    weights = prior / size ** (FAVOUR * rows / (rows + FEW_ROWS))
    return weights / weights.sum()


def _least_absolute(errors: np.ndarray, prior: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights (K,) with the smallest absolute errors, drawn towards the prior (K,), and the products of
    the members' errors in each window, (W, K, K), which its last round weighed.

    errors    (W, K, h) errors of the members, in units of their series, 0 in rows that are not known
    rows      number of rows that are
    """
    weights = prior
    gram = np.zeros((len(errors), len(prior), len(prior)))
    for _ in range(ROUNDS):
        size = np.abs(np.einsum("k,wkh->wh", weights, errors))
        size = np.maximum(size, 0.1 * max(float(size.mean()), 1e-12))
        gram = np.einsum("wkh,wlh->wkl", errors / size[:, None], errors) / errors.shape[2]
        mean = gram.mean(axis=0)
        pull = PRIOR_STRENGTH / np.sqrt(max(rows, 1)) * float(_typical(mean))
        weights = on_simplex(mean[None], prior[None], np.array([pull]))[0]
    return weights, gram


def _of_each(gram: np.ndarray, of: np.ndarray, rows: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Returns the weights (S, K) of each series, which have `rows` (S,) known rows in windows with the products `gram`
    (W, K, K)."""
    sums = np.zeros((len(rows), *gram.shape[1:]))
    np.add.at(sums, of, gram)
    if len(rows) == 1:
        return shared[None]
    pull = SHARED_ROWS / np.maximum(rows, 1) * _typical(sums)
    return on_simplex(sums, np.broadcast_to(shared, (len(rows), len(shared))), pull)


def _typical(gram: np.ndarray) -> np.ndarray:
    """Returns the size of the errors that good members make, (...) of gram (..., K, K): between those of the best two,
    so that others that are far off do not hold the weights back."""
    sizes = np.sort(np.diagonal(gram, axis1=-2, axis2=-1), axis=-1)
    return np.sqrt(sizes[..., 0] * sizes[..., min(1, sizes.shape[-1] - 1)])


def on_simplex(gram: np.ndarray, centre: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Returns the weights (S, K) that minimise w G w + pull |w - centre|^2, for gram (S, K, K), by an active-set method
    (Lawson and Hanson 1974): each round solves for the weights that are not held at 0.

    A round that would make a weight negative goes as far as 0 and holds it there; else the weight whose growth from 0
    wins most is let go, until none does.
    """
    size = np.trace(gram, axis1=1, axis2=2) / gram.shape[1] + pull
    size = np.where(size > 0.0, size, 1.0)[:, None]
    total = gram / size[..., None] + (pull[:, None] / size + TINY)[..., None] * np.eye(gram.shape[1])
    wanted = (pull[:, None] / size + TINY) * centre
    found, rows = np.array(centre), np.arange(len(gram))
    weights, free = found.copy(), found > 0.0
    for _ in range(MOST_ROUNDS * gram.shape[1]):
        solved = _solved(total[rows], wanted[rows], free)
        negative = np.asarray(solved < 0.0)
        apart = np.where(negative, weights - solved, 1.0)
        share = np.where(negative, weights / apart, 1.0).min(axis=1)  # of the way that leaves none below 0
        whole = np.asarray(~negative.any(axis=1))
        weights = np.where(whole[:, None], solved, np.maximum(weights + share[:, None] * (solved - weights), 0.0))
        free &= whole[:, None] | ~negative | (weights > share[:, None] * TINY)
        slope = np.einsum("skl,sl->sk", total[rows], weights) - wanted[rows]
        level = np.where(free, slope, np.inf).min(axis=1)
        steepest = np.where(free, np.inf, slope).argmin(axis=1)
        at = np.arange(len(rows))
        wins = whole & ~free[at, steepest] & (slope[at, steepest] < level - 1e-9)
        free[at[wins], steepest[wins]] = True
        found[rows] = weights
        left = ~whole | wins
        if not left.any():
            break
        rows, weights, free = rows[left], weights[left], free[left]
    return found


def _solved(total: np.ndarray, wanted: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Returns the weights (S, K) with the sum 1 that minimise w total w - 2 wanted w, 0 where they are not free."""
    both = free[:, :, None] & free[:, None, :]
    matrix = np.where(both, total, 0.0) + np.where(free, 0.0, 1.0)[:, :, None] * np.eye(total.shape[1])
    sides = np.stack([np.where(free, wanted, 0.0), free.astype(np.float64)], axis=2)
    alone, ones = np.moveaxis(np.linalg.solve(matrix, sides), 2, 0)
    return alone + ((1.0 - alone.sum(axis=1)) / ones.sum(axis=1))[:, None] * ones
