"""Thresholds of restricted isometry: operators above them with false minima, and none below."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

import lowland as ll
from lowland.core.results.verification import Outcome
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run
from lowland.sensing.conditional import conditional_findings
from lowland.sensing.thresholds import THRESHOLDS, fifth, threshold_of

KINDS = [("psd", float), ("psd", complex), ("general", float), ("general", complex)]
# by the largest rank of the truth and the columns, as on the page
KNOWN = {
    (1, 1): 0.5,
    (2, 2): 0.5,
    (3, 3): 0.5,
    (4, 4): 0.5,
    (1, 2): 0.5857864376269049,
    (1, 3): 0.6339745962155614,
    (2, 3): 0.5505102572168219,
    (1, 4): 2 / 3,
    (2, 4): 0.5857864376269049,
    (3, 4): 0.5358983848622454,
}
KIND = pytest.mark.parametrize(("structure", "dtype"), KINDS)


def basis_of(n, structure, dtype, turn):
    """Return an orthonormal basis of matrices, Hermitian ones for "psd", but for a turn of the space."""
    out = []
    for i in range(n):
        for j in range(i if structure == "psd" else 0, n):
            unit = np.zeros((n, n), dtype)
            unit[i, j] = 1
            # a general complex matrix has complex coefficients
            twists = [1.0, 1j] if structure == "psd" and dtype is complex and i != j else [1.0]
            for twist in twists:
                one = twist * unit
                one = one + one.conj().T if structure == "psd" else one
                out.append(turn @ (one / np.linalg.norm(one)) @ turn.conj().T)
    return np.array(out)


def turned(n, dtype, rng):
    draw = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype is complex else 0)
    return np.linalg.qr(draw.astype(dtype))[0]


def objective_of(arrays, truth, structure, rank):
    """Return the measurement and the objective of exact data."""
    measurement, dtype = ll.Dense(arrays), arrays.dtype
    is_complex = dtype.kind == "c"
    y = measurement.measure_matrix(truth.astype(dtype))
    y = y.real if structure == "psd" else y
    kind = Psd if structure == "psd" else General
    n = len(truth)
    return measurement, make_objective(measurement, y, kind((n, n), rank, is_complex=is_complex))


def false_minimum_of(delta, rank, held, structure, dtype):
    """Return the objective of a truth of rank 1 + held, a false point of it, and the isometry's constant.

    On the first coordinates, the point is the identity of rank - held columns and the truth is u e e^T for
    one more coordinate. Between the two lie directions that are stretched by 1 + delta. In the plane of
    both, the form maps their difference E = (sqrt(k), -u) to g = (0, -1 - delta + small), orthogonal to all
    that the factors can change: it is one plus a multiple of the reflection that takes E to the direction of
    g - E. On
    `held` more coordinates, truth and point are the same, and larger.
    """
    k = rank - held
    n = k + 1 + held
    u, g = 1 / (1 - delta), -(1 + delta) * (1 - 1e-7)
    e, moved = np.array([np.sqrt(k), -u]), np.array([0.0, g]) - np.array([np.sqrt(k), -u])
    least = np.linalg.norm(moved) / np.linalg.norm(e)
    normal = e / np.linalg.norm(e) - moved / np.linalg.norm(moved)
    normal /= np.linalg.norm(normal)
    plane = np.eye(2) + least * (np.eye(2) - 2 * np.outer(normal, normal))
    basis = basis_of(n, structure, dtype, np.eye(n))
    flat = np.zeros((2, n, n))
    flat[0, range(k), range(k)], flat[1, k, k] = 1 / np.sqrt(k), 1
    roots = np.linalg.cholesky(plane).T
    inside = np.tensordot(roots, flat, 1)
    others = []
    for one in basis:
        rest = one - sum(np.vdot(f, one) * f for f in flat)
        crosses = np.linalg.norm(one[:k, k]) + np.linalg.norm(one[k, :k]) > 0
        others.append(np.sqrt(1 + delta) * one if crosses else rest)
    arrays = np.concatenate([inside.astype(dtype), np.array(others)])
    truth, factor = np.zeros((n, n)), np.zeros((n, rank))
    truth[k, k], factor[range(k), range(k)] = u, 1
    for j in range(held):
        truth[k + 1 + j, k + 1 + j], factor[k + 1 + j, k + j] = 9, 3
    measurement, objective = objective_of(arrays, truth, structure, rank)
    return measurement, objective, factor.astype(dtype), max(least, delta)


def naive_curvatures(objective, factor, structure):
    """Return the size of the gradient and the least eigenvalue of the Hessian, by second differences.

    The objective is a polynomial of degree four in the point, of which these are exact.
    """
    theta = objective.from_factors(ll.Factors(factor, factor))
    n = theta.size
    value, h = objective.value, 0.1
    eye = np.eye(n)

    def along(d):  # first and second derivative along d, by five points
        f = [value(theta + t * h * d) for t in (-2, -1, 0, 1, 2)]
        return (f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * h), (
            -f[0] + 16 * f[1] - 30 * f[2] + 16 * f[3] - f[4]
        ) / (12 * h * h)

    slopes = np.array([along(d)[0] for d in eye])
    squares = np.array([along(d)[1] for d in eye])
    hessian = np.diag(squares)
    for i in range(n):
        for j in range(i):
            hessian[i, j] = hessian[j, i] = (along(eye[i] + eye[j])[1] - squares[i] - squares[j]) / 2
    return np.linalg.norm(slopes), np.linalg.eigvalsh(hessian)[0]


@pytest.mark.covering
@KIND
@pytest.mark.parametrize(("rank", "held"), [(1, 0), (2, 0), (3, 0), (2, 1)])
def test_no_threshold_exceeds_that_of_an_operator_with_a_false_minimum(structure, dtype, rank, held):
    """Just above 1/2, or 1 / (1 + sqrt(1 / r)) for truths of rank one, there are false minima."""
    truth = 1 + held
    limit = KNOWN[truth, rank]  # with held columns: 1/2
    delta = limit + 1e-6
    measurement, objective, factor, constant = false_minimum_of(delta, rank, held, structure, dtype)
    assert constant == pytest.approx(delta, abs=1e-12)
    # the constant is what it is said to be, over matrices of all ranks
    images = measurement.measure_matrix
    basis = basis_of(len(factor), structure, dtype, np.eye(len(factor)))
    table = np.array([images(one) for one in basis]).T
    squares = np.linalg.eigvalsh(table.conj().T @ table)
    assert 1 - delta - 1e-9 < squares[0] < 1 - delta + 1e-5
    assert squares[-1] == pytest.approx(1 + delta, abs=1e-9)
    theta = objective.from_factors(ll.Factors(factor, factor))
    slope, curvature = naive_curvatures(objective, factor, structure)
    assert slope < 1e-9
    assert curvature > -1e-9
    assert objective.value(theta) > 0.1
    for least in (delta, delta + 1e-3, 0.999):
        premise = ll.Premise(2 * rank, least, scale=1.0, truth_rank=truth)
        finding = conditional_findings(objective, theta, premise)[0]
        assert finding.verdict is ll.Verdict.INCONCLUSIVE
        assert finding.reason[0].code == "premise_delta"
        assert finding.reason[0].numbers["limit"] == pytest.approx(limit, rel=1e-14)
    # and just below, what is said is said
    premise = ll.Premise(2 * rank, limit - 1e-6, scale=1.0, truth_rank=truth)
    finding = conditional_findings(objective, theta, premise)[0]
    assert finding.verdict is ll.Verdict.SUPPORTED
    assert finding.bound == pytest.approx(limit, rel=1e-14)


def least_constant(point, truth, rank):
    """Return the least constant with which a point can be stationary to second order, all by its definition.

    There must be a slope g, without part in what the factors can change, of norm at most (1 + delta) times
    the smallest singular value, at most delta |E| from the difference E.
    """
    left, values, right = np.linalg.svd(point)
    left, right, smallest = left[:, rank:], right[rank:].conj(), values[rank - 1]
    difference = point - truth
    beyond = left.conj().T @ difference @ right.T
    sizes = np.linalg.svd(beyond, compute_uv=False)
    changed = np.linalg.norm(difference) ** 2 - np.linalg.norm(beyond) ** 2

    def excess(delta):
        cut = np.maximum(sizes - (1 + delta) * smallest, 0)
        return changed + np.sum(cut**2) - (delta * np.linalg.norm(difference)) ** 2

    return brentq(excess, 0, 1) if excess(1.0) < 0 else 1.0


def test_no_pair_of_matrices_is_closer_than_the_threshold(rng):
    """The step of the proof that is about pairs of matrices, on random ones and on the closest."""
    for turn in range(400):
        m, n = rng.integers(2, 5, 2)
        rank = int(rng.integers(1, min(m, n) + 1))
        truth = int(rng.integers(1, rank + 1))
        parts = [rng.standard_normal(s) for s in ((m, rank), (rank, n), (m, truth), (truth, n))]
        if turn % 2:
            parts = [part + 1j * rng.standard_normal(part.shape) for part in parts]
        one, other = parts[0] @ parts[1], parts[2] @ parts[3] * 10 ** rng.uniform(-1, 1)
        assert least_constant(one, other, rank) >= KNOWN[truth, rank] - 1e-9
    for rank, truth in ((1, 1), (2, 1), (3, 1), (2, 2), (3, 2)):
        # where the proof has no room
        size, n = 1 / (1 - KNOWN[truth, rank]), rank + truth
        point, far = np.diag([1.0] * rank + [0.0] * truth), np.diag([0.0] * rank + [size] * truth)
        assert point.shape == far.shape == (n, n)
        assert least_constant(point, far, rank) == pytest.approx(KNOWN[truth, rank], abs=1e-9)


@pytest.mark.covering
@pytest.mark.parametrize(
    "count", [pytest.param(16, id="few"), pytest.param(120, id="many", marks=pytest.mark.slow)]
)
@KIND
def test_below_the_threshold_descents_end_at_the_truth(structure, dtype, count, rng):
    for seed in range(count):
        n, rank, truth = ((3, 1, 1), (4, 2, 2), (4, 2, 1), (3, 2, 1))[seed % 4]
        delta = float(rng.uniform(0.2, 1) * KNOWN[truth, rank] * 0.999)
        basis = basis_of(n, structure, dtype, turned(n, dtype, rng))
        squares = 1 + delta * rng.choice([-1.0, 1.0], len(basis))
        arrays = np.sqrt(squares)[:, None, None] * basis
        left, right = (turned(n, dtype, rng)[:, :truth] * rng.uniform(0.5, 2, truth) for _ in range(2))
        x = left @ (left if structure == "psd" else right).conj().T
        _, objective = objective_of(arrays.astype(dtype), x, structure, rank)
        start = make_start(objective, "random", rng)
        stop = GradientBelow(1e-13) | Iterations(300)
        theta = run(objective, TrustRegion(), start, stop=stop, rng=rng).theta
        error = np.linalg.norm(objective.matrix(theta).matrix() - x)
        # where the curvature vanishes descents are slow: what counts is that they do not stop elsewhere
        assert error < 1e-2 * np.linalg.norm(x)
        premise = ll.Premise(min(2 * rank, n), delta, 1.0, truth_rank=truth)
        finding = conditional_findings(objective, theta, premise)[0]
        assert finding.verdict is ll.Verdict.SUPPORTED


def test_saddles_of_two_factors_are_as_flat_as_one_likes():
    """At U = 0 and a long V that the truth does not see: why no curvature is claimed for U V^T."""
    truth = np.diag([1.0, 0.0])
    arrays = basis_of(2, "general", float, np.eye(2))
    _, objective = objective_of(arrays, truth, "general", 1)
    curvatures = []
    for length in (1.0, 10.0, 100.0):
        theta = objective.from_factors(ll.Factors(np.zeros((2, 1)), np.array([[0.0], [length]])))
        assert np.linalg.norm(objective.gradient(theta)) == 0
        columns = [objective.hessian_product(theta, unit) for unit in np.eye(theta.size)]
        curvatures.append(np.linalg.eigvalsh(np.array(columns))[0])
    assert curvatures[0] < 0
    assert -2e-4 < curvatures[2] < curvatures[2] / 2 < 0
    finding = conditional_findings(objective, theta, ll.Premise(2, 0.0, scale=1.0))[1]
    assert finding.verdict is ll.Verdict.INCONCLUSIVE
    assert finding.reason[0].code == "unbalanced_saddles"


# ------------------------------------------------------------------ the table
@pytest.mark.covering
@KIND
def test_findings_name_the_theorem_and_are_derived_again(structure, dtype, rng, tmp_path):
    arrays = basis_of(3, structure, dtype, turned(3, dtype, rng)) * np.sqrt(1.15)
    left, right = (turned(3, dtype, rng)[:, :1] for _ in range(2))
    measurement = ll.Dense(arrays)
    y = measurement.measure_matrix(left @ (left if structure == "psd" else right).conj().T)
    y = y.real if structure == "psd" else y
    premise = ll.Premise(2, 0.16, scale=1.0)
    fit = ll.recover(measurement, y, rank=1, structure=structure, premise=premise, rng=0)
    found = fit.certificate["no_false_minimum"]
    assert found.verdict is ll.Verdict.SUPPORTED
    expected = {("psd", float): "Zhang (2021)", ("psd", complex): "complex matrices U U^H"}
    assert expected.get((structure, dtype), "U V^H without a balancing term") in found.method
    curved = fit.certificate["saddles_curved"].verdict
    assert (curved is ll.Verdict.SUPPORTED) is (structure == "psd")
    path = tmp_path / "p.json"
    fit.save_certificate(path)
    assert ll.verify(path, (measurement, y)).is_confirmed
    code = found.reason[-1].code
    for other in {row.source for row in THRESHOLDS} - {code, "by_ge"}:
        text = path.read_text().replace(code, other)
        text = text.replace(str(found.reason[-1]), str(ll.core.results.reasons.because(other)[0]))
        (tmp_path / "q.json").write_text(text)
        checked = ll.verify(tmp_path / "q.json", (measurement, y))["no_false_minimum"]
        assert checked.outcome.name == "CONTRADICTED"


def test_problems_with_more_than_squared_residuals_are_not_covered(rng):
    cells = ll.Entries([0, 0, 1, 1], [0, 1, 0, 1], (2, 2))
    y = np.ones(4)
    plain = make_objective(cells, y, General((2, 2), 1))
    assert threshold_of("no_false_minimum", plain).limit(1, 1) == 0.5
    assert threshold_of("saddles_curved", plain) is None
    others = [
        make_objective(cells, y, General((2, 2), 1), penalty=0.1),
        make_objective(cells, y, General((2, 2), 1), balancing=0.1),
        make_objective(cells, y, General((2, 2), 1), weights=[1, 1, 1, 2]),
        make_objective(cells, y, General((2, 2), 1, ("row",))),
        make_objective(cells, y, General((2, 2), 1), nonnegative=True),
    ]
    for objective in others:
        theta = make_start(objective, "random", rng)
        for finding in conditional_findings(objective, theta, ll.Premise(2, 0.0, scale=1.0))[:2]:
            assert finding.verdict is ll.Verdict.INCONCLUSIVE
            assert finding.reason[0].code == "exact_data_only"


def test_rows_are_one_for_each_claim_and_kind_of_matrix():
    kinds = [(row.claim, row.is_psd, field) for row in THRESHOLDS for field in row.fields]
    assert len(kinds) == len(set(kinds)) == 6
    assert [row.limit(1, 1) for row in THRESHOLDS] == [0.5, 0.5, 0.5, 0.2]
    assert THRESHOLDS[-1].limit is fifth


@pytest.mark.parametrize("structure", ["general", "psd"])
def test_real_data_of_complex_measurements_are_not_what_a_premise_is_about(structure):
    """All cells of a complex matrix, of which only the real parts are compared: i B is not seen."""
    rows, columns = np.nonzero(np.ones((3, 3)))
    cells = ll.Entries(rows, columns, (3, 3), dtype="complex128")
    premise, factor = ll.Premise(2, 0.1, scale=1.0), np.ones((3, 1))
    sides = (factor,) if structure == "psd" else (factor, factor)
    real = ll.certify_matrix(cells, np.ones(9), *sides, premise=premise)
    whole = ll.certify_matrix(cells, np.ones(9) + 0j, *sides, premise=premise)
    for claim in ("no_false_minimum", "error_bounded"):
        assert real[claim].verdict is ll.Verdict.INCONCLUSIVE
        assert "only the real parts" in real[claim].method
        assert whole[claim].verdict is ll.Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("structure", "outcome"), [("psd", Outcome.CONFIRMED), ("general", Outcome.CONTRADICTED)]
)
def test_earlier_documents_name_no_theorem(structure, outcome):
    """They are of real matrices U U^T alone: of others the name of the theorem must be there."""
    rng = np.random.default_rng(4)
    measurement, left = ll.gaussian(2000, (4, 4), 0), rng.standard_normal((4, 1))
    right = left if structure == "psd" else rng.standard_normal((4, 1))
    premise = ll.Premise(2, 0.19 if structure == "psd" else 0.45)
    y = measurement.measure_matrix(left @ right.T)
    fit = ll.recover(measurement, y, rank=1, structure=structure, premise=premise, rng=0)
    for claim in ("no_false_minimum", "saddles_curved"):
        found = fit.certificate[claim]
        if found.verdict is not ll.Verdict.SUPPORTED:
            assert (claim, structure) == ("saddles_curved", "general")
            continue
        old = replace(found, method=found.method.split(": ")[0], reason=found.reason[:1])
        certificate = fit.certificate.with_finding(old)
        checks = {check.claim: check.outcome for check in certificate.verify(fit.objective, fit.search.theta)}
        assert checks[claim] is outcome
