"""Both engines against the values that tests/golden/make_golden.py took from PyTorch."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import (
    CELLS,
    adaptive_layouts,
    attention_layouts,
    concat_layouts,
    drawing_layouts,
    pooling_layouts,
    tied_layouts,
    wide_enough,
)

from elman import losses, optim
from elman.core.layers import POOLINGS, Dense, Embedding, Last, Layout, Recurrent, Simple, Skip
from elman.core.requests import Batch, Engine, Key, NamedInput, Objective, Records, UpdateRule, Windows
from elman.network.constraints import make_constraints

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
CASES = list(product("12", ("one", "both"), ("full", "ragged"), ("zero", "given"), ("sequence", "last")))

pytestmark = pytest.mark.parametrize("dtype", ["float32", "float64"])


def read(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def close(found: Any, want: np.ndarray, dtype: str, what: str, magnified: float = 1.0) -> None:
    """Within the tolerance of the array's largest value."""
    worst = float(np.abs(found - want).max())
    assert worst <= magnified * TOLERANCE[dtype] * float(np.abs(want).max()), f"{what}: {worst:.1e}"


@pytest.mark.parametrize("name", CELLS)
def test_cells(run: Engine, name: str, dtype: str) -> None:
    golden = read(name)
    magnified = 4.0 if name.startswith("norm") else 1.0  # a deviation of relu units, mostly 0, may be small
    assert {key for key in golden if not key.startswith("in.")} == {"-".join(case) for case in CASES}
    for case in CASES:
        layers, directions, lengths, state, output = case
        recurrent = [Recurrent(wide_enough(CELLS[name], 3), CELLS[name], directions == "both")] * int(layers)
        layout = Layout([*recurrent, *([Last()] if output == "last" else [])], 2)
        theta = golden[f"in.theta-{layers}-{directions}"].astype(dtype)
        x, dy = golden["in.x"].astype(dtype), golden["in.dy"][..., : layout.output_size].astype(dtype)
        count = len(layout.states)
        given = dfinal = None
        if state == "given":
            given, dfinal = list(golden["in.state"][:count].astype(dtype)), list(golden["in.dfinal"].astype(dtype))
        batch = Batch(x, None, golden["in.lengths"] if lengths == "ragged" else None, None, given)
        y, final, tape = run.forward(layout, theta, batch, 3)
        dy = np.ascontiguousarray(dy[:, -1] if output == "last" else dy)
        found = run.backward(layout, theta, tape, dy, None, dfinal and dfinal[:count], None)
        gradient, dx, dstate0 = found
        assert dx is not None
        arrays = [y, *final, gradient, dx, *dstate0]
        parts = np.split(golden["-".join(case)], np.cumsum([array.size for array in arrays])[:-1])
        names = ["y", *("final state" for _ in final), "gradient", "dx", *("dstate0" for _ in final)]
        for what, array, want in zip(names, arrays, parts, strict=True):
            assert array.dtype == dtype
            close(array.ravel(), want, dtype, f"{'-'.join(case)}: {what}", magnified)
        predicted, ends = run.predict(layout, theta, batch)
        close(predicted.ravel(), parts[0], dtype, f"{'-'.join(case)}: predict")
        for end, want in zip(ends, parts[1 : 1 + count], strict=True):
            close(end.ravel(), want, dtype, f"{'-'.join(case)}: predict's state")


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
def test_what_is_drawn(run: Engine, name: str, dtype: str) -> None:
    """Dropout of each kind, zoneout, noise and learned states; PyTorch was given the draws, the engines make them."""
    golden = read("regular")
    lengths = golden["in.lengths"]
    for option, layout in drawing_layouts(3, 2).items():
        if not option.startswith(f"{name}-"):
            continue
        theta, x = golden[f"in.theta-{option}"].astype(dtype), golden["in.x"].astype(dtype)
        y, final, tape = run.forward(layout, theta, Batch(x, None, lengths), 3, Key(11, 7))
        gradient, dx, _ = run.backward(layout, theta, tape, golden["in.dy"].astype(dtype), None, None, None)
        assert dx is not None
        arrays = [y, *final, gradient, dx]
        parts = np.split(golden[option], np.cumsum([array.size for array in arrays])[:-1])
        for array, want in zip(arrays, parts, strict=True):
            close(array.ravel(), want, dtype, option)


