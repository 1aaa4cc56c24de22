"""Classes in the shape of sources A and B: forward(x), backward(x, y, learning_rate). One right, the others wrong."""

import numpy as np


class Right:
    def __init__(self, input_size, hidden_size, output_size):
        self.W_xh = 0.01 * np.random.randn(hidden_size, input_size)
        self.W_hh = 0.01 * np.random.randn(hidden_size, hidden_size)
        self.W_hy = 0.01 * np.random.randn(output_size, hidden_size)
        self.b_h = np.zeros((hidden_size, 1))
        self.b_y = np.zeros((output_size, 1))

    def forward(self, x):
        h = np.zeros_like(self.b_h)
        self.hidden, outputs = [h], []
        for row in x:
            h = np.tanh(self.W_xh @ np.reshape(row, (-1, 1)) + self.W_hh @ h + self.b_h)
            self.hidden.append(h)
            outputs.append((self.W_hy @ h + self.b_y).ravel())
        return np.array(outputs)

    def error(self, y_hat, y):
        return y_hat - y

    def slope(self, h, h_prev):
        return 1 - h**2

    def back(self, dh, da):
        return self.W_hh.T @ da

    def from_output(self, dy):
        return self.W_hy.T @ dy

    def add(self, total, new):
        return total + new

    def previous(self, t):
        return self.hidden[t]

    def clip(self, gradient):
        return gradient

    def backward(self, x, y, learning_rate):
        dy_all = self.error(self.forward(x), np.asarray(y))
        self.apply(self.gradients(x, dy_all), learning_rate)

    def gradients(self, x, dy_all):
        totals = [np.zeros_like(w) for w in (self.W_xh, self.W_hh, self.W_hy, self.b_h, self.b_y)]
        dh_next = np.zeros_like(self.b_h)
        for t in reversed(range(len(x))):
            h, h_prev, dy = self.hidden[t + 1], self.previous(t), dy_all[t].reshape(-1, 1)
            dh = self.from_output(dy) + dh_next
            da = dh * self.slope(h, self.hidden[t])
            steps = (da @ np.reshape(x[t], (1, -1)), da @ h_prev.T, dy @ h.T, da, dy)
            totals = [self.add(total, step) for total, step in zip(totals, steps)]
            dh_next = self.back(dh, da)
        return [self.clip(total) for total in totals]

    def apply(self, gradients, rate):
        for weight, gradient in zip((self.W_xh, self.W_hh, self.W_hy, self.b_h, self.b_y), gradients):
            weight -= rate * gradient


class FactorTwo(Right):
    def error(self, y_hat, y):
        return 2 * (y_hat - y)


class MeanForSum(Right):
    def error(self, y_hat, y):
        return (y_hat - y) / len(y)


class MeanOverAll(Right):
    def error(self, y_hat, y):
        return (y_hat - y) / y.size


class MissingSlope(Right):
    def slope(self, h, h_prev):
        return 1.0


class SlopeAtPrevious(Right):
    def slope(self, h, h_prev):
        return 1 - np.tanh(h_prev) ** 2


class SlopeOfState(Right):
    def slope(self, h, h_prev):
        return 1 - np.tanh(h) ** 2


class SlopeTwice(Right):
    def slope(self, h, h_prev):
        return (1 - h**2) ** 2


class Untransposed(Right):
    def back(self, dh, da):
        return self.W_hh @ da


class DroppedDh(Right):
    def back(self, dh, da):
        return np.zeros_like(da)


class BackWithoutSlope(Right):
    def back(self, dh, da):
        return self.W_hh.T @ dh


class BackWithoutWeights(Right):
    def back(self, dh, da):
        return da


class Overwritten(Right):
    def add(self, total, new):
        return new


class WrappedState(Right):
    def previous(self, t):
        return self.hidden[1:][t - 1]


class SameState(Right):
    def previous(self, t):
        return self.hidden[t + 1]


class SlopeOfPrevious(Right):
    def slope(self, h, h_prev):
        return 1 - h_prev**2


class SummedCarry(Right):
    def back(self, dh, da):
        self.carried = self.carried + self.W_hh.T @ da
        return self.carried

    def backward(self, x, y, learning_rate):
        self.carried = np.zeros_like(self.b_h)
        super().backward(x, y, learning_rate)


class LastStepAlone(Right):
    def error(self, y_hat, y):
        return (y_hat - y) * (np.arange(len(y)) == len(y) - 1)[:, None]


class TransposedGradient(Right):
    def apply(self, gradients, rate):
        super().apply([gradients[0], gradients[1].T, *gradients[2:]], rate)


class MeanOverOutputs(Right):
    def error(self, y_hat, y):
        return (y_hat - y) / y.shape[1]


class OneWeightDoubled(Right):
    """The output bias alone learns at twice the rate."""

    def apply(self, gradients, rate):
        super().apply([*gradients[:4], 2 * gradients[4]], rate)


class Unknown(Right):
    """A mistake without a name."""

    def back(self, dh, da):
        return np.sign(da) * np.sqrt(np.abs(da))


class Ascent(Right):
    def error(self, y_hat, y):
        return y - y_hat


class NoBias(Right):
    def apply(self, gradients, rate):
        for weight, gradient in zip((self.W_xh, self.W_hh, self.W_hy, self.b_h, self.b_y), gradients):
            if weight is not self.b_h:
                weight -= rate * gradient


