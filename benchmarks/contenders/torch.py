"""PyTorch, eager: nn.RNN, nn.LSTM, nn.GRU for sequences, their cells (or T = 1) for steps; packed or masked if ragged.

Time-major, as it is fastest. The biases of the two products are added up in ours; here the second is zero, but for the
GRU's third gate, where it is the one inside the reset.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from benchmarks.cases import LEARNING_RATE, STEP_RATE, Case
from benchmarks.contenders import Answer, Refused, Work, fastest

__all__ = ["build", "versions"]

WHOLE = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELL = {"tanh": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


def versions() -> dict[str, Any]:
    return {"torch": torch.__version__, "torch isa": torch.backends.cpu.get_cpu_capability()}


def build(case: Case, thorough: bool = True) -> Work:
    torch.set_num_threads(case.threads)
    if case.kind == "sine":
        raise Refused("the paper's program is compared with plain NumPy")
    if case.kind == "gemm":
        return _gemm(case)
    if case.kind == "stream":
        return _stream(case, thorough)
    if case.kind == "step":
        return fastest([partial(_step, case, fused) for fused in (True, False)], thorough)
    way = _infer if case.kind == "infer" else _train
    return fastest([partial(way, case, packed) for packed in (False, True)[: 1 + case.ragged]], thorough)


def _modules(case: Case, kind: dict[str, Any]) -> tuple[nn.Module, nn.Linear]:
    """The recurrent module and the head, with the case's weights."""
    dtype = getattr(torch, case.dtype)
    layer = kind[case.cell](case.D, case.H, dtype=dtype)
    head = nn.Linear(case.H, 1, dtype=dtype)
    w = {name: torch.from_numpy(value) for name, value in case.weights().items()}
    suffix = "_l0" if kind is WHOLE else ""
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh"):
            getattr(layer, name + suffix).copy_(w[name + "_l0"])
        getattr(layer, "bias_ih" + suffix).copy_(w["bias_l0"])
        getattr(layer, "bias_hh" + suffix).zero_()
        if case.cell == "gru":
            getattr(layer, "bias_hh" + suffix)[2 * case.H :] = w["bias_hn_l0"]
        if case.head:
            head.weight.copy_(w["head.weight"])
            head.bias.copy_(w["head.bias"])
    return layer, head


def _batches(case: Case) -> list[tuple[torch.Tensor, ...]]:
    """x, y, mask, each (T, B, .), and lengths of every batch."""
    arrays = (*case.data(), case.mask())
    found = []
    for k in range(min(case.batches, 64)):
        rows = slice(k * case.B, (k + 1) * case.B)
        tensors = [torch.from_numpy(np.ascontiguousarray(values[rows].swapaxes(0, 1))) for values in arrays]
        found.append((*tensors, torch.from_numpy(case.lengths()[rows])))
    return found


def _outputs(layer: nn.Module, head: nn.Linear, x: torch.Tensor, lengths: torch.Tensor, packed: bool) -> torch.Tensor:
    """(T, B, 1); packed, or over every step."""
    if not packed:
        return head(layer(x)[0])
    h, _ = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    y = head(h.data)
    return pad_packed_sequence(PackedSequence(y, h.batch_sizes, h.sorted_indices, h.unsorted_indices))[0]


