"""What decoding refuses, each with a message that names it: networks that cannot go step by step, arguments out of
range, outputs that are no numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from cases import CELLS, both

from elman import Attention, Concat, Dense, Embedding, Last, Network, Pool, Recurrent, Shift, Skip
from elman.core.layers import Input, Layer, Node

V, H = 5, 3
GRU = Recurrent(H, CELLS["gru"])
PIECES = Node(Embedding(V, H), "pieces", ["x"])
SOURCE = {"source": Input(H)}
VECTOR = {"picture": Input(H, "vector")}


def network(layers: Sequence[Layer | Node], inputs: dict[str, Input] | None = None, **options: Any) -> Network:
    return Network.from_layers(layers, inputs=inputs, seed=0, **options)


def caption() -> Network:
    return network([PIECES, Node(GRU, "h", state={"h": "picture"}), Dense(V)], VECTOR)


def reader() -> Network:
    layers = [Node(GRU, "encoder", ["source"]), PIECES, Node(GRU, "h"), Node(Attention(), None, ["h", "encoder"])]
    return network([*layers, Dense(V)], SOURCE)


NETWORKS: dict[str, tuple[Any, str]] = {
    "two directions": (
        [PIECES, Node(Recurrent(H, CELLS["gru"], bidirectional=True), "decoder"), Dense(V)],
        "network: expected layers that read x one step at a time, got 'decoder', .* which has two directions",
    ),
    "shift": ([PIECES, Shift(), GRU, Dense(V)], "got Shift.*, which reads other steps of x than the present one"),
    "pool": (
        [PIECES, GRU, Node(Pool("mean"), "most"), Node(Concat(), None, ["pieces", "most"]), Dense(V)],
        "got 'most', Pool.*, which reads other steps of x than the present one",
    ),
    "last": ([PIECES, GRU, Last(), Dense(V)], "got Last.*, which reads other steps of x than the present one"),
    "itself": (
        [PIECES, Node(GRU, "h"), Node(Attention(), "own", ["h", "h"]), Dense(V)],
        "got 'own', Attention.*, which reads all steps of what depends on x",
    ),
    "state": (
        [PIECES, Node(GRU, "h"), Node(GRU, "above", state="h"), Dense(V)],
        "got 'above', .*, which begins with a state that depends on x",
    ),
    "few outputs": ([PIECES, GRU, Dense(V - 1)], "expected an output for each whole number that x may be, got 4"),
}


@pytest.mark.parametrize("key", NETWORKS)
def test_networks_that_cannot_go_step_by_step(key: str) -> None:
    layers, message = NETWORKS[key]
    with pytest.raises(ValueError, match=message):
        network(layers).decode(start=0, end=1, max_steps=3)


def test_networks_of_other_inputs() -> None:
    given: dict[str, Any] = {"start": 0, "end": 1, "max_steps": 3}
    with pytest.raises(ValueError, match=r"got 3 outputs for an x of real numbers"):
        Network(3, H, 3, seed=0).decode(**given)
    words = [PIECES, Node(Concat(), None, ["pieces", "others"]), GRU, Dense(V)]
    with pytest.raises(ValueError, match=r"expected no other input with the steps of x, got 'others'"):
        network(words, {"others": Input(2, time="x")}).decode({"others": np.zeros((1, 1, 2))}, **given)
    reads = [PIECES, Node(GRU, "h"), Node(GRU, "other", ["source"]), Dense(V)]
    with pytest.raises(ValueError, match=r"expected outputs at the steps of x, got those of 'source'"):
        network(reads, SOURCE).decode({"source": np.zeros((1, 2, H))}, **given)
    tagger = [Node(GRU, "h", ["source"]), Node(Embedding(V, H), "pieces", ["x"]), Node(GRU, None, ["pieces"])]
    tagger.append(Node(Attention(), "back", ["h", "pieces"]))
    tagger.append(Node(Last(), "end"))
    with pytest.raises(ValueError, match=r"got 'back', Attention.*, which reads other steps of x"):
        network([*tagger, Node(GRU, None, ["pieces"], state={"h": "picture"}), Dense(V)], SOURCE | VECTOR).decode(
            {"source": np.zeros((1, 2, H)), "picture": np.zeros((1, H))}, **given
        )


ARGUMENTS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"start": V}, ValueError, r"start: expected whole numbers in \[0, 4\], got 5 at row 0"),
    ({"start": [0, -1]}, ValueError, r"start: .*, got -1 at row 1"),
    ({"start": 0.5}, TypeError, "start: expected a whole number, or one a row, got 0.5"),
    ({"start": [0, 0, 0]}, ValueError, r"picture: expected shape \(3, 3\), got \(2, 3\)"),
    ({"start": [[0]]}, ValueError, r"start: expected shape \(B,\), got \(1, 1\)"),
    ({"end": V}, ValueError, r"end: expected a whole number in \[0, 4\], got 5"),
    ({"end": [1, 1]}, TypeError, "end: expected a whole number"),
    ({"max_steps": 0}, ValueError, r"max_steps: expected whole numbers in \[1, 2147483647\], got 0 at row 0"),
    ({"max_steps": [3, 0]}, ValueError, "max_steps: .*, got 0 at row 1"),
    ({"max_steps": [3]}, ValueError, r"max_steps: expected shape \(2,\), got \(1,\)"),
    ({"max_steps": 2.0}, TypeError, "max_steps: expected a whole number, or one a row, got 2.0"),
    ({"min_steps": 3}, ValueError, r"min_steps: expected a whole number in \[0, 2\], got 3"),
    ({"beam_size": 0}, ValueError, "beam_size: expected a whole number in"),
    ({"beam_size": True}, TypeError, "beam_size: expected a whole number"),
    ({"hypotheses": 2}, ValueError, r"hypotheses: expected a whole number in \[1, 1\], got 2"),
    ({"length_penalty": -0.1}, ValueError, "length_penalty: expected a finite number of at least 0.0, got -0.1"),
    ({"return_attention": 1}, TypeError, "return_attention: expected True or False, got 1"),
    ({"inputs": None}, ValueError, "inputs: expected picture, got none for 'picture'"),
    ({"inputs": {"picture": np.zeros((2, H)), "x": [0]}}, ValueError, "inputs: expected picture, got 'x'"),
    ({"inputs": [1]}, TypeError, r"inputs: expected a mapping with the inputs picture, got \[1\]"),
    ({"inputs": {"picture": 1.0}}, TypeError, "picture: expected an array with the axis B, got 1.0"),
    (
        {"inputs": {"picture": np.full((2, H), np.nan)}},
        ValueError,
        "picture: expected finite numbers, got nan at row 0",
    ),
    ({"lengths": [3]}, TypeError, "lengths: expected a mapping of names of inputs besides x"),
    ({"lengths": {"picture": [1]}}, ValueError, "lengths: expected names of sequences among the inputs, got 'picture'"),
    ({"state": {"h": 1}}, ValueError, "state: expected names among h.h, got 'h'"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), ARGUMENTS, ids=[str(i) for i in range(len(ARGUMENTS))])
def test_arguments(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    options: dict[str, Any] = {"inputs": {"picture": np.zeros((2, H))}, "start": 0, "end": 1, "max_steps": 3}
    with pytest.raises(error, match=message):
        caption().decode(**{**options, **wrong})


def test_an_empty_source() -> None:
    with pytest.raises(ValueError, match=r"source\[1\]: expected at least one step"):
        reader().decode({"source": [np.zeros((2, H)), np.zeros((0, H))]}, start=0, end=1, max_steps=3)
    with pytest.raises(ValueError, match=r"lengths\['source'\]: expected whole numbers in \[1, 4\], got 0 at row 1"):
        reader().decode(
            {"source": np.zeros((2, 4, H))}, start=0, end=1, max_steps=3, lengths={"source": np.array([4, 0])}
        )


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_outputs_that_are_no_numbers(engine: str, bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of the data is told, also of a later call of the engine; a row that ends before has no fault."""
    both()
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    layers = [PIECES, GRU, Dense(V, "tanh"), Node(Dense(V), "narrow"), Node(Skip(), "skip", ["narrow", "pieces"])]
    net = network([*layers])
    net.theta[...] = 0
    net.parameters["pieces.weight"][3] = bad  # what reads it is no number any more
    net.parameters["skip.weight"][...] = 0
    net.parameters["narrow.bias"][3] = 1.0  # and it is what comes at every step
    with pytest.raises(ValueError, match="network: expected finite outputs, got NaN or infinity in row 0 at step 2"):
        net.decode(start=[0, 1, 2], end=1, max_steps=4)
    assert net.decode(start=[0, 1, 2], end=1, max_steps=1).ids[0].tolist() == [3]
    assert net.decode(start=[0, 1, 2], end=3, max_steps=4).ended.all()
    monkeypatch.setattr("elman.network.decoding.AT_ONCE", 2)
    starts = [0, 1, 2, 4, 4, 3]
    with pytest.raises(ValueError, match="in row 5 at step 1"):
        net.decode(start=starts, end=3, max_steps=4)
