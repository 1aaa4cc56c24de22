"""`recompute=`: the same gradients from a tape of segments, in less memory."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman

CELLS = ["tanh", "relu", "lstm", "gru", elman.LSTM(peepholes=True), elman.GRU(reset_after=False)]


def data(B: int, T: int, D: int, outputs: int, *, last: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([B, T, D])
    y = rng.normal(size=(B, outputs) if last else (B, T, outputs))
    return rng.normal(size=(B, T, D)), y, rng.integers(1, T + 1, B)


@pytest.mark.parametrize("segment", [1, 2, 5, 7, 12, True])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_gradients_are_the_same(cell: Any, output: Any, segment: int | bool) -> None:
    """Two layers, a skip, ragged rows, weights and given states, over segments that do and don't divide T."""
    network = elman.Network(
        3, 5, 2, cell=cell, num_layers=2, output=output, skip=True, head=(4,), dtype="float64", seed=1
    )
    network.theta += np.random.default_rng(2).normal(size=network.theta.size) * 0.3
    x, y, lengths = data(7, 12, 3, 2, last=output == "last")
    rng = np.random.default_rng(3)
    state = {slot.name: rng.normal(size=(7, slot.size)) for slot in network.layout.states}
    options: dict[str, Any] = {"lengths": lengths, "state": state, "sample_weight": rng.uniform(size=y.shape[:-1])}
    for truncate in (None, 1, 4, 5):
        whole, gradients = network.loss_and_grad(x, y, truncate=truncate, **options)
        value, others = network.loss_and_grad(x, y, truncate=truncate, recompute=segment, **options)
        assert value == pytest.approx(whole, rel=1e-13)
        scale = max(1e-3, float(np.abs(gradients.flat).max()))
        np.testing.assert_allclose(others.flat, gradients.flat, atol=1e-12 * scale, rtol=0)


def test_classes_and_embedding() -> None:
    layers = [elman.Embedding(9, 4), elman.Recurrent(6, "gru"), elman.Dense(5)]
    network = elman.Network.from_layers(layers, seed=0, dtype="float64")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, (6, 11)), rng.integers(0, 5, (6, 11))
    whole, gradients = network.loss_and_grad(x, y, loss="cross_entropy")
    value, others = network.loss_and_grad(x, y, loss="cross_entropy", recompute=3)
    assert value == pytest.approx(whole, rel=1e-13)
    np.testing.assert_allclose(others.flat, gradients.flat, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
def test_training_with_it(threads: int) -> None:
    """Several shards and threads, many batches: as without it, to rounding; and the same bits each time."""
    before = elman.get_num_threads()
    elman.set_num_threads(threads)
    try:
        x, y, lengths = data(50, 20, 2, 1)
        found = []
        for recompute in (False, True, True):
            network = elman.Network(2, 9, 1, cell="lstm", dtype="float64", seed=3)
            trainer = elman.Trainer(network, optimizer=elman.optim.SGD(0.1), batch_size=20, recompute=recompute)
            trainer.fit(x, y, lengths=lengths, epochs=3, progress=False)
            found.append(network.theta.copy())
        np.testing.assert_allclose(found[1], found[0], atol=1e-12)
        np.testing.assert_array_equal(found[2], found[1])
    finally:
        elman.set_num_threads(before)


@pytest.mark.parametrize("bad", [0, -3, 2.5, "yes"])
def test_refusals(bad: Any) -> None:
    network = elman.Network(1, 3, 1)
    with pytest.raises((TypeError, ValueError), match="recompute: expected"):
        elman.Trainer(network, recompute=bad)
    with pytest.raises(ValueError, match="recompute: expected False for a network of two directions, got True"):
        elman.Trainer(elman.Network(1, 3, 1, bidirectional=True), recompute=True)


def kept_numbers(T: int, H: int, segment: int | None) -> float:
    """docs/performance.md: what an LSTM behind one input and before one output keeps for each row, in float32 numbers.

    A step keeps 4 gates, h and c; room for the gradient at h; input, output and its gradient, padded to 16; and 6 for
    pointers and indices. Between segments h and c are kept.
    """
    step = 4 * H + H + H + H + 3 * 16 + 6
    return T * step if segment is None else segment * step + math.ceil(T / segment) * 2 * H


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to measure the peak")
@pytest.mark.parametrize(("recompute", "T"), [(False, 10_000), (True, 90_000)])
@pytest.mark.compiled
def test_memory_is_what_the_formula_says(recompute: bool, T: int) -> None:
    code = f"""
        import numpy as np, elman
        def peak():
            return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
        elman.set_num_threads(1)
        network = elman.Network(1, 64, 1, cell="lstm", seed=0)
        x = np.zeros((16, {T}, 1), np.float32)
        network.loss_and_grad(x[:, :50], x[:, :50])
        open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
        before = peak()
        network.loss_and_grad(x, x, recompute={recompute})
        print(peak() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    measured = float(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)
    segment = math.isqrt(T - 1) + 1 if recompute else None
    expected = 4 * 16 * kept_numbers(T, 64, segment) / 2**20
    assert measured == pytest.approx(expected, rel=0.1, abs=2), (measured, expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.compiled
def test_after_memory_ran_out_all_goes_on(threads: int) -> None:
    """MemoryError reaches the caller, and the next call finds no workspace half laid out."""
    code = f"""
        import resource
        import numpy as np, elman
        elman.set_num_threads({threads})
        network = elman.Network(1, 64, 1, cell="lstm", seed=0)
        small, large = np.ones((32, 20, 1), np.float32), np.ones((32, 20_000, 1), np.float32)
        whole = network.loss_and_grad(small, small)[1].flat
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, -1))
        try:
            network.loss_and_grad(large, large)
        except MemoryError:
            print((network.loss_and_grad(small, small)[1].flat == whole).all())
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert out.stdout.strip() == "True", out.stderr
