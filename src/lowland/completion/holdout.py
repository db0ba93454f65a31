"""A trial of a completion: most cells fitted, the others predicted, and how well that went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.observations import Observations

# part of the observed cells that calibrates, and how many suffice
SHARE = 0.1
MOST = 20_000
# tables that are emptier have no gaps, but cells
EMPTIEST = 0.5
# levels of which coverage is told, and those of a calibration curve
TOLD = (0.5, 0.9, 0.95)
LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])


class Predictor(Protocol):
    """A fitted table that predicts cells and knows how far off a new observation may be."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard errors of new observations of cells, shape (k,)."""


Refit = Callable[[Observations, np.random.Generator], Predictor]
Hold = Callable[[Observations, np.random.Generator], tuple[Observations, Observations]]


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """Held-out cells and what was predicted of them without them.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the other cells.
    columns : ndarray of int, shape (k,)
    observed, predicted, standard_errors : ndarray, shape (k,)
    usual : float
        Root-mean-square difference of the cells from their column's mean over the others.
    """

    predictor: Predictor
    columns: Indices
    observed: Vector
    predicted: Vector
    standard_errors: Vector
    usual: float

    @property
    def error(self) -> float:
        """Root-mean-square error."""
        return float(np.sqrt(np.mean((self.predicted - self.observed) ** 2)))

    @cached_property
    def scores(self) -> Vector:
        """Absolute errors over the predictor's own standard errors, ascending."""
        return self.scores_of(np.ones(self.columns.max(initial=0) + 1, dtype=bool))

    def scores_of(self, some: NDArray[np.bool_]) -> Vector:
        """Return the scores of the cells of some columns, ascending."""
        at = some[self.columns] if some.size else np.zeros(0, bool)
        return np.sort(np.abs(self.predicted - self.observed)[at] / self.standard_errors[at])

    def coverage(self, levels: Vector) -> Vector:
        """Return the part of cells inside the model's own intervals of these levels."""
        from scipy.special import ndtri

        reach = ndtri((1 + np.asarray(levels)) / 2)
        inside: Vector = np.searchsorted(self.scores, reach, side="right") / self.scores.size
        return inside

    def errors_by_column(self) -> tuple[Indices, Indices, Vector]:
        """Return the columns with held-out cells, how many each, and their root-mean-square errors."""
        squares = np.bincount(self.columns, (self.predicted - self.observed) ** 2)
        counts = np.bincount(self.columns)
        some = np.flatnonzero(counts)
        return some, counts[some], np.sqrt(squares[some] / counts[some])


def hold_trial(table: Observations, fit: Refit, rng: np.random.Generator, hold: Hold | None = None) -> Trial:
    """Fit most of a table's cells and predict the others.

    Parameters
    ----------
    table : Observations
    fit : callable
        Fits a table, given a generator.
    rng : numpy.random.Generator
    hold : callable, optional
        Takes the table and the generator and returns what is kept and what is held out; `hold_out` by
        default.

    Returns
    -------
    Trial

    Raises
    ------
    UnsupportedError
        If there are too few cells.
    """
    kept, apart = (hold or hold_out)(table, rng)
    predictor = fit(kept, rng)
    overall = float(kept.values.mean())
    sums = np.bincount(kept.columns, kept.values, minlength=table.shape[1])
    means = np.where(kept.column_counts() > 0, sums / np.maximum(kept.column_counts(), 1), overall)
    usual = float(np.sqrt(np.mean((apart.values - means[apart.columns]) ** 2)))
    at = (apart.rows, apart.columns)
    predicted, errors = predictor.predict(*at), predictor.standard_errors(*at)
    return Trial(predictor, apart.columns, apart.values.astype(float), predicted, errors, usual)


def hold_out(observations: Observations, rng: np.random.Generator) -> tuple[Observations, Observations]:
    """Return most of the cells, and a random tenth (20,000 at most).

    Raises
    ------
    UnsupportedError
        If there are too few cells.
    """
    size = observations.size
    count = min(max(round(SHARE * size), 1), MOST)
    if count >= size:
        raise UnsupportedError(
            "the table is too small to hold cells out",
            f"{size} observed",
            fix="use the model's own intervals",
        )
    held = np.zeros(size, dtype=bool)
    held[rng.choice(size, count, replace=False)] = True
    return observations.select(~held), observations.select(held)


def hold_gaps(table: Observations, rng: np.random.Generator) -> tuple[Observations, Observations]:
    """Return most of the cells, and about a tenth in gaps like those that the table has.

    A row lends its gaps to another: what the one lacks is held out of the other, row after row.

    Raises
    ------
    UnsupportedError
        If the table has no gaps, or is so empty that it has little else.
    """
    m, n = table.shape
    if not EMPTIEST * m * n <= table.size < m * n:
        raise UnsupportedError(
            "gaps are those of a table that is mostly observed, and not all of it",
            f"{table.size} of {m * n} cells",
            fix='use "conformal", which holds single cells out',
        )
    seen = np.zeros((m, n), dtype=bool)
    seen[table.rows, table.columns] = True
    gappy = np.flatnonzero(~seen.all(axis=1))
    held, count = np.zeros((m, n), dtype=bool), 0
    for row in rng.permutation(m):
        lent = seen[row] & ~seen[rng.choice(gappy)]
        if lent.sum() <= seen[row].sum() / 2:  # a row that keeps less is none of those to be predicted
            held[row] = lent
            count += int(lent.sum())
        if count >= SHARE * table.size:
            break
    apart = held[table.rows, table.columns]
    if not apart.any():
        raise UnsupportedError(
            "no row can lend its gaps to another", f"{gappy.size} rows with gaps", fix='use "conformal"'
        )
    return table.select(~apart), table.select(apart)
