"""A script over global arrays whose training runs as it is loaded; plain numbers."""

import numpy as np

np.random.seed(0)
hidden_size = 10
W_in = np.random.randn(hidden_size, 1) * 0.1
W_rec = np.random.randn(hidden_size, hidden_size) * 0.1
W_out = np.random.randn(1, hidden_size) * 0.1


def forward_pass(sequence):
    states = [np.zeros((hidden_size, 1))]
    outputs = []
    for v in sequence:
        states.append(np.tanh(W_in * v + W_rec @ states[-1]))
        outputs.append((W_out @ states[-1]).item())
    return outputs, states


def backward_pass(sequence, targets, outputs, states):
    dW_in = np.zeros_like(W_in)
    dW_rec = np.zeros_like(W_rec)
    dW_out = np.zeros_like(W_out)
    d_next = np.zeros((hidden_size, 1))
    for t in reversed(range(len(sequence))):
        e = outputs[t] - targets[t]
        dW_out += e * states[t + 1].T
        d = (W_out.T * e + d_next) * (1 - states[t + 1] ** 2)
        dW_in += d * sequence[t]
        dW_rec += d @ states[t].T
        d_next = W_rec.T @ d
    return dW_in, dW_rec, dW_out


def train(data, targets, epochs=100, lr=0.01):
    global W_in, W_rec, W_out
    for e in range(epochs):
        o, s = forward_pass(data)
        a, b, c = backward_pass(data, targets, o, s)
        W_in -= lr * a
        W_rec -= lr * b
        W_out -= lr * c


train(np.sin(np.arange(20)), np.sin(np.arange(1, 21)))
