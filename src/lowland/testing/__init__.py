"""The test kit: contracts that every operator, objective, solver and certificate must keep.

Each check raises AssertionError with what it found. Use the checks on your own parts:

>>> import numpy as np, lowland as ll
>>> from lowland.testing import check_adjoint
>>> check_adjoint(ll.gaussian(7, (3, 4), 0), np.random.default_rng(1))
"""

from lowland.testing.certificates import check_sound
from lowland.testing.derivatives import check_gradient, check_hessian
from lowland.testing.operators import check_adjoint, check_measure, check_work
from lowland.testing.promises import check_loss, check_offers, check_penalty
from lowland.testing.samplers import check_moments
from lowland.testing.solvers import check_progress, check_repeatable

__all__ = [
    "check_adjoint",
    "check_gradient",
    "check_hessian",
    "check_loss",
    "check_measure",
    "check_moments",
    "check_offers",
    "check_penalty",
    "check_progress",
    "check_repeatable",
    "check_sound",
    "check_work",
]
