"""The interface of judges: a fit, which compares predictions with data, and the fit of a matrix."""

from __future__ import annotations

from typing import Protocol, Self, TypeGuard

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close
from lowland.core.promises.capabilities import offers
from lowland.core.promises.objectives import FitLinearisation, Objective
from lowland.core.promises.powers import Elimination, ModularJacobian, SideReduction
from lowland.core.promises.protocols import HasRoundingBounds, LinearMap, Loss, Measurement, Model, Penalty
from lowland.core.results.records import Expansion, Factors, ObservedPattern


class Fit(Objective, Protocol):
    """A comparison of predictions with data, as read by judges of matrices and of tensors."""

    @property
    def y(self) -> Vector:
        """Data, shape (p,)."""

    @property
    def weights(self) -> Vector | None:
        """Weights of the data, None if all are one."""

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """Penalties on the point."""

    @property
    def loss(self) -> Loss:
        """The pointwise loss."""

    @property
    def unfitted(self) -> tuple[float, Vector]:
        """The data term and its weighted slopes when nothing is fitted: natural units of both."""

    @property
    def rank(self) -> int:
        """Rank of the factors, not counting biases; for a tensor the largest of its ranks."""

    @property
    def gauge_size(self) -> int:
        """Upper bound on the number of gauge directions."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of matrices or tensors of the model."""

    @property
    def has_second_matrix(self) -> bool:
        """Whether linearisations provide the model's part of the Hessian as a matrix."""

    @property
    def direct_jacobian_work(self) -> float | None:
        """Work of forming the Jacobian if the measurement gives it directly, else None."""

    @property
    def has_sparse_jacobian(self) -> bool:
        """Whether rows of the Jacobian have few nonzeros, and it is formed as a sparse matrix."""

    @property
    def is_constrained(self) -> bool:
        """Whether anything is asked of factors, such as signs."""

    @property
    def reachable_gradient(self) -> float:
        """Relative gradient allowed for points found in the data's precision, 0 if left to the judges."""

    def is_feasible(self, theta: Vector) -> bool:
        """Whether a point satisfies the constraints on factors."""

    def predict(self, theta: Vector) -> Vector:
        """Return the predictions of the data, shape (p,)."""

    @property
    def bounds_rounding(self) -> bool:
        """Whether the rounding of predictions is bounded."""

    def prediction_error(self, theta: Vector) -> Vector | None:
        """Return bounds on the rounding of `predict`, None if they are not known."""

    def predict_closely(self, theta: Vector) -> Close | None:
        """Return the predictions with twice the digits, with bounds on their errors; None if it cannot."""

    def expand(self, theta: Vector, direction: Vector) -> Expansion | None:
        """Return the predictions along a line with bounds on their rounding, None if these are not known."""

    def weighted(self, values: Vector) -> Vector:
        """Return values times the weights."""

    def transpose_product(self, theta: Vector, weights: Vector) -> Vector:
        """Return the adjoint of the predictions' derivative at a point, applied to weights; shape (size,)."""

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same matrix or tensor."""

    def gauge(self, theta: Vector) -> Matrix:
        """Return directions along which the objective is constant, shape (size, g)."""

    def linearise(self, theta: Vector) -> FitLinearisation:
        """Return the objective at a point, for repeated products."""

    def in_double(self) -> Self:
        """Return the same problem in float64."""

    def describe(self) -> str:
        """Return the problem in one line."""


class MeasuringMatrices(Protocol):
    """The matrices A_k of a measurement <A_k, X>."""

    @property
    def stored_numbers(self) -> int:
        """Number of stored numbers, 0 if the matrices are not stored."""

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite if none is known."""

    def rows(self) -> Matrix | None:
        """Return the stored matrices, each read row by row, shape (p, m n); None if not stored."""

    def coordinates(self) -> Matrix | None:
        """Return the matrices as rows in an orthonormal basis of all matrices of the model, or None."""

    @property
    def dimension(self) -> int:
        """Dimension in real numbers of the space of matrices of the model, low-rank or not."""

    def residues(self, prime: int) -> Matrix | None:
        """Return the matrices modulo a prime, as rows of real coordinates; None if not known exactly."""

    def smallest_share(self) -> float:
        """Return the smallest singular value of those rows in floats, for matrices of largest entry one."""

    def sizes(self) -> Vector:
        """Return the largest entry of each measuring matrix, once for each datum."""


