"""`MatrixCompletion`: an imputer and a recommender."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.core.random import make_generator
from lowland.core.records import Factors
from lowland.estimators.weights import weigh_rows
from lowland.systems.completion import fit_completion
from lowland.systems.completion_settings import CompletionSettings, row_weights
from lowland.systems.conformal import Conformal, calibrate
from lowland.systems.intervals import entry_intervals


class MatrixCompletion(TransformerMixin, BaseEstimator):
    """Complete a table with a low-rank matrix plus biases, and certify the fit.

    Minimises the sum of weights * (x_ij - prediction_ij)^2 / 2 over observed cells plus
    penalty/2 (||U||^2 + ||V||^2), where prediction = U V^T + row bias + column bias + offset. At
    the best factors the penalty equals penalty * ||U V^T||_*, the nuclear norm, which makes
    global optimality provable after the fit.

    Parameters
    ----------
    rank : int
        Columns of the factors, 1 to min(m, n).
    biases : bool
        Whether row, column and global biases are fitted, free of penalty.
    penalty : float
        Weight of the nuclear norm, in units of the data times root of the number of cells; larger
        smooths more.
    bias_penalty : float
        Ridge on row and column biases, on top of the squares; 0 leaves them free.
    penalty_weights : {"uniform", "counts"}
        Whether the penalties count every row and column alike, or by its number of observed cells
        over the mean number, so that rarely seen rows and columns are shrunk less.
    dtype : {"float64", "float32"}
        Precision of the fit.
    tolerance : float
        Sweeps stop once the objective falls by less than this fraction of itself.
    max_iterations : int
        Most sweeps.
    certify : bool
        Whether to judge the fit.
    effort : {"quick", "standard", "thorough"}
        How far to go in judging.
    random_state : int, RandomState, Generator or None
        For the random start.

    Attributes
    ----------
    row_factors_ : ndarray, shape (m, rank)
    column_factors_ : ndarray, shape (n, rank)
    row_biases_ : ndarray, shape (m,)
    column_biases_ : ndarray, shape (n,)
    offset_ : float
    rank_ : int
    search_ : SearchResult
        Why the search stopped.
    certificate_ : Certificate or None
        What is proved.
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
    column without observations is predicted from biases alone.

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
        rank: int = 2,
        *,
        biases: bool = True,
        penalty: float = 1.0,
        bias_penalty: float = 0.0,
        penalty_weights: str = "uniform",
        dtype: str = "float64",
        tolerance: float = 1e-6,
        max_iterations: int = 500,
        certify: bool = True,
        effort: str = "standard",
        random_state: Any = None,
    ) -> None:
        self.rank = rank
        self.biases = biases
        self.penalty = penalty
        self.bias_penalty = bias_penalty
        self.penalty_weights = penalty_weights
        self.dtype = dtype
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.certify = certify
        self.effort = effort
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> MatrixCompletion:
        """Fit the observed cells of a table.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (m, n)
            The table.
        y : None
            Not used.
        sample_weight : array_like, shape (m,), optional
            Positive weight of each row's cells.

        Returns
        -------
        MatrixCompletion
            This estimator.

        Raises
        ------
        InvalidInputError
            If a setting or the table cannot be used.
        """
        observations = self._observe(X, reset=True)
        self._check_rank(observations.shape)
        if sample_weight is not None:
            observations = weigh_rows(observations, sample_weight)
        settings = CompletionSettings(
            self.rank,
            bool(self.biases),
            self._positive("penalty"),
            self._positive("tolerance"),
            self.max_iterations,
            self._positive("bias_penalty"),
            self.penalty_weights,
        )
        rng = self._generator()
        fitted = fit_completion(observations, settings, rng=rng, certify=self.certify, effort=self.effort)
        self._conformal: Conformal | None = None
        self._calibration_seed = int(rng.integers(2**63))
        model = fitted.model
        self._model, self._fitted = model, fitted
        self.row_factors_, self.column_factors_ = model.row_factors, model.column_factors
        self.row_biases_, self.column_biases_, self.offset_ = (
            model.row_biases,
            model.column_biases,
            model.offset,
        )
        self.rank_ = settings.rank
        self.search_, self.certificate_ = fitted.search, fitted.certificate
        self.n_iter_ = max(1, fitted.search.iterations)
        return self

    def transform(self, X: Any) -> Matrix:
        """Return a table with its missing cells filled; observed cells are kept.

        Parameters
        ----------
        X : array_like, data frame, sparse array or Observations, shape (k, n)
            Known or new rows; each is folded in from its own observed cells.

        Returns
        -------
        ndarray, shape (k, n)
        """
        check_is_fitted(self)
        table = self._observe(X, reset=False)
        u, a = self._model.fold_in(table)
        filled = Factors(u, self.column_factors_).matrix() + a[:, None] + self.column_biases_ + self.offset_
        filled = filled.astype(self.row_factors_.dtype, copy=False)
        filled[table.rows, table.columns] = table.values
        return filled

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
        at_rows, at_columns = self._model.positions(rows, 0), self._model.positions(columns, 1)
        if at_rows.shape != at_columns.shape:
            raise InvalidInputError(
                "rows and columns must be equally long", f"{at_rows.size} and {at_columns.size}"
            )
        return self._model.predict(at_rows, at_columns)

    def predict_interval(
        self, rows: ArrayLike, columns: ArrayLike, level: float = 0.95, *, method: str = "fisher"
    ) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells of the fitted table.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels where the data had labels, else positions.
        level : float
            Probability that an interval holds a new observation of its cell.
        method : {"fisher", "conformal"}
            From the model's own variances, or from errors on cells that it has not seen.

        Returns
        -------
        lower, upper : ndarray, shape (k,)

        Raises
        ------
        UnsupportedError
            If the residuals tell nothing of the noise (a saturated model), or held-out cells are too
            few for the level.

        Notes
        -----
        "fisher" is right to first order in the noise, which is estimated from the residuals and taken
        for independent, of equal variance (but for weights) and about Gaussian; what the model misses
        counts as noise. "conformal" assumes neither model nor noise, only that the cells asked for
        are as if drawn at random from those observed; its level holds on average over cells, not for
        each. It holds a tenth of the cells out, so the first call costs another fit, and intervals
        are centred at that fit's predictions. A new observation is taken to have the weight that the
        cells of its row have on average.
        """
        check_is_fitted(self)
        if method not in ("fisher", "conformal"):
            raise InvalidInputError("method is unknown", repr(method), fix='use "fisher" or "conformal"')
        if not (isinstance(level, int | float | np.number) and 0 < level < 1):
            raise InvalidInputError("level must lie between 0 and 1", repr(level))
        at_rows, at_columns = self._model.positions(rows, 0), self._model.positions(columns, 1)
        fit = self._fitted
        if method == "conformal":
            if self._conformal is None:
                rng = np.random.default_rng(self._calibration_seed)
                self._conformal = calibrate(fit.observations, fit.settings, rng)
            return self._conformal.intervals(at_rows, at_columns, level)
        found = entry_intervals(
            fit.objective,
            fit.theta,
            at_rows,
            at_columns,
            level=level,
            new_observation=True,
            new_weights=row_weights(fit.observations)[at_rows],
        )
        return found.lower, found.upper

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
        if table.shape != self._model.shape:
            raise InvalidInputError(
                "score compares cells of the fitted table", f"shape {table.shape} for {self._model.shape}"
            )
        errors = table.values - self._model.predict(table.rows, table.columns)
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

    def _observe(self, X: Any, *, reset: bool, rows: bool = False) -> Observations:
        if self.dtype not in ("float64", "float32"):
            raise InvalidInputError("dtype is unknown", repr(self.dtype), fix='use "float64" or "float32"')
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(np.float64), np.nan)
        if isinstance(X, Observations):
            if reset:
                self.n_features_in_ = X.shape[1]
            else:
                X = self._model.align(X, rows=rows)
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
        labels = getattr(self, "feature_names_in_", None)
        if hasattr(table, "tocoo"):
            entries = table.tocoo()
            return Observations.from_triples(
                entries.row, entries.col, entries.data, shape=entries.shape, column_labels=labels
            )
        return Observations.from_array(table, column_labels=labels)

    def _check_rank(self, shape: tuple[int, int]) -> None:
        rank = self.rank
        if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or not 1 <= rank <= min(shape):
            raise InvalidInputError(
                "rank does not fit the table",
                f"rank {rank!r}, n_samples = {shape[0]}, n_features = {shape[1]}",
                fix=f"use 1 <= rank <= {min(shape)}",
            )

    def _positive(self, name: str) -> float:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
            raise InvalidInputError(f"{name} must be a number at least 0", repr(value))
        return float(value)

    def _generator(self) -> np.random.Generator:
        if isinstance(self.random_state, np.random.Generator | None):
            return make_generator(self.random_state)
        return make_generator(check_random_state(self.random_state))
