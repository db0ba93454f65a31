"""What an adversarial review of the Langevin part found: wrong means with confident intervals, and worse."""

import numpy as np
import pytest

from lowland import dynamics as ld
from lowland.core.errors import InvalidInputError, LowlandError, UnsupportedError
from lowland.dynamics.exits import splitting
from lowland.dynamics.exits.excursions import Walkers
from lowland.dynamics.exits.survival import sample_mean
from lowland.dynamics.laws import INTEGRATORS
from lowland.dynamics.one_dimension import mean_exit_time
from lowland.dynamics.quadratic_wells import stable_step

PAST = ld.HalfSpace([1.0], 0.7)
SLOW = ld.Overdamped(0.01, 8.0)


QUICK = ld.Overdamped(0.02, 4.0)


def _study(dynamics=QUICK, **options):
    options = {"exit": PAST, "n_chains": 4000, "rng": 0, **options}
    return ld.escape_times("double_well", [-1.0], dynamics=dynamics, **options)


def test_chains_watched_too_briefly_give_no_mean():
    for study in (_study(max_time=3.0), _study(ld.Underdamped(0.1, 8.0, 0.05), max_time=20.0)):
        assert study.left > 0
        estimate = study.estimate()
        assert np.isnan(estimate.mean)
        assert 0 < estimate.lower < study.horizon
        assert estimate.upper == np.inf
        assert "observed beyond" in str(study)
    # energy settles over the inverse friction
    low, high = _study(ld.Underdamped(0.1, 8.0, 0.05), max_time=200.0).interval(0.999)
    assert low < 111.6 < high
    for wrong in (-3.0, np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="relaxation"):
            _study(max_time=8.0, relaxation=wrong)


def test_paths_that_are_no_numbers_do_not_count():
    def broken(x):
        return np.where(x < -1.35, np.nan, x**3 - x)

    with pytest.raises(InvalidInputError, match="no longer finite"):
        ld.split_escape(
            broken,
            [-1.0],
            exit=PAST,
            dynamics=ld.Overdamped(0.02, 12.0),
            n_walkers=50,
            n_runs=4,
            rng=0,
        )
    study = ld.escape_times(broken, [-1.0], exit=PAST, dynamics=ld.Overdamped(0.02, 12.0), n_chains=50, rng=0)
    assert study.diverged > 40


def test_explosions_are_no_exits():
    options = {
        "exit": ld.HalfSpace([1.0], 20.0),
        "dynamics": ld.Overdamped(0.3, 0.5),
        "max_time": 90.0,
    }
    studies = [
        ld.escape_times(source, [-1.0], n_chains=400, rng=0, **options)
        for source in ("double_well", lambda x: x**3 - x)
    ]
    assert studies[0].diverged == studies[1].diverged > 0


def test_splitting_out_of_a_ball():
    moves = ld.Overdamped(0.02, 12.0)
    options = {"exit": ld.Ball([-1.0], 1.5), "dynamics": moves, "rng": 0}
    direct = ld.escape_times("double_well", [-1.0], n_chains=4000, **options)
    split = ld.split_escape("double_well", [-1.0], n_walkers=200, n_runs=10, n_excursions=1000, **options)
    low, high = split.interval(0.999)
    assert low < direct.mean * 1.15
    assert high > direct.mean / 1.15


EXITS = {
    "half-space": ld.HalfSpace([1.0, 0.0], 0.7),
    "into a ball": ld.Ball([1.0, 0.0], 0.5, inside=True),
    "out of a ball": ld.Ball([-1.0, 0.0], 1.2),
}


PATHS = [
    ld.Overdamped(0.05, 12.0),
    ld.NonReversible(0.05, 12.0, [[0.0, 1.0], [-1.0, 0.0]]),
    *(ld.Underdamped(0.2, 12.0, 1.0, integrator) for integrator in INTEGRATORS),
]


@pytest.mark.parametrize(
    ("dynamics", "kind"),
    [
        # every day each of the dynamics with one exit
        pytest.param(
            dynamics, kind, marks=[pytest.mark.slow] if (own - k) % 3 else [], id=f"{dynamics}-{kind}"
        )
        for own, dynamics in enumerate(PATHS)
        for k, kind in enumerate(EXITS)
    ],
)
def test_paths_run_again_are_those_recorded(kind, dynamics, monkeypatch):
    """Compiled paths are repeated up to a level, others record it: the same paths, hence the same study."""
    monkeypatch.setattr(splitting, "_OBSERVED", 15)  # excursions before any path is split
    well = ld.potential("double_well", transverse=[1.5])
    options = {"exit": EXITS[kind], "dynamics": dynamics, "n_walkers": 12, "n_runs": 2, "n_excursions": 10}
    fast = ld.split_escape(well, [-1.0, 0.0], rng=5, **options)
    slow = ld.split_escape(well.gradient, [-1.0, 0.0], rng=5, **options)
    np.testing.assert_allclose(fast.probabilities, slow.probabilities, rtol=1e-12)
    np.testing.assert_allclose(fast.excursions, slow.excursions, rtol=1e-12)
    assert fast.mean == pytest.approx(slow.mean, rel=1e-12)
    assert np.all(fast.probabilities < 1)  # paths were split
    assert slow.gradient_calls < fast.gradient_calls < 1.5 * slow.gradient_calls


