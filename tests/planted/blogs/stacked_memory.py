"""An LSTM with one matrix for all gates on [x, h], and caches in a list."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class LSTM:
    def __init__(self, input_size, hidden_size, output_size):
        self.H = hidden_size
        self.W = np.random.randn(4 * hidden_size, input_size + hidden_size) * 0.1
        self.b = np.zeros((4 * hidden_size, 1))
        self.Wy = np.random.randn(output_size, hidden_size) * 0.1
        self.by = np.zeros((output_size, 1))

    def step(self, x, h, c):
        z = np.vstack([x, h])
        a = self.W @ z + self.b
        H = self.H
        f = sigmoid(a[:H])
        i = sigmoid(a[H : 2 * H])
        g = np.tanh(a[2 * H : 3 * H])
        o = sigmoid(a[3 * H :])
        c2 = f * c + i * g
        h2 = o * np.tanh(c2)
        return h2, c2, (z, f, i, g, o, c, c2)

    def forward(self, xs):
        h = np.zeros((self.H, 1))
        c = np.zeros((self.H, 1))
        caches = []
        ys = []
        hs = []
        for x in xs:
            h, c, k = self.step(x, h, c)
            caches.append(k)
            hs.append(h)
            ys.append(self.Wy @ h + self.by)
        return ys, (hs, caches)

    def backward(self, ys, targets, cache):
        hs, caches = cache
        dW = np.zeros_like(self.W)
        db = np.zeros_like(self.b)
        dWy = np.zeros_like(self.Wy)
        dby = np.zeros_like(self.by)
        dh = np.zeros((self.H, 1))
        dc = np.zeros((self.H, 1))
        for t in range(len(ys) - 1, -1, -1):
            z, f, i, g, o, cp, c = caches[t]
            dy = ys[t] - targets[t]
            dWy += dy @ hs[t].T
            dby += dy
            dh = dh + self.Wy.T @ dy
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            da = np.vstack(
                [dc * cp * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g * g), dh * np.tanh(c) * o * (1 - o)]
            )
            dW += da @ z.T
            db += da
            dz = self.W.T @ da
            dh = dz[-self.H :]
            dc = dc * f
        return {"dW": dW, "db": db, "dWy": dWy, "dby": dby}
