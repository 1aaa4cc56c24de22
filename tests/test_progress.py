"""What a training prints: speed, time left, one short line."""

from __future__ import annotations

import io
import math
import re
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elman
from elman.train import progress
from elman.train.progress import Pace, clock, short

X = np.zeros((4, 3, 1), np.float32)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(progress.time, "perf_counter", lambda: self.now)


def train(epochs: int, **options: Any) -> elman.Trainer:
    own = elman.Trainer(elman.Network(1, 2, 1, seed=0))
    own.fit(X, X + 1, epochs=epochs, **options)
    return own


# ------------------------------------------------------------------------------------------------- lines


@pytest.mark.parametrize(("epochs", "count"), [(1, 1), (7, 7), (200, 11), (1003, 11)])
def test_plain_lines_are_few(epochs: int, count: int, capsys: pytest.CaptureFixture[str]):
    with progress.reporter(True, epochs) as report:
        for epoch in range(1, epochs + 1):
            report.updates(epoch, 1, 1)
            report.epoch(epoch, 0.5, math.nan)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert abs(len(lines) - count) <= 1
    assert lines[0].startswith(f"epoch 1/{epochs}  loss 0.5  ")
    assert lines[-1].startswith(f"epoch {epochs}/{epochs}  ")


def test_speed_and_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Four epochs of 100 updates, half a minute each: the whole text."""
    time = Clock(monkeypatch)
    with progress.reporter(True, 4) as report:
        for epoch in range(1, 5):
            report.updates(epoch, 0, 100)
            time.now += 10
            report.updates(epoch, 30, 100)
            time.now += 20
            report.updates(epoch, 100, 100)
            report.epoch(epoch, 1 / epoch, 123456.789)
    assert capsys.readouterr().err == (
        "epoch 1/4  loss 1  validation 1.2346e+05  3.33 updates/s  1:30 left\n"
        "epoch 2/4  loss 0.5  validation 1.2346e+05  3.33 updates/s  1:00 left\n"
        "epoch 3/4  loss 0.33333  validation 1.2346e+05  3.33 updates/s  30 s left\n"
        "epoch 4/4  loss 0.25  validation 1.2346e+05  3.33 updates/s  2:00\n"
    )


def test_a_training_that_goes_on_counts_its_own_updates(monkeypatch: pytest.MonkeyPatch):
    """Those of an earlier call, here ten epochs and five updates, took this one no time."""
    time = Clock(monkeypatch)
    pace = Pace(20)
    pace.updates(11, 5, 20)
    time.now += 4
    pace.updates(11, 10, 20)
    assert pace.line(11) == "epoch 11/20  1.25 updates/s  2:32 left"
    time.now += 8
    pace.updates(11, 20, 20)
    assert pace.line(11) == "epoch 11/20  1.25 updates/s  2:24 left"
    assert pace.line(11, ended=True) == "epoch 11/20  1.25 updates/s  12 s"


def test_a_long_epoch_is_told_of_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    with progress.reporter(True, 1) as report:
        for done in range(11):
            clock.now += 9.0
            report.updates(1, done, 10)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0] == "epoch 1/1  0.0741 updates/s  1:48 left"


def test_the_last_epoch_is_printed_also_where_training_ends_early(capsys: pytest.CaptureFixture[str]):
    own = train(100, validation=0.5, callback=lambda trainer: trainer.epochs == 34)
    *_, before, last = capsys.readouterr().err.splitlines()
    epoch = own.history.epochs[-1]
    assert last.startswith(f"epoch 34/100  loss {epoch.loss:.5g}  validation {epoch.validation_loss:.5g}  ")
    assert re.fullmatch(r".* updates/s  [\d.]+ s", last)  # the time it took, since nothing is left
    assert re.fullmatch(r"epoch 30/100 .* updates/s  [\d.]+ s left", before)


LOSS = st.floats(allow_infinity=False, allow_nan=True, width=32)


@given(
    st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    LOSS,
    LOSS,
    st.floats(1e-6, 1e5),
    st.integers(1, 10**6),
    st.booleans(),
)
def test_a_line_is_short(
    epochs: tuple[int, int], loss: float, validation: float, seconds: float, total: int, ended: bool
):
    """Whatever is trained for up to 100 hours."""
    (epoch, last), clock_ = epochs, progress.time.perf_counter
    now = [0.0]
    progress.time.perf_counter = lambda: now[0]  # type: ignore[assignment]
    try:
        pace = Pace(last)
        pace.updates(epoch, 0, total)
        now[0] = seconds
        pace.updates(epoch, total, total)
        pace.epoch(loss, validation)
        line = pace.line(epoch, ended)
    finally:
        progress.time.perf_counter = clock_
    left = (last - epoch) * seconds
    if left < 360_000 and total / seconds < 1e6:
        assert len(line) < 100
    assert "\n" not in line
    assert line.startswith(f"epoch {epoch}/{last}  loss ")


def test_a_line_before_the_first_update_divides_by_nothing():
    assert re.fullmatch(r"epoch 1/3  0 updates/s  0.0 s", Pace(3).line(1))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (125.2, "2:05"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (363599, "100:59:59"),
    ],
)
def test_clock(seconds: float, text: str):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("speed", "text"),
    [(0, "0"), (0.0123, "0.0123"), (12.34, "12.3"), (999.4, "999"), (1000, "1000"), (9999.6, "10k"), (123456, "123k")],
)
def test_short(speed: float, text: str):
    assert short(speed) == text


def test_silence(capsys: pytest.CaptureFixture[str]):
    train(3, progress=False)
    assert capsys.readouterr() == ("", "")


# --------------------------------------------------------------------------------------------------- bar


def shown(monkeypatch: pytest.MonkeyPatch, columns: int, run: Any) -> list[str]:
    """The states of the bar's line, without the terminal's codes."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("rich")
    histories: list[elman.History] = []
    lines = shown(monkeypatch, 120, lambda: histories.append(train(5, validation=0.5).history))
    epoch = histories[0].epochs[-1]
    figures = f"epoch 5/5  loss {epoch.loss:.5g}  validation {epoch.validation_loss:.5g}"
    assert re.fullmatch(rf"\S+ {re.escape(figures)}  \S+ updates/s  [\d.]+ s *", lines[-1])
    assert max(len(line.rstrip()) for line in lines) < 100


def test_a_narrow_terminal_keeps_one_line(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("rich")
    lines = shown(monkeypatch, 50, lambda: train(3, validation=0.5))
    assert re.match(r"epoch 3/3  loss \S+  validation \S+ .*…", lines[-1])  # the bar gives way to the words
    assert max(map(len, lines)) <= 50


def test_the_bar_is_closed_where_training_fails(monkeypatch: pytest.MonkeyPatch):
    """The cursor, hidden by the bar, is shown again."""
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    def failing(own: elman.Trainer) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        train(3, callback=failing)
    assert terminal.getvalue().rstrip().endswith("\x1b[?25h")


def test_plain_lines_on_a_terminal_without_rich(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    train(2)
    assert [line.split("  ")[0] for line in terminal.getvalue().splitlines()] == ["epoch 1/2", "epoch 2/2"]
