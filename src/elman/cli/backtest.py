"""`elman backtest`: how well the last windows of one series or many would have been forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elman.cli import say, words
from elman.cli.files import Outputs
from elman.cli.forecast import show_errors, show_read, show_skipped, table_ending, verdict_in_short

if TYPE_CHECKING:
    from elman.forecast import Backtest

__all__ = ["backtest"]

SHOWN = 20  # series that are listed


def backtest(
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
    step: words.Step = None,
    refit: words.Refit = None,
    skip_bad: words.SkipBad = False,
    seed: words.Seed = 0,
    to: words.To = "csv",
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Forecast the last windows of one series or many from the rows before each: errors and intervals of the network
    and of naive baselines, a verdict for each series, a picture."""
    source, stem = words.source(data)
    table = table_ending(".backtest", to)
    with Outputs(out, stem, [table, ".backtest.png"], [source]) as outputs:
        from elman.forecast import Forecaster, Series
        from elman.forecast.evaluation.coverage import coverage
        from elman.forecast.evaluation.intervals import parse_levels
        from elman.plots import backtest_plot

        model = Forecaster(
            horizon=horizon,
            season=words.as_season(season),
            context=context,
            freq=freq,
            missing=missing,
            effort=effort,
            head=head,
            windows=windows,
            calendar=words.as_names("--calendar", calendar),
            skip_bad=skip_bad,
            seed=seed,
        )
        wanted = parse_levels(words.as_levels(levels) or (80.0, 95.0))
        columns = {
            "past": words.as_names("--past", past),
            "future": words.as_names("--future", future),
            "static": words.as_names("--static", static),
        }
        read = model.read(source, target=target, time=time, id=id, **columns)
        if not as_json:
            show_read(read, source.name)
        with say.working("forecasting the last windows") as progress:
            found = model.backtest(step=step, refit=refit, y=read, progress=progress)
        intervals = {each: coverage(found, wanted, model=each) for each in found.forecasts}
        outputs.write(table, found.write_csv if to == "csv" else found.write_parquet)
        history = {"": read} if isinstance(read, Series) else read
        outputs.write(".backtest.png", lambda path: backtest_plot(found, history, path))
        written = outputs.commit()
    skipped: Mapping[str, str] = getattr(read, "skipped", {})
    if as_json:
        say.as_json(_described(found, intervals) | {"skipped": skipped, "files": written})
        return
    show_skipped(skipped)
    say.line()
    show_errors(found)
    say.line()
    _show_intervals(intervals)
    if found.series:
        say.line()
        _show_series(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))
    say.line()
    say.line(found.verdict())


def _show_intervals(found: Mapping[str, list[dict[str, Any]]]) -> None:
    """For each level what the intervals of each model held, and their scores."""
    for k, row in enumerate(found["network"]):
        rows = [each[k] for each in found.values() if k < len(each)]
        columns = [list(found), [f"{each['covered']:.1f}" for each in rows]]
        columns += [say.figures(each[name] for each in rows) for name in ("score", "pinball")]
        heads = [f"intervals of {row['level']:g} %", "held %", "interval score / MASE's unit", "pinball"]
        say.table(heads, zip(*columns, strict=False))


def _show_series(found: Backtest) -> None:
    rows: list[list[str]] = []
    for name in list(found.places)[:SHOWN]:
        own = found.of(name)
        rows.append([name, *say.figures([own.mean("network"), own.mean(own.best_baseline)]), verdict_in_short(own)])
    say.table(["series", "MASE network", "best baseline", "better"], rows)
    if len(found.places) > SHOWN:
        say.line(f"and {len(found.places) - SHOWN} more series")


def _described(found: Backtest, intervals: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All that the text says, for `--json`."""
    each = {name: found.of(name) for name in found.places}
    return {
        "horizon": found.horizon,
        "mean": found.summary(),
        "intervals": intervals,
        "series": {name: {"mean": own.summary(), "verdict": own.verdict()} for name, own in each.items()},
        "windows": found.records(),
        "verdict": found.verdict(),
    }
