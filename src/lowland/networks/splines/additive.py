"""`AdditiveSpline`: a sum of linear splines, one per input that matters, and its ReLU network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.networks.network import ReluNetwork, two_layer
from lowland.networks.splines.level_splines import has_levels
from lowland.networks.splines.minima_path import spline_paths

# knots of the spline of each input, None for inputs that have none: they do not matter
Knots: TypeAlias = tuple[Vector | None, ...]
# singular values below this share of the largest count as zero: inputs that are nearly sums of others
COLLINEAR = 1e-8
# penalties tried, relative to the number of points
PENALTIES = np.geomspace(1e-6, 1e3, 37)
# most rounds in which knots move, and the relative gain below which they rest
ROUNDS, GAIN = 6, 1e-4


@final
@dataclass(frozen=True, eq=False)
class AdditiveSpline:
    """A sum of continuous piecewise linear functions of one input each.

    Parameters
    ----------
    knots : tuple of ndarray or None
        For each input, where its function bends; none for inputs that do not matter.
    coefficients : ndarray
        The intercept; then for each input that matters its first slope, and the changes at its knots.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.networks.splines.additive import AdditiveSpline
    >>> spline = AdditiveSpline((np.array([0.0]), None, np.array([])), np.array([1.0, -1.0, 2.0, 5.0]))
    >>> points = np.array([[-2.0, 9.0, 0.0], [3.0, 9.0, 0.1]])  # 1 + |first| + 5 times the last
    >>> spline(points), spline.network()(points)
    (array([3. , 4.5]), array([3. , 4.5]))
    """

    knots: Knots
    coefficients: Vector

    @property
    def used(self) -> list[int]:
        """Inputs that matter."""
        return [j for j, knots in enumerate(self.knots) if knots is not None]

    def __call__(self, inputs: Matrix) -> Vector:
        """Return the values, shape (n,)."""
        values: Vector = features(inputs, self.knots) @ self.coefficients
        return values

    def components(self, inputs: Matrix) -> Matrix:
        """Return what each input adds to the intercept, shape (n, d)."""
        components, first = np.zeros(inputs.shape), 1
        columns = features(inputs, self.knots)
        for j in self.used:
            last = first + 1 + len(self._knots(j))
            components[:, j] = columns[:, first:last] @ self.coefficients[first:last]
            first = last
        return components

    def network(self) -> ReluNetwork:
        """Return the two-layer network that computes it: two neurons per slope, one per knot."""
        inner, bias, outer, place = [], [], [], 1
        for j in self.used:
            axis = np.eye(len(self.knots))[j]
            slope = self.coefficients[place]
            inner += [axis, -axis]
            bias += [0.0, 0.0]
            outer += [slope, -slope]
            for knot, jump in zip(self._knots(j), self.coefficients[place + 1 :], strict=False):
                inner.append(axis)
                bias.append(-float(knot))
                outer.append(jump)
            place += 1 + len(self._knots(j))
        if not outer:
            inner, bias, outer = [np.zeros(len(self.knots))], [-1.0], [0.0]
        return two_layer(np.array(inner), np.array(bias), np.array(outer), float(self.coefficients[0]))

    def _knots(self, j: int) -> Vector:
        knots = self.knots[j]
        assert knots is not None
        return knots


def features(inputs: Matrix, knots: Knots) -> Matrix:
    """Return ones, and for each input that matters itself and its part beyond each knot."""
    columns = [np.ones(len(inputs))]
    for x, bends in zip(inputs.T, knots, strict=True):
        if bends is not None:
            columns += [x, *(np.maximum(x - knot, 0.0) for knot in bends)]
    return np.stack(columns, axis=1)


def least_squares(inputs: Matrix, targets: Vector, knots: Knots) -> AdditiveSpline:
    """Return the sum of splines with given knots that fits best; the shortest where several do."""
    coefficients = np.linalg.lstsq(features(inputs, knots), targets, rcond=COLLINEAR)[0]
    return AdditiveSpline(knots, coefficients)


def shrunk(inputs: Matrix, targets: Vector, knots: Knots) -> AdditiveSpline:
    """Return the sum of splines with given knots and the penalty of generalised cross-validation.

    The penalty is on the squares of all coefficients but the intercept, of features of unit variance.
    """
    columns = features(inputs, knots)[:, 1:]
    middle, spread = columns.mean(axis=0), columns.std(axis=0)
    left, values, right = np.linalg.svd(
        (columns - middle) / np.where(spread > 0, spread, 1.0), full_matrices=False
    )
    values = np.where(values > COLLINEAR * values.max(initial=0.0), values, 0.0)
    away = targets - targets.mean()
    along, n = left.T @ away, len(targets)
    kept = values**2 / (values**2 + n * PENALTIES[:, None])  # penalties by directions
    left_over = away @ away - (along**2 * (2 * kept - kept**2)).sum(axis=1)
    score = left_over / np.maximum(1 - (1 + kept.sum(axis=1)) / n, 1 / n) ** 2
    best = kept[int(np.argmin(score))]
    scaled = right.T @ np.divide(best * along, values, out=np.zeros(values.size), where=values > 0)
    slopes = np.divide(scaled, spread, out=np.zeros(spread.size), where=spread > 0)
    return AdditiveSpline(knots, np.r_[targets.mean() - middle @ slopes, slopes])


def straightened(knots: Knots) -> Knots:
    """Return the same knots, and a straight part for every input."""
    return tuple(np.zeros(0) if bends is None else bends for bends in knots)


def moved(inputs: Matrix, targets: Vector, spline: AdditiveSpline) -> AdditiveSpline:
    """Return a sum of splines with as many knots, moved to where they fit better.

    Input by input its spline is fitted anew to what the others leave over; then all coefficients at once.
    """
    best = least_squares(inputs, targets, spline.knots)
    loss = _loss(inputs, targets, best)
    counts = [None if bends is None else bends.size for bends in spline.knots]
    now, before = best, loss
    for _ in range(ROUNDS):
        knots, parts = list(now.knots), centred(now.components(inputs))
        for j, count in enumerate(counts):
            if not count or has_levels(inputs[:, j]):  # levels do not move
                continue
            rest = remainder(targets, parts, j)
            knots[j], parts[:, j] = _bent(inputs[:, j], rest, count)
        now = least_squares(inputs, targets, tuple(knots))
        after = _loss(inputs, targets, now)
        if after < loss:
            best, loss = now, after
        if after > before * (1 - GAIN):
            break
        before = after
    return best


def centred(parts: Matrix) -> Matrix:
    """Return the parts with means of zero."""
    return np.asarray(parts - parts.mean(axis=0))


def remainder(targets: Vector, parts: Matrix, j: int) -> Vector:
    """Return the targets minus all parts but one, centred."""
    rest: Vector = targets - targets.mean() - parts.sum(axis=1) + parts[:, j]
    return rest


def _bent(x: Vector, rest: Vector, count: int) -> tuple[Vector, Vector]:
    """Return knots, at most so many, and values of the spline that fits, their mean zero."""
    even = np.full((1, x.size), 1 / x.size)
    ((splines, _),) = spline_paths(x, rest, even, count)
    values = splines[-1](x)
    return splines[-1].knots, values - values.mean()


def _loss(inputs: Matrix, targets: Vector, spline: AdditiveSpline) -> float:
    return float(np.mean((targets - spline(inputs)) ** 2))


def mean_of(splines: Sequence[AdditiveSpline], inputs: Matrix) -> Vector:
    """Return the mean of the values of several."""
    values: Vector = np.mean([spline(inputs) for spline in splines], axis=0)
    return values
