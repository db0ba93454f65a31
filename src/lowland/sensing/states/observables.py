"""Which observables of a state its measured outcomes determine."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.protocols import Measurement

# dimensions up to which the observables are found; smaller singular values, relative to the largest, are none
LARGEST_DIMENSION, NONE = 16, 1e-9


def seen_observables(measurement: Measurement) -> Matrix | None:
    """Return an orthonormal basis of the observables that outcomes determine, by coordinates.

    Parameters
    ----------
    measurement : Measurement
        Of Hermitian matrices.

    Returns
    -------
    ndarray, shape (k, n^2), or None
        None beyond 16 dimensions. If k is n^2, the outcomes determine every state.
    """
    n = measurement.shape[0]
    if n > LARGEST_DIMENSION:
        return None
    units = np.eye(n * n).reshape(-1, n, n)
    means = np.array([measurement.measure_matrix(_hermitian(unit)) for unit in units]).real
    directions, sizes, _ = np.linalg.svd(means, full_matrices=False)
    return np.asarray(directions[:, sizes > NONE * sizes[0]].T)


def is_seen(observable: Matrix, seen: Matrix) -> bool:
    """Return whether outcomes determine the mean of a Hermitian matrix, given what they determine."""
    coordinates = _coordinates(observable)
    left = coordinates - seen.T @ (seen @ coordinates)
    return bool(np.linalg.norm(left) <= np.sqrt(NONE) * np.linalg.norm(coordinates))


def _hermitian(unit: Matrix) -> Matrix:
    """Return the Hermitian matrix of some coordinates: above the diagonal those of imaginary parts."""
    upper, lower = np.triu(unit, 1), np.tril(unit, -1)
    both = (lower + lower.T) / np.sqrt(2) + 1j * (upper - upper.T) / np.sqrt(2)
    return np.asarray(np.diag(np.diag(unit)) + both)


def _coordinates(matrix: Matrix) -> Vector:
    """Return the coordinates of a Hermitian matrix, in which the Frobenius norm is Euclidean."""
    parts = np.sqrt(2) * (np.tril(matrix.real, -1) + np.triu(matrix.imag, 1))
    return np.asarray((np.diag(np.diag(matrix.real)) + parts).ravel())
