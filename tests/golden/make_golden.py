"""Frozen values from PyTorch 2.13, for tests that run without it.

python tests/golden/make_golden.py             writes the .npz files beside this program
python tests/golden/make_golden.py --check     computes them anew from the kept inputs and compares; exit code 1 where
                                               one differs by more than 1e-6 of its largest entry

Only descriptions come from elman: names, shapes and places in theta. The arithmetic is PyTorch's, in float64: `nn.RNN`,
`nn.LSTM` and `nn.GRU` where they have the cell, else the equations in torch operations, one sequence after the
other, so that nothing needs a mask; every derivative is autograd's.

A file of a cell holds the inputs `in.x`, `in.lengths`, `in.dy`, `in.state`, `in.dfinal`, one
`in.theta-LAYERS-DIRECTIONS` each, and for every case `LAYERS-DIRECTIONS-LENGTHS-STATE-OUTPUT` one vector: y, final
state, gradient, dx, gradient of the given state, one after the other. The gradient is that of sum(y dy), plus
sum(final dfinal) where a state is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils import rnn

from elman.core.layers import Dense, Embedding, Last, Layout, Recurrent, Simple, Skip
from elman.engines.reference.random import DrawPlace, Draws

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from cases import (  # noqa: E402
    CELLS,
    adaptive_layouts,
    attention_layouts,
    concat_layouts,
    drawing_layouts,
    pooling_layouts,
    tied_layouts,
    wide_enough,
)

B, T, D, H = 4, 5, 2, 3
Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]


def main() -> int:
    parser = argparse.ArgumentParser(description="Frozen values from PyTorch.")
    parser.add_argument("--check", action="store_true", help="compare with the kept files instead of writing them")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    bad = 0
    makers: list[tuple[str, Any]] = [(name, lambda i, name=name: cell_values(i, name)) for name in CELLS]
    others = {"stack": stack_values, "losses": loss_values, "training": training_values, "regular": regular_values}
    others |= {"rules": rules_values, "truncated": truncated_values, "attention": attention_values}
    others |= {"adaptive_softmax": adaptive_values, "sparse": sparse_values}
    others |= {"pool": pool_values, "concat": concat_values, "tied": tied_values}
    for name, make in [*makers, *others.items()]:
        path = HERE / f"{name}.npz"
        kept = dict(np.load(path)) if check else {}
        inputs = {key: value for key, value in kept.items() if key.startswith("in.")} or draw(name)
        found = inputs | make({key.removeprefix("in."): value for key, value in inputs.items()})
        if not check:
            np.savez_compressed(path, **found)
            continue
        worst = max((relative(found[key], kept[key]) for key in found.keys() & kept.keys()), default=0.0)
        wrong = worst > 1e-6 or found.keys() != kept.keys()
        bad += wrong
        print(f"{name:14} {len(found):4} arrays, largest relative difference {worst:.1e}{'  DIFFERS' if wrong else ''}")
    return 1 if bad else 0


def relative(found: np.ndarray, kept: np.ndarray) -> float:
    return float(np.abs(found - kept).max() / max(np.abs(kept).max(), 1e-300))


def draw(name: str) -> Arrays:
    """The random inputs of a file; kept in it, because no generator's numbers are promised for ever."""
    rng = np.random.default_rng(list(name.encode()))
    normal = rng.standard_normal
    if name in CELLS:
        most = 4 * len(CELLS[name].state_names)
        found = {
            "x": normal((B, T, D)),
            "lengths": np.array([3, 5, 1, 4]),
            "dy": normal((B, T, 2 * units(name))),
            "state": 0.7 * normal((most, B, units(name))),
            "dfinal": normal((most, B, units(name))),
        }
        for layers, directions in product("12", ("one", "both")):
            layout = cell_layout(name, layers, directions, "sequence")
            found[f"theta-{layers}-{directions}"] = 0.6 * normal(layout.size)
    elif name == "stack":
        found = {"x": normal((B, T, D)), "ids": rng.integers(0, 6, (B, T)), "dy": normal((B, T, 3))}
        found |= {f"theta-{key}": 0.6 * normal(layout.size) for key, layout in stack_layouts().items()}
    elif name == "regular":
        found = {"x": normal((B, T, D)), "lengths": np.array([3, 5, 1, 4]), "dy": normal((B, T, H))} | regular_draws()
        found |= {f"theta-{key}": 0.6 * normal(layout.size) for key, layout in drawing_layouts(H, D).items()}
    elif name == "truncated":
        found = {"x": normal((B, T, D)), "y": normal((B, T, 2)), "weight": rng.random((B, T))}
        found |= {f"theta-{key}": 0.6 * normal(layout.size) for key, layout in truncated_layouts().items()}
    elif name == "attention":
        found = {"x": normal((B, T, D)), "source": normal((B, 6, D)), "words": rng.integers(0, 6, (B, T))}
        found |= {"lengths": np.array([3, 5, 1, 4]), "source_lengths": np.array([6, 2, 4, 1])}
        found["dy"] = normal((B, T, 3))
        found |= {f"theta-{key}": 0.9 * normal(layout.size) for key, layout in attention_layouts(H, D).items()}
    elif name == "adaptive_softmax":
        found = {"x": normal((B, T, D)), "dy": normal((B, T, 13)), "classes": rng.integers(0, 13, (B, T))}
        found |= {f"theta-{key}": 0.9 * normal(layout.size) for key, layout in adaptive_layouts(H, D).items()}
    elif name == "sparse":
        found = {"ids": rng.integers(0, 7, (6, B, T)), "y": normal((B, T, 2))}
        found["theta"] = 0.6 * normal(sparse_layout().size)
    elif name == "pool":
        found = {"x": normal((B, T, D)), "lengths": np.array([3, 5, 1, 4]), "dy": normal((B, 3))}
        found |= {f"theta-{key}": 0.9 * normal(layout.size) for key, layout in pooling_layouts(H, D).items()}
    elif name == "concat":
        found = {"x": normal((B, T, D)), "words": rng.integers(0, 6, (B, T)), "v": normal((B, D + 1))}
        found |= {"lengths": np.array([3, 5, 1, 4]), "dy": normal((B, T, 3))}
        found |= {f"theta-{key}": 0.9 * normal(layout.size) for key, layout in concat_layouts(H, D).items()}
    elif name == "tied":
        found = {"ids": rng.integers(0, 6, (B, T)), "lengths": np.array([3, 5, 1, 4]), "dy": normal((B, T, 6))}
        found |= {f"theta-{key}": 0.6 * normal(layout.size) for key, layout in tied_layouts(H).items()}
    elif name == "losses":
        y_hat = 2 * normal((8, 6))
        y_hat[5:] = [[1e4, -1e4, 0, 3, -3, 1], [-1e4, -1e4, 1e4, 9999, 0, 0], [-800, 30, 800, 40, -40, 0]]
        found = {
            "y_hat": y_hat,
            "y": normal((8, 6)),
            "probability": np.where(rng.random((8, 6)) < 0.3, rng.integers(0, 2, (8, 6)), rng.random((8, 6))),
            "classes": rng.integers(0, 6, 8),
            "weight": np.append(rng.random(7), 0.0)[rng.permutation(8)],
        }
        head = normal((8, 6))
        head[5:, 1::2] = [[25, 20, -1], [-25, -19, 8], [-40, 30, -2]]  # a low scale only where it meets the target
        head[[6, 7], 0], head[6, 2] = found["y"][[6, 7], 0], found["y"][6, 1]
        found["location_scale"] = head
    else:
        found = {"x": normal((B, T, D)), "y": normal((B, T, 2)), "theta": 0.6 * normal(training_layout().size)}
    if name == "rules":
        found["mask"] = (rng.random((H, H)) < 0.6).astype(float)
    return {f"in.{key}": value for key, value in found.items()}


