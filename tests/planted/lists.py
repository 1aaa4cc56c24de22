"""Classes in the shape of source C: lists of column vectors; backward(inputs, targets, outputs, hidden_states)."""

import numpy as np


class Right:
    def __init__(self, input_size, hidden_size, output_size, learning_rate=0.001):
        self.learning_rate = learning_rate
        self.Wxh = 0.01 * np.random.randn(hidden_size, input_size)
        self.Whh = 0.01 * np.random.randn(hidden_size, hidden_size)
        self.Why = 0.01 * np.random.randn(output_size, hidden_size)
        self.bh = np.zeros((hidden_size, 1))
        self.by = np.zeros((output_size, 1))

    def forward(self, inputs):
        h, outputs, states = np.zeros_like(self.bh), [], []
        for column in inputs:
            h = np.tanh(np.dot(self.Wxh, column) + np.dot(self.Whh, h) + self.bh)
            states.append(h)
            outputs.append(np.dot(self.Why, h) + self.by)
        return outputs, states

    def error(self, y_hat, y, steps):
        return y_hat - y

    def slope(self, h, h_prev):
        return 1 - h**2

    def back(self, da):
        return self.Whh.T @ da

    def clip(self, gradients):
        return [np.clip(g, -1, 1) for g in gradients]

    def backward(self, inputs, targets, outputs, hidden_states):
        weights = (self.Wxh, self.Whh, self.Why, self.bh, self.by)
        totals, dh_next = [np.zeros_like(w) for w in weights], np.zeros_like(self.bh)
        for t in reversed(range(len(inputs))):
            h = hidden_states[t]
            h_prev = hidden_states[t - 1] if t else np.zeros_like(h)
            dy = self.error(outputs[t], targets[t], len(inputs))
            da = (self.Why.T @ dy + dh_next) * self.slope(h, h_prev)
            for total, step in zip(totals, (da @ inputs[t].T, da @ h_prev.T, dy @ h.T, da, dy)):
                total += step
            dh_next = self.back(da)
            self.inside(totals)
        for weight, gradient in zip(weights, self.clip(totals)):
            weight -= self.learning_rate * gradient

    def inside(self, totals):
        pass


class RightText(Right):
    """The text's gradient, and its clipping by the norm."""

    def error(self, y_hat, y, steps):
        return 2 / steps * (y_hat - y)

    def clip(self, gradients):
        norm = np.sqrt(sum((g**2).sum() for g in gradients))
        return [g * min(1, 5 / norm) for g in gradients]


class FactorTwo(Right):
    def error(self, y_hat, y, steps):
        return 2 * (y_hat - y)


class MeanForSum(Right):
    def error(self, y_hat, y, steps):
        return (y_hat - y) / steps


class MissingSlope(Right):
    def slope(self, h, h_prev):
        return 1


class SlopeAtPrevious(Right):
    def slope(self, h, h_prev):
        return 1 - np.tanh(h_prev) ** 2


class Untransposed(Right):
    def back(self, da):
        return self.Whh @ da


class DroppedDh(Right):
    def back(self, da):
        return 0 * da


class MissingSlopeText(RightText):
    def slope(self, h, h_prev):
        return 1


class UpdatedBeforeUse(Right):
    """Each step takes its share off the output weights at once, though the steps before still need them."""

    def inside(self, totals):
        for weight, gradient in zip((self.Wxh, self.Whh, self.Why, self.bh, self.by), totals):
            weight -= self.learning_rate * gradient
            gradient[:] = 0
