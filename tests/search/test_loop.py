"""Every way in which a search can end, and the algebra of stop rules."""

import dataclasses
import os
import signal

import numpy as np
import pytest

from cases import PROBLEMS, sensing_problem
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.results.status import StopReason
from lowland.losses import Poisson
from lowland.measure import RankOne
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search import (
    Alternating,
    Gradient,
    GradientBelow,
    HeldOutRises,
    Iterations,
    RelativeDecreaseBelow,
    Seconds,
    Stochastic,
    ValueBelow,
    make_start,
    run,
)
from lowland.search.gibbs import Drawn
from lowland.search.stops import Progress


@pytest.fixture
def objective():
    return PROBLEMS["completion"]()


def search(objective, stop, stepper=None, **options):
    rng = np.random.default_rng(3)
    return run(
        objective, stepper or Gradient(), make_start(objective, "random", rng), stop=stop, rng=rng, **options
    )


def test_converged_by_gradient(objective):
    result = search(objective, GradientBelow(1e-6) | Iterations(2000))
    assert result.stop_reason is StopReason.CONVERGED
    assert "gradient" in result.message
    norms = result.trace.measures["gradient_norm"]
    assert norms[-1] <= 1e-6 * norms.max()


def test_limits(objective):
    limited = search(objective, Iterations(3))
    assert limited.stop_reason is StopReason.ITERATION_LIMIT
    assert limited.ending == "stopped: iteration limit, 3 iterations done"
    asked = search(objective, Drawn(3, 2))  # of three sweeps, the first is not kept
    assert (asked.stop_reason, asked.iterations, asked.ending) == (StopReason.DRAWN, 3, "all 2 draws made")
    assert search(objective, Iterations(3)).iterations == 3
    assert search(objective, Seconds(0.0)).stop_reason is StopReason.TIME_LIMIT
    assert search(objective, Iterations(0)).iterations == 0


def test_stalled(objective):
    result = search(objective, Iterations(100000))
    assert result.stop_reason is StopReason.STALLED
    assert "lowers the objective" in result.message


def test_diverged(objective):
    result = search(objective, Iterations(1000), Stochastic(step_size=0.05, radius=1e9))
    assert result.stop_reason in (StopReason.DIVERGED, StopReason.NON_FINITE)
    assert result.value <= result.trace.values[0]


def test_non_finite_start(objective):
    theta = np.full(objective.size, np.nan)
    result = run(objective, Gradient(), theta, stop=Iterations(5), rng=np.random.default_rng(0))
    assert result.stop_reason is StopReason.NON_FINITE
    assert result.iterations == 0


@pytest.mark.usefixtures("default_handler")
def test_interrupted_keeps_the_best_point(objective):
    def interrupt(progress, theta):
        if progress.iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)

    result = search(objective, Iterations(500), Alternating(), callbacks=[interrupt])
    assert result.stop_reason is StopReason.INTERRUPTED
    assert result.iterations == 3
    assert result.value == result.trace.values.min()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("default_handler")
def test_second_interrupt_raises(objective):
    def interrupt(progress, theta):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        search(objective, Iterations(500), Alternating(), callbacks=[interrupt])


@pytest.mark.parametrize("kind", ["datetime64[s]", "float32", "int64"])
def test_saved_points_of_another_kind_are_refused(objective, kind):
    saved = []
    search(objective, Iterations(2), checkpoint=saved.append)
    whole = search(objective, Iterations(2), resume=saved[-1])
    assert whole.iterations == 2
    other = dataclasses.replace(saved[-1], best_theta=saved[-1].best_theta.astype(kind))
    with pytest.raises((FileFormatError, InvalidInputError), match=r"numbers|a point of"):
        search(objective, Iterations(2), resume=other)


def test_held_out_rule(objective):
    errors = iter([3.0, 2.0, 1.0, 1.5, 1.6, 1.7, 1.8])
    result = search(
        objective,
        HeldOutRises(3) | Iterations(50),
        callbacks=[lambda progress, theta: {"held_out": next(errors)}],
    )
    assert result.stop_reason is StopReason.CONVERGED
    # the least error was the third; three later ones did not beat it
    assert result.iterations == 6
    assert result.trace.measures["held_out"].tolist() == [3.0, 2.0, 1.0, 1.5, 1.6, 1.7]


