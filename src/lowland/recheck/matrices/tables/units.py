"""Whether the units that a document states are those of the numbers of its rows and columns.

What a unit is honestly taken from is known: means and standard deviations, medians, usual spreads of rows.
An updated fit may keep units of the table that it began with, so they need not be these to the last digit;
but whoever states others could choose which columns count, and which lines look constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations

# rounding of a number, in units of its last place; and of sums of squares, as a share
PLACES, SHARE = 8.0, 1e-6
# how many times the spread of its numbers a unit is, or the other way round, after an update; of rows, whose
# usual spread is a mean of logarithms that chance makes too small
OUTGROWN, OUTGROWN_ROWS = 2.0, 4.0
# rows are centred on whole multiples of so many spreads
STEP = float(np.sqrt(12))
# median deviation of the normal law; and the levels between which the median of a part of the numbers lies
NORMAL_MEDIAN_DEVIATION = 0.6745
SOME_MEDIAN = (0.25, 0.5, 0.75)
# how far single precision may move numbers, as a share of their spread
LOST_IN_SINGLE = 1e-3


@final
@dataclass(frozen=True, eq=False)
class Lines:
    """The numbers of rows, or of columns.

    Parameters
    ----------
    at : ndarray of int, shape (p,)
        The line of each number.
    values, weights : ndarray, shape (p,)
    n : int
        Number of lines.
    """

    at: Indices
    values: Vector
    weights: Vector
    n: int

    @classmethod
    def of(cls, table: Observations, axis: int, *, weighted: bool = False) -> Lines:
        """Return the rows (axis 0) or columns (axis 1) of a table."""
        at = table.rows if axis == 0 else table.columns
        weights = table.weights if weighted and table.weights is not None else np.ones(table.size)
        return cls(at, table.values.astype(np.float64), weights.astype(np.float64), table.shape[axis])

    def sums(self, numbers: Vector) -> Vector:
        """Return the sum of numbers by line."""
        return np.bincount(self.at, numbers, minlength=self.n).astype(np.float64)

    @cached_property
    def counts(self) -> Vector:
        """Numbers in each line."""
        return np.bincount(self.at, minlength=self.n).astype(np.float64)

    @cached_property
    def means(self) -> Vector:
        """Weighted means."""
        return self.sums(self.weights * self.values) / np.maximum(self.sums(self.weights), 1e-300)

    @cached_property
    def deviations(self) -> Vector:
        """Weighted standard deviations, of lines of two numbers and more."""
        squares = self.sums(self.weights * (self.values - self.means[self.at]) ** 2)
        return np.sqrt(squares / np.maximum(self.sums(self.weights), 1e-300))

    @cached_property
    def ends(self) -> tuple[Vector, Vector]:
        """Smallest and largest number of each line, zero where there is none."""
        low, high = np.full(self.n, np.inf), np.full(self.n, -np.inf)
        np.minimum.at(low, self.at, self.values)
        np.maximum.at(high, self.at, self.values)
        return np.where(low <= high, low, 0.0), np.where(low <= high, high, 0.0)

    @cached_property
    def rounding(self) -> Vector:
        """Rounding of the numbers of each line."""
        return PLACES * float(np.finfo(np.float64).eps) * np.maximum(*map(np.abs, self.ends))

    @cached_property
    def varies(self) -> Indices:
        """Lines of different numbers."""
        low, high = self.ends
        return np.flatnonzero(high - low > self.rounding)

    def quantiles(self, numbers: Vector, level: float = 0.5) -> Vector:
        """Return weighted quantiles of numbers by line, interpolated linearly; zero where there are none."""
        order = np.lexsort((numbers, self.at))
        ascending, weights, lines = numbers[order], self.weights[order], self.at[order]
        some = np.flatnonzero(self.counts)
        starts, counts = np.searchsorted(lines, some), self.counts[some].astype(np.intp)
        ends, totals = np.cumsum(weights), self.sums(self.weights)
        before = np.zeros(self.n)
        before[some] = ends[starts] - weights[starts]
        places = (ends - weights / 2 - before[lines]) / totals[lines]
        below = np.bincount(lines, places <= level, minlength=self.n)[some].astype(np.intp)
        left, right = starts + np.maximum(below - 1, 0), starts + np.minimum(below, counts - 1)
        gap = places[right] - places[left]
        share = np.divide(level - places[left], gap, out=np.zeros_like(gap), where=gap > 0)
        out = np.zeros(self.n)
        out[some] = ascending[left] + np.clip(share, 0, 1) * (ascending[right] - ascending[left])
        return out


def doubts_of_scaling(given: Mapping[str, Any], table: Observations) -> list[str]:
    """Return what is wrong with centres and spreads that are to be means and standard deviations."""
    lines, centres, spreads = Lines.of(table, 1), *_units(given)
    noise = lines.rounding * np.maximum(lines.counts, 1)
    wrong = np.abs(centres - lines.means) > SHARE * lines.deviations + noise
    wrong |= np.abs(spreads - lines.deviations) > SHARE * lines.deviations + noise
    return [
        *told(
            lines.varies[wrong[lines.varies]],
            lambda j: (
                f"column {j} is centred at {centres[j]:.4g} in units of {spreads[j]:.4g}, while its numbers "
                f"have mean {lines.means[j]:.4g} and standard deviation {lines.deviations[j]:.4g}"
            ),
        ),
        *_far_constants(lines, centres, spreads, "column"),
    ]


def doubts_of_rows(given: Mapping[str, Any], table: Observations) -> list[str]:
    """Return what is wrong with units of rows: between a row's own spread and the usual one of rows.

    Spreads may be usual as multiples of a row's level. Centres are whole multiples of `STEP` spreads.
    """
    lines, centres, spreads = Lines.of(table, 0), *_units(given)
    counts, means = lines.counts, lines.means
    spread = lines.deviations * np.sqrt(counts / np.maximum(counts - 1, 1))
    some = (counts > 1) & (spread > 0)
    usual = np.full(lines.n, float(np.std(lines.values)) or 1.0)
    if some.any():
        with np.errstate(divide="ignore"):
            logs, levels = np.log(spread[some]), np.log(np.abs(means[some]))
        relative = bool(np.isfinite(levels).all() and np.var(logs - levels) < np.var(logs))
        sizes = np.where(means == 0, 1.0, np.abs(means)) if relative else np.ones(lines.n)
        usual = sizes * np.exp(np.mean(logs - levels if relative else logs))
    own = np.where(some, spread, usual)
    least, most = np.minimum(own, usual) / OUTGROWN_ROWS, np.maximum(own, usual) * OUTGROWN_ROWS
    seen = np.flatnonzero((counts == 1) | np.isin(np.arange(lines.n), lines.varies))
    steps = centres / (STEP * spreads)
    whole = np.abs(steps - np.round(steps)) <= SHARE * np.maximum(np.abs(steps), 1)
    off = ~whole | (np.abs(centres - means) > STEP * spreads * (0.5 + SHARE) + lines.rounding)
    off |= (spreads < least) | (spreads > most)
    return [
        *told(
            seen[off[seen]],
            lambda i: (
                f"row {i} is centred at {centres[i]:.4g} in units of {spreads[i]:.4g}, while its numbers "
                f"have mean {means[i]:.4g} and spread by {own[i]:.4g}, rows usually by {usual[i]:.4g}"
            ),
        ),
        *_far_constants(lines, centres, spreads, "row"),
    ]


def doubts_of_columns(lines: Lines, centres: Vector, spreads: Vector, numbers: Any) -> list[str]:
    """Return what is wrong with units of columns of any losses: spreads are standard or median deviations.

    Parameters
    ----------
    lines : Lines
        The columns.
    centres, spreads : ndarray, shape (n,)
    numbers : ndarray of bool, shape (n,)
        Columns that have units.
    """
    counted = numbers & (lines.counts > 0)
    low, high = lines.ends
    if counted.any() and np.ptp(centres[counted]) == 0 and (spreads[counted] == 1).all():
        inside = low[counted].min() <= centres[counted][0] <= high[counted].max()
        return [] if inside else [f"columns are centred at {centres[counted][0]:.4g}, beyond all numbers"]
    apart = np.abs(lines.values - lines.quantiles(lines.values)[lines.at])
    usual = [lines.quantiles(apart, level) / NORMAL_MEDIAN_DEVIATION for level in SOME_MEDIAN]
    usual = [np.where(one > 0, one, lines.deviations) for one in usual]
    least = np.minimum.reduce([*usual, lines.deviations]) / OUTGROWN
    most = np.maximum.reduce([*usual, lines.deviations]) * OUTGROWN
    off = (centres < low - lines.rounding) | (centres > high + lines.rounding)
    off |= (spreads < least) | (spreads > most)
    varying = lines.varies[counted[lines.varies]]
    return [
        *told(
            varying[off[varying]],
            lambda j: (
                f"column {j} is centred at {centres[j]:.4g} in units of {spreads[j]:.4g}, while its numbers "
                f"lie between {low[j]:.4g} and {high[j]:.4g} and spread by {lines.deviations[j]:.4g}"
            ),
        ),
        *_far_constants(lines, centres, spreads, "column", counted),
    ]


def doubts_of_rounding(given: Vector, rounded: Vector, lines: Indices | None = None) -> list[str]:
    """Return by how much single precision moves numbers if that is much of what tells them apart.

    Parameters
    ----------
    given, rounded : ndarray, shape (p,)
        Numbers as they are given, and as the document takes them.
    lines : ndarray of int, shape (p,), optional
        The column of each number; one if there are none.
    """
    if np.array_equal(given, rounded):
        return []
    at = np.zeros(given.size, np.intp) if lines is None else lines
    all_lines = Lines(at, given.astype(np.float64), np.ones(given.size), int(at.max()) + 1)
    moved = np.zeros(all_lines.n)
    np.maximum.at(moved, at, np.abs(rounded.astype(np.float64) - all_lines.values))
    lost = all_lines.varies[(moved > LOST_IN_SINGLE * all_lines.deviations)[all_lines.varies]]
    where = "the data" if lines is None else "column {}"
    return told(
        lost,
        lambda j: (
            f"single precision moves numbers of {where.format(j)} by up to {moved[j]:.3g}, which spread by "
            f"{all_lines.deviations[j]:.3g}"
        ),
    )


def _units(given: Mapping[str, Any]) -> tuple[Vector, Vector]:
    return np.asarray(given["centres"], np.float64), np.asarray(given["spreads"], np.float64)


def _far_constants(lines: Lines, centres: Vector, spreads: Vector, what: str, among: Any = True) -> list[str]:
    """Return which lines of one number, up to rounding, are not near zero in their unit."""
    constant = (lines.counts > 0) & among
    constant[lines.varies] = False
    low, high = lines.ends
    with np.errstate(over="ignore"):
        y = np.maximum(np.abs(low - centres), np.abs(high - centres)) / spreads
    far = np.flatnonzero(constant & ~(y <= 10 * np.sqrt(lines.counts)))
    return told(far, lambda k: f"{what} {k} of one number is {y[k]:.3g} in its unit, far from its centre")


def told(wrong: Indices, describe: Callable[[int], str]) -> list[str]:
    """Return what is wrong with the first of some lines, and how many more there are."""
    if not wrong.size:
        return []
    return [describe(int(wrong[0])) + (f" (and {wrong.size - 1} more)" if wrong.size > 1 else "")]
