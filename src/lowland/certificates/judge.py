"""`Judge`: a function that judges some claims, and what an objective must offer for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.promises.capabilities import offers
from lowland.core.promises.fits import Fit, is_matrix_fit
from lowland.core.results.findings import Finding

F = TypeVar("F", bound=Fit)


@final
@dataclass(frozen=True, eq=False)
class Judge(Generic[F]):
    """One row of a table of judges.

    Parameters
    ----------
    claims : tuple of str
        Keys of `lowland.core.results.findings.CLAIMS` that it judges.
    needs : type
        The protocol of the objectives that it judges; it is not called for others.
    answer : callable
        Takes an objective in float64, a point and a `Judgement`; returns one finding for each claim.
    stage : int
        Judges are called in the order of their stages, cheapest first, because each may spend a fraction of
        the budget left by those before.
    holds_constrained : tuple of str
        Claims for which the finding also holds under constraints on factors.
    about_missing : bool
        Whether claims are about what is not measured: nothing is where cells that are not listed count, too.
    """

    claims: tuple[str, ...]
    needs: type[F]
    answer: Callable[[F, Vector, Judgement], list[Finding]]
    stage: int
    holds_constrained: tuple[str, ...] = ()
    about_missing: bool = False

    def fits(self, objective: Fit) -> bool:
        """Whether an objective offers what is needed."""
        if self.about_missing and is_matrix_fit(objective) and objective.relaxation.unlisted_weight:
            return False
        return offers(objective, self.needs)


Judges = tuple[Judge[Any], ...]


def judges_of(objective: Fit, judges: Judges) -> Judges:
    """Return the judges that can judge an objective, in the order in which they are called."""
    return tuple(sorted((judge for judge in judges if judge.fits(objective)), key=lambda judge: judge.stage))
