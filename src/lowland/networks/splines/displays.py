"""Plots of univariate fits: data, spline and knots; and how strongly the inputs constrain the fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from lowland.networks.splines.minima_path import Minimum
    from lowland.networks.splines.stability import StabilityReport
    from lowland.networks.splines.stable_fit import StableFit
    from lowland.report.figures import Axes

_POINTS = 400


class SplineEstimator(Protocol):
    """A fitted estimator of a linear spline, in scikit-learn's manner."""

    average: bool
    x_: Vector
    y_: Vector
    support_: tuple[float, float]
    step_size_: float
    cv_errors_: Mapping[int, float]
    variation_: float
    knots_: Vector
    slopes_: Vector
    effective_knots_: Vector

    @property
    def path_(self) -> Sequence[Minimum]:
        """Minima on all points, scaled."""

    @property
    def n_knots_(self) -> int:
        """Number of knots of the chosen minimum."""

    @property
    def stability_(self) -> StabilityReport:
        """Stability of the chosen minimum, scaled."""

    def predict(self, X: ArrayLike) -> Vector:
        """Return the spline at X, shape (m,)."""

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> tuple[Vector, Vector]:
        """Return lower and upper ends of intervals at X, each of shape (m,)."""

    def boundary_risk(self, t: ArrayLike, /) -> Vector:
        """Return how little the data constrain a change of slope at t, shape (m,)."""


