"""Bounds on spectral norms, judged in arithmetic of forty digits."""

import mpmath
import numpy as np
import pytest

from lowland.certificates.gaps import norm_bounds, spectral_bounds
from lowland.certificates.gaps.leading import leading_triplet
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.certificates.gaps.spectral_bounds import is_eigenvalue_below, is_norm_below
from lowland.core.complex_views import embed
from lowland.core.dense_operator import DenseMap
from lowland.core.results.reasons import because
from lowland.core.results.sentences import SENTENCES
from lowland.core.results.status import Rigour
from lowland.measure import Entries


def is_above_the_norm(matrix, bound):
    """Whether s^2 I - M^T M, or the smaller of the two, is positive definite: forty digits."""
    with mpmath.workdps(40):
        lines = matrix.T if matrix.shape[0] >= matrix.shape[1] else matrix
        exact = [[mpmath.mpf(x) for x in line] for line in lines.tolist()]
        gap = [[-mpmath.fdot(one, other) for other in exact] for one in exact]
        for k in range(len(gap)):
            gap[k][k] += mpmath.mpf(float(bound)) ** 2
        return is_positive(gap)


def is_positive(rows):
    """Whether all pivots of a symmetric matrix, a list of rows, are positive."""
    a, n = [list(row) for row in rows], len(rows)
    for k in range(n):
        if not a[k][k] > 0:
            return False
        for i in range(k + 1, n):
            factor = a[k][i] / a[k][k]
            # by symmetry the upper half is enough
            for j in range(i, n):
                a[i][j] -= factor * a[k][j]
    return True


