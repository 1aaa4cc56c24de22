"""Writes a program to fill in, for one that cannot be called by itself: a class between it and the checker."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["skeleton"]

TEXT = '''"""Connects {what} to `elman gradcheck`: fill in the lines marked with <--, then run

    elman gradcheck check_{stem}.py:Check
"""

import numpy as np

{imported}


class Check:
    def __init__(self, input_size, hidden_size, output_size):
        self.program = {made}  # <-- make your program with these sizes
        self.weights = {{  # <-- your weights: the arrays themselves, by name
            "W_xh": self.program.W_xh,
            "W_hh": self.program.W_hh,
            "W_hy": self.program.W_hy,
        }}

    def forward(self, x):
        """x: (T, input_size), one row a step. Returns the outputs, (T, output_size)."""
        inputs = [row.reshape(-1, 1) for row in x]  # <-- x as your program takes it
        outputs = self.program.forward(inputs)  # <-- your forward pass, from a state of zeros
        return np.array(outputs).reshape(len(x), -1)

    def backward(self, x, y):
        """y: (T, output_size), the targets. Returns the gradients of 1/2 sum (y_hat - y)^2, by the names above."""
        self.forward(x)
        grads = self.program.backward(y)  # <-- your backward pass
        return {{"W_xh": grads[0], "W_hh": grads[1], "W_hy": grads[2]}}  # <--
'''


def skeleton(subject: Any) -> str:
    """Returns a Python file that connects a class, an object or functions to the checker, with lines to fill in."""
    if isinstance(subject, ModuleType | FunctionType):
        file = subject.__file__ if isinstance(subject, ModuleType) else subject.__code__.co_filename
        stem = Path(file or "my_rnn.py").stem
        return TEXT.format(what=f"{stem}.py", stem=stem, imported=f"import {stem}", made=stem)
    kind = subject if isinstance(subject, type) else type(subject)
    stem = Path(_file(kind)).stem
    return TEXT.format(
        what=f"{kind.__name__} of {stem}.py",
        stem=stem,
        imported=f"from {stem} import {kind.__name__}",
        made=f"{kind.__name__}(input_size, hidden_size, output_size)",
    )


def _file(kind: type) -> str:
    try:
        return inspect.getsourcefile(kind) or "my_rnn.py"
    except (TypeError, OSError):
        for member in vars(kind).values():
            if isinstance(member, FunctionType):
                return member.__code__.co_filename
        return "my_rnn.py"
