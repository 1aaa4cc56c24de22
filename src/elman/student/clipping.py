"""Finds out which clipping a program applies to large gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from elman.student import mistakes
from elman.student.subject import Weight

__all__ = ["clipping"]


def clipping(large: Mapping[Weight, np.ndarray], expected: Mapping[Weight, np.ndarray], tolerance: float) -> list[str]:
    """How `large`, the gradients of errors scaled up, fall short of `expected`, the small ones scaled up."""
    weights = list(large)
    if all(mistakes.distance(large[w], expected[w]) < tolerance for w in weights):
        return []
    highest = max(float(np.abs(value).max()) for value in large.values())
    clipped = {w: np.clip(value, -highest, highest) for w, value in expected.items()}
    if all(np.abs(large[w] - clipped[w]).max() < 1e-3 * highest for w in weights):
        return [f"large gradients are clipped to [-{highest:.3g}, {highest:.3g}]"]
    norm = float(np.sqrt(sum(float((value**2).sum()) for value in large.values())))
    whole = float(np.sqrt(sum(float((value**2).sum()) for value in expected.values())))
    if all(mistakes.distance(large[w], expected[w] * norm / whole) < 1e-3 for w in weights if expected[w].any()):
        return [f"large gradients are clipped to the norm {norm:.3g}, all weights together"]
    norms = {w: (float(np.linalg.norm(large[w])), float(np.linalg.norm(expected[w]))) for w in weights}
    if all(mistakes.distance(large[w] * norms[w][1], expected[w] * norms[w][0]) < 1e-3 for w in weights if norms[w][0]):
        return [f"large gradients are clipped to the norm {max(n for n, _ in norms.values()):.3g}, each weight alone"]
    return ["gradients do not grow in proportion to large errors: something limits them"]
