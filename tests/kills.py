"""Trainings killed with SIGKILL at random instants, resumed until they end, compared bit by bit with ones left alone.

    python tests/kills.py --kills 300

A child trains a small network and writes checkpoints all the time; the parent kills it after a random while and starts
the next one in the same folder. Most children are forks of a process that has imported elman and done nothing with it;
every tenth is a fresh interpreter. What a child was doing when it died is read from a file that both have mapped.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.core import io
from elman.core.files.leftovers import PREFIX
from elman.train.checkpoint import folder as folder_of
from elman.train.checkpoint import resume

DOINGS = ("starting", "training", "encoding", "write", "fsync", "replace", "unlink")
PIECE = 256  # bytes that a child's write takes at a time, so that kills fall between them
MOST_STARTS = 500  # of one training: without progress from kill to kill it would never end
MEAN_SECONDS = 0.01, 0.05  # from the beginning of training to the kill: each training has a mean between these
SAVING_SECONDS = 0.0003  # half of the kills wait for a stage of the next saving, and up to so long in it


@dataclass(frozen=True)
class Case:
    """One training; `threads` may differ from start to start."""

    cell: str
    draws: bool  # dropout and zoneout
    every: int | None
    keep: int
    window: int | None
    patience: int | None
    schedule: str
    seed: int

    def network(self) -> elman.Network:
        part = 0.2 if self.draws else 0.0
        layers = [elman.Recurrent(6, self.cell, recurrent_dropout=part, zoneout=part), elman.Dense(1)]
        return elman.Network.from_layers(layers, input_size=2, seed=self.seed)

    def fit(self, threads: int, folder: Path | None) -> elman.Trainer:
        rng = np.random.default_rng(self.seed)
        x, y = rng.normal(size=(44, 7, 2)), rng.normal(size=(44, 7, 1))
        lengths, weight = rng.integers(1, 8, 44), rng.uniform(0.5, 1.5, 44)
        elman.set_num_threads(threads)
        trainer = elman.Trainer(
            self.network(),
            optimizer=elman.optim.AdamW(0.02),
            schedule=elman.schedules.Plateau(0.5, patience=2) if self.schedule == "plateau" else self.schedule,
            batch_size=5,
            shard_size=2,
            clip_norm=1.0,
            rates={"head.*": 0.5},
            seed=self.seed,
        )
        where: dict[str, Any] = {}
        if folder is not None:
            where = {"checkpoint": folder, "resume": folder, "every": self.every, "keep": self.keep}
        trainer.fit(
            x,
            y,
            epochs=12,
            lengths=lengths,
            sample_weight=weight,
            validation=0.25,
            window=self.window,
            patience=self.patience,
            progress=False,
            **where,
        )
        return trainer


def draw(rng: np.random.Generator) -> Case:
    pick: Callable[[list[Any]], Any] = lambda options: options[rng.integers(len(options))]  # noqa: E731
    return Case(
        cell=pick(["tanh", "lstm", "gru"]),
        draws=pick([False, True]),
        every=pick([1, 2, 3, 7, None]),
        keep=int(rng.integers(1, 4)),
        window=pick([None, None, 3]),
        patience=pick([None, 3, 100]),
        schedule=pick(["constant", "plateau"]),
        seed=int(rng.integers(1 << 30)),
    )


def bits(trainer: elman.Trainer) -> bytes:
    """Everything that training leaves, but for seconds."""
    history = trainer.history
    epochs = [history.loss, history.validation_loss, history.learning_rate, history.updates]
    updates = [history.update_loss, history.gradient_norm, history.update_learning_rate]
    state = json.dumps([trainer.updates, trainer.schedule.state()], sort_keys=True)
    return b"".join(a.tobytes() for a in [trainer.network.theta, *trainer.slots, *epochs, *updates]) + state.encode()


# ------------------------------------------------------------------------------------------------- the child


def child(case: Case, threads: int, folder: Path) -> None:
    """Trains to the end, and leaves the bits in the file `result`."""
    with (folder / "doing").open("r+b") as file:
        doing = mmap.mmap(file.fileno(), 1)
    told(doing)
    doing[0] = DOINGS.index("training")
    trainer = case.fit(threads, folder / "run")
    doing[0] = DOINGS.index("starting")
    (folder / "result").write_bytes(bits(trainer))


def told(doing: mmap.mmap) -> None:
    """Makes saving note what it does, and write in pieces."""

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            before, doing[0] = doing[0], DOINGS.index(name)
            try:
                return function(*args)
            finally:
                doing[0] = before

        return call

    write = os.write
    os.write = noting("write", lambda descriptor, data: write(descriptor, data[:PIECE]))
    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, noting(name, getattr(os, name)))
    io.write = noting("encoding", io.write)


# ------------------------------------------------------------------------------------------------ the parent


def start(case: Case, threads: int, folder: Path, fresh: bool) -> int:
    """The child's process id."""
    if fresh:
        job = json.dumps({"case": asdict(case), "threads": threads, "folder": str(folder)})
        return os.posix_spawn(sys.executable, [sys.executable, __file__, "--child", job], os.environ)
    pid = os.fork()
    if pid:
        return pid
    try:
        child(case, threads, folder)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def killed(pid: int, doing: mmap.mmap, seconds: float, stage: int | None, more: float) -> int | None:
    """Kills the child so long after its training began, or so much more after it next came to a stage of saving.

    Returns what it was doing, or None if it had ended by itself.
    """
    ended = 0
    while not doing[0] and not ended:  # it is starting
        ended, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.0002)
    if not ended:
        time.sleep(seconds)
    while stage is not None and doing[0] != stage and not ended:
        ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        until = time.perf_counter() + more
        while time.perf_counter() < until:  # a sleep would be longer than most of what saving does
            pass
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return doing[0]
    assert status == 0, f"a child failed with exit status {os.waitstatus_to_exitcode(status)}"
    return None


