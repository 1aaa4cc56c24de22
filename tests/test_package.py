"""What is shipped: the licences of all that the wheel contains, and the mark that its types may be trusted."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

import elman

ROOT = Path(__file__).parent.parent
PACKAGE = Path(elman.__file__).parent
# part of the compiled core, each with its licence's first words and whose it is
CONTAINED = {
    "nanobind.txt": ("Redistribution and use in source and binary forms", "Copyright (c) 2022 Wenzel Jakob"),
    "robin-map.txt": ("MIT License", "Copyright (c) 2017 Thibaut Goetghebuer-Planchon"),
}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_licence_files_are_named_and_there():
    patterns = project()["license-files"]
    assert isinstance(patterns, list)
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    assert found == {"LICENSE", *(f"licenses/{name}" for name in CONTAINED)}
    assert project()["license"] == "MIT AND BSD-3-Clause"


@pytest.mark.parametrize("name", CONTAINED)
def test_each_is_whole(name: str):
    text = (ROOT / "licenses" / name).read_text("utf-8")
    assert all(part in text for part in CONTAINED[name])
    assert text.rstrip().endswith(("POSSIBILITY OF SUCH DAMAGE.", "SOFTWARE."))


def test_nothing_else_is_linked_in():
    """Another library in the build means another licence here."""
    build = (ROOT / "CMakeLists.txt").read_text("utf-8")
    assert [line.split("(")[1].split()[0] for line in build.splitlines() if line.startswith("find_package")] == [
        "Python",
        "nanobind",
        "Threads",
    ]


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").read_bytes() == b""


def test_the_wheel_holds_all_of_them():
    if ROOT in PACKAGE.parents:
        pytest.skip("the source tree is in use, not a wheel")
    files = importlib.metadata.files("elman") or []
    names = {file.as_posix() for file in files}
    assert "elman/py.typed" in names
    licences = {file.name for file in files if ".dist-info/licenses/" in file.as_posix()}
    assert licences == {"LICENSE", *CONTAINED}
