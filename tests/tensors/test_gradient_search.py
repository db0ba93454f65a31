"""Gradient steps with jumps: the published search for Tucker decompositions, and its relative."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.status import Verdict
from lowland.tensors.cells.inputs import as_observations
from lowland.tensors.tucker.gradient_search import gradient_search
from lowland.tensors.tucker.multistart import make_tucker_objective


@pytest.mark.covering
@pytest.mark.parametrize("solver", ["gradient", "gradient_at_random"])
@pytest.mark.parametrize("holes", [False, True])
def test_gradient_steps_and_jumps_reach_the_optimum_by_themselves(solver, holes):
    rng = np.random.default_rng(3)
    factors = tuple(np.linalg.qr(rng.standard_normal((length, 2)))[0] for length in (6, 5, 4))
    truth = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    data = np.where(rng.random(truth.shape) < 0.25, np.nan, truth) if holes else truth
    fit = ll.decompose_tucker(data, 2, solver=solver, rng=0)
    own = fit.attempts[0]
    assert (own.start, own.solver) == ("random", "gradient")
    assert own.value < 1e-8 * np.sum(truth**2)
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED
    np.testing.assert_allclose(fit.tensor(), truth, atol=1e-12)


def test_gradient_steps_jump_off_a_saddle_that_the_hessian_does_not_see():
    """Both columns lack the second direction of the data, in all modes and the core."""
    rng = np.random.default_rng(0)
    factors = tuple(np.linalg.qr(rng.standard_normal((5, 2)))[0] for _ in range(3))
    core = np.zeros((2, 2, 2))
    core[0, 0, 0], core[1, 1, 1] = 1.0, 0.5
    data = as_observations(ll.TuckerTensor(core, factors).tensor())
    objective = make_tucker_objective(data, (2, 2, 2), 0.1)
    known = tuple(np.column_stack([factor[:, 0], np.zeros(5)]) for factor in factors)
    first = np.zeros((2, 2, 2))
    first[0, 0, 0] = 1.0
    saddle = objective.balanced(ll.TuckerTensor(first, known))
    for at_random in (False, True):
        end, orders = gradient_search(
            objective, saddle, np.random.default_rng(0), at_random=at_random, enough=1e-10, most=20_000
        )
        assert end.value <= 1e-10
        assert orders[0] == 4
        assert end.solver == "gradient"


@pytest.mark.parametrize("solver", ["newton", None, 3])
def test_solvers_by_other_names_are_refused(solver):
    with pytest.raises(ll.errors.InvalidInputError, match="gradient_at_random"):
        ll.decompose_tucker(np.ones((3, 3, 3)), 1, solver=solver)


def test_the_history_is_that_of_all_gradient_steps():
    """A jump begins new steps: their values are all kept, in order, and are drawn on the page."""
    rng = np.random.default_rng(3)
    factors = tuple(np.linalg.qr(rng.standard_normal((length, 2)))[0] for length in (6, 5, 4))
    truth = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    noisy = truth + 0.05 * rng.standard_normal(truth.shape)
    seen = []
    fit = ll.decompose_tucker(
        noisy,
        2,
        solver="gradient_at_random",
        callbacks=(lambda here, _: seen.append(here.values[-1]),),
        rng=0,
    )
    own, trace = fit.own_end, fit.own_end.trace
    assert own.solver == "gradient"
    assert trace.iterations[0] == 0
    assert trace.iterations[-1] == own.iterations == fit.attempts[0].iterations
    assert np.all(np.diff(trace.iterations) >= 0)
    assert np.all(np.diff(trace.seconds) >= 0)
    assert np.all(np.diff(trace.values) <= 1e-12)
    assert own.value == trace.values[-1]
    # where a jump led is where the steps after it begin
    begun = np.r_[True, np.diff(trace.iterations) == 0]
    assert begun.sum() > 1
    assert trace.values[~begun].tolist() == seen
    drawn = fit.plot("convergence")
    np.testing.assert_array_equal(drawn.values, trace.values)
    assert fit.search.value < own.value
    assert fit.polishing in str(fit)
    default = ll.decompose_tucker(noisy, 2, rng=0)
    assert default.polishing == ""
    assert default.own_end.solver == default.search.solver
