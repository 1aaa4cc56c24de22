"""The examples of sequences run, in short form, on made archives that are laid out like the real ones."""

from __future__ import annotations

import io
import runpy
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'elman[examples]'")


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def run(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments), "--quick"])
    monkeypatch.syspath_prepend(EXAMPLES)  # as `python examples/NAME.py` does: a script must not hide what it imports
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 80


def test_sentiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = {2.0: "a fine warm film number", -1.5: "a dull cold bore number"}
    lines = [f"{i}\t{rating}\t{text} {i}" for i in range(150) for rating, text in words.items()]
    inner = {"hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt": "\r\n".join([*lines, "x\t0\tneither"]).encode()}
    name = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
    outer = archive(tmp_path / "outer.tar.gz", {name: archive(tmp_path / "inner.tar.gz", inner).read_bytes()})
    run("sentiment", monkeypatch, outer)
    out = capsys.readouterr().out
    counts, *lines = out.splitlines()
    assert sum(int(word) for word in counts.split() if word.isdigit()) == 300  # without the text of rating 0
    assert [line.split()[0] for line in lines] == ["logistic", "ridge", "network"]
    assert all("test 100.0%" in line for line in lines[:2])


def test_brown_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn_crfsuite", reason="needs the CRF: pip install 'elman[examples]'")
    text = "\n\n\tThe/at-hl jury/nn said/vbd it's/pps+bez --/-- 7/cd ./.\n\tde/fw-in jury/nn said/vbd The/at ./.\n"
    path = archive(
        tmp_path / "brown.tgz", {f"package/ca{i:02}": text.encode() for i in range(1, 17)} | {"package/README": b"no"}
    )
    run("brown_tags", monkeypatch, path)
    counts, *lines = capsys.readouterr().out.splitlines()
    assert counts.startswith("{'train': 156, 'validation': 24, 'test': 12} words, 8 tags")
    assert [line.split("  ")[0] for line in lines] == ["most frequent tag", "CRF", "our network"]
    assert "100.00%" in lines[0]
    assert "100.00%" in lines[1]


def test_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rng, names, people = np.random.default_rng(0), ["LIFT", "TURN"], np.repeat(np.arange(1, 11), 2)
    moved = {0: 0.5, 1: 2.0}
    x = [rng.normal(0, moved[i % 2], (1000, 6)) for i in range(20)]
    data = {"X": x, "y": np.arange(20) % 2, "subject": people, "y_labels": names}
    (tmp_path / "seglearn" / "data").mkdir(parents=True)
    (tmp_path / "seglearn" / "__init__.py").touch()
    np.save(tmp_path / "seglearn" / "data" / "watch_dataset.npy", np.array(data, object), allow_pickle=True)
    monkeypatch.syspath_prepend(tmp_path)
    run("exercises", monkeypatch)
    counts, *lines = capsys.readouterr().out.splitlines()
    assert counts == "{'train': 108, 'validation': 36, 'test': 36} windows"
    assert [line.split("  ")[0] for line in lines] == ["random forest", "logistic regression", "SequenceClassifier"]
    assert all("test 100.0%" in line for line in lines[:2])


def test_turning_keeps_lengths_and_angles(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = runpy.run_path(str(EXAMPLES / "exercises.py"))["turned"]
    x = np.random.default_rng(1).normal(size=(5, 7, 6))
    y = turned(x, np.random.default_rng(2), degrees=90.0)
    for sensor in (slice(3), slice(3, 6)):
        a, b = x[..., sensor], y[..., sensor]
        np.testing.assert_allclose(b @ b.transpose(0, 2, 1), a @ a.transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(y[:, :3, :3]), np.linalg.det(x[:, :3, :3]), atol=1e-12)  # no mirror


def test_mnist1d(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mnist1d", reason="needs mnist1d: pip install 'elman[examples]'")
    run("mnist_1d", monkeypatch)
    out = capsys.readouterr().out
    assert "250 training rows, 1000 test rows" in out
    assert "one final run" in out


def test_captions_and_videos(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("captions", monkeypatch)
    out = capsys.readouterr().out
    assert "300 training scenes, 1000 test scenes of other digits" in out
    for name in ("encoder and decoder", "word by word, without memory", "caption of the nearest scene"):
        assert f"  {name}" in out
    run("video", monkeypatch)
    out = capsys.readouterr().out
    for name in ("GRU that sees the frames", "logistic regression, last frame", "copy of the last frame"):
        assert name in out
