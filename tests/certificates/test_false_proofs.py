"""Attempts to obtain a false proof: extremes of scale, hidden misfits, cancellation, degenerate shapes.

Each was a false PROVED, a false identifiability verdict or a crash at some time.
"""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from lowland import certify_matrix, diagnose, estimate_state, recover
from lowland.certificates import JudgeSettings
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.core.dense_operator import DenseMap
from lowland.core.errors import InvalidInputError
from lowland.core.results.claims import CLAIMS
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify
from lowland.measure import Dense, Entries, Linear, Pauli, RankOne, gaussian, pauli_outcomes
from lowland.models import General, Psd
from lowland.objectives import make_objective

R, C = (a.ravel() for a in np.indices((3, 3)))
ALL = Entries(R, C, (3, 3))
Y = np.random.default_rng(0).standard_normal(9)
OPTIMALITY = ["globally_optimal", "convex_optimal"]


def verdicts(objective, theta, claims=OPTIMALITY):
    proof = certify(objective, theta, claims=claims)
    Certificate.from_json(proof.to_json())
    return [finding.verdict for finding in proof]


def assert_not_claimed(objective, theta):
    for verdict in verdicts(objective, theta):
        assert verdict not in (Verdict.PROVED, Verdict.SUPPORTED)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_overflow_proves_nothing(penalty):
    model = General((3, 3), 1)
    assert_not_claimed(make_objective(ALL, Y, model, penalty=penalty), np.full(6, 1e80))
    assert_not_claimed(make_objective(ALL, 1e200 * Y, model, penalty=penalty), np.zeros(6))
    large = np.r_[1e155, np.ones(8)]
    assert_not_claimed(make_objective(ALL, large, model, penalty=penalty), np.r_[1e78, 0, 0, 1e77, 0, 0])


@pytest.mark.parametrize("scale", [1e-150, 1e-165, 1e-170])
def test_underflow_proves_nothing(scale):
    objective = make_objective(ALL, scale * Y, General((3, 3), 1))
    assert_not_claimed(objective, np.zeros(6))
    assert_not_claimed(objective, np.sqrt(scale) * np.ones(6))


def test_underflow_in_the_lower_bound():
    n = 100
    rows, columns = (a.ravel() for a in np.indices((n, n)))
    table = np.ones((n, n))
    table[0, 0] = 2
    objective = make_objective(
        Entries(rows, columns, (n, n)),
        table.ravel(),
        General((n, n), 2),
        weights=np.full(n * n, 1e-162),
        penalty=1e-161,
    )
    assert_not_claimed(objective, np.zeros(objective.size))


@pytest.mark.parametrize("scale", [1e-300, 1e-165, 1e-100, 1.0, 1e100, 1e200])
def test_norm_bounds_at_every_scale(scale):
    matrix = scale * np.random.default_rng(0).standard_normal((30, 20))
    bound = norm_bound(
        DenseMap(matrix), method="auto", largest_dense=100, steps=60, rng=np.random.default_rng(0)
    )
    assert bound.rigour is Rigour.RIGOROUS
    assert bound.value >= scale * np.linalg.norm(matrix / scale, 2) * (1 - 1e-14)


@pytest.mark.parametrize(
    "biases", [(), ("row",), ("column",), ("row", "column"), ("row", "column", "global")]
)
def test_an_offset_does_not_hide_a_misfit(biases):
    rows, columns = (a.ravel() for a in np.indices((6, 6)))
    y = 1e8 + 0.9 * np.random.default_rng(0).standard_normal(36)
    objective = make_objective(Entries(rows, columns, (6, 6)), y, General((6, 6), 1, biases))
    assert_not_claimed(objective, objective.biases.baseline())


def test_a_large_datum_does_not_hide_a_misfit():
    objective = make_objective(ALL, np.r_[1e9, np.ones(8)], General((3, 3), 1))
    assert_not_claimed(objective, np.r_[1e9, 0, 0, 1, 0, 0])


def test_a_large_weight_does_not_hide_a_misfit():
    objective = make_objective(ALL, np.ones(9), General((3, 3), 1), weights=np.r_[1e17, np.ones(8)])
    assert_not_claimed(objective, np.r_[1.0, 0, 0, 1, 0, 0])


