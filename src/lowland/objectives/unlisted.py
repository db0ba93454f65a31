"""Cells that are not listed count as zeros with a small weight, at the cost of the listed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.promises.protocols import LinearMap
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.measure import Entries
from lowland.measure.operators import LowRankMap, SumMap
from lowland.models import General


@final
@dataclass(frozen=True, eq=False)
class Unlisted:
    """Penalty strength/2 * sum of X_ij^2 over the cells of X = U V^T that are not among the entries.

    All cells together sum to tr(U^T U V^T V), from which the listed ones are subtracted: no sum runs over the
    cells themselves.

    Parameters
    ----------
    strength : float
        Positive; the weight of a cell that is not listed.
    entries : Entries
        The listed cells, each once; in double precision.
    model : General
        Real, without biases.

    References
    ----------
    Y. Hu, Y. Koren, C. Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008.
    """

    strength: float
    entries: Entries
    model: General
    name: ClassVar[str] = "unlisted cells"
    vanishes_when_balanced: ClassVar[bool] = False
    is_of_biases: ClassVar[bool] = False
    keeps_linear_gauge: ClassVar[bool] = True  # it depends on the matrix alone

    def value(self, theta: Vector) -> float:
        """Return the penalty."""
        factors = _in_double(self.model.lift(theta))
        return 0.5 * self.strength * max(self._product(factors, factors), 0.0)

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`; the two sums may cancel."""
        factors = _in_double(self.model.lift(theta))
        return 0.5 * self.strength * self._product_error(factors, factors)

    def gradient(self, theta: Vector) -> Vector:
        """Return its gradient."""
        at = self.model.lift(theta)
        return self.model.pull(theta, self.times(at))

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return its Hessian times a direction."""
        at, change = self.model.lift(theta), self.model.push(theta, direction)
        first = self.model.pull(theta, self.times(change))
        return np.asarray(first + self.model.pull_derivative(theta, direction, self.times(at)))

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of both derivatives along a direction."""
        at, change = (_in_double(x) for x in (self.model.lift(theta), self.model.push(theta, direction)))
        bend = _in_double(self.model.lift(direction))  # half the second change of the matrix
        room = self.strength * (1 + gamma(theta.size + 16))
        first = 4 * room * self._product_error(at, change)
        second = 4 * room * (self._product_error(change, change) + 2 * self._product_error(at, bend))
        return first, second

    def times(self, factors: Factors, share: float = 1.0) -> LinearMap:
        """Return the weighted matrix with its listed cells set to zero, times a share."""
        scale = factors.left.dtype.type(share * self.strength)
        listed = self.entries.adjoint(-scale * self.entries.measure(factors))
        return SumMap((listed, LowRankMap(scale * factors.left, factors.right)))

    def times_error(self, factors: Factors) -> float:
        """Return a bound on the rounding of `times` in Frobenius norm, for shares of at most one in size."""
        sizes = Factors(np.abs(factors.left), np.abs(factors.right))
        whole = float(np.sqrt(_all_cells(sizes, sizes)))
        listed = float(np.linalg.norm(self.entries.measure_error(factors)))
        return self.strength * (listed + gamma(factors.width + 8) * 2 * whole) * (1 + 1e-9)

    def along(self, factors: Factors, direction: Factors) -> tuple[float, float, float]:
        """Return slope and curvature of the penalty along a matrix, and a bound on the rounding of both."""
        at, change = _in_double(factors), _in_double(direction)
        slope, bend = self._product(at, change), self._product(change, change)
        error = self._product_error(at, change) + self._product_error(change, change)
        return self.strength * slope, self.strength * bend, self.strength * error * (1 + 1e-9)

    def all_cells(self, y: Vector, weights: Vector | None) -> tuple[Vector, Vector, tuple[Indices, Indices]]:
        """Return the same problem without this penalty: values, weights and places of all cells."""
        values, whole = np.zeros(self.entries.shape), np.full(self.entries.shape, self.strength)
        at = self.entries.rows, self.entries.columns
        values[at], whole[at] = y, 1.0 if weights is None else weights
        rows, columns = np.indices(self.entries.shape)
        return values.ravel(), whole.ravel(), (rows.ravel(), columns.ravel())

    def _product(self, one: Factors, other: Factors) -> float:
        """Return the sum of products of two matrices over the cells that are not listed."""
        listed = self.entries.measure(one)
        seen = listed @ (listed if other is one else self.entries.measure(other))
        return _all_cells(one, other) - float(seen)

    def _product_error(self, one: Factors, other: Factors) -> float:
        """Return a bound on the rounding of `_product`, in whatever order its terms are summed."""
        sizes = [Factors(np.abs(x.left), np.abs(x.right)) for x in (one, other)]
        listed = [self.entries.measure(x) for x in sizes]
        terms = self.entries.size + sum(self.model.shape) + (one.width + 2) * (other.width + 2) + 16
        return gamma(terms) * (_all_cells(*sizes) + float(listed[0] @ listed[1])) * (1 + gamma(terms))


def _all_cells(one: Factors, other: Factors) -> float:
    """Return the sum of products of two matrices over all cells."""
    return float(np.sum((one.left.T @ other.left) * (one.right.T @ other.right)))


def _in_double(factors: Factors) -> Factors:
    left, right = (np.asarray(side, np.float64) for side in (factors.left, factors.right))
    return Factors(left, right)


def side_gram(unlisted: Unlisted, partner: Matrix) -> Matrix:
    """Return what all cells of a line, listed or not, add to its normal equations."""
    return np.asarray(partner.dtype.type(unlisted.strength) * (partner.T @ partner))
