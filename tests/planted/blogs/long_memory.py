"""An LSTM over characters, gates on the joined [h, x]; everything is kept in lists."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class LSTM:
    def __init__(self, vocab_size, hidden_size, learning_rate=0.1):
        self.V, self.H, self.lr = vocab_size, hidden_size, learning_rate
        z = vocab_size + hidden_size
        self.params = {}
        for name in ("Wf", "Wi", "Wc", "Wo"):
            self.params[name] = np.random.randn(hidden_size, z) * 0.1
        for name in ("bf", "bi", "bc", "bo"):
            self.params[name] = np.zeros((hidden_size, 1))
        self.params["Wy"] = np.random.randn(vocab_size, hidden_size) * 0.1
        self.params["by"] = np.zeros((vocab_size, 1))

    def forward(self, inputs):
        p = self.params
        h, c = np.zeros((self.H, 1)), np.zeros((self.H, 1))
        self.steps, probs = [], []
        for ix in inputs:
            x = np.zeros((self.V, 1))
            x[ix] = 1
            z = np.vstack((h, x))
            f = sigmoid(p["Wf"] @ z + p["bf"])
            i = sigmoid(p["Wi"] @ z + p["bi"])
            c_bar = np.tanh(p["Wc"] @ z + p["bc"])
            o = sigmoid(p["Wo"] @ z + p["bo"])
            c_prev = c
            c = f * c_prev + i * c_bar
            h = o * np.tanh(c)
            v = p["Wy"] @ h + p["by"]
            probs.append(np.exp(v) / np.sum(np.exp(v)))
            self.steps.append((z, f, i, c_bar, o, c_prev, c, h))
        return probs

    def backward(self, probs, targets):
        p = self.params
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        dh_next, dc_next = np.zeros((self.H, 1)), np.zeros((self.H, 1))
        for t in reversed(range(len(targets))):
            z, f, i, c_bar, o, c_prev, c, h = self.steps[t]
            dv = np.copy(probs[t])
            dv[targets[t]] -= 1
            grads["Wy"] += dv @ h.T
            grads["by"] += dv
            dh = p["Wy"].T @ dv + dh_next
            do = dh * np.tanh(c)
            da_o = o * (1 - o) * do
            dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
            dc_bar = dc * i
            da_c = dc_bar * (1 - c_bar**2)
            di = dc * c_bar
            da_i = di * i * (1 - i)
            df = dc * c_prev
            da_f = df * f * (1 - f)
            for name, da in (("f", da_f), ("i", da_i), ("c", da_c), ("o", da_o)):
                grads["W" + name] += da @ z.T
                grads["b" + name] += da
            dz = p["Wf"].T @ da_f + p["Wi"].T @ da_i + p["Wc"].T @ da_c + p["Wo"].T @ da_o
            dh_next = dz[: self.H]
            dc_next = f * dc
        return grads