def newest(folder: Path) -> int:
    """Updates that the newest checkpoint holds; each one in the folder must be whole."""
    found = folder_of.files(folder) if folder.exists() else []
    return max((resume.Checkpoint.read(path).plain["updates"] for path in found), default=0)


def campaign(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """So many kills; raises AssertionError for the first training whose bits are others."""
    rng, began = np.random.default_rng(seed), time.monotonic()
    counted: Counter[str] = Counter()
    starts = runs = 0
    while counted.total() < kills:
        case, place = draw(rng), folder / f"run-{runs}"
        runs += 1
        place.mkdir()
        (place / "doing").write_bytes(b"\0")
        with (place / "doing").open("r+b") as file:
            doing = mmap.mmap(file.fileno(), 1)
        saved, mean = 0, rng.uniform(*MEAN_SECONDS)
        for _ in range(MOST_STARTS):
            doing[0], starts = 0, starts + 1
            pid = start(case, int(rng.integers(1, 3)), place, fresh=starts % 10 == 0)
            if counted.total() == kills:  # enough: this one may end
                assert os.waitpid(pid, 0)[1] == 0, f"{case}: a child failed"
                break
            stage = int(rng.integers(DOINGS.index("encoding"), len(DOINGS))) if rng.random() < 0.5 else None
            died = killed(pid, doing, rng.exponential(mean), stage, rng.uniform(0, SAVING_SECONDS))
            if died is None:
                break
            counted[DOINGS[died]] += 1
            now = newest(place / "run")
            assert now >= saved, f"{case}: {saved} updates were saved, {now} are left"
            saved = now
        else:
            raise AssertionError(f"{case}: {MOST_STARTS} starts, and no end")
        alone = place / "alone"
        alone.mkdir()
        (alone / "doing").write_bytes(b"\0")
        undisturbed(case, alone)
        for name in ("result", "run/best.safetensors"):
            found, expected = place / name, alone / name
            same = (
                found.read_bytes() == expected.read_bytes()
                if name == "result"
                else (elman.load(found).theta == elman.load(expected).theta).all()
            )
            assert same, f"{case}: {found} has other bits than {expected}"
        left = [path.name for path in (place / "run").iterdir() if path.name.startswith(PREFIX)]
        assert not left, f"{case}: left over: {left}"
    return {
        "kills": counted.total(),
        "trainings": runs,
        "doing": dict(counted.most_common()),
        "seconds": round(time.monotonic() - began, 1),
    }


def undisturbed(case: Case, folder: Path) -> None:
    """In a child too: threads that this process had started would not be in the children it forks."""
    status = os.waitpid(start(case, 1, folder, fresh=False), 0)[1]
    assert status == 0, f"{case}: a training that nobody killed failed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        job = json.loads(given.child)
        child(Case(**job["case"]), job["threads"], Path(job["folder"]))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(campaign(given.kills, given.seed, Path(folder))))


if __name__ == "__main__":
    main()
