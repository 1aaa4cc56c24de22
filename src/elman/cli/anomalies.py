"""`elman anomalies`: from a CSV to what is out of the ordinary: a table, a picture, a detector to go on with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elman.cli import say, words
from elman.cli.files import Outputs
from elman.cli.forecast import show_read, show_skipped, table_ending

if TYPE_CHECKING:
    from elman.anomaly import Anomalies, AnomalyDetector

__all__ = ["anomalies"]

SHOWN = 20  # alarms that are listed


def anomalies(
    data: words.Data = None,
    target: words.Target = None,
    time: words.Time = None,
    id: words.Id = None,
    rate: words.Rate = 3e-5,
    probation: words.Probation = 0.15,
    season: words.Season = None,
    freq: words.Freq = None,
    missing: words.Holes = "error",
    effort: words.Effort = "normal",
    skip_bad: words.SkipBad = False,
    to: words.To = "csv",
    seed: words.Seed = 0,
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Find what is out of the ordinary in one series or many from a CSV: every row's score, alarms, a picture, and of
    one series the detector to go on with."""
    source, stem = words.source(data)
    table = table_ending(".anomalies", to)
    with Outputs(out, stem, [table, ".anomalies.png", ".safetensors"], [source]) as outputs:
        from elman.anomaly import AnomalyDetector, many, result

        detector = AnomalyDetector(
            rate=rate,
            probation=int(probation) if probation >= 1 and probation.is_integer() else probation,
            season=words.as_season(season),
            freq=freq,
            missing=missing,
            effort=effort,
            seed=seed,
        )
        series, unread = many.read_each(
            source, target=target, time=time, id=id, freq=freq, missing=missing, skip_bad=skip_bad
        )
        one = "" in series
        if not as_json:
            show_read(series[""] if one else series, source.name)
        each = "" if one else f" of each of {len(series)} series"
        with say.working(f"learning from the first rows{each}, and scoring the others"):
            fitted, unfit = many.fit_each(series, detector, skip_bad=skip_bad)
        found, skipped = many.results(fitted), unread | unfit
        outputs.write(table, lambda path: (result.write_parquet if to == "parquet" else result.write_csv)(found, path))
        outputs.write(".anomalies.png", lambda path: _draw(found, path))
        if one:
            outputs.write(".safetensors", fitted[""].save)
        written = outputs.commit()
    if as_json:
        say.as_json(_described(found, fitted, skipped) | {"files": written})
        return
    show_skipped(skipped)
    if one:
        _show_one(found[""], fitted[""])
    else:
        _show_each(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))


def _draw(found: Mapping[str, Anomalies], path: Any) -> None:
    from elman.plots import anomalies_plot, anomalies_plots

    if "" in found:
        anomalies_plot(found[""], path)
    else:
        anomalies_plots(found, path)


def _show_one(found: Anomalies, detector: AnomalyDetector) -> None:
    season = "no season" if detector.season_ == 1 else f"season {detector.season_}"
    label = found.series.label
    learned = f"{label(0)} to {label(found.learned - 1)}"
    allowed = found.rate * (len(found) - found.learned)
    count = len(found.alarms)
    say.line(f"Learned from the first {found.learned} rows, {learned}; {season}")
    said = "No alarm" if not count else "1 alarm" if count == 1 else f"{count} alarms"
    say.line(f"{said} in the {len(found) - found.learned} rows after them; {allowed:.2g} false ones are allowed for")
    if not count:
        return
    say.line()
    shown = sorted(sorted(found.alarms, key=lambda alarm: -alarm.score)[:SHOWN], key=lambda alarm: alarm.first)
    peaks = [alarm.peak for alarm in shown]
    columns = [
        [label(alarm.first) for alarm in shown],
        [label(alarm.last) for alarm in shown],
        say.figures(alarm.score for alarm in shown),
        say.figures(found.series.values[peaks].tolist()),
        say.figures(found.expected[peaks].tolist()),
        [_why(alarm.cause, alarm.scale) for alarm in shown],
    ]
    say.table(["first", "last", "score", found.series.name, "expected", "by"], zip(*columns, strict=True))
    if count > SHOWN:
        say.line(f"the {SHOWN} highest of {count}")


def _why(cause: str, scale: int) -> str:
    return (
        "a value" if cause == "value" else f"{scale} equal values" if cause == "stuck" else f"{cause} of {scale} rows"
    )


def _show_each(found: Mapping[str, Anomalies]) -> None:
    most = sorted(found.items(), key=lambda pair: -max((alarm.score for alarm in pair[1].alarms), default=0.0))
    rows: list[list[str]] = []
    for name, each in most[:SHOWN]:
        row = [name, str(len(each)), str(len(each.alarms)), "", ""]
        if each.alarms:
            highest = max(each.alarms, key=lambda alarm: alarm.score)
            row[3:] = [each.series.label(highest.peak), say.figure(highest.score)]
        rows.append(row)
    say.table(["series", "rows", "alarms", "highest", "score"], rows)
    if len(found) > SHOWN:
        say.line(f"and {len(found) - SHOWN} more series, {sum(len(f.alarms) for _, f in most[SHOWN:])} alarms in them")


def _described(
    found: Mapping[str, Anomalies], fitted: Mapping[str, AnomalyDetector], skipped: Mapping[str, str]
) -> dict[str, Any]:
    """All that the text says, for `--json`."""
    each = {name: {**result.to_dict(), "season": fitted[name].season_} for name, result in found.items()}
    return each[""] if "" in each else {"series": each, "skipped": dict(skipped)}
