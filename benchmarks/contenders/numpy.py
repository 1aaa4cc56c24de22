"""Plain NumPy as one would write it with care: time-major, input projection hoisted, one product a step, dW hoisted.

It is also the witness: in float64 it says what every other contender should answer (the tests compare it in turn with
elman's reference engine and with PyTorch).
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from benchmarks.cases import LEARNING, LEARNING_RATE, Case
from benchmarks.contenders import Answer, Refused, Work

__all__ = ["build", "versions", "witness"]


def versions() -> dict[str, Any]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"python": platform.python_version(), "numpy": np.__version__, "blas": f"{blas['name']} {blas['version']}"}


def build(case: Case, thorough: bool = True) -> Work:
    ways = {"train": _train, "update": _train, "infer": _infer, "stream": _stream, "sine": _sine, "gemm": _gemm}
    if case.kind not in ways:
        raise Refused(f"{case.kind} is no program of its own")
    return ways[case.kind](case)


def witness(case: Case) -> Answer:
    """The right answer to a case of any dtype: computed here in float64, from that dtype's weights and data."""
    if case.kind == "sine":
        return _sine(case).answer
    weights = {name: value.astype(np.float64) for name, value in case.weights().items()}
    x, y = (values[: case.B].astype(np.float64) for values in case.data())
    return _answer(case, weights, x, y, case.mask()[: case.B].astype(np.float64))


# ------------------------------------------------------------------------------------------------- a network


def forward(cell: str, w: Answer, x: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """x (T, B, D) -> h (T + 1, B, H), h[0] = 0, and what the way back needs."""
    steps, rows, _ = x.shape
    hidden = w["weight_hh_l0"].shape[1]
    a_x = x @ w["weight_ih_l0"].T + w["bias_l0"]
    w_hh = w["weight_hh_l0"].T
    h, c = np.zeros((steps + 1, rows, hidden), x.dtype), np.zeros((rows, hidden), x.dtype)
    tape: list[Any] = []
    for t in range(steps):
        if cell == "tanh":
            h[t + 1] = np.tanh(a_x[t] + h[t] @ w_hh)
        elif cell == "lstm":
            a = a_x[t] + h[t] @ w_hh
            s, g, o = (
                sigmoid(a[:, : 2 * hidden]),
                np.tanh(a[:, 2 * hidden : 3 * hidden]),
                sigmoid(a[:, 3 * hidden :]),
            )
            i, f = s[:, :hidden], s[:, hidden:]
            before, c = c, f * c + i * g
            tanh_c = np.tanh(c)
            h[t + 1] = o * tanh_c
            tape.append((i, f, g, o, before, tanh_c))
        else:
            a_h = h[t] @ w_hh
            s = sigmoid(a_x[t, :, : 2 * hidden] + a_h[:, : 2 * hidden])
            r, z, m = s[:, :hidden], s[:, hidden:], a_h[:, 2 * hidden :] + w["bias_hn_l0"]
            n = np.tanh(a_x[t, :, 2 * hidden :] + r * m)
            h[t + 1] = n + z * (h[t] - n)
            tape.append((r, z, n, m))
    return h, tape


def backward(cell: str, w: Answer, x: np.ndarray, h: np.ndarray, tape: list[Any], dh_out: np.ndarray) -> Answer:
    """dh_out (T, B, H), from above -> gradients of the cell's weights."""
    steps, rows, hidden = dh_out.shape
    w_hh = w["weight_hh_l0"]
    da_x = np.empty((steps, rows, len(w_hh)), x.dtype)
    da_h = np.empty_like(da_x) if cell == "gru" else da_x
    dh, dc = np.zeros((rows, hidden), x.dtype), np.zeros((rows, hidden), x.dtype)
    for t in reversed(range(steps)):
        dh = dh + dh_out[t]
        if cell == "tanh":
            da_x[t] = dh * (1 - h[t + 1] ** 2)
        elif cell == "lstm":
            i, f, g, o, before, tanh_c = tape[t]
            dc = dc + dh * o * (1 - tanh_c**2)
            parts = (dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g * g), dh * tanh_c * o * (1 - o))
            np.concatenate(parts, axis=1, out=da_x[t])
            dc = dc * f
        else:
            r, z, n, m = tape[t]
            da_n = dh * (1 - z) * (1 - n * n)
            np.concatenate((da_n * m * r * (1 - r), dh * (h[t] - n) * z * (1 - z), da_n), axis=1, out=da_x[t])
            da_h[t] = da_x[t]
            da_h[t, :, 2 * hidden :] *= r
        dh = da_h[t] @ w_hh + (dh * tape[t][1] if cell == "gru" else 0)
    flat_x, flat_h = da_x.reshape(-1, len(w_hh)), da_h.reshape(-1, len(w_hh))
    gradients = {
        "weight_ih_l0": flat_x.T @ x.reshape(-1, x.shape[2]),
        "weight_hh_l0": flat_h.T @ h[:-1].reshape(-1, hidden),
        "bias_l0": flat_x.sum(axis=0),
    }
    if cell == "gru":
        gradients["bias_hn_l0"] = flat_h[:, 2 * hidden :].sum(axis=0)
    return gradients


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def gradients(cell: str, w: Answer, x: np.ndarray, y: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, Answer]:
    """Time-major x, y, mask -> outputs (T, B, 1) and gradients of the mean over real steps of (y_hat - y)^2."""
    h, tape = forward(cell, w, x)
    y_hat = h[1:] @ w["head.weight"].T + w["head.bias"]
    error = y_hat - y
    dy = error * (2 / error.size) if mask is None else error * mask * (2 / mask.sum())
    found = backward(cell, w, x, h, tape, dy @ w["head.weight"])
    found["head.weight"] = dy.reshape(-1, 1).T @ h[1:].reshape(-1, h.shape[2])
    found["head.bias"] = dy.sum(axis=(0, 1))
    return y_hat, found


