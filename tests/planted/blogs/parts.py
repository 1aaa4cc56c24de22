"""A model that is made of layers, each with gradients of its own; steps come first, (T, B, D)."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out) * 0.1
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW = self.x.reshape(-1, self.x.shape[-1]).T @ d.reshape(-1, d.shape[-1])
        self.db = d.reshape(-1, d.shape[-1]).sum(0)
        return d @ self.W.T


class Recurrent:
    def __init__(self, n_in, n_h):
        self.Wx = np.random.randn(n_in, n_h) * 0.1
        self.Wh = np.random.randn(n_h, n_h) * 0.1
        self.b = np.zeros(n_h)

    def forward(self, x):
        T, B, _ = x.shape
        self.x = x
        self.h = np.zeros((T + 1, B, len(self.b)))
        for t in range(T):
            self.h[t + 1] = np.tanh(x[t] @ self.Wx + self.h[t] @ self.Wh + self.b)
        return self.h[1:]

    def backward(self, d):
        self.dWx = np.zeros_like(self.Wx)
        self.dWh = np.zeros_like(self.Wh)
        self.db = np.zeros_like(self.b)
        n = np.zeros_like(d[0])
        dx = np.zeros_like(self.x)
        for t in reversed(range(len(d))):
            a = (d[t] + n) * (1 - self.h[t + 1] ** 2)
            self.dWx += self.x[t].T @ a
            self.dWh += self.h[t].T @ a
            self.db += a.sum(0)
            n = a @ self.Wh.T
            dx[t] = a @ self.Wx.T
        return dx


class Model:
    def __init__(self, input_size, hidden_size, output_size):
        self.rnn = Recurrent(input_size, hidden_size)
        self.out = Dense(hidden_size, output_size)

    def forward(self, x):
        return self.out.forward(self.rnn.forward(x))

    def backward(self, dy):
        return self.rnn.backward(self.out.backward(dy))
