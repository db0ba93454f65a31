"""Orders of modes: features of lines and circles, slices that are missing, and what an order is worth."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors.cells.held_out import HeldOut, hold_out
from lowland.tensors.filling import candidates
from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.candidates import Candidate
from lowland.tensors.filling.choice import features_of, gain_of
from lowland.tensors.filling.mode_orders import KINDS, ModeOrder, Smoothness, orders_of
from lowland.tensors.filling.sampling import moments
from lowland.trials.choices import BLENDS, MODE_ORDERS
from lowland.trials.gains import Rule

WEEKS, SENSORS, HOURS = 4, 6, 10


@pytest.fixture
def short_chains(monkeypatch):
    """Comparisons of fewer sweeps, which choose as surely among what is tested here."""
    monkeypatch.setattr(candidates, "COMPARED", (6, 6))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)
    monkeypatch.setattr(cp_choice, "ENOUGH", np.inf)  # noise by slices is the subject of other tests


@pytest.fixture(scope="module")
def traffic():
    """Sensors by days by hours with a week and smooth hours, and noise."""
    rng = np.random.default_rng(0)
    week = np.array([1, 1, 1.1, 1, 1.2, 0.5, 0.4])[np.arange(7 * WEEKS) % 7]
    hours = 24 / HOURS * np.arange(HOURS)
    peaks = np.stack([np.exp(-0.5 * ((hours - at) / 3) ** 2) for at in (8, 13, 18)])
    load = rng.gamma(2, 1, (SENSORS, 3))
    days = np.stack([week, 1.5 - week, week])
    truth = np.einsum("sk,kd,kh->sdh", load, days, peaks)
    return truth, truth + 0.1 * truth.std() * rng.standard_normal(truth.shape)


def filled(truth, noisy, hidden, **options):
    found = ll.complete_tensor(np.where(hidden, np.nan, noisy), 4, n_draws=20, burn_in=10, rng=0, **options)
    return found, np.sqrt(np.mean((found.tensor() - truth)[hidden] ** 2)) / truth.std()


def slices(shape, days):
    hidden = np.zeros(shape, bool)
    hidden[:, days, :] = True
    return hidden


def test_slices_a_period_apart_have_the_same_features():
    features = ModeOrder.of(7, 21, 1).features(Smoothness(0, 1.0))
    np.testing.assert_array_equal(features[:7], features[7:14])
    assert np.abs(features[0] - features[1]).max() > 0.01


def test_a_circle_ends_where_it_begins():
    features = ModeOrder.of("cycle", 24, 2).features(Smoothness(1, 1.0))
    kernel = features @ features.T
    np.testing.assert_allclose(np.diag(kernel), 1, atol=0.02)
    np.testing.assert_allclose(kernel[0, 23], kernel[0, 1], rtol=1e-2)
    line = ModeOrder.of("line", 24, 2).features(Smoothness(1, 1.0))
    assert (line @ line.T)[0, 23] < (line @ line.T)[0, 1] / 5


def test_coordinates_may_be_dates_and_several_orders_are_joined():
    dates = np.arange("2024-01-01", "2024-01-15", dtype="datetime64[D]")
    both = orders_of({0: (dates, 7), 2: "line"}, (14, 3, 9))
    assert [(own.mode, own.words) for own in both] == [
        (0, "coordinates"),
        (0, "a period of 7"),
        (2, "a line"),
    ]
    parts = [own.features(KINDS[0]).shape[1] for own in both]
    joined = features_of((14, 3, 9), both, {0: KINDS[0], 1: KINDS[0]})
    assert joined[0].shape == (14, sum(parts[:2]))
    assert joined[1:] == (None, None)
    equal = ModeOrder.of("line", 14, 0).features(KINDS[0])
    np.testing.assert_allclose(both[0].features(KINDS[0]), equal, atol=1e-9)


def test_missing_days_are_predicted_from_the_same_days_of_other_weeks(traffic, short_chains):
    truth, noisy = traffic
    hidden = slices(truth.shape, [5, 12, 16])
    found, error = filled(truth, noisy, hidden, orders={1: ("line", 7), 2: "line"})
    assert error < 0.25
    assert "period of 7" in found.orders[1]
    assert "mode 1 in order: " in str(found)
    lower, upper = found.interval(np.argwhere(hidden), 0.9)
    assert 0.75 < np.mean((lower <= noisy[hidden]) & (noisy[hidden] <= upper)) <= 1


def test_days_to_come_are_forecast(traffic, short_chains):
    truth, noisy = traffic
    hidden = slices(truth.shape, range(7 * WEEKS - 3, 7 * WEEKS))
    _, error = filled(truth, noisy, hidden, orders={1: 7})
    _, plain = filled(truth, noisy, hidden, orders={1: "line"})
    assert error < 0.25
    assert error < plain / 2


@pytest.mark.slow
def test_an_order_without_sense_does_no_harm(traffic):
    truth, noisy = traffic
    order = np.random.default_rng(3).permutation(SENSORS)
    hidden = np.random.default_rng(1).random(truth.shape) < 0.3
    _, error = filled(truth, noisy, hidden, orders={0: order})
    _, plain = filled(truth, noisy, hidden)
    assert error == plain


def test_an_order_has_to_gain_by_more_than_chance():
    rng = np.random.default_rng(0)
    errors = np.abs(rng.standard_normal(400))

    cells = HeldOut(None, np.zeros((400, 3), int), np.zeros(400), np.full(400, -1), None)

    def compared(own):
        return Candidate(3, False, None, cells, own, np.ones(400), own)

    def is_taken(after):
        return MODE_ORDERS.takes(gain_of(compared(errors), compared(after)))

    assert is_taken(0.8 * errors)
    assert not is_taken(0.995 * errors), "too little"
    assert not is_taken(rng.permutation(errors)), "chance"


def test_an_order_that_is_always_taken_is_found_out(monkeypatch):
    """The mutant: errors are not asked."""
    monkeypatch.setitem(globals(), "MODE_ORDERS", replace(MODE_ORDERS, rules=(Rule(),)))
    with pytest.raises(AssertionError):
        test_an_order_has_to_gain_by_more_than_chance()


def test_whole_slices_are_held_out_where_slices_are_missing(traffic):
    _, noisy = traffic
    data = ll.TensorObservations.from_array(
        np.where(slices(noisy.shape, [3, 4, 26, 27]), np.nan, noisy), empty_slices=True
    )
    held = hold_out(data, MODE_ORDERS.hides, [1], np.random.default_rng(0))
    counts = held.part.slice_counts()[1]
    gone = np.setdiff1d(np.flatnonzero(counts == 0), [3, 4, 26, 27])
    assert {24, 25} <= set(gone.tolist()), "those before the end"
    assert gone.size == int(0.25 * 24)
    assert set(held.positions[held.slices >= 0][:, 1].tolist()) == set(gone.tolist())
    assert held.part.size + held.values.size == data.size
    for number in range(gone.size):
        assert np.unique(held.positions[held.slices == number][:, 1]).size == 1
    single = held.positions[held.slices < 0]
    assert np.isin(single[:, 1], gone).sum() == 0
    np.testing.assert_array_equal(held.values, noisy[tuple(held.positions.T)])
    # in modes without missing slices none are hidden as a whole
    assert (hold_out(data, MODE_ORDERS.hides, [2], np.random.default_rng(0)).part.slice_counts()[2] > 0).all()


def test_hidden_slices_leave_other_modes_something():
    """A sensor that is known in hidden slices only keeps its cells."""
    table = np.random.default_rng(0).random((5, 20, 4))
    table[:, 18:] = np.nan
    table[0, :16] = np.nan
    for seed in range(20):
        data = ll.TensorObservations.from_array(table, empty_slices=True)
        held = hold_out(data, MODE_ORDERS.hides, [1], np.random.default_rng(seed))
        assert held.part.slice_counts()[0].min() > 0
        assert (held.slices >= 0).any()


def test_runs_in_the_middle_are_always_hidden_somewhere():
    table = np.full((3, 20, 3), np.nan)
    table[:, [0, 1, 2, 17, 18, 19]] = np.random.default_rng(0).random((3, 6, 3))
    data = ll.TensorObservations.from_array(table, empty_slices=True)
    for seed in range(20):
        assert (hold_out(data, MODE_ORDERS.hides, [1], np.random.default_rng(seed)).slices >= 0).any()


def test_intervals_of_tiny_tensors_with_missing_slices(monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (2, 2))
    for seed in range(2):
        table = np.random.default_rng(seed).random((6, 3, 2))
        table[4:] = np.nan
        found = ll.complete_tensor(table, 1, orders={0: "line"}, burn_in=5, n_draws=5, rng=seed)
        lower, upper = found.interval([[5, 0, 0], [0, 0, 0]])
        assert (lower < upper).all()


def test_the_unit_of_weights_changes_nothing(monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (4, 4))
    rng = np.random.default_rng(1)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 2)) for n in (9, 8, 7)))
    table = np.where(rng.random(truth.shape) < 0.7, truth + 0.1 * rng.standard_normal(truth.shape), np.nan)
    weights = rng.uniform(0.5, 2, truth.shape)
    one, other = (
        ll.complete_tensor(table, 2, model="cp", weights=unit * weights, burn_in=20, n_draws=30, rng=0)
        for unit in (1.0, 1e4)
    )
    assert one.noise == pytest.approx(other.noise)
    assert one.noise == pytest.approx(0.1, rel=0.3)
    np.testing.assert_allclose(*(np.diff(own.interval([[0, 0, 0]]), axis=0) for own in (one, other)))


def test_single_cells_alone_are_held_out_without_missing_slices(traffic):
    _, noisy = traffic
    held = hold_out(ll.TensorObservations.from_array(noisy), MODE_ORDERS.hides, [1], np.random.default_rng(0))
    assert (held.slices == -1).all()
    assert held.values.size == int(0.1 * noisy.size)


def test_cells_in_missing_slices_have_intervals_of_their_own(traffic, short_chains):
    truth, noisy = traffic
    hidden = slices(truth.shape, [5, 12, 16])
    hidden[0, 0, 0] = True
    found, _ = filled(truth, noisy, hidden, orders={1: 7})
    assert len(found.calibration.slice_scores) == BLENDS.hides.times * int(0.25 * 25)
    at = np.array([[0, 0, 0], [0, 5, 0]])
    lower, upper = found.interval(at, 0.9)
    mean, error = found.predict(at), (upper - lower) / 2
    np.testing.assert_allclose(mean, (lower + upper) / 2)
    alone = ll.TensorCompletionFit(
        data=found.data,
        rank=found.rank,
        model=found.model,
        draws=found.draws,
        search=found.search,
        calibration=replace(found.calibration, slice_scores=()),
        tried=found.tried,
    )
    low, high = alone.interval(at, 0.9)
    assert error[0] == pytest.approx((high - low)[0] / 2)
    # without slices held out, errors are taken for normal; with them, intervals are never narrower
    spread = moments(found.model, found.draws, at)[1]
    assert (high - low)[1] / 2 == pytest.approx(1.645 * spread[1], rel=1e-3)
    assert error[1] >= (high - low)[1] / 2


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ({3: "line"}, "mode that the tensor does not have"),
        ({1: "lines"}, "order of mode 1 is unknown"),
        ({1: 1}, "period of mode 1"),
        ({1: 50}, "period of mode 1"),
        ({1: ()}, "order of mode 1 is empty"),
        ({1: [1.0, 2.0]}, "the order of mode 1 must have one entry"),
        (["line"], "orders must name modes"),
    ],
)
def test_what_is_no_order(orders, words):
    with pytest.raises(InvalidInputError, match=words):
        orders_of(orders, (5, 10, 8))


def test_one_decomposition_needs_cells_of_every_slice(traffic):
    _, noisy = traffic
    holes = np.where(slices(noisy.shape, [3]), np.nan, noisy)
    seen = ll.TensorObservations.from_array(holes, empty_slices=True)
    for refused in (ll.decompose_tucker, ll.decompose_cp):
        with pytest.raises(InvalidInputError, match="a slice has no known cell"):
            refused(seen, 2, rng=0)
    cells = np.argwhere(~np.isnan(holes))
    listed = ll.TensorObservations.from_cells(
        cells, holes[tuple(cells.T)], shape=holes.shape, empty_slices=True
    )
    np.testing.assert_array_equal(listed.array(), holes)
    with pytest.raises(InvalidInputError, match="no known cell"):
        ll.complete_tensor(np.full((3, 4, 5), np.nan), rng=0, orders={0: "line", 1: "line", 2: "line"})
