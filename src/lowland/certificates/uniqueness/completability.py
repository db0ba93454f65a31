"""Determinacy of large patterns: a small core that is determined, and everything that follows from it.

Once the factors of some columns are known (up to finitely many choices and a mixing of all factors), a row
with as many observed cells in these columns as it has unknowns is determined by linear equations; then
columns follow from rows, and so on. For generic values the equations are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

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


class CellPattern(Protocol):
    """Which cells of a table are observed, known by counts of them."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""

    @property
    def size(self) -> int:
        """Number of observed cells."""

    def counts(self, side: int) -> Indices:
        """Return the number of observed cells of each row (side 0) or column (side 1)."""

    def inside(self, side: int, known: NDArray[np.bool_]) -> Indices:
        """Return that number with only some lines of the other side counted."""

    def part(self, rows: Indices, columns: Indices) -> Any:
        """Return the cells of some rows and columns as a sparse array, one where a cell is observed."""


@final
class SparsePattern:
    """The pattern of a sparse array.

    Parameters
    ----------
    observed : sparse array, shape (m, n)
        One where a cell is observed, with rows compressed.
    """

    def __init__(self, observed: Any) -> None:
        self.observed = observed

    @classmethod
    def of(cls, pattern: ObservedPattern) -> SparsePattern:
        """Return the pattern of observed entries, each counted once."""
        return cls(_observed(pattern))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        m, n = self.observed.shape
        return int(m), int(n)

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return int(self.observed.nnz)

    @cached_property
    def _turned(self) -> Any:
        touch(2.0 * self.size)
        return self.observed.T.tocsr()

    def counts(self, side: int) -> Indices:
        """Return the number of observed cells of each line."""
        return np.asarray(self.observed.sum(axis=1 - side)).ravel()

    def inside(self, side: int, known: NDArray[np.bool_]) -> Indices:
        """Return the number of observed cells of each line in known lines of the other side."""
        inside: Indices = (self._turned if side else self.observed) @ known.astype(np.int64)
        return inside

    def part(self, rows: Indices, columns: Indices) -> Any:
        """Return the cells of some rows and columns."""
        return self.observed[rows][:, columns]


def close(cells: CellPattern, known: Lines, needed: tuple[int, int]) -> Lines:
    """Add lines with enough observed cells in known lines of the other side, until there are no more.

    Parameters
    ----------
    cells : CellPattern
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
    return core_reach(SparsePattern.of(pattern), pattern.rank, pattern.biases, largest, rng, budget)


def core_reach(
    cells: CellPattern,
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
    cells, r = SparsePattern.of(pattern), pattern.rank
    observed = cells.observed
    counts = np.asarray(observed.sum(axis=1)).ravel()
    best: Reach | None = None
    for first in np.argsort(-counts, kind="stable")[:seeds]:
        block = _complete_block(observed, int(first), r)
        if block is None:
            continue
        reach = _reach_from(cells, block, (r, r))
        if best is None or reach.share > best.share:
            best = reach
        if best.is_all:
            break
    return best


def _closing_work(pattern: ObservedPattern) -> float:
    """Return the approximate work of a block and its closure: some products per component."""
    return CALL * 20 + 2.0 * pattern.rows.size * (pattern.rank + 12)


def _reach_from(cells: CellPattern, core: tuple[Indices, Indices], needed: tuple[int, int]) -> Reach:
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


def _observed(pattern: ObservedPattern) -> Any:
    from scipy.sparse import csr_array

    ones = np.ones(pattern.rows.size, np.int64)
    table = csr_array((ones, (pattern.rows, pattern.columns)), shape=pattern.shape)
    table.sum_duplicates()
    table.data[:] = 1
    return table


def _densest_core(cells: CellPattern, needed: tuple[int, int], size: int) -> tuple[Indices, Indices] | None:
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
    cells: CellPattern, rank: int, biases: tuple[str, ...], core: tuple[Indices, Indices]
) -> ObservedPattern:
    """Return the pattern restricted to the rows and columns of a core."""
    part = cells.part(*core).tocoo()
    shape = (int(part.shape[0]), int(part.shape[1]))
    dof = dimension_of(shape, rank, biases)
    return ObservedPattern(part.row.astype(np.intp), part.col.astype(np.intp), shape, rank, biases, dof)


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
