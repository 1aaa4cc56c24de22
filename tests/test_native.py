"""The compiled core by itself: its symbols, its stub, its refusals, its activations.

What it computes is compared with the reference in test_agreement.py; threads are in test_threads.py.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from isas import compile_program

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built"
)

from elman.core import requests  # noqa: E402
from elman.core.layers import Dense, Layout, Recurrent  # noqa: E402
from elman.core.losses import MSE, Gaussian, Pinball  # noqa: E402
from elman.core.optim import SGD  # noqa: E402
from elman.engines import select  # noqa: E402

ROOT = Path(__file__).parents[1]
SIMPLEST = requests.UpdateRule(SGD())


def library() -> Path:
    spec = importlib.util.find_spec("elman._native")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def small(dtype: str = "float64") -> tuple[Layout, np.ndarray, requests.Batch]:
    layout = Layout([Recurrent(5, "lstm"), Dense(2)], 3)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    theta = rng.normal(size=layout.size).astype(dtype)
    x, y = rng.normal(size=(40, 6, 3)).astype(dtype), rng.normal(size=(40, 6, 2)).astype(dtype)
    return layout, theta, requests.Batch(x, y)


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, **env}, check=False
    )


# ---------------------------------------------------------------------------------- the build


def test_stub_is_the_module(tmp_path: Path) -> None:
    pytest.importorskip("nanobind.stubgen")
    made = tmp_path / "_native.pyi"
    subprocess.run([sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "elman._native", "-o", str(made)], check=True)
    kept = ROOT / "src/elman/_native.pyi"
    assert made.read_text() == kept.read_text(), f"make it anew: python -m nanobind.stubgen -m elman._native -o {kept}"


# --------------------------------------------------------------------------- choices from outside


def test_isa_override() -> None:
    from elman import _native

    assert _native.isa() in _native.isas()
    for isa in _native.isas():
        assert run("from elman import _native; print(_native.isa())", ELMAN_ISA=isa).stdout.strip() == isa
    wrong = run("from elman import _native", ELMAN_ISA="mmx")
    assert wrong.returncode != 0
    assert "ELMAN_ISA: expected one of " in wrong.stderr
    assert "got mmx" in wrong.stderr


# ---------------------------------------------------------------------------- activations and NaN


def through_activation(name: str, values: np.ndarray) -> np.ndarray:
    """The core's own tanh or sigmoid, reached through a dense layer whose weight is 1 on a state that is 0."""
    layout = Layout(
        [
            Recurrent(1, "tanh"),
            Dense(1, name),
        ],
        1,
    )  # type: ignore[arg-type]
    native = select.native()
    assert native is not None
    out = np.empty_like(values)
    theta = np.zeros(layout.size, values.dtype)
    bias = next(p for p in layout.parameters if p.name == "head.bias")
    for i, value in enumerate(values):
        theta[bias.offset] = value
        out[i] = native.predict(layout, theta, requests.Batch(np.zeros((1, 1, 1), values.dtype)))[0].item()
    return out


@pytest.mark.parametrize(("dtype", "ulps"), [("float32", 5), ("float64", 4)])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_activations_are_accurate_to_a_few_ulps(name: str, dtype: str, ulps: float) -> None:
    rng = np.random.default_rng(3)
    size = np.concatenate([10.0 ** rng.uniform(-30 if dtype == "float32" else -200, 2, 1500), rng.uniform(0, 12, 1500)])
    values = (size * rng.choice([-1, 1], size.size)).astype(dtype)
    exact = values.astype(np.longdouble)
    want = np.tanh(exact) if name == "tanh" else 1 / (1 + np.exp(-exact))
    got = through_activation(name, values)
    tiny = np.finfo(dtype).tiny
    normal = np.abs(want) >= 2 * tiny
    spacing = np.spacing(np.abs(want[normal]).astype(dtype)).astype(np.longdouble)
    assert np.max(np.abs(got[normal] - want[normal]) / spacing) <= ulps
    assert np.all(np.abs(got) <= 1)
    assert np.all(np.abs(got[~normal]) <= 2 * tiny)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_at_the_ends(dtype: str) -> None:
    ends = np.array([0, np.inf, -np.inf, 1e4, -1e4, np.nan], dtype)
    np.testing.assert_array_equal(through_activation("tanh", ends), [0, 1, -1, 1, -1, np.nan])
    np.testing.assert_array_equal(through_activation("sigmoid", ends), [0.5, 1, 0, 1, 0, np.nan])


@pytest.mark.parametrize("cell", ["tanh", "relu", "lstm", "gru"])
def test_nan_in_the_weights_is_kept(cell: str) -> None:
    layout = Layout([Recurrent(3, cell), Dense(1)], 2)  # type: ignore[arg-type]
    theta = np.full(layout.size, 0.1)
    theta[0] = np.nan
    native = select.native()
    assert native is not None
    assert np.isnan(native.predict(layout, theta, requests.Batch(np.ones((1, 2, 2))))[0]).all()


def test_an_update_that_is_not_finite_is_not_applied() -> None:
    native = select.native()
    assert native is not None
    layout, theta, batch = small()
    records = requests.Records(np.arange(3, dtype=np.int64), np.arange(4, dtype=np.int64), np.array([0.1, 1e308, 0.1]))
    losses, norms, done = native.update(layout, theta, batch, requests.Objective(MSE()), SIMPLEST, [], 0, records)
    assert done == 2
    assert np.isfinite(losses[:2]).all()
    assert not (np.isfinite(losses[2]) and np.isfinite(norms[2]))
    assert np.abs(theta).max() > 1e300  # the second update was applied, the third was not


# --------------------------------------------------------------------------------- its refusals


def test_wrong_arrays_never_reach_the_kernels() -> None:
    native = select.native()
    assert native is not None
    layout, theta, batch = small()
    with pytest.raises(ValueError, match="theta"):
        native.loss(layout, theta[:-1].copy(), batch, MSE(), 16)
    with pytest.raises(ValueError, match="x or another input: wrong number of features"):
        native.loss(layout, theta, batch._replace(x=np.ones((40, 6, 2))), MSE(), 16)
    with pytest.raises(ValueError, match="x or another input: wrong type"):
        native.loss(layout, theta, batch._replace(x=batch.x.astype(np.float32)), MSE(), 16)
    with pytest.raises(ValueError, match="lengths"):
        native.loss(layout, theta, batch._replace(lengths=np.full(40, 7)), MSE(), 16)
    with pytest.raises(ValueError, match="y: wrong"):
        native.loss(layout, theta, batch._replace(y=np.ones((40, 6, 1))), MSE(), 16)
    with pytest.raises(ValueError, match="loss: expected outputs of whole targets"):
        native.loss(layout, theta, batch, Pinball((0.1, 0.5, 0.9)), 16)
    with pytest.raises(ValueError, match="y: wrong number of columns"):
        native.loss(layout, theta, batch, Gaussian(), 16)
    records = requests.Records(np.array([41]), np.array([0, 1]), np.array([0.1]))
    with pytest.raises(ValueError, match="rows"):
        native.update(layout, theta, batch, requests.Objective(MSE()), SIMPLEST, [], 0, records)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_the_program_that_other_processors_run_fits_the_core(tmp_path: Path) -> None:
    """It is run by slow tests alone, under an emulator (test_isas.py)."""
    compile_program("network", tmp_path / "none", "-fsyntax-only", "-DELMAN_HAVE_baseline")
