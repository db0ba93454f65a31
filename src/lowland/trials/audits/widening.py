"""Intervals made wider, as far as the law of an audit asks for."""

from __future__ import annotations

from collections.abc import Callable

from lowland.trials.audits.bounds import inside_needed
from lowland.trials.audits.plan import AuditPlan

# intervals are made wider by powers of this factor, up to four times as wide: the nominal levels of still
# wider ones are too near one to be told from it
STEP, STEPS = 1.01, 139
WIDEST = STEP**STEPS


def least_widening(
    count: Callable[[float], int], plan: AuditPlan, held: int, level: float, risk: float
) -> float | None:
    """Return by what factor, of at least one, intervals of a level are widened so that it is proved.

    Parameters
    ----------
    count : callable
        Takes a factor, and returns how many held-out cells lie in intervals made so much wider: at least as
        many for a larger one.
    plan : AuditPlan
    held : int
        Number of held-out cells that stand for missing ones.
    level : float
        The share of the missing cells that are to lie in their intervals.
    risk : float
        Probability at most with which they do not.

    Returns
    -------
    float or None
        None if all held-out cells are too few to prove it, or intervals `WIDEST` times as wide hold too few.
    """
    needed = inside_needed(held, plan.missing, level, plan.risk(risk), plan.gamma)
    if needed is None:
        return None
    # steps of a fixed grid: a wider one than needed still holds, since intervals grow with the level
    low, high = -1, STEPS + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(STEP**middle) >= needed else (middle, high)
    return None if high > STEPS else float(STEP**high)


def widened(level: float, factor: float) -> float:
    """Return the nominal level of normal intervals that are wider than those of a level by a factor."""
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(factor * ndtri((1 + level) / 2)) - 1)
