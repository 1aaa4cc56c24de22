"""Loads the class that `file.py:Class` names; and the one error that this package raises."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from pathlib import Path
from types import ModuleType

__all__ = ["StudentError", "load_student", "place"]


class StudentError(ValueError):
    """A student's program cannot be checked; the message says what was expected and what came, with the line."""


def load_student(target: str) -> type:
    """Returns the class that `target` names: "my_rnn.py:SimpleRNN", or "my_rnn.py" where the file defines one class.

    The file is run as a module (not as `__main__`), so a script's `if __name__ == "__main__":` part does not run; what
    it prints while it is loaded is dropped. Raises StudentError, with the line where there is one.
    """
    name, colon, wanted = target.rpartition(":")
    if not colon or wanted.endswith(".py"):
        name, wanted = target, ""
    path = Path(name)
    if not path.is_file():
        raise StudentError(f"{name}: expected a Python file, but there is {'a folder' if path.is_dir() else 'none'}")
    module = _run(path)
    own = {key: value for key, value in vars(module).items() if isinstance(value, type)}
    own = {key: value for key, value in own.items() if value.__module__ == module.__name__}
    if not wanted and len(own) == 1:
        return next(iter(own.values()))
    if wanted in own:
        return own[wanted]
    there = f"it defines {', '.join(own)}" if own else "it defines no class"
    asked = f"a class {wanted}" if wanted else "exactly one class (else write FILE.py:Class)"
    raise StudentError(f"{name}: expected {asked}; {there}")


def _run(path: Path) -> ModuleType:
    """Runs the file as a new module and returns it; meanwhile its folder is on the import path, for its own imports."""
    module = ModuleType(f"{path.stem} (student)")
    module.__file__ = str(path)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module  # dataclasses look up their module
    try:
        code = compile(path.read_bytes(), str(path), "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, vars(module))
    except SyntaxError as error:
        raise StudentError(f"{path}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise StudentError(f"{path}: {error}{place(error, str(path))}") from None
    except (Exception, SystemExit) as error:
        raise StudentError(f"{path}: {type(error).__name__}: {error}{place(error, str(path))}") from error
    finally:
        sys.modules.pop(module.__name__, None)
        if folder in sys.path:
            sys.path.remove(folder)
    return module


def place(error: BaseException, file: str | None) -> str:
    """Returns " (file, line 12)", the last line of the student's file in the traceback; "" where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""
