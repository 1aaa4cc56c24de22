"""Seeded extremes: every command and estimator is asked for too little, too much and nonsense, on small data.

    python -m tests.campaigns.extremes --cases 2000 --seed 0            [--only NUMBER]

A command ends with exit code 0, 2 or 3; where it is not 0, with one line that says why, no file written and nothing
hidden left. Python raises a ValueError or TypeError that names an argument it was given, or a DataError. What succeeds
gives finite numbers. Nothing takes longer than 10 s, warns in NumPy's words, or prints a traceback. Exit code 1
otherwise; each case that fails is printed with the number that repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.anomaly import network as anomaly_network
from elman.cli import main
from elman.cli.commands import bench
from elman.forecast.models import efforts
from tests.campaigns.commands import command_case, prepare, run_command
from tests.campaigns.estimators import estimator_case, run_estimator
from tests.campaigns.wrong import Wrong

SECONDS = 10.0  # of a case
PROGRAMS = 25  # every so many commands one is run as a program of its own


class TooLong(BaseException):
    """No Exception, so that nothing takes it for its own."""


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """Networks that train in no time: what is asked is whether options are refused and numbers finite."""
    tables = local, many, anomalies = dict(efforts.LOCAL), dict(efforts.GLOBAL), dict(anomaly_network.EFFORTS)
    shapes = bench.SHAPES, bench.STEPS
    few = {"members": 1, "updates": 5}
    try:
        for word in local:
            efforts.LOCAL[word] = replace(local[word], **few)
            efforts.GLOBAL[word] = {n: replace(each, **few, trial_updates=2) for n, each in many[word].items()}
            anomaly_network.EFFORTS[word] = replace(anomalies[word], updates=5, snapshots=(0, 5))
        bench.SHAPES, bench.STEPS = ((1, 2, 1, 2),), (2,)
        yield
    finally:
        for table, kept in zip((efforts.LOCAL, efforts.GLOBAL, anomaly_network.EFFORTS), tables, strict=True):
            table.update(kept)
        bench.SHAPES, bench.STEPS = shapes


@contextlib.contextmanager
def timed() -> Iterator[None]:
    def late(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # where Python is not asked
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def run_case(number: int, seed: int, folder: Path) -> str:
    """The outcome of a case, which its number and the seed alone decide."""
    rng = random.Random(f"{seed}/{number}")
    if rng.random() < 0.5:
        call = estimator_case(rng)
        run: Callable[[], str] = lambda: run_estimator(call)  # noqa: E731
        about = str(call)
    else:
        arguments, program = command_case(rng), number % PROGRAMS == 0
        # which no shell passes on
        program = program and not any("\0" in word or len(word) > 10_000 for word in arguments)
        run, about = (lambda: run_command(arguments, place, program)), f"elman {arguments}"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        here = Path.cwd()
        os.chdir(place)
        try:
            with timed():
                return run()
        except TooLong:
            raise Wrong(f"case {number}: more than {SECONDS:g} s: {about[:1500]}") from None
        except Exception as error:
            raise Wrong(f"case {number}: {about[:1500]}\n{traceback.format_exc(limit=-4)}") from error
        finally:
            os.chdir(here)


def campaign(cases: int, seed: int, first: int = 0) -> tuple[Counter[str], list[str]]:
    """How often each outcome came, and what went wrong."""
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name, quickly():
        folder = Path(name).resolve()
        prepare(folder)
        for number in range(first, first + cases):
            try:
                counted[run_case(number, seed, folder)] += 1
            except Wrong as failure:
                wrong.append(str(failure))
    return counted, wrong


def command_line() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the one case with this number")
    parser.add_argument("--command", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.command:
        with quickly():
            return main(json.loads(given.command))
    began = time.monotonic()
    cases, first = (given.cases, 0) if given.only is None else (1, given.only)
    counted, wrong = campaign(cases, given.seed, first)
    for outcome, count in sorted(counted.items()):
        print(f"{count:6} {outcome}")
    for each in wrong:
        print(f"WRONG {each}\n")
    print(f"{cases} cases, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong or not counted else 0


if __name__ == "__main__":
    sys.exit(command_line())
