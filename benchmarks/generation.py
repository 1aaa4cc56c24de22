"""`python -m benchmarks.generation`: how many characters a second one stream draws for itself, one thread.

    python -m benchmarks.generation [--hidden 128] [--characters 65] [--count 100000]

An untrained network of an embedding (64), one recurrent layer and a softmax; each draw is fed back. The middle of five
turns, by the clock and by the time of the processor, which agree on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from elman import Dense, Embedding, Network, Recurrent, set_num_threads, show_config

TURNS = 5
WAYS: dict[str, dict[str, Any]] = {"": {}, "top_k=10": {"top_k": 10}, "top_p=0.9": {"top_p": 0.9}}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generation", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--hidden", type=int, default=128, help="units")
    parser.add_argument("--characters", type=int, default=65, help="how many there are")
    parser.add_argument("--count", type=int, default=100_000, help="drawn in each turn")
    given = parser.parse_args(arguments)
    set_num_threads(1)
    print(f"one stream, H = {given.hidden}, {given.characters} characters, one thread, {show_config()['isa']}")
    for cell in ("lstm", "gru", "tanh"):
        recurrent: Any = Recurrent(given.hidden, cell)  # type: ignore[arg-type]
        layers = [Embedding(given.characters, 64), recurrent, Dense(given.characters)]
        stream = Network.from_layers(layers, seed=0).stream()
        for name, how in WAYS.items():
            clocks, processors = [], []
            for turn in range(TURNS):
                began = time.perf_counter(), time.process_time()
                stream.sample(0, given.count, seed=turn, **how)
                clocks.append(given.count / (time.perf_counter() - began[0]))
                processors.append(given.count / (time.process_time() - began[1]))
            middle, best = statistics.median(clocks), statistics.median(processors)
            print(f"  {cell:5s} {name:10s} {middle:10,.0f} a second  ({best:,.0f} of the processor's)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
