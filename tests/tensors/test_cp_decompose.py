"""CP decompositions: derivatives, searches, components recovered, and whether they are the only ones."""

from functools import partial
from itertools import combinations, permutations

import numpy as np
import pytest

import lowland as ll
from cases import CP_OBJECTIVES, CP_STEPPERS, cp_signs, make_cp, parametrise
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.search import Iterations, run
from lowland.tensors.certificates import cp_uniqueness, determinacy
from lowland.tensors.certificates.cp_margins import k_rank, of_length_one
from lowland.tensors.cp import agreement as cp_agreement
from lowland.tensors.cp.fit import CPFit
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.multistart import CPPlan, random_start
from lowland.tensors.cp.objective import CPObjective
from lowland.testing import check_gradient, check_hessian, check_progress, check_repeatable

UNIQUE = "unique_decomposition"


def naive(factors):
    out = np.zeros([len(factor) for factor in factors])
    for cell in np.ndindex(*out.shape):
        out[cell] = sum(
            np.prod([factor[i, k] for factor, i in zip(factors, cell, strict=True)])
            for k in range(factors[0].shape[1])
        )
    return out


def planted(rng, shape=(12, 10, 8), rank=3, noise=0.1, share=1.0, positive=False):
    draw = rng.random if positive else rng.standard_normal
    factors = [draw((length, rank)) for length in shape]
    letters = "abcde"[: len(shape)]
    truth = np.einsum(",".join(f"{a}z" for a in letters) + "->" + letters, *factors)
    table = truth + noise * truth.std() * rng.standard_normal(shape)
    return factors, truth, np.where(rng.random(shape) < share, table, np.nan)


