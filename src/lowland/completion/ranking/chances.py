"""How likely a row is to list a column, from the other columns that it lists: a ridge regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.pattern import LinePattern
from lowland.cells.sides import TableCells
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.sparse_tables.sparse_gram import add_pairs, invert_in_place

# strength of the ridge, in rows: between 200 and 500, lists of 60 to 1,000 rows changed by less than their
# standard error
RIDGE = 300.0
# the regressor that is the same for all rows: of rows that list little, it says how often columns are listed
# (at 1 it costs half a per cent of the gain of lists)
CONSTANT = 0.1
# columns that are regressed on each other, the most listed first; the others keep the share of rows that list
# them. Costs 2/3 n^3 operations and 8 n^2 bytes.
LEADING = 3_000


@final
@dataclass(frozen=True, eq=False)
class Chances:
    """A linear model of which columns a row lists.

    The indicator of each leading column is regressed on those of the other leading columns and a constant,
    all with one ridge. The minimiser has a closed form: with P the inverse of the ridged Gram matrix, the
    coefficient of column i in the equation of column j is -P_ij / P_jj. Of rows that list none of
    them, the constant alone tells: which columns are listed by rows that list little else.

    Parameters
    ----------
    leading : ndarray of int, shape (k,)
        Ascending.
    coefficients : ndarray, shape (k, k)
        Of the indicators, by equation; the diagonal is zero, so that what is known does not vouch for itself.
    constants : ndarray, shape (k,)
    shares : ndarray, shape (n,)
        Share of rows that list each column.

    Notes
    -----
    The numbers are estimates of a linear model: they rank, but may lie outside of [0, 1].

    References
    ----------
    H. Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019.
    """

    leading: Indices
    coefficients: Matrix
    constants: Vector
    shares: Vector

    @classmethod
    def of(cls, cells: TableCells, *, ridge: float = RIDGE, most: int = LEADING) -> Chances:
        """Return the model of the cells that a table lists, whatever their values.

        Parameters
        ----------
        cells : TableCells
        ridge : float
        most : int
            Maximum number of columns that are regressed on each other.
        """
        pattern, m = LinePattern(cells), cells.shape[0]
        counts = pattern.column_counts
        leading = np.sort(np.argsort(-counts, kind="stable")[: min(most, np.count_nonzero(counts))])
        listed, k = pattern.part(np.arange(m), leading), leading.size
        gram = np.zeros((k + 1, k + 1))  # the constant first, which every row lists
        add_pairs(listed.indptr.astype(np.int64), listed.indices, np.ones(m), gram, at=1)
        gram[0, 0], gram[1:, 0] = m * CONSTANT**2, counts[leading] * CONSTANT
        gram[np.diag_indices(k + 1)] += ridge
        precision = invert_in_place(gram)  # which reads the lower triangle
        precision /= -np.diag(precision)
        constants = precision[0, 1:] * CONSTANT
        coefficients = np.ascontiguousarray(precision[1:, 1:], np.float32)
        np.fill_diagonal(coefficients, 0.0)
        return cls(leading, coefficients, constants, counts / max(m, 1))

    def scores(self, rows: Indices, columns: Indices, count: int) -> Matrix:
        """Return the estimated chances that some rows list each column, given what else they list.

        Parameters
        ----------
        rows, columns : ndarray of int, shape (p,)
            What they list, each cell once; rows from 0 to `count` - 1.
        count : int

        Returns
        -------
        ndarray, shape (count, n)
        """
        from scipy.sparse import csr_array

        scores, k = np.tile(self.shares, (count, 1)), self.leading.size
        places = np.full(self.shares.size, -1)
        places[self.leading] = np.arange(k)
        known = places[columns] >= 0
        cells = rows[known], places[columns[known]]
        listed = csr_array((np.ones(cells[0].size, np.float32), cells), shape=(count, k))
        predicted = listed @ self.coefficients + self.constants
        # what the constant says of rows that list nothing is held back: only its order means something
        nothing, total = np.diff(listed.indptr) == 0, float(self.constants.sum())
        if total > 0:
            predicted[nothing] *= float(self.shares[self.leading].sum()) / total
        scores[:, self.leading] = predicted
        return scores
