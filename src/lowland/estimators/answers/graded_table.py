"""How likely each grade of a fitted table's cells is."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from lowland.completion.grades.grade_trial import GradeTrial
from lowland.completion.grades.law import GradeLaw, Habits
from lowland.completion.grades.learning import FEWEST, Held, habits_of, learn_law
from lowland.completion.grades.probabilities import GradeProbabilities
from lowland.completion.tables.fitted import data_of
from lowland.core.errors import UnsupportedError
from lowland.estimators.answers.uncertain_table import _UncertainTable


class _GradedTable(_UncertainTable):
    """The methods of `MatrixCompletion` that tell grades apart."""

    def grade_probabilities(
        self, rows: ArrayLike, columns: ArrayLike, *, context: Any = None
    ) -> GradeProbabilities:
        """Return how likely each grade of some cells is, such as one to five stars.

        Parameters
        ----------
        rows, columns : array_like, shape (k,)
            Labels if the data had labels, else positions.
        context : as in `predict_cells`

        Returns
        -------
        GradeProbabilities
            Whose expected grades are the predictions.

        Raises
        ------
        UnsupportedError
            If the table does not hold grades (at most 20 different numbers, far fewer than cells), has too
            few cells, or the model was saved without them.

        Notes
        -----
        An ordered probit: cut points, and a factor of the standard errors, are those under which grades
        held out of another fit are likeliest. A row's habits count too, such as to give no half stars: how
        often it gives each grade, beside how often it would by the probit alone, as far as the same cells
        show that this tells. Then the law is tilted exponentially until its expected grade is the prediction.
        The first call costs a fit, which reports and `held_out_errors` share.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> likes = rng.standard_normal((60, 1)) @ rng.standard_normal((1, 40))
        >>> stars = np.clip(np.round(3 + likes + 0.5 * rng.standard_normal((60, 40))), 1, 5)
        >>> stars[rng.random(stars.shape) < 0.5] = np.nan
        >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(stars)
        >>> chances = model.grade_probabilities([0, 1], [2, 3])
        >>> chances.grades, chances.probabilities.shape
        (array([1., 2., 3., 4., 5.]), (2, 5))
        >>> bool(np.abs(chances.expected - model.predict_cells([0, 1], [2, 3])).max() < 0.05)
        True
        """
        check_is_fitted(self)
        cells = self._completed.cells(rows, columns)
        law, habits = self._law_of_grades()
        model = self._completed.told(cells, context)
        found = law.probabilities(
            model.predict(*cells).astype(np.float64),
            model.standard_errors(*cells),
            habits.of_rows(cells[0], law.strength),
        )
        return GradeProbabilities(law.grades, found)

    def held_out_grades(self) -> GradeTrial:
        """Return how good probabilities of grades are, on the cells of `held_out_errors`.

        Returns
        -------
        GradeTrial
            Log scores and reliability; each half of the cells is judged by a law learnt from the other.

        Raises
        ------
        UnsupportedError
            As of `grade_probabilities`.
        """
        check_is_fitted(self)
        return GradeTrial.of(self._held_grades())

    def _held_grades(self) -> Held:
        table = data_of(self._completed.table, "probabilities of grades")
        held = Held.of(table, self._completed.intervals.trial, self._completed.model)
        return self._refuse_grades() if held is None else held

    def _refuse_grades(self) -> NoReturn:
        raise UnsupportedError(
            "only tables of grades have probabilities of grades",
            f"more than 20 different numbers, or fewer than {FEWEST} cells to hold out",
            fix="use predict_interval or sample",
        )

    def _law_of_grades(self) -> tuple[GradeLaw, Habits]:
        """Return the law of grades and the habits of rows, learnt once."""
        if self._grades is None:
            law, _ = learn_law(self._held_grades())
            table = data_of(self._completed.table, "probabilities of grades")
            predictor = self._completed.table.predictor()
            self._grades = law, habits_of(law, table, predictor)
        return self._grades
