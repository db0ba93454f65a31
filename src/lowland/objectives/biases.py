"""Free biases at their minimiser: a sparse symmetric system with one unknown per row and column."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.work import CALL, touch
from lowland.kernels.connected_components import connected_parts
from lowland.losses import BiasRidge
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem

REFINEMENTS = 8


@final
class Biases:
    """The biases of rows and columns, and the overall one, that a model fits beside its factors.

    Parameters
    ----------
    objective : RecoveryProblem
    """

    def __init__(self, objective: RecoveryProblem) -> None:
        self.objective = objective

    @cached_property
    def precisions(self) -> Vector:
        """Ridge on each bias in the order of a point, zero where it is free."""
        problem = self.objective
        out = np.zeros(problem.size - problem.factor_size)
        for penalty in problem.penalties:
            if isinstance(penalty, BiasRidge):
                out[: penalty.weights.size] = penalty.strength * penalty.weights
        return out

    def baseline(self) -> Vector:
        """Return the point with zero factors and the biases that fit best without them, if refits are known.

        Otherwise a global bias is at the mean of the data and the others are zero.
        """
        centre = self.objective.centre()
        return self.refit(centre) if isinstance(self.objective.measurement, Entries) else centre

    def refit(self, theta: Vector) -> Vector:
        """Return the point with its biases at their minimiser; unchanged if the loss is not quadratic."""
        problem = self.objective
        if not problem.model.biases or not problem.loss.is_quadratic:
            return theta
        return _refit(problem, self.precisions, theta)


def _refit(objective: RecoveryProblem, precisions: Vector, theta: Vector) -> Vector:
    """Return the point with its biases at their minimiser, the factors held fixed.

    The normal equations are solved by preconditioned conjugate gradients, then solved again for the
    remaining residual, until only rounding is left.
    """
    from scipy.sparse.linalg import cg

    model, measurement = objective.model, objective.measurement
    if not isinstance(model, General) or not isinstance(measurement, Entries):
        raise UnsupportedError("biases can be refitted only for observed entries", type(measurement).__name__)
    weights = np.ones(objective.y.size) if objective.weights is None else objective.weights.astype(np.float64)
    sums = _Sums(model, measurement, weights, penalised=bool(objective.bias_penalty))
    start, count = model.factor_size, sums.size
    ridges = precisions[:count]
    diagonal = sums.of(weights) + ridges
    inverse = np.divide(1, diagonal, out=np.zeros(count), where=diagonal > 0)
    normal = sums.operator(lambda x: sums.product(x) + ridges * x)
    best, least = theta, float("inf")
    exchanges = _exchanges(model, measurement, objective.bias_penalty)
    for _ in range(REFINEMENTS):
        predictions = objective.predict(theta).astype(np.float64)
        right = sums.of(weights * (objective.y - predictions))
        right -= ridges * theta[start : start + count]
        remainder = float(np.linalg.norm(right))
        if not remainder < least:
            break
        best, least = theta, remainder
        size = sums.of(weights * (np.abs(objective.y) + np.abs(predictions)))
        if remainder <= np.finfo(np.float64).eps * float(np.linalg.norm(size)):  # only rounding is left
            break
        if exchanges is not None:  # rounding along them would prevent convergence
            parts, signs = exchanges
            means = np.bincount(parts, signs * right) / np.bincount(parts)
            right -= signs * means[parts]
        with np.errstate(divide="ignore", invalid="ignore"):  # the right-hand side may be pure rounding
            step, _ = cg(normal, right, rtol=1e-6, maxiter=500, M=sums.operator(lambda x: inverse * x))
        if not np.isfinite(step).all():
            break
        theta = best.copy()
        theta[start : start + count] += step.astype(theta.dtype)
    return best


def _exchanges(model: General, measurement: Entries, bias_penalty: float) -> tuple[Indices, Vector] | None:
    """Return the exchanges between free row and column biases that change no prediction.

    There is one per connected part of the table: labels of rows and columns by part, and their signs.
    """
    if bias_penalty or not {"row", "column"} <= set(model.biases):
        return None
    parts = connected_parts(measurement.rows, measurement.columns, model.shape)
    return parts, np.repeat([1.0, -1.0], model.shape)


@final
class _Sums:
    """Sums over the cells of each free bias, and the weighted squares of the biases as a symmetric matrix.

    Parameters
    ----------
    model : General
    measurement : Entries
    weights : ndarray, shape (p,)
    penalised : bool
        Whether biases are penalised; a global bias adds nothing to free row or column biases.
    """

    def __init__(self, model: General, measurement: Entries, weights: Vector, *, penalised: bool) -> None:
        from scipy.sparse import csr_array

        (m, n), by_row = measurement.shape, measurement.pattern[0]
        self.by_side = [side in model.biases for side in ("row", "column")]
        cells = (measurement.rows, measurement.columns)
        self.lines = [line for line, is_free in zip(cells, self.by_side, strict=True) if is_free]
        self.lengths = [length for length, is_free in zip((m, n), self.by_side, strict=True) if is_free]
        self.offset = not self.lines or (penalised and "global" in model.biases)
        self.size = sum(self.lengths) + self.offset
        self.diagonal = self.of(weights)
        ordered = (weights[by_row.values], by_row.partners, by_row.starts)
        self.table = csr_array(ordered, shape=(m, n)) if all(self.by_side) else None

    def of(self, values: Vector) -> Vector:
        """Return the sums of values over the cells of each bias."""
        touch(CALL + 3.0 * values.size)
        sums = [
            np.bincount(line, values, length) for line, length in zip(self.lines, self.lengths, strict=True)
        ]
        return np.concatenate([*sums, [values.sum()]] if self.offset else sums)

    def product(self, x: Vector) -> Vector:
        """Return the matrix times a vector of biases."""
        out = self.diagonal * x
        if self.table is not None:
            touch(CALL + 4.0 * self.table.nnz)
            m = self.lengths[0]
            out[:m] += self.table @ x[m : sum(self.lengths)]
            out[m : sum(self.lengths)] += self.table.T @ x[:m]
        if self.offset and self.lines:
            out[:-1] += self.diagonal[:-1] * x[-1]
            out[-1] += self.diagonal[:-1] @ x[:-1]
        return out

    def operator(self, product: Callable[[Vector], Vector]) -> Any:
        """Return the matrix as a symmetric operator for an iterative solver."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator((self.size, self.size), matvec=product, dtype=np.float64)