STACKS = [*product(("linear", "tanh", "relu", "sigmoid"), ("sequence", "last")), ("embedding", "sequence")]


@pytest.mark.parametrize(("kind", "output"), STACKS)
def test_dense_layers_skip_and_embedding(run: Engine, kind: Any, output: str, dtype: str) -> None:
    golden, key = read("stack"), f"{kind}-{output}"
    last = [Last()] if output == "last" else []
    if kind == "embedding":
        layout, x = Layout([Embedding(6, 2), Recurrent(3), Dense(3)], 1), golden["in.ids"]
    else:
        layout = Layout([Recurrent(3), *last, Dense(4, kind), Dense(3), Skip()], 2)
        x = golden["in.x"].astype(dtype)
    theta, dy = golden[f"in.theta-{key}"].astype(dtype), golden["in.dy"].astype(dtype)
    y, _, tape = run.forward(layout, theta, Batch(x), 3)
    dy = np.ascontiguousarray(dy[:, -1] if last else dy)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    arrays = [y, gradient] if dx is None else [y, gradient, dx]
    parts = np.split(golden[key], np.cumsum([array.size for array in arrays])[:-1])
    for what, array, want in zip(("y", "gradient", "dx"), arrays, parts, strict=False):
        close(array.ravel(), want, dtype, f"{key}: {what}")


@pytest.mark.parametrize("key", ["translator", "itself", "dot", "additive"])
def test_attention_and_shift(run: Engine, key: str, dtype: str) -> None:
    golden, layout = read("attention"), attention_layouts(3, 2)[key]
    theta, x, source, dy = (golden[f"in.{name}"].astype(dtype) for name in (f"theta-{key}", "x", "source", "dy"))
    words = NamedInput(golden["in.words"], golden["in.lengths"])
    named = {"source": NamedInput(source, golden["in.source_lengths"]), "words": words} if layout.inputs else None
    y, _, tape = run.forward(layout, theta, Batch(x, None, golden["in.lengths"], named=named), 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    dread = dx["source"] if isinstance(dx, dict) else dx
    assert dread is not None
    arrays = [y, gradient, dread]
    parts = np.split(golden[key], np.cumsum([array.size for array in arrays])[:-1])
    for what, array, want in zip(("y", "gradient", "dread"), arrays, parts, strict=True):
        close(array.ravel(), want, dtype, f"{key}: {what}")


@pytest.mark.parametrize("key", ["sequence", "last"])
def test_adaptive_softmax(run: Engine, key: str, dtype: str) -> None:
    """All classes' log probabilities and the way back from these, and the loss of the targets alone."""
    golden, layout = read("adaptive_softmax"), adaptive_layouts(3, 2)[key]
    theta, x, dy = (golden[f"in.{name}"].astype(dtype) for name in (f"theta-{key}", "x", "dy"))
    classes = golden["in.classes"]
    if layout.last:
        dy, classes = np.ascontiguousarray(dy[:, -1]), np.ascontiguousarray(classes[:, -1])
    y, _, tape = run.forward(layout, theta, Batch(x), 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    batch, loss = Batch(x, classes), losses.CrossEntropy()
    value, of_loss = run.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=3))
    assert dx is not None
    found = [("y", y), ("gradient", gradient), ("dx", dx), ("loss", np.array(value)), ("its gradient", of_loss)]
    parts = np.split(golden[key], np.cumsum([array.size for _, array in found]))
    for (what, array), want in zip(found, parts, strict=False):
        close(array.ravel(), want, dtype, f"{key}: {what}")
    assert run.loss(layout, theta, batch, loss, 3) == pytest.approx(value, rel=TOLERANCE[dtype])


