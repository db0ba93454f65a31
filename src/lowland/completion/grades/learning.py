"""Laws of grades, learnt from cells that a fit has not seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.sides import TableCells
from lowland.completion.cells.summary import TableSummary
from lowland.completion.grades.law import GradeLaw, Habits
from lowland.completion.tables.model import TableModel, all_squared
from lowland.completion.tables.trial import Predictor, Trial
from lowland.core.arrays import Indices, Matrix, Vector, cell_codes
from lowland.core.cells.observations import Observations

# fewest cells from which a law is learnt
FEWEST = 100
# strengths that are tried, in grades of a row
STRENGTHS = (np.inf, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0)
# cells whose probabilities are formed at once
CHUNK = 100_000
# inverse variance of the logarithms of distances between cut points around those of grades, in cells
DISTANCES = 1.0


@final
@dataclass(frozen=True, eq=False)
class Held:
    """Cells that a fit has not seen, with what it predicts.

    Parameters
    ----------
    rows, places : ndarray of int, shape (k,)
        Rows, and the places of the values among the grades.
    means, errors : ndarray, shape (k,)
    kept : Observations
        What the fit has seen.
    predictor : Predictor
        The fit.
    grades : ndarray, shape (g,)
    """

    rows: Indices
    places: Indices
    means: Vector
    errors: Vector
    kept: Observations
    predictor: Predictor
    grades: Vector

    @classmethod
    def of(cls, table: Observations, trial: Trial, model: TableModel) -> Held | None:
        """Return the held-out cells of a trial, None of a table that holds no grades, or of too few cells."""
        if not is_graded(table, model) or trial.rows is None or trial.observed.size < FEWEST:
            return None
        n, grades = table.shape[1], np.unique(table.values).astype(np.float64)
        codes = cell_codes(table.rows, table.columns, n)
        kept = table.select(~np.isin(codes, cell_codes(trial.rows, trial.columns, n)))
        places = np.searchsorted(grades, trial.observed)
        return cls(trial.rows, places, trial.predicted, trial.standard_errors, kept, trial.predictor, grades)

    def habits(self, law: GradeLaw) -> Habits:
        """Return the habits of rows, by what the fit has seen."""
        return habits_of(law, self.kept, self.predictor)


def is_graded(table: Observations, model: TableModel) -> bool:
    """Return whether a table holds grades, which are predicted as numbers."""
    if not table.size or not all_squared(model.losses):
        return False
    several = bool((table.values != table.values[0]).any())
    return several and TableSummary.of(TableCells.of(table)).graded


def learn_law(held: Held, some: NDArray[np.bool_] | None = None) -> tuple[GradeLaw, Habits]:
    """Return the law under which held-out cells, or some of them, are likeliest, and habits by it."""
    at = np.ones(held.rows.size, bool) if some is None else some
    law = _with_cuts(held.grades, held.means[at], held.errors[at], held.places[at])
    habits = held.habits(law)
    rows, cells, places = held.rows[at], (held.means[at], held.errors[at]), held.places[at]

    def score(strength: float) -> float:
        found = law.probabilities(*cells, habits.of_rows(rows, strength))
        return log_score(found, places)

    return replace(law, strength=min(STRENGTHS, key=score)), habits


def habits_of(law: GradeLaw, table: Observations, predictor: Predictor) -> Habits:
    """Return the habits of the rows of a table, by what its fit says of its cells."""
    habits, m = None, table.shape[0]
    places = np.searchsorted(law.grades, table.values)
    for first in range(0, table.size, CHUNK):
        part = slice(first, first + CHUNK)
        at = table.rows[part], table.columns[part]
        expected = law.plain(predictor.predict(*at), predictor.standard_errors(*at))
        one = Habits.of(at[0], places[part], expected, m)
        habits = one if habits is None else habits.added(one)
    return Habits(*np.zeros((2, m, law.grades.size))) if habits is None else habits


def log_score(probabilities: Matrix, places: Indices) -> float:
    """Return the mean of minus the logarithm of what was said of the grades that were observed."""
    return -float(np.mean(np.log(probabilities[np.arange(places.size), places])))


def _with_cuts(grades: Vector, means: Vector, errors: Vector, places: Indices) -> GradeLaw:
    """Return the ordered probit of largest likelihood, its cut points about as far apart as grades."""
    from scipy.optimize import minimize
    from scipy.special import ndtr

    usual = GradeLaw.normal(grades)
    apart = np.log(np.diff(usual.cuts))

    def read(point: Vector) -> tuple[Vector, Vector, float]:
        steps = np.exp(point[1:-1])
        return point[0] + np.concatenate([[0.0], np.cumsum(steps)]), steps, float(np.exp(point[-1]))

    def loss(point: Vector) -> tuple[float, Vector]:
        cuts, steps, spread = read(point)
        ends = np.concatenate([[-np.inf], cuts, [np.inf]])
        scale = spread * errors
        low, high = ((ends[places + k] - means) / scale for k in (0, 1))
        inside = np.maximum(ndtr(high) - ndtr(low), np.finfo(float).tiny)
        slopes = [np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / inside for z in (low, high)]
        by_cut = np.bincount(places, slopes[1] / scale, minlength=grades.size)[:-1]
        by_cut -= np.bincount(places, slopes[0] / scale, minlength=grades.size)[1:]
        turned = [
            np.where(np.isfinite(z), z, 0.0) * slope for z, slope in zip((low, high), slopes, strict=True)
        ]
        later = np.cumsum(by_cut[::-1])[::-1]
        away = point[1:-1] - apart
        value = -float(np.log(inside).sum()) + 0.5 * DISTANCES * float(away @ away)
        by_steps = -later[1:] * steps + DISTANCES * away
        return value, np.concatenate([[-later[0]], by_steps, [float((turned[1] - turned[0]).sum())]])

    start = np.concatenate([usual.cuts[:1], apart, [0.0]])
    cuts, _, spread = read(minimize(loss, start, jac=True, method="L-BFGS-B").x)
    return replace(usual, cuts=cuts, spread=spread)
