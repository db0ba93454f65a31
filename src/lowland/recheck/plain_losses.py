"""Pointwise losses, written again: values, slopes, curvatures and conjugates of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector

KINDS = ("squared", "poisson", "binomial", "log-Poisson", "clipped", "ordinal")
# halvings in the search for the point at which a loss has a given slope
HALVINGS = 200


@final
@dataclass(frozen=True)
class PlainLoss:
    """One loss of a prediction z and a datum y.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    numbers : tuple of float
        Lowest and highest slope and width of "clipped"; thresholds of "ordinal".
    """

    kind: str
    numbers: tuple[float, ...] = ()

    @property
    def is_squared(self) -> bool:
        """Whether it is half the squared error."""
        return self.kind == "squared"

    @property
    def vanishes_at_data(self) -> bool:
        """Whether the loss is zero where the prediction is the datum."""
        return self.kind not in ("log-Poisson", "ordinal")

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the loss of each datum."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(z, y))

    def _value(self, z: Vector, y: Vector) -> Any:
        if self.kind == "squared":
            return (z - y) ** 2 / 2
        if self.kind == "poisson":  # y (d - log(1 + d)) with d = (z - y) / y keeps its digits
            apart = (z - y) / np.where(y > 0, y, 1.0)
            inside = np.where(y > 0, y * (apart - np.log1p(apart)), z)
            return np.where((z > 0) | ((z == 0) & (y == 0)), inside, np.inf)
        if self.kind == "binomial":
            return _entropy(y, z) + _entropy(1 - y, 1 - z)
        if self.kind == "log-Poisson":
            d = z - np.log(np.where(y > 0, y, 1.0))
            return np.where(y > 0, y * (np.expm1(d) - d), np.exp(z))
        if self.kind == "clipped":
            slope = self.slope(z, y)
            return slope * (z - y) - self.numbers[2] * slope**2 / 2
        below, above = self._edges(y)
        gap = np.where(np.isfinite(below) & np.isfinite(above), above - below, np.inf)
        return np.logaddexp(0, z - above) + np.logaddexp(0, below - z) - np.log(-np.expm1(-gap))

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return the first derivative in z."""
        with np.errstate(all="ignore"):
            return np.asarray(self._slope(z, y))

    def _slope(self, z: Vector, y: Vector) -> Any:
        if self.kind == "squared":
            return z - y
        if self.kind == "poisson":
            return 1 - np.where(y == 0, 0.0, y / z)
        if self.kind == "binomial":
            return np.where(y == 1, 0.0, (1 - y) / (1 - z)) - np.where(y == 0, 0.0, y / z)
        if self.kind == "log-Poisson":
            return np.exp(z) - y
        if self.kind == "clipped":
            lowest, highest, width = self.numbers
            return np.clip((z - y) / width, lowest, highest)
        below, above = self._edges(y)
        return _logistic(z - above) - _logistic(below - z)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return the second derivative in z."""
        with np.errstate(all="ignore"):
            return np.asarray(self._curvature(z, y))

    def _curvature(self, z: Vector, y: Vector) -> Any:
        if self.kind == "squared":
            return np.ones_like(z)
        if self.kind == "poisson":
            return np.where(y == 0, 0.0, y / z**2)
        if self.kind == "binomial":
            return np.where(y == 1, 0.0, (1 - y) / (1 - z) ** 2) + np.where(y == 0, 0.0, y / z**2)
        if self.kind == "log-Poisson":
            return np.exp(z)
        if self.kind == "clipped":
            lowest, highest, width = self.numbers
            return np.where((lowest < (z - y) / width) & ((z - y) / width < highest), 1 / width, 0.0)
        below, above = self._edges(y)
        p, q = _logistic(z - above), _logistic(below - z)
        return p * (1 - p) + q * (1 - q)

    def unfitted_slope(self, y: Vector) -> Vector:
        """Return the size of slopes when nothing is fitted, a natural unit of gradients."""
        if self.kind == "log-Poisson":
            return np.maximum(y, 1.0)
        return self.slope(np.zeros_like(y), y) if self.kind == "clipped" else np.ones_like(y)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return sup over z of s z - loss(z, y), infinite beyond the slopes that the loss can have."""
        with np.errstate(all="ignore"):
            return np.asarray(self._conjugate(s, y))

    def _conjugate(self, s: Vector, y: Vector) -> Any:
        if self.kind == "squared":
            return s * y + s**2 / 2
        if self.kind == "poisson":
            return np.where(s < 1, -y * np.log1p(-s), np.where((s == 1) & (y == 0), 0.0, np.inf))
        if self.kind == "clipped":
            lowest, highest, width = self.numbers
            return np.where((s >= lowest) & (s <= highest), s * y + width * s**2 / 2, np.inf)
        if self.kind == "log-Poisson":
            some, mean = y > 0, np.maximum(s + y, 0.0)
            counted = mean * np.log1p(s / np.where(some, y, 1.0)) + s * (np.log(np.where(some, y, 1.0)) - 1)
            counted = np.where(mean > 0, counted, -s + s * np.log(np.where(some, y, 1.0)))
            none = np.where(s > 0, s * np.log(np.where(s > 0, s, 1.0)), 0.0) - s
            return np.where(s + y >= 0, np.where(some, counted, none), np.inf)
        if self.kind == "binomial":
            return self._halved(s, y, np.zeros_like(y), np.ones_like(y))
        below, above = self._edges(y)
        first, last = np.isneginf(below), np.isposinf(above)
        t, edge = np.where(first, s, -s), np.where(first, above, below)
        outer = np.where((t >= 0) & (t <= 1), s * edge + _negentropy(t), np.inf)
        # between two thresholds the slope is within rounding of 1 once it is this far from both
        inner = self._halved(s, y, np.where(first, 0.0, below) - 800, np.where(last, 0.0, above) + 800)
        return np.where(first | last, outer, np.where(np.abs(s) < 1, inner, np.inf))

    def _halved(self, s: Vector, y: Vector, low: Vector, high: Vector) -> Vector:
        """Return the largest of s z - loss met while halving an interval to where the slope is s."""
        best = np.full_like(y, -np.inf)
        for _ in range(HALVINGS):
            z = (low + high) / 2
            best = np.fmax(best, s * z - self.value(z, y))
            up = self.slope(z, y) < s
            low, high = np.where(up, z, low), np.where(up, high, z)
        return best

    def _edges(self, y: Vector) -> tuple[Vector, Vector]:
        edges = np.concatenate([[-np.inf], self.numbers, [np.inf]])
        level = y.astype(np.intp)
        return edges[level], edges[level + 1]


