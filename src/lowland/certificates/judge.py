"""`Judge`: who answers for some claims, and what an objective must offer for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.capabilities import offers
from lowland.core.findings import Finding
from lowland.core.fits import Fit

F = TypeVar("F", bound=Fit)


@final
@dataclass(frozen=True, eq=False)
class Judge(Generic[F]):
    """One row of a table of judges.

    Parameters
    ----------
    claims : tuple of str
        Keys of `lowland.core.findings.CLAIMS` that it answers for.
    needs : type
        The protocol of the objectives that it judges; it is asked about others nothing.
    answer : callable
        Takes an objective in float64, a point and a `Judgement`; returns one finding for each claim.
    stage : int
        Judges are asked in the order of their stages, the cheapest first, for each may spend a part of what
        those before have left.
    holds_constrained : tuple of str
        Claims for which the answer holds where factors must not be negative, too.
    """

    claims: tuple[str, ...]
    needs: type[F]
    answer: Callable[[F, Vector, Judgement], list[Finding]]
    stage: int
    holds_constrained: tuple[str, ...] = ()

    def fits(self, objective: Fit) -> bool:
        """Whether an objective offers what is needed."""
        return offers(objective, self.needs)


Judges = tuple[Judge[Any], ...]


def judges_of(objective: Fit, judges: Judges) -> Judges:
    """Return the judges that an objective can be shown to, in the order in which they are asked."""
    return tuple(sorted((judge for judge in judges if judge.fits(objective)), key=lambda judge: judge.stage))
