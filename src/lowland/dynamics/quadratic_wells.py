"""A step of Langevin dynamics in a quadratic well: its matrix, stationary covariance, rate and stability.

The matrix is computed by running the integrator itself, so predictions are about the code that runs.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.dynamics.hessians import check_dimension, check_hessian
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.laws import Dynamics, check_dynamics


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False)
class LinearStep:
    """z' = transition z + noise n, with z the position, or position and velocity, and n standard normals.

    Parameters
    ----------
    transition : ndarray, shape (s, s)
        With s = d for a position alone, and s = 2 d for position and velocity, in this order.
    noise : ndarray, shape (s, k)
        With k = d, or k = 2 d where a step uses two normals for each coordinate.
    dimension : int
        Number d of coordinates of the position.
    step_size : float
        Time of a step.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> step = ll.dynamics.linear_step(ll.dynamics.Overdamped(0.1, beta=1), np.diag([1.0, 5.0]))
    >>> round(step.radius, 6), round(step.rate, 4)
    (0.9, 1.0536)
    >>> np.diag(step.covariance()).round(4)  # without the bias of the step: 1 and 0.2
    array([1.0526, 0.2667])
    """

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
        radius = self.radius
        return float(-np.log(radius) / self.step_size) if radius > 0 else float("inf")

    def covariance(self) -> Matrix:
        """Return the stationary covariance of the position, bias of the step included, shape (d, d).

        Raises
        ------
        InvalidInputError
            If the step is unstable: there is then no stationary law.
        """
        return self.whole_covariance()[: self.dimension, : self.dimension]

    def whole_covariance(self) -> Matrix:
        """Return the stationary covariance of z, shape (s, s).

        Raises
        ------
        InvalidInputError
            If the step is unstable: there is then no stationary law.
        """
        if not self.radius < 1:
            raise InvalidInputError(
                "an unstable step has no stationary law",
                f"spectral radius {self.radius:.6g}",
                fix="use a smaller step",
            )
        from scipy.linalg import LinAlgWarning, solve_discrete_lyapunov

        with warnings.catch_warnings():
            # slow modes of stiff wells: what is lost is theirs alone, and in proportion to them
            warnings.simplefilter("ignore", LinAlgWarning)
            whole = solve_discrete_lyapunov(self.transition, self.noise @ self.noise.T)
        return np.asarray((whole + whole.T) / 2)


@public("lowland.dynamics")
def linear_step(dynamics: Dynamics, hessian: Matrix) -> LinearStep:
    """Return the linear map of one step in a quadratic well with a given Hessian.

    Parameters
    ----------
    dynamics : Overdamped, NonReversible or Underdamped
        Without Metropolis adjustment.
    hessian : array_like, shape (d, d)
        Symmetric; second derivatives of the potential at the bottom of the well.

    Returns
    -------
    LinearStep
        Acting on positions relative to the bottom of the well.

    Raises
    ------
    InvalidInputError
        If `dynamics` is not one of the three, its steps are Metropolis-adjusted, or sizes differ; or if the
        Hessian is not symmetric.

    Examples
    --------
    >>> import lowland as ll
    >>> moves = ll.dynamics.Underdamped(0.5, beta=1, friction=1)
    >>> step = ll.dynamics.linear_step(moves, [[4.0]])
    >>> step.transition.shape, step.radius < 1
    ((2, 2), True)
    >>> step.covariance().round(6)  # BAOAB has the exact variance 1 / 4
    array([[0.25]])
    """
    check_dynamics(dynamics)
    if dynamics.metropolis:
        raise InvalidInputError("a Metropolis-adjusted step is not linear", dynamics.describe())
    H = check_hessian(hessian)
    check_dimension(dynamics, H)
    d, parts = len(H), 2 if dynamics.has_velocity else 1
    size, width = parts * d, dynamics.noises * d

    def step(z: Matrix, noise: Matrix) -> Matrix:
        x, v = z[:, :d], z[:, d:] if parts == 2 else np.zeros((len(z), d))
        x, v, _ = step_batch(dynamics, x, v, x @ H, noise, lambda y: y @ H)
        return np.hstack([x, v]) if parts == 2 else x

    transition = step(np.eye(size), np.zeros((size, width))).T
    noise = step(np.zeros((width, size)), np.eye(width)).T
    return LinearStep(transition, noise, d, dynamics.step_size)


# a step of this size counts as stable at any size
_LONGEST = 1e12


@public("lowland.dynamics")
def stable_step(dynamics: Dynamics, hessian: Matrix) -> float:
    """Return the largest stable step size in a well with a given Hessian, to one part in a thousand.

    Parameters
    ----------
    dynamics : Overdamped, NonReversible or Underdamped
        Without Metropolis adjustment; its own step size is not used.
    hessian : array_like, shape (d, d)
        Symmetric positive definite; second derivatives of the potential at the bottom of the well.

    Returns
    -------
    float
        In units of the dynamics' time; about 1e12 if every step is stable.

    Raises
    ------
    InvalidInputError
        If no step is stable because the Hessian is not positive definite, or steps are Metropolis-adjusted.

    Examples
    --------
    >>> from lowland.dynamics import Overdamped, Underdamped, stable_step
    >>> round(stable_step(Overdamped(0.01, beta=8), [[4.0]]), 2)
    0.5
    >>> round(stable_step(Underdamped(0.01, beta=8, friction=1), [[4.0]]), 2)
    1.0
    """
    check_dynamics(dynamics)
    largest = float(np.linalg.eigvalsh(check_hessian(hessian))[-1])
    if largest <= 0:
        raise InvalidInputError(
            "the Hessian has no positive curvature, and the step no limit",
            f"largest curvature {largest:.3g}",
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
            fix=f"use a step below {limit:.3g}, well below it for a small bias",
        )
