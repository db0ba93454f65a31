"""Multiple imputation: completed tables whose missing cells are drawn with their noise, one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lowland.completion.tables.fitted import Sampler
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.cells.observed_cells import check_table_kept
from lowland.core.errors import InvalidInputError

# most numbers of completed tables that are held at once
MAX_DRAWN_NUMBERS = 200_000_000


def check_together(count: int, shape: tuple[int, int]) -> None:
    """Raise if so many completed tables are more than should be held at once."""
    m, n = shape
    if count * m * n > MAX_DRAWN_NUMBERS:
        raise InvalidInputError(
            "the completions would take too much memory",
            f"{count} x {m} x {n} numbers",
            fix="take one at a time (iter_completions), or sample only the cells that you need",
        )


def impute(drawing: Sampler, seen: Observations, count: int, rng: np.random.Generator) -> Iterator[Matrix]:
    """Give completed tables, shape (m, n) each: missing cells drawn with their noise, others as observed.

    Parameters
    ----------
    drawing : Sampler
        Of the rows of the table.
    seen : Observations
        Its censored cells are drawn, too.
    count : int
    rng : numpy.random.Generator
    """
    rows, columns = missing_cells(seen)
    for drawn in drawing.draws(rows, columns, count, rng):
        yield completed_by(seen.exact(), rows, columns, drawn)


def missing_cells(seen: Observations) -> tuple[Indices, Indices]:
    """Return the positions of the cells that are drawn, row by row; censored ones among them."""
    seen, missing = seen.exact(), np.ones(seen.shape, bool)
    missing[seen.rows, seen.columns] = False
    rows, columns = np.nonzero(missing)
    return rows, columns


def completed_by(seen: Observations, rows: Indices, columns: Indices, drawn: Vector) -> Matrix:
    """Return a table whose other cells are observed, shape (m, n)."""
    table = np.empty(seen.shape)
    table[seen.rows, seen.columns] = seen.values
    table[rows, columns] = drawn
    check_table_kept(seen, table)
    return table
