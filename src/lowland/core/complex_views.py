"""Complex numbers as pairs of real ones: points and data are real vectors everywhere else."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector


def complex_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the complex type whose real and imaginary parts have a given type."""
    return np.dtype(np.complex64 if np.dtype(dtype).itemsize == 4 else np.complex128)


def as_reals(array: Matrix) -> Vector:
    """Return the numbers of an array one after the other, real and imaginary parts interleaved.

    Examples
    --------
    >>> import numpy as np
    >>> as_reals(np.array([1 + 2j, 3.0]))
    array([1., 2., 3., 0.])
    """
    flat = np.ascontiguousarray(array).reshape(-1)
    reals: Vector = flat.view(flat.real.dtype) if np.iscomplexobj(flat) else flat
    return reals


def as_complexes(vector: Vector) -> Matrix:
    """Return the complex numbers of an interleaved real vector, sharing its memory if possible."""
    vector = np.ascontiguousarray(vector)
    numbers: Matrix = vector.view(complex_type(vector.dtype))
    return numbers


def embed(matrix: Matrix) -> Vector:
    """Return [[Re M, -Im M], [Im M, Re M]], a real matrix with the spectrum of M, each value twice.

    Real matrices are returned as they are.
    """
    if not np.iscomplexobj(matrix):
        real: Vector = matrix
        return real
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
