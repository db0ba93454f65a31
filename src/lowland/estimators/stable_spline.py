"""`StableSplineRegressor`: a linear spline with few knots, made of minima at which gradient descent stays."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted, check_X_y

from lowland.core.arrays import Matrix, Vector, check_scale
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive
from lowland.core.random import RandomSource, make_generator
from lowland.core.running.progress import OnProgress
from lowland.estimators.parameters import shown
from lowland.estimators.spline_regression import _SplineRegressor
from lowland.networks.network import ReluNetwork
from lowland.networks.splines.knot_choice import CrossFit, cross_fit
from lowland.networks.splines.linear_spline import LinearSpline, mean_spline
from lowland.networks.splines.minima_path import Minimum
from lowland.networks.splines.stability import StabilityReport, stability_report
from lowland.networks.splines.variation import simplified_knots, variation_of_knots, variation_weight
from lowland.trials.masks import Mask

if TYPE_CHECKING:
    from lowland.report.page import Page


@public("lowland")
class StableSplineRegressor(_SplineRegressor):
    """Regression in one variable by a linear spline with few knots, made of stable minima of a ReLU network.

    Gradient descent with step size eta stays only at minima of a two-layer ReLU network whose largest
    curvature is at most 2/eta; there the sum of the changes of slope, weighted by how well the data support
    them, is at most 1/eta - 1/2. Minima are followed from the straight line on, one knot more at a time, and
    the fewest knots are taken whose held-out error is within one standard error of the smallest. `step_size_`
    is in units in which inputs span -1 to 1 and values have variance one.

    Parameters
    ----------
    step_size : float or "auto"
        A number, in the units above: choose among minima on all points at which gradient descent with this
        step stays. "auto": choose among all, and say up to which step size the chosen one is stable.
    max_knots : int
        Largest number of knots.
    average : bool
        Whether to predict by the mean of the splines fitted without one fold each, for a smaller error but
        more knots; otherwise by the minimum on all points.
    cv : int, splitter or iterable of (train, test)
        Number of folds, for the number of knots and for the intervals; or scikit-learn's splits of all points
        into folds.
    random_state : int, RandomState, Generator or None
        Source of randomness, for the folds.
    on_progress : callable, optional
        Called with the number of fits done, the number of all, and the seconds since the start.
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.

    Attributes
    ----------
    knots_ : ndarray
        Positions within the data at which the slope changes, ascending.
    slopes_ : ndarray, shape (knots + 1,)
        Slopes between the knots.
    effective_knots_ : ndarray
        Knots of a coarser spline that stays within half the held-out error of this one.
    n_knots_ : int
        Number of knots of the chosen minimum on all points.
    step_size_ : float
        The step given, or the largest that the curvature at the chosen minimum on all points allows, less a
        thousandth. `stability_` says whether it is stable there: open if a knot lies on a data point, where
        the loss has a kink.
    cv_errors_ : dict of int to float
        Held-out mean squared error by number of knots, in the units of y squared.
    spline_ : LinearSpline
        What `predict` returns, in scaled units.
    network_ : ReluNetwork
        A network that computes it on the data, in scaled units.
    variation_ : float
        Weighted variation of the spline, in scaled units.
    path_ : tuple of Minimum
        All minima on all points, in scaled units.
    stability_ : StabilityReport
        Stability of the chosen minimum on all points at `step_size_`, in scaled units; `predict` returns it
        only without `average`.
    support_ : tuple of float
        Smallest and largest input.
    n_features_in_ : int
        Always 1.

    Notes
    -----
    cv + 1 paths, each of at most `max_knots` fits of some tens of steps in O(n + knots^3).

    References
    ----------
    D. Qiao, K. Zhang, E. Singh, D. Soudry, Y.-X. Wang, Stable minima cannot overfit in univariate ReLU
    networks, NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(0, 10, 80)
    >>> y = np.minimum(x, 5) + 0.1 * rng.standard_normal(80)
    >>> model = ll.StableSplineRegressor(random_state=0).fit(x, y)
    >>> bool(np.abs(model.predict([2.0, 8.0]) - [2, 5]).max() < 0.1)
    True
    """

    path_: tuple[Minimum, ...]
    x_: Vector
    y_: Vector
    effective_knots_: Vector

    def __init__(
        self,
        step_size: float | str = "auto",
        max_knots: int = 20,
        average: bool = True,
        cv: Any = 10,
        random_state: RandomSource = None,
        on_progress: OnProgress | None = None,
        verbose: int = 0,
    ) -> None:
        self.step_size = step_size
        self.max_knots = max_knots
        self.average = average
        self.cv = cv
        self.random_state = random_state
        self.on_progress = on_progress
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the spline.

        Parameters
        ----------
        X : array_like, shape (n,) or (n, 1)
            Inputs.
        y : array_like, shape (n,)
            Values.
        sample_weight : array_like, shape (n,), optional
            Weights, at least 0; points of weight zero are left out. Whole numbers count points, so that two
            stands for two points; others are relative precisions.

        Returns
        -------
        StableSplineRegressor
            Itself.

        Raises
        ------
        InvalidInputError
            If there are fewer than three points or two different inputs, or a setting is out of range.
        """
        x, values, weights, used, size = self._read(X, y, sample_weight)
        self._check_knots_and_folds()
        step_size = self._budget()
        rng = make_generator(self.random_state, "random_state")
        self.support_: tuple[float, float] = float(x.min()), float(x.max())
        self._shift, self._scale = sum(self.support_) / 2, (self.support_[1] - self.support_[0]) / 2
        scaled = (x - self._shift) / self._scale, self._to_unit(values, weights), weights
        folds = self._folds(used, x.size, rng)
        with shown(self.verbose):
            self._cross: CrossFit = cross_fit(
                *scaled,
                size=size,
                step_size=step_size,
                most_knots=self.max_knots,
                folds=folds,
                on_progress=self.on_progress,
            )
        self.path_, chosen = self._cross.path, self._cross.path[self._cross.chosen]
        self.n_knots_: int = chosen.n_knots
        self.step_size_: float = step_size or chosen.largest_step
        squares = self._unit**2
        self.cv_errors_: dict[int, float] = {
            minimum.n_knots: float(error) * squares
            for minimum, error in zip(self.path_, self._cross.errors, strict=True)
        }
        self.spline_: LinearSpline = mean_spline(self._cross.splines) if self.average else chosen.spline
        self.network_: ReluNetwork = self.spline_.network(scaled[0], weights)
        self.stability_: StabilityReport = stability_report(
            chosen.network, scaled[0], scaled[1], self.step_size_, weights=weights
        )
        self._inputs, self._weights = scaled[0], weights
        self._read_out()
        return self

    def _values(self, points: Vector) -> Vector:
        return self.spline_(points)

    def _interval(self, points: Vector, level: float) -> tuple[Vector, Vector]:
        lower, upper = self._cross.interval(points, level)
        outside = np.abs(points) > 1 + 1e-12
        lower[outside], upper[outside] = -np.inf, np.inf
        return lower, upper

    def boundary_risk(self, X: ArrayLike) -> Vector:
        """Return how weakly the data constrain the fit: 1 where best supported, infinite outside the data.

        It grows towards both ends of the data, and does not detect gaps between them.

        Parameters
        ----------
        X : array_like, shape (k,) or (k, 1)

        Returns
        -------
        ndarray, shape (k,)
            The largest weight g divided by the weight at each input; only g penalises small changes of slope.
        """
        check_is_fitted(self)
        grid, shares = np.linspace(-1, 1, 401), self._weights
        best = float(variation_weight(self._inputs, grid, weights=shares).max())
        with np.errstate(divide="ignore"):
            risk: Vector = best / variation_weight(self._inputs, self._points(X), weights=shares)
        return risk

    def report(self, path: str | PathLike[str], names: tuple[str, str] = ("x", "y")) -> None:
        """Write an HTML page; `names` are the names of the variables."""
        from lowland.report.page import write_report

        write_report(path, self._page(names))

    def _page(self, names: tuple[str, str] = ("x", "y")) -> Page:
        from lowland.networks.splines.pages import regression_page

        check_is_fitted(self)
        return regression_page(self, names)

    def _budget(self) -> float | None:
        """Return the step size at which minima must be stable, or None for all minima."""
        if isinstance(self.step_size, str):
            if self.step_size != "auto":
                raise InvalidInputError('step_size must be positive or "auto"', repr(self.step_size))
            return None
        check_positive("step_size", self.step_size)
        return float(self.step_size)

    def _read(
        self, X: ArrayLike, y: ArrayLike, sample_weight: Any
    ) -> tuple[Vector, Vector, Vector, Mask, float]:
        """Return the points that are used, their weights, which they are, and how many these count for."""
        x, values = check_X_y(_column(X), y, dtype=np.float64, y_numeric=True)
        self.n_features_in_: int = _one_feature(x)
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64)
        if np.any(weights < 0):
            raise InvalidInputError("sample_weight must not be negative", f"{weights.min():g}")
        count = float(weights.sum()) if np.all(weights == np.rint(weights)) else None
        weights = weights / (weights.max() or 1.0)
        used = weights > 0
        x, values, weights = x[used, 0], values[used], weights[used]
        if x.size < 3:
            raise InvalidInputError("a spline needs at least three points", f"n_samples = {x.size}")
        if np.ptp(x) == 0:
            raise InvalidInputError("X must have at least two distinct numbers", f"only {x[0]:g}")
        check_scale("X", x)
        self.x_, self.y_ = x, values
        weights = weights / weights.sum()
        return x, values, weights, used, float(1 / np.sum(weights**2)) if count is None else count

    def _points(self, X: ArrayLike) -> Vector:
        x = check_array(_column(X), dtype=np.float64)
        _one_feature(x)
        scaled: Vector = (x[:, 0] - self._shift) / self._scale
        return scaled

    def _read_out(self) -> None:
        spline = self.spline_
        self.variation_: float = variation_of_knots(self._inputs, spline.knots, spline.jumps, self._weights)
        self.knots_: Vector = self._shift + self._scale * spline.knots
        self.slopes_: Vector = spline.slopes * self._unit / self._scale
        places = np.r_[self.support_[0], self.knots_, self.support_[1]]
        near = NEAR_ERROR * np.sqrt(self.cv_errors_[self.n_knots_])
        self.effective_knots_ = simplified_knots(places, self._mean + self._unit * spline.values, near)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


# smaller changes of the spline, as a fraction of the held-out error, are neglected
NEAR_ERROR = 0.5


def _column(X: ArrayLike) -> Matrix:
    array = np.asarray(X)
    return array[:, None] if array.ndim == 1 else array


def _one_feature(x: Matrix) -> int:
    if x.shape[1] != 1:
        raise InvalidInputError(
            "X must have one feature",
            f"{x.shape[1]} feature(s)",
            fix="pass one column; this is regression in one variable",
        )
    return 1
