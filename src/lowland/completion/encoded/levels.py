"""How columns of levels are written in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError

# levels that have a column of numbers each, if there are so many cells for each on average
MOST_EACH, FEWEST_OWN = 20, 5
# of more or rarer levels, most that have one of their own, each of so many cells
MOST_OWN = 10


@final
@dataclass(frozen=True)
class LevelKind:
    """The levels of a column: how many, and whether they have an order."""

    count: int
    ordered: bool


@final
@dataclass(frozen=True, eq=False)
class Levels:
    """How the columns of levels of a table are written in numbers; columns of numbers stay.

    Ordered levels become one column of normal scores: the quantiles of the normal law at the middle of each
    level's share. Other levels, also two, become one column each, 1 where it is; where there are
    many, rare ones share one.

    Parameters
    ----------
    kinds : mapping of int to LevelKind
        Columns of levels, by position; their values are positions of levels.
    frequencies : mapping of int to ndarray
        Share of each level among the observed cells of its column.
    width : int
        Number n of columns of the table.
    shared : mapping of int to ndarray of int
        Of columns with rare levels: which of the columns of numbers each level has, the rare ones the last.
    """

    kinds: Mapping[int, LevelKind]
    frequencies: Mapping[int, Vector]
    width: int
    shared: Mapping[int, Indices] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Observations, kinds: Mapping[int, LevelKind]) -> Levels:
        """Return how the levels of a table are written."""
        frequencies, shared = {}, {}
        for j, kind in kinds.items():
            codes = table.values[table.columns == j].astype(np.intp)
            counts = np.bincount(codes, minlength=kind.count)
            if not kind.ordered and _are_many(counts):
                shared[j] = _places_of(counts)
            frequencies[j] = (counts + 0.5) / (counts + 0.5).sum()
        return cls(dict(kinds), frequencies, table.shape[1], shared)

    def __bool__(self) -> bool:
        """Whether there are columns of levels."""
        return bool(self.kinds)

    @cached_property
    def groups(self) -> Indices:
        """The column of the table that each column of numbers belongs to."""
        widths = [self._width(j) for j in range(self.width)]
        return np.repeat(np.arange(self.width), widths)

    @cached_property
    def starts(self) -> Indices:
        """The first column of numbers of each column of the table."""
        return np.searchsorted(self.groups, np.arange(self.width))

    def _width(self, j: int) -> int:
        kind = self.kinds.get(j)
        if kind is None or kind.ordered:
            return 1
        return kind.count if j not in self.shared else int(self.shared[j].max()) + 1

    def scores(self, j: int) -> Vector:
        """Return the normal scores of ordered levels, ascending."""
        from scipy.special import ndtri

        shares = self.frequencies[j]
        return np.asarray(ndtri(np.cumsum(shares) - shares / 2))

    def usual(self, j: int) -> Matrix:
        """Return usual slopes of levels by columns of numbers: of their own one, or by their scores."""
        kind = self.kinds[j]
        if kind.ordered:
            return self.scores(j)[:, None]
        return np.eye(self._width(j))[self.shared.get(j, np.arange(kind.count))]

    def places(self, j: int) -> Indices:
        """Return the columns of numbers of a column of the table."""
        return np.flatnonzero(self.groups == j)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """`is_number`; None if all columns hold numbers."""
        return self.is_number if self.kinds else None

    def numbers_of(self, table: Observations) -> Observations:
        """Return a table with the cells of its columns of numbers alone."""
        return table if self.mask is None else table.select(self.mask[table.columns])

    def encode(self, table: Observations) -> Observations:
        """Return a table in numbers; a missing level is missing in all its columns."""
        cells, columns, values = [], [], []
        for j, at in enumerate(places_of_each(table.columns, self.width)):
            codes, kind, start = table.values[at].astype(np.float64), self.kinds.get(j), int(self.starts[j])
            if kind is None or kind.ordered:
                cells.append(at)
                columns.append(np.full(at.size, start))
                values.append(self._written(codes, j))
                continue
            self._check(codes, kind, j)
            places = codes if j not in self.shared else self.shared[j][codes.astype(np.intp)]
            for k in range(self._width(j)):
                cells.append(at)
                columns.append(np.full(at.size, start + k))
                values.append((places == k).astype(np.float64))
        shape = (table.shape[0], self.groups.size)
        made, every = np.concatenate(values).astype(table.values.dtype), np.concatenate(cells)
        weights = None if table.weights is None else table.weights[every]
        rows, labels = table.rows[every], None if self.kinds else table.column_labels
        return Observations(rows, np.concatenate(columns), made, shape, weights, table.row_labels, labels)

    def _written(self, codes: Vector, j: int) -> Vector:
        """Return the values of a column that becomes one column of numbers."""
        if j not in self.kinds:
            return codes
        self._check(codes, self.kinds[j], j)
        return self.scores(j)[codes.astype(np.intp)]

    def _check(self, codes: Vector, kind: LevelKind, j: int) -> None:
        wrong = (codes != np.round(codes)) | (codes < 0) | (codes >= kind.count)
        if wrong.any():
            raise InvalidInputError(
                "a value is not one of the levels of its column",
                f"{codes[np.argmax(wrong)]:g} in column {j}",
                f"its levels have the positions 0 to {kind.count - 1}",
                "leave the cell missing, or fit again",
            )

    @property
    def is_number(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        mask = np.ones(self.width, bool)
        mask[list(self.kinds)] = False
        return mask


def _are_many(counts: Indices) -> bool:
    """Whether levels are too many for a column of numbers each."""
    return counts.size > MOST_EACH or int(counts.sum()) < FEWEST_OWN * counts.size


def _places_of(counts: Indices) -> Indices:
    """Return the column of numbers of each level: one of its own if it is common, else the last."""
    ranked = np.argsort(-counts, kind="stable")[:MOST_OWN]
    common = np.sort(ranked[counts[ranked] >= FEWEST_OWN])
    places = np.full(counts.size, common.size)
    places[common] = np.arange(common.size)
    return places
