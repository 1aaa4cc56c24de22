"""Loads what `file.py:Name` names, a class, a function or all functions; and the one error that this package raises."""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

__all__ = ["StudentError", "load_student", "place"]

SECONDS = 1.0  # for a file to load; a training loop at its end takes longer, and is left out
LETTERS = "the quick brown fox jumps over the lazy dog. " * 20  # stands in for a text that is missing


class StudentError(ValueError):
    """A student's program cannot be checked; the message says what was expected and what came, with the line.

    skeleton  a program to fill in that connects the student's to the checker; "" where that would not help
    """

    skeleton: str = ""


def load_student(target: str) -> type | FunctionType | ModuleType:
    """Returns what `target` names: a class or a function, "my_rnn.py:SimpleRNN"; or, of "my_rnn.py", its one class, and
    where it defines none its functions, as a module.

    The file is run as a module (not as `__main__`), so a script's `if __name__ == "__main__":` part does not run; what
    it prints while it is loaded is dropped. A statement that fails, or a loop that trains, is left out; a
    text file that is missing is replaced by a short text. Raises StudentError, with the line where there is one.
    """
    name, colon, wanted = target.rpartition(":")
    if not colon or wanted.endswith(".py"):
        name, wanted = target, ""
    path = Path(name)
    if not path.is_file():
        raise StudentError(f"{name}: expected a Python file, but there is {'a folder' if path.is_dir() else 'none'}")
    module, failure = _run(path)
    own = {key: value for key, value in vars(module).items() if isinstance(value, type | FunctionType)}
    own = {key: value for key, value in own.items() if value.__module__ == module.__name__}
    classes = {key: value for key, value in own.items() if isinstance(value, type)}
    functions = [key for key in own if key not in classes]
    if wanted in own:
        return own[wanted]
    if failure is not None and (wanted or not own):
        raise failure
    if not wanted and len(classes) == 1:
        return next(iter(classes.values()))
    if not wanted and not classes and functions:
        return module
    there = f"it defines {', '.join(classes)}" if classes else "it defines no class"
    if functions:
        there += f"{' and' if classes else ', but'} the functions {', '.join(functions)}"
    asked = f"a class {wanted}" if wanted else "exactly one class (else write FILE.py:Class)"
    raise StudentError(f"{name}: expected {asked}; {there}")


def _run(path: Path) -> tuple[ModuleType, StudentError | None]:
    """Runs the file as a new module; meanwhile its folder is on the import path, for its own imports.

    Returns the module, and the failure of a statement that was left out.
    """
    module = ModuleType(f"{path.stem} (student)")
    module.__file__ = str(path)
    vars(module)["__elman_module__"] = module
    vars(module)["open"] = _opener(path)
    folder = str(path.resolve().parent)
    before = set(sys.modules)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module  # dataclasses look up their module
    failure: StudentError | None = None
    try:
        tree = ast.parse(path.read_bytes(), str(path))
        for statement in tree.body:
            code = compile(ast.Module([statement], []), str(path), "exec")
            try:
                with contextlib.redirect_stdout(io.StringIO()), _deadline(str(path)):
                    exec(code, vars(module))
            except (Exception, SystemExit) as error:
                failure = failure or StudentError(f"{path}: {type(error).__name__}: {error}{place(error, str(path))}")
    except SyntaxError as error:
        hint = " (Python 2's print: write print(...))" if "print" in str(error.msg) else ""
        raise StudentError(f"{path}, line {error.lineno}: {error.msg}{hint}") from None
    except ValueError as error:
        raise StudentError(f"{path}: {error}") from None
    finally:
        for name in {module.__name__, *(set(sys.modules) - before)}:  # its neighbours may change before the next check
            if str(getattr(sys.modules[name], "__file__", None) or folder).startswith(folder):
                sys.modules.pop(name)
        if folder in sys.path:
            sys.path.remove(folder)
    return module, failure


class _TooLong(Exception):
    pass


@contextlib.contextmanager
def _deadline(file: str) -> Generator[None]:
    """Stops code of the file that runs longer than a few seconds, such as a training loop at its end."""
    end = time.monotonic() + SECONDS

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if time.monotonic() > end:
            raise _TooLong(f"ran longer than {SECONDS:.0f} s")
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


def _opener(path: Path) -> Callable[..., Any]:
    """Returns an `open` for the student's file, which gives a short text where a text file to be read is missing."""

    def open_or_stand_in(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        try:
            return open(file, mode, *args, **kwargs)
        except FileNotFoundError:
            beside = path.resolve().parent / str(file)
            if beside.is_file():
                return open(beside, mode, *args, **kwargs)
            if set(mode) & set("wax+"):
                raise
            return io.BytesIO(LETTERS.encode()) if "b" in mode else io.StringIO(LETTERS)

    return open_or_stand_in


def place(error: BaseException, file: str | None) -> str:
    """Returns " (file, line 12)", the last line of the student's file in the traceback; "" where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""
