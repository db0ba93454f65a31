"""Helpers of the models: matrices that mix the columns of a factor, Gram matrices, column sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector


def skew_mixings(rank: int, dtype: np.dtype[Any]) -> list[Matrix]:
    """Return a basis of the skew-Hermitian r x r matrices, over the reals."""
    basis: list[Matrix] = []
    for i in range(rank):
        for j in range(i + 1, rank):
            k = np.zeros((rank, rank), dtype)
            k[i, j], k[j, i] = 1, -1
            basis.append(k)
            if np.dtype(dtype).kind == "c":
                basis.append(1j * np.abs(k))
    if np.dtype(dtype).kind == "c":
        basis += [1j * np.diag(unit).astype(dtype) for unit in np.eye(rank)]
    return [k.astype(dtype) for k in basis]


def all_mixings(rank: int, dtype: np.dtype[Any]) -> list[Matrix]:
    """Return a basis of all r x r matrices, over the reals."""
    basis: list[Matrix] = list(np.eye(rank * rank, dtype=dtype).reshape(-1, rank, rank))
    return basis + [1j * k for k in basis] if np.dtype(dtype).kind == "c" else basis


def divide_by_gram(gradient: Matrix, partner: Matrix, share: float) -> Matrix:
    """Return gradient (partner^H partner + lambda I)^-1, lambda a fraction of the mean eigenvalue."""
    gram = partner.conj().T @ partner
    mean = float(np.trace(gram).real) / gram.shape[0]
    # a floor for zero or dependent columns
    shift = max(share, 1e-12) * mean if mean > 0 else 1.0
    values, vectors = np.linalg.eigh(gram)
    inverse = (vectors / (np.maximum(values, 0) + gram.dtype.type(shift).real)) @ vectors.conj().T
    divided: Matrix = gradient @ inverse
    return divided


def column_precisions(factor: Matrix) -> Vector:
    """Return the inverse mean square of each column, repeated for every real number of the factor.

    A zero column counts as a millionth of the largest, a zero factor as ones.
    """
    squares = np.mean(np.abs(factor) ** 2, axis=0) / (2 if np.iscomplexobj(factor) else 1)
    largest = float(squares.max(initial=0.0))
    inverse = 1 / np.maximum(squares, 1e-6 * largest) if largest > 0 else np.ones_like(squares)
    numbers = np.broadcast_to(inverse, factor.shape)
    return np.repeat(numbers, 2, axis=1).ravel() if np.iscomplexobj(factor) else numbers.ravel()
