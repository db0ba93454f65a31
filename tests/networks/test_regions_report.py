"""ReLU networks: derivatives, exact patterns and ranks, the best of a region, verdicts with false cases."""

from functools import cache
from itertools import combinations_with_replacement, product
from types import SimpleNamespace

import numpy as np
import pytest

from cases import REGION_STEPPERS, RELU_OBJECTIVES, parametrise, random_network
from lowland import networks as ln
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import Verdict
from lowland.kernels.modular_arithmetic.exact_integers import (
    determinant_sign,
    exact_rank,
    integer_rows,
    product_signs,
)
from lowland.networks.kernels import exact_ranks
from lowland.networks.kernels.exact_ranks import clear_cases, full_rank, modular_rank
from lowland.networks.kernels.matroid_union import matroid_union
from lowland.networks.kernels.modular_ranks import network_rank
from lowland.networks.regions import report as regions_module
from lowland.networks.regions import search_for_best as region_search
from lowland.networks.regions.activation import activation
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective
from lowland.networks.regions.pattern_shares import full_pattern_count, full_pattern_share
from lowland.networks.regions.patterns import augmented, generic_pattern_count, neuron_patterns
from lowland.networks.regions.program import RegionProgram, region_optimum
from lowland.networks.regions.share import Share
from lowland.search import Iterations, ValueBelow, run
from lowland.testing import check_gradient, check_hessian, check_progress, check_repeatable
from oracles import relu as naive


# ------------------------------------------------------------------ networks and derivatives
@parametrise(RELU_OBJECTIVES)
def test_derivatives(case, rng):
    objective = case.make()
    theta = objective.model.point(objective.model.network)
    check_gradient(objective, theta, rng)
    check_hessian(objective, theta, rng)
    here, direction = objective.linearise(theta), rng.standard_normal(theta.size)
    jacobian = objective.jacobian(theta)
    np.testing.assert_allclose(jacobian @ direction, here.jacobian_product(direction), rtol=1e-10)
    np.testing.assert_allclose(
        jacobian.T @ (jacobian @ direction) / len(jacobian), here.gauss_newton_product(direction), rtol=1e-9
    )
    np.testing.assert_allclose(here.gradient, objective.gradient(theta), rtol=1e-12)


@parametrise(RELU_OBJECTIVES)
def test_stacks_of_networks(case, rng):
    objective = case.make()
    stack = rng.standard_normal((2, 3, objective.size))
    values, gradients = objective.gradients(stack)
    np.testing.assert_allclose(values, objective.values(stack))
    for place in np.ndindex(2, 3):
        assert values[place] == pytest.approx(objective.value(stack[place]), rel=1e-12)
        np.testing.assert_allclose(gradients[place], objective.gradient(stack[place]), rtol=1e-9, atol=1e-12)


def test_outputs_and_points(rng):
    network = random_network(rng, (3, 5, 4, 1))
    inputs = rng.standard_normal((7, 3))
    np.testing.assert_allclose(network(inputs), naive.outputs(network, inputs))
    model = Relu(network)
    np.testing.assert_array_equal(model.lift(model.point(network))(inputs), network(inputs))


def test_networks_of_torch_are_read_without_torch(rng):
    def tensor(array):
        inner = SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: array))
        return SimpleNamespace(detach=lambda: inner)

    Linear, ReLU = type("Linear", (), {}), type("ReLU", (), {})
    first, act, last = Linear(), ReLU(), Linear()
    first.weight, first.bias = tensor(rng.standard_normal((4, 2)).astype("f4")), tensor(np.zeros(4, "f4"))
    last.weight, last.bias = tensor(rng.standard_normal((1, 4)).astype("f4")), None
    found = ln.ReluNetwork.from_torch([first, act, last])
    assert found.widths == (4,)
    assert found.biases[1] is None
    with pytest.raises(InvalidInputError, match="Linear, ReLU"):
        ln.ReluNetwork.from_torch([first, last])


@pytest.mark.parametrize(
    ("weights", "biases", "words"),
    [
        (([[1.0]],), (), "hidden layer"),
        (([[1.0], [2.0]], [1.0]), (), "wrong shape"),
        (([[1.0], [2.0]], [[1.0, 2.0], [1.0, 2.0]]), (), "one output"),
        (([[1.0], [np.nan]], [1.0, 2.0]), (), "finite"),
        (([[1.0], [2.0]], [1.0, 2.0]), ([0.0], None), "biases of layer 0"),
        (([[1.0], [2.0]], [1.0, 2.0]), (None,), "one entry of biases per layer"),
    ],
)
def test_networks_that_cannot_be(weights, biases, words):
    with pytest.raises(InvalidInputError, match=words):
        ln.ReluNetwork(weights, biases)


