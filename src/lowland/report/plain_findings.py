"""Findings as answers to questions that need no mathematics, and how each answer could be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from lowland.core.findings import Finding, hope, short_number
from lowland.core.status import Rigour, Verdict


@final
@dataclass(frozen=True)
class Answer:
    """What a finding says.

    Parameters
    ----------
    question : str
    words : str
        The answer, with its number in a unit that the user knows.
    doubt : str
        How it could be wrong.
    """

    question: str
    words: str
    doubt: str


QUESTIONS = {
    "stationary": "Did the search arrive?",
    "second_order_stationary": "Is the end a valley, not a pass?",
    "strict_local_minimum": "Does every small change make it worse?",
    "local_minimum": "Does every small change, of whatever order, make it no better?",
    "globally_optimal": "Could another answer fit better, as the problem was posed?",
    "convex_optimal": "Would a matrix of any rank fit better, at the same penalty?",
    "locally_unique": "Does another matrix close by fit the same?",
    "determined_by_data": "Would the data alone, without a penalty, leave only finitely many answers?",
    "uniquely_determined": "Would the data alone, without a penalty, leave only one answer?",
    "no_bad_minimum_in_region": "Does this region hold a differentiable minimum that does not fit the data?",
    "stable_at_step_size": "Would gradient descent with this step size stay here?",
}

RESTS_ON = {
    Rigour.RIGOROUS: "A proof with all rounding charged: wrong only if program or machine are at fault.",
    Rigour.PROBABILISTIC: "A proof up to a failure of random numbers, whose probability is small and stated.",
    Rigour.WORKING_PRECISION: "Computed in double precision, whose rounding has not all been charged.",
    Rigour.ESTIMATE: "An estimate.",
}


def answer(finding: Finding) -> Answer:
    """Return a finding as question, answer and doubt.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    Answer
    """
    words = _ANSWERS[finding.claim](finding) or _OPEN
    more = hope(finding)
    if more:
        words = f"{words} {more[0].upper()}{more[1:]}."
    return Answer(QUESTIONS[finding.claim], words, _doubt(finding))


_OPEN = "Open: the methods here do not settle it."


def _doubt(finding: Finding) -> str:
    if finding.verdict is Verdict.INCONCLUSIVE:
        bounded = finding.witness.get("lower_bound") and finding.value is not None
        if bounded and finding.rigour is not Rigour.ESTIMATE:
            return f"The bound holds, the question is open. {RESTS_ON[finding.rigour]}"
        return "Nothing is claimed."
    parts = [RESTS_ON[finding.rigour]]
    if finding.verdict is Verdict.SUPPORTED:
        parts = ["Evidence, not a proof: a tolerance decides what counts as zero."]
    if {"left", "direction", "lower_point"} & set(finding.witness):
        parts = ["The counterexample is in the certificate (its witness), and can be tried out."]
    if finding.assumptions:
        parts.append(f"Takes for granted: {'; '.join(finding.assumptions)}.")
    return " ".join(parts)


def _stationary(finding: Finding) -> str:
    slope = percent(finding.value)
    if finding.verdict is Verdict.SUPPORTED:
        return f"Yes: the slope left is {slope} of that without a fit."
    if finding.verdict is Verdict.REFUTED:
        return f"No: the slope left is {slope} of that without a fit. More steps help."
    return ""


def _valley(words: str) -> Callable[[Finding], str]:
    """Return what tells a finding on curvature, with these words where it is supported."""

    def tell(finding: Finding) -> str:
        if finding.verdict is Verdict.SUPPORTED:
            return words
        if finding.verdict is not Verdict.REFUTED:
            return ""
        return "No: a direction that leads down is attached." if "direction" in finding.witness else _NOT_YET

    return tell


def _lowest_close_by(finding: Finding) -> str:
    if finding.verdict is Verdict.SUPPORTED:
        return "Yes: nothing close by is lower, also where the Hessian does not see it."
    if finding.verdict is not Verdict.REFUTED:
        return ""
    order = finding.witness.get("order")
    return f"No: a saddle of order {order}; a lower point is attached." if order else _NOT_YET


_NOT_YET = "No: the search has not arrived."


def _global(finding: Finding) -> str:
    if finding.verdict is Verdict.REFUTED:
        return f"Yes: another answer has a value lower by {percent(finding.value)}."
    if "misfit" in finding.witness and finding.verdict is Verdict.PROVED:
        return "No: every datum is reproduced, and nothing can fit better than to the last digits."
    within = f"the best possible value lies within {percent(finding.value)} of this one"
    if finding.verdict is Verdict.PROVED:
        return f"No: {within}.{_apart(finding)}"
    if finding.verdict is Verdict.SUPPORTED:
        return f"Probably not: by an estimate, {within}."
    if finding.witness.get("lower_bound") and finding.value is not None:
        if finding.rigour is Rigour.ESTIMATE:
            return f"Open; by an estimate, {within}."
        return f"Open, but {within}.{_apart(finding)}"
    return "Open: no bound above zero could be proved."


def _convex(finding: Finding) -> str:
    if finding.verdict is Verdict.REFUTED:
        return f"Yes: a matrix of one rank more has a value lower by {percent(finding.value)}."
    return _global(finding)


def _apart(finding: Finding) -> str:
    apart = finding.witness.get("fitted_distance")
    if apart is None:
        return ""
    return (
        f" Any answer at least as good has fitted values within {apart:.2g} of these on average (root mean "
        "square over the data, weighted as they are, in their unit)."
    )


def _nearby(finding: Finding) -> str:
    radius = finding.witness.get("relative_radius")
    if finding.verdict is Verdict.PROVED and radius is not None:
        return f"No: none whose distance is below {percent(radius)} of the matrix's own size."
    if finding.verdict is Verdict.SUPPORTED:
        return "No, as far as numbers show: every change of the matrix is seen by the data."
    if finding.verdict is Verdict.REFUTED:
        return "Yes: one is attached."
    unseen = finding.witness.get("deficiency")
    return f"Open: the data do not see {unseen} directions of change to first order." if unseen else ""


def _finite(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        return "Yes, for almost every answer of such rank."
    if finding.verdict is Verdict.REFUTED:
        count = finding.witness.get("open_cell_count")
        cells = f" {count} cells are left open by the data alone." if count else ""
        return f"No: {finding.method}.{cells}"
    share = finding.witness.get("determined_share")
    return f"Open: {100 * share:.1f} % of the cells are known to be determined." if share else ""


def _unique(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        return "Yes." if not finding.assumptions else "Yes, for almost every matrix of this rank."
    if finding.verdict is Verdict.REFUTED and "other_left" in finding.witness:
        return "No: two different matrices of this rank that reproduce every datum are attached."
    return f"No: {finding.method}." if finding.verdict is Verdict.REFUTED else ""


def _region(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        return (
            "No: every differentiable local minimum of the region, if it has one, fits all data exactly. "
            "Training may still run into the region's boundary."
        )
    if finding.verdict is Verdict.SUPPORTED:
        return f"Probably not: {finding.method}."
    if finding.verdict is Verdict.REFUTED:
        return "Yes: a minimum inside the region that does not fit the data is attached."
    return f"Open: {finding.method}."


def _stable(finding: Finding) -> str:
    if finding.value is None or finding.bound is None:
        return ""
    sharp = f"the largest curvature is {short_number(finding.value)}, the limit {short_number(finding.bound)}"
    words = {Verdict.PROVED: "Yes", Verdict.REFUTED: "No", Verdict.INCONCLUSIVE: "Open"}
    return f"{words[finding.verdict]}: {finding.method}; {sharp}."


_ANSWERS: dict[str, Callable[[Finding], str]] = {
    "stationary": _stationary,
    "second_order_stationary": _valley("Yes: no direction leads down."),
    "strict_local_minimum": _valley("Yes: every direction that changes the answer leads up."),
    "local_minimum": _lowest_close_by,
    "globally_optimal": _global,
    "convex_optimal": _convex,
    "locally_unique": _nearby,
    "determined_by_data": _finite,
    "uniquely_determined": _unique,
    "no_bad_minimum_in_region": _region,
    "stable_at_step_size": _stable,
}


def percent(fraction: float | None) -> str:
    """Return a fraction in per cent with two digits."""
    if fraction is None:
        return "an unknown part"
    if 0 < fraction < 1e-6:
        return f"{100 * fraction:.0e} %"
    return f"{100 * fraction:.2g} %"
