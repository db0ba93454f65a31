"""Proofs that measurements determine every matrix, low-rank or not, beside the rank of their plain table."""

import itertools

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.measure.exact import exact_matrices
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.sensing.matrix_models import structured


def whole_rank(measurement, structure):
    """Return the real rank on all matrices of the structure, and their dimension, from a basis."""
    m, n = measurement.shape
    is_complex = np.dtype(measurement.dtype).kind == "c"
    units = [np.outer(np.eye(m)[i], np.eye(n)[j]) for i in range(m) for j in range(n)]
    units += [1j * unit for unit in units] if is_complex else []
    if structure != "general":
        units = [unit + unit.conj().T for unit in units]
    basis = np.array([np.r_[unit.real.ravel(), unit.imag.ravel()] for unit in units])
    columns = [np.asarray(measurement.measure_matrix(unit)) for unit in units]
    table = np.array([np.r_[column.real, column.imag] for column in columns])
    if structure == "density":  # the trace is known
        table = np.c_[table, [np.trace(unit).real for unit in units]]
    return np.linalg.matrix_rank(table, tol=1e-9), np.linalg.matrix_rank(basis)


def pauli(words):
    return ll.Pauli([word for word in map("".join, itertools.product("IXYZ", repeat=2)) if word in words])


WORDS = ["".join(word) for word in itertools.product("IXYZ", repeat=2)]
G = np.random.default_rng(0)
VECTORS, OTHERS = (
    G.integers(-4, 5, (10, 4)).astype(float),
    G.integers(-4, 5, (16, 4)) + 1j * G.integers(-4, 5, (16, 4)),
)
SKEW = np.array([np.eye(3, k=1) - np.eye(3, k=-1)] * 2 + [np.diag(row) for row in np.eye(3)])
CASES = {
    "all words": (pauli(WORDS), "psd"),
    "one word short": (pauli(WORDS[:7] + WORDS[8:]), "psd"),
    "the trace is known": (pauli(WORDS[1:]), "density"),
    "the trace is not": (pauli(WORDS[1:]), "psd"),
    "real vectors": (ll.RankOne(VECTORS), "psd"),
    "too few vectors": (ll.RankOne(VECTORS[:9]), "psd"),
    "complex vectors": (ll.RankOne(OTHERS), "psd"),
    "too few complex vectors": (ll.RankOne(OTHERS[:15]), "psd"),
    "real matrices": (ll.Dense(G.integers(-3, 4, (12, 3, 4)).astype(float)), "general"),
    "a repeated matrix": (
        ll.Dense(np.repeat(G.integers(-3, 4, (6, 3, 4)).astype(float), 2, axis=0)),
        "general",
    ),
    "skew parts count for nothing": (ll.Dense(SKEW), "psd"),
    "complex matrices": (
        ll.Dense(G.integers(-3, 4, (6, 2, 3)) + 1j * G.integers(-3, 4, (6, 2, 3))),
        "general",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_proved_exactly_where_the_rank_is_full(name):
    measurement, structure = CASES[name]
    rank, dimension = whole_rank(measurement, structure)
    found = ll.diagnose(measurement, rank=1, structure=structure, rng=0).unique
    full = found.verdict is Verdict.PROVED and "every matrix" in found.method
    assert full == (rank == dimension), (rank, dimension, found.method)


def hermitian(n, rng):
    q = np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))[0]
    return q @ np.diag(rng.standard_normal(n)) @ q.conj().T


def skew(n, rng):
    """A matrix that is skew but for rounding: it measures nothing of symmetric matrices."""
    q, k = np.linalg.qr(rng.standard_normal((n, n)))[0], rng.standard_normal((n, n))
    return q @ (k - k.T) @ q.T


def test_last_digits_prove_nothing():
    """The third matrix is a combination of the others but for rounding, so the rank is full by accident."""
    arrays = G.standard_normal((4, 2, 2))
    arrays[3] = 0.1 * arrays[0] + 0.7 * arrays[1] - 0.3 * arrays[2]
    found = ll.diagnose(ll.Dense(arrays), rank=2, rng=0).unique
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "last digits" in found.method
    arrays[3] += [[0, 0], [0, 1e-3]]
    scaled = arrays * np.array([1, 1e-12, 1e9, 1])[:, None, None]
    assert ll.diagnose(ll.Dense(scaled), rank=2, rng=0).unique.verdict is Verdict.PROVED


