"""One training step on dictionary weights, with a decay of the weights."""

import numpy as np


class DecayRNN:
    def __init__(self, n_in, n_hid, n_out, lr=0.001):
        self.lr = lr
        self.t = 0
        self.P = {
            "A": np.random.randn(n_hid, n_in) * 0.1,
            "B": np.random.randn(n_hid, n_hid) * 0.1,
            "C": np.random.randn(n_out, n_hid) * 0.1,
        }
        self.m = {k: np.zeros_like(v) for k, v in self.P.items()}
        self.v = {k: np.zeros_like(v) for k, v in self.P.items()}

    def forward(self, x):
        self.h = [np.zeros(len(self.P["B"]))]
        for r in x:
            self.h.append(np.tanh(self.P["A"] @ r + self.P["B"] @ self.h[-1]))
        return np.array(self.h[1:]) @ self.P["C"].T

    def train_step(self, x, y):
        o = self.forward(x)
        e = o - y
        g = {k: np.zeros_like(v) for k, v in self.P.items()}
        n = 0
        g["C"] = e.T @ np.array(self.h[1:])
        for t in reversed(range(len(x))):
            d = (self.P["C"].T @ e[t] + n) * (1 - self.h[t + 1] ** 2)
            g["A"] += np.outer(d, x[t])
            g["B"] += np.outer(d, self.h[t])
            n = self.P["B"].T @ d
        for k in g:
            g[k] = g[k] + 0.01 * self.P[k]
        for k in self.P:
            self.P[k] -= self.lr * g[k]
        return 0.5 * np.sum(e**2)
