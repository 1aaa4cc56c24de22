"""`elman forecast`: from a CSV to forecasts, their backtest, a picture, a saved model and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elman.cli import say, words
from elman.cli.files import Outputs
from elman.core import checks

if TYPE_CHECKING:
    from elman.forecast import Backtest, Forecast, Forecaster, Forecasts, Series

__all__ = [
    "described",
    "forecast",
    "show_errors",
    "show_forecast",
    "show_read",
    "show_skipped",
    "table_ending",
    "verdict_in_short",
]

SHOWN = 20  # series that are listed


def forecast(
    data: words.Data = None,
    target: words.Target = None,
    time: words.Time = None,
    id: words.Id = None,
    past: words.Past = None,
    future: words.Future = None,
    static: words.Static = None,
    calendar: words.Calendar = None,
    horizon: words.Horizon = None,
    season: words.Season = None,
    context: words.Context = None,
    freq: words.Freq = None,
    levels: words.Levels = None,
    missing: words.Missing = "error",
    effort: words.Effort = "normal",
    head: words.Head = "median",
    windows: words.Windows = 6,
    skip_bad: words.SkipBad = False,
    best: words.Best = False,
    seed: words.Seed = 0,
    to: words.To = "csv",
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Forecast one series or many from a CSV: values, intervals, a backtest against naive baselines, a picture, a
    verdict."""
    source, stem = words.source(data)
    table = table_ending(".forecast", to)
    with Outputs(out, stem, [table, ".forecast.png", ".safetensors"], [source]) as outputs:
        from elman.forecast import Forecaster

        model = Forecaster(
            horizon=horizon,
            season=words.as_season(season),
            context=context,
            levels=words.as_levels(levels),
            freq=freq,
            missing=missing,
            effort=effort,
            head=head,
            windows=windows,
            calendar=words.as_names("--calendar", calendar),
            skip_bad=skip_bad,
            seed=seed,
        )
        columns = {
            "past": words.as_names("--past", past),
            "future": words.as_names("--future", future),
            "static": words.as_names("--static", static),
        }
        read = model.read(source, target=target, time=time, id=id, **columns)
        if not as_json:
            show_read(read, source.name)
        with say.working("training, and testing on the last windows") as progress:
            model.fit(read, progress=progress)
        model.name_columns(target=target, time=time, id=id, **columns)
        found = model.forecast(best=best)
        outputs.write(table, found.write_csv if to == "csv" else found.write_parquet)
        outputs.write(".forecast.png", found.plot)
        outputs.write(".safetensors", model.save)
        written = outputs.commit()
    if as_json:
        say.as_json(described(model, found) | {"files": written})
        return
    seasons = model.season_ if isinstance(model.season_, tuple) else (model.season_,)
    season_text = "no season" if seasons == (1,) else f"season {' and '.join(map(str, seasons))}"
    say.line(f"Forecast of {model.horizon_} rows, {season_text}")
    show_skipped(model.skipped_ | getattr(found, "skipped", {}))
    if model.backtest_ is not None:
        say.line()
        show_errors(model.backtest_)
        show_coverage(model)
    say.line()
    show_forecast(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))
    if model.backtest_ is not None:
        say.line()
        say.line(model.verdict())


def show_read(read: Series | Mapping[str, Series], name: str) -> None:
    """What was read, in one line."""
    from elman.forecast import Series

    if isinstance(read, Series):
        show_series(read, name)
        return
    rows = [len(series) for series in read.values()]
    first = next(iter(read.values()))
    step = f", {first.calendar.name}" if first.calendar is not None else ""
    filled = sum(len(series.filled) for series in read.values())
    filled_text = f", {filled} of them {_filling(first)}" if filled else ""
    span = f"{min(rows)} rows" if min(rows) == max(rows) else f"{min(rows)} to {max(rows)} rows"
    say.line(f"{name}, {first.name}: {len(read)} series of {span}{filled_text}{step}")


def _filling(series: Series) -> str:
    return "masked" if series.masked else "interpolated"


def show_series(series: Series, name: str) -> None:
    """What was read, in one line."""
    step = f", {series.calendar.name}" if series.calendar is not None else ""
    filled = f", {len(series.filled)} of them {_filling(series)}" if series.filled else ""
    span = f"{series.label(0)} to {series.label(len(series) - 1)}"
    say.line(f"{name}, {series.name}: {len(series)} rows{filled}, {span}{step}")


