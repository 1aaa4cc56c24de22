"""Fixed points and trajectories of the state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from elman.plots.figure import GREY, INK, picture, plain

__all__ = ["fixed_points_plot"]


class Point(Protocol):
    """One fixed or slow point, a row of `Points`."""

    @property
    def kind(self) -> str: ...  # "stable", "saddle" or "unstable"
    @property
    def fixed(self) -> bool: ...  # False: a slow point
    @property
    def jacobian(self) -> np.ndarray: ...  # (S, S)


class Points(Protocol):
    """A table of K points of a state (S,), such as `elman.inspect.FixedPoints`."""

    @property
    def states(self) -> np.ndarray: ...  # (K, S)
    @property
    def slots(self) -> Sequence[tuple[str, int]]: ...  # names and sizes of what a state is made of
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Point]: ...
    def __getitem__(self, index: int, /) -> Point: ...


def fixed_points_plot(
    points: Points,
    path: str | os.PathLike[str],
    *,
    trajectories: np.ndarray | Sequence[np.ndarray] | None = None,
    groups: np.ndarray | None = None,
    labels: Mapping[float, str] | None = None,
    title: str = "Fixed points",
) -> Path:
    """Draws fixed and slow points and trajectories of the state in two principal components; returns the file's path.

    trajectories  what `Network.hidden` returns, a list of (B, T, H), or (T, H) of one sequence; or one array (B, T, S)
                  or (T, S), states as `points` has them. The components are theirs, or the points' without them; where
                  trajectories are of h alone and states have c too, the picture is of h
    groups        (B,) numbers: trajectories are coloured by them, from the least (red) to the largest (blue)
    labels        what the legend calls a group: its number, where nothing is said

    Stable points are filled, saddles and unstable ones open; a saddle's line is its fastest growing direction. The
    ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. ValueError for no points or wrong
    shapes, `ModuleNotFoundError` without matplotlib, `OSError` where the file cannot be written.
    """
    if not len(points):
        raise ValueError(f"points: expected at least one, got {points!r}")
    states, kept = points.states, np.arange(points.states.shape[1])
    trajectories, kept = (
        (np.empty((0, 1, len(kept))), kept) if trajectories is None else _as_trajectories(points, trajectories)
    )
    states = states[:, kept]
    if groups is not None and np.shape(groups) != trajectories.shape[:1]:
        raise ValueError(f"groups: expected shape {trajectories.shape[:1]}, got {np.shape(groups)}")
    cloud = trajectories.reshape(-1, states.shape[1]) if trajectories.size else states
    center, plane, shares = _components(cloud)
    with picture(path, 9, 5.6) as figure:
        axes = figure.add_subplot()
        ways, places = (trajectories - center) @ plane, (states - center) @ plane
        _trajectories(axes, ways, np.zeros(len(ways)) if groups is None else np.asarray(groups), labels or {})
        _points(axes, points, places, kept, plane, 0.08 * float(np.ptp([*ways.reshape(-1, 2), *places], axis=0).max()))
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
        axes.set_xlabel(f"principal component 1 ({shares[0]:.0%} of the variance)", color=INK)
        axes.set_ylabel(f"principal component 2 ({shares[1]:.0%})", color=INK)
        plain(axes)
        figure.legend(loc="outside right upper", frameon=False, fontsize=9, labelcolor=INK)
    return Path(path)


def _as_trajectories(points: Points, given: np.ndarray | Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns trajectories as one array (B, T, C), and the columns (C,) of a state that they are: all, or those of h
    alone."""
    listed = isinstance(given, list | tuple) and all(np.ndim(layer) in (2, 3) for layer in given)
    array = np.concatenate([np.asarray(layer) for layer in given], axis=-1) if listed and len(given) else given
    array = np.asarray(array)
    array = array[None] if array.ndim == 2 else array
    size = points.states.shape[1]
    outputs = np.concatenate([np.full(count, name.rpartition(".")[2].startswith("h")) for name, count in points.slots])
    for kept in (np.arange(size), np.flatnonzero(outputs)):
        if array.ndim == 3 and array.shape[2] == len(kept):
            return array, kept
    alone = f", or (B, T, {outputs.sum()}) of h alone" if outputs.sum() < size else ""
    raise ValueError(f"trajectories: expected shape (B, T, {size}){alone}, got {array.shape}")


def _components(cloud: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of rows (N, S): the mean (S,), the first two principal components (S, 2), their shares of the variance (2,)."""
    center = cloud.mean(axis=0)
    _, sizes, directions = np.linalg.svd(cloud - center, full_matrices=False)
    plane, shares = np.zeros((cloud.shape[1], 2)), np.zeros(2)
    count = min(2, len(sizes))
    plane[:, :count] = directions[:count].T
    shares[:count] = sizes[:count] ** 2 / max((sizes**2).sum(), np.finfo(float).tiny)
    return center, plane, shares


def _trajectories(axes: Any, ways: np.ndarray, groups: np.ndarray, labels: Mapping[float, str]) -> None:
    """`ways` (B, T, 2), each from a dot where it begins, in the colour of its group."""
    from matplotlib import colormaps

    found = np.unique(groups)
    for rank, group in enumerate(found):
        color = colormaps["coolwarm_r"](rank / (len(found) - 1)) if len(found) > 1 else GREY
        name = labels.get(float(group), f"{group:g}" if len(found) > 1 else "trajectories")
        for i, way in enumerate(ways[groups == group]):
            axes.plot(*way.T, color=color, linewidth=0.8, alpha=0.5, zorder=1, label="" if i else name)
    if len(ways):
        axes.plot(*ways[:, 0].T, ".", color=GREY, markersize=6, zorder=2, label="start")


def _points(axes: Any, points: Points, places: np.ndarray, kept: np.ndarray, plane: np.ndarray, reach: float) -> None:
    """Each sort with its marker: stable ones filled, the others open; slow ones smaller diamonds."""
    marks = {"stable": ("o", INK), "saddle": ("o", "white"), "unstable": ("s", "white")}
    for fixed in (True, False):
        for kind, (marker, fill) in marks.items():
            chosen = [i for i, point in enumerate(points) if (point.fixed, point.kind) == (fixed, kind)]
            if not chosen:
                continue
            for i in chosen if kind == "saddle" else []:
                line = places[i] + reach * np.array([[-1.0], [1.0]]) * _growing(points[i], kept, plane)
                axes.plot(*line.T, color=INK, linewidth=1.2, zorder=3)
            axes.plot(
                *places[chosen].T,
                marker if fixed else "D",
                markersize=8 if fixed else 5,
                markerfacecolor=fill,
                markeredgecolor=INK,
                markeredgewidth=1.4,
                zorder=4,
                label=f"{kind if fixed else f'slow, {kind}'} ({len(chosen)})",
            )


def _growing(point: Point, kept: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """The direction in the plane (2,) of the fastest growth, of length 1; 0 where it stands upright on the plane."""
    values, vectors = np.linalg.eig(point.jacobian)
    seen = np.real(vectors[:, np.argmax(np.abs(values))][kept]) @ plane
    return seen / max(float(np.linalg.norm(seen)), 1e-9)
