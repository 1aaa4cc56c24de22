"""The files of a command: all or none, never over an input, refused before the work."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from elman.cli.console import terminal
from elman.cli.files import OutputError, Outputs


def test_nothing_appears_before_commit(tmp_path: Path):
    with Outputs(tmp_path, "sales", [".csv", ".png"]) as outputs:
        outputs.write(".csv", lambda path: path.write_text("a"))
        outputs.write(".png", lambda path: path.write_text("b"))
        assert not (tmp_path / "sales.csv").exists()
        assert outputs.commit() == [tmp_path / "sales.csv", tmp_path / "sales.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sales.csv", "sales.png"]
    assert (tmp_path / "sales.csv").read_text() == "a"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_behind_when_the_work_fails(tmp_path: Path, error: type[BaseException]):
    (tmp_path / "sales.csv").write_text("older")

    def half(path: Path) -> None:
        path.write_text("half")
        raise error

    def work() -> None:
        with Outputs(tmp_path, "sales", [".csv", ".png"]) as outputs:
            outputs.write(".png", lambda path: path.write_text("whole"))
            outputs.write(".csv", half)

    with pytest.raises(error):
        work()
    assert [p.name for p in tmp_path.iterdir()] == ["sales.csv"]
    assert (tmp_path / "sales.csv").read_text() == "older"


def test_a_writer_sees_the_real_ending(tmp_path: Path):
    with Outputs(tmp_path, "a.b", [".forecast.csv"]) as outputs:
        outputs.write(".forecast.csv", lambda path: path.write_text(path.suffix))
        outputs.commit()
    assert (tmp_path / "a.b.forecast.csv").read_text() == ".csv"


def test_folders_that_cannot_take_files(tmp_path: Path):
    with pytest.raises(OutputError, match=r"--out .*nowhere: no such folder"):
        Outputs(tmp_path / "nowhere", "a", [".csv"])
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file, not a folder"):
        Outputs(tmp_path / "file", "a", [".csv"])
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(OutputError, match="a folder has the name of an output"):
        Outputs(tmp_path, "a", [".csv"])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that refuses even root exists on Linux alone")
def test_a_folder_that_refuses():
    with pytest.raises(OutputError, match="cannot write into this folder"):
        Outputs(Path("/proc/self"), "a", [".csv"])


@pytest.mark.parametrize("stem", ["a", "link"])
def test_an_input_is_never_overwritten(stem: str, tmp_path: Path):
    source = tmp_path / "a.csv"
    source.write_text("precious")
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(OutputError, match="would overwrite the input"):
        Outputs(tmp_path, stem, [".csv"], [source])


posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices of POSIX")


@posix
@pytest.mark.parametrize(
    ("stem", "why"),
    [
        ("pipe", "device, pipe or socket"),
        ("device", "device, pipe or socket"),
        ("gone", "the folder does not exist"),
        ("sink", "cannot be written"),
        ("n" * 252, "name too long"),
        ("n\0", "NUL"),
    ],
)
def test_places_that_can_take_no_file_are_refused_before_the_work(stem: str, why: str, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to("/dev/full")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere" / "file")
    (tmp_path / "sink.csv").symlink_to("/proc/self/file")
    with pytest.raises(OutputError, match=why) as caught:
        Outputs(tmp_path, stem, [".csv"])
    assert str(caught.value).startswith(f"{tmp_path / stem}.csv: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device.csv", "gone.csv", "pipe.csv", "sink.csv"]


@posix
def test_two_outputs_that_links_make_one(tmp_path: Path):
    (tmp_path / "a.png").symlink_to("a.csv")
    with pytest.raises(OutputError, match="links make two outputs one file"):
        Outputs(tmp_path, "a", [".csv", ".png"])


@posix
def test_a_link_to_an_input_elsewhere_is_refused(tmp_path: Path):
    (tmp_path / "data").mkdir()
    source = tmp_path / "data" / "a.csv"
    source.write_text("precious")
    (tmp_path / "b.csv").symlink_to(source)
    with pytest.raises(OutputError, match="would overwrite the input"):
        Outputs(tmp_path, "b", [".csv"], [source])


def test_an_output_that_became_a_folder_undoes_the_others(tmp_path: Path):
    (tmp_path / "sales.csv").write_text("older")
    with Outputs(tmp_path, "sales", [".csv", ".png", ".txt"]) as outputs:
        for suffix in (".csv", ".png", ".txt"):
            outputs.write(suffix, lambda path: path.write_text("newer"))
        (tmp_path / "sales.txt").mkdir()
        with pytest.raises(OSError, match=r".") as caught:
            outputs.commit()
        assert caught.value.filename == str(tmp_path / "sales.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sales.csv", "sales.txt"]
    assert (tmp_path / "sales.csv").read_text() == "older"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.000"), (0.5, "0.5000"), (123.456, "123.5"), (123456.7, "123,457"), (0.0, "0.0000"), (-12.345, "-12.35"),
     (1e-5, "1.000e-05"), (float("nan"), "-"), (float("inf"), "-")],
)  # fmt: skip
def test_figures(value: float, text: str):
    assert terminal.figure(value) == text


def test_a_table_lines_up(capsys: pytest.CaptureFixture[str]):
    terminal.table(["name", "value"], [["a", "1"], ["longer", "10,000"]])
    assert capsys.readouterr().out == "  name     value\n  a            1\n  longer  10,000\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_any_stream_takes_any_name(encoding: str, monkeypatch: pytest.MonkeyPatch):
    """Letters that a terminal lacks are escaped, and JSON stays JSON."""
    bytes_ = io.BytesIO()
    stream = io.TextIOWrapper(bytes_, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    name = "größe 日本 \udcff"  # the last: a byte of a file name that is no UTF-8
    with terminal.any_encoding():
        terminal.line(name)
        terminal.print_json({"name": name})
        terminal.flush()
    assert stream.errors == "strict"
    first, *rest = bytes_.getvalue().decode(encoding).splitlines()
    assert first == name.encode(encoding, "backslashreplace").decode(encoding)
    assert json.loads("\n".join(rest)) == {"name": name}


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]):
    import numpy as np

    terminal.print_json(
        {"a": float("nan"), "b": np.float32(2), "c": np.array([1, 2]), "d": Path("x"), "e": np.datetime64("2020-01")}
    )
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": 2.0, "c": [1, 2], "d": "x", "e": "2020-01"}
