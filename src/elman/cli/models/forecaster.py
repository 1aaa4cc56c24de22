"""A saved forecaster used again: from fresh rows, or from where its own end."""

from __future__ import annotations

from elman.cli.console import terminal
from elman.cli.console.forecasts import forecast_json, print_forecast
from elman.cli.console.series import print_read, print_skipped
from elman.cli.files import named_after
from elman.cli.models.reading import reader
from elman.cli.models.request import Request

__all__ = ["predict"]


def predict(request: Request) -> None:
    """Forecasts the rows after those of DATA, or after those that the forecaster knows."""
    from elman.forecast.continued import continued
    from elman.series.columns import Columns
    from elman.series.panel_sources import as_panel
    from elman.series.series import SeriesOptions

    request.refuse("a forecaster", labelled=True)
    loaded, source, columns, output = request.loaded, request.source, request.columns, request.output
    loaded.set_params(skip_bad=columns.skip_bad or loaded.skip_bad)
    fresh = known = as_panel(loaded.series_, Columns(), SeriesOptions())
    fresh.names, said = loaded.named_columns(), ""
    panel = known
    if source is not None:
        read = reader(source, loaded, columns, known.names, known.first)
        panel, fresh, said = continued(known, read, loaded.model_.context, request.append)
    elif request.append is not None:
        raise ValueError("--append/--alone: expected DATA beside it, got none")
    table = output.table(".forecast")
    suffixes = [table, ".forecast.png"] if request.plot else [table]
    with output.files(named_after(request.stem, fresh), suffixes, request.inputs) as outputs:
        found = loaded.forecast(panel, request.horizon, request.future, best=request.best)
        outputs.write(table, output.writer(found))
        if request.plot:
            outputs.write(".forecast.png", found.plot)
        written = outputs.commit()
    if output.as_json:
        about = {"notes": fresh.notes, "history": said or None, "files": written}
        terminal.print_json(forecast_json(loaded, found) | about)
        return
    print_read(fresh, (source or request.model).name)
    if said:
        terminal.line(said)
    print_skipped(getattr(found, "skipped", {}))
    terminal.line()
    print_forecast(found)
    terminal.wrote(written)
