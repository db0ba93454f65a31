"""`Completed`: a fitted table by its labels, with what it completes, its intervals and its updates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.cells.labels import TableLabels
from lowland.completion.tables.fitted import FittedTable, Sampler, data_of
from lowland.completion.tables.intervals import TableIntervals
from lowland.completion.tables.model import KnowsContext, SamplingModel, TableModel
from lowland.completion.tables.updates import merge
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.context import CellContext
from lowland.core.cells.fingerprints import is_fingerprint
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Words

if TYPE_CHECKING:
    from lowland.completion.tables.audited import Audited, Request

# new cells, as a share of all, up to which only their rows and columns are solved again
FEW_NEW = 0.01


@final
@dataclass(frozen=True, eq=False)
class Completed:
    """A completed table.

    Parameters
    ----------
    table : FittedTable
        The fit, by any method.
    seed : int
        Seed for the choice of held-out cells and for calibration.
    stored : str
        Fingerprint of the fitted table without its weights, if read from a file.
    request : Request or None
        What was asked of the fit, if that is known.
    audit : Audited or None
        Cells that were held out of another fit, if it was judged.
    plain_fits : float or None
        Counted work of all that was fitted and chosen, in fits such as the last one, if that is known.
    """

    table: FittedTable
    seed: int = 0
    stored: str = ""
    request: Request | None = None
    audit: Audited | None = None
    plain_fits: float | None = None

    @property
    def model(self) -> TableModel:
        """The model that predicts."""
        return self.table.model

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.model.labels

    @cached_property
    def intervals(self) -> TableIntervals:
        """Intervals for new observations of cells, and the held-out cells that calibrate them."""
        return TableIntervals(self.table, self.seed, self.audit)

    @cached_property
    def cells_fitted(self) -> str:
        """Fingerprint of the fitted table without its weights; empty if not known."""
        seen = self.table.observations
        return self.stored if seen is None else fingerprint(seen)

    def cells(
        self, rows: ArrayLike, columns: ArrayLike, *, unknown: int | None = None
    ) -> tuple[Indices, Indices]:
        """Return the positions of cells given by labels or positions; unknown ones get `unknown`."""
        at_rows, at_columns = (
            self.labels.positions(names, axis, unknown=unknown) for axis, names in enumerate((rows, columns))
        )
        if at_rows.shape != at_columns.shape:
            raise InvalidInputError(
                "rows and columns must be equally long", f"lengths {at_rows.size} and {at_columns.size}"
            )
        return at_rows, at_columns

    def told(
        self, cells: tuple[Indices, Indices], context: ArrayLike | None, model: TableModel | None = None
    ) -> TableModel:
        """Return the model, or that of other rows, as it knows the context of cells.

        Raises
        ------
        InvalidInputError
            If the fitted table has none, or one of another kind.
        """
        model = self.model if model is None else model
        if context is None:
            return model
        seen, knows = self.table.observations, isinstance(model, KnowsContext) and model.has_context
        if not knows and (seen is None or seen.context is None):
            raise InvalidInputError(
                "the fit knows no context of cells",
                "context",
                fix="leave it out, or fit a table that says when its cells were observed",
            )
        told = CellContext.of(*cells, context, model.shape)
        return model.among(told) if isinstance(model, KnowsContext) else model

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of a table, folded in, shape (k, n).

        For columns with levels these are expected values, or the likeliest levels if `likeliest` is set.

        The fitted table itself is not folded in, because folding in ignores draws and weights, and the
        prediction of a cell must not depend on how it is requested.
        """
        if self._is_fitted(table):
            return self.model.matrix(likeliest=likeliest)
        return self.model.complete(table, covariates, likeliest=likeliest)

    def folded(self, table: Observations, covariates: Matrix | None = None) -> TableModel | None:
        """Return the model of the rows of a table, folded in; None if it is the fitted table."""
        return None if self._is_fitted(table) else self.model.of_rows(table, covariates)

    def _is_fitted(self, table: Observations) -> bool:
        """Return whether a table holds the fitted cells, whatever their weights."""
        same = table.shape == self.model.shape
        return same and bool(is_fingerprint(self.cells_fitted, without_weights(table)))

    def own_drawing(self) -> tuple[Observations, Sampler]:
        """Return the fitted cells, and what draws the others."""
        drawing = self.table.sampler("multiple imputation")
        return data_of(self.table, "completions", fix="pass the table, or use sample"), drawing

    def drawing(self, table: Observations, covariates: Matrix | None = None) -> tuple[Observations, Sampler]:
        """Return the known cells of a table, and what draws the others: of the fit itself, or of new rows.

        New rows are folded in, with the bounds of their censored cells for values.

        Raises
        ------
        UnsupportedError
            If the fit has no posterior.
        """
        what, folded = "multiple imputation", self.folded(table, covariates)
        if folded is None:
            return table, self.table.sampler(what)
        return replace(table, censored=None), folding(folded, f"{what} of new rows")

    def updated(self, new: Observations, *, refit: bool | None) -> tuple[Completed, bool]:
        """Return the table with more observations, and whether all of it was fitted again.

        Parameters
        ----------
        new : Observations
            In the order of the fitted table, which they may extend; known cells are replaced.
        refit : bool or None
            Whether to fit all of it again, from this fit; otherwise only rows and columns of the new cells
            are solved again, if the model can.
        """
        merged = merge(data_of(self.table, "an update"), new)
        again = None
        if refit is False or (refit is None and new.size <= FEW_NEW * merged.size):
            again = self.table.refreshed(merged, np.unique(new.rows), np.unique(new.columns))
        # what was asked is about the rows and columns that there were
        request = self.request if merged.shape == self.model.shape else None
        if again is not None:
            return Completed(again, self.seed, request=request), False
        table = self.table.updated(merged, np.random.default_rng(self.seed))
        return Completed(table, self.seed, request=request), True


def folding(model: object, what: str) -> SamplingModel:
    """Return a model, such as that of rows that were folded in, as one that knows how uncertain it is.

    Raises
    ------
    UnsupportedError
        If it does not, naming `what` was asked for.
    """
    if not isinstance(model, SamplingModel):
        raise UnsupportedError(
            f"a posterior is needed for {what}",
            "a penalised fit",
            fix=Words("fit with ", Option("method", "variational", "gibbs", "gaussian")),
        )
    return model


def fingerprint(table: Observations) -> str:
    """Return a hash of the cells of a table, whatever their weights."""
    return without_weights(table).fingerprint()


def without_weights(table: Observations) -> Observations:
    """Return a table whose cells have no weights."""
    return replace(table, weights=None)
