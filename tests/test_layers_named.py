"""Layers that name what they read: several sequences, each with its own lengths, states from elsewhere, targets as an
input, a memory read inside the recurrence, and a loss with one ragged target a row. The layer, the cell and the loss of
this file are no part of elman: they show that the registries carry them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import elman
from elman.core.layers import LAYERS, CustomCell, Input, Layer, Layout, Node, Signal
from elman.core.losses import LOSSES, Loss
from elman.engines.reference import layers as reference_layers
from elman.engines.reference import losses as reference_losses
from elman.engines.reference.layers import Done, Given, Sent
from elman.engines.reference.layers import Signal as Values

B, SYMBOLS = 5, 6

# -------------------------------------------------------------------------------------- the pieces of this file


@dataclass(frozen=True)
class Scaled(Layer):
    """y_t = (W v) * x_t: a sequence x scaled by a vector v a row."""

    kind: ClassVar[str] = "scaled"
    compiled: ClassVar[bool] = False  # type: ignore[assignment]

    def sources(self) -> tuple[str, ...]:
        return ("previous", "vector")

    def output(self, *read: Signal) -> Signal:
        if read[1].time is not None:
            raise ValueError(f"expected one vector a row, got {read[1]}")
        return read[0]

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (size, *more)}


def scaled_forward(given: Given) -> Done:
    x, v = given.read
    factor = (v.values @ given.weights[0][0].T)[:, None]
    return Done(given, Values(factor * x.values, x.lengths), tape=factor)


def scaled_backward(done: Done, dout: np.ndarray, dfinal: Any, truncate: Any) -> Sent:
    (x, v), weight = done.given.read, done.given.weights[0][0]
    dfactor = (dout * x.values).sum(axis=1)
    return Sent([dout * done.tape, dfactor @ weight], [(dfactor.T @ v.values,)])


def attend_step(cell: Any, parameters: Any, x: np.ndarray, state: Any, memory: Any) -> tuple[Any, Any]:
    """A tanh cell whose input is x and what it reads of the memory: softmax over h_{t-1} . m_s, weights of the m_s."""
    w_x, w_h, w_m = parameters
    values, valid = memory
    (h,) = state
    scores = np.where(valid, np.einsum("bm,bsm->bs", h @ w_m, values), -np.inf)
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    context = np.einsum("bs,bsm->bm", share, np.where(valid[..., None], values, 0))
    new = np.tanh(np.concatenate([x, context], axis=1) @ w_x.T + h @ w_h.T)
    return (new,), (x, h, values, share, context, new)


def attend_back(cell: Any, parameters: Any, tape: Any, dstate: Any) -> tuple[Any, ...]:
    w_x, w_h, w_m = parameters
    x, h, values, share, context, new = tape
    da = dstate[0] * (1 - new * new)
    both = da @ w_x
    dx, dcontext = both[:, : x.shape[1]], both[:, x.shape[1] :]
    dshare = np.einsum("bm,bsm->bs", dcontext, values)
    dscores = share * (dshare - (share * dshare).sum(axis=1, keepdims=True))
    query, dquery = h @ w_m, np.einsum("bs,bsm->bm", dscores, values)
    dmemory = share[..., None] * dcontext[:, None] + dscores[..., None] * query[:, None]
    gradients = (da.T @ np.concatenate([x, context], axis=1), da.T @ h, h.T @ dquery)
    return dx, (da @ w_h + dquery @ w_m.T,), gradients, dmemory


ATTENDING = CustomCell(
    "attending",
    lambda x, h, m: {"weight_ih": (h, x + m), "weight_hh": (h, h), "weight_m": (h, m)},
    attend_step,
    attend_back,
    memory=True,
)


@dataclass(frozen=True)
class Bag(Loss):
    """-sum_u log mean_t softmax(y_hat_t)[target_u]: how well a row's outputs cover the symbols of its target."""

    kind: ClassVar[str] = "bag"
    compiled: ClassVar[bool] = False
    ragged: ClassVar[bool] = True


