"""What training draws (dropout of each kind, zoneout, noise), learned initial states and leaks, on both engines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta, wide_enough
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elman
from elman import losses
from elman.core.layers import GRU, LSTM, Cell, Dense, Dropout, Last, Layout, Recurrent, Simple
from elman.core.requests import Engine, Key, Objective
from elman.engines.reference.random import DrawPlace, Draws

CELLS: list[Cell] = [
    Simple(noise=0.3),
    Simple("relu"),
    Simple(leak=0.3, noise=0.2),
    Simple("relu", leak=0.6),
    LSTM(),
    LSTM(peepholes=True),
    GRU(),
    GRU(reset_after=False),
    Simple("relu", noise=0.1, layer_norm=True),
    LSTM(layer_norm=True),
    GRU(layer_norm=True),
]


# ------------------------------------------------------------------------------------- the numbers


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x32-10 by its definition, one word after the other."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(q >> 32) ^ c[1] ^ k[0], q & 0xFFFFFFFF, (p >> 32) ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def test_the_generator_has_its_known_answers():
    """From the tables of its authors (Random123, kat_vectors)."""
    zeros = ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    ones = ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]
    assert [f"{word:08x}" for word in philox([0] * 4, [0] * 2)] == zeros
    assert [f"{word:08x}" for word in philox([2**32 - 1] * 4, [2**32 - 1] * 2)] == ones


@pytest.mark.parametrize("units", [1, 4, 7, 66])
def test_draws_are_the_generators_words(units: int):
    seed, update, rows = 2**40 + 5, 9, np.array([3, 1000])
    bits = Draws(seed, update, rows).bits(DrawPlace(2, 1), "zoneout_c", 4, units)
    quarter = -(-units // 4)
    for i, row in enumerate(rows):
        for unit in range(units):
            turn = unit % quarter + ((2 * 16 + 8 + 3) << 16)
            word = philox([turn, 4, int(row), update], [seed % 2**32, seed >> 32])[unit // quarter]
            assert bits[i, unit] == word >> 8


def test_normal_numbers_are_normal():
    draws, place = Draws(1, 2, np.arange(400)), DrawPlace(0, 0)
    values = draws.normal(place, "noise", 3, 500, np.dtype(float))
    assert abs(values.mean()) < 4 / math.sqrt(values.size)
    assert abs(values.std() - 1) < 4 / math.sqrt(2 * values.size)
    below = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in np.sort(values.ravel())])
    distance = np.abs(below - (np.arange(values.size) + 0.5) / values.size).max()
    assert distance < 1.95 / math.sqrt(values.size)  # Kolmogorov and Smirnov, one in a thousand
    left, right = values[:, :250].ravel(), values[:, 250:].ravel()  # the two numbers of each pair
    for power in (1, 2):
        assert abs(np.corrcoef(left**power, right**power)[0, 1]) < 4 / math.sqrt(left.size)


@pytest.mark.parametrize("units", [1, 4, 7, 66])
def test_normal_numbers_are_a_radius_and_an_angle(units: int):
    draws, place = Draws(1, 2, np.arange(3)), DrawPlace(0, 0)
    half = 2 * math.ceil(units / 4)
    bits = draws.bits(place, "noise", 3, 2 * half)
    for row, values in zip(bits, draws.normal(place, "noise", 3, units, np.dtype(float)), strict=True):
        for unit, value in enumerate(values):
            radius = math.sqrt(-2 * math.log((row[unit % half] + 1) / 2**24))
            angle = 2 * math.pi * ((row[half + unit % half] + 0.5) / 2**24 - 0.5)
            wanted = radius * (math.cos(angle) if unit < half else math.sin(angle))
            assert value == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_masks_have_mean_one(rate: float):
    mask = Draws(3, 0, np.arange(300)).mask(DrawPlace(1, 0), "dropout", 0, 300, rate, np.dtype(float))
    assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
    assert (mask == 0).mean() == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / mask.size))


# ---------------------------------------------------------------------------------- both engines


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    rates = st.sampled_from([0.0, 0.2, 0.5])
    layers: list[Any] = [Dropout(draw(rates), draw(st.booleans()))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 2))):
        cell = draw(st.sampled_from(CELLS))
        zoneout = tuple(draw(rates) for _ in cell.state_names)
        size = draw(st.sampled_from([1, 3, 8, 17]))
        layers.append(
            Recurrent(wide_enough(cell, size), cell, draw(st.booleans()), draw(rates), zoneout, draw(st.booleans()))
        )
        layers += [Dropout(draw(rates), draw(st.booleans()))] if draw(st.booleans()) else []
    layers += [Last()] if draw(st.booleans()) else []
    layers += [Dropout(draw(rates), draw(st.booleans()))] if draw(st.booleans()) else []
    return Layout([*layers, Dense(2)], draw(st.sampled_from([1, 3, 20])))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    layout=layouts(),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["float32", "float64"]),
    drawn=st.booleans(),
    ragged=st.booleans(),
    state=st.booleans(),
    truncate=st.sampled_from([None, 2]),
)
def test_engines_agree(
    layout: Layout, seed: int, dtype: str, drawn: bool, ragged: bool, state: bool, truncate: int | None
):
    rng = np.random.default_rng(seed)
    theta = draw_theta(layout, rng, dtype)
    batch = draw_batch(layout, rng, dtype, 7, 5, ragged=ragged, given=state)
    key = Key(seed, 3 * seed) if drawn else None
    dy = rng.normal(size=(7, 2) if layout.last else (7, 5, 2)).astype(dtype)
    dstate = [rng.normal(size=(7, slot.size)).astype(dtype) for slot in layout.states]
    recompute = None if layout.bidirectional else 2

    def answers(run: Engine) -> Any:
        y, final, tape = run.forward(layout, theta, batch, 3, key)
        yield "y", y
        yield from (("final", f) for f in final)
        yield from (("backward", g) for g in run.backward(layout, theta, tape, dy, None, dstate, truncate)[:2])
        for segment in (None, recompute):
            objective = Objective(losses.MSE(), 0.0, truncate, segment, 3, None if key is None else key.seed)
            value, gradient = run.loss_and_grad(layout, theta, batch, objective, 0 if key is None else key.update)
            yield "loss", value
            yield "gradient", gradient

    left, right = both()
    compare(answers(left), answers(right), dtype, (layout.layers, key))


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_gradients_are_differences(cell: Cell, run: Engine):
    """What is drawn is a function of the key, so the loss is a function of theta and its slope can be measured."""
    first, second = (
        Recurrent(wide_enough(cell, size), cell, *more) for size, *more in ((3, True, 0.4, 0.3, True), (2,))
    )
    layers = [Dropout(0.3), first, Dropout(0.2, True), second, Dense(1)]
    layout = Layout(layers, 2)
    rng = np.random.default_rng(4)
    theta = draw_theta(layout, rng, "float64")
    batch = draw_batch(layout, rng, "float64", 5, 4, ragged=True)
    objective = Objective(losses.MSE(), shard_size=2, seed=8)

    def value(at: np.ndarray) -> float:
        return run.loss_and_grad(layout, at, batch, objective, 1)[0]

    gradient = run.loss_and_grad(layout, theta, batch, objective, 1)[1]
    for i in rng.choice(layout.size, 40, replace=False):
        up, down = theta.copy(), theta.copy()
        up[i] += 1e-6
        down[i] -= 1e-6
        assert (value(up) - value(down)) / 2e-6 == pytest.approx(gradient[i], rel=1e-6, abs=2e-8)


# ------------------------------------------------------------------------------------- what it means


def network(**options: Any) -> elman.Network:
    layers = [Dropout(0.3), Recurrent(9, "gru", recurrent_dropout=0.2, zoneout=0.1, **options), Dropout(0.5, True)]
    return elman.Network.from_layers([*layers, Dense(1)], input_size=2, dtype="float64", seed=0)


def test_prediction_draws_nothing_and_a_key_always_the_same():
    net, x = network(), np.random.default_rng(0).normal(size=(6, 8, 2))
    assert (net.predict(x) == net.forward(x)[0]).all()
    first = net.forward(x, key=(1, 2))[0]
    assert (first == net.forward(x, key=(1, 2))[0]).all()
    assert np.abs(first - net.forward(x, key=(1, 3))[0]).max() > 1e-3
    assert np.abs(first - net.forward(x, key=(2, 2))[0]).max() > 1e-3
    assert np.abs(first - net.predict(x)).max() > 1e-3


def test_variational_dropout_shares_its_mask():
    net = elman.Network.from_layers([Dropout(0.5, True), Recurrent(4)], input_size=6, dtype="float64", seed=1)
    x = np.ones((3, 5, 6))
    gradient = net.backward(net.forward(x, key=(0, 0))[1], np.ones((3, 5, 4)))[1]
    assert gradient is not None
    silent = gradient == 0
    assert 0 < silent.mean() < 1
    assert (silent == silent[:, :1]).all()
    steps = elman.Network.from_layers([Dropout(0.5), Recurrent(4)], input_size=6, dtype="float64", seed=1)
    other = steps.backward(steps.forward(x, key=(0, 0))[1], np.ones((3, 5, 4)))[1]
    assert other is not None
    assert ((other == 0) != (other == 0)[:, :1]).any()


def test_zoneout_keeps_values_exactly():
    net = elman.Network.from_layers([Recurrent(50, "tanh", zoneout=0.4)], input_size=2, dtype="float64", seed=1)
    x = np.random.default_rng(0).normal(size=(20, 30, 2))
    h = net.forward(x, key=(5, 5))[0]
    kept = (h[:, 1:] == h[:, :-1]).mean()
    assert kept == pytest.approx(0.4, abs=0.02)
    smooth = net.predict(x)
    assert not (smooth[:, 1:] == smooth[:, :-1]).any()


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_a_learned_state_begins_every_way_through(cell: str):
    net = elman.Network(2, 5, 1, cell=cell, learned_state=True, dtype="float64", seed=3)
    names = net.state_names
    rng = np.random.default_rng(1)
    for name in names:
        net.parameters[f"state_{name}"][:] = rng.normal(size=5)
    x = rng.normal(size=(3, 4, 2))
    told = {name: np.tile(net.parameters[f"state_{name}"], (3, 1)) for name in names}
    expected = net.predict(x)
    assert (net.predict(x, state=told) == expected).all()
    assert np.abs(net.predict(x, state={}) - expected).max() > 1e-3
    stream = net.stream(3)
    for _ in range(2):
        streamed = np.stack([stream.step(x[:, t]) for t in range(4)], axis=1)
        np.testing.assert_allclose(streamed, expected, rtol=0 if net.engine == "native" else 1e-12)
        stream.reset()
    y = rng.normal(size=(3, 4, 1))
    gradients = net.loss_and_grad(x, y)[1]
    tape = net.forward(x, state=told)[1]
    dstate = net.backward(tape, 2 * (tape.engine.forward(net.layout, net.theta, net._batch(x)[0], 16)[0] - y) / 12)[2]  # pyright: ignore[reportPrivateUsage]
    for name in names:
        np.testing.assert_allclose(gradients[f"state_{name}"], dstate[name].sum(axis=0), rtol=1e-10)
    assert np.abs(net.loss_and_grad(x, y, state=told)[1][f"state_{names[0]}"]).max() == 0


def test_the_leak_integrates():
    """With a leak of 1 the plain cell; with a small one h moves slowly towards act(a)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7, 2))
    plain = elman.Network(2, 4, None, cell="tanh", dtype="float64", seed=0)
    leaky = elman.Network(2, 4, None, cell=Simple(leak=(1.0, 1.0, 0.1, 0.5)), dtype="float64", seed=0)
    leaky.parameters["weight_ih_l0"] = plain.parameters["weight_ih_l0"]
    leaky.parameters["weight_hh_l0"] = np.zeros((4, 4))
    plain.parameters["weight_hh_l0"] = np.zeros((4, 4))
    s, h = plain.predict(x), leaky.predict(x)
    np.testing.assert_allclose(h[..., :2], s[..., :2], rtol=1e-12)
    before = np.concatenate([np.zeros((3, 1, 4)), h[:, :-1]], axis=1)
    np.testing.assert_allclose(h[..., 2], 0.9 * before[..., 2] + 0.1 * s[..., 2], rtol=1e-12)


