"""What the options of training cost: `python -m benchmarks.options` times each beside the plain network, in turn.

One thread, float32, B = 32, T = 100, D = 32, H = 128; medians over rounds of the time of an update through
`Trainer.fit`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

import elman
from benchmarks.machine import describe
from elman import GRU, LSTM, Dense, Dropout, Recurrent, Simple
from elman.core.layers import Cell

B, T, D, H = 32, 100, 32, 128
UPDATES = 8  # of one slice

CELLS: dict[str, Cell] = {"tanh": Simple(), "lstm": LSTM(), "gru": GRU()}
NORMED: dict[str, Cell] = {"tanh": Simple(layer_norm=True), "lstm": LSTM(layer_norm=True), "gru": GRU(layer_norm=True)}


def variants(name: str) -> dict[str, tuple[list[Any], float | None]]:
    """Option -> layers below the head, and the ratio to the plain network that it may have at most."""
    cell = CELLS[name]
    found: dict[str, tuple[list[Any], float | None]] = {
        "plain": ([Recurrent(H, cell)], None),
        "plain, again": ([Recurrent(H, cell)], None),
        "layer norm": ([Recurrent(H, NORMED[name])], 1.35),
        "variational dropout": (
            [Dropout(0.2, True), Recurrent(H, cell, recurrent_dropout=0.2), Dropout(0.2, True)],
            1.15,
        ),
        "dropout": ([Dropout(0.2), Recurrent(H, cell), Dropout(0.2)], None),
        "zoneout": ([Recurrent(H, cell, zoneout=0.1)], None),
        "learned state": ([Recurrent(H, cell, learned_state=True)], None),
    }
    if name == "tanh":
        found["leak"] = ([Recurrent(H, Simple(leak=0.2))], 1.15)
        found["leak and noise"] = ([Recurrent(H, Simple(leak=0.2, noise=0.1))], 1.15)
    return found


def measure(name: str, seconds: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(B * UPDATES, T, n)).astype(np.float32) for n in (D, 1))
    trainers: dict[str, elman.Trainer] = {}
    for option, (layers, _) in variants(name).items():
        net = elman.Network.from_layers([*layers, Dense(1)], input_size=D, seed=0)
        trainers[option] = elman.Trainer(net, optimizer=elman.optim.SGD(1e-3), batch_size=B)
    samples: dict[str, list[float]] = {option: [] for option in trainers}
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        for option, trainer in trainers.items():
            began = time.perf_counter()
            trainer.fit(x, y, epochs=1, progress=False)
            samples[option].append((time.perf_counter() - began) / UPDATES)
    rows: list[dict[str, Any]] = []
    for option, (_, most) in variants(name).items():
        ratio = statistics.median(a / b for a, b in zip(samples[option], samples["plain"], strict=True))
        median = 1e6 * statistics.median(samples[option])
        rows.append({"cell": name, "option": option, "median_us": median, "ratio": ratio, "asked": most})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.options", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each cell")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the result")
    given = parser.parse_args()
    elman.set_num_threads(1)
    rows = [row for name in CELLS for row in measure(name, given.seconds)]
    for row in rows:
        asked = "" if row["asked"] is None else f"  asked {row['asked']:.2f}"
        print(f"{row['cell']:5} {row['option']:20} {row['median_us']:9.0f} us  {row['ratio']:5.2f}{asked}")
    about = {
        **describe(),
        "elman": elman.__version__,
        "isa": elman.show_config()["isa"],
        "B": B,
        "T": T,
        "D": D,
        "H": H,
    }
    path = given.out / f"{about['date']}-{about['isa']}-options.json"
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
