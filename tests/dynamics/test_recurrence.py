"""How fast dynamics comes back to a minimum, and whether it leaves soon or stays."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import Verdict
from lowland.dynamics import (
    Ball,
    NonReversible,
    Overdamped,
    Underdamped,
    decay_bound,
    decay_norm,
    escape_dichotomy,
    escape_times,
    optimal_antisymmetric,
    recurrence_time,
)
from lowland.dynamics.closed_forms import quadratic

TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])


def curvatures(rng):
    """A spectrum of up to six curvatures over up to five decades."""
    m = 10 ** rng.uniform(-3, 0.5)
    return np.r_[m, m * 10 ** rng.uniform(0, rng.uniform(0, 5), rng.integers(0, 6))]


def turned(values, rng):
    basis = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return (basis * values) @ basis.T


@pytest.mark.parametrize("friction", [0.1, 0.4, 3.0])
def test_norms_are_those_of_the_noiseless_paths(friction):
    rng = np.random.default_rng(0)
    H = turned([0.04, 0.5, 2.0], rng)
    moves, t = Underdamped(0.1, 1.0, friction), 3.0

    def field(_, z):
        v, x = z[:3], z[3:]
        return np.r_[-friction * v - H @ x, v]

    # the same signs as in the matrix of the paper: dV = -(friction V + H X) dt, dX = V dt
    ends = [solve_ivp(field, (0, t), start, rtol=1e-10, atol=1e-12).y[:, -1] for start in np.eye(6)]
    assert decay_norm(moves, H, t) == pytest.approx(np.linalg.norm(np.array(ends).T, 2), rel=1e-6)


def test_norms_without_inertia_are_matrix_exponentials():
    H = turned([0.1, 1.0], np.random.default_rng(1))
    assert decay_norm(Overdamped(0.1, 1.0), H, 2.0) == pytest.approx(np.exp(-0.2))
    moves = NonReversible(0.1, 1.0, TURN)
    assert decay_norm(moves, H, 2.0) == pytest.approx(np.linalg.norm(expm(-2 * (np.eye(2) + TURN) @ H), 2))


def attained(moves, H, times):
    return max(decay_norm(moves, H, t) / decay_bound(moves, H, t) for t in times)


@pytest.mark.parametrize("count", [25, pytest.param(60, marks=pytest.mark.slow)])
def test_the_bound_at_critical_friction_is_never_exceeded_and_nearly_attained(count):
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(count):
        values = curvatures(rng)
        moves = Underdamped(0.1, 1.0, 2 * np.sqrt(values.min()))
        times = np.geomspace(1e-3, 30, 30) / np.sqrt(values.min())
        ratios.append(attained(moves, turned(values, rng), times))
    assert max(ratios) <= 1 + 1e-7
    assert np.median(ratios) >= 0.99


def test_the_other_bounds_are_never_exceeded():
    rng = np.random.default_rng(3)
    for _ in range(30):
        values = curvatures(rng)
        H, m = turned(values, rng), values.min()
        times = np.geomspace(1e-2, 10, 12) / m
        below = Underdamped(0.1, 1.0, 2 * np.sqrt(m) * rng.uniform(0.05, 0.95))
        assert attained(below, H, np.geomspace(1e-2, 10, 12) / np.sqrt(m)) <= 1 + 1e-7
        assert attained(Overdamped(0.1, 1.0), H, times) <= 1 + 1e-7
        J = rng.standard_normal(H.shape)
        assert attained(NonReversible(0.1, 1.0, J - J.T), H, times) <= 1 + 1e-6


def test_recurrence_of_the_reversible_dynamics_is_the_theorem():
    H = np.diag([0.02, 1.0])
    for distance, radius in ((1.0, 1.0), (5.0, 0.5), (1.0, 4.0)):
        found = recurrence_time(Overdamped(0.1, 1.0), H, distance=distance, radius=radius)
        assert found == pytest.approx(2 / 0.02 * np.log(8 * distance / radius), rel=1e-9)
    assert recurrence_time(Overdamped(0.1, 1.0), H, distance=1.0, radius=9.0) == 0


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_after_half_the_recurrence_time_noiseless_paths_are_within_an_eighth(count):
    rng = np.random.default_rng(4)
    # bounds that grow before they fall, and radii in between
    known = [([0.127], 1.0, 10.3), ([0.05], 1.0, 14.482)]
    drawn = [(curvatures(rng), *10 ** rng.uniform(-1, 2, 2)) for _ in range(count)]
    for values, distance, radius in known + drawn:
        values = np.array(values)
        H, root = turned(values, rng), np.sqrt(values.min())
        for moves in (Underdamped(0.1, 1.0, 2 * root), Underdamped(0.1, 1.0, root), Overdamped(0.1, 1.0)):
            time = recurrence_time(moves, H, distance=distance, radius=radius)
            for later in (time / 2 + np.linspace(0, 5, 40) / root).tolist():
                assert decay_norm(moves, H, later) * distance <= radius / 8 * (1 + 1e-6)
                assert decay_bound(moves, H, later) * distance <= radius / 8 * (1 + 1e-6)


def test_inertia_and_turning_recur_sooner_where_a_curvature_is_small():
    H = np.diag([1e-3, 1.0])
    moves = (
        Overdamped(0.1, 1.0),
        Underdamped(0.1, 1.0, 2 * np.sqrt(1e-3)),
        NonReversible(0.1, 1.0, 1.1 * optimal_antisymmetric(H)),
    )
    times = [recurrence_time(own, H, distance=1.0, radius=1.0) for own in moves]
    assert times[0] > 5 * times[1] > 5 * times[2]


def test_what_bounds_do_not_cover_is_said():
    H = np.diag([0.01, 1.0])
    with pytest.raises(UnsupportedError, match="at most twice the root"):
        decay_bound(Underdamped(0.1, 1.0, 1.0), H, 1.0)
    with pytest.raises(UnsupportedError, match="independent eigenvectors"):
        recurrence_time(NonReversible(0.1, 1.0, TURN * 0.99 / 0.2), H, distance=1.0, radius=1.0)
    with pytest.raises(InvalidInputError, match="positive definite"):
        decay_norm(Overdamped(0.1, 1.0), np.diag([-1.0, 1.0]), 1.0)
    for time in (-1.0, np.inf):
        with pytest.raises(InvalidInputError, match="time must be"):
            decay_norm(Overdamped(0.1, 1.0), H, time)
    with pytest.raises(InvalidInputError, match="radius"):
        recurrence_time(Overdamped(0.1, 1.0), H, distance=1.0, radius=0.0)


@pytest.mark.parametrize("kind", ["LD", "ULD", "NLD"])
def test_cold_paths_leave_soon_or_stay(kind):
    H = np.diag([0.1, 1.0])
    moves = {
        "LD": Overdamped(0.1, 320.0),
        "ULD": Underdamped(0.1, 320.0, 2 * np.sqrt(0.1)),
        "NLD": NonReversible(0.02, 320.0, 1.05 * optimal_antisymmetric(H)),
    }[kind]
    study = escape_dichotomy(
        quadratic(H),
        np.zeros(2),
        radius=1.0,
        dynamics=moves,
        duration=200.0,
        start=[0.3, 0.3],
        n_chains=2000,
        rng=0,
    )
    assert study.holds(delta=0.01) is Verdict.SUPPORTED
    assert study.left_early + study.left_late + study.stayed == 2000
    assert study.recurrence_time == recurrence_time(moves, H, distance=0.3 * np.sqrt(2), radius=1.0)


def test_warm_paths_do_neither():
    study = escape_dichotomy(
        "double_well",
        [-1.0],
        radius=0.8,
        dynamics=Overdamped(0.01, 8.0),
        duration=300.0,
        n_chains=1000,
        rng=0,
    )
    assert study.left_late > 300
    assert study.holds(delta=0.05) is Verdict.REFUTED
    # the same paths, counted from their exit times
    exits = escape_times(
        "double_well",
        [-1.0],
        exit=Ball([-1.0], 0.8),
        dynamics=Overdamped(0.01, 8.0),
        n_chains=1000,
        max_time=study.end,
        check_basin=False,
        rng=0,
    )
    left = exits.times[exits.status == 1]
    assert np.sum(left <= study.recurrence_time) == study.left_early
    assert np.sum(left > study.recurrence_time) == study.left_late
    assert f"{study.left_early:,} were farther than 0.8" in str(study)


def test_intervals_are_exact_and_verdicts_follow_them():
    study = escape_dichotomy(
        "double_well", [-1.0], radius=0.8, dynamics=Overdamped(0.01, 16.0), duration=50.0, n_chains=400, rng=0
    )
    from scipy.stats import binom

    low, high = study.interval(0.9)
    good = study.left_early + study.stayed
    assert 0 < good < 400
    assert binom.sf(good - 1, 400, low) == pytest.approx(0.05)
    assert binom.cdf(good, 400, high) == pytest.approx(0.05)
    one_sided = study.interval(0.98)
    assert study.holds(1 - one_sided[0] + 1e-6) is Verdict.SUPPORTED
    assert study.holds(1 - one_sided[1] - 1e-6) is Verdict.REFUTED
    assert study.holds(1 - study.share) is Verdict.INCONCLUSIVE
    sure = escape_dichotomy(
        "double_well", [-1.0], radius=0.8, dynamics=Overdamped(0.01, 200.0), duration=5.0, n_chains=50, rng=0
    )
    assert sure.interval()[1] == 1
    assert sure.interval()[0] == pytest.approx(0.005 ** (1 / 50))


def test_starts_must_lie_within():
    with pytest.raises(InvalidInputError, match="start within the neighbourhood"):
        escape_dichotomy(
            "double_well", [-1.0], radius=0.1, dynamics=Overdamped(0.01, 8.0), duration=1.0, start=[-0.5]
        )
    with pytest.raises(InvalidInputError, match="not a stationary point"):
        escape_dichotomy("double_well", [-0.9], radius=0.5, dynamics=Overdamped(0.01, 8.0), duration=1.0)
    starts = np.full((7, 1), -0.95)
    study = ll.dynamics.escape_dichotomy(
        "double_well", [-1.0], radius=0.5, dynamics=Overdamped(0.01, 80.0), duration=1.0, start=starts, rng=0
    )
    assert study.stayed == 7
