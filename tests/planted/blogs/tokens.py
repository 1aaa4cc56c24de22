"""Batches of numbers of words, looked up in a table; a mean over all words."""

import numpy as np


class TokenRNN:
    def __init__(self, vocab_size, embed_dim, hidden_size):
        self.E = np.random.randn(vocab_size, embed_dim) * 0.1
        self.Wx = np.random.randn(embed_dim, hidden_size) * 0.1
        self.Wh = np.random.randn(hidden_size, hidden_size) * 0.1
        self.bh = np.zeros(hidden_size)
        self.Wy = np.random.randn(hidden_size, vocab_size) * 0.1
        self.by = np.zeros(vocab_size)

    def forward(self, tokens):
        B, T = tokens.shape
        H = len(self.bh)
        self.tokens = tokens
        self.x = self.E[tokens]
        self.h = np.zeros((B, T + 1, H))
        for t in range(T):
            self.h[:, t + 1] = np.tanh(self.x[:, t] @ self.Wx + self.h[:, t] @ self.Wh + self.bh)
        return self.h[:, 1:] @ self.Wy + self.by

    def loss(self, logits, targets):
        B, T, V = logits.shape
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        self.p = p
        self.targets = targets
        return -np.log(p[np.arange(B)[:, None], np.arange(T)[None], targets]).mean()

    def backward(self, logits, targets):
        B, T, V = logits.shape
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        p[np.arange(B)[:, None], np.arange(T)[None], targets] -= 1
        p /= B * T
        g = {}
        g["Wy"] = np.einsum("bth,btv->hv", self.h[:, 1:], p)
        g["by"] = p.sum((0, 1))
        g["Wx"] = np.zeros_like(self.Wx)
        g["Wh"] = np.zeros_like(self.Wh)
        g["bh"] = np.zeros_like(self.bh)
        g["E"] = np.zeros_like(self.E)
        dh = np.zeros((B, len(self.bh)))
        for t in reversed(range(T)):
            dz = (p[:, t] @ self.Wy.T + dh) * (1 - self.h[:, t + 1] ** 2)
            g["Wx"] += self.x[:, t].T @ dz
            g["Wh"] += self.h[:, t].T @ dz
            g["bh"] += dz.sum(0)
            np.add.at(g["E"], self.tokens[:, t], dz @ self.Wx.T)
            dh = dz @ self.Wh.T
        return g
