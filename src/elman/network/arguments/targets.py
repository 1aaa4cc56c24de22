"""Targets: the shape, type and range that a loss asks of y."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss, Pinball, outputs_per_target
from elman.network.arguments.values import as_real, as_whole, check_finite, check_range, check_width, refuse

__all__ = ["as_targets", "has_classes", "target_width"]


def target_width(layout: Layout, loss: Loss) -> int:
    """The size of y's last axis: O, O/Q for the pinball loss over Q quantiles, O/2 for densities, or what a user's own
    loss says. ValueError where the network's outputs are no multiple of what the loss takes for a target."""
    if isinstance(loss, Custom):
        if loss.outputs not in (None, layout.output_size):
            raise ValueError(f"loss: {loss} expects a network of {loss.outputs} outputs, got {layout.output_size}")
        return layout.output_size if loss.targets is None else loss.targets
    count = outputs_per_target(loss)
    if layout.output_size % count:
        each = "quantiles" if isinstance(loss, Pinball) else f"numbers (location, log scale) of {loss.kind}"
        raise ValueError(
            f"loss: expected a network whose outputs are a multiple of the {count} {each}, got {layout.output_size}"
        )
    return layout.output_size // count


def has_classes(loss: Loss) -> bool:
    """Whether the targets of this loss are whole numbers, the classes."""
    return isinstance(loss, CrossEntropy) or (isinstance(loss, Custom) and loss.classes)


def as_targets(
    layout: Layout,
    dtype: np.dtype[Any],
    y: object,
    loss: Loss,
    n: int,
    steps: int,
    valid: np.ndarray | None,
    single: bool,
) -> np.ndarray:
    """y with the axis B, checked for a batch of n sequences; `valid` (n, T) says which steps are looked at."""
    lead, mask = ((n,), None) if layout.last else ((n, steps), valid)
    width = target_width(layout, loss)
    if has_classes(loss):
        name = getattr(loss, "name", loss.kind)
        array = as_whole("y", y, f"whole numbers, the classes (loss is {name})")
        array = array[None] if single else array
        check_width("y", array.shape[1:] if single else array.shape, [lead[1:] if single else lead])
        check_range("y", array, mask, single, layout.output_size, steps=not layout.last)
        return array
    array = as_real("y", y, dtype)
    array = array[None] if single else array
    if width == 1 and array.shape == lead:
        array = array[..., None]
    shape = (*lead, width)
    check_width("y", array.shape[1:] if single else array.shape, [shape[1:] if single else shape])
    check_finite("y", array, mask, single, steps=not layout.last)
    if isinstance(loss, BinaryCrossEntropy):
        outside = (array < 0) | (array > 1)
        refuse("y", array, outside, mask, single, not layout.last, "numbers in [0, 1] (loss is binary_cross_entropy)")
    return array
