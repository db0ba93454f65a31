"""A step of Langevin dynamics in a quadratic well: its matrix, stationary covariance, rate and stability.

The matrix is read off the integrator itself, so that what is predicted is what runs.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.laws import Dynamics, check_dynamics


@final
@dataclass(frozen=True, eq=False)
class LinearStep:
    """z' = transition z + noise n, with z the position, or position and velocity, and n standard normals."""

    transition: Matrix
    noise: Matrix
    dimension: int
    step_size: float

    @property
    def radius(self) -> float:
        """Largest modulus of an eigenvalue: below one if the step is stable."""
        return float(np.abs(np.linalg.eigvals(self.transition)).max())

    @property
    def rate(self) -> float:
        """Rate, in inverse time, at which the law approaches the stationary one."""
        return float(-np.log(self.radius) / self.step_size)

    def covariance(self) -> Matrix:
        """Return the stationary covariance of the position, bias of the step included, shape (d, d)."""
        from scipy.linalg import solve_discrete_lyapunov

        whole = solve_discrete_lyapunov(self.transition, self.noise @ self.noise.T)
        return np.asarray(whole)[: self.dimension, : self.dimension]


def linear_step(dynamics: Dynamics, hessian: Matrix) -> LinearStep:
    """Return what one step does in the well of a Hessian.

    Parameters
    ----------
    dynamics : Dynamics
        Without Metropolis adjustment.
    hessian : ndarray, shape (d, d)
    """
    check_dynamics(dynamics)
    if dynamics.metropolis:
        raise InvalidInputError("a Metropolis-adjusted step is not linear", dynamics.describe())
    H = np.atleast_2d(np.asarray(hessian, dtype=float))
    d, parts = len(H), 2 if dynamics.has_velocity else 1
    size, width = parts * d, dynamics.noises * d

    def step(z: Matrix, noise: Matrix) -> Matrix:
        x, v = z[:, :d], z[:, d:] if parts == 2 else np.zeros((len(z), d))
        x, v, _ = step_batch(dynamics, x, v, x @ H, noise, lambda y: y @ H)
        return np.hstack([x, v]) if parts == 2 else x

    transition = step(np.eye(size), np.zeros((size, width))).T
    noise = step(np.zeros((width, size)), np.eye(width)).T
    return LinearStep(transition, noise, d, dynamics.step_size)


# a step that is stable however long
_LONGEST = 1e12


def stable_step(dynamics: Dynamics, hessian: Matrix) -> float:
    """Return the largest stable step size in the well of a Hessian, to one part in a thousand.

    Raises
    ------
    InvalidInputError
        If no step is stable, because the Hessian is not positive definite.
    """
    largest = float(np.linalg.eigvalsh(np.atleast_2d(hessian))[-1])
    if largest <= 0:
        raise InvalidInputError(
            "no direction curves upwards: no step limit", f"largest curvature {largest:.3g}"
        )

    def is_stable(h: float) -> bool:
        return linear_step(dataclasses.replace(dynamics, step_size=h), hessian).radius < 1

    low, high = 0.0, 1.0 / max(largest, np.sqrt(largest))
    while is_stable(high) and high < _LONGEST:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2 if low else high / 2
        low, high = (middle, high) if is_stable(middle) else (low, middle)
        if low and high - low < 1e-3 * high:
            break
    if not low:
        raise InvalidInputError("no step is stable at this point", "the Hessian is not positive definite")
    return low


def check_step(dynamics: Dynamics, hessian: Matrix, where: str) -> None:
    """Raise InvalidInputError if the step is unstable in the well of a positive definite Hessian."""
    if dynamics.metropolis or np.linalg.eigvalsh(hessian)[0] <= 0:
        return
    step = linear_step(dynamics, hessian)
    if step.radius >= 1:
        limit = stable_step(dynamics, hessian)
        raise InvalidInputError(
            f"the step of the {dynamics.name} dynamics is unstable at {where}",
            f"step_size {dynamics.step_size:g}, largest curvature {np.linalg.eigvalsh(hessian)[-1]:.4g}",
            fix=f"stay below {limit:.3g}, and well below it for small bias",
        )
