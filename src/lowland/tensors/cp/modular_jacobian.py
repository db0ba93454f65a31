"""Derivatives of cells of a sum of components at random integer points, modulo a prime."""

from __future__ import annotations

import numpy as np

from lowland.tensors.cp.model import CP
from lowland.tensors.modular_jacobian import Residues, by_rows


def component_derivatives(
    model: CP, positions: Residues, prime: int, rng: np.random.Generator
) -> list[Residues]:
    """Return the derivatives in the factor of each mode."""
    factors = [rng.integers(0, prime, (length, model.rank)).astype(np.int64) for length in model.shape]
    rows = [factor[positions[:, n]] for n, factor in enumerate(factors)]
    blocks = []
    for n, length in enumerate(model.shape):
        slopes = np.ones((len(positions), model.rank), np.int64)
        for k, row in enumerate(rows):
            if k != n:
                slopes = slopes * row % prime
        blocks.append(by_rows(slopes, positions[:, n], length))
    return blocks