@public("lowland.displays")
@final
@dataclass(repr=False)
class SplineDisplay:
    """Data, the fitted linear spline, its knots, and intervals if available.

    Parameters
    ----------
    x, y : ndarray
        Data.
    grid, fitted : ndarray
        The spline on an ascending grid.
    knots : ndarray
        Where the slope of the spline changes.
    lower, upper : ndarray, optional
        Intervals over the grid.
    names : tuple of str
        Names of the two axes.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import SplineDisplay
    >>> x = np.linspace(-1, 1, 40)
    >>> fit = ll.networks.fit_stable(x, np.abs(x), step_size=0.4, width=20, n_runs=4, n_steps=5000, rng=0)
    >>> display = SplineDisplay.from_fit(fit)
    >>> [text.get_text() for text in display.plot().ax_.get_legend().get_texts()]
    ['data', 'spline', 'knots']
    """

    x: Vector
    y: Vector
    grid: Vector
    fitted: Vector
    knots: Vector
    lower: Vector | None = None
    upper: Vector | None = None
    names: tuple[str, str] = ("x", "y")
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_estimator(cls, model: SplineEstimator, names: tuple[str, str] = ("x", "y")) -> SplineDisplay:
        """Take a fitted `StableSplineRegressor`, with its 90 % intervals."""
        grid = np.unique(np.r_[np.linspace(model.support_[0], model.support_[1], _POINTS), model.knots_])
        lower, upper = model.predict_interval(grid)
        knots = model.effective_knots_
        return cls(
            x=model.x_,
            y=model.y_,
            grid=grid,
            fitted=model.predict(grid),
            knots=knots,
            lower=lower,
            upper=upper,
            names=names,
        )

    @classmethod
    def from_fit(cls, fit: StableFit) -> SplineDisplay:
        """Take a `StableFit`."""
        low, high = float(fit.x.min()), float(fit.x.max())
        inside = fit.stability.knots[(fit.stability.knots > low) & (fit.stability.knots < high)]
        grid = np.unique(np.r_[np.linspace(low, high, _POINTS), inside])
        return cls(fit.x, fit.y, grid, fit(grid), fit.knots)

    def plot(self, ax: Axes | None = None) -> SplineDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        if self.lower is not None and self.upper is not None and np.isfinite(self.lower).any():
            self.ax_.fill_between(
                self.grid, self.lower, self.upper, color=ACCENT, alpha=0.25, lw=0, label="90 % interval"
            )
        self.ax_.plot(self.x, self.y, ".", color=FAINT, ms=4, label="data")
        self.ax_.plot(self.grid, self.fitted, color=ACCENT, lw=2, label="spline")
        if self.knots.size:
            at = np.interp(self.knots, self.grid, self.fitted)
            self.ax_.plot(self.knots, at, "o", color=SECOND, ms=5, label="knots")
        self.ax_.set(xlabel=self.names[0], ylabel=self.names[1])
        self.ax_.legend()
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class BoundaryRiskDisplay:
    """The weight of a change of slope at stable minima: small where the data hardly constrain the fit.

    Parameters
    ----------
    grid, weight : ndarray
    x : ndarray
        Inputs.
    name : str
        Name of the horizontal axis.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import BoundaryRiskDisplay
    >>> network = ll.networks.ReluNetwork(([[1.0]], [2.0]), ([0.5], [0.0]))
    >>> x = np.linspace(-1, 1, 21)
    >>> display = BoundaryRiskDisplay.from_report(ll.networks.stability_report(network, x, x, step_size=0.5))
    >>> bool(abs(display.grid[display.weight.argmax()]) < 0.1), float(display.weight[0])
    (True, 0.0)
    """

    grid: Vector
    weight: Vector
    x: Vector
    name: str = "x"
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_estimator(cls, model: SplineEstimator, name: str = "x") -> BoundaryRiskDisplay:
        """Take a fitted `StableSplineRegressor`: the weight relative to its largest value."""
        grid = np.linspace(model.support_[0], model.support_[1], _POINTS)
        return cls(grid, 1 / model.boundary_risk(grid), model.x_, name)

    @classmethod
    def from_report(cls, report: StabilityReport) -> BoundaryRiskDisplay:
        """Take a `StabilityReport`."""
        grid = np.linspace(float(report.x.min()), float(report.x.max()), _POINTS)
        return cls(grid, 1 / report.boundary_risk(grid), report.x)

    def plot(self, ax: Axes | None = None) -> BoundaryRiskDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.plot(self.grid, self.weight, color=ACCENT)
        self.ax_.plot(self.x, np.zeros(self.x.size), "|", color=FAINT)
        self.ax_.set(xlabel=self.name, ylabel="weight of a change of slope")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class EdgeDisplay:
    """Sharpness of every run over its steps, with the limit 2 over the step size.

    Parameters
    ----------
    steps : ndarray, shape (looks,)
    sharpness : ndarray, shape (looks, runs)
    limit : float

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import EdgeDisplay
    >>> x = np.linspace(-1, 1, 40)
    >>> settings = dict(step_size=0.4, width=20, n_runs=4, n_steps=5000, track=True, rng=0)
    >>> display = EdgeDisplay.from_fit(ll.networks.fit_stable(x, np.abs(x), **settings))
    >>> display.limit, bool(np.all(display.sharpness[-1] < 1.02 * display.limit))
    (5.0, True)
    """

    steps: Vector
    sharpness: Vector
    limit: float
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_fit(cls, fit: StableFit) -> EdgeDisplay:
        """Take a `StableFit` made with `track=True`."""
        track = fit.runs.track
        if track is None:
            fix = "fit again with track=True"
            raise InvalidInputError("the fit must have a track of its sharpness", "none", fix=fix)
        return cls(track.steps.astype(float), track.sharpness, 2 / fit.step_size)

    def plot(self, ax: Axes | None = None) -> EdgeDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.plot(self.steps, self.sharpness, color=ACCENT, lw=0.8, alpha=0.7)
        self.ax_.axhline(self.limit, color=SECOND, ls="--", label="2 / step size")
        self.ax_.set(xlabel="steps", ylabel="sharpness (Gauss-Newton)", yscale="log")
        self.ax_.legend()
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class KnotsDisplay:
    """Changes of slope at the knots of a function.

    Parameters
    ----------
    places, jumps : ndarray

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.displays import KnotsDisplay
    >>> hat = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -2.0]), ([-0.5, -1.5], None))
    >>> report = ll.networks.stability_report(hat, [-1, 0, 1, 2], [0, 0, 1, 1], step_size=0.5)
    >>> display = KnotsDisplay.from_report(report)
    >>> display.places.tolist(), display.jumps.tolist()
    ([0.5, 1.5], [1.0, -2.0])
    """

    places: Vector
    jumps: Vector
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_report(cls, report: StabilityReport) -> KnotsDisplay:
        """Take the knots of a `StabilityReport` that lie within the data."""
        inside = (report.knots > report.x.min()) & (report.knots < report.x.max())
        return cls(report.knots[inside], report.jumps[inside])

    def plot(self, ax: Axes | None = None) -> KnotsDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.vlines(self.places, 0, self.jumps, color=ACCENT)
        self.ax_.plot(self.places, self.jumps, ".", color=ACCENT)
        self.ax_.axhline(0, color=FAINT, lw=0.7)
        self.ax_.set(xlabel="x", ylabel="change of slope")
        return self
