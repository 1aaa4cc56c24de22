from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import elman
from elman import progress

X = np.zeros((4, 3, 1), np.float32)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def train(epochs: int, **options: object) -> elman.Trainer:
    own = elman.Trainer(elman.Network(1, 2, 1, seed=0))
    own.fit(X, X + 1, epochs=epochs, **options)  # type: ignore[arg-type]
    return own


@pytest.mark.parametrize(("epochs", "first", "count"), [(1, 1, 1), (7, 1, 7), (200, 1, 11), (1003, 1, 11)])
def test_plain_lines_are_few(epochs: int, first: int, count: int, capsys: pytest.CaptureFixture[str]):
    with progress.reporter(True, epochs) as report:
        for epoch in range(1, epochs + 1):
            report.updates(epoch, 1, 1)
            report.epoch(epoch, 0.5, float("nan"))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert abs(len(lines) - count) <= 1
    assert lines[0].startswith(f"epoch 1/{epochs}  loss 0.5  ")
    assert lines[-1].startswith(f"epoch {epochs}/{epochs}  ")


def test_the_last_epoch_is_told_also_where_training_ends_early(capsys: pytest.CaptureFixture[str]):
    own = train(100, validation=0.5, callback=lambda trainer: trainer.epochs == 34)
    last = capsys.readouterr().err.splitlines()[-1]
    epoch = own.history.epochs[-1]
    assert last.startswith(f"epoch 34/100  loss {epoch.loss:.6g}  validation {epoch.validation_loss:.6g}  ")


def test_silence(capsys: pytest.CaptureFixture[str]):
    train(3, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    own = train(5)
    text = terminal.getvalue()
    assert f"epoch 5  loss {own.history.loss[-1]:.6g}" in text
    assert "100%" in text


def test_plain_lines_on_a_terminal_without_rich(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    train(2)
    assert [line.split("  ")[0] for line in terminal.getvalue().splitlines()] == ["epoch 1/2", "epoch 2/2"]
