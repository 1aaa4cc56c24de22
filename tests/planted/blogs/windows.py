"""Windows of a series in a batch, one answer each; only predict and fit are public."""

import numpy as np


class WindowRNN:
    def __init__(self, n_hidden=16, lr=0.01, n_features=1):
        self.lr = lr
        self.Wx = np.random.randn(n_features, n_hidden) * 0.1
        self.Wh = np.random.randn(n_hidden, n_hidden) * 0.1
        self.b = np.zeros(n_hidden)
        self.Wy = np.random.randn(n_hidden, 1) * 0.1
        self.by = np.zeros(1)

    def predict(self, X):
        h = np.zeros((X.shape[0], self.Wh.shape[0]))
        self.hs = [h]
        for t in range(X.shape[1]):
            h = np.tanh(X[:, t] @ self.Wx + h @ self.Wh + self.b)
            self.hs.append(h)
        return h @ self.Wy + self.by

    def fit(self, X, y, epochs=100):
        losses = []
        for _ in range(epochs):
            p = self.predict(X)
            e = p - y
            losses.append(np.mean(e**2))
            g = 2 * e / len(X)
            dWy = self.hs[-1].T @ g
            dby = g.sum(0)
            dh = g @ self.Wy.T
            dWx = np.zeros_like(self.Wx)
            dWh = np.zeros_like(self.Wh)
            db = np.zeros_like(self.b)
            for t in reversed(range(X.shape[1])):
                dz = dh * (1 - self.hs[t + 1] ** 2)
                dWx += X[:, t].T @ dz
                dWh += self.hs[t].T @ dz
                db += dz.sum(0)
                dh = dz @ self.Wh.T
            self.Wx -= self.lr * dWx
            self.Wh -= self.lr * dWh
            self.b -= self.lr * db
            self.Wy -= self.lr * dWy
            self.by -= self.lr * dby
        return losses
