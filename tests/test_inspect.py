"""Fixed points: against bisection and closed forms, Jacobians against finite differences and the textbook's formula."""

from __future__ import annotations

import re
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman import inspect, plots
from elman.network.inspect import search
from elman.plots import figure

CELLS = ["tanh", "relu", "gru", "lstm", elman.GRU(reset_after=False), elman.LSTM(peepholes=True)]
CELLS.append(elman.Simple("tanh", leak=(0.2, 0.4, 0.6, 0.8), noise=0.1))


def one_unit(weight: float, bias: float = 0.0) -> elman.Network:
    """h <- tanh(weight h + bias + x)."""
    network = elman.Network(1, 1, None, cell="tanh", dtype="float64", seed=0)
    network.parameters["weight_ih_l0"] = [[1.0]]
    network.parameters["weight_hh_l0"] = [[weight]]
    network.parameters["bias_l0"] = [bias]
    return network


def roots(weight: float, drive: float) -> list[float]:
    """All h with tanh(weight h + drive) = h: bisection between the extrema of the difference."""

    def difference(h: float) -> float:
        return float(np.tanh(weight * h + drive) - h)

    cuts = [-1.0, 1.0]
    if weight > 1:
        turn = np.arctanh(np.sqrt(1 - 1 / weight))
        cuts[1:1] = sorted([(-turn - drive) / weight, (turn - drive) / weight])
    found = []
    for low, high in pairwise(cuts):
        if difference(low) * difference(high) < 0:
            for _ in range(200):
                middle = (low + high) / 2
                low, high = (middle, high) if difference(low) * difference(middle) > 0 else (low, middle)
            found.append((low + high) / 2)
    return found


def random_network(cell: object, seed: int = 0, layers: int = 1, scale: float = 0.6) -> elman.Network:
    network = elman.Network(2, 4, 1, cell=cell, num_layers=layers, dtype="float64", seed=0)  # type: ignore[arg-type]
    network.theta = scale * np.random.default_rng(seed).normal(size=network.num_parameters)
    return network


# ------------------------------------------------------------------------------------- fixed points


@pytest.mark.parametrize(("weight", "drive", "count"), [(0.5, 0.3, 1), (2.0, 0.0, 3), (2.0, 0.2, 3), (2.0, 0.6, 1)])
def test_one_unit_has_the_fixed_points_that_bisection_finds(weight: float, drive: float, count: int):
    found = inspect.fixed_points(one_unit(weight), [drive], slow=0.0, tolerance=1e-13)
    expected = roots(weight, drive)
    assert len(expected) == count
    assert np.sort(found.states[:, 0]) == pytest.approx(expected, abs=1e-12)
    for point in found:
        slope = weight * (1 - point.state[0] ** 2)
        assert point.eigenvalues == pytest.approx([slope], abs=1e-12)
        assert (point.kind, point.unstable) == (("unstable", 1) if slope > 1 else ("stable", 0))
        assert point.fixed
        assert point.speed <= 1e-13
    assert [point.unstable for point in found] == sorted(point.unstable for point in found)
    assert sum(point.starts for point in found) + found.lost == 200


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 4.0), st.floats(-1.0, 1.0))
def test_one_unit_at_any_weight(weight: float, drive: float):
    turn = np.sqrt(max(1 - 1 / weight, 0))
    fold = abs(np.arctanh(turn) - weight * turn)  # |drive| at which two of three fixed points meet and vanish
    if abs(abs(drive) - fold) < 1e-2 or abs(weight - 1) < 1e-2:
        return
    found = inspect.fixed_points(one_unit(weight), [drive], starts=np.linspace(-1, 1, 41)[:, None], slow=0.0)
    assert np.sort(found.states[:, 0]) == pytest.approx(roots(weight, drive), abs=1e-6)


def test_past_the_fold_a_slow_point_remains():
    """tanh(w h + d) - h has its extremum where w (1 - tanh^2) = 1; there the speed is smallest, and the slope 1."""
    weight = 1.2
    turn = np.sqrt(1 - 1 / weight)
    drive = 0.005 + weight * turn - np.arctanh(turn)  # the fixed points near -turn are just gone
    found = inspect.fixed_points(one_unit(weight), [drive], n=50)
    (point,) = [p for p in found if not p.fixed]
    place = (-np.arctanh(turn) - drive) / weight
    assert point.state[0] == pytest.approx(place, abs=1e-4)
    assert point.speed == pytest.approx(abs(np.tanh(weight * place + drive) - place), abs=1e-8)
    assert 1e-9 < point.speed < 1e-2
    assert point.eigenvalues[0] == pytest.approx(1.0, abs=1e-4)
    assert "1 fixed, 1 slow" in repr(found)
    assert all(p.fixed for p in inspect.fixed_points(one_unit(weight), [drive], n=50, slow=point.speed / 2))


