"""The Hessian of one side of a table, the other solved for: against numpy, bounds, and mutants of both."""

import numpy as np
import pytest

from lowland.certificates import JudgeSettings
from lowland.certificates.curvatures import reduced_curvature
from lowland.certificates.curvatures.curvature import extreme_curvatures
from lowland.certificates.curvatures.hessian import hessian_matrix
from lowland.certificates.settings import Judgement, gradient_work
from lowland.core.results.reasons import because
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import make_objective, reduction
from lowland.search import Accelerated, Alternating, GradientBelow, Iterations, make_start, run

KINDS = {
    "plain": {},
    "weighted": {"weighted": True},
    "biases": {"biases": ("row", "column", "global"), "bias_penalty": 0.3},
    "free biases": {"biases": ("row", "column")},
    "one bias": {"biases": ("row",), "bias_penalty": 0.3, "weighted": True},
    "offset": {"biases": ("global",), "weighted": True},
    "row and offset": {"biases": ("row", "global")},
    "column and offset": {"biases": ("column", "global"), "weighted": True},
    "free": {"biases": ("row", "column", "global")},
    "by side": {"biases": ("row", "column", "global"), "bias_penalty": 0.2, "by_side": True},
}
SHAPES = [(12, 9), (9, 12)]


def problem(shape=(12, 9), biases=(), bias_penalty=0.0, weighted=False, by_side=False, rank=3, penalty=0.5):
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(rng.random(shape) < 0.7)
    y = (rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1])))[rows, columns]
    weights = rng.uniform(0.5, 2, y.size) if weighted else None
    sides = tuple(rng.uniform(0.5, 2, length) for length in shape) if by_side else None
    return make_objective(
        Entries(rows, columns, shape),
        y + 0.3 * rng.standard_normal(y.size),
        General(shape, rank, biases),
        weights=weights,
        penalty=penalty,
        bias_penalty=bias_penalty,
        side_weights=sides,
    )


def both_sides(objective):
    """Which coordinates belong to the longer side of a table, and which to the shorter one and its offset."""
    solver, gone = objective.block_solver, objective.reduction.gone.name
    others = [solver.coordinates(name) for name in solver.names if name != gone]
    return solver.coordinates(gone), np.any(others, axis=0)


def mismatch(objective):
    """How far products are from those with the Schur complement, in the coordinates of the reduction."""
    rng = np.random.default_rng(1)
    theta = rng.standard_normal(objective.size)
    hessian, (gone, kept) = hessian_matrix(objective, theta), both_sides(objective)
    cross = hessian[np.ix_(gone, kept)]
    own, others = hessian[np.ix_(kept, kept)], hessian[np.ix_(gone, gone)]
    schur = own - cross.T @ np.linalg.solve(others, cross)
    at = objective.reduction.at(theta)
    size = objective.reduction.size
    assert size == kept.sum()
    spread = np.stack([at.direction(unit) for unit in np.eye(size)], axis=1)
    product = np.stack([at.product(unit) for unit in np.eye(size)], axis=1)
    np.testing.assert_allclose(spread[kept].T @ own @ spread[kept], np.eye(size), atol=1e-9)
    moved = np.stack([at.coordinates(column) for column in spread.T], axis=1)
    np.testing.assert_allclose(moved, np.eye(size), atol=1e-9)
    np.testing.assert_allclose(spread.T @ hessian @ spread, product, atol=1e-8)
    return np.abs(product - spread[kept].T @ schur @ spread[kept]).max()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_schur_complement(kind, shape):
    assert mismatch(problem(shape, **KINDS[kind])) < 1e-9


def test_without_the_residual_it_is_not(monkeypatch):
    """The mutant that forgets that both sides multiply each other."""
    whole = reduction.cross_product
    monkeypatch.setattr(reduction, "cross_product", lambda *a: whole(*a[:7], np.zeros_like(a[7]), *a[8:]))
    with pytest.raises(AssertionError):
        assert mismatch(problem()) < 1e-9


