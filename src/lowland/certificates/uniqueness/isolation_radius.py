"""A radius within which no other matrix has the same predictions.

Let s be the smallest singular value of the measurements A on the tangent space T of the matrices of
rank r at X, L their norm on all matrices, and sigma the r-th singular value of X. For another Y of rank
at most r with a = |P_T(Y - X)|, the part of Y - X normal to T has norm at most sigma - sqrt(sigma^2 - a^2).
Equal predictions imply s a <= L (sigma - sqrt(sigma^2 - a^2)), hence a >= 2 sigma s L / (L^2 + s^2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.curvatures.jacobian import (
    gram_matrix,
    gram_work,
    jacobian_error,
    jacobian_matrix,
    jacobian_work,
)
from lowland.certificates.factorisations import (
    cholesky,
    cholesky_solver,
    eigenvalues,
    finite,
    largest_ratio,
    orthonormal_basis,
    qr,
    singular_values,
)
from lowland.certificates.gaps.measurement_norm import measurement_norm, norm_work
from lowland.certificates.gaps.spectral_bounds import is_eigenvalue_below
from lowland.certificates.stationarity import balanced
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import Budget, cholesky_work, eigenvalue_work

# weight of the redundant directions, in units of the largest curvature: large enough to hardly change the
# smallest curvature, small enough to keep its digits
REPEATED = 1e3
# up to this size the smallest curvature is computed directly
LARGEST_EIGH = 1000


@final
@dataclass(frozen=True)
class Exclusion:
    """A proven lower bound on the tangent space's smallest singular value, and the radius it gives.

    Parameters
    ----------
    smallest : float
        Lower bound on |A(Z)| / |Z| over the tangent space.
    norm : float
        Upper bound on |A(Z)| / |Z| over all matrices.
    singular_value : float
        Lower bound on the smallest singular value of the matrix.
    """

    smallest: float
    norm: float
    singular_value: float

    @property
    def radius(self) -> float:
        """Frobenius distance within which no other matrix of the rank has the same predictions."""
        return exclusion_radius(self.smallest, self.norm, self.singular_value)


def exclusion_radius(smallest: float, norm: float, singular_value: float) -> float:
    """Return 2 sigma s L / (L^2 + s^2)."""
    return 2 * singular_value * smallest * norm / (norm**2 + smallest**2)


def exclusion_work(objective: MatrixFit, pass_work: float, budget: Budget | None = None) -> float:
    """Return the work of `prove_exclusion`."""
    size = objective.size
    algebra = 3 * eigenvalue_work(size) if size <= LARGEST_EIGH else 40 * cholesky_work(size)
    if objective.matrices.stored_numbers == 0:  # the rounding of each column is bounded separately
        algebra += size * pass_work
    formed = jacobian_work(objective, pass_work) + gram_work(objective)
    return norm_work(objective, budget) + formed + algebra


def prove_exclusion(objective: MatrixFit, theta: Vector, budget: Budget | None = None) -> Exclusion | None:
    """Return what is proved about the neighbours of a matrix, or None.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64 without free biases or a fixed trace, whose measurement bounds
        its norm and its rounding.
    theta : ndarray, shape (size,)
    budget : Budget, optional
        For the norm of the measurements; see `measurement_norm`.

    Returns
    -------
    Exclusion or None
        None if nothing is proved.

    Notes
    -----
    Forms the Gram matrix of the Jacobian: size products, and O(size^3) for two factorisations.
    """
    if objective.model.biases or objective.model.has_unit_trace or objective.rounding is None:
        return None
    norm = measurement_norm(objective, budget)
    tangent = None if norm is None else _tangent(objective, theta)
    if norm is None or tangent is None:
        return None
    gram, metric, error, tilt, singular_value = tangent
    estimate = _smallest_ratio(gram, metric)
    for slack in (1e-4, 1e-2, 0.1, 0.5):
        square = estimate * (1 - slack)
        charge = error + 16 * unit_roundoff("float64") * square * float(np.abs(metric).sum(axis=1).max())
        if square > 0 and is_eigenvalue_below(square * metric - gram, -charge):
            break
    else:
        return None
    smallest = float(np.sqrt(square)) * (1 - 1e-12) - tilt * norm
    if not (smallest > 0 and singular_value > 0):
        return None
    return Exclusion(float(smallest), norm, float(singular_value))


def _tangent(objective: MatrixFit, theta: Vector) -> tuple[Matrix, Matrix, float, float, float] | None:
    """Return the Gram matrix, the metric, the error of the former, the tilt, and sigma_r.

    At orthonormal factors Q, P the change d = (D, E) stands for D P^H + Q E^H, of the same norm where
    Q^H D = 0; for X = Q S Q^H it stands for D Q^H + Q D^H, where Q^H D has no skew part. Redundant
    directions get a large curvature of their own.
    """
    given = objective.matrix(theta)
    factors = objective.matrix(balanced(objective, theta))
    # the matrix of the balanced factors differs by the rounding of sums of the size of both sides, which
    # may be far larger than the matrix if they cancel
    sizes = (np.linalg.norm(pair.left) * np.linalg.norm(pair.right) for pair in (given, factors))
    off = 16 * gamma(sum(objective.shape) + 8 * objective.rank) * float(sum(sizes))
    symmetric = objective.model.is_psd
    q, left = qr(factors.left)
    p, right = (q, left) if symmetric else qr(factors.right)
    if q.shape[1] < objective.rank or p.shape[1] < objective.rank:
        return None
    values = singular_values(left @ right.conj().T)
    singular_value = float(values[-1] - 1e-13 * values.size * values[0]) - off
    if not singular_value > 0:
        return None
    tilt = 4 * off / singular_value + sum(
        _tilt(f, basis, r) for f, basis, r in ((factors.left, q, left), (factors.right, p, right))
    )
    point = objective.from_factors(Factors(q, p))
    mixings = _all_matrices(objective.rank, objective.model.is_complex)
    if symmetric:
        even, odd = (
            orthonormal_basis(np.stack([objective.from_factors(Factors(q @ k, q @ k)) for k in part], axis=1))
            if len(part)
            else np.zeros((point.size, 0))
            for part in (
                [k + k.conj().T for k in mixings],
                [k - k.conj().T for k in mixings if np.any(k - k.conj().T)],
            )
        )
        repeated = odd
        metric = 2 * (np.eye(point.size) + even @ even.T - odd @ odd.T)
    else:
        nothing = np.zeros_like(p)
        repeated = orthonormal_basis(
            np.stack([objective.from_factors(Factors(q @ k, nothing)) for k in mixings], axis=1)
        )
        metric = np.eye(point.size)
    gram, error = _gram(objective, point)
    weight = REPEATED * float(gram.diagonal().max())
    if not (np.isfinite(weight) and np.isfinite(error)):
        return None
    gram = gram + weight * (repeated @ repeated.T)
    error += 1e-14 * weight * max(1, repeated.shape[1])
    return gram, metric, error, float(tilt), singular_value


def _gram(objective: MatrixFit, point: Vector) -> tuple[Matrix, float]:
    """Return J^T J and a bound on the norm of its error."""
    jacobian = jacobian_matrix(objective, point)
    wrong = jacobian_error(objective, point)
    gram = gram_matrix(jacobian)
    total = float(np.trace(gram)) * (1 + gamma(jacobian.shape[0] + 2))
    error = gamma(jacobian.shape[0] + 2) * total + (2 * np.sqrt(total) + wrong) * wrong
    return (gram + gram.T) / 2, error


def _smallest_ratio(gram: Matrix, metric: Matrix) -> float:
    """Estimate the smallest of d^T gram d / d^T metric d, by inverse iteration if large; zero on failure."""
    if len(gram) <= LARGEST_EIGH:
        try:
            # the metric has a kernel, the Gram matrix should have none
            return 1 / largest_ratio(metric, gram)
        except (np.linalg.LinAlgError, ZeroDivisionError):
            return 0.0
    top = float(gram.diagonal().max())
    try:
        solve = cholesky_solver(gram + 1e-13 * top * np.eye(len(gram)))
    except np.linalg.LinAlgError:
        return 0.0
    block = qr(np.random.default_rng(0).standard_normal((len(gram), min(8, len(gram)))))[0]
    value = np.inf
    for _ in range(100):
        block = qr(solve(metric @ block))[0]
        small = block.T @ gram @ block
        root = cholesky(block.T @ metric @ block + 1e-12 * np.eye(block.shape[1]))
        inverse = np.linalg.inv(finite(root))
        before, value = value, float(eigenvalues(inverse @ small @ inverse.T)[0])
        if abs(before - value) <= 1e-6 * abs(value):
            break
    return value


def _tilt(factor: Matrix, basis: Matrix, triangle: Matrix) -> float:
    """Bound the sine of the angle between the spans of a factor and of its computed basis."""
    off = np.linalg.norm(factor - basis @ triangle) + gamma(factor.shape[1] + 2) * np.linalg.norm(factor)
    least = singular_values(factor)[-1]
    return float(2 * off / least) if least > 0 else float("inf")


def _all_matrices(rank: int, is_complex: bool) -> list[Matrix]:
    """Return a real basis of the r x r matrices."""
    units = [np.outer(a, b) for a in np.eye(rank) for b in np.eye(rank)]
    return units + [1j * unit for unit in units] if is_complex else units
