"""What an adversarial review found in penalties, checks and intervals, a test each."""

import numpy as np
import pytest

import lowland as ll
from lowland.certificates import JudgeSettings
from lowland.certificates.consistency import find_fault
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.findings import Finding
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.measure import Dense, Entries, RankOne, Stacked
from lowland.models import General
from lowland.objectives import make_objective
from lowland.report.plain_findings import answer

OPTIMAL = ["globally_optimal", "convex_optimal"]


def full(m, n):
    return Entries(*np.indices((m, n)).reshape(2, -1), (m, n))


def test_zero_factors_still_pay_for_biases():
    """Factors are zero and the data are reproduced, by biases that have a price."""
    model = General((2, 2), 1, ("row", "column", "global"))
    objective = make_objective(full(2, 2), [1.0, 2.0, 3.0, 4.0], model, penalty=1.0, bias_penalty=1.0)
    theta = model.pack(np.zeros((2, 1)), np.zeros((2, 1)), np.array([1.0, 3.0]), np.array([0.0, 1.0]))
    assert objective.value(objective.centre()) < objective.value(theta)
    proof = certify(objective, theta, claims=OPTIMAL)
    assert all(finding.verdict is not Verdict.PROVED for finding in proof)


def test_without_a_ridge_on_factors_biases_are_not_free(rng):
    """The convex problem could put everything into X, and pay nothing."""
    model = General((5, 4), 1, ("row", "column"))
    u, v, a, b = (rng.standard_normal(s) for s in ((5, 1), (4, 1), 5, 4))
    y = (u @ v.T + a[:, None] + b).ravel()
    objective = make_objective(full(5, 4), y, model, bias_penalty=1.0)
    proof = certify(objective, model.pack(u, v, a, b), claims=OPTIMAL)
    assert all(finding.verdict is not Verdict.PROVED for finding in proof)
    balancing = make_objective(full(5, 4), (u @ v.T).ravel(), General((5, 4), 1), balancing=1.0)
    proof = certify(balancing, balancing.from_factors(ll.Factors(u, v)), claims=OPTIMAL)
    assert proof["convex_optimal"].verdict is Verdict.PROVED  # which the convex problem does not pay


@pytest.mark.parametrize("size", [1e160, 1e-162, -1.0])
def test_side_weights_out_of_range_are_refused(size):
    weights = (np.full(5, size), np.ones(4))
    with pytest.raises(InvalidInputError, match="usual size"):
        make_objective(full(5, 4), np.ones(20), General((5, 4), 1), penalty=1.0, side_weights=weights)


@pytest.mark.parametrize("weights", [np.ones((2, 2)), (np.ones(5),)])
def test_side_weights_must_be_a_pair(weights):
    with pytest.raises(InvalidInputError, match="pair of arrays"):
        make_objective(full(5, 4), np.ones(20), General((5, 4), 1), penalty=1.0, side_weights=weights)


def test_ridged_biases_leave_the_mixing_of_factors_free(rng):
    """Without a ridge of their own the factors may be mixed by every matrix, and intervals are had."""
    table = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 9)) + 0.1 * rng.standard_normal((12, 9))
    model = ll.MatrixCompletion(rank=2, penalty=0.0, bias_penalty=0.5, random_state=0).fit(table)
    lower, upper = model.predict_interval([0], [0])
    assert lower < upper
    objective = model._completed.table.fit.objective
    theta = model._completed.table.fit.theta
    gauge = objective.gauge(theta)
    assert gauge.shape[1] == 4
    change = objective.linearise(theta).jacobian_product(gauge[:, 1])
    assert np.abs(change).max() <= 1e-9 * np.abs(gauge[:, 1]).max()


