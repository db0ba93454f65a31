"""`Stacked`: several measurements of the same matrix, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.protocols import Measurement, check_measurement
from lowland.core.records import Factors
from lowland.measure.operators import SumMap


@final
class Stacked:
    """Several measurements of the same matrix, their numbers one after the other.

    Parameters
    ----------
    parts : sequence of Measurement
        At least one; all of the same shape.

    Raises
    ------
    InvalidInputError
        If there is none, one cannot measure, or shapes differ.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> trace = ll.Dense(np.eye(2)[None])
    >>> A = ll.Stacked([ll.Entries([0], [1], (2, 2)), trace])
    >>> A.measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([2., 5.])
    """

    def __init__(self, parts: Sequence[Measurement]) -> None:
        self.parts = tuple(parts)
        if not self.parts:
            raise InvalidInputError("parts must hold a measurement", "an empty list")
        for part in self.parts:
            check_measurement(part)
        shapes = {tuple(part.shape) for part in self.parts}
        if len(shapes) > 1:
            raise InvalidInputError("parts must measure matrices of one shape", f"shapes {sorted(shapes)}")
        self.shape = self.parts[0].shape
        self.dtype: np.dtype[Any] = reduce(np.promote_types, (part.dtype for part in self.parts))
        self._ends = np.cumsum([part.size for part in self.parts])

    @property
    def size(self) -> int:
        """Number of measurements of all parts."""
        return int(self._ends[-1])

    def measure(self, factors: Factors) -> Matrix:
        """Return the numbers of left right^H, shape (p,)."""
        return np.concatenate([part.measure(factors) for part in self.parts])

    def measure_matrix(self, matrix: Matrix) -> Matrix:
        """Return the numbers of a dense matrix, shape (p,)."""
        return np.concatenate([part.measure_matrix(matrix) for part in self.parts])

    def adjoint(self, weights: Matrix) -> SumMap:
        """Return the sum of the parts' adjoints."""
        pieces = np.split(np.asarray(weights), self._ends[:-1])
        return SumMap(tuple(part.adjoint(piece) for part, piece in zip(self.parts, pieces, strict=True)))
