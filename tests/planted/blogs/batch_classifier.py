"""A class for a whole sequence, in batches, with labels; a mean over the batch; Adam is elsewhere."""

import numpy as np


class SequenceClassifier:
    def __init__(self, input_dim, hidden_dim, num_classes):
        s = 1 / np.sqrt(hidden_dim)
        self.Wx = np.random.uniform(-s, s, (input_dim, hidden_dim))
        self.Wh = np.random.uniform(-s, s, (hidden_dim, hidden_dim))
        self.bias = np.zeros((1, hidden_dim))
        self.Wo = np.random.uniform(-s, s, (hidden_dim, num_classes))
        self.bo = np.zeros((1, num_classes))

    def forward(self, X):
        N, T, _ = X.shape
        self.X = X
        self.h = {-1: np.zeros((N, self.Wh.shape[0]))}
        for t in range(T):
            self.h[t] = np.tanh(X[:, t, :] @ self.Wx + self.h[t - 1] @ self.Wh + self.bias)
        logits = self.h[T - 1] @ self.Wo + self.bo
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        return self.probs

    def loss(self, probs, labels):
        return -np.mean(np.log(probs[np.arange(len(labels)), labels]))

    def backward(self, labels):
        N, T, _ = self.X.shape
        d = self.probs.copy()
        d[np.arange(N), labels] -= 1
        d /= N
        self.dWo = self.h[T - 1].T @ d
        self.dbo = d.sum(axis=0, keepdims=True)
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        self.dbias = np.zeros_like(self.bias)
        dh = d @ self.Wo.T
        for t in range(T - 1, -1, -1):
            da = dh * (1 - self.h[t] ** 2)
            self.dWx += self.X[:, t, :].T @ da
            self.dWh += self.h[t - 1].T @ da
            self.dbias += da.sum(axis=0, keepdims=True)
            dh = da @ self.Wh.T
