"""A table fitted by a Bayesian method and refined where cells held out show curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.refinement.model import RefinedModel
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.refinement.trials import Complete
from lowland.completion.tables.fitted import PageParts
from lowland.completion.tables.kept_fit import KeptFit
from lowland.completion.tables.trial import Predictor
from lowland.completion.tables.wrapped import WrappedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.random import spawn
from lowland.core.results.findings import Certificate

if TYPE_CHECKING:
    from lowland.recheck.documents import Document
    from lowland.report.page import Page

# tables that are looked at for curves, unless told: rows times columns squared, rows, columns, observed cells
# per column
MOST_WORK, FEWEST_ROWS, FEWEST_COLUMNS, PER_COLUMN = 300_000, 20, 3, 12
# columns in order whose rows may be smooth, most rows, and most work: rows times cubed columns
FEWEST_PLACES, MOST_PLACES, MOST_ROWS, MOST_SMOOTHED = 5, 120, 1_000, 50_000_000
# largest table that is refined if told so
LARGEST = 2_000_000
SCOPE = "They are about the low-rank part alone, without what refines it."
# a table is refined anew once it has so many times the cells
GROWN = 1.1


def refine_table(
    table: BayesianTable, asked: bool | None, rng: np.random.Generator, groups: Indices | None = None
) -> BayesianTable | RefinedTable:
    """Return a fitted table, refined where cells held out show that it pays.

    Parameters
    ----------
    table : BayesianTable
        With its data.
    asked : bool or None
        None: only tables that are small enough for it to take a few seconds.
    rng : numpy.random.Generator
    groups : ndarray of int, shape (n,), optional
        Columns of one group are missing together, and do not predict each other; by default each is its own.

    Raises
    ------
    UnsupportedError
        If it is asked for and the table is weighted or too large.
    """
    seen = table.observations
    assert seen is not None
    if asked is False:
        return table
    curved = _smoothed(table, seen, rng, groups)
    if curved is not None or (asked is None and not _is_suited(seen)):
        return table if curved is None else curved
    if asked and (seen.weights is not None or seen.shape[0] * seen.shape[1] > LARGEST):
        words = "weights" if seen.weights is not None else f"{seen.shape[0]} x {seen.shape[1]} cells"
        raise UnsupportedError("this table cannot be refined by forests", words, fix="turn refine off")
    from lowland.completion.refinement.forest_learning import learn_refinement

    low = table.model.row_scores(np.arange(seen.shape[0]))
    own = np.arange(seen.shape[1]) if groups is None else groups
    holes = seen.to_array().astype(np.float64)
    found = learn_refinement(holes, _completing(table, seen, rng), low, rng, own)
    return table if found is None else RefinedTable(RefinedModel.of(table.model, found, seen), table)


def _smoothed(
    table: BayesianTable, seen: Observations, rng: np.random.Generator, groups: Indices | None
) -> RefinedTable | None:
    """Return the table blended with smooth curves of its rows, None if that does not pay."""
    places, (m, n) = table.column_places, seen.shape
    single = groups is None or np.unique(groups).size == n
    if places is None or not single or seen.weights is not None or not _may_be_smooth(m, n, seen.size):
        return None
    from lowland.completion.refinement.smoothing_learning import learn_smoothing

    own = spawn(rng, 1)[0]  # curves that are of no use change no bit of what forests do
    holes = seen.to_array().astype(np.float64)
    found = learn_smoothing(holes, _completing(table, seen, own), own, places)
    return None if found is None else RefinedTable(RefinedModel.of(table.model, found, seen), table)


def _may_be_smooth(m: int, n: int, cells: int) -> bool:
    sized = FEWEST_PLACES <= n <= MOST_PLACES and FEWEST_ROWS <= m <= MOST_ROWS and m * n**3 <= MOST_SMOOTHED
    return sized and PER_COLUMN * n <= cells < m * n


def _completing(table: BayesianTable, seen: Observations, rng: np.random.Generator) -> Complete:
    """Return what completes a table without some of its cells by the same settings."""
    from lowland.completion.bayesian.fit import BRIEF

    rows, columns = (places.ravel() for places in np.indices(seen.shape))

    def complete(holes: Matrix) -> tuple[Matrix, Matrix]:
        again = table.refit(_like(seen, holes), rng, most_draws=BRIEF)
        errors = again.standard_errors(rows, columns).reshape(seen.shape)
        return again.row_scores(np.arange(seen.shape[0])), errors

    return complete


def _is_suited(seen: Observations) -> bool:
    m, n = seen.shape
    small = m * n**2 <= MOST_WORK and m >= FEWEST_ROWS and n >= FEWEST_COLUMNS
    return small and seen.weights is None and PER_COLUMN * n <= seen.size < m * n


def _like(seen: Observations, holes: Matrix) -> Observations:
    """Return a table with the known cells of an array, and the labels of another."""
    rows, columns = np.nonzero(~np.isnan(holes))
    return replace(seen, rows=rows, columns=columns, values=holes[rows, columns].astype(seen.values.dtype))


@final
@dataclass(frozen=True, eq=False)
class RefinedTable(WrappedTable):
    """A table completed by a Bayesian fit and refined.

    Parameters
    ----------
    model : RefinedModel
    base : BayesianTable
        The low-rank fit.
    """

    model: RefinedModel
    base: BayesianTable

    @property
    def observations(self) -> Observations | None:
        """The fitted table; None if only the model is known."""
        return self.base.observations

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, as wide as errors on held-out cells demand."""
        return self.model.intervals(rows, columns, level)

    def predictor(self) -> Predictor:
        """Return predictions with standard errors."""
        return self.model

    def refit(self, table: Observations, rng: np.random.Generator) -> RefinedModel:
        """Return the fit of another table of the same shape, refined anew with the same weights."""
        base = self.base.refit(table, rng)
        holes, known = table.to_array().astype(np.float64), self.model.refinement
        if isinstance(known, RowSmoothing):
            return RefinedModel.of(base, known.again(holes), table)
        from lowland.completion.refinement.forest_learning import grow_again

        low = base.row_scores(np.arange(table.shape[0]))
        return RefinedModel.of(base, grow_again(holes, low, known, rng), table)

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> RefinedTable | None:
        """Return the table with some rows and columns solved again, None if that cannot be done."""
        model = self.model
        if table.shape[1] != model.shape[1]:
            return None
        base = self.base.refreshed(table, rows, columns)
        return (
            None if base is None else RefinedTable(RefinedModel.of(base.model, model.refinement, table), base)
        )

    def updated(self, table: Observations, rng: np.random.Generator) -> BayesianTable | RefinedTable:
        """Return the fit of a table that contains this one, warm-started from this fit.

        The refinement stays until the table has grown by a tenth.
        """
        base, known = self.base.updated(table, rng), self.model.refinement
        if table.shape[1] != self.model.shape[1] or table.size > GROWN * known.learnt_from:
            groups = known.groups if table.shape[1] == self.model.shape[1] else None
            return refine_table(base, None if isinstance(known, RowSmoothing) else True, rng, groups)
        return RefinedTable(RefinedModel.of(base.model, known, table), base)

    def sampler(self, what: str) -> RefinedModel:
        """Return the refined posterior."""
        return self.model

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[RefinedTable, Certificate]:
        """Return the fit unchanged, and what is proved about the low-rank part."""
        base, certificate = self.base.certify(rng, effort)
        return RefinedTable(self.model, base), certificate

    def document(self) -> Document:
        """Return the certificate of the low-rank part with what is needed to derive it again."""
        return self.base.document()

    def page(self, parts: PageParts) -> Page:
        """Return the page of a report."""
        page = self.base.page(parts)
        scope = () if parts.certificate is None else (SCOPE,)
        return replace(page, notes=(*page.notes, *scope, f"{self.model.refinement.words.capitalize()}."))

    def with_kept(self, kept: KeptFit | None) -> RefinedTable:
        """Return the table with what a file holds of its fit."""
        return RefinedTable(self.model, self.base.with_kept(kept))

    def describe_method(self) -> str:
        """Return the method in a sentence."""
        return f"{self.base.describe_method()}; {self.model.refinement.words}"

    def describe_certificate(self) -> str:
        """Return what the certificate is about."""
        return f"{self.base.describe_certificate()} {SCOPE}"
