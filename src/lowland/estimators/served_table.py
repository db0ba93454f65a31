"""Methods of a fitted table that serve: rankings, new rows, and updates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lowland.cells.sides import TableCells
from lowland.completion.ranking.chances import Chances
from lowland.completion.ranking.ranking import Ranking
from lowland.completion.ranking.rankings import alike, one_row, recommend, recommend_new
from lowland.completion.ranking.scorers import ByChance, Scorer, make_scorer, resolve_by, usual_by
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import data_of, without_data
from lowland.completion.tables.updates import extended, refuse_far
from lowland.core.arrays import Indices, Matrix, Vector, check_size, overflows
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.results.findings import Certificate
from lowland.core.running.locks import lock_of
from lowland.core.wording import nearest
from lowland.estimators.saved_table import _SavedTable
from lowland.estimators.table_input import as_positions, covariates_of, flag_or_auto


class _ServedTable(_SavedTable, ABC):
    """The methods of `MatrixCompletion` that a service asks for."""

    _completed: Completed
    _elsewhere: TableCells | None = None
    # what rankings learn from the pattern of fitted cells, once they are asked for
    _usual_by: str | None = None
    _chances: Chances | None = None
    certificate_: Certificate | None
    certify: bool | str
    effort: str
    n_features_in_: int
    row_factors_: Matrix
    feature_names_in_: Any

    @abstractmethod
    def _set(self, completed: Completed) -> None:
        """Set the public attributes from a fit."""

    @property
    def row_labels_(self) -> NDArray[Any]:
        """Labels of the rows; their positions if the data had none."""
        return self._names(np.arange(self._completed.model.shape[0]), 0)

    @property
    def column_labels_(self) -> NDArray[Any]:
        """Labels of the columns; their positions if the data had none."""
        return self._names(np.arange(self._completed.model.shape[1]), 1)

    def fold_in(self, known: Mapping[Any, float], row_covariates: Any = None) -> Vector:
        """Return predictions of all columns for one new row, of which some cells are known.

        Parameters
        ----------
        known : mapping
            Values by column label (or position), words of a data frame's levels by name; may be empty.
        row_covariates : array_like, shape (1, c), optional
            Covariates of the row, if the fit had row covariates.

        Returns
        -------
        ndarray, shape (n,)
            Predictions, also of the known cells.

        Raises
        ------
        InvalidInputError
            If a label is not in the model, or a value is not finite.
        """
        check_is_fitted(self)
        table = self._one_row(known)
        about = covariates_of(row_covariates, 1, None, "row_covariates")
        return np.asarray(self._completed.model.complete(table, about)[0])

    def top(
        self,
        row: Any,
        k: int = 10,
        *,
        exclude_observed: bool = True,
        candidates: ArrayLike | None = None,
        rank_by: str = "auto",
    ) -> Ranking:
        """Return the best columns of a row, of many rows, or of a new one.

        Parameters
        ----------
        row : label or int, array_like of them, or mapping
            A row of the fit, several, or the known values of a new row by column (see `fold_in`).
        k : int
            Maximum number of columns.
        exclude_observed : bool
            Whether to leave out the columns whose value is known in the row.
        candidates : array_like, optional
            Columns to choose from (labels or positions); by default all.
        rank_by : {"auto", "chance", "value", "lower"}
            Whether columns are ranked by the estimated chance that the row lists them, given what else it
            lists, by their predicted values, or by the lower ends of 80 % intervals, which rank last what
            little is known of. "auto" means by chance if values are grades and fewer than three cells in ten
            are known, such as ratings, and else by value, as of fits with `unlisted` cells. The first ranking
            by chance learns from the pattern of the fitted cells: seconds for thousands of columns.

        Returns
        -------
        Ranking
            Columns, their predictions, what they are ranked by, and in how many rows they are known;
            ``columns, predictions = model.top(row)`` takes the first two.

        Raises
        ------
        UnsupportedError
            If chances are asked for where the fitted cells are not known, or lower bounds of a penalised fit.
        """
        check_is_fitted(self)
        count, scorer = whole_number(k, "k", 1), self._scorer(rank_by)
        chosen = None if candidates is None else self._completed.labels.positions(candidates, 1)
        if isinstance(row, Mapping):
            places, values, scores = recommend_new(
                self._completed.model,
                self._one_row(row),
                count,
                with_known=not exclude_observed,
                candidates=chosen,
                scorer=scorer,
            )
            return self._ranking(self._names(places, 1), places, values, scores, scorer)
        several = not isinstance(row, str) and np.ndim(row) > 0
        at = self._completed.labels.positions(row if several else as_positions(row, "row"), 0)
        seen = None
        if exclude_observed:
            seen = self._seen_in(at)
        places, values, scores = recommend(
            self._completed.model, at, count, seen=seen, candidates=chosen, scorer=scorer
        )
        if several:
            return self._ranking(
                self._completed.labels.columns_or_none(places), places, values, scores, scorer
            )
        left = places[0] >= 0
        first, value, score = (part[0][left] for part in (places, values, scores))
        return self._ranking(self._names(first, 1), first, value, score, scorer)

    def _scorer(self, rank_by: str) -> Scorer:
        """Return what ranks columns; what must be learnt for it is learnt once."""
        by = resolve_by(rank_by, self._ranked_by)
        return make_scorer(by, self._completed.model, self._by_chance)

    def _ranked_by(self) -> str:
        """Return what ranks columns unless that is said."""
        if self._usual_by is None:
            self._usual_by = usual_by(self._known_cells(), self._completed.model)
        return self._usual_by

    def _by_chance(self) -> ByChance:
        """Return the chances that rows list columns."""
        if self._chances is None:
            cells = self._known_cells()
            if cells is None:
                fix = 'pass rank_by="value", or save the model with its data'
                raise without_data("a ranking by chance", fix=fix)
            self._chances = Chances.of(cells)
        return ByChance(self._chances, self._seen_in)

    def _known_cells(self) -> TableCells | None:
        """Return the fitted cells, wherever they are, if they are known."""
        table = self._completed.table.observations
        return self._elsewhere if table is None else TableCells.of(table)

    def _ranking(
        self, names: NDArray[Any], places: Indices, values: Matrix, scores: Matrix, scorer: Scorer
    ) -> Ranking:
        """Return a ranking with what is known of its columns."""
        table, known = self._completed.table.observations, None
        if self._elsewhere is not None:
            known = self._elsewhere.sides[1].counts
        elif table is not None:
            known = table.column_counts()
        if known is not None:
            known = np.where(places >= 0, known[places], 0)
        return Ranking(names, values, scores, known, scorer.by)

    def _seen_in(self, rows: Indices) -> Observations:
        """Return the fitted cells, or those of some rows where the cells are not in memory."""
        if self._elsewhere is not None:
            from lowland.cells.pattern import observed_in

            return observed_in(self._elsewhere, rows)
        fix = "pass exclude_observed=False, or save the model with its data"
        return data_of(self._completed.table, "a ranking without them", fix=fix)

    def _one_row(self, known: Mapping[Any, float]) -> Observations:
        """Return known values by column as a table of one row."""
        coded = {column: self._coded(column, value) for column, value in known.items()}
        model, dtype = self._completed.model, str(self.row_factors_.dtype)
        return one_row(model.labels, coded, n=model.shape[1], dtype=dtype)

    def _coded(self, column: Any, value: Any) -> Any:
        """Return the position of a level given by its name, and any other value as it is."""
        levels = self.levels_.get(column, ())
        if not levels or not isinstance(value, str):
            return value
        if value not in levels:
            raise InvalidInputError(
                f"column {column!r} has no such level",
                repr(value),
                fix=f"use one that it has: {nearest(value, map(str, levels))}",
            )
        return levels.index(value)

    def similar(self, column: Any, k: int = 10) -> tuple[NDArray[Any], Vector]:
        """Return the columns whose low-rank parts correlate most, over the rows, with that of one column.

        Parameters
        ----------
        column : label or int
        k : int
            Maximum number of columns.

        Returns
        -------
        columns : ndarray
            Labels if the data had labels, else positions; the most similar first.
        correlations : ndarray
            Between -1 and 1.
        """
        check_is_fitted(self)
        at = self._completed.labels.positions(as_positions(column, "column"), 1)
        columns, correlations = alike(*self._completed.model.factors(), int(at[0]), whole_number(k, "k", 1))
        return self._names(columns, 1), correlations

    def update(
        self,
        rows: ArrayLike,
        columns: ArrayLike,
        values: ArrayLike,
        *,
        refit: bool | str = "auto",
        duplicates: str = "error",
        allow_far: bool = False,
    ) -> Self:
        """Take in new observations, all or none of them, starting from the current fit.

        Updates by several threads wait for each other; who predicts meanwhile gets the fit of before.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions. Unknown ones become new rows or columns.
        values : array_like, shape (k,)
            A known cell gets its new value.
        refit : bool or "auto"
            Whether to fit the whole table again and to certify it. Otherwise only the rows and columns of the
            new cells are solved again, in milliseconds, and the fit has no certificate; after many such
            updates, fit again. "auto": if more than one cell in a hundred is new. Fits with draws, with
            covariates, with losses that are not all squared, and new columns of a table whose columns have
            scales of their own are always fitted again.
        duplicates : {"error", "mean", "last"}
            What to do with a cell that is listed twice.
        allow_far : bool
            Whether numbers are taken in that lie further beyond the known ones of their column than ten times
            as far as these lie apart (of the table, where a column has fewer than eight).

        Returns
        -------
        MatrixCompletion
            This estimator.

        Raises
        ------
        InvalidInputError
            If a cell repeats, or a value is not finite, far beyond the known ones, or beyond 1e60, whose
            square a fit cannot hold. The fit stays as it is.
        UnsupportedError
            If the model was saved without its data.
        """
        check_is_fitted(self)
        whole = flag_or_auto(refit, "refit")
        with lock_of(self):
            new = extended(self._completed.labels, rows, columns, values, duplicates)
            check_size("values", new.values)
            if not allow_far:
                refuse_far(data_of(self._completed.table, "an update"), new)
            completed, refitted = self._completed.updated(new, refit=whole)
            if not all(np.isfinite(side).all() for side in completed.model.factors()):
                raise overflows("values", new.values)
            certificate = None
            if refitted and self.certify:
                # what judges is imported where it judges
                from lowland.estimators.table_fits import judge_again

                rng = np.random.default_rng(completed.seed)
                completed, certificate = judge_again(self, completed, rng)
            # a few cells change what rows list as little as they change the fit
            learnt = None if refitted or completed.model.shape[1] > self.n_features_in_ else self._chances
            self._set(completed)
            self.certificate_, self._chances = certificate, learnt
            self.n_features_in_ = completed.model.shape[1]
            if "feature_names_in_" in vars(self):
                self.feature_names_in_ = np.asarray(completed.labels.columns, dtype=object)
        return self

    def _names(self, positions: Indices, axis: int) -> NDArray[Any]:
        labels = self._completed.labels
        known = (labels.rows, labels.columns)[axis]
        return np.asarray(positions if known is None else known[positions])
