"""Points of the Tucker model: core and factors, their gauge, balance and canonical form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.kernels.mode_products import mode_product, multiply_modes, unfold
from lowland.tensors.tucker_tensor import TuckerTensor

# most balancing sweeps; they converge quadratically near the end
SWEEPS = 60
# slices of the core below so many rounding units of the largest count as zero
UNUSED = 32


@final
@dataclass(frozen=True)
class Tucker:
    """Tensors X = S x_1 F_1 ... x_N F_N: a point is the core in C order, then the factors.

    Parameters
    ----------
    shape : tuple of int
        Shape (I_1, ..., I_N), N at least 3.
    ranks : tuple of int
        Shape (r_1, ..., r_N) of the core, r_n at most I_n and at most the product of the others.
    """

    shape: tuple[int, ...]
    ranks: tuple[int, ...]
    name: ClassVar[str] = "tucker"

    def __post_init__(self) -> None:
        check_ranks(self.ranks, self.shape)

    @property
    def size(self) -> int:
        """Length of a point."""
        return prod(self.ranks) + sum(i * r for i, r in zip(self.shape, self.ranks, strict=True))

    @property
    def degrees_of_freedom(self) -> int:
        """Dimension of the set of tensors of these multilinear ranks."""
        return self.size - sum(r * r for r in self.ranks)

    @property
    def operations(self) -> int:
        """Most rounded operations between a point and a predicted cell: a sum along each mode."""
        return sum(self.ranks) + len(self.ranks)

    def unpack(self, theta: Vector) -> TuckerTensor:
        """Return views of core and factors."""
        return TuckerTensor.of_point(theta, self.shape, self.ranks)

    def pack(self, parts: TuckerTensor) -> Vector:
        """Return the point of core and factors."""
        return parts.point()

    def lifted(self, theta: Vector) -> TuckerTensor:
        """Return the tensor of a point in Tucker form: core and factors."""
        return self.unpack(theta)

    def changed(self, direction: Vector) -> TuckerTensor:
        """Return the change of core and factors along a direction."""
        return self.unpack(direction)

    def lowered(self, slopes: TuckerTensor) -> Vector:
        """Return slopes in the point: those in core and factors."""
        return self.pack(slopes)

    def gauge(self, theta: Vector, *, linear: bool) -> Matrix:
        """Return directions that leave the tensor unchanged, shape (size, g): F_n K, and S x_n -K.

        All K if the objective depends on the tensor only (`linear`); skew K, which are rotations, otherwise.
        """
        parts, out = self.unpack(theta), []
        for n, rank in enumerate(self.ranks):
            for i in range(rank):
                for j in range(i + 1 if not linear else 0, rank):
                    mixing = np.zeros((rank, rank), theta.dtype)
                    mixing[i, j] = 1
                    if not linear:
                        mixing[j, i] = -1
                    factors = [np.zeros_like(factor) for factor in parts.factors]
                    factors[n] = parts.factors[n] @ mixing
                    out.append(self.pack(TuckerTensor(mode_product(parts.core, -mixing, n), tuple(factors))))
        return np.stack(out, axis=1) if out else np.zeros((self.size, 0), theta.dtype)

    def orthonormal(self, theta: Vector) -> TuckerTensor:
        """Return orthonormal factors and an all-orthogonal core, slices in decreasing norm, signs fixed."""
        parts = self.unpack(theta)
        bases, triangles = zip(*(np.linalg.qr(factor) for factor in parts.factors), strict=True)
        core = multiply_modes(parts.core, triangles)
        turns = [_leading_basis(unfold(core, n)) for n in range(core.ndim)]
        factors = [basis @ turn for basis, turn in zip(bases, turns, strict=True)]
        core = multiply_modes(core, [turn.T for turn in turns])
        for n, factor in enumerate(factors):  # the largest entry of each column is positive
            largest = factor[np.abs(factor).argmax(axis=0), np.arange(factor.shape[1])]
            signs = np.where(largest < 0, -1, 1).astype(theta.dtype)
            factors[n] = factor * signs
            core = mode_product(core, np.diag(signs), n)
        return TuckerTensor(core, tuple(factors))

    def canonical(self, theta: Vector) -> Vector:
        """Return the balanced point of the same tensor."""
        return self.balanced(self.orthonormal(theta))

    def balanced(self, parts: TuckerTensor) -> Vector:
        """Return the point of the same tensor with F_n^T F_n = S_(n) S_(n)^T for every n.

        Parameters
        ----------
        parts : TuckerTensor
            Slices of the core that are zero to rounding are set to zero, and the matching columns too.

        Returns
        -------
        ndarray, shape (size,)

        Notes
        -----
        Modes are balanced one after the other in closed form: with P = F_n^T F_n and Q = S_(n) S_(n)^T the
        mixing G is the square root of the geometric mean of P and the inverse of Q.
        """
        used = [_used(unfold(parts.core, n)) for n in range(parts.core.ndim)]
        core = parts.core[np.ix_(*used)]
        factors = [factor[:, keep] for factor, keep in zip(parts.factors, used, strict=True)]
        if core.size:
            core, factors = _balance(core, factors)
        whole = np.zeros(self.ranks, parts.core.dtype)
        whole[np.ix_(*used)] = core
        padded = [np.zeros_like(factor) for factor in parts.factors]
        for out, factor, keep in zip(padded, factors, used, strict=True):
            out[:, keep] = factor
        return self.pack(TuckerTensor(whole, tuple(padded)))


def check_ranks(ranks: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise InvalidInputError unless a tensor of the shape can have these multilinear ranks."""
    if len(ranks) != len(shape):
        raise InvalidInputError(
            "there must be one rank per mode",
            f"{len(ranks)} ranks for {len(shape)} modes",
            fix="pass one rank per mode",
        )
    for n, (rank, length) in enumerate(zip(ranks, shape, strict=True)):
        if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or rank < 1:
            raise InvalidInputError("ranks must be positive integers", f"{rank!r} for mode {n}")
        if rank > length:
            raise InvalidInputError(
                f"the rank of mode {n} is larger than the length of the mode",
                f"rank {rank}, length {length}",
                fix="lower the rank",
            )
        others = prod(ranks[:n]) * prod(ranks[n + 1 :])
        if rank > others:
            raise InvalidInputError(
                f"the rank of mode {n} is larger than the product of the others",
                f"rank {rank}, product {others}",
                "no tensor has such ranks",
                f"use rank {others} at most",
            )


