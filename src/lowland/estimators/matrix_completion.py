"""`MatrixCompletion`: an imputer and a recommender."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from lowland.cells.sides import CellTable
from lowland.completion.tables.model import counts_unlisted
from lowland.core.arrays import Matrix
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.random import RandomSource, make_generator
from lowland.estimators.answers.explained_table import _ExplainedTable
from lowland.estimators.observing import observe
from lowland.estimators.parameters import _Estimator
from lowland.estimators.scores import error_in_spreads, error_of_cells, gain_of_cells, gain_of_rows


@public("lowland")
class MatrixCompletion(_ExplainedTable, TransformerMixin, _Estimator):
    """Complete a table with a low-rank matrix plus biases, with error bars and a certificate.

    The default needs no tuning: rows and columns have Gaussian factors with learnt priors, and predictions
    are averages over the posterior. Rows of tables with few columns are draws from one Gaussian of any
    covariance instead (`method="gaussian"`). `method="gibbs"` continues with draws from the posterior of
    factors. `method="map"` minimises the sum of weights * (x_ij - prediction_ij)^2 / 2 over observed cells
    plus penalty/2 (||U||^2 + ||V||^2), where prediction = U V^T + row bias + column bias + offset. At the
    best factors the penalty term equals penalty * ||U V^T||_*, the nuclear norm, which makes global
    optimality provable after the fit.

    Parameters
    ----------
    rank : int or "auto"
        Number of columns of the factors, 1 to min(m, n). "auto": as many as stand out from noise, up to 64,
        and at least 16, but at most half the shorter side: learnt priors shrink superfluous factors to zero;
        for method "map", chosen by held-out cells.
    method : {"auto", "variational", "gibbs", "gaussian", "map"}
        "auto" is "map" if a setting that only "map" uses is given, such as a penalty or a loss other than
        squared; else "gaussian" for tables with at most 100 columns and four per row, if at least four cells
        per column and a fifth of all are observed, no column less than half as often as others, rows times
        squared columns are at most eight million, and there are no weights, covariates or settings of
        factors; else "variational".
    loss : str, mapping or "auto"
        "squared", "huber" (or "huber:1.345", in standard deviations of the noise), "absolute",
        "quantile:0.9", "logistic" (two levels), "poisson" (counts, by their log mean) or "ordinal"
        (ordered levels, proportional odds). A string applies to all columns, which then share their levels;
        a mapping names some columns by label or position, and the others are squared. "auto": squared;
        Bayesian methods fit the levels of a data frame as numbers, "map" by logistic and ordinal losses.
    biases : bool
        Whether to fit row, column and global biases. If columns have several losses, only column biases
        are fitted, since rows then have no common level.
    nonnegative : bool
        Whether factors must be nonnegative ("map" without biases).
    pattern : bool or "auto"
        Whether to use the pattern of observed cells as features of rows and columns (Bayesian methods).
        "auto": for sparse tables of grades, unless cells held out are then predicted worse. Beyond 6,000
        rows and columns, its 256 leading directions stand for all of it.
    refine : bool or "auto"
        Whether forests refine missing cells of columns with curves, or smooth curves of rows along a
        `column_order` (Bayesian methods), weighed by held-out cells. "auto": where it takes seconds.
    powers : bool or "auto"
        Whether skewed columns of nonnegative numbers are fitted as square roots or logarithms, and shares as
        logits (Bayesian methods); predictions stay in their unit. "auto": if cells held out gain by it.
    row_units : bool or "auto"
        Whether each row is fitted in a unit of its own (Bayesian methods), as where rows are variables and
        columns samples. "auto": if spreads of rows are far apart, and cells held out are predicted better.
    noise : {"auto", "common", "column"}
        Whether columns have a common noise level, or one each. "auto": "common" for grades, else "column".
        If losses are not all squared, "common" weighs columns alike, without learning their noise.
    scale : {"auto", "common", "column"}
        Whether columns are scaled alike, or each by itself. "auto": "column" if their spreads differ by more
        than a factor of ten, or losses are not all squared ("common" then keeps the unit of the data).
    penalty : float or "auto"
        Weight of the nuclear norm (method "map"), in units of the data times the square root of the number
        of cells; larger values smooth more. "auto": chosen by held-out cells.
    bias_penalty : float or "auto"
        Ridge penalty on row and column biases (method "map"), 0 for none. "auto": chosen with the penalty;
        if that is given, 0 (1 if losses are not all squared).
    penalty_weights : {"uniform", "counts"}
        Whether penalties weigh lines alike, or by their cells: rarely seen ones are shrunk less ("map").
    unlisted : float, optional
        What cells that are not listed count as, with a small weight, such as 0 for clicks and purchases
        (method "map", without biases). None is then missing; lists of held-out cells choose the penalty.
    unlisted_weight : float or "auto"
        That weight, less than that of any listed cell. "auto": a fifth of the mean weight of these.
    n_draws : int
        Number of draws that methods "gibbs" and "gaussian" keep.
    as_data, as_is, as_total : sequence of str
        Columns of a data frame, and rows by their names, that are data although they look like identifiers,
        sums or means; that stay as they are, without a part in the fit; that are sums whatever their name.
    bounds : mapping of column to (low, high), or array_like, shape (n, 2), optional
        What is possible in columns of numbers (None: no end): predictions, draws and intervals lie within.
    may_be_negative : sequence of columns, or True for all, optional
        Quantities of which no negative number is known, but may be: others are filled from zero on.
    censored : {"within", "bound", "missing"}
        What bounds such as "<0.05" among numbers, or censored `Observations`, are in a fit: what lies beyond
        (not "map"), values, or left out. Frames keep them; `completions` draw them; in new rows, values.
    dates : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year in a data frame whose dates are three numbers and do not tell it.
    predictors : mapping of column to columns, or array_like of bool, shape (n, n), optional
        Which columns may inform which: {"income": ["age", "job"]} predicts income from these alone (True at
        [i, j]: column j may inform column i). Parameters are learnt from all cells. Method "gaussian".
    dtype : {"float64", "float32"}
        Precision of the fit.
    tol : float or "auto"
        For "map", stop when a sweep improves the objective by less than this share of it ("auto": 1e-6);
        else, with priors held, when it changes predictions by less than this of their spread ("auto": 0.005).
    max_iter : int
        Maximum number of sweeps.
    certify : bool or "companion"
        Whether to prove how many missing cells lie in their intervals, by another fit, without cells that are
        held out; "map" is judged as an optimum, too; "companion": so is what averages imply.
    effort : {"auto", "quick", "standard", "thorough"}
        How much work to spend on judging an optimum. "auto": "standard" for method "map", else "quick".
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.
    random_state : int, RandomState, Generator or None
        Source of randomness for the start and the draws.

    Attributes
    ----------
    method_ : str
        The method used.
    row_factors_, column_factors_ : ndarray, shapes (m, r) and (n, r)
        r is `rank_`, plus one if row biases are multiplied by scales of columns, or the reverse.
    row_biases_, column_biases_, offset_ : ndarray, shapes (m,) and (n,), and float
    noise_ : ndarray, shape (n,)
        Standard deviation of the noise of each column (Bayesian methods).
    levels_ : dict of str to tuple
        Levels of non-numeric columns of a data frame, in which predictions are positions.
    untouched_ : tuple of str
        Columns of a data frame that take no part and are returned as they are, such as identifiers and text.
    label_column_ : str
        The one of them that names the rows, "" if none does.
    rank_path_ : RankPath or ListPath
        How rank and penalty were chosen, where they were.
    search_, fit_work_ : SearchResult, and float, the counted work of all fits and choices over its work
    certificate_ : Certificate or None
        What is proved about the missing cells, and about an optimum where that is judged.
    rank_, n_iter_, n_features_in_ : int
        Numbers of factors, sweeps and columns.
    feature_names_in_ : ndarray
        Column names, if the input had names.

    Notes
    -----
    In arrays and data frames NaN is missing and zero is a value; in sparse arrays stored entries, zeros too,
    are observed. A row or column without observations is predicted from the others and its covariates.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.add.outer(np.arange(6.0), np.arange(5.0))
    >>> table[2, 3] = np.nan
    >>> model = ll.MatrixCompletion(rank=1, penalty=0.01, random_state=0).fit(table)
    >>> bool(abs(model.transform(table)[2, 3] - 5) < 0.05)
    True
    """

    def __init__(  # noqa: PLR0913
        self,
        rank: int | str = "auto",
        *,
        method: str = "auto",
        loss: Any = "auto",
        biases: bool = True,
        nonnegative: bool = False,
        pattern: bool | str = "auto",
        refine: bool | str = "auto",
        powers: bool | str = "auto",
        row_units: bool | str = "auto",
        noise: str = "auto",
        scale: str = "auto",
        penalty: float | str = "auto",
        bias_penalty: float | str = "auto",
        penalty_weights: str = "uniform",
        unlisted: float | None = None,
        unlisted_weight: float | str = "auto",
        n_draws: int = 100,
        as_data: Any = (),
        as_is: Any = (),
        as_total: Any = (),
        bounds: Any = None,
        may_be_negative: Any = None,
        censored: str = "within",
        dates: str | None = None,
        predictors: Any = None,
        dtype: str = "float64",
        tol: float | str = "auto",
        max_iter: int = 1000,
        certify: bool | str = True,
        effort: str = "auto",
        verbose: int = 0,
        random_state: RandomSource = None,
    ) -> None:
        self.rank = rank
        self.method = method
        self.loss = loss
        self.biases = biases
        self.nonnegative = nonnegative
        self.pattern = pattern
        self.refine = refine
        self.powers = powers
        self.row_units = row_units
        self.noise = noise
        self.scale = scale
        self.penalty = penalty
        self.bias_penalty = bias_penalty
        self.penalty_weights = penalty_weights
        self.unlisted = unlisted
        self.unlisted_weight = unlisted_weight
        self.n_draws = n_draws
        self.as_data = as_data
        self.as_is = as_is
        self.as_total = as_total
        self.bounds = bounds
        self.may_be_negative = may_be_negative
        self.censored = censored
        self.dates = dates
        self.predictors = predictors
        self.dtype = dtype
        self.tol = tol
        self.max_iter = max_iter
        self.certify = certify
        self.effort = effort
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        row_covariates: Any = None,
        column_covariates: Any = None,
        row_order: Any = "auto",
        column_order: Any = "auto",
    ) -> Self:
        """Fit the observed cells of a table.

        Parameters
        ----------
        X : array_like, data frame, DataArray, sparse array, Observations or StoredObservations, shape (m, n)
            The table. Cells on the disk are fitted without weights.
        y : None
            Not used.
        sample_weight : array_like, shape (m,), optional
            Weight of each row's cells, at least 0.
        row_covariates, column_covariates : array_like, data frame or Covariates, shape (m or n, c), optional
            Covariates of rows and of columns, none missing (Bayesian methods).
        row_order, column_order : "auto", "labels", None or array_like, shape (m,) or (n,), or (., c)
            Coordinates along which rows or columns may vary smoothly: numbers, dates, places; or a graph,
            from `read_graph` or as a sparse array of the weights between rows (or columns). "labels" takes
            coordinates from labels; "auto" too if these are dates, years or months. Used only if cells held
            out, or the likelihood, show a gain (Bayesian methods, tables in memory; coordinates other than a
            graph in tables of at most five million cells, known or not).

        Returns
        -------
        MatrixCompletion
            This estimator.

        Raises
        ------
        InvalidInputError
            If a setting, the table or the covariates cannot be used.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If `max_iter` ends the fit before it converged, or before all draws that were asked for.
        """
        # what fits is imported where it fits, so that the class is there at once
        from lowland.completion.storage.observations import StoredObservations
        from lowland.estimators.table_fits import Beside, fit_cells, fit_table

        beside = Beside(sample_weight, row_covariates, column_covariates, row_order, column_order)
        if isinstance(X, StoredObservations):
            fit_cells(self, X, "on the disk", beside)
        else:
            fit_table(self, X, beside)
        return self

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        row_covariates: Any = None,
        column_covariates: Any = None,
        row_order: Any = "auto",
        column_order: Any = "auto",
    ) -> Matrix:
        """Fit the observed cells of a table and return it filled; parameters are those of `fit`."""
        self.fit(X, y, sample_weight, row_covariates, column_covariates, row_order, column_order)
        # the fitted table itself needs no coordinates
        filled: Matrix = self.transform(X, row_covariates)
        return filled

    def score(self, X: Any, y: Any = None, row_covariates: Any = None, row_order: Any = None) -> float:
        """Return the negative root-mean-square error at hidden cells of rows, or at cells of the fit.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (k, n)
            Rows, known or new: their known cells are hidden, a fifth at a time, and filled from the others as
            in `transform`: of all settings the same, for `GridSearchCV`. `Observations` are cells held out
            of the fitted table instead, matched by label or position, and compared with their predictions.
        y : None
            Not used.
        row_covariates, row_order : as in `fill`
            Of rows.

        Returns
        -------
        float
            At most 0; larger is better. Errors are in spreads of columns among the known cells of X (of fewer
            than ten: the middle spread of the others), a wrong one of levels without an order counts one;
            those of `Observations` are in the unit of the table. Of fits with `unlisted` cells instead the
            mean normalised discounted cumulative gain of lists of ten columns, which should hold these cells.
        """
        check_is_fitted(self)
        lists, model = counts_unlisted(self._completed.model), self._completed.model
        if isinstance(X, Observations | CellTable):
            cells = observe(self, X, reset=False, rows=True)
            return (
                gain_of_cells(model, self._seen_in(cells.rows), cells)
                if lists
                else -error_of_cells(model, cells)
            )
        table = observe(self, X, reset=False)
        if lists:
            return gain_of_rows(model, table)
        about = self._about_rows(X, table, row_covariates, row_order)
        words, fill = self._unordered(), lambda kept: self._filled_likeliest(kept, about)
        return -error_in_spreads(fill, table, words)

    # in this class itself: scikit-learn wraps no inherited method for `set_output`
    def transform(self, X: Any, row_covariates: Any = None, row_order: Any = None) -> Matrix:
        """Return a table of numbers with its missing cells filled by expected values.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (k, n)
            Known or new rows; each is folded in from its own observed cells, which are kept.
        row_covariates, row_order : as in `fill`

        Returns
        -------
        ndarray or data frame (`set_output`), shape (k, n)
            In single precision if X is. Levels are positions in `levels_`, filled by the likeliest.
        """
        return self._transform(X, row_covariates, row_order)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _generator(self) -> np.random.Generator:
        # a seed is that of the command line
        if isinstance(self.random_state, int | np.integer | np.random.Generator | None):
            return make_generator(self.random_state, "random_state")
        return make_generator(check_random_state(self.random_state))
