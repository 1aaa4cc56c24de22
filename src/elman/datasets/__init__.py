"""Small series that are part of the package, as CSV files, and generators of synthetic tasks.

| name | what | source |
|---|---|---|
| `sunspots` | yearly mean sunspot number, 1700-2008 (309 rows) | National Geophysical Data Center; public domain |
| `airline` | monthly airline passengers, thousands, 1949-1960 (144 rows) | Box and Jenkins (1970), series G |
| `seatbelts` | monthly road casualties in Great Britain, 1969-1984, four groups of 192 rows, with distance driven, \
petrol price and the law of February 1983 | Department of Transport; Harvey and Durbin (1986) |

A text, `load_alice`: Lewis Carroll, Alice's Adventures in Wonderland (1865), 146,782 characters, public domain; the
Millennium Fulcrum Edition 2.9 as the Canterbury corpus has it (alice29.txt), its line ends changed to line feeds,
without its rows of asterisks, indents of more than eight spaces made eight.

Tasks that ask for memory (`memory.py`) and tasks of systems neuroscience (`cognitive.py`), each a function of
(n, T, seed): `adding_problem`, `copy_memory`, `delayed_echo`, `parity`, `sequential_digits`; `perceptual_decision`,
`delayed_match`. Each returns a `Task`: inputs, targets, loss, and what an answer without memory scores. `tunes` makes
pieces of music by rule, `written_dates` dates as people and as computers write them, `dialled_tones` sounds with the
keys dialled in them.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.core import checks
from elman.datasets.cognitive import COHERENCES, delayed_match, ideal_accuracy, perceptual_decision, psychometric
from elman.datasets.dates import written_dates
from elman.datasets.memory import adding_problem, copy_memory, delayed_echo, parity, sequential_digits
from elman.datasets.task import Task
from elman.datasets.tones import TONES_RATE, dialled_tones
from elman.datasets.tunes import TUNE_STEPS_PER_BEAT, tunes

__all__ = [
    "COHERENCES",
    "TONES_RATE",
    "TUNE_STEPS_PER_BEAT",
    "Example",
    "Task",
    "adding_problem",
    "columns",
    "copy_memory",
    "delayed_echo",
    "delayed_match",
    "dialled_tones",
    "ideal_accuracy",
    "load_airline",
    "load_alice",
    "load_seatbelts",
    "load_sunspots",
    "names",
    "parity",
    "path",
    "perceptual_decision",
    "psychometric",
    "sequential_digits",
    "text_path",
    "tunes",
    "written_dates",
]

_FOLDER = Path(__file__).parent / "data"
_COLUMNS = {"seatbelts": {"target": "casualties", "id": "group"}}  # where a file has several numeric columns
_UNITS = {"sunspots": "Y", "airline": "M", "seatbelts": "M"}


class Example(NamedTuple):
    """A bundled series."""

    times: np.ndarray  # datetime64 (n,), of the series' own unit: years or months
    values: np.ndarray  # float64 (n,)
    name: str  # the column's name


def names() -> tuple[str, ...]:
    """Returns the names of the bundled series; commands without a file use the first."""
    return tuple(_UNITS)


def path(name: str) -> Path:
    """Returns the path of a bundled series' CSV file; raises ValueError for an unknown name."""
    return _FOLDER / f"{checks.choice('name', name, names())}.csv"


def columns(file: Path) -> dict[str, str]:
    """Returns the columns of target and ids in the file of a bundled series where they are not plain, by option; empty
    for any other file."""
    return dict(_COLUMNS.get(file.stem, {})) if file.parent == _FOLDER else {}


def text_path(name: str) -> Path:
    """Returns the path of a bundled text; raises ValueError for an unknown name."""
    return _FOLDER / f"{checks.choice('name', name, ('alice',))}.txt"


def load_alice() -> str:
    """Returns Alice's Adventures in Wonderland, 146,782 characters."""
    return text_path("alice").read_text("ascii")


def load_sunspots() -> Example:
    """Returns the yearly mean sunspot number, 1700-2008: 309 values with a cycle of about 11 years."""
    return _load("sunspots")


def load_airline() -> Example:
    """Returns monthly airline passengers in thousands, January 1949 to December 1960: 144 values."""
    return _load("airline")


def load_seatbelts() -> dict[str, Example]:
    """Returns monthly road casualties in Great Britain, 1969 to 1984: 192 values for each of four groups.

    The groups are drivers, front and rear passengers killed or seriously injured in cars, and van drivers killed. From
    February 1983 people in front seats had to wear belts.
    """
    with path("seatbelts").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, Example] = {}
    for group in dict.fromkeys(row["group"] for row in rows):
        own = [row for row in rows if row["group"] == group]
        times = np.array([row["month"] for row in own], dtype="datetime64[M]")
        found[group] = Example(times, np.array([float(row["casualties"]) for row in own]), "casualties")
    return found


def _load(name: str) -> Example:
    with path(name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    times = np.array([row[0] for row in rows], dtype=f"datetime64[{_UNITS[name]}]")
    return Example(times, np.array([float(row[1]) for row in rows]), header[1])
