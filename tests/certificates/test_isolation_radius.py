"""No other matrix of the rank with the same predictions comes within the radius that is proved."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

import lowland as ll
from lowland.certificates import JudgeSettings
from lowland.certificates.uniqueness import isolation_radius
from lowland.certificates.uniqueness.isolation_radius import exclusion_radius, prove_exclusion
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify
from lowland.measure import Dense, Entries, Pauli, RankOne
from lowland.models import General, Psd
from lowland.objectives import make_objective


def naive(arrays, u, v, symmetric):
    """Smallest singular value on the tangent space, and the norm, from dense projectors."""
    n = len(u)
    off = [np.eye(n) - np.linalg.pinv(f.T) @ f.T for f in (u, v)]
    project = np.eye(n * n) - np.kron(*off)
    if symmetric:
        swap = np.eye(n * n).reshape(n, n, n * n).transpose(1, 0, 2).reshape(n * n, n * n)
        project = project @ (np.eye(n * n) + swap) / 2
    values, vectors = np.linalg.eigh((project + project.T) / 2)
    table = arrays.reshape(len(arrays), -1)
    least = np.linalg.svd(table @ vectors[:, values > 0.5], compute_uv=False)[-1]
    return least, np.linalg.norm(table, 2), project


def two_solutions(rng, n, r, m, symmetric, spread):
    """Two matrices of rank r, and measurements that do not tell them apart."""
    u, v = rng.standard_normal((2, n, r))
    du, dv = spread * rng.standard_normal((2, n, r))
    if symmetric:
        v, dv = u, du
    x, y = u @ v.T, (u + du) @ (v + dv).T
    unseen = (y - x).ravel() / np.linalg.norm(y - x)
    table = rng.standard_normal((m, n, n))
    table = (table + table.transpose(0, 2, 1)) / 2 if symmetric else table
    table = table.reshape(m, -1)
    table -= np.outer(table @ unseen, unseen)
    return u, v, x, y, table.reshape(m, n, n)


def proved(arrays, u, v, symmetric):
    measurement = Dense(arrays, symmetric=symmetric)
    model = (Psd if symmetric else General)((len(u), len(v)), u.shape[1])
    objective = make_objective(measurement, measurement.measure_matrix(u @ v.T), model)
    return prove_exclusion(objective, objective.from_factors(ll.Factors(u, v)))


@pytest.mark.parametrize("symmetric", [False, True])
def test_no_other_solution_is_nearer(symmetric, rng):
    judged = 0
    for _ in range(100):
        n, r = int(rng.integers(3, 7)), int(rng.integers(1, 3))
        dof = n * r - r * (r - 1) // 2 if symmetric else r * (2 * n - r)
        size, spread = int(rng.integers(dof, 4 * dof)), 10 ** rng.uniform(-1.5, 0.5)
        u, v, x, y, arrays = two_solutions(rng, n, r, size, symmetric, spread)
        least, norm, project = naive(arrays, u, v, symmetric)
        exclusion = proved(arrays, u, v, symmetric)
        if exclusion is None:
            continue
        judged += 1
        assert exclusion.smallest <= least * (1 + 1e-12)
        assert exclusion.smallest >= 0.98 * least
        assert norm <= exclusion.norm * (1 + 1e-14) <= norm * 1.11
        assert np.linalg.norm(project @ (y - x).ravel()) >= exclusion.radius
    assert judged > 90


def tight_instance(s):
    """Rank one in the plane: the second solution lies where the bound meets itself, but for s^2 / 2."""
    a = 2 * s / (1 + s**2)
    off = 1 - np.sqrt(1 - a**2)
    t = np.sqrt((a**2 - off**2) / 2)
    along = np.array([-off, t, t, 0]) / a
    rest = np.linalg.svd(along[None, :3])[2][1:]
    table = np.zeros((3, 4))
    table[0] = s * along
    table[0, 3] = -1.0
    table[1:, :3] = np.sqrt(1 + s**2) * rest
    y = np.array([[1 - off, t], [t, off]])
    return table.reshape(3, 2, 2), y, a


@pytest.mark.parametrize("s", [0.05, 0.1, 0.2])
def test_the_radius_is_nearly_tight(s):
    """Were it a tenth larger, these second solutions would lie within."""
    arrays, y, a = tight_instance(s)
    x = np.diag([1.0, 0.0])
    assert np.linalg.matrix_rank(y, tol=1e-12) == 1
    np.testing.assert_allclose(np.einsum("kij,ij->k", arrays, y - x), 0, atol=1e-14)
    one = np.array([[1.0], [0.0]])
    exclusion = proved(arrays, one, one, symmetric=False)
    assert 1 <= a / exclusion.radius <= 1.05
    assert exclusion_radius(exclusion.smallest, exclusion.norm, exclusion.singular_value) == exclusion.radius


def test_what_is_not_seen_is_not_excluded(rng):
    """A spike on an unseen cell of a pattern that determines almost every matrix."""
    n, r = 12, 2
    rows, columns = np.nonzero(rng.random((n, n)) < 0.8)
    keep = (rows != 3) | (columns != 5)
    pattern = Entries(rows[keep], columns[keep], (n, n))
    u, v = rng.standard_normal((2, n, r))
    spike = np.zeros((n, n))
    spike[3, 5] = 1.0
    plain = certify_entries(pattern, u, v)
    assert plain["determined_by_data"].verdict is Verdict.PROVED
    assert plain["locally_unique"].verdict is Verdict.PROVED
    assert plain["locally_unique"].rigour is Rigour.RIGOROUS
    left, right = np.hstack([u[:, :1], np.eye(n)[:, [3]]]), np.hstack([v[:, :1], np.eye(n)[:, [5]]])
    spiked = certify_entries(pattern, left, right)
    assert "generic" in spiked["determined_by_data"].assumptions[0]
    found = spiked["locally_unique"]
    assert found.verdict is Verdict.REFUTED
    other = found.witness["left"] @ found.witness["right"].T
    truth = left @ right.T
    np.testing.assert_allclose(pattern.measure_matrix(other), pattern.measure_matrix(truth), atol=1e-12)
    seen = np.zeros((n, n), bool)
    seen[pattern.rows, pattern.columns] = True
    assert abs(other - truth)[~seen].max() > 1e-3


def certify_entries(pattern, left, right):
    model = General(pattern.shape, left.shape[1])
    objective = make_objective(pattern, pattern.measure_matrix(left @ right.T), model)
    return certify(objective, objective.from_factors(ll.Factors(left, right)))


def test_complex_matrices(rng):
    """Hermitian matrices from Pauli words, against a dense real Jacobian."""
    words = ["".join(word) for word in rng.choice(list("IXYZ"), (40, 2))]
    measurement = Pauli(words)
    state = rng.standard_normal((4, 2)).view(complex)
    model = Psd((4, 4), 1, True)
    objective = make_objective(measurement, measurement.measure(ll.Factors(state, state)).real, model)
    exclusion = prove_exclusion(objective, objective.from_factors(ll.Factors(state, state)))
    unit = state / np.linalg.norm(state)
    tangents = []
    for direction in [*np.eye(4), *(1j * np.eye(4))]:
        z = direction[:, None] @ unit.conj().T
        tangents.append((z + z.conj().T).ravel())
    reals = np.array([np.concatenate([z.real, z.imag]) for z in tangents])
    basis = np.linalg.svd(reals, full_matrices=False)
    keep = basis[2][basis[1] > 1e-10]
    images = [measurement.measure_matrix((z[:16] + 1j * z[16:]).reshape(4, 4)).real for z in keep]
    least = np.linalg.svd(np.array(images), compute_uv=False)[-1]
    assert 0.98 * least <= exclusion.smallest <= least * (1 + 1e-12)
    table = np.stack([measurement.measure_matrix(np.eye(1, 16, k).reshape(4, 4)) for k in range(16)], axis=1)
    assert np.linalg.norm(table, 2) <= exclusion.norm * (1 + 1e-12) <= np.linalg.norm(table, 2) * 1.01


def test_nothing_is_proved_where_it_cannot_be(rng):
    u, v = rng.standard_normal((2, 8, 2))
    few = Dense(rng.standard_normal((5, 8, 8)))
    objective = make_objective(few, few.measure_matrix(u @ v.T), General((8, 8), 2))
    theta = objective.from_factors(ll.Factors(u, v))
    assert prove_exclusion(objective, theta) is None
    flat = np.hstack([u[:, :1], u[:, :1]])
    many = Dense(rng.standard_normal((80, 8, 8)))
    objective = make_objective(many, many.measure_matrix(flat @ v.T), General((8, 8), 2))
    assert prove_exclusion(objective, objective.from_factors(ll.Factors(flat, v))) is None
    phases = RankOne(aslinearoperator(rng.standard_normal((60, 8))))
    objective = make_objective(phases, phases.measure_matrix(u @ u.T), Psd((8, 8), 2))
    found = certify(objective, objective.from_factors(ll.Factors(u, u)), claims=["locally_unique"])
    assert found["locally_unique"].verdict is Verdict.SUPPORTED, "its rounding is not known"
    large = certify(
        objective, np.zeros(16), claims=["locally_unique"], settings=JudgeSettings(largest_tangent=0)
    )
    assert large["locally_unique"].verdict is Verdict.INCONCLUSIVE


def test_the_smallest_ratio_of_large_matrices_is_that_of_small_ones(rng, monkeypatch):
    root = rng.standard_normal((40, 40))
    gram = root @ root.T + 0.1 * np.eye(40)
    half = rng.standard_normal((40, 25))
    metric = half @ half.T  # with a kernel, as for the gauge
    exact = 1 / np.linalg.eigvals(np.linalg.solve(gram, metric)).real.max()
    assert isolation_radius._smallest_ratio(gram, metric) == pytest.approx(exact, rel=1e-8)
    monkeypatch.setattr(isolation_radius, "LARGEST_EIGH", 1)
    assert isolation_radius._smallest_ratio(gram, metric) == pytest.approx(exact, rel=1e-4)
    assert isolation_radius._smallest_ratio(-gram, metric) == 0  # nothing is estimated if it is not positive
