"""Searches leave saddles: zero, those of lower rank, points beside them, and never a minimum."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.status import StopReason
from lowland.datasets import false_minimum, planted_sensing
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search.lanczos import lanczos
from lowland.search.newton.escape_from_saddle import step_off
from lowland.sensing.searching.solvers import STEP_LIMITS

LEAVE = ("sgd", "trust_region")


def zero(one, rank):
    return np.zeros((one.measurement.shape[0], rank))


def beside_zero(one, rank):
    return 1e-8 * np.random.default_rng(0).standard_normal((one.measurement.shape[0], rank))


def of_rank(kept):
    """The point to which Newton's method leads within the points with zero columns."""

    def saddle(one, rank):
        fit = ll.recover(one.measurement, one.y, rank=kept, structure="psd", rng=0, certify=False)
        left = fit.factors.left
        return np.hstack([left, np.zeros((len(left), rank - left.shape[1]))])

    saddle.__name__ = f"rank {kept}"
    return saddle


@pytest.mark.covering
@pytest.mark.parametrize("make", [zero, beside_zero, of_rank(1), of_rank(2)], ids=lambda make: make.__name__)
@pytest.mark.parametrize("solver", LEAVE)
@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 25))])
def test_saddles_are_left(solver, make, seed):
    one = planted_sensing(160, 8, 3, seed)
    start = make(one, 3)
    how = {"rank": 3, "structure": "psd", "start": start, "rng": seed, "certify": False}
    fit = ll.recover(one.measurement, one.y, solver=solver, **how)
    own = fit.objective.matrix(fit.own_end.theta).left
    assert np.linalg.norm(own @ own.T - one.truth) < 1e-9 * np.linalg.norm(one.truth)
    assert fit.own_end.iterations > 0


@pytest.mark.parametrize("solver", LEAVE)
def test_the_published_saddle_is_left_and_the_false_minimum_is_not(solver):
    for delta, leaves in ((0.4, True), (0.75, False)):
        case, point = false_minimum(delta)
        fit = ll.recover(
            case.measurement,
            case.y,
            rank=1,
            structure="psd",
            solver=solver,
            start=point,
            rng=0,
            certify=False,
        )
        assert np.allclose(fit.matrix(), case.truth) == leaves


@pytest.mark.parametrize(
    ("shape", "rank", "steps"), [((30, 4), 3, 1000), pytest.param((80, 8), 5, 2000, marks=pytest.mark.slow)]
)
def test_a_spare_rank_does_not_end_as_converged_at_a_large_error(shape, rank, steps, monkeypatch):
    monkeypatch.setitem(STEP_LIMITS, "sgd", steps)
    one = planted_sensing(*shape, 1, 0)
    fit = ll.recover(one.measurement, one.y, rank=rank, structure="psd", solver="sgd", rng=0, certify=False)
    own = fit.objective.matrix(fit.own_end.theta).left
    far = np.linalg.norm(own @ own.T - one.truth) / np.linalg.norm(one.truth)
    assert fit.own_end.stop_reason is not StopReason.CONVERGED or far < 1e-6
    assert np.linalg.norm(fit.matrix() - one.truth) < 1e-12 * np.linalg.norm(one.truth)
    assert fit.rank == 1


def test_no_step_is_taken_off_a_minimum(rng):
    one = planted_sensing(80, 6, 2, 0)
    noisy = one.y + 0.1 * rng.standard_normal(80)
    objective = make_objective(one.measurement, noisy, Psd((6, 6), 2))
    theta = ll.recover(one.measurement, noisy, rank=2, structure="psd", rng=0).search.theta
    at = objective.linearise(theta)
    assert step_off(at.hessian_product, objective.value, theta, at.value, at.gradient, rng) is None


@pytest.mark.parametrize("size", [1, 3, 30])
def test_lanczos_finds_the_ends_of_a_spectrum(size, rng):
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    values = np.linspace(-2.0, 5.0, size)
    matrix = basis * values @ basis.T
    ritz, vectors, krylov = lanczos(lambda d: matrix @ d, rng.standard_normal(size), size)
    np.testing.assert_allclose(ritz, values, atol=1e-10)
    lowest = krylov @ vectors[:, 0]
    np.testing.assert_allclose(matrix @ lowest, values[0] * lowest, atol=1e-9)


def test_lanczos_ends_in_an_invariant_space(rng):
    ritz, _, krylov = lanczos(lambda d: 3.0 * d, rng.standard_normal(20), 10)
    np.testing.assert_allclose(ritz, [3.0])
    assert krylov.shape == (20, 1)


def test_starts_of_one_factor(rng):
    one = planted_sensing(60, 6, 2, 0)
    factor = rng.standard_normal((6, 2))
    how = {"rank": 2, "rng": 0, "certify": False}
    fits = [
        ll.recover(one.measurement, one.y, structure="psd", solver="gradient", start=start, **how)
        for start in (factor, ll.Factors(factor, factor))
    ]
    np.testing.assert_array_equal(fits[0].search.theta, fits[1].search.theta)
    with pytest.raises(ll.errors.InvalidInputError, match="wrong shape"):
        ll.recover(one.measurement, one.y, structure="psd", start=factor.T, **how)
    with pytest.raises(ll.errors.InvalidInputError, match="pass Factors"):
        ll.recover(one.measurement, one.y, start=factor, **how)
