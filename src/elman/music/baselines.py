"""Baselines: what a network's score is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from elman.music.keyboard import KEYS

__all__ = ["Score", "baselines", "nll", "score_of"]

PRIOR = 0.5  # added to the counts of a key's being on and off, so that nothing is impossible


class Score(NamedTuple):
    """How well pieces were predicted.

    nll             negative log-likelihood a step, in nats, over all steps of all pieces but the first of each, which
                    nothing comes before: the convention of Bai et al. (2018)
    nll_with_first  the same with the first steps
    nll_by_piece    the mean over pieces of each piece's own mean, without first steps
    steps           steps scored, without first ones;  pieces  number of pieces
    """

    nll: float
    nll_with_first: float
    nll_by_piece: float
    steps: int
    pieces: int


def nll(keys: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Returns the negative log-likelihood of each step (T,), in nats, of keys (T, 88) by their probabilities."""
    right = np.where(keys, chances, 1.0 - chances)
    return -np.log(np.maximum(right, np.finfo(np.float64).tiny)).sum(axis=1)


def score_of(losses: Iterable[np.ndarray]) -> Score:
    """Returns the score of pieces by the losses of their steps, each (T,)."""
    listed = list(losses)
    later = [each[1:] for each in listed if len(each) > 1]
    if not later:
        raise ValueError("pieces: expected one of at least two steps, since the first is not scored")
    whole = np.concatenate(later)
    by_piece = float(np.mean([each.mean() for each in later]))
    return Score(float(whole.mean()), float(np.concatenate(listed).mean()), by_piece, len(whole), len(listed))


def baselines(learned: Iterable[np.ndarray], pieces: Iterable[np.ndarray]) -> Mapping[str, Score]:
    """Returns the scores of two baselines on pieces, by counts in those `learned` from.

    key frequency        each key sounds as often as it did, whatever came before
    last chord repeated  each key goes on, or begins, as often as it did after a step with it, or without
    """
    counts = np.full((2, 2, KEYS), PRIOR)  # whether it sounded before, whether it sounds, key
    for keys in learned:
        for before in (0, 1):
            follows = keys[:-1] == bool(before)
            counts[before, 1] += (keys[1:] & follows).sum(axis=0)
            counts[before, 0] += (~keys[1:] & follows).sum(axis=0)
    often = counts[:, 1].sum(axis=0) / counts.sum(axis=(0, 1))
    # a key that seldom sounds goes on as keys do on the whole
    goes_on = counts[1, 1].sum() / counts[1].sum()
    stays = (counts[1, 1] + goes_on) / (counts[1].sum(axis=0) + 1.0)
    begins = counts[0, 1] / counts[0].sum(axis=0)
    found: dict[str, list[np.ndarray]] = {"key frequency": [], "last chord repeated": []}
    for keys in pieces:
        found["key frequency"].append(nll(keys, np.broadcast_to(often, keys.shape)))
        before = np.concatenate([np.zeros((1, KEYS), bool), keys[:-1]])
        found["last chord repeated"].append(nll(keys, np.where(before, stays, begins)))
    return {name: score_of(losses) for name, losses in found.items()}
