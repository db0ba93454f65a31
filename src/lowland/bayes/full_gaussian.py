"""A Gaussian whose covariance may be any: its draws given rows, with shrinkage learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from lowland.bayes.wishart import wishart_root
from lowland.core.arrays import Matrix, Vector
from lowland.kernels import gaussian_draws

# degrees of freedom of the prior beyond the width: from next to none, which leaves small variances as they
# are, to this many times the number of rows
LEAST_EXCESS, MOST_EXCESS, STEPS = 1e-9, 8.0, 64


@final
@dataclass(frozen=True, eq=False)
class FullGaussian:
    """The mean of rows, their covariance and its inverse, shapes (p,), (p, p) and (p, p)."""

    mean: Vector
    covariance: Matrix
    precision: Matrix

    @classmethod
    def of(cls, mean: Vector, covariance: Matrix) -> FullGaussian:
        """Return a Gaussian of a positive definite covariance."""
        inverse = np.linalg.inv(covariance)
        return cls(mean, covariance, (inverse + inverse.T) / 2)


def draw_gaussian(
    rows: Matrix,
    rng: np.random.Generator,
    root: Matrix | None = None,
    *,
    floor: float = 0.0,
    in_loops: bool = False,
) -> tuple[FullGaussian, float]:
    """Return a draw of the Gaussian that rows come from, and the shrinkage that was drawn with it.

    Parameters
    ----------
    rows : ndarray of float64, shape (m, p)
        In units in which variances are about one.
    rng : numpy.random.Generator
    root : ndarray of float64, shape (p, p), optional
        Lower root of the mean R of the covariance's prior; by default I.
    floor : float
        Variance of the errors of the rows' numbers, which is added: where columns determine each other
        exactly, the covariance keeps an inverse.
    in_loops : bool
        By compiled loops instead of NumPy, with the same random numbers: the same up to rounding, in a third
        of the time where columns are few.

    Returns
    -------
    FullGaussian
    float
        The excess e of the prior's degrees of freedom: the covariance has an inverse Wishart prior of mean R
        with p + 1 + e degrees, worth about e rows, and the mean a flat one. Its logarithm has a flat prior on
        a grid, and is drawn with both integrated out.

    Notes
    -----
    Costs O(m p^2 + p^3).
    """
    m, p = rows.shape
    mean = rows.mean(axis=0)
    centred = rows - mean
    if root is not None:
        centred = np.linalg.solve(root, centred.T).T
    scatter = centred.T @ centred
    grid = _grid(m, p)
    weights = grid.log_evidence(scatter, in_loops=in_loops)
    shares = np.exp(weights - weights.max()).cumsum()
    excess = float(grid.excesses[shares.searchsorted(rng.random() * shares[-1], side="right")])
    lower = wishart_root(p, m + p + excess, rng)  # of a draw of the precision
    total = scatter.copy()
    total.flat[:: p + 1] += excess
    if root is not None:
        total = root @ total @ root.T
    total.flat[:: p + 1] += m * floor
    covariance, half, precision = (gaussian_draws.gaussian_of_draw if in_loops else _of_draw)(total, lower)
    away = half @ rng.standard_normal(p) / np.sqrt(m)
    return FullGaussian(mean + away, covariance, precision), excess


def _of_draw(total: Matrix, lower: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return what `gaussian_draws.gaussian_of_draw` does."""
    posterior = np.linalg.cholesky(total)
    half, inverse = np.linalg.solve(lower, posterior.T).T, np.linalg.solve(posterior.T, lower)
    return half @ half.T, half, inverse @ inverse.T


def draw_target(rows: Matrix, rng: np.random.Generator, roots: Sequence[Matrix | None], current: int) -> int:
    """Return which of several means of the covariance's prior is drawn next, given rows and the current one.

    Parameters
    ----------
    rows : ndarray of float64, shape (m, p)
    rng : numpy.random.Generator
    roots : sequence of (ndarray of float64, shape (p, p), or None)
        Lower roots of the means, None for I, all as likely beforehand.
    current : int

    Notes
    -----
    One of the others is drawn, and one of the two by their evidence, with the shrinkage and the Gaussian
    integrated out. Costs O(m p^2 + p^3).
    """
    other = int(rng.integers(len(roots) - 1))
    pair = current, other + (other >= current)
    m = len(rows)
    centred = rows - rows.mean(axis=0)
    scatter, grid, evidences = centred.T @ centred, _grid(*rows.shape), []
    for root in (roots[k] for k in pair):
        whitened, size = scatter, 0.0
        if root is not None:
            whitened = np.linalg.solve(root, np.linalg.solve(root, scatter).T)
            size = (m - 1) * float(np.log(np.diag(root)).sum())
        evidences.append(float(np.logaddexp.reduce(grid.log_evidence((whitened + whitened.T) / 2))) - size)
    return pair[1] if np.log(rng.random()) < -np.logaddexp(0.0, evidences[0] - evidences[1]) else pair[0]


@final
@dataclass(frozen=True, eq=False)
class Excesses:
    """Excesses of the prior's degrees of freedom, and what their evidence owes to the size of a table alone.

    Parameters
    ----------
    excesses : ndarray, shape (k,)
    halves : ndarray, shape (k,)
        Half the degrees of freedom of the posterior.
    priors, gammas : ndarray, shape (k,)
        Logarithms of determinants of the priors' means and ratios of multivariate gamma functions.
    """

    excesses: Vector
    halves: Vector
    priors: Vector
    gammas: Vector

    @classmethod
    def of(cls, excesses: Vector, m: int, p: int) -> Excesses:
        """Return what m rows of p numbers are judged by."""
        from scipy.special import gammaln

        prior, posterior = p + 1 + excesses, m - 1 + p + 1 + excesses
        # multivariate gamma functions, up to a constant
        halves = np.arange(p)[:, None] / 2
        gammas = (gammaln(posterior / 2 - halves) - gammaln(prior / 2 - halves)).sum(axis=0)
        return cls(excesses, posterior / 2, prior / 2 * p * np.log(excesses), gammas)

    def log_evidence(self, scatter: Matrix, *, in_loops: bool = False) -> Vector:
        """Return the log density of rows with a scatter matrix for each excess, up to a common constant."""
        if in_loops:
            sizes = gaussian_draws.log_determinants(scatter, self.excesses)
        else:
            values = np.maximum(np.linalg.eigvalsh(scatter), 0.0)
            sizes = np.log(values[:, None] + self.excesses).sum(axis=0)
        density: Vector = self.priors - self.halves * sizes + self.gammas
        return density


@lru_cache(maxsize=64)  # hundreds of sweeps of a fit ask for the same
def _grid(m: int, p: int) -> Excesses:
    return Excesses.of(np.geomspace(LEAST_EXCESS, MOST_EXCESS * m, STEPS), m, p)
