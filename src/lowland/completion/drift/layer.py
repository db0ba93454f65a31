"""The layer of drift: predictions of cells whose time is known are shifted by errors at times nearby."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.drift.law import Drift
from lowland.completion.drift.series import ROWS, Series, count_of, lines_of
from lowland.completion.layers.model import Layer
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.model import SamplingModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page

SCOPE = "They are about the fit alone, without what its errors add along the context of cells."
# units of columns count as so many errors of usual size besides their own
USUAL = 20
# part of a variance that is left at least
LEAST = 0.1


@final
@dataclass(frozen=True, eq=False)
class DriftLayer(Layer):
    """Predictions shifted by what errors of the same line say at times nearby.

    Parameters
    ----------
    base : SamplingModel
    drift : Drift
    context : CellContext or None
        Of the table's cells, known or not; cells without one are predicted as within.
    series : Series
        Errors of the fit at known cells, in units of their column, along each line.
    units : ndarray, shape (n,)
        Root-mean-square errors of the columns at known cells.
    """

    base: SamplingModel
    drift: Drift
    context: CellContext | None
    series: Series
    units: Vector

    @classmethod
    def of(cls, base: SamplingModel, drift: Drift, table: Observations) -> DriftLayer:
        """Return the model of a table with a given law of drift."""
        units = units_of(errors_of(base, table), table)
        return cls(base, drift, table.context, _series_of(base, drift, table, units), units)

    def apply(self, table: Observations) -> Observations:
        """Return a table as it is, without its context, of which the fit within knows nothing."""
        return replace(table, context=None)

    def around(self, base: SamplingModel, table: Observations) -> DriftLayer:
        """Return the layer around the fit of another table, with the same law."""
        return self.of(base, self.drift, table)

    def renewed(self, table: Observations) -> Self:
        """Return the layer itself: new columns drift as the others do."""
        return self

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> DriftLayer:
        """Return the model of the rows of another table, folded in, with their own errors if rows drift."""
        base = self.base.of_rows(self.apply(table), covariates)
        series = self.series
        if self.drift.side == ROWS:
            series = _series_of(base, self.drift, table, self.units)
        return replace(self, base=base, context=table.context, series=series)

    @property
    def has_context(self) -> bool:
        """Predictions depend on the context of cells."""
        return True

    def among(self, context: CellContext) -> Self:
        """Return the model that knows the context of further cells."""
        known = context if self.context is None else self.context.joined(context, self.shape)
        return replace(super().among(context), context=known)

    def with_cells(self, base: SamplingModel, table: Observations) -> Self:
        """Return the layer read from a file, with the context of the table that was fitted."""
        return replace(super().with_cells(base, table), context=table.context)

    @property
    def words(self) -> str:
        """What is done, a phrase."""
        return self.drift.words

    @property
    def scope(self) -> Sequence[str]:
        """What a certificate is about, in a sentence."""
        return (SCOPE,)

    def document(self, within: Callable[[], Document], table: Observations | None) -> Document:
        """Return the certificate of the fit within, which is of the same cells."""
        return within()

    def page(self, within: Callable[[PageParts], Page], parts: PageParts, table: Observations | None) -> Page:
        """Return the page of the fit within, which says what drifts."""
        page, judged = within(parts), parts.certificate
        scope = () if judged is None or judged.of_audit else (SCOPE,)
        return replace(page, notes=(*page.notes, *scope, f"{self.words[:1].upper()}{self.words[1:]}."))

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.base.labels

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return unclipped predictions of cells, shape (k,)."""
        return self.base.scores(rows, columns) + self._shifts(rows, columns)[0]

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        scores = np.array(self.base.row_scores(rows), np.float64)
        if self.context is not None:
            where, columns = self.context.in_rows(rows)
            scores[where, columns] += self._shifts(rows[where], columns)[0]
        return scores

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, shape (k,), smaller near known times."""
        stated = self.base.standard_errors(rows, columns)
        return self._ratios(stated, columns, self._shifts(rows, columns)[1]) * stated

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells: those within, shifted and narrowed."""
        lower, upper = self.base.intervals(rows, columns, level)
        centre, (shifts, known) = self.base.scores(rows, columns), self._shifts(rows, columns)
        ratios = self._ratios(self.base.standard_errors(rows, columns), columns, known)
        moved = (centre + shifts + ratios * (end - centre) for end in (lower, upper))
        still = shifts == 0
        low, high = (
            np.where(still & (ratios == 1), end, new) for end, new in zip((lower, upper), moved, strict=True)
        )
        return self.clip(low, high, columns)

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each: those within, shifted and narrowed."""
        low, (shifts, known) = self.base.scores(rows, columns), self._shifts(rows, columns)
        ratios = self._ratios(self.base.standard_errors(rows, columns), columns, known)
        for drawn in self.base.draws(rows, columns, count, rng, noise=noise):
            values = np.where(known > 0, low + shifts + ratios * (drawn - low), drawn)
            yield self.within_range(values) if noise else values

    def _shifts(self, rows: Indices, columns: Indices) -> tuple[Vector, Vector]:
        """Return what is added to predictions, and by how much squared errors fall, in units of columns."""
        shifts, known = np.zeros((2, rows.size))
        if self.context is None or not self.series.size:
            return shifts, known
        times = self.context.at(rows, columns)
        told = np.flatnonzero(~np.isnan(times))
        if told.size:
            lines = lines_of(self.drift.side, rows[told], columns[told])
            means, variances = self.series.asked(lines, times[told], self.drift.law)
            shifts[told] = means * self.units[columns[told]]
            known[told] = self.drift.share * (self.drift.variances.sum() - variances)
        return shifts, known

    def _ratios(self, stated: Vector, columns: Indices, known: Vector) -> Vector:
        """Return what standard errors within are multiplied with."""
        shares = known * (self.units[columns] / np.maximum(stated, np.finfo(float).tiny)) ** 2
        return np.sqrt(np.maximum(1 - shares, LEAST))


def errors_of(base: SamplingModel, table: Observations) -> Vector:
    """Return the errors of a fit at the known cells, shape (p,)."""
    errors: Vector = table.values.astype(np.float64) - base.scores(table.rows, table.columns)
    return errors


def units_of(errors: Vector, table: Observations) -> Vector:
    """Return the root-mean-square error of each column, as that of all as far as it has few cells."""
    usual = float(np.mean(errors**2)) if errors.size else 1.0
    sums = np.bincount(table.columns, errors**2, minlength=table.shape[1])
    units = np.sqrt((sums + USUAL * usual) / (table.column_counts() + USUAL))
    return np.maximum(units, np.finfo(float).tiny)


def noises_of(table: Observations) -> Vector:
    """Return the variance of each cell's error, about one: inverse to its weight."""
    if table.weights is None:
        return np.ones(table.size)
    return np.asarray(table.weights.mean() / table.weights, np.float64)


def _series_of(base: SamplingModel, drift: Drift, table: Observations, units: Vector) -> Series:
    """Return the errors of a fit at known cells whose time is known, along the lines of a side."""
    times = np.full(table.size, np.nan)
    if table.context is not None:
        times = table.context.at(table.rows, table.columns)
    told = ~np.isnan(times) & (drift.gain > 0)
    known, times = table.select(told), times[told]
    errors = errors_of(base, known) / units[known.columns]
    lines = lines_of(drift.side, known.rows, known.columns)
    return Series.of(lines, count_of(drift.side, table.shape), times, errors, noises_of(known))
