"""Recognises a program as one of the known cells: finds which weight each of its arrays is, and proves it by running.

The common form is one vector of all weights. Each array of the student's is a table of places in it, of the array's
shape, so transposed, joined and stacked matrices are all alike, and gradients are read the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

from elman.student.calls.collect import Arrays
from elman.student.calls.measure import Numeric
from elman.student.mistakes.cells import ACTIVATIONS, Cell, Elman, Gradients
from elman.student.mistakes.gated import GRU, LSTM
from elman.student.mistakes.loop import Exercise, states
from elman.student.mistakes.losses import standard
from elman.student.program.sizes import Sizes
from elman.student.program.weights import Weight
from elman.student.program.words import plain_name

__all__ = ["OUTPUTS", "LossOf", "Recognised", "recognise"]

Places = dict[Weight, np.ndarray]
HINTS = {"i": "i", "f": "f", "o": "o", "g": "g", "c": "g", "a": "g", "n": "n", "z": "z", "r": "r", "u": "z", "h": "n"}


def _same(a: np.ndarray) -> np.ndarray:
    return a


def _softmax(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _through_softmax(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def _elementwise(slope: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def through(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return dy * slope(y)

    return through


# name -> (function of W_hy h + b_y, and dL/d(that) from y and dL/dy)
OUTPUTS = {
    "linear": (_same, _elementwise(np.ones_like)),
    "softmax": (_softmax, _through_softmax),
    "sigmoid": (ACTIVATIONS["sigmoid"][0], _elementwise(ACTIVATIONS["sigmoid"][1])),
    "tanh": (ACTIVATIONS["tanh"][0], _elementwise(ACTIVATIONS["tanh"][1])),
}


class Recognised(NamedTuple):
    """A program in the common form."""

    cell: Cell
    output: str  # a name in OUTPUTS
    weights: dict[str, np.ndarray]
    blocks: dict[str, np.ndarray]  # name -> places in the common vector
    places: Places
    raw: np.ndarray  # (T, B, O) outputs before their nonlinearity
    state: np.ndarray  # (T, B, H)
    x: np.ndarray  # (T, B, D), what the cell takes
    classes: np.ndarray  # (T, B, V), one-hot, what is looked up in a table
    table: Weight | None = None  # (V, D)

    def view(self, gradients: Gradients) -> Gradients:
        """Returns gradients by the student's names, in the student's shapes."""
        total = sum(block.size for block in self.blocks.values())
        vector = np.zeros(total)
        for name, block in self.blocks.items():
            vector[block.ravel()] = gradients[name].ravel()
        found = {weight.name: vector[place] for weight, place in self.places.items()}
        if self.table is not None:
            found[self.table.name] = np.tensordot(self.classes, gradients["x"], ((0, 1), (0, 1)))
        return found


def recognise(numeric: Numeric, loss_of: LossOf | None = None) -> Recognised | None:
    """Returns the program as a known cell; None where its forward pass is none of them."""
    found = _recognise(numeric, numeric.weights, numeric.data.x, loss_of)
    if found is not None or not numeric.forward.ids:
        return found
    for weight, value in numeric.weights.items():  # classes may be looked up in a table (V, D) first
        if value.ndim == 2 and value.shape[0] == numeric.data.x.shape[2]:
            others = {key: array for key, array in numeric.weights.items() if key != weight}
            found = _recognise(numeric, others, numeric.data.x @ value, loss_of)
            if found is not None:
                return found._replace(table=weight)
    return None


def _recognise(numeric: Numeric, arrays: Arrays, x: np.ndarray, loss_of: LossOf | None) -> Recognised | None:
    has_output = numeric.seen.y is not None or numeric.seen.loss is not None
    option = Sizes(x.shape[2], numeric.data.h0.shape[2], numeric.data.dy.shape[2])
    for cells, gates in ((_elmans(), ""), ((LSTM(),), "ifog"), (_grus(), "zrn")):
        blocks = _blocks(option, gates, has_output)
        assignments = _gated(arrays, option, blocks, gates) if gates else _simple(arrays, option, blocks)
        for places in assignments:
            vector = np.zeros(sum(block.size for block in blocks.values()))
            for weight, place in places.items():
                np.add.at(vector, place.ravel(), arrays[weight].ravel())
            weights = {name: vector[block] for name, block in blocks.items()}
            for cell in cells:
                found = _runs_alike(numeric, x, cell, weights, loss_of)
                if found is not None:
                    return Recognised(cell, found[0], weights, blocks, places, found[1], found[2], x, numeric.data.x)
    return None


class LossOf(NamedTuple):
    """A loss that a program returns, for outputs in the common form."""

    targets: np.ndarray
    loss: float

    def matches(self, raw: np.ndarray) -> str | None:
        """Returns the output nonlinearity with which a standard loss has this value."""
        for output, (function, _) in OUTPUTS.items():
            if standard(function(raw), self.targets, self.loss) is not None:
                return output
        return None


def _elmans() -> tuple[Cell, ...]:
    return tuple(Elman(name) for name in ACTIVATIONS)


def _grus() -> tuple[Cell, ...]:
    return tuple(GRU(after, keep) for after in (False, True) for keep in (True, False))


def _blocks(sizes: Sizes, gates: str, has_output: bool) -> dict[str, np.ndarray]:
    """Returns the places of each weight of the common form in its vector."""
    d, h, o = sizes
    shapes: dict[str, tuple[int, ...]] = {}
    if gates:
        for gate in gates:
            shapes |= {f"W_{gate}": (h, d), f"U_{gate}": (h, h), f"b_{gate}": (h,)}
        if "n" in gates:
            shapes["b_hn"] = (h,)
    else:
        shapes = {"W_xh": (h, d), "W_hh": (h, h), "b_h": (h,)}
    if has_output:
        shapes |= {"W_hy": (o, h), "b_y": (o,)}
    found, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name] = np.arange(start, start + size).reshape(shape)
        start += size
    return found


def _fitting(shape: tuple[int, ...], block: np.ndarray) -> list[np.ndarray]:
    """Returns a block, or its transpose, where it has a shape; both for a square one; biases in any shape of a row."""
    if block.ndim == 1:
        return [block.reshape(shape)] if max(shape, default=0) == block.size == int(np.prod(shape)) else []
    if min(block.shape) == 1 and shape == (block.size,):
        return [block.reshape(shape)]
    return [table for table in (block, block.T) if table.shape == shape]


def _simple(arrays: Arrays, sizes: Sizes, blocks: Mapping[str, np.ndarray]) -> Iterator[Places]:
    joined = _joined(blocks["W_xh"], blocks["W_hh"], blocks["b_h"])
    if "W_hy" in blocks:
        joined += _with_bias(blocks["W_hy"], blocks["b_y"])
    options: list[list[np.ndarray]] = []
    for value in arrays.values():
        tables = [table for block in (*blocks.values(), *joined) for table in _fitting(value.shape, block)]
        if not tables:
            return
        options.append(tables)
    yield from _products(arrays, options, blocks)


def _joined(w: np.ndarray, u: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Returns [W U] and [U W], also with a column for the bias."""
    pairs = [np.concatenate([w, u], axis=1), np.concatenate([u, w], axis=1)]
    return [*pairs, *(table for pair in pairs for table in _with_bias(pair, b))]


