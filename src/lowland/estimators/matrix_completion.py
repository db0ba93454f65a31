"""`MatrixCompletion`: an imputer and a recommender."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from lowland.completion.completed import Completed
from lowland.completion.plan import check_effort, fit_plan
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.core.random import make_generator
from lowland.core.status import StopReason
from lowland.estimators.completed_table import _CompletedTable
from lowland.estimators.frames import chosen_losses, read_levels
from lowland.estimators.plans import is_auto, plan_of
from lowland.estimators.table_input import covariates_of, rank_or_auto
from lowland.estimators.weights import weigh_rows


class MatrixCompletion(_CompletedTable, TransformerMixin, BaseEstimator):
    """Complete a table with a low-rank matrix plus biases, with error bars and a certificate.

    By default nothing is to be tuned: rows and columns get Gaussian factors whose priors are learnt,
    and predictions average over what the data leave open (variational Bayes). `method="gibbs"` goes
    on with draws from the posterior. `method="map"` minimises the sum of weights *
    (x_ij - prediction_ij)^2 / 2 over observed cells plus penalty/2 (||U||^2 + ||V||^2), where
    prediction = U V^T + row bias + column bias + offset; at the best factors the penalty equals
    penalty * ||U V^T||_*, the nuclear norm, which makes global optimality provable after the fit.

    Parameters
    ----------
    rank : int or "auto"
        Columns of the factors, 1 to min(m, n). "auto": 16, at most half the shorter side, since learnt
        priors switch off what is not needed; with method "map", chosen by held-out cells.
    method : {"auto", "variational", "gibbs", "map"}
        "auto" is "variational", or "map" where a penalty or a loss other than squares is given.
    loss : str, mapping or "auto"
        "squared", "huber" (or "huber:1.345", in standard deviations of the noise), "absolute",
        "quantile:0.9", "logistic" (two levels), "poisson" (counts, by their log mean) or "ordinal"
        (ordered levels, proportional odds); for all columns, whose levels are then common, or by name or
        position for some, the others being squared. "auto": squared, but for a data frame's columns of
        yes and no (logistic) and of ordered categories (ordinal). Columns are made commensurate by the
        noise, and ordered levels get their thresholds, from held-out cells.
    biases : bool
        Whether row, column and global biases are fitted; of columns with several losses column biases
        alone, for rows have no common level there.
    nonnegative : bool
        Whether no factor may be negative (method "map", without biases): parts that add up.
    pattern : bool or "auto"
        Whether which cells are observed tells of rows and columns (Bayesian methods). "auto": in sparse
        tables of grades, where it is a good part of the accuracy.
    noise : {"auto", "common", "column"}
        Whether columns differ in noise. "auto": unless values are grades; with losses other than squares
        always, while "common" lets all columns count alike, as they are.
    scale : {"auto", "common", "column"}
        Whether columns are centred and scaled by themselves, undone in what comes out. "auto": where
        their spreads differ tenfold; with losses other than squares always, while "common" keeps the
        unit of the data, and that of thresholds.
    penalty : float or "auto"
        Weight of the nuclear norm (method "map"), in units of the data times root of the number of
        cells; larger smooths more. "auto": chosen by held-out cells.
    bias_penalty : float or "auto"
        Ridge on row and column biases, on top of the squares (method "map"); 0 leaves them free.
        "auto": 0 where a penalty is given, else chosen along with it.
    penalty_weights : {"uniform", "counts"}
        Whether the penalties count every row and column alike, or by its number of observed cells
        over the mean number, so that rarely seen rows and columns are shrunk less (method "map").
    n_draws : int
        Draws that method "gibbs" keeps.
    dtype : {"float64", "float32"}
        Precision of the fit.
    tolerance : float or "auto"
        Sweeps stop once the objective falls by less than this: a fraction of itself for "map"
        ("auto": 1e-6), nats an observation otherwise ("auto": 0.002).
    max_iterations : int
        Most sweeps.
    certify : bool
        Whether to judge the fit; of a Bayesian one, the penalised problem that its variances imply.
    effort : {"auto", "quick", "standard", "thorough"}
        How far to go in judging. "auto": "standard" for method "map", else "quick".
    random_state : int, RandomState, Generator or None
        For the random start and draws.

    Attributes
    ----------
    method_ : str
        The method used.
    row_factors_ : ndarray, shape (m, r)
    column_factors_ : ndarray, shape (n, r)
        r is `rank_`, and one more where row biases are multiplied by the scales of columns.
    row_biases_ : ndarray, shape (m,)
    column_biases_ : ndarray, shape (n,)
    offset_ : float
    rank_ : int
    noise_ : ndarray, shape (n,)
        Standard deviation of the noise of each column (Bayesian methods).
    levels_ : dict of str to tuple
        Levels of a data frame's columns that hold no numbers; their positions are what is predicted.
    rank_path_ : RankPath
        How rank and penalty were chosen, where they were.
    search_ : SearchResult
        Why the search stopped.
    certificate_ : Certificate or None
        What is proved: of the fit by "map", else of the penalised problem that the posterior implies.
    n_iter_ : int
        Sweeps done.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray
        Column names, where the input had names.

    Notes
    -----
    In arrays and data frames NaN is missing and zero is a value; in sparse arrays stored entries
    are observed, stored zeros too, and the rest is missing. Infinities are errors. A row or
    column without observations is predicted from what the others, and its covariates, say.

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
        noise: str = "auto",
        scale: str = "auto",
        penalty: float | str = "auto",
        bias_penalty: float | str = "auto",
        penalty_weights: str = "uniform",
        n_draws: int = 100,
        dtype: str = "float64",
        tolerance: float | str = "auto",
        max_iterations: int = 500,
        certify: bool = True,
        effort: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.rank = rank
        self.method = method
        self.loss = loss
        self.biases = biases
        self.nonnegative = nonnegative
        self.pattern = pattern
        self.noise = noise
        self.scale = scale
        self.penalty = penalty
        self.bias_penalty = bias_penalty
        self.penalty_weights = penalty_weights
        self.n_draws = n_draws
        self.dtype = dtype
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.certify = certify
        self.effort = effort
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        row_covariates: Any = None,
        column_covariates: Any = None,
    ) -> MatrixCompletion:
        """Fit the observed cells of a table.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (m, n)
            The table.
        y : None
            Not used.
        sample_weight : array_like, shape (m,), optional
            Weight of each row's cells, at least 0.
        row_covariates : array_like, data frame or Covariates, shape (m, c), optional
            What else is known of rows; no gaps (Bayesian methods).
        column_covariates : array_like, data frame or Covariates, shape (n, c), optional
            The same of columns.

        Returns
        -------
        MatrixCompletion
            This estimator.

        Raises
        ------
        InvalidInputError
            If a setting, the table or the covariates cannot be used.
        """
        self.levels_, suited = read_levels(X)
        plan = plan_of(self)
        numbers = is_auto(self.loss) and plan.method in ("variational", "gibbs")  # which take squares alone
        losses = chosen_losses(plan.loss, is_auto(self.loss), {} if numbers else suited, self.levels_)
        plan = replace(plan, loss=losses)
        method = plan.decide_method()
        check_effort(self.effort)
        observations = self._observe(X, reset=True)
        rank_or_auto(self.rank, observations.shape)
        if sample_weight is not None:
            observations = weigh_rows(observations, sample_weight)
        (m, n), labels = observations.shape, (observations.row_labels, observations.column_labels)
        about = (
            covariates_of(row_covariates, m, labels[0], "row_covariates", keyed=isinstance(X, Observations)),
            covariates_of(column_covariates, n, labels[1], "column_covariates"),
        )
        rng = self._generator()
        found = fit_plan(observations, plan, rng=rng, covariates=about)
        self.certificate_, table = None, found.table
        if self.certify and table.stop_reason is not StopReason.INTERRUPTED:
            table, self.certificate_ = table.certify(rng, self.effort)
        for name in ("noise_", "rank_path_"):  # of an earlier fit by another method
            self.__dict__.pop(name, None)
        self.method_ = method
        self._set(Completed(table, int(rng.integers(2**63))))
        if found.path is not None:
            self.rank_path_ = found.path
        return self

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        row_covariates: Any = None,
        column_covariates: Any = None,
    ) -> Matrix:
        """Fit the observed cells of a table and return it filled; parameters are those of `fit`."""
        self.fit(X, y, sample_weight, row_covariates, column_covariates)
        filled: Matrix = self.transform(X, row_covariates)
        return filled

    def transform(self, X: Any, row_covariates: Any = None) -> Matrix:
        """Return a table of numbers with its missing cells filled by expected values.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (k, n)
            Known or new rows; each is folded in from its own observed cells, which are kept.
        row_covariates : array_like, data frame or Covariates, shape (k, c), optional
            Of these rows, where the fit had some.

        Returns
        -------
        ndarray, shape (k, n)
        """
        check_is_fitted(self)
        table = self._observe(X, reset=False)
        about = covariates_of(row_covariates, table.shape[0], table.row_labels, "row_covariates")
        return self._filled(table, about, likeliest=False)

    def predict(self, rows: ArrayLike, columns: ArrayLike) -> Vector:
        """Return predictions for pairs of cells of the fitted table.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels where the data had labels, else positions.

        Returns
        -------
        ndarray, shape (k,)

        Raises
        ------
        InvalidInputError
            If a label is not in the model or a position is out of range.
        """
        check_is_fitted(self)
        return self._completed.model.predict(*self._completed.cells(rows, columns))

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the root-mean-square error on the observed cells of a table.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (m, n)
            The table that was fitted, or held-out cells of it: cell (i, j) is compared with the
            prediction for row i and column j. Labelled `Observations` are matched by their labels.
        y : None
            Not used.

        Returns
        -------
        float
            At most 0; larger is better.
        """
        check_is_fitted(self)
        table = self._observe(X, reset=False, rows=True)
        if not table.size:
            raise InvalidInputError(
                "the table is empty", "no observed cell", fix="pass cells to compare with"
            )
        if table.shape != self._completed.model.shape:
            raise InvalidInputError(
                "score compares cells of the fitted table",
                f"shape {table.shape} for {self._completed.model.shape}",
            )
        errors = table.values - self._completed.model.predict(table.rows, table.columns)
        return -float(np.sqrt(np.average(errors**2, weights=table.weights)))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the column names, which the transform keeps."""
        from sklearn.utils.validation import _check_feature_names_in

        check_is_fitted(self)
        names: NDArray[np.object_] = _check_feature_names_in(self, input_features)
        return names

    @property
    def _n_features_out(self) -> int:
        return int(self.n_features_in_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _generator(self) -> np.random.Generator:
        if isinstance(self.random_state, np.random.Generator | None):
            return make_generator(self.random_state)
        return make_generator(check_random_state(self.random_state))
