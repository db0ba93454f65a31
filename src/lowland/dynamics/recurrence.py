"""How fast Langevin dynamics forgets where it started in a well: norms, bounds, and the recurrence time."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import check_positive
from lowland.dynamics.antisymmetric import drift_rate
from lowland.dynamics.hessians import check_dimension, check_hessian
from lowland.dynamics.laws import Dynamics, NonReversible, Underdamped, check_dynamics

# friction counts as critical within this share, and eigenvectors as independent below this condition number
CRITICAL, INDEPENDENT = 1e-9, 1e8
# the theorem's slack: half the rate is kept for what is not quadratic, an eighth of the radius for noise
HALF, EIGHTH = 2.0, 8.0


def decay_norm(dynamics: Dynamics, hessian: Matrix, time: float) -> float:
    """Return by how much the noiseless dynamics of a well shrinks a distance at most: the norm of exp(-t A).

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

    H = _well(dynamics, hessian)
    if not 0 <= time < np.inf:
        raise InvalidInputError("time must be finite and not negative", repr(time))
    if not isinstance(dynamics, Underdamped):
        return float(np.linalg.norm(expm(-time * _turned(dynamics, H)), 2))
    # one 2 x 2 block per eigenvector of H
    blocks = [
        expm(-time * np.array([[dynamics.friction, value], [-1.0, 0.0]])) for value in np.linalg.eigvalsh(H)
    ]
    return float(max(np.linalg.norm(block, 2) for block in blocks))


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
    H = _well(dynamics, hessian)
    if not 0 <= time < np.inf:
        raise InvalidInputError("time must be finite and not negative", repr(time))
    values = np.linalg.eigvalsh(H)
    m = float(values[0])
    if isinstance(dynamics, NonReversible):
        condition = float(np.linalg.cond(np.linalg.eig(_turned(dynamics, H))[1]))
        if not condition < INDEPENDENT:
            raise UnsupportedError(
                "the bound needs independent eigenvectors of (I + J) H",
                f"condition number {condition:.3g}",
                fix="use a slightly larger J, or decay_norm",
            )
        return condition * float(np.exp(-drift_rate(H, dynamics.J) * time))
    if not isinstance(dynamics, Underdamped):
        return float(np.exp(-m * time))
    share = dynamics.friction / (2 * np.sqrt(m))
    if share > 1 + CRITICAL:
        raise UnsupportedError(
            "the bound holds for a friction of at most twice the root of the smallest curvature",
            f"friction {dynamics.friction:g}, smallest curvature {m:g}",
            fix=f"use a friction of at most {2 * np.sqrt(m):.6g}, or decay_norm",
        )
    if share < 1 - CRITICAL:
        constant = (1 + float(values[-1])) / np.sqrt(m * (1 - share**2))
        return float(constant * np.exp(-np.sqrt(m) * share * time))
    others = values[values > m * (1 + CRITICAL)]
    constant = float(((1 + others) ** 2 / (others - m)).max(initial=0.0))
    return float(np.sqrt(constant + 2 + (m + 1) ** 2 * time**2) * np.exp(-np.sqrt(m) * time))


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
    level = radius / (EIGHTH * distance)

    def is_above(time: float) -> bool:
        return decay_bound(dynamics, hessian, time) > level

    # bounds fall, once the factor that grows with time has been overtaken: from there on they are halved
    low, high = 0.0, _turning_time(dynamics, hessian)
    if not is_above(high) and not is_above(0.0):
        return 0.0
    while is_above(high) or high == 0:
        low, high = high, 2 * high or 1.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if is_above(middle) else (low, middle)
    return HALF * high


def _turning_time(dynamics: Dynamics, hessian: Matrix) -> float:
    """Return the time from which on `decay_bound` falls."""
    if not isinstance(dynamics, Underdamped):
        return 0.0
    m = float(np.linalg.eigvalsh(_well(dynamics, hessian))[0])
    # at critical friction the square root of a + (m + 1)^2 t^2 may grow before the exponential overtakes it
    a = decay_bound(dynamics, hessian, 0.0) ** 2
    share = a * m / (m + 1) ** 2
    if abs(dynamics.friction / (2 * np.sqrt(m)) - 1) > CRITICAL or 4 * share >= 1:
        return 0.0
    return float((1 + np.sqrt(1 - 4 * share)) / (2 * np.sqrt(m)))


def _well(dynamics: Dynamics, hessian: Matrix) -> Matrix:
    check_dynamics(dynamics)
    H = check_hessian(hessian)
    check_dimension(dynamics, H)
    smallest = float(np.linalg.eigvalsh(H)[0])
    if smallest <= 0:
        raise InvalidInputError(
            "hessian must be positive definite",
            f"smallest eigenvalue {smallest:.3g}",
            fix="evaluate it at a minimum",
        )
    return H


def _turned(dynamics: Dynamics, H: Matrix) -> Matrix:
    J = dynamics.antisymmetric
    return H if J is None else H + J @ H
