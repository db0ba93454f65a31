"""Bounds of the re-check where sums cancel or squares underflow: they charge what rounding may cost."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

import lowland as ll
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.models import General
from lowland.objectives import make_objective
from lowland.objectives.plain import plain_problem
from lowland.recheck.matrices.lower_bounds import _bias_cost
from proof_samples import judged


def test_sums_over_a_line_that_cancel_are_charged():
    """Biases cost the squares of the sums of a dual vector, which are zero as computed, and one in truth."""
    A = ll.Entries([0, 0, 0], [0, 1, 2], (1, 3))
    model = General((1, 3), 1, biases=("row",))
    problem = make_objective(A, np.ones(3), model, penalty=1.0, bias_penalty=0.25)
    nu = np.array([2.0**53, 1.0, -(2.0**53)])
    cost, charge = _bias_cost(plain_problem(problem, np.zeros(model.size), ""), nu, 0.0)
    exact = sum(map(Fraction, nu)) ** 2 / (2 * Fraction(problem.bias_penalty))
    assert cost < exact <= cost + charge


def test_squares_that_underflow_are_no_exact_fit():
    """Of data of 1e-160 half a unit in the last place squares to zero, and so does a residual of 1e-172."""
    A = ll.Entries([0, 0, 1, 1], [0, 1, 0, 1], (2, 2))
    left, right = np.array([[1.0], [3.0]]), np.array([[1.0], [5.0]])
    y = 1e-160 * (left @ right.T).ravel() * (1 + 1e-13)
    objective = make_objective(A, y, General((2, 2), 1))
    theta = objective.from_factors(ll.Factors(1e-80 * left, 1e-80 * right))
    document = judged(objective, theta, (A, y)).document
    reason = because("exact_by_bound", half=0.0, upper=0.0)
    witness = {"lower_bound": 0.0, "half_units": 0.0, "last_places": 0.0, "misfit": 1e-13}
    proof = Finding(
        "globally_optimal",
        Verdict.PROVED,
        0.0,
        0.5,
        1e-12,
        reason=reason,
        rigour=Rigour.RIGOROUS,
        witness=witness,
    )
    forged = replace(document, certificate=replace(document.certificate, findings=(proof,)))
    assert ll.verify(forged, (A, y)).checks[0].outcome is not Outcome.CONFIRMED
