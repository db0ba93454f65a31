"""What follows from restricted isometry, on operators whose constant is known; refused premises."""

import pickle

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.datasets import false_minimum
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run
from lowland.sensing.conditional import conditional_findings
from lowland.sensing.premise import check_premise

FEW, MANY = 60, 200
INSTANCES = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


def known_operator(n, delta, rng, *, symmetric=True):
    """Return a measurement of n x n matrices whose squared singular values lie in [1 - delta, 1 + delta].

    Its constant of restricted isometry is at most delta for every rank. The most stretched matrices have rank
    one or two, so that it is not much less.
    """
    basis = []
    for i in range(n):
        for j in range(i if symmetric else 0, n):
            unit = np.zeros((n, n))
            unit[i, j] = 1
            basis.append((unit + unit.T) / np.linalg.norm(unit + unit.T) if symmetric else unit)
    squares = 1 + delta * rng.choice([-1.0, 1.0], len(basis))
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    arrays = [np.sqrt(s) * turn @ b @ turn.T for s, b in zip(squares, basis, strict=True)]
    return ll.Dense(np.array(arrays))


def instance(seed, limit, rng, scale=1.0):
    """Return an operator, a truth of rank one or two, and its objective and premise."""
    n, r = (3, 1) if seed % 2 else (4, 2)
    delta = float(rng.uniform(0, limit))
    known = known_operator(n, delta, rng)
    measurement = ll.Dense(known.source.arrays / np.sqrt(scale))
    factor = rng.standard_normal((n, r)) * rng.uniform(0.5, 2, r)
    y = measurement.measure_matrix(factor @ factor.T)
    return make_objective(measurement, y, Psd((n, n), r)), factor, ll.Premise(2 * r, delta, scale=scale)


def descend(objective, start, rng):
    return run(objective, TrustRegion(), start, stop=GradientBelow(1e-13) | Iterations(300), rng=rng).theta


# ------------------------------------------------------------------ findings at operators of known delta
@INSTANCES
def test_no_instance_has_a_false_minimum(count, rng):
    for seed in range(count):
        objective, factor, premise = instance(seed, 0.499, rng)
        finding = conditional_findings(objective, factor.ravel(), premise)[0]
        assert finding.verdict is ll.Verdict.SUPPORTED
        theta = descend(objective, make_start(objective, "random", rng), rng)
        u = theta.reshape(factor.shape)
        # where the curvature vanishes descents are slow: what counts is that they do not stop elsewhere
        assert np.linalg.norm(u @ u.T - factor @ factor.T) < 1e-3 * np.linalg.norm(factor @ factor.T)


