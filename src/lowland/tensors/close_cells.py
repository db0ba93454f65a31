"""Cells of a tensor with twice the digits, for data that are reproduced exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.error_free import LEAST, MOST, Close, close_dots, close_product, two_product
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import CALL, touch
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.kernels.mode_products import unfold
from lowland.tensors.tucker_tensor import TuckerTensor

# numbers of an array that are formed at once, and work of a product as a multiple of a rounded one's
PIECE, TIMES = 1_000_000, 40.0


def close_tucker(data: TensorObservations, at: TuckerTensor) -> Iterator[tuple[slice, Close]]:
    """Yield the known cells of a tensor in Tucker form, and their places, some at a time.

    Parameters
    ----------
    data : TensorObservations
        Only the positions are used.
    at : TuckerTensor

    Yields
    ------
    slice, Close
        Errors are some 2^-76 of the largest terms, and infinite beyond 1e120.
    """
    first, *others = (np.asarray(factor, np.float64) for factor in at.factors)
    flat = np.asarray(unfold(at.core, 0), np.float64)
    touch(CALL + TIMES * data.size * (max(at.ranks) if data.is_full else flat.shape[1]))
    grid = close_product(first, flat)
    if data.positions is None:
        each = data.size // len(first)
        step = max(1, PIECE // each)
        for low in range(0, len(first), step):
            rows = slice(low, min(low + step, len(first)))
            yield slice(low * each, rows.stop * each), _all_others(_some_rows(grid, rows), others)
        return
    step = max(1, PIECE // flat.shape[1])
    for low in range(0, data.size, step):
        here = slice(low, low + step)
        yield here, _some(grid, others, data.positions[here])


def _some_rows(grid: Close, rows: slice | NDArray[np.int64]) -> Close:
    return grid.each(lambda part: part[rows])


def _all_others(at: Close, factors: Sequence[Matrix]) -> Close:
    """Return all cells of some slices of the first mode, given the core times its factor."""
    count = len(at.high)
    for (
        factor
    ) in factors:  # each product removes the mode that is first after the slices, and appends its own
        at = _joined_rows(_times(_split_rows(at, factor.shape[1]), factor.T), count)
    return at.each(np.ravel)


def _split_rows(at: Close, rank: int) -> Close:
    """Return rows of the numbers that a mode sums over, the first mode of each row."""
    return at.each(lambda part: part.reshape(len(part), rank, -1).transpose(0, 2, 1).reshape(-1, rank))


def _joined_rows(at: Close, count: int) -> Close:
    return at.each(lambda part: part.reshape(count, -1))


def _times(a: Close, matrix: Matrix) -> Close:
    """Return a @ matrix."""
    found, sizes = close_product(a.high, matrix), np.abs(matrix)
    low = found.low + a.low @ matrix
    lost = gamma(len(matrix) + 4) * (np.abs(a.low) @ sizes) + unit_roundoff("float64") * np.abs(low)
    return Close(found.high, low, (found.error + a.error @ sizes + 2 * lost) * (1 + 1e-9))


def _some(grid: Close, factors: Sequence[Matrix], places: NDArray[np.int64]) -> Close:
    """Return some cells, given the core times the first factor."""
    at, count = _some_rows(grid, places[:, 0]), len(places)
    for factor, column in zip(factors, places.T[1:], strict=True):
        at = _split_rows(at, factor.shape[1])
        rows = np.repeat(factor[column], len(at.high) // count, axis=0)
        at = _joined_rows(_dots(at, rows), count)
    return at.each(np.ravel)


def _dots(a: Close, rows: Matrix) -> Close:
    """Return the sums of products of rows."""
    found, sizes = close_dots(a.high, rows), np.abs(rows)
    low = found.low + np.einsum("pk,pk->p", a.low, rows)
    lost = gamma(rows.shape[1] + 4) * np.einsum("pk,pk->p", np.abs(a.low), sizes)
    lost = lost + unit_roundoff("float64") * np.abs(low)
    error = found.error + np.einsum("pk,pk->p", a.error, sizes) + 2 * lost
    return Close(found.high, low, error * (1 + 1e-9))


def close_components(data: TensorObservations, factors: Sequence[Matrix]) -> Iterator[tuple[slice, Close]]:
    """Yield the known cells of a sum of products of the factors' columns; see `close_tucker`."""
    *others, last = (np.asarray(factor, np.float64) for factor in factors)
    rank = last.shape[1]
    touch(CALL + TIMES * data.size * rank * len(factors))
    step = max(1, PIECE // rank)
    for low in range(0, data.size, step):
        here = slice(low, min(low + step, data.size))
        places = data.positions_of(np.arange(low, here.stop))
        high = others[0][places[:, 0]]
        at = Close(high, np.zeros_like(high), np.zeros_like(high))
        for factor, column in zip(others[1:], places.T[1:], strict=False):
            at = _each_times(at, factor[column])
        yield here, _dots(at, last[places[:, -1]])


def _each_times(a: Close, b: Matrix) -> Close:
    """Return the products, entry by entry."""
    (high, rest), sizes = two_product(a.high, b), np.abs(b)
    low = rest + a.low * b
    lost = 2 * unit_roundoff("float64") * (np.abs(a.low) * sizes + np.abs(low))
    error = (a.error * sizes + lost) * (1 + 1e-9)
    for part in (np.abs(a.high), sizes):  # numbers that cannot be split
        error[(part > 0) & ~((part > LEAST) & (part < MOST))] = np.inf
    return Close(high, low, error)
