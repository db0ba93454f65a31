"""Langevin dynamics: compiled steps, exact moments, invariant laws, and inputs that are refused."""

import dataclasses

import numpy as np
import pytest

import lowland as ll
from lowland import dynamics as ld
from lowland.core.errors import InvalidInputError
from lowland.dynamics.kernels import ensembles
from lowland.dynamics.kernels.ensembles import Ensemble
from lowland.dynamics.kernels.step_normals import step_normals, step_uniforms
from lowland.dynamics.laws import INTEGRATORS
from lowland.dynamics.one_dimension import invariant_mean
from lowland.dynamics.potentials import objective_potential
from lowland.dynamics.quadratic_wells import linear_step, stable_step
from lowland.kernels import threads
from lowland.models import General
from lowland.objectives import make_objective
from lowland.testing import check_moments

POTENTIALS = {
    "quadratic": lambda: ld.potential("quadratic", hessian=[[2.0, 0.5], [0.5, 1.0]], centre=[0.3, -0.2]),
    "axes": lambda: ld.potential("quadratic", hessian=[1.0, 3.0, 2.0], centre=[0.1, 0.2, 0.3]),
    "double_well": lambda: ld.potential("double_well", tilt=0.1, transverse=[2.0]),
    "many_wells": lambda: ld.potential("many_wells", dimension=3, tilt=0.1),
    "muller_brown": lambda: ld.potential("muller_brown"),
    "rugged": lambda: ld.potential("rugged", dimension=2, amplitude=0.1),
}
TURN = np.array([[0.0, 1.5], [-1.5, 0.0]])


def _dynamics(dimension, step=0.004, beta=6.0):
    turn = np.zeros((dimension, dimension))
    turn[:2, :2] = TURN
    moves = [ld.Overdamped(step, beta), ld.NonReversible(step, beta, turn)]
    return moves + [ld.Underdamped(5 * step, beta, 0.7, integrator) for integrator in INTEGRATORS]


@pytest.mark.parametrize("name", POTENTIALS)
def test_potentials_agree_with_their_derivatives(name, rng):
    well = POTENTIALS[name]()
    x = rng.uniform(-1, 1, (5, well.dimension))
    h = 1e-5
    for k in range(well.dimension):
        shift = h * np.eye(well.dimension)[k]
        slope = (well.value(x + shift) - well.value(x - shift)) / (2 * h)
        np.testing.assert_allclose(well.gradient(x)[:, k], slope, rtol=1e-6, atol=1e-7)
    by_differences = dataclasses.replace(well, hessian=None)
    np.testing.assert_allclose(well.hessian_at(x[0]), by_differences.hessian_at(x[0]), rtol=1e-5, atol=1e-5)
    for point in (*well.minima, *well.saddles):
        np.testing.assert_allclose(well.gradient(point[None]), 0, atol=1e-8)
    assert all(np.linalg.eigvalsh(well.hessian_at(point))[0] > 0 for point in well.minima)
    assert all(np.sum(np.linalg.eigvalsh(well.hessian_at(p)) < 0) == 1 for p in well.saddles)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        # every day each potential with one exit, and each exit with some of them
        pytest.param(kind, name, marks=[pytest.mark.slow] if (own - k) % 3 else [])
        for k, kind in enumerate(("half-space", "ball", "nowhere"))
        for own, name in enumerate(POTENTIALS)
    ],
)
def test_compiled_chains_are_their_twins(name, kind):
    well = POTENTIALS[name]()
    start = np.tile(well.minima[0], (130, 1))
    exits = {
        "half-space": ld.HalfSpace(np.eye(well.dimension)[0], well.minima[0][0] + 0.5),
        "ball": ld.Ball(well.minima[0], 0.6),
        "nowhere": None,
    }
    ended = 0
    for dynamics in _dynamics(well.dimension):
        parts = (well.gradient, dynamics, 11)
        fast = Ensemble(*parts, compiled=well.compiled, parameters=well.parameters, exit=exits[kind])
        slow = Ensemble(*parts, exit=exits[kind])
        # neither the number of steps a call nor its place in a counter matters
        a = fast.advance(fast.advance(fast.start(start), 37), 163)
        b = slow.advance(slow.start(start), 200)
        running = a.status == ensembles.RUNNING
        np.testing.assert_array_equal(a.status, b.status)
        # normals may differ in the last bit of single precision
        np.testing.assert_allclose(a.x[running], b.x[running], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(a.times, b.times, rtol=1e-4)
        ended += np.sum(~running)
    assert (ended > 0) == (kind != "nowhere")


def test_noise_depends_on_chain_and_step_alone():
    ids = np.arange(50, dtype=np.uint32)
    whole = step_normals(ids, 7, 3, 5)
    np.testing.assert_array_equal(step_normals(ids[20:30], 7, 3, 5), whole[20:30])
    assert not np.array_equal(step_normals(ids, 8, 3, 5), whole)
    assert not np.array_equal(step_normals(ids, 7, 3, 6), whole)
    many = step_normals(np.arange(200_000, dtype=np.uint32), 2, 2, 9)
    assert abs(many.mean()) < 0.01
    assert abs(many.var() - 1) < 0.01
    assert abs(np.mean(many[:, 0] * many[:, 1])) < 0.01
    uniforms = step_uniforms(np.arange(200_000, dtype=np.uint32), 2, 9)
    assert abs(uniforms.mean() - 0.5) < 0.003
    assert abs(uniforms.var() - 1 / 12) < 0.001


def test_same_bits_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "WORTH_IT", 1)
    times = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
        study = ld.escape_times(
            "double_well",
            [-1.0, 0.0],
            exit=ld.HalfSpace([1.0, 0.0], 0.7),
            dynamics=ld.Overdamped(0.02, beta=3),
            n_chains=3000,
            rng=4,
        )
        times.append(study.times)
    np.testing.assert_array_equal(times[0], times[1])
    np.testing.assert_array_equal(times[0], times[2])


