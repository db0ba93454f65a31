"""`MatrixSensing`: regression with a low-rank coefficient matrix, the estimator version of `recover`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.estimators.parameters import _Estimator, shown, warn_of_limit
from lowland.estimators.table_input import number_at_least_zero
from lowland.measure import Dense
from lowland.search import Iterations, RelativeDecreaseBelow
from lowland.search.stops import StopRule
from lowland.sensing.recover import recover

# steps of a search with a `tol` alone; and the least decrease that is told from rounding
MOST_STEPS, DIGITS = 5_000, 1e-14


@public("lowland")
class MatrixSensing(RegressorMixin, _Estimator):
    """Trace regression: y = <A_k, X> + noise with a matrix X of low rank.

    A sample is a measurement matrix A_k flattened row by row, so that `fit`, `predict` and `score`
    are those of a linear regression whose coefficients form a low-rank matrix.

    Parameters
    ----------
    shape : tuple of int, optional
        Shape (m, n) of the matrix, where m n is the number of features; by default one column, which
        gives ordinary least squares.
    rank : int
        Rank of the matrix; lowered to the smaller side if larger.
    structure : {"general", "psd"}
        X = U V^T, or X = U U^T, positive semidefinite.
    penalty : float
        Weight of the nuclear norm.
    solver : str or stepper
        As in `recover`.
    n_restarts : int or "auto"
        As in `recover`.
    certify : bool
        Whether to compute a certificate.
    random_state : int, RandomState, Generator or None
        Source of randomness.
    tol : float, optional
        Stop a search when a step improves the objective by less than this share of it. By default searches
        go on as far as their solver gains digits, and end with steps that gain the last ones.
    max_iter : int, optional
        Maximum number of steps of a search; by default as many as hard problems take.
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.

    Attributes
    ----------
    matrix_ : ndarray, shape (m, n)
        The recovered matrix.
    coef_ : ndarray, shape (n_features,)
        The matrix flattened row by row.
    rank_ : int
        Rank of the recovered matrix.
    certificate_ : Certificate or None
        What is proved about it.
    search_ : SearchResult
        Why the search stopped.
    attempts_ : tuple of Attempt
        The searches that were run.
    n_iter_ : int
        Number of steps of the search.
    n_features_in_ : int
        Number of features.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> truth = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0, 0.0])
    >>> samples = rng.standard_normal((20, 12))
    >>> model = ll.MatrixSensing(shape=(3, 4), random_state=0).fit(samples, samples @ truth.ravel())
    >>> bool(np.allclose(model.matrix_, truth))
    True
    """

    rank_: int
    n_iter_: int
    certificate_: Certificate | None
    search_: SearchResult
    attempts_: tuple[Attempt, ...]

    def __init__(  # noqa: PLR0913
        self,
        shape: tuple[int, int] | None = None,
        rank: int = 1,
        structure: str = "general",
        penalty: float = 0.0,
        solver: Any = "auto",
        n_restarts: int | str = "auto",
        certify: bool = True,
        random_state: RandomSource = None,
        *,
        tol: float | None = None,
        max_iter: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.shape = shape
        self.rank = rank
        self.structure = structure
        self.penalty = penalty
        self.solver = solver
        self.n_restarts = n_restarts
        self.certify = certify
        self.random_state = random_state
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Recover the matrix.

        Parameters
        ----------
        X : array_like, shape (p, m n)
            One measurement matrix per row, flattened row by row.
        y : array_like, shape (p,)
            Measured values.
        sample_weight : array_like, shape (p,), optional
            Weights, at least 0; samples of weight zero are left out.

        Returns
        -------
        MatrixSensing
            Itself.
        """
        samples, values = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        m, n = (samples.shape[1], 1) if self.shape is None else self.shape
        if m * n != samples.shape[1]:
            raise InvalidInputError(
                "shape does not fit the features", f"{m} x {n} for {samples.shape[1]} features"
            )
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, samples, dtype=np.float64)
            if not weights.min() >= 0:
                raise InvalidInputError("sample_weight must not be negative", f"{weights.min():g}")
            used = weights != 0
            if not used.any():
                raise InvalidInputError("sample_weight must not be zero everywhere", "all weights zero")
            samples, values, weights = samples[used], values[used], weights[used]
        stop, rng = self._stop(), make_generator(self.random_state, "random_state")
        with shown(self.verbose):
            fit = recover(
                Dense(samples.reshape(-1, m, n)),
                values,
                rank=min(whole_number(self.rank, "rank", 1), m, n),
                structure=self.structure,
                penalty=self.penalty,
                weights=weights,
                solver=self.solver,
                n_restarts=self.n_restarts,
                stop=stop,
                rng=rng,
                certify=self.certify,
            )
        warn_of_limit(fit.search)
        self.matrix_: Matrix = fit.matrix()
        self.coef_: Vector = self.matrix_.ravel()
        self.rank_, self.n_iter_ = fit.rank, max(1, fit.search.iterations)
        self.certificate_, self.search_, self.attempts_ = fit.certificate, fit.search, fit.attempts
        return self

    def _stop(self) -> StopRule | None:
        """Return when searches stop, None for the solver's own rule."""
        if self.tol is None and self.max_iter is None:
            return None
        most = MOST_STEPS if self.max_iter is None else whole_number(self.max_iter, "max_iter", 1)
        least = 0.0 if self.tol is None else number_at_least_zero(self.tol, "tol")
        return Iterations(most) | RelativeDecreaseBelow(max(least, DIGITS))

    def predict(self, X: ArrayLike) -> Vector:
        """Return <A_k, X> for measurement matrices A_k.

        Parameters
        ----------
        X : array_like, shape (p, m n)

        Returns
        -------
        ndarray, shape (p,)
        """
        check_is_fitted(self)
        samples = validate_data(self, X, reset=False, dtype=np.float64)
        predictions: Vector = samples @ self.coef_
        return predictions
