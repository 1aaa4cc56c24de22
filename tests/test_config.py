from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import elman
from elman.engines import select

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@pytest.fixture
def threads() -> Iterator[None]:
    before = elman.get_num_threads()
    yield
    elman.set_num_threads(before)


def test_the_version_is_the_packages():
    assert elman.__version__ == tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["version"]


def test_show_config_says_what_answers():
    found = elman.show_config()
    assert list(found) == ["version", "python", "numpy", "engine", "isa", "caches", "threads", "extras"]
    assert found["version"] == elman.__version__
    assert found["engine"] == elman.Network(1, 2, 1, seed=0).engine
    assert (found["isa"] is not None) == (found["caches"] is not None) == (found["engine"] == "native")
    assert found["threads"] == elman.get_num_threads() >= 1


def test_the_reference_engine_can_be_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ELMAN_ENGINE", "reference")
    assert elman.show_config()["engine"] == "reference"
    assert elman.Network(1, 2, 1, seed=0).engine == "reference"
    monkeypatch.setenv("ELMAN_ENGINE", "fast")
    with pytest.raises(ValueError, match="ELMAN_ENGINE: expected one of 'native', 'reference', got 'fast'"):
        elman.Network(1, 2, 1, seed=0)


@pytest.mark.usefixtures("threads")
def test_threads_are_what_was_set():
    if select.select(elman.Network(1, 2, 1, seed=0).layout).name == "reference":
        pytest.skip("the reference engine has one thread")
    elman.set_num_threads(2)
    assert elman.get_num_threads() == 2
    elman.set_num_threads(1)
    assert elman.get_num_threads() == 1


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_numbers_of_threads_are_checked(n: object, error: type[Exception]):
    with pytest.raises(error, match="n: expected a whole number of at least 1, got"):
        elman.set_num_threads(n)  # type: ignore[arg-type]


def test_public_names_are_listed_and_others_are_not_there():
    assert dir(elman) == sorted(elman.__all__)
    with pytest.raises(AttributeError, match="module 'elman' has no attribute 'transformer'"):
        elman.transformer  # type: ignore[attr-defined]  # noqa: B018


def test_a_public_name_stays_ahead_of_its_module():
    """`elman.gradcheck` is the function, whoever imported the module of that name before or after."""
    importlib.import_module("elman.gradcheck")
    assert callable(elman.gradcheck)
    program = (
        "import elman.gradcheck, elman; assert callable(elman.gradcheck); from elman import gradcheck as g; g.__call__"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(Path(elman.__file__).parents[1])}
    )


@pytest.mark.slow
def test_importing_takes_at_most_60_ms_more_than_numpy():
    program = (
        "import time, numpy; began = time.perf_counter(); import elman; elman.Network; "
        "print(time.perf_counter() - began)"
    )
    environment = {"PYTHONPATH": str(Path(elman.__file__).parents[1])}
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True, env=environment) for _ in range(5)]
    assert min(float(run.stdout) for run in runs) < 0.060
