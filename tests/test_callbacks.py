"""Callbacks: what each wrote is read back, also after a kill, a full disk and a resume."""

from __future__ import annotations

import errno
import importlib.util
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import callbacks, plots
from elman.train.callbacks import JSONLog, LearningCurve, TensorBoard

X = np.random.default_rng(0).normal(size=(10, 3, 1)).astype(np.float32)


def trainer() -> elman.Trainer:
    return elman.Trainer(elman.Network(1, 3, 1, cell="tanh", seed=0), schedule=elman.schedules.Step(3, 0.5))


def fit(own: elman.Trainer, epochs: int = 3, **options: Any) -> elman.History:
    return own.fit(X, X.cumsum(axis=1), epochs=epochs, **{"progress": False, **options})


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


# --------------------------------------------------------------------------------------------------- fit


@pytest.mark.parametrize("stopping", [0, 1])
def test_each_of_several_is_called_whatever_the_others_say(stopping: int):
    called: list[tuple[int, int]] = []
    many = [lambda own, i=i: called.append((own.epochs, i)) or (i == stopping and own.epochs == 2) for i in range(2)]
    assert len(fit(trainer(), 9, callback=many)) == 2
    assert called == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert len(fit(trainer(), 2, callback=())) == 2


class Finishing:
    def __init__(self, failing: type[BaseException] | None = None) -> None:
        self.finished: list[int] = []
        self.failing = failing

    def __call__(self, own: elman.Trainer) -> None:
        if self.failing:
            raise self.failing

    def finish(self, own: elman.Trainer) -> None:
        self.finished.append(own.epochs)


def test_finish_is_called_when_training_ends():
    one, other = Finishing(), Finishing()
    own = trainer()
    fit(own, callback=[one, other])
    fit(own, callback=[one, lambda own: True])
    assert one.finished == [3, 4]
    assert other.finished == [3]


@pytest.mark.parametrize("failing", [KeyboardInterrupt, OSError])
def test_finish_is_called_where_a_callback_raises(failing: type[BaseException]):
    other, raising = Finishing(), Finishing(failing)
    with pytest.raises(failing):
        fit(trainer(), callback=[other, raising])
    assert other.finished == raising.finished == [1]


def test_finish_is_called_where_training_fails():
    diverging = elman.Trainer(elman.Network(1, 3, 1, cell="relu", seed=0), optimizer=elman.optim.SGD(1e25))
    callback = Finishing()
    with pytest.raises(elman.TrainingError):
        fit(diverging, 9, callback=callback)
    assert len(callback.finished) == 1


@pytest.mark.parametrize("wrong", [3, [print, 3], "log.jsonl"])
def test_what_cannot_be_called_is_refused(wrong: Any):
    with pytest.raises(TypeError, match="callback: expected a function of the Trainer, or a list of them, got"):
        fit(trainer(), callback=wrong)


# ----------------------------------------------------------------------------------------------- JSON lines


def test_a_log_holds_the_history(tmp_path: Path):
    own = trainer()
    history = fit(own, 4, validation=0.3, callback=JSONLog(tmp_path / "log.jsonl"))
    found = lines(tmp_path / "log.jsonl")
    assert [line.pop("epoch") for line in found] == [1, 2, 3, 4]
    assert found == [epoch._asdict() for epoch in history.epochs]  # floats come back to the last bit
    assert found[-1]["learning_rate"] == 0.0005


def test_what_is_not_finite_is_null(tmp_path: Path):
    own = trainer()
    fit(own, 1)
    own.history.epochs[-1] = own.history.epochs[-1]._replace(loss=math.inf)
    JSONLog(tmp_path / "log.jsonl")(own)
    (line,) = lines(tmp_path / "log.jsonl")
    assert line["validation_loss"] is None
    assert line["loss"] is None


@pytest.mark.parametrize("half", ["", "{", '{"epoch": ', '{"epoch": 3, "loss": 0.2', '{"epoch": 3, "loss": 1}'])
@pytest.mark.parametrize("before", [0, 2, 3000])
def test_a_killed_log_is_gone_on_with(half: str, before: int, tmp_path: Path):
    """Whole lines stay, a half one goes, and the new ones follow."""
    path = tmp_path / "log.jsonl"
    kept = "".join(f'{{"epoch": {i + 1}, "loss": 0.5, "seconds": 1.25}}\n' for i in range(before))
    path.write_text(kept + half, "utf-8")
    fit(trainer(), 2, callback=JSONLog(path))
    assert path.read_text("utf-8").startswith(kept)
    assert [line["epoch"] for line in lines(path)] == [*range(1, before + 1), 1, 2]