def test_rules_compose():
    progress = Progress(iteration=5, values=[4.0, 3.0, 2.0, 2.0, 2.0, 2.0], gradient_norms=[1.0] * 6)
    slow, many, few = RelativeDecreaseBelow(1e-3), Iterations(5), Iterations(9)
    assert (slow | few).first(progress)[0] is StopReason.CONVERGED
    assert (few | many).first(progress)[0] is StopReason.ITERATION_LIMIT
    assert (slow & few).first(progress) is None
    both = (slow & many).first(progress)
    assert both[0] is StopReason.ITERATION_LIMIT
    assert ";" in both[1]
    assert (slow & ValueBelow(2.0)).first(progress)[0] is StopReason.CONVERGED
    assert not RelativeDecreaseBelow(1e-3, window=5).fired(progress)


def test_rules_do_not_fire_on_nan():
    progress = Progress(iteration=2, values=[1.0, np.nan, np.nan], gradient_norms=[np.nan] * 3)
    for rule in (GradientBelow(1e-3), RelativeDecreaseBelow(1e-3), ValueBelow(1.0)):
        assert rule.first(progress) is None


def test_wrong_size(objective):
    with pytest.raises(InvalidInputError, match="theta has the wrong size"):
        run(objective, Gradient(), np.zeros(3), stop=Iterations(1), rng=np.random.default_rng(0))


def test_starts(objective):
    rng = np.random.default_rng(0)
    energy = objective.value(objective.centre())
    for name in ("random", "spectral", "small_random"):
        assert make_start(objective, name, rng).shape == (objective.size,)
    assert objective.value(make_start(objective, "spectral", rng)) < energy
    given = np.ones(objective.size)
    np.testing.assert_array_equal(make_start(objective, given, rng), given)
    with pytest.raises(InvalidInputError, match="start is unknown"):
        make_start(objective, "lucky", rng)
    with pytest.raises(InvalidInputError, match="wrong size"):
        make_start(objective, [1.0], rng)


@pytest.mark.parametrize("structure", ["general", "psd"])
def test_start_from_factors(structure, rng):
    start = sensing_problem(structure)
    (m, n), rank = start.shape, start.rank
    left = rng.standard_normal((m, rank))
    right = left if structure == "psd" else rng.standard_normal((n, rank))
    theta = make_start(start, Factors(left, right), rng)
    np.testing.assert_allclose(start.matrix(theta).matrix(), left @ right.T)
    for bad, words in (
        (Factors(left[:, :1], right[:, :1]), "wrong shape"),
        (Factors(left + 1j, right + 1j), "complex factors"),
        (Factors(np.inf * left, np.inf * right), "finite"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            make_start(start, bad, rng)
    if structure == "psd":
        with pytest.raises(InvalidInputError, match="equal factors"):
            make_start(start, Factors(left, 2 * left), rng)


def test_start_with_an_infinite_objective(rng):
    measurement = RankOne(np.eye(3))
    counts = make_objective(measurement, np.ones(3), Psd((3, 3), 1), loss=Poisson())
    with pytest.raises(InvalidInputError, match="infinite at start"):
        make_start(counts, [1.0, 0.0, 1.0], rng)


def test_projection_keeps_points_in_the_ball(objective):
    lengths = []
    stop = Iterations(5)
    search(
        objective,
        stop,
        Stochastic(radius=2.0, perturbation=1.0),
        callbacks=[lambda progress, theta: lengths.append(np.linalg.norm(theta))],
    )
    assert max(lengths) <= 2.0 * (1 + 1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"perturbation_law": "loud"},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"perturbation": -1.0},
        {"perturbation": "some"},
        {"perturbation": float("inf")},
        {"accuracy": 0.1},
        {"accuracy": 0.1, "perturbation": "auto"},
        {"accuracy": 0.1, "perturbation": 0.1, "perturbation_law": "constant"},
        {"accuracy": 2.0, "perturbation": "auto", "perturbation_law": "constant"},
    ],
)
def test_stochastic_rejects(options):
    with pytest.raises(InvalidInputError):
        Stochastic(**options)
