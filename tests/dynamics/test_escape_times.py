"""Exit times against quadrature, a solve of the backward equation, and censored data with known means."""

import numpy as np
import pytest
from scipy.sparse import diags_array, eye_array, kron
from scipy.sparse.linalg import spsolve

from lowland import dynamics as ld
from lowland.core.errors import InvalidInputError
from lowland.dynamics.antisymmetric import drift_rate
from lowland.dynamics.chain_statistics import effective_sample_size, split_r_hat
from lowland.dynamics.exits.survival import (
    delayed_exponential_mean,
    exponential_mean,
    kaplan_meier,
    restricted_mean,
    sample_mean,
)
from lowland.dynamics.one_dimension import mean_exit_time
from lowland.dynamics.quadratic_wells import linear_step, stable_step

PAST = ld.HalfSpace([1.0], 0.7)


def _well(x):
    return (x**2 - 1) ** 2 / 4


@pytest.mark.parametrize(
    ("beta", "level", "expected"),
    [(6, 0.0, 10.66836), (6, 1.0, 24.93140), (16, 0.7, 272.584), (24, 1.0, 1941.774), (8, 0.7, 38.1149)],
)
def test_quadrature(beta, level, expected):
    assert mean_exit_time(_well, -1.0, level, beta) == pytest.approx(expected, rel=2e-6)
    # the mirror image
    assert mean_exit_time(_well, 1.0, -level, beta) == pytest.approx(expected, rel=2e-6)


def test_quadrature_of_brownian_motion_in_a_linear_slope():
    # F = x on the left, wall far away: mean time from 0 to b is (exp(beta b) - 1) / beta - b
    time = mean_exit_time(lambda x: np.where(x < 0, -50 * x, x), 0.0, 1.0, 2.0)
    without_wall = (np.exp(2.0) - 1) / 2 - 1
    assert time == pytest.approx(without_wall + (np.exp(2.0) - 1) / 2 / 50, rel=1e-3)


@pytest.mark.slow
def test_reversible_exits_agree_with_quadrature():
    study = ld.escape_times(
        "double_well", [-1.0], exit=PAST, dynamics=ld.Overdamped(0.01, 8), n_chains=100_000, rng=1
    )
    assert study.mean == pytest.approx(38.1149, rel=0.01)
    assert (study.censored, study.diverged, study.left) == (0, 0, 100_000)


def test_exits_at_the_saddle_need_the_bridge():
    exact = mean_exit_time(_well, -1.0, 0.0, 6.0)
    options = dict(
        exit=ld.HalfSpace([1.0], 0.0),
        dynamics=ld.Overdamped(0.02, 6),
        n_chains=40_000,
        rng=1,
    )
    bridged = ld.escape_times("double_well", [-1.0], **options)
    naive = ld.escape_times("double_well", [-1.0], bridge=False, **options)
    assert bridged.mean == pytest.approx(exact, rel=0.02)
    # seen late, as if the barrier were .5826 deviations of a step farther
    farther = mean_exit_time(_well, -1.0, 0.5826 * np.sqrt(2 * 0.02 / 6), 6.0)
    assert naive.mean > 1.06 * exact
    assert naive.mean == pytest.approx(farther, rel=0.03)
    extrapolated = ld.escape_times("double_well", [-1.0], extrapolate=True, **options)
    low, high = extrapolated.interval(0.999)
    assert low < exact < high
    assert "extrapolated" in extrapolated.estimate().method


def test_balls_are_left_and_entered():
    # Ornstein-Uhlenbeck in one dimension: leaving a ball is leaving an interval
    def value(x):
        return x**2 / 2

    out = ld.escape_times(
        "quadratic",
        [0.0],
        exit=ld.Ball([0.0], 1.5),
        dynamics=ld.Overdamped(0.005, 2.0),
        n_chains=20_000,
        rng=0,
    )
    from scipy.integrate import quad

    inner = lambda y: quad(lambda z: np.exp(-2 * value(z)), 0, y)[0]  # noqa: E731
    exact = 2 * quad(lambda y: np.exp(2 * value(y)) * inner(y), 0, 1.5)[0]
    assert out.mean == pytest.approx(exact, rel=0.02)
    into = ld.escape_times(
        "quadratic",
        [2.0],
        exit=ld.Ball([0.0], 0.5, inside=True),
        dynamics=ld.Overdamped(0.005, 2.0),
        n_chains=20_000,
        check_basin=False,
        rng=0,
    )
    assert into.mean == pytest.approx(mean_exit_time(lambda x: value(x), 2.0, 0.5, 2.0), rel=0.02)


