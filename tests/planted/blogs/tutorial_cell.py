"""One simple cell: x and h go in, h_next comes out; backward returns five gradients."""

import numpy as np


class Cell:
    def __init__(self, input_size, hidden_size):
        self.W = np.random.randn(hidden_size, input_size)
        self.U = np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros((hidden_size, 1))

    def forward(self, x, h):
        return np.tanh(np.dot(self.W, x) + np.dot(self.U, h) + self.b)

    def backward(self, x, h, dh_next):
        h_next = self.forward(x, h)
        da = dh_next * (1 - h_next**2)
        dW = np.dot(da, x.T)
        dU = np.dot(da, h.T)
        db = da
        dx = np.dot(self.W.T, da)
        dh = np.dot(self.U.T, da)
        return dx, dh, dW, dU, db
