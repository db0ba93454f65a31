"""Determinacy of large patterns: a small core that is determined, and everything that follows from it.

Once the factors of some columns are known (up to finitely many choices and a mixing of all factors), a row
with as many observed cells in these columns as it has unknowns is determined by linear equations; then
columns follow from rows, and so on. For generic values the equations are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.pattern import LinePattern
from lowland.certificates.uniqueness.exact import pattern_rank, rank_work
from lowland.core.arrays import Indices
from lowland.core.results.records import ObservedPattern, dimension_of
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


def close(cells: LinePattern, known: Lines, needed: tuple[int, int]) -> Lines:
    """Add lines with enough observed cells in known lines of the other side, until there are no more.

    Parameters
    ----------
    cells : LinePattern
    known : pair of ndarray of bool
        Known rows and columns.
    needed : tuple of int
        Unknowns of a row and of a column.

    Returns
    -------
    pair of ndarray of bool
    """
    rows, columns = (side.copy() for side in known)
    while True:
        before = int(rows.sum() + columns.sum())
        touch(CALL + 2.0 * cells.size)
        rows |= cells.inside(0, columns) >= needed[0]
        columns |= cells.inside(1, rows) >= needed[1]
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
    return core_reach(_cells_of(pattern), pattern.rank, pattern.biases, largest, rng, budget)


def core_reach(
    cells: LinePattern,
    rank: int,
    biases: tuple[str, ...],
    largest: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> Reach | None:
    """Return the same for cells that are known by counts; parameters are those of `finite_reach`."""
    needed = unknowns_of_lines(rank, biases)
    for attempt in reversed(range(ATTEMPTS)):  # small cores are cheap and often sufficient
        size = max(largest // max(needed) >> attempt, 2)
        core = _densest_core(cells, needed, size)
        if core is None:
            continue
        part = _restricted(cells, rank, biases, core)
        if not budget.allows(rank_work(part), part=0.5):
            return None
        if _fixes_factors(part) and pattern_rank(part, rng, trials=1).is_full:
            return _reach_from(cells, core, needed)
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
    cells, r = _cells_of(pattern), pattern.rank
    best: Reach | None = None
    for first in np.argsort(-cells.counts(0), kind="stable")[:seeds]:
        block = _complete_block(cells, int(first), r)
        if block is None:
            continue
        reach = _reach_from(cells, block, (r, r))
        if best is None or reach.share > best.share:
            best = reach
        if best.is_all:
            break
    return best


def _cells_of(pattern: ObservedPattern) -> LinePattern:
    touch(2.0 * pattern.rows.size)
    return LinePattern.of(pattern.rows, pattern.columns, pattern.shape)


def _closing_work(pattern: ObservedPattern) -> float:
    """Return the approximate work of a block and its closure: some products per component."""
    return CALL * 20 + 2.0 * pattern.rows.size * (pattern.rank + 12)


def _reach_from(cells: LinePattern, core: tuple[Indices, Indices], needed: tuple[int, int]) -> Reach:
    """Return all that follows from the rows and columns of a core."""
    known = np.zeros(cells.shape[0], bool), np.zeros(cells.shape[1], bool)
    known[0][core[0]], known[1][core[1]] = True, True
    return Reach(*close(cells, known, needed), core)


def unknowns_of_lines(rank: int, biases: tuple[str, ...]) -> tuple[int, int]:
    """Return the number of unknowns of each row, and of each column."""
    return rank + ("row" in biases), rank + ("column" in biases)


def _fixes_factors(core: ObservedPattern) -> bool:
    """Whether a core is so large that its cells determine factors and biases up to their mixing."""
    (m, n), r = core.shape, core.rank
    if set(core.biases) == {"global"}:  # a complete block of r rows or columns can absorb any constant
        return m > r and n > r
    return r <= min(m - ("column" in core.biases), n - ("row" in core.biases))


def _densest_core(cells: LinePattern, needed: tuple[int, int], size: int) -> tuple[Indices, Indices] | None:
    """Return a dense core of rows and columns, found by removing lines with too few cells."""
    columns = np.argsort(-cells.counts(1), kind="stable")[:size]
    chosen = np.zeros(cells.shape[1], bool)
    chosen[columns] = True
    inside = cells.inside(0, chosen)
    rows = np.argsort(-inside, kind="stable")
    # the smallest number of rows that gives enough equations between the unknowns of the columns
    equations = np.cumsum(np.maximum(inside[rows] - needed[0], 0))
    rows = rows[: int(np.searchsorted(equations, SURPLUS * columns.size * needed[1])) + max(needed) + 1]
    part = cells.part(rows, columns)
    while rows.size and columns.size:
        keep = (
            np.asarray(part.sum(axis=1)).ravel() >= needed[0],
            np.asarray(part.sum(axis=0)).ravel() >= needed[1],
        )
        if keep[0].all() and keep[1].all():
            return rows, columns
        rows, columns = rows[keep[0]], columns[keep[1]]
        part = part[keep[0]][:, keep[1]]
    return None


def _restricted(
    cells: LinePattern, rank: int, biases: tuple[str, ...], core: tuple[Indices, Indices]
) -> ObservedPattern:
    """Return the pattern restricted to the rows and columns of a core."""
    part = cells.part(*core).tocoo()
    shape = (int(part.shape[0]), int(part.shape[1]))
    dof = dimension_of(shape, rank, biases)
    return ObservedPattern(part.row.astype(np.intp), part.col.astype(np.intp), shape, rank, biases, dof)


def _complete_block(cells: LinePattern, first: int, rank: int) -> tuple[Indices, Indices] | None:
    """Return r rows, `first` among them, and the columns that all of them observe, at least r; greedily."""
    rows = [first]
    common = _columns_of(cells, first)
    while len(rows) < rank:
        touch(CALL + float(cells.size))
        shared = cells.inside(0, common)
        shared[rows] = -1
        best = int(np.argmax(shared))
        if shared[best] < rank:
            return None
        common &= _columns_of(cells, best)
        rows.append(best)
    columns = np.flatnonzero(common)
    return (np.array(rows), columns) if columns.size >= rank else None


def _columns_of(cells: LinePattern, row: int) -> NDArray[np.bool_]:
    """Return which columns a row observes."""
    known = np.zeros(cells.shape[1], bool)
    known[cells.columns_of(row)] = True
    return known
