"""`AdditiveSplineRegressor`: a sum of linear splines with few knots, one per input that matters."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from lowland.core.arrays import Indices, Matrix, Vector, check_scale
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.running.progress import OnProgress
from lowland.estimators.parameters import shown
from lowland.estimators.spline_regression import _SplineRegressor
from lowland.networks.network import ReluNetwork, two_layer
from lowland.networks.splines.additive import mean_of
from lowland.networks.splines.additive_choice import AdditiveFit, additive_fit

if TYPE_CHECKING:
    from lowland.report.page import Page

# rows that are needed: three folds and a line
LEAST = 6


@public("lowland")
class AdditiveSplineRegressor(_SplineRegressor):
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
    cv : int, splitter or iterable of (train, test)
        Number of folds, for inputs, knots and intervals; or scikit-learn's splits of all points into folds.
    random_state : int, RandomState, Generator or None
        Source of randomness, for the folds.
    on_progress : callable, optional
        Called with the number of fits done, the number of all at most, and the seconds since the start.
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.

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

    x_: Matrix
    y_: Vector
    knots_: list[Vector]

    def __init__(
        self,
        max_knots: int = 20,
        average: bool = True,
        cv: Any = 10,
        random_state: RandomSource = None,
        on_progress: OnProgress | None = None,
        verbose: int = 0,
    ) -> None:
        self.max_knots = max_knots
        self.average = average
        self.cv = cv
        self.random_state = random_state
        self.on_progress = on_progress
        self.verbose = verbose

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
        self._check_knots_and_folds()
        if len(values) < LEAST:
            raise InvalidInputError(
                f"a sum of splines needs at least {LEAST} points", f"n_samples = {len(values)}"
            )
        check_scale("X", inputs)
        self.x_, self.y_ = inputs, values
        low, high = inputs.min(axis=0), inputs.max(axis=0)
        self._shift, self._scale = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        targets, rng = self._to_unit(values), make_generator(self.random_state, "random_state")
        with shown(self.verbose):
            self._fit: AdditiveFit = additive_fit(
                self._scaled(inputs),
                targets,
                most_knots=self.max_knots,
                folds=self._folds(np.ones(len(values), bool), len(values) // 2, rng),
                rng=rng,
                on_progress=self.on_progress,
            )
        self._read_out()
        return self

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
        return self._parts(self._points(X))

    def report(self, path: str | PathLike[str], names: Sequence[str] | None = None, y: str = "y") -> None:
        """Write an HTML page; `names` are those of the inputs, `y` that of the values."""
        from lowland.report.page import write_report

        write_report(path, self._page(names, y))

    def _page(self, names: Sequence[str] | None = None, y: str = "y") -> Page:
        from lowland.networks.splines.additive_pages import additive_page

        check_is_fitted(self)
        known = getattr(self, "feature_names_in_", None) if names is None else names
        if known is not None and len(known) != self.n_features_in_:
            raise InvalidInputError(
                "names must be one per input", f"{len(known)} for {self.n_features_in_} inputs"
            )
        return additive_page(self, None if known is None else [str(name) for name in known], y)

    def parts_at(self, inputs: Matrix) -> Matrix:
        """Return `components` for an array, without checking it."""
        return self._parts(self._scaled(inputs))

    def _values(self, points: Matrix) -> Vector:
        return mean_of(self._splines(), points)

    def _interval(self, points: Matrix, level: float) -> tuple[Vector, Vector]:
        return self._fit.interval(points, level)

    def _points(self, X: ArrayLike) -> Matrix:
        return self._scaled(validate_data(self, X, reset=False, dtype=np.float64))

    def _scaled(self, inputs: Matrix) -> Matrix:
        return np.asarray((inputs - self._shift) / self._scale)

    def _parts(self, points: Matrix) -> Matrix:
        """Return what each input adds at scaled points."""
        data = self._scaled(self.x_)
        parts = [one.components(points) - one.components(data).mean(axis=0) for one in self._splines()]
        return np.asarray(self._unit * np.mean(parts, axis=0))

    def _splines(self) -> tuple[Any, ...]:
        return self._fit.by_fold if self.average else (self._fit.spline,)

    def _in_units(self, network: ReluNetwork) -> ReluNetwork:
        """Return a network of the inputs and values as given, from one of scaled ones."""
        (inner, outer), (bias, offset) = network.weights, network.biases
        assert bias is not None
        assert offset is not None
        weights = inner / self._scale
        last = self._unit * float(offset[0]) + self._mean
        return two_layer(weights, bias - weights @ self._shift, self._unit * outer[0], last)

    def _read_out(self) -> None:
        spline, data = self._fit.spline, self._scaled(self.x_)
        none = np.zeros(0)
        scales = zip(spline.knots, self._shift, self._scale, strict=True)
        self.knots_ = [none if knots is None else shift + scale * knots for knots, shift, scale in scales]
        self.n_knots_: Indices = np.array([knots.size for knots in self.knots_])
        self.intercept_: float = float(self._mean + self._unit * mean_of(self._splines(), data).mean())
        self.spreads_: Vector = self._unit * spline.components(data).std(axis=0)
        self.used_: NDArray[np.bool_] = self.spreads_ > 0
        self.cv_error_: float = float(np.mean(self._fit.misses**2)) * self._unit**2
        self.network_: ReluNetwork = self._in_units(spline.network())
