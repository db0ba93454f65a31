"""Refinements are chosen in an order that depends on what a table holds, and brought back."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.refinement.content_order import ContentOrder
from lowland.completion.refinement.forest_learning import grow_again
from lowland.completion.refinement.forests import Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.trials.contents import Contents


def curved(rng):
    z = rng.standard_normal((90, 2))
    table = np.column_stack([z, z[:, :1] ** 2, np.sin(2 * z[:, 1]), z[:, 0] * z[:, 1], z.sum(axis=1)])
    table += 0.1 * rng.standard_normal(table.shape)
    table[rng.random(table.shape) < 0.2] = np.nan
    return table


def by_means(holes):
    """What completes a table by the means of its columns."""
    means, spreads = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    return np.tile(means, (len(holes), 1)), np.tile(spreads, (len(holes), 1))


def order_of(table, groups):
    return ContentOrder.of(Contents.of_array(table), np.asarray(groups))


def test_orders_of_permuted_tables_give_the_same_table(rng):
    table = curved(rng)
    other = table[np.ix_(rng.permutation(90), rng.permutation(6))]
    found = [order_of(each, range(6)).put(each) for each in (table, other)]
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(table, found[0], equal_nan=True)


def test_columns_of_a_group_stay_together(rng):
    table, groups = curved(rng), np.array([0, 1, 1, 1, 2, 3])
    order = order_of(table, groups)
    assert (np.diff(order.groups) >= 0).all()
    assert order.groups.max() == 3
    middle = order.columns[np.bincount(order.groups)[order.groups] == 3]
    assert sorted(middle) == [1, 2, 3]
    np.testing.assert_array_equal(
        groups[order.columns][:, None] == groups[order.columns], order.groups[:, None] == order.groups
    )


@pytest.fixture(scope="module")
def learnt():
    """A table, its order and forests that were grown there."""
    table, groups = curved(np.random.default_rng(0)), np.array([0, 1, 1, 2, 3, 4])
    order = order_of(table, groups)
    weights, ones, scores = np.array([1, 0.5, 0, 1, 0.7, 0.9]), np.ones(6), np.linspace(0, 2, 9)
    shape = (weights, ones, 0 * ones, ones, 0.2, scores, 9, order.groups)
    holes = order.put(table)
    grown = grow_again(holes, by_means(holes)[0], Refinement({}, *shape), np.random.default_rng(1))
    return table, order, grown


def test_forests_come_back_to_their_columns(learnt):
    table, order, found = learnt
    back = order.back(found)
    low = by_means(table)[0]
    np.testing.assert_array_equal(
        order.put(back.shifts(table, low)), found.shifts(order.put(table), order.put(low))
    )
    assert np.abs(back.shifts(table, low)).max() > 0.1
    np.testing.assert_array_equal(back.groups, [0, 1, 1, 2, 3, 4])
    np.testing.assert_array_equal(back.weights[order.columns], found.weights)


def test_forests_that_stay_in_another_order_are_seen(learnt):
    table, order, found = learnt
    low = by_means(table)[0]
    wrong = ContentOrder(order.rows, np.roll(order.columns, 1), order.groups, order.original).back(found)
    assert np.abs(wrong.shifts(table, low) - order.back(found).shifts(table, low)).max() > 0.1


def test_smoothings_come_back_to_their_columns(rng):
    table = curved(rng)
    order, places = order_of(table, range(6)), np.arange(6.0)[:, None]
    zeros = np.zeros(5)
    found = RowSmoothing(
        weights=zeros,
        centred=zeros > 0,
        ratios=zeros,
        widest=zeros,
        places=places[order.columns],
        centres=2 * places[order.columns, 0],
        shares=np.zeros((2, 1)),
        gain=0.1,
        scores=zeros,
        score_kinds=np.zeros(5, np.intp),
        learnt_from=9,
    )
    back = order.back(found)
    np.testing.assert_array_equal(back.places, places)
    np.testing.assert_array_equal(back.centres, 2 * places[:, 0])


def test_cells_keep_labels_and_precision(rng):
    table = curved(rng)
    seen = ll.Observations.from_array(table.astype(np.float32), column_labels=list("abcdef"))
    order = order_of(table, range(6))
    cells = order.cells(seen, order.put(seen.to_array().astype(np.float64)))
    assert cells.values.dtype == np.float32
    assert cells.column_labels.tolist() == np.array(list("abcdef"))[order.columns].tolist()
    assert cells.row_labels is None
    np.testing.assert_array_equal(cells.to_array(), order.put(seen.to_array()))


def test_filled_cells_hardly_follow_the_order_of_a_curved_table(few_trees):
    """What is chosen is the same; what is left is the draws of the fit that is refined."""
    rng = np.random.default_rng(3)
    table, rows, columns = curved(rng), rng.permutation(90), rng.permutation(6)
    settings = {"certify": False, "refine": True, "powers": False, "row_units": False, "random_state": 0}
    models = [ll.MatrixCompletion(**settings).fit(each) for each in (table, table[np.ix_(rows, columns)])]
    both = [model._completed.model for model in models]
    np.testing.assert_array_equal(both[1].refinement.weights, both[0].refinement.weights[columns])
    gaps = np.nonzero(np.isnan(table))
    errors = np.zeros(table.shape)
    errors[gaps] = both[0].standard_errors(*gaps)
    moved = models[1].predict_table() - models[0].predict_table()[np.ix_(rows, columns)]
    share = np.abs(moved) / np.where(errors > 0, errors, np.inf)[np.ix_(rows, columns)]
    assert share.max() < 0.25
