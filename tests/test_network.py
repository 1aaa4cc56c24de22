from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.core.layers import GRU, Activation, Dense, Embedding, Last, Recurrent, Simple, Skip
from elman.network import arguments

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 7, 3))
LENGTHS = np.array([7, 1, 4, 2, 7])


def network(*args: Any, **options: Any) -> elman.Network:
    return elman.Network(*(args or (3, 4, 2)), **{"dtype": "float64", "seed": 1, **options})


def same(net: elman.Network, a: np.ndarray, b: np.ndarray) -> bool:
    """The same bits on the compiled engine, which promises them; close on the reference."""
    return a.shape == b.shape and (bool((a == b).all()) if net.engine == "native" else np.allclose(a, b, 1e-5, 1e-6))


def slope(function: Any, array: np.ndarray, direction: np.ndarray, step: float = 1e-6) -> float:
    """Central difference of a scalar function along a direction of an array that is changed in place."""
    array += step * direction
    above = function()
    array -= 2 * step * direction
    below = function()
    array += step * direction
    return (above - below) / (2 * step)


# ------------------------------------------------------------------------------------------- what comes out


def test_the_short_form_is_a_list_of_layers():
    net = network(3, (4, 5), 2, cell="gru", bidirectional=True, output="last", head=(6, Dense(7, "tanh")), skip=True)
    assert net.layers == (
        Recurrent(4, GRU(), True),
        Recurrent(5, GRU(), True),
        Last(),
        Dense(6, "relu"),
        Dense(7, "tanh"),
        Dense(2),
        Skip(),
    )
    assert network(3, 4, None, num_layers=2).layers == (Recurrent(4), Recurrent(4))
    assert network(3, 4, 1, head=6).layers[1] == Dense(6, "relu")


def test_shapes():
    net = network(3, 4, 2, num_layers=2, bidirectional=True)
    y, state = net.predict(X, lengths=LENGTHS, return_state=True)
    assert y.shape == (5, 7, 2)
    assert {name: value.shape for name, value in state.items()} == dict.fromkeys(net.state_names, (5, 4))
    assert [h.shape for h in net.hidden(X)] == [(5, 7, 8), (5, 7, 8)]
    assert network(output="last").predict(X).shape == (5, 2)
    assert network(3, 4, None).predict(X).shape == (5, 7, 4)
    assert network(3, 4, None, output="last").predict(X).shape == (5, 4)


@pytest.mark.parametrize("output", ["sequence", "last"])
def test_one_sequence_is_a_row_without_its_axis(output: str):
    net = network(output=output, bidirectional=True)
    y, state = net.predict(X[2], lengths=4, return_state=True)
    rows, states = net.predict(X, lengths=LENGTHS, return_state=True)
    assert same(net, y, rows[2])
    assert all(same(net, state[name][0], states[name][2]) for name in net.state_names)
    y, tape = net.forward(X[2])
    gradients, dx, _ = net.backward(tape, np.ones_like(y))
    assert dx is not None
    assert dx.shape == (7, 3)
    assert tape.hidden[0].shape == (7, 8)
    batch, _, _ = net.backward(net.forward(X[2:3])[1], np.ones_like(y)[None])
    assert same(net, gradients.flat, batch.flat)


def test_without_a_head_the_output_is_the_hidden_state():
    net = network(3, 4, None)
    assert (net.predict(X) == net.hidden(X)[0]).all()


def test_a_state_carries_a_sequence_on():
    net = network(num_layers=2)
    first, state = net.predict(X[:, :3], return_state=True)
    second, end = net.predict(X[:, 3:], state=state, return_state=True)
    whole, final = net.predict(X, return_state=True)
    assert same(net, np.concatenate([first, second], axis=1), whole)
    assert all(same(net, end[name], final[name]) for name in final)


def test_missing_state_is_zero():
    net = network()
    h = RNG.normal(size=(5, 4))
    assert (net.predict(X, state={"h_l0": h}) == net.predict(X, state={"h_l0": h, "c_l0": np.zeros((5, 4))})).all()
    assert (net.predict(X, state={}) == net.predict(X)).all()
    assert same(net, net.predict(X[0], state={"h_l0": h[0]}), net.predict(X, state={"h_l0": h})[0])


