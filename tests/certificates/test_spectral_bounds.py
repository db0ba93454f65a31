import numpy as np
import pytest

from lowland.certificates.factorisations import orthonormal_basis
from lowland.certificates.gaps.leading import leading_triplet
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.certificates.gaps.spectral_bounds import (
    cheap_norm,
    eigenvalue_bound,
    is_eigenvalue_below,
    is_norm_below,
)
from lowland.core.dense_operator import DenseMap
from lowland.core.results.status import Rigour


@pytest.mark.parametrize("seed", range(100))
def test_norm_bound_accepts_above_and_never_below(seed):
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 40, 2)
    matrix = rng.standard_normal((m, n)) * 10.0 ** rng.integers(-8, 9)
    norm = np.linalg.norm(matrix, 2)
    assert is_norm_below(matrix, norm * (1 + 1e-8))
    assert not is_norm_below(matrix, norm * (1 - 1e-6))
    assert not is_norm_below(matrix, norm * (1 - 1e-13))


@pytest.mark.parametrize("seed", range(50))
def test_eigenvalue_bound(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    matrix = rng.standard_normal((n, n))
    matrix = (matrix + matrix.T) * 10.0 ** rng.integers(-6, 7)
    top = np.linalg.eigvalsh(matrix)[-1]
    size = np.abs(np.linalg.eigvalsh(matrix)).max()
    assert is_eigenvalue_below(matrix, top + 1e-8 * size)
    assert not is_eigenvalue_below(matrix, top - 1e-13 * size)
    bound = eigenvalue_bound(matrix)
    assert top <= bound.value <= top + 1e-6 * np.abs(matrix).sum(axis=1).max()
    assert bound.rigour is Rigour.RIGOROUS


def test_zeros_and_edges():
    assert is_norm_below(np.zeros((3, 4)), 0.0)
    assert not is_norm_below(np.eye(2), 0.0)
    assert is_norm_below(np.zeros((0, 3)), 0.0)
    assert not is_norm_below(np.array([[np.nan]]), 1.0)
    assert not is_norm_below(np.eye(2), np.nan)
    assert is_eigenvalue_below(np.zeros((2, 2)), 0.0)


def test_cheap_norm_is_above(rng):
    for _ in range(30):
        matrix = rng.standard_normal((12, 7)) * (rng.random((12, 7)) < 0.3)
        assert cheap_norm(matrix) >= np.linalg.norm(matrix, 2)


def test_lanczos_is_below_and_converges(rng):
    matrix = rng.standard_normal((60, 40))
    norm = np.linalg.norm(matrix, 2)
    (_, few, _), (u, many, v) = (leading_triplet(DenseMap(matrix), steps, rng) for steps in (2, 40))
    assert few < norm
    assert many == pytest.approx(norm, rel=1e-10)
    assert u @ matrix @ v == pytest.approx(norm, rel=1e-10)
    assert leading_triplet(DenseMap(np.zeros((3, 3))), 5, rng)[1] == 0


def test_norm_bound_by_budget(rng):
    operator = DenseMap(rng.standard_normal((30, 20)))
    dense = norm_bound(operator, method="auto", largest_dense=100, steps=10, rng=rng)
    assert dense.rigour is Rigour.RIGOROUS
    assert dense.value >= np.linalg.norm(operator.matrix, 2)
    estimate = norm_bound(operator, method="auto", largest_dense=10, steps=10, rng=rng)
    assert estimate.rigour is Rigour.ESTIMATE


def test_a_basis_of_dependent_columns_spans_them_all(rng):
    """Without pivots the noise that a dependent column leaves is taken out of the columns behind it."""
    columns = rng.standard_normal((30, 3))
    for order in ([0, 1, 0, 2], [0, 0, 1, 2], [0, 1, 2, 2]):
        directions = columns[:, order]
        basis = orthonormal_basis(directions)
        assert basis.shape == (30, 3)
        np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(basis @ (basis.T @ directions), directions, atol=1e-12)
    assert orthonormal_basis(np.zeros((5, 0))).shape == (5, 0)
    assert orthonormal_basis(np.zeros((5, 2))).shape == (5, 0)
