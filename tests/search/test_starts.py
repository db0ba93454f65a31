"""Leading directions of large operators, found without forming them."""

import numpy as np
import pytest

from lowland.core.dense_operator import DenseMap
from lowland.measure import Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import starts
from lowland.search.starts import leading_factors


def with_spectrum(rng, m, n, values):
    left, right = (np.linalg.qr(rng.standard_normal((k, len(values))))[0] for k in (m, n))
    return left * np.array(values) @ right.T, left, right


def table(shape, model):
    entries = Entries(np.zeros(1, int), np.zeros(1, int), shape)
    return make_objective(entries, [1.0], model)


def test_leading_singular_vectors_of_a_large_operator(rng, monkeypatch):
    matrix, left, right = with_spectrum(rng, 90, 70, [9.0, 5.0, 1.0, 0.5])
    monkeypatch.setattr(starts, "LARGEST_SVD", 1)
    found = leading_factors(DenseMap(matrix), table((90, 70), General((90, 70), 2)), rng)
    best = left[:, :2] * [9.0, 5.0] @ right[:, :2].T
    np.testing.assert_allclose(found[0] @ found[1].T, best, atol=1e-5)
    np.testing.assert_allclose(found[0].T @ found[0], found[1].T @ found[1], atol=1e-8)  # balanced


def test_leading_factor_of_a_psd_model_has_no_negative_part(rng):
    _, left, _ = with_spectrum(rng, 8, 8, [2.0, 1.0])
    symmetric = left * [3.0, -2.0] @ left.T
    u, v = leading_factors(DenseMap(symmetric), table((8, 8), Psd((8, 8), 2)), rng)
    assert u is v
    np.testing.assert_allclose(u @ v.T, 3 * np.outer(left[:, 0], left[:, 0]), atol=1e-12)


@pytest.mark.parametrize("is_complex", [False, True])
def test_leading_eigenvectors_of_a_large_operator(is_complex, rng, monkeypatch):
    basis = rng.standard_normal((60, 60)) + 1j * is_complex * rng.standard_normal((60, 60))
    basis = np.linalg.qr(basis)[0]
    values = np.r_[7.0, 4.0, np.linspace(1, -8, 58)]
    matrix = basis * values @ basis.conj().T
    skew = rng.standard_normal((60, 60))
    operator = DenseMap(matrix + skew - skew.T)  # only the Hermitian part counts
    monkeypatch.setattr(starts, "LARGEST_EIGH", 1)
    found, vectors = starts._leading_eigenpairs(operator, 2, rng)
    np.testing.assert_allclose(found, [7.0, 4.0], rtol=1e-2)
    caught = np.linalg.norm(vectors.conj().T @ basis[:, :2], axis=0)
    np.testing.assert_allclose(caught, 1, atol=1e-2)
