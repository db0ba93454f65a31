"""The protocol of steppers, and the diagnostics that one step returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from lowland.core.arrays import Vector

# the protocol that a stepper requires of an objective
Problem_contra = TypeVar("Problem_contra", contravariant=True)


@final
@dataclass(frozen=True)
class Info:
    """Diagnostics of a step, separate from the state.

    Parameters
    ----------
    value : float
        Objective at the new point.
    gradient_norm : float or None
        Norm of the gradient there, if the stepper has computed it.
    measures : mapping of str to float
        Further numbers for the trace.
    stalled : str
        Why no further progress is possible; empty while it is.
    """

    value: float
    gradient_norm: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    stalled: str = ""


@runtime_checkable
class Stepper(Protocol[Problem_contra]):
    """A local search as a pair of functions.

    `init` and `step` never change their arguments and draw only from the generator that is
    passed, so a state and a generator state are enough to continue.
    """

    needs: ClassVar[tuple[type[Any], ...]]

    @property
    def name(self) -> str:
        """The solver's name in results and messages."""

    @property
    def promises_descent(self) -> bool:
        """Whether no step may raise the objective."""

    def init(self, objective: Problem_contra, theta: Vector, rng: np.random.Generator) -> tuple[Any, Info]:
        """Return the first state and its diagnostics."""

    def step(self, objective: Problem_contra, state: Any, rng: np.random.Generator) -> tuple[Any, Info]:
        """Return the next state and its diagnostics."""
