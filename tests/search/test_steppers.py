"""What single steppers promise beyond progress."""

import numpy as np
import pytest

from cases import completion_problem, sensing_problem
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.status import StopReason
from lowland.datasets import false_minimum
from lowland.measure import Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.search import (
    GaussNewton,
    GradientBelow,
    Iterations,
    Scaled,
    TrustRegion,
    VariableProjection,
    make_start,
    run,
)
from lowland.search.newton.trust_region import truncated_newton


@pytest.mark.parametrize("form", ["levenberg", "setting"])
def test_lsqr_takes_the_steps_of_the_normal_equations(form, rng):
    objective = sensing_problem("general")
    theta = make_start(objective, "random", rng)
    at = objective.linearise(theta)
    shift = 3.0
    right = -at.gradient - (shift * theta if form == "setting" else 0.0)
    normal, lsqr = (
        GaussNewton(form=form, inner=inner)._solve(objective, at, shift, right, 1e-12)[0]
        for inner in ("normal", "lsqr")
    )
    np.testing.assert_allclose(lsqr, normal, rtol=1e-6)


def test_lsqr_needs_least_squares(rng):
    objective = completion_problem()
    with pytest.raises(UnsupportedError, match="lsqr"):
        run(objective, GaussNewton(inner="lsqr"), np.ones(objective.size), stop=Iterations(1), rng=rng)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GaussNewton(form="newton"), "form is unknown"),
        (lambda: GaussNewton(inner="qr"), "inner is unknown"),
        (lambda: Scaled(damping=-1.0), "at least 0"),
        (lambda: VariableProjection("left"), "side is unknown"),
        (lambda: VariableProjection(surplus=0.0), "surplus"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_trust_region_leaves_a_saddle(rng):
    """The false point is a saddle below delta = 1/2; the gradient there vanishes exactly in one direction."""
    instance, false = false_minimum(0.4)
    objective = make_objective(instance.measurement, instance.y, Psd((2, 2), 1))
    start = false.ravel() + np.array([1e-6, 0.0])
    result = run(objective, TrustRegion(), start, stop=GradientBelow(1e-10) | Iterations(100), rng=rng)
    assert result.value < 1e-16
    assert result.stop_reason is StopReason.CONVERGED


def test_trust_region_converges_fast_with_a_residual(rng):
    """Gauss-Newton is linear where the residual stays; Newton is not."""
    objective = completion_problem(penalty=2.0)
    start = make_start(objective, "random", rng)
    result = run(objective, TrustRegion(), start, stop=GradientBelow(1e-9) | Iterations(100), rng=rng)
    assert result.stop_reason is StopReason.CONVERGED
    assert result.iterations < 60


@pytest.mark.parametrize("radius", [0.1, 1.0, 100.0])
def test_truncated_newton_against_the_exact_model(rng, radius):
    """Never worse than the Cauchy point, inside the ball, and exact for a convex model in a large one."""
    root = rng.standard_normal((6, 6))
    gradient = rng.standard_normal(6)
    for hessian in (root @ root.T + np.eye(6), root + root.T):
        step, predicted, at_edge, _ = truncated_newton(
            lambda d, h=hessian: h @ d, gradient, radius, 1e-12, 50
        )
        assert np.linalg.norm(step) <= radius * (1 + 1e-12)
        assert predicted == pytest.approx(-gradient @ step - 0.5 * step @ hessian @ step)
        along = gradient @ hessian @ gradient
        square = gradient @ gradient
        longest = radius / np.sqrt(square)
        length = min(square / along, longest) if along > 0 else longest
        assert predicted >= length * square - 0.5 * length**2 * along - 1e-12
        if not at_edge:
            np.testing.assert_allclose(step, -np.linalg.solve(hessian, gradient), rtol=1e-8)


def test_scaled_descent_does_not_mind_the_condition(rng):
    """Plain descent needs steps in proportion to the condition number; scaled descent does not."""
    steps = {}
    for condition in (1.0, 30.0):
        u, v = (np.linalg.qr(rng.standard_normal((20, 3)))[0] for _ in "uv")
        truth = (u * np.geomspace(condition, 1, 3)) @ v.T
        cells = np.arange(400)
        entries = Entries(cells // 20, cells % 20, (20, 20))
        objective = make_objective(entries, truth.ravel(), General((20, 20), 3))
        start = make_start(objective, "random", rng)
        result = run(objective, Scaled(), start, stop=GradientBelow(1e-8) | Iterations(500), rng=rng)
        assert objective.value(result.theta) < 1e-12 * condition**2
        steps[condition] = result.iterations
    assert steps[30.0] < 4 * steps[1.0]
