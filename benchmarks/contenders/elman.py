"""elman through its public API: `Trainer.fit`, `Network.predict`, `Stream.step`, `classic.RNN`, and what loops call."""

from __future__ import annotations

from typing import Any

import numpy as np

import elman
from benchmarks.cases import LEARNING_RATE, STEP_RATE, Case
from benchmarks.contenders import Answer, Refused, Work

__all__ = ["build", "network_of", "versions"]


def versions() -> dict[str, Any]:
    found = elman.show_config()
    return {"elman": found["version"], "engine": found["engine"], "isa": found["isa"]}


def network_of(case: Case) -> elman.Network:
    network = elman.Network(case.D, case.H, 1 if case.head else None, cell=case.cell, dtype=case.dtype, seed=0)
    for name, value in case.weights().items():
        network.parameters[name] = value
    return network


def build(case: Case, thorough: bool = True) -> Work:
    if case.kind == "sine":
        from benchmarks.sine import work

        return work(elman.classic.RNN, "classic.RNN.train")
    if case.kind == "gemm":
        raise Refused("elman has no matrix product of its own")
    elman.set_num_threads(case.threads)
    x, y = case.data()
    lengths = case.lengths() if case.ragged else None
    network = network_of(case)
    ways = {"train": _train, "infer": _infer, "stream": _stream} | dict.fromkeys(("update", "gradient", "step"), _call)
    return ways[case.kind](case, network, x, y, lengths)


def _train(case: Case, network: elman.Network, x: np.ndarray, y: np.ndarray, lengths: np.ndarray | None) -> Work:
    trainer = elman.Trainer(network, optimizer=elman.optim.SGD(LEARNING_RATE), batch_size=case.B)

    def run(count: int) -> int:
        epochs = -(-count // case.batches)
        trainer.fit(x, y, epochs=epochs, lengths=lengths, shuffle=False, progress=False)
        return epochs * case.batches

    first = None if lengths is None else lengths[: case.B]
    _, gradients = network.loss_and_grad(x[: case.B], y[: case.B], lengths=first)
    answer: Answer = {"output": network.predict(x[: case.B], lengths=first)}
    return Work("Trainer.fit", run, answer | {name: np.array(value) for name, value in gradients.items()})


def _call(case: Case, network: elman.Network, x: np.ndarray, y: np.ndarray, lengths: np.ndarray | None) -> Work:
    """One call of a loop of one's own: an update, a loss with its gradient, or a step of Adam with one at hand."""
    batches = [(x[k : k + case.B], y[k : k + case.B]) for k in range(0, min(case.batches, 64) * case.B, case.B)]
    _, gradients = network.loss_and_grad(*batches[0])
    answer: Answer = {"output": network.predict(batches[0][0])}
    answer |= {name: np.array(values) for name, values in gradients.items()}
    if case.kind == "update":
        update = elman.Trainer(network, optimizer=elman.optim.SGD(LEARNING_RATE)).update

        def updates(count: int) -> int:
            for k in range(count):
                update(*batches[k % len(batches)])
            return count

        return Work("Trainer.update", updates, answer)
    if case.kind == "gradient":
        loss_and_grad, batch = network.loss_and_grad, batches[0]

        def passes(count: int) -> int:
            for _ in range(count):
                loss_and_grad(*batch)
            return count

        return Work("Network.loss_and_grad", passes, answer)
    for name, value in case.gradient().items():
        gradients[name] = value
    adam, before = elman.optim.Adam(STEP_RATE), network.copy().parameters
    adam.step(network, gradients)

    def steps(count: int) -> int:
        for _ in range(count):
            adam.step(network, gradients)
        return count

    moved = {name: (before[name] - values) / STEP_RATE for name, values in network.parameters.items()}
    return Work("optim.Adam.step", steps, moved)


def _infer(case: Case, network: elman.Network, x: np.ndarray, y: np.ndarray, lengths: np.ndarray | None) -> Work:
    def run(count: int) -> int:
        for _ in range(count):
            network.predict(x, lengths=lengths)
        return count

    return Work("Network.predict", run, {"output": network.predict(x, lengths=lengths)})


def _stream(case: Case, network: elman.Network, x: np.ndarray, y: np.ndarray, lengths: np.ndarray | None) -> Work:
    stream = network.stream()
    step, row, out = stream.step, x[0, 0].copy(), np.empty(1 if case.head else case.H, case.dtype)

    def run(count: int) -> int:
        for _ in range(count):
            step(row, out=out)
        return count

    answer: Answer = {"output": network.stream().step(row)[None, None]}
    return Work("Stream.step", run, answer)
