"""Checks a checkpoint before a training goes on from it: every field, its range, and how fields and arrays fit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core import fields
from elman.core.io import Shapes
from elman.core.layers import Layout
from elman.core.optim import OPTIMIZERS, Optimizer
from elman.network import description as network
from elman.train import fingerprint
from elman.train.history import Epoch

__all__ = ["check_arrays", "checked", "shapes"]

STATES = {"Simple": 1, "GRU": 1, "LSTM": 2}  # of a cell, by its name in a fingerprint


def checked(description: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the checked fields of a checkpoint's description, its `network` as a Layout, or None where code of the
    user's own was part of it. ValueError or TypeError for anything else."""
    known: dict[str, fields.Check] = {
        **{name: fields.whole() for name in ("first", "done", "waited", "updates")},
        "seconds": fields.number(0.0),
        "best": fields.optional(fields.number()),
        "stopped": fields.flag,
        "optimizer": fields.mapping(fields.scalar),
        "schedule": fields.mapping(fields.number()),
        "settings": fields.mapping(fields.scalar),
        "made_by": lambda name, value: fields.record(
            name, value, {"elman": fields.text, "engine": fields.text, "isa": fields.optional(fields.text)}
        ),
        "network": fields.optional(network.from_plain),
    }
    plain = fields.record("checkpoint", description, known)
    if plain["stopped"] and plain["done"] > 0:
        raise ValueError(f"done: expected 0 after a training has stopped, got {plain['done']}")
    if plain["done"] > plain["updates"]:
        raise ValueError(f"done: expected at most the {plain['updates']} updates, got {plain['done']}")
    _optimizer(plain["optimizer"])
    if plain["network"] is not None:
        plain["network"], dtype = plain["network"]
        expected = fingerprint.network(plain["network"], dtype)
        said = {name: plain["settings"].get(name) for name in expected}
        if unlike := fingerprint.differences(said, expected):
            raise ValueError(f"settings: expected those of the network, got others: {'; '.join(unlike)}")
    return plain


def shapes(plain: Mapping[str, Any]) -> Shapes:
    """Returns shape and type of every array of a checkpoint with this checked description."""
    layout: Layout | None = plain["network"]
    dtype = np.dtype(fields.one_of("float32", "float64")("settings.dtype", plain["settings"].get("dtype")))
    double, vector = np.dtype(np.float64), ((None if layout is None else layout.size,), dtype)
    found: Shapes = {
        "theta": vector,
        "history.epochs": ((None, len(Epoch._fields)), double),
        "history.updates": ((3, plain["updates"]), double),
    }
    found |= {f"slots[{i}]": vector for i in range(len(_optimizer(plain["optimizer"]).slots))}
    if plain["settings"].get("patience") is not None and plain["best"] is not None:
        found["best_theta"] = vector
    if plain["settings"].get("window") is not None and plain["done"] > 0:
        sizes = _states(plain["settings"]) if layout is None else [slot.size for slot in layout.states]
        found |= {f"carry[{i}]": ((None, size), dtype) for i, size in enumerate(sizes)}
    return found


def check_arrays(plain: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError where the arrays, whose shapes fit, contradict the description or each other."""
    epochs, (losses, norms, rates) = tensors["history.epochs"], tensors["history.updates"]
    loss, validation, seconds, rate, counts = epochs.T
    if not (not np.isinf(losses).any() and _positive(norms) and _positive(rates)):
        raise ValueError("history.updates: expected losses, norms and rates that are not infinite")
    if np.isnan(loss).any() or not (_positive(seconds) and _positive(rate)):
        raise ValueError("history.epochs: expected losses, seconds and rates that are some")
    ends = np.concatenate([[0.0], counts, [plain["updates"] - plain["done"] + 0.5]])
    if not (np.diff(ends) > 0.0).all() or (counts % 1.0).any():
        raise ValueError(f"history.epochs: expected rising numbers of updates up to {plain['updates']}")
    if (rates[counts.astype(np.int64) - 1] != rate).any():
        raise ValueError("history.epochs: expected the learning rates of the epochs' last updates")
    tested = any(name.startswith("validation.") for name in plain["settings"])
    best, waited = math.inf, 0
    for figure in (validation if tested else loss)[plain["first"] :].tolist():
        best, waited = (figure, 0) if figure < best else (best, waited + 1)
    said = math.inf if plain["best"] is None else plain["best"]
    if plain["first"] > len(epochs) or (best, waited) != (said, plain["waited"]):
        expected = f"{best}, {waited} epochs ago, as the history has it"
        raise ValueError(f"best, waited: expected {expected}, got {said}, {plain['waited']}")
    for i, name in enumerate(_optimizer(plain["optimizer"]).slots):
        if name == "square" and (tensors[f"slots[{i}]"] < 0).any():
            raise ValueError(f"slots[{i}]: expected squares of at least 0")
    vectors = {array.shape for name, array in tensors.items() if name.startswith(("theta", "slots", "best_theta"))}
    carried = [array for name, array in tensors.items() if name.startswith("carry")]
    if len(vectors) > 1 or len({len(array) for array in carried}) > 1:
        raise ValueError("theta: expected arrays of one length")
    if not all(np.isfinite(array).all() for array in carried):
        raise ValueError("carry: expected finite states")


def _optimizer(numbers: Mapping[str, Any]) -> Optimizer:
    """Returns the optimiser whose fields these are; ValueError or TypeError where none has them, or such values."""
    for kind in map(type, OPTIMIZERS.values()):
        if {field.name for field in dataclasses.fields(kind)} == set(numbers):
            return kind(**numbers)
    raise ValueError(f"optimizer: expected the numbers of one of {', '.join(OPTIMIZERS)}, got {fields.words(numbers)}")


def _states(known: fingerprint.Plain) -> list[int]:
    """Returns the sizes of a network's states, where only its fingerprint is known."""
    sizes: list[int] = []
    recurrent = [name.removesuffix(".hidden_size") for name in known if name.endswith(".hidden_size")]
    for layer in recurrent:
        own = sum(name.startswith(f"{layer}.cell.state_names[") for name in known)
        count = own or STATES.get(str(known.get(f"{layer}.cell")), 1)
        sizes += [fields.whole(1)(f"settings.{layer}.hidden_size", known[f"{layer}.hidden_size"])] * count
    return sizes


def _positive(values: np.ndarray) -> bool:
    """Returns whether all values are finite and at least 0."""
    return bool((np.isfinite(values) & (values >= 0.0)).all())
