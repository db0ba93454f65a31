"""The Bayesian model: its bound by definition, blocks that cannot be bettered, draws of the right law."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from cases import BAYESIAN, POSTERIOR_STEPPERS, PROBLEMS, parametrise
from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import TableCells
from lowland.completion.cells import blocks as cell_blocks
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.kernels.systems import moments as moment_kernel
from lowland.search import Iterations, run
from lowland.search.gibbs import Gibbs
from lowland.search.variational import Variational
from lowland.testing import check_repeatable
from oracles import bayes

ALL = pytest.mark.parametrize("name", BAYESIAN)


def start_of(objective, seed=0):
    rng = np.random.default_rng(seed)
    return (0.3 * rng.standard_normal(objective.size)).astype(objective.dtype)


def swept(objective, sweeps=3):
    return run(
        objective, Variational(), start_of(objective), stop=Iterations(sweeps), rng=np.random.default_rng(0)
    )


@ALL
def test_the_bound_is_that_of_the_definition(name):
    objective = BAYESIAN[name]()
    result = swept(objective)
    rel = 1e-9 if objective.dtype == np.float64 else 1e-4
    assert result.value == pytest.approx(bayes.bound(objective, result.state), rel=rel)


@ALL
def test_no_sweep_raises_the_bound(name):
    objective = BAYESIAN[name]()
    values = swept(objective, 25).trace.values
    rounding = 1e-12 if objective.dtype == np.float64 else 1e-4
    assert (np.diff(values) <= rounding * np.abs(values[:-1])).all()
    assert values[-1] < values[0] - 10  # nats: the start is far from the best


@ALL
@pytest.mark.parametrize("block", ["rows", "columns"])
def test_a_block_is_the_solution_of_its_systems(name, block):
    objective = BAYESIAN[name]()
    state = swept(objective).state
    side = ("rows", "columns").index(block)
    sides, covariances, means, precisions, _ = bayes.parts(objective, state)
    alpha, tau = state.noise_precision, state.column_precisions
    after = objective.average(state, block)
    new = objective.sides(after.theta)[side]
    packed = (after.row_covariances, after.column_covariances)[side]
    full = bayes.unpacked(np.asarray(packed, float), new.shape[1])
    tolerance = 1e-9 if objective.dtype == np.float64 else 1e-3
    for i in range(len(new)):
        left, right = bayes.row_system(
            objective,
            sides[1 - side],
            covariances[1 - side],
            precisions[side],
            means[side][i],
            i,
            side,
            alpha,
            tau,
        )
        np.testing.assert_allclose(new[i], np.linalg.solve(left, right), atol=tolerance)
        np.testing.assert_allclose(full[i], np.linalg.inv(left), atol=tolerance)


@pytest.mark.parametrize("part", ["precision", "coefficients", "noise_precision"])
def test_learnt_parts_are_at_their_best(part):
    """No small change of a prior or of the noise lowers the definition's bound."""
    objective = BAYESIAN["everything"]()
    rng, state = np.random.default_rng(1), swept(objective, 5).state
    least = bayes.bound(objective, state)
    for _ in range(10):
        if part == "noise_precision":
            # tau is averaged over in the bound, so alpha is at its best for tau as it was before
            state = objective.average(replace(state, column_precisions=np.ones(9)), "noise")
            alphas = state.noise_precision * np.exp(0.05 * rng.standard_normal())
            fixed = replace(state, noise_precision=alphas)
            errors = float(np.sum(state.errors))
            count = objective.cells.size

            def energy(s, errors=errors, count=count):
                return 0.5 * s.noise_precision * errors - 0.5 * count * np.log(s.noise_precision)

            assert energy(fixed) >= energy(state)
            continue
        for kind in ("row", "column"):
            value = getattr(state, f"{kind}_{part}")
            change = 0.02 * rng.standard_normal(value.shape)
            changed = value + (change + change.T if part == "precision" else change)
            assert bayes.bound(objective, replace(state, **{f"{kind}_{part}": changed})) >= least


@pytest.mark.parametrize("forgotten", ["covariances", "bias"])
def test_a_kernel_that_forgets_a_part_is_found_out(forgotten, monkeypatch):
    """The mutants: second moments without covariances, shifts without those of the bias."""
    inner = moment_kernel.row_moments

    def mutant(partner, starts, indices, values, **others):
        covariances = partner.covariances.copy()
        d = partner.means.shape[1]
        last = d * (d - 1) // 2
        if forgotten == "covariances":
            covariances[:, :last] = 0
        else:
            covariances[:, last:-1] = 0
        return inner(moment_kernel.Moments(partner.means, covariances), starts, indices, values, **others)

    monkeypatch.setattr(cell_blocks, "row_moments", mutant)
    objective = BAYESIAN["everything"]()
    result = swept(objective)
    assert result.value != pytest.approx(bayes.bound(objective, result.state), rel=1e-6)


