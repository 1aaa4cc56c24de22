from __future__ import annotations

import pickle
import tracemalloc
from itertools import repeat
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.core.layers import GRU, LSTM, Dense, Embedding, Recurrent

X = np.random.default_rng(0).normal(size=(3, 6, 2))


def network(**options: Any) -> elman.Network:
    return elman.Network(2, 5, 2, **{"seed": 1, **options})


def same(net: elman.Network, a: np.ndarray, b: np.ndarray) -> bool:
    """The same bits on the compiled engine, which promises them; close on the reference."""
    return a.shape == b.shape and (bool((a == b).all()) if net.engine == "native" else np.allclose(a, b, 1e-5, 1e-6))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["tanh", "relu", "lstm", "gru", GRU(False), LSTM(True)]),
    st.integers(1, 2),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
    st.sampled_from([(), (4,)]),
    st.sampled_from([1, 5, 17]),
)
def test_streaming_is_predicting_to_the_bit(cell: Any, layers: int, dtype: str, skip: bool, head: Any, hidden: int):
    net = elman.Network(2, hidden, 2, cell=cell, num_layers=layers, dtype=dtype, skip=skip, head=head, seed=1)
    y, state = net.predict(X, return_state=True)
    stream = net.stream(3)
    for t in range(6):
        assert same(net, stream.step(X[:, t]), y[:, t])
    assert all(same(net, stream.state[name], state[name]) for name in net.state_names)
    one = net.stream()
    assert same(net, np.array([one.step(x) for x in X[1]]), y[1])


def test_behind_last_each_step_is_as_if_it_were_the_end():
    net = network(output="last")
    stream = net.stream()
    for t in range(6):
        assert same(net, stream.step(X[0, t]), net.predict(X[0, : t + 1]))


def test_an_embedding_steps_on_whole_numbers():
    net = elman.Network.from_layers([Embedding(7, 3), Recurrent(4), Dense(2)], seed=0)
    words = np.array([[1, 6, 0], [2, 2, 5]])
    y, stream, one = net.predict(words), net.stream(2), net.stream()
    for t in range(3):
        assert same(net, stream.step(words[:, t]), y[:, t])
        assert same(net, one.step(int(words[0, t])), y[0, t])
    with pytest.raises(ValueError, match=r"x: expected whole numbers in \[0, 6\], got \[7\]"):
        one.step(7)
    with pytest.raises(TypeError, match="x: expected whole numbers"):
        one.step(1.0)


def test_the_state_can_be_read_set_and_reset():
    net = network()
    stream = net.stream()
    first = stream.step(X[0, 0])
    kept = stream.state
    second = stream.step(X[0, 1])
    stream.state = kept
    assert (stream.step(X[0, 1]) == second).all()
    stream.state = {"h_l0": kept["h_l0"][0]}
    assert not stream.state["c_l0"].any()
    stream.reset()
    assert (stream.step(X[0, 0]) == first).all()
    with pytest.raises(ValueError, match="read-only"):
        stream.state["h_l0"][:] = 0
    with pytest.raises(ValueError, match="state: expected names among h_l0, c_l0, got 'h'"):
        stream.state = {"h": kept["h_l0"]}


def test_weights_are_those_of_the_moment_until_refreshed():
    net = network()
    stream, before = net.stream(), net.predict(X[0])
    assert same(net, stream.step(X[0, 0]), before[0])
    net.theta[:] *= 0.5
    assert same(net, stream.step(X[0, 1]), before[1])
    state = stream.state
    stream.refresh()
    assert same(net, stream.step(X[0, 2]), net.predict(X[0, 2:3], state=state)[0])


def test_streams_travel_with_weights_and_state():
    net = network()
    stream = net.stream(3)
    stream.step(X[:, 0])
    net.theta[:] = 0
    other = pickle.loads(pickle.dumps(stream))
    assert (other.step(X[:, 1]) == stream.step(X[:, 1])).all()


