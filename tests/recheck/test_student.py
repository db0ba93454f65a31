"""Student's quantiles without SciPy."""

import numpy as np
import pytest
from scipy import stats

from lowland.recheck.student import student_reach


@pytest.mark.parametrize("degrees", [1.0, 1.02, 1.7, 2.0, 3.3, 12.0, 149.0, 2.5e4, 1e8])
def test_quantiles_are_those_of_scipy(degrees):
    for level in (0.01, 0.5, 0.9, 0.99):
        expected = stats.t.ppf((1 + level) / 2, degrees)
        np.testing.assert_allclose(student_reach(level, degrees), expected, rtol=1e-6)


def test_known_quantiles():
    assert student_reach(0.5, 1.0) == pytest.approx(1.0)
    assert student_reach(0.99, 1.0) == pytest.approx(np.tan(0.99 * np.pi / 2))
    assert student_reach(0.95, 1e6) == pytest.approx(1.959966, abs=5e-6)
