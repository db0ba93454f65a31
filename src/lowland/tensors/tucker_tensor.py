"""A record of a tensor in Tucker form."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Self, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.memory import check_fits


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class TuckerTensor:
    """A tensor X = core x_1 F_1 ... x_N F_N that is never formed unless asked for.

    Parameters
    ----------
    core : ndarray, shape (r_1, ..., r_N)
    factors : tuple of ndarray, shapes (I_n, r_n)

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> one = ll.TuckerTensor(np.full((1, 1, 1), 2.0), (np.ones((2, 1)), np.ones((3, 1)), np.ones((4, 1))))
    >>> one.shape, float(one.tensor().sum())
    ((2, 3, 4), 48.0)
    """

    core: Matrix
    factors: tuple[Matrix, ...]

    def __post_init__(self) -> None:
        lengths = tuple(factor.shape[1] if factor.ndim == 2 else -1 for factor in self.factors)
        if lengths != self.core.shape:
            raise InvalidInputError(
                "factors do not match the core",
                f"{[factor.shape for factor in self.factors]} for a core of shape {self.core.shape}",
                fix="pass a matrix for each mode, with as many columns as the core's length in that mode",
            )

    @classmethod
    def of_point(cls, theta: Vector, shape: tuple[int, ...], ranks: tuple[int, ...]) -> Self:
        """Return views of a point: the core in C order, then the factors."""
        at = prod(ranks)
        core, factors = theta[:at].reshape(ranks), []
        for length, rank in zip(shape, ranks, strict=True):
            factors.append(theta[at : at + length * rank].reshape(length, rank))
            at += length * rank
        return cls(core, tuple(factors))

    def point(self) -> Vector:
        """Return core and factors as one vector, the inverse of `of_point`."""
        return np.concatenate([self.core.ravel(), *(factor.ravel() for factor in self.factors)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (I_1, ..., I_N) of the tensor."""
        return tuple(factor.shape[0] for factor in self.factors)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Shape (r_1, ..., r_N) of the core."""
        return tuple(self.core.shape)

    @property
    def stored_numbers(self) -> int:
        """Number of entries of core and factors."""
        return int(self.core.size + sum(factor.size for factor in self.factors))

    def tensor(self) -> Matrix:
        """Return the dense tensor, shape (I_1, ..., I_N)."""
        check_fits(
            2.0 * prod(self.shape) * self.core.itemsize,
            "the dense tensor",
            "predict the cells that are needed",
        )
        out = self.core
        for factor in self.factors:  # each product removes the first mode and appends the new one
            out = np.tensordot(out, factor, axes=(0, 1))
        return out

    def norm(self) -> float:
        """Return the Frobenius norm, without forming the tensor."""
        triangles = tuple(np.linalg.qr(factor)[1] for factor in self.factors)
        return float(np.linalg.norm(TuckerTensor(self.core, triangles).tensor()))
