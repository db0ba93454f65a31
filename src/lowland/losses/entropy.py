"""Helpers of the deviances: quotients and relative entropies with their limits at zero."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector


def ratio(a: Vector, b: Vector) -> Vector:
    """Return a / b, and zero where a is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(a == 0, 0.0, a / b), dtype=b.dtype)


def relative_entropy(y: Vector, z: Vector) -> Vector:
    """Return y log(y / z), infinite where z is negative, or zero with y > 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / z), 0.0)
    return np.where((z > 0) | ((z == 0) & (y == 0)), inside, np.inf)
