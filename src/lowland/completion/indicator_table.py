"""A table with columns of levels, fitted as a table in numbers by a Bayesian method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.completion.bayesian_table import BayesianTable
from lowland.completion.fitted_table import FittedTable, PageParts
from lowland.completion.holdout import Predictor, Trial
from lowland.completion.indicator_model import IndicatorModel
from lowland.completion.indicators import Indicators
from lowland.completion.kept_fit import KeptFit
from lowland.completion.level_maps import learn_maps, usual_maps
from lowland.completion.refined_table import RefinedTable
from lowland.completion.table_labels import TableLabels
from lowland.completion.wrapped_table import WrappedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.findings import Certificate
from lowland.core.interrupt import unless_interrupted
from lowland.core.observations import Observations
from lowland.core.status import StopReason

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page, TableEntry

SCOPE = (
    "Levels are fitted as numbers: one column per level, ordered ones as normal scores; their probabilities "
    "are a logistic function of these, learnt from cells held out."
)


@final
@dataclass(frozen=True, eq=False)
class IndicatorTable(WrappedTable):
    """A table with levels, completed by the fit of the same table in numbers.

    Parameters
    ----------
    model : IndicatorModel
    base : BayesianTable or RefinedTable
        The table in numbers.
    seen : Observations or None
        The fitted table with its levels; None for a model read without its data.
    """

    model: IndicatorModel
    base: BayesianTable | RefinedTable
    seen: Observations | None

    @classmethod
    def of(
        cls, base: FittedTable, known: Indicators, table: Observations, rng: np.random.Generator
    ) -> IndicatorTable:
        """Return the table of a fit in numbers, with maps to levels that are learnt from cells held out.

        If the fit or this is interrupted, levels have the probabilities of their frequencies.
        """
        assert isinstance(base, BayesianTable | RefinedTable)
        inner = base

        def refit(numbers: Observations) -> Callable[[Indices], Matrix]:
            return inner.refit(numbers, rng).row_scores

        maps = None
        if base.stop_reason is not StopReason.INTERRUPTED:
            maps = unless_interrupted(lambda: learn_maps(known, table, refit, rng), "learning from levels")
        maps = usual_maps(known) if maps is None else maps
        return cls(IndicatorModel(base.model, known, maps, TableLabels.of(table)), base, table)

    def _with(self, base: BayesianTable | RefinedTable, table: Observations) -> IndicatorTable:
        model = replace(self.model, base=base.model, labels=TableLabels.of(table))
        return IndicatorTable(model, base, table)

    @property
    def observations(self) -> Observations | None:
        """The fitted table; None if only the model is known."""
        return self.seen

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells that hold numbers."""
        return self.base.intervals(rows, self.model.indicators.starts[columns], level)

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        return self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> Predictor:
        """Return the fit of another table of the same shape by the same settings."""
        again = self.base.refit(self.model.indicators.encode(table), rng)
        return replace(self.model, base=again, labels=TableLabels.of(table))

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> IndicatorTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        known = self.model.indicators
        if table.shape[1] != known.width:
            return None
        inner = np.flatnonzero(np.isin(known.groups, columns))
        base = self.base.refreshed(known.encode(table), rows, inner)
        return None if base is None else self._with(base, table)

    def updated(self, table: Observations, rng: np.random.Generator) -> FittedTable:
        """Return the fit of a table that contains this one, warm-started from this fit."""
        known = self.model.indicators
        if table.shape[1] != known.width:
            raise UnsupportedError(
                "new columns have no kind", f"{table.shape[1]} columns", fix="fit the table again"
            )
        return self._with(self.base.updated(known.encode(table), rng), table)

    def sampler(self, what: str) -> IndicatorModel:
        """Return the model, which draws."""
        return self.model

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[IndicatorTable, Certificate]:
        """Return the fit unchanged, and what is proved about the table in numbers."""
        base, certificate = self.base.certify(rng, effort)
        return IndicatorTable(self.model, base, self.seen), certificate

    def document(self) -> Document:
        """Raise UnsupportedError: a re-check reads the data, not the same table in numbers."""
        raise UnsupportedError(
            "certificates of tables with levels are about the table in numbers and are not saved",
            "columns of levels",
            fix='fit the table with method="map"',
        )

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        from lowland.completion.posterior_report import trial_tables

        page = self.base.page(replace(parts, trial=None))
        tables = page.tables
        if parts.trial is not None and self.seen is not None:
            errors, names = trial_tables(parts.trial, self.seen)[1], self.seen.column_labels
            numbers = np.flatnonzero(self.model.indicators.is_number)
            told = {str(j if names is None else names[j]) for j in numbers.tolist()}
            rows = [row for row in errors.rows if row[0] in told]
            tables = (*tables, replace(errors, rows=rows)) if rows else tables
            tables = (*tables, *_levels_told(parts.trial, self.seen))
        return replace(page, notes=(*page.notes, SCOPE), tables=tables)

    def with_kept(self, kept: KeptFit | None) -> IndicatorTable:
        """Return the table with what a file holds of its fit: the table in numbers."""
        known, labels = self.model.indicators, self.model.labels
        seen = None if kept is None else known.decode(kept.observations, labels)
        return IndicatorTable(self.model, self.base.with_kept(kept), seen)

    def describe_method(self) -> str:
        """Return the method in a sentence."""
        return f"{self.base.describe_method()}; levels as numbers"

    def describe_certificate(self) -> str:
        """Return what the certificate is about."""
        return f"{self.base.describe_certificate()} {SCOPE}"


def _levels_told(trial: Trial, seen: Observations) -> list[TableEntry]:
    """Return the table of columns of levels: how many held-out cells are right."""
    from lowland.report.page import TableEntry

    rows, names = [], seen.column_labels
    for j, count, _ in zip(*trial.errors_by_column(), strict=True):
        right = trial.right_in(int(j))
        if right is not None:
            commonest = np.bincount(seen.values[seen.columns == j].astype(np.intp)).argmax()
            usual = int(np.sum(trial.observed[trial.columns == j] == commonest))
            rows.append((str(j if names is None else names[j]), str(count), str(right), str(usual)))
    header = ("column", "held-out cells", "right", "right by the commonest level")
    return [TableEntry("Levels by column", header, rows)] if rows else []
