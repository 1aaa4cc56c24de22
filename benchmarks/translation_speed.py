"""What a training step of an encoder-decoder with attention costs beside PyTorch's:
`python -m benchmarks.translation_speed [--cases small large] [--threads 1 2] [--cell gru] [--rounds 15] [--out FILE]`.

Both train the same network on the same batch of full length (source and target 30 steps), float32, with Adam and
clipping by norm:

    source   Embedding(V, H), GRU(H) or LSTM(H): the encoder, whose last state begins the decoder
    target   Embedding(V, H), GRU(H) or LSTM(H): the decoder
    both     Luong's general attention of the decoder over the encoder, [context, query] -> Dense(H, tanh) -> Dense(V)

    small    B 32, H 128, V 100           large    B 128, H 512, V 8,000

PyTorch's is written the usual way: `nn.GRU` or `nn.LSTM` over all target steps, `bmm` for scores and contexts,
`cross_entropy`, Adam fused or with foreach, whichever is faster here; no loop in Python. Elman's is `Trainer.update`.
Before anything is timed, both begin with the same weights and must find the same first loss.

The two take turns in one process with as many threads each, so that what else the machine does meets both alike; a
round's ratio is PyTorch's time over elman's, and the median of the ratios is what counts. Where other programs run too,
several threads often wait for a core: the ratio of the shortest times says what an idle machine would give.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from elman.layers import Input, Node
from torch.nn import functional

import elman
from benchmarks.machine import describe

T = 30
CLIP = 1.0
Step = Callable[[], float]


class Case(NamedTuple):
    """One shape."""

    rows: int
    hidden: int
    words: int
    steps: int  # of one turn


CASES = {"small": Case(32, 128, 100, 5), "large": Case(128, 512, 8_000, 1)}


class Translator(torch.nn.Module):
    """The encoder-decoder, its layers named as elman's."""

    def __init__(self, case: Case, cell: str) -> None:
        super().__init__()
        recurrent = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
        H, V = case.hidden, case.words
        self.source_words, self.target_words = torch.nn.Embedding(V, H), torch.nn.Embedding(V, H)
        self.encoder, self.decoder = recurrent(H, H, batch_first=True), recurrent(H, H, batch_first=True)
        self.attention = torch.nn.Linear(H, H, bias=False)
        self.attended, self.head = torch.nn.Linear(2 * H, H), torch.nn.Linear(H, V)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        memory, state = self.encoder(self.source_words(source))
        query, _ = self.decoder(self.target_words(target), state)
        shares = torch.softmax(torch.bmm(self.attention(query), memory.transpose(1, 2)), dim=-1)
        joined = torch.cat([torch.bmm(shares, memory), query], dim=-1)
        return self.head(torch.tanh(self.attended(joined)))


def network(case: Case, cell: Any) -> elman.Network:
    H, V = case.hidden, case.words
    layers = [
        Node(elman.Embedding(V, H), "source_words", ["source"]),
        Node(elman.Recurrent(H, cell), "encoder"),
        Node(elman.Embedding(V, H), "target_words", ["x"]),
        Node(elman.Recurrent(H, cell), "decoder", state="encoder"),
        Node(elman.Attention(), "attention", ["decoder", "encoder"]),
        Node(elman.Dense(H, "tanh"), "attended"),
        Node(elman.Dense(V), "head"),
    ]
    return elman.Network.from_layers(layers, inputs={"source": Input(V, "integers")}, seed=0)


def copy_weights(net: elman.Network, module: Translator) -> None:
    """Gives PyTorch's module elman's weights; of its two biases of a gate the second is 0 but for a GRU's b_hn."""
    for name, values in net.parameters.items():
        layer, _, role = name.partition(".")
        own = getattr(module, layer)
        if layer not in ("encoder", "decoder"):
            own.get_parameter(role).data.copy_(torch.tensor(values))
            continue
        if role == "bias_hn":
            own.bias_hh_l0.data.zero_()
            own.bias_hh_l0.data[2 * len(values) :] = torch.tensor(values)
            continue
        own.get_parameter({"bias": "bias_ih_l0"}.get(role, f"{role}_l0")).data.copy_(torch.tensor(values))
        if isinstance(own, torch.nn.LSTM):
            own.bias_hh_l0.data.zero_()


def steps_of(case: Case, cell: str) -> dict[str, Step]:
    """Returns one training step of each, by name; PyTorch's with both of its quick forms of Adam."""
    rng = np.random.default_rng(0)
    source, target, y = (rng.integers(0, case.words, (case.rows, T)) for _ in range(3))
    net = network(case, cell)
    found: dict[str, Step] = {}
    for way in ("fused", "foreach"):
        module = Translator(case, cell)
        copy_weights(net, module)
        found[f"torch, {way}"] = torch_step(module, way, *(torch.tensor(ids) for ids in (source, target, y)))
    trainer = elman.Trainer(net, loss="cross_entropy", optimizer=elman.optim.Adam(1e-3), clip_norm=CLIP)
    found["elman"] = lambda: trainer.update({"x": target, "source": source}, y)
    first = [step() for step in found.values()]
    np.testing.assert_allclose(first, first[0], rtol=1e-4)
    return found


def torch_step(module: Translator, way: str, source: torch.Tensor, target: torch.Tensor, y: torch.Tensor) -> Step:
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, **{way: True})

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(source, target).flatten(0, 1), y.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), CLIP)
        optimizer.step()
        return loss.item()

    return step


def turn(step: Step, count: int) -> float:
    """Returns the seconds of one step, of `count` in a row."""
    began = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - began) / count


def measure(case: Case, cell: str, threads: int, rounds: int) -> dict[str, Any]:
    elman.set_num_threads(threads)
    torch.set_num_threads(threads)
    steps = steps_of(case, cell)
    for step in steps.values():
        turn(step, 1)
    tried = {name: min(turn(steps[name], case.steps) for _ in range(3)) for name in steps if name != "elman"}
    peer = min(tried, key=lambda name: tried[name])
    times: dict[str, list[float]] = {"elman": [], peer: []}
    for i in range(rounds):
        for name in sorted(times, reverse=i % 2 == 1):
            time.sleep(0.01)  # the other's threads may still be waiting for work
            times[name].append(turn(steps[name], case.steps))
    ratios = sorted(theirs / ours for theirs, ours in zip(times[peer], times["elman"], strict=True))
    quarter = len(ratios) // 4
    return {
        "threads": threads,
        "cell": cell,
        "peer": f"{peer}, {torch.__version__}",
        "elman ms": 1e3 * statistics.median(times["elman"]),
        "torch ms": 1e3 * statistics.median(times[peer]),
        "ratio": statistics.median(ratios),
        "ratio of the shortest": min(times[peer]) / min(times["elman"]),
        "middle half": [ratios[quarter], ratios[-1 - quarter]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="A training step of an encoder-decoder beside PyTorch's.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--cell", choices=("gru", "lstm"), default="gru")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and the machine")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in given.cases:
        for threads in given.threads:
            row = {"case": name, **CASES[name]._asdict(), **measure(CASES[name], given.cell, threads, given.rounds)}
            rows.append(row)
            low, high = row["middle half"]
            print(
                f"{name}, {row['cell']}, {threads} threads: elman {row['elman ms']:.1f} ms, {row['peer']} "
                f"{row['torch ms']:.1f} ms, ratio {row['ratio']:.2f} (half of them {low:.2f} to {high:.2f}), "
                f"{row['ratio of the shortest']:.2f} of the shortest",
                flush=True,
            )
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
