"""What a stepper is, and what one step tells the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from lowland.core.arrays import Vector

# what a stepper searches: a protocol of what it needs
Problem_contra = TypeVar("Problem_contra", contravariant=True)


@final
@dataclass(frozen=True)
class Info:
    """Diagnostics of a step, apart from the state that it carries on.

    Parameters
    ----------
    value : float
        Objective at the new point.
    gradient_norm : float or None
        Norm of the gradient there, where the stepper has it at hand.
    measures : mapping of str to float
        Whatever else is worth a line in the trace.
    stalled : str
        Why no further progress is possible; empty while there is.
    """

    value: float
    gradient_norm: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    stalled: str = ""


class State(Protocol):
    """A stepper's own frozen record; it holds at least the point."""

    @property
    def theta(self) -> Vector:
        """The current point."""


@runtime_checkable
class Stepper(Protocol[Problem_contra]):
    """A local search as a pair of functions.

    `init` and `step` never change their arguments and draw only from the generator that is
    passed, so a state and a generator state are all that is needed to go on.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[type[Any], ...]]

    @property
    def promises_descent(self) -> bool:
        """Whether no step may raise the objective."""

    def init(self, objective: Problem_contra, theta: Vector, rng: np.random.Generator) -> tuple[Any, Info]:
        """Return the first state and its diagnostics."""

    def step(self, objective: Problem_contra, state: Any, rng: np.random.Generator) -> tuple[Any, Info]:
        """Return the next state and its diagnostics."""

    def restore(self, objective: Problem_contra, fields: Mapping[str, Any]) -> Any:
        """Return the state whose dataclass fields were saved."""
