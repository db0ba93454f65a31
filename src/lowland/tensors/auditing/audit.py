"""`TensorAudit`: cells of a tensor held out of a fit of all else, and what its intervals hold of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import LowlandError, UnsupportedError
from lowland.core.random import spawn
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.tensors.auditing.unfolded import Unfolded
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.trials.audits.alike import Alike, alike
from lowland.trials.audits.covered import LEVEL, proving
from lowland.trials.audits.parts import CountedPart
from lowland.trials.audits.plan import AuditPlan, plan_audit

# fits a tensor as was asked
Refit: TypeAlias = Callable[[TensorObservations, np.random.Generator], TensorCompletionFit]


@final
@dataclass(frozen=True, eq=False)
class TensorAudit:
    """Cells of a tensor that were held out of a fit of all else, and that fit.

    Parameters
    ----------
    seed : int
        That decided which cells were held out, before anything was fitted.
    layout : Unfolded
        Of the table that the plan is about.
    plan : AuditPlan
        Which cells were held out, and which missing cells they stand for.
    fit : TensorCompletionFit
        Of the other cells: it has not seen those, in no choice, weight or width.
    held : Observations
        The held-out cells that stand for missing ones, in the table.
    alike : Alike
        Whether they differ from those that they stand for.
    """

    seed: int
    layout: Unfolded
    plan: AuditPlan
    fit: TensorCompletionFit
    held: Observations
    alike: Alike
    _own: dict[float, tuple[Vector, Vector]] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> tuple[CountedPart, ...]:
        """None: cells of tensors are spoken of as a whole."""
        return ()

    @property
    def held_size(self) -> int:
        """Number of held-out cells that stand for missing ones."""
        return self.held.size

    def reaches(self, level: float, factor: float = 1.0) -> tuple[Vector, Vector]:
        """Return the intervals of the held-out cells, made wider by a factor."""
        if level not in self._own:
            at = self.layout.positions(self.held.rows, self.held.columns)
            self._own[level] = self.fit.interval(at, level)
        return _wider(*self._own[level], factor)

    def count(self, level: float, factor: float = 1.0) -> int:
        """Return how many held-out cells lie in their intervals of a level, made wider by a factor."""
        low, high = self.reaches(level, factor)
        return int(((low <= self.held.values) & (self.held.values <= high)).sum())

    def proving(self, level: float) -> float | None:
        """Return by what factor intervals of a level are widened so that they are proved, None if by none."""
        return proving(self, level)

    def intervals(self, positions: NDArray[np.int64], level: float, factor: float) -> tuple[Vector, Vector]:
        """Return the fit's intervals of a level, made wider; NaN of cells that no held-out ones stand for."""
        low, high = _wider(*self.fit.interval(positions, level), factor)
        covered = self.plan.in_scope(*self.layout.cells(positions))
        return np.where(covered, low, np.nan), np.where(covered, high, np.nan)


@final
@dataclass(frozen=True)
class NoTensorAudit:
    """Why there is no audit.

    Parameters
    ----------
    code : str
        A sentence of the table of sentences.
    """

    code: str


def conduct(data: TensorObservations, seed: int, refit: Refit) -> TensorAudit | NoTensorAudit:
    """Hold cells of a tensor out, fit the rest as was asked, and look at them.

    Parameters
    ----------
    data : TensorObservations
    seed : int
        Fixed before anything was fitted.
    refit : callable
        Takes known cells and a generator.

    Notes
    -----
    Costs as much as the fit. Warnings of the fit were given when the whole tensor was fitted.
    """
    layout = Unfolded.of(data.shape)
    table = layout.table(data)
    try:
        plan = plan_audit(table, seed, modes=layout.modes)
    except UnsupportedError:
        return NoTensorAudit("not_in_memory")
    if not isinstance(plan, AuditPlan):
        return NoTensorAudit(plan.code)
    training, _ = data.hide(plan.hidden)
    of_fit, of_test = spawn(np.random.default_rng(seed), 2)
    try:
        with warnings.catch_warnings(), stage("a fit without the held-out cells"):
            warnings.simplefilter("ignore")
            fit = in_full(lambda: refit(training, of_fit))
        found = alike(plan, table, _standing(fit, layout, table.select(~plan.hidden)), of_test)
        held = table.select(plan.scored).in_order()
        audit = TensorAudit(seed, layout, plan, fit, held, found)
        audit.count(LEVEL)
    except (LowlandError, np.linalg.LinAlgError):
        return NoTensorAudit("audit_failed")
    return audit


def _wider(low: Vector, high: Vector, factor: float) -> tuple[Vector, Vector]:
    if factor == 1:
        return low, high
    centre, reach = (low + high) / 2, factor * (high - low) / 2
    return centre - reach, centre + reach


def _standing(
    fit: TensorCompletionFit, layout: Unfolded, training: Observations
) -> Callable[[Indices, Indices], Vector]:
    """Return predictions of cells in spreads of their slices from the slices' means, by the fit alone."""
    n = training.shape[1]
    counts = np.maximum(training.column_counts(), 1)
    means = np.bincount(training.columns, training.values, minlength=n) / counts
    squares = np.bincount(training.columns, (training.values - means[training.columns]) ** 2, minlength=n)
    spreads = np.where(squares > 0, np.sqrt(squares / counts), 1.0)

    def standing(rows: Indices, columns: Indices) -> Vector:
        predicted = fit.predict(layout.positions(rows, columns))
        return np.asarray((predicted - means[columns]) / spreads[columns])

    return standing
