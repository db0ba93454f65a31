"""Alternating minimisation: each block of coordinates is minimised in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.powers import HasBlockSolver
from lowland.search.stepper import Info


@briefly
@final
@dataclass(frozen=True, eq=False)
class AlternatingState:
    """The point, and the ridge of the next sweep."""

    theta: Vector
    ridge: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class Alternating:
    """One step is a sweep over all blocks, each solved exactly.

    Parameters
    ----------
    first_ridge : float
        Ridge of the first sweep. Later sweeps shrink it, each by a fifth, until the objective's own is
        reached. From a random start this finds solutions that sweeps at a small ridge miss. A
        value up to the objective's ridge means no warm-up.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Alternating, Iterations, ValueBelow
    >>> case = ll.datasets.planted_completion((30, 20), 2, 1.5, rng=0, least=3)
    >>> plan = dict(rank=2, stop=ValueBelow(1e-9) | Iterations(300), certify=False, rng=0)
    >>> solvers = Alternating(first_ridge=5.0), Alternating()
    >>> fits = [ll.recover(case.measurement, case.y, solver=s, **plan) for s in solvers]
    >>> [bool(np.allclose(fit.matrix(), case.truth, atol=1e-2)) for fit in fits]
    [True, False]
    """

    first_ridge: float = 0.0
    name: ClassVar[str] = "alternating"
    needs: ClassVar[tuple[type[Any], ...]] = (HasBlockSolver,)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.first_ridge) and self.first_ridge >= 0):
            raise InvalidInputError("first_ridge must be at least 0", f"{self.first_ridge}")

    @property
    def promises_descent(self) -> bool:
        """Whether no sweep raises the objective: true only without a warm-up."""
        return self.first_ridge == 0

    def warm_up(self, ridge: float) -> int:
        """Return the number of sweeps with a larger ridge than the given ridge of an objective."""
        floor = max(ridge, LEAST_RIDGE_SHARE * self.first_ridge)
        return max(0, ceil(log(self.first_ridge / floor) / -log(SHRINK))) if self.first_ridge > floor else 0

    def init(
        self, objective: HasBlockSolver, theta: Vector, rng: np.random.Generator
    ) -> tuple[AlternatingState, Info]:
        """Evaluate the start."""
        return AlternatingState(theta, max(self.first_ridge, objective.penalty)), Info(objective.value(theta))

    def step(
        self, objective: HasBlockSolver, state: AlternatingState, rng: np.random.Generator
    ) -> tuple[AlternatingState, Info]:
        """Sweep over the blocks."""
        theta = state.theta
        if state.ridge > objective.penalty:
            theta = self._stir(objective, theta, rng)
        for name in objective.block_solver.names:
            theta = objective.block_solver.solve(theta, name, penalty=state.ridge)
        following = SHRINK * state.ridge
        if following <= max(objective.penalty, LEAST_RIDGE_SHARE * self.first_ridge):
            following = objective.penalty
        return AlternatingState(theta, following), Info(objective.value(theta), None, {"ridge": state.ridge})

    def _stir(self, objective: HasBlockSolver, theta: Vector, rng: np.random.Generator) -> Vector:
        """Add a little noise: a factor column that a large ridge sent to zero must be able to return."""
        theta = theta.copy()
        factors = theta[: objective.factor_size]
        size = STIR * float(np.sqrt(np.mean(factors.astype(np.float64) ** 2)))
        factors += theta.dtype.type(size) * rng.standard_normal(factors.size, dtype=theta.dtype.type)
        return theta


# factor of the ridge from one sweep of the warm-up to the next
SHRINK = 0.8
# noise of a warm-up sweep, relative to the factors
STIR = 0.03
# the warm-up ends below this fraction of the first ridge, for objectives without a ridge
LEAST_RIDGE_SHARE = 1e-5