def test_steps_past_a_length_are_zero_and_never_read():
    net, x = network(bidirectional=True), X.copy()
    past = np.arange(7) >= LENGTHS[:, None]
    x[past] = np.nan
    y = net.predict(x, lengths=LENGTHS)
    assert (y[past] == 0).all()
    assert (y == net.predict(X, lengths=LENGTHS)).all()
    targets = np.where(past[..., None], np.nan, 1.0) * np.ones(2)
    value, gradients = net.loss_and_grad(x, targets, lengths=LENGTHS)
    assert np.isfinite(value)
    assert np.isfinite(gradients.flat).all()
    classes = np.where(past, -1, 1)
    assert np.isfinite(net.loss(x, classes, lengths=LENGTHS, loss="cross_entropy"))


def test_an_embedding_is_a_table_of_rows():
    net = elman.Network.from_layers([Embedding(6, 3), Recurrent(4), Dense(2)], dtype="float64", seed=0)
    words = np.array([[0, 5, 2], [3, 3, 1]])
    real = elman.Network.from_layers([Recurrent(4), Dense(2)], input_size=3, dtype="float64")
    for name in real.parameters:
        real.parameters[name] = net.parameters[name]
    y = net.predict(words)
    assert same(net, y, real.predict(net.parameters["embedding.weight"][words]))
    assert same(net, net.predict(words[0].astype(np.uint8)), y[0])
    assert (net.predict([[0, 5, 2], [3, 3, 1]]) == y).all()
    out, tape = net.forward(words)
    gradients, dx, _ = net.backward(tape, np.ones_like(out))
    assert dx is None
    assert gradients["embedding.weight"][3].any()
    assert not gradients["embedding.weight"][4].any()


def test_skip_adds_a_linear_path():
    net = network(skip=True)
    with_path = net.predict(X)
    w = net.parameters["skip.weight"].copy()
    net.parameters["skip.weight"][:] = 0
    np.testing.assert_allclose(with_path - net.predict(X), X @ w.T, atol=1e-12)


# ------------------------------------------------------------------------------------------------ gradients


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_backward_is_the_derivative_of_all_that_comes_out(cell: str, output: str):
    """Of a weighted sum of outputs, hidden states and the final state, for theta, x and the initial state."""
    net = network(cell=cell, output=output, num_layers=2, bidirectional=True)
    rng, x = np.random.default_rng(4), X.copy()
    state = {name: rng.normal(size=(5, 4)) for name in net.state_names}
    y, tape = net.forward(x, lengths=LENGTHS, state=state)
    dy = rng.normal(size=y.shape)
    dh = [rng.normal(size=h.shape) for h in tape.hidden]
    dstate = {name: rng.normal(size=(5, 4)) for name in net.state_names}

    def total() -> float:
        y, tape = net.forward(x, lengths=LENGTHS, state=state)
        hidden = sum((d * h).sum() for d, h in zip(dh, tape.hidden, strict=True))
        return float((dy * y).sum() + hidden + sum((dstate[name] * tape.state[name]).sum() for name in dstate))

    gradients, dx, dstate0 = net.backward(tape, dy, dh=dh, dstate=dstate)
    assert dx is not None
    pairs = [(net.theta, gradients.flat), (x, dx), *((state[name], dstate0[name]) for name in state)]
    for array, gradient in pairs:
        direction = rng.normal(size=array.shape)
        assert slope(total, array, direction) == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_backward_uses_the_weights_of_its_forward():
    net = network()
    y, tape = net.forward(X)
    before = net.backward(tape, np.ones_like(y))[0].flat.copy()
    net.theta[:] = 0
    assert (net.backward(tape, np.ones_like(y))[0].flat == before).all()


def test_loss_and_grad_is_forward_and_backward():
    net, y = network(), RNG.normal(size=(5, 7, 2))
    value, gradients = net.loss_and_grad(X, y)
    out, tape = net.forward(X)
    assert value == pytest.approx(((out - y) ** 2).mean(), rel=1e-12)
    assert value == net.loss(X, y)
    again, _, _ = net.backward(tape, 2 * (out - y) / y.size)
    np.testing.assert_allclose(gradients.flat, again.flat, rtol=1e-10, atol=1e-14)
    assert list(gradients) == list(net.parameters)


