"""Labels of a fitted table: look up positions, and align other tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Indices, check_positions
from lowland.core.brief import briefly
from lowland.core.cells.labels import find_labels, label_places
from lowland.core.cells.observations import Labels, Observations

# what to do where cells of a table without labels are asked for by what looks like some
BY_POSITION = (
    "pass positions counted from 0; an index of one level without gaps or repeats names rows",
    "pass positions counted from 0; names that are text name columns: frame.columns.astype(str)",
)


@briefly
@final
@dataclass(frozen=True, eq=False)
class TableLabels:
    """Shape of a table, and the labels of its rows and columns if it has any.

    Parameters
    ----------
    shape : tuple of int
    rows, columns : ndarray or None
    """

    shape: tuple[int, int]
    rows: Labels | None = None
    columns: Labels | None = None

    @classmethod
    def of(cls, table: Observations) -> TableLabels:
        """Return the labels of a table."""
        return cls(table.shape, table.row_labels, table.column_labels)

    def positions(self, labels: ArrayLike, axis: int, *, unknown: int | None = None) -> Indices:
        """Return the positions of row (axis 0) or column (axis 1) labels.

        If the table had no labels, positions are checked and returned unchanged. Unknown labels get the
        position `unknown`, if it is given.

        Raises
        ------
        InvalidInputError
            If a label is not known.
        """
        name = ("row", "column")[axis]
        known = (self.rows, self.columns)[axis]
        if known is not None:
            return find_labels(labels, self._places[axis], name, unknown=unknown)
        if unknown is None:
            return check_positions(labels, f"{name}s", below=self.shape[axis], fix=BY_POSITION[axis])
        at = check_positions(labels, f"{name}s", below=np.iinfo(np.intp).max)
        return np.where(at < self.shape[axis], at, unknown)

    def columns_or_none(self, places: Indices) -> NDArray[Any]:
        """Return the labels of columns by their places, None for -1; without labels, the places."""
        if self.columns is None:
            return places
        names = np.array([*self.columns.tolist(), None], dtype=object)
        return np.asarray(names[places])

    def column_name(self, column: int) -> str:
        """Return a column's label as it is written in an error, or its position."""
        return str(column) if self.columns is None else repr(str(self.columns[column]))

    def row_name(self, row: int) -> str:
        """Return a row's label as it is written in an error, or its position."""
        return str(row) if self.rows is None else repr(str(self.rows[row]))

    def has(self, label: str, axis: int) -> bool:
        """Return whether a row (axis 0) or column (axis 1) has this label, compared as text."""
        return label in self._places[axis]

    @cached_property
    def _places(self) -> tuple[dict[str, int], dict[str, int]]:
        """Positions of labels by their texts, found once: a service asks often."""
        rows, columns = ({} if names is None else label_places(names) for names in (self.rows, self.columns))
        return rows, columns

    def align(self, table: Observations, *, rows: bool) -> Observations:
        """Return a table in the order of these labels, if both have labels.

        Parameters
        ----------
        table : Observations
        rows : bool
            Whether to align rows too; otherwise they are new rows.
        """
        if table.column_labels is not None and self.columns is not None:
            columns = self.positions(table.column_labels, 1)[table.columns]
            shape = (table.shape[0], self.shape[1])
            known = table.context and table.context.moved(None, self.positions(table.column_labels, 1), shape)
            table = replace(table, columns=columns, shape=shape, column_labels=self.columns, context=known)
        if rows and table.row_labels is not None and self.rows is not None:
            positions = self.positions(table.row_labels, 0)[table.rows]
            shape = (self.shape[0], table.shape[1])
            known = table.context and table.context.moved(self.positions(table.row_labels, 0), None, shape)
            table = replace(table, rows=positions, shape=shape, row_labels=self.rows, context=known)
        return table
