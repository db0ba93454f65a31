"""Unit roundoff and Higham's gamma, for rigorous rounding bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

# roundings charged for a formula with logarithms and exponentials, which libraries compute to within
# eight units of roundoff
ELEMENTARY = 32


def unit_roundoff(dtype: np.dtype[Any] | str) -> float:
    """Return u, half the spacing of numbers at 1."""
    return float(np.finfo(dtype).eps) / 2


def gamma(terms: int, dtype: np.dtype[Any] | str = "float64") -> float:
    """Return gamma_n = n u / (1 - n u), the relative error bound of n rounded operations.

    Parameters
    ----------
    terms : int
        Number of operations n.
    dtype : dtype
        Precision; for complex types each operation counts three times.

    Returns
    -------
    float
        Infinite where n u >= 1: no bound holds there.

    References
    ----------
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, SIAM 2002, sections 3.1 and 3.6.
    """
    # the relative error of a complex product is at most 2 sqrt(2) u, that of a complex sum u
    operations = 3 * terms if np.dtype(dtype).kind == "c" else terms
    product = operations * unit_roundoff(dtype)
    return product / (1 - product) if product < 1 else float("inf")