# ------------------------------------------------------------------ exact arithmetic
def test_exact_signs_and_ranks(rng):
    small = rng.integers(-3, 4, (200, 4, 4)).astype(float)
    for matrix in small:
        assert determinant_sign(integer_rows(matrix)) == np.sign(np.rint(np.linalg.det(matrix)))
        assert exact_rank(matrix) == np.linalg.matrix_rank(matrix)
    a = np.array([[0.1, 1.0], [0.3, 1.0]])
    w = np.array([[1.0, -0.1], [3.0, -0.3], [10.0, -3.0]])
    # 0.3 is not three times 0.1 as floats: 3 (0.1) - 0.3 > 0, and 10 (0.3) - 3 < 0
    np.testing.assert_array_equal(product_signs(a, w), [[0, 1, -1], [1, 1, -1]])


def test_signs_that_floats_get_wrong():
    point = np.array([[1e16, 1.0, -1e16]])
    assert (point @ np.array([1.0, 1.0, 1.0]))[0] in (0.0, 1.0)
    assert product_signs(point, np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])).tolist() == [[1, 0]]
    assert product_signs(np.array([[5e-324]]), np.array([[5e-324]])).tolist() == [[1]]


@pytest.mark.parametrize("scale", [1e-160, 1e-310, 1e155, 1e300])
def test_scales_beyond_floats(scale, rng):
    points = rng.standard_normal((3, 4, 2)) * scale
    points[:, 1] = 2 * points[:, 0] if scale < 1e299 else points[:, 0]
    active = np.ones((3, 4, 3), bool)
    assert not clear_cases(active, points).any()
    weights = rng.standard_normal((5, 2))
    np.testing.assert_array_equal(
        product_signs(points[0], weights * 2.0**-60), product_signs(points[0] / 2, weights)
    )


def test_products_that_overflow():
    signs = product_signs(
        np.array([[1e300, -1e300, 1.0]]), np.array([[1e300, 1e300, -1.0], [1e300, 2e300, 0.0]])
    )
    assert signs.tolist() == [[-1, -1]]


# ------------------------------------------------------------------ patterns
@pytest.mark.parametrize(("n", "d", "count"), [(5, 2, 10), (6, 3, 32), (7, 3, 44)])
def test_counts_of_cells(n, d, count, rng):
    points = rng.standard_normal((n, d))
    assert len(neuron_patterns(points, bias=False)) == count == ln.count_patterns(points, bias=False)
    assert {tuple(p) for p in neuron_patterns(points, bias=False)} == naive.sampled_patterns(points, rng)


@pytest.mark.parametrize(("n", "d"), [(12, 4), (10, 5)])
@pytest.mark.parametrize("bias", [False, True])
def test_enumeration_agrees_with_the_formula(n, d, bias, rng):
    points = rng.standard_normal((n, d))
    found = neuron_patterns(points, bias=bias)
    assert len(found) == len(np.unique(found, axis=0)) == generic_pattern_count(n, d + bias)
    assert ln.count_patterns(points, bias=bias, width=7) == len(found) ** 7
    rows = augmented(points, bias)
    assert naive.sampled_patterns(rows, rng, 20_000) <= {tuple(p) for p in found}


SPECIAL = {
    "repeats": [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 2], [1, 1]],
    "grid": [[i, j] for i in range(3) for j in range(3)],
    "cube": [[i, j, k] for i in range(2) for j in range(2) for k in range(2)],
    "one line": [[1, 2], [2, 4], [-1, -2], [3, 6]],
    "zeros": [[0, 0], [0, 0]],
}


@pytest.mark.parametrize(
    ("bias", "points"),
    [
        # every day each set of points either with a bias or without
        pytest.param(
            bias, SPECIAL[name], marks=[pytest.mark.slow] if (own + bias) % 2 else [], id=f"{bias}-{name}"
        )
        for bias in (False, True)
        for own, name in enumerate(SPECIAL)
    ],
)
def test_points_in_special_position(points, bias, rng):
    rows = augmented(np.array(points, float), bias)
    found = {tuple(p) for p in neuron_patterns(points, bias=bias)}
    assert found == naive.sampled_patterns(rows, rng, 600_000)
    assert ln.count_patterns(points, bias=bias) == len(found)


def test_numbers_on_a_line():
    for n in (1, 2, 9, 300):
        assert len(neuron_patterns(np.arange(float(n)))) == 2 * n == ln.count_patterns(np.arange(float(n)))
    assert ln.count_patterns([0.0, 1.0, 1.0, 2.0]) == 6


def test_points_that_only_look_collinear():
    # 0.1 k is rounded, so that of these points only those that are exactly in line share a line
    points = np.array([[0.1 * k, 0.3 * k] for k in range(1, 6)])
    exact = [[int(a) for a in row] for row in integer_rows(augmented(points, True))]
    lines = sum(
        determinant_sign([exact[i], exact[j], exact[k]]) == 0
        for i in range(5)
        for j in range(i)
        for k in range(j)
    )
    assert 0 < lines < 10
    general = generic_pattern_count(5, 3)
    assert 10 < ln.count_patterns(points) < general


def test_too_many_patterns_are_refused(rng):
    points = rng.standard_normal((300, 12))
    with pytest.raises(InvalidInputError, match="too many"):
        ln.count_patterns(points)
    assert ln.count_patterns(points, generic=True) == generic_pattern_count(300, 13)


