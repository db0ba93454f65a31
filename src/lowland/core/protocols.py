"""What the rooms may expect of each other. Everything is judged and searched through these.

A point ``theta`` is one contiguous real vector; only its model knows how to read it. An
objective always has values, gradients and Hessian products; what else it can do it offers as
*powers*: attributes that are None where the power is absent. Solvers and judges list the
powers that they need (`lowland.core.needs`) and are refused before step 0 where one is missing.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.records import Factors


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
        """Products of numbers that the Gram matrix takes."""

    def gram(self, scale: float) -> Matrix:
        """Return (scale M)^H (scale M), or M M^H if M has fewer rows; each entry a plain sum of products."""


@runtime_checkable
class Measurement(Protocol):
    """A linear map A from m x n matrices to p numbers, with its adjoint.

    With measuring matrices A_k the numbers are the inner products tr(A_k^H X). Matrices are
    complex where `dtype` is.
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


def check_measurement(measurement: Any) -> None:
    """Raise InvalidInputError unless an object measures matrices."""
    if not isinstance(measurement, Measurement):
        raise InvalidInputError(
            "the measurement cannot measure a matrix",
            type(measurement).__name__,
            fix="pass Entries, Dense, Linear, or Observations.from_array(table) where observations are taken",
        )


@runtime_checkable
class Subsettable(Protocol):
    """A measurement of which some can be picked, for mini-batches."""

    def subset(self, keep: Indices) -> Measurement:
        """Return the measurements at the positions `keep`, in that order."""


@runtime_checkable
class HasRoundingBounds(Protocol):
    """A measurement that bounds its own rounding errors, for rigorous certificates."""

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on |computed - exact| of `measure`, shape (p,)."""

    def adjoint_error(self, weights: Vector) -> float:
        """Return a bound on the Frobenius norm of (computed - exact) of `adjoint(weights)`."""


@runtime_checkable
class HasNormBound(Protocol):
    """A measurement that bounds its norm, for statements about matrices at a distance."""

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite where none is known."""


class Loss(Protocol):
    """Pointwise fit of predictions z to data y; `vanishes_at_data` says whether it is zero where z = y."""

    name: ClassVar[str]
    vanishes_at_data: ClassVar[bool]

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the loss of each observation."""

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return the first derivative in z."""

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return the second derivative in z."""

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return sup over z of s z - loss(z, y)."""

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes where nothing is fitted, natural units of both."""

    def subset(self, keep: NDArray[Any]) -> Loss:
        """Return the loss of the observations at the positions or mask `keep`."""

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError where the data lie outside the loss's domain."""


@runtime_checkable
class MajorisedLoss(Loss, Protocol):
    """A loss with a quadratic model around every prediction, for reweighted least squares."""

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the positive curvature of a quadratic that touches the loss at z, and best lies above it."""

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sum of the sizes of the terms that `conjugate` adds up, to charge their rounding."""


class Penalty(Protocol):
    """A smooth function of the point itself."""

    name: ClassVar[str]
    keeps_linear_gauge: ClassVar[bool]

    def value(self, theta: Vector) -> float:
        """Return the penalty."""

    def value_error(self, theta: Vector) -> float:
        """Return a bound on the rounding error of `value`."""

    def gradient(self, theta: Vector) -> Vector:
        """Return its gradient, shape (size,)."""

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return its Hessian times a direction."""


class Model(Protocol):
    """How a point makes a matrix, with tangent and cotangent maps."""

    name: ClassVar[str]

    def second_derivative(self, cotangent: Matrix) -> Matrix | None:
        """Return the matrix of `pull_derivative` for a dense cotangent, or None where it is not had."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""

    @property
    def rank(self) -> int:
        """Number of columns of the factors, biases apart."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension, counted in real numbers, of the set of matrices that the model makes."""

    @property
    def is_complex(self) -> bool:
        """Whether matrices are complex."""

    def lift(self, theta: Vector) -> Factors:
        """Return the matrix of a point."""

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
        """Return the inverse mean square of the column of each number of a canonical point, 0 for biases."""

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""

    def resized(self, rank: int) -> Self:
        """Return the same model with another rank."""


@runtime_checkable
class Linearisation(Protocol):
    """An objective at one point, everything that does not depend on a direction computed once."""

    value: float
    gradient: Vector
    residual: Vector

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the predictions along a direction, shape (p,)."""

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T diag(curvature) J + penalty Hessian) times a direction."""

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""


class BlockSolver(Protocol):
    """Exact minimisation over one block of coordinates, the others held fixed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in the order of a sweep."""

    def solve(self, theta: Vector, name: str, *, ridge: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another ridge if one is given."""

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""


class BatchGradient(Protocol):
    """Unbiased gradients from some of the observations."""

    size: int

    def __call__(self, theta: Vector, batch: Indices) -> Vector:
        """Return the gradient with the data term of `batch` scaled up to all observations."""


class ModularJacobian(Protocol):
    """The Jacobian of the observations at random integer factors, modulo a prime."""

    @property
    def expected_rank(self) -> int:
        """Rank at generic factors if the measurements determine them."""

    @property
    def has_fractions(self) -> bool:
        """Whether numbers of the measuring matrices may have been rounded: not all are whole."""

    @property
    def rows(self) -> int:
        """Number p of observations, in real numbers."""

    @property
    def unknowns(self) -> int:
        """Number of unknowns."""

    @property
    def holds_matrices(self) -> bool:
        """Whether measuring matrices are stored number by number, so that sparse factors save much."""

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> NDArray[np.float64]:
        """Return residues modulo `prime`, shape (p, unknowns), or at most so many random rows of them.

        With `few` at factors of which only a few rows are not zero.
        """

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with so many rows (`lowland.core.work`)."""


class Objective(Protocol):
    """A smooth function of a point, and the powers that it offers."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of a point."""

    def value(self, theta: Vector) -> float:
        """Return the objective."""

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient."""

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return both at little more than the cost of one."""

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the Hessian times a direction."""

    def linearise(self, theta: Vector) -> Linearisation:
        """Return the objective at a point, for repeated products."""
