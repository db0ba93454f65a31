"""Searches for a CP decomposition: several starts, the best one, the last digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.parameter_checks import whole_number
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.results.status import StopReason
from lowland.search import GaussNewton, Iterations, RelativeDecreaseBelow, ValueBelow, run
from lowland.search.loop import Callback
from lowland.search.sequence import continued, last_digits, unless_ended
from lowland.search.stepper import Stepper
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.kernels.mode_products import mode_gram, unfold
from lowland.tensors.search.cp_alternating import CPAlternating
from lowland.tensors.searching import MOST_SWEEPS, best_of_starts, newton_refined

# sweeps from a start before it is compared with others; relative decrease at which they end early
ROUGH_SWEEPS, ROUGH = 60, 1e-3
# random starts after the first
RESTARTS = 9
# singular vectors are looked for where one side of an unfolding is at most so long; and the share of the
# largest eigenvalue below which others are rounding
LONGEST, SAME = 2_000, 1e-12
# Gauss-Newton steps form normal equations of at most so many unknowns; others take sweeps
MOST_UNKNOWNS = 800
# relative decrease at which these end, the others over several sweeps: those that Newton steps follow, and
# those of nonnegative factors, which are the last
DIGITS, SWEPT, LAST_SWEPT, WINDOW = 1e-12, 1e-6, 1e-8, 8


@final
@dataclass(frozen=True)
class CPPlan:
    """How to search.

    Parameters
    ----------
    n_restarts : int or "auto"
    max_iter : int
    callbacks : tuple of callable
    """

    n_restarts: int | str = "auto"
    max_iter: int = MOST_SWEEPS
    callbacks: tuple[Callback, ...] = ()

    def __post_init__(self) -> None:
        if self.n_restarts != "auto":
            whole_number(self.n_restarts, "n_restarts", 0)
        whole_number(self.max_iter, "max_iter", 1)


def search_cp(
    objective: CPObjective, plan: CPPlan, rng: np.random.Generator
) -> tuple[SearchResult, tuple[Attempt, ...]]:
    """Search roughly from every start, and continue from the best end.

    Parameters
    ----------
    objective : CPObjective
    plan : CPPlan
    rng : numpy.random.Generator

    Returns
    -------
    SearchResult
        Its point has columns of equal norm in all modes, the largest components first.
    tuple of Attempt
    """
    enough = exact_value(objective)
    rough = ValueBelow(enough) | RelativeDecreaseBelow(ROUGH, window=WINDOW)
    rough = rough | Iterations(min(ROUGH_SWEEPS, plan.max_iter))

    def swept(theta: Vector) -> SearchResult:
        return run(objective, CPAlternating(), theta, stop=rough, rng=rng)

    def from_data(_: Sequence[SearchResult]) -> SearchResult:
        return swept(singular_start(objective, rng))

    def from_random(_: Sequence[SearchResult]) -> SearchResult:
        return swept(random_start(objective, rng))

    is_free = plan.n_restarts == "auto"
    count = RESTARTS if is_free else int(plan.n_restarts)
    starts = [("singular vectors", from_data), *[("random", from_random)] * count]
    best, attempts = best_of_starts(starts, enough, until_agreed=is_free)
    if best.stop_reason is not StopReason.INTERRUPTED:
        best = unless_ended(continued(best, _descend(objective, best.theta, plan, rng)))
    theta = objective.canonical(best.theta)
    return replace(best, theta=theta, value=objective.value(theta)), attempts


def random_start(objective: CPObjective, rng: np.random.Generator) -> Vector:
    """Return factors of normals, absolute ones where they must be nonnegative, of the data's size."""
    factors = [rng.standard_normal((length, objective.components)) for length in objective.shape]
    return _sized(objective, factors)


def singular_start(objective: CPObjective, rng: np.random.Generator) -> Vector:
    """Return leading singular vectors of the unfoldings, with zeros where cells are missing.

    Components beyond a mode's length are random there.
    """
    filled, factors = objective.data.array(fill=0.0), []
    for n, length in enumerate(objective.shape):
        vectors = _leading(filled, n, objective.components)
        missing = objective.components - vectors.shape[1]
        more = rng.standard_normal((length, missing)) / np.sqrt(length)
        factors.append(np.hstack([vectors, more]))
    return _sized(objective, factors)


def _leading(tensor: Matrix, mode: int, count: int) -> Matrix:
    """Return leading left singular vectors of an unfolding, by its smaller Gram matrix; maybe none."""
    length, others = tensor.shape[mode], tensor.size // tensor.shape[mode]
    if min(length, others) > LONGEST:
        return np.zeros((length, 0))
    if length <= others:
        return np.array(np.linalg.eigh(mode_gram(tensor, tensor, mode))[1][:, ::-1][:, :count])
    flat = unfold(tensor, mode)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    some = values[::-1][:count] > SAME * max(float(values[-1]), 0.0)
    left: Matrix = flat @ vectors[:, ::-1][:, :count][:, some]
    unit: Matrix = left / np.linalg.norm(left, axis=0)
    return unit


def _sized(objective: CPObjective, factors: list[Matrix]) -> Vector:
    """Return a point near factors that satisfies the constraints, scaled so that it fits the data best.

    Known entries keep their scale, so that the other modes of their components make up for it.
    """
    theta = objective.imposed(objective.model.pack(factors))
    kept = objective.kept_scales
    if kept.any():
        theta = objective.model.rescaled(theta, 1.0, kept)
    square, along = objective.overlaps(theta)
    scale = abs(along) / square if square > 0 and along else 1.0
    if kept.any():
        return objective.model.rescaled(theta, scale, kept)
    sized: Vector = theta * scale ** (1 / len(factors))
    return sized


def _descend(objective: CPObjective, theta: Vector, plan: CPPlan, rng: np.random.Generator) -> SearchResult:
    """Search to the last digits: by Gauss-Newton steps or sweeps, and Newton steps where factors are free.

    Constrained factors take sweeps alone.
    """
    enough = exact_value(objective)
    most = Iterations(plan.max_iter)
    few = objective.size <= MOST_UNKNOWNS and not objective.is_constrained
    steps: Stepper[Any] = GaussNewton(inner="dense") if few else CPAlternating()
    swept = LAST_SWEPT if objective.is_constrained else SWEPT
    flat = RelativeDecreaseBelow(DIGITS) if few else RelativeDecreaseBelow(swept, window=WINDOW)
    search = run(
        objective, steps, theta, stop=ValueBelow(enough) | flat | most, rng=rng, callbacks=plan.callbacks
    )
    if search.stop_reason is StopReason.INTERRUPTED or objective.is_constrained:
        return search
    if search.value <= enough:
        return last_digits(
            search, 1e-3 * enough, lambda rule: run(objective, steps, search.theta, stop=rule, rng=rng)
        )
    return newton_refined(objective, search, rng)
