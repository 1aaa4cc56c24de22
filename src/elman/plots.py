"""Pictures of what was measured. matplotlib is imported when one is drawn, and only its objects are used: nothing of
a caller's own figures changes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.history import History

if TYPE_CHECKING:
    from elman.forecast.backtest import Backtest
    from elman.forecast.result import Forecast, Forecasts
    from elman.forecast.series import Series
    from elman.inspect import FixedPoint, FixedPoints

__all__ = [
    "backtest_plot",
    "fixed_points_plot",
    "forecast_plot",
    "forecasts_plot",
    "learning_curve",
    "needs_matplotlib",
    "picture",
]

INK, GREY, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, HISTORY = "#0b69a3", "#52606d"
NEEDED = "pictures need matplotlib; type: pip install 'elman[cli]'"


def forecast_plot(forecast: Forecast, path: str | os.PathLike[str]) -> Path:
    """History (its recent part where it is long), forecast and intervals, drawn into a PNG, SVG or PDF file.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    with picture(path, 10, 4.8) as figure:
        axes = figure.add_subplot()
        _draw(axes, forecast)
        _frame(axes, forecast)
    return Path(path)


def forecasts_plot(forecasts: Forecasts, path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Small multiples: the first `most` of many series, each with its recent history, forecast and intervals.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    title = f"the next {len(next(iter(forecasts.values())))} rows"
    with _multiples(path, list(forecasts), most, title, "history") as panels:
        for name, axes in panels.items():
            _draw(axes, forecasts[name])
            _dates(axes, forecasts[name].history, 3, 5)
    return Path(path)


def backtest_plot(
    backtest: Backtest, history: Mapping[str, Series], path: str | os.PathLike[str], *, most: int = 12
) -> Path:
    """The last windows of one series or many, each small: the truth, the network's forecasts and the best baseline's.

    history   the series by id; one alone by any
    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    best, count = backtest.best_baseline, len(backtest) // max(1, len(backtest.places))
    names = [name for name in history if name in backtest.places] if backtest.series else list(history)
    title = "the last window" if count == 1 else f"the last {count} windows"
    with _multiples(path, names, most, title, "truth") as panels:
        for name, axes in panels.items():
            series, own = history[name], backtest.of(name) if backtest.series else backtest
            first = max(0, own.starts[0] - 2 * own.horizon)
            rows = np.arange(1, len(series) + 1) if series.times is None else series.times
            axes.plot(rows[first:], series.observed[first:], color=HISTORY, linewidth=1.3, label="truth")
            for w, start in enumerate(own.starts):
                ahead = rows[start : start + own.horizon]
                marker = {"marker": "o", "markersize": 3} if own.horizon == 1 else {}
                axes.plot(
                    ahead, own.forecasts[best][w], color=GREY, linewidth=1, linestyle=(0, (3, 2)), label=best, **marker
                )
                axes.plot(ahead, own.forecasts["network"][w], color=BLUE, linewidth=1.3, label="network", **marker)
                axes.axvline(ahead[0], color=GRID, linewidth=0.8, zorder=0)
            _dates(axes, series, 3, 5)
    return Path(path)


def learning_curve(history: History, path: str | os.PathLike[str]) -> Path:
    """Loss and validation loss by epoch, the best epoch, and the learning rate below where it changed, in a PNG, SVG
    or PDF file.

    The file appears whole or not at all. ValueError for a history without epochs, `ModuleNotFoundError` without
    matplotlib, `OSError` where the file cannot be written.
    """
    if not len(history):
        raise ValueError(f"history: expected at least one epoch, got {history!r}")
    changed = np.ptp(history.learning_rate) > 0
    with picture(path, 7.5, 4.8 if changed else 4) as figure:
        if changed:
            losses, rates = figure.subplots(2, sharex=True, height_ratios=[4, 1])
            _rates(rates, history)
            bottom = rates
        else:
            losses = bottom = figure.add_subplot()
        _losses(losses, history)
        bottom.set_xlabel("epoch", color=INK)
    return Path(path)


def fixed_points_plot(
    points: FixedPoints,
    path: str | os.PathLike[str],
    *,
    trajectories: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    labels: Mapping[float, str] | None = None,
    title: str = "Fixed points",
) -> Path:
    """Fixed and slow points, and trajectories of the state, in the first two principal components: a PNG, SVG or PDF.

    trajectories  (B, T, S), states as `points` has them; the components are theirs, or the points' without them
    groups        (B,) numbers: trajectories are coloured by them, from the least (red) to the largest (blue)
    labels        what the legend calls a group: its number, where nothing is said

    Stable points are filled, saddles and unstable ones open; a saddle's line is its fastest growing direction. The file
    appears whole or not at all. ValueError for no points or wrong shapes, `ModuleNotFoundError` without matplotlib,
    `OSError` where the file cannot be written.
    """
    if not len(points):
        raise ValueError(f"points: expected at least one, got {points!r}")
    states = points.states
    if trajectories is None:
        trajectories = np.empty((0, 1, states.shape[1]))
    if trajectories.ndim != 3 or trajectories.shape[2] != states.shape[1]:
        raise ValueError(f"trajectories: expected shape (B, T, {states.shape[1]}), got {trajectories.shape}")
    if groups is not None and groups.shape != trajectories.shape[:1]:
        raise ValueError(f"groups: expected shape {trajectories.shape[:1]}, got {groups.shape}")
    cloud = trajectories.reshape(-1, states.shape[1]) if trajectories.size else states
    center, plane, shares = _components(cloud)
    with picture(path, 9, 5.6) as figure:
        axes = figure.add_subplot()
        ways, places = (trajectories - center) @ plane, (states - center) @ plane
        _trajectories(axes, ways, np.zeros(len(ways)) if groups is None else groups, labels or {})
        _points(axes, points, places, plane, 0.08 * float(np.ptp([*ways.reshape(-1, 2), *places], axis=0).max()))
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
        axes.set_xlabel(f"principal component 1 ({shares[0]:.0%} of the variance)", color=INK)
        axes.set_ylabel(f"principal component 2 ({shares[1]:.0%})", color=INK)
        _plain(axes)
        figure.legend(loc="outside right upper", frameon=False, fontsize=9, labelcolor=INK)
    return Path(path)


def needs_matplotlib() -> None:
    """Raises ModuleNotFoundError, with the command to type, where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError(NEEDED, name="matplotlib")


@contextmanager
def _multiples(
    path: str | os.PathLike[str], names: Sequence[str], most: int, title: str, first: str
) -> Generator[dict[str, Any]]:
    """Axes for the first `most` names, three in a row; `first` is what the legend calls the first line."""
    shown = names[:most]
    across = min(3, len(shown))
    down = -(-len(shown) // across)
    with picture(path, 3.9 * max(across, 2), 2.3 * max(down, 1 + (across == 1)) + 0.7) as figure:
        grid = figure.subplots(down, across, squeeze=False)
        panels = dict(zip(shown, grid.flat, strict=False))
        yield panels
        for name, axes in panels.items():
            _plain(axes)
            axes.tick_params(labelsize=8)
            axes.set_title(name, loc="left", fontsize=9, fontweight="bold", color=INK)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        some = f"{len(shown)} of {len(names)} series, " if len(shown) < len(names) else f"{len(shown)} series, "
        title = some + title if len(names) > 1 else title
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
        lines, labels = grid.flat[0].get_legend_handles_labels()
        named = {first if k == 0 else label: line for k, (line, label) in enumerate(zip(lines, labels, strict=True))}
        place = "upper right" if across > 1 else "outside lower center"
        figure.legend(named.values(), named, loc=place, frameon=False, fontsize=9, ncols=4, labelcolor=INK)


@contextmanager
def picture(path: str | os.PathLike[str], width: float, height: float) -> Generator[Any]:
    """An empty figure, width and height in inches; what the body drew is saved as PNG, SVG or PDF in the end.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="matplotlib") from None
    from elman.forecast.files import replacing

    figure = Figure(figsize=(width, height), dpi=144, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    yield figure
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None} if temporary.suffix == ".png" else None)


# ---------------------------------------------------------------------------------------- fixed points


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


def _points(axes: Any, points: FixedPoints, places: np.ndarray, plane: np.ndarray, reach: float) -> None:
    """Each sort with its marker: stable ones filled, the others open; slow ones smaller diamonds."""
    marks = {"stable": ("o", INK), "saddle": ("o", "white"), "unstable": ("s", "white")}
    for fixed in (True, False):
        for kind, (marker, fill) in marks.items():
            chosen = [i for i, point in enumerate(points) if (point.fixed, point.kind) == (fixed, kind)]
            if not chosen:
                continue
            for i in chosen if kind == "saddle" else []:
                line = places[i] + reach * np.array([[-1.0], [1.0]]) * _growing(points[i], plane)
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


def _growing(point: FixedPoint, plane: np.ndarray) -> np.ndarray:
    """The direction in the plane (2,) of the fastest growth, of length 1; 0 where it stands upright on the plane."""
    values, vectors = np.linalg.eig(point.jacobian)
    seen = np.real(vectors[:, np.argmax(np.abs(values))]) @ plane
    return seen / max(float(np.linalg.norm(seen)), 1e-9)


# -------------------------------------------------------------------------------------- learning curve


def _losses(axes: Any, history: History) -> None:
    """The losses, on a logarithmic scale where they are above 0 and span more than a factor of 20."""
    from matplotlib.ticker import MaxNLocator

    epochs, best = np.arange(1, len(history) + 1), history.best_epoch
    marker = {"marker": "o", "markersize": 3.2} if len(history) <= 24 else {}
    axes.plot(epochs, history.loss, color=HISTORY, linewidth=1.5, label="training", **marker)
    shown = [history.loss]
    if np.isfinite(history.validation_loss).any():
        axes.plot(epochs, history.validation_loss, color=BLUE, linewidth=1.9, label="validation", **marker)
        shown.append(history.validation_loss)
    if best is not None:
        value = shown[-1][best - 1]
        ring = {"markersize": 7, "markerfacecolor": "none", "markeredgecolor": INK}
        axes.plot(best, value, "o", label=f"best, epoch {best}: {value:.4g}", **ring)
    figures = np.concatenate(shown)
    figures = figures[np.isfinite(figures)]
    if len(figures) and figures.min() > 0 and figures.max() > 20 * figures.min():
        axes.set_yscale("log")
    title = f"Loss after {len(history)} epoch{'s' if len(history) > 1 else ''}"
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.legend(loc="upper right", frameon=False, fontsize=9, labelcolor=INK)
    _plain(axes)


def _rates(axes: Any, history: History) -> None:
    axes.plot(np.arange(1, len(history) + 1), history.learning_rate, color=GREY, linewidth=1.5)
    axes.set_ylabel("learning\nrate", color=INK, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    axes.yaxis.get_offset_text().set(size=8, color=INK)
    _plain(axes)


def _plain(axes: Any) -> None:
    """Horizontal lines behind the data, and no frame above and to the right."""
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)


# -------------------------------------------------------------------------------------------- forecast


def _draw(axes: Any, forecast: Forecast) -> None:
    history, h = forecast.history, len(forecast)
    shown = min(len(history), max(8 * h, 60))
    past = np.arange(len(history) - shown + 1, len(history) + 1) if history.times is None else history.times[-shown:]
    ahead = forecast.times
    values = history.values[-shown:]
    # the lines and bands begin at the last known value, so that no gap seems to lie between past and future
    joined = np.concatenate([past[-1:], ahead])
    axes.plot(past, values, color=HISTORY, linewidth=1.3, label=history.name)
    levels = sorted(forecast.intervals, reverse=True)
    for rank, level in enumerate(levels):
        lower, upper = np.vstack([[values[-1]] * 2, forecast.intervals[level]]).T
        shade = 0.14 + 0.16 * rank / max(len(levels) - 1, 1)
        axes.fill_between(joined, lower, upper, color=BLUE, alpha=shade, linewidth=0, label=f"{level:g} % interval")
    line = np.concatenate([values[-1:], forecast.values])
    marker = {"marker": "o", "markersize": 3.2, "markevery": slice(1, None)} if h <= 24 else {}
    axes.plot(joined, line, color=BLUE, linewidth=1.9, label=f"forecast ({forecast.model})", **marker)
    axes.axvline(past[-1], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    axes.margins(x=0.015)


def _dates(axes: Any, history: Series, least: int, most: int) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    if history.times is not None:
        locator = AutoDateLocator(minticks=least, maxticks=most)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(most - 1, integer=True))


def _frame(axes: Any, forecast: Forecast) -> None:
    from matplotlib.ticker import StrMethodFormatter

    history = forecast.history
    unit = history.calendar.unit_name if history.calendar is not None else None
    ahead = f"the next {unit or 'row'}" if len(forecast) == 1 else f"the next {len(forecast)} {unit or 'row'}s"
    axes.set_title(f"{history.name}: {ahead}", loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.025, _subtitle(forecast), transform=axes.transAxes, fontsize=9, color=GREY)
    axes.set_ylabel(history.name, color=INK)
    axes.set_xlabel(history.time_name or "row", color=INK)
    _dates(axes, history, 4, 9)
    if max(abs(bound) for bound in axes.get_ylim()) >= 10_000:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _plain(axes)
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4, labelcolor=INK)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # room for the legend


def _subtitle(forecast: Forecast) -> str:
    tested = forecast.backtest
    span = f"{forecast.labels[0]} to {forecast.labels[-1]}" if len(forecast) > 1 else forecast.labels[0]
    if tested is None:
        return span
    best = tested.best_baseline
    windows = "1 window" if len(tested) == 1 else f"{len(tested)} windows"
    ours, theirs = tested.mean("network"), tested.mean(best)
    return f"{span}.  Backtest, {windows}: mean MASE {ours:.2f} (network), {theirs:.2f} ({best})"
