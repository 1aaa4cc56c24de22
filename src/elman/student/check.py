"""Checks a student's own backpropagation through time against finite differences, and names the mistakes.

The gradient is computed from the student's own update: (weight before - weight after) / learning rate. It is
compared with central differences, in float64 and through the student's own forward pass, of the exercise's loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core import checks
from elman.student import diagnosis
from elman.student.load import StudentError
from elman.student.measure import Measured, measure, resets_its_state
from elman.student.report import StudentReport, WeightCheck
from elman.student.subject import SOURCES, Source, Subject, Weight

__all__ = ["check_student"]

KEPT = "the state is not set back to zeros: a second forward pass of the same input gives other outputs"
EARLY = (
    "weights are updated before they were used: the gradient changes with the learning rate; compute every gradient "
    "with the old weights, then update"
)


def check_student(subject: Any, *, source: Source | None = None, seed: int = 0) -> StudentReport:
    """Checks a class of a textbook exercise, or an object of one; returns a report.

    subject  a class made by (input_size, hidden_size, output_size[, learning_rate]) with forward and backward in
             the shape of source A, B, C or E (docs/sources.md); weights are found among its NumPy attributes
    source   "A/B", "C" or "E"; None: found by the signature, and where C and E are both possible, by which one runs
    seed     of the weights and data that are made for the check

    Raises StudentError where the program cannot be run: a missing method, an exception inside it (with its line),
    outputs of a wrong shape, no weights.
    """
    if source is not None:
        checks.choice("source", source, SOURCES)
    checks.whole("seed", seed, low=0)
    student = Subject(subject, source)
    try:
        return _check(student, seed)
    except StudentError:
        if source is not None or student.source == "A/B":
            raise
        try:
            return _check(Subject(subject, "E" if student.source == "C" else "C"), seed)
        except StudentError:
            pass
        raise


def _check(student: Subject, seed: int) -> StudentReport:
    measured = measure(student, np.random.default_rng(seed))
    rows = {weight: _compare(weight, measured) for weight in measured.weights}
    mistakes = diagnosis.explain(measured, [weight for weight, row in rows.items() if not row.passed])
    if not resets_its_state(measured):
        mistakes.insert(0, KEPT)
    if diagnosis.rate_matters(measured):
        mistakes.append(EARLY)
    notes = sorted(student.said)
    if measured.passed.single:
        notes.append("computes in float32: compared with wider tolerances")
    clipped = diagnosis.clipping(measured)
    if clipped:
        notes.append(clipped)
    name = student.cls.__name__
    return StudentReport(name, student.source, measured.loss, tuple(rows.values()), tuple(mistakes), tuple(notes))


def _compare(weight: Weight, measured: Measured) -> WeightCheck:
    """Compares the student's gradient by one weight with finite differences."""
    found, numeric = measured.found[weight], measured.numeric[weight]
    apart = np.where(np.isfinite(found), np.abs(found - numeric), np.inf)
    entry = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
    error = float(apart[entry]) / float(np.abs(numeric).max())
    passed = error <= measured.precision.tolerance
    return WeightCheck(weight.name, found.shape, error, entry, float(found[entry]), float(numeric[entry]), passed)
