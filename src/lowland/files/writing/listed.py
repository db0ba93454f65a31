"""`Listed`, a long text file as it is written: the characters of its values are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, cell_codes
from lowland.core.cells.labels import LabelColumn, label_places, label_text
from lowland.core.cells.observations import Observations
from lowland.files.numerals import Numerals


@final
@dataclass(frozen=True, eq=False)
class Listed:
    """A long text file as it is written.

    Parameters
    ----------
    read : callable
        Reads the columns of row, column and value again, all as labels.
    numerals : Numerals
        How its numbers are written.
    delimiter : str
        One character between fields; "" otherwise.
    """

    read: Callable[[], tuple[LabelColumn, ...]]
    numerals: Numerals
    delimiter: str

    def values(self, seen: Observations) -> NDArray[np.object_]:
        """Return observed values as they are written; where lines were merged, as numbers.

        Parameters
        ----------
        seen : Observations
            What was read from this file.

        Returns
        -------
        ndarray of object, shape (p,)
            Text, or numbers.
        """
        values = seen.values.astype(object)
        row, column, written = self.read()
        n = seen.shape[1]
        codes = cell_codes(seen.rows, seen.columns, n)
        order = np.argsort(codes, kind="stable")
        listed = cell_codes(_places(row, seen.row_labels), _places(column, seen.column_labels), n)
        at = np.minimum(np.searchsorted(codes, listed, sorter=order), codes.size - 1)
        cells = order[at]
        texts = [str(name) for name in written.names.tolist()]
        numbers = np.array([np.nan if (x := self.numerals.number(text)) is None else x for text in texts])
        same = (codes[cells] == listed) & (numbers[written.codes] == seen.values[cells])
        values[cells[same]] = np.array(texts, object)[written.codes[same]]
        return values


def _places(column: LabelColumn, known: Any) -> Indices:
    """Return the positions of labels among those of a table, in which each of them occurs; -1 if not."""
    places = label_places(known)
    return np.array([places.get(label_text(name), -1) for name in column.names.tolist()])[column.codes]
