"""Starting points of a search: random, small random, spectral, or given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector, check_floats
from lowland.core.complex_views import complex_type
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.records import Factors
from lowland.core.wording import InCode, Option, Remedy, Words

# up to this size all eigenvectors are computed, above it a few by Lanczos iteration
LARGEST_EIGH = 600
# the same for singular vectors, with block power iteration above
LARGEST_SVD = 200
# of matrices that are decomposed: the square root of the largest float, and some room
LARGEST_ENTRY = 1e150

START_NAMES = ("random", "small_random", "spectral")


@public("lowland.search")
def make_start(objective: MatrixFit, start: str | Factors | ArrayLike, rng: np.random.Generator) -> Vector:
    """Return a starting point for a search.

    Parameters
    ----------
    objective : Objective
        A recovery objective.
    start : {"random", "small_random", "spectral"}, Factors, or array_like, shape (size,)
        Gaussian factors at the scale of the data; the same a hundred times smaller; the leading
        singular vectors of the back-projected data; given factors of the objective's rank; or
        the point itself. An array of shape (n, rank) is the factor U of a positive semidefinite matrix.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (size,)
        Free biases start at zero, a global one at the (weighted) mean of the data.

    Raises
    ------
    InvalidInputError
        If the name is unknown, the given point does not fit, or the objective is infinite there.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import make_start
    >>> case = ll.datasets.planted_sensing(200, 5, 1, rng=0)
    >>> objective = ll.recover(case.measurement, case.y, rank=1, structure="psd", rng=0).objective
    >>> names = "random", "small_random", "spectral"
    >>> random, small, spectral = (make_start(objective, name, np.random.default_rng(0)) for name in names)
    >>> bool(np.allclose(100 * small, random)), objective.value(spectral) < objective.value(random) / 10
    (True, True)
    """
    if isinstance(start, Factors):
        return _finite(objective, _from_given(objective, start))
    if not isinstance(start, str):
        if np.ndim(start) == 2:
            return make_start(objective, _equal_factors(objective, np.asarray(start)), rng)
        point = check_floats(start, "start", dtype=str(objective.dtype), ndim=1)
        if objective.model.has_unit_trace and not np.any(point):
            raise InvalidInputError("start must not be zero for a matrix of unit trace", "a zero vector")
        if point.size != objective.size:
            raise InvalidInputError(
                "start has the wrong size", f"{point.size} for {objective.size} parameters"
            )
        return _finite(objective, point)
    if start not in START_NAMES:
        raise InvalidInputError(
            Words(Option("start"), " is unknown"),
            repr(start),
            fix=Remedy(Words("use ", Option("start", *START_NAMES)), InCode("pass an array")),
        )
    base = objective.centre()
    target = -objective.linearise(base).residual
    energy = _mean_energy(objective, rng)
    if start == "spectral":
        return _within_domain(objective, np.asarray(base + _spectral(objective, target, energy, rng)), rng)
    length = float(np.linalg.norm(target)) / max(np.sqrt(energy), np.finfo(float).tiny)
    scale = 1e-2 if start == "small_random" else 1.0
    point = np.asarray(base + _random(objective, length, rng) * base.dtype.type(scale))
    return _within_domain(objective, point, rng)


def _finite(objective: MatrixFit, point: Vector) -> Vector:
    value = float(objective.value(point))
    if not np.isfinite(value):
        raise InvalidInputError(
            "the objective is infinite at start",
            f"{value:g}",
            "positive counts, for instance, have probability zero if zero is predicted",
            "perturb the point",
        )
    return point


def _equal_factors(objective: MatrixFit, factor: Matrix) -> Factors:
    if not objective.model.is_psd:
        raise InvalidInputError(
            "start must be factors, or a point",
            f"an array of shape {factor.shape}",
            "one factor is enough for positive semidefinite matrices only",
            "pass Factors(left, right)",
        )
    return Factors(factor, factor)


def _from_given(objective: MatrixFit, factors: Factors) -> Vector:
    expected = [(side, objective.rank) for side in objective.shape]
    if [factors.left.shape, factors.right.shape] != expected:
        raise InvalidInputError(
            "start has factors of the wrong shape",
            f"{factors.left.shape} and {factors.right.shape}",
            fix=f"pass factors of shapes {expected[0]} and {expected[1]}",
        )
    work = complex_type(objective.dtype) if objective.model.is_complex else objective.dtype
    given = np.concatenate([factors.left, factors.right])
    if np.iscomplexobj(given) and not objective.model.is_complex:
        raise InvalidInputError("start has complex factors for a real matrix", f"dtype {given.dtype}")
    if not np.isfinite(given).all():
        raise InvalidInputError("start must be finite", "factors with NaN or infinity")
    if objective.model.is_psd and not np.array_equal(factors.left, factors.right):
        raise InvalidInputError(
            "start must have equal factors for a positive semidefinite matrix", "left and right differ"
        )
    point: Vector = objective.from_factors(Factors(factors.left.astype(work), factors.right.astype(work)))
    return point


def _within_domain(objective: MatrixFit, point: Vector, rng: np.random.Generator) -> Vector:
    """Return the point, or one near it with a finite objective: counts exclude predictions of zero."""
    length = float(np.linalg.norm(point)) or 1.0
    shares = (1.0,) if objective.model.has_unit_trace and not np.any(point) else (0.0, 0.01, 0.1, 1.0)
    for share in shares:
        direction = rng.standard_normal(point.size) if share else np.zeros(point.size)
        size = float(np.linalg.norm(direction)) or 1.0
        near: Vector = point + (share * length / size * direction).astype(point.dtype)
        if np.isfinite(objective.value(near)):
            return near
    return point


@public("lowland.search")
def critical_ridge(objective: MatrixFit, rng: np.random.Generator) -> float:
    """Return (approximately) the smallest ridge at which zero factors are optimal.

    It is the spectral norm of the gradient of the data term at zero factors and zero row and column biases.

    Parameters
    ----------
    objective : Objective
        A recovery objective.
    rng : numpy.random.Generator
        For the power iteration on large problems.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import critical_ridge
    >>> rows, columns = np.indices((3, 3)).reshape(2, -1)
    >>> A, y = ll.Entries(rows, columns, (3, 3)), np.diag([3.0, 2.0, 1.0]).ravel()
    >>> round(critical_ridge(ll.recover(A, y, rank=1, rng=0).objective, np.random.default_rng(0)), 6)
    3.0
    >>> [bool(ll.recover(A, y, rank=1, penalty=ridge, rng=0).matrix().max() > 1e-6) for ridge in (2.9, 3.1)]
    [True, False]
    """
    operator = objective.relaxation.gradient(objective.centre())
    m, n = operator.shape
    if m * n <= 1_000_000:
        return float(np.linalg.norm(operator.toarray(), 2))
    return float(_sparse_svd(operator, 1, rng)[1][0])


def _random(objective: MatrixFit, length: float, rng: np.random.Generator) -> Vector:
    # independent columns of squared norm s give a matrix of Frobenius norm about s sqrt(rank)
    (m, n), rank, dtype = objective.shape, objective.rank, objective.dtype
    squared = length / np.sqrt(rank) if length > 0 else 1.0
    left = gaussian_factor((m, rank), objective, rng) * dtype.type(np.sqrt(squared / m))
    right = gaussian_factor((n, rank), objective, rng) * dtype.type(np.sqrt(squared / n))
    point: Vector = objective.from_factors(Factors(left, right))
    return point


def _spectral(objective: MatrixFit, target: Vector, energy: float, rng: np.random.Generator) -> Vector:
    left, right = leading_factors(objective.adjoint(objective.weighted(target)), objective, rng)
    scale = 1 / np.sqrt(max(energy, np.finfo(float).tiny))
    dtype = objective.dtype
    kind = complex_type(dtype) if objective.model.is_complex else dtype
    point: Vector = objective.from_factors(Factors((left * scale).astype(kind), (right * scale).astype(kind)))
    return point


def gaussian_factor(shape: tuple[int, int], objective: MatrixFit, rng: np.random.Generator) -> Matrix:
    """Return independent normal entries of unit variance in the field and precision of an objective."""
    real: Matrix = rng.standard_normal(shape)
    if not objective.model.is_complex:
        return real.astype(objective.dtype)
    both: Matrix = (real + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return both.astype(complex_type(objective.dtype))


def _mean_energy(objective: MatrixFit, rng: np.random.Generator) -> float:
    """Estimate the mean of sum_k w_k A(X)_k^2 / ||X||_F^2 over random low-rank X."""
    ratios = []
    for _ in range(5):
        left, right = (gaussian_factor((k, 2), objective, rng) for k in objective.shape)
        if objective.model.is_psd:
            right = left
        z = objective.measurement.measure(Factors(left, right)).astype(np.float64)
        square = float(np.sum((left.conj().T @ left) * (right.conj().T @ right).T).real)
        ratios.append(float(z @ objective.weighted(z)) / square)
    return float(np.mean(ratios))


def leading_factors(operator: Any, objective: MatrixFit, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Return factors of the best rank-r part of an operator, positive semidefinite if requested."""
    rank = objective.rank
    m, n = operator.shape
    if objective.model.is_psd:
        values, vectors = _leading_eigenpairs(operator, rank, rng)
        factor = vectors * np.sqrt(np.maximum(values, 0))
        return factor, factor
    if min(m, n) <= LARGEST_SVD or 4 * rank >= min(m, n):
        u, s, vt = np.linalg.svd(_in_range(operator.toarray()), full_matrices=False)
        u, s, vt = u[:, :rank], s[:rank], vt[:rank]
    else:
        u, s, vt = _sparse_svd(operator, rank, rng)
    return u * np.sqrt(s), vt.conj().T * np.sqrt(s)


