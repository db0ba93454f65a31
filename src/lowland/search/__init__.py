"""Local search: one loop, interchangeable steps, stop rules that compose."""

from lowland.search.accelerated import Accelerated
from lowland.search.alternating import Alternating
from lowland.search.gradient import Gradient
from lowland.search.loop import run
from lowland.search.newton.empirical_bayes import EmpiricalBayes
from lowland.search.newton.gauss_newton import GaussNewton
from lowland.search.newton.trust_region import TrustRegion
from lowland.search.newton.variable_projection import VariableProjection
from lowland.search.scaled import Scaled
from lowland.search.starts import critical_ridge, make_start
from lowland.search.stochastic import Stochastic
from lowland.search.stops import (
    GradientBelow,
    HeldOutRises,
    Iterations,
    RelativeDecreaseBelow,
    Seconds,
    ValueBelow,
)

__all__ = [
    "Accelerated",
    "Alternating",
    "EmpiricalBayes",
    "GaussNewton",
    "Gradient",
    "GradientBelow",
    "HeldOutRises",
    "Iterations",
    "RelativeDecreaseBelow",
    "Scaled",
    "Seconds",
    "Stochastic",
    "TrustRegion",
    "ValueBelow",
    "VariableProjection",
    "critical_ridge",
    "make_start",
    "run",
]
