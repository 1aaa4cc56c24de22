"""`elman forecast`: from a CSV to a forecast, its backtest, a picture, a saved model and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elman.cli import say, words
from elman.cli.files import Outputs

if TYPE_CHECKING:
    from elman.forecast import Backtest, Forecast, Series

__all__ = ["described", "forecast", "show_forecast", "show_series"]


def forecast(
    data: words.Data = None,
    target: words.Target = None,
    time: words.Time = None,
    horizon: words.Horizon = None,
    season: words.Season = None,
    context: words.Context = None,
    freq: words.Freq = None,
    levels: words.Levels = None,
    missing: words.Missing = "error",
    best: words.Best = False,
    seed: words.Seed = 0,
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Forecast a series from a CSV: values, intervals, a backtest against naive baselines, a picture, a verdict."""
    source, stem = words.source(data)
    with Outputs(out, stem, [".forecast.csv", ".forecast.png", ".safetensors"], [source]) as outputs:
        from elman.forecast import Forecaster, read_series

        model = Forecaster(
            horizon=horizon,
            season=season,
            context=context,
            levels=words.as_levels(levels),
            freq=freq,
            missing=missing,
            seed=seed,
        )
        series = read_series(source, target=target, time=time, freq=freq, missing=missing)
        if not as_json:
            show_series(series, source.name)
        with say.working("training, and testing on the last windows"):
            model.fit(series)
        found = model.forecast(best=best)
        outputs.write(".forecast.csv", found.write_csv)
        outputs.write(".forecast.png", found.plot)
        outputs.write(".safetensors", model.save)
        written = outputs.commit()
    if as_json:
        say.as_json(described(found, series, model.season_) | {"files": written})
        return
    season_text = "no season" if model.season_ == 1 else f"season {model.season_}"
    say.line(f"Forecast of {model.horizon_} rows, {season_text}")
    if found.backtest is not None:
        say.line()
        show_backtest(found.backtest)
    say.line()
    show_forecast(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))
    if found.backtest is not None:
        say.line()
        say.line(found.backtest.verdict())


def show_series(series: Series, name: str) -> None:
    """What was read, in one line."""
    labels, step = series.labels, f", {series.calendar.name}" if series.calendar is not None else ""
    filled = f", {len(series.filled)} of them interpolated" if series.filled else ""
    say.line(f"{name}, {series.name}: {len(series)} rows{filled}, {labels[0]} to {labels[-1]}{step}")


def show_backtest(backtest: Backtest) -> None:
    """The mean errors of each model."""
    count = "the last window" if len(backtest) == 1 else f"the last {len(backtest)} windows"
    rows = backtest.summary()
    columns = [[row["model"] for row in rows]]
    columns += [say.figures(row[name] for row in rows) for name in ("mase", "smape", "rmse")]
    say.table([f"mean over {count}", "MASE", "sMAPE %", "RMSE"], zip(*columns, strict=True))


def show_forecast(found: Forecast) -> None:
    """The forecast's rows, with their intervals."""
    names = found.columns()
    heads = [names[0], names[1], *(name.replace("_", " ") + " %" for name in names[2:])]
    if found.model != "network":
        heads[1] += f" ({found.model})"
    columns = [found.labels, *(say.figures(column) for column in zip(*(row for _, row in found.rows()), strict=True))]
    say.table(heads, zip(*columns, strict=True))


def described(found: Forecast, series: Series, season: int) -> dict[str, Any]:
    """All that the text says, for `--json`."""
    labels, backtest = series.labels, found.backtest
    return {
        **found.to_dict(),
        "rows": len(series),
        "first": labels[0],
        "last": labels[-1],
        "freq": series.calendar.name if series.calendar is not None else None,
        "season": season,
        "interpolated": [labels[row] for row in series.filled],
        "backtest": {"mean": backtest.summary(), "windows": backtest.records()} if backtest is not None else None,
        "verdict": backtest.verdict() if backtest is not None else None,
    }
