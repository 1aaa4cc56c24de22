"""The command line as a program of its own: exit codes, signals, terminals, and readers that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.core.files.leftovers import PREFIX

posix = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")
LONG = ["forecast", "--horizon", "1", "--context", "200"]  # takes seconds


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _signals_end_commands() -> Iterator[None]:
    """Also where the tests run under `nohup`, whose ignored signal commands would inherit."""
    if os.name != "posix":
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def program(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parent.parent), "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "elman", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, text=True, env=environment | (env or {}), **pipes)


def training(**options: Any) -> subprocess.Popen[str]:
    """A command in the middle of its work."""
    process = program(*LONG, start_new_session=True, **options)
    assert process.stderr is not None
    assert "training" in process.stderr.readline()
    time.sleep(0.1)
    return process


@pytest.mark.parametrize(
    ("arguments", "code"), [(["config"], 0), (["forecast", "--horizn"], 2), (["forecast", "absent.csv"], 3)]
)
def test_exit_codes(arguments: list[str], code: int):
    process = program(*arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "\033" not in out + err


@posix
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
    ],
)
def test_signals_leave_no_broken_file(number: int, code: int, said: str, tmp_path: Path):
    (tmp_path / "sunspots.Sunspots.forecast.csv").write_text("older")
    process = training()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    *progress, last = err.splitlines()
    assert last == f"elman: {said}; no file was left half-written"
    assert all(line.startswith("training, and testing on the last windows ... ") for line in progress)
    assert [p.name for p in tmp_path.iterdir()] == ["sunspots.Sunspots.forecast.csv"]
    assert (tmp_path / "sunspots.Sunspots.forecast.csv").read_text() == "older"


# A picture that takes as long as it is wanted to, after the table was written under its hidden name
SLOW = (
    "import sys, time, elman.plots\n"
    "def draw(*_):\n    print('drawing', flush=True)\n    time.sleep(60)\n"
    "elman.plots.forecast_plot = draw\n"
    "from elman.cli import main\nsys.exit(main(['forecast', '--effort', 'fast']))"
)


@posix
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_signals_while_files_are_written(number: int, code: int, tmp_path: Path):
    """What was written goes with the command, and where it is killed, with the next one."""
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    while "drawing" not in process.stdout.readline():
        pass
    assert any(path.name.startswith(PREFIX) for path in tmp_path.iterdir())
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert bool(list(tmp_path.iterdir())) == (number == signal.SIGKILL)
    elman.Network(1, 2, 1, seed=0).save("net.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


@posix
def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup."""
    process = training(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_a_reader_that_goes_away():
    """`elman ... | head -1`: no traceback."""
    process = program("inspect", "--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("arguments", [["config"], ["config", "--json"]])
def test_a_full_disk_behind_stdout(arguments: list[str]):
    with open("/dev/full", "w") as full:
        process = program(*arguments, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err == "elman: standard output: No space left on device\n"


@posix
@pytest.mark.parametrize("json_too", [False, True])
@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_a_terminal_of_ascii_alone(env: dict[str, str], json_too: bool, tmp_path: Path):
    (tmp_path / "größe.csv").write_text("größe\n" + "\n".join(str(i % 7 + i % 3) for i in range(60)) + "\n", "utf-8")
    options = ["--effort", "fast", "--windows", "1", *(["--json"] if json_too else [])]
    process = program("forecast", "größe.csv", *options, env=env)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.isascii()
    if json_too:
        assert json.loads(out)["target"] == "größe"
    else:
        assert r"gr\xf6\xdfe: 60 rows" in out
    assert (tmp_path / "größe.größe.forecast.csv").exists()
