"""Training from Parquet files beside training from arrays in memory: `python -m benchmarks.stored [--data 1000]
[--memory 200] [--threads 1] [--rounds 3] [--plain]` (megabytes).

Files of rows with 100 steps of 8 features are written to a temporary folder as pyarrow writes them by itself, or, with
--plain, without dictionaries. One process trains an LSTM on them for some epochs and says how much its memory grew
beyond what it was before; another trains on as many rows as fit into the memory allowed, held in arrays. The two take
turns. What counts is the growth, and a row's time and time of the processors, in which what else the machine does
shows less.

The network has 32 units: one that computes little for the bytes that it reads, so that reading cannot hide. A larger
one takes longer for the same rows (--units), and the ratio comes nearer to 1.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
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


def write(folder: Path, rows: int, files: int = 4, plain: bool = False) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    for i in range(files):
        with parquet.ParquetWriter(folder / f"{i}.parquet", _schema(pa), use_dictionary=not plain) as writer:
            for _ in range(rows // files // GROUP):
                values = rng.normal(size=(FEATURES, GROUP * STEPS)).astype(np.float32)
                lists = [pa.FixedSizeListArray.from_arrays(pa.array(one), STEPS) for one in values]
                y = pa.array(values[0].reshape(GROUP, STEPS).mean(axis=1))
                writer.write_table(pa.Table.from_arrays([*lists, y], schema=_schema(pa)), row_group_size=GROUP)


def _schema(pa: Any) -> Any:
    return pa.schema([*((name, pa.list_(pa.float32(), STEPS)) for name in COLUMNS), ("y", pa.float32())])


def train(folder: Path, memory: int, threads: int, units: int, epochs: int, stored: bool) -> dict[str, float]:
    """Trains for some epochs; returns the growth of the memory in bytes, and the microseconds of a row by the clock and
    by all processors."""
    elman.set_num_threads(threads)
    trainer = elman.Trainer(elman.Network(FEATURES, units, 1, output="last", seed=0), batch_size=64)
    trainer.update(np.zeros((64, STEPS, FEATURES), np.float32), np.zeros(64, np.float32))
    batches = elman.ArrowBatches(folder, x=COLUMNS, y="y", batch_size=64, memory=memory)
    next(batches.read([0]))  # so that what reads has been loaded
    data: tuple[Any, ...] = (batches,)
    if not stored:
        parts = [rows for _, rows in batches.read(range(memory // 2 // ROW // GROUP))]
        data = tuple(np.concatenate([part[name] for part in parts]) for name in ("x", "y"))
        epochs *= max(1, batches.rows // len(data[0]))
    before, began, processor = _peak(), time.perf_counter(), _processor()
    trainer.fit(*data, epochs=epochs, progress=False)
    rows = epochs * (batches.rows if stored else len(data[0]))
    seconds = {"row_us": time.perf_counter() - began, "processor_us": _processor() - processor}
    return {"grown": _peak() - before} | {name: spent / rows * 1e6 for name, spent in seconds.items()}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> int:
    """Returns the largest memory that this process had, in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("expected VmHWM in /proc/self/status")


def main() -> int:
    parser = argparse.ArgumentParser(description="Training from files beside training from memory.")
    numbers = {"data": (1000, "megabytes of the files' numbers"), "memory": (200, "megabytes that are allowed")}
    numbers |= {"threads": (1, "of the training"), "units": (32, "of the LSTM"), "epochs": (1, "over the files")}
    numbers |= {"rounds": (3, "turns of both")}
    for name, (value, meaning) in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=meaning)
    parser.add_argument("--plain", action="store_true", help="files without dictionaries")
    parser.add_argument("--only", nargs=2, metavar=("HOW", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        how, folder = given.only
        options = given.memory * 10**6, given.threads, given.units, given.epochs
        print(json.dumps(train(Path(folder), *options, how == "files")))
        return 0
    print(json.dumps(describe(), indent=1))
    found: dict[str, list[dict[str, float]]] = {"files": [], "arrays": []}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), given.data * 10**6 // ROW, plain=given.plain)
        for turn in range(given.rounds):
            for how in found if turn % 2 == 0 else reversed(found):
                command = [sys.executable, "-m", "benchmarks.stored", "--only", how, folder]
                command += [f"--{name}={getattr(given, name)}" for name in numbers]
                found[how].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    grown = max(one["grown"] for one in found["files"])
    print(f"{given.data} MB in files, {given.memory} MB allowed: memory grew by {grown / 1e6:.0f} MB at most")
    for name, what in (("row_us", "the clock"), ("processor_us", "the processors")):
        files, arrays = (statistics.median(one[name] for one in found[how]) for how in ("files", "arrays"))
        print(f"a row by {what}: {files:.1f} us from files, {arrays:.1f} from arrays: {files / arrays:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
