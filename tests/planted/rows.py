"""Classes in the shape of source E: row vectors; forward(X) -> out, h; backward(X, y, out, h)."""

import numpy as np


class Right:
    def __init__(self, input_dim, hidden_dim, output_dim, lr=0.01):
        self.lr, self.hidden_dim = lr, hidden_dim
        self.Wx = 0.01 * np.random.randn(input_dim, hidden_dim)
        self.Wh = 0.01 * np.random.randn(hidden_dim, hidden_dim)
        self.Wo = 0.01 * np.random.randn(hidden_dim, output_dim)
        self.bh = np.zeros((1, hidden_dim))
        self.bo = np.zeros((1, output_dim))

    def forward(self, X):
        h, last = np.zeros((len(X), self.hidden_dim)), np.zeros((1, self.hidden_dim))
        for t in range(len(X)):
            last = np.tanh(X[t : t + 1] @ self.Wx + last @ self.Wh + self.bh)
            h[t] = last
        return self.output(h @ self.Wo + self.bo), h

    def output(self, raw):
        return raw

    def error(self, out, y):
        return out - y

    def slope(self, h, h_prev):
        return 1 - h**2

    def back(self, da):
        return da @ self.Wh.T

    def backward(self, X, y, out, h):
        dout = self.error(out, y)
        gradients = self.gradients(X, dout, h)
        for name, gradient in gradients.items():
            setattr(self, name, getattr(self, name) - self.lr * gradient)

    def gradients(self, X, dout, h):
        g = {"Wo": h.T @ dout, "bo": dout.sum(0, keepdims=True)}
        g |= {"Wx": np.zeros_like(self.Wx), "Wh": np.zeros_like(self.Wh), "bh": np.zeros_like(self.bh)}
        dh_next = np.zeros((1, self.hidden_dim))
        for t in reversed(range(len(X))):
            h_prev = h[t - 1 : t] if t else np.zeros((1, self.hidden_dim))
            da = (dout[t : t + 1] @ self.Wo.T + dh_next) * self.slope(h[t], h_prev)
            g["Wx"] += X[t : t + 1].T @ da
            g["Wh"] += h_prev.T @ da
            g["bh"] += da
            dh_next = self.back(da)
        return g


class RightSoftmax(Right):
    def output(self, raw):
        e = np.exp(raw - raw.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)


class Unnamed:
    """Rows, behind names that do not tell the source."""

    def __init__(self, a, b, c, learning_rate=0.01):
        self.learning_rate, self.inner = learning_rate, Right.__new__(Right)
        Right.__init__(self.inner, a, b, c)
        self.U, self.W, self.V = self.inner.Wx, self.inner.Wh, self.inner.Wo

    def _given(self):
        self.inner.Wx, self.inner.Wh, self.inner.Wo = self.U, self.W, self.V
        self.inner.lr = self.learning_rate
        return self.inner

    def forward(self, data):
        if data[0].shape != (2,):
            raise ValueError("rows wanted")
        return self._given().forward(data)

    def backward(self, data, wanted, got, states):
        inner = self._given()
        inner.backward(data, wanted, got, states)
        self.U, self.W, self.V = inner.Wx, inner.Wh, inner.Wo


class FactorTwo(Right):
    def error(self, out, y):
        return 2 * (out - y)


class MeanForSum(Right):
    def error(self, out, y):
        return (out - y) / len(y)


class MeanOverAll(Right):
    def error(self, out, y):
        return (out - y) / y.size


class MissingSlope(Right):
    def slope(self, h, h_prev):
        return 1.0


class MissingSlopeSoftmax(RightSoftmax):
    def slope(self, h, h_prev):
        return 1.0


class SlopeAtPrevious(Right):
    def slope(self, h, h_prev):
        return 1 - np.tanh(h_prev) ** 2


class Untransposed(Right):
    def back(self, da):
        return da @ self.Wh


class DroppedDh(Right):
    def back(self, da):
        return 0 * da


class UpdatedBeforeUse(Right):
    def backward(self, X, y, out, h):
        dout = out - y
        self.Wo = self.Wo - self.lr * h.T @ dout
        self.bo = self.bo - self.lr * dout.sum(0, keepdims=True)
        g = self.gradients(X, dout, h)
        for name in ("Wx", "Wh", "bh"):
            setattr(self, name, getattr(self, name) - self.lr * g[name])


class JavaMistakes(RightSoftmax):
    """The two mistakes of source E's second program in one class."""

    def slope(self, h, h_prev):
        return 1.0

    def back(self, da):
        return da @ self.Wh


class WrongProduct(Right):
    """Source E's own forward pass: Wx . x_t, whose shapes fit only where D = H."""

    def forward(self, X):
        h, last = np.zeros((len(X), self.hidden_dim)), np.zeros((1, self.hidden_dim))
        for t in range(len(X)):
            last = np.tanh(np.dot(self.Wx, X[t]) + last @ self.Wh + self.bh)
            h[t] = last
        return h @ self.Wo + self.bo, h