# ------------------------------------------------------------------ ranks
@pytest.mark.parametrize(("n", "k", "count"), [(3, 3, 48), (4, 4, 480), (3, 6, 36120)])
def test_counts_of_full_patterns(n, k, count):
    assert full_pattern_count(n, k) == count
    if n**k < 300:
        patterns = neuron_patterns(np.arange(float(n))).astype(float)
        full = sum(np.linalg.matrix_rank(patterns[list(c)]) == n for c in product(range(2 * n), repeat=k))
        assert full == count


def test_published_counts():
    assert full_pattern_count(4, 5) == 9360
    assert [next(w for w in range(1, 999) if full_pattern_share(20, w) >= p) for p in (0.9, 0.99)] == [
        102,
        148,
    ]


@pytest.mark.parametrize(("n", "k", "count"), [(3, 2, 14), (4, 2, 12), (4, 3, 246), (5, 3, 240)])
def test_counts_of_full_jacobians(n, k, count, rng):
    patterns = neuron_patterns(rng.standard_normal(n))
    picks = list(product(range(2 * n), repeat=k))
    assert sum(matroid_union(patterns[list(c)].T, 2).rank == n for c in picks) == count
    active = np.ascontiguousarray(np.swapaxes(patterns[np.array(picks)], 1, 2))
    points = augmented(rng.standard_normal(n), True)
    assert full_rank(active, points, rng, generic=True).sum() == count


def test_counts_of_multisets(rng):
    patterns = neuron_patterns(rng.standard_normal(6))
    picks = list(combinations_with_replacement(range(12), 3))
    assert len(picks) == 364
    assert sum(matroid_union(patterns[list(c)].T, 2).rank == 6 for c in picks) == 20


def test_union_rank_is_the_rank(rng):
    deficient = 0
    for _ in range(200):
        n, k, d = (int(rng.integers(low, high)) for low, high in ((2, 8), (1, 7), (1, 4)))
        active, points = rng.random((n, k)) < 0.5, rng.standard_normal((n, d))
        found = matroid_union(active, d)
        rank = np.linalg.matrix_rank(naive.jacobian(active, points))
        assert found.rank == rank == naive.union_rank(active, d) == modular_rank(active, points, rng)
        assert full_rank(active[None], points, rng)[0] == (rank == n)
        assert sorted(np.concatenate(found.parts).tolist()) == sorted(
            set(np.concatenate(found.parts).tolist())
        )
        for part in found.parts:
            assert np.linalg.matrix_rank(active[part].astype(float)) == part.size
        if rank < n:
            deficient += 1
            s = found.at_fault
            assert found.exact
            assert s.size - d * np.linalg.matrix_rank(active[s].astype(float)) == n - rank
    assert 67 < deficient < 167


@pytest.mark.parametrize("gap", [0.0, 1e-8, 1e-7])
def test_points_that_nearly_repeat_have_full_rank(gap, rng):
    other = np.nextafter(0.3, 1) if gap == 0 else 0.3 + gap
    points = augmented(np.array([0.3, other]), True)
    active = np.ones((2, 1), bool)
    assert modular_rank(active, points, rng) == matroid_union(active, 2).rank == 2
    assert full_rank(active[None], points, rng)[0]
    if gap == 0:
        assert np.linalg.matrix_rank(points) == 1


def deficient_cases(rng, cases=400):
    n, k, d = 12, 6, 3
    active, points = rng.random((cases, n, k)) < 0.6, rng.standard_normal((cases, n, d))
    points[:, 1], active[:, 1] = 2 * points[:, 0], active[:, 0]  # multiples of each other: rank below n
    return active, points


def test_floats_alone_never_call_a_deficient_rank_full(rng, monkeypatch):
    active, points = deficient_cases(rng)
    assert not clear_cases(active, points).any()
    monkeypatch.setattr(exact_ranks, "SAFETY_FACTOR", 0.0)  # the mutant that forgets what rounding may do
    assert clear_cases(active, points).any()


def test_clear_cases_are_common(rng):
    active, points = rng.random((100, 20, 15)) < 0.5, rng.standard_normal((100, 20, 5))
    assert clear_cases(active, points).mean() > 0.9


@pytest.mark.parametrize("trained", ["first", "all"])
@pytest.mark.parametrize("sizes", [(2, 4, 1), (3, 4, 3, 1), (2, 3, 3, 3, 1)])
def test_rank_of_whole_networks(trained, sizes, rng):
    for _ in range(20):
        network, inputs = random_network(rng, sizes), rng.standard_normal((9, sizes[0]))
        model = Relu(network, trained)
        jacobian = ReluObjective(inputs, np.zeros(9), model).jacobian(model.point(network))
        found = activation(network, inputs)
        rank = network_rank(network.weights, network.biases, found.patterns, inputs, rng, trained=model.count)
        values = np.linalg.svd(jacobian, compute_uv=False)
        numeric = int(np.count_nonzero(values > 1e-10 * values[0])) if values[0] > 0 else 0
        assert rank == numeric


