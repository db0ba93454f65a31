"""Cells that an audit holds out of a table, and all others, wherever they are: what it does with both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from lowland.completion.auditing.inside import Mask, level_columns
from lowland.completion.comparing.comparison import Comparison, compare_with_baselines
from lowland.completion.informed.marks import NEVER_TOGETHER, can_be_marked, informed_cells
from lowland.completion.tables.audited import Request
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.trial import LevelPredictor, Predictor, Trial, trial_of
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.trials.audits.alike import Alike, alike
from lowland.trials.audits.comparing import Predicted
from lowland.trials.audits.parts import Part, parts_of
from lowland.trials.audits.plan import AlsoOutside, AuditPlan


class Withheld(Protocol):
    """Cells that are held out of a table, and all others."""

    @property
    def plan(self) -> AuditPlan:
        """Which cells are held out, and which missing cells they stand for."""

    @property
    def held(self) -> Observations:
        """The held-out cells that stand for missing ones, row by row."""

    def fit(self, rng: np.random.Generator) -> FittedTable:
        """Return the fit of the others, as that of the table was asked for."""

    def units(self) -> tuple[Vector, Vector]:
        """Return the means of the columns' other cells, and standard deviations about them."""

    def trial(self, predictor: Predictor) -> Trial:
        """Return what a fit of the others predicts of all cells that are held out."""

    def alike(self, predicted: Predicted, rng: np.random.Generator) -> Alike:
        """Return whether the held-out cells differ from those that they stand for."""

    def compared(self, predicted: Vector, words: Indices) -> tuple[Comparison, ...]:
        """Return how predictions of `held` compare with those of plain baselines; some columns hold words."""

    def kinds(self, words: Mask) -> tuple[Part, ...]:
        """Return the kinds of cells that are spoken of by themselves; some columns hold words."""

    def unseen(self) -> Mask:
        """Return which cells of `held` have a value that no other cell of their column has that is left."""


@final
@dataclass(frozen=True, eq=False)
class TableWithheld:
    """Cells that are held out of a table in memory.

    Parameters
    ----------
    table, training, apart : Observations
        All cells, those that are left, and those that are held out.
    plan : AuditPlan
    request : Request
        What was asked of the fit.
    """

    table: Observations
    training: Observations
    apart: Observations
    plan: AuditPlan
    request: Request

    @classmethod
    def of(cls, table: Observations, plan: AuditPlan, request: Request) -> TableWithheld:
        """Return the cells that a plan of the table holds out, and the others."""
        return cls(table, *table.hide(plan.hidden), plan, request)

    @property
    def held(self) -> Observations:
        """The held-out cells that stand for missing ones."""
        return self.table.select(self.plan.scored)

    def fit(self, rng: np.random.Generator) -> FittedTable:
        """Return the fit of the others."""
        return self.request.fit(self.training, rng)

    def units(self) -> tuple[Vector, Vector]:
        """Return the means of the columns' other cells, and standard deviations about them."""
        kept, n = self.training, self.training.shape[1]
        counts, values = np.maximum(kept.column_counts(), 1), kept.values.astype(np.float64)
        means = np.bincount(kept.columns, values, minlength=n) / counts
        squares = np.bincount(kept.columns, (values - means[kept.columns]) ** 2, minlength=n)
        return means, np.sqrt(squares / counts)

    def trial(self, predictor: Predictor) -> Trial:
        """Return what a fit of the others predicts of all cells that are held out."""
        return trial_of(self.training, self.apart, predictor)

    def alike(self, predicted: Predicted, rng: np.random.Generator) -> Alike:
        """Return whether the held-out cells differ from those that they stand for."""
        return alike(self.plan, self.table, predicted, rng)

    def compared(self, predicted: Vector, words: Indices) -> tuple[Comparison, ...]:
        """Return how predictions compare with those of means, and of interpolation along known orders."""
        return compare_with_baselines(
            self.training,
            self.held,
            predicted,
            words=words,
            row_places=_along(self.request.orders.rows),
            column_places=_along(self.request.orders.columns),
        )

    def kinds(self, words: Mask) -> tuple[Part, ...]:
        """Return the kinds of cells that are spoken of by themselves, none if no missing ones are listed."""
        return parts_of(self.plan, self.table, self.held, words)

    def unseen(self) -> Mask:
        """Return which held-out cells have a value that no training cell of their column has."""
        kept, held = self.training, self.held
        values = np.unique(np.concatenate([kept.values, held.values]))

        def codes(cells: Observations) -> Indices:
            return np.asarray(cells.columns * values.size + np.searchsorted(values, cells.values))

        return ~np.isin(codes(held), codes(kept))


def likeliest_values(fitted: FittedTable, cells: Observations) -> tuple[Vector, Indices]:
    """Return what a fit predicts of cells, of words the likeliest level, and the columns of words."""
    predictor, at = fitted.predictor(), (cells.rows, cells.columns)
    predicted = np.asarray(predictor.predict(*at), np.float64).copy()
    words = level_columns(fitted)
    if words.any() and isinstance(predictor, LevelPredictor):
        likeliest = predictor.likeliest(*at)
        predicted = np.where(np.isnan(likeliest), predicted, likeliest)
    return predicted, np.flatnonzero(words)


def _along(places: object) -> Vector | None:
    """Return coordinates of a side if they are one number per line, whose order interpolation can follow."""
    if isinstance(places, np.ndarray) and places.ndim == 2 and places.shape[1] == 1:
        return np.asarray(places[:, 0], np.float64)
    return None


def unknowable(table: Observations, request: Request) -> AlsoOutside | None:
    """Return what marks cells that nothing known in their row can inform, from training cells alone."""
    told = request.orders.columns is not None or any(known is not None for known in request.covariates)
    if told or not can_be_marked(table.shape):
        return None

    def unknowable(training: Mask) -> Mask:
        cells = table.select(training[table.rows, table.columns])
        low, high = np.full((2, table.shape[1]), [[np.inf], [-np.inf]])
        np.minimum.at(low, cells.columns, cells.values)
        np.maximum.at(high, cells.columns, cells.values)
        return np.asarray(informed_cells(training, low < high) >= NEVER_TOGETHER)

    return unknowable