def test_a_small_singular_value_is_missed_by_no_tolerance():
    objective = make_objective(ALL, np.diag([1.0, 5e-9, 0.0]).ravel(), General((3, 3), 2))
    assert_not_claimed(objective, np.r_[1.0, 0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0])


def test_a_tiny_penalty_gets_no_absolute_tolerance():
    objective = make_objective(ALL, np.diag([1.0, 1e-9, 1e-9]).ravel(), General((3, 3), 3), penalty=1e-17)
    theta = np.r_[np.diag([1.0, 0, 0]).ravel(), np.diag([1.0, 0, 0]).ravel()]
    assert_not_claimed(objective, theta)


def test_cancelling_biases_do_not_make_a_fit_exact():
    """Computed predictions look right, the exact ones do not: rounding is charged to the fit."""
    rng = np.random.default_rng(0)
    rows, columns = (a.ravel() for a in np.indices((6, 6)))
    model, huge = General((6, 6), 1, ("row", "column")), 2.0**53
    u, v = rng.uniform(0.4, 1.2, (6, 1)), rng.uniform(0.4, 1.2, (6, 1))
    theta = model.pack(u, v, np.full(6, huge), np.full(6, -huge))
    entries = Entries(rows, columns, (6, 6))
    y = make_objective(entries, np.ones(36), model).predict(theta)
    assert_not_claimed(make_objective(entries, y, model), theta)


def test_cancelling_balance_is_charged():
    objective = make_objective(ALL, np.r_[1.0, np.zeros(8)], General((3, 3), 1), balancing=1e36)
    theta = np.r_[1.0, 1e-9, 0, 1.0, 0, 0]
    assert verdicts(objective, theta)[0] is not Verdict.PROVED


def test_rank_beyond_the_side_of_a_psd_matrix():
    claims = ["determined_by_data", "uniquely_determined"]
    two = make_objective(Entries([0, 1], [0, 1], (2, 2)), [1.0, 1.0], Psd((2, 2), 4))
    assert verdicts(two, np.ones(8), claims) == [Verdict.REFUTED, Verdict.REFUTED]
    three = make_objective(Entries([0, 1, 0], [0, 1, 1], (2, 2)), [1.0, 1.0, 0.5], Psd((2, 2), 4))
    assert verdicts(three, np.ones(8), claims)[0] is Verdict.PROVED


def test_residuals_in_the_null_space_of_the_adjoint():
    twice = Linear(np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0]]), (2, 2))
    objective = make_objective(twice, [1.0, -1.0], General((2, 2), 1), penalty=1.0)
    assert verdicts(objective, np.zeros(4))[0] is Verdict.PROVED  # nothing can be fitted: zero is best
    nothing = make_objective(Dense(np.zeros((2, 2, 2))), [1.0, -1.0], General((2, 2), 1), penalty=1.0)
    assert verdicts(nothing, np.zeros(4))[0] is Verdict.PROVED


def test_large_sparse_shapes_cost_what_is_observed():
    rows = 14_999 - np.arange(100)
    objective = make_objective(
        Entries(rows, np.arange(100), (15_000, 15_000)),
        np.ones(100),
        General((15_000, 15_000), 1),
        penalty=1.0,
    )
    # zero is optimal here (every singular value equals the penalty) and the point is close to it; the
    # norm is bounded from a random start
    found = certify(objective, np.full(objective.size, 1e-3))["globally_optimal"]
    assert (found.verdict, found.rigour) == (Verdict.PROVED, Rigour.PROBABILISTIC)
    few = JudgeSettings(lanczos_steps=5)
    found = certify(objective, np.full(objective.size, 1e-3), settings=few)["globally_optimal"]
    assert found.verdict is Verdict.SUPPORTED


def test_biases_with_other_measurements_are_judged_without_a_bound():
    dense = Dense(np.random.default_rng(0).standard_normal((20, 3, 3)))
    objective = make_objective(dense, np.ones(20), General((3, 3), 1, ("row",)), penalty=1.0)
    assert_not_claimed(objective, np.ones(objective.size))


def test_psd_extremes_do_not_crash():
    arrays = 1e150 * np.random.default_rng(0).standard_normal((6, 3, 3))
    objective = make_objective(Dense(arrays + arrays.transpose(0, 2, 1)), np.full(6, 1e150), Psd((3, 3), 1))
    assert_not_claimed(objective, np.ones(3))


