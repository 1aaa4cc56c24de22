"""The error as target - output, added to the weights; sigmoids in both layers."""

import numpy as np


class RNN:
    def __init__(self, input_dim, hidden_dim, output_dim, learning_rate=0.1):
        self.W_ih = np.random.randn(input_dim, hidden_dim) * 0.1
        self.W_hh = np.random.randn(hidden_dim, hidden_dim) * 0.1
        self.W_ho = np.random.randn(hidden_dim, output_dim) * 0.1
        self.learning_rate = learning_rate

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def forward(self, X):
        self.layer_1 = [np.zeros(self.W_hh.shape[0])]
        self.layer_2 = []
        for x in X:
            self.layer_1.append(self.sigmoid(x @ self.W_ih + self.layer_1[-1] @ self.W_hh))
            self.layer_2.append(self.sigmoid(self.layer_1[-1] @ self.W_ho))
        return np.array(self.layer_2)

    def backward(self, X, y):
        f = np.zeros(self.W_hh.shape[0])
        a, b, c = np.zeros_like(self.W_ih), np.zeros_like(self.W_hh), np.zeros_like(self.W_ho)
        for t in range(len(X) - 1, -1, -1):
            out = self.layer_2[t]
            delta2 = (y[t] - out) * out * (1 - out)
            c += np.outer(self.layer_1[t + 1], delta2)
            delta1 = (f @ self.W_hh.T + delta2 @ self.W_ho.T) * self.layer_1[t + 1] * (1 - self.layer_1[t + 1])
            b += np.outer(self.layer_1[t], delta1)
            a += np.outer(X[t], delta1)
            f = delta1
        self.W_ih += a * self.learning_rate
        self.W_hh += b * self.learning_rate
        self.W_ho += c * self.learning_rate
