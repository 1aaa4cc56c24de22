"""ONNX Runtime, inference: one RNN, LSTM or GRU operator and the head, inputs and outputs bound beforehand.

ONNX orders the LSTM's gates i, o, f, c and the GRU's z, r, h (`linear_before_reset=1` is the reset after the product).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cases import Case
from benchmarks.contenders import Refused, Work, fastest

__all__ = ["build", "versions"]

ORDER = {"tanh": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}  # where each of ONNX's gates lies in ours
OPERATOR = {"tanh": "RNN", "lstm": "LSTM", "gru": "GRU"}


def versions() -> dict[str, Any]:
    return {"onnxruntime": onnxruntime.__version__}


def build(case: Case, thorough: bool = True) -> Work:
    if case.kind not in ("infer", "stream"):
        raise Refused("ONNX Runtime does inference alone")
    if case.dtype != "float32":
        raise Refused("its recurrent operators are float32")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(_model(case).SerializeToString(), options, ["CPUExecutionProvider"])
    x = np.ascontiguousarray(case.data()[0].swapaxes(0, 1))
    fed = {"x": x}
    if case.ragged:
        fed["lengths"] = case.lengths().astype(np.int32)
    if case.kind == "stream":
        fed |= {name: np.zeros((1, 1, case.H), np.float32) for name in _states(case)}
    output = session.run(["y"], fed)[0].swapaxes(0, 1) * case.mask()

    def work(name: str, way: Any) -> Work:
        return Work(name, way(session, dict(fed), case), {"output": output})

    return fastest([partial(work, "bound arrays", _bound), partial(work, "run", _plain)], thorough)


def _states(case: Case) -> tuple[str, ...]:
    return ("h", "c") if case.cell == "lstm" else ("h",)


def _model(case: Case) -> Any:
    """x (T, B, D), states where one step is taken -> y (T, B, 1) and the new states."""
    w, stream = case.weights(), case.kind == "stream"

    def gates(values: np.ndarray) -> np.ndarray:
        parts = np.split(values, len(ORDER[case.cell]))
        return np.concatenate([parts[k] for k in ORDER[case.cell]])

    second = np.zeros_like(w["bias_l0"])
    if case.cell == "gru":
        second[2 * case.H :] = w["bias_hn_l0"]
    constants = {
        "W": gates(w["weight_ih_l0"])[None],
        "R": gates(w["weight_hh_l0"])[None],
        "B": np.concatenate([gates(w["bias_l0"]), gates(second)])[None],
        "head_W": np.ascontiguousarray(w["head.weight"].T),
        "head_B": w["head.bias"],
        "axis": np.array([1], np.int64),
    }
    states = _states(case) if stream else ()
    extra: dict[str, Any] = {"linear_before_reset": 1} if case.cell == "gru" else {}
    nodes = [
        helper.make_node(
            OPERATOR[case.cell],
            ["x", "W", "R", "B", "lengths" if case.ragged else "", *states],
            ["h_all", *(f"{name}_new" for name in states)],
            hidden_size=case.H,
            **extra,
        ),
        helper.make_node("Squeeze", ["h_all", "axis"], ["h_flat"]),
        helper.make_node("MatMul", ["h_flat", "head_W"], ["scaled"]),
        helper.make_node("Add", ["scaled", "head_B"], ["y"]),
    ]

    def array(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [array("x", case.T, case.B, case.D), *(array(name, 1, 1, case.H) for name in states)]
    if case.ragged:
        inputs.append(array("lengths", case.B, kind=TensorProto.INT32))
    outputs = [array("y", case.T, case.B, 1), *(array(f"{name}_new", 1, 1, case.H) for name in states)]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "network", inputs, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _bound(session: Any, fed: dict[str, np.ndarray], case: Case) -> Any:
    """Inputs and outputs in place; a step's states go back and forth between two sets of arrays."""
    states = _states(case) if case.kind == "stream" else ()
    sets = [{name: np.zeros((1, 1, case.H), np.float32) for name in states} for _ in range(2)]
    y, bindings = np.empty((case.T, case.B, 1), np.float32), []
    keep = onnxruntime.OrtValue.ortvalue_from_numpy
    for old, new in (sets, sets[::-1]):
        binding = session.io_binding()
        for name, values in fed.items():
            binding.bind_ortvalue_input(name, keep(old.get(name, values)))
        for name, values in {"y": y, **{f"{name}_new": new[name] for name in states}}.items():
            binding.bind_output(name, "cpu", 0, np.float32, values.shape, values.ctypes.data)
        bindings.append(binding)
    if states:  # inputs that are arrays of ours, not copies of them
        for binding, old in zip(bindings, sets, strict=True):
            for name in states:
                binding.bind_input(name, "cpu", 0, np.float32, old[name].shape, old[name].ctypes.data)

    held = (y, sets, fed)  # a binding knows addresses alone

    def run(count: int, held: Any = held) -> int:
        for k in range(count):
            session.run_with_iobinding(bindings[k & 1])
        return count

    return run


def _plain(session: Any, fed: dict[str, np.ndarray], case: Case) -> Any:
    states = _states(case) if case.kind == "stream" else ()
    names = ["y", *(f"{name}_new" for name in states)]

    def run(count: int) -> int:
        for _ in range(count):
            _, *new = session.run(names, fed)
            fed.update(zip(states, new, strict=True))
        return count

    return run
