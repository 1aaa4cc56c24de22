"""An LSTM layer of one sequence, gradients in a dictionary that it keeps; helpers for derivatives of values."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dsigmoid(y):
    return y * (1 - y)


def dtanh(y):
    return 1 - y * y


class LSTMLayer:
    def __init__(self, input_size, hidden_size):
        z = input_size + hidden_size
        k = 1 / np.sqrt(z)
        self.Wf, self.Wi, self.Wc, self.Wo = [np.random.uniform(-k, k, (hidden_size, z)) for _ in range(4)]
        self.bf, self.bi, self.bc, self.bo = [np.zeros(hidden_size) for _ in range(4)]
        self.hidden_size = hidden_size

    def forward(self, X):
        h = np.zeros(self.hidden_size)
        c = np.zeros(self.hidden_size)
        self.cache = []
        H = []
        for x in X:
            z = np.concatenate([h, x])
            f = sigmoid(self.Wf @ z + self.bf)
            i = sigmoid(self.Wi @ z + self.bi)
            g = np.tanh(self.Wc @ z + self.bc)
            o = sigmoid(self.Wo @ z + self.bo)
            cp = c
            c = f * cp + i * g
            h = o * np.tanh(c)
            self.cache.append((z, f, i, g, o, cp, c))
            H.append(h)
        return np.array(H)

    def backward(self, dH):
        g_ = {n: 0 for n in ("Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo")}
        dh_next = np.zeros(self.hidden_size)
        dc_next = np.zeros(self.hidden_size)
        dX = []
        for t in reversed(range(len(self.cache))):
            z, f, i, g, o, cp, c = self.cache[t]
            dh = dH[t] + dh_next
            tc = np.tanh(c)
            dc = dc_next + dh * o * dtanh(tc)
            dof = dh * tc * dsigmoid(o)
            dff = dc * cp * dsigmoid(f)
            dif = dc * g * dsigmoid(i)
            dgf = dc * i * dtanh(g)
            for n, d in (("f", dff), ("i", dif), ("c", dgf), ("o", dof)):
                g_["W" + n] = g_["W" + n] + np.outer(d, z)
                g_["b" + n] = g_["b" + n] + d
            dz = self.Wf.T @ dff + self.Wi.T @ dif + self.Wc.T @ dgf + self.Wo.T @ dof
            dh_next = dz[: self.hidden_size]
            dX.append(dz[self.hidden_size :])
            dc_next = dc * f
        self.grads = g_
        return np.array(dX[::-1])
