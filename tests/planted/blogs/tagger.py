"""Class labels for every step; the forward pass takes the state, and the class keeps what it needs."""

import numpy as np


class Tagger:
    def __init__(self, vocab_size, hidden_size, num_classes):
        self.E = np.random.randn(hidden_size, vocab_size) * 0.1
        self.R = np.random.randn(hidden_size, hidden_size) * 0.1
        self.O = np.random.randn(num_classes, hidden_size) * 0.1
        self.b = np.zeros((hidden_size, 1))
        self.d = np.zeros((num_classes, 1))
        self.hidden_size = hidden_size

    def forward(self, inputs, hprev):
        self.inputs = inputs
        self.hs = [hprev]
        self.ps = []
        for idx in inputs:
            a = self.E[:, [idx]] + self.R @ self.hs[-1] + self.b
            self.hs.append(np.tanh(a))
            s = self.O @ self.hs[-1] + self.d
            e = np.exp(s - s.max())
            self.ps.append(e / e.sum())
        return self.ps, self.hs[-1]

    def cross_entropy(self, targets):
        return -sum(np.log(self.ps[t][k, 0]) for t, k in enumerate(targets))

    def backward(self, targets):
        gE, gR, gO = np.zeros_like(self.E), np.zeros_like(self.R), np.zeros_like(self.O)
        gb, gd = np.zeros_like(self.b), np.zeros_like(self.d)
        later = np.zeros((self.hidden_size, 1))
        for t in range(len(targets) - 1, -1, -1):
            q = self.ps[t].copy()
            q[targets[t]] -= 1
            gO += q @ self.hs[t + 1].T
            gd += q
            a = (self.O.T @ q + later) * (1 - self.hs[t + 1] ** 2)
            gE[:, [self.inputs[t]]] += a
            gR += a @ self.hs[t].T
            gb += a
            later = self.R.T @ a
        return gE, gR, gO, gb, gd
