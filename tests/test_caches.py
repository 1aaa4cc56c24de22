"""The sizes of the caches, found at start or given by ELMAN_CACHES, decide how work is ordered and never a bit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_native = pytest.importorskip("elman._native")

FOUND = {
    "one that has next to none": "64,128,256",
    "small": "16K,64K,128K",
    "a notebook's": "32K,512K,8M",
    "a server's": "48K,2M,32M",
    "one that holds everything": "1024M,1024M,1024M",
}

# Digests of gradients, predictions and a stream's steps: rows enough for several shards, a single row, ragged lengths,
# given states, whole panels and broken ones.
CELLS = 6
SHAPES = 12
PROGRAM = """
import hashlib
import numpy as np
import elman
from elman import GRU, LSTM, Simple

rng = np.random.default_rng(3)
for cell in (Simple(), LSTM(), GRU(), GRU(reset_after=False), LSTM(layer_norm=True), LSTM(peepholes=True)):
    for rows, steps, inputs, hidden, dtype in [
        (1, 7, 5, 64, "float32"), (1, 5, 3, 80, "float64"), (1, 4, 20, 72, "float32"), (1, 3, 2, 19, "float32"),
        (70, 6, 33, 48, "float32"), (37, 9, 4, 21, "float64"), (5, 20, 40, 96, "float32"),
        (40, 3, 3, (48, 5), "float32"), (40, 3, 3, (48, 9), "float32"),
        (40, 3, 3, (48, 17), "float32"), (40, 3, 3, (12, 1), "float64"), (40, 3, 3, (12, 9), "float64"),
    ]:
        hidden = hidden if isinstance(hidden, tuple) else (hidden, hidden)
        network = elman.Network(inputs, hidden, 3, cell=cell, dtype=dtype, seed=1)
        x = rng.standard_normal((rows, steps, inputs)).astype(dtype)
        y = rng.standard_normal((rows, steps, 3)).astype(dtype)
        lengths = rng.integers(1, steps + 1, rows)
        state = {
            name: rng.standard_normal((rows, hidden[int(name[-1])])).astype(dtype) for name in network.state_names
        }
        for given in (None, state):
            loss, gradient = network.loss_and_grad(x, y, lengths=lengths, state=given)
            answers = [np.asarray(loss), *gradient.values(), network.predict(x, lengths=lengths, state=given)]
            assert all(np.isfinite(a).all() for a in answers)
            print(cell, rows, hidden, hashlib.sha256(b"".join(a.tobytes() for a in answers)).hexdigest())
        stream = network.stream(rows)
        print(hashlib.sha256(b"".join(stream.step(x[:, t]).tobytes() for t in range(steps))).hexdigest())
"""


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )


@pytest.mark.parametrize("isa", _native.isas())
def test_no_bit_depends_on_them(isa: str) -> None:
    answers = {name: run(PROGRAM, ELMAN_CACHES=sizes, ELMAN_ISA=isa) for name, sizes in FOUND.items()}
    for name, answer in answers.items():
        assert answer.returncode == 0, f"{name}: {answer.stderr}"
        assert len(answer.stdout.splitlines()) == CELLS * SHAPES * 3
    first = answers.pop("one that has next to none").stdout
    for name, answer in answers.items():
        assert answer.stdout == first, name


def test_they_are_found() -> None:
    """Rising, and no level smaller than processors have had for twenty years."""
    found = run("from elman import _native; print(*_native.caches())", ELMAN_CACHES="")
    first, second, third = map(int, found.stdout.split())
    assert 2**13 <= first <= second
    assert second >= 2**17
    assert third >= 2**20


def test_they_are_what_was_said() -> None:
    """And shown as they can be said."""
    program = "import elman; from elman import _native; print(_native.caches(), elman.show_config()['caches'])"
    answer = run(program, ELMAN_CACHES="48K,1M,33554433", ELMAN_ENGINE="native")
    assert answer.stdout.strip() == "(49152, 1048576, 33554433) 48K,1M,33554433"


@pytest.mark.parametrize(
    "wrong",
    ["1M", "32K,512K", "32K,512K,8M,", "32K;512K;8M", "32K,512K,8G", "a,b,c", "0,1,2", "-1,2,3", "1M,32K,8M",
     " 1,2,3", "1,2,99999999999999999999", "32KB,512KB,8MB"],
)  # fmt: skip
def test_what_is_no_three_sizes_is_refused(wrong: str) -> None:
    answer = run("from elman import _native", ELMAN_CACHES=wrong)
    assert answer.returncode != 0
    assert (
        f"ELMAN_CACHES: expected the sizes of L1, L2 and L3, rising, such as 48K,1M,32M, got {wrong}" in answer.stderr
    )
