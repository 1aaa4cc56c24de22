"""Complete and damaged Parquet files are read, or give an error of one line, and never end the process."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from elman.forecast import DataError, Series, read_series
from elman.series.tables import parquet

polars = pytest.importorskip("polars")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Returns the bytes of a small file with dates, numbers and text."""
    path = tmp_path_factory.mktemp("parquet") / "whole.parquet"
    days = [datetime(2020, 1, 1) + timedelta(i) for i in range(40)]
    columns = {"day": days, "v": [float(i * i % 17) for i in range(40)], "word": [f"word {i % 3}" for i in range(40)]}
    polars.DataFrame(columns).write_parquet(path)
    return path.read_bytes()


def read_or_refused(path: Path, content: bytes) -> Series | str:
    path.write_bytes(content)
    told = ""
    try:
        return read_series(path, target="v")
    except DataError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 400 + len(str(path))
    return told


def test_a_whole_file(tmp_path: Path, whole: bytes):
    series = read_or_refused(tmp_path / "data.parquet", whole)
    assert isinstance(series, Series)
    assert series.values.tolist() == [i * i % 17 for i in range(40)]
    assert series.label(39) == "2020-02-09"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.8, 0.99, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, whole: bytes, share: float):
    told = read_or_refused(tmp_path / "data.parquet", whole[: int(share * len(whole))])
    assert told == f"{tmp_path}/data.parquet: not a Parquet file, or a damaged one: it does not begin and end with PAR1"


DAMAGED = [*range(24), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(24, 400))]


@pytest.mark.parametrize("seed", DAMAGED)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, whole: bytes, seed: int, capfd: pytest.CaptureFixture[str]):
    """Bytes are changed or removed anywhere except in the magic numbers at both ends."""
    rng, content = random.Random(seed), bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        content[rng.randrange(4, len(content) - 4)] = rng.randrange(256)
    if seed % 6 == 0:
        start = rng.randrange(4, len(content) - 5)
        del content[start : rng.randrange(start, len(content) - 4)]
    read_or_refused(tmp_path / "data.parquet", bytes(content))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("dies", "reason"),
    [
        ("import os; os.abort()", "reading it ended a process with SIGABRT"),
        ("import sys; print('panicked\\nat line 1'); print('panic', file=sys.stderr); sys.exit(1)", "panicked"),
        ("import time; time.sleep(60)", "reading it took longer than 0 seconds"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_crash_of_the_reader_gives_one_line(
    tmp_path: Path,
    whole: bytes,
    dies: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(parquet, "_TRIAL", dies)
    if "sleep" in dies:
        monkeypatch.setattr(parquet, "_SECONDS", 0.2)
    told = read_or_refused(tmp_path / "data.parquet", whole)
    assert told == f"{tmp_path}/data.parquet: not a Parquet file, or a damaged one: {reason}"
    assert capfd.readouterr() == ("", "")


def test_a_module_in_the_data_folder_is_not_imported(tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "polars.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_or_refused(tmp_path / "data.parquet", whole), Series)
