"""The arrows of docs/architecture.md, read off the source; and what `import elman` may load."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import elman

ROOT = Path(elman.__file__).parent

# The floors, lowest first. A file may import from its own folder and from any row above (lower) in this list, whatever
# kind of import it is: at its top, inside a function, for type checkers alone, or by a module's name in a string.
LEVELS: list[set[str]] = [
    {"version", "_native"},
    {"core"},
    {"engines", "plots"},
    {"network", "cluster"},
    {"train"},
    {"estimators", "datasets", "pieces"},
    {"series"},
    {"student", "classic", "forecast", "sequence", "text", "music", "seq2seq", "speech"},
    {"anomaly"},
    {"cli"},
    {"__init__", "__main__"},
]
LEVEL = {floor: level for level, floors in enumerate(LEVELS) for floor in floors}

# What a module may import from outside at its top; everything else is imported inside the function that needs it.
OUTSIDE: dict[str, set[str]] = {
    "core": {"numpy", "safetensors"},
    "cli": {"numpy", "typer", "rich", "click"},
    "sequence": {"numpy", "sklearn"},
}


class Import(NamedTuple):
    path: Path
    line: int
    name: str  # absolute, dotted
    loads: bool  # when the file itself is imported: not inside a function, not for type checkers, not a string

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


MODULES = {
    ".".join(["elman", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
FILES = list(MODULES.values())
NAMED = re.compile(r"(elman(?:\.\w+)+)(?::\w+)?")  # a string that is the name of a module, or of something in it


def floor(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, and every string in it that names a module of the project."""
    package = ["elman", *path.relative_to(ROOT).parts[:-1]]

    def walk(node: ast.AST, loads: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, alias.name, loads) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:  # `from elman import checks` names the module elman.checks
                full = f"{name}.{alias.name}"
                yield Import(path, node.lineno, full if name == "elman" or full in MODULES else name, loads)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = NAMED.fullmatch(node.value)
            if named and module_of(named[1]):
                yield Import(path, node.lineno, named[1], False)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for part, loaded in ((node.body, False), (node.orelse, loads)):
                for child in part:
                    yield from walk(child, loaded)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from walk(child, loads and not inside)

    return walk(ast.parse(path.read_text("utf-8")), True)


def module_of(name: str) -> str | None:
    """The module of the project that a dotted name leads to: itself, or the one that holds it; None for none."""
    parts = name.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((name for name in names if name in MODULES), None)


ALL = [found for path in FILES for found in imports(path)]
INSIDE = [found for found in ALL if found.name.split(".")[0] == "elman"]


def target(found: Import) -> str:
    """The floor an `elman...` import leads to; a public name of the package itself leads to `__init__`."""
    parts = found.name.split(".")
    known = len(parts) > 1 and (
        (ROOT / parts[1]).is_dir() or (ROOT / f"{parts[1]}.py").exists() or parts[1] == "_native"
    )
    return parts[1] if known else "__init__"


def test_every_floor_has_a_level():
    unknown = sorted({floor(path) for path in FILES} - LEVEL.keys())
    assert not unknown, f"say in LEVELS and in docs/architecture.md which way the arrows of {unknown} point"


def test_arrows_point_downward():
    wrong: list[str] = []
    for found in INSIDE:
        here, there = floor(found.path), target(found)
        if here != there and LEVEL[there] >= LEVEL[here]:
            wrong.append(f"{found.place}: {here} imports {there}")
    assert not wrong, "\n".join(wrong)


def test_the_reference_imports_nothing_of_the_project():
    folder, own = ROOT / "engines" / "reference", "elman.engines.reference"
    inside = [found for found in INSIDE if folder in found.path.parents]
    wrong = [f"{found.place}: {found.name}" for found in inside if not found.name.startswith(own)]
    assert not wrong, "\n".join(wrong)


def test_heavy_imports_wait_until_they_are_used():
    wrong: list[str] = []
    for found in ALL:
        name = found.name.split(".")[0]
        allowed = OUTSIDE.get(floor(found.path), {"numpy"})
        if found.loads and name not in sys.stdlib_module_names and name != "elman" and name not in allowed:
            wrong.append(f"{found.place}: {found.name}")
    assert not wrong, "\n".join(wrong)


# Circles that are left, to be taken apart; nothing may be added.
LEFT: list[set[str]] = [
    {"elman.anomaly.detector", "elman.anomaly.saved"},
    {
        "elman.forecast.described",
        "elman.forecast.forecaster",
        "elman.forecast.options",
        "elman.forecast.saved",
    },
    {"elman.series.covariates", "elman.series.series"},
]


