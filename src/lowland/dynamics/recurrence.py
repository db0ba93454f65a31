"""How fast Langevin dynamics forgets where it started in a well: norms, bounds, and the recurrence time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import check_positive
from lowland.dynamics.antisymmetric import drift_rate
from lowland.dynamics.hessians import check_dimension, check_well
from lowland.dynamics.laws import Dynamics, NonReversible, Underdamped, check_dynamics

# friction counts as critical within this share, and eigenvectors as independent below this condition number
CRITICAL, INDEPENDENT = 1e-9, 1e8
# the theorem's slack: half the rate is kept for what is not quadratic, an eighth of the radius for noise
HALF, EIGHTH = 2.0, 8.0


@public("lowland.dynamics")
def decay_norm(dynamics: Dynamics, hessian: Matrix, time: float) -> float:
    """Return the norm of exp(-t A): the most by which noiseless dynamics in a well scales a distance.

    Parameters
    ----------
    dynamics : Overdamped, NonReversible or Underdamped
        Its step size and temperature do not matter.
    hessian : array_like, shape (d, d)
        H, symmetric positive definite; second derivatives of the potential at the bottom of the well.
    time : float
        t, not negative.

    Returns
    -------
    float
        Spectral norm, with A = H, (I + J) H, or [[friction, H], [-I, 0]] for velocities and positions
        together. Computed in O(d^3).

    Raises
    ------
    InvalidInputError
        If the Hessian is not symmetric positive definite, or sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.dynamics import Overdamped, Underdamped, decay_norm
    >>> H = np.diag([0.01, 1.0])
    >>> round(decay_norm(Overdamped(0.1, beta=1), H, 100.0), 4)  # exp(-1)
    0.3679
    >>> round(decay_norm(Underdamped(0.1, beta=1, friction=0.2), H, 100.0), 4)  # inertia: 100 times exp(-10)
    0.0046
    """
    from scipy.linalg import expm

    H, values = _well(dynamics, hessian)
    _check_time(time)
    if not isinstance(dynamics, Underdamped):
        return float(np.linalg.norm(expm(-time * _turned(dynamics, H)), 2))
    # one 2 x 2 block per eigenvector of H
    blocks = [expm(-time * np.array([[dynamics.friction, value], [-1.0, 0.0]])) for value in values]
    return float(max(np.linalg.norm(block, 2) for block in blocks))


@public("lowland.dynamics")
def decay_bound(dynamics: Dynamics, hessian: Matrix, time: float) -> float:
    """Return the published bound on `decay_norm`, in closed form.

    Parameters
    ----------
    dynamics, hessian, time
        As in `decay_norm`; with inertia, friction is at most twice the root of the smallest curvature.

    Returns
    -------
    float
        exp(-m t) for overdamped dynamics, m the smallest curvature; C exp(-m_J t) for non-reversible ones, C
        the condition number of the eigenvectors of (I + J) H and m_J the rate; with inertia, at critical
        friction the root of C + 2 + (m + 1)^2 t^2 times exp(-sqrt(m) t), C the largest (1 + l)^2 / (l - m)
        over the other curvatures l; below it (1 + M) / sqrt(m (1 - c^2)) exp(-sqrt(m) c t), c the share of
        the critical one.

    Raises
    ------
    InvalidInputError
        As `decay_norm`.
    UnsupportedError
        If friction is larger, or eigenvectors are not independent, as at the smallest optimal J.

    References
    ----------
    X. Gao, M. Gurbuzbalaban, L. Zhu, Breaking reversibility accelerates Langevin dynamics for non-convex
    optimization, NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.dynamics import Underdamped, decay_bound, decay_norm
    >>> moves, H = Underdamped(0.1, beta=1, friction=0.2), np.diag([0.01, 1.0])
    >>> 0.95 < decay_norm(moves, H, 100.0) / decay_bound(moves, H, 100.0) < 1
    True
    """
    _check_time(time)
    return _DecayBound.of(dynamics, hessian).at(time)


@public("lowland.dynamics")
def recurrence_time(dynamics: Dynamics, hessian: Matrix, *, distance: float, radius: float) -> float:
    """Return the time after which a path that started near a minimum has left, or is back and stays for long.

    Parameters
    ----------
    dynamics, hessian
        As in `decay_bound`.
    distance : float
        R, of the start from the minimum, at most.
    radius : float
        r, of the neighbourhood.

    Returns
    -------
    float
        (2 / m) log(8 R / r) for overdamped dynamics. For the others, in the same way, twice the time from
        which `decay_bound` stays below r / (8 R): half the rate is kept for what is not quadratic, and most
        of the radius for noise. 0 if r is that large already.

    Raises
    ------
    InvalidInputError, UnsupportedError
        As `decay_bound`.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.dynamics import Overdamped, Underdamped, recurrence_time
    >>> H = np.diag([0.01, 1.0])
    >>> moves = Overdamped(0.1, beta=1), Underdamped(0.1, beta=1, friction=0.2)
    >>> [round(recurrence_time(own, H, distance=1.0, radius=1.0)) for own in moves]
    [416, 124]
    """
    check_positive("distance", distance)
    check_positive("radius", radius)
    level, bound = radius / (EIGHTH * distance), _DecayBound.of(dynamics, hessian)
    low, high = 0.0, bound.falls_from
    if bound.at(high) <= level and bound.at(0.0) <= level:
        return 0.0
    while bound.at(high) > level or high == 0:
        low, high = high, 2 * high or 1.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if bound.at(middle) > level else (low, middle)
    return HALF * high


@final
@dataclass(frozen=True)
class _DecayBound:
    """The square root of constant + growth t^2, times exp(-rate t)."""

    constant: float
    growth: float
    rate: float

    @classmethod
    def of(cls, dynamics: Dynamics, hessian: Matrix) -> _DecayBound:
        """Return the published bound for a dynamics in a well, or raise UnsupportedError."""
        H, values = _well(dynamics, hessian)
        m = float(values[0])
        if isinstance(dynamics, NonReversible):
            condition = float(np.linalg.cond(np.linalg.eig(_turned(dynamics, H))[1]))
            if not condition < INDEPENDENT:
                raise UnsupportedError(
                    "the bound needs independent eigenvectors of (I + J) H",
                    f"condition number {condition:.3g}",
                    fix="use a slightly larger J, or decay_norm",
                )
            return cls(condition**2, 0.0, drift_rate(H, dynamics.antisymmetric))
        if not isinstance(dynamics, Underdamped):
            return cls(1.0, 0.0, m)
        root = float(np.sqrt(m))
        share = dynamics.friction / (2 * root)
        if share > 1 + CRITICAL:
            raise UnsupportedError(
                "the bound holds for a friction of at most twice the root of the smallest curvature",
                f"friction {dynamics.friction:g}, smallest curvature {m:g}",
                fix=f"use a friction of at most {2 * root:.6g}, or decay_norm",
            )
        if share < 1 - CRITICAL:
            return cls((1 + float(values[-1])) ** 2 / (m * (1 - share**2)), 0.0, root * share)
        others = values[values > m * (1 + CRITICAL)]
        return cls(float(((1 + others) ** 2 / (others - m)).max(initial=0.0)) + 2, (m + 1) ** 2, root)

    def at(self, time: float) -> float:
        """Return the bound at a time."""
        return float(np.sqrt(self.constant + self.growth * time**2) * np.exp(-self.rate * time))

    @property
    def falls_from(self) -> float:
        """The time from which on it falls: the square root may grow before the exponential overtakes it."""
        share = self.constant * self.rate**2 / self.growth if self.growth else np.inf
        return float((1 + np.sqrt(1 - 4 * share)) / (2 * self.rate)) if 4 * share < 1 else 0.0


def _check_time(time: float) -> None:
    if not 0 <= time < np.inf:
        raise InvalidInputError("time must be finite and not negative", repr(time))


def _well(dynamics: Dynamics, hessian: Matrix) -> tuple[Matrix, Vector]:
    """Return the Hessian of a dynamics' well, and its eigenvalues, ascending."""
    check_dynamics(dynamics)
    H, values, _ = check_well(hessian)
    check_dimension(dynamics, H)
    return H, values


def _turned(dynamics: Dynamics, H: Matrix) -> Matrix:
    J = dynamics.antisymmetric
    return H if J is None else H + J @ H
