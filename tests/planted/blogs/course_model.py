"""A model of a course: the forward pass returns the loss and a cache, parameters in a dictionary, the start may be None."""

import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


def init(n_a, n_x, n_y):
    return {
        "Wax": np.random.randn(n_a, n_x) * 0.1,
        "Waa": np.random.randn(n_a, n_a) * 0.1,
        "Wya": np.random.randn(n_y, n_a) * 0.1,
        "b": np.zeros((n_a, 1)),
        "by": np.zeros((n_y, 1)),
    }


def rnn_step_forward(parameters, a_prev, x):
    a = np.tanh(parameters["Wax"] @ x + parameters["Waa"] @ a_prev + parameters["b"])
    return a, softmax(parameters["Wya"] @ a + parameters["by"])


def rnn_forward(X, Y, a0, parameters, vocab_size=27):
    x, a, yh = {}, {}, {}
    a[-1] = np.copy(a0)
    loss = 0
    n = parameters["Wax"].shape[1]
    for t in range(len(X)):
        x[t] = np.zeros((n, 1))
        if X[t] is not None:
            x[t][X[t]] = 1
        a[t], yh[t] = rnn_step_forward(parameters, a[t - 1], x[t])
        loss -= np.log(yh[t][Y[t], 0])
    return loss, (yh, a, x)


def rnn_backward(X, Y, parameters, cache):
    g = {"d" + k: np.zeros_like(v) for k, v in parameters.items()}
    yh, a, x = cache
    nx = np.zeros_like(a[0])
    for t in reversed(range(len(X))):
        dy = np.copy(yh[t])
        dy[Y[t]] -= 1
        g["dWya"] += dy @ a[t].T
        g["dby"] += dy
        da = parameters["Wya"].T @ dy + nx
        d = (1 - a[t] ** 2) * da
        g["db"] += d
        g["dWax"] += d @ x[t].T
        g["dWaa"] += d @ a[t - 1].T
        nx = parameters["Waa"].T @ d
    return g, a
