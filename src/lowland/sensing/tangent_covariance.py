"""Error bars of a fitted matrix: the variance of its entries, to first order in the noise.

Near the truth the estimate moves on the tangent space by the least-squares fit to the noise, so a linear
functional with derivative j has the variance sigma^2 j (J^T W J + penalty)^+ j^T. The block form neglects
the correlation between errors of rows and columns, and costs O(|Omega| r^2) for a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from lowland.certificates.curvatures.jacobian import gram_matrix, jacobian_matrix
from lowland.certificates.factorisations import cholesky, eigh, finite, orthonormal_basis
from lowland.certificates.gaps.leading import ESTIMATE_STEPS, leading_triplet
from lowland.certificates.stationarity import balanced
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.fits import MatrixFit
from lowland.core.promises.protocols import LinearMap
from lowland.core.wording import Option, Words
from lowland.losses import in_words, robust_name

# largest point whose Gram matrix is factored
LARGEST_EXACT = 2500
# fraction of the largest precision below which a direction counts as undetermined
DETERMINED = 1e-11
# entries whose derivatives are held in memory at a time
CHUNK_ENTRIES = 4096
# the residual's leading singular value, in units of what pure noise produces, above which the model is
# taken to lack a component
MISSING_COMPONENT = 1.5


@final
@dataclass(frozen=True)
class Noise:
    """Noise level of data of weight one, and the degrees of freedom of its estimate.

    Parameters
    ----------
    level : float
        Square root of the weighted sum of squared residuals divided by the free degrees of freedom.
    free : float
        Number of data less the parameters that they determine.
    """

    level: float
    free: float


def estimate_noise(objective: MatrixFit, theta: Vector, *, strict: bool = True) -> Noise:
    """Estimate the noise from the residuals.

    Parameters
    ----------
    objective : Objective
        A recovery objective with squared or Huber's loss; with the latter new observations have no law.
    theta : ndarray, shape (size,)
    strict : bool
        Whether to raise if the residuals show another component; otherwise model misfit counts as noise,
        which suits intervals for new observations.

    Returns
    -------
    Noise

    Raises
    ------
    UnsupportedError
        If the loss is neither squared nor Huber's, the model has as many degrees of freedom as there are
        data, or, if `strict`, the residuals of observed entries show another component.
    """
    residual = _pull(objective, theta, strict=strict)
    squares = float(residual @ objective.weighted(residual))
    used = degrees_of_freedom(objective, theta)
    free = objective.y.size - used
    if free < 1:
        raise UnsupportedError(
            "the noise level cannot be estimated",
            f"{objective.y.size} data for {used:.4g} degrees of freedom",
            "a saturated model leaves no residuals to estimate the noise from",
            "lower the rank, or pass more data",
        )
    noise = Noise(float(np.sqrt(squares / free)), float(free))
    excess = _excess(objective, residual, noise) if strict else 0.0
    if excess > MISSING_COMPONENT:
        raise UnsupportedError(
            "the residuals are not noise",
            f"their leading component is {excess:.1f} times that of pure noise of this size",
            "intervals would be far too short or too long",
            "raise the rank, or lower the penalty",
        )
    return noise


def _pull(objective: MatrixFit, theta: Vector, *, strict: bool) -> Vector:
    """Return residuals; with Huber's loss numbers by which the fit moves as by residuals without a threshold.

    References
    ----------
    P. Huber, Robust regression: asymptotics, conjectures and Monte Carlo, Ann. Stat. 1973.
    """
    predicted, loss = objective.predict(theta), objective.loss
    if loss.is_quadratic:
        return np.asarray(objective.y - predicted)
    named = robust_name(loss)
    if named is None or named[0] != "huber" or not strict:
        raise UnsupportedError(
            "error bars need a squared loss" if strict else "error bars of new data need a squared loss",
            in_words(loss),
        )
    inside = float(np.mean(loss.curvature(predicted, objective.y)))
    if not inside > 0:
        raise UnsupportedError("the noise level cannot be estimated", "all residuals beyond the threshold")
    return np.asarray(-loss.slope(predicted, objective.y) / inside)


def degrees_of_freedom(objective: MatrixFit, theta: Vector) -> float:
    """Return the degrees of freedom of the fit; a penalty leaves fewer than the model has by itself.

    With a penalty on a table each row and column counts by the trace of the share of its precision that
    comes from data, minus the mixings of the factors.
    """
    most = float(objective.degrees_of_freedom)
    if not objective.penalty or objective.observed_pattern is None:
        return most
    sides = _Sides.of(objective, theta)
    used = sides.freedom() + sides.turned().freedom() - float(objective.rank**2)
    return min(most, used)


def _excess(objective: MatrixFit, residual: Vector, noise: Noise) -> float:
    """Return the residual matrix's norm in units of that of independent noise; 0 if unknown."""
    pattern = objective.observed_pattern
    if pattern is None or not noise.level > 0:
        return 0.0
    root = residual if objective.weights is None else np.sqrt(objective.weights) * residual
    top = leading_triplet(objective.adjoint(root), ESTIMATE_STEPS, np.random.default_rng(0))[1]
    by_row, by_column = (
        np.bincount(k, minlength=n).max()
        for k, n in zip((pattern.rows, pattern.columns), pattern.shape, strict=True)
    )
    return float(top / (noise.level * (np.sqrt(by_row) + np.sqrt(by_column))))


