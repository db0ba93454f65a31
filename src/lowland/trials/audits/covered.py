"""The claims `covered` and `alike`: how many missing cells lie in their intervals, if like those held out."""

from __future__ import annotations

from time import perf_counter

from lowland.completion.auditing.audit import LEVEL, RISK, SHARED, Audit, NoAudit
from lowland.completion.auditing.better_than import better_than
from lowland.core.results.claims import AUDITED
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.trials.audits.bounds import largest_gamma, least_share, most_share
from lowland.trials.audits.plan import AuditPlan

# what is said of missing cells that are left out, by the reason
LEFT = {
    "rows": "left_rows",
    "columns": "left_columns",
    "censored": "left_censored",
    "odds": "left_odds",
    "runs": "left_runs",
    "other": "left_other",
    "few": "left_few",
}


def findings_of(audit: Audit | NoAudit) -> tuple[Finding, ...]:
    """Return what an audit shows of the missing cells."""
    if isinstance(audit, NoAudit):
        return tuple(undecided(claim, because(audit.code)) for claim in AUDITED)
    return covered(audit), alike(audit), better_than(audit)


def covered(audit: Audit) -> Finding:
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
    began, plan, held, missing = perf_counter(), audit.plan, audit.held.size, audit.plan.missing
    if not audit.passes:
        return undecided("covered", because("unlike", chance=audit.alike.p_value))
    own, risk = audit.count(LEVEL), plan.risk(SHARED)
    most = most_share(own, held, missing, risk, plan.gamma)
    share = least_share(own, held, missing, risk, plan.gamma)
    factor = 1.0 if share >= LEVEL else audit.widening(LEVEL, SHARED)
    inside = own if factor is None else audit.count(LEVEL, factor)
    if factor is not None:
        share = least_share(inside, held, missing, risk, plan.gamma)
    reason = counted(inside, held, factor or 1.0) + because("stand_for", missing=missing)
    for why, count in plan.left_out.items():
        reason += because(LEFT[why], count=count)
    verdict = Verdict.PROVED if share >= LEVEL else Verdict.INCONCLUSIVE
    if most < LEVEL:
        verdict, reason = Verdict.REFUTED, because("own_narrow", share=most, level=LEVEL) + reason
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
            "factor": factor or 1.0,
            "largest_gamma": largest_gamma(inside, held, missing, LEVEL, risk),
        },
        reason=reason,
    )


def alike(audit: Audit) -> Finding:
    """Return whether the held-out cells differ from those that they stand for, by an exact test.

    If cells are missing as was assumed, which of the cells outside training are held out is a matter of
    chance, so that labels drawn anew are as good as the true ones. Values that are missing are seen through
    their predictions alone: cells that are missing because their noise is large look like all others.
    """
    began, found = perf_counter(), audit.alike
    verdict = Verdict.SUPPORTED if audit.passes else Verdict.INCONCLUSIVE
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
        reason=because("not_unlike" if audit.passes else "unlike", chance=found.p_value),
    )


def counted(inside: int, held: int, factor: float) -> Reason:
    """Return how many held-out cells lie in their intervals, which may have been widened."""
    if factor == 1:
        return because("covered", inside=inside, held=held, level=LEVEL)
    return because("covered_wider", inside=inside, held=held, level=LEVEL, factor=factor)


def premise(plan: AuditPlan) -> tuple[str, ...]:
    """Return what is assumed of how cells are missing."""
    return (assumption("equal_odds") if plan.gamma == 1 else assumption("odds_right", gamma=plan.gamma),)
