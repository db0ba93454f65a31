"""Sampling and rare exits end to end: checks, defaults, and the wiring to a potential."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.dynamics import Dynamics, check_dynamics
from lowland.core.errors import InvalidInputError
from lowland.core.exits import Ball, HalfSpace
from lowland.core.random import RandomSource, make_generator
from lowland.landscape.escape import check_basin, check_start
from lowland.landscape.kramers import stationary_hessian
from lowland.landscape.sampling import LangevinSample, draw_chains
from lowland.landscape.splitting import Splitting, SplittingStudy, split_exits
from lowland.systems.escape import as_potential

# thermal deviations from the minimum at which an excursion begins
_SURFACE = 1.5


def sample_langevin(
    potential: Any,
    start: Any,
    dynamics: Dynamics,
    *,
    n_chains: int = 8,
    n_draws: int = 1000,
    thin: int = 10,
    warm_up: int | None = None,
    rng: RandomSource = None,
) -> LangevinSample:
    """Draw from exp(-beta F) by Langevin chains.

    Parameters
    ----------
    potential : Potential, str, objective or callable
    start : array_like, shape (d,) or (n_chains, d)
    dynamics : Overdamped, NonReversible or Underdamped
        `Overdamped(..., metropolis=True)` has no bias of the step; it needs energies.
    n_chains, n_draws, thin : int
        Chains, draws of each, and steps between two draws.
    warm_up : int, optional
        Steps before the first draw; by default a tenth of all.
    rng : int, Generator or None

    Returns
    -------
    LangevinSample

    Raises
    ------
    InvalidInputError
        If the step is unstable at the start, or Metropolis steps lack energies.

    Examples
    --------
    >>> import lowland as ll
    >>> sample = ll.sample_langevin("quadratic", [0.0], ll.Underdamped(0.5, beta=1, friction=1), rng=0)
    >>> mean, error = sample.mean(lambda x: x[:, 0] ** 2)
    >>> abs(mean - 1) < 4 * error
    True
    """
    check_dynamics(dynamics)
    for name, number in (("n_chains", n_chains), ("n_draws", n_draws), ("thin", thin)):
        if not isinstance(number, int | np.integer) or number < 1:
            raise InvalidInputError(f"{name} must be a positive whole number", repr(number))
    points = np.atleast_1d(np.asarray(start, dtype=float))
    points = np.tile(points, (n_chains, 1)) if points.ndim == 1 else points
    landscape = as_potential(potential, points.shape[1])
    if dynamics.metropolis and landscape.value is None:
        raise InvalidInputError("Metropolis-adjusted steps need energies", "potential.value is None")
    check_start(landscape, points, lambda x: np.zeros(len(x), bool), dynamics)
    steps = n_draws * thin // 10 if warm_up is None else warm_up
    key = int(make_generator(rng).integers(2**63))
    return draw_chains(landscape, points, dynamics, n_draws=n_draws, thin=thin, warm_up=steps, key=key)


def split_escape(  # noqa: PLR0913
    potential: Any,
    minimum: Any,
    *,
    exit: HalfSpace | Ball,
    dynamics: Dynamics,
    progress: Callable[[Matrix], Vector] | None = None,
    levels: tuple[float, float, float] | None = None,
    n_walkers: int = 500,
    n_runs: int = 16,
    n_excursions: int = 2000,
    rng: RandomSource = None,
) -> SplittingStudy:
    """Estimate a mean exit time that is too long to wait for, by adaptive multilevel splitting.

    Parameters
    ----------
    potential : Potential, str, objective or callable
    minimum : array_like, shape (d,)
    exit : HalfSpace or Ball
        Better well past the saddle: crossings between two steps are not counted here.
    dynamics : Overdamped, NonReversible or Underdamped
    progress : callable, optional
        Takes points (n, d), returns how far they are on the way out, rising to 0 at the exit set. By default
        the distance to the exit set, negative. Any choice is right on average; a good one has less spread.
    levels : tuple of float, optional
        Progress at which an excursion is over, at which one begins, and at which it has left. By default
        that of the minimum, one and a half thermal deviations from it, and 0.
    n_walkers, n_runs, n_excursions : int
        Paths of a run, independent runs, and excursions observed for their mean length.
    rng : int, Generator or None

    Returns
    -------
    SplittingStudy

    Notes
    -----
    The mean exit time is the mean length of an excursion over the probability that one leaves, for as long as
    excursions forget each other; the length of the last one is neglected. The step's bias remains.

    References
    ----------
    F. Cerou, A. Guyader, Adaptive multilevel splitting for rare event analysis, Stoch. Anal. Appl. 2007;
    F. Cerou et al., A multiple replica approach to simulate reactive trajectories, J. Chem. Phys. 2011.

    Examples
    --------
    >>> import lowland as ll
    >>> study = ll.split_escape(
    ...     "double_well", [-1.0], exit=ll.HalfSpace([1.0], 0.7), dynamics=ll.Overdamped(0.02, beta=20),
    ...     n_walkers=200, n_runs=8, n_excursions=400, rng=0,
    ... )
    >>> low, high = study.interval(0.999)
    >>> low < 718 < high
    True
    """
    check_dynamics(dynamics)
    if dynamics.metropolis:
        raise InvalidInputError(
            "Metropolis-adjusted steps are no paths of the diffusion", dynamics.describe()
        )
    if not isinstance(exit, HalfSpace | Ball):
        raise InvalidInputError("exit must be a HalfSpace or a Ball", type(exit).__name__)
    for name, number, least in (
        ("n_walkers", n_walkers, 8),
        ("n_runs", n_runs, 2),
        ("n_excursions", n_excursions, 2),
    ):
        if not isinstance(number, int | np.integer) or number < least:
            raise InvalidInputError(f"{name} must be a whole number of at least {least}", repr(number))
    low = np.atleast_1d(np.asarray(minimum, dtype=float))
    landscape = as_potential(potential, low.size)
    check_start(landscape, low, exit, dynamics)
    check_basin(landscape, low, exit)

    def nearness(x: Matrix) -> Vector:
        return -exit.distance(x)

    way = nearness if progress is None else progress
    chosen = _levels(landscape, low, way, dynamics.beta) if levels is None else levels
    plan = Splitting(way, chosen, n_walkers, n_runs, n_excursions)
    return split_exits(landscape, low, dynamics, plan, make_generator(rng))


def _levels(landscape: Any, low: Vector, progress: Any, beta: float) -> tuple[float, float, float]:
    """Return progress at the minimum, at some thermal deviations from it, and at the exit."""
    H = stationary_hessian(landscape, low, "minimum")
    steps = 1e-4 * np.maximum(np.abs(low), 1.0)
    up, down = (progress(low + sign * np.diag(steps)) for sign in (1, -1))
    slope = (up - down) / (2 * steps)
    spread = float(np.sqrt(slope @ np.linalg.solve(H, slope) / beta))
    if spread == 0:  # a ball about the minimum: its radius is no smooth function there
        spread = float(np.sqrt(np.trace(np.linalg.inv(H)) / beta))
    home = float(progress(low[None])[0])
    if home == 0 or home + _SURFACE * spread >= 0:
        raise InvalidInputError(
            "the exit set is within reach of thermal motion",
            f"{-home / spread:.2g} deviations away",
            fix="time exits directly with escape_times",
        )
    return home, home + _SURFACE * spread, 0.0
