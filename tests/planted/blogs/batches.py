"""Batches of sequences through one class; backward is given the outputs' gradient and keeps its own."""

import numpy as np


class BatchRNN:
    def __init__(self, n_in, n_hidden, n_out, seed=0):
        rng = np.random.default_rng(seed)
        self.p = {
            "Wx": rng.normal(0, 0.1, (n_in, n_hidden)),
            "Wh": rng.normal(0, 0.1, (n_hidden, n_hidden)),
            "bh": np.zeros(n_hidden),
            "Wy": rng.normal(0, 0.1, (n_hidden, n_out)),
            "by": np.zeros(n_out),
        }
        self.grads = {}

    def forward(self, X):
        B, T, _ = X.shape
        H = self.p["Wh"].shape[0]
        h = np.zeros((B, T + 1, H))
        for t in range(T):
            h[:, t] = np.tanh(X[:, t] @ self.p["Wx"] + h[:, t - 1] @ self.p["Wh"] + self.p["bh"])
        self.X, self.h = X, h
        return h[:, :T] @ self.p["Wy"] + self.p["by"]

    def mse(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def backward(self, dY):
        B, T, _ = self.X.shape
        g = {k: np.zeros_like(v) for k, v in self.p.items()}
        dh_next = np.zeros_like(self.h[:, 0])
        for t in range(T - 1, -1, -1):
            g["Wy"] += self.h[:, t].T @ dY[:, t]
            g["by"] += dY[:, t].sum(axis=0)
            dh = dY[:, t] @ self.p["Wy"].T + dh_next
            dz = dh * (1 - self.h[:, t] ** 2)
            g["Wx"] += self.X[:, t].T @ dz
            g["Wh"] += self.h[:, t - 1].T @ dz
            g["bh"] += dz.sum(axis=0)
            dh_next = dz @ self.p["Wh"].T
        self.grads = g

    def step(self, lr):
        for k in self.p:
            self.p[k] -= lr * self.grads[k]
