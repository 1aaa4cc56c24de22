"""Processes that end, or fork, while other threads are inside the compiled core: `python -m tests.campaigns.exits`.

Each cycle starts a process with daemon threads that train, predict and step without pause, and lets it end, or fork a
child that goes on with the same network, at a random moment. A cycle fails where the process dies of a signal, ends
with another code than 0, writes to stderr, or takes longer than LIMIT.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter

import numpy as np

__all__ = ["cycle", "main"]

LIMIT = 60  # seconds
HOW = ("end", "fork", "exit", "raise")
PROGRAM = """
import os, sys, threading, time, warnings
import numpy as np
import elman

how, seconds, hidden, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rng = np.random.default_rng(seed)
x, y = rng.normal(size=(64, 20, 3)).astype("float32"), rng.normal(size=(64, 20, 1)).astype("float32")
trained, still = (elman.Network(3, hidden, 1, cell=cell, seed=0) for cell in ("lstm", "gru"))
stream, started = still.stream(), threading.Barrier(4)

def train():
    trainer = elman.Trainer(trained, batch_size=8)
    trainer.fit(x, y, epochs=1, progress=False)
    started.wait()
    while True:
        trainer.fit(x, y, epochs=3, progress=False)

def predict():
    trained.predict(x)
    started.wait()
    while True:
        trained.predict(x)

def step():
    stream.step(x[0, 0])
    started.wait()
    while True:
        stream.step(x[0, 0])
        still.predict(x[:1])

for work in (train, predict, step):
    threading.Thread(target=work, daemon=True).start()
started.wait()
time.sleep(seconds)
if how == "fork":
    warnings.simplefilter("ignore")
    child = os.fork()
    if not child:
        try:
            finite = np.isfinite(trained.predict(x)).all()
            elman.Trainer(trained, batch_size=8).fit(x, y, epochs=1, progress=False)
            os._exit(0 if finite else 3)
        finally:
            os._exit(4)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if how == "exit":
    sys.exit(0)
if how == "raise":
    sys.excepthook = lambda *_: None
    raise SystemExit
"""


def cycle(how: str, seconds: float, hidden: int, seed: int) -> str:
    """Runs one process; returns "" or what went wrong."""
    command = [sys.executable, "-c", PROGRAM, how, str(seconds), str(hidden), str(seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"hangs longer than {LIMIT} s"
    if done.returncode == 0 and not done.stderr:
        return ""
    return f"code {done.returncode}: {done.stderr.strip()[-200:]}"


def main() -> int:
    """Runs the cycles and prints how many of each kind passed; returns 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    passed: Counter[str] = Counter()
    failed = 0
    for i in range(options.cycles):
        how, hidden = HOW[i % len(HOW)], int(rng.choice([4, 16, 128, 300]))
        wrong = cycle(how, float(rng.uniform(0, 0.15)), hidden, i)
        passed[how] += not wrong
        failed += bool(wrong)
        if wrong:
            print(f"cycle {i} of seed {options.seed}, {how}, H = {hidden}: {wrong}")
    print(f"exits and forks with threads inside the core, seed {options.seed}: {dict(passed)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
