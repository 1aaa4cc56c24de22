"""One contender on one data set in a process of its own, so that threads, imports and memory are its own.

    python -m benchmarks.forecasters KEY CORES        CORES: "0,1", the cores it may use; "" leaves that alone

Reads a pickled `Work` on stdin, and writes ("ok", Answer), or "missing" or "failed" and a text.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.forecasters import CONTENDERS, Answer, Contender, Work

__all__ = ["run"]


def run(contender: Contender, work: Work) -> Answer:
    began = time.perf_counter()
    module = importlib.import_module(f"benchmarks.forecasters.{contender.module}")
    imported = time.perf_counter()
    found = tuple(module.forecast(work, known, **contender.options) for known in work.cutoffs)
    seconds = time.perf_counter() - imported
    return Answer(found, seconds, imported - began, peak(), module.versions())


def peak() -> float:
    """MiB that this process held at most."""
    status = Path("/proc/self/status")  # Linux's ru_maxrss begins with the parent's
    if status.exists():
        line = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a peer prints must not come between the answer
    if sys.argv[2] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in sys.argv[2].split(",")})
    contender, work = CONTENDERS[sys.argv[1]], pickle.load(sys.stdin.buffer)
    answer: tuple[str, Any]
    try:
        answer = "ok", run(contender, work)
    except ModuleNotFoundError as error:
        answer = "missing", str(error)
    except Exception:
        answer = "failed", traceback.format_exc()
    pickle.dump(answer, answers)
    answers.flush()


if __name__ == "__main__":
    main()
