"""Loops of one's own: steps from gradients, learning rates, checkpoints, and going on with other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import Trainer, optim, schedules

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 6, 2))
Y = RNG.normal(size=(23, 6, 1))


def network(dtype: str = "float32", **options: Any) -> elman.Network:
    return elman.Network(2, 7, 1, **{"seed": 1, "dtype": dtype, **options})


# ---------------------------------------------------------------------------------------- gradients of one's own


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": optim.SGD(0.1)},
        {"optimizer": optim.SGD(0.1, 0.9)},
        {"optimizer": optim.RMSprop(0.01)},
        {"optimizer": optim.Adagrad(0.01)},
        {"optimizer": optim.Adam(0.01), "schedule": schedules.Cosine(20)},
        {"optimizer": optim.AdamW(0.01, weight_decay=0.1), "frozen": ["bias*"], "rates": {"head.*": 0.5}},
        {"optimizer": optim.Adam(0.01), "clip_value": 0.01, "signs": {"head.weight": [1, -1, 0, 1, -1, 0, 1]}},
    ],
    ids=["sgd", "momentum", "rmsprop", "adagrad", "adam", "adamw", "bounds"],
)
def test_a_step_is_the_update_of_the_same_gradients_bit_for_bit(dtype: str, options: dict[str, Any]):
    own, other = Trainer(network(dtype), **options), Trainer(network(dtype), **options)
    for _ in range(12):
        loss = own.update(X, Y)
        value, gradients = other.network.loss_and_grad(X, Y)
        other.step(gradients, loss=value)
        assert value == loss
    assert (own.network.theta == other.network.theta).all()
    assert all((a == b).all() for a, b in zip(own.slots, other.slots, strict=True))
    assert own.updates == other.updates
    assert other.history.gradient_norm == pytest.approx(own.history.gradient_norm, rel=1e-6)
    assert (other.history.update_loss == own.history.update_loss).all()


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float64", 1e100), ("float64", 1e200)])
def test_a_step_of_huge_gradients_is_made_or_refused(dtype: str, size: float):
    """Where squares overflow: without a NumPy warning, and an update that is not made is not counted."""
    own = Trainer(network(dtype), optimizer=optim.Adam(0.01))
    before, gradient = own.network.theta.copy(), np.full(own.network.theta.shape, size)
    if np.isfinite(size * size):
        assert own.step(gradient) == pytest.approx(size * len(gradient) ** 0.5, rel=1e-5)
        assert np.isfinite(own.network.theta).all()
        assert own.updates == 1
        return
    with pytest.raises(ValueError, match="gradients: expected a finite norm, got inf; the weights are as they were"):
        own.step(gradient)
    assert (own.network.theta == before).all()
    assert own.updates == len(own.history.update_loss) == 0


def test_a_step_takes_what_backward_returns_a_vector_or_some_names():
    own = Trainer(network("float64"), optimizer=optim.SGD(0.5))
    before = own.network.theta.copy()
    y, tape = own.network.forward(X)
    gradients, *_ = own.network.backward(tape, np.ones_like(y))
    norm = own.step(gradients)
    assert norm == pytest.approx(np.linalg.norm(gradients.flat))
    assert own.network.theta == pytest.approx(before - 0.5 * gradients.flat)
    own.step(-gradients.flat)
    assert own.network.theta == pytest.approx(before)
    own.step({"head.bias": [2.0]})
    assert own.network.parameters["head.bias"] == pytest.approx(before[-1:] - 1.0)
    assert np.isnan(own.history.update_loss).all()
    assert gradients.flat is not own.network.theta


@pytest.mark.parametrize(
    ("gradients", "error", "message"),
    [
        ({"head": [1.0]}, ValueError, "gradients: expected names among weight_ih_l0, .* got 'head'"),
        ({"head.bias": [1.0, 2.0]}, ValueError, r"gradients\['head.bias'\]: expected shape \(1,\), got \(2,\)"),
        ({"head.bias": [np.nan]}, ValueError, r"gradients\['head.bias'\]: expected finite numbers, got nan"),
        ([1.0, 2.0], ValueError, r"gradients: expected shape \(\d+,\), got \(2,\)"),
        (None, TypeError, "gradients: expected real numbers, got None"),
    ],
)
def test_other_gradients_are_refused(gradients: Any, error: type[Exception], message: str):
    own = Trainer(network())
    before = own.network.theta.copy()
    with pytest.raises(error, match=message):
        own.step(gradients)
    assert (own.network.theta == before).all()
    assert own.updates == 0


def test_the_learning_rate_changes_between_updates():
    own, other = Trainer(network(), optimizer=optim.Adam(0.1)), Trainer(network(), optimizer=optim.Adam(0.1))
    own.update(X, Y)
    other.update(X, Y)
    own.learning_rate = 0.02
    other.optimizer = optim.Adam(0.02)
    own.update(X, Y)
    other.update(X, Y)
    assert own.learning_rate == 0.02
    assert own.history.update_learning_rate.tolist() == [0.1, 0.02]
    assert (own.network.theta == other.network.theta).all()
    with pytest.raises(ValueError, match="learning_rate: expected a finite number of at least"):
        own.learning_rate = -1.0


# ------------------------------------------------------------------------------------------------- checkpoints


def test_a_loop_of_updates_goes_on_from_its_checkpoint_bit_for_bit(tmp_path: Path):
    options: dict[str, Any] = {"optimizer": optim.Adam(0.05), "schedule": schedules.Cosine(20)}
    whole, first = Trainer(network(), **options), Trainer(network(), **options)
    for _ in range(6):
        whole.update(X, Y)
    for _ in range(3):
        first.update(X, Y)
    first.save(tmp_path / "a.safetensors")
    second = Trainer(network(seed=5), **options)
    second.restore(tmp_path / "a.safetensors")
    assert (second.updates, second.epochs) == (3, 0)
    for _ in range(3):
        second.update(X, Y)
    assert (second.network.theta == whole.network.theta).all()
    assert (second.history.update_loss == whole.history.update_loss).all()
    assert (elman.load(tmp_path / "a.safetensors").theta == first.network.theta).all()


def test_a_checkpoint_of_steps_whose_losses_nobody_knew_is_read_again(tmp_path: Path):
    own = Trainer(network())
    own.step({"head.bias": [2.0]})
    own.save(tmp_path / "a.safetensors")
    other = Trainer(network())
    other.restore(tmp_path / "a.safetensors")
    assert np.isnan(other.history.update_loss).all()
    assert (other.network.theta == own.network.theta).all()


def test_other_settings_and_missing_files_are_refused(tmp_path: Path):
    own = Trainer(network())
    own.save(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"path: expected the settings of .* got others: batch_size was 32 and is 8"):
        Trainer(network(), batch_size=8).restore(tmp_path / "a.safetensors")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="expected a checkpoint or a folder of them"):
        own.restore(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        own.restore(tmp_path / "missing.safetensors")
    own.network.save(tmp_path / "net.safetensors")
    with pytest.raises(elman.FileError, match="expected a checkpoint, got a file of kind 'network'"):
        own.restore(tmp_path / "net.safetensors")


def test_a_fit_goes_on_with_other_data_where_that_is_asked(tmp_path: Path):
    first = Trainer(network())
    first.fit(X, Y, epochs=2, progress=False, checkpoint=tmp_path / "a", every=1)
    with pytest.raises(ValueError, match="resume: expected the data and settings"):
        Trainer(network()).fit(X[:9], Y[:9], epochs=2, progress=False, resume=tmp_path / "a")
    second = Trainer(network())
    asked: dict[str, Any] = {"epochs": 3, "progress": False, "checkpoint": tmp_path / "b"}
    second.fit(X[:9], Y[:9], resume=tmp_path / "a", new_data=True, **asked)
    first.fit(X[:9], Y[:9], epochs=3, progress=False)
    assert (second.network.theta == first.network.theta).all()
    assert (second.history.loss == first.history.loss).all()
    # and its own checkpoints are of the new data
    third = Trainer(network())
    third.fit(X[:9], Y[:9], **asked | {"epochs": 4}, resume=tmp_path / "b")
    first.fit(X[:9], Y[:9], epochs=1, progress=False)
    assert (third.network.theta == first.network.theta).all()


def test_new_data_need_a_folder_to_go_on_from(tmp_path: Path):
    with pytest.raises(ValueError, match="new_data: expected a folder, resume=, with it"):
        Trainer(network()).fit(X, Y, epochs=1, progress=False, new_data=True)
    with pytest.raises(FileNotFoundError):
        Trainer(network()).fit(X, Y, epochs=1, progress=False, new_data=True, resume=tmp_path / "none")