class Relaxation(Protocol):
    """The convex relaxation of a penalised problem: the ridge on factors is a weighted nuclear norm."""

    @property
    def cell_scales(self) -> Vector | None:
        """1 / sqrt(a_i b_j) of each entry, for weights a of its row and b of its column in the ridge."""

    def nuclear_norm(self, theta: Vector) -> float:
        """Return the nuclear norm of the low-rank part, with its entries weighted as in the ridge."""

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights) over the roots of the ridge's weights: the ridge bounds its spectral norm."""

    def gradient(self, theta: Vector) -> LinearMap:
        """Return the gradient in X of all but the ridge, over the roots of the ridge's weights."""

    def dual(self, theta: Vector, weights: Vector) -> LinearMap:
        """Return `adjoint(weights)`, with minus the slopes of a point at cells that are not listed."""

    def dual_error(self, theta: Vector, weights: Vector) -> float:
        """Return a bound on the rounding of what `dual` adds to the adjoint, in Frobenius norm."""

    def unlisted_square(self, theta: Vector) -> float:
        """Bound from above the weighted sum of squares of the cells of a point that are not listed."""

    def unlisted_along(self, theta: Vector, direction: Factors) -> tuple[float, float, float]:
        """Return slope and curvature of the term of such cells along a matrix, and their rounding."""

    @property
    def unlisted_weight(self) -> float:
        """Weight of all cells that are not listed together."""


class Biases(Protocol):
    """The biases that a model fits beside its factors."""

    @property
    def precisions(self) -> Vector:
        """Ridge on each bias in the order of a point, zero where it is free."""

    def baseline(self) -> Vector:
        """Return the point with zero factors and the biases that fit best without them."""

    def refit(self, theta: Vector) -> Vector:
        """Return the point with its biases at their minimiser, if the loss is quadratic."""


class MatrixFit(Fit, Protocol):
    """Linear measurements of a low-rank matrix, as needed for bounds and exact ranks."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""

    @property
    def measurement(self) -> Measurement:
        """The linear map."""

    @property
    def model(self) -> Model:
        """The map from a point to the matrix."""

    @property
    def rounding(self) -> HasRoundingBounds | None:
        """Bounds on the measurement's rounding errors, None if it has none."""

    @property
    def matrices(self) -> MeasuringMatrices:
        """The measuring matrices: how many numbers are stored, how large and how exact they are."""

    @property
    def relaxation(self) -> Relaxation:
        """The convex relaxation: the weighted nuclear norm and its dual."""

    @property
    def biases(self) -> Biases:
        """The biases that the model fits beside its factors."""

    @property
    def penalty(self) -> float:
        """Strength of the ridge, which is the weight of the nuclear norm; 0 without one."""

    @property
    def bias_penalty(self) -> float:
        """Strength of the ridge on row and column biases; 0 where they are free."""

    @property
    def side_weights(self) -> tuple[Vector, Vector] | None:
        """Weights of rows and columns in the penalties, None if all are one."""

    @property
    def observed_pattern(self) -> ObservedPattern | None:
        """Which entries are observed, for entries of a general matrix; else None."""

    @property
    def modular_jacobian(self) -> ModularJacobian | None:
        """The Jacobian modulo a prime, if the measuring matrices are known exactly; else None."""

    def matrix(self, theta: Vector) -> Factors:
        """Return the matrix of a point as factors."""

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""

    def centre(self) -> Vector:
        """Return the point with zero factors and biases, a global bias at the mean of the data."""

    def data_value(self, z: Vector) -> float:
        """Return the weighted loss of predictions."""

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights), an m x n operator."""


class HasPrecisions(Fit, Protocol):
    """The scale of each component over rows and columns."""

    def precisions(self, theta: Vector) -> Vector:
        """Return, for each coordinate of a canonical point, 1 / (mean square of its column); 0 for biases."""


class HasElimination(Fit, Protocol):
    """One factor eliminated, row by row, while the other is searched."""

    @property
    def elimination(self) -> Elimination:
        """The elimination."""


class HasReduction(Fit, Protocol):
    """The reduced Hessian of one side of a table, with the other eliminated."""

    @property
    def reduction(self) -> SideReduction:
        """The reduction."""


class HasJacobianReduction(MatrixFit, Protocol):
    """The reduced Gram matrix of the Jacobian, for one side of a table."""

    @property
    def jacobian_reduction(self) -> SideReduction:
        """The same reduction for the Jacobian, without weights and penalties."""


def is_matrix_fit(objective: Fit) -> TypeGuard[MatrixFit]:
    """Whether a fit is that of a matrix."""
    return offers(objective, MatrixFit)
