"""Designs of given numbers: the same Gram matrix in one piece and in many."""

import numpy as np
import pytest

from lowland.bayes import design
from lowland.bayes.design import MatrixDesign


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gram_matrix_is_summed_in_double_precision(rng, monkeypatch, dtype):
    numbers = rng.standard_normal((50, 4)).astype(dtype)
    monkeypatch.setattr(design, "MANY", 7)
    whole = np.column_stack([np.ones(50), numbers.astype(np.float64)])
    found = MatrixDesign(50, numbers).gram()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, whole.T @ whole, rtol=1e-13, atol=1e-12)