# ------------------------------------------------------------------------------------------ cells


def units(name: str) -> int:
    return wide_enough(CELLS[name], H)


def cell_layout(name: str, layers: str, directions: str, output: str) -> Layout:
    recurrent = [Recurrent(units(name), CELLS[name], directions == "both")] * int(layers)
    return Layout([*recurrent, Last()] if output == "last" else recurrent, D)


def cell_values(inputs: Arrays, name: str) -> Arrays:
    found: Arrays = {}
    for case in product("12", ("one", "both"), ("full", "ragged"), ("zero", "given"), ("sequence", "last")):
        layers, directions, lengths, state, output = case
        layout = cell_layout(name, layers, directions, output)
        steps = inputs["lengths"] if lengths == "ragged" else np.full(B, T)
        theta, x = leaf(inputs[f"theta-{layers}-{directions}"]), leaf(inputs["x"])
        states = [leaf(s if state == "given" else 0 * s) for s in inputs["state"][: len(layout.states)]]
        run = by_hand if name in BY_HAND else by_module
        y, final = run(layout, theta, x, steps, states)
        dy = torch.tensor(inputs["dy"][..., : layout.output_size])
        if output == "last":
            y, dy = y[range(B), steps - 1], dy[:, -1]
        total = (y * dy).sum()
        if state == "given":
            total = total + sum((f * torch.tensor(d)).sum() for f, d in zip(final, inputs["dfinal"], strict=False))
        gradients = torch.autograd.grad(total, [theta, x, *states])
        found["-".join(case)] = np.concatenate([a.detach().numpy().ravel() for a in (y, *final, *gradients)])
    return found


