"""What an update takes on Dask workers on this machine, beside the plain Trainer: `python -m benchmarks.cluster`.

One LSTM, its data on the workers: a batch of 256 rows, T = 100, D = 32, H = 128. Ways take turns, and the
median of each is told; `exchange` is what an update takes beyond the computing of the slowest worker and the step:
weights out, gradients back, and waiting for both. Asked: two workers at least 1.6 times as fast as one, and at least
0.85 of the plain Trainer's speed on two threads.
"""

from __future__ import annotations

import argparse
import json
import statistics
from itertools import pairwise
from typing import Any

import numpy as np

import elman
from elman.cluster import DaskExecutor

__all__ = ["main", "measure"]

TURN = 4  # updates of one way, before it is another's turn


def measure(rows: int, steps: int, features: int, units: int, turns: int, workers: int) -> dict[str, dict[str, float]]:
    """Returns the median milliseconds of an update and, on workers, of its parts, for each way."""
    from distributed import Client, LocalCluster

    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, steps, features)).astype("float32")
    y = rng.normal(size=(rows, steps, 1)).astype("float32")
    found: dict[str, dict[str, list[float]]] = {}

    def a_turn(way: str, trainer: elman.Trainer, threads: int) -> None:
        """Some updates of one fit, whose first sends the data and does not count."""
        elman.set_num_threads(threads)
        profiles: list[Any] = []
        trainer.fit(
            x,
            y,
            epochs=TURN + 1,
            progress=False,
            callback=lambda now: profiles.append(getattr(now.executor, "profile", None)),
        )
        seconds = found.setdefault(way, {})
        if trainer.executor is None:
            seconds.setdefault("update", []).extend(1e3 * trainer.history.seconds[-TURN:])
        for before, after in pairwise(profiles) if trainer.executor else ():
            for name, part in (("update", "total"), ("computing",) * 2, ("exchange",) * 2, ("step",) * 2):
                seconds.setdefault(name, []).append(1e3 * (getattr(after, part) - getattr(before, part)))

    def made(executor: Any) -> elman.Trainer:
        network = elman.Network(features, units, 1, seed=0)
        return elman.Trainer(network, batch_size=rows, executor=executor)

    clusters = [LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0") for n in range(1, workers + 1)]
    clients = [Client(cluster) for cluster in clusters]
    ways: dict[str, tuple[elman.Trainer, int]] = {f"plain, {n} threads": (made(None), n) for n in range(1, workers + 1)}
    for n, client in enumerate(clients, 1):
        ways[f"{n} workers"] = made(DaskExecutor(client, force=True)), 1
    for _ in range(turns):
        for way, (trainer, threads) in ways.items():
            a_turn(way, trainer, threads)
    thetas = {trainer.network.theta.tobytes() for trainer, _ in ways.values()}
    assert len(thetas) == 1, "expected the same bits whoever computed"
    for client, cluster in zip(clients, clusters, strict=True):
        client.close()
        cluster.close()
    return {way: {name: statistics.median(ms) for name, ms in parts.items()} for way, parts in found.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"rows": 256, "steps": 100, "features": 32, "units": 128, "turns": 5, "workers": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", action="store_true")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    found = measure(**options)
    if as_json:
        print(json.dumps(found))
        return
    for way, parts in found.items():
        print(f"{way:18}" + "".join(f"{name} {ms:8.2f} ms   " for name, ms in parts.items()))
    last = options["workers"]
    one, many, plain = (found[way]["update"] for way in ("1 workers", f"{last} workers", f"plain, {last} threads"))
    print(f"{last} workers: {one / many:.2f} times one worker, {plain / many:.2f} times {last} threads")


if __name__ == "__main__":
    main()
