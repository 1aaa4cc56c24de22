"""Altered files, loaded and used: each is refused by a FileError, or all that it can be used for works or says why not.

    python -m tests.campaigns.files --cases 5000 --seed 0
    python -m tests.campaigns.files --seed 0 --only 1234     # one case, with its traceback

Each case takes a valid file of some kind, alters its description or tensors, computes the checksum anew, loads and uses
it. Cases run in forks of a few hundred, so that a crash, a hang (5 s) or a claim of memory (4 GB) is counted and not
fatal. Prints the counts by kind and outcome, and what went wrong by error and place; exit code 1 where anything did.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from campaigns.altered import Contents, altered, encoded, read
from campaigns.uses import uses
from golden import make_files, make_sequences

import elman
from elman import optim

SECONDS = 5
MEMORY = 4 << 30
BATCH = 250
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 6, 2)), RNG.normal(size=(7, 6, 1))

# name -> the options of a Trainer, and of its fit, that a checkpoint is of
TRAININGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sgd windows": ({"optimizer": optim.SGD(0.1, 0.9), "schedule": "plateau"}, {"window": 2, "every": 4}),
    "rmsprop": ({"optimizer": "rmsprop", "clip_norm": 1.0}, {"validation": 0.3, "patience": 3, "every": 3}),
    "adagrad": ({"optimizer": "adagrad"}, {"every": 4, "shuffle": False}),
    "adamw windows": ({"optimizer": "adamw"}, {"window": 3, "validation": 0.3, "patience": 2, "every": 3}),
}


class TooLong(Exception):
    """A case that does not end."""


def trainer(name: str) -> elman.Trainer:
    cell = "lstm" if "windows" in name else "gru"
    return elman.Trainer(elman.Network(2, 3, 1, cell=cell, seed=1), batch_size=3, **TRAININGS[name][0])


def seeds(folder: Path) -> dict[str, Contents]:
    """A valid file of every kind, several variants of each, by name."""
    for make in (make_files.networks, make_files.forecasters, make_files.detectors):
        make(folder)
    quick: dict[str, Any] = {"effort": "fast", "hidden_size": 2}
    values = 30 + 4 * np.sin(2 * np.pi * np.arange(450) / 12) + RNG.normal(size=450)
    short = values[:90]
    for name, options, y in (
        ("lstm", {"cell": "lstm", "season": 12, "horizon": 4, "boxcox_lambda": 0.0}, short),
        ("gru", {"cell": "gru", "windows": 2, "horizon": 3}, short),
        (
            "gaussian",
            {"distribution": "gaussian", "horizon": 3, "season": 12, "windows": 2},
            {"a": short, "b": short[:80]},
        ),
        ("seasons", {"season": (3, 12), "horizon": 3, "windows": 2, "skip_seasons": 2}, {"a": short, "b": short[5:]}),
    ):
        elman.Forecaster(**options, **quick, members=2, updates=10).fit(y).save(folder / f"forecaster {name}")
    for name, options, y in (
        ("log", {"probation": 0.5}, np.exp(values / 10)),
        ("no scales", {}, values[:420]),
        ("tanh", {"cell": "tanh", "season": (12, 24), "probation": 200}, values),
    ):
        elman.AnomalyDetector(**options, **quick).fit(y).save(folder / f"detector {name}")
    both = {"a": values[:420], "b": short.mean() + values[::-1][:420]}
    elman.anomaly.MultivariateDetector(**quick).fit(both).save(folder / "joint anomaly detector")
    for joint in (False, True):
        made = elman.MusicModel(joint=joint, hidden_size=4, updates=2, steps_per_beat=2, beats_per_bar=1)
        made.fit(elman.datasets.tunes(2, bars=3)).save(folder / f"music {'joint' if joint else 'independent'}")
    for level in ("characters", "bytes"):
        made = elman.LanguageModel(level=level, hidden_size=4, updates=2, window=4, batch_size=2)
        made.fit("abcabcabcabd\n" * 5).save(folder / f"language {level}")
    told = ["ab", "ba", "aab"] * 8
    for name, sources, asked in (
        ("texts", told, {"level": "characters", "cell": "lstm"}),
        ("tokens", [list(text) for text in told], {"level": ("tokens", "characters"), "unknown": "<unk>"}),
        ("frames", [np.ones((len(text), 2)) for text in told], {"level": "characters", "attention": "dot"}),
        ("vectors", RNG.normal(size=(len(told), 3)), {"level": "characters"}),
    ):
        translator = elman.EncoderDecoder(**asked, hidden_size=4, updates=2, batch_size=8)
        translator.fit(sources, told).save(folder / f"encoder decoder {name}")
    for bidirectional in (False, True):
        made = elman.SpeechModel(
            bidirectional=bidirectional, hidden_size=4, num_layers=1, bands=6, updates=2, batch_size=8
        )
        made.fit(*elman.datasets.dialled_tones(16), rate=8000)
        made.save(folder / f"speech {'both ways' if bidirectional else 'one way'}")
    if importlib.util.find_spec("sklearn"):
        make_sequences.sequences(folder)
    for name, (_, asked) in TRAININGS.items():
        trainer(name).fit(X, Y, epochs=2, progress=False, checkpoint=folder / "kept", keep=9, **asked)
        paths = sorted((folder / "kept").iterdir())
        for i, path in enumerate([paths[0], paths[1], paths[-1]]):
            shutil.copy(path, folder / f"checkpoint {i} {name}")
        shutil.rmtree(folder / "kept")
    earlier = [path for path in make_files.FOLDER.iterdir() if path.name.startswith(("forecaster", "detector"))]
    found = {path.name: read(path) for path in sorted(folder.iterdir())}
    return found | {f"{path.stem} of 0.1.0": read(path) for path in sorted(earlier)}


# ------------------------------------------------------------------------------------------------- one case


def proper(error: BaseException) -> bool:
    """Whether elman itself raised it, as it says; errors from inside NumPy or of a kind nobody promised are not."""
    if not isinstance(error, ValueError | TypeError | elman.TrainingError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    raised = any((line or "").strip().startswith("raise") for line in (last.line, _statement(error)))
    return raised and "elman" in Path(last.filename).parts


def _statement(error: BaseException) -> str:
    """The line before, where a statement goes over several."""
    import linecache

    last = traceback.extract_tb(error.__traceback__)[-1]
    lines = [linecache.getline(last.filename, (last.lineno or 1) - back) for back in range(8)]
    return next((line for line in lines if line.strip().startswith("raise")), "")


def place(error: BaseException) -> str:
    """The error, and the last place in elman that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "elman" in Path(f.filename).parts]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else "nowhere"
    return f"{type(error).__name__} at {where}: {str(error)[:90]}"


