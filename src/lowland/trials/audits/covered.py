"""The claims `covered` and `alike`: how many missing cells lie in their intervals, if like those held out."""

from __future__ import annotations

import math
from time import perf_counter
from typing import Protocol

from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.trials.audits.alike import Alike
from lowland.trials.audits.bounds import inside_needed, largest_gamma, least_share, most_share
from lowland.trials.audits.parts import ROWS, CountedPart
from lowland.trials.audits.plan import REJECTED, AuditPlan
from lowland.trials.audits.widening import WIDEST, least_widening

# level of the intervals that are judged; probability that any bound that is stated is false
LEVEL, RISK = 0.9, 0.01
# the proof and the refutation share the risk; and half of the proof's is that of parts, where there are any
SHARED = RISK / 2
# what is said of missing cells that are left out, by the reason
LEFT = {
    "rows": "left_rows",
    "columns": "left_columns",
    "censored": "left_censored",
    "odds": "left_odds",
    "runs": "left_runs",
    "other": "left_other",
    "few": "left_few",
    "few_slices": "left_few_slices",
    "slices": "left_slices",
}


class Judged(Protocol):
    """Cells that were held out of a fit of all else, with intervals by that fit."""

    @property
    def plan(self) -> AuditPlan:
        """Which cells were held out, and which missing cells they stand for."""

    @property
    def held_size(self) -> int:
        """Number of held-out cells that stand for missing ones."""

    @property
    def alike(self) -> Alike:
        """Whether the held-out cells differ from those that they stand for."""

    @property
    def parts(self) -> tuple[CountedPart, ...]:
        """Kinds of cells that are spoken of by themselves, with counts inside intervals of `LEVEL`."""

    def count(self, level: float, factor: float = 1.0) -> int:
        """Return how many held-out cells lie in their intervals of a level, made wider by a factor."""


def passes(audit: Judged) -> bool:
    """Whether the held-out cells are not seen to differ from those that they stand for."""
    return audit.alike.p_value > REJECTED


def risk_of_whole(audit: Judged) -> float:
    """Return the risk that the bound from below is false of all missing cells of the statement."""
    return SHARED / 2 if audit.parts else SHARED


def proving(audit: Judged, level: float) -> float | None:
    """Return by what factor intervals of a level are widened so that they are proved, None if by none.

    A premise that was refuted proves nothing. The risk is that of the proof on the page, so that the
    intervals are the same.
    """
    needed = _needed(audit, level) if passes(audit) else None
    return None if needed is None else _widening(audit, level, needed)


def _needed(audit: Judged, level: float) -> int | None:
    """Return how many held-out cells inside prove a level, None if not even all of them do."""
    plan = audit.plan
    return inside_needed(audit.held_size, plan.missing, level, plan.risk(risk_of_whole(audit)), plan.gamma)


def _widening(audit: Judged, level: float, needed: int) -> float | None:
    """Return by what factor an audit's intervals of a level are widened to hold so many, None if by none."""
    return least_widening(lambda factor: audit.count(level, factor), needed)


