"""The ridge regression of which columns rows list: coefficients, what they depend on, empty rows."""

import numpy as np
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.ranking.chances import CONSTANT, Chances

RIDGE = 3.0


def lists(m=40, n=9, seed=0):
    """Return which columns rows list; the last column is listed nowhere."""
    listed = np.random.default_rng(seed).random((m, n)) < np.linspace(0.6, 0.1, n)
    listed[:, -1] = False
    return listed


def cells_of(listed):
    return TableCells.of(ll.Observations.from_array(np.where(listed, 5.0, np.nan)))


def fitted(listed, **settings):
    return Chances.of(cells_of(listed), ridge=RIDGE, **settings)


def scores_of(chances, listed):
    return chances.scores(*np.nonzero(listed), len(listed))


def naive(listed, *, itself=False):
    """Regress each column on the others and a constant, one by one."""
    m, n = listed.shape
    expected = np.zeros((m, n))
    for j in range(n):
        others = listed if itself else np.delete(listed, j, axis=1)
        design = np.column_stack([np.full(m, CONSTANT), others])
        gram = design.T @ design + RIDGE * np.eye(design.shape[1])
        expected[:, j] = design @ np.linalg.solve(gram, design.T @ listed[:, j])
    return expected


def test_scores_are_those_of_a_regression_on_the_other_columns():
    listed = lists()
    found = scores_of(fitted(listed), listed)
    some = listed.any(axis=1)
    assert some.sum() > 30
    np.testing.assert_allclose(found[some], naive(listed)[some], atol=1e-6)
    # a regression on the column itself, the mutant, is told apart
    assert np.abs(found - naive(listed, itself=True)).max() > 0.1


def test_a_column_does_not_vouch_for_itself():
    listed = lists()
    chances, other = fitted(listed), listed.copy()
    other[:, 2] = ~other[:, 2]
    found, changed = scores_of(chances, listed), scores_of(chances, other)
    some = np.delete(listed, 2, axis=1).any(axis=1)
    np.testing.assert_array_equal(found[some, 2], changed[some, 2])
    assert not np.allclose(found[some, 3], changed[some, 3])


def test_values_do_not_matter():
    listed = lists()
    values = np.where(listed, np.random.default_rng(1).standard_normal(listed.shape), np.nan)
    again = Chances.of(TableCells.of(ll.Observations.from_array(values)), ridge=RIDGE)
    np.testing.assert_array_equal(again.coefficients, fitted(listed).coefficients)


def test_columns_beyond_the_leading_ones_have_their_share_of_rows():
    listed = lists()
    few = fitted(listed, most=4)
    counts = listed.sum(axis=0)
    assert few.leading.tolist() == sorted(np.argsort(-counts, kind="stable")[:4].tolist())
    rest = np.setdiff1d(np.arange(listed.shape[1]), few.leading)
    found = scores_of(few, listed)
    np.testing.assert_allclose(found[:, rest], np.tile(counts[rest] / len(listed), (len(listed), 1)))
    some = listed[:, few.leading].any(axis=1)
    expected = naive(listed[:, few.leading])[some]
    np.testing.assert_allclose(found[np.ix_(some, few.leading)], expected, atol=1e-6)


def test_a_row_that_lists_nothing_is_ranked_as_rows_that_list_little():
    """It is said to list as many columns as others, in the order of those that stand alone in their rows."""
    rng = np.random.default_rng(0)
    together = np.repeat(rng.random((300, 1)) < 0.5, 6, axis=1)
    alone = rng.random((300, 2)) < 0.4
    listed = np.column_stack([together, alone, np.zeros(300, bool)])
    other = listed[:3].copy()
    other[1] = False
    chances = fitted(listed)
    found = scores_of(chances, other)
    assert found[1, 6:8].min() > found[1, :6].max()  # although fewer rows list them
    assert np.isclose(found[1].sum(), listed.sum(axis=1).mean())
    np.testing.assert_array_equal(found[[0, 2]], scores_of(chances, listed)[[0, 2]])


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(threads, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", str(threads))
    listed = lists(m=300, n=60)
    first, again = fitted(listed), fitted(listed)
    np.testing.assert_array_equal(first.coefficients, again.coefficients)
