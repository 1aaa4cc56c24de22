"""JAX: one jitted function with `lax.scan` over time, input projection hoisted, weights held as (in, out).

Buffers of the weights are donated. A training call does one update, or scans over many where updates are small.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import LEARNING_RATE, Case
from benchmarks.contenders import Answer, Refused, Work, fastest

__all__ = ["build", "versions"]

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

BLOCK = 64  # updates of one call, where calling costs as much as computing
SMALL = 32 * 50 * 64  # B * T * H up to which a block is tried, and unrolled loops


def versions() -> dict[str, Any]:
    return {"jax": jax.__version__}


def build(case: Case, thorough: bool = True) -> Work:
    if case.kind not in ("train", "update", "gradient", "infer", "stream"):
        raise Refused(f"{case.kind} is not timed in JAX")
    if case.kind == "stream":
        return _stream(case)
    unrolls = (8, 1) if case.B * case.T * case.H <= SMALL else (1,)
    if case.kind == "infer":
        return fastest([partial(_infer, case, unroll) for unroll in unrolls], thorough)
    if case.kind == "gradient":
        return fastest([partial(_gradient, case, unroll) for unroll in unrolls], thorough)
    if case.kind == "update":
        return fastest([partial(_train, case, unroll, 1) for unroll in unrolls], thorough)
    blocks = (BLOCK, 1) if case.B * case.T * case.H <= SMALL and case.batches >= BLOCK else (1,)
    return fastest([partial(_train, case, unroll, block) for unroll in unrolls for block in blocks], thorough)


def _weights(case: Case) -> dict[str, jax.Array]:
    return {name: jnp.asarray(value.T) for name, value in case.weights().items()}


def _step(cell: str, w: dict[str, jax.Array], state: Any, a_x: jax.Array) -> Any:
    h = state[0]
    a_h = h @ w["weight_hh_l0"]
    if cell == "tanh":
        return (jnp.tanh(a_x + a_h),)
    if cell == "lstm":
        i, f, g, o = jnp.split(a_x + a_h, 4, axis=-1)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c
    (x_r, x_z, x_n), (h_r, h_z, h_n) = jnp.split(a_x, 3, axis=-1), jnp.split(a_h, 3, axis=-1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * (h_n + w["bias_hn_l0"]))
    return (n + z * (h - n),)


def _outputs(cell: str, w: dict[str, jax.Array], x: jax.Array, unroll: int) -> jax.Array:
    """x (T, B, D) -> (T, B, 1)."""
    zero = jnp.zeros((x.shape[1], w["weight_hh_l0"].shape[0]), x.dtype)

    def step(state: Any, a_x: jax.Array) -> Any:
        state = _step(cell, w, state, a_x)
        return state, state[0]

    a_x = x @ w["weight_ih_l0"] + w["bias_l0"]
    _, h = jax.lax.scan(step, (zero, zero) if cell == "lstm" else (zero,), a_x, unroll=unroll)
    return h @ w["head.weight"] + w["head.bias"]


def _loss(cell: str, w: dict[str, jax.Array], batch: Any, unroll: int) -> Any:
    x, y, mask = batch
    y_hat = _outputs(cell, w, x, unroll)
    square = (y_hat - y) ** 2
    return (square.mean() if mask is None else (square * mask).sum() / mask.sum()), y_hat


def _data(case: Case, block: int) -> list[Any]:
    """Blocks (block, T, B, .) of x, y, and mask where rows have lengths."""
    count = min(case.batches, 64) // block * block
    arrays = (*case.data(), case.mask())[: 2 + case.ragged]
    parts = []
    for values in arrays:
        rows = values[: count * case.B].reshape(count // block, block, case.B, *values.shape[1:])
        parts.append([jnp.asarray(part) for part in rows.swapaxes(2, 3)])
    return list(zip(*parts, strict=True) if case.ragged else zip(*parts, [None] * len(parts[0]), strict=True))


def _differentiate(case: Case, unroll: int) -> Any:
    return jax.value_and_grad(lambda w, batch: _loss(case.cell, w, batch, unroll), has_aux=True)


def _answer(case: Case, y_hat: Any, gradients: dict[str, Any]) -> Answer:
    answer: Answer = {"output": np.asarray(y_hat).swapaxes(0, 1) * case.mask()[: case.B]}
    return answer | {name: np.asarray(value).T for name, value in gradients.items()}


def _gradient(case: Case, unroll: int) -> Work:
    w, call = _weights(case), jax.jit(_differentiate(case, unroll))
    batch = jax.tree.map(lambda values: values[0], _data(case, 1)[0])

    def run(count: int) -> int:
        for _ in range(count):
            jax.block_until_ready(call(w, batch))
        return count

    (_, y_hat), gradients = call(w, batch)
    return Work(f"jit, scan, unroll {unroll}", run, _answer(case, y_hat, gradients))


def _train(case: Case, unroll: int, block: int) -> Work:
    differentiate = _differentiate(case, unroll)

    def update(w: Any, batch: Any) -> Any:
        (loss, _), gradients = differentiate(w, batch)
        return jax.tree.map(lambda value, gradient: value - LEARNING_RATE * gradient, w, gradients), loss

    def updates(w: Any, batches: Any) -> Any:
        if block == 1:
            return update(w, jax.tree.map(lambda values: values[0], batches))
        return jax.lax.scan(update, w, batches)

    call, data, held = jax.jit(updates, donate_argnums=0), _data(case, block), [_weights(case)]
    first = jax.tree.map(lambda values: values[0], data[0])
    (_, y_hat), gradients = jax.jit(differentiate)(_weights(case), first)
    answer = _answer(case, y_hat, gradients)

    def run(count: int) -> int:
        calls, w = -(-count // block), held[0]
        for k in range(calls):
            w, loss = call(w, data[k % len(data)])
            loss.block_until_ready()
        held[0] = jax.block_until_ready(w)
        return calls * block

    return Work(f"jit, scan, unroll {unroll}" + f", {block} updates a call" * (block > 1), run, answer)


def _infer(case: Case, unroll: int) -> Work:
    w, x = _weights(case), jnp.asarray(case.data()[0].swapaxes(0, 1))
    call = jax.jit(lambda w, x: _outputs(case.cell, w, x, unroll))

    def run(count: int) -> int:
        for _ in range(count):
            call(w, x).block_until_ready()
        return count

    output = np.asarray(call(w, x)).swapaxes(0, 1) * case.mask()
    return Work(f"jit, scan, unroll {unroll}", run, {"output": output})


def _stream(case: Case) -> Work:
    w, x = _weights(case), jnp.asarray(case.data()[0][0])

    def started() -> Any:  # donated, so each array is one of its own
        return tuple(jnp.zeros((1, case.H), x.dtype) for _ in range(1 + (case.cell == "lstm")))

    def step(w: Any, state: Any, x: jax.Array) -> Any:
        state = _step(case.cell, w, state, x @ w["weight_ih_l0"] + w["bias_l0"])
        return state, state[0] @ w["head.weight"] + w["head.bias"]

    call = jax.jit(step, donate_argnums=1)

    def run(count: int) -> int:
        state = started()
        for _ in range(count):
            state, y = call(w, state, x)
            y.block_until_ready()
        return count

    return Work("jit", run, {"output": np.asarray(call(w, started(), x)[1])[None]})
