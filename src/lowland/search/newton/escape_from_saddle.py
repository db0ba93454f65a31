"""Leaving a saddle: the direction of most negative curvature, and a step along it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.search.lanczos import lanczos

# products with the Hessian: curvatures a thousandth of the largest in size are found by about thirty
MOST_PRODUCTS = 40
# curvatures less negative than this, relative to the largest, may be rounding
LEAST_CURVATURE = 1e-7
# share of the objective that the first step gains by the curvature alone; most changes of its length
FIRST_GAIN, MOST_CHANGES = 1e-6, 60


def step_off(
    product: Callable[[Vector], Vector],
    value_at: Callable[[Vector], float],
    theta: Vector,
    value: float,
    gradient: Vector,
    rng: np.random.Generator,
) -> tuple[Vector, float] | None:
    """Return a lower point along a direction of negative curvature and its value, or None if none is found.

    Parameters
    ----------
    product : callable
        Multiplies by the Hessian at the point.
    value_at : callable
        The objective.
    theta : ndarray, shape (size,)
        A point at which the gradient (almost) vanishes.
    value : float
        The objective there.
    gradient : ndarray, shape (size,)
    rng : numpy.random.Generator
        For the first vector of the Lanczos iteration.

    Notes
    -----
    A search for the lowest curvature can miss it: that no point is found does not show that the point
    is a minimum.
    """
    start = rng.standard_normal(theta.size).astype(theta.dtype)
    with np.errstate(all="ignore"):
        values, vectors, basis = lanczos(product, start, min(MOST_PRODUCTS, theta.size))
    lowest, largest = float(values[0]), float(np.abs(values).max())
    if not lowest < -LEAST_CURVATURE * largest or not value > 0:
        return None
    direction = (basis @ vectors[:, 0]).astype(theta.dtype)
    if direction @ gradient > 0:
        direction = -direction

    def at(length: float) -> tuple[Vector, float]:
        point = theta + theta.dtype.type(length) * direction
        return point, float(value_at(point))

    length = float(np.sqrt(2 * FIRST_GAIN * value / -lowest))
    point, reached = at(length)
    for _ in range(MOST_CHANGES):
        if value - reached >= 0.25 * length**2 * -lowest / 2:
            break
        length /= 2
        point, reached = at(length)
    else:
        return None
    if not reached < value:
        return None
    for _ in range(MOST_CHANGES):
        length *= 2
        farther, lower = at(length)
        if not lower < reached:
            break
        point, reached = farther, lower
    return point, reached
