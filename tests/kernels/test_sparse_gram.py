"""Gram matrices of sparse matrices and inverses in place, beside dense arithmetic."""

import numpy as np
import pytest

from lowland.kernels.sparse_tables import sparse_gram
from lowland.kernels.sparse_tables.sparse_gram import add_pairs, invert_in_place


@pytest.fixture(autouse=True, params=["compiled", "small"])
def form(request, monkeypatch):
    """Both forms, whatever the size."""
    if request.param == "compiled":
        monkeypatch.setattr(sparse_gram, "LARGE", 0)


def pattern_of(rng, shape):
    """A pattern with the lists of its lines, and weights of these."""
    seen = rng.random(shape) < 0.1
    starts = np.concatenate([[0], np.cumsum(seen.sum(axis=1))]).astype(np.int64)
    return seen.astype(float), starts, np.nonzero(seen)[1].astype(np.int32), rng.uniform(0.5, 2, shape[0])


@pytest.mark.parametrize("shape", [(40, 30), (30, 170), (300, 129), (5, 0)])
@pytest.mark.parametrize("at", [0, 2])
def test_the_gram_matrix_is_the_dense_one(shape, at, rng):
    dense, starts, partners, weights = pattern_of(rng, shape)
    gram = np.full((shape[1] + at, shape[1] + at), 7.0)
    add_pairs(starts, partners, weights, gram, at=at)
    expected = np.full_like(gram, 7.0)
    expected[at:, at:] += dense.T @ (weights[:, None] * dense)
    np.testing.assert_allclose(np.tril(gram), np.tril(expected), rtol=0, atol=1e-12)


def test_lines_and_results_in_parts_give_the_same_bits(rng):
    _, starts, partners, weights = pattern_of(rng, (200, 60))
    whole, parts = np.zeros((60, 60)), np.zeros((60, 60))
    add_pairs(starts, partners, weights, whole)
    for tile in ((0, 13), (13, 60)):
        for low, high in ((0, 7), (7, 150), (150, 150), (150, 200)):
            own, lines = slice(starts[low], starts[high]), starts[low : high + 1] - starts[low]
            add_pairs(lines, partners[own], weights[low:high], parts[slice(*tile)], tile=tile)
    np.testing.assert_array_equal(np.tril(parts), np.tril(whole))


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
