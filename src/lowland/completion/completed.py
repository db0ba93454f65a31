"""`Completed`: a completed table with predictions, intervals, draws and updates, for every method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.completion.conformal import Conformal, calibrate, calibrate_on_gaps
from lowland.completion.fitted_table import FittedTable, without_data
from lowland.completion.holdout import Refit, Trial, hold_trial
from lowland.completion.rankings import alike, best_columns
from lowland.completion.table_labels import TableLabels
from lowland.completion.table_model import TableModel
from lowland.completion.table_updates import merge
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.observations import Observations

INTERVALS = ("auto", "posterior", "fisher", "conformal", "conformal_gaps")
# largest number of values drawn at once for multiple imputation
LARGEST_DRAWS = 200_000_000
# the fit that each kind of interval needs
_NEEDS = {
    "posterior": "a Bayesian fit",
    "fisher": "a penalised fit with squared losses and factors of unconstrained sign",
}


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
    """

    table: FittedTable
    seed: int = 0
    stored: str = ""

    @property
    def model(self) -> TableModel:
        """The model that predicts."""
        return self.table.model

    @cached_property
    def cells_fitted(self) -> str:
        """Fingerprint of the fitted table without its weights; empty if not known."""
        seen = self.table.observations
        return self.stored if seen is None else fingerprint(seen)

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return self.model.labels

    def observed(self, what: str) -> Observations:
        """Return the fitted table; raise UnsupportedError, naming `what` needs it, if it is not known."""
        if self.table.observations is None:
            raise without_data(what)
        return self.table.observations

    def cells(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Indices, Indices]:
        """Return the positions of cells given by labels or positions."""
        at_rows, at_columns = self.labels.positions(rows, 0), self.labels.positions(columns, 1)
        if at_rows.shape != at_columns.shape:
            raise InvalidInputError(
                "rows and columns must be equally long", f"lengths {at_rows.size} and {at_columns.size}"
            )
        return at_rows, at_columns

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of a table, folded in, shape (k, n).

        For columns with levels these are expected values, or the likeliest levels if `likeliest` is set.

        The fitted table itself is not folded in, because folding in ignores draws and weights, and the
        prediction of a cell must not depend on how it is requested.
        """
        if table.shape == self.model.shape and fingerprint(table) == self.cells_fitted:
            return self.model.matrix(likeliest=likeliest)
        return self.model.complete(table, covariates, likeliest=likeliest)

    def top(self, row: int, count: int, exclude_observed: bool) -> tuple[Indices, Vector]:
        """Return the columns with the largest predictions for a row, and these predictions."""
        n = self.model.shape[1]
        scores = self.model.scores(np.full(n, row), np.arange(n))
        seen = np.zeros(0, np.intp)
        if exclude_observed:
            table = self.table.observations
            if table is None:
                raise UnsupportedError(
                    "the observed cells are not known",
                    "a model loaded from a file, without its data",
                    fix="pass exclude_observed=False, or fit the table again",
                )
            seen = table.columns[table.rows == row]
        chosen = best_columns(scores, seen, count)
        return chosen, self.model.predict(np.full(chosen.size, row), chosen)

    def similar(self, column: int, count: int) -> tuple[Indices, Vector]:
        """Return the columns most like one, and the correlations of their low-rank parts."""
        return alike(*self.model.factors(), column, count)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, shape (k, number of levels)."""
        return self.model.probabilities(rows, column)

    def outliers(self) -> Any:
        """Return the sparse part that a robust fit removes from the observed cells, shape (m, n)."""
        from scipy.sparse import csr_array

        losses = self.model.losses
        if losses is None or "huber" not in losses.words():
            raise UnsupportedError(
                "outliers need the Huber loss", "a fit with other losses", fix='fit with loss="huber"'
            )
        table = self.observed("outliers")
        parts = losses.excesses(table, self.model.natural(table.rows, table.columns).astype(np.float64))
        some = parts != 0
        places = (table.rows[some], table.columns[some])
        return csr_array((parts[some], places), shape=table.shape)

    # ---------------------------------------------------------------- uncertainty

    def intervals(self, rows: Indices, columns: Indices, level: float, method: str) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, one of four kinds ("auto": the model's own)."""
        if method not in INTERVALS:
            choices = ", ".join(f'"{choice}"' for choice in INTERVALS)
            raise InvalidInputError("method is unknown", repr(method), fix=f"use one of {choices}")
        if isinstance(level, bool) or not (isinstance(level, int | float | np.number) and 0 < level < 1):
            raise InvalidInputError("level must lie between 0 and 1", repr(level))
        own, losses = self.table.interval_method, self.model.losses
        if losses is not None and not losses.numbers[columns].all():
            raise UnsupportedError(
                "columns of levels have no intervals",
                "two-level or ordered columns",
                fix="use level_probabilities or sample",
            )
        method = own if method == "auto" else method
        if method.startswith("conformal"):
            return self.model.clip(*self._calibrated(rows, columns, level, method), columns)
        if method != own:
            raise UnsupportedError(
                f'method "{method}" needs {_NEEDS[method]}',
                f'this model has "{own}"',
                fix='use "conformal"' if own == "conformal" else f'use "{own}" or "conformal"',
            )
        return self.table.intervals(rows, columns, level)

    @property
    def with_intervals(self) -> Indices:
        """The columns that have intervals: those that hold numbers or counts."""
        losses = self.model.losses
        return np.arange(self.model.shape[1]) if losses is None else np.flatnonzero(losses.numbers)

    def _calibrated(
        self, rows: Indices, columns: Indices, level: float, method: str
    ) -> tuple[Vector, Vector]:
        """Return conformal intervals, each group of columns calibrated on its own errors."""
        groups = self._conformal if method == "conformal" else self._conformal_gaps
        lower, upper = np.full((2, rows.size), np.nan)
        for known, calibrated in groups:
            at = known[columns]
            if at.any():
                lower[at], upper[at] = calibrated.intervals(rows[at], columns[at], level)
        return lower, upper

    @cached_property
    def trial(self) -> Trial:
        """A fit to most of the cells, and its predictions of the others; computed on first use."""
        return hold_trial(*self._calibrating())

    @cached_property
    def _conformal(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        return calibrate(self.trial, self._groups)

    @cached_property
    def _conformal_gaps(self) -> list[tuple[NDArray[np.bool_], Conformal]]:
        return calibrate_on_gaps(*self._calibrating(), self.table.predictor(), self._groups)

    @property
    def _groups(self) -> tuple[NDArray[np.bool_], ...]:
        losses = self.model.losses
        return (np.ones(self.model.shape[1], bool),) if losses is None else losses.calibrating

    def _calibrating(self) -> tuple[Observations, Refit, np.random.Generator]:
        """Return the data, the refitting function and the generator for calibration."""
        return self.observed("conformal intervals"), self.table.refit, np.random.default_rng(self.seed)

    def sample(self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator) -> Matrix:
        """Return draws of new observations of cells together, shape (count, k)."""
        return self.table.sampler("draws").sample(rows, columns, count, rng)

    def completions(self, count: int, rng: np.random.Generator) -> Matrix:
        """Return completed tables, missing cells drawn with their noise, shape (count, m, n)."""
        drawing = self.table.sampler("multiple imputation")
        m, n = self.model.shape
        seen = self.table.observations
        if seen is None:
            raise without_data("completions", fix="fit the table again, or use sample")
        if count * m * n > LARGEST_DRAWS:
            raise InvalidInputError(
                "the completions would take too much memory",
                f"{count} x {m} x {n} numbers",
                fix="ask for fewer, or sample only the cells that you need",
            )
        missing = np.ones((m, n), bool)
        missing[seen.rows, seen.columns] = False
        rows, columns = np.nonzero(missing)
        tables = np.empty((count, m, n))
        tables[:, seen.rows, seen.columns] = seen.values
        tables[:, rows, columns] = drawing.sample(rows, columns, count, rng)
        return tables

    # ---------------------------------------------------------------- new observations

    def updated(self, new: Observations) -> Completed:
        """Return the table refitted with more observations, warm-started from this fit.

        Parameters
        ----------
        new : Observations
            In the order of the fitted table, which they may extend; known cells are replaced.
        """
        seen = self.observed("an update")
        again = self.table.updated(merge(seen, new), np.random.default_rng(self.seed))
        return replace(self, table=again)


def fingerprint(table: Observations) -> str:
    """Return a hash of the cells of a table, whatever their weights."""
    return replace(table, weights=None).fingerprint()
