"""What is proved about a completed table: of its missing cells by an audit, and of its penalised problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.auditing.audit import Audit, NoAudit, conduct
from lowland.completion.auditing.covered import findings_of
from lowland.completion.tables.audited import Request
from lowland.completion.tables.fitted import FittedTable
from lowland.core.results.findings import Certificate


@final
@dataclass(frozen=True, eq=False)
class JudgedTable:
    """A completed table and what is proved about it.

    Parameters
    ----------
    table : FittedTable
        Refined if a certificate of the penalised problem needs it.
    certificate : Certificate
    audit : Audit or None
    """

    table: FittedTable
    certificate: Certificate
    audit: Audit | None


def judge_table(
    table: FittedTable,
    request: Request | None,
    rng: np.random.Generator,
    effort: str,
    *,
    companion: bool = False,
) -> JudgedTable:
    """Judge the missing cells of a completed table, and a penalised problem.

    Parameters
    ----------
    table : FittedTable
    request : Request or None
        What was asked of the fit; None if it is not known any more, as of a model that was read from a file.
    rng : numpy.random.Generator
        For the judges of the penalised problem.
    effort : str
        Of these; "auto" is the default effort of the method.
    companion : bool
        Whether averages, too, are judged by the penalised problem that they imply.

    Notes
    -----
    The audit costs as much as the fit.
    """
    seen = table.observations
    audit = NoAudit("choices_unknown") if request is None or seen is None else conduct(seen, request)
    findings, objective, point = findings_of(audit), "", None
    if companion or table.method == "map":
        table, certificate = table.certify(rng, effort)
        findings, objective, point = findings + certificate.findings, certificate.objective, certificate.point
    judged = Certificate(findings, objective, point)
    return JudgedTable(table, judged, audit if isinstance(audit, Audit) else None)
