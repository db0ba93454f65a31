"""What regressions by linear splines share: knots and folds, the unit of values, and intervals."""

from __future__ import annotations

from abc import abstractmethod
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lowland.core.arrays import Indices, Vector, check_scale
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share, whole_number
from lowland.core.random import RandomSource
from lowland.core.running.progress import OnProgress
from lowland.estimators.parameters import _Estimator
from lowland.report.reported import Reported
from lowland.trials.masks import Mask, folds_of

# `cv` is a number of folds; anything else is scikit-learn's
NUMBERS_AND_WORDS = (int, float, np.number, str, NoneType)


class _SplineRegressor(Reported, RegressorMixin, _Estimator):
    """A regression whose number of knots is chosen by cross-validation."""

    max_knots: int
    average: bool
    cv: Any
    on_progress: OnProgress | None
    verbose: int
    random_state: RandomSource
    # of the values: predictions are the mean plus the unit times those of the fit
    _mean: float
    _unit: float

    @abstractmethod
    def _points(self, X: ArrayLike) -> Any:
        """Return inputs, checked and scaled as the fit has them."""

    @abstractmethod
    def _values(self, points: Any) -> Vector:
        """Return predictions in scaled units."""

    @abstractmethod
    def _interval(self, points: Any, level: float) -> tuple[Vector, Vector]:
        """Return ends of intervals in scaled units."""

    def _check_knots_and_folds(self) -> None:
        whole_number(self.max_knots, "max_knots", 0)
        if isinstance(self.cv, NUMBERS_AND_WORDS):
            whole_number(self.cv, "cv", 2)

    def _folds(self, used: Mask, most: int, rng: np.random.Generator) -> Indices:
        """Return the fold of each used point: of at most so many that are drawn, or as `cv` splits all."""
        if isinstance(self.cv, NUMBERS_AND_WORDS):
            return folds_of(int(used.sum()), min(whole_number(self.cv, "cv", 2), most), rng)
        return folds_split_by(self.cv, used)

    def _to_unit(self, values: Vector, weights: Vector | None = None) -> Vector:
        """Find the mean and the unit of values, and return these in it."""
        check_scale("y", values)
        constant = np.ptp(values) == 0
        self._mean = float(values[0] if constant else np.average(values, weights=weights))
        self._unit = float(np.sqrt(np.average((values - self._mean) ** 2, weights=weights))) or 1.0
        return np.asarray((values - self._mean) / self._unit)

    def predict(self, X: ArrayLike) -> Vector:
        """Return the values of the fit, extrapolated linearly outside the data.

        Parameters
        ----------
        X : array_like, shape (k, d)
            One input may be of shape (k,), too, for `StableSplineRegressor`.

        Returns
        -------
        ndarray, shape (k,)
        """
        check_is_fitted(self)
        prediction: Vector = self._mean + self._unit * self._values(self._points(X))
        return prediction

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> tuple[Vector, Vector]:
        """Return intervals for new observations, by the cross-validation of the fit (CV+).

        Parameters
        ----------
        X : array_like, shape (k, d)
            One input may be of shape (k,), too, for `StableSplineRegressor`.
        level : float
            Nominal coverage. The guaranteed coverage for exchangeable points is lower, about 2 level - 1
            minus a term of order cv / n; moreover, the number of knots is chosen from the same folds.

        Returns
        -------
        lower, upper : ndarray, shape (k,)
            Those of one input are infinite outside the data, which say nothing there; those of several know
            nothing of the extrapolation.

        References
        ----------
        R. Barber, E. Candes, A. Ramdas, R. Tibshirani, Predictive inference with the jackknife+, Annals of
        Statistics 2021.
        """
        check_is_fitted(self)
        check_share("level", level)
        lower, upper = self._interval(self._points(X), level)
        return self._mean + self._unit * lower, self._mean + self._unit * upper


def folds_split_by(cv: Any, used: Mask) -> Indices:
    """Return the fold of each used point, as scikit-learn's splits of all points say.

    Raises
    ------
    InvalidInputError
        If a point is in no test set or in several, or is neither in the training set nor in the test set.
    """
    from sklearn.model_selection import check_cv

    folds = np.full(used.size, -1)
    for number, (kept, held) in enumerate(check_cv(cv).split(np.zeros((used.size, 1)))):
        apart = np.ones(used.size, bool)
        apart[kept] = False
        if (folds[held] >= 0).any() or not np.array_equal(np.flatnonzero(apart), np.sort(held)):
            raise _no_folds(f"split {number + 1}")
        folds[held] = number
    if (folds < 0).any():
        raise _no_folds(f"{np.sum(folds < 0)} points in no test set")
    numbers: Indices = np.unique(folds[used], return_inverse=True)[1]
    if not numbers.any():
        raise _no_folds("one fold")
    return numbers


def _no_folds(found: str) -> InvalidInputError:
    return InvalidInputError(
        "cv must put each point into one test set, and train on all others",
        found,
        fix="use a number of folds, or splits such as those of KFold and LeaveOneGroupOut",
    )
