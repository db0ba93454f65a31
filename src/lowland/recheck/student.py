"""Quantiles of Student's t distribution by NumPy alone, for re-checks of intervals of means."""

from __future__ import annotations

from math import exp, lgamma, log, pi

import numpy as np

# nodes on [-1, 1], by which integrals of powers of cosines over part of a quarter turn have seven digits
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


def student_reach(level: float, degrees: float) -> float:
    """Return the t between whose negative and itself a share of Student's distribution lies.

    Parameters
    ----------
    level : float
        That share, between 0 and 0.99: further out, the nodes miss a part of the distribution.
    degrees : float
        Degrees of freedom, at least 1; they need not be whole.

    Notes
    -----
    The share is the integral of the density, which with t = sqrt(degrees) tan(angle) is a power of a cosine;
    it is bisected.
    """
    below, above = 0.0, 1.0
    while _share(above, degrees) < level:
        below, above = above, 2 * above
    while above - below > 1e-13 * above:
        middle = (below + above) / 2
        below, above = (middle, above) if _share(middle, degrees) < level else (below, middle)
    return (below + above) / 2


def _share(reach: float, degrees: float) -> float:
    """Return how much of the distribution lies between -reach and reach."""
    turn = float(np.arctan(reach / np.sqrt(degrees)))
    height = 2 * exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - log(pi) / 2)
    angles = turn * (NODES + 1) / 2
    return height * turn / 2 * float(WEIGHTS @ np.cos(angles) ** (degrees - 1))
