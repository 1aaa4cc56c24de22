"""Megabytes that a package and all that it needs take once installed; by the lists that pip keeps of their files.

Bytecode is not counted, for Python makes it by itself. Each size is that of an environment with this package alone,
for a requirement is followed only by the extras asked for; what pip itself takes is not in it.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["closure", "megabytes"]

ROOT = Path(__file__).parents[1]


def megabytes(package: str) -> float | None:
    """Of a requirement such as "darts[torch]", in 1e6 bytes; None where it is not installed.

    elman may also run from its source: then its folder counts, and the requirements of pyproject.toml.
    """
    try:
        return sum(map(_bytes, closure(package).values())) / 1e6
    except PackageNotFoundError:
        if package != "elman":
            return None
    source = [path for path in (ROOT / "src" / "elman").rglob("*") if path.is_file() and _counts(path)]
    needed: dict[str, Distribution] = {}
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]:
        needed |= closure(line)
    return (sum(path.stat().st_size for path in source) + sum(map(_bytes, needed.values()))) / 1e6


def closure(package: str) -> dict[str, Distribution]:
    """Name -> what is installed under it, of a requirement and all that it leads to; PackageNotFoundError."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(package)]
    while waiting:
        wanted = waiting.pop()
        extras = frozenset(wanted.extras)
        name = wanted.name.lower().replace("_", "-").replace(".", "-")
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = distribution(wanted.name)
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
                waiting.append(needed)
    return found


def _bytes(package: Distribution) -> int:
    paths = [Path(str(file.locate())) for file in package.files or ()]
    return sum(path.stat().st_size for path in paths if _counts(path) and path.is_file())


def _counts(path: Path) -> bool:
    return path.suffix != ".pyc"
