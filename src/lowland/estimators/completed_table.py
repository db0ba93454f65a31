"""What can be asked of a completed table: intervals, draws, rankings, updates, files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from lowland.completion.completed import Completed
from lowland.completion.table_updates import extended
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.core.parameter_checks import whole_number
from lowland.core.random import make_generator
from lowland.estimators.frames import Levels, decode, encode
from lowland.estimators.saved_table import _SavedTable
from lowland.estimators.table_input import (
    as_positions,
    covariates_of,
    index_of,
    observations_of,
)


class _CompletedTable(_SavedTable):
    """The methods of a fitted `MatrixCompletion` that need its fit alone."""

    _completed: Completed
    certificate_: Any
    certify: bool
    dtype: str
    n_features_in_: int
    row_factors_: Matrix
    effort: str
    feature_names_in_: Any
    levels_: Levels

    def _set(self, completed: Completed) -> None:
        """Take over a fit: the public attributes say what it found."""
        self._completed = completed
        model, table = completed.model, completed.table
        parts = model.parts()
        self.row_factors_, self.column_factors_ = parts.row_factors, parts.column_factors
        self.row_biases_, self.column_biases_ = parts.row_biases, parts.column_biases
        self.offset_, self.rank_ = parts.offset, model.rank
        if parts.noise is not None:
            self.noise_ = parts.noise
        if table.observations is not None:
            self.search_ = table.search
            self.n_iter_ = max(1, table.search.iterations)

    def fill(self, X: Any, row_covariates: Any = None) -> Any:
        """Return a table with its holes filled by what is likeliest, levels by their names.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (k, n)
            Known or new rows.
        row_covariates : array_like, data frame or Covariates, shape (k, c), optional
            Of these rows, where the fit had some.

        Returns
        -------
        data frame or ndarray, shape (k, n)
            A frame of the same kind for a frame, its categories kept; otherwise an array. Numbers and
            counts are expected values, as in `transform`.
        """
        check_is_fitted(self)
        table = self._observe(X, reset=False)
        about = covariates_of(row_covariates, table.shape[0], table.row_labels, "row_covariates")
        return decode(X, self._filled(table, about, likeliest=True), self.levels_)

    def _filled(self, table: Observations, about: Matrix | None, *, likeliest: bool) -> Matrix:
        found = self._completed.complete(table, about, likeliest=likeliest)
        filled: Matrix = found.astype(self.row_factors_.dtype, copy=False)
        filled[table.rows, table.columns] = table.values
        return filled

    def predict_interval(
        self, rows: ArrayLike, columns: ArrayLike, level: float = 0.95, *, method: str = "auto"
    ) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells of the fitted table.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels where the data had labels, else positions.
        level : float
            Probability that an interval holds a new observation of its cell.
        method : {"auto", "posterior", "fisher", "conformal", "conformal_gaps"}
            "posterior" and "fisher" are the model's own, of Bayesian fits and of "map"; "auto" takes
            the one that the fit has, and "conformal" where losses are not all squared. "conformal" is from
            errors on single cells that it has not seen, "conformal_gaps" from errors in gaps like those
            of the table: what one row lacks is held out of another.

        Returns
        -------
        lower, upper : ndarray, shape (k,)
            Of a Bayesian fit of grades, within their range.

        Raises
        ------
        UnsupportedError
            If the fit has no such intervals, the residuals tell nothing of the noise (a saturated
            model), or held-out cells are too few for the level.

        Notes
        -----
        "posterior" is right if the model is; variational variances leave out that rows and columns are
        uncertain together and are a little small. "fisher" is right to first order in the noise, which
        is estimated from the residuals and taken for independent, of equal variance (but for weights)
        and about Gaussian; what the model misses counts as noise. "conformal" assumes neither model nor
        noise, only that the cells asked for are as if drawn at random from those observed; its level
        holds on average over cells, not for each. Where whole runs of cells are missing, gaps are what to
        calibrate on: single cells are easier. It holds a tenth of the cells out, so the first call
        costs another fit, and intervals are centred at that fit's predictions. A new observation is
        taken to have the weight that the cells of its row have on average.
        """
        check_is_fitted(self)
        return self._completed.intervals(*self._completed.cells(rows, columns), level, method)

    def predict_table(self) -> Matrix:
        """Return predictions of all cells of the fitted table, observed ones too.

        Returns
        -------
        ndarray, shape (m, n)
            What was fitted, where `transform` keeps the observed cells.
        """
        check_is_fitted(self)
        return self._completed.model.matrix()

    def outliers(self) -> Any:
        """Return what a robust fit takes for outliers: the sparse part beside the low-rank one.

        Returns
        -------
        scipy.sparse.csr_array, shape (m, n)
            Observed minus predicted where that exceeds the threshold of Huber's loss, less the threshold;
            in the unit of the table. Other cells are zero.

        Raises
        ------
        UnsupportedError
            If no column was fitted with "huber", or the model comes from a file.

        Notes
        -----
        Minimising Huber's loss of a low-rank matrix plus its penalty is minimising squares of a low-rank
        plus a sparse matrix whose absolute values are penalised by the threshold: robust principal
        component analysis, with missing cells.

        References
        ----------
        E. Candès, X. Li, Y. Ma, J. Wright, Robust principal component analysis?, JACM 2011; Y. She,
        A. Owen, Outlier detection using nonconvex penalized regression, JASA 2011 (the equality).
        """
        check_is_fitted(self)
        return self._completed.outliers()

    def level_probabilities(self, rows: ArrayLike, column: Any) -> Matrix:
        """Return the probabilities of the levels of a column.

        Parameters
        ----------
        rows : array_like, shape (k,)
            Labels where the data had labels, else positions.
        column : label or int
            Fitted as "logistic" or "ordinal".

        Returns
        -------
        ndarray, shape (k, number of levels)
            In the order of `levels_`, else of the numbers that the column holds.

        Raises
        ------
        UnsupportedError
            If the column has no levels.
        """
        check_is_fitted(self)
        at = self._completed.labels.positions(rows, 0)
        place = self._completed.labels.positions(as_positions(column, "column"), 1)
        return self._completed.probabilities(at, int(place[0]))

    def sample(
        self, rows: ArrayLike, columns: ArrayLike, n_samples: int = 100, *, random_state: Any = None
    ) -> Matrix:
        """Return draws of new observations of cells together: from the posterior, or around a fit of losses.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels where the data had labels, else positions.
        n_samples : int
        random_state : int, RandomState, Generator or None

        Returns
        -------
        ndarray, shape (n_samples, k)
            A row is one draw of all cells: what they have in common varies together. Columns of levels
            give levels, of counts counts.

        Notes
        -----
        Around a fit whose losses are not all squared, rows vary as their curvature allows and columns are
        held fixed (Laplace's approximation): a little too little where columns have few cells.
        """
        check_is_fitted(self)
        cells = self._completed.cells(rows, columns)
        return self._completed.sample(
            *cells, whole_number(n_samples, "n_samples", 1), make_generator(random_state)
        )

    def completions(self, n_completions: int = 10, *, random_state: Any = None) -> Matrix:
        """Return completed tables for multiple imputation, of a Bayesian fit or one with other losses.

        Parameters
        ----------
        n_completions : int
        random_state : int, RandomState, Generator or None

        Returns
        -------
        ndarray, shape (n_completions, m, n)
            Observed cells are kept, missing ones drawn with their noise, as in `sample`. Analyse each
            table, then pool the results by Rubin's rules.
        """
        check_is_fitted(self)
        count = whole_number(n_completions, "n_completions", 1)
        return self._completed.completions(count, make_generator(random_state))

    def top(self, row: Any, k: int = 10, *, exclude_observed: bool = True) -> tuple[NDArray[Any], Vector]:
        """Return the columns of a row with the largest predictions.

        Parameters
        ----------
        row : label or int
        k : int
            How many, at most.
        exclude_observed : bool
            Whether to leave out what is observed of the row.

        Returns
        -------
        columns : ndarray
            Labels where the data had labels, else positions; the best first.
        predictions : ndarray
        """
        check_is_fitted(self)
        at = self._completed.labels.positions(as_positions(row, "row"), 0)
        found, predictions = self._completed.top(int(at[0]), whole_number(k, "k", 1), exclude_observed)
        return self._names(found, 1), predictions

    def similar(self, column: Any, k: int = 10) -> tuple[NDArray[Any], Vector]:
        """Return the columns most like one: their low-rank parts are most correlated over the rows.

        Parameters
        ----------
        column : label or int
        k : int
            How many, at most.

        Returns
        -------
        columns : ndarray
            Labels where the data had labels, else positions; the most alike first.
        correlations : ndarray
            Between -1 and 1.
        """
        check_is_fitted(self)
        at = self._completed.labels.positions(as_positions(column, "column"), 1)
        found, correlations = self._completed.similar(int(at[0]), whole_number(k, "k", 1))
        return self._names(found, 1), correlations

    def update(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> Any:
        """Take in new observations, going on from the fit instead of starting again.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels where the data had labels, else positions. Unknown ones become new rows or columns.
        values : array_like, shape (k,)
            A cell that is known gets its new value, of repeats the last.

        Returns
        -------
        MatrixCompletion
            This estimator.
        """
        check_is_fitted(self)
        new = extended(self._completed.labels, rows, columns, values)
        completed = self._completed.updated(new)
        self.certificate_ = None
        if self.certify:
            rng = np.random.default_rng(completed.seed)
            table, self.certificate_ = completed.table.certify(rng, self.effort)
            completed = replace(completed, table=table)
        self.n_features_in_ = completed.model.shape[1]
        if "feature_names_in_" in vars(self):
            self.feature_names_in_ = np.asarray(completed.labels.columns, dtype=object)
        self._set(completed)
        return self

    def _observe(self, X: Any, *, reset: bool, rows: bool = False) -> Observations:
        if self.dtype not in ("float64", "float32"):
            raise InvalidInputError("dtype is unknown", repr(self.dtype), fix='use "float64" or "float32"')
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(np.float64), np.nan)
        rows_named = index_of(X) if reset else None
        X = encode(X, self.levels_)
        if isinstance(X, Observations):
            if reset:
                self.n_features_in_ = X.shape[1]
            else:
                X = self._completed.labels.align(X, rows=rows)
            if X.shape[1] != self.n_features_in_:
                raise InvalidInputError(
                    "the table has another number of columns", f"{X.shape[1]} for {self.n_features_in_}"
                )
            values = X.values.astype(self.dtype)
            return Observations(X.rows, X.columns, values, X.shape, X.weights, X.row_labels, X.column_labels)
        table = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=["coo", "csr"],
            dtype=[self.dtype],
            ensure_all_finite="allow-nan",
            ensure_min_samples=1,
        )
        return observations_of(table, getattr(self, "feature_names_in_", None), rows_named)

    def _names(self, positions: Indices, axis: int) -> NDArray[Any]:
        labels = self._completed.labels
        known = (labels.rows, labels.columns)[axis]
        return np.asarray(positions if known is None else known[positions])
