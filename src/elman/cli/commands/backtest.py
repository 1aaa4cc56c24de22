"""`elman backtest`: how well the last windows of one series or many would have been forecast."""

from __future__ import annotations

from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.backtests import backtest_json, print_backtest, print_season
from elman.cli.console.series import print_read, print_skipped
from elman.cli.executors import ExecutorOptions
from elman.cli.files import named_after
from elman.cli.options import CovariateOptions, Data, ForecasterOptions, OutputOptions

__all__ = ["backtest"]

LEVELS = (80.0, 95.0)  # of the intervals, in percent, unless --levels says others


def backtest(
    data: Data = None,
    *,
    columns: CovariateOptions,
    options: ForecasterOptions,
    executors: ExecutorOptions,
    step: Annotated[
        int | None,
        typer.Option("--step", metavar="N", min=1, help="Rows from one window to the next; default: the horizon."),
    ] = None,
    refit: Annotated[
        bool | None,
        typer.Option(
            "--refit/--no-refit",
            help="Train a model for each window, or use that of the first for all; default: the former for a short"
            " series, the latter for many.",
        ),
    ] = None,
    output: OutputOptions,
) -> None:
    """Forecast the last windows of one series or many from the rows before each: errors and intervals of the network
    and of naive baselines, what came for each row, a verdict for each series, a picture."""
    source, stem = values.source(data)
    table, errors = output.table(".backtest"), output.table(".errors")
    model = options.forecaster(columns)
    panel = columns.read(source)
    with output.files(named_after(stem, panel), [table, errors, ".backtest.png"], [source]) as outputs:
        from elman.forecast.evaluation.coverage import coverage
        from elman.forecast.evaluation.rows import BacktestRows
        from elman.plots import backtest_plot

        if not output.as_json:
            print_read(panel, source.name)
        with executors.executor() as executor, terminal.working("forecasting the last windows") as progress:
            found = model.backtest(step=step, refit=refit, y=panel, on_progress=progress, executor=executor)
        levels = values.as_levels(options.levels) or LEVELS
        intervals = {each: coverage(found, levels, model=each) for each in found.forecasts}
        rows = BacktestRows(found, panel, levels)
        outputs.write(table, output.writer(rows))
        outputs.write(errors, output.writer(found))
        outputs.write(".backtest.png", lambda path: backtest_plot(found, panel, path, bounds=rows.bounds))
        written = outputs.commit()
    if output.as_json:
        terminal.print_json(
            backtest_json(found, intervals) | {"skipped": panel.skipped, "notes": panel.notes, "files": written}
        )
        return
    print_skipped(panel.skipped)
    season = model.find_season(panel)
    print_season(season if isinstance(season, tuple) else (season,), model.season is not None, panel.first)
    terminal.line()
    print_backtest(found, {each: intervals[each] for each in (found.model, found.best_baseline)})
    terminal.wrote(written)
    terminal.line()
    terminal.line(found.verdict())
