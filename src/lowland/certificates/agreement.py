"""Findings about one point must not contradict each other, beyond the tolerances that they name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.results.findings import Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Verdict

P, S, R = Verdict.PROVED, Verdict.SUPPORTED, Verdict.REFUTED
# a claim with one of these verdicts contradicts the other claim with that verdict
_EXCLUDED: tuple[tuple[str, tuple[Verdict, ...], str, Verdict], ...] = (
    ("second_order_stationary", (P, S), "stationary", R),
    ("strict_local_minimum", (P, S), "stationary", R),
    ("strict_local_minimum", (P, S), "second_order_stationary", R),
    ("strict_local_minimum", (P, S), "local_minimum", R),
    ("local_minimum", (P, S), "second_order_stationary", R),
    ("uniquely_determined", (P, S), "determined_by_data", R),
    ("locally_unique", (P,), "determined_by_data", R),
)


def contradictions(findings: dict[str, Finding]) -> list[tuple[str, str]]:
    """Return the pairs of claims whose findings contradict each other.

    Parameters
    ----------
    findings : dict of str to Finding
        About one point of one objective.
    """
    pairs = [
        (claim, other)
        for claim, verdicts, other, excluded in _EXCLUDED
        if claim in findings
        and other in findings
        and findings[claim].verdict in verdicts
        and findings[other].verdict is excluded
    ]
    unique, local = findings.get("uniquely_determined"), findings.get("locally_unique")
    if unique is not None and local is not None and unique.verdict is P and not unique.assumptions:
        pairs += [("uniquely_determined", "locally_unique")] if local.verdict is R else []
    return pairs + _lower_points(findings)


def _lower_points(findings: dict[str, Finding]) -> list[tuple[str, str]]:
    """Return the findings whose point has a lower objective than a proof of optimality allows."""
    best = findings.get("globally_optimal")
    if best is None or best.verdict not in (P, S):
        return []
    pairs = []
    for claim, finding in findings.items():
        falls, objective = finding.witness.get("decreases"), finding.witness.get("objective")
        if finding.verdict is not R or falls is None or objective is None:
            continue
        if float(np.max(falls)) > (best.tolerance or 0.0) * float(objective):
            pairs.append(("globally_optimal", claim))
    return pairs


def settle(findings: dict[str, Finding]) -> dict[str, Finding]:
    """Return the findings, with contradictory ones made inconclusive: one of each pair must be wrong."""
    for pair in contradictions(findings):
        for claim, other in (pair, pair[::-1]):
            reason = because("against_but_for", claim=other) + findings[claim].reason
            finding = replace(findings[claim], method="", reason=reason, verdict=Verdict.INCONCLUSIVE)
            findings = findings | {claim: finding}
    return findings
