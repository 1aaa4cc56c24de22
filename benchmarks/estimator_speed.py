"""How long a classifier of sequences takes to fit in elman, Keras and skorch: `python -m benchmarks.estimator_speed`.

    pip install '.[peers]'

Each fits 1,000 sequences of 100 steps of 3 numbers with one recurrent layer of 64 units that ends in a softmax of two
classes: 50 epochs of batches of 32, Adam, float32, from NumPy arrays, by the call that its own documentation begins
with: `SequenceClassifier().fit`, `model.compile` and `model.fit`, `NeuralNetClassifier().fit`. A fit has a process of
its own, which first fits one epoch (libraries are loaded, Keras compiles), then is timed. The contenders take turns;
the median of the rounds counts. Asked: 5 times the speed of Keras, and of skorch 1.8 times (LSTM) and 3 times (GRU).
A contender that is not installed is left out with a line. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import describe, usable_cores

ROWS, STEPS, FEATURES, HIDDEN, EPOCHS, BATCH, RATE = 1000, 100, 3, 64, 50, 32, 1e-3
ASKED = {"keras": {"lstm": 5.0, "gru": 5.0}, "skorch": {"lstm": 1.8, "gru": 3.0}}

Fit = Callable[[np.ndarray, np.ndarray, str, int], float]  # x, y, cell, epochs -> share of the rows that is right


def data(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n, T, D); the class says whether the first number's mean in the second half is above that in the first."""
    x = np.random.default_rng(0).normal(size=(rows, STEPS, FEATURES)).astype(np.float32)
    return x, (x[:, STEPS // 2 :, 0].mean(axis=1) > x[:, : STEPS // 2, 0].mean(axis=1)).astype(np.int64)


def elman(x: np.ndarray, y: np.ndarray, cell: str, epochs: int) -> float:
    from elman import SequenceClassifier

    model = SequenceClassifier(
        hidden_size=HIDDEN, cell=cell, num_layers=1, bidirectional=False, pooling="last", dropout=0.0,
        epochs=epochs, batch_size=BATCH, learning_rate=RATE, weight_decay=0.0, members=1, early_stopping=False,
    )  # fmt: skip
    return model.fit(x, y).score(x, y)


def keras(x: np.ndarray, y: np.ndarray, cell: str, epochs: int) -> float:
    import keras  # pyright: ignore[reportMissingImports]

    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    model = keras.Sequential([keras.Input(x.shape[1:]), layer(HIDDEN), keras.layers.Dense(2, activation="softmax")])
    optimizer = keras.optimizers.Adam(RATE)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0)
    return float(model.evaluate(x, y, verbose=0)[1])


def skorch(x: np.ndarray, y: np.ndarray, cell: str, epochs: int) -> float:
    import torch
    from skorch import NeuralNetClassifier  # pyright: ignore[reportMissingImports]

    class Recurrent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
            self.recurrent, self.head = kind(FEATURES, HIDDEN, batch_first=True), torch.nn.Linear(HIDDEN, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.recurrent(x)[0][:, -1])

    model = NeuralNetClassifier(
        Recurrent, criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=RATE, max_epochs=epochs,
        batch_size=BATCH, iterator_train__shuffle=True, train_split=None, verbose=0,
    )  # fmt: skip
    return float(model.fit(x, y).score(x, y))


CONTENDERS: dict[str, Fit] = {"elman": elman, "keras": keras, "skorch": skorch}


def ask(contender: str, cell: str, epochs: int, threads: int, backend: str) -> str:
    """Returns what the process of one fit says: seconds and share right, or why there is none."""
    names = ("ELMAN", "OMP", "MKL", "OPENBLAS")
    environment = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}, "KERAS_BACKEND": backend}
    flags = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
    environment |= {"XLA_FLAGS": flags, "TF_NUM_INTRAOP_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "benchmarks.estimator_speed", "--one", contender, cell, str(epochs), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1])
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["nothing was said"]
    return lines[-1]


def one(contender: str, cell: str, epochs: int, threads: int) -> None:
    """Fits once, in this process, and prints the seconds and the share of rows that is right."""
    if cores := usable_cores()[:threads]:
        os.sched_setaffinity(0, cores)
    x, y = data()
    CONTENDERS[contender](x, y, cell, 1)
    began = time.perf_counter()
    right = CONTENDERS[contender](x, y, cell, epochs)
    print(f"{time.perf_counter() - began} {right}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--cells", default="lstm,gru")
    parser.add_argument("--only", default="elman,keras,skorch", help="contenders")
    parser.add_argument("--backend", default="torch", choices=("torch", "jax", "tensorflow"), help="of Keras")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--quick", action="store_true", help="one round of 2 epochs")
    given = parser.parse_args(arguments)
    if given.one:
        one(given.one[0], given.one[1], int(given.one[2]), int(given.one[3]))
        return 0
    rounds, epochs = (1, 2) if given.quick else (given.rounds, given.epochs)
    about = describe()
    size = f"{ROWS} x ({STEPS}, {FEATURES}), {HIDDEN} units, {epochs} epochs, batches of {BATCH}"
    print(f"{size}, {given.threads} threads")
    print(f"{about['date']}, {about['processor']}, {rounds} rounds; Keras on {given.backend}\n")
    for cell in given.cells.split(","):
        names = [name for name in CONTENDERS if name in given.only.split(",")]
        seconds: dict[str, list[float]] = {name: [] for name in names}
        right = dict.fromkeys(names, 0.0)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                said = ask(name, cell, epochs, given.threads, given.backend)
                try:
                    took, right[name] = map(float, said.split())
                    seconds[name].append(took)
                except ValueError:
                    print(f"{cell:5} {name:7} is left out: {said}")
        for name, took in seconds.items():
            if took:
                ratio = statistics.median(took) / statistics.median(seconds["elman"]) if seconds.get("elman") else 0.0
                asked = ASKED.get(name, {}).get(cell)
                note = f"  {ratio:6.1f} times elman's, asked {asked:g}" if asked else ""
                print(f"{cell:5} {name:7} {statistics.median(took):8.2f} s, least {min(took):.2f} s{note}"
                      f"   right {right[name]:.3f}", flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