# ------------------------------------------------------------------ draws


@pytest.mark.parametrize("count", [2000, pytest.param(4000, marks=pytest.mark.slow)])
def test_rows_are_drawn_from_their_conditional(count):
    objective = BAYESIAN["everything"]()
    state = objective.first_draw(swept(objective).state, key=5)
    sides = objective.sides(state.theta)
    d, draws = objective.width, []
    rng = np.random.default_rng(0)
    for sweep in range(count):
        drawn = objective.draw(replace(state, sweep=sweep), "rows", rng)
        draws.append(objective.sides(drawn.theta)[0])
    draws = np.array(draws)
    means = objective.priors[0].means(state.row_coefficients)
    for i in (0, 3, 7):
        left, right = bayes.row_system(
            objective,
            sides[1],
            np.zeros((9, d, d)),
            state.row_precision,
            means[i],
            i,
            0,
            state.noise_precision,
            state.column_precisions,
        )
        covariance = np.linalg.inv(left)
        spread = np.sqrt(np.diag(covariance))
        assert (
            np.abs(draws[:, i].mean(axis=0) - np.linalg.solve(left, right)) < 4 * spread / count**0.5
        ).all()
        np.testing.assert_allclose(
            np.cov(draws[:, i].T) / np.outer(spread, spread), covariance / np.outer(spread, spread), atol=0.08
        )


@pytest.mark.parametrize("features", [3, 40])
def test_priors_are_drawn_from_their_posterior(features):
    """Normal-Wishart with a linear mean: the exact posterior moments, by both Gram matrices."""
    rng = np.random.default_rng(2)
    n, d = 20, 2
    prior = SidePrior(MatrixDesign(n, rng.standard_normal((n, features))), d, 0.7, np.dtype("float64"))
    design, rows = bayes.dense_design(prior), rng.standard_normal((n, d))
    gram = design.T @ design + np.eye(features + 1)
    best = np.linalg.solve(gram, design.T @ rows)
    scatter = (rows - design @ best).T @ (rows - design @ best) + best.T @ best + 0.7 * np.eye(d)
    dof = n + d + 1
    drawn = [prior.draw(rows, rng) for _ in range(2000)]
    precisions, coefficients = (np.array(part) for part in zip(*drawn, strict=True))
    np.testing.assert_allclose(precisions.mean(axis=0), dof * np.linalg.inv(scatter), rtol=0.05, atol=0.02)
    np.testing.assert_allclose(coefficients.mean(axis=0), best, atol=0.07)
    # a matrix t law: covariance of vec(B) is E[P^-1] kron gram^-1
    expected = np.diag(np.linalg.inv(gram))[:, None] * np.diag(scatter) / (dof - d - 1)
    np.testing.assert_allclose(coefficients.var(axis=0), expected, rtol=0.15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("noise", [1.0, 1e-2, 1e-6])
@pytest.mark.parametrize("features", [3, 60])  # fewer and more than rows
def test_the_scatter_is_that_of_the_definition(dtype, noise, features):
    """Also where the features explain nearly all of the rows."""
    rng = np.random.default_rng(0)
    n, d = 40, 3
    prior = SidePrior(MatrixDesign(n, rng.standard_normal((n, features))), d, 1e-6, np.dtype(dtype))
    design = bayes.dense_design(prior).astype(float)
    rows = design @ rng.standard_normal((features + 1, d)) + noise * rng.standard_normal((n, d))
    best = np.linalg.solve(design.T @ design + np.eye(features + 1), design.T @ rows)
    rest = rows - design @ best
    expected = rest.T @ rest + best.T @ best + 1e-6 * np.eye(d)
    projected = prior._project(rows.astype(dtype))
    found = prior._scatter(rows.astype(dtype), projected, *prior._solve(projected))
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=(1e-4 if dtype == "float32" else 1e-11) * np.trace(expected)
    )


