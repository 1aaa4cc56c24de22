"""Ids and labels of every integer type: read in place, whatever their strides, and the same answers on both engines."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.core.layers import Dense, Embedding, Last, Layer, Recurrent
from elman.core.requests import Batch
from elman.engines import select
from elman.train import fingerprint, plan
from elman.train.data import _overlap  # pyright: ignore[reportPrivateUsage]

RNG = np.random.default_rng(0)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">i4"]
WIDE = 7


def network(*, last: bool = False) -> elman.Network:
    layers: list[Layer] = [Embedding(WIDE, 4), Recurrent(5, "gru")]  # type: ignore[arg-type]
    return elman.Network.from_layers([*layers, *([Last()] if last else []), Dense(WIDE)], seed=0)


def text(n: int = 61) -> np.ndarray:
    return RNG.integers(0, WIDE, n)


@pytest.fixture(params=["reference", "native"])
def engine_of_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", request.param)


def shifted(ids: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    steps = (len(ids) - 1) // rows
    return ids[: rows * steps].reshape(rows, steps), ids[1 : rows * steps + 1].reshape(rows, steps)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("kind", TYPES)
def test_a_type_of_integers_changes_no_bit(kind: str):
    model, (x, y) = network(), shifted(text(), 3)
    value, gradients = model.loss_and_grad(x, y, loss="cross_entropy")
    x, y = x.astype(kind), y.astype(kind)
    again = model.loss_and_grad(np.asfortranarray(x), y[::-1][::-1], loss="cross_entropy")
    assert again[0] == value
    assert (again[1].flat == gradients.flat).all()
    assert model.loss(x, y, loss="cross_entropy") == pytest.approx(value, rel=1e-6)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("kind", ["u1", "u2", "i8"])
@pytest.mark.parametrize("last", [False, True])
def test_training_is_the_same_for_every_type(kind: str, last: bool):
    thetas: list[np.ndarray] = []
    for chosen in ("i8", kind):
        model, (x, y) = network(last=last), shifted(RNG.permutation(np.arange(61) % WIDE).astype(chosen), 4)
        x, y = shifted((np.arange(61) ** 2 % WIDE).astype(chosen), 4)
        trainer = elman.Trainer(model, loss="cross_entropy", batch_size=2)
        trainer.fit(x, y[:, -1] if last else y, epochs=2, window=None if last else 4, progress=False)
        thetas.append(model.theta.copy())
    assert (thetas[0] == thetas[1]).all()


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize(
    ("kind", "value"), [("u1", WIDE), ("u1", 255), ("i1", -1), ("u4", 2**32 - 1), ("u8", 2**64 - 1), ("i8", -(2**63))]
)
@pytest.mark.parametrize("which", ["x", "y"])
def test_what_is_no_id_is_refused_with_its_place(kind: str, value: int, which: str):
    x, y = (part.astype(kind) for part in shifted(text(), 3))
    {"x": x, "y": y}[which][1, 2] = value
    with pytest.raises(ValueError, match=rf"{which}: expected whole numbers in \[0, 6\], got {value} at row 1, step 2"):
        network().loss(x, y, loss="cross_entropy")


@pytest.mark.parametrize(("kind", "value"), [("u1", 200), ("i1", -1), ("u2", 2**16 - 1), ("u8", 2**63), ("i4", -7)])
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_what_changes_after_its_check_counts_as_nan_whatever_its_type(kind: str, value: int, engine: str):
    run: Any = select.reference() if engine == "reference" else select.native()
    if run is None:
        pytest.skip("the compiled core was not built")
    model, (x, y) = network(), shifted(text().astype(kind), 3)
    x = x.copy()
    x[2, 1] = value
    outputs = run.predict(model.layout, model.theta, Batch(x, y))[0]
    assert np.isnan(outputs[2, 1:]).all()
    assert np.isfinite(outputs[:2]).all()
    assert np.isfinite(outputs[2, 0]).all()


def test_a_memory_mapped_text_is_not_copied(tmp_path: Path):
    text(4_000_001).astype(np.uint8).tofile(tmp_path / "ids")
    ids = np.memmap(tmp_path / "ids", np.uint8, "r")
    x, y = shifted(ids, 4)
    model = network()
    trainer = elman.Trainer(model, loss="cross_entropy", batch_size=4)
    tracemalloc.start()
    try:
        trainer.update(x[:, :64], y[:, :64])
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        elman.network.arguments.as_batch(model.layout, model.dtype, x, y, loss=trainer.loss)
        fingerprint.data(model.layout, Batch(x, y))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 4.2 * fingerprint.BLOCK / 2  # one block of int64, whatever the length of the text


def test_the_fingerprint_of_ids_is_that_of_their_values(monkeypatch: pytest.MonkeyPatch):
    layout, (x, y) = network().layout, shifted(text(), 3)
    lengths = np.array([20, 3, 11])
    wanted = fingerprint.data(layout, Batch(x, y, lengths))
    monkeypatch.setattr(fingerprint, "BLOCK", 56)  # seven numbers at a time: pieces of rows
    assert fingerprint.data(layout, Batch(x.astype("u1"), y.astype("i2"), lengths)) == wanted
    other = x.copy()
    other[0, 19] = (other[0, 19] + 1) % WIDE
    assert fingerprint.data(layout, Batch(other, y, lengths)) != wanted


def test_rows_of_a_text_do_not_overlap_and_are_soon_found_not_to():
    rows = shifted(np.tile(text(64), 4000).astype("u1"), 4)[0]  # equal shifts everywhere
    assert not _overlap(RNG.integers(0, WIDE, (5, 50_000)).astype("u1"))
    assert _overlap(np.lib.stride_tricks.sliding_window_view(np.arange(40), 8)[::2])
    assert isinstance(_overlap(rows), bool)


@pytest.mark.parametrize("lengths", [None, np.array([5000, 70, 2111])])
def test_the_loss_of_long_rows_goes_piece_by_piece_to_the_same_bits(lengths: np.ndarray | None):
    model, (x, y) = network(), shifted(text(15_001), 3)
    state = {"h_l0": RNG.normal(size=(3, 5))}
    weight = RNG.random((3, 5000))
    options: dict[str, Any] = {"loss": "cross_entropy", "lengths": lengths, "state": state, "sample_weight": weight}
    assert model.loss(x, y, **options) == model.loss_and_grad(x, y, **options)[0]


@pytest.mark.parametrize(("rows", "batch_size", "steps", "window"), [(4, 4, 30, 7), (5, 2, 30, 10), (3, 8, 5, 9)])
def test_windows_planned_at_once_are_those_planned_one_by_one(rows: int, batch_size: int, steps: int, window: int):
    order, batch = RNG.permutation(rows), Batch(np.zeros((rows, steps), np.uint8))
    at_once = plan._in_windows(order, batch_size, batch, window)  # pyright: ignore[reportPrivateUsage]
    one_by_one = plan._in_windows_of_each(order, batch_size, batch, window)  # pyright: ignore[reportPrivateUsage]
    for own, other in zip(at_once, one_by_one, strict=True):
        np.testing.assert_array_equal(own, other)
    assert [part.dtype for part in at_once[:3]] == [part.dtype for part in one_by_one[:3]]  # type: ignore[union-attr]
