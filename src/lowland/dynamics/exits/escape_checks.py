"""Checks of where chains start and what bounds their well: exit, basin, saddle, gradient and step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.dynamics.exit_sets import Ball, ExitSet, HalfSpace
from lowland.dynamics.laws import Dynamics, Overdamped, check_dynamics
from lowland.dynamics.potentials import Potential
from lowland.dynamics.quadratic_wells import check_step

# steps of descent that decide whether a start lies in the basin, and where a path from a saddle ends
_DESCENT_STEPS, _FROM_SADDLE = 2000, 20_000
# where descent from a saddle begins, and how near the minimum counts as there: shares of their distance
_BESIDE, _THERE = 1e-3, 1e-2


def check_paths(dynamics: Dynamics) -> None:
    """Raise InvalidInputError for Metropolis-adjusted steps: they are not paths of the diffusion."""
    check_dynamics(dynamics)
    if dynamics.metropolis:
        raise InvalidInputError(
            "Metropolis-adjusted steps are not paths of the diffusion",
            dynamics.describe(),
            fix=Words("time exits with ", Option("metropolis", False)),
        )


def check_circulating(potential: Potential, dynamics: Dynamics) -> None:
    """Raise InvalidInputError if a potential with a circulation is for other dynamics."""
    if potential.circulation is None:
        return
    beta = potential.circulation[1]
    if not isinstance(dynamics, Overdamped) or abs(dynamics.beta - beta) > 1e-12 * beta:
        raise InvalidInputError(
            f"the potential's circulation is for overdamped dynamics of inverse temperature {beta:g}",
            dynamics.describe(),
            why="with others exp(-beta F) is not invariant",
            fix="make one by with_circulation for this beta, and use Overdamped",
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
            "antisymmetric and the potential must have the same dimension",
            f"a matrix of shape {dynamics.antisymmetric.shape} for dimension {potential.dimension}",
        )
    check_circulating(potential, dynamics)
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
    x = np.atleast_2d(np.asarray(start, dtype=float))[:1]
    curvature = float(np.abs(np.linalg.eigvalsh(potential.hessian_at(x[0]))).max())
    for point in _descent(potential, x, curvature, _DESCENT_STEPS):
        if np.any(_inside(exit, point)):
            raise InvalidInputError(
                "the start lies outside the basin: descent from it runs into the exit set",
                repr(np.atleast_2d(start)[0]),
                fix=Remedy(
                    "start nearer the minimum",
                    Words("pass ", Option("check_basin", False), " to time such paths anyway"),
                ),
            )


def _descent(potential: Potential, start: Matrix, curvature: float, steps: int) -> Iterator[Matrix]:
    """Yield the points (1, d) of a descent until it rests or its gradient is not finite."""
    x, gradient, step = start.copy(), potential.bind(0), 0.2 / max(curvature, 1e-12)
    for _ in range(steps):
        move = step * gradient(x)
        size = float(np.linalg.norm(move))
        if not np.isfinite(size) or size < 1e-10 * (1 + float(np.linalg.norm(x))):
            return
        x = x - move * min(1.0, 0.1 * (1 + float(np.linalg.norm(x))) / size)
        yield x


def ends_elsewhere(potential: Potential, minimum: Vector, saddle: Vector) -> list[Vector]:
    """Return where descent from a saddle ends, if on neither side in a minimum; else, or if unknown, nothing.

    Parameters
    ----------
    potential : Potential
    minimum, saddle : ndarray, shape (d,)
    """
    if potential.stochastic:
        return []  # descent along noisy gradients shows nothing
    apart = float(np.linalg.norm(saddle - minimum))
    at_saddle = potential.hessian_at(saddle)
    curvature = max(
        float(np.abs(np.linalg.eigvalsh(H)).max()) for H in (potential.hessian_at(minimum), at_saddle)
    )
    unstable = np.linalg.eigh(at_saddle)[1][:, 0]
    ends = []
    for side in (1.0, -1.0):
        taken, end = 0, saddle
        for point in _descent(
            potential, (saddle + side * _BESIDE * apart * unstable)[None], curvature, _FROM_SADDLE
        ):
            taken, end = taken + 1, point[0]
            if float(np.linalg.norm(end - minimum)) < _THERE * apart:
                return []
        if taken == _FROM_SADDLE:
            return []  # too slow to tell
        ends.append(end)
    return ends


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
