"""A binary answer at every step: a sigmoid output with binary cross-entropy; rows; loss and gradients in one."""

import numpy as np


class SwitchRNN:
    def __init__(self, n_features, n_units, n_outputs):
        self.A = np.random.randn(n_features, n_units) * 0.2
        self.B = np.random.randn(n_units, n_units) * 0.2
        self.C = np.random.randn(n_units, n_outputs) * 0.2

    def forward(self, X):
        H = np.zeros((len(X) + 1, self.B.shape[0]))
        for t in range(len(X)):
            H[t] = np.tanh(X[t] @ self.A + H[t - 1] @ self.B)
        return 1 / (1 + np.exp(-H[:-1] @ self.C)), H

    def loss_and_gradients(self, X, Y):
        P, H = self.forward(X)
        loss = -np.sum(Y * np.log(P) + (1 - Y) * np.log(1 - P))
        dZ = P - Y
        dC = H[:-1].T @ dZ
        dA, dB = np.zeros_like(self.A), np.zeros_like(self.B)
        dh = np.zeros(self.B.shape[0])
        for t in reversed(range(len(X))):
            delta = (self.C @ dZ[t] + dh) * (1 - H[t] ** 2)
            dA += np.outer(X[t], delta)
            dB += np.outer(H[t - 1], delta)
            dh = self.B @ delta
        return loss, {"A": dA, "B": dB, "C": dC}
