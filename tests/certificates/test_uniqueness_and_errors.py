"""Attacks on proofs of uniqueness, of norms and on error bars: each once gave a false answer."""

import numpy as np
import pytest

import lowland as ll
from lowland.certificates import JudgeSettings
from lowland.certificates.gaps.norm_bounds import norm_bound
from lowland.core.dense_operator import DenseMap
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import Verdict
from lowland.sensing.intervals import entry_intervals


@pytest.mark.parametrize("seed", range(6))
def test_cancelling_factors_do_not_hide_a_lower_rank(seed):
    """Exactly rank one, in two columns that cancel: a spike on the unseen cell is as near as one likes."""
    i, j = np.divmod(np.arange(24), 5)
    g = np.random.default_rng(seed)
    u, v, z = (g.integers(1, 9, 5).astype(float) for _ in range(3))
    eps = 2.0**-36
    left, right = np.stack([u, u], 1), np.stack([v, -v + eps * z], 1)
    found = ll.certify_matrix(ll.Entries(i, j, (5, 5)), eps * np.outer(u, z)[i, j], left, right)
    assert found["locally_unique"].verdict is not Verdict.PROVED


@pytest.mark.parametrize("method", ["auto", "lanczos"])
@pytest.mark.parametrize("scale", [1e-170, 1e-163, 1e170])
def test_norms_of_numbers_whose_squares_vanish_are_not_bounded(method, scale, rng):
    matrix = scale * rng.standard_normal((30, 20))
    with np.errstate(all="ignore"):
        bound = norm_bound(DenseMap(matrix), method=method, largest_dense=10, steps=250, rng=rng)
    assert bound.value >= scale


def test_tiny_measurements_prove_nothing(rng):
    scale = 1e-165
    arrays, y = rng.standard_normal((200, 12, 12)), rng.standard_normal(200)
    top = np.linalg.norm(np.einsum("k,kij->ij", y, arrays), 2)
    zero, settings = np.zeros((12, 1)), JudgeSettings(largest_dense=1, lanczos_steps=400)
    found = ll.certify_matrix(
        ll.Dense(scale * arrays), y, zero, zero, penalty=1e-3 * scale * top, settings=settings
    )
    assert found["globally_optimal"].verdict is not Verdict.PROVED


def test_a_small_datum_is_not_lost_beside_a_large_one():
    arrays = np.eye(4).reshape(4, 2, 2).copy()
    arrays[1] *= 1e-15
    every = ll.Dense(arrays)
    x = np.array([[1.0, 1.0], [0.0, 0.0]])
    found = ll.certify_matrix(every, every.measure_matrix(x), [[1.0], [0.0]], [[1.0], [1.0]])
    assert found["uniquely_determined"].verdict is Verdict.PROVED
    assert found["locally_unique"].verdict is not Verdict.REFUTED
    t = 1e12
    u = np.array([[t], [1.0]])
    found = ll.certify_matrix(ll.Entries([0, 0, 1], [0, 1, 1], (2, 2)), [t * t, t, 1.0], u, u)
    assert found["locally_unique"].verdict is not Verdict.REFUTED


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 5))])
def test_a_double_root_is_one_matrix(seed):
    """The solutions are X + t D with det = -2 t^2: X alone."""
    x = np.outer([1, 2], [1, 3])
    d = (np.outer([1, 2], [1, 1]) + np.outer([1, 1], [1, 3])).ravel()
    basis = []
    for q in (1, 2, 3):
        e = np.zeros(4)
        e[q], e[0] = d[0], -d[q]
        basis.append(e)
    mixing = np.random.default_rng(seed).integers(-3, 4, (3, 3))
    measurement = ll.Dense((mixing @ np.array(basis)).reshape(3, 2, 2))
    y = measurement.measure_matrix(x.astype(float))
    found = ll.recover(measurement, y, rank=1, rng=0).certificate["uniquely_determined"]
    assert found.verdict is not Verdict.REFUTED


def test_rows_that_tell_too_little_have_no_error_bars():
    g = np.random.default_rng(0)
    truth = g.standard_normal((30, 2)) @ g.standard_normal((2, 20))
    i, j = np.divmod(np.arange(600), 20)
    keep = (i != 0) & ~((i == 1) & (j > 0))  # row 0 unseen, row 1 with one cell
    y = truth[i, j][keep] + 0.01 * g.standard_normal(keep.sum())
    fit = ll.recover(ll.Entries(i[keep], j[keep], (30, 20)), y, rank=2, rng=0, certify=False)
    found = fit.interval([0, 0, 1, 2], [0, 5, 7, 5], form="block")
    assert np.isinf(found.standard_error[:3]).all()
    assert found.standard_error[3] < 0.1
    with pytest.raises(UnsupportedError, match="undetermined"):
        fit.interval([0], [0], form="exact")
    assert fit.interval([], [], form="block").estimate.size == 0
    with pytest.raises(InvalidInputError, match="theta must be finite"):
        entry_intervals(fit.objective, np.full(fit.objective.size, np.inf), [0], [0])
