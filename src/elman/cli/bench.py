"""`elman bench`: how long a step takes on this machine, beside NumPy and, where it is installed, PyTorch."""

from __future__ import annotations

import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from elman.cli import say
from elman.cli.words import Json
from elman.core import checks

__all__ = ["bench"]

# B, T, D, H
SHAPES = ((1, 10, 1, 16), (32, 50, 8, 64), (32, 50, 64, 256))
STEPS = (16, 256)  # H of a streaming step
CELLS = ("tanh", "lstm", "gru")
ROUNDS = 3
RATE = 1e-4

Run = Callable[[int], int]  # does about so many repetitions, returns how many it did


class Job(NamedTuple):
    """One piece of work, and who does it: elman, NumPy, and torch where it is installed."""

    work: str
    cell: str
    shape: tuple[int, int, int, int]
    contenders: dict[str, Run]


def bench(
    seconds: Annotated[
        float, typer.Option("--seconds", help="About how long to measure, in all: 0.01 to 3600.")
    ] = 20.0,
    as_json: Json = False,
) -> None:
    """Time training, prediction and single steps on this machine, beside NumPy and PyTorch."""
    from elman.engines.config import show_config

    checks.number("--seconds", seconds, 0.01, 3600.0)
    peers = ["numpy", *(["torch"] if importlib.util.find_spec("torch") else [])]
    config = show_config()
    with say.working(f"timing for about {seconds:g} s"):
        jobs = [_train, _infer]
        made = [job(cell, shape, peers) for job in jobs for cell in CELLS for shape in SHAPES]
        made += [_stream(cell, (1, 1, 1, H), peers) for cell in CELLS for H in STEPS]
        share = seconds / len(made)
        found = [_timed(job, share) for job in made]
    machine = {name: config[name] for name in ("version", "engine", "isa", "threads")} | {"cores": os.cpu_count()}
    if as_json:
        say.as_json({"machine": machine | {"processor": platform.machine()}, "rows": found})
        return
    _print(found, peers, machine)


def _timed(job: Job, seconds: float) -> dict[str, Any]:
    """Each contender's median of a few turns, taken in turn; times in microseconds, ratios to elman's."""
    turn = seconds / len(job.contenders) / (ROUNDS + 1)
    counts: dict[str, int] = {}
    for name, run in job.contenders.items():
        run(1)
        count, began, done = 1, time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < turn / 2 or not done:
            done += run(count)
            count *= 2
        counts[name] = max(1, int(done * turn / spent)) if spent else count
    samples: dict[str, list[float]] = {name: [] for name in counts}
    for _ in range(ROUNDS):
        for name, run in job.contenders.items():
            began = time.perf_counter()
            done = run(counts[name])
            samples[name].append((time.perf_counter() - began) / done)
    micros = {name: 1e6 * statistics.median(values) for name, values in samples.items()}
    ratios = {name: value / micros["elman"] for name, value in micros.items() if name != "elman"}
    B, T, D, H = job.shape
    return {"work": job.work, "cell": job.cell, "B": B, "T": T, "D": D, "H": H, "micros": micros, "ratios": ratios}


# ------------------------------------------------------------------------------------------- the work


def _network(cell: str, shape: tuple[int, int, int, int]) -> Any:
    from elman.network import Network

    return Network(shape[2], shape[3], 1, cell=cell, seed=0)


def _data(shape: tuple[int, int, int, int], batches: int) -> tuple[Any, Any]:
    import numpy as np

    B, T, D, _ = shape
    random = np.random.default_rng(0)
    x, y = random.normal(size=(B * batches, T, D)), random.normal(size=(B * batches, T, 1))
    return x.astype(np.float32), y.astype(np.float32)


