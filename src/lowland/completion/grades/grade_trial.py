"""`GradeTrial`: how good probabilities of grades are, on cells that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.grades.law import GradeLaw
from lowland.completion.grades.learning import Held, learn_law, log_score
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import counted, number

# ends of the bins in which probabilities are compared with frequencies
BINS = np.linspace(0, 1, 11)


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class GradeTrial(Shown):
    """Probabilities of grades beside the grades of cells that were held out of another fit.

    Each half of these cells is predicted by a law that was learnt from the other half.

    Parameters
    ----------
    grades : ndarray, shape (g,)
    observed : ndarray of int, shape (k,)
        Places of the observed grades.
    probabilities : ndarray, shape (k, g)
    normal : ndarray, shape (k, g)
        Those of normal numbers, with the predictions' standard errors, that are rounded to grades.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.completion.grades.grade_trial import GradeTrial
    >>> sure, flat = np.array([[0.9, 0.1], [0.2, 0.8]]), np.full((2, 2), 0.5)
    >>> trial = GradeTrial(np.array([1.0, 2.0]), np.array([0, 1]), sure, flat)
    >>> round(trial.log_score, 3), round(trial.log_score_of_normal, 3)
    (0.164, 0.693)
    """

    grades: Vector
    observed: Indices
    probabilities: Matrix
    normal: Matrix

    @classmethod
    def of(cls, held: Held) -> GradeTrial:
        """Judge laws by the two halves of held-out cells."""
        first = np.arange(held.rows.size) % 2 == 0
        found = np.empty((held.rows.size, held.grades.size))
        for half in (first, ~first):
            law, habits = learn_law(held, ~half)
            ratios = habits.of_rows(held.rows[half], law.strength)
            found[half] = law.probabilities(held.means[half], held.errors[half], ratios)
        normal = GradeLaw.normal(held.grades).plain(held.means, held.errors)
        return cls(held.grades, held.places, found, normal)

    @property
    def log_score(self) -> float:
        """Mean of minus the logarithm of the probability of the observed grade; smaller is better."""
        return log_score(self.probabilities, self.observed)

    @property
    def log_score_of_normal(self) -> float:
        """The same of normal numbers that are rounded to grades."""
        return log_score(self.normal, self.observed)

    def reliability(self) -> tuple[Indices, Vector, Vector]:
        """Return numbers, mean probabilities and frequencies of (cell, grade) pairs, by bins of a tenth.

        Returns
        -------
        counts : ndarray of int, shape (10,)
        stated, observed : ndarray, shape (10,)
            NaN of empty bins.
        """
        hit = np.zeros(self.probabilities.shape)
        hit[np.arange(self.observed.size), self.observed] = 1
        stated = self.probabilities.ravel()
        bins = np.clip(np.searchsorted(BINS, stated, side="right") - 1, 0, BINS.size - 2)
        counts = np.bincount(bins, minlength=BINS.size - 1)
        with np.errstate(invalid="ignore"):
            means, shares = (
                np.bincount(bins, part, minlength=BINS.size - 1) / counts for part in (stated, hit.ravel())
            )
        return counts, means, shares

    def _lines(self) -> list[str]:
        return [
            f"probabilities of {counted(self.grades.size, 'grade')} of "
            f"{counted(self.observed.size, 'held-out cell')}",
            f"log score {number(self.log_score)}, of rounded normal numbers "
            f"{number(self.log_score_of_normal)}",
        ]
