"""Soundness on instances with known answers, false ones among them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from scipy.special import xlogy

from cases import judgement
from lowland import certify_matrix, diagnose, recover
from lowland.certificates import JudgeSettings
from lowland.certificates.gaps.optimality import judge_optimality
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because
from lowland.core.results.records import Factors
from lowland.core.results.status import Rigour, Verdict
from lowland.datasets import false_minimum, planted_completion, planted_sensing
from lowland.judges import certify
from lowland.measure import Dense, Entries, Linear, Pauli, RankOne, coded_diffraction, gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import (
    Alternating,
    GaussNewton,
    GradientBelow,
    Iterations,
    RelativeDecreaseBelow,
    make_start,
    run,
)
from lowland.testing import check_sound
from oracles import naive

NOT_CLAIMED = (Verdict.INCONCLUSIVE, Verdict.REFUTED)


# ------------------------------------------------------------------ the family of false minima
@pytest.mark.parametrize("delta", [0.55, 0.6, 0.75, 0.9])
def test_false_minimum_is_not_called_global(delta):
    instance, factor = false_minimum(delta)
    proof = certify_matrix(instance.measurement, instance.y, factor)
    check_sound(
        proof,
        {"stationary": True, "second_order_stationary": True, "strict_local_minimum": True}
        | {"globally_optimal": False, "convex_optimal": False, "uniquely_determined": True},
    )
    assert proof["strict_local_minimum"].verdict is Verdict.SUPPORTED
    assert proof["convex_optimal"].verdict is Verdict.REFUTED
    # in the half-squared loss: eigenvalues 2(2d^2 + d - 1) and 4d
    smallest = min(2 * (2 * delta**2 + delta - 1), 4 * delta)
    assert proof["strict_local_minimum"].value == pytest.approx(smallest, abs=1e-9)


def test_degenerate_point_is_inconclusive():
    instance, factor = false_minimum(0.5)
    proof = certify_matrix(instance.measurement, instance.y, factor)
    assert proof["second_order_stationary"].verdict is Verdict.SUPPORTED
    assert proof["strict_local_minimum"].verdict is Verdict.INCONCLUSIVE
    assert proof["convex_optimal"].verdict is Verdict.REFUTED
    assert proof["globally_optimal"].verdict is Verdict.REFUTED


def test_saddle_is_refuted_with_a_direction():
    instance, factor = false_minimum(0.4)
    proof = certify_matrix(instance.measurement, instance.y, factor)
    finding = proof["second_order_stationary"]
    assert finding.verdict is Verdict.REFUTED
    objective = make_objective(instance.measurement, instance.y, Psd((2, 2), 1))
    theta, d = factor.ravel(), finding.witness["direction"]
    assert objective.value(theta + 0.1 * d) < objective.value(theta)


@pytest.mark.parametrize("delta", [0.4, 0.5, 0.6, 0.9])
def test_truth_of_the_family_is_global(delta):
    instance, _ = false_minimum(delta)
    proof = certify_matrix(instance.measurement, instance.y, [[1.0], [0.0]])
    check_sound(proof, dict.fromkeys(("stationary", "strict_local_minimum", "globally_optimal"), True))
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof["uniquely_determined"].verdict is Verdict.PROVED


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_verdicts_do_not_depend_on_scale(scale):
    instance, factor = false_minimum(0.6)
    plain = certify_matrix(instance.measurement, instance.y, factor)
    scaled = certify_matrix(instance.measurement, scale * instance.y, np.sqrt(scale) * factor)
    assert [f.verdict for f in plain] == [f.verdict for f in scaled]


def test_verdicts_do_not_depend_on_rotation(rng):
    instance = planted_sensing(60, 8, 2, 0)
    fit = recover(instance.measurement, instance.y, rank=2, structure="psd", rng=0)
    rotation = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    turned = certify_matrix(instance.measurement, instance.y, fit.factors.left @ rotation)
    assert [f.verdict for f in fit.certificate] == [f.verdict for f in turned]


@pytest.mark.parametrize("name", ["_dense", "_factored", "_lanczos"])
def test_three_ways_to_the_smallest_curvature_agree(name, rng):
    from lowland.certificates.curvatures import curvature

    instance = planted_completion((20, 16), 2, 4.0, 0, noise=0.1)
    objective = make_objective(instance.measurement, instance.y, General((20, 16), 2), penalty=0.3)
    rng = np.random.default_rng(0)
    for steps in (0, 200):  # far from a minimum, where curvature is negative, and at one
        theta = make_start(objective, "random", np.random.default_rng(1))
        theta = run(
            objective, GaussNewton(), theta, stop=GradientBelow(1e-10) | Iterations(steps), rng=rng
        ).theta
        gauge = curvature.orthonormal_basis(objective.gauge(theta))
        at, size = objective.linearise(theta), theta.size
        hessian = np.array([at.hessian_product(unit) for unit in np.eye(size)])
        arguments = {
            "_dense": (hessian, gauge),
            "_factored": (hessian, gauge, rng),
            "_lanczos": (at, size, gauge, 60, rng),
        }
        found = getattr(curvature, name)(*arguments[name])
        basis = np.linalg.svd(gauge)[0][:, gauge.shape[1] :]
        expected = np.linalg.eigvalsh(basis.T @ hessian @ basis)[0]
        assert found.converged
        assert found.smallest == pytest.approx(expected, rel=1e-3)
        assert found.direction @ hessian @ found.direction == pytest.approx(expected, rel=1e-3)


# ------------------------------------------------------------------ weighted counterexample
def weighted_chain(n=5, small=0.1):
    z = np.arange(1, n + 1) % 2.0
    rows, columns = np.indices((n, n)).reshape(2, -1)
    weights = np.where(np.abs(rows - columns) <= 1, 1.0, small**2)
    return Entries(rows, columns, (n, n)), np.outer(z, z).ravel(), weights, z


def test_sign_flips_of_the_weighted_chain_are_not_called_global():
    measurement, y, weights, z = weighted_chain()
    objective = make_objective(measurement, y, Psd((5, 5), 1), weights=weights)
    theta = z * np.array([1, 1, -1, 1, 1])
    found = run(
        objective,
        GaussNewton(),
        theta,
        stop=GradientBelow(1e-13) | Iterations(50),
        rng=np.random.default_rng(0),
    )
    assert 2 * found.value == pytest.approx(0.15763, abs=1e-5)
    proof = certify(objective, found.theta)
    assert proof["strict_local_minimum"].verdict is Verdict.SUPPORTED
    assert 2 * proof["strict_local_minimum"].value == pytest.approx(7.524, abs=2e-3)
    check_sound(proof, {"globally_optimal": False, "convex_optimal": False})
    assert certify(objective, z)["globally_optimal"].verdict is Verdict.PROVED


# ------------------------------------------------------------------ nuclear-norm gaps
def penalised(seed, *, biases=(), weighted=False, penalty=2.0, rank=8):
    rng = np.random.default_rng(seed)
    m, n = 14, 11
    rows, columns = np.nonzero(rng.random((m, n)) < 0.6)
    truth = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 3 * rng.standard_normal((m, 1)) + 5
    y = truth[rows, columns] + 0.3 * rng.standard_normal(rows.size)
    weights = rng.uniform(0.3, 3, rows.size) if weighted else None
    objective = make_objective(
        Entries(rows, columns, (m, n)), y, General((m, n), rank, biases), weights=weights, penalty=penalty
    )
    return objective, (rows, columns, y, np.ones(rows.size) if weights is None else weights)


def solve(objective, seed=0):
    rng = np.random.default_rng(seed)
    theta = make_start(objective, "spectral", rng)
    rough = run(objective, Alternating(), theta, stop=RelativeDecreaseBelow(1e-7) | Iterations(3000), rng=rng)
    return run(
        objective, GaussNewton(), rough.theta, stop=GradientBelow(1e-11) | Iterations(60), rng=rng
    ).theta


@pytest.mark.parametrize(
    ("seed", "weighted", "biases"),
    [
        pytest.param(
            seed,
            weighted,
            biases,
            marks=[] if (k % 2, k // 2) == (weighted, seed) else [pytest.mark.slow],
            id=f"{seed}-{weighted}-{'+'.join(biases)}",
        )
        for seed in (0, 1)
        for weighted in (False, True)
        for k, biases in enumerate([(), ("row",), ("global",), ("row", "column", "global")])
    ],
)
def test_nuclear_gap_agrees_with_an_independent_solver(biases, weighted, seed):
    objective, (rows, columns, y, weights) = penalised(seed, biases=biases, weighted=weighted)
    theta = solve(objective)
    best = naive.nuclear_norm_optimum((14, 11), rows, columns, y, weights, 2.0, biases)
    finding = certify(objective, theta, claims=["globally_optimal"])["globally_optimal"]
    bound = finding.witness["lower_bound"]
    assert bound <= best * (1 + 1e-12)
    assert finding.verdict is Verdict.PROVED
    assert finding.rigour is Rigour.RIGOROUS
    assert best - bound <= 1e-4 * best
    assert objective.value(theta) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.slow) for s in (2, 3, 4))])
def test_lower_bounds_hold_at_points_that_are_not_solutions(seed):
    """Bounds from perturbed and random points may be poor but never exceed the optimum."""
    objective, (rows, columns, y, weights) = penalised(
        seed, biases=("row", "column", "global"), weighted=True
    )
    best = naive.nuclear_norm_optimum((14, 11), rows, columns, y, weights, 2.0, objective.model.biases)
    rng = np.random.default_rng(seed)
    theta = solve(objective)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        moved = theta + size * rng.standard_normal(theta.size)
        # the bound alone: a better point would refute the claim without it
        finding = judge_optimality(objective, moved, judgement())[0]
        assert finding.witness["lower_bound"] <= best * (1 + 1e-12)
        assert finding.witness["gap"] >= objective.value(moved) - best - 1e-9 * best


def test_perturbed_point_has_a_gap_of_at_least_its_excess():
    objective, (rows, columns, y, weights) = penalised(3)
    theta = solve(objective)
    best = naive.nuclear_norm_optimum((14, 11), rows, columns, y, weights, 2.0, ())
    moved = theta * (1 + 1e-3)
    finding = certify(objective, moved, claims=["globally_optimal"])["globally_optimal"]
    assert finding.witness["gap"] > 0
    assert finding.witness["gap"] >= objective.value(moved) - best - 1e-10 * best


def test_rank_too_small_for_the_convex_optimum_is_not_proved():
    objective, _ = penalised(0, penalty=0.05, rank=1)
    proof = certify(objective, solve(objective), claims=["globally_optimal", "convex_optimal"])
    assert proof["globally_optimal"].verdict is Verdict.INCONCLUSIVE
    assert proof["convex_optimal"].verdict is Verdict.REFUTED
    # the witness is a matrix with a lower convex objective
    w = proof["convex_optimal"].witness
    assert w["length"] > 0


def test_lanczos_only_supports():
    objective, _ = penalised(0)
    theta = solve(objective)
    settings = JudgeSettings(norm_bound="lanczos", lanczos_steps=3)
    finding = certify(objective, theta, claims=["globally_optimal"], settings=settings)["globally_optimal"]
    assert finding.rigour is Rigour.ESTIMATE
    assert finding.verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE)
    many = JudgeSettings(norm_bound="lanczos", lanczos_steps=40)
    assert certify(objective, theta, claims=["globally_optimal"], settings=many)[
        "globally_optimal"
    ].verdict is (Verdict.SUPPORTED)


def test_psd_trace_penalty_gap():
    instance = planted_sensing(40, 8, 2, 1, noise=0.05)
    objective = make_objective(instance.measurement, instance.y, Psd((8, 8), 6), penalty=0.5)
    rng = np.random.default_rng(0)
    found = run(
        objective,
        GaussNewton(),
        make_start(objective, "spectral", rng),
        stop=GradientBelow(1e-11) | Iterations(200),
        rng=rng,
    )
    proof = certify(objective, found.theta)
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof["globally_optimal"].value < 1e-6


def test_psd_without_penalty_uses_a_shift_when_measurements_span_the_identity():
    instance = planted_sensing(60, 8, 2, 1, noise=0.3)
    objective = make_objective(instance.measurement, instance.y, Psd((8, 8), 8))
    rng = np.random.default_rng(0)
    found = run(
        objective,
        GaussNewton(),
        make_start(objective, "spectral", rng),
        stop=GradientBelow(1e-12) | Iterations(300),
        rng=rng,
    )
    proof = certify(objective, found.theta, claims=["globally_optimal"])
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    worse = certify(objective, found.theta * 1.2, claims=["globally_optimal"])
    assert worse["globally_optimal"].verdict is Verdict.REFUTED
    assert objective.value(worse["globally_optimal"].witness["lower_point"]) < objective.value(
        found.theta * 1.2
    )


def test_exact_fit_is_global_and_says_nothing_of_uniqueness():
    measurement = Entries([0, 1], [0, 1], (3, 3))
    proof = certify_matrix(measurement, [1.0, 4.0], [[1.0], [2.0], [0.0]], [[1.0], [2.0], [0.0]])
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof["determined_by_data"].verdict is Verdict.REFUTED
    assert proof["uniquely_determined"].verdict is Verdict.REFUTED


def test_zero_data_is_solved_by_zero():
    proof = certify_matrix(Entries([0, 1], [0, 1], (2, 2)), [0.0, 0.0], np.zeros((2, 1)), np.zeros((2, 1)))
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof["stationary"].verdict is Verdict.SUPPORTED


def _forged(finding):
    """What says more than a refutation by an operator, whose rounding is bounded or not, may."""
    last = because("rounding_unbounded")
    if finding.verdict is Verdict.REFUTED:
        open_yet = {"verdict": Verdict.INCONCLUSIVE, "rigour": Rigour.WORKING_PRECISION, "method": ""}
        return [replace(finding, reason=finding.reason + last, **open_yet)]
    bold, cut = {"rigour": Rigour.RIGOROUS}, {"method": "", "reason": finding.reason[:-1]}
    return [
        replace(finding, **bold),
        replace(finding, verdict=Verdict.REFUTED, **bold),
        replace(finding, verdict=Verdict.REFUTED, **bold, **cut),
    ]


def test_operators_without_rounding_bounds_are_not_rigorous():
    objective, (rows, columns, y, _) = penalised(0)
    selection = np.zeros((y.size, 14 * 11))
    selection[np.arange(y.size), rows * 11 + columns] = 1
    theta = solve(objective)
    products = LinearOperator(
        selection.shape, matvec=lambda x: selection @ x, rmatvec=lambda w: selection.T @ w, dtype=float
    )
    for operator, verdict in ((selection, Verdict.PROVED), (products, Verdict.SUPPORTED)):
        linear = make_objective(Linear(operator, (14, 11)), y, objective.model, penalty=2.0)
        finding = certify(linear, theta, claims=["globally_optimal"])["globally_optimal"]
        assert finding.verdict is verdict
        assert finding.rigour.is_proof == (verdict is Verdict.PROVED)
        assert finding.method.endswith("this is no proof") == (verdict is Verdict.SUPPORTED)
        moved = theta + 0.1 * np.random.default_rng(0).standard_normal(theta.size)
        found = certify(linear, moved, claims=["stationary", "globally_optimal"])
        expected = Verdict.REFUTED if verdict is Verdict.PROVED else Verdict.INCONCLUSIVE
        assert [finding.verdict for finding in found] == [expected, expected]
        assert "lower_point" in found["globally_optimal"].witness
        assert found.verify(linear, moved).is_confirmed
        for finding in found:  # neither a proof nor a rigour that is not there, nor one given up
            for forged in _forged(finding):
                assert not Certificate((forged,)).verify(linear, moved).is_confirmed, forged


# ------------------------------------------------------------------ identifiability
def mask(cells, shape, rank, **options):
    cells = np.array(sorted(cells))
    return diagnose(Entries(cells[:, 0], cells[:, 1], shape), rank=rank, **options)


def test_four_by_four_without_its_diagonal():
    """Finitely many completions (two), so uniqueness must stay open."""
    answer = mask({(i, j) for i in range(4) for j in range(4) if i != j}, (4, 4), 2)
    assert answer.finite.verdict is Verdict.PROVED
    assert answer.finite.value == 12
    assert answer.unique.verdict is Verdict.INCONCLUSIVE


def test_five_by_five_without_its_diagonal():
    cells = {(i, j) for i in range(5) for j in range(5) if i != j}
    assert mask(cells, (5, 5), 2).finite.verdict is Verdict.PROVED
    three = mask(cells, (5, 5), 3)
    assert three.finite.verdict is Verdict.REFUTED
    np.testing.assert_array_equal(three.open_cells, [(i, i) for i in range(5)])


def test_two_blocks():
    cells = {(i, j) for i in range(6) for j in range(6) if (i < 3) == (j < 3)}
    answer = mask(cells, (6, 6), 1)
    assert answer.finite.verdict is Verdict.REFUTED
    assert answer.unique.verdict is Verdict.REFUTED
    expected = sorted((i, j) for i in range(6) for j in range(6) if (i < 3) != (j < 3))
    np.testing.assert_array_equal(answer.open_cells, expected)


def test_a_short_row_is_flagged_alone():
    cells = {(i, j) for i in range(6) for j in range(6)} - {(2, j) for j in range(1, 6)}
    answer = mask(cells, (6, 6), 2)
    assert answer.finite.verdict is Verdict.REFUTED
    assert answer.short_rows.tolist() == [2]
    np.testing.assert_array_equal(answer.open_cells, [(2, j) for j in range(1, 6)])


def test_rank_one_is_decided_by_connection():
    path = {(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)}
    assert mask(path, (3, 3), 1).unique.verdict is Verdict.PROVED
    assert mask(path - {(1, 1)}, (3, 3), 1).unique.verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    "biases", [(), ("row",), ("column",), ("global",), ("row", "column", "global")], ids="+".join
)
@pytest.mark.parametrize("count", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_exact_rank_agrees_with_fractions(biases, count, rng):
    """Rank and open cells against plain elimination in rational numbers."""
    for _ in range(count):
        m, n = rng.integers(3, 7, 2)
        rank = int(rng.integers(1, min(m, n)))
        seen = np.flatnonzero(rng.random(m * n) < 0.65)
        if not seen.size:
            continue
        rows, columns = seen // n, seen % n
        answer = diagnose(Entries(rows, columns, (m, n)), rank=rank, biases=biases)
        every = [(i, j) for i in range(m) for j in range(n)]
        state = np.random.default_rng(5)
        full = naive.completion_jacobian(*zip(*every, strict=True), (m, n), rank, biases, state)
        ours = full[seen]
        rank_seen, rank_full = naive.rank_of_fractions(ours), naive.rank_of_fractions(full)
        assert answer.degrees_of_freedom == rank_full
        expected = Verdict.PROVED if rank_seen == rank_full else Verdict.REFUTED
        assert answer.finite.verdict is expected
        if expected is Verdict.REFUTED:
            open_cells = [
                cell
                for k, cell in enumerate(every)
                if naive.rank_of_fractions(np.vstack([ours, full[k]])) > rank_seen
            ]
            assert [tuple(cell) for cell in answer.open_cells] == open_cells


@pytest.mark.parametrize("seed", range(5))
def test_rank_one_sensing_at_the_limit_is_never_unique(seed):
    instance = planted_sensing(12, 12, 1, seed)
    answer = diagnose(instance.measurement, rank=1, structure="psd")
    assert answer.finite.verdict is Verdict.PROVED
    assert answer.unique.verdict is Verdict.INCONCLUSIVE


def test_too_few_measurements_are_refuted():
    instance = planted_sensing(11, 12, 1, 0)
    answer = diagnose(instance.measurement, rank=1, structure="psd")
    assert answer.finite.verdict is Verdict.REFUTED
    assert answer.finite.rigour is Rigour.RIGOROUS


def test_dependent_measurements_do_not_determine(rng):
    """Twenty measurements, but of three dimensions only."""
    arrays = np.einsum(
        "pk,kij->pij", rng.integers(-3, 4, (20, 3)).astype(float), rng.integers(-3, 4, (3, 3, 3))
    )
    answer = diagnose(Dense(arrays), rank=1)
    assert answer.finite.verdict is Verdict.REFUTED
    assert answer.finite.rigour is Rigour.PROBABILISTIC


def test_every_cell_seen_is_unique():
    table = np.arange(12.0).reshape(3, 4)
    answer = diagnose(Observations.from_array(table), rank=2)
    assert answer.unique.verdict is Verdict.PROVED


def test_large_problems_get_no_exact_rank():
    instance = planted_completion((60, 50), 3, 1.3, 0, least=4)
    answer = diagnose(instance.measurement, rank=3, largest=10)
    assert answer.finite.verdict is Verdict.INCONCLUSIVE
    assert answer.unique.verdict is Verdict.INCONCLUSIVE


# ------------------------------------------------------------------ certificates as data
def test_certificate_round_trip():
    instance, factor = false_minimum(0.4)
    proof = certify_matrix(instance.measurement, instance.y, factor)
    again = Certificate.from_json(proof.to_json())
    assert again.findings == proof.findings
    assert str(again) == str(proof)
    np.testing.assert_allclose(
        again["second_order_stationary"].witness["direction"],
        proof["second_order_stationary"].witness["direction"],
    )
    assert "REFUTED" in proof._repr_html_()


def test_an_estimate_cannot_prove():
    for verdict in (Verdict.PROVED, Verdict.REFUTED):
        for rigour in (Rigour.ESTIMATE, Rigour.WORKING_PRECISION):
            with pytest.raises(InvalidInputError, match="only bounds on all rounding"):
                Finding("stationary", verdict, rigour=rigour)


def test_overall_verdict():
    instance, factor = false_minimum(0.6)
    proof = certify_matrix(instance.measurement, instance.y, factor)
    assert proof.verdict in NOT_CLAIMED
    weak = Certificate(
        (
            Finding("stationary", Verdict.SUPPORTED),
            Finding("strict_local_minimum", Verdict.REFUTED, rigour=Rigour.RIGOROUS),
        )
    )
    assert weak.verdict is Verdict.REFUTED
    with pytest.raises(KeyError, match="was not judged"):
        weak["globally_optimal"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"claims": ["best"]}, "claim is unknown"),
        ({"theta": np.ones(5)}, "wrong size"),
        ({"theta": np.full(2, np.inf)}, "finite"),
        ({"claims": "stationary"}, "list of names"),
    ],
)
def test_bad_input(arguments, words):
    instance, factor = false_minimum(0.6)
    objective = make_objective(instance.measurement, instance.y, Psd((2, 2), 1))
    with pytest.raises(InvalidInputError, match=words):
        certify(objective, arguments.pop("theta", factor.ravel()), **arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"norm_bound": "guess"}, "norm_bound is unknown"),
        ({"gap_tolerance": 5.0}, "below 1"),
        ({"gap_tolerance": np.nan}, "below 1"),
        ({"zero_tolerance": -1.0}, "at least 0"),
        ({"lanczos_steps": 0}, "positive"),
    ],
)
def test_bad_settings(options, words):
    with pytest.raises(InvalidInputError, match=words):
        JudgeSettings(**options)


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in (1, 2, 3))])
@pytest.mark.parametrize("loss", ["poisson", "binomial"])
def test_bounds_through_conjugates_are_never_above_the_optimum(seed, loss):
    """Against an interior-point solver; counts of zero are among the data."""
    cp = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((30, 6)).view(complex)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    factor = rng.standard_normal((3, 4)).view(complex)
    truth = factor @ factor.conj().T
    truth /= np.trace(truth).real
    measurement = RankOne(vectors)
    chances = measurement.measure_matrix(truth).real
    unknown = cp.Variable((3, 3), hermitian=True)
    z = cp.hstack([cp.real(v.conj() @ unknown @ v) for v in vectors])
    if loss == "poisson":
        y = rng.poisson(6 * chances).astype(float)
        seen = y > 0
        value = cp.sum(z) - cp.sum(cp.multiply(y[seen], cp.log(z[seen])))
        constant = np.sum(y[seen] * np.log(y[seen])) - y.sum()
    else:
        y = rng.binomial(40, chances) / 40
        value = -cp.sum(cp.multiply(y, cp.log(z)) + cp.multiply(1 - y, cp.log(1 - z)))
        constant = np.sum(xlogy(y, y) + xlogy(1 - y, 1 - y))
    problem = cp.Problem(cp.Minimize(value), [unknown >> 0])
    problem.solve(solver="CLARABEL")
    optimum = problem.value + constant
    for rank, expected in ((1, (Verdict.INCONCLUSIVE,)), (3, (Verdict.PROVED,))):
        fit = recover(measurement, y, rank=rank, structure="psd", loss=loss, rng=seed)
        finding = fit.certificate["convex_optimal"]
        lower = finding.witness["lower_bound"]
        assert lower <= optimum + 1e-6 * abs(optimum) + 1e-7
        if fit.search.value > 1.05 * optimum or rank == 3:
            assert finding.verdict in expected
        assert finding.rigour.is_proof or finding.verdict is not Verdict.PROVED
        # off the optimum the gap is at least the excess
        moved = fit.search.theta * 1.1
        gap = certify(fit.objective, moved, claims=["convex_optimal"])["convex_optimal"].witness
        if "gap" in gap:
            assert gap["gap"] >= fit.objective.value(moved) - optimum - 1e-6


def test_local_uniqueness_counts_what_the_measurements_do_not_see(rng):
    """A state whose Pauli words are blind in some directions, and one that they all see."""
    words = ["".join(word) for word in rng.choice(list("IXYZ"), (60, 3))]
    measurement = Pauli(words)
    generic = rng.standard_normal((8, 2)).view(complex)
    seen = certify_matrix(measurement, measurement.measure(Factors(generic, generic)).real, generic)
    assert seen["locally_unique"].verdict is Verdict.PROVED
    # only words of I and Z: phases between basis states are not seen at all
    blind = Pauli(["ZII", "IZI", "IIZ", "ZZI", "IZZ", "ZIZ", "ZZZ", "III"] * 3)
    data = blind.measure(Factors(generic, generic)).real
    found = certify_matrix(blind, data, generic)
    # eight complex amplitudes, eight numbers: seven phases beside the global one are free
    assert found["locally_unique"].verdict is Verdict.REFUTED
    other = found["locally_unique"].witness
    image = blind.measure(Factors(other["left"], other["right"])).real
    np.testing.assert_allclose(image, data, atol=1e-10)
    assert found["locally_unique"].witness["deficiency"] == 7
    assert "7 directions" in found["locally_unique"].method
    assert found["determined_by_data"].verdict is not Verdict.PROVED


def test_local_uniqueness_of_larger_points_by_lanczos(rng):
    settings = JudgeSettings(largest_hessian=10, largest_tangent=0)
    measurement = gaussian(120, (12, 12), 0)
    u = rng.standard_normal((12, 2))
    full = certify_matrix(
        measurement, measurement.measure_matrix(u @ u.T), u, settings=JudgeSettings(largest_tangent=0)
    )
    few = certify_matrix(measurement, measurement.measure_matrix(u @ u.T), u, settings=settings)
    values = [c["locally_unique"].witness["smallest"] for c in (full, few)]
    assert values[1] == pytest.approx(values[0], rel=0.05)
    assert few["locally_unique"].verdict is Verdict.SUPPORTED
    poor = gaussian(15, (12, 12), 0)
    blind = certify_matrix(poor, poor.measure_matrix(u @ u.T), u, settings=settings)
    assert blind["locally_unique"].verdict is Verdict.INCONCLUSIVE
    assert "at least 4 directions" in blind["locally_unique"].method


def test_pixels_that_no_mask_lights_are_named(rng):
    masks = np.ones((3, 4, 4), complex)
    masks[:, 1, 2] = 0
    masks[:2, 0, 0] = 0
    measurement = coded_diffraction(masks * np.exp(2j * np.pi * rng.random(masks.shape)))
    answer = diagnose(measurement, rank=1, structure="psd")
    # of an operator known by its products alone, rounding is not bounded: nothing is refuted
    assert answer.finite.verdict is Verdict.INCONCLUSIVE
    assert answer.short_rows.tolist() == [6]
    assert answer.measurements == 48
    assert answer.degrees_of_freedom == 31
    image = rng.standard_normal((16, 2)).view(complex)
    y = measurement.measure(Factors(image, image)).real
    fit = recover(measurement, y, rank=1, structure="psd", rng=0)
    for claim in ("determined_by_data", "uniquely_determined", "locally_unique"):
        assert fit.certificate[claim].verdict is Verdict.INCONCLUSIVE
    lit = diagnose(coded_diffraction(np.ones((3, 4, 4))), rank=1, structure="psd")
    assert lit.short_rows.tolist() == []


def test_diagnosis_counts_real_numbers_of_complex_measurements():
    entries = Entries([0, 1, 2], [0, 1, 2], (3, 3), dtype="complex128")
    assert diagnose(entries, rank=1).measurements == 6
    assert diagnose(Pauli(["XX", "YZ"]), rank=1, structure="density").measurements == 2
    assert diagnose(Pauli(["XX", "YZ"]), rank=1, structure="density").degrees_of_freedom == 6