@final
@dataclass(frozen=True, eq=False)
class TangentCovariance:
    """Variances of entries for noise of level one, at a point of an objective.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64 with squared loss.
    theta : ndarray, shape (size,)
    form : {"auto", "exact", "block"}
        "exact" factors the Gram matrix of the Jacobian, size x size. "block" treats the other side's
        factors as known and adds the variances of both sides; observed entries only. "auto" is exact
        up to 2,500 parameters.
    """

    objective: MatrixFit
    theta: Vector
    form: str = "auto"

    def __post_init__(self) -> None:
        check_choice("form", self.form, ("auto", "exact", "block"))
        if self.form == "block" and self.objective.observed_pattern is None:
            raise UnsupportedError(
                Words(Option("form", "block"), " needs observed entries"),
                self.objective.describe(),
                fix=Words("use ", Option("form", "exact")),
            )

    @property
    def is_exact(self) -> bool:
        """Whether the whole Gram matrix is used."""
        small = self.theta.size <= LARGEST_EXACT or self.objective.observed_pattern is None
        return self.form == "exact" or (self.form == "auto" and small)

    def of_entries(self, rows: Indices, columns: Indices) -> Vector:
        """Return the variances of entries, shape (k,)."""
        if not self.is_exact:
            return self._by_block(rows, columns)
        out, shape = np.empty(rows.size), self.objective.shape
        for low in range(0, rows.size, CHUNK_ENTRIES):
            part = slice(low, low + CHUNK_ENTRIES)
            cells = zip(rows[part].tolist(), columns[part].tolist(), strict=True)
            out[part] = self.of_maps([_UnitMap(shape, i, j) for i, j in cells])
        return out

    def _of_derivatives(self, derivatives: Matrix) -> Vector:
        from scipy.linalg import solve_triangular

        half = solve_triangular(self._root, derivatives.T, lower=True, check_finite=False)
        variances: Vector = np.einsum("ik,ik->k", half, half)
        return variances

    @cached_property
    def _point(self) -> Vector:
        return self.theta if self.objective.penalties else balanced(self.objective, self.theta)

    @cached_property
    def _root(self) -> Matrix:
        """Cholesky factor of the Gram matrix, shifted on the gauge directions."""
        objective = self.objective
        gram = gram_matrix(jacobian_matrix(objective, self._point), objective.weights)
        if objective.penalties:
            units = np.eye(len(gram))
            for penalty in objective.penalties:
                gram += np.stack([penalty.hessian_product(self._point, unit) for unit in units])
        gauge = orthonormal_basis(objective.gauge(self._point))
        size = float(gram.diagonal().max(initial=0.0))
        gram += size * (gauge @ gauge.T)
        try:
            root = cholesky(gram)
        except np.linalg.LinAlgError:
            root = np.zeros((1, 1))
        if not root.diagonal().min() ** 2 > DETERMINED * size:
            raise UnsupportedError(
                "the data leave directions of the matrix undetermined",
                "a singular Jacobian",
                fix="lower the rank, set a penalty (on biases too if parts of the table are disconnected), "
                "or let diagnose list the undetermined cells",
            )
        return root

    def of_maps(self, maps: Sequence[LinearMap]) -> Vector:
        """Return the variances of <M_k, X> for matrices as operators, shape (k,)."""
        if not maps:
            return np.zeros(0)
        return self._of_derivatives(np.stack([self.objective.model.pull(self._point, m) for m in maps]))

    def _by_block(self, rows: Indices, columns: Indices) -> Vector:
        sides = _Sides.of(self.objective, self._point)
        return sides.row_variances(rows, columns) + sides.turned().row_variances(columns, rows)


