"""Multiple imputation: completed tables whose missing cells are drawn with their noise."""

from __future__ import annotations

import numpy as np

from lowland.completion.tables.fitted import FittedTable, data_of
from lowland.core.arrays import Matrix
from lowland.core.cells.observed_cells import check_table_kept
from lowland.core.errors import InvalidInputError

# most numbers drawn at once for multiple imputation
MAX_DRAWN_NUMBERS = 200_000_000


def impute(table: FittedTable, count: int, rng: np.random.Generator) -> Matrix:
    """Return completed tables, missing cells drawn with their noise, shape (count, m, n)."""
    drawing = table.sampler("multiple imputation")
    seen = data_of(table, "completions", fix="fit the table in memory, or use sample")
    m, n = table.model.shape
    if count * m * n > MAX_DRAWN_NUMBERS:
        raise InvalidInputError(
            "the completions would take too much memory",
            f"{count} x {m} x {n} numbers",
            fix="ask for fewer, or sample only the cells that you need",
        )
    missing = np.ones((m, n), bool)
    missing[seen.rows, seen.columns] = False
    rows, columns = np.nonzero(missing)
    tables = np.empty((count, m, n))
    tables[:, seen.rows, seen.columns] = seen.values
    tables[:, rows, columns] = drawing.sample(rows, columns, count, rng)
    for one in tables:
        check_table_kept(seen, one)
    return tables
