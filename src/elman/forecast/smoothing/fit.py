"""Exponential smoothing learned for many series at once: parameters and initial states of each, and a form for each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman.core import checks
from elman.core.smoothing import FORMS, Smoothing
from elman.engines.smoothing import likelihood
from elman.forecast.smoothing.minimise import minimise
from elman.forecast.smoothing.models import SmoothingModels
from elman.forecast.smoothing.parameters import Coordinates, parameters_of
from elman.forecast.smoothing.rows import Rows, checked_series, usable_season
from elman.forecast.smoothing.start import initial_states

__all__ = ["CRITERIA", "fit_choices", "fit_smoothing"]

CRITERIA = ("aicc", "aic", "bic")
LONGEST_SEASON = 24  # rows of a season whose initial states are learned; those of a longer one stay as they begin
SMALLEST_ERROR = 1e-8  # of the mean absolute value: a form that errs less fits exactly

# How far within its bounds each parameter may lie at the start. The likelihood often has two maxima, of a level that is
# slow and of one that is fast: from the likeliest combination of each kind one search begins
SLOW, FAST = (0.001, 0.03), (0.15, 0.4, 0.75, 0.97)
BETA, GAMMA, PHI = (0.03, 0.25), (0.03, 0.3), (0.9,)

# The prior's negative logarithm is this times how far alpha, beta, gamma and phi lie within their bounds. Without it a
# trend that follows the last rows, or does not fade, is taken on evidence too weak to forecast from: chosen on rows of
# the M3 series that were held out
PRIOR = np.array([0.0, 8.0, 0.0, -2.0])


class Fitted(NamedTuple):
    """A form's parameters and initial states for k series."""

    loss: np.ndarray  # (k,): what was minimised, infinite where the form does not suit
    penalty: np.ndarray  # (k,): the part of it that comes from the prior
    parameters: np.ndarray  # (k, 4)
    initial: np.ndarray  # (k, 2 + m)


def fit_smoothing(
    values: Sequence[np.ndarray],
    season: int = 1,
    forms: Sequence[Smoothing] | None = None,
    criterion: str = "aicc",
    prior: bool = True,
) -> SmoothingModels:
    """Returns exponential smoothing for each of n series: the likeliest parameters and initial states of each, all
    series of a form at once, and the form of each by an information criterion.

    values     n series, each (T,) of finite values, NaN where one is missing, of one row or more
    season     rows of a season, 1 for none, which is also taken where no series has so many rows
    forms      the forms to choose from, `FORMS` if None. A series takes no form that has too many parameters for its
               number of rows, nor one for values above zero if it has others; where none is left, it has a level alone
    criterion  "aicc", "aic" or "bic"
    prior      whether to prefer small beta and a phi near its upper bound (see `PRIOR`); False for the maximum of the
               likelihood alone

    ValueError or TypeError for other arguments.
    """
    return fit_choices(values, season, [FORMS if forms is None else forms], criterion, prior)[0]


def fit_choices(
    values: Sequence[np.ndarray],
    season: int,
    choices: Sequence[Sequence[Smoothing]],
    criterion: str = "aicc",
    prior: bool = True,
) -> list[SmoothingModels]:
    """Returns what `fit_smoothing` does for each list of forms to choose from, and fits each form once."""
    season = checks.count("season", season)
    checks.choice("criterion", criterion, CRITERIA)
    checks.flag("prior", prior)
    given = checked_series(values)
    season = usable_season(season, given)
    scale = np.nanmean(np.abs(given.y), axis=1)
    scale = np.where(scale > 0.0, scale, 1.0)
    rows = Rows(given.y / scale[:, None], given.lengths)
    known = (~np.isnan(rows.y)).sum(axis=1)
    fitted: dict[int, tuple[np.ndarray, Fitted]] = {}  # number of a form -> its series, and what was found for them

    def fit(number: int, here: np.ndarray) -> tuple[np.ndarray, Fitted]:
        if number not in fitted:
            fitted[number] = here, fit_form(FORMS[number], rows.take(here), season, prior)
        return fitted[number]

    found: list[SmoothingModels] = []
    for forms in choices:
        best = _Best.of(len(known), season)
        for number in map(FORMS.index, forms):
            if FORMS[number].season is None or season > 1:
                here, each = fit(number, np.flatnonzero(_suits(FORMS[number], rows, known, season)))
                measure = information(each.loss, known[here], FORMS[number].parameters(season), criterion)
                best.take(number, here, each, measure, measure < best.criterion[here])
        if (left := np.flatnonzero(best.form < 0)).size:
            each = fit_form(FORMS[0], rows.take(left), season, prior)
            measure = information(each.loss, known[left], FORMS[0].parameters(season), criterion)
            best.take(0, left, each, measure, np.ones(len(left), bool))
        found.append(best.models(values, rows.lengths, known, scale))
    return found