@pytest.mark.slow
def test_the_sampler_keeps_the_joint_law():
    """Geweke's test: data redrawn between sweeps leave the prior's law of rows as it was."""
    objective = BAYESIAN["plain"]()
    rng = np.random.default_rng(3)
    alpha, d = 4.0, objective.width
    rows, columns, values, _ = bayes.cells_of(objective)
    state = replace(objective.first_draw(swept(objective).state, key=11), noise_precision=alpha)
    kept = []
    for sweep in range(4000):
        for name in ("rows", "columns"):
            state = objective.draw(state, name, rng)
        state = replace(state, sweep=sweep)
        left, right = objective.sides(state.theta)
        values = np.sum(left[rows] * right[columns], axis=1) + rng.standard_normal(rows.size) / alpha**0.5
        objective.cells = TableCells.of(Observations(rows, columns, values, objective.cells.shape))
        kept.append([state.row_precision[0, 0], state.column_precision[1, 1], state.row_precision[0, 1]])
    # P ~ Wishart(d + 1, I / scale): E P_00 = (d + 1) / scale, E P_01 = 0
    kept = np.array(kept)
    blocks = kept.reshape(20, -1, 3).mean(axis=1)
    errors = blocks.std(axis=0, ddof=1) / 20**0.5
    expected = np.array([(d + 1) / 0.3, (d + 1) / 0.3, 0.0])
    assert (np.abs(blocks.mean(axis=0) - expected) < 4 * errors).all()
    assert (errors < 0.12 * (d + 1) / 0.3).all()


# ------------------------------------------------------------------ as steppers


@parametrise(POSTERIOR_STEPPERS)
def test_same_seed_same_bits_on_any_number_of_threads(case, monkeypatch):
    def search(seed):
        objective = BAYESIAN["everything"]()
        rng = np.random.default_rng(seed)
        return run(objective, case.make(), start_of(objective), stop=Iterations(5), rng=rng)

    if case.part is Gibbs:
        check_repeatable(search)
    one = search(0).theta
    monkeypatch.setattr("lowland.kernels.threads.WORTH_IT", 1)
    for count in (1, 2, 3):
        monkeypatch.setattr("lowland.kernels.threads.thread_count", lambda count=count: count)
        np.testing.assert_array_equal(search(0).theta, one)


@parametrise(POSTERIOR_STEPPERS)
def test_resumes_bit_for_bit(case):
    objective, saved = BAYESIAN["everything"](), []
    whole = run(objective, case.make(), start_of(objective), stop=Iterations(9), rng=np.random.default_rng(1))
    run(
        objective,
        case.make(),
        start_of(objective),
        stop=Iterations(4),
        rng=np.random.default_rng(1),
        checkpoint=saved.append,
    )
    rest = run(
        objective,
        case.make(),
        start_of(objective),
        stop=Iterations(9),
        rng=np.random.default_rng(99),
        resume=saved[-1],
    )
    np.testing.assert_array_equal(rest.state.theta, whole.state.theta)
    np.testing.assert_array_equal(rest.trace.values, whole.trace.values)
    if case.part is Gibbs:
        np.testing.assert_array_equal(rest.state.kept, whole.state.kept)


@parametrise(POSTERIOR_STEPPERS)
def test_other_objectives_are_refused(case, rng):
    objective = next(iter(PROBLEMS.values()))()
    with pytest.raises(UnsupportedError, match="cannot work on this objective"):
        run(objective, case.make(), np.zeros(objective.size), stop=Iterations(1), rng=rng)


# each is compiled: a width on either side of the lanes every day, all of them in the slow tests
EVERY_DAY = {3: (True, True), 17: (False, False)}
FORMS = [
    pytest.param(width, *kind, marks=[pytest.mark.slow] * (EVERY_DAY.get(width) != kind))
    for width in (1, 2, 3, 5, 8, 9, 17, 33)
    for kind in product([True, False], [True, False])
]


@pytest.mark.parametrize(("width", "biased", "weighted"), FORMS)
def test_both_forms_of_the_moment_kernel_agree(width, biased, weighted, rng):
    if biased and width == 1:
        pytest.skip("a bias alone has no factors")
    # wide systems of many rows are solved in several lots of lanes
    n, m, count = (2000, 100, 5000) if width >= 8 else (40, 30, 400)
    cells = rng.choice(n * m, count, replace=False)
    from lowland.kernels.sort import sort_both_ways

    starts, _, indices, *_ = sort_both_ways(cells // m, cells % m, (n, m))
    half = rng.standard_normal((m, width, width)) / 3
    lower = np.tril_indices(width)
    partner = moment_kernel.Moments(
        rng.standard_normal((m, width)), (half @ half.transpose(0, 2, 1))[:, lower[0], lower[1]]
    )
    arguments = (partner, starts, indices, rng.standard_normal(count))
    settings = {
        "biased": biased,
        "weights": rng.uniform(0.5, 2, count) if weighted else None,
        "precision": np.eye(width) + 0.1,
        "shift": rng.standard_normal((n, width)),
    }
    one, other = (
        moment_kernel.row_moments(*arguments, form=form, **settings) for form in ("vector", "portable")
    )
    np.testing.assert_allclose(one.moments.means, other.moments.means, atol=1e-12)
    np.testing.assert_allclose(one.moments.covariances, other.moments.covariances, atol=1e-12)
    for name in ("log_determinants", "explained", "squares"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-11, atol=1e-11)
