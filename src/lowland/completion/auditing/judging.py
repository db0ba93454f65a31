"""What is proved about a completed table: of its missing cells by an audit, and of its penalised problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.completion.auditing.audit import Audit, NoAudit, conduct
from lowland.completion.auditing.findings import findings_of
from lowland.completion.settled.judge import settled
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.model import counts_unlisted
from lowland.core.results.findings import Certificate

# efforts at which another start is compared; which of the streams of a seed it is drawn from
LARGER, STREAM = ("standard", "thorough"), 3


def judge_completed(
    completed: Completed,
    rng: np.random.Generator,
    effort: str,
    *,
    companion: bool = False,
    starts: bool = False,
) -> tuple[Completed, Certificate]:
    """Judge the missing cells of a completed table, and a penalised problem.

    Parameters
    ----------
    completed : Completed
        What was asked of its fit is not known of a model that was read from a file.
    rng : numpy.random.Generator
        For the judges of the penalised problem.
    effort : str
        Of these; "auto" is the default effort of the method.
    companion : bool
        Whether averages, too, are judged by the penalised problem that they imply.
    starts : bool
        Whether an average without draws is fitted again from another start, also at an effort of less than
        "standard", to see whether it has settled.

    Returns
    -------
    Completed
        With its audit, and refined if a certificate of the penalised problem needs it.
    Certificate

    Notes
    -----
    The audit costs as much as the fit, and so does another start.
    """
    table, request = completed.table, completed.request
    seen = table.observations
    if counts_unlisted(completed.model):  # none is missing
        table, certificate = table.certify(rng, effort)
        return replace(completed, table=table), certificate
    audit = NoAudit("choices_unknown") if request is None or seen is None else conduct(seen, request)
    findings = findings_of(audit)
    if table.method != "map":  # which averages nothing
        again = starts or effort in LARGER
        seed = 0 if request is None else request.seed
        findings += (settled(table, another=np.random.default_rng([seed, STREAM]) if again else None),)
    certificate = Certificate(findings)
    if companion or table.method == "map":
        table, optimum = table.certify(rng, effort)
        certificate = replace(optimum, findings=certificate.findings + optimum.findings)
    judged = replace(completed, table=table, audit=audit if isinstance(audit, Audit) else None)
    return judged, certificate
