"""Biases of rows, columns and a whole table at their minimiser, for squared losses."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices, Vector


def without_biases(
    y: Vector,
    weights: Vector,
    cells: tuple[Indices, Indices],
    shape: tuple[int, int],
    free: tuple[str, ...],
    ridge: Vector,
) -> Vector:
    """Return data minus the biases that fit them best.

    Parameters
    ----------
    y, weights : ndarray, shape (p,)
    cells : tuple of ndarray
        Rows and columns of the data.
    shape : tuple of int
    free : tuple of {"row", "column", "global"}
        Which biases are fitted.
    ridge : ndarray, shape (m + n + 1,)
        Ridge on each bias of a row, of a column, and on the overall one.
    """
    (m, _), (i, j) = shape, cells
    rest, biases = np.asarray(y, float), np.zeros(sum(shape) + 1)
    for _ in range(3):  # until only rounding is left
        biases = biases + _step(rest, weights, cells, shape, free, ridge, biases)
        rest = y - biases[i] - biases[m + j] - biases[-1]
    return np.asarray(rest)


def _step(
    rest: Vector,
    weights: Vector,
    cells: tuple[Indices, Indices],
    shape: tuple[int, int],
    free: tuple[str, ...],
    ridge: Vector,
    held: Vector,
) -> Vector:
    """Return the change of all biases that fits what is left, given those already held.

    The biases of one side are eliminated, which have one equation each.
    """
    (m, n), rows, columns = shape, "row" in free, "column" in free
    by_row = rows and (not columns or m >= n)
    lines, others = (m, n) if by_row else (n, m)
    long = np.arange(m) if by_row else m + np.arange(n if columns else 0)
    short = m + np.arange(n if columns else 0) if by_row else np.arange(m if rows else 0)
    kept = np.concatenate([short, [m + n] if "global" in free else []]).astype(np.intp)
    # sums over cells, over lines in the last column, over others in the last row
    total, moment = (
        _with_sums(numbers, cells if by_row else cells[::-1], (lines, others))
        for numbers in (weights, weights * rest)
    )
    at = np.concatenate([np.arange(short.size), [others] if "global" in free else []]).astype(np.intp)
    coupling, block = total[: long.size][:, at], np.diag(total[-1, at] + ridge[kept])
    if "global" in free:
        block[-1, :-1] = block[:-1, -1] = total[-1, : short.size]
    diagonal = total[: long.size, -1] + ridge[long]
    inverse = np.divide(1.0, diagonal, out=np.zeros(long.size), where=diagonal > 0)
    of_long, of_kept = moment[: long.size, -1] - (ridge * held)[long], moment[-1, at] - (ridge * held)[kept]
    reduced = block - coupling.T @ (inverse[:, None] * coupling)
    # scaled to a unit diagonal, so that light lines are not taken for rounding
    sizes = block.diagonal()
    scale = np.divide(1.0, np.sqrt(sizes), out=np.zeros(kept.size), where=sizes > 0)
    right = scale * (of_kept - coupling.T @ (inverse * of_long))
    out = np.zeros(m + n + 1)
    if kept.size:
        out[kept] = scale * np.linalg.lstsq(scale[:, None] * reduced * scale, right, rcond=1e-11)[0]
    out[long] = inverse * (of_long - coupling @ out[kept])
    return out


def _with_sums(numbers: Vector, cells: tuple[Indices, Indices], shape: tuple[int, int]) -> Vector:
    """Return the table of numbers with its sums over columns, over rows, and over all beside it."""
    table = np.zeros((shape[0] + 1, shape[1] + 1))
    np.add.at(table, cells, numbers)
    table[:-1, -1] = table[:-1].sum(axis=1)
    table[-1] = table.sum(axis=0)
    return table
