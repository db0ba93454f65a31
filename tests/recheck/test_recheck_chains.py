"""Errors of averages over chains, derived again cell by cell."""

import numpy as np
import pytest

from lowland.bayes.monte_carlo import MonteCarlo
from lowland.recheck.chains import chance_of_mean


@pytest.mark.parametrize("shape", [(1, 4), (1, 5), (1, 60), (1, 101), (3, 33)])
def test_they_are_those_of_the_judge(shape):
    rng = np.random.default_rng(0)
    for memory in (0.0, 0.9, -0.7):
        draws = rng.standard_normal((*shape, 8))
        for k in range(1, shape[1]):
            draws[:, k] += memory * draws[:, k - 1]
        draws = np.round(draws, 1)  # ties share their rank
        draws[:, :, 0] = 0.25
        found = MonteCarlo.of(draws)
        for cell in range(8):
            again = chance_of_mean(draws[:, :, cell])
            told = found.r_hat[cell], found.bulk[cell], found.error[cell]
            np.testing.assert_allclose(again, told, rtol=1e-9, atol=1e-14)


def test_a_drift_is_seen_and_alternation_helps():
    steps = np.arange(60.0)[None]
    assert chance_of_mean(steps)[0] > 1.5
    assert chance_of_mean((steps % 2) + 1e-3 * np.sin(steps))[1] > 60
