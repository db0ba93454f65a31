"""What the factor of a mode must satisfy: signs, entries that are known, columns that are smooth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, final

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
        return self.allows_mixing and not self.nonnegative

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
            splined = self.splined(factor.shape[1])
            out[:, splined] = self._smoothed(out[:, splined])
        if self.known is not None:
            out[self.is_known] = self.known[self.is_known]
        return out

    def splined(self, rank: int) -> NDArray[np.bool_]:
        """Return which columns are combinations of splines, shape (R,)."""
        return np.ones(rank, bool) if self.known is None else np.asarray(~self.is_known.all(axis=0))

    def of_slices(self, slices: Indices) -> FactorConstraint:
        """Return what some of the slices must satisfy, where columns need not be smooth."""
        return replace(self, known=None if self.known is None else self.known[slices])

    def as_data(self) -> dict[str, Any]:
        """Return splines and known entries as documents hold them; None stands for unknown entries."""
        known = None
        if self.known is not None:
            known = [[None if np.isnan(entry) else float(entry) for entry in line] for line in self.known]
        return {"functions": self.functions or 0, "known": known}

    def _projected(self, columns: Matrix) -> Matrix:
        assert self.functions is not None
        splines = Splines.of(len(columns), self.functions)
        return splines.curves(splines.coefficients(columns))

    def _smoothed(self, columns: Matrix) -> Matrix:
        """Return combinations of splines near some columns, of nonnegative coefficients where asked."""
        if not self.nonnegative:
            return self._projected(columns)
        assert self.functions is not None
        splines = Splines.of(len(columns), self.functions)
        sums = splines.adjoint(np.ones((len(columns), 1)))
        return splines.curves(splines.adjoint(columns) / sums)


Constraints = tuple[FactorConstraint, ...]


def asked_of(constraints: Constraints) -> list[tuple[str, str]]:
    """Return what is asked of factors, by mode: words, and modes with numbers."""
    numbered = list(enumerate(constraints))
    signs = [str(n) for n, constraint in numbered if constraint.nonnegative]
    smooth = [f"{n} ({constraint.functions} splines)" for n, constraint in numbered if constraint.functions]
    known = [
        f"{n} ({np.count_nonzero(constraint.is_known)})"
        for n, constraint in numbered
        if constraint.known is not None
    ]
    lines = (("nonnegative modes", signs), ("smooth modes", smooth), ("known entries of modes", known))
    return [(words, ", ".join(modes)) for words, modes in lines if modes]


@final
@dataclass(frozen=True, eq=False)
class Splines:
    """Cubic B-splines at 0, ..., length - 1, of which each place has four that are not zero.

    Parameters
    ----------
    first : ndarray of int, shape (length,)
        The first of the four.
    values : ndarray, shape (length, 4)
        They add up to one.
    functions : int
        Number of splines. Knots are equally spaced from the first place to the last, the ends repeated.
    """

    first: Indices
    values: Matrix
    functions: int

    @classmethod
    @lru_cache(maxsize=32)
    def of(cls, length: int, functions: int) -> Splines:
        """Return the splines of a number of places."""
        from scipy.interpolate import BSpline

        inner = np.linspace(0, length - 1, functions - DEGREE + 1)
        knots = np.concatenate([[0.0] * DEGREE, inner, [length - 1.0] * DEGREE])
        basis = BSpline.design_matrix(np.arange(length, dtype=float), knots, DEGREE)
        return cls(
            basis.indices[:: DEGREE + 1].astype(np.intp), basis.data.reshape(-1, DEGREE + 1), functions
        )

    def curves(self, coefficients: Matrix) -> Matrix:
        """Return combinations of the splines, shape (length, c), of coefficients (functions, c)."""
        curves: Matrix = sum(
            (self.values[:, a, None] * coefficients[self.first + a] for a in range(DEGREE + 1)),
            start=np.zeros((len(self.first), coefficients.shape[1])),
        )
        return curves

    def adjoint(self, columns: Matrix) -> Matrix:
        """Return the products of the splines with columns, shape (functions, c)."""
        out = np.zeros((self.functions, columns.shape[1]))
        for a in range(DEGREE + 1):
            np.add.at(out, self.first + a, self.values[:, a, None] * columns)
        return out

    def bands(self, grams: Matrix) -> Matrix:
        """Return the lower bands of the normal matrix of coefficients, shape (4 r, functions r).

        Parameters
        ----------
        grams : ndarray, shape (length, r, r)
            What the cells of each place say of the r entries there.
        """
        rank = grams.shape[1]
        out = np.zeros(((DEGREE + 1) * rank, self.functions * rank))
        p, q = np.indices((rank, rank))
        for a in range(DEGREE + 1):  # all other products of two splines are zero
            for b in range(a, DEGREE + 1):
                below = (b - a) * rank + p - q
                some = below >= 0
                both = (self.values[:, a] * self.values[:, b])[:, None] * grams[:, some]
                columns = (self.first[:, None] + a) * rank + q[some]
                np.add.at(out, (np.broadcast_to(below[some], columns.shape), columns), both)
        return out

    def coefficients(self, columns: Matrix) -> Matrix:
        """Return the coefficients of the combinations that are nearest to columns, shape (functions, c)."""
        from scipy.linalg import solveh_banded

        bands = self.bands(np.ones((len(self.first), 1, 1)))
        return np.asarray(solveh_banded(bands, self.adjoint(columns), lower=True))
