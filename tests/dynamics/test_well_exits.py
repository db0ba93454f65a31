"""Exits from quadratic wells without a step size: beside solved equations, and paths of tiny steps."""

import numpy as np
import pytest
from scipy.linalg import expm

from lowland.core.errors import LowlandError
from lowland.dynamics import (
    Ball,
    NonReversible,
    Overdamped,
    Underdamped,
    escape_dichotomy,
    escape_times,
    linear_step,
    recurrence_time,
    well_dichotomy,
)
from lowland.dynamics.closed_forms import quadratic
from lowland.dynamics.exits import well_exits
from lowland.dynamics.exits.well_exits import LinearLaw, exit_intervals, exits_around
from lowland.landscape.proportions import share_interval

TURN = np.array([[0.0, 3.0], [-3.0, 0.0]])


def survival(curvature, beta, start, times, dimension):
    """Return how likely a reversible path in a round well has stayed in the unit ball.

    The distance r from the minimum diffuses by itself, and the time derivative of the chance u is
    -m r u' + (u'' + (d - 1) u' / r) / beta, with u = 0 at 1: finite differences on a grid of cell centres.
    """
    cells = 100
    r, h = (np.arange(cells) + 0.5) / cells, 1 / cells
    faces = np.arange(cells + 1) / cells
    # in the form of a divergence by the invariant weight
    inner, outer = (x ** (dimension - 1) * np.exp(-beta * curvature * x**2 / 2) for x in (r, faces))
    flow = outer / (beta * h**2)
    flow[0] = 0  # nothing passes through the minimum
    rates = np.zeros((cells, cells))
    for k in range(cells):
        out = flow[k + 1] * (2 if k + 1 == cells else 1)  # the boundary is half a cell away
        rates[k, k] = -(flow[k] + out) / inner[k]
        if k:
            rates[k, k - 1] = flow[k] / inner[k]
        if k + 1 < cells:
            rates[k, k + 1] = flow[k + 1] / inner[k]
    return [float(np.interp(start, r, expm(rates * t).sum(axis=1))) for t in times]


def stayed(dynamics, hessian, start, *, length, count, n=20_000, seed=0):
    """Return the shares of paths that are still in the unit ball after each interval."""
    first = exit_intervals(
        dynamics,
        np.asarray(hessian),
        np.asarray(start, float),
        radius=1.0,
        length=length,
        count=count,
        n_chains=n,
        rng=np.random.default_rng(seed),
    )
    return first, [int(np.sum(first > k)) for k in range(count)]


def assert_within(counts, n, chances):
    for count, chance in zip(counts, chances, strict=True):
        low, high = share_interval(count, n, 0.99)
        assert low <= chance <= high


@pytest.mark.parametrize(("curvature", "beta"), [(0.3, 27.0), (1.0, 6.0)])
def test_reversible_paths_stay_as_often_as_the_solved_equation_says(curvature, beta):
    moves = Overdamped(1.0, beta)
    for length in (0.5, 6.0):  # paths between near and distant times
        _, counts = stayed(moves, [[curvature]], [0.5], length=length, count=3, n=4000)
        assert_within(counts, 4000, survival(curvature, beta, 0.5, length * np.arange(1, 4), 1))


def test_turning_paths_of_a_round_well_stay_as_often_as_others():
    """In a round well J turns paths around the minimum and does not change their distances."""
    chances = survival(0.5, 16.0, 0.5, 4.0 * np.arange(1, 4), 2)
    for moves in (NonReversible(1.0, 16.0, TURN), Overdamped(1.0, 16.0)):
        _, counts = stayed(moves, 0.5 * np.eye(2), [0.3, 0.4], length=4.0, count=3, n=4000)
        assert_within(counts, 4000, chances)


@pytest.mark.parametrize("friction", [0.3, 2.0])
def test_paths_with_inertia_stay_as_often_as_those_of_tiny_steps(friction):
    n, length = 4000, 4.0
    moves = Underdamped(0.005, 8.0, friction)
    _, counts = stayed(moves, np.diag([0.5, 1.0]), [0.4, 0.0], length=length, count=3, n=n)
    study = escape_times(
        quadratic([0.5, 1.0]),
        [0.4, 0.0],
        exit=Ball([0.0, 0.0], 1.0),
        dynamics=moves,
        n_chains=n,
        max_time=3 * length,
        max_gradient_calls=np.inf,
        check_basin=False,
        rng=1,
    )
    for k, count in enumerate(counts, start=1):
        other = np.mean((study.times > k * length) | (study.status == 0))
        error = np.sqrt(2 * other * (1 - other) / n)
        assert abs(count / n - other) < 2.576 * error + 1e-4


