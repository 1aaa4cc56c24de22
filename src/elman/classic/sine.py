"""Source C's experiment: a sine wave predicted one step ahead, as the paper does it and as it should be done.

The paper: 1000 points of sin(x) on [0, 100]; windows of 10 values, the next value as target at all ten steps; the first
792 windows train, the last 198 test; 16 tanh units, plain gradient descent at 0.005, each gradient entry clipped to
[-1, 1], 2000 epochs. Early steps cannot know the target, so the loss cannot fall, and the last step becomes worse. The
training is chaotic: one rounding, grown for 2000 epochs, decides where the last step's error ends (`spread`).

The improvement: the loss on the last step alone, Adam with a rate that falls to zero along half a cosine, mini-batches
of 32. The recipe was chosen on the last 158 training windows, never on the test windows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.classic.paper import RNN, generate_sine_wave
from elman.classic.plain import PlainRNN
from elman.core.optim import Adam
from elman.engines.config import show_config
from elman.network import Network
from elman.plots import picture
from elman.train.training import Trainer

__all__ = ["Experiment", "Run", "data", "draw", "improved", "paper", "run", "spread"]

WINDOW = 10
TRAIN = 792
CELLS = {"tanh": "tanh", "lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True)
class Run:
    """One trained network: predictions (198,) of the test windows' next values, and what they cost."""

    name: str
    prediction: np.ndarray
    loss: float  # of training, mean over the last epoch
    error: float  # mean squared error of the last step over the test windows
    updates: int
    seconds: float


@dataclass(frozen=True)
class Experiment:
    """Everything that `run` measured."""

    truth: np.ndarray  # (198,)
    epochs: int  # of the paper's program
    paper: Run
    improved: list[Run]
    timed_updates: int  # of the plain NumPy program
    timed_seconds: float
    difference: float  # largest, between its weights and ours after `timed_updates` updates

    @property
    def plain_seconds(self) -> float:
        """The time of the plain NumPy program for all of the paper's updates, extrapolated."""
        return self.timed_seconds * self.paper.updates / self.timed_updates


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns the windows x (990, 10, 1) and their next values y (990, 1); the first 792 train."""
    x, y = generate_sine_wave(WINDOW, 1000)
    return np.array(x)[..., 0], np.array(y)[..., 0]


def paper(epochs: int = 2000, report: Callable[[str], object] | None = None) -> tuple[RNN, Run]:
    """Runs the paper's program with `elman.classic.RNN`; returns the trained network and its run."""
    network = _drawn(RNN)
    return network, _papers(network, epochs, report)


def spread(runs: int = 30, epochs: int = 2000, program: type[RNN] | type[PlainRNN] = RNN) -> list[Run]:
    """Trains the paper's program `runs` times and returns the runs: the first from its weights as they are drawn, the
    others from weights changed by a relative 1e-15, up or down, which is one rounding."""
    rng, found = np.random.default_rng(0), []
    for number in range(runs):
        network = _drawn(program)
        for name in ("W_xh", "W_hh", "W_hy") if number else ():
            weight = getattr(network, name)
            weight *= 1 + 1e-15 * rng.choice([-1, 1], weight.shape)
        found.append(_papers(network, epochs, None))
    return found


def _papers(network: RNN | PlainRNN, epochs: int, report: Callable[[str], object] | None) -> Run:
    """Trains a network as the paper does, and returns its run."""
    x, y = data()
    began = time.perf_counter()
    losses = network.train(x[:TRAIN], y[:TRAIN], epochs=epochs, report=report)
    seconds = time.perf_counter() - began
    prediction = np.array([float(network.predict(window[..., None])[-1][0, 0]) for window in x[TRAIN:]])
    return _run("the paper's program", prediction, float(losses[-1]), y[TRAIN:, 0], epochs * TRAIN, seconds)


def improved(cell: str, epochs: int = 400, seed: int = 0) -> Run:
    """Trains a network of the given cell on the same data with a loss on the last step and Adam; returns its run."""
    x, y = data()
    network = Network(1, 16, 1, cell=cell, output="last", dtype="float64", seed=seed)
    trainer = Trainer(network, optimizer=Adam(0.01), clip_norm=1.0, batch_size=32, seed=seed)

    def slow_down(trainer: Trainer) -> None:
        trainer.optimizer = Adam(0.01 * 0.5 * (1 + math.cos(math.pi * trainer.epochs / epochs)))

    began = time.perf_counter()
    history = trainer.fit(x[:TRAIN], y[:TRAIN], epochs=epochs, progress=False, callback=slow_down)
    seconds = time.perf_counter() - began
    return _run(
        f"improved, {CELLS[cell]}",
        network.predict(x[TRAIN:])[:, 0],
        float(history.loss[-1]),
        y[TRAIN:, 0],
        trainer.updates,
        seconds,
    )


