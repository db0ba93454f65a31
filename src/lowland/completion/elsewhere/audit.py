"""Audits of fits of cells that are not in memory: some held out, all else fitted again where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from lowland.completion.auditing.audit import Audit, NoAudit, audit_of
from lowland.completion.auditing.findings import findings_of
from lowland.completion.comparing.comparison import Comparison
from lowland.completion.comparing.line_comparison import compare_lines, usual_by_sums
from lowland.completion.elsewhere.fit import CellRequest, ElsewhereFit
from lowland.completion.elsewhere.penalised_fit import LineFit
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import Predictor, Trial, trial_beside
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.findings import Certificate
from lowland.trials.audits.alike import Alike
from lowland.trials.audits.cell_plan import CellPlan, plan_of_cells
from lowland.trials.audits.comparing import Predicted
from lowland.trials.audits.line_surroundings import column_units
from lowland.trials.audits.parts import Part
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.plan import AuditPlan
from lowland.trials.audits.plan import NoAudit as NoPlan


@final
@dataclass(frozen=True, eq=False)
class CellsWithheld:
    """Cells that are held out of a table that is not in memory.

    Parameters
    ----------
    found : CellPlan
    request : CellRequest
        What was asked of the fit.
    """

    found: CellPlan
    request: CellRequest

    @property
    def plan(self) -> AuditPlan:
        """Which cells are held out, and which missing cells they stand for."""
        return self.found.plan

    @property
    def held(self) -> Observations:
        """The held-out cells that stand for missing ones."""
        return self.found.held

    def fit(self, rng: np.random.Generator) -> FittedTable:
        """Return the fit of the others."""
        return self.request.fit(self.found.training, rng)

    def units(self) -> tuple[Vector, Vector]:
        """Return the means of the columns' other cells, and standard deviations about them."""
        return self._units

    @cached_property
    def _units(self) -> tuple[Vector, Vector]:
        return column_units(self.found.training)

    def trial(self, predictor: Predictor) -> Trial:
        """Return what a fit of the others predicts of all cells that are held out."""
        training = self.found.training
        sums = self._units[0] * training.sides[1].counts
        return trial_beside(usual_by_sums(sums, training), self.found.apart, predictor)

    def alike(self, predicted: Predicted, rng: np.random.Generator) -> Alike:
        """Return whether the held-out cells differ from those that they stand for."""
        return self.found.alike(predicted, rng)

    def compared(self, predicted: Vector, words: Indices) -> tuple[Comparison, ...]:
        """Return how predictions of `held` compare with those of means; no column holds words."""
        assert not words.size
        return compare_lines(self.found.training, self.held, predicted)

    def kinds(self, words: Mask) -> tuple[Part, ...]:
        """Return none: missing cells are not listed."""
        return ()

    def unseen(self) -> Mask:
        """Return none: no column holds words."""
        return np.zeros(self.held.size, dtype=bool)


def conduct_elsewhere(fit: ElsewhereFit) -> Audit | NoAudit:
    """Hold cells out, fit the rest as was asked, and look at them.

    Notes
    -----
    Costs as much as the fit. What is kept needs neither the cells nor where they are.
    """
    if isinstance(fit.fit, LineFit):
        return NoAudit("no_intervals")
    found = plan_of_cells(fit.cells, fit.request.seed)
    if isinstance(found, NoPlan):
        return NoAudit(found.code)
    audit = audit_of(CellsWithheld(found, fit.request), fit.request.seed)
    return audit if isinstance(audit, NoAudit) else replace(audit, plan=audit.plan.without_pattern())


def judge_elsewhere(
    fit: ElsewhereFit, rng: np.random.Generator, effort: str, *, companion: bool = False
) -> tuple[ElsewhereFit, Certificate]:
    """Judge the missing cells of a table that is not in memory, and a penalised problem.

    Parameters
    ----------
    fit : ElsewhereFit
    rng : numpy.random.Generator
        For the judges of the penalised problem.
    effort : str
        Of these; "auto" is the default effort of the method.
    companion : bool
        Whether averages, too, are judged by the penalised problem that they imply.

    Returns
    -------
    ElsewhereFit
        With its audit, and refined if a certificate of the penalised problem needs it.
    Certificate

    Notes
    -----
    As `judge_completed`, without the claim `settled`: draws are not kept where cells are not in memory.
    """
    audit = conduct_elsewhere(fit)
    certificate = Certificate(findings_of(audit))
    if companion or isinstance(fit.fit, LineFit):
        fit, optimum = fit.certify(rng, effort)
        certificate = replace(optimum, findings=certificate.findings + optimum.findings)
    judged = replace(fit, audit=audit if isinstance(audit, Audit) else None)
    return judged, certificate