def leaf(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def named(layout: Layout, theta: torch.Tensor) -> Tensors:
    return {p.name: theta[p.offset : p.offset + p.size].reshape(p.shape) for p in layout.parameters}


def by_module(
    layout: Layout, theta: torch.Tensor, x: torch.Tensor, lengths: np.ndarray, states: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """nn.RNN, nn.LSTM or nn.GRU on a packed sequence. Of PyTorch's two biases the second is 0, but for b_hn."""
    recurrent = [layer for layer in layout.layers if isinstance(layer, Recurrent)]
    first = recurrent[0]
    module = {"simple": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[first.cell.kind]
    options = {"nonlinearity": first.cell.activation} if isinstance(first.cell, Simple) else {}
    net = module(
        layout.input_size,
        first.hidden_size,
        len(recurrent),
        batch_first=True,
        bidirectional=first.bidirectional,
        dtype=torch.float64,
        **options,
    )
    mine, theirs = named(layout, theta), {}
    for key in dict(net.named_parameters()):
        if key.startswith("bias_hh"):
            theirs[key] = torch.zeros_like(mine[key.replace("bias_hh", "bias")])
            if first.cell.kind == "gru":
                hidden_bias = mine[key.replace("bias_hh", "bias_hn")]
                theirs[key] = torch.cat([torch.zeros(2 * first.hidden_size, dtype=torch.float64), hidden_bias])
        else:
            theirs[key] = mine[key.replace("bias_ih", "bias")]
    kinds = len(first.cell.state_names)
    start = tuple(torch.stack(states[kind::kinds]) for kind in range(kinds))
    packed = rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    out, final = torch.func.functional_call(net, theirs, (packed, start if kinds == 2 else start[0]))
    ends = final if kinds == 2 else (final,)
    y, _ = rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    return y, [ends[i % kinds][i // kinds] for i in range(len(states))]


def by_hand(
    layout: Layout, theta: torch.Tensor, x: torch.Tensor, lengths: np.ndarray, states: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The cells that PyTorch lacks, one sequence after the other."""
    values = named(layout, theta)
    rows: list[torch.Tensor] = []
    ends: list[list[torch.Tensor]] = [[] for _ in states]
    for row, length in enumerate(lengths):
        sequence, slot = list(x[row, :length]), 0
        for depth, layer in enumerate(layer for layer in layout.layers if isinstance(layer, Recurrent)):
            outputs: list[list[torch.Tensor]] = []
            for suffix in layer.suffixes:
                p = {key: values[f"{key}_l{depth}{suffix}"] for key in layer.parameter_shapes(1)}
                kinds = len(layer.cell.state_names)
                now = [s[row] for s in states[slot : slot + kinds]]
                given: list[torch.Tensor] = []
                for step in reversed(sequence) if suffix else sequence:
                    take = norm_step if layer.cell.layer_norm else STEPS[layer.cell.kind]  # type: ignore[union-attr]
                    now = take(layer.cell, p, step, now)
                    given.append(now[0])
                for i, end in enumerate(now):
                    ends[slot + i].append(end)
                slot += kinds
                outputs.append(given[::-1] if suffix else given)
            sequence = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
        rows.append(functional.pad(torch.stack(sequence), (0, 0, 0, x.shape[1] - length)))
    return torch.stack(rows), [torch.stack(end) for end in ends]


def lstm_step(cell: Any, p: Any, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    """ONNX's peepholes, order i, f, o: i and f see the cell before, o the cell after."""
    h, c = state
    a_i, a_f, a_g, a_o = (p["weight_ih"] @ x + p["weight_hh"] @ h + p["bias"]).chunk(4)
    p_i, p_f, p_o = p["peephole"]
    c = torch.sigmoid(a_f + p_f * c) * c + torch.sigmoid(a_i + p_i * c) * torch.tanh(a_g)
    return [torch.sigmoid(a_o + p_o * c) * torch.tanh(c), c]


def gru_step(cell: Any, p: Any, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    """The paper's GRU: the reset gate scales the state before the product."""
    (h,) = state
    a_r, a_z, a_n = (p["weight_ih"] @ x + p["bias"]).chunk(3)
    w_r, w_z, w_n = p["weight_hh"].chunk(3)
    r, z = torch.sigmoid(a_r + w_r @ h), torch.sigmoid(a_z + w_z @ h)
    return [(1 - z) * torch.tanh(a_n + w_n @ (r * h)) + z * h]


def leaky_step(cell: Any, p: Any, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    (h,) = state
    s = ACTIVATIONS[cell.activation](p["weight_ih"] @ x + p["weight_hh"] @ h + p["bias"])
    return [(1 - p["leak"]) * h + p["leak"] * s if "leak" in p else s]


def norm_step(cell: Any, p: Any, x: torch.Tensor, state: list[torch.Tensor]) -> list[torch.Tensor]:
    """Each cell with PyTorch's own layer_norm on its two products, and on the LSTM's cell."""
    h = state[0]
    a_x = functional.layer_norm(p["weight_ih"] @ x, p["gain_ih"].shape, p["gain_ih"], p["bias"])
    a_h = functional.layer_norm(p["weight_hh"] @ h, p["gain_hh"].shape, p["gain_hh"])
    if cell.kind == "simple":
        return [ACTIVATIONS[cell.activation](a_x + a_h)]
    if cell.kind == "lstm":
        i, f, g, o = (a_x + a_h).chunk(4)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(functional.layer_norm(c, c.shape, p["gain_c"], p["shift_c"])), c]
    (x_r, x_z, x_n), (h_r, h_z, h_n) = a_x.chunk(3), a_h.chunk(3)
    z = torch.sigmoid(x_z + h_z)
    return [(1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * (h_n + p["bias_hn"])) + z * h]


ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "softplus": functional.softplus}
STEPS: dict[str, Any] = {"lstm": lstm_step, "gru": gru_step, "simple": leaky_step}
BY_HAND = tuple(name for name in CELLS if name not in ("tanh", "relu", "lstm", "gru"))


# --------------------------------------------------------------- what is drawn, and learned states

SEED, UPDATE = 11, 7
ACTIVITY = 0.4


def regular_draws() -> Arrays:
    """What update UPDATE of a training with seed SEED draws for rows 0 to B - 1."""
    draws, double = Draws(SEED, UPDATE, np.arange(B)), np.dtype(float)
    cell, above = DrawPlace(0, 0), DrawPlace(1, 0)
    steps = {
        "zoneout_h": [draws.chosen(cell, "zoneout_h", t, H, 0.3) for t in range(T)],
        "zoneout_c": [draws.chosen(cell, "zoneout_c", t, H, 0.3) for t in range(T)],
        "noise": [draws.normal(cell, "noise", t, H, double) for t in range(T)],
        "dropout": [draws.mask(above, "dropout", t, H, 0.4, double) for t in range(T)],
    }
    found = {key: np.stack(arrays, axis=1).astype(float) for key, arrays in steps.items()}
    return found | {"recurrent": draws.mask(cell, "recurrent_dropout", 0, H, 0.4, double)}


def regular_values(inputs: Arrays) -> Arrays:
    """For each layout y, final state, gradient and dx of sum(y dy), with the draws kept among the inputs."""
    drawn = {key: torch.tensor(inputs[key]) for key in regular_draws()}
    ones = torch.ones(B, H, dtype=torch.float64)
    found: Arrays = {}
    for key, layout in drawing_layouts(H, D).items():
        name, option = key.split("-")
        theta, x = leaf(inputs[f"theta-{key}"]), leaf(inputs["x"])
        p, layer = named(layout, theta), layout.layers[0]
        assert isinstance(layer, Recurrent)
        kinds = layer.cell.state_names
        now = [p[f"state_{k}_l0"].expand(B, H) if layer.learned_state else 0 * ones for k in kinds]
        mask = drawn["recurrent"] if layer.recurrent_dropout else ones
        outputs: list[torch.Tensor] = []
        ends: list[list[torch.Tensor]] = []
        for t in range(T):
            noise = 0.3 * drawn["noise"][:, t] if option == "noise" else 0
            made = batched_step(name, p, x[:, t], now, mask, noise)
            held = [drawn[f"zoneout_{k}"][:, t] if layer.zoneout else 0 * ones for k in kinds]
            now = [k * old + (1 - k) * new for k, old, new in zip(held, now, made, strict=True)]
            outputs.append(now[0])
            ends.append(now)
        y = torch.stack(outputs, 1)
        if len(layout.layers) > 1:
            y = y * (drawn["dropout"][:, :1] if option == "variational" else drawn["dropout"])
        final = [
            torch.stack([ends[n - 1][k][row] for row, n in enumerate(inputs["lengths"])]) for k in range(len(kinds))
        ]
        real = torch.tensor(np.arange(T) < inputs["lengths"][:, None])[..., None]
        y = torch.where(real, y, 0.0)
        gradients = torch.autograd.grad((y * torch.tensor(inputs["dy"])).sum(), [theta, x])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, *final, *gradients)])
    return found


def batched_step(
    name: str, p: Tensors, x: torch.Tensor, state: Any, mask: torch.Tensor, noise: Any
) -> list[torch.Tensor]:
    h, read = state[0], state[0] * mask
    a_x, a_h = x @ p["weight_ih_l0"].T + p["bias_l0"], read @ p["weight_hh_l0"].T
    if name == "tanh":
        return [torch.tanh(a_x + a_h + noise)]
    if name == "lstm":
        i, f, g, o = (a_x + a_h).chunk(4, 1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c), c]
    (x_r, x_z, x_n), (h_r, h_z, h_n) = a_x.chunk(3, 1), a_h.chunk(3, 1)
    z = torch.sigmoid(x_z + h_z)
    return [(1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * (h_n + p["bias_hn_l0"])) + z * h]


# ------------------------------------------------------------------------------- the other layers


def stack_layouts() -> dict[str, Layout]:
    """Every dense activation with a skip, at every step and behind Last; an embedding below an LSTM."""
    found: dict[str, Layout] = {}
    for activation, output in product(("linear", "tanh", "relu", "sigmoid"), ("sequence", "last")):
        last = [Last()] if output == "last" else []
        found[f"{activation}-{output}"] = Layout([Recurrent(H), *last, Dense(4, activation), Dense(3), Skip()], D)
    found["embedding-sequence"] = Layout([Embedding(6, D), Recurrent(H), Dense(3)], 1)
    return found


def stack_values(inputs: Arrays) -> Arrays:
    """y, gradient and (but for the embedding) dx of each stack, one after the other."""
    found: Arrays = {}
    acts: dict[str, Any] = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    for key, layout in stack_layouts().items():
        theta, x = leaf(inputs[f"theta-{key}"]), leaf(inputs["x"])
        p = named(layout, theta)
        read = p["embedding.weight"][torch.tensor(inputs["ids"])] if layout.integer_input else x
        inner = Layout([Recurrent(H)], D)
        start = next(place.offset for place in layout.parameters if place.name == "weight_ih_l0")
        zeros = [torch.zeros(B, H, dtype=torch.float64)] * 2
        out, _ = by_module(inner, theta[start : start + inner.size], read, np.full(B, T), zeros)
        dy = torch.tensor(inputs["dy"])
        if layout.last:
            out, read, dy = out[:, -1], read[:, -1], dy[:, -1]
        for layer, name in zip((one for one in layout.layers if isinstance(one, Dense)), dense_names(p), strict=True):
            out = functional.linear(out, p[f"{name}.weight"], p[f"{name}.bias"])
            out = acts.get(layer.activation, lambda a: a)(out)
        if "skip.weight" in p:
            out = out + read @ p["skip.weight"].T
        gradients = torch.autograd.grad((out * dy).sum(), [theta] if layout.integer_input else [theta, x])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (out, *gradients)])
    return found


