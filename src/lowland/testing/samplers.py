"""The contract of samplers: known moments within sampling error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix
from lowland.core.doors import public


@public("lowland.testing")
def check_moments(
    draws: ArrayLike, mean: ArrayLike, covariance: ArrayLike, *, deviations: float = 4.5
) -> None:
    """Check the mean and the covariance of independent chains.

    The standard errors come from the spread over chains, so the correlation of draws within a chain does
    not matter.

    Parameters
    ----------
    draws : array_like, shape (chains, draws, d)
        At least ten chains, after warm-up.
    mean : array_like, shape (d,)
    covariance : array_like, shape (d, d)
    deviations : float
        Largest deviation of a moment, in standard errors.

    Raises
    ------
    AssertionError
        If a moment deviates by more, or is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.testing import check_moments
    >>> check_moments(np.random.default_rng(0).standard_normal((50, 100, 2)), np.zeros(2), np.eye(2))
    """
    x = np.asarray(draws, dtype=float) - np.asarray(mean, dtype=float)
    if x.ndim != 3 or len(x) < 10:
        raise AssertionError(f"draws must have at least ten chains, not shape {x.shape}")
    products: Matrix = np.einsum("cni,cnj->cij", x, x) / x.shape[1]
    for name, numbers, expected in (
        ("mean", x.mean(axis=1), np.zeros(x.shape[2])),
        ("covariance", products, np.asarray(covariance, dtype=float)),
    ):
        error = numbers.std(axis=0, ddof=1) / np.sqrt(len(x))
        off = np.abs(numbers.mean(axis=0) - expected) / np.maximum(error, np.finfo(float).tiny)
        if not np.all(off <= deviations):
            raise AssertionError(
                f"the {name} is off by up to {off.max():.3g} standard errors:\n{numbers.mean(axis=0)}\n"
                f"instead of\n{expected}"
            )