def test_what_is_drawn_between_coarse_times_matters(monkeypatch):
    """Mutants: times that are looked at alone, and a finest interval without its chance of a crossing."""
    moves, chance = Overdamped(1.0, 27.0), survival(0.3, 27.0, 0.5, [6.0], 1)[0]
    _, counts = stayed(moves, [[0.3]], [0.5], length=6.0, count=1)
    assert_within(counts, 20_000, [chance])
    monkeypatch.setattr(well_exits, "FINEST_WITHOUT", 0.05)
    _, coarse = stayed(moves, [[0.3]], [0.5], length=6.0, count=1)
    assert_within(coarse, 20_000, [chance])  # the bridge's chance is for that
    monkeypatch.setattr(well_exits, "SURE", 0.5)
    _, hasty = stayed(moves, [[0.3]], [0.5], length=6.0, count=1)
    assert share_interval(hasty[0], 20_000, 0.99)[0] > chance


def test_laws_are_those_of_many_tiny_steps():
    hessian = np.array([[1.0, 0.3], [0.3, 0.5]])
    for moves in (Overdamped(1e-4, 3.0), NonReversible(1e-4, 3.0, TURN), Underdamped(1e-4, 3.0, 0.7)):
        step, law = linear_step(moves, hessian), LinearLaw.of(moves, hessian)
        passage = law.over(0.5).then(law.over(0.5))
        many, covariance = np.eye(len(law.drift)), np.zeros_like(law.drift)
        for _ in range(10_000):
            covariance = step.transition @ covariance @ step.transition.T + step.noise @ step.noise.T
            many = step.transition @ many
        np.testing.assert_allclose(passage.transition, many, atol=2e-3)
        np.testing.assert_allclose(passage.covariance, covariance, atol=1e-3)


def test_the_same_seed_gives_the_same_paths():
    moves = Underdamped(1.0, 8.0, 1.0)
    one, two = (stayed(moves, [[1.0]], [0.5], length=2.0, count=4, n=500, seed=s)[0] for s in (3, 3))
    np.testing.assert_array_equal(one, two)
    assert {0, 4} <= set(one.tolist())


@pytest.mark.parametrize(
    ("moves", "start", "soon", "duration"),
    [
        (Overdamped(1.0, 16.0), [0.3, 0.4], 4.0, 9.0),
        (NonReversible(1.0, 16.0, TURN), [0.3, 0.4], 4.0, 9.0),
        (Overdamped(1.0, 16.0), [0.3, 0.4], 0.0, 3.0),
    ],
)
def test_paths_leave_early_and_late_as_often_as_the_solved_equation_says(moves, start, soon, duration):
    n, times = 5000, [soon, soon + duration]
    early, late, stayed = exits_around(
        moves, 0.5 * np.eye(2), np.array(start), radius=1.0, soon=soon, duration=duration, n_chains=n,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    assert early + late + stayed == n
    assert_within([early + late, early], n, [1 - own for own in survival(0.5, 16.0, 0.5, times, 2)][::-1])


def test_the_dichotomy_of_a_quadratic_well_needs_no_step():
    H, moves = np.diag([0.1, 1.0]), Overdamped(0.001, 80.0)
    exact = well_dichotomy(H, [0.3, 0.3], radius=1.0, dynamics=moves, duration=100.0, n_chains=4000, rng=0)
    other = well_dichotomy(
        H, [0.3, 0.3], radius=1.0, dynamics=Overdamped(9.0, 80.0), duration=100.0, n_chains=4000, rng=0
    )
    assert (exact.left_early, exact.stayed) == (other.left_early, other.stayed)
    assert exact.recurrence_time == recurrence_time(moves, H, distance=0.3 * np.sqrt(2), radius=1.0)
    assert exact.end == exact.recurrence_time + 100
    # the same is counted as of simulated paths of small steps
    few = escape_dichotomy(
        quadratic(H), [0, 0], start=[0.3, 0.3], radius=1.0, dynamics=Overdamped(0.01, 80.0), duration=100.0,
        n_chains=2000, rng=1,
    )  # fmt: skip
    error = np.sqrt(exact.share * (1 - exact.share) * (1 / 2000 + 1 / 4000))
    assert 0.5 < exact.share < 0.99
    assert abs(exact.share - few.share) < 3 * error
    assert exact.exits is None
    assert "step" not in str(exact).splitlines()[0]
    assert "no step: paths are drawn from the law of the quadratic well" in str(exact)
    assert "the step of 0.01 biases what is counted" in str(few)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("start within the neighbourhood", {"start": [1.0, 1.0]}),
        ("one number per row", {"start": [0.1]}),
        ("duration", {"duration": 0.0}),
        ("radius", {"radius": -1.0}),
        ("n_chains", {"n_chains": 0}),
        ("positive definite", {"hessian": np.diag([-1.0, 1.0])}),
        ("shorter duration", {"duration": 1e15}),
    ],
)
def test_impossible_dichotomies_are_refused(words, changed):
    settings = {"hessian": np.eye(2), "start": [0.1, 0.1], "radius": 1.0, "duration": 1.0, "n_chains": 5}
    with pytest.raises(LowlandError, match=words):
        well_dichotomy(**{**settings, **changed}, dynamics=Overdamped(1.0, 8.0), rng=0)
