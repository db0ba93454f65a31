"""`AdditiveSplineRegressor`: a sum of linear splines with few knots, one per input that matters."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lowland.core.arrays import Matrix, Vector, check_scale
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share, whole_number
from lowland.core.random import make_generator
from lowland.networks.network import ReluNetwork, two_layer
from lowland.networks.splines.additive import mean_of
from lowland.networks.splines.additive_choice import AdditiveFit, additive_fit
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.report.page import Page

# rows that are needed: three folds and a line
LEAST = 6


@public("lowland")
class AdditiveSplineRegressor(Reported, RegressorMixin, BaseEstimator):
    """Regression in several variables by a sum of linear splines with few knots, one per input that matters.

    It is a ReLU network whose neurons read one input each. Input by input, what the others leave over is
    followed from a straight line on, one knot more at a time, through minima of a univariate network; the
    fewest knots are taken whose held-out error is within one standard error of the smallest, or none at all.
    Held-out points then say whether the inputs left out matter together, as straight lines with a penalty,
    and whether any function bends at all.

    Parameters
    ----------
    max_knots : int
        Largest number of knots per input.
    average : bool
        Whether to predict by the mean of the fits without one fold each, for a slightly smaller error;
        otherwise by the fit on all points.
    cv : int
        Number of folds, for inputs, knots and intervals.
    random_state : int, RandomState, Generator or None
        Source of randomness, for the folds.
    on_progress : callable, optional
        Called with the number of fits done, the number of all at most, and the seconds since the start.

    Attributes
    ----------
    knots_ : list of ndarray
        For each input, where its function bends in the fit on all points, ascending, in the input's units.
    used_ : ndarray of bool, shape (d,)
        Inputs whose function is not zero.
    n_knots_ : ndarray of int, shape (d,)
    intercept_ : float
        Mean of the predictions over the data.
    spreads_ : ndarray, shape (d,)
        Standard deviation of what each input adds, over the data, in units of y: how much it matters.
    cv_error_ : float
        Held-out mean squared error. With twenty rows per input or more, inputs and knots were chosen once for
        all, with the same folds, and a new point's is a little larger.
    network_ : ReluNetwork
        A network that computes the fit on all points; its neurons read one input each.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X has names.

    Notes
    -----
    Each of at most six rounds follows cv + 1 paths per input; with fewer than twenty rows per input all is
    chosen anew without each fold, which takes six times as long. Inputs of at most eight distinct numbers
    bend at these. Outside the data functions go on as straight lines.

    References
    ----------
    T. Hastie, R. Tibshirani, Generalized additive models, Statistical Science 1986; D. Qiao, K. Zhang, E.
    Singh, D. Soudry, Y.-X. Wang, Stable minima cannot overfit in univariate ReLU networks, NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (300, 5))
    >>> y = np.abs(X[:, 0]) + 2 * np.maximum(X[:, 1], 0) + 0.2 * rng.standard_normal(300)
    >>> model = ll.AdditiveSplineRegressor(random_state=0).fit(X, y)
    >>> model.used_, model.n_knots_[:2]
    (array([ True,  True, False, False, False]), array([2, 1]))
    >>> bool(np.abs(model.predict([[0.5, 0.5, 0, 0, 0]]) - 1.5).max() < 0.1)
    True
    """

    def __init__(
        self,
        max_knots: int = 20,
        average: bool = True,
        cv: int = 10,
        random_state: Any = None,
        on_progress: Any = None,
    ) -> None:
        self.max_knots = max_knots
        self.average = average
        self.cv = cv
        self.random_state = random_state
        self.on_progress = on_progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the splines.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.
        y : array_like, shape (n,)
            Values.

        Returns
        -------
        AdditiveSplineRegressor
            Itself.

        Raises
        ------
        InvalidInputError
            If there are fewer than six points, or a setting is out of range.
        """
        inputs, given = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        values = np.asarray(given, dtype=np.float64)
        whole_number(self.max_knots, "max_knots", 0)
        whole_number(self.cv, "cv", 2)
        if len(values) < LEAST:
            raise InvalidInputError(
                f"a sum of splines needs at least {LEAST} points", f"n_samples = {len(values)}"
            )
        check_scale("X", inputs)
        check_scale("y", values)
        self.x_, self.y_ = inputs, values
        low, high = inputs.min(axis=0), inputs.max(axis=0)
        self._shift, self._scale = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        constant = np.ptp(values) == 0
        self._mean = float(values[0] if constant else values.mean())
        self._unit = float(values.std()) if not constant else 1.0
        self._fit: AdditiveFit = additive_fit(
            self._scaled(inputs),
            (values - self._mean) / self._unit,
            most_knots=self.max_knots,
            n_folds=min(self.cv, len(values) // 2),
            rng=make_generator(self.random_state),
            on_progress=self.on_progress,
        )
        self._read_out()
        return self

    def predict(self, X: ArrayLike) -> Vector:
        """Return the values of the sum, each function extrapolated linearly outside the data.

        Parameters
        ----------
        X : array_like, shape (k, d)

        Returns
        -------
        ndarray, shape (k,)
        """
        check_is_fitted(self)
        values: Vector = self._mean + self._unit * mean_of(self._splines(), self._read(X))
        return values

    def components(self, X: ArrayLike) -> Matrix:
        """Return what each input adds, in units of y, as deviations from its mean over the data.

        Parameters
        ----------
        X : array_like, shape (k, d)

        Returns
        -------
        ndarray, shape (k, d)
            Predictions are `intercept_` plus the sums of the rows.
        """
        check_is_fitted(self)
        return self._parts(self._read(X))

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> tuple[Vector, Vector]:
        """Return intervals for new observations, by the cross-validation of the fit (CV+).

        Parameters
        ----------
        X : array_like, shape (k, d)
        level : float
            Nominal coverage. The guaranteed coverage for exchangeable points is lower, about 2 level - 1
            minus a term of order cv / n. Outside the data intervals know nothing of the extrapolation.

        Returns
        -------
        lower, upper : ndarray, shape (k,)

        References
        ----------
        R. Barber, E. Candes, A. Ramdas, R. Tibshirani, Predictive inference with the jackknife+, Annals of
        Statistics 2021.
        """
        check_is_fitted(self)
        check_share("level", level)
        lower, upper = self._fit.interval(self._read(X), level)
        return self._mean + self._unit * lower, self._mean + self._unit * upper

    def report(self, path: str | PathLike[str], names: Sequence[str] | None = None, y: str = "y") -> None:
        """Write an HTML page; `names` are those of the inputs, `y` that of the values."""
        from lowland.report.page import write_report

        write_report(path, self._page(names, y))

    def _page(self, names: Sequence[str] | None = None, y: str = "y") -> Page:
        from lowland.networks.splines.additive_pages import additive_page

        check_is_fitted(self)
        own = getattr(self, "feature_names_in_", None) if names is None else names
        if own is not None and len(own) != self.n_features_in_:
            raise InvalidInputError(
                "names must be one per input", f"{len(own)} for {self.n_features_in_} inputs"
            )
        return additive_page(self, [str(k) for k in own] if own is not None else None, y)

    def parts_at(self, inputs: Matrix) -> Matrix:
        """Return `components` of a plain array, unchecked: what a page asks for."""
        return self._parts(self._scaled(inputs))

    def _read(self, X: ArrayLike) -> Matrix:
        return self._scaled(validate_data(self, X, reset=False, dtype=np.float64))

    def _scaled(self, inputs: Matrix) -> Matrix:
        return np.asarray((inputs - self._shift) / self._scale)

    def _parts(self, points: Matrix) -> Matrix:
        """Return what each input adds at scaled points."""
        data = self._scaled(self.x_)
        parts = [own.components(points) - own.components(data).mean(axis=0) for own in self._splines()]
        return np.asarray(self._unit * np.mean(parts, axis=0))

    def _splines(self) -> tuple[Any, ...]:
        return self._fit.by_fold if self.average else (self._fit.spline,)

    def _in_units(self, network: ReluNetwork) -> ReluNetwork:
        """Return a network of the inputs and values as given, from one of scaled ones."""
        (inner, outer), (bias, offset) = network.weights, network.biases
        assert bias is not None
        assert offset is not None
        own = inner / self._scale
        last = self._unit * float(offset[0]) + self._mean
        return two_layer(own, bias - own @ self._shift, self._unit * outer[0], last)

    def _read_out(self) -> None:
        spline, data = self._fit.spline, self._scaled(self.x_)
        none = np.zeros(0)
        scales = zip(spline.knots, self._shift, self._scale, strict=True)
        self.knots_ = [none if own is None else shift + scale * own for own, shift, scale in scales]
        self.n_knots_ = np.array([own.size for own in self.knots_])
        self.intercept_ = float(self._mean + self._unit * mean_of(self._splines(), data).mean())
        self.spreads_ = self._unit * spline.components(data).std(axis=0)
        self.used_ = self.spreads_ > 0
        self.cv_error_ = float(np.mean(self._fit.misses**2)) * self._unit**2
        self.network_ = self._in_units(spline.network())