class _Best(NamedTuple):
    """The best form so far of each of n series."""

    form: np.ndarray  # (n,): its number, -1 for none
    criterion: np.ndarray  # (n,)
    loss: np.ndarray  # (n,): without the prior's part
    parameters: np.ndarray  # (n, 4)
    initial: np.ndarray  # (n, 2 + m)

    @classmethod
    def of(cls, n: int, season: int) -> _Best:
        """Returns none for each series."""
        return cls(np.full(n, -1), np.full(n, np.inf), np.zeros(n), np.zeros((n, 4)), np.zeros((n, 2 + season)))

    def take(self, number: int, here: np.ndarray, found: Fitted, measure: np.ndarray, better: np.ndarray) -> None:
        """Gives a form, fitted to the series `here`, to those of them for which it is `better`."""
        here, width = here[better], found.initial.shape[1]
        self.form[here], self.criterion[here] = number, measure[better]
        self.loss[here], self.parameters[here] = (found.loss - found.penalty)[better], found.parameters[better]
        self.initial[here, 2:] = 0.0
        self.initial[here, :width] = found.initial[better]

    def models(
        self, values: Sequence[np.ndarray], lengths: np.ndarray, known: np.ndarray, scale: np.ndarray
    ) -> SmoothingModels:
        """Returns the models of series that were divided by `scale` (n,), with the states after their last rows."""
        products = np.array([FORMS[number].season == "multiplicative" for number in self.form])
        seasons = np.broadcast_to(np.where(products, 1.0, scale)[:, None], (len(scale), self.initial.shape[1] - 2))
        initial = self.initial * np.column_stack([scale, scale, seasons])
        models = SmoothingModels(
            season=self.initial.shape[1] - 2,
            forms=tuple(FORMS[number].name for number in self.form),
            parameters=self.parameters,
            initial=initial,
            state=initial,
            lengths=lengths,
            log_likelihood=-0.5 * known * (1.0 + np.log(2.0 * np.pi / known)) - self.loss - known * np.log(scale),
            criterion=self.criterion + 2.0 * known * np.log(scale),
            variance=np.zeros(len(scale)),
        )
        return with_variance(models.updated(values), values)


def fit_form(form: Smoothing, rows: Rows, season: int, prior: bool = True) -> Fitted:
    """Returns the parameters and initial states with which one form is the likeliest for each series."""
    weights = PRIOR if prior else np.zeros(4)
    states = initial_states(form, rows, season)
    begun = [_begin(form, alphas, rows, states, weights) for alphas in (SLOW, FAST)]
    y, lengths, initial = (np.concatenate([each, each]) for each in (*rows, states))
    shares, squares = (np.concatenate(each) for each in zip(*begun, strict=True))
    known, floor = (~np.isnan(y)).sum(axis=1), _floor(y)
    error = np.sqrt(squares / known)[:, None]  # relative to the values, whose mean is 1
    scale = np.column_stack([error, 0.2 * error, np.broadcast_to(error, (len(y), initial.shape[1] - 2))])
    coordinates = Coordinates(form, shares, initial, scale, known, season <= LONGEST_SEASON)

    def function(here: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parameters, states, share, slope = coordinates.decode(x, here)
        found = likelihood(form, y[here], lengths[here], parameters, states, floor[here])
        return found.value + share @ weights, coordinates.gradient(found, parameters, share, slope, weights, here)

    x, loss = minimise(function, len(y), coordinates.size)
    n = len(rows.y)
    best = np.arange(n) + n * (loss[n:] < loss[:n])
    parameters, initial, share, _ = coordinates.decode(x[best], best)
    return Fitted(loss[best], share @ weights, parameters, initial)


def information(loss: np.ndarray, known: np.ndarray, count: int, criterion: str) -> np.ndarray:
    """Returns an information criterion of a form with so many parameters, from the concentrated negative log-likelihood
    (k,) of series with so many known rows: less a constant of each series. AICc is infinite where rows are too few."""
    if criterion == "bic":
        return 2.0 * loss + count * np.log(known)
    spare = known - count - 1
    correction = 2.0 * count * (count + 1) / np.where(spare > 0, spare, 1)
    return 2.0 * loss + 2.0 * count + (np.where(spare > 0, correction, np.inf) if criterion == "aicc" else 0.0)


def with_variance(models: SmoothingModels, values: Sequence[np.ndarray]) -> SmoothingModels:
    """Returns the models with the variances of their one-step errors on the series, per degree of freedom."""
    variance, fitted = np.zeros(len(models.forms)), models.fitted_values(values)
    for form, rows in models.groups():
        for row in rows:
            error = (values[row] - fitted[row]) / (fitted[row] if form.positive else 1.0)
            known = int((~np.isnan(error)).sum())
            variance[row] = np.nansum(error**2) / max(1, known - form.parameters(models.season) + 1)
    return replace(models, variance=variance)


def _suits(form: Smoothing, rows: Rows, known: np.ndarray, season: int) -> np.ndarray:
    """Tells for each series (n,) whether a form has few enough parameters for it, and is for values like these. A form
    for a series that never changes is a level alone."""
    least, most = np.nanmin(rows.y, axis=1), np.nanmax(rows.y, axis=1)
    suits = (known > form.parameters(season) + 1) & (least < most)
    return suits & (least > 0.0) if form.positive else suits


def _begin(
    form: Smoothing, alphas: tuple[float, ...], rows: Rows, initial: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns how far the parameters of each series lie within their bounds (n, 4) where a search begins, alpha as far
    as one of `alphas`, and the sum of squared errors there (n,)."""
    n, floor = len(rows.y), _floor(rows.y)
    best, shares, squares = np.full(n, np.inf), np.zeros((n, 4)), np.ones(n)
    options = (alphas, BETA if form.trend else (0.0,), GAMMA if form.season else (0.0,), PHI if form.damped else (0.0,))
    for share in itertools.product(*options):
        parameters = parameters_of(form, np.broadcast_to(np.array(share), (n, 4)))
        found = likelihood(form, rows.y, rows.lengths, parameters, initial, floor, gradient=False)
        loss = found.value + weights @ share
        better = loss < best
        best[better], shares[better], squares[better] = loss[better], share, found.squares[better]
    return shares, squares + floor


def _floor(y: np.ndarray) -> np.ndarray:
    """Returns what is added to the sums of squared errors of series (n, T) whose mean absolute value is 1."""
    return (~np.isnan(y)).sum(axis=1) * SMALLEST_ERROR**2
