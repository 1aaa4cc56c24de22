"""Checkpoints: a training that was stopped goes on with the same bits, whatever happened to it or to its files."""

from __future__ import annotations

import errno
import json
import linecache
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman import CheckpointWarning, optim, schedules
from elman.core import io, requests
from elman.train import fingerprint as known
from elman.train.checkpoint import folder as folder_of
from elman.train.checkpoint import resume, writer
from elman.train.training import Trainer

safetensors = pytest.importorskip("safetensors")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 4, 2)).astype(np.float32)
Y = RNG.normal(size=(23, 4, 1)).astype(np.float32)
LENGTHS = RNG.integers(1, 5, 23)
WEIGHT = RNG.uniform(0.5, 1.5, 23)
BEST = folder_of.BEST


def trainer(**options: Any) -> Trainer:
    own = {"optimizer": optim.Adam(0.05), "batch_size": 5, "shard_size": 2}
    return Trainer(elman.Network(2, 3, 1, seed=1), **{**own, **options})


def fit(own: Trainer, x: Any = X, y: Any = Y, **options: Any) -> Trainer:
    own.fit(x, y, **{"epochs": 4, "progress": False, **options})
    return own


def bits(own: Trainer) -> list[Any]:
    """Everything that training leaves, but for seconds."""
    history = own.history
    arrays = [own.network.theta, *own.slots, history.loss, history.validation_loss, history.learning_rate]
    arrays += [history.updates, history.update_loss, history.gradient_norm, history.update_learning_rate]
    return [array.tobytes() for array in arrays] + [own.updates, own.optimizer, own.schedule.state()]


class Stopped(Exception):
    """Stands for whatever ended a training."""


