"""Dynamics that leave a well with the fewest gradient evaluations: friction, J and step for a saddle."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.exits.kramers import energies_of, kramers_time, stationary_hessian, unstable_rate
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.potentials import Potential
from lowland.dynamics.quadratic_wells import linear_step, stable_step

# fraction of the largest stable step: variances are then a few per cent off
_CAUTION = {"overdamped": 0.1, "non-reversible": 0.1, "underdamped": 0.3}
# action of one oscillation at the barrier height, in units of barrier over frequency: exact for a cubic
_ACTION = 7.2
# smaller curvatures, relative to the largest, count as zero modes
_FLAT = 1e-8
# smaller biases of variances are rounding
_ROUNDING = 1e-9
_FRICTIONS = np.geomspace(1e-3, 1e3, 601)


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Suggestion(Shown):
    """Recommended dynamics for a well and a saddle, with the expected exit time and cost.

    Parameters
    ----------
    dynamics : Dynamics
    time : float
        Expected mean exit time, an asymptotic estimate.
    gradient_calls : float
        Expected steps until a chain leaves.
    variance_bias : float
        Largest relative error of a variance in the well due to the step size.
    caveat : str

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well")
    >>> for found in ll.dynamics.advise_dynamics(well, [-1.0], [0.0], beta=8):
    ...     print(found.dynamics.name, round(found.gradient_calls, -1), found.variance_bias < 0.2)
    underdamped 110.0 True
    overdamped 330.0 True
    """

    dynamics: Dynamics
    time: float
    gradient_calls: float
    variance_bias: float
    caveat: str

    @property
    def percent_off(self) -> str:
        """The bias of variances in per cent; bias at the level of rounding counts as zero."""
        return f"{100 * self.variance_bias if self.variance_bias > _ROUNDING else 0:.2g} %"

    def _lines(self) -> list[str]:
        return [
            f"{self.dynamics.describe()}: mean exit time about {self.time:.4g}, {self.gradient_calls:.3g} "
            f"gradients per chain (variances off by {self.percent_off}); {self.caveat}"
        ]


@public("lowland.dynamics")
def advise_dynamics(
    potential: Potential, minimum: ArrayLike, saddle: ArrayLike, *, beta: float
) -> tuple[Suggestion, ...]:
    """Return one dynamics of each kind for a well and its saddle, fewest gradient evaluations first.

    Times follow the Eyring-Kramers law; for underdamped dynamics the time of the slow energy exchange at
    small friction is added, without which zero friction would look best. All are estimates: measure with
    `escape_times` before relying on one.

    Parameters
    ----------
    potential : Potential
        With energies.
    minimum, saddle : array_like, shape (d,)
    beta : float
        Inverse temperature.

    Returns
    -------
    tuple of Suggestion

    Examples
    --------
    >>> import lowland as ll
    >>> well = ll.dynamics.potential("double_well")
    >>> best = ll.dynamics.advise_dynamics(well, [-1.0], [0.0], beta=8)[0]
    >>> best.dynamics.name
    'underdamped'

    References
    ----------
    P. Hanggi, P. Talkner, M. Borkovec, Reaction-rate theory: fifty years after Kramers, Rev. Mod. Phys. 1990.
    """
    value = energies_of(potential)
    low = np.atleast_1d(np.asarray(minimum, dtype=float))
    top = np.atleast_1d(np.asarray(saddle, dtype=float))
    if top.shape != low.shape:
        raise InvalidInputError(
            "saddle must be one saddle",
            f"shape {top.shape}",
            fix="pass the lowest; exit rates over several saddles add up",
        )
    H = stationary_hessian(potential, low, "minimum")
    values = np.linalg.eigvalsh(H)
    if values[0] < _FLAT * values[-1]:
        raise InvalidInputError(
            "the potential is flat in some direction at the minimum",
            f"curvatures from {values[0]:.3g} to {values[-1]:.3g}",
        )
    made: list[tuple[Dynamics, float, str]] = []
    plain = _with_step(Overdamped(1.0, beta), H)
    made.append((plain, kramers_time(potential, low, saddle, plain), "reversible"))
    Hs = np.asarray(potential.hessian_at(top))
    height = float(value(top[None])[0] - value(low[None])[0])
    if low.size > 1:
        turned = _with_step(NonReversible(1.0, beta, _best_turn(H, Hs)), H)
        made.append(
            (
                turned,
                kramers_time(potential, low, saddle, turned),
                "J chosen among multiples of the optimal one for the well",
            )
        )
    made.append(_best_friction(H, Hs, height, beta))
    suggestions = [
        Suggestion(dynamics, time, time / dynamics.step_size, _variance_bias(dynamics, H), caveat)
        for dynamics, time, caveat in made
    ]
    return tuple(sorted(suggestions, key=lambda s: s.gradient_calls))


def _with_step(dynamics: Dynamics, H: Matrix) -> Dynamics:
    step = _CAUTION[dynamics.name] * stable_step(dynamics, H)
    moves: Dynamics = dataclasses.replace(dynamics, step_size=step)
    return moves


def _variance_bias(dynamics: Dynamics, H: Matrix) -> float:
    exact = np.diag(np.linalg.inv(H)) / dynamics.beta
    return float(np.abs(np.diag(linear_step(dynamics, H).covariance()) / exact - 1).max())


def _best_turn(H: Matrix, Hs: Matrix) -> Matrix:
    """Return the multiple of the optimal J with the largest rate over the saddle times its stable step."""
    J = optimal_antisymmetric(H)
    if not np.any(J):  # equal curvatures: any J is as good for the well
        J = np.zeros_like(H)
        J[0, 1], J[1, 0] = 1.0, -1.0

    def worth(scale: float) -> float:
        turn = scale * J
        rate = -float(np.linalg.eigvals(Hs + turn @ Hs).real.min())
        return float(rate * stable_step(NonReversible(1.0, 1.0, turn), H))

    scales = np.geomspace(0.01, 4.0, 30)
    turn: Matrix = max((float(s) for s in scales), key=worth) * J
    return turn


def _best_friction(H: Matrix, Hs: Matrix, height: float, beta: float) -> tuple[Dynamics, float, str]:
    frequency = float(np.sqrt(np.linalg.eigvalsh(H)[0]))
    action = _ACTION * height / frequency
    sizes = (float(np.sum(np.log(np.abs(np.linalg.eigvalsh(M))))) for M in (Hs, H))
    ratio = np.exp((next(sizes) - next(sizes)) / 2)

    def scaled_time(friction: float) -> float:
        """Return the time over exp(beta height): to cross the saddle, plus to gain the energy for it."""
        over = 2 * np.pi * ratio / unstable_rate(Hs, Underdamped(1.0, beta, friction))
        # exit rate if every path that reaches the barrier height left: transition state theory
        return float(over + 2 * np.pi / (frequency * friction * beta * action))

    friction = min((float(f) for f in _FRICTIONS), key=scaled_time)
    dynamics = _with_step(Underdamped(1.0, beta, friction), H)
    with np.errstate(over="ignore"):
        time = float(scaled_time(friction) * np.exp(beta * height))
    return dynamics, time, "friction at the estimated turnover"
