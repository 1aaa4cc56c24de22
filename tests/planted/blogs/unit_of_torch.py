"""A GRU cell in PyTorch's form: stacked gates, two biases, the reset gate after the product."""

import numpy as np


class GRUCell:
    def __init__(self, input_size, hidden_size):
        r = lambda *s: np.random.randn(*s) * 0.1
        self.W_ih = r(3 * hidden_size, input_size)
        self.W_hh = r(3 * hidden_size, hidden_size)
        self.b_ih = np.zeros(3 * hidden_size)
        self.b_hh = np.zeros(3 * hidden_size)
        self.hs = hidden_size

    def forward(self, x, h):
        H = self.hs
        gi = self.W_ih @ x + self.b_ih
        gh = self.W_hh @ h + self.b_hh
        s = lambda z: 1 / (1 + np.exp(-z))
        r = s(gi[:H] + gh[:H])
        z = s(gi[H : 2 * H] + gh[H : 2 * H])
        n = np.tanh(gi[2 * H :] + r * gh[2 * H :])
        self.cache = (x, h, r, z, n, gh[2 * H :])
        return (1 - z) * n + z * h

    def backward(self, dh):
        x, h, r, z, n, hn = self.cache
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (h - n) * z * (1 - z)
        dr = dn * hn * r * (1 - r)
        gi = np.concatenate([dr, dz, dn])
        gh = np.concatenate([dr, dz, dn * r])
        self.dW_ih = np.outer(gi, x)
        self.dW_hh = np.outer(gh, h)
        self.db_ih = gi
        self.db_hh = gh
        return self.W_ih.T @ gi, self.W_hh.T @ gh + dh * z
