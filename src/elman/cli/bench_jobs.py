"""The work that `elman bench` times: an update, a prediction and a step, each done by elman, NumPy and PyTorch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Job", "predict", "step", "train"]

RATE = 1e-4  # learning rate of the updates

Shape = tuple[int, int, int, int]  # B, T, D, H
Run = Callable[[int], int]  # repeats the work about so many times, and returns how many times it did


class Job(NamedTuple):
    """One piece of work to be timed, and the functions of those that do it."""

    work: str  # "train", "predict" or "step"
    cell: str
    shape: Shape
    contenders: dict[str, Run]  # "elman", "numpy" and, where it is installed, "torch"


def _network(cell: str, shape: Shape) -> Any:
    from elman.network import Network

    return Network(shape[2], shape[3], 1, cell=cell, seed=0)


def _data(shape: Shape, batches: int) -> tuple[Any, Any]:
    import numpy as np

    B, T, D, _ = shape
    random = np.random.default_rng(0)
    x, y = random.normal(size=(B * batches, T, D)), random.normal(size=(B * batches, T, 1))
    return x.astype(np.float32), y.astype(np.float32)


def train(cell: str, shape: Shape, peers: list[str]) -> Job:
    """Returns the job of one update: forward, mean squared error, backward, gradient descent."""
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


def predict(cell: str, shape: Shape, peers: list[str]) -> Job:
    """Returns the job of one prediction of whole sequences."""
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


def step(cell: str, shape: Shape, peers: list[str]) -> Job:
    """Returns the job of one step of one sequence, whose state is kept."""
    import numpy as np

    from elman.engines.select import reference

    network = _network(cell, shape)
    stream, stepper = network.stream().step, reference().stepper(network.layout, network.theta, 1)
    x, out = np.ones(1, np.float32), np.empty(1, np.float32)
    row, rows = x[None], out[None]
    contenders: dict[str, Run] = {
        "elman": _repeat(lambda: stream(x, out=out)),
        "numpy": _repeat(lambda: stepper.step(row, rows)),
    }
    if "torch" in peers:
        torch, layer, head = _torch(cell, shape, single=True)
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


def _torch(cell: str, shape: Shape, single: bool = False) -> tuple[Any, Any, Any]:
    """Returns PyTorch with as many threads as elman, its layer (time-major; a cell for single steps) and a head."""
    torch: Any = importlib.import_module("torch")
    from elman.engines.config import get_num_threads

    torch.set_num_threads(get_num_threads())
    name = {"tanh": "RNN", "lstm": "LSTM", "gru": "GRU"}[cell] + ("Cell" if single else "")
    return torch, getattr(torch.nn, name)(shape[2], shape[3]), torch.nn.Linear(shape[3], 1)
