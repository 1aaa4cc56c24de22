"""The sine paper's program (792 windows of 10 values, one update each, 16 tanh units, float64) by a given class."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders import Work

__all__ = ["EPOCHS", "UPDATES", "work"]

EPOCHS, UPDATES = 2000, 792  # of the whole job, and of one epoch
NAMES = ("W_xh", "W_hh", "W_hy", "b_h", "b_y")


def work(program: Any, way: str) -> Work:
    """`program` is a class with the paper's signature; its answer is the weights after one epoch."""
    wave = np.sin(np.linspace(0, 100, 1000))
    x = np.lib.stride_tricks.sliding_window_view(wave, 10)[:UPDATES, :, None, None].copy()
    y = np.repeat(wave[10 : 10 + UPDATES, None, None, None], 10, axis=1)

    def started() -> Any:
        np.random.seed(12)  # noqa: NPY002  the paper draws from the global generator
        return program(1, 16, 1, learning_rate=0.005)

    first = started()
    first.train(x, y, epochs=1, report=None)
    answer = {name: np.array(getattr(first, name)) for name in NAMES}
    network = started()

    def run(count: int) -> int:
        epochs = max(1, count // UPDATES)
        network.train(x, y, epochs=epochs, report=None)
        return epochs * UPDATES

    return Work(way, run, answer)