def possible_ranks(ranks: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """Return ranks lowered to at most the lengths of the modes and the products of the other ranks."""
    out = [min(rank, length) for rank, length in zip(ranks, shape, strict=True)]
    for _ in out:  # lowering one rank may lower the bound on another
        for n in range(len(out)):
            out[n] = min(out[n], prod(out[:n]) * prod(out[n + 1 :]))
    return tuple(out)


def _leading_basis(matrix: Matrix) -> Matrix:
    left, _, _ = np.linalg.svd(matrix, full_matrices=True)
    return left[:, : matrix.shape[0]]


def _used(flat: Matrix) -> NDArray[np.bool_]:
    norms = np.linalg.norm(flat, axis=1)
    return np.asarray(norms > UNUSED * np.finfo(flat.dtype).eps * norms.max())


def _balance(core: Matrix, factors: list[Matrix]) -> tuple[Matrix, list[Matrix]]:
    for _ in range(SWEEPS):
        off = 0.0
        for n, factor in enumerate(factors):
            flat = unfold(core, n)
            p, q = factor.T @ factor, flat @ flat.T
            off = max(off, float(np.linalg.norm(p - q)) / max(float(np.trace(p)), np.finfo(float).tiny))
            forward, backward = _mixings(p, q)
            factors[n] = factor @ backward
            core = mode_product(core, forward, n)
        if off <= 64 * np.finfo(core.dtype).eps:
            break
    return core, factors


def _mixings(p: Matrix, q: Matrix) -> tuple[Matrix, Matrix]:
    """Return G and its inverse, with G^-1 P G^-1 = G Q G; small eigenvalues are raised to keep G regular."""
    values, vectors = _positive_eigh(q)
    root, pull = vectors * np.sqrt(values), vectors / np.sqrt(values)
    inner, turn = _positive_eigh(root.T @ p @ root)
    mean = pull @ (turn * np.sqrt(inner)) @ turn.T @ pull.T
    sizes, axes = _positive_eigh((mean + mean.T) / 2)
    return (axes * np.sqrt(sizes)) @ axes.T, (axes / np.sqrt(sizes)) @ axes.T


def _positive_eigh(matrix: Matrix) -> tuple[Vector, Matrix]:
    values, vectors = np.linalg.eigh(matrix)
    return np.maximum(values, np.finfo(matrix.dtype).eps * values[-1]), vectors
