"""Wishart draws by Bartlett's decomposition."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lowland.core.arrays import Matrix


@lru_cache(maxsize=64)  # hundreds of sweeps of a fit ask for the same
def _below(size: int) -> Matrix:
    """Return ones below the diagonal."""
    return np.tri(size, k=-1)


def wishart_root(size: int, degrees: float, rng: np.random.Generator) -> Matrix:
    """Return a lower triangular T for which T T^T has a Wishart law with an identity as its scale.

    Parameters
    ----------
    size : int
    degrees : float
        Degrees of freedom, more than size - 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (size, size)

    References
    ----------
    M. S. Bartlett, On the theory of statistical regression, Proc. R. Soc. Edinburgh 53, 1933.
    """
    root = rng.standard_normal((size, size))
    root *= _below(size)
    root.flat[:: size + 1] = np.sqrt(rng.chisquare(degrees - np.arange(size)))
    return root