def test_a_flip_flop_of_two_units():
    """Two units that excite themselves, uncoupled: the product of two sets of three, nine fixed points."""
    network = elman.Network(1, 2, None, cell="tanh", dtype="float64", seed=0)
    network.parameters["weight_ih_l0"] = np.zeros((2, 1))
    network.parameters["weight_hh_l0"] = np.diag([2.0, 3.0])
    network.parameters["bias_l0"] = np.zeros(2)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 2), axis=-1).reshape(-1, 2)
    found = inspect.fixed_points(network, [0.0], starts=grid, slow=0.0)
    expected = {(round(a, 9), round(b, 9)) for a in roots(2.0, 0.0) for b in roots(3.0, 0.0)}
    assert {tuple(np.round(p.state, 9) + 0.0) for p in found} == {(a + 0.0, b + 0.0) for a, b in expected}
    assert [p.kind for p in found] == ["stable"] * 4 + ["saddle"] * 4 + ["unstable"]
    assert [p.unstable for p in found] == [0] * 4 + [1] * 4 + [2]


def test_a_rotation_has_its_complex_eigenvalues():
    network = elman.Network(1, 2, None, cell="tanh", dtype="float64", seed=0)
    angle, gain = 0.7, 1.1
    network.parameters["weight_ih_l0"] = np.zeros((2, 1))
    network.parameters["weight_hh_l0"] = gain * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    network.parameters["bias_l0"] = np.zeros(2)
    (point,) = inspect.fixed_points(network, [0.0], n=20, slow=0.0)
    assert point.state == pytest.approx(np.zeros(2), abs=1e-8)
    assert sorted(point.eigenvalues, key=np.imag) == pytest.approx(
        [gain * np.exp(-1j * angle), gain * np.exp(1j * angle)]
    )
    assert point.kind == "unstable"


@pytest.mark.parametrize("cell", CELLS, ids=repr)
@pytest.mark.parametrize("layers", [1, 2])
def test_the_network_itself_rests_at_what_is_found(cell: object, layers: int):
    network = random_network(cell, seed=4, layers=layers, scale=0.4)
    x = np.array([0.5, -0.3])
    found = inspect.fixed_points(network, x, n=12)
    points = [p for p in found if p.fixed]
    assert points
    steps = np.broadcast_to(x, (len(found), 3, 2))
    _, after = network.predict(steps, state=found.named(), return_state=True)
    kept = np.array([p.fixed for p in found])
    for name, start in found.named().items():
        assert after[name][kept] == pytest.approx(start[kept], abs=1e-7)


def test_a_float32_network_is_measured_in_float64():
    network = random_network("gru", scale=0.4)
    short = elman.Network.from_theta(network.layout, network.theta.astype(np.float32))
    found = inspect.fixed_points(short, [0.1, 0.2], n=10)
    assert found.states.dtype == np.float64
    assert found[0].speed <= 1e-9
    assert found.states == pytest.approx(inspect.fixed_points(network, [0.1, 0.2], n=10).states, abs=1e-5)


def test_a_network_of_words_takes_a_whole_number():
    layers = [elman.Embedding(5, 3), elman.Recurrent(4, "gru"), elman.Dense(1)]
    network = elman.Network.from_layers(layers, dtype="float64", seed=1)
    found = inspect.fixed_points(network, 2, n=5)
    assert found[0].fixed
    assert inspect.step(network, 2, found.states) == pytest.approx(found.states, abs=1e-8)
    assert inspect.fixed_points(network, 2, data=np.array([[0, 1, 2], [3, 4, 0]]), n=5)[0].fixed
    with pytest.raises(ValueError, match="x: expected a whole number"):
        inspect.fixed_points(network, [2])


