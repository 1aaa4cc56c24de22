"""A GRU with a linear output, squared errors, one update for each sequence."""

import numpy as np


def sigm(z):
    return 1 / (1 + np.exp(-z))


class GRUNet:
    def __init__(self, input_dim, hidden_dim, output_dim):
        self.hidden_dim = hidden_dim
        for gate in "zrh":
            setattr(self, "W" + gate, np.random.randn(hidden_dim, input_dim) * 0.1)
            setattr(self, "U" + gate, np.random.randn(hidden_dim, hidden_dim) * 0.1)
            setattr(self, "b" + gate, np.zeros(hidden_dim))
        self.V = np.random.randn(output_dim, hidden_dim) * 0.1
        self.c = np.zeros(output_dim)

    def forward(self, x):
        h = np.zeros(self.hidden_dim)
        self.memory, out = [], []
        for xt in x:
            z = sigm(self.Wz @ xt + self.Uz @ h + self.bz)
            r = sigm(self.Wr @ xt + self.Ur @ h + self.br)
            n = np.tanh(self.Wh @ xt + self.Uh @ (r * h) + self.bh)
            new = (1 - z) * h + z * n
            self.memory.append((xt, h, z, r, n, new))
            h = new
            out.append(self.V @ h + self.c)
        return np.array(out)

    def backward(self, x, y, lr):
        out = self.forward(x)
        g = {k: np.zeros_like(v) for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        dh = np.zeros(self.hidden_dim)
        for t in reversed(range(len(x))):
            xt, h, z, r, n, new = self.memory[t]
            e = out[t] - y[t]
            g["V"] += np.outer(e, new)
            g["c"] += e
            dh = dh + self.V.T @ e
            dz = dh * (n - h) * z * (1 - z)
            dn = dh * z * (1 - n * n)
            back = self.Uh.T @ dn
            dr = back * h * r * (1 - r)
            for gate, d, before in (("z", dz, h), ("r", dr, h), ("h", dn, r * h)):
                g["W" + gate] += np.outer(d, xt)
                g["U" + gate] += np.outer(d, before)
                g["b" + gate] += d
            dh = dh * (1 - z) + back * r + self.Uz.T @ dz + self.Ur.T @ dr
        for k, v in g.items():
            setattr(self, k, getattr(self, k) - lr * v)
        return 0.5 * np.sum((out - y) ** 2)
