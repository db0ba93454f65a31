"""Alternating least squares for CP: the rows of one mode after the other, nonnegative where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.search.stepper import Info
from lowland.tensors.capabilities import HasModeRows


@final
@dataclass(frozen=True, eq=False)
class CPAlternatingState:
    """A point and its value."""

    theta: Vector
    value: float


@final
@dataclass(frozen=True)
class CPAlternating:
    """One step solves the rows of all modes in turn, each mode given the others.

    Every update minimises the objective over one mode's factor, so that no step raises it. Columns are given
    equal norms in all modes after each step.

    References
    ----------
    J. D. Carroll, J.-J. Chang, Analysis of individual differences in multidimensional scaling, Psychometrika
    1970; R. Bro, PARAFAC: tutorial and applications, Chemometrics and Intelligent Laboratory Systems 1997.
    """

    name: ClassVar[str] = "cp_alternating"
    needs: ClassVar[tuple[type[Any], ...]] = (HasModeRows,)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: HasModeRows, theta: Vector, rng: np.random.Generator
    ) -> tuple[CPAlternatingState, Info]:
        """Evaluate the start."""
        state = CPAlternatingState(theta, objective.value(theta))
        return state, Info(state.value)

    def step(
        self, objective: HasModeRows, state: CPAlternatingState, rng: np.random.Generator
    ) -> tuple[CPAlternatingState, Info]:
        """Solve every mode once."""
        theta = state.theta
        # free modes first: with a wrong sign there, nonnegative columns would become zero, and remain so
        for mode in sorted(range(len(objective.shape)), key=objective.needs_sign):
            theta = objective.with_solved_mode(theta, mode)
        theta = objective.canonical(theta)
        after = CPAlternatingState(theta, objective.value(theta))
        if not after.value <= state.value:  # nothing is left but rounding
            return state, Info(state.value, stalled="no mode can be improved")
        return after, Info(after.value)
