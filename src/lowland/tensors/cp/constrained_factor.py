"""The factor of a mode that fits best, given the others, among those that satisfy its constraints.

Rows are solved one by one where entries are known or must be nonnegative; columns that are combinations of
splines tie the rows together, so that all their coefficients are solved at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import CellBlock
from lowland.cells.sums import weighted_sums
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.memory import check_fits
from lowland.kernels.systems.rows import solve_rows
from lowland.kernels.systems.rows_nonnegative import solve_rows_nonnegative
from lowland.tensors.cells.unfoldings import RowProblem, tensor_form
from lowland.tensors.cp.constraints import FactorConstraint, Splines

# cells whose known parts are computed at once
CHUNK = 500_000


def best_factor(
    problem: RowProblem, factors: Sequence[Matrix], constraint: FactorConstraint, ridge: float
) -> Matrix:
    """Return the factor of a mode that fits best, shape (rows, r).

    Parameters
    ----------
    problem : RowProblem
    factors : sequence of ndarray
        That of the mode itself is where nonnegative rows start from.
    constraint : FactorConstraint
    ridge : float
        In units of what the cells say of an entry on average.
    """
    start, design = factors[problem.mode], problem.design
    known, out = np.zeros(start.shape, bool), np.zeros(start.shape)
    if constraint.known is not None:
        known, out = constraint.is_known, np.nan_to_num(constraint.known)
    # columns of one size: known ones may have any, and the ridge is to weigh on all alike
    sizes = np.sqrt(np.mean(design**2, axis=0))
    sizes[sizes == 0] = 1.0
    cells = _Rows(problem.cells, design / sizes, sizes * out, tensor_form(factors))
    start = sizes * start
    if constraint.functions is None:
        for rows, free in _alike(known):
            if free.any():
                solved = cells.solved(rows, free, ridge, start if constraint.nonnegative else None)
                out[np.ix_(rows, free)] = solved / sizes[free]
        return out
    splined = constraint.splined(start.shape[1])
    if splined.any():
        splines = Splines.of(len(start), constraint.functions)
        coefficients = cells.coefficients(splines, splined, ridge, nonnegative=constraint.nonnegative)
        out[:, splined] = splines.curves(coefficients) / sizes[splined]
    return out


def _alike(known: NDArray[np.bool_]) -> list[tuple[Indices, NDArray[np.bool_]]]:
    """Return groups of rows of which the same entries are known, and which of their entries are free."""
    if not known.any():
        return [(np.arange(len(known)), np.ones(known.shape[1], bool))]
    patterns, groups = np.unique(known, axis=0, return_inverse=True)
    return [(np.flatnonzero(groups.ravel() == k), ~pattern) for k, pattern in enumerate(patterns)]


class _Rows:
    """The cells of a mode's rows, with the parts of known entries taken off.

    Parameters
    ----------
    cells : CellBlock
    design : ndarray, shape (partners, r)
    known : ndarray, shape (rows, r)
        Known entries, zero elsewhere.
    form : str
        Of the row kernel.
    """

    def __init__(self, cells: CellBlock, design: Matrix, known: Matrix, form: str) -> None:
        self.cells, self.design, self.form = cells, design, form
        if known.any():
            self.cells = replace(cells, values=cells.values - self._parts(known))

    def _parts(self, known: Matrix) -> Vector:
        out, rows = np.empty(self.cells.partners.size), self.cells.lines
        for low in range(0, out.size, CHUNK):
            some = slice(low, low + CHUNK)
            out[some] = np.einsum("ij,ij->i", known[rows[some]], self.design[self.cells.partners[some]])
        return out

    def solved(self, rows: Indices, free: NDArray[np.bool_], ridge: float, start: Matrix | None) -> Matrix:
        """Return the free entries of some rows, nonnegative from a start if there is one."""
        cells = self.cells
        if rows.size < cells.size:
            chosen = np.zeros(cells.size, bool)
            chosen[rows] = True
            cells = cells.where(np.repeat(chosen, cells.counts))
        starts = np.concatenate([[0], np.cumsum(self.cells.counts[rows])]).astype(np.int64)
        design = np.ascontiguousarray(self.design[:, free])
        unit = self._unit(ridge, self.cells.size)
        parts = (design, starts, cells.partners, cells.values)
        if start is not None:
            first = np.maximum(start[np.ix_(rows, free)], 0)
            return solve_rows_nonnegative(*parts, cells.weights, unit, first)
        precision = unit * np.eye(design.shape[1])
        return solve_rows(*parts, weights=cells.weights, precision=precision, form=self.form)

    def _unit(self, ridge: float, parts: int) -> float:
        """Return a ridge of columns of mean square one, in units of a part's share of the cells."""
        weights = self.cells.weights
        mass = float(self.cells.values.size if weights is None else weights.sum())
        return max(ridge * mass / max(parts, 1), float(np.finfo(self.design.dtype).tiny))

    def coefficients(
        self, splines: Splines, columns: NDArray[np.bool_], ridge: float, *, nonnegative: bool
    ) -> Matrix:
        """Return the splines' coefficients of some columns, shape (functions, columns)."""
        from scipy.linalg import solveh_banded

        design, cells = self.design[:, columns], self.cells
        rank = design.shape[1]
        squares = (design[:, :, None] * design[:, None]).reshape(len(design), -1)
        ones = np.ones_like(cells.values) if cells.weights is None else cells.weights
        grams = weighted_sums(replace(cells, values=ones), squares)[0].reshape(-1, rank, rank)
        right = splines.adjoint(weighted_sums(replace(cells, values=ones * cells.values), design)[0]).ravel()
        bands = splines.bands(grams)
        bands[0] += self._unit(ridge, splines.functions)
        coefficients = _nonnegative(bands, right) if nonnegative else solveh_banded(bands, right, lower=True)
        return np.asarray(coefficients.reshape(splines.functions, rank))


def _nonnegative(bands: Matrix, right: Vector) -> Vector:
    """Return the nonnegative minimum of a quadratic function, given the lower bands of its matrix."""
    from scipy.linalg import cholesky
    from scipy.optimize import nnls

    size = right.size
    check_fits(32.0 * size**2, "the coefficients of nonnegative splines", "use fewer splines")
    square = np.zeros((size, size))
    for below, band in enumerate(bands):
        at = np.arange(max(size - below, 0))
        square[at + below, at] = square[at, at + below] = band[: at.size]
    upper = cholesky(square)
    minimum: Vector = nnls(upper, np.linalg.solve(upper.T, right))[0]
    return minimum
