"""Forecasts: their rows, the errors of the backtest, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.console.backtests import better, print_errors
from elman.cli.console.series import print_skipped, series_json
from elman.cli.console.terms import season_text

if TYPE_CHECKING:
    from elman.forecast import Forecast, Forecaster, Forecasts

__all__ = ["forecast_json", "print_forecast", "print_forecasts_of_model"]

LISTED = 20  # series at most


def print_forecasts_of_model(model: Forecaster, found: Forecast | Forecasts) -> None:
    """Prints what a forecaster that was just fitted forecasts, and how it did in its backtest."""
    first = next(iter(model.series_.values())) if isinstance(model.series_, dict) else model.series_
    seasons = model.season_ if isinstance(model.season_, tuple) else (model.season_,)
    rows = "1 row" if model.horizon_ == 1 else f"{model.horizon_} rows"
    year = model.calendar is None and "year" in model.model_.inputs.calendar
    terminal.line(f"Forecast of {rows}; {season_text(seasons, model.season is not None, first, year)}")
    print_skipped(model.skipped_ | getattr(found, "skipped", {}))
    _print_chosen(model)
    if model.backtest_ is not None:
        terminal.line()
        print_errors(model.backtest_)
        _print_coverage(model)
    terminal.line()
    print_forecast(found)


def _print_chosen(model: Forecaster) -> None:
    """Prints the mean weight of each model that is combined, the largest first."""
    chosen = model.chosen_
    each = list(chosen.values()) if isinstance(model.series_, dict) else [chosen]
    mean = {name: sum(row[name] for row in each) / len(each) for name in each[0]}
    if len(mean) > 1:
        shares = sorted(((share, name) for name, share in mean.items() if share >= 0.005), reverse=True)
        of = f", on average over {len(each)} series" if len(each) > 1 else ""
        terminal.line("Combined of " + ", ".join(f"{name} {100.0 * share:.0f} %" for share, name in shares) + of)
    if model.backtest_ is None and model.windows:
        terminal.line(f"No backtest and no intervals: too few rows for a window of {model.horizon_} rows")


def _print_coverage(model: Forecaster) -> None:
    """Prints how many rows the intervals held in the backtest."""
    tested = model.coverage()
    if tested:
        terminal.line()
        each = [f"{row['covered']:.0f} % ({row['level']:g} asked)" for row in tested]
        terminal.line(f"Intervals, each window's from other windows' errors, held {' and '.join(each)} of the rows")


def print_forecast(found: Forecast | Forecasts) -> None:
    """Prints the rows of a forecast with their intervals; of many series the next row alone, and how well each was
    forecast in the backtest."""
    from elman.forecast import Forecast

    if not isinstance(found, Forecast):
        _print_each(found)
        return
    names = found.columns()
    heads = [names[0], names[1], *(name.replace("_", " ") + " %" * ("_" in name) for name in names[2:])]
    if found.backtest is not None and found.model != found.backtest.model:
        heads[1] += f" ({found.model})"
    numbers = zip(*(row for _, row in found.rows()), strict=True)
    columns = [found.labels, *(terminal.figures(column) for column in numbers)]
    terminal.table(heads, zip(*columns, strict=True))
    _print_errors(found)
    _print_past_horizon(found)


def _print_errors(found: Forecast) -> None:
    """Prints how far a forecast is from what came, where that is known."""
    if found.actual is None:
        return
    errors = found.errors()
    held = [f"{value:.0f} % ({name.split('_')[1]} asked)" for name, value in errors.items() if "covered" in name]
    intervals = f"; the intervals held {' and '.join(held)} of the rows" if held else ""
    rows = "1 row" if errors["rows"] == 1 else f"{errors['rows']} rows"
    terminal.line(
        f"Against the truth of {rows}: MASE {terminal.figure(errors['mase'])}, sMAPE {errors['smape']:.4g} %, RMSE"
        f" {terminal.figure(errors['rmse'])}{intervals}"
    )


def _print_each(found: Forecasts) -> None:
    rows: list[list[str]] = []
    known = any(forecast.actual is not None for forecast in found.values())
    for id, forecast in list(found.items())[:LISTED]:
        label, numbers = forecast.rows()[0]
        row = [id, label, *terminal.figures(numbers[:1])]
        if known:
            row.append(terminal.figure(forecast.errors()["mase"]) if forecast.actual is not None else "")
        if forecast.backtest is not None:
            tested, best = forecast.backtest, forecast.backtest.best_baseline
            row += [*terminal.figures([tested.mean(), tested.mean(best)]), better(tested)]
        rows.append(row)
    heads = ["series", "next row", "forecast", *["MASE of truth"] * known, "MASE", "best baseline", "better"]
    width = max(map(len, rows))
    terminal.table(heads[:width], [row + [""] * (width - len(row)) for row in rows])
    if len(found) > LISTED:
        terminal.line(f"and {len(found) - LISTED} more series")
    _print_past_horizon(next(iter(found.values())))


def _print_past_horizon(found: Forecast) -> None:
    if found.recursive_steps:
        steps = f"{found.recursive_steps} of the {len(found)} rows"
        terminal.line(f"{steps} lie past the trained horizon: forecast from forecasts")


def forecast_json(model: Forecaster, found: Forecast | Forecasts) -> dict[str, object]:
    """Returns all that the text says, for `--json`."""
    from elman.forecast import Forecast

    backtest = model.backtest_
    about = {
        "season": model.season_,
        "chosen": model.chosen_,
        "backtest": {"mean": backtest.summary(), "windows": backtest.records()} if backtest is not None else None,
        "coverage": model.coverage() if backtest is not None else None,
        "verdict": backtest.verdict() if backtest is not None else None,
    }
    if isinstance(found, Forecast):
        return {**found.to_dict(), **series_json(found.history), **about}
    each = {
        id: {
            **forecast.to_dict(),
            **series_json(forecast.history),
            "verdict": None if forecast.backtest is None else forecast.backtest.verdict(),
        }
        for id, forecast in found.items()
    }
    return {"series": each, "skipped": model.skipped_ | found.skipped, "horizon": model.horizon_, **about}