def test_flat_directions_are_no_strict_minimum():
    zero = make_objective(ALL, np.zeros(9), General((3, 3), 1))
    assert verdicts(zero, np.zeros(6), ["strict_local_minimum"]) == [Verdict.INCONCLUSIVE]
    empty = make_objective(Entries([], [], (3, 3)), [], General((3, 3), 1))
    assert verdicts(empty, np.zeros(6), ["strict_local_minimum"]) == [Verdict.INCONCLUSIVE]


def test_constant_data_with_a_global_bias():
    objective = make_objective(ALL, np.full(9, 0.1), General((3, 3), 1, ("global",)))
    theta = objective.centre()
    theta[-1] = np.nextafter(0.1, 1)
    proof = certify(objective, theta, claims=["stationary", "globally_optimal"])
    assert proof["stationary"].verdict is Verdict.SUPPORTED
    assert proof["globally_optimal"].verdict is Verdict.PROVED


def test_degenerate_models_are_refused():
    with pytest.raises(InvalidInputError, match="at least one row"):
        make_objective(Entries([], [], (0, 0)), [], General((0, 0), 1))
    with pytest.raises(InvalidInputError, match="at least one row"):
        make_objective(ALL, Y, General((3, 3), 0))


def test_a_constant_table_needs_no_factors():
    objective = make_objective(
        ALL, np.full(9, 7.0), General((3, 3), 1, ("row", "column", "global")), penalty=1.0
    )
    assert verdicts(objective, objective.centre()) == [Verdict.PROVED, Verdict.PROVED]


@pytest.mark.parametrize("seed", range(40))
def test_rounding_is_no_descent(seed):
    """Zero is optimal for a negative datum of a positive semidefinite measurement."""
    a = np.random.default_rng(seed).standard_normal(5)
    objective = make_objective(Dense(np.outer(a, a)[None]), [-1.0], Psd((5, 5), 1))
    assert verdicts(objective, np.zeros(5), ["convex_optimal"])[0] is not Verdict.REFUTED


def test_a_row_in_small_units_is_not_hidden():
    y = np.outer([1e12, 1e12, 1], [1, 1.5, 2]).ravel()
    assert_not_claimed(make_objective(ALL, y, General((3, 3), 1)), np.r_[1e12, 1e12, 0, 1, 1.5, 2])


@pytest.mark.covering
@pytest.mark.parametrize("offset", [1e9, 1e11, 1e13])
@pytest.mark.parametrize("biases", [("row",), ("column",), ("row", "column"), ("row", "column", "global")])
def test_a_huge_offset_does_not_hide_a_misfit(offset, biases):
    rows, columns = (a.ravel() for a in np.indices((6, 6)))
    y = offset + 0.9 * np.random.default_rng(0).standard_normal(36)
    objective = make_objective(Entries(rows, columns, (6, 6)), y, General((6, 6), 1, biases))
    assert_not_claimed(objective, objective.biases.baseline())


def test_a_penalty_that_cancels_or_underflows_is_not_zero():
    theta = np.r_[1, 1e-9, 0, 1, 0, 0.0]
    balanced = make_objective(ALL, np.outer(theta[:3], theta[3:]).ravel(), General((3, 3), 1), balancing=1e36)
    assert verdicts(balanced, theta)[0] is not Verdict.PROVED
    ridged = make_objective(ALL, np.zeros(9), General((3, 3), 1), penalty=1e300)
    assert_not_claimed(ridged, np.full(6, 1e-165))
    weighted = make_objective(ALL, np.zeros(9), General((3, 3), 1), weights=np.full(9, 1e300))
    assert_not_claimed(weighted, np.full(6, 1e-85))


LOCAL = ["stationary", "second_order_stationary", "strict_local_minimum"]


@pytest.mark.parametrize("size", [1e52, 1e60, 1e100, 1e160])
def test_overflow_is_no_local_minimum(size):
    objective = make_objective(ALL, np.random.default_rng(7).standard_normal(9), General((3, 3), 1))
    for verdict in verdicts(objective, np.full(6, size), LOCAL):
        assert verdict is not Verdict.SUPPORTED


