"""docs/architecture.md's recipe "Adding a cell" is complete for every cell, and its listings name what exists."""

from __future__ import annotations

import importlib
import importlib.util
import re
import typing
from pathlib import Path

import numpy as np
import pytest

from elman.core import layers, losses, optim
from elman.core.layers import CELLS
from elman.engines.reference import layers as reference_layers
from elman.engines.reference import losses as reference_losses
from elman.engines.reference import scan

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "elman"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
KINDS = sorted(cell.kind for cell in typing.get_args(layers.Cell) if cell is not layers.CustomCell)


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def native_kinds() -> list[str]:
    return enum("CellKind")


def enum(name: str) -> list[str]:
    """The names of one of native/program.h's enums, in order."""
    found = re.search(rf"enum class {name} : int32_t \{{(.+?)\}};", text("native/program.h"), flags=re.S)
    assert found is not None
    return re.findall(r"\w+", found[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_everywhere_that_the_recipe_says(kind: str) -> None:
    module = scan.CELLS[kind]
    assert module.__name__ == f"elman.engines.reference.{kind}"
    assert (SOURCE / "engines" / "reference" / f"{kind}.py").exists()
    assert callable(module.step)
    assert callable(module.step_backward)
    header = text(f"native/cells/{kind}.h")
    assert f'#include "cells/{kind}.h"' in text("native/layers/scan.h")
    assert len(re.findall(r"^struct \w+Cell\b", header, flags=re.M)) >= 1
    page = text(f"docs/math/{kind}.md")
    assert re.search(r"^```python\n.*\bassert\b", page, flags=re.M | re.S)


def test_the_reference_knows_no_other_cell() -> None:
    assert sorted(scan.CELLS) == sorted([*KINDS, "custom"])
    assert {cell.kind for cell in CELLS.values()} == set(KINDS)


def test_native_cells_are_dispatched_in_their_order() -> None:
    kinds = native_kinds()
    dispatch = re.search(r"form_of\(CellKind kind\) \{.*?^\}", text("native/layers/scan.h"), flags=re.M | re.S)
    assert dispatch is not None
    assert re.findall(r"case CellKind::(\w+):", dispatch[0]) == kinds
    structs = re.findall(r"return kCellForm<(\w+)<T", dispatch[0])
    headers = "".join(text(f"native/cells/{kind}.h") for kind in [*KINDS, "norm"])
    assert set(structs) == set(re.findall(r"^struct (\w+Cell)\b", headers, flags=re.M)) - {"NormCell"}


@pytest.mark.skipif(importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built")
@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("LayerKind", set(layers.LAYERS)),
        ("CellKind", None),
        ("ActivationKind", set(typing.get_args(typing.get_type_hints(layers.Dense)["activation"]))),
        ("LossKind", set(losses.LOSSES)),
        ("OptimizerKind", set(optim.OPTIMIZERS)),
    ],
)
def test_python_sees_the_native_enums_whole(kind: str, known: set[str] | None) -> None:
    """Every value under its own name and number; and Python's names for the same things are theirs."""
    from elman import _native  # type: ignore[attr-defined]

    assert {one.name: one.value for one in getattr(_native, kind)} == {name: i for i, name in enumerate(enum(kind))}
    assert known is None or known == set(enum(kind))


@pytest.mark.parametrize("kind", native_kinds())
def test_every_native_cell_has_frozen_values(kind: str) -> None:
    # gru_after is PyTorch's own GRU
    with np.load(ROOT / "tests" / "golden" / f"{kind.removesuffix('_after')}.npz") as golden:
        assert sum(not key.startswith("in.") for key in golden) == 32


# -------------------------------------------------------------------------------------------- commands

FOLDER = ROOT / "src/elman/cli/commands"
COMMANDS = sorted(".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[!_]*.py"))


@pytest.mark.parametrize("module", COMMANDS)
def test_a_command_is_everywhere_that_the_recipe_says(module: str) -> None:
    """One file, one function that it is named after, which the program and its help know."""
    pytest.importorskip("typer")
    group, _, name = module.replace(".", "_").rpartition("_")
    found = importlib.import_module(f"elman.cli.commands.{module}")
    assert found.__all__ == [name]
    app = importlib.import_module("elman.cli.app")
    registered = getattr(app, group or "app").registered_commands
    (command,) = (each for each in registered if each.callback.__name__ == name)
    assert command.callback.__doc__ == getattr(found, name).__doc__
    assert command.callback.__doc__.strip().endswith(".")
    assert group in ("", "demo", "train")


def test_the_program_has_no_other_command() -> None:
    pytest.importorskip("typer")
    app = importlib.import_module("elman.cli.app")
    names = [each.callback.__name__ for each in app.app.registered_commands]
    for group in ("demo", "train"):
        names += [f"{group}_{each.callback.__name__}" for each in getattr(app, group).registered_commands]
    assert sorted(names) == sorted(module.replace(".", "_") for module in COMMANDS)


# ------------------------------------------------------------------------------- layers and losses


def test_the_page_names_every_place() -> None:
    page = text("docs/adding_a_layer.md")
    for place in re.findall(r"`((?:src|native|tests|docs)/[\w/]+\.(?:py|h|cpp))`", page):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("kind", sorted(layers.LAYERS))
def test_a_layer_is_everywhere_that_the_recipe_says(kind: str) -> None:
    described = layers.LAYERS[kind]
    assert (described.kind, described.__module__) == (kind, f"elman.core.layers.{kind}")
    module = reference_layers.LAYERS[kind]
    assert module.__name__ == f"elman.engines.reference.layers.{kind}"
    assert module.__all__ == ["backward", "forward"]
    header = text(f"native/layers/{kind}.h")
    struct = re.search(rf"^struct {described.__name__}Layer : PlainLayer<T> \{{.*?^\}};", header, flags=re.M | re.S)
    assert struct is not None
    assert struct[0].index("static void forward(") < struct[0].index("static void backward(")
    assert f'#include "layers/{kind}.h"' in text("native/layers/registry.h")


