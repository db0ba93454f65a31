"""Gram matrices of sparse matrices and inverses in place, beside dense arithmetic."""

import numpy as np
import pytest
import scipy.sparse as sp

from lowland.kernels import sparse_gram
from lowland.kernels.sparse_gram import gram_matrix, invert_in_place


@pytest.fixture(autouse=True, params=["compiled", "small"])
def form(request, monkeypatch):
    """Both forms, whatever the size."""
    if request.param == "compiled":
        monkeypatch.setattr(sparse_gram, "LARGE", 0)


def lines_of(matrix):
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


@pytest.mark.parametrize("shape", [(40, 30), (30, 170), (300, 129), (5, 0)])
def test_the_gram_matrix_is_the_dense_one(shape, rng):
    dense = np.where(rng.random(shape) < 0.1, rng.standard_normal(shape), 0.0)
    matrix = sp.csr_array(dense)
    found = gram_matrix(lines_of(sp.csr_array(matrix.T)), lines_of(matrix))
    np.testing.assert_allclose(found, dense.T @ dense, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 130])
def test_the_inverse_takes_the_place_of_the_matrix(n, rng):
    root = rng.standard_normal((n, n + 3))
    matrix = root @ root.T + np.eye(n)
    given = matrix.copy()
    inverse = invert_in_place(given)
    np.testing.assert_allclose(inverse @ matrix, np.eye(n), rtol=0, atol=1e-8)
    np.testing.assert_array_equal(inverse, inverse.T)
    assert n == 0 or np.shares_memory(inverse, given)


@pytest.mark.parametrize("n", [3, 70])
def test_an_indefinite_matrix_has_no_inverse_here(n):
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        invert_in_place(-np.eye(n))
