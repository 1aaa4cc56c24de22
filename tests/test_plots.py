"""Pictures: drawn whole or not at all, showing what they should, without touching a caller's figures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from elman import plots
from elman.anomaly import Alarm, Anomalies
from elman.forecast import Backtest, Forecast, Series, as_series
from elman.plots import figure
from elman.train.history import Epoch, History

pytest.importorskip("matplotlib")


def forecast(series: Series, steps: int = 6, levels: tuple[float, ...] = (80.0, 95.0)) -> Forecast:
    values = np.resize(series.values[-6:], steps)
    bands = {level: values[:, None] + level / 20 * np.array([-1.0, 1.0]) for level in levels}
    truth = np.zeros((2, steps))
    backtest = Backtest(
        truth,
        {"network": truth + 1.0, "naive": truth + 2.0},
        np.ones(2),
        (("a", "b"), ("c", "d")),
        (0, 1),
        ("a", "a"),
        single=True,
    )
    return Forecast(series, values, bands, "network", backtest)


def monthly(rows: int = 200) -> Series:
    return as_series(10 + np.sin(np.arange(rows)), time=np.datetime64("2001-01") + np.arange(rows))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_is_written_whole(tmp_path: Path, suffix: str):
    path = plots.forecast_plot(forecast(monthly()), tmp_path / f"sales{suffix}")
    assert path.read_bytes().startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix])
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_drawing_fails(tmp_path: Path):
    (tmp_path / "sales.png").write_text("older")
    with pytest.raises(ValueError, match="not supported"):
        plots.forecast_plot(forecast(monthly()), tmp_path / "sales.xyz")
    with pytest.raises(FileNotFoundError):
        plots.forecast_plot(forecast(monthly()), tmp_path / "nowhere" / "sales.png")
    assert [p.name for p in tmp_path.iterdir()] == ["sales.png"]
    assert (tmp_path / "sales.png").read_text() == "older"


def drawn(result: Forecast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The axes of the picture."""
    from matplotlib.figure import Figure

    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), Path(path).touch()))
    plots.forecast_plot(result, tmp_path / "a.png")
    return kept[0].axes[0]


def test_what_is_shown(monkeypatch, tmp_path):
    series = monthly()
    result = forecast(series)
    axes = drawn(result, monkeypatch, tmp_path)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["value", "95 % interval", "80 % interval", "forecast (network)"]
    past, ahead = axes.lines[:2]
    assert past.get_ydata().tolist() == series.values[-60:].tolist()  # the recent part of a long history
    assert ahead.get_ydata().tolist() == [series.values[-1], *result.values]
    assert np.array_equal(np.asarray(ahead.get_xdata(orig=True))[1:], result.times)
    assert axes.get_title(loc="left") == "value: the next 6 months"
    assert axes.get_xlabel() == "time"
    subtitle = axes.texts[0].get_text()
    assert subtitle == "2017-09 to 2018-02.  Backtest, 2 windows: mean MASE 1.00 (network), 2.00 (naive)"
    wide, narrow = (c.get_paths()[0].get_extents().height for c in axes.collections)
    assert wide > narrow


def test_rows_without_times_or_intervals(monkeypatch, tmp_path):
    bare = forecast(as_series(np.arange(20.0) ** 2), steps=1, levels=())
    axes = drawn(Forecast(bare.history, bare.values, {}), monkeypatch, tmp_path)
    assert axes.get_xlabel() == "row"
    assert axes.get_title(loc="left") == "value: the next row"
    assert axes.lines[1].get_xdata().tolist() == [20, 21]
    assert axes.texts[0].get_text() == "21"


