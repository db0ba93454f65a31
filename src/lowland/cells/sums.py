"""What is summed of cells line by line, wherever they are.

Each function takes a block first and returns arrays with one entry per line of the block. No line's numbers
depend on other lines or on where the block ends, so that the same table gives the same bits in one block, in
many, or on many machines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.sparse_tables.sparse import multiply_rows, sample_product, squared_errors


def line_errors(block: CellBlock, partner: Matrix, factors: Matrix) -> Arrays:
    """Return the weighted squared errors of predictions factors @ partner.T by line."""
    return (squared_errors(factors, partner, block.starts, block.partners, block.values, block.weights),)


def residual_block(block: CellBlock, partner: Matrix, factors: Matrix, dtype: DTypeLike) -> CellBlock:
    """Return a block with what predictions factors @ partner.T leave of its values, rounded."""
    values = np.empty(block.values.size, dtype)
    for cells, lines in block.stretches():
        values[cells] = block.values[cells] - sample_product(factors, partner, lines, block.partners[cells])
    return replace(block, values=values)


def weighted_sums(block: CellBlock, table: Matrix) -> Arrays:
    """Return the sum of a table's rows over the partners of each line, times the values of the cells."""
    return (multiply_rows(block.starts, block.partners, block.values, table),)


def gathered_sums(block: CellBlock, table: Matrix) -> Arrays:
    """Return the sum of a table's rows over the partners of each line."""
    return (multiply_rows(block.starts, block.partners, None, table),)


def known_cells(block: CellBlock, width: int) -> Arrays:
    """Return for each line which of its `width` cells are observed."""
    known = np.zeros((block.size, width), bool)
    known[block.lines, block.partners] = True
    return (known,)


def log_weights(block: CellBlock) -> Arrays:
    """Return the sum of the logarithms of the weights of each line's cells."""
    assert block.weights is not None
    weights = block.weights
    return (_summed(block, lambda cells, _: np.log(weights[cells].astype(np.float64))),)


def line_sums(block: CellBlock) -> Arrays:
    """Return the sum of the values of each line."""
    return (_summed(block, lambda cells, _: block.values[cells].astype(np.float64)),)


def line_squares(block: CellBlock, centres: Vector) -> Arrays:
    """Return the sum of squares of each line's values about its centre."""
    values = block.values
    return (_summed(block, lambda cells, lines: (values[cells].astype(np.float64) - centres[lines]) ** 2),)


def line_extremes(block: CellBlock) -> Arrays:
    """Return the least and the largest value of each line, infinite if it has none."""
    full = block.counts > 0
    begins = block.starts[:-1][full]
    least, most = np.full(full.size, np.inf), np.full(full.size, -np.inf)
    if begins.size:
        least[full] = np.minimum.reduceat(block.values, begins)
        most[full] = np.maximum.reduceat(block.values, begins)
    return least, most


def line_weights(block: CellBlock) -> Arrays:
    """Return the sum of the weights of each line's cells."""
    assert block.weights is not None
    return line_sums(replace(block, values=block.weights))


def sampled_values(block: CellBlock, step: int, begins: NDArray[np.int64]) -> Arrays:
    """Return the values whose number in the table is a multiple of a step; lines begin at these numbers."""
    first = int(begins[0]) if begins.size else 0
    return (block.values[-first % step :: step],)


def without_places(block: CellBlock, begins: Indices, hidden: Indices) -> CellBlock:
    """Return a block without some of all cells, by their places, ascending; its lines begin at some."""
    low, high = np.searchsorted(hidden, (begins[0], begins[0] + block.values.size))
    kept = np.ones(block.values.size, bool)
    kept[hidden[low:high] - begins[0]] = False
    return block.where(kept)


def scaled_block(block: CellBlock, by_partner: tuple[Vector, Vector] | None, *by_line: Vector) -> CellBlock:
    """Return a block whose values are centred and divided, by the other side or by line."""
    values = np.empty_like(block.values)
    for cells, lines in block.stretches():
        places = lines if by_partner is None else block.partners[cells]
        centres, spreads = (numbers[places] for numbers in by_partner or by_line)
        values[cells] = (block.values[cells] - centres) / spreads
    return replace(block, values=values)


def _summed(block: CellBlock, numbers: Callable[[slice, Indices], Vector]) -> Vector:
    """Return the sum of each line's numbers, which a function gives for some cells and their lines."""
    sums = np.zeros(block.size)
    for cells, lines in block.stretches():
        sums += np.bincount(lines, numbers(cells, lines), minlength=block.size)
    return sums
