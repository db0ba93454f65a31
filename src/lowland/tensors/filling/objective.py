"""CP with Gaussian rows, learnt priors and noise: the blocks that Gibbs sampling draws.

Cell (i, j, ...) is the sum over components of the products of the rows i, j, ... of the modes' factors, plus
noise, whose precision may differ by the slices of one mode. A row is the solution of a row of a table whose
columns are the combinations of the other modes, with the products of their rows as factors: the row kernel
draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.work import rows_work, touch
from lowland.kernels.systems.rows import Noise
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.cells.unfoldings import SlicePrecisions, Unfolding, all_products, products

# strength of the Wishart prior of each mode's rows
STRENGTH = 0.05
# shapes of the prior of slices' precisions that are compared, all of mean one: from any to nearly equal ones
SHAPES = (2.0, 4.0, 8.0, 16.0, 64.0, 256.0)
# noise variances are floored at this power of the unit roundoff, as those of tables
LEAST_NOISE = 2 / 3


@final
@dataclass(frozen=True, eq=False)
class CPDraw:
    """One draw of all factors, priors and noise.

    Parameters
    ----------
    theta : ndarray, shape (size,)
        Factors, mode by mode, and the relative precisions of the slices of the mode by which noise differs.
    precisions, coefficients : tuple of ndarray, shapes (r, r) and (f_n + 1, r)
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
    data : TensorObservations or StoredTensor
        In double precision.
    rank : int
        Number of components.
    features : sequence of ndarray or None, shapes (I_n, f_n), optional
        What the means of each mode's rows depend on.
    noise_mode : int or None
        The mode by whose slices noise differs; None: it is the same everywhere.
    unit : pair of float, optional
        Centre and spread of the cells that points are for; by default those of the data.

    Notes
    -----
    A sweep costs O(N (p r^2 + sum of lengths r^3)) for p known cells and N modes.

    References
    ----------
    L. Xiong et al., Temporal collaborative filtering with Bayesian probabilistic tensor factorization, SDM
    2010.
    """

    shape: tuple[int, ...]
    rank: int
    noise_mode: int | None
    centre: float
    spread: float
    unfoldings: list[Unfolding]

    def __init__(
        self,
        data: KnownCells,
        rank: int,
        features: Sequence[Matrix | None] | None = None,
        noise_mode: int | None = None,
        unit: tuple[float, float] | None = None,
    ) -> None:
        self.shape, self.rank, self.noise_mode = data.shape, rank, noise_mode
        self.slice_counts: Indices | None = None if noise_mode is None else data.slice_counts()[noise_mode]
        unfolded = data.unfoldings()
        mass = float(data.size if data.weights is None else data.weights.sum())
        self.centre = float(unfolded[0].sums()[0].sum()) / mass
        squares = unfolded[0].scaled(self.centre, 1.0).sums()[1]
        self.spread = float(np.sqrt(squares.sum() / mass)) or 1.0
        if unit is not None:
            self.centre, self.spread = unit
        self.unfoldings = [unfolding.scaled(self.centre, self.spread) for unfolding in unfolded]
        self.count: int = data.size
        self.priors: list[SidePrior] = [
            SidePrior(MatrixDesign(length, basis), rank, STRENGTH, np.dtype(np.float64))
            for length, basis in zip(data.shape, features or [None] * len(data.shape), strict=True)
        ]

    @property
    def size(self) -> int:
        """Length of a point."""
        return self._factors_size + (0 if self.noise_mode is None else self.shape[self.noise_mode])

    @property
    def _factors_size(self) -> int:
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
        return [part.reshape(-1, self.rank) for part in np.split(theta[: self._factors_size], ends)]

    def random_point(self, size: float, rng: np.random.Generator) -> Vector:
        """Return a point whose factors are normal numbers of a size, with equal precisions of slices."""
        theta = size * rng.standard_normal(self.size)
        theta[self._factors_size :] = 1.0
        return theta

    def _with_factors(self, theta: Vector, factors: Sequence[Matrix]) -> Vector:
        parts = [factor.ravel() for factor in factors]
        return np.concatenate([*parts, theta[self._factors_size :]])

    def slices(self, theta: Vector) -> SlicePrecisions | None:
        """Return the relative precisions of slices; None if noise is the same everywhere."""
        if self.noise_mode is None:
            return None
        return SlicePrecisions(self.noise_mode, theta[self._factors_size :])

    def first_posterior(self, theta: Vector) -> CPDraw:
        """Return a point with priors and noise at one."""
        first = [prior.first() for prior in self.priors]
        precisions, coefficients = (tuple(parts) for parts in zip(*first, strict=True))
        return CPDraw(theta, precisions, coefficients, 1.0, float(self.count))

    def least_squares(self, theta: Vector, ridge: float) -> Vector:
        """Return a point after one sweep of least squares over all modes, with columns of equal norm.

        Parameters
        ----------
        theta : ndarray, shape (size,)
        ridge : float
            In units of what the known cells say of a row on average.
        """
        factors = [factor.copy() for factor in self.factors(theta)]
        zero, eye = np.zeros(self.rank), np.eye(self.rank)
        for mode, unfolded in enumerate(self.unfoldings):
            others = [float(np.mean(factor**2)) for k, factor in enumerate(factors) if k != mode]
            unit = ridge * float(np.prod(others)) * self.count / self.shape[mode]
            precision = max(unit, float(np.finfo(np.float64).tiny)) * eye
            factors[mode] = unfolded.solve(factors, precision, zero, Noise(0, 0, 0.0), self.slices(theta))
        norms = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
        norms = np.maximum(norms, np.finfo(np.float64).tiny)
        # entries of all modes become alike
        roots = np.sqrt(np.array(self.shape, np.float64))
        sizes = np.exp(np.mean(np.log(norms / roots[:, None]), axis=0))
        scaled = [
            factor * (sizes * root / norm) for factor, root, norm in zip(factors, roots, norms, strict=True)
        ]
        return self._with_factors(theta, scaled)

    def posterior_at(self, theta: Vector, rng: np.random.Generator) -> CPDraw:
        """Return a point with priors and noise drawn given it."""
        drawn = [prior.draw(rows, rng) for prior, rows in zip(self.priors, self.factors(theta), strict=True)]
        precisions, coefficients = (tuple(parts) for parts in zip(*drawn, strict=True))
        state = CPDraw(theta, precisions, coefficients, 1.0, float(self.count))
        return replace(self._draw_noise(state, rng), sweep=0)

    def first_draw(self, start: CPDraw, key: int) -> CPDraw:
        """Return a point as the first draw."""
        return replace(start, key=key, error=self.squared_error(start.theta))

    def draw(self, state: CPDraw, name: str, rng: np.random.Generator) -> CPDraw:
        """Return the state with one block drawn given the others."""
        if name == "noise":
            return self._draw_noise(state, rng)
        mode = self.block_names.index(name)
        factors, prior = self.factors(state.theta), self.priors[mode]
        precision = state.precisions[mode] / state.noise_precision
        touch(rows_work(self.count, self.shape[mode], self.rank))
        drawn = self.unfoldings[mode].solve(
            factors,
            precision,
            prior.shifts(state.coefficients[mode], precision),
            Noise(state.key, len(self.shape) * state.sweep + mode, state.noise_precision**-0.5),
            self.slices(state.theta),
        )
        precisions, coefficients = list(state.precisions), list(state.coefficients)
        precisions[mode], coefficients[mode] = prior.draw(drawn, rng)
        factors[mode] = drawn
        theta = self._with_factors(state.theta, factors)
        return replace(state, theta=theta, precisions=tuple(precisions), coefficients=tuple(coefficients))

    def _draw_noise(self, state: CPDraw, rng: np.random.Generator) -> CPDraw:
        theta, least = state.theta, float(np.finfo(np.float64).eps) ** LEAST_NOISE
        if self.noise_mode is None:
            error = self.squared_error(theta)
        else:
            errors = self.unfoldings[self.noise_mode].errors(self.factors(theta))
            before = theta[self._factors_size :]
            assert self.slice_counts is not None
            scaled = state.noise_precision * np.maximum(errors, least)
            precisions = self.draw_precisions(before, scaled, self.slice_counts, rng)
            theta = np.concatenate([theta[: self._factors_size], precisions])
            error = float(precisions @ errors)
        alpha = rng.gamma(self.count / 2) / (0.5 * max(error, least * self.count))
        return replace(state, theta=theta, noise_precision=float(alpha), error=error, sweep=state.sweep + 1)

    def draw_precisions(
        self, before: Vector, errors: Vector, counts: Indices, rng: np.random.Generator
    ) -> Vector:
        """Return relative precisions of slices, given the numbers of their cells and their squared errors.

        These are in units of the noise. The shape of the precisions' prior is drawn given those of before.
        """
        from scipy.special import gammaln

        shapes, total = np.array(SHAPES), before.size
        logs = shapes * (np.log(before) - before).sum() + total * (shapes * np.log(shapes) - gammaln(shapes))
        weights = np.exp(logs - logs.max())
        shape = float(rng.choice(shapes, p=weights / weights.sum()))
        return np.asarray(rng.gamma(shape + counts / 2) / (shape + errors / 2))

    def squared_error(self, theta: Vector) -> float:
        """Return the weighted squared error of a point on the known cells."""
        if self.noise_mode is None:
            return float(self.unfoldings[0].errors(self.factors(theta)).sum())
        return float(
            theta[self._factors_size :] @ self.unfoldings[self.noise_mode].errors(self.factors(theta))
        )

    def energy(self, state: CPDraw) -> float:
        """Return the negative log likelihood of a draw, up to a constant."""
        alpha = state.noise_precision
        sizes = self.count * float(np.log(alpha))
        if self.slice_counts is not None:
            sizes += float(self.slice_counts @ np.log(state.theta[self._factors_size :]))
        return 0.5 * alpha * state.error - 0.5 * sizes

    def noise_variances(self, theta: Vector, alpha: float, positions: NDArray[np.int64]) -> Vector:
        """Return variances of the noise of cells of weight one, in the tensor's squared unit, shape (k,)."""
        slices = self.slices(theta)
        shares = np.ones(len(positions)) if slices is None else 1 / slices.values[positions[:, slices.mode]]
        scaled: Vector = shares * (self.spread**2 / alpha)
        return scaled

    def noise_everywhere(self, theta: Vector, alpha: float) -> Matrix:
        """Return the same of all cells, of a shape that broadcasts."""
        shape = [1] * len(self.shape)
        slices = self.slices(theta)
        if slices is None:
            return np.full(shape, self.spread**2 / alpha)
        shape[slices.mode] = -1
        variances: Matrix = (self.spread**2 / alpha / slices.values).reshape(shape)
        return variances

    def at(self, theta: Vector, positions: NDArray[np.int64]) -> Vector:
        """Return the cells of a point at some positions, in the unit of the tensor, shape (k,)."""
        cells: Vector = self.centre + self.spread * products(self.factors(theta), positions).sum(axis=1)
        return cells

    def everywhere(self, theta: Vector) -> Matrix:
        """Return all cells of a point, in the unit of the tensor."""
        first, *others = self.factors(theta)
        flat = first @ all_products(others).T
        return (self.centre + self.spread * flat).reshape(self.shape)
