"""Conditional laws of a Gaussian given some known numbers, cell by cell."""

import numpy as np
import pytest

from lowland.bayes.conditional import SignalAndNoise
from lowland.bayes.row_scales import RowScales


@pytest.mark.parametrize("scales", [None, RowScales(5.0, 0.8, 1.1)])
def test_each_cell_is_the_schur_complement_of_its_own_predictors(scales, rng):
    p, m = 5, 30
    root = rng.standard_normal((p, p))
    covariance, noise, mean = root @ root.T, rng.random(p) + 0.1, rng.standard_normal(p)
    rows = rng.multivariate_normal(mean, covariance + np.diag(noise), m)
    rows[rng.random(rows.shape) < 0.4] = np.nan
    rows[0], rows[1] = np.nan, 1.0
    allowed = rng.random((p, p)) < 0.6
    np.fill_diagonal(allowed, True)
    means, variances = SignalAndNoise(mean, covariance, noise).given(rows, allowed, scales)
    for i, row in enumerate(rows):
        for j in range(p):
            known = [k for k in range(p) if allowed[j, k] and not np.isnan(row[k])]
            total = (covariance + np.diag(noise))[np.ix_(known, known)]
            across = covariance[j, known]
            away = row[known] - mean[known]
            centre, left = mean[j], covariance[j, j]
            distance = 0.0
            if known:
                centre = centre + across @ np.linalg.solve(total, away)
                left = left - across @ np.linalg.solve(total, across)
                distance = away @ np.linalg.solve(total, away)
            size = 1.0
            if scales is not None:
                size = 1.1 * (0.8 * 5.0 + distance) / (5.0 + len(known))
            np.testing.assert_allclose(means[i, j], centre)
            np.testing.assert_allclose(variances[i, j], size * (left + noise[j]))