def test_user_gradients_run_in_numpy_and_compiled_alike():
    from numba import njit

    @njit
    def compiled(x, parameters, out):
        for t in range(x.shape[1]):
            out[0, t] = parameters[0] * x[0, t] ** 3 - x[0, t]

    options = dict(
        exit=ld.HalfSpace([1.0], 0.7),
        dynamics=ld.Overdamped(0.02, beta=4),
        n_chains=300,
        rng=1,
    )
    by_numpy = ld.escape_times(lambda x: x**3 - x, [-1.0], **options)
    by_numba = ld.escape_times(ld.Potential("own", 1, compiled, parameters=[1.0]), [-1.0], **options)
    by_name = ld.escape_times("double_well", [-1.0], **options)
    np.testing.assert_allclose(by_numpy.times, by_name.times, rtol=1e-6)
    np.testing.assert_allclose(by_numba.times, by_name.times, rtol=1e-6)


# closed forms for omega = 1.3, h = 0.5, friction 1, beta 1
HARMONIC = {
    "baoab": 1 / 1.69,
    "obabo": 1 / (1.69 * (1 - 0.25 * 1.69 / 4)),
    "euler": 4.28878707,
    "symplectic_euler": 0.68870919,
}


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_harmonic_variances(integrator):
    dynamics = ld.Underdamped(0.5, beta=1, friction=1, integrator=integrator)
    H = np.array([[1.69]])
    variance = linear_step(dynamics, H).covariance()
    if integrator in HARMONIC:
        assert variance[0, 0] == pytest.approx(HARMONIC[integrator], rel=1e-7)
    sample = ld.sample_langevin(
        ld.potential("quadratic", hessian=H),
        [0.0],
        dynamics,
        n_chains=4000,
        n_draws=50,
        thin=10,
        rng=2,
    )
    check_moments(sample.draws, [0.0], variance)
    if integrator == "baoab":
        assert sample.mean(lambda x: x[:, 0] ** 2)[0] == pytest.approx(0.59172, rel=0.01)


def test_overdamped_variance_and_small_steps():
    H = np.diag([1.0, 4.0])
    for step in (0.1, 0.3):
        expected = 1 / (2 * np.diag(H) * (1 - step * np.diag(H) / 2))
        np.testing.assert_allclose(
            np.diag(linear_step(ld.Overdamped(step, 2.0), H).covariance()), expected, rtol=1e-12
        )
    for dynamics in _dynamics(2, step=1e-5, beta=2.0):
        np.testing.assert_allclose(
            linear_step(dynamics, H).covariance(), np.linalg.inv(H) / 2, rtol=2e-4, atol=1e-4
        )


