"""Penalties by row and column and ridged biases: bounds and answers against an independent solver."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import lowland as ll
from cases import judgement
from lowland.certificates.gaps import dual, dual_biases
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify
from lowland.measure import Entries, gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.objectives.relaxation import Relaxation
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run
from oracles import naive

KINDS = [(), ("row",), ("column",), ("global",), ("row", "column"), ("row", "column", "global")]
SHAPE = (8, 7)


# all kinds of biases, with and without weights, penalties by side and ridges
EVERYDAY = 6


@cache
def drawn(seed):
    """Draw a table, weights, biases, penalties; return the objective and the same in plain arrays."""
    rng = np.random.default_rng(seed)
    biases = KINDS[seed % len(KINDS)]
    rows, columns = np.nonzero(rng.random(SHAPE) < 0.7)
    y = rng.standard_normal(rows.size) + 2 + 2 * rng.standard_normal(SHAPE[0])[rows]
    weights = rng.uniform(0.2, 4, rows.size) if seed % 3 else np.ones(rows.size)
    # mostly below one: there the unweighted norm is too small
    sides = tuple(10.0 ** rng.uniform(-1.3, 0.5, k) for k in SHAPE) if seed % 4 else None
    ridged = bool({"row", "column"} & set(biases)) and seed % 5 != 0
    bias_penalty = 10.0 ** rng.uniform(-1, 1) if ridged else 0.0
    objective = make_objective(
        Entries(rows, columns, SHAPE),
        y,
        General(SHAPE, 7, biases),
        weights=weights,
        penalty=0.5,
        bias_penalty=bias_penalty,
        side_weights=sides,
    )
    plain = (SHAPE, rows, columns, y, weights, 0.5, biases)
    return objective, plain, {"bias_penalty": bias_penalty, "sides": sides}


@cache
def instance(seed):
    """Return a drawn objective and its best value by the other solver."""
    objective, plain, options = drawn(seed)
    return objective, naive.nuclear_norm_optimum(*plain, iterations=4000, **options)


@cache
def polished(objective, steps=60):
    rng = np.random.default_rng(1)
    theta = make_start(objective, "random", rng)
    return run(objective, TrustRegion(), theta, stop=GradientBelow(1e-8) | Iterations(steps), rng=rng).theta


def bound_of(objective, theta):
    upper = objective.value(theta) * (1 + 1e-12)
    return dual.dual_bound(objective, theta, upper, judgement())


@pytest.mark.parametrize(
    "seed",
    [*range(EVERYDAY), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(EVERYDAY, 200))],
)
def test_bounds_hold_and_are_tight(seed):
    objective, best = instance(seed)
    theta = polished(objective)
    proof = certify(objective, theta, claims=["stationary", "globally_optimal", "convex_optimal"])
    assert objective.value(theta) == pytest.approx(best, rel=1e-6)
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof["globally_optimal"].rigour is Rigour.RIGOROUS
    bound = proof["globally_optimal"].witness["lower_bound"]
    assert (1 - 1e-4) * best <= bound <= best * (1 + 1e-9)
    # elsewhere bounds may be poor but never false
    for moved in (
        polished(objective, 3),
        theta + 0.1 * np.random.default_rng(seed).standard_normal(theta.size),
    ):
        assert bound_of(objective, moved).value <= best * (1 + 1e-9)


def false_bounds(wanted, count=60):
    """Whether each bound is false, one after the other."""
    chosen = [seed for seed in range(count) if wanted(drawn(seed)[0])]
    assert len(chosen) >= (10 if count > EVERYDAY else 4)
    for seed in chosen:
        objective, best = instance(seed)
        fresh = replace(objective)  # nothing that a mutant made is kept
        yield bound_of(fresh, polished(objective)).value > best * (1 + 1e-7)


@pytest.mark.parametrize("count", [EVERYDAY, pytest.param(60, marks=pytest.mark.slow)])
def test_ignoring_side_weights_gives_false_bounds(count, monkeypatch):
    def weighted(objective):
        return objective.side_weights is not None

    assert not any(false_bounds(weighted, count))
    monkeypatch.setattr(Relaxation, "adjoint", lambda self, weights: self.objective.adjoint(weights))
    assert any(false_bounds(weighted))


def test_ridged_biases_taken_for_no_constraint_at_all_give_false_bounds(monkeypatch):
    def ridged(objective):
        return objective.bias_penalty > 0

    monkeypatch.setattr(dual, "bias_square", lambda objective, nu: 0.0)
    assert any(false_bounds(ridged))


def test_ridged_biases_not_weighted_by_side_give_false_bounds(monkeypatch):
    def both(objective):
        return objective.bias_penalty > 0 and objective.side_weights is not None

    square = dual_biases.bias_square

    def unweighted(objective, nu):
        if not objective.bias_penalty:
            return 0.0
        sums, _ = dual_biases._sums(objective, nu)
        return float(np.sum(sums**2)) / objective.bias_penalty

    assert square(instance(1)[0], np.ones(instance(1)[0].y.size)) >= 0
    monkeypatch.setattr(dual, "bias_square", unweighted)
    assert any(false_bounds(both))


def test_refuted_with_a_better_matrix():
    objective, _ = instance(1)
    low = objective.resized(1)
    assert low.side_weights is not None
    theta = polished(low)
    finding = certify(low, theta, claims=["convex_optimal"])["convex_optimal"]
    assert finding.verdict is Verdict.REFUTED
    x = low.matrix(theta).matrix()
    better = x + finding.witness["length"] * np.outer(finding.witness["left"], finding.witness["right"])
    root = np.sqrt(np.outer(*low.side_weights))
    m = low.measurement

    def convex(matrix):
        residual = matrix[m.rows, m.columns] - low.y
        u, v, *_ = low.model.unpack(theta)
        factors = matrix - (x - u @ v.T)
        biases = sum(p.value(theta) for p in low.penalties if p.name == "bias ridge")
        return (
            0.5 * residual @ low.weighted(residual)
            + low.penalty * np.linalg.norm(root * factors, "nuc")
            + biases
        )

    assert convex(better) < convex(x)


def test_estimator_folds_known_rows_in_as_they_were_fitted():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 12)) + rng.standard_normal((30, 1))
    table[rng.random(table.shape) < 0.4] = np.nan
    model = ll.MatrixCompletion(
        rank=3, penalty=0.5, bias_penalty=0.3, penalty_weights="counts", random_state=0
    ).fit(table)
    holes = np.isnan(table)
    rows, columns = np.nonzero(holes)
    np.testing.assert_allclose(model.transform(table)[holes], model.predict_cells(rows, columns), rtol=1e-9)
    assert model.certificate_["globally_optimal"].verdict is Verdict.PROVED
    assert "by row and column" in model.certificate_.objective


@pytest.mark.parametrize(
    ("model", "measurement", "options", "words"),
    [
        (General((3, 3), 1), None, {"bias_penalty": 1.0}, "needs free row or column"),
        (General((3, 3), 1, ("global",)), None, {"bias_penalty": 1.0}, "needs free row or column"),
        (General((3, 3), 1, ("row",)), None, {"bias_penalty": -1.0}, "bias penalty must be a finite number"),
        (General((3, 3), 1), None, {"side_weights": ([1, 1, 0], [1, 1, 1])}, "must be positive"),
        (General((3, 3), 1), None, {"side_weights": ([1, 1], [1, 1, 1])}, "2 for 3"),
        (Psd((3, 3), 1), gaussian(9, (3, 3), 0), {"side_weights": ([1] * 3, [1] * 3)}, "entries"),
    ],
)
def test_bad_input(model, measurement, options, words):
    measurement = measurement or Entries([0, 1, 2], [0, 1, 2], (3, 3))
    with pytest.raises(InvalidInputError, match=words):
        make_objective(measurement, np.ones(measurement.size), model, **({"penalty": 1.0} | options))


def test_bad_settings_of_the_estimator():
    table = np.arange(12.0).reshape(4, 3)
    with pytest.raises(InvalidInputError, match="penalty_weights is unknown"):
        ll.MatrixCompletion(rank=1, penalty_weights="rows").fit(table)
    with pytest.raises(InvalidInputError, match="needs free row or column biases"):
        ll.MatrixCompletion(rank=1, biases=False, bias_penalty=1.0).fit(table)
