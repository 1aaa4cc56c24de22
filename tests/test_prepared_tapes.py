"""`forward` and `backward` prepared beforehand: the bits and the errors of the long way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_prepared import GIVEN, IDS, RNG, X, long_way, network, of_ids, outcome
from test_weights import in_another_thread

import elman
from elman.core.requests import Key
from elman.engines import select
from elman.network.weights import Training

__all__ = ["long_way"]  # the fixture
pytestmark = pytest.mark.skipif(select.compiled() is None, reason="the compiled engine is not in use")

NETWORKS: list[Callable[[], elman.Network]] = [
    network,
    lambda: network("float64", cell="gru", num_layers=2, head=4),
    lambda: network(output="last", bidirectional=True),
    lambda: elman.Network(2, 7, None, learned_state=True, seed=6),
    lambda: network(skip=True, cell=elman.Simple("relu", leak=0.2)),
    lambda: elman.Network(3, 40, 5, num_layers=2, cell=elman.GRU(reset_after=False), seed=4),  # matrices set, not added
    of_ids,
    lambda: of_ids((elman.Last(),)),
    lambda: of_ids(sparse=True),
]


def flat(tape: Any, y: np.ndarray, found: tuple[Any, Any, Any]) -> list[Any]:
    """Everything that two calls give, with shapes and types."""
    gradients, dx, dstate = found
    arrays = [y, gradients.flat, *tape.state.values(), *tape.hidden, *dstate.values()]
    arrays += [] if dx is None else [dx]
    assert list(tape.state) == list(dstate)
    return [dx is None, *((array.shape, array.dtype, array.tobytes()) for array in arrays)]


@pytest.mark.parametrize("make", NETWORKS)
def test_both_are_those_of_the_long_way(make: Callable[[], elman.Network], long_way: Any):
    net = make()
    ids, dtype = net.layout.integer_input, net.dtype
    x = IDS if ids else RNG.normal(size=(5, 9, 2 * net.layout.input_size)).astype(dtype)[:, ::-1, ::2]
    for own in (x, x[1], x[:1, :1], x[2:4, 3:]):

        def both(own: Any = own) -> list[Any]:
            y, tape = net.forward(own)
            dy = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
            assert (y == net.predict(own)).all()
            return flat(tape, y, tape.backward(dy, None, None, None))

        assert both() == long_way(lambda both=both: both())


def test_a_tape_keeps_the_weights_it_was_made_with(long_way: Any):
    net = network()
    y, tape = net.forward(X)
    before = flat(tape, y, net.backward(tape, np.ones_like(y)))
    net.theta[:] = 0.3
    other, later = net.forward(X)
    assert flat(tape, y, net.backward(tape, np.ones_like(y))) == before
    assert flat(later, other, net.backward(later, np.ones_like(y))) != before
    for array in (y, tape.state["h_l0"], net.backward(tape, np.ones_like(y))[1]):
        assert array.flags.owndata


def test_what_makes_a_call_unusual_goes_the_long_way(long_way: Any):
    net = network(dropout=0.4, num_layers=2)
    lengths, state = np.array([9, 3, 1, 9, 2]), {"h_l0": np.full((5, 7), 0.5, np.float32)}
    given: list[dict[str, Any]] = [{"lengths": lengths}, {"state": state}, {"key": Key(3, 4)}]

    def everything() -> list[Any]:
        found = []
        for options in given:
            y, tape = net.forward(X, **options)
            dy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
            for extra in ({}, {"truncate": 3}, {"dstate": state}, {"dh": [None, np.ones((5, 9, 7), np.float32)]}):
                found += flat(tape, y, net.backward(tape, dy, **extra))
        y, tape = net.forward(X)
        return [*found, *flat(tape, y, net.backward(tape, None))]

    assert everything() == long_way(everything)


@pytest.mark.parametrize("index", range(len(GIVEN)))
def test_arguments_are_refused_and_converted_alike(index: int, long_way: Any):
    x, dy = GIVEN[index]

    def everything() -> list[Any]:
        net = network()
        tape = net.forward(X)[1]
        return [
            outcome(lambda: net.forward(x)[0]),
            outcome(lambda: net.backward(tape, dy)[0].flat),
            outcome(lambda: net.backward(net.forward(X[0])[1], dy)[0].flat),
            outcome(lambda: net.backward(network().forward(X)[1], dy)),
        ]

    assert everything() == long_way(everything)


def test_beside_a_training_the_weights_of_before_it_are_read():
    net = network()
    before = net.predict(X)
    with Training(net.weights):
        net.theta[:] = 0
        assert (in_another_thread(lambda: net.forward(X)[0]) == before).all()
        assert (net.forward(X)[0] == 0).all()  # the thread that trains


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit(threads: int):
    net, x = elman.Network(3, 40, 2, seed=5), RNG.normal(size=(50, 6, 3)).astype(np.float32)
    y, tape = net.forward(x)
    expected = flat(tape, y, net.backward(tape, np.ones_like(y)))
    former = elman.get_num_threads()
    try:
        elman.set_num_threads(threads)
        y, tape = net.forward(x)
        assert flat(tape, y, net.backward(tape, np.ones_like(y))) == expected
    finally:
        elman.set_num_threads(former)