def matrices(count, shape=(24, 16)):
    """Draw matrices of several kinds: flat and steep spectra, equal top values, low rank, any scale."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        m, n = shape if seed % 2 else shape[::-1]
        matrix = rng.standard_normal((m, n))
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        if seed % 5 == 1:
            s = 10.0 ** -np.arange(s.size)
        elif seed % 5 == 2:
            s[:4] = s[0]
        elif seed % 5 == 3:
            s[3:] = 0
        elif seed % 5 == 4:
            s[:] = 1
        yield np.ascontiguousarray((u * s) @ vt) * 10.0 ** rng.integers(-12, 13)


def test_accepts_just_above_and_rejects_just_below():
    for matrix in matrices(100, (60, 45)):
        top = np.linalg.norm(matrix, 2)
        assert is_norm_below(matrix, top * (1 + 1e-8))
        assert not is_norm_below(matrix, top * (1 - 1e-6))


def false_accepts():
    """Yield whether each bound that is accepted is below the norm."""
    # with small matrices, so many that on every machine some round the wrong way
    for matrix in (*matrices(400, (4, 3)), *matrices(60)):
        top = float(np.linalg.norm(matrix, 2))
        for bound in (top * (1 - 1e-15), top, np.nextafter(top, 0), top * (1 + 1e-14)):
            if is_norm_below(matrix, bound):
                yield not is_above_the_norm(matrix, bound)


def test_nothing_is_accepted_that_forty_digits_refute():
    assert not any(false_accepts())


def test_without_its_rounding_charge_the_bound_is_refuted(monkeypatch):
    monkeypatch.setattr(spectral_bounds, "gamma", lambda terms, dtype="float64": 0.0)
    monkeypatch.setattr(spectral_bounds, "unit_roundoff", lambda dtype: 0.0)
    assert any(false_accepts())


def test_eigenvalues_to_forty_digits():
    for matrix in matrices(40, (14, 14)):
        symmetric = (matrix + matrix.T) / 2
        top = float(np.linalg.eigvalsh(symmetric)[-1])
        for bound in (top - 1e-15 * abs(top), top, top + 1e-14 * abs(top), top + 1e-9 * abs(top)):
            if is_eigenvalue_below(symmetric, bound):
                with mpmath.workdps(40):
                    gap = (mpmath.eye(14) * mpmath.mpf(bound) - mpmath.matrix(symmetric.tolist())).tolist()
                    # semidefinite would do; the charge leaves more
                    assert is_positive(gap)


@pytest.mark.parametrize("steps", [3, 60])
def test_bounds_of_every_kind_are_above(steps):
    for matrix in matrices(30):
        found = norm_bound(
            DenseMap(matrix),
            method="cholesky",
            largest_dense=100,
            steps=steps,
            rng=np.random.default_rng(0),
        )
        assert found.rigour is Rigour.RIGOROUS
        assert is_above_the_norm(matrix, found.value * (1 + 1e-15))
        if steps == 60:
            assert found.value <= np.linalg.norm(matrix, 2) * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("count", [5, pytest.param(12, marks=pytest.mark.slow)])
def test_sparse_operators_are_never_formed(shape, is_complex, count, monkeypatch):
    """The Gram matrix of the entries gives the same bound, positions that repeat among them."""
    monkeypatch.setattr(norm_bounds, "SPARSE_COST", 0)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        rows, columns = rng.integers(0, shape[0], 60), rng.integers(0, shape[1], 60)
        weights = rng.standard_normal(60) * 10.0 ** rng.integers(-9, 10)
        if is_complex:
            weights = weights * np.exp(1j * rng.uniform(0, 6, 60))
        operator = Entries(rows, columns, shape, dtype=weights.dtype).adjoint(weights)
        dense = operator.toarray()
        monkeypatch.setattr(type(operator), "toarray", None)
        found = norm_bound(operator, method="cholesky", largest_dense=0, steps=40, rng=rng)
        monkeypatch.undo()
        monkeypatch.setattr(norm_bounds, "SPARSE_COST", 0)
        assert found.rigour is Rigour.RIGOROUS
        assert is_above_the_norm(embed(dense), found.value * (1 + 1e-15))
        assert found.value <= np.linalg.norm(dense, 2) * (1 + 1e-7)


def failures(monkeypatch, probability):
    """Return how often a bound that may fail with this probability does, over random starts."""
    monkeypatch.setattr(norm_bounds, "FAILURE", probability)
    rng, count, tried = np.random.default_rng(0), 0, 400
    # the hardest kind: many values just below the top
    values = 1 - np.linspace(0, 1, 400) ** 2
    matrix = np.diag(values)
    for _ in range(tried):
        found = norm_bounds.probable_bound(DenseMap(matrix), 8, rng)
        if found.rigour is Rigour.PROBABILISTIC:
            count += found.value < 1.0
    return count / tried


WIDE = ((1, 8), (2, 3), (2, 50), (3, 8), (4, 200), (5, 2000), (8, 3), (9, 12), (31, 30))


@pytest.mark.parametrize("shape", WIDE)
def test_probable_bounds_hold_where_one_side_is_short(shape):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        matrix = rng.standard_normal(shape)
        found = norm_bounds.probable_bound(DenseMap(matrix), 150, rng)
        assert found.value >= np.linalg.norm(matrix, 2)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_probable_bounds_hold_where_most_rows_are_zero(rows):
    for seed in range(30):
        rng = np.random.default_rng(seed)
        matrix = np.zeros((60, 50))
        matrix[:rows] = 1.0 if rows == 1 else rng.standard_normal((rows, 50))
        found = norm_bounds.probable_bound(DenseMap(matrix), 40, rng)
        assert found.value >= np.linalg.norm(matrix, 2)
        left, value, right = leading_triplet(DenseMap(matrix), 40, rng)
        np.testing.assert_allclose(matrix @ right, value * left, atol=1e-9 * value)


def test_probable_bounds_fail_no_more_often_than_they_say(monkeypatch):
    assert failures(monkeypatch, 0.1) <= 0.1


def test_a_lanczos_value_without_its_allowance_fails_always(monkeypatch):
    assert failures(monkeypatch, norm_bounds.ATTEMPTS * 1.648 * np.sqrt(400)) > 0.5  # the allowance vanishes


def test_the_sentence_names_the_probability_of_failure():
    assert SENTENCES["lanczos"].endswith(f"at most {norm_bounds.FAILURE:g}")


@pytest.mark.parametrize("cost", [0, 1e9])
def test_where_no_factorisation_completes_cheap_bounds_hold(cost, monkeypatch):
    monkeypatch.setattr(norm_bounds, "SPARSE_COST", cost)
    monkeypatch.setattr(norm_bounds, "least_proved", lambda prover, estimate: None)
    for seed, scale in enumerate((1e-9, 1.0, 1e9)):
        rng = np.random.default_rng(seed)
        weights = scale * rng.standard_normal(60)
        operator = Entries(rng.integers(0, 30, 60), rng.integers(0, 12, 60), (30, 12)).adjoint(weights)
        before = operator.toarray()
        found = norm_bound(operator, method="cholesky", largest_dense=0, steps=40, rng=rng)
        assert found.reason != because("cholesky")
        # repeats are added up in a copy: the pattern belongs to the measurement
        np.testing.assert_array_equal(operator.toarray(), before)
        assert is_above_the_norm(operator.toarray(), found.value)
        assert found.value <= 10 * np.linalg.norm(operator.toarray(), 2)


def test_a_matrix_of_which_the_steps_find_nothing_has_a_bound(monkeypatch):
    """A leading value of zero, as of a matrix of rounding only, is no reason to fail."""
    matrix = 1e-16 * np.arange(12.0).reshape(4, 3)
    monkeypatch.setattr(norm_bounds, "leading_triplet", lambda *_: (np.zeros(4), 0.0, np.zeros(3)))
    given = {"method": "cholesky", "largest_dense": 10, "steps": 10, "rng": np.random.default_rng(0)}
    found = norm_bound(DenseMap(matrix), **given)
    assert np.linalg.norm(matrix, 2) <= found.value <= 2 * np.linalg.norm(matrix, 2)
    assert found.rigour is Rigour.RIGOROUS
