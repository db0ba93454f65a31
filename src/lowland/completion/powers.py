"""Skewed columns of nonnegative numbers as square roots or logarithms, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Vector

# exponents that are compared with one; 0 is the logarithm
EXPONENTS = (0.5, 0.0)
# distinct values that a skewed column has at least, and by how much its log likelihood must be higher
LEAST_DISTINCT, LEAST_GAIN = 5, 2.0
# columns with smaller positive numbers, or larger ones, are not looked at
SMALLEST, LARGEST = 1e-150, 1e150
# how many times the largest known number is read at most, and by which share of the range means see beyond it
READ, BEYOND = 3.0, 0.1
# nodes of the quadrature over a normal law, in standard deviations, and their weights
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@final
@dataclass(frozen=True)
class Power:
    """A column of nonnegative numbers as square roots or logarithms (Box and Cox 1964).

    Parameters
    ----------
    exponent : float
        0.5, or 0 for the logarithm.
    shift : float
        What is added to the numbers before: half the smallest positive one if some are zero.
    lowest, highest : float
        The least number that is written (half the smallest; smaller ones are written as it is), and the
        largest known one.
    centre, spread : float
        Mean and standard deviation of the known numbers as they are written.
    """

    exponent: float
    shift: float
    lowest: float
    highest: float
    centre: float
    spread: float

    @classmethod
    def of(cls, values: Vector) -> Power | None:
        """Return the likeliest power of a column's known values, None if the values are as likely themselves.

        They count as draws from one normal law; the likelihoods of powers include the Jacobian.
        """
        x = np.asarray(values, np.float64)
        if x.size < LEAST_DISTINCT or x.min() < 0 or np.unique(x).size < LEAST_DISTINCT:
            return None
        smallest, largest = float(x[x > 0].min()), float(x.max())
        if smallest < SMALLEST or largest > LARGEST:
            return None
        shift = 0.0 if x.min() > 0 else smallest / 2
        gains = {exponent: _gain(x + shift, exponent) for exponent in EXPONENTS}
        best = max(gains, key=gains.__getitem__)
        ends = (smallest / 2 if x.min() > 0 else 0.0), largest
        if not gains[best] > LEAST_GAIN:
            return None
        found = cls(best, shift, *ends, 0.0, 1.0)
        written = found.write(x)
        return cls(best, shift, *ends, float(written.mean()), float(written.std()))

    def write(self, values: Vector) -> Vector:
        """Return numbers as roots or logarithms."""
        above = np.maximum(np.asarray(values, np.float64), self.lowest) + self.shift
        return np.asarray(np.sqrt(above) if self.exponent else np.log(above))

    def log_slope(self, values: Vector) -> Vector:
        """Return the logarithm of the derivative of `write`."""
        above = np.maximum(np.asarray(values, np.float64), self.lowest) + self.shift
        return _log_slope(above, self.exponent)

    def read(self, written: Vector) -> Vector:
        """Return the numbers of roots or logarithms, at most a few times the largest known one."""
        return self._read(written, READ * self.highest)

    def renewed(self, values: Vector) -> Power:
        """Return the same power for values of which some may lie beyond those known before."""
        positive = values[values > 0]
        lowest = min(self.lowest, float(positive.min()) / 2) if positive.size else self.lowest
        return replace(self, lowest=lowest, highest=max(self.highest, float(values.max(initial=0.0))))

    def _read(self, written: Vector, most: float) -> Vector:
        low, high = self.write(np.array([self.lowest, most]))
        inside = np.clip(written, low, high)
        numbers = np.maximum((inside**2 if self.exponent else np.exp(inside)) - self.shift, 0.0)
        # an interval down to zero holds zero, whatever rounding makes of its end
        return np.where(inside > low, numbers, self.lowest)

    def expect(self, written: Vector, spreads: Vector) -> tuple[Vector, Vector]:
        """Return means and standard deviations of numbers whose written ones are normal.

        Numbers count as at most a little larger than the largest known one: the far end of a normal law of
        logarithms says nothing of what there is, and would rule the mean.

        Parameters
        ----------
        written, spreads : ndarray, shape (...)
            Means and standard deviations of roots or logarithms.
        """
        places = np.asarray(written)[..., None] + np.asarray(spreads)[..., None] * _NODES
        drawn = self._read(places, self.highest + BEYOND * (self.highest - self.lowest))
        mean = drawn @ _WEIGHTS
        return mean, np.sqrt(np.maximum((drawn - mean[..., None]) ** 2 @ _WEIGHTS, 0.0))


def _gain(x: Vector, exponent: float) -> float:
    """Return by how much the log likelihood of positive numbers is higher as powers than as they are."""
    written = np.sqrt(x) if exponent else np.log(x)
    spreads = float(written.std()), float(x.std())
    if min(spreads) <= 0:
        return -np.inf
    return float(x.size * np.log(spreads[1] / spreads[0]) + np.sum(_log_slope(x, exponent)))


def _log_slope(x: Vector, exponent: float) -> Vector:
    """Return the logarithm of the derivative of a power of positive numbers."""
    return np.asarray((exponent - 1) * np.log(x) + (np.log(exponent) if exponent else 0.0))
