"""`escape_dichotomy`, `well_dichotomy`: paths that leave a minimum soon, stay for long, or do neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.parameter_checks import check_positive, check_share, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.shown import Shown
from lowland.core.results.status import Verdict
from lowland.dynamics.exit_sets import Ball
from lowland.dynamics.exits.escape import PotentialLike, as_potential, escape_times, start_points
from lowland.dynamics.exits.exit_simulation import EscapeStudy
from lowland.dynamics.exits.kramers import stationary_hessian
from lowland.dynamics.exits.well_exits import exits_around
from lowland.dynamics.hessians import check_well
from lowland.dynamics.laws import Dynamics
from lowland.dynamics.recurrence import recurrence_time
from lowland.landscape.proportions import share_interval

CHAINS = 10_000


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class DichotomyStudy(Shown):
    """How many paths left the neighbourhood of a minimum before the recurrence time, or only long after it.

    Parameters
    ----------
    left_early, left_late, stayed : int
        Paths that left before the recurrence time, between it and the end, and not at all.
    recurrence_time, end : float
        In the dynamics' time.
    radius : float
        Of the neighbourhood.
    dynamics : Overdamped, NonReversible or Underdamped
    exits : EscapeStudy or None
        The times of simulated paths; None if paths were drawn from the law of a quadratic well.

    Examples
    --------
    >>> import lowland as ll
    >>> study = ll.dynamics.escape_dichotomy(
    ...     "double_well", [-1.0], radius=0.8, dynamics=ll.dynamics.Overdamped(0.01, beta=8), duration=300.0,
    ...     n_chains=500, rng=0,
    ... )
    >>> low, high = study.interval(0.99)
    >>> low < study.share < high < 0.95, study.holds(delta=0.05).value
    (True, 'refuted')
    """

    left_early: int
    left_late: int
    stayed: int
    recurrence_time: float
    end: float
    radius: float
    dynamics: Dynamics
    exits: EscapeStudy | None = None

    @property
    def paths(self) -> int:
        """Number of paths."""
        return self.left_early + self.left_late + self.stayed

    @property
    def bias(self) -> str:
        """What biases the counts, in words."""
        if self.exits is None:
            return "no step: paths are drawn from the law of the quadratic well"
        return f"the step of {self.dynamics.step_size:.4g} biases what is counted: compare with a tenth of it"

    @property
    def share(self) -> float:
        """Share of the paths that left early or stayed."""
        return (self.left_early + self.stayed) / self.paths

    def interval(self, level: float = 0.99) -> tuple[float, float]:
        """Return a Clopper-Pearson interval of the probability of leaving early or staying."""
        check_share("level", level)
        return share_interval(self.left_early + self.stayed, self.paths, level)

    def holds(self, delta: float, level: float = 0.99) -> Verdict:
        """Return whether the probability is at least 1 - delta, by one-sided intervals of a level.

        Parameters
        ----------
        delta, level : float
            Between 0 and 1.

        Returns
        -------
        Verdict
            SUPPORTED if the lower end is at least 1 - delta, REFUTED if the upper one is less, else
            INCONCLUSIVE: of simulated paths, whose steps are finite.
        """
        check_share("delta", delta)
        check_share("level", level)
        low, high = self.interval(2 * level - 1) if level > 1 / 2 else (0.0, 1.0)
        if low >= 1 - delta:
            return Verdict.SUPPORTED
        return Verdict.REFUTED if high < 1 - delta else Verdict.INCONCLUSIVE

    def _lines(self) -> list[str]:
        low, high = self.interval()
        return [
            self.dynamics.describe(with_step=self.exits is not None),
            f"of {self.paths:,} paths {self.left_early:,} were farther than {self.radius:g} before time "
            f"{self.recurrence_time:.4g}, and {self.stayed:,} not until {self.end:.4g}",
            f"probability of one or the other {self.share:.4f}, 99 % interval {low:.4f} to {high:.4f}",
            self.bias,
        ]


@public("lowland.dynamics")
def escape_dichotomy(
    potential: PotentialLike,
    minimum: ArrayLike,
    *,
    radius: float,
    dynamics: Dynamics,
    duration: float,
    start: ArrayLike | None = None,
    n_chains: int | None = None,
    rng: RandomSource = None,
) -> DichotomyStudy:
    """Measure how often a path near a minimum leaves before the recurrence time, or stays long after it.

    At low temperature, one or the other is nearly sure: within the recurrence time a path that is not about
    to leave has come down, and then it stays for a time that grows exponentially with beta.

    Parameters
    ----------
    potential : Potential, str, objective or callable
        As in `escape_times`.
    minimum : array_like, shape (d,)
    radius : float
        Of the neighbourhood of the minimum.
    dynamics : Overdamped, NonReversible or Underdamped
        With inertia, friction is at most critical (`recurrence_time`).
    duration : float
        For how long paths must stay from the recurrence time on.
    start : array_like, shape (d,) or (n_chains, d), optional
        Where paths start, within the neighbourhood; by default at the minimum.
    n_chains : int, optional
        10,000 by default, or as many as `start` has rows.
    rng : int, Generator or None

    Returns
    -------
    DichotomyStudy

    Raises
    ------
    InvalidInputError
        If a path starts outside the neighbourhood, or the minimum is none.
    LowlandError
        If observation was interrupted before the end.

    Notes
    -----
    The recurrence time is that of `recurrence_time` at the minimum's Hessian, for the distance of the
    farthest start, or the radius if all start at the minimum. The step biases what is counted, most for paths
    without inertia: compare with a tenth of it.

    References
    ----------
    B. Tzen, T. Liang, M. Raginsky, Local optimality and generalization guarantees for the Langevin algorithm
    via empirical metastability, COLT 2018; X. Gao, M. Gurbuzbalaban, L. Zhu, Breaking reversibility
    accelerates Langevin dynamics for non-convex optimization, NeurIPS 2020.

    Examples
    --------
    >>> import lowland as ll
    >>> study = ll.dynamics.escape_dichotomy(
    ...     "double_well", [-1.0], radius=0.8, dynamics=ll.dynamics.Overdamped(0.01, beta=60), duration=50.0,
    ...     n_chains=500, rng=0,
    ... )
    >>> study.holds(delta=0.05).value, study.left_early + study.left_late + study.stayed
    ('supported', 500)
    """
    check_positive("radius", radius)
    check_positive("duration", duration)
    centre: Vector = np.atleast_1d(np.asarray(minimum, float))
    at = centre if start is None else np.asarray(start)
    points = start_points(at, CHAINS if n_chains is None and at.ndim < 2 else n_chains)
    landscape = as_potential(potential, centre.size)
    farthest = _within(float(np.linalg.norm(points - centre, axis=1).max()), radius)
    soon = recurrence_time(
        dynamics, stationary_hessian(landscape, centre, "minimum"), distance=farthest or radius, radius=radius
    )
    exits = escape_times(
        landscape,
        points,
        exit=Ball(centre, radius),
        dynamics=dynamics,
        max_time=soon + duration,
        max_gradient_calls=np.inf,
        relaxation=soon,
        check_basin=False,
        rng=rng,
    )
    if exits.censored and exits.horizon < (soon + duration) * (1 - 1e-6) - dynamics.step_size:
        raise LowlandError("observation ended before the duration had passed", exits.message)
    # diverged paths left, too
    gone = exits.status != 0
    early = int(np.sum(gone & (exits.times <= soon)))
    late = int(gone.sum()) - early
    return DichotomyStudy(early, late, int(np.sum(~gone)), soon, soon + duration, radius, dynamics, exits)


@public("lowland.dynamics")
def well_dichotomy(
    hessian: ArrayLike,
    start: ArrayLike | None = None,
    *,
    radius: float,
    dynamics: Dynamics,
    duration: float,
    n_chains: int = CHAINS,
    rng: RandomSource = None,
) -> DichotomyStudy:
    """Measure the same as `escape_dichotomy` in a quadratic well, whose law is known: without a step.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        Symmetric positive definite.
    start : array_like, shape (d,), optional
        Where paths start, relative to the minimum and within the radius; by default at the minimum.
    radius : float
        Of the neighbourhood of the minimum.
    dynamics : Overdamped, NonReversible or Underdamped
        Its step size is not used. With inertia, friction is at most critical, and velocities start from the
        invariant law.
    duration : float
        For how long paths must stay from the recurrence time on.
    n_chains : int
    rng : int, Generator or None

    Returns
    -------
    DichotomyStudy
        Without `exits`: where within the two spans of time a path leaves is not looked for.

    Raises
    ------
    InvalidInputError
        If a path starts outside the neighbourhood, or the Hessian is not positive definite.
    UnsupportedError
        As `recurrence_time`.
    TooLargeError
        If the duration is so long that one path does not fit in memory.

    Notes
    -----
    States at successive times are drawn from their normal law, and intervals in which a path may have left in
    between are halved until that is settled: what is left open has chances below 1e-9 per interval, and the
    finest intervals are judged as those of a Brownian bridge or a straight line.

    References
    ----------
    As `escape_dichotomy`.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> H = np.diag([0.1, 1.0])
    >>> moves = ll.dynamics.Overdamped(1.0, beta=320)
    >>> study = ll.dynamics.well_dichotomy(
    ...     H, [0.3, 0.3], radius=1.0, dynamics=moves, duration=200.0, n_chains=500, rng=0
    ... )
    >>> study.holds(delta=0.02).value, study.paths, study.exits
    ('supported', 500, None)
    """
    check_positive("radius", radius)
    check_positive("duration", duration)
    whole_number(n_chains, "n_chains", 1)
    H = check_well(np.asarray(hessian, float))[0]
    at = np.zeros(len(H)) if start is None else check_floats(start, "start", dtype="float64")
    if at.shape != (len(H),):
        raise InvalidInputError("start must have one number per row of the Hessian", f"shape {at.shape}")
    distance = _within(float(np.linalg.norm(at)), radius)
    soon = recurrence_time(dynamics, H, distance=distance or radius, radius=radius)
    counts = exits_around(
        dynamics,
        H,
        at,
        radius=radius,
        soon=soon,
        duration=duration,
        n_chains=n_chains,
        rng=make_generator(rng),
    )
    return DichotomyStudy(*counts, soon, soon + duration, radius, dynamics)


def _within(distance: float, radius: float) -> float:
    """Return the distance at which paths start, or raise unless it is less than the radius."""
    if not distance < radius:
        raise InvalidInputError(
            "paths must start within the neighbourhood",
            f"distance {distance:.4g}, radius {radius:g}",
            fix="start closer, or use a larger radius",
        )
    return distance
