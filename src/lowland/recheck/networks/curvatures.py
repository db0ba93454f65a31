"""Slopes and curvatures of the loss of a univariate ReLU network, all rounding bounded, derived again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma, unit_roundoff
from lowland.recheck.bounds import is_definite

# rounding above this fraction of the residuals is not taken off slopes
AUDIBLE = 1e-3
# numbers whose products, as many as slopes and curvatures have, neither underflow nor overflow
LEAST, MOST = 1e-50, 1e50
UNIT = unit_roundoff("float64")


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class StabilityProblem:
    """A network of one input and one hidden layer, data with weights that sum to one, and a step size.

    Parameters
    ----------
    slopes, shifts, outer : ndarray, shape (k,)
        Weights and biases of the hidden layer, and output weights.
    has_shifts, has_offset : bool
        Whether the hidden layer and the output have biases.
    offset : float
    x, y, shares : ndarray, shape (n,)
    step_size : float
    words : str
    """

    slopes: Vector
    shifts: Vector
    outer: Vector
    has_shifts: bool
    has_offset: bool
    offset: float
    x: Vector
    y: Vector
    shares: Vector
    step_size: float
    words: str = ""

    @property
    def before(self) -> Matrix:
        """What neurons read, shape (n, k)."""
        return np.outer(self.x, self.slopes) + self.shifts

    @property
    def read(self) -> Matrix:
        """The sums of the sizes of its terms."""
        return np.outer(np.abs(self.x), np.abs(self.slopes)) + np.abs(self.shifts)

    @property
    def rows(self) -> Matrix:
        """Derivatives of what an active neuron reads by its weight, and by its bias if it has one."""
        return np.stack([self.x, np.ones_like(self.x)], axis=1) if self.has_shifts else self.x[:, None]

    def is_at_kink(self, room: float = 1.0) -> bool:
        """Whether a neuron is at its kink on a data point, to within rounding times `room`."""
        return bool((np.abs(self.before) <= room * gamma(4) * self.read).any())

    @property
    def is_in_scale(self) -> bool:
        """Whether no product underflows or overflows."""
        parts = (self.slopes, self.shifts, self.outer, np.array([self.offset]), self.x, self.y, self.shares)
        sizes = np.abs(np.concatenate(parts))
        sizes = sizes[sizes > 0]
        return bool(((sizes >= LEAST) & (sizes <= MOST)).all())


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class LossTerms:
    """Sums of which slopes and curvatures are made, or sums of the sizes of their terms.

    Parameters
    ----------
    features : ndarray, shape (n, p)
        Derivatives of the outputs by all parameters: weights of neurons, output weights, offset; times the
        root of the point's share.
    pulls : ndarray, shape (n, k d)
        Derivatives by the weights of neurons for output weights of one, times the same.
    residual : ndarray, shape (n,)
        Times the same.
    width : int
        Number k of neurons.
    """

    features: Matrix
    pulls: Matrix
    residual: Vector
    width: int

    @classmethod
    def of(cls, problem: StabilityProblem, active: NDArray[np.bool_], *, sizes: bool = False) -> LossTerms:
        """Return the terms of a problem, or their sizes."""
        given = np.abs if sizes else np.positive
        root, outer, rows = np.sqrt(problem.shares)[:, None], given(problem.outer), given(problem.rows)
        hidden = np.where(active, problem.read if sizes else problem.before, 0.0)
        target = given(problem.y) if sizes else -problem.y
        residual = hidden @ outer + given(problem.offset) + target
        pulls = active[:, :, None] * rows[:, None, :]
        parts = [(pulls * outer[:, None]).reshape(len(root), -1), hidden]
        parts += [np.ones((len(root), 1))] if problem.has_offset else []
        return cls(
            features=np.hstack(parts) * root,
            pulls=pulls.reshape(len(root), -1) * root,
            residual=residual * root[:, 0],
            width=outer.size,
        )

    @cached_property
    def coupling(self) -> Matrix:
        """Weighted means c_k of residuals times active inputs, shape (k, d)."""
        return (self.pulls.T @ self.residual).reshape(self.width, -1)

    @cached_property
    def gram(self) -> Matrix:
        """The Gram matrix of the features, G."""
        gram: Matrix = self.features.T @ self.features
        return gram

    @cached_property
    def hessian(self) -> Matrix:
        """H = G + B: B couples the weights of a neuron to its output weight by c_k."""
        hessian, (k, d) = self.gram.copy(), self.coupling.shape
        for neuron in range(k):
            here = slice(neuron * d, neuron * d + d)
            hessian[here, k * d + neuron] += self.coupling[neuron]
            hessian[k * d + neuron, here] += self.coupling[neuron]
        return hessian

    @property
    def products(self) -> tuple[Vector, Vector]:
        """Products of the residuals with pulls, and with the features after those of weights of neurons."""
        rest = self.features[:, self.pulls.shape[1] :]
        return self.coupling.ravel(), rest.T @ self.residual

    @property
    def lengths(self) -> tuple[Vector, Vector]:
        """Lengths of these pulls and features."""
        rest = self.features[:, self.pulls.shape[1] :]
        return np.linalg.norm(self.pulls, axis=0), np.linalg.norm(rest, axis=0)


@final
class Curvatures:
    """What decides whether a point is stable.

    Parameters
    ----------
    problem : StabilityProblem
    """

    largest: float
    smallest: float
    gauss_newton: float

    def __init__(self, problem: StabilityProblem) -> None:
        active = problem.before > 0
        self.problem, self.terms = problem, LossTerms.of(problem, active)
        self.sizes = LossTerms.of(problem, active, sizes=True)
        # times the sum of the sizes of its terms, it bounds what rounding does to a sum
        self.rounding = gamma(2 * problem.x.size + 2 * problem.outer.size + 24)
        values, vectors = np.linalg.eigh(self.terms.hessian)
        self.largest, self.smallest, self._top = float(values[-1]), float(values[0]), vectors[:, -1]
        self.gauss_newton = float(np.linalg.eigvalsh(self.terms.gram)[-1])
        self.remainder = float(np.linalg.norm(self.terms.coupling, axis=1).max(initial=0.0))
        self.gradient = float(np.linalg.norm(self.terms.features.T @ self.terms.residual))
        self.length = float(np.linalg.norm(self.terms.residual))

    @property
    def error(self) -> float:
        """How far rounding may move the largest eigenvalue, as it is estimated."""
        size = max(abs(self.smallest), abs(self.largest), self.gauss_newton)
        terms = max(len(self.terms.hessian) * size, self.problem.x.size * self.gauss_newton)
        return 16 * float(np.finfo(float).eps) * terms

    @cached_property
    def charge(self) -> float:
        """Bound on the norm of the Hessian's rounding: by weighted row sums."""
        matrix = self.sizes.hessian
        used = matrix.any(axis=0)
        matrix, weights = matrix[np.ix_(used, used)], np.ones(np.count_nonzero(used))
        for _ in range(3):
            weights = matrix @ weights
            weights = weights / weights.max(initial=0.0)
        if not (weights > 0).all():
            return np.inf
        return self.rounding * float((matrix @ weights / weights).max(initial=0.0)) * (1 + 1e-12)

    def is_at_most(self, limit: float) -> bool:
        """Whether no eigenvalue of the Hessian is above a limit."""
        hessian = self.terms.hessian
        return is_definite(limit * (1 - 4 * UNIT) * np.eye(len(hessian)) - hessian, self.charge)

    def is_at_least(self, limit: float) -> bool:
        """Whether no eigenvalue of the Hessian is below a limit of at most zero."""
        hessian = self.terms.hessian
        if not self.sizes.hessian.any():
            return True
        return is_definite(hessian - limit * (1 - 4 * UNIT) * np.eye(len(hessian)), self.charge)

    def is_above(self, limit: float) -> bool:
        """Whether the largest eigenvalue is above a limit, by the Rayleigh quotient of its vector."""
        top, sizes = self._top, np.abs(self._top)
        lost = (self.rounding + gamma(2 * top.size + 4)) * float(sizes @ self.sizes.hessian @ sizes)
        least = float(top @ self.terms.hessian @ top) - lost
        return least > limit * float(top @ top) * (1 + gamma(top.size + 8))

    def slopes(self) -> tuple[float, float]:
        """Return the largest slope, relative to what such residuals could give, and that of idle neurons.

        Rounding is taken off, if it is far below the residuals.
        """
        problem = self.problem
        hidden, others = np.maximum(problem.before, 0.0), abs(problem.offset) + np.abs(problem.y)
        shown = (hidden @ np.abs(problem.outer) + others) * np.sqrt(problem.shares)
        noise = 16 * float(np.finfo(float).eps * np.linalg.norm(shown))
        noise = noise if noise <= AUDIBLE * self.length else 0.0
        return self._by_kind(
            _over(np.maximum(np.abs(products) - noise * lengths, 0.0), lengths * self.length)
            for products, lengths in zip(self.terms.products, self.terms.lengths, strict=True)
        )

    def slope_ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return proved lower bounds on both, then upper bounds."""
        off, lower, upper = self.rounding * float(np.linalg.norm(self.sizes.residual)), [], []
        known = (self.terms.products, self.terms.lengths, self.sizes.products, self.sizes.lengths)
        for products, lengths, terms, parts in zip(*known, strict=True):
            error, apart = self.rounding * terms, self.rounding * parts
            most, least = lengths + apart, np.maximum(lengths - apart, 0.0)
            lower.append(_over(np.maximum(np.abs(products) - error, 0.0), most * (self.length + off)))
            upper.append(_over(np.abs(products) + error, least * max(self.length - off, 0.0)))
        return self._by_kind(lower), self._by_kind(upper)

    def _by_kind(self, shares: Iterable[Vector]) -> tuple[float, float]:
        by_weight, rest = shares
        by_neuron, idle = by_weight.reshape(self.problem.outer.size, -1), self.problem.outer == 0
        live = max(float(by_neuron[~idle].max(initial=0.0)), float(rest.max(initial=0.0)))
        return live, float(by_neuron[idle].max(initial=0.0))

    def misfits(self) -> tuple[float, float]:
        """Return the residuals over the values, up to a constant if there is one, and a bound."""
        problem, root = self.problem, np.sqrt(self.problem.shares)
        centre = float(problem.shares @ problem.y) if problem.has_offset else 0.0
        terms = np.abs(problem.y) + float(problem.shares @ np.abs(problem.y)) * problem.has_offset
        values = float(np.linalg.norm((problem.y - centre) * root))
        off, apart = (
            self.rounding * float(np.linalg.norm(sizes)) for sizes in (self.sizes.residual, terms * root)
        )
        lengths = np.array([self.length, self.length + off])
        misfit, most = _over(lengths, np.array([values, max(values - apart, 0.0)]))
        return float(misfit), float(most)


def _over(products: Vector, possible: Vector) -> Vector:
    """Return quotients: 0 of nothing, and infinite where the divisor may be zero."""
    out = np.where(products == 0, 0.0, np.inf)
    return np.asarray(np.divide(products, possible, out=out, where=possible > 0))