def table_ending(stem: str, to: str) -> str:
    """The ending of a command's table: `stem.csv` or `stem.parquet`. ModuleNotFoundError for the latter without
    polars."""
    from elman.series.tables.files import needs_polars

    if checks.choice("to", to, ("csv", "parquet")) == "parquet":
        needs_polars()
    return f"{stem}.{to}"


def show_skipped(skipped: Mapping[str, str]) -> None:
    """The series that were left out, a line each."""
    for name, why in skipped.items():
        say.line(f"Left out: series {name!r}: {why}")


def show_errors(backtest: Backtest) -> None:
    """The mean errors of each model."""
    windows = len(backtest) // max(1, len(backtest.places))
    count = "the last window" if windows == 1 else f"the last {windows} windows"
    if backtest.series:
        count += f" of {len(backtest.places)} series"
    rows = backtest.summary()
    columns = [[row["model"] for row in rows]]
    columns += [say.figures(row[name] for row in rows) for name in ("mase", "smape", "rmse", "rmsse", "owa")]
    say.table([f"mean over {count}", "MASE", "sMAPE %", "RMSE", "RMSSE", "OWA"], zip(*columns, strict=True))


def show_coverage(model: Forecaster) -> None:
    """What the intervals held in the backtest."""
    tested = model.coverage()
    if tested:
        say.line()
        each = [f"{row['covered']:.0f} % ({row['level']:g} asked)" for row in tested]
        say.line(f"Intervals, each window's from other windows' errors, held {' and '.join(each)} of the rows")


def show_forecast(found: Forecast | Forecasts) -> None:
    """The forecast's rows, with their intervals; of many series the next row alone, and how well each was forecast."""
    from elman.forecast import Forecast

    if not isinstance(found, Forecast):
        _show_each(found)
        return
    names = found.columns()
    heads = [names[0], names[1], *(name.replace("_", " ") + " %" for name in names[2:])]
    if found.model != "network":
        heads[1] += f" ({found.model})"
    columns = [found.labels, *(say.figures(column) for column in zip(*(row for _, row in found.rows()), strict=True))]
    say.table(heads, zip(*columns, strict=True))
    _show_rolled(found)


def _show_rolled(found: Forecast) -> None:
    if found.rolled:
        say.line(f"{found.rolled} of the {len(found)} rows lie past the trained horizon: forecast from forecasts")


def _show_each(found: Forecasts) -> None:
    rows: list[list[str]] = []
    for name, forecast in list(found.items())[:SHOWN]:
        label, numbers = forecast.rows()[0]
        row = [name, label, *say.figures(numbers[:1])]
        if forecast.backtest is not None:
            tested, best = forecast.backtest, forecast.backtest.best_baseline
            row += [*say.figures([tested.mean("network"), tested.mean(best)]), verdict_in_short(tested)]
        rows.append(row)
    heads = ["series", "next row", "forecast", "MASE network", "best baseline", "better"]
    width = max(map(len, rows))
    say.table(heads[:width], [row + [""] * (width - len(row)) for row in rows])
    if len(found) > SHOWN:
        say.line(f"and {len(found) - SHOWN} more series")
    _show_rolled(next(iter(found.values())))


def verdict_in_short(backtest: Backtest) -> str:
    """Who was better in a series' windows."""
    return f"network, by {100.0 * backtest.gain:.0f} %" if backtest.network_wins else backtest.best_baseline


def described(model: Forecaster, found: Forecast | Forecasts) -> dict[str, Any]:
    """All that the text says, for `--json`."""
    from elman.forecast import Forecast

    backtest = model.backtest_
    about = {
        "season": model.season_,
        "backtest": {"mean": backtest.summary(), "windows": backtest.records()} if backtest is not None else None,
        "coverage": model.coverage() if backtest is not None else None,
        "verdict": backtest.verdict() if backtest is not None else None,
    }
    if isinstance(found, Forecast):
        return {**found.to_dict(), **_series_described(found.history), **about}
    each = {
        name: {
            **forecast.to_dict(),
            **_series_described(forecast.history),
            "verdict": None if forecast.backtest is None else forecast.backtest.verdict(),
        }
        for name, forecast in found.items()
    }
    return {"series": each, "skipped": model.skipped_ | found.skipped, "horizon": model.horizon_, **about}


def _series_described(series: Series) -> dict[str, Any]:
    labels = series.labels
    return {
        "rows": len(series),
        "first": labels[0],
        "last": labels[-1],
        "freq": series.calendar.name if series.calendar is not None else None,
        _filling(series): [labels[row] for row in series.filled],
    }