@pytest.mark.parametrize("text", ["notes", "notes\n", '{"name": 1}\n', '[1]\n{"epoch": 1', "x" * 100_000])
def test_another_kind_of_file_is_left_alone(text: str, tmp_path: Path):
    (tmp_path / "notes.txt").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"path: expected a log of JSON lines or a new file, got '"):
        JSONLog(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text("utf-8") == text


def test_a_log_that_cannot_be_written_is_refused_before_training(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        JSONLog(tmp_path / "nowhere" / "log.jsonl")
    with pytest.raises(OSError, match=str(tmp_path.name)):
        JSONLog(tmp_path)


@pytest.mark.parametrize("fails", ["after a part", "with an error"])
def test_a_full_disk_leaves_whole_lines(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "log.jsonl"
    own, log = trainer(), JSONLog(path)
    fit(own, 2, callback=log)
    write = os.write

    def short(descriptor: int, data: bytes) -> int:
        return write(descriptor, data[:20])

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", short if fails == "after a part" else full)
    with pytest.raises(OSError, match=r"full|space") as caught:
        fit(own, 1, callback=log)
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert [line["epoch"] for line in lines(path)] == [1, 2]
    fit(own, 1, callback=log)
    assert [line["epoch"] for line in lines(path)] == [1, 2, 4]


# ------------------------------------------------------------------------------------------------ TensorBoard


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """(name, step, value) of every scalar in a folder's event files; the records' framing is read here."""
    from tensorboardX.proto.event_pb2 import Event

    found: list[tuple[str, int, float]] = []
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (size,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + size])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            place += 12 + size + 4
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what tensorboardX imports
def test_tensorboard_reads_every_figure(tmp_path: Path):
    pytest.importorskip("tensorboardX")
    own = trainer()
    board = TensorBoard(tmp_path)
    fit(own, 3, callback=board)
    assert len(scalars(tmp_path)) == 12  # no validation loss, since it is NaN
    fit(own, 1, validation=0.5, callback=board)
    found = {(name, step): value for name, step, value in scalars(tmp_path)}
    assert len(found) == 17
    for number, epoch in enumerate(own.history.epochs, 1):
        for name, value in epoch._asdict().items():
            if math.isfinite(value):
                assert found[name, number] == np.float32(value)


def test_without_tensorboardx_the_command_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'elman\[tensorboard\]'"):
        TensorBoard(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# ---------------------------------------------------------------------------------------------- learning curve


def test_the_curve_is_drawn_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn: list[int] = []
    now = [0.0]
    monkeypatch.setattr(plots, "learning_curve", lambda history, path: drawn.append(len(history)))
    monkeypatch.setattr(plots, "needs_matplotlib", lambda: None)
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])

    def pass_by(own: elman.Trainer) -> None:
        now[0] += 4.0

    fit(trainer(), 9, callback=[LearningCurve(tmp_path / "a.png"), pass_by])
    assert drawn == [1, 4, 7, 9]  # at 0, 12 and 24 seconds, and in the end
    drawn.clear()
    fit(trainer(), 3, callback=LearningCurve(tmp_path / "a.png", seconds=0))
    assert drawn == [1, 2, 3, 3]


def test_a_real_curve(tmp_path: Path):
    pytest.importorskip("matplotlib")
    fit(trainer(), 2, callback=LearningCurve(tmp_path / "curve.png"))
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


def test_curves_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match=r"seconds: .* got -1"):
        LearningCurve(tmp_path / "a.png", seconds=-1)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'elman\[cli\]'"):
        LearningCurve(tmp_path / "a.png")


# --------------------------------------------------------------------------------------------------- kills


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs kill")
def test_a_log_killed_at_any_moment_has_whole_lines(tmp_path: Path):
    program = (
        "import sys, elman, numpy as np\n"
        "own = elman.Trainer(elman.Network(1, 2, 1, cell='tanh', seed=0)); x = np.ones((4, 3, 1), 'float32')\n"
        "log = elman.callbacks.JSONLog(sys.argv[1]); print(flush=True)\n"
        "own.fit(x, x, epochs=10**6, progress=False, callback=log)\n"
    )
    rng, path, whole = np.random.default_rng(0), tmp_path / "log.jsonl", 0
    for _ in range(10):
        child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, env={
            **os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])
        })  # fmt: skip
        assert child.stdout
        child.stdout.readline()
        try:
            child.wait(rng.uniform(0.01, 0.2))
        except subprocess.TimeoutExpired:
            child.kill()
        child.communicate()
        JSONLog(path)
        found = lines(path) if path.stat().st_size else []
        assert len(found) >= whole
        whole = len(found)
    assert whole > 100


def test_the_module_is_found_without_its_extras():
    """`import elman.callbacks` loads neither matplotlib nor tensorboardX."""
    program = "import sys, elman.callbacks; assert not {'matplotlib', 'tensorboardX'} & set(sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], check=True, env=env)
    assert importlib.util.find_spec("elman.callbacks")