def stopped(own: Trainer, updates: int, *args: Any, **options: Any) -> None:
    """`fit`, which dies when so many updates are done, before anything else happens."""
    run = own._run

    def dying(*args: Any) -> Any:
        losses = run(*args)
        if own.updates >= updates:
            raise Stopped
        return losses

    own._run = dying  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        fit(own, *args, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Generator[None]:
    """What is written is looked at here, not when the disk has it; `kills.py` waits for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def threads() -> Generator[Callable[[int], None]]:
    before = elman.get_num_threads()
    yield elman.set_num_threads
    elman.set_num_threads(before)


# ---------------------------------------------------------------------------------------- going on bit for bit

OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"optimizer": optim.SGD(0.1, 0.9), "clip_norm": 0.1}, {"lengths": LENGTHS, "shuffle": False}),
    ({"optimizer": optim.SGD(0.1), "batch_size": 100}, {"sample_weight": WEIGHT}),
    ({}, {"window": 2, "lengths": LENGTHS}),
    ({"schedule": schedules.Plateau(0.5, patience=1)}, {"validation": 0.3, "patience": 2}),
    ({"schedule": schedules.WarmUp(7, schedules.Cosine(30))}, {"validation": 0.3, "patience": 50}),
]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(OPTIONS),
    st.sampled_from([None, 1, 2, 3, 7, 1000]),
    st.lists(st.integers(1, 25), min_size=1, max_size=3),
    st.lists(st.integers(1, 2), min_size=4, max_size=4),
)
def test_stopped_anywhere_it_ends_with_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory,
    options: tuple[dict[str, Any], dict[str, Any]],
    every: int | None,
    stops: list[int],
    threads: list[int],
):
    """Stopped several times, with 1 or 2 threads each time, and compared with one that writes no checkpoint."""
    own, asked = options
    folder, before = tmp_path_factory.mktemp("run"), elman.get_num_threads()
    thetas: list[np.ndarray] = []
    alone = fit(trainer(**own), epochs=6, callback=lambda own: thetas.append(own.network.theta.copy()), **asked)
    asked = {"epochs": 6, "checkpoint": folder, "resume": folder, "every": every, **asked}
    try:
        for count, stop in zip(threads, stops, strict=False):
            elman.set_num_threads(count)
            if stop < alone.updates:
                stopped(trainer(**own), stop, **asked)
        elman.set_num_threads(threads[-1])
        again = fit(trainer(**own), **asked)
    finally:
        elman.set_num_threads(before)
    assert bits(again) == bits(alone)
    best = alone.history.best_epoch
    assert best is not None
    assert (elman.load(folder / BEST).theta == thetas[best - 1]).all()


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_the_size_of_blocks_is_no_part_of_it(seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    alone = fit(trainer())
    monkeypatch.setattr("elman.train.fitting.epochs.BLOCK_SECONDS", seconds)
    stopped(trainer(), 8, checkpoint=tmp_path, every=3)
    assert names(tmp_path)[1:] == ["update-000000003.safetensors", "update-000000006.safetensors"]
    assert bits(fit(trainer(), resume=tmp_path)) == bits(alone)


def forms(x: np.ndarray, folder: Path) -> dict[str, Any]:
    """The same values as a list, a contiguous array, a strided view, in the other byte order, and in a file."""
    wide = np.zeros((2 * x.shape[0], *x.shape[1:-1], 3 * x.shape[-1]), x.dtype)
    view = wide[::-2, ..., ::3]
    view[...] = x
    mapped = np.memmap(folder / f"{x.shape[-1]}.bin", x.dtype, "w+", shape=x.shape)
    mapped[...] = x
    return {"array": x, "view": view, "map": mapped, "list": x.tolist(), "swapped": x.astype(x.dtype.newbyteorder())}


@pytest.mark.parametrize("count", [1, 2])
def test_the_same_bits_from_arrays_views_and_memory_maps(count: int, tmp_path: Path, threads: Callable[[int], None]):
    alone = fit(trainer(), lengths=LENGTHS)
    threads(count)
    xs, ys = forms(X, tmp_path), forms(Y, tmp_path)
    for first, then in zip(xs, [*list(xs)[1:], "array"], strict=True):
        folder = tmp_path / first
        stopped(trainer(), 7, xs[first], ys[first], lengths=LENGTHS, checkpoint=folder, every=3)
        again = fit(trainer(), xs[then], ys[then], lengths=LENGTHS, checkpoint=folder, resume=folder)
        assert bits(again) == bits(alone)


def test_what_lies_past_a_rows_length_is_no_part_of_the_data(tmp_path: Path):
    padding = np.arange(4) >= LENGTHS[:, None]
    x, y = np.where(padding[..., None], np.float32(np.nan), X), np.where(padding[..., None], np.float32(7), Y)
    stopped(trainer(), 7, lengths=LENGTHS, checkpoint=tmp_path)
    assert bits(fit(trainer(), x, y, lengths=LENGTHS, resume=tmp_path)) == bits(fit(trainer(), lengths=LENGTHS))


def test_windows_of_a_series(tmp_path: Path):
    series = np.sin(np.arange(60, dtype=np.float32))
    windows = np.lib.stride_tricks.sliding_window_view(series, 7)
    x, y = windows[:, :6, None], windows[:, 6:]

    def own() -> Trainer:
        return Trainer(elman.Network(1, 3, 1, output="last", seed=0), batch_size=16)

    stopped(own(), 6, x, y, checkpoint=tmp_path, every=2)
    assert bits(fit(own(), x.copy(), y.copy(), resume=tmp_path)) == bits(fit(own(), x, y))


def test_words_and_classes(tmp_path: Path):
    layers = [elman.Embedding(9, 4), elman.Recurrent(3, "gru"), elman.Dense(5)]
    x, y = RNG.integers(0, 9, (23, 4)), RNG.integers(0, 5, (23, 4))

    def own() -> Trainer:
        return Trainer(elman.Network.from_layers(layers, seed=0), loss="cross_entropy", batch_size=4)

    stopped(own(), 8, x, y, checkpoint=tmp_path, every=3)
    assert bits(fit(own(), x.astype(np.int32), y, resume=tmp_path)) == bits(fit(own(), x, y))


def test_states_given_by_the_user(tmp_path: Path):
    state = {"h_l0": RNG.normal(size=(23, 3)), "c_l0": RNG.normal(size=(23, 3))}
    stopped(trainer(), 8, state=state, checkpoint=tmp_path, every=3)
    assert bits(fit(trainer(), state=state, resume=tmp_path)) == bits(fit(trainer(), state=state))
    with pytest.raises(ValueError, match=r"got others: state\['h_l0'\] was '\(23, 3\) float32, digest "):
        fit(trainer(), state={**state, "h_l0": state["c_l0"]}, resume=tmp_path)


def halving(own: Trainer) -> None:
    own.optimizer = optim.Adam(own.optimizer.learning_rate / 2)


def test_a_learning_rate_that_a_callback_changed(tmp_path: Path):
    alone = fit(trainer(), callback=halving)
    stopped(trainer(), 13, callback=halving, checkpoint=tmp_path)
    assert bits(fit(trainer(), callback=halving, resume=tmp_path)) == bits(alone)
    fit(same := trainer(), callback=halving, epochs=2, checkpoint=tmp_path / "same")
    assert bits(fit(same, callback=halving, resume=tmp_path / "same")) == bits(alone)  # the very Trainer, changed


@pytest.mark.parametrize("patience", [None, 50])
def test_more_epochs_are_as_if_asked_for_at_once(patience: int | None, tmp_path: Path):
    own, asked = trainer(), {"validation": 0.3, "patience": patience, "checkpoint": tmp_path, "resume": tmp_path}
    fit(own, epochs=2, **asked)
    fit(own, epochs=5, **asked)
    assert own.epochs == 5
    assert bits(own) == bits(fit(trainer(), epochs=5, validation=0.3, patience=patience))


@pytest.mark.parametrize("repeated", [False, True])
def test_a_fit_may_follow_another(repeated: bool, tmp_path: Path):
    """Epochs count from where the fit began that wrote the checkpoints."""
    alone = fit(fit(trainer(), epochs=2), epochs=3)
    stopped(fit(trainer(), epochs=2), 19, epochs=3, checkpoint=tmp_path, every=2)
    again = fit(trainer(), epochs=2) if repeated else trainer()
    assert bits(fit(again, epochs=3, resume=tmp_path)) == bits(alone)


def overfitting(**options: Any) -> Trainer:
    """Stopped early: validation gets worse at once."""
    asked = {"epochs": 50, "validation": (X[12:], -Y[12:]), "patience": 2, **options}
    return fit(trainer(optimizer=optim.Adam(0.1)), X[:12], Y[:12], **asked)


@pytest.mark.parametrize("epochs", [50, 90])
def test_a_finished_fit_returns_at_once(epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    alone = overfitting(checkpoint=tmp_path)
    assert alone.epochs < 50
    best = alone.history.best_epoch
    assert best == alone.epochs - 2
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(Trainer, "_run", None)
    again = overfitting(checkpoint=tmp_path, resume=tmp_path, epochs=epochs)
    assert bits(again) == bits(alone)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert (elman.load(tmp_path / BEST).theta == alone.network.theta).all()


def test_one_that_a_callback_ended_stays_ended(tmp_path: Path):
    alone = fit(trainer(), callback=lambda own: own.epochs == 2, checkpoint=tmp_path)
    again = fit(trainer(), checkpoint=tmp_path, resume=tmp_path, epochs=9)
    assert again.epochs == 2
    assert bits(again) == bits(alone)


def test_a_network_with_code_of_its_own_can_be_resumed_but_not_loaded(tmp_path: Path):
    def own() -> Trainer:
        sine = elman.Activation("sine", np.sin, np.cos)
        return Trainer(elman.Network(2, 3, 1, cell=elman.Simple(sine), seed=0), batch_size=5)

    stopped(own(), 8, checkpoint=tmp_path, every=3)
    assert bits(fit(own(), resume=tmp_path)) == bits(fit(own()))
    with pytest.raises(elman.FileError, match=r"a file holds no code, .* resume= can use it"):
        elman.load(tmp_path / "update-000000006.safetensors")


# ------------------------------------------------------------------------------------------- what is in the folder


@pytest.mark.parametrize(("every", "keep"), [(None, 3), (2, 1), (3, 2), (1000, 3)])
def test_the_last_ones_and_the_best_are_kept(every: int | None, keep: int, tmp_path: Path):
    thetas: dict[int, np.ndarray] = {}
    folder = tmp_path / "not" / "yet"
    asked = {"validation": (X[16:], -Y[16:]), "checkpoint": folder, "every": every, "keep": keep}
    own = fit(trainer(), callback=lambda own: thetas.update({own.epochs: own.network.theta.copy()}), **asked)
    due = [n for n in range(1, own.updates) if n % (every or 5) == 0]  # 5 updates an epoch
    expected = [f"update-{n:09}.safetensors" for n in [*due, own.updates][-keep:]]
    assert names(folder) == [BEST, *expected]
    best = own.history.best_epoch
    assert best is not None
    assert best < own.epochs
    assert (elman.load(folder / BEST).theta == thetas[best]).all()
    last = elman.load(folder / expected[-1])
    assert (last.theta == own.network.theta).all()
    assert last.layers == own.network.layers


def test_leftovers_of_a_killed_writer_are_cleared_and_nothing_else(tmp_path: Path):
    ours = [".update-000000003.safetensors.0123abcd.tmp", ".best.safetensors.ffffffff.tmp"]
    others = ["notes.txt", ".other.tmp", "update-3.txt", "net.safetensors"]
    for name in (*ours, *others):
        (tmp_path / name).write_text("x")
    fit(trainer(), checkpoint=tmp_path, epochs=1)
    assert names(tmp_path) == sorted([*others, BEST, "update-000000005.safetensors"])


@pytest.mark.parametrize("resumed", [None, "b"])
def test_another_trainings_folder_is_refused(resumed: str | None, tmp_path: Path):
    fit(trainer(), checkpoint=tmp_path / "a", epochs=1)
    resume = None if resumed is None else tmp_path / resumed
    with pytest.raises(ValueError, match=r"checkpoint: expected a folder without checkpoints, or resume= .* 2 of"):
        fit(trainer(), checkpoint=tmp_path / "a", resume=resume)


def test_checkpoints_of_two_folders_are_never_mixed(tmp_path: Path):
    fit(trainer(), checkpoint=tmp_path / "a", epochs=1)
    own = fit(trainer(), checkpoint=tmp_path / "c", resume=tmp_path / "a")  # read there, written here
    assert bits(own) == bits(fit(trainer()))
    assert len(names(tmp_path / "a")) == 2
    assert len(names(tmp_path / "c")) == 4


def test_the_bytes_of_a_checkpoint_are_the_same_but_for_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.train.fitting.epochs.time.perf_counter", lambda: 0.0)
    for name in "ab":
        stopped(trainer(), 8, checkpoint=tmp_path / name, every=2)
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# ---------------------------------------------------------------------------------------- what does not go together


@pytest.mark.parametrize(
    ("own", "asked", "words"),
    [
        ({"batch_size": 6}, {}, "batch_size was 5 and is 6"),
        ({"seed": 1}, {}, "seed was 0 and is 1"),
        ({"loss": "mae"}, {}, "loss was 'MSE' and is 'MAE'"),
        ({"optimizer": optim.Adam(0.05, 0.8)}, {}, "optimizer.beta1 was 0.9 and is 0.8"),
        ({"optimizer": "sgd"}, {}, "optimizer was 'Adam' and is 'SGD'"),
        ({"schedule": "plateau"}, {}, "schedule was 'Constant' and is 'Plateau'"),
        ({"clip_norm": 1.0, "truncate": 2}, {}, "clip_norm was None and is 1.0; truncate was None and is 2"),
        ({"shard_size": 3}, {}, "shard_size was 2 and is 3"),
        ({}, {"shuffle": False}, "shuffle was True and is False"),
        ({}, {"validation": 0.25}, r"validation.x was None and is '\(6, 4, 2\) float32"),
        ({}, {"lengths": LENGTHS}, r"lengths was None and is '\(23,\) int64, digest"),
        ({}, {"y": Y[::-1]}, r"; y was '\(23, 4, 1\) float32, digest|others: y was"),
    ],
)
def test_other_data_or_settings_are_refused_by_name(
    own: dict[str, Any], asked: dict[str, Any], words: str, tmp_path: Path
):
    stopped(trainer(), 12, checkpoint=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    other = trainer(**own)
    untouched = bits(other)
    match = r"resume: expected the data and settings of .*update-000000010\.safetensors, got others: .*" + words
    with pytest.raises(ValueError, match=match):
        fit(other, **{"checkpoint": tmp_path, "resume": tmp_path, **asked})
    assert bits(other) == untouched
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cell": "gru"}, r"others: layers\[0\].cell was 'LSTM' and is 'GRU'; schedule was"),
        ({"num_layers": 2}, r"layers\[1\] was 'Dense' and is 'Recurrent'"),
        ({"dtype": "float64"}, "dtype was 'float32' and is 'float64'"),
    ],
)
def test_another_network_is_refused(options: dict[str, Any], words: str, tmp_path: Path):
    fit(trainer(), checkpoint=tmp_path, epochs=1)
    net = elman.Network(2, 3, 1, **{"seed": 1, **options})
    other = Trainer(net, optimizer=optim.Adam(0.05), batch_size=5, shard_size=2, schedule="plateau")
    with pytest.raises(ValueError, match=words):
        fit(other, resume=tmp_path)


def test_of_many_differences_some_are_named(tmp_path: Path):
    fit(trainer(), checkpoint=tmp_path, epochs=1)
    other = trainer(batch_size=2, shard_size=3, seed=4, clip_norm=1.0, clip_value=1.0, truncate=3, loss="mae")
    with pytest.raises(ValueError, match=r"loss was .*; 2 more$"):
        fit(other, X, Y + 1, resume=tmp_path)


def test_rows_of_a_larger_array_have_a_digest_of_their_own(monkeypatch: pytest.MonkeyPatch):
    """Hashed in blocks, whose size is no part of it."""
    batch = requests.Batch(X, Y, LENGTHS)
    layout = elman.Network(2, 3, 1).layout
    whole = known.data(layout, batch)
    monkeypatch.setattr("elman.train.fingerprint.BLOCK", 100)
    assert known.data(layout, batch) == whole
    for row in range(23):
        other = X.copy()
        other[row, 0, 1] = np.nextafter(other[row, 0, 1], 9)
        assert known.data(layout, batch._replace(x=other))["x"] != whole["x"]


def test_settings_are_taken_apart():
    cell = elman.Simple(elman.Activation("sine", np.sin, np.cos))
    value = {"a": [1, np.float32(0.5), np.bool_(True)], "b": elman.Recurrent(3, cell), "c": np.inf, "d": known.plain}
    found = known.plain("v", value)
    assert found["v['a'][0]"] == 1
    assert found["v['a'][1]"] == 0.5
    assert found["v['a'][2]"] is True
    assert found["v['b']"] == "Recurrent"
    assert found["v['b'].cell.activation.function"] == "sin"
    assert found["v['c']"] == "inf"
    assert found["v['d']"] == "plain"
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert not known.differences(found, {**found, "added": False, "later": None})
    assert known.differences({"a": 1, "b": None}, {"a": True, "b": 2}) == ["b was None and is 2"]


@pytest.mark.parametrize("done", [8, 10])
def test_fewer_epochs_than_were_begun_are_refused(done: int, tmp_path: Path):
    stopped(trainer(), done + 1, checkpoint=tmp_path, every=done)
    with pytest.raises(ValueError, match=r"epochs: expected at least the 2 that .*\.safetensors has begun, got 1"):
        fit(trainer(), resume=tmp_path, epochs=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"every": 3}, ValueError, "every: expected a folder, checkpoint=, with it, got every=3 alone"),
        ({"every": 0, "checkpoint": "x"}, ValueError, "every: expected a whole number of at least 1, got 0"),
        ({"every": 1.5, "checkpoint": "x"}, TypeError, "every: .* got 1.5"),
        ({"keep": 0, "checkpoint": "x"}, ValueError, "keep: expected a whole number of at least 1, got 0"),
    ],
)
def test_arguments_are_checked_before_anything_is_made(
    options: Any, error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        fit(trainer(), **options)
    assert names(tmp_path) == []


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(FileExistsError, match="f'"):
        fit(trainer(), checkpoint=tmp_path / "f")
    with pytest.raises(NotADirectoryError, match="f'"):
        fit(trainer(), resume=tmp_path / "f")


@pytest.mark.parametrize("empty", [True, False])
def test_nothing_to_resume_is_a_fresh_start(empty: bool, tmp_path: Path):
    folder = tmp_path if empty else tmp_path / "missing"
    assert bits(fit(trainer(), resume=folder)) == bits(fit(trainer()))
    assert names(tmp_path) == []


def test_another_instruction_set_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stopped(trainer(), 8, checkpoint=tmp_path, every=3)
    made = folder_of.maker(elman.Network(2, 3, 1).engine)
    monkeypatch.setattr(folder_of, "maker", lambda engine: {**made, "isa": "abacus"})
    with pytest.warns(CheckpointWarning, match=r"isa was .* and is 'abacus'; results go on, but not to the last bit"):
        fit(own := trainer(), resume=tmp_path)
    assert own.epochs == 4


# ------------------------------------------------------------------------------------------------ damaged files


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x10
    path.write_bytes(data)


def another_kind(path: Path) -> None:
    path.unlink()
    elman.Network(2, 3, 1, seed=0).save(path)


def rewritten(path: Path, description: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Whole, and of the right kind, but not what a checkpoint says."""
    _, plain, arrays = io.read(path)
    io.write(path, "checkpoint", {**plain, **description}, {**arrays, **tensors})


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "half": lambda path: path.write_bytes(path.read_bytes()[:500]),
    "long": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "first byte": lambda path: flip(path, 0),
    "header": lambda path: flip(path, 0.1),
    "body": lambda path: flip(path, 0.9),
    "last byte": lambda path: flip(path, 1),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "text": lambda path: path.write_text("a shopping list"),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"theta": X})),
    "network": another_kind,
    "count": lambda path: rewritten(path, {"waited": -1}, {}),
    "settings": lambda path: rewritten(path, {"settings": 3}, {}),
    "history": lambda path: rewritten(path, {}, {"history.updates": np.zeros((3, 1))}),
    "folder": a_folder,
    "shapes": lambda path: rewritten(path, {}, {"slots[0]": np.zeros(3, np.float32)}),
    "best": lambda path: rewritten(path, {"best": 0.0}, {}),
    "optimizer": lambda path: rewritten(path, {"optimizer": {"learning_rate": -1}}, {}),
    **({"fifo": a_fifo} if hasattr(os, "mkfifo") else {}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_newest_causes_a_warning_and_the_last_good_is_used(damage: Callable[[Path], object], tmp_path: Path):
    stopped(trainer(), 12, checkpoint=tmp_path, every=2)
    damage(tmp_path / "update-000000010.safetensors")
    with pytest.warns(CheckpointWarning) as told:
        again = fit(trainer(), resume=tmp_path)
    assert len(told) == 1
    assert f"{tmp_path / 'update-000000010.safetensors'}" in str(told[0].message)
    assert str(told[0].message).endswith(f"Going on from {tmp_path / 'update-000000008.safetensors'}")
    assert "own.fit(" in linecache.getline(told[0].filename, told[0].lineno)
    assert bits(again) == bits(fit(trainer()))


def test_several_damaged_cause_one_warning_and_are_overwritten(tmp_path: Path):
    stopped(trainer(), 14, checkpoint=tmp_path, every=2, keep=3)
    assert names(tmp_path) == [BEST, *(f"update-{n:09}.safetensors" for n in (8, 10, 12))]
    for n in (10, 12):
        flip(tmp_path / f"update-{n:09}.safetensors", 0.9)
    with pytest.warns(
        CheckpointWarning, match=r"update-000000012.*; .*update-000000010.*Going on from .*000008"
    ) as told:
        stopped(trainer(), 9, checkpoint=tmp_path, resume=tmp_path, every=1, keep=1)
    assert len(told) == 1
    # with keep=1 the whole ones stay, not the damaged one with a higher number
    assert names(tmp_path) == [BEST, *(f"update-{n:09}.safetensors" for n in (8, 10, 12))]
    with pytest.warns(CheckpointWarning):
        again = fit(trainer(), checkpoint=tmp_path, resume=tmp_path, every=1, keep=2)
    assert bits(again) == bits(fit(trainer()))
    assert names(tmp_path) == [BEST, "update-000000019.safetensors", "update-000000020.safetensors"]
    fit(trainer(), resume=tmp_path)


def test_the_best_is_the_last_to_be_tried(tmp_path: Path):
    stopped(trainer(), 7, checkpoint=tmp_path)
    (tmp_path / "update-000000005.safetensors").write_bytes(b"")
    with pytest.warns(CheckpointWarning, match=r"Going on from .*best\.safetensors"):
        assert bits(fit(trainer(), resume=tmp_path)) == bits(fit(trainer()))


def more_updates(plain: dict[str, Any], tensors: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """All of one epoch, which does not have as many."""
    updates = np.repeat(tensors["history.updates"], 2, axis=1)
    return {"done": 2 * plain["done"], "updates": 2 * plain["updates"]}, {"history.updates": updates}


def fewer_states(plain: dict[str, Any], tensors: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Of fewer rows than the data has."""
    return {}, {name: tensors[name][:3] for name in ("carry[0]", "carry[1]")}


@pytest.mark.parametrize(("change", "window"), [(more_updates, None), (fewer_states, 2)])
def test_a_position_that_the_data_does_not_have_is_refused_before_anything_changes(
    change: Callable[..., Any], window: int | None, tmp_path: Path
):
    stopped(trainer(), 4, checkpoint=tmp_path, every=1, window=window)
    (newest,) = folder_of.files(tmp_path)[:1]
    rewritten(newest, *change(*io.read(newest)[1:]))
    own = trainer()
    before = own.network.theta.tolist()
    with pytest.raises(elman.FileError, match="its arrays and its position are not those of its settings"):
        fit(own, resume=tmp_path, window=window)
    assert (own.updates, own.network.theta.tolist()) == (0, before)


def test_none_that_is_whole_is_one_error(tmp_path: Path):
    stopped(trainer(), 12, checkpoint=tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"x")
    before, own = names(tmp_path), trainer()
    with pytest.raises(elman.FileError, match=r"no checkpoint in it is whole\. .*000010.*000005.*best") as caught:
        fit(own, checkpoint=tmp_path, resume=tmp_path)
    assert caught.value.path == str(tmp_path)
    assert own.updates == 0
    assert names(tmp_path) == before


# ------------------------------------------------------------------------------------------- disks that are full


class Faults:
    """Counts what is asked of the system while a checkpoint is written, and lets one call fail."""

    CALLS = ("open", "write", "fsync", "close", "replace")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fail, self.failed = -1, ""
        self.called: list[str] = []
        self.short = False  # a write that fails takes half of it first
        self.most: int | None = None  # bytes that any write takes
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._call(name, getattr(os, name)))

    def _call(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.called.append(name)
            if len(self.called) - 1 != self.fail:
                if name == "write":
                    args = (args[0], args[1][: self.most])
                return function(*args, **options)
            self.failed = name
            if name == "close":
                function(*args)
            if name == "write" and self.short:
                function(args[0], args[1][: len(args[1]) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return call


def test_a_full_disk_at_any_call_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each open, write, fsync, close and rename of a training fails in turn."""
    monkeypatch.setattr(
        "elman.train.fitting.epochs.BLOCK_SECONDS", 0.0
    )  # one update a block, so that `stopped` stops right there
    asked = {"epochs": 2, "every": 3, "validation": 0.3, "patience": 9}
    alone = fit(trainer(), **{**asked, "every": None})  # 4 updates an epoch
    faults, write = Faults(monkeypatch), writer.CheckpointWriter._write
    written: dict[Path, bytes] = {}

    def remember(keeper: writer.CheckpointWriter, name: str, *args: Any) -> None:
        write(keeper, name, *args)
        written[keeper.folder / name] = (keeper.folder / name).read_bytes()

    monkeypatch.setattr(writer.CheckpointWriter, "_write", remember)
    fit(trainer(), checkpoint=tmp_path / "count", **asked)
    called = list(faults.called)
    assert len(called) == 5 * 12  # two best ones and three others; each takes twelve calls, those of its folder too
    assert set(called) == set(Faults.CALLS)
    for fail, name in enumerate(called):
        for short in {False, name == "write"}:
            folder, own = tmp_path / "run", trainer()
            written.clear()
            faults.called.clear()
            faults.fail, faults.short, faults.failed = fail, short, ""
            with pytest.raises(OSError, match="No space left on device") as caught:
                fit(own, checkpoint=folder, **asked)
            faults.fail = -1
            assert faults.failed == name
            failed = Path(caught.value.filename)
            assert failed.parent == folder
            assert folder_of.UPDATE.fullmatch(failed.name) or failed.name == BEST
            # what was saved is there as it was; what failed is there whole, or not at all
            assert set(folder.iterdir()) - {failed} == written.keys() - {failed}
            assert all(path == failed or path.read_bytes() == data for path, data in written.items())
            for path in folder.iterdir():
                resume.Checkpoint.read(path)
            # the training in memory is whole: it is that of the updates done
            done = own.updates
            assert own.network.weights.trainer is None
            assert (own.history.update_loss == alone.history.update_loss[:done]).all()
            assert len(own.history) == done // 4
            if done < alone.updates:
                stopped(other := trainer(), done, **{**asked, "every": None})
                assert (own.network.theta == other.network.theta).all()
                assert all((a == b).all() for a, b in zip(own.slots, other.slots, strict=True))
            # with room again the next save works, in this very Trainer where there is something to go on from
            own = own if written or failed.exists() else trainer()
            assert bits(fit(own, checkpoint=folder, resume=folder, **asked)) == bits(alone)
            shutil.rmtree(folder)


def test_an_old_one_that_cannot_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(path: Any, *args: Any, **options: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refused)
        with pytest.raises(PermissionError, match=r"update-000000003\.safetensors"):
            fit(trainer(), checkpoint=tmp_path, every=3, keep=1)
    assert names(tmp_path) == [BEST, "update-000000003.safetensors", "update-000000006.safetensors"]
    assert bits(fit(trainer(), checkpoint=tmp_path, resume=tmp_path, every=3, keep=1)) == bits(fit(trainer()))
    assert names(tmp_path) == [BEST, "update-000000020.safetensors"]


@pytest.mark.parametrize("most", [1, 100, 4096])
def test_short_writes_are_gone_on_with(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.train.fitting.epochs.time.perf_counter", lambda: 0.0)
    fit(trainer(), checkpoint=tmp_path / "a", epochs=1)
    Faults(monkeypatch).most = most
    fit(trainer(), checkpoint=tmp_path / "b", epochs=1)
    monkeypatch.undo()
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_write_that_takes_nothing_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Faults(monkeypatch).most = 0
    with pytest.raises(OSError, match=r"No space left on device: .*best\.safetensors"):
        fit(trainer(), checkpoint=tmp_path)
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
def test_a_limit_that_the_system_itself_sets(tmp_path: Path):
    """No simulation: the kernel takes a part of the file, then none."""
    resource = pytest.importorskip("resource")
    stopped(own := trainer(), 7, checkpoint=tmp_path, every=3)
    size = (tmp_path / "update-000000006.safetensors").stat().st_size
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 1, size // 2, size - 1):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            with pytest.raises(OSError, match="File too large") as caught:
                fit(own := trainer(), checkpoint=tmp_path, resume=tmp_path, every=3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.filename == str(tmp_path / "update-000000009.safetensors")
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert bits(fit(own, checkpoint=tmp_path, resume=tmp_path, every=3)) == bits(fit(trainer()))


def test_ctrl_c_while_saving_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stopped(trainer(), 7, checkpoint=tmp_path, every=3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(trainer(), checkpoint=tmp_path, resume=tmp_path, every=3)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert bits(fit(trainer(), checkpoint=tmp_path, resume=tmp_path, every=3)) == bits(fit(trainer()))


# ----------------------------------------------------------------------------------------------- killed for real


def campaign(kills: int, seed: int) -> dict[str, Any]:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork and SIGKILL")
    program = Path(__file__).with_name("kills.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, str(program), "--kills", str(kills), "--seed", str(seed)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_some_kills():
    assert campaign(kills=5, seed=2)["kills"] >= 5


@pytest.mark.slow
def test_three_hundred_kills():
    """About a minute; about half of the kills come while a checkpoint is written."""
    found = campaign(kills=300, seed=0)
    print(found)
    assert found["kills"] >= 300
    assert found["kills"] - found["doing"]["training"] >= 60


def test_no_warning_where_all_is_well(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stopped(trainer(), 7, checkpoint=tmp_path, every=3)
        fit(trainer(), checkpoint=tmp_path, resume=tmp_path, every=3)
