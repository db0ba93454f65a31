"""The row kernel of completion: per-row normal equations of one factor with the other fixed.

Alternating minimisation, variational and Gibbs sweeps all start from these systems. Three forms
compute the same numbers to rounding: `rows_vector` (hand-placed registers, compiled once per width) for large
tables, `rows_portable` (plain loops, compiled once) for moderate ones, and `rows_numpy` for small ones, whose
fits take less time than a compiler. Every row is computed separately and in a fixed order, so the bits do not
depend on the number of threads or on the rows beside it; the form depends on the whole table's shape alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError

# the vector form is compiled once per width; above this width its code is too long to pay off
WIDEST_VECTOR = 96
# cells of a table, known or not, times squared width: up to here a whole fit in NumPy takes less time than
# compilation of its kernels
SMALL = 1 << 18
# and up to here it takes less time in plain loops than compilation of the vector form for all its widths
MODERATE = 1 << 21
FORMS = ("vector", "portable", "numpy")


def default_form(width: int, shape: Sequence[int] | None = None, small: int = SMALL) -> str:
    """Return the form of the kernels of a fit: "vector", "portable" or "numpy".

    Parameters
    ----------
    width : int
        Numbers per row.
    shape : sequence of int, optional
        That of the whole table or tensor, not of a part of it: all parts must have the same form. NumPy's
        is for small ones alone.
    small : int
        Cells times squared width up to which a table is small.

    Raises
    ------
    InvalidInputError
        If LOWLAND_ROW_KERNEL, which overrides the choice, names none of the three.
    """
    chosen = os.environ.get("LOWLAND_ROW_KERNEL", "")
    if chosen not in ("", *FORMS):
        raise InvalidInputError(
            "LOWLAND_ROW_KERNEL is unknown",
            repr(chosen),
            fix=f"set it to one of {', '.join(FORMS)}, or unset it",
        )
    if not chosen and shape is not None:
        size = prod(shape) * width**2
        if size <= small:
            return "numpy"
        if size <= MODERATE:
            return "portable"
    return chosen or ("vector" if width <= WIDEST_VECTOR else "portable")


def pivot_floor(width: int, dtype: np.dtype[Any]) -> float:
    """Return the fraction of its diagonal entry below which a pivot counts as rounding."""
    return float(4 * width * np.finfo(dtype).eps)


@final
@dataclass(frozen=True)
class Noise:
    """The normals that turn solutions into draws from the Gaussian with the same precision.

    Parameters
    ----------
    key : int
        Seed of the stream, below 2^64.
    sweep : int
        Counter, below 2^32; equal keys and sweeps give equal normals.
    scale : float
        Standard deviation of the normals; 1 for the precision of the systems as they are.
    first : int
        Number of the first row in the stream: rows of a table may be drawn in several parts.
    """

    key: int
    sweep: int
    scale: float = 1.0
    first: int = 0


def solve_rows(
    partner: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Vector,
    *,
    weights: Vector | None = None,
    precision: Matrix,
    shift: Vector | None = None,
    count_ridge: float = 0.0,
    noise: Noise | None = None,
    form: str | None = None,
) -> Matrix:
    """Solve (P + c_i I + sum_j w_ij y_j y_j^T) x_i = shift + sum_j w_ij v_ij y_j for every row i.

    Parameters
    ----------
    partner : ndarray, shape (n, k)
        Factor rows y_j of the other side, float32 or float64.
    starts : ndarray of int64, shape (rows + 1,)
        Entries of row i lie at starts[i] .. starts[i + 1].
    indices : ndarray of int32, shape (p,)
        Which partner row each entry belongs to.
    values : ndarray, shape (p,)
        Targets v.
    weights : ndarray, shape (p,), optional
        Positive weights w; None means 1.
    precision : ndarray, shape (k, k)
        Prior precision P, symmetric.
    shift : ndarray, shape (k,) or (rows, k), optional
        Prior precision times prior mean, for all rows or each row; zero by default.
    count_ridge : float
        Ridge per entry: c_i is this times the number of entries of row i.
    noise : Noise, optional
        Makes x_i a draw from the Gaussian with this mean, whose precision is the matrix on the left
        divided by the squared scale.
    form : {"vector", "portable", "numpy"}, optional
        From `default_form`; by default the faster one for large tables.

    Returns
    -------
    ndarray, shape (rows, k)
        Unknowns whose pivot falls below rounding are set to zero: a row with fewer entries than
        unknowns and no ridge gets one of its least-squares solutions.
    """
    dtype = values.dtype
    k = partner.shape[1]
    out = np.empty((starts.size - 1, k), dtype)
    tolerance = pivot_floor(k, dtype)
    shift = np.zeros(k, dtype) if shift is None else np.asarray(shift, dtype)
    arguments = (
        np.asarray(partner, dtype),
        starts,
        indices,
        np.ascontiguousarray(values),
        None if weights is None else np.ascontiguousarray(weights, dtype),
        np.asarray(precision, dtype),
        shift,
        count_ridge,
        noise,
        tolerance,
        out,
    )
    # the compiler is imported by the forms that need it
    import_module(f"lowland.kernels.systems.rows_{form or default_form(k)}").solve_rows(*arguments)
    return out
