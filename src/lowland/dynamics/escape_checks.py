"""Checks of the start of chains: exit, basin, gradient and step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.dynamics.exit_sets import Ball, ExitSet, HalfSpace
from lowland.dynamics.laws import Dynamics, check_dynamics
from lowland.dynamics.potentials import Potential
from lowland.dynamics.quadratic_wells import check_step

# steps of descent that decide whether a start lies in the basin
_DESCENT_STEPS = 2000


def check_paths(dynamics: Dynamics) -> None:
    """Raise InvalidInputError for Metropolis-adjusted steps: they are not paths of the diffusion."""
    check_dynamics(dynamics)
    if dynamics.metropolis:
        raise InvalidInputError(
            "Metropolis-adjusted steps are not paths of the diffusion",
            dynamics.describe(),
            fix="time exits with metropolis=False",
        )


def check_start(potential: Potential, start: Matrix, exit: ExitSet, dynamics: Dynamics) -> None:
    """Raise InvalidInputError if chains cannot start here: exit, basin, gradient, or step."""
    points = np.atleast_2d(start)
    if points.ndim != 2 or not len(points) or points.shape[1] != potential.dimension:
        raise InvalidInputError(
            f"start must have {potential.dimension} coordinates", f"shape {np.shape(start)}"
        )
    if not np.all(np.isfinite(points)):
        raise InvalidInputError(
            f"start must have {potential.dimension} finite coordinates", f"shape {points.shape}"
        )
    if isinstance(exit, HalfSpace | Ball) and exit.dimension != potential.dimension:
        raise InvalidInputError(
            "the exit set and the potential must have the same dimension",
            f"dimensions {exit.dimension} and {potential.dimension}",
        )
    if dynamics.antisymmetric is not None and len(dynamics.antisymmetric) != potential.dimension:
        raise InvalidInputError(
            "J and the potential must have the same dimension",
            f"J of shape {dynamics.antisymmetric.shape} for dimension {potential.dimension}",
        )
    gradient = potential.bind(0)(points)
    if not np.all(np.isfinite(gradient)):
        raise InvalidInputError("the gradient at the start is not finite", repr(gradient[0]))
    if np.any(_inside(exit, points)):
        raise InvalidInputError(
            "the exit set contains the start", repr(points[0]), fix="start within the basin"
        )
    if dynamics.metropolis and (potential.value is None or potential.stochastic):
        raise InvalidInputError(
            "Metropolis-adjusted steps need energies and exact gradients", f"potential {potential.name}"
        )
    if not potential.stochastic or potential.hessian is not None:
        check_step(dynamics, potential.hessian_at(points[0]), "the start")


def check_basin(potential: Potential, start: Matrix, exit: ExitSet) -> None:
    """Raise InvalidInputError if descent from the start runs into the exit set."""
    if potential.stochastic and potential.hessian is None:
        return  # descent along noisy gradients shows nothing
    x = np.atleast_2d(np.asarray(start, dtype=float))[:1].copy()
    gradient = potential.bind(0)
    curvature = float(np.abs(np.linalg.eigvalsh(potential.hessian_at(x[0]))).max())
    step = 0.2 / max(curvature, 1e-12)
    for _ in range(_DESCENT_STEPS):
        move = step * gradient(x)
        size = float(np.linalg.norm(move))
        if not np.isfinite(size) or size < 1e-10 * (1 + float(np.linalg.norm(x))):
            return
        x = x - move * min(1.0, 0.1 * (1 + float(np.linalg.norm(x))) / size)
        if np.any(_inside(exit, x)):
            raise InvalidInputError(
                "the start lies outside the basin: descent from it runs into the exit set",
                repr(np.atleast_2d(start)[0]),
                fix="start nearer the minimum, or pass check_basin=False to time such paths anyway",
            )


def _inside(exit: ExitSet, points: Matrix) -> NDArray[np.bool_]:
    if isinstance(exit, HalfSpace | Ball):
        return exit.distance(points) <= 0
    if not callable(exit):
        raise InvalidInputError("exit must be a HalfSpace, a Ball or a function", type(exit).__name__)
    inside = np.asarray(exit(points))
    if inside.shape != (len(points),):
        raise InvalidInputError(
            "the exit function must return one boolean per point",
            f"shape {inside.shape} for {len(points)} points",
        )
    return inside.astype(bool)
