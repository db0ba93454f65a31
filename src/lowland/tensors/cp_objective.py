"""CP with Gaussian rows, learnt priors and noise: the blocks that Gibbs sampling draws.

Cell (i, j, ...) is the sum over components of the products of the rows i, j, ... of the modes' factors, plus
noise. A row is the solution of a row of a table whose columns are the combinations of the other modes, with
the products of their rows as factors: the row kernel draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.work import rows_work, touch
from lowland.kernels.rows import Noise, solve_rows
from lowland.kernels.sparse import squared_errors
from lowland.tensors.observations import TensorObservations

# strength of the Wishart prior of each mode's rows
STRENGTH = 0.05
# noise variances are floored at this power of the unit roundoff, as those of tables
LEAST_NOISE = 2 / 3


@final
@dataclass(frozen=True, eq=False)
class CPDraw:
    """One draw of all factors, priors and noise.

    Parameters
    ----------
    theta : ndarray, shape (size,)
        Factors, mode by mode.
    precisions, coefficients : tuple of ndarray, shapes (r, r) and (1, r)
        Of each mode's prior.
    noise_precision : float
    error : float
        Weighted squared error when the noise was drawn.
    key, sweep : int
        Position in the stream of normals.
    kept : tuple of ndarray, shape (size,)
        Points kept from earlier sweeps.
    """

    theta: Vector
    precisions: tuple[Matrix, ...]
    coefficients: tuple[Matrix, ...]
    noise_precision: float
    error: float
    key: int = 0
    sweep: int = 0
    kept: tuple[Vector, ...] = ()


@final
class BayesianCP:
    """The probabilistic model of a tensor, in the unit of its standard deviation.

    Parameters
    ----------
    data : TensorObservations
        In double precision.
    rank : int
        Number of components.

    Notes
    -----
    A sweep costs O(N (p r^2 + sum of lengths r^3)) for p known cells and N modes.

    References
    ----------
    L. Xiong et al., Temporal collaborative filtering with Bayesian probabilistic tensor factorization, SDM
    2010.
    """

    def __init__(self, data: TensorObservations, rank: int) -> None:
        self.shape, self.rank = data.shape, rank
        self.centre = float(np.average(data.values, weights=data.weights))
        spread = float(np.sqrt(np.average((data.values - self.centre) ** 2, weights=data.weights)))
        self.spread = spread or 1.0
        scaled = (data.values - self.centre) / self.spread
        positions = data.all_positions()
        self.unfoldings = [
            Unfolding.of(positions, scaled, data.weights, mode, data.shape) for mode in range(len(data.shape))
        ]
        self.count = data.size
        self.priors = [
            SidePrior(MatrixDesign(length, None), rank, STRENGTH, np.dtype(np.float64))
            for length in data.shape
        ]

    @property
    def size(self) -> int:
        """Length of a point."""
        return sum(self.shape) * self.rank

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points."""
        return np.dtype(np.float64)

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the blocks, in the order of a sweep."""
        return (*(f"mode {k}" for k in range(len(self.shape))), "noise")

    def factors(self, theta: Vector) -> list[Matrix]:
        """Return views of the factors, shapes (I_n, r)."""
        ends = np.cumsum(self.shape)[:-1] * self.rank
        return [part.reshape(-1, self.rank) for part in np.split(theta, ends)]

    def first_posterior(self, theta: Vector) -> CPDraw:
        """Return a point with priors and noise at one."""
        first = [prior.first() for prior in self.priors]
        precisions, coefficients = (tuple(parts) for parts in zip(*first, strict=True))
        return CPDraw(theta, precisions, coefficients, 1.0, float(self.count))

    def first_draw(self, start: CPDraw, key: int) -> CPDraw:
        """Return a point as the first draw."""
        return replace(start, key=key, error=self.squared_error(start.theta))

    def restore_draw(self, fields: Mapping[str, Any]) -> CPDraw:
        """Return the draw with the given fields."""
        return CPDraw(**{**fields, "kept": tuple(fields.get("kept", ()))})

    def draw(self, state: CPDraw, name: str, rng: np.random.Generator) -> CPDraw:
        """Return the state with one block drawn given the others."""
        if name == "noise":
            return self._draw_noise(state, rng)
        mode = self.block_names.index(name)
        factors, unfolded, prior = self.factors(state.theta), self.unfoldings[mode], self.priors[mode]
        precision = state.precisions[mode] / state.noise_precision
        touch(rows_work(self.count, self.shape[mode], self.rank))
        drawn = solve_rows(
            unfolded.design(factors),
            unfolded.starts,
            unfolded.columns,
            unfolded.values,
            weights=unfolded.weights,
            precision=precision,
            shift=prior.shifts(state.coefficients[mode], precision),
            noise=Noise(state.key, len(self.shape) * state.sweep + mode, state.noise_precision**-0.5),
        )
        precisions, coefficients = list(state.precisions), list(state.coefficients)
        precisions[mode], coefficients[mode] = prior.draw(drawn, rng)
        factors[mode] = drawn
        theta = np.concatenate([factor.ravel() for factor in factors])
        return replace(state, theta=theta, precisions=tuple(precisions), coefficients=tuple(coefficients))

    def _draw_noise(self, state: CPDraw, rng: np.random.Generator) -> CPDraw:
        error = self.squared_error(state.theta)
        least = float(np.finfo(np.float64).eps) ** LEAST_NOISE * self.count
        alpha = rng.gamma(self.count / 2) / (0.5 * max(error, least))
        return replace(state, noise_precision=float(alpha), error=error, sweep=state.sweep + 1)

    def squared_error(self, theta: Vector) -> float:
        """Return the weighted squared error of a point on the known cells."""
        factors, first = self.factors(theta), self.unfoldings[0]
        errors = squared_errors(
            factors[0], first.design(factors), first.starts, first.columns, first.values, first.weights
        )
        return float(errors.sum())

    def energy(self, state: CPDraw) -> float:
        """Return the negative log likelihood of a draw, up to a constant."""
        alpha = state.noise_precision
        return 0.5 * alpha * state.error - 0.5 * self.count * float(np.log(alpha))

    def at(self, theta: Vector, positions: NDArray[np.int64]) -> Vector:
        """Return the cells of a point at some positions, in the unit of the tensor, shape (k,)."""
        terms = np.ones((len(positions), self.rank))
        for factor, own in zip(self.factors(theta), positions.T, strict=True):
            terms *= factor[own]
        cells: Vector = self.centre + self.spread * terms.sum(axis=1)
        return cells

    def everywhere(self, theta: Vector) -> Matrix:
        """Return all cells of a point, in the unit of the tensor."""
        first, *others = self.factors(theta)
        flat = first @ all_products(others).T
        return (self.centre + self.spread * flat).reshape(self.shape)


@final
@dataclass(frozen=True, eq=False)
class Unfolding:
    """The known cells by the rows of one mode; columns are combinations of the other modes.

    Parameters
    ----------
    mode : int
    starts, columns, values, weights : ndarray
        Rows compressed.
    combinations : ndarray of int, shape (columns, modes - 1), or None
        Positions in the other modes of each column; None if all combinations are columns, in C order.
    """

    mode: int
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: Vector
    weights: Vector | None
    combinations: Indices | None

    @classmethod
    def of(
        cls,
        positions: NDArray[np.int64],
        values: Vector,
        weights: Vector | None,
        mode: int,
        shape: tuple[int, ...],
    ) -> Unfolding:
        """Return the unfolding of a list of cells."""
        others = [k for k in range(len(shape)) if k != mode]
        lengths = tuple(shape[k] for k in others)
        numbers = np.ravel_multi_index(tuple(positions[:, k] for k in others), lengths)
        combinations = None
        if len(values) < prod(lengths):  # few of them occur
            used, numbers = np.unique(numbers, return_inverse=True)
            combinations = np.stack(np.unravel_index(used, lengths), axis=1)
        order = np.lexsort((numbers, positions[:, mode]))
        counts = np.bincount(positions[:, mode], minlength=shape[mode])
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        ordered = None if weights is None else weights[order].astype(np.float64)
        return cls(mode, starts, numbers[order].astype(np.int32), values[order], ordered, combinations)

    def design(self, factors: Sequence[Matrix]) -> Matrix:
        """Return the products of the other modes' rows for each column, shape (columns, r)."""
        others = [factor for k, factor in enumerate(factors) if k != self.mode]
        if self.combinations is None:
            return all_products(others)
        terms = np.ones((len(self.combinations), others[0].shape[1]))
        for factor, own in zip(others, self.combinations.T, strict=True):
            terms *= factor[own]
        return terms


def all_products(factors: Sequence[Matrix]) -> Matrix:
    """Return the products of rows of some factors, for all combinations in C order (Khatri-Rao)."""
    rank = factors[0].shape[1]
    out = np.ones((1, rank))
    for factor in factors:
        out = (out[:, None, :] * factor[None]).reshape(-1, rank)
    return out
