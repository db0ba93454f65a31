"""The bound for the problem with its rank constraint: never above the best value, tight where it proves."""

import mpmath
import numpy as np
import pytest

import lowland as ll
from lowland.certificates.enclosures import lower_value
from lowland.certificates.gaps import rank_constrained
from lowland.certificates.gaps.rank_constrained import largest_root, rank_constrained_bound, strong_convexity
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify
from lowland.measure import Dense, Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective
from oracles import naive


def weighted(rng, n, rank, noise, least):
    truth = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n))
    matrix = truth + noise * rng.standard_normal((n, n))
    weights = rng.uniform(least, 1, (n, n))
    rows, columns = np.indices((n, n)).reshape(2, -1)
    objective = make_objective(
        Entries(rows, columns, (n, n)), matrix.ravel(), General((n, n), rank), weights=weights.ravel()
    )
    return objective, matrix, weights


def bound(objective, theta):
    return rank_constrained_bound(
        objective, theta, lower_value(objective, theta, is_penalised=False)[0], 1000
    ).value


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("least", [0.01, 0.1, 0.5])
def test_the_bound_is_below_the_best_of_many_searches(least, count, rng):
    """At random points and at a search's end; PROVED only where the end is the best."""
    for _ in range(count):
        objective, matrix, weights = weighted(rng, 6, 2, 0.5, least)
        best = naive.best_weighted_low_rank(matrix, weights, 2, rng, restarts=6, sweeps=200)
        options = {"weights": objective.weights, "n_restarts": 0, "rng": 0}
        fit = ll.recover(objective.measurement, objective.y, rank=2, **options)
        for point in (fit.search.theta, fit.search.theta * 1.01, rng.standard_normal(objective.size)):
            assert bound(objective, point) <= best * (1 + 1e-9)
        if fit.certificate["globally_optimal"].verdict is Verdict.PROVED:
            assert fit.search.value <= best * (1 + 1e-9)


def test_weighted_low_rank_approximation_is_solved_with_proof(rng):
    for _ in range(2):
        objective, _, _ = weighted(rng, 12, 2, 0.3, 0.5)
        options = {"weights": objective.weights, "n_restarts": 0, "rng": 0}
        fit = ll.recover(objective.measurement, objective.y, rank=2, **options)
        found = fit.certificate["globally_optimal"]
        assert found.verdict is Verdict.PROVED
        assert found.rigour is Rigour.RIGOROUS
        assert found.value < 1e-12
        # a better matrix of higher rank exists: the convex problem is another one
        assert fit.certificate["convex_optimal"].verdict is Verdict.REFUTED
        moved = certify(objective, fit.search.theta * (1 + 1e-4))["globally_optimal"]
        assert moved.value >= (objective.value(fit.search.theta * (1 + 1e-4)) / fit.search.value - 1) * 0.999


def test_light_weights_leave_it_open(rng):
    objective, _, _ = weighted(rng, 14, 2, 0.3, 0.01)
    options = {"weights": objective.weights, "n_restarts": 0, "rng": 0}
    fit = ll.recover(objective.measurement, objective.y, rank=2, **options)
    assert fit.certificate["globally_optimal"].verdict is Verdict.INCONCLUSIVE
    assert fit.certificate["globally_optimal"].value > 0.01


def test_the_false_minimum_of_the_weighted_chain_is_not_proved():
    z = np.arange(1, 6) % 2.0
    rows, columns = np.indices((5, 5)).reshape(2, -1)
    weights = np.where(np.abs(rows - columns) <= 1, 1.0, 0.01)
    target = np.outer(z, z)
    objective = make_objective(
        Entries(rows, columns, (5, 5)), target.ravel(), General((5, 5), 1), weights=weights
    )
    fit = ll.recover(
        objective.measurement,
        objective.y,
        rank=1,
        weights=weights,
        start=ll.Factors((z * [1, 1, -1, 1, 1])[:, None], (z * [1, 1, -1, 1, 1])[:, None]),
        solver="trust_region",
    )
    assert fit.search.value > 0.05
    finding = fit.certificate["globally_optimal"]
    assert finding.verdict is Verdict.REFUTED
    assert fit.objective.value(finding.witness["lower_point"]) < 0.99 * fit.search.value


@pytest.mark.parametrize("structure", ["general", "psd"])
def test_more_measurements_than_unknowns(structure, rng):
    n, rank = 5, 2
    model = Psd((n, n), rank) if structure == "psd" else General((n, n), rank)
    measurement = ll.gaussian(200, (n, n), rng, symmetric=structure == "psd")
    u = rng.standard_normal((n, rank))
    y = measurement.measure_matrix(u @ u.T) + 0.3 * rng.standard_normal(200)
    objective = make_objective(measurement, y, model)
    rows = measurement.arrays.reshape(200, -1)
    if structure == "psd":
        swap = np.eye(n * n).reshape(n, n, -1).transpose(1, 0, 2).reshape(n * n, -1)
        values, vectors = np.linalg.eigh((np.eye(n * n) + swap) / 2)
        rows = rows @ vectors[:, values > 0.5]
    mu = strong_convexity(objective, 1000)
    assert mu == pytest.approx(np.linalg.svd(rows, compute_uv=False)[-1] ** 2, rel=1e-6)
    fit = ll.recover(measurement, y, rank=rank, structure=structure, rng=0)
    found = fit.certificate["globally_optimal"]
    assert found.verdict is Verdict.PROVED
    options = {
        "rank": rank,
        "structure": structure,
        "solver": "gradient",
        "start": "random",
        "certify": False,
    }
    values = [ll.recover(measurement, y, rng=seed, **options).search.value for seed in range(8)]
    assert found.witness["lower_bound"] <= min(values)


