"""Checks of arrays passed by users, each raising an error in four parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.errors import InvalidInputError

Vector: TypeAlias = NDArray[np.floating[Any]]
# real or complex: factors, measuring matrices, measured values
Matrix: TypeAlias = NDArray[Any]
Indices: TypeAlias = NDArray[np.intp]


def check_floats(
    values: ArrayLike, name: str, *, dtype: str | None = None, ndim: int | None = None
) -> Vector:
    """Return `values` as a contiguous finite real array.

    Parameters
    ----------
    values : array_like
        Numbers; float32 and float64 keep their type unless `dtype` is given.
    name : str
        The argument's name, for the error.
    dtype : str, optional
        "float32" or "float64".
    ndim : int, optional
        Required number of dimensions.

    Returns
    -------
    ndarray
        C-contiguous, float32 or float64.

    Raises
    ------
    InvalidInputError
        If the array is complex, not numeric, not finite, or has the wrong number of dimensions.
    """
    array = np.asarray(values)
    if np.iscomplexobj(array):
        raise InvalidInputError(f"{name} must be real", f"dtype {array.dtype}", fix="pass a real array")
    if array.dtype.kind in "mM":  # NumPy would count units since 1970
        raise InvalidInputError(
            f"{name} must hold numbers", f"dtype {array.dtype}", fix="subtract a time and divide by a unit"
        )
    if dtype is None:
        dtype = "float32" if array.dtype == np.float32 else "float64"
    try:
        array = np.ascontiguousarray(array, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{name} must hold numbers",
            f"dtype {np.asarray(values).dtype}",
            fix="convert the values to floats",
        ) from error
    if ndim is not None and array.ndim != ndim:
        raise InvalidInputError(
            f"{name} must have {ndim} dimension{'s' if ndim != 1 else ''}", f"shape {array.shape}"
        )
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidInputError(
            f"{name} must be finite", f"{array[where]} at position {where}", fix="drop or mask such values"
        )
    return array


def check_numbers(values: ArrayLike, name: str, *, ndim: int | None = None) -> Matrix:
    """Return `values` as a contiguous finite array, complex if they are.

    Parameters
    ----------
    values : array_like
        Numbers; single and double precision keep their type.
    name : str
        The argument's name, for the error.
    ndim : int, optional
        Required number of dimensions.

    Returns
    -------
    ndarray
        C-contiguous, real or complex.

    Raises
    ------
    InvalidInputError
        If the array is not numeric, not finite, or has the wrong number of dimensions.
    """
    array = np.asarray(values)
    if not np.iscomplexobj(array):
        return check_floats(array, name, ndim=ndim)
    array = np.ascontiguousarray(array, dtype=np.complex64 if array.dtype == np.complex64 else np.complex128)
    check_floats(array.view(array.real.dtype).reshape(*array.shape, 2), name)
    if ndim is not None:
        check_floats(array.real, name, ndim=ndim)
    return array


def check_positions(
    positions: ArrayLike, name: str, *, below: int, fix: str = "pass positions counted from 0"
) -> Indices:
    """Return positions as a one-dimensional integer array within ``0 <= i < below``.

    Parameters
    ----------
    positions : array_like of int, shape (p,)
        Positions; may repeat.
    name : str
        The argument's name, for the error.
    below : int
        Exclusive upper bound.
    fix : str
        What to do, for the error.

    Returns
    -------
    ndarray of intp, shape (p,)

    Raises
    ------
    InvalidInputError
        If a position is not an integer or is out of range.
    """
    array = np.asarray(positions)
    if array.ndim != 1:
        raise InvalidInputError(f"{name} must be one-dimensional", f"shape {array.shape}", fix=fix)
    if array.size and array.dtype.kind not in "iu":
        raise InvalidInputError(f"{name} must be integer positions", f"dtype {array.dtype}", fix=fix)
    array = np.ascontiguousarray(array, dtype=np.intp)
    if array.size and not (0 <= array.min() and array.max() < below):
        bad = int(array[(array < 0) | (array >= below)][0])
        raise InvalidInputError(f"{name} must lie between 0 and {below - 1}", str(bad), fix=fix)
    return array


def cell_codes(rows: Indices, columns: Indices, width: int) -> Indices:
    """Return the places of cells in a table of some width, read row by row, without a second array."""
    codes = rows * width
    codes += columns
    return codes


# powers of larger numbers overflow, and of smaller ones underflow
SMALLEST_SCALE, LARGEST_SCALE = 1e-60, 1e60


def check_scale(name: str, numbers: Matrix) -> None:
    """Raise InvalidInputError if numbers are `out_of_scale`."""
    if out_of_scale(numbers):
        raise InvalidInputError(
            f"{name} is out of scale", f"{out_of_scale(numbers):.3g}", fix="change its unit"
        )


def check_size(name: str, numbers: Matrix) -> None:
    """Raise InvalidInputError if numbers are so large that their squares are of no use; small ones may be."""
    if out_of_scale(numbers, smallest=0.0):
        raise overflows(name, numbers)


def overflows(name: str, numbers: Matrix) -> InvalidInputError:
    """Return the error of numbers from which no finite result can be computed."""
    return InvalidInputError(
        f"{name} is out of scale",
        f"largest magnitude {float(np.max(np.abs(numbers), initial=0.0)):.3g}",
        f"powers of values beyond {LARGEST_SCALE:g} overflow; in single precision, of far smaller ones",
        "correct the value, or leave the cell missing",
    )


def out_of_scale(values: Matrix, smallest: float = SMALLEST_SCALE, largest: float = LARGEST_SCALE) -> float:
    """Return the largest magnitude if it is neither zero nor within a range, otherwise zero."""
    if np.iscomplexobj(values):
        magnitude = float(np.abs(values).max(initial=0.0))
    else:  # no copy: the values may fill half of memory
        magnitude = max(float(np.max(values, initial=0.0)), -float(np.min(values, initial=0.0)))
    return 0.0 if not magnitude or smallest <= magnitude <= largest else magnitude


def check_rank(rank: object, shape: tuple[int, int], *, name: str = "rank") -> int:
    """Return a rank that fits the shape.

    Parameters
    ----------
    rank : int
        The requested rank.
    shape : tuple of int
        Shape of the matrix.
    name : str
        The argument's name, for the error.

    Returns
    -------
    int

    Raises
    ------
    InvalidInputError
        If it is not an integer, below 1, or above the smaller side.
    """
    limit = min(shape)
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer):
        raise InvalidInputError(f"{name} must be an integer", repr(rank), fix=f"pass 1 to {limit}")
    if not 1 <= rank <= limit:
        raise InvalidInputError(
            f"{name} does not fit the matrix",
            f"{name} {rank} for shape {shape[0]} x {shape[1]}",
            "a larger rank has redundant factors, a smaller one none at all",
            f"use 1 <= {name} <= {limit}",
        )
    return int(rank)


def places_of_each(numbers: Indices, count: int) -> list[Indices]:
    """Return where each of the numbers 0, ..., count - 1 stands, in order; costs one sort."""
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=count))
    return list(np.split(order, ends[:-1]))


def fibre_numbers(positions: NDArray[np.int64], mode: int, shape: Sequence[int]) -> Indices:
    """Return the number of the fibre along a mode that each cell lies in, of all fibres in C order."""
    others = [k for k in range(len(shape)) if k != mode]
    places = tuple(positions[:, k] for k in others)
    return np.asarray(np.ravel_multi_index(places, [shape[k] for k in others]))
