"""Whether the units that a document states are those of the numbers of its rows and columns.

They are derived again as fits derive them: means and standard deviations, medians and deviations from them,
and for rows spreads that are shrunk to the usual one. Who states others could choose which lines count, and
which look constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations

# rounding of a number, in units of its last place; and of what is derived from many, as a share
PLACES, SHARE = 8.0, 1e-6
# rows are centred on whole multiples of so many spreads
STEP = float(np.sqrt(12))
# digamma at one half
HALF = -np.euler_gamma - 2 * np.log(2)
NORMAL_MEDIAN_DEVIATION = 0.6745
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
    lines = Lines.of(table, 1)
    return _doubts("column", lines, _units(given), (lines.means, lines.deviations), lines.varies)


def doubts_of_rows(given: Mapping[str, Any], table: Observations) -> list[str]:
    """Return what is wrong with units of rows, whose spreads are shrunk to the usual one of rows.

    The logarithm of a spread of few cells is unsure, the less the more cells there are. Spreads may be usual
    as shares of a row's mean. Centres are the whole multiples of `STEP` spreads that are nearest to means.
    """
    lines, (centres, spreads) = Lines.of(table, 0), _units(given)
    counts, means = lines.counts, lines.means
    with np.errstate(divide="ignore", invalid="ignore"):
        own = lines.deviations * np.sqrt(counts / np.maximum(counts - 1, 1))
        logs, chance = _log_spreads(counts, np.where(counts > 1, own, 0.0))
        levels, seen = np.log(np.abs(means)), np.isfinite(logs)
        usual, variance = np.full(lines.n, np.log(np.std(lines.values) or 1.0)), 0.0
        if seen.any():
            shares = logs[seen] - levels[seen]
            relative = bool(np.isfinite(levels[seen]).all() and np.var(shares) < np.var(logs[seen]))
            used = shares if relative else logs[seen]
            variance = max(float(np.var(used) - chance[seen].mean()), 0.0)
            usual = np.where(np.isinf(levels), 0.0, levels) * relative + float(used.mean())
        share = np.where(seen, variance / (variance + chance), 0.0)
        units = np.exp(usual + np.where(seen, share * (logs - usual), 0.0))
        # what rounding does to logarithms of spreads, of rows and of the usual one
        blur = np.where(seen, lines.rounding * counts / own, 0.0)
        steps = centres / (STEP * spreads)
    nearest = np.abs(steps - np.round(steps)) <= SHARE * np.maximum(np.abs(steps), 1)
    nearest &= np.abs(centres - means) <= STEP * spreads * (0.5 + SHARE) + lines.rounding
    derived = np.where(nearest, centres, STEP * units * np.round(means / (STEP * units))), units
    known = np.flatnonzero((counts == 1) | np.isin(np.arange(lines.n), lines.varies))
    noise = units * (blur + float(np.mean(blur[seen])) if seen.any() else 0.0)
    return _doubts("row", lines, (centres, spreads), derived, known, noise=noise)


def units_of_columns(lines: Lines, levels: Vector) -> tuple[Vector, Vector]:
    """Return the centres and spreads that columns of losses have, by themselves; zero is no spread.

    Parameters
    ----------
    lines : Lines
        The columns.
    levels : ndarray, shape (n,)
        Of which quantile a column's loss is, its centre; NaN for means.
    """
    middles = lines.quantiles(lines.values)
    typical = lines.quantiles(np.abs(lines.values - middles[lines.at])) / NORMAL_MEDIAN_DEVIATION
    centres = np.where(np.isnan(levels), lines.means, middles)
    for level in np.unique(levels[np.isfinite(levels)]):
        centres = np.where(levels == level, lines.quantiles(lines.values, float(level)), centres)
    return centres, np.where(np.isnan(levels) | (typical == 0), lines.deviations, typical)


def doubts_of_columns(
    lines: Lines, stated: tuple[Vector, Vector], derived: tuple[Vector, Vector], numbers: Indices
) -> list[str]:
    """Return what is wrong with units of the columns of numbers, each of which has its own.

    Centres and spreads are those stated, and those of `units_of_columns`.
    """
    spread, deviations = derived[1], lines.deviations
    # what is rounding may have been zero in another order of summing
    nearer = np.abs(stated[1] - deviations) < np.abs(stated[1] - spread)
    spread = np.where((spread <= lines.rounding) & nearer, deviations, spread)
    varying = numbers[np.isin(numbers, lines.varies)]
    return _doubts("column", lines, stated, (derived[0], spread), varying, among=numbers)


def _doubts(
    what: str,
    lines: Lines,
    stated: tuple[Vector, Vector],
    derived: tuple[Vector, Vector],
    known: Indices,
    *,
    among: Indices | None = None,
    noise: Vector | None = None,
) -> list[str]:
    """Return which of some lines have other centres and spreads than those derived.

    Sums of numbers round by as much as all of them (`noise` is how spreads do), but no spread is rounded
    away. Of lines of one number the unit tells nothing, but they must not outweigh others.
    """
    room = lines.rounding * np.maximum(lines.counts, 1)
    (centres, spreads), (centre, spread) = stated, derived
    good = np.abs(centres - centre) <= SHARE * spread + room
    good &= np.abs(spreads - spread) <= SHARE * spread + np.minimum(
        room if noise is None else noise, spread / 2
    )
    other = told(
        known[~good[known]],
        lambda k: (
            f"{what} {k} is centred at {centres[k]:.4g} in units of {spreads[k]:.4g}, its numbers say "
            f"{centre[k]:.4g} and {spread[k]:.4g}"
        ),
    )
    constant = np.setdiff1d(np.flatnonzero(lines.counts) if among is None else among, known)
    low, high = lines.ends
    with np.errstate(over="ignore"):
        y = np.maximum(np.abs(low - centres), np.abs(high - centres)) / spreads
    near = y <= np.where(low == high, 2.0, 10 * np.sqrt(lines.counts))
    return other + told(
        constant[~near[constant]],
        lambda k: f"{what} {k} of one number is {y[k]:.3g} in its unit, far from its centre",
    )


def _log_spreads(counts: Vector, spreads: Vector) -> tuple[Vector, Vector]:
    """Return logarithms of spreads of normal numbers without bias, and their variances."""
    degrees = np.maximum(counts - 1, 1).astype(np.intp)
    steps = np.arange(int(degrees.max(initial=1)) // 2 + 1)
    # digamma and trigamma at whole and half numbers, from those at 1 and 1/2
    tables = []
    for first, second, start in ((-np.euler_gamma, np.pi**2 / 6, 1.0), (HALF, np.pi**2 / 2, 0.5)):
        places = start + steps
        tables.append(
            (
                np.concatenate([[first], first + np.cumsum(1 / places)]),
                np.concatenate([[second], second - np.cumsum(1 / places**2)]),
            )
        )
    odd = degrees % 2
    at = np.where(odd, degrees // 2, degrees // 2 - 1)
    digamma, trigamma = (np.where(odd, tables[1][k][at], tables[0][k][at]) for k in (0, 1))
    return np.log(spreads) - (digamma - np.log(degrees / 2)) / 2, trigamma / 4


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


def told(wrong: Indices, describe: Callable[[int], str]) -> list[str]:
    """Return what is wrong with the first of some lines, and how many more there are."""
    if not wrong.size:
        return []
    return [describe(int(wrong[0])) + (f" (and {wrong.size - 1} more)" if wrong.size > 1 else "")]
