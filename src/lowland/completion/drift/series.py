"""Errors of a fit along time: of each row, of each column, or of the whole table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.kernels.ornstein_uhlenbeck import smooth_lines

# whose errors go together: those of a row, of a column, or all
SIDES = ROWS, COLUMNS, TABLE = "rows", "columns", "table"


def lines_of(side: str, rows: Indices, columns: Indices) -> Indices:
    """Return the line of each cell on a side, shape (k,)."""
    return rows if side == ROWS else columns if side == COLUMNS else np.zeros_like(rows)


def count_of(side: str, shape: tuple[int, int]) -> int:
    """Return the number of lines of a side."""
    return {ROWS: shape[0], COLUMNS: shape[1], TABLE: 1}[side]


@final
@dataclass(frozen=True, eq=False)
class Series:
    """Values of lines along time, with their noise.

    Parameters
    ----------
    starts : ndarray of int, shape (lines + 1,)
        Points of line i are `starts[i]` to `starts[i + 1]`.
    times, values, noises : ndarray, shape (p,)
        Times ascend along each line; noises are variances, infinite where nothing is known.
    order : ndarray of int, shape (p,)
        Where each point was listed.
    """

    starts: Indices
    times: Vector
    values: Vector
    noises: Vector
    order: Indices

    @classmethod
    def of(cls, lines: Indices, count: int, times: Vector, values: Vector, noises: Vector) -> Series:
        """Return listed points as lines."""
        order = np.lexsort((times, lines))
        starts = np.concatenate([[0], np.cumsum(np.bincount(lines, minlength=count))])
        return cls(starts, times[order], values[order], noises[order], order)

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.times.size)

    @property
    def lines(self) -> Indices:
        """The line of each point, shape (p,)."""
        return np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))

    def of_lines(self, lines: Indices) -> Series:
        """Return some lines, which are counted anew."""
        first, counts = self.starts[lines], np.diff(self.starts)[lines]
        starts = np.concatenate([[0], np.cumsum(counts)])
        at = np.repeat(first - starts[:-1], counts) + np.arange(starts[-1])
        return Series(starts, self.times[at], self.values[at], self.noises[at], self.order[at])

    def asked(self, lines: Indices, times: Vector, law: tuple[Vector, Vector]) -> tuple[Vector, Vector]:
        """Return means and variances of the processes behind the values at further times.

        Parameters
        ----------
        lines : ndarray of int, shape (k,)
        times : ndarray, shape (k,)
        law : pair of ndarray, shape (j,)
            Lengths and variances of the covariance, as of `smooth_lines`.
        """
        some, where = np.unique(lines, return_inverse=True)
        known, unknown = self.of_lines(some), np.zeros(lines.size)
        both = Series.of(
            np.concatenate([known.lines, where]),
            some.size,
            np.concatenate([known.times, times]),
            np.concatenate([known.values, unknown]),
            np.concatenate([known.noises, unknown + np.inf]),
        )
        found = np.empty((2, both.size))
        found[:, both.order] = smooth_lines(both.starts, both.times, both.values, both.noises, *law)
        return found[0, known.size :], found[1, known.size :]
