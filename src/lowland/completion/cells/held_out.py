"""Cells that are held out of the sweeps that learn priors and noise, wherever the cells are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerLine, TableCells
from lowland.core.arrays import Indices, Vector
from lowland.core.halving import find_by_halving
from lowland.trials.choices import PRIORS
from lowland.trials.masks import single_cells


@final
@dataclass(frozen=True, eq=False)
class HeldCells:
    """Cells with their values.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (k,)
    values : ndarray, shape (k,)
        In the unit of the fit.
    weights : ndarray, shape (k,)
    """

    rows: Indices
    columns: Indices
    values: Vector
    weights: Vector

    @property
    def at(self) -> tuple[Indices, Indices]:
        """Rows and columns."""
        return self.rows, self.columns


def hold_out(cells: TableCells) -> tuple[TableCells, HeldCells]:
    """Return a table without a few cells, which depend on its pattern alone, and these."""
    count = PRIORS.hides.count(cells.size)
    places = np.flatnonzero(single_cells(cells.size, count, np.random.default_rng(0)))
    begins = np.concatenate([[0], np.cumsum(cells.sides[0].counts)])[:-1]
    rows, columns, values, weights = cells.map(0, cells_at, PerLine(begins), places)
    held = HeldCells(rows, columns, values.astype(np.float64), weights.astype(np.float64))
    sides = []
    for side, (lines, partners) in enumerate(((rows, columns), (columns, rows))):
        left = cells.sides[side].counts - np.bincount(lines, minlength=cells.shape[side])
        sides.append(cells.sides[side].thinned(left, without_cells, lines, partners))
    return replace(cells, sides=(sides[0], sides[1]), size=cells.size - count), held


def cells_at(block: CellBlock, begins: Indices, places: Indices) -> Arrays:
    """Return lines, partners, values and weights of some of all cells, by their places line by line."""
    cells = places[(places >= begins[0]) & (places < begins[0] + block.values.size)] - begins[0]
    lines = block.first + np.searchsorted(block.starts, cells, side="right") - 1
    weights = np.ones(cells.size) if block.weights is None else block.weights[cells]
    return lines, block.partners[cells].astype(np.intp), block.values[cells], weights


def without_cells(block: CellBlock, lines: Indices, partners: Indices) -> CellBlock:
    """Return a block without some cells, which are there."""
    mine = (lines >= block.first) & (lines < block.first + block.starts.size - 1)
    at, asked = lines[mine] - block.first, partners[mine]
    # each line's partners ascend
    places = find_by_halving(
        block.starts[at], block.starts[at + 1], lambda middle: asked < block.partners[middle]
    )
    left = np.ones(block.values.size, bool)
    left[places] = False
    return replace(
        block,
        starts=np.concatenate([[0], np.cumsum(left)])[block.starts].astype(np.int64),
        partners=block.partners[left],
        values=block.values[left],
        weights=None if block.weights is None else block.weights[left],
    )
