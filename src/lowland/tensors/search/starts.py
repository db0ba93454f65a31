"""Starts of Tucker searches: truncated singular value decompositions of unfoldings, or random points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.kernels.mode_products import mode_gram, mode_product, unfold
from lowland.tensors.tucker_tensor import TuckerTensor

# below this fraction of the largest, eigenvalues of a Gram matrix have lost their digits
GRAM_DIGITS = 1e-7
# modes at least this long, and this many times longer than their rank, get a randomised basis
LONG_MODE, LONG_PER_RANK = 1500, 8
OVERSAMPLING, POWERS = 10, 2


def sequential_start(
    tensor: Matrix,
    ranks: Sequence[int] | None,
    rng: np.random.Generator,
    *,
    tolerance: float | None = None,
) -> TuckerTensor:
    """Return the sequentially truncated higher-order singular value decomposition.

    Parameters
    ----------
    tensor : ndarray
    ranks : sequence of int or None
        None: as small as the tolerance allows.
    rng : numpy.random.Generator
        Used for the bases of very long modes.
    tolerance : float, optional
        Largest relative error, which is then guaranteed: each mode may discard an equal share of its
        square.

    Returns
    -------
    TuckerTensor
        With orthonormal factors.

    Notes
    -----
    For given ranks, modes that shrink most are truncated first. The error is at most the root of the sum of
    the squares discarded, and at most sqrt(N) times the smallest possible.

    References
    ----------
    N. Vannieuwenhoven, R. Vandebril, K. Meerbergen, A new truncation strategy for the higher-order singular
    value decomposition, SIAM J. Sci. Comput. 2012.
    """
    order = tensor.ndim
    modes = list(range(order))
    if ranks is not None:
        modes.sort(key=lambda n: ranks[n] / tensor.shape[n])
    limit = None
    if ranks is None:
        square = float(np.sum(np.square(tensor, dtype=np.float64)))
        limit = square * (tolerance or 0.0) ** 2 / order
    core, factors = tensor, [np.zeros((0, 0))] * order
    for n in modes:
        basis = leading_basis(core, n, None if ranks is None else ranks[n], rng, limit=limit)
        factors[n] = basis
        core = mode_product(core, basis.T, n)
    return TuckerTensor(core, tuple(factors))


def leading_basis(
    tensor: Matrix, mode: int, rank: int | None, rng: np.random.Generator, *, limit: float | None = None
) -> Matrix:
    """Return the leading left singular vectors of an unfolding.

    Parameters
    ----------
    tensor : ndarray
    mode : int
    rank : int or None
        None: the smallest that leaves at most `limit` of the sum of squares.
    rng : numpy.random.Generator
    limit : float, optional

    Returns
    -------
    ndarray, shape (I_mode, rank)
    """
    length = tensor.shape[mode]
    if rank is not None and length >= LONG_MODE and length >= LONG_PER_RANK * (rank + OVERSAMPLING):
        return _random_basis(tensor, mode, rank, rng)
    values, vectors = np.linalg.eigh(mode_gram(tensor, tensor, mode))
    values, vectors = values[::-1], vectors[:, ::-1]
    last = values[(rank or 1) - 1]
    digits_lost = last < GRAM_DIGITS * values[0]
    if rank is None:
        digits_lost = limit is not None and limit < GRAM_DIGITS * 1e-4 * float(values.sum())
    if digits_lost:  # the tail matters, and squares would lose it to rounding
        vectors, sizes = _orthogonal_basis(tensor, mode)
        values = sizes**2
    if rank is None:
        left_over = np.cumsum(np.maximum(values, 0)[::-1])[::-1]
        rank = max(1, int(np.sum(left_over > (limit or 0.0))))
    start: Matrix = np.ascontiguousarray(vectors[:, :rank]).astype(tensor.dtype)
    return start


def mode_spectrum(tensor: Matrix, mode: int) -> Vector:
    """Return the singular values of an unfolding, to working precision."""
    values = np.maximum(np.linalg.eigvalsh(mode_gram(tensor, tensor, mode))[::-1], 0)
    if values[-1] < GRAM_DIGITS * values[0]:
        return _orthogonal_basis(tensor, mode)[1]
    return np.sqrt(values)


def random_start(objective: TensorFit, rng: np.random.Generator) -> Vector:
    """Return a balanced random point with about the norm of the data.

    Parameters
    ----------
    objective : Objective
        A Tucker objective.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (size,)
    """
    theta = rng.standard_normal(objective.size).astype(objective.dtype)
    z = objective.predict(theta)
    grown = float(np.linalg.norm(z))
    parts = objective.orthonormal(theta)
    scale = float(np.linalg.norm(objective.y)) / grown if grown > 0 else 1.0
    balanced: Vector = objective.balanced(
        TuckerTensor(parts.core * parts.core.dtype.type(scale), parts.factors)
    )
    return balanced


def _orthogonal_basis(tensor: Matrix, mode: int) -> tuple[Matrix, Vector]:
    """Return left singular vectors and singular values by an orthogonal factorisation of the unfolding."""
    flat = np.asarray(unfold(tensor, mode), np.float64)
    triangle = flat
    if flat.shape[0] < flat.shape[1]:
        turned = np.asarray(np.linalg.qr(flat.T, mode="r"))
        triangle = turned.T
    left, sizes, _ = np.linalg.svd(triangle, full_matrices=flat.shape[0] > flat.shape[1])
    padded = np.zeros(flat.shape[0])
    padded[: sizes.size] = sizes
    return left, padded


def _random_basis(tensor: Matrix, mode: int, rank: int, rng: np.random.Generator) -> Matrix:
    width = min(rank + OVERSAMPLING, tensor.shape[mode])
    basis = rng.standard_normal((tensor.shape[mode], width)).astype(tensor.dtype)
    for _ in range(POWERS + 1):
        basis = np.linalg.qr(basis)[0]
        basis = mode_gram(tensor, mode_product(tensor, basis.T, mode), mode).astype(tensor.dtype)
    basis = np.linalg.qr(basis)[0]
    small = mode_product(tensor, basis.T, mode)
    turn = np.linalg.eigh(mode_gram(small, small, mode))[1][:, ::-1]
    return np.ascontiguousarray(basis @ turn[:, :rank].astype(tensor.dtype))