def run(epochs: int | None = None, timed_epochs: int = 5, report: Callable[[str], object] | None = None) -> Experiment:
    """Runs everything: the paper's program, the plain NumPy loop on a part of it, and the three improved networks.

    epochs        of the paper's program; the improved networks train a fifth as many. None: the paper's 2000, or 20
                  on the reference engine
    timed_epochs  of the plain loop, and of `elman.classic.RNN` for comparison
    report        is called with the lines of the paper's program
    """
    _, y = data()
    if epochs is None:
        epochs = 2000 if show_config()["engine"] == "native" else 20
    difference, seconds = beside_plain(timed_epochs)
    _, faithful = paper(epochs, report)
    return Experiment(
        truth=y[TRAIN:, 0],
        epochs=epochs,
        paper=faithful,
        improved=[improved(cell, max(1, epochs // 5)) for cell in CELLS],
        timed_updates=timed_epochs * TRAIN,
        timed_seconds=seconds,
        difference=difference,
    )


def beside_plain(epochs: int) -> tuple[float, float]:
    """Trains the plain loop and `elman.classic.RNN` alike; returns the largest difference of a weight, and the plain
    loop's seconds."""
    x, y = data()
    plain, ours = _drawn(PlainRNN), _drawn(RNN)
    began = time.perf_counter()
    plain.train(x[:TRAIN], y[:TRAIN], epochs=epochs, report=None)
    seconds = time.perf_counter() - began
    ours.train(x[:TRAIN], y[:TRAIN], epochs=epochs, report=None)
    names = ("W_xh", "W_hh", "W_hy", "b_h", "b_y")
    difference = max(float(np.abs(getattr(plain, name) - getattr(ours, name)).max()) for name in names)
    return difference, seconds


def draw(experiment: Experiment, path: Path | str) -> None:
    """Draws three panels in one PNG: the paper's figure, the improved networks, every error on a logarithmic scale."""
    steps = np.arange(len(experiment.truth))
    colours = ["#c44e52", "#4c72b0", "#dd8452", "#55a868"]
    with picture(path, 9, 9) as figure:
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        for axes, shown, title in (
            (top, [experiment.paper], "The paper's program: the target is asked of all ten steps"),
            (middle, experiment.improved, "Improved: the target is asked of the last step alone, Adam"),
        ):
            axes.plot(steps, experiment.truth, color="black", linewidth=3, alpha=0.25, label="true")
            for number, item in enumerate(shown):
                colour = colours[number + (axes is middle)]
                axes.plot(
                    steps, item.prediction, color=colour, linewidth=1.4, dashes=(4, 1 + 2 * number), label=item.name
                )
            axes.set(title=title, ylabel="sin(x)", ylim=(-1.5, 1.5))
            axes.legend(loc="upper right", ncols=4, frameon=False)
        for item, colour in zip([experiment.paper, *experiment.improved], colours, strict=True):
            error = np.maximum(np.abs(item.prediction - experiment.truth), 1e-7)
            bottom.semilogy(
                steps, error, color=colour, linewidth=1.2, label=f"{item.name}: mean square {item.error:.1e}"
            )
        bottom.set(title="Absolute error of the last step", xlabel="test window", ylabel="|predicted - true|")
        bottom.set_ylim(1e-7, 50)
        bottom.legend(loc="upper right", ncols=2, frameon=False, fontsize="small")
        for axes in (top, middle, bottom):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.2)


def _drawn(program: Any) -> Any:
    """Returns a new network with the paper's weights, from NumPy's global generator seeded with 12, which is
    restored."""
    before = np.random.get_state()
    np.random.seed(12)
    try:
        return program(1, 16, 1, learning_rate=0.005)
    finally:
        np.random.set_state(before)


def _run(name: str, prediction: np.ndarray, loss: float, truth: np.ndarray, updates: int, seconds: float) -> Run:
    return Run(name, prediction, loss, float(np.mean((prediction - truth) ** 2)), updates, seconds)
