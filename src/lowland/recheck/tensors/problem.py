"""A Tucker problem and a point of it, as plain arrays, with every formula written again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.plain_losses import PlainLosses

# cells that are formed, and sweeps of balancing
MOST_CELLS, SWEEPS = 4_000_000, 100


@final
@dataclass(frozen=True, eq=False)
class TensorProblem:
    """Half the weighted squares of X - T at the known cells, X = core x_1 F_1 ... x_N F_N; and a point.

    Parameters
    ----------
    at_cells : ndarray of int, shape (p, N)
        Positions of the known cells.
    y, weights : ndarray, shape (p,)
    core : ndarray, shape (r_1, ..., r_N)
    factors : tuple of ndarray, shapes (I_n, r_n)
    strength : float
        Of the regulariser, the squares of F_n^T F_n - S_(n) S_(n)^T.
    is_weighted : bool
        Whether cells have weights.
    words : str
        A description of the problem.
    """

    at_cells: NDArray[np.int64]
    y: Vector
    weights: Vector
    core: Matrix
    factors: tuple[Matrix, ...]
    strength: float = 0.0
    is_weighted: bool = False
    words: str = ""
    losses: PlainLosses = field(default_factory=PlainLosses)
    is_constrained: ClassVar[bool] = False
    is_feasible: ClassVar[bool] = True
    exact: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(len(factor) for factor in self.factors)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Shape of the core."""
        return self.core.shape

    @property
    def size(self) -> int:
        """Number of coordinates of a point."""
        return int(self.core.size + sum(factor.size for factor in self.factors))

    @property
    def freedom(self) -> int:
        """Dimension of the set of tensors of these ranks."""
        return self.size - sum(r * r for r in self.ranks)

    @property
    def is_formed(self) -> bool:
        """Whether the tensor is small enough to be formed."""
        return prod(self.shape) <= MOST_CELLS

    @property
    def is_penalised(self) -> bool:
        """Whether anything but the tensor itself counts."""
        return self.strength > 0

    @property
    def is_full(self) -> bool:
        """Whether every cell is known."""
        return self.y.size == prod(self.shape)

    def flat_rank(self, group: list[int]) -> int:
        """Return the largest rank of the flattening with these modes as rows."""
        others = [n for n in range(self.core.ndim) if n not in group]
        return min(prod(self.ranks[n] for n in group), prod(self.ranks[n] for n in others))

    # ---------------------------------------------------------------- points

    def point(self) -> Vector:
        """Return core and factors as one vector."""
        return np.concatenate([self.core.ravel(), *(factor.ravel() for factor in self.factors)])

    def at(self, point: Vector) -> TensorProblem:
        """Return the same problem at another point."""
        lengths = [self.core.size, *(factor.size for factor in self.factors)]
        core, *parts = np.split(point, np.cumsum(lengths)[:-1])
        factors = tuple(part.reshape(f.shape) for part, f in zip(parts, self.factors, strict=True))
        return replace(self, core=core.reshape(self.ranks), factors=factors)

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
        return replace(self, core=whole, factors=tuple(out))

    @property
    def is_matrix(self) -> bool:
        """Whether the point stands for a tensor: every point does."""
        return True

    @property
    def imbalance(self) -> float:
        """How far the point is from balanced, as a fraction of its Gram matrices."""
        sizes = [float(np.linalg.norm(factor.T @ factor)) for factor in self.factors]
        pairs = zip(self._excesses(), sizes, strict=True)
        return max(float(np.linalg.norm(excess)) / max(size, 1e-300) for excess, size in pairs)

    def sizes(self) -> TensorProblem:
        """Return the problem at the absolute values of the point, for bounds on rounding."""
        return replace(self, core=np.abs(self.core), factors=tuple(np.abs(factor) for factor in self.factors))

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

    @cached_property
    def slopes(self) -> Vector:
        """Weighted predictions minus data."""
        return self.weights * (self.predictions() - self.y)

    def spread(self, numbers: Vector) -> NDArray[np.float64]:
        """Return the tensor with the numbers at the known cells."""
        out = np.zeros(self.shape)
        np.add.at(out, tuple(self.at_cells.T), numbers)
        return out

    def without_biases(self, y: Vector) -> Vector:
        """Return the data: there are no biases."""
        return y

    # ---------------------------------------------------------------- the objective

    def data_term(self) -> float:
        """Return half the weighted squares."""
        return 0.5 * float(np.sum(self.weights * (self.predictions() - self.y) ** 2))

    def paid(self) -> float:
        """Return the regulariser."""
        return self.strength * sum(float(np.sum(excess**2)) for excess in self._excesses())

    def objective(self) -> float:
        """Return the objective."""
        return self.data_term() + self.paid()

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

    def gradient(self) -> Vector:
        """Return the gradient of the objective."""
        return self.pull(self.slopes) + self.penalty_gradient()

    def unfitted_value(self) -> float:
        """Return the data term when nothing is fitted, a natural unit."""
        return 0.5 * float(np.sum(self.weights * self.y**2))

    # ---------------------------------------------------------------- rounding

    def coarse_error(self) -> Vector:
        """Return bounds on the rounding of predictions."""
        terms = sum(self.ranks) + 8 * self.core.ndim
        size = self.sizes().predictions()
        return np.asarray(gamma(terms) * size + 4 * UNIT * (np.abs(self.predictions()) + np.abs(self.y)))

    def usual_size(self) -> Vector:
        """Return each datum's size, or the root mean square of its slices if that is larger."""
        return usual_sizes(self.shape, self.at_cells, self.y)


def usual_sizes(shape: tuple[int, ...], at_cells: NDArray[np.int64], y: Vector) -> Vector:
    """Return each datum's size, or the root mean square of its slices if that is larger."""
    usual = np.full(y.size, np.inf)
    for n, length in enumerate(shape):
        own = at_cells[:, n]
        counts, squares = np.bincount(own, minlength=length), np.bincount(own, y**2, minlength=length)
        usual = np.minimum(usual, np.sqrt(squares / np.maximum(counts, 1))[own])
    return np.asarray(np.maximum(np.abs(y), usual))


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


def tensor_gauge(problem: TensorProblem, *, penalised: bool = True) -> Matrix:
    """Return an orthonormal basis of directions that leave the tensor, and the regulariser, unchanged."""
    columns = []
    for n, r in enumerate(problem.ranks):
        for a in range(r):
            for b in range(r):
                mixing = np.zeros((r, r))
                mixing[a, b] = 1.0
                if penalised and problem.strength:
                    mixing = mixing - mixing.T
                factors = [np.zeros_like(factor) for factor in problem.factors]
                factors[n] = problem.factors[n] @ mixing
                moved = replace(problem, core=mode_product(problem.core, -mixing, n), factors=tuple(factors))
                columns.append(moved.point())
    basis, s, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
    return np.asarray(basis[:, s > 1e-10 * max(s[0], np.finfo(float).tiny)])


def cell_jacobian(problem: TensorProblem) -> Matrix:
    """Return the derivative of the predictions; each coordinate enters linearly, so differences are exact."""
    out = np.empty((problem.y.size, problem.size))
    start = 0
    for part in (None, *range(problem.core.ndim)):
        length = problem.core.size if part is None else problem.factors[part].size
        for k in range(length):
            unit = np.zeros(length)
            unit[k] = 1.0
            if part is None:
                moved = replace(problem, core=unit.reshape(problem.ranks))
            else:
                factors = list(problem.factors)
                factors[part] = unit.reshape(factors[part].shape)
                moved = replace(problem, factors=tuple(factors))
            out[:, start + k] = moved.predictions()
        start += length
    return out
