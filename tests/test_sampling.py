"""What a stream draws for itself: the same on both engines, in one call or several, and as often as it should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import elman
from elman.core.layers import Dense, Embedding, Recurrent
from elman.engines.reference.decoding.sampling import Sampling, pick, uniform

KNOWN = 9


def network(seed: int = 0, cell: Any = "lstm") -> elman.Network:
    made = elman.Network.from_layers(
        [Embedding(KNOWN, 4), Recurrent(6, cell), Dense(KNOWN)], dtype="float64", seed=seed
    )
    made.theta *= 3
    return made


@pytest.fixture(params=["reference", "native"])
def engine_of_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", request.param)


WAYS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.3},
    {"temperature": 7.0},
    {"top_k": 1},
    {"top_k": 3},
    {"top_k": 100},
    {"top_p": 0.5},
    {"top_p": 0.999999},
    {"top_k": 4, "top_p": 0.7, "temperature": 1.5},
]


@pytest.mark.parametrize("how", WAYS, ids=str)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_both_engines_draw_the_same(how: dict[str, Any], cell: str, monkeypatch: pytest.MonkeyPatch):
    drawn = {}
    for engine in ("reference", "native"):
        monkeypatch.setenv("ELMAN_ENGINE", engine)
        drawn[engine] = network(cell=cell).stream(2).sample([1, 5], 60, seed=2**63 + 5, return_outputs=True, **how)
    assert (drawn["reference"][0] == drawn["native"][0]).all()
    np.testing.assert_allclose(drawn["reference"][1], drawn["native"][1], rtol=1e-9)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("how", WAYS, ids=str)
def test_one_call_and_many_give_the_same(how: dict[str, Any]):
    whole = network().stream().sample(3, 40, seed=1, **how)
    stream, x, parts = network().stream(), 3, []
    for first in range(40):
        x = int(stream.sample(x, 1, seed=1, first=first, **how)[0])
        parts.append(x)
    assert whole.tolist() == parts


@pytest.mark.usefixtures("engine_of_tests")
def test_the_outputs_are_those_of_the_steps():
    stream, other = network().stream(), network().stream()
    ids, outputs = stream.sample(3, 12, seed=1, return_outputs=True)
    given = [3, *ids[:-1].tolist()]
    assert (outputs == np.array([other.step(np.array(x)) for x in given])).all()
    assert all((stream.state[name] == other.state[name]).all() for name in stream.state)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_the_draws_are_those_of_the_reference(seed: int):
    stream, outputs = network().stream(2), None
    ids, outputs = stream.sample([0, 1], 30, seed=seed, first=7, top_k=5, temperature=0.8, return_outputs=True)
    how = Sampling(0.8, 5, 1.0, seed)
    assert [[pick(how, outputs[r, i], r, 7 + i) for i in range(30)] for r in (0, 1)] == ids.tolist()


def test_numbers_are_even_between_0_and_1():
    drawn = np.array([uniform(3, row, number) for row in range(20) for number in range(100)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert len(set(drawn)) == len(drawn)
    assert abs(drawn.mean() - 0.5) < 4 / math.sqrt(12 * len(drawn))
    counts = np.histogram(drawn, 10, (0, 1))[0]
    assert ((counts - 200) ** 2 / 200).sum() < 30  # chi^2 with 9 degrees: 28 in one of a thousand


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"top_k": 2}, [1, 3]),
        ({"top_p": 0.6}, [1, 3]),
        ({"top_p": 0.5}, [1]),
        ({"top_p": 0.4}, [1]),
        ({"top_k": 3, "top_p": 0.9}, [0, 1, 3]),
        ({"temperature": 0.5}, [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_outcomes_are_as_frequent_as_they_are_probable(how: dict[str, Any], kept: list[int]):
    """Of a network whose outputs are the same at each step: its bias."""
    p = np.array([0.15, 0.5, 0.1, 0.25])
    made = elman.Network.from_layers([Embedding(4, 2), Recurrent(3), Dense(4)], seed=0)
    made.theta[...] = 0
    made.parameters["head.bias" if "head.bias" in made.parameters else list(made.parameters)[-1]] = np.log(p)
    n = 20_000
    counts = np.bincount(made.stream().sample(0, n, seed=5, **how), minlength=4)
    wanted = np.where(np.isin(np.arange(4), kept), p ** (1 / how.get("temperature", 1.0)), 0)
    wanted = wanted / wanted.sum()
    assert (counts[wanted == 0] == 0).all()
    assert (np.abs(counts / n - wanted) <= 4 * np.sqrt(wanted * (1 - wanted) / n)).all()


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": 9}, r"x: expected whole numbers in \[0, 8\], got \[9\]"),
        ({"count": 0}, "count: expected"),
        ({"temperature": -0.1}, "temperature: expected"),
        ({"temperature": math.nan}, "temperature: expected"),
        ({"top_k": 0}, "top_k: expected"),
        ({"top_p": 0.0}, "top_p: expected"),
        ({"top_p": 1.5}, "top_p: expected"),
        ({"seed": -1}, "seed: expected"),
        ({"first": -1}, "first: expected"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        network().stream().sample(**{"x": 0, "count": 3, **arguments})


def test_a_network_of_other_outputs_is_refused():
    made = elman.Network.from_layers([Embedding(5, 2), Recurrent(3), Dense(4)], seed=0)
    with pytest.raises(ValueError, match="expected an output at every step for each whole number that it reads, got 4"):
        made.stream().sample(0, 3)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_outputs_that_are_no_numbers_end_it(temperature: float):
    made = network()
    made.theta[...] = np.nan
    with pytest.raises(ValueError, match="expected finite outputs, got NaN after 0 samples"):
        made.stream().sample(0, 3, temperature=temperature)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("kind", ["u1", "i4", "u8"])
def test_a_step_takes_every_type_of_integers(kind: str):
    stream, other = network().stream(2), network().stream(2)
    assert (stream.step(np.array([1, 8], kind)) == other.step(np.array([1, 8]))).all()
    with pytest.raises(ValueError, match="x: expected whole numbers"):
        stream.step(np.array([1, 9], kind))
