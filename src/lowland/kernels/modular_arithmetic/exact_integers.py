"""Exact signs and ranks of arrays of floats, by unbounded integers; floats decide the clear cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = list[list[int]]


def integer_rows(matrix: Array) -> Integers:
    """Return the rows of a matrix of floats as integers, each row times a positive power of two."""
    mantissa, exponent = np.frexp(np.asarray(matrix, np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    rows: Integers = []
    for numbers, powers in zip(whole.tolist(), exponent.tolist(), strict=True):
        used = [p for number, p in zip(numbers, powers, strict=True) if number]
        least = min(used, default=0)
        rows.append(
            [number << (p - least) if number else 0 for number, p in zip(numbers, powers, strict=True)]
        )
    return rows


def determinant_sign(rows: Sequence[Sequence[int]]) -> int:
    """Return the sign of the determinant of a square matrix of integers, by Bareiss' elimination."""
    m = [list(row) for row in rows]
    sign, before = 1, 1
    for k in range(len(m)):
        at = next((i for i in range(k, len(m)) if m[i][k]), None)
        if at is None:
            return 0
        if at != k:
            m[k], m[at], sign = m[at], m[k], -sign
        pivot = m[k][k]
        for i in range(k + 1, len(m)):
            factor = m[i][k]
            m[i] = [(pivot * a - factor * b) // before for a, b in zip(m[i], m[k], strict=True)]
        before = pivot
    return sign if before > 0 else -sign


def pivot_columns(rows: Sequence[Sequence[int]]) -> list[int]:
    """Return columns that form a basis of the column space of a matrix of integers."""
    m = [list(row) for row in rows]
    columns = len(m[0]) if m else 0
    top, before, pivots = 0, 1, []
    for c in range(columns):
        at = next((i for i in range(top, len(m)) if m[i][c]), None)
        if at is None:
            continue
        m[top], m[at] = m[at], m[top]
        pivot = m[top][c]
        for i in range(top + 1, len(m)):
            factor = m[i][c]
            m[i] = [(pivot * a - factor * b) // before for a, b in zip(m[i], m[top], strict=True)]
        before, top = pivot, top + 1
        pivots.append(c)
    return pivots


def exact_rank(matrix: NDArray[Any]) -> int:
    """Return the rank of a matrix of floats over the rational numbers.

    O(rows columns rank) operations with integers of up to 53 rank bits: suitable for a few hundred rows.
    """
    return len(pivot_columns(integer_rows(np.asarray(matrix, np.float64))))


def product_signs(points: Array, directions: Array) -> NDArray[np.int8]:
    """Return the exact signs of points @ directions.T, shape (n, k), each -1, 0 or 1.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    directions : ndarray, shape (k, d)
    """
    # |computed - exact| <= gamma_d |x| |w| by absolute values, in any order of summation
    with np.errstate(over="ignore", invalid="ignore"):
        product = points @ directions.T
        bound = (points.shape[1] + 2) * np.finfo(float).eps * (np.abs(points) @ np.abs(directions).T)
        signs = np.sign(product).astype(np.int8)
    tiny = np.finfo(float).tiny * (points.shape[1] + 1)
    doubtful = np.argwhere(~(np.abs(product) > bound + tiny))  # NaN is doubtful too
    if doubtful.size:
        rows, others = integer_rows(points), integer_rows(directions)
        for i, k in doubtful:
            total = sum(a * b for a, b in zip(rows[i], others[k], strict=True))
            signs[i, k] = (total > 0) - (total < 0)
    return signs


def normals(rows: Array, picks: NDArray[np.intp]) -> Array:
    """Return vectors orthogonal to picked rows, by minors, shape (picks, d).

    Parameters
    ----------
    rows : ndarray, shape (n, d)
    picks : ndarray of int, shape (picks, d - 1)
    """
    picked = rows[picks]
    d = rows.shape[1]
    out = np.empty((len(picks), d))
    for c in range(d):
        minor = np.delete(picked, c, axis=2)
        out[:, c] = (-1) ** c * (np.linalg.det(minor) if d > 1 else 1.0)
    return out


def side_signs(
    rows: Array, whole: Integers, picks: NDArray[np.intp]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return on which side of the hyperplane through picked rows every row lies, exactly.

    Parameters
    ----------
    rows : ndarray, shape (n, d)
        Of rank d.
    whole : list of list of int
        The same rows as integers.
    picks : ndarray of int, shape (picks, d - 1)

    Returns
    -------
    signs : ndarray of int8, shape (picks, n)
    independent : ndarray of bool, shape (picks,)
        Where False, the picked rows span no hyperplane and all signs are 0.
    """
    d = rows.shape[1]
    sizes = np.abs(rows).sum(axis=1)
    product = normals(rows, picks) @ rows.T
    # determinants by LU: backward stable up to growth 2^d, forward error by the product of the rows' norms
    scale = np.prod(sizes[picks], axis=1)[:, None] * sizes
    bound = 8 * d**3 * 2.0**d * np.finfo(float).eps * scale + np.finfo(float).tiny
    signs = np.sign(product).astype(np.int8)
    doubtful = ~(np.abs(product) > bound)
    picked = np.zeros_like(doubtful)
    np.put_along_axis(picked, picks, True, axis=1)
    signs[picked] = 0
    for p, i in np.argwhere(doubtful & ~picked):
        signs[p, i] = determinant_sign([whole[i], *(whole[k] for k in picks[p])])
    return signs, np.asarray(signs.any(axis=1))
