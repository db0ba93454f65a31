"""An order of rows and columns that depends on what they hold alone, in which refinements are chosen.

Trees draw columns and thresholds in the order of columns, sums round in that of rows: in the same order, the
same table is refined alike, however its rows and columns are permuted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from lowland.completion.refinement.forests import Forest, Refinement
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.observations import Observations
from lowland.trials.contents import Contents, sums_of


@final
@dataclass(frozen=True, eq=False)
class ContentOrder:
    """Where the rows and columns of a table go.

    Parameters
    ----------
    rows, columns : ndarray of int, shapes (m,) and (n,)
        The table's rows and columns in the new order.
    groups : ndarray of int, shape (n,)
        The columns' groups, ascending in the new order.
    original : ndarray of int, shape (n,)
        The columns' groups as they were.
    """

    rows: Indices
    columns: Indices
    groups: Indices
    original: Indices

    @classmethod
    def of(cls, contents: Contents, groups: Indices) -> Self:
        """Return the order that a table's contents give, in which columns of a group stay together."""
        by_group = sums_of(contents.columns, groups, int(groups.max(initial=0)) + 1)
        columns = np.lexsort((contents.columns, groups, by_group[groups]))
        new = np.cumsum(np.diff(groups[columns], prepend=groups[columns[:1]]) != 0)
        return cls(contents.order()[0], columns, new, groups)

    def put(self, table: Matrix) -> Matrix:
        """Return a table in the new order."""
        return table[np.ix_(self.rows, self.columns)]

    def cells(self, seen: Observations, holes: Matrix) -> Observations:
        """Return the known cells of an array in the new order, with the labels of the table."""
        rows, columns = np.nonzero(~np.isnan(holes))
        row_labels, column_labels = (
            None if names is None else names[order]
            for names, order in ((seen.row_labels, self.rows), (seen.column_labels, self.columns))
        )
        values = holes[rows, columns].astype(seen.values.dtype)
        return Observations(rows, columns, values, seen.shape, None, row_labels, column_labels)

    def back(self, found: Refinement | RowSmoothing) -> Refinement | RowSmoothing:
        """Return what was learnt of a table in the new order for the table as it is."""
        place = np.argsort(self.columns)
        if isinstance(found, RowSmoothing):
            return replace(found, places=found.places[place], centres=found.centres[place])
        return replace(
            found,
            forests={int(self.columns[j]): self._back(j, forest) for j, forest in found.forests.items()},
            weights=found.weights[place],
            ratios=found.ratios[place],
            centres=found.centres[place],
            spreads=found.spreads[place],
            groups=self.original,
        )

    def _back(self, column: int, forest: Forest) -> Forest:
        """Return a forest whose inputs, the columns of other groups, are in the order of the table."""
        others = self.columns[self.groups != self.groups[column]]
        table = np.flatnonzero(self.original != self.original[self.columns[column]])
        places = np.searchsorted(table, others).astype(np.int16)
        leaf = forest.features < 0
        return replace(
            forest, features=np.where(leaf, forest.features, places[np.where(leaf, 0, forest.features)])
        )
