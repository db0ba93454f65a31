"""What an audit of a filled tensor offers to the fit that was audited."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Remedy, Words, counted
from lowland.trials.audits.plan import AuditPlan


class Audited(Protocol):
    """Cells that were held out of a fit of all else."""

    @property
    def seed(self) -> int:
        """Seed that decided which."""

    @property
    def plan(self) -> AuditPlan:
        """Which cells were held out, and which missing ones they stand for."""

    @property
    def held(self) -> Observations:
        """Those that stand for missing cells, in the table of the plan."""

    def reaches(self, level: float, factor: float = 1.0) -> tuple[Vector, Vector]:
        """Return their intervals, made wider by a factor."""

    def proving(self, level: float) -> float | None:
        """Return by what factor intervals of a level are widened so that they are proved, None if by none."""

    def intervals(self, positions: NDArray[np.int64], level: float, factor: float) -> tuple[Vector, Vector]:
        """Return the fit's intervals of a level, made wider; NaN of cells that no held-out ones stand for."""


def is_proved(method: str) -> bool:
    """Whether proved intervals are asked for; raise InvalidInputError if neither these nor the fit's own."""
    if method not in ("auto", "proved"):
        fix = Words("use ", Option("method", "auto", "proved"))
        raise InvalidInputError(Words(Option("method"), " is unknown"), repr(method), fix=fix)
    return method == "proved"


def proved_intervals(
    audit: Audited | None, positions: NDArray[np.int64], level: float
) -> tuple[Vector, Vector]:
    """Return intervals of an audit's fit, as wide as is proved to hold a share of the missing cells.

    Raises
    ------
    UnsupportedError
        If there was no audit, or no width is proved.
    """
    if audit is None:
        raise UnsupportedError(
            "intervals are proved by an audit, of which there is none",
            "a fit that was not judged, or whose missing cells are unlike all known ones",
            fix=Words("fit again, with ", Option("certify", True)),
        )
    factor = audit.proving(level)
    if factor is None:
        raise UnsupportedError(
            "no width of intervals is proved to hold as many of the missing cells",
            f"{counted(audit.held.size, 'cell')} held out, level {level:g}",
            fix=Remedy("lower the level", Words("use ", Option("method", "auto"))),
        )
    return audit.intervals(positions, level, factor)
