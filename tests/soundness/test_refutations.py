"""Global optimality refuted: wherever a better answer is at hand, and nowhere else."""

from collections import Counter

import numpy as np
import pytest

import lowland as ll
from lowland.certificates.agreement import contradictions, settle
from lowland.core.results.findings import Finding
from lowland.core.results.status import Verdict
from lowland.datasets import false_minimum
from lowland.judges import certify
from lowland.measure import Entries, gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker_tensor import TuckerTensor
from oracles import naive

CLAIM = "globally_optimal"


def saddles(rng):
    """Points with a way down that no slope shows: nothing fitted, one direction missing, of a family."""
    n, r = int(rng.integers(5, 9)), 2
    measurement = gaussian(n * r * 4, (n, n), rng, symmetric=True)
    u = rng.standard_normal((n, r))
    objective = make_objective(measurement, measurement.measure_matrix(u @ u.T), Psd((n, n), r))
    yield objective, np.zeros(n * r)
    # the best of rank one, to the last digit, and a column that is not used
    narrow = objective.resized(1)
    theta = stationary(
        narrow, ll.recover(measurement, objective.y, rank=1, structure="psd", rng=0, certify=False)
    )
    yield objective, np.column_stack([theta, np.zeros(n)]).ravel()
    rows, columns = np.nonzero(rng.random((n, n + 1)) < 0.8)
    y = rng.standard_normal(rows.size)
    entries = make_objective(Entries(rows, columns, (n, n + 1)), y, General((n, n + 1), r), penalty=0.05)
    yield entries, np.zeros(entries.size)
    instance, factor = false_minimum(rng.uniform(0.05, 0.47))
    family = make_objective(instance.measurement, instance.y, Psd((2, 2), 1))
    scale = 10 ** rng.uniform(-4, 4)
    yield make_objective(instance.measurement, scale**2 * instance.y, Psd((2, 2), 1)), scale * factor.ravel()
    assert family.size == 2


def stationary(objective, fit):
    """Newton steps on the gradient itself."""
    theta = fit.search.theta.copy()
    for _ in range(4):
        hessian = np.array([objective.hessian_product(theta, unit) for unit in np.eye(theta.size)])
        theta -= np.linalg.lstsq(hessian, objective.gradient(theta), rcond=1e-10)[0]
    return theta


def optima(rng):
    """Best points by another route: exact fits, proximal gradient steps, truncated decompositions."""
    n = int(rng.integers(5, 8))
    rows, columns = np.nonzero(rng.random((n, n)) < 0.8)
    y = rng.standard_normal(rows.size)
    objective = make_objective(Entries(rows, columns, (n, n)), y, General((n, n), n), penalty=0.7)
    fit = ll.recover(objective.measurement, y, rank=n, penalty=0.7, rng=0, certify=False)
    best = naive.nuclear_norm_optimum((n, n), rows, columns, y, np.ones(rows.size), 0.7, (), iterations=3000)
    if fit.search.value <= best * 1.001:
        yield objective, fit.search.theta
    table = rng.standard_normal((n, n))
    u, s, vt = np.linalg.svd(table)
    i, j = np.indices((n, n)).reshape(2, -1)
    full = make_objective(Entries(i, j, (n, n)), table.ravel(), General((n, n), 2))
    yield full, full.from_factors(ll.Factors(u[:, :2] * s[:2], vt[:2].T))
    instance, _ = false_minimum(rng.uniform(0.3, 0.9))
    yield make_objective(instance.measurement, instance.y, Psd((2, 2), 1)), np.array([1.0, 0.0])


def check_witness(objective, theta, finding):
    """The point attached is lower when both are evaluated apart, by what is said."""
    lower, here = objective.value(finding.witness["lower_point"]), objective.value(theta)
    assert lower < here * (1 - finding.tolerance)
    assert finding.value == pytest.approx((here - lower) / here, rel=1e-6)


def judged(make, seed, count, expected, effort="standard"):
    rng, counts = np.random.default_rng(seed), Counter()
    while counts.total() < count:
        for objective, theta in make(rng):
            proof = certify(objective, theta, effort=effort)
            finding = proof[CLAIM]
            counts[finding.verdict] += 1
            assert finding.verdict in expected, (seed, counts.total())
            if finding.verdict is Verdict.REFUTED:
                check_witness(objective, theta, finding)
    return counts


def test_saddles_are_refuted():
    judged(saddles, 0, 8, {Verdict.REFUTED})


