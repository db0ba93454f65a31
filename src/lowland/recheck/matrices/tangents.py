"""The measurements on the tangent space of the matrices of a rank, in orthonormal coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.rounding import gamma
from lowland.recheck.matrices.derivatives import MOST_JACOBIAN
from lowland.recheck.matrices.problem import MatrixProblem

# largest dimension of a tangent space that is factored
MOST_DIMENSIONS = 8000
# cells of tangent matrices formed at a time
BLOCK = 4_000_000


@final
@dataclass(frozen=True, eq=False)
class Tangent:
    """A tangent space, computed.

    Parameters
    ----------
    jacobian : ndarray, shape (p, d)
        The measurements of an orthonormal basis.
    error : float
        Bound on the Frobenius norm of its rounding.
    tilt : float
        Bound on the sine of the angle between the computed and the true space, both sides together.
    least : float
        Lower bound on the smallest of the r singular values of the matrix.
    """

    jacobian: Matrix
    error: float
    tilt: float
    least: float


def tangent_of(problem: MatrixProblem) -> Tangent | None:
    """Return the tangent space at the point's matrix without biases; None if too large or of lower rank."""
    even = problem.balanced()
    (m, n), r = problem.shape, problem.rank
    if r > min(m, n):
        return None
    given = float(np.linalg.norm(problem.u) * np.linalg.norm(problem.v))
    if problem.is_psd:
        given = float(np.linalg.norm(problem.scaled_factor)) ** 2
    balanced = np.linalg.norm(even.u) * np.linalg.norm(even.v)
    off = 16 * gamma(m + n + 8 * r) * float(given + balanced)
    q, a = np.linalg.qr(even.u, mode="complete")
    p, b = (q, a) if problem.is_psd else np.linalg.qr(even.v, mode="complete")
    values = np.linalg.svd(a[:r] @ b[:r].conj().T, compute_uv=False)
    least = float(values[-1] - 1e-13 * values.size * values[0]) - off
    if not least > 0:
        return None
    tilt = 4 * off / least
    for factor, basis, triangle in ((even.u, q, a), (even.v, p, b)):
        miss = np.linalg.norm(factor - basis[:, :r] @ triangle[:r]) + gamma(r + 4) * np.linalg.norm(factor)
        tilt += 2 * float(miss / np.linalg.svd(factor, compute_uv=False)[-1])
    dimensions = n * r - r * (r - 1) // 2 if problem.is_psd else (m + n - r) * r
    dimensions *= 2 if problem.is_complex else 1
    if dimensions > MOST_DIMENSIONS or problem.y.size * dimensions > MOST_JACOBIAN:
        return None
    pairs = _psd_pairs(q, r, problem.is_complex) if problem.is_psd else _pairs(q, p, r, problem.is_complex)
    jacobian = _measured(problem, *pairs)
    error = 1e-14 * float(np.linalg.norm(jacobian)) * np.sqrt(r)
    if problem.matrices is not None:
        error += gamma(m * n + 8) * float(np.linalg.norm(problem.matrices))
    return Tangent(jacobian, error, tilt, least)


def tangent_values(problem: MatrixProblem) -> tuple[float, float] | None:
    """Return the smallest and the largest singular value of the measurements on the tangent space."""
    tangent = tangent_of(problem)
    if tangent is None or min(tangent.jacobian.shape) > 2500:
        return None
    if tangent.jacobian.shape[0] < tangent.jacobian.shape[1]:
        return 0.0, float(np.linalg.norm(tangent.jacobian, 2))
    values = np.linalg.svd(tangent.jacobian, compute_uv=False)
    return float(values[-1]), float(values[0])


def _pairs(q: Matrix, p: Matrix, r: int, is_complex: bool) -> tuple[Matrix, Matrix, Matrix]:
    """Return the basis as left_t right_t^H: all changes of columns, then those of rows beyond them."""
    m, n = len(q), len(p)
    left = np.concatenate([np.repeat(np.eye(m), r, axis=0), np.tile(q[:, :r].T, (n - r, 1))])
    right = np.concatenate([np.tile(p[:, :r].T, (m, 1)), np.repeat(p[:, r:].T, r, axis=0)])
    if is_complex:
        left, right = np.concatenate([left + 0j, 1j * left]), np.concatenate([right, right])
    return left, right, np.zeros(0)


def _psd_pairs(q: Matrix, r: int, is_complex: bool) -> tuple[Matrix, Matrix, Matrix]:
    """Return the basis as scale_t (left_t right_t^H + right_t left_t^H)."""
    n = len(q)
    pairs = [(k, j) for k in range(r) for j in range(k, n)]
    left = np.stack([q[:, k] for k, _ in pairs])
    right = np.stack([q[:, j] for _, j in pairs])
    scale = np.array([0.5 if k == j else np.sqrt(0.5) for k, j in pairs])
    if is_complex:
        off = np.array([k != j for k, j in pairs])
        left = np.concatenate([left + 0j, 1j * left[off]])
        right, scale = np.concatenate([right, right[off]]), np.concatenate([scale, scale[off]])
    return left, right, scale


def _measured(problem: MatrixProblem, left: Matrix, right: Matrix, scale: Matrix) -> Matrix:
    """Return the measurements of basis matrices as columns."""
    (m, n), count = problem.shape, len(left)
    if problem.cells is not None:
        i, j = problem.cells
        out = left[:, i] * right[:, j].conj()
        if scale.size:
            out = scale[:, None] * (out + right[:, i] * left[:, j].conj())
        return np.asarray(out.real.T)
    assert problem.matrices is not None
    flat = problem.matrices.reshape(problem.y.size, -1)
    columns, step = [], max(BLOCK // (m * n), 1)
    for low in range(0, count, step):
        a, b = left[low : low + step], right[low : low + step]
        block = a[:, :, None] * b[:, None, :].conj()
        if scale.size:
            block = scale[low : low + step, None, None] * (block + b[:, :, None] * a[:, None, :].conj())
        columns.append((flat @ block.reshape(len(a), -1).T).real)
    return np.hstack(columns)
