"""`CellContext`: when cells of a table are observed, or under what circumstances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Indices, Vector, cell_codes
from lowland.core.cells.frame_cells import label_cells
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted


@final
@dataclass(frozen=True, eq=False)
class CellContext:
    """Places of cells along what was observed beside their values: time, a number, or words.

    Parameters
    ----------
    codes : ndarray of int64, shape (c,)
        Cells whose place is known, row * n + column, ascending. They need not be known cells of a table: what
        is predicted may have a place, too.
    places : ndarray, shape (c,)
        Finite; of dates, seconds since 1970; of words, their positions among `words`.
    shape : tuple of int
        Of the table.
    words : ndarray of str, or None
        The words, ascending; None if places are dates or numbers.
    dated : bool
        Whether places are dates.
    name : str
        What it is called, such as the name of a column.
    asked : bool
        Whether a person named it; what was found by itself may be left unused.
    """

    codes: NDArray[np.int64]
    places: Vector
    shape: tuple[int, int]
    words: NDArray[Any] | None = None
    dated: bool = False
    name: str = ""
    asked: bool = True

    @classmethod
    def of(
        cls, rows: Indices, columns: Indices, given: ArrayLike, shape: tuple[int, int], name: str = ""
    ) -> CellContext:
        """Return the context of listed cells; of one that is listed twice, the last.

        Raises
        ------
        InvalidInputError
            If there is not one entry per cell, one is infinite, or they are neither dates, numbers nor words.
        """
        cells = np.asarray(given)
        if cells.shape != rows.shape:
            raise InvalidInputError(
                "context must have one entry per cell",
                f"shape {cells.shape} for {counted(rows.size, 'cell')}",
            )
        places, words, dated = _read(cells)
        known = ~np.isnan(places)
        codes = cell_codes(rows[known], columns[known], shape[1]).astype(np.int64)
        return cls(*_sorted(codes, places[known]), shape, words, dated, name)

    @classmethod
    def of_array(cls, given: ArrayLike, shape: tuple[int, int]) -> CellContext:
        """Return the context of all cells of a table, shape (m, n)."""
        cells = np.asarray(given)
        if cells.shape != shape:
            raise InvalidInputError("context must have the shape of the table", f"{cells.shape} and {shape}")
        rows, columns = (places.ravel() for places in np.indices(shape))
        return cls.of(rows, columns, cells.ravel(), shape)

    @property
    def size(self) -> int:
        """Number of cells whose place is known."""
        return int(self.codes.size)

    @property
    def cells(self) -> tuple[Indices, Indices]:
        """Rows and columns of the cells whose place is known."""
        rows, columns = np.divmod(self.codes, max(self.shape[1], 1))
        return rows.astype(np.intp), columns.astype(np.intp)

    def at(self, rows: Indices, columns: Indices) -> Vector:
        """Return the places of cells, NaN where not known, shape (k,)."""
        if not self.size:
            return np.full(rows.size, np.nan)
        codes = cell_codes(rows, columns, self.shape[1])
        found = np.minimum(np.searchsorted(self.codes, codes), self.size - 1)
        places: Vector = np.where(self.codes[found] == codes, self.places[found], np.nan)
        return places

    def in_rows(self, rows: Indices) -> tuple[Indices, Indices]:
        """Return which cells of some rows have a place: positions in `rows`, and columns."""
        n = self.shape[1]
        starts, stops = (np.searchsorted(self.codes, rows * n + end) for end in (0, n))
        counts = stops - starts
        where = np.repeat(np.arange(rows.size), counts)
        listed = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return where, np.asarray(self.codes[np.repeat(starts, counts) + listed] % n, np.intp)

    def only(self, rows: Indices, columns: Indices) -> CellContext:
        """Return the context of some cells alone."""
        places = self.at(rows, columns)
        known = ~np.isnan(places)
        codes = cell_codes(rows[known], columns[known], self.shape[1]).astype(np.int64)
        some, places = _sorted(codes, places[known])
        return replace(self, codes=some, places=places)

    def moved(self, rows: Indices | None, columns: Indices | None, shape: tuple[int, int]) -> CellContext:
        """Return the context of a table whose rows and columns have new positions there."""
        at = self.cells
        at_rows, at_columns = (
            old if new is None else new[old] for old, new in zip(at, (rows, columns), strict=True)
        )
        codes = cell_codes(at_rows, at_columns, shape[1]).astype(np.int64)
        sorted_codes, places = _sorted(codes, self.places)
        return replace(self, codes=sorted_codes, places=places, shape=shape)

    def joined(self, new: CellContext | None, shape: tuple[int, int]) -> CellContext:
        """Return the context of a table, perhaps a larger one, with that of further cells, which replace."""
        old = self if self.shape[1] == shape[1] else self.moved(None, None, shape)
        if new is None:
            return replace(old, shape=shape)
        if (self.words is None, self.dated) != (new.words is None, new.dated):
            raise InvalidInputError(
                "the context is of another kind than that of the table",
                f"{new.kind}, in the table {self.kind}",
                fix="pass both as dates, both as numbers or both as words",
            )
        later = new if new.shape[1] == shape[1] else new.moved(None, None, shape)
        words, (mine, theirs) = _one_list(old, later)
        codes, places = _sorted(np.concatenate([old.codes, later.codes]), np.concatenate([mine, theirs]))
        return replace(old, codes=codes, places=places, shape=shape, words=words)

    @property
    def kind(self) -> str:
        """What places are: "dates", "numbers" or "words"."""
        return "words" if self.words is not None else "dates" if self.dated else "numbers"


def _one_list(old: CellContext, new: CellContext) -> tuple[NDArray[Any] | None, tuple[Vector, Vector]]:
    """Return the words of both, those of the old first, and the places of both among them."""
    if old.words is None or new.words is None:
        return old.words, (old.places, new.places)
    words = np.concatenate([old.words, new.words[~np.isin(new.words, old.words)]])
    order = np.argsort(words, kind="stable")
    moved = order[np.searchsorted(words, new.words, sorter=order)]
    return words, (old.places, moved[new.places.astype(np.intp)].astype(np.float64))


def _sorted(codes: NDArray[np.int64], places: Vector) -> tuple[NDArray[np.int64], Vector]:
    """Return cells in order, each once, with the last of its places."""
    if codes.size < 2 or (codes[1:] > codes[:-1]).all():
        return codes, places
    order = np.argsort(codes, kind="stable")
    codes, places = codes[order], places[order]
    last = np.append(codes[1:] != codes[:-1], True)
    return codes[last], places[last]


def _read(cells: NDArray[Any]) -> tuple[Vector, NDArray[Any] | None, bool]:
    """Return places, NaN where not known, the words whose positions they are, and whether they are dates."""
    if cells.dtype.kind == "O":
        cells = _of_objects(cells)
    if cells.dtype.kind == "M":
        seconds = (cells.astype("datetime64[us]") - np.datetime64(0, "us")) / np.timedelta64(1, "s")
        return np.where(np.isnat(cells), np.nan, seconds), None, True
    if cells.dtype.kind in "iuf":
        places = cells.astype(np.float64)
        if np.isinf(places).any():
            where = int(np.flatnonzero(np.isinf(places))[0])
            raise InvalidInputError(
                "context must be finite", f"{places[where]} at position {where}", fix="NaN where not known"
            )
        return places, None, False
    if cells.dtype.kind not in "bUT":
        raise InvalidInputError(
            "context must hold dates, numbers or words",
            f"dtype {cells.dtype}",
            fix="convert it to datetime64, float or text",
        )
    words, codes = np.unique(cells.astype(str), return_inverse=True)
    places = codes.astype(np.float64)
    places[(words == "")[codes]] = np.nan
    return places, words, False


def _of_objects(cells: NDArray[Any]) -> NDArray[Any]:
    """Return dates, numbers or words that are listed as objects as an array of their kind."""
    missing = [None if cell is None or bool(cell != cell) else cell for cell in cells.tolist()]
    known = [cell for cell in missing if cell is not None]
    if known and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known):
        return np.array([np.nan if cell is None else cell for cell in missing], np.float64)
    if known and all(isinstance(cell, date) for cell in known):
        days = [None if cell is None else np.datetime64(_without_zone(cell), "us") for cell in missing]
        return np.array(
            [np.datetime64("NaT", "us") if day is None else day for day in days], "datetime64[us]"
        )
    return label_cells(np.array(missing, object))


def _without_zone(day: date) -> date:
    """Return a date in universal time if it says its zone."""
    if not isinstance(day, datetime) or day.tzinfo is None:
        return day
    return day.astimezone(UTC).replace(tzinfo=None)