def test_truncation_cuts_the_gradient_of_the_state():
    """As if the state had come into each window of k steps as a constant."""
    net = network()
    y, tape = net.forward(X)
    dy = RNG.normal(size=y.shape)
    total, state = np.zeros_like(net.theta), None
    for start in (0, 3, 6):
        window, part = net.forward(X[:, start : start + 3], state=state)
        total += net.backward(part, dy[:, start : start + 3])[0].flat
        state = part.state
        assert same(net, window, y[:, start : start + 3])
    np.testing.assert_allclose(net.backward(tape, dy, truncate=3)[0].flat, total, rtol=1e-9, atol=1e-12)
    assert abs(net.backward(tape, dy)[0].flat - total).max() > 1e-3


# --------------------------------------------------------------------------------------------- what is held


def test_parameters_are_views_and_assigning_copies_in():
    net = network()
    bias = net.parameters["head.bias"]
    net.parameters["head.bias"] = [1, 2]
    assert bias.tolist() == [1.0, 2.0]
    bias[:] = 3
    assert (net.theta[-2:] == 3).all()
    net.theta = np.zeros(net.num_parameters)
    assert not bias.any()
    assert sum(p.size for p in net.parameters.values()) == net.num_parameters == net.theta.size
    assert "weight_hh_l0  (16, 4)" in repr(net.parameters)


def test_parameters_refuse():
    net = network()
    with pytest.raises(KeyError, match=r"expected one of weight_ih_l0, .* got 'W'"):
        net.parameters["W"]
    with pytest.raises(ValueError, match=r"head.bias: expected shape \(2,\), got \(3,\)"):
        net.parameters["head.bias"] = [1, 2, 3]
    with pytest.raises(TypeError, match=r"head.bias: expected real numbers"):
        net.parameters["head.bias"] = ["a", "b"]
    with pytest.raises(ValueError, match=r"theta: expected shape \(\d+,\), got \(2,\)"):
        net.theta = np.zeros(2)


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_stand_alone(again: Any):
    net = network(skip=True, head=3)
    other = again(net)
    assert other.layers == net.layers
    assert (other.predict(X) == net.predict(X)).all()
    other.theta[:] = 0
    assert net.theta.any()


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (elman.LSTM(), "LSTM()"),
        (elman.LSTM(True), "LSTM(peepholes=True)"),
        (elman.GRU(), "GRU()"),
        (elman.GRU(False), "GRU(reset_after=False)"),
        (elman.Simple("relu", 0.1), "Simple('relu', leak=0.1)"),
        (elman.Recurrent(16), "Recurrent(16, LSTM())"),
        (elman.Recurrent(16, "gru", True), "Recurrent(16, GRU(), bidirectional=True)"),
    ],
)
def test_a_description_shows_what_differs_from_its_defaults_by_name(described: object, expected: str):
    assert repr(described) == expected


def test_repr_says_what_it_is():
    text = repr(elman.Network(3, 16, 2, output="last", seed=0))
    assert text.startswith("Network: 3 in, 2 out at the last step, 1,314 parameters, float32, ")
    assert [line.split()[0].split("(")[0] for line in text.splitlines()[1:]] == ["Recurrent", "Last", "Dense"]
    assert text.splitlines()[1].endswith("-> 16    1,280")
    assert text.splitlines()[3].endswith("-> 2     34")


def test_inputs_are_converted_but_views_are_not_copied():
    net = elman.Network(1, 4, 1, seed=0)
    series = np.sin(np.arange(50, dtype=np.float32))
    windows = np.lib.stride_tricks.sliding_window_view(series, 10)[..., None]
    batch, _ = arguments.as_batch(net.layout, net.dtype, windows)
    assert np.shares_memory(batch.x, series)
    assert batch.x.strides == windows.strides
    expected = net.predict(np.ascontiguousarray(windows))
    for same in (windows, windows.astype(np.float64), windows.astype(">f4"), windows.tolist(), windows[::-1][::-1]):
        assert (net.predict(same) == expected).all()
    assert net.predict(np.ones((2, 3, 1), int)).dtype == np.float32
    assert net.predict(np.ones((2, 3, 1), bool)).dtype == np.float32


def test_data_frames_are_arrays():
    pandas = pytest.importorskip("pandas")
    net = network()
    assert (net.predict(pandas.DataFrame(X[0], columns=list("abc"))) == net.predict(X[0])).all()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["tanh", "relu", "lstm", "gru"]), st.booleans(), st.permutations(range(5)), st.integers(1, 5))