@INSTANCES
def test_columns_to_spare_allow_a_larger_delta(count, rng):
    for _ in range(count // 4):
        known = known_operator(4, float(rng.uniform(0.5, 0.633)), rng)
        factor = rng.standard_normal((4, 1))
        objective = make_objective(known, known.measure_matrix(factor @ factor.T), Psd((4, 4), 3))
        start = make_start(objective, "random", rng)
        found = {}
        for truth in (None, 3, 1):
            premise = ll.Premise(4, 0.632, scale=1.0, truth_rank=truth)
            found[truth] = conditional_findings(objective, start, premise)[0]
        assert found[None].verdict is found[3].verdict is ll.Verdict.INCONCLUSIVE
        assert found[1].verdict is ll.Verdict.SUPPORTED
        assert found[1].bound == pytest.approx(1 / (1 + 3**-0.5))
        assert "rank at most 1" in found[1].assumptions[1]
        u = descend(objective, start, rng).reshape(4, 3)
        assert np.linalg.norm(u @ u.T - factor @ factor.T) < 1e-3 * np.linalg.norm(factor) ** 2


def test_what_follows_for_columns_to_spare_is_derived_again(rng, tmp_path):
    known, factor = known_operator(4, 0.6, rng), rng.standard_normal((4, 1))
    y = known.measure_matrix(factor @ factor.T)
    premise = ll.Premise(4, 0.61, scale=1.0, truth_rank=1)
    fit = ll.recover(known, y, rank=3, structure="psd", premise=premise, rng=0)
    assert fit.certificate["no_false_minimum"].verdict is ll.Verdict.SUPPORTED
    fit.save_certificate(tmp_path / "p.json")
    assert ll.verify(tmp_path / "p.json", (known, y)).is_confirmed
    text = (tmp_path / "p.json").read_text()
    (tmp_path / "q.json").write_text(text.replace('"truth_rank": 1', '"truth_rank": 2'))
    forged = {check.claim: check for check in ll.verify(tmp_path / "q.json", (known, y))}
    assert forged["no_false_minimum"].outcome.name == "CONTRADICTED"


def naive_hessian(arrays, y, u):
    """Return the Hessian of |A(U U^T) - y|^2 / 2 by its definition, entry by entry."""
    size = u.size
    units = np.eye(size).reshape(size, *u.shape)
    firsts = np.array([[np.sum(a * (e @ u.T + u @ e.T)) for a in arrays] for e in units])
    residual = np.array([np.sum(a * (u @ u.T)) for a in arrays]) - y
    slope = np.einsum("k,kij->ij", residual, arrays)
    seconds = [[np.sum(slope * (e @ f.T + f @ e.T)) for f in units] for e in units]
    return firsts @ firsts.T + np.array(seconds)


def curvature_at_saddle(objective, factor, rng):
    """Return the smallest curvature at a stationary point of rank below that of the truth."""
    n, r = factor.shape
    u = np.zeros((n, r))
    if r == 2:  # the best matrix of rank one: a zero column has no slope
        smaller = make_objective(objective.measurement, objective.y, Psd((n, n), 1))
        u[:, :1] = descend(smaller, make_start(smaller, "spectral", rng), rng).reshape(n, 1)
    # descent ends where values no longer tell: a slope of about the root of their rounding
    assert np.linalg.norm(objective.gradient(u.ravel())) < 1e-7 * np.linalg.norm(factor) ** 3
    arrays = objective.measurement.source.arrays
    return np.linalg.eigvalsh(naive_hessian(arrays, objective.y, u))[0]


@INSTANCES
def test_saddles_are_as_curved_as_is_said(count, rng):
    for seed in range(count):
        objective, factor, premise = instance(seed, 0.199, rng, scale=float(rng.choice([0.1, 1.0, 30.0])))
        finding = conditional_findings(objective, factor.ravel(), premise)[1]
        assert finding.verdict is ll.Verdict.SUPPORTED
        assert finding.value < 0
        assert curvature_at_saddle(objective, factor, rng) <= finding.value


def test_the_said_curvature_bites(rng):
    """At delta = 0 the smallest curvature of a saddle is -2 s: a bound below that would be seen."""
    measurement, factor = known_operator(4, 0.0, rng), rng.standard_normal((4, 2))
    objective = make_objective(measurement, measurement.measure_matrix(factor @ factor.T), Psd((4, 4), 2))
    finding = conditional_findings(objective, factor.ravel(), ll.Premise(4, 0.0, scale=1.0))[1]
    least = np.linalg.eigvalsh(factor @ factor.T)[-2]
    assert finding.value == pytest.approx(-2 * (np.sqrt(2) - 1) * least, rel=1e-9)
    assert curvature_at_saddle(objective, factor, rng) == pytest.approx(-2 * least, rel=1e-6)


@INSTANCES
def test_errors_stay_within_their_bound(count, rng):
    closest = 0.0
    for seed in range(count):
        general, scale = seed % 4 < 2, float(rng.choice([0.1, 1.0, 30.0]))
        n, r, delta = (3, 1, rng.uniform(0, 0.95)) if seed % 2 else (4, 2, rng.uniform(0, 0.95))
        known = known_operator(n, float(delta), rng, symmetric=not general)
        measurement = ll.Dense(known.source.arrays / np.sqrt(scale))
        left = rng.standard_normal((n, r))
        right = rng.standard_normal((n, r)) if general else left
        errors = rng.standard_normal(measurement.size) * 10 ** rng.uniform(-6, 0)
        y = measurement.measure_matrix(left @ right.T) + errors
        objective = make_objective(measurement, y, (General if general else Psd)((n, n), r))
        start = objective.from_factors(ll.Factors(left, right))
        theta = start + 10 ** rng.uniform(-6, 0) * rng.standard_normal(start.size)  # any point whatever
        premise = ll.Premise(2 * r, float(delta), scale=scale, noise=float(np.linalg.norm(errors)))
        finding = conditional_findings(objective, theta, premise)[2]
        found = float(np.linalg.norm(objective.matrix(theta).matrix() - left @ right.T))
        assert finding.verdict is ll.Verdict.SUPPORTED
        assert found <= finding.value
        closest = max(closest, found / finding.value)
    assert closest > 0.5  # the bound is not empty: half the constant would have been violated


# ------------------------------------------------------------------ premises
def test_a_false_premise_is_refused_with_its_matrix():
    given, factor = false_minimum(0.6)
    with pytest.raises(ll.errors.PremiseError, match=r"should be at least 0\.401\n  found: 0\.4 ") as caught:
        ll.certify_matrix(given.measurement, given.y, factor, premise=ll.Premise(2, 0.599))
    error = pickle.loads(pickle.dumps(caught.value))
    matrix = error.matrix.matrix()
    assert np.linalg.matrix_rank(matrix, tol=1e-8) <= 2
    ratio = np.sum(given.measurement.measure_matrix(matrix) ** 2) / np.sum(matrix**2)
    assert ratio == pytest.approx(error.ratio, rel=1e-9)
    assert abs(ratio * 1.0 - 1) > 0.599 - 1e-6
    held = ll.certify_matrix(given.measurement, given.y, factor, premise=ll.Premise(2, 0.6000001))
    assert held["no_false_minimum"].verdict is ll.Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("structure", "p"),
    [("general", 20), ("psd", 60), ("general", 400)]
    + [pytest.param(*own, marks=pytest.mark.slow) for own in (("psd", 20), ("general", 60), ("psd", 400))],
)
def test_refused_premises_come_with_a_matrix_that_shows_it(structure, p, rng):
    measurement = ll.gaussian(p, (5, 5), rng)
    found = ll.restricted_isometry(measurement, 2, structure=structure, rng=0)
    with pytest.raises(ll.errors.PremiseError) as caught:
        check_premise(measurement, ll.Premise(2, found.scaled_lower * 0.99), is_psd=structure == "psd")
    matrix = caught.value.matrix.matrix()
    image = np.sum(measurement.measure_matrix(matrix) ** 2) * found.scale / np.sum(matrix**2)
    assert abs(image - 1) > found.scaled_lower * 0.99