@pytest.mark.parametrize("structure", ["psd", "density"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_imaginary_parts_of_observables_are_rounding(seed, structure):
    """Hermitian matrices measure real numbers; what complex data hold beside them is noise."""
    rng = np.random.default_rng(seed)
    measurement = ll.Dense([hermitian(3, rng) for _ in range(5)])
    u = rng.standard_normal((3, 1)) + 1j * rng.standard_normal((3, 1))
    y = measurement.measure_matrix(u @ u.conj().T / np.sum(np.abs(u) ** 2))
    assert np.iscomplexobj(y)
    fit = ll.recover(measurement, y, rank=1, structure=structure, rng=0)
    for claim in ("uniquely_determined", "determined_by_data"):
        found = fit.certificate[claim]
        assert found.verdict is not Verdict.PROVED or "every matrix" not in found.method
    assert fit.certificate["uniquely_determined"].verdict is not Verdict.PROVED
    mixed = ll.Dense([*measurement.arrays, rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))])
    assert ll.diagnose(mixed, rank=1, structure=structure, rng=0).unique.verdict is not Verdict.PROVED


def test_skew_parts_are_rounding():
    rng = np.random.default_rng(0)
    none = [skew(4, rng) for _ in range(14)]
    for arrays, enough in ((none, False), ([*rng.standard_normal((5, 4, 4)), *none], True)):
        found = ll.diagnose(ll.Dense(arrays), rank=1, structure="psd", rng=0)
        assert found.unique.verdict is not Verdict.PROVED
        assert (found.finite.verdict is Verdict.PROVED) == enough


def test_whole_numbers_have_no_last_digits():
    far = np.array([[[1, 0], [0, 0]], [[1e7, 1], [0, 0]], [[0, 0], [1, 0]], [[0, 0], [1e7, 1]]])
    assert ll.diagnose(ll.Dense(far), rank=1, rng=0).unique.verdict is Verdict.PROVED
    # the first prime divides all entries
    assert (
        ll.diagnose(ll.Dense(8388593.0 * np.eye(9).reshape(9, 3, 3)), rank=1, rng=0).unique.verdict
        is Verdict.PROVED
    )


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e160, 1e300])
def test_sizes_beyond_squares(scale):
    """Squares of such numbers overflow or vanish: no false proof, no crash."""
    for measurement in (
        ll.RankOne(np.random.default_rng(0).standard_normal((10, 3)) * scale),
        ll.Dense(np.random.default_rng(0).standard_normal((10, 3, 3)) * scale),
    ):
        with np.errstate(all="ignore"):
            found = ll.diagnose(measurement, rank=1, structure="psd", rng=0)
        assert found.unique.verdict in (Verdict.PROVED, Verdict.INCONCLUSIVE)


def test_sizes_without_freedom():
    assert ll.diagnose(ll.Dense([[[0.3]]]), rank=1, structure="density", rng=0).unique is not None
    objective = make_objective(ll.Dense([[[0.3]]]), [0.3], Psd((1, 1), 1, unit_trace=True))
    proof = ll.certify(objective, np.ones(1))
    assert proof["determined_by_data"].verdict is Verdict.PROVED
    assert proof.verify(objective, np.ones(1))["determined_by_data"].outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("small", [1.0, 1e-7])
def test_the_recheck_agrees(small):
    """Proofs and doubts alike are derived again; a forged proof in the place of a doubt is contradicted."""
    rng = np.random.default_rng(3)
    arrays = rng.standard_normal((12, 3, 3))
    arrays[:, :, 2] *= small
    measurement, u = ll.Dense(arrays), rng.standard_normal((3, 1))
    v = rng.standard_normal((3, 1))
    y = measurement.measure_matrix(u @ v.T)
    objective = make_objective(measurement, y, General((3, 3), 1))
    theta = objective.from_factors(ll.Factors(u, v))
    proof = ll.certify(objective, theta)
    unique = proof["uniquely_determined"]
    assert unique.verdict is (Verdict.PROVED if small == 1 else Verdict.INCONCLUSIVE), unique
    checked = proof.verify(objective, theta)
    assert checked["uniquely_determined"].outcome is Outcome.CONFIRMED, checked["uniquely_determined"].words
    assert checked["determined_by_data"].outcome is Outcome.CONFIRMED
    if small != 1:
        words = "the measurements determine every matrix, low-rank or not: full rank modulo a prime"
        forged = Finding("uniquely_determined", Verdict.PROVED, method=words, rigour=Rigour.RIGOROUS)
        again = Certificate((forged,)).verify(objective, theta)
        assert again["uniquely_determined"].outcome is Outcome.CONTRADICTED


