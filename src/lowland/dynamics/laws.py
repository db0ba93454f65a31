"""Langevin dynamics as frozen records: the law, the step, and the coefficients of one step.

With inverse temperature beta and a potential F:

- overdamped: dX = -grad F dt + sqrt(2/beta) dB;
- non-reversible: dX = -(I + J) grad F dt + sqrt(2/beta) dB with J antisymmetric;
- underdamped: dX = V dt, dV = -(friction V + grad F) dt + sqrt(2 friction/beta) dB.

All three leave exp(-beta F) invariant; their discretisations do so up to a bias from the step size.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive


class Scheme(int, Enum):
    """Form of a step, as numbered in the compiled loops and their NumPy equivalents."""

    OVERDAMPED = 0
    LINEAR = 1
    BAOAB = 2
    OBABO = 3


@public("lowland.dynamics")
@final
@dataclass(frozen=True)
class Overdamped:
    """The reversible diffusion, by the Euler-Maruyama scheme or by Metropolis-adjusted steps.

    Parameters
    ----------
    step_size : float
        Time of a step.
    beta : float
        Inverse temperature.
    metropolis : bool
        Accept or reject each step (MALA): the invariant law is exact, but paths, and hence exit times, are
        not those of the diffusion.

    Examples
    --------
    >>> import lowland as ll
    >>> ll.dynamics.Overdamped(0.01, beta=8).describe()
    'overdamped, step 0.01, inverse temperature 8'

    References
    ----------
    G. Roberts, R. Tweedie, Exponential convergence of Langevin distributions, Bernoulli 1996.
    """

    step_size: float
    beta: float
    metropolis: bool = False

    def __post_init__(self) -> None:
        check_positive("step_size", self.step_size)
        check_positive("beta", self.beta)

    name = "overdamped"
    scheme = Scheme.OVERDAMPED
    has_velocity = False
    noises = 1

    @property
    def coefficients(self) -> Vector:
        """Coefficients of a step: the step size and the standard deviation of its noise."""
        return np.array([self.step_size, np.sqrt(2 * self.step_size / self.beta)])

    @property
    def antisymmetric(self) -> Matrix | None:
        """The matrix J; None for this dynamics."""
        return None

    def describe(self, *, with_step: bool = True) -> str:
        """Return the dynamics in words, with the step or as the diffusion that it approximates."""
        kind = "Metropolis-adjusted" if self.metropolis and with_step else "overdamped"
        return f"{kind}{_step(self, with_step)}, inverse temperature {self.beta:g}"


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False)
class NonReversible:
    """The diffusion with drift -(I + J) grad F, by the Euler-Maruyama scheme.

    Parameters
    ----------
    step_size : float
    beta : float
        Inverse temperature.
    antisymmetric : ndarray, shape (d, d)
        The matrix J. A step costs one product for each nonzero entry.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> ll.dynamics.NonReversible(0.01, beta=8, antisymmetric=[[0.0, 1.0], [-1.0, 0.0]]).describe()
    'non-reversible (|J| = 1), step 0.01, inverse temperature 8'

    References
    ----------
    C.-R. Hwang, S.-Y. Hwang-Ma, S.-J. Sheu, Accelerating Gaussian diffusions, Ann. Appl. Probab. 1993;
    X. Gao, M. Gurbuzbalaban, L. Zhu, Breaking reversibility accelerates Langevin dynamics for
    non-convex optimization, NeurIPS 2020.
    """

    step_size: float
    beta: float
    antisymmetric: Matrix

    def __post_init__(self) -> None:
        check_positive("step_size", self.step_size)
        check_positive("beta", self.beta)
        J = np.asarray(self.antisymmetric)
        J = J.astype(float) if J.dtype.kind in "biuf" else np.full((1, 1), np.nan)
        if J.ndim != 2 or J.shape[0] != J.shape[1] or not np.all(np.isfinite(J)):
            raise InvalidInputError(
                "antisymmetric must be a square matrix of finite real numbers",
                f"shape {np.shape(self.antisymmetric)}",
            )
        excess = float(np.abs(J + J.T).max(initial=0.0))
        if excess > 1e-12 * max(float(np.abs(J).max(initial=0.0)), np.finfo(float).tiny):
            raise InvalidInputError(
                "antisymmetric must equal minus its transpose",
                f"largest entry of its sum with its transpose is {excess:.3g}",
                why="otherwise exp(-beta F) is not invariant",
                fix="pass (J - J.T) / 2",
            )
        object.__setattr__(self, "antisymmetric", (J - J.T) / 2)

    name = "non-reversible"
    scheme = Scheme.OVERDAMPED
    has_velocity = False
    noises = 1
    metropolis = False

    @property
    def coefficients(self) -> Vector:
        """Coefficients of a step: the step size and the standard deviation of its noise."""
        return np.array([self.step_size, np.sqrt(2 * self.step_size / self.beta)])

    def describe(self, *, with_step: bool = True) -> str:
        """Return the dynamics in words, with the step or as the diffusion that it approximates."""
        size = float(np.linalg.norm(self.antisymmetric, 2)) if self.antisymmetric.size else 0.0
        words = f"non-reversible (|J| = {size:.3g}){_step(self, with_step)}"
        return f"{words}, inverse temperature {self.beta:g}"


INTEGRATORS = ("baoab", "obabo", "euler", "symplectic_euler", "exact_ou")


@public("lowland.dynamics")
@final
@dataclass(frozen=True)
class Underdamped:
    """The diffusion with inertia and unit mass.

    Parameters
    ----------
    step_size : float
    beta : float
        Inverse temperature.
    friction : float
    integrator : {"baoab", "obabo", "euler", "symplectic_euler", "exact_ou"}
        "baoab" has the exact variance of positions in a quadratic well at every stable step. "euler" moves
        the position by the old velocity, as in the founding papers; "exact_ou" integrates the linear part
        exactly, with correlated noise of position and velocity.

    Examples
    --------
    >>> import lowland as ll
    >>> ll.dynamics.Underdamped(0.05, beta=8, friction=0.5).describe()
    'underdamped (baoab, friction 0.5), step 0.05, inverse temperature 8'

    References
    ----------
    B. Leimkuhler, C. Matthews, Rational construction of stochastic numerical methods for molecular
    sampling, Appl. Math. Res. Express 2013; X. Cheng et al., Underdamped Langevin MCMC, COLT 2018.
    """

    step_size: float
    beta: float
    friction: float
    integrator: str = "baoab"

    def __post_init__(self) -> None:
        for name in ("step_size", "beta", "friction"):
            check_positive(name, getattr(self, name))
        if self.integrator not in INTEGRATORS:
            raise InvalidInputError(
                "integrator is unknown", repr(self.integrator), fix=f"use one of {', '.join(INTEGRATORS)}"
            )

    name = "underdamped"
    has_velocity = True
    metropolis = False

    @property
    def scheme(self) -> Scheme:
        """Form of a step."""
        return {"baoab": Scheme.BAOAB, "obabo": Scheme.OBABO}.get(self.integrator, Scheme.LINEAR)

    @property
    def noises(self) -> int:
        """Number of normals that a step uses for each coordinate."""
        return 2 if self.integrator in ("obabo", "exact_ou") else 1

    @property
    def antisymmetric(self) -> Matrix | None:
        """The matrix J; None for this dynamics."""
        return None

    @property
    def coefficients(self) -> Vector:
        """Coefficients of a step.

        For the splittings: the step, the factor of the velocity and the deviation of its noise. Otherwise
        those of x' = x + a v + b g + c n1 and v' = d v + e g + f n1 + k n2, in the order a, b, c, d, e, f,
        k.
        """
        h, gamma, beta = self.step_size, self.friction, self.beta
        if self.scheme is not Scheme.LINEAR:
            decay = np.exp(-gamma * h / (2 if self.integrator == "obabo" else 1))
            return np.array([h, decay, np.sqrt((1 - decay**2) / beta)])
        if self.integrator == "exact_ou":
            return _ornstein_uhlenbeck(h, gamma, beta)
        decay, noise = 1 - gamma * h, np.sqrt(2 * gamma * h / beta)
        if self.integrator == "euler":
            return np.array([h, 0.0, 0.0, decay, -h, noise, 0.0])
        return np.array([h * decay, -h * h, h * noise, decay, -h, noise, 0.0])

    def describe(self, *, with_step: bool = True) -> str:
        """Return the dynamics in words, with the step or as the diffusion that it approximates."""
        by = f"{self.integrator}, " if with_step else ""
        words = f"underdamped ({by}friction {self.friction:.4g}){_step(self, with_step)}"
        return f"{words}, inverse temperature {self.beta:g}"


Dynamics: TypeAlias = Overdamped | NonReversible | Underdamped


def _step(dynamics: Dynamics, shown: bool) -> str:
    return f", step {dynamics.step_size:.4g}" if shown else ""


def check_dynamics(dynamics: object) -> None:
    """Raise InvalidInputError unless an object is one of the three dynamics."""
    if not isinstance(dynamics, Overdamped | NonReversible | Underdamped):
        raise InvalidInputError(
            "dynamics must be Overdamped, NonReversible or Underdamped", type(dynamics).__name__
        )


def _ornstein_uhlenbeck(h: float, gamma: float, beta: float) -> Vector:
    """Return the coefficients of a step under a constant force."""
    t = gamma * h
    decay = np.exp(-t)
    first = -np.expm1(-t) / gamma
    # series for small t, where the formulas subtract nearly equal numbers
    small = t < 1e-2
    second = (h * h * (0.5 - t / 6 + t * t / 24)) if small else (t + np.expm1(-t)) / gamma**2
    spread = (
        h**2 * t * (2 / 3 - t / 2 + 7 * t * t / 30)
        if small
        else (2 * t - 3 + 4 * decay - decay**2) / gamma**2
    )
    both, velocity = np.expm1(-t) ** 2 / gamma, -np.expm1(-2 * t)
    noise_x = np.sqrt(spread / beta)
    noise_1 = both / beta / noise_x
    return np.array(
        [
            first,
            -second,
            noise_x,
            decay,
            -first,
            noise_1,
            np.sqrt(max(velocity / beta - noise_1**2, 0.0)),
        ]
    )