def settled(objective):
    """Return a minimum, to rounding."""
    rng = np.random.default_rng(0)
    theta = make_start(objective, "random", rng)
    theta = run(objective, Alternating(), theta, stop=Iterations(50), rng=rng).theta
    return run(objective, Accelerated(), theta, stop=Iterations(300) | GradientBelow(1e-10), rng=rng).theta


def extremes(objective, theta, **settings):
    given = JudgeSettings(least_work=1e12, **settings)
    with given.budget(0.0) as budget:
        judgement = Judgement(given, budget, {}, gradient_work(objective, theta))
        return extreme_curvatures(objective, theta, judgement)


def bounds(kind, shape):
    """Return the bounds from one side and the extremes of the whole Hessian, gauge deflated."""
    objective = problem(shape, **KINDS[kind])
    theta = settled(objective)
    whole, reduced = extremes(objective, theta), extremes(objective, theta, largest_hessian=0)
    assert reduced.reason == because("reduced_curvature")
    return reduced, whole


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        # every day each kind with one shape
        pytest.param(kind, shape, marks=[pytest.mark.slow] if (own + k) % 2 else [], id=f"{kind}-shape{k}")
        for own, kind in enumerate(kind for kind in KINDS if kind not in ("free biases", "free"))
        for k, shape in enumerate(SHAPES)
    ],
)
def test_bounds_hold_and_are_of_use(kind, shape):
    reduced, whole = bounds(kind, shape)
    # an offset is nearly exchanged for biases, so the blocks' own least curvature is small
    part = 0.2 if kind in ("plain", "weighted") else 1e-3
    assert part * whole.smallest <= reduced.smallest <= whole.smallest * (1 + 1e-6)
    assert whole.largest <= reduced.largest <= 4 * whole.largest


def test_without_the_least_own_curvature_the_bound_is_false(monkeypatch):
    """The mutant that takes the share of the own curvature for a curvature."""
    monkeypatch.setattr(reduction.ReducedSide, "own_curvatures", (1e3, 1e4))
    reduced, whole = bounds("plain", SHAPES[0])
    assert reduced.smallest > whole.smallest


def test_a_saddle_is_refuted_with_its_direction():
    """Where one factor is zero on both sides the objective falls, and the witness shows how."""
    objective = problem(penalty=0.1, rank=2)
    theta = settled(problem(penalty=0.1, rank=1))
    u, v = theta[:12], theta[12:]
    saddle = objective.model.pack(np.stack([u, 0 * u], axis=1), np.stack([v, 0 * v], axis=1))
    found = certify(objective, saddle, settings=JudgeSettings(largest_hessian=0, least_work=1e12))
    second = found["second_order_stationary"]
    assert second.verdict is Verdict.REFUTED
    direction = second.witness["direction"]
    assert direction @ objective.hessian_product(saddle, direction) < 0


def test_accelerated_sweeps_need_far_fewer():
    objective = problem((60, 40), rank=6, penalty=1.0)
    theta = make_start(objective, "random", np.random.default_rng(0))
    theta = run(objective, Alternating(), theta, stop=Iterations(20), rng=np.random.default_rng(0)).theta
    aim = 1e-6 * np.linalg.norm(objective.gradient(theta))
    count = 0
    plain = theta
    while np.linalg.norm(objective.gradient(plain)) > aim:
        plain = run(objective, Alternating(), plain, stop=Iterations(10), rng=np.random.default_rng(0)).theta
        count += 10
    stop = Iterations(1000) | GradientBelow(1e-6)
    fast = run(objective, Accelerated(), theta, stop=stop, rng=np.random.default_rng(0))
    assert np.linalg.norm(objective.gradient(fast.theta)) <= 2 * aim
    assert fast.iterations < 0.5 * count


