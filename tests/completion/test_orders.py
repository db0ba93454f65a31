"""Order along a side: smooth features, coordinates from labels, and the choice by cells held out."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.bayes.order_basis import POINTS, OrderBasis, kernel, spacing
from lowland.bayes.side_orders import coordinates_of, extended, orders_of, times_of
from lowland.completion.bayesian import fit as bayesian
from lowland.completion.bayesian import order_choice
from lowland.completion.bayesian.starting import grown_start
from lowland.completion.refinement.layer import RefinementLayer
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.trials.choices import ASKED_ORDERS, ORDERS
from lowland.trials.gains import Rule
from lowland.trials.masks import hide_along

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

PLAIN = {"certify": False, "refine": False, "powers": False, "row_units": False, "random_state": 0}
LIGHT = PLAIN | {"max_iter": 20}
ROWS, COLUMNS = 80, 4


def walks(rng, shape=(150, 6), noise=0.1, share=0.15):
    """Columns that wander along the rows, with holes."""
    full = np.cumsum(rng.standard_normal(shape), axis=0) / 5 + noise * rng.standard_normal(shape)
    return full, np.where(rng.random(shape) < share, np.nan, full)


@pytest.fixture
def one_length(monkeypatch):
    """Compare one length and strength alone, by few sweeps, where it is not their choice that is tested."""
    for module in (order_choice, bayesian):
        monkeypatch.setattr(module, "BRIEF", 10)
    monkeypatch.setattr(grown_start, "WAY_SWEEPS", 3)
    monkeypatch.setattr(order_choice, "LENGTHS", (15.0,))
    monkeypatch.setattr(order_choice, "STRENGTHS", (5.0,))


@pytest.fixture(scope="module")
def wandering():
    full, holes = walks(np.random.default_rng(0), (ROWS, COLUMNS))
    frame = pd.DataFrame(holes, pd.date_range("2020-03-01", periods=ROWS)).add_prefix("sensor ")
    with pytest.MonkeyPatch.context() as patch:
        for module in (order_choice, bayesian):
            patch.setattr(module, "BRIEF", 15)
        patch.setattr(order_choice, "LENGTHS", (5.0, 15.0))
        return full, holes, frame, ll.MatrixCompletion(**LIGHT).fit(frame)


@pytest.fixture(scope="module")
def unordered(wandering):
    return ll.MatrixCompletion(**LIGHT).fit(wandering[2], row_order=None)


def error(found, full, holes):
    return float(np.sqrt(np.mean((np.asarray(found) - full)[np.isnan(holes)] ** 2)))


@pytest.mark.parametrize("dims", [1, 2])
def test_features_are_those_of_the_kernel(dims, rng):
    places = rng.uniform(0, 10, (80, dims))
    basis = OrderBasis.of(places, 3.0, 2.0, False)
    naive = np.empty((80, 80))
    for i, j in np.ndindex(80, 80):
        reach = np.sqrt(3) * np.linalg.norm(places[i] - places[j]) / 3.0
        naive[i, j] = 4 * (1 + reach) * np.exp(-reach)
    features = basis.features(places)
    assert features.shape[1] == basis.width < 80
    np.testing.assert_allclose(features @ features.T, naive, atol=0.1)
    assert np.trace(features @ features.T) > 0.99 * np.trace(naive)


def test_unknown_places_have_no_features_and_many_are_thinned(rng):
    places = np.linspace(0, 100, 3 * POINTS)[:, None]
    basis = OrderBasis.of(places, 20.0, 1.0, False)
    assert len(basis.points) == POINTS
    asked = np.array([[50.0], [np.nan], [50.02]])
    found = basis.features(asked)
    assert not found[1].any()
    expected = kernel(asked[[0, 2]], asked[[0, 2]], 20.0)
    np.testing.assert_allclose(found[[0, 2]] @ found[[0, 2]].T, expected, atol=0.02)


def test_spacing(rng):
    assert spacing(np.array([[1960.0], [1962], [1961], [1990]])) == 10.0
    assert spacing(np.argwhere(np.ones((5, 5))).astype(float)) == 1.0
    assert spacing(np.ones((3, 1))) == 1.0


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1999", "2001", "2000", "2002", "2003", "2004", "2005", "2006"], [1999, 2001, 2000, 2002]),
        ([f"2020-0{k}-01" for k in range(1, 9)], [18262, 18293, 18322, 18353]),
        ([f"2020-01-01 0{k}:30" for k in range(8)], 18262 + (np.arange(4) + 0.5) / 24),
    ],
)
def test_dates_and_years_are_coordinates_unasked(labels, expected):
    np.testing.assert_allclose(times_of(np.array(labels))[:4, 0], expected)


@pytest.mark.parametrize(
    "labels",
    [
        None,
        np.arange(20),
        np.array([f"user {k}" for k in range(9)]),
        np.array(["1999", "2000"]),
        np.array(["2020-13-01"] * 9),
        np.array(["12000"] * 9),
    ],
)
def test_other_labels_are_not(labels):
    assert times_of(labels) is None


def test_labels_that_are_numbers_serve_when_asked():
    np.testing.assert_array_equal(coordinates_of(np.array([5, 3, 4])), [[5], [3], [4]])
    np.testing.assert_array_equal(coordinates_of(np.array(["400.5", "410"])), [[400.5], [410]])
    assert coordinates_of(np.array(["a", "1"])) is None
    np.testing.assert_array_equal(extended(np.array([[1.0], [2.0]]), np.array([1, 2, 3])), [[1], [2], [3]])
    assert extended(np.array([[1.0], [9.0]]), np.array([1, 2, 3])) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0, 2.0], "one entry"),
        ([1.0, np.nan, 2.0], "missing or infinite"),
        (["a", "b", "c"], "numbers or dates"),
        ("labels", "neither numbers nor dates"),
        ("time", "row_order is unknown"),
        (np.ones((3, 0)), "one entry"),
    ],
)
def test_bad_orders(given, words):
    with pytest.raises(InvalidInputError, match=words):
        orders_of((given, None), (3, 2), (np.array(["x", "y", "z"]), None))


def test_dates_can_be_given():
    dates = np.array(["2020-01-01", "2020-01-03"], dtype="datetime64[D]")
    found = orders_of((dates, None), (2, 2), (None, None))
    assert np.ptp(found.rows) == 2
    assert found.asked == (True, False)
    np.testing.assert_array_equal(orders_of((dates.astype(str), None), (2, 2), (None, None)).rows, found.rows)


def test_an_order_halves_errors_of_wandering_columns(wandering, unordered):
    full, holes, frame, fit = wandering
    assert fit.method_ == "variational"
    assert unordered.method_ == "gaussian"
    assert error(fit.predict_table(), full, holes) < 0.5 * error(unordered.predict_table(), full, holes)
    # frames that are fitted are recognised
    gaps = np.isnan(holes)
    np.testing.assert_array_equal(fit.fill(frame).to_numpy()[gaps], fit.predict_table()[gaps])


def test_columns_in_order(wandering, one_length):
    full, holes = wandering[:2]
    turned, without = (ll.MatrixCompletion(method="variational", **LIGHT) for _ in range(2))
    found = turned.fit(holes.T, column_order=np.arange(ROWS)).predict_table()
    usual = without.fit(holes.T).predict_table()
    assert error(found, full.T, holes.T) < 0.7 * error(usual, full.T, holes.T)


def check_left_out(seed, shape, **settings):
    """Fit a table whose rows are in no order, without one and with one."""
    rng, settings = np.random.default_rng(seed), PLAIN | settings
    truth = rng.standard_normal((shape[0], 3)) @ rng.standard_normal((3, shape[1]))
    noisy = truth + 0.3 * rng.standard_normal(shape)
    holes = np.where(rng.random(shape) < 0.2, np.nan, noisy)
    plain = ll.MatrixCompletion(**settings).fit(holes)
    ordered = ll.MatrixCompletion(**settings).fit(holes, row_order=np.arange(len(holes)))
    assert settings["refine"] or ordered._completed.model.row_places == (0, False)
    # having looked costs nothing: all else draws its own numbers
    np.testing.assert_array_equal(ordered.predict_table(), plain.predict_table())
    return ordered


@pytest.mark.slow
def test_a_useless_order_is_left_out():
    for seed in range(4):
        check_left_out(seed, (120, 8), refine=seed == 0)


def test_a_useless_order_of_a_small_table_is_left_out(one_length):
    check_left_out(0, (60, 5), max_iter=40)


def test_an_order_that_is_always_taken_is_found_out(few_trees, monkeypatch, one_length):
    """The mutant: cells held out are not asked."""
    ordered = check_left_out(0, (80, 6), max_iter=20, rank=1, refine=True)
    assert isinstance(ordered._completed.model, RefinementLayer)
    for choice in (ORDERS, ASKED_ORDERS):
        taken = replace(choice, rules=(Rule(),))
        monkeypatch.setattr(order_choice, "ORDERS" if choice is ORDERS else "ASKED_ORDERS", taken)
    with pytest.raises(AssertionError):
        check_left_out(0, (60, 5), max_iter=40, rank=1)


def test_cells_are_hidden_as_cells_are_missing(rng):
    """Where runs are missing, runs are hidden."""
    holes = rng.standard_normal((200, 8))
    for column in range(8):
        first = rng.integers(0, 180)
        holes[first : first + 20, column] = np.nan
    table = Observations.from_array(holes)
    hidden = np.zeros(holes.shape, bool)
    mask = hide_along(table, (True, False), ORDERS.hides, rng)
    hidden[table.rows[mask], table.columns[mask]] = True
    assert 30 <= hidden.sum() <= 0.15 * table.size
    ends = np.flatnonzero(np.diff(np.pad(hidden, ((1, 1), (0, 0))).T.ravel().astype(int)))
    assert np.median(np.diff(ends)[::2]) >= 10
    assert not (hidden & np.isnan(holes)).any()


@pytest.mark.slow
def test_intervals_are_as_wide_as_errors_of_cells_held_out_demand():
    held = total = 0
    for seed in range(6):
        full, holes = walks(np.random.default_rng(seed))
        fit = ll.MatrixCompletion(**PLAIN).fit(holes, row_order=np.arange(150))
        at = np.nonzero(np.isnan(holes))
        low, high = fit.predict_interval(*at, 0.9)
        held, total = held + np.sum((low <= full[at]) & (full[at] <= high)), total + at[0].size
    assert 0.83 < held / total < 0.96


def test_draws_are_as_wide_as_intervals(wandering):
    _, holes, _, fit = wandering
    model = fit._completed.model
    wider = type(model)(**{**vars(model), "inflation": 3.0})
    at = tuple(own[:40] for own in np.nonzero(np.isnan(holes)))
    for own in (model, wider):
        drawn = np.stack(list(own.draws(*at, 3000, np.random.default_rng(0))))
        np.testing.assert_allclose(drawn.std(axis=0), own.standard_errors(*at), rtol=0.1)
        np.testing.assert_allclose(drawn.mean(axis=0), own.predict(*at), atol=0.2)


def test_new_rows_are_placed_by_their_labels_or_coordinates(wandering, tmp_path):
    full, _, frame, fit = wandering
    new = pd.DataFrame(np.full((3, COLUMNS), np.nan), index=frame.index[[20, 40, 60]] + pd.Timedelta("12h"))
    new.columns = frame.columns
    expected = (full[[20, 40, 60]] + full[[21, 41, 61]]) / 2
    found = fit.fill(new)
    assert np.sqrt(np.mean((found.to_numpy() - expected) ** 2)) < 0.35
    assert full.std() > 1
    places = (new.index.to_numpy() - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    np.testing.assert_allclose(fit.transform(new.reset_index(drop=True), row_order=places), found)
    # nothing is known of rows without a place
    unplaced = fit.transform(new.reset_index(drop=True))
    assert np.ptp(unplaced, axis=0).max() == 0
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(read.fill(new), found)
    low, high = (own.predict_interval([str(read.row_labels_[5])], ["sensor 1"]) for own in (fit, read))
    np.testing.assert_array_equal(low, high)
    with pytest.raises(InvalidInputError, match="other coordinates"):
        fit.transform(new.reset_index(drop=True), row_order=np.ones((3, 2)))


@pytest.mark.slow
def test_rows_past_the_order_are_no_worse_than_without_one():
    """Half of the rows are later than all of the fit, with most of their cells known."""
    ratios = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        full = np.cumsum(rng.standard_normal((200, 2)), axis=0) / 3 @ rng.standard_normal((2, 6))
        full += 0.1 * rng.standard_normal(full.shape)
        holes = pd.DataFrame(np.where(rng.random(full.shape) < 0.2, np.nan, full))
        holes.index = pd.date_range("2020-03-01", periods=200)
        fits = [ll.MatrixCompletion(**PLAIN).fit(holes[:150], row_order=order) for order in ("auto", None)]
        later = [error(fit.transform(holes[150:]), full[150:], holes[150:].to_numpy()) for fit in fits]
        ratios.append(later[0] / later[1])
    assert np.exp(np.mean(np.log(ratios))) < 1.35


def test_loaded_fits_keep_their_coordinates(wandering, tmp_path):
    fit = deepcopy(wandering[3])
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    assert read.held_out_errors().error == fit.held_out_errors().error
    for own in (fit, read):
        own.update([str(fit.row_labels_[3])], ["sensor 1"], [1.0], refit=True)
    np.testing.assert_array_equal(fit.predict_table(), read.predict_table())


def test_other_labels_are_no_places_of_a_fit_with_coordinates(wandering, unordered, one_length):
    (full, holes, named), half = wandering[:3], slice(ROWS // 2)
    frame = pd.DataFrame(holes, index=np.arange(ROWS)[::-1])
    fit = ll.MatrixCompletion(**LIGHT).fit(frame, row_order=np.arange(1.0 * ROWS))
    unplaced = error(fit.transform(frame[half]), full[half], holes[half])
    assert unplaced < 1.2 * error(unordered.transform(named[half]), full[half], holes[half])


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_coordinates_of_any_size(scale, wandering, one_length):
    full, holes, _, fit = wandering
    found = ll.MatrixCompletion(**LIGHT).fit(holes, row_order=np.arange(ROWS) * scale)
    assert error(found.predict_table(), full, holes) < 1.1 * error(fit.predict_table(), full, holes)
    assert np.isfinite(found.transform(holes[:2], row_order=[1e300, -1e300])).all()


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2020-03-01", periods=ROWS, tz="Europe/Berlin"),
        pd.date_range("2020-03-01", periods=ROWS, freq="97us"),
        pd.period_range("1980Q1", freq="Q", periods=ROWS),
    ],
)
def test_dates_of_all_kinds(index, wandering, one_length):
    full, holes, _, fit = wandering
    frame = pd.DataFrame(holes, index=index)
    found = ll.MatrixCompletion(**LIGHT).fit(frame)
    assert found._completed.model.row_places == (1, True)
    assert error(found.predict_table(), full, holes) < 1.1 * error(fit.predict_table(), full, holes)


@pytest.fixture(scope="module")
def unlabelled(wandering):
    """The fit of a frame whose rows have no labels."""
    return ll.MatrixCompletion(**LIGHT).fit(pd.DataFrame(wandering[1][:60]))


@pytest.mark.parametrize(
    "index",
    [
        [pd.NaT, *pd.date_range("2020", periods=9)],
        pd.date_range("2020-03-01", periods=10, freq="1ns"),
        pd.Index([1, "1", *"abcdefgh"], dtype=object),
    ],
)
def test_indexes_that_name_no_rows_are_no_labels(index, wandering, unlabelled):
    found = (pd.DataFrame(wandering[1][60:70], index=own) for own in (index, None))
    np.testing.assert_array_equal(*map(unlabelled.transform, found))


def test_days_that_follow_are_taken_in(wandering):
    holes, fit = wandering[1], deepcopy(wandering[3])
    label = str(fit.row_labels_[-1])
    following = str(np.datetime64(label[:10]) + np.timedelta64(1, "D")) + label[10:]
    fit.update([following], ["sensor 2"], [holes[-1, 2] if np.isfinite(holes[-1, 2]) else 0.0])
    assert fit._completed.model.shape == (ROWS + 1, COLUMNS)
    with pytest.raises(UnsupportedError, match="no covariates"):
        fit.update(["later"], ["sensor 2"], [0.0])


@pytest.mark.parametrize("method", ["map", "gaussian"])
def test_methods_without_order_refuse_one(method, rng):
    with pytest.raises(InvalidInputError, match="knows no order"):
        ll.MatrixCompletion(method=method, **LIGHT).fit(rng.standard_normal((30, 4)), row_order=np.arange(30))


def test_places_in_the_plane(rng, one_length):
    places = rng.uniform(0, 10, (100, 2))
    root = np.linalg.cholesky(kernel(places, places, 4.0) + 1e-9 * np.eye(100))
    field = root @ rng.standard_normal((100, 4))
    full = field + 0.1 * rng.standard_normal(field.shape)
    holes = np.where(rng.random(full.shape) < 0.3, np.nan, full)
    plain, placed = (ll.MatrixCompletion(**LIGHT).fit(holes, row_order=own) for own in (None, places))
    assert placed._completed.model.row_places == (2, False)
    assert error(placed.predict_table(), full, holes) < 0.6 * error(plain.predict_table(), full, holes)


def test_covariates_and_an_order_together(rng, one_length):
    full, holes = walks(rng, (ROWS, COLUMNS))
    about = rng.standard_normal((ROWS, 2))
    fit = ll.MatrixCompletion(**LIGHT).fit(holes, row_covariates=about, row_order=np.arange(ROWS))
    mapping = fit._completed.model.row_prior.mapping
    assert (mapping.centres.size, mapping.described) == (2, 3)
    assert error(fit.predict_table(), full, holes) < 0.7
    assert "2 covariates of rows" in fit._completed.table.describe_method()
    assert "rows smooth over a length of" in fit._completed.table.describe_method()
    with pytest.raises(InvalidInputError, match="covariates"):
        fit.transform(np.full((2, COLUMNS), np.nan))


def test_tables_elsewhere_refuse_an_order(rng, tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows, columns = np.nonzero(rng.random((20, 6)) < 0.8)
    table = pa.table({"r": rows, "c": columns, "v": rng.standard_normal(rows.size)})
    parquet.write_table(table, tmp_path / "cells.parquet")
    stored = ll.StoredObservations.from_parquet(tmp_path, tmp_path / "cells", row="r", column="c", value="v")
    with pytest.raises(UnsupportedError, match="no order"):
        ll.MatrixCompletion(dtype="float32", **LIGHT).fit(stored, row_order=np.arange(20))