# ------------------------------------------------------------------ the objective
@parametrise(CP_OBJECTIVES)
def test_values_and_derivatives(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    dense = naive(objective.unpack(theta))
    at = tuple(objective.data.all_positions().T)
    np.testing.assert_allclose(objective.predict(theta), dense[at], rtol=1e-12, atol=1e-12)
    weights = 1.0 if objective.weights is None else objective.weights
    assert objective.value(theta) == pytest.approx(0.5 * np.sum(weights * (dense[at] - objective.y) ** 2))
    check_gradient(objective, theta, rng)
    check_hessian(objective, theta, rng)
    linear = objective.linearise(theta)
    d, w = rng.standard_normal(objective.size), rng.standard_normal(objective.data.size)
    assert w @ linear.jacobian_product(d) == pytest.approx(d @ linear.jacobian_transpose(w), rel=1e-10)
    np.testing.assert_allclose(linear.normal_matrix @ d, linear.gauss_newton_product(d), rtol=1e-9, atol=1e-9)


def test_a_wrong_second_derivative_is_noticed(rng, monkeypatch):
    """The mutant: the core, which is fixed, moves with a direction."""
    monkeypatch.setattr(CP, "changed", CP.lifted)
    with pytest.raises(AssertionError):
        check_hessian(make_cp(share=0.6), rng.standard_normal(make_cp().size), rng)


@parametrise(CP_OBJECTIVES)
def test_scales_of_columns_change_nothing(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    gauge = objective.gauge(theta)
    assert np.linalg.matrix_rank(gauge) == objective.gauge_size
    for direction in gauge.T:
        np.testing.assert_allclose(objective.linearise(theta).jacobian_product(direction), 0, atol=1e-11)


def test_canonical_points_have_the_same_tensor_whatever_order_signs_and_scales(rng):
    model = CP((4, 3, 5), 3)
    factors = [rng.standard_normal((n, 3)) for n in model.shape]
    expected = model.canonical(model.pack(factors))
    np.testing.assert_allclose(naive(model.unpack(expected)), naive(factors), atol=1e-12)
    norms = np.array([np.linalg.norm(factor, axis=0) for factor in model.unpack(expected)])
    np.testing.assert_allclose(norms, norms[[0]].repeat(3, axis=0))
    assert (np.diff(norms[0]) < 0).all()
    order, scale = [2, 0, 1], np.array([-2.0, 0.5, 3.0])
    moved = [factors[0][:, order] * scale, factors[1][:, order] / scale, factors[2][:, order]]
    np.testing.assert_allclose(model.canonical(model.pack(moved)), expected, atol=1e-12)


# ------------------------------------------------------------------ searches
@pytest.mark.covering
@parametrise(CP_STEPPERS)
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_progress(case, share, rng):
    objective = make_cp(share=share, constraints=case.extra.get("constraints", ()))
    theta = random_start(objective, rng)
    result = run(objective, case.make(), theta, stop=Iterations(12), rng=rng)
    check_progress(result, promises_descent=case.make().promises_descent)
    assert result.value == pytest.approx(objective.value(result.theta), rel=1e-12)
    assert objective.is_feasible(result.theta)


@parametrise(CP_STEPPERS)
def test_searches_repeat_and_resume(case):
    objective = make_cp(constraints=case.extra.get("constraints", ()))

    def search(seed):
        rng = np.random.default_rng(seed)
        return run(objective, case.make(), random_start(objective, rng), stop=Iterations(4), rng=rng)

    check_repeatable(search)
    start, saved = random_start(objective, np.random.default_rng(0)), []
    plan = {"rng": np.random.default_rng(1)}
    whole = run(objective, case.make(), start, stop=Iterations(4), **plan)
    run(objective, case.make(), start, stop=Iterations(2), checkpoint=saved.append, **plan)
    again = run(objective, case.make(), start, stop=Iterations(4), resume=saved[-1], **plan)
    np.testing.assert_array_equal(again.theta, whole.theta)


def test_a_mode_is_solved_as_by_least_squares(rng):
    objective = make_cp(share=0.7, weighted=True)
    theta = rng.standard_normal(objective.size)
    factors = objective.unpack(theta)
    solved = objective.unpack(objective.with_solved_mode(theta, 1))
    at, weights = objective.data.all_positions(), np.sqrt(objective.weights)
    for row in range(objective.shape[1]):
        own = at[:, 1] == row
        design = factors[0][at[own, 0]] * factors[2][at[own, 2]] * weights[own, None]
        expected = np.linalg.lstsq(design, objective.y[own] * weights[own], rcond=None)[0]
        np.testing.assert_allclose(solved[1][row], expected, rtol=1e-6)
    np.testing.assert_array_equal(solved[0], factors[0])


@pytest.mark.parametrize(
    ("shape", "rank", "share"), [((10, 8, 7), 2, 1.0), ((12, 10, 8), 3, 0.5), ((7, 6, 5, 4), 3, 0.7)]
)
def test_planted_components_are_recovered(shape, rank, share):
    rng = np.random.default_rng(100)
    factors, truth, data = planted(rng, shape, rank, share=share)
    fit = ll.decompose_cp(data, rank, n_restarts=1, rng=1)
    assert fit.congruence(factors).min() > 0.99
    assert fit.certificate[UNIQUE].verdict is Verdict.PROVED
    assert fit.certificate["strict_local_minimum"].verdict is Verdict.SUPPORTED
    assert fit.core_consistency > 90
    assert not fit.cancels
    assert np.linalg.norm(fit.tensor() - truth) < 0.1 * np.linalg.norm(truth)
    assert fit.certificate.verify(fit.objective).is_confirmed
    np.testing.assert_array_equal(fit.completed()[~np.isnan(data)], data[~np.isnan(data)])
    np.testing.assert_allclose(fit.predict([[1] * len(shape)]), fit.tensor()[(1,) * len(shape)])


def test_exact_tensors_are_found_to_the_last_digit():
    factors, truth, _ = planted(np.random.default_rng(5), noise=0.0)
    fit = ll.decompose_cp(truth, 3, n_restarts=0, rng=1)
    assert fit.relative_error < 1e-14
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED
    assert fit.congruence(factors).min() > 1 - 1e-12


def test_nonnegative_spectra_look_like_spectra():
    """Overlapping peaks, a third of the cells masked as scattered light is: the spectra come back."""
    rng = np.random.default_rng(3)
    excitation, emission = np.linspace(0, 1, 25), np.linspace(0, 1, 40)
    peaks = [
        np.stack([np.exp(-0.5 * ((grid - at) / 0.12) ** 2) for at in places], axis=1)
        for grid, places in ((excitation, (0.2, 0.45, 0.7)), (emission, (0.35, 0.55, 0.8)))
    ]
    samples = rng.uniform(0, 1, (12, 3))
    truth = np.einsum("ir,jr,kr->ijk", samples, *peaks)
    noisy = truth + 0.02 * truth.std() * rng.standard_normal(truth.shape)
    scatter = np.abs(excitation[:, None] - emission) < 0.1
    fit = ll.decompose_cp(np.where(scatter, np.nan, noisy), 3, nonnegative=True, rng=0)
    assert fit.congruence([samples, *peaks]).min() > 0.995
    assert all((factor >= 0).all() for factor in fit.factors)
    assert fit.certificate["stationary"].verdict is Verdict.INCONCLUSIVE
    assert fit.certificate[UNIQUE].verdict is Verdict.PROVED


def test_only_the_modes_that_are_asked_for_are_nonnegative():
    _, _, data = planted(np.random.default_rng(4), noise=0.5)
    fit = ll.decompose_cp(data, 2, nonnegative=[1], rng=0, n_restarts=0, max_iter=50, certify=False)
    assert (fit.factors[1] >= 0).all()
    assert (fit.factors[0] < 0).any()


def test_cancelling_components_are_said():
    """A tensor of rank three that is a limit of rank two: two components grow against each other."""
    a, b = np.array([1.0, 0]), np.array([0, 1.0])
    limit = sum(np.einsum("i,j,k->ijk", *order) for order in ((a, a, b), (a, b, a), (b, a, a)))
    fit = ll.decompose_cp(limit, 2, rng=0, n_restarts=1, max_iter=100, certify=False)
    assert fit.cancels
    assert "cancel" in str(fit)


def test_core_consistency_tells_too_many_components():
    _, _, data = planted(np.random.default_rng(6), noise=0.2)
    plan = {"n_restarts": 0, "max_iter": 30, "certify": False, "rng": 0}
    right, many = (ll.decompose_cp(data, rank, **plan) for rank in (3, 6))
    assert right.core_consistency > 80 > many.core_consistency


def test_congruence_is_the_best_matching():
    rng = np.random.default_rng(7)
    factors, _, data = planted(rng)
    fit = ll.decompose_cp(data, 3, n_restarts=0, max_iter=15, rng=0, certify=False)
    unit = [factor / np.linalg.norm(factor, axis=0) for factor in factors]
    cosines = np.prod([np.abs(own.T @ other) for own, other in zip(fit.factors, unit, strict=True)], axis=0)
    best = max(permutations(range(3)), key=lambda order: cosines[range(3), order].sum())
    np.testing.assert_allclose(fit.congruence(factors), cosines[range(3), best])
    np.testing.assert_allclose(fit.congruence(fit), 1)
    assert fit.congruence([factor[:, :2] for factor in factors]).min() == 0
    with pytest.raises(InvalidInputError, match="not those of such a tensor"):
        fit.congruence(factors[:2])


def test_halves_agree_on_components_that_are_there(monkeypatch):
    monkeypatch.setattr(cp_agreement, "CPPlan", partial(CPPlan, 0, 10))  # a light search of each half
    _, _, data = planted(np.random.default_rng(17), (12, 8, 6), 2)
    plan = {"rng": 0, "certify": False, "n_restarts": 0}
    right = ll.decompose_cp(data, 2, **plan).split_half(rng=1)
    many = ll.decompose_cp(data, 4, max_iter=20, **plan).split_half(rng=1)
    assert right.min() > 0.95
    assert many.min() < 0.8
    assert (np.diff(many) <= 0).all()
    again = ll.decompose_cp(data, 2, weights=np.full(data.shape, 2.0), **plan)
    np.testing.assert_allclose(again.split_half(rng=1), right, atol=1e-3)
    for mode in (3, True, "day"):
        with pytest.raises(InvalidInputError, match="no such mode"):
            again.split_half(mode)
    few = ll.decompose_cp(np.random.default_rng(0).random((3, 5, 5)), 1, **plan)
    with pytest.raises(InvalidInputError, match="too few slices"):
        few.split_half(0)


# ------------------------------------------------------------------ uniqueness
def judged(factors):
    tensor = naive(factors)
    objective = CPObjective(ll.TensorObservations.from_array(tensor), CP(tensor.shape, factors[0].shape[1]))
    proof = certify(objective, objective.model.pack(factors), claims=[UNIQUE])
    assert proof.verify(objective).is_confirmed
    return proof[UNIQUE]


def naive_k_rank(factor):
    rank = factor.shape[1]
    return max(
        (
            k
            for k in range(rank + 1)
            if all(np.linalg.matrix_rank(factor[:, list(own)]) == k for own in combinations(range(rank), k))
        ),
        default=0,
    )


def test_k_ranks_are_those_of_the_definition():
    rng = np.random.default_rng(8)
    for _ in range(60):
        factor = rng.integers(-1, 2, (int(rng.integers(2, 5)), int(rng.integers(1, 6)))).astype(float)
        expected = naive_k_rank(factor)
        assert k_rank(of_length_one(factor)[0])[0] == (
            expected if expected > 1 or not factor.any(axis=0).all() else 1
        )


def test_kruskal_is_never_claimed_where_others_have_the_same_sum():
    """0 false of 250: components whose columns are parallel somewhere, by whole numbers or nearly so."""
    rng = np.random.default_rng(9)
    refuted = 0
    for trial in range(250):
        rank = int(rng.integers(2, 4))
        factors = [rng.integers(1, 9, (int(rng.integers(2, 5)), rank)).astype(float) for _ in range(3)]
        mode = int(rng.integers(3))
        factors[mode][:, 1] = int(rng.integers(1, 4)) * factors[mode][:, 0]
        if trial % 2:  # parallel to rounding only
            factors[mode][:, 1] *= 1 + 1e-15 * rng.standard_normal(len(factors[mode]))
        tensor = naive(factors)
        objective = CPObjective(ll.TensorObservations.from_array(tensor), CP(tensor.shape, rank))
        finding = cp_uniqueness.judge_uniqueness(objective, objective.model.pack(factors), None)[0]
        assert finding.verdict is not Verdict.PROVED
        refuted += finding.verdict is Verdict.REFUTED
    assert refuted > 100


def test_kruskal_is_claimed_where_it_holds():
    rng = np.random.default_rng(10)
    for _ in range(40):
        rank = int(rng.integers(2, 5))
        factors = [rng.standard_normal((int(rng.integers(rank, 6)), rank)) for _ in range(3)]
        finding = judged(factors)
        assert finding.verdict is Verdict.PROVED
        # as few columns as the condition needs
        assert finding.rigour is Rigour.RIGOROUS
        assert sum(finding.witness["k_ranks"]) == 2 * rank + 2
        assert max(finding.witness["k_ranks"]) <= rank


def test_two_components_that_can_be_mixed_come_with_two_others(rng):
    factors = [rng.integers(1, 9, (n, 3)).astype(float) for n in (4, 3, 5)]
    factors[1][:, 2] = 3 * factors[1][:, 0]
    finding = judged(factors)
    assert finding.verdict is Verdict.REFUTED
    assert list(finding.witness["components"]) == [0, 2]
    pair = [factor[:, [0, 2]] for factor in factors]
    mixed = [finding.witness[f"mixed_{n}"] for n in range(3)]
    np.testing.assert_allclose(naive(mixed), naive(pair), rtol=1e-12)
    assert all(
        min(np.linalg.matrix_rank(np.stack([own[:, k], other[:, m]])) for own, other in [(pair[0], mixed[0])])
        >= 1
        for k in range(2)
        for m in range(2)
    )
    # with four modes columns must be parallel in two of them
    four = [*factors, rng.integers(1, 9, (2, 3)).astype(float)]
    assert judged(four).verdict is not Verdict.REFUTED
    four[3][:, 2] = 2 * four[3][:, 0]
    assert judged(four).verdict is Verdict.REFUTED


def test_a_judge_that_counts_columns_alone_is_found_out(monkeypatch):
    """The mutant: k-ranks are the numbers of columns."""
    monkeypatch.setattr(cp_uniqueness, "k_rank", lambda factor: (factor.shape[1], 1.0))
    with pytest.raises(AssertionError):
        test_kruskal_is_never_claimed_where_others_have_the_same_sum()


def test_one_component_and_a_zero_one():
    ones = [np.ones((n, 1)) for n in (3, 4, 2)]
    assert judged(ones).verdict is Verdict.PROVED
    assert judged([np.hstack([own, 0 * own]) for own in ones]).verdict is Verdict.REFUTED


def test_a_mixture_must_be_possible_where_factors_are_nonnegative():
    """Separable components of a matrix are the only nonnegative ones, though others add up to it."""
    factors = [np.array([[1.0, 0], [0, 1], [2, 3]]), np.array([[1.0, 0], [0, 2], [1, 1]]), np.ones((1, 2))]
    tensor = naive(factors)
    data, verdicts = ll.TensorObservations.from_array(tensor), []
    for signs in ((), cp_signs(True, True, True)):
        objective = CPObjective(data, CP(tensor.shape, 2), signs)
        proof = certify(objective, objective.model.pack(factors), claims=[UNIQUE])
        assert proof.verify(objective).is_confirmed
        verdicts.append(proof[UNIQUE].verdict)
    assert verdicts == [Verdict.REFUTED, Verdict.INCONCLUSIVE]


def test_forged_claims_are_contradicted():
    """Support by a condition that does not hold, and anything said of a point outside the problem."""
    factors = [np.array([[1.0, 1], [2, 2]]), np.array([[1.0, 1], [1, 1]]), np.array([[1.0, 0], [0, 1]])]
    tensor = naive(factors)
    objective = CPObjective(ll.TensorObservations.from_array(tensor), CP(tensor.shape, 2))
    words = "the k-ranks of the factors add up to at least 4, where Kruskal's condition asks for 6"
    witness = {"k_ranks": np.array([1, 1, 2]), "smallest": 1.0}
    forged = Finding(UNIQUE, Verdict.SUPPORTED, 4.0, 6.0, method=words, witness=witness)
    said = Certificate((forged,), point=objective.model.pack(factors)).verify(objective)
    assert said[UNIQUE].outcome is Outcome.CONTRADICTED
    _, truth, _ = planted(np.random.default_rng(5), (5, 4, 3), 2, noise=0.0)
    free = ll.decompose_cp(truth, 2, n_restarts=0, rng=0)
    signed = CPObjective(free.objective.data, free.objective.model, cp_signs(True, True, True))
    said = free.certificate.verify(signed)
    for claim in ("globally_optimal", UNIQUE):
        assert said[claim].outcome is Outcome.CONTRADICTED


def test_proofs_as_earlier_versions_wrote_them_hold_to_working_precision():
    """By k-ranks alone; near degeneracy they are not derived, and neither is more than they say."""
    rng = np.random.default_rng(21)
    factors = [rng.standard_normal((n, 2)) for n in (4, 3, 5)]
    witness = {"k_ranks": np.array([2, 2, 2])}
    for size, outcome in ((1.0, Outcome.CONFIRMED), (1e-13, Outcome.NOT_CHECKED)):
        point = [factors[0] * [1.0, size], *factors[1:]]
        tensor = naive(point)
        objective = CPObjective(ll.TensorObservations.from_array(tensor), CP(tensor.shape, 2))
        reason = because("kruskal", sum=6, needed=6)
        for verdict, rigour, found in (
            (Verdict.SUPPORTED, Rigour.WORKING_PRECISION, outcome),
            (Verdict.SUPPORTED, Rigour.RIGOROUS, Outcome.CONTRADICTED),
            (Verdict.PROVED, Rigour.RIGOROUS, Outcome.CONTRADICTED),
        ):
            finding = Finding(UNIQUE, verdict, 6.0, 6.0, reason=reason, rigour=rigour, witness=witness)
            (check,) = Certificate((finding,), point=objective.model.pack(point)).verify(objective)
            assert check.outcome is found, str(check)


@pytest.mark.parametrize(
    "modes", [[1, 2], [2], *(pytest.param(own, marks=pytest.mark.slow) for own in ([0, 2], [0, 1]))]
)
def test_signs_are_kept_where_they_must_be(modes):
    rng = np.random.default_rng(13)
    factors = [rng.standard_normal((n, 2)) if k not in modes else rng.random((n, 2))
               for k, n in enumerate((6, 5, 4))]  # fmt: skip
    fit = ll.decompose_cp(naive(factors), 2, nonnegative=modes, n_restarts=0, rng=0)
    assert fit.relative_error < 1e-3
    assert all((fit.factors[mode] >= 0).all() for mode in modes)
    assert fit.certificate[UNIQUE].verdict is Verdict.PROVED


def test_units_of_weights_change_nothing():
    rng = np.random.default_rng(14)
    _, truth, data = planted(rng, positive=True)
    weights = rng.uniform(0.5, 2, truth.shape)
    plan = {"n_restarts": 0, "max_iter": 15, "certify": False, "rng": 0}
    for signs in (False, True):
        fits = [
            ll.decompose_cp(data, 3, nonnegative=signs, weights=unit * weights, **plan)
            for unit in (1.0, 1e-12)
        ]
        np.testing.assert_allclose(fits[1].relative_error, fits[0].relative_error, rtol=1e-3)


def test_long_modes_are_started_by_their_short_side():
    _, _, data = planted(np.random.default_rng(15), (4000, 6, 5), 2)
    fit = ll.decompose_cp(data, 2, rng=0, certify=False, n_restarts=0)
    assert fit.relative_error < 0.12


def test_dependence_as_small_as_the_errors_is_said():
    rng = np.random.default_rng(16)
    matrix = rng.random((8, 2)) @ rng.random((2, 7))
    tensor = matrix[:, :, None] * np.ones(5) + 1e-4 * rng.standard_normal((8, 7, 5))
    fit = ll.decompose_cp(tensor, 2, n_restarts=0, max_iter=30, rng=0)
    if fit.certificate[UNIQUE].verdict is Verdict.PROVED:
        assert any("interpret with care" in words for words in fit._page().lead.sentences)


# ------------------------------------------------------------------ determinacy
DETERMINED = "components_determined"


def numeric_rank(at, shape, rank):
    """The rank of the Jacobian at random components in floating point."""
    rng = np.random.default_rng(0)
    data = ll.TensorObservations.from_cells(at, np.ones(len(at)), shape=shape, empty_slices=True)
    objective = CPObjective(data, CP(shape, rank))
    at_random = objective.linearise(rng.standard_normal(objective.size))
    columns = [at_random.jacobian_product(unit) for unit in np.eye(objective.size)]
    return np.linalg.matrix_rank(np.stack(columns, axis=1)), objective


def test_known_cells_that_leave_finitely_many_sets_of_components():
    rng = np.random.default_rng(20)
    seen = set()
    for _ in range(40):
        shape = tuple(int(length) for length in rng.integers(2, 6, 3))
        rank = int(rng.integers(1, min(4, np.prod(shape) // max(shape) + 1)))
        at = np.argwhere(rng.random(shape) < rng.uniform(0.4, 1))
        if len(at) == 0:
            continue
        found, objective = numeric_rank(at, shape, rank)
        freedom = (sum(shape) - 2) * rank
        proof = certify(objective, np.ones(objective.size), claims=[DETERMINED])
        expected = Verdict.PROVED if found == freedom else Verdict.REFUTED
        assert proof[DETERMINED].verdict is expected
        assert proof.verify(objective).is_confirmed
        seen.add((expected, len(at) >= freedom))
    assert {(Verdict.PROVED, True), (Verdict.REFUTED, True), (Verdict.REFUTED, False)} <= seen


def test_a_count_of_cells_alone_is_found_out(monkeypatch):
    """The mutant: as many cells as unknowns are taken for enough."""
    monkeypatch.setattr(determinacy, "rank_modulo_primes", lambda jacobian, expected, *_: (expected, True))
    with pytest.raises(AssertionError):
        test_known_cells_that_leave_finitely_many_sets_of_components()


# ------------------------------------------------------------------ requests
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 0}, "rank"),
        ({"rank": 1.5}, "rank"),
        ({"rank": 200}, "rank does not fit the tensor"),
        ({"nonnegative": [3]}, "nonnegative names a mode"),
        ({"n_restarts": -1}, "n_restarts"),
        ({"max_iter": 0}, "max_iter"),
        ({"effort": "huge"}, "effort"),
    ],
)
def test_bad_requests(options, words):
    table = np.random.default_rng(0).random((4, 5, 6))
    with pytest.raises(InvalidInputError, match=words):
        ll.decompose_cp(table, **{"rank": 2, **options})


def test_certificates_are_written_and_verified(tmp_path):
    _, _, data = planted(np.random.default_rng(11), share=0.8)
    fit = ll.decompose_cp(data, 3, n_restarts=0, max_iter=15, rng=0)
    fit.save_certificate(tmp_path / "proof.json")
    assert ll.verify(tmp_path / "proof.json", data).is_confirmed
    with pytest.raises(InvalidInputError, match="other data"):
        ll.verify(tmp_path / "proof.json", 2 * data)
    with pytest.raises(InvalidInputError, match="no certificate"):
        ll.decompose_cp(data, 1, n_restarts=0, certify=False, rng=0).save_certificate(tmp_path / "none.json")


def test_the_same_seed_gives_the_same_bits():
    _, _, data = planted(np.random.default_rng(12), share=0.6)
    fits = [ll.decompose_cp(data, 3, n_restarts=1, rng=4, certify=False) for _ in range(2)]
    assert isinstance(fits[0], CPFit)
    for one, other in zip(fits[0].factors, fits[1].factors, strict=True):
        np.testing.assert_array_equal(one, other)