def test_sparse_adam(run: Engine, dtype: str) -> None:
    """Rows without a gradient keep their moments, and the correction of these counts all updates."""
    golden = read("sparse")
    layout = Layout([Embedding(9, 2, sparse=True), Recurrent(3, Simple()), Dense(2)], 1)
    rule = UpdateRule(optim.Adam(0.05, beta1=0.8, beta2=0.95, eps=1e-30))
    theta = golden["in.theta"].astype(dtype)
    slots = [np.zeros_like(theta) for _ in range(2)]
    records = Records(np.arange(4), np.array([0, 4]), np.array([0.05]))
    for step, (ids, want) in enumerate(zip(golden["in.ids"], golden["adam"], strict=True)):
        batch = Batch(ids, golden["in.y"].astype(dtype))
        value, norm, done = run.update(layout, theta, batch, OBJECTIVE, rule, slots, step, records)
        assert done == 1
        assert (value[0], norm[0]) == pytest.approx((want[0], want[1]), rel=TOLERANCE[dtype])
        close(theta, want[2:], dtype, f"theta after update {step}", magnified=10.0 if dtype == "float64" else 4.0)


@pytest.mark.parametrize("key", [f"{how}-{each}" for how in POOLINGS for each in ("one", "both")])
def test_pooling(run: Engine, key: str, dtype: str) -> None:
    golden, layout = read("pool"), pooling_layouts(3, 2)[key]
    theta, x, dy = (golden[f"in.{name}"].astype(dtype) for name in (f"theta-{key}", "x", "dy"))
    y, _, tape = run.forward(layout, theta, Batch(x, None, golden["in.lengths"]), 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    assert dx is not None
    arrays = [y, gradient, dx]
    parts = np.split(golden[key], np.cumsum([array.size for array in arrays])[:-1])
    for what, array, want in zip(("y", "gradient", "dx"), arrays, parts, strict=True):
        close(array.ravel(), want, dtype, f"{key}: {what}")


@pytest.mark.parametrize("key", ["tagger", "pooled"])
def test_concat(run: Engine, key: str, dtype: str) -> None:
    golden, layout = read("concat"), concat_layouts(3, 2)[key]
    theta, x, v, dy = (golden[f"in.{name}"].astype(dtype) for name in (f"theta-{key}", "x", "v", "dy"))
    lengths = golden["in.lengths"]
    named = {"words": NamedInput(golden["in.words"], lengths), "v": NamedInput(v, None)}
    y, _, tape = run.forward(layout, theta, Batch(x, None, lengths, named=named), 3)
    dy = dy if key == "tagger" else np.ascontiguousarray(dy[:, 0])
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    assert isinstance(dx, dict)
    assert dx["words"] is None
    arrays = [y, gradient, dx["x"], dx["v"]]
    parts = np.split(golden[key], np.cumsum([array.size for array in arrays])[:-1])
    for what, array, want in zip(("y", "gradient", "dx", "dv"), arrays, parts, strict=True):
        close(array.ravel(), want, dtype, f"{key}: {what}")


@pytest.mark.parametrize("key", ["plain", "named", "shared"])
def test_tied_weights_and_a_padding_id(run: Engine, key: str, dtype: str) -> None:
    golden, layout = read("tied"), tied_layouts(3)[key]
    theta, dy = (golden[f"in.{name}"].astype(dtype) for name in (f"theta-{key}", "dy"))
    ids, lengths = golden["in.ids"], golden["in.lengths"]
    batch = Batch(ids, None, lengths)
    if key == "shared":
        batch = batch._replace(named={"words": NamedInput(np.ascontiguousarray(ids[:, ::-1]), lengths)})
    elif layout.inputs:
        batch = Batch(np.zeros((*ids.shape, 2), dtype), None, lengths, named={"words": NamedInput(ids, lengths)})
    y, _, tape = run.forward(layout, theta, batch, 3)
    gradient = run.backward(layout, theta, tape, dy, None, None, None)[0]
    parts = np.split(golden[key], [y.size])
    close(y.ravel(), parts[0], dtype, f"{key}: y")
    close(gradient, parts[1], dtype, f"{key}: gradient")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (losses.HalfSSE(), "y"),
        (losses.MSE(), "y"),
        (losses.MAE(), "y"),
        (losses.Huber(0.7), "y"),
        (losses.CrossEntropy(), "classes"),
        (losses.CrossEntropy(0.15), "classes"),
        (losses.BinaryCrossEntropy(), "probability"),
        (losses.Pinball((0.1, 0.5, 0.9)), "y"),
        (losses.Gaussian(), "y"),
        (losses.StudentT(3.5), "y"),
    ],
    ids=lambda one: repr(one) if isinstance(one, losses.Loss) else one,
)
def test_losses(run: Engine, loss: losses.Loss, target: str, weighted: bool, dtype: str) -> None:
    """Row i's input is the i-th unit vector and everything but the skip is 0, so that y_hat is skip.weight^T, and the
    gradient by it that of the loss."""
    golden = read("losses")
    y_hat = golden["in.location_scale" if losses.outputs_per_target(loss) == 2 else "in.y_hat"]
    rows, outputs = y_hat.shape
    layout = Layout([Recurrent(1, "tanh"), Dense(outputs), Skip()], rows)  # type: ignore[arg-type]
    skip = layout.parameters[-1]
    theta = np.zeros(layout.size, dtype)
    skip.view(theta)[...] = y_hat.T
    y = golden[f"in.{target}"]
    width = outputs // losses.outputs_per_target(loss)
    y = y if loss.kind == "cross_entropy" else np.ascontiguousarray(y[:, :width])
    y = y[:, None]
    weight = golden["in.weight"].astype(dtype)[:, None] if weighted else None
    x = np.eye(rows, dtype=dtype)[:, None]
    batch = Batch(x, y if loss.kind == "cross_entropy" else y.astype(dtype), None, weight)
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=3))
    name = "smoothed" if loss == losses.CrossEntropy(0.15) else loss.kind
    want = golden[f"{name}-{'weighted' if weighted else 'plain'}"]
    rtol = TOLERANCE[dtype]
    assert value == pytest.approx(want[0], rel=rtol, abs=0)
    assert run.loss(layout, theta, batch, loss, 3) == pytest.approx(want[0], rel=rtol, abs=0)
    slopes = want[1:].reshape(rows, outputs)
    # entry by entry, so that the extreme logits hide nothing; below 1e-9 of a row's share stand tails of sigmoids
    np.testing.assert_allclose(skip.view(gradient).T, slopes, rtol=rtol, atol=rtol * 1e-2)


