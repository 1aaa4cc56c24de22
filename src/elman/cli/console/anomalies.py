"""Anomalies: the alarms of one series, or how many each of many series had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from elman.cli.console import terminal
from elman.cli.console.terms import ALARMS, explain, season_text

if TYPE_CHECKING:
    from elman.anomaly import Alarm, Anomalies, AnomalyDetector, JointAlarm, JointAnomalies

__all__ = [
    "anomalies_json", "learned_from", "print_alarms", "print_alarms_of_each", "print_joint_alarms", "print_remarks",
]  # fmt: skip

T = TypeVar("T", bound="Alarm | JointAlarm")
LISTED = 20  # alarms, or series, at most


def learned_from(detector: AnomalyDetector) -> str:
    """Returns a sentence that says from which rows a fitted detector learned, and why from so many."""
    from elman.anomaly.detector import PROBATION

    found = detector.anomalies_
    rows, label = found.learned, found.series.label
    share = int(PROBATION * len(found))
    why = f" ({100 * PROBATION:.0f} % would be {share}, too few)" if detector.probation is None and share < rows else ""
    season = season_text((detector.season_,), detector.season is not None, found.series)
    return f"Learned from the first {rows} rows{why}, {label(0)} to {label(rows - 1)}; {season}"


def print_alarms(found: Anomalies, learned: str) -> None:
    """Prints from what the detector learned, and the highest alarms in the order of their dates."""
    label = found.series.label
    if not _counted(found, learned):
        return
    alarms = _highest(found.alarms)
    peaks = [alarm.peak for alarm in alarms]
    columns = [
        [label(alarm.first) for alarm in alarms],
        [label(alarm.last) for alarm in alarms],
        terminal.figures(alarm.score for alarm in alarms),
        terminal.figures(found.series.values[peaks].tolist()),
        terminal.figures(found.expected[peaks].tolist()),
        [alarm.kind or alarm.cause for alarm in alarms],
        [_cause(alarm.cause, alarm.scale) for alarm in alarms],
    ]
    terminal.table(["first", "last", "score", found.series.name, "expected", "kind", "by"], zip(*columns, strict=True))
    _listed(found)


def print_joint_alarms(found: JointAnomalies, learned: str) -> None:
    """Prints the same of several variables, and whose each alarm is."""
    label = found.series.label
    if not _counted(found, learned):
        return
    rows: list[list[str]] = []
    for alarm in _highest(found.alarms):
        table = found.tables[alarm.variable]
        value, expected = float(table.series.values[alarm.peak]), float(table.expected[alarm.peak])
        figures = terminal.figure(alarm.score), terminal.figure(value), terminal.figure(expected)
        others = ", ".join(alarm.variables[1:])
        rows.append([label(alarm.first), label(alarm.last), alarm.variable, *figures, alarm.kind, others])
    terminal.table(["first", "last", "variable", "score", "value", "expected", "kind", "others"], rows)
    _listed(found)


def _counted(found: Anomalies | JointAnomalies, learned: str) -> int:
    """Prints from what was learned, and how many alarms there are; returns their number."""
    from elman.series.errors import counted

    scored, count = len(found) - found.learned, len(found.alarms)
    terminal.line(learned)
    said = "No alarm" if not count else "1 alarm" if count == 1 else f"{count} alarms"
    rows = f"the {counted(scored, 'row')} after them" if found.learned else counted(scored, "row")
    terminal.line(f"{said} in {rows}; {found.rate * scored:.2g} false ones are allowed for")
    if count:
        terminal.line()
    return count


def _highest(alarms: Sequence[T]) -> list[T]:
    """Returns the alarms with the highest scores, as many as are listed, in the order of their rows."""
    return sorted(sorted(alarms, key=lambda alarm: -alarm.score)[:LISTED], key=lambda alarm: alarm.first)


def _listed(found: Anomalies | JointAnomalies) -> None:
    """Prints what a table of alarms leaves out, and what its terms mean."""
    if len(found.alarms) > LISTED:
        terminal.line(f"the {LISTED} highest of {len(found.alarms)}")
    explain(ALARMS)


def _cause(cause: str, scale: int) -> str:
    if cause == "value":
        return "a value"
    return f"{scale} equal values" if cause == "stuck" else f"{cause} of {scale} rows"


def print_alarms_of_each(found: Mapping[str, Anomalies]) -> None:
    """Prints how many alarms each series has, and the highest of them; series with high alarms come first."""
    most = sorted(found.items(), key=lambda pair: -max((alarm.score for alarm in pair[1].alarms), default=0.0))
    rows: list[list[str]] = []
    for id, each in most[:LISTED]:
        row = [id, str(len(each)), str(each.learned), str(len(each.alarms)), "", ""]
        if each.alarms:
            highest = max(each.alarms, key=lambda alarm: alarm.score)
            row[4:] = [each.series.label(highest.peak), terminal.figure(highest.score)]
        rows.append(row)
    terminal.table(["series", "rows", "learned from", "alarms", "highest", "score"], rows)
    if len(found) > LISTED:
        more = sum(len(each.alarms) for _, each in most[LISTED:])
        terminal.line(f"and {len(found) - LISTED} more series, {more} alarms in them")


def anomalies_json(found: Anomalies, season: int) -> dict[str, object]:
    """Returns all that the text says of one series, whose season has so many rows, for `--json`."""
    return {**found.to_dict(), "season": season}


def print_remarks(remarks: Mapping[str, tuple[str, ...]]) -> None:
    """Prints the remarks of detectors by id, each with its series where there are several."""
    for id, lines in list(remarks.items())[:LISTED]:
        for text in lines:
            terminal.line(f"note: {text}" if len(remarks) == 1 else f"note: series {id}: {text}")
