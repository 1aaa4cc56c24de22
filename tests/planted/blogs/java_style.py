"""A class in the style of a Java program: forward is one step, train takes a sequence and returns its loss."""

import numpy as np


class JavaLike:
    def __init__(self, inputSize, hiddenSize, outputSize, learningRate):
        self.learningRate = learningRate
        self.Wxh = np.random.randn(hiddenSize, inputSize) * 0.01
        self.Whh = np.random.randn(hiddenSize, hiddenSize) * 0.01
        self.Why = np.random.randn(outputSize, hiddenSize) * 0.01
        self.bh = np.zeros(hiddenSize)
        self.by = np.zeros(outputSize)

    def forward(self, x, prevHidden):
        return np.tanh(self.Wxh @ x + self.Whh @ prevHidden + self.bh)

    def softmax(self, z):
        e = np.exp(z - z.max())
        return e / e.sum()

    def train(self, inputs, targets):
        hs = [np.zeros(len(self.bh))]
        ps = []
        for x in inputs:
            hs.append(self.forward(x, hs[-1]))
            ps.append(self.softmax(self.Why @ hs[-1] + self.by))
        a, b, c, d, e = (np.zeros_like(w) for w in (self.Wxh, self.Whh, self.Why, self.bh, self.by))
        nx = np.zeros(len(self.bh))
        loss = 0
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            loss -= np.log(dy[targets[t]])
            dy[targets[t]] -= 1
            c += np.outer(dy, hs[t + 1])
            e += dy
            dr = (self.Why.T @ dy + nx) * (1 - hs[t + 1] ** 2)
            a += np.outer(dr, inputs[t])
            b += np.outer(dr, hs[t])
            d += dr
            nx = self.Whh.T @ dr
        self.Wxh -= self.learningRate * a
        self.Whh -= self.learningRate * b
        self.Why -= self.learningRate * c
        self.bh -= self.learningRate * d
        self.by -= self.learningRate * e
        return loss
