"""sigmoid and softplus in simple cells and dense layers: PyTorch, finite differences, both engines, extremes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.core.layers import Dense, Layout, Recurrent, Simple
from elman.core.requests import Batch
from elman.engines import select

GOLDEN = dict(np.load(Path(__file__).parent / "golden" / "activations.npz"))
CASES = [key for key in GOLDEN if "-" in key and not key.startswith("theta")]
ENGINES = [select.reference(), *([native] if (native := select.native()) else [])]


def layout_of(case: str) -> Layout:
    name, sort = case.split("-")
    cell = Simple(name, leak=0.3 if sort == "leaky" else None, layer_norm=sort == "norm")
    return Layout([Recurrent(12, cell), Dense(3, name)], 2)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-11)])
def test_both_engines_give_pytorchs_values(engine: Any, case: str, dtype: str, tolerance: float):
    layout, theta = layout_of(case), GOLDEN[f"theta-{case}"].astype(dtype)
    y, _, tape = engine.forward(layout, theta, Batch(GOLDEN["x"].astype(dtype)), 16)
    gradient, dx, _ = engine.backward(layout, theta, tape, GOLDEN["dy"].astype(dtype), None, None, None)
    found = np.concatenate([array.ravel() for array in (y, gradient, dx)])
    assert np.abs(found - GOLDEN[case]).max() < tolerance * np.abs(GOLDEN[case]).max()


@pytest.mark.parametrize("case", CASES)
def test_finite_differences(case: str):
    network = elman.Network.from_theta(layout_of(case), GOLDEN[f"theta-{case}"])
    assert elman.gradcheck(network).passed


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
@pytest.mark.compiled
def test_the_compiled_engine_computes_it_and_a_stream_gives_its_bits(name: str):
    cell = Simple(name, leak=0.5, noise=0.1)
    network = elman.Network.from_layers([Recurrent(37, cell), Dense(5, name)], input_size=2, seed=0)
    if select.native():
        assert network.engine == "native"
    x = GOLDEN["x"][0]
    stream = network.stream()
    assert (np.array([stream.step(step) for step in x]) == network.predict(x)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_tails_are_right_to_rounding_and_never_overflow(name: str, dtype: str):
    """One unit that sees its input alone, over the range of the type; the witness computes in long double."""
    network = elman.Network.from_layers([Recurrent(1, Simple(name))], input_size=1, dtype=dtype, seed=0)
    network.theta[:] = 0
    network.parameters["weight_ih_l0"] = [[1.0]]
    # where exp(-|a|) is a normal number: below, it counts as 0
    a = np.concatenate([[-80, -20, -1e-3, 0, 1e-6, 0.5, 17, 88, 1e4, 1e30], np.linspace(-30, 30, 601)]).astype(dtype)
    wide = a.astype(np.longdouble)
    z = np.exp(-np.abs(wide))
    expected, slope = np.maximum(wide, 0) + np.log1p(z), np.where(wide < 0, z, 1) / (1 + z)
    if name == "sigmoid":
        expected, slope = slope, z / (1 + z) ** 2
    y, tape = network.forward(a[:, None, None])
    eps = np.finfo(dtype).eps
    assert np.abs(y[:, 0, 0] / expected - 1).max() < 8 * eps
    _, dx, _ = network.backward(tape, np.ones_like(y))
    # sigmoid's slope s (1 - s) loses what s has lost beside 1; softplus's keeps its relative precision in both tails
    error = np.abs(dx[:, 0, 0] - slope) / (np.maximum(slope, 1) if name == "sigmoid" else slope)
    assert error.max() < 16 * eps


def test_files_and_names():
    with pytest.raises(ValueError, match=r"activation: expected one of 'tanh', .*'softplus', got 'swish'"):
        Simple("swish")
    with pytest.raises(ValueError, match=r"did you mean 'softplus'\?"):
        Dense(1, "soft_plus")  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES)
def test_a_file_holds_them(case: str, tmp_path: Path):
    network = elman.Network.from_theta(layout_of(case), GOLDEN[f"theta-{case}"])
    network.save(tmp_path / "a.safetensors")
    again = elman.load(tmp_path / "a.safetensors")
    assert again.layers == network.layers
    assert (again.predict(GOLDEN["x"]) == network.predict(GOLDEN["x"])).all()
