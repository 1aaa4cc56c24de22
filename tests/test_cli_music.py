"""`elman train music`, and what `elman generate` makes of its models: what they write and say, and every bad input."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import elman
from elman import MusicModel, PianoRoll, datasets
from elman.cli import main
from elman.cli.console.music import verdict
from elman.cli.music import write_music
from elman.music import read_midi

pytest.importorskip("mido")
pytest.importorskip("matplotlib")
SMALL = ["--updates", "4", "--hidden-size", "8", "--length", "16"]
WRITTEN = ["tunes.composed.mid", "tunes.composed.png", "tunes.music.safetensors"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "songs").mkdir()
    for i, keys in enumerate(datasets.tunes(3, bars=4)):
        PianoRoll(keys, 2, 90.0).write_midi(tmp_path / "songs" / f"{i}.mid")
    return tmp_path / "songs"


def train(*arguments: str) -> int:
    return main(["train", "music", *arguments, *SMALL])


def options(**changed: Any) -> Any:
    usual = {"prompt": "", "length": None, "temperature": 1.0, "top_k": None, "top_p": None, "seed": 0, "out": None}
    return SimpleNamespace(**{**usual, "as_json": False, **changed})


def test_without_a_folder_it_learns_from_the_tunes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert train() == 0
    out, err = capsys.readouterr()
    assert out.startswith("tunes: 60 pieces, 3,840 steps of 1/2 beat\n")
    for said in ("key frequency", "last chord repeated", "network", "learned from", "composed: 16 steps, 5 s at 100 "):
        assert said in out
    assert "The baseline last chord repeated predicts better than the network" in out  # after four updates
    assert out.splitlines()[-1] == "Wrote " + ", ".join(WRITTEN)
    assert err.startswith("training 1 network ...")
    assert sorted(path.name for path in tmp_path.iterdir()) == WRITTEN
    model = elman.load("tunes.music.safetensors")
    roll = read_midi("tunes.composed.mid", 2)
    np.testing.assert_array_equal(roll.keys, model.generate(16).keys[: len(roll)])


def test_a_folder_is_read_on_the_grid_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert train("songs", "--steps-per-beat", "1", "--json", "--independent", "--members", "2") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == ["songs.composed.mid", "songs.composed.png", "songs.music.safetensors"]
    assert len(found["notes"]) == 2
    assert "notes begin between the steps of 1/1 beat" in found["notes"][0]
    assert found["piece"]["steps"] == 16
    assert found["validation"]["pieces"] == 3
    assert set(found["baselines"]) == {"key frequency", "last chord repeated"}
    model = elman.load("songs.music.safetensors")
    assert (model.joint, model.steps_per_beat, model.members, round(model.tempo_)) == (False, 1, 2, 90)


def test_training_goes_on_from_checkpoints(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert train("songs", "--checkpoint", "state", "--steps-per-beat", "2") == 0
    first = Path("songs.music.safetensors").read_bytes()
    assert train("songs", "--checkpoint", "state", "--steps-per-beat", "2") == 0
    assert Path("songs.music.safetensors").read_bytes() == first
    assert train("songs", "--checkpoint", "state", "--steps-per-beat", "2", "--seed", "1") == 2
    assert "resume: expected the options of the checkpoints in state, got others" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 3, "nothing: No such file or directory"),
        (["empty"], 3, "empty: holds no MIDI files (.mid, .midi)"),
        (["broken.mid"], 3, "broken.mid: is no MIDI file, which would begin with MThd"),
        (["--steps-per-beat", "4"], 2, "--steps-per-beat: expected 2 with the tunes, got 4"),
        (["--cell", "grue"], 2, "cell: expected one of"),
        (["--temperature", "-1"], 2, "--temperature: expected a finite number"),
        (["--out", "nowhere"], 3, "--out nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mid").write_bytes(b"no music")
    assert train(*arguments) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mid", "empty"]


def test_bad_files_are_left_out_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "broken.mid").write_bytes(b"MThd")
    assert train("songs") == 3
    assert train("songs", "--skip-bad", "--steps-per-beat", "2") == 0
    out = capsys.readouterr().out
    assert "songs: 3 pieces" in out
    assert "left out: songs/broken.mid: ends within a message" in out


def test_a_saved_model_composes_another_piece(folder: Path, capsys: pytest.CaptureFixture[str]):
    model = MusicModel(hidden_size=8, updates=4, steps_per_beat=2).fit(folder)
    Path("out").mkdir()
    path, prompt = Path("songs.music.safetensors"), str(folder / "0.mid")
    model.save(path)
    write_music(path, model, options(length=8, seed=3, prompt=prompt, out=Path("out")))
    assert "composed: 8 steps" in capsys.readouterr().out
    given = read_midi(prompt, 2)
    found = read_midi("out/songs.composed.mid", 2)
    np.testing.assert_array_equal(found.keys, model.generate(8, given, seed=3).keys[: len(found)])
    write_music(path, model, options(as_json=True))
    assert json.loads(capsys.readouterr().out)["piece"]["steps"] == 128
    with pytest.raises(ValueError, match="--top-k: expected none with a model of music"):
        write_music(path, model, options(top_k=3))


def test_the_verdict_names_the_better_one():
    score = elman.music.Score(2.0, 2.0, 2.0, 10, 1)
    model: Any = SimpleNamespace(validation_=score, baselines_={"a": score._replace(nll=3.0), "b": score})
    assert verdict(model).startswith("The baseline b predicts better than the network, by 0.000 nats")
    model.validation_ = score._replace(nll=1.5)
    assert verdict(model) == "The network predicts better than the better baseline, b, by 0.500 nats a step."
