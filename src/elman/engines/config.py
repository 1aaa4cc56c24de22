"""What this installation consists of, and how many threads it uses."""

from __future__ import annotations

import importlib.util
import platform
from typing import Any

import numpy as np

from elman.core import checks
from elman.core.layers import Layout, Recurrent
from elman.engines import select
from elman.version import __version__

__all__ = ["get_num_threads", "set_num_threads", "show_config"]

# The extras of pyproject.toml that stand for one thing a user would miss, and what each needs.
MOST_THREADS = 1024
EXTRAS = {
    "cluster": ("dask", "distributed", "joblib"),
    "cli": ("typer", "rich", "matplotlib", "narwhals"),
    "sklearn": ("sklearn",),
    "parquet": ("polars",),
    "tensorboard": ("tensorboardX",),
    "text": ("tokenizers",),
}


def show_config() -> dict[str, Any]:
    """Returns the version, the engine in use, its instruction set, the sizes of the three levels of cache that it
    counts on (as ELMAN_CACHES takes them: "48K,1M,32M"), its threads, and which extras are installed."""
    answers = select.select(Layout([Recurrent(1)], 1)).name
    return {
        "version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "engine": answers,
        "isa": _core("isa") if answers == "native" else None,
        "caches": ",".join(map(_size, _core("caches"))) if answers == "native" else None,
        "threads": get_num_threads(),
        "extras": [name for name, needs in EXTRAS.items() if all(map(importlib.util.find_spec, needs))],
    }


def set_num_threads(n: int) -> None:
    """Sets how many threads the compiled engine uses in this process; results do not depend on it."""
    _core("set_num_threads", checks.whole("n", checks.whole("n", n, low=1), high=MOST_THREADS))


def get_num_threads() -> int:
    """Returns how many threads the compiled engine uses; 1 where there is only the reference engine."""
    return _core("get_num_threads") or 1


def _size(count: int) -> str:
    """Returns a number of bytes as ELMAN_CACHES takes it."""
    for unit, letter in ((2**20, "M"), (2**10, "K")):
        if count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


def _core(function: str, *arguments: Any) -> Any:
    """Calls a function of the compiled core and returns its answer; None where the core is missing."""
    try:
        from elman import _native  # type: ignore[attr-defined]
    except ImportError:
        return None
    return getattr(_native, function)(*arguments)
