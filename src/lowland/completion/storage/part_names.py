"""The names of a side of a table, collected from parts in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.cells.labels import order_labels
from lowland.core.cells.parts import LONGEST
from lowland.core.errors import InvalidInputError, TooLargeError


@final
class PartNames:
    """Distinct names with their numbers of cells; memory is that of one entry per name.

    Whole numbers and text are kept apart until the end: if there is any text, all names are text.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[NDArray[Any], Indices]] = {}

    def add(self, names: NDArray[Any], counts: Indices) -> None:
        """Add the names of a part."""
        kind = names.dtype.kind
        known, before = self._known.get(kind, (names[:0], counts[:0]))
        union = np.union1d(known, names)
        total = np.zeros(union.size, np.int64)
        total[np.searchsorted(union, known)] += before
        total[np.searchsorted(union, names)] += counts
        self._known[kind] = union, total

    def joined(self) -> tuple[NDArray[Any], Indices]:
        """Return all names in the order of `Observations.from_frame`, and their numbers of cells.

        Raises
        ------
        TooLargeError
            If they are too many for positions in 32 bits.
        """
        kinds = list(self._known.values()) or [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        names, counts = kinds[0]
        if len(kinds) > 1 or names.dtype.kind == "U":
            texts = np.unique(np.concatenate([mine.astype(str) for mine, _ in kinds]))
            names = order_labels(np.zeros(0, np.intp), texts.tolist()).names
            counts = np.zeros(names.size, np.int64)
            for mine, number in kinds:
                counts[places(names, mine)] += number
        if names.size >= LONGEST:
            raise TooLargeError("a side of the table is too long", f"{names.size:,} names", fix="below 2^31")
        return names, counts


def joined_names(sides: Sequence[PartNames]) -> tuple[list[NDArray[Any]], list[Indices]]:
    """Return all names of rows and of columns, and their numbers of cells.

    Raises
    ------
    InvalidInputError
        If there is no cell.
    """
    names, counts = zip(*(side.joined() for side in sides), strict=True)
    if not counts[0].sum():
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    return list(names), list(counts)


def places(names: NDArray[Any], some: NDArray[Any]) -> NDArray[np.int32]:
    """Return the positions of some names among all."""
    same = some if some.dtype.kind == names.dtype.kind else some.astype(str).astype(names.dtype)
    return np.searchsorted(names, same).astype(np.int32)