def circles() -> list[set[str]]:
    """Groups of files that import each other in a circle, counting every import."""
    edges: dict[str, set[str]] = {name: set() for name in MODULES}
    for name, path in MODULES.items():
        edges[name] = {other for found in imports(path) if (other := module_of(found.name)) and other != name}

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            new = edges[ahead.pop()] - seen
            seen |= new
            ahead += new
        return seen

    reach = {name: reached(name) for name in edges}
    groups = {frozenset(other for other in reach[name] if name in reach[other]) for name in edges}
    return [set(group) for group in groups if group]


def test_no_files_import_each_other_in_a_circle():
    found = [sorted(group) for group in circles() if not any(group <= left for left in LEFT)]
    assert not found, "\n".join(" <-> ".join(group) for group in found)


def loaded_by(statement: str) -> set[str]:
    """Top names of the modules that a fresh interpreter holds after `statement`, less what it began with."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        f"{statement}\nprint(*sorted({{m.split('.')[0] for m in set(sys.modules) - before}}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(ROOT.parent)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ELMAN_ENGINE": "reference"},
    )
    own_of_numpy = {name for name in result.stdout.split() if "cython" in name}
    return set(result.stdout.split()) - sys.stdlib_module_names - own_of_numpy


def test_import_elman_loads_numpy_alone():
    assert loaded_by("import elman") <= {"elman", "numpy"}


def test_a_network_on_the_reference_engine_needs_numpy_alone():
    statement = "import elman, numpy; elman.Network(1, 4, 1, seed=0).predict(numpy.zeros((1, 3, 1), 'float32'))"
    assert loaded_by(statement) <= {"elman", "numpy", "safetensors"}


def test_the_command_line_can_be_imported_without_its_extra():
    assert loaded_by("import elman.cli") <= {"elman", "numpy"}


def test_help_is_fast_because_it_loads_little():
    pytest.importorskip("typer")
    loaded = loaded_by(
        "import contextlib, io, elman.cli\nwith contextlib.redirect_stdout(io.StringIO()): elman.cli.main([])"
    )
    assert not loaded & {"numpy", "matplotlib", "safetensors", "narwhals"}


# The command line, without what it prints
COMMAND = """
import contextlib, io, elman.cli
def command(*arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        assert elman.cli.main(arguments) == 0, arguments
"""
SMALL = ("--members", "1", "--updates", "5", "--hidden-size", "4")  # networks that train in no time
DRAWING = {"matplotlib", "PIL"}
# What a CSV, a saved model and a picture never need: data frames come in through narwhals, Parquet through Polars
FOREIGN = {"torch", "jax", "pandas", "polars", "pyarrow", "narwhals", "sklearn", "scipy", "onnx", "onnxruntime"}


@pytest.fixture
def sales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved forecaster with fresh rows for it, and a saved network."""
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text("\n".join(["day,sales", *(f"2024-01-{day:02},{day % 7}" for day in range(1, 31))]))
    elman.Forecaster(horizon=2, season=7, members=1, updates=5, hidden_size=4).fit("sales.csv").save(
        "sales.safetensors"
    )
    elman.Network(1, 2, 1, seed=0).save("net.safetensors")


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(("option", "drawing"), [("", set()), ("'--plot'", DRAWING)])
def test_predict_loads_what_draws_only_when_it_draws(option: str, drawing: set[str]):
    pytest.importorskip("typer")
    pytest.importorskip("matplotlib")
    loaded = loaded_by(f"{COMMAND}command('predict', 'sales.safetensors', 'sales.csv', {option})")
    assert loaded & (DRAWING | FOREIGN) == drawing


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    "arguments",
    [
        ("forecast", "sales.csv", "--season", "7", "--horizon", "2", *SMALL),
        ("inspect", "sales.safetensors"),
        ("config",),
        ("gradcheck", "net.safetensors"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_command_loads_what_it_does_not_use(arguments: tuple[str, ...]):
    pytest.importorskip("typer")
    pytest.importorskip("matplotlib")
    loaded = loaded_by(f"{COMMAND}command{arguments!r}")
    assert not loaded & (FOREIGN if arguments[0] == "forecast" else FOREIGN | DRAWING)


@pytest.mark.parametrize("name", sorted(getattr(elman, "__all__", [])))
def test_public_names_exist(name: str):
    if name.lower().startswith("sequence"):
        pytest.importorskip("sklearn")
    assert getattr(elman, name) is not None


@pytest.mark.parametrize(
    ("public", "place"),
    [
        ("elman.losses", "elman.core.losses"),
        ("elman.reference.gru", "elman.engines.reference.gru"),
        ("elman.doctor", "elman.train.doctor"),
        ("elman.layers", "elman.core.layers"),
    ],
)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_public_module_is_one_module_by_either_name(public: str, place: str, order: tuple[int, int]):
    first, second = ((public, place)[i] for i in order)
    code = (
        f"import importlib, sys; a, b = map(importlib.import_module, ({first!r}, {second!r}))\n"
        f"assert a is b and a.__name__ == a.__spec__.name == {place!r}, (a, b, a.__spec__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
