"""The commands in one typer application; their errors as one line on stderr and an exit code."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import typer

from elman.cli.bundle import expanded
from elman.cli.commands.anomalies import anomalies
from elman.cli.commands.backtest import backtest
from elman.cli.commands.bench import bench
from elman.cli.commands.config import config
from elman.cli.commands.demo_memory import memory
from elman.cli.commands.demo_sine import sine
from elman.cli.commands.forecast import forecast
from elman.cli.commands.generate import generate
from elman.cli.commands.gradcheck import gradcheck
from elman.cli.commands.inspect import inspect
from elman.cli.commands.predict import predict
from elman.cli.commands.train.classify import classify
from elman.cli.commands.train.music import music
from elman.cli.commands.train.regress import regress
from elman.cli.commands.train.speech import speech
from elman.cli.commands.train.tag import tag
from elman.cli.commands.train.text import text
from elman.cli.commands.train.translate import translate
from elman.cli.console import terminal
from elman.cli.signals import Terminated, terminable

__all__ = ["app", "run"]

READER_GONE = 141  # as where SIGPIPE ends a program, in a pipe to head

# The base class of the errors of a wrongly typed command, wherever this version of typer keeps it
_Misused: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="elman",
    help="Recurrent neural networks on the CPU: forecasts from a CSV, gradients checked, networks inspected.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (forecast, backtest, predict, generate, anomalies, inspect, gradcheck, bench, config):
    app.command()(expanded(command))

demo = typer.Typer(help="Textbook experiments, run while you watch: sine, memory.", invoke_without_command=True)
for command in (sine, memory):
    demo.command()(expanded(command))
app.add_typer(demo, name="demo")


@demo.callback()
def _demo(context: typer.Context) -> None:  # pyright: ignore[reportUnusedFunction]
    if context.invoked_subcommand is None:
        raise ValueError("demo: expected which one, sine or memory, as in: elman demo sine")


train = typer.Typer(help="Train a model on your own data and save it.", invoke_without_command=True)
TRAIN = (classify, regress, tag, text, music, speech, translate)  # one command for each kind of model
for command in TRAIN:
    train.command()(expanded(command))
app.add_typer(train, name="train")


@train.callback()
def _train(context: typer.Context) -> None:  # pyright: ignore[reportUnusedFunction]
    if context.invoked_subcommand is None:
        raise ValueError("train: expected what to train, as in: elman train text novel.txt (see elman train --help)")


def _version(wanted: bool) -> None:
    if wanted:
        from elman.version import __version__

        terminal.line(f"elman {__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code. An error that a user can cause is one line on stderr; any other is
    raised."""
    try:
        with terminal.any_encoding(), terminable(), warnings.catch_warnings():
            warnings.showwarning = _warned
            code: Any = app(arguments or ["--help"], prog_name="elman", standalone_mode=False)
            terminal.flush()
        return _interrupted() if code == 130 else code or 0
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except Terminated as end:
        return terminal.error("terminated; no file was left half-written", 128 + end.number)
    except terminal.ReaderGone:
        return READER_GONE
    except SystemExit as end:  # of typer, which prints the help itself
        if isinstance(end.__context__, BrokenPipeError):
            return READER_GONE
        raise
    except _Misused as error:
        return terminal.error(f"{_message(error).rstrip('.')} (see elman --help)", 2)
    except ModuleNotFoundError as error:
        if "pip install" not in str(error):  # the errors for a missing extra say what to type
            raise
        return terminal.error(str(error), 2)
    except MemoryError:
        return terminal.error("this machine has too little memory; ask for less, or give fewer rows", 3)
    except OSError as error:
        return terminal.error(f"{error.filename}: {error.strerror}" if error.filename else str(error), 3)
    except (ValueError, TypeError) as error:
        return terminal.error(str(error), 3 if isinstance(error, _bad_data()) else 2)
    except RuntimeError as error:
        from elman.train.training import TrainingError

        if not isinstance(error, TrainingError):  # an error of this program
            raise
        return terminal.error(str(error).splitlines()[0], 3)


def _warned(message: Warning | str, *_: object, **__: object) -> None:
    """Prints a warning as one line, without the place in the code that raised it."""
    terminal.error(str(message).removeprefix("elman: "), 0)


def _message(error: Any) -> str:
    """Returns typer's message for a wrongly typed command, with the name of the option."""
    return error.format_message()


def _interrupted() -> int:
    return terminal.error("interrupted; no file was left half-written", 130)


def _bad_data() -> tuple[type[ValueError], ...]:
    """Returns the errors whose cause is the data or a file, not how the command was typed."""
    from elman.core.io import FileError
    from elman.forecast import DataError
    from elman.student import StudentError

    return DataError, FileError, StudentError
