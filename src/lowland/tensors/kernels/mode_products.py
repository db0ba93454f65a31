"""Products of a tensor with matrices along its modes, by reshapes and matrix products only.

No Kronecker matrix is formed, no unfolding copied where a view will do: a C-ordered tensor is a stack of
matrices (leading modes, this mode, trailing modes) for every mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from lowland.core.arrays import Matrix


def mode_product(tensor: Matrix, matrix: Matrix, mode: int) -> Matrix:
    """Return the tensor with its mode multiplied by a matrix, shape (k, I_mode)."""
    shape = tensor.shape
    before, length, after = prod(shape[:mode]), shape[mode], prod(shape[mode + 1 :])
    new_shape = (*shape[:mode], matrix.shape[0], *shape[mode + 1 :])
    if after == 1:
        product = tensor.reshape(before, length) @ matrix.T
    elif before == 1:
        product = matrix @ tensor.reshape(length, after)
    else:
        product = np.matmul(matrix, tensor.reshape(before, length, after))
    return product.reshape(new_shape)


def multiply_modes(tensor: Matrix, matrices: Sequence[Matrix | None]) -> Matrix:
    """Return the tensor multiplied along every mode whose matrix is not None.

    Modes that shrink the most come first, those that grow the most last.
    """
    given = [(n, matrix) for n, matrix in enumerate(matrices) if matrix is not None]
    for n, matrix in sorted(given, key=lambda pair: pair[1].shape[0] / pair[1].shape[1]):
        tensor = mode_product(tensor, matrix, n)
    return tensor


def unfold(tensor: Matrix, mode: int) -> Matrix:
    """Return the mode's unfolding, shape (I_mode, product of the others), with the others in order."""
    return np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)


def fold(matrix: Matrix, mode: int, shape: Sequence[int]) -> Matrix:
    """Return the tensor of an unfolding."""
    moved = (shape[mode], *shape[:mode], *shape[mode + 1 :])
    return np.moveaxis(matrix.reshape(moved), 0, mode)


def mode_gram(left: Matrix, right: Matrix, mode: int) -> Matrix:
    """Return unfold(left, mode) @ unfold(right, mode).T without copying either, in float64."""
    before, after = prod(left.shape[:mode]), prod(left.shape[mode + 1 :])
    a = left.reshape(before, left.shape[mode], after)
    b = right.reshape(before, right.shape[mode], after)
    if before == 1:
        return np.asarray(a[0] @ b[0].T, dtype=np.float64)
    if after == 1:
        return np.asarray(a[:, :, 0].T @ b[:, :, 0], dtype=np.float64)
    total = np.zeros((a.shape[1], b.shape[1]))
    for one, other in zip(a, b, strict=True):  # a stack of products would be as large as the tensor
        total += one @ other.T
    return total


# callback at a leaf: takes the mode and the tensor contracted in all others, and may return a new factor
Visit = Callable[[int, Matrix], Matrix | None]


def visit_modes(tensor: Matrix, factors: Sequence[Matrix], visit: Visit) -> None:
    """Call visit(n, tensor contracted with factors[k].T in all k but n) for every mode n in turn.

    Contractions are shared along a binary tree over the modes, so two products with the whole tensor serve
    all modes. A factor that a visit returns replaces the old one in later contractions.

    Parameters
    ----------
    tensor : ndarray, shape (I_1, ..., I_N)
    factors : sequence of ndarray, shapes (I_n, r_n)
    visit : callable
    """
    current = list(factors)

    def descend(part: Matrix, modes: Sequence[int]) -> None:
        if len(modes) == 1:
            changed = visit(modes[0], part)
            if changed is not None:
                current[modes[0]] = changed
            return
        half = (len(modes) + 1) // 2
        for kept, dropped in ((modes[:half], modes[half:]), (modes[half:], modes[:half])):
            contracted: list[Matrix | None] = [None] * part.ndim
            for n in dropped:
                contracted[n] = current[n].T
            descend(multiply_modes(part, contracted), kept)

    descend(tensor, range(tensor.ndim))


def visit_modes_with_tangents(
    tensor: Matrix,
    factors: Sequence[Matrix],
    changes: Sequence[Matrix],
    visit: Callable[[int, Matrix, Matrix], None],
) -> None:
    """Call visit(n, contracted, derivative) for every mode, the derivative along changes of the factors."""

    def descend(part: Matrix, tangent: Matrix | None, modes: Sequence[int]) -> None:
        if len(modes) == 1:
            visit(modes[0], part, np.zeros_like(part) if tangent is None else tangent)
            return
        half = (len(modes) + 1) // 2
        for kept, dropped in ((modes[:half], modes[half:]), (modes[half:], modes[:half])):
            value, slope = part, tangent
            for n in sorted(dropped, key=lambda n: factors[n].shape[1] / factors[n].shape[0]):
                turned = mode_product(value, changes[n].T, n)
                slope = turned if slope is None else turned + mode_product(slope, factors[n].T, n)
                value = mode_product(value, factors[n].T, n)
            descend(value, slope, kept)

    descend(tensor, None, range(tensor.ndim))
