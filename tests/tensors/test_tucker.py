"""Tucker: derivatives, steppers, canonical form, saddles of high order, bounds, missing cells."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from cases import TENSOR_OBJECTIVES, TENSOR_STEPPERS, make_tucker, parametrise
from lowland import judges
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.findings import Finding
from lowland.core.results.status import StopReason, Verdict
from lowland.kernels.modular_arithmetic import modular
from lowland.search import GaussNewton, Iterations, run
from lowland.tensors import cell_objective
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.certificates import high_order_saddles
from lowland.tensors.certificates.flattenings import best_bound
from lowland.tensors.search.high_order_escape import HighOrderEscape
from lowland.tensors.search.orthogonal_iteration import OrthogonalIteration
from lowland.tensors.search.starts import random_start, sequential_start
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.multistart import make_tucker_objective
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.testing import check_gradient, check_hessian, check_progress, check_repeatable


def planted(seed, shape=(14, 14, 14), ranks=(2, 2, 2)):
    rng = np.random.default_rng(seed)
    factors = tuple(rng.standard_normal((i, r)) for i, r in zip(shape, ranks, strict=True))
    return ll.TuckerTensor(rng.standard_normal(ranks), factors).tensor()


def naive_tensor(parts):
    letters, small = "abcde"[: parts.core.ndim], "vwxyz"[: parts.core.ndim]
    words = ",".join(big + low for big, low in zip(letters, small, strict=True))
    return np.einsum(f"{small},{words}->{letters}", parts.core, *parts.factors)


# ------------------------------------------------------------------ derivatives
@parametrise(TENSOR_OBJECTIVES)
def test_values_derivatives_and_symmetry(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    dense = naive_tensor(objective.model.unpack(theta))
    at = tuple(objective.data.all_positions().T)
    np.testing.assert_allclose(objective.predict(theta), dense[at], rtol=1e-12, atol=1e-12)
    weights = 1.0 if objective.weights is None else objective.weights
    squares = 0.5 * np.sum(weights * (dense[at] - objective.y) ** 2)
    penalty = sum(p.value(theta) for p in objective.penalties)
    assert objective.value(theta) == pytest.approx(squares + penalty, rel=1e-12)
    check_gradient(objective, theta, rng)
    check_hessian(objective, theta, rng)


@parametrise(TENSOR_OBJECTIVES)
def test_jacobian_and_its_transpose_are_adjoint(case, rng):
    objective = case.make()
    at = objective.linearise(rng.standard_normal(objective.size))
    d, w = rng.standard_normal(objective.size), rng.standard_normal(objective.data.size)
    assert w @ at.jacobian_product(d) == pytest.approx(d @ at.jacobian_transpose(w), rel=1e-10)


@parametrise(TENSOR_OBJECTIVES)
def test_gauge_changes_nothing(case, rng):
    objective = case.make()
    theta = objective.canonical(rng.standard_normal(objective.size))
    gauge = objective.gauge(theta)
    linear = not objective.penalties
    ranks = objective.model.ranks
    assert gauge.shape[1] == sum(r * r if linear else r * (r - 1) // 2 for r in ranks)
    at = objective.linearise(theta)
    for direction in gauge.T:
        np.testing.assert_allclose(at.jacobian_product(direction), 0, atol=1e-11)


def test_a_wrong_derivative_is_noticed(rng):
    objective = make_tucker(share=0.6)

    class Wrong:
        def __getattr__(self, name):
            return getattr(objective, name)

        def in_double(self):
            return self

        def gradient(self, theta):
            return objective.gradient(theta) * (1 + 1e-2)

        def value_and_gradient(self, theta):
            return objective.value(theta), self.gradient(theta)

    with pytest.raises(AssertionError):
        check_gradient(Wrong(), rng.standard_normal(objective.size), rng)
    certificate = ll.certify(Wrong(), rng.standard_normal(objective.size))
    assert {f.verdict for f in certificate} == {Verdict.INCONCLUSIVE}


def test_threads_do_not_change_bits(rng):
    at = np.argwhere(rng.random((40, 30, 30)) < 0.9)
    data = ll.TensorObservations.from_cells(at, rng.standard_normal(len(at)))
    objective = TuckerObjective(data, Tucker(data.shape, (6, 6, 6)))
    theta, d = rng.standard_normal((2, objective.size))
    import numba

    found = []
    for threads in (1, 2):
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        found.append(objective.hessian_product(theta, d))
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


# ------------------------------------------------------------------ canonical form
def test_balanced_points_make_the_same_tensor_without_regulariser(rng):
    objective = make_tucker((6, 7, 5), (3, 4, 2), strength=1.0)
    theta = rng.standard_normal(objective.size) * np.exp(3 * rng.standard_normal(objective.size))
    before, after = (naive_tensor(objective.model.unpack(t)) for t in (theta, objective.canonical(theta)))
    np.testing.assert_allclose(after, before, atol=1e-11 * np.abs(before).max())
    assert objective.penalties[0].value(objective.canonical(theta)) <= 1e-18 * np.sum(before**2)


@pytest.mark.parametrize(
    ("modes", "tolerance"), [((0,), 1e-10), ((1,), 1e-10), ((2,), 1e-10), ((0, 1, 2), 1e-7)]
)
def test_canonical_form_does_not_see_the_gauge(modes, tolerance):
    model = Tucker((6, 7, 8), (2, 3, 3))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        theta = rng.standard_normal(model.size)
        parts, expected = model.unpack(theta), model.orthonormal(theta)
        core, factors = parts.core, list(parts.factors)
        for n in modes:
            r = model.ranks[n]
            q1, q2 = (np.linalg.qr(rng.standard_normal((r, r)))[0] for _ in range(2))
            mixing = q1 @ np.diag(np.logspace(0, 3, r)) @ q2
            factors[n] = factors[n] @ np.linalg.inv(mixing)
            core = np.moveaxis(np.tensordot(mixing, core, axes=(1, n)), 0, n)
        found = model.orthonormal(model.pack(ll.TuckerTensor(core, tuple(factors))))
        np.testing.assert_allclose(found.core, expected.core, atol=tolerance * np.abs(expected.core).max())
        for one, other in zip(found.factors, expected.factors, strict=True):
            np.testing.assert_allclose(one, other, atol=tolerance)
            np.testing.assert_allclose(one.T @ one, np.eye(one.shape[1]), atol=1e-12)


# ------------------------------------------------------------------ steppers
@pytest.mark.covering
@parametrise(TENSOR_STEPPERS)
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_progress_on_tensors(case, share, rng):
    objective = make_tucker(share=share, strength=case.extra["strength"])
    stepper = case.make()
    theta = random_start(objective, rng)
    if share < 1 and case.part is OrthogonalIteration:
        with pytest.raises(UnsupportedError, match="cannot work on this objective"):
            run(objective, stepper, theta, stop=Iterations(1), rng=rng)
        return
    result = run(objective, stepper, theta, stop=Iterations(12), rng=rng)
    assert stepper.promises_descent
    if case.part is HighOrderEscape:  # a random point need not leave a column unused
        assert result.value <= objective.value(theta)
    else:
        check_progress(result, promises_descent=True)
    assert result.value == pytest.approx(objective.value(result.theta), rel=1e-12)


@parametrise(TENSOR_STEPPERS)
def test_tensor_searches_repeat_and_resume(case):
    objective = make_tucker(strength=case.extra["strength"])

    def search(seed):
        rng = np.random.default_rng(seed)
        return run(objective, case.make(), random_start(objective, rng), stop=Iterations(4), rng=rng)

    check_repeatable(search)
    start, saved = random_start(objective, np.random.default_rng(0)), []
    whole = run(objective, case.make(), start, stop=Iterations(4), rng=np.random.default_rng(1))
    first = run(
        objective,
        case.make(),
        start,
        stop=Iterations(2),
        rng=np.random.default_rng(1),
        checkpoint=saved.append,
    )
    if not saved:  # it stalled before
        assert whole.iterations == first.iterations
        return
    again = run(
        objective,
        case.make(),
        start,
        stop=Iterations(4),
        rng=np.random.default_rng(5),
        resume=saved[-1],
    )
    np.testing.assert_array_equal(again.theta, whole.theta)


def test_some_searches_refuse_a_regulariser(rng):
    objective = make_tucker(strength=0.1)
    with pytest.raises(UnsupportedError, match="regulariser"):
        run(objective, OrthogonalIteration(), random_start(objective, rng), stop=Iterations(1), rng=rng)
    with pytest.raises(UnsupportedError, match="without penalties"):
        run(objective, GaussNewton(inner="dense"), random_start(objective, rng), stop=Iterations(1), rng=rng)


def test_normal_equations_are_those_of_the_products(rng):
    objective = make_tucker((3, 4, 2, 5), (2, 2, 1, 2), share=0.7, weighted=True, strength=0.0)
    theta = rng.standard_normal(objective.size)
    at = objective.linearise(theta)
    products = np.array([at.gauss_newton_product(unit) for unit in np.eye(objective.size)])
    np.testing.assert_allclose(objective.normal_matrix(theta), products, atol=1e-10)


# ------------------------------------------------------------------ saddles of high order
def saddle(missing, order=3):
    """A fit that lacks a direction of the data in so many modes: gradient and Hessian do not show it."""
    shape, ranks = (4,) * order, (2,) * order
    tensor = np.zeros(shape)
    tensor[(0,) * order] = 1.0
    tensor[(1,) * missing + (0,) * (order - missing)] = 0.5
    core, factor = np.zeros(ranks), np.zeros((4, 2))
    core[(0,) * order], factor[0, 0] = 1.0, 1.0
    model = Tucker(shape, ranks)
    objective = TuckerObjective(ll.TensorObservations.from_array(tensor), model, 0.1)
    return objective, model.pack(ll.TuckerTensor(core, (factor,) * order))


@pytest.mark.parametrize(("missing", "order"), [(2, 3), (3, 3), (2, 4), (3, 4), (4, 4)])
def test_saddles_are_left_and_their_order_is_named(missing, order, rng):
    objective, theta = saddle(missing, order)
    assert np.linalg.norm(objective.gradient(theta)) < 1e-12
    hessian = np.array([objective.hessian_product(theta, unit) for unit in np.eye(objective.size)])
    assert np.linalg.eigvalsh(hessian)[0] > -1e-8
    result = run(objective, HighOrderEscape(), theta, stop=Iterations(3), rng=rng)
    assert result.value < 1e-10
    assert [k for k in result.trace.measures["order"] if k] == [missing + 1]


@pytest.mark.parametrize(("missing", "order"), [(2, 3), (3, 3), (4, 4)])
def test_random_directions_leave_saddles_too(missing, order, rng):
    objective, theta = saddle(missing, order)
    start = objective.value(theta)
    left = run(objective, HighOrderEscape(at_random=True), theta, stop=Iterations(1), rng=rng)
    best = run(objective, HighOrderEscape(), theta, stop=Iterations(1), rng=rng)
    assert best.value < left.value < start
    # new columns are orthogonal to those in use, and of the missing modes only
    parts = objective.orthonormal(left.theta)
    for factor in parts.factors:
        np.testing.assert_allclose(factor.T @ factor, np.eye(2), atol=1e-9)


@pytest.mark.parametrize(("missing", "order"), [(2, 3), (3, 3), (3, 4)])
def test_the_judge_looks_beyond_the_hessian(missing, order):
    objective, theta = saddle(missing, order)
    certificate = ll.certify(objective, theta)
    assert certificate["second_order_stationary"].verdict is Verdict.SUPPORTED  # as far as a Hessian sees
    finding = certificate["local_minimum"]
    assert finding.verdict is Verdict.REFUTED
    assert finding.witness["order"] == missing + 1
    assert finding.witness["measured_order"] == pytest.approx(missing + 1, abs=0.1)
    assert objective.value(finding.witness["lower_point"]) < objective.value(theta)


def test_a_judge_that_stops_at_the_hessian_is_noticed(monkeypatch):
    def shortsighted(objective, theta, given):
        return [Finding("local_minimum", given.findings["second_order_stationary"].verdict)]

    table = tuple(
        replace(judge, answer=shortsighted) if "local_minimum" in judge.claims else judge
        for judge in judges.JUDGES
    )
    monkeypatch.setattr(judges, "JUDGES", table)
    with pytest.raises(AssertionError):
        test_the_judge_looks_beyond_the_hessian(3, 3)


def test_minima_of_noisy_tensors_are_called_minima(rng):
    fit = ll.decompose_tucker(rng.standard_normal((6, 6, 6)), 2, rng=0)
    assert fit.certificate["stationary"].verdict is Verdict.SUPPORTED
    assert fit.certificate["local_minimum"].verdict is Verdict.SUPPORTED
    assert high_order_saddles.CLAIM in fit.certificate
    objective, theta = fit.objective, fit.search.theta
    hessian = np.array([objective.hessian_product(theta, unit) for unit in np.eye(objective.size)])
    values = np.abs(np.linalg.eigvalsh(hessian))
    assert np.sum(values < 1e-7 * values.max()) == 3  # one rotation per mode


# ------------------------------------------------------------------ global optimality
@pytest.mark.parametrize("count", [12, pytest.param(30, marks=pytest.mark.slow)])
def test_exact_tensors_are_found_from_every_random_start(count):
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        objective = make_tucker_objective(
            ll.TensorObservations.from_array(planted(seed, (6, 6, 6))), (2, 2, 2), 0.1
        )
        fit = ll.decompose_tucker(objective.data, 2, start="random", n_restarts=0, rng=rng, certify=False)
        found.append(fit.search.value / objective.square)
    assert max(found) < 1e-14


@pytest.mark.parametrize("count", [2, pytest.param(80, marks=pytest.mark.slow)])
def test_bounds_hold_and_lie_in_order(count):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        order = 3 + seed % 2
        shape, ranks = tuple(rng.integers(3, 9 - order, order)), (2,) * order
        tensor = rng.standard_normal(shape)
        flat = [np.moveaxis(tensor, n, 0).reshape(shape[n], -1) for n in range(order)]
        tails = [np.linalg.norm(np.linalg.svd(part, compute_uv=False)[2:]) for part in flat]
        objective = TuckerObjective(ll.TensorObservations.from_array(tensor), Tucker(shape, ranks))
        bound = best_bound(tensor, objective.flat_rank, 4000).proved
        first = np.linalg.norm(sequential_start(tensor, ranks, rng).tensor() - tensor)
        fit = ll.decompose_tucker(tensor, ranks, n_restarts=0, rng=0, certify=False)
        error = np.linalg.norm(fit.tensor() - tensor)
        slack = 1 + 1e-10
        assert max(tails) <= bound * slack
        assert bound <= error * slack
        assert error <= first * slack
        assert first <= np.linalg.norm(tails) * slack


def test_a_fit_at_the_bound_is_proved_and_a_worse_one_is_not():
    rng = np.random.default_rng(1)
    # noise in one unfolding's complement only: the truncated decomposition is the best there is
    factors = tuple(np.linalg.qr(rng.standard_normal((6, 3)))[0] for _ in range(3))
    core = np.zeros((3, 3, 3))
    core[0, 0, 0], core[1, 1, 1], core[2, 2, 2] = 3.0, 2.0, 0.1
    tensor = ll.TuckerTensor(core, factors).tensor()
    fit = ll.decompose_tucker(tensor, 2, rng=0)
    finding = fit.certificate["globally_optimal"]
    assert finding.verdict is Verdict.PROVED
    assert finding.witness["ratio"] == pytest.approx(1)
    worse = ll.certify(fit.objective, fit.search.theta * 1.01)
    assert worse["globally_optimal"].verdict is Verdict.REFUTED
    lower = worse["globally_optimal"].witness["lower_point"]
    assert fit.objective.value(lower) < fit.objective.value(fit.search.theta * 1.01)


@pytest.mark.parametrize("count", [1, pytest.param(15, marks=pytest.mark.slow)])
def test_no_claim_of_optimality_where_a_better_fit_is_known(count):
    for seed in range(count):
        tensor = np.random.default_rng(seed).standard_normal((3, 3, 3))
        ends = [
            ll.decompose_tucker(tensor, 1, start="random", n_restarts=0, rng=k, effort="quick")
            for k in range(4)
        ]
        least = min(end.search.value for end in ends)
        for end in ends:
            if end.search.value > 1.01 * least:
                assert end.certificate["globally_optimal"].verdict is not Verdict.PROVED


# ------------------------------------------------------------------ missing cells
@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("missing", [0.1, 0.5, 0.7])
def test_missing_cells_are_recovered_exactly(missing, count):
    for seed in range(count):
        truth = planted(seed)
        hidden = np.random.default_rng(100 + seed).random(truth.shape) < missing
        fit = ll.decompose_tucker(np.where(hidden, np.nan, truth), 2, rng=seed)
        error = np.linalg.norm((fit.tensor() - truth)[hidden]) / np.linalg.norm(truth[hidden])
        assert error < 1e-8
        assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED
        assert fit.certificate["determined_by_data"].verdict is Verdict.PROVED
        np.testing.assert_array_equal(fit.completed()[~hidden], truth[~hidden])


@pytest.mark.parametrize(
    ("missing", "count"),
    [(0.7, 1), *(pytest.param(*own, marks=pytest.mark.slow) for own in ((0.3, 1), (0.3, 3), (0.7, 3)))],
)
def test_the_error_of_new_cells_is_told_truly(missing, count):
    for seed in range(count):
        truth, rng = planted(seed), np.random.default_rng(200 + seed)
        noisy = truth + 0.01 * truth.std() * rng.standard_normal(truth.shape)
        hidden = rng.random(truth.shape) < missing
        fit = ll.decompose_tucker(np.where(hidden, np.nan, noisy), 2, rng=seed, certify=False)
        true = np.sqrt(np.mean((fit.tensor() - noisy)[hidden] ** 2))
        assert fit.new_cell_error().total == pytest.approx(true, rel=0.1)


def test_few_cells_do_not_determine_a_tensor():
    truth = planted(0, (5, 5, 5))
    rng = np.random.default_rng(0)
    seen = np.zeros(truth.shape, bool)
    for k in range(5):
        seen[k, k, k] = True
    seen.ravel()[rng.choice(125, 15, replace=False)] = True
    fit = ll.decompose_tucker(np.where(seen, truth, np.nan), 2, rng=0, n_restarts=0)
    assert fit.certificate["determined_by_data"].verdict is Verdict.REFUTED
    assert fit.certificate["uniquely_determined"].verdict is Verdict.REFUTED


def test_modular_jacobian_has_the_rank_of_the_floating_one(rng):
    objective = make_tucker((5, 4, 4), (2, 2, 3), share=0.5)
    at = objective.linearise(rng.standard_normal(objective.size))
    dense = np.array([at.jacobian_product(unit) for unit in np.eye(objective.size)]).T
    exact = objective.modular_jacobian.matrix(modular.PRIME, rng)
    assert modular.rank(exact.copy(), modular.PRIME) == np.linalg.matrix_rank(dense)


# ------------------------------------------------------------------ ranks
def test_a_tolerance_is_kept():
    rng = np.random.default_rng(0)
    tensor = planted(0, (8, 7, 6), (3, 3, 3)) + 0.01 * rng.standard_normal((8, 7, 6))
    for tolerance in (0.3, 0.05, 1e-3):
        fit = ll.decompose_tucker(tensor, tolerance=tolerance, rng=0, n_restarts=0, certify=False)
        assert fit.relative_error <= tolerance


def test_ranks_are_found_by_held_out_cells():
    rng = np.random.default_rng(0)
    truth = planted(3, (12, 10, 9), (3, 2, 2))
    noisy = truth + 0.05 * truth.std() * rng.standard_normal(truth.shape)
    fit = ll.decompose_tucker(np.where(rng.random(truth.shape) < 0.2, np.nan, noisy), "auto", rng=0)
    assert fit.ranks == (3, 2, 2)
    assert fit.choice.steps[0][0] == (1, 1, 1)


# ------------------------------------------------------------------ input
def cube(**changes):
    tensor = np.random.default_rng(0).standard_normal((4, 5, 6))
    for at, value in changes.get("at", {}).items():
        tensor[at] = value
    if "empty" in changes:
        tensor[:, changes["empty"]] = np.nan
    return tensor


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ll.decompose_tucker(np.ones((3, 4)), 1), "at least three modes"),
        (lambda: ll.decompose_tucker(cube(), (5, 2, 2)), "mode 0 is larger than the length of the mode"),
        (lambda: ll.decompose_tucker(cube(), (4, 1, 2)), "larger than the product of the others"),
        (lambda: ll.decompose_tucker(cube(), (2, 2)), "one rank per mode"),
        (lambda: ll.decompose_tucker(cube(), 0), "positive integers"),
        (lambda: ll.decompose_tucker(cube()), "ranks are missing"),
        (lambda: ll.decompose_tucker(cube(), 2, tolerance=0.1), "both given"),
        (lambda: ll.decompose_tucker(cube(at={(0, 0, 0): np.nan}), tolerance=0.1), "every cell known"),
        (lambda: ll.decompose_tucker(cube(at={(0, 0, 0): np.inf}), 2), "infinite"),
        (lambda: ll.decompose_tucker(cube(empty=3), 2), "index 3 of mode 1"),
        (lambda: ll.decompose_tucker(np.full((3, 3, 3), np.nan), 1), "the tensor has no known cell"),
        (
            lambda: ll.decompose_tucker(cube(at={(1, 2, 3): np.nan}), 2, observed=np.ones((4, 5, 6))),
            r"observed cell is NaN",
        ),
        (lambda: ll.decompose_tucker(cube(), 2, observed=np.ones((4, 5))), "shape of the data"),
        (lambda: ll.decompose_tucker(cube(), 2, weights=-np.ones((4, 5, 6))), "not negative"),
        (lambda: ll.decompose_tucker(cube(), 2, start="hosvd"), "start is unknown"),
        (lambda: ll.decompose_tucker(cube(), "best"), "ranks are invalid"),
        (lambda: ll.decompose_tucker(cube() * 1j, 2), "real numbers"),
        (lambda: ll.TensorObservations.from_cells([[0, 0, 0], [0, 0, 0]], [1.0, 2.0]), "listed twice"),
        (lambda: ll.TensorObservations.from_cells([[0, 0, 5]], [1.0], shape=(1, 1, 2)), "outside"),
        (lambda: ll.TensorObservations.from_cells([[0, 0, 0]], [np.nan]), "finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_single_precision_and_weights(rng):
    truth = planted(0, (8, 7, 6)).astype(np.float32)
    fit = ll.decompose_tucker(truth, 2, rng=0)
    assert fit.core.dtype == np.float32
    assert fit.relative_error < 1e-5
    weights = rng.uniform(0.5, 2, truth.shape)
    weights[0, 0, 0] = 0.0
    spoilt = planted(0, (8, 7, 6))
    spoilt[0, 0, 0] += 100
    fit = ll.decompose_tucker(spoilt, 2, weights=weights, rng=0)
    np.testing.assert_allclose(fit.tensor()[0, 0, 0], spoilt[0, 0, 0] - 100, rtol=1e-6)


def test_zero_tensor():
    fit = ll.decompose_tucker(np.zeros((3, 4, 5)), 1, rng=0)
    np.testing.assert_array_equal(fit.tensor(), 0)
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED


def test_exact_value_is_below_any_noise():
    objective = make_tucker()
    assert 0 < exact_value(objective) < 1e-20 * objective.square


def test_large_tensors_are_taken_in_slabs_and_may_lie_on_disk(tmp_path, monkeypatch, rng):
    values = rng.standard_normal((7, 6, 5)) + planted(0, (7, 6, 5))
    whole = ll.decompose_tucker(values, 2, rng=0, certify=False)
    monkeypatch.setattr(cell_objective, "SLAB", 65)  # two slices at a time
    np.save(tmp_path / "tensor.npy", values)
    mapped = np.load(tmp_path / "tensor.npy", mmap_mode="r")
    found = ll.decompose_tucker(mapped, 2, rng=0, certify=False)
    assert np.shares_memory(found.objective.y, mapped)  # no copy is made
    np.testing.assert_allclose(found.core, whole.core, atol=1e-8)
    weighted = make_tucker(weighted=True, strength=0.0)
    theta = rng.standard_normal(weighted.size)
    naive = 0.5 * np.sum(weighted.weights * (weighted.predict(theta) - weighted.y) ** 2)
    assert weighted.value(theta) == pytest.approx(naive, rel=1e-12)


# ------------------------------------------------------------------ what an adversary tried
@pytest.mark.parametrize(
    ("scale", "strength"),
    [(1e-300, 0.0), (1e-170, 0.1), (1e-162, 0.0), (1e-100, 0.1), (1e160, 0.0)]
    + [
        pytest.param(scale, strength, marks=pytest.mark.slow)
        for scale, strength in [(1e-300, 0.1), (1e-170, 0.0), (1e-162, 0.1), (1e-100, 0.0), (1e160, 0.1)]
    ],
)
def test_numbers_out_of_scale_are_not_judged(scale, strength):
    tensor = np.random.default_rng(0).standard_normal((5, 4, 3))
    parts = ll.decompose_tucker(tensor, 2, n_restarts=0, rng=0, certify=False).parts
    data = ll.TensorObservations.from_array(tensor * scale)
    objective = TuckerObjective(data, Tucker(tensor.shape, (2, 2, 2)), strength)
    twice = objective.model.pack(ll.TuckerTensor(parts.core * scale * 2, parts.factors))
    certificate = ll.certify(objective, twice)
    assert {finding.verdict for finding in certificate} == {Verdict.INCONCLUSIVE}


def test_an_unbalanced_point_of_an_exact_fit_is_no_minimum():
    fit = ll.decompose_tucker(planted(0, (5, 4, 3)), 2, rng=0, balancing=1e-6)
    assert fit.certificate["local_minimum"].verdict is Verdict.SUPPORTED
    parts = fit.objective.model.unpack(fit.search.theta)
    moved = ll.TuckerTensor(parts.core * 1.001, (parts.factors[0] / 1.001, *parts.factors[1:]))
    certificate = ll.certify(fit.objective, fit.objective.model.pack(moved))
    assert certificate["local_minimum"].verdict is not Verdict.SUPPORTED
    assert certificate["globally_optimal"].verdict is not Verdict.PROVED


@pytest.mark.parametrize(
    ("dtype", "noise"),
    [
        ("float32", 0.0),
        ("float64", 0.3),
        pytest.param("float32", 0.3, marks=pytest.mark.slow),
        pytest.param("float64", 0.0, marks=pytest.mark.slow),
    ],
)
def test_verdicts_do_not_depend_on_precision_weights_or_balancing(dtype, noise, rng):
    tensor = planted(0, (5, 4, 3)) + noise * rng.standard_normal((5, 4, 3))
    scales = {"balancing": (0.01, 1e3), "weights": (1e-18, 1e18)}
    for name, values in scales.items():
        for value in values:
            change = {name: np.full(tensor.shape, value) if name == "weights" else value}
            fit = ll.decompose_tucker(tensor.astype(dtype), 2, rng=0, n_restarts=0, certify=False, **change)
            assert fit.core.dtype == dtype
            # of all claims, those that are asked
            claims = ("stationary", "second_order_stationary", "local_minimum")
            certificate = ll.certify(fit.objective, fit.search.theta, claims=claims)
            for claim in claims:
                assert certificate[claim].verdict is not Verdict.REFUTED, (change, claim)


def test_data_of_a_fit_are_its_own():
    tensor = planted(0, (5, 4, 3))
    fit = ll.decompose_tucker(tensor, 2, rng=0)
    assert not np.shares_memory(fit.objective.y, tensor)
    fit.completed()[...] = 0
    assert fit.relative_error < 1e-10


def test_masked_arrays_have_missing_cells():
    tensor = planted(0, (6, 5, 5))
    spoilt = tensor.copy()
    spoilt[1, 2, 3] = 1e3
    masked = np.ma.masked_array(spoilt, mask=spoilt == 1e3)
    fit = ll.decompose_tucker(masked, 2, rng=0, certify=False)
    assert not fit.objective.data.is_full
    assert fit.tensor()[1, 2, 3] == pytest.approx(tensor[1, 2, 3])


def test_an_interrupt_is_told_wherever_it_comes(monkeypatch):
    from dataclasses import replace

    from lowland.core.results.status import StopReason
    from lowland.tensors import searching
    from lowland.tensors.tucker import multistart, rank_path

    tensor = np.random.default_rng(0).standard_normal((5, 4, 3))
    for solver in ("orthogonal_iteration", "trust_region", "high_order_escape"):

        def interrupted(objective, stepper, *args, solver=solver, **options):
            found = run(objective, stepper, *args, **options)
            return replace(found, stop_reason=StopReason.INTERRUPTED) if stepper.name == solver else found

        for module in (multistart, searching):
            monkeypatch.setattr(module, "run", interrupted)
        fit = ll.decompose_tucker(tensor, 2, rng=0)
        assert fit.search.stop_reason is StopReason.INTERRUPTED
        assert fit.certificate is None
    for module in (multistart, searching, rank_path):
        monkeypatch.setattr(
            module,
            "run",
            lambda *args, **options: replace(run(*args, **options), stop_reason=StopReason.INTERRUPTED),
        )
    fit = ll.decompose_tucker(tensor, "auto", rng=0)
    assert fit.search.stop_reason is StopReason.INTERRUPTED
    assert fit.certificate is None
    assert (fit.ranks, len(fit.choice.steps)) == ((1, 1, 1), 1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ll.decompose_tucker(cube(), True), "positive integers"),
        (lambda: ll.decompose_tucker(cube(), 2.0), "whole numbers"),
        (lambda: ll.decompose_tucker(cube(), tolerance="a"), "between 0 and 1"),
        (lambda: ll.decompose_tucker(cube(), 2, balancing=1e8), "balancing"),
        (lambda: ll.decompose_tucker(cube(), 2, max_iter="a"), "max_iter"),
        (lambda: ll.decompose_tucker(cube(), 2, start="sequential", n_restarts=3), "cannot be restarted"),
        (lambda: ll.decompose_tucker(cube(), 2, observed=np.ones((4, 5, 6)) * 0.5), "true or false"),
        (lambda: ll.decompose_tucker(cube(), 2, weights=np.full((4, 5, 6), 1e-300)), "out of scale"),
        (lambda: ll.decompose_tucker([[[1.0], [2.0]], [[1.0]]], 1), "not an array"),
        (lambda: ll.TensorObservations.from_cells([[2**40] * 3], [1.0]), "no known cell"),
    ],
)
def test_odd_input_is_named(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_no_error_is_told_where_the_cells_leave_the_fit_open():
    assert ll.decompose_tucker(np.zeros((4, 4, 4)), 1, rng=0).new_cell_error().total == 0


def test_an_interrupted_start_that_is_not_the_best_is_told(monkeypatch, rng):
    from lowland.tensors.tucker import multistart

    calls, run_once = [], multistart._run

    def interrupted_at_the_second(*arguments, **options):
        calls.append(1)
        result = run_once(*arguments, **options)
        if len(calls) < 2:
            return result
        return replace(result, value=10 * result.value, stop_reason=StopReason.INTERRUPTED)

    monkeypatch.setattr(multistart, "_run", interrupted_at_the_second)
    holes = np.where(rng.random((5, 5, 5)) < 0.7, rng.standard_normal((5, 5, 5)), np.nan)
    fit = ll.decompose_tucker(holes, 2, n_restarts=5, max_iter=20, rng=0)
    assert fit.search.stop_reason is StopReason.INTERRUPTED
    assert len(fit.attempts) == 2
    assert fit.certificate is None