def test_nothing_is_said_without_strong_convexity(rng):
    rows, columns = np.nonzero(rng.random((6, 6)) < 0.9)
    partial = make_objective(
        Entries(rows, columns, (6, 6)), rng.standard_normal(rows.size), General((6, 6), 2)
    )
    few = Dense(rng.standard_normal((20, 6, 6)))
    under = make_objective(few, rng.standard_normal(20), General((6, 6), 2))
    for objective in (partial, under):
        assert strong_convexity(objective, 1000) == 0
        assert bound(objective, rng.standard_normal(objective.size)) == 0


def test_the_root_of_the_largest_squares_is_an_upper_bound_to_forty_digits(rng):
    """Singular values at forty digits: never above the bound, and within a few roundings of it."""
    with mpmath.workdps(40):
        for _ in range(10):
            matrix = rng.standard_normal((6, 5))
            exact = mpmath.svd_r(mpmath.matrix(matrix.tolist()), compute_uv=False)
            root = mpmath.sqrt(sum(s**2 for s in sorted(exact, reverse=True)[:2]))
            found = largest_root(matrix, 2, positive=False)
            assert root <= found <= root * (1 + mpmath.mpf(1e-13))
            symmetric = matrix[:5] + matrix[:5].T
            values = mpmath.eigsy(mpmath.matrix(symmetric.tolist()), eigvals_only=True)
            tops = sorted((max(v, 0) for v in values), reverse=True)[:2]
            root = mpmath.sqrt(sum(v**2 for v in tops))
            found = largest_root(symmetric, 2, positive=True)
            assert root <= found <= root * (1 + mpmath.mpf(1e-13))


MUTANTS = {
    "too much convexity": ("strong_convexity", lambda inner: lambda *a: 1.5 * inner(*a)),
    "one component too few": (
        "largest_root",
        lambda inner: lambda matrix, rank, positive: inner(matrix, rank - 1, positive=positive),
    ),
    "the slope of a minimum taken for zero": ("inner_product", lambda inner: lambda a, b: (
        inner(a, b) if a is b else (-abs(inner(a, b)[0]), 0.0))),
}  # fmt: skip


@pytest.fixture(scope="module")
def solved():
    """Return twelve weighted problems, each with the least value known and a search's end."""
    problems = []
    for seed in range(12):
        local = np.random.default_rng(seed)
        objective, matrix, weights = weighted(local, 5, 1, 0.5, 0.5)
        best = naive.best_weighted_low_rank(matrix, weights, 1, local, restarts=3, sweeps=100)
        options = {"rank": 1, "weights": objective.weights, "n_restarts": 0, "rng": 0, "certify": False}
        fit = ll.recover(objective.measurement, objective.y, **options)
        problems.append((objective, best, fit.search.theta))
    return problems


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_give_false_bounds(name, monkeypatch, solved):
    def some_bound_is_false():
        return any(
            bound(objective, point) > best * (1 + 1e-9)
            for objective, best, theta in solved
            for point in (theta, 1.3 * theta)
        )

    assert not some_bound_is_false()
    attribute, mutate = MUTANTS[name]
    monkeypatch.setattr(rank_constrained, attribute, mutate(getattr(rank_constrained, attribute)))
    assert some_bound_is_false()


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_refutations_do_not_depend_on_the_unit_of_the_data(unit):
    """The step's own rounding was charged with that of the data once: a hundredth of numbers of 1e12."""
    rng = np.random.default_rng(0)
    y = unit * rng.standard_normal(48)
    rows, columns = np.indices((8, 6)).reshape(2, -1)
    objective = make_objective(Entries(rows, columns, (8, 6)), y, General((8, 6), 1))
    left, values, right = np.linalg.svd(y.reshape(8, 6))
    root = np.sqrt(values[0])
    theta = objective.from_factors(ll.Factors(root * left[:, :1], root * right[:1].T))
    found = certify(objective, theta)
    assert found["convex_optimal"].verdict is Verdict.REFUTED
    # the next singular value goes, a fraction of the squares that are left
    np.testing.assert_allclose(
        found["convex_optimal"].value, values[1] ** 2 / np.sum(values[1:] ** 2), rtol=1e-9
    )
    assert found.verify(objective, theta).is_confirmed
