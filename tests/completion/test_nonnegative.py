"""Factors that must not be negative: rows, fits, and what a certificate may say of them."""

import numpy as np
import pytest
from scipy.optimize import nnls

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.kernels.systems.rows_nonnegative import solve_rows_nonnegative
from lowland.losses import Clipped
from lowland.measure import Entries, gaussian
from lowland.models import General
from lowland.objectives import make_objective
from lowland.search import Alternating, Iterations, run


def parts(m=90, n=40, rank=3, seed=0, noise=0.02):
    rng = np.random.default_rng(seed)
    truth = rng.gamma(0.6, size=(m, rank)) @ rng.gamma(0.6, size=(n, rank)).T
    table = truth + noise * rng.standard_normal(truth.shape)
    return truth, np.where(rng.random(truth.shape) < 0.4, np.nan, table)


@pytest.mark.parametrize("penalty", [0.0, 0.7])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_agree_with_the_active_set_method(penalty, weighted, rng):
    n, k = 12, 4
    partner = rng.standard_normal((n, k))
    counts = [0, 3, 12, 7]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = np.concatenate([rng.choice(n, c, replace=False) for c in counts]).astype(np.int32)
    values, weights = rng.standard_normal(indices.size), rng.uniform(0.5, 2, indices.size)
    found = solve_rows_nonnegative(
        partner, starts, indices, values, weights if weighted else None, penalty, np.zeros((4, k))
    )
    for i in range(4):
        cells = slice(starts[i], starts[i + 1])
        root = np.sqrt(weights[cells]) if weighted else np.ones(counts[i])
        design = np.vstack([partner[indices[cells]] * root[:, None], np.sqrt(penalty) * np.eye(k)])
        target = np.concatenate([values[cells] * root, np.zeros(k)])
        best = nnls(design, target)[1] if penalty or counts[i] else 0.0
        assert np.linalg.norm(design @ found[i] - target) <= best * (1 + 1e-6) + 1e-9
    assert (found >= 0).all()


@pytest.mark.parametrize("loss", [None, Clipped.huber(0.5)], ids=["squares", "huber"])
def test_sweeps_descend_and_keep_to_the_constraint(loss, rng):
    _, holes = parts(50, 25)
    rows, columns = np.nonzero(~np.isnan(holes))
    entries = Entries(rows, columns, holes.shape)
    y = holes[rows, columns]
    objective = make_objective(entries, y, General(holes.shape, 3), loss=loss, penalty=0.1, nonnegative=True)
    start = np.abs(rng.standard_normal(objective.size))
    found = run(objective, Alternating(), start, stop=Iterations(600), rng=rng)
    assert (np.diff(found.trace.values) <= 1e-12 * found.trace.values[:-1]).all()
    assert found.value < 0.1 * found.trace.values[0]
    assert (found.theta >= 0).all()
    # slopes vanish where factors are positive, and push towards the constraint where they are zero
    gradient = objective.gradient(found.theta)
    size = np.abs(objective.gradient(start)).max()
    assert np.abs(gradient[found.theta > 1e-6]).max() < 2e-3 * size
    assert gradient[found.theta == 0].min() > -2e-3 * size


def test_a_planted_table_is_completed_and_new_rows_are_folded_in(tmp_path):
    truth, holes = parts(36, 20)
    model = ll.MatrixCompletion(nonnegative=True, biases=False, certify=False, random_state=0).fit(holes)
    assert model.rank_ == 3
    missing = np.isnan(holes)
    assert np.sqrt(np.mean((model.transform(holes) - truth)[missing] ** 2)) < 0.04
    assert min(model.row_factors_.min(), model.column_factors_.min()) >= 0
    np.testing.assert_allclose(model.transform(holes[:9]), model.transform(holes)[:9], atol=1e-8)
    model.save(tmp_path / "m.npz")
    np.testing.assert_array_equal(
        ll.MatrixCompletion.load(tmp_path / "m.npz").transform(holes[:9]), model.transform(holes[:9])
    )
    low, high = model.predict_interval([0, 1], [2, 3], 0.9)
    assert (low < high).all()
    with pytest.raises(UnsupportedError, match="unconstrained sign"):
        model.predict_interval([0], [0], method="fisher")


def test_certificates_speak_of_the_bound_alone():
    _, holes = parts(30, 16, noise=0.3)
    heavy = ll.MatrixCompletion(nonnegative=True, biases=False, rank=14, penalty=3.0, random_state=0).fit(
        holes
    )
    certificate = heavy.certificate_
    for claim in ("stationary", "convex_optimal", "locally_unique", "determined_by_data"):
        assert certificate[claim].verdict is Verdict.INCONCLUSIVE
    bound = certificate["globally_optimal"].witness["lower_bound"]
    free = ll.MatrixCompletion(biases=False, rank=14, penalty=3.0, certify=False, random_state=0).fit(holes)
    assert 0 < bound <= free.search_.value * (1 + 1e-9)
    assert free.search_.value < heavy.search_.value


def test_a_point_that_breaks_the_constraint_is_not_optimal():
    """The free optimum is better than any that keeps to the constraint: a bound that says so is no proof."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((12, 9)).reshape(2, -1)
    table = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 9))
    settings = {"penalty": 0.5}
    entries, model = Entries(rows, columns, (12, 9)), General((12, 9), 6)
    free = make_objective(entries, table[rows, columns], model, **settings)
    bound = make_objective(entries, table[rows, columns], model, nonnegative=True, **settings)
    theta = run(free, Alternating(), rng.standard_normal(free.size), stop=Iterations(600), rng=rng).theta
    assert certify(free, theta)["globally_optimal"].verdict is Verdict.PROVED
    finding = certify(bound, theta)["globally_optimal"]
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "breaks its constraints" in finding.method
    kept = run(bound, Alternating(), np.abs(theta), stop=Iterations(200), rng=rng)
    assert certify(bound, kept.theta)["globally_optimal"].verdict is Verdict.INCONCLUSIVE


def test_what_cannot_be_nonnegative():
    _, holes = parts()
    with pytest.raises(InvalidInputError, match="without biases"):
        ll.MatrixCompletion(nonnegative=True, rank=2, penalty=1.0).fit(holes)
    with pytest.raises(InvalidInputError, match="is not used by method"):
        ll.MatrixCompletion(nonnegative=True, biases=False, method="variational").fit(holes)
    with pytest.raises(InvalidInputError, match="nonnegative"):
        ll.MatrixCompletion(nonnegative=3, biases=False).fit(holes)
    y = np.ones(9)
    with pytest.raises(InvalidInputError, match="without biases"):
        make_objective(gaussian(9, (3, 3), 0), y, General((3, 3), 1), nonnegative=True)