SQUARED = PlainLoss("squared")


@final
@dataclass(frozen=True, eq=False)
class PlainLosses:
    """The loss `kinds[which_k]` of z_k + shift_k and y_k, for each datum k.

    Parameters
    ----------
    kinds : tuple of PlainLoss
    which : ndarray of int, shape (p,), optional
    shifts : ndarray, shape (p,), optional
    """

    kinds: tuple[PlainLoss, ...] = (SQUARED,)
    which: Indices | None = None
    shifts: Vector | None = None

    @property
    def is_squared(self) -> bool:
        """Whether all losses are squared, without shifts."""
        return self.which is None and self.kinds[0].is_squared

    @property
    def are_identities(self) -> bool:
        """Whether a prediction fits its datum best where it equals it."""
        return self.which is None and self.kinds[0].vanishes_at_data

    @property
    def vanish_at_data(self) -> bool:
        """Whether predictions equal to the data have zero loss."""
        return self.which is None and self.kinds[0].vanishes_at_data

    def each(self, what: str, z: Vector, y: Vector) -> Vector:
        """Return values, slopes or curvatures of all data."""
        function = {"value": PlainLoss.value, "slope": PlainLoss.slope, "curvature": PlainLoss.curvature}[
            what
        ]
        return self._joined(lambda kind, at: function(kind, self._moved(z)[at], y[at]), y)

    def conjugates(self, s: Vector, y: Vector) -> Vector:
        """Return the conjugates of all data."""
        total = self._joined(lambda kind, at: kind.conjugate(s[at], y[at]), y)
        return total if self.shifts is None else total - s * self.shifts

    def unfitted_slopes(self, y: Vector) -> Vector:
        """Return slopes when nothing is fitted; with shifts, those of predictions of zero."""
        if self.which is not None:
            return self.each("slope", np.zeros_like(y), y)
        return self.kinds[0].unfitted_slope(y)

    def _moved(self, z: Vector) -> Vector:
        return z if self.shifts is None else z + self.shifts

    def _joined(self, function: Any, y: Vector) -> Vector:
        which: NDArray[Any] = np.zeros(y.size, np.intp) if self.which is None else self.which
        out = np.empty(y.size)
        for k, kind in enumerate(self.kinds):
            at = np.flatnonzero(which == k)
            out[at] = function(kind, at)
        return out


def _entropy(y: Vector, z: Vector) -> Vector:
    inside = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / z), 0.0)
    return np.where((z > 0) | ((z == 0) & (y == 0)), inside, np.inf)


def _logistic(x: Vector) -> Vector:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _negentropy(t: Vector) -> Vector:
    inside = np.clip(t, 1e-300, 1 - 1e-16)
    negentropy = inside * np.log(inside) + (1 - t) * np.log1p(-inside)
    return np.asarray(np.where((t <= 0) | (t >= 1), 0.0, negentropy))
