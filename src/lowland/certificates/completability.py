"""Determinacy of large patterns: a small core that is determined, and everything that follows from it.

Once the factors of some columns are known (up to finitely many choices and a mixing of all factors), a row
with as many observed cells in these columns as it has unknowns is determined by linear equations; then
columns follow from rows, and so on. For generic values the equations are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.certificates.exact import pattern_rank, rank_work
from lowland.core.arrays import Indices
from lowland.core.records import ObservedPattern, dimension_of
from lowland.core.work import CALL, UNLIMITED, Budget, touch

Lines = tuple[NDArray[np.bool_], NDArray[np.bool_]]
# number of cores tried, each twice as large as the last, and of seeds for complete blocks
ATTEMPTS = 3
SEEDS = 20
# equations per unknown of the columns of a core, once its rows are eliminated
SURPLUS = 1.5


@final
@dataclass(frozen=True, eq=False)
class Reach:
    """Rows and columns whose cells are determined, and those of the core that determines them."""

    rows: NDArray[np.bool_]
    columns: NDArray[np.bool_]
    core: tuple[Indices, Indices]

    @property
    def share(self) -> float:
        """Fraction of all cells that are determined."""
        return float(self.rows.mean() * self.columns.mean())

    @property
    def is_all(self) -> bool:
        """Whether every cell is determined."""
        return bool(self.rows.all() and self.columns.all())


def close(observed: Any, known: Lines, needed: tuple[int, int]) -> Lines:
    """Add lines with enough observed cells in known lines of the other side, until there are no more.

    Parameters
    ----------
    observed : sparse array, shape (m, n)
        One where a cell is observed.
    known : pair of ndarray of bool
        Known rows and columns.
    needed : tuple of int
        Unknowns of a row and of a column.

    Returns
    -------
    pair of ndarray of bool
    """
    rows, columns = (side.copy() for side in known)
    touch(2.0 * observed.nnz)
    turned = observed.T.tocsr()
    while True:
        before = int(rows.sum() + columns.sum())
        touch(CALL + 2.0 * observed.nnz)
        rows |= observed @ columns.astype(np.int64) >= needed[0]
        columns |= turned @ rows.astype(np.int64) >= needed[1]
        if int(rows.sum() + columns.sum()) == before:
            return rows, columns


def finite_reach(
    pattern: ObservedPattern, largest: int, rng: np.random.Generator, budget: Budget = UNLIMITED
) -> Reach | None:
    """Return what is determined up to finitely many choices, or None if no core was found.

    Parameters
    ----------
    pattern : ObservedPattern
    largest : int
        Largest number of unknowns of the core's columns.
    rng : numpy.random.Generator
        For the integer points.
    budget : Budget
        Larger cores are tried while half of what is left allows them.
    """
    if not budget.allows(_closing_work(pattern), part=0.5):
        return None
    observed, needed = _observed(pattern), _unknowns(pattern)
    for attempt in reversed(range(ATTEMPTS)):  # small cores are cheap and often sufficient
        size = max(largest // max(needed) >> attempt, 2)
        core = _densest_core(observed, needed, size)
        if core is None:
            continue
        part = _restricted(pattern, observed, *core)
        if not budget.allows(rank_work(part), part=0.5):
            return None
        if _fixes_factors(part) and pattern_rank(part, rng, trials=1).is_full:
            return _reach_from(observed, core, needed)
    return None


def unique_reach(pattern: ObservedPattern, budget: Budget = UNLIMITED) -> Reach | None:
    """Return what is determined uniquely, starting from complete blocks of r rows and columns.

    Without biases: the factors of a complete block are known up to their mixing. As many blocks are tried
    as a third of the budget allows.
    """
    each = _closing_work(pattern)
    seeds = budget.times(each, SEEDS, part=1 / 3)
    if pattern.biases or not seeds:
        return None
    observed, r = _observed(pattern), pattern.rank
    counts = np.asarray(observed.sum(axis=1)).ravel()
    best: Reach | None = None
    for first in np.argsort(-counts, kind="stable")[:seeds]:
        block = _complete_block(observed, int(first), r)
        if block is None:
            continue
        reach = _reach_from(observed, block, (r, r))
        if best is None or reach.share > best.share:
            best = reach
        if best.is_all:
            break
    return best


def _closing_work(pattern: ObservedPattern) -> float:
    """Return the approximate work of a block and its closure: some products per component."""
    return CALL * 20 + 2.0 * pattern.rows.size * (pattern.rank + 12)


def _reach_from(observed: Any, core: tuple[Indices, Indices], needed: tuple[int, int]) -> Reach:
    """Return all that follows from the rows and columns of a core."""
    known = np.zeros(observed.shape[0], bool), np.zeros(observed.shape[1], bool)
    known[0][core[0]], known[1][core[1]] = True, True
    return Reach(*close(observed, known, needed), core)


def _unknowns(pattern: ObservedPattern) -> tuple[int, int]:
    return pattern.rank + ("row" in pattern.biases), pattern.rank + ("column" in pattern.biases)


def _fixes_factors(core: ObservedPattern) -> bool:
    """Whether a core is so large that its cells determine factors and biases up to their mixing."""
    (m, n), r = core.shape, core.rank
    if set(core.biases) == {"global"}:  # a complete block of r rows or columns can absorb any constant
        return m > r and n > r
    return r <= min(m - ("column" in core.biases), n - ("row" in core.biases))


def _observed(pattern: ObservedPattern) -> Any:
    from scipy.sparse import csr_array

    ones = np.ones(pattern.rows.size, np.int64)
    table = csr_array((ones, (pattern.rows, pattern.columns)), shape=pattern.shape)
    table.sum_duplicates()
    table.data[:] = 1
    return table


def _densest_core(observed: Any, needed: tuple[int, int], size: int) -> tuple[Indices, Indices] | None:
    """Return a dense core of rows and columns, found by removing lines with too few cells."""
    by_column = np.asarray(observed.sum(axis=0)).ravel()
    columns = np.argsort(-by_column, kind="stable")[:size]
    inside = np.asarray(observed[:, columns].sum(axis=1)).ravel()
    rows = np.argsort(-inside, kind="stable")
    # the smallest number of rows that gives enough equations between the unknowns of the columns
    equations = np.cumsum(np.maximum(inside[rows] - needed[0], 0))
    rows = rows[: int(np.searchsorted(equations, SURPLUS * columns.size * needed[1])) + max(needed) + 1]
    while rows.size and columns.size:
        part = observed[rows][:, columns]
        keep = (
            np.asarray(part.sum(axis=1)).ravel() >= needed[0],
            np.asarray(part.sum(axis=0)).ravel() >= needed[1],
        )
        if keep[0].all() and keep[1].all():
            return rows, columns
        rows, columns = rows[keep[0]], columns[keep[1]]
    return None


def _restricted(pattern: ObservedPattern, observed: Any, rows: Indices, columns: Indices) -> ObservedPattern:
    """Return the pattern restricted to some rows and columns."""
    part = observed[rows][:, columns].tocoo()
    shape = (int(part.shape[0]), int(part.shape[1]))
    dof = dimension_of(shape, pattern.rank, pattern.biases)
    return ObservedPattern(
        part.row.astype(np.intp), part.col.astype(np.intp), shape, pattern.rank, pattern.biases, dof
    )


def _complete_block(observed: Any, first: int, rank: int) -> tuple[Indices, Indices] | None:
    """Return r rows, `first` among them, and the columns that all of them observe, at least r; greedily."""
    rows = [first]
    common = np.zeros(observed.shape[1], np.int64)
    common[observed[[first]].indices] = 1
    while len(rows) < rank:
        touch(CALL + float(observed.nnz))
        shared = observed @ common
        shared[rows] = -1
        best = int(np.argmax(shared))
        if shared[best] < rank:
            return None
        mask = np.zeros_like(common)
        mask[observed[[best]].indices] = 1
        common *= mask
        rows.append(best)
    columns = np.flatnonzero(common)
    return (np.array(rows), columns) if columns.size >= rank else None