def test_intervals_follow_the_weights_of_rows():
    """Weights and penalty a hundred times smaller are the same fit, and the same intervals."""
    rng = np.random.default_rng(1)
    table = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30)) + 0.5 * rng.standard_normal((40, 30))
    seen = rng.random(table.shape) < 0.6
    found = []
    for weight in (1.0, 0.01):
        model = ll.MatrixCompletion(2, penalty=weight, certify=False, random_state=0)
        model.fit(np.where(seen, table, np.nan), sample_weight=np.full(40, weight))
        found += [model.predict_interval([0, 1], [2, 3], 0.9, method=way) for way in ("fisher", "conformal")]
    np.testing.assert_allclose(found[0], found[2], atol=1e-3)
    np.testing.assert_allclose(found[1], found[3], atol=1e-3)


def test_too_small_a_table_for_calibration():
    model = ll.MatrixCompletion(rank=1, certify=False).fit(np.ones((1, 1)))
    with pytest.raises(UnsupportedError, match="too small"):
        model.predict_interval([0], [0], method="conformal")


@pytest.mark.parametrize(
    "seed", [0, 3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 4, 5))]
)
def test_counts_are_not_called_faulty(seed):
    """A prediction near zero makes a loss of counts nearly singular along the way."""
    rng = np.random.default_rng(seed)
    vectors, u = rng.standard_normal((1000, 10)), rng.standard_normal(10)
    y = rng.poisson(50 * (vectors @ u) ** 2).astype(float)
    fit = ll.recover(RankOne(vectors), y, rank=1, structure="psd", loss="poisson", rng=0)
    assert "disagree" not in fit.certificate["stationary"].method


@pytest.mark.parametrize("size", [1e8, 1e9, 1e10, 1e12])
def test_points_far_from_their_data_are_not_called_faulty(size):
    y = size * (1 + np.random.default_rng(1).random(30))
    objective = make_objective(full(6, 5), y, General((6, 5), 2))
    for scale in (0.0, 1e-3, 1.0):
        theta = scale * np.random.default_rng(2).standard_normal(objective.size)
        assert not any(find_fault(objective, theta, np.random.default_rng(s)) for s in range(20))


def test_estimates_and_contradictions_are_told_as_such():
    estimate = Finding("globally_optimal", Verdict.INCONCLUSIVE, 0.02, witness={"lower_bound": 1.0})
    assert "by an estimate" in answer(estimate).words
    nothing = Finding("globally_optimal", Verdict.INCONCLUSIVE, None, witness={"lower_bound": 1.0})
    assert "within" not in answer(nothing).words
    rng = np.random.default_rng(0)
    objective = make_objective(full(8, 7), rng.standard_normal(56), General((8, 7), 2), penalty=1.0)
    one_step = JudgeSettings(norm_bound="lanczos", lanczos_steps=1)
    found = certify(objective, rng.standard_normal(objective.size), claims=OPTIMAL, settings=one_step)
    assert all("fitted_distance" not in finding.witness for finding in found)


def test_norms_of_measurements_out_of_range_are_unknown(rng):
    for scale in (1e-170, 1e160):
        part = Dense(scale * rng.standard_normal((6, 3, 3)))
        assert part.squared_norm_bound() == np.inf
        assert Stacked([part, part]).squared_norm_bound() == np.inf


@pytest.mark.parametrize("scale", [1e-3, 1e3, pytest.param(1.0, marks=pytest.mark.slow)])
def test_states_are_judged_whatever_the_length_of_their_factors(scale):
    """A density matrix does not depend on the length of its factors; noisy data, whose best fit is proved."""
    rng = np.random.default_rng(0)
    words = ["XI", "IX", "YY", "ZZ", "ZI", "XY", "IZ", "YX", "XX", "ZY", "YI", "IY", "XZ", "ZX", "YZ"]
    psi = rng.standard_normal((4, 1)) + 1j * rng.standard_normal((4, 1))
    measurement = ll.Pauli(words)
    exact = measurement.measure(ll.Factors(psi, psi)).real / np.linalg.norm(psi) ** 2
    fit = ll.recover(measurement, exact + 0.05 * rng.standard_normal(15), rank=4, structure="density", rng=0)
    proof = certify(fit.objective, scale * fit.search.theta, claims=OPTIMAL)
    assert all(finding.verdict is Verdict.PROVED for finding in proof)
    assert all(finding.value is not None and finding.value <= 1e-2 for finding in proof)
