"""Commands with extreme options: drawn, run in this process or as a program, and judged."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

import elman
from elman.cli import main
from elman.forecast import Forecaster
from tests.campaigns.values import SERIES, TEXTS, WHOLE, WORK
from tests.campaigns.wrong import Wrong

__all__ = ["command_case", "prepare", "run_command"]


class Command(NamedTuple):
    """Words that make a command work on small data, and the options that are made extreme."""

    words: list[str]
    numbers: list[str]
    names: list[str]


READING = ["DATA", "--target", "--time", "--id", "--freq", "--missing", "--to", "--out", "--effort"]
READING += ["--duplicates", "--regular", "--decimal"]
LEARNING = ["--past", "--future", "--static", "--calendar", "--distribution"]
FITTING = ["--horizon", "--season", "--context", "--levels", "--windows", "--seed"]
AGAIN = ["DATA", "MODEL", "--target", "--time", "--id", "--freq", "--missing", "--future", "--to", "--out"]
COMMANDS = {
    "forecast": Command(["sales.csv"], FITTING, READING + LEARNING),
    "backtest": Command(["sales.csv"], [*FITTING, "--step"], READING + LEARNING),
    "anomalies": Command(["long.csv", "--effort", "fast"], ["--rate", "--probation", "--season", "--seed"], READING),
    "predict": Command(["model.safetensors", "sales.csv"], ["--horizon"], AGAIN),
    "inspect": Command(["model.safetensors"], [], ["MODEL"]),
    "gradcheck": Command(["net.safetensors"], ["--seed"], ["MODEL"]),
    "bench": Command(["--seconds", "0.01"], ["--seconds"], []),
    "demo sine": Command(["--epochs", "1"], ["--epochs"], ["--out"]),
    "demo memory": Command(["--updates", "1"], ["--updates", "--seed"], ["--out"]),
    "config": Command([], [], ["DATA"]),
}
OFTEN = [4, 3, 3, 3, 1, 1, 1, 1, 1, 1]  # how often each is drawn


def prepare(folder: Path) -> None:
    """Writes the small files that the commands work on."""
    months = [str(np.datetime64("2015-01", "M") + i) for i in range(60)]
    rows = [f"{month},{100 + i + 20 * np.sin(i * np.pi / 6):.2f}" for i, month in enumerate(months)]
    (folder / "sales.csv").write_text("month,sales\n" + "\n".join(rows) + "\n")
    shops = "\n".join(f"{shop},{row}" for shop in "ab" for row in rows)
    (folder / "shops.csv").write_text(f"shop,month,sales\n{shops}\n")
    (folder / "long.csv").write_text("x\n" + "\n".join(map(repr, SERIES["a wave"](500).tolist())) + "\n")
    elman.Network(1, 2, 1, seed=0).save(folder / "net.safetensors")
    Forecaster(horizon=4, effort="fast").fit(folder / "sales.csv").save(folder / "model.safetensors")
    for name, make in SERIES.items():
        text = "".join(f"{value!r}\n" for value in make(120).tolist())
        (folder / f"{name}.csv").write_text("value\n" + text)


def command_case(rng: random.Random) -> list[str]:
    """One command with some of its options made extreme."""
    (name,) = rng.choices(list(COMMANDS), OFTEN)
    command = COMMANDS[name]
    words = list(command.words)
    if name in ("forecast", "backtest", "anomalies"):
        words[0] = rng.choice([words[0]] * 3 + ["shops.csv", f"{rng.choice(list(SERIES))}.csv"])
        if name != "anomalies" and words[0] not in ("sales.csv", "shops.csv"):
            words += ["--distribution", rng.choice(["median", "quantiles", "gaussian", "student_t"])]
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        option = rng.choice(command.numbers * 2 + command.names) if command.numbers + command.names else ""
        value = rng.choice(WHOLE if option in command.numbers or rng.random() < 0.1 else TEXTS)
        if option in ("--seconds", "--updates", "--epochs") and value in WORK:
            continue
        if option in ("DATA", "MODEL"):
            words[:1] = [value]
        elif option:
            words += [option, value]
    if rng.random() < 0.3:
        words.append("--json")
    return [*name.split(), *words]


def run_command(arguments: list[str], place: Path, program: bool) -> str:
    """Runs it in an empty folder beside the data, and returns its outcome; Wrong where it is none."""
    inputs = [str(path) for path in place.parent.iterdir() if path.is_file()]
    given = [str(place.parent / word) if str(place.parent / word) in inputs else word for word in arguments]
    if program:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-m", "tests.campaigns.extremes", "--command", json.dumps(given)]
        done = subprocess.run(command, capture_output=True, cwd=place, env=environment, timeout=60, check=False)
        code, out, err = done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    else:
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", "backslashreplace")]
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            code = main(given)
        out, err = map(_text, streams)
    said = [line for line in err.splitlines() if line.startswith("elman: ")]
    if "Traceback" in out + err or "Warning" in err or code not in (0, 2, 3):
        raise Wrong(f"exit code {code}: {err[-2000:]}")
    if any(word in err for word in ("encountered in", "empty slice", "Degrees of freedom")):
        raise Wrong(f"a warning of NumPy's: {err[-500:]}")
    written = list(place.iterdir())
    if code:
        if len(said) != 1 or written:
            raise Wrong(f"exit code {code}, expected one line and no file: {said}, {written}")
    elif "--json" in given and arguments[0] != "inspect":
        json.loads(out, parse_constant=_refuse)
    for path in written:
        if path.name.startswith("."):
            raise Wrong(f"a hidden file is left: {path.name}")
        if path.suffix == ".csv":
            _finite_table(path)
    return f"{' '.join(arguments[: 1 + (arguments[0] == 'demo')])}: exit {code}"


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _refuse(constant: str) -> None:
    raise Wrong(f"JSON holds {constant}")


def _finite_table(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        heads, *rows = csv.reader(file)
    measures = {"mase", "smape", "rmse", "rmsse"}  # not defined after a constant
    for row in rows:
        for head, cell in zip(heads, row, strict=True):
            if cell in ("nan", "inf", "-inf") and not (cell == "nan" and head in measures):
                raise Wrong(f"{path.name}: {head} is {cell}")
