"""Connectionist temporal classification (Graves, Fernández, Gomez and Schmidhuber 2006), in logarithms.

The numbers are those of docs/math/ctc.md. A path pi is one class a step; it becomes labels l where
repeats are merged and then blanks dropped. y are the softmax of the outputs, l' (S = 2U + 1) is l with a blank before
and behind each label, and alpha_t(s) is the probability of all first parts of paths, up to step t, that end at l'_s.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .terms import Terms

__all__ = ["ctc"]


def ctc(loss: Any, y_hat: np.ndarray, lengths: np.ndarray, y: np.ndarray, y_lengths: np.ndarray) -> Terms:
    """-log p(l | x) of every row, over its number of labels if so asked; slope y - the share of each class at each step
    in the paths of l. NaN where a label is the blank or no class, which only data that changed after its check holds.

    y_hat (B, T, O), of which a row's first lengths (B,) steps count; y (B, U), of which its first y_lengths (B,) labels
    """
    terms, slopes = np.zeros(len(y)), np.zeros_like(y_hat)
    for row, (steps, count) in enumerate(zip(lengths, y_lengths, strict=True)):
        labels = y[row, :count]
        if ((labels < 0) | (labels >= y_hat.shape[2]) | (labels == loss.blank)).any():
            terms[row] = slopes[row, :steps] = np.nan
            continue
        term, slope = one_row(y_hat[row, :steps], labels, loss.blank)
        if np.isinf(term):  # more labels, and blanks between equal ones, than steps
            term, slope = (0.0, 0.0) if loss.impossible == "zero" else (term, np.nan)
        share = max(1, count) if loss.per_label else 1
        terms[row], slopes[row, :steps] = term / share, slope / share
    return terms, slopes


def one_row(y_hat: np.ndarray, labels: np.ndarray, blank: int) -> tuple[float, np.ndarray]:
    """Returns -log p(l | x) and its derivative by y_hat (T, O). Infinity where no path of T steps gives the labels."""
    steps, extended, skips = len(y_hat), with_blanks(labels, blank), may_skip(labels)
    log_y = log_softmax(y_hat)
    emitted = log_y[:, extended]  # (T, S): log y_t(l'_s)

    # (3) alpha_t(s) = y_t(l'_s) (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [s may be reached past a blank] alpha_{t-1}(s-2))
    alpha = np.full_like(emitted, -np.inf)
    alpha[0, :2] = emitted[0, :2]
    for t in range(1, steps):
        alpha[t] = emitted[t] + sum_of_logs(alpha[t - 1], later(alpha[t - 1], 1), later(alpha[t - 1], 2, skips))
    log_p = np.logaddexp.reduce(alpha[-1, -2:])  # (4)
    if np.isneginf(log_p):
        return np.inf, np.zeros_like(y_hat)

    # (5) beta_t(s), of all last parts of paths behind step t, without the output of step t itself
    beta = np.full_like(emitted, -np.inf)
    beta[-1, -2:] = 0.0
    for t in range(steps - 2, -1, -1):
        then = emitted[t + 1] + beta[t + 1]
        beta[t] = sum_of_logs(then, earlier(then, 1), earlier(np.where(skips, then, -np.inf), 2))

    # (7) -d log p/d y_hat_t(k) = y_t(k) - the sum over s with l'_s = k of alpha_t(s) beta_t(s) / p
    slope = np.exp(log_y)
    np.subtract.at(slope.T, extended, np.exp(alpha + beta - log_p).T)
    return float(-log_p), slope


def with_blanks(labels: np.ndarray, blank: int) -> np.ndarray:
    """Returns l' (2U + 1,): the labels with a blank before, between and behind them."""
    extended = np.full(2 * len(labels) + 1, blank)
    extended[1::2] = labels
    return extended


def may_skip(labels: np.ndarray) -> np.ndarray:
    """Returns for each place of l' whether a path may come to it past the blank before it: at a label unlike the last
    one."""
    skips = np.zeros(2 * len(labels) + 1, bool)
    skips[3::2] = labels[1:] != labels[:-1]
    return skips


def log_softmax(y_hat: np.ndarray) -> np.ndarray:
    shifted = y_hat - y_hat.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sum_of_logs(*terms: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(terms, axis=0)


def later(a: np.ndarray, places: int, where: np.ndarray | bool = True) -> np.ndarray:
    """Returns a moved `places` places up where that is allowed, with log 0 everywhere else."""
    moved = np.full_like(a, -np.inf)
    moved[places:] = a[:-places]
    return np.where(where, moved, -np.inf)


def earlier(a: np.ndarray, places: int) -> np.ndarray:
    """Returns a moved `places` places down, with log 0 behind it."""
    return later(a[::-1], places)[::-1]