def test_a_rows_output_never_depends_on_its_neighbours(cell: str, both: bool, order: list[int], count: int):
    net = network(cell=cell, bidirectional=both)
    rows = order[:count]
    whole = net.predict(X, lengths=LENGTHS)
    assert same(net, net.predict(X[rows], lengths=LENGTHS[rows]), whole[rows])


def test_a_users_own_activation_runs_on_the_reference_engine():
    twin = Activation("twin tanh", np.tanh, lambda a: 1 - np.tanh(a) ** 2)
    own, named = network(cell=Simple(twin)), network(cell="tanh")
    own.theta = named.theta
    assert own.engine == "reference"
    np.testing.assert_allclose(own.predict(X), named.predict(X), rtol=1e-12, atol=1e-14)
    y = np.zeros((5, 7, 2))
    np.testing.assert_allclose(own.loss_and_grad(X, y)[1].flat, named.loss_and_grad(X, y)[1].flat, atol=1e-13)


# --------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((0, 4, 1), {}, ValueError, "input_size: expected a whole number of at least 1, got 0"),
        ((1.5, 4, 1), {}, TypeError, "input_size: .* got 1.5"),
        ((1, -4, 1), {}, ValueError, "hidden_size: .* got -4"),
        ((1, (4, 0), 1), {}, ValueError, r"hidden_size\[1\]: .* got 0"),
        ((1, (), 1), {}, ValueError, "hidden_size: expected one number, or one for each"),
        (
            (1, (4, 5), 1),
            {"num_layers": 3},
            ValueError,
            r"hidden_size: .* or one for each of 3 layers",
        ),
        ((1, 4, 0), {}, ValueError, "output_size: .* got 0"),
        ((1, 4, "1"), {}, TypeError, "output_size: .* got '1'"),
        ((1, 4, 1), {"num_layers": 0}, ValueError, "num_layers: .* got 0"),
        ((1, 4, 1), {"cell": "rnn"}, ValueError, "cell: expected one of 'tanh', 'relu', 'lstm', 'gru', got 'rnn'"),
        (
            (1, 4, 1),
            {"output": "first"},
            ValueError,
            "output: .*'sequence', 'last', 'mean', 'max', 'attention', got 'first'",
        ),
        ((1, 4, 1), {"bidirectional": "yes"}, TypeError, "bidirectional: expected True or False, got 'yes'"),
        ((1, 4, 1), {"skip": 1}, TypeError, "skip: expected True or False, got 1"),
        ((1, 4, 1), {"head": (8, 0)}, ValueError, r"head\[1\]: .* got 0"),
        ((1, 4, 1), {"head": "big"}, TypeError, r"head\[0\]: .* got 'big'"),
        ((1, 4, None), {"head": (8,)}, ValueError, "head: expected none where output_size is None"),
        ((1, 4, 1), {"dtype": "float16"}, ValueError, "dtype: expected 'float32' or 'float64', got 'float16'"),
        ((1, 4, 1), {"dtype": "real"}, TypeError, "dtype: .* got 'real'"),
        ((1, 4, 1), {"dtype": None}, ValueError, "dtype: .* got None"),
    ],
)
def test_construction_refuses(args: Any, options: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        elman.Network(*args, **options)


def test_from_layers_needs_an_input_size():
    with pytest.raises(TypeError, match=r"input_size: .* got None"):
        elman.Network.from_layers([Recurrent(4)])


def spoilt(value: float, *place: int) -> np.ndarray:
    x = X.copy()
    x[place] = value
    return x


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (np.zeros((5, 7, 2)), {}, ValueError, r"x: expected shape \(B, T, 3\) or \(T, 3\), got \(5, 7, 2\)"),
        (np.zeros((7,)), {}, ValueError, r"x: expected shape .* got \(7,\)"),
        (np.zeros((2, 5, 7, 3)), {}, ValueError, r"x: expected shape .* got \(2, 5, 7, 3\)"),
        (np.zeros((0, 7, 3)), {}, ValueError, r"x: expected shape .* got \(0, 7, 3\)"),
        (np.zeros((5, 0, 3)), {}, ValueError, r"x: expected shape .* got \(5, 0, 3\)"),
        ([], {}, ValueError, r"x: expected shape .* got \(0,\)"),
        (np.zeros((5, 7, 3), complex), {}, TypeError, "x: expected real numbers, got array of .* complex128"),
        ([["a", "b", "c"]], {}, TypeError, "x: expected real numbers"),
        ([[1, 2, 3], [1, 2]], {}, ValueError, r"x: expected real numbers in rows of equal length, got \[\[1, 2, 3\]"),
        (None, {}, TypeError, "x: expected real numbers, got None"),
        (spoilt(np.nan, 3, 5, 1), {}, ValueError, "x: expected finite numbers, got nan at row 3, step 5, column 1"),
        (spoilt(-np.inf, 0, 6, 2), {}, ValueError, "x: .* got -inf at row 0, step 6, column 2"),
        (spoilt(np.nan, 2, 3, 0)[2], {}, ValueError, "x: .* got nan at step 3, column 0"),
        (spoilt(np.nan, 2, 3, 0), {"lengths": LENGTHS}, ValueError, "x: .* got nan at row 2, step 3, column 0"),
        (X, {"lengths": [7, 7, 7]}, ValueError, r"lengths: expected shape \(5,\), got \(3,\)"),
        (X, {"lengths": [7, 0, 4, 2, 7]}, ValueError, r"lengths: expected whole numbers in \[1, 7\], got 0 at row 1"),
        (X, {"lengths": [7, 1, 4, 8, 7]}, ValueError, r"lengths: .* got 8 at row 3"),
        (X, {"lengths": [7, -1, 4, 8, 7]}, ValueError, r"lengths: .* got -1 at row 1"),
        (X, {"lengths": [7.0] * 5}, TypeError, "lengths: expected whole numbers, got array"),
        (X, {"lengths": 7}, ValueError, r"lengths: expected shape \(5,\), got \(\)"),
        (X[0], {"lengths": 9}, ValueError, r"lengths: .* got 9 at row 0"),
        (X, {"state": {"h_l1": X}}, ValueError, "state: expected names among h_l0, c_l0, got 'h_l1'"),
        (
            X,
            {"state": {"h_l0": np.zeros((4, 4))}},
            ValueError,
            r"state\['h_l0'\]: .* \(5, 4\), got \(4, 4\)",
        ),
        (
            X,
            {"state": {"c_l0": np.full((5, 4), np.nan)}},
            ValueError,
            r"\['c_l0'\]: .* finite .* row 0, column 0",
        ),
        (X, {"state": np.zeros((5, 4))}, TypeError, "state: expected a mapping of names to arrays"),
        (X, {"return_state": 1}, TypeError, "return_state: expected True or False, got 1"),
    ],
)
def test_predict_refuses(x: Any, options: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        network().predict(x, **options)


def test_what_does_not_fit_float32_is_refused():
    with pytest.raises(ValueError, match="x: expected finite numbers, got inf at row 3, step 5, column 1"):
        elman.Network(3, 4, 2, seed=0).predict(spoilt(1e300, 3, 5, 1))


def test_large_finite_numbers_are_no_error():
    x = np.full((2, 3, 3), 1.7e308) * [1, 1, -1]
    with np.errstate(over="ignore"):  # inside the reference engine
        assert np.isfinite(network().predict(x)).all()


Y, CLASSES = np.zeros((5, 7, 2)), np.zeros((5, 7), int)


def changed(array: np.ndarray, value: float, *place: int) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("y", "options", "error", "message"),
    [
        (np.zeros((5, 7, 3)), {}, ValueError, r"y: expected shape \(5, 7, 2\), got \(5, 7, 3\)"),
        (np.zeros((5, 2)), {}, ValueError, r"y: expected shape \(5, 7, 2\), got \(5, 2\)"),
        (changed(Y, np.nan, 4, 6, 1), {}, ValueError, "y: expected finite numbers, got nan at row 4, step 6, column 1"),
        (Y, {"loss": "rmse"}, ValueError, "loss: expected one of .* got 'rmse'"),
        (Y, {"loss": "cross_entropy"}, TypeError, "y: expected whole numbers, the classes .* got array"),
        (CLASSES[:, 0], {"loss": "cross_entropy"}, ValueError, r"y: expected shape \(5, 7\), got \(5,\)"),
        (
            changed(CLASSES, 2, 1, 2),
            {"loss": "cross_entropy"},
            ValueError,
            r"y: .* \[0, 1\], got 2 at row 1, step 2",
        ),
        (changed(CLASSES, -1, 1, 2), {"loss": "cross_entropy"}, ValueError, r"y: .* got -1 at row 1, step 2"),
        (
            changed(Y, 1.5, 1, 2, 0),
            {"loss": "binary_cross_entropy"},
            ValueError,
            r"y: .* in \[0, 1\].* got 1.5",
        ),
        (Y, {"loss": elman.losses.Pinball((0.1, 0.5, 0.9))}, ValueError, "multiple of the 3 quantiles, got 2"),
        (Y, {"loss": "gaussian"}, ValueError, r"y: expected shape \(5, 7, 1\), got \(5, 7, 2\)"),
        (Y[:, 0], {"loss": "student_t"}, ValueError, r"y: expected shape \(5, 7, 1\), got \(5, 2\)"),
        (Y, {"sample_weight": np.zeros((5, 7))}, ValueError, "sample_weight: expected at least one weight above 0"),
        (Y, {"sample_weight": [1, 1, -1, 1, 1]}, ValueError, "sample_weight: expected numbers of at least 0, got -1.0"),
        (Y, {"sample_weight": [1, 1, np.inf, 1, 1]}, ValueError, "sample_weight: expected finite numbers, got inf"),
        (Y, {"sample_weight": [1, 1]}, ValueError, r"sample_weight: expected shape \(5, 7\) or \(5,\), got \(2,\)"),
    ],
)
def test_targets_and_weights_refuse(y: Any, options: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        network().loss_and_grad(X, y, **options)


def test_integers_out_of_range_are_refused_with_their_place():
    net = elman.Network.from_layers([Embedding(6, 3), Recurrent(4)], seed=0)
    with pytest.raises(ValueError, match=r"x: expected whole numbers in \[0, 5\], got 6 at row 1, step 2"):
        net.predict([[0, 1, 2], [3, 4, 6]])
    with pytest.raises(ValueError, match="got -1 at step 1"):
        net.predict([0, -1])
    with pytest.raises(TypeError, match=r"x: expected whole numbers .the network begins with an Embedding"):
        net.predict([[0.0, 1.0]])
    assert np.isfinite(net.predict([[0, 1, 99], [3, 4, 5]], lengths=[2, 3])).all()


def test_targets_of_one_output_may_leave_out_its_axis():
    net, y = network(3, 4, 1), RNG.normal(size=(5, 7))
    assert net.loss(X, y) == net.loss(X, y[..., None])
    assert net.loss(X[0], y[0]) == net.loss(X[:1], y[:1])
    last = network(3, 4, 1, output="last")
    assert last.loss(X, y[:, 0]) == last.loss(X, y[:, :1])
    assert last.loss(X[0], y[0, 0]) == last.loss(X[:1], y[:1, :1])


def test_a_weight_for_each_row_holds_at_each_of_its_steps():
    net, weight = network(), np.array([1.0, 0, 2, 1, 3])
    y = RNG.normal(size=(5, 7, 2))
    assert net.loss(X, y, sample_weight=weight) == net.loss(X, y, sample_weight=np.repeat(weight[:, None], 7, 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n, t, dy: n.backward(t, dy[:, :3]), ValueError, r"dy: expected shape \(5, 7, 2\), got \(5, 3, 2\)"),
        (lambda n, t, dy: n.backward("tape", dy), TypeError, "tape: expected what this network's forward returned"),
        (lambda n, t, dy: network().backward(t, dy), TypeError, "tape: expected what this network's forward returned"),
        (
            lambda n, t, dy: n.backward(t, dy, dh=dy),
            ValueError,
            r"dh: .* of shapes \[\(5, 7, 4\)\]",
        ),
        (
            lambda n, t, dy: n.backward(t, dy, dh=[dy]),
            ValueError,
            r"dh\[0\]: .* \(5, 7, 4\), got \(5, 7, 2\)",
        ),
        (lambda n, t, dy: n.backward(t, dy, dstate={"z": dy}), ValueError, "dstate: expected names among h_l0, c_l0"),
        (lambda n, t, dy: n.backward(t, dy, truncate=0), ValueError, "truncate: .* at least 1, got 0"),
    ],
)
def test_backward_refuses(call: Any, error: type[Exception], message: str):
    net = network()
    y, tape = net.forward(X)
    with pytest.raises(error, match=message):
        call(net, tape, np.ones_like(y))
