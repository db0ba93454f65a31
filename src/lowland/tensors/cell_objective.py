"""What objectives of known cells share, whatever the model of the tensor: data, weights, and derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self, TypeVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close, joined
from lowland.core.errors import InvalidInputError
from lowland.core.promises.objectives import FitLinearisation
from lowland.core.promises.protocols import Penalty
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Expansion
from lowland.losses.squared import Squared
from lowland.recheck.documents import Document
from lowland.recheck.tensors.cell_problem import CellProblem
from lowland.recheck.tensors.documents import PlainCells
from lowland.tensors.capabilities import CellFit, TensorModel
from lowland.tensors.cell_rounding import expand, prediction_error, value_bounds
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.measurement import AllCells, SomeCells, TensorMeasurement
from lowland.tensors.tucker_tensor import TuckerTensor

P = TypeVar("P", bound=CellProblem)
# largest relative gradient of points found in single precision
SINGLE = 1e-3
# cells of a large complete tensor that are predicted at once
SLAB = 1_000_000


@dataclass(frozen=True, eq=False)
class CellObjective(ABC):
    """Half the weighted squared errors of the known cells of a tensor, and penalties of the point.

    Parameters
    ----------
    data : TensorObservations
    model : TensorModel
        The model of the tensor, of the same shape.
    """

    data: TensorObservations
    model: TensorModel
    loss: ClassVar[Squared] = Squared()
    bounds_rounding: ClassVar[bool] = True
    has_second_matrix: ClassVar[bool] = False
    direct_jacobian_work: ClassVar[None] = None
    has_sparse_jacobian: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.data.shape != self.model.shape:
            raise InvalidInputError(
                "data and model must have the same shape",
                f"data {self.data.shape}, model {self.model.shape}",
            )

    @property
    @abstractmethod
    def penalties(self) -> tuple[Penalty, ...]:
        """What is added to the squared errors."""

    def linearise(self, theta: Vector) -> FitLinearisation:
        """Return the objective linearised at a point, for repeated products."""
        return CellLinearisation(self, theta)

    @abstractmethod
    def predictor(self, theta: Vector) -> Callable[[int, int], Vector]:
        """Return the predictions of all cells of slices low to high - 1 of the first mode, at a point."""

    def slabs(self, theta: Vector) -> Iterator[tuple[slice, Vector]]:
        """Yield predictions of the known cells and their places, of large tensors a part at a time."""
        if self.data.positions is not None or self.data.size <= SLAB:
            yield slice(None), self.predict(theta)
            return
        predicted, slices = self.predictor(theta), self.shape[0]
        each = self.data.size // slices
        step = max(1, SLAB // each)
        for low in range(0, slices, step):
            high = min(low + step, slices)
            yield slice(low * each, high * each), predicted(low, high)

    def data_value(self, theta: Vector) -> float:
        """Return half the weighted sum of squares, in float64."""
        weights, total = self.weights, 0.0
        for here, predicted in self.slabs(theta):
            total += sum_of_squares(predicted - self.y[here], None if weights is None else weights[here])
        return 0.5 * total

    def value(self, theta: Vector) -> float:
        """Return the objective, summed in float64."""
        return self.data_value(theta) + sum(penalty.value(theta) for penalty in self.penalties)

    @abstractmethod
    def predict(self, theta: Vector) -> Vector:
        """Return the model's predictions of the known cells, shape (p,)."""

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.model.size

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Precision of the data and of points."""
        return self.data.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.data.shape

    @property
    def y(self) -> Vector:
        """Known values, shape (p,)."""
        return self.data.values

    @property
    def weights(self) -> Vector | None:
        """Weights of the known values, None if all are one."""
        return self.data.weights

    @cached_property
    def measurement(self) -> TensorMeasurement:
        """The measurement of the known cells."""
        positions = self.data.positions
        return AllCells(self.shape) if positions is None else SomeCells(positions, self.shape)

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of tensors of the model."""
        return self.model.degrees_of_freedom

    @property
    def reachable_gradient(self) -> float:
        """Largest relative gradient of points found in the precision of the data."""
        return 0.0 if self.dtype == np.float64 else SINGLE

    @cached_property
    def full_tensor(self) -> Matrix | None:
        """The dense tensor if every cell is known and has the same weight, None otherwise."""
        if not self.data.is_full or self.weights is not None:
            return None
        return self.y.reshape(self.shape)

    @cached_property
    def square(self) -> float:
        """The weighted sum of squares of the data."""
        return sum_of_squares(self.y, self.weights)

    @property
    def unfitted(self) -> tuple[float, Vector]:
        """The data term and its weighted slopes where nothing is fitted."""
        return 0.5 * self.square, self.weighted(self.y)

    def weighted(self, values: Vector) -> Vector:
        """Return values times the weights."""
        return values if self.weights is None else values * self.weights

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient, shape (size,)."""
        return self.linearise(theta).gradient

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return value and gradient from one pass over the cells."""
        at = self.linearise(theta)
        return at.value, at.gradient

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""
        return self.linearise(theta).hessian_product(direction)

    @abstractmethod
    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J of the data term, shape (size, size), in float64."""

    def transpose_product(self, theta: Vector, weights: Vector) -> Vector:
        """Return the gradient of sum weights * cells in the point."""
        return self.model.lowered(self.measurement.pull(self.model.lifted(theta), weights))

    def prediction_error(self, theta: Vector) -> Vector:
        """Return bounds on the rounding of `predict`, shape (p,)."""
        return prediction_error(self, theta)

    @abstractmethod
    def close_slabs(self, theta: Vector) -> Iterator[tuple[slice, Close]]:
        """Yield predictions with twice the digits, bounds on their errors, and places, some at a time."""

    def predict_closely(self, theta: Vector) -> Close:
        """Return the predictions with twice the digits, with bounds on their errors."""
        return joined([found for _, found in self.close_slabs(theta)])

    def expand(self, theta: Vector, direction: Vector) -> Expansion | None:
        """Return the predictions along a line, with bounds on their rounding; None of too many cells."""
        return expand(self, theta, direction)

    def value_bounds(self, theta: Vector) -> tuple[float, float]:
        """Return a lower and an upper bound on the objective, all rounding included."""
        return value_bounds(self, theta)

    def in_double(self) -> Self:
        """Return the same problem in float64."""
        return self if self.dtype == np.float64 else replace(self, data=self.data.in_double())

    @abstractmethod
    def document(self, theta: Vector, certificate: Certificate) -> Document:
        """Return a certificate with the problem and the point that it is about, but without the data."""

    def plain_problem(self, theta: Vector, read: Callable[[Document, PlainCells], P]) -> P:
        """Return the problem and a point of it as plain arrays, as they are read from a document."""
        double = self.in_double()
        document = double.document(np.asarray(theta, np.float64), Certificate(()))
        return replace(read(document, plain_cells(double.data)), words=self.describe())

    @abstractmethod
    def describe(self) -> str:
        """Return the problem in one line."""

    def described(self, model: str) -> str:
        """Return the problem in one line, of a model in words."""
        by = " x ".join(str(length) for length in self.shape)
        known = "all cells" if self.data.is_full else f"{self.data.size} cells"
        weighted = ", weighted" if self.weights is not None else ""
        return f"{by} tensor of {model} from {known}{weighted}, squared loss"


class PointLinearisation(ABC):
    """Predictions and slopes at a point, each computed at most once.

    Parameters
    ----------
    objective : CellObjective
    theta : ndarray, shape (size,)
        The point; it must not be changed afterwards.
    """

    objective: CellObjective
    theta: Vector

    def __init__(self, objective: CellObjective, theta: Vector) -> None:
        self.objective, self.theta = objective, theta
        self.parts: TuckerTensor = objective.model.lifted(theta)

    @property
    @abstractmethod
    def value(self) -> float:
        """The objective."""

    @property
    @abstractmethod
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""

    @abstractmethod
    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T W J + Hessian of the penalties) times a direction."""

    @abstractmethod
    def curvature_product(self, direction: Vector) -> Vector:
        """Return the Hessian's part from the model's curvature times a direction."""

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""
        return self.gauss_newton_product(direction) + self.curvature_product(direction)

    @property
    def predictions(self) -> Vector:
        """The model's predictions of the known cells, shape (p,)."""
        return self.objective.predict(self.theta)

    @cached_property
    def residual(self) -> Vector:
        """Predictions minus data, shape (p,)."""
        residual = self.predictions
        residual -= self.objective.y  # in place: it may be as large as memory
        return residual

    @cached_property
    def normal_matrix(self) -> Matrix:
        """J^T W J of the data term, shape (size, size), in float64."""
        return self.objective.normal_matrix(self.theta)

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the known cells along a direction, shape (p,)."""
        return self.objective.measurement.push(self.parts, self.objective.model.changed(direction))

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        return self.objective.model.lowered(self.objective.measurement.pull(self.parts, weights))

    def slope_change(self, direction: Vector, weights: Vector) -> Vector:
        """Return the derivative of `jacobian_transpose` along a direction, with the weights held fixed."""
        change = self.objective.model.changed(direction)
        slopes = self.objective.measurement.pull_derivative(self.parts, change, weights)
        return self.objective.model.lowered(slopes)

    def jacobian(self) -> None:
        """Return None: the Jacobian is available through products only."""
        return

    def second_matrix(self) -> None:
        """Return None: the Hessian's part from the model's curvature is available through products only."""
        return


@final
class CellLinearisation(PointLinearisation):
    """Predictions and slopes at a point, from the residuals of all known cells."""

    @cached_property
    def value(self) -> float:
        """The objective."""
        data = 0.5 * sum_of_squares(self.residual, self.objective.weights)
        return data + sum(penalty.value(self.theta) for penalty in self.objective.penalties)

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        total = self.jacobian_transpose(self.objective.weighted(self.residual))
        for penalty in self.objective.penalties:
            total = total + penalty.gradient(self.theta)
        return total

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T W J + Hessian of the penalties) times a direction."""
        total = self.jacobian_transpose(self.objective.weighted(self.jacobian_product(direction)))
        for penalty in self.objective.penalties:
            total = total + penalty.hessian_product(self.theta, direction)
        return total

    def curvature_product(self, direction: Vector) -> Vector:
        """Return the Hessian's part from the model's curvature times a direction."""
        return self.slope_change(direction, self.objective.weighted(self.residual))


def factor_arrays(factors: Iterable[Matrix]) -> dict[str, Matrix]:
    """Return factors by the names that they have in files."""
    return {f"factor_{n}": factor for n, factor in enumerate(factors)}


def sum_of_squares(values: Vector, weights: Vector | None) -> float:
    """Return the weighted sum of squares, accumulated in float64."""
    if weights is None:
        if values.dtype == np.float64:
            return float(values @ values)
        return float(np.sum(np.square(values, dtype=np.float64)))
    return float(np.sum(weights.astype(np.float64) * np.square(values, dtype=np.float64)))


def exact_value(objective: CellFit) -> float:
    """Return the value below which a fit is exact to rounding."""
    digits = 64 * float(np.finfo(objective.dtype).eps)
    return max(0.5 * objective.square * digits**2, np.finfo(float).tiny)
