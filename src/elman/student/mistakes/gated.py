"""The gated cells, LSTM and GRU, one step and its derivative, each line also written wrongly.

LSTM  i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b);  c = f c_prev + i g;  h = o tanh(c)
      dc = dc_next + dh o (1 - tanh(c)^2);  di = dc g, df = dc c_prev, dg = dc i, do = dh tanh(c), each times its
      gate's derivative;  dh_prev = sum U' da;  dc_prev = dc f
GRU   z, r = sigmoid(W x + U h + b);  n = tanh(W x + U (r h) + b), or tanh(W x + r (U h + b_hn) + b);
      h = (1 - z) n + z h_prev, or z n + (1 - z) h_prev
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.student.mistakes.cells import Back, Flaws, Gradients, Step

__all__ = ["GRU", "LSTM"]

Weights = Mapping[str, np.ndarray]
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate", "z": "update gate",
         "r": "reset gate", "n": "candidate"}  # fmt: skip
DC = "dc = dc_next + dh * o * (1 - tanh(c)^2)"
DIRECT = "h_prev reaches h directly too, and that part of dh_prev is missing: add dh * "


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _slope(gate: str, value: np.ndarray, flaws: Flaws) -> np.ndarray:
    """Returns the derivative of a gate by what is before its nonlinearity."""
    tanh = gate in "gn"
    if f"no slope {gate}" in flaws or "no gate slopes" in flaws:
        return np.ones_like(value)
    if f"other slope {gate}" in flaws:
        tanh = not tanh
    return 1 - value**2 if tanh else value * (1 - value)


def _gate_flaws(gates: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for gate in gates:
        right, wrong = (f"1 - {gate}^2", f"{gate} (1 - {gate})")[:: 1 if gate in "gn" else -1]
        name = f"the {GATES[gate]} {gate}"
        found[f"no slope {gate}"] = (f"slope {gate}", f"the derivative of {name} is missing: multiply by {right}")
        found[f"other slope {gate}"] = (f"slope {gate}", f"the derivative of {name} is {right}, not {wrong}")
        found[f"no path {gate}"] = (
            "carry",
            f"what goes back to h_prev lacks the part of {name}: add U_{gate}.T @ d{gate}",
        )
    found["no gate slopes"] = ("slope", "the derivatives of all gates are missing: each is multiplied by its own")
    found["h for h_prev"] = ("dU", "the gradients of the recurrent weights use h where h_prev belongs")
    found["untransposed"] = ("carry", "the recurrent matrices stand where their transposes belong: dh_prev = U.T @ da")
    return found


class LSTM(NamedTuple):
    """Long short-term memory, without peepholes. Weights W_i (H, D), U_i (H, H), b_i (H,), and so on."""

    @property
    def label(self) -> str:
        return "LSTM"

    def hidden(self, weights: Weights) -> int:
        return len(weights["U_i"])

    def step(self, weights: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Step:
        gate = {n: x @ weights[f"W_{n}"].T + h @ weights[f"U_{n}"].T + weights[f"b_{n}"] for n in "ifog"}
        gate = {n: np.tanh(a) if n == "g" else _sigmoid(a) for n, a in gate.items()}
        new = gate["f"] * c + gate["i"] * gate["g"]
        return Step(x, h, c, gate["o"] * np.tanh(new), new, gate)

    def back(
        self, weights: Weights, step: Step, dh: np.ndarray, dh_next: np.ndarray, dc_next: np.ndarray, flaws: Flaws,
        wrapped: np.ndarray,
    ) -> Back:  # fmt: skip
        gate, dh = step.saved, dh + dh_next
        through = np.ones_like(step.c) if "no tanh'(c)" in flaws else 1 - np.tanh(step.c) ** 2
        if "1 - c^2" in flaws:
            through = 1 - step.c**2
        dc = dh * gate["o"] * through * ("no dc of h" not in flaws)
        if "o missing in dc" in flaws:
            dc = dh * through
        dc = dc + dc_next * ("dc dropped" not in flaws)
        before = step.c if "c for c_prev" in flaws else step.c_prev
        up = {
            "i": dc * gate["g"],
            "f": dc * before,
            "o": dh * (step.c if "do with c" in flaws else np.tanh(step.c)),
            "g": dc * gate["i"],
        }
        da = {n: value * _slope(n, gate[n], flaws) for n, value in up.items()}
        own, dx, dh_prev = _affine(weights, step, da, flaws)
        return Back(dx, dh_prev, dc * (1 if "f missing" in flaws else gate["f"]), own)

    def flaws(self, steps: int) -> dict[str, tuple[str, str]]:
        found = _gate_flaws("ifog") | {
            "dc dropped": ("dc", f"the dc that comes from the next step is dropped: {DC}"),
            "no dc of h": ("dc", f"the part of dc that comes from h is missing: {DC}"),
            "no tanh'(c)": ("dc", f"the derivative of tanh(c) is missing in dc: {DC}"),
            "1 - c^2": ("dc", "the derivative of tanh(c) is taken as 1 - c^2: it is 1 - tanh(c)^2"),
            "o missing in dc": ("dc", f"the output gate o is missing in dc: {DC}"),
            "f missing": ("dc_prev", "what goes back to c_prev lacks the forget gate: dc_prev = dc * f"),
            "c for c_prev": ("df", "the forget gate's gradient uses c where c_prev belongs: df = dc * c_prev"),
            "do with c": ("do", "the output gate's gradient uses c: it is dh * tanh(c)"),
        }  # fmt: skip
        if steps == 1:
            found.pop("f missing")
        return found


class GRU(NamedTuple):
    """The gated recurrent unit. Weights W_z (H, D), U_z (H, H), b_z (H,), and so on.

    after  whether the reset gate multiplies U h + b_hn, rather than h; b_hn is 0 where it is not given
    keep   whether z multiplies the previous state, rather than the candidate
    """

    after: bool = False
    keep: bool = True

    @property
    def label(self) -> str:
        return "GRU"

    def hidden(self, weights: Weights) -> int:
        return len(weights["U_z"])

    def step(self, weights: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Step:
        z, r = (_sigmoid(x @ weights[f"W_{n}"].T + h @ weights[f"U_{n}"].T + weights[f"b_{n}"]) for n in "zr")
        inner = r * (h @ weights["U_n"].T + weights["b_hn"]) if self.after else (r * h) @ weights["U_n"].T
        n = np.tanh(x @ weights["W_n"].T + inner + weights["b_n"])
        old = z if self.keep else 1 - z
        return Step(x, h, c, (1 - old) * n + old * h, c, {"z": z, "r": r, "n": n})

    def back(
        self, weights: Weights, step: Step, dh: np.ndarray, dh_next: np.ndarray, dc_next: np.ndarray, flaws: Flaws,
        wrapped: np.ndarray,
    ) -> Back:  # fmt: skip
        gate, dh, h = step.saved, dh + dh_next, step.h_prev
        old = gate["z"] if self.keep else 1 - gate["z"]
        sign = (1 if self.keep else -1) * (-1 if "sign of dz" in flaws else 1)
        d_n = dh * (1 - old) * _slope("n", gate["n"], flaws)
        reset = np.ones_like(gate["r"]) if "r missing" in flaws else gate["r"]
        if self.after:
            inner = h @ weights["U_n"].T + weights["b_hn"]
            d_r, d_un = d_n * inner, (d_n * reset).T @ h
            back_n = (d_n * reset) @ weights["U_n"]
        else:
            product = d_n @ (weights["U_n"].T if "untransposed" in flaws else weights["U_n"])
            d_r, d_un = product * h, d_n.T @ (h * reset)
            back_n = product * reset
        da = {
            "z": sign * dh * (h - gate["n"]) * _slope("z", gate["z"], flaws),
            "r": d_r * _slope("r", gate["r"], flaws),
        }
        own, dx, dh_prev = _affine(weights, step, da, flaws)
        own |= {"W_n": d_n.T @ step.x, "U_n": d_un, "b_n": d_n.sum(axis=0), "b_hn": (d_n * reset).sum(axis=0)}
        dh_prev = dh_prev + (0 if "no path n" in flaws else back_n) + (0 if "no direct path" in flaws else dh * old)
        return Back(dx + d_n @ weights["W_n"], dh_prev, dc_next, own)

    def flaws(self, steps: int) -> dict[str, tuple[str, str]]:
        return _gate_flaws("zrn") | {
            "no direct path": ("direct", DIRECT + ("z" if self.keep else "(1 - z)")),
            "sign of dz": ("dz", "the update gate's gradient has the wrong sign"),
            "r missing": ("r", "the reset gate r is missing where the error goes back through the candidate"),
        }  # fmt: skip


def _affine(
    weights: Weights, step: Step, da: dict[str, np.ndarray], flaws: Flaws
) -> tuple[Gradients, np.ndarray, np.ndarray]:
    """Returns the gradients of W x + U h + b for each gate, and what goes back to x and h_prev."""
    h = step.h if "h for h_prev" in flaws else step.h_prev
    own: dict[str, Any] = {}
    dx, dh_prev = np.zeros_like(step.x), np.zeros_like(step.h)
    for name, value in da.items():
        own |= {f"W_{name}": value.T @ step.x, f"U_{name}": value.T @ h, f"b_{name}": value.sum(axis=0)}
        u = weights[f"U_{name}"]
        dx = dx + value @ weights[f"W_{name}"]
        if f"no path {name}" not in flaws:
            dh_prev = dh_prev + value @ (u.T if "untransposed" in flaws else u)
    return own, dx, dh_prev
