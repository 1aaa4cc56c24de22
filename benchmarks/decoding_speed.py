"""How many sentences a second an encoder-decoder with attention decodes greedily, beside PyTorch's:
`python -m benchmarks.decoding_speed [--cases letters symbols words] [--rows 1 64] [--threads 1] [--rounds 15]
[--out FILE]`.

The network is that of benchmarks/translation_speed.py, H 256, a GRU, sources of 20 steps, float32:

    letters  V 40           symbols  V 100           words  V 8,000

PyTorch's is written the usual way, in `torch.inference_mode`: encoder and W m of the attention once for all steps, then
a loop in Python over `GRUCell`, `bmm` for scores and contexts, a linear layer and `argmax`, until every row has
ended. Elman's is `Network.decode`. Weights are random, so nothing in them makes a sentence end; instead rows end after
so many steps as both are told: "equal", 20 steps each; "spread", 10 to 30 steps, 20 in the mean, as the sentences of a
batch do. Both have the same weights, and must find the same ids.

The two take turns in one process with as many threads each, so that what else the machine does meets both alike; a
turn's ratio is PyTorch's time over elman's, and the median of the ratios is what counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch

import elman
from benchmarks.machine import describe
from benchmarks.translation_speed import Case, Step, Translator, copy_weights, network, turn

H, SOURCE = 256, 20
START, END = 0, 1
WORDS = {"letters": 40, "symbols": 100, "words": 8_000}
SECONDS = 0.2  # of one turn, about


class Greedy:
    """PyTorch's decoding by a translator."""

    def __init__(self, module: Translator) -> None:
        self.module = module
        self.cell = torch.nn.GRUCell(H, H)
        for name, values in self.cell.named_parameters():
            values.data = module.decoder.get_parameter(f"{name}_l0").data

    @torch.inference_mode()
    def __call__(self, source: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
        module, n = self.module, len(source)
        memory, state = module.encoder(module.source_words(source))
        keys, h = memory @ module.attention.weight, state[0]
        ids = torch.full((n,), START)
        ended = torch.zeros(n, dtype=torch.bool)
        found: list[torch.Tensor] = []
        for step in range(1, int(most.max()) + 1):
            h = self.cell(module.target_words(ids), h)
            shares = torch.softmax(torch.bmm(keys, h[:, :, None])[:, :, 0], dim=1)
            context = torch.bmm(shares[:, None], memory)[:, 0]
            ids = module.head(torch.tanh(module.attended(torch.cat([context, h], dim=1)))).argmax(dim=1)
            found.append(ids)
            ended |= (ids == END) | (most <= step)
            if ended.all():
                break
        return torch.stack(found, dim=1)


def steps_of(words: int, rows: int, spread: bool) -> dict[str, Step]:
    """Returns one call of each, by name."""
    rng = np.random.default_rng(0)
    case = Case(rows, H, words, 1)
    net, module = network(case, "gru"), Translator(case, "gru")
    for name, values in net.parameters.items():
        values *= 1 if name.endswith("bias") else 2  # outputs that differ from step to step
    net.parameters["head.bias"][END] = -1e4  # no row ends but when both are told
    copy_weights(net, module)
    greedy = Greedy(module)
    source = rng.integers(0, words, (rows, SOURCE))
    most = np.round(np.linspace(10, 30, rows)).astype(int) if spread and rows > 1 else np.full(rows, 20)
    rng.shuffle(most)
    tensors = torch.tensor(source), torch.tensor(most)
    calls: dict[str, Any] = {
        "elman": lambda: net.decode({"source": source}, start=START, end=END, max_steps=most),
        "torch": lambda: greedy(*tensors),
    }
    found, theirs = calls["elman"](), calls["torch"]().numpy()
    for ids, others, count in zip(found.ids, theirs, most, strict=True):
        np.testing.assert_array_equal(ids, others[:count])
    assert len({tuple(ids) for ids in found.ids}) > rows // 2  # not all the same
    return calls


def measure(words: int, rows: int, spread: bool, threads: int, rounds: int) -> dict[str, Any]:
    elman.set_num_threads(threads)
    torch.set_num_threads(threads)
    calls = steps_of(words, rows, spread)
    counts = {name: max(1, round(SECONDS / turn(call, 3))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for i in range(rounds):
        for name in sorted(calls, reverse=i % 2 == 1):
            times[name].append(turn(calls[name], counts[name]))
    ratios = sorted(theirs / ours for theirs, ours in zip(times["torch"], times["elman"], strict=True))
    quarter = len(ratios) // 4
    return {
        "words": words,
        "rows": rows,
        "steps": "spread" if spread else "equal",
        "threads": threads,
        "elman": rows / statistics.median(times["elman"]),
        "torch": rows / statistics.median(times["torch"]),
        "ratio": statistics.median(ratios),
        "middle half": [ratios[quarter], ratios[-1 - quarter]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Greedy decoding beside PyTorch's.")
    parser.add_argument("--cases", nargs="+", choices=WORDS, default=[*WORDS])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 64])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and the machine")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(f"sentences a second, H {H}, {elman.show_config()['isa']}, PyTorch {torch.__version__}")
    for case in given.cases:
        for count in given.rows:
            for threads in given.threads:
                for spread in (False, True) if count > 1 else (False,):
                    row = {"case": case, **measure(WORDS[case], count, spread, threads, given.rounds)}
                    rows.append(row)
                    low, high = row["middle half"]
                    print(
                        f"{case:8} B {count:3}, {row['steps']} steps, {threads} threads: elman {row['elman']:9,.0f}, "
                        f"torch {row['torch']:9,.0f}, ratio {row['ratio']:5.2f} (half of them {low:.2f} to {high:.2f})",
                        flush=True,
                    )
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
