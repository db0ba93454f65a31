"""Some cells taken out of a table, wherever its cells are: what they hold, and all the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerLine, TableCells
from lowland.core.arrays import Indices
from lowland.core.halving import find_by_halving


def without(cells: TableCells, rows: Indices, columns: Indices) -> TableCells:
    """Return a table without some of its cells."""
    sides = []
    for side, (lines, partners) in enumerate(((rows, columns), (columns, rows))):
        left = cells.sides[side].counts - np.bincount(lines, minlength=cells.shape[side])
        sides.append(cells.sides[side].thinned(left, without_cells, lines, partners))
    return replace(cells, sides=(sides[0], sides[1]), size=cells.size - rows.size)


def some_rows(cells: TableCells, share: float) -> TableCells:
    """Return a table with the cells of about a share of its rows, drawn at random; the others are empty."""
    taken = np.random.default_rng(0).random(cells.shape[0]) < share
    counts = cells.sides[0].counts * taken
    columns = cells.map(1, counts_inside, taken)[0]
    rows = cells.sides[0].thinned(counts, cells_of_lines, PerLine(taken))
    return replace(
        cells,
        sides=(rows, cells.sides[1].thinned(columns, cells_of_partners, taken)),
        size=int(counts.sum()),
    )


def counts_inside(block: CellBlock, taken: NDArray[np.bool_]) -> Arrays:
    """Return how many of the partners of each line are taken."""
    return (np.bincount(block.lines[taken[block.partners]], minlength=block.size),)


def cells_of_lines(block: CellBlock, taken: NDArray[np.bool_]) -> CellBlock:
    """Return a block with the cells of some of its lines."""
    return block.where(taken[block.lines])


def cells_of_partners(block: CellBlock, taken: NDArray[np.bool_]) -> CellBlock:
    """Return a block with the cells whose partners are taken."""
    return block.where(taken[block.partners])


def cells_inside(block: CellBlock, begins: Indices, inside: NDArray[np.bool_], places: Indices) -> Arrays:
    """Return lines, partners and values of some of the cells whose partners are inside, by their places.

    Places count these cells alone, line by line, of which lines begin at some.
    """
    cells = np.flatnonzero(inside[block.partners])
    cells = cells[places[(places >= begins[0]) & (places < begins[0] + cells.size)] - begins[0]]
    return lines_of(block, cells), block.partners[cells].astype(np.intp), block.values[cells]


def lines_of(block: CellBlock, cells: Indices) -> Indices:
    """Return the lines of some cells of a block, by their places in it."""
    return np.asarray(block.first + np.searchsorted(block.starts, cells, side="right") - 1)


def cells_at(block: CellBlock, begins: Indices, places: Indices) -> Arrays:
    """Return lines, partners, values and weights of some of all cells, by their places line by line."""
    cells = places[(places >= begins[0]) & (places < begins[0] + block.values.size)] - begins[0]
    weights = np.ones(cells.size) if block.weights is None else block.weights[cells]
    return lines_of(block, cells), block.partners[cells].astype(np.intp), block.values[cells], weights


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
    return block.where(left)