def test_a_line_of_fixed_points_stays_a_line():
    """relu with the identity and no input keeps every non-negative state: each start is its own fixed point."""
    network = elman.Network(1, 2, None, cell="relu", dtype="float64", seed=0)
    network.parameters["bias_l0"] = np.zeros(2)
    starts = np.random.default_rng(0).uniform(0.1, 1, (7, 2))
    found = inspect.fixed_points(network, [0.0], starts=starts)
    assert len(found) == 7
    assert sorted(map(tuple, found.states)) == sorted(map(tuple, starts))
    assert [p.kind for p in found] == ["stable"] * 7


def test_nothing_found_is_said():
    """relu(h + 1) has no fixed point: its speed is 1 everywhere."""
    network = elman.Network(1, 1, None, cell="relu", dtype="float64", seed=0)
    network.parameters["weight_ih_l0"] = [[1.0]]
    found = inspect.fixed_points(network, [1.0], n=9)
    assert (len(found), found.lost, found.states.shape) == (0, 9, (0, 1))
    assert found.named()["h_l0"].shape == (0, 1)
    assert repr(found) == "FixedPoints: 0 fixed, 0 slow; 9 starts lost"


# ----------------------------------------------------------------------------------------- the starts


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_starts_are_states_that_the_data_visit(cell: str, monkeypatch: pytest.MonkeyPatch):
    network = random_network(cell)
    data = np.random.default_rng(0).normal(size=(3, 6, 2))
    lengths = np.array([6, 2, 4])
    seen: list[np.ndarray] = []
    descend = search.descend
    monkeypatch.setattr(search, "descend", lambda flow, starts, *a: (seen.append(starts), descend(flow, starts, *a))[1])
    inspect.fixed_points(network, [0.0, 0.0], data=data, lengths=lengths, n=12)
    visited = set()
    for row, length in zip(data, lengths, strict=True):
        for t in range(length):
            state = network.predict(row[: t + 1], return_state=True)[1]
            visited.add(tuple(np.round(np.concatenate([a[0] for a in state.values()]), 12)))
    assert {tuple(np.round(s, 12)) for s in seen[0]} == visited  # 12 of 12 drawn, each once


def test_starts_by_name_and_the_same_seed_the_same_points():
    network = random_network("lstm")
    h = np.random.default_rng(0).normal(size=(6, 4))
    named = inspect.fixed_points(network, [0.1, 0.0], starts={"h_l0": h})
    plain = inspect.fixed_points(network, [0.1, 0.0], starts=np.hstack([h, np.zeros((6, 4))]))
    assert np.array_equal(named.states, plain.states)
    drawn = [inspect.fixed_points(network, [0.1, 0.0], n=8, seed=s).states for s in (3, 3)]
    assert np.array_equal(*drawn)


# ------------------------------------------------------------------------------------------ Jacobians


@pytest.mark.parametrize("cell", CELLS, ids=repr)
@pytest.mark.parametrize("layers", [1, 2])
def test_jacobians_agree_with_finite_differences(cell: object, layers: int):
    network = random_network(cell, layers=layers)
    x, rng = np.array([0.3, -0.8]), np.random.default_rng(1)
    size = sum(slot.size for slot in network.layout.states)
    states = rng.normal(size=(3, size))
    found = inspect.jacobian(network, x, states)
    assert found.shape == (3, size, size)
    for k in range(size):
        nudge = 1e-6 * np.eye(size)[k]
        slope = (inspect.step(network, x, states + nudge) - inspect.step(network, x, states - nudge)) / 2e-6
        assert found[:, :, k] == pytest.approx(slope, abs=1e-8)
    assert inspect.jacobian(network, x, states[1]) == pytest.approx(found[1], abs=1e-12)
    assert inspect.step(network, x, states[1]) == pytest.approx(inspect.step(network, x, states)[1], abs=1e-12)


def test_the_tanh_cells_jacobian_is_the_textbooks():
    """h' = tanh(W_ih x + W_hh h + b): J = diag(1 - h'^2) W_hh; at a fixed point h' = h."""
    network = random_network("tanh")
    w_ih, w_hh, b = (network.parameters[name] for name in ("weight_ih_l0", "weight_hh_l0", "bias_l0"))
    x, h = np.array([0.2, 0.1]), np.random.default_rng(2).normal(size=4)
    after = np.tanh(w_ih @ x + w_hh @ h + b)
    assert inspect.step(network, x, h) == pytest.approx(after)
    assert inspect.jacobian(network, x, h) == pytest.approx(np.diag(1 - after**2) @ w_hh)
    for point in inspect.fixed_points(network, x, n=20, slow=0.0):
        explicit = np.linalg.eigvals(np.diag(1 - point.state**2) @ w_hh)
        assert np.sort_complex(point.eigenvalues) == pytest.approx(np.sort_complex(explicit), abs=1e-6)
        assert point.unstable == (np.abs(explicit) > 1).sum()