def _backward(turn, beta=8.0, n=140):
    """Mean exit times of the non-reversible diffusion on a grid: L T = -1, T = 0 beyond x = 0.7."""
    x, y = np.linspace(-2.0, 0.7, n + 1)[:-1], np.linspace(-1.9, 1.9, n)
    hx, hy = x[1] - x[0], y[1] - y[0]
    X, Y = np.meshgrid(x, y, indexing="ij")
    gx, gy = X**3 - X, Y
    bx, by = -(gx + turn * gy), -(gy - turn * gx)

    def first(m, h):
        D = diags_array([-1.0, 1.0], offsets=[-1, 1], shape=(m, m)).tolil() / (2 * h)
        return D

    def second(m, h):
        return diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(m, m)).tolil() / h**2

    Dx, Dxx, Dy, Dyy = first(n, hx), second(n, hx), first(n, hy), second(n, hy)
    for D, h, ends in ((Dx, hx, (0,)), (Dy, hy, (0, n - 1))):
        for e in ends:  # reflecting far away, where nothing goes
            D[e, e] += (-1 if e == 0 else 1) / (2 * h)
    for D, h, ends in ((Dxx, hx, (0,)), (Dyy, hy, (0, n - 1))):
        for e in ends:
            D[e, e] += 1 / h**2
    L = (kron(Dxx, eye_array(n)) + kron(eye_array(n), Dyy)) / beta
    L = (
        L
        + diags_array(bx.ravel()) @ kron(Dx, eye_array(n))
        + diags_array(by.ravel()) @ kron(eye_array(n), Dy)
    )
    T = spsolve(L.tocsc(), -np.ones(n * n)).reshape(n, n)
    i, j = np.searchsorted(x, -1.0), np.searchsorted(y, 0.0)
    u, w = (-1.0 - x[i - 1]) / hx, (0.0 - y[j - 1]) / hy
    return (1 - u) * ((1 - w) * T[i - 1, j - 1] + w * T[i - 1, j]) + u * ((1 - w) * T[i, j - 1] + w * T[i, j])


@pytest.mark.slow
def test_turned_dynamics_leaves_sooner():
    """Speed-ups by simulation, by the backward equation, and what the asymptotic law says."""
    plain = ld.potential("double_well", transverse=[1.0])
    times, solved = [], []
    for a in (0.0, 1.0, 2.0):
        moves = ld.NonReversible(0.01, 8.0, np.array([[0.0, a], [-a, 0.0]]))
        study = ld.escape_times(
            plain,
            [-1.0, 0.0],
            exit=ld.HalfSpace([1.0, 0.0], 0.7),
            dynamics=moves,
            n_chains=60_000,
            extrapolate=True,
            rng=5,
        )
        times.append(study.mean)
        solved.append(_backward(a))
        asymptotic = ld.kramers_time(plain, [-1.0, 0.0], [0.0, 0.0], moves)
        assert asymptotic == pytest.approx(32.8287 / np.sqrt(1 + a * a), rel=1e-4)
    assert solved[0] == pytest.approx(38.1149, rel=2e-3)
    for k, known in ((1, 1.448), (2, 2.297)):
        assert solved[0] / solved[k] == pytest.approx(known, rel=5e-3)
        assert times[0] / times[k] == pytest.approx(known, rel=0.03)


