"""Two functions whose weights are arguments; gradients come back as a tuple."""

import numpy as np


def init_weights(n_in, n_hidden, n_out):
    Wxh = np.random.randn(n_hidden, n_in) * 0.1
    Whh = np.random.randn(n_hidden, n_hidden) * 0.1
    Why = np.random.randn(n_out, n_hidden) * 0.1
    bh = np.zeros(n_hidden)
    by = np.zeros(n_out)
    return Wxh, Whh, Why, bh, by


def forward(x, Wxh, Whh, Why, bh, by):
    T = len(x)
    hs = np.zeros((T + 1, len(Whh)))
    ys = np.zeros((T, len(Why)))
    for t in range(T):
        hs[t + 1] = np.tanh(Wxh @ x[t] + Whh @ hs[t] + bh)
        ys[t] = Why @ hs[t + 1] + by
    return ys, hs


def loss(ys, targets):
    return np.mean(np.sum((ys - targets) ** 2, axis=1))


def backward(x, targets, ys, hs, Wxh, Whh, Why, bh, by):
    T = len(x)
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dh_next = np.zeros_like(bh)
    for t in reversed(range(T)):
        dy = 2 * (ys[t] - targets[t]) / T
        dWhy += np.outer(dy, hs[t + 1])
        dby += dy
        da = (Why.T @ dy + dh_next) * (1 - hs[t + 1] ** 2)
        dWxh += np.outer(da, x[t])
        dWhh += np.outer(da, hs[t])
        dbh += da
        dh_next = Whh.T @ da
    return dWxh, dWhh, dWhy, dbh, dby
