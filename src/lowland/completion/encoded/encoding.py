"""How a table is written in numbers that are nearly normal: columns of levels, and skewed columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.encoded.powers import Power
from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError


@final
@dataclass(frozen=True)
class LevelKind:
    """The levels of a column: how many, and whether they have an order."""

    count: int
    ordered: bool


@final
@dataclass(frozen=True, eq=False)
class Encoding:
    """How a table is written in numbers.

    A column of numbers stays, or is written as square roots or logarithms. Ordered levels become one column
    of normal scores: the quantiles of the normal law at the middle of each level's share. Other levels, also
    two, become one column each, 1 where it is.

    Parameters
    ----------
    kinds : mapping of int to LevelKind
        Columns of levels, by position; their values are positions of levels.
    frequencies : mapping of int to ndarray
        Share of each level among the observed cells of its column.
    width : int
        Number n of columns of the table.
    powers : mapping of int to Power
        Columns of numbers that are written as square roots or logarithms, by position.
    """

    kinds: Mapping[int, LevelKind]
    frequencies: Mapping[int, Vector]
    width: int
    powers: Mapping[int, Power] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Observations, kinds: Mapping[int, LevelKind]) -> Encoding:
        """Return the encoding of a table."""
        frequencies = {}
        for j, kind in kinds.items():
            codes = table.values[table.columns == j].astype(np.intp)
            counts = np.bincount(codes, minlength=kind.count) + 0.5
            frequencies[j] = counts / counts.sum()
        return cls(dict(kinds), frequencies, table.shape[1])

    def renewed(self, table: Observations) -> Encoding:
        """Return the same encoding for a table with more cells, which may lie beyond those known before."""
        places = places_of_each(table.columns, self.width)
        powers = {j: power.renewed(table.values[places[j]]) for j, power in self.powers.items()}
        return replace(self, powers=powers)

    def __bool__(self) -> bool:
        """Whether anything is written otherwise than it is."""
        return bool(self.kinds or self.powers)

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
        return 1 if kind is None or kind.ordered else kind.count

    def scores(self, j: int) -> Vector:
        """Return the normal scores of ordered levels, ascending."""
        from scipy.special import ndtri

        shares = self.frequencies[j]
        return np.asarray(ndtri(np.cumsum(shares) - shares / 2))

    def plain_powers(self) -> list[dict[str, Any]]:
        """Return the columns that are roots or logarithms as plain data."""
        return [{"column": j, **asdict(power)} for j, power in self.powers.items()]

    def places(self, j: int) -> Indices:
        """Return the columns of numbers of a column of the table."""
        return np.flatnonzero(self.groups == j)

    def encode(self, table: Observations) -> Observations:
        """Return a table in numbers; a missing level is missing in all its columns."""
        cells, columns, values = [], [], []
        for j, at in enumerate(places_of_each(table.columns, self.width)):
            own, kind, start = table.values[at].astype(np.float64), self.kinds.get(j), int(self.starts[j])
            if kind is None or kind.ordered:
                cells.append(at)
                columns.append(np.full(at.size, start))
                values.append(self._written(own, j))
                continue
            self._check(own, kind, j)
            for k in range(kind.count):
                cells.append(at)
                columns.append(np.full(at.size, start + k))
                values.append((own == k).astype(np.float64))
        shape = (table.shape[0], self.groups.size)
        made, every = np.concatenate(values).astype(table.values.dtype), np.concatenate(cells)
        weights = None if table.weights is None else table.weights[every]
        rows, labels = table.rows[every], None if self.kinds else table.column_labels
        return Observations(rows, np.concatenate(columns), made, shape, weights, table.row_labels, labels)

    def _written(self, values: Vector, j: int) -> Vector:
        """Return the values of a column that becomes one column of numbers."""
        if j in self.kinds:
            self._check(values, self.kinds[j], j)
            return self.scores(j)[values.astype(np.intp)]
        if j not in self.powers:
            return values
        self.powers[j].check(values)
        return self.powers[j].write(values)

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
    def is_power(self) -> NDArray[np.bool_]:
        """Mask of the columns that are written as square roots or logarithms."""
        mask = np.zeros(self.width, bool)
        mask[list(self.powers)] = True
        return mask

    @property
    def is_number(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        mask = np.ones(self.width, bool)
        mask[list(self.kinds)] = False
        return mask
