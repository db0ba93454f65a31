"""Draws of a CP model, and what they say of cells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.memory import check_fits
from lowland.core.parameter_checks import whole_number
from lowland.core.results.records import SearchResult
from lowland.core.running.interrupt import stop_if_requested
from lowland.search import run
from lowland.search.gibbs import Drawn, Gibbs
from lowland.tensors.filling.objective import BayesianCP

# size of the initial factors, in units of the data, so that their products have this size
FIRST_SIZE = 0.3
# sweeps of least squares that a chain may start from, and their ridge in units of what the data say of a row
LEAST_SQUARES_SWEEPS, RIDGE = 30, 0.1

# points of the model with their noise precisions
Draws = tuple[tuple[Vector, float], ...]


def sampled(
    model: BayesianCP,
    burn_in: int,
    draws: int,
    rng: np.random.Generator,
    *,
    fitted: bool = False,
    first: Vector | None = None,
) -> SearchResult:
    """Return the sweeps of a model.

    Parameters
    ----------
    model : BayesianCP
    burn_in, draws : int
    rng : numpy.random.Generator
    fitted : bool
        Whether they start from a fit by least squares, which finds many components where a random start loses
        them among each other, instead of from a random point.
    first : ndarray, shape (size,), optional
        A point to start from instead.
    """
    check_draws(model.size, draws)
    theta = model.random_point(FIRST_SIZE ** (1 / len(model.shape)), rng) if first is None else first
    start = None if first is None else model.posterior_at(theta, rng)
    if fitted and first is None:
        for _ in range(LEAST_SQUARES_SWEEPS):
            theta = model.least_squares(theta, RIDGE)
            stop_if_requested()
        start = model.posterior_at(theta, rng)
    stop = Drawn(burn_in + draws, draws)
    return run(model, Gibbs(start, burn_in), theta, stop=stop, rng=rng)


def check_draws(size: int, count: int) -> None:
    """Raise if memory does not hold so many points of this size."""
    check_fits(8.0 * (count + 4) * size, "the draws", "ask for fewer draws or components")


def draws_of(search: SearchResult) -> Draws:
    """Return the kept points with their noise precisions."""
    kept = search.state.kept
    noise = search.trace.measures["noise"][search.trace.measures["noise"].size - len(kept) :]
    return tuple(zip(kept, (float(deviation) ** -2 for deviation in noise), strict=True))


def moments(
    model: BayesianCP, draws: Draws, positions: NDArray[np.int64], weights: Vector | None = None
) -> tuple[Vector, Vector]:
    """Return means of cells and standard errors of new observations, of relative precisions `weights`."""
    values = (
        (model.at(theta, positions), model.noise_variances(theta, alpha, positions)) for theta, alpha in draws
    )
    return _moments(values, (len(positions),), len(draws), weights)


def moments_everywhere(model: BayesianCP, draws: Draws) -> tuple[Matrix, Matrix]:
    """Return the same of all cells, of relative precision one, shape (I_1, ..., I_N)."""
    values = ((model.everywhere(theta), model.noise_everywhere(theta, alpha)) for theta, alpha in draws)
    return _moments(values, model.shape, len(draws), None)


def _moments(
    values: Iterable[tuple[Vector, Vector]], shape: tuple[int, ...], count: int, weights: Vector | None
) -> tuple[Vector, Vector]:
    """Return means and standard errors from each draw's predictions and noise variances."""
    total, squares, noise = (np.zeros(shape) for _ in range(3))
    for cells, variances in values:
        total += cells
        squares += cells**2
        noise += variances
    mean = total / count
    variance = np.maximum(squares - count * mean**2, 0.0) / max(count - 1, 1)
    return mean, np.sqrt(variance + noise / count / (1.0 if weights is None else weights))


def check_draws_asked(count: int, there: int) -> int:
    """Return a number of draws as a whole number; raise InvalidInputError if there are not so many."""
    count = whole_number(count, "n_completions", 1)
    if count > there:
        raise InvalidInputError(
            "there are not so many draws", f"{count} of {there}", fix="fit with more draws"
        )
    return count
