"""Why a fitted table predicts what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sklearn.utils.validation import check_is_fitted

from lowland.completion.explaining.explained_cell import explain_cell, row_of
from lowland.completion.explaining.explanation import Explanation
from lowland.completion.tables.fitted import data_of
from lowland.estimators.answers.sensitive_table import _SensitiveTable
from lowland.estimators.table_input import as_positions


class _ExplainedTable(_SensitiveTable):
    """The method of `MatrixCompletion` that explains a prediction."""

    def explain(self, row: Any, column: Any) -> Explanation:
        """Return which known cells of a row a prediction leans on, and by how much.

        Parameters
        ----------
        row : label or int, or mapping
            A row of the fit, or the known values of a new row by column (see `fold_in`).
        column : label or int
            The predicted column; if its cell is known, that is among what the prediction leans on.

        Returns
        -------
        Explanation
            The largest contributions first. For levels without an order, of the score of the likeliest
            level, whose probability is told beside it; for columns fitted as roots or logarithms, in their
            unit.

        Raises
        ------
        UnsupportedError
            If predictions are not linear in the known cells (losses that are not squared, nonnegative
            factors), or the cells of the fit are not in memory.
        InvalidInputError
            If a label is not in the model.

        Notes
        -----
        Columns are held as they were fitted (their factors, or the covariance of a Gaussian): given them, a
        prediction is a ridge regression, or a conditional mean, which is linear in the known cells. A
        contribution is a weight times how far a cell is from what is usual in its column. Of a fit by "gibbs"
        the weights are those of its variational start; what the draws add is in `rest`.

        Examples
        --------
        >>> import pandas as pd, numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> size = rng.standard_normal(30)
        >>> frame = pd.DataFrame({"size": size, "price": 2 * size, "noise": rng.standard_normal(30)})
        >>> frame.loc[3, "price"] = None
        >>> model = ll.MatrixCompletion(certify=False, refine=False, random_state=0).fit(frame)
        >>> why = model.explain(3, "price")
        >>> why.columns[0]
        'size'
        >>> bool(abs(why.contributions[0]) > 10 * abs(why.contributions[1]))
        True
        """
        check_is_fitted(self)
        completed = self._completed
        place = int(completed.labels.positions(as_positions(column, "column"), 1)[0])
        if isinstance(row, Mapping):
            new = self._one_row(row)
            why = explain_cell(completed.model.of_rows(new), completed.labels, new, (0, place), self.levels_)
            return replace(why, row=None)
        at = int(completed.labels.positions(as_positions(row, "row"), 0)[0])
        seen = data_of(completed.table, "an explanation", fix="pass the known values of the row")
        return explain_cell(completed.model, completed.labels, row_of(seen, at), (at, place), self.levels_)
