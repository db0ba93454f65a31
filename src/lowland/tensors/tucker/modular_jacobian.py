"""Derivatives of cells of a Tucker tensor at random integer points, modulo a prime."""

from __future__ import annotations

import numpy as np

from lowland.tensors.modular_jacobian import Residues, by_rows
from lowland.tensors.tucker.model import Tucker


def tucker_derivatives(
    model: Tucker, positions: Residues, prime: int, rng: np.random.Generator
) -> list[Residues]:
    """Return the derivatives in the core, and in the factor of each mode."""
    core = rng.integers(0, prime, model.ranks).astype(np.int64)
    sides = zip(model.shape, model.ranks, strict=True)
    factors = [rng.integers(0, prime, side).astype(np.int64) for side in sides]
    rows = [factor[positions[:, n]] for n, factor in enumerate(factors)]
    kron = np.ones((len(positions), 1), np.int64)  # Kronecker product of the factors' rows
    for row in rows:
        kron = (kron[:, :, None] * row[:, None, :] % prime).reshape(len(positions), -1)
    slopes = [_contracted(core, rows, n, prime) for n in range(len(factors))]
    return [kron, *(by_rows(slopes[n], positions[:, n], len(factor)) for n, factor in enumerate(factors))]


def _contracted(core: Residues, rows: list[Residues], mode: int, prime: int) -> Residues:
    """Return the core contracted with every cell's rows in all modes but one, shape (p, r_mode)."""
    moved = np.moveaxis(core, mode, 0)
    others = [row for n, row in enumerate(rows) if n != mode]
    part = np.broadcast_to(moved.reshape(1, -1), (len(rows[0]), core.size))
    for row in reversed(others):  # the last mode first
        stack = part.reshape(len(row), -1, row.shape[1])
        part = np.zeros(stack.shape[:2], np.int64)
        for k in range(row.shape[1]):  # products stay below 2^46
            part = (part + stack[:, :, k] * row[:, None, k]) % prime
    return part.reshape(len(rows[0]), -1)