def attention_values(inputs: Arrays) -> Arrays:
    """y, gradient and that of the encoder's input for each layout, one after the other. Attention is PyTorch's own,
    without its scale; it sees one row after the other, each cut to its lengths."""
    found: Arrays = {}
    lengths = inputs["lengths"]
    for key, layout in attention_layouts(H, D).items():
        itself = key == "itself"
        ends = lengths if itself else inputs["source_lengths"]
        theta, read = leaf(inputs[f"theta-{key}"]), leaf(inputs["x" if itself else "source"])
        p = named(layout, theta)

        def recurrent(i: int, size: int, x: torch.Tensor, steps: np.ndarray) -> torch.Tensor:
            inner, start = Layout([Recurrent(size, CELLS["gru"])], D), layout.parts[i].parameters[0][0].offset  # noqa: B023
            states = [torch.zeros(B, size, dtype=torch.float64)]
            return by_module(inner, theta[start : start + inner.size], x, steps, states)[0]  # noqa: B023

        query = memory = recurrent(0, H, read, ends)
        if not itself:
            symbols = p["symbols.weight"][torch.tensor(inputs["words"])]
            query = recurrent(3, H if key == "dot" else 4, functional.pad(symbols, (0, 0, 1, 0))[:, :-1], lengths)
        rows: list[torch.Tensor] = []
        for row, (steps, count) in enumerate(zip(lengths, ends, strict=True)):
            q, m = query[row, :steps], memory[row, :count]
            y = torch.cat([context(p, q, m), q], 1)
            y = functional.pad(y, (0, 0, 1, 0))[:-1] if itself else y
            y = functional.linear(y, p["head.weight"], p["head.bias"])
            rows.append(functional.pad(y, (0, 0, 0, T - steps)))
        y = torch.stack(rows)
        gradients = torch.autograd.grad((y * torch.tensor(inputs["dy"])).sum(), [theta, read])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, *gradients)])
    return found


