"""Skewed columns of nonnegative numbers, and shares, as square roots or logarithms, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError

# exponents that are compared with one; 0 is the logarithm
EXPONENTS = (0.5, 0.0)
# distinct values that a skewed column has at least, and by how much its log likelihood must be higher
LEAST_DISTINCT, LEAST_GAIN = 5, 2.0
# columns with smaller positive numbers, or larger ones, are not looked at
SMALLEST, LARGEST = 1e-150, 1e150
# what shares are shares of, and how near the largest known one comes to it
WHOLES, NEAR = (1.0, 100.0), 0.9
# how many times the largest known number is read at most, and by which share of the range means see beyond it
READ, BEYOND = 3.0, 0.1
# nodes of the quadrature over a normal law, in standard deviations, and their weights
NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@final
@dataclass(frozen=True)
class Power:
    """A column of nonnegative numbers as square roots or logarithms (Box and Cox 1964).

    Shares of a whole are folded (Mosteller and Tukey 1977): the root or logarithm of a share, minus that
    of the rest. Folded logarithms are logits.

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
    whole : float
        What shares are shares of; 0 for numbers without a bound.
    rest_shift, least_rest : float
        What `shift` and `lowest` are for the rests of shares.
    """

    exponent: float
    shift: float
    lowest: float
    highest: float
    centre: float
    spread: float
    whole: float = 0.0
    rest_shift: float = 0.0
    least_rest: float = 0.0

    @classmethod
    def of(cls, values: Vector) -> Power | None:
        """Return the likeliest power of a column's known values, None if the values are as likely themselves.

        They count as draws from one normal law; the likelihoods of powers include the Jacobian.
        """
        return cls._likeliest(values, 0.0)

    @classmethod
    def of_shares(cls, values: Vector) -> Power | None:
        """Return the likeliest folded power of values, None if they are no shares or as likely otherwise."""
        largest = float(np.max(values, initial=0.0))
        whole = next((one for one in WHOLES if NEAR * one <= largest <= one), None)
        folded = None if whole is None else cls._likeliest(values, whole)
        if folded is None:
            return None
        plain = cls._likeliest(values, 0.0)
        return folded if plain is None or folded.gain(values) > plain.gain(values) + LEAST_GAIN else None

    @classmethod
    def _likeliest(cls, values: Vector, whole: float) -> Power | None:
        x = np.asarray(values, np.float64)
        if x.size < LEAST_DISTINCT or x.min() < 0 or np.unique(x).size < LEAST_DISTINCT:
            return None
        shift, lowest = _ends(x)
        others = (whole, *_ends(whole - x)) if whole else (0.0, 0.0, 0.0)
        if min(shift + lowest, sum(others[1:]) or 1.0) < SMALLEST / 2 or x.max() > LARGEST:
            return None
        ends = shift, lowest, float(x.max())
        candidates = [cls(exponent, *ends, 0.0, 1.0, *others) for exponent in EXPONENTS]
        gains = [power.gain(x) for power in candidates]
        best = candidates[int(np.argmax(gains))]
        if not max(gains) > LEAST_GAIN:
            return None
        written = best.write(x)
        return replace(best, centre=float(written.mean()), spread=float(written.std()))

    def gain(self, values: Vector) -> float:
        """Return by how much the log likelihood of numbers is higher as they are written than as they are."""
        spreads = float(self.write(values).std()), float(np.std(values))
        if min(spreads) <= 0:
            return -np.inf
        return float(values.size * np.log(spreads[1] / spreads[0]) + np.sum(self.log_slope(values)))

    @property
    def name(self) -> str:
        """What its numbers are written as."""
        if self.whole:
            return "folded square root" if self.exponent else "logit"
        return "square root" if self.exponent else "logarithm"

    def write(self, values: Vector) -> Vector:
        """Return numbers as roots or logarithms."""
        there, rest = (np.sqrt(part) if self.exponent else np.log(part) for part in self._parts(values))
        return np.asarray(there - rest if self.whole else there)

    def log_slope(self, values: Vector) -> Vector:
        """Return the logarithm of the derivative of `write`."""
        there, rest = (0.5 / np.sqrt(part) if self.exponent else 1 / part for part in self._parts(values))
        return np.asarray(np.log(there + rest if self.whole else there))

    def _parts(self, values: Vector) -> tuple[Vector, Vector]:
        """Return what roots or logarithms are taken of: numbers, and the rest of the whole, 1 without one."""
        x = np.maximum(np.asarray(values, np.float64), self.lowest)
        if not self.whole:
            return x + self.shift, np.ones_like(x)
        return x + self.shift, np.maximum(self.whole - x, self.least_rest) + self.rest_shift

    def read(self, written: Vector) -> Vector:
        """Return the numbers of roots or logarithms: at most the whole, or a few times the largest known."""
        return self._read(written, self.whole or READ * self.highest)

    def check(self, values: Vector) -> None:
        """Raise InvalidInputError if values are not what the column holds.

        They must not be negative, nor larger than the whole.
        """
        least, most = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if least < 0 or (self.whole and most > self.whole):
            raise InvalidInputError(
                "a value lies beyond its column, which is fitted as roots or logarithms",
                f"{least if least < 0 else most:g}",
                f"it holds shares from 0 to {self.whole:g}" if self.whole else "it holds numbers from 0 on",
                "leave the cell missing, or fit again",
            )

    def renewed(self, values: Vector) -> Power:
        """Return the same power for values of which some may lie beyond those known before.

        Raises InvalidInputError if they are not what the column holds.
        """
        self.check(values)
        lowest, rest = (
            float(np.min(part[part > 0] / 2, initial=least))
            for part, least in ((values, self.lowest), (self.whole - values, self.least_rest))
        )
        return replace(self, lowest=lowest, least_rest=rest, highest=float(values.max(initial=self.highest)))

    def anew(self, values: Vector) -> Power:
        """Return the same power with the shifts and least numbers of values that are fitted again.

        Raises InvalidInputError if they are not what the column holds.
        """
        self.check(values)
        x = np.asarray(values, np.float64)
        shift, lowest = _ends(x)
        rest_shift, least_rest = _ends(self.whole - x) if self.whole else (0.0, 0.0)
        ends = {"shift": shift, "lowest": lowest, "rest_shift": rest_shift, "least_rest": least_rest}
        again = replace(self, **ends, highest=float(x.max()))
        written = again.write(x)
        return replace(again, centre=float(written.mean()), spread=float(written.std()))

    def _read(self, written: Vector, most: float) -> Vector:
        low, high = self.write(np.array([self.lowest, most]))
        inside = np.clip(written, low, high)
        total = self.whole + self.shift + self.rest_shift
        if self.whole and self.exponent:
            numbers = total / 2 + inside * np.sqrt(np.maximum(2 * total - inside**2, 0.0)) / 2
        elif self.whole:
            numbers = total / (1 + np.exp(-inside))
        else:
            numbers = inside**2 if self.exponent else np.exp(inside)
        numbers = np.maximum(numbers - self.shift, 0.0)
        # an interval down to zero holds zero, whatever rounding makes of its end
        numbers = np.where(inside > low, numbers, self.lowest)
        return np.where(inside < high, numbers, self.whole - self.least_rest) if self.whole else numbers

    def expect(self, written: Vector, spreads: Vector) -> tuple[Vector, Vector]:
        """Return means and standard deviations of numbers whose written ones are normal.

        Numbers count as at most a little larger than the largest known one: the far end of a normal law of
        logarithms says nothing of what there is, and would rule the mean.

        Parameters
        ----------
        written, spreads : ndarray, shape (...)
            Means and standard deviations of roots or logarithms.
        """
        return self.expect_at(np.asarray(written)[..., None] + np.asarray(spreads)[..., None] * NODES)

    def expect_at(self, places: Vector) -> tuple[Vector, Vector]:
        """Return the same from what is written at the nodes of a normal law, shape (..., nodes)."""
        drawn = self._read(places, self.whole or self.highest + BEYOND * (self.highest - self.lowest))
        mean = drawn @ _WEIGHTS
        return mean, np.sqrt(np.maximum((drawn - mean[..., None]) ** 2 @ _WEIGHTS, 0.0))


def _ends(parts: Vector) -> tuple[float, float]:
    """Return what is added to parts, and the least one that is written: half the smallest positive one."""
    half = float(parts[parts > 0].min(initial=np.inf)) / 2
    return (half, 0.0) if parts.min() <= 0 else (0.0, half)
