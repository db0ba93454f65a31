"""Numbers that callers give, checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError


def real_numbers(given: ArrayLike, name: str, where: str = "") -> Matrix:
    """Return real numbers in double precision, NaN where they are masked or missing.

    Raises
    ------
    InvalidInputError
        If they are none.
    """
    try:
        if isinstance(given, np.ma.MaskedArray):
            given = np.ma.filled(given.astype(np.float64), np.nan)
        if np.iscomplexobj(given):
            raise TypeError("complex numbers")
        return np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} must be real numbers", f"{where}{error}") from error