class UpdatedBeforeUse(Right):
    """The output weights learn first, and their new values carry the error back."""

    def backward(self, x, y, learning_rate):
        dy = self.forward(x) - np.asarray(y)
        hidden = np.array(self.hidden[1:])[:, :, 0]
        self.W_hy = self.W_hy - learning_rate * dy.T @ hidden
        self.b_y = self.b_y - learning_rate * dy.sum(axis=0).reshape(-1, 1)
        dW_xh, dW_hh, _, db_h, _ = self.gradients(x, dy)
        self.W_xh, self.W_hh = self.W_xh - learning_rate * dW_xh, self.W_hh - learning_rate * dW_hh
        self.b_h = self.b_h - learning_rate * db_h


class UpdatedInLoop(Right):
    """Every step of the backward loop updates the weights that the step before it then uses."""

    def backward(self, x, y, learning_rate):
        dy_all = self.forward(x) - np.asarray(y)
        dh_next = np.zeros_like(self.b_h)
        for t in reversed(range(len(x))):
            h, h_prev, dy = self.hidden[t + 1], self.hidden[t], dy_all[t].reshape(-1, 1)
            da = (self.W_hy.T @ dy + dh_next) * (1 - h**2)
            self.apply((da @ np.reshape(x[t], (1, -1)), da @ h_prev.T, dy @ h.T, da, dy), learning_rate)
            dh_next = self.W_hh.T @ da


class SlopeAndFactor(MissingSlope):
    def error(self, y_hat, y):
        return 2 * (y_hat - y)


class TwoFlaws(MissingSlope):
    def back(self, dh, da):
        return self.W_hh @ da


class ClippedByValue(Right):
    def clip(self, gradient):
        return np.clip(gradient, -1, 1)


class ClippedByNorm(Right):
    def clip(self, gradient):
        return gradient * min(1, 5 / np.linalg.norm(gradient))


class Sigmoid(Right):
    """Another nonlinearity, and its right derivative."""

    def forward(self, x):
        h = np.zeros_like(self.b_h)
        self.hidden, outputs = [h], []
        for row in x:
            h = 1 / (1 + np.exp(-(self.W_xh @ np.reshape(row, (-1, 1)) + self.W_hh @ h + self.b_h)))
            self.hidden.append(h)
            outputs.append((self.W_hy @ h + self.b_y).ravel())
        return np.array(outputs)

    def slope(self, h, h_prev):
        return h * (1 - h)


class Talkative(Right):
    """Prints, returns lists of columns with the states first, and writes into its input."""

    def forward(self, x):
        print("forward")
        outputs = super().forward(x)
        self.seen = x.copy()
        x[:] = 0
        return self.hidden, [row.reshape(-1, 1) for row in outputs]

    def backward(self, x, y, learning_rate):
        print("backward")
        self.forward = lambda given: Right.forward(self, given)
        super().backward(x, y, learning_rate)
        del self.forward


class Single(Right):
    """Computes in float32 throughout."""

    def forward(self, x):
        return super().forward(np.asarray(x, np.float32)).astype(np.float32)

    def apply(self, gradients, rate):
        super().apply(gradients, rate)
        self.W_xh, self.W_hh = self.W_xh.astype(np.float32), self.W_hh.astype(np.float32)


class InDictionary:
    """Weights in a dictionary, without biases; a cache and gradients among the attributes."""

    def __init__(self, input_size, hidden_size, output_size):
        self.params = {
            "U": np.random.randn(hidden_size, input_size),
            "W": np.random.randn(hidden_size, hidden_size),
            "V": np.random.randn(output_size, hidden_size),
        }
        self.grads = {name: np.zeros_like(value) for name, value in self.params.items()}
        self.h = np.zeros(hidden_size)

    def forward(self, x):
        self.states = [np.zeros_like(self.h)]
        for row in x:
            self.states.append(np.tanh(self.params["U"] @ row + self.params["W"] @ self.states[-1]))
        self.h = self.states[-1]
        return np.stack([self.params["V"] @ h for h in self.states[1:]])

    def backward(self, x, y, lr):
        dys, dh_next = self.forward(x) - y, 0
        for name in self.grads:
            self.grads[name][:] = 0
        for t in reversed(range(len(x))):
            da = (self.params["V"].T @ dys[t] + dh_next) * (1 - self.states[t + 1] ** 2)
            self.grads["U"] += np.outer(da, x[t])
            self.grads["W"] += np.outer(da, self.states[t])
            self.grads["V"] += np.outer(dys[t], self.states[t + 1])
            dh_next = self.params["W"].T @ da
        for name in self.grads:
            self.params[name] = self.params[name] - lr * self.grads[name]


class Forgetful(Right):
    """The last pass's final state is where the next pass starts."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.state = np.zeros_like(self.b_h)

    def forward(self, x):
        h, outputs = self.state, []
        self.hidden = [h]
        for row in x:
            h = np.tanh(self.W_xh @ np.reshape(row, (-1, 1)) + self.W_hh @ h + self.b_h)
            self.hidden.append(h)
            outputs.append((self.W_hy @ h + self.b_y).ravel())
        self.state = h
        return np.array(outputs)


class NoUpdate(Right):
    def apply(self, gradients, rate):
        pass


class Crashing(Right):
    def backward(self, x, y, learning_rate):
        return np.zeros(3) @ np.zeros(4)


class NoBackward:
    def __init__(self, input_size, hidden_size, output_size):
        pass

    def forward(self, x):
        return x


class OddConstructor(Right):
    def __init__(self, settings):
        super().__init__(settings["input"], settings["hidden"], settings["output"])


class OddOutput(Right):
    def forward(self, x):
        return super().forward(x)[:-1]
