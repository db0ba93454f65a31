"""A Tucker problem and a point of it, as plain arrays, with every formula written again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import Close, close_product
from lowland.core.rounding import gamma
from lowland.recheck.tensors.cell_problem import CellProblem, spanned

# sweeps of balancing
SWEEPS = 100


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class TensorProblem(CellProblem):
    """The problem of X = core x_1 F_1 ... x_N F_N, and a point.

    Parameters
    ----------
    core : ndarray, shape (r_1, ..., r_N)
    strength : float
        Of the regulariser, the squares of F_n^T F_n - S_(n) S_(n)^T.
    """

    core: Matrix
    strength: float = 0.0

    @property
    def freedom(self) -> int:
        """Dimension of the set of tensors of these ranks."""
        return self.size - sum(r * r for r in self.ranks)

    @property
    def is_penalised(self) -> bool:
        """Whether anything but the tensor itself counts."""
        return self.strength > 0

    def flat_rank(self, group: list[int]) -> int:
        """Return the largest rank of the flattening with these modes as rows."""
        others = [n for n in range(self.core.ndim) if n not in group]
        return min(prod(self.ranks[n] for n in group), prod(self.ranks[n] for n in others))

    # ---------------------------------------------------------------- points

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """Core and factors."""
        return (self.core, *self.factors)

    def with_parts(self, parts: Sequence[Matrix]) -> TensorProblem:
        """Return the same problem at another core and other factors."""
        return replace(self, core=parts[0], factors=tuple(parts[1:]))

    def balanced(self) -> TensorProblem:
        """Return the problem at a point of the same tensor with F_n^T F_n = S_(n) S_(n)^T for all n."""
        factors, core = [], self.core
        for n, factor in enumerate(self.factors):  # orthonormal factors, then an all-orthogonal core
            q, triangle = np.linalg.qr(factor)
            factors.append(q)
            core = mode_product(core, triangle, n)
        for n in range(core.ndim):
            turn = np.linalg.svd(flat(core, n), full_matrices=True)[0][:, : core.shape[n]]
            factors[n], core = factors[n] @ turn, mode_product(core, turn.T, n)
        sizes = [np.linalg.norm(flat(core, n), axis=1) for n in range(core.ndim)]
        used: list[NDArray[np.bool_]] = [
            size > 32 * np.finfo(float).eps * size.max(initial=0.0) for size in sizes
        ]
        small: Matrix = core[np.ix_(*used)]
        kept = [factor[:, keep] for factor, keep in zip(factors, used, strict=True)]
        small, kept = _balance(small, kept) if small.size else (small, kept)
        whole = np.zeros_like(self.core)
        whole[np.ix_(*used)] = small
        out = []
        for factor, keep, part in zip(factors, used, kept, strict=True):
            padded = np.zeros_like(factor)
            padded[:, keep] = part
            out.append(padded)
        return self.with_parts([whole, *out])

    @property
    def imbalance(self) -> float:
        """How far the point is from balanced, as a fraction of its Gram matrices."""
        sizes = [float(np.linalg.norm(factor.T @ factor)) for factor in self.factors]
        pairs = zip(self._excesses(), sizes, strict=True)
        return max(float(np.linalg.norm(excess)) / max(size, 1e-300) for excess, size in pairs)

    def gauge(self) -> Matrix:
        """Return an orthonormal basis of directions that leave the tensor, and the regulariser, unchanged."""
        directions = []
        for n, r in enumerate(self.ranks):
            for a in range(r):
                for b in range(r):
                    mixing = np.zeros((r, r))
                    mixing[a, b] = 1.0
                    if self.strength:
                        mixing = mixing - mixing.T
                    factors = [np.zeros_like(factor) for factor in self.factors]
                    factors[n] = self.factors[n] @ mixing
                    core = mode_product(self.core, -mixing, n)
                    directions.append(self.with_parts([core, *factors]).point())
        return spanned(directions)

    # ---------------------------------------------------------------- predictions

    def matrix(self) -> NDArray[np.float64]:
        """Return the tensor."""
        out = self.core
        for n, factor in enumerate(self.factors):
            out = mode_product(out, factor, n)
        return out

    def predictions(self) -> Vector:
        """Return the predictions of the known cells."""
        return np.asarray(self.matrix()[tuple(self.at_cells.T)])

    def close_predictions(self) -> Close:
        """Return the predictions with twice the digits, and bounds on their errors."""
        zeros = np.zeros(self.core.shape)
        out = Close(np.asarray(self.core, float), zeros, zeros)
        for n, factor in enumerate(self.factors):
            found = close_product(factor, flat(out.high, n))
            low, error, sizes = flat(out.low, n), flat(out.error, n), np.abs(factor)
            rest = found.low + factor @ low
            error = (
                found.error
                + sizes @ error
                + gamma(factor.shape[1] + 4) * (sizes @ np.abs(low) + np.abs(rest))
            )
            shape = (len(factor), *out.high.shape[:n], *out.high.shape[n + 1 :])
            parts = (
                np.moveaxis(part.reshape(shape), 0, n) for part in (found.high, rest, error * (1 + 1e-9))
            )
            out = Close(*parts)
        return out.each(lambda part: part[tuple(self.at_cells.T)])

    def jacobian(self) -> Matrix:
        """Return the derivative of the predictions: they are linear in each coordinate."""
        out, start = np.empty((self.y.size, self.size)), 0
        for place, part in enumerate(self.parts):
            for k in range(part.size):
                unit = np.zeros(part.size)
                unit[k] = 1.0
                moved = list(self.parts)
                moved[place] = unit.reshape(part.shape)
                out[:, start + k] = self.with_parts(moved).predictions()
            start += part.size
        return out

    # ---------------------------------------------------------------- the objective

    def paid(self) -> float:
        """Return the regulariser."""
        return self.strength * sum(float(np.sum(excess**2)) for excess in self._excesses())

    def paid_error(self) -> float:
        """Return how far rounding may move the regulariser: Gram matrices may cancel."""
        core, total = np.abs(self.core), 0.0
        for n, (factor, excess) in enumerate(zip(self.factors, self._excesses(), strict=True)):
            sizes = np.abs(factor).T @ np.abs(factor) + flat(core, n) @ flat(core, n).T
            error = gamma(len(factor) + self.core.size + 4) * sizes
            total += float(np.sum(error * (2 * np.abs(excess) + error))) + 1e-12 * float(np.sum(excess**2))
        return self.strength * total * (1 + 1e-9)

    def _excesses(self) -> Iterator[Matrix]:
        for n, factor in enumerate(self.factors):
            unfolded = flat(self.core, n)
            yield factor.T @ factor - unfolded @ unfolded.T

    def pull(self, numbers: Vector) -> Vector:
        """Return the gradient in the point of the sum of numbers times predictions."""
        slope, order = self.spread(numbers), self.core.ndim
        on_core = slope
        for n, factor in enumerate(self.factors):
            on_core = mode_product(on_core, factor.T, n)
        parts = [on_core.ravel()]
        for n in range(order):
            others = self.core
            for k, factor in enumerate(self.factors):
                others = others if k == n else mode_product(others, factor, k)
            parts.append((flat(slope, n) @ flat(others, n).T).ravel())
        return np.concatenate(parts)

    def penalty_gradient(self) -> Vector:
        """Return the gradient of the regulariser."""
        on_core, parts = np.zeros_like(self.core), []
        for n, (factor, excess) in enumerate(zip(self.factors, self._excesses(), strict=True)):
            parts.append((4 * self.strength * factor @ excess).ravel())
            on_core = on_core - mode_product(self.core, 4 * self.strength * excess, n)
        return np.concatenate([on_core.ravel(), *parts])


def flat(tensor: Any, mode: int) -> Matrix:
    """Return the matrix with one mode as rows."""
    return np.asarray(np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1))


def mode_product(tensor: Any, matrix: Matrix, mode: int) -> NDArray[np.float64]:
    """Return the tensor with a matrix applied along a mode."""
    return np.asarray(np.moveaxis(np.tensordot(matrix, tensor, axes=(1, mode)), 0, mode))


def _balance(core: Any, factors: list[Matrix]) -> tuple[Any, list[Matrix]]:
    for _ in range(SWEEPS):
        off = 0.0
        for n, factor in enumerate(factors):
            p, q = factor.T @ factor, flat(core, n) @ flat(core, n).T
            off = max(off, float(np.linalg.norm(p - q) / np.trace(p)))
            root = _power(q, 0.5)
            # G^2 is the geometric mean of P and the inverse of Q
            square = _power(q, -0.5) @ _power(root @ p @ root, 0.5) @ _power(q, -0.5)
            factors[n], core = factor @ _power(square, -0.5), mode_product(core, _power(square, 0.5), n)
        if off <= 1e-14:
            break
    return core, factors


def _power(matrix: Matrix, power: float) -> Matrix:
    """Return a power of a positive definite matrix; tiny eigenvalues are raised."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values = np.maximum(values, np.finfo(float).eps * values[-1])
    return np.asarray((vectors * values**power) @ vectors.T)
