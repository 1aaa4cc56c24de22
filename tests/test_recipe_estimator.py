"""docs/estimators.md: the estimator of the recipe works as it stands there, and its file is checked like any other."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import elman
from elman.core import io
from elman.core.kinds import READERS
from elman.estimators.base import NotFittedError
from elman.estimators.codec import Codec

PAGE = (Path(__file__).parents[1] / "docs" / "estimators.md").read_text(encoding="utf-8")
YEARS = np.arange(36.0) % 12 + np.repeat([0.0, 3.0, 6.0], 12)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program of the page as a module, its kind of file known."""
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
    (tmp_path / "climate_of_the_page.py").write_text(program, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(READERS, "climate", lambda: importlib.import_module("climate_of_the_page").Climate)
    monkeypatch.delitem(importlib.sys.modules, "climate_of_the_page", raising=False)  # type: ignore[attr-defined]
    return importlib.import_module("climate_of_the_page")


def test_it_learns_and_answers(module: ModuleType):
    model = module.Climate(horizon=3).fit(YEARS)
    assert model.predict().tolist() == [3.0, 4.0, 5.0]
    assert repr(model) == "Climate(horizon=3)"
    with pytest.raises(NotFittedError, match="Climate: expected fit to be called before"):
        module.Climate().predict()


def test_its_file_gives_the_same_numbers_and_bytes(module: ModuleType, tmp_path: Path):
    model = module.Climate(season=6).fit(YEARS)
    model.save(tmp_path / "first")
    loaded = elman.load(tmp_path / "first")
    assert type(loaded) is module.Climate
    assert loaded.get_params() == model.get_params()
    assert loaded.predict().tolist() == model.predict().tolist()
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "first").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": {"means": [12], "rows": 3}}, "rows: expected at least one season of finite means, got 3 rows"),
        ({"value": {"means": [12], "rows": "3"}}, "rows: expected a whole number in .*, got '3'"),
        ({"value": {"means": [10**9], "rows": 36}}, r"means: expected float64 \(1000000000\), got float64 \(12\)"),
        ({"value": {"means": [12]}}, "expected the fields means, rows, and lacks rows"),
        ({"options": {"season": 0, "horizon": None}}, "season: expected a whole number in .*, got 0"),
        ({"types": ["climate/2"]}, "types: expected some of climate/1, got 'climate/2'"),
    ],
)
def test_an_altered_file_is_refused(module: ModuleType, change: dict[str, Any], message: str, tmp_path: Path):
    module.Climate().fit(YEARS).save(tmp_path / "f")
    kind, description, tensors = io.read(tmp_path / "f")
    io.write(tmp_path / "f", kind, description | change, tensors)
    with pytest.raises(elman.FileError, match=message):
        elman.load(tmp_path / "f")


@pytest.mark.parametrize(
    ("options", "message"), [({"season": 0}, "season: expected"), ({"horizon": 1.5}, "horizon: exp")]
)
def test_wrong_options_are_refused(module: ModuleType, options: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        module.Climate(**options).fit(YEARS)


def test_a_file_of_an_earlier_version_loads(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As the page says of fields that change: `rows` was called `count` before."""
    module.Climate().fit(YEARS).save(tmp_path / "f")
    kind, description, tensors = io.read(tmp_path / "f")
    description["value"]["count"] = description["value"].pop("rows")
    io.write(tmp_path / "f", kind, description, tensors)
    newer = {"climate/1": lambda given: {"rows": given.pop("count"), **given}}
    monkeypatch.setattr(module.Climate, "_codec", Codec(module.Fitted, {"climate/2": module.Fitted}, newer))
    assert elman.load(tmp_path / "f").predict().tolist() == module.Climate().fit(YEARS).predict().tolist()


def test_a_file_with_an_earlier_name_of_an_option_loads(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    module.Climate(season=6).fit(YEARS).save(tmp_path / "f")
    kind, description, tensors = io.read(tmp_path / "f")
    description["options"]["period"] = description["options"].pop("season")
    io.write(tmp_path / "f", kind, description, tensors)
    with pytest.raises(elman.FileError, match="options: expected the fields season, horizon, and lacks season"):
        elman.load(tmp_path / "f")
    monkeypatch.setattr(module.Climate, "_renamed", {"period": "season"})
    assert elman.load(tmp_path / "f").season == 6
