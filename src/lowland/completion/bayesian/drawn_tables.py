"""One completed table at a time, drawn from a posterior and asked by consecutive rows: for large tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.bayes.products import all_product_means
from lowland.cells.block import CellBlock
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.scaling import Scaling
from lowland.core.arrays import Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class DrawnTable:
    """One draw of a whole table, whose rows share their doubt about the columns.

    Parameters
    ----------
    left, right : ndarray, shapes (m, d) and (n, d)
        Rows and columns, in the unit of the fit: factors, then biases.
    rank : int
        Number of factors.
    scaling : Scaling
    row_errors, column_errors : ndarray, shapes (m,) and (n,)
        Their products are the standard deviations of the noise, in the unit of the fit.
    seed : int
        Of the noise.
    """

    left: Matrix
    right: Matrix
    rank: int
    scaling: Scaling
    row_errors: Vector
    column_errors: Vector
    seed: int

    def rows(self, first: int, last: int) -> DrawnTable:
        """Return the part of some consecutive rows."""
        return replace(self, left=self.left[first:last], row_errors=self.row_errors[first:last])

    def values(self, first: int) -> Matrix:
        """Return new observations of all cells of rows that begin with this one, shape (k, n)."""
        means = all_product_means(self.left, self.right, self.rank)
        noise = np.random.default_rng((self.seed, first)).standard_normal(means.shape)
        means = means + self.row_errors[:, None] * self.column_errors * noise
        return self.scaling.clip(self.scaling.undo(means, np.arange(means.shape[1])))


def draw_table(model: PosteriorModel, count: int, number: int, seed: int) -> DrawnTable:
    """Return one of several draws of a table, the same whoever asks for it.

    Parameters
    ----------
    model : PosteriorModel
    count : int
        How many are drawn; a kept draw of the fit serves one of them while there are enough.
    number : int
        Which of them.
    seed : int
    """
    kept, draw_seed = model.row_draws.shape[0], hash_of(seed, number)
    chosen = np.random.default_rng(seed).choice(kept, count, replace=count > kept) if kept else None
    # rows of one Gaussian were drawn with the noise of their cells
    whole = model.axes and count <= kept
    left, right = next(model.draw_sides(1, np.random.default_rng(draw_seed)))
    if chosen is not None and (whole or not model.axes):
        left = model.row_draws[chosen[number]]
        right = model.columns.means if model.axes else model.column_draws[chosen[number]]
    errors = 1 / np.sqrt(model.noise_precision * model.row_weights)
    if whole:
        errors = np.zeros_like(errors)
    return DrawnTable(
        left, right, model.rank, model.scaling, errors, 1 / np.sqrt(model.column_precisions), draw_seed
    )


def hash_of(*numbers: int) -> int:
    """Return one seed made of several."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def completed_rows(block: CellBlock, drawn: DrawnTable, first: int, last: int) -> Matrix:
    """Return rows first .. last - 1 of a block completed by a draw: observed cells are kept.

    Parameters
    ----------
    block : CellBlock
    drawn : DrawnTable
        Of these rows.
    first, last : int
        Positions in the table.
    """
    out = drawn.values(first)
    starts = block.starts[first - block.first : last - block.first + 1]
    cells = slice(starts[0], starts[-1])
    lines = np.repeat(np.arange(last - first), np.diff(starts))
    out[lines, block.partners[cells]] = block.values[cells]
    return out
