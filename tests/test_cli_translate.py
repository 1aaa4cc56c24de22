"""`elman train translate` and `elman predict` of its models: what they write and say, and every kind of bad input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import elman
from elman import EncoderDecoder
from elman.cli import main

QUICK = ["--hidden-size", "8", "--updates", "10", "--batch-size", "16"]
PAIRS = [(f"{a} {b}", f"{b} {a}") for a in ("red", "blue", "old", "new") for b in ("house", "car", "dog", "hat")] * 6


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.csv").write_text("\n".join(["english,french", *map(",".join, PAIRS)]) + "\n")


@pytest.fixture
def model() -> Path:
    path = Path("m.translation.safetensors")
    options = {"hidden_size": 24, "updates": 200, "learning_rate": 0.02, "batch_size": 16, "dropout": 0.0}
    EncoderDecoder(**options).fit(*map(list, zip(*PAIRS, strict=True))).save(path)  # type: ignore[arg-type]
    return path


def test_pairs_are_learned_compared_and_written(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "translate", "pairs.csv", *QUICK, "--validation-fraction", "0.25"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "pairs.csv: 96 pairs, english -> french"
    assert lines[1] == "An encoder and a decoder of words, 1 x gru of 8 units each, general attention"
    assert "24 of 96 pairs" in out
    for name in ("this model", "most frequent target", "target of the nearest source", "copy of the source"):
        assert any(line.strip().startswith(name) for line in lines), name
    assert "No worse than this model: " in out
    assert "Wrote pairs.translation.safetensors, pairs.learning.png, pairs.alignment.png" in out
    assert "epoch 2/2" in err
    loaded = elman.load("pairs.translation.safetensors")
    assert (loaded.unknown, loaded.min_count, loaded.target_.size) == ("<unk>", 2, 9)
    assert Path("pairs.alignment.png").read_bytes().startswith(b"\x89PNG")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "translate", "pairs.csv", *QUICK, "--json", "--validation-fraction", "0.25"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["updates"], found["passes"], found["vocabulary"]) == (10, 2, {"source": 9, "target": 9})
    assert found["held_out"]["pairs"] == 24
    assert found["held_out"]["loss"] == pytest.approx(min(found["validation_loss"]), rel=1e-5)
    assert found["baselines"]["target of the nearest source"]["exact_match"] > 0.9  # each pair stands there six times
    assert len(found["examples"]) == 5


def test_columns_and_endings(capsys: pytest.CaptureFixture[str]):
    rows = ["id\tspoken\tspelled", *(f"{i}\t{b}\t{a.replace(' ', '')}" for i, (a, b) in enumerate(PAIRS))]
    with gzip.open("sounds.tsv.gz", "wt") as file:
        file.write("\n".join(rows))
    asked = ["--source", "spelled", "--target", "spoken", *QUICK]
    assert main(["train", "translate", "sounds.tsv.gz", *asked]) == 0
    out = capsys.readouterr().out
    assert out.startswith("sounds.tsv.gz: 96 pairs, spelled -> spoken\nAn encoder and a decoder of characters to words")
    assert Path("sounds.translation.safetensors").exists()


def test_two_files_of_lines(capsys: pytest.CaptureFixture[str]):
    sources, targets = zip(*PAIRS, strict=True)
    Path("train.en").write_text("\n".join(sources) + "\n")
    with gzip.open("train.fr.gz", "wt") as file:
        file.write("\n".join(targets) + "\n")
    assert main(["train", "translate", "train.en", "train.fr.gz", *QUICK]) == 0
    assert capsys.readouterr().out.startswith("train.en: 96 pairs, train.en -> train.fr.gz")
    assert Path("train.translation.safetensors").exists()
    assert main(["train", "translate", "train.en", "train.fr.gz", "--source", "a"]) == 2
    Path("train.fr").write_text("une ligne\n")
    assert main(["train", "translate", "train.en", "train.fr"]) == 3
    assert "train.fr: expected 96 lines, as train.en has, got 1" in capsys.readouterr().err


def test_parquet(capsys: pytest.CaptureFixture[str]):
    polars = pytest.importorskip("polars")
    polars.DataFrame(PAIRS, schema=["a", "b"], orient="row").write_parquet("pairs.parquet")
    assert main(["train", "translate", "pairs.parquet", *QUICK]) == 0
    assert "96 pairs, a -> b" in capsys.readouterr().out


def test_without_a_file_it_learns_dates(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "translate", *QUICK[2:4], "--hidden-size", "16"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("A generated example: 4,000 dates as people write them")
    assert Path("dates.pairs.csv").read_text().startswith("written,iso\n")
    assert main(["train", "translate", "dates.pairs.csv", *QUICK, "--level", "characters", "--out", "."]) == 0


def test_minutes_say_the_updates_that_repeat_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.estimators.budget.TIMED", 0.0)
    assert main(["train", "translate", "pairs.csv", "--hidden-size", "8", "--minutes", "0.001"]) == 0
    assert "0.001 minutes on this machine, as it is now: about " in capsys.readouterr().out
    assert main(["train", "translate", "pairs.csv", "--minutes", "1", "--updates", "5"]) == 2


def test_a_training_goes_on(capsys: pytest.CaptureFixture[str]):
    ask = ["train", "translate", "pairs.csv", *QUICK, "--checkpoint", "c"]
    assert main(ask) == 0
    theta = elman.load("pairs.translation.safetensors").network_.theta
    assert main([*ask, "--resume"]) == 0
    assert (elman.load("pairs.translation.safetensors").network_.theta == theta).all()
    assert main(["train", "translate", "pairs.csv", *QUICK, "--resume"]) == 2
    assert "--resume: expected --checkpoint FOLDER" in capsys.readouterr().err


def test_texts_are_translated(model: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", str(model), "red car"]) == 0
    assert capsys.readouterr().out == "car red\n"
    assert main(["predict", str(model), "old dog", "new hat", "--beam", "2"]) == 0
    assert capsys.readouterr().out == "dog old\nhat new\n"
    assert main(["predict", str(model), "red car", "--json", "--plot"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["translations"][0]["target"] == "car red"
    assert found["files"] == ["m.alignment.png"]
    assert main(["inspect", str(model)]) == 0
    assert "an encoder decoder" in capsys.readouterr().out


def test_the_texts_of_a_file_are_translated(model: Path, capsys: pytest.CaptureFixture[str]):
    Path("some.txt").write_text("red car\nold hat\n")
    assert main(["predict", str(model), "some.txt"]) == 0
    out = capsys.readouterr().out
    assert "2 texts:\n  red car\n    -> car red\n" in out
    assert Path("some.translations.csv").read_text().startswith("source,written,log_probability\nred car,car red,-0")
    assert main(["predict", str(model), "pairs.csv"]) == 0
    out = capsys.readouterr().out
    assert "96 texts, of which the first 5:" in out
    assert "this model       100.0%" in out
    assert Path("pairs.translations.csv").read_text().startswith("source,target,written,log_probability\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("english\none\n", "pairs.csv: expected two columns, sources and targets, with a line of names, got 'english'"),
        ("", "pairs.csv: expected a line of names and rows of pairs, got an empty file"),
        ("a,b\n", "pairs.csv: expected rows with pairs, got a line of names alone"),
        ("a,b\nred car,x\n,y\n", "pairs.csv, line 3, column 'a': expected a source, got an empty cell"),
        ("a,b\nred car,x,y\n", "pairs.csv, line 2: expected 2 columns, as the line of names has, got 3"),
    ],
)
def test_bad_tables_are_named(text: str, message: str, capsys: pytest.CaptureFixture[str]):
    Path("pairs.csv").write_text(text)
    assert main(["train", "translate", "pairs.csv", *QUICK]) == 3
    assert message in capsys.readouterr().err


def test_bad_wishes_are_named(model: Path, capsys: pytest.CaptureFixture[str]):
    for arguments, code, message in [
        (["train", "translate", "nowhere.csv"], 3, "nowhere.csv: No such file"),
        (["train", "translate", "pairs.csv", "--target", "german"], 3, "--target: no column 'german'; the columns are"),
        (["train", "translate", "pairs.csv", "--level", "words,letters"], 2, "--level: expected characters, words"),
        (["train", "translate", "pairs.csv", "--attention", "all"], 2, "attention: expected one of"),
        (["predict", str(model)], 2, "DATA: expected texts or a file of them"),
        (["predict", str(model), "green car"], 3, "sources[0]: expected words of the training data, got 'green'"),
        (["predict", str(model), "nowhere.txt"], 3, "nowhere.txt: No such file"),
        (["predict", str(model), "red car", "--horizon", "3"], 2, "--horizon: expected it with a forecaster"),
        (["predict", str(model), ""], 2, "expected a word, got an empty one"),
    ]:
        assert main(arguments) == code, arguments
        assert message in capsys.readouterr().err, arguments
    Path("bytes.txt").write_bytes(b"good\n\xff\xfe bad\n")
    assert main(["predict", str(model), "bytes.txt"]) == 3
    assert "bytes.txt, line 2: expected UTF-8, got the byte 0xff" in capsys.readouterr().err


def test_beams_are_for_translations(capsys: pytest.CaptureFixture[str]):
    Path("s.csv").write_text("\n".join(["day,sales", *(f"2024-01-{day:02},{day % 7}" for day in range(1, 31))]))
    options = {"horizon": 2, "season": 7, "members": 1, "updates": 5, "hidden_size": 4}
    elman.Forecaster(**options).fit("s.csv").save("f.safetensors")  # type: ignore[arg-type]
    assert main(["predict", "f.safetensors", "s.csv", "--beam", "2"]) == 2
    assert "--beam: expected it with a model of `elman train translate`" in capsys.readouterr().err
    assert main(["predict", "f.safetensors", "s.csv", "t.csv"]) == 2
    assert "DATA: expected one file" in capsys.readouterr().err
