from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.core.layers import (
    GRU,
    LSTM,
    Activation,
    Dense,
    Embedding,
    Last,
    Layer,
    Layout,
    Recurrent,
    Simple,
    Skip,
    as_cell,
)

CUSTOM = Activation("softsign", lambda a: a / (1 + abs(a)), lambda a: 1 / (1 + abs(a)) ** 2)


def shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    return {parameter.name: parameter.shape for parameter in layout.parameters}


def test_names_and_shapes_are_pytorchs():
    layout = Layout([Recurrent(4, LSTM(), True), Recurrent(5, GRU()), Dense(7, "relu"), Dense(2), Skip()], 3)
    assert shapes(layout) == {
        "weight_ih_l0": (16, 3),
        "weight_hh_l0": (16, 4),
        "bias_l0": (16,),
        "weight_ih_l0_reverse": (16, 3),
        "weight_hh_l0_reverse": (16, 4),
        "bias_l0_reverse": (16,),
        "weight_ih_l1": (15, 8),
        "weight_hh_l1": (15, 5),
        "bias_l1": (15,),
        "bias_hn_l1": (5,),
        "dense0.weight": (7, 5),
        "dense0.bias": (7,),
        "head.weight": (2, 7),
        "head.bias": (2,),
        "skip.weight": (2, 3),
    }
    names = ["h_l0", "c_l0", "h_l0_reverse", "c_l0_reverse", "h_l1"]
    assert [slot.name for slot in layout.states] == names
    assert (layout.output_size, layout.last, layout.bidirectional) == (2, False, True)


def test_options_of_cells_decide_their_parameters():
    assert shapes(Layout([Recurrent(4, LSTM(peepholes=True))], 1))["peephole_l0"] == (3, 4)
    assert "bias_hn_l0" not in shapes(Layout([Recurrent(4, GRU(reset_after=False))], 1))
    assert shapes(Layout([Recurrent(4, Simple())], 3)) == {
        "weight_ih_l0": (4, 3),
        "weight_hh_l0": (4, 4),
        "bias_l0": (4,),
    }


cells = st.sampled_from([Simple(), Simple("relu"), LSTM(), LSTM(True), GRU(), GRU(False)])
recurrent = st.builds(Recurrent, st.integers(1, 6), cells, st.booleans())
dense = st.builds(Dense, st.integers(1, 5), st.sampled_from(["linear", "tanh", "relu", "sigmoid"]))


@given(st.lists(recurrent, min_size=1, max_size=3), st.booleans(), st.lists(dense, max_size=3), st.integers(1, 4))
def test_parameters_tile_theta(stack: list[Layer], last: bool, head: list[Layer], input_size: int):
    layout = Layout([*stack, *([Last()] if last else []), *head], input_size)
    theta = np.zeros(layout.size)
    for parameter in layout.parameters:
        view = parameter.view(theta)
        assert view.shape == parameter.shape
        view += 1  # a writable view, and no entry belongs to two parameters
    assert (theta == 1).all()
    assert layout.last is last


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "at least one Recurrent"),
        ([Dense(3)], "at least one Recurrent"),
        ([Recurrent(3), Embedding(4, 2)], r"layers\[1\]: expected Embedding only as the first layer"),
        ([Recurrent(3), Last(), Recurrent(3)], r"layers\[2\]: expected only Dense, Dropout or Skip behind Last"),
        ([Recurrent(3), Last(), Last()], r"layers\[2\]: expected only Dense, Dropout or Skip behind Last"),
        ([Embedding(4, 2), Recurrent(3), Skip()], r"layers\[2\]: Skip needs a network with real inputs"),
    ],
)
def test_order_of_layers(layers: list[Layer], message: str):
    with pytest.raises(ValueError, match=message):
        Layout(layers, 2)


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match=r"layers\[1\]: expected a layer such as .* got 'dense'"):
        Layout([Recurrent(3), "dense"], 2)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Recurrent(0), ValueError, "hidden_size: expected a whole number of at least 1, got 0"),
        (lambda: Recurrent(-3), ValueError, "hidden_size: .* got -3"),
        (lambda: Recurrent(2.5), TypeError, "hidden_size: .* got 2.5"),
        (lambda: Recurrent(3, "lsmt"), ValueError, "cell: expected one of 'tanh', 'relu', 'lstm', 'gru', got 'lsmt'"),
        (lambda: Recurrent(3, 7), TypeError, "cell: expected one of .* got 7"),
        (lambda: Recurrent(3, LSTM(), 1), TypeError, "bidirectional: expected True or False, got 1"),
        (lambda: Dense(0), ValueError, "output_size: .* got 0"),
        (lambda: Dense(1, "gelu"), ValueError, "activation: expected one of .* got 'gelu'"),
        (lambda: Embedding(0, 1), ValueError, "num_embeddings: .* got 0"),
        (lambda: Embedding(1, -1), ValueError, "embedding_dim: .* got -1"),
        (
            lambda: Simple("sin"),
            ValueError,
            "activation: .* 'relu', 'sigmoid', 'softplus', got 'sin'",
        ),
        (lambda: LSTM(1), TypeError, "peepholes: expected True or False, got 1"),
        (lambda: GRU(None), TypeError, "reset_after: expected True or False, got None"),
        (lambda: Layout([Recurrent(2)], 0), ValueError, "input_size: .* got 0"),
    ],
)
def test_descriptions_refuse(make: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_names_stand_for_cells():
    assert [as_cell(name) for name in ("tanh", "relu", "lstm", "gru")] == [Simple(), Simple("relu"), LSTM(), GRU()]
    assert Recurrent(3, "gru").cell == GRU()  # type: ignore[arg-type]


def test_custom_activations_are_known_as_such():
    assert Layout([Recurrent(3, Simple(CUSTOM))], 1).custom
    assert not Layout([Recurrent(3, Simple())], 1).custom


def test_layouts_travel():
    layout = Layout([Embedding(9, 4), Recurrent(3, GRU()), Last(), Dense(2)], 1)
    again = pickle.loads(pickle.dumps(layout))
    assert (again.layers, again.parameters, again.states) == (layout.layers, layout.parameters, layout.states)
    assert again.integer_input
