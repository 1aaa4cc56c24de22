"""`elman anomalies`: from a CSV to anomalies: a table of scores, a picture, a detector to go on with."""

from __future__ import annotations

from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.anomalies import anomalies_json, print_alarms, print_alarms_of_each
from elman.cli.console.series import print_read, print_skipped
from elman.cli.options import Data, Effort, FilledColumnOptions, OutputOptions, Season, Seed

__all__ = ["anomalies"]


def anomalies(
    data: Data = None,
    *,
    columns: FilledColumnOptions,
    rate: Annotated[
        float, typer.Option("--rate", help="Rate of false alarms that is allowed: 1e-4 is one in 10,000 rows.")
    ] = 3e-5,
    probation: Annotated[
        float,
        typer.Option(
            "--probation", help="Rows at the beginning to learn from: their share, or from 1 on their number."
        ),
    ] = 0.15,
    season: Season = None,
    effort: Effort = "normal",
    seed: Seed = 0,
    output: OutputOptions,
) -> None:
    """Find anomalies in one series or many from a CSV: every row's score, alarms, a picture, and of one series the
    detector to go on with."""
    source, stem = values.source(data)
    table = output.table(".anomalies")
    with output.files(stem, [table, ".anomalies.png", ".safetensors"], [source]) as outputs:
        from elman.anomaly import AnomalyDetector, many, result
        from elman.plots import anomalies_plots

        detector = AnomalyDetector(
            rate=rate,
            probation=int(probation) if probation >= 1 and probation.is_integer() else probation,
            season=values.as_season(season),
            freq=columns.freq,
            missing=columns.missing,
            duplicates=columns.duplicates,
            regular=columns.regular,
            effort=effort,
            seed=seed,
        )
        detector.check_options()
        panel = columns.read(source)
        if not output.as_json:
            print_read(panel, source.name)
        each = "" if panel.single else f" of each of {len(panel)} series"
        with terminal.working(f"learning from the first rows{each}, and scoring the others"):
            fitted, unfit = many.fit_each(panel, detector, skip_bad=columns.skip_bad)
        skipped = panel.skipped | unfit
        found = {id: each.anomalies_ for id, each in fitted.items()}
        only = next(iter(fitted.values())) if panel.single else None
        if only is not None:
            outputs.write(table, output.writer(only.anomalies_))
            outputs.write(".anomalies.png", only.anomalies_.plot)
            outputs.write(".safetensors", only.save)
        else:
            write = result.write_csv if output.to == "csv" else result.write_parquet
            outputs.write(table, lambda path: write(found, path))
            outputs.write(".anomalies.png", lambda path: anomalies_plots(found, path))
        written = outputs.commit()
    if output.as_json:
        described = (
            anomalies_json(only)
            if only is not None
            else {"series": {id: anomalies_json(each) for id, each in fitted.items()}, "skipped": skipped}
        )
        terminal.print_json(described | {"notes": panel.notes, "files": written})
        return
    print_skipped(skipped)
    if only is not None:
        print_alarms(only)
    else:
        print_alarms_of_each(found)
    terminal.wrote(written)
