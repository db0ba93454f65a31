"""The Jacobian of the predictions as a matrix, for measurements that give it directly.

For stored matrices A_k it is <A_k V, dU> + <A_k^T U, dV>. An observed entry (i, j) depends only on row i of
U, row j of V, and its biases: a sparse row that holds the numbers of these rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.work import CALL, touch
from lowland.measure import Dense, Entries
from lowland.objectives.problem import RecoveryProblem

# numbers of measuring matrices that are unpacked at a time
UNPACKED = 200_000


def direct_jacobian(objective: RecoveryProblem, theta: Vector) -> Any:
    """Return the derivative of the predictions in all parameters, or None if it would take products.

    Parameters
    ----------
    objective : RecoveryProblem
    theta : ndarray, shape (size,)

    Returns
    -------
    ndarray or csr_array, shape (p, size), or None
        Dense for stored matrices, sparse for observed entries.
    """
    if not is_direct(objective):
        return None
    touch(direct_work(objective))
    if isinstance(objective.measurement, Entries):
        return _of_entries(objective, objective.measurement, theta)
    assert isinstance(objective.measurement, Dense)  # `is_direct`
    return _of_matrices(objective, theta, objective.measurement.source)


def is_direct(objective: RecoveryProblem) -> bool:
    """Whether `direct_jacobian` returns a matrix."""
    if objective.model.is_complex or objective.model.has_unit_trace:
        return False
    entries = isinstance(objective.measurement, Entries)
    return entries or bool(objective.matrices.stored_numbers and not objective.model.biases)


def is_shorter(objective: RecoveryProblem) -> bool:
    """Whether the Jacobian of stored matrices holds fewer than half as many numbers as they do."""
    return is_direct(objective) and 2 * objective.y.size * objective.size < objective.matrices.stored_numbers


def direct_work(objective: RecoveryProblem) -> float:
    """Return the work of `direct_jacobian`."""
    if isinstance(objective.measurement, Entries):
        return float(8 * CALL + 12.0 * objective.y.size * (objective.rank + 1))
    stored = float(objective.y.size) * float(np.prod(objective.shape))
    return float(CALL + 2 * stored * (1 + objective.rank / 12))


def _of_matrices(objective: RecoveryProblem, theta: Vector, measurement: Dense) -> Matrix:
    factors, (m, n), r = objective.matrix(theta), objective.shape, objective.rank
    both, left = objective.model.is_psd, m * r
    dtype = np.result_type(measurement.dtype, factors.left)
    jacobian = np.empty((measurement.size, n * r if both else (m + n) * r), dtype)
    together = max(1, UNPACKED // (m * n))  # triangles are unpacked few at a time
    for low in range(0, measurement.size, together):
        part = jacobian[low : low + together]
        cube = measurement.subset(np.arange(low, low + len(part))).arrays
        for_left = (cube.reshape(-1, n) @ factors.right).reshape(len(cube), left)
        if both and measurement.symmetric:
            np.multiply(for_left, 2, out=part)
            continue
        for_right = (cube.transpose(0, 2, 1) @ factors.left).reshape(len(cube), n * r)
        if both:
            np.add(for_left, for_right, out=part)
        else:
            part[:, :left], part[:, left:] = for_left, for_right
    return jacobian


def _of_entries(objective: RecoveryProblem, entries: Entries, theta: Vector) -> Any:
    from scipy.sparse import csr_array

    rows, columns = entries.rows, entries.columns
    (m, n), r = objective.shape, objective.rank
    if objective.model.is_psd:
        factor, _ = objective.model.sides(theta)
        places, numbers = [_block(rows, r), _block(columns, r)], [factor[columns], factor[rows]]
    else:
        u, v = objective.model.sides(theta)
        places, numbers = [_block(rows, r), m * r + _block(columns, r)], [v[columns], u[rows]]
        at = objective.model.factor_size
        # in the order in which a point holds them
        for name, lines, length in (("row", rows, m), ("column", columns, n), ("global", 0 * rows, 1)):
            if name in objective.model.biases:
                places.append((at + lines)[:, None])
                numbers.append(np.ones((rows.size, 1)))
                at += length
    where, what = np.hstack(places), np.hstack(numbers)
    ends = np.arange(rows.size + 1) * where.shape[1]
    matrix = csr_array((what.ravel(), where.ravel(), ends), shape=(rows.size, theta.size))
    matrix.sum_duplicates()
    return matrix


def _block(lines: Indices, rank: int) -> Indices:
    """Return the positions of the numbers of each line, shape (p, r)."""
    return np.asarray(lines[:, None] * rank + np.arange(rank))
