"""`GradeProbabilities`: how likely each grade of some cells is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.wording import counted, number


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class GradeProbabilities(Shown):
    """How likely each grade of some cells is.

    Parameters
    ----------
    grades : ndarray, shape (g,)
        Ascending.
    probabilities : ndarray, shape (k, g)
        Each line sums to one, and its expected grade is the prediction of the cell, if that lies inside of
        the grades' range.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> chances = ll.GradeProbabilities(np.array([1.0, 2.0, 3.0]), np.array([[0.2, 0.3, 0.5]]))
    >>> chances.expected, chances.at_least(2)
    (array([2.3]), array([0.8]))
    """

    grades: Vector
    probabilities: Matrix

    @property
    def expected(self) -> Vector:
        """Expected grades, shape (k,)."""
        return np.asarray(self.probabilities @ self.grades)

    def at_least(self, grade: float) -> Vector:
        """Return the probabilities of a grade or a better one, shape (k,)."""
        return np.asarray(self.probabilities[:, self.grades >= grade].sum(axis=1))

    def _lines(self) -> list[str]:
        grades = ", ".join(map(number, self.grades.tolist()))
        usual = ", ".join(f"{share:.0%}" for share in self.probabilities.mean(axis=0).tolist())
        cells = counted(len(self.probabilities), "cell")
        return [f"probabilities of grades {grades} of {cells}", f"on average {usual}"]
