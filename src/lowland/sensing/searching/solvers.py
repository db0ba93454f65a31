"""Solvers by name, and the stop rules that suit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.wording import InCode, Option, Remedy, Words
from lowland.objectives import RecoveryObjective
from lowland.search import (
    Alternating,
    EmpiricalBayes,
    GaussNewton,
    Gradient,
    GradientBelow,
    Iterations,
    RelativeDecreaseBelow,
    Scaled,
    Stochastic,
    TrustRegion,
    ValueBelow,
    VariableProjection,
    critical_ridge,
)
from lowland.search.stepper import Stepper
from lowland.search.stops import NoLowerValue, StopRule

SOLVERS: dict[str, Callable[[], Stepper[Any]]] = {
    "sgd": partial(Stochastic, perturbation="auto"),
    "gradient": Gradient,
    "stochastic": Stochastic,
    "alternating": Alternating,
    "gauss_newton": GaussNewton,
    "empirical_bayes": EmpiricalBayes,
    "scaled": Scaled,
    "trust_region": TrustRegion,
    "variable_projection": VariableProjection,
}

# step limits that are enough for hard problems (reaching the limit is reported), and the plateau that ends
# a search: a relative decrease below the tolerance over this many steps. Newton-like steps near the end
# converge so fast that even a tiny decrease still gains digits.
STEP_LIMITS = {
    "sgd": 2000,
    "gradient": 5000,
    "stochastic": 1000,
    "alternating": 2000,
    "gauss_newton": 200,
    "empirical_bayes": 100,
    "scaled": 3000,
    "trust_region": 300,
    "variable_projection": 60,
}
PLATEAUS = {
    # noise takes up to a hundred passes to leave a saddle
    "sgd": (1e-6, 100),
    "gradient": (1e-14, 20),
    "stochastic": (1e-9, 20),
    "alternating": (1e-9, 5),
    "scaled": (1e-14, 20),
    "empirical_bayes": (1e-3, 8),
    "variable_projection": (1e-3, 8),
}

# relative residual at which an exact fit counts as reached, well above rounding in float64
EXACT_RESIDUAL = {"float64": 1e-13, "float32": 1e-5}


def make_solver(solver: str | Stepper[Any]) -> Stepper[Any]:
    """Return a stepper for a name, or the stepper itself.

    Raises
    ------
    InvalidInputError
        If the name is unknown.
    """
    if isinstance(solver, Stepper) and not isinstance(solver, type):
        return solver
    if not isinstance(solver, str) or solver not in SOLVERS:
        raise InvalidInputError(
            Words(Option("solver"), " is unknown"),
            repr(solver),
            fix=Remedy(
                Words("use ", Option("solver", "auto", *SOLVERS)),
                InCode("pass a stepper such as GaussNewton()"),
            ),
        )
    return SOLVERS[solver]()


def data_energy(objective: RecoveryObjective) -> float:
    """Return the data term when only biases are fitted, the natural unit of the objective."""
    return objective.unfitted[0]


def exact_value(objective: RecoveryObjective) -> float:
    """Return the objective below which a fit without penalty counts as exact."""
    return EXACT_RESIDUAL[str(objective.dtype)] ** 2 * data_energy(objective)


def warmed_alternating(objective: RecoveryObjective, rng: np.random.Generator) -> Alternating:
    """Return sweeps that begin with a penalty so large that almost nothing is fitted."""
    return Alternating(first_ridge=0.5 * critical_ridge(objective, rng))


def default_stop(objective: RecoveryObjective, stepper: Stepper[Any]) -> StopRule:
    """Return the default stop rule of a stepper; a plateau during its warm-up does not count."""
    solver = stepper.name
    after = stepper.warm_up(objective.penalty) if isinstance(stepper, Alternating) else 0
    tolerance, window = PLATEAUS.get(solver, (1e-14, 1))
    least = 0.0 if str(objective.dtype) == "float64" else 1e-6
    rule: StopRule = RelativeDecreaseBelow(max(tolerance, least), window, after)
    if isinstance(stepper, Stochastic):
        rule = NoLowerValue(max(tolerance, least), window)
    rules = GradientBelow(1e-10) | rule | Iterations(STEP_LIMITS.get(solver, 1000))
    if objective.penalty:
        return rules
    # quadratic convergence: two more digits cost one step, and small singular values need them
    share = 1e-4 if solver == "variable_projection" and str(objective.dtype) == "float64" else 1.0
    return ValueBelow(share * exact_value(objective)) | rules
