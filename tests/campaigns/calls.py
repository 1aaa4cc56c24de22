"""Random calls of the public classes, right and wrong: `python -m tests.campaigns.calls --calls 100000 --seed 0`.

Each call takes a random network and arguments of which a part is odd: other shapes, types, strides, byte orders,
numbers that are not finite or out of range, other kinds of objects. It passes where it gives finite numbers, or refuses
with a TypeError, ValueError or RuntimeError that begins with the name of what was wrong. Anything else is printed with
the seed of the call, and the exit code is 1. Under the sanitizers of `.ci/full` it also finds what is read or written
outside of its arrays.
"""

from __future__ import annotations

import argparse
import copy
import pickle
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import elman
from elman import losses, optim
from elman.core.layers import (
    GRU,
    LSTM,
    Attention,
    Dense,
    Dropout,
    Embedding,
    Last,
    Layer,
    Node,
    Recurrent,
    Shift,
    Simple,
    Skip,
)

__all__ = ["Caller", "main", "run"]

LIMIT = 60  # seconds, for one call
NAMED = re.compile(r"[A-Za-z_][\w.]*(\[[^\]]*\])*(, [a-z_]+)*: |expected one of |network: |training stopped at ")
RAW = ("incompatible function arguments", "could not broadcast", "ops: ")
ODD: list[Any] = [
    None, True, -1, 0, 1.5, 2**31, 2**63, 10**30, -(2**62), float("nan"), float("inf"), "", "lstm", b"x", [], (), {},
    [[]], [[1, 2], [3]], object(), np.float32(3), np.array(3), np.zeros(0), np.zeros((0, 3)), np.ones((1, 1, 1, 1)),
    complex(1), np.array(["a"]), np.array([None]), np.array([1 + 2j]), np.datetime64("2020"), slice(None), range(3),
    {"h_l0": 1}, {"none": np.ones(3)}, [float("nan")], np.full((2, 3, 1), np.nan), np.ones((2, 3, 1)), 10**400,
]  # fmt: skip


