"""Rotations of Tucker factors to simple structure: few large entries per column, the rest near zero.

A Tucker decomposition leaves its factors free up to rotations that the core undoes: the tensor, its error and
what is proved about it are the same for all. One is chosen because it is easy to read, by no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.kernels.mode_products import multiply_modes
from lowland.tensors.named_modes import is_mode
from lowland.tensors.tucker_tensor import TuckerTensor

# random starts beside the identity, and of more columns, whose pairs take long; sweeps over pairs of columns
# at most, and the angles at which all of them end, and the best
STARTS, MANY, FEW_STARTS = 9, 12, 2
SWEEPS, ROUGH, SETTLED = 200, 1e-3, 1e-9


def simple_structure(
    parts: TuckerTensor, modes: int | Iterable[int] | None, rng: np.random.Generator
) -> TuckerTensor:
    """Return the same tensor with rotated factors and core.

    Parameters
    ----------
    parts : TuckerTensor
        With orthonormal factors.
    modes : int, collection of int or None
        Whose factors are rotated; None: all.
    rng : numpy.random.Generator
        Of the random starts.

    Raises
    ------
    InvalidInputError
        If there is no such mode.
    """
    order = len(parts.factors)
    chosen = range(order) if modes is None else tuple(modes) if isinstance(modes, Iterable) else (modes,)
    for mode in chosen:
        if not is_mode(mode, order):
            raise InvalidInputError(
                "modes name one that the tensor does not have",
                repr(mode),
                fix=f"use some of 0 to {order - 1}",
            )
    turns = [
        varimax(factor, rng) if mode in chosen else np.eye(factor.shape[1], dtype=factor.dtype)
        for mode, factor in enumerate(parts.factors)
    ]
    turned = _turned(parts, turns)
    for mode in set(chosen):
        turns[mode] = turns[mode] @ _ordered(turned, mode)
    return _turned(parts, turns)


def _turned(parts: TuckerTensor, turns: Sequence[Matrix]) -> TuckerTensor:
    return TuckerTensor(
        multiply_modes(parts.core, [turn.T for turn in turns]),
        tuple(factor @ turn for factor, turn in zip(parts.factors, turns, strict=True)),
    )


def varimax(factor: Matrix, rng: np.random.Generator) -> Matrix:
    """Return the rotation R, shape (r, r), that makes the squares of the entries of F R vary most.

    Parameters
    ----------
    factor : ndarray, shape (n, r)
    rng : numpy.random.Generator

    Notes
    -----
    The sum of the variances of a column's squares, which has local maxima: the best of ten starts is taken
    (three of more than twelve columns). Costs O(n r^2) per sweep.

    References
    ----------
    H. F. Kaiser, The varimax criterion for analytic rotation in factor analysis, Psychometrika 1958.
    """
    rank = factor.shape[1]
    count = 0 if rank == 1 else STARTS if rank <= MANY else min(FEW_STARTS, STARTS)
    starts = [np.eye(rank), *(np.linalg.qr(rng.standard_normal((rank, rank)))[0] for _ in range(count))]
    loadings = factor.astype(np.float64)
    rotations = [_climb(loadings, start, ROUGH) for start in starts]
    best = max(rotations, key=lambda turn: simplicity(loadings @ turn))
    return np.asarray(_climb(loadings, best, SETTLED), factor.dtype)


def simplicity(loadings: Matrix) -> float:
    """Return the sum over columns of the variances of squared entries."""
    return float(np.var(loadings.astype(np.float64) ** 2, axis=0).sum())


def _climb(factor: Matrix, turn: Matrix, settled: float) -> Matrix:
    """Return a rotation from which no rotation of two columns is better, by the best of each pair in turn."""
    loadings, turn = factor @ turn, turn.copy()
    for _ in range(SWEEPS):
        largest = 0.0
        for p, q in combinations(range(turn.shape[1]), 2):
            angle = _best_angle(loadings[:, p], loadings[:, q])
            plane = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            for matrix in (loadings, turn):
                matrix[:, [p, q]] = matrix[:, [p, q]] @ plane
            largest = max(largest, abs(angle))
        if largest < settled:
            break
    return turn


def _best_angle(x: Vector, y: Vector) -> float:
    """Return the angle by which the plane of two columns turns to its best position (Kaiser 1958)."""
    u, v = x**2 - y**2, 2 * x * y
    along = float(np.sum(u**2 - v**2) - (u.sum() ** 2 - v.sum() ** 2) / u.size)
    across = float(2 * (u @ v) - 2 * u.sum() * v.sum() / u.size)
    return float(np.arctan2(across, along)) / 4


def _ordered(parts: TuckerTensor, mode: int) -> Matrix:
    """Return the signed permutation that puts the largest slices first and makes largest entries positive."""
    core, factor = parts.core, parts.factors[mode]
    others = tuple(k for k in range(core.ndim) if k != mode)
    order = np.argsort(-np.sum(core.astype(np.float64) ** 2, axis=others), kind="stable")
    signs = np.where(factor[np.abs(factor).argmax(axis=0), np.arange(factor.shape[1])] < 0, -1.0, 1.0)
    return np.asarray((np.eye(order.size) * signs)[:, order], factor.dtype)
