"""`elman train speech` and what `elman predict` makes of its models: what they write and say, and every bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_sounds import RATE, words

import elman
from elman import SpeechModel
from elman.cli import main

wavfile = pytest.importorskip("scipy.io.wavfile")
pytest.importorskip("matplotlib")
QUICK = ["--hidden-size", "8", "--layers", "1", "--updates", "6", "--batch-size", "8"]
WRITTEN = ["sounds.learning.png", "sounds.speech.png", "sounds.speech.safetensors"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, samples: np.ndarray, rate: int = RATE) -> None:
    wavfile.write(name, rate, np.round(samples * 32767).astype(np.int16))


@pytest.fixture
def folder() -> Path:
    """A folder of 16 sounds with a table of what is said in them."""
    Path("sounds").mkdir()
    sounds, labels = words(16)
    rows = ["file,text"]
    for i, (sound, label) in enumerate(zip(sounds, labels, strict=True)):
        write(f"sounds/{i:02}.wav", sound)
        rows.append(f"{i:02}.wav,{label}")
    Path("sounds/labels.csv").write_text("\n".join(rows) + "\n")
    return Path("sounds")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "m.speech.safetensors"
    options: dict[str, Any] = {"hidden_size": 16, "num_layers": 1, "batch_size": 8, "rate": RATE}
    SpeechModel(**options, updates=160, learning_rate=0.01).fit(*words(40)).save(path)
    return path


def train(*arguments: str) -> int:
    return main(["train", "speech", *arguments, *QUICK])


# ------------------------------------------------------------------------------------------------------ training


def test_a_folder_is_learned_compared_and_written(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert train("sounds") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("sounds: 16 sounds, ")
    assert lines[0].endswith("s at 8,000 Hz")
    assert lines[1] == "  labels: labels.csv, its columns file and text"
    assert lines[2] == "a recogniser of characters: 1 x gru of 8, both ways"
    assert "6 updates, 3 passes over the sounds, in " in out
    assert "On 2 sounds held out" in out
    for name in ("most frequent sequence", "most frequent label, repeated", "this model"):
        assert any(line.strip().startswith(name) for line in lines), name
    assert "Train longer (--minutes), or on more sounds." in out
    assert any(line.split() == ["held", "out", "said", "heard"] for line in lines)
    assert lines[-1] == "More: elman predict sounds.speech.safetensors sound.wav --plot"
    assert "epoch 3/3" in err
    assert sorted(path.name for path in Path().glob("*.*")) == WRITTEN
    model = elman.load("sounds.speech.safetensors")
    assert (model.updates, model.features_.frames.rate, model.alphabet_.tokens) == (6, RATE, ("a", "b", "c"))


def test_json_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]):
    options = ("--level", "words", "--one-way", "--rate", "8000", "--bands", "20", "--stack", "2", "--cell", "lstm")
    assert train("sounds", "--json", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["updates"], found["passes"], found["rate"], found["level"]) == (6, 3, RATE, "words")
    assert found["held_out"]["sounds"] == 2
    assert set(found["baselines"]) == {"most frequent sequence", "most frequent label, repeated"}
    assert len(found["validation_loss"]) == 3
    assert [each["sound"] for each in found["examples"]] == [each["sound"] for each in found["examples"]]
    assert len(found["examples"]) == 2
    assert sorted(found["files"]) == WRITTEN
    model = elman.load("sounds.speech.safetensors")
    assert (model.bidirectional, model.features_.scaling, model.features_.frames.size) == (False, "training", 40)


def test_texts_beside_the_sounds_do_too(folder: Path, capsys: pytest.CaptureFixture[str]):
    rows = list(csv.reader(Path("sounds/labels.csv").read_text().splitlines()))[1:]
    Path("sounds/labels.csv").unlink()
    for file, text in rows[:-1]:
        Path("sounds", file).with_suffix(".txt").write_text(text)
    assert train("sounds", "--json", "--validation", "0") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["notes"] == [
        "labels: the text beside each of 15 sounds",
        "left out: 1 sound without a label, 15.wav first",
    ]
    assert found["held_out"] is None
    assert found["examples"] == []


def test_training_goes_on_from_checkpoints(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert train("sounds", "--checkpoint", "kept") == 0
    whole = elman.load("sounds.speech.safetensors").network_.theta
    assert train("sounds", "--checkpoint", "kept", "--resume") == 0
    np.testing.assert_array_equal(elman.load("sounds.speech.safetensors").network_.theta, whole)
    assert train("sounds", "--checkpoint", "kept", "--resume", "--cell", "lstm") == 2
    assert "resume: expected the options of the checkpoints in kept, got others" in capsys.readouterr().err


def test_minutes_become_updates(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.speech.model.seconds_an_update", lambda training: 0.5)
    assert main(["train", "speech", "sounds", "--minutes", "0.05", "--hidden-size", "8", "--layers", "1"]) == 0
    out = capsys.readouterr().out
    assert "0.05 minutes on this machine, as it is now: about 6 updates (--updates 6 repeats this anywhere)" in out


def test_without_a_folder_it_learns_from_tones_made_by_rule(capsys: pytest.CaptureFixture[str]):
    assert train("--out", ".") == 0
    out = capsys.readouterr().out
    assert "240 sequences of dialling tones, made by rule (no speech)" in out
    assert Path("tones.speech.safetensors").exists()


@pytest.mark.slow
def test_the_tones_are_recognised_after_the_usual_training(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "speech", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["held_out"]["label_error_rate"] < 0.05


def broken(name: str) -> Callable[[], None]:
    return lambda: Path("sounds", name).write_bytes(Path("sounds", name).read_bytes()[:500])


def stereo() -> None:
    write("sounds/03.wav", 0.1 * np.random.default_rng(0).normal(size=(9000, 2)))


def fast() -> None:
    write("sounds/03.wav", 0.1 * np.random.default_rng(0).normal(size=9000), 16000)


def short() -> None:
    write("sounds/03.wav", np.zeros(100))


@pytest.mark.parametrize(
    ("change", "arguments", "code", "said"),
    [
        (broken("02.wav"), [], 3, "sounds/02.wav: is shorter than its header says: it was cut short"),
        (stereo, [], 3, "sounds/03.wav: expected one channel, got 2; ask for their mean"),
        (fast, [], 3, "sounds/03.wav: expected 8000 samples a second, got 16000; ask for it to be resampled"),
        (short, [], 3, "sounds/03.wav: expected at least 360 samples, those of a step, got 100"),
        (lambda: Path("sounds/04.wav").write_bytes(b""), [], 3, "sounds/04.wav: expected a sound, got an empty file"),
        (lambda: Path("sounds/04.wav").unlink(), [], 3, "line 6, column 'file': expected a file in sounds, got '04"),
        (lambda: Path("sounds/labels.csv").unlink(), [], 3, "sounds: holds no labels: expected labels.csv"),
        (lambda: None, ["--minutes", "1"], 2, "--minutes: expected it or --updates, got both"),
        (lambda: None, ["--resume"], 2, "--resume: expected --checkpoint FOLDER beside it, got none"),
        (lambda: None, ["--cell", "rnn"], 2, "cell: expected one of 'lstm', 'gru', 'tanh', 'relu', got 'rnn'"),
        (lambda: None, ["--level", "letters"], 2, "level: expected one of 'characters', 'words', got 'letters'"),
        (lambda: None, ["--bands", "400"], 2, "bands: expected fewer, since band"),
        (lambda: None, ["--out", "none"], 3, "--out none: no such folder"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_names_it(
    change: Callable[[], None], arguments: list[str], code: int, said: str, folder: Path,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    change()
    assert train("sounds", *arguments) == code
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("elman: ")
    assert said in err
    assert not list(Path().glob("*.safetensors"))


def test_what_is_asked_for_is_done_about_channels_and_rates(folder: Path):
    stereo()
    assert train("sounds", "--mono") == 0
    fast()
    assert train("sounds", "--resample") == 0
    assert main(["train", "speech", "none"]) == 3


# ----------------------------------------------------------------------------------------------------- predicting


def test_sounds_are_recognised(saved: Path, capsys: pytest.CaptureFixture[str]):
    sounds, labels = words(3, seed=9)
    for i, sound in enumerate(sounds):
        write(f"{i}.wav", sound)
    assert main(["predict", str(saved), "0.wav", "1.wav", "2.wav"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["sound", "seconds", "heard"]
    assert [line.split()[-1] for line in lines[1:4]] == labels
    assert lines[-1] == "Wrote 0+2.heard.csv"
    rows = list(csv.DictReader(Path("0+2.heard.csv").read_text().splitlines()))
    assert [row["text"] for row in rows] == labels
    assert [row["file"] for row in rows] == ["0.wav", "1.wav", "2.wav"]


def test_one_sound_is_drawn_where_it_is_asked_for(saved: Path, capsys: pytest.CaptureFixture[str]):
    (sound,), labels = words(1, seed=9)
    write("a.wav", sound)
    assert main(["predict", str(saved), "a.wav", "--plot", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == ["a.heard.csv", "a.heard.png"]
    assert found["sounds"] == [
        {"sound": "a.wav", "seconds": pytest.approx(len(sound) / RATE), "heard": labels[0], "said": None}
    ]
    assert found["score"] is None
    assert Path("a.heard.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_with_labels_is_scored(saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", str(saved), "sounds"]) == 0
    out = capsys.readouterr().out
    assert "labels: labels.csv, its columns file and text" in out
    assert "label error rate 0.0% (0.0% to " in out
    assert out.splitlines()[-1] == "Wrote sounds.heard.csv"
    Path("sounds/labels.csv").unlink()
    assert main(["predict", str(saved), "sounds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score"] is None
    assert len(found["sounds"]) == 16


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "DATA: expected sounds; "),
        (["none.wav"], 3, "none.wav: No such file or directory"),
        (["a.wav", "a.wav", "--plot"], 2, "--plot: expected one sound, got 2"),
        (["a.wav", "--horizon", "3"], 2, "--horizon: expected it with a forecaster, but"),
        (["a.wav", "--target", "x"], 2, "--target: expected it with a forecaster or a detector, but"),
        (["a.wav", "--label", "x"], 2, "--label: expected it with a classifier, a regressor or a tagger, but"),
        (["a.wav", "--to", "parquet"], 2, "--to: expected csv with a recogniser of speech, got 'parquet'"),
        (["fast.wav"], 3, "fast.wav: expected 8000 samples a second, got 16000"),
        (["empty"], 3, "empty: holds no sounds"),
    ],
)
def test_bad_input_of_predict_is_one_line_that_names_it(
    arguments: list[str], code: int, said: str, saved: Path, capsys: pytest.CaptureFixture[str]
):
    write("a.wav", words(1)[0][0])
    write("fast.wav", words(1)[0][0], 16000)
    Path("empty").mkdir()
    assert main(["predict", str(saved), *arguments]) == code
    assert said in capsys.readouterr().err
    assert not list(Path().glob("*.heard.*"))


def test_other_models_take_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = elman.Forecaster(horizon=2, season=1, windows=1, members=1, hidden_size=2, updates=3)
    model.fit(np.random.default_rng(0).normal(size=60)).save("f.safetensors")
    assert main(["predict", "f.safetensors", "a.csv", "b.csv"]) == 2
    assert "DATA: expected one file" in capsys.readouterr().err


def test_a_model_is_inspected(saved: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["inspect", str(saved)]) == 0
    assert "a speech model" in capsys.readouterr().out
