"""Levenberg-Marquardt steps from many random starts at once: small problems spend their time in calls."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.work import CALL, Budget, touch
from lowland.objectives import RecoveryObjective
from lowland.search import make_start
from lowland.sensing.searching.solvers import exact_value

# largest number of unknowns, and of numbers in all Jacobians, for searching from many starts at once
MOST_UNKNOWNS, MOST_NUMBERS = 120, 2e6
# searches at once, steps per search, and the first damping as a fraction of the mean curvature
SEARCHES_AT_ONCE, STEPS_PER_SEARCH, FIRST_DAMPING = 24, 60, 1e-3
# calls per step, and the smallest damping as a fraction of the total curvature
CALLS_PER_STEP, LEAST_DAMPING = 16, 1e-14


def is_small(objective: RecoveryObjective) -> bool:
    """Whether `search_from_many_starts` accepts an objective: real, without biases, and small."""
    simple = not (objective.model.is_complex or objective.model.has_unit_trace or objective.model.biases)
    numbers = float(SEARCHES_AT_ONCE * objective.y.size * objective.size)
    small = objective.size <= MOST_UNKNOWNS and numbers <= MOST_NUMBERS and numbers > 0
    return simple and small and objective.direct_jacobian_work is not None


def affordable_searches(objective: RecoveryObjective, budget: Budget) -> int:
    """Return how many searches at once the budget allows."""
    calls = searches_work(objective, 0)
    return (
        budget.times(searches_work(objective, 1) - calls, SEARCHES_AT_ONCE) if budget.allows(2 * calls) else 0
    )


def searches_work(objective: RecoveryObjective, count: int) -> float:
    """Return the work of `search_from_many_starts`."""
    size, p = float(objective.size), float(objective.y.size)
    algebra = p * size * (size / 16 + 4) + size**3 / 8
    if objective.matrices.stored_numbers:
        algebra += objective.matrices.stored_numbers * (objective.rank + 1.0) / 2
    return STEPS_PER_SEARCH * (CALLS_PER_STEP * CALL + count * algebra)


def search_from_many_starts(objective: RecoveryObjective, count: int, rng: np.random.Generator) -> Matrix:
    """Return where searches from random starts end, lowest objective first.

    Parameters
    ----------
    objective : RecoveryObjective
        A small one, with squared loss and no penalty.
    count : int
        Number of searches.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (count, size)
    """
    problem = _Batch(objective)
    thetas = np.stack([make_start(objective, "random", rng) for _ in range(count)])
    residuals, jacobians = problem.linearise(thetas)
    values = (residuals**2).sum(axis=1)
    damping = FIRST_DAMPING * (jacobians**2).sum(axis=(1, 2)) / objective.size
    unit = np.eye(objective.size)
    exact = exact_value(objective)
    for _ in range(STEPS_PER_SEARCH):
        touch(searches_work(objective, count) / STEPS_PER_SEARCH)
        normal = jacobians.transpose(0, 2, 1) @ jacobians
        # rounding must not produce steps along mixings of the factors, which leave the matrix unchanged
        least = np.finfo(float).tiny + LEAST_DAMPING * (jacobians**2).sum(axis=(1, 2))
        shifted = normal + np.maximum(damping, least)[:, None, None] * unit
        slopes = (residuals[:, None, :] @ jacobians).transpose(0, 2, 1)
        tried = thetas - np.linalg.solve(shifted, slopes)[:, :, 0]
        off, slanted = problem.linearise(tried)
        reached = (off**2).sum(axis=1)
        lower = reached < values
        thetas = np.where(lower[:, None], tried, thetas)
        residuals = np.where(lower[:, None], off, residuals)
        jacobians = np.where(lower[:, None, None], slanted, jacobians)
        values = np.where(lower, reached, values)
        damping = np.where(lower, 0.2 * damping, 5 * damping)
        if (values <= exact).all():
            break
    return thetas[np.argsort(values)]


@final
class _Batch:
    """Residuals and Jacobians at many points of one problem."""

    def __init__(self, objective: RecoveryObjective) -> None:
        self.objective, self.measurement = objective, objective.measurement
        self.roots = np.sqrt(objective.weighted(np.ones(objective.y.size)))
        self.rows = objective.matrices.rows()

    def linearise(self, thetas: Matrix) -> tuple[Matrix, Matrix]:
        """Return the weighted residuals, shape (b, p), and their derivatives, shape (b, p, size)."""
        o, count = self.objective, len(thetas)
        (m, n), r, p = o.shape, o.rank, o.y.size
        u = thetas[:, : m * r].reshape(count, m, r)
        v = u if o.model.is_psd else thetas[:, m * r :].reshape(count, n, r)
        if self.rows is not None:
            cube = self.rows.reshape(p, m, n)
            by_left = np.einsum("pmn,bnr->bpmr", cube, v, optimize=True)
            by_right = np.einsum("pmn,bmr->bpnr", cube, u, optimize=True)
            predicted = np.einsum("bpmr,bmr->bp", by_left, u, optimize=True)
        else:
            at: Any = self.measurement
            by_left, by_right = np.zeros((count, p, m, r)), np.zeros((count, p, n, r))
            cells = np.arange(p)
            by_left[:, cells, at.rows], by_right[:, cells, at.columns] = v[:, at.columns], u[:, at.rows]
            predicted = (u[:, at.rows] * v[:, at.columns]).sum(axis=2)
        left, right = by_left.reshape(count, p, m * r), by_right.reshape(count, p, n * r)
        slopes: Matrix = left + right if o.model.is_psd else np.concatenate([left, right], axis=2)
        residuals: Vector = (predicted - o.y) * self.roots
        return residuals, slopes * self.roots[:, None]