def test_training_draws_by_seed_and_update():
    x, y = np.random.default_rng(0).normal(size=(12, 6, 2)), np.zeros((12, 6, 1))
    net = network()
    trainer = elman.Trainer(net, optimizer=elman.optim.SGD(0.0), seed=7)
    found = [trainer.update(x, y) for _ in range(3)]
    assert found == [net.loss_and_grad(x, y, key=(7, update))[0] for update in range(3)]
    assert len(set(found)) == 3


def test_the_same_bits_on_two_threads():
    x, y = np.random.default_rng(0).normal(size=(70, 6, 2)), np.zeros((70, 6, 1))
    found: list[np.ndarray] = []
    for threads in (1, 2):
        elman.set_num_threads(threads)
        net = network(learned_state=True)
        elman.Trainer(net, seed=7).fit(x, y, epochs=3, progress=False)
        found.append(net.theta)
    elman.set_num_threads(1)
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dropout(1.0), r"rate: expected a number in \[0, 1\), got 1.0"),
        (lambda: Dropout(-0.1), "rate: .* got -0.1"),
        (lambda: Recurrent(3, recurrent_dropout=1), "recurrent_dropout: .* got 1"),
        (lambda: Recurrent(3, zoneout=(0.1, 1.0)), "zoneout: .* got 1.0"),
        (lambda: Recurrent(3, "gru", zoneout=(0.1, 0.2)), r"zoneout: expected one number, or one for each of h, got"),
        (lambda: Simple(leak=0.0), r"leak: expected a finite number in \(0.0, 1.0\], got 0.0"),
        (lambda: Simple(leak=1.5), "leak: .* got 1.5"),
        (lambda: Simple(noise=-1), "noise: .* got -1"),
        (lambda: Simple(learn_leak=True), "learn_leak: expected a leak to begin with"),
        (lambda: elman.Network(1, 3, 1, cell=Simple(leak=(0.1, 0.2))), "leak: expected one for each of 3 units, got 2"),
        (lambda: Simple(leak=0.5, layer_norm=True), "layer_norm: expected False with a leak"),
        (lambda: LSTM(peepholes=True, layer_norm=True), "layer_norm: expected False with peepholes"),
        (lambda: GRU(reset_after=False, layer_norm=True), "layer_norm: expected False with reset_after=False"),
        (lambda: elman.Network(1, 3, 1, dropout=1.0), "rate: .* got 1.0"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make()


def test_keys_are_checked():
    net = network()
    with pytest.raises(TypeError, match=r"key: expected \(seed, update\), got 3"):
        net.forward(np.zeros((1, 2, 2)), key=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"key\[1\]: .* got -1"):
        net.forward(np.zeros((1, 2, 2)), key=(0, -1))


def test_files_keep_the_options(tmp_path: Any):
    cell = Simple("relu", leak=np.array([0.1, 0.2, 0.3]), noise=np.float32(0.125))  # type: ignore[arg-type]
    layers = [
        Dropout(np.float64(0.1)),
        Recurrent(np.int64(3), cell, zoneout=(0.2,), recurrent_dropout=0.3, learned_state=True),
        Dense(1),
    ]
    net = elman.Network.from_layers(layers, input_size=2, seed=0)
    np.testing.assert_array_equal(net.parameters["leak_l0"], np.float32([0.1, 0.2, 0.3]))
    net.save(tmp_path / "net.safetensors")
    again = elman.load(tmp_path / "net.safetensors")
    assert again.layers == net.layers
    assert (again.theta == net.theta).all()
