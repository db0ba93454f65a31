"""Outcomes of an independent check of a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final

from lowland.core.findings import Finding


class Outcome(Enum):
    """Outcome of checking one finding."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_CHECKED = "not checked"


@final
@dataclass(frozen=True)
class Check:
    """One finding checked: the outcome, and what was compared."""

    claim: str
    outcome: Outcome
    words: str


def confirmed(finding: Finding, words: str) -> Check:
    """Return a check whose recomputed numbers agree with the finding."""
    return Check(finding.claim, Outcome.CONFIRMED, words)


def contradicted(finding: Finding, words: str) -> Check:
    """Return a check whose recomputed numbers contradict the finding."""
    return Check(finding.claim, Outcome.CONTRADICTED, words)


def not_checked(finding: Finding, words: str) -> Check:
    """Return a check for which there was no independent computation."""
    return Check(finding.claim, Outcome.NOT_CHECKED, words)