def test_inertia_turns_over():
    """Too little friction is as slow as too much; the law of Eyring and Kramers sees only the latter."""
    means = []
    for friction in (0.05, 0.5, 5.0):
        moves = ld.Underdamped(0.05, 8.0, friction)
        study = ld.escape_times("double_well", [-1.0], exit=PAST, dynamics=moves, n_chains=4000, rng=0)
        means.append(study.mean)
    assert means[0] > 1.8 * means[1]
    assert means[2] > 3 * means[1]
    well = ld.potential("double_well")
    laws = [
        ld.kramers_time(well, [-1.0], [0.0], ld.Underdamped(0.05, 8.0, f)) for f in (0.05, 0.2, 0.5, 1, 2, 5)
    ]
    np.testing.assert_allclose(laws, (33.7, 36.3, 42.0, 53.1, 79.3, 170.4), rtol=3e-3)
    best = ld.advise_dynamics(well, [-1.0], [0.0], beta=8)[0]
    assert best.dynamics.name == "underdamped"
    assert 0.2 < best.dynamics.friction < 0.8


def test_several_saddles_add_their_rates():
    well = ld.potential("many_wells", dimension=2)
    moves = ld.Overdamped(0.01, 8.0)
    low = np.array([-1.0, -1.0])
    one = ld.kramers_time(well, low, [0.0, -1.0], moves)
    both = ld.kramers_time(well, low, [[0.0, -1.0], [-1.0, 0.0]], moves)
    assert both == pytest.approx(one / 2)


@pytest.mark.parametrize("dimension", [2, 4, 6, 20])
@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_optimal_turns(dimension, condition, rng):
    Q = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    H = (Q * np.geomspace(1 / condition, 1, dimension)) @ Q.T
    J = ld.optimal_antisymmetric(H)
    np.testing.assert_allclose(J, -J.T, atol=1e-12)
    rates = np.linalg.eigvals(H + J @ H).real
    mean = np.trace(H) / dimension
    assert np.abs(rates / mean - 1).max() < 1e-10
    # no antisymmetric matrix does better, and pairs do no worse than none
    assert drift_rate(H, ld.paired_antisymmetric(H)) >= drift_rate(H) * (1 - 1e-9)
    # the invariant law does not change
    tiny = 1e-6 / max(np.linalg.norm(H + J @ H, 2), 1)
    covariance = linear_step(ld.NonReversible(tiny, 1.0, J), H).covariance()
    np.testing.assert_allclose(covariance @ H, np.eye(dimension), atol=2e-3)


def test_turns_pay_for_each_gradient():
    H = np.diag([0.01, 1.0])
    J = ld.optimal_antisymmetric(H)
    limit = stable_step(ld.NonReversible(1.0, 1.0, J), H)
    turned = linear_step(ld.NonReversible(0.3 * limit, 1.0, J), H)
    plain = linear_step(ld.Overdamped(0.95 * stable_step(ld.Overdamped(1.0, 1.0), H), 1.0), H)
    assert -np.log(turned.radius) > 10 * -np.log(plain.radius)


def test_survival_curves_are_those_of_the_definition(rng):
    times, events = rng.exponential(1, 40).round(2), rng.random(40) < 0.6
    moments, share, _ = kaplan_meier(times, events)
    for m, s in zip(moments, share, strict=True):
        product = 1.0
        for t in np.unique(times[events & (times <= m)]):
            product *= 1 - np.sum((times == t) & events) / np.sum(times >= t)
        assert s == pytest.approx(product)
    grid = np.linspace(0, 0.5, 100_001)
    curve = np.r_[1.0, share][np.searchsorted(moments, grid, side="right")]
    assert restricted_mean(times, events, 0.5).mean == pytest.approx(curve.mean() * 0.5, rel=1e-3)


