"""The fitted Bayesian model of a table: predictions, standard errors, draws, and new rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from lowland.bayes.products import all_product_means, product_means, product_variances, singular_factors
from lowland.bayes.row_scales import RowScales
from lowland.bayes.score_quantile import interval_reach
from lowland.bayes.side_prior import unpack_lower
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.learnt_prior import LearntPrior
from lowland.completion.bayesian.row_sizes import with_sizes
from lowland.completion.bayesian.scaling import Scaling
from lowland.completion.penalised.settings import row_weights
from lowland.completion.tables.model import TableParts, check_table_fits, no_levels
from lowland.completion.tables.updates import settle_in_turn
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.kernels.systems.moments import Moments

# number of cells whose d x d covariances are formed at once: what the processor keeps near
CHUNK_CELLS = 500


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class PosteriorModel:
    """Gaussian rows and columns, in the unit of the fit.

    Parameters
    ----------
    rows, columns : Moments
        Moments of m rows and n columns of length d: factors, then the bias if there are biases.
    biased : bool
    noise_precision : float
    column_precisions : ndarray, shape (n,)
    row_prior, column_prior : LearntPrior
    scaling : Scaling
    labels : TableLabels
    row_draws, column_draws : ndarray, shape (k, m, d) and (k, n, d)
        Gibbs draws; k = 0 for a variational fit. If columns are axes, new observations of all cells, and
        no draws of columns.
    row_weights : ndarray, shape (m,)
        Weights assumed for new observations in each row.
    axes : bool
        Whether columns are the coordinate axes, which no cells change: rows are draws from a Gaussian of any
        covariance.
    inflation : float
        By how much standard errors are larger than those of the posterior.
    error_scores : ndarray, shape (k,)
        Errors of cells predicted without them over standard errors, ascending; none if not known.
    row_scales : RowScales or None
        How rows along axes differ in size: variances of those of the fit are multiplied already.

    Notes
    -----
    With draws, a prediction is the average of the variational prediction and the mean of the draws, and its
    spread is that of the draws. The errors of the two differ, and their average is more accurate than either.
    """

    rows: Moments
    columns: Moments
    biased: bool
    noise_precision: float
    column_precisions: Vector
    row_prior: LearntPrior
    column_prior: LearntPrior
    scaling: Scaling
    labels: TableLabels
    row_draws: Matrix
    column_draws: Matrix
    row_weights: Vector
    axes: bool = False
    inflation: float = 1.0
    error_scores: Vector = field(default_factory=lambda: np.zeros(0))
    row_scales: RowScales | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.rows.means.shape[0], self.columns.means.shape[0]

    @property
    def row_places(self) -> tuple[int, bool]:
        """Number of coordinates of rows that the fit found in order, and whether labels said them."""
        return self.row_prior.mapping.places

    @property
    def rank(self) -> int:
        """Number of factors."""
        return int(self.rows.means.shape[1]) - self.biased

    def factors(self) -> tuple[Matrix, Matrix]:
        """Return factors U, V whose product U V^T, with `biases`, gives the variational predictions.

        If columns have their own scales, row biases are multiplied by them and become a factor.
        """
        r, spreads = self.rank, self.scaling.spreads
        root, dtype = np.sqrt(spreads.mean()), self.rows.means.dtype
        left, right = self.rows.means[:, :r], self.columns.means[:, :r]
        if self.axes:  # which would say nothing of columns
            left, right = singular_factors(self.rows.means)
        left, right = left * root, right * (spreads / root)[:, None]
        if self._own_scales:
            left = np.column_stack([left, self.rows.means[:, r:]])
            right = np.column_stack([right, spreads] if self.biased else [right])
        return left.astype(dtype), right.astype(dtype)

    def biases(self) -> tuple[Vector, Vector]:
        """Return the row and column biases that belong to `factors`; column biases include the centre."""
        r, (m, _), spreads = self.rank, self.shape, self.scaling.spreads
        dtype = self.rows.means.dtype
        rows = np.zeros(m) if self._own_scales else spreads[0] * self.rows.means[:, r:].sum(axis=1)
        columns = self.scaling.centres + spreads * self.columns.means[:, r:].sum(axis=1)
        return rows.astype(dtype), columns.astype(dtype)

    @property
    def _averages_draws(self) -> bool:
        """Whether draws add to predictions; means of rows along axes are already averages over more draws."""
        return bool(self.row_draws.shape[0]) and not self.axes

    @property
    def _own_scales(self) -> bool:
        return bool(np.ptp(self.scaling.spreads) > 0)

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions for pairs of positions, clipped to the range of grades, O(d) each."""
        return self.scaling.clip(self.scores(rows, columns))

    def scores(self, rows: Indices, columns: Indices) -> Vector:
        """Return unclipped predictions, which rank cells that clipping would make equal."""
        means = self._product(self.rows.means, self.columns.means, rows, columns)
        if self._averages_draws:
            means = (means + self._draws_at(rows, columns)[0]) / 2
        return self.scaling.undo(means, columns)

    @property
    def losses(self) -> None:
        """None: all losses are squared."""
        return

    def parts(self) -> TableParts:
        """Return factors and biases of the variational predictions, and the noise of each column."""
        noise = self.scaling.spreads / np.sqrt(self.noise_precision * self.column_precisions)
        return TableParts(*self.factors(), *self.biases(), 0.0, noise)

    def natural(self, rows: Indices, columns: Indices) -> Vector:
        """Return the predictions, which are the natural parameters of squared losses."""
        return self.predict(rows, columns)

    def probabilities(self, rows: Indices, column: int) -> Matrix:
        """Raise UnsupportedError: no column has levels."""
        raise no_levels()

    def clip(self, lower: Vector, upper: Vector, columns: Indices) -> tuple[Vector, Vector]:
        """Return intervals clipped to the range of grades."""
        return self.scaling.clip(lower), self.scaling.clip(upper)

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations: normal, or as errors of cells predicted without them."""
        reach = interval_reach(self.error_scores, level) * self.standard_errors(rows, columns)
        centre = self.predict(rows, columns)
        return self.clip(centre - reach, centre + reach, columns)

    def matrix(self, *, likeliest: bool = False) -> Matrix:
        """Return all predictions, shape (m, n)."""
        check_table_fits(self.rows.means, self.shape[1])
        return self.within_range(self.row_scores(np.arange(self.shape[0])))

    def complete(
        self, table: Observations, covariates: Matrix | None = None, *, likeliest: bool = False
    ) -> Matrix:
        """Return predictions of all cells of the rows of another table, folded in, shape (k, n)."""
        return self.within_range(self.new_scores(table, covariates))

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard deviations of new observations of cells, in the unit of the table, shape (k,)."""
        if self._averages_draws:
            spread = self._draws_at(rows, columns)[1]
        else:
            parts = (slice(k, k + CHUNK_CELLS) for k in range(0, rows.size, CHUNK_CELLS))
            spread = np.concatenate([np.zeros(0), *(self._variances(rows[p], columns[p]) for p in parts)])
        errors: Vector = self.scaling.spreads[columns] * np.sqrt(spread + self._noise(rows, columns))
        return self.inflation * errors

    def draws(
        self, rows: Indices, columns: Indices, count: int, rng: np.random.Generator, *, noise: bool = True
    ) -> Iterator[Vector]:
        """Give joint draws of cells, shape (k,) each.

        Of new observations, clipped to the range of grades, or without noise of the low-rank table itself.
        """
        if self.axes and noise and count <= self.row_draws.shape[0]:
            for k in rng.choice(self.row_draws.shape[0], count, replace=False):
                yield self.scaling.clip(self.scaling.undo(self.row_draws[k, rows, columns], columns))
            return
        spread = np.sqrt(self._noise(rows, columns))
        means = self.scores(rows, columns) if self.inflation > 1 else None
        for left, right in self.draw_sides(count, rng):
            values = self._product(left, right, rows, columns)
            if noise:
                values = values + spread * rng.standard_normal(rows.size)
            drawn = self.scaling.undo(values, columns)
            if means is not None:
                drawn = means + self.inflation * (drawn - means)
            yield self.scaling.clip(drawn) if noise else drawn

    def fold_in(self, table: Observations, covariates: Matrix | None = None) -> Moments:
        """Return the moments of the rows of another table with the same columns.

        Parameters
        ----------
        table : Observations
        covariates : ndarray, shape (k, c), or None
            Covariates of its rows, if the fit had row covariates.
        """
        return self._solved(self.row_prior, self.columns, (table.rows, table.columns), table, covariates)

    def solved_rows(self, cells: TableCells, covariates: Matrix | None) -> Moments:
        """Return the same moments of the rows of scaled cells, wherever they are."""
        return self.row_prior.moments(
            cells,
            covariates,
            self.columns,
            **self._known,
            precisions=self.column_precisions.astype(cells.dtype),
            fitted=True,
        )

    def refreshed(self, table: Observations, rows: Indices, columns: Indices) -> PosteriorModel | None:
        """Return the model with the moments of some rows and columns solved again for a table.

        The priors and everything else stay. The table may have more rows and columns than the model; the new
        ones must be among those asked for. None if the model has draws or columns with scales of their own
        that are new, or if a side's prior has covariates: it must then be fitted again.
        """
        grown = table.shape[1] > self.shape[1]
        described = self.row_prior.mapping.described + self.column_prior.mapping.described
        if self.row_draws.shape[0] or described or (grown and self._own_scales):
            return None
        (m, n), weights = table.shape, row_weights(table)
        again = replace(
            self,
            rows=self.row_prior.lengthened(self.rows, m),
            columns=self.column_prior.lengthened(self.columns, n),
            column_precisions=np.append(self.column_precisions, np.ones(n - self.shape[1])),
            scaling=self.scaling.lengthened(n),
            labels=TableLabels.of(table),
            row_weights=weights,
        )

        def solve(model: PosteriorModel) -> PosteriorModel:
            return model._solved_again(table, 0, rows)._solved_again(table, 1, columns)

        again = settle_in_turn(again, solve, lambda model: model.rows.means[rows])
        # rows once more, so that folding in one of them gives what it has
        return again._solved_again(table, 0, rows)

    def _solved_again(self, table: Observations, axis: int, lines: Indices) -> PosteriorModel:
        """Return the model with the moments of some rows (axis 0) or columns (axis 1) solved again."""
        lines_of_cells, partners = (table.rows, table.columns) if axis == 0 else (table.columns, table.rows)
        part = table.select(np.isin(lines_of_cells, lines))
        lines_of_cells, partners = (part.rows, part.columns) if axis == 0 else (part.columns, part.rows)
        place = np.searchsorted(lines, lines_of_cells)
        prior, old = (self.row_prior, self.rows) if axis == 0 else (self.column_prior, self.columns)
        other = self.columns if axis == 0 else self.rows
        solved = self._solved(prior, other, (place, partners), part, None, lines.size)
        means, covariances = old.means.copy(), old.covariances.copy()
        means[lines], covariances[lines] = solved.means, solved.covariances
        moments = Moments(means, covariances)
        return replace(self, rows=moments) if axis == 0 else replace(self, columns=moments)

    def _solved(
        self,
        prior: LearntPrior,
        other: Moments,
        cells: tuple[Indices, Indices],
        table: Observations,
        covariates: Matrix | None,
        count: int | None = None,
    ) -> Moments:
        """Return the moments of lines, given those of the other side and their cells: lines and partners."""
        given = 1 if table.weights is None else table.weights
        weights = self.column_precisions[table.columns] * given
        shape = (table.shape[0] if count is None else count, other.means.shape[0])
        scaled = self._scaled(table).values
        sorted_cells = TableCells.of(Observations(*cells, scaled, shape, weights.astype(scaled.dtype)))
        return prior.moments(sorted_cells, covariates, other, **self._known)

    @property
    def _known(self) -> dict[str, Any]:
        return {"noise_precision": self.noise_precision, "biased": self.biased, "shape": self.shape}

    def _scaled(self, table: Observations) -> Observations:
        """Return a table in the unit of the fit, without weights."""
        values = self.scaling.apply(table.values.astype(self.rows.means.dtype), table.columns)
        return replace(table, values=values, weights=None)

    def _noise(self, rows: Indices, columns: Indices) -> Vector:
        """Return the variances of the noise of new observations, in the unit of the fit."""
        precisions = self.column_precisions[columns] * self.row_weights[rows]
        return np.asarray(1 / (self.noise_precision * precisions))

    def row_scores(self, rows: Indices) -> Matrix:
        """Return the scores of all columns for some rows, shape (k, n)."""
        means = all_product_means(self.rows.means[rows], self.columns.means, self.rank)
        if self._averages_draws:
            drawn = zip(self.row_draws, self.column_draws, strict=True)
            mean = (
                sum(all_product_means(rows_drawn[rows], columns, self.rank) for rows_drawn, columns in drawn)
                / self.row_draws.shape[0]
            )
            means = (means + mean) / 2
        return self.scaling.undo(means, np.arange(self.shape[1]))

    def new_scores(self, table: Observations, covariates: Matrix | None = None) -> Matrix:
        """Return unclipped predictions of all columns for new rows, folded in, shape (k, n)."""
        again = self.of_rows(table, covariates)
        check_table_fits(again.rows.means, self.shape[1])
        return again.row_scores(np.arange(table.shape[0]))

    def of_rows(self, table: Observations, covariates: Matrix | None = None) -> PosteriorModel:
        """Return the model of the rows of another table, folded in; it has no draws."""
        rows, weights = self.fold_in(table, covariates), row_weights(table)
        if self.row_scales is not None:
            cells = TableCells.of(self._scaled(table))
            mean, precisions = self.row_prior.coefficients[0], self.column_precisions
            rows, factors = with_sizes(rows, self.row_scales, cells, mean, precisions)
            weights = weights / factors
        none = self.row_draws[:0], self.column_draws[:0]
        return replace(self, rows=rows, row_draws=none[0], column_draws=none[1], row_weights=weights)

    def within_range(self, scores: Matrix) -> Matrix:
        """Return scores clipped to the range of grades: predictions."""
        return self.scaling.clip(scores)

    def _product(self, left: Matrix, right: Matrix, rows: Indices, columns: Indices) -> Vector:
        return product_means(left, right, (rows, columns), self.rank)

    def _draws_at(self, rows: Indices, columns: Indices) -> tuple[Vector, Vector]:
        """Return the mean and variance over the draws."""
        total, squares = np.zeros(rows.size), np.zeros(rows.size)
        for left, right in zip(self.row_draws, self.column_draws, strict=True):
            values = self._product(left, right, rows, columns).astype(np.float64)
            total += values
            squares += values**2
        count = self.row_draws.shape[0]
        mean = total / count
        return mean, np.maximum(squares - count * mean**2, 0.0) / (count - 1)

    def _variances(self, rows: Indices, columns: Indices) -> Vector:
        """Return variances of p . q + b + c of independent Gaussian rows and columns."""
        if self.axes:
            own_variances: Vector = self.rows.covariances[rows, columns * (columns + 3) // 2]
            return own_variances.astype(np.float64)
        return product_variances(self.rows, self.columns, (rows, columns), self.rank)

    def draw_sides(self, count: int, rng: np.random.Generator) -> Iterator[tuple[Matrix, Matrix]]:
        """Give draws of rows and columns, shapes (m, d) and (n, d): kept ones, once if enough."""
        kept = self.row_draws.shape[0]
        if self._averages_draws:
            for k in rng.choice(kept, count, replace=count > kept):
                yield self.row_draws[k], self.column_draws[k]
            return
        roots = [
            np.linalg.cholesky(unpack_lower(side.covariances.astype(np.float64), self.rank + self.biased))
            for side in ((self.rows,) if self.axes else (self.rows, self.columns))
        ]
        for _ in range(count):
            drawn = [
                side.means + np.einsum("kab,kb->ka", root, rng.standard_normal(side.means.shape))
                for side, root in zip((self.rows, self.columns), roots, strict=False)
            ]
            yield drawn[0], self.columns.means if self.axes else drawn[1]