def test_a_heavy_datum_does_not_make_a_minimum():
    weights = np.ones(9)
    weights[0] = 3e7
    objective = make_objective(ALL, np.ones(9), General((3, 3), 1), weights=weights)
    theta = np.r_[1.0, 0.9, 0.9, 1.0, 0.9, 0.9]
    assert verdicts(objective, theta, ["strict_local_minimum"])[0] is not Verdict.SUPPORTED


def test_the_scale_between_factors_does_not_matter():
    rng = np.random.default_rng(0)
    u, y = rng.standard_normal((3, 1)), rng.standard_normal((3, 3))
    v = (y.T @ u) / np.sum(u**2)
    objective = make_objective(ALL, y.ravel(), General((3, 3), 1))
    plain = verdicts(objective, np.r_[u.ravel(), v.ravel()], LOCAL)
    scaled = verdicts(objective, np.r_[1e4 * u.ravel(), 1e-4 * v.ravel()], LOCAL)
    assert plain == scaled
    assert Verdict.SUPPORTED not in plain


def test_cancelling_biases_are_not_refuted_either():
    rows, columns = (a.ravel() for a in np.indices((6, 6)))
    model, huge = General((6, 6), 1, ("row", "column")), 2.0**53
    u, v = np.arange(1, 7.0)[:, None] / 8, np.arange(1, 7.0)[:, None] / 4
    theta = model.pack(u, v, np.full(6, huge), np.full(6, -huge))
    objective = make_objective(Entries(rows, columns, (6, 6)), (u @ v.T).ravel(), model)
    assert Verdict.REFUTED not in verdicts(objective, theta, LOCAL)


@pytest.mark.parametrize(
    ("objective", "theta"),
    [
        (
            make_objective(
                Entries([0, 0], [0, 0], (2, 2)), [1e-170, -1e-170], General((2, 2), 1), penalty=1.0
            ),
            np.eye(4)[0],
        ),
        (make_objective(Entries([], [], (300, 300)), [], General((300, 300), 3)), np.zeros(1800)),
        (make_objective(Entries([0], [0], (900, 900)), [0.0], General((900, 900), 3)), np.zeros(5400)),
        (make_objective(ALL, Y, General((3, 3), 1)), np.full(6, 1e160)),
    ],
    ids=["tiny data", "no data", "zero Hessian", "huge point"],
)
def test_no_crash(objective, theta):
    for finding in certify(objective, theta):
        assert finding.claim in CLAIMS


def test_a_measurement_in_small_units_is_not_hidden():
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((9, 3, 3))
    arrays[4] *= 1e-14
    u, v = rng.standard_normal((2, 3, 1))
    dense = Dense(arrays)
    y = dense.measure_matrix(u @ v.T)
    y[4] *= 2  # a misfit as large as the datum, fourteen digits below the others
    assert_not_claimed(make_objective(dense, y, General((3, 3), 1)), np.r_[u.ravel(), v.ravel()])


def test_factors_from_elsewhere_are_proved_where_they_fit():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
    rows, columns = np.nonzero(rng.random((30, 20)) < 0.7)
    u, s, vt = np.linalg.svd(truth)
    objective = make_objective(Entries(rows, columns, (30, 20)), truth[rows, columns], General((30, 20), 2))
    theta = np.r_[(u[:, :2] * s[:2]).ravel(), vt[:2].T.ravel()]
    assert verdicts(objective, theta) == [Verdict.PROVED, Verdict.PROVED]


def test_density_matrices_are_not_ranked_without_their_trace():
    """The trace is a constraint that no row of the Jacobian holds: both ways it would be counted wrongly."""
    everything = gaussian(60, (4, 4), 0, symmetric=True)
    for rank in (1, 4):
        answer = diagnose(everything, rank=rank, structure="density")
        assert answer.finite.verdict is not Verdict.REFUTED
        assert answer.unique.verdict is Verdict.PROVED
    blind = Dense(np.array([np.eye(2), [[0, 1.0], [1, 0]]]))
    assert diagnose(blind, rank=2, structure="density").finite.verdict is not Verdict.PROVED
    below = np.tril_indices(2)
    assert (
        diagnose(Entries(*below, (3, 3)), rank=1, structure="density").finite.verdict is not Verdict.REFUTED
    )
    single = diagnose(Dense([[[1.0]]]), rank=1, structure="density")
    assert single.finite.verdict is not Verdict.REFUTED
    assert "measurements" in str(single)


