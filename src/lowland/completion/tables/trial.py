"""A trial of a completion: fit most cells, predict the others, and measure the errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import number
from lowland.trials.choices import INTERVALS, Choice
from lowland.trials.masks import Hiding, Mask, hide_cells

# levels whose coverage is reported, and those of a calibration curve
TOLD = (0.5, 0.9, 0.95)
LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])


class Predictor(Protocol):
    """A fitted table that predicts cells, with standard errors of new observations."""

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions of cells, shape (k,)."""

    def standard_errors(self, rows: Indices, columns: Indices) -> Vector:
        """Return standard errors of new observations of cells, shape (k,)."""


@runtime_checkable
class LevelPredictor(Protocol):
    """A fitted table some of whose columns hold levels."""

    def likeliest(self, rows: Indices, columns: Indices) -> Vector:
        """Return the likeliest levels of cells by their positions, NaN in columns of numbers, shape (k,)."""


@runtime_checkable
class IntervalPredictor(Protocol):
    """A fitted table whose intervals are not normal ones by its standard errors."""

    def intervals(self, rows: Indices, columns: Indices, level: float) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells, NaN of levels."""


Refit = Callable[[Observations, np.random.Generator], Predictor]
Hide = Callable[[Observations, Hiding, np.random.Generator], Mask]


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Trial(Shown):
    """Held-out cells, and their predictions by a fit to the other cells.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the other cells.
    columns : ndarray of int, shape (k,)
    observed, predicted, standard_errors : ndarray, shape (k,)
    usual : float
        Root-mean-square error of predicting each cell by the mean of its column over the other cells.
    likeliest : ndarray, shape (k,), or None
        Likeliest levels, NaN in columns of numbers; None if no column holds levels.
    rows : ndarray of int, shape (k,), or None
        Rows of the cells, which intervals other than normal ones need.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 40))
    >>> table += 0.1 * rng.standard_normal(table.shape)
    >>> table[rng.random(table.shape) < 0.3] = np.nan
    >>> trial = ll.MatrixCompletion(certify=False, random_state=0).fit(table).held_out_errors()
    >>> trial.columns.size, trial.error < 0.2, trial.usual > 1
    (168, True, True)
    """

    predictor: Predictor
    columns: Indices
    observed: Vector
    predicted: Vector
    standard_errors: Vector
    usual: float
    likeliest: Vector | None = None
    rows: Indices | None = None

    @property
    def error(self) -> float:
        """Root-mean-square error."""
        return float(np.sqrt(np.mean((self.predicted - self.observed) ** 2)))

    def _lines(self) -> list[str]:
        inside = ", ".join(
            f"{share:.0%} within intervals of {level:.0%}"
            for level, share in zip(TOLD, self.coverage(np.array(TOLD)), strict=True)
        )
        return [
            f"{self.observed.size:,} held-out cells: root-mean-square error {number(self.error)}",
            f"the means of their columns: {number(self.usual)}",
            inside,
        ]

    @cached_property
    def scores(self) -> Vector:
        """Absolute errors divided by the predictor's standard errors, ascending."""
        return self.scores_of(np.ones(self.columns.max(initial=0) + 1, dtype=bool))

    def scores_of(self, some: NDArray[np.bool_]) -> Vector:
        """Return the scores of the cells of some columns, ascending."""
        at = some[self.columns] if some.size else np.zeros(0, bool)
        return np.sort(np.abs(self.predicted - self.observed)[at] / self.standard_errors[at])

    def coverage(self, levels: Vector) -> Vector:
        """Return the fraction of cells inside the model's own intervals of these levels."""
        from scipy.special import ndtri

        if self.rows is not None and isinstance(self.predictor, IntervalPredictor):
            return np.array([float(np.nanmean(self.inside(level))) for level in levels])
        reach = ndtri((1 + np.asarray(levels)) / 2)
        inside: Vector = np.searchsorted(self.scores, reach, side="right") / self.scores.size
        return inside

    def inside(self, level: float) -> Vector:
        """Return which cells are inside the model's own intervals of a level, NaN of levels, shape (k,)."""
        from scipy.special import ndtri

        if self.rows is not None and isinstance(self.predictor, IntervalPredictor):
            lower, upper = self.predictor.intervals(self.rows, self.columns, float(level))
            within = (lower <= self.observed) & (self.observed <= upper)
            return np.where(np.isnan(lower), np.nan, within)
        reach = ndtri((1 + level) / 2) * self.standard_errors
        return np.asarray(np.abs(self.predicted - self.observed) <= reach, np.float64)

    def right_in(self, column: int) -> int | None:
        """Return how many held-out levels of a column are predicted correctly; None if it holds numbers."""
        at = self.columns == column
        if self.likeliest is None or np.isnan(self.likeliest[at]).any():
            return None
        return int(np.sum(self.likeliest[at] == self.observed[at]))

    def errors_by_column(self) -> tuple[Indices, Indices, Vector]:
        """Return which columns have held-out cells, how many each has, and their root-mean-square errors."""
        squares = np.bincount(self.columns, (self.predicted - self.observed) ** 2)
        counts = np.bincount(self.columns)
        some = np.flatnonzero(counts)
        return some, counts[some], np.sqrt(squares[some] / counts[some])


def hold_trial(
    table: Observations,
    fit: Refit,
    rng: np.random.Generator,
    choice: Choice = INTERVALS,
    hide: Hide = hide_cells,
) -> Trial:
    """Fit most of a table's cells and predict the others.

    Parameters
    ----------
    table : Observations
    fit : callable
        Fits a table, given a generator.
    rng : numpy.random.Generator
    choice : Choice
        What the cells are hidden for.
    hide : callable
        Returns which cells are hidden.

    Returns
    -------
    Trial

    Raises
    ------
    UnsupportedError
        If there are too few cells.
    """
    hidden = hide(table, choice.hides, rng)
    if table.censored is not None:  # whose numbers are not known
        hidden = hidden & (table.censored == 0)
    kept, apart = table.hide(hidden)
    return trial_of(kept, apart, fit(kept, rng))


def trial_of(kept: Observations, apart: Observations, predictor: Predictor) -> Trial:
    """Return what a fit of the cells that were kept says of those that were held apart."""
    counts, overall = kept.column_counts(), float(kept.values.mean())
    sums = np.bincount(kept.columns, kept.values, minlength=kept.shape[1])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    return trial_beside(means, apart, predictor)


def trial_beside(means: Vector, apart: Observations, predictor: Predictor) -> Trial:
    """Return the same, from the means of the columns' cells that were kept."""
    usual = float(np.sqrt(np.mean((apart.values - means[apart.columns]) ** 2)))
    at = (apart.rows, apart.columns)
    predicted, errors = predictor.predict(*at), predictor.standard_errors(*at)
    levels = predictor.likeliest(*at) if isinstance(predictor, LevelPredictor) else None
    values = apart.values.astype(float)
    return Trial(predictor, apart.columns, values, predicted, errors, usual, levels, apart.rows)