OBJECTIVE = Objective(losses.MSE(), shard_size=3)
OPTIMISERS: dict[str, tuple[optim.Optimizer, float | None, float | None]] = {
    "sgd": (optim.SGD(0.1), None, None),
    "momentum": (optim.SGD(0.1, momentum=0.9), None, None),
    "rmsprop": (optim.RMSprop(0.02, decay=0.9), None, None),
    "adagrad": (optim.Adagrad(0.1), None, None),
    "adam": (optim.Adam(0.05, beta1=0.8, beta2=0.95), None, None),
    "adamw": (optim.AdamW(0.05, beta1=0.8, beta2=0.95, weight_decay=0.1), None, None),
    "clip_norm": (optim.SGD(0.1), 0.5, None),
    "clip_value": (optim.SGD(0.1), None, 0.1),
    "clip_both": (optim.SGD(0.1), 0.3, 0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_six_updates(run: Engine, name: str, dtype: str) -> None:
    golden = read("training")
    optimiser, clip_norm, clip_value = OPTIMISERS[name]
    rule = UpdateRule(optimiser, clip_norm, clip_value)
    layout = Layout([Recurrent(3, "tanh"), Dense(2)], 2)  # type: ignore[arg-type]
    theta = golden["in.theta"].astype(dtype)
    slots = [np.zeros_like(theta) for _ in optimiser.slots]
    batch = Batch(golden["in.x"].astype(dtype), golden["in.y"].astype(dtype))
    records = Records(np.arange(4), np.array([0, 4]), np.array([optimiser.learning_rate]))
    if name.startswith("clip"):  # the kept path must meet the limits, or it shows nothing
        assert not np.allclose(golden[name][-1], golden["sgd"][-1], rtol=1e-3)
    for step, want in enumerate(golden[name]):
        value, norm, done = run.update(layout, theta, batch, OBJECTIVE, rule, slots, step, records)
        assert done == 1
        assert value[0] == pytest.approx(want[0], rel=TOLERANCE[dtype])
        assert norm[0] == pytest.approx(want[1], rel=TOLERANCE[dtype])
        close(theta, want[2:], dtype, f"theta after update {step}")


@pytest.mark.parametrize("activity", [0.0, 0.4])
@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
def test_truncated_with_weighted_steps_and_activity(run: Engine, name: str, activity: float, dtype: str) -> None:
    golden = read("truncated")
    layout = Layout([Recurrent(3, CELLS[name]), Recurrent(3, CELLS[name]), Dense(2)], 2)
    theta, x, y, weight = (golden[f"in.{key}"].astype(dtype) for key in (f"theta-{name}", "x", "y", "weight"))
    batch = Batch(x, y, None, weight)
    whole = run.loss_and_grad(layout, theta, batch, OBJECTIVE)[1]
    objective = OBJECTIVE._replace(truncate=2, activity_penalty=activity)
    value, gradient = run.loss_and_grad(layout, theta, batch, objective)
    assert not np.allclose(gradient, whole, rtol=1e-2)  # or the cut shows nothing
    want = golden[f"{name}-active" if activity else name]
    assert value == pytest.approx(want[0], rel=TOLERANCE[dtype])
    close(gradient, want[1:], dtype, name)


def rows_of(run: Engine, dtype: str, name: str, optimiser: Any, rules: Any, records: Any) -> np.ndarray:
    """The engine's (loss, norm, theta after it) for each update, against the kept ones; the weights at the end."""
    golden = read("rules")
    layout = Layout([Recurrent(3, Simple()), Dense(2)], 2)
    theta = golden["in.theta"].astype(dtype)
    if rules is not None:
        theta = np.clip(theta, rules.lower, rules.upper)
    slots = [np.zeros_like(theta) for _ in optimiser.slots]
    batch = Batch(golden["in.x"].astype(dtype), golden["in.y"].astype(dtype))
    for step, want in enumerate(golden[name]):
        rule = UpdateRule(optimiser, constraints=rules)
        found = run.update(layout, theta, batch, OBJECTIVE, rule, slots, step, records(step))
        assert found[0][0] == pytest.approx(want[0], rel=TOLERANCE[dtype])
        assert found[1][0] == pytest.approx(want[1], rel=TOLERANCE[dtype])
        close(theta, want[2:], dtype, f"{name}: theta after update {step}")
    return theta


def test_rules(run: Engine, dtype: str) -> None:
    mask = read("rules")["in.mask"]
    optimiser = optim.AdamW(0.05, beta1=0.8, beta2=0.95, eps=1e-8, weight_decay=0.1)
    rules = make_constraints(
        Layout([Recurrent(3, Simple()), Dense(2)], 2),
        np.dtype(dtype),
        optimiser,
        {"weight_hh_l0": 0.5},
        ["head.bias"],
        {"weight_hh_l0": mask},
        {"weight_hh_l0": [1, 0, -1]},
    )
    rows_of(run, dtype, "rules", optimiser, rules, lambda _: Records(np.arange(4), np.array([0, 4]), np.array([0.05])))


def test_windows(run: Engine, dtype: str) -> None:
    carry = [np.zeros((4, 3), dtype)]

    def records(step: int) -> Records:
        windows = Windows(2, np.array([step % 3 * 2]), carry)
        return Records(np.arange(4), np.array([0, 4]), np.array([0.1]), windows)

    rows_of(run, dtype, "windows", optim.SGD(0.1), None, records)
    close(carry[0], read("rules")["carry"], dtype, "the state carried")
