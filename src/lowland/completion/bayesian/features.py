"""Features that the prior means of rows or columns depend on: covariates and the observed pattern."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.design import Design, MatrixDesign
from lowland.bayes.order_basis import OrderBasis
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.pattern_design import (
    PATTERN_RIDGE,
    PatternDesign,
    leading_directions,
    pattern_shares,
)
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted

# ridge of the coefficients; learning it by the bound diverges and loses the gain in accuracy
COVARIATE_RIDGE = 10.0
# covariates of rows and of columns
SideCovariates = tuple[Matrix | None, Matrix | None]

# with so many rows and columns, factorising the Gram matrix of the pattern takes longer than the fit
WIDEST_PATTERN = 6_000
# a covariate that varies by less than this fraction of its size is constant, and has no effect
ROUNDING = 1e-12


@final
@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Map from the rows (or columns) of a table to their features.

    Parameters
    ----------
    partners : int
        Length of the other side if the pattern is a feature; else 0.
    centres, spreads : ndarray, shape (c,)
        Means and standard deviations of the covariates; infinite spread for a constant one.
    ridge : float
        Of the coefficients of the pattern.
    order : OrderBasis or None
        Smooth functions of the last covariates, which are coordinates.
    directions : ndarray, shape (partners, k), or None
        Orthonormal columns that the coefficients of the pattern are combinations of, during a fit of a table
        too large for all of them.
    """

    partners: int
    centres: Vector
    spreads: Vector
    ridge: float = PATTERN_RIDGE
    order: OrderBasis | None = None
    directions: Matrix | None = None

    @classmethod
    def of(
        cls,
        covariates: Matrix | None,
        partners: int,
        ridge: float = PATTERN_RIDGE,
        order: tuple[float, float, int, str] | None = None,
    ) -> FeatureMap:
        """Return the map that standardises these covariates.

        Parameters
        ----------
        covariates : ndarray, shape (lines, c), or None
        partners : int
        ridge : float
        order : tuple of (float, float, int, str), optional
            Length and strength of a smooth order, how many of the last covariates are its coordinates, and
            what these are: "labels", "coordinates" or "graph".
        """
        if covariates is not None and order is not None:
            length, strength, dims, kind = order
            plain = cls.of(covariates[:, :-dims] if covariates.shape[1] > dims else None, partners, ridge)
            places = covariates[:, -dims:]
            if kind == "graph":
                return replace(plain, order=OrderBasis.of_graph(places, length, strength))
            return replace(plain, order=OrderBasis.of(places, length, strength, kind == "labels"))
        if covariates is None:
            return cls(partners, np.zeros(0), np.ones(0), ridge)
        spreads = covariates.std(axis=0)
        constant = np.ptp(covariates, axis=0) <= ROUNDING * np.abs(covariates).max(axis=0, initial=0.0)
        return cls(partners, covariates.mean(axis=0), np.where(constant, np.inf, spreads), ridge)

    def held_to_leading(self, cells: TableCells, side: int) -> FeatureMap:
        """Return the map with the leading directions of the pattern of a table, if it is large."""
        if not self.partners or min(cells.shape) <= WIDEST_PATTERN:
            return self
        return replace(self, directions=leading_directions(cells, side))

    def with_pattern(self, ridge: float | None) -> FeatureMap:
        """Return the map with another ridge of the pattern; None leaves the pattern out."""
        if ridge is None:
            return replace(self, partners=0, directions=None)
        return replace(self, ridge=ridge)

    def spread_out(self, coefficients: Matrix) -> tuple[FeatureMap, Matrix]:
        """Return the map without directions, and the coefficients of all partners."""
        if self.directions is None:
            return self, coefficients
        last = 1 + self.directions.shape[1]
        of_pattern = self.directions.astype(coefficients.dtype) @ coefficients[1:last]
        whole = np.vstack([coefficients[:1], of_pattern, coefficients[last:]])
        return replace(self, directions=None), whole

    @property
    def is_empty(self) -> bool:
        """Whether there are no features at all."""
        return not (self.partners or self.described)

    @property
    def described(self) -> int:
        """Number of covariates, coordinates among them."""
        return self.centres.size + (self.order.points.shape[1] if self.order else 0)

    @property
    def places(self) -> tuple[int, bool]:
        """Number of coordinates of an order, 0 without one, and whether labels say them."""
        return (0, False) if self.order is None else (self.order.points.shape[1], self.order.labelled)

    @property
    def width(self) -> int:
        """Number of features."""
        return self.partners + self.centres.size + (self.order.width if self.order else 0)

    def design(self, cells: TableCells, side: int, covariates: Matrix | None) -> Design:
        """Return the constant and the features of all lines of a side of a table.

        Each feature is divided by the square root of its ridge.

        Parameters
        ----------
        cells : TableCells
        side : {0, 1}
            Rows or columns.
        covariates : ndarray, shape (lines, c), or None
            Without the coordinates of an order these are not known.
        """
        self.check(covariates)
        if self.order is not None:
            covariates = self._placed(covariates, cells.shape[side])
        scaled = None if covariates is None else self._scaled(covariates)
        if self.directions is not None:
            shares = pattern_shares(cells, side, self.ridge).astype(self.directions.dtype)
            along = shares[:, None] * cells.gathered(side, self.directions)
            return MatrixDesign(cells.shape[side], along if scaled is None else np.hstack([along, scaled]))
        plain = MatrixDesign(cells.shape[side], scaled)
        return PatternDesign(cells, side, plain, self.ridge) if self.partners else plain

    def _scaled(self, covariates: Matrix) -> Matrix:
        k = self.centres.size
        scaled: Matrix = (covariates[:, :k] - self.centres) / (self.spreads * np.sqrt(COVARIATE_RIDGE))
        if self.order is not None:
            scaled = np.column_stack([scaled, self.order.features(covariates[:, k:])])
        return scaled

    def _placed(self, covariates: Matrix | None, length: int) -> Matrix:
        """Return covariates with coordinates, NaN if they are not known."""
        known = np.zeros((length, 0)) if covariates is None else covariates
        return np.column_stack([known, np.full((length, self.described - known.shape[1]), np.nan)])

    def wandering(self, coefficients: Matrix, covariates: Matrix | None) -> Matrix | None:
        """Return the covariance of lines' smooth parts, shape (d, d); None without an order."""
        if self.order is None or covariates is None:
            return None
        smooth = self.order.features(covariates[:, self.centres.size :])
        parts = smooth @ coefficients[-self.order.width :].astype(np.float64)
        return np.atleast_2d(np.cov(parts.T, bias=True))

    def unplaced(self, covariates: Matrix | None, length: int) -> NDArray[np.bool_] | None:
        """Return which of some lines have no place in the order that is known; None without an order."""
        if self.order is None:
            return None
        return self.order.unknown(self._placed(covariates, length)[:, self.centres.size :])

    def check(self, covariates: Matrix | None) -> None:
        """Raise unless covariates are as many as those of the fit."""
        given = 0 if covariates is None else covariates.shape[1]
        if given not in (self.centres.size, self.described):
            what = "missing" if covariates is None else "not those of the fit"
            raise InvalidInputError(
                f"covariates are {what}",
                f"{counted(given, 'covariate')}, the fit had {self.centres.size}",
                fix="pass the covariates of the fit for these rows",
            )


def check_covariates(values: Any, length: int, name: str) -> Matrix | None:
    """Return covariates as numbers, one line per row (or column) of the table, none missing.

    Parameters
    ----------
    values : array_like, shape (length,) or (length, c), or None
    length : int
    name : str
        Name of the argument, for error messages.
    """
    if values is None:
        return None
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{name} must hold numbers",
            type(values).__name__,
            fix="encode text as numbers, or label the table so that read_covariates can encode it",
        ) from error
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    if numbers.ndim != 2 or numbers.shape[0] != length:
        raise InvalidInputError(
            f"{name} must have one line per row (or column) of the table",
            f"shape {numbers.shape} for length {length}",
            fix="pass an array in the table's order, or labelled covariates",
        )
    if not np.isfinite(numbers).all():
        line = int(np.argwhere(~np.isfinite(numbers))[0, 0])
        raise InvalidInputError(
            f"{name} must have no missing values", f"line {line}", fix="fill them in, or drop the column"
        )
    return numbers
