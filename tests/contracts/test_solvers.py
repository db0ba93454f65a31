import numpy as np
import pytest

from cases import PROBLEMS, SOLVERS, parametrise
from lowland.core.capabilities import offers
from lowland.core.errors import UnsupportedError
from lowland.core.status import StopReason
from lowland.search import Iterations, make_start, run
from lowland.search.loop import Checkpoint
from lowland.testing import check_progress, check_repeatable


@parametrise(SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS)
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
        checkpoint=Checkpoint(saved.append),
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
