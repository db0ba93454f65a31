from collections import Counter

import numpy as np
import pytest

from cases import PROBLEMS, SOLVERS, parametrise
from lowland.core.errors import UnsupportedError
from lowland.core.promises.capabilities import offers
from lowland.core.results.status import StopReason
from lowland.search import Iterations, make_start, run
from lowland.testing import check_progress, check_repeatable


def _is_possible(case, name, objective):
    can = all(offers(objective, need) for need in case.make().needs)
    return can and name not in case.extra.get("not on", ())


def _pairs():
    """Return all solvers with all problems, and those of every day.

    Each solver has two of the problems that it can work on, in turn, and all that it refuses: these take no
    time.
    """
    pairs, everyday = [], []
    objectives = {name: make() for name, make in PROBLEMS.items()}
    for number, case in enumerate(SOLVERS):
        able = [name for name, own in objectives.items() if _is_possible(case, name, own)]
        chosen = {able[number % len(able)], able[(number + len(able) // 2) % len(able)]}
        for name in PROBLEMS:
            is_everyday = name in chosen or name not in able
            if name in chosen:
                everyday.append((case.name, name))
            pairs.append(
                pytest.param(
                    case,
                    name,
                    marks=[] if is_everyday else [pytest.mark.slow],
                    id=f"{name}-{case.part.__name__}: {case.name}",
                )
            )
    return pairs, everyday


PAIRS, EVERYDAY = _pairs()


def test_each_solver_and_each_problem_is_met_every_day():
    assert {solver for solver, _ in EVERYDAY} == {case.name for case in SOLVERS}
    counts = Counter(name for _, name in EVERYDAY)
    assert set(counts) == set(PROBLEMS)
    assert min(counts.values()) >= 2


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_progress(case, name, rng):
    objective, stepper = PROBLEMS[name](), case.make()
    if not all(offers(objective, need) for need in stepper.needs):
        with pytest.raises(UnsupportedError, match="cannot work on this objective"):
            run(objective, stepper, np.zeros(objective.size), stop=Iterations(1), rng=rng)
        return
    if name in case.extra.get("not on", ()):
        assert not stepper.promises_descent
        return
    theta = make_start(objective, "random", rng)
    before = theta.copy()
    result = run(objective, stepper, theta, stop=Iterations(case.extra["steps"]), rng=rng)
    check_progress(result, promises_descent=stepper.promises_descent)
    np.testing.assert_array_equal(theta, before)
    assert result.value == pytest.approx(objective.value(result.theta), rel=1e-12)


def _problem_for(case):
    problems = (make() for make in PROBLEMS.values())
    return next(p for p in problems if all(offers(p, need) for need in case.part.needs))


@parametrise(SOLVERS)
def test_same_seed_same_bits(case):
    objective = _problem_for(case)

    def search(seed):
        rng = np.random.default_rng(seed)
        return run(objective, case.make(), make_start(objective, "random", rng), stop=Iterations(5), rng=rng)

    check_repeatable(search)


@parametrise(SOLVERS)
def test_resumes_bit_for_bit(case):
    objective = _problem_for(case)
    start = make_start(objective, "random", np.random.default_rng(0))
    whole = run(objective, case.make(), start, stop=Iterations(9), rng=np.random.default_rng(1))
    saved = []
    first = run(
        objective,
        case.make(),
        start,
        stop=Iterations(4),
        rng=np.random.default_rng(1),
        checkpoint=saved.append,
    )
    assert first.stop_reason is StopReason.ITERATION_LIMIT
    rest = run(
        objective, case.make(), start, stop=Iterations(9), rng=np.random.default_rng(99), resume=saved[-1]
    )
    np.testing.assert_array_equal(rest.theta, whole.theta)
    np.testing.assert_array_equal(rest.trace.values, whole.trace.values)


@parametrise(SOLVERS)
def test_non_finite_values_end_the_search_with_the_best_point(case, rng):
    objective = _problem_for(case)

    class Poisoned:
        """Turns to NaN after a few evaluations, as an overflow would."""

        calls = 0

        def __getattr__(self, name):
            return getattr(objective, name)

        def value(self, theta):
            Poisoned.calls += 1
            return objective.value(theta) if Poisoned.calls < 4 else float("nan")

        def value_and_gradient(self, theta):
            return self.value(theta), objective.gradient(theta)

    start = make_start(objective, "random", rng)
    result = run(Poisoned(), case.make(), start, stop=Iterations(50), rng=rng)
    # a line search never accepts a NaN, so it stalls; the others step into it and stop there
    assert result.stop_reason in (StopReason.NON_FINITE, StopReason.STALLED)
    assert np.isfinite(result.theta).all()
    assert np.isfinite(result.value)
