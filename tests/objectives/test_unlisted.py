"""Cells that are not listed count as zeros: the same as a full table with their small weights."""

import numpy as np
import pytest

import lowland as ll
from cases import judgement
from lowland.certificates.gaps import dual
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Rigour, Verdict
from lowland.judges import certify
from lowland.losses import Squared
from lowland.measure import Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import Alternating, GradientBelow, Iterations, RelativeDecreaseBelow, TrustRegion, run

SHAPE, WEIGHT = (9, 7), 0.3
OPTIMAL = ["globally_optimal", "convex_optimal"]


def both(rng, rank, penalty=0.4, dtype="float64"):
    """Return a problem of listed cells, and the same of all cells with their weights."""
    listed = np.argwhere(rng.random(SHAPE) < 0.4).T
    y, weights = 1 + rng.random(listed.shape[1]), 1 + rng.random(listed.shape[1])
    table, whole = np.zeros(SHAPE), np.full(SHAPE, WEIGHT)
    table[tuple(listed)], whole[tuple(listed)] = y, weights
    model, every = General(SHAPE, rank), np.indices(SHAPE).reshape(2, -1)
    short = make_objective(
        Entries(*listed, SHAPE, dtype=dtype),
        y.astype(dtype),
        model,
        weights=weights,
        penalty=penalty,
        unlisted=WEIGHT,
    )
    return short, make_objective(
        Entries(*every, SHAPE), table.ravel(), model, weights=whole.ravel(), penalty=penalty
    )


def solved(objective, rng):
    """Return a minimum."""
    stop = RelativeDecreaseBelow(1e-14) | Iterations(500)
    theta = run(objective, Alternating(), rng.standard_normal(objective.size), stop=stop, rng=rng).theta
    return run(objective, TrustRegion(), theta, stop=GradientBelow(1e-12) | Iterations(50), rng=rng).theta


def test_it_is_the_problem_of_all_cells(rng):
    short, full = both(rng, 3)
    theta, direction = rng.standard_normal((2, short.size))
    assert short.value(theta) == pytest.approx(full.value(theta), rel=1e-13)
    assert np.allclose(short.gradient(theta), full.gradient(theta), rtol=0, atol=1e-12)
    products = [one.hessian_product(theta, direction) for one in (short, full)]
    assert np.allclose(*products, rtol=0, atol=1e-12)
    for side in ("rows", "columns"):
        ends = [one.block_solver.solve(theta, side) for one in (short, full)]
        assert np.allclose(*ends, rtol=0, atol=1e-12)
    slopes = [one.relaxation.gradient(theta).toarray() for one in (short, full)]
    assert np.allclose(*slopes, rtol=0, atol=1e-12)
    bigger = [one.resized(4) for one in (short, full)]
    point = rng.standard_normal(bigger[0].size)
    assert bigger[0].value(point) == pytest.approx(bigger[1].value(point), rel=1e-13)
    assert short.reduction is None  # which would leave these cells out


def test_single_precision_is_judged_in_double(rng):
    short, full = both(rng, 3, dtype="float32")
    theta = rng.standard_normal(short.size)
    exact = short.in_double()
    assert exact.dtype == np.float64
    assert exact.value(theta) == pytest.approx(full.value(theta), rel=1e-6)
    single = short.value(theta.astype(np.float32))
    assert single == pytest.approx(full.value(theta), rel=1e-5)


@pytest.mark.parametrize("rank", [2, 7])
def test_the_bound_is_that_of_all_cells(rng, rank):
    """At any point: the dual vector of the listed cells has entries at the others, which cost as much."""
    short, full = both(rng, rank, penalty=1.0)
    for theta in (rng.standard_normal(short.size), solved(short, rng)):
        bounds = [dual.dual_bound(one, theta, one.value(theta), judgement()) for one in (short, full)]
        # each charges its own rounding
        assert bounds[0].value == pytest.approx(bounds[1].value, rel=1e-9)
        assert bounds[0].value > 0
        assert all(bound.rigour is Rigour.RIGOROUS for bound in bounds)
    verdict = certify(short, theta, claims=OPTIMAL)["convex_optimal"].verdict
    assert verdict is (Verdict.PROVED if rank == 7 else Verdict.REFUTED)