def _with_bias(w: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    return [np.concatenate([w, b[:, None]], axis=1), np.concatenate([b[:, None], w], axis=1)]


def _products(arrays: Arrays, options: list[list[np.ndarray]], blocks: Mapping[str, np.ndarray]) -> Iterator[Places]:
    """Yields each choice of tables in which every matrix is there, once; biases may be missing or in two parts."""
    needed = sorted({int(i) for block in blocks.values() if block.ndim == 2 for i in block.ravel()})
    matrix = set(needed)
    for tables in product(*options):
        covered = sorted(int(i) for table in tables for i in table.ravel() if int(i) in matrix)
        if covered == needed:
            yield dict(zip(arrays, tables, strict=True))


def _gated(arrays: Arrays, sizes: Sizes, blocks: Mapping[str, np.ndarray], gates: str) -> Iterator[Places]:
    """Yields tables for separate gates (grouped by shape) and stacked ones, in every order of the gates."""
    count, h = len(gates), sizes.hidden
    groups: dict[tuple[int, ...], list[Weight]] = {}
    for weight, value in arrays.items():
        groups.setdefault(value.shape, []).append(weight)
    tags = {shape: _tags(members) for shape, members in groups.items() if len(members) == count}
    orders = sorted(permutations(gates), key=lambda order: -_hinted(order, tags))
    for order in orders:
        for turned in (False, True):
            for state_first in (True, False):
                options: list[list[np.ndarray]] = []
                for weight, value in arrays.items():
                    shape = value.shape
                    tables: list[np.ndarray] = []
                    if shape in tags:
                        place = _place(weight, groups[shape], tags, shape)
                        tables = _gate_tables(shape, [order[place]], blocks, state_first, turned)
                    if not tables and len(groups[shape]) == 1:
                        tables = _gate_tables(shape, list(order), blocks, state_first, turned)
                    tables += [t for n in ("W_hy", "b_y") if n in blocks for t in _fitting(shape, blocks[n])]
                    if not tables and len(groups[shape]) == 2 and max(shape) == int(np.prod(shape)) == count * h:
                        tables = _gate_tables(shape, list(order), blocks, state_first, turned)
                        if "b_hn" in blocks:
                            inner = [blocks["b_hn"] if gate == "n" else blocks[f"b_{gate}"] for gate in order]
                            tables.append(np.concatenate(inner).reshape(shape))
                    options.append(tables)
                if all(options):
                    yield from _products(arrays, options, blocks)


def _gate_tables(
    shape: tuple[int, ...], order: list[str], blocks: Mapping[str, np.ndarray], state_first: bool, turned: bool
) -> list[np.ndarray]:
    """Returns the table of gates stacked in an order (of one alone, its own), where it has the shape."""
    w, u, b = (np.concatenate([blocks[f"{kind}_{gate}"] for gate in order]) for kind in "WUb")
    joined = _joined(u, w, b) if state_first else _joined(w, u, b)
    if turned and u.shape[0] == u.shape[1]:
        u = u.T
    return [table for block in (w, u, joined[0], *joined[2:4], b) for table in _fitting(shape, block)][:1]


def _tags(members: list[Weight]) -> list[str]:
    """Returns what distinguishes the names of a group's members: their first different letters."""
    names = [plain_name(member.key) for member in members]
    if len(set(names)) < len(names):
        names = [plain_name(member.name) for member in members]
    while len({name[:1] for name in names}) == 1 and all(names):
        names = [name[1:] for name in names]
    while len({name[-1:] for name in names}) == 1 and all(len(name) > 1 for name in names):
        names = [name[:-1] for name in names]
    return [name[:1] for name in names]


def _place(
    weight: Weight, group: list[Weight], tags: Mapping[tuple[int, ...], list[str]], shape: tuple[int, ...]
) -> int:
    """Returns a gate's number: by its tag in the first group where all groups have the same tags, else by its order."""
    first = next(iter(tags.values()))
    own = tags[shape][group.index(weight)]
    if all(sorted(other) == sorted(first) and len(set(other)) == len(other) for other in tags.values()):
        return first.index(own)
    return group.index(weight)


def _hinted(order: tuple[str, ...], tags: Mapping[tuple[int, ...], list[str]]) -> int:
    """Returns how many gates have the usual letter in this order."""
    first = next(iter(tags.values()), [])
    return sum(HINTS.get(tag) == gate for tag, gate in zip(first, order, strict=False))


def _runs_alike(
    numeric: Numeric, x: np.ndarray, cell: Cell, weights: dict[str, np.ndarray], loss_of: LossOf | None
) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Returns the output nonlinearity, the raw outputs and the states where a forward pass is the student's."""
    data, seen = numeric.data, numeric.seen
    given = "h0" in {role for _, role in numeric.forward.roles}
    case = Exercise(
        weights, x, None, cell, h0=data.h0[0] if given else None,
        c0=data.c0[0] if "c0" in {role for _, role in numeric.forward.roles} else None,
    )  # fmt: skip
    h = np.array([step.h for step in states(case)])
    close = 1e-4 if seen.single else 1e-8
    if seen.h is not None and not np.allclose(h[-len(seen.h) :], seen.h, rtol=close, atol=close):
        return None
    if "W_hy" not in weights:
        return "linear", h, h
    raw = h @ weights["W_hy"].T + weights["b_y"]
    if seen.y is None:
        if loss_of is None:
            return None
        for part in (raw, raw[-1:]):
            output = loss_of.matches(part) if len(loss_of.targets) == len(part) else None
            if output is not None:
                return output, part, h
        return None
    raw = raw[-len(seen.y) :]
    for name, (function, _) in OUTPUTS.items():
        if np.allclose(function(raw), seen.y, rtol=close, atol=close):
            return name, raw, h
    return None
