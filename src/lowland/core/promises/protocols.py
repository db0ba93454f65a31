"""Protocols of the parts of an objective: measurements, losses, penalties and models.

A point ``theta`` is one contiguous real vector; only its model knows how to read it.
`lowland.core.promises.capabilities` finds what an objective made of such parts offers.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.error_free import Close
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors


@runtime_checkable
class LinearMap(Protocol):
    """An m x n matrix known by its products, as SciPy's LinearOperator is."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block, shape (m, k)."""

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block, shape (n, k)."""

    def toarray(self) -> Matrix:
        """Return M as a dense array."""


@runtime_checkable
class HasGram(Protocol):
    """An operator whose Gram matrix costs less than the dense matrix."""

    @property
    def gram_work(self) -> float:
        """Number of scalar products that the Gram matrix takes."""

    def gram(self, scale: float) -> Matrix:
        """Return (scale M)^H (scale M), or M M^H if M has fewer rows; each entry a plain sum of products."""


@runtime_checkable
class Measurement(Protocol):
    """A linear map A from m x n matrices to p numbers, with its adjoint.

    With measuring matrices A_k the numbers are the inner products tr(A_k^H X). Matrices are
    complex if `dtype` is.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the measured matrix."""

    @property
    def size(self) -> int:
        """Number p of measurements."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Field and working precision of the matrices."""

    def measure(self, factors: Factors) -> Matrix:
        """Return A(left right^H), shape (p,), without forming the matrix where structure allows."""

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return A(X) of a dense matrix, shape (p,)."""

    def adjoint(self, weights: Matrix) -> LinearMap:
        """Return A*(weights) = sum of weights_k A_k as an m x n operator."""


def bounds_rounding(measurement: Measurement) -> bool:
    """Whether a measurement bounds its rounding errors; composed ones may or may not."""
    return isinstance(measurement, HasRoundingBounds) and getattr(measurement, "bounds_rounding", True)


def in_double(measurement: Measurement) -> Measurement:
    """Return the same measurement in double precision; itself if it is, or has no other form."""
    return measurement.in_double() if isinstance(measurement, HasDouble) else measurement


def check_measurement(measurement: Any) -> None:
    """Raise InvalidInputError unless an object measures matrices."""
    if not isinstance(measurement, Measurement):
        raise InvalidInputError(
            "measurement must be a measurement of matrices",
            type(measurement).__name__,
            fix="pass Entries, Dense or Linear; or, if accepted, Observations.from_array(table)",
        )


@runtime_checkable
class HoldsMatrices(Protocol):
    """A measurement whose matrices are stored number by number."""

    @property
    def stored_numbers(self) -> int:
        """Number of stored numbers."""


@runtime_checkable
class Subsettable(Protocol):
    """A measurement that supports subsets, for mini-batches."""

    def subset(self, keep: Indices) -> Measurement:
        """Return the measurements at the positions `keep`, in that order."""


@runtime_checkable
class HasDouble(Protocol):
    """A measurement that has a form in double precision, in which its numbers are judged."""

    def in_double(self) -> Measurement:
        """Return the same measurement in double precision, itself if it is."""


@runtime_checkable
class HasNormalPass(Protocol):
    """A measurement that may take its product and adjoint in one pass over its numbers."""

    def normal_pass(
        self, factors: Factors, shift: Vector, weights: Vector, rows: Indices | None = None
    ) -> tuple[Vector, LinearMap]:
        """Return z = A(left right^H) and A*(weights * (z - shift)); of the measurements `rows` if given."""


@runtime_checkable
class HasRoundingBounds(Protocol):
    """A measurement that bounds its own rounding errors, for rigorous certificates."""

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on |computed - exact| of `measure`, shape (p,)."""

    def adjoint_error(self, weights: Vector) -> float:
        """Return a bound on the Frobenius norm of (computed - exact) of `adjoint(weights)`."""


@runtime_checkable
class MeasuresClosely(Protocol):
    """A measurement that can be computed with twice the digits, for data that are reproduced exactly."""

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return A(left right^H) as sums of two numbers, with bounds on their errors; None if it cannot."""


@runtime_checkable
class HasNormBound(Protocol):
    """A measurement that bounds its norm, for proofs about distant matrices."""

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite if none is known."""