def bag(loss: Any, y_hat: np.ndarray, lengths: np.ndarray, y: np.ndarray, y_lengths: np.ndarray) -> Any:
    terms, slopes = np.zeros(len(y)), np.zeros_like(y_hat)
    for row, (length, count) in enumerate(zip(lengths, y_lengths, strict=True)):
        p = np.exp(y_hat[row, :length])
        p /= p.sum(axis=1, keepdims=True)
        mean, times = p.mean(axis=0), np.bincount(y[row, :count], minlength=p.shape[1])
        terms[row] = -(times * np.log(mean)).sum()
        d = -times / mean / length
        slopes[row, :length] = p * (d - (p * d).sum(axis=1, keepdims=True))
    return terms, slopes


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry in each registry, as an elman of its own would have."""
    monkeypatch.setitem(LAYERS, Scaled.kind, Scaled)
    both_ways = SimpleNamespace(forward=scaled_forward, backward=scaled_backward)
    monkeypatch.setitem(reference_layers.LAYERS, Scaled.kind, both_ways)
    monkeypatch.setitem(LOSSES, "bag", Bag())
    monkeypatch.setitem(reference_losses.LOSSES, "bag", bag)


# --------------------------------------------------------------------------------------------- the networks

INPUTS = {"source": Input(3), "speaker": Input(4, "vector"), "y": Input(SYMBOLS, "integers")}


def translator(memory: bool = False, dtype: str = "float64") -> elman.Network:
    """Reads `source`, then predicts each symbol of y from those before it, in the voice of `speaker`; x scales it."""
    head = [Node(elman.Recurrent(4, ATTENDING), "attention", ("scaled", "encoder"))] if memory else []
    layers = [
        Node(elman.Recurrent(4, bidirectional=True), "encoder", ["source"]),
        Node(elman.Dense(3, "tanh"), "heard", ["speaker"]),
        Node(elman.Recurrent(3, elman.GRU(), learned_state=True), "voice", ["x"], {"h": "heard"}),
        Node(elman.Last(), "tone", ["voice"]),
        Node(elman.Embedding(SYMBOLS, 3), "symbols", ["y"]),
        Node(elman.Shift(), "before"),
        Node(
            elman.Recurrent(4, bidirectional=False, zoneout=0.1),
            "decoder",
            ["before"],
            {"h": "encoder.h", "c": "encoder.c_reverse"},
        ),
        Node(Scaled(), "scaled", ("decoder", "tone")),
        *head,
        elman.Dense(SYMBOLS),
    ]
    return elman.Network.from_layers(layers, input_size=2, inputs=INPUTS, dtype=dtype, seed=1)


def data(rng: np.random.Generator, n: int = B) -> tuple[dict[str, Any], dict[str, Any], np.ndarray]:
    """Inputs, lengths of each in an order of its own, and targets."""
    x = {"x": rng.normal(size=(n, 4, 2)), "source": rng.normal(size=(n, 6, 3)), "speaker": rng.normal(size=(n, 4))}
    lengths = {name: rng.integers(1, steps + 1, n) for name, steps in (("x", 4), ("source", 6), ("y", 5))}
    return x, lengths, rng.integers(0, SYMBOLS, (n, 5))


def listener(dtype: str = "float64") -> elman.Network:
    """One sequence in; its loss is of a ragged target."""
    return elman.Network(3, 5, SYMBOLS, cell="gru", dtype=dtype, seed=2)


# ------------------------------------------------------------------------------------------------ the proof


@pytest.mark.parametrize("memory", [False, True])
def test_every_gradient_agrees_with_differences(memory: bool):
    network = translator(memory)
    x, lengths, y = data(np.random.default_rng(0), 3)
    report = elman.gradcheck(network, x, y, loss="cross_entropy", lengths=lengths, entries=12)
    assert report.passed, str(report)
    checked = {array.name for array in report.arrays}
    assert {"x", "source", "speaker", "encoder.weight_ih_reverse", "voice.state_h", "scaled.weight"} <= checked
    drawn = elman.gradcheck(network, loss="cross_entropy", entries=4)
    assert drawn.passed, str(drawn)
    still = {"voice.state_h", "state voice.h"}  # the learned state gives way to the vector
    assert all(np.any(array.analytic != 0) for array in report.arrays if array.name not in still)


def test_a_row_is_what_it_is_alone():
    """Whatever the rows beside it and their order, and whatever stands past its lengths."""
    network, rng = translator(True), np.random.default_rng(3)
    x, lengths, y = data(rng, 40)  # three shards
    spoiled = {name: array.copy() for name, array in x.items()}
    for name in ("x", "source"):
        spoiled[name][np.arange(x[name].shape[1]) >= lengths[name][:, None]] = np.nan
    whole = network.predict({**spoiled, "y": y}, lengths=lengths)
    for row in (0, 7, 39):
        own = {name: array[row : row + 1] for name, array in {**x, "y": y}.items()}
        cut = {name: own[name][:, : lengths[name][row]] for name in lengths}
        alone = network.predict({**own, **cut})
        assert whole[row, : lengths["y"][row]] == pytest.approx(alone[0], rel=1e-12)
        assert not whole[row, lengths["y"][row] :].any()


def test_the_decoder_begins_with_the_encoders_end():
    network = translator()
    x, lengths, y = data(np.random.default_rng(4))
    _, state = network.predict({**x, "y": y}, lengths=lengths, return_state=True)
    layout = network.layout
    encoder = elman.Network.from_theta(Layout([elman.Recurrent(4, bidirectional=True)], 3), network.theta[:256])
    assert layout.parts[0].parameters[1][-1].offset + 16 == 256
    _, end = encoder.predict(x["source"], lengths=lengths["source"], return_state=True)
    for ours, theirs in (("encoder.h", "h_l0"), ("encoder.c_reverse", "c_l0_reverse")):
        assert state[ours] == pytest.approx(end[theirs], rel=1e-12)
    given = dict(state) | {"decoder.h": state["encoder.h"], "decoder.c": state["encoder.c_reverse"]}
    given |= {name: np.zeros_like(state[name]) for name in state if name.startswith("encoder")}
    given["voice.h"] = np.tanh(x["speaker"] @ network.parameters["heard.weight"].T + network.parameters["heard.bias"])
    ours, again = (network.predict({**x, "y": y}, lengths=lengths, state=s) for s in (None, given))
    assert ours == pytest.approx(again, rel=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_ragged_loss_on_both_engines(engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    network, rng = listener(), np.random.default_rng(5)
    x, lengths = rng.normal(size=(40, 6, 3)), rng.integers(1, 7, 40)
    targets = [rng.integers(0, SYMBOLS, size) for size in rng.integers(0, 5, 40)]
    weight = rng.uniform(0.5, 2, 40)
    p = np.exp(network.predict(x, lengths=lengths))
    p /= p.sum(axis=2, keepdims=True)
    means = [row[:length].mean(axis=0) for row, length in zip(p, lengths, strict=True)]
    terms = [-np.log(mean[target]).sum() for mean, target in zip(means, targets, strict=True)]
    value = network.loss(x, targets, loss="bag", lengths=lengths, sample_weight=weight)
    assert value == pytest.approx(np.average(terms, weights=weight), rel=1e-12)
    padded = np.full((40, 5), -9)
    for row, target in zip(padded, targets, strict=True):
        row[: len(target)] = target
    ends = {"x": lengths, "y": [len(target) for target in targets]}
    assert network.loss(x, padded, loss="bag", lengths=ends, sample_weight=weight) == value
    report = elman.gradcheck(network, x[:6], targets[:6], loss="bag", lengths=lengths[:6], entries=20)
    assert report.passed, str(report)
    assert elman.gradcheck(Bag()).passed


def trainings() -> Iterator[tuple[Any, dict[str, Any], str]]:
    x, lengths, y = data(np.random.default_rng(6), 40)
    yield translator, {"x": x, "y": y, "lengths": lengths, "sample_weight": np.linspace(0.5, 1, 40)}, "cross_entropy"
    targets = [np.arange(i % 4) for i in range(40)]
    yield listener, {"x": x["source"], "y": targets, "lengths": lengths["source"]}, "bag"


@pytest.mark.parametrize(("make", "given", "loss"), list(trainings()), ids=["translator", "listener"])
def test_training_resumes_with_the_same_bits(make: Any, given: dict[str, Any], loss: str, tmp_path: Path):
    def trained(epochs: int, **options: Any) -> elman.Network:
        trainer = elman.Trainer(make(dtype="float32"), loss=loss, batch_size=16, seed=3, clip_norm=1.0)
        before = trainer.network.loss(**given, loss=loss)
        trainer.fit(**given, epochs=epochs, progress=False, **options)
        assert trainer.network.loss(**given, loss=loss) < before
        return trainer.network

    straight = trained(4)
    trained(2, checkpoint=tmp_path / "c", every=2)
    resumed = trained(4, resume=tmp_path / "c")
    assert resumed.theta.tobytes() == straight.theta.tobytes()
    trainer = elman.Trainer(make(dtype="float32"), loss=loss, batch_size=16, seed=3, clip_norm=1.0)
    changed = {**given, "y": given["y"][::-1], "epochs": 4, "resume": tmp_path / "c"}
    with pytest.raises(ValueError, match=r"y was .* and is"):
        trainer.fit(**changed, progress=False)


@pytest.mark.parametrize("make", [translator, listener])
def test_files(make: Any, tmp_path: Path):
    network = make()
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    assert isinstance(again, elman.Network)
    assert again.layout.layers == network.layout.layers
    assert again.layout.inputs == network.layout.inputs
    assert again.theta.tobytes() == network.theta.tobytes()
    assert repr(again) == repr(network)


# ------------------------------------------------------------------------------------------- what is refused

GRU = elman.Recurrent(3, elman.GRU())


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Node(GRU, "a"), Node(GRU, "a")], r"layers\[1\]: expected a name of its own, got 'a' again"),
        ([Node(GRU, "v")], r"layers\[0\]: expected a name of its own, got 'v' again"),
        ([Node(GRU, reads=("b",)), Node(GRU, "b")], r"layers\[0\]: expected the name of an input or a layer before it"),
        ([Node(GRU, reads=("x", "v"))], r"layers\[0\]: expected 1 names of what it reads"),
        ([Node(GRU, reads=("v",))], r"layers\[0\]: expected only Dense, Dropout or Skip behind Last"),
        ([Node(GRU, reads=("ids",))], r"layers\[0\]: expected Embedding to read whole numbers"),
        ([GRU, Node(GRU, state="v")], r"layers\[1\]: expected a state of size 3 of a layer before it, got 'v.h'"),
        ([GRU, Node(GRU, state={"h": "v"})], r"layers\[1\]: expected 'v' to give one vector of size 3 a row"),
        ([GRU, Node(GRU, state={"c": "v"})], r"layers\[1\]: expected states among h, got 'c'"),
        ([elman.Recurrent(3, ATTENDING)], r"layers\[0\]: expected the name of an input .* got 'memory'"),
    ],
)
def test_wrong_wiring_is_refused(layers: list[Any], message: str):
    with pytest.raises(ValueError, match=message):
        Layout(layers, 2, {"v": Input(4, "vector"), "ids": Input(9, "integers")})


def test_wrong_data_is_refused():
    network = translator()
    x, _, y = data(np.random.default_rng(0))
    with pytest.raises(TypeError, match="x: expected a mapping with the inputs x, source, speaker, y"):
        network.predict(x["x"])
    with pytest.raises(ValueError, match=r"x: expected the inputs .* got none for 'y'"):
        network.predict(x)
    with pytest.raises(ValueError, match=r"source: expected shape \(5, T, 3\), got \(5, 6, 2\)"):
        network.predict({**x, "y": y, "source": x["source"][..., :2]})
    with pytest.raises(ValueError, match=r"lengths\['source'\]: expected whole numbers in \[1, 6\], got 7 at row 0"):
        network.predict({**x, "y": y}, lengths={"source": [7, 1, 1, 1, 1]})
    spoiled = x["source"].copy()
    spoiled[2, 0, 1] = np.nan
    with pytest.raises(ValueError, match=r"source: expected finite numbers, got nan at row 2, step 0, column 1"):
        network.predict({**x, "y": y, "source": spoiled})
    with pytest.raises(ValueError, match=r"y: expected whole numbers in \[0, 5\], got 6 at row 0, step 0"):
        network.loss(x, y * 0 + 6, loss="cross_entropy")
    one_way = elman.Network.from_layers([GRU], input_size=2, inputs={"v": Input(4, "vector")})
    with pytest.raises(ValueError, match="network: expected x as the only input, got v too"):
        one_way.stream()
    with pytest.raises(ValueError, match="y: expected whole numbers"):
        listener().loss(x["source"], [[9]] * 5, loss="bag")