def test_pictures_leave_pyplot_alone(tmp_path: Path):
    code = (
        "import sys, numpy as np\n"
        "from elman import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from elman.forecast import Forecast, as_series\n"
        "plots.forecast_plot(Forecast(as_series([1.0, 2, 4]), np.array([3.0]), {}), sys.argv[1])\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    root = str(Path(plots.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")], env={"PYTHONPATH": root}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def test_without_matplotlib_the_command_to_type(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'elman\[cli\]'"):
        plots.forecast_plot(forecast(monthly()), tmp_path / "a.png")


# ------------------------------------------------------------------------------------------ learning curves


def history(losses: list[float], validation: list[float] | None = None, rates: list[float] | None = None) -> History:
    own = History()
    for i, loss in enumerate(losses):
        own.record_epoch(Epoch(loss, validation[i] if validation else np.nan, 1.0, rates[i] if rates else 0.1, i + 1))
    return own


def curve(own: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The figure of a learning curve."""
    from matplotlib.figure import Figure

    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), Path(path).touch()))
    plots.learning_curve(own, tmp_path / "a.png")
    return kept[0]


def test_a_learning_curve_shows_losses_and_the_best_epoch(monkeypatch, tmp_path):
    (axes,) = curve(history([4.0, 2.0, 1.0], [5.0, 3.0, 3.5]), monkeypatch, tmp_path).axes
    training, validation, best = axes.lines
    assert training.get_xydata().tolist() == [[1, 4], [2, 2], [3, 1]]
    assert validation.get_ydata().tolist() == [5, 3, 3.5]
    assert best.get_xydata().tolist() == [[2, 3]]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["training", "validation", "best, epoch 2: 3"]
    assert (axes.get_yscale(), axes.get_xlabel()) == ("linear", "epoch")
    assert axes.get_title(loc="left") == "Loss after 3 epochs"


def test_the_learning_rate_is_drawn_where_it_changed(monkeypatch, tmp_path):
    losses, rates = curve(history([4.0, 0.01], rates=[0.1, 0.05]), monkeypatch, tmp_path).axes
    assert losses.get_yscale() == "log"
    assert [line.get_label() for line in losses.lines] == ["training", "best, epoch 2: 0.01"]
    assert rates.lines[0].get_ydata().tolist() == [0.1, 0.05]
    assert (losses.get_xlabel(), rates.get_xlabel()) == ("", "epoch")


@pytest.mark.parametrize("losses", [[np.inf], [np.nan, 2.0], [-1.0, -30.0], [0.0, 5.0], [1.0]])
def test_any_losses_are_drawn_without_a_warning(losses: list[float], tmp_path: Path):
    assert plots.learning_curve(history(losses), tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_learning_curve_needs_an_epoch(tmp_path: Path):
    with pytest.raises(ValueError, match="history: expected at least one epoch, got History: no whole epoch yet"):
        plots.learning_curve(History(), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------- anomalies


def scored(rows: int = 200, *, dated: bool = True) -> Anomalies:
    series = monthly(rows) if dated else as_series(10 + np.sin(np.arange(rows)))
    scores = np.where(np.arange(rows) < 30, np.nan, 1.0)
    scores[[100, 101, 150]] = 7.0
    labels = scores > 4
    bounds = series.values[:, None] + np.array([-1.0, 1.0])
    bounds[60] = [-1e9, np.inf]
    alarms = (Alarm(100, 101, 100, 7.0, "value", 1), Alarm(150, 150, 150, 7.0, "level", 8))
    return Anomalies(series, 30, 1e-4, scores, series.values, bounds, labels, alarms)


@pytest.mark.parametrize("dated", [True, False])
def test_anomalies_are_marked(monkeypatch, tmp_path, dated):
    from matplotlib.figure import Figure

    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), Path(path).touch()))
    found = scored(dated=dated)
    plots.anomalies_plot(found, tmp_path / "a.png")
    axes, below = kept[0].axes
    values = found.series.values
    learned, rest, marked = axes.lines
    assert learned.get_ydata().tolist() == values[:30].tolist()
    assert rest.get_ydata().tolist() == values[30:].tolist()
    assert marked.get_ydata().tolist() == values[[100, 101, 150]].tolist()
    assert len(axes.patches) == 2  # one for each alarm
    assert axes.get_title(loc="left") == "value: 2 alarms in 170 rows"
    assert "once in 10,000 rows" in axes.texts[0].get_text()
    assert axes.get_ylim()[1] < 20  # a band without end does not flatten the series
    assert below.lines[1].get_ydata()[0] == pytest.approx(4.0)
    plots.anomalies_plots({f"s{k}": found for k in range(14)}, tmp_path / "b.png")
    assert [each.get_visible() for each in kept[1].axes] == [True] * 12
    assert kept[1].axes[0].get_title(loc="left") == "s0: 2"


def test_a_picture_of_no_alarm(tmp_path):
    quiet = scored()
    quiet = replace(quiet, learned=0, scores=np.ones(200), labels=np.zeros(200, bool), alarms=())
    assert quiet.plot(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert plots.anomalies_plots({"one": quiet}, tmp_path / "b.svg").exists()


@pytest.mark.parametrize("name", ["$x^$", "a $ b $ c", "n" * 5000, "two\nlines", "日本", "_hidden", ""])
def test_any_name_and_size_can_be_drawn(name: str, tmp_path: Path):
    """No formula, no empty picture, no warning."""
    from elman.forecast import Forecaster, as_series

    values = 1e99 * (2.0 + np.sin(np.arange(60)))
    series = as_series(values)
    series = replace(series, name=name, time_name=None)
    model = Forecaster(horizon=3, members=1, updates=2).fit(series)
    model.forecast().plot(tmp_path / "forecast.png")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("first", "hours", "expected"),
    [
        ("2024-03-05T00", 24 * 9, ["Mar 05", "Mar 07", "Mar 09", "Mar 11", "Mar 13"]),
        ("2024-03-31T00", 24 * 5, ["Mar 31", "Apr 01", "Apr 02", "Apr 03", "Apr 04"]),
        ("2024-03-05T12", 37, ["12:00", "Mar 06", "12:00", "Mar 07"]),
    ],
)
def test_an_axis_of_hours_names_each_day_with_its_month(first: str, hours: int, expected: list[str], tmp_path: Path):
    times = np.datetime64(first) + np.arange(hours)
    with figure.picture(tmp_path / "a.png", 10, 4) as drawn:
        axes = drawn.add_subplot()
        axes.plot(times, np.arange(hours))
        figure.dates(axes, True, 4, 9)
    shown = [text.get_text() for text in axes.get_xticklabels()]
    assert [text for text in shown if text in expected] == expected
    assert axes.xaxis.get_offset_text().get_text().startswith("2024")


def test_a_piano_roll_shows_each_note_as_a_bar(tmp_path: Path):
    from matplotlib.figure import Figure

    keys = np.zeros((8, 88), bool)
    keys[0:2, 39] = keys[4:8, 39] = keys[2:3, 43] = True
    axes = plots.roll_plot(plots.RollChart(keys, 21, 2, "A roll", 3), ax=Figure().add_subplot())
    bars = sorted((bar.get_x(), bar.get_width(), bar.get_y() + 0.4) for bar in axes.patches)
    assert bars == [(0.0, 1.0, 60.0), (1.0, 0.5, 64.0), (2.0, 2.0, 60.0)]
    assert axes.get_xlim() == (0.0, 4.0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["given", "composed"]
    silent = plots.RollChart(np.zeros((3, 88), bool), 21, 4, "silence")
    assert plots.roll_plot(silent, tmp_path / "silence.png").stat().st_size > 0
    with pytest.raises(ValueError, match="path: expected a file or axes"):
        plots.roll_plot(silent, tmp_path / "x.png", ax=axes)
