"""What columns hold that are written otherwise, and what predictions of them mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.encoded.level_maps import LevelMap
from lowland.completion.encoded.levels import Levels
from lowland.completion.encoded.powers import Power
from lowland.completion.encoded.writing import of_each
from lowland.completion.tables.model import ColumnLosses
from lowland.core.arrays import Indices, Vector


@final
@dataclass(frozen=True, eq=False)
class LevelColumns:
    """Which columns hold numbers, and what predictions of levels mean.

    Parameters
    ----------
    levels : Levels
    maps : mapping of int to LevelMap
    """

    levels: Levels
    maps: Mapping[int, LevelMap]

    @property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        return self.levels.is_number

    @property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together: the numbers."""
        return (self.numbers,) if self.numbers.any() else ()

    def words(self) -> Sequence[str]:
        """Return what the columns hold."""
        return ["levels", "squared"]

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells, about which only their predictions in numbers are known."""
        out = np.asarray(z, np.float64).copy()
        for j, kind, at in of_each(self.levels.kinds, columns):
            if kind.ordered:
                out[at] = self.maps[j].probabilities(out[at][:, None]) @ np.arange(kind.count)
        return out

    def levels_of(self, column: int) -> Vector:
        """Return the positions of the levels of a column, none of a column of numbers."""
        kind = self.levels.kinds.get(column)
        return np.arange(0.0 if kind is None else kind.count)


@final
@dataclass(frozen=True, eq=False)
class PowerColumns:
    """What predictions of roots and logarithms mean, where nothing else is known of a cell.

    Parameters
    ----------
    powers : mapping of int to Power
    within : ColumnLosses or None
        What the columns within hold.
    width : int
    """

    powers: Mapping[int, Power]
    within: ColumnLosses | None
    width: int

    @property
    def numbers(self) -> NDArray[np.bool_]:
        """Mask of the columns that hold numbers."""
        return np.ones(self.width, bool) if self.within is None else self.within.numbers

    @property
    def calibrating(self) -> tuple[NDArray[np.bool_], ...]:
        """Groups of columns whose errors are calibrated together."""
        return (self.numbers,) if self.within is None else self.within.calibrating

    def words(self) -> Sequence[str]:
        """Return what the columns hold."""
        return ["squared"] if self.within is None else self.within.words()

    def mean(self, z: Vector, columns: Indices) -> Vector:
        """Return expected values of cells, about which only their predictions within are known."""
        out = np.asarray(z, np.float64).copy() if self.within is None else self.within.mean(z, columns)
        for _, power, at in of_each(self.powers, columns):
            out[at] = power.expect(out[at], np.full(at.size, power.spread))[0]
        return out

    def levels_of(self, column: int) -> Vector:
        """Return the levels of a column as they are within: roots and logarithms have none."""
        return np.zeros(0) if self.within is None else self.within.levels_of(column)