def run(name: str, contents: Contents, folder: Path) -> str:
    """What came of loading and using it: "refused", "used", "used, refused", or what went wrong."""
    path = folder / "update-000000004.safetensors"
    path.write_bytes(encoded(contents))
    outcome = "used"
    began = time.process_time()
    if contents.kind == "checkpoint":
        outcome = _resumed(name.split(" ", 2)[2], folder)
    try:
        loaded = elman.load(path)
    except elman.FileError:
        return "refused" if outcome == "used" else outcome
    finally:
        if time.process_time() - began > 1.0:
            raise TooLong(f"loading took {time.process_time() - began:.1f} s")
    for use in uses(path, loaded):
        try:
            use()
        except Exception as error:
            if not proper(error):
                raise
            outcome = "used, refused"
    return outcome


def _resumed(name: str, folder: Path) -> str:
    own = trainer(name)
    try:
        own.fit(X, Y, epochs=3, progress=False, resume=folder, **{**TRAININGS[name][1], "every": None})
    except Exception as error:
        if not proper(error):
            raise
        return "refused" if isinstance(error, elman.FileError) else "used, refused"
    return "used"


def one(seeds: dict[str, Contents], seed: int, case: int, folder: Path) -> tuple[str, str, str]:
    """(kind, outcome, what was altered) of a case."""
    rng = np.random.default_rng([seed, case])
    name = sorted(seeds)[case % len(seeds)]
    contents, said = altered(seeds[name], rng)

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"it did not end in {SECONDS} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        outcome = run(name, contents, folder)
    except Exception as error:
        outcome = place(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return contents.kind, outcome, f"{name}: {said}"


# ---------------------------------------------------------------------------------------------------- many


def forked(cases: list[int], work: Callable[[int], tuple[str, str, str]]) -> list[tuple[int, str, str, str]]:
    """The outcomes of the cases, run in a fork; one that crashes or hangs ends it, and the next fork goes on after."""
    found: list[tuple[int, str, str, str]] = []
    while cases:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _work(cases, work, writing)
        os.close(writing)
        done, last = _listened(reading, child)
        os.close(reading)
        _, status = os.waitpid(child, 0)
        found += done
        cases = cases[len(done) :]
        if cases:  # it ended before its end
            crash = f"crash: signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
            found.append((cases[0], "?", last or crash or f"exit {os.WEXITSTATUS(status)}", ""))
            cases = cases[1:]
    return found


def _work(cases: list[int], work: Callable[[int], tuple[str, str, str]], writing: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for case in cases:
            line = "\t".join(repr(each) for each in (case, *work(case)))
            os.write(writing, line.encode("utf-8", "replace") + b"\n")
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _listened(reading: int, child: int) -> tuple[list[tuple[int, str, str, str]], str]:
    import ast

    data, done = b"", []
    while True:
        if not select.select([reading], [], [], 3 * SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
            return done, "hang"
        piece = os.read(reading, 1 << 16)
        if not piece:
            return done, ""
        *lines, data = (data + piece).split(b"\n")
        for line in lines:
            done.append(tuple(map(ast.literal_eval, line.decode().split("\t"))))


def campaign(cases: int, seed: int, first: int = 0) -> tuple[Counter[tuple[str, str]], dict[str, list[str]]]:
    """How often each kind had each outcome; and by what went wrong, the cases."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong: dict[str, list[str]] = defaultdict(list)
    threads = elman.get_num_threads()
    elman.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as folder:
        known = seeds(Path(made))
        for begin in range(first, first + cases, BATCH):
            numbers = list(range(begin, min(begin + BATCH, first + cases)))
            for case, kind, outcome, said in forked(numbers, lambda case: one(known, seed, case, Path(folder))):
                fine = outcome in ("refused", "used", "used, refused")
                counts[kind, outcome if fine else "WRONG"] += 1
                if not fine:
                    wrong[outcome].append(f"--seed {seed} --only {case}   {said[:300]}")
            print(f"{sum(counts.values())} cases, {sum(map(len, wrong.values()))} wrong", file=sys.stderr)
    elman.set_num_threads(threads)
    return counts, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="one case, in this process")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.only is not None:
        with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as folder:
            known = seeds(Path(made))
            name = sorted(known)[asked.only % len(known)]
            contents, said = altered(known[name], np.random.default_rng([asked.seed, asked.only]))
            print(f"{name}: {said}")
            print(run(name, contents, Path(folder)))
        return
    began = time.perf_counter()
    counts, wrong = campaign(asked.cases, asked.seed)
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind:18} {outcome:15} {count}")
    for outcome, cases in sorted(wrong.items(), key=lambda each: -len(each[1])):
        print(f"\n{len(cases)} times {outcome}")
        for case in cases[:4]:
            print(f"    {case}")
    print(
        f"\n{sum(counts.values())} cases in {time.perf_counter() - began:.0f} s, {sum(map(len, wrong.values()))} wrong"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
