"""Completed tables whose missing cells are shifted by standard errors: delta adjustment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.tables.imputations import completed_by, missing_cells
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import counted

# most numbers of drawn cells that are kept, so that all shifts are of the same draws
MAX_KEPT_NUMBERS = 100_000_000


@briefly
@final
@dataclass(frozen=True, eq=False)
class ShiftedTables:
    """Draws of the missing cells of a table, to which the same multiple of their standard errors is added.

    Parameters
    ----------
    seen : Observations
        The observed cells, which stay as they are.
    rows, columns : ndarray of int, shape (k,)
        All other cells.
    draws : ndarray, shape (d, k)
        Draws of them together, one completed table each.
    errors : ndarray, shape (k,)
        Their standard errors; zero where a cell is not shifted.
    model : SamplingModel
        Which says what is possible.
    """

    seen: Observations
    rows: Indices
    columns: Indices
    draws: Matrix
    errors: Vector
    model: SamplingModel

    @classmethod
    def draw(
        cls,
        model: SamplingModel,
        seen: Observations,
        count: int,
        rng: np.random.Generator,
        *,
        shifted_rows: NDArray[np.bool_],
        shifted_columns: NDArray[np.bool_],
    ) -> ShiftedTables:
        """Draw the missing cells of a table, as `impute` does.

        Parameters
        ----------
        model : SamplingModel
            Of the rows of the table.
        seen : Observations
            Its censored cells are drawn, but not shifted: their bounds are known.
        count : int
        rng : numpy.random.Generator
        shifted_rows, shifted_columns : ndarray of bool, shapes (m,) and (n,)
            A missing cell is shifted if its row and its column are among them.

        Raises
        ------
        InvalidInputError
            If no cell is shifted, or the draws would take too much memory.
        """
        rows, columns = missing_cells(seen)
        shifted = shifted_rows[rows] & shifted_columns[columns]
        if seen.censored is not None:
            bounds = np.zeros(seen.shape, bool)
            bounds[seen.rows, seen.columns] = seen.censored != 0
            shifted &= ~bounds[rows, columns]
        if not shifted.any():
            raise InvalidInputError(
                "there is nothing to shift",
                f"{counted(rows.size, 'missing cell')}, none of them in these rows and columns of numbers",
            )
        if count * rows.size > MAX_KEPT_NUMBERS:
            raise InvalidInputError(
                "the draws of missing cells would take too much memory",
                f"{count} x {rows.size:,} numbers",
                fix="draw fewer tables, or pass some of the rows as X",
            )
        errors = np.zeros(rows.size)
        errors[shifted] = model.standard_errors(rows[shifted], columns[shifted])
        draws = np.empty((count, rows.size))
        for k, drawn in enumerate(model.draws(rows, columns, count, rng)):
            draws[k] = drawn
        return cls(seen.exact(), rows, columns, draws, errors, model)

    def cells(self, delta: float) -> Iterator[Vector]:
        """Give the drawn cells, shifted by a multiple of their standard errors, within what is possible."""
        moved = delta * self.errors
        at = np.flatnonzero(moved)
        for drawn in self.draws:
            out = drawn.copy()
            if at.size:
                values = drawn[at] + moved[at]
                out[at] = self.model.clip(values, values, self.columns[at])[0]
            yield out

    def tables(self, delta: float) -> Iterator[Matrix]:
        """Give completed tables, shape (m, n) each; with a delta of zero, those of multiple imputation."""
        for cells in self.cells(delta):
            yield completed_by(self.seen, self.rows, self.columns, cells)

    @property
    def shifted_columns(self) -> Indices:
        """The columns that have shifted cells."""
        return np.unique(self.columns[self.errors > 0])


def columns_of_numbers(model: SamplingModel) -> NDArray[np.bool_]:
    """Return the mask of the columns that hold numbers, shape (n,)."""
    return np.ones(model.shape[1], bool) if model.losses is None else np.asarray(model.losses.numbers)


def check_numbers(model: SamplingModel, columns: Indices) -> None:
    """Raise UnsupportedError if some of the columns hold words."""
    words = columns[~columns_of_numbers(model)[columns]]
    if words.size:
        raise UnsupportedError(
            "only numbers are shifted by standard errors",
            f"words in column {model.labels.column_name(int(words[0]))}",
            "levels have no distance by which they could differ",
            "leave it out of columns: its cells are drawn as they are predicted",
        )
