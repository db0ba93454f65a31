"""The learnt Gaussian prior of one side's rows, whose mean is a linear function of their features."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.bayes.design import Design
from lowland.bayes.wishart import wishart_root
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.kernels.sparse_tables.sparse_gram import invert_in_place
from lowland.kernels.systems.moments import Moments
from lowland.kernels.systems.stacked_systems import lower_triangle

# beyond this size of the smaller Gram matrix, its Cholesky factorisation costs more than many sweeps
LARGEST_GRAM = 12_000
# least share of the squares of rows, in any direction, whose difference tells more than rounding
EXPLAINED = 0.01


@final
class SidePrior:
    """Rows a_u ~ N(B^T f_u, P^-1), with B and P learnt; the first feature is the constant 1.

    P has a Wishart prior with d + 1 degrees of freedom and E[P^-1] about `scale` I divided by the number of
    rows. Given P, the rows of B have a Gaussian prior of precision P, so that the ridge of a feature is 1;
    for another ridge, scale the feature by its inverse square root.

    Parameters
    ----------
    design : Design
        Features f_u of n rows.
    width : int
        Length d of a row.
    scale : float
        Strength of the Wishart prior; the smaller it is, the smaller rows may become.
    dtype : dtype
        Precision of the rows.

    Raises
    ------
    InvalidInputError
        If the smaller side of the design is too long for a dense factorisation.
    """

    design: Design
    width: int
    scale: float
    dtype: np.dtype[Any]
    size: int
    features: int

    def __init__(self, design: Design, width: int, scale: float, dtype: np.dtype[Any]) -> None:
        self.design, self.width, self.scale, self.dtype = design, width, scale, dtype
        self.size, self.features = size, features = design.shape
        smaller = min(size, features)
        if smaller > LARGEST_GRAM:
            raise InvalidInputError(
                "there are too many features and rows",
                f"{features} features of {size} rows",
                f"the smaller of the two numbers may be at most {LARGEST_GRAM}",
                "pass fewer features",
            )
        self._primal = features <= size

    @cached_property
    def _inverse(self) -> Matrix:
        """The inverse of the smaller Gram matrix plus one, in double precision.

        Products with it are faster than solves with few columns; copied features and the constant make it
        ill-conditioned. A prior that is not learnt needs none.
        """
        gram = self.design.gram()
        gram[np.diag_indices(gram.shape[0])] += 1
        return invert_in_place(gram)

    @cached_property
    def degrees(self) -> float:
        """Sum of s / (s + 1) over the eigenvalues s of the Gram matrix, without that of the constant."""
        smaller = min(self.size, self.features)
        return smaller - float(np.trace(self._inverse)) - self.size / (self.size + 1)

    @cached_property
    def _root(self) -> Matrix:
        """A root R of the inverse, R R^T, which draws need."""
        from scipy.linalg import cholesky

        return np.asarray(cholesky(self._inverse, lower=True, check_finite=False), self.dtype)

    def widened(self, width: int) -> SidePrior:
        """Return the prior of rows of another length; what was computed of the features is shared."""
        twin = copy(self)
        twin.width = width
        return twin

    @property
    def weight(self) -> float:
        """The divisor of the scatter matrix: rows, width and effective number of features."""
        return float(self.size + self.width + self.degrees)

    def first(self) -> tuple[Matrix, Matrix]:
        """Return the initial precision I and coefficients 0."""
        return np.eye(self.width), np.zeros((self.features, self.width), self.dtype)

    def means(self, coefficients: Matrix) -> Matrix:
        """Return the prior means of all rows, shape (n, d)."""
        return self.design.forward(coefficients)

    def shifts(self, coefficients: Matrix, precision: Matrix) -> Matrix:
        """Return the precision times the prior means, of all rows, or of one if all are equal."""
        means = coefficients[0] if self.features == 1 else self.means(coefficients)
        shifted: Matrix = (means.astype(np.float64) @ precision).astype(self.dtype)
        return shifted

    def fit(self, rows: Moments) -> tuple[Matrix, Matrix, float]:
        """Return the precision and the coefficients that maximise the bound, given moments of the rows.

        Returns
        -------
        precision : ndarray of float64, shape (d, d)
        coefficients : ndarray, shape (f + 1, d)
        energy : float
            Negative expected log density of the rows and their priors, up to constants of the priors.
        """
        projected = self._project(rows.means)
        coefficients, means = self._solve(projected)
        scatter = self._scatter(rows.means, projected, coefficients, means) + self._covariance(rows)
        precision = np.linalg.inv(scatter) * self.weight
        return precision, coefficients, self._energy(precision, scatter, self.weight)

    def energy(
        self, rows: Moments, precision: Matrix, coefficients: Matrix, means: Matrix, weight: float
    ) -> float:
        """Return the energy of `fit` for a given precision and coefficients, and the weight of that fit.

        The coefficients' means are passed, of all rows or of one if all are equal.
        """
        scatter = self._about(rows.means, coefficients, means) + self._covariance(rows)
        return self._energy(precision, scatter, weight)

    def _covariance(self, rows: Moments) -> Matrix:
        """Return the sum of the rows' covariances."""
        total: Matrix = unpack_lower(rows.covariances.sum(axis=0, dtype=np.float64)[None], self.width)[0]
        return total

    def _energy(self, precision: Matrix, scatter: Matrix, weight: float) -> float:
        constant = 0.5 * self.size * self.width * np.log(2 * np.pi)
        size = float(np.linalg.slogdet(precision)[1])
        return float(0.5 * np.sum(precision * scatter) - 0.5 * weight * size + constant)

    def draw(self, rows: Matrix, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
        """Return a precision and coefficients drawn from their posterior given the rows.

        The precision is drawn with the coefficients integrated out, then the coefficients given the
        precision. Their deviation has covariance (F^T F + I)^-1 over features and P^-1 within a row.
        """
        projected, best, means, deviation = self._best_and_deviation(rows, rng)
        scatter = self._scatter(rows, projected, best, means)
        lower = np.linalg.cholesky((scatter + scatter.T) / 2)
        # P = L^-T T T^T L^-1 has the inverse scatter matrix as its scale, and z @ T^-1 L^T ~ N(0, P^-1)
        root = wishart_root(self.width, self.width + 1 + self.size, rng)
        half, spread = np.linalg.solve(lower.T, root), np.linalg.solve(root, lower.T)
        return half @ half.T, best + deviation @ spread.astype(self.dtype)

    def _best_and_deviation(
        self, rows: Matrix, rng: np.random.Generator
    ) -> tuple[Matrix, Matrix, Matrix | None, Matrix]:
        """Return F^T rows, the best coefficients with means, and normals of covariance (F^T F + I)^-1.

        If no square root of that covariance is available, the normals are least-squares coefficients for
        independent normal data, which have the same distribution and come from the same solve.
        """
        normals = rng.standard_normal((self.features, self.width)).astype(self.dtype)
        if self._primal:
            projected = self._project(rows)
            return projected, *self._solve(projected), self._root @ normals
        noise = rng.standard_normal(rows.shape).astype(self.dtype)
        right = self._project(np.hstack([rows, noise]))
        right[:, self.width :] += normals
        solved, means = self._solve(right)
        leading = slice(self.width)
        return (
            right[:, leading],
            solved[:, leading],
            None if means is None else means[:, leading],
            solved[:, self.width :],
        )

    def _scatter(self, rows: Matrix, projected: Matrix, coefficients: Matrix, means: Matrix | None) -> Matrix:
        """Return (R - F B)^T (R - F B) + B^T B + scale I, for the best coefficients B.

        There it is R^T R - (F^T R)^T B + scale I, which needs no means F B. If they are known, or explain
        nearly all of the rows, so that rounding would remain of the difference, squares are summed as they
        stand.
        """
        left, b = rows.astype(np.float64), coefficients.astype(np.float64)
        least = self.scale * np.eye(self.width)
        if means is None:
            squares, explained = left.T @ left, projected.T.astype(np.float64) @ b
            rest: Matrix = squares - (explained + explained.T) / 2
            unit = np.sqrt(np.maximum(np.diag(squares), np.finfo(float).tiny))
            if np.linalg.eigvalsh(rest / np.outer(unit, unit))[0] > EXPLAINED:
                return rest + least
            means = self.means(coefficients)
        return self._about(rows, coefficients, means)

    def _about(self, rows: Matrix, coefficients: Matrix, means: Matrix) -> Matrix:
        """Return the scatter of rows about their prior means, with that of coefficients and the least."""
        left, b = rows.astype(np.float64) - means, coefficients.astype(np.float64)
        scatter: Matrix = left.T @ left + b.T @ b + self.scale * np.eye(self.width)
        return scatter

    def _project(self, rows: Matrix) -> Matrix:
        return self.design.backward(rows)

    def _solve(self, right: Matrix) -> tuple[Matrix, Matrix | None]:
        """Return C = (F^T F + I)^-1 right, by the smaller Gram matrix, and F C where it is on the way."""
        if self._primal:
            return self._times_inverse(right), None
        # F (F^T F + I)^-1 = (F F^T + I)^-1 F
        means = self._times_inverse(self.design.forward(right))
        return right - self._project(means), means

    def _times_inverse(self, block: Matrix) -> Matrix:
        """Return the inverse of the Gram matrix, which is symmetric, times a block with few columns."""
        product = block.T @ self._inverse  # few rows on the left take two thirds of the time
        return np.ascontiguousarray(product.T, self.dtype)


def unpack_lower(packed: Matrix, width: int) -> Matrix:
    """Return symmetric matrices, shape (k, d, d), of packed lower triangles, shape (k, d (d + 1) / 2)."""
    rows, columns = lower_triangle(width)
    full = np.empty((packed.shape[0], width, width), packed.dtype)
    full[:, rows, columns] = packed
    full[:, columns, rows] = packed
    return full
