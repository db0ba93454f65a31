"""`minima_path`: minima of the loss of small ReLU networks of one input, one neuron more at a time.

A minimum is continued by the neuron that can lower the loss most, and all neurons are moved to the next point
at rest. At such a point the Hessian is its Gauss-Newton part, which is never negative; so gradient descent
with step eta stays there if the largest eigenvalue is at most 2/eta (Qiao, Zhang, Singh, Soudry, Wang 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.networks.certificates.sharpness import largest_gauss_newton
from lowland.networks.kernels.minima_path import grow
from lowland.networks.network import ReluNetwork
from lowland.networks.splines.linear_spline import LinearSpline

# splines by number of knots, and their losses
Path: TypeAlias = tuple[list[LinearSpline], Vector]
# least number of points between neighbouring knots
APART = 3
# the step sizes given are smaller than 2 over the largest curvature by this fraction: that they are stable
# can be proved, also of them as they are written, with four digits
MARGIN = 1e-3


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False)
class Minimum:
    """A stationary point of the loss of a ReLU network of one input.

    Parameters
    ----------
    spline : LinearSpline
        What the network computes between the smallest and the largest input.
    network : ReluNetwork
    loss : float
        Half the weighted mean square of the residuals.
    largest_step : float
        Step size up to which the largest curvature allows gradient descent to stay: 2 over it, less a
        thousandth.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> x = np.linspace(-1, 1, 40)
    >>> path = ll.StableSplineRegressor(random_state=0).fit(x, np.abs(x)).path_
    >>> path[1].n_knots, path[1].loss < 1e-6, path[1].largest_step > 0.3
    (1, True, True)
    """

    spline: LinearSpline
    network: ReluNetwork
    loss: float
    largest_step: float

    @property
    def n_knots(self) -> int:
        """Number of knots."""
        return self.spline.knots.size


def spline_paths(x: Vector, y: Vector, weights: Matrix, most_knots: int) -> list[Path]:
    """Return splines with 0 to at most `most_knots` knots and their losses, for several weightings.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    weights : ndarray, shape (sets, n)
        Weights of the points, at least 0. If a set has a single distinct input, all fits are constants.
    most_knots : int

    Returns
    -------
    list of (list of LinearSpline, ndarray)
        Losses are half the mean squares of the residuals, weighted.

    Notes
    -----
    A fit of k knots costs O(n + k^3) for each of some tens of steps.
    """
    sets = [_distinct_points(x, y, w / w.sum()) for w in weights]
    counts = np.array([len(distinct[0]) for distinct in sets])
    most = int(max(0, min(most_knots, counts.max() // APART - 1)))  # of the largest set; `grow` looks at each
    ends = np.array([x.min(), x.max()])
    points, targets, shares = np.zeros((3, len(sets), max(2, counts.max())))
    for k, (n, distinct) in enumerate(zip(counts, sets, strict=True)):
        points[k, :n], targets[k, :n], shares[k, :n] = distinct[:3]
        if n == 1:  # a constant is a line through two equal values
            points[k, :2], targets[k, :2], shares[k, :2] = ends, distinct[1][0], 0.5
    counts = np.maximum(counts, 2)
    splines, losses, sizes = grow(points, targets, shares, counts, most, APART)
    return [
        (
            [LinearSpline(*splines[k, i, :, : i + 2].copy()) for i in range(sizes[k])],
            (losses[k, : sizes[k]] + sets[k][3]) / 2,
        )
        for k in range(len(sets))
    ]


def minima(
    x: Vector, weights: Vector, splines: Sequence[LinearSpline], losses: Vector
) -> tuple[Minimum, ...]:
    """Return splines as minima of networks, with the largest stable step of each."""
    shares = weights / weights.sum()
    path = []
    for spline, loss in zip(splines, losses, strict=True):
        network = spline.network(x, shares)
        curvature = largest_gauss_newton(network, x[:, None], shares)
        step = 2 / curvature * (1 - MARGIN) if curvature > 0 else np.inf
        path.append(Minimum(spline, network, float(loss), float(step)))
    return tuple(path)


def _distinct_points(x: Vector, y: Vector, weights: Vector) -> tuple[Vector, Vector, Vector, float]:
    """Return distinct inputs, ascending, their mean values and weights, and the square about the means."""
    used = weights > 0
    places, group = np.unique(x[used], return_inverse=True)
    shares: Vector = np.bincount(group, weights[used]).astype(float)
    means: Vector = np.bincount(group, weights[used] * y[used]) / shares
    return places, means, shares, float(weights[used] @ (y[used] - means[group]) ** 2)
