"""What the pattern of known cells says of each missing one: whether what its row knows can inform it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import UnsupportedError
from lowland.core.wording import counted

if TYPE_CHECKING:
    from lowland.core.arrays import Indices
    from lowland.trials.masks import Mask

# what is known of a missing cell; from NEVER_TOGETHER on, nothing but its column, or not even that
INFORMED, NO_RELATION, EMPTY_ROW, NEVER_TOGETHER, NOTHING = range(5)
WORDS = (
    "informed",
    "by its column alone (no relation)",
    "by its column alone (no known cell in its row)",
    "by its column alone (never seen together)",
    "by nothing",
)
# rows that must link two parts of a table to carry a relation: a slope and a centre leave two to judge them
FEWEST_LINKS = 4
# known cells of a column that say how far its cells spread
FEWEST_KNOWN = 3
# most cells and most columns of tables whose cells are marked
MOST_CELLS, MOST_COLUMNS = 20_000_000, 30_000


def can_be_marked(shape: tuple[int, int]) -> bool:
    """Return whether a table is small enough for its missing cells to be marked."""
    return shape[0] * shape[1] <= MOST_CELLS and shape[1] <= MOST_COLUMNS


def informed_cells(known: Mask, carrying: Mask | None = None) -> NDArray[np.int8]:
    """Return what is known of each missing cell, from the pattern of known cells alone.

    Parameters
    ----------
    known : ndarray of bool, shape (m, n)
    carrying : ndarray of bool, shape (n,), optional
        Columns that can carry a relation; constant ones cannot. All by default.

    Returns
    -------
    ndarray of int8, shape (m, n)
        NOTHING if fewer than three cells of its column are known; NEVER_TOGETHER if its column is in another
        group (`column_groups`) than all known columns of its row; EMPTY_ROW if its row has none of these;
        INFORMED otherwise, and at known cells. Missing cells of columns that carry nothing are NO_RELATION.

    Raises
    ------
    UnsupportedError
        If the table has more than MOST_CELLS cells or MOST_COLUMNS columns.

    Notes
    -----
    No rank is needed. Where no row links two groups, tables of any rank leave cells marked NEVER_TOGETHER
    open; cells of one group may be open in part, where the rank is larger than the number of columns that
    link them. Covariates, orders of rows or columns, and grades on one scale inform too: they are not asked.
    """
    linking = known if carrying is None else known & carrying
    return marks_of(known, column_groups(linking), known.sum(axis=0), carrying)


def marks_of(known: Mask, groups: Indices, counts: Indices, carrying: Mask | None = None) -> NDArray[np.int8]:
    """Return what is known of the missing cells of rows, of a table whose columns are in groups.

    Parameters
    ----------
    known : ndarray of bool, shape (k, n)
    groups : ndarray of int, shape (n,)
        Result of `column_groups` for the table, of which these rows need not be a part.
    counts : ndarray of int, shape (n,)
        Number of known cells of the table by column.
    carrying : ndarray of bool, shape (n,), optional

    Returns
    -------
    ndarray of int8, shape (k, n)
    """
    linking = known if carrying is None else known & carrying
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    marks = np.full(known.shape, INFORMED, np.int8)
    if known.size:
        seen = np.logical_or.reduceat(linking[:, order], starts, axis=1)
        marks[~seen[:, groups]] = NEVER_TOGETHER
        marks[~seen.any(axis=1)] = EMPTY_ROW
    if carrying is not None:
        marks[:, ~carrying] = NO_RELATION
    marks[:, counts < FEWEST_KNOWN] = NOTHING
    marks[known] = INFORMED
    return marks


def column_groups(known: Mask) -> Indices:
    """Return the group of each column: parts of the table between which no relation can be learnt.

    Parameters
    ----------
    known : ndarray of bool, shape (m, n)

    Returns
    -------
    ndarray of int, shape (n,)
        Groups are numbered from zero, in the order of their first columns.

    Raises
    ------
    UnsupportedError
        If the table has more than MOST_CELLS cells or MOST_COLUMNS columns.

    Notes
    -----
    A group is a largest set of columns of which every split in two is linked by at least FEWEST_LINKS rows:
    rows with known cells on both sides of it. With rows as edges that join all columns that they know,
    groups are the maximal 4-edge-connected parts of a hypergraph. Columns seen together in four rows are in
    one group, and so are columns that are linked through others only, however sparse the table is.

    In an order in which each column is the one that most rows link to those before it, a column and its
    predecessor are linked by as many rows as link it to all before it, whatever the split (H. Nagamochi,
    T. Ibaraki, SIAM J. Discrete Math. 1992; of hypergraphs R. Klimmek, F. Wagner 1996). So those with four or
    more are merged, and ordered again, until one is left, or one is linked to the others by fewer, where the
    set is split. One order takes a pass over the cells and n searches for the largest of n numbers;
    most tables take one.
    """
    if not can_be_marked(known.shape):
        m, n = known.shape
        raise UnsupportedError(
            f"cells are marked in tables of at most {MOST_CELLS:,} cells and {MOST_COLUMNS:,} columns",
            f"{counted(m, 'row')} and {counted(n, 'column')}",
            fix="mark a part of the table",
        )
    n = known.shape[1]
    groups, pending, count = np.zeros(n, np.intp), [np.arange(n)], 0
    while pending:
        columns = pending.pop()
        parts = _split(known[:, columns])
        if len(parts) > 1:
            pending.extend(columns[part] for part in parts)
        else:
            groups[columns] = count
            count += 1
    return np.unique(_first_of_each(groups), return_inverse=True)[1].astype(np.intp)


def _first_of_each(groups: Indices) -> Indices:
    """Return the first column of each column's group."""
    _, firsts, places = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(firsts[places])


def _split(known: Mask) -> list[Indices]:
    """Return parts that too few rows link, the columns themselves if there are none."""
    n = known.shape[1]
    within = np.arange(n)  # the merged column that each column is in
    while known.shape[1] > 1:
        known = known[known.sum(axis=1) > 1]
        loose = known.sum(axis=0) < FEWEST_LINKS
        if loose.any():
            parts = [np.flatnonzero(within == one) for one in np.flatnonzero(loose)]
            rest = np.flatnonzero(~loose[within])
            return parts + [rest] * bool(rest.size)
        order, links = _order_by_links(known)
        begins = links < FEWEST_LINKS
        merged = np.empty(order.size, np.intp)
        merged[order] = np.cumsum(begins) - 1
        within = merged[within]
        known = np.logical_or.reduceat(known[:, order], np.flatnonzero(begins), axis=1)
    return [np.arange(n)]


def _order_by_links(known: Mask) -> tuple[Indices, Indices]:
    """Return columns, each the one that most rows link to those before it, and how many rows do."""
    m, n = known.shape
    by_column = np.asfortranarray(known)
    fresh, links, ordered = np.ones(m, bool), np.zeros(n, np.int64), np.zeros(n, bool)
    order, counts = np.empty(n, np.intp), np.empty(n, np.int64)
    for place in range(n):
        column = int(np.argmax(np.where(ordered, -1, links)))
        order[place], counts[place] = column, links[column]
        ordered[column] = True
        rows = np.flatnonzero(by_column[:, column] & fresh)
        fresh[rows] = False
        links += known[rows].sum(axis=0)
    return order, counts
