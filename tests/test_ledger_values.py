"""Results as bytes and back, and digests of tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import elman
from elman.cluster.digests import digest
from elman.cluster.values import decoded, encoded


def same(a: Any, b: Any) -> bool:
    """Of the same types and bits, all through."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)  # NaN and -0.0


VALUES = [
    None,
    True,
    -(10**30),
    0.1,
    float("nan"),
    -0.0,
    float("-inf"),
    "ü\0\ud800",
    b"\0\xff",
    [1, [2.5, ("a", None)], {}],
    {80.0: {"low": 1}, "list": ["list"], ("a", 1): []},
    np.arange(6, dtype=">f8").reshape(2, 3)[:, ::2],
    np.float32(0.1),
    np.array(["2024-01-01", "NaT"], "datetime64[us]"),
    np.zeros((0, 4), bool),
    np.array(["a", "bcd"]),
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_keep_every_bit(value: Any):
    assert same(decoded(encoded(value)), value)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()]), [1, {"a": elman.optim.Adam(0.1)}]])
def test_other_values_are_refused(value: Any):
    with pytest.raises(TypeError, match=r"^result(\[1\]\['a'\])?: expected None, numbers, texts, bytes, arrays"):
        encoded(value)


def test_altered_bytes_are_refused():
    data = encoded({"a": np.arange(10.0), "b": [1, 2]})
    for place in range(len(data)):
        with pytest.raises(ValueError, match="checksum"):
            decoded(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    for end in (0, 8, 20, len(data) - 1):
        with pytest.raises(ValueError, match="checksum"):
            decoded(data[:end])


@dataclass(frozen=True)
class Options:
    size: int
    rate: float = 0.1


class Pair(NamedTuple):
    a: Any
    b: Any


class Plain:
    def __init__(self, **state: Any) -> None:
        vars(self).update(state)


def tasks() -> list[Any]:
    """No two of them are the same task."""
    rng = np.random.default_rng(3)
    series = np.arange(12.0)
    return [
        *(None, True, 1, 1.0, "1", b"1", [1], (1,), {1}, {1: None}, [[], 1], [[1]], [1, 1]),
        *(series, series[:6], series.reshape(3, 4), series.astype(np.float32), np.array(None), np.float64(1), [series]),
        *(np.array(["a"]), np.array(["a"], object), np.dtype("f4"), np.zeros(1, [("a", "f8")])),
        *(Options(3), Options(4), replace(Options(3), rate=0.2), Pair(1, 2), Pair(2, 1), (1, 2)),
        *(Plain(a=1), Plain(a=2), Plain(b=1), rng, np.random.SeedSequence(1), np.random.SeedSequence(1).spawn(1)[0]),
        *(same, tasks, partial(same, 1), partial(same, b=1), Options, np.add, Path("a"), slice(1), 1j),
        *(elman.Network(1, 2, 1, seed=0), elman.Network(1, 2, 1, seed=1), elman.Network(1, 2, 1, cell="gru", seed=0)),
        *(elman.Forecaster(horizon=3), elman.Forecaster(horizon=4), elman.losses.Huber(1.0), elman.losses.Huber(2.0)),
        {"a": {"b", "c", "d", "e"}, "b": frozenset([1, "x"])},
    ]


def test_different_tasks_have_different_digests():
    digests = [digest("task", each) for each in tasks()]
    assert len(set(digests)) == len(digests)
    assert digest("task", "a", "b") != digest("task", "ab")


def test_digests_are_the_same_in_every_process():
    program = "from tests.test_ledger_values import *; print(*(digest('task', each) for each in tasks()))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop().split()) == len(tasks())


def test_a_task_may_hold_itself():
    task: list[Any] = [1]
    task.append(task)
    other: list[Any] = [1]
    other.append([1, other])
    assert digest("task", task) != digest("task", other)
