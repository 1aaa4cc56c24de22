"""Training from Parquet files beside training from arrays in memory: `python -m benchmarks.stored [--data 1000]
[--memory 200] [--threads 1]` (megabytes).

Files of rows with 100 steps of 8 features are written to a temporary folder. One process trains an LSTM of 32 units on
them for one epoch and says how much its memory grew beyond what it was before; another trains on as many rows as fit
into the memory allowed, held in arrays. What counts is the growth, and the time of a row.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import elman
from benchmarks.machine import describe

STEPS, FEATURES, GROUP = 100, 8, 1000
COLUMNS = [f"feature{k}" for k in range(FEATURES)]
ROW = STEPS * FEATURES * 4  # bytes of float32


def write(folder: Path, rows: int, files: int = 4) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    for i in range(files):
        with parquet.ParquetWriter(folder / f"{i}.parquet", _schema(pa)) as writer:
            for _ in range(rows // files // GROUP):
                values = rng.normal(size=(FEATURES, GROUP * STEPS)).astype(np.float32)
                lists = [pa.FixedSizeListArray.from_arrays(pa.array(one), STEPS) for one in values]
                y = pa.array(values[0].reshape(GROUP, STEPS).mean(axis=1))
                writer.write_table(pa.Table.from_arrays([*lists, y], schema=_schema(pa)), row_group_size=GROUP)


def _schema(pa: Any) -> Any:
    return pa.schema([*((name, pa.list_(pa.float32(), STEPS)) for name in COLUMNS), ("y", pa.float32())])


def train(folder: Path, memory: int, threads: int, stored: bool) -> dict[str, float]:
    """Trains for one epoch; returns the growth of the memory in bytes and the microseconds of a row."""
    elman.set_num_threads(threads)
    trainer = elman.Trainer(elman.Network(FEATURES, 32, 1, output="last", seed=0), batch_size=64)
    trainer.update(np.zeros((64, STEPS, FEATURES), np.float32), np.zeros(64, np.float32))
    batches = elman.ArrowBatches(folder, x=COLUMNS, y="y", batch_size=64, memory=memory)
    batches.read(0)  # so that what reads has been loaded
    before = _peak()
    if stored:
        began = time.perf_counter()
        trainer.fit(batches, epochs=1, progress=False)
        rows = batches.rows
    else:
        parts = [batches.read(i) for i in range(memory // 2 // ROW // GROUP)]
        x, y = (np.concatenate([part[name] for part in parts]) for name in ("x", "y"))
        rows, began = len(x), time.perf_counter()
        trainer.fit(x, y, epochs=1, progress=False)
    return {"grown": _peak() - before, "row_us": (time.perf_counter() - began) / rows * 1e6}


def _peak() -> int:
    """Returns the largest memory that this process had, in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("expected VmHWM in /proc/self/status")


def main() -> int:
    parser = argparse.ArgumentParser(description="Training from files beside training from memory.")
    parser.add_argument("--data", type=int, default=1000, help="megabytes of the files' numbers")
    parser.add_argument("--memory", type=int, default=200, help="megabytes that are allowed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs=2, metavar=("HOW", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        how, folder = given.only
        print(json.dumps(train(Path(folder), given.memory * 10**6, given.threads, how == "files")))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), given.data * 10**6 // ROW)
        found: dict[str, Any] = {}
        for how in ("files", "arrays"):
            command = [sys.executable, "-m", "benchmarks.stored", "--only", how, folder]
            command += ["--memory", str(given.memory), "--threads", str(given.threads)]
            found[how] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(json.dumps(describe(), indent=1))
    print(f"{given.data} MB in files, {given.memory} MB allowed: memory grew by {found['files']['grown'] / 1e6:.0f} MB")
    ratio = found["files"]["row_us"] / found["arrays"]["row_us"]
    print(
        f"a row: {found['files']['row_us']:.1f} us from files, {found['arrays']['row_us']:.1f} from arrays: {ratio:.2f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
