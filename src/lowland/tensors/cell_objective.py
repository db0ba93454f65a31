"""What objectives of known cells share, whatever the model of the tensor: data, weights, and derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.promises.objectives import FitLinearisation
from lowland.losses.squared import Squared
from lowland.tensors.capabilities import CellFit
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.measurement import AllCells, SomeCells, TensorMeasurement

# largest relative gradient of points found in single precision
SINGLE = 1e-3
# cells of a large complete tensor that are predicted at once
SLAB = 1_000_000


class TensorModel(Protocol):
    """How a point makes a tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    @property
    def size(self) -> int:
        """Length of a point."""

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of tensors of the model."""


class CellObjective(ABC):
    """Half the weighted squared errors of the known cells of a tensor.

    Attributes
    ----------
    data : TensorObservations
    model : TensorModel
        The model of the tensor, of the same shape.
    """

    data: TensorObservations
    model: TensorModel
    loss: ClassVar[Squared] = Squared()
    bounds_rounding: ClassVar[bool] = False
    has_second_matrix: ClassVar[bool] = False
    direct_jacobian_work: ClassVar[None] = None
    has_sparse_jacobian: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.data.shape != self.model.shape:
            raise InvalidInputError(
                "data and model must have the same shape",
                f"data {self.data.shape}, model {self.model.shape}",
            )

    @abstractmethod
    def linearise(self, theta: Vector) -> FitLinearisation:
        """Return the objective linearised at a point, for repeated products."""

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

    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J of the data term, shape (size, size), in float64."""
        return self.linearise(theta).normal_matrix

    def prediction_error(self, theta: Vector) -> None:
        """Return None: the rounding of cells is not bounded."""
        return


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