def test_paths_that_cannot_be_run_again_are_refused():
    """A gradient that depends on more than the point would branch from other paths without a word."""
    well = ld.potential("double_well")
    walkers = Walkers(well, ld.Overdamped(0.05, 12.0), PAST, None, 3)
    paths = walkers.until(walkers.begin(np.array([-1.0]), 64), -2.2, -0.9)
    all_of_them, levels = np.arange(64), paths.farthest - 1e-9
    found = walkers.branch(paths, all_of_them, levels)
    np.testing.assert_array_equal(found.places, paths.farthest)
    walkers.key += 1
    with pytest.raises(LowlandError, match="did not reach its level"):
        walkers.branch(paths, all_of_them, levels)


@pytest.mark.parametrize("shift", [0.7, *(pytest.param(own, marks=pytest.mark.slow) for own in (0.0, -3.0))])
@pytest.mark.parametrize("n_excursions", [400, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_progress_is_right(shift, n_excursions):
    study = ld.split_escape(
        "double_well",
        [-1.0],
        exit=PAST,
        dynamics=ld.Overdamped(0.04, 16.0),
        coordinate=lambda x: 2 * x[:, 0] - shift,
        n_walkers=n_excursions // 5,
        n_runs=10,
        n_excursions=n_excursions,
        rng=1,
    )
    low, high = study.interval(0.999)
    assert low < 272.6 * 1.05
    assert high > 272.6 / 1.05
    with pytest.raises(InvalidInputError, match="one number per point"):
        ld.split_escape(
            "double_well", [-1.0], exit=PAST, dynamics=SLOW, coordinate=lambda x: x, levels=(-1, 0)
        )
    with pytest.raises(InvalidInputError, match="two finite numbers"):
        ld.split_escape("double_well", [-1.0], exit=PAST, dynamics=SLOW, levels=(-1.0, -0.8, 0.0))


def test_extrapolation_knows_what_it_may_do():
    at_saddle = {
        "exit": ld.HalfSpace([1.0], 0.0),
        "dynamics": ld.Overdamped(0.05, 6.0),
        "n_chains": 20_000,
    }
    low, high = _study(bridge=False, extrapolate=True, **at_saddle).interval(0.999)
    assert low < 10.668 < high
    nobody = _study(max_time=0.2, extrapolate=True)
    assert nobody.mean == np.inf
    assert _study(max_time=0.2).estimate("restricted").mean == pytest.approx(0.2)
    short = _study(max_gradient_calls=200_000, extrapolate=True)
    assert short.horizon == pytest.approx(short.coarse.horizon, abs=0.02)

    def stop(done, total, seconds):
        raise KeyboardInterrupt

    stopped = _study(extrapolate=True, on_progress=stop)
    assert stopped.message == "interrupted"
    assert stopped.coarse is None


def test_intervals_of_few_times_are_wide():
    rng = np.random.default_rng(0)
    covered = [e.lower < 1 < e.upper for e in (sample_mean(rng.exponential(1, 3)) for _ in range(500))]
    assert np.mean(covered) > 0.9
    assert np.isnan(_study(n_chains=1).mean)


def test_quadrature_in_any_unit():
    for scale in (1e-9, 1e-4, 1e3):
        time = mean_exit_time(lambda x, s=scale: ((x / s) ** 2 - 1) ** 2 / 4, -scale, 0.7 * scale, 8.0)
        assert time / scale**2 == pytest.approx(38.11495, rel=1e-5)
    with pytest.raises(InvalidInputError, match="beta"):
        mean_exit_time(lambda x: x**2, 0.0, 1.0, -1.0)


def test_metropolis_needs_energies_and_exact_gradients():
    exact = ld.Overdamped(0.1, 1.0, metropolis=True)
    with pytest.raises(InvalidInputError, match="need energies"):
        ld.sample_langevin(lambda x: x**3 - x, [-1.0], exact)
    with pytest.raises(InvalidInputError, match="not paths of the diffusion"):
        ld.escape_times("double_well", [-1.0], exit=PAST, dynamics=exact)
    noisy = ld.Potential("noisy", 1, lambda x, rng: x, value=lambda x: x[:, 0] ** 2 / 2, stochastic=True)
    with pytest.raises(InvalidInputError, match="exact gradients"):
        ld.sample_langevin(noisy, [0.0], exact)
    with pytest.raises(InvalidInputError, match="value of a potential"):
        ld.Potential("sum", 1, lambda x: x, value=lambda x: np.sum(x**2))
    with pytest.raises(UnsupportedError, match="stochastic gradient"):
        noisy.hessian_at([0.0])


def test_a_landscape_without_floor_gives_no_mean():
    study = ld.escape_times(
        lambda x: x - x**3, [-0.5], exit=PAST, dynamics=QUICK, n_chains=300, check_basin=False, rng=0
    )
    assert study.diverged > 15
    assert np.isnan(study.mean)
    assert "sign right" in str(study)


def test_splitting_says_where_exits_are_not_rare():
    options = {"exit": PAST, "dynamics": ld.Underdamped(0.05, 8.0, 1.0), "rng": 0}
    study = ld.split_escape("double_well", [-1.0], n_walkers=200, n_runs=8, n_excursions=1000, **options)
    low, high = study.interval(0.999)
    assert low < 60.3 < high
    assert "not rare" in str(study)


def test_functions_of_one_point_are_refused():
    with pytest.raises(InvalidInputError, match=r"wrong shape|cannot be evaluated"):
        ld.Potential("own", 2, lambda x: np.array([x[0] ** 3 - x[0], x[1]]))


def test_memory_is_not_read_beyond_its_end():
    from numba import njit

    @njit
    def beyond(x, parameters, out):
        out[0, :] = parameters[5] * x[0, :]

    with pytest.raises(InvalidInputError, match="IndexError"):
        ld.Potential("own", 1, beyond, parameters=[1.0])
    with pytest.raises(InvalidInputError, match="centre"):
        ld.potential("quadratic", hessian=[1.0, 2.0], centre=[3.0])
    for wrong in (1.5, -5):
        with pytest.raises(InvalidInputError, match="warm_up"):
            ld.sample_langevin("quadratic", [0.0], ld.Overdamped(0.1, 1.0), warm_up=wrong)


def test_advice_refuses_what_it_cannot_judge():
    ring = ld.Potential(
        "ring",
        2,
        lambda x: x * (np.sum(x**2, 1, keepdims=True) - 1),
        lambda x: (np.sum(x**2, 1) - 1) ** 2 / 4,
    )
    with pytest.raises(InvalidInputError, match="flat"):
        ld.advise_dynamics(ring, [1.0, 0.0], [0.0, 0.0], beta=8)
    wells = ld.potential("many_wells", dimension=3)
    assert len(wells.saddles) == 3
    with pytest.raises(InvalidInputError, match="one saddle"):
        ld.advise_dynamics(wells, wells.minima[0], wells.saddles, beta=8)
    one = ld.kramers_time(wells, wells.minima[0], wells.saddles[0], SLOW)
    assert ld.kramers_time(wells, wells.minima[0], wells.saddles, SLOW) == pytest.approx(one / 3)
    cold = ld.advise_dynamics(ld.potential("double_well"), [-1.0], [0.0], beta=8000)
    assert 0.005 < next(s for s in cold if s.dynamics.name == "underdamped").dynamics.friction < 1


def test_turns_of_matrices_that_are_nearly_degenerate():
    rng = np.random.default_rng(0)
    for _ in range(300):
        d = rng.integers(2, 6)
        Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        H = (Q * (1 + rng.uniform(0, 10.0 ** rng.integers(-16, -8), d))) @ Q.T
        assert np.all(np.isfinite(ld.optimal_antisymmetric(H)))
    with pytest.raises(InvalidInputError, match="symmetric"):
        ld.optimal_antisymmetric([[1.0, 0.5], [0.4, 1.0]])


def test_long_steps_may_be_stable():
    assert stable_step(ld.Underdamped(1.0, 1.0, 100.0, "exact_ou"), np.eye(1)) == pytest.approx(200, rel=0.01)


def test_starts_and_samples_at_the_edge():
    short = ld.sample_langevin("quadratic", [0.0], ld.Overdamped(0.1, 1.0), n_draws=2)
    assert "too few draws" in str(short)
    with pytest.raises(InvalidInputError, match="one row per chain"):
        _ = ld.escape_times("double_well", np.full((5, 1), -1.0), exit=PAST, dynamics=SLOW, n_chains=200)
    for start in (np.zeros((0, 1)), np.zeros((2, 2, 1)), [1j], ["a"]):
        with pytest.raises(InvalidInputError, match="start"):
            ld.escape_times("double_well", start, exit=PAST, dynamics=SLOW)
    with pytest.raises(InvalidInputError, match="exit must be"):
        ld.escape_times("double_well", [-1.0], exit=None, dynamics=SLOW)
    for wrong in (
        lambda: ld.HalfSpace([1.0], "a"),
        lambda: ld.NonReversible(0.1, 1.0, "a"),
    ):
        with pytest.raises(InvalidInputError):
            wrong()
