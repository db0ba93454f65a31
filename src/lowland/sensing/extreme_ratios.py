"""The local search behind `restricted_isometry`: matrices of a rank whose norm a measurement keeps worst.

Truncated power iterations from many starts come first: a step along A* A, then the nearest matrix of the
rank. They are cheap, since all starts move together where the Gram matrix of A fits, and they choose the
signs of symmetric matrices. The best few are polished by a quasi-Newton method on the factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_complexes, as_reals
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import LinearMap, Measurement
from lowland.core.results.records import Factors

# steps of the power iterations, and of a polishing
POWER_STEPS, MOST_STEPS = 40, 2000
# starts that move together per matrix that is polished, for so many numbers of a matrix; fewer for more
TOGETHER, NUMBERS = 20, 400
# starts per matrix that is polished where products are all there is
ALONE = 4
# from what A* A is subtracted where small ratios are wanted, in units of the largest: long and short steps
LONG_AND_SHORT = (0.65, 1.05)
# what factors are perturbed by before they are polished: a column of zeros has no slope
JITTER = 1e-4

Stack = NDArray[np.floating | np.complexfloating]


def search_ends(
    measurement: Measurement,
    rank: int,
    *,
    symmetric: bool,
    n_starts: int,
    gram: Matrix | None,
    rng: np.random.Generator,
) -> tuple[Factors, Factors]:
    """Return the matrices of norm one with the smallest and the largest ratio |A(X)|^2 / |X|^2 found.

    Parameters
    ----------
    measurement : Measurement
    rank : int
        At most.
    symmetric : bool
        Whether matrices are symmetric (Hermitian).
    n_starts : int
        Number of matrices that are polished, for each end.
    gram : ndarray, shape (m n, m n), optional
        A* A on matrices whose rows follow each other; computed by products with A where it is not given.
    rng : Generator

    Raises
    ------
    InvalidInputError
        If no measurements are finite.
    """
    power = PowerIteration(measurement, rank, symmetric, gram)
    steepest = _polished(measurement, power.run(n_starts, None, rng), -1.0, symmetric, rng)
    shift = ratio(measurement, steepest)
    flattest = _polished(measurement, power.run(n_starts, shift, rng), 1.0, symmetric, rng)
    return flattest, steepest


def ratio(measurement: Measurement, factors: Factors) -> float:
    """Return |A(X)|^2 / |X|^2."""
    return float(np.linalg.norm(measurement.measure(factors)) ** 2 / factors.norm() ** 2)


@final
@dataclass(frozen=True, eq=False)
class PowerIteration:
    """Steps along A* A, or along a shift less A* A, each followed by the nearest matrix of a rank.

    Parameters
    ----------
    measurement : Measurement
    rank : int
    symmetric : bool
        Whether matrices are symmetric (Hermitian).
    gram : ndarray, shape (m n, m n), or None
        As in `search_ends`.
    """

    measurement: Measurement
    rank: int
    symmetric: bool
    gram: Matrix | None

    def run(self, keep: int, largest: float | None, rng: np.random.Generator) -> list[Factors]:
        """Return the best matrices from random starts.

        Parameters
        ----------
        keep : int
            How many.
        largest : float or None
            About the largest ratio, if small ratios are wanted; None for large ones.
        rng : Generator
        """
        if self.gram is None:
            shares = [LONG_AND_SHORT[k % 2] for k in range(ALONE * keep)]
            ends = [self._one(None if largest is None else share * largest, rng) for share in shares]
            far = np.array([ratio(self.measurement, end) for end in ends])
            order = np.argsort(-far if largest is None else far, kind="stable")[:keep]
            return [ends[k] for k in order]
        size = self.measurement.shape[0] * self.measurement.shape[1]
        each = max(1, round(TOGETHER * min(1.0, NUMBERS / size) * keep / 2))
        shifts = [None, None] if largest is None else [share * largest for share in LONG_AND_SHORT]
        stacks = [self._together(each, shift, self.gram, rng) for shift in shifts]
        matrices = np.concatenate(stacks)
        flat = matrices.reshape(len(matrices), -1)
        ratios = np.einsum("ki,ki->k", flat.conj(), flat @ self.gram.T).real
        order = np.argsort(-ratios if largest is None else ratios, kind="stable")[:keep]
        return [self._factors(matrices[k]) for k in order]

    def _together(self, count: int, shift: float | None, gram: Matrix, rng: np.random.Generator) -> Stack:
        (m, n), size = self.measurement.shape, len(gram)
        along = gram.T if shift is None else shift * np.eye(size) - gram.T
        X = self._nearest(self._random((count, m, n), rng))
        for _ in range(POWER_STEPS):
            X = self._nearest((X.reshape(count, size) @ along).reshape(count, m, n))
            norms = np.linalg.norm(X, axis=(1, 2), keepdims=True)
            X = X / np.where(norms > 0, norms, 1.0)
        return X

    def _random(self, shape: tuple[int, ...], rng: np.random.Generator) -> Stack:
        drawn = rng.standard_normal(shape)
        is_complex = np.dtype(self.measurement.dtype).kind == "c"
        return drawn + 1j * rng.standard_normal(shape) if is_complex else drawn

    def _nearest(self, X: Stack) -> Stack:
        """Return the nearest matrices of the rank and the structure."""
        if self.symmetric:
            values, vectors = np.linalg.eigh((X + X.conj().swapaxes(1, 2)) / 2)
            order = np.argsort(-np.abs(values), axis=1)[:, : self.rank]
            values = np.take_along_axis(values, order, axis=1)
            vectors = np.take_along_axis(vectors, order[:, None, :], axis=2)
            return np.asarray((vectors * values[:, None, :]) @ vectors.conj().swapaxes(1, 2))
        left, sizes, right = np.linalg.svd(X, full_matrices=False)
        r = self.rank
        return np.asarray((left[:, :, :r] * sizes[:, None, :r]) @ right[:, :r])

    def _factors(self, X: Matrix) -> Factors:
        """Return the factors of a matrix of the rank, of equal sizes up to signs."""
        if self.symmetric:
            values, vectors = np.linalg.eigh((X + X.conj().T) / 2)
            order = np.argsort(-np.abs(values))[: self.rank]
            root = vectors[:, order] * np.sqrt(np.abs(values[order]))
            return Factors(root * np.where(values[order] < 0, -1.0, 1.0), root)
        left, sizes, right = np.linalg.svd(X, full_matrices=False)
        root = np.sqrt(sizes[: self.rank])
        return Factors(left[:, : self.rank] * root, right[: self.rank].conj().T * root)

    def _one(self, shift: float | None, rng: np.random.Generator) -> Factors:
        """Return the end of one path, by products of A, its adjoint, and factors only."""
        (m, n), r = self.measurement.shape, self.rank
        right = np.linalg.qr(self._random((n, r), rng))[0]
        left = right * rng.choice([-1.0, 1.0], r) if self.symmetric else self._random((m, r), rng)
        X = Factors(left, right)
        for _ in range(POWER_STEPS):
            X = Factors(X.left / (X.norm() or 1.0), X.right)
            back = self.measurement.adjoint(self.measurement.measure(X))

            def along(V: Matrix, X: Factors = X, back: LinearMap = back) -> Matrix:
                moved = (back.matmat(V) + back.rmatmat(V)) / 2 if self.symmetric else back.matmat(V)
                return moved if shift is None else shift * X.left @ (X.right.conj().T @ V) - moved

            basis = np.linalg.qr(along(np.linalg.qr(X.right)[0]))[0]
            if self.symmetric:
                small = basis.conj().T @ along(basis)
                X = Factors(basis @ (small + small.conj().T) / 2, basis)
            else:
                moved = back.rmatmat(basis)
                X = Factors(
                    basis,
                    moved if shift is None else shift * X.right @ (X.left.conj().T @ basis) - moved,
                )
        return self._split(X)

    def _split(self, X: Factors) -> Factors:
        """Return factors of equal sizes up to signs."""
        left, right = np.linalg.qr(X.left), np.linalg.qr(X.right)
        if not self.symmetric:
            inner = self._factors(left[1] @ right[1].conj().T)
            return Factors(left[0] @ inner.left, right[0] @ inner.right)
        small = right[0].conj().T @ X.left @ right[1].conj().T
        inner = self._factors(small)
        return Factors(right[0] @ inner.left, right[0] @ inner.right)


def _polished(
    measurement: Measurement,
    starts: list[Factors],
    sign: float,
    symmetric: bool,
    rng: np.random.Generator,
) -> Factors:
    """Return the matrix of norm one with the smallest (sign 1) or largest (sign -1) ratio, polished."""
    from scipy.optimize import minimize

    best: tuple[float, Factors] | None = None
    options = {"maxiter": MOST_STEPS, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 20}
    for start in starts:
        signs = None
        if symmetric:
            signs = np.where(np.einsum("ij,ij->j", start.left.conj(), start.right).real < 0, -1.0, 1.0)
        factors_of, gradient_of = _parametrised(measurement, start.width, signs)
        sides = [start.right] if symmetric else [start.left, start.right]
        point = np.concatenate([as_reals(np.ascontiguousarray(side)).ravel() for side in sides])
        point = point + JITTER * max(float(np.linalg.norm(point)), 1.0) * rng.standard_normal(point.size)

        def evaluate(
            x: Vector, pull: Callable[[Vector], tuple[float, Vector]] = gradient_of
        ) -> tuple[float, Vector]:
            value, gradient = pull(x)
            return sign * value, sign * gradient

        optimum = minimize(
            evaluate, point / np.linalg.norm(point), jac=True, method="L-BFGS-B", options=options
        )
        factors = factors_of(np.asarray(optimum.x))
        size = factors.norm()
        if not np.isfinite(optimum.fun) or not size > 0:
            continue
        unit = Factors(factors.left / size, factors.right)
        if best is None or optimum.fun < best[0]:
            best = float(optimum.fun), unit
    if best is None:
        raise InvalidInputError(
            "no matrix was found whose measurements are finite", type(measurement).__name__
        )
    return best[1]


def _parametrised(
    measurement: Measurement, rank: int, signs: Vector | None
) -> tuple[Callable[[Vector], Factors], Callable[[Vector], tuple[float, Vector]]]:
    """Return functions of real vectors: U V^H, or U diag(signs) U^H, and its ratio with the gradient."""
    (m, n), is_complex = measurement.shape, np.dtype(measurement.dtype).kind == "c"

    def sides(x: Vector) -> tuple[Matrix, Matrix]:
        numbers: Matrix = as_complexes(x) if is_complex else x
        if signs is not None:
            u = numbers.reshape(n, rank)
            return u * signs, u
        return numbers[: m * rank].reshape(m, rank), numbers[m * rank :].reshape(n, rank)

    def evaluate(x: Vector) -> tuple[float, Vector]:
        left, right = sides(x)
        z = measurement.measure(Factors(left, right))
        grams = left.conj().T @ left, right.conj().T @ right
        square = float(np.sum(grams[0] * grams[1].T).real)
        if not square > 0:
            return 0.0, np.zeros_like(x)
        value = float(np.linalg.norm(z) ** 2) / square
        back = measurement.adjoint(z)
        by_left = back.matmat(right) - value * left @ grams[1]
        by_right = back.rmatmat(left) - value * right @ grams[0]
        if signs is not None:
            return value, np.array(as_reals(np.ascontiguousarray(2 / square * (by_left * signs + by_right))))
        parts = [as_reals(np.ascontiguousarray(2 / square * part)) for part in (by_left, by_right)]
        return value, np.concatenate(parts)

    return lambda x: Factors(*sides(x)), evaluate
