"""Networks that correct exponential smoothing: its states at each row, what their windows hold, and their forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.core.smoothing import FORMS, Smoothing
from elman.forecast.combination.members import LAST, ON_SMOOTHING, member_forecasts
from elman.forecast.models.efforts import smoothed_recipe
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_strategy import GlobalStrategy
from elman.forecast.models.smoothing_base import SmoothingBase
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import SMOOTHING, WindowSpec
from elman.forecast.saved import CODEC, ColumnNames, Fitted
from elman.forecast.smoothing import fit_smoothing
from elman.forecast.smoothing.states import states_of
from elman.network import Network
from elman.series.panel import Panel
from elman.series.series import Series
from tests.forecast_series import wave, waves
from tests.smoothing_series import SEASON, SERIES

QUICK: dict[str, Any] = {"effort": "fast", "members": 1, "updates": 20}
SPEC = WindowSpec((4,), 8, 4, 4, 1.0, base=SMOOTHING)
KINDS = [
    Smoothing("additive", "additive", True, "additive"),
    Smoothing("multiplicative", "additive", True, "multiplicative"),
]


def strategy(horizon: int = 4, season: int = 4, **changes: Any) -> GlobalStrategy:
    options: dict[str, Any] = {"recipe": smoothed_recipe("normal", 100), "seed": 0, "base": SMOOTHING} | changes
    return GlobalStrategy((season,), horizon, None, **options)


def panel_of(values: dict[str, np.ndarray]) -> Panel:
    return Panel({id: Series(each) for id, each in values.items()})


# ------------------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_states_are_those_of_a_series_that_ends_there(form: Smoothing):
    values = list(SERIES.values())
    models = fit_smoothing(values, SEASON, [form])
    states, rows = states_of(models, values), np.array([len(each) for each in values])
    for back in (0, 1, 3, 13):
        known = [each[: len(each) - back] for each in values]
        found, plain, factor = states.forecast(np.arange(len(values)), rows - 1 - back, 6)
        assert found == pytest.approx(models.updated(known).forecast(6), rel=1e-11)
        if form.season == "multiplicative":
            assert plain * factor == pytest.approx(found)
        else:
            assert (factor == 1.0).all()
        if form.season is None:
            assert np.array_equal(plain, found)


def test_a_missing_value_changes_no_state():
    values = [each.copy() for each in SERIES.values()]
    for each in values:
        each[9] = np.nan
    models = fit_smoothing(values, SEASON, KINDS)
    found = states_of(models, values)
    assert (found.errors[:, 9] == 0.0).all()
    before, after = (found.forecast(np.arange(len(values)), np.full(len(values), row), 5)[0] for row in (8, 9))
    assert after[:, :4] == pytest.approx(before[:, 1:], rel=1e-11)


def test_adjusted_values_have_no_season():
    time = np.arange(48)
    sums, products = (100.0 + time) + np.resize([5.0, -5.0, 2.0, -2.0], 48), (100.0 + time) * np.resize([1.5, 0.5], 48)
    for values, form, season in zip((sums, products), KINDS, (4, 2), strict=True):
        states = states_of(fit_smoothing([values], season, [form]), [values])
        assert states.adjusted(values[None])[0, 8:] == pytest.approx(100.0 + time[8:], rel=0.02)


# ------------------------------------------------------------------------------------------------------ windows


@pytest.mark.parametrize("form", KINDS, ids=lambda form: form.name)
def test_a_window_holds_nothing_of_later_rows(form: Smoothing):
    """But for the parameters, which are those of the whole series and held here."""
    values = [np.maximum(each, 1.0) for each in SERIES.values()]
    sizes = [float(np.abs(each).mean()) for each in values]
    fitted = fit_smoothing([each / size for each, size in zip(values, sizes, strict=True)], SEASON, [form])
    end = np.array([len(each) - 7 for each in values])  # the last row that is read
    found: list[tuple[np.ndarray, ...]] = []
    for change in (0.0, 0.7):
        later = [each.copy() for each in values]
        for each, last, size in zip(later, end, sizes, strict=True):
            each[last + 1 :: 2] *= 1.0 + change
            each[last + 2 :: 2] /= 1.0 + change
            each[last + 1 :] *= (size * len(each) - each[: last + 1].sum()) / each[last + 1 :].sum()  # of the same mean
        base = SmoothingBase(later, SEASON, fitted)
        starts = np.cumsum([0, *map(len, later)])[:-1]
        read = np.concatenate([base.adjusted[s : s + last + 1] for s, last in zip(starts, end, strict=True)])
        found.append((read, *base.at(np.arange(len(later)), end, 8, 4)))
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=1e-12)  # the means differ by their rounding
    assert len(found[0]) == 6


def test_targets_are_the_rows_that_follow():
    values = [wave(60, 4, 0.5), wave(40, 4, 0.2)[::-1].copy()]
    pool = WindowPool([Series(each) for each in values], SPEC)
    drawn = pool.draw(400, np.random.default_rng(0))
    assert drawn.smoothed is not None
    x, base, unit = SPEC.windows(drawn.values[:, :8], drawn.floor, drawn.covariates, drawn.smoothed)
    assert x.shape == (400, 2, SPEC.features)
    assert SPEC.features == 4 + 2
    known = np.concatenate([np.lib.stride_tricks.sliding_window_view(each, 12)[:, 8:] for each in values])
    for truth, ahead, size in zip(drawn.values[:, 8:], base, unit, strict=True):
        assert (known == truth).all(axis=1).any()  # raw values, as they are in the series
        assert np.abs(truth - ahead).max() < 8.0
        assert (size > 0.0).all()


def test_inputs_and_corrections_are_relative():
    """A series of a thousand times the values has the same inputs and a thousand times the unit."""
    one, other = (WindowPool([Series(scale * wave(60, 4, 0.5))], SPEC).last(4) for scale in (1.0, 1000.0))
    found = [SPEC.windows(each.values, each.floor, each.covariates, each.smoothed) for each in (one, other)]
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-4)
    assert found[1][1] == pytest.approx(1000.0 * found[0][1], rel=1e-6)
    assert found[1][2] == pytest.approx(1000.0 * found[0][2], rel=1e-4)


# ------------------------------------------------------------------------------------------------------- models


def test_before_training_it_forecasts_as_the_damped_trend_does():
    panel = panel_of(dict(SERIES))
    pool = WindowPool(list(panel.values()), SPEC)
    job = DirectModel.job(pool, SPEC, smoothed_recipe("fast", 100))
    untrained = DirectModel(SPEC, (job.network(0),))
    members = member_forecasts(list(panel.values()), 4, (4,))
    assert untrained.predict(panel).values == pytest.approx(members.forecasts["damped trend"])
    again = untrained.predict(panel, smoothed=members.damped).values
    assert again == pytest.approx(untrained.predict(panel).values, rel=1e-9)  # fitted before or here
    assert untrained.predict(panel, 11).values.shape == (6, 11)


def test_it_learns_what_smoothing_leaves():
    """Saws of a period that nobody told: smoothing follows them too late, the network has seen others turn."""
    rng = np.random.default_rng(0)

    def saw(k: int) -> np.ndarray:
        up = np.resize([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 60 + k % 7)
        return 10.0 ** (k % 4) * (20.0 + np.roll(up, k) + 0.05 * rng.normal(size=len(up)))

    values = {f"s{k}": saw(k) for k in range(40)}
    panel = panel_of({id: each[:-4] for id, each in values.items()})
    model = strategy(season=1, recipe=smoothed_recipe("normal", 3000)).train(panel)
    assert isinstance(model, DirectModel)
    assert model.spec.base == SMOOTHING
    truth = np.array([each[-4:] for each in values.values()])
    smoothing = member_forecasts(list(panel.values()), 4, (1,)).forecasts["damped trend"]
    ours, theirs = (np.abs(each / truth - 1.0).mean() for each in (model.predict(panel).values, smoothing))
    assert ours < 0.3 * theirs


def test_a_series_is_forecast_alone_as_among_others():
    panel = panel_of(dict(SERIES))
    model = strategy().train(panel)
    together = model.predict(panel).values
    for i, (id, series) in enumerate(panel.items()):
        assert model.predict({id: series}).values[0] == pytest.approx(together[i], rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(40),
        np.full(40, 3.0),
        np.r_[np.zeros(20), 5.0, np.zeros(19)],
        -wave(40, 4),
        wave(40, 4) - 10.0,
        1e90 * wave(40, 4),
        1e-90 * wave(40, 4),
        np.r_[np.ones(39), 1e6],
        np.r_[1e-9, wave(39, 4)],
    ],
    ids=["zeros", "constant", "pulse", "negative", "both signs", "large", "tiny", "jump", "near zero"],
)
def test_odd_series_are_forecast(values: np.ndarray):
    panel = panel_of({"odd": values, **{id: each for id, each in SERIES.items() if id != "short"}})
    found = strategy().train(panel).predict(panel)
    assert np.isfinite(found.values).all()
    assert found.error_scale is not None
    assert (found.error_scale > 0.0).all()
    if values.min() >= 0.0:
        assert (found.values[0] >= 0.0).all()
    if np.ptp(values) == 0.0:
        assert found.values[0] == pytest.approx(values[:4], abs=1e-6)


def test_the_same_seed_has_the_same_bits_with_any_number_of_threads():
    panel, threads = panel_of(dict(SERIES)), elman.get_num_threads()
    found: list[np.ndarray] = []
    try:
        for count in (1, 2):
            elman.set_num_threads(count)
            found.append(strategy().train(panel).predict(panel).values)
    finally:
        elman.set_num_threads(threads)
    assert np.array_equal(*found)
    assert not np.array_equal(found[0], strategy(seed=1).train(panel).predict(panel).values)


# ---------------------------------------------------------------------------------------------- the combination


@pytest.fixture(scope="module")
def many() -> Forecaster:
    return Forecaster(horizon=7, season=7, windows=3, **QUICK).fit(waves())


def test_it_is_a_member(many: Forecaster):
    assert ON_SMOOTHING == "network on exponential smoothing"
    assert ON_SMOOTHING in many.chosen_["s0"]
    assert np.isfinite(many.backtest_.forecasts[ON_SMOOTHING]).all()
    assert many.model_.smoothed.spec.base == SMOOTHING
    assert many.model_.network.spec.base == "season"
    assert many.backtest_.best_baseline != ON_SMOOTHING


def test_it_is_saved(many: Forecaster, tmp_path: Path):
    many.save(tmp_path / "many.safetensors")
    again = elman.load(tmp_path / "many.safetensors")
    assert again.chosen_ == many.chosen_
    for horizon in (7, 10):
        one, other = (each.predict(horizon=horizon) for each in (many, again))
        assert all(np.array_equal(one[id], other[id]) for id in one)
    before = [network.theta.copy() for network in again.model_.smoothed.networks]
    again.update({id: [float(each[-1])] for id, each in waves().items()})
    after = [network.theta for network in again.model_.smoothed.networks]
    assert not np.array_equal(before[0], after[0])
    assert isinstance(again.model_.smoothed.networks[0], Network)


def test_each_window_of_one_series_is_forecast_from_the_rows_before_it():
    values = wave(160, 12, 0.3)
    changed = values.copy()
    changed[-12:] *= 1.3
    one, other = (Forecaster(horizon=12, season=12, windows=3, **QUICK).fit(y).backtest_ for y in (values, changed))
    found, again = one.forecasts[ON_SMOOTHING], other.forecasts[ON_SMOOTHING]
    assert np.isfinite(found).all()
    assert np.array_equal(found, again)
    alone = Forecaster(horizon=12, season=12, windows=0, models=(ON_SMOOTHING, "naive"), **QUICK).fit(values[:-12])
    ahead = alone.model_.smoothed.predict({"y": alone.series_}).values[0]
    assert ahead == pytest.approx(found[-1], rel=1e-6)  # smoothing was fitted beside other windows: not the same bits


@pytest.mark.parametrize("y", [wave(120), waves()], ids=["one", "many"])
def test_it_forecasts_alone(y: Any):
    model = Forecaster(horizon=7, season=7, windows=3, models=ON_SMOOTHING, **QUICK).fit(y)
    chosen = model.chosen_ if isinstance(y, np.ndarray) else model.chosen_["s1"]
    assert chosen == {ON_SMOOTHING: pytest.approx(1.0)}
    assert model.backtest_.refit == isinstance(y, np.ndarray)


def test_series_too_short_for_it_keep_their_places():
    values = waves() | {"short": wave(15, 7), "brief": wave(20, 7)}
    model = Forecaster(horizon=7, season=7, windows=2, **QUICK).fit(values)
    assert model.chosen_["short"][ON_SMOOTHING] == 0.0
    assert all(np.isfinite(each.values).all() for each in model.forecast().values())


@pytest.mark.parametrize("season", [(7, 28), 30])
def test_it_is_not_there_where_smoothing_does_not_know_the_season(season: Any):
    model = Forecaster(horizon=7, season=season, windows=2, **QUICK).fit(waves())
    assert model.model_.smoothed is None
    assert ON_SMOOTHING not in model.chosen_["s0"]


def test_an_altered_file_is_refused(many: Forecaster):
    spec = many.model_.smoothed.spec
    for changes in ({"base": "theta"}, {"boxcox_lambda": 0.0}, {"seasons": (7, 14), "context": 14}):
        with pytest.raises(ValueError, match="base"):
            WindowSpec(**{**vars(spec), **changes}).validate()


def test_other_recipes_for_few_rows():
    few, some = smoothed_recipe("normal", 100), smoothed_recipe("normal", 200_000)
    assert few.hidden_size < some.hidden_size
    assert some == smoothed_recipe("normal", 2000)


def test_a_file_from_before_is_read():
    model = Forecaster(horizon=4, season=7, windows=2, models=("network", "theta"), **QUICK).fit(waves())
    assert model.model_.smoothed is None
    fitted = Fitted(model.model_, dict(model.series_), False, {}, (), ColumnNames(*[None] * 8), None)
    description, tensors = CODEC.encode(fitted)
    earlier = {"combined model/2": "combined model/1", "window spec/2": "window spec/1"}
    plain = description["value"]["model"]
    assert plain.pop("smoothed") is None
    assert plain["network"]["spec"].pop("base") == "season"
    for record in (plain, plain["network"]["spec"]):
        if "type" in record:
            record["type"] = earlier.get(record["type"], record["type"])
    description["types"] = sorted(earlier.get(name, name) for name in description["types"])
    again = CODEC.decode(description, tensors).model
    assert again.smoothed is None
    assert again.spec == model.model_.spec


def test_a_fit_to_the_last_rows_of_a_long_series_is_no_base_of_all_its_rows():
    """Smoothing as a member forgets what is long past, but a base has states at every row."""
    t = np.arange(LAST + 7)  # no whole number of seasons more
    series = Series(10.0 + np.array([3.0, -1.0, -4.0, 2.0])[t % 4] + np.random.default_rng(3).normal(0, 0.1, len(t)))
    fitted = member_forecasts([series], 4, (4,)).damped
    rows = np.array([len(t) - 1])
    found, wanted = (SmoothingBase([series.values], 4, own).at(np.array([0]), rows, 8, 4) for own in (fitted, None))
    assert found.forecast == pytest.approx(wanted.forecast, rel=0.01)
    assert found.unit == pytest.approx(wanted.unit, rel=0.1)