def test_the_state_of_a_stack_is_joined_in_the_order_of_its_names():
    network = random_network("lstm", layers=2)
    assert network.state_names == ("h_l0", "c_l0", "h_l1", "c_l1")
    rng = np.random.default_rng(0)
    state = {name: rng.normal(size=(2, 4)) for name in network.state_names}
    rows = inspect.joined(network, state)
    assert np.array_equal(rows, np.hstack(list(state.values())))
    _, after = network.predict(np.full((2, 1, 2), 0.5), state=state, return_state=True)
    assert inspect.step(network, [0.5, 0.5], rows) == pytest.approx(inspect.joined(network, after))


# ------------------------------------------------------------------------------------ wrong arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": [0.0]}, r"x: expected shape"),
        ({"x": [[0.0, 1.0]]}, r"x: expected shape \(2,\)"),
        ({"x": [0.0, np.nan]}, r"x: expected finite numbers"),
        ({"starts": np.zeros((3, 5))}, r"states: expected shape"),
        ({"starts": np.full((3, 4), np.inf)}, r"states: expected finite"),
        ({"starts": {"h": np.zeros((3, 4))}}, r"expected names among h_l0"),
        ({"starts": {}}, r"state: expected arrays with one number of rows"),
        ({"starts": np.zeros((3, 4)), "data": np.zeros((1, 2, 2))}, r"starts: expected None where data"),
        ({"lengths": [1]}, r"lengths: expected None without data"),
        ({"data": np.zeros((1, 2, 3))}, r"x: expected shape"),
        ({"n": 0}, r"n: expected"),
        ({"tolerance": -1.0}, r"tolerance: expected"),
        ({"slow": np.nan}, r"slow: expected"),
        ({"distance": -1}, r"distance: expected"),
        ({"iterations": 0}, r"iterations: expected"),
        ({"seed": -1}, r"seed: expected"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        inspect.fixed_points(random_network("tanh"), **{"x": [0.0, 0.0], **options})  # type: ignore[arg-type]


def test_networks_without_a_next_step_are_refused():
    network = elman.Network(1, 2, 1, bidirectional=True, seed=0)
    with pytest.raises(ValueError, match="one direction"):
        inspect.fixed_points(network, [0.0])
    with pytest.raises(TypeError, match=r"network: expected an elman\.Network"):
        inspect.fixed_points("network", [0.0])  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------- the picture


def drawn(monkeypatch: pytest.MonkeyPatch, path: Path, *args: object, **options: object):
    """The axes of the picture and its legend."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), Path(path).touch()))
    plots.fixed_points_plot(*args, path, **options)  # type: ignore[arg-type]
    return kept[0].axes[0], [text.get_text() for text in kept[0].legends[0].get_texts()]


def test_a_picture_shows_stable_points_filled_and_saddles_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = elman.Network(1, 3, None, cell="tanh", dtype="float64", seed=0)
    network.parameters["weight_ih_l0"] = np.zeros((3, 1))
    network.parameters["weight_hh_l0"] = np.diag([3.0, 0.5, 0.1])
    network.parameters["bias_l0"] = np.zeros(3)
    found = inspect.fixed_points(network, [0.0], slow=0.0)
    assert [p.kind for p in found] == ["stable", "stable", "saddle"]
    ways = np.random.default_rng(0).normal(size=(4, 5, 3)) * [3.0, 1.0, 0.1]
    groups = np.array([1, 0, 1, 0])
    axes, legend = drawn(monkeypatch, tmp_path / "a.png", found, trajectories=ways, groups=groups, labels={1: "yes"})
    assert legend == ["0", "yes", "start", "stable (2)", "saddle (1)"]
    *lines, starts, stable, growing, saddle = axes.lines
    assert len(lines) == 4
    # the components are the trajectories' own: their projections' variances are the largest eigenvalues
    cloud = ways.reshape(-1, 3)
    shares = np.linalg.eigvalsh(np.cov(cloud.T))[::-1]
    ends = np.concatenate([line.get_xydata() for line in lines])
    assert np.sort(ends.var(axis=0, ddof=1))[::-1] == pytest.approx(shares[:2])
    assert f"{shares[0] / shares.sum():.0%}" in axes.get_xlabel()
    firsts = sorted(tuple(line.get_xydata()[0]) for line in lines)
    assert sorted(map(tuple, starts.get_xydata())) == firsts
    assert stable.get_markerfacecolor() == figure.INK
    assert saddle.get_markerfacecolor() == "white"
    # the middle of two symmetric stable points is the saddle, and its line points at them
    assert stable.get_xydata().mean(axis=0) == pytest.approx(saddle.get_xydata()[0], abs=1e-6)
    toward, along = np.diff(stable.get_xydata(), axis=0)[0], np.diff(growing.get_xydata(), axis=0)[0]
    assert abs(toward @ along) == pytest.approx(np.linalg.norm(toward) * np.linalg.norm(along))


def test_a_picture_of_the_points_alone_and_of_one_unit(tmp_path: Path):
    pytest.importorskip("matplotlib")
    found = inspect.fixed_points(one_unit(2.0), [0.0])
    path = plots.fixed_points_plot(found, tmp_path / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm"])
@pytest.mark.parametrize("x", [np.ones((4, 5, 1)), np.ones((5, 1))], ids=["batch", "one"])
def test_a_picture_takes_what_hidden_returns(cell: str, x: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = elman.Network(1, 3, 1, cell=cell, num_layers=2, dtype="float64", seed=0)
    found = inspect.fixed_points(network, [0.0], n=5)
    axes, legend = drawn(monkeypatch, tmp_path / "a.png", found, trajectories=network.hidden(x))
    # every place is that of h in the components, also where the states hold c
    kept = [name.startswith("h") for name, size in found.slots for _ in range(size)]
    cloud = np.concatenate(network.hidden(x), axis=-1).reshape(-1, 6)
    directions = np.linalg.svd(cloud - cloud.mean(axis=0))[2][:2]
    expected = np.abs((found.states[:, kept] - cloud.mean(axis=0)) @ directions.T)
    drawn_places = np.concatenate([line.get_xydata() for line in axes.lines if line.get_label() in legend[2:]])
    assert np.sort(np.abs(drawn_places), axis=0) == pytest.approx(np.sort(expected, axis=0))


def test_a_picture_of_wrong_arrays_is_refused(tmp_path: Path):
    found = inspect.fixed_points(one_unit(2.0), [0.0])
    with pytest.raises(ValueError, match=r"trajectories: expected shape \(B, T, 1\), got \(2, 3, 2\)"):
        plots.fixed_points_plot(found, tmp_path / "a.png", trajectories=np.zeros((2, 3, 2)))
    wide = elman.Network(1, 2, None, cell="lstm", seed=0)
    points = inspect.fixed_points(wide, [0.0], n=2)
    with pytest.raises(ValueError, match=r"expected shape \(B, T, 4\), or \(B, T, 2\) of h alone, got \(2, 3, 1\)"):
        plots.fixed_points_plot(points, tmp_path / "a.png", trajectories=np.zeros((2, 3, 1)))
    with pytest.raises(ValueError, match=r"groups: expected shape \(2,\), got \(3,\)"):
        plots.fixed_points_plot(found, tmp_path / "a.png", trajectories=np.zeros((2, 3, 1)), groups=np.zeros(3))
    network = elman.Network(1, 1, None, cell="relu", dtype="float64", seed=0)
    network.parameters["weight_ih_l0"] = [[1.0]]
    with pytest.raises(ValueError, match="points: expected at least one"):
        plots.fixed_points_plot(inspect.fixed_points(network, [1.0], n=2), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(elman.Network(1, 1, 1, seed=0).engine == "reference", reason="trains for a minute there")
def test_the_example_finds_the_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parents[1] / "examples" / "fixed_points.py"), run_name="__main__")
    assert (tmp_path / "fixed_points.png").read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    loss, memoryless = (float(number) for number in re.findall(r"(?:loss|memory) ([\d.]+)", out))
    assert loss < 0.7 * memoryless
    assert len(re.findall(r"fixed  stable", out)) >= 1