def _train(case: Case, packed: bool) -> Work:
    layer, head = _modules(case, WHOLE)
    parameters = [*layer.parameters(), *head.parameters()]
    batches, mean = _batches(case), nn.MSELoss()
    optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE, foreach=True)
    count_real = float(case.steps)

    def gradients(batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        x, y, mask, lengths = batch
        y_hat = _outputs(layer, head, x, lengths, packed)
        loss = ((y_hat - y).square_() * mask).sum() / count_real if case.ragged else mean(y_hat, y)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        return y_hat

    output = gradients(batches[0]) * batches[0][2]
    answer: Answer = {"output": output.detach().numpy().swapaxes(0, 1)}
    answer |= _named(case, layer, head, lambda parameter: parameter.grad)

    def run(count: int) -> int:
        for k in range(count):
            gradients(batches[k % len(batches)])
            if case.kind != "gradient":
                optimizer.step()
        return count

    return Work(f"nn.{WHOLE[case.cell].__name__}" + _how(case, packed), run, answer)


def _named(case: Case, layer: nn.Module, head: nn.Linear, of: Any) -> Answer:
    """Something of each parameter, by elman's names."""

    def array(parameter: nn.Parameter) -> np.ndarray:
        return of(parameter).detach().numpy().copy()

    found = {name: array(getattr(layer, name)) for name in ("weight_ih_l0", "weight_hh_l0")}
    found["bias_l0"] = array(layer.bias_ih_l0)
    if case.cell == "gru":
        found["bias_hn_l0"] = array(layer.bias_hh_l0)[2 * case.H :]
    return found | {"head.weight": array(head.weight), "head.bias": array(head.bias)}


def _step(case: Case, fused: bool) -> Work:
    layer, head = _modules(case, WHOLE)
    parameters = [*layer.parameters(), *head.parameters()]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    given = {name: torch.from_numpy(value) for name, value in case.gradient().items()}
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(layer, name).grad.copy_(given[name])
        layer.bias_ih_l0.grad.copy_(given["bias_l0"])
        if case.cell == "gru":
            layer.bias_hh_l0.grad[2 * case.H :] = given["bias_hn_l0"]
        head.weight.grad.copy_(given["head.weight"])
        head.bias.grad.copy_(given["head.bias"])
    optimizer = torch.optim.Adam(parameters, lr=STEP_RATE, fused=fused, foreach=not fused)
    before = {parameter: parameter.detach().clone() for parameter in parameters}
    optimizer.step()

    def run(count: int) -> int:
        for _ in range(count):
            optimizer.step()
        return count

    moved = _named(case, layer, head, lambda parameter: (before[parameter] - parameter) / STEP_RATE)
    return Work("optim.Adam" + (", fused" if fused else ", foreach"), run, moved)


def _infer(case: Case, packed: bool) -> Work:
    layer, head = _modules(case, WHOLE)
    x, _, mask, lengths = _batches(case)[0]

    @torch.inference_mode()
    def run(count: int) -> int:
        for _ in range(count):
            _outputs(layer, head, x, lengths, packed)
        return count

    with torch.inference_mode():
        output = (_outputs(layer, head, x, lengths, packed) * mask).numpy().swapaxes(0, 1).copy()
    return Work(f"nn.{WHOLE[case.cell].__name__}" + _how(case, packed), run, {"output": output})


def _how(case: Case, packed: bool) -> str:
    return (", packed" if packed else ", padded, masked loss") if case.ragged else ""


def _stream(case: Case, thorough: bool) -> Work:
    """The cell, or the whole module with T = 1, whichever is faster."""
    return fastest([partial(_by_cell, case), partial(_by_module, case)], thorough)


def _by_cell(case: Case) -> Work:
    layer, head = _modules(case, CELL)
    x, lstm = torch.from_numpy(case.data()[0][0]), case.cell == "lstm"
    zero = torch.zeros(1, case.H, dtype=x.dtype)

    @torch.inference_mode()
    def run(count: int) -> int:
        state: Any = (zero, zero) if lstm else zero
        for _ in range(count):
            state = layer(x, state)
            if case.head:
                head(state[0] if lstm else state)
        return count

    with torch.inference_mode():
        h = layer(x)[0] if lstm else layer(x)
        output = (head(h) if case.head else h).numpy()[None]
    return Work(f"nn.{CELL[case.cell].__name__}", run, {"output": output})


def _by_module(case: Case) -> Work:
    layer, head = _modules(case, WHOLE)
    x = torch.from_numpy(case.data()[0])

    @torch.inference_mode()
    def run(count: int) -> int:
        state: Any = None
        for _ in range(count):
            h, state = layer(x, state)
            if case.head:
                head(h)
        return count

    with torch.inference_mode():
        h, _ = layer(x)
        output = (head(h) if case.head else h).numpy()
    return Work(f"nn.{WHOLE[case.cell].__name__}", run, {"output": output})


def _gemm(case: Case) -> Work:
    dtype = getattr(torch, case.dtype)
    a, b = torch.randn(case.B, case.D, dtype=dtype), torch.randn(case.D, case.H, dtype=dtype)
    out = torch.empty(case.B, case.H, dtype=dtype)

    def run(count: int) -> int:
        for _ in range(count):
            torch.mm(a, b, out=out)
        return count

    return Work("mm", run, {})
