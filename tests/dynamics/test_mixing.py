"""Distances between normal laws, and steps until a law is right: beside recursions and chains."""

from functools import cache

import numpy as np
import pytest
from scipy.linalg import sqrtm

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.dynamics import (
    NonReversible,
    Overdamped,
    Underdamped,
    advise_sampling,
    gaussian_distance,
    linear_step,
    mixing,
    mixing_distance,
    optimal_antisymmetric,
    sample_langevin,
)

H = np.diag([0.05, 0.3, 1.0])
BETA = 2.0
DYNAMICS = {
    "overdamped": Overdamped(0.3, BETA),
    "non-reversible": NonReversible(0.1, BETA, optimal_antisymmetric(H)),
    "baoab": Underdamped(0.5, BETA, 0.4),
    "euler": Underdamped(0.05, BETA, 0.4, integrator="euler"),
}


@pytest.fixture(scope="module", autouse=True)
def coarse_grid():
    """Choose among a third of each setting: a choice is judged in the same way."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SHARES", "FRICTIONS", "TURNS"):
            patch.setattr(mixing, name, getattr(mixing, name)[::3])
        yield


@cache
def advised(condition):
    """Return the condition number's well, and the advice for it."""
    well = np.diag([1 / condition, 1.0])
    return well, advise_sampling(well, beta=1)


def covariance(rng, d=4):
    A = rng.standard_normal((d, d))
    return A @ A.T


@pytest.mark.parametrize("seed", range(5))
def test_distance_of_normal_laws_by_definition(seed):
    rng = np.random.default_rng(seed)
    (m1, m2), (S1, S2) = rng.standard_normal((2, 4)), (covariance(rng), covariance(rng))
    root = sqrtm(S1)
    exact = np.sum((m1 - m2) ** 2) + np.trace(S1 + S2 - 2 * sqrtm(root @ S2 @ root)).real
    assert gaussian_distance((m1, S1), (m2, S2)) ** 2 == pytest.approx(exact, rel=1e-9)
    assert gaussian_distance((m1, S1), (m1, S1)) < 1e-6
    assert gaussian_distance((m1, 0 * S1), (m2, S2)) ** 2 == pytest.approx(
        np.sum((m1 - m2) ** 2) + np.trace(S2)
    )


@pytest.mark.parametrize("name", DYNAMICS)
def test_laws_follow_the_recursion(name):
    moves, start = DYNAMICS[name], np.array([2.0, 0.0, -1.0])
    step, exact = linear_step(moves, H), np.linalg.inv(H) / BETA
    size = len(step.transition)
    mean = np.r_[start, np.zeros(size - 3)]
    law = np.diag((np.arange(size) >= 3) / BETA)
    expected = []
    for k in range(41):
        if k in (0, 1, 7, 40):
            expected.append(gaussian_distance((mean[:3], law[:3, :3]), (np.zeros(3), exact)))
        mean, law = (
            step.transition @ mean,
            step.transition @ law @ step.transition.T + step.noise @ step.noise.T,
        )
    found = mixing_distance(moves, H, [0, 1, 7, 40], start=start)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    at_last = gaussian_distance((np.zeros(3), step.covariance()), (np.zeros(3), exact))
    assert mixing_distance(moves, H, [10**6])[0] == pytest.approx(at_last, abs=1e-6)


@pytest.mark.parametrize("name", DYNAMICS)
def test_chains_are_as_far_as_the_closed_form_says(name):
    moves, steps = DYNAMICS[name], 12
    sample = sample_langevin(
        ll.dynamics.potential("quadratic", hessian=H),
        np.array([2.0, 0.0, -1.0]),
        moves,
        n_chains=40_000,
        n_draws=1,
        thin=steps,
        warm_up=0,
        rng=0,
    )
    draws = sample.draws[:, 0]
    found = gaussian_distance((draws.mean(axis=0), np.cov(draws.T)), (np.zeros(3), np.linalg.inv(H) / BETA))
    (exact,) = mixing_distance(moves, H, [steps], start=[2.0, 0.0, -1.0])
    assert found == pytest.approx(exact, rel=0.02)


