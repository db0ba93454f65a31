"""`Audit`: cells held out of a fit of all else, as cells are missing, and what its intervals hold of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from lowland.completion.auditing.inside import Mask, level_columns, lie_inside, number_intervals, reaches
from lowland.completion.auditing.withheld import TableWithheld, Withheld, likeliest_values, unknowable
from lowland.completion.comparing.comparison import Comparison
from lowland.completion.tables.audited import Request
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import Trial
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import LowlandError, UnsupportedError
from lowland.core.random import spawn
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.trials.audits.alike import Alike
from lowland.trials.audits.covered import LEVEL, passes, proving
from lowland.trials.audits.parts import CountedPart, Part
from lowland.trials.audits.plan import AuditPlan, plan_audit
from lowland.trials.audits.widening import widened


@final
@dataclass(frozen=True, eq=False)
class Audit:
    """Cells of a table that were held out of a fit of all else, and that fit.

    Parameters
    ----------
    seed : int
        That decided which cells were held out, before anything was fitted.
    plan : AuditPlan
        Which cells were held out, and which missing cells they stand for.
    fitted : FittedTable
        The fit of the other cells: it has not seen those, in no choice, weight or width.
    held : Observations
        The held-out cells that stand for missing ones.
    trial : Trial
        Predictions of all cells that were held out.
    alike : Alike
        Whether the held-out cells differ from those that they stand for.
    compared : tuple of Comparison
        Errors of the fit and of plain baselines on these cells.
    kinds : tuple of Part
        Kinds of cells that are spoken of by themselves.
    unseen : ndarray of bool or None
        Held-out cells whose value no training cell of their column has; None without columns of words.
    """

    seed: int
    plan: AuditPlan
    fitted: FittedTable
    held: Observations
    trial: Trial
    alike: Alike
    compared: tuple[Comparison, ...]
    kinds: tuple[Part, ...] = ()
    unseen: Mask | None = None
    _known: dict[float, Mask] = field(default_factory=dict, repr=False)

    def inside(self, level: float) -> Mask:
        """Return which held-out cells lie in their intervals, or sets of levels, of a nominal level."""
        if level not in self._known:
            self._known[level] = lie_inside(self.fitted, self.held, level, self.unseen)
        return self._known[level]

    def reaches(self, level: float) -> tuple[Vector, Vector]:
        """Return intervals of the held-out cells, as the function `reaches` does."""
        return reaches(self.fitted, self.held, level, self.unseen)

    def count(self, level: float, factor: float = 1.0) -> int:
        """Return how many held-out cells lie in their intervals of a level, made wider by a factor."""
        return int(self.inside(level if factor == 1 else widened(level, factor)).sum())

    @property
    def parts(self) -> tuple[CountedPart, ...]:
        """Kinds of cells that are spoken of by themselves, with counts inside the fit's own intervals."""
        return tuple(kind.counted(self.inside(LEVEL)) for kind in self.kinds)

    @property
    def held_size(self) -> int:
        """Number of held-out cells that stand for missing ones."""
        return self.held.size

    @property
    def passes(self) -> bool:
        """Whether the held-out cells are not seen to differ from those that they stand for."""
        return passes(self)

    def proving(self, level: float) -> float | None:
        """Return by what factor intervals of a level are widened so that they are proved, None if by none."""
        return proving(self, level)

    def intervals(
        self, rows: Indices, columns: Indices, level: float, factor: float
    ) -> tuple[Vector, Vector]:
        """Return the fit's intervals of a level, made wider; NaN of cells that no held-out ones stand for."""
        low, high = number_intervals(self.fitted, rows, columns, widened(level, factor))
        covered = self.plan.in_scope(rows, columns)
        return np.where(covered, low, np.nan), np.where(covered, high, np.nan)


@final
@dataclass(frozen=True)
class NoAudit:
    """Why there is no audit.

    Parameters
    ----------
    code : str
        A sentence of the table of sentences.
    """

    code: str


def conduct(table: Observations, request: Request) -> Audit | NoAudit:
    """Hold cells of a table out as others are missing, fit the rest as was asked, and look at them.

    Parameters
    ----------
    table : Observations
    request : Request

    Notes
    -----
    Costs as much as the fit. Warnings of the fit were given when the whole table was fitted.
    """
    plan = plan_audit(table, request.seed, unknowable(table, request))
    if not isinstance(plan, AuditPlan):
        return NoAudit(plan.code)
    return audit_of(TableWithheld.of(table, plan, request), request.seed)


def audit_of(withheld: Withheld, seed: int) -> Audit | NoAudit:
    """Fit what was not held out, and look at what was.

    Parameters
    ----------
    withheld : Withheld
    seed : int
        That decided which cells are held out.
    """
    of_fit, of_test = spawn(np.random.default_rng(seed), 2)
    try:
        with warnings.catch_warnings(), stage("a fit without the held-out cells"):
            warnings.simplefilter("ignore")
            fitted = in_full(lambda: withheld.fit(of_fit))
        trial = withheld.trial(fitted.predictor())
        found = withheld.alike(_standing(fitted, *withheld.units()), of_test)
        compared = withheld.compared(*likeliest_values(fitted, withheld.held))
        words = level_columns(fitted)
        kinds, unseen = withheld.kinds(words), withheld.unseen() if words.any() else None
        audit = Audit(seed, withheld.plan, fitted, withheld.held, trial, found, compared, kinds, unseen)
        audit.inside(LEVEL)
    except UnsupportedError:
        return NoAudit("no_intervals")
    except (LowlandError, np.linalg.LinAlgError):
        return NoAudit("audit_failed")
    return audit


def _standing(fitted: FittedTable, means: Vector, spreads: Vector) -> Callable[[Indices, Indices], Vector]:
    """Return predictions of cells in spreads of their columns from the columns' means, by the fit alone."""
    predictor, spreads = fitted.predictor(), np.where(spreads > 0, spreads, 1.0)

    def standing(rows: Indices, columns: Indices) -> Vector:
        return (predictor.predict(rows, columns) - means[columns]) / spreads[columns]

    return standing