# ------------------------------------------------------------------ the best of a region
def random_region(rng, n=6, k=30, d=1):
    points = augmented(rng.uniform(-1, 1, (n, d)), True)
    outer = np.where(np.arange(k) % 2, -1.0, 1.0)
    return points, rng.uniform(-1, 1, n), outer, points @ rng.standard_normal((d + 1, k)) > 0


def test_rays_and_interior_points_agree(rng):
    for _ in range(30):
        program = RegionProgram(*random_region(rng))
        (one, _), (two, _) = program.by_rays(), program.by_interior_points()
        losses = [program.relative_loss(w) for w in (one, two)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-10)


def test_zero_loss_agrees_with_a_linear_program(rng):
    """And the bounds w >= 0 that a linear program takes by default change the answer."""
    from scipy.optimize import linprog

    counts = {"ours": 0, "free": 0, "default": 0}
    for _ in range(60):
        points, targets, outer, active = random_region(rng)
        n, k = active.shape
        equal = ((active * outer)[:, :, None] * points[:, None, :]).reshape(n, -1)
        sides = np.where(active, 1.0, -1.0)
        below = -np.einsum("ik,id,kl->ikld", sides, points, np.eye(k)).reshape(n * k, -1)
        ours = region_optimum(points, targets, outer, active)
        zero = ours.is_zero
        for name, bounds in (("free", (None, None)), ("default", (0, None))):
            found = linprog(
                np.zeros(2 * k), A_ub=below, b_ub=np.zeros(n * k), A_eq=equal, b_eq=targets, bounds=bounds
            )
            counts[name] += found.status == 0
            if name == "free":
                assert (found.status == 0) == zero
        counts["ours"] += zero
    assert counts["ours"] == counts["free"] > 10
    assert counts["default"] < 10


def test_the_optimum_against_an_independent_solver(rng):
    cvxpy = pytest.importorskip("cvxpy")
    for d in (2, 3):
        points, targets, outer, active = random_region(rng, n=12, k=4, d=d)
        found = region_optimum(points, targets, outer, active)
        w = cvxpy.Variable((4, d + 1))
        fit = cvxpy.sum(
            [outer[k] * cvxpy.multiply(active[:, k].astype(float), points @ w[k]) for k in range(4)]
        )
        sides = np.where(active, 1.0, -1.0)
        problem = cvxpy.Problem(
            cvxpy.Minimize(cvxpy.sum_squares(fit - targets) / 24),
            [cvxpy.multiply(sides, points @ w.T) >= 0],
        )
        assert found.loss == pytest.approx(problem.solve(solver="SCS", eps=1e-9, max_iters=100_000), rel=1e-4)
        assert np.all(sides * (points @ found.weights.T) > -1e-8)


@pytest.mark.parametrize("d", [1, 2])
def test_pulls_are_multipliers(d, rng):
    for _ in range(10):
        points, targets, outer, active = random_region(rng, n=10, k=4, d=d)
        program = RegionProgram(points, targets, outer, active)
        weights, pulls = program.solve()
        misfit = program.predict(weights) - program.aim
        slopes = program.signs[:, None] * ((active * misfit[:, None]).T @ program.points)
        held = (np.where(active, 1.0, -1.0) * pulls).T @ program.points
        assert (pulls >= -1e-9).all()
        np.testing.assert_allclose(slopes, held, atol=1e-6)


