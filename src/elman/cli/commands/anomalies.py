"""`elman anomalies`: from a CSV to anomalies: a table of scores, a picture, a detector to go on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.anomalies import (
    anomalies_json,
    learned_from,
    print_alarms,
    print_alarms_of_each,
    print_joint_alarms,
    print_remarks,
)
from elman.cli.console.series import print_read, print_skipped
from elman.cli.files import named_after
from elman.cli.models.detector import score
from elman.cli.options import ColumnOptions, Data, Effort, FilledColumnOptions, OutputOptions, Season, Seed
from elman.core import checks

if TYPE_CHECKING:
    from elman.anomaly import MultivariateDetector
    from elman.series.panel import Panel

__all__ = ["anomalies"]

RATE = 3e-5  # false alarms a row that are allowed, unless --rate says others


def anomalies(
    data: Data = None,
    *,
    columns: FilledColumnOptions,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FILE",
            parser=values.as_path,
            help="A detector that this command wrote: it scores the rows that it has not seen, and nothing is learned.",
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", help="Rate of false alarms that is allowed: 1e-4 is one in 10,000 rows.")
    ] = RATE,
    probation: Annotated[
        float | None,
        typer.Option(
            "--probation",
            help="Rows at the beginning to learn from: their share, or from 1 on their number; default: 15 %, or what"
            " is needed.",
            show_default=False,
        ),
    ] = None,
    season: Season = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Of several series of the same rows (--target a,b, --wide or --id), raise one alarm, which says whose"
            " it is, at the rate allowed for all.",
        ),
    ] = False,
    effort: Effort = "normal",
    seed: Seed = 0,
    output: OutputOptions,
) -> None:
    """Find anomalies in one series or many from a CSV: every row's score, alarms, a picture, and of one series the
    detector to go on with."""
    source, stem = values.source(data)
    if model is not None:
        given = {"--rate": rate != RATE, "--probation": probation, "--season": season, "--effort": effort != "normal",
                 "--together": together}  # fmt: skip
        if unfit := [name for name, value in given.items() if value]:
            raise ValueError(f"{unfit[0]}: expected it without --model, whose detector has learned already")
        _score(model, source, stem, columns, output)
        return
    from elman.anomaly import AnomalyDetector, MultivariateDetector, many, result
    from elman.plots import anomalies_plots

    if probation is not None and probation >= 1 and probation.is_integer():
        probation = int(probation)
    detector = (MultivariateDetector if together else AnomalyDetector)(
        rate=rate,
        probation=probation,
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
    if isinstance(detector, MultivariateDetector):
        _fit_together(detector, panel, source, stem, output)
        return
    table, picture, saved = output.table(".anomalies"), ".anomalies.png", ".detector.safetensors"
    suffixes = [table, picture, saved] if panel.single else [table, picture]
    with output.files(named_after(stem, panel), suffixes, [source]) as outputs:
        if not output.as_json:
            print_read(panel, source.name)
        each = "" if panel.single else f" of each of {len(panel)} series"
        with terminal.working(f"learning from the first rows{each}, and scoring the others") as progress:
            fitted, unfit = many.fit_each(panel, detector, skip_bad=columns.skip_bad, on_progress=progress)
        skipped = panel.skipped | unfit
        found = {id: each.anomalies_ for id, each in fitted.items()}
        only = next(iter(fitted.values())) if panel.single else None
        if only is not None:
            outputs.write(table, output.writer(only.anomalies_))
            outputs.write(picture, only.anomalies_.plot)
            outputs.write(saved, only.save)
        else:
            write = result.write_csv if output.to == "csv" else result.write_parquet
            outputs.write(table, lambda path: write(found, path))
            outputs.write(picture, lambda path: anomalies_plots(found, path))
        written = outputs.commit()
    if output.as_json:
        each = {
            id: anomalies_json(own.anomalies_, own.season_) | {"remarks": [*own.notes_]} for id, own in fitted.items()
        }
        described = next(iter(each.values())) if only is not None else {"series": each, "skipped": skipped}
        terminal.print_json(described | {"notes": panel.notes, "files": written})
        return
    print_skipped(skipped)
    if only is not None:
        print_alarms(only.anomalies_, learned_from(only))
    else:
        print_alarms_of_each(found)
    print_remarks({id: own.notes_ for id, own in fitted.items()})
    terminal.wrote(written)


def _fit_together(detector: MultivariateDetector, panel: Panel, source: Path, stem: str, output: OutputOptions) -> None:
    """Fits a detector to the variables of a panel, prints its alarms, and writes scores, a picture and the detector."""
    table, picture, saved = output.table(".anomalies"), ".anomalies.png", ".detector.safetensors"
    with output.files(named_after(stem, panel), [table, picture, saved], [source]) as outputs:
        if not output.as_json:
            print_read(panel, source.name)
        with terminal.working("learning from the first rows, and scoring the others") as progress:
            found = detector.fit(panel, on_progress=progress).anomalies_
        outputs.write(table, output.writer(found))
        outputs.write(picture, found.plot)
        outputs.write(saved, detector.save)
        written = outputs.commit()
    if output.as_json:
        said = {"remarks": [*detector.notes_], "notes": panel.notes, "files": written}
        terminal.print_json(found.to_dict() | said)
        return
    rows, label = found.learned, found.series.label
    print_joint_alarms(found, f"Learned from the first {rows} rows, {label(0)} to {label(rows - 1)}")
    print_remarks({"": detector.notes_})
    terminal.wrote(written)


def _score(model: Path, source: Path, stem: str, columns: ColumnOptions, output: OutputOptions) -> None:
    """Scores rows with a saved detector; `FileError` for a file that holds something else."""
    from elman.anomaly import AnomalyDetector, MultivariateDetector
    from elman.core.io import FileError, load

    detector = load(model)
    if not isinstance(detector, AnomalyDetector | MultivariateDetector):
        kind = checks.with_article(type(detector).__name__)
        raise FileError(model, f"holds {kind}, not a detector; see elman inspect {model}")
    score(model, detector, source, stem, columns, output)