def context(p: Tensors, q: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    """What each of q (T, Q) reads of m (S, M), by the score that the parameters belong to."""
    if "attention.bias" in p:
        u = functional.linear(q, p["attention.weight"], p["attention.bias"])
        hidden = torch.tanh(u[:, None] + functional.linear(m, p["attention.weight_memory"]))
        return functional.softmax(functional.linear(hidden, p["attention.weight_score"])[..., 0], dim=1) @ m
    key = q @ p["attention.weight"].T if "attention.weight" in p else q
    return functional.scaled_dot_product_attention(key, m, m, scale=1.0)


class LogProbabilities(torch.nn.AdaptiveLogSoftmaxWithLoss):
    """PyTorch's module, called for the log probabilities of all classes."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.log_prob(given)


def adaptive_values(inputs: Arrays) -> Arrays:
    """y, its gradient and dx for each layout; then the loss of the classes, its gradient and dx."""
    found: Arrays = {}
    roles = {"head_weight": "head.weight", "head_bias": "head.bias"}
    roles |= {f"tail{i}_{end}_weight": f"tail.{i}.{k}.weight" for i in (0, 1) for k, end in enumerate(("in", "out"))}
    for key, layout in adaptive_layouts(H, D).items():
        theta, x = leaf(inputs[f"theta-{key}"]), leaf(inputs["x"])
        own = layout.layers[-1]
        inner, width = Layout([layout.layers[0]], D), layout.parts[-1].input_size
        h, _ = by_module(inner, theta[: inner.size], x, np.full(B, T), [torch.zeros(B, width, dtype=torch.float64)])
        dy, classes = torch.tensor(inputs["dy"]), torch.tensor(inputs["classes"])
        if layout.last:
            h, dy, classes = h[:, -1], dy[:, -1], classes[:, -1]
        h, dy, classes = h.reshape(-1, width), dy.reshape(-1, 13), classes.reshape(-1)
        options = (width, own.num_classes, list(own.cutoffs), own.div_value, True)
        p = {roles[place.role]: place.view(theta) for place in layout.parameters if place.role in roles}
        y = torch.func.functional_call(LogProbabilities(*options), p, (h,))
        whole = torch.nn.AdaptiveLogSoftmaxWithLoss(*options)
        loss = torch.func.functional_call(whole, p, (h, classes)).loss
        parts = [y, *torch.autograd.grad((y * dy).sum(), [theta, x], retain_graph=True)]
        parts += [loss, *torch.autograd.grad(loss, [theta, x])]
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in parts])
    return found


def gru_steps(layout: Layout, i: int, theta: torch.Tensor, x: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
    """The steps of the layout's part i, a GRU layer on x."""
    part = layout.parts[i]
    inner, start = Layout([part.layer], x.shape[-1]), part.parameters[0][0].offset
    states = [torch.zeros(B, H, dtype=torch.float64) for _ in inner.states]
    return by_module(inner, theta[start : start + inner.size], x, lengths, states)[0]


def pool_values(inputs: Arrays) -> Arrays:
    """y, gradient and dx for each pooling, one row after the other, each cut to its length."""
    found: Arrays = {}
    for key, layout in pooling_layouts(H, D).items():
        theta, x = leaf(inputs[f"theta-{key}"]), leaf(inputs["x"])
        p, h = named(layout, theta), gru_steps(layout, 0, theta, x, inputs["lengths"])
        rows: list[torch.Tensor] = []
        for row, steps in enumerate(inputs["lengths"]):
            own = h[row, :steps]
            if key.startswith("attention"):
                query, own = p["pool.weight"][None], own[None]
                rows.append(functional.scaled_dot_product_attention(query[None], own, own, scale=1.0)[0, 0])
            else:
                rows.append(own.mean(0) if key.startswith("mean") else own.max(0).values)
        y = functional.linear(torch.stack(rows), p["head.weight"], p["head.bias"])
        gradients = torch.autograd.grad((y * torch.tensor(inputs["dy"])).sum(), [theta, x])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, *gradients)])
    return found


