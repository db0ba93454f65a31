"""What regressions by linear splines share: knots and folds, the unit of values, and intervals."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lowland.core.arrays import Vector, check_scale
from lowland.core.parameter_checks import check_share, whole_number
from lowland.estimators.parameters import _Estimator
from lowland.report.reported import Reported


class _SplineRegressor(Reported, RegressorMixin, _Estimator):
    """A regression whose number of knots is chosen by cross-validation."""

    max_knots: int
    average: bool
    cv: int
    on_progress: Any
    verbose: int
    random_state: Any
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
        whole_number(self.cv, "cv", 2)

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
