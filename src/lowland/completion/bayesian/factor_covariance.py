"""Covariances towards which that of a Gaussian of any covariance shrinks: of factors, and along an order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.bayes.order_basis import spacing
from lowland.bayes.posterior import Posterior
from lowland.bayes.side_prior import unpack_lower
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.core.arrays import Matrix

# lengths over which correlations of columns in order fall, in units of their spacing
LENGTHS = (1.0, 3.0, 10.0, 30.0)


def factor_covariance(objective: BayesianCompletion, posterior: Posterior) -> Matrix:
    """Return the covariance of a new row's cells under a posterior without features, shape (n, n).

    It is Q P^-1 Q^T plus a diagonal: Q holds the columns' means (and ones for the rows' bias), P is the
    precision of the rows' prior; the doubt about columns and the noise are on the diagonal.
    """
    _, columns = objective.moments(posterior)
    r, d = objective.model.rank, objective.width
    means = columns.means.astype(np.float64)
    sides = np.ones((len(means), d))
    sides[:, :r] = means[:, :r]
    prior = np.linalg.inv(posterior.row_precision)
    centre = posterior.row_coefficients[0].astype(np.float64)
    doubt = unpack_lower(columns.covariances.astype(np.float64), d)[:, :r, :r]
    around = np.einsum("kab,ab->k", doubt, (prior + np.outer(centre, centre))[:r, :r])
    noise = 1 / (posterior.noise_precision * posterior.column_precisions.astype(np.float64))
    covariance: Matrix = sides @ prior @ sides.T + np.diag(around + noise)
    return covariance


def along_columns(places: Sequence[Sequence[float]] | None) -> list[Matrix]:
    """Return correlations that fall with the distance of columns, one matrix per length; none without places.

    They fall exponentially, as those of a random walk that is drawn back to zero.

    Parameters
    ----------
    places : sequence of (sequence of float)
        Coordinates of each column.
    """
    if places is None:
        return []
    coordinates = np.array(places, np.float64)
    distances = np.linalg.norm(coordinates[:, None] - coordinates, axis=2) / spacing(coordinates)
    return [np.exp(-distances / length) for length in LENGTHS]