def test_the_recheck_does_not_take_rounded_products_for_given_matrices():
    """Vectors of 40 bits have products of 80: their rank is not that of the rounded products."""
    rng = np.random.default_rng(0)
    s, t = rng.integers(2**39, 2**40, (2, 10)).astype(float)
    measurement, u = ll.RankOne(np.column_stack([s, t, s + t])), rng.standard_normal((3, 1))
    y = measurement.measure_matrix(u @ u.T)
    objective = make_objective(measurement, y, Psd((3, 3), 1))
    theta = u.ravel()
    proof = ll.certify(objective, theta)
    assert proof["uniquely_determined"].verdict is not Verdict.PROVED
    checked = proof.verify(objective, theta)
    for claim in ("uniquely_determined", "determined_by_data"):
        assert checked[claim].outcome is not Outcome.CONTRADICTED, checked[claim].words


@pytest.mark.parametrize("missing", [0, 1])
def test_observed_cells_of_a_symmetric_matrix_are_checked_again(missing):
    i, j = (part[missing:] for part in np.tril_indices(4))
    measurement, u = ll.Entries(i, j, (4, 4)), np.arange(1.0, 5.0)[:, None]
    objective = make_objective(measurement, (u @ u.T)[i, j], Psd((4, 4), 1))
    proof = ll.certify(objective, u.ravel())
    whole = proof["uniquely_determined"].verdict is Verdict.PROVED
    assert whole == (not missing)
    assert proof.verify(objective, u.ravel())["uniquely_determined"].outcome is Outcome.CONFIRMED
    if missing:
        words = "the measurements determine every matrix, low-rank or not: full rank modulo a prime"
        forged = Finding("uniquely_determined", Verdict.PROVED, method=words, rigour=Rigour.RIGOROUS)
        again = Certificate((forged,)).verify(objective, u.ravel())
        assert again["uniquely_determined"].outcome is Outcome.CONTRADICTED


def test_skew_matrices_involve_no_line_of_a_symmetric_one():
    k = np.random.default_rng(0).integers(-3, 4, (12, 4, 4)).astype(float)
    measurement, model = structured(ll.Dense(k - k.transpose(0, 2, 1)), 1, "psd")
    objective, u = make_objective(measurement, np.zeros(12), model), np.ones((4, 1))
    proof = ll.certify(objective, u.ravel())
    assert proof["determined_by_data"].verdict is Verdict.REFUTED
    checked = proof.verify(objective, u.ravel())
    assert checked["determined_by_data"].outcome is Outcome.CONFIRMED, checked["determined_by_data"].words


MIXED = ll.Stacked([pauli(WORDS[:3]), ll.RankOne(OTHERS[:4]), ll.Dense(G.standard_normal((2, 4, 4)) + 0j)])


@pytest.mark.parametrize("name", [*CASES, "a stack"])
def test_exact_matrices_in_floats_are_those_that_measure(name):
    measurement = MIXED if name == "a stack" else CASES[name][0]
    exact = exact_matrices(measurement)
    made, rng = exact.in_floats(), np.random.default_rng(1)
    x = rng.standard_normal(measurement.shape)
    if np.dtype(measurement.dtype).kind == "c":
        x = x + 1j * rng.standard_normal(measurement.shape)
    expected = np.array([np.vdot(matrix, x) for matrix in made])
    np.testing.assert_allclose(measurement.measure_matrix(x), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(exact.entry_sizes(), np.abs(made).max(axis=(1, 2)), rtol=1e-12)


def test_a_judgement_of_inconsistent_parts_is_not_contradicted():
    """Skew matrices measure nothing symmetric, but their adjoint is not symmetrised here."""
    k = np.random.default_rng(0).integers(-3, 4, (12, 4, 4)).astype(float)
    objective, u = (
        make_objective(ll.Dense(k - k.transpose(0, 2, 1)), np.zeros(12), Psd((4, 4), 1)),
        np.ones(4),
    )
    proof = ll.certify(objective, u)
    assert "dot test" in proof["determined_by_data"].method
    checked = proof.verify(objective, u)
    assert checked["determined_by_data"].outcome is Outcome.NOT_CHECKED
