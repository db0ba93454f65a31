"""What an audit of a completed table shows, as findings."""

from __future__ import annotations

from lowland.completion.auditing.audit import Audit, NoAudit
from lowland.completion.auditing.better_than import better_than
from lowland.core.results.claims import AUDITED
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import because
from lowland.trials.audits.covered import alike, covered


def findings_of(audit: Audit | NoAudit) -> tuple[Finding, ...]:
    """Return what an audit shows of the missing cells."""
    if isinstance(audit, NoAudit):
        return tuple(undecided(claim, because(audit.code)) for claim in AUDITED)
    return covered(audit), alike(audit), better_than(audit)