class Caller:
    """Draws one call after the other."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def any_of(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def small(self, high: int = 6) -> int:
        return int(self.rng.integers(1, high + 1))

    def odd(self) -> Any:
        return self.any_of(ODD)

    def perhaps(self, value: Any, share: float = 0.05) -> Any:
        """The value, or something odd in its place."""
        return self.odd() if self.chance(share) else value

    # ------------------------------------------------------------------------------------------- networks

    def cell(self) -> Any:
        c, norm = self.chance, self.chance(0.3)
        leak = None if norm or c(0.6) else float(self.rng.uniform(0.01, 1))
        simple = Simple(
            self.any_of(("tanh", "relu", "sigmoid", "softplus")),
            leak,
            c(0.5) and leak is not None,
            self.any_of((0.0, 0.1)),
            norm,
        )
        return self.any_of((simple, LSTM(not norm and c(0.4), norm), GRU(norm or c(0.5), norm)))

    def layers(self) -> list[Layer | Node]:
        embedding = self.chance(0.3)
        found: list[Layer | Node] = [Embedding(self.small(9), self.small())] if embedding else []
        for _ in range(self.small(2)):
            options: dict[str, Any] = {"bidirectional": self.chance(0.3), "learned_state": self.chance(0.2)}
            if self.chance(0.2):
                options |= {"recurrent_dropout": 0.3, "zoneout": 0.2}
            found.append(Recurrent(self.any_of((1, 2, 3, 5, 8, 17, 33)), self.cell(), **options))
            if self.chance(0.2):
                found.append(Dropout(0.4, self.chance(0.5)))
            if self.chance(0.1):
                found.append(self.any_of((Shift(), Node(Attention(), reads=("previous", "previous")))))
        if self.chance(0.3):
            found.append(Last())
        if self.chance(0.8):
            found.append(Dense(self.small(), self.any_of(("linear", "tanh", "relu", "sigmoid", "softplus"))))
        if not embedding and self.chance(0.2):
            found.append(Skip())
        return found

    def network(self) -> elman.Network:
        size = self.small(5)
        dtype, seed = self.any_of(("float32", "float64")), self.small(99)
        return elman.Network.from_layers(self.layers(), input_size=size, dtype=dtype, seed=seed)

    # ---------------------------------------------------------------------------------------------- data

    def dressed(self, array: np.ndarray) -> Any:
        """The same numbers in another dress: strides, byte order, an odd address, lists, read-only, another type."""
        match int(self.rng.integers(12)):
            case 0:
                return np.repeat(array, 2, axis=0)[::2]
            case 1:
                return array[::-1].copy()[::-1]
            case 2:
                return array.astype(array.dtype.newbyteorder(">"))
            case 3:
                return np.frombuffer(b"\0" + array.tobytes(), array.dtype, offset=1).reshape(array.shape)
            case 4:
                return array.tolist()
            case 5:
                return np.asfortranarray(array)
            case 6:
                frozen = array.copy()
                frozen.flags.writeable = False
                return frozen
            case 7 if array.dtype.kind == "f":
                return np.clip(array, -9, 9).astype(self.any_of((np.float16, np.float32, np.float64)))
            case 7:
                return array.astype(self.any_of((np.int8, np.int32, np.uint64)))
            case 8:
                return np.broadcast_to(array[:1], array.shape)
            case _:
                return array

    def damaged(self, array: np.ndarray) -> np.ndarray:
        """Something wrong with the numbers or the shape."""
        array = array.copy()
        match int(self.rng.integers(6)):
            case 0:
                array.flat[int(self.rng.integers(array.size))] = self.any_of(
                    (np.nan, np.inf, -np.inf, 1e6) if array.dtype.kind == "f" else (-1, 99, 2**62, -(2**63))
                )
            case 1:
                return array[..., :-1]
            case 2:
                return array[:0]
            case 3:
                return array[None]
            case 4:
                return np.concatenate([array, array], axis=int(self.rng.integers(array.ndim)))
            case _:
                return array.astype(self.any_of((complex, "U8", object)))
        return array

    def given(self, array: np.ndarray, share: float = 0.05) -> Any:
        if self.chance(share):
            return self.damaged(array)
        return self.perhaps(self.dressed(array), share / 2)

    def inputs(self, net: elman.Network) -> tuple[np.ndarray, int, int]:
        """x, rows, steps."""
        n, steps = self.small(5), self.small(7)
        if net.layout.integer_input:
            table = net.layers[0].num_embeddings  # type: ignore[union-attr]
            return self.rng.integers(0, table, (n, steps)), n, steps
        return self.rng.normal(size=(n, steps, net.input_size)).astype(net.dtype), n, steps

    def options(self, net: elman.Network, n: int, steps: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.chance(0.4):
            found["lengths"] = self.given(self.rng.integers(1, steps + 1, n))
        if self.chance(0.3):
            names = [s for s in net.layout.states if self.chance(0.8)]
            state = {s.name: self.given(self.rng.normal(size=(n, s.size)).astype(net.dtype)) for s in names}
            found["state"] = self.perhaps(state)
        return found

    def targets(self, net: elman.Network, n: int, steps: int) -> tuple[Any, np.ndarray]:
        """A loss and y for it."""
        lead, outputs = (n,) if net.layout.last else (n, steps), net.output_size
        kinds: list[Any] = ["mse", "mae", "half_sse", losses.Huber(0.5), "cross_entropy", "binary_cross_entropy"]
        kinds.append(losses.Pinball((0.1, 0.5, 0.9)[: 3 if outputs % 3 == 0 else 1]))
        kinds += ["gaussian", losses.StudentT(4.0)] if outputs % 2 == 0 else []
        loss = self.any_of(kinds)
        if loss == "cross_entropy":
            return loss, self.rng.integers(0, outputs, lead)
        each = len(loss.quantiles) if isinstance(loss, losses.Pinball) else 1
        each = 2 if loss == "gaussian" or isinstance(loss, losses.StudentT) else each
        return loss, self.rng.uniform(size=(*lead, outputs // each)).astype(net.dtype)

    # --------------------------------------------------------------------------------------------- calls

    def predict(self, net: elman.Network) -> None:
        x, n, steps = self.inputs(net)
        y, state = net.predict(self.given(x), return_state=True, **self.options(net, n, steps))
        finite(y, *state.values())

    def backward(self, net: elman.Network) -> None:
        x, n, steps = self.inputs(net)
        key = self.perhaps((1, 2), 0.1) if self.chance(0.5) else None
        y, tape = net.forward(self.given(x), key=key, **self.options(net, n, steps))
        finite(y, *tape.hidden)
        dh = [self.given(np.ones_like(h)) for h in tape.hidden] if self.chance(0.4) else None
        dstate = {name: self.given(np.ones_like(a)) for name, a in tape.state.items()} if self.chance(0.4) else None
        truncate = self.perhaps(self.small(), 0.1) if self.chance(0.4) else None
        gradients, dx, before = net.backward(
            self.perhaps(tape, 0.02), self.given(np.ones_like(y)), dh=self.perhaps(dh, 0.03), dstate=dstate,
            truncate=truncate,
        )  # fmt: skip
        finite(gradients.flat, *([] if dx is None else [dx]), *before.values())

    def loss_and_grad(self, net: elman.Network) -> None:
        x, n, steps = self.inputs(net)
        loss, y = self.targets(net, n, steps)
        options = self.options(net, n, steps)
        if self.chance(0.3):
            options["sample_weight"] = self.given(self.rng.uniform(size=(n,) if net.layout.last else (n, steps)))
        if self.chance(0.5):
            finite(net.loss(self.given(x), self.given(y), loss=self.perhaps(loss, 0.03), **options))
            return
        if self.chance(0.3):
            options |= {"recompute": self.perhaps(self.small(), 0.1), "truncate": self.perhaps(self.small(), 0.1)}
        if self.chance(0.2):
            options |= {"activity_penalty": self.perhaps(0.1, 0.2), "key": self.perhaps((3, 4), 0.2)}
        value, gradients = net.loss_and_grad(self.given(x), self.given(y), loss=loss, **options)
        finite(value, gradients.flat)

    def stream(self, net: elman.Network) -> None:
        while net.layout.whole:
            net = self.network()
        batch = self.small(3)
        stream = net.stream(self.perhaps(batch))
        for _ in range(self.small(4)):
            width = () if net.layout.integer_input else (net.input_size,)
            x = self.rng.integers(0, 1, (batch, *width)).astype(np.int64 if not width else net.dtype)
            out = None
            if self.chance(0.4):
                out = self.given(np.empty((batch, net.output_size), net.dtype))
            finite(stream.step(self.given(x), out))
        match int(self.rng.integers(4)):
            case 0:
                stream.state = self.perhaps({name: self.given(a) for name, a in stream.state.items()}, 0.1)
            case 1:
                stream = pickle.loads(pickle.dumps(stream))
            case 2:
                stream.refresh()
            case _:
                stream.reset()
        finite(*stream.state.values())

    def train(self, net: elman.Network) -> None:
        x, n, steps = self.inputs(net)
        loss, y = self.targets(net, n, steps)
        kinds = [
            "sgd",
            "adam",
            optim.AdamW(0.01),
            optim.RMSprop(0.01),
            optim.Adagrad(0.01),
            optim.SGD(0.1, momentum=0.9),
        ]
        made: dict[str, Any] = {"loss": loss, "optimizer": self.perhaps(self.any_of(kinds))}
        for name, value in {
            "clip_norm": 1.0, "clip_value": 0.5, "batch_size": 2, "shard_size": 3, "truncate": 2, "recompute": 2,
            "activity_penalty": 0.1, "frozen": ["bias*"], "rates": {"weight*": 0.5}, "seed": 3, "schedule": "cosine",
        }.items():  # fmt: skip
            if self.chance(0.15):
                made[name] = self.perhaps(value, 0.15)
        trainer = elman.Trainer(net, **made)
        options = self.options(net, n, steps)
        if self.chance(0.5):
            for _ in range(self.small(3)):
                finite(trainer.update(self.given(x), self.given(y), **options))
            return
        if self.chance(0.3):
            options |= {"window": self.perhaps(self.small(), 0.2)}
        if self.chance(0.3):
            options |= {"validation": self.perhaps(0.4, 0.3), "patience": self.perhaps(1, 0.2)}
        epochs = self.any_of((1, 2, 3, 3, 3, 0, -1, 1.5, "2", None, True))  # a huge number would train for ever
        shuffle = self.perhaps(self.chance(0.5))
        history = trainer.fit(self.given(x), self.given(y), epochs=epochs, shuffle=shuffle, progress=False, **options)
        finite(history.loss, net.theta)

    def ragged(self, net: elman.Network) -> None:
        """Lists of sequences, and loops of one's own."""
        x, n, steps = self.inputs(net)
        lengths = self.rng.integers(1, steps + 1, n)
        rows = [self.given(row[:length]) for row, length in zip(x, lengths, strict=True)]
        loss, y = self.targets(net, n, steps)
        targets = y if net.layout.last else [self.given(row[:length]) for row, length in zip(y, lengths, strict=True)]
        key = self.perhaps((1, 2), 0.2) if self.chance(0.3) else None
        finite(net.predict(self.perhaps(rows)), *net.copy().hidden(rows, key=key))
        trainer = elman.Trainer(net, loss=loss, optimizer=self.any_of(("sgd", "adam", optim.AdamW(0.01))))
        value, gradients = net.loss_and_grad(rows, targets, loss=loss)
        named = {name: self.given(array) for name, array in gradients.items() if self.chance(0.8)}
        finite(trainer.step(self.perhaps(self.any_of((gradients, gradients.flat, named)), 0.1)), value)
        trainer.learning_rate = self.perhaps(0.01, 0.1)
        trainer.learning_rate = 0.01
        batches = self.perhaps([(rows, targets), {"x": rows, "y": targets}], 0.1)
        trainer.fit(self.any_of((batches, lambda: batches)), epochs=2, progress=False)
        trainer.fit(rows, targets, epochs=1, validation=self.perhaps(0.4, 0.2), progress=False)
        finite(net.theta)

    def parameters(self, net: elman.Network) -> None:
        name = self.any_of(list(net.parameters))
        match int(self.rng.integers(6)):
            case 0:
                net.parameters[name] = self.given(np.ones_like(net.parameters[name]), 0.3)
            case 1:
                net.theta = self.given(net.theta.copy(), 0.3)
            case 2:
                other = self.any_of((copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))))(net)
                assert (other.theta == net.theta).all()
            case 3:
                before = elman.get_num_threads()
                elman.set_num_threads(self.perhaps(self.small(3), 0.2))
                elman.set_num_threads(before)
            case 4:
                repr(net)
            case _:
                elman.Network(
                    self.perhaps(2, 0.1), self.perhaps(3, 0.1), self.perhaps(1, 0.1), cell=self.perhaps("gru", 0.2),
                    num_layers=self.perhaps(1, 0.1), bidirectional=self.perhaps(False, 0.1), head=self.perhaps((), 0.1),
                    skip=self.perhaps(False, 0.1), dropout=self.perhaps(0.1, 0.1), init=self.perhaps(None, 0.1),
                    dtype=self.perhaps("float32", 0.1), seed=self.perhaps(1, 0.1), output=self.perhaps("last", 0.1),
                )  # fmt: skip