@final
class _UnitMap:
    """A matrix with a single entry equal to one."""

    def __init__(self, shape: tuple[int, int], row: int, column: int) -> None:
        self.shape, self._row, self._column = shape, row, column

    def matmat(self, block: Matrix) -> Matrix:
        out = np.zeros((self.shape[0], block.shape[1]), block.dtype)
        out[self._row] = block[self._column]
        return out

    def rmatmat(self, block: Matrix) -> Matrix:
        out = np.zeros((self.shape[1], block.shape[1]), block.dtype)
        out[self._column] = block[self._row]
        return out

    def toarray(self) -> Matrix:
        out = np.zeros(self.shape)
        out[self._row, self._column] = 1.0
        return out


@final
@dataclass(frozen=True, eq=False)
class _Sides:
    """A table's cells, sorted by row, with the multipliers of the unknowns of rows and of columns."""

    rows: Indices
    columns: Indices
    weights: Vector
    for_rows: Matrix
    for_columns: Matrix
    row_ridges: Matrix
    column_ridges: Matrix

    @classmethod
    def of(cls, objective: MatrixFit, theta: Vector) -> _Sides:
        pattern, factors, r = objective.observed_pattern, objective.matrix(theta), objective.rank
        if pattern is None:
            raise UnsupportedError("block variances need observed entries", objective.describe())
        weights = objective.weighted(np.ones(objective.y.size))
        for_rows, for_columns = factors.right[:, :r], factors.left[:, :r]
        if "row" in pattern.biases:
            for_rows = np.hstack([for_rows, np.ones((len(for_rows), 1))])
        if "column" in pattern.biases:
            for_columns = np.hstack([for_columns, np.ones((len(for_columns), 1))])
        order = np.argsort(pattern.rows, kind="stable")
        rows, columns = pattern.rows[order], pattern.columns[order]
        by_row, by_column = objective.side_weights or (np.ones(len(for_columns)), np.ones(len(for_rows)))
        ridges = [objective.penalty] * r
        row_ridges = np.outer(by_row, ridges + [objective.bias_penalty] * (for_rows.shape[1] - r))
        column_ridges = np.outer(by_column, ridges + [objective.bias_penalty] * (for_columns.shape[1] - r))
        return cls(rows, columns, weights[order], for_rows, for_columns, row_ridges, column_ridges)

    def turned(self) -> _Sides:
        """Return the table with rows and columns exchanged."""
        order = np.argsort(self.columns, kind="stable")
        return _Sides(
            self.columns[order],
            self.rows[order],
            self.weights[order],
            self.for_columns,
            self.for_rows,
            self.column_ridges,
            self.row_ridges,
        )

    def row_variances(self, rows: Indices, columns: Indices) -> Vector:
        """Return the variances of cells due to the errors of their rows' unknowns alone."""
        out = np.empty(rows.size)
        if not rows.size:
            return out
        order = np.argsort(rows, kind="stable")
        lines, starts = np.unique(rows[order], return_index=True)
        for line, places in zip(lines, np.split(order, starts[1:]), strict=True):
            design = self.for_rows[columns[places]]
            values, vectors = eigh(self._precision(int(line)))
            seen = values > DETERMINED * max(float(values[-1]), np.finfo(float).tiny)
            parts = (design @ vectors) ** 2
            out[places] = (parts[:, seen] / values[seen]).sum(axis=1)
            # directions that the row's cells do not determine have infinite variance
            unseen = parts[:, ~seen].sum(axis=1) > DETERMINED * parts.sum(axis=1)
            out[places[unseen]] = np.inf
        return out

    def freedom(self) -> float:
        """Return the effective number of unknowns that the cells of the rows determine."""
        total = 0.0
        for line in np.unique(self.rows):
            precision = self._precision(int(line))
            spent = np.linalg.pinv(finite(precision)).diagonal() * self.row_ridges[line]
            total += len(precision) - float(spent.sum())
        return total

    def _precision(self, row: int) -> Matrix:
        part = slice(*np.searchsorted(self.rows, [row, row + 1]))
        seen = self.for_rows[self.columns[part]]
        gram: Matrix = (seen * self.weights[part, None]).T @ seen
        return gram + np.diag(self.row_ridges[row])