def test_the_zero_vector_is_no_density_matrix():
    fit = recover(Pauli(["I", "X"]), [0.0, 0.0], rank=1, structure="density", rng=0)
    assert np.trace(fit.matrix()).real == pytest.approx(1)
    vectors = np.array([[1, 0], [1, 1], [1, -1]]) / np.sqrt([[1], [2], [2]])
    negative = recover(RankOne(vectors), [-0.02, -0.01, 0.0], rank=2, structure="density", rng=0)
    assert np.trace(negative.matrix()) == pytest.approx(1)
    objective = negative.objective
    for theta in (np.zeros(4), 1e-161 * np.ones(4), 1e160 * np.ones(4)):
        assert_not_claimed(objective, theta)
    with pytest.raises(InvalidInputError, match="must not be zero"):
        recover(RankOne(vectors), np.ones(3), rank=2, structure="density", start=np.zeros(4))
    with pytest.raises(InvalidInputError, match="fixed trace"):
        make_objective(RankOne(vectors), np.ones(3), Psd((2, 2), 2, unit_trace=True), penalty=1.0)


def test_each_measurement_is_real_or_complex_on_its_own_scale():
    arrays = np.zeros((3, 2, 2), complex)
    arrays[0, 0, 0], arrays[1, 1, 1], arrays[2, 0, 1] = 1e12, 1, 1
    answer = diagnose(Dense(arrays), rank=2, structure="psd")
    assert answer.measurements == 6
    assert answer.finite.verdict is not Verdict.REFUTED


def test_symmetric_parts_are_ranked_as_given_not_as_rounded():
    e = 2.0**-53
    dense = Dense(np.array([[[1, 1], [e, 0]], [[3, 3], [3 * e, 0]], [[1, 0], [0, 1.0]]]))
    answer = diagnose(dense, rank=2, structure="psd")
    assert answer.finite.verdict is not Verdict.PROVED
    assert answer.unique.verdict is not Verdict.PROVED


def test_real_data_of_complex_entries_and_their_certificates_as_text():
    found = certify_matrix(Entries([0], [0], (2, 2), dtype=complex), [1.0], [[0.5], [0.2]])
    assert found["globally_optimal"].verdict is not Verdict.PROVED
    refuted = certify_matrix(Pauli(["X", "Y", "Z", "I"]), [0.1, 0.2, 1.0, 1.0], np.array([[0.1], [0.2j]]))
    assert "convex_optimal" in refuted.to_json()


def test_operators_in_single_precision_are_not_judged_in_double():
    rng = np.random.default_rng(0)
    matrix = rng.integers(-8, 9, (12, 9)).astype(np.float32)
    matrix[:, 8] = -(matrix[:, :8] @ np.array([1, 2, -3, 1, 5, 2, -1, 3], np.float32))
    operator = LinearOperator(
        matrix.shape,
        matvec=lambda x: matrix @ x.astype(np.float32),
        rmatvec=lambda w: matrix.T @ w.astype(np.float32),
        dtype=np.float32,
    )
    u, v = rng.standard_normal((2, 3, 3))
    measurement = Linear(operator, (3, 3))
    found = certify_matrix(measurement, measurement.measure_matrix(u @ v.T), u, v)
    assert {(one.verdict, one.method) for one in found} == {
        (Verdict.INCONCLUSIVE, "the measurement computes in single precision, whatever it is given")
    }


def test_no_counts_and_no_entries():
    bare = recover(Entries([], [], (5, 5)), [], rank=1, penalty=1.0)
    assert not bare.matrix().any()
    outcomes = pauli_outcomes(["Z", "Z", "X", "X"], ["0", "1"] * 2)
    state = estimate_state(outcomes, [1.0, 0, 0, 0], n_resamples=20)
    assert np.isfinite(state.error(lambda s: float(np.vdot(s, s).real)))
    huge = estimate_state(outcomes, [1e20] * 4, n_resamples=2)
    assert huge.purity == pytest.approx(0.5, abs=1e-6)
