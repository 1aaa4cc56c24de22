"""Series that several files of forecast tests use."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def wave(rows: int = 120, season: int = 12, noise: float = 0.1) -> np.ndarray:
    """Returns a season on a linear trend, with noise."""
    time = np.arange(rows)
    return 10 + 0.05 * time + np.sin(2 * np.pi * time / season) + noise * np.random.default_rng(0).normal(size=rows)


def waves(count: int = 6, rows: int = 130, season: int = 7, noise: float = 0.05) -> dict[str, np.ndarray]:
    """Returns series of unequal lengths and levels, with seasons proportional to the level."""
    rng = np.random.default_rng(1)
    found: dict[str, np.ndarray] = {}
    for k in range(count):
        time = np.arange(rows - 5 * k)
        swing = 1 + 0.3 * np.sin(2 * np.pi * (time + k) / season) + noise * rng.normal(size=len(time))
        found[f"s{k}"] = 10.0 ** (k % 3) * swing
    return found


def long_table(folder: Path, values: dict[str, np.ndarray], more: str = "") -> Path:
    """Writes series as a CSV file in long form, with the lines `more` at its end, and returns its path."""
    path = folder / "long.csv"
    lines = ["shop,day,units"]
    for name, each in values.items():
        days = np.datetime64("2024-01-01") + np.arange(len(each))
        lines += [f"{name},{day},{value!r}" for day, value in zip(days, each.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n" + more, encoding="utf-8")
    return path