def concat_values(inputs: Arrays) -> Arrays:
    """y, gradient, dx and dv for both layouts."""
    found: Arrays = {}
    lengths, words = inputs["lengths"], torch.tensor(inputs["words"])
    real = torch.tensor(np.arange(T) < lengths[:, None])[..., None]
    for key, layout in concat_layouts(H, D).items():
        theta, x, v = leaf(inputs[f"theta-{key}"]), leaf(inputs["x"]), leaf(inputs["v"])
        p, dy = named(layout, theta), torch.tensor(inputs["dy"])
        word = p["word.weight"][words]
        if key == "tagger":
            joined = torch.cat([word, v[:, None].expand(B, T, D + 1), x], 2)
            joined = torch.cat([gru_steps(layout, 2, theta, joined, lengths), x], 2)
        else:
            h, dy = gru_steps(layout, 1, theta, x, lengths), dy[:, 0]
            most = torch.where(real, h, -torch.inf).max(1).values
            seen = torch.where(real, word, 0.0).sum(1) / torch.tensor(lengths)[:, None]
            joined = torch.cat([h[range(B), lengths - 1], most, v, seen], 1)
        y = functional.linear(joined, p["head.weight"], p["head.bias"])
        y = torch.where(real, y, 0.0) if key == "tagger" else y
        gradients = torch.autograd.grad((y * dy).sum(), [theta, x, v])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, *gradients)])
    return found


def tied_values(inputs: Arrays) -> Arrays:
    """y and gradient for each layout, `decoder.weight` being `encoder.weight`; the padding id is PyTorch's."""
    found: Arrays = {}
    lengths, ids = inputs["lengths"], torch.tensor(inputs["ids"])
    real = torch.tensor(np.arange(T) < lengths[:, None])[..., None]
    for key, layout in tied_layouts(H).items():
        theta = leaf(inputs[f"theta-{key}"])
        p = named(layout, theta)
        if key == "shared":
            y = torch.where(real, shared_outputs(layout, theta, p, ids, lengths), 0.0)
            (gradient,) = torch.autograd.grad((y * torch.tensor(inputs["dy"])).sum(), [theta])
            found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, gradient)])
            continue
        plain = key == "plain"
        encoder = torch.nn.Embedding(6, 4 if plain else H, padding_idx=2 if plain else None, dtype=torch.float64)
        decoder = torch.nn.Linear(4 if plain else H, 6, dtype=torch.float64)
        decoder.weight = encoder.weight
        table = p["embedding.weight" if plain else "word.weight"]
        read = torch.func.functional_call(encoder, {"weight": table}, (ids,))
        h = gru_steps(layout, 1, theta, read, lengths)
        h = torch.tanh(functional.linear(h, p["dense0.weight"], p["dense0.bias"])) if plain else h
        y = torch.func.functional_call(decoder, {"weight": table, "bias": p["head.bias"]}, (h,))
        y = torch.where(real, y, 0.0)
        (gradient,) = torch.autograd.grad((y * torch.tensor(inputs["dy"])).sum(), [theta])
        found[key] = np.concatenate([a.detach().numpy().ravel() for a in (y, gradient)])
    return found


def shared_outputs(
    layout: Layout, theta: torch.Tensor, p: Tensors, ids: torch.Tensor, lengths: np.ndarray
) -> torch.Tensor:
    """y of the layout with one table for all: the source is the ids turned around, as long as they are."""
    inner, zeros = Layout([Recurrent(H, CELLS["gru"])], 4), [torch.zeros(B, H, dtype=torch.float64)]

    def recurrent(i: int, x: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        start = layout.parts[i].parameters[0][0].offset
        return by_module(inner, theta[start : start + inner.size], x, lengths, state)

    table = p["first.weight"]
    _, final = recurrent(1, functional.embedding(ids.flip(1), table), zeros)
    h, _ = recurrent(3, functional.embedding(ids, table, padding_idx=2), final)
    return functional.linear(
        torch.tanh(functional.linear(h, p["narrow.weight"], p["narrow.bias"])), table, p["head.bias"]
    )


def dense_names(parameters: Tensors) -> list[str]:
    return [name for name in ("dense0", "head") if f"{name}.weight" in parameters]


# ---------------------------------------------------------------------------- losses, optimisers


def loss_values(inputs: Arrays) -> Arrays:
    """For each loss, with weights and without: its value, and its derivative by y_hat (8, 6) behind it."""
    found: Arrays = {}
    y, p, classes = (torch.tensor(inputs[key]) for key in ("y", "probability", "classes"))

    def pinball(y_hat: torch.Tensor) -> torch.Tensor:
        q, e = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64), y[:, :2, None] - y_hat.reshape(-1, 2, 3)
        return torch.maximum(q * e, (q - 1) * e).reshape(-1, 6)

    def density(head: torch.Tensor, df: float | None) -> torch.Tensor:
        mu, s, of = head[:, 0::2], head[:, 1::2], y[:, :3]
        scale = s.clamp(-20, 20).exp()
        if df is None:
            value = functional.gaussian_nll_loss(mu, of, scale**2, full=True, eps=0, reduction="none")
        else:
            value = -torch.distributions.StudentT(df, mu, scale).log_prob(of)
        return value + functional.relu(s.abs() - 20)

    terms: dict[str, Any] = {
        "half_sse": lambda y_hat: 0.5 * functional.mse_loss(y_hat, y, reduction="none"),
        "mse": lambda y_hat: functional.mse_loss(y_hat, y, reduction="none"),
        "mae": lambda y_hat: functional.l1_loss(y_hat, y, reduction="none"),
        "huber": lambda y_hat: functional.huber_loss(y_hat, y, reduction="none", delta=0.7),
        "cross_entropy": lambda y_hat: functional.cross_entropy(y_hat, classes, reduction="none")[:, None],
        "smoothed": lambda y_hat: functional.cross_entropy(y_hat, classes, reduction="none", label_smoothing=0.15)[
            :, None
        ],
        "binary_cross_entropy": lambda y_hat: functional.binary_cross_entropy_with_logits(y_hat, p, reduction="none"),
        "pinball": pinball,
        "gaussian": lambda head: density(head, None),
        "student_t": lambda head: density(head, 3.5),
    }
    for (name, term), weighted in product(terms.items(), (False, True)):
        y_hat = leaf(inputs["location_scale" if name in ("gaussian", "student_t") else "y_hat"])
        weight = torch.tensor(inputs["weight"]) if weighted else torch.ones(8, dtype=torch.float64)
        each = term(y_hat) * weight[:, None]
        value = each.sum() / (1.0 if name == "half_sse" else weight.sum() * each.shape[1])
        (slope,) = torch.autograd.grad(value, y_hat)
        found[f"{name}-{'weighted' if weighted else 'plain'}"] = np.append(value.item(), slope.numpy())
    return found