def test_laws_that_begin_as_points_in_turned_wells():
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turned = Q @ H @ Q.T
    for moves in (Overdamped(0.3, BETA), Underdamped(0.5, BETA, 0.4)):
        found = mixing_distance(moves, turned, [0, 1, 7])
        np.testing.assert_allclose(found, mixing_distance(moves, H, [0, 1, 7]), rtol=1e-9)
        assert found[0] == pytest.approx(np.sqrt(np.trace(np.linalg.inv(H)) / BETA))


def test_advice_is_kept_and_the_best_of_its_grid():
    from lowland.dynamics.mixing import _families

    advice = advise_sampling(H, beta=BETA, accuracy=0.1)
    assert [own.n_steps for own in advice] == sorted(own.n_steps for own in advice)
    assert {own.dynamics.name for own in advice} == {"overdamped", "non-reversible", "underdamped"}
    wanted = 0.1 * np.sqrt(np.trace(np.linalg.inv(H)) / BETA)
    for own in advice:
        after = mixing_distance(own.dynamics, H, np.arange(own.n_steps + 1))
        assert after[-1] <= wanted < after[max(own.n_steps - 1 - own.n_steps // 64, 0)]
        assert own.bias < 0.1
    (plain, *_) = (own for own in advice if own.dynamics.name == "overdamped")
    for moves in next(iter(_families(H, np.diag(H), BETA))):
        assert np.all(mixing_distance(moves, H, np.arange(plain.n_steps - 1)) > wanted)


@pytest.mark.parametrize(
    "condition", [100.0, *(pytest.param(c, marks=pytest.mark.slow) for c in (10.0, 1000.0))]
)
def test_laws_stay_accurate_after_the_advised_steps(condition):
    """Paths with inertia oscillate: a distance that is small once may grow again."""
    W, advice = advised(condition)
    wanted = 0.05 * np.sqrt(1 + condition)
    for own in advice:
        later = mixing_distance(own.dynamics, W, np.arange(own.n_steps, 4 * own.n_steps + 50))
        assert later.max() <= 1.02 * wanted


def test_powers_of_the_condition_number():
    first, last = ({own.dynamics.name: own.n_steps for own in advised(c)[1]} for c in (1e2, 1e4))
    growth = {name: np.log(last[name] / first[name]) / np.log(1e2) for name in first}
    assert growth["overdamped"] == pytest.approx(1, abs=0.2)
    assert growth["underdamped"] == pytest.approx(0.5, abs=0.15)


def test_one_dimension_and_wrong_input():
    advice = advise_sampling([[2.0]], beta=1)
    assert sorted(own.dynamics.name for own in advice) == ["overdamped", "underdamped"]
    assert "steps to an accuracy of 0.05" in str(advice[0])
    with pytest.raises(InvalidInputError, match="positive definite"):
        advise_sampling(np.diag([-1.0, 1.0]), beta=1)
    with pytest.raises(InvalidInputError, match="unstable"):
        mixing_distance(Overdamped(3.0, 1.0), [[1.0]], [4])
    with pytest.raises(InvalidInputError, match="one number per coordinate"):
        mixing_distance(Overdamped(0.1, 1.0), [[1.0]], [4], start=[1.0, 2.0])
    for steps in ([2.7], ["4"], [[1]]):
        with pytest.raises(InvalidInputError, match="whole numbers"):
            mixing_distance(Overdamped(0.1, 1.0), [[1.0]], steps)
    with pytest.raises(InvalidInputError, match="accuracy is too fine"):
        advise_sampling([[1.0]], beta=1, accuracy=1e-12)
    with pytest.raises(InvalidInputError, match="positive semidefinite"):
        gaussian_distance(([0.0], [[-1.0]]), ([0.0], [[1.0]]))
    with pytest.raises(InvalidInputError, match="of one dimension"):
        gaussian_distance(([0.0], [[1.0]]), ([0.0, 0.0], np.eye(2)))
