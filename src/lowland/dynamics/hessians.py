"""Checks of Hessians and of antisymmetric matrices J."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.dynamics.laws import Dynamics


def check_hessian(hessian: ArrayLike, *, tolerance: float = 1e-6) -> Matrix:
    """Return a Hessian in float64, shape (d, d), symmetric to a tolerance relative to its largest entry.

    Raises
    ------
    InvalidInputError
        If it is not square, finite and symmetric.
    """
    H = np.atleast_2d(np.asarray(hessian, dtype=float))
    if H.ndim != 2 or H.shape[0] != H.shape[1] or not H.size or not np.all(np.isfinite(H)):
        raise InvalidInputError("hessian must be a square matrix of finite numbers", f"shape {H.shape}")
    excess = float(np.abs(H - H.T).max())
    if excess > tolerance * float(np.abs(H).max()):
        raise InvalidInputError("hessian must be symmetric", f"largest entry of H - H^T is {excess:.3g}")
    return H


def check_well(hessian: ArrayLike, *, tolerance: float = 1e-6) -> tuple[Matrix, Vector, Matrix]:
    """Return a Hessian at a minimum in float64, its eigenvalues, ascending, and its eigenvectors.

    Raises
    ------
    InvalidInputError
        If it is not symmetric positive definite.
    """
    H = check_hessian(hessian, tolerance=tolerance)
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    if values[0] <= 0:
        raise InvalidInputError(
            "hessian must be positive definite",
            f"smallest eigenvalue {values[0]:.3g}",
            fix="evaluate it at a minimum",
        )
    return H, values, vectors


def check_dimension(dynamics: Dynamics, hessian: Matrix) -> None:
    """Raise InvalidInputError if the dynamics' J has another dimension than the Hessian."""
    J = dynamics.antisymmetric
    if J is not None and J.shape != hessian.shape:
        raise InvalidInputError(
            "the dynamics and the Hessian must have the same dimension",
            f"a matrix of shape {J.shape}, Hessian of shape {hessian.shape}",
        )


def check_turn(J: ArrayLike, dimension: int) -> Matrix:
    """Return an antisymmetric matrix in float64, shape (d, d).

    Raises
    ------
    InvalidInputError
        If it is not antisymmetric, finite and of this size.
    """
    turn = np.atleast_2d(np.asarray(J, dtype=float))
    if turn.shape != (dimension, dimension) or not np.all(np.isfinite(turn)):
        raise InvalidInputError(
            f"antisymmetric must be a {dimension} x {dimension} matrix of finite numbers",
            f"shape {turn.shape}",
        )
    excess = float(np.abs(turn + turn.T).max())
    if excess > 1e-10 * max(float(np.abs(turn).max()), np.finfo(float).tiny):
        raise InvalidInputError(
            "antisymmetric must equal minus its transpose", f"largest entry of their sum is {excess:.3g}"
        )
    return turn
