"""What came of checking a finding again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final

from lowland.core.findings import Finding


class Outcome(Enum):
    """What came of checking one finding."""

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
    """Return that the finding agrees with what was computed anew."""
    return Check(finding.claim, Outcome.CONFIRMED, words)


def contradicted(finding: Finding, words: str) -> Check:
    """Return that it does not."""
    return Check(finding.claim, Outcome.CONTRADICTED, words)


def not_checked(finding: Finding, words: str) -> Check:
    """Return that there was no second way to look at it."""
    return Check(finding.claim, Outcome.NOT_CHECKED, words)
