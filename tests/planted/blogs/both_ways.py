"""A bidirectional network, no known cell: its gradients are compared all the same."""

import numpy as np


class BiRNN:
    def __init__(self, n_in, n_hid, n_out):
        r = lambda *s: np.random.randn(*s) * 0.1
        self.Wf, self.Uf, self.Wb, self.Ub, self.V = (
            r(n_hid, n_in),
            r(n_hid, n_hid),
            r(n_hid, n_in),
            r(n_hid, n_hid),
            r(n_out, 2 * n_hid),
        )

    def run(self, W, U, x):
        h = [np.zeros(len(U))]
        for v in x:
            h.append(np.tanh(W @ v + U @ h[-1]))
        return h

    def forward(self, x):
        self.x = x
        self.f = self.run(self.Wf, self.Uf, x)
        self.b = self.run(self.Wb, self.Ub, x[::-1])
        self.c = np.hstack([np.array(self.f[1:]), np.array(self.b[1:])[::-1]])
        return self.c @ self.V.T

    def back(self, W, U, x, h, d):
        dW, dU, n = np.zeros_like(W), np.zeros_like(U), 0
        for t in reversed(range(len(x))):
            z = (d[t] + n) * (1 - h[t + 1] ** 2)
            dW += np.outer(z, x[t])
            dU += np.outer(z, h[t])
            n = U.T @ z
        return dW, dU

    def backward(self, dy):
        H = len(self.Uf)
        dc = dy @ self.V
        dV = dy.T @ self.c
        dWf, dUf = self.back(self.Wf, self.Uf, self.x, self.f, dc[:, :H])
        dWb, dUb = self.back(self.Wb, self.Ub, self.x[::-1], self.b, dc[::-1, H:])
        return {"Wf": dWf, "Uf": dUf, "Wb": dWb, "Ub": dUb, "V": dV}
