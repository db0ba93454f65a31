"""`LinearSpline`: a continuous piecewise linear function, and a flat ReLU network that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.networks.certificates.sharpness import rescaling_bracket
from lowland.networks.network import ReluNetwork, two_layer

# distance from the data of the knot of the neuron that is active at all points, by half their range
OUTSIDE = 0.05
# distance, as a fraction of the range, below which knots of several splines are one in their mean
CLOSE = 1e-7


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False)
class LinearSpline:
    """A continuous piecewise linear function of one variable.

    Parameters
    ----------
    places : ndarray, shape (k + 2,)
        Ends of the data, and k knots between them, ascending.
    values : ndarray, shape (k + 2,)
        The function there; beyond the ends it goes on as a straight line.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.networks import LinearSpline
    >>> spline = LinearSpline(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0]))
    >>> spline(np.array([-1.0, 0.5, 5.0])), spline.slopes
    (array([-2.,  1.,  0.]), array([ 2. , -0.5]))
    """

    places: Vector
    values: Vector

    def __call__(self, t: Vector) -> Vector:
        """Return the values at t, shape (m,)."""
        inside, slopes = np.interp(t, self.places, self.values), self.slopes
        below, above = np.minimum(t - self.places[0], 0.0), np.maximum(t - self.places[-1], 0.0)
        value: Vector = inside + below * slopes[0] + above * slopes[-1]
        return value

    @property
    def knots(self) -> Vector:
        """Places between the ends, shape (k,)."""
        return self.places[1:-1]

    @property
    def slopes(self) -> Vector:
        """Slopes between the places, shape (k + 1,)."""
        slopes: Vector = np.diff(self.values) / np.diff(self.places)
        return slopes

    @property
    def jumps(self) -> Vector:
        """Changes of the slope at the knots, shape (k,)."""
        return np.diff(self.slopes)

    def network(self, x: Vector, weights: Vector) -> ReluNetwork:
        """Return a network that computes the function on the data, of small curvature of the loss.

        A knot may have two neurons, active on its left and on its right, and one neuron more may be active at
        all points. Their output weights are those of the smallest sum of what each adds to the lower bound on
        the curvature, and their scales those of `rescaling_bracket`.

        Parameters
        ----------
        x, weights : ndarray, shape (n,)
            Inputs, and their weights, which sum to 1.
        """
        low, high = float(self.places[0]), float(self.places[-1])
        margin = OUTSIDE * (high - low) / 2
        up, down = _cost(x - low + margin, x, weights), _cost(high + margin - x, x, weights)
        to_right = np.array([_cost(x - t, x, weights) for t in self.knots])
        to_left = np.array([_cost(t - x, x, weights) for t in self.knots])
        left, rest = _shares(self.jumps, self.slopes[0], to_left, to_right, min(up, down))
        right = self.jumps - left
        sign = 1.0 if up <= down else -1.0
        inner = np.concatenate([np.ones(left.size), -np.ones(left.size), [sign]])
        bias = np.concatenate([-self.knots, self.knots, [margin - low if up <= down else high + margin]])
        outer = np.concatenate([right, left, [sign * rest]])
        used = outer != 0
        if not used.any():  # a constant: one neuron that is never active
            return two_layer(np.zeros((1, 1)), np.full(1, -1.0), np.zeros(1), float(self.values[0]))
        inner, bias, outer = inner[used, None], bias[used], outer[used]
        offset = self.values[0] - two_layer(inner, bias, outer)(self.places[:1])[0]
        network = two_layer(inner, bias, outer, float(offset))
        return rescaling_bracket(network, x[:, None], weights).network


def mean_spline(splines: Sequence[LinearSpline]) -> LinearSpline:
    """Return the mean of splines over the range of all, with the knots of each; knots very close are one."""
    low, high = min(s.places[0] for s in splines), max(s.places[-1] for s in splines)
    close = CLOSE * (high - low)
    inner = np.unique(np.concatenate([s.knots for s in splines]))
    inner = inner[(inner > low + close) & (inner < high - close)]
    inner = inner[np.diff(inner, prepend=low) > close]
    places = np.r_[low, inner, high]
    return LinearSpline(places, np.mean([spline(places) for spline in splines], axis=0))


def _cost(height: Vector, x: Vector, weights: Vector) -> float:
    """Return the least curvature that a neuron of output weight one brings, up to a constant."""
    on = height > 0
    return float(np.hypot(weights @ on, weights @ (on * x)) * (weights @ np.maximum(height, 0.0)))


def _shares(
    jumps: Vector, slope: float, to_left: Vector, to_right: Vector, everywhere: float
) -> tuple[Vector, float]:
    """Return output weights of neurons that are active left of the knots, and the slope that is left over.

    They minimise sum_k (to_left_k |l_k| + to_right_k |jump_k - l_k|) + everywhere |rest|, with rest = slope
    + sum_k l_k. Without the last term each jump is made by the cheaper neuron alone; from there weights move,
    in the order of what a unit costs, as long as this is less than what it saves.
    """
    left = np.where(to_left < to_right, jumps, 0.0)
    rest = float(slope + left.sum())
    wanted = -np.sign(rest)
    moves = []
    for k, jump in enumerate(jumps):
        ahead = jump - left[k] if left[k] == 0 else -left[k]
        if np.sign(ahead) == wanted:
            moves.append((abs(to_left[k] - to_right[k]), k, abs(ahead)))
        moves.append((to_left[k] + to_right[k], k, np.inf))
    for cost, k, room in sorted(moves):
        if cost >= everywhere or rest == 0:
            break
        moved = wanted * min(room, abs(rest))
        left[k] += moved
        rest = 0.0 if room >= abs(rest) else rest + moved
    return left, rest
