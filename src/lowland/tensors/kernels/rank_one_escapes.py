"""Rank-one changes of a Tucker tensor, new in some modes: escape directions from saddles of high order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.rank_one import outer, rank_one_part
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.kernels.mode_products import multiply_modes, unfold
from lowland.tensors.tucker_tensor import TuckerTensor

# columns whose slice of the core is below this fraction of the largest count as unused
UNUSED = 1e-7


def mode_sets(order: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets of modes in which a direction may be new, small ones first."""
    for size in range(1, order + 1):
        yield from combinations(range(order), size)


def used_columns(parts: TuckerTensor) -> list[NDArray[np.bool_]]:
    """Return, for each mode, which columns have a slice of the core that is not zero to rounding."""
    norms = _norms(parts)
    top = max(float(size.max()) for size in norms)
    return [size > UNUSED * top for size in norms]


def _norms(parts: TuckerTensor) -> list[Vector]:
    return [np.linalg.norm(unfold(parts.core, n), axis=1) for n in range(parts.core.ndim)]


@final
@dataclass(frozen=True, eq=False)
class WayOut:
    """A rank-one change of a tensor: new columns in some modes, and the change of the core.

    Parameters
    ----------
    parts : TuckerTensor
        Orthonormal factors; the columns to be replaced are zero.
    modes, slots : tuple of int
        Where new columns enter: mode and column.
    vectors : list of ndarray
        Unit vectors: new columns in those modes, coefficients of the factor's columns in the others.
    length : float
        Optimal length of the rank-one part.
    """

    parts: TuckerTensor
    modes: tuple[int, ...]
    slots: tuple[int, ...]
    vectors: list[Vector]
    length: float

    def reached(self, part: float = 1.0) -> TuckerTensor:
        """Return the tensor plus the rank-one part, or a fraction of it."""
        factors, inner = list(self.parts.factors), list(self.vectors)
        for n, slot in zip(self.modes, self.slots, strict=True):
            factors[n] = factors[n].copy()
            factors[n][:, slot] = self.vectors[n]
            inner[n] = np.eye(1, factors[n].shape[1], slot, dtype=factors[n].dtype)[0]
        core = self.parts.core + self.parts.core.dtype.type(part * self.length) * outer(inner)
        return TuckerTensor(core, tuple(factors))


def way_out(
    objective: TensorFit,
    parts: TuckerTensor,
    modes: tuple[int, ...],
    rng: np.random.Generator,
    *,
    recycle: bool,
    starts: int = 5,
    at_random: bool = False,
) -> WayOut | None:
    """Return the best rank-one part of the residual, new in exactly these modes; None if there is no room.

    At random: one along random directions of those modes' missing subspaces and the others' used columns.

    Parameters
    ----------
    objective : Objective
        In float64 or float32.
    parts : TuckerTensor
        Orthonormal factors and an all-orthogonal core, as `objective.orthonormal` gives.
    modes : tuple of int
    rng : numpy.random.Generator
    recycle : bool
        Whether used columns may be replaced; otherwise there must be an unused one in each mode.
    starts : int
    at_random : bool

    Returns
    -------
    WayOut or None
    """
    norms, used = _norms(parts), used_columns(parts)
    if not recycle and any(used[n].all() for n in modes):
        return None
    core, factors, slots = parts.core.copy(), list(parts.factors), []
    for n in modes:
        slot = int(np.argmin(norms[n]))
        slots.append(slot)
        core[(slice(None),) * n + (slot,)] = 0
        used[n][slot] = False
    # unused columns other than the new ones are arbitrary, and set to zero
    factors = [factor * keep.astype(factor.dtype) for factor, keep in zip(factors, used, strict=True)]
    kept = TuckerTensor(core, tuple(factors))
    projections = [_projection(factor, n in modes) for n, factor in enumerate(factors)]
    residual = multiply_modes(objective.residual_tensor(kept.point()), projections)
    if at_random:
        # only columns in use have coefficients
        drawn = [
            rng.standard_normal(length) * (1.0 if n in modes else used[n])
            for n, length in enumerate(residual.shape)
        ]
        vectors = [_unit(projections[n] @ v if n in modes else v) for n, v in enumerate(drawn)]
    else:
        size, vectors = rank_one_part(residual, rng, starts)
        if size == 0:
            return None
    for n in modes:  # rounding takes the power iteration slightly out of the subspace
        vectors[n] = vectors[n] - factors[n] @ (factors[n].T @ vectors[n])
        norm = float(np.linalg.norm(vectors[n]))
        if norm < 0.5:
            return None
        vectors[n] = vectors[n] / vectors[n].dtype.type(norm)
    way = WayOut(kept, modes, tuple(slots), vectors, 1.0)
    z = objective.predict(kept.point())
    change = objective.predict(way.reached().point()) - z
    energy = float(change @ objective.weighted(change))
    if not energy > 0:
        return None
    return WayOut(
        kept, modes, tuple(slots), vectors, float(change @ objective.weighted(objective.y - z)) / energy
    )


def _unit(vector: Vector) -> Vector:
    norm = float(np.linalg.norm(vector))
    return np.asarray(vector / norm if norm > 0 else vector)


def _projection(factor: Matrix, new: bool) -> Matrix:
    if not new:
        return np.asarray(factor.T)
    return np.asarray(np.eye(factor.shape[0], dtype=factor.dtype) - factor @ factor.T)