def test_layers_are_registered_alike_on_both_sides() -> None:
    assert sorted(reference_layers.LAYERS) == sorted(layers.LAYERS) == sorted(enum("LayerKind"))
    dispatch = re.findall(r"case LayerKind::(\w+):\s+return kLayerForm<(\w+)Layer<T>", text("native/layers/registry.h"))
    assert dispatch == [(kind, layers.LAYERS[kind].__name__) for kind in enum("LayerKind")]


@pytest.mark.parametrize("kind", sorted(losses.LOSSES))
def test_a_loss_is_everywhere_that_the_recipe_says(kind: str) -> None:
    loss = losses.LOSSES[kind]
    name, family = type(loss).__name__, type(loss).__module__.rpartition(".")[2]
    assert type(loss).__module__ == f"elman.core.losses.{family}"
    assert reference_losses.LOSSES[kind].__module__ == f"elman.engines.reference.losses.{family}"
    header = text(f"native/losses/{family}.h")
    assert re.search(rf"^struct {name}\b", header, flags=re.M)
    meaning = re.search(rf"\bk{name}\{{(\w+), (\w+), (\d), (\w+)(, true)?\}}", header)
    assert meaning is not None
    ours = [
        loss.classes,
        loss.mean,
        len(loss.quantiles) * 0 if isinstance(loss, losses.Pinball) else loss.outputs_per_target,
    ]
    assert list(meaning.groups())[:3] == [str(one).lower() for one in ours]
    assert bool(meaning[5]) == loss.ragged
    per_target = loss.terms(6 * loss.outputs_per_target) == (1 if loss.classes or loss.ragged else 6)
    assert loss.outputs_per_target == 1 or meaning[4] == str(per_target).lower()
    with np.load(ROOT / "tests" / "golden" / f"{kind if loss.ragged else 'losses'}.npz") as golden:
        assert {f"{kind}-plain", f"{kind}-weighted"} <= set(golden)


def test_losses_are_registered_alike_on_both_sides() -> None:
    assert list(losses.LOSSES) == enum("LossKind")
    assert sorted(reference_losses.LOSSES) == sorted(losses.LOSSES)
    registry = text("native/losses/registry.h")
    names = [type(loss).__name__ for loss in losses.LOSSES.values()]
    table = re.search(r"kLosses\[\] = \{(.+?)\};", registry, flags=re.S)
    assert table is not None
    assert re.findall(r"k(\w+)", table[1]) == names
    kernels = re.findall(r"case LossKind::(\w+):\s+return (\w+)::row", registry)
    named = zip(losses.LOSSES.values(), names, strict=True)
    assert kernels == [(loss.kind, name) for loss, name in named if not loss.ragged]
    of_rows = re.search(r"^double loss_row\(.*?^\}", registry, flags=re.M | re.S)
    assert of_rows is not None
    assert re.findall(r"case LossKind::(\w+):\s+break", of_rows[0]) == [
        kind for kind, loss in losses.LOSSES.items() if loss.ragged
    ]


# ------------------------------------------------------------------------------------ the listings


def listing(heading: str) -> str:
    found = re.search(rf"^## {heading}\n.*?^```\n(.+?)^```", PAGE, flags=re.M | re.S)
    assert found is not None
    return found[1]


def names(lines: str) -> set[str]:
    """Every word that looks like a file of this project."""
    return set(re.findall(r"(?<![\w/.`])(\w+\.(?:py|h|cpp))\b", lines))


def test_every_file_in_the_listings_exists() -> None:
    house = {path.name for path in SOURCE.rglob("*.py")} | {path.name for path in (ROOT / "native").rglob("*.*")}
    house |= {path.name for path in (ROOT / "benchmarks").rglob("*.py")}
    for heading in ("The files", "The compiled core"):
        found = names(listing(heading))
        assert found
        assert found <= house, f"{heading}: {sorted(found - house)} do not exist"
    for folder in re.findall(r"^  (\w+)/ ", listing("The files"), flags=re.M):
        assert (SOURCE / folder).is_dir() or (ROOT / "benchmarks" / folder).is_dir()


def test_every_module_has_its_place_in_the_listings() -> None:
    rooms = listing("The files")
    listed = {path.name for path in SOURCE.glob("*.py")}
    for floor in (
        "core",
        "engines",
        "engines/reference",
        "network",
        "train",
        "estimators",
        "series",
        "series/tables",
        "series/order",
        "series/joining",
        "forecast",
        "sequence",
        "anomaly",
    ):
        listed |= {path.name for path in SOURCE.glob(f"{floor}/*.py")}
    assert listed - {"__init__.py", "__main__.py"} <= names(rooms)
    for folder in (path.parent for path in SOURCE.glob("*/__init__.py")):
        assert re.search(rf"^  {folder.name}/ ", rooms, flags=re.M), f"{folder.name}/ is not named"
    native = {path.name for path in (ROOT / "native").rglob("*") if path.suffix in (".h", ".cpp")}
    assert native == names(listing("The compiled core"))


def test_paths_elsewhere_on_the_page_exist() -> None:
    found = set(re.findall(r"\b(?:src|native|tests|docs|examples|benchmarks)/[\w/]+\.(?:py|h|cpp|md)\b", PAGE))
    assert len(found) > 5
    assert [path for path in sorted(found) if not (ROOT / path).exists()] == []
