"""What is proved about a filled tensor: of its missing cells, by an audit."""

from __future__ import annotations

from dataclasses import replace

from lowland.core.results.findings import Certificate, Finding, undecided
from lowland.core.results.reasons import because
from lowland.tensors.auditing.audit import NoTensorAudit, Refit, TensorAudit, conduct
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.trials.audits.covered import alike, covered

# what an audit of a tensor decides
CLAIMS = ("covered", "alike")


def judge_filled(fit: TensorCompletionFit, seed: int, refit: Refit) -> TensorCompletionFit:
    """Judge the missing cells of a filled tensor.

    Parameters
    ----------
    fit : TensorCompletionFit
    seed : int
        Fixed before anything was fitted.
    refit : callable
        Fits known cells as was asked, with all choices.

    Returns
    -------
    TensorCompletionFit
        With its certificate, and its audit if there was one.

    Notes
    -----
    Costs as much as the fit.
    """
    data = fit.data
    audit: TensorAudit | NoTensorAudit = NoTensorAudit("not_in_memory")
    if isinstance(data, TensorObservations):
        audit = conduct(data, seed, refit)
    kept = audit if isinstance(audit, TensorAudit) else None
    return replace(fit, audit=kept, certificate=Certificate(findings_of(audit), "", None))


def findings_of(audit: TensorAudit | NoTensorAudit) -> tuple[Finding, ...]:
    """Return what an audit shows of the missing cells."""
    if isinstance(audit, NoTensorAudit):
        return tuple(undecided(claim, because(audit.code)) for claim in CLAIMS)
    return covered(audit), alike(audit)
