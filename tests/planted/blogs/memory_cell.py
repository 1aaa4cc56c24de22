"""One LSTM cell with separate matrices; states go in and come out."""

import numpy as np


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        def draw(n):
            return np.random.randn(hidden_size, n) * 0.1

        self.W_i, self.U_i, self.b_i = draw(input_size), draw(hidden_size), np.zeros(hidden_size)
        self.W_f, self.U_f, self.b_f = draw(input_size), draw(hidden_size), np.ones(hidden_size)
        self.W_o, self.U_o, self.b_o = draw(input_size), draw(hidden_size), np.zeros(hidden_size)
        self.W_g, self.U_g, self.b_g = draw(input_size), draw(hidden_size), np.zeros(hidden_size)

    @staticmethod
    def sig(z):
        return 1.0 / (1.0 + np.exp(-z))

    def forward(self, x, h_prev, c_prev):
        i = self.sig(self.W_i @ x + self.U_i @ h_prev + self.b_i)
        f = self.sig(self.W_f @ x + self.U_f @ h_prev + self.b_f)
        o = self.sig(self.W_o @ x + self.U_o @ h_prev + self.b_o)
        g = np.tanh(self.W_g @ x + self.U_g @ h_prev + self.b_g)
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        return h, c, (x, h_prev, c_prev, i, f, o, g, c)

    def backward(self, dh, dc, cache):
        x, h_prev, c_prev, i, f, o, g, c = cache
        tc = np.tanh(c)
        dc_total = dc + dh * o * (1 - tc * tc)
        zi = dc_total * g * i * (1 - i)
        zf = dc_total * c_prev * f * (1 - f)
        zo = dh * tc * o * (1 - o)
        zg = dc_total * i * (1 - g * g)
        self.dW_i, self.dU_i, self.db_i = np.outer(zi, x), np.outer(zi, h_prev), zi
        self.dW_f, self.dU_f, self.db_f = np.outer(zf, x), np.outer(zf, h_prev), zf
        self.dW_o, self.dU_o, self.db_o = np.outer(zo, x), np.outer(zo, h_prev), zo
        self.dW_g, self.dU_g, self.db_g = np.outer(zg, x), np.outer(zg, h_prev), zg
        dx = self.W_i.T @ zi + self.W_f.T @ zf + self.W_o.T @ zo + self.W_g.T @ zg
        dh_prev = self.U_i.T @ zi + self.U_f.T @ zf + self.U_o.T @ zo + self.U_g.T @ zg
        dc_prev = dc_total * f
        return dx, dh_prev, dc_prev