def _leading_eigenpairs(operator: Any, rank: int, rng: np.random.Generator) -> tuple[Vector, Matrix]:
    """Return the largest eigenvalues of the Hermitian part, descending, with their vectors."""
    n = operator.shape[0]
    if n <= LARGEST_EIGH or rank >= n - 1:
        dense = _in_range(operator.toarray())
        values, vectors = np.linalg.eigh((dense + dense.conj().T) / 2)
        return values[: -rank - 1 : -1], vectors[:, : -rank - 1 : -1]
    from scipy.sparse.linalg import LinearOperator, eigsh

    def product(x: Matrix) -> Matrix:
        block = x.reshape(n, -1)
        return np.asarray((operator.matmat(block) + operator.rmatmat(block)) / 2)

    sample = operator.matmat(np.zeros((n, 1)))
    hermitian = LinearOperator(
        (n, n), matvec=product, matmat=product, dtype=np.result_type(sample, np.float64)
    )
    values, vectors = eigsh(
        hermitian, k=rank, which="LA", v0=rng.standard_normal(n) + 0 * sample[:, 0], tol=1e-3
    )
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]


def _in_range(matrix: Matrix) -> Matrix:
    """Return a matrix whose squares are numbers; with others LAPACK may never return."""
    largest = float(np.abs(matrix).max(initial=0.0))
    if not largest < LARGEST_ENTRY:
        raise InvalidInputError(
            "the measuring matrices and the data are out of scale",
            f"their products reach {largest:.3g}",
            "squares of them overflow",
            "rescale the data or the measuring matrices",
        )
    return matrix


def _sparse_svd(operator: Any, rank: int, rng: np.random.Generator) -> tuple[Matrix, Vector, Matrix]:
    """Run block power iteration: a start needs directions, not accuracy."""
    m, n = operator.shape
    block = rng.standard_normal((n, min(rank + 8, m, n)))
    for _ in range(6):
        left = np.linalg.qr(_in_range(operator.matmat(block)))[0]
        block = np.linalg.qr(operator.rmatmat(left))[0]
    u, s, wt = np.linalg.svd(_in_range(operator.matmat(block)), full_matrices=False)
    return u[:, :rank], s[:rank], (block @ wt.conj().T)[:, :rank].conj().T
