"""`Stacked`: several measurements of the same matrix, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.error_free import Close, joined
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import (
    HasNormBound,
    HasRoundingBounds,
    Measurement,
    MeasuresClosely,
    bounds_rounding,
    check_measurement,
    in_double,
)
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure.exact import ExactMatrices, Exactness, exact_matrices
from lowland.measure.operators import SumMap


@public("lowland")
@final
class Stacked:
    """Several measurements of the same matrix, concatenated.

    Parameters
    ----------
    parts : sequence of Measurement
        At least one; all of the same shape.

    Raises
    ------
    InvalidInputError
        If there is no part, a part is not a measurement, or shapes differ.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> trace = ll.Dense(np.eye(2)[None])
    >>> A = ll.Stacked([ll.Entries([0], [1], (2, 2)), trace])
    >>> A.measure_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([2., 5.])
    """

    def __init__(self, parts: Sequence[Measurement]) -> None:
        self.parts: tuple[Measurement, ...] = tuple(parts)
        if not self.parts:
            raise InvalidInputError("parts must hold at least one measurement", "an empty list")
        for part in self.parts:
            check_measurement(part)
        shapes = {tuple(part.shape) for part in self.parts}
        if len(shapes) > 1:
            raise InvalidInputError(
                "all parts must measure matrices of one shape", f"shapes {sorted(shapes)}"
            )
        self.shape: tuple[int, int] = self.parts[0].shape
        self.dtype: np.dtype[Any] = reduce(np.promote_types, (part.dtype for part in self.parts))
        self._ends = np.cumsum([part.size for part in self.parts])

    @property
    def size(self) -> int:
        """Number of measurements of all parts."""
        return int(self._ends[-1])

    @property
    def exact(self) -> Stacked | None:
        """The stack of the parts as given, if all are known exactly."""
        known = self._exact_parts()
        return Stacked(known) if len(known) == len(self.parts) else None

    @property
    def exactness(self) -> Exactness:
        """Known properties common to all parts."""
        known = [part.exactness for part in self._exact_parts()]
        return Exactness(
            all(part.is_hermitian for part in known),
            any(part.holds_matrices for part in known),
            tuple(numbers for part in known for numbers in part.numbers),
        )

    def entry_sizes(self) -> Vector:
        """Return the largest absolute entry of every matrix, shape (p,)."""
        return np.concatenate([part.entry_sizes() for part in self._exact_parts()])

    def in_floats(self) -> Matrix:
        """Return the matrices of all parts, shape (p, m, n)."""
        return np.concatenate([part.in_floats() for part in self._exact_parts()])

    def modular_times(self, block: Residues, *, turned: bool = False) -> Residues:
        """Return A_k V, or A_k^H U if `turned`, of the matrices of all parts; shape (p, side, r)."""
        return Residues.stack([part.modular_times(block, turned=turned) for part in self._exact_parts()])

    def in_double(self) -> Stacked:
        """Return the stack of the parts in double precision."""
        parts = tuple(in_double(part) for part in self.parts)
        return self if parts == self.parts else Stacked(parts)

    def _exact_parts(self) -> list[ExactMatrices]:
        return [part for part in map(exact_matrices, self.parts) if part is not None]

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

    @property
    def bounds_rounding(self) -> bool:
        """Whether every part bounds its rounding errors."""
        return all(bounds_rounding(part) for part in self.parts)

    def measure_error(self, factors: Factors) -> Vector:
        """Return bounds on the rounding error of `measure`, shape (p,)."""
        return np.concatenate([part.measure_error(factors) for part in self._bounding()])

    def measure_closely(self, factors: Factors) -> Close | None:
        """Return the measurements with twice the digits, if every part does."""
        able = [part for part in self.parts if isinstance(part, MeasuresClosely)]
        parts = [part.measure_closely(factors) for part in able]
        known = [part for part in parts if part is not None]
        return joined(known) if len(known) == len(self.parts) else None

    def adjoint_error(self, weights: Matrix) -> float:
        """Return a bound on the Frobenius norm of the rounding error of `adjoint(weights).toarray()`."""
        pieces = np.split(np.asarray(weights), self._ends[:-1])
        errors = [part.adjoint_error(piece) for part, piece in zip(self._bounding(), pieces, strict=True)]
        # summing the parts rounds too
        sizes = [
            np.linalg.norm(part.adjoint(piece).toarray())
            for part, piece in zip(self.parts, pieces, strict=True)
        ]
        return float(sum(errors) + gamma(len(self.parts), self.dtype) * sum(sizes))

    def squared_norm_bound(self) -> float:
        """Return an upper bound on sum |A(X)_k|^2 / |X|_F^2, infinite if a part has none."""
        bounds = [
            part.squared_norm_bound() if isinstance(part, HasNormBound) else float("inf")
            for part in self.parts
        ]
        return float(sum(bounds)) * (1 + gamma(len(bounds)))

    def _bounding(self) -> list[HasRoundingBounds]:
        return [part for part in self.parts if isinstance(part, HasRoundingBounds)]
