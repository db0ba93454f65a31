"""What the factor of a mode must satisfy: signs, entries that are known, columns that are smooth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix

# degree of the splines, and so many of them at least
DEGREE, LEAST_FUNCTIONS = 3, 4
# distance from combinations of splines that is rounding, as a share of the largest entry
ROUNDING = 1e-8


@final
@dataclass(frozen=True, eq=False)
class FactorConstraint:
    """What the factor of a mode must satisfy.

    Parameters
    ----------
    nonnegative : bool
        Whether no entry may be negative.
    known : ndarray, shape (I_n, R), or None
        Entries that are known; NaN where they are not.
    functions : int or None
        Of how many cubic B-splines, whose knots are equally spaced from the first slice to the last, columns
        are combinations; columns that are known entirely are not. With `nonnegative`, their coefficients
        must be nonnegative.
    """

    nonnegative: bool = False
    known: Matrix | None = None
    functions: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing is asked."""
        return not self.nonnegative and self.known is None and self.functions is None

    @property
    def allows_mixing(self) -> bool:
        """Whether nothing but signs is asked, so that a sum of columns satisfies it too."""
        return self.known is None and self.functions is None

    @cached_property
    def is_known(self) -> NDArray[np.bool_]:
        """Which entries are known, shape (I_n, R); empty if none is."""
        return np.zeros((0, 0), bool) if self.known is None else ~np.isnan(self.known)

    def scaled_columns(self, rank: int) -> NDArray[np.bool_]:
        """Return whose scale is known: that of columns with a known entry that is not zero, shape (R,)."""
        if self.known is None:
            return np.zeros(rank, bool)
        some: NDArray[np.bool_] = (np.nan_to_num(self.known) != 0).any(axis=0)
        return some

    def holds(self, factor: Matrix) -> bool:
        """Return whether a factor satisfies it, splines to rounding."""
        if self.nonnegative and not bool((factor >= 0).all()):
            return False
        if self.known is not None and not np.array_equal(factor[self.is_known], self.known[self.is_known]):
            return False
        if self.functions is None:
            return True
        rest = factor[:, self.splined(factor.shape[1])]
        away = np.abs(rest - self._projected(rest)).max(initial=0.0)
        return bool(away <= ROUNDING * np.abs(rest).max(initial=0.0))

    def imposed(self, factor: Matrix) -> Matrix:
        """Return a factor near another that satisfies it: where searches start."""
        out = np.abs(factor) if self.nonnegative else factor.copy()
        if self.functions is not None:
            own = self.splined(factor.shape[1])
            out[:, own] = self._smoothed(out[:, own])
        if self.known is not None:
            out[self.is_known] = self.known[self.is_known]
        return out

    def splined(self, rank: int) -> NDArray[np.bool_]:
        """Return which columns are combinations of splines, shape (R,)."""
        return np.ones(rank, bool) if self.known is None else np.asarray(~self.is_known.all(axis=0))

    def of_slices(self, slices: Indices) -> FactorConstraint:
        """Return what some of the slices must satisfy, where columns need not be smooth."""
        return replace(self, known=None if self.known is None else self.known[slices])

    def _projected(self, columns: Matrix) -> Matrix:
        assert self.functions is not None
        basis = spline_basis(len(columns), self.functions)
        found: Matrix = basis @ np.linalg.lstsq(basis, columns, rcond=None)[0]
        return found

    def _smoothed(self, columns: Matrix) -> Matrix:
        """Return combinations of splines near some columns, of nonnegative coefficients where asked."""
        if not self.nonnegative:
            return self._projected(columns)
        assert self.functions is not None
        basis = spline_basis(len(columns), self.functions)
        found: Matrix = basis @ (basis.T @ columns / basis.sum(axis=0)[:, None])
        return found


Constraints = tuple[FactorConstraint, ...]


def asked_of(constraints: Constraints) -> list[tuple[str, str]]:
    """Return what is asked of factors, by mode: words, and modes with numbers."""
    signs = [str(n) for n, own in enumerate(constraints) if own.nonnegative]
    smooth = [f"{n} ({own.functions} splines)" for n, own in enumerate(constraints) if own.functions]
    known = [
        f"{n} ({np.count_nonzero(own.is_known)})"
        for n, own in enumerate(constraints)
        if own.known is not None
    ]
    lines = (("nonnegative modes", signs), ("smooth modes", smooth), ("known entries of modes", known))
    return [(words, ", ".join(own)) for words, own in lines if own]


def in_words(constraints: Constraints) -> list[str]:
    """Return what is asked of some modes, in words; none if nothing is."""
    asked = {
        "nonnegative modes": any(own.nonnegative for own in constraints),
        "smooth modes": any(own.functions is not None for own in constraints),
        "known entries": any(own.known is not None for own in constraints),
    }
    return [words for words, some in asked.items() if some]


@lru_cache(maxsize=32)
def spline_basis(length: int, functions: int) -> Matrix:
    """Return cubic B-splines at 0, ..., length - 1, shape (length, functions), which must not be changed.

    Knots are equally spaced from the first place to the last, the ends repeated; rows add up to one.
    """
    from scipy.interpolate import BSpline

    inner = np.linspace(0, length - 1, functions - DEGREE + 1)
    knots = np.concatenate([[0.0] * DEGREE, inner, [length - 1.0] * DEGREE])
    basis: Matrix = BSpline.design_matrix(np.arange(length, dtype=float), knots, DEGREE).toarray()
    basis.setflags(write=False)
    return basis
