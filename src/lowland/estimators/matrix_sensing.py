"""`MatrixSensing`: regression with a low-rank coefficient matrix, the estimator version of `recover`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.measure import Dense
from lowland.sensing.recover import recover


@public("lowland")
class MatrixSensing(RegressorMixin, BaseEstimator):
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

    def __init__(
        self,
        shape: tuple[int, int] | None = None,
        rank: int = 1,
        structure: str = "general",
        penalty: float = 0.0,
        solver: Any = "auto",
        n_restarts: int | str = "auto",
        certify: bool = True,
        random_state: Any = None,
    ) -> None:
        self.shape = shape
        self.rank = rank
        self.structure = structure
        self.penalty = penalty
        self.solver = solver
        self.n_restarts = n_restarts
        self.certify = certify
        self.random_state = random_state

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
            weights = np.broadcast_to(np.asarray(sample_weight, dtype=float), values.shape)
            used = weights != 0
            if not used.any():
                raise InvalidInputError("sample_weight must not be zero everywhere", "all weights zero")
            samples, values, weights = samples[used], values[used], weights[used]
        fit = recover(
            Dense(samples.reshape(-1, m, n)),
            values,
            rank=min(self.rank, m, n),
            structure=self.structure,
            penalty=self.penalty,
            weights=weights,
            solver=self.solver,
            n_restarts=self.n_restarts,
            rng=self.random_state,
            certify=self.certify,
        )
        self.matrix_ = fit.matrix()
        self.coef_ = self.matrix_.ravel()
        self.rank_ = fit.rank
        self.certificate_, self.search_, self.attempts_ = fit.certificate, fit.search, fit.attempts
        return self

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
