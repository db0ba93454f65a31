"""What a factor must satisfy, as plain arrays, and whether it does; B-splines by their recursion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector

DEGREE = 3
# distance from combinations of splines that is rounding, as a share of the largest entry
ROUNDING = 1e-7


@final
@dataclass(frozen=True, eq=False)
class PlainConstraint:
    """What the factor of a mode must satisfy.

    Parameters
    ----------
    nonnegative : bool
    known : ndarray, shape (I_n, R), or None
        Entries that are known, NaN where they are not.
    functions : int
        Of how many cubic B-splines columns are combinations, unless they are known entirely; zero: of none.
    """

    nonnegative: bool = False
    known: Matrix | None = None
    functions: int = 0

    @property
    def is_any(self) -> bool:
        """Whether anything is asked."""
        return self.nonnegative or self.known is not None or self.functions > 0

    def words(self, mode: str) -> str:
        """Return in words what is asked of the factor of a mode, nothing if nothing is."""
        parts = ["nonnegative"] if self.nonnegative else []
        parts += [f"of {self.functions} splines"] if self.functions else []
        if self.known is not None:
            parts.append(f"{int((~np.isnan(self.known)).sum())} of {self.known.size} entries known")
        return f"{mode} {', '.join(parts)}" if parts else ""

    def holds(self, factor: Matrix) -> bool:
        """Return whether a factor satisfies it, splines to rounding."""
        if self.nonnegative and (factor < 0).any():
            return False
        told = np.zeros(factor.shape, bool) if self.known is None else ~np.isnan(self.known)
        if self.known is not None and (factor[told] != self.known[told]).any():
            return False
        rest = factor[:, ~told.all(axis=0)]
        if not self.functions or not rest.size:
            return True
        basis = splines(len(factor), self.functions)
        away = rest - basis @ (np.linalg.pinv(basis) @ rest)
        return bool(np.abs(away).max() <= ROUNDING * np.abs(rest).max())


def splines(length: int, functions: int) -> Matrix:
    """Return cubic B-splines at 0, ..., length - 1 of equally spaced knots, a column each."""
    inner = [(length - 1) * k / (functions - DEGREE) for k in range(functions - DEGREE + 1)]
    knots = [0.0] * DEGREE + inner + [length - 1.0] * DEGREE
    at = np.arange(length, dtype=float)
    columns = [_spline(at, knots, k, DEGREE) for k in range(functions)]
    return np.stack(columns, axis=1)


def _spline(at: Vector, knots: list[float], k: int, degree: int) -> Vector:
    """Return one B-spline by the recursion of de Boor, Cox and Mansfield."""
    left, right = knots[k], knots[k + degree + 1]
    if degree == 0:
        last = right == knots[-1] and left < right  # the last piece holds its end
        return np.asarray((at >= left) & ((at < right) | (last & (at == right))), float)
    out = np.zeros_like(at)
    if knots[k + degree] > left:
        out += (at - left) / (knots[k + degree] - left) * _spline(at, knots, k, degree - 1)
    if right > knots[k + 1]:
        out += (right - at) / (right - knots[k + 1]) * _spline(at, knots, k + 1, degree - 1)
    return out
