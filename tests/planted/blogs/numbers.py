"""A series of plain numbers: one input, one output, only the hidden size is asked for."""

import numpy as np


class SeriesRNN:
    def __init__(self, hidden_size, lr=0.01):
        self.lr = lr
        self.w = np.random.randn(hidden_size) * 0.3
        self.r = np.random.randn(hidden_size, hidden_size) * 0.3
        self.b = np.zeros(hidden_size)
        self.v = np.random.randn(hidden_size) * 0.3
        self.a = 0.0 + np.zeros(1)

    def forward(self, seq):
        h = np.zeros_like(self.b)
        self.hist, out = [h], []
        for value in seq:
            h = np.tanh(self.w * value + self.r @ h + self.b)
            self.hist.append(h)
            out.append(float(self.v @ h + self.a[0]))
        return out

    def backward(self, seq, targets, preds):
        gw, gr, gb, gv, ga = (np.zeros_like(p) for p in (self.w, self.r, self.b, self.v, self.a))
        carry = np.zeros_like(self.b)
        for t in reversed(range(len(seq))):
            e = preds[t] - targets[t]
            gv += e * self.hist[t + 1]
            ga += e
            d = (e * self.v + carry) * (1 - self.hist[t + 1] ** 2)
            gw += d * seq[t]
            gr += np.outer(d, self.hist[t])
            gb += d
            carry = self.r.T @ d
        self.w -= self.lr * gw
        self.r -= self.lr * gr
        self.b -= self.lr * gb
        self.v -= self.lr * gv
        self.a -= self.lr * ga