def test_a_better_matrix_is_one(rng):
    short, full = both(rng, 1, penalty=0.3)
    theta = solved(short, rng)
    finding = certify(short, theta, claims=OPTIMAL)["convex_optimal"]
    assert finding.verdict is Verdict.REFUTED
    witness, (u, v, *_) = finding.witness, short.model.unpack(theta)
    step = witness["length"] * np.outer(witness["left"], witness["right"])
    before, after = (convex(full, x) for x in (u @ v.T, u @ v.T + step))
    assert before - after >= finding.value * witness["objective"] * (1 - 1e-9) > 0


def convex(full, matrix):
    """Return the convex objective, from the definition."""
    losses = full.weights * (matrix.ravel() - full.y) ** 2 / 2
    return losses.sum() + full.penalty * np.linalg.norm(matrix, "nuc")


def test_a_bound_that_forgets_these_cells_would_prove_too_much(rng, monkeypatch):
    """The least value is known from the full table; without the squares of these cells it is exceeded."""
    short, full = both(rng, 7, penalty=1.0)
    theta = solved(full, rng)
    least = full.value(theta)
    sound = certify(short, theta, claims=OPTIMAL)["convex_optimal"].witness["lower_bound"]
    assert sound <= least * (1 + 1e-12)
    scaled = dual._scaled
    monkeypatch.setattr(dual, "_scaled", lambda *given, others, **named: scaled(*given, others=0.0, **named))
    finding = certify(short, theta, claims=OPTIMAL)["convex_optimal"]
    assert finding.witness.get("lower_bound", np.inf) > least * (1 + 1e-3)


def test_fitted_values_of_all_cells_are_near_the_best(rng):
    """Of a point that is not yet the best: the distance that its gap allows, over all cells."""
    short, full = both(rng, 7, penalty=1.0)
    best = solved(full, rng)
    theta = best * 1.01
    finding = certify(short, theta, claims=OPTIMAL)["convex_optimal"]
    gap = short.value(theta) - short.value(best)
    assert finding.witness["gap"] >= gap > 0
    difference = short.matrix(theta).matrix() - short.matrix(best).matrix()
    distance = np.sqrt(np.sum(full.weights * difference.ravel() ** 2) / full.weights.sum())
    assert 0 < distance <= finding.witness["fitted_distance"]


def test_it_is_derived_again_from_all_cells(rng):
    short, _ = both(rng, 7, penalty=1.0)
    theta = solved(short, rng)
    proof = certify(short, theta, claims=OPTIMAL)
    verification = short.recheck(proof, theta)
    assert verification.is_confirmed, str(verification)
    lying = certify(short, 1.3 * theta, claims=OPTIMAL)
    assert not short.recheck(proof, 1.3 * theta).is_confirmed
    assert lying["convex_optimal"].verdict is not Verdict.PROVED


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"unlisted": 0.0}, "positive weight"),
        ({"unlisted": np.nan}, "positive weight"),
        ({"unlisted": 1.0}, "smaller than the weight of any listed entry"),
        ({"model": General(SHAPE, 2, ("row",))}, "without biases"),
        ({"nonnegative": True}, "nonnegative"),
        ({"side_weights": (np.ones(9), np.ones(7))}, "side_weights"),
        ({"measurement": ll.gaussian(3, SHAPE, 0)}, "observed entries"),
        ({"measurement": Entries([0, 0, 1], [1, 1, 1], SHAPE)}, "each entry once"),
    ],
)
def test_what_does_not_go_with_it_is_refused(changes, match):
    given = {"measurement": Entries([0, 0, 1], [0, 1, 1], SHAPE), "model": General(SHAPE, 2), "unlisted": 0.1}
    parts = given | changes
    with pytest.raises(InvalidInputError, match=match):
        make_objective(parts.pop("measurement"), np.ones(3), parts.pop("model"), penalty=1.0, **parts)


def test_other_models_and_losses_have_no_unlisted_cells():
    entries = Entries([0, 0, 1], [0, 1, 1], (4, 4))
    with pytest.raises(InvalidInputError, match="structure psd"):
        make_objective(entries, np.ones(3), Psd((4, 4), 1), penalty=1.0, unlisted=0.1)
    make_objective(entries, np.ones(3), General((4, 4), 1), loss=Squared(), penalty=1.0, unlisted=0.1)
