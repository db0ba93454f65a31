"""Findings as answers to plain questions, and how each answer could be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from lowland.core.results.claims import OF_CELLS
from lowland.core.results.findings import Finding, effort_hint, short_number
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.wording import counted
from lowland.report.audit_words import (
    alike_answer,
    audit_doubt,
    better_answer,
    covered_answer,
    settled_answer,
)


@final
@dataclass(frozen=True)
class Answer:
    """A finding as a question and its answer.

    Parameters
    ----------
    question : str
    words : str
        The answer, with its number in a familiar unit.
    doubt : str
        How it could be wrong.
    """

    question: str
    words: str
    doubt: str


QUESTIONS = {
    "covered": "Do enough of the missing cells lie within their intervals?",
    "alike": "Are the missing cells like those that were held out to judge them?",
    "better_than": "Are held-out cells predicted better than by means or interpolation?",
    "settled": "Have the filled cells settled, or would another run fill them otherwise?",
    "stationary": "Did the search converge?",
    "second_order_stationary": "Is the answer at a valley rather than a saddle?",
    "strict_local_minimum": "Does every small change make the fit worse?",
    "local_minimum": "Is it a local minimum: does no small change, of any order, improve the fit?",
    "globally_optimal": "Could another answer to the same problem fit better?",
    "convex_optimal": "Would a matrix of any rank fit better, at the same penalty?",
    "locally_unique": "Does another matrix nearby fit equally well?",
    "determined_by_data": "Do the data alone, at this rank, allow only finitely many answers?",
    "uniquely_determined": "Do the data alone, at this rank, allow only one answer?",
    "components_determined": "Do such data allow only finitely many sets of components?",
    "unique_decomposition": "Could other components add up to the same tensor?",
    "no_bad_minimum_in_region": "Does this region hold a differentiable minimum that does not fit the data?",
    "stable_at_step_size": "Would gradient descent with this step size stay at this point?",
    "no_false_minimum": "Under the premise, is every local minimum the best answer?",
    "saddles_curved": "Under the premise, does every saddle lead clearly downhill?",
    "error_bounded": "Under the premise, is this matrix close to the true one?",
}

RESTS_ON = {
    Rigour.RIGOROUS: "A proof that bounds all rounding errors: wrong only if program or machine is faulty.",
    Rigour.PROBABILISTIC: "A proof that fails only with a small, stated probability over random numbers.",
    Rigour.WORKING_PRECISION: "Computed in double precision; not all rounding errors are bounded.",
    Rigour.ESTIMATE: "An estimate.",
}


def answer(finding: Finding) -> Answer:
    """Return a finding as a question, its answer, and how the answer could be wrong.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    Answer
    """
    words = ANSWERS[finding.claim](finding) or _OPEN
    if finding.verdict is Verdict.INCONCLUSIVE and finding.reason[-1:] == because("rounding_unbounded"):
        words = _STILL_OPEN.format(method=finding.method)
    more = effort_hint(finding)
    if more:
        words = f"{words} {more[0].upper()}{more[1:]}."
    return Answer(QUESTIONS[finding.claim], words, _doubt(finding))


_OPEN, _STILL_OPEN = "Open: the methods here do not settle it.", "Open: {method}."


def _doubt(finding: Finding) -> str:
    if finding.claim in OF_CELLS:
        return audit_doubt(finding)
    if finding.verdict is Verdict.INCONCLUSIVE:
        bounded = finding.witness.get("lower_bound") and finding.value is not None
        if bounded and finding.rigour is not Rigour.ESTIMATE:
            return f"The bound holds; the question remains open. {RESTS_ON[finding.rigour]}"
        return "Nothing is claimed."
    parts = [RESTS_ON[finding.rigour]]
    if finding.verdict is Verdict.SUPPORTED:
        parts = ["Evidence, not a proof: a tolerance decides what counts as zero."]
        if "premise_rank" in finding.witness:
            parts = ["Evidence, not a proof: it follows from the premise, which was given."]
    if {"left", "direction", "lower_point"} & set(finding.witness):
        parts = ["The certificate holds the counterexample (its witness), which can be checked."]
    if finding.assumptions:
        parts.append(f"Assumes: {'; '.join(finding.assumptions)}.")
    return " ".join(parts)


def _told(words: dict[Verdict, str], otherwise: str = "") -> Callable[[Finding], str]:
    """Return a function that answers by the verdict alone, with its method and number in braces."""

    def tell(finding: Finding) -> str:
        number = "an unknown number" if finding.value is None else short_number(finding.value)
        text = words.get(finding.verdict, otherwise)
        return text.format(method=finding.method, number=number, share=percent(finding.value))

    return tell


def _valley(words: str) -> Callable[[Finding], str]:
    """Return a function that words a finding on curvature, with these words if it is supported."""

    def tell(finding: Finding) -> str:
        downhill = "No: a downhill direction is attached." if "direction" in finding.witness else _NOT_YET
        return {Verdict.SUPPORTED: words, Verdict.REFUTED: downhill}.get(finding.verdict, "")

    return tell


def _lowest_close_by(finding: Finding) -> str:
    if finding.verdict is Verdict.SUPPORTED:
        return "Yes: no nearby point is lower, even in directions to which the Hessian is blind."
    if finding.verdict is not Verdict.REFUTED:
        return ""
    order = finding.witness.get("order")
    return f"No: it is a saddle of order {order}; a lower point is attached." if order else _NOT_YET


_NOT_YET = "No: the search has not converged."


def _global(finding: Finding) -> str:
    if finding.verdict is Verdict.REFUTED:
        return f"Yes: another answer has an objective lower by {percent(finding.value)}."
    if "misfit" in finding.witness and finding.verdict is Verdict.PROVED:
        return "No: every data value is reproduced to the last digits, and nothing can fit better."
    if "misfit" in finding.witness and finding.verdict is Verdict.SUPPORTED:
        return "Probably not: every data value is reproduced to the last digits, as far as rounding shows."
    within = f"the best possible objective is at most {percent(finding.value)} below this one"
    if finding.verdict is Verdict.PROVED:
        return f"No: {within}.{_apart(finding)}"
    if finding.verdict is Verdict.SUPPORTED:
        by = (
            "by an estimate"
            if finding.rigour is Rigour.ESTIMATE
            else "but for rounding, which is not bounded"
        )
        return f"Probably not: {by}, {within}."
    if finding.witness.get("lower_bound") and finding.value is not None:
        if finding.rigour is Rigour.ESTIMATE:
            return f"Open; by an estimate, {within}."
        return f"Open, but {within}.{_apart(finding)}"
    return "Open: no positive lower bound could be proved."


def _convex(finding: Finding) -> str:
    if finding.verdict is Verdict.REFUTED:
        return f"Yes: a matrix of rank one higher has an objective lower by {percent(finding.value)}."
    return _global(finding)


def _apart(finding: Finding) -> str:
    apart = finding.witness.get("fitted_distance")
    if apart is None:
        return ""
    return (
        f" The fitted values of any answer that is at least as good differ from these by at most {apart:.2g} "
        "(weighted root mean square over the data, in their unit)."
    )


def _nearby(finding: Finding) -> str:
    radius = finding.witness.get("relative_radius")
    if finding.verdict is Verdict.PROVED and radius is not None:
        return f"No: there is none at a distance below {percent(radius)} of the matrix's own size."
    if finding.verdict is Verdict.SUPPORTED:
        return "No, by numerical evidence: every small change of the matrix changes the fitted data."
    if finding.verdict is Verdict.REFUTED:
        return "Yes: one is attached."
    unseen = finding.witness.get("deficiency")
    return f"Open: {unseen} directions of change leave the data unchanged to first order." if unseen else ""


def _finite(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        return "Yes, for almost every answer of this rank."
    if finding.verdict is Verdict.REFUTED:
        count = finding.witness.get("open_cell_count")
        cells = f" The data alone leave {counted(count, 'cell')} undetermined." if count else ""
        return f"No: {finding.method}.{cells}"
    share = finding.witness.get("determined_share")
    return f"Open: {100 * share:.1f} % of the cells are known to be determined." if share else ""


def _unique(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        return "Yes." if not finding.assumptions else "Yes, for almost every matrix of this rank."
    if finding.verdict is Verdict.REFUTED and "other_left" in finding.witness:
        return "No: two different matrices of this rank that reproduce all data are attached."
    return f"No: {finding.method}." if finding.verdict is Verdict.REFUTED else ""


def _stable(finding: Finding) -> str:
    if finding.value is None or finding.bound is None:
        return ""
    sharp = f"the largest curvature is {short_number(finding.value)}, the limit {short_number(finding.bound)}"
    words = {
        Verdict.PROVED: "Yes",
        Verdict.SUPPORTED: "Probably",
        Verdict.REFUTED: "No",
        Verdict.INCONCLUSIVE: "Open",
    }
    return f"{words[finding.verdict]}: {finding.method}; {sharp}."


ANSWERS: dict[str, Callable[[Finding], str]] = {
    "covered": covered_answer,
    "alike": alike_answer,
    "better_than": better_answer,
    "settled": settled_answer,
    "stationary": _told(
        {
            Verdict.SUPPORTED: "Yes: the remaining gradient is {share} of the gradient without a fit.",
            Verdict.REFUTED: "No: the remaining gradient is {share} of the gradient without a fit. More "
            "steps help.",
        }
    ),
    "second_order_stationary": _valley("Yes: no direction leads downhill."),
    "strict_local_minimum": _valley("Yes: every direction that changes the answer leads uphill."),
    "local_minimum": _lowest_close_by,
    "globally_optimal": _global,
    "convex_optimal": _convex,
    "locally_unique": _nearby,
    "determined_by_data": _finite,
    "uniquely_determined": _unique,
    "components_determined": _told(
        {Verdict.PROVED: "Yes, for almost all components.", Verdict.REFUTED: "No: {method}."}, _STILL_OPEN
    ),
    "unique_decomposition": _told(
        {
            Verdict.PROVED: "No: up to order and scale, these are the only ones of their number.",
            Verdict.REFUTED: "Yes: {method}.",
        },
        _STILL_OPEN,
    ),
    "no_bad_minimum_in_region": _told(
        {
            Verdict.PROVED: "No: every differentiable local minimum in the region, if there is one, fits all "
            "data exactly. Training may still reach the boundary of the region.",
            Verdict.SUPPORTED: "Probably not: {method}.",
            Verdict.REFUTED: "Yes: a minimum inside the region that does not fit the data is attached.",
        },
        _STILL_OPEN,
    ),
    "stable_at_step_size": _stable,
    "no_false_minimum": _told(
        {Verdict.SUPPORTED: "Yes: a search that ends at a minimum has found it."}, _STILL_OPEN
    ),
    "saddles_curved": _told(
        {Verdict.SUPPORTED: "Yes: in some direction the curvature is {number} or lower."}, _STILL_OPEN
    ),
    "error_bounded": _told(
        {Verdict.SUPPORTED: "Yes: it is at most {number} away, in the Frobenius norm."}, _STILL_OPEN
    ),
}


def percent(fraction: float | None) -> str:
    """Return a fraction in per cent with two digits."""
    if fraction is None:
        return "an unknown fraction"
    if 0 < fraction < 1e-6:
        return f"{100 * fraction:.0e} %"
    # beyond 99.5 per cent two digits would be written as 1e+02
    return f"{100 * fraction:.0f} %" if fraction >= 0.995 else f"{100 * fraction:.2g} %"
