"""How sure a fitted table is: intervals, probabilities and draws, of its own cells and of other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lowland.cells.labels import TableLabels
from lowland.completion.informed.answers import told_cells, words_of
from lowland.completion.informed.layer import known_cells
from lowland.completion.settled.record import Settled
from lowland.completion.tables.completed import folding
from lowland.completion.tables.fitted import data_of
from lowland.completion.tables.model import SamplingModel, TableModel
from lowland.completion.tables.unknown_lines import UNKNOWN, predict_all
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.estimators.completed_table import _CompletedTable
from lowland.estimators.observing import observe
from lowland.estimators.table_input import as_positions


class _UncertainTable(_CompletedTable):
    """The methods of `MatrixCompletion` that say how sure it is."""

    def predict_cells(
        self, rows: ArrayLike, columns: ArrayLike, *, unknown: str = "error", context: Any = None
    ) -> Vector:
        """Return predictions for pairs of cells of the fitted table.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions.
        unknown : {"error", "average"}
            What to do with labels that the fit does not know: "average" predicts what the average row has in
            the column, or the row in the average column (NaN if columns have several losses).
        context : array_like, shape (k,), optional
            When the cells are observed, or under what circumstances, if the fitted table says that of its
            cells; by default as far as that table says it, else whenever it may be.

        Returns
        -------
        ndarray, shape (k,)

        Raises
        ------
        InvalidInputError
            If a label is not in the model or a position is out of range, or the fit knows no context.
        """
        check_is_fitted(self)
        if unknown not in ("error", "average"):
            raise InvalidInputError('unknown must be "error" or "average"', repr(unknown))
        if unknown == "error":
            cells = self._completed.cells(rows, columns)
            return self._completed.told(cells, context).predict(*cells)
        cells = self._completed.cells(rows, columns, unknown=UNKNOWN)
        return predict_all(self._completed.told(cells, context), *cells)

    def predict_interval(
        self,
        rows: ArrayLike,
        columns: ArrayLike,
        level: float = 0.95,
        *,
        method: str = "auto",
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
        context: Any = None,
    ) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells of the fitted table, or of other rows.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions; with `X`, rows of `X`.
        level : float
            Probability that an interval contains a new observation of its cell.
        method : {"auto", "posterior", "fisher", "conformal", "conformal_gaps"}
            "posterior" and "fisher" are the model's own intervals, of Bayesian and of "map" fits. "auto" is
            the model's own, or "conformal" if losses are not all squared. "conformal" is calibrated on
            held-out single cells, "conformal_gaps" on held-out gaps like those of the table: the missing
            cells of one row are held out of another, or those of columns, where gaps run down the columns.
            New rows have the "posterior" alone.
        X : array_like, data frame, sparse array or Observations, shape (p, n), optional
            Other rows, folded in from their own observed cells.
        row_covariates, row_order : as in `fill`
            Of the rows of `X`.
        context : as in `predict_cells`
            Intervals of cells whose context is given are the model's own.

        Returns
        -------
        lower, upper : ndarray, shape (k,)
            For a Bayesian fit of grades, clipped to their range.

        Raises
        ------
        UnsupportedError
            If the fit has no such intervals, the residuals carry no information on the noise (a saturated
            model), or there are too few held-out cells for the level; for rows of `X`, if the fit is not
            Bayesian.

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

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> table = rng.standard_normal((50, 1)) + 0.3 * rng.standard_normal((50, 4))
        >>> model = ll.MatrixCompletion(certify=False, refine=False, random_state=0).fit(table)
        >>> new = [[1.0, 1.2, np.nan, 0.9], [np.nan] * 4]
        >>> low, high = model.predict_interval([0, 1], [2, 2], 0.9, X=new)
        >>> bool(low[0] < 1 < high[0] and high[0] - low[0] < high[1] - low[1])
        True
        """
        check_is_fitted(self)
        cells, folded = self._asked(rows, columns, X, row_covariates, row_order, "intervals")
        told = self._in_context(cells, folded, context, "intervals")
        return self._completed.intervals.at(*cells, level, method, told)

    def level_probabilities(
        self,
        rows: ArrayLike,
        column: Any,
        *,
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
    ) -> Matrix:
        """Return the probabilities of the levels of a column.

        Parameters
        ----------
        rows : array_like, shape (k,)
            Labels if the data had labels, else positions; with `X`, rows of `X`.
        column : label or int
            A column of levels: words, categories or booleans of a data frame, or one fitted with loss
            "logistic" or "ordinal".
        X, row_covariates, row_order
            Other rows, as in `predict_interval`.

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
        place = self._completed.labels.positions(as_positions(column, "column"), 1)
        at, model = self._rows_of(rows, X, row_covariates, row_order)
        return (self._completed.model if model is None else model).probabilities(at, int(place[0]))

    def sample(
        self,
        rows: ArrayLike,
        columns: ArrayLike,
        n_samples: int = 100,
        *,
        random_state: RandomSource = None,
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
        context: Any = None,
    ) -> Matrix:
        """Return joint draws of new observations of cells, from the posterior or around a penalised fit.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions; with `X`, rows of `X`.
        n_samples : int
        random_state : int, RandomState, Generator or None
        X, row_covariates, row_order, context
            Other rows, and when cells are observed, as in `predict_interval`.

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
        cells, folded = self._asked(rows, columns, X, row_covariates, row_order, "draws")
        count, rng = whole_number(n_samples, "n_samples", 1), make_generator(random_state, "random_state")
        out = np.empty((count, cells[0].size))
        told = self._in_context(cells, folded, context, "draws")
        drawing = self._completed.table.sampler("draws") if told is None else told
        for k, drawn in enumerate(drawing.draws(*cells, count, rng)):
            out[k] = drawn
        return out

    def informed_cells(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.str_]]:
        """Return what each missing cell of the fitted table is known by.

        Returns
        -------
        rows, columns : ndarray, shape (k,)
            The missing cells, row by row: labels if the data had labels, else positions.
        words : ndarray of str, shape (k,)
            "informed", by known cells of its row; "by its column alone", as no relation was learnt, no cell
            of its row is known, or its column was "never seen together" with what its row knows; "by
            nothing", as fewer than three cells of its column are known.

        Raises
        ------
        UnsupportedError
            If the fit has no posterior, its cells are not known (a model that was saved, or fitted on the
            disk or a cluster, without them), or the table has more than 20 million cells.

        Notes
        -----
        "never seen together" and "by nothing" follow from the pattern of known cells alone, without a rank:
        columns are in one group if every split of the group is linked by four rows or more, that know
        cells on both sides of it. Such cells are predicted by the mean of their column and have its spread,
        in columns of one or two cells that of the other columns if these are alike, else infinite
        intervals. "no relation" is an estimate: the variance stated is above .9 of that of the column alone.
        Cells of tables whose columns are in order or have covariates, and of sparse tables of grades, are
        not marked; where rows have covariates, only those known by nothing are.

        It takes the time of as many standard errors; what is marked is known from the fit.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> table = rng.standard_normal((40, 1)) + 0.1 * rng.standard_normal((40, 4))
        >>> table[:20, :2] = table[20:, 2:] = np.nan  # no row knows columns of both halves
        >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
        >>> rows, columns, words = model.informed_cells()
        >>> rows.size, set(words.tolist())
        (80, {'by its column alone (never seen together)'})
        """
        check_is_fitted(self)
        table, labels = self._completed.table, self._completed.labels
        rows, columns = np.nonzero(~known_cells(data_of(table, "what is known of missing cells")))
        names = rows if labels.rows is None else labels.rows[rows]
        return names, labels.columns_or_none(columns), words_of(told_cells(table, rows, columns))

    def settled(self, *, random_state: RandomSource = None) -> Settled:
        """Return how far averages of filled cells still move by chance.

        Parameters
        ----------
        random_state : int, RandomState, Generator or None
            For the choice of at most 2,000 missing cells, and for another chain or start.

        Returns
        -------
        Settled
            The share of them that chance moves by less than a twentieth of their standard error, and what it
            would take for 99 % of them: an estimate, SUPPORTED at most.

        Raises
        ------
        UnsupportedError
            If the fit is no average, or its cells are not known (a model that was saved without them).

        Notes
        -----
        A fit by one Gaussian is compared with a second chain from a dispersed start, a variational one with a
        fit from another start: both cost as much as the fit. Draws of "gibbs" are kept, and cost nothing.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> table = rng.standard_normal((40, 1)) + 0.3 * rng.standard_normal((40, 4))
        >>> table[rng.random(table.shape) < 0.2] = np.nan
        >>> model = ll.MatrixCompletion(certify=False, refine=False, random_state=0).fit(table)
        >>> found = model.settled(random_state=0)
        >>> found.kind, found.cells, found.verdict is ll.Verdict.PROVED
        ('draws', 33, False)
        """
        from lowland.completion.settled.cells import settled_cells

        check_is_fitted(self)
        table = self._completed.table
        rows, columns = np.nonzero(~known_cells(data_of(table, "whether averages have settled")))
        return settled_cells(table, rows, columns, make_generator(random_state, "random_state"))

    def _asked(
        self, rows: ArrayLike, columns: ArrayLike, X: Any, row_covariates: Any, row_order: Any, what: str
    ) -> tuple[tuple[Indices, Indices], SamplingModel | None]:
        """Return the cells that are asked for, and the model of their rows if they are not of the fit."""
        if X is None:
            return self._completed.cells(rows, columns), None
        at, model = self._rows_of(rows, X, row_covariates, row_order)
        places = self._completed.labels.positions(columns, 1)
        if at.shape != places.shape:
            raise InvalidInputError(
                "rows and columns must be equally long", f"lengths {at.size} and {places.size}"
            )
        return (at, places), None if model is None else folding(model, f"{what} of new rows")

    def _in_context(
        self, cells: tuple[Indices, Indices], folded: SamplingModel | None, context: Any, what: str
    ) -> SamplingModel | None:
        """Return the model that knows the context of cells, if it is given."""
        if context is None:
            return folded
        return folding(self._completed.told(cells, context, folded), what)

    def _rows_of(
        self, rows: ArrayLike, X: Any, row_covariates: Any, row_order: Any
    ) -> tuple[Indices, TableModel | None]:
        """Return rows of the fit, or of a table; and the model of the latter's rows."""
        if X is None:
            return self._completed.labels.positions(rows, 0), None
        seen = observe(self, X, reset=False, ordered=False)
        at = TableLabels.of(seen).positions(rows, 0)
        about = self._about_rows(X, seen, row_covariates, row_order)
        return at, self._completed.folded(seen, about)