def test_optima_are_not():
    judged(optima, 1, 8, {Verdict.PROVED, Verdict.SUPPORTED, Verdict.INCONCLUSIVE})


@pytest.mark.slow
def test_two_hundred_of_each():
    judged(saddles, 2, 200, {Verdict.REFUTED})
    judged(optima, 3, 200, {Verdict.PROVED, Verdict.SUPPORTED, Verdict.INCONCLUSIVE})


def tucker_saddle(rng):
    """A tensor of ranks two of which a fit of these ranks holds one component: a saddle of high order."""
    factors = [np.linalg.qr(rng.standard_normal((n, 2)))[0] for n in (5, 4, 6)]
    core = np.zeros((2, 2, 2))
    core[0, 0, 0], core[1, 1, 1] = 2.0, rng.uniform(0.5, 1.5)
    objective = TuckerObjective(TensorObservations.from_array(TuckerTensor(core, tuple(factors)).tensor()),
                                Tucker((5, 4, 6), (2, 2, 2)))  # fmt: skip
    lacking = core.copy()
    lacking[1, 1, 1] = 0
    unused = [np.column_stack([f[:, 0], np.zeros(len(f))]) for f in factors]
    return objective, TuckerTensor(lacking, tuple(unused)).point()


def check_tucker(claims, seeds):
    for seed in seeds:
        objective, theta = tucker_saddle(np.random.default_rng(seed))
        proof = certify(objective, theta, claims=claims)
        if claims is None:
            assert proof["local_minimum"].verdict is Verdict.REFUTED
        assert proof[CLAIM].verdict is Verdict.REFUTED
        check_witness(objective, theta, proof[CLAIM])


@pytest.mark.parametrize("claims", [None, ["globally_optimal"]])
def test_tucker_saddles_are_refuted(claims):
    check_tucker(claims, range(4))


@pytest.mark.slow
def test_fifty_tucker_saddles():
    check_tucker(None, range(100, 150))


def test_a_false_minimum_is_refuted_by_another_start():
    for delta in (0.5, 0.55, 0.6, 0.75, 0.9):
        instance, factor = false_minimum(delta)
        proof = ll.certify_matrix(instance.measurement, instance.y, factor)
        assert proof[CLAIM].verdict is Verdict.REFUTED


def test_not_at_rest_refutes_nothing_by_itself():
    """A point nearly the best is not refuted by its slope: what it could gain is below the tolerance."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((6, 6))
    u, s, vt = np.linalg.svd(table)
    i, j = np.indices((6, 6)).reshape(2, -1)
    objective = make_objective(Entries(i, j, (6, 6)), table.ravel(), General((6, 6), 2))
    theta = objective.from_factors(ll.Factors(u[:, :2] * s[:2], vt[:2].T))
    near = theta + 1e-3 * rng.standard_normal(theta.size)
    proof = certify(objective, near)
    assert proof["stationary"].verdict is Verdict.REFUTED
    assert proof[CLAIM].verdict is not Verdict.REFUTED


def test_the_contract_bites():
    """The mutant certificates: pairs that cannot both hold are found, and left open by the product."""
    P, S, R = Verdict.PROVED, Verdict.SUPPORTED, Verdict.REFUTED
    pairs = [
        (("strict_local_minimum", S), ("second_order_stationary", R)),
        (("second_order_stationary", S), ("stationary", R)),
        (("local_minimum", S), ("second_order_stationary", R)),
        (("uniquely_determined", P), ("determined_by_data", R)),
        (("uniquely_determined", P), ("locally_unique", R)),
        (("locally_unique", P), ("determined_by_data", R)),
    ]
    for one, other in pairs:
        findings = {
            claim: Finding(claim, verdict, rigour=ll.Rigour.RIGOROUS) for claim, verdict in (one, other)
        }
        assert contradictions(findings) == [(one[0], other[0])]
        assert {f.verdict for f in settle(findings).values()} == {Verdict.INCONCLUSIVE}
    fall = {"objective": 1.0, "decreases": np.array([0.5, 0.1])}
    findings = {
        CLAIM: Finding(CLAIM, P, 0.0, 0.01, 0.01, rigour=ll.Rigour.RIGOROUS),
        "local_minimum": Finding("local_minimum", R, rigour=ll.Rigour.RIGOROUS, witness=fall),
    }
    assert contradictions(findings) == [(CLAIM, "local_minimum")]
    fall["decreases"] = np.array([1e-3])
    assert contradictions(findings) == []
