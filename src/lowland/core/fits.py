"""What judges read: a fit, which compares predictions with data, and the fit of a matrix."""

from __future__ import annotations

from typing import Protocol, Self, TypeGuard

from lowland.core.arrays import Matrix, Vector
from lowland.core.capabilities import offers
from lowland.core.objectives import FitLinearisation, Objective
from lowland.core.powers import Elimination, ModularJacobian, SideReduction
from lowland.core.protocols import HasRoundingBounds, LinearMap, Loss, Measurement, Model, Penalty
from lowland.core.records import Factors, ObservedPattern


class Fit(Objective, Protocol):
    """A comparison of predictions with data, of matrices and tensors alike: what judges of both read."""

    @property
    def y(self) -> Vector:
        """Data, shape (p,)."""

    @property
    def weights(self) -> Vector | None:
        """Weights of the data, None where all are one."""

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """Penalties on the point."""

    @property
    def loss(self) -> Loss:
        """The pointwise loss."""

    @property
    def unfitted(self) -> tuple[float, Vector]:
        """The data term and its weighted slopes where nothing is fitted: natural units of both."""

    @property
    def rank(self) -> int:
        """Rank of the factors, biases apart; of a tensor the largest of its ranks."""

    @property
    def gauge_size(self) -> int:
        """At most so many directions the gauge has."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of matrices or tensors that the model makes."""

    @property
    def has_second_matrix(self) -> bool:
        """Whether linearisations have the model's part of the Hessian as a matrix."""

    @property
    def direct_jacobian_work(self) -> float | None:
        """Work of the Jacobian as a matrix where the measurement shows it directly, else None."""

    @property
    def stored_numbers(self) -> int:
        """How many numbers the measuring matrices hold, 0 where none are stored."""

    @property
    def is_nonnegative(self) -> bool:
        """Whether factors must not be negative."""

    @property
    def reachable_gradient(self) -> float:
        """Relative gradient that points found in the data's precision may have, 0 where judges decide."""

    def is_feasible(self, theta: Vector) -> bool:
        """Whether a point satisfies the constraints on factors."""

    def predict(self, theta: Vector) -> Vector:
        """Return the predictions of the data, shape (p,)."""

    @property
    def bounds_rounding(self) -> bool:
        """Whether the rounding of predictions is bounded."""

    def prediction_error(self, theta: Vector) -> Vector | None:
        """Return bounds on the rounding of `predict`, None where they are not known."""

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


class MatrixFit(Fit, Protocol):
    """Linear measurements of a low-rank matrix: what bounds and exact ranks of matrices are made from."""

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
        """How a point makes the matrix."""

    @property
    def rounding(self) -> HasRoundingBounds | None:
        """Bounds on the measurement's rounding errors, where it knows them."""

    @property
    def measures_in_single(self) -> bool:
        """Whether the measurement computes in single precision."""

    @property
    def is_complex(self) -> bool:
        """Whether the matrix is complex."""

    @property
    def is_psd(self) -> bool:
        """Whether the matrix is positive semidefinite."""

    @property
    def has_unit_trace(self) -> bool:
        """Whether the matrix is scaled to trace one."""

    @property
    def free_biases(self) -> tuple[str, ...]:
        """Which biases the model has."""

    @property
    def ridge(self) -> float:
        """Strength of the ridge, which is the weight of the nuclear norm; 0 without one."""

    @property
    def bias_ridge(self) -> float:
        """Strength of the ridge on row and column biases; 0 where they are free."""

    @property
    def bias_precisions(self) -> Vector:
        """Ridge on each bias in the order of a point, zero where it is free."""

    @property
    def side_weights(self) -> tuple[Vector, Vector] | None:
        """Weights of rows and columns in the penalties, None where all are one."""

    @property
    def cell_scales(self) -> Vector | None:
        """1 / sqrt(a_i b_j) of each entry, for weights a of its row and b of its column in the ridge."""

    @property
    def observed_pattern(self) -> ObservedPattern | None:
        """Which entries are seen, where entries of a general matrix are."""

    @property
    def modular_jacobian(self) -> ModularJacobian | None:
        """The Jacobian modulo a prime, where the measurement is known exactly."""

    def matrix(self, theta: Vector) -> Factors:
        """Return the matrix of a point as factors."""

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""

    def centre(self) -> Vector:
        """Return the point with zero factors and biases, a global bias at the mean of the data."""

    def baseline(self) -> Vector:
        """Return the point with zero factors and the biases that fit best without them."""

    def refit_biases(self, theta: Vector) -> Vector:
        """Return the point with its free biases at their minimiser, where the loss is quadratic."""

    def data_value(self, z: Vector) -> float:
        """Return the weighted loss of predictions."""

    def nuclear_norm(self, theta: Vector) -> float:
        """Return the nuclear norm of the factors' part, its entries weighted as the ridge weighs them."""

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights), an m x n operator."""

    def penalised_adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights) over the roots of the ridge's weights: the ridge bounds its spectral norm."""

    def ambient_gradient(self, theta: Vector) -> LinearMap:
        """Return the gradient of the data term in X, in the ridge's units (see `penalised_adjoint`)."""

    def pull(self, theta: Vector, operator: LinearMap) -> Vector:
        """Return the gradient of <operator, X(theta)> in theta."""

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite where none is known."""

    def measuring_rows(self) -> Matrix | None:
        """Return the measuring matrices, each read row by row, where they are stored; shape (p, m n)."""

    def measuring_coordinates(self) -> Matrix | None:
        """Return the measuring matrices as rows, in an orthonormal basis of what they are measured on."""

    def exact_rows(self) -> Matrix | None:
        """Return the measuring matrices as rows of exact floats, one per measurement, or None."""


class HasPrecisions(Fit, Protocol):
    """The spread of each component over rows and columns."""

    def precisions(self, theta: Vector) -> Vector:
        """Return the inverse mean square of the column of each number of a canonical point, 0 for biases."""


class HasElimination(Fit, Protocol):
    """One factor solved for, row by row, the other being searched."""

    @property
    def elimination(self) -> Elimination:
        """The elimination."""


class HasReduction(Fit, Protocol):
    """The Hessian of one side of a table, the other solved for."""

    @property
    def reduction(self) -> SideReduction:
        """The reduction."""


class HasJacobianReduction(MatrixFit, Protocol):
    """The Jacobian's Gram matrix of one side of a table."""

    @property
    def jacobian_reduction(self) -> SideReduction:
        """The same of the Jacobian, on which weights and penalties have no bearing."""


def is_matrix_fit(objective: Fit) -> TypeGuard[MatrixFit]:
    """Whether a fit is that of a matrix."""
    return offers(objective, MatrixFit)