def jacobian_bounds(kind, shape):
    objective = problem(shape, rank=2, **KINDS[kind])
    theta = np.random.default_rng(2).standard_normal(objective.size)
    given = JudgeSettings(least_work=1e12)
    with given.budget(0.0) as budget:
        judgement = Judgement(given, budget, {}, gradient_work(objective, theta))
        reduced = reduced_curvature.reduced_jacobian(objective, theta, judgement)
    jacobian = np.stack([objective.linearise(theta).jacobian_product(e) for e in np.eye(theta.size)], axis=1)
    squares = np.linalg.svd(jacobian, compute_uv=False) ** 2
    return reduced, squares[objective.model.degrees_of_freedom - 1], squares[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_bounds_on_the_jacobian_hold(kind, shape):
    """Weights and penalties play no role, nor do residuals."""
    reduced, smallest, largest = jacobian_bounds(kind, shape)
    assert 1e-4 * smallest <= reduced.smallest <= smallest * (1 + 1e-6)
    assert largest <= reduced.largest * (1 + 1e-9)


def test_bounds_on_the_jacobian_with_residuals_are_false(monkeypatch):
    """The mutant that leaves the residuals in."""
    whole = reduction.ReducedSide.__init__
    monkeypatch.setattr(
        reduction.ReducedSide, "__init__", lambda self, r, theta, exact: whole(self, r, theta, False)
    )
    reduced, smallest, _ = jacobian_bounds("plain", SHAPES[0])
    assert not 1e-4 * smallest <= reduced.smallest <= smallest * (1 + 1e-6)


@pytest.mark.parametrize(("count", "least"), [(16, 5), pytest.param(64, 20, marks=pytest.mark.slow)])
def test_no_direction_that_the_cells_miss_is_taken_for_a_gauge(count, least):
    """Exact fits of sparse tables: what is missed is seen, also where an offset is exchanged for one bias."""
    forced, missed = JudgeSettings(largest_hessian=0, largest_tangent=0, least_work=1e12), 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        shape = SHAPES[seed % 2]
        biases = (("row", "global"), ("column", "global"), ("row", "column", "global"), ("row",))[
            seed // 2 % 4
        ]
        rows, columns = np.nonzero(rng.random(shape) < 0.45)
        entries, model = Entries(rows, columns, shape), General(shape, 2, biases)
        objective = make_objective(entries, np.zeros(rows.size), model)
        theta = rng.standard_normal(objective.size)
        objective = make_objective(entries, objective.predict(theta), model)
        at = objective.linearise(theta)
        jacobian = np.stack([at.jacobian_product(unit) for unit in np.eye(theta.size)], axis=1)
        if np.linalg.matrix_rank(jacobian, tol=1e-9) == model.degrees_of_freedom:
            continue
        missed += 1
        found = certify(objective, theta, settings=forced)
        assert found["strict_local_minimum"].verdict is not Verdict.SUPPORTED
        alone = certify(objective, theta, claims=["locally_unique"], settings=forced)["locally_unique"]
        assert alone.verdict not in (Verdict.SUPPORTED, Verdict.PROVED)
    assert missed > least


@pytest.mark.parametrize(
    ("penalty", "shape"),
    [(0.0, (30, 1)), (0.5, (1, 30))]
    + [pytest.param(*own, marks=pytest.mark.slow) for own in ((0.0, (1, 30)), (0.5, (30, 1)))],
)
def test_single_lines(shape, penalty):
    """One side holds a number or two: its Hessian is formed, or has no direction besides the gauge."""
    objective = problem(shape, rank=1, penalty=penalty)
    theta = settled(objective)
    found = certify(
        objective, theta, settings=JudgeSettings(largest_hessian=0, largest_tangent=0, least_work=1e12)
    )
    # without a penalty the cells that are not seen leave a direction open
    expected = Verdict.SUPPORTED if penalty else Verdict.INCONCLUSIVE
    assert found["strict_local_minimum"].verdict is expected
