"""Methods of a completed table: intervals, draws, rankings and updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lowland.completion.penalised.outliers import outliers
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.model import HasUnordered
from lowland.completion.tables.trial import Trial
from lowland.core.arrays import Indices, Matrix, Vector, overflows
from lowland.core.cells.observations import Observations
from lowland.core.cells.observed_cells import check_table_kept
from lowland.core.parameter_checks import whole_number
from lowland.core.random import make_generator
from lowland.estimators.frames.data_arrays import with_holes_filled
from lowland.estimators.frames.filled import decode
from lowland.estimators.frames.kinds import Levels
from lowland.estimators.observing import in_precision, observe
from lowland.estimators.served_table import _ServedTable
from lowland.estimators.table_input import (
    as_positions,
    covariates_of,
    flag,
    with_places,
)
from lowland.files.frames import eager_frame
from lowland.tensors.named_modes import is_named

if TYPE_CHECKING:
    from lowland.cells.sides import TableCells


class _CompletedTable(_ServedTable):
    """The methods of a fitted `MatrixCompletion` that need only its fit."""

    _completed: Completed
    # the cells of a table that is not in memory
    _elsewhere: TableCells | None = None
    certificate_: Any
    certify: bool
    dtype: str
    n_features_in_: int
    row_factors_: Matrix
    effort: str
    feature_names_in_: Any
    levels_: Levels
    untouched_: tuple[Any, ...]
    label_column_: Any = ""
    # whether the fitted table was in single precision
    _is_single: bool = False
    # the fitted data frame, whose columns and kinds completed ones have; None for anything else
    _frame: Any = None

    def _set(self, completed: Completed) -> None:
        """Set the public attributes from a fit."""
        self._completed, self._elsewhere, self._frame = completed, None, None
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

    def _transform(self, X: Any, row_covariates: Any, row_order: Any) -> Matrix:
        """Return a table of numbers with its missing cells filled, as `MatrixCompletion.transform`."""
        check_is_fitted(self)
        table = observe(self, X, reset=False)
        return self._filled_likeliest(table, self._about_rows(table, row_covariates, row_order))

    def _filled_likeliest(self, table: Observations, about: Matrix | None) -> Matrix:
        """Return a table with its missing cells filled: by expected values, but by likeliest levels."""
        filled = self._filled(table, about, likeliest=False)
        levels = self._of_levels()
        if levels.size and table.size < filled.size:
            filled[:, levels] = self._filled(table, about, likeliest=True)[:, levels]
        return filled

    def _unordered(self) -> Indices:
        """Return the columns of levels without an order."""
        model = self._completed.model
        return model.unordered if isinstance(model, HasUnordered) else np.zeros(0, np.intp)

    def _of_levels(self) -> Indices:
        """Return the columns of levels: between two of them there is none."""
        names = getattr(self, "feature_names_in_", ())
        places = set(self._unordered().tolist())
        places |= {place for place, name in enumerate(names) if len(self.levels_.get(name, ())) > 1}
        return np.array(sorted(places), np.intp)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the column names, which `transform` does not change."""
        from sklearn.utils.validation import _check_feature_names_in

        check_is_fitted(self)
        names: NDArray[np.object_] = _check_feature_names_in(self, input_features)
        return names

    @property
    def _n_features_out(self) -> int:
        return int(self.n_features_in_)

    def fill(self, X: Any, row_covariates: Any = None, row_order: Any = None, *, means: bool = False) -> Any:
        """Return a table with its missing cells filled by the likeliest values, levels by their names.

        Parameters
        ----------
        X : array_like, data frame, DataArray, sparse array or Observations, shape (k, n)
            Known or new rows.
        row_covariates : array_like, data frame or Covariates, shape (k, c), optional
            Covariates of these rows, if the fit had row covariates.
        row_order : array_like, optional
            Coordinates of these rows, if the fit found rows in order; by default what their labels say, if
            those of the fit did, else not known.
        means : bool
            Whether columns of whole numbers (their kind says so) are filled by means. Otherwise what is
            filled there is whole, and not negative where no known number is.

        Returns
        -------
        data frame, DataArray or ndarray, shape (k, n)
            For a data frame, a frame of the same kind with its categories; for a DataArray, one with its
            coordinates; otherwise an array, in single precision if X is. Numbers and counts are filled by
            expected values, as in `transform`, but among whole numbers by whole ones.
        """
        check_is_fitted(self)
        table = observe(self, X, reset=False)
        about = self._about_rows(table, row_covariates, row_order)
        filled = self._filled(table, about, likeliest=True)
        means = flag(means, "means")
        if is_named(X):
            return with_holes_filled(X, filled, self._completed.labels)
        return decode(eager_frame(X), filled, self.levels_, self.untouched_, means=means)

    def _about_rows(self, table: Observations, row_covariates: Any, row_order: Any) -> Matrix | None:
        """Return covariates of the rows of a table, coordinates among them."""
        about = covariates_of(row_covariates, table.shape[0], table.row_labels, "row_covariates")
        return with_places(about, self._completed.model.row_places, row_order, table)

    def _filled(self, table: Observations, about: Matrix | None, *, likeliest: bool) -> Matrix:
        completed = self._completed.complete(in_precision(table, self.dtype), about, likeliest=likeliest)
        if not np.isfinite(completed).all():
            raise overflows("X", table.values)
        filled: Matrix = completed.astype(table.values.dtype, copy=False)
        filled[table.rows, table.columns] = table.values
        check_table_kept(table, filled)
        return filled

    def predict_interval(
        self, rows: ArrayLike, columns: ArrayLike, level: float = 0.95, *, method: str = "auto"
    ) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells of the fitted table.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions.
        level : float
            Probability that an interval contains a new observation of its cell.
        method : {"auto", "posterior", "fisher", "conformal", "conformal_gaps"}
            "posterior" and "fisher" are the model's own intervals, of Bayesian and of "map" fits. "auto" is
            the model's own, or "conformal" if losses are not all squared. "conformal" is calibrated on
            held-out single cells, "conformal_gaps" on held-out gaps like those of the table: the missing
            cells of one row are held out of another, or those of columns, where gaps run down the columns.

        Returns
        -------
        lower, upper : ndarray, shape (k,)
            For a Bayesian fit of grades, clipped to their range.

        Raises
        ------
        UnsupportedError
            If the fit has no such intervals, the residuals carry no information on the noise (a saturated
            model), or there are too few held-out cells for the level.

        Notes
        -----
        "posterior" is exact if the model is correct; variational variances neglect the correlation between
        rows and columns and are slightly too small. "fisher" is correct to first order in the noise, which
        is estimated from the residuals and assumed to be independent, about Gaussian and of equal variance
        (up to weights); model error counts as noise. "conformal" makes no assumption on model or noise, only
        that the requested cells are exchangeable with the observed ones; its level holds on average over
        cells, not for each cell. If whole runs of cells are missing, calibrate on gaps, since single cells
        are easier to predict. "conformal" holds out a tenth of the cells, so the first call costs another
        fit, and intervals are centred at the predictions of that fit. A new observation is assumed to have
        the mean weight of the cells in its row.
        """
        check_is_fitted(self)
        return self._completed.intervals.at(*self._completed.cells(rows, columns), level, method)

    def held_out_errors(self) -> Trial:
        """Return how wrong filled cells are, measured on cells held out of another fit.

        Returns
        -------
        Trial
            Predictions of a tenth of the observed cells (20,000 at most) by a fit to the others, chosen at
            random: cells that are missing in runs are harder.

        Raises
        ------
        UnsupportedError
            If the table has too few cells, or the model was saved without them.

        Notes
        -----
        The first call costs another fit; reports and conformal intervals share it.
        """
        check_is_fitted(self)
        return self._completed.intervals.trial

    def predict_table(self) -> Matrix:
        """Return predictions of all cells of the fitted table, including observed ones.

        Returns
        -------
        ndarray, shape (m, n)
            The fitted values, in single precision if the table was; `transform` keeps the observed cells
            instead.
        """
        check_is_fitted(self)
        predictions: Matrix = self._completed.model.matrix()
        return predictions.astype(np.float32) if self._is_single else predictions

    def outliers(self) -> Any:
        """Return the outliers of a robust fit: the sparse part of a low-rank plus sparse decomposition.

        Returns
        -------
        scipy.sparse.csr_array, shape (m, n)
            Residuals (observed minus predicted) beyond the threshold of the Huber loss, reduced by the
            threshold, in the unit of the table. Other cells are zero.

        Raises
        ------
        UnsupportedError
            If no column was fitted with "huber", or the model was loaded from a file.

        Notes
        -----
        A penalised low-rank fit with the Huber loss is equivalent to a least-squares fit by a low-rank plus a
        sparse matrix, with an l1 penalty on the latter whose weight is the threshold: robust principal
        component analysis with missing cells.

        References
        ----------
        E. Candès, X. Li, Y. Ma, J. Wright, Robust principal component analysis?, JACM 2011; Y. She,
        A. Owen, Outlier detection using nonconvex penalized regression, JASA 2011 (the equality).
        """
        check_is_fitted(self)
        return outliers(self._completed.table)

    def level_probabilities(self, rows: ArrayLike, column: Any) -> Matrix:
        """Return the probabilities of the levels of a column.

        Parameters
        ----------
        rows : array_like, shape (k,)
            Labels if the data had labels, else positions.
        column : label or int
            A column fitted with loss "logistic" or "ordinal".

        Returns
        -------
        ndarray, shape (k, number of levels)
            In the order of `levels_`; for numeric columns, in ascending order of the values.

        Raises
        ------
        UnsupportedError
            If the column has no levels.
        """
        check_is_fitted(self)
        at = self._completed.labels.positions(rows, 0)
        place = self._completed.labels.positions(as_positions(column, "column"), 1)
        return self._completed.model.probabilities(at, int(place[0]))

    def sample(
        self, rows: ArrayLike, columns: ArrayLike, n_samples: int = 100, *, random_state: Any = None
    ) -> Matrix:
        """Return joint draws of new observations of cells, from the posterior or around a penalised fit.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions.
        n_samples : int
        random_state : int, RandomState, Generator or None

        Returns
        -------
        ndarray, shape (n_samples, k)
            Each row is one joint draw of all cells, with their correlations. Columns of levels give levels,
            columns of counts give counts.

        Notes
        -----
        For a fit whose losses are not all squared, rows are drawn by the Laplace approximation and columns
        are held fixed, which slightly underestimates the spread where columns have few cells.
        """
        check_is_fitted(self)
        cells = self._completed.cells(rows, columns)
        count, rng = whole_number(n_samples, "n_samples", 1), make_generator(random_state, "random_state")
        out = np.empty((count, cells[0].size))
        for k, drawn in enumerate(self._completed.table.sampler("draws").draws(*cells, count, rng)):
            out[k] = drawn
        return out