def training_layout() -> Layout:
    return Layout([Recurrent(H, Simple()), Dense(2)], D)


def training_values(inputs: Arrays) -> Arrays:
    """Six updates by each optimiser, and by SGD with each clipping: rows of (loss, norm, theta after it)."""
    adam = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-8}
    runs: dict[str, tuple[Any, dict[str, Any], float, float]] = {
        "sgd": (torch.optim.SGD, {"lr": 0.1}, 0, 0),
        "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, 0, 0),
        "rmsprop": (torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.9}, 0, 0),
        "adagrad": (torch.optim.Adagrad, {"lr": 0.1}, 0, 0),
        "adam": (torch.optim.Adam, adam, 0, 0),
        "adamw": (torch.optim.AdamW, {**adam, "weight_decay": 0.1}, 0, 0),
        "clip_norm": (torch.optim.SGD, {"lr": 0.1}, 0.5, 0),
        "clip_value": (torch.optim.SGD, {"lr": 0.1}, 0, 0.1),
        "clip_both": (torch.optim.SGD, {"lr": 0.1}, 0.3, 0.1),
    }
    return {key: np.stack(list(trajectory(inputs, *run))) for key, run in runs.items()}


def trajectory(inputs: Arrays, kind: Any, options: Any, clip_norm: float, clip_value: float) -> Iterator[np.ndarray]:
    layout = training_layout()
    theta = torch.tensor(inputs["theta"])
    p = {name: leaf(view.numpy()) for name, view in named(layout, theta).items()}
    x, y = torch.tensor(inputs["x"]), torch.tensor(inputs["y"])
    optimiser = kind(list(p.values()), **options)
    for _ in range(6):
        h, outputs = torch.zeros(B, H, dtype=torch.float64), []
        for t in range(T):
            h = torch.tanh(x[:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_l0"])
            outputs.append(h @ p["head.weight"].T + p["head.bias"])
        value = functional.mse_loss(torch.stack(outputs, 1), y)
        optimiser.zero_grad()
        value.backward()
        if clip_value:
            torch.nn.utils.clip_grad_value_(p.values(), clip_value)
        norm = torch.nn.utils.get_total_norm([one.grad for one in p.values()])
        if clip_norm:  # PyTorch divides by norm + 1e-6; with this limit it divides by the norm
            torch.nn.utils.clip_grad_norm_(p.values(), clip_norm * float((norm + 1e-6) / norm))
        optimiser.step()
        yield np.concatenate([[value.item(), norm.item()], *(one.detach().numpy().ravel() for one in p.values())])


def sparse_layout() -> Layout:
    return Layout([Embedding(9, D, sparse=True), Recurrent(H, Simple()), Dense(2)], 1)


def sparse_values(inputs: Arrays) -> Arrays:
    """Six updates on ids of their own each, the table by PyTorch's SparseAdam, all else by Adam: rows of (loss, norm,
    theta after it). PyTorch adds eps before the correction of the squares in one and behind it in the other; so it is
    next to nothing here."""
    layout, options = sparse_layout(), {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-30}
    theta = torch.tensor(inputs["theta"])
    p = {place.name: leaf(place.view(theta.numpy())) for place in layout.parameters}
    table = p["embedding.weight"]
    others = [one for one in p.values() if one is not table]
    optimisers = [torch.optim.SparseAdam([table], **options), torch.optim.Adam(others, **options)]
    made: list[np.ndarray] = []
    for ids in inputs["ids"]:
        x = functional.embedding(torch.tensor(ids), table, sparse=True)
        h, outputs = torch.zeros(B, H, dtype=torch.float64), []
        for t in range(T):
            h = torch.tanh(x[:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_l0"])
            outputs.append(h @ p["head.weight"].T + p["head.bias"])
        value = functional.mse_loss(torch.stack(outputs, 1), torch.tensor(inputs["y"]))
        for one in optimisers:
            one.zero_grad()
        value.backward()
        assert table.grad is not None
        squares = [one.grad.square().sum() for one in others if one.grad is not None]
        norm = torch.sqrt(sum(squares) + table.grad.coalesce().values().square().sum())
        for one in optimisers:
            one.step()
        places = sorted(layout.parameters, key=lambda place: place.offset)
        after = [p[place.name].detach().numpy().ravel() for place in places]
        made.append(np.concatenate([[value.item(), norm.item()], *after]))
    return {"adam": np.stack(made)}


def rules_values(inputs: Arrays) -> Arrays:
    """Rows of (loss, norm, theta after it): updates under rules, and updates on windows with the state carried.

    Rules: AdamW, the recurrent matrix at half of the rate, decay for matrices alone, the head's bias frozen, zeros of a
    mask kept, columns 0 and 2 of the recurrent matrix held at or above and at or below 0. Windows: of two steps, SGD.
    """
    layout = training_layout()
    x, y, mask = (torch.tensor(inputs[key]) for key in ("x", "y", "mask"))

    def begin() -> Tensors:
        return {name: leaf(view.numpy()) for name, view in named(layout, torch.tensor(inputs["theta"])).items()}

    def run(p: Tensors, h: torch.Tensor, steps: range) -> tuple[torch.Tensor, torch.Tensor]:
        outputs: list[torch.Tensor] = []
        for t in steps:
            h = torch.tanh(x[:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_l0"])
            outputs.append(h @ p["head.weight"].T + p["head.bias"])
        return functional.mse_loss(torch.stack(outputs, 1), y[:, list(steps)]), h

    def row(value: torch.Tensor, norm: torch.Tensor, p: Tensors) -> np.ndarray:
        return np.concatenate([[value.item(), norm.item()], *(one.detach().numpy().ravel() for one in p.values())])

    def bound(weight: torch.Tensor) -> None:
        with torch.no_grad():
            weight *= mask
            weight[:, 0].clamp_(min=0)
            weight[:, 2].clamp_(max=0)

    p, rows = begin(), []
    bound(p["weight_hh_l0"])
    free = [one for name, one in p.items() if name != "head.bias"]
    groups = [
        {"params": [p["weight_ih_l0"], p["head.weight"]]},
        {"params": [p["weight_hh_l0"]], "lr": 0.025},
        {"params": [p["bias_l0"]], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.05, betas=(0.8, 0.95), eps=1e-8, weight_decay=0.1)
    for _ in range(6):
        value, _ = run(p, torch.zeros(B, H, dtype=torch.float64), range(T))
        optimiser.zero_grad()
        value.backward()
        gradient = p["weight_hh_l0"].grad
        assert gradient is not None
        gradient *= mask
        norm = torch.nn.utils.get_total_norm([one.grad for one in free if one.grad is not None])
        optimiser.step()
        bound(p["weight_hh_l0"])
        rows.append(row(value, norm, p))
    found = {"rules": np.stack(rows)}
    p, rows = begin(), []
    optimiser = torch.optim.SGD(list(p.values()), lr=0.1)
    for _ in range(2):
        h = torch.zeros(B, H, dtype=torch.float64)
        for t in range(0, T, 2):
            value, h = run(p, h.detach(), range(t, min(t + 2, T)))
            optimiser.zero_grad()
            value.backward()
            norm = torch.nn.utils.get_total_norm([one.grad for one in p.values() if one.grad is not None])
            optimiser.step()
            rows.append(row(value, norm, p))
    return found | {"windows": np.stack(rows), "carry": h.detach().numpy()}


def truncated_layouts() -> dict[str, Layout]:
    return {key: Layout([*[Recurrent(H, CELLS[key])] * 2, Dense(2)], D) for key in ("tanh", "lstm", "gru")}


def truncated_values(inputs: Arrays) -> Arrays:
    """A loss of weighted steps and its gradient, where every second step's state is cut off from the one before; and
    both with a penalty on all activity beside it."""
    found: Arrays = {}
    x, y, weight = (torch.tensor(inputs[key]) for key in ("x", "y", "weight"))
    for (key, layout), penalty in product(truncated_layouts().items(), (0.0, ACTIVITY)):
        theta = leaf(inputs[f"theta-{key}"])
        p, layers = named(layout, theta), [Layout(layout.layers[:1], D), Layout(layout.layers[1:2], H)]
        states = [[torch.zeros(B, H, dtype=torch.float64) for _ in layer.states] for layer in layers]
        outputs: list[torch.Tensor] = []
        squares: list[torch.Tensor] = []
        for t in range(0, T, 2):
            out, offset = x[:, t : t + 2], 0
            for k, layer in enumerate(layers):
                own = theta[offset : offset + layer.size]
                out, ends = by_module(layer, own, out, np.full(B, out.shape[1]), states[k])
                states[k], offset = [state.detach() for state in ends], offset + layer.size
                squares.append((out**2).sum())
            outputs.append(functional.linear(out, p["head.weight"], p["head.bias"]))
        value = (weight[..., None] * (torch.cat(outputs, 1) - y) ** 2).sum() / (2 * weight.sum())
        value = value + penalty * torch.stack(squares).sum() / (B * T * 2 * H)
        (gradient,) = torch.autograd.grad(value, theta)
        found[f"{key}-active" if penalty else key] = np.append(value.item(), gradient.numpy())
    return found


if __name__ == "__main__":
    sys.exit(main())
