"""How far rounding may move the cells of a tensor, their derivatives along a line, and the objective.

Cells are sums of products of entries of the point. Computed with n operations in turn, in any order, they are
off by at most gamma_n times the same sums of absolute values, and by what underflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.protocols import Penalty
from lowland.core.results.records import Expansion
from lowland.core.rounding import gamma, unit_roundoff
from lowland.tensors.capabilities import TensorModel
from lowland.tensors.measurement import AllCells, TensorMeasurement
from lowland.tensors.tucker_tensor import TuckerTensor

# what a product may lose to underflow, at most
SMALLEST = 5e-324
# cells that are expanded, which takes many arrays of their size; and of a complete tensor, how many at once
MOST_CELLS, PIECE = 20_000_000, 1_000_000


class MultilinearFit(Protocol):
    """A fit whose predictions are sums of products of entries of the point."""

    @property
    def model(self) -> TensorModel:
        """The model of the tensor."""

    @property
    def measurement(self) -> TensorMeasurement:
        """The measurement of the known cells."""

    @property
    def y(self) -> Vector:
        """Data, shape (p,)."""

    @property
    def weights(self) -> Vector | None:
        """Weights of the data, None if all are one."""

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """Penalties on the point."""

    def predict(self, theta: Vector) -> Vector:
        """Return the predictions of the data, shape (p,)."""

    def slabs(self, theta: Vector) -> Iterator[tuple[slice, Vector]]:
        """Yield predictions of the known cells and their places, of large tensors a part at a time."""


def prediction_error(objective: MultilinearFit, theta: Vector) -> Vector:
    """Return bounds on the rounding of predictions, shape (p,)."""
    error = objective.predict(np.abs(theta))
    error *= _share(objective, theta)  # in place: it may be as large as memory
    error += _underflow(objective.model, theta)
    return error


def _share(objective: MultilinearFit, theta: Vector) -> float:
    return gamma(objective.model.operations + 8, theta.dtype)


def _underflow(model: TensorModel, *points: Vector) -> float:
    """Bound what underflow of products may change in a cell: later factors may enlarge it."""
    factors = model.lifted(np.sum([np.abs(point) for point in points], axis=0)).factors
    rows = [max(1.0, float(factor.sum(axis=1).max())) for factor in factors]
    return 2 * model.operations * SMALLEST * float(np.prod(rows))


def value_bounds(objective: MultilinearFit, theta: Vector) -> tuple[float, float]:
    """Return a lower and an upper bound on the objective, of large tensors a part at a time."""
    unit, share = unit_roundoff(theta.dtype), _share(objective, theta)
    lost, weights, totals = _underflow(objective.model, theta), objective.weights, np.zeros(2)
    for (here, predicted), (_, size) in zip(
        objective.slabs(theta), objective.slabs(np.abs(theta)), strict=True
    ):
        residual, error = np.abs(predicted - objective.y[here]), share * size + lost
        for k, end in enumerate((np.maximum((1 - 2 * unit) * residual - error, 0.0), residual + error)):
            squares = np.square(end, dtype=np.float64)
            totals[k] += float(squares.sum() if weights is None else squares @ weights[here])
    rounding = gamma(objective.y.size + 16) + 4 * unit
    squares_lost = objective.y.size * SMALLEST * (1.0 if weights is None else float(weights.max(initial=1.0)))
    low = max(0.5 * totals[0] * (1 - rounding) - squares_lost, 0.0)
    high = 0.5 * totals[1] * (1 + rounding) + squares_lost
    for penalty in objective.penalties:
        paid, slack = float(penalty.value(theta)), float(penalty.value_error(theta))
        low, high = low + max(paid - slack, 0.0), high + paid + slack
    return float(low) * (1 - rounding), float(high) * (1 + rounding)


def expand(objective: MultilinearFit, theta: Vector, direction: Vector) -> Expansion | None:
    """Return the predictions along a line through a point, with bounds on their rounding; None of too many.

    The second derivative is a sum over the parts of the point (core and factors): the part moves once, and
    the others once more.
    """
    model, measurement = objective.model, objective.measurement
    if measurement.size > MOST_CELLS:
        return None
    at, change = model.lifted(theta), model.changed(direction)
    sizes, changes = model.lifted(np.abs(theta)), model.changed(np.abs(direction))
    parts = 2 * (len(at.factors) + 1)
    rounding = gamma(2 * sum(at.ranks) + 4 * parts, theta.dtype)
    lost = parts * parts * _underflow(model, theta, direction)
    found = [np.empty(measurement.size, theta.dtype) for _ in range(4)]
    for here, cells, rows in _pieces(measurement):
        for k, (point, moved) in enumerate(((at, change), (sizes, changes))):
            one, other = _rows(point, rows), _rows(moved, rows)
            found[2 * k][here] = cells.push(one, other)
            found[2 * k + 1][here] = sum(
                (cells.push(*pair) for pair in _moved_twice(one, other)), np.zeros(cells.size, theta.dtype)
            )
    slopes, bends, slope_errors, bend_errors = found
    return Expansion(
        objective.predict(theta),
        slopes,
        bends,
        prediction_error(objective, theta),
        rounding * slope_errors + lost,
        rounding * bend_errors + lost,
    )


def _pieces(measurement: TensorMeasurement) -> Iterator[tuple[slice, TensorMeasurement, slice]]:
    """Yield places of cells, their measurement, and the rows of the first factor that they need."""
    if not isinstance(measurement, AllCells):
        yield slice(None), measurement, slice(None)
        return
    length, *others = measurement.shape
    each = measurement.size // length
    step = max(1, PIECE // each)
    for low in range(0, length, step):
        high = min(low + step, length)
        yield slice(low * each, high * each), AllCells((high - low, *others)), slice(low, high)


def _rows(parts: TuckerTensor, rows: slice) -> TuckerTensor:
    return replace(parts, factors=(parts.factors[0][rows], *parts.factors[1:]))


def _moved_twice(at: TuckerTensor, change: TuckerTensor) -> Iterator[tuple[TuckerTensor, TuckerTensor]]:
    """Yield, for each part that moves, the point where it is its change, and the change of the others."""
    here, there = (at.core, *at.factors), (change.core, *change.factors)
    for k, part in enumerate(there):
        if part.any():
            point, rest = list(here), list(there)
            point[k], rest[k] = part, np.zeros_like(part)
            yield TuckerTensor(point[0], tuple(point[1:])), TuckerTensor(rest[0], tuple(rest[1:]))