def covered(audit: Judged) -> Finding:
    """Return how many missing cells lie in their intervals at least.

    If cells are missing independently with the odds of the plan then, given the training cells, those held
    out are a simple random part of all cells outside training. How many of them lie in intervals that the
    training cells alone decide is then hypergeometric, whatever the values, the noise and the model: bounds
    on the share of the missing cells are exact for this table. Intervals that hold too few are widened, as
    far as the same law asks for.

    Notes
    -----
    Y. Gui, R. Barber, C. Ma, Conformalized matrix completion, NeurIPS 2023, has levels on average.
    """
    began, plan, held, missing = perf_counter(), audit.plan, audit.held_size, audit.plan.missing
    if not passes(audit):
        return undecided("covered", because("unlike", chance=audit.alike.p_value))
    own, risk = audit.count(LEVEL), plan.risk(risk_of_whole(audit))
    most = most_share(own, held, missing, plan.risk(SHARED), plan.gamma)
    needed = _needed(audit, LEVEL)
    factor, inside, proven = 1.0, own, own
    if needed is not None and own < needed:
        factor = _widening(audit, LEVEL, needed) or WIDEST
        inside = audit.count(LEVEL, factor)
        # the factor was chosen by these cells: counting more of them than it was asked for would be too many
        proven = min(inside, needed)
    share = least_share(proven, held, missing, risk, plan.gamma)
    reason = counted(inside, held, factor) + because("stand_for", missing=missing) + _of_parts(audit)
    for why, count in plan.left_out.items():
        reason += because(LEFT[why], count=count)
    verdict = Verdict.PROVED if share >= LEVEL else Verdict.INCONCLUSIVE
    if most < LEVEL:
        verdict, reason = (
            Verdict.REFUTED,
            because("own_narrow", share=-_rounded_down(-most), level=LEVEL) + reason,
        )
    elif verdict is Verdict.INCONCLUSIVE:
        reason += because("too_few_held")
    return Finding(
        "covered",
        verdict,
        value=most if verdict is Verdict.REFUTED else share,
        bound=LEVEL,
        assumptions=(*premise(plan), assumption("audit_unseen")),
        rigour=Rigour.PROBABILISTIC,
        seconds=perf_counter() - began,
        witness={
            "confidence": 1 - RISK,
            "held_out": held,
            "missing": missing,
            "own_inside": own,
            "factor": factor,
            "largest_gamma": largest_gamma(inside, held, missing, LEVEL, risk),
        },
        reason=reason,
    )


def _of_parts(audit: Judged) -> Reason:
    """Return how many cells of each part lie in the fit's own intervals at least, all at once.

    Own ones, not widened: by how much all were widened depends on which held-out cells lie inside.
    """
    reason: Reason = ()
    for part in audit.parts:
        risk = audit.plan.risk(SHARED / 2 / len(audit.parts))
        share = _rounded_down(least_share(part.inside, part.held, part.missing, risk, audit.plan.gamma))
        kind, missing, inside, held = part.name, part.missing, part.inside, part.held
        if kind in ROWS:
            reason += because("of_rows", kind=kind, share=share, missing=missing, inside=inside, held=held)
        else:
            reason += because("of_kind", kind=kind, share=share, missing=missing, inside=inside, held=held)
    return reason


def _rounded_down(share: float) -> float:
    """Return a bound as it is written, of which rounding must not make more than is proved."""
    return math.floor(1000 * share + 1e-9) / 1000


def alike(audit: Judged) -> Finding:
    """Return whether the held-out cells differ from those that they stand for, by an exact test.

    If cells are missing as was assumed, which of the cells outside training are held out is a matter of
    chance, so that labels drawn anew are as good as the true ones. Values that are missing are seen through
    their predictions alone: cells that are missing because their noise is large look like all others.
    """
    began, found = perf_counter(), audit.alike
    verdict = Verdict.SUPPORTED if passes(audit) else Verdict.INCONCLUSIVE
    if found.p_value <= RISK:
        verdict = Verdict.REFUTED
    return Finding(
        "alike",
        verdict,
        value=found.p_value,
        bound=RISK,
        assumptions=premise(audit.plan),
        rigour=Rigour.PROBABILISTIC,
        seconds=perf_counter() - began,
        reason=because("not_unlike" if passes(audit) else "unlike", chance=found.p_value),
    )


def counted(inside: int, held: int, factor: float) -> Reason:
    """Return how many held-out cells lie in their intervals, which may have been widened."""
    if factor == 1:
        return because("covered", inside=inside, held=held, level=LEVEL)
    return because("covered_wider", inside=inside, held=held, level=LEVEL, factor=factor)


def premise(plan: AuditPlan) -> tuple[str, ...]:
    """Return what is assumed of how cells are missing."""
    if plan.gamma > 1:
        return (assumption("odds_right", gamma=plan.gamma),)
    return (assumption("equal_odds" if plan.scope.training.folds is None else "equal_odds_slices"),)