def test_out_is_written_and_returned():
    stream, other = network().stream(), network().stream()
    out = np.empty(2, np.float32)
    assert stream.step(X[0, 0], out=out) is out
    assert (out == other.step(X[0, 0])).all()
    rows = np.empty((3, 2), np.float32)
    assert network().stream(3).step(X[:, 0], rows) is rows
    with pytest.raises(TypeError, match=r"out: expected an array of float32, got array of shape .* float64"):
        stream.step(X[0, 0], np.empty(2))
    with pytest.raises(ValueError, match=r"out: expected a contiguous, writable array of shape \(2,\)"):
        stream.step(X[0, 0], np.empty(3, np.float32))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1.0, np.nan], ValueError, "x: expected finite numbers, got nan at row 0, column 1"),
        ([[np.inf, 0.0]], ValueError, "x: expected finite numbers, got inf at row 0, column 0"),
        ([1.0], ValueError, r"x: expected shape \(1, 2\) or \(2,\), got \(1,\)"),
        (X[:, 0], ValueError, r"x: expected shape .* got \(3, 2\)"),
        ("ab", TypeError, "x: expected real numbers, got 'ab'"),
    ],
)
def test_wrong_input_leaves_the_state_as_it_was(x: Any, error: type[Exception], message: str):
    stream = network().stream()
    stream.step(X[0, 0])
    before = stream.state
    with pytest.raises(error, match=message):
        stream.step(x)
    assert all((stream.state[name] == before[name]).all() for name in before)


def test_refused():
    with pytest.raises(ValueError, match="network: expected one direction, got a bidirectional network"):
        network(bidirectional=True).stream()
    with pytest.raises(ValueError, match=r"batch_size: .* got 0"):
        network().stream(0)
    with pytest.raises(ValueError, match=r"x: expected shape \(3, 2\), got \(2,\)"):
        network().stream(3).step(X[0, 0])


def test_large_finite_input_is_no_error():
    with np.errstate(over="ignore"):  # inside the reference engine
        assert np.isfinite(network().stream().step([3e38, -3e38])).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell", ["tanh", "relu", LSTM(), LSTM(True), GRU(), GRU(False)])
def test_callers_arrays_are_read_and_filled(cell: Any, output: Any, rows: int, dtype: str):
    """What the compiled engine takes without any preparation gives the bits of what is converted first."""
    net = elman.Network(2, 5, 2, cell=cell, num_layers=2, output=output, head=(3,), skip=True, dtype=dtype, seed=1)
    x = X.astype(dtype)
    taken, prepared = net.stream(rows), net.stream(rows)
    assert taken._try_step(x[:rows, 0], np.empty((rows, 2), dtype)) == (net.engine == "native")
    taken.reset()
    out = np.full((rows, 2), np.nan, dtype)
    for t in range(6):
        assert taken.step(x[:rows, t], out) is out  # strided
        want = net.predict(x[:rows, : t + 1])
        assert same(net, out, want if output == "last" else want[:, t])
        assert same(net, prepared.step(x[:rows, t].tolist()), out)


def test_embeddings_take_arrays():
    net = elman.Network.from_layers([Embedding(7, 3), Recurrent(4), Dense(2)], seed=0)
    words, stream, one = np.array([[1, 6, 0], [2, 2, 5]]), net.stream(2), net.stream()
    y, rows, out = net.predict(words), np.empty((2, 2), np.float32), np.empty(2, np.float32)
    for t in range(3):
        assert same(net, stream.step(words[:, t], rows), y[:, t])
        assert same(net, one.step(words[0, t], out), y[0, t])


@pytest.mark.parametrize("bad", [-1, 7])
def test_numbers_beyond_an_embedding_are_refused(bad: int):
    stream = elman.Network.from_layers([Embedding(7, 3), Recurrent(4), Dense(2)], seed=0).stream(2)
    stream.step(np.array([1, 6]))
    before = stream.state
    with pytest.raises(ValueError, match=rf"x: expected whole numbers in \[0, 6\], got \[0, {bad}\]"):
        stream.step(np.array([0, bad]))
    assert all((stream.state[name] == before[name]).all() for name in before)


def test_the_output_may_be_the_next_input():
    net = network()
    stream, want, x = net.stream(), net.stream(), X[0, 0].astype(np.float32)
    y = x.copy()
    for _ in range(4):
        y = want.step(y)
        assert same(net, stream.step(x, out=x), y)


