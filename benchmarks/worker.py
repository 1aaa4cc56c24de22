"""One contender in a process of its own, so that its threads and instruction set can be set before it is loaded.

    python -m benchmarks.worker CONTENDER CORES        CORES: "1" or "0,1", the cores it may use; "" leaves that alone

Reads pickled messages on stdin: ("build", key, case, thorough), ("run", key, count), ("drop", key), and answers on
stdout. It works only between a message and its answer, and the parent waits for that, so only one contender runs.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import time
import traceback
from typing import Any

from benchmarks.contenders import Refused, Work

__all__ = ["serve"]


def serve(contender: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a peer prints must not come between the answers

    def answer(kind: str, value: Any) -> None:
        pickle.dump((kind, value), answers)
        answers.flush()

    try:
        module = importlib.import_module(f"benchmarks.contenders.{contender}")
    except ImportError as error:
        answer("missing", str(error))
        return
    answer("ok", module.versions())
    works: dict[str, Work] = {}
    while True:
        try:
            word, key, *rest = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if word == "build":
                works[key] = module.build(*rest)
                answer("ok", (works[key].way, works[key].answer))
            elif word == "run":
                answer("ok", timed(works[key], *rest))
            else:
                works.pop(key, None)
                answer("ok", None)
        except Refused as error:
            answer("refused", str(error))
        except Exception:
            answer("failed", traceback.format_exc())


def timed(work: Work, count: int) -> tuple[float, float, int]:
    """Wall and processor seconds of `count` repetitions after a short warm-up, and how many were done."""
    if count > 4:  # a long repetition warms the caches itself
        work.run(max(1, count // 10))
    cpu, wall = time.process_time(), time.perf_counter()
    done = work.run(count)
    return time.perf_counter() - wall, time.process_time() - cpu, done


if __name__ == "__main__":
    if sys.argv[2] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in sys.argv[2].split(",")})
    serve(sys.argv[1])
