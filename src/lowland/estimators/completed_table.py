"""Methods of a completed table: intervals, draws, rankings and updates."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from lowland.completion.grades.law import GradeLaw, Habits
from lowland.completion.penalised.outliers import outliers
from lowland.completion.ranking.list_trial import ListTrial, judge_lists
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.model import HasUnordered, refuse_unlisted
from lowland.completion.tables.trial import Trial
from lowland.core.arrays import Indices, Matrix, Vector, overflows
from lowland.core.cells.observations import Observations
from lowland.core.cells.observed_cells import check_table_kept
from lowland.core.errors import UnsupportedError
from lowland.core.parameter_checks import check_choice
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.estimators.frames.counts import warn_of_counts
from lowland.estimators.frames.data_arrays import with_holes_filled
from lowland.estimators.frames.held import Written
from lowland.estimators.frames.kinds import Levels
from lowland.estimators.frames.roles import dates_of_rows
from lowland.estimators.frames.totals import summed, summed_decoder
from lowland.estimators.frames.wrapping import in_order, wrap_frame
from lowland.estimators.observing import by_name, in_precision, observe
from lowland.estimators.served_table import _ServedTable
from lowland.estimators.table_input import (
    covariates_of,
    flag,
    with_places,
)
from lowland.files.columns.finding_totals import FoundSums
from lowland.files.frames import eager_frame
from lowland.tensors.named_modes import is_named

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from lowland.cells.sides import TableCells


class _CompletedTable(_ServedTable):
    """The methods of a fitted `MatrixCompletion` that need only its fit."""

    _completed: Completed
    # the law of its grades, and the habits of rows, once they are learnt
    _grades: tuple[GradeLaw, Habits] | None = None
    # the cells of a table that is not in memory
    _elsewhere: TableCells | None = None
    certificate_: Certificate | None
    certify: bool | str
    as_data: Any
    as_is: Any
    as_total: Any
    dates: str | None
    dtype: str
    n_features_in_: int
    row_factors_: Matrix
    column_factors_: Matrix
    row_biases_: Vector
    column_biases_: Vector
    offset_: float
    rank_: int
    noise_: Vector
    search_: SearchResult
    n_iter_: int
    fit_work_: float
    effort: str
    feature_names_in_: Any
    levels_: Levels
    untouched_: tuple[Any, ...]
    label_column_: Any = ""
    # whether the fitted table was in single precision
    _is_single: bool = False
    # the fitted data frame or DataArray, whose kinds completed ones have; None for anything else
    _frame: Any = None
    # how columns of text write numbers
    _written: Written = MappingProxyType({})
    # columns that are sums of others
    _sums: FoundSums = FoundSums()
    # columns of whole numbers whose kind does not say so
    _counts: tuple[Any, ...] = ()
    # columns with a number below zero
    _signed: tuple[Any, ...] = ()
    # the column of dates that orders rows, and how they are written
    _time: tuple[str, str] = ("", "")

    def _set(self, completed: Completed) -> None:
        """Set the public attributes from a fit."""
        self._completed, self._elsewhere, self._frame = completed, None, None
        self._usual_by, self._chances, self._grades = None, None, None
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
        filled = self._filled_likeliest(table, self._about_rows(X, table, row_covariates, row_order))
        return summed(self, X, filled)

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

    def fill(
        self, X: Any, row_covariates: Any = None, row_order: Any = None, *, means: bool | None = None
    ) -> Any:
        """Return a table with its missing cells filled by the likeliest values, levels by their names.

        Parameters
        ----------
        X : array_like, data frame, DataArray, sparse array or Observations, shape (k, n)
            Known or new rows. Columns of data frames go by their names, in any order.
        row_covariates : array_like, data frame or Covariates, shape (k, c), optional
            Covariates of these rows, if the fit had row covariates.
        row_order : array_like, optional
            Coordinates of these rows, if the fit found rows in order; by default what their labels say, if
            those of the fit did, else not known.
        means : bool, optional
            Whether columns of whole numbers of a data frame are filled by means. Otherwise what is filled
            there is whole, within the range of the column's kind, and not negative where no known number is.
            Floats are whole numbers if ten cells or more were known in the fit and all are whole, which a
            warning says unless this is given.

        Returns
        -------
        data frame, DataArray or ndarray, shape (k, n)
            For a data frame, a frame of the same kind with its categories; for a DataArray, one with its
            coordinates; otherwise an array, in single precision if X is. Numbers and counts are filled by
            expected values, as in `transform`, but among whole numbers by whole ones.
        """
        check_is_fitted(self)
        table = observe(self, X, reset=False, ordered=False)
        about = self._about_rows(X, table, row_covariates, row_order)
        filled = self._filled(table, about, likeliest=True)
        return self._filling(X, means=self._keeps_means(eager_frame(X), means, 4))(filled)

    def _filling(self, X: Any, *, means: bool = False, drawn: bool = False) -> Callable[[Matrix], Any]:
        """Return what fills the holes of a table, and its bounds if they are drawn, and keeps its kind."""
        if is_named(X):
            return lambda filled: with_holes_filled(X, filled, self._completed.labels)
        frame = eager_frame(X)
        ordered = by_name(self, frame)
        decode = summed_decoder(self, ordered, means=means, drawn=drawn)
        if ordered is frame:
            return decode
        return lambda filled: in_order(decode(filled), wrap_frame(frame).columns)

    def _keeps_means(self, frame: Any, means: bool | None, stacklevel: int) -> bool:
        """Return whether fills among whole numbers are means; warn of floats that are not, unless asked."""
        if means is None:
            warn_of_counts(self, frame, stacklevel)
        return means is not None and flag(means, "means")

    def _about_rows(self, X: Any, table: Observations, row_covariates: Any, row_order: Any) -> Matrix | None:
        """Return covariates of the rows of a table, coordinates among them."""
        about = covariates_of(row_covariates, table.shape[0], table.row_labels, "row_covariates")
        return with_places(
            about,
            self._completed.model.row_places,
            row_order,
            table,
            dates_of_rows(eager_frame(X), self._time),
        )

    def _filled(self, table: Observations, about: Matrix | None, *, likeliest: bool) -> Matrix:
        completed = self._completed.complete(in_precision(table, self.dtype), about, likeliest=likeliest)
        if not np.isfinite(completed).all():
            raise overflows("X", table.values)
        filled: Matrix = completed.astype(table.values.dtype, copy=False)
        filled[table.rows, table.columns] = table.values
        check_table_kept(table, filled)
        return filled

    def held_out_errors(self, cells: str = "missing") -> Trial:
        """Return how wrong filled cells are, measured on cells held out of another fit.

        Parameters
        ----------
        cells : {"missing", "timed", "latest"}
            Which cells are predicted: "missing" ones, of which nothing is known; "timed" ones, of which the
            context is known, such as when they are observed; the "latest" ones, from all before them.

        Returns
        -------
        Trial
            Predictions of a tenth of the observed cells (20,000 at most) by a fit to the others, chosen at
            random: cells that are missing in runs are harder.

        Raises
        ------
        UnsupportedError
            If the table has too few cells, or the model was saved without them; or if it is not said when
            its cells were observed, or predictions do not depend on it.

        Notes
        -----
        The first call costs another fit; reports and conformal intervals share it, and "timed" does. "latest"
        costs one of its own.
        """
        check_is_fitted(self)
        check_choice("cells", cells, ("missing", "timed", "latest"))
        refuse_unlisted(self._completed.model, "errors")
        return self._trial(cells)

    def _trial(self, cells: str) -> Trial:
        """Return held-out cells, and their predictions."""
        intervals = self._completed.intervals
        if cells == "missing":
            return intervals.trial
        trial = intervals.trial_in_context if cells == "timed" else intervals.latest_trial
        if trial is None:
            raise UnsupportedError(
                "predictions do not depend on when cells are observed"
                if cells == "timed"
                else "it is not known when cells were observed",
                f"cells={cells!r}",
                fix='use "missing", or fit Observations with a context',
            )
        return trial

    def held_out_lists(self, cells: str = "missing") -> ListTrial:
        """Return how many of a row's held-out columns are in the list of its best ones.

        Parameters
        ----------
        cells : {"missing", "latest"}
            Which cells are held out: some at random, or the latest, as in `held_out_errors`.

        Returns
        -------
        ListTrial
            Recall and gain of lists of ten and twenty columns, ranked by the chance to be listed, by value,
            and by the number of rows in which they are known; the cells are those of `held_out_errors`.

        Raises
        ------
        UnsupportedError
            If which cells are known looks like no choice (values are not grades, or more than three cells in
            ten are known) and others are missing, the table has too few cells, or the model was saved without
            them.
        """
        check_choice("cells", cells, ("missing", "latest"))
        lists = judge_lists(self._completed, self._trial(cells))
        if lists is None:
            raise UnsupportedError(
                "lists are judged where which cells are known is a choice",
                "values that are not grades, or more than three known cells in ten",
                fix="see held_out_errors for how wrong predictions are",
            )
        return lists

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

    def outliers(self) -> csr_array:
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
