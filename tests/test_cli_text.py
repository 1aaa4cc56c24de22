"""`elman train text` and `elman generate`: what they write and say, and every kind of bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import elman
from elman import LanguageModel, datasets
from elman.cli import main
from elman.cli.console import terminal

QUICK = ["--hidden-size", "8", "--updates", "10", "--batch-size", "4", "--window", "16", "--length", "30"]
TEXT = "the quick brown fox jumps over the lazy dog\n" * 40


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("novel.txt").write_text(TEXT)


@pytest.fixture
def model() -> Path:
    path = Path("m.safetensors")
    LanguageModel(hidden_size=8, updates=10, batch_size=4, window=16).fit(TEXT).save(path)
    return path


def test_a_text_is_learned_compared_and_written(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "text", "novel.txt", *QUICK]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "novel.txt: a language model of characters, 1 x lstm of 8 units"
    assert "10 updates, 1 pass over the text" in out
    assert "the last 88 of 1,760 characters" in out
    for name in ("uniform", "unigram", "6-gram", "xz", "bzip2", "this model"):
        assert any(line.strip().startswith(name) for line in lines), name
    assert "Better than this model: " in out
    assert "Wrote novel.language.safetensors, novel.learning.png" in out
    assert "epoch 1/1" in err
    loaded = elman.load("novel.language.safetensors")
    before = TEXT[: 1760 - 88][-160:]
    assert f"{before}|>{loaded.generate(before, 30, temperature=0.7)}" in out
    assert Path("novel.learning.png").read_bytes().startswith(b"\x89PNG")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "text", "novel.txt", *QUICK, "--json", "--level", "bytes"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["updates"], found["passes"], found["vocabulary"]) == (10, 1, 256)
    assert found["held_out"]["pieces"] == 88
    assert found["held_out"]["perplexity"] > found["baselines_bits_per_character"]["6-gram"] > 0
    assert found["prompt"] == TEXT[: 1760 - 88][-160:]
    assert len(found["sample"]) > 10
    assert found["files"] == ["novel.language.safetensors", "novel.learning.png"]


def test_a_folder_of_texts_and_no_validation(capsys: pytest.CaptureFixture[str]):
    Path("books").mkdir()
    Path("books", "a.txt").write_text(TEXT)
    assert main(["train", "text", "books", *QUICK, "--validation-fraction", "0"]) == 0
    out = capsys.readouterr().out
    assert "Held out" not in out
    assert Path("books.language.safetensors").exists()


def test_without_a_file_it_learns_the_bundled_text(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "text", *QUICK[:4], "--length", "20"]) == 0
    assert capsys.readouterr().out.startswith("alice.txt: a language model of characters")
    text = datasets.load_alice()
    assert len(text) == 146_782
    assert "Down the Rabbit-Hole" in text


def test_minutes_say_the_updates_that_repeat_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.estimators.budget.TIMED", 0.0)
    quick = [*QUICK[:2], *QUICK[4:]]
    assert main(["train", "text", "novel.txt", *quick, "--minutes", "0.001"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("0.001 minutes on this machine, as it is now: about ")
    assert "--updates" in line


def test_a_training_goes_on_from_its_checkpoint(capsys: pytest.CaptureFixture[str]):
    arguments = ["train", "text", "novel.txt", *QUICK, "--checkpoint", "state"]
    assert main(arguments) == 0
    first = Path("novel.language.safetensors").read_bytes()
    assert main([*arguments, "--resume"]) == 0
    assert Path("novel.language.safetensors").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.txt"], 3, "missing.txt: no such file or folder"),
        (["empty.txt"], 3, "empty.txt: expected a text, got an empty one"),
        (["none"], 3, "none: the folder holds no text"),
        (["latin.txt"], 3, "latin.txt, line 2: expected utf-8, got the byte 0xe9 at column 4"),
        (["short.txt"], 3, "text: expected more than a window of 16 pieces to train on, got 6"),
        (["novel.txt", "--level", "letters"], 2, "level: expected"),
        (["novel.txt", "--minutes", "1"], 2, "--minutes: expected it or --updates, got both"),
        (["novel.txt", "--resume"], 2, "--resume: expected --checkpoint FOLDER beside it, got none"),
        (["novel.txt", "--encoding", "utf-9"], 2, "encoding: expected the name of an encoding"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    Path("empty.txt").touch()
    Path("none").mkdir()
    Path("latin.txt").write_bytes(b"fine\ncaf\xe9\n" * 20)
    Path("short.txt").write_text("short\n")
    assert main(["train", "text", *arguments, *QUICK]) == code
    err = capsys.readouterr().err.splitlines()
    assert message in err[-1]
    assert not list(Path().glob("*.language.safetensors"))


# ------------------------------------------------------------------------------------------- generate


def test_it_writes_what_the_model_draws(model: Path, capsys: pytest.CaptureFixture[str]):
    how = ["--temperature", "0.8", "--top-k", "9", "--top-p", "0.9", "--seed", "3", "--length", "40"]
    assert main(["generate", str(model), "--prompt", "the ", *how]) == 0
    text = elman.load(model).generate("the ", 40, temperature=0.8, top_k=9, top_p=0.9, seed=3)
    assert capsys.readouterr().out == f"the {text}\n"
    assert main(["generate", str(model), "--prompt", "the ", *how, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["prompt"], found["text"], found["top_k"]) == ("the ", text, 9)


def test_each_piece_goes_out_as_it_comes(model: Path, monkeypatch: pytest.MonkeyPatch):
    parts: list[str] = []
    monkeypatch.setattr(terminal, "text", parts.append)
    assert main(["generate", str(model), "--length", "25"]) == 0
    assert [len(part) for part in parts] == [0, *[1] * 25]


def test_ctrl_c_and_a_closed_pipe_end_it(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def after(number: int, error: type[BaseException]) -> None:
        counts: Iterator[int] = iter(range(1000))

        def text(part: str) -> None:
            if next(counts) == number:
                raise error

        monkeypatch.setattr(terminal, "text", text)

    after(7, KeyboardInterrupt)
    assert main(["generate", str(model), "--length", "900"]) == 130
    assert "interrupted" in capsys.readouterr().err
    after(7, terminal.ReaderGone)
    assert main(["generate", str(model), "--length", "900"]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--prompt", "Zebra"],
            3,
            "prompt: expected characters of the training text, got 'Z' (U+005A) at line 1",
        ),
        (["--out", "."], 2, "--out: expected none, since text goes to standard output"),
        (["--top-p", "0"], 2, "--top-p"),
        (["--temperature", "-1"], 2, "--temperature"),
    ],
)
def test_bad_options_of_generate(
    model: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["generate", str(model), *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_model_that_writes_nothing_is_named(capsys: pytest.CaptureFixture[str]):
    elman.Network(1, 2, 1, seed=0).save("n.safetensors")
    assert main(["generate", "n.safetensors"]) == 3
    assert "n.safetensors: holds a network, which generates nothing" in capsys.readouterr().err
    assert main(["predict", "n.safetensors"]) == 3