def finite(*values: Any) -> None:
    """Fails where a number is not finite: what came in was, and of moderate size, or should have been refused."""
    for value in values:
        assert np.isfinite(np.asarray(value)).all(), "an answer is not finite"


def run(seed: int) -> tuple[str, str, str]:
    """The call of this seed: its name, how it ended ("answered", "refused", "failed"), and what went wrong."""
    caller = Caller(seed)
    methods: list[Callable[[elman.Network], None]] = [
        caller.predict, caller.backward, caller.loss_and_grad, caller.stream, caller.train, caller.parameters,
        caller.ragged,
    ]  # fmt: skip
    method = caller.any_of(methods)
    warnings.simplefilter("ignore", elman.TrainingWarning)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT)
    try:
        with np.errstate(all="raise", under="ignore"):
            method(caller.network())
    except (TypeError, ValueError, RuntimeError) as error:
        text = str(error)
        if NAMED.match(text) and not any(raw in text for raw in RAW):
            return method.__name__, "refused", ""
        return method.__name__, "failed", "".join(traceback.format_exception(error)[-2:]).strip()
    except Exception as error:
        return method.__name__, "failed", "".join(traceback.format_exception(error)[-3:]).strip()
    finally:
        signal.alarm(0)
    return method.__name__, "answered", ""


def too_long(*_: object) -> None:
    """Handles the alarm."""
    raise TimeoutError(f"a call takes longer than {LIMIT} s")


def main() -> int:
    """Makes the calls and prints how they ended; returns 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ended: Counter[tuple[str, str]] = Counter()
    shown: Counter[str] = Counter()
    for i in range(options.calls):
        seed = options.seed * 10**9 + i
        name, how, wrong = run(seed)
        ended[name, how] += 1
        if wrong:
            kind = wrong.splitlines()[-1]
            shown[re.sub(r"[\d.]+", "0", kind)[:60]] += 1
            if shown[re.sub(r"[\d.]+", "0", kind)[:60]] <= 2:
                print(f"call {seed}, {name}: {wrong}\n", flush=True)
    for name in sorted({name for name, _ in ended}):
        print(name, {how: ended[name, how] for how in ("answered", "refused", "failed")})
    failed = sum(count for (_, how), count in ended.items() if how == "failed")
    print(f"{options.calls} random calls of seed {options.seed}: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