@cache
def bad_region(seed, k=3, n=8):
    """A narrow region with a minimum of positive loss, and whether it lies inside: found at unit scale."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, n), rng.standard_normal(n)
    x = np.round(x * 2**20) / 2**20  # so that a shift is exact
    network = random_network(rng, (1, k, 1), (True, False))
    return network, x, y, ln.region_report(network, x, y)


@pytest.mark.covering
@pytest.mark.parametrize(
    ("shift", "scale", "outer"),
    [
        # every day each pair of a shift and a scale, with one outer unit
        pytest.param(shift, scale, outer, marks=[pytest.mark.slow] if (own + k + j) % 3 else [])
        for own, shift in enumerate((0.0, 2000.0, 1.7e9))
        for k, scale in enumerate((1e-8, 1.0, 1e5))
        for j, outer in enumerate((1e-9, 1e-3, 1e6))
    ],
)
def test_units_change_no_verdict(outer, scale, shift, rng):
    for seed in range(12):
        network, x, y, plain = bad_region(seed)
        w, b, v, _ = network.univariate()
        moved = ln.ReluNetwork(((w / scale)[:, None], v * outer), (b - w / scale * (shift * scale), None))
        other = ln.region_report(moved, (x + shift) * scale, y)
        if not np.array_equal(plain.activation.patterns[0], other.activation.patterns[0]):
            continue  # the shifted biases were rounded over a point
        assert other.optimum.loss == pytest.approx(plain.optimum.loss, rel=1e-5, abs=1e-12)
        verdicts = [r.certificate["no_bad_minimum_in_region"].verdict for r in (plain, other)]
        # a witness that rounding spoils is no witness; never is a good region called bad
        assert verdicts[0] == verdicts[1] or Verdict.REFUTED in verdicts[:1]


def test_a_fit_without_error_is_never_called_bad():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, network = rng.uniform(-1, 1, (60, 4)), random_network(rng, (4, 3, 1), (True, False))
        small = ln.ReluNetwork((network.weights[0], 1e-3 * network.weights[1]), network.biases)
        found = ln.region_report(small, x, small(x))
        assert found.certificate["no_bad_minimum_in_region"].verdict is not Verdict.REFUTED


def test_cones_that_are_half_planes():
    one = ln.ReluNetwork(([[1.0]], [1.0]), ([0.5], None))
    assert ln.region_report(one, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]).optimum.is_zero
    survey = ln.survey_regions([1.0, 1.0], [1.0, 1.0], width=4, n_regions=100, rng=0)
    # both points at one place: fitted wherever a neuron of positive output weight is active there, 3 of 4
    low, high = survey.global_minimum.interval(0.999)
    assert low < 0.75 < high
    assert survey.bad_minimum.hits <= 100 - survey.global_minimum.hits
    lined = ln.ReluNetwork((np.ones((1, 2)), [1.0]), (None, None))
    points = np.array([[1.0, 2.0], [2.0, 4.0]])
    assert ln.region_report(lined, points, [1.0, 2.0]).optimum.is_zero


# ------------------------------------------------------------------ verdicts
def test_a_full_region_has_only_good_minima(rng):
    network = random_network(rng, (2, 20, 1), biased=(True, False))
    inputs, targets = rng.standard_normal((8, 2)), rng.standard_normal(8)
    found = ln.region_report(network, inputs, targets)
    assert found.rank == found.generic_rank == found.numerical_rank == 8
    finding = found.certificate["no_bad_minimum_in_region"]
    assert finding.verdict is Verdict.PROVED
    assert not finding.assumptions
    assert found.at_fault.size == 0
    jacobian = ReluObjective(inputs, targets, Relu(network, "first")).jacobian(
        Relu(network, "first").point(network)
    )
    least = np.linalg.pinv(jacobian) @ targets
    assert np.sum((jacobian @ least - targets) ** 2) < 1e-20 * np.sum(targets**2)


def test_dead_points_make_bad_minima():
    dead = ln.ReluNetwork((np.ones((3, 1)), np.ones(3)), (-5 * np.ones(3), None))
    found = ln.region_report(dead, [0.0, 1.0, 2.0], [1.0, 2.0, -1.0])
    assert found.certificate["no_bad_minimum_in_region"].verdict is Verdict.REFUTED
    assert found.dead_points.tolist() == [0, 1, 2]
    assert found.dead_neurons[0].tolist() == [0, 1, 2]


def test_refutations_hold_what_they_say(rng):
    refuted = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        network = random_network(generator, (1, 6, 1), biased=(True, False))
        inputs, targets = generator.uniform(-1, 1, 7), generator.standard_normal(7)
        found = ln.region_report(network, inputs, targets)
        finding = found.certificate["no_bad_minimum_in_region"]
        numeric = found.numerical_rank
        assert (finding.verdict is Verdict.PROVED) == (numeric == 7)
        if finding.verdict is not Verdict.REFUTED:
            continue
        refuted += 1
        weights = finding.witness["weights"]
        rows = augmented(inputs, True)
        np.testing.assert_array_equal(rows @ weights.T > 0, found.activation.patterns[0])
        model = Relu(ln.ReluNetwork((weights[:, :1], network.weights[1]), (weights[:, 1], None)), "first")
        objective = ReluObjective(inputs, targets, model)
        theta = model.point(model.network)
        value = objective.value(theta)
        assert value > 1e-6
        assert np.linalg.norm(objective.gradient(theta)) < 1e-7
        near = theta + 1e-6 * generator.standard_normal((200, theta.size))
        assert objective.values(near).min() >= value - 1e-12
    assert refuted > 5


def test_a_judge_that_forgets_the_rank_is_caught(rng, monkeypatch):
    """The mutant: a rank that is one too high turns a bad region into a proved one."""
    generator = np.random.default_rng(1)
    network = random_network(generator, (1, 3, 1), biased=(True, False))
    inputs, targets = generator.uniform(-1, 1, 7), generator.standard_normal(7)
    honest = ln.region_report(network, inputs, targets)
    assert honest.certificate["no_bad_minimum_in_region"].verdict is not Verdict.PROVED
    assert honest.rank < 7
    monkeypatch.setattr(regions_module, "network_rank", lambda *_, **__: 7)
    mutant = ln.region_report(network, inputs, targets)
    wrong = mutant.certificate["no_bad_minimum_in_region"].verdict is Verdict.PROVED
    assert wrong
    assert mutant.numerical_rank < 7


def test_a_boundary_is_no_region(rng):
    network = ln.ReluNetwork(([[1.0], [1.0]], [1.0, -1.0]), ([-0.5, 0.3], None))
    found = ln.region_report(network, [0.5, 1.0], [0.0, 1.0])
    assert found.certificate["no_bad_minimum_in_region"].verdict is Verdict.INCONCLUSIVE
    assert found.activation.on_boundary
    # a knot on the next float is off the boundary
    moved = ln.ReluNetwork(network.weights, ([-np.nextafter(0.5, 0), 0.3], None))
    assert not ln.region_report(moved, [0.5, 1.0], [0.0, 1.0]).activation.on_boundary


def test_repeated_points_are_never_proved(rng):
    network = random_network(rng, (2, 30, 1), biased=(True, False))
    inputs = rng.standard_normal((5, 2))
    found = ln.region_report(network, inputs[[0, 1, 2, 3, 4, 0]], np.arange(6.0))
    assert found.repeated
    assert found.generic_rank == 6
    assert found.rank == 5
    assert found.certificate["no_bad_minimum_in_region"].verdict is not Verdict.PROVED
    assert any("repeat" in note for note in found.notes)


def test_a_point_at_zero_is_dead_and_no_boundary(rng):
    network = random_network(rng, (2, 5, 1), (False, False))
    found = ln.region_report(network, [[0.0, 0.0], [1.0, 2.0]], [1.0, 1.0])
    assert not found.activation.on_boundary
    assert 0 in found.dead_points
    assert found.certificate["no_bad_minimum_in_region"].verdict is not Verdict.PROVED


def test_multiples_of_primes_lose_no_rank(rng):
    from lowland.kernels.modular_arithmetic.modular import PRIMES, random_prime

    network = random_network(rng, (1, 4, 1), (True, False))
    outer = np.full(4, float(PRIMES[0] * PRIMES[1]))
    x = np.array([-0.3, 0.4])
    plain = ln.region_report(network, x)
    assert ln.region_report(ln.ReluNetwork((network.weights[0], outer), network.biases), x).rank == plain.rank
    for _ in range(20):
        prime = random_prime(rng)
        assert 2**22 < prime < 2**23
        assert all(prime % k for k in range(2, 2000))


@pytest.mark.parametrize(
    ("weights", "biases", "inputs", "expected"),
    [
        # products that underflow in the first layer: the second is off, by 1e-300 against 1e-200
        (([[1e-200]], [[-1e200]], [[1.0]]), (None, [1e-300], None), [[1e-200]], False),
        (([[1e160], [1e-160]], [[0.0, 1.0]], [[1.0]]), (None, [-1.5], None), [[1e160], [2e160]], None),
    ],
)
def test_layers_beyond_floats_are_not_decided(weights, biases, inputs, expected):
    try:
        found = ln.region_report(ln.ReluNetwork(weights, biases), inputs, [-1.0] * len(inputs))
    except InvalidInputError as error:
        assert "too large" in str(error)  # noqa: PT017
        return
    assert found.certificate["no_bad_minimum_in_region"].verdict is not Verdict.PROVED


def test_data_that_no_function_fits_are_no_proof_of_a_bad_minimum(rng):
    network = random_network(rng, (1, 40, 1), (True, False))
    x = np.linspace(-1, 1, 6)
    x, y = np.r_[x, x[:2]], np.r_[rng.standard_normal(6), 0.0, 0.0]
    found = ln.region_report(network, x, y)
    if found.optimum.interior:
        assert found.optimum.loss == pytest.approx(np.sum((y[:2] - y[6:]) ** 2) / 4 / 8)
        assert found.certificate.verdict is Verdict.SUPPORTED


def test_notes_say_what_was_not_asked(rng, monkeypatch):
    monkeypatch.setattr(region_search, "MOST_PAIRS", 10)
    found = ln.region_report(random_network(rng, (1, 5, 1)), np.arange(6.0), np.arange(6.0))
    assert found.optimum is None
    assert "too large" in found.notes[0]
    assert len(repr(found)) < 100


def test_large_whole_numbers_are_refused():
    with pytest.raises(InvalidInputError, match="whole numbers"):
        ln.count_patterns(np.array([2**60, 2**60 + 1, 5]))


def test_zero_output_weights_do_not_count(rng):
    network = random_network(rng, (2, 20, 1), biased=(True, False))
    silent = ln.ReluNetwork((network.weights[0], 0 * network.weights[1]), network.biases)
    found = ln.region_report(silent, rng.standard_normal((5, 2)), np.ones(5))
    assert found.rank == found.generic_rank == 0
    assert found.certificate["no_bad_minimum_in_region"].verdict is Verdict.REFUTED


def test_deep_networks_are_judged_almost_everywhere(rng):
    network, inputs = random_network(rng, (3, 12, 12, 1)), rng.standard_normal((6, 3))
    finding = ln.region_report(network, inputs, trained="all").certificate["no_bad_minimum_in_region"]
    assert finding.verdict is Verdict.PROVED
    assert "volume zero" in finding.assumptions[0]
    shallow = ln.region_report(random_network(rng, (3, 20, 1)), inputs, trained="all")
    assert "output weight" in shallow.certificate["no_bad_minimum_in_region"].assumptions[0]


def test_a_missing_solver_leaves_the_rest(rng, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "clarabel", None)
    network = random_network(rng, (2, 3, 1), biased=(True, False))
    found = ln.region_report(network, rng.standard_normal((9, 2)), rng.standard_normal(9))
    assert found.optimum is None
    assert "lowland[regions]" in found.notes[0]


# ------------------------------------------------------------------ surveys, advice, walks
def test_surveys_count_what_single_reports_say(rng):
    inputs, targets = rng.uniform(-1, 1, 6), rng.uniform(-1, 1, 6)
    survey = ln.survey_regions(inputs, targets, width=12, n_regions=80, rng=3)
    assert survey.full.trials == survey.best_losses.size == 80
    assert survey.global_minimum.hits >= survey.full.hits * 0  # closed regions may hold one without full rank
    assert survey.bad_minimum.hits + survey.full.hits <= 80
    low, high = survey.full.interval()
    assert low <= survey.full.estimate <= high
    again = ln.survey_regions(inputs, targets, width=12, n_regions=80, rng=3)
    np.testing.assert_array_equal(survey.best_losses, again.best_losses)


def test_shares_by_count_are_those_of_the_formula():
    # rank of the pattern itself is asked of the formula, so the Jacobian's share is at least that
    survey = ln.survey_regions(np.linspace(0, 1, 6), width=25, law="count", n_regions=2000, rng=0)
    assert survey.full.interval()[1] >= full_pattern_share(6, 25)
    exact = Share(246, 512).estimate
    drawn = ln.survey_regions([0.0, 0.3, 0.7, 1.1], width=3, law="count", n_regions=4000, rng=0).full
    assert drawn.interval(0.999)[0] <= exact <= drawn.interval(0.999)[1]


def test_clopper_and_pearson():
    assert Share(0, 10).interval() == (0.0, pytest.approx(1 - 0.025 ** (1 / 10)))
    assert Share(10, 10).interval() == (pytest.approx(0.025 ** (1 / 10)), 1.0)


def test_advice_holds_for_networks_of_that_width(rng):
    advice = ln.advise_width(15, 3, 0.9, n_draws=300, rng=0)
    assert advice.lower <= advice.width <= advice.upper
    active = np.stack([rng.standard_normal((15, 4)) @ rng.standard_normal((4, 1)) > 0 for _ in range(2)])
    assert active.shape == (2, 15, 1)
    full = 0
    for _ in range(300):
        points = augmented(rng.standard_normal((15, 3)), True)
        pattern = points @ rng.standard_normal((4, advice.upper)) > 0
        full += full_rank(pattern[None], points, rng)[0]
    assert full / 300 > 0.85
    with pytest.raises(InvalidInputError, match="repeat"):
        ln.advise_width(3, 1, 0.5, inputs=np.array([[0.0], [0.0], [1.0]]), n_draws=20)


@parametrise(REGION_STEPPERS)
def test_walks_descend(case, rng):
    objective, start = case.extra["problem"]()
    stepper = case.make()
    stop = Iterations(50) | ValueBelow(1e-24)
    result = run(objective, stepper, start, stop=stop, rng=rng)
    check_progress(result, promises_descent=stepper.promises_descent, ratio=0.9)
    check_repeatable(lambda seed: run(objective, stepper, start, stop=stop, rng=np.random.default_rng(seed)))
    assert result.trace.values.size > 3


def test_a_walk_goes_on_from_the_best_of_a_region(rng):
    objective, start = REGION_STEPPERS[1].extra["problem"]()
    whole = run(objective, REGION_STEPPERS[1].make(), start, stop=Iterations(50), rng=rng)
    first = run(objective, REGION_STEPPERS[1].make(), start, stop=Iterations(1), rng=rng)
    again = run(objective, REGION_STEPPERS[1].make(), first.theta, stop=Iterations(50), rng=rng)
    assert again.value < first.value
    assert whole.value <= first.value


def test_walks_need_regions(rng):
    objective = RELU_OBJECTIVES[0].make()
    assert objective.regions is None
    with pytest.raises(UnsupportedError, match="activation region"):
        run(objective, REGION_STEPPERS[0].make(), np.zeros(objective.size), stop=Iterations(1), rng=rng)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ln.survey_regions([0.0, 1.0], width=0), "width"),
        (lambda: ln.survey_regions([0.0, 1.0], width=2, law="odd"), "law"),
        (lambda: ln.survey_regions([0.0, 1.0], [1.0], width=2), "targets"),
        (lambda: ln.survey_regions([0.0, np.nan], width=2), "finite"),
        (lambda: ln.survey_regions([0.0, 1.0], width=2, outer=[1.0, 0.0]), "outer"),
        (lambda: ln.advise_width(5, 2, 1.5), "probability"),
        (lambda: ln.advise_width(5, 2, 0.999), "n_draws"),
        (lambda: ln.advise_width(5, 2, 0.05, n_draws=20), "n_draws"),
        (lambda: ln.advise_width(5, 2, "0.5"), "probability"),
        (lambda: ln.advise_width(5, 2, rng=-1), "rng"),
        (lambda: ln.advise_width(2, 1, 0.5, inputs=[[np.nan], [1.0]]), "finite"),
        (lambda: ln.advise_width(2, 1, 0.5, bias=False, inputs=[[0.0], [1.0]]), "repeat"),
        (lambda: ln.survey_regions([0.0, 1.0], width=2, outer=["a", "b"]), "outer"),
        (lambda: ln.region_report(42, [[1.0]]), "cannot be read"),
        (lambda: Share(1, 2).interval(2), "level"),
        (lambda: ln.count_patterns([[0.0], [1.0]], width=-1), "width"),
        (
            lambda: ln.region_report(ln.ReluNetwork(([[1.0]], [1.0])), [[0.0, 1.0]]),
            "do not match",
        ),
        (
            lambda: ln.region_report(ln.ReluNetwork(([[1.0]], [1.0])), [0.0], trained="last"),
            "trained",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_the_network_itself_is_spoken_of():
    """The certificate is about the region; whether this network is at a minimum is said beside it."""
    x = np.linspace(-1, 1, 9)[:, None]
    y = np.abs(x[:, 0])
    hidden, biases = np.array([[1.0], [-1.0]]), np.array([0.1, 0.2])
    falling = ln.region_report(ln.ReluNetwork((hidden, [0.3, 0.2]), (biases, None)), x, y, rng=0)
    assert "not at a minimum" in falling.about_network()[0]
    assert falling.gradient == pytest.approx(numerical_slope(falling, x, y), rel=1e-4)
    dead = ln.ReluNetwork((np.ones((2, 1)), [1.0, 1.0]), (np.full(2, -9.0), [np.mean(y)]))
    stuck = ln.region_report(dead, x, y, rng=0)
    assert stuck.certificate["no_bad_minimum_in_region"].verdict is Verdict.REFUTED
    assert "at a bad minimum" in stuck.about_network()[0]
    assert stuck.gradient == 0
    fits = ln.region_report(
        ln.ReluNetwork((hidden, [1.0, 1.0]), (np.zeros(2), None)),
        x + 0.01,
        abs(x + 0.01)[:, 0],
        rng=0,
    )
    assert fits.about_network() == ["This network fits the data."]
    whole = ln.region_report(dead, x, y, trained="all", rng=0)
    assert "is not judged" in whole.about_network()[0]


def numerical_slope(found, x, y):
    """Return the norm of the loss's gradient by the first layer, from differences."""
    weights = np.c_[found.network.weights[0], found.network.biases[0]]
    slope = np.zeros_like(weights)
    for at in np.ndindex(weights.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = weights.copy()
            moved[at] += step
            z = np.maximum(x @ moved[:, :1].T + moved[:, 1], 0) @ found.network.weights[1][0]
            ends.append(0.5 * np.mean((z - y) ** 2))
        slope[at] = (ends[0] - ends[1]) / 2e-6
    return np.linalg.norm(slope)


def test_minima_inside_form_an_affine_set(rng):
    """Moves along the null space of the Jacobian keep the loss, all others raise it."""
    found_some = {False: 0, True: 0}
    for seed in range(12):
        own = np.random.default_rng(seed)
        network = random_network(own, (2, 6, 1), (True, False))
        x = own.standard_normal((20 if seed % 2 else 8, 2))
        targets = network(x) + (0.02 * own.standard_normal(len(x)) if seed % 2 else 0.0)
        report = ln.region_report(network, x, targets)
        if report.minima_dimension is None:
            assert not report.optimum.interior
            assert report.optimum.margin <= 0 or not report.optimum.is_zero
            continue
        found_some[bool(seed % 2)] += 1
        rows = np.column_stack([x, np.ones(len(x))])
        active = report.activation.patterns[0]
        outer = network.weights[1].ravel()
        jacobian = ((active * outer)[:, :, None] * rows[:, None, :]).reshape(len(x), -1)
        _, sizes, vectors = np.linalg.svd(jacobian)
        rank = int((sizes > 1e-9 * sizes[0]).sum())
        assert report.minima_dimension == jacobian.shape[1] - rank
        if rank == len(x):
            assert report.optimum.is_zero
        at = report.optimum.weights.ravel()
        along, across, here = (
            np.sum((jacobian @ (at + 1e-3 * moves).T - targets[:, None]) ** 2, axis=0)
            for moves in (
                vectors[rank:],
                np.vstack([vectors[:rank], -vectors[:rank]]),
                np.zeros((1, at.size)),
            )
        )
        np.testing.assert_allclose(along, here[0], atol=1e-9)
        assert (across[:rank] + across[rank:] > 2 * here[0]).all()
        assert any("dimension of the set" in name for name, _ in report.facts())
    assert min(found_some.values()) > 0, found_some
