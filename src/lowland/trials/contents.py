"""Keys of rows, columns and known cells by what they hold: the same whatever the order of rows and columns.

A trial that draws cells by their places hides others once rows or columns are permuted, and then other things
are chosen. So places are replaced by keys: 64 mixed bits of a cell's number and of what its row and its
column hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations

Words: TypeAlias = NDArray[np.uint64]

# SplitMix64's increment, and the multipliers of its finaliser (Steele, Lea and Flood 2014)
STEP, FIRST, SECOND = (np.uint64(w) for w in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
# words of rows, columns and cells are mixed from numbers of their own
OF_ROWS, OF_COLUMNS, OF_TIES = (np.full(1, k, np.uint64) for k in (1, 2, 3))


@final
@dataclass(frozen=True, eq=False)
class Contents:
    """Keys of a table's rows, columns and known cells, by what they hold.

    Parameters
    ----------
    rows, columns : ndarray of uint64, shapes (m,) and (n,)
        Equal where two of them hold the same, or exchanging some rows and columns leaves the table as it is.
    cells : ndarray of uint64, shape (p,)
        All different: cells that cannot be told apart otherwise are counted in the order in which they are
        listed.

    Notes
    -----
    A number counts by its rank among those of its column, so that units of columns, and their rounding,
    change nothing. Costs a sort of the cells, and five passes over them.
    """

    rows: Words
    columns: Words
    cells: Words

    @classmethod
    def of(cls, rows: Indices, columns: Indices, values: Vector, shape: tuple[int, int]) -> Contents:
        """Return the keys of listed cells."""
        return cls.of_numbers(rows, columns, ranks_by_column(columns, values), shape)

    @classmethod
    def of_table(cls, table: Observations) -> Contents:
        """Return the keys of a table and its cells."""
        return cls.of(table.rows, table.columns, table.values, table.shape)

    @classmethod
    def of_array(cls, table: Matrix) -> Contents:
        """Return the keys of an array, NaN where it is not known; its cells are listed row by row."""
        rows, columns = np.nonzero(~np.isnan(table))
        return cls.of(rows, columns, table[rows, columns], (table.shape[0], table.shape[1]))

    @classmethod
    def of_numbers(cls, rows: Indices, columns: Indices, numbers: Words, shape: tuple[int, int]) -> Contents:
        """Return the keys of listed cells, whose values are told apart by whole numbers."""
        m, n = shape
        words = mixed(numbers)
        # a column is known by its rows, and these by what they hold; then rows by their columns, and so on
        by_row = mixed(sums_of(words, rows, m) + OF_ROWS)
        by_column = mixed(sums_of(mixed(words + by_row[rows]), columns, n) + OF_COLUMNS)
        by_row = mixed(sums_of(mixed(words + by_column[columns]), rows, m) + OF_ROWS)
        by_column = mixed(sums_of(mixed(words + by_row[rows]), columns, n) + OF_COLUMNS)
        return cls(by_row, by_column, apart(mixed(words + by_row[rows] + mixed(by_column)[columns])))

    def random_cells(self, rng: np.random.Generator) -> Words:
        """Return random words of cells, which depend on the cells' keys and the state of a generator."""
        return random_words(self.cells, rng)

    def stream(self, purpose: str) -> np.random.Generator:
        """Return a generator for a purpose that is the same for the same table, whatever its order."""
        total = sums_of(self.cells, np.zeros(self.cells.size, np.intp), 1)
        return np.random.default_rng([int(total[0]), *purpose.encode()])

    def order(self) -> tuple[Indices, Indices]:
        """Return rows and columns in an order that does not depend on the one they are in."""
        return np.argsort(self.rows, kind="stable"), np.argsort(self.columns, kind="stable")


def mixed(words: Words) -> Words:
    """Return words all of whose bits depend on all bits of those given, one to one."""
    words = words + STEP
    words = (words ^ (words >> np.uint64(30))) * FIRST
    words = (words ^ (words >> np.uint64(27))) * SECOND
    return np.asarray(words ^ (words >> np.uint64(31)))


def random_words(keys: Words, rng: np.random.Generator) -> Words:
    """Return random words, one for each key, of one number drawn."""
    return mixed(mixed(keys) + rng.integers(2**64, size=1, dtype=np.uint64))


def sums_of(words: Words, lines: Indices, count: int) -> Words:
    """Return the sum of the words of each line, modulo 2^64: in any order the same."""
    sums = np.zeros(count, np.uint64)
    np.add.at(sums, lines, words)
    return sums


def apart(keys: Words) -> Words:
    """Return keys that all differ: equal ones are counted in the order in which they are listed."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=~keys[order[:1]]))
    if starts.size == keys.size:
        return keys
    counted = np.arange(keys.size) - np.repeat(starts, np.diff(starts, append=keys.size))
    numbers = np.empty(keys.size, np.uint64)
    numbers[order] = counted.astype(np.uint64)
    return np.where(numbers > 0, mixed(keys + mixed(numbers + OF_TIES)), keys)


def ranks_by_column(columns: Indices, values: Vector) -> Words:
    """Return how many different numbers of its column are smaller than each."""
    order = np.lexsort((values, columns))
    where, what = columns[order], values[order]
    begins = np.diff(where, prepend=-1) != 0
    ranks = np.cumsum(begins | (np.diff(what, prepend=np.nan) != 0))
    firsts = ranks[begins]
    numbers = np.empty(values.size, np.uint64)
    numbers[order] = (ranks - np.repeat(firsts, np.diff(np.flatnonzero(begins), append=values.size))).astype(
        np.uint64
    )
    return numbers