# ----------------------------------------------------------------------------------------------- the kinds


def _answer(case: Case, w: Answer, x: np.ndarray, y: np.ndarray, mask: np.ndarray) -> Answer:
    x, y, mask = (np.ascontiguousarray(values.swapaxes(0, 1)) for values in (x, y, mask))
    if case.kind == "step":  # Adam's first, in units of the learning rate
        return {name: gradient / (np.abs(gradient) + 1e-8) for name, gradient in case.gradient().items()}
    if not case.head:
        return {"output": forward(case.cell, w, x)[0][1:].swapaxes(0, 1)}
    y_hat, found = gradients(case.cell, w, x, y, mask)
    output = {"output": (y_hat * mask).swapaxes(0, 1)}
    return output | found if case.kind in LEARNING else output


def _first(case: Case, w: Answer) -> Answer:
    x, y = case.data()
    return _answer(case, w, x[: case.B], y[: case.B], case.mask()[: case.B])


def _train(case: Case) -> Work:
    w = case.weights()
    batches = [
        tuple(
            np.ascontiguousarray(v[k * case.B : (k + 1) * case.B].swapaxes(0, 1)) for v in (*case.data(), case.mask())
        )
        for k in range(min(case.batches, 64))
    ]

    def run(count: int) -> int:
        for k in range(count):
            x, y, mask = batches[k % len(batches)]
            for name, gradient in gradients(case.cell, w, x, y, mask if case.ragged else None)[1].items():
                w[name] -= LEARNING_RATE * gradient
        return count

    return Work("loop over time", run, _first(case, case.weights()))


def _infer(case: Case) -> Work:
    w, x = case.weights(), np.ascontiguousarray(case.data()[0].swapaxes(0, 1))

    def run(count: int) -> int:
        for _ in range(count):
            forward(case.cell, w, x)[0][1:] @ w["head.weight"].T + w["head.bias"]
        return count

    return Work("loop over time", run, _first(case, w))


def _stream(case: Case) -> Work:
    w, x = case.weights(), case.data()[0][0]
    w_ih, w_hh, b, w_hy = w["weight_ih_l0"].T, w["weight_hh_l0"].T, w["bias_l0"], w["head.weight"].T
    b_y, b_hn, hidden = w["head.bias"], w.get("bias_hn_l0"), case.H

    def run(count: int) -> int:
        h, c = np.zeros((1, hidden), x.dtype), np.zeros((1, hidden), x.dtype)
        for _ in range(count):
            a_x, a_h = x @ w_ih + b, h @ w_hh
            if case.cell == "tanh":
                h = np.tanh(a_x + a_h)
            elif case.cell == "lstm":
                a = a_x + a_h
                s, g = sigmoid(a), np.tanh(a[:, 2 * hidden : 3 * hidden])
                c = s[:, hidden : 2 * hidden] * c + s[:, :hidden] * g
                h = s[:, 3 * hidden :] * np.tanh(c)
            else:
                s = sigmoid(a_x[:, : 2 * hidden] + a_h[:, : 2 * hidden])
                n = np.tanh(a_x[:, 2 * hidden :] + s[:, :hidden] * (a_h[:, 2 * hidden :] + b_hn))
                h = n + s[:, hidden:] * (h - n)
            h @ w_hy + b_y
        return count

    return Work("a step", run, _first(case, w))


def _sine(case: Case) -> Work:
    from benchmarks.sine import work
    from elman.classic.plain import PlainRNN

    return work(PlainRNN, "the paper's loop")


def _gemm(case: Case) -> Work:
    random = np.random.default_rng(0)
    a = random.normal(size=(case.B, case.D)).astype(case.dtype)
    b = random.normal(size=(case.D, case.H)).astype(case.dtype)
    out = np.empty((case.B, case.H), case.dtype)

    def run(count: int) -> int:
        for _ in range(count):
            np.matmul(a, b, out=out)
        return count

    return Work("matmul", run, {})
