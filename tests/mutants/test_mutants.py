"""Every contract is proved to bite: a planted fault must be rejected.

A mutant is the library's own part with one fault; the check that guards it must fail on it.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest

import lowland as ll
from cases import PROBLEMS, judgement, make_small_objective
from lowland import dynamics as ld
from lowland.certificates import JudgeSettings
from lowland.certificates.gaps import dual, optimality, spectral_bounds
from lowland.core.dense_operator import DenseMap
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Rigour, StopReason, Verdict
from lowland.datasets import false_minimum
from lowland.measure import Entries, Fourier, Pauli, RankOne
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import Gradient, Iterations, make_start, run
from lowland.testing import (
    check_adjoint,
    check_gradient,
    check_hessian,
    check_measure,
    check_moments,
    check_progress,
    check_repeatable,
    check_sound,
)
from oracles import naive


class Delegate:
    """Another object with some attributes replaced."""

    def __init__(self, inner, **replaced):
        self._inner, self._replaced = inner, replaced

    def __getattr__(self, name):
        return self._replaced[name] if name in self._replaced else getattr(self._inner, name)


# ------------------------------------------------------------------ measurements
ENTRIES = Entries([0, 1, 1, 2], [0, 1, 1, 0], (3, 2))


def assigning_adjoint(weights):
    dense = np.zeros((3, 2))
    dense[ENTRIES.rows, ENTRIES.columns] = weights
    return DenseMap(dense)


@pytest.mark.parametrize(
    "adjoint",
    [
        assigning_adjoint,
        lambda w: DenseMap(ENTRIES.adjoint(w).toarray() * (1 + 1e-8)),
        lambda w: DenseMap(ENTRIES.adjoint(w[::-1]).toarray()),
    ],
    ids=["assigns instead of adding", "scaled by 1 + 1e-8", "reversed"],
)
def test_wrong_adjoint(adjoint, rng):
    with pytest.raises(AssertionError):
        check_adjoint(Delegate(ENTRIES, adjoint=adjoint), rng)


PAULI = Pauli(["XY", "YY", "ZI", "XY"])
VECTORS = RankOne(np.random.default_rng(2).standard_normal((7, 3, 2)).view(complex)[..., 0])
WAVES = Fourier(np.triu(np.ones((4, 4), dtype=bool)))


@pytest.mark.parametrize("measurement", [PAULI, VECTORS, WAVES], ids=["pauli", "rank one", "fourier"])
@pytest.mark.parametrize(
    "fault",
    [
        lambda a: lambda w: DenseMap(a.adjoint(w).toarray().conj()),
        lambda a: lambda w: DenseMap(a.adjoint(w.conj()).toarray()),
        lambda a: lambda w: DenseMap(a.adjoint(w).toarray() * (1 + 1e-8)),
        lambda a: lambda w: DenseMap(a.adjoint(w).toarray().T),
    ],
    ids=["conjugated", "weights conjugated", "scaled by 1 + 1e-8", "transposed"],
)
def test_wrong_complex_adjoint(measurement, fault, rng):
    with pytest.raises(AssertionError):
        check_adjoint(Delegate(measurement, adjoint=fault(measurement)), rng)


def test_products_without_conjugate(rng):
    """An operator whose rmatmat is the transpose alone."""

    def adjoint(w):
        dense = VECTORS.adjoint(w).toarray()
        return Delegate(DenseMap(dense), rmatmat=lambda block: dense.T @ block)

    with pytest.raises(AssertionError, match="rmatmat"):
        check_adjoint(Delegate(VECTORS, adjoint=adjoint), rng)


def test_assigning_adjoint_passes_where_nothing_repeats(rng):
    """Why the table of cases holds repeats: without them this mutant survives."""
    distinct = Entries([0, 1, 2], [0, 1, 0], (3, 2))

    def adjoint(weights):
        dense = np.zeros((3, 2))
        dense[distinct.rows, distinct.columns] = weights
        return DenseMap(dense)

    check_adjoint(Delegate(distinct, adjoint=adjoint), rng)


@pytest.mark.parametrize(
    "measure",
    [
        lambda x: ENTRIES.measure_matrix(x) + 1e-6,
        lambda x: ENTRIES.measure_matrix(x) ** 2,
        lambda x: np.zeros(4),
    ],
    ids=["affine", "quadratic", "zero"],
)
def test_wrong_measure(measure, rng):
    with pytest.raises(AssertionError):
        check_measure(Delegate(ENTRIES, measure_matrix=measure), rng)


# ------------------------------------------------------------------ objectives
OBJECTIVE = make_small_objective(General((7, 6), 2, ("row",)), penalty=0.4)


def with_gradient(change):
    def gradient(theta):
        return change(OBJECTIVE.gradient(theta))

    return Delegate(
        OBJECTIVE, gradient=gradient, value_and_gradient=lambda t: (OBJECTIVE.value(t), gradient(t))
    )


@pytest.mark.parametrize(
    "change",
    [lambda g: g * (1 + 1e-6), lambda g: 2 * g, lambda g: g + 1e-5, lambda g: np.r_[0, g[1:]]],
    ids=["relative 1e-6", "factor 2", "offset", "a coordinate lost"],
)
def test_wrong_gradient(change, rng):
    with pytest.raises(AssertionError):
        check_gradient(with_gradient(change), rng.standard_normal(OBJECTIVE.size), rng)


@pytest.mark.parametrize(
    "product",
    [
        lambda t, d: OBJECTIVE.linearise(t).gauss_newton_product(d),
        lambda t, d: OBJECTIVE.hessian_product(t, d) + 1e-5 * np.roll(d, 1),
        lambda t, d: OBJECTIVE.hessian_product(t, d) * (1 + 1e-6),
        lambda t, d: OBJECTIVE.hessian_product(t, np.abs(d)),
    ],
    ids=["Gauss-Newton only", "not symmetric", "relative 1e-6", "not linear"],
)
def test_wrong_hessian(product, rng):
    with pytest.raises(AssertionError):
        check_hessian(Delegate(OBJECTIVE, hessian_product=product), rng.standard_normal(OBJECTIVE.size), rng)


# ------------------------------------------------------------------ solvers
def search(stepper, seed=0):
    objective = PROBLEMS["completion"]()
    rng = np.random.default_rng(seed)
    return run(objective, stepper, make_start(objective, "random", rng), stop=Iterations(20), rng=rng)


def ascending_step(objective, state, rng):
    state, info = Gradient().step(objective, state, rng)
    flipped = dataclasses.replace(state, theta=1.001 * state.theta)
    return flipped, dataclasses.replace(info, value=objective.value(flipped.theta) + 20 * rng.random())


def global_noise_step(objective, state, rng):
    state, info = Gradient().step(objective, state, rng)
    noise = np.random.default_rng().standard_normal(state.theta.size)
    return dataclasses.replace(state, theta=state.theta + 1e-9 * noise), info


def test_solver_that_rises():
    with pytest.raises(AssertionError):
        check_progress(search(Delegate(Gradient(), step=ascending_step)), promises_descent=True, ratio=0.9)


def test_solver_that_does_nothing():
    idle = Delegate(
        Gradient(),
        step=lambda objective, state, rng: (state, Gradient().init(objective, state.theta, rng)[1]),
    )
    with pytest.raises(AssertionError, match="too little progress"):
        check_progress(search(idle), promises_descent=True)


def test_solver_with_hidden_randomness():
    with pytest.raises(AssertionError):
        check_repeatable(lambda seed: search(Delegate(Gradient(), step=global_noise_step), seed))


def test_result_that_returns_the_last_point_not_the_best():
    result = search(Gradient())
    worse = dataclasses.replace(result, value=float(result.trace.values[-1] * 1.1))
    with pytest.raises(AssertionError, match="not the smallest seen"):
        check_progress(worse, promises_descent=True)


# ------------------------------------------------------------------ certificates
def test_judge_that_takes_convergence_for_a_proof():
    """The naive judge: stationary and second-order stationary, hence global."""
    instance, factor = false_minimum(0.6)
    objective = make_objective(instance.measurement, instance.y, Psd((2, 2), 1))
    result = run(objective, Gradient(), factor.ravel(), stop=Iterations(3), rng=np.random.default_rng(0))
    assert result.stop_reason in (StopReason.STALLED, StopReason.ITERATION_LIMIT)
    naive_verdict = Finding("globally_optimal", Verdict.PROVED, rigour=Rigour.RIGOROUS)
    with pytest.raises(AssertionError, match="is false and was PROVED"):
        check_sound(Certificate((naive_verdict,)), {"globally_optimal": False})


def test_judge_that_refutes_what_is_true():
    wrong = Finding("stationary", Verdict.REFUTED, rigour=Rigour.RIGOROUS)
    with pytest.raises(AssertionError, match="is true and was REFUTED"):
        check_sound(Certificate((wrong,)), {"stationary": True})


# objectives among which a wrong bound must show itself
COUNTS = [5, pytest.param(20, marks=pytest.mark.slow)]


@cache
def weighted_instances(biases, instances_count):
    """Return objectives with weights, points near their optimum and its value; no test changes them."""
    instances = []
    for seed in range(instances_count):
        rng = np.random.default_rng(seed)
        rows, columns = np.nonzero(rng.random((6, 5)) < 0.7)
        y = rng.standard_normal(rows.size) + 2
        weights = rng.uniform(0.2, 4, rows.size)
        objective = make_objective(
            Entries(rows, columns, (6, 5)), y, General((6, 5), 5, biases), weights=weights, penalty=0.7
        )
        rng = np.random.default_rng(1)
        theta = make_start(objective, "spectral", rng)
        # some points at the optimum, where bounds are sharp, and some that are merely near it
        steps = Iterations(400 if seed % 4 == 0 else 80)
        theta = run(objective, Gradient(), theta, stop=steps, rng=rng).theta
        best = naive.nuclear_norm_optimum((6, 5), rows, columns, y, weights, 0.7, biases, iterations=5000)
        instances.append((objective, theta, best))
    return instances


def false_bounds(biases, instances_count):
    """Count lower bounds that exceed the optimum."""
    count = 0
    for objective, theta, best in weighted_instances(biases, instances_count):
        bound = dual.dual_bound(objective, theta, objective.value(theta), judgement())
        count += bound.value > best * (1 + 1e-9)
    return count


@pytest.mark.parametrize("count", COUNTS)
def test_unweighted_formula_on_weighted_data_gives_false_bounds(count, monkeypatch):
    assert false_bounds((), count) == 0
    scaled = dual._scaled

    def unweighted(objective, direction, *rest, **named):
        plain = Delegate(objective, weights=None, penalty=objective.penalty)
        residual = direction / objective.weights
        return scaled(plain, residual, *rest, **named)

    monkeypatch.setattr(dual, "_scaled", unweighted)
    assert false_bounds((), count) > 0


@pytest.mark.parametrize("count", COUNTS)
def test_ignoring_the_bias_constraint_gives_false_bounds(count, monkeypatch):
    biases = ("row", "column", "global")
    assert false_bounds(biases, count) == 0
    inner = dual.dual_bound
    monkeypatch.setattr(dual, "bias_charge", lambda *arguments: 0.0)

    def without_refit(objective, theta, *rest):
        unfitted = Delegate(objective.biases, refit=lambda theta: theta)
        return inner(Delegate(objective, biases=unfitted), theta, *rest)

    monkeypatch.setattr(dual, "dual_bound", without_refit)
    assert false_bounds(biases, count) > 0


def test_cholesky_without_a_rounding_charge_accepts_too_small_bounds(monkeypatch):
    def accepted():
        count = 0
        for seed in range(30):
            matrix = np.random.default_rng(seed).standard_normal((300, 200))
            count += spectral_bounds.is_norm_below(matrix, np.linalg.norm(matrix, 2) * (1 - 1e-15))
        return count

    assert accepted() == 0
    monkeypatch.setattr(spectral_bounds, "gamma", lambda terms, dtype="float64": 0.0)
    monkeypatch.setattr(spectral_bounds, "unit_roundoff", lambda dtype: 0.0)
    assert accepted() > 0


@pytest.mark.parametrize("count", COUNTS)
def test_lanczos_taken_for_an_upper_bound_gives_a_false_proof(count, monkeypatch):
    """A bound from below, called rigorous, makes dual points feasible that are not."""
    bad = 0
    for objective, theta, best in weighted_instances((), count):
        settings = JudgeSettings(norm_bound="lanczos", lanczos_steps=1)
        finding = optimality.judge_optimality(objective, theta, judgement(settings))[0]
        assert finding.verdict is not Verdict.PROVED
        # a bound above the objective itself is noticed, and not stated
        bad += finding.witness.get("lower_bound", np.inf) > best * (1 + 1e-9)
    assert bad > 0, "one Lanczos step must be too optimistic somewhere, or this test shows nothing"


FAULTS = {
    "a gradient that is always zero": lambda o: {"gradient": np.zeros_like},
    "a gradient too small": lambda o: {"gradient": lambda theta: o.gradient(theta) * (1 - 1e-3)},
    "an adjoint too small": lambda o: {"adjoint": lambda w: o.adjoint(w * (1 - 1e-6))},
    "an adjoint of other data": lambda o: {"adjoint": lambda w: o.adjoint(w[::-1])},
    "values without the penalty": lambda o: {"value": lambda theta: o.data_value(o.predict(theta))},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_objectives_that_vouch_for_themselves(fault):
    """Whatever they say, nothing is claimed; of the objective as it is, something is."""
    objective = PROBLEMS["completion"]()
    theta = make_start(objective, "spectral", np.random.default_rng(0))
    theta = run(objective, Gradient(), theta, stop=Iterations(500), rng=np.random.default_rng(0)).theta
    honest = ll.certify(objective, theta)
    assert honest["stationary"].verdict is not Verdict.INCONCLUSIVE
    liar = Delegate(objective, **FAULTS[fault](objective), in_double=lambda: liar)
    proof = ll.certify(liar, theta)
    assert all(finding.verdict is Verdict.INCONCLUSIVE for finding in proof)
    assert all("disagree" in finding.method for finding in proof)


def _moments_of(dynamics, seed=0):
    """Draws from a quadratic well of curvature 1.69 at inverse temperature 1."""
    sample = ld.sample_langevin(
        ld.potential("quadratic", hessian=[1.69]),
        [0.0],
        dynamics,
        n_chains=2000,
        n_draws=40,
        thin=10,
        rng=seed,
    )
    return sample.draws


@pytest.mark.parametrize(
    "fault", [(1, 1.05), (2, 1.05), (0, 1.2)], ids=["decay of velocity", "noise", "kick and drift"]
)
def test_sampler_with_a_wrong_number(fault, monkeypatch):
    moves = ld.Underdamped(0.5, 1.0, 1.0)
    variance = [[1 / 1.69]]
    check_moments(_moments_of(moves), [0.0], variance)
    right, (place, factor) = moves.coefficients, fault
    wrong = right.copy()
    wrong[place] *= factor
    if place == 0:  # BAOAB is exact at every step, so it must not be a change of the step alone
        wrong[1] = np.exp(-0.9)
    monkeypatch.setattr(ld.Underdamped, "coefficients", property(lambda self: wrong))
    with pytest.raises(AssertionError, match="covariance is off"):
        check_moments(_moments_of(moves), [0.0], variance)


def test_sampler_that_takes_the_old_velocity():
    with pytest.raises(AssertionError, match="covariance is off"):
        check_moments(_moments_of(ld.Underdamped(0.1, 1.0, 1.0, "euler")), [0.0], [[1 / 1.69]])


def test_sampler_whose_turn_is_not_antisymmetric(monkeypatch):
    turn = np.array([[0.0, 0.8], [-0.8, 0.0]])
    moves = ld.NonReversible(0.002, 1.0, turn)
    start, options = np.zeros(2), dict(n_chains=1500, n_draws=20, thin=200, rng=0)
    well = ld.potential("quadratic", hessian=[[2.0, 0.5], [0.5, 1.0]])
    covariance = np.linalg.inv([[2.0, 0.5], [0.5, 1.0]])
    check_moments(ld.sample_langevin(well, start, moves, **options).draws, start, covariance)
    # the compiled loop reads the upper half; the twin takes the matrix as it is
    own = ld.Potential("own", 2, lambda x: x @ np.array([[2.0, 0.5], [0.5, 1.0]]))
    object.__setattr__(moves, "antisymmetric", np.array([[0.0, 0.8], [0.8, 0.0]]))
    options.update(n_chains=200, n_draws=20)
    with pytest.raises(AssertionError, match="covariance is off"):
        check_moments(ld.sample_langevin(own, start, moves, **options).draws, start, covariance)


def test_mean_of_those_that_left_misses_the_truth(rng):
    """The interval of the naive mean does not cover; that of exposure over events does."""
    from lowland.dynamics.exits.survival import exponential_mean, sample_mean

    naive = right = 0
    for _ in range(200):
        times = rng.exponential(1.0, 200)
        events, seen = times < 1.2, np.minimum(times, 1.2)
        a, b = sample_mean(seen[events]), exponential_mean(seen, events)
        naive += a.lower <= 1 <= a.upper
        right += b.lower <= 1 <= b.upper
    assert naive == 0
    assert right > 180
