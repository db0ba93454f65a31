"""The fitted model of a completion, which predicts and folds in new rows, and is saved to files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.tables.model import TableParts, check_table_fits, no_levels
from lowland.completion.tables.updates import settle_in_turn
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Columns


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CompletionModel:
    """Factors, biases and labels: everything needed to predict.

    Parameters
    ----------
    row_factors : ndarray, shape (m, r)
    column_factors : ndarray, shape (n, r)
    row_biases : ndarray, shape (m,)
    column_biases : ndarray, shape (n,)
    offset : float
    penalty : float
        Needed to fold in new rows, like `biases`, `bias_penalty` and `penalty_weights`.
    biases : bool
    row_labels, column_labels : ndarray or None
    bias_penalty : float
    penalty_weights : {"uniform", "counts"}
    unit : float
        Number of observed cells of a row whose penalty has weight one.
    columns : Columns or None
        Kinds of the columns; factors and biases then give natural parameters of cells.
    nonnegative : bool
        Whether factors are nonnegative.
    unlisted_weight : float
        Weight of cells that are not listed, which then count as the offset; 0 if they are missing.
    """

    row_factors: Matrix
    column_factors: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    penalty: float
    biases: bool
    row_labels: Labels | None = None
    column_labels: Labels | None = None
    bias_penalty: float = 0.0
    penalty_weights: str = "uniform"
    unit: float = 1.0
    columns: Columns | None = None
    nonnegative: bool = False
    unlisted_weight: float = 0.0

    @property
    def unlisted(self) -> float:
        """What cells that are not listed count as, if they do."""
        return float(self.offset) if self.unlisted_weight else 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.row_factors.shape[0], self.column_factors.shape[0]

    @property
    def rank(self) -> int:
        """Number of factors."""
        return int(self.row_factors.shape[1])

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return U and V."""
        return self.row_factors, self.column_factors

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions for pairs of positions, O(r) each."""
        return self._expected(self.natural(rows, columns), columns)

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the natural parameters of cells, which are the predictions if losses are squared."""
        low_rank = Factors(self.row_factors, self.column_factors).at(rows, columns)
        return (
            low_rank
            + self.row_biases[rows]
            + self.column_biases[columns]
            + self.row_biases.dtype.type(self.offset)
        )

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return the scores that rank the columns of a row: the predictions."""
        return self.predict(rows, columns)

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return all predictions, or for levels the likeliest ones if requested, shape (m, n)."""
        return self._all(self.row_factors, self.row_biases, likeliest=likeliest)

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations around exact predictions, shape (k,)."""
        if self.columns is None:
            return np.ones(rows.size)
        return self.columns.spread(self.natural(rows, columns), columns)

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""
        return 0, False

    @property
    def losses(self) -> Columns | None:
        """Losses by column; None if all are squared."""
        return self.columns

    def parts(self) -> TableParts:
        """Return factors, biases and offset."""
        return TableParts(
            self.row_factors, self.column_factors, self.row_biases, self.column_biases, self.offset
        )

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Return the probabilities of a column's levels in some rows, shape (k, number of levels)."""
        if self.columns is None or self.columns.numbers[column]:
            raise no_levels()
        return self.columns.probabilities(self.natural(rows, np.full(rows.size, column)), column)

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the possible values of the columns: counts are not negative."""
        return (lower if self.columns is None else np.maximum(lower, self.columns.least(columns))), upper

    @cached_property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
        return TableLabels(self.shape, self.row_labels, self.column_labels)

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of another table, folded in, shape (k, n)."""
        return self.of_rows(table, covariates).matrix(likeliest=likeliest)

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> CompletionModel:
        """Return the model of the rows of another table, folded in."""
        if covariates is not None:
            raise InvalidInputError('method "map" takes no covariates', "covariates", fix="omit them")
        u, a = self.fold_in(table)
        return replace(self, row_factors=u, row_biases=a, row_labels=table.row_labels)

    def _all(self, u: Matrix, a: Vector, *, likeliest: bool) -> Matrix:
        check_table_fits(u, self.shape[1])
        low_rank: Matrix = u @ self.column_factors.T
        cells = low_rank + (a[:, None] + self.column_biases + low_rank.dtype.type(self.offset))
        if self.columns is None:
            return np.asarray(cells)
        columns = np.tile(np.arange(cells.shape[1]), cells.shape[0])
        read = self.columns.likeliest if likeliest else self.columns.mean
        return read(cells.ravel(), columns).reshape(cells.shape)

    def _expected(self, natural: Vector, columns: Indices) -> Vector:
        return natural if self.columns is None else self.columns.mean(natural, columns)

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> CompletionModel | None:
        """Return the model with the factors and biases of some rows and columns solved again for a table.

        Everything else stays. The table may have more rows and columns than the model; the new ones must be
        among those asked for. None if losses are not all squared: the table must then be fitted again.
        """
        if self.columns is not None:
            return None
        m, n = table.shape
        again = replace(
            self._lengthened(m, n), row_labels=table.row_labels, column_labels=table.column_labels
        )
        turned = Observations(table.columns, table.rows, table.values, (n, m), table.weights)
        unit = table.size / n if self.penalty_weights == "counts" else 1.0

        def solve(model: CompletionModel) -> CompletionModel:
            with_rows = model._solved_again(table, rows)
            return with_rows._turned(unit)._solved_again(turned, columns)._turned(self.unit)

        again = settle_in_turn(again, solve, lambda model: model.row_factors[rows])
        # rows once more, so that folding in one of them gives what it has
        return again._solved_again(table, rows)

    def _lengthened(self, m: int, n: int) -> CompletionModel:
        """Return the model with further rows and columns of zeros."""

        def longer(side: Vector, length: int) -> Vector:
            return np.concatenate([side, np.zeros((length - len(side), *side.shape[1:]), side.dtype)])

        return replace(
            self,
            row_factors=longer(self.row_factors, m),
            column_factors=longer(self.column_factors, n),
            row_biases=longer(self.row_biases, m),
            column_biases=longer(self.column_biases, n),
        )

    def _turned(self, unit: float) -> CompletionModel:
        """Return the model of the transposed table."""
        return replace(
            self,
            row_factors=self.column_factors,
            column_factors=self.row_factors,
            row_biases=self.column_biases,
            column_biases=self.row_biases,
            row_labels=self.column_labels,
            column_labels=self.row_labels,
            unit=unit,
        )

    def _solved_again(self, table: Observations, lines: Indices) -> CompletionModel:
        """Return the model with the factors and biases of some rows solved again."""
        part = table.select(np.isin(table.rows, lines))
        place = np.searchsorted(lines, part.rows)
        cells = Observations(place, part.columns, part.values, (lines.size, table.shape[1]), part.weights)
        u, a = self.fold_in(cells)
        factors, biases = self.row_factors.copy(), self.row_biases.copy()
        factors[lines], biases[lines] = u, a
        return replace(self, row_factors=factors, row_biases=biases)

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the predictions of all columns for some rows, shape (k, n)."""
        return self._all(self.row_factors[rows], self.row_biases[rows], likeliest=False)

    def new_scores(self, table: Observations) -> Matrix:
        """Return the predictions of all columns for new rows, folded in, shape (k, n)."""
        return self.complete(table)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return the scores, which are the predictions."""
        return scores

    def fold_in(self, table: Observations) -> tuple[Matrix, Vector]:
        """Return factors and biases of the rows of another table with the same columns."""
        # what searches is not needed to predict
        from lowland.completion.penalised.row_minimum import settle_rows
        from lowland.completion.penalised.settings import BIASES, side_weights
        from lowland.measure import Entries
        from lowland.models import General
        from lowland.objectives import make_objective

        known = self.columns
        kept = BIASES if known is None else known.biases
        model = General(table.shape, self.row_factors.shape[1], kept if self.biases else ())
        objective = make_objective(
            Entries(table.rows, table.columns, table.shape),
            (table.values - self.unlisted if known is None else known.encode(table)).astype(
                self.row_factors.dtype
            ),
            model,
            loss=None if known is None else known.loss(table.columns),
            weights=table.weights if known is None else known.weights(table),
            penalty=self.penalty,
            bias_penalty=self.bias_penalty,
            side_weights=side_weights(table, self.penalty_weights, (self.unit, 1.0)),
            nonnegative=self.nonnegative,
            unlisted=self.unlisted_weight or None,
        )
        blank = np.zeros((table.shape[0], model.rank), self.row_factors.dtype)
        flat = np.zeros(table.shape[0], blank.dtype)
        theta = model.pack(blank, self.column_factors, flat, self.column_biases, self.offset)
        for smoother in known.smoother if known is not None else ():
            theta = settle_rows(replace(objective, loss=smoother.loss(table.columns)), theta)
        u, _, a, _, _ = model.unpack(settle_rows(objective, theta))
        return u, a