def test_what_a_false_minimum_contradicts_is_not_claimed():
    """Data that no matrix of the rank has, given as exact: what the premise says is contradicted."""
    given, factor = false_minimum(0.49)
    y = given.measurement.measure_matrix(np.diag([1.0, 0.9]))
    proof = ll.certify_matrix(given.measurement, y, factor, premise=ll.Premise(2, 0.4900001))
    assert proof["no_false_minimum"].verdict in (ll.Verdict.SUPPORTED, ll.Verdict.INCONCLUSIVE)
    fit = ll.recover(given.measurement, y, rank=1, structure="psd", premise=ll.Premise(2, 0.4900001), rng=0)
    assert fit.certificate["globally_optimal"].verdict is ll.Verdict.PROVED
    for claim in ("no_false_minimum", "saddles_curved", "error_bounded"):
        assert fit.certificate[claim].verdict is ll.Verdict.INCONCLUSIVE
        assert "contradicts" in fit.certificate[claim].method


def test_a_premise_changes_no_fit():
    measurement = ll.gaussian(400, (4, 4), 0)
    y = measurement.measure_matrix(np.ones((4, 4)))
    one, two = (
        ll.recover(measurement, y, rank=1, structure="psd", rng=3, premise=premise)
        for premise in (None, ll.Premise(2, 0.5))
    )
    np.testing.assert_array_equal(one.matrix(), two.matrix())
    assert len(two.certificate.findings) == len(one.certificate.findings) + 3


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"rank": 0, "delta": 0.1}, "rank"),
        ({"rank": 2.5, "delta": 0.1}, "rank"),
        ({"rank": 2, "delta": 1.0}, "delta"),
        ({"rank": 2, "delta": float("nan")}, "delta"),
        ({"rank": 2, "delta": 0.1, "scale": 0.0}, "scale"),
        ({"rank": 2, "delta": 0.1, "noise": -1.0}, "noise"),
        ({"rank": 2, "delta": 0.1, "truth_rank": 0}, "truth_rank"),
        ({"rank": 2, "delta": 0.1, "truth_rank": 1.5}, "truth_rank"),
    ],
)
def test_a_meaningless_premise_is_refused(given, name):
    with pytest.raises(InvalidInputError, match=name):
        ll.Premise(**given)


def test_the_bound_holds_where_a_published_one_fails(rng):
    """The error of least squares at delta = 0, n = r = 60, is above 20 sigma sqrt(log n / m)."""
    n, sigma = 60, 1.0
    known = known_operator(n, 0.0, rng)
    m = known.size
    measurement = ll.Dense(known.source.arrays * np.sqrt(m))  # in the scale of standard normal matrices
    factor, errors = 10 * np.eye(n), sigma * rng.standard_normal(m)
    y = measurement.measure_matrix(factor @ factor.T) + errors
    fitted = np.einsum("k,kij->ij", y, known.source.arrays) / np.sqrt(m)
    objective = make_objective(measurement, y, Psd((n, n), n))
    premise = ll.Premise(n, 0.0, scale=1 / m, noise=float(np.linalg.norm(errors)))
    finding = conditional_findings(objective, np.linalg.cholesky(fitted).ravel(), premise)[2]
    error = np.linalg.norm(fitted - factor @ factor.T)
    assert 20 * sigma * np.sqrt(np.log(n) / m) < error <= finding.value