@pytest.mark.parametrize("name", ["Overdamped", "NonReversible", *INTEGRATORS])
def test_stable_steps_are_where_the_radius_is_one(name):
    H = np.diag([0.5, 4.0])
    dynamics = {
        "Overdamped": ld.Overdamped(1.0, 1.0),
        "NonReversible": ld.NonReversible(1.0, 1.0, TURN),
    }.get(name) or ld.Underdamped(1.0, 1.0, 0.5, name)
    limit = stable_step(dynamics, H)
    assert linear_step(dataclasses.replace(dynamics, step_size=0.99 * limit), H).radius < 1
    assert linear_step(dataclasses.replace(dynamics, step_size=1.01 * limit), H).radius >= 1
    if name == "Overdamped":
        assert limit == pytest.approx(0.5, rel=2e-3)
    if name in ("baoab", "obabo"):
        assert limit == pytest.approx(1.0, rel=2e-3)


LAW = dict(beta=6.0)
WELL = ld.potential("double_well", tilt=0.1)
MULLER = ld.potential("muller_brown")
INTEGRANDS = (lambda x: (x[:, 0] < 0).astype(float), lambda x: x[:, 0] ** 2)


def test_invariant_law_by_quadrature():
    left = invariant_mean(lambda x: WELL.value(x[:, None]), lambda x: (x < 0) * 1.0, 6.0)
    square = invariant_mean(lambda x: WELL.value(x[:, None]), lambda x: x**2, 6.0)
    assert left == pytest.approx(0.73374, abs=2e-4)
    assert square == pytest.approx(0.88553, abs=5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Overdamped", "NonReversible", "Metropolis", *INTEGRATORS])
def test_invariant_law_at_step_zero(name):
    """Two steps, extrapolated by the integrator's order, agree with quadrature within three errors."""
    make = {
        "Overdamped": lambda h: ld.Overdamped(h / 4, 6.0),
        "Metropolis": lambda h: ld.Overdamped(h / 4, 6.0, metropolis=True),
        "NonReversible": lambda h: ld.NonReversible(h / 4, 6.0, TURN),
        "euler": lambda h: ld.Underdamped(h / 8, 6.0, 0.7, "euler"),
    }.get(name) or (lambda h: ld.Underdamped(h, 6.0, 0.7, name))
    order = 2 if name in ("baoab", "obabo") else 1
    well = ld.potential("double_well", tilt=0.1, transverse=[1.0]) if name == "NonReversible" else WELL
    few = name == "Metropolis"  # in NumPy
    means = []
    for k, h in enumerate((0.1, 0.2)):
        start = np.zeros((2000 if few else 8000, well.dimension))
        start[:, 0] = np.where(np.arange(len(start)) < 0.73374 * len(start), -1.05, 0.95)
        sample = ld.sample_langevin(
            well,
            start,
            make(h),
            n_draws=20 if few else 40,
            thin=50,
            warm_up=1000 if few else 4000,
            rng=np.random.default_rng([3, k]),
        )
        assert sample.diverged == 0
        per_chain = [
            f(sample.draws.reshape(-1, well.dimension)).reshape(len(start), -1).mean(1) for f in INTEGRANDS
        ]
        means.append([(c.mean(), c.std(ddof=1) / np.sqrt(c.size)) for c in per_chain])
    for (fine, fine_error), (coarse, coarse_error), exact in zip(*means, (0.73374, 0.88553), strict=True):
        if name == "Metropolis":
            assert abs(fine - exact) < 3.5 * fine_error
            assert abs(coarse - exact) < 3.5 * coarse_error
            continue
        w = 2**order / (2**order - 1)
        error = np.hypot(w * fine_error, (w - 1) * coarse_error)
        assert abs(w * fine - (w - 1) * coarse - exact) < 3.5 * error + 2e-3


def test_stochastic_gradients_heat():
    """Noise of variance s^2 in the gradient adds h s^2 to the 2/beta of the diffusion."""
    h, beta, s = 0.05, 2.0, 3.0

    def gradient(x, rng):
        return x + s * rng.standard_normal(x.shape)

    noisy = ld.Potential("noisy", 1, gradient, stochastic=True)
    sample = ld.sample_langevin(
        noisy, [0.0], ld.Overdamped(h, beta), n_chains=4000, n_draws=20, thin=20, rng=0
    )
    hotter = 1 / (1 / beta + h * s**2 / 2)
    check_moments(sample.draws, [0.0], linear_step(ld.Overdamped(h, hotter), np.eye(1)).covariance())
    with pytest.raises(AssertionError, match="covariance"):
        check_moments(sample.draws, [0.0], linear_step(ld.Overdamped(h, beta), np.eye(1)).covariance())


def test_mini_batches_of_an_objective():
    rng = np.random.default_rng(0)
    measurement = ll.gaussian(60, (4, 4), rng)

    objective = make_objective(measurement, measurement.measure_matrix(np.eye(4)), General((4, 4), 2))
    well = objective_potential(objective, batch_size=10)
    x = rng.standard_normal((1, objective.size))
    gradient = well.bind(3)
    mean = np.mean([gradient(x)[0] for _ in range(2000)], axis=0)
    exact = objective.gradient(x[0])
    assert np.linalg.norm(mean - exact) < 0.1 * np.linalg.norm(exact)
    sample = ld.sample_langevin(
        objective, x[0], ld.Overdamped(1e-3, 50.0), n_chains=4, n_draws=8, thin=1, rng=0
    )
    assert sample.draws.shape == (4, 8, objective.size)
    assert np.all(np.isfinite(sample.draws))


def test_explosions_are_counted_not_hidden():
    start = np.zeros((200, 1))
    start[100:] = 10.0  # the Euler step of a quartic explodes from there
    for source in ("double_well", lambda x: x**3 - x):
        study = ld.escape_times(
            source,
            start,
            exit=ld.HalfSpace([1.0], 1e9),
            dynamics=ld.Overdamped(0.05, 6.0),
            max_time=1.0,
            rng=0,
            check_basin=False,
        )
        assert (study.diverged, study.left, study.censored) == (100, 0, 100)
        assert "diverged" in str(study)


BAD = {
    "antisymmetric": lambda: ld.NonReversible(0.1, 1.0, np.eye(2)),
    "step_size": lambda: ld.Overdamped(-0.1, 1.0),
    "beta": lambda: ld.Overdamped(0.1, np.nan),
    "integrator": lambda: ld.Underdamped(0.1, 1.0, 1.0, "leapfrog"),
    "(?s)unstable.*use a step below 0.99": lambda: _exit(dynamics=ld.Overdamped(1.5, 8.0)),
    "contains the start": lambda: _exit(exit=ld.HalfSpace([1.0], -2.0)),
    "outside the basin": lambda: _exit(start=[0.2]),
    "not finite": lambda: _exit(potential=lambda x: x * np.nan),
    "same dimension": lambda: _exit(exit=ld.HalfSpace([1.0, 0.0], 0.7)),
    "wrong shape": lambda: _exit(potential=lambda x: x[:, 0]),
    "cannot be evaluated": lambda: _exit(potential=lambda x: x @ np.eye(3)),
    "n_chains": lambda: _exit(n_chains=0),
    "start must have 1": lambda: _exit(start=[np.nan]),
    "one boolean": lambda: _exit(exit=lambda x: x > 0.7),
    "unknown": lambda: ld.potential("triple_well"),
    "no parameter": lambda: ld.potential("double_well", scale=1.0),
    "tilt is too large": lambda: ld.potential("double_well", tilt=0.5),
    "positive definite": lambda: ld.potential("quadratic", hessian=[[1.0, 2.0], [2.0, 1.0]]),
    "need energies": lambda: ld.sample_langevin(lambda x: x, [0.0], ld.Overdamped(0.1, 1, metropolis=True)),
    "one negative eigenvalue": lambda: ld.kramers_time(WELL, WELL.minima[0], WELL.minima[1], MOVES),
    "given minimum is not a minimum": lambda: ld.kramers_time(WELL, WELL.saddles[0], WELL.minima[1], MOVES),
    "does not bound the well": lambda: ld.kramers_time(MULLER, MULLER.minima[0], MULLER.saddles[1], MOVES),
    "not a stationary point": lambda: ld.kramers_time(WELL, [-0.5], WELL.saddles[0], MOVES),
    "square matrix": lambda: ld.NonReversible(0.1, 1.0, np.zeros((2, 3))),
    "within reach of thermal": lambda: ld.split_escape(
        "double_well", [-1.0], exit=ld.HalfSpace([1.0], -0.9), dynamics=MOVES
    ),
    "takes no": lambda: ld.Potential("own", 0, lambda x: x),
}
BAD["dimension must be"] = BAD.pop("takes no")
MOVES = ld.Overdamped(0.01, 8.0)


def _exit(**changes):
    options = dict(
        potential="double_well",
        start=[-1.0],
        exit=ld.HalfSpace([1.0], 0.7),
        dynamics=ld.Overdamped(0.01, 8.0),
        n_chains=10,
        rng=0,
    )
    options.update(changes)
    return ld.escape_times(options.pop("potential"), options.pop("start"), **options)


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_refused(words):
    with pytest.raises(InvalidInputError, match=words):
        BAD[words]()


def test_displays_draw_what_was_measured():
    from matplotlib.figure import Figure

    from lowland.dynamics.displays import PathsDisplay, SurvivalDisplay

    study = ld.escape_times(
        "double_well",
        [-1.0],
        exit=ld.HalfSpace([1.0], 0.7),
        dynamics=ld.Overdamped(0.02, 3.0),
        n_chains=50,
        rng=0,
    )
    shown = SurvivalDisplay.from_study(study).plot(Figure().subplots())
    steps = shown.ax_.get_lines()[0].get_xydata()
    np.testing.assert_allclose(steps[1:, 0], np.unique(study.times))
    assert steps[25, 1] == pytest.approx(0.5, abs=0.03)
    sample = ld.sample_langevin(
        "double_well", [-1.0], ld.Overdamped(0.02, 3.0), n_chains=3, n_draws=20, thin=5, rng=0
    )
    paths = PathsDisplay.from_sample(sample, ld.potential("double_well").value, name="energy")
    paths.plot(Figure().subplots())
    np.testing.assert_allclose(paths.numbers[1], (sample.draws[1, :, 0] ** 2 - 1) ** 2 / 4)
    np.testing.assert_allclose(paths.times[:2], [0, 0.1])
    away = PathsDisplay.from_sample(sample)
    np.testing.assert_array_equal(away.numbers[:, 0], 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ld.kaplan_meier(np.ones(3), np.array([1, 0, 1], np.uint8)), "boolean per time"),
        (lambda: ld.kaplan_meier(np.ones(3), [True]), "boolean per time"),
        (lambda: ld.invariant_mean(lambda x: x**2 / 2, lambda x: x**2, -1.0), "beta"),
        (lambda: ld.invariant_mean(lambda x: x**2 / 2, lambda x: x**2, 0.001), "beyond the span"),
        (lambda: ld.drift_rate(np.eye(2), np.eye(3)), "2 x 2 matrix"),
        (lambda: ld.drift_rate(np.eye(2), np.eye(2)), "antisymmetric"),
        (lambda: ld.drift_rate(np.ones((2, 3))), "square matrix"),
        (lambda: ld.linear_step(ld.Overdamped(0.1, 1), [[np.nan]]), "square matrix"),
        (lambda: ld.stable_step(ld.Overdamped(0.1, 1), [[np.nan]]), "square matrix"),
        (lambda: ld.stable_step("baoab", [[1.0]]), "dynamics"),
        (lambda: ld.unstable_rate([[-1.0, 2.0], [0.0, 1.0]], ld.Overdamped(0.1, 1)), "symmetric"),
        (lambda: ld.linear_step(ld.Overdamped(3.0, 1), [[1.0]]).covariance(), "no stationary law"),
    ],
)
def test_theory_refuses_what_it_cannot_mean(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()