@pytest.mark.parametrize("censored", [0.0, 0.7, pytest.param(0.3, marks=pytest.mark.slow)])
def test_coverage_on_exponential_times(censored, rng):
    horizon = np.inf if censored == 0 else -np.log(censored)
    inside = {"exponential": 0, "delayed": 0, "restricted": 0}
    naive = []
    cut = min(horizon, 3.0)
    for _ in range(1000):
        t = rng.exponential(1.0, 200)
        events, times = t < horizon, np.minimum(t, horizon)
        naive.append(times[events].mean())
        for name, estimate, truth in (
            ("exponential", exponential_mean(times, events), 1.0),
            ("delayed", delayed_exponential_mean(times, events, 0.05), 1.0),
            ("restricted", restricted_mean(times, events, 0.9 * cut), 1 - np.exp(-0.9 * cut)),
        ):
            inside[name] += estimate.lower <= truth <= estimate.upper
    for name, count in inside.items():
        assert 925 <= count <= 975, name
    if censored:
        assert np.mean(naive) < 1 - 0.5 * censored


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_coverage_on_real_exits(share):
    """Exits of the double well, cut off; without delayed entry the exponential estimate is too high."""
    study = ld.escape_times(
        "double_well", [-1.0], exit=PAST, dynamics=ld.Overdamped(0.01, 8), n_chains=200_000, rng=7
    )
    truth = study.times.mean()
    horizon = np.inf if share == 0 else np.quantile(study.times, 1 - share)
    assert study.entry == pytest.approx(5.0)
    inside, plain = 0, []
    for times in study.times.reshape(1000, 200):
        events, seen = times < horizon, np.minimum(times, horizon)
        estimate = delayed_exponential_mean(seen, events, study.entry) if share else sample_mean(times)
        inside += estimate.lower <= truth <= estimate.upper
        plain.append(exponential_mean(seen, events).mean)
    assert 925 <= inside <= 975
    if share == 0.7:
        assert np.mean(plain) > 1.08 * truth


def test_studies_that_end_early_say_so():
    options = dict(exit=PAST, dynamics=ld.Overdamped(0.01, 8), n_chains=4000, rng=0)
    study = ld.escape_times("double_well", [-1.0], max_time=15.0, **options)
    assert study.censored > 2000
    assert study.message == "max_time is reached"
    low, high = study.interval(0.999)
    assert low < 38.1149 < high
    assert study.estimate("mean").mean < 15
    assert "exponential beyond" in study.estimate().method
    budget = ld.escape_times("double_well", [-1.0], max_gradient_calls=400_000, **options)
    assert budget.gradient_calls <= 400_000
    assert budget.message == "the gradient evaluations are used up"
    nobody = ld.escape_times("double_well", [-1.0], max_time=0.1, **options)
    assert nobody.left == 0
    assert nobody.mean == np.inf
    with pytest.raises(InvalidInputError, match="method is unknown"):
        study.estimate("median")


@pytest.mark.slow
def test_splitting_agrees_with_quadrature():
    exact = mean_exit_time(_well, -1.0, 0.7, 60.0)
    study = ld.split_escape(
        "double_well",
        [-1.0],
        exit=PAST,
        dynamics=ld.Overdamped(0.005, 60.0),
        n_walkers=200,
        n_runs=12,
        n_excursions=1000,
        rng=0,
    )
    low, high = study.interval(0.99)
    assert low < exact < high
    assert high / low < 3
    assert study.gradient_calls < 1e-4 * study.direct_calls
    assert "splitting" in str(study)


def test_splitting_with_inertia_agrees_with_direct_exits():
    moves = ld.Underdamped(0.1, 16.0, 1.0)
    direct = ld.escape_times("double_well", [-1.0], exit=PAST, dynamics=moves, n_chains=4000, rng=0)
    split = ld.split_escape(
        "double_well", [-1.0], exit=PAST, dynamics=moves, n_walkers=200, n_runs=12, n_excursions=1000, rng=0
    )
    low, high = split.interval(0.999)
    assert low < direct.interval(0.999)[1]
    assert high > direct.interval(0.999)[0]


def test_chain_statistics(rng):
    white = rng.standard_normal((8, 2000))
    assert split_r_hat(white) == pytest.approx(1.0, abs=0.01)
    assert effective_sample_size(white) == pytest.approx(16_000, rel=0.15)
    phi = 0.9
    walk = np.empty((8, 4000))
    walk[:, 0] = rng.standard_normal(8) / np.sqrt(1 - phi**2)
    for k in range(1, 4000):
        walk[:, k] = phi * walk[:, k - 1] + rng.standard_normal(8)
    assert effective_sample_size(walk) == pytest.approx(32_000 * (1 - phi) / (1 + phi), rel=0.25)
    apart = white + np.arange(8)[:, None]
    assert split_r_hat(apart) > 1.5
    assert effective_sample_size(apart) < 50
