"""The instruction sets beside each other, and the one that no Python here runs on: arm64 under an emulator."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CELLS, GRID, compare, draw_batch, draw_theta, grid_layout, hide
from isas import FLAGS, compile_activations, compile_kernels, compile_program

from elman import losses, optim
from elman.core.layers import Layout
from elman.core.requests import Batch, Objective, Records, UpdateRule
from elman.engines import select

pytestmark = pytest.mark.slow

ARM = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64"
ADAM = optim.Adam(eps=1e-3)
CLIP = 0.5
RATES = np.array([0.01, 0.01, 0.02])


@pytest.mark.skipif(shutil.which("g++") is None or shutil.which("nm") is None, reason="needs g++ and nm")
def test_no_weak_symbol_is_shared(tmp_path: Path) -> None:
    """A template instantiated in two such objects would be one symbol, and the linker keeps either copy: it would
    bring one processor's instructions to another. The program stands for what is compiled beside the kernels."""
    x86 = [isa for isa in FLAGS if isa != "neon"]
    objects = {isa: compile_kernels(isa, tmp_path / f"{isa}.o") for isa in x86}
    objects["the callers"] = compile_program(
        "network", tmp_path / "network.o", "-c", *(f"-DELMAN_HAVE_{isa}" for isa in x86)
    )
    owners: dict[str, str] = {}
    for owner, path in objects.items():
        command = ["nm", "--defined-only", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        weak = set(re.findall(r"^\S+ [WVu] (\S+)$", listing, flags=re.M))
        assert weak, f"expected weak symbols in {owner}"
        for symbol in weak:
            assert owners.setdefault(symbol, owner) == owner, f"{symbol} is in {owners[symbol]} and in {owner}"


# --------------------------------------------------------------------------------------------- arm64


@pytest.fixture
def arm() -> None:
    """Skips where the tools are missing; .ci/full asks for them by ELMAN_EMULATE."""
    missing = [tool for tool in (ARM, EMULATOR) if shutil.which(tool) is None]
    if missing and not os.environ.get("ELMAN_EMULATE"):
        pytest.skip(f"needs {' and '.join(missing)}")
    assert not missing, f"install {' and '.join(missing)} (Debian: g++-aarch64-linux-gnu, qemu-user)"


@pytest.mark.usefixtures("arm")
def test_arm64_activations(tmp_path: Path) -> None:
    program = compile_activations("neon", tmp_path / "activations", "-static", compiler=ARM)
    command = [EMULATOR, str(program), "4999", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built")
@pytest.mark.usefixtures("arm")
def test_arm64_kernels(tmp_path: Path) -> None:
    """Every cell on the grid, in both types: all that the compiled engine answers, against the reference."""
    kernels = compile_kernels("neon", tmp_path / "neon.o", ARM)
    program = compile_program("network", tmp_path / "network", kernels, "-DELMAN_HAVE_neon", "-static", compiler=ARM)
    cases: list[tuple[Case, bytes]] = []
    for cell in CELLS:
        for number, (layers, directions, lengths, state, output) in enumerate(GRID):
            for dtype, hidden in (("float32", 9), ("float64", 5)):
                layout = grid_layout(cell, layers, directions, output, hidden)
                case = Case(layout, np.random.default_rng(number), dtype, lengths == "ragged", state == "given")
                cases.append((case, case.asked()))
    asked = b"".join(data for _, data in cases)
    done = subprocess.run([EMULATOR, str(program)], input=asked, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"neon")
    at = 0
    for case, _ in cases:
        wanted = list(case.answers())
        found: list[tuple[str, np.ndarray]] = []
        for name, want in wanted:
            found.append((name, np.frombuffer(done.stdout, want.dtype, want.size, at).reshape(want.shape)))
            at += want.nbytes
        compare(wanted, found, case.dtype, case)
    assert at == len(done.stdout)


def numbers(op: Any) -> tuple[np.ndarray, np.ndarray]:
    """The whole and the real numbers of an operation, in the order in which tests/native/network.cpp takes them."""
    whole = [op.kind.value, op.cell.value, op.activation.value, op.input_size, op.output_size, op.hidden_size]
    whole += [int(op.learned_state), int(op.variational), len(op.directions)]
    whole += [len(op.reads), *[*op.reads, 0][:2], op.second_size]  # of two sources at most
    for at in op.directions:
        whole += [at.weight, at.weight_hh, at.bias, at.extra, *at.learned, at.state]
    return np.array(whole, np.int64), np.array([op.rate, *op.zoneout, op.noise])


class Case:
    """One question to tests/native/network.cpp, and the reference's answers in the order in which it gives its own."""

    rows, steps, shard = 7, 6, 3

    def __init__(self, layout: Layout, rng: np.random.Generator, dtype: str, ragged: bool, given: bool) -> None:
        self.layout, self.dtype = layout, dtype
        self.batch: Batch = draw_batch(layout, rng, dtype, self.rows, self.steps, ragged=ragged, given=given)
        self.theta = draw_theta(layout, rng, dtype)
        self.truncate = int(rng.integers(0, 5))
        self.recompute = 0 if layout.bidirectional else int(rng.integers(0, 4))
        assert self.batch.y is not None
        self.dy = rng.normal(size=self.batch.y.shape).astype(dtype)
        if not layout.last:
            hide(self.dy, self.batch.lengths)
        self.dstate = [rng.normal(size=(self.rows, slot.size)).astype(dtype) for slot in layout.states]

    def __repr__(self) -> str:
        return f"{self.layout.layers} truncate={self.truncate} recompute={self.recompute} {self.dtype}"

    def asked(self) -> bytes:
        from elman.engines.operations import operations

        layout, batch = self.layout, self.batch
        assert batch.y is not None
        header = [self.theta.itemsize, len(layout.parts), len(layout.states), layout.input_size, layout.output_size]
        header += [layout.size, int(layout.last), self.rows, self.steps]
        header += [int(batch.lengths is not None), int(batch.state is not None), self.shard]
        header += [self.truncate, self.recompute]
        sizes = [slot.size for slot in layout.states]
        ops = [array for op in operations(layout) for array in numbers(op)]
        lengths = [] if batch.lengths is None else [batch.lengths]
        arrays = [self.theta, batch.x, batch.y, self.dy, *(batch.state or ()), *self.dstate]
        before = [np.array(header, np.int64), *ops, np.array(sizes, np.int64), *lengths]
        return b"".join(array.tobytes() for array in [*before, *arrays])

    def answers(self) -> Iterator[tuple[str, np.ndarray]]:
        run, layout, batch, theta = select.reference(), self.layout, self.batch, self.theta.copy()
        truncate = self.truncate or None
        y, final, tape = run.forward(layout, theta, batch, self.shard)
        gradient, dx, before = run.backward(layout, theta, tape, self.dy, None, self.dstate, truncate)
        assert dx is not None
        yield from self.named("y", y, *final)
        yield from self.named("gradient, dx, dstate0", gradient, dx, *before)
        yield from self.named("predicted", y, *final)
        objective = Objective(losses.MSE(), truncate=truncate, shard_size=self.shard)
        value, gradient = run.loss_and_grad(layout, theta, batch, objective)
        yield from self.named("loss", np.float64(value), gradient)
        if not layout.bidirectional and batch.lengths is None:
            for t in range(self.steps):  # behind Last, a step's output is that of a sequence that ends there
                until = batch._replace(lengths=np.full(self.rows, t + 1))
                yield "streamed", run.forward(layout, theta, until, self.shard)[0] if layout.last else y[:, t].copy()
        slots = [np.zeros_like(theta) for _ in ADAM.slots]
        rows = np.concatenate([np.arange(self.rows), np.arange(self.rows), np.arange((self.rows + 1) // 2)])
        starts = np.array([0, self.rows, 2 * self.rows, len(rows)])
        records = Records(rows, starts, RATES)
        found = run.update(layout, theta, batch, objective, UpdateRule(ADAM, CLIP), slots, 0, records)
        yield from self.named("losses, norms, theta", *found[:2], theta)

    @staticmethod
    def named(name: str, *arrays: Any) -> Iterator[tuple[str, np.ndarray]]:
        yield from ((name, np.asarray(array)) for array in arrays)
