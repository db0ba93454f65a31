"""The asymptotic Eyring-Kramers law for mean exit times over saddles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.wording import InCode, Remedy
from lowland.dynamics.exits.escape_checks import ends_elsewhere
from lowland.dynamics.hessians import check_dimension, check_hessian
from lowland.dynamics.laws import Dynamics, Underdamped, check_dynamics
from lowland.dynamics.potentials import Potential

# largest gradient of a stationary point, relative to the curvature times one plus the point's norm
_STATIONARY = 1e-4


@public("lowland.dynamics")
def unstable_rate(hessian: Matrix, dynamics: Dynamics) -> float:
    """Return the rate at which the noiseless dynamics leaves a saddle.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        Symmetric; second derivatives of the potential at the saddle.
    dynamics : Overdamped, NonReversible or Underdamped
        The step and the temperature are not used.

    Returns
    -------
    float
        The mu of `kramers_time`, per unit of the dynamics' time: small deviations grow as exp(mu t).

    Raises
    ------
    InvalidInputError
        Unless the Hessian is symmetric with exactly one negative eigenvalue, and `dynamics` is one of the
        three.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.dynamics import Overdamped, Underdamped, unstable_rate
    >>> saddle = np.diag([-1.0, 2.0])
    >>> unstable_rate(saddle, Overdamped(0.01, beta=8))
    1.0
    >>> round(unstable_rate(saddle, Underdamped(0.01, beta=8, friction=1.5)), 6)
    0.5
    """
    check_dynamics(dynamics)
    H = check_hessian(hessian)
    check_dimension(dynamics, H)
    values = np.linalg.eigvalsh(H)
    if np.sum(values < 0) != 1:
        raise InvalidInputError(
            "the Hessian at a saddle must have exactly one negative eigenvalue",
            f"{int(np.sum(values < 0))} negative eigenvalues",
        )
    steep = -float(values[0])
    if isinstance(dynamics, Underdamped):
        return float(2 * steep / (dynamics.friction + np.sqrt(dynamics.friction**2 + 4 * steep)))
    J = dynamics.antisymmetric
    if J is None:
        return steep
    return -float(np.linalg.eigvals(H + J @ H).real.min())


@public("lowland.dynamics")
def kramers_time(potential: Potential, minimum: ArrayLike, saddle: ArrayLike, dynamics: Dynamics) -> float:
    """Return the mean time to leave a minimum over a saddle by the Eyring-Kramers law.

    ``tau = (2 pi / mu) sqrt(|det H_s| / det H_a) exp(beta (F_s - F_a))``, with mu the rate at which the
    noiseless dynamics leaves the saddle. It is asymptotic in beta, for exits well past the saddle: at
    barriers of two to six times the temperature it is off by 8 to 25 per cent. For underdamped dynamics it
    ignores the turnover at small friction, where energy is exchanged slowly; see `advise_dynamics`.

    Parameters
    ----------
    potential : Potential
        With energies.
    minimum : array_like, shape (d,)
    saddle : array_like, shape (d,), or a sequence of them
        Exit rates over several saddles add up.
    dynamics : Overdamped, NonReversible or Underdamped
        The step is not used.

    Returns
    -------
    float
        In units of the dynamics' time; an estimate.

    Raises
    ------
    InvalidInputError
        If a point is not stationary or of the wrong kind, or descent from a saddle does not end in the
        minimum on either side.

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well")
    >>> round(ll.dynamics.kramers_time(well, [-1.0], [0.0], ll.dynamics.Overdamped(0.01, beta=8)), 3)
    32.829

    References
    ----------
    H. Eyring, J. Chem. Phys. 1935; H. Kramers, Physica 1940; F. Bouchet, J. Reygner, Generalisation of the
    Eyring-Kramers transition rate formula to irreversible diffusion processes, Ann. Henri Poincare 2016.
    """
    check_dynamics(dynamics)
    value = energies_of(potential)
    low = np.atleast_1d(np.asarray(minimum, dtype=float))
    saddles = _as_points(saddle, low.size)
    H = stationary_hessian(potential, low, "minimum")
    values = np.linalg.eigvalsh(H)
    if values[0] <= 0:
        raise InvalidInputError("the given minimum is not a minimum", f"smallest curvature {values[0]:.3g}")
    energy = float(value(low[None])[0])
    rate = 0.0
    for point in saddles:
        Hs = stationary_hessian(potential, point, "saddle")
        mu = unstable_rate(Hs, dynamics)
        if ends := ends_elsewhere(potential, low, point):
            raise InvalidInputError(
                "the saddle does not bound the well of the minimum",
                f"descent from it ends at {' and '.join(np.array2string(end, precision=4) for end in ends)}",
                fix="give a saddle from which one side descends into that minimum",
            )
        height = float(value(point[None])[0]) - energy
        if height <= 0:
            raise InvalidInputError("the saddle lies below the minimum", f"by {-height:.3g}")
        size = np.sum(np.log(values)) - np.sum(np.log(np.abs(np.linalg.eigvalsh(Hs))))
        rate += mu / (2 * np.pi) * np.exp(size / 2 - dynamics.beta * height)
    return float(1 / rate) if rate > 0 else float("inf")


def lowest_barrier(potential: Potential, minimum: Vector) -> float:
    """Return the height of the lowest known saddle that bounds a well; infinite if none is known."""
    if potential.value is None:
        return float("inf")
    known = [point for point in potential.saddles if not ends_elsewhere(potential, minimum, point)]
    energies = potential.value(np.vstack([minimum, *known]))
    return float(np.min(energies[1:], initial=np.inf) - energies[0])


def energies_of(potential: Potential) -> Callable[[Matrix], Vector]:
    """Return the energies of points as a function, or raise InvalidInputError if a potential has none."""
    value: Callable[[Matrix], Vector] | None = getattr(potential, "value", None)
    if value is None:
        raise InvalidInputError(
            "the Eyring-Kramers law needs a potential with energies",
            type(potential).__name__,
            fix=Remedy(
                InCode('pass ll.dynamics.Potential(..., value=...), or ll.dynamics.potential("double_well")'),
                "give a potential with energies",
            ),
        )
    return value


def stationary_hessian(potential: Potential, point: Vector, name: str) -> Matrix:
    """Return the Hessian at a point, or raise InvalidInputError if it is not stationary."""
    if point.size != potential.dimension or not np.all(np.isfinite(point)):
        raise InvalidInputError(
            f"the {name} must have {potential.dimension} finite coordinates", f"{point.size} given"
        )
    H = np.asarray(potential.hessian_at(point))
    slope = float(np.linalg.norm(potential.gradient_at(point)))
    if not slope <= _STATIONARY * float(np.abs(H).max()) * (1 + float(np.linalg.norm(point))):
        raise InvalidInputError(
            f"the {name} is not a stationary point",
            f"gradient of norm {slope:.3g}",
            fix="refine it with Newton steps",
        )
    return H


def _as_points(saddle: ArrayLike, dimension: int) -> Sequence[Vector]:
    points = np.atleast_1d(np.asarray(saddle, dtype=float))
    points = points[None] if points.ndim == 1 else points
    if points.ndim != 2 or points.shape[1] != dimension:
        raise InvalidInputError(
            f"a saddle must have {dimension} coordinates, several saddles one row each",
            f"shape {np.shape(saddle)}",
        )
    return list(points)
