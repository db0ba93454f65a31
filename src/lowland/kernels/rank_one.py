"""The best rank-one part of a tensor by the higher-order power iteration, from several starts."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector

SWEEPS, TOLERANCE = 60, 1e-9


def rank_one_part(tensor: Matrix, rng: np.random.Generator, starts: int = 5) -> tuple[float, list[Vector]]:
    """Return s >= 0 and unit vectors whose s a o b o c ... is locally the best rank-one approximation.

    Parameters
    ----------
    tensor : ndarray
    rng : numpy.random.Generator
        For the random starts; one more start is made from the leading slice.
    starts : int

    Returns
    -------
    float, list of ndarray
        The best of all starts. It need not be globally optimal: the problem is hard.

    Notes
    -----
    A sweep costs O(N I_1 ... I_N).
    """
    if not np.any(tensor):
        return 0.0, [np.eye(1, length)[0].astype(tensor.dtype) for length in tensor.shape]
    best, vectors = 0.0, _from_leading_fibre(tensor)
    for k in range(starts + 1):
        begin = vectors if k == 0 else [rng.standard_normal(length) for length in tensor.shape]
        size, directions = _iterate(tensor, [(v / np.linalg.norm(v)).astype(tensor.dtype) for v in begin])
        if size > best or k == 0:
            best, vectors = size, directions
    return best, vectors


def contract_all_but(tensor: Matrix, vectors: list[Vector], mode: int) -> Vector:
    """Return the tensor contracted with the vectors of all modes but one."""
    out = tensor
    for n in range(tensor.ndim - 1, -1, -1):  # last mode first: earlier positions stay
        if n != mode:
            out = np.tensordot(out, vectors[n], axes=(n, 0))
    return np.asarray(out)


def outer(vectors: list[Vector]) -> Matrix:
    """Return the outer product of vectors."""
    out = np.asarray(vectors[0])
    for vector in vectors[1:]:
        out = np.multiply.outer(out, vector)
    return out


def _iterate(tensor: Matrix, vectors: list[Vector]) -> tuple[float, list[Vector]]:
    size = 0.0
    for _ in range(SWEEPS):
        before = size
        for n in range(tensor.ndim):
            image = contract_all_but(tensor, vectors, n)
            size = float(np.linalg.norm(image))
            if size == 0:
                return 0.0, vectors
            vectors[n] = image / image.dtype.type(size)
        if size - before <= TOLERANCE * size:
            break
    return size, vectors


def _from_leading_fibre(tensor: Matrix) -> list[Vector]:
    """Return the fibres through the largest number."""
    at = [int(k) for k in np.unravel_index(int(np.abs(tensor).argmax()), tensor.shape)]
    out: list[Vector] = []
    for n in range(tensor.ndim):
        line: tuple[int | slice, ...] = (*at[:n], slice(None), *at[n + 1 :])
        out.append(tensor[line].copy())
    return out
