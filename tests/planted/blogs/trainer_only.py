"""A class that predicts and makes one training step; nothing else is public. The cell is a sigmoid."""

import numpy as np


class Predictor:
    def __init__(self, n_inputs, n_hidden, n_outputs, alpha=0.05):
        self.alpha = alpha
        self.w_in = np.random.uniform(-1, 1, (n_inputs, n_hidden))
        self.w_rec = np.random.uniform(-1, 1, (n_hidden, n_hidden))
        self.w_out = np.random.uniform(-1, 1, (n_hidden, n_outputs))

    def _run(self, sequence):
        states = [np.zeros(self.w_rec.shape[0])]
        for row in sequence:
            net = np.dot(row, self.w_in) + np.dot(states[-1], self.w_rec)
            states.append(1 / (1 + np.exp(-net)))
        return states

    def predict(self, sequence):
        return np.array([np.dot(s, self.w_out) for s in self._run(sequence)[1:]])

    def train_step(self, sequence, target):
        states = self._run(sequence)
        delta_in, delta_rec = np.zeros_like(self.w_in), np.zeros_like(self.w_rec)
        delta_out = np.zeros_like(self.w_out)
        future, cost = np.zeros(self.w_rec.shape[0]), 0.0
        for t in range(len(sequence), 0, -1):
            err = np.dot(states[t], self.w_out) - target[t - 1]
            cost += 0.5 * np.sum(err**2)
            delta_out += np.outer(states[t], err)
            grad = (np.dot(self.w_out, err) + future) * states[t] * (1 - states[t])
            delta_in += np.outer(sequence[t - 1], grad)
            delta_rec += np.outer(states[t - 1], grad)
            future = np.dot(self.w_rec, grad)
        self.w_in -= self.alpha * delta_in
        self.w_rec -= self.alpha * delta_rec
        self.w_out -= self.alpha * delta_out
        return cost