class Loss(Protocol):
    """Pointwise fit of predictions z to data y: convex in z, and never negative.

    Proofs rest on this: an objective whose loss and penalties are zero is optimal, and zero is a lower bound.
    `vanishes_at_data` says whether the loss is zero where z = y, `is_quadratic` whether it is (z - y)^2 / 2.
    """

    name: ClassVar[str]
    vanishes_at_data: ClassVar[bool]
    is_quadratic: ClassVar[bool]

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the loss of each observation."""

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return the first derivative in z."""

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return the second derivative in z."""

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return sup over z of s z - loss(z, y)."""

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes when nothing is fitted, natural units of both."""

    def subset(self, keep: NDArray[Any]) -> Loss:
        """Return the loss of the observations at the positions or mask `keep`."""

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError where the data lie outside the loss's domain."""


@runtime_checkable
class BoundedLoss(Loss, Protocol):
    """A loss that bounds the rounding of its own formulas, for proofs."""

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on |computed - exact| of `value`, for predictions and data that are exact."""

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return the same of `slope`."""

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sum of the sizes of the terms in `conjugate`, for bounds on their rounding."""


@runtime_checkable
class MajorisedLoss(BoundedLoss, Protocol):
    """A loss with a quadratic model around every prediction, for reweighted least squares."""

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the positive curvature of a quadratic tangent to the loss at z, ideally lying above it."""


class Penalty(Protocol):
    """A smooth function of the point itself, never negative.

    `keeps_linear_gauge` says whether every change of the factors that leaves the matrix unchanged also leaves
    the penalty unchanged; `vanishes_when_balanced` whether it is zero at the balanced factors of any matrix,
    so that it drops out of the problem in the matrix; `is_of_biases` whether it depends on biases alone.
    """

    name: ClassVar[str]
    keeps_linear_gauge: ClassVar[bool]
    vanishes_when_balanced: ClassVar[bool]
    is_of_biases: ClassVar[bool]

    def value(self, theta: Vector) -> float:
        """Return the penalty."""

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`."""

    def gradient(self, theta: Vector) -> Vector:
        """Return its gradient, shape (size,)."""

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return its Hessian times a direction."""

    def along_error(self, theta: Vector, direction: Vector) -> tuple[float, float]:
        """Return bounds on the rounding of first and second derivative along a direction.

        They are the products of the direction with `gradient` and with `hessian_product`.
        """


class Model(Protocol):
    """The map from points to matrices, with tangent and cotangent maps.

    `is_psd` says whether matrices are positive semidefinite: their two factors are then equal.
    """

    name: ClassVar[str]
    is_psd: ClassVar[bool]

    def second_derivative(self, cotangent: Matrix) -> Matrix | None:
        """Return the matrix of `pull_derivative` for a dense cotangent, or None if unavailable."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""

    @property
    def rank(self) -> int:
        """Number of columns of the factors, not counting biases."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension, counted in real numbers, of the set of matrices of the model."""

    @property
    def is_complex(self) -> bool:
        """Whether matrices are complex."""

    @property
    def has_unit_trace(self) -> bool:
        """Whether matrices are scaled to trace one."""

    @property
    def biases(self) -> tuple[str, ...]:
        """Which biases the model has, some of "row", "column" and "global"."""

    def lift(self, theta: Vector) -> Factors:
        """Return the matrix of a point."""

    def sides(self, theta: Vector) -> tuple[Matrix, Matrix]:
        """Return the factors of the left and the right side, shapes (m, r) and (n, r), without biases."""

    def join(self, left: Matrix, right: Matrix, row: Vector, column: Vector) -> Vector:
        """Return the point of given factors and biases; biases that the model does not have are left out."""

    def push(self, theta: Vector, direction: Vector) -> Factors:
        """Return the derivative of `lift` along a direction."""

    def pull(self, theta: Vector, cotangent: LinearMap) -> Vector:
        """Return the adjoint of `push` applied to an m x n operator."""

    def pull_derivative(self, theta: Vector, direction: Vector, cotangent: LinearMap) -> Vector:
        """Return the derivative of `pull` along a direction, the operator held fixed."""

    def gauge(self, theta: Vector, *, linear: bool) -> Matrix:
        """Return directions that leave the matrix unchanged, shape (size, g)."""

    def scaled(self, theta: Vector, gradient: Vector, share: float) -> Vector:
        """Return a gradient with each factor's part divided by the damped Gram matrix of its partner."""

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same matrix."""

    def precisions(self, theta: Vector) -> Vector:
        """Return, for each coordinate of a canonical point, 1 / (mean square of its column); 0 for biases."""

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""

    def resized(self, rank: int) -> Self:
        """Return the same model with another rank."""