def _train(cell: str, shape: tuple[int, int, int, int], peers: list[str]) -> Job:
    """An update: forward, mean squared error, backward, gradient descent."""
    import numpy as np

    from elman.core.losses import MSE
    from elman.core.optim import SGD
    from elman.core.requests import Batch, Objective, Records, UpdateRule
    from elman.engines.select import reference
    from elman.train.training import Trainer

    B, T, D, _ = shape
    batches = min(512, max(2, 2**17 // (B * T * D)))
    x, y = _data(shape, batches)
    network, plain = _network(cell, shape), _network(cell, shape)
    trainer = Trainer(network, optimizer=SGD(RATE), batch_size=B)

    def ours(count: int) -> int:
        epochs = -(-count // batches)
        trainer.fit(x, y, epochs=epochs, shuffle=False, progress=False)
        return epochs * batches

    def numpy(count: int) -> int:
        records = Records(np.tile(np.arange(B), count), np.arange(count + 1) * B, np.full(count, RATE))
        batch = Batch(x, y)
        rule, objective = UpdateRule(SGD(RATE)), Objective(MSE(), shard_size=B)
        reference().update(plain.layout, plain.theta, batch, objective, rule, (), 0, records)
        return count

    contenders: dict[str, Run] = {"elman": ours, "numpy": numpy}
    if "torch" in peers:
        torch, layer, head = _torch(cell, shape)
        inputs, targets = (torch.from_numpy(values[:B].swapaxes(0, 1).copy()) for values in (x, y))
        parameters = [*layer.parameters(), *head.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=RATE, foreach=True)

        def peer(count: int) -> int:
            for _ in range(count):
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(head(layer(inputs)[0]), targets).backward()
                optimizer.step()
            return count

        contenders["torch"] = peer
    return Job("train", cell, shape, contenders)


def _infer(cell: str, shape: tuple[int, int, int, int], peers: list[str]) -> Job:
    """A pass over whole sequences."""
    from elman.core.requests import Batch
    from elman.engines.select import reference

    x, _ = _data(shape, 1)
    network = _network(cell, shape)
    contenders: dict[str, Run] = {
        "elman": _repeat(lambda: network.predict(x)),
        "numpy": _repeat(lambda: reference().predict(network.layout, network.theta, Batch(x))),
    }
    if "torch" in peers:
        torch, layer, head = _torch(cell, shape)
        inputs = torch.from_numpy(x.swapaxes(0, 1).copy())
        contenders["torch"] = torch.inference_mode()(_repeat(lambda: head(layer(inputs)[0])))
    return Job("predict", cell, shape, contenders)


def _stream(cell: str, shape: tuple[int, int, int, int], peers: list[str]) -> Job:
    """One step of one sequence, its state kept."""
    import numpy as np

    from elman.engines.select import reference

    network = _network(cell, shape)
    step, stepper = network.stream().step, reference().stepper(network.layout, network.theta, 1)
    x, out = np.ones(1, np.float32), np.empty(1, np.float32)
    row, rows = x[None], out[None]
    contenders: dict[str, Run] = {
        "elman": _repeat(lambda: step(x, out=out)),
        "numpy": _repeat(lambda: stepper.step(row, rows)),
    }
    if "torch" in peers:
        torch, layer, head = _torch(cell, shape, step=True)
        inputs = torch.from_numpy(row)

        def peer(count: int) -> int:
            state = None
            for _ in range(count):
                state = layer(inputs, state)
                head(state[0] if cell == "lstm" else state)
            return count

        contenders["torch"] = torch.inference_mode()(peer)
    return Job("step", cell, shape, contenders)


def _repeat(call: Callable[[], object]) -> Run:
    def run(count: int) -> int:
        for _ in range(count):
            call()
        return count

    return run


def _torch(cell: str, shape: tuple[int, int, int, int], step: bool = False) -> tuple[Any, Any, Any]:
    """PyTorch with as many threads as elman, its module (time-major; a cell for single steps), and the head."""
    torch: Any = importlib.import_module("torch")
    from elman.engines.config import get_num_threads

    torch.set_num_threads(get_num_threads())
    name = {"tanh": "RNN", "lstm": "LSTM", "gru": "GRU"}[cell] + ("Cell" if step else "")
    return torch, getattr(torch.nn, name)(shape[2], shape[3]), torch.nn.Linear(shape[3], 1)


# ------------------------------------------------------------------------------------------- the answer


def _print(found: list[dict[str, Any]], peers: list[str], machine: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    isa = f", {machine['isa']}" if machine["isa"] else ""
    plural = "" if machine["threads"] == 1 else "s"
    about = f"elman {machine['version']}, {machine['engine']} engine{isa}, {machine['threads']} thread{plural}, float32"
    table = Table(title=about, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("work", "cell", "B, T, D, H"):
        table.add_column(heading, no_wrap=True)
    for heading in ("microseconds", *(f"times faster than {peer}" for peer in peers)):
        table.add_column(heading, justify="right")
    before = ""
    for row in found:
        if before not in ("", row["work"]):
            table.add_section()
        before = row["work"]
        shape = f"{row['B']}, {row['T']}, {row['D']}, {row['H']}"
        ratios = [say.figure(row["ratios"][peer], 3) for peer in peers]
        table.add_row(row["work"], row["cell"], shape, say.figure(row["micros"]["elman"], 3), *ratios)
    Console().print(table)
    say.line(
        "Each time is of one update (train), one pass (predict) or one step. NumPy is elman's own reference engine,"
    )
    say.line("the equations as written, not tuned." + ("" if "torch" in peers else " PyTorch is not installed here."))
