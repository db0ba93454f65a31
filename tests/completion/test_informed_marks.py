"""Marks of missing cells, from the pattern alone: every split tried, and what generic tables determine."""

import numpy as np
import pytest

from lowland.completion.informed.marks import (
    EMPTY_ROW,
    INFORMED,
    MOST_COLUMNS,
    NEVER_TOGETHER,
    NO_RELATION,
    NOTHING,
    WORDS,
    can_be_marked,
    column_groups,
    informed_cells,
    marks_of,
)
from lowland.core.errors import UnsupportedError
from oracles.column_groups import column_groups as groups_by_splits
from oracles.column_groups import informed


def patterns():
    """Small patterns of all densities, some of them in blocks."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        m, n = rng.integers(1, 25), rng.integers(1, 8)
        known = rng.random((m, n)) < rng.uniform(0.05, 0.7)
        if rng.random() < 0.5:
            known &= np.add.outer(rng.integers(2, size=m), rng.integers(2, size=n)) == 1
        yield known


def block_pattern(kind, m=24, n=8):
    top, left = np.arange(m) < m // 2, np.arange(n) < n // 2
    if kind == "checkerboard":
        return np.add.outer(np.arange(m), np.arange(n)) % 2 == 0
    known = np.equal.outer(top, left)
    if kind == "three rows":  # that know all: too few
        known[[0, m // 2, m - 1]] = True
    if kind == "three columns":
        known[:, :3] = True
    return known


def undetermined(known, rank=2, seed=0):
    """Cells that generic tables of a rank with means of columns leave open: a null vector moves them."""
    rng = np.random.default_rng(seed)
    m, n = known.shape
    U, V = rng.standard_normal((m, rank)), np.column_stack([rng.standard_normal((n, rank)), np.ones(n)])
    J = np.zeros((m, n, m * rank + n * (rank + 1)))
    for i in range(m):
        J[i, :, i * rank : (i + 1) * rank] = V[:, :rank]
        for j in range(n):
            J[i, j, m * rank + j * (rank + 1) : m * rank + (j + 1) * (rank + 1)] = [*U[i], 1]
    _, sizes, turned = np.linalg.svd(J[known])
    null = turned[np.sum(sizes > 1e-9 * sizes[0]) :]
    return (np.abs(J @ null.T).max(axis=2) > 1e-6) & ~known


def test_groups_are_those_of_all_splits():
    several = 0
    for known in patterns():
        groups, n = column_groups(known), known.shape[1]
        want = groups_by_splits(known, range(n))
        assert {frozenset(np.flatnonzero(groups == g).tolist()) for g in groups} == set(map(frozenset, want))
        assert groups.tolist() == sorted(range(len(want)), key=groups.tolist().index) or np.all(
            np.diff([groups.tolist().index(g) for g in range(len(want))]) > 0
        )
        several += 1 < len(want) < n
    assert several > 20


def test_marks_are_those_cell_by_cell():
    for known in patterns():
        np.testing.assert_array_equal(informed_cells(known), informed(known))


def test_a_pair_rule_is_refused():
    """Columns that many others link, no two of them in four rows, are one group, as in sparse tables."""
    steps = np.array([0, 1, 3, 9, 27, 81])  # no two differ by as much as two others
    known = np.zeros((300, 300), bool)
    known[np.arange(300)[:, None], np.add.outer(np.arange(300), steps) % 300] = True
    pairs = known.T.astype(int) @ known
    np.fill_diagonal(pairs, 0)
    assert pairs.max() == 1
    assert column_groups(known).max() == 0
    with pytest.raises(AssertionError):  # the oracle sees one row fewer
        np.testing.assert_array_equal(
            informed_cells(block_pattern("three rows")), informed(block_pattern("three rows"), fewest=3)
        )


@pytest.mark.parametrize("kind", ["checkerboard", "halves", "three columns"])
def test_marked_cells_are_those_that_rank_two_leaves_open(kind):
    known = block_pattern(kind)
    np.testing.assert_array_equal(informed_cells(known) == NEVER_TOGETHER, undetermined(known))


def test_three_rows_that_know_all_are_too_few():
    known = block_pattern("three rows")
    assert (informed_cells(known)[~known] == NEVER_TOGETHER).all()


def test_columns_of_two_cells_are_known_by_nothing():
    known = np.random.default_rng(0).random((30, 6)) < 0.9
    known[:, 0] = False
    known[:2] = True
    marks = informed_cells(known)
    assert (marks[2:, 0] == NOTHING).all()
    assert (marks[:, 1:] == INFORMED).all()
    np.testing.assert_array_equal(marks == NOTHING, undetermined(known))


def test_rows_without_a_known_cell_and_constant_columns():
    known = np.ones((12, 3), bool)
    known[:5, 1], known[5:10, 0], known[11] = False, False, False
    carrying = np.array([True, True, False])
    assert (informed_cells(known)[~known] == np.where(np.nonzero(~known)[0] == 11, EMPTY_ROW, INFORMED)).all()
    marks = informed_cells(known, carrying)
    assert (marks[:5, 1] == NEVER_TOGETHER).all()
    assert marks[11].tolist() == [EMPTY_ROW, EMPTY_ROW, NO_RELATION]


def test_new_rows_are_marked_by_the_groups_of_the_table():
    known = block_pattern("checkerboard")
    groups, counts = column_groups(known), known.sum(axis=0)
    np.testing.assert_array_equal(marks_of(known, groups, counts), informed_cells(known))
    row = np.zeros((1, 8), bool)
    row[0, 1] = True
    assert marks_of(row, groups, counts)[0].tolist() == [3, 0, 3, 0, 3, 0, 3, 0]


def test_the_order_of_rows_and_columns_does_not_matter():
    rng = np.random.default_rng(3)
    for known in patterns():
        rows, columns = rng.permutation(known.shape[0]), rng.permutation(known.shape[1])
        moved = informed_cells(known[rows][:, columns])
        np.testing.assert_array_equal(moved, informed_cells(known)[rows][:, columns])


def test_random_gaps_of_tables_like_those_people_have_are_informed():
    rng = np.random.default_rng(0)
    for shape in ((21, 4), (30, 7), (32, 11), (150, 4), (400, 13)):
        for share in (0.1, 0.3, 0.5):
            marks = [informed_cells(rng.random(shape) >= share) for _ in range(20)]
            assert np.mean([np.sum(m >= NEVER_TOGETHER) for m in marks]) <= 0.02 * share * np.prod(shape)


def test_large_tables_are_refused():
    assert can_be_marked((1000, 1000))
    assert not can_be_marked((20_001, 1000))
    with pytest.raises(UnsupportedError, match="30,001 columns"):
        column_groups(np.zeros((1, MOST_COLUMNS + 1), bool))
    assert len(WORDS) == NOTHING + 1
