"""Groups with rates of their own, frozen parameters, masks and signs; weight decay that skips biases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta

import elman
from elman import losses, optim
from elman.core.layers import LSTM, Dense, Layout, Recurrent, Simple
from elman.core.requests import Constraints, Engine, Objective, Records, UpdateRule

RNG = np.random.default_rng
X, Y = RNG(0).normal(size=(12, 7, 3)), RNG(1).normal(size=(12, 7, 2))
OPTIMISERS = [optim.SGD(0.1, momentum=0.9), optim.AdamW(0.05, eps=1e-3, weight_decay=0.2), optim.RMSprop(0.01)]


def network(cell: Any = "tanh", **options: Any) -> elman.Network:
    return elman.Network(3, 6, 2, cell=cell, dtype="float64", seed=0, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMISERS, ids=lambda o: o.kind)
def test_engines_agree(optimizer: optim.Optimizer, dtype: str) -> None:
    reference, native = both()
    layout = Layout([Recurrent(5, LSTM()), Dense(2)], 3)
    rng = RNG(3)
    theta, batch = draw_theta(layout, rng, dtype), draw_batch(layout, rng, dtype, 9, 6)
    names = {p.name: p for p in layout.parameters}
    starts = np.array(
        [0, names["weight_hh_l0"].offset, names["bias_l0"].offset, names["head.bias"].offset, layout.size]
    )
    lower, upper = np.full(layout.size, -np.inf, dtype), np.full(layout.size, np.inf, dtype)
    lower[10:30], upper[20:40] = 0, 0
    constraints = Constraints(starts, np.array([1.0, 0.3, 0.0, 2.0]), np.array([1, 0, 1, 1], np.uint8), lower, upper)
    records = Records(np.arange(9), np.array([0, 4, 9]), np.array([0.1, 0.05]))

    def answers(run: Engine) -> Any:
        mine, slots = theta.copy(), [np.zeros_like(theta) for _ in optimizer.slots]
        objective, rule = Objective(losses.MSE(), shard_size=4), UpdateRule(optimizer, 0.7, None, constraints)
        found = run.update(layout, mine, batch, objective, rule, slots, 3, records)
        assert (mine[starts[2] : starts[3]] == theta[starts[2] : starts[3]]).all()
        assert (mine[20:30] == 0).all()
        assert (mine[10:30] >= 0).all()
        assert (mine[20:40] <= 0).all()
        yield from (("loss", found[0]), ("norm", found[1]), ("theta", mine))
        yield from (("slot", slot) for slot in slots)

    compare(answers(reference), answers(native), dtype, optimizer)


def test_groups_are_optimisers_of_their_own() -> None:
    """The head at half of the rate: what two trainings, each with one part frozen, would do in one step."""
    net, head, rest = network(), network(), network()
    elman.Trainer(net, optimizer=optim.Adam(0.1), rates={"head.*": 0.5}).update(X, Y)
    elman.Trainer(head, optimizer=optim.Adam(0.05), frozen=["*_l0"]).update(X, Y)
    elman.Trainer(rest, optimizer=optim.Adam(0.1), frozen=["head.*"]).update(X, Y)
    for name, value in net.parameters.items():
        other = head if name.startswith("head") else rest
        np.testing.assert_array_equal(value, other.parameters[name])


def test_what_is_frozen_stays_and_is_no_part_of_the_norm() -> None:
    net = network("lstm")
    before = net.theta.copy()
    trainer = elman.Trainer(net, frozen=["weight_hh_l0", "head.*"])
    gradients = net.loss_and_grad(X, Y)[1]
    trainer.update(X, Y)
    free = [
        gradients[name].ravel() for name in net.parameters if name not in ("weight_hh_l0", "head.weight", "head.bias")
    ]
    assert trainer.history.gradient_norm[0] == pytest.approx(np.linalg.norm(np.concatenate(free)), rel=1e-12)
    trainer.fit(X, Y, epochs=3, progress=False)
    for name, value in net.parameters.items():
        same = (value.ravel() == elman.Network.from_theta(net.layout, before).parameters[name].ravel()).all()
        assert same == (name in ("weight_hh_l0", "head.weight", "head.bias")), name


@pytest.mark.parametrize("optimizer", OPTIMISERS, ids=lambda o: o.kind)
def test_masked_weights_stay_zero(optimizer: optim.Optimizer) -> None:
    net = network()
    mask = RNG(5).random((6, 6)) < 0.4
    trainer = elman.Trainer(net, optimizer=optimizer, masks={"weight_hh_l0": mask})
    assert (net.parameters["weight_hh_l0"][~mask] == 0).all()
    trainer.fit(X, Y, epochs=4, progress=False)
    assert (net.parameters["weight_hh_l0"][~mask] == 0).all()
    assert (net.parameters["weight_hh_l0"][mask] != 0).all()


def test_units_stay_excitatory_or_inhibitory() -> None:
    net = network("relu")
    signs = np.array([1, 1, 1, 1, -1, 0])
    seen: list[np.ndarray] = []
    trainer = elman.Trainer(net, optimizer=optim.SGD(0.5), signs={"weight_hh_l0": signs}, clip_norm=1.0)
    trainer.fit(
        X, Y, epochs=5, progress=False, callback=lambda t: seen.append(t.network.parameters["weight_hh_l0"].copy())
    )
    for weights in seen:
        assert (weights[:, :4] >= 0).all()
        assert (weights[:, 4] <= 0).all()
    assert (seen[-1][:, 5] > 0).any()
    assert (seen[-1][:, 5] < 0).any()


@pytest.mark.parametrize("decay_all", [False, True])
def test_weight_decay_skips_biases(decay_all: bool) -> None:
    """With a gradient of 0 only decay is left."""
    net = network("lstm")
    net.theta[:] = 1.0
    trainer = elman.Trainer(net, optimizer=optim.AdamW(0.1, weight_decay=0.5, decay_all=decay_all))
    trainer.update(np.zeros((1, 1, 3)), net.predict(np.zeros((1, 1, 3))))
    for name, value in net.parameters.items():
        assert value.ravel()[0] == pytest.approx(0.95 if decay_all or "weight" in name else 1.0), name


def test_an_optimiser_that_comes_later_has_the_same_rules() -> None:
    net = network("lstm")
    net.theta[:] = 1.0
    trainer = elman.Trainer(net, optimizer=optim.AdamW(0.1, weight_decay=0.0), frozen=["head.*"])
    trainer.optimizer = optim.AdamW(0.1, weight_decay=0.5)
    trainer.update(np.zeros((1, 1, 3)), net.predict(np.zeros((1, 1, 3))))
    assert net.parameters["weight_hh_l0"][0, 0] == pytest.approx(0.95)
    assert (net.parameters["bias_l0"] == 1).all()
    assert (net.parameters["head.weight"] == 1).all()


def test_a_fixed_leak_stays_and_a_learned_one_is_a_share() -> None:
    fixed, learned = network(Simple(leak=0.3)), network(Simple(leak=0.9, learn_leak=True))
    for net in (fixed, learned):
        elman.Trainer(net, optimizer=optim.SGD(3.0), clip_norm=1.0).fit(X, Y, epochs=6, progress=False)
    assert (fixed.parameters["leak_l0"] == 0.3).all()
    leak = learned.parameters["leak_l0"]
    assert (leak != 0.9).all()
    assert ((leak >= 0) & (leak <= 1)).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"frozen": "head"}, TypeError, "frozen: expected a list of names, got 'head'"),
        ({"frozen": None}, TypeError, "frozen: expected a list of names, got None"),
        ({"frozen": ["heads"]}, ValueError, "frozen: expected a name or pattern among weight_ih_l0, .*, got 'heads'"),
        ({"rates": {"head.*": -1}}, ValueError, r"rates\['head.\*'\]: .* got -1"),
        ({"rates": ["head"]}, TypeError, "rates: expected a mapping from names of parameters"),
        ({"masks": {"weight_hh_l0": np.ones((2, 2))}}, ValueError, r"masks\['weight_hh_l0'\]: expected shape \(6, 6\)"),
        ({"masks": {"bias_l0": np.full(6, 0.5)}}, ValueError, r"expected 0, 1 alone, got 0.5 at \(0,\)"),
        ({"signs": {"weight_hh_l0": np.full(6, 2)}}, ValueError, r"expected -1, 0, 1 alone, got 2.0 at \(0,\)"),
        ({"signs": {"weight_hh_l0": np.ones(5)}}, ValueError, r"expected shape \(6,\) or \(6, 6\), got \(5,\)"),
        (
            {"signs": {"weight_h*": np.ones(6), "weight_hh_l0": np.array([0, 0, -1, 0, 0, 0])}},
            ValueError,
            "the sign that another pattern gives column 2 of weight_hh_l0, got the other",
        ),
        ({"seed": 2**64}, ValueError, "seed: expected a whole number in"),
    ],
)
def test_rules_that_fit_nothing_are_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        elman.Trainer(network(), **options)


def test_signs_may_be_a_matrix_of_their_own():
    """Each entry keeps its own sign, and those under 0 are free."""
    net = elman.Network(2, 6, 1, cell="tanh", seed=0)
    signs = np.random.default_rng(0).integers(-1, 2, (6, 6))
    trainer = elman.Trainer(net, optimizer=optim.SGD(0.5), signs={"weight_hh_l0": signs})
    x, y = np.random.default_rng(1).normal(size=(8, 5, 2)), np.ones((8, 5, 1))
    free = net.parameters["weight_hh_l0"][signs == 0].copy()
    for _ in range(20):
        trainer.update(x, y)
        weights = net.parameters["weight_hh_l0"]
        assert (weights * signs >= 0).all()
    assert (weights[signs == 0] != free).all()
    assert (weights[signs != 0] != 0).any()
    with pytest.raises(ValueError, match=r"signs\['weight_hh_l0'\]: expected shape \(6,\) or \(6, 6\), got \(6, 5\)"):
        elman.Trainer(net, signs={"weight_hh_l0": np.ones((6, 5))})
    with pytest.raises(ValueError, match=r"gives the entry \(0, 0\) of weight_hh_l0, got the other"):
        elman.Trainer(net, signs={"weight_h*": np.ones(6), "weight_hh_l0": -np.eye(6)})
