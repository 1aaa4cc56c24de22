"""`elman forecast`: from a CSV to forecasts, their backtest, a picture, a saved model and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.actual import read_beside, read_file, with_actual
from elman.cli.console import forecasts, terminal
from elman.cli.console.series import print_read
from elman.cli.executors import ExecutorOptions
from elman.cli.files import named_after
from elman.cli.options import Best, CovariateOptions, Data, ForecasterOptions, OutputOptions

__all__ = ["forecast"]

TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")  # endings by which --actual is a file, not a column


def forecast(
    data: Data = None,
    *,
    columns: CovariateOptions,
    options: ForecasterOptions,
    executors: ExecutorOptions,
    best: Best = False,
    actual: Annotated[
        str | None,
        typer.Option(
            "--actual",
            callback=values.not_empty,
            metavar="FILE|COLUMN",
            help="What came in the rows that are forecast, to be drawn and scored: a file with these rows, or a column"
            " of DATA that holds them where the target is empty at the end.",
        ),
    ] = None,
    output: OutputOptions,
) -> None:
    """Forecast one series or many from a CSV: values, intervals, a backtest against naive baselines, a picture, a
    verdict."""
    source, stem = values.source(data)
    table, saved = output.table(".forecast"), ".forecaster.safetensors"
    model = options.forecaster(columns)
    truth = None
    if actual is None:
        panel = columns.read(source)
    elif Path(actual).exists() or Path(actual).suffix.lower() in TABLES:
        panel = columns.read(source)
        truth = read_file(columns, Path(actual), panel)
    else:
        panel, truth = read_beside(columns, source, actual)
    inputs = [source] if actual is None else [source, Path(actual)]
    with output.files(named_after(stem, panel), [table, ".forecast.png", saved], inputs) as outputs:
        if not output.as_json:
            print_read(panel, source.name)
        with (
            executors.executor() as executor,
            terminal.working("training, and testing on the last windows") as progress,
        ):
            model.fit(panel, on_progress=progress, executor=executor)
        found = model.forecast(best=best)
        if truth is not None:
            found = with_actual(found, truth)
        outputs.write(table, output.writer(found))
        outputs.write(".forecast.png", found.plot)
        outputs.write(saved, model.save)
        written = outputs.commit()
    if output.as_json:
        terminal.print_json(forecasts.forecast_json(model, found) | {"notes": panel.notes, "files": written})
        return
    forecasts.print_forecasts_of_model(model, found)
    terminal.wrote(written)
    if model.backtest_ is not None:
        terminal.line()
        terminal.line(model.verdict())
