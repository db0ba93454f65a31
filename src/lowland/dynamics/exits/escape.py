"""Exit times end to end: potential from a name, function or objective; checks, chains, extrapolation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, whole_number
from lowland.core.promises.objectives import Objective
from lowland.core.random import RandomSource, make_generator
from lowland.core.running.progress import OnProgress
from lowland.dynamics.antisymmetric import drift_rate
from lowland.dynamics.closed_forms import potential
from lowland.dynamics.exit_sets import ExitSet
from lowland.dynamics.exits.escape_checks import check_basin as refuse_outside
from lowland.dynamics.exits.escape_checks import check_paths, check_start
from lowland.dynamics.exits.exit_simulation import EscapeStudy, Watch, simulate_exits, with_half_step
from lowland.dynamics.laws import Dynamics, Underdamped
from lowland.dynamics.potentials import Potential, objective_potential

# the law within a basin counts as settled after so many relaxation times
_RELAXATIONS, _ENERGY = 10.0, 5.0
_DEFAULT_CHAINS = 1000


# what users may pass as a potential: also a name, an objective, or a gradient of points (n, d)
PotentialLike = Potential | str | Objective | Callable[..., Matrix]


def as_potential(source: PotentialLike, dimension: int) -> Potential:
    """Return the potential that a user passed: as a Potential, a name, an objective, or a gradient."""
    if isinstance(source, Potential):
        return source
    if isinstance(source, str):
        return _by_name(source, dimension)
    if callable(getattr(source, "hessian_product", None)):
        return objective_potential(cast(Objective, source))
    if callable(source):
        return Potential("function", dimension, source)
    raise InvalidInputError(
        "potential must be a name, a Potential, an objective, or a gradient of points (n, d)",
        type(source).__name__,
    )


def _by_name(name: str, dimension: int) -> Potential:
    if name == "double_well" and dimension > 1:
        return potential(name, transverse=np.ones(dimension - 1))
    if name in ("many_wells", "rugged"):
        return potential(name, dimension=dimension)
    if name == "quadratic":
        return potential(name, hessian=np.ones(dimension))
    return potential(name)


@public("lowland.dynamics")
def escape_times(  # noqa: PLR0913
    potential: PotentialLike,
    start: ArrayLike,
    *,
    exit: ExitSet,
    dynamics: Dynamics,
    n_chains: int | None = None,
    max_time: float | None = None,
    max_gradient_calls: float = 1e9,
    bridge: bool = True,
    extrapolate: bool = False,
    relaxation: float | None = None,
    check_basin: bool = True,
    rng: RandomSource = None,
    on_progress: OnProgress | None = None,
) -> EscapeStudy:
    """Measure how long Langevin dynamics takes to leave a basin.

    Parameters
    ----------
    potential : Potential, str, objective or callable
        A `Potential`, the name of a closed form, any objective, or a gradient of points (n, d).
    start : array_like, shape (d,) or (n_chains, d)
        Where chains start.
    exit : HalfSpace, Ball or callable
        Where they end; a function takes points (n, d) and returns booleans (n,).
    dynamics : Overdamped, NonReversible or Underdamped
    n_chains : int, optional
        1000 by default, or as many as `start` has rows.
    max_time : float, optional
        When observation ends. By default it ends when all have left or `max_gradient_calls` are used.
    max_gradient_calls : float
        Limit on the steps of all chains together, for each step size.
    bridge : bool
        Count paths of the diffusion that cross into a half-space or ball and come back within one step, with
        the probability of a Brownian bridge. Without it exits are detected late.
    extrapolate : bool
        Also run at half the step, and extrapolate the mean to step 0.
    relaxation : float, optional
        Time after which exits are exponential, used where chains are censored; by default ten times the
        relaxation time of the well at the start, where that is a minimum, and with inertia no less than five
        times the inverse friction, over which energy settles. Chains observed for less give no mean.
    check_basin : bool
        Refuse a start from which descent runs into the exit set.
    rng : int, Generator or None
        The same seed gives the same bits on any number of threads.
    on_progress : callable, optional
        Called from time to time with the number of chains that left, of all chains, and the seconds so far.

    Returns
    -------
    EscapeStudy
        Times, mean with its interval, numbers of censored and diverged chains.

    Raises
    ------
    InvalidInputError
        If the start lies in the exit set or outside the basin, the step is unstable, or a gradient is not
        finite.

    Notes
    -----
    A step costs one gradient for each chain: about 7 ns in two dimensions for closed forms. The
    probability of a crossing between x and x' at distances s and s' from the set is exp(-beta s s' / h);
    the boundary of a ball is treated as flat. Ctrl-C ends observation and returns the study so far.

    References
    ----------
    E. Gobet, Weak approximation of killed diffusion using Euler schemes, Stoch. Process. Appl. 2000.

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, escape_times
    >>> study = escape_times(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.01, beta=4),
    ...     n_chains=2000, rng=0,
    ... )
    >>> study.left, study.censored, 11 < study.mean < 14
    (2000, 0, True)
    """
    check_paths(dynamics)
    points = start_points(start, n_chains)
    for name, number in (("max_time", max_time), ("max_gradient_calls", max_gradient_calls)):
        if number is not None and number != np.inf:
            check_positive(name, number)
    landscape = as_potential(potential, points.shape[1])
    check_start(landscape, points, exit, dynamics)
    if check_basin:
        refuse_outside(landscape, points[0], exit)
    entry = settling_time(landscape, points[0], dynamics) if relaxation is None else float(relaxation)
    if not 0 <= entry < np.inf:
        raise InvalidInputError("relaxation must be finite and not negative", repr(relaxation))
    keys = make_generator(rng).integers(0, 2**63, size=2)

    watch = Watch(exit, max_time, max_gradient_calls, entry, bridge, on_progress)

    def study(moves: Dynamics, k: int, horizon: float | None) -> EscapeStudy:
        # the finer of two runs is observed for as long as the coarser, whatever the cost
        limits = watch if horizon is None else replace(watch, max_time=horizon, max_gradient_calls=np.inf)
        return simulate_exits(landscape, points, moves, limits, int(keys[k]))

    return with_half_step(study, dynamics) if extrapolate else study(dynamics, 0, None)


def start_points(start: ArrayLike, n_chains: int | None) -> Matrix:
    """Return where each chain starts, shape (chains, d): one point for all, or one row per chain."""
    if n_chains is not None:
        whole_number(n_chains, "n_chains", 1)
    points = np.asarray(start)
    if points.dtype.kind not in "biuf":
        raise InvalidInputError("start must be real numbers", f"dtype {points.dtype}")
    points = np.atleast_1d(points).astype(float)
    if points.ndim == 1:
        return np.tile(points, (_DEFAULT_CHAINS if n_chains is None else n_chains, 1))
    if points.ndim != 2 or not points.size or n_chains not in (None, len(points)):
        raise InvalidInputError(
            "start must be one point, or one row per chain", f"shape {points.shape} for {n_chains} chains"
        )
    return points


def settling_time(landscape: Potential, start: Vector, dynamics: Dynamics) -> float:
    """Return ten relaxation times of the well at the start, 0 if the start is not in a well."""
    if landscape.stochastic and landscape.hessian is None:
        return 0.0
    H = landscape.hessian_at(start)
    if np.linalg.eigvalsh(H)[0] <= 0:
        return 0.0
    settled = _RELAXATIONS / drift_rate(H, dynamics.antisymmetric)
    if not isinstance(dynamics, Underdamped):
        return settled
    # energy relaxes over 1/friction; a strongly damped position over friction/curvature
    return max(settled, _ENERGY / dynamics.friction, settled * dynamics.friction)
