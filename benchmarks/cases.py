"""What is timed: one piece of work, with its data, its weights and the arithmetic it needs.

Axis letters as everywhere: B rows, T steps, D inputs, H hidden units, G gates; the head has one output. Every contender
gets the same weights, inputs and targets, and does the same: `train` is an update (forward, mean squared error,
backward, gradient descent), `infer` a pass over whole sequences, `stream` one step of one sequence, `sine` one update
of the sine paper's program, and `gemm` a square product, whose speed is the machine's peak. Calls of loops of one's
own: `update` is `train` with one update a call, `gradient` its loss and gradient alone, `step` one step of Adam with a
gradient at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CELLS", "GATES", "KINDS", "SHAPES", "Case"]

CELLS = ("tanh", "lstm", "gru")
GATES = {"tanh": 1, "lstm": 4, "gru": 3}
KINDS = ("train", "update", "gradient", "step", "infer", "stream", "sine", "gemm")
LEARNING = ("train", "update", "gradient", "sine")

# B, T, D, H of the grid
SHAPES = (
    (1, 10, 1, 16),
    (1, 100, 1, 16),
    (32, 10, 1, 16),
    (32, 50, 8, 64),
    (32, 100, 32, 128),
    (64, 100, 64, 256),
    (64, 50, 128, 512),
)

LEARNING_RATE = 1e-4
STEP_RATE = 0.1  # of `step`, large enough to be seen beside the weights
DATA_VALUES = 2**18  # a training set holds about so many inputs (1 MB of float32): several batches, all in cache


@dataclass(frozen=True)
class Case:
    """One piece of work; everything about it follows from these fields, so contenders in other processes agree."""

    kind: str
    cell: str = "tanh"
    B: int = 1
    T: int = 1
    D: int = 1
    H: int = 16
    dtype: str = "float32"
    threads: int = 1
    ragged: bool = False  # lengths uniform in [1, T]
    head: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.cell not in CELLS:
            raise ValueError(f"cell: expected one of {', '.join(CELLS)}, got {self.cell!r}")

    @property
    def name(self) -> str:
        marks = [self.dtype] * (self.dtype != "float32") + ["ragged"] * self.ragged
        marks += [f"{self.threads} threads"] * (self.threads > 1)
        if self.kind == "gemm":
            return ", ".join([f"product {self.B} x {self.D} x {self.H}", *marks])
        return ", ".join([f"{self.kind} {self.cell} {self.B}, {self.T}, {self.D}, {self.H}", *marks])

    @property
    def batches(self) -> int:
        """Different batches in the training set; 1 where nothing is learned."""
        if self.kind not in ("train", "update"):
            return 1
        return min(2048, max(2, DATA_VALUES // (self.B * self.T * self.D)))

    @property
    def steps(self) -> int:
        """Real steps of one batch, over all its rows."""
        return int(self.lengths()[: self.B].sum())

    @property
    def flops(self) -> int:
        """Multiplications and additions of the products needed; nothing asks for dx of the first layer."""
        if self.kind == "gemm":
            return 2 * self.B * self.D * self.H
        if self.kind == "step":
            return 0
        products = GATES[self.cell] * self.H
        inputs, states = 2 * self.steps * products * self.D, 2 * self.steps * products * self.H
        head = 2 * self.steps * self.H * self.head
        return 2 * inputs + 3 * (states + head) if self.kind in LEARNING else inputs + states + head

    def lengths(self) -> np.ndarray:
        """Steps of every row of the data (batches * B,); each batch holds the same lengths in another order."""
        if not self.ragged:
            return np.full(self.batches * self.B, self.T)
        even = np.round(np.linspace(1, self.T, self.B)).astype(np.int64)
        random = np.random.default_rng(3)
        return np.concatenate([random.permutation(even) for _ in range(self.batches)])

    def mask(self) -> np.ndarray:
        """1 where a step is real (batches * B, T, 1)."""
        return (np.arange(self.T) < self.lengths()[:, None])[:, :, None].astype(self.dtype)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """x (batches * B, T, D) and targets y (batches * B, T, 1)."""
        random = np.random.default_rng(1)
        n = self.batches * self.B
        x, y = random.normal(size=(n, self.T, self.D)), random.normal(size=(n, self.T, 1))
        return x.astype(self.dtype), y.astype(self.dtype)

    def weights(self) -> dict[str, np.ndarray]:
        """By elman's names, uniform in +-1/sqrt(H); no two gates are alike."""
        rows, shapes = GATES[self.cell] * self.H, {}
        shapes["weight_ih_l0"], shapes["weight_hh_l0"], shapes["bias_l0"] = (rows, self.D), (rows, self.H), (rows,)
        if self.cell == "gru":
            shapes["bias_hn_l0"] = (self.H,)
        if self.head:
            shapes["head.weight"], shapes["head.bias"] = (1, self.H), (1,)
        random, bound = np.random.default_rng(2), self.H**-0.5
        return {name: random.uniform(-bound, bound, shape).astype(self.dtype) for name, shape in shapes.items()}

    def gradient(self) -> dict[str, np.ndarray]:
        """The gradient that `step` has at hand, by elman's names."""
        random = np.random.default_rng(4)
        return {name: random.normal(size=w.shape).astype(self.dtype) for name, w in self.weights().items()}
