"""The frame of the command line: help, version, wrong usage, a missing extra, interrupts; and the small commands."""

from __future__ import annotations

import importlib.util
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main

COMMANDS = ("forecast", "predict", "anomalies", "inspect", "gradcheck", "config", "demo")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"elman {elman.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"\b{command}\b", out) for command in COMMANDS)
    assert "\033[" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--help"]) == 0
    assert "Usage: elman " + command in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forcast"], "forcast"),
        (["forecast", "--horizn", "3"], "--horizn"),
        (["forecast", "--horizon", "0"], "--horizon"),
        (["forecast", "--horizon", "many"], "--horizon"),
        (["forecast", "--missing", "guess"], "'error', 'interpolate'"),
        (["forecast", "--levels", "eighty"], "--levels: expected percentages"),
        (["forecast", "a.csv", "b.csv"], "b.csv"),
        (["predict"], "MODEL"),
        (["inspect"], "MODEL"),
        (["demo", "cosine"], "cosine"),
        (["config", "--seed", "1"], "--seed"),
        (["forecast", ""], "DATA': expected a word, got an empty one"),
        (["predict", ""], "MODEL': expected a word, got an empty one"),
        (["gradcheck", ""], "expected a word, got an empty one"),
        (["anomalies", "--out", ""], "--out': expected a word, got an empty one"),
        (["backtest", "--target", ""], "--target': expected a word, got an empty one"),
        (["forecast", "--id", ""], "--id': expected a word, got an empty one"),
        (["forecast", "--past", "a,,b"], "--past: expected names with commas between them"),
        (["forecast", "--seed", str(2**63)], "--seed"),
        (["bench", "--seconds", "nan"], "--seconds: expected a finite number"),
        (["bench", "--seconds", "1e9"], "--seconds: expected a finite number in [0.01, 3600.0]"),
        (["demo", "sine", "--epochs", "1000000000"], "--epochs"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("elman: ")
    assert err.count("\n") == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["typer", "rich", "matplotlib"])
def test_without_the_extra(missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    assert main(["config"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"elman: the command line needs {missing}; type: pip install 'elman[cli]'\n"


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.engines.config.show_config", interrupted)
    assert main(["config"]) == 130
    assert capsys.readouterr().err.startswith("elman: interrupted;")


def test_a_warning_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def warned() -> dict[str, str]:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("elman: the compiled core is elsewhere", RuntimeWarning, stacklevel=2)
        return {}

    monkeypatch.setattr("elman.engines.config.show_config", warned)
    assert main(["config"]) == 0
    assert capsys.readouterr().err == "elman: the compiled core is elsewhere\n"


def test_a_training_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def failed() -> None:
        network = elman.Network(1, 2, 1, seed=0)
        network.theta[...] = np.nan
        elman.Trainer(network).update(np.ones((2, 3, 1)), np.ones((2, 3, 1)))

    monkeypatch.setattr("elman.engines.config.show_config", failed)
    assert main(["config"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("elman: training stopped at update 1: loss nan")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device", "x.csv")])
def test_a_machine_that_is_too_small_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def failed() -> None:
        raise error

    monkeypatch.setattr("elman.engines.config.show_config", failed)
    assert main(["config"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_config(capsys: pytest.CaptureFixture[str]):
    assert main(["config"]) == 0
    assert re.search(rf"version +{re.escape(elman.__version__)}\n", capsys.readouterr().out)
    assert main(["config", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == elman.show_config()


def test_inspect_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    network = elman.Network(2, 3, 1, cell="gru", seed=0)
    network.save(tmp_path / "net.safetensors")
    assert main(["inspect", "net.safetensors"]) == 0
    out = capsys.readouterr().out
    assert f"a network, {network.num_parameters} numbers" in out
    assert re.search(r"weight_hh_l0 +9 x 3 +float32", out)
    assert main(["inspect", "net.safetensors", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "network"
    assert {name: tuple(entry["shape"]) for name, entry in found["tensors"].items()} == {
        name: array.shape for name, array in network.parameters.items()
    }


@pytest.mark.parametrize("command", ["inspect", "predict", "gradcheck"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent", "No such file"),
        ("text", "not a safetensors file"),
        ("cut", "the file is cut short"),
        ("flipped", "altered"),
    ],
)
def test_files_that_are_no_model(
    command: str, name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "text.safetensors").write_text("name,value\n" * 100)
    network = elman.Network(1, 2, 1, seed=0)
    network.save(tmp_path / "net.safetensors")
    data = bytearray((tmp_path / "net.safetensors").read_bytes())
    (tmp_path / "cut.safetensors").write_bytes(data[:-9])
    data[-2] ^= 1
    (tmp_path / "flipped.safetensors").write_bytes(data)
    assert main([command, f"{name}.safetensors"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"elman: {name}.safetensors: ")
    assert err.count("\n") == 1
    assert said in err


def test_gradcheck_of_a_saved_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    elman.Network(2, 3, 1, cell="lstm", seed=0).save(tmp_path / "net.safetensors")
    assert main(["gradcheck", "net.safetensors"]) == 0
    assert "passed" in capsys.readouterr().out


RIGHT = """
import numpy as np
class RNN:
    def __init__(self, input_size, hidden_size, output_size):
        self.W_xh = 0.01 * np.random.randn(hidden_size, input_size)
        self.W_hh = 0.01 * np.random.randn(hidden_size, hidden_size)
        self.W_hy = 0.01 * np.random.randn(output_size, hidden_size)
    def forward(self, x):
        self.h = [np.zeros(len(self.W_hh))]
        for row in x:
            self.h.append(np.tanh(self.W_xh @ row + self.W_hh @ self.h[-1]))
        return np.array([self.W_hy @ h for h in self.h[1:]])
    def backward(self, x, y, learning_rate):
        dy = self.forward(x) - y
        dxh, dhh, dhy = np.zeros_like(self.W_xh), np.zeros_like(self.W_hh), np.zeros_like(self.W_hy)
        following = 0
        for t in reversed(range(len(x))):
            dhy += np.outer(dy[t], self.h[t + 1])
            da = (1 - self.h[t + 1] ** 2) * (self.W_hy.T @ dy[t] + following)
            dxh += np.outer(da, x[t]); dhh += np.outer(da, self.h[t])
            following = self.W_hh.T @ da
        self.W_xh -= learning_rate * dxh; self.W_hh -= learning_rate * dhh; self.W_hy -= learning_rate * dhy
"""


def test_gradcheck_of_a_students_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.py").write_text(RIGHT)
    assert main(["gradcheck", "mine.py:RNN"]) == 0
    assert "passed" in capsys.readouterr().out
    (tmp_path / "mine.py").write_text(RIGHT.replace("(1 - self.h[t + 1] ** 2) * ", ""))
    assert main(["gradcheck", "mine.py:RNN"]) == 1
    assert "1 - h^2" in capsys.readouterr().out
    assert main(["gradcheck", "mine.py:RNN", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["passed"]
    assert "1 - h^2" in found["mistakes"][0]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("absent.py:RNN", "absent.py: expected a Python file"),
        ("broken.py:RNN", "broken.py, line 2"),
        ("mine.py:RMM", "expected a class RMM; it defines RNN"),
    ],
)
def test_programs_that_cannot_be_checked(target: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.py").write_text(RIGHT)
    (tmp_path / "broken.py").write_text("import numpy\ndef f(:\n")
    assert main(["gradcheck", target]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
