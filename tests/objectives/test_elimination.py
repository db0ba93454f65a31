"""The reduced problem against dense linear algebra, column by column."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.complex_views import as_reals
from lowland.measure import Entries, gaussian
from lowland.models import General
from lowland.objectives import make_objective
from lowland.testing.operators import random_numbers


def problem(rng, kind, *, weighted, repeats, shape=(8, 7)):
    cells = rng.choice(shape[0] * shape[1], 40, replace=False)
    cells = np.r_[cells, cells[:9]] if repeats else cells
    (rows, columns), size = np.divmod(cells, shape[1]), cells.size
    entries = Entries(rows, columns, shape, dtype=kind)
    weights = rng.uniform(0.5, 2, size) if weighted else None
    model = General(shape, 2, is_complex=np.dtype(kind).kind == "c")
    return make_objective(entries, random_numbers((size,), kind, rng), model, weights=weights)


def naive_elimination(u, rows, columns, values, weights, prior, n):
    """Normal equations of each column, and the Gauss-Newton matrix from explicit projectors."""
    m, k = u.shape
    b, hessian, value = np.zeros((n, k), u.dtype), np.zeros((m * k, m * k), u.dtype), 0.0
    for j in range(n):
        seen = np.flatnonzero(columns == j)
        if not len(seen):
            continue
        root = np.sqrt(weights[seen])[:, None]
        design = np.vstack([root * u[rows[seen]], np.linalg.cholesky(prior).conj().T])
        target = np.concatenate([root[:, 0] * values[seen], np.zeros(k)])
        b[j] = np.linalg.lstsq(design, target, rcond=None)[0]
        value += np.linalg.norm(design @ b[j] - target) ** 2
        projector = (np.eye(len(target)) - design @ np.linalg.pinv(design))[: len(seen), : len(seen)]
        jacobian = np.zeros((len(seen), m * k), u.dtype)
        for t, i in enumerate(rows[seen]):
            jacobian[t, i * k : (i + 1) * k] = root[t] * b[j]
        hessian += jacobian.conj().T @ projector @ jacobian
    return b, value, hessian


@pytest.mark.parametrize("side", ["columns", "rows"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("kind", ["float64", "complex128"])
def test_reduced_problem(rng, kind, repeats, weighted, side):
    objective = problem(rng, kind, weighted=weighted, repeats=repeats)
    base = objective.measurement if kind == "float64" else objective.measurement.base
    values = objective.y if kind == "float64" else objective.y.view(complex)
    weights = np.ones(base.size)
    if weighted:
        weights = objective.weights[:: 1 if kind == "float64" else 2]
    rows, columns = (base.rows, base.columns) if side == "columns" else (base.columns, base.rows)
    m, n = base.shape if side == "columns" else base.shape[::-1]
    u = np.linalg.qr(random_numbers((m, 2), kind, rng))[0]
    root = random_numbers((2, 2), kind, rng)
    prior = root @ root.conj().T + 0.1 * np.eye(2)
    reduced = objective.elimination.at(u, prior, side)
    b, value, hessian = naive_elimination(u, rows, columns, values, weights, prior, n)
    np.testing.assert_allclose(reduced.b, b, atol=1e-11)
    assert reduced.value == pytest.approx(value, rel=1e-11)
    d = random_numbers((m, 2), kind, rng)
    np.testing.assert_allclose(reduced.product(d).ravel(), hessian @ d.ravel(), atol=1e-11)
    for i, block in enumerate([] if repeats else reduced.blocks()):
        np.testing.assert_allclose(block, hessian[2 * i : 2 * i + 2, 2 * i : 2 * i + 2], atol=1e-11)
    # the gradient by differences of the value, along a direction orthogonal to u
    d -= u @ (u.conj().T @ d)
    step = 1e-6
    ahead, behind = (objective.elimination.at(u + s * step * d, prior, side).value for s in (1, -1))
    slope = float(as_reals(reduced.gradient) @ as_reals(d))
    assert (ahead - behind) / (4 * step) == pytest.approx(slope, rel=1e-6)
    # and the point that it stands for predicts what the residuals say
    theta = objective.elimination.join(u, reduced.b, side)
    assert 2 * objective.value(theta) == pytest.approx(reduced.squares, rel=1e-10)


def test_columns_with_too_few_entries(rng):
    """Without a prior such columns fit exactly, and nothing divides by zero."""
    entries = Entries([0, 3, 3], [0, 1, 1], (5, 4))
    objective = make_objective(entries, [1.0, 2.0, 4.0], General((5, 4), 2))
    u = np.linalg.qr(rng.standard_normal((5, 2)))[0]
    reduced = objective.elimination.at(u, np.zeros((2, 2)), "columns")
    assert reduced.squares == pytest.approx(2.0)
    assert np.isfinite(reduced.b).all()
    assert (reduced.b[2:] == 0).all()


def test_who_has_an_elimination():
    entries, y = Entries([0, 1], [1, 0], (3, 3)), np.ones(2)
    assert make_objective(entries, y, General((3, 3), 1)).elimination is not None
    assert make_objective(entries, y, General((3, 3), 1), penalty=1.0).elimination is None
    assert make_objective(entries, y, General((3, 3), 1, ("row",))).elimination is None
    assert make_objective(gaussian(2, (3, 3), 0), y, General((3, 3), 1)).elimination is None


def test_blocks_without_an_inverse_are_lifted():
    """Few cells per line, and an exact fit on the way: a block was singular to the last bit."""
    rng = np.random.default_rng(0)
    for m, n, rank, count in ((10, 10, 2, 47), (20, 20, 3, 166)):
        truth = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
        cells = rng.choice(m * n, count, replace=False)
        rng.standard_normal(count)
    entries = ll.Entries(cells // n, cells % n, (m, n))
    fit = ll.recover(entries, truth.ravel()[cells], rank=3, rng=0, certify=False)
    np.testing.assert_allclose(fit.matrix(), truth, atol=1e-9)
