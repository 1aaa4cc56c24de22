"""`elman forecast`: from a CSV to forecasts, their backtest, a picture, a saved model and a verdict."""

from __future__ import annotations

from elman.cli import values
from elman.cli.console import forecasts, terminal
from elman.cli.console.series import print_read
from elman.cli.files import named_after
from elman.cli.options import Best, CovariateOptions, Data, ForecasterOptions, OutputOptions

__all__ = ["forecast"]


def forecast(
    data: Data = None,
    *,
    columns: CovariateOptions,
    options: ForecasterOptions,
    best: Best = False,
    output: OutputOptions,
) -> None:
    """Forecast one series or many from a CSV: values, intervals, a backtest against naive baselines, a picture, a
    verdict."""
    source, stem = values.source(data)
    table, saved = output.table(".forecast"), ".forecaster.safetensors"
    model = options.forecaster(columns)
    panel = columns.read(source)
    with output.files(named_after(stem, panel), [table, ".forecast.png", saved], [source]) as outputs:
        if not output.as_json:
            print_read(panel, source.name)
        with terminal.working("training, and testing on the last windows") as progress:
            model.fit(panel, on_progress=progress)
        found = model.forecast(best=best)
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
