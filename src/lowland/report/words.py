"""Verdicts in plain words."""

from __future__ import annotations

from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.report.audit_words import covered_sentence
from lowland.report.plain_findings import percent


def verdict_sentence(certificate: Certificate | None) -> str:
    """Return what is proved about an answer in one or two sentences.

    Parameters
    ----------
    certificate : Certificate or None

    Returns
    -------
    str
    """
    if certificate is None:
        return "This answer has not been judged."
    if "covered" in certificate:
        return covered_sentence(certificate["covered"])
    if "globally_optimal" not in certificate:
        return "Whether this answer is the best possible was not checked."
    return f"{_optimality(certificate['globally_optimal'])} {_determinacy(certificate)}".strip()


def _optimality(finding: Finding) -> str:
    if finding.verdict is Verdict.PROVED:
        if "misfit" in finding.witness:
            return "Proved: this answer reproduces the data to the last digits, so no other fits better."
        return f"Proved: the best possible objective is at most {percent(finding.value)} below this answer's."
    if finding.verdict is Verdict.REFUTED:
        return f"Not optimal: another answer has an objective lower by {percent(finding.value)}."
    if finding.verdict is Verdict.SUPPORTED:
        return (
            f"Supported, not proved: by an estimate, the best possible objective is at most "
            f"{percent(finding.value)} below this answer's."
        )
    if not finding.witness.get("lower_bound") or finding.value is None:
        return "Not settled: a better answer may exist; no positive lower bound could be proved."
    but = "; by an estimate," if finding.rigour is Rigour.ESTIMATE else ", but"
    return (
        f"Not settled: a better answer may exist{but} the best possible objective is at most "
        f"{percent(finding.value)} below this answer's."
    )


def _determinacy(certificate: Certificate) -> str:
    if "determined_by_data" not in certificate:
        return ""
    of_tensor = "local_minimum" in certificate
    one, many = ("matrix of this rank", "matrices of this rank")
    if of_tensor:
        one, many = ("tensor of these ranks", "tensors of these ranks")
    unique = certificate["uniquely_determined"].verdict if "uniquely_determined" in certificate else None
    if unique is Verdict.PROVED:
        generic = ", for generic values" if certificate["uniquely_determined"].assumptions else ""
        return f"The data determine one {one}{generic}."
    verdict = certificate["determined_by_data"].verdict
    if verdict is Verdict.PROVED:
        return f"The data allow only finitely many {many}, for generic values."
    if verdict is Verdict.REFUTED and of_tensor:
        return "The data alone leave some cells undetermined at these ranks."
    if verdict is Verdict.REFUTED:
        return "The data alone leave some cells undetermined at this rank."
    if certificate["determined_by_data"].limited_by:
        return f"Whether the data determine a {one} was too costly to check within the budget."
    return f"Whether the data determine a {one} remains open."
