"""The state of a Bayesian completion between two sweeps: a variational posterior, or one draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from lowland.core.arrays import Matrix, Vector


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Posterior:
    """Independent Gaussian rows and columns, learnt priors and noise.

    Parameters
    ----------
    theta : ndarray, shape (size,)
        The means, as a point of the model.
    row_covariances, column_covariances : ndarray, shape (m or n, d (d + 1) / 2)
        Packed lower triangles.
    row_precision, column_precision : ndarray, shape (d, d)
        Precisions of the priors.
    row_coefficients, column_coefficients : ndarray, shape (features + 1, d)
        Coefficients of the prior means.
    noise_precision : float
        alpha.
    column_precisions : ndarray, shape (n,)
        tau; ones if the noise is common.
    errors : ndarray, shape (n,)
        Expected weighted squared errors of each column, without tau.
    row_entropy, column_entropy : float
        Entropies of the Gaussians of a side.
    sampled : ndarray, shape (k,)
        Predictions of some cells after the last sweep.
    change : float
        How far they moved in it, over their standard deviations.
    held : bool
        Whether priors and noise are held instead of being learnt.
    row_energy, column_energy : float
        Negative expected log density of a side under its prior, including the density of the prior.
    """

    theta: Vector
    row_covariances: Matrix
    column_covariances: Matrix
    row_precision: Matrix
    column_precision: Matrix
    row_coefficients: Matrix
    column_coefficients: Matrix
    noise_precision: float
    column_precisions: Vector
    errors: Vector
    sampled: Vector
    change: float = 1.0
    held: bool = False
    row_entropy: float = 0.0
    column_entropy: float = 0.0
    row_energy: float = 0.0
    column_energy: float = 0.0


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Draw:
    """One draw of rows and columns, priors and noise; fields are those of `Posterior`.

    Parameters
    ----------
    errors : ndarray, shape (n,)
        Weighted squared errors of each column when the noise was drawn.
    key, sweep : int
        Position in the stream of normals that the next rows are drawn with.
    most_precise : float
        Largest noise precision that is drawn.
    kept : tuple of ndarray, shape (size,)
        Points kept from earlier sweeps.
    """

    theta: Vector
    row_precision: Matrix
    column_precision: Matrix
    row_coefficients: Matrix
    column_coefficients: Matrix
    noise_precision: float
    column_precisions: Vector
    errors: Vector
    key: int
    sweep: int = 0
    most_precise: float = float("inf")
    kept: tuple[Vector, ...] = ()
