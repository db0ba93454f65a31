"""Escape from saddles invisible to the Hessian: add a rank-one part of the residual in unused columns.

A point that lacks a direction of the data in m modes is, for the objective of core and factors, a saddle of
order m + 1: m factors and the core must move together before the objective decreases. In the space of tensors
the escape is simple: add the best rank-one part of the residual whose vectors are new in those m modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.search.stepper import Info
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.kernels.rank_one_escapes import mode_sets, way_out

# smallest relative decrease that counts
GAIN = 1e-9


@final
@dataclass(frozen=True, eq=False)
class EscapeState:
    """The point, its value, and the order of the saddle that the last step escaped (0 at the start)."""

    theta: Vector
    value: float
    order: int


@final
@dataclass(frozen=True)
class HighOrderEscape:
    """Escape from high-order saddles: a step adds a rank-one part of the residual that is new in some modes.

    Parameters
    ----------
    recycle : bool
        Whether, if all columns are in use, the smallest of each mode may be replaced by a better one.
    starts : int
        Random starts of each power iteration.
    at_random : bool
        Whether directions are drawn at random in the missing subspaces, as the published search does, instead
        of those of the best rank-one part; the length is the best along them in both cases.

    Notes
    -----
    Sets of fewest modes come first, so that the order of the saddle, modes plus one, is right. A step costs a
    few hundred passes over the tensor, a few at random, and needs it dense. Without `at_random` it is
    deterministic except for the starts of the power iterations.

    References
    ----------
    A. Frandsen, R. Ge, Optimization landscape of Tucker decomposition, Math. Program. 2020; A. Anandkumar,
    R. Ge, Efficient approaches for escaping higher order saddle points, COLT 2016.
    """

    recycle: bool = False
    starts: int = 5
    at_random: bool = False
    name: ClassVar[str] = "high_order_escape"
    needs: ClassVar[tuple[type[Any], ...]] = (TensorFit,)
    promises_descent: ClassVar[bool] = True

    def init(self, objective: TensorFit, theta: Vector, rng: np.random.Generator) -> tuple[EscapeState, Info]:
        """Evaluate the start."""
        state = EscapeState(theta, objective.value(theta), 0)
        return state, Info(state.value, measures={"order": 0.0})

    def step(
        self, objective: TensorFit, state: EscapeState, rng: np.random.Generator
    ) -> tuple[EscapeState, Info]:
        """Try sets of modes until the objective decreases."""
        parts = objective.orthonormal(state.theta)
        for recycle in (False, True) if self.recycle else (False,):
            for modes in mode_sets(parts.core.ndim):
                way = way_out(
                    objective,
                    parts,
                    modes,
                    rng,
                    recycle=recycle,
                    starts=self.starts,
                    at_random=self.at_random,
                )
                if way is None:
                    continue
                reached, enough = way.reached(), state.value * (1 - GAIN)
                if objective.data_value(reached.point()) >= enough:
                    continue  # balancing takes long and changes no cell
                theta = objective.balanced(reached)
                value = objective.value(theta)
                if value < enough:
                    order = 0 if recycle else len(modes) + 1
                    return EscapeState(theta, value, order), Info(value, measures={"order": float(order)})
        message = "no rank-one part of the residual lowers the objective through unused columns"
        return state, Info(state.value, measures={"order": 0.0}, stalled=message)
