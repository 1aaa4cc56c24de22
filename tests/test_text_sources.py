"""Texts from files and folders: how they are read, and every kind of text that cannot be."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import LanguageModel
from elman.series.errors import DataError
from elman.text import source
from elman.text.encoding import encoded, learned_vocabulary
from elman.text.source import as_source
from elman.text.vocabulary import Characters

QUICK: dict[str, Any] = {"hidden_size": 4, "updates": 2, "batch_size": 2, "window": 8}
LONG = "abcdefgh\n" * 20


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(given: Any, encoding: str = "utf-8", level: str = "characters") -> Any:
    found = as_source("text", given, encoding)
    vocabulary = learned_vocabulary(found, level, 100, "error")
    return vocabulary.decode(encoded("text", found, vocabulary))


@pytest.mark.parametrize("block", [3, 1 << 20])
@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (b"a\xc3\xa9\n\xf0\x9f\x98\x80z", "utf-8", "aé\n😀z"),
        (b"\xef\xbb\xbfabc", "utf-8", "abc"),
        (b"a\r\nb\rc\n", "utf-8", "a\nb\nc\n"),
        (b"a\xe9\n", "latin-1", "aé\n"),
        ("aé\n".encode("utf-16"), "utf-16", "aé\n"),
        (b"a\0b", "utf-8", "a\0b"),
    ],
)
def test_a_file_is_read_as_its_encoding_says(
    block: int, content: bytes, encoding: str, text: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(source, "BLOCK", block)
    path = Path("text.txt")
    path.write_bytes(content)
    assert read(path, encoding) == text
    assert read(path, level="bytes") == content


def test_a_folder_is_its_texts_in_the_order_of_their_names():
    for name, content in {"b.txt": "second", "a/z.TXT": "first\n", "c.md": "no", "d.txt": "third"}.items():
        path = Path("folder", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert read(Path("folder")) == "first\nsecond\nthird"
    assert read(Path("folder"), level="bytes") == b"first\nsecondthird"


def test_a_str_is_the_text_itself():
    assert read("héllo") == "héllo"
    assert read(b"h\xff", level="bytes") == b"h\xff"


@pytest.mark.parametrize("level", ["characters", "bytes"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "^expected a text, got an empty one$"),
        (Path("empty.txt"), "^empty.txt: expected a text, got an empty one$"),
        (Path("nothing"), "nothing: the folder holds no text, no file that ends in .txt or .text"),
        ("short", r"text: expected more than a window of 8 pieces to train on, got 5; .*\(window=2, --window\)"),
        ("a", "text: expected more than a window of 8 pieces to train on, got 1"),
    ],
)
def test_texts_from_which_nothing_can_be_learned(level: str, given: Any, message: str):
    Path("empty.txt").touch()
    Path("nothing").mkdir()
    Path("nothing", "picture.png").touch()
    with pytest.raises(DataError, match=message):
        LanguageModel(**QUICK, level=level, validation_fraction=0.0).fit(given)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"fine\nfine\nd\xe9j\xe0\n", 3, "expected utf-8, got the byte 0xe9 at column 2; give its encoding"),
        (b"\xff" + LONG.encode(), 1, "got the byte 0xff at column 1"),
        (LONG.encode() * 50 + b"cut \xf0\x9f", 1001, "got the byte 0xf0 at column 5"),
        ("abc".encode("utf-16"), None, "got what begins like UTF-16; give encoding='utf-16'"),
    ],
)
@pytest.mark.parametrize("block", [16, 1 << 20])
def test_a_file_of_another_encoding_is_refused_with_the_line(
    content: bytes, line: int | None, words: str, block: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(source, "BLOCK", block)
    path = Path("odd.txt")
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        LanguageModel(**QUICK).fit(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    LanguageModel(**QUICK, level="bytes", validation_fraction=0.0).fit(path if len(content) > 30 else content * 5)


@pytest.mark.parametrize("use", ["score", "adapt", "generate"])
def test_a_character_that_the_training_text_lacked_is_named_with_its_place(use: str):
    found = LanguageModel(**QUICK).fit(LONG)
    with pytest.raises(DataError, match=r"got 'X' \(U\+0058\) at line 2, column 3; train on a text that has it"):
        getattr(found, use)("abc\nabX\nX")
    if use != "generate":
        Path("new.txt").write_text(LONG + "abé\n")
        with pytest.raises(DataError, match=r"^new.txt: .*got 'é' \(U\+00E9\) at line 21, column 3"):
            getattr(found, use)(Path("new.txt"))
    skipping = LanguageModel(**QUICK, unknown="skip").fit(LONG)
    assert skipping.vocabulary_.encode("abXc").tolist() == [1, 2, 3]
    if use == "score":
        assert skipping.score("abXc") == skipping.score("abc")


@pytest.mark.parametrize("block", [2, 1 << 20])
def test_places_in_several_files(block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "BLOCK", block)
    folder = Path("f")
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo")
    (folder / "b.txt").write_text("three\nfoXr")
    found = as_source("text", folder, "utf-8")
    assert "".join(found.blocks()) == "one\ntwo\nthree\nfoXr"
    assert found.place(len("one\ntwo\nthree\nfo")) == (folder / "b.txt", 2, 3)
    assert found.place(5) == (folder / "a.txt", 2, 2)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (3, TypeError, r"text: expected a str, or a pathlib.Path of a file or folder, got 3"),
        (None, TypeError, "text: expected a str"),
        ("here.txt", ValueError, r"got 'here.txt', the name of a file; give pathlib.Path\('here.txt'\)"),
        ("folder", ValueError, "got 'folder', the name of a folder"),
        (b"bytes" * 9, TypeError, "text: expected a str, got bytes; they are for level='bytes'"),
        (Path("missing.txt"), FileNotFoundError, "missing.txt"),
        ("a\ud800b" * 9, DataError, "expected whole characters, got half of a pair"),
    ],
)
def test_what_is_no_text(given: Any, kind: type[Exception], message: str):
    Path("here.txt").touch()
    Path("folder").mkdir()
    with pytest.raises(kind, match=message):
        LanguageModel(**QUICK).fit(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "letters"}, "level: expected"),
        ({"encoding": "utf-9"}, "encoding: expected the name of an encoding, such as utf-8 or latin-1, got 'utf-9'"),
        ({"unknown": "drop"}, "unknown: expected"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected"),
        ({"window": 0}, "window: expected"),
        ({"cell": "elman"}, "cell: expected"),
    ],
)
def test_options_are_checked_by_fit(options: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        LanguageModel(**(QUICK | options)).fit(LONG)


def test_one_character_is_too_few_to_score():
    found = LanguageModel(**QUICK).fit(LONG)
    with pytest.raises(ValueError, match="text: expected at least two characters, since the first is not scored"):
        found.score("a")
    with pytest.raises(DataError, match="expected a text, got an empty one"):
        found.score("")
    with pytest.raises(TypeError, match="prompt: expected a str, got 3"):
        found.generate(3)  # type: ignore[arg-type]
    assert isinstance(found.generate("here.txt"[:0], 5), str)


def test_ids_take_the_smallest_type_and_files_no_memory(monkeypatch: pytest.MonkeyPatch):
    Path("long.txt").write_text(LONG * 20_000)  # 3.6 MB
    monkeypatch.setattr(source, "BLOCK", 1 << 16)
    tracemalloc.start()
    try:
        found = as_source("text", Path("long.txt"), "utf-8")
        vocabulary = learned_vocabulary(found, "characters", 0, "error")
        ids = encoded("text", found, vocabulary)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(ids, np.memmap)
    assert ids.dtype == np.uint8
    assert len(ids) == 180 * 20_000
    assert peak < 3_000_000
    assert Characters("".join(map(chr, range(300)))).encode("ab").dtype == np.uint16


def test_a_place_behind_an_empty_file(tmp_path: Path):
    for name, text in {"a.txt": "", "b.txt": "one\ntwo", "c.txt": "x"}.items():
        (tmp_path / name).write_text(text)
    source = as_source("text", tmp_path, "utf-8")
    whole = "".join(source.blocks())
    assert whole == "one\ntwo\nx"
    assert source.place(whole.index("w")) == (tmp_path / "b.txt", 2, 2)
    assert source.place(whole.index("x")) == (tmp_path / "c.txt", 1, 1)
