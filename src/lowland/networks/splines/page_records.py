"""Protocols of what pages and displays read, so that they need not know who makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from numpy.typing import ArrayLike

from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate
from lowland.networks.certificates.sharpness import Sharpness
from lowland.networks.splines.descent import Runs


class HasBoundaryRisk(Protocol):
    """A function of one input on which the data put more weight in some places than in others."""

    def boundary_risk(self, t: ArrayLike, /) -> Vector:
        """Return how little the data constrain a change of slope at t, shape (m,)."""


class Stability(HasBoundaryRisk, Protocol):
    """The stability of a network of one input at a step size."""

    @property
    def step_size(self) -> float:
        """Step size of gradient descent."""

    @property
    def sharpness(self) -> Sharpness:
        """Curvature of the loss at the network."""

    @property
    def x(self) -> Vector:
        """Data points, shape (n,)."""

    @property
    def knots(self) -> Vector:
        """Where the slope jumps, shape (k,)."""

    @property
    def jumps(self) -> Vector:
        """By how much it jumps, shape (k,)."""

    @property
    def variation(self) -> float:
        """Weighted sum of the sizes of the jumps."""

    @property
    def certificate(self) -> Certificate:
        """Findings on the claim `stable_at_step_size`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know besides."""

    def facts(self) -> list[tuple[str, str]]:
        """Return the computed facts, as pairs of name and text."""


class DescentFit(Protocol):
    """A function fitted by several runs of gradient descent."""

    @property
    def x(self) -> Vector:
        """Data points, shape (n,)."""

    @property
    def y(self) -> Vector:
        """Values, shape (n,)."""

    @property
    def step_size(self) -> float:
        """Step size of the descent."""

    @property
    def runs(self) -> Runs:
        """All runs."""

    @property
    def collapsed(self) -> int:
        """Starts that lost all knots between data points."""

    @property
    def diverged(self) -> int:
        """Starts that exploded."""

    @property
    def restarts(self) -> int:
        """Number of restarts."""

    @property
    def message(self) -> str:
        """Why descent ended."""

    @property
    def stability(self) -> Stability:
        """Stability of the chosen network."""

    @property
    def knots(self) -> Vector:
        """Knots that the data can resolve."""

    def __call__(self, t: ArrayLike, /) -> Vector:
        """Return the fitted function at t."""


class PathMinimum(Protocol):
    """A minimum on a path of growing numbers of knots."""

    @property
    def n_knots(self) -> int:
        """Number of knots."""

    @property
    def largest_step(self) -> float:
        """Largest step size at which it is stable."""


class SplineEstimator(HasBoundaryRisk, Protocol):
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
    def path_(self) -> Sequence[PathMinimum]:
        """Minima on all points, scaled."""

    @property
    def n_knots_(self) -> int:
        """Number of knots of the chosen minimum."""

    @property
    def stability_(self) -> Stability:
        """Stability of the chosen minimum, scaled."""

    def predict(self, X: ArrayLike) -> Vector:
        """Return the spline at X, shape (m,)."""

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> tuple[Vector, Vector]:
        """Return lower and upper ends of intervals at X, each of shape (m,)."""
