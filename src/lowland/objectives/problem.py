"""`RecoveryProblem`: measurement, data, model, loss and penalties, and the forward pass through them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.error_free import Close, close_dots, close_quotient
from lowland.core.errors import UnsupportedError
from lowland.core.promises.protocols import (
    HasNormalPass,
    HasRoundingBounds,
    LinearMap,
    Loss,
    Measurement,
    MeasuresClosely,
    Model,
    Penalty,
    bounds_rounding,
)
from lowland.core.results.records import Expansion, Factors
from lowland.core.work import touch
from lowland.kernels.sparse_tables.sparse import squared_error
from lowland.losses import BiasRidge, Ridge, Squared
from lowland.measure import Entries
from lowland.measure.operators import cell_work
from lowland.models import Psd
from lowland.objectives.expansion import expand
from lowland.objectives.measuring_matrices import MeasuringMatrices
from lowland.objectives.unlisted import Unlisted


@dataclass(frozen=True, eq=False)
class RecoveryProblem:
    """The parts of f(theta) = sum_k weights_k loss(A(X(theta))_k, y_k) + sum of penalties.

    Parameters
    ----------
    measurement : Measurement
        Of real numbers; complex measurements go through `RealParts`.
    y : ndarray, shape (p,)
        Real.
    model : Model
    loss : Loss
    weights : ndarray, shape (p,), or None
    penalties : tuple of Penalty
    is_nonnegative : bool
        Whether factors must be nonnegative: for observed entries without biases.
    """

    measurement: Measurement
    y: Vector
    model: Model
    loss: Loss
    weights: Vector | None
    penalties: tuple[Penalty, ...]
    is_nonnegative: bool = False

    @property
    def is_constrained(self) -> bool:
        """Whether factors must be nonnegative."""
        return self.is_nonnegative

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.model.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points."""
        return self.y.dtype

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the matrix."""
        return self.model.shape

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension, counted in real numbers, of the set of matrices of the model."""
        return self.model.degrees_of_freedom

    @property
    def rank(self) -> int:
        """Rank of the factors, not counting biases."""
        return self.model.rank

    @property
    def factor_size(self) -> int:
        """Length of the leading part of a point that holds the factors."""
        return self.model.factor_size

    def centre(self) -> Vector:
        """Return the point with zero factors and biases, a global bias at the mean of the data."""
        theta = np.zeros(self.size, self.dtype)
        if "global" in self.model.biases:
            theta[-1] = np.average(self.y, weights=self.weights) if self.y.size else 0.0
        return theta

    def from_factors(self, factors: Factors) -> Vector:
        """Return the point with given factors and zero biases."""
        return self.model.from_factors(factors)

    def scaled(self, theta: Vector, gradient: Vector, share: float) -> Vector:
        """Return a gradient with each factor's part divided by the damped Gram matrix of its partner."""
        return self.model.scaled(theta, gradient, share)

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same matrix, with ordered components."""
        return self.model.canonical(theta)

    def precisions(self, theta: Vector) -> Vector:
        """Return, for each coordinate of a canonical point, 1 / (mean square of its column); 0 for biases."""
        return self.model.precisions(theta)

    def predict(self, theta: Vector) -> Vector:
        """Return the predictions A(X(theta)), shape (p,)."""
        predictions: Vector = self.measurement.measure(self.model.lift(theta))
        return predictions

    def prediction_error(self, theta: Vector) -> Vector | None:
        """Return bounds on the rounding of `predict`, None if the measurement has none."""
        if self.rounding is None:
            return None
        error = self.rounding.measure_error(self.matrix(theta))
        # to unit trace all numbers are divided by a length that is rounded
        return error * (self.size + 8) if self.model.has_unit_trace else error

    def predict_closely(self, theta: Vector) -> Close | None:
        """Return the predictions with twice the digits, with bounds on their errors; None if it cannot."""
        if not isinstance(self.measurement, MeasuresClosely):
            return None
        if isinstance(self.model, Psd) and self.model.has_unit_trace:
            u = self.model.unpack(theta)
            found = self.measurement.measure_closely(Factors(u, u))
            return None if found is None else close_quotient(found, close_dots(theta[None], theta[None]))
        factors = self.matrix(theta)
        found = self.measurement.measure_closely(factors)
        if found is None or self.rounding is None or not {"row", "global"} <= set(self.model.biases):
            return found
        return Close(
            found.high, found.low, found.error + self.rounding.measure_error(factors)
        )  # of their sum

    def expand(self, theta: Vector, direction: Vector) -> Expansion | None:
        """Return the predictions along a line with bounds on their rounding, None if these are not known."""
        return expand(self.measurement, self.model, theta, direction) if self.bounds_rounding else None

    def is_feasible(self, theta: Vector) -> bool:
        """Whether the point satisfies the nonnegativity constraint, if there is one."""
        return not self.is_nonnegative or bool((theta[: self.factor_size] >= 0).all())

    def matrix(self, theta: Vector) -> Factors:
        """Return the matrix of a point as factors."""
        return self.model.lift(theta)

    def data_value(self, z: Vector) -> float:
        """Return the weighted loss of predictions."""
        losses = self.loss.value(z, self.y).astype(np.float64, copy=False)
        return float(losses.sum() if self.weights is None else self.weights.astype(np.float64) @ losses)

    def data_value_at(self, theta: Vector, predictions: Vector | None = None) -> float:
        """Return the weighted loss of a point, whose predictions may be known.

        For squared loss of entries it takes one pass over the rows, and the predictions are not used.
        """
        entries = isinstance(self.measurement, Entries) and isinstance(self.loss, Squared)
        factors = self.model.lift(theta) if entries else None
        if factors is None or factors.width == 0 or not isinstance(self.measurement, Entries):
            return self.data_value(self.predict(theta) if predictions is None else predictions)
        by_row, ((targets, weights), _) = self.measurement.pattern[0], self.sorted_data
        touch(cell_work(self.measurement.size, factors.width))
        return 0.5 * squared_error(
            factors.left, factors.right, by_row.starts, by_row.partners, targets, weights
        )

    @cached_property
    def one_pass(self) -> HasNormalPass | None:
        """The measurement if it offers product and adjoint together, else None."""
        return self.measurement if isinstance(self.measurement, HasNormalPass) else None

    @cached_property
    def sorted_data(self) -> list[tuple[Vector, Vector | None]]:
        """Data and weights of observed entries in row order, and in column order."""
        if not isinstance(self.measurement, Entries):
            raise UnsupportedError(
                "only observed entries can be ordered by row and column", type(self.measurement).__name__
            )
        sides = (side.holding(self.y, self.weights) for side in self.measurement.pattern)
        return [(side.values, side.weights) for side in sides]

    @property
    def rounding(self) -> HasRoundingBounds | None:
        """Bounds on the measurement's rounding errors, None if it has none."""
        measurement = self.measurement
        if not bounds_rounding(measurement) or not isinstance(measurement, HasRoundingBounds):
            return None
        return measurement

    @property
    def bounds_rounding(self) -> bool:
        """Whether the rounding of predictions is bounded."""
        return self.rounding is not None

    @cached_property
    def matrices(self) -> MeasuringMatrices:
        """The measuring matrices: how many numbers are stored, how large and how exact they are."""
        return MeasuringMatrices(self.measurement, self.model)

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights), an m x n operator."""
        return self.measurement.adjoint(weights)

    def weights_at(self, rows: Indices) -> Vector:
        """Return the observation weights of some measurements, shape (rows,)."""
        return np.ones(rows.size, self.dtype) if self.weights is None else self.weights[rows]

    def weighted(self, values: Vector) -> Vector:
        """Return values times the observation weights."""
        return values if self.weights is None else self.weights * values

    @property
    def penalty(self) -> float:
        """Strength of the ridge, which is the weight of the nuclear norm; 0 without one."""
        return sum(p.strength for p in self.penalties if isinstance(p, Ridge))

    @property
    def bias_penalty(self) -> float:
        """Strength of the ridge on row and column biases; 0 where they are free."""
        return sum(p.strength for p in self.penalties if isinstance(p, BiasRidge))

    @cached_property
    def unlisted(self) -> Unlisted | None:
        """The penalty of cells that are not listed, None if these do not count."""
        return next((p for p in self.penalties if isinstance(p, Unlisted)), None)

    @cached_property
    def side_weights(self) -> tuple[Vector, Vector] | None:
        """Weights of rows and columns in the penalties, None if all are one."""
        m, n = self.shape
        for penalty in self.penalties:
            if isinstance(penalty, Ridge) and penalty.weights is not None:
                sides = penalty.weights[:: self.factor_size // (m + n)]
                return sides[:m], sides[m:]
            if isinstance(penalty, BiasRidge) and not self.penalty and np.any(penalty.weights != 1):
                by_row = penalty.weights[:m] if "row" in self.model.biases else np.ones(m)
                by_column = penalty.weights[-n:] if "column" in self.model.biases else np.ones(n)
                return by_row, by_column
        return None