def read_only() -> np.ndarray:
    array = np.empty((1, 2), np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty((2, 1), np.float32), ValueError),
        (np.empty(2, np.float32), ValueError),  # x has its axis B
        (np.empty((1, 4), np.float32)[:, ::2], ValueError),
        (np.empty(9, np.int8)[1:].view(np.float32)[None], ValueError),  # not aligned
        (read_only(), ValueError),
        (np.empty((1, 2), ">f4"), TypeError),
        (np.empty((1, 2), np.int32), TypeError),
        (memoryview(np.empty((1, 2), np.float32)), TypeError),
        ([[0.0, 0.0]], TypeError),
    ],
)
def test_an_output_that_does_not_fit_moves_nothing(out: Any, error: type[Exception]):
    stream = network().stream()
    stream.step(X[0, 0])
    before = stream.state
    with pytest.raises(error, match="out: expected"):
        stream.step(X[0, 1][None].astype(np.float32), out)
    assert all((stream.state[name] == before[name]).all() for name in before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_that_is_not_finite_moves_nothing(bad: float, dtype: str):
    stream, x, out = network(dtype=dtype).stream(3), X[:, 0].astype(dtype), np.zeros((3, 2), dtype)
    stream.step(x)
    before = stream.state
    x[2, 1] = bad
    with pytest.raises(ValueError, match=f"x: expected finite numbers, got {bad} at row 2, column 1"):
        stream.step(x, out)
    assert not out.any()
    assert all((stream.state[name] == before[name]).all() for name in before)


def odd_forms(x: np.ndarray) -> dict[str, Any]:
    """The same numbers in forms that must be converted, or read with strides."""
    holed = np.zeros((2 * len(x), 3 * x.shape[1]), x.dtype)
    holed[::2, ::3] = x
    swapped, shifted = x.astype(x.dtype.newbyteorder()), np.zeros(x.nbytes + 1, np.int8)[1:].view(x.dtype)
    shifted = shifted.reshape(x.shape)
    shifted[...] = x
    return {
        "strided": holed[::2, ::3],
        "negative strides": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "Fortran order": np.asfortranarray(x),
        "other byte order": swapped,
        "unaligned": shifted,
        "float64": x.astype(np.float64),
        "list": x.tolist(),
        "memoryview": memoryview(x),
    }


ROW = X[:, 0].astype(np.float32)


@pytest.mark.parametrize("form", odd_forms(ROW))
def test_every_form_of_the_same_input_gives_the_same_bits(form: str):
    net = network()
    found = net.stream(3).step(odd_forms(ROW)[form], np.empty((3, 2), np.float32))
    assert (found == net.stream(3).step(ROW)).all()


def test_a_step_allocates_nothing():
    net = network(num_layers=2)
    if net.engine != "native":
        pytest.skip("the reference engine allocates")
    stream, x, out = net.stream(), X[0, 0].astype(np.float32), np.empty(2, np.float32)
    stream.step(x, out)
    grown: list[int] = []
    for _ in range(3):  # other threads of the test run allocate now and then; steps would each time
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            for _ in repeat(None, 10_000):
                stream.step(x, out)
            grown.append(tracemalloc.get_traced_memory()[1] - before)
        finally:
            tracemalloc.stop()
    assert min(grown) < 1024  # the tracer's own


@pytest.mark.parametrize("hidden", [8, 520])  # the longer step lets other threads run
def test_threads_share_a_stream_step_by_step(hidden: int):
    net = elman.Network(1, hidden, 1, seed=0)
    if net.engine != "native":
        pytest.skip("the compiled engine's promise")
    stream, want, x = net.stream(), net.stream(), np.ones(1, np.float32)
    steps = 40 if hidden > 100 else 4000

    def work() -> None:
        out = np.empty(1, np.float32)
        for _ in range(steps):
            stream.step(x, out)
            stream.state  # noqa: B018

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(3 * steps):
        want.step(x)
    assert all((stream.state[name] == want.state[name]).all() for name in net.state_names)
